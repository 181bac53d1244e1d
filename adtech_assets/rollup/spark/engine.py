"""Reads log files and counts their events with Spark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from adtech_assets.contract import KINDS
from adtech_assets.feed import raw_tables
from adtech_assets.rollup.facts import text
from adtech_assets.rollup.spark.session import connected
from adtech_assets.rollup.spark.values import quoted, spark_type, value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from pyspark.sql import DataFrame
    from pyspark.sql.connect.session import SparkSession

    from adtech_assets.contract import Feed, Kind
    from adtech_assets.feed.conformance import Layout
    from adtech_assets.rollup.facts import Facts

PATH = "adtech_log_file_path"
"""Of the file of a row, where the file's own columns cannot be meant."""

_GLOB = str.maketrans({character: f"\\{character}" for character in "\\*?[]{}"})


@dataclass(frozen=True)
class EventFile:
    """A counted log file, where Spark finds it, and what its name says."""

    file_id: int
    kind: Kind
    location: str
    """A path that Spark's workers share with us, or a URI."""
    layout: Layout
    day: date
    hour: int
    hour_starts_at: datetime
    hour_ends_at: datetime
    """Of the hour in the name (UTC)."""


@dataclass(frozen=True)
class Verified:
    """What Spark found in a file."""

    rows: int
    events_other_hour: int
    events_without_time: int
    text_bytes: int
    is_utf8: bool


class Spark:
    """One server."""

    def __init__(self, remote: str, feed: Feed) -> None:
        """Name it; nobody is asked yet."""
        self._remote = remote
        self._feed = feed

    def verify(self, kind: Kind, files: Sequence[EventFile]) -> dict[int, Verified]:
        """Read every column of files to their end: what is in each, by file id.

        Raises:
            UserError: some file cannot be read; which one, Spark does not always say.
            TransientError: the server went away.
        """
        if not files:
            return {}
        stored = self._feed.stored(kind)
        texts = [quoted(name) for name, type_ in stored.items() if type_ == "VARCHAR"]
        length = " + ".join(f"COALESCE(OCTET_LENGTH({name}), 0)" for name in texts) or "0"
        is_utf8 = " AND ".join(f"COALESCE(IS_VALID_UTF8({name}), TRUE)" for name in texts) or "TRUE"
        # The hash of all columns has no other use than that all are decoded.
        query = f"""
            SELECT
                file_id,
                COUNT(*) AS rows,
                COUNT_IF(event_at < hour_starts_at OR event_at >= hour_ends_at)
                    AS events_other_hour,
                COUNT_IF(event_at IS NULL) AS events_without_time,
                SUM({length}) AS text_bytes,
                BOOL_AND({is_utf8}) AS is_utf8,
                BIT_XOR(XXHASH64({", ".join(map(quoted, stored))})) AS hash
            FROM events
            GROUP BY file_id
        """
        with connected(self._remote) as spark:
            self._events(spark, kind, files).createOrReplaceTempView("events")
            found = spark.sql(query).toArrow().to_pylist()
        return {row["file_id"]: _verified(row) for row in found}

    def supply(self, files: Iterable[EventFile], invalid_agents: pa.Table) -> None:
        """Make the relations that facts are counted of.

        Args:
            files: of both kinds.
            invalid_agents: user_agent and is_invalid.

        Raises:
            UserError: Spark cannot read them.
            TransientError: the server went away.
        """
        by_kind: dict[Kind, list[EventFile]] = {kind: [] for kind in KINDS}
        for file in files:
            by_kind[file.kind].append(file)
        with connected(self._remote) as spark:
            for kind in KINDS:
                self._logged(spark, kind, by_kind[kind]).createOrReplaceTempView(f"logged_{kind}")
                spark.sql(text(kind)).createOrReplaceTempView(kind)
            agents = spark.createDataFrame(invalid_agents, "user_agent STRING, is_invalid BOOLEAN")
            agents.createOrReplaceTempView("invalid_agents")

    def answer(self, counted: Facts) -> pa.Table:
        """Facts of what was supplied, as the table of the warehouse has them.

        Raises:
            UserError: Spark cannot count them.
            TransientError: the server went away.
        """
        with connected(self._remote) as spark:
            return spark.sql(counted.query).toArrow()

    def _logged(self, spark: SparkSession, kind: Kind, files: Sequence[EventFile]) -> DataFrame:
        events = self._events(spark, kind, files)
        if kind == "clicks":
            latency = "UNIX_MILLIS(event_at) - UNIX_MILLIS(shown_at) AS latency_ms"
            return events.selectExpr("*", latency)
        return events

    def _events(self, spark: SparkSession, kind: Kind, files: Sequence[EventFile]) -> DataFrame:
        """The raw table of files: their columns as the feed names them, and their own."""
        if not files:
            columns = raw_tables.columns(self._feed, kind) | {
                "hour_starts_at": "TIMESTAMP", "hour_ends_at": "TIMESTAMP",
            }  # fmt: skip
            nothing = ", ".join(
                f"CAST(NULL AS {spark_type(type_.removesuffix(' NOT NULL'))}) AS {quoted(name)}"
                for name, type_ in columns.items()
            )
            return spark.sql(f"SELECT {nothing} WHERE FALSE")
        by_layout: dict[Layout, list[EventFile]] = {}
        for file in files:
            by_layout.setdefault(file.layout, []).append(file)
        [first, *others] = [self._of_layout(spark, kind, alike) for alike in by_layout.values()]
        for frame in others:
            first = first.unionByName(frame)
        return first

    def _of_layout(self, spark: SparkSession, kind: Kind, files: Sequence[EventFile]) -> DataFrame:
        read = spark.read.parquet(*(file.location.translate(_GLOB) for file in files))
        stored = self._feed.stored(kind)
        by_name = {column.stored_as: column for column in self._feed.columns_of(kind).values()}
        schema = read.schema
        columns = [
            f"{value(by_name[name], schema)} AS {quoted(name)}"
            if name in by_name
            else f"CAST(NULL AS {spark_type(type_)}) AS {quoted(name)}"
            for name, type_ in stored.items()
        ]
        from pyspark.sql.connect import functions as f  # noqa: PLC0415 - an extra

        # It has one slash where the list of files has three.
        path = read.metadataColumn("_metadata").getField("file_path")
        path = f.regexp_replace(path, "^file:/+", "file:///").alias(PATH)
        events = read.select(path, *map(f.expr, columns))
        told = {_plain(file.location): file for file in files}
        by_uri = {uri: told[_plain(uri)] for uri in read.inputFiles()}
        named = spark.createDataFrame(
            pa.table(
                {
                    PATH: list(by_uri),
                    "file_id": [file.file_id for file in by_uri.values()],
                    "file_date": [file.day for file in by_uri.values()],
                    "file_hour": pa.array([file.hour for file in by_uri.values()], pa.int8()),
                    "hour_starts_at": [file.hour_starts_at for file in by_uri.values()],
                    "hour_ends_at": [file.hour_ends_at for file in by_uri.values()],
                }
            )
        )
        return events.join(f.broadcast(named), PATH).drop(PATH)


def _plain(location: str) -> str:
    """A path or URI as text that is the same for both."""
    if "://" not in location and not location.startswith("file:"):
        return location
    parts = urlsplit(location)
    # `?` and `#` are part of a name, and `%` stands for itself only where it is encoded.
    path = unquote(location.partition(":")[2].removeprefix("//"))
    return path if parts.scheme == "file" else f"{parts.scheme}://{path}"


def _verified(row: dict[str, object]) -> Verified:
    return Verified(**{name: row[name] for name in Verified.__dataclass_fields__})  # type: ignore[arg-type]
