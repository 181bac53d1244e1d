"""Calendar days."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from adtech_assets.errors import UserError
from adtech_assets.partitions import (
    DayRange,
    check_loadable,
    loadable_days,
    parse_day,
    parse_month,
    today,
)

FIRST, LAST = date(2022, 2, 27), date(2022, 3, 2)


def test_a_range_holds_both_its_ends():
    assert list(DayRange(FIRST, LAST)) == [
        date(2022, 2, 27),
        date(2022, 2, 28),
        date(2022, 3, 1),
        date(2022, 3, 2),
    ]


@pytest.mark.parametrize(("first", "length"), [(FIRST, 4), (LAST, 1)])
def test_the_length_is_the_number_of_days(first, length):
    assert len(DayRange(first, LAST)) == length


@pytest.mark.parametrize(
    ("day", "inside"),
    [
        (FIRST, True),
        (LAST, True),
        (FIRST - timedelta(1), False),
        (LAST + timedelta(1), False),
        ("2022-02-28", False),
    ],
)
def test_a_day_is_in_a_range_or_not(day, inside):
    assert (day in DayRange(FIRST, LAST)) is inside


def test_the_end_is_the_day_after_the_last():
    assert DayRange(FIRST, LAST).end == date(2022, 3, 3)


@pytest.mark.parametrize(
    ("first", "text"), [(FIRST, "2022-02-27..2022-03-02"), (LAST, "2022-03-02")]
)
def test_a_range_is_shown_as_short_as_it_is(first, text):
    assert str(DayRange(first, LAST)) == text


def test_a_range_is_read_from_two_days():
    assert DayRange.parse("2022-02-27", "2022-03-02") == DayRange(FIRST, LAST)


def test_a_reversed_range_is_explained():
    with pytest.raises(UserError, match="Swap --from and --to"):
        DayRange.parse("2022-03-02", "2022-02-27")


@pytest.mark.parametrize("text", ["", "26.05.2022", "2022-02-30", "20220526", "2022-05-26 11"])
def test_a_text_that_is_no_day_is_explained(text):
    with pytest.raises(UserError, match="Write it as YYYY-MM-DD"):
        parse_day(text)


def test_today_is_the_feeds():
    kiritimati, pago_pago = ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Pacific/Pago_Pago")

    assert today(kiritimati) > today(pago_pago)


def test_days_are_loadable_from_the_start_date_to_today(settings):
    assert loadable_days(settings) == DayRange(settings.start_date, today(settings.zone))


def test_a_start_in_the_future_leaves_one_day(settings):
    later = settings.model_copy(update={"start_date": date(2999, 1, 1)})

    assert loadable_days(later) == DayRange(date(2999, 1, 1), date(2999, 1, 1))


def test_a_day_before_the_start_date_is_explained(settings):
    before = settings.start_date - timedelta(1)

    with pytest.raises(UserError, match=f"Set ADTECH_START_DATE={before}"):
        check_loadable(DayRange(before, settings.start_date), settings)


def test_a_day_in_the_future_is_explained(settings):
    last = today(settings.zone)

    with pytest.raises(UserError, match="is in the future"):
        check_loadable(DayRange(last, last + timedelta(2)), settings)


def test_loadable_days_are_accepted(settings):
    every = loadable_days(settings)

    check_loadable(every, settings)

    assert len(every) > 1


@pytest.mark.parametrize(("text", "last"), [("2022-05", 31), ("2022-06", 30), ("2024-02", 29)])
def test_a_month_is_its_days(text, last):
    month = parse_month(text)

    assert month == DayRange.parse(f"{text}-01", f"{text}-{last}")


@pytest.mark.parametrize("text", ["2022-13", "2022", "2022-05-01", "May", ""])
def test_what_is_no_month_is_explained(text):
    with pytest.raises(UserError, match="Write it as YYYY-MM"):
        parse_month(text)
