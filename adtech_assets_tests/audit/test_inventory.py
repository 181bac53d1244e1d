"""Delivered = loaded + duplicate + quarantined: every file lies where the ledger says."""

import shutil

import pytest

from adtech_assets.audit.inventory import misplaced
from adtech_assets.load.processed import clear_landing
from adtech_assets_tests.feed.deliveries import (
    DAY,
    FIRST,
    NEXT_DAY,
    SECOND,
    days,
    deliver,
    fingerprints,
    ingest,
)

BAD = "impressions_2022052613.parquet"
NAMELESS = "impressions.parquet"


@pytest.fixture
def run(warehouse, settings):
    """Loads a day like a run."""

    def load_day(of=None, **changed):
        ingest(warehouse, settings, of=of)
        changed_settings = settings.model_copy(update=changed)
        clear_landing(warehouse, changed_settings, fingerprints(warehouse, of or days()))

    return load_day


@pytest.fixture
def loaded(settings, run):
    """A day with a loaded file, a duplicate, a refused file, and one that no day can claim."""
    deliver(settings, FIRST)
    deliver(settings, SECOND)
    for name in (BAD, NAMELESS):
        (settings.raw_data_dir / name).write_bytes(b"no parquet")
    run()
    return settings.archive_dir / "impressions" / str(DAY) / FIRST


@pytest.fixture
def found(warehouse, settings):
    """What is misplaced: name, where it should be, where it is sought, and whether it is there."""

    def ask(of=None, **changed):
        return [
            (file.name, file.expected_in, file.found_in, file.found > 0)
            for file in misplaced(warehouse, settings.model_copy(update=changed), of or days())
        ]

    return ask


@pytest.mark.usefixtures("loaded")
def test_after_a_run_every_file_has_its_place(found):
    assert found() == []


def test_a_file_that_waits_in_the_landing_folder_has_its_place(warehouse, settings, found):
    deliver(settings, FIRST)
    ingest(warehouse, settings)

    assert found() == []


def test_an_original_that_is_gone_is_missed(loaded, found):
    loaded.unlink()

    assert found() == [(FIRST, "the ledger", "the archive", False)]


def test_an_original_of_another_size_is_missed(loaded, found):
    loaded.write_bytes(b"cut short")

    assert found() == [(FIRST, "the ledger", "the archive", True)]


def test_a_link_is_no_original(loaded, tmp_path, found):
    loaded.symlink_to(shutil.move(loaded, tmp_path / "elsewhere"))

    assert found() == [(FIRST, "the ledger", "the archive", False)]


@pytest.mark.usefixtures("loaded")
def test_a_duplicate_that_is_gone_is_missed(settings, found):
    shutil.rmtree(settings.archive_dir / "duplicates")

    assert found() == [(SECOND, "the ledger", "the archive", False)]


def test_an_original_that_other_bytes_replaced_before_it_was_archived_is_missed(
    warehouse, settings, run, found
):
    deliver(settings, FIRST, "agent")
    ingest(warehouse, settings)
    deliver(settings, FIRST, "another agent", "and another")
    run()

    assert found() == [(FIRST, "the ledger", "the archive", False)]


@pytest.mark.parametrize("way", ["keep", "delete"])
def test_originals_are_not_missed_where_nobody_keeps_them(loaded, found, way):
    loaded.unlink()

    assert found(processed_files=way) == []


def test_originals_that_were_deleted_on_purpose_are_not_missed_later(settings, run, found):
    deliver(settings, FIRST)
    run(processed_files="delete")

    assert list(settings.raw_data_dir.iterdir()) == []
    assert found() == []


def test_an_original_that_the_ledger_does_not_count_is_found(loaded, found):
    shutil.copy(loaded, loaded.with_name("impressions_2022052623.parquet"))

    assert found() == [("impressions_2022052623.parquet", "the archive", "the ledger", False)]


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize("name", [BAD, NAMELESS])
def test_a_refused_file_that_is_gone_is_missed(settings, found, name):
    (path,) = settings.quarantine_dir.glob(f"*/{name}")
    path.unlink()

    assert found() == [(name, "the ledger", "quarantine", False)]


@pytest.mark.usefixtures("loaded")
def test_a_refused_file_put_back_for_another_try_has_its_place(settings, found):
    (path,) = settings.quarantine_dir.glob(f"*/{BAD}")
    path.rename(settings.raw_data_dir / BAD)

    assert found() == []


@pytest.mark.usefixtures("loaded")
def test_a_file_in_quarantine_that_was_never_refused_is_found(settings, found):
    (settings.quarantine_dir / "00000099").mkdir()
    (settings.quarantine_dir / "00000099" / "clicks.parquet").write_bytes(b"x")

    assert found() == [("clicks.parquet", "quarantine", "the ledger", False)]


def test_files_of_other_days_are_not_asked_for(loaded, found):
    loaded.unlink()

    assert found(days(NEXT_DAY)) == []


def test_sizes_are_told(loaded, warehouse, settings):
    size = loaded.stat().st_size
    loaded.unlink()

    (file,) = misplaced(warehouse, settings, days())

    assert (file.day, file.expected, file.found) == (DAY, size, 0)
