"""The KPI report: one HTML page to look at, and its charts as pictures.

In the order of the data: `reading` reads what is `published`, of single campaigns as `closeups`;
`statistics` compares, `sections` say it in sentences and tables, `charts` draw it with the marks of
`svg`, tables become files as `spreadsheets`, `page` writes the file.
Nothing here knows of Dagster, reads the clock or needs a network.
"""

from adtech_assets.audit.check import Check
from adtech_assets.report.page import render, write
from adtech_assets.report.pictures import pictures
from adtech_assets.report.published import Published
from adtech_assets.report.reading import read
from adtech_assets.report.statistics import Period
from adtech_assets.report.text import percent

__all__ = [
    "Check",
    "Period",
    "Published",
    "percent",
    "pictures",
    "read",
    "render",
    "write",
]
