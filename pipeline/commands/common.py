# SPDX-License-Identifier: GPL-2.0-or-later
"""What do several commands share? Options, exit statuses, the installation, the name of a run."""

from __future__ import annotations

import click

from pipeline.engine import clean_up
from pipeline.model import InputError, Verdict
from pipeline.settings import RUNTIMES, Settings, load, size_bytes
from pipeline.store import Store

PASSED, FAILED, BAD_INPUT, ERROR = 0, 1, 2, 3


def _size(_context: click.Context, _option: click.Parameter, text: str) -> int:
    try:
        return size_bytes(text) if text else 0
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


cache_size_option = click.option(
    "--cache-size",
    "cache_bytes",
    callback=_size,
    default="",
    help="How much may be kept, e.g. 20G (default: half of what the disk has left).",
)


runtime_option = click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    default=lambda: load().runtime,
    show_default="CROSSCHECK_RUNTIME, else bubblewrap",
    help="What commands are sandboxed with.",
)


def say(line: str) -> None:
    """Tell people LINE, beside what the command prints."""
    click.echo(f"crosscheck: {line}", err=True)


def opened() -> tuple[Settings, Store]:
    """The installation, with what killed runs left behind concluded."""
    settings = load()
    store = Store(settings.database_url)
    for run in clean_up(settings, store):
        say(f"run {run} was cut off earlier; it is concluded as ERROR.")
    return settings, store


def known_run(store: Store, run: str) -> str:
    """RUN, or the latest one if it is empty; may be shortened to what is unique."""
    every = [line.run for line in store.runs(limit=10_000)]
    matching = [name for name in every if name.startswith(run)]
    if run in every or (matching and not run):
        return run or matching[0]
    if len(matching) == 1:
        return matching[0]
    if not every:
        raise InputError("There is no run yet; `crosscheck run SERIES --tree DIR` makes one.")
    raise InputError(
        f"There is no run {run!r}; `crosscheck runs` lists them."
        if not matching
        else f"{run!r} is the beginning of {len(matching)} runs; give more of the name."
    )


def verdict_of(store: Store, run: str) -> Verdict:
    """The verdict of RUN (as `known_run` has it). Raises InputError if it has none yet."""
    name = known_run(store, run)
    verdict = store.verdict(name)
    if verdict is None:
        raise InputError(
            f"Run {name} has no verdict yet: wait for it, or name another (`crosscheck runs`)."
        )
    return verdict
