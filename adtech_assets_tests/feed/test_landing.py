"""Where the partitions begin with a folder's own data, every file that waits has one."""

from datetime import date

import pytest

from adtech_assets.feed.landing import begin_with_waiting
from adtech_assets.settings import FIRST_DAY, load_settings


@pytest.fixture
def folders(tmp_path):
    """Folders of which the partitions begin on 2022-06-10."""
    folders = {name: tmp_path / name for name in ("raw_data_dir", "data_dir")}
    for folder in folders.values():
        folder.mkdir()
    (folders["data_dir"] / FIRST_DAY).write_text("2022-06-10\n")
    return folders


@pytest.mark.parametrize(
    ("files", "first"),
    [
        (["impressions_2022052611.parquet", "clicks_2022060112.parquet"], date(2022, 5, 26)),
        (["impressions_2022062011.parquet"], date(2022, 6, 10)),
        (["impressions_without_a_day.parquet"], date(2022, 6, 10)),
        (["impressions_2019010111.parquet"], date(2022, 6, 10)),  # before the default start
        ([], date(2022, 6, 10)),
    ],
)
def test_days_begin_with_the_first_file_that_waits(folders, files, first):
    for name in files:
        (folders["raw_data_dir"] / name).write_bytes(b"content")

    assert begin_with_waiting(load_settings(**folders)).start_date == first
    assert load_settings(**folders).start_date == first


def test_a_start_that_somebody_has_set_stays(folders):
    (folders["raw_data_dir"] / "impressions_2022052611.parquet").write_bytes(b"content")
    settings = load_settings(**folders, start_date=date(2022, 6, 1))
    assert begin_with_waiting(settings) == settings


def test_without_a_landing_folder_nothing_changes(folders):
    folders["raw_data_dir"].rmdir()
    settings = load_settings(**folders)
    assert begin_with_waiting(settings) == settings
