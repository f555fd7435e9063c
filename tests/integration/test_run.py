# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck run` from its arguments to its exit status, on the toy tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import toy
from tests.conftest import ROOT, validate
from tests.toy import adding

pytestmark = [pytest.mark.integration, pytest.mark.commands]

ONE = ("--target", "blue", "--check", "build", "--jobs", "1")


def cells(verdict):
    return {
        t["target"]: {c["check"]: c["outcome"] for c in t["checks"]} for t in verdict["targets"]
    }


def test_a_user_who_shows_nobody_his_files_can_build(installation):
    toy.commit(installation.tree, "kernel: more", {"kernel/main.c": adding("\n/* More. */\n")})
    before = os.umask(0o077)
    try:
        assert installation.run("--target", "blue")[0] == 0
    finally:
        os.umask(before)


def test_a_good_change_passes_and_its_base_is_looked_at_once(installation):
    toy.commit(installation.tree, "mm: say less", {"mm/memory.c": lambda t: t + "\n/* Less. */\n"})
    status, verdict = installation.run()
    assert (status, verdict["outcome"]) == (0, "PASS")
    validate(verdict)
    assert cells(verdict) == {
        target: {"build": "PASS", "symbols": "PASS"} for target in ("red", "blue")
    }
    assert not any(c["base_cached"] for t in verdict["targets"] for c in t["checks"])
    installation.nothing_is_left()

    status, verdict = installation.run()
    assert status == 0
    assert all(c["base_cached"] for t in verdict["targets"] for c in t["checks"])
    status, verdict = installation.run("--no-cache", *ONE)
    assert not any(c["base_cached"] for t in verdict["targets"] for c in t["checks"])


def test_postgresql_takes_runs_as_well(installation, server):
    toy.commit(installation.tree, "mm: say less", {"mm/memory.c": lambda t: t + "\n/* Less. */\n"})
    installation.environ["CROSSCHECK_DATABASE_URL"] = server.new_database()
    status, verdict = installation.run()
    assert (status, verdict["outcome"]) == (0, "PASS")
    assert installation.sql("select run, outcome from runs") == [(verdict["run"], "PASS")]
    status, verdict = installation.run()
    assert all(c["base_cached"] for t in verdict["targets"] for c in t["checks"])
    assert verdict["run"] in installation.command("runs")[1]
    assert not list((installation.home / "state").rglob("*.db"))
    installation.nothing_is_left()


def test_an_error_on_one_architecture_fails_there_only(installation):
    toy.commit(
        installation.tree,
        "red: name a type that is none",
        {"arch/red/mm/init.c": lambda t: t + "\nstruct nothing there;\n"},
    )
    status, verdict = installation.run("--target", "red", "--target", "blue")
    assert (status, verdict["outcome"]) == (1, "FAIL")
    assert cells(verdict) == {
        "red": {"build": "FAIL", "symbols": "SKIP"},
        "blue": {"build": "PASS", "symbols": "PASS"},
    }
    (finding,) = verdict["targets"][[t["target"] for t in verdict["targets"]].index("red")][
        "checks"
    ][0]["findings"]
    assert (finding["file"], finding["patch"]) == ("arch/red/mm/init.c", 1)


def test_a_new_warning_is_a_failure_only_to_the_strict(installation):
    toy.commit(
        installation.tree,
        "mm: leave a variable",
        {"mm/memory.c": lambda t: t + "\nvoid left(void);\nvoid left(void)\n{\n\tint unused;\n}\n"},
    )
    assert installation.run(*ONE)[0] == 0
    status, verdict = installation.run(*ONE, "--strict")
    assert (status, verdict["outcome"]) == (1, "WARN")


def test_a_base_that_does_not_build_accuses_nobody(installation):
    toy.commit(installation.tree, "mm: break", {"mm/memory.c": lambda t: t + "\n#error no\n"})
    toy.commit(installation.tree, "mm: more", {"mm/memory.c": lambda t: t + "\n/* more */\n"})
    status, verdict = installation.run()
    assert (status, verdict["outcome"]) == (3, "ERROR")
    reasons = {t["checks"][0]["reason"] for t in verdict["targets"]}
    assert all("base" in reason for reason in reasons)
    assert not [f for t in verdict["targets"] for c in t["checks"] for f in c["findings"]]


def test_documentation_alone_builds_nothing(installation):
    toy.commit(
        installation.tree, "toy: say more", {"Documentation/toy.rst": lambda t: t + "More.\n"}
    )
    status, verdict = installation.run()
    assert (status, verdict["outcome"], verdict["targets"]) == (0, "PASS", [])
    assert {left["arch"] for left in verdict["left_out"]} == {"red", "blue"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "no-such-thing"], "no-such-thing"),
        (["run", "no-such-thing", "--target", "green"], "green"),
        (["run", "HEAD", "--target", "green"], "green"),
        (["run", "HEAD", "--check", "smell"], "smell"),
        (["run", "HEAD", "--base", "v9.9"], "v9.9"),
        (["run", "HEAD", "--json", "/nonexistent/v.json"], "/nonexistent/v.json"),
        (["run", "HEAD", "--json", "/sys/v.json"], "Cannot write /sys/v.json"),
        (["run", "HEAD", "--rules", "/nonexistent/rules.yaml"], "/nonexistent/rules.yaml"),
        (["show", "nothing"], "There is no run yet"),
        (["logs", "nothing", "red"], "There is no run yet"),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_status_2(installation, words, said):
    toy.commit(installation.tree, "mm: more", {"mm/memory.c": lambda t: t + "\n/* more */\n"})
    status, output = installation.command(*words)
    assert status == 2
    assert said in output
    assert len(output.strip().splitlines()) <= 2


def test_what_was_run_can_be_listed_shown_read_and_reproduced(installation):
    toy.commit(installation.tree, "mm: say less", {"mm/memory.c": lambda t: t + "\n/* Less. */\n"})
    _, verdict = installation.run("--target", "red", "--check", "build", "--jobs", "1")
    run = verdict["run"]
    assert run in installation.command("runs")[1]
    assert "PASS" in installation.command("show", run)[1]
    assert json.loads(installation.command("show", run, "--json")[1]) == verdict
    assert "memory.o" in installation.command("logs", run, "red", "build")[1]
    status, script = installation.command("reproduce", run, "red")
    assert status == 0
    subprocess.run(["sh", "-n"], input=script, text=True, check=True)


def test_the_users_tree_is_left_as_it_is(installation):
    toy.commit(installation.tree, "mm: say less", {"mm/memory.c": lambda t: t + "\n/* Less. */\n"})
    (installation.tree / "mm" / "memory.c").write_text("uncommitted\n")

    def state():
        # git renews the time of an object that it would have written; nothing else is touched
        return {
            str(path): (path.read_bytes(), "objects" in path.parts or path.stat().st_mtime_ns)
            for path in installation.tree.rglob("*")
            if path.is_file()
        }

    before = state()
    status, verdict = installation.run(*ONE)
    assert status == 0
    assert state() == before
    assert any("uncommitted" in note.lower() for note in verdict["base"]["notes"])


def test_redis_and_workers_of_ones_own_are_used(installation):
    redis = installation.start_redis()
    worker = installation.start("worker", "--jobs", "2")
    try:
        toy.commit(installation.tree, "mm: more", {"mm/memory.c": lambda t: t + "\n/* more */\n"})
        status, verdict = installation.run(*ONE)
        assert (status, verdict["outcome"]) == (0, "PASS")
        assert worker.poll() is None
        log = installation.home / "state/crosscheck/runs" / verdict["run"] / "redis.log"
        assert not log.exists()
        redis.kill()
        redis.wait()
        status, output = installation.command("run", "HEAD")
        assert status == 3
        assert "The Redis of CROSSCHECK_REDIS_URL, redis+socket:" in output
    finally:
        worker.terminate()
        worker.wait(timeout=20)
        redis.kill()
        redis.wait()
    installation.nothing_is_left()


def test_a_machine_that_has_a_base_is_offered_what_starts_from_it_first(installation):
    redis = installation.start_redis()
    hosts = ("north", "south")
    root = ("-r",) if os.getuid() else ()
    command = Path(sys.executable).with_name("crosscheck")
    workers = [
        subprocess.Popen(
            ["unshare", *root, "--uts", "sh", "-c", f"hostname {host} && exec {command} worker"],
            env=installation.environment(), stdin=subprocess.DEVNULL,
        )
        for host in hosts
    ]  # fmt: skip
    try:
        for n in range(4):
            edit = {"mm/memory.c": lambda t, n=n: f"{t}\n/* {n} */\n"}
            toy.commit(installation.tree, "mm: more", edit)
            assert installation.run(*ONE)[0] == 0
        query = "select worker from jobs where step in ('base', 'patched') and worker != ''"
        names = {name.partition(":")[0] for (name,) in installation.sql(query)}
        assert len(names) == 1
        assert names < set(hosts)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(timeout=20)
        redis.kill()
        redis.wait()
    installation.nothing_is_left()


def test_two_runs_at_once_share_without_harm(installation):
    toy.commit(installation.tree, "mm: more", {"mm/memory.c": lambda t: t + "\n/* more */\n"})
    runs = [installation.start("run", "HEAD") for _ in range(2)]
    for run in runs:
        output, _ = run.communicate(timeout=120)
        assert run.returncode == 0, output
    installation.nothing_is_left()


def test_nothing_is_written_outside_cache_and_state(installation, tmp_path):
    toy.commit(installation.tree, "mm: more", {"mm/memory.c": lambda t: t + "\n/* more */\n"})
    elsewhere = tmp_path / "tmp"
    elsewhere.mkdir()
    installation.environ["TMPDIR"] = str(elsewhere)
    before = set(Path("/tmp").iterdir())
    assert installation.run(*ONE)[0] == 0
    assert not list(elsewhere.iterdir())
    new = {p for p in set(Path("/tmp").iterdir()) - before if "crosscheck" in p.name}
    assert not new


def test_doctor_names_what_is_missing_and_the_remedy(installation, tmp_path):
    installation.environ["CROSSCHECK_RUNTIME"] = "bubblewrap"
    status, output = installation.command("doctor")
    assert status == 0, output
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("git", "make", "gcc", "python3"):
        (tools / name).symlink_to(f"/usr/bin/{name}")
    installation.environ["PATH"] = f"{tools}:{Path(sys.executable).parent}"
    status, output = installation.command("doctor")
    assert status == 3
    assert "apt-get install" in output
    assert "bubblewrap" in output


def test_doctor_says_what_a_target_wants_that_is_taken_only_if_it_is_named(installation, tmp_path):
    text = (ROOT / "matrix.yaml").read_text()
    text = text.replace("clang-19, lld-19, llvm-19", "clang-98, lld-98, llvm-98")
    (tmp_path / "matrix.yaml").write_text(text.replace("llvm: 19", "llvm: 98"))
    (tmp_path / "workers").symlink_to(ROOT / "workers")
    installation.environ["CROSSCHECK_MATRIX"] = str(tmp_path / "matrix.yaml")
    installation.environ["CROSSCHECK_RUNTIME"] = "bubblewrap"
    status, output = installation.command("doctor")
    assert status == 0, output
    assert "Nothing is missing." in output
    assert "arm64-clang, which `run` takes only if it is named, wants clang-98, ld.lld" in output
    status, output = installation.command("doctor", "--target", "arm64-clang")
    assert status == 3
    assert "apt-get install clang-98 lld-98 llvm-98\n" in output
    assert "mips" not in output


def test_doctor_says_that_there_is_no_docker_engine(installation, tmp_path):
    installation.environ["DOCKER_HOST"] = f"unix://{tmp_path}/docker.sock"
    status, output = installation.command("doctor", "--runtime", "docker")
    assert status == 3
    assert "The Docker engine does not answer: start it, or set DOCKER_HOST" in output
    assert "flex" not in output  # it is in the image
