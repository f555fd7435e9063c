# SPDX-License-Identifier: GPL-2.0-or-later
"""How is a mail written to a folder? Whole or not at all, and once, however often it is tried."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from pipeline.store.records import OutMail


def place(mail: OutMail, outbox_dir: Path) -> Path:
    """Where MAIL goes below OUTBOX_DIR; in a folder, names are in the order of time."""
    made = time.strftime("%Y%m%d-%H%M%S", time.gmtime(mail.created_at))
    name = re.sub(r"[^A-Za-z0-9@._-]", "-", mail.message_id)[-200:]
    return outbox_dir / mail.list_name / f"{made}-{name}.eml"


def write(mail: OutMail, outbox_dir: Path) -> Path:
    """Write MAIL, and say where it is. Raises OSError."""
    file = place(mail, outbox_dir)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}")
    with part.open("wb") as out:
        out.write(mail.message)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
    return file
