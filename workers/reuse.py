# SPDX-License-Identifier: GPL-2.0-or-later
"""What earlier work may be used for a job, and what is left of it for later ones.

What was seen of a base is remembered in the database; its build directory is kept on this
machine. Both are named by all that they follow from.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import replace

from pipeline import kept, toolchain
from pipeline.codec import dumps
from pipeline.model import Change, InfraError, Observation, Step
from pipeline.trees.changes import differing, how_many_differ
from workers import registry
from workers.check import Check
from workers.compile_cache import CompileCache, content, place
from workers.warm import Start, Warm
from workers.work import Work

#: What compilers made may take one part in so many of what is kept.
_PART_OF_COMPILED = 8


def _key(work: Work, check: Check) -> str:
    """Names a base observation: the tree, and all that turns it into what is seen."""
    return _digest(work.record.case.change.base_tree, _way(work, check))


def _way(work: Work, check: Check) -> str:
    """Names all that turns a source tree into what is seen, but for the tree.

    A kernel is the same whatever machine it boots on.
    """
    needed = {name: registry.check(name).version for name in needs(work, check.name)}
    target = json.loads(dumps(work.target))
    machine = target.pop("machine")
    return _digest(
        target,
        (machine, work.emulator) if check.boots else (),
        work.record.options.runtime,
        check.name,
        check.version,
        needed,
        work.compilers,
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def warm(work: Work, check: Check) -> Warm | None:
    """Where the build of the base is kept; None if it is not to be.

    What patches of others wrote is nothing to start other builds from.
    """
    return None if work.record.case.base.others else _place(work, check)


def _place(work: Work, check: Check) -> Warm | None:
    """Where a build of the base would be kept, and others like it are."""
    if not (check.keeps_build and work.record.options.use_cache):
        return None
    directory = work.settings.warm_dir / work.target.name / _way(work, check)[:32]
    return Warm(directory, work.record.case.change.base_tree)


def base_build(work: Work, check: Check) -> Warm | None:
    """Where the base's build is kept that CHECK, or one that it needs, leaves there."""
    checks = (check, *(registry.check(name) for name in needs(work, check.name)))
    return next((kept for each in checks if (kept := _place(work, each))), None)


def start(work: Work, check: Check) -> Start | None:
    """The kept build to start from: for the patched side the base's, for the base the nearest."""
    base = base_build(work, check)
    if base is None:
        return None
    if work.job.step is Step.PATCHED:
        return from_base(base, work.record.case.change)
    if not check.keeps_build:
        return None
    git_dir = work.settings.git_dir
    near = base.nearest(lambda tree: how_many_differ(git_dir, tree, base.tree))
    return Start(near, differing(git_dir, near.tree, base.tree)) if near else None


def from_base(base: Warm | None, change: Change) -> Start | None:
    """The kept build BASE as one to start from for what CHANGE makes of it; None if it is gone."""
    return Start(base, change.files) if base and base.kept else None


def compile_cache(work: Work) -> CompileCache | None:
    """What compilers made before; None if it is not to be used, or there is no ccache here."""
    options, settings, target = work.record.options, work.settings, work.target
    ccache = place("ccache", options.runtime)
    compiler = place(toolchain.compiler(target), options.runtime)
    if not options.use_cache or ccache is None or compiler is None:
        return None
    limit = kept.limit_bytes(settings.kept_dirs, options.cache_bytes or settings.cache_bytes)
    return CompileCache(
        kept=kept.Kept(settings.compile_cache_dir),
        most_bytes=limit // _PART_OF_COMPILED,
        ccache=ccache,
        compiler=compiler,
        toolchain=_digest(work.compilers, content(compiler, options.runtime)),
        writable=work.job.step is Step.BASE and not work.record.case.base.others,
    )


def needs(work: Work, name: str) -> tuple[str, ...]:
    """The checks that NAME builds upon, directly or not, each after those that it needs."""
    direct = work.record.plan.check(name).needs
    return tuple(dict.fromkeys(n for need in direct for n in (*needs(work, need), need)))


def remembered(work: Work, check: Check) -> Observation | None:
    """What was seen of the base before, if all its files are still there."""
    if work.job.step is not Step.BASE or not work.record.options.use_cache:
        return None
    observation = work.store.cached(_key(work, check))
    if observation is None:
        return None
    kept = (observation.seen, *observation.artifacts)
    if not all(work.artifacts.has(artifact) for artifact in kept):
        return None
    return replace(observation, cached=True)


def remember(work: Work, check: Check, observation: Observation) -> None:
    """Remember what was seen of the base; what blocks other checks is looked at each time."""
    ours = not work.record.case.base.others
    if work.job.step is Step.BASE and ours and not observation.blocks:
        with suppress(InfraError):  # what was seen holds, remembered or not
            work.store.cache(_key(work, check), observation, time.time())


def make_room(work: Work) -> None:
    """Let what was used longest ago go, so that what this job left has room."""
    asked_bytes = work.record.options.cache_bytes or work.settings.cache_bytes
    kept.keep_within(work.settings.kept_dirs, asked_bytes)
