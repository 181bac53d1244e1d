"""The log branch of the pipeline, step by step, on stores of the test's own."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import psycopg
import pytest

from adtech_assets import partitions
from adtech_assets.audit import failures
from adtech_assets.audit.status import read_status
from adtech_assets.contract import KINDS
from adtech_assets.feed import conformance, ingest, landing
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load import audited_load, daily_csv, processed
from adtech_assets.operational import snapshot
from adtech_assets.partitions import DayRange
from adtech_assets.rollup import hourly
from adtech_assets.settings import load_settings
from adtech_assets.stores import identity
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.end_to_end.loaded import changing_loaded
from adtech_assets_tests.feed import deliveries
from adtech_assets_tests.sample_feed import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date
    from typing import TypeVar

    import duckdb

    from adtech_assets.audit.status import Status
    from adtech_assets.contract import Kind
    from adtech_assets.feed.ingest import Ingested
    from adtech_assets.feed.ledger import DayFiles
    from adtech_assets.feed.rejections import Reason
    from adtech_assets.settings import Settings
    from adtech_assets_tests.hostile.graph import Graph

    T = TypeVar("T")

__all__ = ["changing_loaded"]  # a fixture


@pytest.fixture(scope="session")
def databases(postgres_server: str) -> dict[str, str]:
    """URLs of two databases that every test finds empty; new ones take ten times as long."""
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        for name in ("hostile_source", "hostile_target"):
            connection.execute(f'CREATE DATABASE "{name}"')
    return {
        store: postgres_server.replace("/analytics?", f"/hostile_{store}?")
        for store in ("source", "target")
    }


@pytest.fixture
def settings(tmp_path: Path, databases: dict[str, str]) -> Settings:
    """Settings with folders of the test's own and empty databases; files settle at once."""
    for url in databases.values():
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "DROP SCHEMA IF EXISTS marts CASCADE; DROP SCHEMA public CASCADE; "
                "CREATE SCHEMA public"
            )
    (tmp_path / "raw_data").mkdir()
    return load_settings(
        raw_data_dir=tmp_path / "raw_data",
        output_dir=tmp_path / "output",
        data_dir=tmp_path / "data",
        source_database_url=databases["source"],
        target_database_url=databases["target"],
        settle_seconds=0,
    )


@dataclass
class Pipeline:
    """The steps of the log branch in their order, as a run takes them."""

    settings: Settings

    def deliver(self, name: str, *user_agents: str | None) -> Path:
        """Put a good file of one event for each user agent into the landing folder."""
        path: Path = deliveries.deliver(self.settings, name, *user_agents)
        return path

    def run(self, of: DayRange | None = None) -> dict[Kind, Ingested]:
        """Load days (by default the feed's first) and clear the landing folder of their files."""
        of = of or deliveries.days()
        with Warehouse.of(self.settings).connect() as warehouse:
            ingested = {
                kind: deliveries.ingest(warehouse, self.settings, kind, of) for kind in KINDS
            }
            deliveries.build_rollup(warehouse, of)
            files = Ledger(warehouse).day_files(of)
            loads = [self._load(warehouse, day, files.get(day)) for day in of]
            audited_load.replace_days(
                self.target,
                loads,
                warehouse=identity.of(warehouse),
                user_agent=self.settings.user_agent,
                run_id="run",
            )
            loaded = {day: counted.fingerprint for day, counted in files.items()}
            processed.clear_landing(warehouse, self.settings, loaded)
        return ingested

    def _load(
        self, warehouse: duckdb.DuckDBPyConnection, day: date, files: DayFiles | None
    ) -> audited_load.DayLoad:
        counts = hourly.hourly_counts(warehouse, DayRange(day, day), self.settings.user_agent)
        if files is not None:
            daily_csv.write(self.settings.output_dir, day, counts)
        return audited_load.DayLoad(day, counts, files)

    def look(self, question: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Ask the warehouse something."""
        with Warehouse.of(self.settings).connect() as warehouse:
            return question(warehouse)

    def status(self) -> Status:
        return read_status(self.settings)

    @property
    def target(self) -> Postgres:
        return Postgres.of(self.settings, "target")

    def served(self, of: DayRange | None = None) -> list[tuple[int, int, int]]:
        """Hour, impressions and clicks in `csv_data_task`; the CSV files must say the same."""
        of = of or deliveries.days()
        with self.target.connect(read_only=True) as connection:
            rows = audited_load.loaded_counts(connection, of)
        days = [day for day in of if daily_csv.path_of(self.settings.output_dir, day).exists()]
        assert rows == [
            row for day in days for row in daily_csv.read(self.settings.output_dir, day)
        ]
        return [(row.hour, row.impressions, row.clicks) for row in rows]

    def tables(self) -> dict[str, object]:
        """Everything that two pipelines with the same deliveries have in common."""
        with self.target.connect(read_only=True) as connection:
            in_postgres = {
                table: connection.execute(query).fetchall()
                for table, query in {
                    "csv_data_task": (
                        "SELECT datetime, impression_count, click_count FROM csv_data_task "
                        "ORDER BY datetime"
                    ),
                    "load_audit": (
                        "SELECT day, user_agent, row_count, impression_count, click_count, "
                        "file_count, files_fingerprint FROM load_audit ORDER BY day"
                    ),
                }.items()
            }
        with Warehouse.of(self.settings).connect() as warehouse:
            in_warehouse = {
                table: warehouse.execute(query).fetchall()
                for table, query in {
                    "log_files": (
                        "SELECT file_id, kind, file_name, sha256, rows, status, reason "
                        "FROM raw.log_files ORDER BY ALL"
                    ),
                    "impression_logs": "FROM raw.impression_logs ORDER BY ALL",
                    "click_logs": "FROM raw.click_logs ORDER BY ALL",
                    "rollup": "FROM rollup.hourly_user_agent_rollup ORDER BY ALL",
                }.items()
            }
        folders = {
            "landing": self.settings.raw_data_dir,
            "archive": self.settings.archive_dir,
            "quarantine": self.settings.quarantine_dir,
        }
        csvs = sorted(self.settings.output_dir.glob("*"))
        return {
            **in_postgres,
            **in_warehouse,
            **{name: deliveries.names_in(folder) for name, folder in folders.items()},
            "csv": {path.name: path.read_text() for path in csvs},
        }

    def assert_quarantined(self, name: str, reason: Reason) -> None:
        """The file lies beside its reason, and `adtech status` lists it."""
        shown = landing.shown_name(name)
        assert not os.path.lexists(Path(self.settings.raw_data_dir, name))
        folders = [f for f in self.settings.quarantine_dir.iterdir() if os.path.lexists(f / name)]
        noted = [json.loads((folder / "reason.json").read_text("utf-8")) for folder in folders]
        assert (shown, reason) in [(note["file"], note["reason"]) for note in noted]
        assert all(note["detail"] for note in noted)
        status = self.status()
        assert (shown, reason) in [(file.file, file.reason) for file in status.quarantine]
        assert status.files["quarantined"] == len(status.quarantine)

    def warnings(self, check: str = "no_file_is_quarantined") -> list[str]:
        """What the checks of this name warn of, on whatever assets they are."""
        from adtech_assets.defs.checks import CHECKS
        from adtech_assets.defs.resources import build_resources

        wanted = [c for c in CHECKS if check in {key.name for key in c.check_keys}]
        keys = [key for c in wanted for key in c.check_keys if key.name == check]
        job = dg.define_asset_job("check", selection=dg.AssetSelection.checks(*keys))
        definitions = dg.Definitions(
            asset_checks=wanted, jobs=[job], resources=build_resources(self.settings, PROJECT)
        )
        with dg.DagsterInstance.ephemeral() as instance:
            run = definitions.resolve_job_def("check").execute_in_process(instance=instance)
        results = [result for result in run.get_asset_check_evaluations() if not result.passed]
        assert {result.severity for result in results} <= {dg.AssetCheckSeverity.WARN}
        return [str(result.description) for result in results]


@pytest.fixture
def pipeline(settings: Settings) -> Pipeline:
    """A pipeline that counts every user agent, so that a lost event is always seen."""
    return Pipeline(settings.model_copy(update={"user_agent": "*"}))


@pytest.fixture(scope="session")
def dagster_instance() -> Iterator[dg.DagsterInstance]:
    """Dagster without a home; making one takes a second."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def graph(
    pipeline: Pipeline, dagster_instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> Graph:
    """The asset graph on the pipeline's stores, without the pause before a step's retry."""
    from adtech_assets.defs import steps
    from adtech_assets_tests.hostile.graph import Graph

    monkeypatch.setattr(steps, "STEP_RETRY_SECONDS", 0)
    return Graph(pipeline.settings, dagster_instance)


@pytest.fixture(params=["small files", "large files"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small files go through Polars, large ones through DuckDB."""
    if request.param == "large files":
        monkeypatch.setattr(conformance, "SMALL_FILE_BYTES", 1)


@pytest.fixture
def set_clock(monkeypatch):
    """Sets the clock by which everything that is stored or planned goes."""

    def set_to(text):
        now = datetime.fromisoformat(text).replace(tzinfo=UTC)

        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return now.astimezone(tz)

        for module in (partitions, ingest, audited_load, snapshot, failures):
            monkeypatch.setattr(module, "datetime", Clock)
        monkeypatch.setattr(time, "time", now.timestamp)

    return set_to
