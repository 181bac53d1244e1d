"""Single events that leave the warehouse once they are counted, and return to be counted again."""

from datetime import datetime

import pytest
from pydantic import ValidationError

from adtech_assets.errors import UserError
from adtech_assets.feed import quarantine
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load.processed import clear_landing, delete_archived
from adtech_assets.rollup import counting, events, facts, user_agents
from adtech_assets.settings import Settings
from adtech_assets.versions import Notes
from adtech_assets_tests.feed.deliveries import (
    DAY,
    FIRST,
    NEXT_DAY,
    SECOND,
    agents,
    days,
    deliver,
    fingerprints,
    ingest,
    names_in,
    reasons,
    statuses,
)
from adtech_assets_tests.sample_feed import SAMPLE

NOW = datetime(2022, 6, 1)  # noqa: DTZ001 - naive UTC, as all times of the warehouse
BOTH = days(DAY, NEXT_DAY)
CLICKS = "clicks_2022052611.parquet"


@pytest.fixture
def short(settings):
    """Events stay for a day."""
    return settings.model_copy(update={"raw_event_days": 1})


def take(warehouse, settings, of=BOTH):
    """Read what has been delivered, count it and archive it."""
    results = [ingest(warehouse, settings, kind, of) for kind in ("impressions", "clicks")]
    events.bring_back(warehouse, settings, of, "run")
    count(warehouse, of, "counted")
    clear_landing(warehouse, settings, fingerprints(warehouse, of))
    return results


def count(warehouse, of, version):
    """Count days as a run does that finds them stale."""
    counting.create(warehouse, SAMPLE)
    for each in facts.ALL:
        counting.count(warehouse, {each: dict.fromkeys(of, version)}, "run")
        user_agents.classify_days(warehouse, of, now=NOW)


def counted(warehouse):
    return {each.name: sorted(map(repr, rows(warehouse, each.table))) for each in facts.ALL}


def rows(warehouse, table):
    return warehouse.execute(f"FROM {table}").fetchall()


@pytest.fixture
def left(warehouse, short):
    """A day of two files whose events have left; what was counted of them."""
    deliver(short, FIRST, "one", "two")
    deliver(short, CLICKS, "one")
    take(warehouse, short)
    before = counted(warehouse)
    assert events.let_go(warehouse, short, {DAY}) == {DAY}
    return before


def test_old_events_leave_and_what_is_counted_of_them_stays(warehouse, left):
    assert agents(warehouse) == agents(warehouse, "clicks") == {}
    assert counted(warehouse) == left
    assert statuses(warehouse) == {FIRST: "loaded", CLICKS: "loaded"}


def test_a_day_whose_events_have_left_is_as_it_was_to_all_that_is_built_of_it(warehouse, short):
    deliver(short, FIRST)
    take(warehouse, short)
    parts = ("raw.impression_logs", "raw.click_logs", "raw.log_files")
    before = [Notes(warehouse).of(part) for part in parts]

    events.let_go(warehouse, short, {DAY})

    assert [Notes(warehouse).of(part) for part in parts] == before


def test_events_stay_by_default(warehouse, settings):
    deliver(settings, FIRST, "stays")
    take(warehouse, settings)

    assert events.let_go(warehouse, settings, {DAY}) == set()
    assert agents(warehouse) == {"stays": 1}


def test_events_stay_as_long_as_is_set_and_those_that_are_not_counted_longer(warehouse, settings):
    deliver(settings, FIRST, "counted")
    deliver(settings, "impressions_2022052711.parquet", "not yet")
    take(warehouse, settings)

    assert events.let_go(warehouse, settings.model_copy(update={"raw_event_days": 9999}), BOTH) == (
        set()
    )
    assert events.let_go(warehouse, settings.model_copy(update={"raw_event_days": 1}), {DAY}) == (
        {DAY}
    )
    assert agents(warehouse) == {"not yet": 1}


def test_a_late_file_has_its_day_counted_from_all_its_files(warehouse, short, left):
    deliver(short, SECOND, "late")

    take(warehouse, short)

    assert agents(warehouse) == {"one": 1, "two": 1, "late": 1}
    assert agents(warehouse, "clicks") == {"one": 1}
    hourly = {(hour, agent): n for _, hour, agent, *n in rows(warehouse, facts.ROLLUP.table)}
    assert hourly == {(11, "one"): [1, 1], (11, "two"): [1, 0], (12, "late"): [1, 0]}
    assert left != counted(warehouse)


@pytest.mark.usefixtures("left")
def test_events_that_have_returned_leave_again(warehouse, short):
    deliver(short, SECOND, "late")
    take(warehouse, short)

    assert events.let_go(warehouse, short, {DAY}) == {DAY}
    assert agents(warehouse) == {}


@pytest.mark.usefixtures("left")
def test_a_day_is_not_read_again_by_a_run_that_finds_nothing_new(warehouse, short):
    for kind in ("impressions", "clicks"):
        assert ingest(warehouse, short, kind).loaded == 0
    assert agents(warehouse) == {}


@pytest.mark.usefixtures("left")
def test_a_file_that_takes_the_place_of_one_whose_events_have_left_is_counted(warehouse, short):
    deliver(short, FIRST, "better")
    assert reasons(take(warehouse, short)[0]) == {FIRST: "conflict"}

    quarantine.replace(short, FIRST)
    take(warehouse, short)

    assert agents(warehouse) == {"better": 1}
    assert agents(warehouse, "clicks") == {"one": 1}


@pytest.fixture
def deleted(warehouse, short, left):
    """The archive has no file of the day any more."""
    keeping_short = short.model_copy(update={"archive_days": 1})
    warehouse.execute("UPDATE raw.log_files SET loaded_at = loaded_at - INTERVAL 2 DAY")
    assert delete_archived(warehouse, keeping_short, BOTH, fingerprints(warehouse)) == 2
    assert names_in(short.archive_dir) == set()
    return left


def test_a_late_file_of_a_day_whose_files_are_gone_is_refused(warehouse, short, deleted):
    deliver(short, SECOND, "late")

    impressions, _ = take(warehouse, short)

    assert reasons(impressions) == {SECOND: "files_gone"}
    assert counted(warehouse) == deleted


def test_it_is_counted_once_the_others_are_there_again(warehouse, short, deleted):
    deliver(short, SECOND, "late")
    take(warehouse, short)
    assert len(quarantine.retry(short)) == 1
    deliver(short, FIRST, "one", "two")
    deliver(short, CLICKS, "one")

    take(warehouse, short)
    quarantine.retry(short)
    take(warehouse, short)

    assert statuses(warehouse)[SECOND] == "loaded"
    assert agents(warehouse) == {"one": 1, "two": 1, "late": 1}
    assert counted(warehouse) != deleted


def test_a_day_whose_files_are_gone_keeps_its_counts_whatever_changes(warehouse, short, deleted):
    events.bring_back(warehouse, short, {DAY}, "run")

    count(warehouse, days(), "of new code")

    assert counted(warehouse) == deleted
    assert Notes(warehouse).of(facts.ROLLUP.table)[DAY] == "of new code"


@pytest.mark.usefixtures("left")
def test_a_file_that_has_vanished_is_named(warehouse, short):
    (short.archive_dir / "impressions" / str(DAY) / FIRST).unlink()
    deliver(short, SECOND, "late")

    with pytest.raises(UserError, match=rf"{FIRST} of {DAY} is counted, its events are not in"):
        take(warehouse, short)


def test_files_are_needed_where_events_do_not_stay():
    with pytest.raises(ValidationError, match="needs the log files"):
        Settings(raw_event_days=1, processed_files="delete")


def test_events_of_before_it_was_noted_whether_they_are_kept_leave_too(warehouse, short):
    deliver(short, FIRST)
    take(warehouse, short)
    warehouse.execute("UPDATE raw.log_files SET events_kept = NULL")

    assert events.let_go(warehouse, short, {DAY}) == {DAY}
    assert [row.file_name for row in Ledger(warehouse).not_kept(days())] == [FIRST]
