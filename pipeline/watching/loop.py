# SPDX-License-Identifier: GPL-2.0-or-later
"""Looks after lists until it is stopped: what came in is started, what is ready is answered.

All that it decides stands in the database, and every step may be done again: whoever is killed
goes on where it was.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace

from pipeline.lists.config import MailList
from pipeline.model import CrosscheckError, InputError, Outcome, Series
from pipeline.outbox.deliver import deliver
from pipeline.running import new_name
from pipeline.series.mail import Mail
from pipeline.series.threads import Posted, postings_in
from pipeline.settings import Settings
from pipeline.store import Store, Submission
from pipeline.watching.answering import Answering
from pipeline.watching.children import Children
from pipeline.watching.commanding import Addressed, Heeding
from pipeline.watching.kin import ThreadMail, kin, older_versions, series_of
from pipeline.watching.proving import may_replace
from pipeline.watching.submitting import Move, list_of, move_of, overdue, superseded

_log = logging.getLogger(__name__)

#: A run is begun so often; and how long it may take until it stands in the database.
_STARTS = 3
_INTAKE_S = 1800.0
#: Before a run that ended in a fault of ours is tried again.
_AGAIN_S = 600.0


@dataclass
class Loop:
    """What is looked after, and with what."""

    settings: Settings
    store: Store
    lists: tuple[MailList, ...]
    children: Children
    clock: Callable[[], float]
    say: Callable[[str], None]

    def look_at(self, thread: str) -> None:
        """Start, and heed, what the mails of THREAD ask for, whatever they are."""
        try:
            self._look_at(thread)
        except CrosscheckError:
            raise
        except Exception:  # noqa: BLE001 (of mails that nobody thought of)
            _log.exception("the thread of <%s> is left alone, by a fault of ours", thread)

    def _look_at(self, thread: str) -> None:
        mails = kin(self.store, thread)
        posted = postings_in(each.mail for each in mails)
        here = {each.stored.message_id for each in mails if each.stored.thread == thread}
        for each in posted:
            if each.ids & here:  # others that their author sent meanwhile have threads of their own
                self._submit(each, thread, mails)
        Heeding(self.settings, self.store, self.clock(), self.say).all(
            mails, lambda mail: self._about(mail, thread, posted)
        )

    def _submit(self, posted: Posted, thread: str, mails: tuple[ThreadMail, ...]) -> None:
        own = [each for each in mails if each.stored.message_id in posted.ids]
        if not own:
            return
        mail_list = list_of(own[0].mail.letter, self.lists, own[0].stored.list)
        if mail_list is None:
            return
        there = {e.message_id: e for e in self.store.earlier(posted.author)}
        there |= {e.message_id: e for e in self.store.submissions_of(thread)}
        move = move_of(posted, there.values(), thread=thread, mail_list=mail_list, now=self.clock())
        if move is not None:
            self._carry_out(move, posted.series)

    def _about(self, mail: Mail, thread: str, posted: Iterable[Posted]) -> Addressed | None:
        """The submission that MAIL answers: the nearest above it, else the latest of THREAD."""
        there = self.store.submissions_of(thread)
        own = {i: each for each in posted for i in each.ids}
        above = [own[i] for i in reversed(mail.letter.references) if i in own]
        ids = above[0].ids if above else frozenset[str]()
        found = next((e for e in there if e.message_id in ids), there[-1] if there else None)
        series = series_of(self.store, found) if found else None
        mail_list = self._list_of(found) if found else None
        if found is None or series is None or mail_list is None:
            return None
        return Addressed(found, series, mail_list)

    def _list_of(self, submission: Submission) -> MailList | None:
        """The list that SUBMISSION is of, if it is still watched."""
        return next((each for each in self.lists if each.name == submission.list), None)

    def _carry_out(self, move: Move, series: Series | None = None) -> None:
        new = move.new
        done = self.store.move(move.old, new) if move.old else self.store.submit(new)
        if not done:
            return
        why = f": {new.reason}" if new.reason else ""
        self.say(f"{new.list}: {new.subject!r} of {new.author} is {new.state}{why}")
        if new.state == "ready" and series is not None:
            self._supersede(new, series)

    def _supersede(self, new: Submission, series: Series) -> None:
        older = older_versions(self.store, new.author, series)
        for each in superseded(older, new.version):
            if may_replace(self.settings, self.store, each.new, new):
                self._carry_out(each)
            else:
                self.say(
                    f"{new.list}: version {new.version} of {new.author} ends no run of version"
                    f" {each.new.version}: nobody vouches for its sender, as for that one's"
                )

    def tick(self) -> None:
        """Do what is due by itself."""
        now = self.clock()
        for move in overdue(self.store.submissions(("waiting",)), now):
            self._carry_out(move)
        ended = self.children.ended()
        running = self.store.submissions(("running",))
        wanted = {(each.message_id, each.run) for each in running}
        for message_id, run in self.children.runs() - wanted:
            self.children.stop(message_id, run)
        for each in running:
            self._look_after(each, now, ended=(each.message_id, each.run) in ended)
        busy = {message_id for message_id, _ in self.children.runs()}
        for each in self.store.submissions(("ready",)):
            if self.children.free() and each.due_at <= now and each.message_id not in busy:
                self._start(each, now)
        with suppress(InputError):  # said when the watch began
            deliver(self.settings, self.store, self.lists, self.clock, self.say)

    def _start(self, submission: Submission, now: float) -> None:
        begun = replace(
            submission,
            state="running",
            run=new_name(now),
            starts=submission.starts + 1,
            due_at=now + _INTAKE_S,
        )
        if self.store.move(submission, begun):
            self.say(f"{begun.list}: {begun.subject!r} of {begun.author} runs as {begun.run}")
            self.children.start(begun.message_id, begun.run)

    def _look_after(self, submission: Submission, now: float, *, ended: bool) -> None:
        verdict = self.store.verdict(submission.run)
        if verdict is None:
            if (ended or now > submission.due_at) and self.store.run(submission.run) is None:
                self._again(submission, now, "it did not begin")
        elif verdict.outcome is Outcome.ERROR and submission.starts < _STARTS:
            self._again(submission, now, "it ended in a fault of ours")
        else:
            mail_list = self._list_of(submission)
            if mail_list is None:
                left = replace(submission, state="left", reason="its list is watched no more")
                self._carry_out(Move(submission, left))
                return
            answering = Answering(self.settings, self.store, now, self.say)
            answering.answer(mail_list, submission, verdict)

    def _again(self, submission: Submission, now: float, why: str) -> None:
        log = self.children.log(submission.run)
        if submission.starts < _STARTS:
            new = replace(
                submission, state="ready", due_at=now + _AGAIN_S, reason=f"{why}: see {log}"
            )
        else:
            new = replace(submission, state="left", reason=f"{why}, {_STARTS} times: see {log}")
        self._carry_out(Move(submission, new))

    def end(self) -> None:
        """Stop what runs here; it is begun anew by whoever watches next."""
        stopped = {run for _, run in self.children.runs()}
        self.children.stop_all()
        for each in self.store.submissions(("running",)):
            if each.run in stopped:
                again = replace(each, state="ready", starts=each.starts - 1, due_at=self.clock())
                self.store.move(each, again)
