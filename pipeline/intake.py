# SPDX-License-Identifier: GPL-2.0-or-later
"""From what the user names to what will be done: SERIES and --tree to Case and Plan."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline import matrix as matrices
from pipeline import rules as rule_files
from pipeline.mentions import find_mentions
from pipeline.model import Base, Change, InfraError, Plan, Rule, Series
from pipeline.plan import make_plan
from pipeline.series.assemble import assemble
from pipeline.series.sources import read
from pipeline.settings import Settings
from pipeline.symbol_changes import derive, names_to_search
from pipeline.trees.prepare import prepare


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for."""

    series: tuple[str, ...]
    tree: Path
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
    plan: Plan
