"""Stores for the tests: real ones, new for each test, below a temporary folder."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from adtech_assets.settings import START_DATE, Settings, load_settings
from adtech_assets.stores import embedded_postgres
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.hostile.table import pytest_terminal_summary
from adtech_assets_tests.tcp_postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb

__all__ = ["pytest_terminal_summary"]  # pytest finds the table of the hostile cases here

_numbers = itertools.count()


LONGEST = ("test_night.py", "test_dev.py", "test_backfill_again.py", "end_to_end")
"""Files that wait for daemons and other processes, up to four minutes."""


def pytest_configure() -> None:
    """Hear Ctrl-C, which a shell lets its background jobs ignore, and with them all they start.

    And begin the days where they begin by default.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # For the definitions that test modules import: a demo in this clone has a day of its own.
    os.environ["ADTECH_START_DATE"] = str(START_DATE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no processor is idle at the end."""
    items.sort(key=lambda item: [name not in item.nodeid for name in LONGEST])


@pytest.fixture(autouse=True)
def _no_settings_of_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment nor `.env` may change what a test sees."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"ADTECH_{name.upper()}", raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """URL of a database on an embedded server, which stops after the tests.

    It need not survive a loss of power: on a busy disk, to drop a database took 1.6 s and takes
    0.04 s without waiting for it, and nearly every test has two.
    """
    url = embedded_postgres.database_url(tmp_path_factory.mktemp("postgres"), "analytics")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    return url


@pytest.fixture(scope="session")
def tcp_server() -> Iterator[PostgresServer]:
    """Another server, by TCP and with a password; a test that stops it starts it again."""
    # Below the temporary folder itself: another system user must get there.
    folder = Path(tempfile.mkdtemp(prefix="tcp_postgres"))
    folder.chmod(0o755)
    server = PostgresServer(folder, password="s3cr@t:/%?#")
    server.start()
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def new_database(postgres_server: str) -> Iterator[Callable[[], str]]:
    """Makes empty databases, and drops them after the test."""
    made: list[str] = []

    def make() -> str:
        name = f"test_{next(_numbers)}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        made.append(name)
        return postgres_server.replace("/analytics?", f"/{name}?")

    yield make
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        for name in made:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def settings(tmp_path: Path, new_database: Callable[[], str]) -> Settings:
    """Settings with folders and databases of the test's own; files settle at once."""
    (tmp_path / "raw_data").mkdir()
    return load_settings(
        raw_data_dir=tmp_path / "raw_data",
        output_dir=tmp_path / "output",
        data_dir=tmp_path / "data",
        source_database_url=new_database(),
        target_database_url=new_database(),
        settle_seconds=0,
    )


@pytest.fixture
def warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """An open connection to the test's warehouse."""
    with Warehouse.of(settings).connect() as connection:
        yield connection


@pytest.fixture
def source(settings: Settings) -> Postgres:
    """The operational database, empty."""
    return Postgres.of(settings, "source")


@pytest.fixture
def target(settings: Settings) -> Postgres:
    """The analytics database, empty."""
    return Postgres.of(settings, "target")


@pytest.fixture
def ask(target: Postgres) -> Callable[[str], list[tuple[Any, ...]]]:
    """Asks the target database on a connection of its own."""

    def run(query: str) -> list[tuple[Any, ...]]:
        with target.connect() as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def reader_role(ask: Callable[[str], object]) -> Iterator[str]:
    """A role that owns nothing; its name."""
    ask("CREATE ROLE reader LOGIN")
    yield "reader"
    ask("DROP OWNED BY reader")
    ask("DROP ROLE reader")
