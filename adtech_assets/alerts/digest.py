"""The digest: what a day brought, and all that stands, once a day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.alerts.memory import Message, body
from adtech_assets.audit.conditions import told

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from adtech_assets.audit.conditions import Condition
    from adtech_assets.audit.status import Status


def digest(day: date, status: Status, others: Sequence[Condition]) -> Message:
    """What to say of a day.

    Args:
        day: that is over.
        status: of all days.
        others: conditions that are none of the days and files: failed runs, full disks.
    """
    found = status.days.get(day)
    standing = [*others, *status.standing]
    state = found.state if found else "before the first day"
    lines = []
    if found:
        lines.append(
            f"{day}: {found.impressions:,} impressions, {found.clicks:,} clicks, "
            f"{found.files:,} files, {found.events:,} events"
        )
    lines += map(str, standing)
    return Message(
        title=f"adtech: {day} is {state}; {told(standing) or 'nothing stands'}",
        body=body(lines or [f"{day} is {state}"]),
        kind="warning" if standing else "info",
    )
