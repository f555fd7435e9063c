# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals that ask this process to stop, as an exception."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pipeline.model import CrosscheckError

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalledError(CrosscheckError):
    """A signal asked us to stop."""


@contextmanager
def heeding_signals() -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP end the run in good order; what nohup(1) ignores stays so."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise SignalledError(f"interrupted by {signal.Signals(number).name}")

    heeded = [n for n in _STOPPING if signal.getsignal(n) is not signal.SIG_IGN]
    before = [signal.signal(number, stop) for number in heeded]
    try:
        yield
    finally:
        for number, handler in zip(heeded, before, strict=True):
            if signal.getsignal(number) is stop:
                signal.signal(number, handler)


def ignore_signals() -> None:
    """To the end of this process, which is near: two Ctrl-C still give a verdict."""
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)
