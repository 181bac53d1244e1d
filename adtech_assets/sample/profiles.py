"""What the sample's impressions cost and how they were seen, and how soon clicks came.

Each event is of one of a thousand profiles, chosen by its time and its campaign, so that equal
events are alike. There is something to find in them:

- Banners of 728 × 90 are seldom in view, large ones are measured by a third of their area.
- Every sixth campaign, from the second on, pays three times the fees of the others.
- Every sixth campaign, from the third on, is shown to the same browsers again and again.
- Two fifths of what every sixth campaign shows, from the fourth on, are on one page that hardly
  anybody looks at.
- Half of the clicks of every sixth campaign, from the fifth on, come within a second.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from adtech_assets.sample.rhythm import random_numbers

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from adtech_assets.contract import Kind

PROFILES = 1024
"""Of each sort of campaign; a power of two, so that one is chosen by the last bits of a number."""

SORTS = 6
DEAR, NARROW, UNSEEN, FAST = 2, 3, 4, 5
"""Sorts of campaigns, by the rest of their id divided by six."""

CURRENCIES = {
    "EUR": ("1", "1", 276),
    "DKK": ("0.134409", "7.44", 208),
    "SEK": ("0.089286", "11.2", 752),
}
"""Euros for one unit, units for one euro, and the country where it is money (ISO 3166-1)."""

SIZES = {
    (300, 250): 0.64,
    (728, 90): 0.18,
    (160, 600): 0.58,
    (320, 50): 0.71,
    (970, 250): 0.66,
    (300, 600): 0.75,
}
"""Width, height, and the share of the measured impressions that is in view for a second."""

MOBILE_WIDTH = 320

MEASURED_SHARE, RICH_SHARE, UNMEASURED_ELIGIBLE_SHARE = 0.9, 0.2, 0.5
LARGE_PIXELS, LARGE_PERCENTAGE, PERCENTAGE = 242_500, 30, 50
"""From how many pixels on a banner is large, and how much of one must be in view."""

SITES = tuple(
    f"{place}-{topic}.example"
    for topic in ("news", "sport", "weather", "recipes", "cars", "games", "travel", "music")
    for place in ("daily", "city", "north", "my", "open")
)
"""Domains of the pages, the most frequent first: the n-th comes up 1/n as often as the first."""

SITES_OF_A_PUBLISHER = 5
GALLERY, GALLERY_SHARE, GALLERY_VIEWABLE = "endless-gallery.example", 0.4, 0.03
"""The page that hardly anybody looks at, its share of a campaign, and the share that is in view."""

DEAL_SHARE, MASKED_SHARE, TABLET_SHARE = 0.3, 0.15, 0.1
DESKTOP, MOBILE, TABLET = 1, 2, 3

PAGES = ("", "sale", "sale/shoes", "sale/jackets", "new", "gifts/for-her", "gifts/for-him")

MILLIONTHS = 6
"""Digits behind the point of all amounts."""

_MIXED = 0x9E3779B97F4A7C15 - 2**64
"""An odd number (2^64 divided by the golden ratio) that spreads times over all bits."""


def details(kind: Kind, creation_times_ms: pa.Array, campaign_ids: pa.Array) -> pa.Table:
    """The columns of a feed that events have beside the first four, by our names.

    Args:
        kind: of the events.
        creation_times_ms: UTC milliseconds since 1970, or NULL.
        campaign_ids: integers, or NULL.

    Returns:
        A row an event. Amounts are whole millionths; `latency_ms` of clicks is none of a feed's.
    """
    campaigns = pc.fill_null(campaign_ids.cast(pa.int64()), 0)
    sorts = pc.subtract(campaigns, pc.multiply(pc.divide(campaigns, SORTS), SORTS))
    times = pc.fill_null(creation_times_ms, 0)
    mixed = pc.shift_right(pc.multiply(pc.add(times, campaigns), _MIXED), 40)
    places = pc.add(pc.multiply(sorts, PROFILES), pc.bit_wise_and(mixed, PROFILES - 1))
    return _profiles(kind).take(places)


@cache
def _profiles(kind: Kind) -> pa.Table:
    """All profiles, those of a sort of campaigns together."""
    rng = random_numbers(f"profiles of {kind}")
    make: Callable[[int, random.Random], dict[str, Any]] = (
        _impression if kind == "impressions" else _click
    )
    rows = [make(sort, rng) for sort in range(SORTS) for _ in range(PROFILES)]
    return pa.Table.from_pylist(rows)


def _impression(sort: int, rng: random.Random) -> dict[str, Any]:
    currency = list(CURRENCIES)[sort % len(CURRENCIES)]
    eur_rate, units, _ = CURRENCIES[currency]
    place = _place(sort, rng)
    viewable = SIZES[place["banner_width"], place["banner_height"]]
    if place["publisher_domain"] == GALLERY:
        viewable = GALLERY_VIEWABLE
    media = round(rng.lognormvariate(7.2, 0.5) * float(units))  # the median is 1.3 euros a thousand
    fees = {
        "data_cost": round(media * 0.08 * rng.random()),
        "brand_safety_cost": round(20 * float(units)),
        "rich_media_cost": round(media * 0.05) if rng.random() < RICH_SHARE else 0,
        "trading_desk_fee": round(media * (0.45 if sort == DEAR else 0.15)),
    }
    is_measured, is_seen = rng.random() < MEASURED_SHARE, rng.random() < viewable
    is_large = place["banner_width"] * place["banner_height"] >= LARGE_PIXELS
    least = LARGE_PERCENTAGE if is_large else PERCENTAGE
    seen = rng.randint(least, 100) if is_seen else rng.randrange(least)
    return {
        **place,
        "media_cost": media,
        "total_cost": media + sum(fees.values()),
        **fees,
        "currency": currency,
        "data_currency": currency,
        "eur_rate": round(float(eur_rate) * 10**MILLIONTHS),
        "is_eligible": is_measured or rng.random() < UNMEASURED_ELIGIBLE_SHARE,
        "visible_percentage": seen if is_measured else None,
        "visible_ms": (1000 if is_seen else 0) + round(rng.expovariate(1 / 4000))
        if is_measured
        else None,
        "is_viewable": is_measured and is_seen,
        "is_campaign_unique": rng.random() < (0.04 if sort == NARROW else 0.3),
        "is_campaign_day_unique": rng.random() < (0.1 if sort == NARROW else 0.6),
    }


def _click(sort: int, rng: random.Random) -> dict[str, Any]:
    is_fast = rng.random() < (0.5 if sort == FAST else 0.02)
    late = rng.randint(80, 999) if is_fast else 1000 + round(rng.expovariate(1 / 14_000))
    page = rng.choice(PAGES)
    return {
        **_place(sort, rng),
        "latency_ms": late,
        "landing_url": f"https://shop.example/{page}?click={late}",
    }


def _place(sort: int, rng: random.Random) -> dict[str, Any]:
    """Where a banner is shown: a site has its publisher, and a size its place on the page."""
    frequencies = [1 / (n + 1) for n in range(len(SITES))]
    (site,) = rng.choices(range(len(SITES)), frequencies)
    domain = GALLERY if sort == UNSEEN and rng.random() < GALLERY_SHARE else SITES[site]
    publisher = 1 + (len(SITES) if domain == GALLERY else site) // SITES_OF_A_PUBLISHER
    width, height = rng.choice(list(SIZES))
    device = MOBILE if width == MOBILE_WIDTH else DESKTOP
    _, _, country = CURRENCIES[list(CURRENCIES)[sort % len(CURRENCIES)]]
    return {
        "publisher_domain": domain,
        "publisher_id": 100 + publisher,
        "site_id": 1000 + (len(SITES) if domain == GALLERY else site),
        "deal": f"deal-{publisher:02}" if rng.random() < DEAL_SHARE else None,
        "inventory_source_id": 1 + publisher % 3,
        "slot_position_id": 1 + list(SIZES).index((width, height)) % 4,
        "banner_width": width,
        "banner_height": height,
        "device_type_id": TABLET if rng.random() < TABLET_SHARE else device,
        "country_id": 0 if rng.random() < MASKED_SHARE else country,
    }
