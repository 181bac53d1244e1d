import shutil
from contextlib import closing

import duckdb
import pytest

from adtech_assets.errors import UserError
from adtech_assets.feed.ledger import Ledger
from adtech_assets.stores import identity
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.sample_feed import SAMPLE


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "warehouse.duckdb"


def id_of(path):
    with Warehouse(path).connect() as connection:
        return identity.of(connection).id


def version_of(path):
    with closing(duckdb.connect(path)) as connection:
        return identity.warehouse_version(connection)


def change(path, *statements):
    """Do something to the file behind the code's back."""
    with closing(duckdb.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_each_warehouse_has_an_id_of_its_own_that_stays(path, tmp_path):
    assert id_of(path) == id_of(path)
    assert id_of(path) != id_of(tmp_path / "other" / "warehouse.duckdb")


def test_a_warehouse_that_was_lost_comes_back_as_the_same(path):
    lost = id_of(path)
    path.unlink()
    assert id_of(path) == lost


def test_a_folder_that_has_lost_the_id_gets_it_from_the_warehouse(path):
    lost = id_of(path)
    path.with_suffix(".id").unlink()
    assert id_of(path) == lost
    path.unlink()
    assert id_of(path) == lost


def test_a_warehouse_says_where_it_is(path):
    with Warehouse(path).connect() as connection:
        assert str(path) in identity.of(connection).at


NOW = len(identity.WAREHOUSE_MIGRATIONS)


@pytest.mark.parametrize("read_only", [True, False])
def test_a_warehouse_of_before_there_were_versions_is_brought_to_this_one(path, read_only):
    with Warehouse(path).connect() as connection:
        Ledger.create(connection, SAMPLE)
    change(
        path,
        "DROP TABLE state.warehouse",
        "ALTER TABLE raw.log_files DROP COLUMN schema_fingerprint",
        "ALTER TABLE raw.log_files DROP COLUMN deleted_at",
        "ALTER TABLE raw.log_files DROP COLUMN feed_columns",
        "ALTER TABLE raw.log_files DROP COLUMN object_etag",
        "INSERT INTO raw.log_files (file_id, kind, file_name, status, first_seen_at) "
        "VALUES (1, 'clicks', 'a', 'loaded', now()::TIMESTAMP)",
    )
    with Warehouse(path).connect(read_only=read_only) as connection:
        assert connection.execute(
            "SELECT file_id, schema_fingerprint, deleted_at, feed_columns, object_etag "
            "FROM raw.log_files"
        ).fetchall() == [(1, None, None, None, None)]
    assert version_of(path) == NOW


def test_newer_code_migrates_whole_or_not_at_all(path, monkeypatch):
    id_of(path)
    change(path, "CREATE TABLE t AS SELECT 1 AS i")
    fails = "ALTER TABLE t ADD COLUMN j INTEGER; SELECT error('in the middle')"
    steps = identity.WAREHOUSE_MIGRATIONS
    monkeypatch.setattr(identity, "WAREHOUSE_MIGRATIONS", (*steps, "DELETE FROM t", fails))
    with pytest.raises(duckdb.Error, match="in the middle"):
        id_of(path)
    with closing(duckdb.connect(path)) as connection:
        assert connection.execute("FROM t").fetchall() == [(1,)]
    assert version_of(path) == NOW

    monkeypatch.setattr(identity, "WAREHOUSE_MIGRATIONS", (*steps, "UPDATE t SET i = 2", ""))
    id_of(path)
    with closing(duckdb.connect(path)) as connection:
        assert connection.execute("FROM t").fetchall() == [(2,)]
    assert version_of(path) == NOW + 2


@pytest.mark.parametrize("read_only", [True, False])
def test_older_code_refuses_a_warehouse_of_newer(path, read_only):
    id_of(path)
    change(path, "UPDATE state.warehouse SET schema_version = 99")
    before = shutil.copy(path, path.with_suffix(".before"))
    with (
        pytest.raises(
            UserError, match=rf"schema version 99, .*newer adtech-assets.* knows {NOW}\."
        ),
        Warehouse(path).connect(read_only=read_only),
    ):
        pass
    assert path.read_bytes() == before.read_bytes()
