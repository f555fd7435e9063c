# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are and which services to use: the environment, read once.

Everything that crosscheck writes lies under two directories, which the XDG base directory
specification names: the cache (can be deleted at any time) and the state (runs, logs).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.addresses import git_address, redis_address, shown
from pipeline.model import InputError

#: Set by `crosscheck worker` for its processes.
WORKER_CORES = "CROSSCHECK_WORKER_CORES"
#: What commands can be sandboxed with (`workers.sandbox`); the first one is the default.
RUNTIMES = ("bubblewrap", "docker", "none")
#: Patchwork takes links of 200 characters, and a run's name is longer than `{run}`.
_LINK_CHARS = 170


@dataclass(frozen=True, slots=True)
class Settings:
    """Paths and addresses of one installation."""

    cache_dir: Path  # sources, git objects, base observations' files
    state_dir: Path  # the database, runs, logs
    redis_url: str  # "" means: start a private one
    database_url: str
    matrix: Path
    sender: str  # From of the replies
    worker_cores: int = 1  # how many jobs a make of a worker may run that is not told
    serves_others: bool = False  # whether this is a process of `crosscheck worker`
    runtime: str = RUNTIMES[0]  # what commands are sandboxed with, where nothing else is asked
    images: str = "crosscheck"  # what the names of images begin with
    cache_bytes: int = 0  # how much may be kept; 0: half of what the disk has left
    artifacts_url: str = ""  # object storage that all hosts share; "": they share artifacts_dir
    git_url: str = ""  # repository that brings trees to workers; "": they share git_dir
    keep_days: int = 0  # how long artifacts stay that nobody uses; 0: for ever
    lists: Path | None = None  # which mailing lists are watched (`pipeline.lists.config`)
    lore_url: str = "https://lore.kernel.org/all"  # archive that has mails by their Message-ID
    authserv: tuple[str, ...] = ()  # whose word on a mail's sender counts (`pipeline.lists.dkim`)
    check_dkim: bool = True  # whether signatures of mails are checked here, with keys from DNS
    smtp_url: str = ""  # server that takes our mails: smtp://user:password@host:port, or smtps
    patchwork_url: str = ""  # server that shows checks beside patches
    patchwork_token: str = field(default="", repr=False)
    kcidb_url: str = field(default="", repr=False)  # https://TOKEN@HOST[/PATH], as KernelCI has it
    run_url: str = ""  # where people read of a run: an address with {run} in it
    kcidb_origin: str = "crosscheck"  # by which name KCIDB knows this installation

    @property
    def git_dir(self) -> Path:
        """Our own bare repository: imported trees and patched commits."""
        return self.cache_dir / "git"

    @property
    def fetched_dir(self) -> Path:
        """A repository that says which trees were fetched into our own, and has no objects."""
        return self.cache_dir / "fetched"

    @property
    def published_dir(self) -> Path:
        """A file for each run whose source trees this machine pushed: by whom."""
        return self.state_dir / "published"

    @property
    def sources_dir(self) -> Path:
        """Checked-out source trees, by tree id."""
        return self.cache_dir / "checkouts"

    @property
    def warm_dir(self) -> Path:
        """Finished builds of bases, by what they were built with and by tree id."""
        return self.cache_dir / "warm"

    @property
    def compile_cache_dir(self) -> Path:
        """What compilers made. Commands of any user write it, so that its parent is ours alone."""
        return self.cache_dir / "compiled" / "ccache"

    @property
    def kept_dirs(self) -> tuple[Path, ...]:
        """Where directories are that can be made again, and make room for others."""
        return self.sources_dir, self.warm_dir, self.compile_cache_dir.parent

    @property
    def artifacts_dir(self) -> Path:
        """The content-addressed store, or what this machine has of it."""
        return self.state_dir / "artifacts"

    @property
    def temporary_dir(self) -> Path:
        """For files that nobody needs for long, by process (`pipeline.temporary`)."""
        return self.cache_dir / "tmp"

    @property
    def builds_dir(self) -> Path:
        """Build directories of jobs that are running."""
        return self.cache_dir / "builds"

    @property
    def outbox_dir(self) -> Path:
        """Answers that are written instead of sent, by list."""
        return self.state_dir / "outbox"

    def link(self, run: str) -> str:
        """Where people read of RUN; "" if nowhere."""
        return self.run_url.replace("{run}", run)

    @property
    def runs_dir(self) -> Path:
        """A directory per run: its series, verdict, reproducers and logs."""
        return self.state_dir / "runs"


def _xdg(environ: Mapping[str, str], variable: str, default: str) -> Path:
    """An XDG base directory; relative paths are invalid there and ignored, as it asks."""
    named = environ.get(variable, "")
    base = Path(named) if named.startswith("/") else Path(environ.get("HOME", "/root")) / default
    return base / "crosscheck"


def size_bytes(text: str) -> int:
    """What TEXT (500M, 20G, 1.5T; a plain number is in bytes) means. Raises ValueError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not found:
        raise ValueError(f"{text!r} is no size: write it as 500M or 20G")
    size = int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " "))
    if not 0 < size < 1 << 60:
        raise ValueError(f"{text!r} is no size for a cache")
    return size


def _bytes(variable: str, text: str) -> int:
    try:
        return size_bytes(text) if text else 0
    except ValueError as error:
        raise InputError(f"{variable}: {error}.") from None


def _secret(env: Mapping[str, str], variable: str, default: str) -> str:
    """What VARIABLE says, or the file that VARIABLE_FILE names; where secrets may come from."""
    file = env.get(f"{variable}_FILE", "")
    if not file:
        return env.get(variable) or default
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{variable}_FILE: cannot read {file}.") from error


def _address(env: Mapping[str, str], variable: str, default: str) -> str:
    """As `_secret`, of a service without which nothing works: whoever names a file wants it."""
    address = _secret(env, variable, default)
    if not address and (file := env.get(f"{variable}_FILE")):
        raise InputError(f"{variable}_FILE: {file} is empty: write the address into it.")
    return address


def _runtime(name: str) -> str:
    if name not in RUNTIMES:
        raise InputError(f"CROSSCHECK_RUNTIME: {name!r} is none of {', '.join(RUNTIMES)}.")
    return name


def _days(variable: str, text: str) -> int:
    if not text.isdecimal() or len(text) > len("36500"):
        raise InputError(f"{variable}: {text!r} is no number of days: write 30, or 0 for ever.")
    return int(text)


def _origin(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise InputError(f"CROSSCHECK_KCIDB_ORIGIN: {name!r} has more than a-z, 0-9 and _ in it.")
    return name


def _archive(url: str) -> str:
    if not re.match(r"https?://[^/]", url):
        raise InputError(f"CROSSCHECK_LORE_URL: {shown(url)!r} is no http:// or https:// address.")
    return url.rstrip("/")


def _run_url(url: str) -> str:
    if url and not ("{run}" in url and _is_address(url.replace("{run}", "r"))):
        raise InputError(
            f"CROSSCHECK_RUN_URL: {shown(url)!r} is no http:// or https:// address with {{run}}"
            " in it."
        )
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise InputError("CROSSCHECK_RUN_URL has a user in it, and is shown to everybody.")
    if len(url) > _LINK_CHARS:
        raise InputError(f"CROSSCHECK_RUN_URL has more than {_LINK_CHARS} characters.")
    return url


def _is_address(url: str) -> bool:
    """Whether URL has a host, and nothing that stands in no address."""
    try:
        named = urlsplit(url)
        host, port = named.hostname or "", named.port
    except ValueError:
        return False
    return bool(re.fullmatch(r"https?://[!-~]+", url) and re.match(r"\w|:", host)) and (
        port != 0 and not set('"<>') & set(url)
    )


def _switch(variable: str, text: str) -> bool:
    if text not in ("on", "off"):
        raise InputError(f"{variable}: {text!r} is neither on nor off.")
    return text == "on"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings that ENVIRON (default: this process's) asks for."""
    env = os.environ if environ is None else environ
    cache = _xdg(env, "XDG_CACHE_HOME", ".cache")
    state = _xdg(env, "XDG_STATE_HOME", ".local/state")
    matrix = env.get("CROSSCHECK_MATRIX")
    return Settings(
        cache_dir=cache,
        state_dir=state,
        redis_url=redis_address(_address(env, "CROSSCHECK_REDIS_URL", "")),
        database_url=_address(
            env, "CROSSCHECK_DATABASE_URL", f"sqlite:///{state / 'crosscheck.db'}"
        ),
        matrix=Path(matrix) if matrix else Path(__file__).parent.parent / "matrix.yaml",
        cache_bytes=_bytes("CROSSCHECK_CACHE_SIZE", env.get("CROSSCHECK_CACHE_SIZE", "")),
        worker_cores=int(env.get(WORKER_CORES, "1")),
        serves_others=WORKER_CORES in env,
        runtime=_runtime(env.get("CROSSCHECK_RUNTIME") or RUNTIMES[0]),
        images=env.get("CROSSCHECK_IMAGES", "crosscheck"),
        artifacts_url=env.get("CROSSCHECK_ARTIFACTS_URL", ""),
        git_url=git_address(_address(env, "CROSSCHECK_GIT_URL", "")),
        keep_days=_days("CROSSCHECK_KEEP_DAYS", env.get("CROSSCHECK_KEEP_DAYS") or "0"),
        lists=Path(env["CROSSCHECK_LISTS"]) if env.get("CROSSCHECK_LISTS") else None,
        lore_url=_archive(env.get("CROSSCHECK_LORE_URL") or "https://lore.kernel.org/all"),
        authserv=tuple(env.get("CROSSCHECK_AUTHSERV_ID", "").lower().split()),
        check_dkim=_switch("CROSSCHECK_DKIM", env.get("CROSSCHECK_DKIM") or "on"),
        smtp_url=_secret(env, "CROSSCHECK_SMTP_URL", ""),
        patchwork_url=env.get("CROSSCHECK_PATCHWORK_URL", "").rstrip("/"),
        patchwork_token=_secret(env, "CROSSCHECK_PATCHWORK_TOKEN", ""),
        kcidb_url=_secret(env, "CROSSCHECK_KCIDB_URL", ""),
        run_url=_run_url(env.get("CROSSCHECK_RUN_URL", "")),
        kcidb_origin=_origin(env.get("CROSSCHECK_KCIDB_ORIGIN") or "crosscheck"),
        sender=env.get("CROSSCHECK_SENDER", "crosscheck <crosscheck@localhost>"),
    )
