"""Nothing lost, nothing twice: whatever is delivered, repaired, run and killed, in any order.

Hypothesis makes up histories. After each run the stores must hold what the rules of `history.py`
say; after each kill, piece by piece, that or what they held before.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from adtech_assets.audit.status import read_status
from adtech_assets.contract import KINDS
from adtech_assets.errors import UserError
from adtech_assets.feed import quarantine
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.files import sha256
from adtech_assets.load import audited_load, daily_csv
from adtech_assets.partitions import DayRange
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.feed.deliveries import DAY, NEXT_DAY, write
from adtech_assets_tests.hostile import killed
from adtech_assets_tests.hostile.forks import ForkServer, environment
from adtech_assets_tests.hostile.history import Content, History, Hour, MistakeError
from adtech_assets_tests.hostile.log_branch import load_days

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb

    from adtech_assets.rollup.hourly import HourCount
    from adtech_assets.settings import Settings

HISTORIES = int(os.environ.get("ADTECH_TEST_HISTORIES", "100"))
STEPS = 30
"""Of one history, at the most."""

NAMES = [
    f"{kind}{part}_{day:%Y%m%d}{hour}.parquet"
    for kind in KINDS
    for day in (DAY, NEXT_DAY)
    for hour, part in ((10, ""), (11, ""), (11, "_more"))
]
BOTH_DAYS = DayRange(DAY, NEXT_DAY)
RANGES = [BOTH_DAYS, DayRange(DAY, DAY), DayRange(NEXT_DAY, NEXT_DAY)]
AGENTS: list[tuple[str | None, ...]] = [(), ("a",), ("a", "b", "b"), (None, "")]
GOOD = [Content(kind, agents) for kind in KINDS for agents in AGENTS]
BAD = [Content(None, ("no parquet",)), Content(None, ("PAR1",))]

CALLS_OF_A_RUN = 2500
CALLS_OF_A_REPLACEMENT = 400
"""As many are made where there are some files to handle; a kill comes before one of them."""


class Stores:
    """The real stores, and what they hold, in the shape of a `History`."""

    def __init__(self, settings: Settings, examples: Path) -> None:
        """Write an example of each content."""
        self.settings = settings
        self._warehouse = ExitStack()
        self.data: dict[Content, bytes] = {}
        for content in GOOD:
            path = write(examples / f"{content.kind}.parquet", *content.agents)
            self.data[content] = path.read_bytes()
        for content in BAD:
            self.data[content] = content.agents[0].encode()
        self.content = {data: content for content, data in self.data.items()}
        self.by_hash = {}
        for data, content in self.content.items():
            (examples / "file").write_bytes(data)
            self.by_hash[sha256(examples / "file")] = content

    def clear(self) -> None:
        """Begin anew."""
        self.close()
        for folder in ("raw_data_dir", "output_dir", "data_dir"):
            shutil.rmtree(getattr(self.settings, folder), ignore_errors=True)
        self.settings.raw_data_dir.mkdir()
        with self.target.connect() as postgres:
            postgres.execute(
                "DROP TABLE IF EXISTS public.csv_data_task, public.load_audit, public.target_owner"
            )

    def open(self) -> duckdb.DuckDBPyConnection:
        """Open the warehouse, and keep it open: to open it takes as long as a small run."""
        self.close()
        return self._warehouse.enter_context(Warehouse.of(self.settings).connect())

    def close(self) -> None:
        """Let another process in."""
        self._warehouse.close()

    @property
    def target(self) -> Postgres:
        return Postgres.of(self.settings, "target")

    def deliver(self, name: str, content: Content) -> None:
        unfinished = Path(self.settings.raw_data_dir, ".unfinished")
        unfinished.write_bytes(self.data[content])
        unfinished.rename(unfinished.with_name(name))

    def files_below(self, folder: Path) -> Iterator[tuple[Path, Content]]:
        """The log files of a folder, by their paths: in quarantine, in the order they came."""
        for path in sorted(folder.rglob("*.parquet")):
            yield path, self.content[path.read_bytes()]

    def history(self) -> History:
        """What the stores hold."""
        archive = self.settings.archive_dir
        found = History(
            landing={p.name: c for p, c in self.files_below(Path(self.settings.raw_data_dir))},
            archive={
                ("duplicate" if "duplicates" in path.parts else "loaded", path.name): content
                for path, content in self.files_below(Path(archive))
                if "replaced" not in path.parts
            },
            quarantine=self._quarantine(),
            csv={
                day: _counts(daily_csv.read(self.settings.output_dir, day))
                for day in BOTH_DAYS
                if daily_csv.path_of(self.settings.output_dir, day).exists()
            },
        )
        with self.target.connect(read_only=True) as postgres:
            rows = audited_load.loaded_counts(postgres, BOTH_DAYS)
            audits = audited_load.audits(postgres, BOTH_DAYS)
        found.table = _counts(rows)
        for day, audit in audits.items():
            of_day = [row for row in rows if row.day == day]
            assert (audit.row_count, audit.impression_count, audit.click_count) == (
                len(of_day),
                sum(row.impressions for row in of_day),
                sum(row.clicks for row in of_day),
            )
        found.audit = {day: audit.file_count for day, audit in audits.items()}
        with Warehouse.of(self.settings).connect() as warehouse:
            self._read_warehouse(warehouse, found)
        return found

    def _quarantine(self) -> dict[str, list[Content]]:
        found: dict[str, list[Content]] = {}
        for path, content in self.files_below(self.settings.quarantine_dir):
            found.setdefault(path.name, []).append(content)
        return found

    def _read_warehouse(self, warehouse: duckdb.DuckDBPyConnection, found: History) -> None:
        names = warehouse.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        tables = {name for (name,) in names}
        if "log_files" in tables:
            rows = warehouse.execute("SELECT file_name, sha256, status FROM raw.log_files")
            for name, digest, status in rows.fetchall():
                assert (name, self.by_hash[digest]) not in found.ledger
                found.ledger[name, self.by_hash[digest]] = status
            # The ledger and the events are committed together, or not at all.
            events = Counter()
            for kind in KINDS:
                rows = warehouse.execute(
                    f"SELECT file_date, file_hour, user_agent FROM {RAW_TABLES[kind]}"
                )
                events.update((Hour(d, h), agent, kind) for d, h, agent in rows.fetchall())
            assert events == found.events()
        if "hourly_user_agent_rollup" in tables:
            rows = warehouse.execute("FROM rollup.hourly_user_agent_rollup")
            for day, hour, agent, *counts in rows.fetchall():
                for kind, count in zip(KINDS, counts, strict=True):
                    found.rollup[Hour(day, hour), agent, kind] += count


def _counts(rows: list[HourCount]) -> Counter:
    assert all(row.impressions or row.clicks for row in rows)
    return Counter(
        {
            (Hour(row.day, row.hour), kind): count
            for row in rows
            for kind, count in zip(KINDS, (row.impressions, row.clicks), strict=True)
        }
    )


def assert_between(found: History, before: History, after: History) -> None:
    """What a kill leaves: of each piece what was there before, or what was to be."""
    for part in ("ledger", "archive", "csv"):
        have, old, new = (getattr(history, part) for history in (found, before, after))
        for key in have.keys() | old.keys() | new.keys():
            assert have.get(key) in (old.get(key), new.get(key)), (part, key)
    assert found.rollup in (before.rollup, after.rollup)
    assert (found.table, found.audit) in ((before.table, before.audit), (after.table, after.audit))
    # Files leave for the archive only once their day is loaded.
    assert found.archive == before.archive or found.table == after.table


class AnyHistory(RuleBasedStateMachine):
    """Deliveries, repairs, runs and kills; `stores` and `server` are set by the test."""

    stores: Stores
    server: ForkServer
    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.stores.clear()
        self.stores.open()
        self.expected = History()
        self.delivered: set[tuple[str, Content]] = set()

    def check(self) -> None:
        """The stores hold what they should; every file delivered is there, and accounted for."""
        assert self.stores.history() == self.expected
        self.check_nothing_is_lost()
        waiting = set(self.expected.landing.items())
        assert self.delivered == waiting | self.expected.ledger.keys()
        assert all(self.expected.is_loaded(c) for _, c in self.expected.files("duplicate"))

    def check_nothing_is_lost(self) -> None:
        """Each file that was ever delivered lies somewhere, whole, under its own name."""
        settings = self.stores.settings
        somewhere = {
            (path.name, content)
            for folder in (settings.raw_data_dir, settings.data_dir)
            for path, content in self.stores.files_below(Path(folder))
        }
        assert self.delivered == somewhere

    # ---- the feed ------------------------------------------------------------------------------

    def _deliver(self, name: str, content: Content) -> None:
        # A feed that overwrites a file before anybody has seen it takes it back.
        if name not in self.expected.landing:
            self.stores.deliver(name, content)
            self.expected.landing[name] = content
            self.delivered.add((name, content))

    @rule(name=st.sampled_from(NAMES), content=st.sampled_from(GOOD))
    def deliver(self, name: str, content: Content) -> None:
        AnyHistory.steps += 1
        self._deliver(name, content)

    @rule(name=st.sampled_from(NAMES), content=st.sampled_from(BAD))
    def deliver_corrupt(self, name: str, content: Content) -> None:
        AnyHistory.steps += 1
        self._deliver(name, content)

    @precondition(lambda self: self.delivered)
    @rule(data=st.data())
    def deliver_again(self, data: st.DataObject) -> None:
        AnyHistory.steps += 1
        self._deliver(*data.draw(st.sampled_from(sorted(self.delivered, key=repr))))

    @precondition(lambda self: self.delivered)
    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def deliver_renamed(self, data: st.DataObject, name: str) -> None:
        AnyHistory.steps += 1
        _, content = data.draw(st.sampled_from(sorted(self.delivered, key=repr)))
        self._deliver(name, content)

    # ---- a person ------------------------------------------------------------------------------

    @precondition(lambda self: self.expected.quarantine)
    @rule()
    def retry(self) -> None:
        AnyHistory.steps += 1
        quarantine.retry(self.stores.settings)
        self.expected.retry()

    @precondition(lambda self: self.expected.quarantine)
    @rule(data=st.data())
    def replace(self, data: st.DataObject) -> None:
        AnyHistory.steps += 1
        name = data.draw(st.sampled_from(sorted(self.expected.quarantine)))
        self._do(
            lambda history: history.replace(name),
            lambda: quarantine.replace(self.stores.settings, name),
        )

    # ---- runs ----------------------------------------------------------------------------------

    @rule(days=st.sampled_from(RANGES))
    def run(self, days: DayRange) -> None:
        AnyHistory.steps += 1
        self._run(days)

    @rule(days=st.sampled_from(RANGES))
    def run_twice(self, days: DayRange) -> None:
        AnyHistory.steps += 1
        self._run(days)
        self._run(days)

    @rule(days=st.sampled_from(RANGES), moment=st.integers(0, CALLS_OF_A_RUN))
    def kill_a_run(self, days: DayRange, moment: int) -> None:
        AnyHistory.steps += 1
        self._kill(
            lambda history: history.run(days), "load_until", moment, str(days.first), str(days.last)
        )

    @precondition(lambda self: self.expected.quarantine)
    @rule(data=st.data(), moment=st.integers(0, CALLS_OF_A_REPLACEMENT))
    def kill_a_replacement(self, data: st.DataObject, moment: int) -> None:
        AnyHistory.steps += 1
        name = data.draw(st.sampled_from(sorted(self.expected.quarantine)))
        self._kill(lambda history: history.replace(name), "replace_until", moment, name)

    def _kill(self, expected: Callable[[History], None], action: str, *arguments: object) -> None:
        after = self.expected.copy()
        code = 0
        try:
            expected(after)
        except MistakeError:
            code = 1
        self.stores.close()
        ended = self.server.run(f"{killed.__name__}:{action}", *arguments)
        self.stores.open()
        if ended.was_killed:
            found = self.stores.history()
            assert_between(found, self.expected, after)
            self.check_nothing_is_lost()
            self.expected = found
        else:
            assert ended.code == code, ended.output
            self.expected = after
            self.check()

    def _run(self, days: DayRange) -> None:
        self._do(lambda history: history.run(days), lambda: load_days(self.stores.settings, days))
        self.check()

    def _do(self, expected: Callable[[History], None], action: Callable[[], object]) -> None:
        """What the rules refuse must be refused by the project too, and nothing else."""
        try:
            expected(self.expected)
        except MistakeError:
            with pytest.raises(UserError):
                action()
        else:
            action()

    def teardown(self) -> None:
        """One more run always leads to where it should; status knows the numbers."""
        self._run(BOTH_DAYS)
        self.stores.close()
        statuses = Counter(self.expected.ledger.values())
        assert read_status(self.stores.settings).files == {
            status: statuses[status] for status in ("loaded", "duplicate", "quarantined")
        }


@pytest.fixture
def stores(settings, tmp_path_factory):
    """They count every user agent, so that a lost event is always seen."""
    settings = settings.model_copy(update={"user_agent": "*"})
    stores = Stores(settings, tmp_path_factory.mktemp("examples"))
    yield stores
    stores.close()


@pytest.fixture
def server(stores, tmp_path_factory):
    with ForkServer(
        killed.__name__,
        log=tmp_path_factory.mktemp("server") / "log",
        environment=environment(stores.settings),
    ) as server:
        yield server


def test_any_history_ends_with_nothing_lost_and_nothing_twice(stores, server, capsys):
    AnyHistory.stores, AnyHistory.server, AnyHistory.steps = stores, server, 0
    run_state_machine_as_test(
        AnyHistory,
        settings=hypothesis.settings(
            max_examples=HISTORIES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
            print_blob=True,
            suppress_health_check=list(hypothesis.HealthCheck),
        ),
    )
    with capsys.disabled():
        print(f"\n{AnyHistory.steps:,} steps in {HISTORIES} histories")  # noqa: T201
    assert AnyHistory.steps >= 10 * HISTORIES
