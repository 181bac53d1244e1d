"""What is deleted once it is old: Dagster's runs with their events and logs, and archived files."""

import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import dagster as dg

from adtech_assets.defs.event_log import thin_out
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import step
from adtech_assets.errors import TransientError, UserError
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load import audited_load
from adtech_assets.load.processed import delete_archived
from adtech_assets.partitions import loadable_days
from adtech_assets.settings import Settings
from adtech_assets.stores import compaction
from adtech_assets.stores.postgres import Postgres

WORTH_BYTES = 16 * 2**20
WORTH_SHARE = 0.25
"""Of a database that must be free, both, before it is written anew."""

SHRINK_SECONDS = 10
"""Longest wait for whoever writes to it."""

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
        keep: ids of runs that stay, however old they are, but for what they printed and the events
            that say no more than how they went.
    """
    if not settings.run_history_days:
        return 0
    before = datetime.now(UTC) - timedelta(settings.run_history_days)
    old = instance.get_run_ids(dg.RunsFilter(statuses=FINISHED, updated_before=before))
    doomed = [run_id for run_id in old if run_id not in keep]
    for run_id in old:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        (settings.dagster_dir / "logs" / f"{run_id}.log").unlink(missing_ok=True)
        if run_id in keep:
            thin_out(instance.event_log_storage, run_id)
            continue
        # The run itself goes last: after a kill, it is found again with what is left of it.
        instance.delete_run(run_id)
        # A run of an earlier version has a file for its events, which stays as large as it was.
        (settings.dagster_dir / "history" / "runs" / f"{run_id}.db").unlink(missing_ok=True)
    return len(doomed)


def shrink(settings: Settings) -> None:
    """Give the disk back what Dagster's databases have free, if it is worth to write them anew.

    Deleted rows leave room for those to come; whoever writes just now keeps a database as it is.
    """
    for path in settings.dagster_dir.rglob("*.db"):
        with closing(sqlite3.connect(path, timeout=SHRINK_SECONDS)) as connection:
            size, pages, free = (
                connection.execute(f"PRAGMA {what}").fetchone()[0]
                for what in ("page_size", "page_count", "freelist_count")
            )
            if free * size >= WORTH_BYTES and free >= WORTH_SHARE * pages:
                with suppress(sqlite3.OperationalError):
                    connection.execute("VACUUM")


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
    shrink(settings)
    with step(settings):
        if compacted := compaction.compact(warehouse.store, if_worth=True):
            context.log.info(f"The warehouse was written anew: {compacted}.")


@dg.job(description="Deletes old runs, old archived files if so set, and gives back their room.")
def retention() -> None:
    """One step."""
    delete_what_is_old()
