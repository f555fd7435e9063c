# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON over HTTP with a service that knows us by a token. Effects: asks and posts.

What passes (no connection, 429, 5xx) is tried again, as long as Retry-After asks for if that is
not long. All else is an InfraError in one sentence. The token goes to the service's own address
only: redirections are not followed, and ~/.netrc is not read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from pipeline.addresses import shown
from pipeline.model import InfraError, InputError
from pipeline.report.wording import clipped, one_line

_TIMEOUT_S = (10, 60)
_PASSING = (429, 500, 502, 503, 504)
_LONGEST_WAIT_S = 60
_SAID_CHARS = 200


@dataclass(frozen=True, slots=True)
class Service:
    """NAME is what people call it, AUTHORIZATION the header that lets us in ("": none)."""

    name: str
    url: str  # without a slash at its end
    setting: str  # the variable that says where it is
    authorization: str = ""
    tries: int = 5
    pause_s: float = 0.5  # before the third try; doubled before each further one

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[!-~]+ [!-~]+|", self.authorization):
            raise InputError(f"The token for {self.name} has blanks or letters that none has.")

    def get(self, path: str, **query: str | int) -> Any:
        """The JSON at PATH below the service's address."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the service answers to BODY. It may get it twice, if an answer was lost."""
        return self._ask("POST", path, json=body)

    def _ask(self, method: str, path: str, **what: Any) -> Any:
        with requests.Session() as session:
            session.mount("http://", self._adapter())
            session.mount("https://", self._adapter())
            session.auth = self._sign
            try:
                answer = session.request(
                    method, self.url + path, timeout=_TIMEOUT_S, allow_redirects=False, **what
                )
            except requests.RequestException as error:
                raise InfraError(f"{self._named} cannot be reached: {_reason(error)}.") from error
        return self._read(answer)

    def _adapter(self) -> HTTPAdapter:
        retry = Retry(
            total=self.tries - 1,
            status_forcelist=_PASSING,
            allowed_methods=None,
            backoff_factor=self.pause_s,
            retry_after_max=_LONGEST_WAIT_S,
            raise_on_status=False,
        )
        return HTTPAdapter(max_retries=retry)

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.authorization:
            request.headers["Authorization"] = self.authorization
        return request

    @property
    def _named(self) -> str:
        return f"{self.name} at {shown(self.url)}"

    def _read(self, answer: requests.Response) -> Any:
        if answer.is_redirect:
            raise InfraError(
                f"{self._named} is elsewhere now: set {self.setting} to"
                f" {shown(one_line(answer.headers['Location']))}."
            )
        if not answer.ok:
            said = f": {self._said(answer)}" if answer.text.strip() else ""
            raise InfraError(f"{self._named} answers {answer.status_code}{said}.")
        try:
            return answer.json()
        except requests.JSONDecodeError as error:
            raise InfraError(f"{self._named} answers no JSON: is {self.setting} right?") from error

    def _said(self, answer: requests.Response) -> str:
        """Its reason, without our token if it repeats that."""
        text = answer.text
        for secret in self.authorization.split()[1:]:
            text = text.replace(secret, "***")
        return clipped(one_line(text), _SAID_CHARS).rstrip(".")


def _reason(error: requests.RequestException) -> str:
    """What went wrong, without the library's own words for where it happened."""
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not to be trusted"
    if isinstance(error, requests.Timeout):
        return "it does not answer in time"
    if isinstance(error, ValueError):  # as requests has it for addresses
        return "its address is none"
    return "no connection, or it broke off"
