"""adtech results, sql."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from adtech_assets.settings import Settings

T = TypeVar("T")


class ResultFormat(StrEnum):
    """Where results go."""

    stdout = "stdout"
    csv = "csv"
    parquet = "parquet"


class RowFormat(StrEnum):
    """How rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


class Store(StrEnum):
    """The stores that can be queried."""

    source = "source"
    target = "target"
    warehouse = "warehouse"


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command(epilog="Example: adtech results --mart mart_campaign_kpis --format csv --output .")(
        results
    )
    app.command(epilog='Example: adtech sql target "SELECT * FROM csv_data_task" --format csv')(sql)


def results(
    marts: list[str] | None = typer.Option(
        None,
        "--mart",
        "-m",
        help="A published mart, as often as you like, or all. [default: the two KPI tables]",
        autocompletion=lambda: [*_mart_names(), "all"],
    ),
    output_format: ResultFormat = typer.Option(
        ResultFormat.stdout, "--format", "-f", help="On the screen, or as files."
    ),
    output: Path | None = typer.Option(
        None, "--output", "-o", help="Folder of the files. [default: the exports folder]"
    ),
) -> None:
    """The published KPIs: campaign_ctr and daily_summary, or any mart."""
    from adtech_assets.cli.screen import screen
    from adtech_assets.publish import exports
    from adtech_assets.publish.marts import KPI_TABLES
    from adtech_assets.settings import load_settings
    from adtech_assets.stores.postgres import Postgres

    settings = load_settings()
    names = marts or list(KPI_TABLES)
    if output_format is ResultFormat.stdout:
        print_exports(settings, names)
        return
    file_format: exports.FileFormat = "csv" if output_format is ResultFormat.csv else "parquet"
    target = Postgres.of(settings, "target")
    written = exports.export(target, names, output or settings.exports_dir, [file_format])
    for path, rows in written.items():
        screen.print(f"{path}  ({rows:,} rows)", soft_wrap=True)


def _mart_names() -> list[str]:
    """By their files: a shell that completes a name waits for no database."""
    from adtech_assets.environment import PROJECT_DIR

    return sorted(path.stem for path in PROJECT_DIR.glob("adtech_dbt/models/marts/**/*.sql"))


def print_exports(settings: Settings, names: Sequence[str] | None = None) -> None:
    """Print published marts, by default the KPI tables."""
    from adtech_assets.cli.mart_table import MOST_ROWS, print_mart
    from adtech_assets.publish import exports
    from adtech_assets.publish.marts import KPI_TABLES
    from adtech_assets.stores.postgres import Postgres

    target = Postgres.of(settings, "target")
    for page in exports.read_pages(target, names or list(KPI_TABLES), MOST_ROWS):
        print_mart(page)


def sql(
    store: Store = typer.Argument(..., help="Which store to ask."),
    query: str = typer.Argument(..., help="One SELECT statement."),
    output_format: RowFormat = typer.Option(
        RowFormat.table, "--format", "-f", help="For people, or for scripts."
    ),
) -> None:
    """Query a store; nothing can be changed by it."""
    from adtech_assets.cli.screen import print_rows
    from adtech_assets.settings import load_settings
    from adtech_assets.stores.query import read_only_query

    settings = load_settings()
    header, rows = _until_stopped(lambda: read_only_query(settings, store.value, query))
    print_rows(header, rows, output_format.value)


def _until_stopped(ask: Callable[[], T]) -> T:
    """Ask in a thread: within some queries DuckDB hears no signal. Nothing is lost by the end."""
    import os
    from concurrent.futures import ThreadPoolExecutor

    from adtech_assets.cli import STOPPED
    from adtech_assets.cli.screen import errors

    asked = ThreadPoolExecutor(1).submit(ask)
    try:
        return asked.result()
    except KeyboardInterrupt:
        errors.print("[red]Stopped.[/]")
        os._exit(STOPPED)
