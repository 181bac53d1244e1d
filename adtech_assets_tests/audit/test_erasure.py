"""Days that are erased: nothing of them is left in any store, and nothing of others is lost."""

from datetime import datetime

import pytest

from adtech_assets.audit import erasure
from adtech_assets.audit.status import read_status
from adtech_assets.feed import landing, places, quarantine
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load import audited_load, daily_csv
from adtech_assets.load.audited_load import DayLoad
from adtech_assets.load.processed import clear_landing
from adtech_assets.operational import snapshot
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange
from adtech_assets.rollup import counting, facts, hourly, user_agents
from adtech_assets.stores import erasures, identity
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets.versions import Notes
from adtech_assets_tests.buckets import bucket, s3, s3_server
from adtech_assets_tests.feed.deliveries import (
    DAY,
    FIRST,
    NEXT_DAY,
    SECOND,
    days,
    deliver,
    fingerprints,
    ingest,
    names_in,
    random_bytes,
    reasons,
    statuses,
)
from adtech_assets_tests.sample_feed import PROJECT, SAMPLE

__all__ = ["bucket", "s3", "s3_server"]  # fixtures

NOW = datetime(2022, 6, 1)  # noqa: DTZ001 - naive UTC
BOTH = days(DAY, NEXT_DAY)
NEXT = "impressions_2022052711.parquet"
CLICKS = "clicks_2022052611.parquet"
GIVEN_UP = "impressions_2022052613.parquet"
REFUSED = "impressions_2022052614.parquet"


class KilledError(BaseException):
    """Stands for kill -9: nothing after it happens."""


def load(settings, target):
    """Take what has been delivered through all stores but the models."""
    with Warehouse.of(settings).connect() as warehouse:
        results = [ingest(warehouse, settings, kind, BOTH) for kind in ("impressions", "clicks")]
        counting.create(warehouse, SAMPLE)
        for each in facts.ALL:
            counting.count(warehouse, {each: dict.fromkeys(BOTH, "counted")}, "run")
            user_agents.classify_days(warehouse, BOTH, now=NOW)
        loads = []
        for day in BOTH:
            counts = hourly.hourly_counts(warehouse, [day], "*")
            daily_csv.write(settings.output_dir, day, counts)
            loads.append(DayLoad(day, counts, Ledger(warehouse).day_files(BOTH).get(day)))
        whose = identity.of(warehouse)
        audited_load.replace_days(target, loads, warehouse=whose, user_agent="*", run_id="run")
        clear_landing(warehouse, settings, fingerprints(warehouse, BOTH))
    return results


@pytest.fixture
def filled(settings, target, source):
    """Two days in every store, the first of them with files in every folder."""
    settings.output_dir.mkdir()
    deliver(settings, FIRST, "only on the first day", "on both")
    deliver(settings, CLICKS, "on both")
    deliver(settings, NEXT, "on both")
    for name in (GIVEN_UP, REFUSED):
        random_bytes(settings.raw_data_dir / name)
    load(settings, target)
    quarantine.discard(settings, GIVEN_UP)
    deliver(settings, SECOND, "on both")  # waits in the landing folder
    settings.exports_dir.mkdir(parents=True, exist_ok=True)
    for period in ("2022-05-20_2022-05-26", "2022-05-27_2022-05-27", "2022-06-10_2022-06-12"):
        (settings.exports_dir / f"kpi_report_{period}.html").write_text("page")
    with source.connect() as postgres:
        create_schema(postgres)
        for day in BOTH:
            postgres.execute("INSERT INTO impressions (created_at) VALUES (%s)", [day])
    extract(settings, source)


def extract(settings, source):
    with Warehouse.of(settings).connect() as warehouse:
        return snapshot.extract(
            *(warehouse, source, BOTH, snapshot.EVENT_TABLES, "run", None),
            erasures.forgotten_days(settings),
        )


def erase(settings, of=None):
    return erasure.erase(settings, PROJECT, of or days(), "anna")


def look(settings, query):
    with Warehouse.of(settings).connect() as warehouse:
        return warehouse.execute(query).fetchall()


def days_in_warehouse(settings):
    """The days of each table that has any, versions included."""
    found = {
        table: {day for (day,) in look(settings, f"SELECT DISTINCT {day}::DATE FROM {table}")}
        for table, day in {
            "raw.impression_logs": "file_date",
            "raw.click_logs": "file_date",
            "raw.log_files": "file_date",
            "raw.impressions": "created_at",
            "raw.extracted_days": "event_date",
            **{each.table: each.day for each in facts.ALL},
        }.items()
    }
    versions = look(settings, "SELECT DISTINCT part, day FROM state.versions WHERE day IS NOT NULL")
    for part, day in versions:
        found.setdefault(f"version of {part}", set()).add(day)
    return found


def all_names(settings):
    folders = (settings.raw_data_dir, settings.output_dir, settings.archive_dir)
    others = (settings.quarantine_dir, settings.exports_dir)
    return set().union(*(names_in(folder) for folder in (*folders, *others)))


@pytest.mark.usefixtures("filled")
def test_nothing_of_the_day_is_left_and_the_others_stay(settings, ask):
    kept = {name for name in all_names(settings) if "0527" in name or "05-27" in name}
    before = look(settings, f"FROM raw.impression_logs WHERE file_date = '{NEXT_DAY}'")

    erase(settings)

    assert set().union(*days_in_warehouse(settings).values()) == {NEXT_DAY}
    assert all_names(settings) == kept - {"kpi_report_2022-05-27_2022-05-27.html"} | {
        "kpi_report_2022-06-10_2022-06-12.html"
    }
    assert look(settings, "FROM raw.impression_logs") == before
    assert ask("SELECT day FROM load_audit") == [(NEXT_DAY,)]
    assert ask("SELECT DISTINCT datetime::date FROM csv_data_task") == [(NEXT_DAY,)]


@pytest.mark.usefixtures("filled")
def test_agents_whom_only_that_day_has_seen_are_gone(settings):
    erase(settings)

    assert look(settings, "SELECT user_agent FROM rollup.user_agents") == [("on both",)]


@pytest.mark.usefixtures("filled")
def test_the_account_says_how_much_of_each_store_was_erased(settings):
    account = erasures.finish(settings, erase(settings))

    assert {what: account.erased[what] for what in account.erased if "rollup" not in what} == {
        "files in the landing folder": 1,
        "files in the archive": 3,
        "files in quarantine": 1,
        "rows of raw.impression_logs": 2,
        "rows of raw.click_logs": 1,
        "rows of raw.log_files": 4,
        "rows of raw.impressions": 1,
        "rows of raw.extracted_days": 1,
        "rows of csv_data_task": 1,
        "rows of load_audit": 1,
        "daily CSV files": 1,
        "reports of days": 2,
    }
    [noted] = erasures.read(settings)
    assert noted == account
    assert (noted.first, noted.last, noted.by) == (DAY, DAY, "anna")
    assert noted.finished_at is not None


@pytest.mark.parametrize(
    "store", ["_erase_from_warehouse", "_erase_from_target", "_erase_results", "_left"]
)
@pytest.mark.usefixtures("filled")
def test_after_a_kill_the_same_command_goes_on(settings, monkeypatch, store, ask):
    def killed(*_):
        raise KilledError

    with monkeypatch.context() as patched, pytest.raises(KilledError):
        patched.setattr(erasure, store, killed)
        erase(settings)
    account = erase(settings)

    assert set().union(*days_in_warehouse(settings).values()) == {NEXT_DAY}
    assert ask("SELECT day FROM load_audit") == [(NEXT_DAY,)]
    assert account.erased["files in the archive"] == 3
    assert account.erased["rows of raw.impression_logs"] == 2
    assert account.erased["rows of load_audit"] == 1
    assert len(erasures.read(settings)) == 1


@pytest.mark.usefixtures("filled")
def test_what_is_delivered_again_is_refused_with_the_reason(settings, target):
    erase(settings)
    deliver(settings, FIRST, "again")

    impressions, _ = load(settings, target)

    assert reasons(impressions) == {FIRST: "forgotten_day"}
    assert look(settings, f"FROM raw.impression_logs WHERE file_date = '{DAY}'") == []


@pytest.mark.usefixtures("filled")
def test_what_was_refused_can_be_erased_too(settings, target):
    erasures.finish(settings, erase(settings))
    deliver(settings, FIRST, "again")
    load(settings, target)

    account = erase(settings)

    assert account.erased == {
        "files in quarantine": 1,
        "rows of raw.log_files": 1,
        "daily CSV files": 1,
    }
    assert len(erasures.read(settings)) == 2


@pytest.mark.usefixtures("filled")
def test_days_are_loaded_again_by_explicit_wish_only(settings, target):
    erasures.finish(settings, erase(settings))
    assert erasures.take_back(settings, {NEXT_DAY}) is False
    assert erasures.take_back(settings, set(BOTH)) is True
    deliver(settings, FIRST, "again")

    load(settings, target)

    with Warehouse.of(settings).connect() as warehouse:
        assert statuses(warehouse)[FIRST] == "loaded"
    assert erasures.read(settings)[0].taken_back_at is not None


@pytest.mark.usefixtures("filled")
def test_rows_of_the_operational_database_are_not_copied_again(settings, source):
    erase(settings)

    extracted = extract(settings, source)

    assert extracted["impressions"].rows_of(DAY) == 0
    assert look(settings, "SELECT created_at::DATE FROM raw.impressions") == [(NEXT_DAY,)]
    assert look(settings, "SELECT event_date FROM raw.extracted_days") == [(NEXT_DAY,)]


@pytest.mark.usefixtures("filled")
def test_a_forgotten_day_is_not_missed(settings):
    deliver(settings, "impressions_2022052811.parquet", "after it")
    erase(settings)

    found = read_status(settings, DayRange(DAY, NEXT_DAY))

    assert found.days[DAY].state == "forgotten"
    assert [each for each in found.standing if str(DAY) in each.told] == []


@pytest.mark.usefixtures("filled")
def test_what_still_holds_the_days_is_named(settings):
    erasures.note_backup(settings, "/backups/2022-05-26")

    account = erase(settings)

    assert any("/backups/2022-05-26" in line for line in account.left)
    assert any("operational database" in line for line in account.left)


@pytest.mark.usefixtures("filled")
def test_files_of_replaced_ones_go_too(settings):
    archive = places.archive(settings).within(landing.REPLACED).within("00000009")
    archive.path.mkdir(parents=True)
    (archive.path / FIRST).write_bytes(b"what was counted first")

    erase(settings)

    assert names_in(archive.path) == set()


@pytest.mark.usefixtures("filled")
def test_the_versions_of_whole_tables_stay(settings):
    with Warehouse.of(settings).connect() as warehouse:
        Notes(warehouse).note("raw.campaigns", {DAY: "in force since"}, "run")

    erase(settings)

    with Warehouse.of(settings).connect() as warehouse:
        assert Notes(warehouse).of("raw.campaigns") == {DAY: "in force since"}


@pytest.mark.usefixtures("target")
def test_files_leave_a_bucket_with_all_their_versions(settings, bucket):
    places_of = {
        "raw_data_dir": f"{bucket.url}/landing",
        "archive_dir": f"{bucket.url}/archive",
    }
    stored = [
        f"landing/{FIRST}",
        f"archive/impressions/{DAY}/{FIRST}",
        f"archive/quarantine/00000001/{FIRST}",
    ]
    for key in (*stored, "archive/quarantine/00000001/reason.json", f"landing/{NEXT}"):
        bucket.put(key, b"content")

    account = erase(settings.model_copy(update=places_of))

    assert bucket.names() == {f"landing/{NEXT}"}
    assert [version for key in stored for version in bucket.versions(key)] == []
    assert account.erased == {
        "files in the landing folder": 1,
        "files in the archive": 1,
        "files in quarantine": 1,
    }
    assert any("lifecycle rule" in line for line in account.left)
