"""Hostile faults: runs that are killed, stopped or cancelled, and what the next run makes of it."""

from __future__ import annotations

import hashlib
import os
import random
import re
import secrets
import shutil
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import psycopg
import pytest

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.partitions import DayRange
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets.settings import load_settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.feed.deliveries import random_bytes
from adtech_assets_tests.hostile import killed
from adtech_assets_tests.hostile.forks import ForkServer, environment
from adtech_assets_tests.hostile.log_branch import load_days

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adtech_assets.settings import Settings
    from adtech_assets_tests.hostile.forks import Ended

KILLS = int(os.environ.get("ADTECH_TEST_KILLS", "100"))
"""At random moments, at the least."""

RUNS = "adtech_assets_tests.hostile.killed_runs"
"""By name only: the server imports it, the tests need not."""

LOG_BRANCH = "+processed_log_files"
FIRST = date(2022, 6, 1)
TWO_DAYS = DayRange(FIRST, FIRST + timedelta(1))
THIRTY_DAYS = DayRange(FIRST, FIRST + timedelta(29))


@dataclass
class Stores:
    """A deployment's folders and databases, at one place for all tests of the module."""

    settings: Settings

    def clear(self) -> None:
        """Begin anew, but for Dagster's own folder, in which the server has its place."""
        for folder in (self.settings.raw_data_dir, self.settings.output_dir):
            shutil.rmtree(folder, ignore_errors=True)
        self.settings.raw_data_dir.mkdir()
        for path in self.settings.data_dir.glob("*"):
            if path.is_file():
                path.unlink()
            elif path != self.settings.dagster_dir:
                shutil.rmtree(path)
        for url in (self.settings.source_database_url, self.settings.target_database_url):
            with psycopg.connect(url.get_secret_value(), autocommit=True) as connection:
                connection.execute(
                    "DROP SCHEMA IF EXISTS marts CASCADE; DROP SCHEMA public CASCADE; "
                    "CREATE SCHEMA public"
                )

    def deliver(self, files: Iterable[Path]) -> None:
        for file in files:
            shutil.copyfile(file, Path(self.settings.raw_data_dir, file.name))

    def tables(self) -> dict[str, object]:
        """Everything that two equal deployments have in common: no times, no ids."""
        raw = " UNION ALL BY NAME ".join(
            f"SELECT '{table}' AS kind, file_name, events.* EXCLUDE file_id FROM {table} AS events "
            "JOIN raw.log_files USING (file_id)"
            for table in RAW_TABLES.values()
        )
        with (
            Warehouse.of(self.settings).connect() as warehouse,
            Postgres.of(self.settings, "target").connect(read_only=True) as target,
        ):
            return {
                "ledger": warehouse.execute(
                    "SELECT kind, file_name, sha256, bytes, rows, file_date, status, reason "
                    "FROM raw.log_files ORDER BY ALL"
                ).fetchall(),
                "raw": warehouse.execute(f"{raw} ORDER BY ALL").fetchall(),
                "rollup": warehouse.execute(
                    "FROM rollup.hourly_user_agent_rollup ORDER BY ALL"
                ).fetchall(),
                "csv_data_task": target.execute(
                    "SELECT datetime, impression_count, click_count FROM csv_data_task ORDER BY 1"
                ).fetchall(),
                "load_audit": target.execute(
                    "SELECT day, user_agent, row_count, impression_count, click_count, file_count, "
                    "files_fingerprint FROM load_audit ORDER BY 1"
                ).fetchall(),
                "output": _contents(self.settings.output_dir),
                "archive": _contents(Path(self.settings.archive_dir)),
                "quarantine": sorted(
                    path.name for path in self.settings.quarantine_dir.rglob("*.parquet")
                ),
                "landing": _contents(Path(self.settings.raw_data_dir)),
            }


def _contents(folder: Path) -> dict[str, str]:
    """All files below a folder, hidden and unfinished ones too, with a hash of their bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def stores(tmp_path_factory, databases) -> Stores:
    folder = tmp_path_factory.mktemp("killed")
    settings = load_settings(
        raw_data_dir=folder / "raw_data",
        output_dir=folder / "output",
        data_dir=folder / "data",
        source_database_url=databases["source"],
        target_database_url=databases["target"],
        settle_seconds=0,
        user_agent="*",
    )
    stores = Stores(settings)
    stores.clear()
    return stores


@pytest.fixture(scope="module")
def server(stores) -> Iterator[ForkServer]:
    """Forks runs of the asset graph on these stores."""
    variables = environment(stores.settings) | {
        "DAGSTER_HOME": str(PROJECT_DIR),
        "PYTHONWARNINGS": "ignore",
    }
    log = stores.settings.raw_data_dir.with_name("log")
    with ForkServer(RUNS, killed.__name__, log=log, environment=variables) as server:
        yield server


def run(server: ForkServer, days: DayRange, *options: object, after: float | None = None) -> Ended:
    return server.run(
        f"{RUNS}:run", str(days.first), str(days.last), LOG_BRANCH, *options, after=after
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    """Two days, a file of each kind an hour; at the end a broken one, and one under two names."""
    folder = tmp_path_factory.mktemp("files")
    good = generate_log_files(folder, list(TWO_DAYS), events_per_day=90, ctr=0.6)
    again = folder / "impressions_2022060123_copy.parquet"
    shutil.copyfile(good[3], again)
    broken = folder / "clicks_2022060205.parquet"
    random_bytes(broken)
    return [file for file in good if file != good[3]] + [broken, good[3], again]


@pytest.fixture(scope="module")
def undisturbed(stores, files) -> dict[str, object]:
    """What one run makes of the files of two days."""
    stores.clear()
    stores.deliver(files)
    load_days(stores.settings, TWO_DAYS)
    tables: dict[str, Any] = stores.tables()
    assert tables["landing"] == {}
    assert len(tables["archive"]) == len(files) - 1
    assert tables["quarantine"] == [files[-3].name]
    return tables


# ---- 61: kill -9 -------------------------------------------------------------------------------


def test_h61_a_run_killed_between_any_two_steps_is_completed_by_the_next(
    stores, server, files, undisturbed
):
    stores.clear()
    stores.deliver(files)
    steps = re.findall("^step (.*)$", run(server, TWO_DAYS).output, re.MULTILINE)
    assert stores.tables() == undisturbed
    assert {"raw__impression_logs", "csv_data_task", "processed_log_files"} <= set(steps)

    stores.clear()
    stores.deliver(files[-3:])
    # From the last step to the first: what a kill leaves must wait for the last run, because the
    # runs between end before they get there. Each run has files of its own to lose.
    for step in reversed(range(len(steps) + 1)):
        stores.deliver(files[step : -3 : len(steps) + 1])
        ended = run(server, TWO_DAYS, step)
        assert ended.was_killed, ended.output
    ended = run(server, TWO_DAYS)

    assert ended.code == 0, ended.output
    assert stores.tables() == undisturbed


FEED, LOAD = "adtech_assets.feed", "adtech_assets.load"
ROLLUP = "adtech_assets.rollup.counting:rebuild"


@pytest.mark.parametrize(
    ("when", "function"),
    [
        pytest.param("after", f"{FEED}.reader:Reader.append_batch", id="rows-but-no-ledger"),
        pytest.param("after", f"{FEED}.ledger:Ledger.record", id="ledger-not-committed"),
        pytest.param("before", f"{FEED}.landing:quarantine", id="refused-not-moved"),
        pytest.param("before", "adtech_assets.files:move", id="reason-but-no-file"),
        pytest.param("after", f"{FEED}.landing:quarantine", id="moved-to-quarantine"),
        pytest.param("before", ROLLUP, id="ledger-but-no-rollup"),
        pytest.param("after", ROLLUP, id="rollup-not-committed"),
        pytest.param("before", f"{LOAD}.daily_csv:write", id="rollup-but-no-csv"),
        pytest.param("before", f"{LOAD}.daily_csv:_text", id="csv-is-empty"),
        pytest.param("after", f"{LOAD}.daily_csv:write", id="between-two-csv"),
        pytest.param("before", f"{LOAD}.audited_load:replace_days", id="csv-but-no-table"),
        pytest.param("after", f"{LOAD}.audited_load:copy_rows", id="rows-but-no-audit"),
        pytest.param("before", "psycopg:Connection.commit", id="audit-not-committed"),
        pytest.param("after", f"{LOAD}.audited_load:replace_days", id="table-but-no-archive"),
        pytest.param("before", f"{FEED}.landing:archive", id="before-the-first-move"),
        pytest.param("after", f"{FEED}.landing:archive", id="between-two-moves"),
        pytest.param("after", f"{FEED}.landing:archive_duplicate", id="duplicate-moved"),
    ],
)
def test_h61_a_run_killed_inside_a_step_is_completed_by_the_next(  # noqa: PLR0913, PLR0917
    stores, server, files, undisturbed, when, function
):
    stores.clear()
    stores.deliver(files[:-3:2])
    load_days(stores.settings, TWO_DAYS)
    stores.deliver([*files[1:-3:2], *files[-3:]])

    days = str(TWO_DAYS.first), str(TWO_DAYS.last)
    ended = server.run(f"{killed.__name__}:load_around", when, function, *days)
    load_days(stores.settings, TWO_DAYS)

    assert ended.was_killed, ended.output
    assert stores.tables() == undisturbed


def test_h61_runs_killed_at_random_moments_are_completed_by_the_next(
    stores, server, tmp_path_factory, capsys
):
    folder = tmp_path_factory.mktemp("thirty_days")
    files = generate_log_files(folder, list(THIRTY_DAYS), events_per_day=6, ctr=0.5)
    stores.clear()
    stores.deliver(files)
    seconds = run(server, THIRTY_DAYS).seconds
    undisturbed = stores.tables()
    assert len(undisturbed["load_audit"]) == len(undisturbed["output"]) == len(THIRTY_DAYS)
    seed = secrets.randbits(32)
    moments = random.Random(seed)  # noqa: S311 - a moment is no secret

    kills = runs = 0
    while kills < KILLS:
        stores.clear()
        stores.deliver(files)
        for _ in range(moments.randint(1, 5)):
            runs += 1
            ended = run(server, THIRTY_DAYS, after=moments.uniform(0, seconds))
            kills += ended.was_killed
            if not ended.was_killed:
                seconds = min(seconds, ended.seconds)
        ended = run(server, THIRTY_DAYS)

        assert ended.code == 0, (seed, ended.output)
        assert stores.tables() == undisturbed, seed
    with capsys.disabled():
        print(f"\n{kills} of {runs} runs killed, at random moments of {seconds:.1f} s")  # noqa: T201


# ---- 68: a backfill of three years, killed halfway ----------------------------------------------

THREE_YEARS = DayRange(FIRST, FIRST + timedelta(3 * 365))


def deliver_daily_files(stores: Stores, days: DayRange) -> None:
    """A small file of each kind a day: two impressions and a click."""
    for day in days:
        for kind, events in (("impressions", 2), ("clicks", 1)):
            pl.DataFrame(
                {
                    "transaction_header": [{"creation_time": 1654070400000}] * events,
                    "device_settings": [{"user_agent": f"agent of {day}"}] * events,
                }
            ).write_parquet(Path(stores.settings.raw_data_dir, f"{kind}_{day:%Y%m%d}11.parquet"))


def loads(stores: Stores) -> dict[str, tuple[str, datetime]]:
    """Which run has loaded each file, and when."""
    with Warehouse.of(stores.settings).connect() as warehouse:
        rows = warehouse.execute(
            "SELECT file_name, run_id, loaded_at FROM raw.log_files WHERE status = 'loaded'"
        ).fetchall()
    return {name: (run_id, loaded_at) for name, run_id, loaded_at in rows}


def test_h68_a_backfill_of_three_years_killed_halfway_reads_no_file_again(stores, server):
    stores.clear()
    deliver_daily_files(stores, THREE_YEARS)
    days = str(THREE_YEARS.first), str(THREE_YEARS.last)

    ended = server.run(
        f"{killed.__name__}:load_around", "before", f"{FEED}.reader:Reader.append_batch", *days, 5
    )
    assert ended.was_killed, ended.output
    finished = loads(stores)
    resumed = load_days(stores.settings, THREE_YEARS, run_id="resumed")
    loaded = loads(stores)

    assert len(THREE_YEARS) < len(finished) < 2 * len(THREE_YEARS)
    assert {name: loaded[name] for name in finished} == finished
    assert {loaded[name][0] for name in loaded.keys() - finished} == {"resumed"}
    assert sum(kind.known for kind in resumed.values()) == len(finished)
    with Postgres.of(stores.settings, "target").connect(read_only=True) as target:
        rows = target.execute("SELECT * FROM csv_data_task ORDER BY datetime").fetchall()
    assert [(row[0].date(), *row[1:3]) for row in rows] == [(day, 2, 1) for day in THREE_YEARS]
    assert list(stores.settings.raw_data_dir.iterdir()) == []


# ---- 72: SIGTERM, and a run cancelled in the UI ------------------------------------------------

BACKFILL = (
    *("backfill", "--from", str(TWO_DAYS.first), "--to", str(TWO_DAYS.last)),
    *("--select", LOG_BRANCH),
)


STOPPED = (130, "Stopped. What was committed stays; run the same command to go on.")


def last_words(ended: Ended) -> tuple[int, str]:
    """Exit code and last line of a command."""
    return ended.code, ended.output.splitlines()[-1]


def test_h72_a_stopped_backfill_says_so_and_is_completed_by_the_next(
    stores, server, files, undisturbed
):
    stores.clear()
    stores.deliver(files)

    for step in ("raw__impression_logs", "csv_data_task", "processed_log_files"):
        stopped = server.run(f"{RUNS}:stopped_command", step, *BACKFILL)
        assert last_words(stopped) == STOPPED, stopped.output
        assert "Error" not in stopped.output
    repeated = server.run(f"{RUNS}:command", *BACKFILL)

    assert repeated.code == 0, repeated.output
    assert stores.tables() == undisturbed


def test_h72_a_command_that_is_stopped_at_once_says_so_too(server):
    stopped = server.run(f"{RUNS}:early_stopped_command", *BACKFILL)

    assert last_words(stopped) == STOPPED, stopped.output


def test_h72_a_run_cancelled_in_the_ui_is_completed_by_the_next(stores, server, files, undisturbed):
    stores.clear()
    stores.deliver(files)
    days = str(TWO_DAYS.first), str(TWO_DAYS.last)

    cancelled = server.run(f"{RUNS}:cancelled", "csv_data_task", *days, LOG_BRANCH)
    repeated = run(server, TWO_DAYS)

    assert "status CANCELED" in cancelled.output
    assert (cancelled.code, repeated.code) == (1, 0), repeated.output
    assert stores.tables() == undisturbed
