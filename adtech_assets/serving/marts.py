"""What a public mart is, and the rows of it that are published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from adtech_assets.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA = "marts"
DAY_COLUMN = "event_date"
"""A mart that has it is published day by day."""


@dataclass(frozen=True)
class Mart:
    """A public mart: its name in both stores, its key, and its description."""

    name: str
    key: tuple[str, ...]
    description: str
    column_descriptions: dict[str, str]
    has_every_day: bool = False
    """One row, by `event_date`, for every day that the warehouse knows."""

    @property
    def table(self) -> str:
        """Its name with its schema, in both stores."""
        return f"{SCHEMA}.{self.name}"


def columns_of(connection: duckdb.DuckDBPyConnection, mart: Mart) -> dict[str, str]:
    """DuckDB's type of each column, in order.

    Raises:
        UserError: the mart is not in the warehouse.
    """
    try:
        described = connection.execute(f"DESCRIBE {mart.table}").fetchall()
    except duckdb.CatalogException as error:
        raise UserError(
            f"{mart.table} is not in the warehouse. Build the models first: adtech backfill --help"
        ) from error
    return {name: type_ for name, type_, *_ in described}


def is_dated(columns: Mapping[str, str]) -> bool:
    """Whether a mart's rows are of days."""
    return columns.get(DAY_COLUMN) == "DATE"


def published_rows(mart: Mart, columns: Mapping[str, str]) -> str:
    """The query of a mart's rows as they are published: Postgres' text cannot hold a zero byte.

    A user agent can. One such event in a log file would keep every mart from being published.
    """
    values = ", ".join(
        f"replace({quoted(name)}, chr(0), '\N{REPLACEMENT CHARACTER}') AS {quoted(name)}"
        if type_ == "VARCHAR"
        else quoted(name)
        for name, type_ in columns.items()
    )
    return f"SELECT {values} FROM {mart.table}"


def quoted(name: str) -> str:
    """A name for DuckDB, whatever it contains."""
    return '"' + name.replace('"', '""') + '"'
