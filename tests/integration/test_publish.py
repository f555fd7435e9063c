# SPDX-License-Identifier: GPL-2.0-or-later
"""Patchwork and KCIDB are told what was found, once, whatever their servers do meanwhile."""

from __future__ import annotations

import json
import socket
import xml.etree.ElementTree as ET

import pytest
from kcidb_io.schema import LATEST

from pipeline.model import InfraError, InputError
from pipeline.patchwork.client import Patchwork
from pipeline.patchwork.post import Posted, post
from pipeline.publish import announce, must_be_set_up
from pipeline.report.kcidb import patchset_hash
from pipeline.report.patchwork import CONTEXT, begun, to_checks
from pipeline.rest import Service
from pipeline.settings import load
from tests import toy
from tests.integration.result_services import TOKEN, running
from tests.integration.sandboxes import wait_until
from tests.unit.builders import cell, finding, row, series, verdict

pytestmark = pytest.mark.integration

MAILS = [f"20260209-zero-page-{n}@series.invalid" for n in (1, 2)]
BAD = verdict(row("arm64", cell("build", findings=[finding(patch=2)])), series=series(2))
SUCCESS = "no finding against this patch; FAIL is for others of its series"
FAIL = "FAIL in arm64 build: mm/mm_init.c:60: 'zero_page_mask' undeclared"


@pytest.fixture
def services():
    with running() as there:
        there.know(*MAILS)
        yield there


@pytest.fixture
def server(services) -> Patchwork:
    return Patchwork(services.url, TOKEN, tries=3, pause_s=0.01)


def test_each_patch_is_pending_and_then_has_its_own_check(services, server):
    assert post(server, begun(BAD.series, "r1")) == Posted(2, 0, ())
    assert post(server, to_checks(BAD, "https://x.org/r1")) == Posted(2, 0, ())
    pending = ("pending", "being built, checked and booted: run r1")
    assert services.shown() == {1: [pending, ("success", SUCCESS)], 2: [pending, ("fail", FAIL)]}
    assert {check["context"] for check in services.checks[1]} == {CONTEXT}
    assert services.checks[2][-1]["target_url"] == "https://x.org/r1"


def test_what_is_there_is_not_posted_again_and_the_latest_counts(services, server):
    post(server, to_checks(BAD))
    assert post(server, to_checks(BAD)) == Posted(0, 2, ())
    post(server, begun(BAD.series, "r2"))
    assert post(server, to_checks(BAD)) == Posted(2, 0, ())
    assert [state for state, _ in services.shown()[2]] == ["fail", "pending", "fail"]


def test_other_contexts_are_none_of_our_business(services, server):
    services.checks[1].append(
        {"id": 99, "state": "success", "context": "other", "description": SUCCESS}
    )
    assert post(server, to_checks(BAD)) == Posted(2, 0, ())


def test_a_link_that_has_changed_is_posted(services, server):
    post(server, to_checks(BAD))
    assert post(server, to_checks(BAD, "https://x.org/")) == Posted(2, 0, ())


def test_a_patch_in_two_projects_is_told_twice_and_one_in_none_is_named(services, server):
    services.patches = {MAILS[0]: [1, 2]}
    assert post(server, to_checks(BAD)) == Posted(2, 0, (MAILS[1],))


@pytest.mark.parametrize(
    "faults",
    [
        [(503, {}), (502, {})],
        [(429, {"Retry-After": "0"})],
        [(200, {}), (200, {})],  # of another kind: not JSON of Patchwork
    ],
)
def test_what_passes_is_waited_for(services, server, faults):
    services.faults = faults
    if faults[0][0] == 200:
        with pytest.raises(InfraError, match="does not answer as Patchwork's API"):
            post(server, to_checks(BAD))
    else:
        assert post(server, to_checks(BAD)) == Posted(2, 0, ())


def test_a_check_is_posted_again_where_the_server_was_busy(services, server):
    services.faults = [(503, {})]
    server.post(1, to_checks(BAD)[0])
    assert services.shown()[1] == [("success", SUCCESS)]


def test_what_does_not_pass_is_one_sentence(services, server):
    services.faults = [(503, {})] * 3
    with pytest.raises(InfraError) as error:
        post(server, to_checks(BAD))
    assert str(error.value) == f'Patchwork at {services.url} answers 503: {{"detail": "busy"}}.'
    assert len(services.requests) == 3


def test_who_may_not_post_is_told(services, server):
    services.may_check = False
    with pytest.raises(InfraError, match=r"answers 403: .*do not have permission"):
        post(server, to_checks(BAD))


def test_a_wrong_token_is_in_no_message(services):
    server = Patchwork(services.url, "another-secret-0002", tries=1)
    with pytest.raises(InfraError, match=r"answers 401: .*Invalid token: Token \*\*\*") as error:
        post(server, to_checks(BAD))
    assert "another-secret-0002" not in str(error.value)


def test_the_token_follows_no_redirection(services, server):
    services.faults = [(302, {"Location": "http://127.0.0.1:1/elsewhere"})]
    with pytest.raises(InfraError, match="elsewhere now: set CROSSCHECK_PATCHWORK_URL to http"):
        post(server, to_checks(BAD))
    assert len(services.requests) == 1


def test_a_netrc_does_not_replace_the_token(services, server, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login me password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert post(server, to_checks(BAD)) == Posted(2, 0, ())


def test_nobody_there_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    service = Service("KCIDB", f"http://127.0.0.1:{port}", "X", "Bearer secret", tries=2, pause_s=0)
    with pytest.raises(InfraError) as error:
        service.post("/submit", {})
    assert str(error.value) == (
        f"KCIDB at http://127.0.0.1:{port} cannot be reached: no connection, or it broke off."
    )


def test_that_the_start_cannot_be_announced_keeps_nobody_from_running():
    said = []
    settings = load({"CROSSCHECK_PATCHWORK_URL": "none", "CROSSCHECK_PATCHWORK_TOKEN": "t"})
    announce(settings, BAD.series, "r1", said.append)
    assert said == ["Patchwork at none cannot be reached: its address is none."]


# --- settings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({}, "nowhere to publish"),
        ({"CROSSCHECK_PATCHWORK_URL": "https://pw.org"}, "set CROSSCHECK_PATCHWORK_TOKEN"),
        (
            {"CROSSCHECK_PATCHWORK_URL": "https://pw.org", "CROSSCHECK_PATCHWORK_TOKEN": "a\nb"},
            "has blanks",
        ),
        ({"CROSSCHECK_KCIDB_URL": "https://db.org"}, "write it as https://TOKEN@HOST"),
        ({"CROSSCHECK_KCIDB_URL": "TOKEN@db.org"}, "write it as https://TOKEN@HOST"),
    ],
)
def test_what_is_missing_is_said_before_anything_runs(environ, said):
    with pytest.raises(InputError, match=said):
        must_be_set_up(load(environ))


def test_secrets_are_in_files_and_not_in_what_settings_look_like(tmp_path):
    (tmp_path / "token").write_text("secret-1\n")
    (tmp_path / "url").write_text("https://secret-2@db.org\n")
    settings = load(
        {
            "CROSSCHECK_PATCHWORK_URL": "https://pw.org/",
            "CROSSCHECK_PATCHWORK_TOKEN_FILE": str(tmp_path / "token"),
            "CROSSCHECK_KCIDB_URL_FILE": str(tmp_path / "url"),
        }
    )
    must_be_set_up(settings)
    assert (settings.patchwork_token, settings.patchwork_url) == ("secret-1", "https://pw.org")
    assert "secret" not in repr(settings)


def test_an_origin_that_kcidb_refuses_is_the_inputs_fault():
    with pytest.raises(InputError, match="'My CI' has more than a-z"):
        load({"CROSSCHECK_KCIDB_ORIGIN": "My CI"})


# --- the command ----------------------------------------------------------------------------


@pytest.mark.commands
def test_a_run_writes_and_publishes_what_it_found(services, installation):
    tree, home = installation.tree, installation.home
    toy.commit(tree, "mm: say less", {"mm/memory.c": lambda text: text + "\n/* Less. */\n"})
    toy.git(
        tree,
        "format-patch",
        "-1",
        "--base=HEAD~1",
        "-o",
        str(home),
        "--add-header=Message-ID: <p1@toy>",
    )
    toy.git(tree, "reset", "-q", "--hard", "HEAD~1")
    (patch,) = home.glob("*.patch")
    services.know("p1@toy")
    installation.environ |= {
        "CROSSCHECK_PATCHWORK_URL": services.url,
        "CROSSCHECK_PATCHWORK_TOKEN": TOKEN,
        "CROSSCHECK_KCIDB_URL": services.url.replace("//", f"//{TOKEN}@"),
        "CROSSCHECK_RUN_URL": "https://x.org/{run}/",
    }
    files = ("--junit", str(home / "junit.xml"), "--kcidb", str(home / "kcidb.json"))
    words = ("run", str(patch), "--target", "blue", "--jobs", "1", "--publish", *files)
    status, output = installation.command(*words)
    assert status == 0
    assert TOKEN not in output
    (pending, done) = services.shown()[3]
    assert pending[0] == "pending"
    assert done[0] == "success"
    assert done[1].startswith("PASS: no new failure or warning in build")
    (kept,) = (home / "state").glob("crosscheck/runs/*/series.mbox")
    links = {check["target_url"] for check in services.checks[3]}
    assert links == {f"https://x.org/{kept.parent.name}/"}
    assert installation.command("show", "--json")[1] == kept.with_name("verdict.json").read_text()
    assert installation.command("show")[1] == kept.with_name("verdict.txt").read_text()
    (report,) = services.reports
    assert report == LATEST.validate(json.loads((home / "kcidb.json").read_text()))
    assert report["checkouts"][1]["message_id"] == "p1@toy"
    assert report["checkouts"][1]["patchset_hash"] == patchset_hash([mail_of(kept)])
    assert "gcc" in report["builds"][1]["compiler"]
    assert ET.parse(home / "junit.xml").getroot().get("failures") == "0"

    assert installation.command("show", "--junit")[1] == (home / "junit.xml").read_text()
    assert installation.command("show", "--kcidb")[1] == (home / "kcidb.json").read_text()
    assert installation.command("show", "--since", "none")[0] == 2
    assert installation.command("show", "--since", "2")[0] == 0
    status, output = installation.command("publish")
    assert (status, len(services.reports)) == (0, 2)
    assert "Patchwork: 0 checks posted, 1 were there." in output
    services.faults = [(400, {})]
    status, output = installation.command("publish")
    assert status == 3
    assert "answers 400" in output
    assert len(services.reports) == 3  # the one that fails keeps nothing from the other


@pytest.mark.commands
def test_what_nobody_asked_for_keeps_nothing_from_being_written(installation):
    tree, home = installation.tree, installation.home
    toy.commit(tree, "mm: say less", {"mm/memory.c": lambda text: text + "\n/* Less. */\n"})
    # The run's directory is made before anything is built.
    process = installation.start(
        "run", "HEAD", "--target", "blue", "--check", "build", "--json", str(home / "v.json")
    )
    runs = home / "state" / "crosscheck" / "runs"
    assert wait_until(lambda: list(runs.glob("*/series.mbox")))
    (run,) = runs.iterdir()
    (run / "verdict.txt").mkdir()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert f"Cannot write {run / 'verdict.txt'}: Is a directory." in output
    assert json.loads((home / "v.json").read_text())["outcome"] == "PASS"


def mail_of(patch) -> bytes:
    """The mail in a file of git format-patch: all but the line that begins it."""
    return patch.read_bytes().partition(b"\n")[2]
