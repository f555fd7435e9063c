# SPDX-License-Identifier: GPL-2.0-or-later
"""Artifacts in object storage: two hosts, a real server, and what can go wrong between them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from pipeline import object_storage
from pipeline.artifact_files import ArtifactFiles
from pipeline.artifacts import ArtifactStore, open_artifacts
from pipeline.model import InfraError, InputError
from pipeline.settings import load
from tests.conftest import ROOT
from tests.integration.object_servers import BUCKET, SECRET, object_server

pytestmark = pytest.mark.integration


@pytest.fixture
def server(tmp_path, monkeypatch):
    started = object_server(tmp_path / "objects")
    for name, value in started.environment.items():
        monkeypatch.setenv(name, value)
    object_storage._client.cache_clear()
    yield started
    started.stop()
    object_storage._client.cache_clear()


@pytest.fixture
def hosts(server, tmp_path):
    """The stores of two machines that share nothing but the server."""
    return [store(tmp_path / name) for name in ("here", "there")]


def store(state, url=f"s3://{BUCKET}/artifacts/"):
    return open_artifacts(load({"XDG_STATE_HOME": str(state), "CROSSCHECK_ARTIFACTS_URL": url}))


def local(store, kept):
    return ArtifactFiles(store.root).place(kept)


def refused(call, *words):
    """What CALL is refused with: one sentence that names no secret."""
    with pytest.raises(InfraError) as found:
        call(*words)
    said = str(found.value)
    assert SECRET not in said
    assert "Traceback" not in said
    assert said.count(". ") == 0
    assert said.endswith(".")
    return said


def test_what_one_host_keeps_another_gets(hosts, server):
    here, there = hosts
    kept = here.keep_text("boot.log", "text")
    assert there.has(kept)
    assert not local(there, kept).exists()
    assert there.path(kept).read_text() == "text"
    server.stop()
    assert there.path(kept).read_text() == "text"  # it is here now


def test_what_is_there_is_not_sent_again(hosts, server):
    here, there = hosts
    here.keep_text("n", "text")
    (stored,) = server.objects()
    before = stored.stat()
    there.keep_text("n", "text")
    assert stored.stat().st_ino == before.st_ino


def test_what_is_damaged_here_is_fetched_again(hosts):
    here, _ = hosts
    kept = here.keep_text("n", "all of it")
    for damaged in ("all", "ALL of it", ""):
        local(here, kept).write_text(damaged)
        assert here.path(kept).read_text() == "all of it"


@pytest.mark.parametrize("damaged", ["all", "ALL of it", ""])
def test_what_is_damaged_there_is_never_handed_out_and_goes(hosts, server, damaged):
    here, there = hosts
    kept = here.keep_text("boot.log", "all of it")
    (stored,) = server.objects()
    stored.write_text(damaged)
    said = refused(there.path, kept)
    assert "boot.log" in said
    assert f"damaged in s3://{BUCKET}/artifacts and is removed there" in said
    assert not local(there, kept).exists()
    assert not server.objects()
    assert here.has(kept)  # for all, since it is sent again
    assert there.path(kept).read_text() == "all of it"


def test_what_is_cut_off_there_is_sent_again(hosts, server):
    here, there = hosts
    kept = here.keep_text("n", "all of it")
    server.objects()[0].write_text("all")
    assert not there.has(kept)
    there.keep_text("n", "all of it")
    assert server.objects()[0].read_text() == "all of it"


def test_what_is_nowhere_is_said_in_one_sentence(hosts, server):
    here, there = hosts
    kept = here.keep_text("blue-build-base.log", "text")
    server.objects()[0].unlink()
    said = refused(there.path, kept)
    assert f"blue-build-base.log ({kept.ref}) is not in s3://{BUCKET}/artifacts any more" in said
    assert not there.has(kept)
    assert not list(there.root.glob("partial-*"))


def test_what_is_used_is_young_again(hosts, server):
    here, there = hosts
    kept = here.keep_text("n", "text")
    (stored,) = server.objects()
    for use in (here.has, there.path):
        at = time.time() - 2 * 24 * 3600
        os.utime(stored, (at, at))
        use(kept)
        assert time.time() - stored.stat().st_mtime < 60
        assert stored.read_text() == "text"
    at = time.time() - 3600
    os.utime(stored, (at, at))
    here.has(kept)
    assert time.time() - stored.stat().st_mtime > 3000  # young enough


def test_a_server_that_is_away_is_one_sentence(hosts, server):
    here, there = hosts
    kept = here.keep_text("n", "text")
    server.stop()
    for call in (there.path, there.has):
        assert "cannot be used (EndpointConnectionError)" in refused(call, kept)
    assert "cannot be used" in refused(there.keep_text, "m", "more")
    assert "cannot be used" in refused(there.reach)
    server.start()
    assert there.path(kept).read_text() == "text"


@pytest.mark.parametrize("variable", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_credentials_are_one_sentence(hosts, monkeypatch, variable):
    here, there = hosts
    kept = here.keep_text("n", "text")
    monkeypatch.setenv(variable, "AKIDWRONG00000000000")
    object_storage._client.cache_clear()
    for call in (there.path, there.has):
        assert "refuses us" in refused(call, kept)
    assert "refuses us" in refused(there.keep_text, "m", "more")
    assert "refuses us (403)" in refused(there.reach)
    monkeypatch.delenv(variable)
    object_storage._client.cache_clear()
    assert "cannot be used (" in refused(there.has, kept)


def test_a_bucket_that_is_not_there_is_one_sentence(server, tmp_path):
    nowhere = store(tmp_path / "here", "s3://nowhere/x")
    assert "s3://nowhere/x refuses us" in refused(nowhere.reach)
    assert "refuses us (NoSuchBucket)" in refused(nowhere.keep_text, "n", "text")


@pytest.mark.parametrize(
    "url", ["s3://key:secret-word@host/bucket", "http://key:secret-word@host/", "s3://", "/tmp/x"]
)
def test_an_address_that_is_none_is_refused_and_not_shown(url, tmp_path):
    with pytest.raises(InputError, match=r"s3://BUCKET/PREFIX") as found:
        store(tmp_path, url)
    assert "secret-word" not in str(found.value)


@pytest.mark.parametrize(
    "endpoint", ["secret-word", "localhost:9000", "http://a b", "http://localhost:x", "ftp://host"]
)
def test_an_endpoint_that_is_none_is_the_inputs_fault(hosts, monkeypatch, endpoint):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    object_storage._client.cache_clear()
    with pytest.raises(InputError, match=r"AWS_ENDPOINT_URL_S3, .* as http://HOST:PORT") as found:
        hosts[0].reach()
    assert "secret-word" not in str(found.value)


def test_a_download_that_breaks_off_is_begun_again(hosts, monkeypatch):
    here, there = hosts
    kept = here.keep_text("n", "text")
    broken = []

    def copy(body, stream, _size):
        stream.write(body.read(2))
        if len(broken) < 2:
            broken.append(body)
            raise object_storage.IncompleteReadError(actual_bytes=2, expected_bytes=4)
        stream.write(body.read())

    monkeypatch.setattr(object_storage.shutil, "copyfileobj", copy)
    assert there.path(kept).read_text() == "text"
    broken.clear()
    local(there, kept).unlink()
    monkeypatch.setattr(object_storage, "_FETCH_TRIES", 2)
    assert "IncompleteReadError" in refused(there.path, kept)
    assert not list(there.root.glob("partial-*"))


KEEPER = """
import sys
from pathlib import Path
from pipeline.artifacts import open_artifacts
from pipeline.settings import load
store = open_artifacts(load())
print("ready", flush=True)
sys.stdin.readline()
print(store.keep("n", Path(sys.argv[1])).ref, flush=True)
"""


def keeper(state, source):
    environ = os.environ | {
        "XDG_STATE_HOME": str(state),
        "CROSSCHECK_ARTIFACTS_URL": f"s3://{BUCKET}/artifacts",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", KEEPER, source], cwd=ROOT, env=environ, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_hosts_keep_the_same_file_at_once(hosts, server, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(30_000_000))
    keepers = [keeper(tmp_path / name, source) for name in ("a", "b")]
    for each in keepers:
        each.stdin.write("go\n")
        each.stdin.flush()
    refs = {each.communicate(timeout=60)[0].strip() for each in keepers}
    assert len(refs) == 1
    kept = hosts[0].keep("n", source)
    assert refs == {kept.ref}
    assert hosts[1].path(kept).read_bytes() == source.read_bytes()
    assert len(server.objects()) == 1


def test_a_host_that_is_killed_while_it_keeps_leaves_nothing_that_is_taken_for_whole(
    hosts, server, tmp_path
):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(60_000_000))
    for delay_s in (0.02, 0.1, 0.3):
        killed = keeper(tmp_path / "here", source)  # with its state
        killed.stdin.write("go\n")
        killed.stdin.flush()
        time.sleep(delay_s)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
    kept = ArtifactStore(tmp_path / "reference").keep("n", source)
    if hosts[1].has(kept):
        assert hosts[1].path(kept).read_bytes() == source.read_bytes()
    hosts[0].keep("n", source)
    local(hosts[1], kept).unlink(missing_ok=True)
    assert hosts[1].path(kept).read_bytes() == source.read_bytes()
