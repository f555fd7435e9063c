# SPDX-License-Identifier: GPL-2.0-or-later
"""How does a verdict look on a terminal, or in a file? Pure but for `print_verdict`.

`view` gives what rich can print; `plain` makes text without colours of it, in which no line
is broken, so that it can be searched. Nothing here reads rich's markup: what compilers and
mails say is shown as it is, less control characters.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.model import Outcome, Verdict
from pipeline.report import digest
from pipeline.report.compare import compare, sentences
from pipeline.report.cost_digest import CostDigest, digest_costs
from pipeline.report.headline import headline, patch_name
from pipeline.report.wording import clock, count, one_line, snippet

DETAIL_LINES = 12

STYLES = {
    Outcome.PASS: "green",
    Outcome.WARN: "yellow",
    Outcome.FAIL: "bold red",
    Outcome.ERROR: "bold magenta",
    Outcome.SKIP: "dim",
}


#: Columns of tables where there is no terminal.
_WIDTH = 100


def plain(what: RenderableType, width: int = _WIDTH) -> str:
    """WHAT as text for a file or a pipe: no colours, no line broken or padded."""
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, force_terminal=False)
    console.print(what, soft_wrap=True, markup=False, highlight=False)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def outcome_text(outcome: Outcome | None) -> Text:
    """The outcome's name in its colour; `-` for what was not planned."""
    return Text(str(outcome), STYLES[outcome]) if outcome else Text("-", "dim")


def columns_table(*heads: str) -> Table:
    """A table without lines, its columns under HEADS; the last one takes what room is left."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads[:-1]:
        table.add_column(head, no_wrap=True)
    table.add_column(heads[-1], overflow="fold")
    return table


def _table(verdict: Verdict) -> Table:
    table = columns_table("target", *digest.columns(verdict))
    for name, cells in digest.grid(verdict):
        table.add_row(Text(name), *(outcome_text(cell) for cell in cells))
    return table


def _line(*parts: str | tuple[str, str]) -> Text:
    return Text.assemble(*parts)


def _heading(words: str) -> Text:
    return Text(f"\n{words}", "bold")


def _finding(verdict: Verdict, told: digest.Told) -> Iterator[Text]:
    finding = told.finding
    name = str(finding.severity)
    where = f" {told.check} on {', '.join(told.targets)}"
    by = f" ({patch_name(verdict, finding.patch)})" if finding.patch else ""
    yield _line("  ", (name, STYLES[finding.severity]), where, by)
    yield _line("    ", (f"{told.place}: " if told.place else "", "bold"), told.summary)
    if told.detail_of and finding.detail:
        yield Text(f"      (on {told.detail_of})", "dim")
    for line in snippet(finding.detail, DETAIL_LINES):
        yield Text(f"      {line}", "dim")


def _findings(verdict: Verdict) -> Iterator[Text]:
    told = digest.new_findings(verdict)
    if told:
        yield _heading("New with this series")
    for item in told:
        yield from _finding(verdict, item)


def _troubles(verdict: Verdict) -> Iterator[Text]:
    errors = digest.troubles(verdict, Outcome.ERROR)
    if errors or verdict.error:
        yield _heading("Could not be judged, which accuses nobody")
    if verdict.error:
        yield Text(f"  the run: {one_line(verdict.error)}")
    for trouble in errors:
        yield Text(f"  {', '.join(trouble.where)}: {trouble.reason}")
    skips = digest.troubles(verdict, Outcome.SKIP)
    if skips or verdict.skipped:
        yield _heading("Skipped")
    for trouble in skips:
        yield Text(f"  {', '.join(trouble.where)}: {trouble.reason}")
    for check, reason in verdict.skipped:
        yield Text(f"  all targets {check}: {one_line(reason)}")


def _base(verdict: Verdict) -> Iterator[Text]:
    cached = [row.target for row in verdict.targets if any(c.base_cached for c in row.checks)]
    yield _heading("Base")
    yield Text(f"  {digest.base(verdict)}")
    for note in (*verdict.base.notes, *verdict.series.notes):
        yield Text(f"  {one_line(note)}")
    if cached:
        yield Text(f"  seen in an earlier run: {', '.join(cached)}")
    told = digest.inherited(verdict)
    if told:
        yield _heading(f"Inherited from base ({count(len(told), 'finding')}, not new)")
    for item in told:
        place = f"{item.place}: " if item.place else ""
        where = f"{item.check} on {', '.join(item.targets)}"
        yield Text(f"  {where}: {place}{item.summary}")


def _known(verdict: Verdict) -> Iterator[Text]:
    known = digest.known(verdict)
    if known:
        yield _heading("Known (not counted)")
    for item, link in known:
        place = f"{item.place}: " if item.place else ""
        where = f"{item.check} on {', '.join(item.targets)}"
        yield Text(f"  {where}: {place}{item.summary} ({link})")


def _coverage(verdict: Verdict) -> Iterator[Text]:
    if verdict.not_covered or verdict.left_out:
        yield _heading("Not covered")
    for place in verdict.not_covered:
        yield Text(f"  {digest.uncovered(place)}")
    for reason, names in digest.left_out(verdict):
        yield Text(f"  left out: {', '.join(names)}: {reason}")


def _since(verdict: Verdict, earlier: Verdict | None) -> Iterator[Text]:
    comparison = compare(earlier, verdict) if earlier else None
    if comparison and comparison.fates:
        yield _heading(f"Since {comparison.since}")
        for line in sentences(comparison):
            yield Text(f"  {line}")


def _costs(told: CostDigest) -> Iterator[Text]:
    if told.cases or told.gaps or told.nothing:
        yield _heading("Cost, in instructions for one operation, as QEMU counts them")
    if told.nothing:
        yield Text(f"  {told.nothing}")
    for heading, lines in told.cases:
        yield Text(f"  {heading}")
        for line in lines:
            yield Text(f"    {line}")
    if told.more:
        yield Text(f"  ... and {count(told.more, 'other')}")
    for line in told.gaps:
        yield Text(f"  {line}")
    if told.gaps_more:
        yield Text(f"  ... and {count(told.gaps_more, 'other line')} like it")


def _sizes(told: CostDigest) -> Iterator[Text]:
    if told.sizes:
        yield _heading("Size")
    for line in told.sizes:
        yield Text(f"  {line}")
    if told.sizes_more:
        yield Text(f"  ... and {count(told.sizes_more, 'other')}")


def view(verdict: Verdict, earlier: Verdict | None = None) -> RenderableType:
    """VERDICT in full, for rich: the table first, what it comes to last.

    What has become of the findings of EARLIER, if given, comes after the findings.
    """
    told, _, rest = headline(verdict).partition(":")
    last = _line("\n", (told, STYLES[verdict.outcome]), f":{rest}")
    costs = digest_costs(verdict)
    parts = (
        *_findings(verdict),
        *_since(verdict, earlier),
        *_costs(costs),
        *_sizes(costs),
        *_troubles(verdict),
        *_base(verdict),
        *_known(verdict),
        *_coverage(verdict),
    )
    subject = Text(one_line(verdict.series.subject), "bold")
    table = (Text(), _table(verdict)) if verdict.targets else ()
    took = Text(f"Run {one_line(verdict.run)} took {clock(verdict.seconds)}.", "dim")
    return Group(subject, *table, *parts, last, took)


def render_verdict(verdict: Verdict, earlier: Verdict | None = None) -> str:
    """VERDICT in full, as text without colours."""
    return plain(view(verdict, earlier))


def to_text(verdict: Verdict) -> str:
    """VERDICT as `print_verdict` writes it into a file."""
    return plain(view(verdict))


def print_verdict(
    verdict: Verdict, console: Console | None = None, *, earlier: Verdict | None = None
) -> None:
    """Write VERDICT to CONSOLE (stdout by default), in colours if it is a terminal."""
    show(view(verdict, earlier), console)


def show(what: RenderableType, console: Console | None = None, *, width: int = _WIDTH) -> None:
    """Write WHAT to CONSOLE (stdout by default), in colours if it is a terminal.

    Tables have WIDTH columns at most where it is none.
    """
    console = console or Console()
    if console.is_terminal:
        console.print(what, markup=False, highlight=False)
    else:
        console.file.write(plain(what, width))
