"""Campaigns in the log: cost, viewability, reach, and how soon clicks came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.report import text
from adtech_assets.report.published import DELIVERED
from adtech_assets.report.sections.parts import (
    Section,
    Table,
    TableColumn,
    campaign_name,
    missing,
    of,
    said,
    unpublished,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets.report.published import Delivery, Published

MOST_ROWS = 200


def _in_currency(delivery: Delivery) -> str:
    said = text.money(delivery.total_cost)
    return said if delivery.total_cost is None else f"{said} {delivery.currency or ''}".strip()


_COLUMNS: Sequence[TableColumn[Delivery]] = (
    TableColumn(
        "Impressions", lambda each: text.count(each.impressions), of("impressions"), "number"
    ),
    TableColumn("Cost", _in_currency, of("total_cost", "currency"), "number"),
    TableColumn(
        "Cost (EUR)", lambda each: text.money(each.total_cost_eur), of("total_cost_eur"), "number"
    ),
    TableColumn("eCPM", lambda each: text.number(each.ecpm, 2), of("ecpm"), "number"),
    TableColumn("Fees", lambda each: text.rough_percent(each.fee_share), of("fee_share"), "number"),
    TableColumn(
        "Viewable",
        lambda each: text.rough_percent(each.viewable_rate),
        of("viewable_rate"),
        "number",
    ),
    TableColumn(
        "Seconds in view",
        lambda each: text.number(each.seconds_in_view, 1),
        of("seconds_in_view"),
        "number",
    ),
    TableColumn("Reach to date", lambda each: text.known(each.reach), of("reach"), "number"),
    TableColumn(
        "Frequency", lambda each: text.number(each.frequency, 1), of("frequency"), "number"
    ),
    TableColumn(
        "Fast clicks",
        lambda each: text.rough_percent(each.fast_click_share),
        of("fast_click_share"),
        "number",
    ),
)


def deliveries(published: Published) -> Section:
    """What the log says of each campaign, most impressions first."""
    found = published.deliveries
    if found is None:
        absent = [mart for mart in DELIVERED if mart in published.unpublished]
        return Section(unpublished(*(absent or DELIVERED)))
    if not found:
        return Section(missing(published, found, "fct_campaign_cost_daily", "logged impressions"))
    shown = found[:MOST_ROWS]
    name: TableColumn[Delivery] = TableColumn(
        "Campaign",
        lambda each: campaign_name(published, each.campaign_id, each.campaign_name),
        of("campaign_id", "campaign_name"),
        "whole",
    )
    of_days = f", {said(published.shown)}" if published.shown else ""
    left_out = f"; {len(found) - len(shown):,} more are in its CSV" if found[MOST_ROWS:] else ""
    return Section(
        intro=(
            f"From the log files{of_days}. Cost is of all impressions, with fees, in the "
            "campaign's currency; views and reach are of valid ones. – is what the log does not "
            "say."
        ),
        note=(
            "Reach counts browsers by the log's own flags, from the first loaded day to the last "
            "of these: it can only be told to date. Fast clicks came within a second of "
            "their impression: worth a look, not a verdict."
        ),
        table=Table(
            f"Campaigns in the log by impressions{left_out}", (name, *_COLUMNS), shown, every=found
        ),
    )
