# SPDX-License-Identifier: GPL-2.0-or-later
"""What does a YAML text say, and where does it say it? Pure.

YAML surprises: it reads `no` as a boolean and `12:30` as 750, keeps the last of two equal
keys, and lets aliases grow without end. This reads only what means the same to everybody
and raises YamlError for the rest.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

DEPTH_LIMIT = 16  # deeper than any file of ours; keeps recursion within bounds

#: Keys and indexes from the root, e.g. ("targets", "arm64", "config", 0).
Key = tuple[str | int, ...]
Place = tuple[int, int]  # line and column, from 1

_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class YamlError(Exception):
    """WHAT is wrong at PLACE, with KEY."""

    def __init__(self, place: Place, key: Key, what: str) -> None:
        super().__init__(what)
        self.place = place
        self.key = key
        self.what = what


def parse(text: str) -> tuple[object, dict[Key, Place]]:
    """The content of TEXT (dict, tuple, str, int, float, bool, None) and where its keys are."""
    try:
        root = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlError(place, (), f"not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        place = place_of(text, error.position)
        raise YamlError(place, (), f"not YAML: {error.reason}") from None
    except (ValueError, OverflowError):  # PyYAML's escapes: "\UFFFFFFFF" is no character
        raise YamlError((1, 1), (), "not YAML: an escape names no character") from None
    if root is None:
        raise YamlError((1, 1), (), "the file is empty")
    converter = _Converter({(): (1, 1)})
    return converter.value(root, ()), converter.places


def place_of(text: str, position: int) -> Place:
    """The line and column of the character at POSITION, which counts from 0."""
    before = text[:position]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


class _Loader(yaml.SafeLoader):
    """Composes nodes without aliases (which can grow for ever) and not too deep."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            what = "aliases (*name) are not read here, write the value out"
            raise YamlError(_start(event), (), what)
        if self.depth == DEPTH_LIMIT:
            raise YamlError(_start(event), (), "nested too deeply")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


@dataclass(frozen=True, slots=True)
class _Converter:
    """Turns nodes into plain values and notes in PLACES where each key stands."""

    places: dict[Key, Place]

    def value(self, node: yaml.Node, key: Key) -> object:
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return tuple(self._item(item, (*key, n)) for n, item in enumerate(node.value))
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node, key)
        raise YamlError(_start(node), key, f"the tag {node.tag} is not read here")

    def _item(self, node: yaml.Node, key: Key) -> object:
        self.places[key] = _start(node)
        return self.value(node, key)

    def _mapping(self, node: yaml.MappingNode, key: Key) -> dict[str, object]:
        content: dict[str, object] = {}
        for name_node, value_node in node.value:
            place = _start(name_node)
            if not isinstance(name_node, yaml.ScalarNode) or name_node.tag != f"{_TAG}str":
                raise YamlError(place, key, "a key that is not text: put it in quotes")
            name = str(_scalar(name_node, key))
            here = (*key, name)
            if name in content:
                first = self.places[here][0]
                raise YamlError(place, here, f"stands here twice, first in line {first}")
            self.places[here] = place
            content[name] = self.value(value_node, here)
        return content


def _scalar(node: yaml.ScalarNode, key: Key) -> object:
    text: str = node.value
    if _UNPRINTABLE.search(text):
        what = "holds a control character or half of a character"
        raise YamlError(_start(node), key, what)
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
            what = f'YAML reads {text} as {kind}, not as text: put it in quotes, "{text}"'
            raise YamlError(_start(node), key, what)


def _start(node: Any) -> Place:
    """Where a node or an event begins."""
    return node.start_mark.line + 1, node.start_mark.column + 1
