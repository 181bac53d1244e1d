"""What is loaded and what is not, day by day and file by file, from the stores themselves."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from adtech_assets import graph
from adtech_assets.logs import failures, landing, names
from adtech_assets.logs.ledger import DayFiles, Ledger
from adtech_assets.logs.refusals import Refusal
from adtech_assets.partitions import loadable_days, today
from adtech_assets.serving import audited_load, conservation
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets.versions import Notes

if TYPE_CHECKING:
    from datetime import date

    import duckdb
    import psycopg

    from adtech_assets.models.project import Project
    from adtech_assets.partitions import DayRange
    from adtech_assets.serving.audited_load import LoadedDay
    from adtech_assets.serving.conservation import Difference
    from adtech_assets.settings import Settings

State = Literal["loaded", "empty", "missing", "stale", "failed"]

WAIT_SECONDS = 60.0
"""How long a look waits for a run that uses the warehouse."""


@dataclass(frozen=True)
class DayStatus:
    """A day of the log branch."""

    state: State
    """`loaded`; `empty`: loaded, but its files hold no events; `missing`: nothing was ever loaded;
    `stale`: since the last load, files changed or arrived, another user agent was configured, or
    something that is built by day has not been built from what is there now;
    `failed`: the last run failed."""
    files: int = 0
    events: int = 0
    waiting_files: int = 0
    """Files in the landing folder that the load does not include."""
    impressions: int = 0
    """Of the configured user agent, as loaded."""
    clicks: int = 0
    loaded_at: str | None = None
    error: str | None = None


@dataclass(frozen=True)
class Quarantined:
    """A refused file, and why."""

    file: str
    reason: str
    detail: str


@dataclass(frozen=True)
class Status:
    """Everything `adtech status` tells."""

    days: dict[date, DayStatus]
    files: dict[str, int]
    quarantine: list[Quarantined]
    differences: list[str]
    """Counts of loaded days that should be equal and are not; there should be none."""

    def as_json(self) -> dict[str, Any]:
        """The documented JSON form."""
        return {
            "days": {str(day): vars(status) for day, status in self.days.items()},
            "files": self.files,
            "quarantine": [vars(file) for file in self.quarantine],
            "differences": self.differences,
        }


@dataclass
class _Warehouse:
    """What the warehouse knows of the days."""

    files: dict[date, DayFiles]
    events: dict[date, int]
    counts: dict[str, int]
    quarantine: list[Quarantined]
    known: set[tuple[str, int, int]]
    """Name, bytes and time of the files that are counted or known as duplicates."""
    differences: list[Difference]
    stale: set[date] = field(default_factory=set)
    """Days of which something has other versions than it should have."""


def read_status(
    settings: Settings,
    days: DayRange | None = None,
    wait_seconds: float = WAIT_SECONDS,
    project: Project | None = None,
) -> Status:
    """Compare landing folder, ledger and audited table.

    Args:
        settings: name the stores.
        days: by default every day from the start date to today.
        wait_seconds: how long to wait for a run that uses the warehouse.
        project: the models, by whose versions days are stale too.

    Raises:
        TransientError: a store is in use or unreachable.
    """
    days = days or loadable_days(settings)
    with Postgres.of(settings, "target").connect(read_only=True) as target:
        loaded = audited_load.audits(target, days)
        warehouse = _read_warehouse(settings, target, days, wait_seconds, project)
    waiting = _waiting_files(settings, warehouse.known)
    failed = failures.noted(settings)
    statuses = {
        day: _day_status(
            warehouse.files.get(day),
            warehouse.events.get(day, 0),
            loaded.get(day),
            waiting.get(day, 0),
            is_current=day not in warehouse.stale
            and audited_load.is_of(loaded.get(day), warehouse.files.get(day), settings.user_agent),
        )
        for day in days
    }
    return Status(
        days={
            day: replace(status, state="failed", error=failed[day].error)
            if day in failed
            else status
            for day, status in statuses.items()
        },
        files=warehouse.counts,
        quarantine=warehouse.quarantine,
        # Of a stale day, it is known that its tables differ until it is loaded again.
        differences=[
            str(difference)
            for difference in warehouse.differences
            if difference.day is None
            or (
                difference.day not in failed
                and statuses[difference.day].state in ("loaded", "empty")
            )
        ],
    )


def _day_status(
    files: DayFiles | None,
    events: int,
    loaded: LoadedDay | None,
    waiting: int,
    *,
    is_current: bool,
) -> DayStatus:
    state: State
    if loaded is None:
        state = "stale" if files else "missing"
    elif waiting or not is_current:
        state = "stale"
    else:
        state = "loaded" if events else "empty"
    return DayStatus(
        state,
        files=files.files if files else 0,
        events=events,
        waiting_files=waiting,
        impressions=loaded.impression_count if loaded else 0,
        clicks=loaded.click_count if loaded else 0,
        loaded_at=loaded.loaded_at.isoformat(timespec="seconds") if loaded else None,
    )


def _waiting_files(settings: Settings, known: set[tuple[str, int, int]]) -> dict[date, int]:
    waiting: dict[date, int] = defaultdict(int)
    if not settings.raw_data_dir.is_dir():
        return waiting
    last_day = today(settings.zone)
    for file in landing.scan(settings.raw_data_dir):
        if (landing.shown_name(file.name), file.bytes, file.modified_ns) in known:
            continue
        try:
            waiting[names.parse(file.name, last_day).day] += 1
        except Refusal:
            continue  # the next run puts it into quarantine
    return waiting


def _read_warehouse(
    settings: Settings,
    target: psycopg.Connection,
    days: DayRange,
    wait_seconds: float,
    project: Project | None,
) -> _Warehouse:
    counts = dict.fromkeys(("loaded", "duplicate", "quarantined"), 0)
    nothing = _Warehouse({}, {}, counts, [], set(), [])
    if not settings.warehouse_path.exists():
        return nothing
    with Warehouse(settings.warehouse_path, wait_seconds).connect(read_only=True) as connection:
        if not Ledger.exists(connection):
            return nothing
        found = _read_ledger(connection, target, settings, days, counts)
        if project is not None and Notes.exist(connection):
            found.stale = graph.stale_days(graph.read(connection, settings, project))
        return found


def _read_ledger(
    connection: duckdb.DuckDBPyConnection,
    target: psycopg.Connection,
    settings: Settings,
    days: DayRange,
    counts: dict[str, int],
) -> _Warehouse:
    events = connection.execute(
        "SELECT file_date, sum(rows)::BIGINT FROM raw.log_files "
        "WHERE status = 'loaded' GROUP BY ALL"
    ).fetchall()
    counts.update(
        connection.execute(
            "SELECT status, count(*) FROM raw.log_files WHERE status <> 'replaced' GROUP BY ALL"
        ).fetchall()
    )
    quarantine = connection.execute(
        "SELECT file_name, reason, detail FROM raw.log_files WHERE status = 'quarantined' "
        "ORDER BY file_id"
    ).fetchall()
    known = connection.execute(
        "SELECT file_name, bytes, modified_ns FROM raw.log_files "
        "WHERE status IN ('loaded', 'duplicate')"
    ).fetchall()
    return _Warehouse(
        files=Ledger(connection).day_files(days),
        events=dict(events),
        counts=counts,
        quarantine=[Quarantined(*row) for row in quarantine],
        known=set(known),
        differences=conservation.all_differences(connection, target, settings, days),
    )
