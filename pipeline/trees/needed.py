# SPDX-License-Identifier: GPL-2.0-or-later
"""The series of others that a series says it is based on, and a base that has them. Effects, all
under our cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.model import InputError, Series
from pipeline.settings import Settings
from pipeline.trees.apply import AlreadyThereError, apply
from pipeline.trees.changes import tree_of
from pipeline.trees.extract import PatchFile, extract
from pipeline.trees.links import refuse_bad_links
from pipeline.trees.paths import refuse_escapes

#: Gives the series that a mail is of; None if it cannot be had.
Known = Callable[[str], Series | None]
_MOST_SERIES = 10
_MOST_PATCHES = 300


def nothing_known(_message_id: str) -> Series | None:
    """A `Known` that asks nobody."""
    return None


@dataclass(frozen=True, slots=True)
class Needed:
    """Series in the order in which they are applied, each with its name and patches; NOTES say
    which are not to be had.
    """

    series: tuple[tuple[str, tuple[PatchFile, ...]], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def patches(self) -> tuple[PatchFile, ...]:
        """Those of all, in order."""
        return tuple(patch for _, patches in self.series for patch in patches)


@dataclass(frozen=True, slots=True)
class Made:
    """A commit, what it has besides the base that it was made of, and what is to be said of it."""

    commit: str
    added: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def collect(series: Series, known: Known) -> Needed:
    """What SERIES is based on, and that in turn. Raises InputError for what leaves its tree."""
    found, notes = _order(series, known)
    if sum(len(other.patches) for other in found) > _MOST_PATCHES:
        raise InputError(f"The series is based on more than {_MOST_PATCHES} patches of others.")
    needed = []
    for other in found:
        patches = extract(other)
        refuse_escapes(patches)
        needed.append((f'"{other.subject}" by {other.author} ({other.message_id})', patches))
    return Needed(tuple(needed), notes)


def _order(series: Series, known: Known) -> tuple[list[Series], tuple[str, ...]]:
    found: list[Series] = []
    notes: list[str] = []
    seen = _ids(series)

    def add(message_id: str) -> None:
        if message_id in seen or len(found) >= _MOST_SERIES:
            return
        other = known(message_id)
        if other is None:
            notes.append(f"The series is based on {message_id}, which is not to be had.")
            seen.add(message_id)
        elif not _ids(other) & seen:
            seen.update(_ids(other))
            for deeper in other.based_on:
                add(deeper)
            found.append(other)

    for message_id in series.based_on:
        add(message_id)
    return found, tuple(notes)


def _ids(series: Series) -> set[str]:
    return {series.message_id, *(patch.letter.message_id for patch in series.patches)} - {""}


def add_needed(
    commit: str, needed: Needed, settings: Settings, progress: Callable[[str], None]
) -> Made:
    """COMMIT with all that is NEEDED and not in it already.

    Raises InputError for what does not apply.
    """
    git_dir = settings.git_dir
    made = Made(commit, notes=needed.notes)
    for name, patches in needed.series:
        try:
            commits = apply(made.commit, patches, settings, progress)
        except AlreadyThereError:
            made = Made(made.commit, made.added, (*made.notes, f"{name} is in the base already."))
            continue
        except InputError as error:
            why = str(error)
            raise InputError(
                f"The series is based on {name}, of which {why[0].lower()}{why[1:]}"
            ) from error
        refuse_bad_links(git_dir, tree_of(git_dir, made.commit), tree_of(git_dir, commits[-1]))
        many = "1 patch" if len(commits) == 1 else f"{len(commits)} patches"
        note = f"The base has {many} that no tree has, on which the series is based: {name}."
        made = Made(commits[-1], (*made.added, name), (*made.notes, note))
    return made
