# SPDX-License-Identifier: GPL-2.0-or-later
"""Stories: threads, and the series or the refusal that comes of each (tests/cases)."""

import re
from io import BytesIO
from pathlib import Path

import pytest
import yaml

from pipeline.model import InputError, Series
from pipeline.series.load import load

CASES = Path(__file__).parent.parent / "cases"
SHARED = Path(__file__).parents[3] / "shared" / "series"
ADDED = re.compile(r"^\+(?!\+\+ ).*", re.MULTILINE)
STORIES = sorted(path.parent.name for path in CASES.glob("*/series.yaml"))


def no_git(_argument: str) -> None:
    return None


def assembled(*arguments: str, version: int | None = None) -> Series:
    return load(arguments, export=no_git, version=version, stdin=BytesIO())


def told(series: Series) -> dict[str, object]:
    return {
        "subject": series.subject,
        "version": series.version,
        "message_id": series.message_id,
        "author": series.author,
        "patches": [patch.letter.message_id for patch in series.patches],
        "cover": series.cover.message_id if series.cover else None,
        "base_commit": series.base_commit,
        "notes": list(series.notes),
        "based_on": list(series.based_on),
        "lines": [line for mail in series.mails for line in ADDED.findall(mail.decode())],
    }


@pytest.mark.parametrize("story", STORIES)
def test_a_thread_assembles_as_its_story_tells(story, monkeypatch):
    expected = yaml.safe_load((CASES / story / "series.yaml").read_text())
    monkeypatch.chdir(CASES / story)
    version = expected.pop("asked_version", None)
    if "error" in expected:
        with pytest.raises(InputError) as refusal:
            assembled("thread.mbox", version=version)
        assert str(refusal.value) == expected["error"]
    else:
        series = told(assembled("thread.mbox", version=version))
        assert {key: series[key] for key in expected} == expected


def test_there_are_stories():
    assert len(STORIES) > 20


def test_patches_are_numbered_and_keep_their_mails():
    series = assembled(str(CASES / "cover-and-replies" / "thread.mbox"))
    assert [patch.n for patch in series.patches] == [1, 2, 3]
    assert [patch.subject for patch in series.patches] == [
        "demo: step 1",
        "demo: step 2",
        "demo: step 3",
    ]
    assert all(mail.startswith(b"From mboxrd@z ") for mail in series.mails)
    assert b"Message-ID: <v1-2@x>" in series.mails[1]
    assert series.cover.body.strip() == "A cover letter."


def test_the_order_of_mails_does_not_matter(tmp_path):
    thread = (CASES / "latest-version" / "thread.mbox").read_bytes()
    mails = [b"From mboxrd@z " + part for part in thread.split(b"From mboxrd@z ")[1:]]
    backwards = tmp_path / "thread.mbox"
    backwards.write_bytes(b"\n".join(reversed(mails)))
    forwards = assembled(str(CASES / "latest-version" / "thread.mbox"))
    assert [p.letter for p in assembled(str(backwards)).patches] == [
        p.letter for p in forwards.patches
    ]


def test_patch_files_without_numbers_are_taken_in_their_order(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.patch").write_text(bare_patch(name))
    series = assembled(str(tmp_path / "b.patch"), str(tmp_path / "a.patch"))
    assert [patch.subject for patch in series.patches] == ["demo: b", "demo: a"]
    assert series.notes == ("The 2 patches are not numbered: they are taken in the order given.",)


def test_patches_without_any_prefix_are_patches_too(tmp_path):
    (tmp_path / "a.patch").write_text(bare_patch("a").replace("[PATCH] ", ""))
    assert [p.subject for p in assembled(str(tmp_path)).patches] == ["demo: a"]


def test_a_mail_without_a_date_gets_a_fixed_one(tmp_path):
    """git am would take the current time, and the same series become other commits."""
    (tmp_path / "a.patch").write_text(bare_patch("a"))
    (tmp_path / "b.patch").write_text(bare_patch("a").replace("Subject:", "Date: soon\nSubject:"))
    for name in ("a", "b"):
        mail = assembled(str(tmp_path / f"{name}.patch")).mails[0]
        assert mail.count(b"Date:") == 1
        assert b"\nDate: Thu, 1 Jan 1970 00:00:00 +0000\n" in mail


def bare_patch(name: str) -> str:
    return (
        f"From: Ann <ann@example.org>\nSubject: [PATCH] demo: {name}\n\nWhy.\n---\n"
        f"--- a/{name}.c\n+++ b/{name}.c\n@@ -1 +1 @@\n-old\n+new\n"
    )


@pytest.mark.skipif(not SHARED.exists(), reason="the zero-page series is not here")
class TestZeroPage:
    def test_the_thread_is_one_patch_and_the_ack_is_passed_over(self):
        series = assembled(str(SHARED / "zero-page-v2.mbox"))
        assert series.version == 2
        assert series.author == '"Mike Rapoport (Microsoft)" <rppt@kernel.org>'
        assert [p.letter.message_id for p in series.patches] == [
            "20260209-zero-page-v2-rebased@series.invalid"
        ]
        assert series.patches[0].letter.to == ("Andrew Morton <akpm@linux-foundation.org>",)
        assert series.notes == ()

    def test_what_a_web_archive_shows_is_no_patch(self):
        with pytest.raises(InputError, match="whitespace was destroyed") as refusal:
            assembled(str(SHARED / "zero-page-web-archive.txt"))
        assert "save the raw mail (mbox)" in str(refusal.value)


def test_a_diff_without_headers_is_not_left_out_in_silence(tmp_path):
    whole = b"From: a@x\nSubject: [PATCH] demo\n\n---\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n"
    (tmp_path / "1.patch").write_bytes(whole)
    (tmp_path / "2.patch").write_bytes(whole.partition(b"---\n")[2])
    with pytest.raises(InputError, match=r"2\.patch is a diff without the header of a mail"):
        assembled(str(tmp_path))


def test_a_thread_of_any_depth_takes_no_time(tmp_path):
    mails = [
        f"From mboxrd@z Thu Jan  1 00:00:00 1970\nFrom: a@x\nMessage-ID: <{n}@x>\n"
        f"In-Reply-To: <{n - 1}@x>\nSubject: {'Re: ' if n else ''}[PATCH] demo\n\n"
        + ("" if n else "---\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n")
        for n in range(1500)
    ]
    (tmp_path / "deep.mbox").write_text("\n".join(mails))
    assert len(assembled(str(tmp_path / "deep.mbox")).patches) == 1


@pytest.mark.parametrize(
    ("message_id", "version"), [("v1-2@x", 1), ("v2-1@x", 2), ("v2-0@x", 2), ("nobody@x", 3)]
)
def test_a_message_id_means_the_version_that_it_is_of(message_id, version):
    thread = (CASES / "latest-version" / "thread.mbox").read_bytes()
    series = load([message_id], export=no_git, fetch=lambda asked: (thread, asked))
    assert series.version == version


@pytest.mark.parametrize(
    ("story", "message_id", "patches"),
    [
        ("two-authors", "b-1@x", ["b-1@x", "b-2@x"]),
        ("two-series-of-one-author", "b@x", ["b@x"]),
        ("taken-over", "b-0@x", ["b-1@x", "b-2@x", "b-3@x"]),
        ("version-without-number", "v1-0@x", ["v1-1@x", "v1-2@x", "v1-3@x"]),
        ("resend-completes", "v1-0@x", ["v1-1@x", "again-2@x", "v1-3@x"]),
    ],
)
def test_a_message_id_means_the_series_that_it_is_of(story, message_id, patches):
    thread = (CASES / story / "thread.mbox").read_bytes()
    series = load([message_id], export=no_git, fetch=lambda asked: (thread, asked))
    assert [patch.letter.message_id for patch in series.patches] == patches


def test_a_version_that_is_asked_for_outranks_the_message_id():
    thread = (CASES / "latest-version" / "thread.mbox").read_bytes()
    asked = load(["v1-1@x"], export=no_git, fetch=lambda asked: (thread, asked), version=2)
    assert asked.version == 2
