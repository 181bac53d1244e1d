"""A server that is not there, or goes away, is told in a line and at once."""

from __future__ import annotations

import socket
import sys
import time

import pytest
from pydantic import SecretStr

from adtech_assets.errors import UserError
from adtech_assets.rollup.spark import counting as spark_counting
from adtech_assets.rollup.spark.session import session
from adtech_assets.settings import load_settings, shown
from adtech_assets_tests.feed.deliveries import FIRST, days, deliver
from adtech_assets_tests.spark.conftest import Pipeline


def closed_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.parametrize(
    ("remote", "said"),
    [
        (f"sc://127.0.0.1:{closed_port()}/;token=secret", "No Spark Connect server answers at"),
        ("spark://127.0.0.1:7077", "it must look like sc://host:15002"),
        ("sc://", "it must look like sc://host:15002"),
        ("sc://127.0.0.1:99999", "No Spark Connect server answers at"),
    ],
)
def test_where_nobody_answers_is_told_at_once_and_without_the_token(remote, said):
    began = time.monotonic()

    with pytest.raises(UserError, match=said) as told:
        session(remote)

    assert time.monotonic() - began < 10
    assert "secret" not in str(told.value)
    assert "\n" not in str(told.value)


def test_where_the_client_is_not_installed_a_line_says_how(monkeypatch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        remote = f"sc://127.0.0.1:{somebody.getsockname()[1]}"
        pipeline = Pipeline(tmp_path / "spark", "spark", SecretStr(remote))
        deliver(pipeline.settings, FIRST, "agent")
        pipeline.ingest()
        monkeypatch.setitem(sys.modules, "pyspark.errors", None)

        with pytest.raises(UserError, match="Install it: make spark"):
            pipeline.count()


def test_without_an_address_a_line_says_which_setting_is_missing(tmp_path):
    pipeline = Pipeline(tmp_path / "spark", "spark", None)
    deliver(pipeline.settings, FIRST, "agent")
    pipeline.ingest()

    with pytest.raises(UserError, match="Set ADTECH_SPARK_REMOTE, like sc://host:15002"):
        pipeline.count()


def test_the_address_of_everybody_elses_spark_is_the_default(monkeypatch):
    monkeypatch.setenv("SPARK_REMOTE", "sc://cluster:15002/;token=secret")

    settings = load_settings(engine="spark")

    assert settings.spark_remote == SecretStr("sc://cluster:15002/;token=secret")
    assert shown(settings)["ADTECH_SPARK_REMOTE"] == "sc://cluster:15002"


def test_files_are_not_deleted_where_they_are_counted_from():
    with pytest.raises(UserError, match="ADTECH_PROCESSED_FILES cannot be delete where Spark"):
        load_settings(engine="spark", processed_files="delete")


def test_what_spark_cannot_read_is_told_in_a_line(spark, monkeypatch):
    deliver(spark.settings, FIRST, "agent")
    spark.ingest()
    # As if its workers did not share the folder.
    monkeypatch.setattr(spark_counting, "_find", _elsewhere(spark_counting._find))

    with pytest.raises(UserError, match=r"Spark at sc://127.0.0.1:\d+: .*PATH_NOT_FOUND") as told:
        spark.count()

    assert "\n" not in str(told.value)
    assert spark.facts()["hourly_user_agent_rollup"] == []


def _elsewhere(find):
    from dataclasses import replace

    def found(*arguments):
        return [
            replace(each, file=replace(each.file, location=f"/nowhere{each.file.location}"))
            for each in find(*arguments)
        ]

    return found


def test_days_without_files_are_counted_as_nothing(spark):
    spark.ingest(days())
    spark.count(days())

    assert spark.facts()["hourly_impressions"] == []
