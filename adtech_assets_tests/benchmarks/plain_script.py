"""The least that gives the same counts: a plain script, with which the whole command is compared.

    python plain_script.py FILES USER_AGENT TARGET_URL

FILES is a folder of log files, also of such in folders. Counts a user agent's impressions and
clicks by the date and hour in the files' names, and replaces these days in `csv_data_task`. It
checks nothing, keeps nothing, and imports nothing of this project.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import duckdb
import psycopg

COUNTS = r"""
WITH files AS (
    SELECT filename, count(*) AS impressions, 0 AS clicks
    FROM read_parquet('{files}/**/impressions*.parquet', hive_partitioning = false)
    WHERE device_settings.user_agent = $1
    GROUP BY filename
    UNION ALL
    SELECT filename, 0, count(*)
    FROM read_parquet('{files}/**/clicks*.parquet', hive_partitioning = false)
    WHERE device_settings.user_agent = $1
    GROUP BY filename
)
SELECT
    strptime(regexp_extract(parse_filename(filename), '_(\d{{10}})', 1), '%Y%m%d%H') AS hour_at,
    sum(impressions)::BIGINT,
    sum(clicks)::BIGINT
FROM files
GROUP BY hour_at
ORDER BY hour_at
"""
CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS csv_data_task (
    datetime TIMESTAMP NOT NULL UNIQUE,
    impression_count BIGINT NOT NULL,
    click_count BIGINT NOT NULL,
    audit_loaded_datetime TIMESTAMP NOT NULL
)
"""


def count(files: str, user_agent: str) -> list[tuple[datetime, int, int]]:
    """Impressions and clicks of each hour that has any, in order."""
    with duckdb.connect() as connection:
        return connection.execute(COUNTS.format(files=files), [user_agent]).fetchall()


def load(counts: list[tuple[datetime, int, int]], target_url: str) -> None:
    """Replace the days in one transaction."""
    now = datetime.now(UTC).replace(tzinfo=None)
    first, last = counts[0][0].date(), counts[-1][0].date()
    with psycopg.connect(target_url) as connection, connection.cursor() as cursor:
        cursor.execute(CREATE_TABLE)
        cursor.execute(
            "DELETE FROM csv_data_task WHERE datetime >= %s AND datetime < %s",
            [first, last + timedelta(days=1)],
        )
        with cursor.copy("COPY csv_data_task FROM STDIN") as copy:
            for row in counts:
                copy.write_row((*row, now))


if __name__ == "__main__":
    landing, agent, url = sys.argv[1:]
    load(count(landing, agent), url)
