"""Why a log file is not counted."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "no_date",
    "impossible_date",
    "impossible_hour",
    "future_date",
    "impossible_offsets",
    "unusable_name",
    "not_a_file",
    "unreadable",
    "empty_file",
    "not_parquet",
    "missing_column",
    "wrong_type",
    "ambiguous_column",
    "wrong_kind",
    "too_large",
    "corrupt_data",
    "invalid_utf8",
    "incomplete",
    "offset_overlap",
    "conflict",
    "files_gone",
    "forgotten_day",
]
"""Codes in the ledger and in `reason.json`; the words beside them are for people."""


class Rejection(Exception):  # noqa: N818 - a verdict on a file, not a fault of ours
    """A file goes to quarantine: it must not be counted until a person has looked at it."""

    def __init__(self, reason: Reason, detail: str) -> None:
        """Give the code and one sentence for a person."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
