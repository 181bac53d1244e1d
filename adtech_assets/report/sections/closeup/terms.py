"""Its terms, from when to when."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from adtech_assets.report import text
from adtech_assets.report.sections.closeup.parts import Part
from adtech_assets.report.sections.parts import Kind, Table, TableColumn, isolated, of, unpublished

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date

    from markupsafe import Markup

    from adtech_assets.report.closeups import CloseUp, Version

MOST_VERSIONS = 50


@dataclass(frozen=True)
class _Term:
    """A version, and what it has changed of the one before."""

    version: Version
    changed: str


_CHANGES = (
    ("name", "campaign_name"),
    ("advertiser", "advertiser_name"),
    ("bid", "bid"),
    ("budget", "budget"),
    ("start", "start_date"),
    ("end", "end_date"),
)


def _changed(before: Version, version: Version) -> str:
    changed = [
        name for name, field in _CHANGES if getattr(before, field) != getattr(version, field)
    ]
    return ", ".join(changed) or "nothing of these"


def _term(
    name: str, field: str, told: Callable[[Any], object], kind: Kind = ""
) -> TableColumn[_Term]:
    return TableColumn(
        name,
        lambda term: told(getattr(term.version, field)),
        {field: lambda term: getattr(term.version, field)},
        kind,
    )


def _from(term: _Term) -> str:
    return "the beginning" if term.version.is_first else text.moment(term.version.valid_from)


def _date(day: date | None) -> str:
    return text.NOTHING if day is None else text.long_day(day)


def _named(name: str | None) -> Markup | str:
    return text.NOTHING if name is None else isolated(text.name(name))


_TERM_COLUMNS: Sequence[TableColumn[_Term]] = (
    TableColumn("From", _from, {"valid_from": lambda term: term.version.valid_from}, "nowrap"),
    _term(
        "Until",
        "valid_until",
        lambda at: "further notice" if at is None else text.moment(at),
        "nowrap",
    ),
    _term("Bid", "bid", text.money, "number"),
    _term("Budget", "budget", text.money, "number"),
    _term("Start", "start_date", _date, "nowrap"),
    _term("End", "end_date", _date, "nowrap"),
    _term("Advertiser", "advertiser_name", _named, "whole"),
    _term("Name", "campaign_name", _named, "whole"),
    TableColumn("Changed", lambda term: term.changed, of("changed")),
)


def terms(closeup: CloseUp) -> Part:
    """Bids, budgets, flights and advertisers, from when to when."""
    key, title, versions = "terms", "Terms", closeup.versions
    if versions is None:
        absent = unpublished("dim_campaign_versions")
        return Part(key=key, title=title, is_broad=True, missing=absent)
    if not versions:
        return Part(
            key=key,
            title=title,
            is_broad=True,
            missing="It has no terms: the source does not know it.",
        )
    terms = [
        _Term(versions[0], text.NOTHING),
        *(_Term(version, _changed(before, version)) for before, version in pairwise(versions)),
    ][::-1]
    shown = terms[:MOST_VERSIONS]
    left_out = f"; {len(terms) - len(shown):,} more are in its CSV" if terms[len(shown) :] else ""
    return Part(
        key=key,
        title=title,
        is_broad=True,
        intro=(
            "All that were ever found, whatever the days above. Changes are known from the "
            "extraction that first saw them; what was before the first one, nobody knows. Flights "
            "are in days of the feed's time zone."
        ),
        tables=(Table(f"Its terms, newest first{left_out}", _TERM_COLUMNS, shown, every=terms),),
    )
