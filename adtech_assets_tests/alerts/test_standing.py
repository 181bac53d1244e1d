"""What of the stores and the disks needs a person, and since when."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
from filelock import FileLock

from adtech_assets.alerts.standing import (
    MOST_FILES,
    STALE_SECONDS,
    UNKNOWN_SECONDS,
    due_day,
    full_disks,
    of_the_stores,
)
from adtech_assets.audit import failures
from adtech_assets.partitions import DayRange, today
from adtech_assets.settings import load_settings
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.feed import deliveries
from adtech_assets_tests.hostile.conftest import Pipeline
from adtech_assets_tests.sample_feed import PROJECT


@pytest.fixture
def yesterday(settings):
    return today(settings.zone) - timedelta(1)


@pytest.fixture
def look(settings, yesterday):
    """What is told at a time of today, as kind, name and patience."""

    def at(clock, *days_told, of=settings):
        now = datetime.combine(
            yesterday + timedelta(1), time.fromisoformat(clock), tzinfo=settings.zone
        )
        found, are_known = of_the_stores(of, PROJECT, now, days_told)
        assert are_known == all(alert.condition.what != "not known" for alert in found)
        return [(alert.condition.what, alert.name, alert.patience) for alert in found]

    return at


def test_yesterday_is_due_when_the_time_has_come(look, yesterday):
    assert look("05:59") == [("day not there", str(yesterday - timedelta(1)), 0.0)]
    assert look("06:00") == [("day not there", str(yesterday), 0.0)]


def test_a_day_that_was_told_stands_until_it_is_there(look, yesterday):
    told = str(yesterday - timedelta(3))
    assert [name for _, name, _ in look("06:00", told)] == [told, str(yesterday)]


def test_no_day_before_the_first_is_due(settings, look, yesterday):
    of = settings.model_copy(update={"start_date": yesterday + timedelta(1)})
    assert look("06:00", of=of) == []


def test_the_time_is_that_of_the_feed(settings):
    of = load_settings(**(settings.model_dump() | {"alerts_time": "07:30"}))
    now = datetime(2022, 5, 27, 7, 29, tzinfo=of.zone)
    assert str(due_day(of, now)) == "2022-05-25"
    assert str(due_day(of, now + timedelta(minutes=1))) == "2022-05-26"


def test_a_failed_day_says_of_what(settings, yesterday):
    failures.note(settings, DayRange(yesterday, yesterday), run_id="r", step="s", error="full")
    now = datetime.combine(yesterday + timedelta(1), time(6), tzinfo=settings.zone)
    [alert] = of_the_stores(settings, PROJECT, now, ())[0]
    assert alert.condition.told == f"{yesterday} is failed at 06:00: full"


@pytest.fixture
def loaded(settings, yesterday):
    """Yesterday, loaded from a file."""
    deliveries.deliver(settings, f"impressions_{yesterday:%Y%m%d}10.parquet", "agent")
    Pipeline(settings).run(DayRange(yesterday, yesterday))
    return settings


@pytest.mark.usefixtures("loaded")
def test_a_day_that_is_there_is_not_told(look):
    assert look("06:00") == []


def test_a_late_file_of_a_day_that_is_there_has_some_time_for_its_run(loaded, look, yesterday):
    deliveries.deliver(loaded, f"clicks_late_{yesterday:%Y%m%d}10.parquet", "agent")
    assert look("06:00") == [("day not there", str(yesterday), STALE_SECONDS)]


def test_of_a_day_that_is_there_a_run_that_fails_is_told_as_a_run(loaded, look, yesterday):
    failures.note(loaded, DayRange(yesterday, yesterday), run_id="r", step="s", error="full")
    assert look("06:00") == []


def test_each_file_in_quarantine_is_one_up_to_a_number(settings, look, yesterday):
    for number in range(MOST_FILES + 3):
        name = f"clicks_{number}_{yesterday:%Y%m%d}10.parquet"
        (settings.raw_data_dir / name).write_bytes(f"{number}, no parquet".encode())
    with Warehouse.of(settings).connect() as warehouse:
        deliveries.ingest(warehouse, settings, "clicks", DayRange(yesterday, yesterday))
    found = [name for what, name, _ in look("00:00") if what == "file in quarantine"]
    assert len(found) == MOST_FILES + 1
    assert found[-1] == "more"


def test_a_store_out_of_reach_has_an_hour(look, settings):
    of = load_settings(
        **(settings.model_dump() | {"target_database_url": "postgresql://a:b@127.0.0.1:1/c"})
    )
    assert look("06:00", of=of) == [("not known", "stores", UNKNOWN_SECONDS)]


@pytest.mark.usefixtures("loaded")
def test_no_look_waits_for_a_run_that_has_the_warehouse(settings, look):
    with FileLock(f"{settings.warehouse_path}.lock"):
        assert look("06:00") == [("not known", "stores", UNKNOWN_SECONDS)]


def test_a_damaged_warehouse_is_told_at_once(settings, look):
    settings.warehouse_path.parent.mkdir(parents=True, exist_ok=True)
    settings.warehouse_path.write_bytes(b"no database")
    assert look("06:00") == [("not known", "stores", 0.0)]


def test_disks_are_told_of_once_however_many_folders_they_hold(settings):
    settings.data_dir.mkdir(exist_ok=True)
    full = settings.model_copy(update={"least_free_percent": 100})
    [alert] = full_disks(full, ())
    assert alert.condition.what == "disk nearly full"
    assert alert.name == str(settings.data_dir)
    assert list(full_disks(settings.model_copy(update={"least_free_percent": 0}), ())) == []
