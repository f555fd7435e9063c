# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line, without a process of its own."""

from __future__ import annotations

from click.testing import CliRunner

from pipeline.cli import cli


def call(*words: str) -> str:
    """What `crosscheck WORDS` says; raises what it raises."""
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.output
