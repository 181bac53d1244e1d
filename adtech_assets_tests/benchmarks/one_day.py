"""Rows 0 and 10: what the run of a day costs, by what is new and by how much is there already."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import psycopg

from adtech_assets.partitions import DayRange
from adtech_assets_tests.benchmarks import database_data, deployment, log_data, plain_script
from adtech_assets_tests.benchmarks.measuring import interleaved, run
from adtech_assets_tests.benchmarks.results import ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets_tests.benchmarks.deployment import Deployment
    from adtech_assets_tests.benchmarks.measuring import Measured
    from adtech_assets_tests.benchmarks.results import Figure
    from adtech_assets_tests.benchmarks.sizes import Size

IMPORTS = "import dagster, dagster_dbt"
NEW_SOURCE_ROWS = 1_000


def figures(size: Size) -> Iterator[Figure]:
    """Rows 0 and 10."""
    yield from _by_what_is_new(size)
    yield from _by_history(size)


def _by_what_is_new(size: Size) -> Iterator[Figure]:
    loaded = deployment.loaded(size.loaded_days)
    unchanged = deployment.copied(loaded, "unchanged")
    day = DayRange(loaded.days.last, loaded.days.last)
    unchanged.backfill(day)
    changed: list[Deployment] = []

    def some_new() -> Measured:
        unchanged.wait_until_stopped()
        changed.append(deployment.copied(unchanged, "changed"))
        _deliver_more(changed[-1], day)
        return changed[-1].backfill(day)

    taken = interleaved(
        size.repeats,
        imports=lambda: run([sys.executable, "-c", IMPORTS]),
        nothing=lambda: unchanged.backfill(day),
        some=some_new,
    )
    check(unchanged)
    check(changed[-1])
    for side, limit, what in (
        ("nothing", 2.3, "nothing new"),
        ("some", 4, f"a new file an hour and {NEW_SOURCE_ROWS:,} new source rows"),
    ):
        what_of = f"a day of {size.loaded_days}, {what}"
        yield ratio(10, what_of, IMPORTS, taken[side], taken["imports"], limit=limit)


def _deliver_more(changed: Deployment, day: DayRange) -> None:
    log_data.write_hourly(changed.folder / "raw_data", day, kinds=["impressions"], partition=1)
    with changed.databases() as urls:
        database_data.add_impressions(urls["source"], day.first, NEW_SOURCE_ROWS)


def _by_history(size: Size) -> Iterator[Figure]:
    """The run of the next day, after as many loaded days; the first one has nothing to reach."""
    first = None
    for history in size.history_days:
        loaded = deployment.loaded(history, of=history + 1)
        next_day = DayRange(loaded.days.last, loaded.days.last)

        def run_next(loaded: Deployment = loaded, next_day: DayRange = next_day) -> Measured:
            return deployment.copied(loaded, "growth").backfill(next_day)

        taken = interleaved(max(1, size.repeats // 2), ours=run_next)["ours"]
        first = first or taken
        yield ratio(
            0,
            f"a day's run after {history:,} loaded days",
            f"after {size.history_days[0]} loaded day",
            taken,
            first,
            limit=None,
        )


def check(loaded: Deployment) -> None:
    """The audited table and the published days are what archive and source say, counted plainly.

    Raises:
        AssertionError: they are not.
    """
    settings = loaded.settings
    counted = plain_script.count(str(settings.archive_dir), settings.user_agent)
    with loaded.databases() as urls:
        audited = database_data.audited_rows(urls["target"])
        with psycopg.connect(urls["source"]) as source, psycopg.connect(urls["target"]) as target:
            entered = source.execute(
                "SELECT created_at::date, count(*) FROM impressions GROUP BY 1 ORDER BY 1"
            ).fetchall()
            published = target.execute(
                "SELECT event_date, impressions FROM marts.fct_daily_summary ORDER BY 1"
            ).fetchall()
    if audited != {str(at): [impressions, clicks] for at, impressions, clicks in counted}:
        raise AssertionError("csv_data_task is not what the archived files say")
    if published != entered:
        raise AssertionError("fct_daily_summary is not what the source says")
