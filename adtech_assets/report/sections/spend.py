"""Spend and budgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adtech_assets.report import charts, text
from adtech_assets.report.sections.overview import periods
from adtech_assets.report.sections.parts import (
    Fact,
    Section,
    Table,
    TableColumn,
    facts,
    missing,
    no_campaigns,
    of,
    over,
    total_of,
    unpublished,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets.report.published import Campaign, DaySpend, Published


_DAY_COLUMNS: Sequence[TableColumn[DaySpend]] = (
    TableColumn(
        "Day",
        lambda day: text.day_so_far(day.event_date, is_so_far=day.is_so_far),
        of("event_date", "is_so_far"),
        "nowrap",
    ),
    TableColumn(
        "Estimated spend",
        lambda day: text.money(day.estimated_spend),
        of("estimated_spend"),
        "number",
    ),
)


@dataclass(frozen=True)
class Spend(Section):
    """Sums of money, and spend by day."""

    facts: Table[Fact] | None = None
    missing_days: str = ""


def spend(published: Published) -> Spend:
    """Estimated spend against budgets."""
    found, days, compared = published.campaigns, published.spend, periods(published)
    absent = ""
    totals = None
    if found is None or not published.has_money:
        absent = unpublished(*published.absent_of_campaigns)
    elif not found:
        absent = no_campaigns(published)
    else:
        totals = _spend_facts(published, found)
    is_shaded = compared and compared.before and not published.period
    now = compared.now if compared and is_shaded else None
    return Spend(
        missing=absent,
        facts=totals,
        intro=(
            f"Over {over(published)}, in the currency of the bids: clicks by the bid in force, "
            "an upper estimate."
        ),
        missing_days=missing(published, days, "fct_campaign_daily", "days"),
        chart=charts.spend(days, now) if days else None,
        table=Table(
            "Estimated spend by day, newest first",
            _DAY_COLUMNS,
            days[::-1],
            summary=f"The numbers of {text.counted(len(days), 'day')}",
        )
        if days
        else None,
    )


def _spend_facts(published: Published, found: Sequence[Campaign]) -> Table[Fact]:
    """Of a chosen period, spend is of its days; budgets are used by all days up to its end."""
    limited = [campaign for campaign in found if campaign.budget and campaign.budget > 0]
    budget = total_of(campaign.budget for campaign in limited)
    used = total_of(campaign.spend_to_date for campaign in limited)
    share = float(used / budget) if budget else None
    over_budget = [campaign for campaign in limited if campaign.pacing_status == "over_budget"]
    spent = total_of(campaign.estimated_spend for campaign in found)
    to_date = (
        f" up to {text.long_day(published.paced_day)}"
        if published.period and published.paced_day
        else ""
    )
    rows = [
        Fact("Spent by all campaigns", text.money(spent), spent),
        Fact(f"Budgets of {text.counted(len(limited), 'campaign')}", text.money(budget), budget),
        Fact(
            f"Of these budgets used{to_date}",
            f"{text.money(used)} ({text.rough_percent(share)})",
            used,
        ),
    ]
    if over_budget:
        excess = total_of(c.spend_to_date for c in over_budget) - total_of(
            c.budget for c in over_budget
        )
        name = f"Spent over budget{to_date}, by {text.counted(len(over_budget), 'campaign')}"
        rows.append(Fact(name, text.money(excess), excess))
    return facts(f"Spend and budgets over {over(published)}", "Amount", rows, "number")
