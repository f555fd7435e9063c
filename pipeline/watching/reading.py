# SPDX-License-Identifier: GPL-2.0-or-later
"""Mails from the sources into the store: a thread for each source, which outlives its faults."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from itertools import islice

from pipeline.addresses import shown
from pipeline.lists.config import MailList
from pipeline.model import CrosscheckError, InputError
from pipeline.series.mail import parse
from pipeline.sources import Arrival, MailSource, open_source
from pipeline.store import Incoming, Store

_log = logging.getLogger(__name__)

#: So many mails are stored at once: a crash reads no more of them again.
_BATCH = 50
_POLL_S = 60.0
#: A source that does not answer is asked again after so long, twice as long each time.
_RETRY_S = (5.0, 600.0)
#: Longer Message-IDs fit on no line of a header (RFC 5322 2.1.1).
_ID_LENGTH = 900


class Reader:
    """Reads the sources of LISTS; threads that have new mails come out of `changed`."""

    def __init__(
        self, database_url: str, lists: tuple[MailList, ...], clock: Callable[[], float]
    ) -> None:
        self._database_url = database_url
        self._clock = clock
        self._over = threading.Event()
        self._threads: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._readers = [
            threading.Thread(target=self._read, args=(each, source), daemon=True)
            for each in lists
            for source in each.sources
        ]

    def start(self) -> None:
        """Begin to read."""
        for reader in self._readers:
            reader.start()

    def stop(self) -> None:
        """Read no more; what was read is stored."""
        self._over.set()

    def changed(self, limit_s: float) -> frozenset[str]:
        """The threads that have new mails since the last call; waits for one LIMIT_S at most."""
        found = set()
        try:
            found.add(self._threads.get(timeout=limit_s))
            while True:
                found.add(self._threads.get_nowait())
        except queue.Empty:
            return frozenset(found)

    def _read(self, mail_list: MailList, url: str) -> None:
        store = Store(self._database_url)
        pause_s = _RETRY_S[0]
        source: MailSource | None = None
        while not self._over.is_set():
            try:
                source = source or open_source(url)
                came = 0
                for thread in read_once(store, mail_list, source, url, self._clock):
                    self._threads.put(thread)
                    came += 1
                pause_s = _RETRY_S[0]
                if not came:
                    source.wait(_POLL_S)
            except CrosscheckError as error:
                _log.warning("%s: %s", mail_list.name, _of_source(url, error))
                self._blame(store, url, str(error))
                if source is not None:
                    source.close()
                    source = None
                self._over.wait(pause_s)
                pause_s = min(2 * pause_s, _RETRY_S[1])
        if source is not None:
            source.close()

    def _blame(self, store: Store, url: str, error: str) -> None:
        try:
            store.blame_source(shown(url), error, self._clock())
        except CrosscheckError as away:
            _log.warning("%s", away)


def read_once(
    store: Store, mail_list: MailList, source: MailSource, url: str, clock: Callable[[], float]
) -> Iterator[str]:
    """Store what SOURCE has; each thread that has new mails, when they are stored."""
    name = shown(url)
    arrivals = source.read(store.position(name))
    while batch := tuple(islice(arrivals, _BATCH)):
        mails = [mail for arrival in batch if (mail := _incoming(arrival, mail_list.name))]
        yield from store.take_in(name, batch[-1].position, mails, clock())


def _of_source(url: str, error: CrosscheckError) -> str:
    """ERROR with the source's name, if it does not say that itself."""
    name = shown(url)
    return str(error) if name in str(error) else f"{name}: {error}"


def _incoming(arrival: Arrival, list_name: str) -> Incoming | None:
    """None for what can be no part of a thread: it cannot be read, or has no usable Message-ID."""
    if not arrival.raw:
        return None  # says only how far the source was read
    try:
        mail = parse(arrival.raw, "it")
        sender = mail.sender
    except InputError as error:
        _log.info("%s: passed over a mail: %s", list_name, error)
        return None
    except Exception:  # noqa: BLE001 (a mail that nobody thought of keeps back no other)
        _log.exception("%s: passed over a mail, by a fault of ours", list_name)
        return None
    letter = mail.letter
    if not 0 < len(letter.message_id) <= _ID_LENGTH:
        if mail.subject.is_patch:
            what = "too long a" if letter.message_id else "no"
            _log.info("%s: passed over a patch: it has %s Message-ID", list_name, what)
        return None
    references = tuple(each for each in letter.references if len(each) <= _ID_LENGTH)
    return Incoming(letter.message_id, references, list_name, sender, arrival.raw)
