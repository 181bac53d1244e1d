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
    total_of,
    unpublished,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets.report.published import Campaign, DaySpend, Published


_DAY_COLUMNS: Sequence[TableColumn[DaySpend]] = (
    TableColumn(
        "Day", lambda day: text.day_so_far(day.event_date, is_so_far=day.is_so_far), "nowrap"
    ),
    TableColumn("Estimated spend", lambda day: text.money(day.estimated_spend), "number"),
)


@dataclass(frozen=True)
class Spend(Section):
    """Sums of money, and spend by day."""

    facts: Table[Fact] | None = None
    missing_days: str = ""


def spend(published: Published) -> Spend:
    """Estimated spend against budgets."""
    found, days, compared = published.campaigns, published.spend, periods(published)
    missing = ""
    totals = None
    if found is None or "mart_campaign_kpis" in published.unpublished:
        missing = unpublished("mart_campaign_kpis")
    elif not found:
        missing = "There are no campaigns."
    else:
        totals = _spend_facts(found)
    now = compared.now if compared and compared.before else None
    return Spend(
        missing=missing,
        facts=totals,
        intro="In the currency of the bids: clicks by the bid in force, an upper estimate.",
        missing_days=unpublished("fct_campaign_daily") if days is None else "",
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


def _spend_facts(found: Sequence[Campaign]) -> Table[Fact]:
    limited = [campaign for campaign in found if campaign.budget and campaign.budget > 0]
    budget = total_of(campaign.budget for campaign in limited)
    spent = total_of(campaign.estimated_spend for campaign in limited)
    used = float(spent / budget) if budget else None
    over = [campaign for campaign in limited if campaign.pacing_status == "over_budget"]
    rows: list[Fact] = [
        ("Spent by all campaigns", text.money(total_of(c.estimated_spend for c in found))),
        (f"Budgets of {text.counted(len(limited), 'campaign')}", text.money(budget)),
        ("Of these budgets used", f"{text.money(spent)} ({text.rough_percent(used)})"),
    ]
    if over:
        excess = total_of(c.estimated_spend for c in over) - total_of(c.budget for c in over)
        rows.append(
            (f"Spent over budget, by {text.counted(len(over), 'campaign')}", text.money(excess))
        )
    return facts("Spend and budgets over all published days", "Amount", rows, "number")
