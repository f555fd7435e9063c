# SPDX-License-Identifier: GPL-2.0-or-later
"""Nouns to JSON and back. Pure.

pydantic reads standard dataclasses as they are; what does not fit a noun raises
`pydantic.ValidationError`, which names the field.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def dumps(value: object) -> str:
    """VALUE, a dataclass instance, as one line of JSON."""
    return _adapter(cast("Any", type(value))).dump_json(value).decode()


def loads(kind: type[T], text: str | bytes) -> T:
    """The KIND that TEXT holds."""
    noun: T = _adapter(cast("Any", kind)).validate_json(text)
    return noun
