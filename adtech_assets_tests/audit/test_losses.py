"""Files that are gone for good: what is missing, and how a person accepts it."""

import shutil
from datetime import date

import pytest

from adtech_assets.audit import losses
from adtech_assets.audit.status import read_status
from adtech_assets.errors import UserError
from adtech_assets.partitions import DayRange
from adtech_assets_tests.audit.test_status import DAY, deliver, run, state

DAYS = DayRange(DAY, DAY)
FIRST, SECOND = "impressions_2022052611.parquet", "impressions_2022052612.parquet"


@pytest.fixture
def archive(settings):
    """The archive of a day that was loaded from two files."""
    deliver(settings, FIRST, events=4)
    deliver(settings, SECOND, events=3)
    run(settings, DAYS)
    return settings.archive_dir / "impressions" / str(DAY)


def test_nothing_missing_is_nothing_to_accept(settings, archive):
    assert len(list(archive.iterdir())) == 2
    for day in (DAY, date(2022, 5, 30)):
        with pytest.raises(UserError, match="nothing to accept"):
            losses.find(settings, day)


def test_an_archived_file_that_is_gone_is_missed_until_its_loss_is_accepted(settings, archive):
    (archive / FIRST).unlink()
    (difference,) = read_status(settings).differences
    assert FIRST in difference

    loss = losses.find(settings, DAY)
    assert (loss.uncounted, list(loss.lost_originals.values())) == (False, [FIRST])
    losses.accept(settings, loss)

    assert read_status(settings).differences == []
    assert read_status(settings).days[DAY].impressions == 7


def test_a_day_that_has_lost_files_loads_again_once_that_is_accepted(settings, archive):
    (archive / FIRST).unlink()
    settings.warehouse_path.unlink()
    with pytest.raises(UserError, match=f"adtech logs accept-loss {DAY}"):
        run(settings, DAYS)

    loss = losses.find(settings, DAY)
    assert (loss.uncounted, loss.loaded_files, loss.known_files) == (True, 2, 1)
    losses.accept(settings, loss)
    run(settings, DAYS)

    status = read_status(settings)
    assert (status.days[DAY].state, status.days[DAY].impressions) == ("loaded", 3)
    assert status.differences == []


def test_a_loss_that_is_not_accepted_keeps_the_counts(settings, archive):
    shutil.rmtree(archive)
    settings.warehouse_path.unlink()
    losses.find(settings, DAY)

    with pytest.raises(UserError, match="Its rows were kept"):
        run(settings, DAYS)

    assert read_status(settings).days[DAY].impressions == 7
    assert state(settings) == "stale"
