# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands in the mails of a thread are carried out, each mail once, and answered.

The mail is noted when all is done: who is killed before does it again, which comes to the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from pipeline.known import said_unrelated
from pipeline.lists.authority import Heeded, Ignored, Refused, Thread, author_of, decide
from pipeline.lists.commands import Command, OnBase, Rerun, Retest, Stop, Unrelated, given
from pipeline.lists.config import MailList
from pipeline.lists.guards import why_not
from pipeline.lists.maintainers import responsible, sections
from pipeline.matrix import load as load_matrix
from pipeline.model import InfraError, InputError, Series
from pipeline.outbox.compose import audience, out_mail
from pipeline.report.answer import Done, to_answer, to_refusal
from pipeline.report.wording import listed
from pipeline.series.mail import Mail
from pipeline.settings import Settings
from pipeline.store import Asked, CommandLine, Store, Submission
from pipeline.trees.base import is_revision
from pipeline.trees.grep import read_text
from pipeline.watching.kin import ThreadMail
from pipeline.watching.proving import proved


@dataclass(frozen=True, slots=True)
class Addressed:
    """What a mail's commands are about: a series that was submitted, of a list."""

    submission: Submission
    series: Series
    mail_list: MailList


@dataclass(frozen=True, slots=True)
class Heeding:
    """What carrying out commands has to do with."""

    settings: Settings
    store: Store
    now: float
    say: Callable[[str], None]

    def all(self, mails: Iterable[ThreadMail], about: Callable[[Mail], Addressed | None]) -> None:
        """Carry out what MAILS ask for; ABOUT says which series a mail answers."""
        asking = [(each, found) for each in mails if (found := given(each.mail.text))]
        noted = self.store.commands_in(each.stored.message_id for each, _ in asking)
        for each, commands in asking:
            if each.stored.message_id in noted:
                continue
            if why_not(each.stored.raw, self.settings.sender):
                continue
            if addressed := about(each.mail):
                self._heed(each, commands, addressed)

    def _heed(self, came: ThreadMail, commands: tuple[Command, ...], about: Addressed) -> None:
        mail, raw = came.mail, came.stored.raw
        settings, sender = self.settings, self.settings.sender
        thread = Thread(
            author=author_of(about.series),
            responsible=self._responsible(about.submission),
            refused=self.store.refused(about.submission.message_id),
        )
        vouched = proved(settings, raw)
        decision = decide(vouched, commands, thread, about.mail_list)
        name = f"{about.mail_list.name}: commands of {vouched.address or 'nobody'}"
        reply = None
        match decision:
            case Heeded():
                self.say(f"{name} are heeded")
                done = [self._do(each, about, vouched.address, mail) for each in commands]
                to = audience(about.mail_list)
                reply = to_answer(
                    mail.letter, done, about.series, sender=sender, now=self.now, audience=to
                )
            case Refused(reason):
                self.say(f"{name} are refused: {reason}")
                reply = to_refusal(mail.letter, reason, sender=sender, now=self.now)
            case Ignored(reason):
                self.say(f"{name} are ignored: {reason}")
        answer = ""
        if reply is not None:
            out = out_mail(reply, about.mail_list, author=vouched.address, run="", now=self.now)
            self.store.post(out)
            answer = out.message_id
        self.store.note_commands(
            CommandLine(
                message_id=mail.letter.message_id,
                submission=about.submission.message_id,
                given_by=vouched.address,
                text="\n".join(map(str, commands)),
                answer=answer,
                refused=isinstance(decision, Refused),
                created_at=self.now,
            )
        )

    def _responsible(self, submission: Submission) -> frozenset[str]:
        """Who MAINTAINERS of its base names for what the series touches."""
        record = self.store.run(submission.run) if submission.run else None
        if record is None:
            return frozenset()
        change = record.case.change
        try:
            text = read_text(self.settings.git_dir, change.base_tree, "MAINTAINERS")
        except (InfraError, InputError):  # no signal: that is to end us
            return frozenset()  # the tree has none
        paths = {path for file in change.files for path in (file.path, file.old_path) if path}
        return responsible(sections(text), paths)

    def _do(self, command: Command, about: Addressed, by: str, mail: Mail) -> Done:
        try:
            return self._done(command, about, by, mail)
        except InputError as error:
            return Done(command, trouble=str(error))

    def _done(self, command: Command, about: Addressed, by: str, mail: Mail) -> Done:
        old = about.submission
        match command:
            case Retest(arches):
                self._check_arches(arches)
                self._again(old, Asked(by=by, mail=mail.letter.message_id, arch=arches))
            case Rerun():
                self._again(old, replace(old.asked, by=by, mail=mail.letter.message_id))
            case OnBase(tree, revision):
                self._check_base(about.mail_list, tree, revision)
                asked = Asked(by=by, mail=mail.letter.message_id, tree=tree, base=revision)
                self._again(old, asked)
            case Stop():
                self._move(old, replace(old, state="stopped", reason=f"{by} asked for it"))
            case Unrelated(finding):
                return Done(command, about=self._unrelated(finding, old, by, mail))
        return Done(command)

    def _check_arches(self, arches: tuple[str, ...]) -> None:
        known = {target.arch for target in load_matrix(self.settings.matrix).targets}
        if unknown := sorted(set(arches) - known):
            raise InputError(
                f"There is nothing to test {listed(unknown)} with, but {listed(sorted(known))}."
            )

    def _check_base(self, mail_list: MailList, tree: str, revision: str) -> None:
        """A base that is nowhere is said now: the run that finds it missing answers nobody."""
        named = [each.path for each in mail_list.trees if each.path.name == tree]
        if not named:
            names = list(dict.fromkeys(each.path.name for each in mail_list.trees))
            raise InputError(f"{mail_list.name} has no tree {tree}; it has {listed(names)}.")
        if not any(is_revision(path, revision, self.settings.git_dir) for path in named):
            raise InputError(f"There is no commit {revision} in {tree}, or it is not fetched yet.")

    def _again(self, old: Submission, asked: Asked) -> None:
        new = replace(old, state="ready", asked=asked, starts=0, due_at=self.now, reason="")
        self._move(old, new)

    def _move(self, old: Submission, new: Submission) -> None:
        current = self.store.submission(old.message_id) or old
        if not self.store.move(current, replace(new, run=current.run)):
            raise InputError("It changed just now; please say it again.")

    def _unrelated(self, finding: str, of: Submission, by: str, mail: Mail) -> str:
        verdict = self.store.verdict(of.run) if of.run else None
        if verdict is None:
            raise InputError("There is no verdict yet whose finding it could be.")
        link = f"{self.settings.lore_url}/{mail.letter.message_id}"
        lines = said_unrelated(verdict, finding, link=link, by=by, now=self.now)
        self.store.remember(lines, self.now)
        return lines[0].summary
