"""Runs of the whole pipeline in this process, on the stores of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from adtech_assets.cli.running import RUN_CONFIG, selected_assets
from adtech_assets.definitions import build_definitions
from adtech_assets.defs.days import REBUILD_TAG, range_tags
from adtech_assets.defs.told import Told
from adtech_assets.operational import snapshot
from adtech_assets.settings import load_settings

if TYPE_CHECKING:
    import pytest

    from adtech_assets.partitions import DayRange
    from adtech_assets_tests.end_to_end.changing import Changing


class Runs:
    """Called for days, it does what `adtech backfill` does."""

    def __init__(
        self, story: Changing, instance: dg.DagsterInstance, environment: pytest.MonkeyPatch
    ) -> None:
        """Run on the stores of a story; dbt looks for its warehouse in the environment."""
        self.story, self.instance, self.environment = story, instance, environment
        now = snapshot._utc_now
        environment.setattr(snapshot, "_utc_now", lambda: min(now(), story.hour_ends))
        self.failures: list[str] = []
        """What the last run failed of."""

    def __call__(
        self,
        days: DayRange | None = None,
        *,
        select: str | None = None,
        rebuild: bool = False,
        succeeds: bool = True,
        **settings: Any,
    ) -> dg.ExecuteInProcessResult:
        """Run for days, by default for all of the story, with other settings if any are given."""
        changed = load_settings(**(self.story.settings.model_dump() | settings))
        self.environment.setenv("ADTECH_DATA_DIR", str(changed.data_dir))
        self.environment.setenv("ADTECH_TIMEZONE", changed.timezone)
        self.environment.setenv("ADTECH_MOST_MEMBERS", str(changed.most_members))
        job = build_definitions(changed).resolve_job_def("daily_pipeline")
        result = job.execute_in_process(
            instance=self.instance,
            tags=range_tags(days or self.story.days) | ({REBUILD_TAG: "true"} if rebuild else {}),
            asset_selection=selected_assets(select) if select else None,
            run_config=RUN_CONFIG,
            raise_on_error=False,
        )
        told = Told()
        for entry in self.instance.all_logs(result.run_id):
            told.hear(entry)
        self.failures = told.failures
        assert result.success == succeeds, told.failures
        return result

    def materializations(
        self, result: dg.ExecuteInProcessResult, key: str
    ) -> dict[str | None, dict[str, Any]]:
        """Metadata of each materialization of an asset in a run, by partition."""
        records = self.instance.all_logs(
            result.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        found = [entry.dagster_event.step_materialization_data.materialization for entry in records]
        return {
            each.partition: {name: value.value for name, value in each.metadata.items()}
            for each in found
            if each.asset_key == dg.AssetKey.from_user_string(key)
        }
