# SPDX-License-Identifier: GPL-2.0-or-later
"""The chart of what a series costs: the same bytes for the same run, whatever its names are."""

from __future__ import annotations

import io
import warnings
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from matplotlib.axes import Axes
from PIL import Image

from pipeline.model import Outcome
from pipeline.report.cost_chart import _figure, _ticks, draw
from pipeline.report.costs import costs_of
from tests.unit.builders import cell, perf, row, series, size, verdict, zero_page_verdicts

STORY = zero_page_verdicts()["costs"]
LIMITS = {("s390", "zero-page"): 1.0, ("arm64", "getpid"): 1.0}


def drawn(of, form="svg", limits=None):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return draw(of, costs_of(of), form, limits)


def texts(of, limits=None):
    """What stands in the panels of the chart of OF."""
    of_figure = _figure(of, costs_of(of), limits or {}, 0)
    axes = of_figure.findobj(Axes)
    return {
        a.get_title(loc="left"): [t.get_text() for t in a.texts] for a in axes if a.get_visible()
    }


def panels(of, limits=None):
    """By target, its panel in the chart of OF, laid out."""
    of_figure = _figure(of, costs_of(of), limits or {}, 0)
    of_figure.set_dpi(150)
    of_figure.draw_without_rendering()
    return {each.get_title(loc="left"): each for each in of_figure.findobj(Axes)}


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_same_run_gives_the_same_file_without_a_date(form):
    image = drawn(STORY, form, LIMITS)
    assert image == drawn(STORY, form, LIMITS)
    assert b"<dc:date>" not in image
    assert b"Software" not in image


def test_both_forms_are_images():
    assert Image.open(io.BytesIO(drawn(STORY, "png"))).size[0] > 900
    assert ET.fromstring(drawn(STORY)).tag.endswith("svg")


def test_a_panel_for_each_target_annotates_what_differs():
    said = texts(STORY, LIMITS)
    assert said["arm64"] == ["+9.6 %  812 → 890", "-0.72 %  4,210 → 4,180"]
    assert said["s390"][0] == "WARN  +33.4 %  781 → 1,042"
    assert "not measured" in said["s390"]
    assert "-1,000" in said["Change in size, in bytes"]


def test_a_target_without_figures_says_why_in_its_place():
    lost = cell("perf", Outcome.ERROR, "lost")
    of = verdict(row("mips", lost), row("arm64", perf({"a": (1, 2)})))
    assert texts(of)["mips"] == ["not measured: lost"]
    assert list(texts(of))[:2] == ["mips", "arm64"]


@pytest.mark.parametrize(
    "figures",
    [(1, 1), (1, 1e12), (1e-300, 1e-290), (100, 0), (781, 1042), (1000, 1001)],
)
def test_any_change_has_its_place(figures):
    assert drawn(verdict(row("arm64", perf({"a": figures}))), "png")


def test_the_band_is_of_what_is_more_and_ends_at_the_limit_of_the_case():
    of = verdict(row("arm64", perf({"a": (100, 101), "b": (100, 100), "c": (1, 1)})))
    band = panels(of, {("arm64", "a"): 5.0, ("arm64", "c"): 500.0})["arm64"].patches
    assert [(each.get_x(), each.get_width()) for each in band] == [(0, 5.0), (0, 120.0)]


@pytest.mark.parametrize("after", [3e12, 1e12])
def test_figures_stay_in_their_panel(after):
    cases = {"zero_read_fault": (2e12, after), "getpid": (95, 95)}
    of = verdict(*(row(n, perf(cases)) for n in ("arm64", "mips", "s390", "x86_64")))
    for name, panel in panels(of).items():
        (words,) = panel.texts
        box, within = words.get_window_extent(), panel.get_window_extent()
        assert within.x0 <= box.x0, name
        assert box.x1 <= within.x1, name


@pytest.mark.parametrize(
    ("reach", "right"),
    [
        (2, [1]),
        (6, [1, 2, 5]),
        (60, [1, 5, 20]),
        (150, [1, 5, 20, 100]),
        (5000, [1, 10, 100, 1000]),
    ],
)
def test_there_are_ticks_where_the_figures_are(reach, right):
    assert _ticks(reach) == [*(-tick for tick in reversed(right)), 0, *right]


def test_names_are_text_and_nothing_else():
    odd = r"$\frac{$ <b>& \x1b[2J 日本語 _^"
    of = verdict(row("arm64", perf({odd: (1, 2), "": (1, 1)})), series=series(subject=odd))
    for form in ("png", "svg"):
        assert drawn(of, form)


def test_thousands_of_cases_still_make_a_chart():
    many = {f"case-{n}": (1, 2) for n in range(2000)}
    of = verdict(row("arm64", perf(many)))
    assert Image.open(io.BytesIO(drawn(of, "png"))).size[1] < 5000


def test_a_style_of_the_users_changes_nothing(monkeypatch):
    import matplotlib as mpl

    before = drawn(STORY, "png")
    with mpl.rc_context({"font.size": 30, "text.usetex": True}):
        assert drawn(STORY, "png") == before


def test_sizes_alone_of_some_targets_are_beside_the_cases_of_others():
    of = verdict(row("arm64", perf({"a": (1, 2)})), row("mips", size({"text": (0, 4)})))
    assert "+4" in texts(of)["Change in size, in bytes"]
    assert drawn(replace(of, targets=of.targets[:1]))
