"""A deployment of its own for each test, driven through its commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import pytest
from filelock import FileLock

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.operational.schema import create_schema
from adtech_assets.publish import exports
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets.settings import Settings, load_settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.query import read_only_query
from adtech_assets_tests.end_to_end.in_process import Runs
from adtech_assets_tests.end_to_end.loaded import Loaded, changing_loaded
from adtech_assets_tests.other_projects import (
    OTHER_DAGSTER_PROJECT,
    OTHER_DBT_PROJECT,
    OTHER_SERVER,
    OTHER_TEXTS,
)
from adtech_assets_tests.publish.exported import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import psycopg

    from adtech_assets.stores.query import StoreName
    from adtech_assets_tests.end_to_end.changing import Changing

__all__ = ["changing_loaded"]  # a fixture

BIN = Path(sys.executable).parent
DAYS = [date(2022, 5, 26), date(2022, 5, 27)]

# Two campaigns of one advertiser; events on both days and at their edges, of an unknown campaign,
# of none, and undated.
SOURCE_ROWS = """
INSERT INTO advertiser (id, name) VALUES (1, 'Acme');
INSERT INTO campaign (id, name, bid, budget, advertiser_id)
VALUES (1, 'Spring', 0.50, 100, 1), (2, 'Summer', 1.25, 0, 1), (3, 'Nothing yet', 1, 10, 1);
INSERT INTO impressions (campaign_id, created_at) VALUES
    (1, '2022-05-26 00:00:00'), (1, '2022-05-26 12:00:00'), (1, '2022-05-26 23:59:59.999999'),
    (1, '2022-05-27 00:00:00'), (2, '2022-05-27 08:00:00'), (2, '2022-05-27 09:00:00'),
    (99, '2022-05-27 10:00:00'), (NULL, '2022-05-26 10:00:00'), (2, NULL);
INSERT INTO clicks (campaign_id, created_at) VALUES
    (1, '2022-05-26 12:00:01'), (2, '2022-05-27 08:00:01'), (99, '2022-05-27 10:00:01');
"""


@dataclass
class Deployment:
    """Folders and databases of one deployment, and its commands."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        own = {key: value for key, value in os.environ.items() if not key.startswith("ADTECH_")}
        return own | {
            **OTHER_SERVER,
            "ADTECH_RAW_DATA_DIR": str(self.raw_data),
            "ADTECH_OUTPUT_DIR": str(self.output),
            "ADTECH_DATA_DIR": str(self.data),
            "ADTECH_SETTLE_SECONDS": "0",
            "DAGSTER_HOME": str(PROJECT_DIR),
            "COLUMNS": "160",
        }

    @property
    def raw_data(self) -> Path:
        return self.folder / "raw_data"

    @property
    def output(self) -> Path:
        return self.folder / "output"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def settings(self) -> Settings:
        return load_settings(
            raw_data_dir=self.raw_data,
            output_dir=self.output,
            data_dir=self.data,
            settle_seconds=0,
        )

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command of the environment, from the project folder."""
        # dbt by hand is the hand's: what is set for it counts.
        of_others = {} if command[0] == "dbt" else OTHER_DBT_PROJECT
        if command[0] == "adtech":
            of_others = of_others | OTHER_DAGSTER_PROJECT | OTHER_TEXTS
        return subprocess.Popen(
            [str(BIN / command[0]), *command[1:]],
            cwd=PROJECT_DIR,
            env=self.environment | of_others | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, whatever its exit code."""
        process = self.start(*command, **environment)
        out, err = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def adtech(self, *arguments: str, **environment: str) -> str:
        """Run `adtech`; it must succeed. Returns what it prints."""
        done = self.run("adtech", *arguments, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def query(self, store: StoreName, query: str) -> list[dict[str, object]]:
        """Ask a store, in this process: a command a question would take minutes in all."""
        header, rows = read_only_query(self.settings, store, query)
        return [dict(zip(header, row, strict=True)) for row in rows]

    @contextmanager
    def source(self) -> Iterator[psycopg.Connection]:
        with Postgres.of(self.settings, "source").connect() as connection:
            yield connection

    def tables(self) -> dict[str, object]:
        """Everything that two equal deployments have in common: no times, no run ids."""
        target = Postgres.of(self.settings, "target")
        published = {name: read(target, name).rows() for name in exports.EXPORTS}
        return self.log_tables() | {"published": published}

    def log_tables(self) -> dict[str, object]:
        """The part of `tables` that comes from log files."""
        return {
            "csv": {path.name: path.read_text() for path in sorted(self.output.glob("*.csv"))},
            "csv_data_task": self.query(
                "target",
                "SELECT datetime, impression_count, click_count FROM csv_data_task ORDER BY 1",
            ),
            "load_audit": self.query(
                "target",
                "SELECT day, user_agent, row_count, impression_count, click_count, file_count, "
                "files_fingerprint FROM load_audit ORDER BY 1",
            ),
            "ledger": self.query(
                "warehouse",
                "SELECT kind, file_name, sha256, rows, file_date, status, reason "
                "FROM raw.log_files ORDER BY ALL",
            ),
            "rollup": self.query("warehouse", "FROM rollup.hourly_user_agent_rollup ORDER BY ALL"),
            "landing": sorted(path.name for path in self.raw_data.iterdir()),
        }


def made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """A folder that the first of the tests' processes makes, and all of them look at."""
    common = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        common = common.parent
    folder = common / name
    with FileLock(common / f"{name}.lock"):
        if not (common / f"{name}.made").exists():
            make(folder)
            (common / f"{name}.made").touch()
    return folder


@pytest.fixture(scope="session")
def log_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the log files of two days."""
    return made_once(
        tmp_path_factory,
        "log_files",
        lambda folder: generate_log_files(folder, DAYS, events_per_day=60, ctr=0.3),
    )


def new_deployment(folder: Path, log_files: Path) -> Deployment:
    """A deployment with log files delivered and source rows entered, nothing loaded yet."""
    deployment = Deployment(folder)
    shutil.copytree(log_files, deployment.raw_data)
    with deployment.source() as connection:
        create_schema(connection)
        connection.execute(SOURCE_ROWS)
    return deployment


@pytest.fixture
def deployment(tmp_path: Path, log_files: Path) -> Deployment:
    """A deployment of the test's own."""
    return new_deployment(tmp_path, log_files)


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory, log_files: Path) -> Deployment:
    """A deployment whose two days `adtech backfill` has loaded; only to be looked at."""

    def load(folder: Path) -> None:
        deployment = new_deployment(folder, log_files)
        deployment.adtech("backfill", "--from", "2022-05-26", "--to", "2022-05-27")

    return Deployment(made_once(tmp_path_factory, "loaded", load))


@pytest.fixture
def story(changing_loaded: Loaded, tmp_path: Path) -> Changing:
    """A feed and a source, loaded; the stores are the test's own."""
    return changing_loaded.copied(tmp_path)


@pytest.fixture
def run(story: Changing, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """Runs in this process, on the stores of the test."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield Runs(story, instance, monkeypatch)
