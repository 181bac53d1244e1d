"""What dbt's generic tests say of rows, for those that nobody has described where they stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SAYS = {
    "unique": "No two rows have the same {column}.",
    "not_null": "Every row has a {column}.",
    "accepted_values": "Every {column} is one of {values}.",
    "relationships": "Every {column} is a {field} of {to}.",
    "clicks_within_impressions": "No row has more clicks than impressions.",
    "totals_the_log": "Each day, {column} adds up to the {valid}logged {events}.",
}


def description(node: Mapping[str, Any]) -> str:
    """Of a test of the manifest: what is true if it passes."""
    written: str = node["description"]
    generic = node.get("test_metadata")
    if written or not generic or generic["name"] not in _SAYS:
        return written
    asked = generic["kwargs"]
    return _SAYS[generic["name"]].format(
        column=_columns(asked.get("column_name", "")),
        values=_or(asked.get("values", ())),
        field=f"`{asked.get('field')}`",
        to=f"`{_referred(asked.get('to', ''))}`",
        events=str(asked.get("events")).replace("_", " "),
        valid="valid " if asked.get("only_valid") else "",
    )


def _columns(asked: str) -> str:
    """Of one column, or of several as `(campaign_id, hour_at)`."""
    names = [f"`{name.strip()}`" for name in asked.strip("()").split(",")]
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def _or(values: Any) -> str:  # noqa: ANN401 - as YAML has them
    return ", ".join(f"`{value}`" for value in values)


def _referred(to: str) -> str:
    """The table in `ref('…')` or `source('…', '…')`."""
    return ".".join(to.partition("(")[2].rstrip(")").replace("'", "").split(", "))
