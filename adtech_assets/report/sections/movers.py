"""What moved: most from week to week, and hours that did not deliver as usual."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from adtech_assets.report import text
from adtech_assets.report.sections.parts import (
    Section,
    Table,
    TableColumn,
    campaign_name,
    isolated,
    missing,
    of,
    said,
    unpublished,
)
from adtech_assets.report.svg import tag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from adtech_assets.report.published import DeliveredHours, Mover, Published

MOST_OF_A_SORT = 3
MOST_CAMPAIGNS = 15

_CAMPAIGN = "campaign"
_KEY = ("dimension", "place", "member")
_SORTS = {
    _CAMPAIGN: ("Campaign", "unnamed"),
    "publisher_domain": ("Domain", "not said"),
    "deal": ("Deal", "open market, or not said"),
}
"""The sorts of members, what they are called, and what none means."""


def _absent(published: Published, mart: str) -> str:
    wanted = (mart, "dim_campaigns")
    return unpublished(*([each for each in wanted if each in published.unpublished] or wanted))


def _share(mover: Mover) -> str:
    if not mover.impressions_before:
        return "new"
    return text.signed_percent(mover.impressions_change_share) if mover.impressions else "gone"


def _projected(each: DeliveredHours) -> str:
    if each.projected_impressions is None:
        return text.NOTHING
    low, high = text.number(each.projected_low, 0), text.number(each.projected_high, 0)
    return f"{text.number(each.projected_impressions, 0)} ({low}{text.NOTHING}{high})"


_MOVES: Sequence[TableColumn[Mover]] = (
    TableColumn(
        "Impressions", lambda mover: text.count(mover.impressions), of("impressions"), "number"
    ),
    TableColumn(
        "Week before",
        lambda mover: text.count(mover.impressions_before),
        of("impressions_before"),
        "number",
    ),
    TableColumn(
        "Change",
        lambda mover: text.signed_count(mover.impressions_change),
        of("impressions_change"),
        "number",
    ),
    TableColumn("Change (%)", _share, of("impressions_change_share"), "number"),
)
_HOURS: Sequence[TableColumn[DeliveredHours]] = (
    TableColumn("Hours", lambda each: text.count(each.hours), of("hours"), "number"),
    TableColumn("Under", lambda each: text.count(each.under), of("under"), "number"),
    TableColumn("Over", lambda each: text.count(each.over), of("over"), "number"),
    TableColumn(
        "Last day comes to",
        _projected,
        of("projected_impressions", "projected_low", "projected_high"),
        "number",
    ),
)


def movers(published: Published) -> Section:
    """What changed most from one full week to the next, up or down."""
    found = published.movers
    if found is None:
        return Section(_absent(published, "fct_weekly_movers"))
    if not found:
        of_days = f" of {said(published.period)}" if published.period else ""
        return Section(
            f"Nothing to show: no week{of_days} can be compared. The log has to have it in full, "
            "Monday to Sunday, and the week before too."
        )
    week = found[0].week_start
    shown = [mover for mover in found if mover.place <= MOST_OF_A_SORT]

    def member(mover: Mover) -> Markup:
        sort, nothing = _SORTS[mover.dimension]
        name = (
            campaign_name(published, int(mover.member), mover.campaign_name)
            if mover.dimension == _CAMPAIGN
            else isolated(text.name(mover.member or nothing))
        )
        return name + " " + tag("span", sort, class_="note")

    return Section(
        intro=(
            f"Logged impressions of the week {text.days(week, week + timedelta(days=6))} against "
            "the week before, the largest changes of each sort, up or down."
        ),
        table=Table(
            f"Campaigns, domains and deals, the first {MOST_OF_A_SORT} each",
            (TableColumn("What", member, of(*_KEY, "campaign_name"), "whole"), *_MOVES),
            shown,
            every=found,
        ),
    )


def hours(published: Published) -> Section:
    """The campaigns with most hours under or over what is usual."""
    found, mart = published.delivered_hours, "fct_campaign_delivery_hourly"
    if found is None:
        return Section(_absent(published, mart))
    if not found:
        return Section(missing(published, found, mart, "hours of a flight"))
    compared = [each for each in found if each.under or each.over or each.projected_impressions]
    if not compared:
        return Section(
            "Nothing to show: no hour can be compared. The same hour of a week before has to be "
            "in the flight, and extracted."
        )
    shown = compared[:MOST_CAMPAIGNS]
    left_out = f"; {len(found) - len(shown):,} more are in its CSV" if found[len(shown) :] else ""
    name: TableColumn[DeliveredHours] = TableColumn(
        "Campaign",
        lambda each: campaign_name(published, each.campaign_id, each.campaign_name),
        of("campaign_id", "campaign_name"),
        "whole",
    )
    return Section(
        intro=(
            f"Hours of flights, {text.days(found[0].first_day, found[0].last_day)}, against the "
            "same hour of up to four weeks before, by the impressions of the database."
        ),
        note=(
            "Of hours that are usual, about one in twenty is under or over: look at several in a "
            "row. In brackets is the range that what is still to come leaves."
        ),
        table=Table(
            f"Campaigns by hours under and over delivery{left_out}",
            (name, *_HOURS),
            shown,
            every=found,
        ),
    )
