"""dbt Core inside this process: import it where something is built, it takes 0.35 s.

A process of dbt takes 2.4 s before its first model; a further build in this one takes 0.2 s.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

from adtech_assets.environment import forget
from adtech_assets.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

_LOGGING = ("--log-level=none", "--log-level-file=info", "--no-use-colors")
"""Nothing on the screen: what dbt did comes back. Its log file has what went wrong in full; each
statement in it took a tenth of the time of the models. Their SQL lies beside it."""

_ASKED = "asked_for_now"
"""Tag of the nodes that are built."""

MOST_TOLD = 500
"""Characters of an error that are told; the rest is in the log."""


@dataclass(frozen=True)
class Result:
    """What became of a model, snapshot or test."""

    unique_id: str
    status: str
    """dbt's word: success, error or skipped of a model; pass, warn, fail, error or skipped of a
    test."""
    message: str
    """What dbt says of it, in a line; shortened."""
    failures: int | None
    """Rows that fail a test."""
    seconds: float
    """How long it took."""


Days = list[tuple["date", "date"]]
"""Ranges of days, as first day and day after the last; the rows without a day always belong."""


def build(
    unique_ids: Iterable[str],
    days: Mapping[str, Days | None],
    *,
    project_dir: Path,
    parsed: Path,
    target_path: Path,
) -> list[Result]:
    """Build models and snapshots and run tests, these and no others, in dbt's order.

    Args:
        unique_ids: of the models, snapshots and tests.
        days: of the models and tests, by name, that are for some days only. None: all days, and
            an incremental model is made anew, with the columns that it has now.
        project_dir: of the dbt project and its profiles.
        parsed: dbt's own file of the parsed project.
        target_path: for dbt's log and the compiled SQL.

    Returns:
        What became of each, in the order in which they were done.

    Raises:
        UserError: dbt could not begin.
        KeyboardInterrupt: it was interrupted; running queries are cancelled.
    """
    # Read for each build, in 0.03 s: what is compiled is left in it.
    manifest = Manifest.from_msgpack(parsed.read_bytes())
    # A tag, because dbt compares each thing that it is asked for with each node, three times over.
    for unique_id in unique_ids:
        manifest.nodes[unique_id].tags.append(_ASKED)
    manifest.build_flat_graph()  # type: ignore[no-untyped-call]
    asked = {
        name: None if ranges is None else [[str(first), str(end)] for first, end in ranges]
        for name, ranges in days.items()
    }
    finished = invoke(
        [
            "build",
            "--no-write-json",
            "--indirect-selection=empty",
            # They are about the code, not about the data: `make test` runs them.
            "--exclude-resource-type=unit_test",
            f"--vars={json.dumps({'days': asked})}",
            f"--select=tag:{_ASKED}",
        ],
        project_dir=project_dir,
        target_path=target_path,
        manifest=manifest,
    )
    return [
        Result(
            unique_id=result.node.unique_id,
            status=str(result.status),
            message=_in_a_line(result.message or ""),
            failures=result.failures,
            seconds=result.execution_time,
        )
        for result in finished.results
    ]


def invoke(
    command: Sequence[str],
    *,
    project_dir: Path,
    target_path: Path,
    manifest: Manifest | None = None,
) -> Any:  # noqa: ANN401 - each command has its own
    """Run a dbt command to its end.

    Args:
        command: with its options.
        project_dir: of the dbt project and its profiles.
        target_path: for dbt's log and what it writes.
        manifest: of the project, which is parsed without.

    Returns:
        dbt's own result of the command.

    Raises:
        UserError: it could not begin.
        KeyboardInterrupt: it was interrupted; running queries are cancelled.
    """
    places = [
        f"--project-dir={project_dir}",
        f"--profiles-dir={project_dir}",
        f"--target-path={target_path}",
        f"--log-path={target_path}",
    ]
    forget("DBT_")
    try:
        done = dbtRunner(manifest=manifest).invoke([*command, *places, *_LOGGING])
    finally:
        # dbt keeps its connection, and DuckDB would refuse ours, which has other settings.
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if isinstance(done.exception, Exception):
        raise UserError(
            f"dbt: {_in_a_line(str(done.exception))} (log: {target_path / 'dbt.log'})"
        ) from done.exception
    if done.exception is not None:
        raise done.exception
    return done.result


def _in_a_line(message: str) -> str:
    return " ".join(message.split())[:MOST_TOLD]
