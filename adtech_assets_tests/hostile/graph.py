"""Runs of the asset graph in this process, on the stores of a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from adtech_assets import graph
from adtech_assets.cli.running import RUN_CONFIG
from adtech_assets.definitions import build_definitions
from adtech_assets.defs.days import REBUILD_TAG, range_tags
from adtech_assets.defs.told import Told
from adtech_assets.versions import Notes
from adtech_assets_tests.feed import deliveries
from adtech_assets_tests.sample_feed import PROJECT

if TYPE_CHECKING:
    import duckdb

    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings

LOG_BRANCH = (
    "raw/impression_logs",
    "raw/click_logs",
    "hourly_user_agent_rollup",
    "daily_csv",
    "csv_data_task",
    "processed_log_files",
)
LOAD = ("csv_data_task", "processed_log_files")
RAW_OPERATIONAL = (
    "raw/advertisers",
    "raw/campaigns",
    "raw/impressions",
    "raw/clicks",
    "raw/extracted_days",
)
PUBLISHED = ("published/fct_campaign_ctr", "published/fct_daily_summary")


@dataclass(frozen=True)
class Run:
    """How a run went, and what a person is told of it."""

    run_id: str
    success: bool
    told: Told
    retries: int
    """Steps that were tried again."""

    @property
    def failure(self) -> str:
        """The one line that the command prints of a failed run."""
        assert not self.success
        line = self.told.failures[0]
        assert "\n" not in line
        return line


def prove(warehouse: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Note that what the warehouse holds has passed every check, where no run has made it."""
    Notes.create(warehouse)
    parts = graph.read(warehouse, settings, PROJECT)
    for part in parts:
        if part.audits is not None:
            Notes(warehouse).note(part.name, dict(parts.wanted(part.name)), "by hand")


class Graph:
    """The daily pipeline, or some of its assets with their checks."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance) -> None:
        """Assemble the graph; nothing is opened yet."""
        self.instance = instance
        self.job = build_definitions(settings).resolve_job_def("daily_pipeline")

    def run(self, *assets: str, of: DayRange | None = None, rebuild: bool = False) -> Run:
        """Materialize assets of days (by default of the feed's first), by default the logs'."""
        done = self.job.execute_in_process(
            instance=self.instance,
            tags=range_tags(of or deliveries.days()) | ({REBUILD_TAG: "true"} if rebuild else {}),
            asset_selection=[dg.AssetKey.from_user_string(key) for key in assets or LOG_BRANCH],
            run_config=RUN_CONFIG,
            raise_on_error=False,
        )
        retries = [event for event in done.all_events if event.is_step_up_for_retry]
        told = Told()
        for entry in self.instance.all_logs(done.run_id):
            told.hear(entry)
        return Run(done.run_id, done.success, told, len(retries))

    def check(self, asset: str, name: str) -> str | None:
        """Run a check by itself, over every day; what it finds, None if it passes."""
        key = dg.AssetCheckKey(dg.AssetKey.from_user_string(asset), name)
        done = self.job.get_subset(
            asset_selection=set(), asset_check_selection={key}
        ).execute_in_process(instance=self.instance, run_config=RUN_CONFIG, raise_on_error=False)
        (evaluation,) = done.get_asset_check_evaluations()
        return None if evaluation.passed else evaluation.description
