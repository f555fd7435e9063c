# SPDX-License-Identifier: GPL-2.0-or-later
"""The Celery application and its settings: transport only, the database is the truth.

A message is a little JSON under a content type of its own, which names the version of its form:
whatever else lies in a queue, another version's messages and pickles among it, is dropped unread.

Messages are acknowledged as soon as a worker has them: whether the job then comes back is
watched by its lease in the database (`pipeline.coordinator`), which also covers what a
queue cannot know, and lost messages are sent again. Results do not travel.
"""

from __future__ import annotations

import json
import time
import warnings
from typing import Any

from celery import Celery
from celery.exceptions import SecurityWarning
from kombu import serialization
from kombu.exceptions import KombuError
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from pipeline.addresses import shown
from pipeline.model import InfraError, InputError


class RedisAwayError(InfraError):
    """Redis did not take a message: send it again later."""


#: (run, job id, attempt, cores) -> None. CORES 0: as many as the worker has for a job.
RUN_JOB = "crosscheck.run_job"

#: Raised with every change of what a message says.
_MESSAGE = "crosscheck-1"
_CONTENT_TYPE = f"application/x-{_MESSAGE}+json"
#: Names and numbers; what is longer was not sent by us.
_MESSAGE_BYTES = 4096


def _decode(text: str | bytes) -> Any:
    if len(text) > _MESSAGE_BYTES:
        raise ValueError(f"a message of more than {_MESSAGE_BYTES} bytes")
    return json.loads(text)


serialization.register(  # type: ignore[no-untyped-call]  # kombu has no types
    _MESSAGE, json.dumps, _decode, _CONTENT_TYPE, "utf-8"
)

# It is about messages that are pickles, which are dropped here: any user may run a worker.
warnings.filterwarnings("ignore", category=SecurityWarning)


def make_app(broker_url: str) -> Celery:
    """An application that talks to the Redis at BROKER_URL."""
    app = Celery("crosscheck", broker=broker_url, backend=None)
    app.conf.update(
        task_ignore_result=True,
        task_serializer=_MESSAGE,
        accept_content=[_MESSAGE],
        task_default_queue="crosscheck",
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_timeout": 10,
            "socket_connect_timeout": 5,
            "retry_on_timeout": True,
        },
        task_publish_retry=False,
    )
    return app


def send(app: Celery, queue: str, *, run: str, job: str, attempt: int, cores: int) -> None:
    """Send one message to run a job. Raises RedisAwayError."""
    try:
        app.send_task(RUN_JOB, args=(run, job, attempt, cores), queue=f"crosscheck.{queue}")
    except (KombuError, RedisError, OSError) as error:
        raise RedisAwayError(f"Redis does not answer: {error}.") from error


def reach(app: Celery) -> None:
    """Raises InfraError if the Redis of APP cannot be reached or refuses us, and InputError if the
    options in its address are none.
    """
    redis = f"The Redis of CROSSCHECK_REDIS_URL, {shown(app.conf.broker_url)},"
    try:
        with app.connection_for_write() as connection:
            connection.connect()
    except AuthenticationError as error:
        raise InfraError(
            f"{redis} wants a password, and not what the address says: write it as"
            " redis://:PASSWORD@HOST:6379/0."
        ) from error
    except ResponseError as error:
        raise InfraError(f"{redis} refuses us ({error}): correct the address.") from error
    except (KombuError, RedisError, OSError) as error:
        raise InfraError(
            f"{redis} does not answer ({error}): start it, correct the address, or unset the"
            " variable, and a private one is started."
        ) from error
    except Exception as error:  # of whoever was given an option
        raise InputError(
            f"CROSSCHECK_REDIS_URL: what follows its ? is not understood ({error}): write it as in"
            " docs/operating.md."
        ) from error


def _bell(run: str) -> str:
    return f"crosscheck.bell.{run}"


class Bell:
    """Rung by a worker when a job of a run is done, so that its coordinator need not look often.

    Nothing depends on its being heard: the coordinator looks on a clock as well. One of these, with
    one connection to the Redis of APP, does for a process.
    """

    #: Of what rang for nobody.
    _FORGOTTEN_S = 600

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._client: Any = None

    def _redis(self) -> Any:
        """Kombu's own client, so that an address means the same everywhere."""
        if self._client is None:
            self._client = self._app.connection_for_write().default_channel.client
        return self._client

    def ring(self, run: str) -> None:
        """Have one `wait` for RUN return, now or later."""
        name = _bell(run)
        try:
            with self._redis().pipeline() as at_once:
                at_once.lpush(name, "")
                at_once.ltrim(name, 0, 0)
                at_once.expire(name, self._FORGOTTEN_S)
                at_once.execute()
        except (KombuError, RedisError, OSError):
            self._client = None

    def wait(self, run: str, seconds: float) -> None:
        """Until it rings for RUN, SECONDS at most."""
        end = time.monotonic() + seconds
        try:
            self._redis().blpop(_bell(run), timeout=seconds)
        except (KombuError, RedisError, OSError):
            self._client = None
            time.sleep(max(0.0, end - time.monotonic()))
