# SPDX-License-Identifier: GPL-2.0-or-later
"""The outbox: a mail is there once, is one sender's at a time, and goes where people say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from pipeline.store import MailState, OutMail, Store
from pipeline.store.outbox import LEASE_S, UNSURE

NOW = 1000.0
READY = OutMail(
    message_id="crosscheck.r@x.org",
    run="r",
    list_name="mm",
    mode="all",
    author="a@x.org",
    subject="Re: ä\0",
    recipients=("a@x.org", "l@x.org"),
    message=b"Subject: x\n\n\xc3\xa4\0\n",
    state=MailState.READY,
    due_at=NOW,
    created_at=NOW,
)


@pytest.fixture
def store(url):
    store = Store(url)
    assert store.post(READY)
    return store


def mail(store):
    return store.out_mail(READY.message_id)


def claim(store, who="h:1"):
    return store.claim_mail(mail(store), who, NOW)


@pytest.fixture
def handing(store):
    assert store.hand_over(claim(store), NOW + 1)
    return store


def another(store, message_id, **changes):
    assert store.post(replace(READY, message_id=message_id, **changes))
    return store.out_mail(message_id)


def in_state(store, state, message_id):
    """Another mail, which was claimed and brought to STATE."""
    mine = store.claim_mail(another(store, message_id), "h:1", NOW)
    if state is MailState.HANDING:
        store.hand_over(mine, NOW)
    elif state in (MailState.HELD, MailState.DROPPED):
        store.settle_mail(mine, MailState.READY, NOW)
        ready = store.out_mail(message_id)
        store.hold_mail(ready, "why") if state is MailState.HELD else store.drop_mail(ready, NOW)
    elif state is not MailState.CLAIMED:
        store.settle_mail(mine, state, NOW)
    assert store.out_mail(message_id).state == state
    return store.out_mail(message_id)


def test_it_is_kept_as_it_was_posted_and_once(store):
    assert mail(store).message == READY.message
    assert mail(store).recipients == READY.recipients
    assert mail(store).subject == "Re: ä"
    assert not store.post(READY)
    assert len(store.out_mails(tuple(MailState))) == 1
    assert store.out_mails((MailState.READY,))[0].message == b""
    assert store.out_mail("another") is None


def test_one_sender_has_it(store):
    before = mail(store)
    with ThreadPoolExecutor(8) as many:
        came = many.map(lambda n: store.claim_mail(before, f"h:{n}", NOW), range(8))
        mine = [each for each in came if each]
    assert len(mine) == 1
    assert (mine[0].state, mine[0].tries, mine[0].tried_at) == ("claimed", 1, NOW)
    assert mine[0].due_at == NOW + LEASE_S
    assert store.due_mails(NOW + 10**9) == ()


def test_what_is_not_due_is_nobodys(store):
    assert store.due_mails(NOW - 1) == ()
    assert store.claim_mail(mail(store), "h:1", NOW - 1) is None
    assert [each.message_id for each in store.due_mails(NOW)] == [READY.message_id]


def test_a_claim_that_was_given_up_does_nothing_any_more(store):
    mine = claim(store)
    assert store.give_up(mail(store), NOW) == "ready"
    assert not store.hand_over(mine, NOW)
    assert not store.settle_mail(mine, MailState.SENT, NOW)
    again = claim(store, "h:2")
    assert not store.hand_over(mine, NOW)
    assert not store.settle_mail(mine, MailState.SENT, NOW)
    assert store.hand_over(again, NOW)
    assert mail(store).tries == 2


def test_a_claim_that_may_have_been_handed_over_is_parked(handing):
    assert handing.give_up(mail(handing), NOW + 9) == "parked"
    assert (mail(handing).said, mail(handing).ended_at) == (UNSURE, NOW + 9)
    assert handing.give_up(mail(handing), NOW + 9) is None


def test_a_lost_sender_that_knows_after_all_is_heard_unless_people_decided(handing):
    mine = mail(handing)
    assert handing.give_up(mine, NOW)
    assert handing.settle_mail(mine, MailState.PARKED, NOW, said="refused")
    assert handing.retry_mail(mail(handing), NOW)
    assert not handing.settle_mail(mine, MailState.SENT, NOW)
    assert mail(handing).state == "ready"


def test_what_is_tried_again_keeps_its_first_time(store):
    left = ("l@x.org",)
    assert store.settle_mail(
        claim(store), MailState.READY, NOW, said="451", due_at=NOW + 5, recipients=left
    )
    assert store.claim_mail(mail(store), "h:1", NOW) is None
    mine = store.claim_mail(mail(store), "h:1", NOW + 5)
    assert (mine.tried_at, mine.tries, mine.recipients, mine.said) == (NOW, 2, left, "451")


MAY = {
    "approve": ({"held"}, lambda store, mail: store.approve_mail(mail, "moderate", NOW + 9)),
    "drop": ({"held", "ready", "parked"}, lambda store, mail: store.drop_mail(mail, NOW + 9)),
    "retry": ({"parked"}, lambda store, mail: store.retry_mail(mail, NOW + 9)),
    "hold": ({"ready"}, lambda store, mail: store.hold_mail(mail, "why")),
    "give up": ({"claimed", "handing"}, lambda store, mail: store.give_up(mail, NOW + 9)),
    "claim": ({"ready"}, lambda store, mail: store.claim_mail(mail, "h:2", NOW + 9)),
    "hand over": ({"claimed"}, lambda store, mail: store.hand_over(mail, NOW + 9)),
    "settle": (
        {"claimed", "handing", "parked"},
        lambda store, mail: store.settle_mail(mail, MailState.SENT, NOW + 9, said="ok"),
    ),
}


@pytest.mark.parametrize("state", MailState)
def test_what_may_be_done_in_each_state(store, state):
    for name, (states, do) in MAY.items():
        before = in_state(store, state, name)
        assert bool(do(store, before)) == (state in states), name
        assert (store.out_mail(name) == before) == (state not in states), name


def test_people_decide_on_what_they_saw(store):
    seen = mail(store)
    assert store.settle_mail(claim(store), MailState.READY, NOW)
    assert not store.drop_mail(seen, NOW)
    assert store.drop_mail(mail(store), NOW)


def test_what_went_or_may_have_is_counted(store):
    assert store.gone_since(NOW) == ()
    mine = claim(store)
    assert len(store.gone_since(NOW + 10**6)) == 1  # it is going
    assert store.settle_mail(mine, MailState.SENT, NOW)
    assert len(store.gone_since(NOW)) == 1
    assert store.gone_since(NOW + 1) == ()


def test_of_many_the_latest_are_listed_oldest_first(store):
    for n in range(4):
        another(store, f"m{n}", created_at=NOW + 1 + n)
    listed = store.out_mails((MailState.READY,), limit=3)
    assert [each.message_id for each in listed] == ["m1", "m2", "m3"]
