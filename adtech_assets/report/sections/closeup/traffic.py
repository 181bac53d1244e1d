"""What of it is invalid, and how far log and database are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.report import text, words
from adtech_assets.report.sections.closeup.parts import Part, by_day, count_column, day_column
from adtech_assets.report.sections.parts import Bar, Table, TableColumn, marked, missing, of
from adtech_assets.report.sections.traffic import RECONCILED_LOOKS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from markupsafe import Markup

    from adtech_assets.report.closeups import CloseUp, TrafficDay
    from adtech_assets.report.published import Published


def _summed(days: Sequence[TrafficDay]) -> Callable[[str], int]:
    return lambda field: sum(getattr(day, field) for day in days)


def invalid(published: Published, closeup: CloseUp) -> Part:
    """Its invalid events by reason."""
    key, title, days = "invalid", "Invalid traffic", closeup.traffic
    if not days:
        absent = missing(published, days, "fct_campaign_traffic_daily", "days of this campaign")
        return Part(key=key, title=title, missing=absent)
    summed = _summed(days)
    events = summed("gross_impressions") + summed("gross_clicks")
    if not events:
        return Part(key=key, title=title, missing="The log has no event of it on these days.")
    valid = summed("valid_impressions") + summed("valid_clicks")

    def share(reason: str) -> float:
        return (summed(f"{reason}_impressions") + summed(f"{reason}_clicks")) / events

    def of_reason(kind: str) -> TableColumn[str]:
        return TableColumn(
            kind.capitalize(),
            lambda reason: text.count(summed(f"{reason}_{kind}")),
            {kind: lambda reason: summed(f"{reason}_{kind}")},
            "number",
        )

    return Part(
        key=key,
        title=title,
        intro=(
            f"{text.percent((events - valid) / events)} of {events:,} logged events are invalid; "
            f"{summed('valid_impressions'):,} impressions and {summed('valid_clicks'):,} clicks "
            "are valid (net)."
        ),
        tables=(
            Table(
                "Its invalid events by reason",
                (
                    TableColumn(
                        "Reason",
                        lambda reason: words.reason_words(reason).capitalize(),
                        {"invalid_reason": str},
                        "nowrap",
                    ),
                    TableColumn(
                        "Share of all events",
                        lambda reason: Bar(share(reason)),
                        {"ivt_rate": share},
                        "bar",
                    ),
                    of_reason("impressions"),
                    of_reason("clicks"),
                ),
                tuple(words.REASONS),
            ),
        ),
    )


def _compared(kind: str) -> tuple[TableColumn[TrafficDay], ...]:
    """What the log and the database have of a kind of events, and how that is called."""
    status = f"{kind}_status"

    def told(day: TrafficDay) -> Markup:
        found = getattr(day, status)
        words_ = words.discrepancy_words(found)
        if day.is_so_far:
            return marked("none", f"{words_}, {text.SO_FAR}")
        return marked(RECONCILED_LOOKS.get(found, "none"), words_)

    return (
        count_column(f"{kind.capitalize()}, log", f"gross_{kind}"),
        count_column("Database", f"db_{kind}"),
        TableColumn("Difference", told, of(f"{kind}_discrepancy", status), "nowrap"),
    )


def reconciliation(published: Published, closeup: CloseUp) -> Part:
    """Its events in the log against those in the database."""
    key, title, days = "reconciliation", "Log against database", closeup.traffic
    if not days:
        absent = missing(published, days, "fct_campaign_traffic_daily", "days of this campaign")
        return Part(key=key, title=title, is_broad=True, missing=absent)
    compared = [day for day in days if not day.is_so_far]
    summed = _summed(compared)
    told = []
    for kind in ("impressions", "clicks"):
        log, database = summed(f"gross_{kind}"), summed(f"db_{kind}")
        share = text.signed_percent((log - database) / database) if database else text.NOTHING
        told.append(f"{log:,} {kind} in the log, {database:,} in the database ({share})")
    odd = [day for day in compared if (day.impressions_status, day.clicks_status) != ("ok", "ok")]
    return Part(
        key=key,
        title=title,
        is_broad=True,
        intro=(
            f"On {text.counted(len(compared), 'full day')}: {text.listed(told)}. "
            f"{text.counted(len(odd), 'day')} by more than 1 % apart."
            if compared
            else "No day is over yet for both of them."
        ),
        tables=(
            by_day(
                "Its events in the log and in the database",
                (day_column(), *_compared("impressions"), *_compared("clicks")),
                days,
            ),
        ),
    )
