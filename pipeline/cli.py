# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line: finds the command, and says in one sentence what kept it from working."""

from __future__ import annotations

import sys
import traceback

import click

from pipeline.commands import known, lists, machines, outbox, perf, run, runs
from pipeline.commands.common import BAD_INPUT, ERROR, PASSED, say
from pipeline.model import CrosscheckError, InputError
from pipeline.settings import load
from pipeline.temporary import use_temporary_dir


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="crosscheck")
def cli() -> None:
    """Check a Linux kernel patch series on every architecture that it affects."""
    use_temporary_dir(load())


for _command in (
    run.run,
    run.plan,
    runs.runs,
    runs.show,
    perf.perf,
    runs.logs,
    runs.reproduce,
    runs.recheck,
    runs.publish_run,
    known.known,
    lists.watch,
    lists.submissions,
    outbox.outbox,
    machines.targets,
    machines.cache,
    machines.doctor,
    machines.worker,
    machines.beat,
    machines.workers,
):
    cli.add_command(_command)


def main() -> None:
    """The `crosscheck` command."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(BAD_INPUT)
    except (click.Abort, KeyboardInterrupt):
        say("interrupted.")
        sys.exit(ERROR)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has enough of it
        sys.exit(PASSED)
    except InputError as error:
        say(str(error))
        sys.exit(BAD_INPUT)
    except CrosscheckError as error:
        say(str(error))
        sys.exit(ERROR)
    except Exception as error:  # noqa: BLE001 (a user gets a sentence, whatever happened)
        say(_unexpected(error))
        sys.exit(ERROR)


def _unexpected(error: Exception) -> str:
    """One sentence about a fault of ours; the traceback goes to a file."""
    said = f"internal error: {type(error).__name__}: {error}"
    try:
        directory = load().state_dir
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / "internal-error.txt"
        file.write_text("".join(traceback.format_exception(error)))
    except OSError:
        return said
    return f"{said} (please report it with {file})"


if __name__ == "__main__":
    main()
