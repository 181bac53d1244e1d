"""Published marts on the screen: what a person wants to see first, in the room there is."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from adtech_assets.cli.screen import screen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from adtech_assets.publish.exports import Page

NOTHING = "\N{EN DASH}"
FLAGGED = f"{NOTHING} !"
"""In place of a rate of clicks without impressions."""

MOST_ROWS = 1_000
"""Rows of a mart on the screen; files have them all."""

# Parts of the names of columns, by which a number is known for what it is.
_SHARES = {"ctr", "rate", "share", "discrepancy"}
_MONEY = {"spend", "bid", "budget", "cpc", "ecpm"}

# What is wanted first where not all columns fit, after the key and the names.
_HEADLINE = (
    *(
        "campaign_name",
        "user_agent",
        "impressions",
        "clicks",
        "ctr",
        "estimated_spend",
        "pacing_status",
        "budget_used_share",
    ),
    *("status", "log_events", "db_events", "log_db_discrepancy", "ivt_rate"),
    *("gross_impressions", "valid_impressions", "valid_clicks"),
)
_WIDEST_TEXT = 24
_MOST_CHARACTERS = 300
_BETWEEN_COLUMNS = 3


def print_mart(page: Page) -> None:
    """Print a mart: all columns where they fit, else the most wanted ones and the others' names."""
    columns = {
        name: [shown(name, value) for value in page.frame[name].to_list()]
        for name in page.frame.columns
    }
    is_flagged = _flag_rates(columns, page)
    chosen, header = _fitting(columns, page.mart.key, screen.width)
    table = Table(
        title=page.mart.export, title_justify="left", title_style="bold", header_style="bold"
    )
    for name in chosen:
        numbers = page.frame[name].dtype.is_numeric()
        table.add_column(
            Text(header(name)), justify="right" if numbers else "left", overflow="fold"
        )
    for row in zip(*(columns[name] for name in chosen), strict=True):
        table.add_row(*map(Text, row))
    screen.print(table)
    if page.days_so_far:
        days = ", ".join(map(str, page.days_so_far))
        screen.print(
            Text(f"So far: {days}, not over when last read. Compare full days.", style="yellow")
        )
    if is_flagged:
        screen.print(Text(f"{FLAGGED}: clicks without impressions, so no rate.", style="yellow"))
    left_out = [name for name in columns if name not in chosen]
    hints = []
    if page.frame.height < page.rows:
        hints.append(f"The first {page.frame.height:,} of {page.rows:,} rows.")
    if left_out:
        hints.append(f"Not shown: {', '.join(left_out)}.")
    if hints:
        command = f"adtech results --mart {page.mart.name} --format csv"
        screen.print(Text(" ".join([*hints, f"All of it: {command}"]), style="dim"))


def _flag_rates(columns: Mapping[str, list[str]], page: Page) -> bool:
    """Show no rate of clicks without impressions, 1 in the marts. Returns whether there are any."""
    if not {"ctr", "clicks", "impressions"} <= columns.keys():
        return False
    counts = zip(page.frame["clicks"], page.frame["impressions"], strict=True)
    rows = [row for row, (clicks, shown_) in enumerate(counts) if clicks and not shown_]
    for row in rows:
        columns["ctr"][row] = FLAGGED
    return bool(rows)


def shown(column: str, value: object) -> str:
    """A value as people read it: shares as percentages, money and ratios with two decimals."""
    parts = set(column.split("_"))
    if value is None:
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value) if "id" in parts else f"{value:,}"
    if isinstance(value, float | Decimal):
        is_share = "share" in parts or (parts & _SHARES and not parts & _MONEY)
        return f"{value:.2%}" if is_share else f"{value:,.2f}"
    text = str(value)
    if len(text) > _MOST_CHARACTERS:
        text = text[:_MOST_CHARACTERS] + "\N{HORIZONTAL ELLIPSIS}"
    # A user agent or a name may hold what a terminal would obey.
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _fitting(
    columns: Mapping[str, Sequence[str]], key: Sequence[str], width: int
) -> tuple[list[str], Callable[[str], str]]:
    """Names of the columns that fit, in their order, and how their headers are written."""
    widths = {name: max(map(cell_len, [name, *cells])) for name, cells in columns.items()}
    if _total(widths.values()) <= width:
        return list(columns), str
    # Headers break after their underscores, long texts where they must.
    for name, cells in columns.items():
        words = max(map(cell_len, _broken(name).split("\n")))
        widths[name] = max(words, min(_WIDEST_TEXT, max(map(cell_len, cells), default=0)))
    chosen: list[str] = []
    for name in sorted(columns, key=lambda name: _rank(name, key, columns)):
        if name in key or _total([*(widths[n] for n in chosen), widths[name]]) <= width:
            chosen.append(name)
    return [name for name in columns if name in chosen], _broken


def _total(widths: Iterable[int]) -> int:
    return 1 + sum(width + _BETWEEN_COLUMNS for width in widths)


def _broken(name: str) -> str:
    return name.replace("_", "_\n")


def _rank(name: str, key: Sequence[str], columns: Iterable[str]) -> tuple[int, int]:
    """Key, names, headline numbers, the rest; ids of what has its name there last."""
    if name in key:
        return 0, 0
    if name in _HEADLINE:
        return 1, _HEADLINE.index(name)
    named = name.removesuffix("_id") + "_name"
    return (3 if name.endswith("_id") and named in columns else 2), list(columns).index(name)
