# SPDX-License-Identifier: GPL-2.0-or-later
"""What was seen on bases, for later runs."""

from __future__ import annotations

import sqlalchemy as sa
from pydantic import ValidationError

from pipeline.codec import dumps, loads
from pipeline.model import Observation
from pipeline.store.database import Database
from pipeline.store.tables import OBSERVATIONS


class Observations(Database):
    """The part of the store that knows bases."""

    def cached(self, key: str) -> Observation | None:
        """What was seen on a base before, by KEY."""
        row = self._one(sa.select(OBSERVATIONS.c.observation).where(OBSERVATIONS.c.key == key))
        try:
            return loads(Observation, row.observation) if row else None
        except ValidationError:
            return None  # another version's

    def forget_observations(self) -> None:
        """Look at every base anew."""
        self._write(OBSERVATIONS.delete())

    def cache(self, key: str, observation: Observation, now: float) -> None:
        """Remember what was seen on a base; the latest stays."""
        self._put(OBSERVATIONS, key=key, observation=dumps(observation), made_at=now)
