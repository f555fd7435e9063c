# SPDX-License-Identifier: GPL-2.0-or-later
"""A maildir gives each mail once and in order, whatever happens to its files meanwhile."""

import mailbox
import os
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model import InfraError
from pipeline.sources import maildir, open_source
from pipeline.sources.contract import BATCH


@pytest.fixture
def box(tmp_path):
    return mailbox.Maildir(tmp_path / "box")


def raw(n) -> bytes:
    return f"Message-ID: <{n}@x>\n\ntext {n}\n".encode()


def source(box):
    return open_source(f"maildir:{box._path}")


def read(box, position="", of=None):
    """The mails after POSITION, and the last position; as OF has it, or one that just began."""
    got = list((of or source(box)).read(position))
    return [a.raw for a in got if a.raw], got[-1].position if got else position


STEPS = st.lists(
    st.sampled_from(["deliver", "read", "fault", "crash", "move", "flag"]), max_size=25
)


@given(STEPS)
@settings(max_examples=60)
def test_any_deliveries_restarts_and_flags_give_all_mails_in_order(steps):
    with tempfile.TemporaryDirectory() as top:
        box = mailbox.Maildir(Path(top) / "box")
        kept, position, sent, reader = [], read(box)[1], 0, source(box)
        for step in steps:
            if step == "deliver":
                key = box.add(raw(sent))
                # The clock of the file system ticks more slowly than this test.
                os.utime(Path(box._path) / box._lookup(key), ns=(sent, sent))
                sent += 1
            elif step == "read":
                mails, position = read(box, position, reader)
                kept += mails
            elif step in ("fault", "crash"):  # after the first mail was kept
                for arrival in reader.read(position):
                    kept.append(arrival.raw)
                    position = arrival.position
                    break
                reader = source(box) if step == "crash" else reader
            else:
                _touch(box, "S" if step == "move" else "SF")
        kept += read(box, position, reader)[0]
        assert kept == [raw(n) for n in range(sent)]


def _touch(box, flags):
    for key in list(box.keys())[::2]:
        message = box[key]
        message.set_subdir("cur")
        message.set_flags(flags)
        box[key] = message  # as a mail program does: ctime is new, and so is the file
        path = Path(box._path) / box._lookup(key)
        n = int(message.get_payload().split()[1])
        os.utime(path, ns=(n, n))


def test_what_was_kept_comes_again_only_if_its_position_was_not(box):
    for n in range(3):
        box.add(raw(n))
    first = list(source(box).read(""))
    for n, arrival in enumerate(first):
        assert len(read(box, arrival.position)[0]) == 3 - n


def test_old_mails_are_listed_but_not_looked_at(box, monkeypatch):
    looked = []
    look = maildir._file
    monkeypatch.setattr(maildir, "_file", lambda entry: looked.append(entry) or look(entry))
    reader = source(box)
    for n in range(5):
        box.add(raw(n))
    position = read(box, "", reader)[1]
    for n in range(5, 7):
        box.add(raw(n))
        mails, position = read(box, position, reader)
        assert mails == [raw(n)]
    assert len(looked) == 5 + 6 + 2  # a mail is looked at once more to see that it is old
    box.clear()
    read(box, position, reader)
    assert reader._old == set()


def test_a_mail_that_a_slow_deliverer_finishes_late_is_not_lost(box):
    _, position = read(box)
    slow = Path(box._path) / "tmp" / "1.slow"
    slow.write_bytes(raw("slow"))
    box.add(raw("quick"))
    mails, position = read(box, position)
    assert mails == [raw("quick")]
    slow.rename(Path(box._path) / "new" / "1.slow")
    assert read(box, position)[0] == [raw("slow")]


def test_a_mail_that_was_copied_with_an_old_time_is_not_lost(box):
    _, position = read(box)
    key = box.add(raw("old"))
    os.utime(Path(box._path) / box._lookup(key), (5, 5))
    assert read(box, position)[0] == [raw("old")]


def test_the_clock_may_go_back_a_little(box, monkeypatch):
    now = time.time()
    monkeypatch.setattr(maildir.time, "time", lambda: now + 300)
    _, position = read(box)
    box.add(raw(1))
    assert read(box, position)[0] == [raw(1)]


def test_the_first_call_looks_back_a_day_at_most(box, monkeypatch):
    box.add(raw(1))
    tomorrow = time.time() + 25 * 3600
    monkeypatch.setattr(maildir.time, "time", lambda: tomorrow)
    assert read(box)[0] == []


def test_a_call_is_bounded_and_the_next_goes_on(box):
    _, position = read(box)
    for n in range(BATCH + 20):
        box.add(raw(n))
    mails, position = read(box, position)
    assert len(mails) == BATCH
    assert len({*mails, *read(box, position)[0]}) == BATCH + 20


def test_a_mail_that_is_too_large_is_passed_over_unread(box, monkeypatch, caplog):
    monkeypatch.setattr(maildir, "MAX_MAIL_BYTES", 1000)
    _, position = read(box)
    box.add(raw(1) + b"x" * 2000)
    box.add(raw(2))
    monkeypatch.setattr(maildir.Path, "read_bytes", _no_large(maildir.Path.read_bytes))
    mails, position = read(box, position)
    assert mails == [raw(2)]
    assert "too large for a mail" in caplog.text
    assert read(box, position) == ([], position)


def _no_large(read_bytes):
    def guarded(path):
        assert path.stat().st_size < 1000
        return read_bytes(path)

    return guarded


def test_other_things_lying_there_are_no_mails(box):
    (Path(box._path) / "new" / ".hidden").write_bytes(b"x")
    (Path(box._path) / "cur" / "directory").mkdir()
    assert read(box)[0] == []


def test_a_maildir_that_is_away(box):
    _, position = read(box)
    Path(box._path).rename(f"{box._path}.away")
    with pytest.raises(InfraError, match=r"Cannot read the maildir .*: No such file"):
        read(box, position)
    Path(f"{box._path}.away").rename(box._path)
    box.add(raw(1))
    assert read(box, position)[0] == [raw(1)]


def test_line_ends_become_lf(box):
    (Path(box._path) / "new" / "1.x").write_bytes(b"Subject: a\r\n\r\nb\r\n")
    assert read(box)[0] == [b"Subject: a\n\nb\n"]
