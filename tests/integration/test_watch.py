# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists that are watched: what is posted is run once, and answered once, whatever happens."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests import toy
from tests.integration.mail_servers import MailServer
from tests.integration.watching import (
    AUTHOR,
    LIST,
    Watched,
    cover,
    mails,
    message_id,
    reply,
)
from tests.toy import adding, replacing

pytestmark = pytest.mark.integration

UNUSED = "\nvoid noise(void)\n{\n\tint unused;\n}\n"
VOUCHED = (
    "Authentication-Results: mx.example; dkim=pass header.d=crosscheck.invalid\n"
    "DKIM-Signature: v=1; a=rsa-sha256; d=crosscheck.invalid; s=s; h=from; bh=Zm9v; b=YmFy"
)


@pytest.fixture
def watched(installation, tmp_path):
    server = MailServer(tmp_path / "sent")
    server.start()
    made = Watched(installation, server, tmp_path / "maildir")
    yield made
    made.stop()
    server.stop()
    installation.nothing_is_left()


def noisy(tree, where="arch/blue/mm/init.c", subject="blue: a warning"):
    toy.commit(tree, subject, {where: adding(UNUSED)})


def reset(tree):
    toy.git(tree, "reset", "-q", "--hard", "HEAD~1")


def test_what_is_posted_is_run_and_answered_on_its_thread(watched):
    noisy(watched.at.tree)
    (patch,) = mails(watched.at.tree, 1)
    reset(watched.at.tree)
    watched.start()
    watched.deliver(patch)
    (answer,) = watched.await_sent(1)
    assert answer["In-Reply-To"] == f"<{message_id(patch)}>"
    assert answer["To"].addresses[0].addr_spec == "dev@crosscheck.invalid"
    assert answer["Cc"] == LIST
    assert answer["Auto-Submitted"] == "auto-replied"
    text = answer.get_content()
    assert "unused variable" in text
    assert "#crosscheck stop" in text
    assert f"crosscheck run '<{message_id(patch)}>'" in text or message_id(patch) in text
    done = watched.await_state(patch, "done")
    assert done.starts == 1
    assert "WARN" in watched.said()


def test_what_passes_is_not_answered_where_nobody_wants_it(watched):
    toy.commit(watched.at.tree, "mm: harmless", {"mm/memory.c": adding("\n/* One. */\n")})
    (patch,) = mails(watched.at.tree, 1)
    reset(watched.at.tree)
    watched.start()
    watched.deliver(patch)
    done = watched.await_state(patch, "done")
    assert done.reason == "toy is not told of PASS"
    assert not watched.sent()


def test_a_series_that_comes_twice_and_in_pieces_is_run_once(watched):
    noisy(watched.at.tree)
    toy.commit(watched.at.tree, "mm: more", {"mm/memory.c": adding("\n/* Two. */\n")})
    first, one, two = mails(watched.at.tree, 2, "--cover-letter")
    first = cover(first)
    toy.git(watched.at.tree, "reset", "-q", "--hard", "HEAD~2")
    watched.start()
    watched.deliver(two)
    watched.await_state(two, "waiting")
    watched.deliver(one, first)
    watched.deliver(first, one, two)
    (answer,) = watched.await_sent(1)
    assert answer["In-Reply-To"] == f"<{message_id(one)}>"  # the guilty one
    time.sleep(3)
    assert len(watched.sent()) == 1
    (line,) = watched.store.submissions()
    assert line.state == "done"
    assert len(watched.store.runs()) == 1


def test_what_stays_incomplete_is_left_alone_with_a_reason(watched):
    watched.more = "    wait_minutes: 0.05\n"
    noisy(watched.at.tree)
    toy.commit(watched.at.tree, "mm: more", {"mm/memory.c": adding("\n/* Two. */\n")})
    _, two = mails(watched.at.tree, 2)
    watched.start()
    watched.deliver(two)
    left = watched.await_state(two, "left")
    assert left.reason == "incomplete: 1 of 2 patches are missing."
    assert not watched.store.runs()


def test_what_applies_to_no_tree_is_left_alone_with_a_reason(watched):
    toy.commit(watched.at.tree, "mm: one", {"mm/memory.c": adding("\n/* One. */\n")})
    toy.commit(watched.at.tree, "mm: two", {"mm/memory.c": replacing("/* One. */", "/* Two. */")})
    (patch,) = mails(watched.at.tree, 1)
    toy.git(watched.at.tree, "reset", "-q", "--hard", "HEAD~2")
    watched.start()
    watched.deliver(patch)
    left = watched.await_state(patch, "left")
    assert "does not apply" in left.reason
    assert not watched.sent()


def test_a_newer_version_takes_the_place_of_the_older_and_says_what_is_mended(watched):
    noisy(watched.at.tree)
    (v1,) = mails(watched.at.tree, 1)
    reset(watched.at.tree)
    watched.start()
    watched.deliver(v1)
    watched.await_sent(1)
    toy.commit(
        watched.at.tree,
        "blue: a warning",
        {
            "arch/blue/mm/init.c": adding("\n/* quiet */\n"),
            "arch/red/mm/init.c": adding(UNUSED),
        },
    )
    (v2,) = mails(watched.at.tree, 1, "-v2", f"--in-reply-to={message_id(v1)}")
    reset(watched.at.tree)
    watched.deliver(v2)
    _, answer = watched.await_sent(2)
    text = answer.get_content()
    assert "Since v1" in text
    assert "fixed" in text.lower()
    watched.await_state(v2, "done")


def two_versions(watched):
    """A patch that takes a minute to build, and a version of it that does not."""
    toy.commit(
        watched.at.tree, "mm: slow", {"Makefile": adding("\n$(info slow)\n$(shell sleep 60)\n")}
    )
    (v1,) = mails(watched.at.tree, 1)
    reset(watched.at.tree)
    noisy(watched.at.tree, subject="mm: slow")
    (v2,) = mails(watched.at.tree, 1, "-v2")
    reset(watched.at.tree)
    return v1, v2


def test_a_newer_version_cancels_what_runs(watched):
    v1, v2 = two_versions(watched)
    watched.start()
    watched.deliver(v1)
    running = watched.await_state(v1, "running")
    watched.at.await_row(f"run = '{running.run}' and state = 'running'")
    watched.deliver(v2)
    watched.await_state(v1, "superseded")
    (answer,) = watched.await_sent(1)
    assert answer["In-Reply-To"] == f"<{message_id(v2)}>"


def vouched(raw):
    return VOUCHED.encode() + b"\n" + raw


def test_only_what_is_proved_as_well_cancels_what_runs(watched):
    v1, v2 = two_versions(watched)
    own = message_id(v2).encode()
    v3 = v2.replace(b"[PATCH v2]", b"[PATCH v3]").replace(own, b"3." + own)
    watched.start()
    watched.deliver(vouched(v1))
    running = watched.await_state(v1, "running")
    watched.at.await_row(f"run = '{running.run}' and state = 'running'")
    watched.deliver(v2)
    (answer,) = watched.await_sent(1)
    assert answer["In-Reply-To"] == f"<{message_id(v2)}>"
    assert watched.submission(v1).state != "superseded"
    assert "nobody vouches for its sender" in watched.said()
    watched.deliver(vouched(v3))
    watched.await_state(v1, "superseded")


def test_a_command_of_the_author_is_heeded_once_and_of_nobody_else(watched):
    noisy(watched.at.tree, "mm/memory.c", "mm: a warning")  # on red and blue
    (patch,) = mails(watched.at.tree, 1)
    reset(watched.at.tree)
    watched.start()
    watched.deliver(patch)
    watched.await_sent(1)
    first = watched.await_state(patch, "done")
    watched.deliver(reply(patch, "#crosscheck rerun", "Eve <eve@example.net>", VOUCHED))
    watched.deliver(reply(patch, "#crosscheck rerun"))  # nobody vouches for it
    said = [m for m in watched.await_sent(3) if "command" in m["Message-ID"]]
    assert all("Nothing was done." in each.get_content() for each in said)
    told = {each["To"].addresses[0].addr_spec for each in said}
    assert told == {"eve@example.net", "dev@crosscheck.invalid"}
    again = reply(patch, "#crosscheck test blue\n\n> #crosscheck stop", AUTHOR, VOUCHED)
    watched.deliver(again, again)
    answers = watched.await_sent(5)
    assert any("Testing blue of v1 again" in each.get_content() for each in answers)
    done = watched.await_state(patch, "done")
    assert done.run != first.run
    verdict = watched.store.verdict(done.run)
    assert [row.target for row in verdict.targets] == ["blue"]


def test_a_base_that_is_not_there_is_said_at_once(watched):
    noisy(watched.at.tree)
    (patch,) = mails(watched.at.tree, 1)
    reset(watched.at.tree)
    watched.start()
    watched.deliver(patch)
    watched.await_sent(1)
    first = watched.await_state(patch, "done")
    name = watched.at.tree.name
    asked = f"#crosscheck base nope HEAD\n#crosscheck base {name} nope"
    watched.deliver(reply(patch, asked, AUTHOR, VOUCHED))
    sent = watched.await_sent(2)
    (text,) = (m.get_content() for m in sent if "command" in m["Message-ID"])
    assert f"toy has no tree nope; it has {name}." in text
    assert f"There is no commit nope in {name}, or it is not fetched yet." in text
    assert watched.submission(patch) == first


def test_stop_is_heeded(watched):
    toy.commit(
        watched.at.tree, "mm: slow", {"Makefile": adding("\n$(info slow)\n$(shell sleep 60)\n")}
    )
    (patch,) = mails(watched.at.tree, 1)
    reset(watched.at.tree)
    watched.start()
    watched.deliver(patch)
    watched.await_state(patch, "running")
    watched.deliver(reply(patch, "#crosscheck stop", AUTHOR, VOUCHED))
    (answer,) = watched.await_sent(1)
    assert "Stopped" in answer.get_content()
    watched.await_state(patch, "stopped")


def test_two_do_not_watch_side_by_side(watched):
    watched.start()
    deadline = time.monotonic() + 30
    while "watching toy" not in watched.said():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    status, said = watched.at.command("watch")
    assert status == 3
    assert "Lists are watched already, by process" in said


@pytest.mark.parametrize("seed", range(3))
def test_whoever_is_killed_goes_on_and_answers_once(watched, seed):
    """kill -9 of the watch, and of what it started, at random moments, with a server that fails."""
    dice = random.Random(seed)
    stages = ("mail", "rcpt", "data")
    watched.server.wrong = lambda stage, _: (
        "451 not now" if stage in stages and dice.random() < 0.2 else ""
    )
    noisy(watched.at.tree)
    (patch,) = mails(watched.at.tree, 1)
    reset(watched.at.tree)
    watched.start()
    watched.deliver(patch)
    watched.await_state(patch, "ready", "running")
    for _ in range(5):
        time.sleep(dice.uniform(0.2, 4))
        watched.stop(signal.SIGKILL)
        for process in watched.at.processes("pipeline.watching.child"):
            if dice.random() < 0.5:
                process.kill()
        watched.at.sql("update submissions set due_at = 0 where state <> 'running'")
        watched.at.sql("update outbox set due_at = 0 where state = 'ready'")
        watched.start()
    deadline = time.monotonic() + 400
    while True:
        watched.at.sql("update submissions set due_at = 0 where state <> 'running'")
        watched.at.sql("update outbox set due_at = 0 where state = 'ready'")
        there = watched.submission(patch)
        if there and there.state == "done" and not watched.store.out_mails(("ready", "claimed")):
            break
        assert time.monotonic() < deadline, (there, watched.said())
        time.sleep(0.5)
    time.sleep(1)
    parked = watched.store.out_mails(("parked",))
    got = [
        (message["Message-ID"], who)
        for delivery, message in watched.taken()
        for who in delivery.recipients
    ]
    assert len(got) == len(set(got)), got
    assert len(got) == 2 or parked  # the author and the list
    assert len({message_id for message_id, _ in got}) <= 1


def test_two_series_of_one_author_at_once_are_two(watched):
    made = []
    for n in (1, 2):
        noisy(watched.at.tree, subject=f"blue: a warning, {n}")
        toy.commit(watched.at.tree, f"mm: more, {n}", {"mm/memory.c": adding(f"\n/* {n}. */\n")})
        each = mails(watched.at.tree, 2, "--cover-letter")
        # Of the same second, git gives both the same Message-ID.
        made += [cover(raw).replace(b".git.dev@", f".{n}.git.dev@".encode()) for raw in each]
        toy.git(watched.at.tree, "reset", "-q", "--hard", "HEAD~2")
    watched.start()
    watched.deliver(*made)
    answers = watched.await_sent(2)
    assert {answer["In-Reply-To"].strip("<>") for answer in answers} == {
        message_id(made[1]),
        message_id(made[4]),
    }


def test_patches_that_lost_their_thread_are_one_series(watched):
    noisy(watched.at.tree)
    toy.commit(watched.at.tree, "mm: more", {"mm/memory.c": adding("\n/* Two. */\n")})
    first, one, two = mails(watched.at.tree, 2, "--cover-letter")
    toy.git(watched.at.tree, "reset", "-q", "--hard", "HEAD~2")
    watched.start()
    for raw in (cover(first), one, two):
        lines = raw.split(b"\n")
        kept = [x for x in lines if not x.startswith((b"In-Reply-To:", b"References:"))]
        watched.deliver(b"\n".join(kept))
    (answer,) = watched.await_sent(1)
    assert answer["In-Reply-To"] == f"<{message_id(one)}>"
    assert len(watched.store.runs()) == 1


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("    sources: gopher://x\n", "gopher://x is no source of mail"),
        ("    trees: /nowhere\n", "There is no directory /nowhere"),
        ("    trees: {tree}#nope\n", "There is no branch nope in"),
        ("    targets: mars\n", "targets: {matrix} has no mars, but blue and red."),
        ("    checks: [build, nope]\n", "checks: {matrix} has no nope, but build, patches and"),
        ("    answer: moderate\n", "answer: moderate: set CROSSCHECK_SMTP_URL"),
    ],
)
def test_what_is_not_set_up_is_said_before_anything_is_read(watched, lines, said):
    names = {"tree": watched.at.tree, "matrix": toy.MATRIX}
    keys = {
        "sources": f"    sources: maildir:{watched.maildir}\n",
        "trees": f"    trees: {watched.at.tree}\n",
    }
    key, line = lines.split(":")[0].strip(), lines.format(**names)
    entry = "".join((keys | {key: line}).values())
    (watched.at.home / "lists.yaml").write_text(f"lists:\n  toy:\n    address: {LIST}\n{entry}")
    del watched.at.environ["CROSSCHECK_SMTP_URL"]
    status, output = watched.at.command("watch")
    assert status == 2
    assert f"lists.yaml: lists.toy: {said.format(**names)}" in output


def test_a_hostile_mail_keeps_no_other_back(watched):
    noisy(watched.at.tree)
    (patch,) = mails(watched.at.tree, 1)
    reset(watched.at.tree)
    watched.start()
    head = "Message-ID: <{}@x>\nSubject: [PATCH] x\nFrom: "
    for depth in (300, 470, 480, 490, 900, 2000):
        watched.deliver((head.format(depth) + "(" * depth + "\n\n").encode())
    watched.deliver(b"\0" * 999, b"\xff" * 999, b"", b"Subject: [PATCH] nameless\n\n")
    watched.deliver(patch)
    watched.await_sent(1)
    assert "passed over a patch: it has no Message-ID" in watched.said()
    assert "Traceback" not in watched.said()


def test_who_asks_for_what_cannot_be_tested_hears_of_it(watched):
    noisy(watched.at.tree)
    (patch,) = mails(watched.at.tree, 1)
    # The base that will be asked for has the change already.
    toy.git(watched.at.tree, "branch", "later")
    reset(watched.at.tree)
    watched.start()
    watched.deliver(patch)
    watched.await_sent(1)
    watched.await_state(patch, "done")
    watched.deliver(reply(patch, "#crosscheck base tree later", AUTHOR, VOUCHED))
    said = [m.get_content() for m in watched.await_sent(3)]
    assert any("Testing v1 on later of tree" in each for each in said)
    (why,) = [each for each in said if each.startswith("It could not be tested.")]
    assert "already in the base" in " ".join(why.split())
    assert watched.await_state(patch, "left")
