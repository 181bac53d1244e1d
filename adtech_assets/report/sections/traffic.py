"""Traffic: hours of the week, devices, what is invalid, log against database."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adtech_assets.report import charts, text, words
from adtech_assets.report.sections.parts import (
    Bar,
    Look,
    Section,
    Table,
    TableColumn,
    marked,
    missing,
    of,
    unpublished,
)
from adtech_assets.report.statistics import ctr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from adtech_assets.report.charts.traffic import InvalidDay
    from adtech_assets.report.published import Published, Reconciled


TO_DATE = (
    "Not of the chosen days: hours of the week are published to date only, as "
    "marts.fct_campaign_hour_profiles has no days. "
)


def hours(published: Published) -> Section:
    """When impressions happen."""
    found = published.hours
    if not found:
        return Section(missing(published, found, "fct_campaign_hour_profiles", "hours"))
    chart = charts.heat_map(found)
    counts = {(hour.iso_weekday, hour.hour_of_day): hour.impressions for hour in found}

    def on(weekday: int, name: str) -> TableColumn[int]:
        def impressions(hour: int) -> int:
            return counts.get((weekday, hour), 0)

        return TableColumn(
            name[:3],
            lambda hour: text.count(impressions(hour)),
            {name.lower(): impressions},
            "number",
        )

    return Section(
        intro=(
            "All campaigns and all published days, hours in the feed's time zone. "
            f"{TO_DATE if published.period else ''}{chart.description}"
        ),
        chart=chart,
        table=Table(
            "Impressions by hour and weekday, in the feed's time zone",
            (
                TableColumn("Hour", lambda hour: f"{hour:02}:00", {"hour_of_day": int}),
                *(on(weekday, name) for weekday, name in enumerate(text.WEEKDAYS, 1)),
            ),
            range(24),
            summary="The numbers of the 168 hours",
        ),
    )


def _logged_days(published: Published) -> str:
    days = [row.event_date for row in published.quality or []]
    return f", {text.days(min(days), max(days))}" if days else ""


def devices(published: Published) -> Section:
    """Logged traffic by class of device."""
    found = published.devices
    if found is None:
        return Section(unpublished("fct_user_agent_hourly", "dim_user_agents"))
    if not found:
        return Section(missing(published, found, "fct_user_agent_hourly", "events"))
    total = sum(device.gross_impressions for device in found)
    return Section(
        intro=f"From the log files{_logged_days(published)}. Impressions and clicks are gross, "
        "the rate is net: of valid events.",
        table=Table(
            "Logged impressions and clicks by device",
            (
                TableColumn(
                    "Device",
                    lambda row: text.name(row.device_class).capitalize(),
                    of("device_class"),
                ),
                TableColumn(
                    "Share of impressions",
                    lambda row: Bar(row.gross_impressions / total if total else 0),
                    {"share": lambda row: row.gross_impressions / total if total else None},
                    "bar",
                ),
                TableColumn(
                    "Impressions (gross)",
                    lambda row: text.count(row.gross_impressions),
                    of("gross_impressions", "valid_impressions"),
                    "number",
                ),
                TableColumn(
                    "Clicks (gross)",
                    lambda row: text.count(row.gross_clicks),
                    of("gross_clicks", "valid_clicks"),
                    "number",
                ),
                TableColumn(
                    "Click-through rate (net)",
                    lambda row: text.rate(row.valid_clicks, row.valid_impressions),
                    {"net_ctr": lambda row: ctr(row.valid_clicks, row.valid_impressions)},
                    "number",
                ),
            ),
            found,
        ),
    )


def _of_reason(reason: str) -> TableColumn[InvalidDay]:
    return TableColumn(
        words.reason_words(reason).capitalize(),
        lambda day: text.count(day.by_reason.get(reason, 0)),
        {f"{reason}_events": lambda day: day.by_reason.get(reason, 0)},
        "number",
    )


@dataclass(frozen=True)
class Invalid(Section):
    """Invalid traffic by reason, and by day."""

    reasons: Table[str] | None = None


def invalid(published: Published) -> Invalid:
    """Crawlers, fraud and the rest."""
    found = published.quality
    if not found:
        return Invalid(missing(published, found, "fct_traffic_quality_daily", "days"))
    days = charts.invalid_days(found)
    reasons = charts.reasons_of(days)
    events = sum(day.events for day in days)
    by_reason = {
        reason: (
            sum(row.impressions for row in found if row.invalid_reason == reason),
            sum(row.clicks for row in found if row.invalid_reason == reason),
        )
        for reason in reasons
    }
    bad = sum(sum(counts) for counts in by_reason.values())

    def share(reason: str) -> float | None:
        return sum(by_reason[reason]) / events if events else None

    return Invalid(
        intro=(
            f"{text.percent(bad / events)} of {events:,} logged events{_logged_days(published)} "
            "are invalid. Each counts for the first reason that fits; none is deleted."
            if events
            else f"No event was logged{_logged_days(published)}."
        ),
        reasons=Table(
            "Invalid events by reason",
            (
                TableColumn(
                    "Reason",
                    lambda reason: (
                        charts.swatch("quality", reason) + words.reason_words(reason).capitalize()
                    ),
                    {"invalid_reason": str},
                    "nowrap",
                ),
                TableColumn(
                    "Share of all events",
                    lambda reason: Bar(share(reason) or 0),
                    {"ivt_rate": share},
                    "bar",
                ),
                TableColumn(
                    "Impressions",
                    lambda reason: text.count(by_reason[reason][0]),
                    {"impressions": lambda reason: by_reason[reason][0]},
                    "number",
                ),
                TableColumn(
                    "Clicks",
                    lambda reason: text.count(by_reason[reason][1]),
                    {"clicks": lambda reason: by_reason[reason][1]},
                    "number",
                ),
            ),
            reasons,
        ),
        chart=charts.quality(found),
        table=Table(
            "Logged events by day and the reason that makes them invalid, newest first",
            (
                TableColumn(
                    "Day",
                    lambda day: text.day_so_far(day.day, is_so_far=day.is_so_far),
                    {"event_date": lambda day: day.day} | of("is_so_far"),
                    "nowrap",
                ),
                TableColumn(
                    "Events",
                    lambda day: text.count(day.events),
                    {"gross_events": lambda day: day.events},
                    "number",
                ),
                *map(_of_reason, reasons),
                TableColumn(
                    "Invalid", lambda day: text.percent(day.ivt_rate), of("ivt_rate"), "number"
                ),
            ),
            days[::-1],
            summary=f"The numbers of {text.counted(len(days), 'day')}",
        ),
    )


@dataclass(frozen=True)
class Reconciliation(Section):
    """Differences by day."""

    legend: str = ""


RECONCILED_LOOKS: dict[str, Look] = {"ok": "good", "warn": "warn", "breach": "bad"}


def _status(row: Reconciled) -> Markup:
    said = f"{words.discrepancy_words(row.status)} ({row.status})"
    if row.is_so_far:
        return marked("none", f"{said}, {text.SO_FAR}")
    return marked(RECONCILED_LOOKS.get(row.status, "none"), said)


_RECONCILED_COLUMNS: Sequence[TableColumn[Reconciled]] = (
    TableColumn(
        "Day",
        lambda row: text.day_so_far(row.event_date, is_so_far=row.is_so_far),
        of("event_date", "is_so_far"),
        "nowrap",
    ),
    TableColumn("Events", lambda row: row.event_type, of("event_type")),
    TableColumn("Log", lambda row: text.count(row.log_events), of("log_events"), "number"),
    TableColumn("Database", lambda row: text.count(row.db_events), of("db_events"), "number"),
    TableColumn(
        "Difference",
        lambda row: f"{row.difference:+,}".replace("-", text.MINUS),
        of("difference"),
        "number",
    ),
    TableColumn(
        "Share",
        lambda row: text.signed_percent(row.log_db_discrepancy),
        of("log_db_discrepancy"),
        "number",
    ),
    TableColumn("Status", _status, of("status")),
)


def reconciliation(published: Published) -> Reconciliation:
    """How far the two sources are from each other."""
    found = published.reconciliation
    if not found:
        return Reconciliation(missing(published, found, "fct_log_reconciliation_daily", "days"))
    compared = [row for row in found if not row.is_so_far]
    days = sorted({row.event_date for row in found})
    statuses = Counter(row.status for row in compared)
    told = [
        f"{statuses[status]:,} {words.discrepancy_words(status)}"
        for status in [
            *words.DISCREPANCY_WORDS,
            *sorted(statuses.keys() - words.DISCREPANCY_WORDS),
        ]
        if statuses[status]
    ]
    return Reconciliation(
        intro=(
            "Events in the log files against rows of the database, "
            f"{text.counted(len(compared), 'comparison')} of full days by day and type, "
            f"{text.days(days[0], days[-1])}"
            f"{f': {text.listed(told)}' if told else ''}."
            f"{_told_unfinished(found)}"
        ),
        legend=(
            "Up: the log has more. Green band: within 1 %, which is taken as equal. ! differs; "
            "✕ differs by more than 10 %; ∅ one side has nothing at all."
        ),
        chart=charts.reconciliation(found),
        table=Table(
            "Events in the log and in the database by day and type, newest first",
            _RECONCILED_COLUMNS,
            found[::-1],
            summary=f"The numbers of {text.counted(len(days), 'day')}",
        ),
    )


def _told_unfinished(found: Sequence[Reconciled]) -> str:
    """The days that one side has not seen to their end are no comparison."""
    days = sorted({row.event_date for row in found if row.is_so_far})
    if not days:
        return ""
    return (
        f" Not among them: {text.stretches(days)}, where the log files or the database were read "
        "before the day was over."
    )
