# SPDX-License-Identifier: GPL-2.0-or-later
"""Which diagnostics are new, which were there before, and whose they are."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.changes import diff, series
from workers.parsers.diag_blame import blame
from workers.parsers.diag_compare import compare, normalised
from workers.parsers.diagnostics import Diagnostic

quick = settings(max_examples=50, deadline=None)

OLD = "".join(f"line {n}\n" for n in range(1, 21))


def warn(line, text="unused variable 'x'", **more):
    more = {"file": "mm/a.c", "function": "f", "flag": "-Wunused-variable"} | more
    return Diagnostic("compiler", "warning", text, line=line, **more)


def compared(base, patched, new=OLD, **more):
    return compare(base, patched, diff({"mm/a.c": OLD}, {"mm/a.c": new}, **more))


def test_a_warning_that_only_moved_is_inherited():
    result = compared([warn(10)], [warn(12)], "new\nnew\n" + OLD)
    assert (result.new, result.inherited, result.fixed) == ((), (warn(12),), ())


def test_a_warning_does_not_hide_another_of_the_same_text_in_the_same_function():
    result = compared([warn(10)], [warn(10), warn(15)])
    assert result.new == (warn(15),)


def test_one_that_went_does_not_hide_one_that_came_at_an_unchanged_line():
    result = compared([warn(10)], [warn(15)])
    assert (result.new, result.fixed) == ((warn(15),), (warn(10),))


def test_a_warning_on_a_line_that_was_rewritten_is_inherited_once():
    new = OLD.replace("line 10\n", "line ten\nline ten and a half\n")
    result = compared([warn(10)], [warn(10), warn(11)], new)
    assert (result.new, result.inherited) == ((warn(11),), (warn(10),))


def test_the_same_text_in_a_new_function_is_new():
    new = OLD.replace("line 10\n", "") + "another\n"
    result = compared([warn(10)], [warn(20, function="g")], new)
    assert result.new == (warn(20, function="g"),)


def test_a_warning_in_a_file_that_the_build_makes_is_known_by_what_it_says():
    def made(line, **more):
        return warn(line, file="include/generated/x.h", **more)

    result = compared([made(10)], [made(12), made(14)])
    assert (result.new, result.inherited) == ((made(14),), (made(12),))


def test_a_variable_that_moves_takes_its_warning_along():
    unused = "'zz' defined but not used"
    files = diff({"a.c": "int zz;\n", "b.c": "x\n"}, {"a.c": "", "b.c": "x\nint zz;\n"})
    before = warn(1, unused, file="a.c", function="")
    after = warn(2, unused, file="b.c", function="")
    assert compare([before], [after], files).new == ()


def test_an_object_goes_along_when_its_source_is_renamed():
    files = diff({"mm/a.c": OLD}, {"mm/b.c": OLD + "more\n"}, {"mm/b.c": "mm/a.c"})
    for text in ("{}: section mismatch in reference: f (section: .text)", "missing X in {}.o"):
        before, after = (warn(None, text.format(stem)) for stem in ("mm/a", "mm/b"))
        assert compare([before], [after], files).new == ()
        assert compare([replace(before, file="mm/a.o")], [replace(after, file="mm/b.o")], files).new == ()  # fmt: skip


def test_a_warning_goes_along_when_its_file_is_renamed():
    files = diff({"mm/a.c": OLD}, {"mm/b.c": OLD + "more\n"}, {"mm/b.c": "mm/a.c"})
    result = compare([warn(10)], [warn(10, file="mm/b.c")], files)
    assert result.new == ()


def test_a_warning_goes_along_when_its_function_moves_to_another_file():
    files = diff({"mm/a.c": OLD, "mm/b.c": "x\n"}, {"mm/a.c": "line 1\n", "mm/b.c": "x\nmoved\n"})
    result = compare([warn(10)], [warn(2, file="mm/b.c")], files)
    assert (result.new, result.fixed) == ((), ())


def test_a_message_without_a_line_is_compared_by_what_it_says():
    undefined = Diagnostic("linker", "warning", "orphan section `.foo' at 0x1234", "")
    moved = Diagnostic("linker", "warning", "orphan section `.foo' at 0x5678", "")
    assert compared([undefined], [moved]).new == ()


def test_what_varies_from_build_to_build_is_no_part_of_a_text():
    for one, other in (
        ("section mismatch in reference: f+0x10", "section mismatch in reference: f+0x20"),
        ("first defined in mm/a.c:12", "first defined in mm/a.c:14"),
        ("f.isra.0 is unused", "f is unused"),
        (
            "the frame size of 1040 bytes is larger than 1024",
            "the frame size of 1056 bytes is larger than 1024",
        ),
        (
            "'__UNIQUE_ID_alias12' defined but not used",
            "'__UNIQUE_ID_alias34' defined but not used",
        ),
        ("f (section: .text.unlikely)", "f (section: .text)"),
        ("/tmp/ccabcdef.o: relocation", "/tmp/ccX9y8Z7.o: relocation"),
    ):
        assert normalised(one) == normalised(other)
    assert normalised("expects 1 argument") != normalised("expects 2 arguments")


def test_a_warning_that_became_an_error_by_option_is_the_same():
    result = compared([warn(10)], [warn(10, flag="-Werror=unused-variable")])
    assert result.new == ()


@quick
@given(st.sets(st.integers(1, 20), max_size=8), st.integers(0, 30), st.integers(0, 5))
def test_an_insertion_alone_makes_no_warning_new(lines, at, added):
    before = OLD.splitlines(keepends=True)
    at = min(at, len(before))
    new = "".join([*before[:at], *(f"added {n}\n" for n in range(added)), *before[at:]])
    now = [warn(n + added if n > at else n) for n in sorted(lines)]
    result = compared([warn(n) for n in sorted(lines)], now, new)
    assert (result.new, result.fixed, result.inherited) == ((), (), tuple(now))


BEFORE = {"mm/a.c": OLD, "include/linux/x.h": "int lost(void);\n", "fs/b.c": "b\n"}
FIRST = BEFORE | {"mm/a.c": OLD.replace("line 5", "wrote this")}
SECOND = FIRST | {"include/linux/x.h": ""}
THIRD = SECOND | {"fs/b.c": "b\nb\n"}
SERIES = series(BEFORE, FIRST, SECOND, THIRD)


def test_the_patch_that_wrote_the_line_is_to_blame():
    assert blame(SERIES, warn(5)) == 1


def test_the_patch_that_took_away_what_is_missed_is_to_blame():
    missed = warn(2, "implicit declaration of function 'lost'", file="kernel/untouched.c")
    assert blame(SERIES, missed) == 2


def test_the_last_patch_that_touches_the_file_is_to_blame_for_the_rest():
    assert blame(SERIES, warn(1, "odd", file="fs/b.c")) == 3
    assert blame(SERIES, Diagnostic("linker", "error", "relocation overflow", "fs/b.o")) == 3


def test_nobody_is_blamed_where_nothing_points_to_a_patch():
    assert blame(SERIES, warn(1, "odd", file="kernel/untouched.c")) is None


def test_a_series_of_one_patch_has_nobody_else_to_blame():
    assert blame(series(BEFORE, FIRST), warn(1, "odd", file="kernel/untouched.c")) == 1
