"""Published marts as tests of the report make them, and the page of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from adtech_assets import report
from adtech_assets_tests.publish import marts
from adtech_assets_tests.report.html_page import Page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets.stores.postgres import Postgres

AT = datetime(2022, 6, 25, 4, 6)  # noqa: DTZ001 - naive UTC, as the checks are told
PASSED = report.Check("marts/fct_daily_summary", "unique_event_date", "ERROR", "", True, AT)
WARNED = report.Check(
    *("raw/click_logs", "no_file_is_quarantined", "WARN", "2 files in quarantine", False, AT)
)
FAILED = report.Check(
    *("hourly_user_agent_rollup", "rollup_totals_raw", "ERROR", "1 day <differs>", False, AT)
)
CHECKS = [PASSED, FAILED, WARNED]


def page_of(
    target: Postgres,
    checks: Sequence[report.Check] | None = CHECKS,
    period: report.Period | None = None,
) -> Page:
    """The page of what is published."""
    return Page(report.render(report.read(target, period), checks))


def filled(target: Postgres, business: marts.Business) -> None:
    """Publish all marts of a business."""
    with target.connect() as connection:
        marts.fill(connection, business)


def add(target: Postgres, mart: str, *rows: dict[str, Any]) -> None:
    """Publish rows."""
    with target.connect() as connection:
        marts.insert(connection, f"marts.{mart}", *rows)
