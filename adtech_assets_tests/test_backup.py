"""The data folder out of a copy: whole, of one moment, whatever is killed meanwhile."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import date

import pytest

from adtech_assets import backup
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.errors import UserError
from adtech_assets.settings import load_settings
from adtech_assets.stores import erasures, objects
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.buckets import s3, s3_server, versioned

__all__ = ["s3", "s3_server", "versioned"]  # fixtures

FILES = (
    "archive/clicks/2022-05-26/a.parquet",
    "quarantine/1/reason.json",
    "history/campaigns.parquet",
    "exports/kpi_report.html",
    "failed_days/2022-05-26.json",
    "warehouse.id",
)
NEVER = 10**9
PROCESS = """
import os, signal, sys
from pathlib import Path
from adtech_assets import backup
from adtech_assets.settings import read_settings
from adtech_assets_tests import test_backup

what, data_dir, folder, number = sys.argv[1:]
settings = read_settings(data_dir=data_dir)
calls = iter(range(test_backup.NEVER))

def killed(function):
    def call(*arguments):
        if next(calls) == int(number):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments)
    return call

if what == "fill":
    test_backup.fill(settings, number)
elif what == "numbers":
    print(test_backup.numbers(settings))
else:
    backup._copy, backup._move = killed(backup._copy), killed(backup._move)
    {"backup": backup.back_up, "restore": backup.restore}[what](settings, Path(folder), print)
"""


def told(_what):
    """Nobody looks at the progress."""


def runs_of(settings):
    path = settings.dagster_dir / "history" / "runs.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    return closing(sqlite3.connect(path, timeout=60))


def fill(settings, number):
    """A number in every store."""
    with Warehouse.of(settings).connect() as warehouse:
        warehouse.execute(f"CREATE OR REPLACE TABLE numbers AS SELECT {number} AS n")
    for role in ("source", "target"):
        with Postgres.of(settings, role).connect() as connection:
            connection.execute("DROP TABLE IF EXISTS numbers CASCADE")
            connection.execute(f"CREATE TABLE numbers AS SELECT {number} AS n")
    for name in FILES:
        path = settings.data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    with runs_of(settings) as runs, runs:
        runs.execute("PRAGMA journal_mode = WAL")
        runs.execute("CREATE TABLE IF NOT EXISTS numbers (n INTEGER)")
        runs.execute("DELETE FROM numbers")
        runs.execute("INSERT INTO numbers VALUES (?)", [number])


def numbers(settings):
    """The numbers in the stores; one, if they are of one moment."""
    found = set()
    with Warehouse.of(settings).connect(read_only=True) as warehouse:
        found |= set(warehouse.execute("SELECT n FROM numbers").fetchall())
    for role in ("source", "target"):
        with Postgres.of(settings, role).connect() as connection:
            found |= set(connection.execute("SELECT n FROM numbers").fetchall())
    with runs_of(settings) as runs:
        found |= set(runs.execute("SELECT n FROM numbers").fetchall())
    found |= {(int((settings.data_dir / name).read_text()),) for name in FILES}
    return [number for (number,) in found]


def process(what, settings, folder="", number=NEVER):
    """In a process of its own, which holds the embedded server no longer than it lives."""
    return subprocess.run(
        [sys.executable, "-c", PROCESS, what, settings.data_dir, folder, str(number)],
        cwd=PROJECT_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


def done(what, settings, folder="", number=NEVER):
    """The same, and it must succeed; what it prints last."""
    ended = process(what, settings, folder, number)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip().split("\n")[-1]


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory):
    """A copy of stores that hold the number 1."""
    folder = tmp_path_factory.mktemp("backed_up")
    settings = load_settings(data_dir=folder / "data")
    done("fill", settings, number=1)
    done("backup", settings, folder / "copy")
    return folder / "copy"


@pytest.fixture
def embedded(tmp_path):
    """Settings of a data folder with all stores, empty."""
    return load_settings(data_dir=tmp_path / "data")


def test_a_copy_is_restored_to_an_empty_folder_and_stays(backed_up, embedded):
    before = backup.read(backed_up)
    done("restore", embedded, backed_up)
    assert done("numbers", embedded) == "[1]"
    assert backup.read(backed_up) == before


def test_a_copy_replaces_all_that_is_there(backed_up, embedded):
    """A newer log of changes beside an older warehouse would make every command fail."""
    done("fill", embedded, number=2)
    (embedded.data_dir / "warehouse.duckdb.wal").write_bytes(b"of the newer one")
    (embedded.data_dir / "archive" / "later.parquet").write_text("2")

    done("restore", embedded, backed_up)

    assert done("numbers", embedded) == "[1]"
    assert not (embedded.data_dir / "archive" / "later.parquet").exists()
    assert [path.name for path in embedded.data_dir.iterdir() if path.name.startswith(".")] == []


def test_a_copy_is_of_one_moment_while_others_write(embedded, tmp_path):
    """Who writes to several stores holds the warehouse."""
    fill(embedded, 1)
    stop = threading.Event()

    def go_on():
        number = 1
        while not stop.is_set():
            number += 1
            with Warehouse.of(embedded).reserved():
                fill(embedded, number)

    writer = threading.Thread(target=go_on)
    writer.start()
    try:
        done("backup", embedded, tmp_path / "copy")
    finally:
        stop.set()
        writer.join()
    restored = load_settings(data_dir=tmp_path / "restored")
    done("restore", restored, tmp_path / "copy")
    assert len(done("numbers", restored).split(",")) == 1


def test_a_copy_that_was_killed_is_refused_and_harms_nothing(embedded, tmp_path):
    done("fill", embedded, number=2)
    assert process("backup", embedded, tmp_path / "copy", 3).returncode == -signal.SIGKILL
    with pytest.raises(UserError, match="not finished"):
        backup.restore(embedded, tmp_path / "copy", told)
    assert done("numbers", embedded) == "[2]"


def test_what_was_erased_since_is_named_and_stays_refused(embedded, tmp_path):
    before, since = date(2022, 5, 26), date(2022, 5, 27)
    embedded.data_dir.mkdir()
    erasures.finish(embedded, erasures.begin(embedded, before, before, "anna"))
    backup.back_up(embedded, tmp_path / "copy", told)
    erasures.begin(embedded, since, since, "anna")
    erasures.note_backup(embedded, "/elsewhere")

    restored = backup.restore(embedded, tmp_path / "copy", told)

    assert restored.forgotten_since == ((since, since),)
    assert erasures.forgotten_days(embedded) == {before, since}
    assert [each.finished_at is None for each in erasures.read(embedded)] == [False, True]
    assert len(erasures.backups(embedded)) == 1


@pytest.mark.parametrize("when", [0, 300])
def test_a_restore_that_is_killed_while_it_copies_leaves_what_was_there(backed_up, embedded, when):
    done("fill", embedded, number=2)
    assert process("restore", embedded, backed_up, when).returncode == -signal.SIGKILL
    assert done("numbers", embedded) == "[2]"
    done("restore", embedded, backed_up)
    assert done("numbers", embedded) == "[1]"


@pytest.mark.parametrize("moves", [0, 5, 9, 15])
def test_a_restore_that_is_killed_while_it_moves_says_so_until_it_is_run_again(
    backed_up, embedded, moves
):
    done("fill", embedded, number=2)
    copied = len(backup.read(backed_up).sizes)
    killed = process("restore", embedded, backed_up, copied + moves)
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(UserError, match=r"stopped halfway.*adtech restore"):
        load_settings(data_dir=embedded.data_dir)
    done("restore", embedded, backed_up)
    assert done("numbers", embedded) == "[1]"


def damage_a_file(folder):
    with (folder / "warehouse.duckdb").open("ab") as file:
        file.write(b"more")


def damage_a_file_of_the_same_size(folder):
    with (folder / "warehouse.duckdb").open("r+b") as file:
        file.write(bytes(8192))


def lose_a_file(folder):
    (folder / "postgres" / "cluster" / "PG_VERSION").unlink()


def test_a_copy_of_before_there_were_checksums_is_restored(backed_up, tmp_path, settings):
    shutil.copytree(backed_up, tmp_path / "copy")
    contents = json.loads((tmp_path / "copy" / backup.CONTENTS).read_text())
    del contents["checksums"]
    (tmp_path / "copy" / backup.CONTENTS).write_text(json.dumps({**contents, "format": 1}))

    backup.restore(settings, tmp_path / "copy", told)

    assert (settings.data_dir / "warehouse.duckdb").exists()


def lose_the_contents(folder):
    (folder / backup.CONTENTS).unlink()


def cut_the_contents(folder):
    os.truncate(folder / backup.CONTENTS, 100)


@pytest.mark.parametrize(
    "damage",
    [
        *(damage_a_file, damage_a_file_of_the_same_size, lose_a_file),
        *(lose_the_contents, cut_the_contents),
    ],
)
def test_a_copy_that_is_not_whole_is_refused_and_nothing_is_changed(
    backed_up, tmp_path, settings, damage
):
    shutil.copytree(backed_up, tmp_path / "copy")
    damage(tmp_path / "copy")
    settings.data_dir.mkdir()
    with pytest.raises(UserError):
        backup.restore(settings, tmp_path / "copy", told)
    assert list(settings.data_dir.iterdir()) == []


def test_a_folder_that_is_not_empty_is_refused(settings, tmp_path):
    settings.data_dir.mkdir()
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").touch()
    with pytest.raises(UserError, match="not empty"):
        backup.back_up(settings, tmp_path / "copy", told)


@pytest.mark.parametrize("place", ["data/copy", "data", "."])
def test_a_copy_lies_outside_of_the_data_folder(settings, tmp_path, place):
    settings.data_dir.mkdir()
    for act in (backup.back_up, backup.restore):
        with pytest.raises(UserError, match="must not lie in each other"):
            act(settings, tmp_path / place, told)


def test_servers_of_your_own_are_named_without_their_passwords(tmp_path):
    settings = load_settings(
        data_dir=tmp_path / "data", target_database_url="postgresql://me:s3cret@db/x"
    )
    settings.data_dir.mkdir()
    copy = backup.back_up(settings, tmp_path / "copy", told)
    assert copy.not_in_it == ["target postgresql://me:***@db/x"]
    assert backup.read(tmp_path / "copy") == copy


def test_a_data_folder_that_is_in_use_is_not_replaced(backed_up, embedded):
    Postgres.of(embedded, "target").url()
    with pytest.raises(UserError, match="in use"):
        backup.restore(embedded, backed_up, told)


# ---- in a bucket -------------------------------------------------------------------------------


def test_a_backup_in_a_bucket_is_restored(settings, versioned):
    place = f"{versioned.url}/backups/2022-05-26"
    strange = settings.data_dir / "quarantine" / "1" / "impressions_\udcff %2F.parquet"
    fill(settings, 1)
    strange.write_text("1")
    copy = backup.back_up_to_bucket(settings, place, told)
    fill(settings, 2)
    strange.unlink()

    with backup.from_bucket(settings, place, told) as folder:
        assert backup.restore(settings, folder, told) == copy

    with Warehouse.of(settings).connect(read_only=True) as warehouse:
        assert warehouse.execute("FROM numbers").fetchall() == [(1,)]
    assert {(settings.data_dir / name).read_text() for name in FILES} == {"1"}
    assert strange.read_text() == "1"
    assert not list(settings.data_dir.glob(".*"))


def test_a_backup_in_a_bucket_that_was_stopped_is_none(settings, versioned, monkeypatch):
    place = f"{versioned.url}/backup"
    fill(settings, 1)
    upload = objects.upload

    def stopped(place, path, name):
        if name == backup.CONTENTS:
            raise KeyboardInterrupt
        upload(place, path, name)

    monkeypatch.setattr(objects, "upload", stopped)
    with pytest.raises(KeyboardInterrupt):
        backup.back_up_to_bucket(settings, place, told)

    with (
        pytest.raises(UserError, match="is no backup, or one that was not finished"),
        backup.from_bucket(settings, place, told),
    ):
        pass
    with pytest.raises(UserError, match="is not empty. Name a new place for each backup"):
        backup.back_up_to_bucket(settings, place, told)


def test_an_archive_elsewhere_is_named(settings, versioned, tmp_path):
    fill(settings, 1)
    elsewhere = settings.model_copy(update={"archive_dir": f"{versioned.url}/archive"})

    copy = backup.back_up(elsewhere, tmp_path / "copy", told)

    assert f"archive {versioned.url}/archive" in copy.not_in_it
