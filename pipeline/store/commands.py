# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands that came by mail, each mail once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import sqlalchemy as sa

from pipeline.store.database import Database, storable
from pipeline.store.records import CommandLine
from pipeline.store.tables import COMMANDS


class Commands(Database):
    """The part of the store that knows commands."""

    def note_commands(self, line: CommandLine) -> bool:
        """Store LINE; False if that mail was dealt with before, whatever it was answered."""
        values = {name: storable(value) for name, value in asdict(line).items()}
        mine = (COMMANDS.c[name] == value for name, value in values.items())
        return self._add(COMMANDS, values, *mine)

    def commands_in(self, message_ids: Iterable[str]) -> frozenset[str]:
        """Those of MESSAGE_IDS whose commands were dealt with."""
        query = sa.select(COMMANDS.c.message_id).where(
            COMMANDS.c.message_id.in_(tuple(message_ids))
        )
        return frozenset(row.message_id for row in self._rows(query))

    def refused(self, submission: str) -> frozenset[str]:
        """Who was told no in the thread of SUBMISSION."""
        query = sa.select(COMMANDS.c.given_by).where(
            COMMANDS.c.submission == submission, COMMANDS.c.refused
        )
        return frozenset(row.given_by for row in self._rows(query))
