"""KPI tables as files and on the screen, as they were published.

Text is written as it is: quoted where CSV asks for it, but a value that begins with `=` stays so.
The files are for programs; whoever opens one in a spreadsheet should import it as text.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Literal, get_args

import polars as pl

from adtech_assets.errors import UserError
from adtech_assets.serving.outputs import written_output
from adtech_assets.serving.publish import SCHEMA
from adtech_assets.stores.postgres import retried

if TYPE_CHECKING:
    from pathlib import Path

    from adtech_assets.stores.postgres import Postgres

FileFormat = Literal["csv", "parquet"]
FILE_FORMATS: tuple[FileFormat, ...] = get_args(FileFormat)

EXPORTS = {"campaign_ctr": "fct_campaign_ctr", "daily_summary": "fct_daily_summary"}
"""Mart of each export; both are ordered by their key, the first column."""


@retried
def read(target: Postgres, export: str) -> pl.DataFrame:
    """Read a published mart, ordered by its key.

    Raises:
        UserError: it has not been published yet.
    """
    mart = EXPORTS[export]
    with target.snapshot() as snapshot:
        found = snapshot.table(f"SELECT to_regclass('{SCHEMA}.{mart}')::text AS name")
        if found["name"][0].as_py() is None:
            raise UserError(
                f"{SCHEMA}.{mart} has not been published yet. "
                "Run the pipeline first: adtech backfill --help"
            )
        table = snapshot.table(f"SELECT * FROM {SCHEMA}.{mart} ORDER BY 1")
    return pl.DataFrame(table)


def write(frame: pl.DataFrame, path: Path) -> None:
    """Write a table as CSV or parquet, after the path's suffix; whole or not at all.

    Raises:
        UserError: the folder or the file cannot be written.
    """
    content = BytesIO()  # Polars has errors of its own for a full disk
    if path.suffix == ".csv":
        frame.write_csv(content)
    else:
        frame.write_parquet(content)
    with written_output(path) as partial:
        partial.write_bytes(content.getbuffer())
