# SPDX-License-Identifier: GPL-2.0-or-later
"""What must hold for a kernel's symbols, and which of it concerns a series?

Reads rule files (their format is explained in rules/zero-page.yaml); `select` is pure.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints, model_validator

from pipeline.model import Change, InfraError, Outcome, Rule, When
from pipeline.yaml_source import Strict, not_empty, one_or_many, read

Symbol = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_.$][A-Za-z0-9_.$]*$")]
Option = Annotated[str, StringConstraints(pattern=r"^CONFIG_[A-Za-z0-9_]+$")]
Place = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\n]+$")]
Symbols = Annotated[tuple[Symbol, ...], one_or_many]
Options = Annotated[tuple[Option, ...], one_or_many]
Places = Annotated[tuple[Place, ...], one_or_many]
Expectation = Literal[
    "present",
    "absent",
    "exported",
    "not-exported",
    "gpl-only",
    "not-gpl-only",
    "unmentioned",
]
#: What cannot hold at once.
_CONTRADICTIONS = (
    {"present", "absent"},
    {"exported", "absent"},
    {"gpl-only", "absent"},
    {"exported", "not-exported"},
    {"gpl-only", "not-exported"},
    {"gpl-only", "not-gpl-only"},
    {"unmentioned", "present"},
    {"unmentioned", "exported"},
    {"unmentioned", "gpl-only"},
)
_WORD = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)


def _consistent(expectations: tuple[str, ...]) -> tuple[str, ...]:
    for pair in _CONTRADICTIONS:
        if pair <= set(expectations):
            raise ValueError(f"{' and '.join(sorted(pair))} cannot both hold")
    return expectations


class WhenEntry(Strict):
    """The condition of a rule."""

    defined: Symbols = ()
    not_defined: Symbols = ()
    config: Options = ()
    not_config: Options = ()
    arch: Places = ()


class RuleEntry(Strict):
    """A rule."""

    name: Line
    symbol: Symbol
    expect: Annotated[tuple[Expectation, ...], one_or_many, AfterValidator(_consistent)] = ()
    section: Annotated[str, StringConstraints(pattern=r"^[\w.*?-]+$")] = ""
    when: WhenEntry = WhenEntry()
    severity: Literal["FAIL", "WARN"] = "FAIL"

    @model_validator(mode="after")
    def _asks_something(self) -> RuleEntry:
        if not self.expect and not self.section:
            raise ValueError("asks nothing: give expect or section")
        if self.section and {"absent", "unmentioned"} & set(self.expect):
            raise ValueError("asks for a section of a symbol that must not be there")
        return self


class RuleFile(Strict):
    """The whole file."""

    rules: Annotated[tuple[RuleEntry, ...], not_empty]


def load(path: Path, shown: str = "") -> tuple[Rule, ...]:
    """The rules in PATH; their origin names it as SHOWN (default: PATH). Raises InputError."""
    source = read(path)
    entries = source.parse(RuleFile).rules
    names = [entry.name for entry in entries]
    for n, name in enumerate(names):
        if name in names[:n]:
            raise source.fault(("rules", n, "name"), f'another rule is called "{name}"')
    return tuple(
        _rule(entry, f"{shown or path}:{source.line(('rules', n))}")
        for n, entry in enumerate(entries)
    )


def _rule(entry: RuleEntry, origin: str) -> Rule:
    when = entry.when
    return Rule(
        name=entry.name,
        symbol=entry.symbol,
        expect=tuple(e for e in entry.expect if e != "unmentioned"),
        section=entry.section,
        unmentioned="unmentioned" in entry.expect,
        when=When(when.defined, when.not_defined, when.config, when.not_config, when.arch),
        severity=Outcome(entry.severity),
        origin=origin,
    )


def shipped(directory: Path) -> tuple[Rule, ...]:
    """The rules of all files in DIRECTORY; raises InfraError if it is not there."""
    if not directory.is_dir():
        raise InfraError(f"crosscheck's own rules are missing from {directory}: install it again.")
    return tuple(
        rule
        for path in sorted(directory.glob("*.yaml"))
        for rule in load(path, f"{directory.name}/{path.name}")
    )


def select(
    rules: tuple[Rule, ...], change: Change, given: tuple[Rule, ...] = ()
) -> tuple[Rule, ...]:
    """GIVEN, which always apply, and those of the shipped RULES that concern CHANGE.

    A rule file is about one subject and applies as a whole: if a line that a patch adds or
    removes names one of its symbols as a whole word, all of its rules are selected. Rules
    that are GIVEN too are not selected again.
    """
    touched = _touched_words(change)
    subjects = {_file(rule) for rule in rules if touched & _symbols(rule)}
    asked = {_question(rule) for rule in given}
    selected = (r for r in rules if _file(r) in subjects and _question(r) not in asked)
    return (*given, *selected)


def _touched_words(change: Change) -> frozenset[str]:
    return frozenset(
        word
        for patch in change.patches
        for file in patch.files
        for hunk in file.hunks
        for line in (*hunk.removed, *hunk.added)
        for word in _WORD.findall(line)
    )


def _symbols(rule: Rule) -> frozenset[str]:
    return frozenset((rule.symbol, *rule.when.defined, *rule.when.not_defined))


def _file(rule: Rule) -> str:
    return rule.origin.rpartition(":")[0]


def _question(rule: Rule) -> Rule:
    """What RULE asks, wherever it stands."""
    return replace(rule, origin="")
