# SPDX-License-Identifier: GPL-2.0-or-later
"""Series whose Makefile attacks whoever builds them: the whole of crosscheck, the real sandbox.

Each attempt says in the build log whether it got anywhere. `test_sandbox` tries the same and
more on the sandbox alone, as root and as a user; here is what a worker does around it, and
what it believes of what a build leaves behind.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import toy
from tests.conftest import missing
from tests.integration.conftest import Installation
from tests.integration.sandboxes import alive
from tests.toy import adding

pytestmark = pytest.mark.integration

#: What the tests look for where it must not be.
SECRET = f"secret{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory) -> Iterator[Installation]:
    """An installation with a secret in its environment, whose base has been looked at."""
    for tool in ("bwrap", "redis-server", "git", "make", "gcc"):
        if shutil.which(tool) is None:
            missing(tool)
    home = tmp_path_factory.mktemp("h")
    shutil.copytree(toy.HERE, home / "matrix")
    matrix = home / "matrix" / "matrix.yaml"
    made = Installation(
        home=home,
        tree=toy.repository(home / "tree"),
        environ={"CROSSCHECK_TOKEN": SECRET, "CROSSCHECK_MATRIX": str(matrix)},
    )
    toy.commit(made.tree, "toy: be harmless", {"Makefile": adding("\n# harmless\n")})
    assert made.run()[0] == 0
    toy.git(made.tree, "reset", "-q", "--hard", "HEAD~1")
    yield made
    for process in made.processes():
        process.kill()


@dataclass
class Attack:
    """A series whose Makefile runs scripts after the Image is made."""

    on: Installation

    def run(self, red: str, blue: str) -> tuple[int, dict[str, dict]]:
        """The exit status, and what the build check says on each target."""
        made = "$(OBJCOPY) -O binary -j .text vmlinux arch/$(ARCH)/boot/Image\n"
        # make does not hold back what a line with a + prints
        makefile = toy.replacing(made, f"{made}\t+@sh $(srctree)/scripts/hostile.$(ARCH)\n")
        edits = {"Makefile": makefile, "scripts/hostile.red": red, "scripts/hostile.blue": blue}
        toy.commit(self.on.tree, "toy: attack", edits)
        status, verdict = self.on.run()
        self.name = verdict["run"]
        checks = {t["target"]: t["checks"] for t in verdict["targets"]}
        return status, {name: each[0] for name, each in checks.items()}

    def log(self, target: str) -> str:
        return self.on.command("logs", self.name, target, "build")[1]

    def kept(self) -> list[Path]:
        """Every file of the artifact store."""
        store = self.on.home / "state/crosscheck/artifacts"
        return [path for path in store.rglob("*") if path.is_file()]

    def keeps_a_secret(self) -> bool:
        return not any(SECRET.encode() in path.read_bytes() for path in self.kept())


@pytest.fixture
def attack(attacked):
    before = toy.git(attacked.tree, "rev-parse", "HEAD").strip()
    yield Attack(attacked)
    toy.git(attacked.tree, "reset", "-q", "--hard", before)
    attacked.nothing_is_left(limit_s=30)
    left = list((attacked.home / "cache/crosscheck/builds").iterdir())
    if left:  # pytest could not remove it
        subprocess.run(["chmod", "-R", "u+rwx", "--", *left], check=True)
        subprocess.run(["rm", "-rf", "--", *left], check=True)
    assert not left


# --- what it reads, writes and reaches ------------------------------------------------------

#: Each line is a name and a command that succeeds if the attack does.
ATTEMPTS = r"""
exists-so-that-attempts-can-succeed: test -e /build/vmlinux
shadow: cat /etc/shadow
hostname: grep {hostname} /etc/hostname
machine-id: cat /etc/machine-id
ssh: ls /etc/ssh
root: ls /root
homes: ls /home/*
home: ls {home}
sys: ls /sys/class
installation: ls {installation}
database: cat {installation}/state/crosscheck/crosscheck.db
other-sources: ls {installation}/cache/crosscheck/sources
user's-tree: ls {installation}/tree
file-of-tmp: cat {tmp}
file-of-shm: cat {shm}
project: ls {project}
write-source: echo hostile > /src/hostile
write-makefile: echo hostile >> /src/Makefile
remove-source: rm /src/Makefile
write-home: echo hostile > {home}/hostile-{mark}
write-usr: echo hostile > /usr/bin/hostile-{mark}
write-installation: echo hostile > {installation}/hostile
environment: cat /proc/[0-9]*/environ | grep -a secret
arguments: cat /proc/[0-9]*/cmdline | grep -a [m]{ark}
signal: kill -9 {bystander}
signal-worker: kill -9 {pytest}
trace: perl -e 'exit !!syscall(101, 16, {bystander}, 0, 0)'
memory: cat /proc/{bystander}/mem
tcp: perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new("127.0.0.1:{port}")'
abstract: {connect} pack("Sa*", AF_UNIX, "\x00{mark}"))'
path: {connect} pack_sockaddr_un("{installation}/l"))'
redis: for s in {installation}/state/crosscheck/runs/*/redis.sock; do {connect} pack_sockaddr_un("$s"))' && exit 0; done; exit 1
device: head -c 1 /dev/vda
mount: mount -t tmpfs none /tmp
namespace: unshare --user --map-root-user true
kernel-log: dmesg
"""

CONNECT = "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); exit !connect(S,"


@contextmanager
def listening(family: int, address: object) -> Iterator[socket.socket]:
    with socket.socket(family) as server:
        server.bind(address)
        server.listen()
        server.setblocking(False)
        yield server
        with pytest.raises(BlockingIOError):
            server.accept()


@contextmanager
def idle(word: str) -> Iterator[subprocess.Popen]:
    """A process of the host that has WORD among its arguments."""
    with subprocess.Popen(["perl", "-e", "sleep 3000", word]) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_makefile_that_reads_writes_and_connects_gets_nowhere(attacked, attack):
    mark = f"mark{uuid.uuid4().hex}"
    tmp, shm = Path("/tmp", mark), Path("/dev/shm", mark)
    lines = [line.split(": ", 1) for line in ATTEMPTS.strip().splitlines()]
    try:
        for path in (tmp, shm):
            path.write_text(SECRET)
        with (
            listening(socket.AF_INET, ("127.0.0.1", 0)) as server,
            listening(socket.AF_UNIX, f"\0{mark}"),
            listening(socket.AF_UNIX, str(attacked.home / "l")),
            idle(mark) as bystander,
        ):
            words = {
                "home": Path.home(), "installation": attacked.home, "tmp": tmp, "shm": shm,
                "project": toy.HERE, "mark": mark, "ark": mark[1:], "bystander": bystander.pid,
                "pytest": os.getpid(), "port": server.getsockname()[1], "connect": CONNECT,
                "hostname": socket.gethostname(),
            }  # fmt: skip
            script = ""
            for name, command in lines:
                script += f'({command}) > /dev/null 2>&1 && echo "succeeds: {name}"\n'
            for word, value in words.items():
                script = script.replace(f"{{{word}}}", str(value))
            status, builds = attack.run(
                "true", script + f"echo x > {tmp}; echo x > {shm}; echo ends\n"
            )
            assert bystander.poll() is None
        assert (status, builds["blue"]["outcome"]) == (0, "PASS")
        log = attack.log("blue")
        reached = [line for line in log.splitlines() if line.startswith("succeeds")]
        assert reached == ["succeeds: exists-so-that-attempts-can-succeed"]
        assert "\nends\n" in log
        assert (tmp.read_text(), shm.read_text()) == (SECRET, SECRET)
        assert not Path.home().joinpath(f"hostile-{mark}").exists()
        assert not Path("/usr/bin", f"hostile-{mark}").exists()
        assert not list((attacked.home / "cache/crosscheck/sources").glob("*/hostile"))
    finally:
        for path in (tmp, shm):
            path.unlink(missing_ok=True)


# --- what it takes --------------------------------------------------------------------------

BOMB = """
$SIG{$_} = "IGNORE" for "TERM", "INT", "HUP";
while (1) { fork; setpgrp; select(undef, undef, undef, .1) }
"""


@pytest.fixture
def impatient(attacked):
    """The build has a short deadline; its base was built before."""
    matrix = attacked.home / "matrix" / "matrix.yaml"
    before = matrix.read_text()
    matrix.write_text(before.replace("deadline_s: 120", "deadline_s: 6"))
    yield
    matrix.write_text(before)


@pytest.mark.usefixtures("impatient")
def test_processes_and_output_without_end_are_ended(attack):
    mark = f"31{uuid.uuid4().int % 10**12}"
    status, builds = attack.run(f"exec perl -e '{BOMB}' {mark}", f"yes {'x' * 4000}")
    assert status == 3
    assert {target: build["outcome"] for target, build in builds.items()} == {
        "red": "ERROR",
        "blue": "ERROR",
    }
    assert not builds["red"]["findings"]
    assert not builds["blue"]["findings"]
    assert "deadline" in builds["red"]["reason"]
    assert alive(mark) == []
    assert max(path.stat().st_size for path in attack.kept()) < 100 << 20


# --- what it leaves behind ------------------------------------------------------------------


@pytest.mark.parametrize(
    "scripts",
    [
        {"vmlinux": "ln -sf {} vmlinux", "System.map": "rm System.map; mkfifo System.map"},
        {
            ".config": "ln -sf {} .config",
            "Image": "rm -r arch/blue/boot; ln -s {}/.. arch/blue/boot",
        },
    ],
    ids=["link and pipe", "links to a file and a directory"],
)
def test_what_is_no_file_of_its_own_is_not_kept(attack, tmp_path, scripts):
    secret = tmp_path / "Image"
    secret.write_text(SECRET)
    status, builds = attack.run(*(each.replace("{}", str(secret)) for each in scripts.values()))
    assert status == 3
    for build, file in zip((builds["red"], builds["blue"]), scripts, strict=True):
        assert (build["outcome"], build["findings"]) == ("ERROR", [])
        assert file in build["reason"]
    assert attack.keeps_a_secret()


STRANGE = r"""
ln -s {} .a.o.cmd
mkfifo .b.o.cmd
truncate -s 3G .c.o.cmd
mkdir .d.o.cmd
head -c 4000000 /dev/zero | tr '\0' ' ' > .e.o.cmd
echo "savedcmd_x.o := gcc -c -o x.o $(head -c 100000 /dev/zero | tr '\0' x)" > .f.o.cmd
: > "$(printf '.\377\n.cmd')"
ln -s / everything
ln -s . self
"""


def test_strange_files_do_no_harm_and_giant_ones_are_not_made(attack, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(f"savedcmd_x.o := {SECRET}\nsource_x.o := /src/mm/memory.c\n")
    giant = "truncate -s 20G System.map || exit 1"
    status, builds = attack.run(STRANGE.replace("{}", str(secret)), giant)
    assert builds["red"]["outcome"] == "PASS"
    assert (status, builds["blue"]["outcome"]) in ((3, "ERROR"), (1, "FAIL"))
    assert attack.keeps_a_secret()
    assert max(path.stat().st_size for path in attack.kept()) < 100 << 20


def test_directories_that_are_hard_to_remove_are_removed(attack):
    deep = 'perl -e \'for (1 .. 3000) { mkdir "d"; chdir "d" }\''
    closed = "mkdir -p closed/in; : > closed/in/x; chmod 0 closed/in closed"
    status, builds = attack.run(deep, closed)
    assert (status, builds["blue"]["outcome"]) == (0, "PASS")


def test_a_link_out_of_the_tree_is_refused(attacked, attack, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(f"int {SECRET};\n")
    link = attacked.tree / "mm" / "swap.c"
    link.unlink()
    link.symlink_to(secret)
    toy.git(attacked.tree, "commit", "-qam", "toy: lead out")
    status, said = attacked.command("run", "HEAD")
    assert status == 2
    assert "mm/swap.c" in said
    assert SECRET not in said
