# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses of services: which are none, and that no password is ever shown."""

from __future__ import annotations

import pytest

from pipeline.addresses import shown
from pipeline.model import InputError
from pipeline.settings import load

SECRET = "Wr0ngPw77"


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("redis://:secret@host:6379/0", "redis://host:6379/0"),
        ("rediss://user:secret@host/0?ssl_keyfile_password=secret", "rediss://host/0"),
        ("redis+socket:///run/redis.sock?virtual_host=1", "redis+socket:///run/redis.sock"),
        ("redis+socket:///home/me@corp/r.sock", "redis+socket:///home/me@corp/r.sock"),
        ("redis://host", "redis://host"),
        ("https://[::1]:80/x", "https://[::1]:80/x"),
        (
            "https://host:8080/all/20260101@me.example/",
            "https://host:8080/all/20260101@me.example/",
        ),
        ("git@host:kernel.git", "git@host:kernel.git"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, seen: str) -> None:
    assert shown(url) == seen


@pytest.mark.parametrize("special", "@/#?")
def test_nothing_is_shown_of_a_password_that_is_not_escaped(special: str) -> None:
    for start, end in ((SECRET[:4], SECRET[4:]), (f"{SECRET[:2]}@{SECRET[2:4]}", SECRET[4:])):
        seen = shown(f"https://me:{start}{special}{end}@host:1/x")
        assert not any(part in seen for part in (*start.split("@"), end)), seen


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost:6379",
        "redis:///1",
        "redis://:a%2Fb%40c@localhost:6379/0",
        f"redis://:{SECRET[:4]}@{SECRET[4:]}@localhost:6379/0",  # read as it is meant
        "rediss://user:pw@[::1]:6380/0?ssl_cert_reqs=required&ssl_ca_certs=/etc/ca.crt",
        "redis+socket:///home/me@corp/r.sock?virtual_host=0",
    ],
)
def test_addresses_of_a_redis(url: str) -> None:
    assert load({"CROSSCHECK_REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    "url",
    [
        "foo",
        "localhost:6379",
        "http://localhost/0",
        "redis+socket://",
        "redis://localhost:abc/0",
        "redis://localhost:99999/0",
        "redis://localhost/queue",
        "redis://one/0;redis://two/0",
        "redis://[::1/0",
        *(f"redis://:{SECRET[:2]}{c}{SECRET[2:]}@localhost:1/0" for c in "/#?;["),
        f"redis://:{SECRET[:2]}/{SECRET[2:4]}#{SECRET[4:]}@localhost:1/0",
        *(f"redis://:12{c}{SECRET}@localhost:1/0" for c in "/#?;"),
        *(f"redis://user:12{c}{SECRET}@localhost:1/0" for c in "/#?;"),
        f":{SECRET}@localhost",
    ],
)
def test_what_is_no_address_of_a_redis_is_the_inputs_fault_and_is_not_quoted(url: str) -> None:
    with pytest.raises(InputError) as refused:
        load({"CROSSCHECK_REDIS_URL": url})
    said = str(refused.value)
    assert "CROSSCHECK_REDIS_URL is no address of a Redis: write it as redis://:PASS" in said
    assert not any(part in said for part in (SECRET, SECRET[2:], SECRET[4:]))


def test_a_git_password_that_is_not_escaped_is_the_inputs_fault() -> None:
    for url in ("file:///srv/me@corp/x.git", "ssh://git@host:22/x.git", "git@host:x.git"):
        assert load({"CROSSCHECK_GIT_URL": url}).git_url == url
    with pytest.raises(InputError, match="CROSSCHECK_GIT_URL: write %40 for an @") as refused:
        load({"CROSSCHECK_GIT_URL": f"https://me:{SECRET[:4]}/{SECRET[4:]}@host/x.git"})
    assert SECRET[4:] not in str(refused.value)
