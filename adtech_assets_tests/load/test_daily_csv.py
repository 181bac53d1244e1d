import os
from datetime import date

import pytest

from adtech_assets.errors import UserError
from adtech_assets.load import daily_csv
from adtech_assets.rollup.hourly import HourCount

DAY = date(2022, 5, 27)
COUNTS = [HourCount(DAY, 11, 0, 10), HourCount(DAY, 12, 10, 20)]
TEXT = "date,hour,impression_count,click_count\n2022-05-27,11,0,10\n2022-05-27,12,10,20\n"


def test_a_day_is_written_byte_for_byte_as_design_a_wrote_it(tmp_path):
    path = daily_csv.write(tmp_path / "output", DAY, COUNTS)

    assert path == tmp_path / "output" / "2022-05-27.csv"
    assert path.read_bytes() == TEXT.encode()


def test_a_day_without_events_of_the_user_agent_has_only_the_header(tmp_path):
    path = daily_csv.write(tmp_path, DAY, [])

    assert path.read_text() == "date,hour,impression_count,click_count\n"
    assert daily_csv.read(tmp_path, DAY) == []


def test_what_was_written_is_read(tmp_path):
    daily_csv.write(tmp_path, DAY, COUNTS)
    assert daily_csv.read(tmp_path, DAY) == COUNTS


def test_all_24_hours_fit(tmp_path):
    counts = [HourCount(DAY, hour, 2**62, hour) for hour in range(24)]
    daily_csv.write(tmp_path, DAY, counts)
    assert daily_csv.read(tmp_path, DAY) == counts


def test_a_day_written_again_replaces_the_file(tmp_path):
    daily_csv.write(tmp_path, DAY, COUNTS)
    daily_csv.write(tmp_path, DAY, COUNTS[:1])
    assert daily_csv.read(tmp_path, DAY) == COUNTS[:1]


@pytest.mark.parametrize("earlier", [None, COUNTS])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, earlier):
    if earlier is not None:
        daily_csv.write(tmp_path, DAY, earlier)
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}

    def failing():
        yield COUNTS[0]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        daily_csv.write(tmp_path, DAY, failing())

    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "output").write_text("a file")
    with pytest.raises(UserError, match=r"output/2022-05-27\.csv cannot be written"):
        daily_csv.write(tmp_path / "output", DAY, COUNTS)


def test_a_file_that_is_not_there_is_told_for_it_is_no_day_without_events(tmp_path):
    with pytest.raises(UserError, match=r"2022-05-27\.csv cannot be read.*adtech backfill --from"):
        daily_csv.read(tmp_path, DAY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        TEXT.replace("impression_count", "impressions"),
        TEXT.replace(",", ";"),
        TEXT.replace("hour,", "hour ,"),
        TEXT.removesuffix(",20\n"),
        TEXT.replace("10,20", "10,20,30"),
        TEXT.replace("10,20", "ten,20"),
        TEXT.replace("10,20", "1.0,20"),
        TEXT.replace("10,20", "-10,20"),
        TEXT.replace("10,20", "1_0,20"),
        TEXT.replace("10,20", "010,20"),
        TEXT.replace(",12,", ",24,"),
        TEXT.replace(",12,", ",-1,"),
        TEXT.replace(",12,", ",11,"),
        TEXT.replace(",12,", ",3,"),
        TEXT.replace("2022-05-27,12", "2022-05-28,12"),
        TEXT.replace("2022-05-27,12", "27.5.2022,12"),
        TEXT + "\n",
        TEXT + "\x00",
        TEXT + '"' + "x" * 200_000,
    ],
)
def test_a_damaged_file_is_told_with_what_to_do(tmp_path, text):
    daily_csv.path_of(tmp_path, DAY).write_text(text)
    with pytest.raises(UserError, match=r"2022-05-27\.csv is not a daily CSV.*adtech backfill"):
        daily_csv.read(tmp_path, DAY)


def test_a_file_that_is_no_text_is_told(tmp_path):
    daily_csv.path_of(tmp_path, DAY).write_bytes(TEXT.encode() + os.urandom(500))
    with pytest.raises(UserError, match="is not a daily CSV"):
        daily_csv.read(tmp_path, DAY)
