"""adtech backup, restore."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from adtech_assets.backup import Copy


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command(epilog="Example: adtech backup s3://backups/2022-05-26")(backup)
    app.command(epilog="Example: adtech restore /backups/2022-05-26")(restore)


def backup(
    folder: str = typer.Argument(
        ..., help="Of the backup, or a place in a bucket; new or empty.", metavar="FOLDER"
    ),
) -> None:
    """Copy the data folder, the embedded databases included; runs wait meanwhile."""
    from adtech_assets.backup import back_up, back_up_to_bucket
    from adtech_assets.cli.screen import screen
    from adtech_assets.settings import load_settings
    from adtech_assets.stores import erasures

    settings = load_settings()
    with screen.status("Backing up ...") as line:

        def tell(what: str) -> None:
            line.update(f"Backing up: {what}")

        if "://" in folder:
            copy = back_up_to_bucket(settings, folder, tell)
        else:
            copy = back_up(settings, Path(folder), tell)
    erasures.note_backup(settings, folder if "://" in folder else str(Path(folder).resolve()))
    screen.print(f"[green]Backed up[/] {_size(copy)} to {folder}.", soft_wrap=True)
    tell_what_is_missing(copy)


def restore(
    folder: str = typer.Argument(
        ..., help="That adtech backup has filled, or a place in a bucket.", metavar="FOLDER"
    ),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Replace the data folder by a backup. What is there is deleted."""
    from adtech_assets import backup
    from adtech_assets.cli.screen import errors, screen
    from adtech_assets.settings import read_settings

    settings = read_settings()
    asks = not yes and settings.data_dir.exists() and any(settings.data_dir.iterdir())
    with ExitStack() as stack:
        copied = Path(folder)
        if "://" in folder:
            with screen.status("Fetching ...") as line:
                copied = stack.enter_context(
                    backup.from_bucket(
                        settings, folder, lambda what: line.update(f"Fetching: {what}")
                    )
                )
        copy = backup.read(copied)
        if asks:
            typer.confirm(f"Replace {settings.data_dir} with everything in it?", abort=True)
        with screen.status("Restoring ...") as line:
            backup.restore(settings, copied, lambda what: line.update(f"Restoring: {what}"))
    screen.print(f"[green]Restored[/] {_size(copy)} to {settings.data_dir}.", soft_wrap=True)
    for first, last in copy.forgotten_since:
        errors.print(
            f"[yellow]Note:[/] {first} to {last} were forgotten since, and are in it. Erase them "
            f"again: adtech forget --from {first} --to {last}",
            soft_wrap=True,
        )
    tell_what_is_missing(copy)


def _size(copy: Copy) -> str:
    return f"{len(copy.sizes):,} files ({sum(copy.sizes.values()) / 1e6:,.1f} MB)"


def tell_what_is_missing(copy: Copy) -> None:
    """Name the stores that a copy has nothing of."""
    from rich.markup import escape

    from adtech_assets.cli.screen import errors

    for store in copy.not_in_it:
        errors.print(
            f"[yellow]Note:[/] not in it is the {escape(store)}: back it up where it is.",
            soft_wrap=True,
        )
