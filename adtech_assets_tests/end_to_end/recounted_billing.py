"""What there is to bill once more, in plain Python from the files and the source's rows.

Nothing is shared with the models but the definitions in docs/kpis.md. Money is Decimal, shares are
Fraction.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from fractions import Fraction

from adtech_assets_tests.end_to_end.recomputed_marts import UNKNOWN, Counts, capped
from adtech_assets_tests.end_to_end.recounted_deliveries import amount, rate, total

MARTS = ("fct_campaign_billing_monthly", "fct_campaign_billing_differences")


def fct_campaign_billing_monthly(log, operational, dates):
    """Rows of months that are open.

    Args:
        log: the logged events.
        operational: the recomputed operational side.
        dates: rows of dim_dates.
    """
    known = operational.campaigns.versions
    logged = defaultdict(list)
    for event in log:
        campaign = event.campaign if event.campaign in known else UNKNOWN
        logged[campaign, event.hour.date()].append(event)
    dense = {(campaign, day) for campaign in operational.members for day in operational.days}
    added = dict(_added_to_capped_spend(operational))
    full = {
        row["date_day"] for row in dates if row["is_full_in_database"] and row["is_full_in_logs"]
    }
    months = defaultdict(list)
    for campaign, day in dense | logged.keys() | operational.by_day.keys():
        is_extracted = day in operational.days
        advertiser = operational.advertiser_of(campaign, day) if is_extracted else UNKNOWN
        months[day.replace(day=1), campaign, advertiser].append(day)
    for (month, campaign, advertiser), days in months.items():
        events = [event for day in days for event in logged.get((campaign, day), ())]
        gross = [_number(events, kind) for kind in ("impressions", "clicks")]
        valid = [_number(events, kind, "none") for kind in ("impressions", "clicks")]
        database = Counts()
        for day in days:
            database += operational.of_day(campaign, day)
        cost = _cost([event for event in events if event.kind == "impressions"])
        yield (
            campaign,
            advertiser,
            "unknown campaign"
            if campaign == UNKNOWN
            else operational.campaigns.latest(campaign).name,
            operational.advertiser_name(advertiser),
            cost["currency"],
            len(days),
            len(full.intersection(days)),
            *gross,
            *valid,
            database.impressions,
            database.clicks,
            cost["priced_impressions"],
            _above(gross[0], database.impressions),
            _above(gross[1], database.clicks),
            database.spend,
            sum((added.get((campaign, day), Decimal(0)) for day in days), Decimal(0)),
            _net_spend(events, campaign, operational),
            cost["media_cost"],
            cost["total_cost"],
            cost["total_cost_eur"],
            cost["total_cost"] and cost["total_cost"] - database.spend,
            False,
            month,
            None,
        )


def _added_to_capped_spend(operational):
    """What each day adds to what a campaign has spent within its budget."""
    for campaign in operational.members:
        spend = before = Decimal(0)
        for day in operational.days:
            spend += operational.of_day(campaign, day).spend
            now = capped(spend, operational.terms(campaign, day)[0])
            yield (campaign, day), now - before
            before = now


def _number(events, kind, reason=None):
    return sum(event.kind == kind and reason in (None, event.reason) for event in events)


def _above(log, database):
    return float(Fraction(log - database, database)) if database else None


def _net_spend(events, campaign, operational):
    if campaign == UNKNOWN:
        return Decimal(0)
    return sum(
        (
            operational.campaigns.at(campaign, event.hour).bid or Decimal(0)
            for event in events
            if event.kind == "clicks" and event.reason == "none"
        ),
        Decimal(0),
    )


def _cost(impressions):
    priced = [event for event in impressions if amount(event, "total_cost") is not None]
    currencies = {event.row["rtb_vars"]["campaign_currency"] for event in priced}
    is_one = len(currencies) == 1
    return {
        "priced_impressions": len(priced),
        "currency": currencies.pop() if is_one else None,
        "media_cost": total(amount(e, "media_cost") for e in priced) if is_one else None,
        "total_cost": total(amount(e, "total_cost") for e in priced) if is_one else None,
        "total_cost_eur": total(amount(e, "total_cost") * rate(e) for e in priced),
    }
