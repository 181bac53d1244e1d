import os
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from dagster._core.storage.runs import SqliteRunStorage
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from pydantic import SecretStr

from adtech_assets.contract import SAMPLE_FEED
from adtech_assets.errors import UserError
from adtech_assets.settings import (
    FIRST_DAY,
    PROJECT_DIR,
    Settings,
    begin_no_later,
    export_settings,
    landing_folder,
    load_settings,
    masked_url,
    shown,
)
from adtech_assets.stores import embedded_postgres
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.other_feed import write_feed

SECRET_PARTS = ("s3cret", "tail")


def rejection(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError) as raised:
        load_settings()
    return str(raised.value)


def test_the_defaults_are_those_of_the_documentation(monkeypatch):
    monkeypatch.setattr("adtech_assets.settings.FIRST_DAY", "of no demo")
    assert load_settings().model_dump() == {
        "raw_data_dir": PROJECT_DIR / "raw_data",
        "output_dir": PROJECT_DIR / "output",
        "data_dir": PROJECT_DIR / "data",
        "archive_dir": PROJECT_DIR / "data" / "archive",
        "exports_bucket": "",
        "report_url": "",
        "source_database_url": None,
        "target_database_url": None,
        "bi_role": "adtech_bi",
        "user_agent": "some user agent",
        "start_date": date(2022, 5, 25),
        "feed": str(SAMPLE_FEED),
        "timezone": "Europe/Copenhagen",
        "engine": "duckdb",
        "spark_remote": None,
        "processed_files": "archive",
        "settle_seconds": 5,
        "refuse_offset_overlaps": True,
        "report_offset_gaps": True,
        "most_members": 20,
        "alerts": SecretStr(""),
        "alerts_time": "06:00",
        "alerts_digest": False,
        "ui_url": "http://127.0.0.1:3000",
        "least_free_percent": 5,
        "log_format": "text",
        "lookback_days": 3,
        "archive_days": 0,
        "raw_event_days": 0,
        "run_history_days": 90,
    }


def test_every_setting_can_be_set_in_the_environment(monkeypatch, tmp_path):
    environment = {
        "ADTECH_RAW_DATA_DIR": "/feed",
        "ADTECH_OUTPUT_DIR": "/csv",
        "ADTECH_DATA_DIR": "/state",
        "ADTECH_ARCHIVE_DIR": "s3://bucket/archive",
        "ADTECH_EXPORTS_BUCKET": "s3://bucket/kpis",
        "ADTECH_REPORT_URL": "https://reports.example/kpi_report.html",
        "ADTECH_SOURCE_DATABASE_URL": "postgresql://a@db/one",
        "ADTECH_TARGET_DATABASE_URL": "postgresql+psycopg://b@db/two",
        "ADTECH_BI_ROLE": "readers",
        "ADTECH_USER_AGENT": "*",
        "ADTECH_START_DATE": "2020-02-29",
        "ADTECH_FEED": str(write_feed(tmp_path)),
        "ADTECH_TIMEZONE": "Asia/Tokyo",
        "ADTECH_ENGINE": "spark",
        "ADTECH_SPARK_REMOTE": "sc://spark:15002",
        "ADTECH_PROCESSED_FILES": "keep",
        "ADTECH_SETTLE_SECONDS": "0.5",
        "ADTECH_REFUSE_OFFSET_OVERLAPS": "False",
        "ADTECH_REPORT_OFFSET_GAPS": "False",
        "ADTECH_MOST_MEMBERS": "5",
        "ADTECH_ALERTS": "slack://*** mailto://***",
        "ADTECH_ALERTS_TIME": "07:30",
        "ADTECH_ALERTS_DIGEST": "True",
        "ADTECH_UI_URL": "https://dagster.example.com",
        "ADTECH_LEAST_FREE_PERCENT": "10",
        "ADTECH_LOG_FORMAT": "json",
        "ADTECH_LOOKBACK_DAYS": "7",
        "ADTECH_ARCHIVE_DAYS": "400",
        "ADTECH_RAW_EVENT_DAYS": "30",
        "ADTECH_RUN_HISTORY_DAYS": "0",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    assert shown(settings) == environment
    assert settings.start_date == date(2020, 2, 29)
    assert settings.zone == ZoneInfo("Asia/Tokyo")


def test_the_days_of_the_demo_begin_with_its_own(tmp_path, monkeypatch):
    (tmp_path / FIRST_DAY).write_text("2026-11-16\n")
    assert load_settings(data_dir=tmp_path).start_date == date(2026, 11, 16)
    monkeypatch.setenv("ADTECH_START_DATE", "2024-01-01")
    assert load_settings(data_dir=tmp_path).start_date == date(2024, 1, 1)


def test_earlier_days_that_are_loaded_beside_the_demo_are_days_from_then_on(tmp_path):
    (tmp_path / FIRST_DAY).write_text("2026-11-16\n")
    settings = begin_no_later(load_settings(data_dir=tmp_path), date(2022, 5, 26))
    assert settings.start_date == date(2022, 5, 26)
    assert load_settings(data_dir=tmp_path) == settings
    assert begin_no_later(settings, date(2026, 11, 20)) == settings


def test_who_knows_older_settings_takes_back_no_day_that_others_have_loaded(tmp_path):
    (tmp_path / FIRST_DAY).write_text("2026-11-16\n")
    older = load_settings(data_dir=tmp_path)
    begin_no_later(older, date(2022, 5, 26))

    assert begin_no_later(older, date(2026, 10, 1)).start_date == date(2022, 5, 26)
    assert load_settings(data_dir=tmp_path).start_date == date(2022, 5, 26)


@pytest.mark.parametrize("day", [date(2022, 5, 24), date(2026, 11, 20)])
def test_days_before_the_default_start_need_the_setting_there_too(tmp_path, day):
    (tmp_path / FIRST_DAY).write_text("2026-11-16\n")
    settings = load_settings(data_dir=tmp_path)
    assert begin_no_later(settings, day) == settings
    assert load_settings(data_dir=tmp_path) == settings


def test_a_start_date_that_is_set_stays(tmp_path):
    settings = load_settings(data_dir=tmp_path, start_date=date(2024, 1, 1))
    assert begin_no_later(settings, date(2022, 5, 26)) == settings


def test_settings_that_are_written_down_are_read_again(tmp_path):
    settings = load_settings(feed=write_feed(tmp_path), settle_seconds=1)
    assert load_settings(**settings.model_dump()) == settings


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    file = tmp_path / ".env"
    file.write_text("ADTECH_USER_AGENT=of the file\nADTECH_LOOKBACK_DAYS=9\nPOSTGRES_PASSWORD=x\n")
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    monkeypatch.setenv("ADTECH_USER_AGENT", "of the environment")

    settings = load_settings()

    assert settings.user_agent == "of the environment"
    assert settings.lookback_days == 9


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_an_empty_variable_means_the_default(name, monkeypatch):
    monkeypatch.setenv(f"ADTECH_{name.upper()}", "")
    assert load_settings() == Settings()


def test_relative_folders_are_taken_from_the_project_wherever_a_command_starts(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ADTECH_DATA_DIR", "demo/../state")
    assert load_settings().data_dir == PROJECT_DIR / "state"
    assert load_settings().raw_data_dir == PROJECT_DIR / "raw_data"


@pytest.mark.parametrize("name", ["a b", "größe ☃", "a;b&c=d:e@f", "{a}[b]*(c)|<d>!", "~a", "a.b"])
def test_the_data_folder_may_have_any_name_that_the_stores_can_read(tmp_path, name):
    settings = load_settings(data_dir=tmp_path / name)
    with Warehouse.of(settings).connect() as warehouse:
        warehouse.execute("CREATE TABLE t AS SELECT 1")
    SqliteRunStorage.from_local(str(settings.dagster_dir)).get_runs()
    assert (settings.dagster_dir / "runs.db").exists()
    assert DuckDBCredentials.path_derived_database_name(settings.warehouse_path) == "warehouse"


def test_the_embedded_postgres_starts_in_a_folder_of_a_strange_name(tmp_path):
    url = embedded_postgres.database_url(tmp_path / "{a b};größe&|<*>", "analytics")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_home_of_a_user_who_has_none_is_told(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(os, "getuid", lambda: 987654)
    assert "no home folder" in rejection("ADTECH_RAW_DATA_DIR", "~/feed", monkeypatch)


def test_folders_may_begin_at_home(monkeypatch):
    monkeypatch.setenv("ADTECH_RAW_DATA_DIR", "~/feed")
    assert load_settings().raw_data_dir == Path.home().resolve() / "feed"


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("ADTECH_START_DATE", "25.05.2022", "must be a day like 2022-05-25"),
        ("ADTECH_START_DATE", "2022-02-30", "must be a day like 2022-05-25"),
        ("ADTECH_START_DATE", "1653436800", "must be a day like 2022-05-25"),
        ("ADTECH_TIMEZONE", "Copenhagen", "is not a time zone; write it like Europe/Copenhagen"),
        ("ADTECH_TIMEZONE", "../../etc/passwd", "is not a time zone"),
        ("ADTECH_SETTLE_SECONDS", "-1", "greater than or equal to 0"),
        ("ADTECH_SETTLE_SECONDS", "inf", "finite"),
        ("ADTECH_SETTLE_SECONDS", "soon", "number"),
        ("ADTECH_MOST_MEMBERS", "0", "greater than or equal to 1"),
        ("ADTECH_LOOKBACK_DAYS", "0", "greater than or equal to 1"),
        ("ADTECH_LOOKBACK_DAYS", "2.5", "integer"),
        ("ADTECH_ARCHIVE_DAYS", "-1", "greater than or equal to 0"),
        ("ADTECH_USER_AGENT", "agent \udcff", "is no UTF-8 text"),
        ("ADTECH_TARGET_DATABASE_URL", "postgresql://\udcff@host/db", "is no UTF-8 text"),
        ("ADTECH_PROCESSED_FILES", "shred", "'archive', 'delete' or 'keep'"),
        ("ADTECH_SOURCE_DATABASE_URL", "localhost:5432", "must look like postgresql://"),
        ("ADTECH_RAW_DATA_DIR", "s3://", "a place in a bucket like s3://bucket/prefix"),
        ("ADTECH_RAW_DATA_DIR", "http://host/folder", "a place in a bucket like"),
        ("ADTECH_ARCHIVE_DIR", "s3://bucket/a//b", "a place in a bucket like"),
        *[("ADTECH_DATA_DIR", f"/da{one}ta", "none of these") for one in "%?#,'\"\\$`\n\x7f\udcff"],
    ],
)
def test_a_value_that_cannot_be_is_told_in_one_line(name, value, advice, monkeypatch):
    message = rejection(name, value, monkeypatch)
    assert message.startswith(f"{name} ")
    assert advice in message
    assert "\n" not in message


def test_several_mistakes_are_told_at_once_each_in_its_line(monkeypatch):
    monkeypatch.setenv("ADTECH_TIMEZONE", "Mars")
    monkeypatch.setenv("ADTECH_START_DATE", "tomorrow")
    lines = rejection("ADTECH_PROCESSED_FILES", "shred", monkeypatch).splitlines()
    assert [line.split()[0] for line in lines] == [
        "ADTECH_START_DATE",
        "ADTECH_TIMEZONE",
        "ADTECH_PROCESSED_FILES",
    ]


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:s3cret@host/db",
        "postgresql:/user:s3cret@host/db",
        "postgresql://user:s3cret",
        "postgresql://user:s3cret@tail@host/db",
        "postgresql://user:s3cret/tail@host/db",
        "postgresql://user:1234/s3cret@host/db",
        "postgresql://user:s3cret%tail@host/db",
        "postgresql://user:s3cret%00@host/db",
        "postgresql://user@host/db?password=s3cret%tail",
        "user:s3cret@host",
    ],
)
def test_a_url_that_libpq_would_misread_is_refused_without_showing_it(url, monkeypatch):
    message = rejection("ADTECH_TARGET_DATABASE_URL", url, monkeypatch)
    assert message.startswith("ADTECH_TARGET_DATABASE_URL must look like postgresql://")
    assert "percent-encoded" in message
    assert not any(part in message for part in SECRET_PARTS)


def test_a_mistake_elsewhere_shows_no_password(monkeypatch):
    monkeypatch.setenv("ADTECH_TARGET_DATABASE_URL", "postgresql://user:s3cret@host/db")
    monkeypatch.setenv("ADTECH_SOURCE_DATABASE_URL", "oracle://user:s3cret@host/db")
    with pytest.raises(UserError) as raised:
        load_settings()
    assert "s3cret" not in str(raised.value) + str(raised.value.__context__)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://user:s3cret@host:5432/db", "postgresql://user:***@host:5432/db"),
        ("postgresql+psycopg://user:s3cret@host/db", "postgresql+psycopg://user:***@host/db"),
        ("postgres://user:s3cret%40%3A%2F%25tail@host/db", "postgres://user:***@host/db"),
        ("postgresql://user:s3cret:tail@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user:s3cret?tail@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user:s3cret#tail@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user:s3cret\u2100tail@host/db", "postgresql://user:***@host/db"),
        ("postgresql://user:s3cret@[::1]:5432/db", "postgresql://user:***@[::1]:5432/db"),
        ("postgresql://[user:s3cret@host/db", "postgresql://[user:***@host/db"),
        ("postgresql://user:s3cret@a:1,b:2/db", "postgresql://user:***@a:1,b:2/db"),
        ("postgresql://user@host/db?password=s3cret&x=@tail", "postgresql://user@host/db"),
        ("postgresql:///db?user=u&password=s3cret", "postgresql:///db"),
        ("postgresql://user@host/db", "postgresql://user@host/db"),
        ("postgresql://host", "postgresql://host"),
    ],
)
def test_a_url_is_shown_without_password_and_options(url, masked):
    settings = load_settings(source_database_url=url)
    assert masked_url(settings.source_database_url) == masked
    assert shown(settings)["ADTECH_SOURCE_DATABASE_URL"] == masked
    assert not any(part in repr(settings) + str(settings) for part in SECRET_PARTS)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cret@tail@host/db",
        "postgresql://user:s3cret/tail@host/db",
        "postgresql://user:s3cret",
        "mysql://user:s3cret@host/db",
        "s3cret",
        "postgresql://" + "s3cret," * 2000 + "@@",
    ],
)
def test_a_url_that_cannot_be_read_is_not_shown_at_all(url):
    assert masked_url(SecretStr(url)) == "***"


def test_without_a_url_the_embedded_server_is_shown():
    assert masked_url(None) == ""
    assert shown(load_settings())["ADTECH_TARGET_DATABASE_URL"] == "embedded Postgres"


def test_all_state_lies_in_the_data_folder(tmp_path):
    settings = load_settings(data_dir=tmp_path)
    assert settings.warehouse_path == tmp_path / "warehouse.duckdb"
    assert {
        folder.parent
        for folder in (
            settings.archive_dir,
            settings.quarantine_dir,
            settings.exports_dir,
            settings.dagster_dir,
            settings.dbt_target_dir,
        )
    } == {tmp_path}


@pytest.mark.parametrize("place", ["s3://bucket", "gs://bucket/a", "az://container/a/b c"])
def test_log_files_may_lie_in_a_bucket(place):
    settings = load_settings(raw_data_dir=f"{place}/", archive_dir="s3://archive/")
    assert (settings.raw_data_dir, settings.archive_dir) == (place, "s3://archive")


@pytest.mark.parametrize("landing", ["s3://bucket/feed", "/feed"])
@pytest.mark.parametrize("below", ["", "/archive"])
def test_the_archive_is_no_part_of_the_landing_folder(landing, below):
    with pytest.raises(UserError, match="ADTECH_ARCHIVE_DIR must not be the landing folder"):
        load_settings(raw_data_dir=landing, archive_dir=f"{landing}{below}")
    assert load_settings(raw_data_dir=landing, archive_dir=f"{landing}-archive")


def test_sample_files_are_not_written_into_a_bucket():
    with pytest.raises(UserError, match="adtech logs generate --output FOLDER"):
        landing_folder(load_settings(raw_data_dir="s3://bucket/feed"))


def test_the_archive_may_be_a_folder_of_its_own(tmp_path):
    assert load_settings(archive_dir=str(tmp_path)).archive_dir == tmp_path


def test_settings_do_not_change_once_they_are_read():
    with pytest.raises(ValueError, match="frozen"):
        load_settings().user_agent = "another"


def test_child_processes_find_the_same_folders_and_call_nobody(tmp_path, monkeypatch):
    settings = load_settings(
        data_dir=tmp_path / "data", raw_data_dir=tmp_path / "raw", output_dir=tmp_path / "out"
    )
    with monkeypatch.context() as context:
        context.setattr(os, "environ", dict(os.environ))
        export_settings(settings)
        environment = os.environ

    assert environment["ADTECH_DATA_DIR"] == str(tmp_path / "data")
    assert environment["ADTECH_RAW_DATA_DIR"] == str(tmp_path / "raw")
    assert environment["ADTECH_OUTPUT_DIR"] == str(tmp_path / "out")
    assert environment["ADTECH_ARCHIVE_DIR"] == ""  # by default it follows the data folder
    assert environment["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"
    assert environment["DAGSTER_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize(
    "invalid",
    [
        {"alerts": "anna@example.com"},
        {"alerts": "slack://a/b/c, mailto"},
        {"alerts_time": "6 am"},
        {"alerts_time": "24:00"},
        {"ui_url": "dagster.my-company.com"},
        {"ui_url": "https://user:pass@dagster.example.com"},
        {"least_free_percent": 101},
    ],
)
def test_alerts_that_cannot_be_are_refused_and_not_repeated(invalid):
    with pytest.raises(UserError) as refused:
        load_settings(**invalid)
    [(name, value)] = invalid.items()
    assert f"ADTECH_{name.upper()}" in str(refused.value)
    assert str(value) not in str(refused.value)
