"""Whether a month can be closed: all that is billed of it is there, full, and up to date."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from adtech_assets import billing, graph
from adtech_assets.audit.status import judge
from adtech_assets.errors import UserError
from adtech_assets.partitions import DayRange, contiguous

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    import duckdb
    import psycopg

    from adtech_assets.models.project import Project
    from adtech_assets.settings import Settings


def refuse_unfinished(month: DayRange, now: datetime) -> None:
    """Refuse a month that goes on.

    Args:
        month: its days.
        now: UTC.

    Raises:
        UserError: it has days that are not over.
    """
    if now.date() <= month.last:
        raise UserError(
            f"{month.first:%Y-%m} is not over (UTC). Close it on {month.end} or later, once its "
            "last log files are loaded."
        )


def refuse_incomplete(
    connection: duckdb.DuckDBPyConnection,
    target: psycopg.Connection,
    settings: Settings,
    project: Project,
    month: DayRange,
) -> None:
    """Refuse a month whose rows of the mart are not all that there is to bill.

    Args:
        connection: to the warehouse.
        target: the audited table's database.
        settings: name the landing folder and the user agent.
        project: the models.
        month: its days.

    Raises:
        UserError: days of it are stale, missing, or not full on a side; or the mart is not built,
            not built from what is there, or has not passed its blocking tests.
    """
    parts = graph.read(connection, settings, project)
    named = f"{month.first:%Y-%m}"
    if not parts.noted(billing.MART):
        raise UserError(
            f"{named} cannot be closed: {billing.MART} has never been built. {_load(month)}"
        )
    behind = parts.behind(billing.MART)
    # Hours of a UTC day may be in the files of the day before or after it.
    around = DayRange(month.first - timedelta(1), month.end)
    statuses = judge(connection, target, settings, around, project).days
    stale = {
        day for day, of in statuses.items() if of.waiting_files or of.state in ("stale", "failed")
    }
    stale |= {day for days in behind.values() for day in days if day is not None and day in around}
    found = {"stale": stale, **gaps(connection, month)}
    if any(found.values()):
        told = "; ".join(f"{what}: {_told(days)}" for what, days in found.items() if days)
        days = set().union(*found.values())
        last = max(days)
        if any(what.startswith("not full") and on for what, on in found.items()):
            last += timedelta(1)
        raise UserError(
            f"{named} cannot be closed, for days of it are not as they should be. {told}. Deliver "
            f"what is missing, then: {_load(DayRange(min(days), last))}"
        )
    if behind:
        raise UserError(
            f"{named} cannot be closed: {billing.MART} is not built from what is there now "
            f"({', '.join(sorted(behind))}). {_load(month)}"
        )
    if audits := parts.unproven(billing.MART):
        tests = project.tests
        checks = ", ".join(tests[name].check_name if name in tests else name for name in audits)
        raise UserError(
            f"{named} cannot be closed: what {billing.MART} stands on has not passed {checks}. See "
            f"what that says, fix the cause, then: {_load(month)}"
        )


def gaps(connection: duckdb.DuckDBPyConnection, month: DayRange) -> dict[str, set[date]]:
    """Days of a month of which something is not there, by what that is."""
    rows = connection.execute(
        "SELECT date_day, is_full_in_database, is_full_in_logs FROM marts.dim_dates "
        "WHERE date_day BETWEEN ? AND ?",
        [month.first, month.last],
    ).fetchall()
    known = {day: (database, logs) for day, database, logs in rows}
    sides = {day: known.get(day, (None, None)) for day in month}
    return {
        "missing": {day for day, (database, _) in sides.items() if database is None},
        "without log files, though the database has events": _unlogged(connection, month),
        "not full in the database": {day for day, (full, _) in sides.items() if full is False},
        "not full in the logs": {day for day, (_, full) in sides.items() if not full},
    }


def _unlogged(connection: duckdb.DuckDBPyConnection, month: DayRange) -> set[date]:
    """Days of which no log file is loaded, and no event logged, while the database has some."""
    found = connection.execute(
        """
        SELECT event_date FROM marts.fct_campaign_traffic_daily
        WHERE event_date BETWEEN ? AND ?
        GROUP BY event_date
        HAVING sum(gross_impressions + gross_clicks) = 0 AND sum(db_impressions + db_clicks) > 0
        EXCEPT
        SELECT file_date FROM raw.log_files WHERE status = 'loaded'
        """,
        [month.first, month.last],
    ).fetchall()
    return {day for (day,) in found}


def _told(days: Iterable[date]) -> str:
    return ", ".join(map(str, contiguous(days)))


def _load(days: DayRange) -> str:
    return f"adtech backfill --from {days.first} --to {days.last}"
