"""adtech report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from adtech_assets import report as reports
    from adtech_assets.audit.conditions import Condition
    from adtech_assets.settings import Settings

LOOK_SECONDS = 5.0
"""For a run that uses the warehouse: the page says that it could not be asked."""


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command(epilog="Example: adtech report --open")(report)


def report(
    open_page: bool = typer.Option(False, "--open", help="Open it in the browser."),
    output: Path | None = typer.Option(
        None,
        "--output",
        "-o",
        dir_okay=False,
        help="The file. [default: kpi_report.html in the exports folder]",
    ),
) -> None:
    """Write the report of what is published now, and print where it is."""
    from adtech_assets import report as reports
    from adtech_assets.cli.screen import screen
    from adtech_assets.errors import UserError
    from adtech_assets.settings import load_settings
    from adtech_assets.stores.outputs import REPORT_NAME
    from adtech_assets.stores.postgres import Postgres

    settings = load_settings()
    published = reports.read(Postgres.of(settings, "target"))
    if published.is_nothing:
        raise UserError(
            "No mart has been published yet, so there is nothing to report. "
            "Run the pipeline first: adtech backfill --help"
        )
    path = (output or settings.exports_dir / REPORT_NAME).absolute()
    reports.write(path, published, _checks(), _standing(settings))
    screen.print(str(path), soft_wrap=True, markup=False)
    if open_page and not _opened(path):
        raise UserError(
            "There is no browser here that could show it (no display, or none installed). "
            f"Open {path} where there is one; it is a single file."
        )


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
