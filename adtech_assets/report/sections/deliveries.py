"""Campaigns in the log: cost, viewability, reach, and how soon clicks came."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.report import text
from adtech_assets.report.published import DELIVERED
from adtech_assets.report.sections.parts import (
    Section,
    Table,
    TableColumn,
    isolated,
    missing,
    unpublished,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets.report.published import Delivery, Published

MOST_ROWS = 200


def _in_currency(delivery: Delivery) -> str:
    said = text.money(delivery.total_cost)
    return said if delivery.total_cost is None else f"{said} {delivery.currency or ''}".strip()


def _number(value: float | None, places: int) -> str:
    return text.NOTHING if value is None else f"{value:,.{places}f}"


def _count(value: int | None) -> str:
    return text.NOTHING if value is None else text.count(value)


_COLUMNS: Sequence[TableColumn[Delivery]] = (
    TableColumn("Campaign", lambda each: isolated(text.name(each.campaign_name)), "whole"),
    TableColumn("Impressions", lambda each: text.count(each.impressions), "number"),
    TableColumn("Cost", _in_currency, "number"),
    TableColumn("Cost (EUR)", lambda each: text.money(each.total_cost_eur), "number"),
    TableColumn("eCPM", lambda each: _number(each.ecpm, 2), "number"),
    TableColumn("Fees", lambda each: text.rough_percent(each.fee_share), "number"),
    TableColumn("Viewable", lambda each: text.rough_percent(each.viewable_rate), "number"),
    TableColumn("Seconds in view", lambda each: _number(each.seconds_in_view, 1), "number"),
    TableColumn("Reach to date", lambda each: _count(each.reach), "number"),
    TableColumn("Frequency", lambda each: _number(each.frequency, 1), "number"),
    TableColumn("Fast clicks", lambda each: text.rough_percent(each.fast_click_share), "number"),
)


def deliveries(published: Published) -> Section:
    """What the log says of each campaign, most impressions first."""
    found = published.deliveries
    if found is None:
        absent = [mart for mart in DELIVERED if mart in published.unpublished]
        return Section(unpublished(*(absent or DELIVERED)))
    if not found:
        return Section(missing(found, "fct_campaign_cost_daily", "logged impressions"))
    shown = found[:MOST_ROWS]
    left_out = f"; {len(found) - len(shown):,} more are published" if found[MOST_ROWS:] else ""
    return Section(
        intro=(
            "From the log files. Cost is of all impressions, with fees, in the campaign's "
            "currency; views and reach are of valid ones. – is what the log does not say."
        ),
        note=(
            "Reach counts browsers by the log's own flags, since the first loaded day. Fast clicks "
            "came within a second of their impression: worth a look, not a verdict."
        ),
        table=Table(f"Campaigns in the log by impressions{left_out}", _COLUMNS, shown),
    )
