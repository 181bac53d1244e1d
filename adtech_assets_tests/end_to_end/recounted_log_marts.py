"""The marts of the log side once more, in plain Python from the files and the source's rows.

Nothing is shared with the models but the definitions in docs/kpis.md.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from adtech_assets.contract import KINDS
from adtech_assets_tests.end_to_end.recomputed_marts import UNKNOWN

ZONE = ZoneInfo("Europe/Copenhagen")

REASONS = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0": "none",
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
    ): "none",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": "crawler",
    "curl/8.4.0": "crawler",
    None: "missing_user_agent",
    "": "missing_user_agent",
    "-": "missing_user_agent",
    "Mozilla/5.0": "non_browser",
    "some user agent": "non_browser",
}
ALL_REASONS = ("none", "fraud_flag", "crawler", "missing_user_agent", "non_browser")
MARTS = (
    "dim_user_agents",
    "fct_user_agent_hourly",
    "fct_traffic_quality_daily",
    "fct_log_reconciliation_hourly",
    "fct_log_reconciliation_daily",
)


class Logged(NamedTuple):
    """An event in a log file."""

    kind: str
    hour: datetime
    agent: str | None
    reason: str
    campaign: int | None
    row: dict[str, Any]


def logged_events(folder, loaded, zone):
    """The events in the files of the loaded days."""
    for path in folder.glob("*.parquet"):
        kind, _, stamp = path.stem.split("_")
        file_at = datetime.strptime(stamp, "%Y%m%d%H").replace(tzinfo=zone)
        if file_at.date() not in loaded:
            continue
        for row in pq.read_table(path).to_pylist():
            agent = row["device_settings"]["user_agent"]
            ms = row["transaction_header"]["creation_time"]
            happened = datetime.fromtimestamp(ms / 1000, UTC) if ms else file_at.astimezone(UTC)
            if abs((happened.date() - file_at.date()).days) > 1:
                happened = file_at.astimezone(UTC)
            hour = happened.replace(minute=0, second=0, microsecond=0, tzinfo=None)
            fraud = row["fraud_detection"]["is_fraud"]
            reason = "fraud_flag" if fraud else REASONS[agent]
            yield Logged(kind, hour, agent, reason, row["banner"]["campaign_id"], row)


def source_events(source, loaded):
    """Kind and hour of each row of the source on the loaded days."""
    with source.connect() as connection:
        for kind in KINDS:
            for (moment,) in connection.execute(f"SELECT created_at FROM {kind}").fetchall():
                if moment is not None and moment.date() in loaded:
                    yield kind, moment.replace(minute=0, second=0, microsecond=0)


def agent_id(agent):
    return "0" * 32 if agent is None else hashlib.md5(agent.encode()).hexdigest()  # noqa: S324


def compared(log, db):
    """Status, both counts, difference and share, by the definition."""
    if not db:
        return "db_missing" if log else "ok", log, db, log, None
    share = Fraction(log - db, db)
    if not log:
        status = "log_missing"
    elif abs(share) <= Fraction(1, 100):
        status = "ok"
    else:
        status = "warn" if abs(share) <= Fraction(1, 10) else "breach"
    return status, log, db, log - db, float(share)


def recounted(folder, source, loaded, zone=ZONE):
    """Rows of each mart: of the files in a folder and the rows of a source, on the loaded days."""
    log = list(logged_events(folder, loaded, zone))
    database = list(source_events(source, loaded))
    agents: dict[tuple[str, datetime], Counter[tuple[str, str]]] = defaultdict(Counter)
    quality: dict[date, Counter[tuple[str, str]]] = defaultdict(Counter)
    for kind, hour, agent, reason, *_ in log:
        agents[agent_id(agent), hour][kind, reason] += 1
        quality[hour.date()][kind, reason] += 1
    log_hours = Counter((hour, kind) for kind, hour, *_ in log)
    db_hours = Counter((hour, kind) for kind, hour in database)
    log_days = Counter((hour.date(), kind) for kind, hour, *_ in log)
    db_days = Counter((hour.date(), kind) for kind, hour in database)
    days = loaded | {day for day, _ in log_days | db_days}
    return {
        "fct_user_agent_hourly": [
            (
                agent,
                *(sum(counts[kind, reason] for reason in ALL_REASONS) for kind in KINDS),
                *(counts[kind, "none"] for kind in KINDS),
                *(sum(counts[kind, reason] for kind in KINDS) for reason in ALL_REASONS[1:]),
                hour.date(),
                hour,
            )
            for (agent, hour), counts in agents.items()
        ],
        "fct_traffic_quality_daily": [
            (
                reason,
                *(quality[day][kind, reason] for kind in KINDS),
                quality[day].total(),
                0 if reason == "none" else float(
                    Fraction(sum(quality[day][kind, reason] for kind in KINDS),
                             quality[day].total())
                ),
                day,
            )
            for day in loaded | set(quality)
            for reason in ALL_REASONS
        ],
        "fct_log_reconciliation_hourly": [
            (kind, *compared(log_hours[hour, kind], db_hours[hour, kind]), hour.date(), hour)
            for hour, kind in log_hours | db_hours
        ],
        "fct_log_reconciliation_daily": [
            (kind, *compared(log_days[day, kind], db_days[day, kind]), day)
            for day in days
            for kind in KINDS
        ],
    }  # fmt: skip


def campaign_traffic(log, operational):
    """Rows of fct_campaign_traffic_daily, of logged events and the recomputed database's side."""
    known = operational.campaigns.versions
    counts: dict[tuple[int, date], Counter[tuple[str, str]]] = defaultdict(Counter)
    spend: dict[tuple[int, date], Decimal] = defaultdict(Decimal)
    for event in log:
        campaign = event.campaign if event.campaign in known else UNKNOWN
        place = campaign, event.hour.date()
        counts[place][event.kind, event.reason] += 1
        if event.kind == "clicks" and event.reason == "none" and campaign in known:
            spend[place] += operational.campaigns.at(campaign, event.hour).bid or 0
    dense = {(campaign, day) for campaign in operational.members for day in operational.days}
    for campaign, day in dense | counts.keys() | operational.by_day.keys():
        of = counts[campaign, day]
        db = operational.by_day[campaign, day]
        gross = [sum(of[kind, reason] for reason in ALL_REASONS) for kind in KINDS]
        valid = [of[kind, "none"] for kind in KINDS]
        found = [compared(gross[0], db.impressions), compared(gross[1], db.clicks)]
        yield (
            campaign,
            *(status for status, *_ in found),
            *gross,
            *(of[kind, reason] for reason in ALL_REASONS for kind in KINDS),
            db.impressions,
            db.clicks,
            _ctr(*valid),
            float(Fraction(sum(gross) - sum(valid), sum(gross))) if sum(gross) else None,
            *(share for *_, share in found),
            spend[campaign, day],
            day,
        )


def _ctr(impressions, clicks):
    if clicks > impressions:
        return 1.0
    return float(Fraction(clicks, impressions)) if impressions else None
