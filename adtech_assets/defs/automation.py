"""The jobs, their schedules, and the sensor on new log files."""

from datetime import timedelta

import dagster as dg

from adtech_assets.defs.checks import yesterday_is_loaded
from adtech_assets.defs.deliveries import Deliveries
from adtech_assets.defs.leases import fail_lost_runs
from adtech_assets.defs.retention import retention
from adtech_assets.defs.steps import DAILY, range_tags, settings
from adtech_assets.partitions import DayRange, loadable_days
from adtech_assets.settings import Settings

daily_pipeline = dg.define_asset_job(
    "daily_pipeline",
    selection=dg.AssetSelection.all(),
    partitions_def=DAILY,
    description="Everything, for one day or a range of days.",
)

freshness = dg.define_asset_job(
    "freshness",
    selection=dg.AssetSelection.checks(yesterday_is_loaded),
    description="Is yesterday loaded?",
)

# In the morning: the last files of a day come after midnight, and a person can still do something.
freshness_schedule = dg.ScheduleDefinition(
    name="freshness_schedule",
    job=freshness,
    cron_schedule="0 6 * * *",
    execution_timezone=settings.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="At six in the morning: is yesterday loaded? Warns if not, even if nothing ran.",
)

retention_schedule = dg.ScheduleDefinition(
    name="retention_schedule",
    job=retention,
    cron_schedule="0 5 * * *",
    execution_timezone=settings.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="At five in the morning: old runs, and old archived files if so set, are deleted.",
)


@dg.schedule(
    name="daily_pipeline_schedule",
    job=daily_pipeline,
    cron_schedule="0 0 * * *",
    execution_timezone=settings.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="At midnight, the last days once more: late files and late rows are picked up.",
)
def daily_pipeline_schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Ask for the last ADTECH_LOOKBACK_DAYS full days, as one run."""
    yesterday = context.scheduled_execution_time.astimezone(settings.zone).date() - timedelta(1)
    first = max(settings.start_date, yesterday - timedelta(settings.lookback_days - 1))
    if yesterday < first:
        return dg.SkipReason(f"No full day yet since the start date, {settings.start_date}.")
    return dg.RunRequest(run_key=yesterday.isoformat(), tags=range_tags(DayRange(first, yesterday)))


@dg.sensor(
    name="new_log_files",
    job=daily_pipeline,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="New or late log files, once they are settled: asks for exactly their days.",
)
def new_log_files(
    context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]
) -> dg.SensorResult:
    """Look at the landing folder; also mark runs as failed whose process is gone."""
    for run_id in fail_lost_runs(context.instance, settings):
        context.log.warning(f"Run {run_id} was lost; it is marked as failed.")
    deliveries = Deliveries.from_cursor(context.cursor)
    requests = deliveries.next_requests(settings, loadable_days(settings), context.instance)
    return dg.SensorResult(
        run_requests=requests,
        skip_reason=None if requests else deliveries.skip_reason,
        cursor=deliveries.to_cursor(),
    )
