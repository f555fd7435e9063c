# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck watch`: reads, starts and answers, each in its time, until it is stopped."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from contextlib import suppress

from pipeline.engine import clean_up
from pipeline.lists.config import MailList, Mode
from pipeline.lists.config import load as load_lists
from pipeline.matrix import Matrix
from pipeline.matrix import load as load_matrix
from pipeline.model import InfraError, InputError
from pipeline.outbox.smtp import server
from pipeline.publish import must_be_set_up
from pipeline.report.addressing import sender_address
from pipeline.report.wording import count, listed
from pipeline.settings import Settings
from pipeline.signals import SignalledError, heeding_signals
from pipeline.sources import open_source
from pipeline.store import Store
from pipeline.trees.repository import open_tree
from pipeline.watching.children import Children
from pipeline.watching.loop import Loop
from pipeline.watching.reading import Reader
from pipeline.watching.watch import keep_watch, take_watch

_TICK_S = 1.0
_BEAT_S = 20.0
_CLEAN_S = 60.0
#: What came in so shortly before the last watch ended may not have been looked at.
_OVERLAP_S = 600.0
_KEEP_MAILS_S = 120 * 24 * 3600.0


def _checked(settings: Settings) -> tuple[MailList, ...]:
    """The lists, if all that they need is set up: better now than when the first answer is due."""
    if settings.lists is None:
        raise InputError("Set CROSSCHECK_LISTS to a file that says which lists to watch.")
    lists = load_lists(settings.lists)
    matrix = load_matrix(settings.matrix)
    for mail_list in lists:
        try:
            _check(mail_list, matrix, settings)
        except InputError as error:
            raise InputError(f"{settings.lists}: lists.{mail_list.name}: {error}") from error
    sender_address(settings.sender)
    if settings.smtp_url:
        server(settings.smtp_url)
    if settings.patchwork_url or settings.kcidb_url:
        must_be_set_up(settings)
    return lists


def _check(mail_list: MailList, matrix: Matrix, settings: Settings) -> None:
    """Raises InputError for what MAIL_LIST names and is not there."""
    for url in mail_list.sources:
        open_source(url).close()
    for tree in mail_list.trees:
        open_tree(tree.path, settings, lambda _: None, branch=tree.branch)
    there = {
        "targets": (mail_list.targets, {target.name for target in matrix.targets}),
        "checks": (mail_list.checks, {check.name for check in matrix.checks}),
    }
    for key, (wanted, known) in there.items():
        if unknown := sorted(set(wanted) - known):
            raise InputError(
                f"{key}: {settings.matrix} has no {listed(unknown)}, but {listed(sorted(known))}."
            )
    if mail_list.mode is not Mode.FOLDER and not settings.smtp_url:
        raise InputError(
            f"answer: {mail_list.mode}: set CROSSCHECK_SMTP_URL to a server that sends, or take"
            " `folder`."
        )


def watch(settings: Settings, store: Store, runs: int, say: Callable[[str], None]) -> None:
    """Watch the lists of SETTINGS, RUNS side by side at most, until a signal asks to stop.

    Raises InputError for what is not set up, and InfraError if another process watches.
    """
    lists = _checked(settings)
    logging.basicConfig(format="crosscheck: %(message)s", level=logging.INFO)
    clock = store.clock()
    before = take_watch(store, clock())
    children = Children(runs, settings.state_dir / "watch")
    loop = Loop(settings, store, lists, children, clock, say)
    reader = Reader(settings.database_url, lists, clock)
    names = ", ".join(each.name for each in lists)
    try:
        with heeding_signals(), store.patient(say, limit_s=math.inf):
            say(f"watching {names}; {count(runs, 'run')} at a time; Ctrl-C ends it")
            for thread in store.threads_since(before - _OVERLAP_S) if before else ():
                loop.look_at(thread)
            reader.start()
            _tend(settings, store, loop, reader, say)
    except SignalledError:
        say("ended; what was running is begun anew by the next watch")
    finally:
        reader.stop()
        loop.end()


def _tend(
    settings: Settings, store: Store, loop: Loop, reader: Reader, say: Callable[[str], None]
) -> None:
    beat_at = cleaned_at = -math.inf
    while True:
        now = loop.clock()
        if now - beat_at >= _BEAT_S:
            beat_at = now
            keep_watch(store, now)
        if now - cleaned_at >= _CLEAN_S:
            cleaned_at = now
            store.forget_mails(now - _KEEP_MAILS_S)
            with suppress(OSError, InfraError):  # a disk that is full, say, is no end
                for run in clean_up(settings, store):
                    say(f"run {run} was cut off; it is concluded as ERROR")
        for thread in reader.changed(_TICK_S):
            loop.look_at(thread)
        loop.tick()
