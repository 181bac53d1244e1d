"""Makes dbt by hand build some days only."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from adtech_assets_tests.sample_feed import PROJECT

if TYPE_CHECKING:
    from adtech_assets.partitions import DayRange


def days_option(days: DayRange, around: int = 0) -> str:
    """Option of dbt by which the daily models, and tests, are for some days and those around."""
    names = [model.name for model in PROJECT.models.values() if model.is_daily]
    names += [test.check_name for test in PROJECT.tests.values() if test.is_daily]
    wider = timedelta(days=around)
    ranges = [[str(days.first - wider), str(days.end + wider)]]
    return f"--vars={json.dumps({'days': dict.fromkeys(names, ranges)})}"
