"""Log files to measure with: few large ones, small ones of many columns, and a file an hour."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adtech_assets.partitions import DayRange
from adtech_assets.sample.log_files import PROTO_CLASS, write_log_file
from adtech_assets.sample.rhythm import random_numbers
from adtech_assets_tests.benchmarks.data import (
    CAMPAIGNS,
    CLICKS_PER_IMPRESSION,
    FIRST_DAY,
    made_once,
)
from adtech_assets_tests.sample_feed import SAMPLE

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from adtech_assets.sample.log_files import Kind

AGENTS = 2_000
AGENTS_OF_SMALL_FILES = 200
MOST_EVENTS_OF_A_SMALL_FILE = 8
HOUR_MS = 3_600_000
FEED_ZONE = ZoneInfo("Europe/Copenhagen")

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


@cache
def user_agents() -> list[str]:
    """Different ones, as long as browsers' are; the first is the one that the CSV counts."""
    return ["some user agent"] + [
        f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{n // 20}.0.{n}.0 Safari/537.36"
        for n in range(1, AGENTS)
    ]


def large_files(events: int, hours: int) -> Path:
    """(i): an impression and a click file an hour, a twentieth as many clicks."""

    def make(folder: Path) -> None:
        agents = pa.array(user_agents())
        for hour in range(hours):
            for kind, total in _kinds(events):
                first, end = total * hour // hours, total * (hour + 1) // hours
                starts = _hour(hour)
                parameters = [f"{hour} {kind}", AGENTS, CAMPAIGNS, end - first]
                drawn = duckdb.sql(_EVENTS, params=parameters)
                columns = drawn.to_arrow_table().combine_chunks()
                _write(
                    folder / _name(kind, starts, first, end - first, 0),
                    kind,
                    user_agents=agents.take(columns["agent"]).combine_chunks(),
                    creation_times_ms=pc.add(columns["ms"], _ms(starts)).combine_chunks(),
                    campaign_ids=columns["campaign"].combine_chunks(),
                    is_fraud=columns["is_fraud"].combine_chunks(),
                )

    return made_once(f"large-files-{events}-{hours}-{SAMPLE.digest}", make)


def small_files(count: int) -> Path:
    """(ii): files of 700 columns and few rows, in as many partitions of the feed as needed."""

    def make(folder: Path) -> None:
        rng = random_numbers(2)
        per_hour = -(-count // 144)
        made = 0
        for hour in range(72):
            for kind in PROTO_CLASS:
                for partition in range(min(per_hour, count - made)):
                    rows = rng.randint(1, MOST_EVENTS_OF_A_SMALL_FILE)
                    path = folder / _name(kind, _hour(hour), hour * 10, rows, partition)
                    _write_small(path, kind, _hour(hour), rows, rng)
                    _widen(path, kind)
                    made += 1

    return made_once(f"small-{count}-{SAMPLE.digest}", make)


def write_hourly(
    folder: Path, days: DayRange, *, kinds: Iterable[Kind] = tuple(PROTO_CLASS), partition: int = 0
) -> None:
    """(iii): a file of each kind an hour, of few rows and the sample's columns."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random_numbers(f"{days} {partition}")
    for kind in kinds:
        next_offset = 0
        for hour in range(24 * len(days)):
            starts = datetime.combine(days.first, datetime.min.time()) + timedelta(hours=hour)
            rows = rng.randint(1, MOST_EVENTS_OF_A_SMALL_FILE)
            path = folder / _name(kind, starts, next_offset, rows, partition)
            _write_small(path, kind, starts, rows, rng)
            next_offset += rows


def days_of(files: Path) -> DayRange:
    """The days that log files are of, by their names."""
    stamps = [re.findall(r"_(\d{4})(\d\d)(\d\d)\d\d", path.name)[0] for path in files.iterdir()]
    return DayRange.parse("-".join(min(stamps)), "-".join(max(stamps)))


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


def _write_small(path: Path, kind: Kind, starts: datetime, rows: int, rng: random.Random) -> None:
    """Some events of an hour; the n-th agent comes up 1/n as often as the first."""
    agents = user_agents()[:AGENTS_OF_SMALL_FILES]
    frequencies = [1 / place for place in range(1, len(agents) + 1)]
    _write(
        path,
        kind,
        user_agents=rng.choices(agents, frequencies, k=rows),
        creation_times_ms=[_ms(starts) + rng.randrange(HOUR_MS) for _ in range(rows)],
        campaign_ids=rng.choices(range(1, CAMPAIGNS + 1), k=rows),
        is_fraud=[rng.random() < 0.01 for _ in range(rows)],
    )


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
