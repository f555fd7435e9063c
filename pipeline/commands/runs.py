# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck runs`, `show`, `logs`, `reproduce` and `recheck`: runs that were made."""

from __future__ import annotations

import time

import click

from pipeline.artifacts import open_artifacts
from pipeline.commands.common import known_run, opened, say, verdict_of
from pipeline.coordinator import finished
from pipeline.model import InfraError, InputError, Outcome, Step
from pipeline.publish import kcidb_report, must_be_set_up, publish
from pipeline.recheck import compare as compare_builds
from pipeline.recheck import forget, rechecking
from pipeline.report.json import to_json
from pipeline.report.junit import to_junit
from pipeline.report.plain import render_runs
from pipeline.report.terminal import print_verdict
from pipeline.report.wording import clean
from pipeline.running import execute
from pipeline.store import JobRow


@click.command()
def runs() -> None:
    """List the latest runs."""
    _, store = opened()
    click.echo(render_runs(store.runs(), time.time()), nl=False)


@click.command()
@click.argument("run", default="")
@click.option("--json", "form", flag_value="json", help="As JSON.")
@click.option("--junit", "form", flag_value="junit", help="As JUnit XML.")
@click.option("--kcidb", "form", flag_value="kcidb", help="As a KCIDB report.")
@click.option("--since", default="", help="Compare with this run, of an earlier version.")
def show(run: str, form: str | None, since: str) -> None:
    """Show the verdict of RUN (default: the latest)."""
    settings, store = opened()
    name = known_run(store, run)
    verdict = store.verdict(name)
    if verdict is None:
        rows = store.jobs(name)
        ready = sum(row.state == "done" for row in rows)
        state = "about to end" if finished(rows) else f"{ready} of {len(rows)} jobs are done"
        going = f"Run {name} is still going: {state}."
        if form or since:
            raise InputError(going)  # whoever reads a form is given one, or no success
        click.echo(going)
        return
    if form == "json":
        click.echo(to_json(verdict), nl=False)
    elif form == "junit":
        click.echo(to_junit(verdict).encode(), nl=False)
    elif form == "kcidb":
        click.echo(kcidb_report(settings, store, verdict).encode(), nl=False)
    else:
        print_verdict(verdict, earlier=verdict_of(store, since) if since else None)


@click.command("publish")
@click.argument("run", default="")
def publish_run(run: str) -> None:
    """Tell the Patchwork and KCIDB that settings name the verdict of RUN (default: the latest)."""
    settings, store = opened()
    must_be_set_up(settings)
    publish(settings, store, verdict_of(store, run), say)


def _cached(row: JobRow) -> bool:
    seen = row.result.observation if row.result else None
    return seen is not None and seen.cached


@click.command()
@click.argument("run")
@click.argument("target")
@click.argument("check", default="")
def logs(run: str, target: str, check: str) -> None:
    """Print the logs of TARGET in RUN, of CHECK or of all checks."""
    settings, store = opened()
    artifacts = open_artifacts(settings)
    rows = [row for row in store.jobs(known_run(store, run)) if row.job.target == target]
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
            ended = "(no log: the run ended before it had one)"
            click.echo(ended if row.state == "done" else f"(no log yet: {row.state})")
        elif row.result.log is None:
            why = "seen in an earlier run" if _cached(row) else row.result.reason
            click.echo(f"(no log: {why})")
        else:
            with artifacts.path(row.result.log).open(errors="replace") as log:
                for line in log:  # the series' own code wrote it: it moves no cursor
                    click.echo(clean(line), nl=False)


@click.command()
@click.argument("run")
@click.argument("target")
def reproduce(run: str, target: str) -> None:
    """Print a shell script that rebuilds, boots and measures TARGET of RUN without crosscheck."""
    settings, store = opened()
    script = settings.runs_dir / known_run(store, run) / f"reproduce-{target}.sh"
    if not script.exists():
        raise InputError(f"Run {run} has no target {target!r}; `crosscheck show {run}` lists them.")
    click.echo(script.read_text(), nl=False)


@click.command()
@click.argument("run", default="")
def recheck(run: str) -> None:
    """Build RUN (default: the latest) from nothing, and compare the kernels byte for byte.

    Kept builds that made another kernel are removed, with what was seen of their bases.
    """
    settings, store = opened()
    name = known_run(store, run)
    again = rechecking(name, settings, store)
    verdict = execute(again, settings, store, say=say)
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
