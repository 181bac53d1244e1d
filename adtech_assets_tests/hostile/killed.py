"""Runs that are killed: what the children of a fork server are asked to do."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import adtech_assets
from adtech_assets.feed import quarantine
from adtech_assets.partitions import DayRange
from adtech_assets.settings import load_settings
from adtech_assets_tests.hostile.log_branch import load_days

if TYPE_CHECKING:
    from types import FrameType

PACKAGE = str(Path(adtech_assets.__file__).parent)


def load_until(moment: int, first: str, last: str) -> None:
    """Load days, and die after so many calls."""
    die_after(moment)
    load_days(load_settings(), DayRange.parse(first, last))


def replace_until(moment: int, name: str) -> None:
    """Let a refused file take the place of the counted one, and die after so many calls."""
    die_after(moment)
    quarantine.replace(load_settings(), name)


def load_around(
    when: Literal["before", "after"], function: str, first: str, last: str, call: int = 1
) -> None:
    """Load days, and die before or after a call (by default the first) of `module:function`."""
    die_around(when, function, call)
    load_days(load_settings(), DayRange.parse(first, last))


def die() -> None:
    """End as by `kill -9`: nothing is closed, nothing tidied up."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_after(calls: int) -> None:
    """Die once the package's functions have made so many calls, or returned from them.

    Built-in functions count too, so each statement sent to a store, each file opened, moved or
    removed has a moment before and one after it.
    """
    left = calls

    def count(frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal left
        if frame.f_code.co_filename.startswith(PACKAGE):
            left -= 1
            if left < 0:
                die()

    sys.setprofile(count)


def die_around(when: Literal["before", "after"], function: str, call: int = 1) -> None:
    """Die before or after a coming call of a function, `module:name` or `module:class.name`."""
    module, _, path = function.partition(":")
    *owners, name = path.split(".")
    owner = importlib.import_module(module)
    for part in owners:
        owner = getattr(owner, part)
    real = getattr(owner, name)

    left = call

    def dying(*arguments: object, **options: object) -> object:
        nonlocal left
        left -= when == "before"
        if not left:
            die()
        returned = real(*arguments, **options)
        left -= when == "after"
        if not left:  # counted now, because some calls may be made at once
            die()
        return returned

    setattr(owner, name, dying)
