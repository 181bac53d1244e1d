"""The marts of the log side, counted once more in plain Python from the files and the source."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from adtech_assets.logs import rollup, user_agents
from adtech_assets.logs.ingest import Ingest
from adtech_assets.logs.names import KINDS
from adtech_assets.operational import snapshot
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange
from adtech_assets.sample.log_files import write_log_file
from adtech_assets.settings import PROJECT_DIR
from adtech_assets.stores.warehouse import Warehouse, transaction

ZONE = ZoneInfo("Europe/Copenhagen")
SUNDAY = date(2022, 10, 30)
"""The day of 25 hours."""

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
MARTS = (
    "dim_user_agents",
    "fct_user_agent_hourly",
    "fct_traffic_quality_daily",
    "fct_log_reconciliation_hourly",
    "fct_log_reconciliation_daily",
)


class Pipeline:
    """The steps of a run that the marts come from, without Dagster."""

    def __init__(self, settings, source):
        self.settings = settings
        self.source = source
        self.loaded: set[date] = set()

    def run(self, first, last):
        days = DayRange(first, last)
        with Warehouse.of(self.settings).connect() as warehouse:
            for kind in KINDS:
                Ingest(warehouse, self.settings, kind, days, "run").run()
            warehouse.execute(rollup.SCHEMA + user_agents.SCHEMA)
            with transaction(warehouse):
                rollup.rebuild(warehouse, days)
                user_agents.classify_days(warehouse, days, now=datetime(2022, 11, 2))  # noqa: DTZ001
            tables = snapshot.RAW_TABLES
            snapshot.extract(warehouse, self.source, days, tables, "run")
        self.dbt("--event-time-start", str(days.first), "--event-time-end", str(days.end))
        self.loaded |= set(days)

    def dbt(self, *options):
        folder = self.settings.data_dir / "dbt"
        done = subprocess.run(
            [
                Path(sys.executable).with_name("dbt"), "build",
                "--select", *(f"+{mart}" for mart in MARTS),
                "--exclude-resource-type", "unit_test", "--indirect-selection", "buildable",
                "--project-dir", PROJECT_DIR / "adtech_dbt",
                "--profiles-dir", PROJECT_DIR / "adtech_dbt",
                "--target-path", folder, "--log-path", folder, *options,
            ],
            env=os.environ | {"ADTECH_DATA_DIR": str(self.settings.data_dir)},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout

    def marts(self):
        with Warehouse.of(self.settings).connect() as warehouse:
            return {
                mart: warehouse.execute(f"FROM marts.{mart} ORDER BY ALL").fetchall()
                for mart in MARTS
            }


def deliver(settings, rng, day, hours, label):
    """Files of some hours: most events in their hour, some around it, far from it, or undated."""
    for kind in KINDS:
        for hour in hours:
            start = datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)
            events = rng.randrange(12)
            times = []
            for _ in range(events):
                moment = start + timedelta(seconds=rng.randrange(3600))
                if rng.random() < 0.3:
                    moment += timedelta(hours=rng.choice((-72, -49, -25, -24, -1, 1, 24, 25, 49)))
                times.append(int(moment.timestamp() * 1000))
            for place in range(events):
                if rng.random() < 0.1:
                    times[place] = rng.choice((None, 0, 1667123456))  # unset, or in seconds
            write_log_file(
                settings.raw_data_dir / f"{kind}_{label}_{day:%Y%m%d}{hour:02}.parquet",
                kind,
                user_agents=rng.choices(list(REASONS), k=events),
                creation_times_ms=times,
                campaign_ids=[1] * events,
                is_fraud=rng.choices((True, False, None), k=events),
            )


def fill(source, rng, first, last):
    """Rows of the source around the logs' days, on the edges of hours and days, and undated."""
    start, hours = datetime(first.year, first.month, first.day), 24 * ((last - first).days + 1)  # noqa: DTZ001
    with source.connect() as connection:
        create_schema(connection)
        for table in KINDS:
            for _ in range(400):
                moment = start + timedelta(
                    hours=rng.randrange(-24, hours + 24),
                    microseconds=rng.choice((0, 1, 3_599_999_999, rng.randrange(3_600_000_000))),
                )
                connection.execute(
                    f"INSERT INTO {table} (campaign_id, created_at) VALUES (%s, %s)",
                    [rng.choice((1, 2, None)), rng.choice((moment, moment, moment, None))],
                )


# ---- the same once more ------------------------------------------------------------------------


def logged_events(folder, loaded):
    """Kind, hour, user agent and reason of each event in the files of the loaded days."""
    for path in folder.glob("*.parquet"):
        kind, _, stamp = path.stem.split("_")
        file_at = datetime.strptime(stamp, "%Y%m%d%H").replace(tzinfo=ZONE)
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
            yield kind, hour, agent, "fraud_flag" if fraud else REASONS[agent]


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


def recounted(settings, source, loaded):
    log = list(logged_events(settings.raw_data_dir, loaded))
    database = list(source_events(source, loaded))
    agents: dict[tuple[str, datetime], Counter[tuple[str, str]]] = defaultdict(Counter)
    quality: dict[date, Counter[tuple[str, str]]] = defaultdict(Counter)
    for kind, hour, agent, reason in log:
        agents[agent_id(agent), hour][kind, reason] += 1
        quality[hour.date()][kind, reason] += 1
    reasons = ("none", "fraud_flag", "crawler", "missing_user_agent", "non_browser")
    log_hours = Counter((hour, kind) for kind, hour, *_ in log)
    db_hours = Counter((hour, kind) for kind, hour in database)
    log_days = Counter((hour.date(), kind) for kind, hour, *_ in log)
    db_days = Counter((hour.date(), kind) for kind, hour in database)
    days = loaded | {day for day, _ in log_days | db_days}
    return {
        "fct_user_agent_hourly": [
            (
                agent,
                *(sum(counts[kind, reason] for reason in reasons) for kind in KINDS),
                *(counts[kind, "none"] for kind in KINDS),
                *(sum(counts[kind, reason] for kind in KINDS) for reason in reasons[1:]),
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
            for reason in reasons
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


@pytest.fixture
def pipeline(settings, source):
    """Loaded in three runs: three days, the one in the middle again with late files, one before."""
    rng = random.Random(20221030)  # noqa: S311
    before, after = SUNDAY - timedelta(2), SUNDAY + timedelta(1)
    fill(source, rng, before, after)
    for day in (before, SUNDAY - timedelta(1), SUNDAY, after):
        deliver(settings, rng, day, (0, 1, 2, 3, 12, 22, 23), "first")
    pipeline = Pipeline(settings, source)
    pipeline.run(SUNDAY - timedelta(1), after)
    deliver(settings, rng, SUNDAY, range(24), "late")
    pipeline.run(SUNDAY, SUNDAY)
    pipeline.run(before, before)
    return pipeline


def test_marts_equal_a_recount_and_a_full_refresh_changes_nothing(pipeline):
    marts = pipeline.marts()
    expected = recounted(pipeline.settings, pipeline.source, pipeline.loaded)
    for mart, rows in expected.items():
        assert marts[mart] == sorted(rows), mart
    assert {row[1]: row[6] or "none" for row in marts["dim_user_agents"]} == REASONS
    pipeline.dbt("--full-refresh")
    assert pipeline.marts() == marts


def test_no_logs_and_no_rows_at_all_are_days_of_nothing(settings, source):
    with source.connect() as connection:
        create_schema(connection)
    pipeline = Pipeline(settings, source)
    pipeline.run(SUNDAY, SUNDAY)
    nothing = ("ok", 0, 0, 0, None, SUNDAY)
    assert pipeline.marts() == {mart: [] for mart in MARTS} | {
        "fct_log_reconciliation_daily": [("clicks", *nothing), ("impressions", *nothing)]
    }
