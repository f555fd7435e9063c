# SPDX-License-Identifier: GPL-2.0-or-later
"""Source trees from coordinators to workers through a git repository, with the real git."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
import pytest

from pipeline.model import InfraError
from pipeline.settings import load
from pipeline.trees import exchange
from pipeline.trees.checkout import checkout
from pipeline.trees.fetch import fetch
from pipeline.trees.publish import left_published, publish, withdraw
from pipeline.trees.repository import open_tree
from tests import toy
from tests.conftest import ROOT
from tests.integration import git_servers
from tests.integration.object_servers import free_port

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(exchange, "_PAUSE_S", 0)


@pytest.fixture
def mirror(tmp_path):
    return bare(tmp_path / "mirror.git")


def bare(place):
    subprocess.run(["git", "init", "-q", "--bare", place], check=True)
    return place


def machine(place, mirror):
    """The settings of a machine that has PLACE to itself."""
    url = mirror if isinstance(mirror, str) else f"file://{mirror}"
    where = {"XDG_CACHE_HOME": str(place), "XDG_STATE_HOME": f"{place}/state"}
    return load(where | {"CROSSCHECK_GIT_URL": url})


@pytest.fixture
def user(tmp_path):
    """A source tree with a thousand files more, of which git cannot make small ones."""
    tree = toy.repository(tmp_path / "linux")
    noise = {f"noise/{n}": os.urandom(600).hex() for n in range(1000)}
    toy.commit(tree, "noise", noise)
    return tree


@pytest.fixture
def here(tmp_path, user, mirror):
    """The coordinator's machine."""
    made = machine(tmp_path / "here", mirror)
    open_tree(user, made, str)
    return made


@pytest.fixture
def there(tmp_path, mirror):
    """A worker's machine."""
    return machine(tmp_path / "there", mirror)


def tree(user, revision="HEAD"):
    return toy.git(user, "rev-parse", f"{revision}^{{tree}}").strip()


def edited(user, n=0):
    """The tree after a commit more."""
    toy.commit(user, f"edit {n}", {"mm/memory.c": toy.adding(f"/* {n} */\n")})
    return tree(user)


def refs(mirror):
    return toy.git(mirror, "for-each-ref", "--format=%(refname)").split()


def objects(git_dir):
    """How many objects it holds itself."""
    said = toy.git(git_dir, "count-objects", "-v").splitlines()
    counts = dict(line.split(": ") for line in said)
    return int(counts["count"]) + int(counts["in-pack"])


def is_whole(settings, tree, place):
    checkout(settings.git_dir, tree, place)
    return (place / "noise/999").is_file() and (place / "mm/memory.c").is_file()


def test_a_worker_gets_the_trees_of_a_run_and_no_history(here, there, user, mirror, tmp_path):
    trees = (tree(user), edited(user, 1), edited(user, 2))
    publish(here, "20260101-000000-aaaa", trees)
    fetch(there, "20260101-000000-aaaa", trees, str)
    for n, each in enumerate(trees):
        assert is_whole(there, each, tmp_path / str(n))
    commits = toy.git(mirror, "rev-list", "--all").split()
    assert len(commits) == len(trees)
    assert not {*toy.git(user, "rev-list", "HEAD").split()} & {*commits}


def test_what_is_here_is_not_asked_for_again(here, there, user, mirror):
    trees = (tree(user),)
    publish(here, "20260101-000000-aaaa", trees)
    fetch(there, "20260101-000000-aaaa", trees, str)
    shutil.rmtree(mirror)
    fetch(there, "20260101-000000-aaaa", trees, str)


def test_workers_of_the_coordinators_machine_fetch_nothing(here, user, mirror):
    trees = (tree(user), edited(user))
    publish(here, "20260101-000000-aaaa", trees)
    shutil.rmtree(mirror)
    fetch(here, "20260101-000000-aaaa", trees, str)


@pytest.mark.parametrize("order", ["bc", "cb"])
def test_what_was_borrowed_from_a_user_and_is_gone_is_fetched(here, user, mirror, tmp_path, order):
    base, second, third = tree(user), edited(user, 1), edited(user, 2)
    other = machine(tmp_path / "other", mirror)
    open_tree(user, other, str)
    publish(here, "20260101-000000-a", (base,))
    trees = {"b": (second, third), "c": (base,)}
    for run, each in trees.items():
        publish(other, f"20260101-000000-{run}", each)
    shutil.rmtree(user)
    for run in order:  # what the next is to be compared with is not here either
        fetch(here, f"20260101-000000-{run}", trees[run], str)
        assert is_whole(here, trees[run][-1], tmp_path / run)


def test_a_moved_base_costs_its_difference(here, there, user, mirror, tmp_path):
    base = tree(user)
    publish(here, "20260101-000000-aaaa", (base,))
    fetch(there, "20260101-000000-aaaa", (base,), str)
    withdraw(here, "20260101-000000-aaaa")
    before = objects(mirror), objects(there.git_dir)
    assert min(before) > 1000
    moved = (edited(user, 1), edited(user, 2))
    publish(here, "20260102-000000-aaaa", moved)
    fetch(there, "20260102-000000-aaaa", moved, str)
    assert is_whole(there, moved[1], tmp_path / "it")
    # two commits, and each with a file in a directory; a pack is kept with what it builds upon
    assert objects(mirror) - before[0] == 8
    assert objects(there.git_dir) - before[1] <= 8 + 3


def test_another_coordinator_pushes_only_what_is_not_there(here, user, mirror, tmp_path):
    publish(here, "20260101-000000-aaaa", (tree(user),))
    before = objects(mirror)
    other = machine(tmp_path / "other", mirror)
    open_tree(user, other, str)
    publish(other, "20260102-000000-bbbb", (edited(user),))
    assert objects(mirror) - before == 4


def test_at_its_end_a_run_leaves_the_latest_bases(here, user, mirror):
    first, second = tree(user), edited(user)
    for run, trees in (
        ("20260101-000000-aaaa", (first, second)),
        ("20260102-000000-aaaa", (first,)),
    ):
        publish(here, run, trees)
    withdraw(here, "20260101-000000-aaaa")
    assert refs(mirror) == [
        f"refs/crosscheck/bases/20260102-000000-aaaa/{first}",
    ]  # the second run, too, is older than any that goes on


def test_runs_push_at_once(here, there, user, mirror, tmp_path):
    trees = [(tree(user), edited(user, n)) for n in range(4)]
    hosts = []
    for n in range(4):
        hosts.append(machine(tmp_path / f"host{n}", mirror))
        open_tree(user, hosts[-1], str)
    runs = [time.strftime(f"%Y%m%d-%H%M%S-{n}") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(publish, hosts, runs, trees))
    for n, run in enumerate(runs):
        fetch(there, run, trees[n], str)
        assert is_whole(there, trees[n][1], tmp_path / f"tree{n}")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(withdraw, hosts, runs))
    assert not [ref for ref in refs(mirror) if "/runs/" in ref]


def test_a_mirror_that_was_emptied_between_two_runs_is_filled_anew(
    here, there, user, mirror, tmp_path
):
    publish(here, "20260101-000000-aaaa", (tree(user),))
    fetch(there, "20260101-000000-aaaa", (tree(user),), str)
    shutil.rmtree(mirror)
    bare(mirror)
    trees = (edited(user, 1), edited(user, 2))
    publish(here, "20260102-000000-aaaa", trees)
    for n, worker in enumerate((there, machine(tmp_path / "new", mirror))):
        fetch(worker, "20260102-000000-aaaa", trees, str)
        assert is_whole(worker, trees[1], tmp_path / f"tree{n}")


def test_trees_that_are_gone_are_one_sentence(here, there, user, mirror):
    publish(here, "20260101-000000-aaaa", (tree(user),))
    shutil.rmtree(mirror)
    bare(mirror)
    with pytest.raises(InfraError, match=r"does not have the source trees of run 20260101"):
        fetch(there, "20260101-000000-aaaa", (tree(user),), str)


def test_something_else_under_the_name_of_a_tree_is_refused(here, there, user, mirror):
    base, other = tree(user), edited(user)
    publish(here, "20260101-000000-aaaa", (base, other))
    name = "refs/crosscheck/runs/20260101-000000-aaaa"
    toy.git(mirror, "update-ref", f"{name}/{base}", f"{name}/{other}")
    for _ in range(2):
        with pytest.raises(InfraError, match=rf"something else under the name .* {base}"):
            fetch(there, "20260101-000000-aaaa", (base, other), str)


@pytest.mark.parametrize("who", ["me:secret-word", "secret-word"])
@pytest.mark.parametrize("scheme", ["http", "git", "ssh"])
def test_a_mirror_that_does_not_answer_is_one_sentence_and_tells_no_secret(
    here, user, tmp_path, scheme, who
):
    url = f"{scheme}://{who}@127.0.0.1:{free_port()}/x.git"
    settings = machine(here.cache_dir.parent, url)
    for call in (
        lambda: publish(settings, "r", (tree(user),)),
        lambda: fetch(machine(tmp_path / "there", url), "r", (tree(user),), str),
    ):
        with pytest.raises(InfraError, match=r"cannot be used to exchange source tre") as found:
            call()
        said = str(found.value)
        print(said)
        assert "secret-word" not in said
        assert "\n" not in said
        assert said.count(". ") == 0


LOST = "fatal: Could not read from remote repository.\n"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            f"remote: \nremote: ====\nremote: ERROR: no such project\n{LOST}",
            "ERROR: no such project",
        ),
        (f"me@x: Permission denied (publickey).\r\n{LOST}", "me@x: Permission denied (publickey)."),
        ("fatal: \x1b[31mred\x1b[0m", "[31mred[0m"),
        (LOST, "Could not read from remote repository."),
        ("", "status 128"),
    ],
)
def test_of_what_git_says_the_telling_line_is_told(said, why):
    assert exchange._why(exchange.Ran(128, b"", said)) == why


def test_a_mirror_that_takes_no_push_says_why(here, user, mirror):
    hook = mirror / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho quota is used up >&2; exit 1\n")
    hook.chmod(0o755)
    with pytest.raises(InfraError, match=r"\(quota is used up\): check"):
        publish(here, "20260101-000000-aaaa", (tree(user),))


def test_a_mirror_that_hangs_is_given_up(here, user, tmp_path, monkeypatch):
    hangs = tmp_path / "hangs"
    hangs.write_text("#!/bin/sh\nsleep 60\n")
    hangs.chmod(0o755)
    monkeypatch.setattr("pipeline.trees.publish.PATIENT", exchange.Patience(1, 1, 1))
    monkeypatch.setenv("GIT_SSH_COMMAND", str(hangs))
    settings = machine(here.cache_dir.parent, "ssh://nobody@127.0.0.1/x.git")
    with pytest.raises(InfraError, match="no end after 1 s"):
        publish(settings, "20260101-000000-aaaa", (tree(user),))
    assert not named(str(hangs))


def named(words):
    """The processes that have WORDS in their argv."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if words in " ".join(process.cmdline()):
                found.append(process)
    return found


FETCHER = """
import sys
from pipeline.settings import load
from pipeline.trees.fetch import fetch
fetch(load(), sys.argv[1], sys.argv[2:], lambda doing: print(doing, flush=True))
print("done", flush=True)
"""


def fetcher(settings, run, trees, **environ):
    environ = os.environ | environ
    environ |= {
        "XDG_CACHE_HOME": str(settings.cache_dir.parent),
        "CROSSCHECK_GIT_URL": settings.git_url,
    }
    return subprocess.Popen(
        [sys.executable, "-c", FETCHER, run, *trees],
        env=environ,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_workers_of_one_machine_fetch_the_same_tree_once(here, there, user, mirror):
    trees = (tree(user), edited(user))
    publish(here, "20260101-000000-aaaa", trees)
    fetchers = [fetcher(there, "20260101-000000-aaaa", trees) for _ in range(4)]
    said = [each.communicate(timeout=60)[0].split("\n") for each in fetchers]
    assert all("done" in lines for lines in said)
    assert sum("fetching the source trees" in lines for lines in said) == 1


def slow_ssh(tmp_path, mirror):
    """What git takes for ssh: tells which refs there are, then lets 200 kB pass, and no more."""
    script = tmp_path / "slow-ssh"
    script.write_text(
        f"#!/bin/sh\nmkdir {tmp_path}/asked && exec git upload-pack {mirror}\n"
        f"git upload-pack {mirror} | (dd bs=4096 count=200000 iflag=count_bytes status=none; touch {tmp_path}/passed; sleep 60)\n"
    )
    script.chmod(0o755)
    return script


def await_file(path, limit_s=20):
    deadline = time.monotonic() + limit_s
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_that_is_killed_while_it_fetches_leaves_nothing_in_the_way(
    here, there, user, mirror, tmp_path
):
    trees = (tree(user), edited(user))
    publish(here, "20260101-000000-aaaa", trees)
    slow = machine(there.cache_dir.parent, "ssh://nobody@127.0.0.1/x.git")
    environ = {"GIT_SSH_COMMAND": str(slow_ssh(tmp_path, mirror)), "GIT_SSH_VARIANT": "simple"}
    killed = fetcher(slow, "20260101-000000-aaaa", trees, **environ)
    await_file(tmp_path / "passed")
    time.sleep(0.3)
    git = next(p for p in psutil.Process(killed.pid).children(recursive=True) if p.name() == "git")
    assert list(there.fetched_dir.rglob("*.lock"))
    killed.kill()
    killed.wait()
    _, left = psutil.wait_procs([git], timeout=5)
    assert not left  # it died with the worker
    fetch(there, "20260101-000000-aaaa", trees, str)
    assert is_whole(there, trees[1], tmp_path / "tree")
    for process in named(str(tmp_path)):  # what stood for ssh
        process.kill()


@pytest.fixture(params=[git_servers.git_daemon, git_servers.https, git_servers.sshd])
def served(request, mirror, tmp_path, monkeypatch):
    """The mirror's URL, for who is on another machine."""
    place = tmp_path / "server"
    place.mkdir()
    with request.param(mirror, place) as (url, told):
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        yield url


def test_over_a_network_a_moved_base_costs_its_difference(user, mirror, served, tmp_path):
    here, there = machine(tmp_path / "here", served), machine(tmp_path / "there", served)
    open_tree(user, here, str)
    base = tree(user)
    publish(here, "20260101-000000-aaaa", (base,))
    fetch(there, "20260101-000000-aaaa", (base,), str)
    before = objects(mirror), objects(there.git_dir)
    moved = (edited(user),)
    publish(here, "20260102-000000-aaaa", moved)
    fetch(there, "20260102-000000-aaaa", moved, str)
    assert is_whole(there, moved[0], tmp_path / "tree")
    assert objects(mirror) - before[0] == 4
    assert objects(there.git_dir) - before[1] <= 4 + 3
    withdraw(here, "20260102-000000-aaaa")
    exchange.reach(served)


@pytest.mark.parametrize(
    ("served", "spoil"),
    [
        (git_servers.https, ("url", git_servers.PASSWORD, "not-the-password", "Authentication")),
        (git_servers.https, ("GIT_SSL_CAINFO", "server.crt", "users", "certificate")),
        (git_servers.sshd, ("GIT_SSH_COMMAND", "/key ", "/host ", "Permission denied")),
        (git_servers.sshd, ("GIT_SSH_COMMAND", "/known", "/users", "Host key")),
    ],
    indirect=["served"],
)
def test_who_is_not_let_in_is_told_so_and_no_secret(here, user, served, spoil, monkeypatch):
    what, old, new, why = spoil
    said = os.environ.get(what, served)
    assert old in said
    if what == "url":
        served = served.replace(old, new)
    else:
        monkeypatch.setenv(what, said.replace(old, new))
    with pytest.raises(InfraError, match=why) as found:
        publish(machine(here.cache_dir.parent, served), "20260101-000000-aaaa", (tree(user),))
    said = str(found.value)
    assert git_servers.PASSWORD not in said
    assert "not-the-password" not in said
    assert "check CROSSCHECK_GIT_URL" in said


PUBLISHER = """
import os, sys
from pipeline.settings import load
from pipeline.trees.publish import publish
publish(load(), sys.argv[1], sys.argv[2:])
os.kill(os.getpid(), 9)
"""


def test_what_a_coordinator_published_before_it_was_killed_is_withdrawn_by_the_next(
    tmp_path, user, mirror
):
    environ = {
        "XDG_CACHE_HOME": str(tmp_path / "here"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "CROSSCHECK_GIT_URL": f"file://{mirror}",
    }
    here = load(environ)
    open_tree(user, here, str)
    run, other = time.strftime("%Y%m%d-%H%M%S-a"), time.strftime("%Y%m%d-%H%M%S-b")
    killed = [sys.executable, "-c", PUBLISHER, run, tree(user)]
    assert subprocess.run(killed, env=os.environ | environ, cwd=ROOT, check=False).returncode == -9
    assert any("/runs/" in ref for ref in refs(mirror))
    publish(here, other, (edited(user),))  # ours goes on
    assert left_published(here) == (run,)
    withdraw(here, *left_published(here))
    assert {ref.split("/")[3] for ref in refs(mirror) if "/runs/" in ref} == {other}
    assert not left_published(here)
    # What could not be withdrawn, since the repository was away, is so later.
    mirror.rename(tmp_path / "away")
    withdraw(here, other)
    assert (here.published_dir / other).exists()
    (tmp_path / "away").rename(mirror)
    withdraw(here, other)
    assert not list(here.published_dir.iterdir())
