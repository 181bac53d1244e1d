"""Every difference that the checks must find, made by hand."""

from __future__ import annotations

from datetime import date

import dagster as dg
import pytest

from adtech_assets import partitions
from adtech_assets.audit import failures, row_counts
from adtech_assets.contract import KINDS
from adtech_assets.defs import checks
from adtech_assets.defs.resources import build_resources
from adtech_assets.feed.ingest import Ingest
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load import audited_load, daily_csv
from adtech_assets.operational import snapshot
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange
from adtech_assets.rollup import counting, facts, hourly
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets.stores import identity
from adtech_assets.stores.warehouse import Warehouse, transaction
from adtech_assets_tests.feed import deliveries
from adtech_assets_tests.sample_feed import PROJECT

DAY = date(2022, 5, 26)
DAYS = DayRange(DAY, DAY)


@pytest.fixture
def differences(settings, warehouse, source, target):
    """The differences of a loaded day, as often as they are asked for."""
    generate_log_files(settings.raw_data_dir, [DAY], events_per_day=40, ctr=0.5)
    for kind in KINDS:
        Ingest(warehouse, settings, kind, DAYS, "run").run()
    warehouse.execute(facts.ROLLUP.schema)
    with transaction(warehouse):
        counting.rebuild(warehouse, facts.ROLLUP, DAYS)
    counts = hourly.hourly_counts(warehouse, DAYS, settings.user_agent)
    daily_csv.write(settings.output_dir, DAY, counts)
    files = Ledger(warehouse).day_files(DAYS)[DAY]
    audited_load.replace_days(
        target,
        [audited_load.DayLoad(DAY, counts, files)],
        warehouse=identity.of(warehouse),
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
                for difference in row_counts.all_differences(warehouse, postgres, settings, DAYS)
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
            ("the ledger", "rollup.hourly_user_agent_rollup"),
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


def test_a_file_that_left_the_archive_is_found(differences, settings):
    next(settings.raw_data_dir.glob("clicks*")).unlink()
    assert differences() == [("the ledger", "the archive")]


# ---- as Dagster asks ---------------------------------------------------------------------------


@pytest.fixture
def evaluate(settings):
    """Runs a check by itself; returns True or its severity, and what it says."""

    def run(name, kind=None, **changed):
        ((check, asked),) = (
            (check, key)
            for check in checks.CHECKS
            for key in check.check_keys
            if key.name == name and kind in (None, key.asset_key.path[-1])
        )
        job = dg.define_asset_job("check", selection=dg.AssetSelection.checks(asked))
        definitions = dg.Definitions(
            asset_checks=[check],
            jobs=[job],
            resources=build_resources(settings.model_copy(update=changed), PROJECT),
        )
        with dg.DagsterInstance.ephemeral() as instance:
            run = definitions.resolve_job_def("check").execute_in_process(
                instance=instance, raise_on_error=False
            )
        (found,) = run.get_asset_check_evaluations()
        return found.passed or found.severity.value, str(found.description)

    return run


@pytest.fixture
def offsets_of(settings):
    """Loads impressions whose names claim these offsets."""

    def load(*ranges):
        for hour, (first, last) in enumerate(ranges):
            name = f"impressions_20220526{hour:02}1500000_{first}-{last}_0.parquet"
            deliveries.deliver(settings, name, *[f"agent {hour}"] * (last - first + 1))
        trusting = settings.model_copy(update={"refuse_offset_overlaps": False})
        with Warehouse.of(settings).connect() as warehouse:
            assert deliveries.ingest(warehouse, trusting).loaded == len(ranges)

    return load


def test_gaps_are_warned_of_unless_nobody_wants_to_know(evaluate, offsets_of):
    offsets_of((0, 1), (4, 5))

    found, told = evaluate("offsets_have_no_gaps", "impression_logs")
    assert found == "WARN"
    assert "offsets 2 to 3 (2 events)" in told
    assert evaluate("offsets_have_no_gaps", "impression_logs", report_offset_gaps=False)[0] is True
    assert evaluate("offsets_have_no_gaps", "click_logs")[0] is True


def test_overlaps_are_an_error_unless_they_are_not_refused(evaluate, offsets_of):
    offsets_of((0, 1), (1, 2))

    found, told = evaluate("offsets_are_counted_once", "impression_logs")
    assert found == "ERROR"
    assert "offsets 1 to 1 (1 events)" in told
    assert (
        evaluate("offsets_are_counted_once", "impression_logs", refuse_offset_overlaps=False)[0]
        is True
    )


@pytest.mark.usefixtures("differences")
def test_everything_is_compared_in_one_check(evaluate, settings, warehouse):
    warehouse.close()
    assert evaluate("counts_are_conserved")[0] is True

    name = next(settings.raw_data_dir.glob("clicks*"))
    name.unlink()

    found, told = evaluate("counts_are_conserved")
    assert found == "ERROR"
    assert f"2022-05-26 bytes of {name.name}" in told


@pytest.fixture
def clock(monkeypatch):
    """Sets the day."""
    return lambda day: monkeypatch.setattr(partitions, "today", lambda _zone: day)


@pytest.mark.usefixtures("differences")
def test_yesterday_is_loaded_or_warned_of(evaluate, warehouse, clock):
    warehouse.close()

    def on(day_of_may):
        clock(date(2022, 5, day_of_may))
        return evaluate("yesterday_is_loaded")

    assert on(25) == (True, "2022-05-24 is before the first day")
    assert on(26) == ("WARN", "2022-05-25 is missing")
    assert on(27) == (True, "2022-05-26 is loaded")
    assert on(28) == ("WARN", "2022-05-27 is missing")


@pytest.mark.usefixtures("differences")
def test_a_failure_of_yesterday_is_told_with_its_reason(evaluate, settings, warehouse, clock):
    warehouse.close()
    failures.note(settings, DAYS, run_id="run", step="csv_data_task", error="it broke")
    clock(date(2022, 5, 27))

    assert evaluate("yesterday_is_loaded") == ("WARN", "2022-05-26 is failed: it broke")


def test_yesterday_can_be_asked_for_before_anything_was_loaded(evaluate, clock):
    clock(date(2022, 5, 27))

    assert evaluate("yesterday_is_loaded") == ("WARN", "2022-05-26 is missing")
