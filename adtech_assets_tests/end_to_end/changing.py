"""A feed and a source that change between runs, and what must be published of them.

The first delivery has four days up to today: the bid of a campaign holds from the extraction that
finds it, so only clicks of today can tell the one before from the one after.
"""

from __future__ import annotations

import csv
import random
import shutil
from collections import Counter
from copy import deepcopy
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple

import psycopg
import pyarrow.parquet as pq

from adtech_assets.contract import KINDS
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.feed import quarantine
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange
from adtech_assets.sample.log_files import write_log_file
from adtech_assets.settings import load_settings
from adtech_assets.stores import identity, ownership
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.end_to_end import (
    recomputed_marts,
    recounted_billing,
    recounted_deliveries,
    recounted_log_marts,
    recounted_movers,
)
from adtech_assets_tests.end_to_end.recomputed_marts import Campaign, Event, History
from adtech_assets_tests.end_to_end.recounted_log_marts import REASONS

DAY = timedelta(days=1)
MARTS = (
    *recomputed_marts.MARTS,
    *recounted_log_marts.MARTS,
    "fct_campaign_traffic_daily",
    *recounted_deliveries.MARTS,
    *recounted_movers.MARTS,
    *recounted_billing.MARTS,
)
WIDE = "mart_campaign_daily"
PARTS_OF_WIDE = {
    "fct_campaign_daily": ("impressions", "clicks", "ctr", "estimated_spend"),
    "fct_campaign_pacing_daily": (
        *("pacing_status", "budget", "cumulative_estimated_spend", "on_schedule_indicator"),
    ),
    "fct_campaign_cost_daily": (
        *("currency", "total_cost", "total_cost_eur", "fee_share", "true_ecpm"),
    ),
    "fct_campaign_reach_daily": ("daily_reach", "reach_to_date", "frequency_to_date"),
    "fct_campaign_click_quality_daily": ("fast_click_share",),
    "fct_campaign_traffic_daily": (
        *("gross_impressions", "valid_impressions", "gross_clicks", "valid_clicks"),
        *("ivt_rate", "net_spend"),
    ),
}
ROUNDS = 8
"""Changes that have a refused file to put in the place of a counted one."""

DEARER, RENAMED, DELETED, ENTERED_LATE, NOWHERE = 1, 2, 3, 50, 99
LOGGED_CAMPAIGNS = (DEARER, RENAMED, DELETED, ENTERED_LATE, NOWHERE, None)

FIRST_ROWS = f"""
INSERT INTO advertiser (id, name, created_at) VALUES
    (1, 'Acme', '2022-05-01 12:00'), (2, 'Bolt', NULL);
INSERT INTO campaign (id, name, bid, budget, start_date, end_date, advertiser_id) VALUES
    ({DEARER}, 'Dearer', 0.50, 100, %(today)s - 2, %(today)s + 2, 1),
    ({RENAMED}, 'First name', 1.25, 0, %(today)s - 9, %(today)s - 1, 2),
    ({DELETED}, 'Deleted', 0.33, 10, NULL, NULL, 404);
"""
CHANGES = f"""
UPDATE campaign SET bid = bid + 0.10 WHERE id = {DEARER};
UPDATE campaign SET name = %(name)s, budget = budget + 1 WHERE id = {RENAMED};
UPDATE advertiser SET name = %(name)s WHERE id = 2;
DELETE FROM campaign WHERE id = {DELETED};
INSERT INTO campaign (id, name, bid, budget, start_date, end_date, advertiser_id)
VALUES ({ENTERED_LATE}, 'Entered late', 0.70, 50, %(today)s - 3, %(today)s, 2)
ON CONFLICT DO NOTHING;
DELETE FROM impressions WHERE id %% 7 = %(round)s %% 7;
UPDATE impressions SET campaign_id = {RENAMED} WHERE id %% 5 = %(round)s %% 5;
UPDATE clicks SET created_at = created_at - INTERVAL '1 day'
WHERE id %% 7 = %(round)s %% 7 AND created_at >= %(today)s - 1;
"""


class Advertiser(NamedTuple):
    """A row of the source."""

    id: int
    name: str
    created_at: datetime | None


class Changing:
    """A feed and a source, what has come of them so far, and what is published."""

    def __init__(self, settings):
        self.settings = settings
        now = datetime.now(UTC).replace(tzinfo=None)
        self.today = now.date()
        self.hour_ends = now.replace(minute=59, second=59)
        """The source is extracted no later: what an hour that ends changes would else be done by a
        test that expects nothing to be."""
        self.days = DayRange(self.today - 3 * DAY, self.today)
        self.counted = settings.data_dir.parent / "counted"
        """A folder with every file that counts, as it counts."""
        self.campaigns, self.advertisers = History(), History()
        self.round = 0

    @property
    def source(self):
        return Postgres.of(self.settings, "source")

    @property
    def target(self):
        return Postgres.of(self.settings, "target")

    def copied(self, settings) -> Changing:
        """The same on other stores, which hold the same."""
        shutil.copytree(self.settings.data_dir.parent, settings.data_dir.parent, dirs_exist_ok=True)
        other = Changing(settings)
        with Warehouse.of(settings).connect() as warehouse:
            ownership.take_over(other.target, identity.of(warehouse))
        other.today, other.hour_ends = self.today, self.hour_ends
        other.days, other.round = self.days, self.round
        other.campaigns, other.advertisers = deepcopy((self.campaigns, self.advertisers))
        return other

    def set_timezone(self, name):
        """Let the names of the files be in another zone."""
        self.settings = load_settings(**(self.settings.model_dump() | {"timezone": name}))

    def write(self, statements, **values):
        with self.source.connect() as connection:
            values = {"today": self.today, "round": self.round, "name": "", **values}
            psycopg.ClientCursor(connection).execute(statements, values)

    # ---- what happens --------------------------------------------------------------------------

    def begin(self):
        """Deliver the first files and rows."""
        for folder in (self.counted, self.settings.raw_data_dir):
            folder.mkdir(parents=True, exist_ok=True)
        with self.source.connect() as connection:
            create_schema(connection)
        self.write(FIRST_ROWS)
        self.add_events(random.Random(0), 12)  # noqa: S311
        for day in self.days:
            self.deliver(day, 9, "first", 8)
        for number in range(ROUNDS):
            self.deliver(self.replaced_day, 10, f"wrong{number}", 4)

    @property
    def replaced_day(self):
        """The day of the files that are delivered twice."""
        return self.days.first + DAY

    def deliver_corrections(self):
        """Deliver other bytes under names that are counted: they go to quarantine."""
        for number in range(ROUNDS):
            self.deliver(self.replaced_day, 10, f"wrong{number}", 5, counts=False)

    def change(self):
        """Change rows and files of every day, each time others."""
        self.round += 1
        rng = random.Random(self.round)  # noqa: S311 - no secret
        self.write(CHANGES, name=f"Name {self.round}")
        self.add_events(rng, 4)
        now = datetime.now(UTC).replace(tzinfo=None)
        for at in (now, now + timedelta(hours=6)):
            self.write("INSERT INTO clicks (campaign_id, created_at) VALUES (1, %(at)s)", at=at)
        for day in (self.days.first, self.days.last - DAY, self.days.last):
            self.deliver(day, 11 + self.round, f"new{self.round}", 4)
        self.replace(self.round - 1)

    def replace(self, number):
        """Put refused files in the place of the counted ones."""
        for kind in KINDS:
            name = self._name(kind, self.replaced_day, 10, f"wrong{number}")
            quarantine.replace(self.settings, name)
            self._count(name)

    def add_events(self, rng, number):
        """Impressions and clicks on each day, of known, unknown and no campaigns, some undated."""
        for day in self.days:
            for table in KINDS:
                for _ in range(number):
                    at = datetime.combine(day, time()) + rng.randrange(24 * 3600) * timedelta(
                        seconds=1
                    )
                    campaign = rng.choice((DEARER, RENAMED, DELETED, ENTERED_LATE, NOWHERE, None))
                    self.write(
                        f"INSERT INTO {table} (campaign_id, created_at) "
                        "VALUES (%(campaign)s, %(at)s)",
                        campaign=campaign,
                        at=rng.choice((at, at, at, at, at, at, at, None)),
                    )

    def deliver(self, day, hour, label, events, *, counts=True):
        """Put files of an hour into the landing folder; some events are of the hours around it."""
        rng = random.Random(f"{day} {hour} {label} {events}")  # noqa: S311
        for kind in KINDS:
            name = self._name(kind, day, hour, label)
            start = datetime(day.year, day.month, day.day, hour, tzinfo=self.settings.zone)
            times = [
                start
                + timedelta(
                    hours=rng.choice((-24, -1, 0, 0, 0, 1, 24)),
                    milliseconds=rng.randrange(3_600_000),
                )
                for _ in range(events)
            ]
            write_log_file(
                self.settings.raw_data_dir / name,
                kind,
                user_agents=["some user agent", *rng.choices(list(REASONS), k=events - 1)],
                creation_times_ms=[int(at.timestamp() * 1000) for at in times],
                campaign_ids=rng.choices(LOGGED_CAMPAIGNS, k=events),
                is_fraud=rng.choices((True, False, None), k=events),
            )
            if counts:
                self._count(name)

    @staticmethod
    def _name(kind, day, hour, label):
        return f"{kind}_{label}_{day:%Y%m%d}{hour:02}.parquet"

    def _count(self, name):
        (self.counted / name).write_bytes((self.settings.raw_data_dir / name).read_bytes())

    def extracted(self):
        """Note what the source holds, as the last extraction has found it."""
        with Warehouse.of(self.settings).connect() as warehouse:
            [(at,)] = warehouse.execute("SELECT max(extracted_at) FROM raw.campaigns").fetchall()
        self.campaigns.extracted(at, self._rows(Campaign, "campaign"))
        self.advertisers.extracted(at, self._rows(Advertiser, "advertiser"))

    def _rows(self, type_, table):
        columns = ", ".join(getattr(type_, "__dataclass_fields__", type_.__annotations__))
        with self.source.connect() as connection:
            return [type_(*row) for row in connection.execute(f"SELECT {columns} FROM {table}")]

    # ---- what must come of it ------------------------------------------------------------------

    def published(self, mart):
        """Rows of a mart as BI tools read them."""
        with self.target.connect(read_only=True) as connection:
            cursor = connection.execute(f"SELECT * FROM marts.{mart}")
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def assert_published(self, *marts):
        """Marts (by default all) are published as a plain recomputation has them."""
        operational = self._recomputed()
        logs = recounted_log_marts.recounted(
            self.counted, self.source, set(self.days), self.settings.zone
        )
        logged = list(
            recounted_log_marts.logged_events(self.counted, set(self.days), self.settings.zone)
        )
        logs["fct_campaign_traffic_daily"] = list(
            recounted_log_marts.campaign_traffic(logged, operational)
        )
        deliveries = recounted_deliveries.Deliveries(logged, operational)
        for mart in recounted_deliveries.MARTS:
            logs[mart] = list(getattr(deliveries, mart)())
        logged_days = {row[-1] for row in logs["fct_traffic_quality_daily"]}
        dates = list(operational.dim_dates(logged_days))
        logs["fct_campaign_billing_monthly"] = list(
            recounted_billing.fct_campaign_billing_monthly(logged, operational, dates)
        )
        logs["fct_campaign_billing_differences"] = []  # no month is closed
        logs["fct_weekly_movers"] = list(
            recounted_movers.fct_weekly_movers(
                logged,
                operational.campaigns.versions,
                [row["date_day"] for row in dates if row["is_full_in_logs"]],
            )
        )
        for mart in marts or MARTS:
            found = self.published(mart)
            if mart == "dim_dates":
                recomputed_marts.assert_same_rows(mart, found, dates)
                continue
            if mart in recomputed_marts.MARTS:
                recomputed_marts.assert_same_rows(mart, found, getattr(operational, mart)())
            elif mart in logs:
                assert Counter(tuple(row.values()) for row in found) == Counter(logs[mart]), mart
            else:
                assert {row["user_agent"] for row in found} == self._agents(), mart

        if not marts:
            self._assert_wide()

    def _assert_wide(self):
        """The wide mart has, of each campaign and day, what the marts say that it is made of."""
        wide = {(r["campaign_id"], r["event_date"]): r for r in self.published(WIDE)}
        for mart, columns in PARTS_OF_WIDE.items():
            rows = {(r["campaign_id"], r["event_date"]): r for r in self.published(mart)}
            assert rows.keys() <= wide.keys(), mart
            for key, row in wide.items():
                part = rows.get(key, {})
                assert [row[name] for name in columns] == [part.get(name) for name in columns], mart
        assert wide.keys() == rows.keys()  # of the last of them

    def assert_loaded(self, user_agent="some user agent"):
        """`csv_data_task` and the CSV files have the hours that a plain count of the files has."""
        counts = Counter()
        for path in self.counted.iterdir():
            kind, _, stamp = path.stem.split("_")
            at = datetime.strptime(stamp, "%Y%m%d%H")  # noqa: DTZ007 - local, as the table has it
            for row in pq.read_table(path).to_pylist():
                if user_agent in ("*", row["device_settings"]["user_agent"]):
                    counts[at, kind] += 1
        expected = sorted(
            (at, *(counts[at, kind] for kind in ("impressions", "clicks")))
            for at in {at for at, _ in counts}
        )
        with self.target.connect(read_only=True) as connection:
            loaded = connection.execute(
                "SELECT datetime, impression_count, click_count FROM csv_data_task ORDER BY 1"
            ).fetchall()
        written = []
        for path in sorted(self.settings.output_dir.glob("*.csv")):
            with path.open() as file:
                written += [
                    (
                        datetime.fromisoformat(row["date"]) + timedelta(hours=int(row["hour"])),
                        int(row["impression_count"]),
                        int(row["click_count"]),
                    )
                    for row in csv.DictReader(file)
                ]
        assert loaded == expected
        assert written == expected

    def _recomputed(self):
        def events(table):
            found = self._rows(Event, f"(SELECT campaign_id, created_at AS at FROM {table}) AS e")
            return [event for event in found if event.at is None or event.day in set(self.days)]

        with Warehouse.of(self.settings).connect() as warehouse:
            extracted = warehouse.execute(
                "SELECT event_date, extracted_at FROM raw.extracted_days ORDER BY ALL"
            ).fetchall()
        newest = max(path.stem[-10:] for path in self.counted.iterdir())
        hour = datetime.strptime(newest, "%Y%m%d%H").replace(tzinfo=self.settings.zone)
        return recomputed_marts.Marts(
            self.campaigns,
            self.advertisers,
            events("impressions"),
            events("clicks"),
            dict(extracted),
            hour.astimezone(UTC).replace(tzinfo=None),
            self.settings.zone,
        )

    def _agents(self):
        return {
            row["device_settings"]["user_agent"]
            for path in self.counted.iterdir()
            for row in pq.read_table(path, columns=["device_settings"]).to_pylist()
        }


def copied_project(copy):
    """A copy of the project's code, whose models can be changed."""
    for part in ("adtech_assets", "adtech_assets_tests", "adtech_dbt"):
        shutil.copytree(PROJECT_DIR / part, copy / part)
    for file in ("dagster.yaml", "pyproject.toml"):
        shutil.copy(PROJECT_DIR / file, copy)
    return copy
