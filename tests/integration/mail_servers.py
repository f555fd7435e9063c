# SPDX-License-Identifier: GPL-2.0-or-later
"""A real mail server (aiosmtpd) on loopback, which goes wrong where a test wants it to.

What it takes it writes to files, each whole, so that whoever else dies changes nothing of it.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import ssl
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from tests.conftest import missing

#: Where it can go wrong, in the order of a session: `data` is before the server says to go on,
#: `text` while the text comes, `dot` once it has come and is thrown away, `taken` once it is kept.
STAGES = ("connect", "ehlo", "auth", "mail", "rcpt", "data", "text", "dot", "taken")
#: What it can do there besides an answer: be gone, or take its time (it answers well in the end).
DROP, SLOW = "drop", "slow"

USER, PASSWORD = "crosscheck", "s3same:p@ss/w%rd"


@dataclass(frozen=True)
class Delivery:
    """A mail that was taken."""

    sender: str
    recipients: tuple[str, ...]
    message: bytes  # with CRLF line ends
    user: str  # who had logged in
    tls: bool


class _Smtp(SMTP):
    """aiosmtpd's, which asks WRONG (a stage, and the argument there) before each step."""

    wrong: Callable[[str, str], str]

    async def _is_wrong(self, stage: str, argument: str = "") -> bool:
        what = self.wrong(stage, argument)
        if what == SLOW:
            await asyncio.sleep(0.2)
            return False
        if what == DROP:
            self.transport.abort()
        elif what:
            await self.push(what)
        return bool(what)

    def connection_made(self, transport):
        super().connection_made(transport)
        if self.wrong("connect", "") == DROP:
            transport.abort()

    async def smtp_EHLO(self, hostname):  # noqa: N802
        if not await self._is_wrong("ehlo", hostname):
            await super().smtp_EHLO(hostname)

    async def smtp_AUTH(self, arg):  # noqa: N802
        if not await self._is_wrong("auth"):
            await super().smtp_AUTH(arg)

    async def smtp_MAIL(self, arg):  # noqa: N802
        if not await self._is_wrong("mail", arg):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg):  # noqa: N802
        if not await self._is_wrong("rcpt", arg):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg):  # noqa: N802
        if await self._is_wrong("data"):
            return
        if self.wrong("text", "") == DROP:
            await self.push("354 go on")
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


@dataclass
class MailServer:
    """One that writes to ROOT; WRONG says what it does at a stage, "" being nothing special."""

    root: Path
    address: str = "127.0.0.1"
    certificate: tuple[Path, Path] | None = None  # offers STARTTLS
    tls: bool = False  # from the first byte
    login: bool = False  # wants USER and PASSWORD
    eight_bit: bool = True
    wrong: Callable[[str, str], str] = lambda _stage, _argument: ""
    port: int = 0
    commands: list[tuple[str, str]] = field(default_factory=list)
    _controller: Controller | None = None
    _listens: bool = False

    def start(self) -> None:
        """Listen, on the same port as before if it did."""
        self.root.mkdir(parents=True, exist_ok=True)
        context = None
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
        server = self

        class Listening(Controller):
            def factory(self):
                smtp = _Smtp(
                    server,
                    hostname="mail.test",
                    tls_context=None if server.tls else context,
                    require_starttls=bool(context) and not server.tls,
                    authenticator=server._authenticate,
                    auth_required=server.login,
                    auth_require_tls=bool(context) and not server.tls,
                    decode_data=not server.eight_bit,
                )
                smtp.wrong = server._ask
                return smtp

        self.port = self.port or _free_port(self.address)
        self._controller = Listening(
            self, hostname=self.address, port=self.port, ssl_context=context if self.tls else None
        )
        self._controller.start()  # which visits it once
        self._listens = True

    def stop(self) -> None:
        """Be gone."""
        if self._controller:
            self._controller.stop()
            self._controller, self._listens = None, False

    def url(self, password: str = "") -> str:
        """What CROSSCHECK_SMTP_URL is to be; with a PASSWORD as it stands in a URL."""
        who = f"{USER}:{password}@" if password else ""
        return f"smtp{'s' if self.tls else ''}://{who}{self.address}:{self.port}"

    def deliveries(self) -> list[Delivery]:
        """What it took, in no order."""
        found = [json.loads(file.read_text()) for file in self.root.glob("*.json")]
        return [
            Delivery(
                each["sender"],
                tuple(each["recipients"]),
                each["message"].encode("latin-1"),
                each["user"],
                each["tls"],
            )
            for each in found
        ]

    def _ask(self, stage: str, argument: str) -> str:
        if not self._listens:
            return ""
        self.commands.append((stage, argument))
        return self.wrong(stage, argument)

    def _authenticate(self, _server, _session, _envelope, _mechanism, data) -> AuthResult:
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=good, handled=False, auth_data=USER)

    async def handle_DATA(self, server: _Smtp, session, envelope: Envelope) -> str:  # noqa: N802
        """Keep it, or not."""
        what = self._ask("dot", "")
        if what == DROP:
            server.transport.abort()
        if what not in ("", SLOW):
            return what
        message = envelope.original_content or b""
        name = uuid.uuid4().hex
        part = self.root / f".{name}"
        part.write_text(
            json.dumps(
                {
                    "sender": envelope.mail_from,
                    "recipients": envelope.rcpt_tos,
                    "message": message.decode("latin-1"),
                    "user": session.auth_data or "",
                    "tls": session.ssl is not None or self.tls,
                }
            )
        )
        part.replace(self.root / f"{name}.json")
        what = self._ask("taken", "")
        if what == SLOW:
            await asyncio.sleep(0.2)
        if what == DROP:
            server.transport.abort()
        return "250 2.0.0 taken" if what in ("", SLOW, DROP) else what


def _free_port(address: str) -> int:
    with socket.create_server((address, 0)) as listening:
        return listening.getsockname()[1]


def certificate(directory: Path, address: str) -> tuple[Path, Path]:
    """A certificate for ADDRESS that nobody vouches for, and its key."""
    if shutil.which("openssl") is None:
        missing("openssl")
    chain, key = directory / "mail.pem", directory / "mail.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=mail.test",
         "-addext", f"subjectAltName=IP:{address}", "-out", chain, "-keyout", key],
        check=True, capture_output=True,
    )  # fmt: skip
    return chain, key
