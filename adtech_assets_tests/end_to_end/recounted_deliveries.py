"""The marts of cost, viewability, reach and clicks once more, in plain Python from the files.

Nothing is shared with the models but the definitions in docs/kpis.md. Money is Decimal, shares are
Fraction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from urllib.parse import urlsplit

from adtech_assets_tests.end_to_end.recomputed_marts import UNKNOWN

MARTS = (
    "fct_campaign_cost_daily",
    "fct_campaign_viewability_daily",
    "fct_campaign_reach_daily",
    "fct_campaign_click_quality_daily",
    "fct_campaign_landing_pages_daily",
    "fct_campaign_placement_daily",
)
PARTS = {
    "media_cost": ("in_campaign_currency",),
    "total_cost": ("in_campaign_currency_with_all_fees",),
    "data_cost": ("dmp_usage", "total_data_cost", "value"),
    "brand_safety_cost": ("brand_safety_cost_in_campaign_currency",),
    "rich_media_cost": ("rich_media_cost",),
    "trading_desk_fee": ("trading_desk_fee_in_campaign_currency",),
}
MOST_MEMBERS, MOST_PLACEMENTS = 20, 1000
MILLIONTH = Decimal("0.000001")


class Deliveries:
    """Logged events by campaign and day, and the marts that are made of them."""

    def __init__(self, log, operational):
        known = operational.campaigns.versions
        self._days = defaultdict(list)
        for event in log:
            campaign = event.campaign if event.campaign in known else UNKNOWN
            self._days[campaign, event.hour.date()].append(event)
        self._estimates = {
            (row["campaign_id"], row["event_date"]): row["estimated_spend"]
            for row in operational.fct_campaign_daily()
        }

    def _of(self, kind, *, is_valid=False):
        """Events of a kind, by campaign and day, where there are any."""
        for place, events in sorted(self._days.items()):
            found = [
                event
                for event in events
                if event.kind == kind and (event.reason == "none" or not is_valid)
            ]
            if found:
                yield place, found

    def fct_campaign_cost_daily(self):
        shown, clicked = dict(self._of("impressions")), dict(self._of("clicks"))
        for place in self._estimates.keys() | shown.keys() | clicked.keys():
            impressions, clicks = shown.get(place, []), len(clicked.get(place, []))
            priced = [event for event in impressions if amount(event, "total_cost") is not None]
            costs = {part: total(amount(event, part) for event in priced) for part in PARTS}
            costs["invalid_cost"] = costs["total_cost"] and (
                total(amount(e, "total_cost") for e in priced if e.reason != "none") or Decimal(0)
            )
            currencies = {event.row["rtb_vars"]["campaign_currency"] for event in priced}
            if len(currencies) > 1:
                costs = dict.fromkeys(costs)
            cost, estimate = costs["total_cost"], self._estimates.get(place, Decimal(0))
            yield (
                place[0],
                currencies.pop() if len(currencies) == 1 else None,
                len(impressions),
                clicks,
                len(priced),
                float(cost - costs["media_cost"]) / float(cost) if cost else None,
                *costs.values(),
                total(amount(event, "total_cost") * rate(event) for event in priced),
                estimate,
                None if cost is None else cost - estimate,
                divided(cost and 1000 * cost, len(priced)),
                divided(cost, clicks),
                place[1],
            )

    def fct_campaign_viewability_daily(self):
        sizes = defaultdict(list)
        for (campaign, day), events in self._of("impressions", is_valid=True):
            for event in events:
                banner = event.row["banner"]
                size = f"{banner['banner_width']}x{banner['banner_height']}"
                sizes[campaign, size, day].append(event)
        for (campaign, size, day), events in sizes.items():
            measured = list(filter(is_measured, events))
            viewable = sum(map(is_viewable, measured))
            in_view = sum(seen(e)["visibility_time1_ms"] for e in measured)
            currencies = {event.row["rtb_vars"]["campaign_currency"] for event in events}
            cost = (
                total(amount(event, "total_cost") for event in events)
                if len(currencies) == 1
                else None
            )
            yield (
                campaign,
                size,
                len(events),
                sum(event.row["is_eligible"] for event in events),
                len(measured) or None,
                viewable if measured else None,
                sum(e.row["unload"]["payload"]["is_visible_by_campaign_settings"] for e in events),
                in_view if measured else None,
                share(len(measured), len(events)) if measured else None,
                share(viewable, len(measured)),
                share(in_view, 1000 * len(measured)),
                cost,
                divided(cost and 1000 * cost, viewable),
                day,
            )

    def fct_campaign_reach_daily(self):
        so_far = defaultdict(lambda: [0, 0])
        for (campaign, day), events in self._of("impressions", is_valid=True):
            flags = [event.row["payload"]["uniqueness"] for event in events]
            first = sum(flag["is_campaign_unique"] for flag in flags)
            first_of_day = sum(flag["is_campaign_unique_day"] for flag in flags)
            so_far[campaign][0] += len(events)
            so_far[campaign][1] += first
            shown, reached = so_far[campaign]
            yield (
                campaign,
                len(events),
                len(events),
                first_of_day,
                first,
                shown,
                reached,
                share(len(events), first_of_day),
                share(shown, reached),
                day,
            )

    def fct_campaign_click_quality_daily(self):
        for (campaign, day), events in self._of("clicks"):
            late = [latency(event) for event in events]
            bounds = ((None, 0), (0, 1000), (1000, 10_000), (10_000, 60_000), (60_000, None))
            counts = [
                sum((low is None or ms >= low) and (high is None or ms < high) for ms in late)
                for low, high in bounds
            ]
            yield (
                campaign,
                len(events),
                len(late),
                *counts,
                share(counts[0] + counts[1], len(late)),
                day,
            )

    def fct_campaign_landing_pages_daily(self):
        for (campaign, day), events in self._of("clicks"):
            pages = defaultdict(list)
            for event in events:
                address = urlsplit(event.row["landing_url"])
                pages[f"{address.netloc}{address.path}".rstrip("/")].append(latency(event))
            by_clicks = sorted(pages.items(), key=lambda item: (-len(item[1]), item[0]))
            rest = [ms for _, found in by_clicks[MOST_MEMBERS:] for ms in found]
            for page, late in [*by_clicks[:MOST_MEMBERS], *([("(other)", rest)] if rest else [])]:
                fast = sum(ms < 1000 for ms in late)
                yield campaign, page, len(late), len(late), fast, share(fast, len(late)), day

    def fct_campaign_placement_daily(self):
        for (campaign, day), events in self._days.items():
            places = [placement(event) for event in events]
            by_kind = [
                Counter(
                    (n, place[n])
                    for event, place in zip(events, places, strict=True)
                    for n in range(len(place))
                    if event.kind == kind
                )
                for kind in ("impressions", "clicks")
            ]
            named = set()
            for n in range(len(places[0])):
                members = {place[n] for place in places}
                first = sorted(members, key=lambda m: (*(-of[n, m] for of in by_kind), m))
                named |= {(n, member) for member in first[:MOST_MEMBERS]}
            found = defaultdict(list)
            for event, place in zip(events, places, strict=True):
                kept = (m if (n, m) in named else "(other)" for n, m in enumerate(place))
                found[tuple(kept)].append(event)
            assert len(found) <= MOST_PLACEMENTS  # what is beyond has a unit test
            for place, there in found.items():
                yield campaign, *place, *placed(there), day


def placement(event):
    """Where an event was shown, in the order of the mart's columns."""
    row, bought = event.row, event.row["rtb_vars"]
    ids = [bought["publisher_id"], bought["site_id"], bought["inventory_source_id"]]
    ids += [bought["ad_slot_position_id"], row["device_settings"]["device_type_id"]]
    ids += [row["geo_location"]["country_id"]]
    publisher, site, source, slot, device, country = (str(id_) if id_ else "" for id_ in ids)
    size = f"{row['banner']['banner_width']}x{row['banner']['banner_height']}"
    domain, deal = row["publisher_domain_normalized"], bought["deal"] or ""
    return domain, publisher, site, deal, source, slot, size, device, country


def placed(events):
    """What is counted of the events of a placement."""
    shown = [event for event in events if event.kind == "impressions"]
    valid = [event for event in shown if event.reason == "none"]
    invalid = [event for event in events if event.reason != "none"]
    measured = [event for event in valid if is_measured(event)]
    viewable = sum(map(is_viewable, measured))
    priced = [event for event in shown if amount(event, "total_cost") is not None]
    currencies = {event.row["rtb_vars"]["campaign_currency"] for event in priced}
    cost = total(amount(event, "total_cost") for event in priced)
    return (
        len(shown),
        len(events) - len(shown),
        len(shown) - len(valid),
        sum(event.kind == "clicks" for event in invalid),
        len(measured) or None,
        viewable if measured else None,
        len(priced),
        share(viewable, len(measured)),
        share(len(invalid), len(events)),
        *(currencies if len(currencies) == 1 else [None]),
        None if len(currencies) > 1 else cost,
        total(amount(event, "total_cost") * rate(event) for event in priced),
    )


def is_measured(event):
    found = seen(event)
    return None not in {found["max_visibility_percentage"], found["visibility_time1_ms"]}


def is_viewable(event):
    banner = event.row["banner"]
    least = 30 if banner["banner_width"] * banner["banner_height"] >= 242_500 else 50
    found = seen(event)
    return found["max_visibility_percentage"] >= least and found["visibility_time1_ms"] >= 1000


def latency(event):
    created = event.row["transaction_header"]["creation_time"]
    return created - event.row["server_impression_time_ms"]


def amount(event, part):
    """An amount of an event in its campaign's currency."""
    found = event.row["rtb_vars"]
    for name in PARTS[part]:
        found = found and found[name]
    return found and scaled(found)


def rate(event):
    return scaled(event.row["rtb_vars"]["campaign_currency_to_eur_rate"])


def scaled(parts):
    sign = -1 if parts["signScale"] % 2 else 1
    return sign * Decimal(parts["lo"]).scaleb(-(parts["signScale"] // 2))


def seen(event):
    return event.row["unload"]["visibility"]


def total(amounts):
    found = [each for each in amounts if each is not None]
    return sum(found, start=Decimal(0)) if found else None


def share(part, whole):
    return float(Fraction(part) / Fraction(whole)) if whole else None


def divided(of, number):
    """To six places, halves away from 0."""
    if of is None or not number:
        return None
    return (of / number).quantize(MILLIONTH, ROUND_HALF_UP)
