# SPDX-License-Identifier: GPL-2.0-or-later
"""Which numbered patches of one sender were sent together, though mails or headers are lost? Pure.

Two versions may have the same numbers: whatever might be of another one is left alone.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from email.utils import parsedate_to_datetime

from pipeline.model import Letter
from pipeline.series.answers import Threads
from pipeline.series.mail import Mail

#: Mails of one posting that do not answer each other are sent within this time.
_TOGETHER_S = 3600.0
#: Between two mails that one command sends there is no more.
_PAUSE_S = 120.0
#: A mail server may take the rest of a posting only on the next day.
_LATE_S = 24 * 3600.0
#: What all Message-IDs of one posting begin with, and then a number: those of git-send-email(1),
#: of the one before git 1.8.5, and of b4.
_STEM = re.compile(r"(\d{14}\.\d+|\d{10}-\d+)-\d+-|(\d{8}-[^@]{1,200}-v\d+)-\d+-[0-9a-f]{12}@")
_MANY = 20_000  # ways to put pieces together: nobody needs so many


def sent(letter: Letter) -> float | None:
    """When LETTER says that it was sent, in seconds; None if it does not."""
    try:
        return parsedate_to_datetime(letter.date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def put_together(group: list[Mail], threads: Threads) -> list[list[Mail]]:
    """GROUP, the mails of one sender with one version and one number of patches, as postings.

    A patch answers the cover, the first patch, or the one before it. One that answers what is
    not of this posting may replace another, and one that answers nothing has lost that.
    """
    by_id = {m.letter.message_id: n for n, m in enumerate(group) if m.letter.message_id}
    once = _distinct(group)
    keys: dict[int, str] = {}
    for n in sorted(range(len(group)), key=lambda n: group[n].subject.counter):
        mail = group[n]
        up = parent(mail)
        above = by_id.get(up)
        if (
            above is not None
            and group[above].subject.counter < mail.subject.counter
            and _near([mail], [group[above]], _LATE_S if once else _TOGETHER_S)
        ):
            keys[n] = keys[above]
        elif up and up not in by_id and mail.subject.counter and not _within(mail, by_id):
            keys[n] = f"answers {up}"
        else:
            keys[n] = f"is {n}"
    parts: defaultdict[str, list[Mail]] = defaultdict(list)
    for n, key in keys.items():
        parts[key].append(group[n])
    pieces = [piece for part in parts.values() for piece in _clusters(part, by_id)]
    anew = [p for p in pieces if parent(p[0]) in by_id]  # they answer what they replace
    return anew + _joined([p for p in pieces if parent(p[0]) not in by_id], threads)


def _distinct(mails: list[Mail]) -> bool:
    """Whether each number is there once."""
    return len({mail.subject.counter for mail in mails}) == len(mails)


def _clusters(part: list[Mail], group: dict[str, int]) -> list[list[Mail]]:
    """PART, by when its mails were sent if all that they have in common is not there."""
    if not parent(part[0]) or parent(part[0]) in group:
        return [part]
    found: list[list[Mail]] = []
    for mail in sorted(part, key=lambda m: sent(m.letter) or 0.0):
        if found and _near([mail], found[-1]):
            found[-1].append(mail)
        else:
            found.append([mail])
    for cluster in found:
        cluster.sort(key=lambda m: m.subject.counter)
    return found


def _within(mail: Mail, group: dict[str, int]) -> bool:
    """Whether what MAIL answers, and is not there, answers somebody in GROUP itself."""
    return any(r in group for r in mail.letter.references[:-1])


def _joined(parts: list[list[Mail]], threads: Threads) -> list[list[Mail]]:
    """PARTS, of which those are put together that can only belong together."""
    if len(parts) < 2:
        return parts
    parts.sort(key=lambda part: (part[0].subject.counter, -len(part)))
    often = Counter(mail.subject.counter for part in parts for mail in part)
    once = max(often.values()) == 1
    if not once and all(len(part) == 1 and not parent(part[0]) for part in parts):
        bursts = _bursts(parts)
        if len(bursts) > 1:
            return [whole for burst in bursts for whole in _joined(burst, threads)]
    wholes = [part for part in parts if len(part) > 1 or not part[0].subject.counter]
    if once:
        wholes = (wholes or parts)[:1]
    if len(wholes) * len(parts) > _MANY:
        return parts
    rest = [part for part in parts if not any(part is whole for whole in wholes)]
    loose = Counter(mail.subject.counter for part in rest for mail in part)
    fitting = [[w for w in wholes if _fits(part, w, threads)] for part in rest]
    # What answers nothing and fits nowhere was sent with others that answer nothing.
    others = any(not fit and not parent(part[0]) for part, fit in zip(rest, fitting, strict=True))
    left = []
    for part, fit in zip(rest, fitting, strict=True):
        alone = all(loose[mail.subject.counter] == 1 for mail in part)
        sure = once or parent(part[0]) or not others
        if len(fit) == 1 and alone and sure and _fits(part, fit[0], threads):
            fit[0].extend(part)
        else:
            left.append(part)
    return wholes + left


def _bursts(parts: list[list[Mail]]) -> list[list[list[Mail]]]:
    """PARTS by when they were sent: git-send-email(1) makes no pauses."""
    times = [(sent(part[0].letter), part) for part in parts]
    known = sorted(((at, part) for at, part in times if at is not None), key=lambda each: each[0])
    if len(known) < len(parts):
        return [parts]
    found: list[list[list[Mail]]] = []
    before = 0.0
    for at, part in known:
        if found and at - before <= _PAUSE_S:
            found[-1].append(part)
        else:
            found.append([part])
        before = at
    return found


def _fits(part: list[Mail], whole: list[Mail], threads: Threads) -> bool:
    """Whether PART, which does not answer WHOLE, may be what WHOLE lacks."""
    numbers = {mail.subject.counter for mail in whole}
    if numbers & {mail.subject.counter for mail in part}:
        return False
    up, before = parent(part[0]), part[0].subject.counter - 1
    lost = not up
    together = up == parent(whole[0]) and not whole[0].subject.counter
    follows = up not in threads and before > 0 and before not in numbers
    return (lost or together or follows) and _near(part, whole) and _stems_agree(part + whole)


def _stems_agree(mails: list[Mail]) -> bool:
    """Whether MAILS may have been sent at once, as far as their Message-IDs say."""
    found = (_STEM.match(mail.letter.message_id) for mail in mails)
    return len({stem[1] or stem[2] for stem in found if stem}) <= 1


def parent(mail: Mail) -> str:
    """The Message-ID that MAIL answers; "" if it answers nothing."""
    return mail.letter.references[-1] if mail.letter.references else ""


def _near(part: list[Mail], whole: list[Mail], within_s: float = _TOGETHER_S) -> bool:
    """Whether PART was sent when WHOLE was, as far as their dates say."""
    times = [t for t in (sent(m.letter) for m in whole) if t is not None]
    return not times or all(
        t is None or min(times) - within_s <= t <= max(times) + within_s
        for t in (sent(m.letter) for m in part)
    )
