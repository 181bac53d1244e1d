"""Rows 11 and 12: how long it takes until something happens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from adtech_assets.stores.postgres import Postgres
from adtech_assets_tests.benchmarks import deployment
from adtech_assets_tests.benchmarks.measuring import BIN, interleaved, run
from adtech_assets_tests.benchmarks.results import ratio

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adtech_assets_tests.benchmarks.results import Figure
    from adtech_assets_tests.benchmarks.sizes import Size


def figures(size: Size) -> Iterator[Figure]:
    """Rows 11 and 12."""
    repeats = 2 * size.repeats - 1
    loaded = deployment.loaded(size.status_days)
    environment = loaded.environment
    # Its embedded server runs, as it does beside `adtech dev`; this process keeps it so.
    Postgres.of(loaded.settings, "target").url()

    def python(code: str):
        return lambda: run([sys.executable, "-c", code], environment)

    taken = interleaved(
        repeats,
        bare=python("import dagster, dagster_dbt"),
        ours=python("import adtech_assets.definitions"),
    )
    yield ratio(
        11,
        "loading the definitions",
        "import dagster, dagster_dbt",
        taken["ours"],
        taken["bare"],
        limit=1.5,
    )
    taken = interleaved(
        repeats,
        bare=python("import typer, rich"),
        help=lambda: run([str(BIN / "adtech"), "--help"], environment),
        status=lambda: run([str(BIN / "adtech"), "status"], environment),
    )
    for command, limit, what in (
        ("help", 2, "adtech --help"),
        ("status", 4, f"adtech status, {size.status_days} days loaded"),
    ):
        yield ratio(12, what, "import typer, rich", taken[command], taken["bare"], limit=limit)
