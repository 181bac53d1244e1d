"""Row 15: a tick of the sensor over a full landing folder."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from adtech_assets.partitions import DayRange
from adtech_assets_tests.benchmarks import data
from adtech_assets_tests.benchmarks.deployment import Deployment
from adtech_assets_tests.benchmarks.measuring import interleaved, work
from adtech_assets_tests.benchmarks.results import Figure, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import dagster as dg

    from adtech_assets_tests.benchmarks.measuring import Clock
    from adtech_assets_tests.benchmarks.sizes import Size

SENSOR = "new_log_files"
FILES_PER_DAY = 480
NEW_FILES = 10


def figures(size: Size) -> Iterator[Figure]:
    """Row 15."""
    for count in size.waiting_files:
        folder = data.fresh(f"waiting-{count}")
        days = DayRange(data.LAST_DAY - timedelta((count - 1) // FILES_PER_DAY), data.LAST_DAY)
        deployment = Deployment(folder, days)
        landing = folder / "raw_data"
        landing.mkdir()
        _deliver(landing, range(NEW_FILES, count))
        known = work(remember, environment=deployment.environment).answer
        _deliver(landing, range(NEW_FILES))
        taken = interleaved(
            size.repeats,
            listing=lambda landing=landing: work(list_folder, folder=landing),
            ours=lambda deployment=deployment, known=known: work(
                tick, environment=deployment.environment, **known
            ),
        )
        yield ratio(
            15,
            f"the first sensor tick of a process, {count:,} files, all but {NEW_FILES} known",
            "listing the folder with sizes and times",
            taken["ours"],
            taken["listing"],
            limit=3,
        )


def _deliver(folder: Path, numbers: Iterable[int]) -> None:
    for number in numbers:
        day = data.LAST_DAY - timedelta(number // FILES_PER_DAY)
        hour, partition = divmod(number % FILES_PER_DAY, 20)
        kind = "impressions" if partition % 2 else "clicks"
        first = number * 10
        place = f"{day:%Y%m%d}{hour:02}5959999_{first}-{first + 9}_{partition}"
        (folder / f"{kind}_processed_dk_{place}.parquet").touch()


# ---- the work, each in a process of its own ------------------------------------------------------


def list_folder(clock: Clock, folder: str) -> None:
    """Baseline: what `ls -l` must ask for."""
    with clock, os.scandir(folder) as entries:
        for entry in entries:
            entry.stat(follow_symlinks=False)


def remember(clock: Clock, environment: dict[str, str]) -> dict[str, Any]:  # noqa: ARG001
    """Not measured: the sensor's memory once every file is loaded, as its cursor.

    What it asks for counts as loaded when a run of these tags has succeeded.
    """
    with _instance(environment) as instance:
        import dagster as dg

        asked = _next_tick(instance, None)()
        for request in asked.run_requests or ():
            succeeded = dg.DagsterRunStatus.SUCCESS
            run = dg.DagsterRun(job_name="daily_pipeline", tags=request.tags, status=succeeded)
            instance.add_run(run)
        told = _next_tick(instance, asked.cursor)()
    if told.run_requests:
        raise AssertionError("what has been loaded is asked for again")
    return {"cursor": told.cursor}


def tick(clock: Clock, environment: dict[str, str], cursor: str) -> None:
    """Ours: the sensor as the daemon evaluates it, cold, with the definitions loaded before."""
    with _instance(environment) as instance:
        first_tick = _next_tick(instance, cursor)
        with clock:
            told = first_tick()
    if len(told.run_requests or ()) != 1:
        raise AssertionError(f"one run was expected, not {told.run_requests}")


def _instance(environment: dict[str, str]) -> dg.DagsterInstance:
    """Dagster's storage of a deployment, in which this process is from now on."""
    os.environ.update(environment)
    import dagster as dg

    return dg.DagsterInstance.get()


def _next_tick(instance: dg.DagsterInstance, cursor: str | None) -> Callable[[], Any]:
    import dagster as dg

    from adtech_assets.definitions import defs

    repository = defs.get_repository_def()
    sensor = repository.get_sensor_def(SENSOR)
    resources = repository.get_top_level_resources()
    context = dg.build_sensor_context(
        instance,
        cursor,
        repository_def=repository,
        resources={key: resources[key] for key in sensor.required_resource_keys},
    )
    return lambda: sensor.evaluate_tick(context)
