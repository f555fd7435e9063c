# SPDX-License-Identifier: GPL-2.0-or-later
"""What is worth telling of a target's symbols, whether or not anything is wrong? Pure."""

from __future__ import annotations

from pydantic import JsonValue

from pipeline.model import Case, Fact, Target
from workers.symbols.kernel import Kernel
from workers.symbols.places import concerns, touched_code_words
from workers.symbols.rules import RuleOutcome

#: A series that renames a whole interface has thousands; the counts are always complete.
MAX_NAMES = 100


def facts(
    case: Case, target: Target, base: Kernel, patched: Kernel, rules: RuleOutcome
) -> tuple[Fact, ...]:
    """The facts "symbols", "symbols_before", "exports" and "rules".

    "symbols" has the state on the patched side of each symbol that the series' lines or the
    rules are about; "symbols_before" has those that were different on the base side.
    """
    names = _names(case, target, base, patched)
    states: dict[str, JsonValue] = {n: patched.state(n) for n in names}
    before: dict[str, JsonValue] = {n: s for n in names if (s := base.state(n)) != states[n]}
    added = sorted(patched.exports.keys() - base.exports.keys())
    removed = sorted(base.exports.keys() - patched.exports.keys())
    exports: dict[str, JsonValue] = {
        "base": len(base.exports),
        "patched": len(patched.exports),
        "added": [*added[:MAX_NAMES]],
        "removed": [*removed[:MAX_NAMES]],
    }
    not_applied: list[JsonValue] = [
        {"rule": name, "reason": reason} for name, reason in rules.not_applied
    ]
    return (
        ("symbols", states),
        ("symbols_before", before),
        ("exports", exports),
        ("rules", {"checked": rules.checked, "not_applied": not_applied}),
    )


def _names(case: Case, target: Target, base: Kernel, patched: Kernel) -> list[str]:
    asked = {n for r in case.rules for n in (r.symbol, *r.when.defined, *r.when.not_defined)}
    own = {s.name for s in case.change.symbols if concerns(s.file, target)}
    own |= touched_code_words(case.change) & (base.exports.keys() | patched.exports.keys())
    there = {n for n in own if not base.is_absent(n) or not patched.is_absent(n)}
    return sorted(asked | there)[:MAX_NAMES]
