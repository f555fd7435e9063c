# SPDX-License-Identifier: GPL-2.0-or-later
"""A run of a series that is based on somebody else's, which an archive has: what is said of it,
and that nothing of it is left to other runs.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests import toy
from tests.conftest import missing
from tests.integration.conftest import Installation
from tests.toy import adding

pytestmark = [pytest.mark.integration, pytest.mark.commands]

BLUE = ("--target", "blue", "--check", "build")


def exported(tree: Path, message_id: str) -> bytes:
    """The latest commit as it is mailed, and taken out of TREE."""
    mail = subprocess.run(
        ["git", "-C", tree, "format-patch", "--stdout", "-1"], check=True, capture_output=True
    ).stdout
    return mail.replace(b"Subject:", f"Message-ID: <{message_id}>\nSubject:".encode(), 1)


@pytest.fixture
def series(installation: Installation) -> Iterator[Path]:
    """A series that uses what another one adds; the tree has neither."""
    if shutil.which("ccache") is None:
        missing("ccache")
    tree = installation.tree
    toy.commit(tree, "mm: count more", {"mm/mm_init.c": adding("int more = 1;\n")})
    thread = exported(tree, "first@x")
    toy.commit(tree, "mm: use more\n\nDepends-on: <first@x>", {"mm/swap.c": adding(
        "extern int more;\nint use_more(void);\nint use_more(void)\n{\n\treturn more;\n}\n")})  # fmt: skip
    place = tree.parent / "second.patch"
    place.write_bytes(exported(tree, "second@x"))
    subprocess.run(["git", "-C", tree, "reset", "-q", "--hard", "HEAD~2"], check=True)

    class Archive(BaseHTTPRequestHandler):
        def do_GET(self):
            there = self.path == "/all/first@x/t.mbox.gz"
            self.send_response(200 if there else 404)
            self.end_headers()
            if there:
                self.wfile.write(gzip.compress(thread))

        def log_message(self, *_words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Archive) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        installation.environ["CROSSCHECK_LORE_URL"] = f"http://127.0.0.1:{server.server_port}/all"
        yield place
        server.shutdown()


def run(installation: Installation, series: Path) -> dict:
    words = ("run", str(series), "--json", str(installation.home / "verdict.json"), *BLUE)
    status, _ = installation.command(*words, "--reply", str(installation.home / "reply"))
    assert status == 0
    return installation.verdict()


def test_it_is_built_on_that_and_says_so(installation, series):
    verdict = run(installation, series)
    assert verdict["outcome"] == "PASS"
    name = '"mm: count more"'
    assert f", with {name}" in verdict["base"]["reason"]
    assert any(note.startswith("The base has 1 patch") for note in verdict["base"]["notes"])
    reply = (installation.home / "reply").read_text()
    assert "The base has 1 patch that no tree has" in reply
    assert f"--base {verdict['base']['commit']}" not in reply
    assert installation.command("recheck", verdict["run"])[0] == 0


def test_nothing_of_it_is_left_to_others(installation, series):
    for _ in range(2):
        verdict = run(installation, series)
        (check,) = verdict["targets"][0]["checks"]
        assert not check["base_cached"]
        assert check["facts"]["compile_cache_hits"] == [0, 0]
        assert not check["facts"]["from_base_build"]
    warm = installation.home / "cache/crosscheck/warm"
    assert not [place for place in warm.rglob("*") if place.name == "notes"]
    assert installation.sql("select count(*) from observations") == [(0,)]
