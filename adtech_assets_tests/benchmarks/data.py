"""The benchmark's data: made once below `data/benchmark`, looked at by every later run.

Each folder is finished when its mark is there, and is named after what decides its content.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange
from adtech_assets.sample.log_files import PROTO_CLASS, generate_log_files, write_log_file
from adtech_assets.sample.rhythm import random_numbers
from adtech_assets.settings import PROJECT_DIR, Settings, load_settings
from adtech_assets.stores import embedded_postgres
from adtech_assets.stores.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from adtech_assets.sample.log_files import Kind

ROOT = PROJECT_DIR / "data" / "benchmark"
MADE = ROOT / "made"
WORK = ROOT / "work"

FIRST_DAY = date(2023, 5, 1)
SOURCE_DAYS = DayRange(FIRST_DAY, FIRST_DAY + timedelta(2))
LAST_DAY = date(2025, 12, 31)
"""Of the long range and of all before it; past on any machine's clock."""

AGENTS = 2_000
CAMPAIGNS = 300
HOUR_MS = 3_600_000
FEED_ZONE = ZoneInfo("Europe/Copenhagen")
CLICKS_PER_IMPRESSION = 0.05

# The same numbers on every machine, whatever the number of threads: hashes of the row's number. Few
# agents are frequent: the n-th comes up 1/n as often as the first.
_EVENTS = """
WITH drawn AS (
    SELECT
        n,
        hash(n, $1, 1) / 18446744073709551616.0 AS of_agent,
        hash(n, $1, 2) / 18446744073709551616.0 AS of_campaign,
        hash(n, $1, 3) / 18446744073709551616.0 AS of_fraud
    FROM range($4) AS rows (n)
)
SELECT
    least(floor(pow($2, of_agent))::BIGINT - 1, $2 - 1) AS agent,
    1 + floor(of_campaign * $3)::INTEGER AS campaign,
    of_fraud < 0.01 AS is_fraud,
    n * 3600000 // $4 AS ms
FROM drawn
ORDER BY n
"""

PADDING_GROUPS = 42
PADDING_FIELDS = 15
"""Columns that nobody reads; with the sample's own, 700 and a footer of 84 KB, as the feed's."""


def user_agents() -> list[str]:
    """Different ones, as long as browsers' are; the first is the one that the CSV counts."""
    return ["some user agent"] + [
        f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{n // 20}.0.{n}.0 Safari/537.36"
        for n in range(1, AGENTS)
    ]


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first run makes."""
    folder = MADE / name
    mark = MADE / f"{name}.made"
    if not mark.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        mark.touch()
    return folder


def fresh(name: str) -> Path:
    """An empty folder to work in."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


# ---- log files -----------------------------------------------------------------------------------


def large_files(events: int, hours: int) -> Path:
    """(i): an impression and a click file an hour, a twentieth as many clicks."""

    def make(folder: Path) -> None:
        agents = pa.array(user_agents())
        for hour in range(hours):
            for kind, total in _kinds(events):
                rows = total // hours
                starts = _hour(hour)
                drawn = duckdb.sql(_EVENTS, params=[f"{hour} {kind}", AGENTS, CAMPAIGNS, rows])
                columns = drawn.to_arrow_table().combine_chunks()
                _write(
                    folder / _name(kind, starts, hour * rows, rows, 0),
                    kind,
                    user_agents=agents.take(columns["agent"]).combine_chunks(),
                    creation_times_ms=pc.add(columns["ms"], _ms(starts)).combine_chunks(),
                    campaign_ids=columns["campaign"].combine_chunks(),
                    is_fraud=columns["is_fraud"].combine_chunks(),
                )

    return made_once(f"large-{events}-{hours}", make)


def small_files(count: int) -> Path:
    """(ii): files of 700 columns and 1 to 8 rows, in as many partitions of the feed as needed."""

    def make(folder: Path) -> None:
        rng = random_numbers(2)
        agents = user_agents()[:200]
        per_hour = -(-count // 144)
        made = 0
        for hour in range(72):
            for kind in PROTO_CLASS:
                for partition in range(min(per_hour, count - made)):
                    rows = rng.randint(1, 8)
                    starts = _hour(hour)
                    path = folder / _name(kind, starts, hour * 10, rows, partition)
                    _write(
                        path,
                        kind,
                        user_agents=rng.choices(agents, k=rows),
                        creation_times_ms=[
                            _ms(starts) + rng.randrange(HOUR_MS) for _ in range(rows)
                        ],
                        campaign_ids=rng.choices(range(1, CAMPAIGNS + 1), k=rows),
                        is_fraud=[rng.random() < 0.01 for _ in range(rows)],
                    )
                    _widen(path, kind)
                    made += 1

    return made_once(f"small-{count}", make)


def _kinds(events: int) -> Iterator[tuple[Kind, int]]:
    yield "impressions", events
    yield "clicks", round(events * CLICKS_PER_IMPRESSION)


def _hour(number: int) -> datetime:
    """Start of an hour of the data, local time of the feed."""
    return datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(hours=number)


def _ms(local: datetime) -> int:
    """UTC milliseconds of a local time of the feed."""
    return int(local.replace(tzinfo=FEED_ZONE).timestamp() * 1000)


def _name(kind: Kind, starts: datetime, first: int, rows: int, partition: int) -> str:
    stamp = f"{starts:%Y%m%d%H}5959999"
    return f"{kind}_processed_dk_{stamp}_{first}-{first + rows - 1}_{partition}.parquet"


def _write(path: Path, kind: Kind, **columns: Any) -> None:
    """The generator's writer, which takes Arrow's arrays as well as lists."""
    write_log_file(path, kind, **columns)


def _widen(path: Path, kind: Kind) -> None:
    """Give a file the columns of the feed that nobody reads."""
    table = pq.read_table(path)
    numbers = pa.repeat(pa.scalar(0, pa.int32()), table.num_rows)
    words = pa.repeat(pa.scalar("none"), table.num_rows)
    names = [f"field_{field:02}" for field in range(PADDING_FIELDS)]
    values = [words if field % 4 == 0 else numbers for field in range(PADDING_FIELDS)]
    for group in range(PADDING_GROUPS):
        padding = pa.StructArray.from_arrays(values, names=names)
        table = table.append_column(f"padding_{group:02}", padding)
    partial = path.with_name(".partial")
    with pq.ParquetWriter(
        partial, table.schema, use_dictionary=False, store_schema=False
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"parquet.proto.class": PROTO_CLASS[kind]})
    partial.replace(path)


def linked(files: Path, folder: Path, count: int | None = None) -> Path:
    """A landing folder with the same files (the first ones by hour), which may be moved away."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [path.name for path in files.iterdir()]
    names.sort(key=lambda name: name.split("_2", 1)[1])
    for name in names[:count]:
        os.link(files / name, folder / name)
    return folder


# ---- the operational source ----------------------------------------------------------------------


def bench_settings(folder: Path, **overrides: Any) -> Settings:
    """Settings of a deployment below a folder; nothing is taken from the person's environment."""
    return load_settings(
        **{
            "raw_data_dir": folder / "raw_data",
            "output_dir": folder / "output",
            "data_dir": folder / "data",
            "settle_seconds": 0,
            "start_date": FIRST_DAY,
            **overrides,
        }
    )


def source_database(events: int) -> str:
    """(iii): URL of a source with impressions of three days, on a server kept for the benchmark."""
    folder = MADE / "postgres"
    url = embedded_postgres.database_url(folder, "operational")
    name = f"source_{events}"
    with psycopg.connect(url, autocommit=True) as connection:
        if not _database_exists(connection, name):
            with suppress(psycopg.errors.InvalidCatalogName):
                connection.execute(f'DROP DATABASE "{name}_unfinished" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{name}_unfinished"')
            _fill_source(_url(url, f"{name}_unfinished"), SOURCE_DAYS, events)
            connection.execute(f'ALTER DATABASE "{name}_unfinished" RENAME TO "{name}"')
    return _url(url, name)


def scratch_database(name: str) -> str:
    """URL of an empty database on the same server."""
    url = embedded_postgres.database_url(MADE / "postgres", "analytics")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}"')
    return _url(url, name)


def _url(url: str, database: str) -> str:
    return url.replace("/operational?", f"/{database}?").replace("/analytics?", f"/{database}?")


def _database_exists(connection: psycopg.Connection, name: str) -> bool:
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
    return found.fetchone() is not None


def _fill_source(url: str, days: DayRange, events: int) -> None:
    """Twenty advertisers, 300 campaigns, and events spread evenly over the days."""
    with psycopg.connect(url) as connection:
        create_schema(connection)
        connection.execute(
            "INSERT INTO advertiser (name) SELECT 'Advertiser ' || n FROM generate_series(1, 20) n"
        )
        connection.execute(
            "INSERT INTO campaign (name, bid, budget, start_date, end_date, advertiser_id) "
            "SELECT 'Campaign ' || n, 0.5 + n % 9 * 0.5, 100 + n, %s, %s, 1 + n %% 20 "
            "FROM generate_series(1, %s) n".replace("n % 9", "n %% 9"),
            [days.first, days.last, CAMPAIGNS],
        )
        for table, count in (
            ("impressions", events),
            ("clicks", round(events * CLICKS_PER_IMPRESSION)),
        ):
            connection.execute(
                f"INSERT INTO {table} (campaign_id, created_at) "
                "SELECT 1 + n %% %s, %s::timestamp + n * (interval '1 day' * %s / %s) "
                "FROM generate_series(0, %s - 1) n",
                [CAMPAIGNS, days.first, len(days), count, count],
            )
        connection.commit()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


# ---- a deployment with many small days -----------------------------------------------------------


def small_days(count: int) -> Path:
    """(iv): a deployment of that many days, delivered and entered, with nothing loaded yet.

    A day has 10 impressions and 2 clicks in about as many files, and 40 rows in the source.
    """

    def make(folder: Path) -> None:
        days = DayRange(LAST_DAY - timedelta(count - 1), LAST_DAY)
        generate_log_files(folder / "raw_data", list(days), events_per_day=10, ctr=0.2)
        settings = bench_settings(folder, start_date=days.first)
        _fill_source(Postgres.of(settings, "source").url(), days, 40 * count)
        with embedded_postgres_stopped(settings):
            """What is copied must not be in use."""

    return made_once(f"days-{count}", make)


def embedded_postgres_stopped(settings: Settings) -> Any:
    """Give the server up that this process uses, and wait until it has stopped."""
    postgres = settings.data_dir / "postgres"
    handle = embedded_postgres._users_locks.pop(postgres, None)
    if handle is not None:
        handle.close()
    return embedded_postgres.unused(postgres, wait_seconds=60)
