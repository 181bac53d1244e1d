"""Row 18: the same events to facts with Spark, on the cores that DuckDB has in our process."""

from __future__ import annotations

import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from adtech_assets.contract import KINDS
from adtech_assets.feed.ingest import Ingest
from adtech_assets.rollup import counting, facts, user_agents
from adtech_assets.rollup.spark import counting as spark_counting
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.benchmarks import data, log_data
from adtech_assets_tests.benchmarks.measuring import interleaved, work
from adtech_assets_tests.benchmarks.results import Figure, ratio
from adtech_assets_tests.spark.server import PYTHON, SparkServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets.versions import Day
    from adtech_assets_tests.benchmarks.measuring import Clock
    from adtech_assets_tests.benchmarks.sizes import Size


def figures(size: Size) -> Iterator[Figure]:
    """Time of both, and the memory of our process while Spark counts."""
    what = f"{size.large_events:,} impressions and their clicks to facts with Spark"
    baseline = "the same with DuckDB, raw tables included"
    if size.name == "small" or not PYTHON.exists():
        note = "not measured: make test-spark runs it, and installs a server"
        yield Figure(18, what, baseline, "×", None, None, note=note)
        return
    server = SparkServer(Path(tempfile.mkdtemp()))
    try:
        files = log_data.large_files(size.large_events, size.large_hours)
        taken = interleaved(
            1,
            duckdb=lambda: work(to_facts, files=files, folder=data.fresh("facts")),
            spark=lambda: work(
                to_facts, files=files, folder=data.fresh("spark"), remote=server.remote
            ),
        )
        if taken["spark"].answer != taken["duckdb"].answer:
            raise AssertionError("the engines count differently")
        a_second = {name: size.large_events / each.seconds for name, each in taken.items()}
        note = f"{a_second['spark']:,.0f} impressions a second, DuckDB {a_second['duckdb']:,.0f}"
        yield ratio(18, what, baseline, taken["spark"], taken["duckdb"], limit=None, note=note)
        few, many = min(size.scaled_events), max(size.scaled_events)
        measured = [
            work(
                to_facts,
                files=log_data.large_files(events, size.large_hours),
                folder=data.fresh("spark"),
                remote=server.remote,
            )
            for events in (few, many)
        ]
        yield Figure(
            18,
            f"memory of our process, {many:,} events with Spark",
            f"the same, {few:,} events",
            "×",
            measured[1].peak_bytes / measured[0].peak_bytes,
            1.2,
            note=f"{measured[1].peak_bytes / 1e6:.0f} MB",
        )
    finally:
        server.stop()


def to_facts(clock: Clock, files: str, folder: str, remote: str | None = None) -> Any:
    """Ours, files to all facts: with Spark if there is a server, else with DuckDB."""
    settings = data.bench_settings(
        Path(folder),
        raw_data_dir=files,
        processed_files="keep",
        engine="spark" if remote else "duckdb",
        spark_remote=SecretStr(remote) if remote else None,
    )
    days = log_data.days_of(Path(files))
    store = Warehouse.of(settings)
    with clock:
        for kind in KINDS:
            with store.connect() as connection:
                Ingest(connection, settings, kind, days, "run").run()
            if remote:
                spark_counting.verify(store, settings, kind, days)
        of_days: dict[Day, str | None] = dict.fromkeys(days, "counted")
        for group in ([facts.ROLLUP], facts.FOR_MODELS):
            wanted = dict.fromkeys(group, of_days)
            if remote:
                spark_counting.count(store, settings, lambda _, to=wanted: to, "run")
            with store.connect() as connection:
                if not remote:
                    counting.create(connection, settings.feed)
                    counting.count(connection, wanted, "run")
                if facts.ROLLUP in group:
                    now = datetime(2022, 6, 1)  # noqa: DTZ001 - naive UTC, as everywhere
                    user_agents.classify_days(connection, days, now=now)
    with store.connect() as connection:
        return {
            counted.name: [
                str(number)
                for number in connection.execute(
                    f"SELECT count(*), sum(hash(row)::HUGEINT) FROM {counted.table} AS row"
                ).fetchone()
            ]
            for counted in facts.ALL
        }
