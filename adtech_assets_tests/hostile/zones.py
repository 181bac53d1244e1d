"""Machines and servers whose clocks are set to other time zones."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@contextmanager
def elsewhere(machine: str, server: str, databases: Iterable[str]) -> Iterator[None]:
    """Set the zone of this process and its children, and that of every session in databases."""
    urls = list(databases)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TZ", machine)
        time.tzset()
        _alter(urls, f"SET TimeZone = '{server}'")
        for url in urls:
            with psycopg.connect(url) as connection:
                assert connection.execute("SHOW TimeZone").fetchone() == (server,)
        try:
            yield
        finally:
            _alter(urls, "RESET TimeZone")
    time.tzset()


def _alter(urls: list[str], change: str) -> None:
    for url in urls:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{connection.info.dbname}" {change}'.encode())
