"""The `adtech` command.

Modules import what they need inside their functions: `adtech --help` must not wait for Dagster.
"""

from __future__ import annotations

import logging
import sys
import warnings

from adtech_assets.cli.app import app
from adtech_assets.cli.screen import errors
from adtech_assets.errors import TransientError, UserError


def main() -> None:
    """Run the command; a person's mistake ends in one line and exit code 1."""
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
        errors.print(f"[red]Error:[/] {_escaped(error)}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("[red]Stopped.[/] What was committed stays; run the same command to go on.")
        sys.exit(130)


def _escaped(error: Exception) -> str:
    from rich.markup import escape

    return escape(str(error))
