"""Row 15: a tick of the sensor over a full landing folder."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from adtech_assets.partitions import DayRange
from adtech_assets_tests.benchmarks import data
from adtech_assets_tests.benchmarks.measuring import interleaved, work
from adtech_assets_tests.benchmarks.results import Figure, ratio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adtech_assets_tests.benchmarks.measuring import Clock
    from adtech_assets_tests.benchmarks.sizes import Size

FILES_PER_DAY = 480
NEW_FILES = 10


def figures(size: Size) -> Iterator[Figure]:
    """Row 15."""
    for count in size.waiting_files:
        folder = data.made_once(f"waiting-{count}", lambda made, count=count: _deliver(made, count))
        taken = interleaved(
            max(size.repeats, 3),
            listing=lambda folder=folder: work(list_folder, folder=folder),
            ours=lambda folder=folder: work(tick, folder=folder),
        )
        yield ratio(
            15,
            f"a sensor tick over {count:,} files, all but {NEW_FILES} known",
            "listing the folder with sizes and times",
            taken["ours"],
            taken["listing"],
            limit=3,
        )


def _deliver(folder: Path, count: int) -> None:
    for number in range(count):
        day = data.LAST_DAY - timedelta(number // FILES_PER_DAY)
        hour, partition = divmod(number % FILES_PER_DAY, 20)
        kind = "impressions" if partition % 2 else "clicks"
        first = number * 10
        place = f"{day:%Y%m%d}{hour:02}5959999_{first}-{first + 9}_{partition}"
        (folder / f"{kind}_processed_dk_{place}.parquet").touch()


def list_folder(clock: Clock, folder: str) -> None:
    """Baseline: what `ls -l` must ask for."""
    with clock, os.scandir(folder) as entries:
        for entry in entries:
            entry.stat(follow_symlinks=False)


def tick(clock: Clock, folder: str) -> Any:
    """Ours: one look, with a memory in which all but a few files of one day are loaded."""
    import dagster as dg

    from adtech_assets.defs.deliveries import Deliveries, settled_days

    settings = data.bench_settings(data.WORK, raw_data_dir=folder)
    loadable = DayRange(data.FIRST_DAY - timedelta(2000), data.LAST_DAY)
    digests, _ = settled_days(settings, loadable, now=4e9)
    new_day = min(digests)
    cursor = Deliveries(loaded={**digests, new_day: "before the new files came"}).to_cursor()
    with dg.DagsterInstance.ephemeral() as instance, clock:
        deliveries = Deliveries.from_cursor(cursor)
        requests = deliveries.next_requests(settings, loadable, instance)
        deliveries.to_cursor()
    if len(requests) != 1:
        raise AssertionError(f"one run was expected, not {len(requests)}")
