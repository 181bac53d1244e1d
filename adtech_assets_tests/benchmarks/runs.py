"""Rows 7 to 10 and 16, and how a day's run grows with the history: commands, from start to end."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from adtech_assets.partitions import DayRange
from adtech_assets_tests.benchmarks import data, deployment
from adtech_assets_tests.benchmarks.measuring import interleaved, run
from adtech_assets_tests.benchmarks.results import Figure, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets_tests.benchmarks.measuring import Measured
    from adtech_assets_tests.benchmarks.sizes import Size

DAEMON_PATIENCE_SECONDS = 600


def figures(size: Size) -> Iterator[Figure]:
    """Rows 7 to 10 and 16, and the growth."""
    yield from _ranges(size)
    yield from _days(size)
    yield from _growth(size)
    yield _demo()


def _ranges(size: Size) -> Iterator[Figure]:
    """Rows 7 and 8."""
    many = size.range_days

    def backfill(name: str, days: int) -> Measured:
        fresh = deployment.delivered(name, many)
        return fresh.backfill(fresh.first_days(days))

    taken = interleaved(
        max(1, size.repeats // 2),
        day=lambda: backfill("range", 1),
        range=lambda: backfill("range", many),
    )
    yield ratio(
        7,
        f"adtech backfill of {many} days",
        "the same command for 1 day",
        taken["range"],
        taken["day"],
        limit=3,
    )
    one_by_one = deployment.delivered("daemon", many)
    few = one_by_one.backfill_by_daemon(
        one_by_one.first_days(size.daemon_days), DAEMON_PATIENCE_SECONDS
    )
    extrapolated = replace(few, seconds=few.seconds / size.daemon_days * many)
    yield ratio(
        8,
        f"adtech backfill of {many} days",
        f"a run a day through the daemon, from {size.daemon_days}",
        taken["range"],
        extrapolated,
        limit=100,
        faster=True,
    )


def _days(size: Size) -> Iterator[Figure]:
    """Rows 9 and 10, on a deployment that has every day."""
    loaded = deployment.loaded(size.range_days)
    whole = loaded.first_days(size.range_days)
    day = DayRange(whole.last, whole.last)
    taken = interleaved(
        size.repeats,
        day=lambda: loaded.dbt_build(day),
        range=lambda: loaded.dbt_build(whole),
    )
    yield ratio(
        9,
        f"dbt part of {size.range_days} days",
        "the same for 1 day",
        taken["range"],
        taken["day"],
        limit=2,
    )
    taken = interleaved(
        size.repeats,
        dbt=loaded.dbt_build,
        ours=lambda: loaded.backfill(day),
    )
    yield ratio(
        10,
        "one day, nothing new, the whole daily_pipeline",
        "dbt build alone",
        taken["ours"],
        taken["dbt"],
        limit=2.5,
    )


def _growth(size: Size) -> Iterator[Figure]:
    """The run of the next day, after as many loaded days; the first one has nothing to reach."""
    first = None
    for history in size.history_days:
        loaded = deployment.loaded(history, of=history + 1)
        days = loaded.first_days(history + 1)
        next_day = DayRange(days.last, days.last)

        def run_next(loaded=loaded, next_day=next_day):
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


def _demo() -> Figure:
    """Row 16, in folders of its own."""
    folder = data.fresh("demo")
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("ADTECH_", "MAKE"))
    } | {
        "ADTECH_RAW_DATA_DIR": str(folder / "raw_data"),
        "ADTECH_OUTPUT_DIR": str(folder / "output"),
        "ADTECH_DATA_DIR": str(folder / "data"),
    }
    taken = run(["make", "demo"], environment)
    return Figure(16, "make demo after installation", "–", "s", taken.seconds, 60, taken.seconds)
