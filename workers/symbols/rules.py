# SPDX-License-Identifier: GPL-2.0-or-later
"""Which symbol rules does the patched kernel break, and which ask nothing of it? Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.change import owner
from pipeline.model import Case, Finding, Mention, Rule, Target, When
from workers.symbols.kernel import Kernel
from workers.symbols.places import (
    Place,
    concerns,
    left_behind,
    of_mention,
    of_symbol,
    touched_code_words,
)
from workers.symbols.seen import RO_AFTER_INIT


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What the rules came to; NOT_APPLIED has (rule's name, reason)."""

    findings: tuple[Finding, ...]
    inherited: tuple[Finding, ...]
    checked: int
    not_applied: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Breach:
    expected: str
    instead: str
    place: Place
    detail: str = ""


#: What an expectation asks of the patched kernel, and how it is said.
_EXPECTATIONS: dict[str, tuple[str, Callable[[Kernel, str], bool]]] = {
    "present": ("defined", lambda k, n: k.defines(n)),
    "absent": ("absent", lambda k, n: k.is_absent(n)),
    "exported": ("exported", lambda k, n: n in k.exports),
    "not-exported": ("not exported", lambda k, n: n not in k.exports),
    "gpl-only": ("exported GPL-only", lambda k, n: n in k.exports and k.exports[n].gpl_only),
    "not-gpl-only": (
        "open to all modules",
        lambda k, n: n not in k.exports or not k.exports[n].gpl_only,
    ),
}
_ABOUT_EXPORTS = frozenset(("exported", "gpl-only"))


def check_rules(case: Case, target: Target, base: Kernel, patched: Kernel) -> RuleOutcome:
    """Hold the patched kernel against CASE's rules.

    A breach that the base kernel has too is inherited, unless the series is about it: its code
    names the rule's symbol, or changes the state of a symbol of the rule's file on TARGET.
    """
    touched = touched_code_words(case.change)
    changed = {_file(r) for r in case.rules if _differ(_symbols(r), base, patched)}
    findings: list[Finding] = []
    inherited: list[Finding] = []
    not_applied: list[tuple[str, str]] = []
    for rule in case.rules:
        reason = _does_not_apply(rule, target, patched)
        if reason:
            not_applied.append((rule.name, reason))
            continue
        before = {b.instead for b in _kernel_breaches(rule, case, target, base)}
        foreign = rule.symbol not in touched and _file(rule) not in changed
        for breach in _kernel_breaches(rule, case, target, patched):
            (inherited if foreign and breach.instead in before else findings).append(
                _finding(rule, breach)
            )
        for breach, written in _mention_breach(rule, case, target):
            (inherited if foreign and not written else findings).append(_finding(rule, breach))
    return RuleOutcome(
        tuple(findings), tuple(inherited), len(case.rules) - len(not_applied), tuple(not_applied)
    )


def _differ(names: frozenset[str], base: Kernel, patched: Kernel) -> bool:
    return any(base.state(name) != patched.state(name) for name in names)


def _does_not_apply(rule: Rule, target: Target, kernel: Kernel) -> str:
    """Why RULE asks nothing of TARGET; "" if it does."""
    reason = _unmet(rule.when, target, kernel)
    if not reason and _ABOUT_EXPORTS & set(rule.expect) and not kernel.has_exports:
        reason = "the configuration has no CONFIG_MODULES, so nothing is exported"
    if not reason and rule.section == RO_AFTER_INIT and not kernel.has_ro_after_init:
        reason = "the kernel has no place for what is read-only after init"
    return reason


def _unmet(when: When, target: Target, kernel: Kernel) -> str:
    if when.arch and not {target.arch, target.name} & set(when.arch):
        return f"it is for {', '.join(when.arch)}"
    reasons = [
        *(f"{n} is not defined" for n in when.defined if not kernel.defines(n)),
        *(f"{n} is defined" for n in when.not_defined if kernel.defines(n)),
        *(f"{o} is not set" for o in when.config if o not in kernel.options),
        *(f"{o} is set" for o in when.not_config if o in kernel.options),
    ]
    return ", ".join(reasons)


def _kernel_breaches(rule: Rule, case: Case, target: Target, kernel: Kernel) -> Iterator[_Breach]:
    name = rule.symbol
    broken = [said for said, holds in map(_EXPECTATIONS.__getitem__, rule.expect)
              if not holds(kernel, name)]  # fmt: skip
    if rule.section and not kernel.is_in(name, rule.section):
        broken.append(f"in {rule.section}")
    if broken:
        place = left_behind(case.change, target, name) if "absent" in rule.expect else None
        yield _Breach(
            f"must be {' and '.join(broken)}",
            f"is {kernel.state(name)}",
            place or of_symbol(case.change, target, name),
        )


def _mention_breach(rule: Rule, case: Case, target: Target) -> Iterator[tuple[_Breach, bool]]:
    """The breach, and whether the series itself wrote one of the places."""
    if not rule.unmentioned:
        return
    found = [m for m in case.change.mentions if m.symbol == rule.symbol]
    found = [m for m in found if concerns(m.file, target)]
    if found:
        first = min(found, key=lambda m: (m.kind != "code", m.file, m.line))
        breach = _Breach(
            "must not be mentioned in the sources",
            f"is, {_in_places(len(found))}",
            of_mention(case.change, first),
            listing(found),
        )
        yield breach, any(owner(case.change, m.file, m.line) for m in found)


def listing(mentions: list[Mention]) -> str:
    """MENTIONS, one a line, as grep shows them; the first 20."""
    lines = [f"{m.file}:{m.line}: {m.text.strip()[:160]}" for m in mentions[:20]]
    more = len(mentions) - len(lines)
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def _in_places(count: int) -> str:
    return "in 1 place" if count == 1 else f"in {count} places"


def _finding(rule: Rule, breach: _Breach) -> Finding:
    origin = f" ({rule.origin})" if rule.origin else ""
    return Finding(
        kind="rule",
        severity=rule.severity,
        summary=f"{rule.symbol} {breach.expected}, but it {breach.instead}",
        patch=breach.place.patch,
        file=breach.place.file,
        line=breach.place.line,
        symbol=rule.symbol,
        detail=f"rule: {rule.name}{origin}" + (f"\n{breach.detail}" if breach.detail else ""),
    )


def _symbols(rule: Rule) -> frozenset[str]:
    return frozenset((rule.symbol, *rule.when.defined, *rule.when.not_defined))


def _file(rule: Rule) -> str:
    return rule.origin.rpartition(":")[0]
