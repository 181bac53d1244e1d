"""The one assembly: what Dagster loads."""

import os

import dagster as dg

from adtech_assets import environment
from adtech_assets.defs import automation, console
from adtech_assets.defs.assets import landing, load, models, publish, raw, report, rollup
from adtech_assets.defs.catalogue import with_code, with_columns
from adtech_assets.defs.checks import CHECKS
from adtech_assets.defs.days import daily, with_days
from adtech_assets.defs.dbt_project import dbt_project
from adtech_assets.defs.resources import build_resources
from adtech_assets.feed.landing import begin_with_waiting
from adtech_assets.settings import Settings, export_settings, load_settings

CODE_LOCATION = "adtech_assets"
"""Name of the code location, in every workspace that has it."""


def build_definitions(settings: Settings) -> dg.Definitions:
    """The whole graph: of the feed, the days and the stores that the settings name."""
    project = dbt_project(settings.feed)
    days = daily(settings)
    assets: list[dg.AssetsDefinition | dg.AssetSpec] = [
        *landing.build(settings.feed),
        *raw.build(settings.feed),
        *rollup.ASSETS,
        *load.ASSETS,
        *models.build(project),
        *publish.build(project),
        *report.build(project, settings.report_url),
    ]
    graph = dg.Definitions(
        assets=with_code(with_columns(with_days(assets, days), project)),
        asset_checks=CHECKS,
        resources=build_resources(settings, project),
        # One process a run: a process a step would cost 5 s each, and DuckDB has one writer anyway.
        executor=dg.in_process_executor,
    )
    return dg.Definitions.merge(graph, automation.build(settings, days))


def _of_this_process() -> dg.Definitions:
    """The graph on the settings of this process, which Dagster gives to it and its children."""
    environment.begin()
    settings = begin_with_waiting(load_settings())
    export_settings(settings)
    # What a step did to its days is written to Dagster's log at once, not day by day.
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "1000")
    if settings.log_format == "json":
        console.log_json()
    return build_definitions(settings)


defs = _of_this_process()
