"""How the columns of a log file become those of the raw tables, in DuckDB's SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from adtech_assets.contract import DECIMAL_SCALE
from adtech_assets.feed.raw_tables import quoted

if TYPE_CHECKING:
    from adtech_assets.contract import Column

FIRST_SECOND, LAST_SECOND = 946_684_800, 4_102_444_800
"""2000 to 2100: a time outside is unset, or of another unit, and becomes NULL."""

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
MICROSECONDS = {"s": "{} * 1000000", "ms": "{} * 1000", "us": "{}", "ns": "{} // 1000"}

USUAL_SCALES = (6, 4, 3, 2, 5)
"""Digits behind the point of nearly all amounts, most frequent first."""

USUAL_DIGITS = 99_999_999
"""Nearly all amounts have no more; as many times 10^10 are a whole number of 64 bits."""

# As one constant: DuckDB takes half as long to plan an insert of the feed's amounts as with a list
# of 32 casts in each place, 0.08 s instead of 0.17.
_POWERS = f"'{[10**exponent for exponent in range(32)]}'::HUGEINT[]"

# (hi, lo) are 96 bits of digits without a sign, which parquet has as signed integers.
_DIGITS = f"""
CREATE OR REPLACE TEMP MACRO digits_of(lo, hi, is_negative) AS
    CASE WHEN is_negative THEN -1 ELSE 1 END::HUGEINT
    * (
        lo::HUGEINT + CASE WHEN lo < 0 THEN 18446744073709551616 ELSE 0 END
        + (hi::HUGEINT + CASE WHEN hi < 0 THEN 4294967296 ELSE 0 END) * 18446744073709551616
    );
CREATE OR REPLACE TEMP MACRO power_of_ten(exponent) AS
    list_extract({_POWERS}, exponent + 1);
CREATE OR REPLACE TEMP MACRO behind_the_point(digits, scale) AS
    CASE
        WHEN scale <= {DECIMAL_SCALE} THEN digits * power_of_ten({DECIMAL_SCALE} - scale)
        WHEN digits % power_of_ten(scale - {DECIMAL_SCALE}) = 0
            THEN digits // power_of_ten(scale - {DECIMAL_SCALE})
        ELSE error('a decimal has more than {DECIMAL_SCALE} digits behind the point')
    END;
CREATE OR REPLACE TEMP MACRO decimal_of(digits, scale) AS
    CAST(digits // power_of_ten(scale) AS DECIMAL(38, {DECIMAL_SCALE}))
    + CAST(behind_the_point(digits % power_of_ten(scale), scale) AS DECIMAL(13, 0))
    * {10**-DECIMAL_SCALE:.{DECIMAL_SCALE}f};
"""
"""SQL of what a decimal in parts is made of."""


def _scaled_decimal(name: str, shift: int) -> str:
    # Nearly all amounts are of these: one multiplication instead of ten operations.
    usual = "\n".join(
        f"WHEN hi = 0 AND sign_scale = {2 * scale} AND lo BETWEEN 0 AND {USUAL_DIGITS} "
        f"THEN lo::DECIMAL(18, 0) * {10 ** -(scale + shift):.{DECIMAL_SCALE}f}"
        for scale in USUAL_SCALES
    )
    return f"""
CREATE OR REPLACE TEMP MACRO {name}(lo, hi, sign_scale) AS
    CASE
        {usual}
        WHEN lo IS NULL OR sign_scale IS NULL THEN NULL
        WHEN sign_scale NOT BETWEEN 0 AND 57 THEN error('a decimal has no scale ' || sign_scale)
        ELSE decimal_of(digits_of(lo, hi, sign_scale % 2 = 1), sign_scale // 2 + {shift})
    END;
"""


SCALED_DECIMAL = (
    _DIGITS + _scaled_decimal("scaled_decimal", 0) + _scaled_decimal("scaled_decimal_per_mille", 3)
)
"""SQL of two macros: value = digits / 10^(signScale ÷ 2), negative if signScale is odd; and a
thousandth of it."""


def value(column: Column, type_: pa.DataType | None) -> str:
    """SQL of what a raw table holds of a column that a file has in a type of Arrow's.

    The relation has as columns what parquet stores, under their paths; see `quoted`.
    """
    if type_ is None:
        return f"NULL::{column.sql_type}"
    stored = quoted(column.path)
    if column.sql_type == "TIMESTAMP":
        return _time(stored, type_, column.unit)
    if column.type == "decimal":
        return _decimal(column, type_)
    return f"{stored}::{column.sql_type}"


def _decimal(column: Column, type_: pa.DataType) -> str:
    stored, shift = quoted(column.path), 3 if column.per == "mille" else 0
    if pa.types.is_struct(type_):
        has_hi = type_.get_field_index("hi") >= 0
        hi = f"coalesce({quoted(f'{column.path}.hi')}, 0)" if has_hi else "0"
        lo, sign_scale = quoted(f"{column.path}.lo"), quoted(f"{column.path}.signScale")
        macro = "scaled_decimal_per_mille" if shift else "scaled_decimal"
        return f"{macro}({lo}, {hi}, {sign_scale})"
    amount, digits = f"{stored}::{column.sql_type}", DECIMAL_SCALE - shift
    if getattr(type_, "scale", 0) > digits:
        amount = (
            f"CASE WHEN {stored} IS NULL OR {stored} = round({stored}, {digits}) THEN {amount} "
            f"ELSE error('{column.name} has more than {digits} digits behind the point') END"
        )
    return f"({amount} * 0.001)::{column.sql_type}" if shift else amount


def _time(stored: str, type_: pa.DataType, unit: str | None) -> str:
    if pa.types.is_timestamp(type_) and type_.unit == "ns" and type_.tz:
        stored, unit = f"epoch_ns({stored})", "ns"  # which epoch_us does not take
    elif pa.types.is_timestamp(type_):
        stored, unit = f"epoch_us({stored})", "us"
    assert unit is not None  # noqa: S101 - a number has one, by the feed file
    first, last = FIRST_SECOND * PER_SECOND[unit], LAST_SECOND * PER_SECOND[unit]
    microseconds = MICROSECONDS[unit].format(f"{stored}::BIGINT")
    return f"CASE WHEN {stored} BETWEEN {first} AND {last} THEN make_timestamp({microseconds}) END"
