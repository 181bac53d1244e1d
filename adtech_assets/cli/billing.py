"""adtech close-month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from datetime import datetime

    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command("close-month", epilog="Example: adtech close-month 2022-05")(close_month)


def close_month(
    month: str = typer.Argument(..., metavar="MONTH", help="A month that is over, YYYY-MM."),
) -> None:
    """Freeze what is billed of a month: fct_campaign_billing_monthly keeps its rows as they are.

    What its days say later is listed in fct_campaign_billing_differences. It cannot be undone.
    """
    from datetime import UTC, datetime

    from adtech_assets.audit.closing import refuse_unfinished
    from adtech_assets.cli.screen import screen
    from adtech_assets.partitions import parse_month
    from adtech_assets.settings import export_settings, load_settings
    from adtech_assets.stores.outputs import check_folders

    days = parse_month(month)
    now = datetime.now(UTC).replace(tzinfo=None)
    refuse_unfinished(days, now)
    settings = load_settings()
    export_settings(settings)
    check_folders(settings)
    _freeze(settings, days, now)
    _renew(settings, days)
    screen.print(
        f"[green]{days.first:%Y-%m} is closed.[/] "
        "Next: [bold]adtech results --mart campaign_billing --format csv[/]"
    )


def _freeze(settings: Settings, month: DayRange, now: datetime) -> None:
    """Freeze the month's rows, or find that they are, and say what was frozen."""
    from importlib.metadata import version

    from adtech_assets import billing
    from adtech_assets.audit.closing import refuse_incomplete
    from adtech_assets.cli.screen import print_table, screen
    from adtech_assets.defs.dbt_project import dbt_project
    from adtech_assets.environment import user_name
    from adtech_assets.errors import UserError
    from adtech_assets.stores.postgres import Postgres
    from adtech_assets.stores.warehouse import Warehouse
    from adtech_assets.versions import Notes

    named = f"{month.first:%Y-%m}"
    if not settings.warehouse_path.exists():
        raise UserError(
            f"{named} cannot be closed: there is no warehouse yet. Fill it first: "
            f"adtech backfill --from {month.first} --to {month.last}"
        )
    project = dbt_project(settings.feed)
    # Nobody comes between what is looked at and what is frozen.
    with (
        Postgres.of(settings, "target").connect(read_only=True) as target,
        Warehouse.of(settings).connect() as connection,
    ):
        Notes.create(connection)
        connection.execute(billing.SCHEMA)
        closed = {found.month: found for found in billing.closed_months(connection)}
        if month.first not in closed:
            refuse_incomplete(connection, target, settings, project, month)
            closing = billing.Closing(now, user_name(), version("adtech-assets"))
            if not billing.freeze(connection, month, closing):
                raise UserError(f"{named} has nothing to close: the mart has no campaign in it.")
        elif billing.is_finished(connection, month):
            raise UserError(
                f"{named} was closed at {closed[month.first].closed_at:%Y-%m-%d %H:%M} UTC and "
                "stays as it is. What its days say since: adtech results --mart "
                f"{billing.DIFFERENCES}"
            )
        else:
            screen.print(f"{named} is closed already; what was left to do is done now.")
        totals = billing.totals(connection, month)
    print_table(
        named,
        (
            *("advertiser", "campaigns", "gross impressions", "gross clicks", "estimated spend"),
            *("capped", "net spend", "cost (EUR)"),
        ),
        (tuple(vars(total).values()) for total in totals),
    )


def _renew(settings: Settings, month: DayRange) -> None:
    """Bring what reads the closed months up to date: marts, published tables, exports, report."""
    from adtech_assets import billing
    from adtech_assets.cli.running import run_days
    from adtech_assets.stores.warehouse import Warehouse

    closed_months = billing.CLOSED_MONTHS.replace(".", "/")
    run_days(settings, month, f'key:"{closed_months}"+')
    with Warehouse.of(settings).connect() as connection:
        billing.note_finished(connection, month)
