# SPDX-License-Identifier: GPL-2.0-or-later
"""How do a plan, the runs and the targets look as lists? Pure: gives text without colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

from rich.text import Text

from pipeline.model import Base, LeftOut, Plan, Series, Target
from pipeline.report.terminal import columns_table, plain
from pipeline.report.wording import clean, clipped, clock, count, one_line
from pipeline.toolchain import compiler


class RunEntry(Protocol):
    """A run in a list. OUTCOME is "" without a verdict; CREATED_AT is in seconds since 1970."""

    @property
    def run(self) -> str: ...  # noqa: D102
    @property
    def created_at(self) -> float: ...  # noqa: D102
    @property
    def subject(self) -> str: ...  # noqa: D102
    @property
    def outcome(self) -> str: ...  # noqa: D102


class ToolEntry(Protocol):
    """A tool in a list. VERSION is "" where it is missing, FAULT where it works."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> str: ...  # noqa: D102
    @property
    def purpose(self) -> str: ...  # noqa: D102
    @property
    def fault(self) -> str: ...  # noqa: D102


class SourceEntry(Protocol):
    """A source of mail. ERROR is "" where nothing is wrong."""

    @property
    def source(self) -> str: ...  # noqa: D102
    @property
    def read_at(self) -> float: ...  # noqa: D102
    @property
    def error(self) -> str: ...  # noqa: D102


class SubmissionEntry(Protocol):
    """A series that came by mail."""

    @property
    def list(self) -> str: ...  # noqa: D102
    @property
    def created_at(self) -> float: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def run(self) -> str: ...  # noqa: D102
    @property
    def author(self) -> str: ...  # noqa: D102
    @property
    def version(self) -> int: ...  # noqa: D102
    @property
    def subject(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


def _rows(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    table = columns_table(*heads)
    for row in rows:
        table.add_row(*(Text(one_line(word)) for word in row))
    return plain(table, width=4096)


def _left_out(left_out: Iterable[LeftOut]) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for left in left_out:
        by_reason.setdefault(one_line(left.reason), []).append(left.target or left.arch)
    return [f"  {', '.join(names)}: {reason}" for reason, names in by_reason.items()]


def render_plan(plan: Plan, series: Series, base: Base) -> str:
    """What would run on what, and why; what would not, and why."""
    version = f" (v{series.version})" if series.version > 1 else ""
    lines = [
        f"{one_line(series.subject)}{version}, {count(len(series.patches), 'patch')}"
        if len(series.patches) == 1
        else f"{one_line(series.subject)}{version}, {len(series.patches)} patches",
        f"  by {one_line(series.author)}",
        f"base {one_line(base.commit)[:12]} ({one_line(base.reason)})",
        *(f"  {one_line(note)}" for note in (*base.notes, *series.notes)),
        "",
    ]
    if plan.targets:
        heads = ("target", "arch", "checks", "reason")
        rows = ((p.target.name, p.target.arch, ", ".join(p.checks), p.reason) for p in plan.targets)
        lines += [_rows(heads, rows)]
    else:
        lines += ["No target is affected: nothing would be built.", ""]
    if plan.skipped:
        lines += ["Skipped on all targets:"]
        lines += [f"  {check}: {one_line(reason)}" for check, reason in plan.skipped]
        lines += [""]
    if plan.left_out:
        lines += ["Left out:", *_left_out(plan.left_out), ""]
    lines += [f"{count(len(plan.jobs), 'job')} on {count(len(plan.targets), 'target')}."]
    return "\n".join(lines) + "\n"


def _ago(seconds: float) -> str:
    """How long ago, in the largest unit that fits."""
    for unit_s, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= unit_s:
            return f"{count(int(seconds // unit_s), unit)} ago"
    return "just now"


def render_runs(runs: Iterable[RunEntry], now: float) -> str:
    """The runs, in the order given, as seen at NOW (seconds since the epoch)."""
    rows = [
        (run.run, _ago(now - run.created_at), run.outcome or "unfinished", run.subject)
        for run in runs
    ]
    return _rows(("run", "began", "outcome", "subject"), rows) if rows else "No runs yet.\n"


def _size(size_bytes: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size_bytes < 1024:
            return f"{size_bytes:.0f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} GiB"


def render_kept(
    kept: Iterable[tuple[Path, int, float]], top: Path, limit_bytes: int, now: float
) -> str:
    """What is kept below TOP, in the order given, as seen at NOW (seconds since the epoch).

    KEPT has a place, its size in bytes and when it was last used, in seconds since the epoch.
    """
    kept = tuple(kept)
    rows = [
        (str(place.relative_to(top)), _size(size), _ago(now - used)) for place, size, used in kept
    ]
    total = _size(sum(size for _, size, _ in kept))
    table = _rows(("kept", "size", "used"), rows) + "\n" if rows else ""
    return f"{table}{total} of at most {_size(limit_bytes)} in {top}.\n"


def render_known(known: Iterable[tuple[str, str, str, float, str, str, str]], now: float) -> str:
    """Known findings in the order given, as seen at NOW (seconds since the epoch).

    KNOWN has an id, a target, a check, when it expires, who said so, a link and a summary.
    """
    rows = [
        (id_, target, check, f"{max(0.0, until - now) / 86_400:.0f} days", by, link, summary)
        for id_, target, check, until, by, link, summary in known
    ]
    heads = ("id", "target", "check", "for", "by", "link", "finding")
    return _rows(heads, rows) if rows else "No finding is known.\n"


def render_sources(sources: Iterable[SourceEntry], now: float) -> str:
    """Sources of mail, as seen at NOW (seconds since the epoch)."""
    rows = [(each.source, _ago(now - each.read_at), each.error or "-") for each in sources]
    return _rows(("source", "read", "trouble"), rows) + "\n" if rows else ""


def render_submissions(submissions: Iterable[SubmissionEntry], now: float) -> str:
    """Series that came by mail, in the order given, as seen at NOW (seconds since the epoch)."""
    rows = [
        (
            *(each.list, _ago(now - each.created_at), each.state, each.run or "-"),
            *(each.author, f"v{each.version}", each.subject, each.reason or "-"),
        )
        for each in submissions
    ]
    heads = ("list", "came", "state", "run", "author", "version", "subject", "reason")
    return _rows(heads, rows) if rows else "No series came by mail yet.\n"


def render_targets(targets: Iterable[Target]) -> str:
    """The targets of the matrix, with what they need to be installed."""
    rows = ((t.name, t.arch, compiler(t), " ".join(t.packages) or "-") for t in targets)
    return _rows(("target", "arch", "compiler", "packages"), rows)


def render_tools(tools: Iterable[ToolEntry], remedy: Iterable[str]) -> str:
    """Every tool, with its version and purpose, and how to mend what is missing."""
    rows = [
        (tool.name, "does not work" if tool.fault else tool.version or "MISSING", tool.purpose)
        for tool in tools
    ]
    mend = [f"  {one_line(line)}" for line in remedy]
    end = ["Nothing is missing."] if not mend else ["To mend what is missing:", *mend]
    return _rows(("tool", "version", "purpose"), rows) + "\n" + "\n".join(end) + "\n"


class WorkEntry(Protocol):
    """A job that a worker does. STARTED_AT is in seconds since 1970."""

    @property
    def worker(self) -> str: ...  # noqa: D102
    @property
    def run(self) -> str: ...  # noqa: D102
    @property
    def job(self) -> str: ...  # noqa: D102
    @property
    def doing(self) -> str: ...  # noqa: D102
    @property
    def started_at(self) -> float: ...  # noqa: D102


def render_workers(
    workers: Iterable[tuple[str, str, float, Mapping[str, Iterable[str]]]],
    work: Iterable[WorkEntry],
    now: float,
) -> str:
    """(name, version, when it was seen, targets by runtime) of each worker, and what it does."""
    does = {entry.worker: entry for entry in work}
    rows = []
    for name, version, seen_at, can in workers:
        job = does.get(name)
        now_does = "waits for a job"
        if job:
            spent = clock(max(0.0, now - job.started_at))
            now_does = f"{job.run} {job.job} {job.doing} {spent}"
        able = "; ".join(f"{runtime}: {', '.join(targets)}" for runtime, targets in can.items())
        rows.append((name, version, f"{max(0.0, now - seen_at):.0f} s ago", now_does, able))
    if not rows:
        return "No worker lives; `crosscheck worker` starts one.\n"
    return _rows(("worker", "version", "seen", "does", "can do"), rows)


def _to(recipients: tuple[str, ...]) -> str:
    first = recipients[0] if recipients else "nobody"
    return f"{first} and {count(len(recipients) - 1, 'other')}" if recipients[1:] else first


def render_outbox(
    mails: Iterable[tuple[str, str, float, str, tuple[str, ...], str, str]], now: float
) -> str:
    """(name, state, when it was made, list, recipients, subject, why) of each mail, in one line."""
    rows = [
        (name, state, _ago(now - made), of, _to(to), clipped(one_line(subject), 60), why or "-")
        for name, state, made, of, to, subject, why in mails
    ]
    heads = ("mail", "state", "made", "list", "to", "subject", "why")
    return _rows(heads, rows) if rows else "Nothing waits to be sent.\n"


def render_mail(facts: Mapping[str, str], message: bytes) -> str:
    """FACTS about a mail, and the MESSAGE itself, which can play no tricks on a terminal."""
    lines = [f"{name + ':':7}{one_line(text) or '-'}\n" for name, text in facts.items()]
    return "".join(lines) + "\n" + clean(message.decode("utf-8", "replace"))
