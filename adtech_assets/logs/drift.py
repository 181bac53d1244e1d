"""Which schema a log file has, so that a change of the feed's columns is seen.

The columns that nobody reads may change at any time. Decoding hundreds of them for every file would
take four times as long as loading it (7 ms of 10, measured on the feed's 518 columns), so a schema
is known by its bytes: parquet's footer begins with it, and files of one schema begin alike.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_TAIL_BYTES = 8
"""The footer's length, and the magic number."""

# Types of Thrift's compact protocol, in which the footer is written.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
_INTEGERS = (4, 5, 6)
_LONG_LIST = 15


MOST_KNOWN = 16
"""Schemas that are kept for comparison; a feed has one or two of each kind."""


class Schemas:
    """Fingerprints of the schemas of files that have been read without error."""

    def __init__(self) -> None:
        """Know none yet."""
        self._known: dict[bytes, str] = {}

    def fingerprint(self, path: Path) -> str:
        """The same for two files only if names, types and order of all their columns are.

        Raises:
            FileNotFoundError: the file disappeared.
        """
        footer = _footer(path)
        # The schema begins with the number of its columns, so none is the beginning of another.
        for schema, fingerprint in self._known.items():
            if footer.startswith(schema):
                return fingerprint
        schema = _schema(footer)
        fingerprint = hashlib.sha256(schema).hexdigest()[:16]
        if len(self._known) < MOST_KNOWN:
            self._known[schema] = fingerprint
        return fingerprint


def _schema(footer: bytes) -> bytes:
    """The beginning of a footer that holds its version and schema; all of one that is unusual."""
    try:
        version_end = _skip(footer, 1, footer[0] & 0xF)
        return footer[: _skip(footer, version_end + 1, footer[version_end] & 0xF)]
    except (LookupError, RecursionError):
        return footer


def _footer(path: Path) -> bytes:
    with path.open("rb") as content:
        content.seek(-_TAIL_BYTES, 2)
        length = int.from_bytes(content.read(4), "little")
        content.seek(-_TAIL_BYTES - length, 2)
        return content.read(length)


def _skip(data: bytes, at: int, kind: int) -> int:
    """Where the value that begins at `at` ends.

    Raises:
        LookupError: it does not end, or is of no known type.
    """
    if at > len(data):
        raise IndexError(at)
    if kind in _INTEGERS:
        return _integer(data, at)[1]
    if kind == _BINARY:
        length, at = _integer(data, at)
        return at + length
    if kind in (_LIST, _SET):
        length, element = data[at] >> 4, data[at] & 0xF
        at += 1
        if length == _LONG_LIST:
            length, at = _integer(data, at)
        for _ in range(length):
            at = _skip(data, at, _BYTE if element in (_TRUE, _FALSE) else element)
        return at
    if kind == _STRUCT:
        while data[at]:
            header = data[at]
            # Without a difference to the last field's number, the number itself follows.
            at = at + 1 if header >> 4 else _integer(data, at + 1)[1]
            at = _skip(data, at, header & 0xF)
        return at + 1
    return at + {_TRUE: 0, _FALSE: 0, _BYTE: 1, _DOUBLE: 8}[kind]


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """An unsigned variable-length integer, and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return value, at
        shift += 7
