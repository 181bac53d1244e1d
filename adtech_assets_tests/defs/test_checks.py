"""Every difference that the checks must find, made by hand."""

from __future__ import annotations

from datetime import date

import pytest

from adtech_assets.logs import rollup
from adtech_assets.logs.ingest import Ingest
from adtech_assets.logs.ledger import Ledger
from adtech_assets.logs.names import KINDS
from adtech_assets.operational import snapshot
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets.serving import audited_load, conservation, daily_csv
from adtech_assets.stores.warehouse import transaction

DAY = date(2022, 5, 26)
DAYS = DayRange(DAY, DAY)


@pytest.fixture
def differences(settings, warehouse, source, target):
    """The differences of a loaded day, as often as they are asked for."""
    generate_log_files(settings.raw_data_dir, [DAY], events_per_day=40, ctr=0.5)
    for kind in KINDS:
        Ingest(warehouse, settings, kind, DAYS, "run").run()
    warehouse.execute(rollup.SCHEMA)
    with transaction(warehouse):
        rollup.rebuild(warehouse, DAYS)
    counts = rollup.hourly_counts(warehouse, DAYS, settings.user_agent)
    daily_csv.write(settings.output_dir, DAY, counts)
    files = Ledger(warehouse).day_files(DAYS)[DAY]
    audited_load.replace_days(
        target,
        DAYS,
        [audited_load.DayLoad(DAY, counts, files)],
        user_agent=settings.user_agent,
        run_id="run",
    )
    with source.connect() as connection:
        create_schema(connection)
        connection.execute(
            "INSERT INTO impressions (campaign_id, created_at) VALUES (1, '2022-05-26 10:00')"
        )
    snapshot.extract(warehouse, source, DAYS, snapshot.RAW_TABLES, "run")

    def ask():
        with target.connect(read_only=True) as postgres:
            return [
                (difference.expected_in, difference.found_in)
                for difference in conservation.all_differences(warehouse, postgres, settings, DAYS)
            ]

    return ask


def test_a_loaded_day_has_none(differences):
    assert differences() == []


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (
            "DELETE FROM raw.impression_logs WHERE rowid = 0",
            ("the ledger", "raw.impression_logs"),
        ),
        (
            (
                "INSERT INTO raw.click_logs (file_id, file_date, file_hour) "
                "VALUES (999, '2022-05-26', 1)"
            ),
            ("the ledger", "raw.click_logs"),
        ),
        (
            "UPDATE raw.log_files SET last_offset = last_offset + 1 WHERE file_id = 1",
            ("its offsets", "the ledger"),
        ),
        (
            (
                "UPDATE rollup.hourly_user_agent_rollup SET click_count = click_count + 1 "
                "WHERE rowid = 0"
            ),
            ("the raw table", "the roll-up"),
        ),
        ("DELETE FROM raw.impressions", ("the source's impressions", "raw.impressions")),
    ],
)
def test_damage_in_the_warehouse_is_found(differences, warehouse, damage, found):
    warehouse.execute(damage)
    assert found in differences()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM csv_data_task WHERE datetime = (SELECT min(datetime) FROM csv_data_task)",
        (
            "UPDATE csv_data_task SET click_count = click_count + 1 "
            "WHERE datetime = (SELECT max(datetime) FROM csv_data_task)"
        ),
        "INSERT INTO csv_data_task VALUES ('2022-05-26 00:30', 0, 0, now())",
    ],
)
def test_a_target_row_that_was_edited_by_hand_is_found(differences, target, damage):
    with target.connect() as connection:
        connection.execute(damage)
    assert ("the CSV", "csv_data_task") in differences()
    assert ("load_audit", "csv_data_task") in differences()


def test_a_csv_that_is_gone_is_found(differences, settings):
    daily_csv.path_of(settings.output_dir, DAY).unlink()
    assert ("the roll-up", "the CSV") in differences()


def test_an_edited_csv_is_found(differences, settings):
    path = daily_csv.path_of(settings.output_dir, DAY)
    *rows, last = path.read_text().splitlines()
    day, hour, impressions, _ = last.split(",")
    path.write_text("\n".join([*rows, f"{day},{hour},{impressions},999"]) + "\n")
    assert ("the roll-up", "the CSV") in differences()
