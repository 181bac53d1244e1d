"""The run of each night: asked for at midnight, and again for as long as it fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from adtech_assets.defs.days import NIGHT_TAG, range_tags
from adtech_assets.feed.deliveries import pause_after
from adtech_assets.partitions import DayRange, today

if TYPE_CHECKING:
    from datetime import date

    from adtech_assets.settings import Settings


def run_request(settings: Settings, last: date, attempt: int = 1) -> dg.RunRequest | None:
    """The run of the ADTECH_LOOKBACK_DAYS days up to one; None before the start date."""
    first = max(settings.start_date, last - timedelta(settings.lookback_days - 1))
    if last < first:
        return None
    key = last.isoformat() if attempt == 1 else f"{last}/{attempt}"
    return dg.RunRequest(
        run_key=key, tags={**range_tags(DayRange(first, last)), NIGHT_TAG: last.isoformat()}
    )


def run_again(instance: dg.DagsterInstance, settings: Settings, now: float) -> list[dg.RunRequest]:
    """The last night's run once more, if it has failed and the pause after that is over.

    Args:
        instance: that has run it.
        settings: name the days.
        now: seconds since 1970.
    """
    last = today(settings.zone) - timedelta(1)
    attempts = instance.get_run_records(dg.RunsFilter(tags={NIGHT_TAG: last.isoformat()}))
    if not attempts or attempts[0].dagster_run.status != dg.DagsterRunStatus.FAILURE:
        return []
    if now < (attempts[0].end_time or 0) + pause_after(len(attempts)):
        return []
    request = run_request(settings, last, len(attempts) + 1)
    return [request] if request else []
