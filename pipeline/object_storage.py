# SPDX-License-Identifier: GPL-2.0-or-later
"""Files by their content in S3-compatible object storage. Effects: asks, and writes, there.

Endpoint, region and credentials are boto3's own to find (AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_PROFILE, ~/.aws): none is ever in an address of ours, a log or a result.
Wanted are s3:GetObject, s3:PutObject and s3:ListBucket, without which S3 says of what is not there
that it is forbidden; with s3:DeleteObject, damaged objects go by themselves.

Nothing is removed here for its age: workers that run others' code need no right to delete. A
lifecycle rule of the bucket does it ("expire N days after creation", N at least 7), and what is
used is copied onto itself about once a day, which makes it young again. (S3 API: CopyObject,
PutBucketLifecycleConfiguration.) An object is written by one PutObject: it is there whole or not
at all, and has 5 GB at most.
"""

from __future__ import annotations

import base64
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.model import Artifact, InfraError, InputError

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        EndpointResolutionError,
        IncompleteReadError,
        ReadTimeoutError,
        ResponseStreamingError,
    )
except ModuleNotFoundError as error:
    raise InfraError(
        "CROSSCHECK_ARTIFACTS_URL needs boto3: install crosscheck with its extra, crosscheck[s3]."
    ) from error

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: What is older than this is made young again when it is used.
_YOUNG_S = 24 * 3600.0
#: How often a download is begun that breaks off; botocore itself repeats single requests.
_FETCH_TRIES = 3
_MISSING = frozenset({"404", "NoSuchKey"})
_CHUNK_BYTES = 1 << 20
_NO_ENDPOINT = (
    "The endpoint of the artifact store is no address: write AWS_ENDPOINT_URL_S3, or whichever of"
    " boto3's settings names it, as http://HOST:PORT or https://HOST."
)


@cache
def _client() -> S3Client:
    """Buckets in paths, which every server understands; checksums are ours, not trailers."""
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        retries={"total_max_attempts": 4, "mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": "path"},
    )
    try:
        return boto3.session.Session().client("s3", config=config)
    except BotoCoreError:
        raise
    except ValueError:
        raise InputError(_NO_ENDPOINT) from None


def _is_missing(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in _MISSING


@dataclass(frozen=True, slots=True)
class ObjectStorage:
    """Objects in BUCKET whose keys begin with PREFIX, which is "" or ends with a slash."""

    bucket: str
    prefix: str

    @property
    def named(self) -> str:
        """As the user named it, without a slash at its end."""
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def _key(self, artifact: Artifact) -> str:
        return f"{self.prefix}{artifact.ref.removeprefix('sha256:')}"

    def reach(self) -> None:
        """Raise InfraError if it does not answer, or refuses us."""
        with self._failing():
            _client().head_bucket(Bucket=self.bucket)

    def has(self, artifact: Artifact) -> bool:
        """Whether ARTIFACT is there, of its full size; if so, it stays for long."""
        key = self._key(artifact)
        with self._failing():
            try:
                head = _client().head_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if _is_missing(error):
                    return False
                raise
            if head["ContentLength"] != artifact.size_bytes:
                return False
            if time.time() - head["LastModified"].timestamp() > _YOUNG_S:
                self._make_young(key)
        return True

    def _make_young(self, key: str) -> None:
        _client().copy_object(
            Bucket=self.bucket,
            Key=key,
            CopySource={"Bucket": self.bucket, "Key": key},
            MetadataDirective="REPLACE",  # without it, S3 refuses to copy onto itself
            Metadata={"mtime": f"{time.time()}"},  # for servers that keep the times of files
        )

    def send(self, artifact: Artifact, file: Path) -> None:
        """Store FILE; the server compares what came with ARTIFACT's hash."""
        digest = bytes.fromhex(artifact.ref.removeprefix("sha256:"))
        with self._failing(), file.open("rb") as stream:
            _client().put_object(
                Bucket=self.bucket,
                Key=self._key(artifact),
                Body=stream,
                ContentLength=artifact.size_bytes,
                ChecksumSHA256=base64.b64encode(digest).decode(),
            )

    def fetch(self, artifact: Artifact, place: Path) -> bool:
        """Write ARTIFACT to PLACE, unchecked; False if it is not there."""
        for left in reversed(range(_FETCH_TRIES)):
            with self._failing():
                try:
                    return self._fetch(self._key(artifact), place)
                except (IncompleteReadError, ReadTimeoutError, ResponseStreamingError):
                    if not left:
                        raise
        return False

    def _fetch(self, key: str, place: Path) -> bool:
        try:
            got = _client().get_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if _is_missing(error):
                return False
            raise
        with got["Body"] as body, place.open("wb") as stream:
            shutil.copyfileobj(body, stream, _CHUNK_BYTES)
        if time.time() - got["LastModified"].timestamp() > _YOUNG_S:
            self._make_young(key)
        return True

    def remove(self, artifact: Artifact) -> bool:
        """Remove ARTIFACT; False if that is not allowed, or cannot be done."""
        try:
            _client().delete_object(Bucket=self.bucket, Key=self._key(artifact))
        except (BotoCoreError, ClientError):
            return False
        return True

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Turn what boto3 raises into one sentence, without what it says: that names endpoints."""
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise InfraError(
                f"The artifact store {self.named} refuses us ({code}): check that its bucket is"
                " there, and the AWS_* variables or ~/.aws of this machine."
            ) from None
        except EndpointResolutionError:
            raise InputError(_NO_ENDPOINT) from None
        except BotoCoreError as error:
            raise InfraError(
                f"The artifact store {self.named} cannot be used ({type(error).__name__}): check"
                " that its server is up, and the AWS_* variables or ~/.aws of this machine."
            ) from None


def open_storage(url: str) -> ObjectStorage:
    """What URL, s3://BUCKET/PREFIX, names. Raises InputError if it is none; it may hold secrets."""
    found = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]+)(?:/+([A-Za-z0-9!_.*'()/-]*))?", url)
    if not found:
        raise InputError(
            "CROSSCHECK_ARTIFACTS_URL is no s3://BUCKET/PREFIX; the endpoint and the credentials"
            " belong into AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    prefix = (found[2] or "").strip("/")
    return ObjectStorage(found[1], f"{prefix}/" if prefix else "")
