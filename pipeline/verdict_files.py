# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a verdict lies in its run's directory, for whoever has a web server show that. Effects:
writes files.
"""

from __future__ import annotations

from pipeline.model import Verdict
from pipeline.outputs import writing
from pipeline.report.json import to_json
from pipeline.report.terminal import to_text
from pipeline.settings import Settings


def leave(settings: Settings, verdict: Verdict) -> None:
    """Write VERDICT beside the series and the reproducers, if they are on this machine.

    Raises InfraError if it cannot be written.
    """
    directory = settings.runs_dir / verdict.run
    if not directory.is_dir():
        return
    with writing():
        (directory / "verdict.txt").write_text(to_text(verdict), encoding="utf-8")
        (directory / "verdict.json").write_text(to_json(verdict), encoding="utf-8")
