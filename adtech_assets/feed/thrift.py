"""Thrift's compact protocol, in which parquet writes its footers and page headers.

Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, STRUCT = 1, 2, 3, 7, 8, 9, 10, 12
INTEGER, LONG = 5, 6
INTEGERS = (4, INTEGER, LONG)

_FIXED_BYTES = {TRUE: 0, FALSE: 0, BYTE: 1, DOUBLE: 8}
_LONG_LIST = 15
"""The shorter ones say their length in their first byte."""
_MOST_BITS = 70
_MOST_DEPTH = 16
"""Structs and lists within each other; parquet has six."""


def fields(data: bytes, at: int) -> Iterator[tuple[int, int, int, int]]:
    """Number and type of the fields of a struct, and where the value of each begins and ends.

    Raises:
        LookupError: the struct does not end, or has something that is unknown here.
    """
    number = 0
    while data[at]:
        number, kind, begin = field(data, at, number)
        at = skip(data, begin, kind)
        yield number, kind, begin, at


def field(data: bytes, at: int, last: int) -> tuple[int, int, int]:
    """Number and type of the field of a struct that begins here, and where its value does."""
    header = data[at]
    if header >> 4:
        return last + (header >> 4), header & 0xF, at + 1
    # Without a difference to the last field's number, the number itself follows.
    number, at = unsigned(data, at + 1)
    return number >> 1, header & 0xF, at


def elements(data: bytes, at: int) -> tuple[int, int, int]:
    """How many elements a list has, their type, and where the first one begins."""
    length, element = data[at] >> 4, data[at] & 0xF
    if length < _LONG_LIST:
        return length, element, at + 1
    length, at = unsigned(data, at + 1)
    return length, element, at


def skip(data: bytes, at: int, kind: int, depth: int = 0) -> int:
    """Where the value that begins at `at` ends.

    Raises:
        LookupError: it does not end, is of no known type, or nested too deeply.
    """
    if at > len(data) or depth > _MOST_DEPTH:
        raise LookupError(at)
    if kind in INTEGERS:
        return unsigned(data, at)[1]
    if kind == BINARY:
        length, at = unsigned(data, at)
        return at + length
    if kind in (LIST, SET):
        length, element, at = elements(data, at)
        for _ in range(length):
            at = skip(data, at, BYTE if element in (TRUE, FALSE) else element, depth + 1)
        return at
    if kind == STRUCT:
        while data[at]:
            _, field_kind, at = field(data, at, 0)
            at = skip(data, at, field_kind, depth + 1)
        return at + 1
    return at + _FIXED_BYTES[kind]


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = 0
    for shift in range(0, _MOST_BITS, 7):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follows
            return value, at
    raise LookupError(at)  # longer than any number is


def signed(data: bytes, at: int) -> int:
    """A number that may be negative, which is written doubled, with the sign in the lowest bit."""
    value, _ = unsigned(data, at)
    return value >> 1 ^ -(value & 1)


def text(data: bytes, at: int) -> bytes:
    """Text, or other bytes."""
    length, at = unsigned(data, at)
    return data[at : at + length]


def of_unsigned(number: int) -> bytes:
    """A number of variable length."""
    written = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - the highest bit says that more follows
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)


@lru_cache(2**16)
def of_signed(number: int) -> bytes:
    """A number that could be negative, and is not."""
    return of_unsigned(number << 1)


def of_struct(*fields: tuple[int, int, bytes]) -> bytes:
    """Fields in the order of their numbers, each with its type and what is written of its value."""
    written, last = b"", 0
    for number, kind, value in fields:
        written += bytes([number - last << 4 | kind]) + value
        last = number
    return written + b"\0"


def of_text(text: bytes) -> bytes:
    """Text, after its length."""
    return of_unsigned(len(text)) + text


def of_list(element: int, values: Sequence[bytes]) -> bytes:
    """Values of one type."""
    if len(values) < _LONG_LIST:
        return bytes([len(values) << 4 | element]) + b"".join(values)
    return bytes([_LONG_LIST << 4 | element]) + of_unsigned(len(values)) + b"".join(values)
