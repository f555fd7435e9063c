# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads as people, mailers and lists make them: what is assembled is what was sent, or nothing."""

import random
from contextlib import suppress
from io import BytesIO

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model import InputError
from pipeline.series.load import load
from pipeline.series.mail import parse
from pipeline.series.threads import postings_in
from tests.mail_threads import Maker, as_mbox
from tests.mail_truth import read, wrong

seeds = st.integers(0, 2**32)


@settings(derandomize=True)  # bench/mails looks for new ones
@given(seeds)
def test_nothing_is_mixed_up_or_taken_for_whole(seed):
    thread = Maker(random.Random(seed)).thread()
    series, posted, _ = read(thread)
    assert not wrong(thread, series, posted)


@given(seeds)
def test_what_nothing_happened_to_is_found(seed):
    thread = Maker(random.Random(seed)).thread(mangle=False)
    series, posted, refused = read(thread)
    assert not refused
    assert not wrong(thread, series, posted)


@given(seeds, st.randoms())
def test_the_order_of_mails_does_not_matter_to_postings(seed, chance):
    raws = list(Maker(random.Random(seed)).thread(mangle=False).arrived)

    def found() -> set[tuple]:
        posted = postings_in(parse(raw, "mail") for raw in raws)
        return {(p.message_id, p.author, p.version, p.subject, p.state, p.missing) for p in posted}

    before = found()
    chance.shuffle(raws)
    assert found() == before


@given(st.lists(seeds, min_size=1, max_size=3), st.binary(max_size=60), st.integers(0, 10**6))
def test_whatever_lies_among_them(chosen, junk, at):
    heap = b"".join(as_mbox(Maker(random.Random(s)).thread().arrived) for s in chosen)
    at %= len(heap) + 1
    with suppress(InputError):
        load(["-"], export=lambda _: None, stdin=BytesIO(heap[:at] + junk + heap[at:]))
