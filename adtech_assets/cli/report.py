"""adtech report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from adtech_assets import report as reports
    from adtech_assets.audit.conditions import Condition
    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings

LOOK_SECONDS = 5.0
"""For a run that uses the warehouse: the page says that it could not be asked."""

MOST_DAYS = 366
"""Of a chosen period: a year; a chart by day has a bar for each."""


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command(epilog="Example: adtech report --from 2022-05-01 --to 2022-05-31 --open")(report)


def report(
    first: str | None = typer.Option(
        None, "--from", metavar="DAY", help="First day, YYYY-MM-DD. [default: all days]"
    ),
    last: str | None = typer.Option(None, "--to", metavar="DAY", help="Last day, included."),
    open_page: bool = typer.Option(False, "--open", help="Open it in the browser."),
    output: Path | None = typer.Option(
        None,
        "--output",
        "-o",
        dir_okay=False,
        help="The file. [default: kpi_report.html in the exports folder; of days: with their name]",
    ),
) -> None:
    """Write the report of what is published now, and print where it is.

    Chosen days are compared with as many before them; what is only known to date says so.
    """
    from adtech_assets import report as reports
    from adtech_assets.cli.screen import screen
    from adtech_assets.errors import UserError
    from adtech_assets.settings import load_settings
    from adtech_assets.stores.outputs import REPORT_NAME
    from adtech_assets.stores.postgres import Postgres

    days = _chosen(first, last)
    if output and not output.absolute().parent.is_dir():
        raise UserError(f"There is no folder {output.absolute().parent} for the report.")
    settings = load_settings()
    period = reports.Period(days.first, days.last) if days else None
    published = reports.read(Postgres.of(settings, "target"), period)
    if published.is_nothing:
        raise UserError(
            "No mart has been published yet, so there is nothing to report. "
            "Run the pipeline first: adtech backfill --help"
        )
    # The page of all days is the pipeline's: it is left alone.
    name = f"{Path(REPORT_NAME).stem}_{days.first}_{days.last}.html" if days else REPORT_NAME
    path = (output or settings.exports_dir / name).absolute()
    reports.write(path, published, _checks(), _standing(settings))
    screen.print(str(path), soft_wrap=True, markup=False)
    if open_page and not _opened(path):
        raise UserError(
            "There is no browser here that could show it (no display, or none installed). "
            f"Open {path} where there is one; it is a single file."
        )


def _chosen(first: str | None, last: str | None) -> DayRange | None:
    from adtech_assets.errors import UserError
    from adtech_assets.partitions import DayRange

    if first is None and last is None:
        return None
    if first is None or last is None:
        raise UserError(
            "A report of some days needs the first and the last: "
            "adtech report --from 2022-05-01 --to 2022-05-31"
        )
    days = DayRange.parse(first, last)
    if len(days) > MOST_DAYS:
        raise UserError(
            f"{days} are {len(days):,} days; a report tells of {MOST_DAYS} at the most. "
            "Choose fewer, or read the marts: adtech results --mart all --format parquet"
        )
    return days


def _checks() -> list[reports.Check]:
    """What the checks said last; Dagster takes seconds to load, so this comes late."""
    import dagster as dg

    from adtech_assets.definitions import defs
    from adtech_assets.defs.evaluations import latest_evaluations

    with dg.DagsterInstance.get() as instance:
        return latest_evaluations(instance, defs.resolve_asset_graph().asset_check_keys)


def _standing(settings: Settings) -> list[Condition]:
    """What stands now; that this cannot be known keeps lights from being green too."""
    from adtech_assets.audit.conditions import Condition
    from adtech_assets.audit.status import read_status
    from adtech_assets.defs.dbt_project import dbt_project
    from adtech_assets.errors import TransientError

    try:
        return read_status(
            settings, wait_seconds=LOOK_SECONDS, project=dbt_project(settings.feed)
        ).standing
    except TransientError as error:
        return [Condition("not known", str(error))]


def _opened(path: Path) -> bool:
    import webbrowser

    try:
        return webbrowser.open(path.as_uri())
    except webbrowser.Error:
        return False
