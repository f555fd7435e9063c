# SPDX-License-Identifier: GPL-2.0-or-later
"""Two machines that share a Redis, a database, object storage and a git repository, and no disk."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time

import pytest

from pipeline import object_storage
from pipeline.artifact_files import ArtifactFiles
from pipeline.artifacts import open_artifacts
from pipeline.model import InfraError
from pipeline.settings import load
from pipeline.store import Store
from tests import toy
from tests.integration.conftest import Installation
from tests.integration.object_servers import BUCKET, SECRET, object_server
from tests.integration.sandboxes import wait_until
from tests.toy import adding

pytestmark = pytest.mark.integration

CALL = "\nint helper(int);\nint use(int n)\n{\n\treturn helper(n) + HELP;\n}\n"


class Hosts:
    """The coordinator's machine, the workers', and what they share."""

    def __init__(self, coordinator, server, tmp_path):
        self.coordinator = coordinator
        self.server = server
        self.mirror = tmp_path / "mirror.git"
        subprocess.run(["git", "init", "-q", "--bare", self.mirror], check=True)
        coordinator.environ |= server.environment | {
            "CROSSCHECK_DATABASE_URL": coordinator.database,
            "CROSSCHECK_ARTIFACTS_URL": f"s3://{BUCKET}/artifacts",
            "CROSSCHECK_GIT_URL": f"file://{self.mirror}",
        }
        self.redis = coordinator.start_redis()
        home = tmp_path / "w"
        (home / "empty").mkdir(parents=True)
        self.workers = Installation(home, home / "empty", dict(coordinator.environ))
        self.process = None

    def start_workers(self, **environ):
        self.workers.environ |= environ
        self.process = self.workers.start("worker", "--jobs", "2")

    def stop(self):
        for process in (self.process, self.redis):
            if process is not None:
                process.kill()
                process.wait()
        self.workers.nothing_is_left()
        self.server.stop()

    def refs(self):
        return toy.git(self.mirror, "for-each-ref", "--format=%(refname)").split()

    def settings(self):
        return load(self.coordinator.environment())


@pytest.fixture
def hosts(installation, tmp_path):
    made = Hosts(installation, object_server(tmp_path / "objects"), tmp_path)
    yield made
    made.stop()


def series(tree):
    """Patch 2 of 3 breaks blue, patch 3 mends it."""
    toy.commit(tree, "mm: harmless", {"mm/memory.c": adding("\n/* One. */\n")})
    toy.commit(tree, "blue: use what is not there yet", {"arch/blue/mm/init.c": adding(CALL)})
    toy.commit(
        tree,
        "blue: make it be there",
        {
            "arch/blue/include/asm/pgtable.h": adding("\n#define HELP 1\n"),
            "arch/blue/mm/init.c": adding("\nint helper(int n)\n{\n\treturn n;\n}\n"),
        },
    )


def run(hosts, *words):
    """The verdict on the series, and what was printed."""
    file = hosts.coordinator.home / "verdict.json"
    status, said = hosts.coordinator.command("run", "HEAD~3..HEAD", "--json", str(file), *words)
    return status, hosts.coordinator.verdict(), said


def findings(verdict):
    return [f for t in verdict["targets"] for c in t["checks"] for f in c["findings"]]


def builds_cached(verdict):
    return {
        cell["base_cached"]
        for target in verdict["targets"]
        for cell in target["checks"]
        if cell["check"] == "build"
    }


def logs(hosts, verdict):
    """The logs of a run, as artifacts."""
    rows = Store(hosts.coordinator.database).jobs(verdict["run"])
    return [row.result.log for row in rows if row.result and row.result.log]


def test_a_run_on_another_machine_comes_to_its_verdict(hosts, monkeypatch):
    series(hosts.coordinator.tree)
    hosts.start_workers()
    status, verdict, said = run(hosts)
    assert (status, verdict["outcome"]) == (1, "FAIL")
    assert [(f["kind"], f["patch"]) for f in findings(verdict)] == [("not-bisectable", 2)]
    # Neither saw the other's disk.
    ours, theirs = (h.home / "cache/crosscheck" for h in (hosts.coordinator, hosts.workers))
    assert not (ours / "checkouts").exists()
    assert not (hosts.coordinator.home / "state/crosscheck/artifacts/").is_dir()
    assert (theirs / "checkouts").is_dir()
    assert not (theirs / "git/objects/info/alternates").exists()
    # The logs are there for whoever asks, until they expire.
    for name, value in hosts.server.environment.items():
        monkeypatch.setenv(name, value)
    object_storage._client.cache_clear()
    artifacts = open_artifacts(hosts.settings())
    assert logs(hosts, verdict)
    for log in logs(hosts, verdict):
        assert artifacts.path(log).stat().st_size == log.size_bytes
    shutil.rmtree(hosts.coordinator.home / "state/crosscheck/artifacts")
    for file in hosts.server.objects():
        file.unlink()
    with pytest.raises(InfraError, match=r"\.log .* is not in s3://.* any more"):
        artifacts.path(logs(hosts, verdict)[0])
    object_storage._client.cache_clear()
    # What was seen of the base is not looked at again: the workers still have its files.
    status, again, _ = run(hosts, "--check", "build")
    assert (status, builds_cached(again)) == (0, {True})
    assert len(hosts.server.objects()) >= 2
    for file in hosts.server.objects():
        file.unlink()
    shutil.rmtree(hosts.workers.home / "state/crosscheck/artifacts")
    status, anew, _ = run(hosts, "--check", "build")
    assert (status, builds_cached(anew)) == (0, {False})
    # Of the runs, which are over, only bases are left in the git repository.
    base = toy.git(hosts.coordinator.tree, "rev-parse", "HEAD~3^{tree}").strip()
    assert [ref.rsplit("/", 1)[1] for ref in hosts.refs() if "/bases/" in ref] == [base]
    assert not [ref for ref in hosts.refs() if "/runs/" in ref]
    assert SECRET not in said
    stored = hosts.coordinator.sql("select * from runs") + hosts.coordinator.sql(
        "select * from jobs"
    )
    assert SECRET not in str(stored)


def test_storage_that_is_away_refuses_the_run_at_once(hosts):
    series(hosts.coordinator.tree)
    hosts.server.stop()
    status, said = hosts.coordinator.command("run", "HEAD~3..HEAD")
    assert status == 3
    assert f"s3://{BUCKET}/artifacts cannot be used (EndpointConnectionError)" in said
    hosts.server.start()
    shutil.rmtree(hosts.mirror)
    status, said = hosts.coordinator.command("run", "HEAD~3..HEAD")
    assert status == 3
    assert "mirror.git cannot be used to exchange source trees" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("variable", "value", "status", "why"),
    [
        ("AWS_SECRET_ACCESS_KEY", "not-the-secret-that-is-wanted", 3, "artifacts refuses us (403)"),
        ("AWS_ENDPOINT_URL_S3", "localhost:9000", 2, "The endpoint of the artifact store is no"),
        ("CROSSCHECK_GIT_URL", "file:///nowhere", 3, "cannot be used to exchange source trees"),
        ("CROSSCHECK_DATABASE_URL", "sqlite:////proc/x.db", 3, "Cannot open the database"),
    ],
)
def test_a_worker_that_would_spoil_runs_does_not_start(hosts, variable, value, status, why):
    hosts.workers.environ[variable] = value
    ended, said = hosts.workers.command("worker")
    assert (ended, said.count("\n")) == (status, 1)
    assert why in said
    assert "not-the-secret" not in said


def test_the_doctor_asks_the_services_and_for_what_a_machine_needs(hosts):
    host = hosts.workers
    without = host.environ | {"DOCKER_HOST": f"unix://{host.home}/none"}
    host.environ = without | {"CROSSCHECK_RUNTIME": "docker"}
    status, said = host.command("doctor")  # of one whose jobs others do
    assert status == 0, said
    assert "Nothing is missing." in said
    assert not {"redis-server", "make", "Docker"} & {row.split(" ")[0] for row in said.splitlines()}
    for name in ("Redis", "database", "artifact store", "git repository"):
        assert re.search(rf"^{name} +answers ", said, re.MULTILINE), said
    status, said = host.command("doctor", "--worker")
    assert status == 3
    assert re.search(r"^Docker engine +does not work ", said, re.MULTILINE), said
    assert "redis-server" not in said
    for variable, value, name in (
        ("CROSSCHECK_REDIS_URL", "redis://localhost:1", "Redis"),
        ("CROSSCHECK_DATABASE_URL", "sqlite:////proc/x.db", "database"),
        ("AWS_SECRET_ACCESS_KEY", "not-the-secret-that-is-wanted", "artifact store"),
        ("CROSSCHECK_GIT_URL", "file:///nowhere", "git repository"),
    ):
        host.environ = without | {variable: value}
        status, said = host.command("doctor")
        assert status == 3
        assert said.count("does not work") == 1
        assert re.search(rf"^{name} +does not work ", said, re.MULTILINE), said
        assert "not-the-secret" not in said
    host.environ = without | {"CROSSCHECK_DATABASE_URL": "mysql://x"}
    assert host.command("doctor")[0] == 2


def test_a_redis_that_is_away_is_said_where_workers_are_listed(hosts):
    hosts.workers.environ["CROSSCHECK_REDIS_URL"] = "redis://localhost:1"
    status, said = hosts.workers.command("workers")
    assert status == 3
    assert "No worker lives" in said
    assert "The Redis of CROSSCHECK_REDIS_URL, redis://localhost:1, does not answer" in said


def of_blue(hosts):
    """Why its build came to nothing, and accuses nobody."""
    status, verdict, _ = run(hosts, "--check", "build", "--target", "blue")
    assert (status, verdict["outcome"]) == (3, "ERROR")
    assert not findings(verdict)
    return verdict["targets"][0]["checks"][0]["reason"]


def test_a_worker_whose_storage_goes_is_an_error_that_names_its_machine(hosts):
    series(hosts.coordinator.tree)
    bucket = hosts.server.root / "theirs"
    bucket.mkdir()
    hosts.start_workers(CROSSCHECK_ARTIFACTS_URL="s3://theirs/artifacts")
    assert wait_until(lambda: "blue" in hosts.coordinator.command("workers")[1])
    bucket.rmdir()
    here = socket.gethostname()
    assert of_blue(hosts).startswith(f"base: {here}: The artifact store s3://theirs/artifacts refu")


def test_a_worker_with_another_git_repository_is_an_error_that_names_its_machine(hosts, tmp_path):
    series(hosts.coordinator.tree)
    other = tmp_path / "other.git"
    subprocess.run(["git", "init", "-q", "--bare", other], check=True)
    hosts.start_workers(CROSSCHECK_GIT_URL=f"file://{other}")
    reason = of_blue(hosts)
    assert reason.startswith(
        f"base: {socket.gethostname()}: The git repository file://{other} does"
    )
    assert "see that all machines mean the same one with CROSSCHECK_GIT_URL" in reason


def test_the_run_of_a_coordinator_that_was_killed_leaves_nothing_in_the_git_repository(hosts):
    series(hosts.coordinator.tree)
    coordinator = hosts.coordinator.start("run", "HEAD~3..HEAD")  # and no workers
    hosts.coordinator.await_row("state = 'queued'")
    assert len([ref for ref in hosts.refs() if "/runs/" in ref]) == 4
    coordinator.kill()
    coordinator.wait()
    hosts.coordinator.command("runs")
    assert not [ref for ref in hosts.refs() if "/runs/" in ref]


def test_on_one_machine_old_files_go_and_a_log_that_is_gone_is_said_to_be(installation):
    installation.environ["CROSSCHECK_KEEP_DAYS"] = "30"
    toy.commit(installation.tree, "mm: one", {"mm/memory.c": adding("\n/* One. */\n")})
    assert installation.run("--target", "blue", "--check", "build")[0] == 0
    files = ArtifactFiles(installation.home / "state/crosscheck/artifacts")
    kept = list(files.root.glob("??/*"))
    at = time.time() - 31 * 24 * 3600
    for path in kept:
        os.utime(path, (at, at))
    (files.root / "looked").unlink(missing_ok=True)
    _, said = installation.command("runs")
    assert not [path for path in kept if path.exists()]
    name = installation.verdict()["run"]
    status, said = installation.command("logs", name, "blue")
    assert status == 3
    assert "blue-build-base.log" in said
    assert "any more: it was not used for longer than files are kept" in said
    status, verdict = installation.run("--target", "blue", "--check", "build")
    assert (status, verdict["targets"][0]["checks"][0]["base_cached"]) == (0, False)
