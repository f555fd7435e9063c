# SPDX-License-Identifier: GPL-2.0-or-later
"""What an earlier build said about what a later one left as it was."""

from __future__ import annotations

from workers.parsers.said import (
    after_last_step,
    before_last_step,
    remade,
    still_true,
    worth_keeping,
)

BEFORE = """\
mm/Makefile:3: overriding recipe
  CC      mm/memory.o
mm/memory.c:3:5: warning: unused variable 'x' [-Wunused-variable]
    3 | int x;
      |     ^
  CC      mm/init.o
  AR      mm/built-in.a
make[2]: Leaving directory '/build'
nothing of init's
  HOSTCC  /build/tools/a.o
a.c:1: warning: odd
  LD      vmlinux
ld: warning: x has a LOAD segment with RWX permissions
""".splitlines()


def everything(_name):
    return True


def test_only_steps_with_something_to_say_are_kept():
    kept = worth_keeping(BEFORE)
    assert kept[0] == "  CC      mm/memory.o"
    assert "  CC      mm/init.o" not in kept
    assert "nothing of init's" not in kept
    assert worth_keeping(kept) == kept


def test_what_was_made_again_speaks_for_itself():
    kept = worth_keeping(BEFORE)
    now = ["  CC      mm/memory.o", "  LD      vmlinux"]
    assert still_true(kept, now, everything) == (
        "  HOSTCC  /build/tools/a.o",
        "a.c:1: warning: odd",
    )
    assert still_true(kept, [], everything) == kept


def test_of_what_is_not_there_any_more_nothing_is_said():
    told = still_true(worth_keeping(BEFORE), [], {"vmlinux", "tools/a.o"}.__contains__)
    assert told[0] == "  HOSTCC  /build/tools/a.o"
    assert not [line for line in told if "memory" in line]


def test_objects_are_named_relative_to_the_build_directory():
    assert remade(BEFORE) == {
        "mm/memory.o", "mm/init.o", "mm/built-in.a", "tools/a.o", "vmlinux",
    }  # fmt: skip


def test_a_step_that_is_named_by_a_source_is_still_true_until_it_is_done_again():
    said = [
        "  CALL    /src/scripts/checksyscalls.sh",
        "warning: #warning syscall foo not implemented",
    ]
    assert still_true(worth_keeping(said), [], set().__contains__) == tuple(said)
    assert still_true(worth_keeping(said), said[:1], set().__contains__) == ()


def test_what_conf_says_is_no_word_about_conf():
    configuring = [
        "  HOSTCC  scripts/kconfig/conf.o", "conf.c:1: warning: odd",
        "  HOSTLD  scripts/kconfig/conf", "Kconfig:3: syntax error",
    ]  # fmt: skip
    assert before_last_step(configuring) == tuple(configuring[:2])
    assert before_last_step(configuring[3:]) == tuple(configuring[3:])
    assert before_last_step([]) == ()
    assert after_last_step(configuring) == tuple(configuring[3:])
    assert after_last_step(configuring[3:]) == tuple(configuring[3:])
    assert after_last_step(["  HOSTLD  scripts/kconfig/conf"]) == ()


def test_what_make_says_of_its_own_rules_is_no_word_about_what_was_made_before():
    lines = ["  CC      mm/a.o", "/src/mm/Makefile:3: warning: overriding recipe for target 'x'"]
    assert worth_keeping(lines) == ()


def test_a_long_line_keeps_nobody_waiting():
    assert worth_keeping(["  CC      mm/a.o", "Makefile" * 100_000]) != ()
