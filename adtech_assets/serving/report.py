"""The KPI report: one HTML page that needs nothing but itself."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from adtech_assets.serving.outputs import written_output

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import polars as pl

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Ad KPIs</title>
<style>
:root {{ color-scheme: light dark; --line: #8884; --bar: #4c78a8; --click: #e45756; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }}
h1, h2 {{ line-height: 1.2; }}
.headline {{ display: flex; flex-wrap: wrap; gap: 1rem; padding: 0; }}
.headline li {{ list-style: none; border: 1px solid var(--line); border-radius: .5rem;
  padding: .75rem 1.25rem; }}
.headline b {{ display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left; }}
th.number, td.number {{ text-align: right; font-variant-numeric: tabular-nums; }}
svg {{ width: 100%; height: auto; }}
</style>
<h1>Ad KPIs</h1>
<p>{period}</p>
<ul class="headline">{headline}</ul>
<h2>Impressions by day</h2>
{chart}
<h2>Campaigns</h2>
<div class="scroll">{campaigns}</div>
<h2>Days</h2>
<div class="scroll">{days}</div>
</html>
"""


def write(path: Path, daily_summary: pl.DataFrame, campaign_ctr: pl.DataFrame) -> None:
    """Write the report of the published marts; the same marts give the same page.

    Args:
        path: where the page goes; it appears whole or not at all.
        daily_summary: event_date, impressions, clicks, ctr.
        campaign_ctr: campaign_id, campaign_name, impressions, clicks, ctr.
    """
    days = daily_summary.select("event_date", "impressions", "clicks", "ctr").rows()
    impressions, clicks = (sum(row[column] for row in days) for column in (1, 2))
    headline = [
        ("Impressions", f"{impressions:,}"),
        ("Clicks", f"{clicks:,}"),
        ("CTR", percent(_ctr(clicks, impressions))),
        ("Campaigns", f"{campaign_ctr.height:,}"),
    ]
    ranked = sorted(
        campaign_ctr.select("campaign_id", "campaign_name", "impressions", "clicks", "ctr").rows(),
        key=lambda row: (-row[2], row[0]),
    )
    page = _PAGE.format(
        period=f"{days[0][0]} to {days[-1][0]}" if days else "No day has been published yet.",
        headline="".join(f"<li>{name}<b>{value}</b></li>" for name, value in headline),
        chart=_bars([(str(row[0]), row[1]) for row in days]),
        campaigns=_table(
            ("Campaign", "Name", "Impressions", "Clicks", "CTR"),
            ((id_, name, f"{i:,}", f"{c:,}", percent(ctr)) for id_, name, i, c, ctr in ranked),
        ),
        days=_table(
            ("Day", "Impressions", "Clicks", "CTR"),
            ((day, f"{i:,}", f"{c:,}", percent(ctr)) for day, i, c, ctr in reversed(days)),
        ),
    )
    with written_output(path) as partial:
        partial.write_text(page, encoding="utf-8")


def percent(share: float | None) -> str:
    """A share as people read it; a dash where there is none."""
    return "\N{EN DASH}" if share is None else f"{share:.2%}"


def _ctr(clicks: int, impressions: int) -> float | None:
    """As in the marts: at most 1, and none where nothing happened."""
    if not impressions:
        return 1 if clicks else None
    return min(clicks / impressions, 1)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text_columns = {"Name", "Day"}

    def cells(tag: str, values: Sequence[object]) -> str:
        return "".join(
            f"<{tag}{'' if name in text_columns else ' class=number'}>{escape(str(value))}</{tag}>"
            for name, value in zip(header, values, strict=True)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', header)}</tr></thead><tbody>{body}</tbody></table>"


def _bars(days: Sequence[tuple[str, int]]) -> str:
    if not days:
        return ""
    width, height = 900, 160
    step = width / len(days)
    highest = max(count for _, count in days) or 1
    bars = "".join(
        f'<rect x="{n * step:.1f}" y="{height - height * count / highest:.1f}" '
        f'width="{max(step - 2, 0.5):.1f}" height="{height * count / highest:.1f}" '
        f'fill="var(--bar)"><title>{day}: {count:,}</title></rect>'
        for n, (day, count) in enumerate(days)
    )
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="Impressions by day, at most {highest:,}">{bars}</svg>'
    )
