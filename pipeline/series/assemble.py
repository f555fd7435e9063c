# SPDX-License-Identifier: GPL-2.0-or-later
"""Which series a heap of mails holds: of a thread, its author's latest version, whole. Pure.

Nothing is guessed: what is incomplete or ambiguous is refused, with what can be done. An
answer that carries a patch of its own, by another author, is passed over and said to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from email.utils import parsedate_to_datetime

from pipeline.model import InputError, Letter, Patch, Series
from pipeline.series import hazards, mbox
from pipeline.series.mail import Mail, dated
from pipeline.series.postings import Posting, Threads, collect, unique

_BASE_COMMIT = re.compile(r"^base-commit: ([0-9a-f]{12,64})\s*$", re.MULTILINE)
_PREREQUISITE = re.compile(r"^prerequisite-patch-id: [0-9a-f]{40,64}\s*$", re.MULTILINE)


def assemble(
    mails: Iterable[Mail], *, source: str, version: int | None = None, parent: str = ""
) -> Series:
    """The series in MAILS, which were read from SOURCE: its latest version, or VERSION.

    PARENT is the commit before a git range. Raises InputError when there is no patch, when
    a patch of that version is missing or damaged, or when there are several series.
    """
    there = unique(mails)
    postings = collect(there)
    for mail in there:
        if mail.has_diff and not (mail.letter.subject and mail.letter.author):
            hazards.refuse_damage(mail)  # rather than leave a patch out in silence
    if not postings:
        raise _no_patch(there, source)
    family, notes = _one_family(_of_version(postings, version, source), Threads(there), source)
    chosen, more = _latest_complete(family, source)
    for _, mail in chosen.patches if not parent else ():  # git's own are never damaged
        hazards.refuse_damage(mail)
    taken = chosen.version
    others = sorted({p.version for p in postings if p.sender == chosen.sender} - {taken})
    if others:
        notes += (f"Version {taken} is taken; there is also version {_spans(others)}.",)
    return _series(chosen, source=source, parent=parent, notes=notes + more)


def _no_patch(mails: tuple[Mail, ...], source: str) -> InputError:
    for mail in mails[:1]:
        try:
            hazards.refuse_damage(mail)
        except InputError as error:
            return error
    return InputError(f"{source} holds no patch: only replies or other mails.")


def _of_version(
    postings: tuple[Posting, ...], version: int | None, source: str
) -> tuple[Posting, ...]:
    wanted = tuple(p for p in postings if version in (None, p.version))
    if not wanted:
        there = _list(sorted({p.version for p in postings}))
        raise InputError(f"{source} holds no version {version}, but version {there}.")
    return wanted


def _one_family(
    postings: tuple[Posting, ...], threads: Threads, source: str
) -> tuple[list[Posting], tuple[str, ...]]:
    """The postings of the one author and thread that this is about, and what was passed over."""
    of_mail = {message_id: p for p in postings for message_id in p.ids}
    answered = [{of_mail[i] for i in threads.above(p) if i in of_mail} for p in postings]
    strays = [
        p
        for p, above in zip(postings, answered, strict=True)
        if any(q.sender != p.sender or (q.version == p.version and not p.resend) for q in above)
    ]
    roots = [p for p in postings if p not in strays]
    family: list[Posting] = []
    more = roots[:1]
    while more:
        family += more
        more = [p for p in roots if p not in family and _akin(p, family, threads)]
    unrelated = next((p for p in roots if p not in family), None)
    if unrelated or not family:
        names = f"{postings[0].name} and {(unrelated or postings[-1]).name}"
        raise InputError(f"{source} holds several series, {names}: save the one you mean alone.")
    return family, tuple(f"Passed over {p.name}, which answers in the thread." for p in strays)


def _akin(posting: Posting, family: list[Posting], threads: Threads) -> bool:
    """Whether POSTING is another version of the series that FAMILY holds."""

    def names(p: Posting) -> set[str]:
        return {threads.thread(m.letter.message_id) for m in p.mails}

    return any(
        posting.sender == other.sender
        and (not posting.sender or names(posting) & names(other) or posting.titles & other.titles)
        for other in family
    )


def _latest_complete(family: list[Posting], source: str) -> tuple[Posting, tuple[str, ...]]:
    """The posting of the latest version of FAMILY that is complete, and what is to be noted."""
    refusals: list[InputError] = []
    notes: tuple[str, ...] = ()
    for version in sorted({p.version for p in family}, reverse=True):
        try:
            chosen, more = _one_posting([p for p in family if p.version == version], source)
        except InputError as error:
            refusals.append(error)
            notes += (f"Version {version} is passed over: {error}",)
        else:
            return chosen, notes + more
    raise refusals[0]


def _one_posting(postings: list[Posting], source: str) -> tuple[Posting, tuple[str, ...]]:
    """The complete one of POSTINGS, all of one version, and a note if others were there.

    Raises InputError if there is none.
    """
    complete = sorted((p for p in postings if not p.missing), key=lambda p: (p.resend, _sent(p)))
    if complete:
        kind = "resent" if complete[-1].resend else "later"
        note = f"Version {complete[-1].version} is there more than once: the {kind} one is taken."
        return complete[-1], (note,) if len(postings) > 1 else ()
    first = postings[0]
    if len({(p.total, p.sender) for p in postings}) == 1:
        first = _merged(postings)
        if not first.missing:
            return first, ("Patches that were sent again complete the series.",)
    verb = "is" if len(first.missing) == 1 else "are"
    raise InputError(
        f"{source} holds version {first.version} incompletely: patch {_spans(first.missing)} of"
        f" {first.total} {verb} missing; save the whole thread."
    )


def _merged(postings: list[Posting]) -> Posting:
    """One posting of all patches of POSTINGS, those that were sent again last."""
    patches: dict[int, Mail] = {}
    for posting in sorted(postings, key=lambda p: p.resend):
        patches |= dict(posting.patches)
    cover = next((p.cover for p in postings if p.cover), None)
    ordered = tuple((n, patches[n]) for n in sorted(patches))
    return replace(postings[0], cover=cover, patches=ordered)


def _sent(posting: Posting) -> float:
    """When its first mail says that it was sent, in seconds; 0 if it does not."""
    try:
        return parsedate_to_datetime(posting.mails[0].letter.date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _list(numbers: Iterable[int | str]) -> str:
    *most, last = [str(n) for n in numbers]
    return f"{', '.join(most)} and {last}" if most else last


def _spans(numbers: Iterable[int]) -> str:
    """NUMBERS, which rise, as `1, 3 to 7 and 9`."""
    spans: list[list[int]] = []
    for n in numbers:
        if spans and n == spans[-1][-1] + 1:
            spans[-1].append(n)
        else:
            spans.append([n])
    return _list(f"{s[0]} to {s[-1]}" if len(s) > 2 else _list(s) for s in spans)


def _series(posting: Posting, *, source: str, parent: str, notes: tuple[str, ...]) -> Series:
    cover, mails = posting.cover, tuple(mail for _, mail in posting.patches)
    first = posting.mails[0]
    texts = [mail.text for mail in posting.mails]
    trailer = next((found[1] for text in texts if (found := _BASE_COMMIT.search(text))), "")
    needed = {found for text in texts for found in _PREREQUISITE.findall(text)}
    if needed:
        patches = "patch" if len(needed) == 1 else "patches"
        notes += (f"It names {len(needed)} prerequisite {patches}, which must be in the base.",)
    if not first.letter.message_id and len(mails) > 1 and mails[0].subject.counters_inferred:
        notes += (f"The {len(mails)} patches are not numbered: they are taken in the order given.",)
    return Series(
        subject=first.subject.title,
        version=posting.version,
        message_id=first.letter.message_id,
        author=cover.letter.author if cover else first.author,
        patches=tuple(_patch(n, mail) for n, mail in posting.patches),
        cover=_cover_letter(cover) if cover else None,
        base_commit=parent or trailer,
        source=source,
        notes=notes,
        mails=tuple(mbox.quote(dated(mail.raw, mail.letter.date)) for mail in mails),
    )


def _patch(n: int, mail: Mail) -> Patch:
    return Patch(n=n, subject=mail.subject.title, author=mail.author, letter=mail.letter)


def _cover_letter(cover: Mail) -> Letter:
    return replace(cover.letter, body=cover.text)
