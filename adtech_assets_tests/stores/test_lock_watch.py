import threading
import time
from contextlib import contextmanager
from datetime import date

import psycopg
import pytest

from adtech_assets.errors import GaveUpError, TransientError
from adtech_assets.feed.ledger import DayFiles
from adtech_assets.load.audited_load import DayLoad, replace_days
from adtech_assets.publish.marts import Mart
from adtech_assets.publish.publication import publish
from adtech_assets.rollup.hourly import HourCount
from adtech_assets.stores import postgres as postgres_module
from adtech_assets.stores.identity import Identity
from adtech_assets_tests.stores.test_postgres import both_drivers, by_psycopg

DAY = date(2022, 5, 26)
MART = Mart("readings", ("id",), "Readings.", {})


@pytest.fixture(autouse=True)
def _a_short_while(monkeypatch):
    monkeypatch.setattr(postgres_module, "RETRY_SECONDS", 2.0)


@contextmanager
def session(postgres, *statements):
    """Somebody's open transaction; how it must be named."""
    with psycopg.connect(postgres.url(), application_name="a notebook") as connection:
        for statement in statements:
            connection.execute(statement)
        [(since,)] = connection.execute(
            "SELECT date_trunc('second', xact_start AT TIME ZONE 'UTC')::text "
            "FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ).fetchall()
        pid = connection.info.backend_pid
        who = f"process {pid} (user postgres, application a notebook"
        yield f"{who}, in a transaction since {since}"


def load(target, impressions):
    identity = Identity("one", "here")
    counts = [HourCount(DAY, 11, impressions, 0)]
    loads = [DayLoad(DAY, counts, DayFiles(1, "abc"))]
    replace_days(target, loads, warehouse=identity, user_agent="agent", run_id="run")


def loaded(target):
    return by_psycopg(target, "SELECT impression_count FROM csv_data_task")


def build(warehouse, columns):
    warehouse.execute("CREATE SCHEMA IF NOT EXISTS marts")
    warehouse.execute(f"CREATE OR REPLACE TABLE marts.readings AS SELECT {columns}")


def test_a_load_that_a_row_lock_holds_up_gives_up_and_names_the_session(target, caplog):
    load(target, 1)
    began = time.monotonic()
    with session(target, "SELECT * FROM csv_data_task FOR UPDATE") as named:
        with pytest.raises(GaveUpError) as raised:
            load(target, 2)
    assert time.monotonic() - began < 10
    assert named in str(raised.value)
    assert "pg_terminate_backend" in str(raised.value)
    assert named in caplog.text, "who waits is told while he waits"
    assert loaded(target) == [(1,)]


def test_a_load_goes_on_once_the_lock_is_free(target, monkeypatch):
    monkeypatch.setattr(postgres_module, "RETRY_SECONDS", 30.0)
    load(target, 1)
    with session(target, "SELECT * FROM csv_data_task FOR UPDATE"):
        going_on = threading.Thread(target=load, args=(target, 2))
        going_on.start()
        time.sleep(1)
    going_on.join()
    assert loaded(target) == [(2,)]


def test_readers_do_not_queue_behind_a_publication_that_waits_for_an_idle_one(warehouse, target):
    build(warehouse, "1 AS id")
    publish(warehouse, target, [MART])
    build(warehouse, "1 AS id, 2 AS more")
    longest, done = [0.0], threading.Event()

    def read():
        while not done.is_set():
            began = time.monotonic()
            with psycopg.connect(target.url()) as connection:
                connection.execute("SELECT * FROM marts.readings")
            longest[0] = max(longest[0], time.monotonic() - began)
            time.sleep(0.02)

    with session(target, "SELECT * FROM marts.readings") as named:
        reader = threading.Thread(target=read)
        reader.start()
        with pytest.raises(GaveUpError) as raised:
            publish(warehouse, target, [MART])
        done.set()
        reader.join()
    assert named in str(raised.value)
    assert 0.1 < longest[0] < 2 * postgres_module.LOCK_SECONDS


@both_drivers
def test_a_reader_that_waits_is_told_who_holds_it_up(target, ask):
    with target.connect() as connection:
        connection.execute("CREATE TABLE rebuilt AS SELECT 1 AS one")
    with session(target, "LOCK TABLE rebuilt") as named:
        with pytest.raises(TransientError) as raised:
            ask(target, "SELECT * FROM rebuilt")
    assert named in str(raised.value)


def test_a_prepared_transaction_is_named_as_such(tcp_server, table):
    tcp_server.execute("ALTER SYSTEM SET max_prepared_transactions = 5")
    tcp_server.stop()
    tcp_server.start()
    try:
        tcp_server.execute(f"BEGIN; LOCK TABLE {table}; PREPARE TRANSACTION 'left'")
        with pytest.raises(TransientError, match="pg_prepared_xacts"):
            by_psycopg(tcp_server.postgres(), f"SELECT * FROM {table}")
    finally:
        tcp_server.execute("ROLLBACK PREPARED 'left'")
        tcp_server.execute("ALTER SYSTEM RESET max_prepared_transactions")
        tcp_server.stop()
        tcp_server.start()


def test_the_time_of_a_session_that_may_not_be_looked_into_is_left_out(tcp_server, table):
    tcp_server.execute(f"CREATE ROLE guest LOGIN PASSWORD 'x'; GRANT SELECT ON {table} TO guest")
    try:
        with session(tcp_server.postgres(), f"LOCK TABLE {table}") as named:
            with pytest.raises(TransientError) as raised:
                by_psycopg(
                    tcp_server.postgres(user="guest", password="x"), f"SELECT * FROM {table}"
                )
    finally:
        tcp_server.execute("DROP OWNED BY guest; DROP ROLE guest")
    assert named.partition(", in a")[0] + ")" in str(raised.value)
