# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is responsible for a file, by the rules at the head of MAINTAINERS."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lists.maintainers import responsible, sections


def people(*entries, path, who="M:\tAnn Thor <ann@example.org>\n"):
    text = "AN AREA\n" + who + "".join(f"{entry}\n" for entry in entries)
    return responsible(sections(text), [path])


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        # The examples of the file itself.
        ("drivers/net/", "drivers/net/a.c", True),
        ("drivers/net/", "drivers/net/b/a.c", True),
        ("drivers/net/", "drivers/network.c", False),
        ("drivers/net/*", "drivers/net/a.c", True),
        ("drivers/net/*", "drivers/net/b/a.c", False),
        ("*/net/*", "drivers/net/a.c", True),
        ("*/net/*", "net/a.c", False),
        ("*/net/*", "a/b/net/a.c", False),
        ("fs/**/*foo*.c", "fs/a/b/xfoo.c", True),
        ("fs/**/*foo*.c", "fs/a/foo.h", False),
        # THE REST
        ("*", "Makefile", True),
        ("*", "mm/a.c", False),
        ("*/", "mm/a.c", True),
        # others
        ("mm/a.c", "mm/a.c", True),
        ("mm/a.c", "mm/axc", False),
        ("mm/a.c", "mm/a.cc", False),
        ("mm/a.c", "tools/mm/a.c", False),
        ("mm/damon", "mm/damon/core.c", True),
        ("mm/damon", "mm/damon.c", False),
        ("drivers/da7?.[ch]", "drivers/da72.h", True),
        ("drivers/da7?.[ch]", "drivers/da72.S", False),
    ],
)
def test_files(pattern, path, matches):
    assert bool(people(f"F:\t{pattern}", path=path)) is matches


def test_what_is_excluded_is_not_maintained():
    entries = ("F:\tnet/", "X:\tnet/ipv6/")
    assert people(*entries, path="net/ipv4/a.c")
    assert not people(*entries, path="net/ipv6/a.c")
    assert not people("N:\tipv6", "X:\tnet/ipv6/", path="net/ipv6/a.c")


def test_names_are_searched_for_anywhere():
    assert people("N:\t[^a-z]tegra", path="drivers/soc/tegra/a.c")
    assert not people("N:\t[^a-z]tegra", path="drivers/integrator.c")


def test_an_expression_that_is_none_matches_nothing():
    assert not people("N:\t(tegra", path="drivers/tegra(.c")
    assert people("N:\t(tegra", "F:\tdrivers/", path="drivers/tegra.c")


def test_maintainers_and_reviewers_count_and_lists_do_not():
    who = 'M:\t"A. Thor" <Ann@Example.org>\nM:\tbob@example.org\nR:\tCy <cy@example.org>\n'
    who += "L:\tlist@example.org\nM:\tnobody\n"
    found = people("F:\tmm/", path="mm/a.c", who=who)
    assert found == {"ann@example.org", "bob@example.org", "cy@example.org"}


def test_the_examples_at_the_head_are_no_sections():
    text = "\tM: *Mail* <a@x>\n\tF: mm/\n\nM:\tX <x@x>\nF:\tmm/\n\n"
    text += "Maintainers List\n----------------\n\nMM\nM:\tB <b@x>\nF:\tmm/\n"
    assert responsible(sections(text), ["mm/a.c"]) == {"b@x"}


@given(st.text(st.sampled_from("MRFXN:\t\n*?/[]()a.c<>@")))
def test_every_text_is_read(text):
    responsible(sections(text), ["a/a.c", "", "/"])


PATHS = (
    "mm/mm_init.c",
    "arch/s390/mm/init.c",
    "drivers/net/ethernet/intel/e1000/e1000_main.c",
    "include/linux/pgtable.h",
    "fs/ext4/inode.c",
    "net/ipv6/route.c",
    "sound/soc/codecs/da7219.c",
    "drivers/irqchip/irq-gic-v3.c",
    "Documentation/mm/index.rst",
    "drivers/soc/tegra/pmc.c",
    "Makefile",
    "rust/kernel/lib.rs",
)


@pytest.mark.integration
def test_it_says_what_the_kernels_own_script_says(linux):
    found = sections((linux / "MAINTAINERS").read_text())
    assert len(found) > 2000
    for path in PATHS:
        said = subprocess.run(
            ["perl", "scripts/get_maintainer.pl", "--nogit", "--nogit-fallback", "--no-l", "--git-chief-penguins",
             "--norolestats", "--nokeywords", "--nofixes", "--no-fe", "--nomailmap",
             "--no-remove-duplicates", "-f", path],
            cwd=linux, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        theirs = {address.lower() for address in re.findall(r"[^\s<]+@[^\s>]+", said)}
        assert theirs
        assert responsible(found, [path]) == theirs, path
