"""The `adtech` command.

Modules import what they need inside their functions: `adtech --help` must not wait for Dagster.
"""

from __future__ import annotations

import logging
import signal
import sys
import warnings

from adtech_assets.cli.app import app
from adtech_assets.errors import TransientError, UserError

STOPPED = 130
"""Exit code of a command that was stopped; typer's for Ctrl-C, as shells have it."""


def main() -> None:
    """Run the command; a person's mistake ends in one line and exit code 1."""
    # What a service manager stops ends like what a person stops.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Waits and retries of the stores are told by this project's own loggers.
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logging.getLogger("adtech_assets").addHandler(handler)
    logging.getLogger("adtech_assets").setLevel(logging.INFO)
    # Dagster warns of beta parameters, which nobody who types a command can do anything about.
    warnings.simplefilter("ignore")
    try:
        app()
    except (UserError, TransientError) as error:
        from rich.markup import escape

        from adtech_assets.cli.screen import errors

        errors.print(f"[red]Error:[/] {escape(str(error))}", soft_wrap=True)
        sys.exit(1)
    except SystemExit as end:
        if end.code == STOPPED:
            from adtech_assets.cli.screen import errors

            errors.print(
                "[red]Stopped.[/] What was committed stays; run the same command to go on."
            )
        raise
