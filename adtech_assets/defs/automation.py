"""The jobs, their schedules, and the sensors: on new log files, and on what needs a person."""

import time
from datetime import timedelta

import dagster as dg

from adtech_assets.defs import alerting, nights
from adtech_assets.defs.checks import yesterday_is_loaded
from adtech_assets.defs.days import DELIVERY_TAG, range_tags
from adtech_assets.defs.leases import fail_lost_runs
from adtech_assets.defs.retention import retention
from adtech_assets.feed.deliveries import Deliveries, Outcome, Request
from adtech_assets.feed.landing import begin_with_waiting
from adtech_assets.partitions import loadable_days
from adtech_assets.settings import Settings

PIPELINE = "daily_pipeline"

freshness = dg.define_asset_job(
    "freshness",
    selection=dg.AssetSelection.checks(yesterday_is_loaded),
    description="Is yesterday loaded?",
)


def build(settings: Settings, days: dg.PartitionsDefinition) -> dg.Definitions:
    """Jobs, schedules and sensors, in the time zone of the feed."""
    pipeline = dg.define_asset_job(
        PIPELINE,
        selection=dg.AssetSelection.all(),
        partitions_def=days,
        description="Everything, for one day or a range of days.",
    )
    return dg.Definitions(
        jobs=[pipeline, freshness, retention],
        schedules=[_pipeline_schedule(settings), *_morning_schedules(settings)],
        sensors=[new_log_files, alerting.build(settings)],
    )


def _pipeline_schedule(settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{PIPELINE}_schedule",
        job_name=PIPELINE,
        cron_schedule="0 0 * * *",
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="At midnight, the last days once more: late files and rows are picked up.",
    )
    def last_days(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        """Ask for the last ADTECH_LOOKBACK_DAYS full days, as one run."""
        yesterday = context.scheduled_execution_time.astimezone(settings.zone).date() - timedelta(1)
        return nights.run_request(settings, yesterday) or dg.SkipReason(
            f"No full day yet since the start date, {settings.start_date}."
        )

    return last_days


def _morning_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """In the morning the last files of a day are there, and a person can still do something."""
    return [
        dg.ScheduleDefinition(
            name="freshness_schedule",
            job=freshness,
            cron_schedule="0 6 * * *",
            execution_timezone=settings.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="At six: is yesterday loaded? Warns if not, even if nothing ran.",
        ),
        dg.ScheduleDefinition(
            name="retention_schedule",
            job=retention,
            cron_schedule="0 5 * * *",
            execution_timezone=settings.timezone,
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description="At five: old runs, and old archived files if so set, are deleted.",
        ),
    ]


@dg.sensor(
    name="new_log_files",
    job_name=PIPELINE,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="New or late log files, once they are settled: asks for exactly their days. "
    "What has failed, the run of the night too, it asks for again.",
)
def new_log_files(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult:
    """Look at the landing folder; also mark runs as failed whose process is gone."""
    for run_id in fail_lost_runs(context.instance, settings):
        context.log.warning(f"Run {run_id} was lost; it is marked as failed.")
    deliveries = Deliveries.from_cursor(context.cursor)
    # A run's process has partitions for them at once, the UI once its definitions are reloaded.
    settings = begin_with_waiting(settings)
    requests = deliveries.next_requests(
        settings, loadable_days(settings), lambda request: outcome(context.instance, request)
    )
    runs = [
        *map(run_request, requests),
        *nights.run_again(context.instance, settings, time.time()),
    ]
    return dg.SensorResult(
        run_requests=runs,
        skip_reason=None if runs else deliveries.skip_reason,
        cursor=deliveries.to_cursor(),
    )


def run_request(request: Request) -> dg.RunRequest:
    """The run of a request."""
    tags = {**range_tags(request.days), DELIVERY_TAG: request.run_key}
    return dg.RunRequest(run_key=request.run_key, tags=tags)


def outcome(instance: dg.DagsterInstance, request: Request) -> Outcome | None:
    """What became of a request's run; None if there is none."""
    filters = dg.RunsFilter(tags={DELIVERY_TAG: request.run_key})
    run = next(iter(instance.get_runs(filters=filters, limit=1)), None)
    if run is None:
        return None
    if run.is_success:
        return "succeeded"
    return "failed" if run.is_finished else "unfinished"
