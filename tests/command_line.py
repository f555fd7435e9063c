# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line, without a process of its own."""

from __future__ import annotations

import os
import tempfile
from unittest.mock import patch

from click.testing import CliRunner

from pipeline.cli import cli


def call(*words: str) -> str:
    """What `crosscheck WORDS` says; raises what it raises."""
    # It puts its process's temporary files into its cache; this process has others to come.
    with patch.dict(os.environ), patch.object(tempfile, "tempdir", tempfile.tempdir):
        result = CliRunner().invoke(cli, words, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output
