"""How the columns of a log file become those of the raw tables, in Spark's SQL.

The same as `feed/values.py` says in DuckDB's: both give equal values, or refuse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.contract import DECIMAL_SCALE
from adtech_assets.feed.values import (
    FIRST_SECOND,
    LAST_SECOND,
    PER_SECOND,
    USUAL_DIGITS,
    USUAL_SCALES,
)

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

    from adtech_assets.contract import Column

TYPES = {
    "VARCHAR": "STRING",
    "BIGINT": "BIGINT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "TIMESTAMP": "TIMESTAMP",
}
"""DuckDB's types, and Spark's; decimals are written alike."""

MICROSECONDS = {"s": "{} * 1000000", "ms": "{} * 1000", "us": "{}", "ns": "FLOOR({} / 1000)"}


def spark_type(sql_type: str) -> str:
    """What Spark calls a type of DuckDB's."""
    return TYPES.get(sql_type, sql_type)


def quoted(*parts: str) -> str:
    """A path of names, whatever characters they have."""
    return ".".join(f"`{part.replace('`', '``')}`" for part in parts)


def value(column: Column, schema: StructType) -> str:
    """SQL of what a raw table holds of a column, for files of a schema."""
    wanted = spark_type(column.sql_type)
    found = _type_of(schema, column.parts)
    if found is None:
        return f"CAST(NULL AS {wanted})"
    stored = quoted(*column.parts)
    if wanted == "TIMESTAMP":
        return _time(stored, found, column)
    if column.type == "decimal":
        return _decimal(stored, found, column)
    return f"CAST({stored} AS {wanted})"


def _type_of(schema: StructType, parts: tuple[str, ...]) -> DataType | None:
    found: DataType | None = schema
    for part in parts:
        fields = {field.name: field.dataType for field in getattr(found, "fields", ())}
        found = fields.get(part)
    return found


def _time(stored: str, found: DataType, column: Column) -> str:
    """Microseconds, NULL where unset or of another unit; nanoseconds come as whole numbers."""
    if found.typeName() in ("timestamp", "timestamp_ntz"):
        unit, number = "us", f"UNIX_MICROS(CAST({stored} AS TIMESTAMP))"
    else:
        unit, number = column.unit or "ns", f"CAST({stored} AS BIGINT)"
    first, last = FIRST_SECOND * PER_SECOND[unit], LAST_SECOND * PER_SECOND[unit]
    microseconds = MICROSECONDS[unit].format(number)
    return (
        f"CASE WHEN {number} BETWEEN {first} AND {last} "
        f"THEN TIMESTAMP_MICROS(CAST({microseconds} AS BIGINT)) END"
    )


def _decimal(stored: str, found: DataType, column: Column) -> str:
    shift = 3 if column.per == "mille" else 0
    names = getattr(found, "names", None)
    if names is not None:
        hi = f"COALESCE({stored}.`hi`, 0)" if "hi" in names else "0"
        return _in_parts(f"{stored}.`lo`", hi, f"{stored}.`signScale`", shift, column)
    amount, digits = f"CAST({stored} AS {column.sql_type})", DECIMAL_SCALE - shift
    if getattr(found, "scale", 0) > digits:
        amount = (
            f"CASE WHEN {stored} IS NULL OR {stored} = ROUND({stored}, {digits}) THEN {amount} "
            f"ELSE {_refused(column)} END"
        )
    return f"CAST({amount} * 0.001 AS {column.sql_type})" if shift else amount


def _in_parts(lo: str, hi: str, sign_scale: str, shift: int, column: Column) -> str:
    """A decimal of 96 bits of digits, and twice its scale with the sign below.

    Nearly all amounts are of the usual scales: one multiplication. Of the others the point is put
    into the text of the digits, for their quotient would be rounded.
    """
    usual = " ".join(
        f"WHEN {hi} = 0 AND {sign_scale} = {2 * scale} AND {lo} BETWEEN 0 AND {USUAL_DIGITS} THEN "
        f"CAST(CAST({lo} AS DECIMAL(18, 0)) * {10 ** -(scale + shift):.{DECIMAL_SCALE}f} "
        f"AS {column.sql_type})"
        for scale in USUAL_SCALES
    )
    unsigned_lo = (
        f"CAST({lo} AS DECIMAL(38, 0)) + CASE WHEN {lo} < 0 THEN 18446744073709551616 ELSE 0 END"
    )
    unsigned_hi = f"CAST({hi} AS DECIMAL(38, 0)) + CASE WHEN {hi} < 0 THEN 4294967296 ELSE 0 END"
    digits = (
        f"CAST(CAST({unsigned_lo} AS DECIMAL(38, 0)) + "
        f"CAST(({unsigned_hi}) * 18446744073709551616 AS DECIMAL(38, 0)) AS STRING)"
    )
    scale = f"(SHIFTRIGHT({sign_scale}, 1) + {shift})"
    padded = f"LPAD({digits}, GREATEST(LENGTH({digits}), CAST({scale} + 1 AS INT)), '0')"
    text = (
        f"CONCAT(SUBSTRING({padded}, 1, LENGTH({padded}) - CAST({scale} AS INT)), '.', "
        f"RIGHT({padded}, CAST({scale} AS INT)))"
    )
    signed = f"CONCAT(CASE WHEN {sign_scale} % 2 = 1 THEN '-' ELSE '' END, {text})"
    zeros = f"CONCAT('^0$|0{{', CAST({scale} - {DECIMAL_SCALE} AS STRING), '}}$')"
    is_exact = f"{scale} <= {DECIMAL_SCALE} OR {digits} RLIKE {zeros}"
    return (
        f"CASE {usual} WHEN {lo} IS NULL OR {sign_scale} IS NULL THEN NULL "
        f"WHEN {sign_scale} NOT BETWEEN 0 AND 57 THEN {_refused(column)} "
        f"WHEN {is_exact} THEN CAST({signed} AS {column.sql_type}) "
        f"ELSE {_refused(column)} END"
    )


def _refused(column: Column) -> str:
    return (
        f"CAST(RAISE_ERROR('{column.name} has more digits than can be kept') AS {column.sql_type})"
    )
