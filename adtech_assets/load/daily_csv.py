"""`output/YYYY-MM-DD.csv`: the hourly counts of the configured user agent, one file a day."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from adtech_assets.errors import UserError
from adtech_assets.rollup.hourly import HourCount
from adtech_assets.stores.outputs import written_output

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date
    from pathlib import Path

COLUMNS = {
    "date": "DATE",
    "hour": "INTEGER",
    "impression_count": "BIGINT",
    "click_count": "BIGINT",
}
HEADER = tuple(COLUMNS)


def path_of(folder: Path, day: date) -> Path:
    """Where a day's CSV lies."""
    return folder / f"{day}.csv"


def write(folder: Path, day: date, counts: Iterable[HourCount]) -> Path:
    """Write a day's CSV, ordered by hour; only the header where the user agent has no events.

    Raises:
        UserError: the folder or the file cannot be written.
    """
    path = path_of(folder, day)
    with written_output(path) as partial, partial.open("w", newline="") as target:
        target.write(_text(counts))
    return path


def read(folder: Path, day: date) -> list[HourCount]:
    """Read a day's CSV.

    Raises:
        UserError: there is none, or it is not one of ours.
    """
    path = path_of(folder, day)
    again = f"Load the day again: adtech backfill --from {day} --to {day}"
    try:
        return _parse(path.read_bytes().decode(), day)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. {again}") from error
    except (ValueError, csv.Error) as error:
        raise UserError(f"{path} is not a daily CSV: {error}. {again}") from error


def holds(folder: Path, day: date, counts: list[HourCount]) -> bool:
    """Whether a day's CSV is there and says these counts: to parse a year of them takes 0.3 s."""
    try:
        return path_of(folder, day).read_bytes() == _text(counts).encode()
    except OSError:
        return False


def _text(counts: Iterable[HourCount]) -> str:
    rows = (f"{c.day},{c.hour},{c.impressions},{c.clicks}\n" for c in counts)
    return "".join((",".join(HEADER) + "\n", *rows))


def _parse(content: str, day: date) -> list[HourCount]:
    _, *rows = csv.reader(io.StringIO(content))
    counts = [HourCount(day, int(hour), int(i), int(c)) for _, hour, i, c in rows]
    hours = [count.hour for count in counts]
    # Written once more it must be the same: any other header, day, order or spelling is not ours.
    if (
        _text(counts) != content
        or hours != sorted(set(hours) & set(range(24)))
        or any(min(c.impressions, c.clicks) < 0 for c in counts)
    ):
        raise ValueError(f"it does not hold {','.join(HEADER)} of {day}, in the order of its hours")
    return counts
