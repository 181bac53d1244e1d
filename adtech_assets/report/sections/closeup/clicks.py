"""How soon clicks came, and where they led."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adtech_assets.report import text
from adtech_assets.report.sections.closeup.parts import Part, count_column
from adtech_assets.report.sections.parts import (
    Bar,
    Table,
    TableColumn,
    isolated,
    missing,
    of,
    unpublished,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from adtech_assets.report.closeups import ClickQuality, CloseUp, LandingPage
    from adtech_assets.report.published import Published


MOST_LANDING_PAGES = 20

_BUCKETS = (
    ("Before the impression", "clicks_before_impression"),
    ("Within 1 s", "clicks_under_1s"),
    ("1 to 10 s", "clicks_1_to_10s"),
    ("10 s to a minute", "clicks_10_to_60s"),
    ("Later", "clicks_over_60s"),
)


@dataclass(frozen=True)
class _Bucket:
    after: str
    clicks: int
    timed_clicks: int

    @property
    def share(self) -> float:
        return self.clicks / self.timed_clicks


_BUCKET_COLUMNS: Sequence[TableColumn[_Bucket]] = (
    TableColumn("After", lambda bucket: bucket.after, of("after")),
    TableColumn("Share of timed clicks", lambda bucket: Bar(bucket.share), of("share"), "bar"),
    count_column("Clicks", "clicks"),
)


def _landing_page(page: LandingPage) -> Markup:
    return isolated(text.name(page.landing_page or "not said"))


_LANDING_PAGE_COLUMNS: Sequence[TableColumn[LandingPage]] = (
    TableColumn("Landing page", _landing_page, of("landing_page"), "whole"),
    count_column("Clicks", "clicks"),
    TableColumn(
        "Fast clicks",
        lambda page: text.rough_percent(page.fast_click_share),
        of("timed_clicks", "fast_clicks", "fast_click_share"),
        "number",
    ),
)


def clicks(published: Published, closeup: CloseUp) -> Part:
    """How soon its clicks came, and where they led."""
    key, title, found, pages = "clicks", "Clicks", closeup.clicks, closeup.landing_pages
    tables: list[Table[Any]] = []
    intro = ""
    if found:
        intro, table = _timing(found[0])
        tables += [table] if table else []
    if pages:
        shown = pages[:MOST_LANDING_PAGES]
        lost = len(pages) - len(shown)
        caption = "Where its clicks led, most clicks first"
        caption += f"; {lost:,} more are in its CSV" if lost else ""
        tables.append(Table(caption, _LANDING_PAGE_COLUMNS, shown, every=pages))
    marts = {
        "fct_campaign_click_quality_daily": found,
        "fct_campaign_landing_pages_daily": pages,
    }
    absent = [mart for mart, rows in marts.items() if rows is None]
    note = unpublished(*absent) if absent else ""
    if not tables:
        told = " ".join(filter(None, (intro, note)))
        nothing = missing(published, [], next(iter(marts)), "clicks of this campaign")
        return Part(key=key, title=title, missing=told or nothing)
    return Part(key=key, title=title, intro=intro, note=note, tables=tables)


def _timing(found: ClickQuality) -> tuple[str, Table[_Bucket] | None]:
    """How soon its clicks came, as a sentence, and as a table if the log says so."""
    clicks = text.counted(found.clicks, "logged click")
    timed = found.timed_clicks
    if not timed:
        return f"{clicks}, valid or not; the log does not say when their impressions were.", None
    buckets = [_Bucket(name, getattr(found, field) or 0, timed) for name, field in _BUCKETS]
    fast = sum(bucket.clicks for bucket in buckets[:2])
    told = (
        f"{clicks}, valid or not. {text.rough_percent(fast / timed)} of {timed:,} timed ones were "
        "fast, within a second of their impression: worth a look, not a verdict."
    )
    return told, Table("How long after their impressions clicks came", _BUCKET_COLUMNS, buckets)
