# SPDX-License-Identifier: GPL-2.0-or-later
"""What is written to the mailing list? The verdict as a reply to the mail it is about. Pure.

Prose has 72 columns; the last line, `crosscheck-verdict: {…}`, is for programs.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.fingerprint import fingerprint, shortened
from pipeline.model import Outcome, Reply, Verdict
from pipeline.report import digest
from pipeline.report.addressing import (
    EVERYONE,
    Audience,
    answered,
    recipients,
    sender_address,
)
from pipeline.report.compare import compare, sentences
from pipeline.report.cost_digest import digest_costs
from pipeline.report.headline import headline, patch_name
from pipeline.report.json import SCHEMA_VERSION
from pipeline.report.mailing import LINE_BYTES, answering
from pipeline.report.wording import clock, count, one_line, snippet, wrapped

#: Who a reply is from where nobody said.
SENDER = "crosscheck <crosscheck@localhost>"
#: How much of what a tool said goes into a mail; all of it is in the JSON.
DETAIL_LINES = 20
INHERITED_MOST = 8
NOT_COVERED_MOST = 20
#: How the end of the text begins; what tools said is indented, and cannot say it.
_REPRODUCE = "\nTo reproduce (run "
#: How the plan says that a check was left out, followed by those that were asked for.
_UNASKED = "not asked for: --check "

_LEGEND = (
    ("PASS", "nothing new"),
    ("WARN", "new warnings"),
    ("FAIL", "new failures"),
    ("ERROR", "could not be judged"),
    ("SKIP", "not run"),
    ("-", "not planned"),
)


def _table(verdict: Verdict) -> str:
    head = ("target", *digest.columns(verdict))
    rows = [(name, *(str(cell or "-") for cell in cells)) for name, cells in digest.grid(verdict)]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = (
        "  " + "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True))
        for row in (head, *rows)
    )
    return "\n".join(line.rstrip() for line in lines)


def _legend(verdict: Verdict) -> str:
    shown = {str(cell or "-") for _, cells in digest.grid(verdict) for cell in cells}
    return "; ".join(f"{name}: {meaning}" for name, meaning in _LEGEND if name in shown) + "."


def _patch(verdict: Verdict, told: digest.Told) -> str:
    """Which patch it is of, unless there is only one."""
    n, patches = told.finding.patch, verdict.series.patches
    if len(patches) == 1:
        return ""
    subject = next((patch.subject for patch in patches if patch.n == n), None)
    if n is None or subject is None:
        return ", by a patch that could not be told"
    return f', {patch_name(verdict, n)} ("{one_line(subject)}")'


def _ids(told: Iterable[digest.Told]) -> dict[digest.Told, str]:
    """What to call each of TOLD in a command."""
    prints = {item: fingerprint(item.targets[0], item.check, item.finding) for item in told}
    short = shortened(prints.values())
    return {item: f" [id {short[each]}]" for item, each in prints.items()}


def _run_again(verdict: Verdict, tree: str) -> str:
    """The command line that does it again with TREE: the same checks, and the targets to see."""
    shown = [row.target for row in verdict.targets if row.outcome is verdict.outcome]
    some = shown if verdict.outcome is not Outcome.PASS else []
    base = verdict.base
    words = ["crosscheck", "run", *shlex.split(verdict.series.source)]
    words += ["--tree", tree, *(() if base.others else ("--base", base.commit))]
    words += [word for target in some for word in ("--target", target)]
    asked = next((why for _, why in verdict.skipped if why.startswith(_UNASKED)), "")
    words += ["--check", asked.removeprefix(_UNASKED)] if asked else []
    return shlex.join(words)


def _reproduce(verdict: Verdict) -> str:
    rows = verdict.targets
    first = next((row.target for row in rows if row.outcome is verdict.outcome), None)
    return shlex.join(["crosscheck", "reproduce", verdict.run, first]) if first else ""


def _machine_line(verdict: Verdict) -> str:
    """The line for programs; without the targets where it would be longer than a mail's may."""
    facts: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "run": verdict.run,
        "outcome": str(verdict.outcome),
        "base": verdict.base.commit,
    }
    targets = {row.target: str(row.outcome) for row in verdict.targets}
    name = "crosscheck-verdict: "
    line = name + json.dumps({**facts, "targets": targets}, separators=(",", ":"))
    if len(line) <= LINE_BYTES:
        return line
    return name + json.dumps(facts, separators=(",", ":"))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=False,  # noqa: S701 (plain text; `wording.clean` is what guards it)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counted": count,
        "wrap": wrapped,
        "one_line": one_line,
        "snippet": snippet,
    }
    return environment


def _text(verdict: Verdict, earlier: Verdict | None, list_address: str) -> str:
    since = compare(earlier, verdict) if earlier else None
    new = digest.new_findings(verdict)
    ids = _ids(new) if list_address else {}
    inherited = digest.inherited(verdict)
    known = digest.known(verdict)
    uncovered = verdict.not_covered
    return (
        _environment()
        .get_template("reply.txt.j2")
        .render(
            verdict=verdict,
            headline=headline(verdict),
            table=_table(verdict),
            legend=_legend(verdict),
            findings=[(told, _patch(verdict, told), ids.get(told, "")) for told in new],
            detail_lines=DETAIL_LINES,
            since=since.since if since else "",
            fates=sentences(since) if since else (),
            costs=digest_costs(verdict),
            errors=digest.troubles(verdict, Outcome.ERROR),
            skips=digest.troubles(verdict, Outcome.SKIP),
            inherited=inherited[:INHERITED_MOST],
            inherited_more=count(len(inherited) - INHERITED_MOST, "other")
            if len(inherited) > INHERITED_MOST
            else "",
            known=known[:INHERITED_MOST],
            known_more=count(len(known) - INHERITED_MOST, "other")
            if len(known) > INHERITED_MOST
            else "",
            not_covered=[digest.uncovered(place) for place in uncovered[:NOT_COVERED_MOST]],
            not_covered_more=count(len(uncovered) - NOT_COVERED_MOST, "more place")
            if len(uncovered) > NOT_COVERED_MOST
            else "",
            left_out=digest.left_out(verdict),
            base=digest.base(verdict),
            took=clock(verdict.seconds),
            # Our trees and runs are nothing to a list.
            run_again=_run_again(verdict, "linux" if list_address else verdict.base.tree),
            reproduce="" if list_address else _reproduce(verdict),
            list_address=list_address,
            machine_line=_machine_line(verdict),
        )
    )


def to_reply(
    verdict: Verdict,
    sender: str = SENDER,
    *,
    now: float,
    earlier: Verdict | None = None,
    audience: Audience = EVERYONE,
) -> Reply:
    """VERDICT as a mail from SENDER (`Name <address>`), dated NOW (seconds since the epoch).

    It says what has become of the findings of EARLIER, the verdict of an earlier version.

    It answers the mail of the guilty patch where exactly one is to blame, else the cover
    letter or the first mail; a series from a git range is answered to its author, in no
    thread. FOR_LIST: commands are heeded where it goes, and each finding has a name for them.
    Raises InputError if SENDER is no address.
    """
    ours = sender_address(sender)
    letter = answered(verdict)
    to, cc = recipients(letter, verdict.series.author, ours, audience, verdict.series)
    text, mark, end = _text(verdict, earlier, audience.list_address).rpartition(_REPRODUCE)
    return answering(
        replace(letter, subject=letter.subject or verdict.series.subject),
        text,
        end=mark + end,
        name=verdict.run,
        sender=ours,
        to=to,
        cc=cc,
        now=now,
    )
