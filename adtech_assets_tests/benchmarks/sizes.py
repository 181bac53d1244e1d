"""How much each size of the benchmark measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """Amounts of data and of repeats. Events are impressions; clicks are a twentieth of them."""

    name: str
    repeats: int
    """Of what takes seconds; of commands that take minutes, half as many."""
    large_events: int
    large_hours: int
    """Hours with a large file of each kind: 72 are three days."""
    small_files: int
    source_events: tuple[int, int]
    scaled_events: tuple[int, ...]
    """Of large files, for the memory that they take."""
    processor_events: tuple[int, int]
    """For the processor time that they take: few, of a day, and one of `scaled_events`."""
    mart_rows: int
    range_days: int
    """Days of the long range."""
    history_days: tuple[int, ...]
    """Days loaded before the one whose run is measured."""
    daemon_days: int
    loaded_days: int
    """Loaded when a day is run again, or `adtech status` is asked."""
    waiting_files: tuple[int, ...]
    """In the landing folder of a sensor's tick."""


SMALL = Size(
    name="small",
    repeats=1,
    large_events=60_000,
    large_hours=3,
    small_files=20,
    source_events=(20_000, 40_000),
    scaled_events=(20_000, 60_000),
    processor_events=(1_000, 20_000),
    mart_rows=5_000,
    range_days=2,
    history_days=(1,),
    daemon_days=1,
    loaded_days=2,
    waiting_files=(500,),
)
DEFAULT = Size(
    name="default",
    repeats=3,
    large_events=20_000_000,
    large_hours=72,
    small_files=2_000,
    source_events=(3_000_000, 6_000_000),
    scaled_events=(5_000_000, 10_000_000, 20_000_000),
    processor_events=(1_000, 10_000_000),
    mart_rows=1_000_000,
    range_days=365,
    history_days=(1, 30, 365),
    daemon_days=2,
    loaded_days=30,
    waiting_files=(10_000, 100_000),
)
FULL = Size(
    name="full",
    repeats=5,
    large_events=20_000_000,
    large_hours=72,
    small_files=2_000,
    source_events=(3_000_000, 30_000_000),
    scaled_events=(10_000_000, 50_000_000, 100_000_000),
    processor_events=(1_000, 10_000_000),
    mart_rows=1_000_000,
    range_days=365,
    history_days=(1, 30, 365, 1_000),
    daemon_days=5,
    loaded_days=30,
    waiting_files=(10_000, 100_000),
)
SIZES = {size.name: size for size in (SMALL, DEFAULT, FULL)}
