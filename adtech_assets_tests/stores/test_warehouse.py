import os
import subprocess
import sys
import threading
from contextlib import contextmanager

import duckdb
import pytest

from adtech_assets.errors import TransientError, UserError
from adtech_assets.stores.warehouse import CACHE_BYTES, Warehouse, bound_cache, transaction
from adtech_assets_tests.stores.waiting import wait_until

HOLD = """
import sys
from pathlib import Path
from adtech_assets.stores.warehouse import Warehouse

with Warehouse(Path(sys.argv[1])).connect() as connection:
    print("held", flush=True)
    sys.stdin.readline()
    connection.execute("CREATE TABLE done (step INTEGER)")
"""

OPEN_WITHOUT_THE_LOCK = """
import sys
import duckdb

connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
connection.execute("CREATE TABLE done (step INTEGER)")
connection.close()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "warehouse.duckdb"


@contextmanager
def other_process(program, path):
    """Another process that does something once it has the file, and ends when told to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline()
        yield process
        process.kill()


def tables(connection):
    return connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
    ).fetchall()


@contextmanager
def waiting_for(path):
    """A thread that waits for the warehouse; it yields what it found there, once it got in."""
    found = []

    def look():
        with Warehouse(path).connect() as connection:
            found.append(tables(connection))

    thread = threading.Thread(target=look)
    thread.start()
    yield found
    thread.join(30)
    assert not thread.is_alive()


def test_the_folder_and_the_file_are_made_when_they_are_needed(path):
    warehouse = Warehouse(path)
    assert not path.parent.exists()

    with warehouse.connect() as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]

    assert path.exists()


def test_times_are_utc_whatever_the_machine_says(path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with Warehouse(path).connect() as connection:
        assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_whoever_comes_second_waits_and_finds_what_the_first_has_done(path):
    with other_process(HOLD, path) as holder, waiting_for(path) as found:
        assert not wait_until(lambda: found, seconds=1.5)
        holder.communicate("go on\n")

        assert wait_until(lambda: found)
    assert found == [[("done",)]]


def test_whoever_waits_is_told_so(path, caplog):
    caplog.set_level("INFO", logger="adtech_assets")
    with other_process(HOLD, path) as holder, waiting_for(path):
        assert wait_until(lambda: "Another run is using the warehouse" in caplog.text)
        holder.communicate("go on\n")


def test_the_warehouse_is_free_once_its_holder_is_killed(path):
    with other_process(HOLD, path) as holder, waiting_for(path) as found:
        holder.kill()

        assert wait_until(lambda: found)


@pytest.mark.parametrize("seconds", [0, 0.3, 1.3])
def test_the_wait_has_a_bound(path, seconds):
    warehouse = Warehouse(path, wait_seconds=seconds)
    with (
        other_process(HOLD, path),
        pytest.raises(TransientError, match="was in use for"),
        warehouse.connect(),
    ):
        pass


def test_a_process_that_has_the_file_open_without_the_lock_is_waited_for(path, caplog):
    caplog.set_level("INFO", logger="adtech_assets")
    with other_process(OPEN_WITHOUT_THE_LOCK, path) as orphan, waiting_for(path) as found:
        assert wait_until(lambda: "Another process has the warehouse open" in caplog.text)
        assert not found
        orphan.communicate("go on\n")

        assert wait_until(lambda: found)
    assert found == [[("done",)]]


def test_the_wait_for_such_a_process_has_a_bound(path):
    warehouse = Warehouse(path, wait_seconds=0.2)
    with (
        other_process(OPEN_WITHOUT_THE_LOCK, path) as orphan,
        pytest.raises(TransientError, match=f"Another process has had {path} open.*{orphan.pid}"),
        warehouse.connect(),
    ):
        pass


def test_a_reservation_keeps_other_processes_out_but_not_ones_own_children(path):
    with Warehouse(path).connect() as connection:
        connection.execute("CREATE TABLE made_before (i INTEGER)")
    query = f"import duckdb; print(duckdb.connect('{path}').execute('FROM made_before').fetchall())"
    wait_a_second = HOLD.replace("Path(sys.argv[1])", "Path(sys.argv[1]), wait_seconds=0.2")

    with Warehouse(path).reserved():
        child = subprocess.run(
            [sys.executable, "-c", query], check=True, capture_output=True, text=True
        )
        outsider = subprocess.run(
            [sys.executable, "-c", wait_a_second, str(path)],
            check=False,
            capture_output=True,
            text=True,
        )

    assert child.stdout == "[]\n"
    assert outsider.returncode != 0
    assert "TransientError" in outsider.stderr


def test_a_process_that_holds_the_warehouse_may_take_it_again(path):
    with Warehouse(path).connect() as outer, Warehouse(path).connect() as inner:
        outer.execute("CREATE TABLE seen_by_both (i INTEGER)")
        assert tables(inner) == [("seen_by_both",)]


def test_the_inner_of_two_users_does_not_free_it_for_others(path):
    with Warehouse(path).reserved():
        with Warehouse(path).reserved():
            pass
        with pytest.raises(subprocess.CalledProcessError):
            subprocess.run(
                [
                    sys.executable,
                    "-c",
                    HOLD.replace("Path(sys.argv[1])", "Path(sys.argv[1]), wait_seconds=0"),
                    str(path),
                ],
                check=True,
                stderr=subprocess.DEVNULL,
            )


def test_the_connection_is_closed_and_the_warehouse_free_after_an_exception(path):
    with pytest.raises(ZeroDivisionError), Warehouse(path).connect() as connection:
        raise ZeroDivisionError

    with pytest.raises(duckdb.ConnectionException, match="closed"):
        connection.execute("SELECT 1")
    with other_process(HOLD, path) as holder:
        assert holder.poll() is None


def test_read_only_users_change_nothing(path):
    with Warehouse(path).connect():
        pass
    with (
        Warehouse(path).connect(read_only=True) as connection,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        connection.execute("CREATE TABLE t (i INTEGER)")


def test_a_look_at_a_warehouse_that_does_not_exist_says_how_to_fill_it(path):
    with (
        pytest.raises(UserError, match="no warehouse yet.*adtech backfill"),
        Warehouse(path).connect(read_only=True),
    ):
        pass
    assert not path.parent.exists()


def garbage(content):
    return os.urandom(len(content))


def empty(_content):
    return b""


def cut_short(content):
    return content[: len(content) // 2]


def headers_overwritten(content):
    return content[:4096] + os.urandom(8192) + content[12288:]


def blocks_overwritten(content):
    return content[:12288] + os.urandom(len(content) - 12288)


@pytest.mark.parametrize(
    "damage", [garbage, empty, cut_short, headers_overwritten, blocks_overwritten]
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_damaged_file_is_told_with_what_to_do(path, damage, read_only):
    warehouse = Warehouse(path)
    with warehouse.connect() as connection:
        connection.execute(
            "CREATE TABLE t AS SELECT range AS i, hash(range) AS h FROM range(200000)"
        )
    path.write_bytes(damage(path.read_bytes()))

    with (
        pytest.raises(UserError, match=f"{path} is damaged.*Move it away.*adtech backfill"),
        warehouse.connect(read_only=read_only) as connection,
    ):
        connection.execute("SELECT bit_xor(h) FROM t").fetchall()


def test_a_folder_in_the_place_of_the_file_is_told(path):
    path.mkdir(parents=True)
    with pytest.raises(UserError, match="cannot be opened.*directory"), Warehouse(path).connect():
        pass


def test_a_transaction_that_succeeds_stays(path):
    with Warehouse(path).connect() as connection:
        with transaction(connection):
            connection.execute("CREATE TABLE t (i INTEGER)")
        connection.execute("INSERT INTO t VALUES (1)")
    with Warehouse(path).connect() as connection:
        assert connection.execute("FROM t").fetchall() == [(1,)]


@pytest.mark.parametrize("failure", [ZeroDivisionError, KeyboardInterrupt, SystemExit])
def test_a_transaction_that_fails_leaves_nothing(path, failure):
    with Warehouse(path).connect() as connection:
        with pytest.raises(failure), transaction(connection):
            connection.execute("CREATE TABLE t (i INTEGER)")
            raise failure
        assert tables(connection) == []


def test_an_error_of_the_database_leaves_a_connection_that_can_go_on(path):
    with Warehouse(path).connect() as connection:
        connection.execute("CREATE TABLE t (i INTEGER PRIMARY KEY)")
        with pytest.raises(duckdb.ConstraintException), transaction(connection):
            connection.execute("INSERT INTO t VALUES (1)")
            connection.execute("INSERT INTO t VALUES (1)")
        with transaction(connection):
            connection.execute("INSERT INTO t VALUES (2)")
        assert connection.execute("FROM t").fetchall() == [(2,)]


def test_the_error_in_a_transaction_is_not_hidden_by_its_end(path):
    with Warehouse(path).connect() as connection:
        with pytest.raises(ZeroDivisionError), transaction(connection):
            connection.rollback()
            raise ZeroDivisionError


# ---- memory ------------------------------------------------------------------------------------


def used_and_limit(connection):
    """Bytes that DuckDB holds, and how many it may."""
    return connection.execute(
        "SELECT sum(memory_usage_bytes)::BIGINT, current_setting('memory_limit') "
        "FROM duckdb_memory()"
    ).fetchone()


@pytest.mark.parametrize("own_limit", [None, "512MB", "1.1GiB"])
def test_blocks_are_given_back_and_the_limit_stays(path, own_limit):
    with Warehouse(path).connect() as connection:
        if own_limit:
            connection.execute(f"SET memory_limit = '{own_limit}'")
        connection.execute("CREATE TABLE t AS SELECT hash(range) AS h FROM range(8_000_000)")
        before, limit = used_and_limit(connection)
        assert before > CACHE_BYTES

        for _ in range(3):
            bound_cache(connection)

        after, limit_after = used_and_limit(connection)
        assert after <= CACHE_BYTES
        assert limit_after == limit
        assert connection.execute("SELECT count(DISTINCT h) FROM t").fetchone() == (8_000_000,)


def test_a_transaction_goes_on_whose_memory_cannot_be_given_back(path):
    with Warehouse(path).connect() as connection:
        connection.execute("SET max_temp_directory_size = '0B'")
        with transaction(connection):
            connection.execute("CREATE TEMP TABLE t AS SELECT hash(range) FROM range(8_000_000)")
            _, limit = used_and_limit(connection)

            bound_cache(connection)

            after, limit_after = used_and_limit(connection)
            assert after > CACHE_BYTES
            assert limit_after == limit
            connection.execute("CREATE TABLE kept AS SELECT count(*) AS n FROM t")
        assert connection.execute("FROM kept").fetchall() == [(8_000_000,)]
