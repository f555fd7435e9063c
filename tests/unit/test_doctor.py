# SPDX-License-Identifier: GPL-2.0-or-later
"""What the doctor looks for, and what it says to do, on machines that are made up here."""

from __future__ import annotations

import os

import pytest

from pipeline import doctor
from pipeline.doctor import Tool, examine, remedy

from .builders import machine, target


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """A machine without any tool or header; installs what it is told."""
    commands, headers = tmp_path / "bin", tmp_path / "include"
    commands.mkdir()
    headers.mkdir()
    monkeypatch.setenv("PATH", str(commands))
    monkeypatch.setattr(doctor, "_HEADERS", headers)

    def install(name: str, says: str = "", status: int = 0) -> None:
        command = commands / name
        command.write_text(f"#!/bin/sh\necho '{says}'\nexit {status}\n")
        command.chmod(0o755)

    install.headers = headers
    return install


def of(name: str, *targets, runtime="none", fault="") -> Tool:
    (tool,) = [tool for tool in examine(targets, runtime, fault) if tool.name == name]
    return tool


def as_user(monkeypatch, uid: int, *, sudo: bool) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(doctor.shutil, "which", lambda _: "/usr/bin/sudo" if sudo else None)


def test_all_is_missing_from_a_bare_machine(bare):
    tools = examine([target()], "bubblewrap", "")
    assert all(tool.missing for tool in tools)
    assert all(tool.purpose and tool.package for tool in tools)


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("gcc (Debian 14.2.0-19) 14.2.0", "14.2.0-19"),
        ("QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0)", "10.0.13"),
        ("Redis server v=8.0.2 sha=00000000:0 bits=64", "8.0.2"),
        ("This is perl 5, version 40, subversion 1 (v5.40.1)", "5.40.1"),
        ("unknown option", "present"),
    ],
)
def test_the_version_is_what_the_tool_says_of_itself(bare, says, version):
    bare("git", says)
    assert of("git").version == version
    assert not of("git").missing


def test_a_tool_that_fails_to_tell_its_version_is_there_all_the_same(bare):
    bare("git", "usage: git", status=1)
    assert of("git").version == "present"


def test_headers_are_found_for_all_and_for_one_architecture(bare):
    assert of("libelf.h").missing
    (bare.headers / "libelf.h").touch()
    (bare.headers / "x86_64-linux-gnu").mkdir()
    (bare.headers / "x86_64-linux-gnu" / "stdlib.h").touch()
    assert not of("libelf.h").missing
    assert not of("stdlib.h").missing


def test_a_target_names_its_compiler_and_its_machine(bare):
    wanted = target(
        "mips",
        cross_compile="mips-linux-gnu-",
        packages=("gcc-mips-linux-gnu", "qemu-system-mips"),
        machine=machine(qemu=("qemu-system-mips", "-M", "malta")),
    )
    assert of("mips-linux-gnu-gcc", wanted).package == "gcc-mips-linux-gnu"
    assert of("qemu-system-mips", wanted).package == "qemu-system-mips"
    assert of("qemu-system-mips", wanted).purpose == "boots mips"


def test_targets_that_share_a_tool_have_one_entry(bare):
    shared = [target("mips"), target("mips-vce", cross_compile="mips-linux-gnu-")]
    assert of("mips-linux-gnu-gcc", shared[0]).purpose == "compiles mips"
    shared[1] = target("mips-vce", cross_compile="mips-linux-gnu-", packages=shared[0].packages)
    assert of("mips-linux-gnu-gcc", *shared).purpose == "compiles mips, compiles mips-vce"


def test_only_the_sandbox_that_is_used_is_looked_for(bare):
    assert "bwrap" not in {tool.name for tool in examine([], "none", "")}
    assert of("bwrap", runtime="bubblewrap").missing


def test_a_sandbox_that_does_not_work_is_not_mended_by_installing_it(bare):
    bare("bwrap", "bubblewrap 0.12.0")
    broken = of("bwrap", runtime="bubblewrap", fault="user namespaces are forbidden: sysctl -w x=1")
    assert broken.missing
    assert remedy([broken]) == ("user namespaces are forbidden: sysctl -w x=1",)


def test_a_sandbox_that_is_not_there_is_installed_first(bare):
    absent = of("bwrap", runtime="bubblewrap", fault="bubblewrap is not installed")
    assert not absent.fault
    assert "install bubblewrap" in remedy([absent])[0]


LACKING = [Tool("gcc", "", "gcc"), Tool("x-gcc", "", "gcc"), Tool("bc", "", "bc")]


@pytest.mark.parametrize(
    ("uid", "sudo", "command"),
    [
        (0, True, "apt-get install gcc bc"),
        (1000, True, "sudo apt-get install gcc bc"),
        (1000, False, "su -c 'apt-get install gcc bc'"),
    ],
)
def test_the_remedy_is_one_command_for_who_asks(monkeypatch, uid, sudo, command):
    as_user(monkeypatch, uid, sudo=sudo)
    assert remedy(LACKING) == (command,)


def test_nothing_is_to_be_done_where_nothing_is_missing(monkeypatch):
    as_user(monkeypatch, 1000, sudo=False)
    assert remedy([Tool("gcc", "", "gcc", version="14.2.0")]) == ()


def test_with_docker_the_tools_of_commands_are_in_images(bare):
    names = {tool.name for tool in examine((target("arm64"),), "docker", "")}
    assert "Docker engine" in names
    assert not names & {"make", "flex", "aarch64-linux-gnu-gcc", "bwrap"}
    assert of("Docker engine", runtime="docker", fault="The engine is away.").missing
    assert "The engine is away." in remedy(examine((), "docker", "The engine is away."))


def test_where_others_do_the_jobs_little_is_needed(bare):
    assert {tool.name for tool in doctor.of_coordinator()} == {"git", "setpriv"}


def test_a_worker_needs_no_redis_of_its_own(bare):
    names = {tool.name for tool in doctor.of_commands((target("arm64"),), "none", "")}
    assert "make" in names
    assert not names & {"redis-server", "git", "patch"}
