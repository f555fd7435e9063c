# SPDX-License-Identifier: GPL-2.0-or-later
"""What does a YAML file say, and where? Reads a file; everything else is pure.

YAML surprises: it reads `no` as a boolean and `12:30` as 750, keeps the last of two equal
keys, and lets aliases grow without end. This reads only what means the same to everybody
and rejects the rest. Every error is an InputError `FILE:LINE:COLUMN: key.path: what is wrong`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from yaml.composer import ComposerError

from pipeline.model import InputError

SIZE_LIMIT_BYTES = 1 << 20
DEPTH_LIMIT = 16  # deeper than any file of ours; keeps recursion within bounds

#: Keys and indexes from the root, e.g. ("targets", "arm64", "config", 0).
Key = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)

_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class Strict(BaseModel):
    """The base of all models of YAML files: no unknown keys, no conversions."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


#: For `tuple[str, ...]`: a single text stands for a list of one.
one_or_many = BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)


@dataclass(frozen=True, slots=True)
class Source:
    """A YAML file that was read: its content (dict, tuple, str, int, float, bool, None)."""

    path: Path
    content: object
    places: Mapping[Key, tuple[int, int]] = field(repr=False)  # line and column, from 1

    def line(self, key: Key) -> int:
        """The line on which KEY, or the nearest key around it, stands."""
        return self._place(key)[0]

    def fault(self, key: Key, what: str) -> InputError:
        """The error that says WHAT is wrong with KEY."""
        return _error(self.path, self._place(key), key, what)

    def parse(self, model: type[Model]) -> Model:
        """The content as MODEL; raises InputError at the first place that does not fit."""
        try:
            return model.model_validate(self.content)
        except ValidationError as error:
            faults = [(_known(fault["loc"]), fault) for fault in error.errors()]
            key, fault = min(faults, key=lambda keyed: self._place(keyed[0]))
            raise self.fault(key, _explain(fault)) from None

    def _place(self, key: Key) -> tuple[int, int]:
        while key not in self.places and key:
            key = key[:-1]
        return self.places[key]


def read(path: Path) -> Source:
    """PATH, read and checked as YAML; raises InputError."""
    text = _text(path)
    try:
        root = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _error(path, place, (), f"not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        place = _place_of(text, error.position)
        raise _error(path, place, (), f"not YAML: {error.reason}") from None
    except (ValueError, OverflowError):  # PyYAML's escapes: "\UFFFFFFFF" is no character
        raise _error(path, (1, 1), (), "not YAML: an escape names no character") from None
    if root is None:
        raise _error(path, (1, 1), (), "the file is empty")
    places: dict[Key, tuple[int, int]] = {(): (1, 1)}
    content = _Converter(path, places).value(root, ())
    return Source(path, content, places)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(SIZE_LIMIT_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f"{path}: cannot be read: {why}") from None
    if len(raw) > SIZE_LIMIT_BYTES:
        raise InputError(f"{path}: is larger than 1 MiB, so it is not one of crosscheck's files")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        place = _place_of(raw[: error.start].decode(), error.start)
        raise _error(path, place, (), "not UTF-8: save the file as UTF-8 text") from None


def _place_of(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _error(path: Path, place: tuple[int, int], key: Key, what: str) -> InputError:
    where = f"{'.'.join(map(str, key))}: " if key else ""
    return InputError(f"{path}:{place[0]}:{place[1]}: {where}{what}")


class _Loader(yaml.SafeLoader):
    """Composes nodes without aliases (which can grow for ever) and not too deep."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if self.check_event(yaml.AliasEvent):
            what = "aliases (*name) are not read here, write the value out"
            raise ComposerError(None, None, what, event.start_mark)
        if self.depth == DEPTH_LIMIT:
            raise ComposerError(None, None, "nested too deeply", event.start_mark)
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


@dataclass(frozen=True, slots=True)
class _Converter:
    """Turns nodes into plain values and notes in PLACES where each key stands."""

    path: Path
    places: dict[Key, tuple[int, int]]

    def value(self, node: yaml.Node, key: Key) -> object:
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return tuple(self._item(item, (*key, n)) for n, item in enumerate(node.value))
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, key)
        raise self._fault(node, key, f"the tag {node.tag} is not read here")

    def _item(self, node: yaml.Node, key: Key) -> object:
        self.places[key] = _start(node)
        return self.value(node, key)

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, object]:
        content: dict[str, object] = {}
        for name_node, value_node in node.value:
            if not isinstance(name_node, yaml.ScalarNode) or name_node.tag != f"{_TAG}str":
                raise self._fault(name_node, key, "a key that is not text: put it in quotes")
            name = str(self._scalar(name_node, key))
            here = (*key, name)
            if name in content:
                first = self.places[here][0]
                raise self._fault(name_node, here, f"stands here twice, first in line {first}")
            self.places[here] = _start(name_node)
            content[name] = self.value(value_node, here)
        return content

    def _scalar(self, node: yaml.ScalarNode, key: Key) -> object:
        text: str = node.value
        if _UNPRINTABLE.search(text):
            raise self._fault(node, key, "holds a control character or half of a character")
        match node.tag.removeprefix(_TAG):
            case "str":
                return text
            case "null":
                return None
            case "bool" if text in ("true", "false"):
                return text == "true"
            case "int" if _INT.fullmatch(text):
                return int(text)
            case "float" if _FLOAT.fullmatch(text):
                return float(text)
            case kind:
                what = f"YAML reads {text} as {kind.removeprefix('!')}, not as text"
                raise self._fault(node, key, f'{what}: put it in quotes, "{text}"')

    def _fault(self, node: yaml.Node, key: Key, what: str) -> InputError:
        return _error(self.path, _start(node), key, what)


def _start(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _known(location: tuple[str | int, ...]) -> Key:
    """Pydantic's location without "[key]", which it adds when a key itself is at fault."""
    return location[:-1] if location and location[-1] == "[key]" else location


def _explain(fault: Any) -> str:
    """What is wrong, in the words of someone who looks at the file."""
    value = fault["input"]
    match fault["type"]:
        case "extra_forbidden":
            return "unknown key, remove it or correct its spelling"
        case "missing":
            return "is missing"
        case "string_type" if isinstance(value, bool):
            return f'must be text, put it in quotes: "{str(value).lower()}"'
        case "string_type" if isinstance(value, (int, float)):
            return f'must be text, put it in quotes: "{value}"'
        case "string_type":
            return "must be text"
        case "tuple_type":
            return "must be a list"
        case "model_type" | "dict_type":
            return "must be a mapping, `key: value` lines"
        case "string_pattern_mismatch":
            return f"{value!r} does not look like {fault['ctx']['pattern']}"
        case "value_error":
            return str(fault["ctx"]["error"])
    message: str = fault["msg"]
    return message.replace("Input should be", "must be").replace("Tuple should", "must")
