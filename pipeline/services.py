# SPDX-License-Identifier: GPL-2.0-or-later
"""Do the services that settings name answer, and let us in? Asks each as whoever uses it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.app import make_app, reach
from pipeline.artifacts import open_artifacts
from pipeline.settings import Settings
from pipeline.store import Store
from pipeline.trees import exchange


@dataclass(frozen=True, slots=True)
class Service:
    """REACH raises InfraError if it does not answer, and InputError if its address is none."""

    name: str
    purpose: str
    reach: Callable[[], object]


def services(settings: Settings) -> tuple[Service, ...]:
    """The database, and what hosts share besides, if SETTINGS name it."""
    redis, artifacts, git = settings.redis_url, settings.artifacts_url, settings.git_url
    shared = (
        (redis, "Redis", "carries jobs to workers", lambda: reach(make_app(redis))),
        (
            artifacts,
            "artifact store",
            "brings kernels and logs from host to host",
            lambda: open_artifacts(settings).reach(),
        ),
        (git, "git repository", "brings trees to workers", lambda: exchange.reach(git)),
    )
    named = (Service(name, purpose, asked) for address, name, purpose, asked in shared if address)
    return (
        Service("database", "knows runs, jobs and workers", lambda: Store(settings.database_url)),
        *named,
    )
