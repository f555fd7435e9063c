# SPDX-License-Identifier: GPL-2.0-or-later
"""What counts as a splat, and when two are the same.

`consoles/` holds oopses of real kernels, provoked by writing to their text through /dev/mem.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.parsers.console import clean, message
from workers.parsers.splats import normalise, parse

CONSOLES = Path(__file__).parent / "consoles"
MIPS_TITLE = (
    "CPU N Unable to handle kernel paging request at virtual address ADDR, epc == ADDR, ra == ADDR"
)


def lines(text):
    return [line.strip("\n") for line in text.strip().splitlines()]


@pytest.mark.parametrize(
    ("console", "function", "title"),
    [
        (
            "arm64-null",
            "__arm64_sys_getppid",
            "Unable to handle kernel NULL pointer dereference at virtual address ADDR",
        ),
        ("riscv64-illegal", "__riscv_sys_getppid", "Oops - illegal instruction"),
        (
            "x86_64-page-fault",
            "__do_sys_getppid",
            "BUG: unable to handle page fault for address: ADDR",
        ),
        (
            "s390-null",
            "__s390x_sys_getppid",
            "Unable to handle kernel pointer dereference in virtual kernel address space",
        ),
        ("s390-illegal", "__s390x_sys_getppid", "illegal operation: N ilc:N"),
        (
            "mips-null",
            "sys_getppid",
            MIPS_TITLE,
        ),
        ("sparc64-illegal", "sys_getppid", "init(N): Kernel illegal instruction"),
    ],
)
def test_an_oops_of_any_architecture_is_one_splat_with_its_function_and_its_panic(
    console, function, title
):
    (splat,) = parse((CONSOLES / f"{console}.txt").read_text().splitlines())
    assert (splat.kind, splat.function, splat.title) == ("oops", function, title)
    assert any("Kernel panic - not syncing" in line for line in splat.trace)


WARNING_7 = """
------------[ cut here ]------------
WARNING: mm/page_alloc.c:123 at free_pages_prepare+0x12/0x340, CPU#0: swapper/0/1
Modules linked in:
CPU: 0 UID: 0 PID: 1 Comm: swapper/0 Not tainted 7.2.13+ #1
Call Trace:
 __free_pages+0x1/0x2
---[ end trace 0000000000000000 ]---
"""
WARNING_6 = """
[    1.234567] ------------[ cut here ]------------
[    1.234568] refcount_t: underflow; use-after-free.
[    1.234569] WARNING: CPU: 0 PID: 17 at lib/refcount.c:28 refcount_warn_saturate+0xbe/0x110
[    1.234570] Modules linked in:
[    1.234571] ---[ end trace 89abcdef01234567 ]---
"""
KASAN = """
==================================================================
BUG: KASAN: slab-out-of-bounds in kmalloc_oob_right.constprop.0+0xa8/0xbc
Write of size 1 at addr ffff888008b1c37b by task init/1

CPU: 0 PID: 1 Comm: init
Call Trace:
 dump_stack_lvl+0x4c/0x64
"""
LOCKDEP = """
======================================================
WARNING: possible circular locking dependency detected
7.2.13 #1 Not tainted
------------------------------------------------------
init/1 is trying to acquire lock:
ffffffff82a3e0f8 (cpu_hotplug_lock){++++}-{0:0}, at: static_key_enable+0x9/0x20
"""
STALL = """
rcu: INFO: rcu_sched self-detected stall on CPU
rcu: \t0-....: (5250 ticks this GP) idle=1254/1/0x4000000000000002 softirq=38/38 fqs=2625
rcu: rcu_sched kthread starved for 2100 jiffies! g-1199 f0x0 RCU_GP_WAIT_FQS(5)
"""


@pytest.mark.parametrize(
    ("text", "kind", "title", "function", "place"),
    [
        (WARNING_7, "warning", "WARN_ON()", "free_pages_prepare", ("mm/page_alloc.c", 123)),
        (
            WARNING_6,
            "warning",
            "refcount_t: underflow; use-after-free.",
            "refcount_warn_saturate",
            ("lib/refcount.c", 28),
        ),
        (
            KASAN,
            "kasan",
            "BUG: KASAN: slab-out-of-bounds in kmalloc_oob_right",
            "kmalloc_oob_right",
            ("", None),
        ),
        (
            LOCKDEP,
            "lockdep",
            "WARNING: possible circular locking dependency detected",
            "",
            ("", None),
        ),
        (STALL, "rcu-stall", "rcu: INFO: rcu_sched self-detected stall on CPU", "", ("", None)),
        (
            "UBSAN: array-index-out-of-bounds in ../mm/slub.c:12:3\nindex 5 is out of range",
            "ubsan",
            "UBSAN: array-index-out-of-bounds in ../mm/slub.c:N:N",
            "",
            ("mm/slub.c", 12),
        ),
        (
            "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [init:1]",
            "lockup",
            "watchdog: BUG: soft lockup - CPU#N stuck for Ns! [init:N]",
            "",
            ("", None),
        ),
        (
            "INFO: task init:1 blocked for more than 122 seconds.",
            "hung-task",
            "INFO: task init:N blocked for more than N seconds.",
            "",
            ("", None),
        ),
        (
            "kernel BUG at /src/mm/vmscan.c:99!",
            "bug",
            "kernel BUG at /src/mm/vmscan.c:N!",
            "",
            ("mm/vmscan.c", 99),
        ),
        (
            "BUG: Bad page state in process init  pfn:0abcd",
            "bug",
            "BUG: Bad page state in process init pfn:N",
            "",
            ("", None),
        ),
        (
            "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
            "panic",
            "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(N,N)",
            "",
            ("", None),
        ),
        (
            "WARNING: no console for you",
            "printk-warning",
            "WARNING: no console for you",
            "",
            ("", None),
        ),
    ],
)
def test_each_kind_has_its_headline_its_function_and_its_place(text, kind, title, function, place):
    (splat,) = parse(lines(text))
    assert (splat.kind, splat.title, splat.function) == (kind, title, function)
    assert (splat.file, splat.line) == place


QUIET = """
Linux version 7.2.13+ (gcc 12.2.0) #1 SMP
[Firmware Bug]: TSC not synchronous
rcu: Hierarchical SRCU implementation.
Warning: unable to open an initial console.
watchdog: NMI not fully supported
Freeing unused kernel memory: 384K
Run /init as init process
# running zero_page_read
not ok 1 zero_page_read
reboot: Power down
"""


def test_an_ordinary_boot_has_no_splat():
    assert parse(lines(QUIET)) == ()


def test_a_panic_of_its_own_is_not_put_down_to_a_warning_before_it():
    panic = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b"
    warning, other = parse([*lines(WARNING_7), panic])
    assert (warning.kind, other.kind) == ("warning", "panic")
    assert other.title == panic  # the exit status tells


def test_a_warning_that_is_made_to_panic_is_one_splat():
    panic = "Kernel panic - not syncing: kernel: panic_on_warn set ..."
    (splat,) = parse([*lines(WARNING_7), panic])
    assert splat.kind == "warning"


def test_reports_of_the_init_do_not_get_into_traces_nor_end_them():
    first, *rest = lines(WARNING_7)
    (splat,) = parse([first, "ok 1 memory", *rest])
    assert "ok 1 memory" not in splat.trace
    assert splat.trace[-1].startswith("---[ end trace")


def test_two_warnings_of_one_function_are_two():
    other = WARNING_7.replace(":123", ":130")
    assert [s.line for s in parse(lines(WARNING_7) + lines(other))] == [123, 130]


def test_the_same_splat_twice_is_one():
    assert len(parse(lines(WARNING_7) * 3)) == 1


NUMBERS = st.integers(0, 2**64 - 1)


@given(NUMBERS, NUMBERS, st.integers(0, 99), st.integers(0, 9_999_999))
def test_boots_differ_in_addresses_processors_and_times_but_not_in_titles(a, b, cpu, pid):
    def title(address, processor, process):
        (splat,) = parse(
            [
                f"[ {process}.000001] BUG: unable to handle page fault for address: {address:016x}",
                f"[ {process}.000002] CPU: {processor} PID: {process} Comm: init",
                f"[ {process}.000003] RIP: 0010:do_anonymous_page.part.0+0x{address:x}/0xfff",
            ]
        )
        return splat.key

    assert title(a, 0, 1) == title(b, cpu, pid)


@given(st.text())
def test_normalising_twice_changes_nothing_more(text):
    assert normalise(normalise(text)) == normalise(text)


@given(st.lists(st.sampled_from([*lines(WARNING_7), *lines(KASAN), *lines(STALL), "\x00", ""])))
def test_no_shuffled_console_is_too_strange(shuffled):
    for splat in parse(shuffled):
        assert splat.headline.strip()


def test_lines_are_cleaned_of_what_terminals_and_printk_add():
    assert clean("\x1b[0;32m[    0.5] ok\x00\r") == "[    0.5] ok"
    assert message("<6>[    0.500000][    T1] ok") == "ok"
    assert message("[drm] ready") == "[drm] ready"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [init:1]",
            "watchdog: BUG: soft lockup - CPU#3 stuck for 45s! [kworker/u8:1:33]",
        ),
        (
            "rcu: INFO: rcu_sched detected stalls on CPUs/tasks: { 0-... } (detected by 1, t=52 jiffies)",
            "rcu: INFO: rcu_sched detected stalls on CPUs/tasks: { 0-... 2-... } (detected by 3, t=9 jiffies)",
        ),
        ("kernel BUG at mm/a.c:12!", "kernel BUG at mm/renamed.c:14!"),
    ],
)
def test_what_chance_or_the_series_itself_renames_makes_no_other_splat(one, other):
    ((first,), (second,)) = parse([one]), parse([other])
    assert first.key == second.key


def test_the_end_of_a_panic_is_no_other_one():
    headline = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b"
    (panic,) = parse([headline, "Call Trace:", f"---[ end {headline} ]---", "later"])
    assert panic.headline == headline
    assert len(panic.trace) == 3


def test_a_number_in_brackets_is_no_oops():
    assert parse(["usb 1-1: port [#1] probed"]) == ()
