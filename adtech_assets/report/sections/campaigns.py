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
    campaign_name,
    isolated,
    no_campaigns,
    of,
    over,
    total_of,
    unpublished,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """As it is shown in full, when its place is too narrow."""
    link: Markup | str
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
    pages: str = ""
    top: Table[Campaign] | None = None
    """The first campaigns as a plain table, for their file."""
    has_money: bool = False
    rows: Sequence[CampaignRow] = field(default_factory=list)
    sums: Sequence[CampaignRow] = field(default_factory=list)


def campaigns(published: Published) -> Campaigns:
    """Campaigns by impressions, with their pacing."""
    found = published.campaigns
    if found is None:
        return Campaigns(unpublished(*published.absent_of_campaigns))
    if not found:
        return Campaigns(no_campaigns(published))
    has_money = published.has_money
    top, rest = found[:TOP_CAMPAIGNS], found[TOP_CAMPAIGNS:]
    sums = []
    if rest:
        sums.append(_sum_row(f"{text.counted(len(rest), 'other campaign')}", rest))
    sums.append(_sum_row("All campaigns", found))
    return Campaigns(
        intro=_campaigns_intro(published, found),
        note=""
        if has_money
        else "Pacing, spend and budget are not shown: marts.mart_campaign_kpis has not been "
        "published yet.",
        caption=(
            f"The {len(top)} campaigns with the most impressions, of {len(found):,}"
            if rest
            else "Campaigns by impressions"
        ),
        pages=_told_pages(published, found),
        legend=(
            "The bar is the share of the budget that is used. The upright mark is where an even "
            "course would be by now: as much of the budget as of the flight. Where more than the "
            "budget is spent, the mark is the budget."
        ),
        has_money=has_money,
        rows=[_campaign_row(published, campaign) for campaign in top],
        top=Table("The campaigns with the most impressions", _columns(published), top),
        sums=sums,
        table=_all_campaigns(published, found),
    )


def _campaigns_intro(published: Published, found: Sequence[Campaign]) -> str:
    counted = text.counted(len(found), "campaign")
    said = f"{counted} over {over(published)}, by impressions."
    if not published.has_money:
        return said
    paced_day = published.paced_day
    statuses = Counter(campaign.pacing_status for campaign in found)
    known = [status for status in words.STATUS_WORDS if statuses[status]]
    others = sorted(str(s) for s in statuses if s not in words.STATUS_WORDS and s is not None)
    told = [
        f"{statuses[status]:,} {words.status_words(status).lower()}" for status in [*known, *others]
    ]
    at = f" at the end of {text.long_day(paced_day)}" if paced_day else ""
    to_date = ", with projection and budget to date," if published.period else ""
    return f"{said} Pacing{to_date}{at}: {', '.join(told)}." if told else said


def _campaign_row(published: Published, campaign: Campaign) -> CampaignRow:
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
        link=campaign_name(published, campaign.campaign_id, campaign.campaign_name),
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
        link=name,
        impressions=text.count(impressions),
        clicks=text.count(clicks),
        rate=text.rate(clicks, impressions),
        spend=text.money(total_of(campaign.estimated_spend for campaign in of)),
        budget=text.money(total_of(budgets)) if budgets else text.NOTHING,
    )


_CAMPAIGN_COLUMNS: Sequence[TableColumn[Campaign]] = (
    TableColumn("Id", lambda each: each.campaign_id, of("campaign_id"), "number"),
    TableColumn(
        "Impressions", lambda each: text.count(each.impressions), of("impressions"), "number"
    ),
    TableColumn("Clicks", lambda each: text.count(each.clicks), of("clicks"), "number"),
    TableColumn(
        "Click-through rate",
        lambda each: text.rate(each.clicks, each.impressions),
        of("ctr"),
        "number",
    ),
    TableColumn(
        "95 % interval",
        lambda each: _interval(each) or text.NOTHING,
        of("ctr_low", "ctr_high"),
        "number",
    ),
)
_MONEY_COLUMNS: Sequence[TableColumn[Campaign]] = (
    TableColumn(
        "Advertiser",
        lambda each: (
            isolated(text.name(each.advertiser_name)) if each.advertiser_name else text.NOTHING
        ),
        of("advertiser_name"),
        "whole",
    ),
    TableColumn(
        "Pacing",
        lambda each: words.status_words(each.pacing_status),
        of("pacing_status", "on_schedule_indicator"),
        "nowrap",
    ),
    TableColumn(
        "Budget used",
        lambda each: text.rough_percent(each.budget_used_share),
        of("budget_used_share"),
        "number",
    ),
    TableColumn(
        "Est. spend",
        lambda each: text.money(each.estimated_spend),
        of("estimated_spend", "projected_spend"),
        "number",
    ),
    TableColumn("Budget", lambda each: text.money(each.budget), of("budget"), "number"),
)


def _columns(published: Published) -> Sequence[TableColumn[Campaign]]:
    name: TableColumn[Campaign] = TableColumn(
        "Campaign",
        lambda each: campaign_name(published, each.campaign_id, each.campaign_name),
        of("campaign_name"),
        "whole",
    )
    return (name, *_CAMPAIGN_COLUMNS, *(_MONEY_COLUMNS if published.has_money else ()))


def _all_campaigns(published: Published, found: Sequence[Campaign]) -> Table[Campaign]:
    shown = found[:MOST_CAMPAIGN_ROWS]
    lost = len(found) - len(shown)
    return Table(
        "Campaigns by impressions, names in full"
        + (f"; {lost:,} more are in its CSV and in the published table" if lost else ""),
        _columns(published),
        shown,
        summary=f"All campaigns ({len(shown):,} of {len(found):,})"
        if lost
        else f"All {len(found):,} campaigns",
        every=found,
    )


def _told_pages(published: Published, found: Sequence[Campaign]) -> str:
    """Which campaigns have a page, and where the numbers of the others are."""
    paged = len(published.closeups)
    if paged == len(found):
        return "Each name leads to a page of its campaign."
    return (
        f"The names of the first {paged:,} lead to a page each. "
        f"{text.counted(len(found) - paged, 'campaign')} further down "
        f"{'has' if len(found) - paged == 1 else 'have'} none: their numbers by day are in the "
        "published marts, adtech results --mart fct_campaign_daily."
    )


def rates(published: Published) -> Section:
    """Click-through rates side by side."""
    found = published.campaigns
    if found is None:
        return Section(unpublished(*published.absent_of_campaigns))
    if not any(campaign.ctr is not None for campaign in found):
        return Section(
            f"No campaign has been shown to anybody over {over(published)}."
            if published.period
            else "No campaign has been shown to anybody yet."
        )
    return Section(
        intro=(
            f"Over {over(published)}. Dot: the rate. Band: where the true rate lies with 95 % "
            "confidence. Dashed: all campaigns together. Bands that overlap widely are no "
            "difference to act on."
        ),
        chart=charts.rates(found),
    )
