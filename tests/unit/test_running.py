# SPDX-License-Identifier: GPL-2.0-or-later
"""How a run is called."""

from __future__ import annotations

from pipeline.running import new_name


def test_runs_of_one_second_have_names_of_their_own():
    names = {new_name(1_770_724_800.0) for _ in range(300)}
    assert len(names) == 300
    assert len({name.rpartition("-")[0] for name in names}) == 1
