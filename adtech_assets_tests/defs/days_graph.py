"""A small graph like the pipeline's: assets by day, one built whole behind them, a check."""

import dagster as dg

DAYS = dg.DailyPartitionsDefinition("2022-05-25", end_date="2022-06-25")
SINGLE_RUN = dg.BackfillPolicy.single_run()
JOB = "daily_pipeline"


def meanwhile(context: dg.AssetExecutionContext) -> None:
    """What a test does while the asset `second` is built; a failure is one of the step."""


@dg.asset(partitions_def=DAYS, backfill_policy=SINGLE_RUN)
def first() -> None:
    """By day."""


@dg.asset(deps=[first], partitions_def=DAYS, backfill_policy=SINGLE_RUN)
def second(context: dg.AssetExecutionContext) -> None:
    """By day, from the first."""
    context.log.warning("mind the second")
    meanwhile(context)


@dg.asset_check(asset=second)
def is_right(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    """Of no day. Passes unless the run has the tag `wrong`."""
    is_wrong = "wrong" in context.run.tags
    return dg.AssetCheckResult(passed=not is_wrong, description="is wrong" if is_wrong else None)


@dg.asset(deps=[second])
def whole() -> None:
    """From every day."""


defs = dg.Definitions(
    assets=[first, second, whole],
    asset_checks=[is_right],
    jobs=[dg.define_asset_job(JOB, partitions_def=DAYS, executor_def=dg.in_process_executor)],
)
