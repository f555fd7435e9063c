# SPDX-License-Identifier: GPL-2.0-or-later
"""A YAML file as a pydantic model, strictly. Reads the file; everything else is pure.

Every error is an InputError `FILE:LINE:COLUMN: key.path: what is wrong`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from pipeline.model import InputError
from pipeline.yaml_nodes import Key, Place, YamlError, parse, place_of

SIZE_LIMIT_BYTES = 1 << 20

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """The base of all models of YAML files: no unknown keys, no conversions."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def _not_empty(items: Any) -> Any:
    if not items:
        raise ValueError("must not be empty")
    return items


#: For `tuple[str, ...]`: a single text stands for a list of one.
one_or_many = BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)
#: Unlike pydantic's `min_length`, says nothing of a list whose items are at fault.
not_empty = AfterValidator(_not_empty)


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML file that was read."""

    path: Path
    content: object
    places: Mapping[Key, Place] = field(repr=False)

    def line(self, key: Key) -> int:
        """The line on which KEY, or the nearest key around it, stands."""
        return self._place(key)[0]

    def fault(self, key: Key, what: str) -> InputError:
        """The error that says WHAT is wrong with KEY."""
        return _error(self.path, YamlError(self._place(key), key, what))

    def parse(self, model: type[Model]) -> Model:
        """The content as MODEL; raises InputError at the first place that does not fit."""
        try:
            return model.model_validate(self.content)
        except ValidationError as error:
            fault = min(error.errors(), key=self._urgency)
            raise self.fault(_key(fault["loc"]), _explain(fault)) from None

    def _urgency(self, fault: Any) -> tuple[bool, Place]:
        """In the file's order, but a missing key last: it may be an unknown one, misspelt."""
        return fault["type"] == "missing", self._place(_key(fault["loc"]))

    def _place(self, key: Key) -> Place:
        while key not in self.places and key:
            key = key[:-1]
        return self.places[key]


def read(path: Path) -> Source:
    """PATH, read and checked as YAML; raises InputError."""
    try:
        content, places = parse(_text(path))
    except YamlError as fault:
        raise _error(path, fault) from None
    return Source(path, content, places)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(SIZE_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{path}: cannot be read: {why}") from None
    if len(raw) > SIZE_LIMIT_BYTES:
        raise InputError(f"{path}: is larger than 1 MiB, so it is not one of crosscheck's files")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        readable = raw[: error.start].decode()
        place = place_of(readable, len(readable))
        raise YamlError(place, (), "not UTF-8: save the file as UTF-8 text") from None


def _error(path: Path, fault: YamlError) -> InputError:
    where = f"{'.'.join(map(str, fault.key))}: " if fault.key else ""
    return InputError(f"{path}:{fault.place[0]}:{fault.place[1]}: {where}{fault.what}")


def _key(location: tuple[str | int, ...]) -> Key:
    """Pydantic's location without "[key]", which it adds when a key itself is at fault."""
    return location[:-1] if location and location[-1] == "[key]" else location


_WORDS = {
    "extra_forbidden": "unknown key, remove it or correct its spelling",
    "missing": "is missing",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "model_type": "must be a mapping, `key: value` lines",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "dict_type": "must be a mapping, `key: value` lines",
}


def _explain(fault: Any) -> str:
    """What is wrong, in the words of someone who looks at the file."""
    kind, value = fault["type"], fault["input"]
    if kind == "string_type" and isinstance(value, (bool, int, float)):
        return f'must be text, put it in quotes: "{str(value).lower()}"'
    if kind == "string_pattern_mismatch":
        return f"{value!r} does not look like {fault['ctx']['pattern']}"
    if kind == "value_error":
        return str(fault["ctx"]["error"])
    said: str = _WORDS.get(kind, fault["msg"])
    return said.replace("Input should be", "must be")
