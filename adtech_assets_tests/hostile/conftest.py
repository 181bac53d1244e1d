"""The table of the cases at the end, and the log branch of the pipeline for the tests."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest

from adtech_assets.logs import processed, rollup
from adtech_assets.logs.ledger import Ledger
from adtech_assets.logs.names import KINDS
from adtech_assets.serving import audited_load, daily_csv
from adtech_assets.serving.status import read_status
from adtech_assets.settings import load_settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.hostile.cases import CASES
from adtech_assets_tests.logs import feed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    import duckdb

    from adtech_assets.logs.ingest import Ingested
    from adtech_assets.logs.names import Kind
    from adtech_assets.logs.rollup import HourCount
    from adtech_assets.partitions import DayRange
    from adtech_assets.serving.status import Status
    from adtech_assets.settings import Settings

    T = TypeVar("T")

# ---- the table at the end --------------------------------------------------------------------

_CASE_IN_TEST_ID = re.compile(r"hostile/test_\w+\.py::test_h([0-9]{2})_")
_FAILED = ("failed", "error")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what became of each case, when any of them was run."""
    outcomes: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for category in ("passed", "skipped", "xfailed", "xpassed", *_FAILED):
        for report in terminalreporter.stats.get(category, []):
            case = _CASE_IN_TEST_ID.search(report.nodeid)
            if case is not None:
                outcomes[int(case[1])].append((category, _reason(report)))
    if not outcomes:
        return
    terminalreporter.section("hostile inputs")
    given = max(len(case.given) for case in CASES.values())
    expected = max(len(case.expected) for case in CASES.values())
    for number, case in CASES.items():
        terminalreporter.write_line(
            f"{number:02}  {case.given:{given}}  {case.expected:{expected}}  "
            f"{_verdict(outcomes[number])}"
        )


def _verdict(outcomes: list[tuple[str, str]]) -> str:
    """A case passes when all of its tests do; why others were skipped is said."""
    found = {category for category, _ in outcomes}
    reasons = "; ".join(sorted({reason for _, reason in outcomes if reason}))
    if found & {*_FAILED, "xpassed"}:
        return "FAIL"
    if "xfailed" in found:
        return f"FAIL (known: {reasons})"
    if "passed" in found:
        return f"pass (in part: {reasons})" if "skipped" in found else "pass"
    return f"not run ({reasons})" if reasons else "not run"


def _reason(report: pytest.TestReport) -> str:
    """Why a test was skipped, or is known to fail."""
    if hasattr(report, "wasxfail"):
        return report.wasxfail.removeprefix("reason: ")
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return ""


# ---- the pipeline ----------------------------------------------------------------------------


@pytest.fixture(scope="session")
def databases(postgres_server: str) -> dict[str, str]:
    """URLs of two databases that every test finds empty: making new ones takes ten times as long."""
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

    def run(self, of: DayRange | None = None) -> dict[Kind, Ingested]:
        """Load days (the feed's first one) into warehouse, CSV and target, then clear landing."""
        of = of or feed.days()
        with Warehouse.of(self.settings).connect() as warehouse:
            ingested = {kind: feed.ingest(warehouse, self.settings, kind, of) for kind in KINDS}
            feed.build_rollup(warehouse, of)
            files = Ledger(warehouse).day_files(of)
            loads = []
            for day in of:
                counts = rollup.hourly_counts(
                    warehouse, type(of)(day, day), self.settings.user_agent
                )
                daily_csv.write(self.settings.output_dir, day, counts)
                loads.append(audited_load.DayLoad(day, counts, files.get(day)))
            audited_load.replace_days(
                self.target, of, loads, user_agent=self.settings.user_agent, run_id="run"
            )
            loaded = {day: counted.fingerprint for day, counted in files.items()}
            processed.clear_landing(warehouse, self.settings, of, loaded)
        return ingested

    @property
    def target(self) -> Postgres:
        return Postgres.of(self.settings, "target")

    def look(self, question: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        """Ask the warehouse something."""
        with Warehouse.of(self.settings).connect() as warehouse:
            return question(warehouse)

    def status(self) -> Status:
        return read_status(self.settings)

    def served(self, of: DayRange | None = None) -> list[HourCount]:
        """The rows of `csv_data_task`; those of the CSV files must be the same."""
        of = of or feed.days()
        with self.target.connect(read_only=True) as connection:
            rows = audited_load.loaded_counts(connection, of)
        in_csv = [row for day in of for row in daily_csv.read(self.settings.output_dir, day)]
        assert rows == in_csv
        return rows


@pytest.fixture
def pipeline(settings: Settings) -> Pipeline:
    """A pipeline that counts every user agent, so that a lost event is always seen."""
    return Pipeline(settings.model_copy(update={"user_agent": "*"}))
