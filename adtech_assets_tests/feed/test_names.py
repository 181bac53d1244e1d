import contextlib
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adtech_assets.contract import KINDS
from adtech_assets.feed.names import LogFileName, Offsets, day_of, kind_of, parse
from adtech_assets.feed.rejections import Rejection
from adtech_assets_tests.sample_feed import SAMPLE

TODAY = date(2022, 6, 1)
COPENHAGEN = ZoneInfo("Europe/Copenhagen")


def reason(name):
    with pytest.raises(Rejection) as refused:
        parse(SAMPLE, name, TODAY)
    return refused.value.reason


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


offsets = st.builds(
    lambda first, rows, partition: Offsets(first, first + rows - 1, partition),
    st.integers(0, 10**17),
    st.integers(1, 10**6),
    st.integers(0, 999_999_999),
)
meanings = st.builds(
    LogFileName,
    st.sampled_from(KINDS),
    st.dates(max_value=TODAY),
    st.integers(0, 23),
    st.none() | offsets,
)


NAMES = st.text(st.characters(exclude_characters="/"))
"""What a part of a path may be."""


@given(
    meaning=meanings,
    middle=st.sampled_from(["", "_processed_dk", "-v2_123456789", "_\N{GRINNING FACE}"]),
    minutes=st.from_regex(r"\A[0-9]{0,7}\Z"),
)
def test_any_valid_name_says_what_it_was_made_of(meaning, middle, minutes):
    day, feed = meaning.day, meaning.offsets
    stamp = f"{day.year:04}{day.month:02}{day.day:02}{meaning.hour:02}{minutes}"
    suffix = f"_{feed.first}-{feed.last}_{feed.partition}" if feed else ""

    assert parse(SAMPLE, f"{meaning.kind}{middle}_{stamp}{suffix}.parquet", TODAY) == meaning


@given(st.text())
def test_no_text_is_read_as_a_log_file_without_a_kind(text):
    if kind_of(SAMPLE, text) is None:
        with pytest.raises(ValueError, match="not a log file"):
            parse(SAMPLE, text, TODAY)
    else:
        assert text.endswith(".parquet")


@given(
    st.sampled_from(KINDS),
    NAMES
    | st.from_regex(r"_[0-9]{8,20}(_[0-9]+-[0-9]+_[0-9]+)?").filter(lambda text: "/" not in text),
)
def test_any_text_in_a_name_is_read_or_refused(kind, text):
    parsed = None
    with contextlib.suppress(Rejection):
        parsed = parse(SAMPLE, f"{kind}{text}.parquet", TODAY)

    assert parsed is None or (parsed.day <= TODAY and 0 <= parsed.hour <= 23)


@given(
    st.sampled_from(KINDS),
    st.from_regex(r"\A(_20[0-9]{8,12}){0,2}(_[0-9]{1,3}-[0-9]{1,3}_[0-9])?\Z") | NAMES,
)
def test_the_day_alone_is_that_of_the_whole_name_and_refused_for_the_same_reason(kind, text):
    def outcome(read):
        try:
            return read(SAMPLE, f"{kind}{text}.parquet", TODAY)
        except Rejection as rejection:
            return str(rejection)

    whole = outcome(parse)

    assert outcome(day_of) == (whole if isinstance(whole, str) else whole.day)


def test_offsets_may_stand_behind_a_later_timestamp():
    name = "clicks_2022052611_20220526113145108_10-19_1.parquet"

    assert parse(SAMPLE, name, TODAY) == LogFileName(
        "clicks", date(2022, 5, 26), 11, Offsets(10, 19, 1)
    )


def test_the_first_underscore_with_ten_digits_wins():
    name = parse(SAMPLE, "clicks_123456789_2022052611_2021010100.parquet", TODAY)

    assert (name.day, name.hour) == (date(2022, 5, 26), 11)


def test_a_first_date_that_cannot_be_is_not_passed_over_for_a_later_one():
    assert reason("clicks_9999999999_2022052611.parquet") == "impossible_date"


@pytest.mark.parametrize(
    "digit", ["\N{ARABIC-INDIC DIGIT TWO}", "\N{FULLWIDTH DIGIT TWO}", "\N{SUPERSCRIPT TWO}"]
)
def test_only_ascii_digits_are_digits(digit):
    assert reason(f"clicks_{digit}022052611.parquet") == "no_date"


def test_offsets_in_other_digits_are_no_offsets():
    name = "clicks_2022052611_\N{ARABIC-INDIC DIGIT ONE}-2_0.parquet"

    assert parse(SAMPLE, name, TODAY).offsets is None


@pytest.mark.parametrize(
    "name",
    [
        "impressions_2022052611.PARQUET",
        "Impressions_2022052611.parquet",
        ".impressions_2022052611.parquet",
        ".impressions_2022052611.parquet.partial",
        "impressions_2022052611.parquet.partial",
        "impressions_2022052611.parquet_tmp",
        "_tmp_impressions_2022052611.parquet",
        "impressions_2022052611.parquet\n",
        "impressions_2022052611.csv",
        "conversions_2022052611.parquet",
        "impression_2022052611.parquet",
        "",
    ],
)
def test_is_no_log_file(name):
    assert kind_of(SAMPLE, name) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_and_an_ending_make_a_log_file(kind):
    assert kind_of(SAMPLE, f"{kind}.parquet") == kind


@pytest.mark.parametrize(
    "name",
    [
        "impressions.parquet",
        "impressions2022052611.parquet",
        "impressions_202205261.parquet",
        "impressions_20220526_11.parquet",
        "impressions-2022052611.parquet",
    ],
)
def test_a_name_without_date_and_hour_is_refused(name):
    assert reason(name) == "no_date"


@pytest.mark.parametrize("hour", [24, 99])
def test_an_hour_that_no_day_has_is_refused(hour):
    assert reason(f"impressions_20220526{hour}.parquet") == "impossible_hour"


@pytest.mark.parametrize("day", ["20220230", "20210229", "20221301", "20220500", "00000101"])
def test_a_day_that_no_calendar_has_is_refused(day):
    assert reason(f"impressions_{day}11.parquet") == "impossible_date"


@pytest.mark.parametrize("day", [2, 8])
def test_a_day_of_the_week_to_come_is_taken_for_it_waits(day):
    assert parse(SAMPLE, f"impressions_202206{day:02}00.parquet", TODAY).day == date(2022, 6, day)


def test_a_day_after_the_week_to_come_is_refused():
    assert reason("impressions_2022060900.parquet") == "future_date"


def test_a_later_hour_of_today_is_taken():
    assert parse(SAMPLE, "impressions_2022060123.parquet", TODAY).day == TODAY


def test_offsets_that_run_backwards_are_refused():
    assert reason("clicks_20220526113145108_10-9_1.parquet") == "impossible_offsets"


def test_one_event_has_one_offset():
    parsed = parse(SAMPLE, "clicks_20220526113145108_10-10_1.parquet", TODAY)

    assert parsed.offsets is not None
    assert parsed.offsets.rows == 1


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("clicks_2022052611.parquet", "2022-05-26T09:00", "2022-05-26T10:00"),
        ("clicks_2022032701.parquet", "2022-03-27T00:00", "2022-03-27T01:00"),
        ("clicks_2022032703.parquet", "2022-03-27T01:00", "2022-03-27T02:00"),
        ("clicks_2022103001.parquet", "2022-10-29T23:00", "2022-10-30T00:00"),
        ("clicks_2022103002.parquet", "2022-10-30T00:00", "2022-10-30T02:00"),
        ("clicks_2022103003.parquet", "2022-10-30T02:00", "2022-10-30T03:00"),
    ],
)
def test_an_hour_of_the_name_in_utc(name, first, last):
    parsed = parse(SAMPLE, name, date.max)

    assert parsed.utc_bounds(COPENHAGEN) == (utc(first), utc(last))


@pytest.mark.parametrize(("day", "hours"), [("20220327", 23), ("20221030", 25), ("20220526", 24)])
def test_the_hours_of_a_day_add_up_to_its_length(day, hours):
    bounds = [
        parse(SAMPLE, f"clicks_{day}{hour:02}.parquet", date.max).utc_bounds(COPENHAGEN)
        for hour in range(24)
    ]

    assert sum((end - start).total_seconds() for start, end in bounds) == hours * 3600


def test_the_hour_that_spring_skips_has_no_minutes():
    start, end = parse(SAMPLE, "clicks_2022032702.parquet", date.max).utc_bounds(COPENHAGEN)

    assert start == end
