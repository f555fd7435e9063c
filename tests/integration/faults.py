# SPDX-License-Identifier: GPL-2.0-or-later
"""What is done to a fleet while it checks a series, and what must hold afterwards.

A fault is one function, which waits for its moment, does what it does, undoes it, and says what
it was. `aftermath` then looks from outside: at the verdict, beside that of the same series without
a fault; at each change of a job's state, which triggers in the database have written down; and at
whatever was left anywhere. `hosts` has the fleet.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

import psutil

from pipeline.owner import is_running
from pipeline.report.json import to_json
from pipeline.store import Store
from tests import toy
from tests.integration.hosts import REDIS, Fleet, Host, wait_until

#: So long the fleet may take after the end of a run to be as if nothing had been.
SETTLE_S = 60
#: A run that takes longer hangs: longer than any cut, and three leases.
RUN_LIMIT_S = 420

#: A build that takes a moment, so that there is a middle.
LINGER = toy.replacing(
    "\nvmlinux: $(dirs)\n",
    "\n$(dirs): linger\n.PHONY: linger\nlinger:\n\tsleep 1.5\n\nvmlinux: $(dirs)\n",
)
_CALL = "\nint helper(int);\nint use(int n)\n{\n\treturn helper(n) + HELP;\n}\n"

#: Who changed what: the jobs' and the runs' history.
_HISTORY = """
create table if not exists history (
    at timestamptz default clock_timestamp(), run text, job text, old text, new text,
    attempt int, worker text);
create or replace function of_job() returns trigger language plpgsql as $$ begin
    insert into history values (clock_timestamp(), new.run, new.job, old.state, new.state,
        new.attempt, new.worker);
    return null; end $$;
create or replace function of_run() returns trigger language plpgsql as $$ begin
    insert into history values (clock_timestamp(), new.run, '', old.outcome, new.outcome, 0, '');
    return null; end $$;
create or replace trigger of_job after update on jobs for each row
    when (old.state is distinct from new.state or old.attempt is distinct from new.attempt
        or old.result is distinct from new.result) execute function of_job();
create or replace trigger of_run after update on runs for each row
    when (old.outcome is distinct from new.outcome or old.verdict is distinct from new.verdict)
    execute function of_run();
"""

Findings = frozenset[tuple[object, ...]]


@dataclass(frozen=True)
class Seen:
    """What a verdict says."""

    outcome: str
    findings: Findings
    errors: tuple[str, ...]  # its own, and those of its checks


def seen(verdict: dict) -> Seen:
    """What VERDICT, as JSON has it, says."""
    checks = [(t["target"], check) for t in verdict["targets"] for check in t["checks"]]
    names = ("kind", "severity", "patch", "file", "line", "symbol", "summary")
    return Seen(
        outcome=verdict["outcome"],
        findings=frozenset(
            (target, check["check"], *(finding.get(name) for name in names))
            for target, check in checks
            for finding in check["findings"]
        ),
        errors=tuple(
            text
            for text in (
                verdict.get("error") or "",
                *(f"{t} {c['check']}: {c['reason']}" for t, c in checks if c["outcome"] == "ERROR"),
            )
            if text
        ),
    )


@dataclass
class Bench:
    """A fleet, two kinds of series for it, and what they come to when nothing happens."""

    fleet: Fleet
    expected: dict[str, Seen] = field(default_factory=dict)
    usual_s: float = 0.0
    _count: int = 0

    def prepare(self) -> None:
        """Have the workers run, and each series checked once."""
        toy.commit(self.fleet.tree, "toy: linger", {"Makefile": LINGER})
        toy.git(self.fleet.tree, "tag", "start")
        print(self.fleet.coordinator.command("runs").strip())
        self.fleet.sql(_HISTORY)
        self.fleet.heal()
        for kind in ("good", "bad"):
            self.new_series(kind)
            scene = Scene(self, kind, random.Random(0))
            began = time.monotonic()
            scene.start()
            scene.finish()
            self.usual_s = max(self.usual_s, time.monotonic() - began)
            (run,) = scene.runs()
            self.expected[kind] = seen(self.verdict(run))
        good, bad = self.expected["good"], self.expected["bad"]
        assert (good.outcome, bad.outcome) == ("PASS", "FAIL"), (good, bad)
        assert not good.findings
        assert bad.findings

    def new_series(self, kind: str) -> None:
        """Make HEAD~3..HEAD of the tree a series of KIND on a base that nobody has built."""
        tree = self.fleet.tree
        self._count += 1
        toy.git(tree, "checkout", "-q", "-f", "--detach", "start")
        note = {"Documentation/count.rst": f"Base {self._count}.\n"}
        toy.commit(tree, f"toy: base {self._count}", note)
        comment = toy.adding(f"\n/* Series {self._count}. */\n")
        toy.commit(tree, "mm: harmless", {"mm/memory.c": comment})
        if kind == "good":
            toy.commit(tree, "blue: harmless", {"arch/blue/mm/init.c": comment})
            toy.commit(tree, "red: harmless", {"arch/red/mm/init.c": comment})
            return
        toy.commit(tree, "blue: use what is not there", {"arch/blue/mm/init.c": toy.adding(_CALL)})
        mend = "\nint helper(int n)\n{\n\tint unused;\n\n\treturn n;\n}\n"
        header = toy.adding("\n#define HELP 1\n")
        edits = {"arch/blue/include/asm/pgtable.h": header, "arch/blue/mm/init.c": toy.adding(mend)}
        toy.commit(tree, "blue: make it be there", edits)

    @cached_property
    def store(self) -> Store:
        return Store(self.fleet.database)

    def verdict(self, run: str) -> dict:
        """The verdict of RUN, as JSON."""
        verdict = self.store.verdict(run)
        assert verdict, f"{run} has no verdict"
        return json.loads(to_json(verdict))


class Scene:
    """One run of a series of KIND, and what happens to it; CHANCE says when and to whom."""

    def __init__(
        self, bench: Bench, kind: str, chance: random.Random, longest_s: float = 120
    ) -> None:
        self.bench, self.fleet, self.kind = bench, bench.fleet, kind
        self.chance, self.longest_s = chance, longest_s
        self.processes: list[subprocess.Popen] = []
        self._before = {run for (run,) in self.fleet.sql("select run from runs")}

    def start(self) -> None:
        """`crosscheck run` on the coordinator's host."""
        self.processes.append(self.fleet.coordinator.start("run", "HEAD~3..HEAD"))

    def runs(self) -> list[str]:
        """The runs that there are of this scene."""
        every = self.fleet.sql("select run from runs order by created_at")
        return [run for (run,) in every if run not in self._before]

    def over(self) -> bool:
        return all(process.poll() is not None for process in self.processes)

    def finish(self) -> None:
        """Wait until each run has ended by itself."""
        wait_until(self.over, RUN_LIMIT_S, "the end of the run")

    def moment(self) -> str:
        """Wait until the run has begun, and then for some time of what it usually takes."""
        wait_until(lambda: self.runs() or self.over(), 60, "the begin of the run")
        after = self.chance.uniform(0, 0.6 * self.bench.usual_s)
        self.hold(after)
        return f"after {after:.1f} s"

    def hold(self, seconds: float) -> None:
        """Wait SECONDS, or until the run has been over for a moment."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.over():
                time.sleep(min(3, max(0, deadline - time.monotonic())))
                return
            time.sleep(0.05)

    def some_s(self, least: float, most: float) -> float:
        """A time between these, the shorter ones more often."""
        most = max(least, min(most, self.longest_s))
        return least * (most / least) ** self.chance.random()

    def busy(self) -> tuple[str, str]:
        """(job, worker) of a job that is being done; waits for one. ("", "") if the run ends."""
        found: list[tuple[str, str]] = []

        def look() -> bool:
            found[:] = self.fleet.sql(
                "select job, worker from jobs where state = 'running'"
                f" and run in ({', '.join(map(repr, self.runs())) or repr('')}) order by job"
            )
            return bool(found) or self.over()

        wait_until(look, 60, "a job that is done")
        return self.chance.choice(found) if found else ("", "")


def _kill_worker_process(worker: str) -> bool:
    """kill -9 of a worker, by its name; whether it was there."""
    with suppress(ProcessLookupError):
        os.kill(int(worker.rpartition(":")[2]), signal.SIGKILL)
        return True
    return False


def process_killed(scene: Scene) -> str:
    """kill -9 of the worker process that does some job."""
    when = scene.moment()
    job, worker = scene.busy()
    if not job:
        return f"{when}: too late"
    _kill_worker_process(worker)
    return f"{when}: that of {job}"


def host_killed(scene: Scene) -> str:
    """kill -9 of a whole `crosscheck worker`, which comes back."""
    when = scene.moment()
    host = scene.chance.choice(scene.fleet.workers)
    away = scene.some_s(1, 40)
    host.kill_worker()
    scene.hold(away)
    host.start_worker()
    return f"{when}: {host.name}, for {away:.0f} s"


def command_killed(scene: Scene) -> str:
    """A command's container, or what bubblewrap made, is killed."""
    when = scene.moment()

    def kill() -> str:
        if scene.fleet.engine:
            running = [c for c in scene.fleet.engine.containers() if c.status == "running"]
            if running:
                with suppress(Exception):  # it has ended meanwhile
                    scene.chance.choice(running).kill()
                    return "a container"
            return ""
        inside = scene.fleet.sandboxed()
        if not inside:
            return ""
        process = scene.chance.choice(inside)
        with suppress(psutil.NoSuchProcess):
            name = process.name()
            process.kill()
            return name
        return ""

    killed: list[str] = []
    wait_until(lambda: killed.append(kill()) or killed[-1] or scene.over(), 60, "a command")
    return f"{when}: {killed[-1] or 'too late'}"


def engine_killed(scene: Scene) -> str:
    """kill -9 of the Docker engine, which is started again; then, if need be, more runs."""
    assert scene.fleet.engine
    when = scene.moment()
    away = scene.some_s(0.5, 15)
    scene.fleet.engine.kill()
    scene.hold(away)
    scene.fleet.engine.start()
    scene.finish()
    # What a worker could not remove it removes with its next job.
    for _ in range(3):
        if scene.fleet.engine.containers():
            scene.start()
            scene.finish()
    return f"{when}: for {away:.1f} s"


def _cut(scene: Scene, *services: str) -> str:
    when = scene.moment()
    # Workers more often: there are more of them.
    host: Host = scene.chance.choice([*scene.fleet.workers, *scene.fleet.hosts])
    away = scene.some_s(5, 120)
    host.cut_off(*services)
    scene.hold(away)
    host.reconnect()
    return f"{when}: {host.name}, for {away:.0f} s"


def cut_from_redis(scene: Scene) -> str:
    """A host reaches Redis no more, and then again."""
    return _cut(scene, REDIS)


def cut_from_all(scene: Scene) -> str:
    """A host reaches nothing any more, and then again."""
    return _cut(scene)


def _restart_redis(scene: Scene, *, forget: bool) -> str:
    when = scene.moment()
    how = scene.chance.choice([signal.SIGKILL, signal.SIGTERM])
    away = scene.some_s(0.2, 15)
    scene.fleet.redis.stop(how, forget=forget)
    scene.hold(away)
    scene.fleet.redis.start()
    return f"{when}: {how.name}, for {away:.1f} s"


def redis_restarted(scene: Scene) -> str:
    """Redis is stopped, and started with its append-only file."""
    return _restart_redis(scene, forget=False)


def redis_emptied(scene: Scene) -> str:
    """Redis is stopped, and started with nothing."""
    return _restart_redis(scene, forget=True)


def database_restarted(scene: Scene) -> str:
    """PostgreSQL is stopped, and started."""
    when = scene.moment()
    how = scene.chance.choice([signal.SIGINT, signal.SIGQUIT])  # fast, immediate
    away = scene.some_s(0.2, 30)
    scene.fleet.postgres.stop(how)
    scene.hold(away)
    scene.fleet.postgres.start()
    return f"{when}: {how.name}, for {away:.1f} s"


def coordinator_killed(scene: Scene) -> str:
    """kill -9 of `crosscheck run`; then another command, and the same series once more."""
    after = scene.chance.uniform(0, scene.bench.usual_s)
    scene.hold(after)
    (process,) = scene.processes
    process.kill()
    process.wait()
    before = scene.runs()
    said = scene.fleet.coordinator.command("runs")
    concluded = "cut off earlier" in said
    scene.start()
    what = "concluded" if concluded else "was over" if before else "had not begun"
    return f"after {after:.1f} s of its process: {what}"


def poisoned(scene: Scene) -> str:
    """Each worker that takes a certain job is killed."""
    sides = ("base", "patched")
    job = scene.chance.choice([f"{t}/build/{side}" for t in ("red", "blue") for side in sides])
    delay = scene.some_s(0.05, 1)
    killed: set[int] = set()
    while not scene.over():
        query = (
            f"select attempt, worker from jobs where job = '{job}' and state = 'running'"
            f" and run in ({', '.join(map(repr, scene.runs())) or repr('')})"
        )
        for attempt, worker in scene.fleet.sql(query):
            if attempt not in killed:
                killed.add(attempt)
                time.sleep(delay)
                _kill_worker_process(worker)
        time.sleep(0.02)
    return f"{job}, {len(killed)} times, {delay:.1f} s after it was taken"


def two_coordinators(scene: Scene) -> str:
    """Another `crosscheck run` of the same series."""
    after = scene.some_s(0.05, 5)
    scene.hold(after)
    scene.start()
    return f"the second {after:.1f} s after the first"


def disk_filled(scene: Scene) -> str:
    """The cache of a worker's host is full for a while."""
    when = scene.moment()
    host = scene.fleet.workers[0]
    away = scene.some_s(2, 30)
    cache = f"{host.home}/cache"
    fill = f"dd if=/dev/zero of={cache}/fill bs=1M status=none; dd if=/dev/zero of={cache}/rest bs=1k status=none"
    command = (*scene.fleet.hub.enter("mount"), "sh", "-c", fill)
    subprocess.run(command, check=False, capture_output=True)
    scene.hold(away)
    scene.fleet.hub.do("rm", "-f", f"{cache}/fill", f"{cache}/rest")
    return f"{when}: {host.name}, for {away:.0f} s"


def clock_set(scene: Scene) -> str:
    """The clock of a worker's host is ten minutes off, from some moment on."""
    host = scene.chance.choice(scene.fleet.workers)
    skew = scene.chance.choice([600, -600])
    when = "before" if scene.chance.random() < 0.3 else scene.moment()
    host.set_clock(skew)
    scene.finish()
    return f"{when}: {host.name} by {skew} s"


#: What must hold, or may: "right", the same as without a fault; or an honest "ERROR".
RIGHT, MAY_ERR, MUST_ERR = "right", "right or ERROR", "ERROR"


@dataclass(frozen=True)
class Kind:
    """A kind of fault."""

    do: Callable[[Scene], str]
    promise: str = RIGHT
    runtime: str = ""  # it is of one runtime only

    @property
    def name(self) -> str:
        return self.do.__name__.replace("_", " ")


KINDS = (
    Kind(process_killed),
    Kind(host_killed),
    Kind(command_killed, MAY_ERR),
    Kind(engine_killed, MAY_ERR, "docker"),
    Kind(cut_from_redis),
    Kind(cut_from_all, MAY_ERR),
    Kind(redis_restarted),
    Kind(redis_emptied),
    Kind(database_restarted),
    Kind(coordinator_killed),
    Kind(poisoned, MUST_ERR),
    Kind(two_coordinators),
    Kind(disk_filled, MAY_ERR),
    Kind(clock_set),
)


def kinds(runtime: str) -> tuple[Kind, ...]:
    """Those that there are with RUNTIME."""
    return tuple(kind for kind in KINDS if kind.runtime in ("", runtime))


@dataclass(frozen=True)
class Aftermath:
    """What came of a fault."""

    what: str
    came: str  # right, or ERROR
    errors: tuple[str, ...]  # what the verdict says of them
    wrong: tuple[str, ...]  # what must not be
    attempts: int  # of jobs, beyond the first ones
    seconds: float


def undergo(bench: Bench, kind: Kind, series: str, chance: random.Random, **limits) -> Aftermath:
    """Have a run of SERIES undergo a fault of KIND."""
    fleet = bench.fleet
    bench.new_series(series)
    mounts = fleet.mounts()
    began = time.monotonic()
    scene = Scene(bench, series, chance, **limits)
    scene.start()
    wrong: list[str] = []
    what = kind.do(scene)
    try:
        scene.finish()
    except AssertionError as error:
        wrong.append(str(error))
        for process in scene.processes:
            process.kill()
    seconds = time.monotonic() - began
    wrong += [
        f"`crosscheck worker` on {host.name} ended by itself"
        for host in fleet.workers
        if host.worker and host.worker.poll() is not None
    ]
    fleet.heal()
    runs = scene.runs()
    if not all(map(bench.store.verdict, runs)) or fleet.published():
        fleet.coordinator.command("runs")
        what += "; cleaned up by the next command"
    verdicts = {run: bench.store.verdict(run) for run in runs}
    found = [seen(json.loads(to_json(verdict))) for verdict in verdicts.values() if verdict]
    wrong += _of_verdicts(scene, kind, found)
    for run in runs:
        wrong += _of_jobs(fleet, run)
    wrong += _settled(fleet, mounts)
    counts = found[-1:] if kind.do is coordinator_killed else found
    came = "right" if all(each == bench.expected[series] for each in counts) else "ERROR"
    errors = tuple(error for each in found for error in each.errors)
    lost = f"{_of(runs)} and old = 'running' and new = 'waiting'"
    ((retried,),) = fleet.sql(f"select count(*) from history{lost}")
    return Aftermath(what, came, errors, tuple(wrong), retried, seconds)


def _of(runs: list[str]) -> str:
    return f" where run in ({', '.join(map(repr, runs)) or repr('')})"


def _of_verdicts(scene: Scene, kind: Kind, found: list[Seen]) -> list[str]:
    """What is wrong with the verdicts, oldest first, of the scene's runs."""
    expected = scene.bench.expected[scene.kind]
    wrong = []
    runs = len(scene.runs())
    if len(found) != runs:
        wrong.append(f"{runs - len(found)} runs without a verdict")
    killed = kind.do is coordinator_killed
    if runs != len(scene.processes) and not (killed and runs == 1):
        wrong.append(f"{runs} runs of {len(scene.processes)} commands")
    for number, each in enumerate(found):
        if each.findings - expected.findings:
            wrong.append(f"accuses: {sorted(map(str, each.findings - expected.findings))}")
        right = each == expected
        honest = each.outcome in ("ERROR", expected.outcome) and each.errors
        if not right and not honest:
            wrong.append(f"{each.outcome} instead of {expected.outcome}, and no ERROR")
        last = number == len(found) - 1
        if (kind.promise == RIGHT and not right and (last or not killed)) or (
            kind.promise == MUST_ERR and right
        ):
            wrong.append(f"{each.outcome} ({'; '.join(each.errors)}): {kind.promise} was hoped for")
    return wrong


def _of_jobs(fleet: Fleet, run: str) -> list[str]:
    """What is wrong with the history of RUN's jobs: something was lost, or done twice."""
    wrong = []
    verdicts = fleet.sql(f"select old, new from history where run = '{run}' and job = ''")
    if len(verdicts) != 1 or verdicts[0][0]:
        wrong.append(f"{run}: verdicts were stored: {verdicts}")
    claims: Counter[tuple[str, int]] = Counter()
    ends: Counter[str] = Counter()
    losses: Counter[str] = Counter()
    query = f"select job, old, new, attempt from history where run = '{run}' and job <> ''"
    for job, old, new, attempt in fleet.sql(query):
        claims[job, attempt] += (old, new) == ("queued", "running")
        ends[job] += new == "done"
        losses[job] += old == "running" and new == "waiting"
        if old == "done":
            wrong.append(f"{job}: changed after it was done")
    for job, state, attempt in fleet.sql(
        f"select job, state, attempt from jobs where run = '{run}'"
    ):
        if (state, ends[job]) != ("done", 1):
            wrong.append(f"{job}: {state}, and was done {ends[job]} times")
        if any(count > 1 for (name, _), count in claims.items() if name == job):
            wrong.append(f"{job}: an attempt was begun twice")
        if attempt - 1 - losses[job] not in (0, 1):  # one more: the run was abandoned
            wrong.append(f"{job}: attempt {attempt}, but lost {losses[job]} times")
    return wrong


def _settled(fleet: Fleet, mounts: set[str]) -> list[str]:
    """What is left behind, once there was time to clean it up."""
    for host in fleet.workers if fleet.engine else ():
        host.try_sandbox()  # containers of dead workers are removed by the next one
    deadline = time.monotonic() + SETTLE_S
    while left := left_behind(fleet, mounts):
        if time.monotonic() > deadline:
            return left
        time.sleep(0.5)
    return []


def left_behind(fleet: Fleet, mounts: set[str]) -> list[str]:
    """What is still there of runs that are over."""
    left = [f"left: a mount on {place}" for place in fleet.mounts() - mounts]
    if fleet.engine:
        left += [f"left: container {c.short_id}, {c.status}" for c in fleet.engine.containers()]
    left += [f"left: process {p.pid} {p.name()}" for p in fleet.sandboxed() if p.is_running()]
    for host in fleet.hosts:
        builds = (host.cache / "builds").glob("*")
        left += [f"left: {place.name} of builds on {host.name}" for place in builds]
        for place in (host.cache / "tmp").glob("*"):
            if not is_running(int(place.name.split("+")[1])):
                left.append(f"left: tmp/{place.name} on {host.name}")
    left += [f"left: {ref}" for ref in fleet.published()]
    left += [f"left: {n} messages in {name}" for name, n in fleet.redis.waiting().items()]
    return left
