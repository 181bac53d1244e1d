"""What Dagster shows of assets whatever a run does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

if TYPE_CHECKING:
    from collections.abc import Mapping

OWNERS = ["team:data-platform"]


def table_spec(table: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """What Dagster shows of a table whatever a run does: its name, and its columns' types."""
    return {
        "dagster/table_name": table,
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name, type_.split()[0]) for name, type_ in columns.items()]
        ),
    }
