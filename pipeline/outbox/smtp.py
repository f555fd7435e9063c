# SPDX-License-Identifier: GPL-2.0-or-later
"""How is a mail handed to the server, and does the server have it now?

RFC 5321. Until the last byte of the text is sent, no server has the mail; once it has answered
that, both know. In between nobody knows: such a mail is never sent again by itself.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import unquote, urlsplit

from pipeline.model import InfraError, InputError
from pipeline.report.wording import clipped, one_line
from pipeline.store.records import OutMail

#: RFC 5321 4.5.3.2: five minutes for most answers, ten for the one to the whole text.
_TIMEOUT_S = 300.0
_TEXT_TIMEOUT_S = 600.0
_SAID_COLUMNS = 300
_HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Server:
    """Where mails are handed over. Without USER nobody logs in."""

    host: str
    port: int
    tls: bool  # from the first byte; else STARTTLS where it is offered
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """As people may see it."""
        return f"{self.host}:{self.port}"


class Came(StrEnum):
    """What came of handing over a mail."""

    TAKEN = "taken"  # by the server, for those that it did not refuse
    LATER = "later"  # not now, perhaps later
    REFUSED = "refused"  # never
    UNSURE = "unsure"  # nobody knows
    TOO_LATE = "too late"  # nothing was done: the claim was given up


@dataclass(frozen=True, slots=True)
class Given:
    """What came of it, what the server SAID, and who is LEFT and may get it later."""

    came: Came
    said: str = ""
    left: tuple[str, ...] = ()


class UnreachableError(InfraError):
    """The server takes no mails at all just now."""


class _TooLateError(Exception):
    pass


def server(url: str) -> Server:
    """The server that URL names: smtp://user:password@host:port, or smtps. Raises InputError."""
    wrong = InputError(
        "CROSSCHECK_SMTP_URL is no address of a mail server: write it as"
        " smtp://user:password@host:587 or smtps://user:password@host, and"
        " @, :, / and % in its names as %40, %3A, %2F and %25."
    )
    try:
        parts = urlsplit(url)
        port = parts.port
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
    except ValueError:
        raise wrong from None  # without what was said of it, which has the password
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/"):
        raise wrong
    if parts.query or parts.fragment or (password and not user):
        raise wrong
    tls = parts.scheme == "smtps"
    return Server(parts.hostname, port or (465 if tls else 587), tls, user, password)


class _Session(smtplib.SMTP):
    """A connection that knows how far it is with the one mail that goes through it."""

    def __init__(self, **options: Any) -> None:
        self.begin: Callable[[], bool] = lambda: False
        self.refused: dict[str, tuple[int, bytes]] = {}
        self.text_sent = False
        self.answer: tuple[int, bytes] | None = None
        super().__init__(timeout=_TIMEOUT_S, **options)

    def rcpt(self, recip: str, options: Any = ()) -> tuple[int, bytes]:
        """As smtplib's; who is refused is noted."""
        code, said = super().rcpt(recip, options)
        if code not in (250, 251):
            self.refused[recip] = code, said
        return code, said

    def data(self, msg: Any) -> tuple[int, bytes]:
        """As smtplib's, once everybody may know that it begins."""
        if not self.begin():
            raise _TooLateError
        if self.sock is not None:
            self.sock.settimeout(_TEXT_TIMEOUT_S)
        self.answer = super().data(msg)
        return self.answer

    def send(self, s: Any) -> None:
        """As smtplib's, which sends commands as str and the text, to its final dot, as bytes."""
        super().send(s)
        self.text_sent = self.text_sent or isinstance(s, bytes)


class _TlsSession(_Session, smtplib.SMTP_SSL):
    pass


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return clipped(one_line(f"{code} {words}"), _SAID_COLUMNS)


def _error(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _said(error.smtp_code, error.smtp_error)
    return clipped(one_line(str(error)), _SAID_COLUMNS).removesuffix(".") or type(error).__name__


def _log_in(session: _Session, to: Server) -> None:
    """Make SESSION a safe one, and say who we are. Raises OSError, as smtplib does for all."""
    session.ehlo_or_helo_if_needed()
    near = to.host in _HERE
    if not to.tls and not near and session.has_extn("starttls"):
        session.starttls(context=ssl.create_default_context())
        session.ehlo()
    elif not to.tls and not near and to.password:
        raise smtplib.SMTPNotSupportedError("it offers no STARTTLS, and gets no password without")
    if to.user:
        session.login(to.user, to.password)


@contextmanager
def connected(to: Server) -> Iterator[_Session]:
    """A session with the server TO, for one mail. Raises UnreachableError."""
    session: _Session | None = None
    try:
        if to.tls:
            context = ssl.create_default_context()
            session = _TlsSession(host=to.host, port=to.port, context=context)
        else:
            session = _Session(host=to.host, port=to.port)
        _log_in(session, to)
    except (OSError, UnicodeError) as error:  # UnicodeError: a name that no host can have
        if session:
            session.close()
        raise UnreachableError(
            f"The mail server {to.shown} takes nothing from us ({_error(error)}): see that"
            " CROSSCHECK_SMTP_URL is right and that it runs."
        ) from error
    try:
        yield session
    except BaseException:
        session.close()
        raise
    with suppress(OSError):
        session.quit()
    session.close()


def give(session: _Session, mail: OutMail, sender: str, begin: Callable[[], bool]) -> Given:
    """Hand MAIL over, whose bounces go to the address SENDER.

    BEGIN is called before the server may have it; if it says no, nothing is sent.
    """
    text = mail.message.replace(b"\n", b"\r\n")
    options = () if text.isascii() else ("BODY=8BITMIME",)
    if options and not session.has_extn("8bitmime"):
        return Given(Came.REFUSED, "the server takes no 8-bit text (8BITMIME)", mail.recipients)
    session.begin = begin
    fault: Exception | None = None
    try:
        # send_message() would make `>From ` of `From `.
        session.sendmail(sender, mail.recipients, text, mail_options=options)
    except _TooLateError:
        return Given(Came.TOO_LATE)
    except (OSError, ValueError) as error:  # ValueError: an address that no server could read
        fault = error
    return _came(session, mail, fault)


def _came(session: _Session, mail: OutMail, fault: Exception | None) -> Given:
    refusals = [f"{who}: {_said(*why)}" for who, why in session.refused.items()]
    said = "; ".join([_error(fault), *refusals] if fault else refusals)
    never = {who for who, (code, _) in session.refused.items() if code >= 500}
    later = tuple(who for who in session.refused if who not in never)
    some = tuple(who for who in mail.recipients if who not in never)
    if session.text_sent:
        if session.answer is None:
            return Given(Came.UNSURE, said, some)
        code, text = session.answer
        if code // 100 == 2:
            return Given(Came.TAKEN, "; ".join([_said(code, text), *refusals]), later)
        came = {4: Came.LATER, 5: Came.REFUSED}.get(code // 100, Came.UNSURE)
        return Given(came, "; ".join([_said(code, text), *refusals]), some)
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        left = later if len(session.refused) == len(mail.recipients) else some
        return Given(Came.LATER if left else Came.REFUSED, "; ".join(refusals), left)
    for_good = isinstance(fault, ValueError) or (
        isinstance(fault, smtplib.SMTPResponseException) and fault.smtp_code >= 500
    )
    return Given(Came.REFUSED if for_good else Came.LATER, said, some)
