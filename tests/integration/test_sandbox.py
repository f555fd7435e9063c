# SPDX-License-Identifier: GPL-2.0-or-later
"""What a hostile command in the sandbox cannot do, each tried for real, as root and as a user.

Where "cannot" could be a slip of the test, the same command first does it outside.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import shutil
import signal
import socket
import subprocess
import tempfile
import termios
import uuid
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from pipeline.model import InfraError
from tests.integration.sandboxes import (
    STRANGER,
    Place,
    alive,
    as_user,
    in_child,
    new_place,
    wait_until,
)
from workers.sandbox import open_sandbox, seccomp, why_not
from workers.sandbox.contract import Mount
from workers.sandbox.identity import _STILL_THERE

pytestmark = pytest.mark.integration

ROOT = os.geteuid() == 0


@pytest.fixture(params=["root", "user", "docker"])
def place(request):
    """Where commands are run by root, where by an ordinary user, and where in containers."""
    if request.param == "root" and not ROOT:
        pytest.skip("needs root")
    runtime = "docker" if request.param == "docker" else "bubblewrap"
    place = new_place(STRANGER if request.param == "user" and ROOT else None, runtime)
    yield place
    shutil.rmtree(place.root)


@pytest.fixture
def mark():
    """A word by which the processes of one test are known."""
    word = f"31{uuid.uuid4().int % 10**12}"
    yield word
    for pid in alive(word):
        with suppress(ProcessLookupError):  # it may end by itself meanwhile
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def host_secret():
    """A file of the host's /tmp that anybody may read."""
    with tempfile.NamedTemporaryFile("w", dir="/tmp", delete=False) as stream:
        stream.write("the secret of the host\n")
    path = Path(stream.name)
    path.chmod(0o644)
    yield path
    path.unlink()


def outside(script: str) -> int:
    """The exit status of SCRIPT on the host."""
    return subprocess.run(["sh", "-c", script], capture_output=True, check=False).returncode


# --- what it sees ---------------------------------------------------------------------------


def test_host_files_are_not_there(place: Place, host_secret: Path) -> None:
    assert outside(f"cat {host_secret}") == 0
    homes = f"/root /home /var /boot /opt /srv /run /sys {Path.home()}"
    if place.runtime == "docker":  # a system of its own is there
        homes = "/home/* /boot/* /srv/* /sys/* /var/lib/docker /run/docker.sock"
    place.run(f"for x in {homes} {host_secret} /etc/machine-id; do ls -d $x; done 2>&1")
    reached = [line for line in place.text.splitlines() if "No such file" not in line]
    assert reached == []
    place.log.unlink()
    place.run("for x in /etc/hostname /etc/shadow /root/*; do cat $x; done 2>&1")
    kept = [line for line in place.text.splitlines() if "No such" in line or "denied" in line]
    assert len(kept) == (2 if place.runtime == "docker" else 3)
    assert socket.gethostname() not in place.text


def test_etc_has_one_made_up_user_and_what_compilers_need(place: Place) -> None:
    place.run("ls /etc; echo; cat /etc/passwd /etc/group; whoami; ls /etc/ssl")
    files, _, accounts = place.text.partition("\n\n")
    passwd, group, whoami, *ssl = accounts.splitlines()
    assert passwd.startswith("build:x:")
    assert group.startswith("build:x:")
    assert whoami == "build"
    assert "openssl.cnf" in ssl
    if place.runtime == "bubblewrap":
        known = {"alternatives", "group", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "passwd"}
        assert set(files.split()) <= {*known, "ssl"}
        assert ssl == ["openssl.cnf"]


def test_other_jobs_are_not_seen(place: Place) -> None:
    other = new_place(place.uid, place.runtime)
    (other.build / "vmlinux").write_text("of another job\n")
    try:
        place.run(f"cat {other.build}/vmlinux {other.root}/../*/build/vmlinux")
        assert "of another job" not in place.text
        assert place.text.count("No such file") == 2
    finally:
        shutil.rmtree(other.root)


def test_only_its_own_processes_are_seen_and_signalled(place: Place, mark: str) -> None:
    with subprocess.Popen(["sleep", mark]) as innocent:
        place.run(
            f"ls -d /proc/[0-9]* | wc -l; kill -9 {innocent.pid}; kill -9 -1; cat /proc/*/cmdline"
        )
        assert innocent.poll() is None
        assert int(place.text.split()[0]) < 8
        assert mark not in place.text.replace("\0", " ")
        innocent.kill()


def test_environment_is_what_was_given(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "of the host")
    place.run("env | cut -d= -f1; hostname")
    assert sorted(place.text.split()) == ["HOME", "LC_ALL", "PATH", "PWD", "crosscheck"]
    place.run("cat /proc/[0-9]*/environ")
    assert "of the host" not in place.text


def test_no_descriptor_of_ours_is_inherited(place: Place) -> None:
    place.run("ls /proc/self/fd")
    assert place.text.split() == ["0", "1", "2", "3"]  # 3 is the directory that ls reads


def test_our_terminal_is_out_of_reach(place: Place) -> None:
    """It could be typed at (TIOCSTI of ioctl_tty(2))."""
    terminal, theirs = pty.openpty()

    def run() -> None:
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)
        os.close(os.open("/dev/tty", os.O_RDWR))
        place.run_here("exec 3<> /dev/tty && echo reached", None, {})

    try:
        os.waitpid(in_child(place.uid, run), 0)
    finally:
        os.close(terminal)
        os.close(theirs)
    assert "No such device or address" in place.text


# --- what it writes -------------------------------------------------------------------------


def test_only_the_build_directory_is_writable(place: Place) -> None:
    (place.source / "Makefile").write_text("all:\n")
    place.run(
        "for x in /src/x /src/Makefile /usr/x /usr/bin/x /etc/x /etc/passwd /x /dev/x /proc/x"
        " /root/x /home/x /var/x; do (echo hostile > $x) 2>/dev/null && echo wrote $x; done;"
        " rm -f /src/Makefile 2>/dev/null; echo harmless > /build/x"
    )
    assert place.text == ""
    assert (place.source / "Makefile").read_text() == "all:\n"
    assert (place.build / "x").read_text() == "harmless\n"


def test_tmp_is_its_own_and_gone_afterwards(place: Place, mark: str) -> None:
    ended = place.run(f"echo x > /tmp/{mark} && echo x > /dev/shm/{mark} && ls /tmp")
    assert ended.exit_code == 0
    assert place.text.split() == [mark]
    assert not Path("/tmp", mark).exists()
    assert not Path("/dev/shm", mark).exists()
    assert place.run(f"test -e /tmp/{mark}").exit_code == 1


def test_what_it_made_does_not_belong_to_root(place: Place) -> None:
    place.run("touch x; chmod 4755 x")
    made = (place.build / "x").stat()
    assert made.st_uid == (place.uid if place.uid is not None else made.st_uid) != 0


def test_adopting_does_not_follow_links(place: Place, host_secret: Path) -> None:
    before = host_secret.stat()
    (place.build / "link").symlink_to(host_secret)
    (place.build / "folder").symlink_to(host_secret.parent)
    place.run("true")
    assert host_secret.stat().st_uid == before.st_uid
    assert host_secret.parent.stat().st_uid == 0


def test_a_mount_below_new_directories_can_be_read(place: Place) -> None:
    image = place.root / "Image"
    image.write_text("a kernel\n")
    place.run("cat /boot/of/arm64/image", mounts=(Mount(image, "/boot/of/arm64/image"),))
    assert place.text == "a kernel\n"


# --- whom it reaches ------------------------------------------------------------------------

CONNECT = "perl -MIO::Socket::INET -e 'exit !IO::Socket::INET->new(\"127.0.0.1:{}\")'"
ABSTRACT = (
    "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0);"
    ' exit !connect(S, pack("Sa*", AF_UNIX, "\\x00{}"))\''
)


def test_the_hosts_network_is_out_of_reach(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.5)
        port = server.getsockname()[1]
        assert outside(CONNECT.format(port)) == 0
        server.accept()[0].close()
        assert place.run(CONNECT.format(port)).exit_code == 1
        with pytest.raises(TimeoutError):
            server.accept()
    place.run("cat /proc/net/dev | tail -n +3 | cut -d: -f1")
    assert place.text.split() == ["lo"]


def test_the_hosts_abstract_sockets_are_out_of_reach(place: Place, mark: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0{mark}")
        server.listen()
        assert outside(ABSTRACT.format(mark)) == 0
        assert place.run(ABSTRACT.format(mark)).exit_code == 1


def test_sockets_that_no_namespace_holds_are_refused(place: Place) -> None:
    """AF_VSOCK reaches the host of a virtual machine, AF_PACKET would the wire."""
    place.run(
        "perl -MSocket -e 'socket(S, $_, SOCK_DGRAM, 0) || socket(S, $_, SOCK_STREAM, 0)"
        ' and print "$_\n" for 1 .. 60\''
    )
    inet_unix_and_netlink = {"1", "2", "10", "16"}
    assert {"1", "2"} <= set(place.text.split()) <= inet_unix_and_netlink


# --- what it may do -------------------------------------------------------------------------


def test_no_capabilities_and_no_way_to_get_them(place: Place) -> None:
    place.run("grep -E '^(Cap|NoNewPrivs)' /proc/self/status")
    said = dict(line.split(":\t") for line in place.text.splitlines())
    assert said.pop("NoNewPrivs") == "1"
    assert said.pop("CapBnd") == "0" * 16
    assert set(said.values()) == {"0" * 16}


def test_the_host_sees_no_process_of_root(place: Place, mark: str) -> None:
    runner = place.start(f"exec sleep {mark}")
    try:
        assert wait_until(lambda: any(_is(pid, "sleep") for pid in alive(mark)))
        uids = {psutil.Process(p).uids().real for p in alive(mark) if _is(p, "sleep")}
        assert 0 not in uids
    finally:
        os.kill(runner, signal.SIGKILL)
        os.waitpid(runner, 0)


def _is(pid: int, name: str) -> bool:
    try:
        return psutil.Process(pid).name() == name
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    "attempt",
    [
        "mount -t tmpfs none /tmp",
        "mount --bind /usr /src",
        "mount -o remount,rw /src",
        "umount /src",
        "unshare --user --map-root-user --mount true",
        "unshare --user true",
        "unshare --net true",
        "chroot / true",
        "mknod /build/disk b 254 0",
        "hostname owned",
        "echo 1 > /proc/sys/kernel/sysrq",
        "echo c > /proc/sysrq-trigger",
        "chown 0 /build",
        "dmesg -C",
    ],
)
def test_privileged_things_are_refused(place: Place, attempt: str) -> None:
    assert place.run(attempt).exit_code != 0


def test_calls_that_reach_past_namespaces_and_limits_are_refused(place: Place) -> None:
    machine = os.uname().machine
    if not seccomp.program(machine):
        pytest.skip(f"no filter for {machine}")
    column = seccomp._COLUMNS[machine]
    numbers = {n: each[column] for n, each in seccomp._NUMBERS.items() if n != "socket"}
    for name, number in numbers.items():
        place.run(f'perl -e \'syscall({number}, 0, 0, 0, 0, 0); print "{name} ", $!+0, "\\n"\'')
    assert place.text.split("\n")[:-1] == [f"{name} {errno.ENOSYS}" for name in numbers]


# --- how much it uses -----------------------------------------------------------------------


def test_a_time_limit_ends_it(place: Place, mark: str) -> None:
    ended = place.run(f"sleep {mark} & sleep {mark}", seconds=1)
    assert ended.stopped == "time"
    assert ended.seconds >= 1
    assert alive(mark) == []


HOG = """perl -e 'push @x, "x" x (8 << 20) and select(undef,undef,undef,.02) for 1..150; sleep 9'"""


def test_memory_of_all_processes_together_is_limited(place: Place) -> None:
    ended = place.run(f"for i in 1 2 3 4; do {HOG} & done; wait", memory_bytes=400 << 20)
    assert ended.stopped == "memory"
    assert ended.peak_memory_bytes >= 400 << 20


def test_what_lies_in_tmp_counts_as_memory(place: Place) -> None:
    fill = "head -c 90M /dev/zero > /tmp/x"
    ended = place.run(f"{fill}; {HOG}", memory_bytes=400 << 20)
    assert ended.stopped == "memory"
    heard: list[str | None] = []

    def watch(line: str | None) -> str | None:
        heard.append(line)
        return "measured" if heard[-3:] == ["filled", None, None] else None

    ended = place.run(f"{fill}; echo filled; sleep 60", watch=watch, memory_bytes=400 << 20)
    assert ended.stopped == "measured"
    assert ended.peak_memory_bytes >= 90 << 20


@pytest.mark.parametrize("where", ["/tmp", "/dev/shm"])
def test_files_without_content_count_as_memory(place: Place, where: str) -> None:
    many = f"""perl -e 'open F, ">{where}/$_" for 1..60000; sleep 60'"""
    assert place.run(many, memory_bytes=40 << 20).stopped == "memory"


def test_tmp_is_limited(place: Place) -> None:
    ended = place.run("head -c 200M /dev/zero > /tmp/x", memory_bytes=400 << 20)
    assert ended.exit_code == 1
    assert "No space left" in place.text


def test_a_file_is_limited(place: Place) -> None:
    ended = place.run("head -c 20M /dev/zero > big", file_bytes=1 << 20)
    assert ended.exit_code == 128 + signal.SIGXFSZ
    assert (place.build / "big").stat().st_size == 1 << 20


@pytest.mark.parametrize(
    "fill",
    [
        "for i in 1 2 3 4; do head -c 20M /dev/zero > $i; done",
        "mkdir closed; head -c 80M /dev/zero > closed/x; chmod 0 closed",
        """perl -e 'open F, ">$_" for 1..2000'""",
    ],
    ids=["content", "in a closed directory", "files"],
)
def test_the_disk_that_it_takes_is_limited(place: Place, fill: str) -> None:
    assert place.run(f"{fill}; sleep 60", disk_bytes=20 << 20).stopped == "disk"
    subprocess.run(["chmod", "-R", "u+rwx", place.build], check=True)


def test_what_others_write_is_not_held_against_it(place: Place) -> None:
    heard: list[str | None] = []

    def watch(line: str | None) -> str | None:
        if not heard:
            (place.root / "other").write_bytes(b"x" * (80 << 20))
        heard.append(line)
        return "looked" if len(heard) == 3 else None

    assert place.run("sleep 60", watch=watch, disk_bytes=60 << 20).stopped == "looked"


def test_a_crash_starts_nothing_outside(place: Place) -> None:
    """A limit of 0 would still start the host's handler of core dumps (core(5))."""
    place.run("grep '^Max core file size' /proc/self/limits")
    assert place.text.split()[-3:-1] == ["1", "1"]


def test_a_full_log_ends_it_and_keeps_head_and_tail(place: Place) -> None:
    ended = place.run("echo the head; yes flood", log_bytes=100_000)
    assert ended.stopped == "log"
    assert place.text.startswith("the head\n")
    assert "flood" in place.text[-10:]
    assert 100_000 < place.log.stat().st_size < 200_000


BOMB = "perl -e 'while (1) { fork; select(undef, undef, undef, .02) }'"


def test_a_fork_bomb_is_contained_while_its_neighbour_works(place: Place, mark: str) -> None:
    neighbour = new_place(place.uid, place.runtime)
    runner = place.start(f"{BOMB} {mark}", processes=100)
    try:
        assert wait_until(lambda: len(alive(mark)) > 20)
        ended = neighbour.run("for i in 1 2 3 4 5; do sh -c 'sleep .1' || exit 9; done; echo works")
        assert (ended.exit_code, neighbour.text) == (0, "works\n")
        # The wrappers around the command carry the mark too.
        assert 20 < len(alive(mark)) <= 110
    finally:
        os.kill(runner, signal.SIGKILL)
        os.waitpid(runner, 0)
        shutil.rmtree(neighbour.root)
    assert wait_until(lambda: not alive(mark))


# --- how it ends ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "code"), [("true", 0), ("exit 3", 3), ("kill -11 $$", 139), ("kill -9 $$", 137)]
)
def test_exit_codes_are_a_shells(place: Place, script: str, code: int) -> None:
    ended = place.run(script)
    assert (ended.exit_code, ended.stopped) == (code, "")


def test_a_missing_program_is_our_fault(place: Place) -> None:
    remedy = "make images" if place.runtime == "docker" else "crosscheck doctor"
    with pytest.raises(InfraError, match=f"nonexistent-gcc.*{remedy}"):
        place.run("", argv=("nonexistent-gcc", "--version"))


def test_a_sandbox_that_cannot_be_set_up_is_our_fault(place: Place) -> None:
    gone = (Mount(place.root / "gone", "/gone"),)
    with pytest.raises(InfraError, match=r"sandbox failed: .*gone"):
        place.run("exit 1", mounts=gone)


DAEMON = "setsid sh -c 'sleep {0} & setsid sleep {0} &' > /dev/null 2>&1 &"


def test_a_daemon_is_gone_when_the_command_returns(place: Place, mark: str) -> None:
    ended = place.run(f"{DAEMON.format(mark)} sleep .2; echo done")
    assert (ended.exit_code, place.text) == (0, "done\n")
    assert alive(mark) == []


def test_a_daemon_that_keeps_the_output_open_does_not_hold_us_up(place: Place, mark: str) -> None:
    assert place.run(f"sleep {mark} & exit 0").stopped == ""
    assert alive(mark) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_us(place: Place, mark: str, number: int) -> None:
    runner = place.start(f"{DAEMON.format(mark)} sleep {mark}")
    assert wait_until(lambda: len([p for p in alive(mark) if _is(p, "sleep")]) == 3)
    os.kill(runner, number)
    os.waitpid(runner, 0)
    assert wait_until(lambda: not alive(mark))


def test_nothing_is_left_by_those_killed_while_they_start(place: Place, mark: str) -> None:
    for delay in range(0, 40, 4):
        runner = place.start(f"sleep {mark}")
        wait_until(lambda: False, seconds=delay / 1000)
        os.kill(runner, signal.SIGKILL)
        os.waitpid(runner, 0)
    assert wait_until(lambda: not alive(mark))


def test_whoever_lost_its_parent_while_it_started_goes_no_further() -> None:
    guarded = ["sh", "-c", _STILL_THERE, "sh", "echo", "went on"]
    led = ["setsid", "--wait", "sh", "-c", '"$@"; true', "sh", *guarded]
    assert subprocess.run(led, capture_output=True, check=True).stdout == b"went on\n"
    lost = subprocess.run(guarded, capture_output=True, start_new_session=True, check=False)
    assert (lost.returncode, lost.stdout) == (1, b"")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_nothing_outlives_an_exception(place: Place, mark: str, error: type) -> None:
    def watch(line: str | None) -> str | None:
        if line:
            raise error("enough")
        return None

    def run() -> bool:
        try:
            place.run_here(f"echo go; sleep {mark}", watch, {})
        except error:
            return alive(mark) == []
        return False

    assert as_user(place.uid, run)


def test_cancelling_ends_it(place: Place, mark: str) -> None:
    ended = place.run(f"sleep {mark}", cancelled=lambda: True)
    assert ended.stopped == "cancelled"
    assert alive(mark) == []


# --- what is heard of it --------------------------------------------------------------------


def test_the_watcher_hears_lines_and_the_clock_and_can_end_it(place: Place) -> None:
    def run() -> tuple[str, list[str | None]]:
        heard: list[str | None] = []

        def watch(line: str | None) -> str | None:
            heard.append(line)
            return "seen enough" if heard.count(None) == 2 else None

        script = "echo out; echo err >&2; printf '\\377\\n'; printf partial; sleep 30"
        ended = place.run_here(script, watch, {})
        return ended.stopped, heard

    stopped, heard = as_user(place.uid, run)
    assert stopped == "seen enough"
    assert [line for line in heard if line is not None] == ["out", "err", "\ufffd"]
    assert place.log.read_bytes() == b"out\nerr\n\xff\npartial"


def test_a_last_line_without_newline_is_heard(place: Place) -> None:
    def run() -> list[str | None]:
        heard: list[str | None] = []
        place.run_here("printf 'the end'", heard.append, {})
        return heard

    assert as_user(place.uid, run) == ["the end"]


def test_a_flood_without_newline_is_cut_into_lines(place: Place) -> None:
    def run() -> int:
        lengths: list[int] = []
        script = "head -c 3000000 /dev/zero | tr '\\0' x"
        place.run_here(script, lambda x: lengths.append(len(x or "")), {})
        assert sum(lengths) == 3_000_000
        return max(lengths)

    assert as_user(place.uid, run) <= 64 << 10


# --- through make ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "recipe",
    [
        "cat /etc/shadow /etc/hostname /etc/ssh/* {secret}",
        "echo hostile > /src/Makefile",
        "echo hostile > {home}/.profile.hostile; echo hostile > /root/hostile",
        "echo hostile > {secret}",
        CONNECT.format("{port}").replace("$", "$$"),
    ],
    ids=["reads", "source", "home", "tmp", "network"],
)
def test_a_hostile_makefile_gets_nowhere(place: Place, host_secret: Path, recipe: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.3)
        port = server.getsockname()[1]
        words = {"{secret}": str(host_secret), "{home}": str(Path.home()), "{port}": str(port)}
        for word, value in words.items():
            recipe = recipe.replace(word, value)
        makefile = f"all:\n\t-{recipe}\n\t@echo reached the end\n"
        (place.source / "Makefile").write_text(makefile)
        assert place.run("", argv=("make", "-C", "/src")).exit_code == 0
        assert "reached the end" in place.text
        assert "secret of the host" not in place.text
        assert "root:" not in place.text
        assert (place.source / "Makefile").read_text() == makefile
        assert host_secret.read_text() == "the secret of the host\n"
        assert not (Path.home() / ".profile.hostile").exists()
        if ROOT:
            assert not Path("/root/hostile").exists()
        with pytest.raises(TimeoutError):
            server.accept()


def test_a_makefile_that_forks_without_end_is_ended(place: Place, mark: str) -> None:
    (place.source / "Makefile").write_text(f"all:\n\t@$(MAKE) all {mark}=1 & $(MAKE) all\n")
    ended = place.run("", argv=("make", "-C", "/src"), seconds=3, processes=80)
    assert ended.stopped == "time" or ended.exit_code == 2
    assert alive(mark) == []


def test_compilers_work(place: Place) -> None:
    (place.source / "Makefile").write_text("/build/hello: /src/hello.c\n\tcc -o $@ $<\n\t$@\n")
    (place.source / "hello.c").write_text(
        '#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n'
    )
    ended = place.run("", argv=("make", "-f", "/src/Makefile"))
    assert ended.exit_code == 0, place.text
    assert place.text.endswith("hello\n")


# --- whether it is there --------------------------------------------------------------------


def test_it_says_that_it_works(place: Place) -> None:
    assert as_user(place.uid, lambda: why_not(place.runtime)) == ""


def test_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    sudo = "" if ROOT else "sudo "
    assert why_not("bubblewrap").endswith(f"not installed: {sudo}apt-get install bubblewrap")


def test_it_says_which_setting_forbids_it() -> None:
    """In a user namespace of its own, where the test may change the setting."""
    if not hasattr(os, "unshare"):
        import ctypes

        unshare = ctypes.CDLL(None, use_errno=True).unshare
    else:
        unshare = os.unshare

    def ask() -> str:
        uid = os.getuid()
        assert unshare(0x10000000) in (0, None)  # CLONE_NEWUSER
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        return why_not("bubblewrap")

    with tempfile.TemporaryFile("w+") as answer:

        def report() -> None:
            try:
                answer.write(ask())
            except OSError as error:
                answer.write(repr(error))
            answer.flush()

        os.waitpid(in_child(None, report), 0)
        answer.seek(0)
        said = answer.read()
    assert "user.max_user_namespaces=0 forbids user namespaces" in said
    assert said.endswith("sysctl -w user.max_user_namespaces=10000")


# --- no sandbox at all ----------------------------------------------------------------------


@pytest.fixture
def bare():
    place = new_place(None, "none")
    yield place
    shutil.rmtree(place.root)


def test_without_a_sandbox_paths_are_the_hosts(bare: Place) -> None:
    (bare.source / "x").write_text("source\n")
    ended = bare.run("", argv=("cp", "/src/x", "/build/y"))
    assert (ended.exit_code, (bare.build / "y").read_text()) == (0, "source\n")


def test_without_a_sandbox_nothing_is_left_either(bare: Place, mark: str) -> None:
    ended = bare.run(f"{DAEMON.format(mark)} sleep .2; exit 5")
    assert ended.exit_code == 5
    assert alive(mark) == []


@pytest.mark.parametrize(
    ("script", "limits", "stopped"),
    [
        ("sleep 30", {"seconds": 1}, "time"),
        (f"{HOG} & {HOG}", {"memory_bytes": 200 << 20}, "memory"),
        ("yes", {"log_bytes": 100_000}, "log"),
        ("head -c 80M /dev/zero > x; sleep 30", {"disk_bytes": 60 << 20}, "disk"),
    ],
)
def test_without_a_sandbox_limits_hold(
    bare: Place, script: str, limits: dict, stopped: str
) -> None:
    assert bare.run(script, **limits).stopped == stopped


def test_an_unknown_runtime_is_refused() -> None:
    with pytest.raises(
        Exception, match="no runtime 'chroot': take one of bubblewrap, docker, none"
    ):
        open_sandbox("chroot")
