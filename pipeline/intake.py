# SPDX-License-Identifier: GPL-2.0-or-later
"""From what the user names to what will be done: SERIES and --tree to a series on its base,
what it changes, and the plan for it. Effects: reads, and writes to our own cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import matrix as matrices
from pipeline import rules as rule_files
from pipeline.dependencies import known_by
from pipeline.lists.config import ListTree
from pipeline.mentions import classify
from pipeline.model import Base, Change, Limit, Plan, Rule, Series
from pipeline.plan import demand_names, make_plan
from pipeline.series.load import load as load_series
from pipeline.series.sources import Fetcher
from pipeline.settings import Settings
from pipeline.sources.archive import fetcher
from pipeline.symbol_changes import derive, names_to_search
from pipeline.trees.grep import grep_words, read_text
from pipeline.trees.prepare import prepare
from pipeline.trees.ranges import exporter
from pipeline.trees.repository import history_of

#: The rules that come with crosscheck.
SHIPPED_RULES = Path(__file__).parent.parent / "rules"


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for."""

    series: tuple[str, ...]
    trees: tuple[ListTree, ...]
    base: str = ""
    version: int | None = None
    arch: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    rules: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Intake:
    """The series on its base, and the plan for it."""

    series: Series
    base: Base
    change: Change
    rules: tuple[Rule, ...]
    limits: tuple[Limit, ...]
    plan: Plan
    repository: Path  # a git repository that has the base commit


def _with_symbols(
    change: Change, rules: tuple[Rule, ...], settings: Settings, say: Callable[[str], None]
) -> Change:
    """CHANGE with the symbols that its diff and RULES are about, and where they are named."""
    symbols = derive(change)
    names = names_to_search(symbols, rules)
    if not names:
        return replace(change, symbols=symbols)
    say(f"looking for mentions of {', '.join(names)}")
    hits = grep_words(settings.git_dir, change.patched_tree, names)
    mentions = classify(
        names, hits, lambda path: read_text(settings.git_dir, change.patched_tree, path)
    )
    return replace(change, symbols=symbols, mentions=mentions)


def take_in(
    request: Request,
    settings: Settings,
    say: Callable[[str], None],
    *,
    fetch: Fetcher | None = None,
) -> Intake:
    """Read, apply and plan REQUEST; SAY is told what is being done.

    FETCH gives the thread of a Message-ID, instead of the archive that SETTINGS name.

    What is wrong with the matrix, the rules or the names of targets and checks is found before
    anything takes time. Raises InputError for whatever is wrong with what the user gave.
    """
    matrix = matrices.load(settings.matrix)
    demand_names(matrix, arch=request.arch, targets=request.targets, checks=request.checks)
    given = tuple(rule for path in request.rules for rule in rule_files.load(path))
    shipped = rule_files.shipped(SHIPPED_RULES)
    archive = fetcher(settings.lore_url, say)
    series = load_series(
        request.series,
        export=exporter([tree.path for tree in request.trees], settings, say),
        fetch=fetch or archive,
        version=request.version,
    )
    base, change, arches = prepare(
        series, request.trees, request.base, settings, say, known=known_by(archive)
    )
    plan = make_plan(
        matrix,
        change.paths,
        arches,
        arch=request.arch,
        targets=request.targets,
        checks=request.checks,
        patches=len(series.patches),
    )
    rules = rule_files.select(shipped, change, given)
    if any("symbols" in planned.checks for planned in plan.targets):
        change = _with_symbols(change, rules, settings, say)
    own = None if base.others else history_of(Path(base.tree))
    repository = own or settings.git_dir
    return Intake(series, base, change, rules, matrix.limits, plan, repository)
