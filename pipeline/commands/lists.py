# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck watch` and `submissions`: series that came by mail."""

from __future__ import annotations

import click

from pipeline.commands.common import opened, say
from pipeline.report.plain import render_sources, render_submissions
from pipeline.settings import load
from pipeline.store import Store
from pipeline.watching.service import watch as watch_lists


@click.command()
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Runs side by side.",
)
def watch(runs: int) -> None:
    """Run series that are posted to the lists of CROSSCHECK_LISTS, and answer, until stopped."""
    settings = load()
    watch_lists(settings, Store(settings.database_url), runs, say)


@click.command()
@click.option("--all", "everything", is_flag=True, help="Also what was left alone.")
def submissions(*, everything: bool) -> None:
    """List the sources of mail, and the series that came from them, the latest last."""
    _, store = opened()
    now = store.clock()()
    click.echo(render_sources(store.sources(), now), nl=False)
    lines = (e for e in store.submissions() if everything or e.state != "left")
    click.echo(render_submissions(lines, now), nl=False)
