# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck run` and `plan`: a series, and what is asked about it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from pipeline import intake
from pipeline.commands.common import (
    ERROR,
    FAILED,
    PASSED,
    cache_size_option,
    opened,
    runtime_option,
    say,
)
from pipeline.lists.config import ListTree
from pipeline.model import Outcome, Verdict
from pipeline.report.plain import render_plan
from pipeline.running import RunRequest, execute
from pipeline.settings import load

F = TypeVar("F", bound=Callable[..., Any])


def _series_options(command: F) -> F:
    """The arguments that `run` and `plan` share."""
    options = (
        click.argument("series", nargs=-1, required=True),
        click.option(
            "--tree",
            "trees",
            type=click.Path(path_type=Path),
            multiple=True,
            default=(Path(),),
            help="Git repository or unpacked source tree (default: here); of several the first"
            " that takes the series.",
        ),
        click.option("--base", default="", help="Revision to apply the series to."),
        click.option("--version", "version", type=int, help="Which version of the series."),
        click.option("--arch", multiple=True, help="Only these architectures: A,B (repeatable)."),
        click.option("--target", "targets", multiple=True, help="Only this target (repeatable)."),
        click.option(
            "--check", "checks", multiple=True, help="Only these checks: C,D (repeatable)."
        ),
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


def _file_option(form: str, about: str) -> Callable[[F], F]:
    """--FORM, a file that is written at the end."""
    kind = click.Path(path_type=Path, dir_okay=False)
    return click.option(f"--{form}", f"{form}_file", type=kind, help=about)


def _names(lists: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.strip() for names in lists for name in names.split(",") if name.strip())


def _request(asked: dict[str, Any]) -> intake.Request:
    return intake.Request(
        series=asked["series"],
        trees=tuple(ListTree(path, "") for path in asked["trees"]),
        base=asked["base"],
        version=asked["version"],
        arch=_names(asked["arch"]),
        targets=asked["targets"],
        checks=_names(asked["checks"]),
        rules=asked["rules"],
    )


def _status(verdict: Verdict, *, strict: bool) -> int:
    if verdict.outcome is Outcome.FAIL or (strict and verdict.outcome is Outcome.WARN):
        return FAILED
    return ERROR if verdict.outcome is Outcome.ERROR else PASSED


@click.command()
@_series_options
@runtime_option
@click.option("--jobs", type=click.IntRange(min=1), help="Jobs side by side (default: cores).")
@_file_option("json", "Write the verdict there as JSON.")
@_file_option("reply", "Write the reply mail there.")
@_file_option("junit", "Write the verdict there as JUnit XML.")
@_file_option("kcidb", "Write the verdict there as a KCIDB report.")
@click.option("--publish", is_flag=True, help="Tell the Patchwork and KCIDB that settings name.")
@click.option("--no-cache", is_flag=True, help="Use nothing that is kept: all from nothing.")
@cache_size_option
@click.option("--strict", is_flag=True, help="Exit 1 on WARN too.")
def run(**asked: Any) -> None:
    """Build, check and boot SERIES before and after, and say what it changed.

    SERIES is an mbox, patch files, a directory of them, a maildir, - for standard input,
    a git range or revision of --tree, or the Message-ID or lore URL of a mail in its thread.
    """
    settings, store = opened()
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
        announce=asked["publish"],
        publish=asked["publish"],
    )
    verdict = execute(request, settings, store, say=say)
    sys.exit(_status(verdict, strict=asked["strict"]))


@click.command()
@_series_options
def plan(**asked: Any) -> None:
    """Say what `run` would do with SERIES, and why. Runs nothing."""
    taken = intake.take_in(_request(asked), load(), say)
    click.echo(render_plan(taken.plan, taken.series, taken.base), nl=False)
