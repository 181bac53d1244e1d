"""Campaigns: ranked, paced, and their rates side by side."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from adtech_assets.report import charts, text, words
from adtech_assets.report.sections.parts import (
    Look,
    Section,
    Table,
    TableColumn,
    isolated,
    total_of,
    unpublished,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from markupsafe import Markup

    from adtech_assets.report.published import Campaign, Published


TOP_CAMPAIGNS = 12

MOST_CAMPAIGN_ROWS = 1_000
"""Rows of the long table: 150 KB a thousand, and nobody reads more; `adtech results` has all."""

PACE_LOOKS: dict[str, tuple[Look, str]] = {
    "on_track": ("good", "✓"),
    "behind": ("warn", "▼"),
    "ahead": ("warn", "▲"),
    "over_budget": ("bad", "✕"),
    "outside_flight": ("bad", "!"),
}


@dataclass(frozen=True)
class CampaignRow:
    """A campaign among the first ones, or a sum."""

    name: str
    impressions: str
    clicks: str
    rate: str
    interval: str = ""
    advertiser: str = ""
    remark: str = ""
    status: str = ""
    look: Look = "none"
    mark: str = ""
    bar: Markup | None = None
    pace: str = ""
    spend: str = ""
    projected: str = ""
    budget: str = ""


@dataclass(frozen=True)
class Campaigns(Section):
    """The first campaigns, sums, and all of them in a table."""

    caption: str = ""
    legend: str = ""
    has_money: bool = False
    rows: Sequence[CampaignRow] = field(default_factory=list)
    sums: Sequence[CampaignRow] = field(default_factory=list)


def campaigns(published: Published) -> Campaigns:
    """Campaigns by impressions, with their pacing."""
    found = published.campaigns
    if found is None:
        return Campaigns(unpublished("mart_campaign_kpis"))
    if not found:
        return Campaigns("There are no campaigns.")
    has_money = "mart_campaign_kpis" not in published.unpublished
    top, rest = found[:TOP_CAMPAIGNS], found[TOP_CAMPAIGNS:]
    sums = []
    if rest:
        sums.append(_sum_row(f"{text.counted(len(rest), 'other campaign')}", rest))
    sums.append(_sum_row("All campaigns", found))
    return Campaigns(
        intro=_campaigns_intro(found, published.paced_day, has_money=has_money),
        note=""
        if has_money
        else "Pacing, spend and budget are not shown: marts.mart_campaign_kpis has not been "
        "published yet.",
        caption=(
            f"The {len(top)} campaigns with the most impressions, of {len(found):,}"
            if rest
            else "Campaigns by impressions"
        ),
        legend=(
            "The bar is the share of the budget that is used. The upright mark is where an even "
            "course would be by now: as much of the budget as of the flight. Where more than the "
            "budget is spent, the mark is the budget."
        ),
        has_money=has_money,
        rows=[_campaign_row(campaign) for campaign in top],
        sums=sums,
        table=_campaign_table(found, has_money=has_money),
    )


def _campaigns_intro(found: Sequence[Campaign], paced_day: date | None, *, has_money: bool) -> str:
    said = f"{text.counted(len(found), 'campaign')} over all published days, by impressions."
    if not has_money:
        return said
    statuses = Counter(campaign.pacing_status for campaign in found)
    known = [status for status in words.STATUS_WORDS if statuses[status]]
    others = sorted(str(s) for s in statuses if s not in words.STATUS_WORDS and s is not None)
    told = [
        f"{statuses[status]:,} {words.status_words(status).lower()}" for status in [*known, *others]
    ]
    at = f" at the end of {text.long_day(paced_day)}" if paced_day else ""
    return f"{said} Pacing{at}: {', '.join(told)}." if told else said


def _campaign_row(campaign: Campaign) -> CampaignRow:
    status = campaign.pacing_status
    look, mark = PACE_LOOKS.get(status or "", ("none", text.NOTHING))
    used, ideal = campaign.budget_used_share, campaign.flight_elapsed_share
    bar = None if used is None else charts.pacing_marks(campaign, 4, 8)
    pace = "" if used is None else f"{text.rough_percent(used)} used"
    if pace and ideal is not None:
        pace += f", {text.rough_percent(ideal)} of the flight over"
    odd = campaign.anomalous_days or 0
    remarks = [
        *(["no longer in the source"] if campaign.is_current is False else []),
        *([f"unusual rate on {text.counted(odd, 'day')}"] if odd else []),
    ]
    return CampaignRow(
        name=text.name(campaign.campaign_name),
        impressions=text.count(campaign.impressions),
        clicks=text.count(campaign.clicks),
        rate=text.rate(campaign.clicks, campaign.impressions),
        interval=_interval(campaign),
        advertiser=text.name(campaign.advertiser_name) if campaign.advertiser_name else "",
        remark=", ".join(remarks),
        status=words.status_words(status),
        look=look,
        mark=mark,
        bar=bar,
        pace=pace,
        spend=text.money(campaign.estimated_spend),
        projected=(
            ""
            if campaign.projected_spend is None
            else f"{text.money(campaign.projected_spend)} projected"
        ),
        budget=text.money(campaign.budget),
    )


def _interval(campaign: Campaign) -> str:
    if campaign.ctr_low is None:
        return ""
    return f"{text.percent(campaign.ctr_low)} to {text.percent(campaign.ctr_high)}"


def _sum_row(name: str, of: Sequence[Campaign]) -> CampaignRow:
    impressions, clicks = sum(c.impressions for c in of), sum(c.clicks for c in of)
    # A budget below 0 allows no more than one of 0.
    budgets = [max(campaign.budget, Decimal(0)) for campaign in of if campaign.budget is not None]
    return CampaignRow(
        name=name,
        impressions=text.count(impressions),
        clicks=text.count(clicks),
        rate=text.rate(clicks, impressions),
        spend=text.money(total_of(campaign.estimated_spend for campaign in of)),
        budget=text.money(total_of(budgets)) if budgets else text.NOTHING,
    )


_CAMPAIGN_COLUMNS: Sequence[TableColumn[Campaign]] = (
    TableColumn("Campaign", lambda each: isolated(text.name(each.campaign_name)), "whole"),
    TableColumn("Id", lambda each: each.campaign_id, "number"),
    TableColumn("Impressions", lambda each: text.count(each.impressions), "number"),
    TableColumn("Clicks", lambda each: text.count(each.clicks), "number"),
    TableColumn(
        "Click-through rate", lambda each: text.rate(each.clicks, each.impressions), "number"
    ),
    TableColumn("95 % interval", lambda each: _interval(each) or text.NOTHING, "number"),
)
_MONEY_COLUMNS: Sequence[TableColumn[Campaign]] = (
    TableColumn(
        "Advertiser",
        lambda each: (
            isolated(text.name(each.advertiser_name)) if each.advertiser_name else text.NOTHING
        ),
        "whole",
    ),
    TableColumn("Pacing", lambda each: words.status_words(each.pacing_status), "nowrap"),
    TableColumn("Budget used", lambda each: text.rough_percent(each.budget_used_share), "number"),
    TableColumn("Est. spend", lambda each: text.money(each.estimated_spend), "number"),
    TableColumn("Budget", lambda each: text.money(each.budget), "number"),
)


def _campaign_table(found: Sequence[Campaign], *, has_money: bool) -> Table[Campaign]:
    shown = found[:MOST_CAMPAIGN_ROWS]
    left_out = (
        ""
        if len(shown) == len(found)
        else f"; {len(found) - len(shown):,} more are in the published table"
    )
    return Table(
        f"Campaigns by impressions, names in full{left_out}",
        (*_CAMPAIGN_COLUMNS, *(_MONEY_COLUMNS if has_money else ())),
        shown,
        summary=f"All campaigns ({len(shown):,} of {len(found):,})"
        if left_out
        else f"All {len(found):,} campaigns",
    )


def rates(published: Published) -> Section:
    """Click-through rates side by side."""
    found = published.campaigns
    if found is None:
        return Section(unpublished("mart_campaign_kpis"))
    if not any(campaign.ctr is not None for campaign in found):
        return Section("No campaign has been shown to anybody yet.")
    return Section(
        intro=(
            "Dot: the rate. Band: where the true rate lies with 95 % confidence. Dashed: all "
            "campaigns together. Bands that overlap widely are no difference to act on."
        ),
        chart=charts.rates(found),
    )
