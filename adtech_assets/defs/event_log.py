"""Dagster's event log: the events of all runs in one SQLite database, each of them once.

Dagster's own log has a file for each run, and writes what is asked across runs (what happened to
assets and checks, how runs ended) a second time, to `index.db`. Here everything is in `index.db`. A
run of an earlier version has its file, and is read from it, until it is deleted.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from dagster import AssetKey, DagsterEventType, EventLogEntry
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationPlanned,
)
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    INPUT_DATA_VERSION_TAG_PREFIX,
    INPUT_EVENT_POINTER_TAG_PREFIX,
)
from dagster._core.definitions.partitions.subset import PartitionsSubset
from dagster._core.event_api import EventHandlerFn, EventLogRecord, EventRecordsFilter
from dagster._core.events import (
    ASSET_CHECK_EVENTS,
    ASSET_EVENTS,
    PIPELINE_EVENTS,
    StepMaterializationData,
)
from dagster._core.execution.plan.handle import StepHandle
from dagster._core.storage.event_log import (
    EventLogStorage,
    SqlEventLogStorage,
    SqliteEventLogStorage,
)
from dagster._core.storage.event_log.base import PlannedMaterializationInfo
from dagster._core.storage.event_log.polling_event_watcher import SqlPollingEventWatcher
from dagster._core.storage.event_log.schema import AssetKeyTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from dagster._core.storage.sqlite import create_db_conn_string
from dagster._serdes import deserialize_value

from adtech_assets.defs.open_database import OpenDatabase

EVENTS = SqlEventLogStorageTable.c

PAGE_BYTES = 8192
"""Of the database: two events of 1,400 bytes leave a third of SQLite's usual 4,096 empty."""

PROVENANCE = (CODE_VERSION_TAG, INPUT_DATA_VERSION_TAG_PREFIX, INPUT_EVENT_POINTER_TAG_PREFIX)
"""Tags that say what a materialization was made from."""


def make_event_log(folder: Path) -> None:
    """Make the database, or what a killed process has left out of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(folder / f"{INDEX_SHARD_NAME}.db")) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
    made = SqliteEventLogStorage(str(folder))
    made.alembic_version()  # the tables
    made.reindex_events()
    made.reindex_assets()


class EventLog(SqliteEventLogStorage):
    """Events, in a database that stays open."""

    supports_partition_subset_in_asset_materialization_planned_events = True
    """A run tells once of each asset that it is going to build it, not once for each day.

    Of the 36,000 events of a year, 24,000 were these. What asks for them by day is overridden.
    """

    is_run_sharded = False

    def __init__(self, base_dir: str) -> None:
        """The database in this folder, which has been made."""
        self._database = OpenDatabase(create_db_conn_string(base_dir, INDEX_SHARD_NAME))
        self._indexes: set[str] = set()
        super().__init__(base_dir)
        self._watcher = SqlPollingEventWatcher(self)

    # ---- one database ----------------------------------------------------------------------------

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sql.Connection]:
        if shard != INDEX_SHARD_NAME:
            with super()._connect(shard) as connection:
                yield connection
            return
        with self._database.transaction() as connection:
            yield connection

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[sql.Connection]:
        """To where the events of a run are."""
        return self._connect(run_id if run_id and self._has_file(run_id) else INDEX_SHARD_NAME)

    def _has_file(self, run_id: str) -> bool:
        """Whether it is a run of an earlier version."""
        return Path(self.path_for_shard(run_id)).exists()

    def has_table(self, table_name: str) -> bool:
        """Whether the database has a table; Dagster asks with each event."""
        return table_name in self._columns

    def _has_asset_key_col_on_connection(self, _: sql.Connection, column_name: str) -> bool:
        return column_name in self._columns[AssetKeyTable.name]

    @cached_property
    def _columns(self) -> dict[str, set[str]]:
        with self.index_connection() as connection:
            tables = sql.inspect(connection)
            return {
                table: {column["name"] for column in tables.get_columns(table)}
                for table in tables.get_table_names()
            }

    def has_secondary_index(self, name: str) -> bool:
        """Whether the database was made, or migrated, with this index; Dagster asks often."""
        if name not in self._indexes and super().has_secondary_index(name):
            self._indexes.add(name)
        return name in self._indexes

    def get_event_records(
        self,
        event_records_filter: EventRecordsFilter,
        limit: int | None = None,
        ascending: bool = False,
    ) -> Sequence[EventLogRecord]:
        """Events of all runs, of the kinds that were asked across runs in earlier versions too."""
        return SqlEventLogStorage.get_event_records(self, event_records_filter, limit, ascending)

    def _delete_mirrored_events_for_asset_key(self, asset_key: AssetKey) -> None:
        """They are no copies: the log of a run keeps what it has told of a wiped asset."""

    # ---- writing ---------------------------------------------------------------------------------

    def store_event(self, event: EventLogEntry) -> None:
        """One event, with all that is noted of it."""
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Events of a run, in one transaction.

        An asset's row is written for its last event only, as Dagster's own storage for Postgres
        does.
        """
        if self._has_file(events[0].run_id):
            for event in events:
                super().store_event(event)
            return
        slim = [_slim(event) for event in events]
        rows = [self._event_to_row(event) for event in slim]
        with self.index_connection() as connection:
            # One statement: 365 events take 0.5 ms each instead of 1.2.
            connection.execute(SqlEventLogStorageTable.insert(), rows)
            last_id = int(connection.execute(sql.text("SELECT last_insert_rowid()")).scalar_one())
            ids = range(last_id - len(rows) + 1, last_id + 1)
            last: dict[AssetKey | None, tuple[EventLogEntry, int]] = {}
            for event, event_id in zip(slim, ids, strict=True):
                if event.dagster_event_type in ASSET_CHECK_EVENTS:
                    self.store_asset_check_event(event, event_id)
                elif event.dagster_event_type in ASSET_EVENTS:
                    last[event.get_dagster_event().asset_key] = event, event_id
            if last:
                self._store_asset_event_tags(connection, slim, ids)
            for event, event_id in last.values():
                self._store_asset_event(connection, event, event_id)

    # ---- which days a run is going to build ------------------------------------------------------

    def get_latest_asset_partition_materialization_attempts_without_materializations(
        self, asset_key: AssetKey, after_storage_id: int | None = None
    ) -> Mapping[str, tuple[str, int]]:
        """The run and the event that planned each day last, unless it was built since.

        The days of runs that go on or have failed; which of the two, Dagster asks the runs.
        """
        attempts = dict(
            super().get_latest_asset_partition_materialization_attempts_without_materializations(
                asset_key, after_storage_id
            )
        )
        built = self.get_latest_storage_id_by_partition(
            asset_key, DagsterEventType.ASSET_MATERIALIZATION, after_cursor=after_storage_id
        )
        for event_id, run_id, days in self._planned(asset_key, after_storage_id):
            for day in days.get_partition_keys():
                _, known = attempts.get(day, ("", 0))
                if event_id > max(known, built.get(day, 0)):
                    attempts[day] = run_id, event_id
        return attempts

    def get_latest_planned_materialization_info(
        self, asset_key: AssetKey, partition: str | None = None
    ) -> PlannedMaterializationInfo | None:
        """The run that planned an asset last, or a day of it."""
        found = super().get_latest_planned_materialization_info(asset_key, partition)
        if partition is None:
            return found
        after = found.storage_id if found else None
        for event_id, run_id, days in self._planned(asset_key, after):
            if partition in days:
                return PlannedMaterializationInfo(storage_id=event_id, run_id=run_id)
        return found

    def _planned(
        self, asset_key: AssetKey, after_storage_id: int | None
    ) -> Iterator[tuple[int, str, PartitionsSubset[str]]]:
        """Events that plan several days of an asset, newest first: their id, run and days."""
        kind = DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value
        query = (
            sql.select(EVENTS.id, EVENTS.event)
            .where(EVENTS.asset_key == asset_key.to_string())
            .where(EVENTS.dagster_event_type == kind, EVENTS.partition.is_(None))
            .where(EVENTS.id > (after_storage_id or 0))
            .order_by(EVENTS.id.desc())
        )
        details = self._get_assets_details([asset_key])
        query = self._add_assets_wipe_filter_to_query(query, details, [asset_key])
        with self.index_connection() as connection:
            rows: Sequence[Any] = connection.execute(query).all()
        for event_id, text in rows:
            event = deserialize_value(text, EventLogEntry)
            days = event.get_dagster_event().asset_materialization_planned_data.partitions_subset
            if days is not None:
                yield event_id, event.run_id, days

    # ---- listening -------------------------------------------------------------------------------

    def watch(self, run_id: str, cursor: str | None, callback: EventHandlerFn) -> None:
        """Call for each event of a run from now on: the UI shows them while the run goes on."""
        self._watcher.watch_run(run_id, cursor, callback)

    def end_watch(self, run_id: str, handler: EventHandlerFn) -> None:
        """Call no longer."""
        self._watcher.unwatch_run(run_id, handler)

    def dispose(self) -> None:
        """Stop listening."""
        self._watcher.close()


def thin_out(storage: EventLogStorage, run_id: str) -> None:
    """Leave of a run's events what it has built, when it began and how it ended.

    Without the materializations, the UI would show days as never built.
    """
    if not isinstance(storage, SqlEventLogStorage):  # ours, and Dagster's for Postgres, are
        return
    kept = [kind.value for kind in (DagsterEventType.ASSET_MATERIALIZATION, *PIPELINE_EVENTS)]
    kind = EVENTS.dagster_event_type
    with storage.run_connection(run_id) as connection:
        connection.execute(
            SqlEventLogStorageTable.delete()
            .where(EVENTS.run_id == run_id)
            .where(kind.is_(None) | kind.not_in(kept))
        )


def _slim(event: EventLogEntry) -> EventLogEntry:
    """The event without what it says twice, and without what is never asked: 40 % of a day's event.

    Dagster finds the step of an event by its node, and the message in what happened, if they are
    not there. Nothing reads the tags, which are for what is printed of an event.
    """
    told = event.dagster_event
    if told is None:
        return event
    if told.message is not None:
        event = event._replace(user_message="")
    if told.node_handle and told.step_handle == StepHandle(told.node_handle):
        told = told._replace(step_handle=None)
    if told.event_type == DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
        told = told._replace(event_specific_data=_of_no_day(told.asset_check_planned_data))
    elif told.event_type == DagsterEventType.ASSET_MATERIALIZATION and told.partition:
        told = told._replace(
            event_specific_data=_without_provenance(told.step_materialization_data)
        )
    return event._replace(dagster_event=told._replace(logging_tags={}))


def _of_no_day(planned: AssetCheckEvaluationPlanned) -> AssetCheckEvaluationPlanned:
    """A check is asked once a run, and its answer is of no day.

    Planned by day, as Dagster would have it, it leaves a row a day that nothing ever answers:
    30,000 for a year.
    """
    return AssetCheckEvaluationPlanned(asset_key=planned.asset_key, check_name=planned.check_name)


def _without_provenance(told: StepMaterializationData) -> StepMaterializationData:
    """A day without the versions of what it was built from, a fifth of its event.

    The warehouse has them. Dagster goes by the times of materializations where it has no versions,
    and has given most assets a new one with each of them.
    """
    tags = told.materialization.tags or {}
    kept = {name: value for name, value in tags.items() if not name.startswith(PROVENANCE)}
    return told._replace(materialization=told.materialization._replace(tags=kept))
