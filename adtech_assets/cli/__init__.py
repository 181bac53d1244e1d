"""The `adtech` command.

Modules import what they need inside their functions: `adtech --help` must not wait for Dagster.
"""

from __future__ import annotations

import errno
import io
import signal
import sys
import warnings
from typing import NoReturn

from adtech_assets import log_lines
from adtech_assets.cli.app import app
from adtech_assets.environment import PROJECT_DIR, begin, forget, use_own_dagster, use_utf8
from adtech_assets.errors import TransientError, UserError
from adtech_assets.files import DISK_FAULTS

STOPPED = 130
"""Exit code of a command that was stopped; typer's for Ctrl-C, as shells have it."""


def main() -> None:
    """Run the command; a person's mistake ends in one line and exit code 1."""
    use_utf8()
    begin()
    use_own_dagster(PROJECT_DIR)
    forget("DBT_", "PSYCOPG_")
    for stream in (sys.stdout, sys.stderr):
        # A name of a file that is no text, or a terminal that lacks a letter, ends no command.
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    # What a service manager stops ends like what a person stops.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    log_lines.show_own()
    # Dagster warns of beta parameters, which nobody who types a command can do anything about.
    warnings.simplefilter("ignore")
    try:
        app()
    except (UserError, TransientError) as error:
        _refuse(str(error))
    except OSError as error:
        if error.errno not in (*DISK_FAULTS, errno.ENOENT):
            raise
        _refuse(f"{error.filename or 'A file'}: {error.strerror}. Make room or give access.")
    except SystemExit as end:
        if end.code == STOPPED:
            from adtech_assets.cli.screen import errors

            errors.print(
                "[red]Stopped.[/] What was committed stays; run the same command to go on."
            )
        raise


def _refuse(why: str) -> NoReturn:
    from rich.markup import escape

    from adtech_assets.cli.screen import errors

    errors.print(f"[red]Error:[/] {escape(why)}", soft_wrap=True)
    sys.exit(1)
