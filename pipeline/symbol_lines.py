# SPDX-License-Identifier: GPL-2.0-or-later
"""What does one line of kernel C define, declare or export? Pure.

Only what stands at column 0, as the kernel's coding style has it, and only what is certain:
a line that could be anything else (a macro call, a statement, a type with an attribute that
is not known here) yields nothing. It is read token by token, never by a backtracking
expression, because the line is a stranger's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Longer lines are data, not definitions.
MAX_LINE = 500

_TOKEN = re.compile(r"[A-Za-z_]\w*|[0-9]\w*|\S", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_LITERAL_OR_COMMENT = re.compile(
    r"""/\*.*?(?:\*/|$)|//.*$|"(?:\\.|[^"\\])*(?:"|$)|'(?:\\.|[^'\\]){1,4}'"""
)
#: A line of a block comment, as the kernel writes them: ` * text`.
_COMMENT_LINE = re.compile(r"\s* \*(\s|/|$)")
_EXPORT = re.compile(
    r"(?P<macro>EXPORT_SYMBOL(?:_GPL|_NS|_NS_GPL|(?:_GPL)?_FOR_MODULES)?"
    r"|EXPORT_PER_CPU_SYMBOL(?:_GPL)?)"
    r"\(\s*(?P<name>[A-Za-z_]\w*)\s*(?:,|\)|$)"
)
#: include/linux/export.h: EXPORT_SYMBOL_FOR_MODULES(), in 6.16 EXPORT_SYMBOL_GPL_FOR_MODULES(),
#: exports under the GPL too.
_GPL_MACROS = ("_GPL", "_FOR_MODULES")
_MACRO = re.compile(r"#\s*define\s+(?P<name>[A-Za-z_]\w*)")
_INCLUDE_GUARD = re.compile(r"_*[A-Z][A-Z0-9_]*_H_*")

_STATEMENTS = _words("return if else for while do switch case default goto typedef asm")
_BUILTIN = _words("void char short int long float double signed unsigned bool _Bool")
_QUALIFIERS = _words("const volatile register restrict static extern")
_TAGS = frozenset(("struct", "union", "enum"))
#: Words that may stand in a definition without being its type or its name, from
#: include/linux/{compiler_attributes,compiler_types,cache,init,linkage,percpu-defs}.h.
_ATTRIBUTES = _words("""
    ____cacheline_aligned ____cacheline_aligned_in_smp __acquires __aligned __alloc_size
    __always_inline __always_unused __always_used __asmeq __assume_aligned __attribute__
    __attribute_const__ __bitwise __bpf_kfunc __bss_decrypted __cacheline_aligned
    __cacheline_aligned_in_smp __cleanup __cold __counted_by __cpuidle __deprecated
    __designated_init __diag __exception_irq_entry __exit __exitdata __flatten __force
    __hidden __init __init_memblock __init_or_acpilib __init_or_module __initcall
    __initconst __initdata __initdata_memblock __initdata_or_meminfo __initdata_or_module
    __inline __inline__ __iomem __irq_entry __kernel __kprobes __latent_entropy __malloc
    __maybe_unused __meminit __meminitconst __meminitdata __must_check __must_hold __naked
    __net_exit __net_init __net_initconst __net_initdata __no_kcsan __no_kmsan_checks
    __no_profile __no_randomize_layout __no_sanitize_address __no_sanitize_coverage
    __no_sanitize_memory __no_sanitize_undefined __no_stack_protector __nocfi __noclone
    __noendbr __noinline __noinstr_section __nonstring __noreturn __nosavedata __noscs
    __packed __page_aligned_bss __page_aligned_data __percpu __printf __private __pure
    __randomize_layout __rcu __read_mostly __ref __refdata __releases __ro_after_init
    __scanf __sched __section __softirq_entry __tracepoint_string __unused __used __user
    __visible __weak asmlinkage inline noinline noinline_for_stack noinstr nokprobe_inline
    notrace
""")


@dataclass(frozen=True, slots=True)
class Declared:
    """What a line says of NAME: "definition", "declaration" or "macro"."""

    name: str
    kind: str
    static: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """An export of NAME, as it is written."""

    name: str
    gpl_only: bool


def plain(line: str) -> str:
    """LINE with its strings emptied and its comments blanked, as far as one line tells."""
    return _LITERAL_OR_COMMENT.sub(lambda m: '""' if m[0][0] == '"' else " ", line)


def uncommented(lines: Iterable[str]) -> Iterator[str]:
    """LINES that follow each other, those of block comments emptied, as far as LINES tell."""
    inside = False
    for line in lines:
        if inside:
            yield line.partition("*/")[2]
            inside = "*/" not in line
        else:
            yield "" if _COMMENT_LINE.match(line) else line
            inside = _opens_comment(line)


def _opens_comment(line: str) -> bool:
    return any(
        match[0].startswith("/*") and not match[0][2:].endswith("*/")
        for match in _LITERAL_OR_COMMENT.finditer(line)
    )


def exported(line: str) -> Exported | None:
    """The export that stands at column 0 of LINE; None in the body of a macro."""
    match = _EXPORT.match(line)
    if match is None or line.rstrip().endswith("\\"):
        return None
    return Exported(match["name"], match["macro"].endswith(_GPL_MACROS))


def declared(line: str) -> tuple[Declared, ...]:
    """What LINE, from its column 0, defines or declares; () if that is not certain."""
    if len(line) > MAX_LINE or line.rstrip().endswith("\\"):
        return ()  # data, or the body of a macro
    if line.startswith("#"):
        return _macro(line)
    words = _without_attributes(_TOKEN.findall(plain(line)))
    if not words or line[0].isspace() or words[0] in _STATEMENTS:
        return ()
    head, rest = _head(words)
    name = _name_of(head)
    if name is None or not rest:
        return ()
    return _function(name, head, rest) if rest[0] == "(" else _variables(name, head, rest)


def _function(name: str, head: list[str], rest: list[str]) -> tuple[Declared, ...]:
    if name.isupper():
        return ()  # a macro that defines something
    prototype = rest[-1] == ";" and "{" not in rest
    return (Declared(name, "declaration" if prototype else "definition", "static" in head),)


def _variables(name: str, head: list[str], rest: list[str]) -> tuple[Declared, ...]:
    if rest[0] not in ("=", ";", "[", ","):
        return ()
    kind = "declaration" if "extern" in head else "definition"
    return tuple(Declared(n, kind, "static" in head) for n in (name, *_further_names(rest)))


def _macro(line: str) -> tuple[Declared, ...]:
    match = _MACRO.match(line)
    if match is None or _INCLUDE_GUARD.fullmatch(match["name"]):
        return ()
    return (Declared(match["name"], "macro"),)


def _without_attributes(words: list[str]) -> list[str]:
    kept: list[str] = []
    depth = 0  # inside the parentheses of an attribute
    after_attribute = False
    for word in words:
        if depth or (after_attribute and word == "("):
            depth += (word == "(") - (word == ")")
            after_attribute = False
            continue
        after_attribute = word in _ATTRIBUTES
        if not after_attribute:
            kept.append(word)
    return kept


def _head(words: list[str]) -> tuple[list[str], list[str]]:
    """What stands before the first punctuation that is no star, and the rest."""
    for at, word in enumerate(words):
        if word != "*" and not _IDENTIFIER.fullmatch(word):
            return words[:at], words[at:]
    return words, []


def _name_of(head: list[str]) -> str | None:
    """The name that HEAD declares, if the words before it are a type and nothing else."""
    if not head or head[-1] == "*":
        return None
    *words, name = head
    kind = [w for w in words if w != "*" and w not in _QUALIFIERS]
    if name in _BUILTIN | _QUALIFIERS | _TAGS or not kind:
        return None
    if "*" in words and any(w not in _QUALIFIERS for w in words[_last_star(words) + 1 :]):
        return None
    if any(w in _BUILTIN for w in kind):
        return name if all(w in _BUILTIN for w in kind) else None
    if kind[0] in _TAGS:
        return name if len(kind) == 2 else None
    return name if len(kind) == 1 else None


def _last_star(words: list[str]) -> int:
    return len(words) - 1 - words[::-1].index("*")


def _further_names(rest: list[str]) -> tuple[str, ...]:
    """The other names of `unsigned long a, *b, c[2];`: none once there is an initialiser."""
    names: list[str] = []
    depth = 0
    declarator: list[str] | None = None
    for word in rest:
        depth += (word in "[(") - (word in "])")
        if word in ("=", "{"):
            return ()
        if depth or word in "])":
            continue
        if word in (",", ";"):
            if declarator is not None:
                if len(declarator) != 1:
                    return ()
                names += declarator
            declarator = []
        elif word != "*" and declarator is not None:
            declarator.append(word)
    return tuple(names)
