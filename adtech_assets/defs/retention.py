"""What is deleted once it is old: Dagster's runs with their events and logs, and archived files."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.errors import TransientError, UserError
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load import audited_load
from adtech_assets.load.processed import delete_archived
from adtech_assets.partitions import loadable_days
from adtech_assets.settings import Settings
from adtech_assets.stores.postgres import Postgres

FINISHED = [
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
]


def delete_runs(instance: dg.DagsterInstance, settings: Settings, keep: set[str]) -> int:
    """Delete runs that finished more than `run_history_days` ago; returns how many.

    Args:
        instance: whose runs.
        settings: `run_history_days`; with 0 nothing is deleted.
        keep: ids of runs that stay, however old they are.
    """
    if not settings.run_history_days:
        return 0
    before = datetime.now(UTC) - timedelta(settings.run_history_days)
    old = instance.get_run_ids(dg.RunsFilter(statuses=FINISHED, updated_before=before))
    doomed = [run_id for run_id in old if run_id not in keep]
    for run_id in doomed:
        # The run itself goes last: after a kill, it is found again with what is left of it.
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        (settings.dagster_dir / "logs" / f"{run_id}.log").unlink(missing_ok=True)
        instance.delete_run(run_id)
        # A run of an earlier version has a file for its events, which stays as large as it was.
        (settings.dagster_dir / "history" / "runs" / f"{run_id}.db").unlink(missing_ok=True)
    return len(doomed)


@dg.op(description="Delete what is older than the settings say, and needed by nobody.")
def delete_what_is_old(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: WarehouseResource,
    target: dg.ResourceParam[Postgres],
) -> None:
    """Files of the archive whose days are safely loaded; runs that loaded nothing that is there."""
    days = loadable_days(settings)
    try:
        with target.connect(read_only=True) as postgres:
            loaded = audited_load.audits(postgres, days)
        with warehouse.get_connection() as connection:
            Ledger.create(connection, settings.feed)
            fingerprints = {day: audit.files_fingerprint for day, audit in loaded.items()}
            files = delete_archived(connection, settings, days, fingerprints)
    except (TransientError, UserError) as error:
        # No retry: tomorrow is soon enough.
        raise dg.Failure(str(error), allow_retries=False) from error
    # The run that `load_audit` names is the proof of a day's load, and its mark in the UI.
    keep = {audit.run_id for audit in loaded.values()}
    runs = delete_runs(context.instance, settings, keep)
    context.log.info(f"{files} archived files and {runs} runs were old enough to go.")


@dg.job(description="Deletes old runs, and old archived files if ADTECH_ARCHIVE_DAYS says so.")
def retention() -> None:
    """One step."""
    delete_what_is_old()
