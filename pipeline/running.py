# SPDX-License-Identifier: GPL-2.0-or-later
"""One run from request to verdict, on this machine or with workers elsewhere."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pipeline import intake, kept
from pipeline.app import Bell, make_app, reach
from pipeline.artifacts import open_artifacts
from pipeline.engine import conclude, discard, drive
from pipeline.fleet import Fleet
from pipeline.model import Case, CrosscheckError, InfraError, Verdict
from pipeline.outputs import writable, writing
from pipeline.owner import owner
from pipeline.publish import announce, kcidb_report, must_be_set_up, publish
from pipeline.queues import queues
from pipeline.report.json import to_json
from pipeline.report.junit import to_junit
from pipeline.report.live import watch
from pipeline.report.reply import to_reply
from pipeline.report.reproduce import script
from pipeline.report.terminal import print_verdict
from pipeline.series.sources import Fetcher
from pipeline.settings import Settings
from pipeline.signals import SignalledError, heeding_signals, ignore_signals
from pipeline.store import AwayError, Options, RunRecord, Store
from pipeline.trees.exchange import PASSED_ON, source_trees
from pipeline.trees.publish import publish as publish_trees
from pipeline.trees.publish import withdraw
from pipeline.trial import trial
from pipeline.verdict_files import leave

#: The sources of the init that runs in the guest.
PROBES = Path(__file__).parent.parent / "workers" / "probes"


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run, how, and where to write the answer."""

    what: intake.Request
    runtime: str
    name: str = ""  # of the run; "": one that is made up
    jobs: int | None = None
    use_cache: bool = True
    cache_bytes: int = 0
    json_file: Path | None = None
    reply_file: Path | None = None
    junit_file: Path | None = None
    kcidb_file: Path | None = None
    announce: bool = False  # tell who is to be told that it has begun
    publish: bool = False  # tell them the verdict


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


def new_name(now: float) -> str:
    """The name of a run that begins NOW, in seconds since the epoch.

    What follows the time keeps two runs of one second apart, as a watch begins them: one with
    another's name would never be made.
    """
    return time.strftime("%Y%m%d-%H%M%S", time.localtime(now)) + "-" + secrets.token_hex(4)


def _record(request: RunRequest, taken: intake.Intake, *, elsewhere: bool) -> RunRecord:
    """What is to be run; workers that are ELSEWHERE decide how much runs side by side."""
    now = time.time()
    name = request.name or new_name(now)
    cores = len(os.sched_getaffinity(0))
    case = Case(
        run=name,
        series=taken.series,
        base=taken.base,
        change=taken.change,
        rules=taken.rules,
        limits=taken.limits,
    )
    options = Options(
        runtime=request.runtime,
        use_cache=request.use_cache,
        jobs=request.jobs or (0 if elsewhere else cores),
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


def _answer(request: RunRequest, settings: Settings, store: Store, verdict: Verdict) -> None:
    try:
        with writing():
            if request.json_file:
                request.json_file.write_text(to_json(verdict))
            if request.reply_file:
                reply = to_reply(verdict, settings.sender, now=time.time())
                request.reply_file.write_bytes(reply.message)
            if request.junit_file:
                request.junit_file.write_text(to_junit(verdict), encoding="utf-8")
            if request.kcidb_file:
                report = kcidb_report(settings, store, verdict)
                request.kcidb_file.write_text(report, encoding="utf-8")
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


def _drive(settings: Settings, store: Store, record: RunRecord) -> Verdict:
    """The run's verdict; an honest ERROR if it is interrupted or the engine breaks."""
    targets = (planned.target.name for planned in record.plan.targets)
    directory = settings.runs_dir / record.run
    external = settings.redis_url
    fleet = Fleet(
        count=0 if external else min(record.options.jobs, max(1, len(record.plan.jobs))),
        directory=directory,
        queues=queues(record.plan.checks, record.options.runtime, targets),
        environ=fleet_environment(),
        redis_url=external,
    )
    try:
        with fleet, watch(record.plan, record.created_at) as shown, store.patient(shown.say):
            app = make_app(fleet.redis_url)
            return drive(
                store, record, app, fleet, shown.show, wait=partial(Bell(app).wait, record.run)
            )
    except (SignalledError, InfraError) as error:
        ignore_signals()
        return _break_off(store, record, error)
    finally:
        discard(settings, record.run)
        withdraw(settings, record.run)
        asked_bytes = record.options.cache_bytes or settings.cache_bytes
        kept.keep_within(settings.kept_dirs, asked_bytes)  # what was held to the end may go now


def execute(
    request: RunRequest,
    settings: Settings,
    store: Store,
    say: Callable[[str], None],
    *,
    fetch: Fetcher | None = None,
) -> Verdict:
    """Run it, print the verdict, write the files that were asked for.

    FETCH gives the thread of a Message-ID, instead of the archive that settings name. Raises
    InputError and InfraError for what keeps the run from being started.
    """
    writable(request.json_file, request.reply_file, request.junit_file, request.kcidb_file)
    if request.publish:
        must_be_set_up(settings)
    with heeding_signals():
        # Workers elsewhere have tried their sandboxes themselves.
        sandbox_fault = None if settings.redis_url else trial(request.runtime)
        taken = intake.take_in(request.what, settings, say, fetch=fetch)
        record = _record(request, taken, elsewhere=bool(settings.redis_url))
        if record.plan.jobs:
            if sandbox_fault and (fault := sandbox_fault()):
                raise InfraError(fault)
            open_artifacts(settings).reach()
            if settings.redis_url:
                reach(make_app(settings.redis_url))
            if settings.git_url:
                say("pushing the source trees for the workers")
                publish_trees(settings, record.run, source_trees(record.case.change))
        with writing():
            _leave_reproducers(settings.runs_dir / record.run, record, taken.repository)
        store.create_run(record)
        where = f"{record.options.jobs} workers" if not settings.redis_url else "workers elsewhere"
        say(f"run {record.run}: {len(record.plan.jobs)} jobs on {where}")
        if request.announce:
            announce(settings, record.case.series, record.run, say)
        verdict = _drive(settings, store, record) if record.plan.jobs else conclude(store, record)
        try:
            leave(settings, verdict)
        except InfraError as error:  # nobody asked for these files
            say(str(error))
        _answer(request, settings, store, verdict)
        if request.publish:
            publish(settings, store, verdict, say)
    return verdict
