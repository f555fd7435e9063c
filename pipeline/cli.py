# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: reads arguments, calls, prints, and says how it went. Thin."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pipeline import doctor as tools
from pipeline import intake, kept
from pipeline.artifacts import open_artifacts
from pipeline.coordinator import ALIVE_S, finished
from pipeline.engine import clean_up
from pipeline.known_cli import known
from pipeline.matrix import load as load_matrix
from pipeline.model import CrosscheckError, InfraError, InputError, Outcome, Step, Verdict
from pipeline.publish import kcidb_report, must_be_set_up, publish
from pipeline.queues import abilities
from pipeline.recheck import compare as compare_builds
from pipeline.recheck import forget, rechecking
from pipeline.report.json import to_json
from pipeline.report.junit import to_junit
from pipeline.report.plain import (
    render_kept,
    render_plan,
    render_runs,
    render_targets,
    render_tools,
    render_workers,
)
from pipeline.report.terminal import print_verdict
from pipeline.report.wording import clean
from pipeline.run_names import run_named
from pipeline.running import RunRequest, execute
from pipeline.serving import Offer, keep_time, serve
from pipeline.settings import RUNTIMES, Settings, load, size_bytes
from pipeline.store import JobRow, Store
from pipeline.temporary import use_temporary_dir
from pipeline.trial import trial

PASSED, FAILED, BAD_INPUT, ERROR = 0, 1, 2, 3

F = TypeVar("F", bound=Callable[..., Any])


def _series_options(command: F) -> F:
    """The arguments that `run` and `plan` share."""
    options = (
        click.argument("series", nargs=-1, required=True),
        click.option(
            "--tree",
            type=click.Path(path_type=Path),
            default=Path(),
            help="Git repository or unpacked source tree (default: here).",
        ),
        click.option("--base", default="", help="Revision to apply the series to."),
        click.option("--version", "version", type=int, help="Which version of the series."),
        click.option("--arch", default="", help="Only these architectures: A,B."),
        click.option("--target", "targets", multiple=True, help="Only this target (repeatable)."),
        click.option("--check", "checks", default="", help="Only these checks: C,D."),
        click.option(
            "--rules",
            type=click.Path(path_type=Path),
            multiple=True,
            help="Symbol rules besides those shipped (repeatable).",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _size(_context: click.Context, _option: click.Parameter, text: str) -> int:
    try:
        return size_bytes(text) if text else 0
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


_cache_size = click.option(
    "--cache-size",
    "cache_bytes",
    callback=_size,
    default="",
    help="How much may be kept, e.g. 20G (default: half of what the disk has left).",
)


_runtime = click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    default=lambda: load().runtime,
    show_default="CROSSCHECK_RUNTIME, else bubblewrap",
    help="What commands are sandboxed with.",
)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _request(asked: dict[str, Any]) -> intake.Request:
    return intake.Request(
        series=asked["series"],
        tree=asked["tree"],
        base=asked["base"],
        version=asked["version"],
        arch=_names(asked["arch"]),
        targets=asked["targets"],
        checks=_names(asked["checks"]),
        rules=asked["rules"],
    )


def _say(line: str) -> None:
    click.echo(f"crosscheck: {line}", err=True)


def _status(verdict: Verdict, *, strict: bool) -> int:
    if verdict.outcome is Outcome.FAIL or (strict and verdict.outcome is Outcome.WARN):
        return FAILED
    return ERROR if verdict.outcome is Outcome.ERROR else PASSED


def _opened() -> tuple[Settings, Store]:
    """The installation, with what killed runs left behind concluded."""
    settings = load()
    store = Store(settings.database_url)
    for run in clean_up(settings, store):
        _say(f"run {run} was cut off earlier; it is concluded as ERROR.")
    return settings, store


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crosscheck")
def cli() -> None:
    """Check a Linux kernel patch series on every architecture that it affects."""
    use_temporary_dir(load())


cli.add_command(known)


@cli.command()
@_series_options
@_runtime
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs side by side (default: cores).")
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--reply", "reply_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--junit", "junit_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--kcidb", "kcidb_file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--publish", is_flag=True, help="Tell the Patchwork and KCIDB that settings name.")
@click.option("--no-cache", is_flag=True, help="Use nothing that is kept: all from nothing.")
@_cache_size
@click.option("--strict", is_flag=True, help="Exit 1 on WARN too.")
def run(**asked: Any) -> None:
    """Build, check and boot SERIES before and after, and say what it changed.

    SERIES is an mbox, patch files, a directory of them, a maildir, - for standard input,
    a git range or revision of --tree, or the Message-ID or lore URL of a mail in its thread.
    """
    settings, store = _opened()
    request = RunRequest(
        what=_request(asked),
        runtime=asked["runtime"],
        jobs=asked["jobs"],
        use_cache=not asked["no_cache"],
        cache_bytes=asked["cache_bytes"],
        json_file=asked["json_file"],
        reply_file=asked["reply_file"],
        junit_file=asked["junit_file"],
        kcidb_file=asked["kcidb_file"],
        publish=asked["publish"],
    )
    verdict = execute(request, settings, store, say=_say)
    sys.exit(_status(verdict, strict=asked["strict"]))


@cli.command()
@_series_options
def plan(**asked: Any) -> None:
    """Say what `run` would do with SERIES, and why. Runs nothing."""
    taken = intake.take_in(_request(asked), load(), _say)
    click.echo(render_plan(taken.plan, taken.series, taken.base), nl=False)


@cli.command()
def runs() -> None:
    """List the latest runs."""
    _, store = _opened()
    click.echo(render_runs(store.runs(), time.time()), nl=False)


@cli.command()
@click.argument("run", default="")
@click.option("--json", "form", flag_value="json", help="As JSON.")
@click.option("--junit", "form", flag_value="junit", help="As JUnit XML.")
@click.option("--kcidb", "form", flag_value="kcidb", help="As a KCIDB report.")
@click.option("--since", default="", help="Compare with this run, of an earlier version.")
def show(run: str, form: str | None, since: str) -> None:
    """Show the verdict of RUN (default: the latest)."""
    settings, store = _opened()
    name = run_named(store, run)
    verdict = store.verdict(name)
    if verdict is None:
        rows = store.jobs(name)
        ready = sum(row.state == "done" for row in rows)
        state = "about to end" if finished(rows) else f"{ready} of {len(rows)} jobs are done"
        click.echo(f"Run {name} is still going: {state}.")
        return
    if form == "json":
        click.echo(to_json(verdict), nl=False)
    elif form == "junit":
        click.echo(to_junit(verdict).encode(), nl=False)
    elif form == "kcidb":
        click.echo(kcidb_report(settings, store, verdict).encode(), nl=False)
    else:
        print_verdict(verdict, earlier=_verdict(store, since) if since else None)


def _verdict(store: Store, run: str) -> Verdict:
    name = run_named(store, run)
    verdict = store.verdict(name)
    if verdict is None:
        raise InputError(f"Run {name} has no verdict yet.")
    return verdict


@cli.command("publish")
@click.argument("run", default="")
def publish_run(run: str) -> None:
    """Tell the Patchwork and KCIDB that settings name the verdict of RUN (default: the latest)."""
    settings, store = _opened()
    must_be_set_up(settings)
    publish(settings, store, _verdict(store, run), _say)


def _cached(row: JobRow) -> bool:
    seen = row.result.observation if row.result else None
    return seen is not None and seen.cached


@cli.command()
@click.argument("run")
@click.argument("target")
@click.argument("check", default="")
def logs(run: str, target: str, check: str) -> None:
    """Print the logs of TARGET in RUN, of CHECK or of all checks."""
    settings, store = _opened()
    artifacts = open_artifacts(settings)
    rows = [row for row in store.jobs(run_named(store, run)) if row.job.target == target]
    if not rows:
        raise InputError(f"Run {run} has no target {target!r}; `crosscheck show {run}` lists them.")
    chosen = [row for row in rows if check in ("", row.job.check) and row.job.step != Step.JUDGE]
    if not chosen:
        names = ", ".join(sorted({row.job.check for row in rows}))
        raise InputError(f"Run {run} has no check {check!r} on {target}; it has {names}.")
    for row in chosen:
        if row.result and row.result.log is None and not (row.result.reason or _cached(row)):
            continue  # nothing was run for it
        click.echo(f"==> {row.job.id} <==")
        if row.result is None:
            click.echo(f"(no log yet: {row.state})")
        elif row.result.log is None:
            why = "seen in an earlier run" if _cached(row) else row.result.reason
            click.echo(f"(no log: {why})")
        else:
            with artifacts.path(row.result.log).open(errors="replace") as log:
                for line in log:  # the series' own code wrote it: it moves no cursor
                    click.echo(clean(line), nl=False)


@cli.command()
@click.argument("run")
@click.argument("target")
def reproduce(run: str, target: str) -> None:
    """Print a shell script that rebuilds and boots TARGET of RUN without crosscheck."""
    settings, store = _opened()
    script = settings.runs_dir / run_named(store, run) / f"reproduce-{target}.sh"
    if not script.exists():
        raise InputError(f"Run {run} has no target {target!r}; `crosscheck show {run}` lists them.")
    click.echo(script.read_text(), nl=False)


@cli.command()
@click.argument("run", default="")
def recheck(run: str) -> None:
    """Build RUN (default: the latest) from nothing, and compare the kernels byte for byte.

    Kept builds that made another kernel are removed, with what was seen of their bases.
    """
    settings, store = _opened()
    name = run_named(store, run)
    again = rechecking(name, settings, store)
    verdict = execute(again, settings, store, say=_say)
    compared = compare_builds(store.jobs(name), store.jobs(verdict.run))
    if verdict.outcome is Outcome.ERROR or not compared.files:
        raise InfraError(
            f"There are no kernels of run {name} to compare with those of {verdict.run}."
        )
    if compared.differ:
        forget(compared.targets, settings, store)
        raise InfraError(
            f"{', '.join(compared.differ)}: not what a build from nothing makes. What was kept for"
            f" {', '.join(compared.targets)} is removed; please report this, with the logs of"
            f" {name} and {verdict.run}."
        )
    click.echo(
        f"The {compared.files} files of the kernels of run {name}"
        f" ({', '.join(compared.targets)}) are what a build from nothing makes."
    )


@cli.command()
def targets() -> None:
    """List the targets of the matrix."""
    click.echo(render_targets(load_matrix(load().matrix).targets), nl=False)


@cli.command()
@click.option("--prune", is_flag=True, help="Make room, down to --cache-size.")
@click.option("--all", "everything", is_flag=True, help="With --prune: keep nothing.")
@_cache_size
def cache(prune: bool, everything: bool, cache_bytes: int) -> None:  # noqa: FBT001
    """List source trees and finished builds that are kept on this machine, the latest first."""
    settings = load()
    roots = settings.kept_dirs
    limit = kept.limit_bytes(roots, cache_bytes or settings.cache_bytes)
    if everything and not prune:
        raise InputError("--all is for --prune: say `crosscheck cache --prune --all`.")
    gone = kept.make_room(roots, 0 if everything else limit) if prune else ()
    for entry in gone:
        _say(f"removed {entry.place}")
    left = ((e.place, e.size_bytes, e.used_at) for e in kept.entries(roots))
    click.echo(render_kept(left, settings.cache_dir, limit, time.time()), nl=False)


@cli.command()
@_runtime
@click.option("--missing-packages", is_flag=True, help="Only the packages to install, one a line.")
def doctor(runtime: str, missing_packages: bool) -> None:  # noqa: FBT001
    """List every tool, its version and purpose, what is missing, and how to install it."""
    settings = load()
    matrix = load_matrix(settings.matrix)
    if missing_packages:
        found = tools.examine(matrix.targets, runtime, sandbox_fault="")
        for package in tools.missing_packages(found):
            click.echo(package)
        return
    found = tools.examine(matrix.targets, runtime, sandbox_fault=trial(runtime)())
    click.echo(render_tools(found, tools.remedy(found)), nl=False)
    if any(tool.missing for tool in found):
        sys.exit(ERROR)


@cli.command()
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Jobs side by side.")
@click.option(
    "--runtime",
    "runtimes",
    type=click.Choice(RUNTIMES),
    multiple=True,
    help="Only jobs for this sandbox (repeatable; default: bubblewrap and docker, if they work).",
)
@click.option("--target", "targets", multiple=True, help="Only jobs of this target (repeatable).")
def worker(jobs: int, runtimes: tuple[str, ...], targets: tuple[str, ...]) -> None:
    """Run jobs of other machines' runs, from CROSSCHECK_REDIS_URL, until stopped."""
    serve(load(), Offer(jobs, runtimes, targets), _say)


@cli.command()
def beat() -> None:
    """Give runs whose coordinator is gone their verdict, and clean up, until stopped."""
    settings = load()
    store = Store(settings.database_url)
    keep_time(settings, store, _say)


@cli.command()
def workers() -> None:
    """List the workers that live, what each can do and what it does."""
    _, store = _opened()
    now = store.clock()()
    lines = store.workers(since=now - ALIVE_S)
    entries = ((line.worker, line.version, line.seen_at, abilities(line.queues)) for line in lines)
    click.echo(render_workers(entries, store.running(), now), nl=False)


def main() -> None:
    """The `crosscheck` command."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(BAD_INPUT)
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted.")
        sys.exit(ERROR)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has enough of it
        sys.exit(PASSED)
    except InputError as error:
        _say(str(error))
        sys.exit(BAD_INPUT)
    except CrosscheckError as error:
        _say(str(error))
        sys.exit(ERROR)
    except Exception as error:  # noqa: BLE001 (a user gets a sentence, whatever happened)
        _say(_unexpected(error))
        sys.exit(ERROR)


def _unexpected(error: Exception) -> str:
    """One sentence about a fault of ours; the traceback goes to a file."""
    said = f"internal error: {type(error).__name__}: {error}"
    try:
        directory = load().state_dir
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / "internal-error.txt"
        file.write_text("".join(traceback.format_exception(error)))
    except OSError:
        return said
    return f"{said} (please report it with {file})"


if __name__ == "__main__":
    main()
