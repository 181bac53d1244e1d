"""What it cost, by the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.report import text
from adtech_assets.report.sections.closeup.parts import Part, by_day, day_column, money_column
from adtech_assets.report.sections.parts import Fact, TableColumn, facts, missing, of, total_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from adtech_assets.report.closeups import CloseUp, CostDay
    from adtech_assets.report.published import Published


_COST_COLUMNS: Sequence[TableColumn[CostDay]] = (
    day_column(),
    TableColumn(
        "Cost with fees",
        lambda day: _with_currency(day.total_cost, day.currency),
        of("total_cost", "currency"),
        "number",
    ),
    money_column("Media cost", "media_cost"),
    money_column("Cost (EUR)", "total_cost_eur"),
    money_column("Est. spend", "estimated_spend"),
)
_COST_PARTS = (
    ("Media cost", "media_cost"),
    ("Data", "data_cost"),
    ("Brand safety", "brand_safety_cost"),
    ("Rich media", "rich_media_cost"),
    ("Trading desk", "trading_desk_fee"),
)


def _with_currency(amount: Decimal | None, currency: str | None) -> str:
    return text.money(amount) + (f" {currency}" if amount is not None and currency else "")


def _sum_of(days: Sequence[CostDay], field: str) -> Decimal | None:
    known = [amount for day in days if (amount := getattr(day, field)) is not None]
    return total_of(known) if known else None


def cost(published: Published, closeup: CloseUp) -> Part:
    """Cost with and without fees, in its currency and in euros, beside the estimate."""
    key, title, days = "cost", "Cost", closeup.costs
    if not days:
        absent = missing(published, days, "fct_campaign_cost_daily", "days of this campaign")
        return Part(key=key, title=title, missing=absent)
    priced = [day for day in days if day.priced_impressions]
    if not priced:
        return Part(
            key=key, title=title, missing="The log says of none of its impressions what it cost."
        )
    # Amounts have a sum where all days that have any have one currency, euros where all have them.
    currencies = {day.currency for day in priced}
    has_sum = len(currencies) == 1 and all(day.total_cost is not None for day in priced)
    currency = priced[0].currency if has_sum else None
    summed = priced if has_sum else []
    total, media = _sum_of(summed, "total_cost"), _sum_of(summed, "media_cost")
    in_euros = all(day.total_cost_eur is not None for day in priced)
    euros = _sum_of(priced, "total_cost_eur") if in_euros else None
    estimate = total_of(day.estimated_spend for day in days)
    shown = sum(day.priced_impressions for day in priced)
    clicks = sum(day.clicks for day in days)
    fees = float((total - media) / total) if total and media is not None else None
    over = None if total is None else total - estimate
    ecpm = 1000 * total / shown if total is not None else None
    cpc = total / clicks if total is not None and clicks else None

    def amount(name: str, value: Decimal | None) -> Fact:
        return Fact(name, _with_currency(value, currency), value)

    return Part(
        key=key,
        title=title,
        intro=(
            f"By the log, of {text.counted(shown, 'priced impression')} among "
            f"{sum(day.impressions for day in days):,}, valid or not."
            + ("" if has_sum else " Its days have several currencies, which have no sum.")
        ),
        note=(
            "The estimate is clicks of the database by the bid in force; the data does not say in "
            "which currency bids are. The fees named need not add up to all of them."
        ),
        tables=(
            facts(
                "What its impressions cost, beside the estimate from bids",
                "Amount",
                (
                    *(amount(name, _sum_of(summed, field)) for name, field in _COST_PARTS),
                    amount("Cost with all fees", total),
                    Fact("Share of the fees", text.rough_percent(fees), fees),
                    amount("Of invalid impressions", _sum_of(summed, "invalid_cost")),
                    Fact("Cost with all fees in EUR", text.money(euros), euros),
                    Fact("Estimated spend", text.money(estimate), estimate),
                    Fact("Cost over the estimate", text.money(over), over),
                    Fact("eCPM", text.number(ecpm, 2), ecpm),
                    Fact("Cost of a click", text.number(cpc, 2), cpc),
                ),
                "number",
            ),
            by_day("Cost and estimated spend", _COST_COLUMNS, days),
        ),
    )
