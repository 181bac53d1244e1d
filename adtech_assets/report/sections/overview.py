"""The headline numbers with their changes, and the days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from adtech_assets.report import charts, text
from adtech_assets.report.sections.parts import (
    Section,
    Table,
    TableColumn,
    missing,
    of,
)
from adtech_assets.report.statistics import (
    Comparison,
    Period,
    comparison,
    ctr,
    is_beyond_chance,
    period_before,
    wilson,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets.report.published import Day, Published


@dataclass(frozen=True)
class Tile:
    """A headline number."""

    name: str
    value: str
    change: str
    arrow: str = ""
    note: str = ""


@dataclass(frozen=True)
class Headline:
    """The headline numbers, and what they are compared with."""

    title: str
    compared: str = ""
    tiles: Sequence[Tile] = ()
    missing: str = ""


def change(now: Decimal | float, before: Decimal | float | None) -> tuple[str, str]:
    """Arrow and words for how a count has changed; a percentage only where there is one."""
    if before is None:
        return "", ""
    if now == before:
        return "", "unchanged"
    arrow = "▲" if now > before else "▼"
    if not before:
        return arrow, "up from 0"
    return arrow, text.signed_percent(float(now / before) - 1)  # type: ignore[operator]


def rate_change(now: float | None, before: float | None) -> tuple[str, str]:
    """The same for a rate, in percentage points: 2 % after 1 % is 1 point more, not 100 %."""
    if before is None or now is None:
        return "", ""
    points = 100 * (now - before)
    if abs(points) < 0.005:  # noqa: PLR2004 - what two decimals do not show
        return "", "unchanged"
    said = f"{points:+.2f}".replace("-", text.MINUS)
    return ("▲" if points > 0 else "▼"), f"{said} points"


def periods(published: Published) -> Comparison | None:
    """The days that the headline tells of: up to the last full one, if there is any."""
    if not published.days:
        return None
    full = [day.event_date for day in published.days if not day.is_so_far]
    if not full:
        return Comparison(Period(published.days[0].event_date, published.days[-1].event_date), None)
    if published.period is None:
        return comparison(published.days[0].event_date, full[-1])
    now = Period(published.period.first, full[-1])
    before = period_before(now)
    is_known = before and any(day.event_date in before for day in published.earlier.days or [])
    return Comparison(now, before if is_known else None)


def going_on(published: Published) -> list[Day]:
    """The days after the last full one."""
    days = published.days or []
    full = [day.event_date for day in days if not day.is_so_far]
    return [day for day in days if not full or day.event_date > full[-1]]


def headline(published: Published) -> Headline:
    """Impressions, clicks, rate, spend, invalid share, each against the period before."""
    days, compared = published.days, periods(published)
    if not days or compared is None:
        return Headline("In short", missing=missing(published, days, "fct_daily_summary", "days"))
    now, before = compared.now, compared.before
    chosen = published.period
    length = text.counted(now.length, "day")
    unfinished = going_on(published)
    is_anything_over = len(unfinished) < len(days)
    title = f"Last {length}" if now.length > 1 else "Last day"
    if not is_anything_over:
        title = "So far"
    elif chosen:
        title = "The chosen days" if now.length > 1 else "The chosen day"
    tiles = [*_count_tiles(published, now, before), _spend_tile(published, now, before)]
    if (invalid := _invalid_tile(published, now, before)) is not None:
        tiles.append(invalid)
    said = text.days(now.first, now.last)
    if before is not None:
        said += f", against the {length if now.length > 1 else 'day'} before: "
        said += text.days(before.first, before.last)
    else:
        said += ", with no earlier day to compare it with"
    if is_anything_over and unfinished:
        said += f". {_told_going_on(unfinished)}"
    if chosen and days[-1].event_date < chosen.last:
        rest = text.days(days[-1].event_date + timedelta(1), chosen.last)
        said += f". Nothing has been published of {rest}"
    these = "chosen ones" if chosen else "last ones"
    compared_periods = [(n, p) for n, p in ((these, now), ("ones before", before)) if p]
    days = [*(published.earlier.days or []), *days]
    known = {day.event_date for day in days}
    gaps = [
        f"{text.counted(lost, 'day')} of the {name} {'has' if lost == 1 else 'have'} no data"
        for name, period in compared_periods
        if (lost := period.length - sum(day in period for day in known))
    ]
    if is_anything_over:
        gaps += [
            f"{text.counted(part, 'day')} of the {name} {'was' if part == 1 else 'were'} not over "
            "when last read"
            for name, period in compared_periods
            if (part := sum(day.is_so_far and day.event_date in period for day in days))
        ]
    if gaps:
        said += f". Compare with care: {text.listed(gaps)}"
    return Headline(title, f"{said}.", tiles)


def _told_going_on(unfinished: Sequence[Day]) -> str:
    """What the days after the last full one have so far, in a sentence without its end."""
    impressions = sum(day.impressions for day in unfinished)
    clicks = sum(day.clicks for day in unfinished)
    said = text.days(unfinished[0].event_date, unfinished[-1].event_date)
    return (
        f"Not in it: {said}, which {'was' if len(unfinished) == 1 else 'were'} not over when last "
        f"read (so far {text.counted(impressions, 'impression')}, {text.counted(clicks, 'click')})"
    )


def _count_tiles(published: Published, now: Period, before: Period | None) -> list[Tile]:
    days = [*(published.earlier.days or []), *(published.days or [])]

    def counts(period: Period) -> tuple[int, int] | None:
        found = [day for day in days if day.event_date in period]
        if not found:
            return None
        return sum(day.impressions for day in found), sum(day.clicks for day in found)

    impressions, clicks = counts(now) or (0, 0)
    earlier = counts(before) if before else None
    tiles = []
    for name, value, old in (
        ("Impressions", impressions, earlier and earlier[0]),
        ("Clicks", clicks, earlier and earlier[1]),
    ):
        arrow, said = change(value, old)
        note = "" if old is None else f"{old:,} before"
        tiles.append(Tile(name, text.count(value), said, arrow, note))
    rate, old_rate = ctr(clicks, impressions), ctr(earlier[1], earlier[0]) if earlier else None
    arrow, said = rate_change(rate, old_rate)
    interval = wilson(clicks, impressions)
    note = (
        f"95 % interval {text.percent(interval[0])} to {text.percent(interval[1])}. "
        if interval
        else ""
    )
    if earlier and arrow:
        beyond = is_beyond_chance((clicks, earlier[1]), (impressions, earlier[0]))
        if beyond is not None:
            note += "More than chance explains." if beyond else "No more than chance explains."
    if clicks and not impressions:
        note += "Clicks without impressions have no rate."
    tiles.append(Tile("Click-through rate", text.percent(rate), said, arrow, note.strip()))
    return tiles


def _spend_tile(published: Published, now: Period, before: Period | None) -> Tile:
    if published.spend is None:
        return Tile("Estimated spend", text.NOTHING, "not published yet")

    days = [*(published.earlier.spend or []), *published.spend]

    def total(period: Period) -> Decimal | None:
        found = [day.estimated_spend for day in days if day.event_date in period]
        return sum(found, start=Decimal(0)) if found else None

    value, old = total(now) or Decimal(0), total(before) if before else None
    arrow, said = change(value, old)
    return Tile(
        *("Estimated spend", text.money(value), said, arrow),
        note="" if old is None else f"{text.money(old)} before",
    )


def _invalid_tile(published: Published, now: Period, before: Period | None) -> Tile | None:
    if not published.quality:
        return None
    days = charts.invalid_days([*(published.earlier.quality or []), *published.quality])

    def rate(period: Period) -> float | None:
        found = [day for day in days if day.day in period]
        events = sum(day.events for day in found)
        return sum(sum(d.by_reason.values()) for d in found) / events if events else None

    value, old = rate(now), rate(before) if before else None
    arrow, said = rate_change(value, old)
    return Tile(
        *("Invalid traffic", text.percent(value), said, arrow),
        note="of logged events" + ("" if old is None else f"; {text.percent(old)} before"),
    )


def _interval(day: Day) -> str:
    return (
        text.NOTHING
        if day.ctr_low is None
        else f"{text.percent(day.ctr_low)} to {text.percent(day.ctr_high)}"
    )


_DAY_COLUMNS: Sequence[TableColumn[Day]] = (
    TableColumn(
        "Day",
        lambda day: text.day_so_far(day.event_date, is_so_far=day.is_so_far),
        of("event_date", "is_so_far"),
        "nowrap",
    ),
    TableColumn("Weekday", lambda day: text.WEEKDAYS[day.event_date.weekday()], {}),
    TableColumn(
        "Impressions", lambda day: text.count(day.impressions), of("impressions"), "number"
    ),
    TableColumn("Clicks", lambda day: text.count(day.clicks), of("clicks"), "number"),
    TableColumn(
        "Click-through rate",
        lambda day: text.rate(day.clicks, day.impressions),
        of("ctr"),
        "number",
    ),
    TableColumn("95 % interval", _interval, of("ctr_low", "ctr_high"), "number"),
)


def by_day(published: Published) -> Section:
    """Impressions, clicks and rate of each day."""
    days, compared = published.days, periods(published)
    if not days or compared is None:
        return Section(missing(published, days, "fct_daily_summary", "days"))
    now = compared.now if compared.before and not published.period else None
    shaded = (
        f" The last {text.counted(now.length, 'day')} are shaded." if now and now.length > 1 else ""
    )
    return Section(
        intro=(
            f"{text.days(days[0].event_date, days[-1].event_date)}, days in UTC.{shaded} "
            "The band around the rate is its 95 % interval: the fewer impressions, the wider."
            f"{text.SO_FAR_DRAWN if going_on(published) else ''}"
        ),
        chart=charts.daily(days, now),
        table=Table(
            "Impressions, clicks and click-through rate by day, newest first",
            _DAY_COLUMNS,
            days[::-1],
            summary=f"The numbers of {text.counted(len(days), 'day')}",
        ),
    )
