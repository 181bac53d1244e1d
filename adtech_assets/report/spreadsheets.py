"""Tables as files: CSV of raw values inside a link, which needs neither server nor script."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

BYTE_ORDER_MARK = "\ufeff"

_FORMULA = "=+-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH COMMERCIAL AT}"
"""What makes a spreadsheet take a text for a formula, and run it."""

_PLAIN = ",:;/()@!*'-._~=+?"
"""What may stand in a link as it is, and in an attribute."""


def csv_link(columns: Mapping[str, Callable[[Any], object]], rows: Iterable[object]) -> str:
    """The address of a CSV file (RFC 4180, UTF-8): a head of names, then a line for each row.

    It begins with a byte order mark, without which spreadsheets take UTF-8 for something else.
    """
    written = io.StringIO()
    file = csv.writer(written, lineterminator="\r\n")
    file.writerow(columns)
    file.writerows([_raw(value(row)) for value in columns.values()] for row in rows)
    return "data:text/csv;charset=utf-8," + quote(BYTE_ORDER_MARK + written.getvalue(), safe=_PLAIN)


def _raw(value: object) -> str:
    """A value unrounded, days and times as ISO 8601, nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, date):
        return value.isoformat()
    return _no_formula(value) if isinstance(value, str) else str(value)


def _no_formula(text: str) -> str:
    """Names come from outside; behind an apostrophe a spreadsheet shows what it would run."""
    return f"'{text}" if text.lstrip(" ")[:1] in (*_FORMULA,) else text
