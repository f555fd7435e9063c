# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck worker`: processes of this machine that take jobs of runs elsewhere; `beat`.

What this machine can do is tried at the start, and said: jobs for which it has no compiler, no
machine or no sandbox stay with others.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version

from pipeline import doctor
from pipeline.addresses import shown
from pipeline.coordinator import SEEN_S
from pipeline.engine import clean_up, sweep
from pipeline.fleet import Fleet
from pipeline.matrix import load as load_matrix
from pipeline.model import InfraError, InputError, Target
from pipeline.owner import is_running
from pipeline.plan import demand_names
from pipeline.queues import abilities, queues
from pipeline.running import fleet_environment
from pipeline.services import services
from pipeline.settings import WORKER_CORES, Settings
from pipeline.signals import SignalledError, heeding_signals
from pipeline.store import Store, WorkerLine
from pipeline.trial import trial

#: Half more than a share: configuring, linking and the like leave cores idle.
_CROWDING = 1.5
#: How often what killed processes left is looked for.
_SWEEP_S = 30.0

_BEAT_S = 30
#: Of a worker that ended without a word.
_FORGOTTEN_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Offer:
    """What is asked of this machine; RUNTIMES and TARGETS empty: whatever works."""

    jobs: int
    runtimes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


def _faults(runtime: str, targets: Iterable[Target]) -> Iterator[tuple[Target, str]]:
    """Each of TARGETS, and why it cannot be done here with RUNTIME; "" if it can."""
    targets = tuple(targets)
    trials = {name: trial(runtime, name) for name in {target.toolchain for target in targets}}
    sandbox = {name: came() for name, came in trials.items()}
    for target in targets:
        fault = sandbox[target.toolchain]
        tools = doctor.of_commands((target,), runtime, sandbox_fault=fault)
        missing = [tool.name for tool in tools if not tool.version]
        are = "is" if len(missing) == 1 else "are"
        yield target, fault or (f"{', '.join(missing)} {are} missing" if missing else "")


def _queues(settings: Settings, offer: Offer, say: Callable[[str], None]) -> tuple[str, ...]:
    """What this machine takes from. Raises InputError, and InfraError if it can do nothing."""
    matrix = load_matrix(settings.matrix)
    demand_names(matrix, targets=offer.targets)
    targets = [t for t in matrix.targets if not offer.targets or t.name in offer.targets]
    names: list[str] = []
    for runtime in offer.runtimes or ("bubblewrap", "docker"):
        faults: dict[str, list[str]] = {}
        for target, fault in _faults(runtime, targets):
            faults.setdefault(fault, []).append(target.name)
        for fault, without in faults.items():
            if fault:
                say(f"not with {runtime}: {', '.join(without)}: {fault.removesuffix('.')}")
        names += queues(matrix.checks, runtime, faults.get("", ()))
    if not names:
        asked = "".join(f" --target {name}" for name in offer.targets)
        raise InfraError(
            f"This machine can do no job; `crosscheck doctor --worker{asked}` says what is missing."
        )
    return tuple(names)


def serve(settings: Settings, offer: Offer, say: Callable[[str], None]) -> None:
    """Take jobs until a signal asks to stop; raises InputError and InfraError."""
    if not settings.redis_url:
        raise InputError("Set CROSSCHECK_REDIS_URL to the Redis that the runs are sent to.")
    for service in services(settings):  # whoever took jobs without one would spoil runs
        service.reach()
    names = _queues(settings, offer, say)
    cores = math.ceil(_CROWDING * len(os.sched_getaffinity(0)) / offer.jobs)
    fleet = Fleet(
        count=offer.jobs,
        directory=settings.state_dir / "workers",
        queues=names,
        environ=fleet_environment() | {WORKER_CORES: str(cores)},
        redis_url=settings.redis_url,
    )
    store = Store(settings.database_url)
    _forget_dead(store)
    for runtime, targets in abilities(names).items():
        say(f"{runtime}: {', '.join(targets)}")
    try:
        # Who waits has nothing to lose: workers that end would have to be started by somebody.
        with heeding_signals(), fleet, store.patient(say, limit_s=math.inf):
            where = shown(settings.redis_url)
            say(f"{offer.jobs} workers take jobs from {where}; Ctrl-C ends them")
            _tend(settings, fleet, store, names, cores)
    except SignalledError:
        say("ended; what was being done is done by others")


def _tend(
    settings: Settings, fleet: Fleet, store: Store, names: tuple[str, ...], cores: int
) -> None:
    """Keep the workers alive and known, until an exception ends it."""
    clock = store.clock()
    since: dict[str, float] = {}
    seen_at = swept_at = -math.inf
    try:
        while True:
            for name in fleet.tend().workers:
                _lost(store, name)
                since.pop(name, None)
            now = clock()
            if now - swept_at >= _SWEEP_S:
                swept_at = now
                with suppress(OSError, InfraError):  # a disk that is full, say, is no end
                    sweep(settings, store)
            if now - seen_at >= SEEN_S or set(fleet.names()) - set(since):
                seen_at = now
                for name in fleet.names():
                    line = WorkerLine(
                        worker=name,
                        host=socket.gethostname(),
                        queues=names,
                        started_at=since.setdefault(name, now),
                        cores=cores,
                        runtime=", ".join(abilities(names)),
                        version=version("crosscheck"),
                    )
                    store.see_worker(line, now)
            time.sleep(1)
    finally:
        ended = fleet.names()
        fleet.stop()
        with suppress(InfraError), store.patient(lambda _: None, limit_s=0):
            for name in ended:
                _lost(store, name)


def _forget_dead(store: Store) -> None:
    """Workers of this host whose `crosscheck worker` was killed could not say that they end."""
    for line in store.workers(since=0):
        host, _, pid = line.worker.rpartition(":")
        if host == socket.gethostname() and not is_running(int(pid)):
            _lost(store, line.worker)


def _lost(store: Store, name: str) -> None:
    """Who waits for the worker NAME need not wait for its lease to end."""
    store.expire_worker(name)
    store.forget_worker(name)


def keep_time(settings: Settings, store: Store, say: Callable[[str], None]) -> None:
    """Do now and then what otherwise the next command does, until a signal asks to stop."""
    say("looking after runs; Ctrl-C ends it")
    try:
        with heeding_signals(), store.patient(say, limit_s=math.inf):
            while True:
                for run in clean_up(settings, store):
                    say(f"run {run} was cut off earlier; it is concluded as ERROR")
                now = store.clock()()
                for line in store.workers(since=0):
                    if now - line.seen_at > _FORGOTTEN_S:
                        store.forget_worker(line.worker)
                time.sleep(_BEAT_S)
    except SignalledError:
        say("ended")
