# SPDX-License-Identifier: GPL-2.0-or-later
"""Which mails answer which, through mails that are absent too. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.series.mail import Mail


class Threads:
    """Who answers whom among mails, whatever they are."""

    def __init__(self, mails: Iterable[Mail]) -> None:
        self._above: dict[str, tuple[str, ...]] = {}
        self._root: dict[str, str] = {}
        for mail in mails:
            own = mail.letter.message_id
            if not own:
                continue
            self._above[own] = mail.letter.references
            for parent in mail.letter.references:
                self._root[self.thread(own)] = self.thread(parent)

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._above

    def thread(self, message_id: str) -> str:
        """A name that all mails of one thread share."""
        seen = []
        while (up := self._root.get(message_id, message_id)) != message_id:
            seen.append(message_id)
            message_id = up
        self._root.update(dict.fromkeys(seen, message_id))
        return message_id

    def nearest(
        self, mail: Mail, wanted: dict[str, str], known: dict[str, str | None]
    ) -> str | None:
        """What WANTED has for the next mail above MAIL that is in it.

        KNOWN remembers answers for MAIL's ancestors; it is for one WANTED.
        """
        passed: list[str] = []
        found: str | None = None
        references = mail.letter.references
        while references:
            near = next((r for r in reversed(references) if r in wanted or r in known), None)
            if near is not None:
                found = wanted[near] if near in wanted else known[near]
                break
            up = next((r for r in reversed(references) if r in self._above), None)
            if up is None or up in passed:
                break
            passed.append(up)
            known[up] = None  # for who answers himself, in a circle
            references = self._above[up]
        known.update(dict.fromkeys(passed, found))
        return found
