"""How traffic spreads over the day, and the random numbers of both generators."""

from __future__ import annotations

import random

HOUR_WEIGHTS = (
    *(3, 2, 1, 1, 1, 2),
    *(4, 7, 9, 10, 10, 11),
    *(12, 11, 10, 10, 11, 12),
    *(13, 15, 16, 14, 10, 6),
)
"""Relative traffic of the hours 0 to 23: a trough at night, a peak in the evening."""


def random_numbers(seed: int | str | None) -> random.Random:
    """A generator of its own, the same numbers for the same seed; None: others every time."""
    return random.Random(seed)
