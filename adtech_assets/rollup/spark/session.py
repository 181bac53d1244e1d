"""A session of Spark Connect: made once a process, told in a line if it cannot be."""

from __future__ import annotations

import contextlib
import socket
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from adtech_assets.errors import TransientError, UserError
from adtech_assets.settings import masked_remote
from adtech_assets.stores.warehouse import first_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql.connect.session import SparkSession

DEFAULT_PORT = 15002
CONNECT_SECONDS = 5.0
RETRIES = 4
"""Of a call that fails for the network; the client's own 15 take ten minutes."""

SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    # A file may have two columns that differ in nothing but case.
    "spark.sql.caseSensitive": "true",
    # Spark has no type for them: they come as whole numbers.
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    # What cannot be read is to be an error, whatever the server's default.
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
}


@cache
def session(remote: str) -> SparkSession:
    """The session of this process with a server, `sc://host:port/;options`.

    Raises:
        UserError: nobody answers there, the client is not installed, or the server refuses it.
    """
    _check_somebody_listens(remote)
    try:
        from pyspark.errors import PySparkException  # noqa: PLC0415 - an extra, and takes 2 s
        from pyspark.sql.connect.client.retries import DefaultPolicy  # noqa: PLC0415
        from pyspark.sql.connect.session import SparkSession  # noqa: PLC0415
    except ImportError as error:
        raise UserError(
            f"ADTECH_ENGINE=spark needs Spark's client ({error}). Install it: make spark"
        ) from None
    try:
        made = SparkSession.builder.remote(remote).create()
        made.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])
        for name, value in SETTINGS.items():
            made.conf.set(name, value)
    except PySparkException as error:
        raise UserError(
            f"Spark at {masked_remote(remote)} refuses a session: {first_line(error)}"
        ) from None
    return made


@contextlib.contextmanager
def connected(remote: str) -> Iterator[SparkSession]:
    """A session in use; what Spark says in pages is said in a line.

    Raises:
        TransientError: the server went away.
        UserError: there is none, or it could not do what was asked.
    """
    spark = session(remote)
    from grpc import RpcError  # noqa: PLC0415 - as above
    from pyspark.errors import PySparkException  # noqa: PLC0415

    try:
        yield spark
    except RpcError as error:
        session.cache_clear()
        raise TransientError(
            f"Spark at {masked_remote(remote)} went away while it counted: {first_line(error)}"
        ) from error
    except PySparkException as error:
        # A server that was started again does not know the session any more.
        if "SESSION" in (error.getCondition() or "") or "UNAVAILABLE" in str(error):
            session.cache_clear()
            raise TransientError(
                f"Spark at {masked_remote(remote)}: {first_line(error)}"
            ) from error
        raise UserError(f"Spark at {masked_remote(remote)}: {first_line(error)}") from error


def _check_somebody_listens(remote: str) -> None:
    """The client would go on trying for ten minutes, without a word."""
    where = urlsplit(remote)
    try:
        if where.scheme != "sc" or not where.hostname:
            raise ValueError("it must look like sc://host:15002")  # noqa: TRY301
        port = where.port or DEFAULT_PORT
        socket.create_connection((where.hostname, port), CONNECT_SECONDS).close()
    except (OSError, ValueError) as error:
        raise UserError(
            f"No Spark Connect server answers at {masked_remote(remote)} ({error}). "
            "Start it, or set ADTECH_SPARK_REMOTE."
        ) from None
