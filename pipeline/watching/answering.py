# SPDX-License-Identifier: GPL-2.0-or-later
"""A verdict becomes an answer on its thread, or none; and who else is told of it.

Every step may be done again: the answer's Message-ID follows from the run, and what Patchwork
has is not posted twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.lists.config import MailList
from pipeline.lists.guards import why_not
from pipeline.model import InfraError, InputError, Verdict
from pipeline.outbox.compose import compose
from pipeline.publish import publish
from pipeline.report.addressing import answered
from pipeline.settings import Settings
from pipeline.store import Store, Submission
from pipeline.watching.kin import verdict_before

#: Patchwork or KCIDB may be away for so long; then they are not told.
_TELL_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Answering:
    """What answering has to do with."""

    settings: Settings
    store: Store
    now: float
    say: Callable[[str], None]

    def answer(self, mail_list: MailList, submission: Submission, verdict: Verdict) -> None:
        """Put the answer to SUBMISSION that VERDICT is into the outbox, and end it."""
        silent = self._why_silent(mail_list, submission, verdict)
        if not silent:
            earlier = verdict_before(self.store, submission.author, verdict.series)
            sender = self.settings.sender
            self.store.post(compose(verdict, mail_list, sender, self.now, earlier=earlier))
        if not self._told(submission, verdict):
            return
        if self.store.move(submission, replace(submission, state="done", reason=silent)):
            said = silent or "its answer is in the outbox"
            self.say(f"{submission.list}: {submission.subject!r} is {verdict.outcome}: {said}")

    def _told(self, submission: Submission, verdict: Verdict) -> bool:
        """Whether Patchwork and KCIDB know, or are given up."""
        try:
            publish(self.settings, self.store, verdict, self.say)
        except (InfraError, InputError) as error:
            give_up = self.now > submission.created_at + verdict.seconds + _TELL_S
            self.say(f"{submission.run}: {error} It is tried {'no more' if give_up else 'again'}.")
            return give_up
        return True

    def _why_silent(self, mail_list: MailList, submission: Submission, verdict: Verdict) -> str:
        """Why nobody is answered; "" if somebody is. Who asked for a run wants to hear of it."""
        if verdict.outcome not in mail_list.answers and not submission.asked.by:
            return f"{mail_list.name} is not told of {verdict.outcome}"
        letter = answered(verdict)
        stored = self.store.mail(letter.message_id)
        if stored is None:
            return f"<{letter.message_id}> is not here any more"
        return why_not(stored.raw, self.settings.sender)
