"""adtech backup, restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from adtech_assets.backup import Copy


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command(epilog="Example: adtech backup /backups/2022-05-26")(backup)
    app.command(epilog="Example: adtech restore /backups/2022-05-26")(restore)


def backup(folder: Path = typer.Argument(..., help="Of the backup; new or empty.")) -> None:
    """Copy the data folder, the embedded databases included; runs wait meanwhile."""
    from adtech_assets.backup import back_up
    from adtech_assets.cli.screen import screen
    from adtech_assets.settings import load_settings

    with screen.status("Backing up ...") as line:
        copy = back_up(load_settings(), folder, lambda what: line.update(f"Backing up: {what}"))
    screen.print(f"[green]Backed up[/] {_size(copy)} to {folder}.", soft_wrap=True)
    _tell_what_is_missing(copy)


def restore(
    folder: Path = typer.Argument(..., help="That adtech backup has filled."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Replace the data folder by a backup. What is there is deleted."""
    from adtech_assets import backup
    from adtech_assets.cli.screen import screen
    from adtech_assets.settings import read_settings

    settings = read_settings()
    copy = backup.read(folder)
    if not yes and settings.data_dir.exists() and any(settings.data_dir.iterdir()):
        typer.confirm(f"Replace {settings.data_dir} with everything in it?", abort=True)
    with screen.status("Restoring ...") as line:
        backup.restore(settings, folder, lambda what: line.update(f"Restoring: {what}"))
    screen.print(f"[green]Restored[/] {_size(copy)} to {settings.data_dir}.", soft_wrap=True)
    _tell_what_is_missing(copy)


def _size(copy: Copy) -> str:
    return f"{len(copy.sizes):,} files ({sum(copy.sizes.values()) / 1e6:,.1f} MB)"


def _tell_what_is_missing(copy: Copy) -> None:
    from rich.markup import escape

    from adtech_assets.cli.screen import errors

    for store in copy.not_in_it:
        errors.print(
            f"[yellow]Note:[/] not in it is the {escape(store)}: back it up with its own server.",
            soft_wrap=True,
        )
