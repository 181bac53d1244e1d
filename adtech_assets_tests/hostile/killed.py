"""Runs that are killed: what the children of a fork server are asked to do."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import adtech_assets
from adtech_assets.partitions import DayRange
from adtech_assets.settings import load_settings
from adtech_assets_tests.hostile.log_branch import load_days

if TYPE_CHECKING:
    from types import FrameType

PACKAGE = str(Path(adtech_assets.__file__).parent)


def load(first: str, last: str, moment: int | None = None) -> None:
    """Load days, and die on the way: at that many calls and returns in the package's functions."""
    if moment is not None:
        kill_at(moment)
    load_days(load_settings(), DayRange.parse(first, last))


def kill_at(moment: int) -> None:
    """Let this process kill itself, as `kill -9` would, between two calls.

    What a function of the package calls counts, built-in or not, and so does its return: each
    statement sent to a store, each file opened, moved or removed has a moment before and after.
    """
    left = moment

    def count(frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal left
        if frame.f_code.co_filename.startswith(PACKAGE):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)
