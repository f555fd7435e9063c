# SPDX-License-Identifier: GPL-2.0-or-later
"""When a boot is over, and what QEMU's end says of it."""

from dataclasses import replace

import pytest

from pipeline.model import InfraError, Machine
from workers.guest import boots
from workers.guest.qemu import Run, command, ending
from workers.guest.watch import Ending, Patience, Watch
from workers.sandbox.contract import Ended

BANNER = "[    0.000000] Linux version 7.2.13+ (gcc) #1"
START = "# crosscheck-init: start"
END = "# crosscheck-init: end"
PANIC = "[    2.0] Kernel panic - not syncing: Fatal exception"


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def play(*script, patience=None):
    """Lines, and seconds to wait (in ticks of half a second); what ended it, when, the watch."""
    clock = Clock()
    watch = Watch(patience or Patience(90, silence_s=25), clock)
    for step in script:
        if isinstance(step, str):
            word = watch(step)
            if word:
                return word, clock.now, watch
            continue
        for _ in range(int(step * 2)):
            clock.now += 0.5
            word = watch(None)
            if word:
                return word, clock.now, watch
    return None, clock.now, watch


def test_a_boot_that_goes_on_is_left_alone():
    word, _, watch = play(BANNER, 20, "a", 20, START, 20, "b", 20)
    assert word is None
    assert watch.longest_silence_s == 20


def test_silence_is_a_hang_and_the_watch_knows_the_test():
    word, now, watch = play(BANNER, START, "# running zero_page_read", 60)
    assert word == Ending.HANG
    assert now == pytest.approx(25.5)
    assert watch.running == "zero_page_read"


def test_before_the_kernels_first_line_it_waits_twice_as_long():
    word, now, _ = play("OpenBIOS", 60)
    assert (word, now) == (Ending.HANG, pytest.approx(50.5))


@pytest.mark.parametrize(("silence", "expected"), [(25.5, Ending.HANG), (24, Ending.TIME)])
def test_what_runs_out_of_time_in_a_long_silence_is_a_hang(silence, expected):
    _, now, watch = play("OpenSBI", 5, "Boot HART", silence)
    assert ending(Ended(0, now, "time"), watch) is expected


def test_a_machine_that_init_sends_off_is_done_though_its_last_word_was_lost():
    lost = ("# crossch[    1.2] random: crng init done", "eck-init: end")
    _, _, watch = play(BANNER, START, *lost, "[    1.3] reboot: Power down")
    assert ending(Ended(0, 1.0), watch) is Ending.POWERED_OFF


@pytest.mark.parametrize(
    ("ended", "expected"),
    [(Ending.HANG, Ending.STAYED_ON), (Ending.RESET, Ending.POWERED_OFF), (Ending.PANIC,) * 2],
)
def test_a_boot_that_reported_every_test_ended_well(ended, expected):
    report = (START, "KTAP version 1", "1..2", "ok 1 memory", "ok 2 zero_page_read")
    _, now, watch = play(BANNER, *report)
    assert boots.read(Run(ended, now, watch)).ending is expected
    _, now, watch = play(BANNER, *report[:-1])
    assert boots.read(Run(ended, now, watch)).ending is ended


def test_a_panic_may_finish_its_trace():
    word, now, _ = play(BANNER, 1, PANIC, 1, "Call Trace:", 10)
    assert (word, now) == (Ending.PANIC, 4.5)


def test_the_last_line_of_a_panic_ends_it_at_once():
    assert play(BANNER, PANIC, "---[ end Kernel panic - not syncing: x ]---")[0] == Ending.PANIC


def test_a_machine_that_panics_for_ever_is_ended():
    again = "BOOTKernel panic - not syncing: Reboot failed!"
    assert play(BANNER, PANIC, again)[0] == Ending.PANIC
    assert play(BANNER, PANIC, *["register dump"] * 500)[0] == Ending.PANIC


def test_after_the_inits_end_it_has_time_to_go_off():
    word, now, watch = play(BANNER, START, END, 30)
    assert (word, now) == (Ending.STAYED_ON, 10.5)
    assert watch.finished


def test_where_nobody_waits_for_it_to_go_off_the_inits_last_word_ends_it():
    word, now, watch = play(BANNER, START, END, 30, patience=Patience(90, power_off_s=0).times(2))
    assert (word, now) == (Ending.STAYED_ON, 0)
    assert watch.finished


def test_after_the_kernels_last_word_it_has_less():
    word, now, _ = play(BANNER, START, END, "reboot: Power down", 30)
    assert (word, now) == (Ending.STAYED_ON, 2.5)


def test_a_second_kernel_after_init_is_a_reset_but_not_a_console_that_starts_over():
    assert play(BANNER, "bootconsole disabled", BANNER, START)[0] is None
    assert play(BANNER, START, BANNER)[0] == Ending.RESET


def test_time_in_which_we_slept_does_not_count():
    clock = Clock()
    watch = Watch(Patience(90), clock)
    watch(BANNER)
    clock.now += 3600  # a suspended laptop
    assert watch(None) is None


def ended(*lines, code=0, stopped=""):
    watch = Watch(Patience(90), Clock())
    for line in lines:
        watch(line)
    return ending(Ended(code, 1.0, stopped), watch)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (ended(BANNER, START, END), Ending.POWERED_OFF),
        (ended(BANNER, PANIC), Ending.PANIC),
        (ended(BANNER, START), Ending.RESET),
        (ended(), Ending.RESET),
        (ended(BANNER, stopped="log"), Ending.FLOOD),
        (ended(BANNER, stopped="time"), Ending.TIME),
        (ended(BANNER, stopped="hang"), Ending.HANG),
        (
            ended(
                BANNER,
                "qemu: fatal: Trap 0x0064 while trap level (5) >= MAXTL (5), Error state",
                code=134,
            ),
            Ending.CRASH,
        ),
    ],
)
def test_what_the_kernel_did(how, expected):
    assert how is expected


@pytest.mark.parametrize(
    ("lines", "code", "stopped"),
    [
        (("qemu-system-arm: -foo: invalid option",), 1, ""),
        ((), 127, ""),
        ((BANNER, "Raised interrupt while not in I/O function"), 134, ""),
        ((BANNER, "qemu-system-arm: terminating on signal 15 from pid 1"), 0, ""),
        ((BANNER,), 137, ""),
        ((BANNER,), 0, "memory"),
        ((BANNER,), 0, "cancelled"),
    ],
)
def test_what_qemu_or_we_did_accuses_nobody(lines, code, stopped):
    with pytest.raises(InfraError):
        ended(*lines, code=code, stopped=stopped)


def test_qemus_arguments_are_filled_where_they_name_something():
    machine = Machine(
        qemu=("qemu", "-kernel", "{image}", "-initrd", "{initramfs}", "-append", "{append}"),
        append="console=ttyS0 {x}",
        seconds_limit=1,
        zero_pages=1,
    )
    assert command(machine) == (
        *("qemu", "-kernel", "/boot/image", "-initrd", "/boot/initramfs"),
        *("-append", "console=ttyS0 {x}"),
    )


def test_a_machine_that_counts_has_a_seed_and_other_words_for_its_kernel():
    machine = Machine(
        qemu=("qemu", "-append", "{append}"),
        append="console=ttyS0",
        seconds_limit=1,
        zero_pages=1,
        icount="shift=5",
        icount_append="nowait",
    )
    assert command(machine) == ("qemu", "-append", "console=ttyS0")
    assert command(machine, seed=3) == (
        *("qemu", "-append", "console=ttyS0 nowait", "-icount", "shift=5", "-seed", "3"),
        *("-rtc", "base=2020-01-01T00:00:00,clock=vm"),
    )
    assert command(replace(machine, icount_append=""), seed=3)[2] == "console=ttyS0"
