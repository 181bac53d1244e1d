from datetime import datetime
from decimal import Decimal

import pytest

from adtech_assets.errors import UserError
from adtech_assets.operational import history

CAMPAIGNS = """
CREATE SCHEMA snapshots;
CREATE TABLE snapshots.campaigns AS
SELECT
    7::INTEGER AS campaign_id,
    'Spring; "sale"' AS campaign_name,
    1.25::DECIMAL(10, 2) AS bid,
    NULL::DATE AS start_date,
    TIMESTAMP '2022-05-26 09:00:00.123456' AS dbt_valid_from,
    NULL::TIMESTAMP AS dbt_valid_to
"""
FIRST_VERSION = (
    *(7, 'Spring; "sale"', Decimal("1.25"), None),
    *(datetime.fromisoformat("2022-05-26 09:00:00.123456"), None),
)
SECOND_VERSION = "INSERT INTO snapshots.campaigns BY NAME SELECT 7 AS campaign_id, 2.00 AS bid"


def structure(warehouse):
    return warehouse.execute("DESCRIBE snapshots.campaigns").fetchall()


def versions(warehouse):
    return warehouse.execute("FROM snapshots.campaigns").fetchall()


def test_a_lost_snapshot_comes_back_as_it_was(warehouse, tmp_path):
    warehouse.execute(CAMPAIGNS)
    before = structure(warehouse)
    history.keep(warehouse, tmp_path)
    warehouse.execute("DROP SCHEMA snapshots CASCADE")

    restored = history.restore(warehouse, tmp_path)

    assert restored == ["campaigns"]
    assert structure(warehouse) == before
    assert versions(warehouse) == [FIRST_VERSION]


def test_a_snapshot_that_is_there_is_left_as_it_is(warehouse, tmp_path):
    warehouse.execute(CAMPAIGNS)
    history.keep(warehouse, tmp_path)
    warehouse.execute(SECOND_VERSION)

    assert history.restore(warehouse, tmp_path) == []
    assert len(versions(warehouse)) == 2


def test_new_versions_are_kept_too(warehouse, tmp_path):
    warehouse.execute(CAMPAIGNS)
    history.keep(warehouse, tmp_path)
    warehouse.execute(SECOND_VERSION)
    history.keep(warehouse, tmp_path)
    warehouse.execute("DROP SCHEMA snapshots CASCADE")
    history.restore(warehouse, tmp_path)

    assert len(versions(warehouse)) == 2


def test_a_history_is_not_replaced_by_a_shorter_one(warehouse, tmp_path):
    warehouse.execute(CAMPAIGNS)
    history.keep(warehouse, tmp_path)
    warehouse.execute("DELETE FROM snapshots.campaigns")

    with pytest.raises(UserError, match="holds versions that the warehouse has not"):
        history.keep(warehouse, tmp_path)

    warehouse.execute("DROP SCHEMA snapshots CASCADE")
    history.restore(warehouse, tmp_path)
    assert versions(warehouse) == [FIRST_VERSION]


def test_a_warehouse_without_snapshots_has_nothing_to_keep(warehouse, tmp_path):
    history.keep(warehouse, tmp_path)

    assert list(tmp_path.glob("*.parquet")) == []
    assert history.restore(warehouse, tmp_path) == []
