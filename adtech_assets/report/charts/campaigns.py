"""Charts by campaign: rates with their intervals, budgets used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.report import text, words
from adtech_assets.report.charts.axes import (
    AXIS_HEIGHT,
    NAME_LETTERS,
    named,
    nice_top,
)
from adtech_assets.report.statistics import ctr
from adtech_assets.report.svg import (
    Picture,
    dot,
    group,
    rect,
    rule,
    upright,
)
from adtech_assets.report.svg import text as label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from adtech_assets.report.published import (
        Campaign,
    )


MOST_CAMPAIGNS = 10

HEAD, RATE_ROW = 8, 38

NEAR_EDGE = 0.2


def rates(campaigns: Sequence[Campaign]) -> Picture:
    """Click-through rates with their intervals, of the campaigns with the most impressions."""
    shown = [campaign for campaign in campaigns if campaign.ctr is not None][:MOST_CAMPAIGNS]
    total = ctr(sum(c.clicks for c in campaigns), sum(c.impressions for c in campaigns))
    highest = max([c.ctr_high or c.ctr or 0 for c in shown] + [total or 0], default=0)
    top = nice_top(highest) or 1
    bottom = HEAD + RATE_ROW * len(shown)
    said = [f"All campaigns: {text.percent(total)}."]
    said += [f"{_short_name(c)}: {text.percent(c.ctr)}." for c in shown]
    return Picture(
        key="rates",
        title="Click-through rate by campaign, with its 95 % interval",
        description=" ".join(said),
        height=bottom + AXIS_HEIGHT,
        marks=group(
            [
                *(_rate(c, HEAD + RATE_ROW * n, top, total) for n, c in enumerate(shown)),
                _rate_axis(bottom + 17, top, total),
            ]
        ),
    )


def _rate(campaign: Campaign, y: float, top: float, total: float | None) -> Markup:
    """A campaign's name and rate, and below them the interval, the rate, and that of all."""
    said, rate = text.name(campaign.campaign_name), campaign.ctr or 0.0
    low, high = campaign.ctr_low, campaign.ctr_high
    marks = [
        named(said, y + 14),
        label(1, y + 14, text.percent(rate), "value", text_anchor="end"),
        *(upright(part, y + 20, y + 32, "grid") for part in (0, 0.25, 0.5, 0.75, 1)),
        rule(y + 26, "track"),
    ]
    interval = ""
    if low is not None and high is not None:
        interval = f" ({text.percent(low)} to {text.percent(high)})"
        marks.append(rect(low / top, y + 23, (high - low) / top, 6, "band", rx=3))
    if total is not None:
        marks.append(upright(total / top, y + 19, y + 33, "average"))
    hint = f"{said}: {text.percent(rate)}{interval}"
    return group([*marks, dot(rate / top, y + 26, 4.5, "rate dot", hint)])


def _rate_axis(y: float, top: float, total: float | None) -> Markup:
    """From nothing to the top, with the rate of all, whose words stay within the picture."""
    marks = [
        label(0, y, "0%", "axis"),
        label(1, y, f"{100 * top:.3g}%", "axis", text_anchor="end"),
    ]
    if total is not None:
        at = total / top
        anchor = "start" if at < NEAR_EDGE else "end" if at > 1 - NEAR_EDGE else "middle"
        said = f"all: {text.percent(total)}"
        marks.append(label(at, y, said, "axis strong", text_anchor=anchor))
    return group(marks)


def _short_name(campaign: Campaign) -> str:
    return text.cut(text.name(campaign.campaign_name), NAME_LETTERS)


def pacing_marks(campaign: Campaign, y: float, height: float) -> Markup:
    """The used share of a budget as a bar, and a mark where it would be on an even course."""
    used, ideal = campaign.budget_used_share, campaign.flight_elapsed_share
    if used is None:
        return group([])
    # Over budget: the whole width is what was spent, and the budget itself ends before it.
    top, used = max(1.0, used), max(used, 0.0)
    marks = [
        rect(0, y, 1 / top, height, "track", rx=3),
        rect(0, y, min(used, 1.0) / top, height, f"pace {campaign.pacing_status}", rx=3),
    ]
    if used > 1:
        marks.append(rect(1 / top, y, 1 - 1 / top, height, "pace excess", rx=3))
        marks.append(upright(1 / top, y - 3, y + height + 3, "ideal"))
    elif ideal is not None:
        marks.append(upright(min(ideal, 1.0) / top, y - 3, y + height + 3, "ideal"))
    return group(marks)


def pacing(campaigns: Sequence[Campaign]) -> Picture:
    """Budgets used, against an even course."""
    shown = [c for c in campaigns if c.budget_used_share is not None][:MOST_CAMPAIGNS]
    row = 40
    marks = []
    for number, campaign in enumerate(shown):
        y = row * number
        marks += [
            named(text.name(campaign.campaign_name), y + 14),
            label(1, y + 14, pacing_words(campaign), "value", text_anchor="end"),
            pacing_marks(campaign, y + 22, 8),
        ]
    return Picture(
        key="pacing",
        title="Share of the budget used; the mark is an even course",
        description=" ".join(f"{_short_name(c)}: {pacing_words(c)}." for c in shown)
        or "No campaign has a budget.",
        height=max(row * len(shown), 24),
        marks=group(marks),
    )


def pacing_words(campaign: Campaign) -> str:
    """The same in words: status and share used."""
    used = campaign.budget_used_share
    said = words.status_words(campaign.pacing_status)
    return said if used is None else f"{said}, {text.rough_percent(used)} used"
