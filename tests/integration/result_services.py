# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers that take results, on loopback, real HTTP: as much of Patchwork's REST API 1.3 and of
KCIDB's submission API as we use, refusing what they refuse.

Patchwork is no package of any registry, so this is its published API and no Patchwork: paths,
parameters, the CheckCreate schema and the errors are those of docs/api/schemas/v1.3, tokens and
permissions those of Django REST framework.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jsonschema
from kcidb_io.schema import LATEST

TOKEN = "a-token-that-nobody-may-ever-see-0001"
PATCHWORK, KCIDB = f"Token {TOKEN}", f"Bearer {TOKEN}"

CHECK_CREATE = {
    "type": "object",
    "required": ["state"],
    "properties": {
        "state": {"enum": ["pending", "success", "warning", "fail"]},
        "target_url": {"type": ["null", "string"], "pattern": "^https?://", "maxLength": 200},
        "context": {"type": "string", "pattern": "^[-a-zA-Z0-9_]+$", "maxLength": 255},
        "description": {"type": ["null", "string"]},
    },
}


@dataclass
class Services:
    """What they know and got. FAULTS are answers that come before any other: (status, headers)."""

    patches: dict[str, list[int]] = field(default_factory=dict)  # by Message-ID
    checks: dict[int, list[dict]] = field(default_factory=dict)
    reports: list[dict] = field(default_factory=list)
    faults: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    may_check: bool = True
    url: str = ""

    def know(self, *message_ids: str) -> None:
        for message_id in message_ids:
            patch = len(self.checks) + 1
            self.patches.setdefault(message_id, []).append(patch)
            self.checks[patch] = []

    def shown(self) -> dict[int, list[tuple[str, str]]]:
        """(state, description) of all checks, oldest first, by patch."""
        return {
            patch: [(check["state"], check["description"]) for check in checks]
            for patch, checks in self.checks.items()
        }

    def answer(self, method: str, path: str, query: dict, authorization: str, body: str):
        if path == "/submit" and method == "POST":
            return self._submitted(authorization, body)
        if not path.endswith("/"):
            return 301, {"Location": f"{path}/"}, None
        if authorization.startswith("Token ") and authorization != PATCHWORK:
            return 401, {}, {"detail": f"Invalid token: {authorization}"}
        return self._patchwork(method, path, query, authorization, body)

    def _patchwork(self, method: str, path: str, query: dict, authorization: str, body: str):
        match method, path.strip("/").split("/"):
            case "GET", ["api", "1.3", "patches"]:
                found = self.patches.get(query.get("msgid", ""), [])
                return 200, {}, [{"id": n, "name": "a patch", "check": "pending"} for n in found]
            case "GET", ["api", "1.3", "patches", n, "checks"] if int(n) in self.checks:
                return 200, {}, self._listed(int(n), query)
            case "POST", ["api", "1.3", "patches", n, "checks"] if int(n) in self.checks:
                return self._created(int(n), authorization, body)
        return 404, {}, {"detail": "Not found."}

    def _listed(self, patch: int, query: dict) -> list[dict]:
        checks = [c for c in self.checks[patch] if query.get("context") in (None, c["context"])]
        checks.sort(key=lambda check: check["id"], reverse=query.get("order") == "-id")
        return checks[: min(250, int(query.get("per_page", 30)))]

    def _created(self, patch: int, authorization: str, body: str):
        if authorization != PATCHWORK or not self.may_check:
            return 403, {}, {"detail": "You do not have permission to perform this action."}
        check = json.loads(body)
        try:
            jsonschema.validate(check, CHECK_CREATE)
        except jsonschema.ValidationError as error:
            return 400, {}, {error.path[0] if error.path else "": [error.message]}
        number = sum(map(len, self.checks.values())) + 1
        made = {"context": "default", "description": None, "target_url": None} | check
        self.checks[patch].append(made | {"id": number, "user": {"id": 1}})
        return 201, {}, self.checks[patch][-1]

    def _submitted(self, authorization: str, body: str):
        if authorization != KCIDB:
            return 401, {}, {"status": "error", "message": "Invalid JWT"}
        self.reports.append(LATEST.validate(json.loads(body)))
        return 200, {}, {"status": "ok"}


class _Handler(BaseHTTPRequestHandler):
    services: Services
    protocol_version = "HTTP/1.1"

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        self.services.requests.append(f"{self.command} {self.path}")
        if self.services.faults:
            status, headers = self.services.faults.pop(0)
            self._send(status, headers, {"detail": "busy"})
            return
        authorization = self.headers.get("Authorization", "")
        self._send(*self.services.answer(self.command, address.path, query, authorization, body))

    do_GET = do_POST = _do  # noqa: N815 (http.server's names)

    def _send(self, status: int, headers: dict[str, str], answer: object) -> None:
        raw = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(raw))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@contextmanager
def running() -> Iterator[Services]:
    """Both services on one port."""
    services = Services()
    handler = type("Handler", (_Handler,), {"services": services})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        services.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield services
        finally:
            server.shutdown()
            thread.join()
