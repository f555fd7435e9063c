# SPDX-License-Identifier: GPL-2.0-or-later
"""Are the kernel's symbols what the series, the rules and the base kernel say they are?

The probe reads what the build kept: the ELF file says what is defined and exported (a
`__ksymtab_NAME` symbol exists), Module.symvers on what terms, System.map that all of it is
of one build. Zero symbols are never taken for an answer. The judgements are in
`workers.symbols`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from pipeline.model import Case, Fact, Finding, InfraError, Step, Target
from workers.check import Bench, Judgement, Sighting
from workers.parsers.elf import ElfSymbol, symbols
from workers.parsers.symbol_conditions import conditional_lines
from workers.parsers.symbol_names import unsplit
from workers.parsers.symbol_tables import Export, module_symvers, set_options, system_map
from workers.symbols.exports import added_exports, drift
from workers.symbols.facts import facts
from workers.symbols.kernel import Kernel
from workers.symbols.rules import check_rules
from workers.symbols.seen import RO_AFTER_INIT, DefinedGroup, ExportedGroup, Seen
from workers.symbols.stale import stale_symbols

__all__ = ["VERSION", "Seen", "judge", "probe"]

VERSION = 1
KEEPS_BUILD = False
BOOTS = False

_KSYMTAB = "__ksymtab_"
#: What modpost, the linker and the assembler make besides the symbols of the sources.
_GENERATED = re.compile(r"__ksymtab_|__kstrtab|__kflagstab|__flags_|__crc_|\.L|\$")


def probe(bench: Bench) -> Sighting:
    """Read the symbols of one side from what the build check kept."""
    bench.progress("reading symbols")
    options = set_options(_text(bench, "config"))
    elf = symbols(_needed(bench, "vmlinux"))
    if not any(s.defined for s in elf):
        raise InfraError("vmlinux has an empty symbol table: build it again with --no-cache.")
    exports: tuple[Export, ...] = ()
    if "CONFIG_MODULES" in options:
        exports = module_symvers(_text(bench, "Module.symvers"))
        _require_one_build(elf, exports, _text(bench, "System.map"))
    return Sighting(
        Seen(
            exports=_export_groups(exports),
            defined=_defined_groups(elf),
            undefined=tuple(sorted({s.name for s in elf if not s.defined})),
            options=options,
            compiled=tuple(
                sorted(p for p in _text(bench, "compiled").splitlines() if not p.endswith(".h"))
            ),
            conditional=_conditional(bench) if bench.side is Step.PATCHED else (),
        )
    )


def judge(case: Case, target: Target, base: Seen, patched: Seen) -> Judgement:
    """Hold the patched kernel against the diff, the rules and the base kernel."""
    before, after = Kernel(base), Kernel(patched)
    rules = check_rules(case, target, before, after)
    findings: tuple[Finding, ...] = (
        *added_exports(case.change, after),
        *stale_symbols(case.change, target, before, after),
        *rules.findings,
        *drift(case.change, before, after),
    )
    told: tuple[Fact, ...] = facts(case, target, before, after, rules)
    return Judgement(findings=findings, inherited=rules.inherited, facts=told)


def _needed(bench: Bench, name: str) -> Path:
    path = bench.needed.get(name)
    if path is None:
        raise InfraError(f"The build check kept no {name}: run again with --no-cache.")
    return path


def _text(bench: Bench, name: str) -> str:
    path = _needed(bench, name)
    try:
        return path.read_text(encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InfraError(f"Cannot read {name}: {error.strerror}.") from error


def _require_one_build(elf: Iterable[ElfSymbol], exports: tuple[Export, ...], map_: str) -> None:
    """Raise InfraError unless the three files tell of the same exports, and of some."""
    in_elf = {s.name.removeprefix(_KSYMTAB) for s in elf if s.name.startswith(_KSYMTAB)}
    if not in_elf:
        raise InfraError("vmlinux exports nothing, though CONFIG_MODULES is set: build it again.")
    in_map = {s.name.removeprefix(_KSYMTAB) for s in system_map(map_) if _KSYMTAB in s.name[:10]}
    in_symvers = {e.name for e in exports if e.module == "vmlinux"}
    for other, names in (("System.map", in_map), ("Module.symvers", in_symvers)):
        if names != in_elf:
            example = min(names ^ in_elf)
            raise InfraError(
                f"vmlinux and {other} are not of one build: only one of them exports {example}."
                " Run again with --no-cache."
            )


def _export_groups(exports: Iterable[Export]) -> tuple[ExportedGroup, ...]:
    groups: dict[tuple[str, bool, str], set[str]] = {}
    for e in exports:
        groups.setdefault((e.module, e.gpl_only, e.namespace), set()).add(e.name)
    return tuple(ExportedGroup(*key, tuple(sorted(names))) for key, names in sorted(groups.items()))


def _defined_groups(elf: tuple[ElfSymbol, ...]) -> tuple[DefinedGroup, ...]:
    bounds = {
        s.name: s.value for s in elf if s.name in ("__start_ro_after_init", "__end_ro_after_init")
    }
    start = bounds.get("__start_ro_after_init", 0)
    end = bounds.get("__end_ro_after_init", 0)
    groups: dict[tuple[str, bool, str], set[str]] = {}
    for s in elf:
        if not s.defined or s.kind in ("section", "file") or _GENERATED.match(s.name):
            continue
        placed = not s.section.startswith("*")  # an absolute symbol is in no place
        protected = (placed and start <= s.value < end) or RO_AFTER_INIT in s.section
        binding = s.binding if s.binding in ("local", "weak") else "global"
        groups.setdefault((s.section, protected, binding), set()).add(unsplit(s.name))
    return tuple(DefinedGroup(*key, tuple(sorted(names))) for key, names in sorted(groups.items()))


def _conditional(bench: Bench) -> tuple[tuple[str, int], ...]:
    """The lines of added exports and of mentions that a condition may leave out."""
    change = bench.case.change
    wanted: dict[str, set[int]] = {}
    for added in change.symbols:
        if added.kind == "export-added":
            wanted.setdefault(added.file, set()).add(added.line)
    for mention in change.mentions:
        if mention.kind == "code":
            wanted.setdefault(mention.file, set()).add(mention.line)
    found = []
    for file, lines in sorted(wanted.items()):
        found += [(file, n) for n in sorted(conditional_lines(_source(bench, file), lines))]
    return tuple(found)


def _source(bench: Bench, file: str) -> str:
    """FILE of the source tree; "" for what is no file in it, a symbolic link out of it say."""
    root = bench.source.resolve()
    path = (root / file).resolve()
    if not path.is_relative_to(root) or not path.is_file():
        return ""
    return path.read_text(encoding="utf-8", errors="replace")
