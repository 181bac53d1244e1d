"""What is loaded and what is not, day by day and file by file, from the stores themselves.

`judge` is the one judge of what stands over all days, for `adtech status`, the checks and the
report: no light is green while `Status.standing` has anything to say.
"""

from __future__ import annotations

import contextlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from adtech_assets import billing, graph
from adtech_assets.audit import failures, offsets, row_counts
from adtech_assets.audit.conditions import Condition
from adtech_assets.contract import KINDS
from adtech_assets.feed import landing, names, places, quarantine
from adtech_assets.feed.ledger import DayFiles, Ledger
from adtech_assets.feed.rejections import Rejection
from adtech_assets.load import audited_load
from adtech_assets.partitions import DayRange, contiguous, loadable_days, today
from adtech_assets.stores import erasures
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets.versions import Notes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date

    import duckdb
    import psycopg

    from adtech_assets.billing import ClosedMonth
    from adtech_assets.contract import Feed, Kind
    from adtech_assets.load.audited_load import LoadedDay
    from adtech_assets.models.project import Project
    from adtech_assets.settings import Settings

State = Literal["loaded", "empty", "missing", "stale", "failed", "forgotten"]

LOOK_SECONDS = 60.0
"""How long a look waits for a run that uses the warehouse."""


@dataclass(frozen=True)
class DayStatus:
    """A day of the log branch."""

    state: State
    """`loaded`; `empty`: loaded, but its files hold no events; `missing`: nothing was ever loaded;
    `stale`: since the last load, files changed or arrived, another user agent was configured, or
    something that is built by day has not been built from what is there now;
    `failed`: the last run failed; `forgotten`: it was erased on purpose."""
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

    def __str__(self) -> str:
        """File, detail and reason in a line."""
        return f"{self.file}: {self.detail} [{self.reason}]"


@dataclass(frozen=True)
class Status:
    """Everything `adtech status` tells."""

    days: dict[date, DayStatus]
    files: dict[str, int]
    quarantine: list[Quarantined]
    differences: list[str]
    """Counts of loaded days that should be equal and are not; there should be none."""
    gaps: list[str]
    """Offsets between loaded files that no file has delivered."""
    early: list[str]
    """Files that wait in the landing folder for a day to come: a clock or time zone is behind."""
    unread: list[str]
    """Days of which a column that the feed file has gained has not been read yet."""
    closed_months: list[ClosedMonth]

    def as_json(self) -> dict[str, Any]:
        """The documented JSON form."""
        return {
            "days": {str(day): vars(status) for day, status in self.days.items()},
            "files": self.files,
            "quarantine": [vars(file) for file in self.quarantine],
            "differences": self.differences,
            "gaps": self.gaps,
            "early": self.early,
            "unread": self.unread,
            "closed_months": {
                f"{closed.month:%Y-%m}": {
                    "closed_at": closed.closed_at.isoformat(timespec="seconds"),
                    "differences": closed.differences,
                }
                for closed in self.closed_months
            },
        }

    @property
    def standing(self) -> list[Condition]:
        """What stands, worst first; nothing while all is well."""
        return [
            *self._failed_days(),
            *(Condition("difference between counts", told) for told in self.differences),
            *self._stretches("stale"),
            *self._stretches("missing"),
            *(Condition("file in quarantine", str(file)) for file in self.quarantine),
            *(Condition("gap between offsets", told) for told in self.gaps),
            *(Condition("file of a day to come", told) for told in self.early),
        ]

    @property
    def standing_days(self) -> list[Condition]:
        """What of it is about days: failed, stale or missing."""
        return [*self._failed_days(), *self._stretches("stale"), *self._stretches("missing")]

    def _failed_days(self) -> Iterator[Condition]:
        """Stretches of days that failed of the same."""
        errors = {day: status.error for day, status in self.days.items() if status.error}
        for error in dict.fromkeys(errors.values()):
            for stretch in contiguous(day for day in errors if errors[day] == error):
                yield Condition("failed day", f"{stretch}: {error}")

    @property
    def missed(self) -> list[date]:
        """Missing days that somebody might miss.

        These have files that wait for a load, or lie between days that are loaded: what was never
        asked for, before the first loaded day and after the last, is not missed.
        """
        known = [
            day for day, status in self.days.items() if status.state not in ("missing", "forgotten")
        ]
        return [
            day
            for day, status in self.days.items()
            if status.state == "missing"
            and (status.waiting_files or (known and known[0] < day < known[-1]))
        ]

    def _stretches(self, state: Literal["stale", "missing"]) -> Iterator[Condition]:
        """Stretches of stale days, or of missing ones that somebody might miss."""
        stale = [day for day, status in self.days.items() if status.state == "stale"]
        found = stale if state == "stale" else self.missed
        what: Literal["stale day", "missing day"] = f"{state} day"  # type: ignore[assignment]
        for stretch in contiguous(found):
            waiting = sum(self.days[day].waiting_files for day in stretch)
            files = (
                f", {waiting:,} {'file' if waiting == 1 else 'files'} waiting" if waiting else ""
            )
            yield Condition(what, f"{stretch}{files}")


@dataclass
class _Warehouse:
    """What the warehouse knows of the days."""

    files: dict[date, DayFiles]
    events: dict[date, int]
    counts: dict[str, int]
    quarantine: list[Quarantined]
    known: set[tuple[str, int, int]]
    """Name, bytes and time of the files that are counted or known as duplicates."""
    gaps: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    stale: set[date] = field(default_factory=set)
    """Days of which something has other versions than it should have."""


def read_status(
    settings: Settings,
    days: DayRange | None = None,
    wait_seconds: float = LOOK_SECONDS,
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
    with opened(settings, wait_seconds) as (connection, target):
        return judge(connection, target, settings, days, project)


@contextlib.contextmanager
def opened(
    settings: Settings, wait_seconds: float
) -> Iterator[tuple[duckdb.DuckDBPyConnection | None, psycopg.Connection]]:
    """Open the warehouse, None where there is none, and the target, to read them.

    Raises:
        TransientError: a store is in use or unreachable.
    """
    with (
        Postgres.of(settings, "target").connect(read_only=True) as target,
        contextlib.ExitStack() as stack,
    ):
        connection = None
        if settings.warehouse_path.exists():
            stored = Warehouse(settings.warehouse_path, wait_seconds)
            connection = stack.enter_context(stored.connect(read_only=True))
        yield connection, target


def judge(
    connection: duckdb.DuckDBPyConnection | None,
    target: psycopg.Connection,
    settings: Settings,
    days: DayRange | None = None,
    project: Project | None = None,
) -> Status:
    """The same on open connections: 1.5 ms a day, nearly all of it to compare counts.

    Args:
        connection: to the warehouse; None where there is none.
        target: the audited table's database.
        settings: name the landing folder and the user agent.
        days: by default every day from the start date to today.
        project: the models, by whose versions days are stale too.
    """
    days = days or loadable_days(settings)
    loaded = audited_load.audits(target, days)
    warehouse = _read_warehouse(connection, settings, days, project)
    waiting, early = _waiting_files(settings, warehouse.known)
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
    for day in erasures.forgotten_days(settings) & statuses.keys():
        if statuses[day].state == "missing" and not statuses[day].waiting_files:
            statuses[day] = replace(statuses[day], state="forgotten")
    for day in failed.keys() & statuses.keys():
        statuses[day] = replace(statuses[day], state="failed", error=failed[day].error)
    differences = []
    if connection is not None and Ledger.exists(connection):
        differences = row_counts.all_differences(connection, target, settings, days)
    return Status(
        days=statuses,
        files=warehouse.counts,
        quarantine=warehouse.quarantine,
        # Of a stale or failed day, it is known that its tables differ until it is loaded again.
        differences=[
            str(difference)
            for difference in differences
            if difference.day is None or statuses[difference.day].state in ("loaded", "empty")
        ],
        gaps=warehouse.gaps,
        early=early,
        unread=warehouse.unread,
        closed_months=[] if connection is None else billing.closed_months(connection),
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


def _waiting_files(
    settings: Settings, known: set[tuple[str, int, int]], kinds: Collection[Kind] = KINDS
) -> tuple[dict[date, int], list[str]]:
    """How many files wait for a load, by day, and which ones for a day to come."""
    waiting: dict[date, int] = defaultdict(int)
    early: list[str] = []
    place = places.landing(settings)
    if not place.exists():
        return waiting, early
    last_day = today(settings.zone)
    for file in landing.scan(place, settings.feed):
        if (landing.shown_name(file.name), file.bytes, file.modified_ns) in known:
            continue
        try:
            day = names.day_of(settings.feed, file.name, last_day)
        except Rejection:
            continue  # the next run puts it into quarantine
        waiting[day] += 1
        if day > last_day and file.kind in kinds:
            early.append(f"{landing.shown_name(file.name)} waits for {day}")
    return waiting, early


def _read_warehouse(
    connection: duckdb.DuckDBPyConnection | None,
    settings: Settings,
    days: DayRange,
    project: Project | None,
) -> _Warehouse:
    if connection is None or not Ledger.exists(connection):
        counts = dict.fromkeys(("loaded", "duplicate", "quarantined"), 0)
        return _Warehouse({}, {}, counts, [], set())
    found = _read_ledger(connection, settings, days)
    if project is not None and Notes.exist(connection):
        found.stale = graph.stale_days(graph.read(connection, settings, project))
    return found


def _read_ledger(
    connection: duckdb.DuckDBPyConnection, settings: Settings, days: DayRange
) -> _Warehouse:
    events = connection.execute(
        "SELECT file_date, sum(rows)::BIGINT FROM raw.log_files "
        "WHERE status = 'loaded' GROUP BY ALL"
    ).fetchall()
    counts = dict.fromkeys(("loaded", "duplicate", "quarantined"), 0)
    counts.update(
        connection.execute(
            "SELECT status, count(*) FROM raw.log_files WHERE status <> 'replaced' GROUP BY ALL"
        ).fetchall()
    )
    return _Warehouse(
        files=Ledger(connection).day_files(days),
        events=dict(events),
        counts=counts,
        quarantine=quarantined(connection),
        known=_known_files(connection),
        gaps=[told for kind in KINDS for told in gaps(connection, settings, kind)],
        unread=_unread(connection, settings.feed),
    )


def _unread(connection: duckdb.DuckDBPyConnection, feed: Feed) -> list[str]:
    """Stretches of days with files of which a column of the feed has not been read."""
    files = Counter(row.file_date for row in Ledger(connection).outdated(feed) if row.file_date)
    return [
        f"{days}, {sum(files[day] for day in days):,} files were read before the feed file had all "
        "of its columns"
        for days in contiguous(files)
    ]


def quarantined(
    connection: duckdb.DuckDBPyConnection, kind: Kind | None = None
) -> list[Quarantined]:
    """Files in quarantine, of whatever day or none; of both kinds unless one is named."""
    rows = quarantine.waiting(connection)
    return [Quarantined(*row) for of_kind, *row in rows if kind in (None, of_kind)]


def early(connection: duckdb.DuckDBPyConnection, settings: Settings, kind: Kind) -> list[str]:
    """Files of a kind that wait in the landing folder for a day to come."""
    return _waiting_files(settings, _known_files(connection), [kind])[1]


def _known_files(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, int, int]]:
    rows = connection.execute(
        "SELECT file_name, bytes, modified_ns FROM raw.log_files "
        "WHERE status IN ('loaded', 'duplicate')"
    ).fetchall()
    return set(rows)


def gaps(connection: duckdb.DuckDBPyConnection, settings: Settings, kind: Kind) -> list[str]:
    """Gaps between the offsets of loaded files of all days, if anybody wants to know of them."""
    if not settings.report_offset_gaps:
        return []
    return [str(gap) for gap in offsets.gaps(connection, kind, loadable_days(settings))]
