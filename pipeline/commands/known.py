# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck known`: which findings do not count."""

from __future__ import annotations

import getpass

import click

from pipeline.commands.common import verdict_of
from pipeline.fingerprint import shortened
from pipeline.known import DAYS, said_unrelated
from pipeline.model import InputError
from pipeline.report.plain import render_known
from pipeline.settings import load
from pipeline.store import Store


def _url(_context: click.Context, _option: click.Parameter, text: str) -> str:
    if "://" not in text or len(text.split()) != 1:
        raise click.BadParameter(f"{text!r} is no URL.")
    return text


@click.group(invoke_without_command=True)
@click.pass_context
def known(context: click.Context) -> None:
    """List the findings that do not count, since they are known."""
    if context.invoked_subcommand:
        return
    store = Store(load().database_url)
    now = store.clock()()
    lines = store.known(now)
    short = shortened(line.fingerprint for line in lines)
    entries = (
        (short[x.fingerprint], x.target, x.check, x.expires_at, x.said_by, x.link, x.summary)
        for x in lines
    )
    click.echo(render_known(entries, now), nl=False)


@known.command()
@click.argument("run")
@click.argument("finding")
@click.option("--link", required=True, callback=_url, help="Where more is said of it: a URL.")
@click.option(
    "--days",
    type=click.FloatRange(min=0, max=3650, min_open=True),
    default=DAYS,
    show_default=True,
    help="For how long.",
)
def add(run: str, finding: str, link: str, days: float) -> None:
    """FINDING of RUN is known: not the doing of the series that show it.

    FINDING is an id as replies and --json have it, or the first six of its digits at least.
    """
    store = Store(load().database_url)
    verdict = verdict_of(store, run)
    now = store.clock()()
    who = getpass.getuser()
    lines = said_unrelated(verdict, finding, link=link, by=who, now=now, days=days)
    store.remember(lines, now)
    for line in lines:
        click.echo(f"{line.fingerprint} is known: {line.check} on {line.target}: {line.summary}")


@known.command()
@click.argument("finding")
def drop(finding: str) -> None:
    """FINDING, an id or its first digits, counts again."""
    store = Store(load().database_url)
    lines = store.known(store.clock()())
    found = {x.fingerprint for x in lines if finding and x.fingerprint.startswith(finding.lower())}
    if len(found) != 1:
        many = "Several known findings begin" if found else "No known finding begins"
        raise InputError(f"{many} with {finding!r}; `crosscheck known` lists them.")
    store.forget_known(*found)
    click.echo(f"{found.pop()} counts again.")
