"""The charts: of what is published, for the page and for Dagster alike."""

from adtech_assets.report.charts.campaigns import pacing, pacing_marks, rates
from adtech_assets.report.charts.days import course, daily, spend
from adtech_assets.report.charts.differences import reconciliation
from adtech_assets.report.charts.hours import heat_map
from adtech_assets.report.charts.traffic import (
    devices,
    invalid_days,
    quality,
    reasons_of,
    swatch,
)

__all__ = [
    "course",
    "daily",
    "devices",
    "heat_map",
    "invalid_days",
    "pacing",
    "pacing_marks",
    "quality",
    "rates",
    "reasons_of",
    "reconciliation",
    "spend",
    "swatch",
]
