"""Can the numbers be relied on: how fresh they are, what the checks say, whether sources agree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from markupsafe import Markup

from adtech_assets.audit.conditions import STANDING_DAYS, told
from adtech_assets.report import text
from adtech_assets.report.sections import overview
from adtech_assets.report.sections.parts import (
    MARKS,
    Fact,
    Look,
    Table,
    TableColumn,
    facts,
    marked,
    missing,
    of,
    said,
)
from adtech_assets.report.sections.traffic import RECONCILED_LOOKS
from adtech_assets.report.statistics import Period
from adtech_assets.report.svg import tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets.audit.check import Check
    from adtech_assets.audit.conditions import Condition
    from adtech_assets.report.published import Published


CHECK_LETTERS = 600
MOST_STANDING = 100


@dataclass(frozen=True)
class Signal:
    """One of the answers to: can these numbers be relied on?"""

    look: Look
    headline: str
    note: str

    @property
    def mark(self) -> str:
        """A sign, for whoever cannot tell the colours."""
        return MARKS[self.look]


@dataclass(frozen=True)
class Checks:
    """What the checks say."""

    intro: str
    table: Table[Check] | None = None
    all: Table[Check] | None = None


def _missing_days(days: Sequence[date], period: Period | None = None) -> list[date]:
    """Days of the period that are not there; without one, between the first and the last."""
    if not days and period is None:
        return []
    within = period or Period(min(days), max(days))
    known = set(days)
    every = (within.first + timedelta(n) for n in range(within.length))
    return [day for day in every if day not in known]


def _told_missing(missing: Sequence[date], period: Period | None) -> str:
    if not missing:
        return "none" if period else "none between the first and the last"
    recent = missing[-31:]
    said = text.stretches(recent)
    return f"{text.counted(len(missing), 'day')}: {'…, ' if recent != missing else ''}{said}"


def freshness(published: Published) -> Table[Fact]:
    """Up to which day there is data, which days are missing, and when it was loaded."""
    period = published.period
    days = [day.event_date for day in published.days or []]
    logged = [load.day for load in published.loads or []]
    lost, unlogged = _missing_days(days, period), _missing_days(logged, period)
    rows = [
        Fact(
            "Last day of the database",
            text.long_day(published.days[-1].event_date, is_so_far=published.days[-1].is_so_far)
            if published.days
            else "nothing published of these days"
            if period
            else "nothing published yet",
            days[-1] if days else None,
        ),
        Fact(
            "Days of the database that are missing",
            _told_missing(lost, period) if days or period else text.NOTHING,
            len(lost),
        ),
        Fact(
            "Last day of the log files",
            text.long_day(logged[-1])
            if logged
            else "nothing loaded of these days"
            if period
            else "nothing loaded yet",
            logged[-1] if logged else None,
        ),
        Fact(
            "Days of the log files that are missing",
            _told_missing(unlogged, period) if logged or period else text.NOTHING,
            len(unlogged),
        ),
    ]
    if published.loads:
        newest = max(load.loaded_at for load in published.loads)
        rows.append(Fact("Log files last loaded", text.moment(newest), newest))
        last = published.loads[-1]
        if last.loaded_at != newest:
            told = text.moment(last.loaded_at)
            rows.append(Fact(f"{text.long_day(last.day)} loaded", told, last.loaded_at))
    if published.unpublished:
        marts = ", ".join(published.unpublished)
        rows.append(Fact("Marts not published yet", marts, marts))
    told = "As the published tables and load_audit tell it"
    return facts(f"{told}, of {said(period)}" if period else told, "State", rows, "text")


def _of_asset(check: Check) -> Markup:
    return Markup("{}{}").format(check.name, tag("span", check.asset, class_="note"))


_CHECK_COLUMNS: Sequence[TableColumn[Check]] = (
    TableColumn("Check", _of_asset, of("asset", "name"), "whole"),
    TableColumn(
        "Outcome", lambda check: marked(check.look, check.outcome), of("outcome"), "nowrap"
    ),
    TableColumn(
        "What it says",
        lambda check: (
            text.cut(text.name(check.description), CHECK_LETTERS)
            if check.description
            else text.NOTHING
        ),
        of("description"),
        "text",
    ),
    TableColumn(
        "When (UTC)",
        lambda check: f"{check.evaluated_at:%Y-%m-%d %H:%M}",
        of("evaluated_at"),
        "nowrap",
    ),
)


def _by_weight(check: Check) -> tuple[int, str, str]:
    return ("bad", "warn", "good", "none").index(check.look), check.asset, check.name


def checks(found: Sequence[Check] | None) -> Checks:
    """Failed and warning checks in the open, the others collapsed."""
    if found is None:
        return Checks("The checks were not asked when this page was made.")
    if not found:
        return Checks("No check has been evaluated yet.")
    ordered = sorted(found, key=_by_weight)
    not_passed = [check for check in ordered if not check.passed]
    passed = len(ordered) - len(not_passed)
    intro = f"{passed:,} of {text.counted(len(ordered), 'check')} passed."
    if not_passed:
        failed = sum(check.look == "bad" for check in not_passed)
        intro += f" {failed:,} failed, {len(not_passed) - failed:,} warned."
    return Checks(
        intro,
        Table("Checks that did not pass, worst first", _CHECK_COLUMNS, not_passed)
        if not_passed
        else None,
        Table(
            "The latest evaluation of each check",
            _CHECK_COLUMNS,
            ordered,
            f"All {text.counted(len(ordered), 'check')}",
        ),
    )


def brought_up_to_date(found: Sequence[Check], standing: Sequence[Condition]) -> list[Check]:
    """The checks, of which none has passed on what stands now."""
    contradicted = {each.check: each for each in reversed(standing) if each.check}
    return [
        replace(
            check,
            passed=False,
            severity="WARN" if contradicted[check.name].look == "warn" else "ERROR",
            description=f"Since it was asked: {contradicted[check.name]}",
        )
        if check.passed and check.name in contradicted
        else check
        for check in found
    ]


def standing_table(standing: Sequence[Condition]) -> Table[Condition] | None:
    """What stands, one a row."""
    if not standing:
        return None
    shown = standing[:MOST_STANDING]
    left_out = len(standing) - len(shown)
    return Table(
        "What stands on whatever day, until somebody does something about it, worst first"
        + (f"; {left_out:,} more in adtech status" if left_out else ""),
        (
            TableColumn("What", lambda each: marked(each.look, each.what), of("what"), "nowrap"),
            TableColumn(
                "Which",
                lambda each: text.cut(text.name(each.told), CHECK_LETTERS),
                of("told"),
                "text",
            ),
        ),
        shown,
    )


def signals(
    published: Published, found: Sequence[Check] | None, standing: Sequence[Condition] = ()
) -> list[Signal]:
    """Freshness, checks, agreement of the sources, and what stands, each in a line.

    No light is green while anything stands, on whatever day.
    """
    signals = [
        _fresh_signal(published, standing),
        _check_signal(found),
        _agreement_signal(published),
    ]
    if not standing:
        return signals
    if found and signals[1].look == "good":
        asked = f"{text.counted(len(found), 'check')} passed when last asked"
        signals[1] = replace(signals[1], headline=asked)
    worst: Look = "bad" if any(each.look == "bad" for each in standing) else "warn"
    return [
        *(replace(each, look="none") if each.look == "good" else each for each in signals),
        Signal(worst, f"Stands: {told(standing)}", f"{text.cut(str(standing[0]), 160)}; see below"),
    ]


def _fresh_signal(published: Published, standing: Sequence[Condition]) -> Signal:
    period = published.period
    days = [day.event_date for day in published.days or []]
    logged = [load.day for load in published.loads or []]
    lasts = [found[-1] for found in (days, logged) if found]
    if not lasts:
        return Signal(
            "none",
            f"No data of {said(period)}" if period else "No data yet",
            "Nothing of these days has been published or loaded."
            if period
            else "Nothing has been published or loaded.",
        )
    gaps = {
        name: lost
        for name, found in (("database", days), ("log files", logged))
        if (found or period) and (lost := _missing_days(found, period))
    }
    notes = [
        f"{text.counted(len(lost), 'day')} missing in the {name}" for name, lost in gaps.items()
    ]
    if len(set(lasts)) > 1:
        notes.append(
            f"database to {text.short_day(lasts[0])}, log files to {text.short_day(lasts[1])}"
        )
    if not notes and not any(each.what in STANDING_DAYS for each in standing):
        notes.append(f"no day of {said(period)} missing" if period else "no day missing")
    if unfinished := overview.going_on(published):
        told = text.stretches([day.event_date for day in unfinished])
        notes.append(f"{told} of the database so far")
    if published.loads:
        notes.append(
            f"log files loaded {text.moment(max(load.loaded_at for load in published.loads))}"
        )
    return Signal(
        "warn" if gaps or len(set(lasts)) > 1 else "good",
        f"Data to {text.long_day(max(lasts))}",
        _sentence(notes),
    )


def _check_signal(found: Sequence[Check] | None) -> Signal:
    if not found:
        return Signal("none", "Checks unknown", checks(found).intro)
    failed = [check for check in found if check.look == "bad"]
    warned = [check for check in found if check.look == "warn"]
    if not failed and not warned:
        return Signal(
            "good", f"All {text.counted(len(found), 'check')} passed", "Listed at the end."
        )
    worst = min(failed or warned, key=_by_weight)
    parts = [f"{text.counted(len(failed), 'check')} failed"] if failed else []
    if warned:
        parts.append(
            f"{len(warned):,} warned" if failed else f"{text.counted(len(warned), 'check')} warned"
        )
    more = len(failed) + len(warned) - 1
    return Signal(
        "bad" if failed else "warn",
        text.listed(parts),
        f"{worst.asset}: {worst.name}" + (f", and {more:,} more below" if more else "; see below"),
    )


def _agreement_signal(published: Published) -> Signal:
    found = published.reconciliation
    if not found:
        return Signal(
            "none",
            "Log and database not compared",
            missing(published, found, "fct_log_reconciliation_daily", "days"),
        )
    compared = [row for row in found if not row.is_so_far]
    if not compared:
        return Signal(
            "none", "Log and database not compared", "No day is over yet for both of them."
        )
    looks = [RECONCILED_LOOKS.get(row.status, "bad") for row in compared]
    days = {row.event_date for row in compared}
    odd = {row.event_date for row, look in zip(compared, looks, strict=True) if look != "good"}
    worst: Look = "bad" if "bad" in looks else "warn" if "warn" in looks else "good"
    headline = {
        "good": "Log and database agree",
        "warn": "Log and database differ slightly",
        "bad": "Log and database disagree",
    }[worst]
    note = (
        f"Within 1 % on {text.counted(len(days), 'day')}"
        if not odd
        else f"On {len(odd):,} of {text.counted(len(days), 'day')}; details below"
    )
    return Signal(worst, headline, note)


def _sentence(parts: Sequence[str]) -> str:
    said = "; ".join(parts)
    return said[:1].upper() + said[1:] + "."
