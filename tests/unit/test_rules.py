# SPDX-License-Identifier: GPL-2.0-or-later
"""Rule files: what they say, what is wrong with them, and which concern a series."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import rules
from pipeline.model import (
    Change,
    FileChange,
    Hunk,
    InfraError,
    InputError,
    Outcome,
    PatchDiff,
    Rule,
    When,
)

SHIPPED = Path(__file__).parents[2] / "rules"
MBOX = Path(__file__).parents[3] / "shared" / "series" / "zero-page-v2.mbox"


def load(tmp_path, text):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    return rules.load(path)


def change(*lines, removed=()):
    hunk = Hunk(1, len(removed), 1, len(lines), tuple(removed), lines)
    patch = PatchDiff(1, (FileChange("mm/a.c", "mm/a.c", "M", (hunk,)),))
    return Change("", "", "", "", (), (patch,))


def test_a_rule_as_a_maintainer_writes_it(tmp_path):
    text = """\
# Ours.
rules:
  - name: foo is for GPL modules
    symbol: foo
    expect: gpl-only
  - name: bar has gone from 64-bit kernels
    symbol: bar
    expect: [absent, unmentioned]
    severity: WARN
    when: {config: CONFIG_64BIT, not_config: [CONFIG_NUMA], arch: [s390, mips-vce]}
  - name: baz is thrown away after boot
    symbol: baz
    section: .init.*
    when: {defined: foo, not_defined: bar}
"""
    origin = f"{tmp_path}/my.yaml"

    assert load(tmp_path, text) == (
        Rule("foo is for GPL modules", "foo", ("gpl-only",), origin=f"{origin}:3"),
        Rule(
            *("bar has gone from 64-bit kernels", "bar", ("absent",)),
            unmentioned=True,
            when=When(
                config=("CONFIG_64BIT",), not_config=("CONFIG_NUMA",), arch=("s390", "mips-vce")
            ),
            severity=Outcome.WARN,
            origin=f"{origin}:6",
        ),
        Rule(
            *("baz is thrown away after boot", "baz", ()),
            section=".init.*",
            when=When(defined=("foo",), not_defined=("bar",)),
            origin=f"{origin}:11",
        ),
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("expect: exproted", "my.yaml:4:5: rules.0.expect.0: must be 'present', 'absent'"),
        ("expect: []", "my.yaml:2:5: rules.0: asks nothing: give expect or section"),
        ("expect: [exported, absent]", "my.yaml:4:5: rules.0.expect: absent and exported cannot"),
        ("expect: [unmentioned, present]", "present and unmentioned cannot both hold"),
        ("expect: absent\n    section: .data", "rules.0: asks for a section of a symbol that must"),
        ("section: .data\n    wehn: {}", "my.yaml:5:5: rules.0.wehn: unknown key"),
        ("section: .data\n    severity: ERROR", "rules.0.severity: must be 'FAIL' or 'WARN'"),
        ("section: .data\n    when: {config: NUMA}", "5:12: rules.0.when.config.0: 'NUMA' does not"),
        ("section: .data\n    when: {arch: no}", 'YAML reads no as bool, not as text: put it in quotes, "no"'),
        ("section: .data\n    when: {defined: a b}", "rules.0.when.defined.0: 'a b' does not look"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule_is_named_with_its_place(tmp_path, body, said):
    with pytest.raises(InputError) as raised:
        load(tmp_path, f"rules:\n  - name: foo\n    symbol: foo\n    {body}\n")
    assert said in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path}/my.yaml:")


def test_rules_of_one_file_have_names_of_their_own(tmp_path):
    one = "  - {name: foo, symbol: foo, expect: present}\n"

    with pytest.raises(InputError, match=r'my.yaml:3:6: rules.1.name: another rule .* "foo"'):
        load(tmp_path, f"rules:\n{one}{one}")
    with pytest.raises(InputError, match=r"my\.yaml:1:1: rules: must not be empty"):
        load(tmp_path, "rules: []\n")


def test_the_shipped_rules_about_the_zero_page():
    shipped = [(r.symbol, r.expect, r.section, r.when.defined, r.when.not_defined)
               for r in rules.shipped(SHIPPED) if r.origin.startswith("rules/zero-page.yaml:")]  # fmt: skip

    mask, setup = ("zero_page_mask",), ("arch_setup_zero_pages",)
    assert shipped == [
        ("__zero_page", ("exported",), "", setup, mask),
        ("__zero_page", (), "ro_after_init", setup, mask),
        ("__zero_page", ("absent",), "", mask, ()),
        ("zero_page_mask", ("exported",), "", mask, ()),
        ("empty_zero_page", ("exported",), "", mask, ()),
        ("mem_map_zero", ("absent",), "", setup, ()),
    ]
    assert [r.symbol for r in rules.shipped(SHIPPED) if r.unmentioned] == ["mem_map_zero"]


def test_an_installation_without_rules_is_our_fault(tmp_path):
    with pytest.raises(InfraError, match="install it again"):
        rules.shipped(tmp_path / "rules")


A = Rule("a", "alpha", ("present",), origin="rules/one.yaml:2")
B = Rule("b", "beta", ("present",), when=When(defined=("gamma",)), origin="rules/one.yaml:5")
C = Rule("c", "alphabet", ("present",), origin="rules/two.yaml:2")
ALL = (A, B, C)


@pytest.mark.parametrize(
    ("touched", "selected"),
    [
        (change("int alpha;"), (A, B)),
        (change(removed=("\treturn &beta->x;",)), (A, B)),
        (change("#ifdef gamma"), (A, B)),
        (change("int alphabet[3];"), (C,)),
        (change("int my_alpha, alpha2, alphabets;"), ()),
        (change("EXPORT_SYMBOL(alpha);", "x(alphabet)"), (A, B, C)),
        (change(), ()),
    ],
)
def test_a_file_applies_as_a_whole_when_a_line_names_one_of_its_symbols(touched, selected):
    assert rules.select(ALL, touched) == selected


def test_a_symbol_that_one_patch_adds_and_the_next_removes_is_touched_too():
    first, second = change("int alpha;"), change(removed=("int alpha;",))
    both = Change("", "", "", "", (), (*first.patches, *second.patches))

    assert rules.select(ALL, both) == (A, B)


def test_rules_that_were_given_always_apply_and_only_once():
    given = Rule("a", "alpha", ("present",), origin="/home/me/copy-of-one.yaml:2")

    assert rules.select(ALL, change("nothing"), (given,)) == (given,)
    assert rules.select(ALL, change("alpha"), (given,)) == (given, B)


def test_the_zero_page_patch_selects_its_rules():
    if not MBOX.exists():
        pytest.skip("the zero-page patch is not here")
    lines = [line[1:] for line in MBOX.read_text().splitlines() if line.startswith("+")]

    assert rules.select(rules.shipped(SHIPPED), change(*lines)) == rules.shipped(SHIPPED)
