"""Counts per hour of the file name and user agent."""

import tempfile
from collections import Counter
from datetime import timedelta

import duckdb
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from adtech_assets.rollup import counting, facts, hourly
from adtech_assets.rollup.hourly import HourCount
from adtech_assets.settings import load_settings
from adtech_assets_tests.feed.deliveries import (
    DAY,
    FIRST,
    NEXT_DAY,
    SECOND,
    build_rollup,
    days,
    deliver,
    ingest,
    rolled_up,
)

BOTH_DAYS = days(DAY, NEXT_DAY)

user_agents = st.none() | st.sampled_from(
    ["", "agent", "Agent", "agent ", "caf\u00e9", "cafe\u0301"]
)
hours = st.tuples(
    st.sampled_from(["impressions", "clicks"]), st.sampled_from([DAY, NEXT_DAY]), st.integers(0, 23)
)
files = st.lists(st.tuples(hours, st.lists(user_agents, max_size=5)), max_size=8)


def load(warehouse, settings, of=BOTH_DAYS):
    for kind in ("impressions", "clicks"):
        ingest(warehouse, settings, kind, of)


def counted(warehouse, user_agent, of=None):
    return hourly.hourly_counts(warehouse, of or days(), user_agent)


@given(files)
@hypothesis_settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_files_are_counted_as_by_hand(delivered):
    by_hand: dict[str, Counter[object]] = {"impressions": Counter(), "clicks": Counter()}
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as warehouse:
        settings = load_settings(raw_data_dir=folder, data_dir=f"{folder}/data", settle_seconds=0)
        for number, ((kind, day, hour), agents) in enumerate(delivered):
            # An agent of its own makes the content of each file unlike that of any other.
            events = [*agents, f"file {number}"]
            deliver(settings, f"{kind}_{day:%Y%m%d}{hour:02}_{number}.parquet", *events)
            by_hand[kind].update((day, hour, agent) for agent in events)
        load(warehouse, settings)

        assert build_rollup(warehouse, BOTH_DAYS) == {
            key: [by_hand["impressions"][key], by_hand["clicks"][key]]
            for key in by_hand["impressions"] | by_hand["clicks"]
        }


def test_nothing_gives_nothing(warehouse):
    assert build_rollup(warehouse) == {}
    assert counted(warehouse, "*") == []


def test_impressions_alone_get_zero_clicks(warehouse, settings):
    deliver(settings, FIRST, "agent", "agent")
    load(warehouse, settings)

    assert build_rollup(warehouse) == {(DAY, 11, "agent"): [2, 0]}


def test_clicks_alone_get_zero_impressions(warehouse, settings):
    deliver(settings, "clicks_2022052611.parquet", "agent", "agent")
    load(warehouse, settings)

    assert build_rollup(warehouse) == {(DAY, 11, "agent"): [0, 2]}


def test_impressions_and_clicks_of_an_hour_share_a_row(warehouse, settings):
    deliver(settings, FIRST, "agent", "agent")
    deliver(settings, "clicks_2022052611.parquet", "agent")
    load(warehouse, settings)

    assert build_rollup(warehouse) == {(DAY, 11, "agent"): [2, 1]}


def test_one_agent_is_matched_byte_by_byte(warehouse, settings):
    deliver(settings, FIRST, "cafe\u0301", "caf\u00e9", "Caf\u00e9", "caf\u00e9 ", None)
    load(warehouse, settings)
    build_rollup(warehouse)

    assert counted(warehouse, "caf\u00e9") == [HourCount(DAY, 11, 1, 0)]


def test_a_star_counts_every_agent_and_none(warehouse, settings):
    deliver(settings, FIRST, "a", "b", None, "")
    deliver(settings, "clicks_2022052612.parquet", None)
    load(warehouse, settings)
    build_rollup(warehouse)

    assert counted(warehouse, "*") == [HourCount(DAY, 11, 4, 0), HourCount(DAY, 12, 0, 1)]


def test_hours_come_in_order(warehouse, settings):
    for hour in (23, 0, 11):
        deliver(settings, f"impressions_20220526{hour:02}.parquet", "agent", f"{hour}")
    load(warehouse, settings)
    build_rollup(warehouse)

    assert [count.hour for count in counted(warehouse, "agent")] == [0, 11, 23]


def test_building_twice_gives_the_same(warehouse, settings):
    deliver(settings, FIRST, "a", None)
    load(warehouse, settings)

    assert build_rollup(warehouse) == build_rollup(warehouse)


def test_a_late_file_adds_to_its_hour(warehouse, settings):
    deliver(settings, FIRST, "agent")
    load(warehouse, settings)
    build_rollup(warehouse)
    deliver(settings, "impressions_2022052611_late.parquet", "agent", "other")
    load(warehouse, settings)

    assert build_rollup(warehouse) == {(DAY, 11, "agent"): [2, 0], (DAY, 11, "other"): [1, 0]}


def test_other_days_are_not_touched(warehouse, settings):
    deliver(settings, FIRST, "agent")
    deliver(settings, "impressions_2022052711.parquet", "other")
    load(warehouse, settings)
    build_rollup(warehouse, BOTH_DAYS)
    warehouse.execute("UPDATE rollup.hourly_user_agent_rollup SET impression_count = 99")

    build_rollup(warehouse, days(NEXT_DAY))

    assert rolled_up(warehouse) == {(DAY, 11, "agent"): [99, 0], (NEXT_DAY, 11, "other"): [1, 0]}


def test_rows_that_no_event_stands_behind_disappear(warehouse, settings):
    deliver(settings, FIRST, "agent")
    load(warehouse, settings)
    build_rollup(warehouse)
    warehouse.execute("DELETE FROM raw.impression_logs")

    assert build_rollup(warehouse) == {}


def test_the_number_of_rows_is_told(warehouse, settings):
    deliver(settings, FIRST, "a", "b", "b")
    deliver(settings, SECOND, "a")
    load(warehouse, settings)
    warehouse.execute(facts.ROLLUP.schema)

    assert counting.rebuild(warehouse, facts.ROLLUP, days()) == 3


@pytest.mark.parametrize("events_at_once", [1, 2, 3, 4, 5])
def test_days_counted_some_at_a_time_give_the_same(
    warehouse, settings, monkeypatch, events_at_once
):
    first, last = DAY - timedelta(days=2), NEXT_DAY + timedelta(days=1)  # without files
    deliver(settings, FIRST, "a", "b", "b")
    deliver(settings, f"clicks_{DAY:%Y%m%d}11.parquet", "b")
    deliver(settings, f"impressions_{NEXT_DAY:%Y%m%d}11.parquet", "c", "b")
    load(warehouse, settings, days(first, last))
    at_once = build_rollup(warehouse, days(first, last))

    monkeypatch.setattr(counting, "PORTION_EVENTS", events_at_once)

    assert build_rollup(warehouse, days(first, last)) == at_once
    assert at_once == {
        (DAY, 11, "a"): [1, 0],
        (DAY, 11, "b"): [2, 1],
        (NEXT_DAY, 11, "c"): [1, 0],
        (NEXT_DAY, 11, "b"): [1, 0],
    }
