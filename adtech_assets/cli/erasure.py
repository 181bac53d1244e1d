"""adtech forget, compact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings
    from adtech_assets.stores.erasures import Erasure


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command(epilog="Example: adtech forget --from 2022-05-26 --to 2022-05-27")(forget)
    app.command(epilog="Example: adtech compact")(compact)


def forget(
    first: str = typer.Option(..., "--from", metavar="DAY", help="First day, YYYY-MM-DD."),
    last: str = typer.Option(..., "--to", metavar="DAY", help="Last day, included."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    take_back: bool = typer.Option(
        False, "--take-back", help="Let the days be loaded again; what is erased stays erased."
    ),
) -> None:
    """Erase days everywhere: log files, archive, warehouse, audited table, published tables, files.

    What is delivered again of these days is refused from then on. An account of what was erased is
    printed, and kept in erasures.jsonl in the data folder. It cannot be undone.
    """
    from adtech_assets.partitions import DayRange, check_loadable
    from adtech_assets.settings import export_settings, load_settings
    from adtech_assets.stores.outputs import check_folders

    days = DayRange.parse(first, last)
    settings = load_settings()
    check_loadable(days, settings)
    export_settings(settings)
    check_folders(settings)
    if take_back:
        _take_back(settings, days)
        return
    if not yes:
        typer.confirm(
            f"Erase {days} everywhere, the archive and published tables included? It cannot be "
            "undone, and a month of theirs that is not closed yet cannot be closed any more.",
            abort=True,
        )
    _forget(settings, days)


def compact() -> None:
    """Write the warehouse anew without what was deleted from it; runs wait meanwhile.

    adtech dev does it by itself at five in the morning, once a quarter of the file is free.
    """
    from adtech_assets.cli.screen import screen
    from adtech_assets.errors import UserError
    from adtech_assets.settings import load_settings
    from adtech_assets.stores import compaction
    from adtech_assets.stores.warehouse import Warehouse

    with screen.status("Writing the warehouse anew ..."):
        compacted = compaction.compact(Warehouse.of(load_settings()))
    if compacted is None:
        raise UserError("There is no warehouse yet. Fill it first: adtech backfill --help")
    screen.print(f"The warehouse: {compacted}.")


def _take_back(settings: Settings, days: DayRange) -> None:
    from adtech_assets.cli.screen import screen
    from adtech_assets.errors import UserError
    from adtech_assets.stores import erasures

    if not erasures.take_back(settings, set(days)):
        raise UserError(f"No days were forgotten that lie within {days}. See: adtech status")
    screen.print(
        f"{days} may be loaded again: adtech backfill --from {days.first} --to {days.last}"
    )


def _forget(settings: Settings, days: DayRange) -> None:
    from adtech_assets.audit import erasure
    from adtech_assets.cli.running import run_days
    from adtech_assets.cli.screen import screen
    from adtech_assets.defs.dbt_project import dbt_project
    from adtech_assets.environment import user_name
    from adtech_assets.stores import compaction, erasures
    from adtech_assets.stores.warehouse import Warehouse

    with screen.status("Erasing ..."):
        account = erasure.erase(settings, dbt_project(settings.feed), days, user_name())
        # Until then what was deleted is in free blocks of the file.
        compaction.compact(Warehouse.of(settings))
    run_days(settings, days)
    _print(erasures.finish(settings, account), days)


def _print(account: Erasure, days: DayRange) -> None:
    from rich.markup import escape

    from adtech_assets.cli.screen import print_table, screen

    print_table(f"Erased of {days}", ("what", "number"), account.erased.items())
    for line in account.left:
        screen.print(f"[yellow]Left:[/] {escape(line)}", soft_wrap=True)
    screen.print(f"[green]{days} is forgotten.[/] What comes of it again is refused.")
