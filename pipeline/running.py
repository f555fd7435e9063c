# SPDX-License-Identifier: GPL-2.0-or-later
"""One run from request to verdict, on this machine or with workers elsewhere."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from pipeline import intake, kept
from pipeline.app import Bell, make_app, reach
from pipeline.artifacts import open_artifacts
from pipeline.engine import conclude, discard, drive
from pipeline.fleet import Fleet
from pipeline.model import Case, CrosscheckError, InfraError, InputError, Verdict
from pipeline.owner import owner
from pipeline.report.json import to_json
from pipeline.report.live import watch
from pipeline.report.reply import to_reply
from pipeline.report.reproduce import script
from pipeline.report.terminal import print_verdict
from pipeline.settings import Settings
from pipeline.store import AwayError, Options, RunRecord, Store
from pipeline.trees.exchange import PASSED_ON, source_trees
from pipeline.trees.publish import publish, withdraw

#: The sources of the init that runs in the guest.
PROBES = Path(__file__).parent.parent / "workers" / "probes"


_TRIAL_S = 60

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run, how, and where to write the answer."""

    what: intake.Request
    runtime: str
    jobs: int | None
    use_cache: bool
    cache_bytes: int
    json_file: Path | None
    reply_file: Path | None


class SignalledError(CrosscheckError):
    """A signal asked us to stop."""


@contextmanager
def _signals() -> Iterator[None]:
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


def _ignore_signals() -> None:
    """To the end of this process, which is near: two Ctrl-C still give a verdict."""
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)


def fleet_environment() -> dict[str, str]:
    """What a worker needs of our environment: paths, and what crosscheck, boto3, Docker, and git
    when it talks to others are told.
    """
    wanted = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "XDG_STATE_HOME", *PASSED_ON)
    return {
        name: value
        for name, value in os.environ.items()
        if name in wanted or name.startswith(("CROSSCHECK_", "AWS_", "DOCKER_"))
    }


def trial(runtime: str) -> Callable[[], str]:
    """Try, from now on, to sandbox a command with RUNTIME here.

    What is returned waits for the end and says why it cannot be done, in one sentence; "" if it
    can. Workers know; they are asked in a process of their own.
    """
    process = subprocess.Popen(
        (sys.executable, "-m", "workers.sandbox", runtime),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def came() -> str:
        try:
            said, complaint = process.communicate(timeout=_TRIAL_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return (
                "A trial command in the sandbox does not end: this machine is too busy, or broken."
            )
        return (said or complaint).strip() if process.returncode else ""

    return came


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InfraError(f"Cannot write {error.filename}: {error.strerror}.") from error


def _writable(*files: Path | None) -> None:
    """Refuse now what could not be written in an hour."""
    for file in files:
        if file is None:
            continue
        if not file.absolute().parent.is_dir() or not os.access(file.absolute().parent, os.W_OK):
            raise InputError(f"Cannot write {file}: make its directory first.")


def _record(request: RunRequest, taken: intake.Intake) -> RunRecord:
    now = time.time()
    name = time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + "-" + secrets.token_hex(2)
    cores = len(os.sched_getaffinity(0))
    case = Case(
        run=name, series=taken.series, base=taken.base, change=taken.change, rules=taken.rules
    )
    options = Options(
        runtime=request.runtime,
        use_cache=request.use_cache,
        jobs=request.jobs or cores,
        cores=cores,
        cache_bytes=request.cache_bytes,
    )
    return RunRecord(name, now, options, taken.plan, case, owner())


def _leave_reproducers(directory: Path, record: RunRecord, repository: Path) -> None:
    """Write, before anything runs, how to do the same without us."""
    directory.mkdir(parents=True, exist_ok=True)
    mbox = directory / "series.mbox"
    mbox.write_bytes(b"".join(record.case.series.mails))
    probes = directory / "probes"
    shutil.copytree(PROBES, probes, dirs_exist_ok=True)
    for planned in record.plan.targets:
        text = script(record.case, planned.target, mbox, probes, repository=repository)
        (directory / f"reproduce-{planned.target.name}.sh").write_text(text)


def _answer(request: RunRequest, settings: Settings, verdict: Verdict) -> None:
    try:
        with _writing():
            if request.json_file:
                request.json_file.write_text(to_json(verdict))
            if request.reply_file:
                reply = to_reply(verdict, settings.sender, now=time.time())
                request.reply_file.write_bytes(reply.message)
    finally:
        print_verdict(verdict)


def _break_off(store: Store, record: RunRecord, error: CrosscheckError) -> Verdict:
    """The verdict of a run that cannot go on. The database is not waited for (again)."""
    try:
        return conclude(store, record, error=str(error))
    except AwayError as away:
        raise InfraError(
            f"{str(error).removesuffix('.')}. Run {record.run} has no verdict yet: once its"
            " database can be reached, the next crosscheck command gives it ERROR."
        ) from away


def _drive(
    settings: Settings, store: Store, record: RunRecord, say: Callable[[str], None]
) -> Verdict:
    """The run's verdict; an honest ERROR if it is interrupted or the engine breaks."""
    queues = tuple(dict.fromkeys(check.queue for check in record.plan.checks))
    directory = settings.runs_dir / record.run
    external = settings.redis_url
    fleet = Fleet(
        count=0 if external else min(record.options.jobs, max(1, len(record.plan.jobs))),
        directory=directory,
        queues=queues,
        environ=fleet_environment(),
        redis_url=external,
    )
    try:
        with fleet, watch(record.plan, record.created_at) as show, store.patient(say):
            app = make_app(fleet.redis_url)
            return drive(store, record, app, fleet, show, wait=Bell(app, record.run).wait)
    except (SignalledError, InfraError) as error:
        _ignore_signals()
        return _break_off(store, record, error)
    finally:
        discard(settings, record.run)
        withdraw(settings, record.run)
        asked_bytes = record.options.cache_bytes or settings.cache_bytes
        kept.keep_within(settings.kept_dirs, asked_bytes)  # what was held to the end may go now


def execute(
    request: RunRequest, settings: Settings, store: Store, say: Callable[[str], None]
) -> Verdict:
    """Run it, print the verdict, write the files that were asked for.

    Raises InputError and InfraError for what keeps the run from being started.
    """
    _writable(request.json_file, request.reply_file)
    with _signals():
        sandbox_fault = trial(request.runtime)
        taken = intake.take_in(request.what, settings, say)
        record = _record(request, taken)
        if record.plan.jobs:
            if fault := sandbox_fault():
                raise InfraError(fault)
            open_artifacts(settings).reach()
            if settings.redis_url:
                reach(make_app(settings.redis_url))
            if settings.git_url:
                say("pushing the source trees for the workers")
                publish(settings, record.run, source_trees(record.case.change))
        with _writing():
            _leave_reproducers(settings.runs_dir / record.run, record, taken.repository)
        store.create_run(record)
        say(f"run {record.run}: {len(record.plan.jobs)} jobs on {record.options.jobs} workers")
        if record.plan.jobs:
            verdict = _drive(settings, store, record, say)
        else:
            verdict = conclude(store, record)
        _answer(request, settings, verdict)
    return verdict
