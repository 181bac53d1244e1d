"""Rows 13 and 17: the log branch as a whole command, by its memory and by its processor time."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from adtech_assets_tests.benchmarks import data, database_data, log_data, plain_script
from adtech_assets_tests.benchmarks.deployment import Deployment
from adtech_assets_tests.benchmarks.measuring import interleaved, run
from adtech_assets_tests.benchmarks.results import Figure, memory, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adtech_assets_tests.benchmarks.measuring import Measured
    from adtech_assets_tests.benchmarks.sizes import Size

SELECT = "+processed_log_files"
AGENT = "some user agent"


def figures(size: Size) -> Iterator[Figure]:
    """Rows 13 and 17."""
    few, many = size.processor_events
    yield _processor_time(_measured(few, _one_day(few), max(1, size.repeats // 2)), few, 8)
    peaks: dict[int, Measured] = {}
    for events in size.scaled_events:
        repeats = max(1, size.repeats // 2) if events == many else 1
        taken = _measured(events, _first_hours(size, events), repeats)
        if events == many:
            yield _processor_time(taken, events, 12)
        peaks[events] = taken["ours"]
        what = f"peak memory, the log branch as a command, {events:,} impressions"
        yield memory(13, what, peaks[events], 1536)
    fewest, most = min(peaks), max(peaks)
    yield Figure(
        13,
        f"peak memory, growth from {fewest:,} to {most:,} impressions",
        "the smallest of them",
        "×",
        peaks[most].peak_bytes / peaks[fewest].peak_bytes,
        1.2,
    )


def _one_day(events: int) -> list[Path]:
    return sorted(log_data.large_files(events, 24).iterdir())


def _first_hours(size: Size, events: int) -> list[Path]:
    """As many events an hour, whatever their number: only the hours become more."""
    most = max(size.scaled_events)
    hours = round(size.large_hours * most / size.large_events)
    files = log_data.large_files(most, hours)
    return data.by_hour(files)[: 2 * round(hours * events / most)]


def _measured(events: int, files: list[Path], repeats: int) -> dict[str, Measured]:
    """The plain script and the whole command, on the same files, into tables of their own."""
    urls = {side: database_data.scratch_database(f"branch_{side}") for side in ("plain", "ours")}
    plain = data.link(files, data.fresh("branch-plain"))
    script = [sys.executable, plain_script.__file__, str(plain), AGENT, urls["plain"]]
    taken = interleaved(
        repeats,
        plain=lambda: run(script),
        ours=lambda: _command(files, urls["ours"]),
    )
    rows = [database_data.audited_rows(url) for url in urls.values()]
    if rows[0] != rows[1]:
        raise AssertionError(f"of {events:,} events the audited tables differ")
    return taken


def _command(files: list[Path], target_url: str) -> Measured:
    folder = data.fresh("branch-ours")
    days = log_data.days_of(data.link(files, folder / "raw_data"))
    return Deployment(folder, days, target_url).backfill(days, "--select", SELECT)


def _processor_time(taken: dict[str, Measured], events: int, limit: float) -> Figure:
    """User and system time of the process and its children, in the place of the seconds."""
    ours, plain = (
        replace(taken[side], seconds=taken[side].cpu_seconds) for side in ("ours", "plain")
    )
    return ratio(
        17,
        f"processor time of adtech backfill --select {SELECT}, {events:,} impressions",
        "of a plain DuckDB and psycopg script, process start included",
        ours,
        plain,
        limit=limit,
    )
