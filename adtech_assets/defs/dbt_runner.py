"""dbt Core inside this process: it takes 0.35 s to load, so import it when something is built."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster._utils.interrupts import raise_interrupts_as
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.functions import msg_to_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dbt_common.events.base_types import EventMsg

_LOGGING = ("--log-level=none", "--log-level-file=debug", "--no-use-colors")
"""Nothing on the screen: what dbt says comes back, and its log file has everything."""


@dataclass
class Done:
    """What dagster-dbt asks of a dbt process, here of a command that is over."""

    args: Sequence[str]
    stdout: io.BytesIO
    """What dbt had to say, a JSON object a line."""
    returncode: int

    @property
    def errors(self) -> str:
        """The messages of errors, a line each."""
        said = [json.loads(line)["info"] for line in self.stdout.getvalue().splitlines()]
        return "\n".join(info["msg"] for info in said if info["level"] == "error")

    def wait(self) -> int:
        """The exit code: 0 if all went well."""
        return self.returncode


def invoke(arguments: Sequence[str], parsed: Path | None = None) -> Done:
    """Run a dbt command to its end.

    Args:
        arguments: the command and its options.
        parsed: dbt's own file of a parsed project, which is otherwise parsed.

    Raises:
        KeyboardInterrupt: a signal stopped it.
    """
    lines: list[str] = []

    def note(event: EventMsg) -> None:
        if event.info.level != "debug":
            lines.append(msg_to_json(event))

    try:
        runner = dbtRunner(manifest=_manifest(parsed) if parsed else None, callbacks=[note])
        # At this one dbt cancels its queries. Dagster's own it would take for an error of its own.
        with raise_interrupts_as(KeyboardInterrupt):
            result = runner.invoke([*arguments, *_LOGGING])
    finally:
        # dbt keeps its connection, and DuckDB would refuse ours, which has other settings.
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if result.exception is not None and not isinstance(result.exception, Exception):
        raise result.exception
    return Done(
        args=["dbt", *arguments],
        stdout=io.BytesIO("\n".join(lines).encode()),
        returncode=int(not result.success),
    )


def _manifest(parsed: Path) -> Manifest:
    """Read for each command, in 0.03 s: what is compiled is left in it."""
    manifest = Manifest.from_msgpack(parsed.read_bytes())
    manifest.build_flat_graph()  # type: ignore[no-untyped-call]
    return manifest
