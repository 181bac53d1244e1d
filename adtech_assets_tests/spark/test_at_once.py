"""Runs that count with Spark at once: equal rows, nothing twice; the warehouse is held shortly."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.rollup.spark.engine import Spark
from adtech_assets.sample.log_files import generate_log_files
from adtech_assets_tests.feed.deliveries import DAY, FIRST, days, deliver
from adtech_assets_tests.spark.run_of_days import STEPS

THREE_DAYS = [DAY + timedelta(n) for n in range(3)]
ALL_DAYS = days(THREE_DAYS[0], THREE_DAYS[-1])


def start(pipeline, first, last, *step):
    settings = pipeline.settings
    environment = {
        "ADTECH_RAW_DATA_DIR": str(settings.raw_data_dir),
        "ADTECH_OUTPUT_DIR": str(settings.output_dir),
        "ADTECH_DATA_DIR": str(settings.data_dir),
        "ADTECH_SETTLE_SECONDS": "0",
        "ADTECH_ENGINE": "spark",
        "ADTECH_SPARK_REMOTE": settings.spark_remote.get_secret_value(),
    }
    module = "adtech_assets_tests.spark.run_of_days"
    return subprocess.Popen(
        [sys.executable, "-m", module, str(first), str(last), *step],
        cwd=PROJECT_DIR,
        env=os.environ | environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process):
    _, told = process.communicate(timeout=900)
    return process.returncode, told


@pytest.fixture(scope="module")
def delivered(tmp_path_factory):
    folder = tmp_path_factory.mktemp("delivered")
    generate_log_files(folder, THREE_DAYS, events_per_day=150, ctr=0.3, seed=5)
    return folder


@pytest.fixture
def loaded(spark, duck, delivered):
    """Both pipelines with the files of three days; DuckDB's has counted them."""
    for pipeline in (spark, duck):
        shutil.copytree(delivered, pipeline.settings.raw_data_dir, dirs_exist_ok=True)
    duck.ingest(ALL_DAYS)
    duck.count(ALL_DAYS)
    return spark, duck


def test_three_runs_of_different_days_count_at_once(loaded):
    spark, duck = loaded

    ended = [end(run) for run in [start(spark, day, day) for day in THREE_DAYS]]

    assert [code for code, _ in ended] == [0, 0, 0], ended
    assert spark.facts() == duck.facts()
    assert spark.ledger() == duck.ledger()


@pytest.mark.parametrize("step", STEPS)
def test_of_three_runs_of_the_same_days_one_is_killed(loaded, step):
    spark, duck = loaded
    asked = THREE_DAYS[0], THREE_DAYS[-1]

    runs = [start(spark, *asked, step), start(spark, *asked), start(spark, *asked)]
    [(killed, _), *others] = [end(run) for run in runs]

    assert killed in (-signal.SIGKILL, 0)  # 0: the others had done all before it came so far
    assert [code for code, _ in others] == [0, 0], others
    assert spark.facts() == duck.facts()
    assert spark.ledger() == duck.ledger()


@pytest.mark.parametrize("step", STEPS)
def test_a_run_that_is_killed_alone_leaves_its_days_to_the_next(loaded, step):
    spark, duck = loaded
    asked = THREE_DAYS[0], THREE_DAYS[-1]

    code, _ = end(start(spark, *asked, step))
    assert code == -signal.SIGKILL
    code, told = end(start(spark, *asked))

    assert code == 0, told
    assert spark.facts() == duck.facts()
    assert spark.ledger() == duck.ledger()


def test_the_warehouse_is_free_while_spark_counts(spark, monkeypatch):
    deliver(spark.settings, FIRST, "agent")
    spark.ingest()
    answer, opened = Spark.answer, []

    def while_others_look(self, counted):
        look = (
            "import sys; from pathlib import Path; "
            "from adtech_assets.stores.warehouse import Warehouse\n"
            "with Warehouse(Path(sys.argv[1]), wait_seconds=1).connect() as connection:\n"
            "    print(connection.execute('SELECT count(*) FROM raw.log_files').fetchall())"
        )
        done = subprocess.run(
            [sys.executable, "-c", look, spark.settings.warehouse_path],
            cwd=PROJECT_DIR, capture_output=True, text=True, check=False,
        )  # fmt: skip
        opened.append(done.stdout.strip() or done.stderr)
        return answer(self, counted)

    monkeypatch.setattr(Spark, "answer", while_others_look)
    spark.count()

    assert opened == ["[(1,)]"] * 5


def test_a_file_that_comes_while_spark_counts_is_counted_too(spark, duck, monkeypatch):
    for pipeline in (spark, duck):
        deliver(pipeline.settings, FIRST, "agent")
    spark.ingest()
    answer, came = Spark.answer, []

    def while_a_file_comes(self, counted):
        counts = answer(self, counted)
        if not came:
            came.append(deliver(spark.settings, "impressions_2022052612.parquet", "late"))
            code, told = end(start(spark, DAY, DAY))
            assert code == 0, told
        return counts

    monkeypatch.setattr(Spark, "answer", while_a_file_comes)
    spark.count_stale()
    deliver(duck.settings, "impressions_2022052612.parquet", "late")
    duck.ingest()
    duck.count()

    assert spark.facts() == duck.facts()
