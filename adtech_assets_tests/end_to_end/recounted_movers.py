"""What has changed from week to week once more, in plain Python from the files.

Nothing is shared with the model but the definitions in docs/kpis.md. Money is Decimal, shares are
Fraction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

from adtech_assets_tests.end_to_end.recomputed_marts import UNKNOWN
from adtech_assets_tests.end_to_end.recounted_deliveries import amount, rate, share

MARTS = ("fct_weekly_movers",)
WEEK = timedelta(weeks=1)


def fct_weekly_movers(log, known, full_days, most_members=20):
    """Rows of the full weeks that come after a full week.

    Args:
        log: the logged events.
        known: ids of all campaigns that extractions have found.
        full_days: days that the log has in full.
        most_members: that a campaign's day has by name, and movers of a week.
    """
    days_of = Counter(monday(day) for day in set(full_days))
    weeks = {week for week, days in days_of.items() if days == 7}
    for week in {week for week in weeks if week - WEEK in weeks}:
        for dimension, member_of in DIMENSIONS.items():
            sides = [
                _members(log, start, lambda event, of=member_of: of(event, known), most_members)
                for start in (week, week - WEEK)
            ]
            movers = [(member, *(side[member] for side in sides)) for member in set().union(*sides)]
            movers.sort(key=_largest_change)
            for place, (member, now, before) in enumerate(movers[:most_members], start=1):
                change = shown(now) - shown(before)
                yield (
                    dimension,
                    place,
                    member,
                    shown(now),
                    shown(before),
                    change,
                    share(change, shown(before)),
                    clicked(now),
                    clicked(before),
                    euros(now),
                    euros(before),
                    week,
                )


def _members(log, week, member_of, most_members):
    """Events of a week by the member that they are of, where their campaign's day names it."""
    days = defaultdict(list)
    for event in log:
        if monday(event.hour.date()) == week:
            days[event.campaign, event.hour.date()].append(event)
    found = defaultdict(list)
    for events in days.values():
        of_day = defaultdict(list)
        for event in events:
            of_day[member_of(event)].append(event)
        first = sorted(
            of_day, key=lambda m: (-shown(of_day[m]), shown(of_day[m]) - len(of_day[m]), m)
        )
        for member in first[:most_members]:
            found[member] += of_day[member]
    return found


def _most(member, events):
    return -shown(events), -clicked(events), member


def _largest_change(mover):
    member, now, before = mover
    return -abs(shown(now) - shown(before)), -shown(now), member


def monday(day):
    return day - timedelta(days=day.weekday())


def shown(events):
    return sum(event.kind == "impressions" for event in events)


def clicked(events):
    return len(events) - shown(events)


def euros(events):
    """What they cost; None if none of them has a price, or one of another currency has no rate."""
    costs = []
    for event in events:
        bought = event.row.get("rtb_vars")
        if event.kind == "clicks" or not bought or amount(event, "total_cost") is None:
            continue
        if bought["campaign_currency"] != "EUR":
            if bought["campaign_currency_to_eur_rate"] is None:
                return None
            costs.append(amount(event, "total_cost") * rate(event))
        else:
            costs.append(amount(event, "total_cost"))
    return sum(costs) if costs else None


def _campaign(event, known):
    return str(event.campaign if event.campaign in known else UNKNOWN)


def _domain(event, _known):
    return (event.row.get("publisher_domain_normalized") or "").strip().rstrip(".").lower()


def _deal(event, _known):
    return ((event.row.get("rtb_vars") or {}).get("deal") or "").strip()


DIMENSIONS = {"campaign": _campaign, "publisher_domain": _domain, "deal": _deal}
