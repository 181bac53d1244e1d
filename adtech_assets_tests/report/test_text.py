"""How numbers, days and names read."""

from datetime import date, datetime

import pytest

from adtech_assets.report import percent, statistics, text


@pytest.mark.parametrize(
    ("share", "said"), [(None, "\N{EN DASH}"), (0, "0.00%"), (1, "100.00%"), (0.12345, "12.35%")]
)
def test_shares_are_shown_in_percent(share, said):
    assert percent(share) == said


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        (date(2022, 5, 26), date(2022, 5, 26), "26 May 2022"),
        (date(2022, 5, 26), date(2022, 5, 30), "26\N{EN DASH}30 May 2022"),
        (date(2022, 5, 26), date(2022, 6, 1), "26 May \N{EN DASH} 1 Jun 2022"),
        (date(2022, 12, 31), date(2023, 1, 1), "31 Dec 2022 \N{EN DASH} 1 Jan 2023"),
        (date(1, 1, 1), date(1, 1, 2), "1\N{EN DASH}2 Jan 0001"),
    ],
)
def test_periods_are_said_shortly(first, last, said):
    assert text.days(first, last) == said


def test_missing_days_are_said_as_stretches():
    found = [date(2022, 5, day) for day in (1, 2, 3, 5, 8, 9)]
    assert text.stretches(found) == (
        "1\N{EN DASH}3 May 2022, 5 May 2022 and 8\N{EN DASH}9 May 2022"
    )


def test_a_moment_is_told_with_its_zone():
    assert text.moment(datetime(2022, 5, 6, 7, 8)) == "6 May 2022, 07:08 UTC"  # noqa: DTZ001


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0"), (950, "950"), (1_500, "1.5k"), (20_000, "20k"), (3e6, "3M"), (2.5e9, "2.5G")],
)
def test_axes_have_round_numbers(number, said):
    assert text.short(number) == said


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("short", "short"),
        ("exactly ten", "exactly t…"),
        ("ten letter", "ten letter"),
        ("夏季大促销活动", "夏季大促…"),
        ("e\u0301e\u0301e\u0301e\u0301e\u0301", "e\u0301e\u0301e\u0301e\u0301e\u0301"),
        ("12345678👩🏽‍💻!", "12345678…"),
        ("1234567👨‍👩‍👧 family", "1234567👨‍👩‍👧…"[:7] + "…"),
        ("ends with a space here", "ends with…"),
    ],
)
def test_names_are_cut_between_letters(name, shown):
    assert text.cut(name, 10) == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (None, "unnamed"),
        ("", "unnamed"),
        (" \n\t", "unnamed"),
        ("a\nb\x00c", "a b c"),
        ("\u202eevil", "evil"),
        ("\u2028", "unnamed"),
    ],
)
def test_names_are_one_line_that_can_be_seen(name, shown):
    assert text.name(name) == shown


@pytest.mark.parametrize(
    ("days", "now", "before"),
    [
        (1, ("24", "24"), None),
        (2, ("24", "24"), ("23", "23")),
        (3, ("24", "24"), ("23", "23")),
        (13, ("19", "24"), ("13", "18")),
        (14, ("18", "24"), ("11", "17")),
        (400, ("18", "24"), ("11", "17")),
    ],
)
def test_periods_are_of_the_same_length(days, now, before):
    last = date(2022, 6, 24)
    found = statistics.comparison(date.fromordinal(last.toordinal() - days + 1), last)
    assert (f"{found.now.first:%d}", f"{found.now.last:%d}") == now
    assert (found.before and (f"{found.before.first:%d}", f"{found.before.last:%d}")) == before
