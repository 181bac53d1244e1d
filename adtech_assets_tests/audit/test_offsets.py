"""Gaps and overlaps in the offsets of the loaded files."""

from datetime import date, timedelta

import pytest

from adtech_assets.audit import offsets
from adtech_assets.feed.ledger import Ledger
from adtech_assets.partitions import DayRange
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets_tests.feed.deliveries import DAY, FIRST, NEXT_DAY, SECOND, days, deliver, ingest
from adtech_assets_tests.sample_feed import SAMPLE

EVERY_DAY = DayRange(DAY - timedelta(30), DAY + timedelta(30))


def name(hour, first, last, day=DAY):
    return f"impressions_{day:%Y%m%d}{hour:02}1500000_{first}-{last}_0.parquet"


@pytest.fixture
def load(warehouse):
    """Writes files to the ledger, as loaded: hour, first and last offset, partition, day, kind."""
    Ledger.create(warehouse, SAMPLE)

    def write(*files, status="loaded"):
        for hour, first, last, *rest in files:
            partition, day, kind = (*rest, *(0, DAY, "impressions")[len(rest) :])
            warehouse.execute(
                "INSERT INTO raw.log_files BY NAME SELECT 1 AS file_id, ? AS kind, "
                "? AS file_name, ? AS file_date, ? AS file_hour, ? AS first_offset, "
                "? AS last_offset, ? AS feed_partition, ? AS status, now() AS first_seen_at",
                [kind, name(hour, first, last, day), day, hour, first, last, partition, status],
            )

    return write


@pytest.fixture
def gaps(warehouse):
    return lambda of=EVERY_DAY: [
        (gap.partition, gap.first, gap.last) for gap in offsets.gaps(warehouse, "impressions", of)
    ]


@pytest.fixture
def overlaps(warehouse):
    return lambda of=EVERY_DAY: [
        (found.partition, found.first, found.last)
        for found in offsets.overlaps(warehouse, "impressions", of)
    ]


def test_files_that_follow_each_other_have_neither(load, gaps, overlaps):
    load((10, 0, 9), (11, 10, 10), (12, 11, 30))

    assert (gaps(), overlaps()) == ([], [])


def test_one_file_or_none_has_neither(load, gaps, overlaps):
    assert (gaps(), overlaps()) == ([], [])
    load((10, 100, 109))
    assert (gaps(), overlaps()) == ([], [])


def test_what_no_file_delivered_is_a_gap(load, gaps):
    load((10, 0, 9), (11, 13, 19), (12, 21, 30))

    assert gaps() == [(0, 10, 12), (0, 20, 20)]


def test_a_gap_names_day_offsets_events_and_files(load, warehouse):
    load((10, 0, 999), (11, 2500, 2999, 0, NEXT_DAY))

    (gap,) = offsets.gaps(warehouse, "impressions", days(NEXT_DAY))

    assert str(gap) == (
        "2022-05-27 partition 0: offsets 1000 to 2499 (1,500 events), files "
        f"{name(10, 0, 999)} and {name(11, 2500, 2999, day=NEXT_DAY)}"
    )


def test_partitions_and_kinds_are_numbered_apart(load, gaps, overlaps):
    load((10, 0, 9), (11, 10, 19), (10, 12, 14, 1), (11, 15, 19, 1), (11, 30, 40, 0, DAY, "clicks"))

    assert (gaps(), overlaps()) == ([], [])


@pytest.mark.parametrize("status", ["quarantined", "duplicate", "replaced"])
def test_only_loaded_files_fill_a_gap(load, gaps, overlaps, status):
    load((10, 0, 9), (12, 20, 29))
    load((11, 5, 19), status=status)

    assert (gaps(), overlaps()) == ([(0, 10, 19)], [])


def test_a_gap_is_told_by_both_days_beside_it_only(load, gaps):
    later = NEXT_DAY + timedelta(1)
    load((23, 0, 9), (0, 20, 29, 0, NEXT_DAY), (1, 30, 39, 0, later))

    assert gaps(days()) == gaps(days(NEXT_DAY)) == [(0, 10, 19)]
    assert gaps(days(later)) == []


def test_files_out_of_order_within_the_hour_are_no_gap(load, gaps):
    load((10, 0, 9), (11, 20, 29), (11, 10, 19), (12, 30, 39))

    assert gaps() == []


def test_a_file_within_another_opens_no_gap_behind_it(load, gaps, overlaps):
    load((10, 0, 99), (11, 10, 19), (12, 100, 109))

    assert gaps() == []
    assert overlaps() == [(0, 10, 19)]


@pytest.mark.parametrize("start", [0, 50, 900])
def test_a_partition_that_counts_from_a_new_start_has_no_gap_there(load, gaps, start):
    load((10, 1000, 1009), (11, 1010, 1019))
    load((12, start, start + 9), (13, start + 10, start + 19), (14, start + 25, start + 29))

    assert gaps() == [(0, start + 20, start + 24)]


def test_a_leap_to_a_new_start_is_no_gap(load, gaps):
    load((10, 0, 9), (11, 10, 19), (12, 10_020, 10_029), (13, 20_031, 20_040))

    assert gaps() == [(0, 20, 10_019)]


def test_generated_days_have_no_gaps_whatever_the_calls(warehouse, settings, gaps):
    for day, events in ((DAY, 30), (NEXT_DAY, 60)):
        generate_log_files(settings.raw_data_dir, [day], events_per_day=events, files_per_hour=2)
    ingest(warehouse, settings, of=days(DAY, NEXT_DAY))

    assert gaps() == []


def test_offsets_of_two_files_overlap(load, overlaps):
    load((10, 0, 9), (11, 8, 12), (12, 13, 20), (13, 0, 30))

    assert overlaps() == [(0, 0, 9), (0, 8, 12), (0, 13, 20)]


def test_an_overlap_is_told_by_both_days_only(load, overlaps):
    load((10, 0, 9), (11, 9, 9, 0, NEXT_DAY))

    assert overlaps(days()) == overlaps(days(NEXT_DAY)) == [(0, 9, 9)]
    assert overlaps(days(date(2022, 5, 28))) == []


def test_names_without_offsets_have_neither(warehouse, settings, gaps, overlaps):
    deliver(settings, FIRST, "agent")
    deliver(settings, SECOND, "another agent")
    assert ingest(warehouse, settings).loaded == 2

    assert (gaps(), overlaps()) == ([], [])
