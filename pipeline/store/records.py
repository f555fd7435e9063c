# SPDX-License-Identifier: GPL-2.0-or-later
"""What the store takes and gives. Times are in seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from pydantic import ValidationError

from pipeline.codec import loads
from pipeline.model import Case, InfraError, Job, JobResult, Plan

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Options:
    """How a run was asked to be done; the same for all of its jobs."""

    runtime: str = "bubblewrap"
    use_cache: bool = True
    jobs: int = 1
    cores: int = 1
    cache_bytes: int = 0  # how much may be kept; 0: as each worker's machine is set up


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as it was planned. OWNER is the coordinating process (`pipeline.engine.owner`)."""

    run: str
    created_at: float
    options: Options
    plan: Plan
    case: Case
    owner: str = ""


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list."""

    run: str
    created_at: float
    subject: str
    outcome: str  # "" while it runs
    owner: str
    seen_at: float | None = None  # when its coordinator said that it lives; None: never


@dataclass(frozen=True, slots=True)
class JobRow:
    """Where a job stands. STATE is "waiting", "queued", "running" or "done".

    ATTEMPT counts from 1 and grows whenever the job is taken back from a worker that was
    lost; SENDS counts messages sent for this attempt.
    """

    job: Job
    state: str = "waiting"
    attempt: int = 1
    sends: int = 0
    queued_at: float | None = None  # first message of this attempt
    sent_at: float | None = None  # latest message of this attempt
    started_at: float | None = None
    lease_until: float | None = None
    worker: str = ""
    doing: str = ""
    result: JobResult | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A job that a worker does."""

    worker: str
    run: str
    job: str  # its id
    doing: str
    started_at: float


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A worker process that lives, or did when it was seen last."""

    worker: str  # "host:pid"
    host: str
    queues: tuple[str, ...]
    started_at: float
    cores: int
    runtime: str
    version: str
    seen_at: float = 0.0  # the store writes it


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A mail that gave commands, and what it was answered."""

    message_id: str
    submission: str  # the Message-ID of the series' first mail
    given_by: str  # an address in small letters
    text: str  # the commands, one a line
    answer: str  # what was answered; "" if nothing
    refused: bool
    created_at: float


@dataclass(frozen=True, slots=True)
class KnownLine:
    """A finding that is nobody's news until EXPIRES_AT."""

    fingerprint: str  # `pipeline.fingerprint`
    source: str  # `pipeline.fingerprint.particulars`: the source line that a tool shows, or figures
    target: str
    check: str
    summary: str
    link: str  # where more can be read: a URL, or the run in which base had it
    said_by: str  # an address; SEEN_ON_BASE if nobody said so
    made_at: float
    expires_at: float


#: Who said that a finding is known where a base has it.
SEEN_ON_BASE = "base"


class MailState(StrEnum):
    """How far a mail of ours is."""

    HELD = "held"  # until somebody approves it
    READY = "ready"  # to be sent, or written, once it is due
    CLAIMED = "claimed"  # by a sender, which has handed over nothing yet
    HANDING = "handing"  # a server may have it from here on
    SENT = "sent"
    WRITTEN = "written"  # to a folder
    PARKED = "parked"  # refused, or nobody knows whether a server took it: for people to decide
    DROPPED = "dropped"  # by people


@dataclass(frozen=True, slots=True)
class OutMail:
    """A mail of ours, and how far it is. MESSAGE_ID is without its angle brackets."""

    message_id: str
    run: str  # "" if it is about none
    list_name: str
    mode: str  # how it is to go (`pipeline.lists.config.Mode`)
    author: str  # the address of whom it answers
    subject: str
    recipients: tuple[str, ...]  # addresses that it has yet to go to
    message: bytes  # RFC 5322, with LF line ends; b"" in lists
    state: MailState
    due_at: float  # not before; of a claim, when it ends
    created_at: float
    tries: int = 0
    claimed_by: str = ""  # the process that took it last (`pipeline.owner`)
    said: str = ""  # by the server, or why it is where it is
    tried_at: float | None = None  # when it was taken first
    ended_at: float | None = None


def read(kind: type[T], text: str, run: str) -> T:
    """The KIND that TEXT, stored for RUN, holds."""
    try:
        return loads(kind, text)
    except ValidationError as error:
        raise InfraError(
            f"The run {run} was stored by another version of crosscheck: use the same version"
            " everywhere, also for workers."
        ) from error


@dataclass(frozen=True, slots=True)
class Incoming:
    """A mail to be stored. REFERENCES are what it answers, oldest first; no ids in brackets."""

    message_id: str
    references: tuple[str, ...]
    list: str
    author: str  # the bare address, in lower case
    raw: bytes


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A mail of a thread."""

    message_id: str
    thread: str
    list: str
    arrived_at: float
    raw: bytes


@dataclass(frozen=True, slots=True)
class SourceLine:
    """How far a source of mail was read."""

    source: str
    position: str
    read_at: float
    error: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asked for besides what the list asks for."""

    by: str = ""  # an address; who asks is answered, whatever comes out
    mail: str = ""  # the Message-ID of the mail that asked
    arch: tuple[str, ...] = ()
    tree: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """A series that was posted, by the MESSAGE_ID of its first mail.

    STATE is "waiting" (for the rest of its mails, until DUE_AT), "ready", "running" (as RUN,
    begun for the STARTSth time), "done", "left" (alone, for the REASON), "superseded" or
    "stopped".
    """

    message_id: str
    list: str
    thread: str
    subject: str
    author: str  # the bare address, in lower case
    version: int
    state: str
    due_at: float
    created_at: float
    reason: str = ""
    run: str = ""
    asked: Asked = Asked()
    starts: int = 0
