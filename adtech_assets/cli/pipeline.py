"""adtech demo, dev, backfill, prepare, reset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from adtech_assets.settings import Settings


IN_USE_SECONDS = 5


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command(epilog="Example: adtech demo")(demo)
    app.command(epilog="Example: adtech dev --port 3001")(dev)
    app.command(epilog="Example: adtech backfill --from 2022-05-26 --to 2022-05-27")(backfill)
    app.command(hidden=True)(prepare)
    app.command(epilog="Example: adtech reset --yes")(reset)


def backfill(
    first: str = typer.Option(..., "--from", metavar="DAY", help="First day, YYYY-MM-DD."),
    last: str = typer.Option(..., "--to", metavar="DAY", help="Last day, included."),
    select: str | None = typer.Option(
        None,
        metavar="ASSETS",
        help="Only these assets: daily_csv, raw/clicks+, +csv_data_task, group:marts, ...",
    ),
    rebuild: bool = typer.Option(
        False, "--rebuild", help="Build these days again, even if nothing has changed."
    ),
) -> None:
    """Load a range of days in one run, from files and source tables to the published KPIs.

    What has not changed since it was built is left as it is; what is stale is built, on other
    days too.
    """
    from adtech_assets.cli.screen import screen
    from adtech_assets.feed import landing, places
    from adtech_assets.partitions import DayRange, check_loadable
    from adtech_assets.settings import begin_no_later

    days = DayRange.parse(first, last)
    settings = begin_no_later(_prepared_settings(), days.first)
    check_loadable(days, settings)
    # Mistakes are told before Dagster, which takes seconds, is loaded.
    from adtech_assets.cli.running import run_days

    # Refuses a missing folder before anything starts.
    landing.scan(places.landing(settings), settings.feed)
    run_days(settings, days, select, rebuild=rebuild)
    screen.print(
        f"[green]Loaded {days}[/] ({len(days)} day{'s' * (len(days) > 1)}). "
        "Next: [bold]adtech status[/], [bold]adtech results[/]"
    )


def demo() -> None:
    """Run everything once, on sample data: seeds, log files, all assets, results on the screen."""
    from adtech_assets.cli.demo import run_demo

    run_demo(_prepared_settings())


def dev(
    port: int = typer.Option(3000, help="Port of the UI."),
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
    expose_postgres: int | None = typer.Option(
        None,
        metavar="PORT",
        min=1,
        max=65535,
        help="Let tools of this machine read the embedded Postgres at this port; the URL is shown.",
    ),
) -> None:
    """Dagster UI and daemon: schedule and sensor are on. Ctrl-C stops both."""
    from adtech_assets.cli.dev import serve

    serve(_prepared_settings(), host, port, expose_postgres)


def prepare() -> None:
    """Make the state folders, and tell Dagster's own commands where its instance is."""
    from adtech_assets.cli.dev import note_dagster_home
    from adtech_assets.environment import PROJECT_DIR

    settings = _prepared_settings()
    folder = settings.raw_data_dir
    if isinstance(folder, Path) and folder.parent == PROJECT_DIR:
        folder.mkdir(exist_ok=True)
    note_dagster_home()
    from adtech_assets.defs.dbt_project import dbt_project

    dbt_project(settings.feed)


def reset(
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Delete all state: data folder (archive and embedded databases included) and output."""
    import shutil

    from adtech_assets.cli.screen import screen
    from adtech_assets.settings import read_settings
    from adtech_assets.stores.embedded_postgres import unused
    from adtech_assets.stores.warehouse import Warehouse

    settings = read_settings()
    folders = [folder for folder in (settings.data_dir, settings.output_dir) if folder.exists()]
    if not folders:
        screen.print("There is no state to delete.")
        return
    listed = " and ".join(map(str, folders))
    if not yes:
        typer.confirm(
            f"Delete {listed} with everything in it? Log files not yet loaded stay.", abort=True
        )
    with (
        Warehouse(settings.warehouse_path, wait_seconds=IN_USE_SECONDS).reserved(),
        unused(settings.data_dir / "postgres", wait_seconds=IN_USE_SECONDS),
    ):
        for folder in folders:
            shutil.rmtree(folder)
    screen.print(f"Deleted {listed}.")


def _prepared_settings() -> Settings:
    from adtech_assets.settings import export_settings, load_settings
    from adtech_assets.stores.outputs import check_folders

    settings = load_settings()
    export_settings(settings)
    check_folders(settings)
    return settings
