# SPDX-License-Identifier: GPL-2.0-or-later
"""One run of one submission, in a process of its own: `python -m pipeline.watching.child`."""

from __future__ import annotations

import sys
from dataclasses import replace

from pipeline import intake
from pipeline.commands.common import ERROR, PASSED, say
from pipeline.lists.config import MailList
from pipeline.lists.config import load as load_lists
from pipeline.model import CrosscheckError, InputError
from pipeline.outbox.compose import out_mail
from pipeline.report.answer import to_failure
from pipeline.running import RunRequest, execute
from pipeline.series.mbox import quote
from pipeline.settings import Settings, load
from pipeline.store import Store, Submission
from pipeline.temporary import use_temporary_dir
from pipeline.watching.kin import mails_of, readable


def _request(submission: Submission, mail_list: MailList, settings: Settings) -> RunRequest:
    asked = submission.asked
    named = tuple(tree for tree in mail_list.trees if asked.tree in ("", tree.path.name))
    return RunRequest(
        what=intake.Request(
            series=(submission.message_id,),
            trees=named,
            base=asked.base,
            arch=asked.arch,
            targets=() if asked.arch else mail_list.targets,
            checks=mail_list.checks,
        ),
        name=submission.run,
        runtime=settings.runtime,
        announce=bool(settings.patchwork_url),
    )


def _run(settings: Settings, store: Store, message_id: str, run: str) -> int:
    submission = store.submission(message_id)
    if submission is None or submission.state != "running" or submission.run != run:
        return PASSED  # nobody wants it any more
    if settings.lists is None:
        raise InputError("CROSSCHECK_LISTS is not set.")
    lists = {each.name: each for each in load_lists(settings.lists)}
    mail_list = lists.get(submission.list)
    if mail_list is None:
        raise InputError(f"The list {submission.list} is watched no more.")

    def fetch(_message_id: str) -> tuple[bytes, str]:
        return b"".join(quote(mail.raw) for mail in mails_of(store, submission)), message_id

    try:
        execute(_request(submission, mail_list, settings), settings, store, say, fetch=fetch)
    except InputError as error:
        say(str(error))
        _tell(settings, store, submission, mail_list, str(error))
        store.move(submission, replace(submission, state="left", reason=str(error)))
    return PASSED


def _tell(
    settings: Settings, store: Store, submission: Submission, mail_list: MailList, reason: str
) -> None:
    """Whoever asked for the run hears why there is none."""
    asked = store.mail(submission.asked.mail) if submission.asked.mail else None
    for each in readable([asked] if asked else []):
        now = store.clock()()
        reply = to_failure(each.mail.letter, reason, sender=settings.sender, now=now)
        store.post(out_mail(reply, mail_list, author=submission.asked.by, run="", now=now))


def main() -> None:
    """Run the submission and the run that the command line names."""
    settings = load()
    use_temporary_dir(settings)
    try:
        sys.exit(_run(settings, Store(settings.database_url), *sys.argv[1:3]))
    except CrosscheckError as error:
        say(str(error))
        sys.exit(ERROR)


if __name__ == "__main__":
    main()
