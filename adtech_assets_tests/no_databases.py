"""The settings of tests that need a landing folder and a warehouse, but no Postgres."""

import pytest

from adtech_assets.settings import load_settings


@pytest.fixture
def settings(tmp_path):
    """With folders of the test's own; files settle at once."""
    (tmp_path / "raw_data").mkdir()
    return load_settings(
        raw_data_dir=tmp_path / "raw_data",
        output_dir=tmp_path / "output",
        data_dir=tmp_path / "data",
        settle_seconds=0,
    )
