import ast
import shutil
from pathlib import Path

import pytest

import adtech_assets
from adtech_assets.audit import losses
from adtech_assets.errors import UserError
from adtech_assets.partitions import DayRange
from adtech_assets.publish.marts import Mart
from adtech_assets.publish.publication import publish
from adtech_assets.settings import load_settings
from adtech_assets.stores import identity, ownership
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.audit.test_status import DAY, deliver, run

FIRST, SECOND = "impressions_2022052611.parquet", "impressions_2022052612.parquet"
DAYS = DayRange(DAY, DAY)
MART = Mart("readings", ("id",), "Readings.", {})


@pytest.fixture
def owner(settings):
    """A data folder that has loaded a day of 4 impressions; its settings."""
    deliver(settings, FIRST, events=4)
    run(settings, DAYS)
    return settings


@pytest.fixture
def other(owner, tmp_path):
    """Another data folder, with other files of the same day and the same target."""
    folders = {name: tmp_path / "other" / name for name in ("raw_data", "output", "data")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    settings = at(owner, **folders)
    for name, events in ((FIRST, 10), (SECOND, 3)):
        deliver(settings, name, events=events)
    return settings


def at(settings, **folders):
    """Settings of a deployment with folders of its own."""
    ours = {"raw_data": settings.raw_data_dir, "output": settings.output_dir} | folders
    urls = {
        name: getattr(settings, name) for name in ("source_database_url", "target_database_url")
    }
    return load_settings(**{f"{name}_dir": ours[name] for name in ours}, **urls, settle_seconds=0)


def build(settings, rows):
    with Warehouse.of(settings).connect() as warehouse:
        warehouse.execute("CREATE SCHEMA IF NOT EXISTS marts")
        warehouse.execute(f"CREATE OR REPLACE TABLE marts.readings AS FROM range({rows}) AS t(id)")
        publish(warehouse, Postgres.of(settings, "target"), [MART])


def take_over(settings):
    with Warehouse.of(settings).connect() as warehouse:
        ownership.take_over(Postgres.of(settings, "target"), identity.of(warehouse))


def content(ask):
    return ask("SELECT * FROM csv_data_task"), ask("SELECT * FROM load_audit")


def test_another_folder_cannot_load_and_is_told_whose_it_is_and_how_to_take_over(owner, other, ask):
    before = content(ask)
    with pytest.raises(UserError, match=f"{owner.warehouse_path}.*adtech take-over") as raised:
        run(other, DAYS)
    assert "\n" not in str(raised.value)
    assert content(ask) == before


def test_another_folder_cannot_publish(owner, other, ask):
    build(owner, 2)
    with pytest.raises(UserError, match="adtech take-over"):
        build(other, 5)
    assert ask("SELECT count(*) FROM marts.readings") == [(2,)]


@pytest.mark.usefixtures("owner")
def test_another_folder_cannot_accept_a_loss(other, ask):
    before = content(ask)
    loss = losses.Loss(DAY, loaded_files=2, known_files=1, lost_originals={})
    with pytest.raises(UserError, match="adtech take-over"):
        losses.accept(other, loss)
    assert content(ask) == before


@pytest.mark.usefixtures("owner")
def test_who_takes_over_on_purpose_writes_and_the_other_is_refused(owner, other, ask):
    take_over(other)
    run(other, DAYS)
    assert ask("SELECT impression_count FROM load_audit") == [(13,)]

    with pytest.raises(UserError, match=f"{other.warehouse_path}.*adtech take-over"):
        build(owner, 1)


def test_a_warehouse_that_is_built_again_in_its_folder_is_still_the_owner(owner, ask):
    owner.warehouse_path.unlink()
    run(owner, DAYS)
    assert ask("SELECT impression_count FROM load_audit") == [(4,)]


def test_a_folder_that_has_moved_is_still_the_owner(owner, tmp_path, target):
    moved = at(owner, data=tmp_path / "moved")
    shutil.move(owner.data_dir, moved.data_dir)
    since = ownership.owner_of(target).since
    build(moved, 1)
    assert str(moved.warehouse_path) in ownership.owner_of(target).at
    assert ownership.owner_of(target).since == since


def test_a_copy_of_a_folder_that_is_still_there_is_another(owner, tmp_path, ask):
    copied = at(owner, data=tmp_path / "copied")
    shutil.copytree(owner.data_dir, copied.data_dir)
    before = content(ask)

    with pytest.raises(UserError, match=f"{owner.warehouse_path}.*adtech take-over"):
        build(copied, 1)

    assert content(ask) == before
    take_over(copied)
    build(copied, 1)
    with pytest.raises(UserError, match=f"{copied.warehouse_path}.*adtech take-over"):
        build(owner, 1)


def test_a_target_of_before_there_were_owners_is_the_first_ones_that_writes(owner, other, ask):
    ask("DROP TABLE target_owner")
    build(other, 1)
    with pytest.raises(UserError, match="adtech take-over"):
        build(owner, 1)
    assert ask("SELECT schema_version FROM target_owner") == [(1,)]


def test_a_load_that_fails_owns_nothing(settings, ask):
    with pytest.raises(UserError), Warehouse.of(settings).connect() as warehouse:
        publish(warehouse, Postgres.of(settings, "target"), [MART])
    assert ask("SELECT to_regclass('target_owner')") == [(None,)]


def test_days_published_by_a_version_without_hashes_are_published_again(owner, ask):
    build(owner, 2)
    ask("ALTER TABLE published_days DROP COLUMN row_hash")
    ask("DROP TABLE target_owner")
    build(owner, 2)
    assert ask("SELECT rows FROM published_days WHERE row_hash IS NOT NULL") == [(2,)]


def test_newer_code_migrates_with_the_work_or_not_at_all(owner, ask, monkeypatch):
    steps = identity.TARGET_MIGRATIONS
    before = content(ask)
    monkeypatch.setattr(
        identity, "TARGET_MIGRATIONS", (*steps, "DELETE FROM csv_data_task", "SELECT 1 / 0")
    )
    with pytest.raises(UserError, match="division by zero"):
        build(owner, 1)
    assert content(ask) == before
    assert ask("SELECT schema_version FROM target_owner") == [(1,)]

    monkeypatch.setattr(identity, "TARGET_MIGRATIONS", (*steps, "CREATE TABLE newer (i int)"))
    build(owner, 1)
    assert ask("SELECT * FROM newer") == []
    assert ask("SELECT schema_version FROM target_owner") == [(2,)]


@pytest.mark.parametrize("write", [build, lambda settings, _: take_over(settings)])
def test_older_code_refuses_a_target_of_newer(owner, ask, write):
    ask("UPDATE target_owner SET schema_version = 99")
    with pytest.raises(UserError, match=r"schema version 99, .*newer adtech-assets.* knows 1\."):
        write(owner, 1)
    assert ask("SELECT schema_version FROM target_owner") == [(99,)]


def test_nothing_else_in_the_package_writes_to_the_target():
    """Who opens a transaction that writes: the source's seeds, and `ownership`."""
    writers = {
        path.name
        for path in Path(adtech_assets.__file__).parent.rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "connect"
        and not any(keyword.arg == "read_only" for keyword in call.keywords)
        and "target" in ast.unparse(call.func.value)
    }
    assert writers == {"ownership.py"}
