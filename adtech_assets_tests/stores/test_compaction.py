"""The warehouse, written anew without what was deleted from it."""

import os
import signal
import subprocess
import sys

import duckdb
import pytest

from adtech_assets import files
from adtech_assets.errors import UserError
from adtech_assets.stores import compaction, identity
from adtech_assets.stores.warehouse import Warehouse

PERSON = "somebody in particular"


@pytest.fixture
def warehouse(tmp_path):
    """A warehouse of which most was deleted."""
    warehouse = Warehouse(tmp_path / "data" / "warehouse.duckdb")
    with warehouse.connect() as connection:
        connection.execute(
            "CREATE SCHEMA raw;"
            "CREATE TABLE raw.t (i BIGINT NOT NULL, s VARCHAR, CHECK (i >= 0), PRIMARY KEY (i));"
            "COMMENT ON TABLE raw.t IS 'of the table'; COMMENT ON COLUMN raw.t.s IS 'of s';"
            'CREATE VIEW raw.v AS SELECT i FROM "warehouse"."raw"."t";'
            "INSERT INTO raw.t SELECT i, md5(i::VARCHAR) FROM range(1000000) AS r(i)"
        )
        connection.execute("INSERT INTO raw.t VALUES (1000000, ?)", [PERSON * 100])
        connection.execute("CHECKPOINT")
        connection.execute("DELETE FROM raw.t WHERE i > 10")
    return warehouse


def contents(warehouse):
    with warehouse.connect() as connection:
        return [
            connection.execute(query).fetchall()
            for query in (
                "FROM raw.t",
                "FROM raw.v",
                "FROM state.warehouse",
                "SELECT schema_name, table_name, comment, sql FROM duckdb_tables() ORDER BY ALL",
                (
                    "SELECT table_name, column_name, comment, is_nullable FROM duckdb_columns() "
                    "WHERE NOT internal ORDER BY ALL"
                ),
                "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal",
            )
        ]


def test_everything_stays_but_what_was_deleted(warehouse):
    before, size = contents(warehouse), warehouse.path.stat().st_size
    assert PERSON.encode() in warehouse.path.read_bytes()

    compacted = compaction.compact(warehouse)

    assert (compacted.before, compacted.after) == (size, warehouse.path.stat().st_size)
    assert compacted.after < size / 4
    assert contents(warehouse) == before
    assert PERSON.encode() not in warehouse.path.read_bytes()
    assert sorted(path.name for path in warehouse.path.parent.iterdir()) == [
        "warehouse.duckdb", "warehouse.duckdb.lock", "warehouse.id",
    ]  # fmt: skip


def test_it_stays_the_same_warehouse(warehouse):
    with warehouse.connect() as connection:
        before = identity.of(connection)
    compaction.compact(warehouse)
    with warehouse.connect() as connection:
        assert identity.of(connection) == before


def test_it_is_left_where_little_is_free(warehouse, monkeypatch):
    inode = warehouse.path.stat().st_ino
    assert compaction.compact(warehouse, if_worth=True) is None
    assert warehouse.path.stat().st_ino == inode

    monkeypatch.setattr(compaction, "WORTH_BYTES", 1)
    assert compaction.compact(warehouse, if_worth=True) is not None
    assert compaction.compact(warehouse, if_worth=True) is None


def test_there_may_be_none(tmp_path):
    assert compaction.compact(Warehouse(tmp_path / "warehouse.duckdb")) is None


KILLED = """
import os, signal, sys
from pathlib import Path
from adtech_assets.stores import compaction
from adtech_assets.stores.warehouse import Warehouse

copy = compaction._copy

def killed(connection, name, target):
    if sys.argv[2] == "after":
        copy(connection, name, target)
    else:
        connection.execute(f"ATTACH '{target}' AS half; CREATE TABLE half.t AS SELECT 1 AS i")
    os.kill(os.getpid(), signal.SIGKILL)

compaction._copy = killed
compaction.compact(Warehouse(Path(sys.argv[1])))
"""


@pytest.mark.parametrize("when", ["within", "after"])
def test_a_kill_leaves_the_old_one_and_the_next_time_succeeds(warehouse, when):
    before = contents(warehouse)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(warehouse.path), when], check=False, env=os.environ
    )
    assert done.returncode == -signal.SIGKILL
    assert files.partial_of(warehouse.path).exists()

    assert contents(warehouse) == before
    assert compaction.compact(warehouse) is not None
    assert contents(warehouse) == before
    assert not any("partial" in path.name for path in warehouse.path.parent.iterdir())


def test_where_there_is_no_room_it_stays_as_it_is(warehouse, monkeypatch):
    before = contents(warehouse)

    def full(*_):
        raise duckdb.IOException("No space left on device")

    monkeypatch.setattr(compaction, "_copy", full)

    with pytest.raises(UserError, match=r"No space left.*stays as it is"):
        compaction.compact(warehouse)
    assert contents(warehouse) == before
