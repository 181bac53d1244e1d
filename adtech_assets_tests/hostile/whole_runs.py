"""Runs of the whole pipeline that may be killed: what the children of a fork server are asked.

The server imports what takes long and knows nothing of settings. Each child imports the project
itself, so it has the settings and the models of its time.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import dagster as dg
import dbt.adapters.duckdb
import dbt.cli.main
import polars as pl

from adtech_assets.partitions import DayRange
from adtech_assets.settings import load_settings
from adtech_assets_tests.hostile.killed import die_after

if TYPE_CHECKING:
    from collections.abc import Mapping

IMPORTED_EARLY = (dbt.adapters.duckdb, dbt.cli.main, pl)


def run(
    first: str,
    last: str,
    select: str | None,
    settings: Mapping[str, str],
    moment: int | None = None,
) -> None:
    """What `adtech backfill` does; die after so many calls of the package's functions.

    Dagster's own record is kept in memory: to make one on disk takes longer than some small days.
    """
    os.environ.update(settings)
    from adtech_assets.cli import running

    replaced: Any = dg.DagsterInstance
    replaced.get = staticmethod(dg.DagsterInstance.ephemeral)
    if moment is not None:
        die_after(moment)
    running.run_days(load_settings(), DayRange.parse(first, last), select)
