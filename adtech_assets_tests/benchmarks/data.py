"""Where the benchmark's data lie: made once below `data/benchmark`, used by every later run.

Each folder is finished when its mark is there, and is named after what decides its content.
"""

from __future__ import annotations

import os
import shutil
from datetime import date
from typing import TYPE_CHECKING, Any

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.settings import START_DATE, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

ROOT = PROJECT_DIR / "data" / "benchmark"
MADE = ROOT / "made"
WORK = ROOT / "work"

FIRST_DAY = date(2023, 5, 1)
"""Of the large files and of the large source."""

LAST_DAY = date(2025, 12, 31)
"""Of the deployments and of the waiting files; past on any machine's clock."""

CAMPAIGNS = 300
CLICKS_PER_IMPRESSION = 0.05


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """A folder that the first run makes."""
    folder = MADE / name
    mark = MADE / f"{name}.made"
    if not mark.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        make(folder)
        mark.touch()
    return folder


def fresh(name: str) -> Path:
    """An empty folder to work in."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def by_hour(files: Path) -> list[Path]:
    """The log files of a folder by date and hour of their names."""
    return sorted(files.iterdir(), key=lambda path: path.name.split("_2", 1)[1])


def link(files: Iterable[Path], folder: Path) -> Path:
    """Make a landing folder with the same files, which may be moved away."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in files:
        os.link(path, folder / path.name)
    return folder


def bench_settings(folder: Path, **overrides: Any) -> Settings:
    """Settings of a deployment below a folder; nothing is taken from the person's environment."""
    return load_settings(
        **{
            "raw_data_dir": folder / "raw_data",
            "output_dir": folder / "output",
            "data_dir": folder / "data",
            "settle_seconds": 0,
            # Where they begin for everybody, long before what is loaded.
            "start_date": START_DATE,
            **overrides,
        }
    )
