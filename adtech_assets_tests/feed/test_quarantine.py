"""What becomes of refused files, and what a person can do with them."""

import json
from datetime import date

import pytest

from adtech_assets.audit.inventory import misplaced
from adtech_assets.errors import UserError
from adtech_assets.feed import quarantine
from adtech_assets.feed.folders import Folder
from adtech_assets.load.processed import clear_landing
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.feed.deliveries import (
    DAY,
    FIRST,
    SECOND,
    agents,
    days,
    deliver,
    fingerprints,
    ingest,
    ledger,
    names_in,
    reasons,
    statuses,
)


@pytest.fixture
def run(settings):
    """Loads the day like a run: counts it, and clears the landing folder."""

    def load_day(kind="impressions", of=None):
        of = of or days()
        with Warehouse.of(settings).connect() as warehouse:
            result = ingest(warehouse, settings, kind, of)
            clear_landing(warehouse, settings, fingerprints(warehouse, of))
        return result

    return load_day


@pytest.fixture
def look(settings):
    """Asks the warehouse something."""

    def ask(question):
        with Warehouse.of(settings).connect() as warehouse:
            return question(warehouse)

    return ask


@pytest.fixture
def conflict(settings, run):
    """`FIRST` is loaded with one event of `old`; a file of two events of `new` is in quarantine."""
    deliver(settings, FIRST, "old")
    run()
    deliver(settings, FIRST, "new", "new")
    assert reasons(run()) == {FIRST: "conflict"}


def quarantined(settings, name, content=b"no parquet"):
    (settings.raw_data_dir / name).write_bytes(content)


# ---- retry -------------------------------------------------------------------------------------


def test_a_file_put_back_is_judged_again(settings, run, look):
    quarantined(settings, FIRST)
    run()

    assert quarantine.retry(settings, FIRST) == [FIRST]
    assert names_in(settings.raw_data_dir) == {FIRST}
    assert names_in(settings.quarantine_dir) == set()
    assert reasons(run()) == {FIRST: "not_parquet"}
    assert look(statuses) == {FIRST: "quarantined"}


def test_a_file_put_back_is_loaded_once_the_cause_is_gone(settings, run, look):
    deliver(settings, FIRST, "agent").rename(settings.raw_data_dir / "apart")
    (settings.raw_data_dir / FIRST).mkdir()
    run()
    quarantine.retry(settings, FIRST)
    (settings.raw_data_dir / FIRST).rmdir()
    (settings.raw_data_dir / "apart").rename(settings.raw_data_dir / FIRST)

    run()

    assert look(statuses) == {FIRST: "loaded"}


def test_all_files_are_put_back_without_a_name(settings, run):
    for name in (FIRST, SECOND, "impressions.parquet"):
        quarantined(settings, name, name.encode())
    run()

    assert sorted(quarantine.retry(settings)) == sorted([FIRST, SECOND, "impressions.parquet"])
    assert names_in(settings.raw_data_dir) == {FIRST, SECOND, "impressions.parquet"}


def test_nothing_in_quarantine_is_no_mistake(settings):
    assert quarantine.retry(settings) == []


def test_an_unknown_name_is_explained(settings):
    with pytest.raises(UserError, match="is not in quarantine"):
        quarantine.retry(settings, FIRST)


def test_of_files_of_one_name_the_newest_is_put_back(settings, run):
    for content in (b"first", b"second"):
        quarantined(settings, FIRST, content)
        run()

    assert quarantine.retry(settings) == [FIRST]
    assert (settings.raw_data_dir / FIRST).read_bytes() == b"second"
    assert (settings.quarantine_dir / "00000001" / FIRST).read_bytes() == b"first"


def test_a_file_of_the_landing_folder_is_never_overwritten(settings, run):
    quarantined(settings, FIRST, b"first")
    run()
    quarantined(settings, FIRST, b"second")

    with pytest.raises(UserError, match="exists already"):
        quarantine.retry(settings, FIRST)

    assert (settings.raw_data_dir / FIRST).read_bytes() == b"second"
    assert (settings.quarantine_dir / "00000001" / FIRST).read_bytes() == b"first"


def test_a_name_that_is_taken_does_not_keep_the_others_back(settings, run):
    quarantined(settings, FIRST)
    quarantined(settings, SECOND, b"other")
    run()
    quarantined(settings, FIRST, b"in the way")

    assert quarantine.retry(settings) == [SECOND]


def test_files_are_listed_in_the_order_in_which_they_came(settings, run):
    for name in (SECOND, FIRST):
        quarantined(settings, name, name.encode())
        run()

    assert [file.name for file in quarantine.quarantined_files(settings)] == [SECOND, FIRST]


def test_what_a_kill_left_in_quarantine_is_no_file(settings, run):
    quarantined(settings, FIRST)
    run()
    (settings.quarantine_dir / "00000001" / f".{FIRST}.partial").write_bytes(b"half")
    (settings.quarantine_dir / "00000002").mkdir()
    (settings.quarantine_dir / "00000002" / "reason.json").write_text(json.dumps({}))

    assert [file.name for file in quarantine.quarantined_files(settings)] == [FIRST]


# ---- replace -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("conflict")
def test_the_replaced_file_is_kept_apart(settings, run):
    original = (settings.archive_dir / "impressions" / "2022-05-26" / FIRST).read_bytes()

    quarantine.replace(settings, FIRST)
    run()

    kept = settings.archive_dir / "replaced" / "00000001" / FIRST
    assert kept.read_bytes() == original
    assert names_in(settings.quarantine_dir) == set()


@pytest.mark.usefixtures("conflict")
def test_a_replacement_counts_alone_after_the_warehouse_was_lost(settings, run, look):
    quarantine.replace(settings, FIRST)
    run()
    settings.warehouse_path.unlink()

    run()

    assert look(agents) == {"new": 2}


@pytest.mark.usefixtures("conflict")
def test_every_replaced_file_is_kept_though_the_warehouse_was_lost(settings, run):
    quarantine.replace(settings, FIRST)
    run()
    settings.warehouse_path.unlink()
    run()
    deliver(settings, FIRST, "newest")
    run()

    quarantine.replace(settings, FIRST)

    assert len(list((settings.archive_dir / "replaced").glob(f"*/{FIRST}"))) == 2


@pytest.mark.usefixtures("conflict")
def test_a_replacement_keeps_the_other_files_of_its_day(settings, run, look):
    deliver(settings, SECOND, "other")
    run()

    quarantine.replace(settings, FIRST)
    run()

    assert look(agents) == {"new": 2, "other": 1}


def test_a_file_that_is_kept_in_the_landing_folder_is_not_lost_by_its_replacement(settings):
    old = deliver(settings, FIRST, "old").read_bytes()
    with Warehouse.of(settings).connect() as warehouse:
        ingest(warehouse, settings)
        deliver(settings, FIRST, "new")
        ingest(warehouse, settings)
    (settings.raw_data_dir / FIRST).write_bytes(old)

    quarantine.replace(settings, FIRST)

    assert (settings.archive_dir / "replaced" / "00000001" / FIRST).read_bytes() == old
    with Warehouse.of(settings).connect() as warehouse:
        ingest(warehouse, settings)
        assert agents(warehouse) == {"new": 1}


@pytest.mark.usefixtures("conflict")
def test_a_third_file_in_the_landing_folder_is_not_lost_by_a_replacement(settings, look):
    third = deliver(settings, FIRST, "third").read_bytes()

    with pytest.raises(UserError, match="yet another file"):
        quarantine.replace(settings, FIRST)

    assert (settings.raw_data_dir / FIRST).read_bytes() == third
    assert look(agents) == {"old": 1}


def test_a_duplicate_can_be_replaced(settings, run, look):
    deliver(settings, FIRST, "original")
    deliver(settings, SECOND, "original")
    run()
    deliver(settings, SECOND, "corrected")
    assert reasons(run()) == {SECOND: "conflict"}

    quarantine.replace(settings, SECOND)
    run()

    assert look(agents) == {"original": 1, "corrected": 1}


def test_a_duplicate_of_the_replaced_file_is_counted_from_now_on(settings, run, look):
    deliver(settings, FIRST, "original")
    deliver(settings, SECOND, "original")
    run()
    deliver(settings, FIRST, "corrected")
    assert reasons(run()) == {FIRST: "conflict"}

    quarantine.replace(settings, FIRST)
    run()

    assert look(agents) == {"corrected": 1, "original": 1}
    assert look(statuses) == {FIRST: "loaded", SECOND: "loaded"}
    archived = settings.archive_dir / "impressions" / "2022-05-26"
    assert names_in(archived) == {FIRST, SECOND}


def test_the_days_of_a_replacement_are_those_of_its_duplicates_too(settings, run):
    days_later = "impressions_2022052911.parquet"
    deliver(settings, FIRST, "original")
    deliver(settings, days_later, "original")
    run(of=days(DAY, date(2022, 5, 29)))
    deliver(settings, FIRST, "corrected")
    run()

    assert quarantine.replace(settings, FIRST) == days(DAY, date(2022, 5, 29))


def test_a_third_file_in_the_place_of_a_duplicate_is_not_lost_by_a_replacement(settings, run, look):
    deliver(settings, FIRST, "original")
    deliver(settings, SECOND, "original")
    run()
    deliver(settings, FIRST, "corrected")
    run()
    third = deliver(settings, SECOND, "third").read_bytes()

    with pytest.raises(UserError, match="yet another file"):
        quarantine.replace(settings, FIRST)

    assert (settings.raw_data_dir / SECOND).read_bytes() == third
    assert look(agents) == {"original": 1}


def test_a_replacement_that_would_be_refused_replaces_nothing(settings, run, look):
    deliver(settings, FIRST, "old")
    run()
    quarantined(settings, FIRST)
    run()

    with pytest.raises(UserError, match="would be refused again"):
        quarantine.replace(settings, FIRST)

    assert look(agents) == {"old": 1}
    assert look(statuses)[FIRST] == "quarantined"


def test_a_replacement_that_is_no_file_replaces_nothing(settings, run, look):
    deliver(settings, FIRST, "old")
    run()
    (settings.raw_data_dir / FIRST).mkdir()
    run()

    with pytest.raises(UserError, match="not a regular file"):
        quarantine.replace(settings, FIRST)

    assert look(agents) == {"old": 1}


def test_without_a_loaded_file_there_is_nothing_to_replace(settings, run):
    quarantined(settings, FIRST)
    run()

    with pytest.raises(UserError, match="adtech logs retry"):
        quarantine.replace(settings, FIRST)


def test_without_a_quarantined_file_there_is_nothing_to_replace_it_with(settings, run):
    deliver(settings, FIRST)
    run()

    with pytest.raises(UserError, match="is not in quarantine"):
        quarantine.replace(settings, FIRST)


@pytest.mark.usefixtures("conflict")
def test_a_replacement_killed_before_its_commit_can_be_repeated(settings, run, look, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as fault:
        fault.setattr(quarantine, "_put_back", killed)
        with pytest.raises(KeyboardInterrupt):
            quarantine.replace(settings, FIRST)
    run()

    quarantine.replace(settings, FIRST)
    run()

    assert look(agents) == {"new": 2}
    assert names_in(settings.archive_dir) == {
        f"impressions/2022-05-26/{FIRST}",
        f"replaced/00000001/{FIRST}",
    }


def test_a_name_is_never_read_as_sql(settings, run, look):
    name = "impressions_2022052611'; DROP TABLE raw.impression_logs; --.parquet"
    deliver(settings, name, "old")
    run()
    deliver(settings, name, "new")
    run()

    quarantine.replace(settings, name)
    run()

    assert look(agents) == {"new": 1}


def test_a_good_file_of_the_same_name_settles_the_refused_one(settings, run, look):
    quarantined(settings, FIRST)
    assert reasons(run()) == {FIRST: "not_parquet"}
    deliver(settings, FIRST, "good")
    run()
    assert look(lambda warehouse: ledger(warehouse, "file_name", "status")) == [
        (FIRST, "replaced"),
        (FIRST, "loaded"),
    ]


def test_a_replacement_that_repeats_another_loaded_file_is_refused(settings, run, look):
    deliver(settings, FIRST, "old")
    deliver(settings, SECOND, "other", "other")
    run()
    deliver(settings, FIRST, "other", "other")
    assert reasons(run()) == {FIRST: "conflict"}
    with pytest.raises(UserError, match=f"repeats the bytes of {SECOND}"):
        quarantine.replace(settings, FIRST)
    assert look(agents) == {"old": 1, "other": 2}


# ---- discard -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [FIRST, "impressions.parquet", "impressions_2022052611\n.parquet"])
def test_a_file_that_is_given_up_is_kept_and_known_beside_its_reason(settings, run, look, name):
    quarantined(settings, name)
    run()

    (told,) = quarantine.discard(settings, name)

    kept = settings.archive_dir / "discarded" / "00000001" / name
    assert told == str(kept)
    assert kept.read_bytes() == b"no parquet"
    assert json.loads(kept.with_name("reason.json").read_text())["file_id"] == 1
    assert look(lambda w: ledger(w, "status")) == [("discarded",)]
    assert names_in(settings.quarantine_dir) == set()
    assert look(lambda w: misplaced(w, settings, days())) == []


@pytest.mark.usefixtures("conflict")
def test_a_conflict_that_is_given_up_leaves_the_counted_file(settings, run, look):
    quarantine.discard(settings, FIRST)
    run()

    assert look(agents) == {"old": 1}
    assert look(lambda w: ledger(w, "status")) == [("loaded",), ("discarded",)]


def test_a_file_that_was_given_up_is_judged_anew_when_it_comes_again(settings, run, look):
    quarantined(settings, FIRST)
    run()
    quarantine.discard(settings, FIRST)
    quarantined(settings, FIRST)

    assert reasons(run()) == {FIRST: "not_parquet"}
    assert look(statuses) == {FIRST: "quarantined"}


def test_a_refused_file_that_is_lost_can_be_given_up(settings, run, look):
    quarantined(settings, FIRST)
    run()
    (settings.quarantine_dir / "00000001" / FIRST).unlink()

    assert quarantine.discard(settings, FIRST) == []
    assert look(lambda w: misplaced(w, settings, days())) == []


def test_only_a_file_in_quarantine_can_be_given_up(settings, run, look):
    deliver(settings, FIRST)
    run()

    with pytest.raises(UserError, match="is not in quarantine"):
        quarantine.discard(settings, FIRST)

    assert look(statuses) == {FIRST: "loaded"}


def test_giving_up_again_after_a_kill_completes_it(settings, run, look, monkeypatch):
    quarantined(settings, FIRST)
    run()

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as fault:
        fault.setattr(Folder, "clear", killed)
        with pytest.raises(KeyboardInterrupt):
            quarantine.discard(settings, FIRST)
    quarantine.discard(settings, FIRST)

    assert look(statuses) == {FIRST: "discarded"}
    assert look(lambda w: misplaced(w, settings, days())) == []


# ---- a lost warehouse --------------------------------------------------------------------------


def test_what_is_in_quarantine_is_known_again_after_the_warehouse_was_lost(settings, run, look):
    for name in (FIRST, "impressions.parquet"):
        quarantined(settings, name, name.encode())
    run()
    before = look(lambda w: ledger(w, "file_id", "file_name", "sha256", "status", "reason"))
    settings.warehouse_path.unlink()

    run("clicks")
    assert look(lambda w: ledger(w, "file_id")) == []
    run()

    after = look(lambda w: ledger(w, "file_id", "file_name", "sha256", "status", "reason"))
    assert after == before
    assert look(lambda w: misplaced(w, settings, days())) == []


@pytest.mark.usefixtures("conflict")
def test_a_conflict_stays_one_after_the_warehouse_was_lost(settings, run, look):
    settings.warehouse_path.unlink()

    run()

    assert look(agents) == {"old": 1}
    assert sorted(look(lambda w: ledger(w, "file_name", "status", "reason"))) == [
        (FIRST, "loaded", None),
        (FIRST, "quarantined", "conflict"),
    ]


def test_a_refused_file_stays_settled_after_the_warehouse_was_lost(settings, run, look):
    quarantined(settings, FIRST)
    run()
    deliver(settings, FIRST, "good")
    run()
    settings.warehouse_path.unlink()

    run()

    assert look(lambda w: sorted(ledger(w, "status"))) == [("loaded",), ("replaced",)]


def test_a_refused_file_without_its_reason_is_reported_and_stops_nothing(settings, run, look):
    quarantined(settings, FIRST)
    run()
    (settings.quarantine_dir / "00000001" / "reason.json").write_text("{}")
    settings.warehouse_path.unlink()
    deliver(settings, SECOND, "agent")

    run()

    assert look(agents) == {"agent": 1}
    (found,) = look(lambda w: misplaced(w, settings, days()))
    assert (found.name, found.expected_in, found.found_in) == (FIRST, "quarantine", "the ledger")
