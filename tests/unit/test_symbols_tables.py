# SPDX-License-Identifier: GPL-2.0-or-later
"""System.map, Module.symvers, .config, and what stands inside a condition."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import InfraError
from workers.parsers.symbol_conditions import conditional_lines
from workers.parsers.symbol_tables import (
    Export,
    MapSymbol,
    module_symvers,
    set_options,
    system_map,
)


def test_system_map():
    text = "ffff800080010000 T _stext\n00005370 d x.0\n                 U wanted\n"
    assert system_map(text) == (
        MapSymbol(0xFFFF800080010000, "T", "_stext"),
        MapSymbol(0x5370, "d", "x.0"),
        MapSymbol(0, "U", "wanted"),
    )


def test_module_symvers():
    text = (
        "0x00000000\tempty_zero_page\tvmlinux\tEXPORT_SYMBOL\t\n"
        "0x1234abcd\tdma_buf_get\tdrivers/dma-buf/x\tEXPORT_SYMBOL_GPL\tDMA_BUF\n"
        "0x1234abcd\told\tvmlinux\tEXPORT_SYMBOL\n"
    )
    assert module_symvers(text) == (
        Export("empty_zero_page", "vmlinux", gpl_only=False),
        Export("dma_buf_get", "drivers/dma-buf/x", gpl_only=True, namespace="DMA_BUF"),
        Export("old", "vmlinux", gpl_only=False),
    )


def test_set_options():
    text = (
        "# CONFIG_NUMA is not set\nCONFIG_MODULES=y\nCONFIG_EXT4_FS=m\nCONFIG_HZ=100\nCONFIG_A=n\n"
    )
    assert set_options(text) == ("CONFIG_EXT4_FS", "CONFIG_MODULES")


@pytest.mark.parametrize("parse", [system_map, module_symvers])
def test_a_line_of_something_else_is_named(parse):
    with pytest.raises(InfraError, match=r":1 is not what (nm|modpost) writes"):
        parse("<html>\n")


@pytest.mark.parametrize("parse", [system_map, module_symvers])
@given(text=st.text())
def test_any_text_is_a_table_or_an_infra_error(parse, text):
    with contextlib.suppress(InfraError):
        parse(text)


def test_lines_inside_a_condition():
    text = "a\n#ifndef X\nb\n# if 1\nc\n# endif\nd\n#else\ne\n#endif\nf\n"
    assert conditional_lines(text, range(1, 12)) == frozenset((2, 3, 4, 5, 6, 7, 8, 9))


def test_a_line_that_is_not_there_is_not_certain():
    assert conditional_lines("a\n", [1, 9]) == frozenset((9,))
