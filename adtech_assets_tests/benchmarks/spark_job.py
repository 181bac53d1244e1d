"""Design A's job as a Spark user would write it: the baseline of the whole log branch.

Filters one user agent, counts per date and hour of the file name, joins impressions and clicks
with zero fill, writes a CSV a day, loads each into Postgres with the time of its loading, and
deletes the files. The server is that of `make test-spark`.
"""

from __future__ import annotations

import csv
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from adtech_assets.rollup.spark.session import session
from adtech_assets_tests.benchmarks.database_data import audited_rows
from adtech_assets_tests.spark import server

if TYPE_CHECKING:
    from adtech_assets_tests.benchmarks.measuring import Clock

FILE_HOUR = r"_(\d{8})(\d{2})"
CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS csv_data_task (
    datetime TIMESTAMP NOT NULL UNIQUE,
    impression_count BIGINT NOT NULL,
    click_count BIGINT NOT NULL,
    audit_loaded_datetime TIMESTAMP NOT NULL
)
"""


def is_installed() -> bool:
    """Whether there is a server to be started."""
    return server.PYTHON.exists()


def run(clock: Clock, landing: str, output: str, target_url: str, user_agent: str) -> Any:
    """The job, from the files to the audited table; the session is started before the clock."""
    from pyspark.sql.connect import functions as f

    started = server.SparkServer(Path(tempfile.mkdtemp()), "local[*]", "4g")
    spark = session(started.remote)
    spark.range(1).count()

    def counted(kind: str, name: str) -> Any:
        file = f.input_file_name()
        return (
            spark.read.parquet(f"{landing}/{kind}*.parquet")
            .where(f.col("device_settings.user_agent") == user_agent)
            .select(
                f.to_date(f.regexp_extract(file, FILE_HOUR, 1), "yyyyMMdd").alias("date"),
                f.regexp_extract(file, FILE_HOUR, 2).cast("int").alias("hour"),
            )
            .groupBy("date", "hour")
            .agg(f.count("*").alias(name))
        )

    with clock:
        joined = (
            counted("impressions", "impression_count")
            .join(counted("clicks", "click_count"), ["date", "hour"], "outer")
            .fillna(0)
            .orderBy("date", "hour")
        )
        rows = joined.collect()
        _write(Path(output), rows)
        _load(Path(output), target_url)
        for path in Path(landing).iterdir():
            path.unlink()
    spark.stop()
    started.stop()
    return audited_rows(target_url)


def _write(folder: Path, rows: list[Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for day in sorted({row["date"] for row in rows}):
        with (folder / f"{day}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("date", "hour", "impression_count", "click_count"))
            writer.writerows(tuple(row) for row in rows if row["date"] == day)


def _load(folder: Path, target_url: str) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    with psycopg.connect(target_url) as connection, connection.cursor() as cursor:
        cursor.execute(CREATE_TABLE)
        for path in sorted(folder.glob("*.csv")):
            with path.open() as file, cursor.copy("COPY csv_data_task FROM STDIN") as copy:
                for row in csv.DictReader(file):
                    at = f"{row['date']} {int(row['hour']):02}:00"
                    copy.write_row((at, row["impression_count"], row["click_count"], now))
