# SPDX-License-Identifier: GPL-2.0-or-later
"""What may come through Redis: our own small messages, over TLS and with a password, no others."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
import time
import uuid
from pathlib import Path

import pytest
import redis

from pipeline.app import Bell, make_app, reach
from pipeline.model import InfraError, InputError
from tests import toy
from tests.toy import adding

pytestmark = pytest.mark.integration

PASSWORD = f"secret{uuid.uuid4().hex}"


class Touch:
    """Unpickling this leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def envelope(body: bytes, content_type: str) -> str:
    """What Celery would put into a queue, with BODY of CONTENT_TYPE in it."""
    name = str(uuid.uuid4())
    return json.dumps(
        {
            "body": base64.b64encode(body).decode(),
            "content-encoding": "binary" if "python" in content_type else "utf-8",
            "content-type": content_type,
            "headers": {"lang": "py", "task": "crosscheck.run_job", "id": name, "argsrepr": ""},
            "properties": {
                "correlation_id": name, "delivery_mode": 2, "delivery_tag": name,
                "delivery_info": {"exchange": "", "routing_key": "crosscheck.build.bubblewrap.blue"},
                "body_encoding": "base64",
            },
        }
    )  # fmt: skip


def body(*args) -> bytes:
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    return json.dumps([args, {}, embed]).encode()


def client(installation) -> redis.Redis:
    address = installation.environ["CROSSCHECK_REDIS_URL"].removeprefix("redis+socket://")
    return redis.Redis(unix_socket_path=address.partition("?")[0])


def test_what_is_no_message_of_ours_is_dropped_and_the_next_one_is_taken(installation) -> None:
    server = installation.start_redis()
    worker = installation.start("worker")
    touched = installation.home / "unpickled"
    try:
        queues = client(installation)
        ours = "application/x-crosscheck-1+json"
        for bad in (
            envelope(pickle.dumps(Touch(touched)), "application/x-python-serialize"),
            envelope(body("run", "blue/build/base", 1, 1), "application/json"),
            envelope(body("run", "blue/build/base", 1, 1), "application/x-crosscheck-9+json"),
            envelope(body("run", "x" * 5000, 1, 1), ours),
            envelope(b"[[" * 1000, ours),
            envelope(body("run", "blue/build/base"), ours),
            envelope(body("run", "blue", "one", {}), ours),
            envelope(body(None, 5, [], "x"), ours),
        ):
            queues.lpush("crosscheck.build.bubblewrap.blue", bad)
        toy.commit(installation.tree, "mm: more", {"mm/memory.c": adding("/* more */\n")})
        status, verdict = installation.run("--target", "blue")
        assert (status, verdict["outcome"]) == (0, "PASS")
        assert queues.llen("crosscheck.build.bubblewrap.blue") == 0
        assert worker.poll() is None
        assert not touched.exists()
    finally:
        for process in (worker, server):
            process.terminate()
            process.wait()


@pytest.fixture
def guarded(tmp_path):
    """A Redis that wants TLS and a password; its address, and the certificate's file."""
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")),
        ],
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    port = 20000 + os.getpid() % 20000
    process = subprocess.Popen(
        [
            *("redis-server", "--port", "0", "--tls-port", str(port), "--save", ""),
            *("--bind", "127.0.0.1", "--requirepass", PASSWORD, "--tls-auth-clients", "no"),
            *("--tls-cert-file", tmp_path / "cert.pem", "--tls-key-file", tmp_path / "key.pem"),
        ],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    tls = f"ssl_cert_reqs=required&ssl_ca_certs={tmp_path}/cert.pem"
    yield f"localhost:{port}/0", tls
    process.terminate()
    process.wait()


def test_tls_and_a_password_are_all_that_is_needed(guarded, installation) -> None:
    where, tls = guarded
    secret = installation.home / "redis-url"
    secret.write_text(f"rediss://:{PASSWORD}@{where}?{tls}\n")
    installation.environ["CROSSCHECK_REDIS_URL_FILE"] = str(secret)
    worker = installation.start("worker")
    try:
        toy.commit(installation.tree, "mm: more", {"mm/memory.c": adding("/* more */\n")})
        status, verdict = installation.run("--target", "blue")
        assert (status, verdict["outcome"]) == (0, "PASS")
    finally:
        worker.terminate()
        said = worker.communicate()[0]
    assert PASSWORD not in said
    for file in (installation.home / "state").rglob("*"):
        assert not file.is_file() or PASSWORD.encode() not in file.read_bytes(), file


@pytest.mark.parametrize(
    ("scheme", "password", "options"),
    [
        ("rediss", "wrong-one", "{tls}"),
        ("rediss", "", "{tls}"),
        ("rediss", PASSWORD, "ssl_cert_reqs=required"),  # nobody knows who signed it
        ("redis", PASSWORD, ""),
    ],
    ids=["wrong password", "no password", "unknown certificate", "no TLS"],
)
def test_a_redis_that_lets_nobody_in_is_said_without_secrets(
    guarded, scheme: str, password: str, options: str
) -> None:
    where, tls = guarded
    reach(make_app(f"rediss://:{PASSWORD}@{where}?{tls}"))
    url = f"{scheme}://:{password}@{where}?{options.format(tls=tls)}"
    with pytest.raises(InfraError) as raised:
        reach(make_app(url))
    said = str(raised.value)
    assert where.partition("/")[0] in said
    assert not password or password not in said
    assert ("wants a password, and not what the address says" in said) == (password != PASSWORD)
    assert ("does not answer" in said) == (password == PASSWORD)


def test_options_of_an_address_that_are_none_are_the_inputs_fault(guarded) -> None:
    where, _ = guarded
    for options in ("colour=blue", "ssl_cert_reqs=perhaps"):
        with pytest.raises(InputError, match=r"CROSSCHECK_REDIS_URL: what follows its \? is not"):
            reach(make_app(f"rediss://:{PASSWORD}@{where}?{options}"))


def test_the_bell_is_heard_at_once_and_missed_without_harm(installation) -> None:
    server = installation.start_redis()
    app = make_app(installation.environ["CROSSCHECK_REDIS_URL"])
    try:
        Bell(app).ring("r")
        Bell(app).ring("r")
        began = time.monotonic()
        bell = Bell(app)
        bell.wait("r", 20)
        assert time.monotonic() - began < 10
        bell.wait("r", 0.3)  # both rang as one
        assert 0.25 < time.monotonic() - began < 10
    finally:
        server.terminate()
        server.wait()
    began = time.monotonic()
    bell.wait("r", 0.3)
    bell.ring("r")
    assert 0.25 < time.monotonic() - began < 15
