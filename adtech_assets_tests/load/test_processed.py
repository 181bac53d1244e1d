"""When loaded files leave the landing folder and the archive, and for where."""

import os
from pathlib import Path

import pytest

from adtech_assets.audit.inventory import misplaced
from adtech_assets.load.processed import clear_landing, delete_archived
from adtech_assets_tests.feed.deliveries import (
    DAY,
    FIRST,
    NEXT_DAY,
    SECOND,
    agents,
    days,
    deliver,
    fingerprints,
    ingest,
    names_in,
    statuses,
)

CLICKS = "clicks_2022052611.parquet"
ARCHIVED = f"impressions/2022-05-26/{FIRST}"


@pytest.fixture
def loaded(warehouse, settings):
    """The committed load of a day with one file."""
    deliver(settings, FIRST)
    ingest(warehouse, settings)
    return fingerprints(warehouse)


def test_loaded_files_go_to_the_archive_under_their_own_names(warehouse, settings):
    content = deliver(settings, FIRST).read_bytes()
    deliver(settings, CLICKS)
    for kind in ("impressions", "clicks"):
        ingest(warehouse, settings, kind)

    cleared = clear_landing(warehouse, settings, fingerprints(warehouse))

    assert cleared.archived.total() == 2
    assert names_in(settings.raw_data_dir) == set()
    assert names_in(settings.archive_dir) == {ARCHIVED, f"clicks/2022-05-26/{CLICKS}"}
    assert (settings.archive_dir / ARCHIVED).read_bytes() == content


def test_loaded_files_are_deleted_on_request(warehouse, settings, loaded):
    deleting = settings.model_copy(update={"processed_files": "delete"})

    assert clear_landing(warehouse, deleting, loaded).deleted.total() == 1
    assert names_in(settings.raw_data_dir) == set()
    assert not settings.archive_dir.exists()


def test_loaded_files_stay_on_request(warehouse, settings, loaded):
    keeping = settings.model_copy(update={"processed_files": "keep"})

    assert clear_landing(warehouse, keeping, loaded).kept.total() == 1
    assert names_in(settings.raw_data_dir) == {FIRST}


@pytest.mark.parametrize("way", ["archive", "delete"])
@pytest.mark.parametrize("fingerprint", [{}, {DAY: "of an earlier load"}])
@pytest.mark.usefixtures("loaded")
def test_nothing_leaves_before_its_load_is_committed(warehouse, settings, way, fingerprint):
    leaving = settings.model_copy(update={"processed_files": way})

    assert clear_landing(warehouse, leaving, fingerprint).not_loaded.total() == 1
    assert names_in(settings.raw_data_dir) == {FIRST}


def test_a_file_that_came_after_the_load_keeps_all_of_its_day(warehouse, settings, loaded):
    deliver(settings, SECOND, "late")
    ingest(warehouse, settings)

    assert clear_landing(warehouse, settings, loaded).not_loaded.total() == 2
    assert names_in(settings.raw_data_dir) == {FIRST, SECOND}


def test_a_file_that_no_run_has_seen_stays(warehouse, settings, loaded):
    deliver(settings, SECOND, "unseen")

    clear_landing(warehouse, settings, loaded)

    assert names_in(settings.raw_data_dir) == {SECOND}


def test_files_of_every_day_go_whose_load_is_committed(warehouse, settings):
    deliver(settings, FIRST)
    deliver(settings, "impressions_2022052711.parquet", "other")
    deliver(settings, "impressions_2022052811.parquet", "third")
    ingest(warehouse, settings, of=days(DAY, NEXT_DAY))

    clear_landing(warehouse, settings, fingerprints(warehouse, days(DAY, NEXT_DAY)))

    assert names_in(settings.raw_data_dir) == {"impressions_2022052811.parquet"}


def test_changed_bytes_stay(warehouse, settings, loaded):
    deliver(settings, FIRST, "other bytes")

    assert clear_landing(warehouse, settings, loaded).not_loaded.total() == 1
    assert names_in(settings.raw_data_dir) == {FIRST}


def test_changed_bytes_of_the_same_length_stay(warehouse, settings, loaded):
    path = settings.raw_data_dir / FIRST
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    assert clear_landing(warehouse, settings, loaded).not_loaded.total() == 1
    assert path.read_bytes() == content


def test_a_link_in_the_place_of_a_loaded_file_stays(warehouse, settings, loaded, tmp_path):
    path = settings.raw_data_dir / FIRST
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")

    assert clear_landing(warehouse, settings, loaded).not_loaded.total() == 1
    assert path.is_symlink()


def test_a_loaded_file_delivered_again_leaves(warehouse, settings, loaded):
    clear_landing(warehouse, settings, loaded)
    os.utime(deliver(settings, FIRST), (0, 0))

    assert clear_landing(warehouse, settings, loaded).archived.total() == 1
    assert names_in(settings.raw_data_dir) == set()
    assert names_in(settings.archive_dir) == {ARCHIVED}


def test_duplicates_are_archived_apart_from_the_originals(warehouse, settings, loaded):
    deliver(settings, SECOND)
    ingest(warehouse, settings)

    clear_landing(warehouse, settings, loaded)

    assert names_in(settings.archive_dir) == {
        ARCHIVED,
        f"duplicates/impressions/2022-05-26/{SECOND}",
    }


def test_a_day_of_nothing_but_duplicates_is_cleared(warehouse, settings, loaded):
    name = "impressions_2022052711.parquet"
    deliver(settings, name)
    ingest(warehouse, settings, of=days(NEXT_DAY))

    clear_landing(warehouse, settings, loaded)

    assert names_in(settings.archive_dir) == {
        ARCHIVED,
        f"duplicates/impressions/2022-05-27/{name}",
    }


def test_clearing_again_changes_nothing(warehouse, settings, loaded):
    clear_landing(warehouse, settings, loaded)

    clear_landing(warehouse, settings, loaded)

    assert names_in(settings.archive_dir) == {ARCHIVED}


# ---- the archive -------------------------------------------------------------------------------


@pytest.fixture
def archived(warehouse, settings, loaded):
    """The archived file of a day that was counted a hundred days ago."""
    clear_landing(warehouse, settings, loaded)
    warehouse.execute("UPDATE raw.log_files SET loaded_at = loaded_at - INTERVAL 100 DAY")
    return settings.archive_dir / ARCHIVED


def forget(warehouse, settings, loaded, after, of=None):
    keeping = settings.model_copy(update={"archive_days": after})
    return delete_archived(warehouse, keeping, of or days(), loaded)


def test_old_originals_are_deleted_on_request_and_stay_counted(
    warehouse, settings, loaded, archived
):
    assert forget(warehouse, settings, loaded, after=99) == 1

    assert names_in(settings.archive_dir) == set()
    assert not archived.parent.exists()
    assert agents(warehouse) == {"agent": 1}
    assert statuses(warehouse) == {FIRST: "loaded"}
    assert fingerprints(warehouse) == loaded
    assert misplaced(warehouse, settings, days()) == []


@pytest.mark.parametrize("after", [0, 101])
def test_originals_stay_for_ever_or_for_as_long_as_is_set(
    warehouse, settings, loaded, archived, after
):
    assert forget(warehouse, settings, loaded, after) == 0
    assert archived.exists()


@pytest.mark.parametrize("fingerprint", [{}, {DAY: "of an earlier load"}])
def test_originals_of_a_day_that_is_not_loaded_stay(warehouse, settings, archived, fingerprint):
    assert forget(warehouse, settings, fingerprint, after=99) == 0
    assert archived.exists()


def test_an_original_counted_again_since_the_warehouse_was_lost_is_young(
    warehouse, settings, loaded, archived
):
    warehouse.execute("DROP SCHEMA raw CASCADE")
    ingest(warehouse, settings)

    assert forget(warehouse, settings, loaded, after=99) == 0
    assert archived.exists()


def test_an_original_with_other_bytes_than_were_counted_stays(
    warehouse, settings, loaded, archived
):
    archived.write_bytes(b"cut short")

    assert forget(warehouse, settings, loaded, after=99) == 0
    assert archived.exists()


def test_old_duplicates_are_deleted_too(warehouse, settings, loaded):
    deliver(settings, SECOND)
    ingest(warehouse, settings)
    clear_landing(warehouse, settings, loaded)
    warehouse.execute(
        "UPDATE raw.log_files SET loaded_at = loaded_at - INTERVAL 100 DAY, "
        "first_seen_at = first_seen_at - INTERVAL 100 DAY"
    )

    assert forget(warehouse, settings, loaded, after=99) == 2
    assert names_in(settings.archive_dir) == set()


def test_a_kill_before_the_deletion_is_made_up_for_by_the_next_one(
    warehouse, settings, loaded, archived, monkeypatch
):
    def killed(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as fault:
        fault.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            forget(warehouse, settings, loaded, after=99)
    assert archived.exists()

    assert forget(warehouse, settings, loaded, after=99) == 1
    assert not archived.exists()


@pytest.mark.usefixtures("archived")
def test_what_is_given_up_or_replaced_stays_in_the_archive(warehouse, settings, loaded):
    evidence = [settings.archive_dir / folder / "00000001" / FIRST
                for folder in ("discarded", "replaced")]  # fmt: skip
    for path in evidence:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"evidence")

    forget(warehouse, settings, loaded, after=99)

    assert [path.exists() for path in evidence] == [True, True]
