# SPDX-License-Identifier: GPL-2.0-or-later
"""What a Patchwork server knows, and how it is told. Effects: its REST API, version 1.3.

https://patchwork.readthedocs.io/en/latest/api/rest/
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from pipeline.model import InfraError
from pipeline.report.patchwork import CONTEXT, PatchCheck
from pipeline.rest import Service

_API = "/api/1.3"


class _Patch(BaseModel):
    id: int


class _Check(BaseModel):
    id: int
    state: str
    description: str | None = None
    target_url: str | None = None


_PATCHES = TypeAdapter(list[_Patch])
_CHECKS = TypeAdapter(list[_Check])


class Patchwork:
    """A server. Patches are named by its own numbers; one may be in several of its projects."""

    def __init__(self, url: str, token: str, *, tries: int = 5, pause_s: float = 0.5) -> None:
        self._service = Service(
            "Patchwork",
            url,
            "CROSSCHECK_PATCHWORK_URL",
            f"Token {token}",
            tries=tries,
            pause_s=pause_s,
        )

    def patches(self, message_id: str) -> tuple[int, ...]:
        """The patches that were posted as MESSAGE_ID, without brackets."""
        found = self._service.get(f"{_API}/patches/", msgid=message_id)
        return tuple(patch.id for patch in _parsed(_PATCHES, found))

    def says(self, patch: int, check: PatchCheck) -> bool:
        """Whether CHECK is what PATCH shows: of our context, the latest one counts."""
        query: dict[str, Any] = {"context": CONTEXT, "order": "-id", "per_page": 250}
        checks = _parsed(_CHECKS, self._service.get(f"{_API}/patches/{patch}/checks/", **query))
        latest = max(checks, key=lambda known: known.id, default=None)
        return latest is not None and (
            latest.state,
            latest.description or "",
            latest.target_url or "",
        ) == (check.state, check.description, check.target_url)

    def post(self, patch: int, check: PatchCheck) -> None:
        """Have PATCH show CHECK."""
        body = {
            "state": str(check.state),
            "context": CONTEXT,
            "description": check.description,
            "target_url": check.target_url or None,
        }
        # Without the slash, Django answers with a redirection, which loses the body.
        self._service.post(f"{_API}/patches/{patch}/checks/", body)


def _parsed(kind: TypeAdapter[list[Any]], answer: Any) -> list[Any]:
    try:
        return kind.validate_python(answer)
    except ValidationError as error:
        raise InfraError(
            "The server at CROSSCHECK_PATCHWORK_URL does not answer as Patchwork's API 1.3 does."
        ) from error
