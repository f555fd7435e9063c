# SPDX-License-Identifier: GPL-2.0-or-later
"""Who else is told of a run? Patchwork and KCIDB, where settings name them. Effects: posts."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from pipeline.model import CrosscheckError, InfraError, InputError, Series, Verdict
from pipeline.patchwork.client import Patchwork
from pipeline.patchwork.post import post
from pipeline.report.kcidb import patchset_hash, to_kcidb
from pipeline.report.patchwork import PatchCheck, begun, to_checks
from pipeline.rest import Service
from pipeline.series import mbox
from pipeline.settings import Settings
from pipeline.store import Store

Say = Callable[[str], None]


def must_be_set_up(settings: Settings) -> None:
    """Raises InputError if there is nobody to tell."""
    if not settings.patchwork_url and not settings.kcidb_url:
        raise InputError(
            "There is nowhere to publish: set CROSSCHECK_PATCHWORK_URL or CROSSCHECK_KCIDB_URL."
        )
    if settings.patchwork_url:
        _patchwork(settings)
    if settings.kcidb_url:
        _kcidb(settings)


def announce(settings: Settings, series: Series, run: str, say: Say) -> None:
    """Say that RUN has begun. That this fails is said too, and keeps nobody from running it."""
    try:
        _to_patchwork(settings, begun(series, run, settings.link(run)), say)
    except CrosscheckError as error:
        say(str(error))


def publish(settings: Settings, store: Store, verdict: Verdict, say: Say) -> None:
    """Tell everybody; may be done again. One who cannot be told keeps no other from being so."""
    failed = []
    for tell in (_tell_patchwork, _tell_kcidb):
        try:
            tell(settings, store, verdict, say)
        except InfraError as error:
            failed.append(str(error))
    if failed:
        raise InfraError(" ".join(failed))


def kcidb_report(settings: Settings, store: Store, verdict: Verdict) -> str:
    """VERDICT for KCIDB, with what the run's own directory and row say of it."""
    record = store.run(verdict.run)
    try:
        with (settings.runs_dir / verdict.run / "series.mbox").open("rb") as file:
            patches = patchset_hash(b"".join(mail) for mail in mbox.split(file, quoted=True))
    except FileNotFoundError:
        patches = ""  # it was run on another machine
    except OSError as error:
        raise InfraError(f"Cannot read {error.filename}: {error.strerror}.") from error
    started_at = record.created_at if record else None
    return to_kcidb(verdict, settings.kcidb_origin, patches=patches, started_at=started_at)


def _patchwork(settings: Settings) -> Patchwork:
    if not settings.patchwork_token:
        raise InputError("Patchwork takes checks from users only: set CROSSCHECK_PATCHWORK_TOKEN.")
    return Patchwork(settings.patchwork_url, settings.patchwork_token)


def _tell_patchwork(settings: Settings, _store: Store, verdict: Verdict, say: Say) -> None:
    _to_patchwork(settings, to_checks(verdict, settings.link(verdict.run)), say)


def _to_patchwork(settings: Settings, checks: tuple[PatchCheck, ...], say: Say) -> None:
    if not settings.patchwork_url:
        return
    if not checks:
        say("Patchwork is told nothing: no patch of the series has a Message-ID.")
        return
    posted = post(_patchwork(settings), checks)
    for message_id in posted.unknown:
        say(f"Patchwork has no patch <{message_id}>.")
    say(f"Patchwork: {posted.new} checks posted, {posted.there} were there.")


def _kcidb(settings: Settings) -> Service:
    """The service that CROSSCHECK_KCIDB_URL (`https://TOKEN@HOST[/PATH]`) names."""
    named = urlsplit(settings.kcidb_url)
    token, at, host = named.netloc.rpartition("@")
    if named.scheme not in ("http", "https") or not at or not token or not host:
        raise InputError("CROSSCHECK_KCIDB_URL: write it as https://TOKEN@HOST.")
    path = named.path.rstrip("/").removesuffix("/submit")
    url = f"{named.scheme}://{host}{path}"
    return Service("KCIDB", url, "CROSSCHECK_KCIDB_URL", f"Bearer {token}")


def _tell_kcidb(settings: Settings, store: Store, verdict: Verdict, say: Say) -> None:
    if settings.kcidb_url:
        report = json.loads(kcidb_report(settings, store, verdict))
        _kcidb(settings).post("/submit", report)
        say(f"KCIDB: {len(report['builds'])} builds and {len(report['tests'])} tests submitted.")
