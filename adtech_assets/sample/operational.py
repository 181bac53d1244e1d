"""Sample rows for the operational database: advertisers, campaigns, impressions and clicks.

Every function works in the transaction of the connection it is given, on the tables of
`operational.schema.create_schema`. Times are naive UTC and never in the future. With a `seed` the
same call gives the same rows, up to what depends on the present moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from psycopg import sql

from adtech_assets.errors import UserError
from adtech_assets.sample.rhythm import HOUR_WEIGHTS, random_numbers
from adtech_assets.stores.postgres import copy_rows

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    import psycopg

DEFAULT_DAYS = 7
"""Days up to now that events are spread over when no period is given."""

CLICK_WITHIN = timedelta(minutes=2)
"""The longest that a click follows its impression by."""

BID_CENTS = (50, 500)
BUDGET_CENTS = (5_000, 50_000)

COMPANY_FIRST = (
    *("Amber", "Birch", "Cedar", "Coral", "Fjord", "Harbour", "Juniper", "Lark"),
    *("Maple", "Meadow", "Nordlys", "Otter", "Pebble", "Saffron", "Tide", "Willow"),
)
COMPANY_LAST = (
    *("Bakery", "Books", "Cycles", "Energy", "Foods", "Furniture", "Gardens", "Insurance"),
    *("Kitchens", "Optics", "Outdoor", "Records", "Shoes", "Toys", "Travel", "Watches"),
)
CAMPAIGN_OCCASIONS = (
    *("Spring", "Summer", "Autumn", "Winter", "Holiday"),
    *("Weekend", "Payday", "Anniversary", "Back to School", "Early Bird"),
)
CAMPAIGN_AIMS = (
    *("Sale", "Launch", "Awareness", "Retargeting", "Newcomers"),
    *("Loyalty", "Clearance", "Sign-ups", "Favourites", "Bundles"),
)


@dataclass(frozen=True)
class Batch:
    """What `create_batch` wrote: the new ids, and the number of events."""

    advertiser_ids: list[int]
    campaign_ids: list[int]
    impressions: int
    clicks: int


@dataclass(frozen=True)
class CampaignStatistics:
    """Counts of one campaign; `advertiser_name` is None when it has no (known) advertiser."""

    campaign_id: int
    campaign_name: str
    advertiser_name: str | None
    impressions: int
    clicks: int
    ctr: float | None


@dataclass(frozen=True)
class Statistics:
    """Counts of the whole database; `unknown_*` are events, in the totals, of no known campaign."""

    advertisers: int
    campaigns: int
    impressions: int
    clicks: int
    ctr: float | None
    unknown_impressions: int
    unknown_clicks: int
    by_campaign: tuple[CampaignStatistics, ...]


def create_advertisers(
    connection: psycopg.Connection, count: int = 1, *, seed: int | None = None
) -> list[int]:
    """Add advertisers with invented names.

    Returns:
        The new ids.

    Raises:
        UserError: a negative count.
    """
    _check_count("advertisers", count)
    rng = random_numbers(seed)
    return [
        _inserted_id(
            connection.execute(
                "INSERT INTO advertiser (name, created_at) VALUES (%s, %s) RETURNING id",
                [f"{rng.choice(COMPANY_FIRST)} {rng.choice(COMPANY_LAST)}", _utc_now()],
            )
        )
        for _ in range(count)
    ]


def create_campaigns(
    connection: psycopg.Connection,
    advertiser_id: int,
    count: int = 1,
    *,
    first_day: date | None = None,
    last_day: date | None = None,
    seed: int | None = None,
) -> list[int]:
    """Add campaigns of one advertiser: bid 0.50 to 5.00 a click, budget 50 to 500.

    Each flight begins up to two weeks before `first_day` (default: 7 days ago) and ends one to
    eight weeks after `last_day` (default: today), so that events of those days are in flight.

    Returns:
        The new ids.

    Raises:
        UserError: no such advertiser, or a negative count.
    """
    _check_count("campaigns", count)
    _check_exists(connection, "advertiser", advertiser_id)
    rng = random_numbers(seed)
    today = _utc_now().date()
    first_day = first_day or today - timedelta(days=DEFAULT_DAYS)
    last_day = last_day or today
    return [
        _inserted_id(
            connection.execute(
                "INSERT INTO campaign (name, bid, budget, start_date, end_date, advertiser_id,"
                " created_at) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
                [
                    f"{rng.choice(CAMPAIGN_OCCASIONS)} {rng.choice(CAMPAIGN_AIMS)}",
                    Decimal(rng.randint(*BID_CENTS)) / 100,
                    Decimal(rng.randint(*BUDGET_CENTS)) / 100,
                    first_day - timedelta(days=rng.randint(0, 14)),
                    last_day + timedelta(days=rng.randint(7, 56)),
                    advertiser_id,
                    _utc_now(),
                ],
            )
        )
        for _ in range(count)
    ]


def create_impressions(
    connection: psycopg.Connection,
    campaign_id: int,
    count: int = 100,
    *,
    days: int | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    seed: int | None = None,
) -> int:
    """Add impressions of one campaign, spread over a period by the hours' usual traffic.

    The period is `first_day` to `last_day`, both included (UTC), or the last `days` days up to
    `last_day`; by default the last 7 days up to now. What of it lies ahead is left out.

    Returns:
        How many were added.

    Raises:
        UserError: no such campaign, a negative count, or a period that cannot be.
    """
    _check_count("impressions", count)
    _check_exists(connection, "campaign", campaign_id)
    start, end = _period(days, first_day, last_day)
    if end - start > CLICK_WITHIN:
        end -= CLICK_WITHIN  # leaves their clicks inside the period too
    times = _event_times(random_numbers(seed), count, start, end)
    copy_events(connection, "impressions", campaign_id, times)
    return count


def create_clicks(
    connection: psycopg.Connection,
    campaign_id: int,
    ratio: float = 0.1,
    *,
    seed: int | None = None,
) -> int:
    """Add clicks to `ratio` of the impressions of one campaign, each up to two minutes later.

    Returns:
        How many were added: `round(ratio * impressions)`.

    Raises:
        UserError: a ratio outside 0 to 1, or a campaign without impressions.
    """
    _check_ratio(ratio)
    shown = connection.execute(
        "SELECT created_at FROM impressions WHERE campaign_id = %s AND created_at IS NOT NULL"
        " ORDER BY created_at",
        [campaign_id],
    ).fetchall()
    if not shown:
        raise UserError(
            f"Campaign {campaign_id} has no impressions to click on; "
            "create some first: adtech seed impressions."
        )
    rng = random_numbers(seed)
    now = _utc_now()
    times = sorted(
        # An impression of this very moment is clicked on now, not in the future.
        max(shown_at, min(now, shown_at + CLICK_WITHIN * rng.random()))
        for (shown_at,) in rng.sample(shown, round(ratio * len(shown)))
    )
    copy_events(connection, "clicks", campaign_id, times)
    return len(times)


def create_batch(
    connection: psycopg.Connection,
    advertisers: int = 2,
    campaigns: int = 3,
    impressions: int = 100,
    ctr: float = 0.1,
    *,
    days: int | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    seed: int | None = None,
) -> Batch:
    """Add advertisers, `campaigns` to each of them, `impressions` and clicks to each campaign.

    Args:
        connection: to the operational database.
        advertisers: how many.
        campaigns: how many an advertiser.
        impressions: how many a campaign.
        ctr: clicks / impressions of each campaign, 0 to 1.
        days: length of the period up to `last_day`, see `create_impressions`.
        first_day: first day of the period.
        last_day: last day of the period.
        seed: for the same rows again.

    Raises:
        UserError: a negative number, a ctr outside 0 to 1, or a period that cannot be.
    """
    _check_count("campaigns", campaigns)
    _check_count("impressions", impressions)
    _check_ratio(ctr)
    start, end = _period(days, first_day, last_day)
    rng = random_numbers(seed)

    def next_seed() -> int:
        return rng.getrandbits(64)

    advertiser_ids = create_advertisers(connection, advertisers, seed=next_seed())
    campaign_ids = [
        campaign_id
        for advertiser_id in advertiser_ids
        for campaign_id in create_campaigns(
            connection,
            advertiser_id,
            campaigns,
            first_day=start.date(),
            last_day=end.date(),
            seed=next_seed(),
        )
    ]
    clicks = 0
    for campaign_id in campaign_ids if impressions else []:
        create_impressions(
            connection,
            campaign_id,
            impressions,
            days=days,
            first_day=first_day,
            last_day=last_day,
            seed=next_seed(),
        )
        clicks += create_clicks(connection, campaign_id, ctr, seed=next_seed())
    return Batch(advertiser_ids, campaign_ids, impressions * len(campaign_ids), clicks)


def statistics(connection: psycopg.Connection) -> Statistics:
    """Count everything: totals, and one row a campaign, by id.

    ctr = clicks / impressions: None where both are 0, 1 where clicks exceed impressions.
    """
    [(advertisers,)] = connection.execute("SELECT count(*) FROM advertiser").fetchall()
    # One statement, so that the parts add up to the totals while somebody else writes.
    rows = connection.execute(
        """
        WITH events AS (
            SELECT campaign_id, count(*) AS impressions, 0 AS clicks FROM impressions GROUP BY 1
            UNION ALL
            SELECT campaign_id, 0, count(*) FROM clicks GROUP BY 1
        ), counts AS (
            SELECT campaign_id, sum(impressions)::bigint AS impressions,
                   sum(clicks)::bigint AS clicks
            FROM events GROUP BY 1
        )
        SELECT campaign.id, campaign.name, advertiser.name,
               coalesce(counts.impressions, 0), coalesce(counts.clicks, 0)
        FROM campaign
        FULL JOIN counts ON counts.campaign_id = campaign.id
        LEFT JOIN advertiser ON advertiser.id = campaign.advertiser_id
        ORDER BY campaign.id
        """
    ).fetchall()
    known = [row for row in rows if row[0] is not None]
    unknown = [row for row in rows if row[0] is None]
    impressions = sum(row[3] for row in rows)
    clicks = sum(row[4] for row in rows)
    return Statistics(
        advertisers=advertisers,
        campaigns=len(known),
        impressions=impressions,
        clicks=clicks,
        ctr=_ctr(impressions, clicks),
        unknown_impressions=sum(row[3] for row in unknown),
        unknown_clicks=sum(row[4] for row in unknown),
        by_campaign=tuple(
            CampaignStatistics(number, name, advertiser, shown, clicked, _ctr(shown, clicked))
            for number, name, advertiser, shown, clicked in known
        ),
    )


def reset(connection: psycopg.Connection) -> None:
    """Delete all rows of the four tables and start their ids at 1 again, in one transaction.

    TRUNCATE would be faster, but makes the tables look empty to an extract that reads an older
    snapshot. The ids restart with ALTER SEQUENCE, which rolls back with the rest; setval does not.
    """
    with connection.transaction():
        for table in ("clicks", "impressions", "campaign", "advertiser"):
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            connection.execute(
                sql.SQL("ALTER SEQUENCE IF EXISTS {} RESTART").format(
                    sql.Identifier(f"{table}_id_seq")
                )
            )


def _utc_now() -> datetime:
    return datetime.now(tz=UTC).replace(tzinfo=None)


def _period(
    days: int | None, first_day: date | None, last_day: date | None
) -> tuple[datetime, datetime]:
    """Start and end (exclusive) of the part of the period that has passed."""
    if days is not None and first_day is not None:
        raise UserError("Give either the number of days or the first day, not both.")
    if days is not None and days < 1:
        raise UserError(f"The number of days must be at least 1, not {days}.")
    end = _utc_now()
    if last_day is not None:
        end = min(end, datetime.combine(last_day, time()) + timedelta(days=1))
    if first_day is None:
        return end - timedelta(days=days or DEFAULT_DAYS), end
    start = datetime.combine(first_day, time())
    if start >= end:
        raise UserError(
            f"No time to put events in: the first day, {first_day}, is after the last day or today."
        )
    return start, end


def _event_times(rng: random.Random, count: int, start: datetime, end: datetime) -> list[datetime]:
    """Random moments from `start` to before `end`, in order, more of them in busy hours."""
    slices, weights = [], []
    slice_start = start
    while slice_start < end:
        next_hour = slice_start.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        length = min(next_hour, end) - slice_start
        slices.append((slice_start, length))
        weights.append(HOUR_WEIGHTS[slice_start.hour] * length.total_seconds())
        slice_start = next_hour
    chosen = rng.choices(slices, weights, k=count)
    return sorted(hour + length * rng.random() for hour, length in chosen)


def copy_events(
    connection: psycopg.Connection, table: str, campaign_id: int, times: Iterable[datetime]
) -> None:
    """Add events of one campaign to `impressions` or `clicks`; times are naive UTC."""
    with connection.cursor() as cursor:
        copy_rows(
            cursor,
            sql.Identifier(table),
            ["campaign_id", "created_at"],
            ((campaign_id, created_at) for created_at in times),
        )


def _inserted_id(cursor: psycopg.Cursor) -> int:
    [(new_id,)] = cursor.fetchall()
    return int(new_id)


def _ctr(impressions: int, clicks: int) -> float | None:
    if impressions == clicks == 0:
        return None
    return clicks / impressions if clicks < impressions else 1.0


def _check_count(what: str, count: int) -> None:
    if count < 0:
        raise UserError(f"The number of {what} cannot be {count}.")


def _check_ratio(ratio: float) -> None:
    if not 0 <= ratio <= 1:
        raise UserError(f"The ratio of clicks to impressions must be 0 to 1, not {ratio}.")


def _check_exists(connection: psycopg.Connection, table: str, row_id: int) -> None:
    query = sql.SQL("SELECT 1 FROM {} WHERE id = %s").format(sql.Identifier(table))
    if connection.execute(query, [row_id]).fetchone() is None:
        raise UserError(f"There is no {table} with id {row_id}.")
