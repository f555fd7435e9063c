# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a preprocessor condition holds in a configuration, as far as that can be told. Pure.

Only options are known (`CONFIG_X`, `defined(CONFIG_X)`, the macros of
`include/linux/kconfig.h`) and numbers; whatever else a condition names makes its value
None, unless the rest decides: `CONFIG_NUMA && __mips` is False without CONFIG_NUMA.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable

from workers.parsers.kbuild_config import Options

_TOKEN = re.compile(r"\s*(\w+|&&|\|\||[!=<>]=|[!<>()]|\S)")
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)[uUlL]*")
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
#: The macros of kconfig.h, and the values of an option for which each is 1.
_ENABLED = {
    "defined": "y",
    "IS_ENABLED": "ym",
    "IS_BUILTIN": "y",
    "IS_MODULE": "m",
    "IS_REACHABLE": "y",
}

_Value = int | None


class _NotUnderstoodError(Exception):
    """The condition uses more of C than is read here."""


class _Expression:
    """A recursive-descent reader; each method reads one level of precedence."""

    def __init__(self, condition: str, options: Options) -> None:
        self.tokens = _TOKEN.findall(condition)
        self.options = options

    def whole(self) -> _Value:
        value = self.any_of()
        if self.tokens:
            raise _NotUnderstoodError
        return value

    def any_of(self) -> _Value:
        values = [self.all_of()]
        while self._accept("||"):
            values.append(self.all_of())
        return values[0] if len(values) == 1 else _not(_all(map(_not, values)))

    def all_of(self) -> _Value:
        values = [self.compared()]
        while self._accept("&&"):
            values.append(self.compared())
        return values[0] if len(values) == 1 else _all(values)

    def compared(self) -> _Value:
        left = self.unary()
        if self.tokens and self.tokens[0] in _COMPARE:
            compare = _COMPARE[self.tokens.pop(0)]
            right = self.unary()
            return None if left is None or right is None else int(compare(left, right))
        return left

    def unary(self) -> _Value:
        if self._accept("!"):
            return _not(self.unary())
        if self._accept("("):
            value = self.any_of()
            self._expect(")")
            return value
        return self._primary(self._next())

    def _primary(self, token: str) -> _Value:
        if number := _NUMBER.fullmatch(token):
            return _number(number[1])
        if token in _ENABLED:
            return self._option(token)
        if self.tokens and self.tokens[0] == "(":
            raise _NotUnderstoodError  # another macro's call
        return _number(self._value(token)) if token.startswith("CONFIG_") else None

    def _option(self, macro: str) -> _Value:
        parenthesis = self._accept("(")
        name = self._next()
        if parenthesis:
            self._expect(")")
        if not name.startswith("CONFIG_"):
            return None
        if name.endswith("_MODULE") and macro == "defined" and name not in self.options:
            return int(self.options.get(name.removesuffix("_MODULE")) == "m")
        value = self.options.get(name, "n")
        if macro == "IS_REACHABLE" and value == "m":
            return None  # depends on whether the file itself is a module
        if macro == "defined":
            return int(value not in ("n", "m"))
        return int(value in _ENABLED[macro])

    def _value(self, name: str) -> str:
        """What `include/generated/autoconf.h` makes of option NAME; "0" if it is undefined."""
        value = self.options.get(name, "n")
        return {"y": "1", "n": "0", "m": "0"}.get(value, value)

    def _accept(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise _NotUnderstoodError

    def _next(self) -> str:
        if not self.tokens:
            raise _NotUnderstoodError
        return str(self.tokens.pop(0))


def _number(text: str) -> _Value:
    try:
        return int(text, 8 if re.fullmatch("0[0-7]+", text) else 0)
    except ValueError:
        return None


def _not(value: _Value) -> _Value:
    return None if value is None else int(not value)


def _all(values: Iterable[_Value]) -> _Value:
    """C's && over VALUES: one that is false decides, whatever the unknown ones are."""
    known = list(values)
    if any(value == 0 and value is not None for value in known):
        return 0
    return None if None in known else 1


def holds(condition: str, options: Options) -> bool | None:
    """Whether CONDITION holds where OPTIONS are set; None if that cannot be told."""
    try:
        value = _Expression(condition, options).whole()
    except (_NotUnderstoodError, RecursionError):
        return None
    return None if value is None else bool(value)
