"""adtech upgrade."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from adtech_assets.settings import Settings


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command(epilog="Example: adtech upgrade --backup /backups/before-upgrade")(upgrade)


def upgrade(
    backup: Path | None = typer.Option(
        None,
        "--backup",
        metavar="FOLDER",
        help="New or empty. [default: beside the data folder, with the time in its name]",
    ),
) -> None:
    """Bring the stores of an earlier version to this one: a backup first, then each store.

    The first run after an update does the same, without a backup. Back again: restore the backup
    with the version that it was taken of.
    """
    from importlib.metadata import version

    from adtech_assets.cli.screen import print_table, screen
    from adtech_assets.settings import export_settings, load_settings
    from adtech_assets.stores import upgrading
    from adtech_assets.stores.outputs import check_folders

    settings = load_settings()
    export_settings(settings)
    check_folders(settings)
    before = upgrading.versions(settings)
    copied = _back_up(settings, backup)
    upgrading.migrate(settings)
    _migrate_dagster()
    after = upgrading.versions(settings)
    print_table(
        None,
        ("store", "was of", "is of"),
        ((store, _shown(before.get(store)), _shown(number)) for store, number in after.items()),
    )
    screen.print(
        f"[green]All stores are of {version('adtech-assets')}.[/] What was before: {copied}",
        soft_wrap=True,
    )


def _shown(number: int | None) -> str:
    return "none" if number is None else f"schema version {number}"


def _back_up(settings: Settings, folder: Path | None) -> Path:
    from adtech_assets.backup import back_up
    from adtech_assets.cli.backup import tell_what_is_missing
    from adtech_assets.cli.screen import screen
    from adtech_assets.stores import erasures

    name = f"{settings.data_dir.name}-before-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    folder = (folder or settings.data_dir.with_name(name)).resolve()
    with screen.status("Backing up ...") as line:
        copy = back_up(settings, folder, lambda what: line.update(f"Backing up: {what}"))
    erasures.note_backup(settings, str(folder))
    tell_what_is_missing(copy)
    return folder


def _migrate_dagster() -> None:
    """Let Dagster bring its own databases to the version that is installed."""
    import dagster as dg

    with dg.DagsterInstance.get() as instance:
        instance.upgrade()
