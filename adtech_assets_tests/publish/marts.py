"""Published marts for tests: tables with the columns of the real ones, filled with a business."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from adtech_assets.sample.rhythm import random_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    import psycopg

LAST_DAY = date(2022, 6, 24)
EVER = datetime(1, 1, 1)  # noqa: DTZ001 - naive UTC, as in the marts
"""From when on the first terms of a campaign are."""

COLUMNS = {
    "dim_dates": """
        weekday_name text, iso_weekday bigint, is_weekend boolean, is_full_in_database boolean,
        is_full_in_logs boolean, date_day date PRIMARY KEY
    """,
    "fct_daily_summary": """
        event_date date PRIMARY KEY, impressions bigint, clicks bigint, ctr float8
    """,
    "fct_campaign_daily": """
        campaign_id bigint, advertiser_id bigint, impressions bigint, clicks bigint, ctr float8,
        ctr_low float8, ctr_high float8, estimated_spend numeric(38, 2), cpc float8, ecpm float8,
        outside_flight_events bigint, is_in_flight boolean, event_date date,
        PRIMARY KEY (campaign_id, event_date)
    """,
    "mart_campaign_kpis": """
        campaign_id bigint PRIMARY KEY, advertiser_id bigint, campaign_name text,
        advertiser_name text, pacing_status text, impressions bigint, clicks bigint, ctr float8,
        ctr_low float8, ctr_high float8, estimated_spend numeric(38, 2),
        estimated_spend_capped numeric(38, 2), cpc float8, ecpm float8, bid numeric(10, 2),
        budget numeric(10, 2), budget_used_share float8, on_schedule_indicator float8,
        projected_spend numeric(38, 2), required_daily_spend numeric(38, 2),
        anomalous_days bigint, active_days bigint, is_current boolean, start_date date,
        end_date date, first_event_date date, last_event_date date
    """,
    "fct_campaign_ctr": """
        campaign_id bigint PRIMARY KEY, campaign_name text, impressions bigint, clicks bigint,
        ctr float8, ctr_low float8, ctr_high float8
    """,
    "fct_campaign_pacing_daily": """
        campaign_id bigint, pacing_status text, cumulative_impressions bigint,
        cumulative_clicks bigint, cumulative_estimated_spend numeric(38, 2),
        estimated_spend_capped numeric(38, 2), budget numeric(10, 2), flight_days bigint,
        elapsed_days bigint, on_schedule_indicator float8, budget_used_share float8,
        projected_spend numeric(38, 2), required_daily_spend numeric(38, 2), is_full_day boolean,
        event_date date, PRIMARY KEY (campaign_id, event_date)
    """,
    "fct_campaign_hour_profiles": """
        campaign_id bigint, iso_weekday bigint, hour_of_day bigint, impressions bigint,
        clicks bigint, ctr float8, impression_share float8,
        PRIMARY KEY (campaign_id, iso_weekday, hour_of_day)
    """,
    "dim_user_agents": """
        user_agent_id text PRIMARY KEY, user_agent text, browser_family text, os_family text,
        device_family text, device_class text, invalid_reason text, crawler_pattern text,
        classifier_version text, is_crawler boolean
    """,
    "fct_user_agent_hourly": """
        user_agent_id text, gross_impressions bigint, gross_clicks bigint,
        valid_impressions bigint, valid_clicks bigint, fraud_flag_events bigint,
        crawler_events bigint, missing_user_agent_events bigint, non_browser_events bigint,
        event_date date, hour_at timestamp, PRIMARY KEY (hour_at, user_agent_id)
    """,
    "fct_traffic_quality_daily": """
        invalid_reason text, impressions bigint, clicks bigint, gross_events bigint,
        ivt_rate float8, event_date date, PRIMARY KEY (event_date, invalid_reason)
    """,
    "dim_campaigns": """
        campaign_id bigint PRIMARY KEY, advertiser_id bigint, campaign_name text,
        bid numeric(10, 2), budget numeric(10, 2), flight_days bigint, is_current boolean,
        start_date date, end_date date, created_at timestamp
    """,
    "dim_advertisers": """
        advertiser_id bigint PRIMARY KEY, advertiser_name text, is_current boolean,
        created_at timestamp
    """,
    "dim_campaign_versions": """
        campaign_id bigint, advertiser_id bigint, campaign_name text, bid numeric(10, 2),
        budget numeric(10, 2), flight_days bigint, is_first boolean, is_latest boolean,
        is_current boolean, start_date date, end_date date, valid_from timestamp,
        valid_until timestamp, PRIMARY KEY (campaign_id, valid_from)
    """,
    "fct_campaign_ctr_anomalies": """
        campaign_id bigint, impressions bigint, clicks bigint, ctr float8,
        prior_impressions bigint, prior_clicks bigint, prior_ctr float8, z_score float8,
        is_anomaly boolean, event_date date, PRIMARY KEY (campaign_id, event_date)
    """,
    "fct_campaign_traffic_daily": """
        campaign_id bigint, impressions_status text, clicks_status text, gross_impressions bigint,
        gross_clicks bigint, valid_impressions bigint, valid_clicks bigint,
        fraud_flag_impressions bigint, fraud_flag_clicks bigint, crawler_impressions bigint,
        crawler_clicks bigint, missing_user_agent_impressions bigint,
        missing_user_agent_clicks bigint, non_browser_impressions bigint,
        non_browser_clicks bigint, db_impressions bigint, db_clicks bigint, net_ctr float8,
        ivt_rate float8, impressions_discrepancy float8, clicks_discrepancy float8,
        net_spend numeric(38, 2), event_date date, PRIMARY KEY (campaign_id, event_date)
    """,
    "fct_campaign_placement_daily": """
        campaign_id bigint, publisher_domain text DEFAULT '', publisher_id text DEFAULT '',
        site_id text DEFAULT '', deal text DEFAULT '', inventory_source_id text DEFAULT '',
        slot_position_id text DEFAULT '', banner_size text DEFAULT '',
        device_type_id text DEFAULT '', country_id text DEFAULT '', impressions bigint,
        clicks bigint, invalid_impressions bigint, invalid_clicks bigint,
        measurable_impressions bigint, viewable_impressions bigint, priced_impressions bigint,
        viewable_rate float8, ivt_rate float8, currency text, total_cost numeric(38, 12),
        total_cost_eur numeric(38, 12), event_date date,
        PRIMARY KEY (
            campaign_id, publisher_domain, publisher_id, site_id, deal, inventory_source_id,
            slot_position_id, banner_size, device_type_id, country_id, event_date
        )
    """,
    "fct_campaign_landing_pages_daily": """
        campaign_id bigint, landing_page text, clicks bigint, timed_clicks bigint,
        fast_clicks bigint, fast_click_share float8, event_date date,
        PRIMARY KEY (campaign_id, landing_page, event_date)
    """,
    "fct_campaign_cost_daily": """
        campaign_id bigint, currency text, impressions bigint, clicks bigint,
        priced_impressions bigint, media_cost numeric(38, 12), total_cost numeric(38, 12),
        data_cost numeric(38, 12), brand_safety_cost numeric(38, 12),
        rich_media_cost numeric(38, 12), trading_desk_fee numeric(38, 12),
        invalid_cost numeric(38, 12), total_cost_eur numeric(38, 12),
        estimated_spend numeric(38, 2) DEFAULT 0, event_date date,
        PRIMARY KEY (campaign_id, event_date)
    """,
    "fct_campaign_viewability_daily": """
        campaign_id bigint, banner_size text, impressions bigint, eligible_impressions bigint,
        measurable_impressions bigint, viewable_impressions bigint, visible_ms bigint,
        event_date date, PRIMARY KEY (campaign_id, banner_size, event_date)
    """,
    "fct_campaign_reach_daily": """
        campaign_id bigint, impressions bigint, flagged_impressions bigint, daily_reach bigint,
        new_reach bigint, flagged_impressions_to_date bigint, reach_to_date bigint,
        event_date date, PRIMARY KEY (campaign_id, event_date)
    """,
    "fct_campaign_click_quality_daily": """
        campaign_id bigint, clicks bigint, timed_clicks bigint, clicks_before_impression bigint,
        clicks_under_1s bigint, clicks_1_to_10s bigint, clicks_10_to_60s bigint,
        clicks_over_60s bigint, event_date date, PRIMARY KEY (campaign_id, event_date)
    """,
    "fct_weekly_movers": """
        dimension text, place bigint, member text, impressions bigint, impressions_before bigint,
        impressions_change bigint, impressions_change_share float8, clicks bigint,
        clicks_before bigint, total_cost_eur numeric(38, 12), total_cost_eur_before numeric(38, 12),
        week_start date, PRIMARY KEY (week_start, dimension, place)
    """,
    "fct_campaign_delivery_hourly": """
        campaign_id bigint, impressions bigint, expected_impressions float8,
        cumulative_impressions bigint, projected_impressions float8, event_date date,
        hour_at timestamp, delivery_status text, weeks bigint, expected_low float8,
        expected_high float8, projected_low float8, projected_high float8,
        PRIMARY KEY (campaign_id, hour_at)
    """,
    "fct_log_reconciliation_daily": """
        event_type text, status text, log_events bigint, db_events bigint, difference bigint,
        log_db_discrepancy float8, event_date date, PRIMARY KEY (event_date, event_type)
    """,
}
LOAD_AUDIT = """
    day date PRIMARY KEY, user_agent text NOT NULL, run_id text NOT NULL, row_count bigint NOT NULL,
    impression_count bigint NOT NULL, click_count bigint NOT NULL, file_count bigint NOT NULL,
    files_fingerprint text NOT NULL, loaded_at timestamp NOT NULL
"""

ADVERTISERS = ("Amber Bakery", "Fjord Outdoor", "Lark Travel")

LONG_NAMES = (
    "The extraordinarily long name of a campaign, written like a brief: audience, region, year",
    "Ohneleerzeichen" * 12,
    "👩🏽‍💻🎉 Sommerfest 👨‍👩‍👧‍👦 für alle 🏳️‍🌈 mit sehr vielen bunten Bildchen 🎈🎈🎈🎈🎈🎈🎈🎈🎈",
    "حملة الصيف الكبرى لجميع العملاء في المنطقة مع خصومات خاصة على كل المنتجات",
    "מבצע קיץ גדול לכל הלקוחות Summer 2022 באזור",
    '<script>alert("x")</script><img src=x onerror=alert(1)>{{ 7 * 7 }}&amp;</svg></style>',
    "夏季大促销活动面向所有地区的新老客户限时优惠全场商品低至五折起",
    "line\nbreak\tand \x01control\x7f characters, \u202eturned around",
    "",
)


@dataclass(frozen=True)
class Business:
    """How large the data is; the rest follows from the seed."""

    days: int = 30
    campaigns: int = 8
    names: Sequence[str] = ()
    missing_days: Sequence[int] = ()
    """Days before the last one that were never extracted nor loaded."""
    seed: int = 1


def create(connection: psycopg.Connection, *marts: str) -> None:
    """Create empty marts, all of them by default, and `load_audit`."""
    connection.execute("CREATE SCHEMA IF NOT EXISTS marts")
    for mart in marts or COLUMNS:
        connection.execute(f"CREATE TABLE marts.{mart} ({COLUMNS[mart]})")
    connection.execute(f"CREATE TABLE IF NOT EXISTS public.load_audit ({LOAD_AUDIT})")


def insert(connection: psycopg.Connection, table: str, *rows: dict[str, Any]) -> None:
    """Add rows of the same columns; what they do not name is NULL."""
    if rows:
        places = ", ".join(f"%({column})s" for column in rows[0])
        query = f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES ({places})"
        with connection.cursor() as cursor:
            cursor.executemany(query.encode(), rows)


def fill(connection: psycopg.Connection, business: Business) -> None:
    """Create all marts and fill them: campaigns of every status, crawlers, two sources."""
    create(connection)
    rng = random_numbers(business.seed)
    days = [
        LAST_DAY - timedelta(n)
        for n in reversed(range(business.days))
        if n not in business.missing_days
    ]
    daily = _fill_campaigns(connection, business, days, rng)
    for day, (impressions, clicks, _) in daily.items():
        insert(
            connection,
            "marts.fct_daily_summary",
            {
                "event_date": day,
                "impressions": impressions,
                "clicks": clicks,
                "ctr": min(clicks / impressions, 1) if impressions else None,
            },
        )
    _fill_logs(connection, days, daily, rng)
    _fill_moved(connection, business)


def at_hour(day: date, hour: int) -> datetime:
    """A naive UTC time, as in the marts."""
    return datetime.combine(day, time()) + timedelta(hours=hour)


def _fill_campaigns(connection, business, days, rng):
    daily = {day: [0, 0, Decimal(0)] for day in days}
    for number, name in enumerate(ADVERTISERS):
        row = {"advertiser_id": number, "advertiser_name": name}
        insert(connection, "marts.dim_advertisers", row)
    for number in range(business.campaigns):
        name = (
            business.names[number]
            if number < len(business.names)
            else f"{rng.choice(('Spring', 'Summer', 'Autumn', 'Payday'))} "
            f"{rng.choice(('Sale', 'Launch', 'Loyalty', 'Newcomers'))} {number + 1}"
        )
        size, rate = 2_400 / (1 + number % 40), rng.uniform(0.01, 0.09)
        bid = Decimal(rng.randint(50, 500)) / 100
        impressions = clicks = 0
        of_days: list[dict[str, Any]] = []
        for day in days:
            week = 0.75 if day.isoweekday() >= 6 else 1.0
            shown = round(size * week * rng.uniform(0.8, 1.2))
            clicked = round(shown * rate * rng.uniform(0.8, 1.2))
            impressions, clicks = impressions + shown, clicks + clicked
            for at, value in enumerate((shown, clicked, clicked * bid)):
                daily[day][at] += value
            of_days.append(
                {
                    "campaign_id": number + 1,
                    "advertiser_id": number % 3,
                    "impressions": shown,
                    "clicks": clicked,
                    "ctr": min(clicked / shown, 1) if shown else None,
                    "estimated_spend": clicked * bid,
                    "event_date": day,
                }
            )
        insert(connection, "marts.fct_campaign_daily", *of_days)
        counts = (impressions, clicks, clicks * bid)
        _insert_campaign(connection, number, name, counts, days[-1])
        _insert_terms(connection, number, name, bid, days)
        hours = [
            (weekday, hour, round(impressions * (1 + hour % 24) / 2100))
            for weekday in range(1, 8)
            for hour in range(24)
        ]
        if number < 20:
            insert(
                connection,
                "marts.fct_campaign_hour_profiles",
                *(
                    {
                        "campaign_id": number + 1,
                        "iso_weekday": weekday,
                        "hour_of_day": hour,
                        "impressions": shown,
                        "clicks": shown // 20,
                    }
                    for weekday, hour, shown in hours
                    if shown
                ),
            )
    return daily


def _insert_campaign(connection, number, name, counts, last_day):
    impressions, clicks, spend = counts
    statuses = ("behind", "on_track", "ahead", "over_budget", "no_budget", "no_flight")
    status = statuses[number % len(statuses)]
    share = {"behind": 0.3, "on_track": 0.5, "ahead": 0.8, "over_budget": 1.2}.get(status)
    budget = None if status == "no_budget" else Decimal(20_000)
    if share is not None:
        budget = (spend / Decimal(str(share))).quantize(Decimal("0.01")) or budget
    used = float(spend / budget) if budget else None
    centre = clicks / impressions if impressions else 0
    margin = 1.96 * (centre * (1 - centre) / impressions) ** 0.5 if impressions else 0
    common = {
        "campaign_id": number + 1,
        "campaign_name": name,
        "impressions": impressions,
        "clicks": clicks,
        "ctr": centre if impressions else None,
        "ctr_low": max(centre - margin, 0) if impressions else None,
        "ctr_high": min(centre + margin, 1) if impressions else None,
    }
    insert(connection, "marts.fct_campaign_ctr", common)
    _insert_delivery(connection, number, name, counts, last_day)
    insert(
        connection,
        "marts.mart_campaign_kpis",
        common
        | {
            "advertiser_name": ADVERTISERS[number % 3],
            "pacing_status": status,
            "estimated_spend": spend,
            "budget": budget,
            "budget_used_share": used,
            "on_schedule_indicator": None if used is None else used / 0.5,
            "projected_spend": None if share is None else spend * 2,
            "anomalous_days": number % 7 // 6,
            "is_current": number % 11 != 10,
        },
    )
    insert(
        connection,
        "marts.fct_campaign_pacing_daily",
        {
            "campaign_id": number + 1,
            "event_date": last_day,
            "pacing_status": status,
            "cumulative_estimated_spend": spend,
            "budget": budget,
            "budget_used_share": used,
            "flight_days": None if status == "no_flight" else 60,
            "elapsed_days": None if status == "no_flight" else 30,
        },
    )


def _insert_terms(connection, number, name, bid, days):
    """A bid that was raised once, on the last day."""
    raised = at_hour(days[-1], 6)
    of_both = {"campaign_id": number + 1, "campaign_name": name, "advertiser_id": number % 3}
    insert(
        connection,
        "marts.dim_campaign_versions",
        of_both | {"bid": bid, "is_first": True, "valid_from": EVER, "valid_until": raised},
        of_both | {"bid": bid + 1, "is_first": False, "valid_from": raised, "valid_until": None},
    )


def _insert_delivery(connection, number, name, counts, last_day):
    impressions, clicks, spend = counts
    of_day = {"campaign_id": number + 1, "event_date": last_day}
    insert(connection, "marts.dim_campaigns", {"campaign_id": number + 1, "campaign_name": name})
    insert(
        connection,
        "marts.fct_campaign_cost_daily",
        of_day
        | {
            "currency": ("DKK", "EUR")[number % 2],
            "impressions": impressions,
            "clicks": clicks,
            "priced_impressions": impressions,
            "media_cost": Decimal(impressions) / 800,
            "total_cost": Decimal(impressions) / 640,
            "invalid_cost": Decimal(impressions) / 12_800,
            "total_cost_eur": Decimal(impressions) / 6400,
            "estimated_spend": spend,
        },
    )
    insert(
        connection,
        "marts.fct_campaign_viewability_daily",
        of_day
        | {
            "banner_size": "300x250",
            "impressions": impressions,
            "measurable_impressions": impressions // 2,
            "viewable_impressions": impressions // 4,
            "visible_ms": 2000 * impressions,
        },
    )
    insert(
        connection,
        "marts.fct_campaign_reach_daily",
        of_day
        | {
            "impressions": impressions,
            "flagged_impressions": impressions,
            "daily_reach": impressions // 2,
            "new_reach": impressions // 3,
            "flagged_impressions_to_date": impressions,
            "reach_to_date": impressions // 3,
        },
    )
    insert(
        connection,
        "marts.fct_campaign_click_quality_daily",
        of_day
        | {
            "clicks": clicks,
            "timed_clicks": clicks,
            "clicks_before_impression": 0,
            "clicks_under_1s": clicks // 10,
            "clicks_1_to_10s": clicks // 2,
            "clicks_10_to_60s": clicks - clicks // 10 - clicks // 2,
            "clicks_over_60s": 0,
        },
    )
    if clicks:
        insert(
            connection,
            "marts.fct_campaign_landing_pages_daily",
            of_day
            | {
                "landing_page": "shop.example/sale",
                "clicks": clicks,
                "timed_clicks": clicks,
                "fast_clicks": clicks // 10,
            },
        )
    for domain, part in (("news.example", 2), ("sport.example", 4)):
        insert(
            connection,
            "marts.fct_campaign_placement_daily",
            of_day
            | {
                "publisher_domain": domain,
                "device_type_id": "2",
                "impressions": impressions // part,
                "clicks": clicks // part,
                "invalid_impressions": 0,
                "invalid_clicks": 0,
                "measurable_impressions": impressions // part // 2 or None,
                "viewable_impressions": impressions // part // 4 or None,
                "priced_impressions": impressions // part,
                "total_cost_eur": Decimal(impressions // part) / 6400,
            },
        )
    crawlers = impressions // 50
    nothing = dict.fromkeys(
        (
            *("fraud_flag_impressions", "fraud_flag_clicks", "crawler_clicks"),
            *("missing_user_agent_impressions", "missing_user_agent_clicks"),
            *("non_browser_impressions", "non_browser_clicks"),
        ),
        0,
    )
    insert(
        connection,
        "marts.fct_campaign_traffic_daily",
        of_day
        | nothing
        | {
            "impressions_status": "ok",
            "clicks_status": "ok",
            "gross_impressions": impressions,
            "gross_clicks": clicks,
            "valid_impressions": impressions - crawlers,
            "valid_clicks": clicks,
            "crawler_impressions": crawlers,
            "db_impressions": impressions,
            "db_clicks": clicks,
        },
    )


def _fill_logs(connection, days, daily, rng):
    agents = {
        "a1": ("desktop", None),
        "a2": ("mobile", None),
        "a3": ("tablet", None),
        "b1": ("other", "crawler"),
        "b2": ("other", "non_browser"),
    }
    for agent, (device, reason) in agents.items():
        insert(
            connection,
            "marts.dim_user_agents",
            {"user_agent_id": agent, "device_class": device, "invalid_reason": reason},
        )
    shares = {"a1": 0.4, "a2": 0.45, "a3": 0.06, "b1": 0.07, "b2": 0.02}
    for day in days:
        impressions, clicks, _ = daily[day]
        counts = {"fraud_flag": 0, "crawler": 0, "missing_user_agent": 0, "non_browser": 0}
        counts |= {"none": 0}
        for agent, share in shares.items():
            shown = round(impressions * share * rng.uniform(0.9, 1.1))
            reason = agents[agent][1]
            fraud = round(shown * 0.01) if reason is None else 0
            valid = 0 if reason else shown - fraud
            insert(
                connection,
                "marts.fct_user_agent_hourly",
                {
                    "user_agent_id": agent,
                    "event_date": day,
                    "hour_at": at_hour(day, 12),
                    "gross_impressions": shown,
                    "gross_clicks": shown // 20,
                    "valid_impressions": valid,
                    "valid_clicks": valid // 20,
                },
            )
            counts["fraud_flag"] += fraud
            counts[reason or "none"] += shown - fraud
        counts["missing_user_agent"] = round(impressions * 0.015 * rng.random())
        gross = sum(counts.values())
        insert(
            connection,
            "marts.fct_traffic_quality_daily",
            *(
                {
                    "event_date": day,
                    "invalid_reason": reason,
                    "impressions": count,
                    "clicks": 0,
                    "gross_events": gross,
                    "ivt_rate": count / gross if gross else None,
                }
                for reason, count in counts.items()
            ),
        )
        _reconcile(connection, day, days.index(day), (impressions, clicks), rng)
        insert(
            connection,
            "public.load_audit",
            {
                "day": day,
                "user_agent": "some user agent",
                "run_id": "run",
                "row_count": 24,
                "impression_count": impressions,
                "click_count": clicks,
                "file_count": 40,
                "files_fingerprint": "f",
                "loaded_at": at_hour(day, 28),
            },
        )


def _fill_moved(connection, business):
    """Movers of the last week that is over, and hours of the last day."""
    campaigns = range(1, min(business.campaigns, 20) + 1)
    members = {
        "campaign": [str(campaign) for campaign in campaigns],
        "publisher_domain": ["news.example", "sport.example", ""],
        "deal": ["", "deal-01"],
    }
    for dimension, found in members.items() if business.days >= 14 else ():
        for place, member in enumerate(found, start=1):
            now, before = 1000 * (place % 4), 800 * (place % 3)
            insert(
                connection,
                "marts.fct_weekly_movers",
                {
                    "dimension": dimension,
                    "place": place,
                    "member": member,
                    "impressions": now,
                    "impressions_before": before,
                    "impressions_change": now - before,
                    "impressions_change_share": (now - before) / before if before else None,
                    "week_start": LAST_DAY - timedelta(LAST_DAY.weekday() + 7),
                },
            )
    for campaign in campaigns:
        for hour in range(12):
            status = ("usual", "usual", "under", "over")[(campaign + hour) % 4]
            insert(
                connection,
                "marts.fct_campaign_delivery_hourly",
                {
                    "campaign_id": campaign,
                    "event_date": LAST_DAY,
                    "hour_at": at_hour(LAST_DAY, hour),
                    "delivery_status": status if campaign % 7 else "no_history",
                    "projected_impressions": 1500.4 if campaign % 7 else None,
                    "projected_low": 1400.0 + hour if campaign % 7 else None,
                    "projected_high": 1600.8 if campaign % 7 else None,
                },
            )


def _reconcile(connection, day, number, counts, rng):
    factors = {9: 1.04, 14: 0.82, 20: 0.0, 24: 1.02}
    for event_type, counted in zip(("impressions", "clicks"), counts, strict=True):
        factor = factors.get(number, 1.0)
        log = round(counted * factor * rng.uniform(0.997, 1.003))
        share = (log - counted) / counted if counted else None
        status = (
            "ok"
            if share is None or abs(share) <= 0.01
            else "log_missing"
            if not log
            else "warn"
            if abs(share) <= 0.1
            else "breach"
        )
        insert(
            connection,
            "marts.fct_log_reconciliation_daily",
            {
                "event_type": event_type,
                "event_date": day,
                "status": status,
                "log_events": log,
                "db_events": counted,
                "difference": log - counted,
                "log_db_discrepancy": share,
            },
        )
