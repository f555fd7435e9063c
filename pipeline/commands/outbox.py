# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck outbox`: answers on their way out, and what people decide on them."""

from __future__ import annotations

from collections.abc import Callable

import click

from pipeline.commands.common import opened, say
from pipeline.lists.config import MailList, Mode
from pipeline.lists.config import load as load_lists
from pipeline.model import InputError
from pipeline.outbox.deliver import deliver
from pipeline.outbox.when import HOUR_S, Way, waits, way
from pipeline.report.plain import render_mail, render_outbox
from pipeline.settings import Settings
from pipeline.store import MailState, OutMail, Store
from pipeline.store.outbox import DROPPABLE, OPEN

_NO_SERVER = "CROSSCHECK_SMTP_URL names no server"


def _short(mail: OutMail) -> str:
    """The name of MAIL for people: of an answer about a run, the run's."""
    return mail.message_id.partition("@")[0].removeprefix("crosscheck.")


def _known(store: Store, name: str) -> OutMail:
    """The one mail whose name, or Message-ID, is NAME or begins so."""
    name = name.strip("<>")
    every = store.out_mails(tuple(MailState))
    exact = [mail for mail in every if name in (_short(mail), mail.message_id)]
    some = exact or [m for m in every if m.message_id.startswith((name, f"crosscheck.{name}"))]
    if len(some) == 1 and name:
        return some[0]
    raise InputError(
        f"There is no mail {name!r}; `crosscheck outbox --all` lists them."
        if not some
        else f"{name!r} is the beginning of {len(some)} mails; give more of the name."
    )


def _lists(settings: Settings) -> dict[str, MailList]:
    found = load_lists(settings.lists) if settings.lists else ()
    return {mail_list.name: mail_list for mail_list in found}


def _why(
    mail: OutMail,
    lists: dict[str, MailList],
    gone: tuple[OutMail, ...],
    now: float,
    *,
    can_send: bool,
) -> str:
    """Why MAIL is where it is; CAN_SEND: there is a server to send it."""
    if mail.state is MailState.HELD:
        return mail.said or "waits for `crosscheck outbox approve`"
    if mail.state is not MailState.READY:
        return mail.said
    mail_list = lists.get(mail.list_name)
    if mail_list is None:
        return f"CROSSCHECK_LISTS has no list {mail.list_name}"
    if mail.due_at > now:
        return f"again in {(mail.due_at - now) / 60:.0f} min: {mail.said}"
    if way(mail, mail_list) is not Way.SEND:
        return mail.said
    return waits(mail, mail_list, gone, now) or (mail.said if can_send else _NO_SERVER)


@click.group(invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Also those that went, or were dropped.")
@click.pass_context
def outbox(context: click.Context, *, everything: bool) -> None:
    """List answers to mailing lists that have not gone, and why; or decide on them."""
    if context.invoked_subcommand:
        return
    settings, store = opened()
    now = store.clock()()
    can_send = bool(settings.smtp_url)
    lists, gone = _lists(settings), store.gone_since(now - HOUR_S)
    mails = store.out_mails(tuple(MailState) if everything else OPEN)
    rows = (
        (
            *(_short(mail), mail.state, mail.created_at, mail.list_name, mail.recipients),
            *(mail.subject, _why(mail, lists, gone, now, can_send=can_send)),
        )
        for mail in mails
    )
    click.echo(render_outbox(rows, now), nl=False)


@outbox.command()
@click.argument("mail_id", metavar="ID")
def show(mail_id: str) -> None:
    """Print the mail ID (its beginning is enough), and how far it is."""
    _, store = opened()
    mail = store.out_mail(_known(store, mail_id).message_id)
    if mail is None:
        raise InputError(f"The mail {mail_id} was removed just now.")
    facts = {
        "state": mail.state,
        "said": mail.said,
        "list": f"{mail.list_name} ({mail.mode})",
        "run": mail.run,
        "to": ", ".join(mail.recipients),
    }
    click.echo(render_mail(facts, mail.message), nl=False)


_ids = click.argument("mail_ids", metavar="ID...", nargs=-1, required=True)


def _decide(
    store: Store,
    mail_ids: tuple[str, ...],
    states: tuple[MailState, ...],
    turn: Callable[[OutMail], bool],
    done: Callable[[OutMail], str],
) -> None:
    """TURN each of the mails, which must all be in STATES, and say that it is DONE."""
    mails = {mail.message_id: mail for mail in (_known(store, each) for each in mail_ids)}
    for mail in mails.values():
        if mail.state not in states:
            wanted = " or ".join(states)
            raise InputError(f"{_short(mail)} is {mail.state}, not {wanted}: nothing is changed.")
    for mail in mails.values():
        if not turn(mail):
            raise InputError(f"{_short(mail)} was taken just now; see `crosscheck outbox --all`.")
        click.echo(done(mail))


@outbox.command()
@_ids
def approve(mail_ids: tuple[str, ...]) -> None:
    """Have the mails, which are held, sent."""
    _, store = opened()
    now = store.clock()()

    def turn(mail: OutMail) -> bool:
        return store.approve_mail(mail, Mode.MODERATE, now)

    _decide(
        store,
        mail_ids,
        (MailState.HELD,),
        turn,
        lambda mail: f"{_short(mail)} is approved, and goes to {', '.join(mail.recipients)}.",
    )


@outbox.command()
@_ids
def drop(mail_ids: tuple[str, ...]) -> None:
    """Have the mails never sent."""
    _, store = opened()
    now = store.clock()()
    _decide(
        store,
        mail_ids,
        DROPPABLE,
        lambda mail: store.drop_mail(mail, now),
        lambda mail: f"{_short(mail)} is dropped.",
    )


@outbox.command()
@_ids
def retry(mail_ids: tuple[str, ...]) -> None:
    """Have the mails, which are parked, sent again: whoever has one already gets it twice."""
    _, store = opened()
    now = store.clock()()
    _decide(
        store,
        mail_ids,
        (MailState.PARKED,),
        lambda mail: store.retry_mail(mail, now),
        lambda mail: (
            f"{_short(mail)} is to be sent again, on your word; it was parked: {mail.said}."
            " Whoever got it then gets it twice."
        ),
    )


@outbox.command()
def send() -> None:
    """Send, or write, now what is due and approved."""
    settings, store = opened()
    if settings.lists is None:
        raise InputError("Set CROSSCHECK_LISTS to the file that says which lists are watched.")
    went = deliver(settings, store, load_lists(settings.lists), store.clock(), say)
    click.echo(f"{went} sent or written.")
