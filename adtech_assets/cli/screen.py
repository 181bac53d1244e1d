"""How commands print: tables for people, CSV and JSON for scripts."""

from __future__ import annotations

import csv
import json
import os
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

OutputFormat = Literal["table", "csv", "json"]

COLUMNS = os.environ.get("COLUMNS", "")

# Where no terminal says how wide it is (a pipe, a log), tables get room for every column.
WIDTH = None if sys.stdout.isatty() else int(COLUMNS if COLUMNS.isdecimal() else "140")

# Bound to the real output: while a run goes on, what others print is sent to a file.
screen = Console(file=sys.stdout, highlight=False, width=WIDTH)
errors = Console(stderr=True, highlight=False)


def print_table(title: str | None, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on the screen; numbers to the right, nothing cut off silently."""
    cells = [tuple(map(shown, row)) for row in rows]
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for index, name in enumerate(header):
        numbers = all(_looks_numeric(row[index]) for row in cells)
        table.add_column(
            Text(name), justify="right" if numbers and cells else "left", overflow="fold"
        )
    for row in cells:
        table.add_row(*map(Text, row))
    screen.print(table)


def _looks_numeric(cell: str) -> bool:
    digits = cell.removeprefix("-").removesuffix("%").replace(",", "").replace(".", "", 1)
    return not cell or digits.isdecimal()


def shown(value: object) -> str:
    """A value as it stands in a table."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(_in_full(value))


def _in_full(value: object) -> object:
    """A decimal with all its places: Python writes a small one as 0E-12."""
    return f"{value:f}" if isinstance(value, Decimal) else value


def print_rows(
    header: Sequence[str], rows: Sequence[Sequence[object]], output: OutputFormat
) -> None:
    """The rows of a query, for people or for scripts."""
    if output == "table":
        print_table(None, header, (tuple(map(_plain, row)) for row in rows))
    elif output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(map(_in_full, row) for row in rows)
    else:
        objects = [dict(zip(header, map(_in_full, row), strict=True)) for row in rows]
        print_json(objects)


def _plain(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def print_json(content: object) -> None:
    """JSON on standard output; days, times and decimals as text."""
    json.dump(content, sys.stdout, indent=2, default=str, ensure_ascii=False)
    sys.stdout.write("\n")
