"""The page: one HTML file that needs nothing but itself."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from adtech_assets.report import text, words
from adtech_assets.report.sections import (
    campaigns,
    closeup,
    deliveries,
    movers,
    overview,
    spend,
    traffic,
    trust,
)
from adtech_assets.report.sections.parts import said
from adtech_assets.report.svg import style_sheet
from adtech_assets.stores.outputs import written_output

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adtech_assets.audit.check import Check
    from adtech_assets.audit.conditions import Condition
    from adtech_assets.report.published import Published

TITLE = "Ad KPIs"
CONTENTS = (
    ("headline", "In short"),
    ("days", "Day by day"),
    ("movers", "What moved"),
    ("campaigns", "Campaigns"),
    ("spend", "Spend and budget"),
    ("hours", "Hours"),
    ("devices", "Devices"),
    ("deliveries", "Cost, views and reach"),
    ("invalid", "Invalid traffic"),
    ("reconciliation", "Log against database"),
    ("data", "Data and checks"),
)


def write(
    path: Path,
    published: Published,
    checks: Sequence[Check] | None = None,
    standing: Sequence[Condition] = (),
) -> None:
    """Write the report; the same marts, checks and conditions give the same page, byte for byte.

    Args:
        path: where the page goes; it appears whole or not at all.
        published: what is published now.
        checks: the latest evaluation of each check; None where nobody was asked.
        standing: what `adtech status` names: while there is any, no light is green.

    Raises:
        UserError: the folder or the file cannot be written.
    """
    page = render(published, checks, standing)
    with written_output(path) as partial:
        partial.write_text(page, encoding="utf-8")


def render(
    published: Published,
    checks: Sequence[Check] | None = None,
    standing: Sequence[Condition] = (),
) -> str:
    """The page as text."""
    checks = None if checks is None else trust.brought_up_to_date(checks, standing)
    styles = _styles()
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            title=f"{TITLE}, {said(published.period)}" if published.period else TITLE,
            subtitle=_subtitle(published),
            policy=_policy(styles),
            styles=Markup(styles),  # noqa: S704 - files of this package
            contents=CONTENTS,
            signals=trust.signals(published, checks, standing),
            headline=overview.headline(published),
            days=overview.by_day(published),
            movers=movers.movers(published),
            delivered_hours=movers.hours(published),
            campaigns=campaigns.campaigns(published),
            rates=campaigns.rates(published),
            spend=spend.spend(published),
            hours=traffic.hours(published),
            devices=traffic.devices(published),
            deliveries=deliveries.deliveries(published),
            invalid=traffic.invalid(published),
            reconciliation=traffic.reconciliation(published),
            freshness=trust.freshness(published),
            standing=trust.standing_table(standing),
            checks=trust.checks(checks),
            closeups=closeup.pages(published),
            words=words.GLOSSARY,
        )
    )


def _subtitle(published: Published) -> str:
    days = published.days
    if not days:
        return (
            "Of the chosen days, none has been published."
            if published.period
            else "No day has been published yet."
        )
    told = text.days(days[0].event_date, days[-1].event_date)
    return f"Published data from {told}"


def _policy(styles: str) -> str:
    """What the page may do, should a name from outside ever get through: nothing but be styled."""
    digest = base64.b64encode(sha256(styles.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; style-src-attr 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _styles() -> str:
    light, dark = style_sheet("light.css"), style_sheet("dark.css")
    # Paper is light, whatever the screen is.
    return (
        f"{light}@media screen and (prefers-color-scheme: dark) {{\n{dark}}}\n"
        f"{style_sheet('chart.css')}{style_sheet('page.css')}"
    )


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("adtech_assets.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
