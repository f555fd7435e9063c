# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON of a verdict is what the contract and the schema say."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator, ValidationError

from pipeline.model import Outcome
from pipeline.report.json import to_json
from tests.unit.builders import cell, finding, row, verdict, zero_page_verdicts
from tests.unit.strategies import verdicts

SCHEMA = json.loads(files("pipeline.report").joinpath("schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def document(of):
    return json.loads(to_json(of))


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def _objects(node):
    if isinstance(node, dict):
        if node.get("type") == "object":
            yield node
        for child in node.values():
            yield from _objects(child)
    elif isinstance(node, list):
        for child in node:
            yield from _objects(child)


def test_the_schema_describes_every_key_and_is_closed_but_for_the_checks_own_facts():
    for node in _objects(SCHEMA):
        if node.get("additionalProperties") is True:
            assert node is SCHEMA["$defs"]["check"]["properties"]["facts"]
            continue
        assert node["additionalProperties"] is False
        assert set(node["required"]) == set(node["properties"])
        for key, child in node["properties"].items():
            assert child.get("description") or "$ref" in child, key


@pytest.mark.parametrize("story", zero_page_verdicts())
def test_every_story_fits_the_schema(story):
    VALIDATOR.validate(document(zero_page_verdicts()[story]))


@settings(max_examples=25, deadline=None)
@given(verdicts)
def test_every_verdict_fits_the_schema_and_is_utf_8(of):
    text = to_json(of)
    text.encode()
    VALIDATOR.validate(json.loads(text))


def test_the_schema_refuses_what_the_contract_does_not_have():
    good = document(zero_page_verdicts()["fail"])
    for spoil in (
        lambda d: d.update(outcome="SKIP"),
        lambda d: d.update(extra=1),
        lambda d: d.pop("seconds"),
        lambda d: d["targets"][0]["checks"][0].update(outcome="OK"),
        lambda d: d["not_covered"][0]["lines"].append([3]),
        lambda d: d["series"].update(version="2"),
    ):
        bad = json.loads(json.dumps(good))
        spoil(bad)
        with pytest.raises(ValidationError):
            VALIDATOR.validate(bad)


def test_the_keys_are_those_of_the_contract():
    one = document(zero_page_verdicts()["fail"])
    assert next(iter(one)) == "schema_version"
    assert one["schema_version"] == 1
    assert one["outcome"] == "FAIL"
    assert one["series"]["version"] == 2
    assert one["series"]["patches"][1]["n"] == 2
    mips = one["targets"][1]
    assert (mips["target"], mips["arch"], mips["outcome"]) == ("mips", "mips", "WARN")
    build = mips["checks"][0]
    assert (build["check"], build["seconds"], build["base_cached"]) == ("build", 1.5, False)
    assert build["findings"][0] == {
        "id": "5a7087c0c9ad6529",
        "kind": "new-warning",
        "severity": "WARN",
        "summary": "unused variable 'order' [-Wunused-variable]",
        "patch": 2,
        "file": "arch/mips/mm/init.c",
        "line": 70,
        "symbol": "",
        "detail": build["findings"][0]["detail"],
    }
    assert one["not_covered"] == [
        {
            "file": "arch/mips/mm/init.c",
            "lines": [[411, 418], [424, 424]],
            "reason": "compiled only where `defined(CONFIG_NUMA)`",
            "side": "base",
        }
    ]
    assert one["left_out"][0]["arch"] == "alpha"


def test_facts_are_an_object_of_the_checks_own_keys():
    of = verdict(row("arm64", cell("boot", facts=(("zero_pages", 1), ("tests", ["a"])))))
    assert document(of)["targets"][0]["checks"][2]["facts"] == {"zero_pages": 1, "tests": ["a"]}


def test_an_unknown_patch_and_line_are_null():
    of = verdict(
        row("arm64", cell("boot", findings=[finding(Outcome.FAIL, patch=None, line=None)]))
    )
    told = document(of)["targets"][0]["checks"][2]["findings"][0]
    assert (told["patch"], told["line"]) == (None, None)


def test_what_was_not_unicode_becomes_a_question_mark():
    of = verdict(row("arm64", cell("boot", findings=[finding(summary="caf\udce9")])))
    told = document(of)["targets"][0]["checks"][2]["findings"][0]
    assert told["summary"] == "caf?"
