# SPDX-License-Identifier: GPL-2.0-or-later
"""What a watcher is told of a thread: each posting, and what it is to us (tests/cases)."""

import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest

from pipeline.model import InputError, Series
from pipeline.series import mbox, threads
from pipeline.series.assemble import assemble
from pipeline.series.mail import Mail, parse
from pipeline.series.threads import Posted, State, likeness, postings_in

CASES = Path(__file__).parent.parent / "cases"
DIFF = "--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-a\n+b\n"


def mails(story: str) -> list[Mail]:
    raws = mbox.split(BytesIO((CASES / story / "thread.mbox").read_bytes()))
    return [parse(b"".join(lines), f"mail {n}") for n, lines in enumerate(raws, start=1)]


def posted(story: str) -> dict[str, Posted]:
    return {p.message_id: p for p in postings_in(mails(story), source="a thread")}


def states(story: str) -> dict[str, str]:
    return {name: str(one.state) for name, one in posted(story).items()}


def mail(subject: str, message_id: str, above: str = "", body: str = DIFF, **more: str) -> Mail:
    headers = {
        "From": "Ann <ann@x>",
        "Subject": subject,
        "Message-ID": f"<{message_id}>",
        "In-Reply-To": f"<{above}>" if above else "",
        **more,
    }
    head = "".join(
        f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items() if value
    )
    return parse(f"{head}\n{body}".encode(), message_id)


def is_later(new: Series, old: Series) -> bool:
    return threads.is_later(likeness(new), likeness(old))


def only(*heap: Mail) -> Series:
    (one,) = postings_in(heap)
    assert one.series is not None
    return one.series


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        ("latest-version", {"v1-0@x": "complete", "v2-0@x": "complete", "v3-0@x": "complete"}),
        ("latest-incomplete", {"v1-0@x": "complete", "v2-0@x": "incomplete"}),
        ("two-authors", {"a-0@x": "complete", "b-0@x": "complete"}),
        ("two-series-of-one-author", {"a@x": "complete", "b@x": "complete"}),
        ("two-stable-trees", {"a-0@x": "complete", "b-0@x": "complete"}),
        ("taken-over", {"v1-0@x": "complete", "b-0@x": "complete"}),
        ("version-without-number", {"w1-0@x": "complete", "v1-0@x": "complete"}),
        ("version-without-number-incomplete", {"v1-0@x": "incomplete", "w1-0@x": "incomplete"}),
        ("stray-same-number", {"v1-0@x": "complete", "s@x": "not for us"}),
        ("stray-patch-in-reply", {"v1-0@x": "complete", "s@x": "not for us"}),
        ("own-fixup-in-reply", {"v1-0@x": "complete", "f@x": "not for us"}),
        ("reroll-without-counter", {"v1-0@x": "complete", "r-2@x": "not for us"}),
        ("resend-completes", {"v1-0@x": "complete", "again-2@x": "not for us"}),
        ("beyond-the-last", {"v1-0@x": "complete", "b@x": "not for us"}),
        ("pull-request", {"p@x": "not for us"}),
        ("inline-diff-in-reply", {"re@x": "not for us"}),
        ("number-twice", {"v1-0@x": "not for us"}),
        ("flowed-damaged", {"a@x": "not for us"}),
        ("cut-off-between-files", {"a@x": "not for us"}),
        ("cover-alone", {"v2-0@x": "incomplete"}),
    ],
)
def test_each_posting_is_told(story, expected):
    assert states(story) == expected


def test_a_discussion_is_no_posting_and_may_come_before_its_series():
    answer = mail("Re: [PATCH] demo: this", "re@x", above="a@x", body="Fine.\n")
    assert not postings_in([answer])
    assert [p.message_id for p in postings_in([answer, mail("[PATCH] demo: this", "a@x")])] == [
        "a@x"
    ]


def test_what_is_missing_is_said():
    one = posted("missing-patch")["v1-0@x"]
    assert (one.state, one.missing, one.series) == (State.INCOMPLETE, (2,), None)
    assert one.reason == "1 of 3 patches are missing."


def test_a_posting_has_its_key_author_version_and_subject():
    one = posted("latest-version")["v2-0@x"]
    assert (one.author, one.version, one.subject) == ("ann@example.org", 2, "demo: rework the demo")
    assert one.series.source == "a thread"


def test_each_reason_is_a_sentence():
    for story in CASES.iterdir():
        if story.is_dir():
            for one in posted(story.name).values():
                assert bool(one.reason) == (one.state is not State.COMPLETE)
                assert not one.reason or one.reason.endswith(".")


@pytest.mark.parametrize("story", sorted(p.name for p in CASES.iterdir() if p.is_dir()))
def test_what_is_assembled_is_one_of_the_postings(story):
    """Both answers come from the same decisions."""
    try:
        series = assemble(mails(story), source="a thread")
    except InputError:
        return
    ids = [p.letter.message_id for p in series.patches]
    known = [
        [p.letter.message_id for p in one.series.patches]
        for one in posted(story).values()
        if one.series
    ]
    assert ids in known


def told(*heap: Mail) -> list[tuple[str, int]]:
    """Of each posting in HEAP its state, and how many patches it has if it is complete."""
    return [(str(p.state), len(p.series.patches) if p.series else 0) for p in postings_in(heap)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("[PATCH 1 of 2] x: a", "[PATCH 2 of 2] x: b"),
        ("[net,v2,1/2] x: a", "[net,v2,2/2] x: b"),
        ("[PATCH-v2 1/2] x: a", "[PATCH-v2 2/2] x: b"),
        ("[RFC/PATCH 1/2] x: a", "[RFC/PATCH 2/2] x: b"),
        ("[RFCv2 1/2] x: a", "[RFCv2 2/2] x: b"),
        ("[RESEND 1/2] x: a", "[RESEND 2/2] x: b"),
        ("[RFT (1/2)] x: a", "[RFT (2/2)] x: b"),
        ("[v2 1/2] x: a", "[v2 2/2] x: b"),
    ],
)
def test_every_dialect_of_two_patches_is_two_patches(first, second):
    one, two = mail(first, "1@x"), mail(second, "2@x", "1@x")
    assert told(one, two) == [("complete", 2)]
    assert told(one) == told(two) == [("incomplete", 0)]
    assert len(assemble([one, two], source="s").patches) == 2


@pytest.mark.parametrize("prefix", ["PATCH", "RFC", "RFT", "RESEND", "v2", "net,v2", "RFC/PATCH"])
def test_every_prefix_of_one_patch_is_one(prefix):
    assert told(mail(f"[{prefix}] x: a", "1@x")) == [("complete", 1)]
    assert told(mail(f"[{prefix}] x: a", "1@x", body="What do you think?\n")) == []


@pytest.mark.parametrize("prefix", ["1/N", "1\\3", "1-3", "2a/5", "3/?", "1/2/3"])
def test_what_counts_in_a_way_that_nobody_knows_is_no_whole_series(prefix):
    one = mail(f"[PATCH {prefix}] x: a", "1@x")
    assert told(one) == [("not for us", 0)]
    with pytest.raises(InputError, match="does not say which patch it is"):
        assemble([one], source="s")


@pytest.mark.parametrize(
    ("foo", "bar"),
    [
        ("20261102-foo-v1-{n}-0123456789ab@x", "20261102-bar-v1-{n}-0123456789ab@x"),
        ("1473632524-8585-{n}-git-send-email-a@x", "1473632999-8999-{n}-git-send-email-a@x"),
        ("20261102100000.11-{n}-a@x", "20261102100500.12-{n}-a@x"),
    ],
)
def test_parts_of_two_series_are_not_one_where_their_ids_say_so(foo, bar):
    date = "Mon, 2 Nov 2026 10:00:00 +0000"
    one = mail("[PATCH 1/2] foo: a", foo.format(n=1), Date=date)
    two = mail("[PATCH 2/2] bar: b", bar.format(n=2), Date=date)
    assert told(one, two) == [("incomplete", 0)] * 2
    with pytest.raises(InputError):
        assemble([one, two], source="s")
    own = mail("[PATCH 2/2] foo: b", foo.format(n=2), Date=date)
    assert told(one, own) == [("complete", 2)]


def test_two_series_without_threads_are_told_apart_by_when_they_were_sent():
    def sent(what: str, minute: int) -> list[Mail]:
        date = f"Mon, 2 Nov 2026 10:{minute:02}:00 +0000"
        return [mail(f"[PATCH {n}/2] {what}: {n}", f"{what}{n}@x", Date=date) for n in (1, 2)]

    (foo1, foo2), (bar1, bar2) = sent("foo", 0), sent("bar", 10)
    for heap in ((foo1, foo2, bar1, bar2), (bar2, foo1, bar1, foo2)):
        titles = {tuple(p.subject for p in one.series.patches) for one in postings_in(heap)}
        assert titles == {("foo: 1", "foo: 2"), ("bar: 1", "bar: 2")}
    mixed = sent("foo", 0) + sent("bar", 1)
    assert told(*mixed) == [("incomplete", 0)] * 4


REQUEST = (
    "The following changes since commit 0123456789abcdef0123456789abcdef01234567:\n\n"
    "are available in the Git repository at:\n\n  https://x.org/linux tags/x\n\n"
)


@pytest.mark.parametrize(
    "subject", ["[PATCH] Please pull x", "[PATCH/PULL] x", "[GIT,PULL] x", "[GIT] x", "Pull: x"]
)
def test_a_pull_request_that_shows_its_diff_is_no_patch(subject):
    one = mail(subject, "1@x", body=REQUEST + DIFF)
    assert told(one) == [("not for us", 0)]
    with pytest.raises(InputError, match="is a pull request"):
        assemble([one], source="s")


def test_two_patches_in_one_mail_are_not_one():
    begins = "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\n"
    both = (
        f"{begins}From: Bob <b@x>\nSubject: [PATCH] one\n\n{DIFF}\n>{begins}Subject: two\n\n{DIFF}"
    )
    one = mail("[PATCH] both", "1@x", body=both)
    assert told(one) == [("not for us", 0)]
    with pytest.raises(InputError, match="several patches, one after the other"):
        assemble([one], source="s")


def test_a_cover_letter_from_another_address_is_named():
    heap = (
        mail("[PATCH 0/2] x", "0@x", body="Why.\n", From="Ann <work@x>"),
        mail("[PATCH 1/2] x: a", "1@x", "0@x", From="Ann <home@x>"),
        mail("[PATCH 2/2] x: b", "2@x", "0@x", From="Ann <home@x>"),
    )
    with pytest.raises(InputError, match="patches that Ann <home@x> sent"):
        assemble(heap, source="s")
    assert ("complete", 2) in told(*heap)


class TestLater:
    def test_by_version(self):
        told = posted("latest-version")
        one, two = told["v1-0@x"].series, told["v2-0@x"].series
        assert is_later(two, one)
        assert not is_later(one, two)
        assert not is_later(one, one)

    def test_without_a_number_by_who_answers_whom(self):
        told = posted("version-without-number")
        new, old = told["w1-0@x"].series, told["v1-0@x"].series
        assert is_later(new, old)
        assert not is_later(old, new)

    def test_others_series_are_none(self):
        told = posted("taken-over")
        assert not is_later(told["b-0@x"].series, told["v1-0@x"].series)

    def test_another_series_of_the_same_author_is_none(self):
        one, two = only(mail("[PATCH] x: a", "a@x")), only(mail("[PATCH v2] x: b", "b@x"))
        assert not is_later(two, one)

    def test_the_change_id_outranks_the_subject(self):
        def version(n: int, subject: str, change: str) -> Series:
            body = f"Why.\n\nchange-id: {change}\n"
            return only(
                mail(f"[PATCH v{n} 0/1] {subject}", f"c{n}{change}@x", body=body),
                mail(f"[PATCH v{n} 1/1] p", f"p{n}{change}@x", f"c{n}{change}@x"),
            )

        assert is_later(version(2, "new name", "one"), version(1, "old name", "one"))
        assert not is_later(version(2, "name", "one"), version(1, "name", "two"))


class TestSize:
    """Whoever may send to a list may send this. Seconds are far above what it takes."""

    def timed(self, heap: list[Mail]) -> tuple[Posted, ...]:
        begun = time.monotonic()
        found = postings_in(heap)
        assert time.monotonic() - begun < 20
        return found

    def test_each_patch_answers_the_one_before(self):
        heap = [mail("[PATCH] same", f"{n}@x", f"{n - 1}@x") for n in range(4000)]
        begun = time.monotonic()
        assemble(heap, source="thread")
        assert time.monotonic() - begun < 20
        assert len(self.timed(heap)) == 4000

    def test_each_patch_is_a_version_of_somebody_else(self):
        heap = [
            mail(f"[PATCH v{n}] t{n % 7}", f"{n}@x", f"{n - 1}@x", From=f"a{n}@x")
            for n in range(1, 4000)
        ]
        assert len(self.timed(heap)) == 3999

    def test_pieces_that_nothing_puts_together(self):
        heap = [mail(f"[PATCH {n % 3}/2] x", f"{n}@x", Date=f"Mon, 2 Nov 2026 10:00:{n % 60:02} +0000")
                for n in range(4000)]  # fmt: skip
        assert self.timed(heap)

    def test_circles(self):
        heap = [mail(f"[PATCH {n + 1}/999] x", f"{n}@x", f"{(n + 1) % 999}@x") for n in range(999)]
        assert self.timed(heap)


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: [PATCH] =?utf-8?q?a?= " + b"<" * 100_000,
        b"Subject: [PATCH] " + b"=?a?q?" * 20_000,
        b"From: " + b"(" * 100_000,
        b"To: " + b"a@b," * 30_000,
        b"Content-Type: text/plain" + b"; a*0=b" * 1000,
        b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\nx\n" * 200_000,
        b"Content-Type: multipart/mixed; boundary=x\n\n--x\n" + b"X: y\n" * 400_000,
        b"Subject: [PATCH] a\n\n" + b"From: a@x\n" * 200_000,
        b"Subject: [PATCH] a\n\n" + b"based on " * 200_000,
        b"Subject: [PATCH] a\n\nThe following changes since commit abcdef1"
        + b"\n" * 200_000
        + DIFF.encode(),
        b"Subject: [" + b"#(" * 3950 + b"]",
        b"Subject: [PATCH " + b"1of" * 2600 + b"] a",
        b"Subject: [PATCH " + b"1/" * 3900 + b"] a",
        b"Subject: [PATCH] a\n\n" + b"GIT binary patch\n" * 200_000,
        b"Content-Type: text/plain; charset=zlib\n\n" + b"x" * 200_000,
        b"Content-Transfer-Encoding: base64\n\n" + b"A\n" * 200_000,
    ],
)
def test_a_hostile_mail_takes_no_time(raw):
    begun = time.monotonic()
    with suppress(InputError):
        postings_in([parse(raw + b"\n\n", "mail")])
    assert time.monotonic() - begun < 20
