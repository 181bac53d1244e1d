"""A landing folder and an archive in a bucket: the same files become the same rows and folders."""

import http.server
import json
import threading
import time
from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from adtech_assets import files
from adtech_assets.audit.inventory import misplaced
from adtech_assets.contract import SAMPLE_FEED, load
from adtech_assets.errors import TransientError, UserError
from adtech_assets.feed import places, quarantine
from adtech_assets.feed.deliveries import settled_days
from adtech_assets.load.processed import clear_landing, delete_archived
from adtech_assets.stores import objects
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.feed.deliveries import (
    DAY,
    FIRST,
    NEXT_DAY,
    SECOND,
    agents,
    days,
    fingerprints,
    ingest,
    ledger,
    names_in,
    reasons,
    statuses,
    write,
)

ARCHIVED = f"archive/impressions/{DAY}/{FIRST}"
LANDING = "landing/2022"


@pytest.fixture
def remote(settings, bucket):
    """Settings with a landing folder and an archive in one bucket."""
    return settings.model_copy(
        update={"raw_data_dir": f"{bucket.url}/{LANDING}", "archive_dir": f"{bucket.url}/archive"}
    )


@pytest.fixture
def content(tmp_path):
    """The bytes of a file of one event for each user agent."""

    def of(*user_agents, name=FIRST):
        return write(tmp_path / name, *user_agents).read_bytes()

    return of


@pytest.fixture
def deliver(bucket, content):
    """Puts a good file into the landing folder."""

    def put(name, *user_agents):
        bucket.put(f"{LANDING}/{name}", content(*(user_agents or ("agent",)), name=name))

    return put


def run(settings, of=None, kind="impressions"):
    """Counts the days and clears the landing folder, as a run does."""
    with Warehouse.of(settings).connect() as warehouse:
        result = ingest(warehouse, settings, kind, of or days())
        clear_landing(warehouse, settings, fingerprints(warehouse, of or days()))
    return result


def look(settings, question):
    with Warehouse.of(settings).connect() as warehouse:
        return question(warehouse)


def test_loaded_objects_are_counted_and_archived(remote, bucket, deliver):
    deliver(FIRST, "agent", "agent")
    delivered = bucket.get(f"{LANDING}/{FIRST}")

    assert run(remote).rows == 2

    assert look(remote, agents) == {"agent": 2}
    assert bucket.names() == {ARCHIVED}
    assert bucket.get(ARCHIVED) == delivered
    assert not remote.spool_dir.exists()
    assert look(remote, lambda w: misplaced(w, remote, days())) == []


def test_the_ledger_remembers_which_object_was_read(remote, bucket, deliver):
    deliver(FIRST)
    listed = bucket.client.head_object(Bucket=bucket.name, Key=f"{LANDING}/{FIRST}")

    run(remote)

    row = look(remote, lambda w: ledger(w, "object_key", "object_etag", "object_version"))
    assert row == [(f"{bucket.url}/{LANDING}/{FIRST}", listed["ETag"], listed.get("VersionId"))]


def test_an_object_that_is_counted_is_not_copied_again(remote, deliver, monkeypatch):
    keeping = remote.model_copy(update={"processed_files": "keep"})
    deliver(FIRST)
    run(keeping)

    monkeypatch.delattr(objects, "download")

    assert run(keeping).known == 1


def test_equal_objects_are_counted_once_and_archived_apart(remote, bucket, deliver):
    deliver(FIRST)
    deliver(SECOND)

    assert run(remote).duplicates == [SECOND]

    assert bucket.names("archive/") == {
        f"impressions/{DAY}/{FIRST}",
        f"duplicates/impressions/{DAY}/{SECOND}",
    }
    assert bucket.names("landing/") == set()


def test_objects_of_other_days_folders_and_names_stay(remote, bucket, deliver, content):
    stay = {
        f"{LANDING}/impressions_2022052711.parquet",
        f"{LANDING}/folder/{FIRST}",
        f"{LANDING}/.{FIRST}",
        f"{LANDING}-other/{FIRST}",
        FIRST,
    }
    for number, key in enumerate(sorted(stay)):
        bucket.put(key, content(f"agent {number}"))
    deliver(FIRST)

    assert run(remote).loaded == 1
    assert bucket.names() == {ARCHIVED, *stay}


def test_folders_are_as_deep_as_the_feed_has_them_and_hidden_ones_are_none(
    remote, bucket, content, tmp_path
):
    text = SAMPLE_FEED.read_text().replace("impressions*.parquet", "**/impressions*.parquet")
    (tmp_path / "feed.yaml").write_text(text)
    deep = remote.model_copy(update={"feed": load(tmp_path / "feed.yaml")})
    for folder in ("a/b", "a/.b"):
        bucket.put(f"{LANDING}/{folder}/{FIRST}", content(folder))

    assert run(deep).loaded == 1
    assert bucket.names("archive/") == {f"impressions/{DAY}/a/b/{FIRST}"}


def test_a_key_is_never_a_path_of_this_machine(remote, bucket, content):
    name = f"impressions_2022052611_{'x' * 300} ü+%2F'&.parquet"
    bucket.put(f"{LANDING}/{name}", content("agent"))

    assert run(remote).loaded == 1
    assert bucket.names() == {f"archive/impressions/{DAY}/{name}"}


@pytest.mark.parametrize("key", ["a//b.parquet", "../b.parquet"])
def test_a_key_that_is_no_path_is_named(remote, bucket, deliver, key):
    deliver(FIRST)
    bucket.put(f"{LANDING}/{key}", b"")

    with pytest.raises(UserError, match=f"{key.partition('b')[0]}.*Delete or rename that object"):
        run(remote)


def test_a_lost_warehouse_comes_back_from_the_archive(remote, bucket, deliver):
    deliver(FIRST)
    deliver(SECOND, "other")
    deliver("impressions_2022052711.parquet", "third")
    run(remote, days(DAY, NEXT_DAY))
    remote.warehouse_path.unlink()

    assert run(remote, days(DAY, NEXT_DAY)).loaded == 3
    assert len(bucket.names("archive/")) == 3
    assert look(remote, agents) == {"agent": 1, "other": 1, "third": 1}


def test_old_originals_are_deleted_on_request(remote, bucket, deliver):
    deliver(FIRST)
    run(remote)
    with Warehouse.of(remote).connect() as warehouse:
        warehouse.execute("UPDATE raw.log_files SET loaded_at = loaded_at - INTERVAL 100 DAY")
        keeping = remote.model_copy(update={"archive_days": 99})

        assert delete_archived(warehouse, keeping, days(), fingerprints(warehouse)) == 1

    assert bucket.names() == set()


# ---- folders and buckets together --------------------------------------------------------------


def test_a_bucket_is_archived_in_a_folder(remote, bucket, deliver, tmp_path):
    local = remote.model_copy(update={"archive_dir": tmp_path / "archive"})
    deliver(FIRST)
    deliver("impressions.parquet")

    assert reasons(run(local)) == {"impressions.parquet": "no_date"}

    assert bucket.names() == set()
    assert names_in(tmp_path / "archive") == {f"impressions/{DAY}/{FIRST}"}
    assert names_in(local.quarantine_dir) == {
        "00000001/impressions.parquet",
        "00000001/reason.json",
    }


def test_a_folder_is_archived_in_a_bucket(settings, bucket):
    remote = settings.model_copy(update={"archive_dir": f"{bucket.url}/archive"})
    write(settings.raw_data_dir / FIRST, "agent")
    (settings.raw_data_dir / SECOND).write_bytes(b"no parquet")

    assert run(remote).loaded == 1

    assert names_in(settings.raw_data_dir) == set()
    assert bucket.names() == {
        ARCHIVED,
        f"archive/quarantine/00000002/{SECOND}",
        "archive/quarantine/00000002/reason.json",
    }
    assert look(remote, lambda w: misplaced(w, remote, days())) == []


def test_what_is_no_file_stays_in_its_folder_where_it_cannot_be_copied(settings, bucket):
    remote = settings.model_copy(update={"archive_dir": f"{bucket.url}/archive"})
    (settings.raw_data_dir / FIRST).mkdir()

    assert reasons(run(remote)) == {FIRST: "not_a_file"}

    assert (settings.raw_data_dir / FIRST).is_dir()
    assert bucket.names() == set()


# ---- quarantine --------------------------------------------------------------------------------


@pytest.fixture
def conflict(remote, deliver):
    """`FIRST` is loaded with one event of `old`; a file of two events of `new` is in quarantine."""
    deliver(FIRST, "old")
    run(remote)
    deliver(FIRST, "new", "new")
    assert reasons(run(remote)) == {FIRST: "conflict"}


@pytest.mark.usefixtures("conflict")
def test_a_refused_object_lies_beside_its_reason(remote, bucket):
    assert bucket.names("archive/quarantine/") == {f"00000002/{FIRST}", "00000002/reason.json"}
    note = json.loads(bucket.get("archive/quarantine/00000002/reason.json"))
    assert (note["file"], note["reason"]) == (FIRST, "conflict")
    assert bucket.names("landing/") == set()
    assert not remote.quarantine_dir.exists()
    assert look(remote, lambda w: misplaced(w, remote, days())) == []


@pytest.mark.usefixtures("conflict")
def test_a_refused_object_takes_the_place_of_the_loaded_one(remote, bucket):
    quarantine.replace(remote, FIRST)
    assert bucket.names(f"{LANDING}/") == {FIRST}
    assert bucket.names("archive/") == {f"replaced/00000001/{FIRST}"}

    run(remote)

    assert look(remote, agents) == {"new": 2}
    assert bucket.names("archive/impressions/") == {f"{DAY}/{FIRST}"}


@pytest.mark.usefixtures("conflict")
def test_a_refused_object_is_put_back_or_given_up(remote, bucket):
    assert quarantine.retry(remote, FIRST) == [FIRST]
    assert bucket.names(f"{LANDING}/") == {FIRST}
    with pytest.raises(UserError, match="is not in quarantine"):
        quarantine.retry(remote, FIRST)
    run(remote)

    (kept,) = quarantine.discard(remote, FIRST)

    assert kept.startswith(f"{bucket.url}/archive/discarded/0000000")
    assert {key.partition("/")[2] for key in bucket.names("archive/discarded/")} == {
        FIRST,
        "reason.json",
    }
    assert bucket.names("archive/quarantine/") == set()


@pytest.mark.usefixtures("conflict")
def test_what_is_in_quarantine_is_known_again_after_the_warehouse_was_lost(remote):
    remote.warehouse_path.unlink()

    run(remote)

    assert look(remote, lambda w: ledger(w, "file_id", "status")) == [
        (2, "quarantined"),
        (3, "loaded"),
    ]


# ---- delivered again while it is being archived ------------------------------------------------


@pytest.fixture
def meanwhile(monkeypatch, deliver):
    """Lets other bytes of the same name arrive before a function's first call."""

    def deliver_before(name):
        real = getattr(objects, name)

        def held(*arguments, **options):
            monkeypatch.setattr(objects, name, real)
            deliver(FIRST, "new", "new")
            return real(*arguments, **options)

        monkeypatch.setattr(objects, name, held)

    return deliver_before


@pytest.mark.parametrize(
    "function",
    [
        pytest.param("upload", id="before-the-copy"),
        pytest.param("is_exact", id="between-copy-and-delete"),
        pytest.param("_of_one", id="as-late-as-can-be"),
    ],
)
def test_a_new_delivery_survives_and_what_was_counted_is_archived(  # noqa: PLR0913, PLR0917
    remote, bucket, deliver, content, meanwhile, function
):
    deliver(FIRST, "old")
    with Warehouse.of(remote).connect() as warehouse:
        ingest(warehouse, remote)
        meanwhile(function)
        clear_landing(warehouse, remote, fingerprints(warehouse))

    assert bucket.get(ARCHIVED) == content("old")
    assert bucket.get(f"{LANDING}/{FIRST}") == content("new", "new")
    assert reasons(run(remote)) == {FIRST: "conflict"}
    assert look(remote, agents) == {"old": 1}


def test_what_was_counted_is_archived_from_behind_a_new_delivery(remote, bucket, deliver, content):
    deliver(FIRST, "old")
    with Warehouse.of(remote).connect() as warehouse:
        ingest(warehouse, remote)
        deliver(FIRST, "new")
        cleared = clear_landing(warehouse, remote, fingerprints(warehouse))

    assert (cleared.archived.total(), cleared.not_loaded.total()) == (1, 1)
    assert bucket.get(ARCHIVED) == content("old")
    assert bucket.get(f"{LANDING}/{FIRST}") == content("new")


def test_an_object_called_like_what_was_loaded_from_a_folder_is_another_file(
    settings, remote, bucket, deliver
):
    write(settings.raw_data_dir / FIRST, "old")
    keeping = settings.model_copy(update={"processed_files": "keep"})
    run(keeping)
    deliver(FIRST, "new")

    with Warehouse.of(remote).connect() as warehouse:
        cleared = clear_landing(warehouse, remote, fingerprints(warehouse))

    assert (cleared.archived.total(), cleared.not_loaded.total()) == (0, 1)
    assert bucket.names() == {f"{LANDING}/{FIRST}"}


def test_a_version_behind_a_new_delivery_is_found_without_its_copy(remote, versioned, content):
    remote = remote.model_copy(update={"raw_data_dir": f"{versioned.url}/{LANDING}"})
    versioned.put(f"{LANDING}/{FIRST}", content("old"))
    with Warehouse.of(remote).connect() as warehouse:
        ingest(warehouse, remote)
        places.empty_spool(remote)
        versioned.put(f"{LANDING}/{FIRST}", content("new"))
        cleared = clear_landing(warehouse, remote, fingerprints(warehouse))

    assert cleared.archived.total() == 1
    assert versioned.versions(f"{LANDING}/{FIRST}") == [content("new")]


def test_equal_bytes_delivered_again_leave_too(remote, bucket, deliver):
    deliver(FIRST)
    with Warehouse.of(remote).connect() as warehouse:
        ingest(warehouse, remote)
        deliver(FIRST)
        deliver(FIRST)
        clear_landing(warehouse, remote, fingerprints(warehouse))

    assert bucket.names() == {ARCHIVED}
    assert bucket.versions(f"{LANDING}/{FIRST}") == []


def test_an_object_that_is_replaced_while_it_is_read_is_read_by_the_next_run(
    remote, deliver, meanwhile
):
    deliver(FIRST, "old")
    meanwhile("download")

    with pytest.raises(TransientError, match="delivered anew while it was read"):
        run(remote)

    assert run(remote).rows == 2


# ---- delete ------------------------------------------------------------------------------------


def test_loaded_objects_are_deleted_version_by_version(remote, versioned, content):
    deleting = remote.model_copy(
        update={"raw_data_dir": f"{versioned.url}/{LANDING}", "processed_files": "delete"}
    )
    versioned.put(f"{LANDING}/{FIRST}", content("agent"))

    run(deleting)

    assert look(deleting, statuses) == {FIRST: "loaded"}
    assert versioned.versions(f"{LANDING}/{FIRST}") == []


def test_deleting_without_versions_is_refused_before_anything_is_counted(
    remote, unversioned, content
):
    deleting = remote.model_copy(
        update={"raw_data_dir": f"{unversioned.url}/{LANDING}", "processed_files": "delete"}
    )
    unversioned.put(f"{LANDING}/{FIRST}", content("agent"))

    with pytest.raises(UserError, match="keeps no versions.*Turn versioning on"):
        run(deleting)

    assert look(deleting, statuses) == {}
    assert unversioned.names() == {f"{LANDING}/{FIRST}"}


# ---- a copy on this machine --------------------------------------------------------------------


def test_a_copy_that_a_stopped_run_has_left_is_used(remote, deliver, monkeypatch):
    deliver(FIRST)
    place = places.landing(remote)
    version = place.fingerprint(place.look(FIRST, "impressions")).object_version
    monkeypatch.delattr(objects, "download")

    run(remote)

    assert look(remote, lambda w: ledger(w, "object_version")) == [(version,)]
    assert not remote.spool_dir.exists()


def test_a_copy_that_was_not_finished_is_none(remote, deliver):
    deliver(FIRST)
    place = places.landing(remote)
    path = place.look(FIRST, "impressions").path
    path.parent.mkdir(parents=True)
    files.partial_of(path).write_bytes(b"half")

    assert run(remote).rows == 1
    assert not remote.spool_dir.exists()


# ---- the sensor --------------------------------------------------------------------------------


class Listing(http.server.BaseHTTPRequestHandler):
    """Lists keys as S3 does, 1,000 at a time. The emulator takes six minutes for 100,000."""

    protocol_version = "HTTP/1.1"
    keys: tuple[str, ...] = ()

    def do_HEAD(self):
        self.answer(b"")

    def do_GET(self):
        asked = parse_qs(urlsplit(self.path).query)
        first = int(asked.get("continuation-token", ["0"])[0])
        page = self.keys[first : first + 1000]
        objects = "".join(
            f"<Contents><Key>{key}</Key><LastModified>2022-05-26T10:00:00.000Z</LastModified>"
            f"<ETag>&quot;{'0' * 32}&quot;</ETag><Size>84000</Size></Contents>"
            for key in page
        )
        more = first + 1000 < len(self.keys)
        token = f"<NextContinuationToken>{first + 1000}</NextContinuationToken>" * more
        self.answer(
            f"<ListBucketResult>{objects}<IsTruncated>{str(more).lower()}</IsTruncated>{token}"
            "</ListBucketResult>".encode()
        )

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.mark.usefixtures("s3")
def test_the_sensor_lists_a_hundred_thousand_objects_late_ones_included(settings, monkeypatch):
    remote = settings.model_copy(update={"raw_data_dir": "s3://many/landing"})
    keys = [
        f"landing/impressions_2022052{6 + n % 4}{n % 24:02}_{n}.parquet" for n in range(100_000)
    ]
    monkeypatch.setattr(Listing, "keys", sorted(keys))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        started_at = time.monotonic()
        found, unsettled = settled_days(remote, days(DAY, date(2022, 5, 29)))
        seconds = time.monotonic() - started_at
        late = "landing/impressions_2022052600_.parquet"  # in front of all the others
        monkeypatch.setattr(Listing, "keys", [late, *sorted(keys)])
        again, _ = settled_days(remote, days(DAY, date(2022, 5, 29)))
        server.shutdown()

    assert unsettled == 0
    assert [day for day in again if again[day] != found[day]] == [str(DAY)]
    assert len(found) == 4
    assert seconds < 30  # of the 60 that a tick may take
