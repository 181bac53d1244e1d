"""Deliveries for the tests, and what the warehouse says of them."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq

from adtech_assets.feed.ingest import Ingest
from adtech_assets.feed.ledger import Ledger
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.partitions import DayRange
from adtech_assets.rollup import counting, facts
from adtech_assets.sample.log_files import write_log_file
from adtech_assets.stores.warehouse import transaction
from adtech_assets_tests.sample_feed import SAMPLE

DAY = date(2022, 5, 26)
NEXT_DAY = date(2022, 5, 27)
FIRST = "impressions_2022052611.parquet"
SECOND = "impressions_2022052612.parquet"
EVENT_MS = 1653557530942
"""2022-05-26 09:32:10.942 UTC, 11:32 in Copenhagen."""


def days(first=DAY, last=None):
    return DayRange(first, last or first)


def write(path, *user_agents, times=None):
    """Write a file of one event for each user agent; its name says which kind."""
    rows = len(user_agents)
    unfinished = path.with_name(".unfinished")
    write_log_file(
        unfinished,
        "clicks" if path.name.startswith("clicks") else "impressions",
        user_agents=user_agents,
        creation_times_ms=[EVENT_MS] * rows if times is None else times,
        campaign_ids=[731193] * rows,
        is_fraud=[False] * rows,
    )
    return unfinished.replace(path)


def deliver(settings, name, *user_agents, times=None):
    return write(settings.raw_data_dir / name, *(user_agents or ("agent",)), times=times)


def random_bytes(path):
    path.write_bytes(os.urandom(2000))


def rewrite(path, *, columns=None, without=(), note="keep", hints=False):
    """Give a file other columns; `note` is the writer's message type, None for a file without.

    With hints, the file says what types its columns had in Arrow.
    """
    table = pq.read_table(path)
    metadata = dict(pq.read_metadata(path).metadata or {})
    table = table.drop_columns(list(without))
    for name, values in (columns or {}).items():
        if name in table.column_names:
            table = table.set_column(table.column_names.index(name), name, values)
        else:
            table = table.append_column(name, values)
    if note != "keep":
        metadata.pop(b"parquet.proto.class", None)
    if note not in ("keep", None):
        metadata[b"parquet.proto.class"] = note.encode()
    with pq.ParquetWriter(path, table.schema, store_schema=hints) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(metadata)
    return path


def group(values, *, name="user_agent"):
    """A column of one nested field."""
    return pa.StructArray.from_arrays([values], names=[name])


def ingest(warehouse, settings, kind="impressions", of=None):
    return Ingest(warehouse, settings, kind, of or days(), "run").run()


def build_rollup(warehouse, of=None):
    """Rebuild the roll-up, and return all of it: counts by day, hour and user agent."""
    warehouse.execute(facts.ROLLUP.schema)
    Ledger.create(warehouse, SAMPLE)
    with transaction(warehouse):
        counting.rebuild(warehouse, facts.ROLLUP, of or days())
    return rolled_up(warehouse)


def rolled_up(warehouse):
    rows = warehouse.execute("FROM rollup.hourly_user_agent_rollup").fetchall()
    return {(day, hour, agent): counts for day, hour, agent, *counts in rows}


def agents(warehouse, kind="impressions"):
    """How often each user agent is in the raw table."""
    rows = warehouse.execute(f"SELECT user_agent FROM {RAW_TABLES[kind]}").fetchall()
    return Counter(agent for (agent,) in rows)


def ledger(warehouse, *columns):
    """The ledger in the order of its ids: tuples of the columns."""
    return warehouse.execute(
        f"SELECT {', '.join(columns)} FROM raw.log_files ORDER BY file_id"
    ).fetchall()


def statuses(warehouse):
    """Status of each file by name; of several files of one name, the latest seen."""
    return dict(ledger(warehouse, "file_name", "status"))


def fingerprints(warehouse, of=None):
    """What a committed load of these days would have in its audit."""
    files = Ledger(warehouse).day_files(of or days())
    return {day: counted.fingerprint for day, counted in files.items()}


def reasons(ingested):
    return {name: rejection.reason for name, rejection in ingested.quarantined}


def names_in(folder):
    """All files below a folder, relative to it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
