"""`output/YYYY-MM-DD.csv`: the hourly counts of the configured user agent, one file a day."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from adtech_assets.errors import UserError
from adtech_assets.files import written_whole
from adtech_assets.logs.rollup import HourCount
from adtech_assets.partitions import parse_day

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from pathlib import Path

HEADER = ("date", "hour", "impression_count", "click_count")


def path_of(folder: Path, day: date) -> Path:
    """Where a day's CSV lies."""
    return folder / f"{day}.csv"


def write(folder: Path, day: date, counts: Iterable[HourCount]) -> Path:
    """Write a day's CSV, ordered by hour; only the header where the user agent has no events."""
    path = path_of(folder, day)
    try:
        with written_whole(path) as partial, partial.open("w", newline="") as target:
            rows = csv.writer(target, lineterminator="\n")
            rows.writerow(HEADER)
            rows.writerows((c.day, c.hour, c.impressions, c.clicks) for c in counts)
    except PermissionError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
    return path


def read(folder: Path, day: date) -> list[HourCount]:
    """Read a day's CSV; no rows where there is no file.

    Raises:
        UserError: the file is not one of ours.
    """
    path = path_of(folder, day)
    if not path.exists():
        return []
    with path.open(newline="") as source:
        rows = list(csv.reader(source))
    try:
        if not rows or tuple(rows[0]) != HEADER:
            raise ValueError("the header is not " + ",".join(HEADER))
        return [HourCount(parse_day(d), int(h), int(i), int(c)) for d, h, i, c in rows[1:]]
    except ValueError as error:
        raise UserError(
            f"{path} is not a daily CSV ({error}). Delete it and load {day} again."
        ) from error
