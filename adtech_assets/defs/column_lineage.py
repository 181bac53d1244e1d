"""Which columns each column of a model is made of, found once for each state of the dbt project.

dagster-dbt takes the models' SQL apart in every run: 2.2 s of 16, for what depends on the models
and not on their rows.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import dagster as dg

from adtech_assets.files import sha256, written_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LINEAGE = "dagster/column_lineage"
PREFIX = "column_lineage-"


class ColumnLineage:
    """The lineage of a manifest's models, in a file of the manifest's hash."""

    def __init__(self, folder: Path, manifest: Path) -> None:
        """Read what an earlier step or run has found."""
        self._path = folder / f"{PREFIX}{sha256(manifest)}.json"
        self._known: dict[str, str] = (
            json.loads(self._path.read_text()) if self._path.exists() else {}
        )
        self._found: dict[str, str] = {}

    def is_known(self, nodes: Iterable[str]) -> bool:
        """Whether nothing is left to find; of snapshots, dbt has no SQL to find it in."""
        return all(node in self._known for node in nodes if node.startswith("model."))

    def attached(self, events: Iterable[Any]) -> Iterator[Any]:
        """The events of dbt, those of models with their lineage; note it where they have it."""
        for event in events:
            node = event.metadata["unique_id"].value
            if LINEAGE in event.metadata:
                self._found[node] = dg.serialize_value(event.metadata[LINEAGE].value)
                yield event
            elif node in self._known:
                known = dg.deserialize_value(self._known[node], dg.TableColumnLineage)
                yield event.with_metadata({**event.metadata, LINEAGE: known})
            else:
                yield event

    def keep(self) -> None:
        """Let later steps and runs know what was found."""
        if not self._found:
            return
        for outdated in self._path.parent.glob(f"{PREFIX}*.json"):
            if outdated != self._path:
                outdated.unlink()
        with written_whole(self._path) as partial:
            partial.write_text(json.dumps({**self._known, **self._found}))
