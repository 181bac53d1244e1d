"""The KPI report: one HTML page to look at, and its charts as pictures.

In the order of the data: `published` reads what is published, `statistics` compares, `sections`
say it in sentences and tables, `charts` draw it with the marks of `svg`, `page` writes the file.
Nothing here knows of Dagster, reads the clock or needs a network.
"""

from adtech_assets.serving.report.page import FILE_NAME, render, write
from adtech_assets.serving.report.pictures import pictures
from adtech_assets.serving.report.published import MARTS, Published, read
from adtech_assets.serving.report.sections.trust import Check
from adtech_assets.serving.report.text import percent

__all__ = [
    "FILE_NAME",
    "MARTS",
    "Check",
    "Published",
    "percent",
    "pictures",
    "read",
    "render",
    "write",
]
