# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads of mails as people send them and as mailers, lists and accidents change them.

Whoever makes them knows the truth, against which tests/mail_truth.py holds what was assembled.
All is drawn from one `random.Random`, so that a seed says everything.
"""

from __future__ import annotations

import base64
import quopri
import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.header import Header
from email.utils import format_datetime

from pipeline.series import mbox

AUTHORS = ("Ann Author <ann@example.org>", "Bob B. <bob@example.net>", "Zoë Ö <zoe@example.com>")
_START = datetime(2026, 11, 2, 10, tzinfo=UTC)
_LINES = (
    "int a;", "\treturn 0;", "", "", "}", "From here on", ">From there", "-- ", "--i;", "++i;", "--- a",
    "+++ b", "/* é ü */", "/* 日本 */", "\t\tx = y;  ", "@@ -1 +1 @@", "diff --git a/x b/x", "  two",
    "x" * 120, "a long comment that goes on and on and on until a mailer wants to wrap it there",
    "Content-Type: multipart/mixed; boundary=x", "=3D", "_____", "\\ No newline",
)  # fmt: skip
_FOOTER = (
    b"_______________________________________________\nlinux-demo mailing list\nlinux-demo@x\n"
)


@dataclass
class Sent:
    """One mail that was sent. DIFF is "" of what is no patch of a posting."""

    posting: int
    n: int
    headers: dict[str, str]
    body: str
    diff: str = ""
    title: str = ""
    whole: bool = True  # nothing happened to it that cannot be undone
    lost: bool = False  # its contents are not known any more
    raw: bytes = b""


@dataclass
class Truth:
    """One posting, as it was sent."""

    author: str
    version: int
    total: int
    resend: bool = False
    part: bool = False  # only some patches were sent, again or anew
    mails: list[Sent] = field(default_factory=list)
    of: int = -1  # the posting of which it sends a part again, or anew


@dataclass
class Thread:
    """What was sent, and what arrived."""

    postings: list[Truth]
    arrived: list[bytes]
    answers: list[Sent]


class Maker:
    """Makes threads of CHANCE."""

    def __init__(self, chance: random.Random, seeds: Iterable[str] = ()) -> None:
        self.chance = chance
        self.seeds = tuple(seeds)
        self.serial = 0

    def thread(self, *, mangle: bool = True) -> Thread:
        """One thread, or two in one heap; mangled if so asked."""
        postings: list[Truth] = []
        noise: list[Sent] = []
        for _ in range(1 if self.chance.random() < 0.85 else 2):
            self._subject(postings, noise)
        mails = [mail for posting in postings for mail in posting.mails] + noise
        return self._arrive(postings, mails, mangle=mangle)

    def _subject(self, postings: list[Truth], noise: list[Sent]) -> None:
        """One series in its versions, with what others answer."""
        chance = self.chance
        author = chance.choice(AUTHORS)
        subject = f"demo: subject {self._token()}"
        above: list[Sent] = []
        day = chance.randrange(5)
        total = chance.choice((1, 1, 2, 3, 3, 5, 11))
        for step in range(chance.choice((1, 1, 1, 2, 3))):
            version = step + 1 if chance.random() < 0.85 else max(1, step)
            day += chance.randrange(1, 9)
            if step and chance.random() < 0.3:
                total = chance.choice((1, 2, 3, 4))
            style = chance.choice(("shallow", "shallow", "deep", "flat"))
            up = above[0] if above and chance.random() < 0.6 else None
            truth = self._post(postings, author, subject, version, total, day, style, up)
            if total > 1 and chance.random() < 0.1:
                self._again(postings, truth, day)
            elif total > 1 and chance.random() < 0.1:
                self._reroll(postings, truth, day)
            above = truth.mails
            for _ in range(chance.choice((0, 0, 1, 3))):
                noise.append(self._noise(chance.choice(above + noise[-1:]), day))

    def _post(  # noqa: PLR0917
        self, postings: list[Truth], author: str, subject: str, version: int, total: int, day: int,
        style: str, up: Sent | None,
    ) -> Truth:  # fmt: skip
        chance = self.chance
        truth = Truth(author, version, total)
        postings.append(truth)
        here = len(postings) - 1
        numbered = total > 1 or chance.random() < 0.2
        cover = numbered and chance.random() < 0.7
        words = chance.choice(("PATCH", "PATCH", "RFC PATCH", "PATCH net-next", "PATCH bpf-next"))
        tag = f" v{version}" if version > 1 else ""
        width = len(str(total)) if chance.random() < 0.7 else 3
        first: Sent | None = None
        before: Sent | None = None
        for n in range(0 if cover else 1, total + 1):
            count = f" {n:0{width}}/{total}" if numbered else ""
            title = subject if n == 0 or not numbered else f"demo: step {n} {subject[-6:]}"
            diff = "" if n == 0 else self._diff()
            body = self._message(diff) if n else "A cover letter.\n\nIt says why.\n"
            answers = (up if first is None or (style == "flat" and not cover) else
                       before if style == "deep" else first)  # fmt: skip
            sent = self._mail(
                here, n, author, f"[{words}{tag}{count}] {title}", body, answers,
                _START + timedelta(days=day, seconds=n),
            )  # fmt: skip
            sent.diff, sent.title = diff, title
            truth.mails.append(sent)
            first = first or sent
            before = sent
        return truth

    def _again(self, postings: list[Truth], truth: Truth, day: int) -> None:
        """One patch of TRUTH is sent again, as it was, since it got lost."""
        old = self.chance.choice([m for m in truth.mails if m.n])
        more = Truth(truth.author, truth.version, truth.total, resend=True, part=True)
        more.of = postings.index(truth)
        postings.append(more)
        subject = old.headers["Subject"].replace("PATCH", "PATCH RESEND")
        sent = self._mail(
            len(postings) - 1, old.n, truth.author, subject, old.body, truth.mails[0],
            _START + timedelta(days=day, hours=5),
        )  # fmt: skip
        sent.diff, sent.title = old.diff, old.title
        more.mails.append(sent)

    def _reroll(self, postings: list[Truth], truth: Truth, day: int) -> None:
        """One patch of TRUTH is replaced: as the same version, as the next, or without number."""
        old = self.chance.choice([m for m in truth.mails if m.n])
        version, subject = truth.version, old.headers["Subject"]
        if self.chance.random() < 0.7:
            version += 1
            subject = re.sub(r"( v\d+)?((?: \d+/\d+)?\])", rf" v{version}\2", subject, count=1)
        total = truth.total
        if self.chance.random() < 0.3:
            subject, total = re.sub(r" \d+/\d+\]", "]", subject), 1
        more = Truth(truth.author, version, total, part=True, of=postings.index(truth))
        postings.append(more)
        diff = self._diff()
        sent = self._mail(
            len(postings) - 1, old.n if total > 1 else 1, truth.author, subject,
            self._message(diff), old, _START + timedelta(days=day, hours=7),
        )  # fmt: skip
        sent.diff, sent.title = diff, old.title
        more.mails.append(sent)

    def _noise(self, above: Sent, day: int) -> Sent:
        chance = self.chance
        author = chance.choice(AUTHORS)
        diff = ""
        kind = chance.choice(("review", "review", "inline", "forward", "pull", "beyond", "own"))
        subject = "Re: " + above.headers["Subject"].removeprefix("Re: ")
        body = "".join(f"> {line}\n" for line in above.body.split("\n"))
        if kind == "inline":
            body = f"Rather so:\n\n{self._diff()}"
        elif kind == "forward":
            subject, body = "Fwd: " + above.headers["Subject"], above.body
        elif kind == "pull":
            subject, body = "[GIT PULL] demo for 7.4", "The following changes since commit x:\n"
        elif kind == "beyond":
            subject, body = "[PATCH 12/11] demo: one more", self._message(self._diff())
        elif kind == "own":
            subject = f"[PATCH] demo: I would do it so {self._token()}"
            author, diff = "Eve <eve@example.org>", self._diff()
            body = self._message(diff)
        sent = self._mail(
            -1, 0, author, subject, body, above, _START + timedelta(days=day, hours=3)
        )  # fmt: skip
        sent.diff = diff
        return sent

    def _mail(  # noqa: PLR0917
        self, posting: int, n: int, author: str, subject: str, body: str, above: Sent | None,
        when: datetime,
    ) -> Sent:  # fmt: skip
        headers = {
            "From": author,
            "To": "linux-demo@example.org, Other One <other@example.org>",
            "Subject": subject,
            "Date": format_datetime(when),
            "Message-ID": f"<{self._token()}-{n}@example.org>",
        }
        if above:
            headers["In-Reply-To"] = above.headers["Message-ID"]
            references = f"{above.headers.get('References', '')} {above.headers['Message-ID']}"
            headers["References"] = "\n ".join(references.split())
        return Sent(posting, n, headers, body)

    def _token(self) -> str:
        self.serial += 1
        return f"t{self.serial:05}"

    def _message(self, diff: str) -> str:
        chance = self.chance
        prose = chance.choice(
            ("Why.\n", "From: Real Writer <real@example.org>\n\nWhy, é.\n", "Why\n--\nnot.\n",
             "From time to time.\n>From there.\n\n> quoted\n", "")
        )  # fmt: skip
        cut = "---\n" if chance.random() < 0.9 else ""
        end = chance.choice(
            ("-- \n2.51.0\n\n", "-- \n2.51.0\n", "", "\nbase-commit: " + "a" * 40 + "\n")
        )
        return f"{prose}\nSigned-off-by: A <a@example.org>\n{cut}\n{diff}{end}"

    def _diff(self) -> str:
        """A diff as git writes it, that is like no other."""
        if self.seeds and self.chance.random() < 0.1:
            return self._file("kernel/seed.c") + self.chance.choice(self.seeds)
        first = self._file(self.chance.choice(("mm/a.c", "net/b.c", '"b/\\303\\251 x.c"')))
        return first + "".join(self._odd() for _ in range(self.chance.choice((0, 0, 1, 2))))

    def _file(self, name: str) -> str:
        chance, token = self.chance, self._token()
        quoted = name.startswith('"')
        old = name.replace('"b/', '"a/') if quoted else f"a/{name}"
        new = name if quoted else f"b/{name}"
        hunks, at = "", 1
        for k in range(chance.choice((1, 1, 2, 4))):
            kinds = [chance.choice(" -+") for _ in range(chance.randrange(3, 10))]
            lines = [f"{kind}{chance.choice(_LINES)}" for kind in kinds] + [f"+{token} {k}", " end"]
            before = sum(line[0] in " -" for line in lines)
            after = sum(line[0] in " +" for line in lines)
            hunks += f"@@ -{at},{before} +{at},{after} @@ f()\n" + "\n".join(lines) + "\n"
            at += 100
        if chance.random() < 0.1:
            hunks += "\\ No newline at end of file\n"
        return (
            f"diff --git {old} {new}\nindex 1111111..2222222 100644\n--- {old}\n+++ {new}\n{hunks}"
        )

    def _odd(self) -> str:
        token = self._token()
        moved = f"similarity index 100%\nrename from {token}\nrename to x{token}\n"
        binary = "GIT binary patch\nliteral 5\nMcmZQzWMT#Y01f~L\n\nliteral 0\nHcmV?d00001\n\n"
        same = f"diff --git a/{token} b/{token}\n"
        return self.chance.choice(
            (
                f"{same}old mode 100644\nnew mode 100755\n",
                f"diff --git a/{token} b/x{token}\n{moved}",
                f"{same}new file mode 100644\nindex 0000000..e69de29\n",
                f"{same}index 1111111..2222222 100644\n{binary}",
            )
        )

    # --- what happens to them ---

    def _arrive(self, postings: list[Truth], mails: list[Sent], *, mangle: bool) -> Thread:
        chance = self.chance
        arrived: list[bytes] = []
        accidents = mangle and chance.random() < 0.5
        for mail in mails:
            if accidents and chance.random() < 0.08:
                mail.whole = False
                continue
            if accidents:
                self._strip(mail)
            copies = 2 if mangle and chance.random() < 0.1 else 1
            for copy in range(copies):
                raw = (
                    self._rendered(mail, again=copy > 0)
                    if mangle
                    else _plain(mail.headers, mail.body)
                )
                if accidents and chance.random() < 0.08:
                    raw = self._break(mail, raw)
                arrived.append(raw)
        if mangle and chance.random() < 0.5:
            chance.shuffle(arrived)
        return Thread(postings, arrived, [m for m in mails if m.posting < 0])

    def _strip(self, mail: Sent) -> None:
        if self.chance.random() < 0.1:
            name = self.chance.choice(
                ("In-Reply-To", "References", "both", "Date", "Message-ID", "From", "Subject")
            )
            mail.whole = mail.whole and name in {"References", "In-Reply-To"}
            for gone in ("In-Reply-To", "References") if name == "both" else (name,):
                mail.headers.pop(gone, None)

    def _rendered(self, mail: Sent, *, again: bool) -> bytes:
        """MAIL as one list or mailer sends it on; all of this can be undone."""
        chance = self.chance
        headers, body = dict(mail.headers), mail.body
        if again or chance.random() < 0.1:
            headers = {"Received": f"by list {self._token()}"} | headers
            if "Subject" in headers:
                headers["Subject"] = chance.choice(("[linux-demo] ", "")) + headers["Subject"]
        if "Subject" in headers:
            headers["Subject"] = self._subject_header(headers["Subject"])
        if "From" in headers and not headers["From"].isascii() and chance.random() < 0.7:
            name, _, address = headers["From"].partition(" <")
            headers["From"] = f"{Header(name, 'utf-8').encode()} <{address}"
        raw = self._encoded(headers, body)
        return raw.replace(b"\n", b"\r\n") if chance.random() < 0.1 else raw

    def _subject_header(self, subject: str) -> str:
        kind = self.chance.randrange(8)
        if kind == 0:
            return subject.replace(" ", "\n ", self.chance.choice((1, 2, 3)))
        if kind == 1:
            return str(Header(subject, "utf-8").encode())
        if kind == 2:
            prefix, _, title = subject.rpartition("] ")
            return f"=?iso-8859-1?q?{prefix.replace(' ', '_')}=5D?= {title}"
        return subject

    def _encoded(self, headers: dict[str, str], body: str) -> bytes:  # noqa: C901, PLR0911 (a list)
        chance = self.chance
        kind = chance.choice(
            ("plain",) * 4 + ("base64", "qp", "latin1", "unknown", "attached", "inline", "mixed",
             "footer", "base64 footer", "html too", "utf-16", "flowed", "gb18030", "mislabelled")
        )  # fmt: skip
        text, tail = body.encode(), _FOOTER
        plain = headers | {"MIME-Version": "1.0"}

        def typed(said: str, encoding: str, content: bytes) -> bytes:
            more = {"Content-Type": said, "Content-Transfer-Encoding": encoding}
            return _bytes(plain | more, content)

        if kind in {"base64", "base64 footer"}:
            coded = base64.encodebytes(
                text if chance.random() < 0.5 else text.replace(b"\n", b"\r\n")
            )
            return typed(
                "text/plain; charset=UTF-8", "base64", coded + (b"\n" + tail) * (" " in kind)
            )
        if kind == "qp":
            return typed("text/plain; charset=UTF-8", "quoted-printable", quopri.encodestring(text))
        if kind == "utf-16":
            coded = base64.encodebytes(body.encode("utf-16"))
            return typed("text/plain; charset=utf-16", "base64", coded)
        if kind == "gb18030":
            coded = base64.encodebytes(body.encode("gb18030"))
            return typed("text/plain; charset=gb18030", "base64", coded)
        if kind == "latin1" and all(ord(c) < 256 for c in body):
            return typed("text/plain; charset=iso-8859-1", "8bit", body.encode("latin-1"))
        if kind in {"unknown", "mislabelled"}:
            charset = (
                "x-unknown" if kind == "unknown" else chance.choice(("us-ascii", "iso-8859-1"))
            )
            return typed(f"text/plain; charset={charset}", "8bit", text)
        if kind == "footer":
            return _bytes(plain, text + b"\n" + tail)
        if kind == "flowed" and (flowed := _flowed(body)):
            return typed("text/plain; charset=utf-8; format=flowed", "8bit", flowed.encode())
        if kind in {"attached", "inline", "mixed", "html too"}:
            return self._multipart(kind, plain, text, tail)
        return _bytes(headers, text)

    def _multipart(self, kind: str, headers: dict[str, str], text: bytes, tail: bytes) -> bytes:
        bound = f"=-{self._token()}"
        note = b"Content-Type: text/plain; charset=utf-8\n\n"
        patch = b'Content-Type: text/x-patch; name="0001-a.patch"\n' + (
            b"Content-Disposition: inline\n\n" if kind == "inline" else
            b'Content-Disposition: attachment; filename="0001-a.patch"\n\n'
        )  # fmt: skip
        parts = {
            "attached": (note + b"See there.\n", patch + text),
            "inline": (patch + text,),
            "mixed": (note + text, note + tail),
            "html too": (note + text, b"Content-Type: text/html\n\n<pre>" + text + b"</pre>\n"),
        }[kind]
        said = "multipart/alternative" if kind == "html too" else "multipart/mixed"
        body = b"".join(b"--%b\n%b\n" % (bound.encode(), part) for part in parts)
        content = body + b"--%b--\n" % bound.encode()
        return _bytes(headers | {"Content-Type": f'{said}; boundary="{bound}"'}, content)

    def _break(self, mail: Sent, raw: bytes) -> bytes:
        """What cannot be undone, and often not be seen."""
        mail.whole = False
        mail.lost = True
        kind = self.chance.choice(("flip", "cut", "boundary", "gone", "twice"))
        at = self.chance.randrange(len(raw) or 1)
        if kind == "flip":
            return raw[:at] + bytes([raw[at] ^ (1 << self.chance.randrange(8))]) + raw[at + 1 :]
        if kind == "cut":
            return raw[:at]
        if kind == "boundary":
            return raw.replace(b"boundary=", b"boundary=x", 1)
        if kind == "gone":
            return raw[:at] + raw[at + self.chance.randrange(200) :]
        return raw[:at] + raw[max(0, at - 100) :]


def _plain(headers: dict[str, str], body: str) -> bytes:
    return _bytes(headers, body.encode())


def _bytes(headers: dict[str, str], body: bytes) -> bytes:
    return "".join(f"{k}: {v}\n" for k, v in headers.items()).encode() + b"\n" + body


def _flowed(body: str) -> str:
    """BODY with format=flowed; "" if its blanks do not allow that."""
    lines = []
    for line in body.split("\n"):
        if line.endswith(" ") and line != "-- ":
            return ""
        text = f" {line}" if line[:1] in {" ", ">"} or line.startswith("From ") else line
        while len(text) > 78 and " " in text[40:78]:
            at = text.rindex(" ", 40, 78) + 1
            lines.append(text[:at])
            text = text[at:]
            text = f" {text}" if text[:1] in {" ", ">"} or text.startswith("From ") else text
        lines.append(text)
    return "\n".join(lines)


def as_mbox(raws: Iterable[bytes]) -> bytes:
    """RAWS as an mboxrd."""
    return b"\n".join(mbox.quote(raw) for raw in raws)
