"""The one assembly: what Dagster loads."""

import dagster as dg

from adtech_assets.defs import automation, checks
from adtech_assets.defs.assets import landing, load, models, publish, raw, report, rollup
from adtech_assets.defs.resources import build_resources
from adtech_assets.defs.retention import retention
from adtech_assets.defs.steps import settings
from adtech_assets.settings import Settings


def build_definitions(settings: Settings) -> dg.Definitions:
    """The whole graph, on the stores that the settings name."""
    return dg.Definitions(
        assets=[
            *landing.assets,
            *raw.assets,
            *rollup.assets,
            *load.assets,
            *models.assets,
            *publish.assets,
            *report.assets,
        ],
        asset_checks=checks.checks,
        jobs=[automation.daily_pipeline, automation.freshness, retention],
        schedules=[
            automation.daily_pipeline_schedule,
            automation.freshness_schedule,
            automation.retention_schedule,
        ],
        sensors=[automation.new_log_files],
        resources=build_resources(settings),
        # One process a run: a process a step would cost 5 s each, and DuckDB has one writer anyway.
        executor=dg.in_process_executor,
    )


defs = build_definitions(settings)
