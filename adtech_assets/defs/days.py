"""The days of a run: which were asked for, which are to be built, and what is told of each."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.execution.context.metadata_logging import (
    AssetMetadataHandle,
    OutputMetadataAccumulator,
)

from adtech_assets.partitions import DayRange, loadable_days, parse_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from adtech_assets.settings import Settings
    from adtech_assets.versions import Day, Notes, Parts

BY_DAY = dg.DailyPartitionsDefinition("2000-01-01")
"""Of an asset whose partitions are days; `with_days` puts those of the settings in its place."""

SINGLE_RUN = dg.BackfillPolicy.single_run()
"""A range of days is one run: a year costs little more than a day."""

# Dagster keeps the partitions of a run in these tags.
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"

REBUILD_TAG = "adtech/rebuild"
"""Of a run that builds its days again whatever the versions say; its value is `true`."""

DELIVERY_TAG = "adtech/delivery"
"""Of a run that the sensor `new_log_files` has asked for, and asks for again if it fails."""

NIGHT_TAG = "adtech/night"
"""Of a run that the schedule has asked for, and the sensor asks for again; its value is the last
day."""

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


def with_days(
    assets: Iterable[dg.AssetsDefinition | dg.AssetSpec], days: dg.PartitionsDefinition
) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """The assets, those by day with these partitions in the place of `BY_DAY`."""
    return list(
        dg.map_asset_specs(
            lambda spec: (
                spec.replace_attributes(partitions_def=days)
                if spec.partitions_def == BY_DAY
                else spec
            ),
            assets,
        )
    )


def daily(settings: Settings) -> dg.DailyPartitionsDefinition:
    """The calendar days of the feed, from the start date; today, whose files arrive, is one too."""
    return _with_keys_listed_once(
        dg.DailyPartitionsDefinition(
            start_date=settings.start_date.isoformat(),
            timezone=settings.timezone,
            end_offset=1,
        )
    )


def _with_keys_listed_once(
    partitions: dg.DailyPartitionsDefinition,
) -> dg.DailyPartitionsDefinition:
    """The same, which lists its keys once a day: Dagster asks 32 times a run, for 25 ms each.

    As an attribute of the object, not in a class of its own: others read what Dagster writes of it.
    """
    listed = lru_cache(1)(lambda _last: type(partitions).get_partition_keys(partitions))

    def get_partition_keys(
        current_time: datetime | None = None, dynamic_partitions_store: object = None
    ) -> Sequence[str]:
        del dynamic_partitions_store
        if current_time is not None:
            return type(partitions).get_partition_keys(partitions, current_time)
        return listed(partitions.get_last_partition_key())

    object.__setattr__(partitions, "get_partition_keys", get_partition_keys)
    return partitions


def run_days(tags: Mapping[str, str]) -> DayRange | None:
    """The days a run is for, from its tags; None for a run without partitions."""
    if RANGE_START_TAG in tags:
        first = tags[RANGE_START_TAG]
        return DayRange(parse_day(first), parse_day(tags[RANGE_END_TAG]))
    if PARTITION_TAG in tags:
        day = parse_day(tags[PARTITION_TAG])
        return DayRange(day, day)
    return None


def range_tags(days: DayRange) -> dict[str, str]:
    """Tags that make a run cover some days."""
    return {
        RANGE_START_TAG: days.first.isoformat(),
        RANGE_END_TAG: days.last.isoformat(),
    }


def days_of(context: dg.AssetExecutionContext) -> DayRange:
    """The days of a step whose asset is partitioned."""
    keys = context.partition_key_range
    return DayRange(parse_day(keys.start), parse_day(keys.end))


def days_to_check(
    context: dg.AssetCheckExecutionContext,
    settings: Settings,
    parts: Parts,
    audits: Iterable[str],
) -> DayRange:
    """The days of the run, and those on which an audit has not passed yet; all without a run's."""
    asked = run_days(context.run.tags)
    if asked is None:
        return loadable_days(settings)
    unproven = {day for audit in audits for day in parts.stale(audit) if day is not None}
    days = unproven | {asked.first, asked.last}
    return DayRange(min(days), max(days))


def to_build(context: Context, parts: Parts, name: str) -> dict[Day, str | None]:
    """The days of a part that the run has to build, with the versions that they will have.

    These are the stale ones, wherever they lie, and all days of the run where somebody wants them
    built again whatever the versions say.
    """
    versions = parts.stale(name)
    if is_rebuild(context):
        wanted = parts.wanted(name)
        by_day = parts[name].by == "day" and not parts[name].is_view
        days = list(run_days(context.run.tags) or wanted) if by_day else [None]
        versions |= {day: wanted.get(day) for day in days}
    return versions


def materialized(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    by_day: Mapping[date, Mapping[str, Any]],
    metadata: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult[None]:
    """The result of an asset with what there is to say of each day.

    Days that the run was not asked for have been built too; Dagster hears of them by events of
    their own.
    """
    asked = run_days(context.run.tags) or ()
    _add_metadata(context, key, {day: by_day[day] for day in by_day if day in asked})
    for day in sorted(by_day.keys() - set(asked)):
        context.log_event(
            dg.AssetMaterialization(key, partition=str(day), metadata=dict(by_day[day]))
        )
    return dg.MaterializeResult(asset_key=key, metadata=metadata)


def _add_metadata(
    context: dg.AssetExecutionContext, key: dg.AssetKey, by_day: Mapping[date, Mapping[str, Any]]
) -> None:
    """As `context.add_asset_metadata` for each day, but at once.

    That copies and checks what it has of all days and assets each time: 76 of 214 s of a year that
    is built again, in cProfile.
    """
    step = context.get_step_execution_context()
    metadata = dict(step._metadata_accumulator.per_output_metadata)  # noqa: SLF001
    for day, of_day in by_day.items():
        metadata[AssetMetadataHandle(asset_key=key, partition_key=str(day))] = of_day
    step._metadata_accumulator = OutputMetadataAccumulator(per_output_metadata=metadata)  # noqa: SLF001


def days_told(
    context: dg.AssetExecutionContext, notes: Notes, name: str, built: Iterable[Day]
) -> dict[date, dict[str, Any]]:
    """The days that were asked for or built; those not built, with the time of their version."""
    days = {day for day in built if day is not None}
    asked = set(run_days(context.run.tags) or ())
    since = notes.noted_at(name, asked - days)
    return {
        day: {} if day in days else unchanged_since(since.get(day)) for day in sorted(asked | days)
    }


def unchanged_since(at: datetime | None) -> dict[str, Any]:
    """Metadata of what was not built because there was nothing new (naive UTC)."""
    return {"unchanged_since": "ever" if at is None else at.isoformat(" ", timespec="seconds")}


def is_rebuild(context: Context) -> bool:
    """Whether somebody wants the run's days built again whatever the versions say."""
    return context.run.tags.get(REBUILD_TAG) == "true"
