# SPDX-License-Identifier: GPL-2.0-or-later
"""What may be given as SERIES, and what is refused without having been read."""

import gzip
from io import BytesIO

import pytest

from pipeline.model import InputError
from pipeline.series import sources

MAIL = b"From: a@x\nSubject: [PATCH] demo\n\n---\n"
MBOX = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n" + MAIL


def read(*arguments, stdin=b"", export=lambda _: None, fetch=sources.no_archive):
    named = [str(a) for a in arguments]
    return sources.read(named, stdin=BytesIO(stdin), export=export, fetch=fetch)


def origins(source):
    return [mail.origin for mail in source.mails]


def refusal(*arguments, **more):
    with pytest.raises(InputError) as refused:
        read(*arguments, **more)
    return str(refused.value)


class TestKinds:
    def test_an_mbox(self, tmp_path):
        file = tmp_path / "thread.mbox"
        file.write_bytes(MBOX + b"\n" + MBOX)
        assert origins(read(file)) == [f"{file}, mail 1", f"{file}, mail 2"]

    def test_patch_files_in_their_order(self, tmp_path):
        for name in "ab":
            (tmp_path / name).write_bytes(MAIL)
        source = read(tmp_path / "b", tmp_path / "a")
        assert origins(source) == [str(tmp_path / "b"), str(tmp_path / "a")]
        assert source.mails[0].raw == MAIL

    def test_a_directory_by_name_without_what_is_no_patch(self, tmp_path):
        for name in ("0002-b.patch", "0001-a.patch", "README", ".0003-c.patch"):
            (tmp_path / name).write_bytes(MAIL)
        assert [o.rpartition("/")[2] for o in origins(read(tmp_path))] == [
            "0001-a.patch",
            "0002-b.patch",
        ]

    def test_a_maildir(self, tmp_path):
        for part in ("cur", "new", "tmp"):
            (tmp_path / part).mkdir()
            (tmp_path / part / "1.x:2,S").write_bytes(MAIL)
        assert [o.split("/")[-2] for o in origins(read(tmp_path))] == ["cur", "new"]

    def test_standard_input(self):
        assert origins(read("-", stdin=MBOX)) == ["standard input"]

    def test_a_range_is_git_s(self):
        quoted = MBOX + b">From here\n"
        source = read("HEAD~1..", export=lambda _: (quoted, "f" * 40))
        assert source.parent == "f" * 40
        assert source.mails[0].raw == MAIL + b"From here\n"

    def test_a_file_comes_before_a_revision(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "HEAD").write_bytes(MAIL)
        assert origins(read("HEAD", export=lambda _: (MBOX, "f" * 40))) == ["HEAD"]


ADDRESSES = ["20261122-a@x.org", "<m/1@x>", "https://example.org/r/m@x/", "http://h/l/m/raw"]


class TestArchives:
    @pytest.mark.parametrize("what", ADDRESSES)
    def test_a_message_id_or_address_means_its_thread(self, what):
        source = read(what, fetch=lambda asked: (MBOX + b"\n" + MBOX, f"id of {asked}"))
        assert source.message_id == f"id of {what}"
        assert origins(source) == [f"{what}, mail 1", f"{what}, mail 2"]

    def test_git_is_asked_first_where_it_may_know(self):
        got = read("a@b", export=lambda _: (MBOX, "f" * 40), fetch=sources.no_archive)
        assert got.parent
        assert not got.message_id

    @pytest.mark.parametrize("what", ADDRESSES)
    def test_without_archives(self, what):
        assert refusal(what) == (
            f"{what} is in no file: save the thread as mbox and give that file."
        )


class TestRefusals:
    def test_nothing_there(self):
        assert refusal("nope") == (
            "There is no file, directory, git range or revision nope, and it is no Message-ID."
        )
        assert refusal("nope", "-") == (
            "There is no file or directory nope: give files, or one git range."
        )
        assert refusal("") == "SERIES is empty: name an mbox, patch files, or a git range."
        assert refusal("a" * 5000) == f"Cannot read {'a' * 200}…: File name too long."

    @pytest.mark.parametrize("what", ["ftp://x/m@x", "git://x/y", "a b@c", "@", "HEAD@{3}"])
    def test_what_no_archive_is_asked_for(self, what):
        assert "and it is no Message-ID." in refusal(what, fetch=lambda _: (MBOX, "m@x"))

    def test_a_revision_with_an_at_sign_is_asked_of_git(self):
        assert read("HEAD@{1}", export=lambda _: (MBOX, "f" * 40)).parent

    def test_an_empty_file(self, tmp_path):
        (tmp_path / "a").write_bytes(b"\n")
        assert refusal(tmp_path / "a") == f"{tmp_path / 'a'} is empty: there is no patch in it."
        assert refusal("-") == "standard input is empty: there is no patch in it."

    def test_a_directory_without_patches(self, tmp_path):
        (tmp_path / "README").write_text("hello")
        assert "is a directory without patches (.patch, .eml, .mbox, .mbx)." in refusal(tmp_path)

    def test_an_empty_maildir(self, tmp_path):
        for part in ("cur", "new", "tmp"):
            (tmp_path / part).mkdir()
        assert refusal(tmp_path) == f"{tmp_path} is an empty maildir."

    def test_compressed(self, tmp_path):
        (tmp_path / "t.mbox.gz").write_bytes(gzip.compress(MBOX))
        assert refusal(tmp_path / "t.mbox.gz").endswith(
            "is gzip-compressed: unpack it with gunzip."
        )

    def test_binary(self):
        assert "holds NUL bytes, so it is not a mail" in refusal("-", stdin=MAIL + b"\0")

    def test_a_text_may_mention_what_programs_start_with(self):
        assert read("-", stdin=MAIL + b"%PDF\nPK\x03\x04\n").mails

    def test_a_mail_that_is_too_large(self, monkeypatch):
        monkeypatch.setattr(sources, "MAX_MAIL_BYTES", 1 << 20)
        assert refusal("-", stdin=MBOX + b"x\n" * (1 << 20)) == (
            "A mail in standard input is larger than 1 MB: give the mbox of this series alone."
        )

    def test_too_much_mail(self, monkeypatch):
        monkeypatch.setattr(sources, "MAX_TOTAL_BYTES", 1 << 20)
        many = (MBOX + b"x" * 5000 + b"\n") * 300
        assert refusal("-", stdin=many).startswith("standard input is larger than 1 MB")

    def test_a_huge_input_is_not_read_to_its_end(self):
        class Endless(BytesIO):
            handed = 0

            def readline(self, size=-1):
                Endless.handed += size
                return b"a" * size

        with pytest.raises(InputError, match="larger than 25 MB"):
            sources.read(["-"], stdin=Endless(), export=lambda _: None)
        assert Endless.handed < 60 << 20
