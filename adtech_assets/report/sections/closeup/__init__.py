"""A campaign close up: the page that it has of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adtech_assets.report import text
from adtech_assets.report.sections.closeup.audience import reach, viewability
from adtech_assets.report.sections.closeup.clicks import clicks
from adtech_assets.report.sections.closeup.cost import cost
from adtech_assets.report.sections.closeup.delivery import delivery
from adtech_assets.report.sections.closeup.pacing import pacing
from adtech_assets.report.sections.closeup.supply import supply
from adtech_assets.report.sections.closeup.terms import terms
from adtech_assets.report.sections.closeup.traffic import invalid, reconciliation
from adtech_assets.report.sections.parts import isolated, page_key, said

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from adtech_assets.report.closeups import CloseUp
    from adtech_assets.report.published import Published
    from adtech_assets.report.sections.closeup.parts import Part


@dataclass(frozen=True)
class Page:
    """A campaign's page."""

    key: str
    """Where links to it lead."""
    name: str
    intro: Markup | str
    parts: Sequence[Part]


def pages(published: Published) -> list[Page]:
    """The pages of single campaigns, most impressions first."""
    return [_page(published, closeup) for closeup in published.closeups.values()]


def _page(published: Published, closeup: CloseUp) -> Page:
    campaign = closeup.campaign
    owner = isolated(text.name(campaign.advertiser_name)) + ", " if campaign.advertiser_name else ""
    of_days = f", {said(published.shown)}" if published.shown else ""
    gone = ". It is no longer in the source" if campaign.is_current is False else ""
    return Page(
        page_key(campaign.campaign_id),
        text.name(campaign.campaign_name),
        owner + f"campaign {campaign.campaign_id}{of_days}, days in UTC{gone}.",
        [
            delivery(published, closeup),
            pacing(published, closeup),
            cost(published, closeup),
            viewability(published, closeup),
            reach(published, closeup),
            clicks(published, closeup),
            invalid(published, closeup),
            reconciliation(published, closeup),
            supply(published, closeup),
            terms(closeup),
        ],
    )
