# SPDX-License-Identifier: GPL-2.0-or-later
"""What a diagnostic names: symbols, and not the types of C."""

from __future__ import annotations

import pytest

from workers.parsers.diag_blame import symbols
from workers.parsers.diagnostics import parse


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("mm/a.c:1:2: warning: assigning value of variable of type 'int' to itself", ()),
        ("mm/a.c:1:2: error: no member named 'x' in 'struct y'", ("x",)),
        ("ld.lld-19: error: duplicate symbol: twice", ("twice",)),
    ],
)
def test_types_are_no_symbols(line, named):
    (found,) = parse([line])
    assert symbols(found) == named
