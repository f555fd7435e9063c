# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck targets`, `cache`, `doctor`, `worker`, `beat` and `workers`: machines."""

from __future__ import annotations

import sys
import time

import click

from pipeline import doctor as tools
from pipeline import kept
from pipeline.app import make_app, reach
from pipeline.commands.common import ERROR, cache_size_option, opened, runtime_option, say
from pipeline.coordinator import ALIVE_S
from pipeline.matrix import load as load_matrix
from pipeline.model import InfraError, InputError
from pipeline.plan import demand_names
from pipeline.queues import abilities
from pipeline.report.plain import render_kept, render_targets, render_tools, render_workers
from pipeline.services import Service, services
from pipeline.serving import Offer, keep_time, serve
from pipeline.settings import RUNTIMES, load
from pipeline.store import Store
from pipeline.trial import trial


@click.command()
def targets() -> None:
    """List the targets of the matrix."""
    click.echo(render_targets(load_matrix(load().matrix).targets), nl=False)


@click.command()
@click.option("--prune", is_flag=True, help="Make room, down to --cache-size.")
@click.option("--all", "everything", is_flag=True, help="With --prune: keep nothing.")
@cache_size_option
def cache(*, prune: bool, everything: bool, cache_bytes: int) -> None:
    """List source trees and finished builds that are kept on this machine, the latest first."""
    settings = load()
    roots = settings.kept_dirs
    limit = kept.limit_bytes(roots, cache_bytes or settings.cache_bytes)
    if everything and not prune:
        raise InputError("--all is for --prune: say `crosscheck cache --prune --all`.")
    gone = kept.make_room(roots, 0 if everything else limit) if prune else ()
    for entry in gone:
        say(f"removed {entry.place}")
    left = ((e.place, e.size_bytes, e.used_at) for e in kept.entries(roots))
    click.echo(render_kept(left, settings.cache_dir, limit, time.time()), nl=False)


@click.command()
@runtime_option
@click.option(
    "--worker",
    is_flag=True,
    help="Also what `crosscheck worker` needs, where CROSSCHECK_REDIS_URL is set.",
)
@click.option("--missing-packages", is_flag=True, help="Only the packages to install, one a line.")
@click.option(
    "--target",
    "names",
    multiple=True,
    help="Only what this target needs (repeatable; default: those that `run` takes unasked).",
)
def doctor(*, runtime: str, worker: bool, missing_packages: bool, names: tuple[str, ...]) -> None:
    """List every tool and service, what is missing or does not answer, and how to mend it."""
    settings = load()
    matrix = load_matrix(settings.matrix)
    demand_names(matrix, targets=names)
    wanted = names or matrix.defaults
    targets = tuple(target for target in matrix.targets if target.name in wanted)
    does_jobs = worker or not settings.redis_url
    fault = trial(runtime)() if does_jobs and not missing_packages else ""
    if not settings.redis_url:
        found = tools.examine(targets, runtime, fault)
    elif worker:
        found = (*tools.of_coordinator(), *tools.of_commands(targets, runtime, fault))
    else:
        found = tools.of_coordinator()
    if missing_packages:
        for package in tools.missing_packages(found):
            click.echo(package)
        return
    found = (*found, *map(_asked, services(settings)))
    click.echo(render_tools(found, tools.remedy(found)), nl=False)
    others = [t for t in matrix.targets if t.name not in wanted]
    for target in others if does_jobs and not names else ():
        if lacks := tools.lacked(target, runtime, found):
            click.echo(
                f"{target.name}, which `run` takes only if it is named, wants {', '.join(lacks)}:"
                f" `crosscheck doctor{' --worker' if worker else ''} --target {target.name}`."
            )
    if any(tool.missing for tool in found):
        sys.exit(ERROR)


def _asked(service: Service) -> tools.Tool:
    fault = ""
    try:
        service.reach()
    except InfraError as error:
        fault = str(error)
    return tools.Tool(service.name, service.purpose, package="", version="answers", fault=fault)


@click.command()
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
    serve(load(), Offer(jobs, runtimes, targets), say)


@click.command()
def beat() -> None:
    """Give runs whose coordinator is gone their verdict, and clean up, until stopped."""
    settings = load()
    store = Store(settings.database_url)
    keep_time(settings, store, say)


@click.command()
def workers() -> None:
    """List the workers that live, what each can do and what it does."""
    settings, store = opened()
    now = store.clock()()
    lines = store.workers(since=now - ALIVE_S)
    entries = ((line.worker, line.version, line.seen_at, abilities(line.queues)) for line in lines)
    click.echo(render_workers(entries, store.running(), now), nl=False)
    if settings.redis_url:
        reach(make_app(settings.redis_url))  # without it they live and wait
