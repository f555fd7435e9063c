# SPDX-License-Identifier: GPL-2.0-or-later
"""Which series a heap of mails holds: of a thread, its author's latest version, whole. Pure.

Nothing is guessed: what is incomplete or ambiguous is refused, with what can be done. An
answer that carries a patch of its own, by another author, is passed over and said to be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipeline.model import InputError, Series
from pipeline.series import hazards
from pipeline.series.answers import Threads
from pipeline.series.build import build
from pipeline.series.families import Families
from pipeline.series.mail import Mail
from pipeline.series.postings import Posting, collect, is_pull_request, unique


def assemble(
    mails: Iterable[Mail],
    *,
    source: str,
    version: int | None = None,
    message_id: str = "",
    parent: str = "",
) -> Series:
    """The series in MAILS, which were read from SOURCE: its latest version, or VERSION.

    If MESSAGE_ID is of a series in it, then that one, whoever else has sent some. PARENT is the
    commit before a git range. Raises InputError when there is no patch, when
    a patch of that version is missing or damaged, or when there are several series.
    """
    there = unique(mails)
    threads = Threads(there)
    postings = collect(there, threads)
    for mail in there:
        if mail.has_diff and not (mail.letter.subject and mail.letter.author):
            hazards.refuse_damage(mail)  # rather than leave a patch out in silence
    if not postings:
        raise _no_patch(there, source)
    family: list[int] = []
    notes: tuple[str, ...] = ()
    if message_id:
        families = Families(postings, threads)
        family = _family_of(families, message_id)
    if not family:
        families = Families(_of_version(postings, version, source), threads)
        family, notes = _one_family(families, source)
    notes += _beyond(there)
    chosen, more = latest_complete(families, family, source)
    for _, mail in chosen.patches if not parent else ():  # git's own are never damaged
        hazards.refuse_damage(mail)
    taken = chosen.version
    others = sorted({p.version for p in postings if p.sender == chosen.sender} - {taken})
    if others:
        notes += (f"Version {taken} is taken; there is also version {_spans(others)}.",)
    return build(chosen, source=source, parent=parent, notes=notes + more)


def _no_patch(mails: tuple[Mail, ...], source: str) -> InputError:
    if any(map(is_pull_request, mails)):
        return InputError(
            f"{source} is a pull request, which holds no patches: fetch its branch and give the"
            " range of its commits."
        )
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


def _family_of(families: Families, message_id: str) -> list[int]:
    """The posting that MESSAGE_ID is of, with what may complete it; none if it is of no series."""
    postings = families.postings
    n = next((n for n, p in enumerate(postings) if message_id in p.ids), None)
    if n is None or families.is_answer(n):
        return []
    if not postings[n].missing:
        return [n]
    same = (postings[n].sender, postings[n].version, postings[n].total)
    return [n for n, p in enumerate(postings) if (p.sender, p.version, p.total) == same]


def _one_family(families: Families, source: str) -> tuple[list[int], tuple[str, ...]]:
    """The postings of the one series that this is about, and what was passed over."""
    postings = families.postings
    found = families.families()
    if len(found) != 1:
        other = postings[found[1][0]] if found else postings[-1]
        names = f"{postings[0].name} and {other.name}"
        raise InputError(f"{source} holds several series, {names}: save the one you mean alone.")
    strays = [p for n, p in enumerate(postings) if families.stray(n)]
    return found[0], tuple(f"Passed over {p.name}, which answers in the thread." for p in strays)


def _beyond(mails: tuple[Mail, ...]) -> tuple[str, ...]:
    """What is to be noted of patches like 4/3, which somebody added later."""
    return tuple(
        f"Passed over {mail.letter.subject!r} by {mail.letter.author}, which is beyond the last"
        " patch."
        for mail in mails
        if mail.subject.is_patch
        and not mail.subject.is_reply
        and mail.subject.counter > mail.subject.expected
    )


def latest_complete(
    families: Families, family: list[int], source: str
) -> tuple[Posting, tuple[str, ...]]:
    """The posting of the latest version of FAMILY that is complete, and what is to be noted."""
    refusals: list[InputError] = []
    notes: tuple[str, ...] = ()
    versions = {n: families.postings[n].version for n in family}
    for version in sorted(set(versions.values()), reverse=True):
        try:
            chosen, more = _one_posting(
                families, [n for n in family if versions[n] == version], source
            )
        except InputError as error:
            refusals.append(error)
            notes += (f"Version {version} is passed over: {error}",)
        else:
            return chosen, notes + more
    raise refusals[0]


def _one_posting(
    families: Families, family: list[int], source: str
) -> tuple[Posting, tuple[str, ...]]:
    """The complete one of FAMILY, all of one version, and a note if others were there.

    Raises InputError if there is none, or nothing says which one is meant.
    """
    postings = [families.postings[n] for n in family]
    complete = [n for n in family if not families.postings[n].missing]
    if complete:
        return _latest(families, complete, source), _more_than_one(families, complete, len(family))
    whole = resent(postings)
    if whole:
        return whole, ("Patches that were sent again complete the series.",)
    troubled = next((p.trouble for p in postings if p.trouble), "")
    if troubled:
        raise InputError(troubled)
    there = {n for p in postings for n, _ in p.patches}
    first = max(postings, key=lambda p: len(p.patches))
    missing = [n for n in first.missing if n not in there]
    if not missing:
        raise InputError(
            f"{source} holds version {first.version} in pieces that were not sent together: save"
            " the whole thread."
        )
    if others := _of_others(families, first):
        raise InputError(
            f"{source} holds the cover letter {first.name}, and patches that"
            f" {others.mails[0].letter.author} sent: if they belong together, save the patches"
            " without the cover letter."
        )
    verb = "is" if len(missing) == 1 else "are"
    raise InputError(
        f"{source} holds version {first.version} incompletely: patch {_spans(missing)} of"
        f" {first.total} {verb} missing; save the whole thread."
    )


def _of_others(families: Families, cover: Posting) -> Posting | None:
    """The patches of somebody else that COVER, a cover letter alone, may be of."""
    same = (p for p in families.postings if (p.version, p.total) == (cover.version, cover.total))
    return next((p for p in same if not (cover.patches or p.missing)), None)


def _latest(families: Families, complete: list[int], source: str) -> Posting:
    """The one of COMPLETE that was sent last."""

    def order(n: int) -> tuple[bool, int, float]:
        posting = families.postings[n]
        return posting.resend, families.depth(n), posting.sent

    last = max(complete, key=order)
    chosen = families.postings[last]
    for n in complete:
        other = families.postings[n]
        if n == last:
            continue
        equal = order(n) == order(last) and other.diffs != chosen.diffs
        if equal or (chosen.trees and other.trees and chosen.trees != other.trees):
            one, two = (families.postings[k] for k in sorted((n, last)))
            raise InputError(
                f"{source} holds several series, {one.name} and {two.name}: save the one you mean"
                " alone."
            )
    if chosen.trouble:
        raise InputError(chosen.trouble)
    return chosen


def _more_than_one(families: Families, complete: list[int], of: int) -> tuple[str, ...]:
    if of == 1:
        return ()
    version = families.postings[complete[0]].version
    if len(complete) == 1:
        return (f"Patches of version {version} that were sent again alone are passed over.",)
    kind = "resent" if any(families.postings[n].resend for n in complete) else "later"
    return (f"Version {version} is there more than once: the {kind} one is taken.",)


def resent(postings: Iterable[Posting]) -> Posting | None:
    """The one posting of POSTINGS, all of one version, which patches that were sent again make
    complete; None if there is none.
    """
    posted = sorted(postings, key=lambda p: (p.resend, p.sent))
    firsts = [p for p in posted if not p.resend]
    if len(firsts) != 1 or any(
        (p.total, p.sender) != (firsts[0].total, firsts[0].sender) for p in posted
    ):
        return None
    patches: dict[int, Mail] = {}
    for posting in posted:
        patches |= dict(posting.patches)
    cover = next((p.cover for p in posted if p.cover), None)
    ordered = tuple((n, patches[n]) for n in sorted(patches))
    trouble = next((p.trouble for p in posted if p.trouble), "")
    whole = replace(firsts[0], cover=cover, patches=ordered, trouble=trouble)
    return None if whole.missing or trouble else whole


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
