"""Rows 11, 12 and 16: how long it takes until something happens."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from adtech_assets_tests.benchmarks import data, deployment
from adtech_assets_tests.benchmarks.measuring import interleaved, run
from adtech_assets_tests.benchmarks.results import Figure, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from adtech_assets_tests.benchmarks.deployment import Deployment
    from adtech_assets_tests.benchmarks.measuring import Measured
    from adtech_assets_tests.benchmarks.sizes import Size


def figures(size: Size) -> Iterator[Figure]:
    """Rows 11, 12 and 16."""
    loaded = deployment.loaded(size.loaded_days)
    # Its embedded server runs, as it does beside `adtech dev`.
    with loaded.databases():
        yield from _started(size, loaded)
    yield _demo()


def _started(size: Size, loaded: Deployment) -> Iterator[Figure]:
    repeats = 2 * size.repeats - 1

    def python(code: str) -> Callable[[], Measured]:
        return lambda: run([sys.executable, "-c", code], loaded.environment)

    taken = interleaved(
        repeats,
        bare=python("import dagster"),
        ours=python("import adtech_assets.definitions"),
    )
    yield ratio(
        11,
        "loading the definitions",
        "import dagster",
        taken["ours"],
        taken["bare"],
        limit=1.5,
    )
    taken = interleaved(
        repeats,
        bare=python("import typer, rich"),
        help=lambda: loaded.run("adtech", "--help"),
        status=lambda: loaded.run("adtech", "status"),
        sql=lambda: loaded.run("adtech", "sql", "warehouse", "select 1"),
        results=lambda: loaded.run("adtech", "results"),
    )
    for command, limit, what in (
        ("help", 2, "adtech --help"),
        ("status", 4, f"adtech status, {size.loaded_days} days loaded"),
        ("sql", None, 'adtech sql warehouse "select 1"'),
        ("results", None, f"adtech results, {size.loaded_days} days loaded"),
    ):
        yield ratio(12, what, "import typer, rich", taken[command], taken["bare"], limit=limit)


def _demo() -> Figure:
    """Row 16, in folders of its own."""
    folder = data.fresh("demo")
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("ADTECH_", "MAKE"))
    } | {
        "ADTECH_RAW_DATA_DIR": str(folder / "raw_data"),
        "ADTECH_OUTPUT_DIR": str(folder / "output"),
        "ADTECH_DATA_DIR": str(folder / "data"),
    }
    taken = run(["make", "demo"], environment)
    return Figure(16, "make demo after installation", "–", "s", taken.seconds, 60, taken.seconds)
