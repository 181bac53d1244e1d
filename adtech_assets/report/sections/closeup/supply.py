"""Where it was shown: on which domains, by which deals, on what devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.report import text
from adtech_assets.report.sections.closeup.parts import (
    Part,
    count_column,
    money_column,
    share_column,
)
from adtech_assets.report.sections.parts import Table, TableColumn, isolated, missing, of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from adtech_assets.report.closeups import CloseUp, Placement
    from adtech_assets.report.published import Published

MOST_MEMBERS = 10

_TOLD = (
    ("publisher_domain", "Domain", "not said"),
    ("deal", "Deal", "open market, or not said"),
    ("device_type_id", "Sort of device", "not said"),
)
"""The columns of placements that are told, what they are called, and what none means."""

_MEASURES: Sequence[TableColumn[Placement]] = (
    count_column("Impressions", "impressions"),
    count_column("Clicks", "clicks"),
    share_column("Invalid", "ivt_rate"),
    share_column("Viewable", "viewable_rate"),
    money_column("Cost (EUR)", "total_cost_eur"),
)


def supply(published: Published, closeup: CloseUp) -> Part:
    """Its placements by domain, deal and sort of device."""
    key, title, found = "supply", "Supply", closeup.placements
    if not found:
        absent = missing(
            published, found, "fct_campaign_placement_daily", "events of this campaign"
        )
        return Part(key=key, title=title, is_broad=True, missing=absent)
    return Part(
        key=key,
        title=title,
        is_broad=True,
        intro=(
            "By the log, gross; viewable is of the valid impressions that were measured. Ids are "
            "the feed's own. What was small on its day is counted under (other)."
        ),
        tables=[
            _by(name, nothing, [each for each in found if each.column == column])
            for column, name, nothing in _TOLD
        ],
    )


def _by(name: str, nothing: str, found: Sequence[Placement]) -> Table[Placement]:
    shown = found[:MOST_MEMBERS]
    lost = len(found) - len(shown)

    def member(placement: Placement) -> Markup:
        return isolated(text.name(placement.member or nothing))

    return Table(
        f"By {name.lower()}, most impressions first"
        + (f"; {lost:,} more are in its CSV" if lost else ""),
        (TableColumn(name, member, of("column", "member"), "whole"), *_MEASURES),
        shown,
        every=found,
    )
