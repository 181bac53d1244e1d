"""The dbt project, built in parts inside the run's process.

A process of dbt takes 2.4 s before its first model; a further build in this one takes 0.1 s, so
that the models can be built in as many parts as there are reasons to.
"""

from __future__ import annotations

import json
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from dagster_dbt.core.dbt_cli_invocation import DbtCliInvocation
from filelock import FileLock
from packaging.version import Version

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from dagster_dbt import DagsterDbtTranslator, DbtProject

    from adtech_assets.defs.dbt_runner import Done

DBT_VERSION = version("dbt-core")


class Dbt:
    """A dbt project whose manifest is not older than any of its files."""

    def __init__(self, project: DbtProject, translator: DagsterDbtTranslator) -> None:
        """Parse the project if it has changed.

        Raises:
            RuntimeError: it cannot be parsed.
        """
        self.project = project
        self.translator = translator
        # Looked at before the lock too: an image's project folder may be read-only, and is fresh.
        if not self._is_fresh():
            with FileLock(project.project_dir / "target.lock"):
                if not self._is_fresh():
                    self._parse()

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        """What dbt found in the project."""
        manifest: Mapping[str, Any] = json.loads(self.project.manifest_path.read_bytes())
        return manifest

    def build(
        self,
        context: dg.AssetExecutionContext,
        nodes: Iterable[str],
        target_path: Path,
        options: Sequence[str] = (),
    ) -> DbtCliInvocation:
        """Build models and snapshots and run tests, these and no others, in dbt's order.

        Args:
            context: of the step that it is done for.
            nodes: their unique ids.
            target_path: for dbt's log, its results and the compiled SQL.
            options: of `dbt build`.

        Returns:
            What dbt did, as dagster-dbt has it of a process that is over.
        """
        names = [".".join(self.manifest["nodes"][node]["fqn"]) for node in nodes]
        command = [
            "build",
            *options,
            "--no-write-json",
            "--indirect-selection=empty",
            # They are about the code, not about the data: `make test` runs them.
            "--exclude-resource-type=unit_test",
            "--select",
            *names,
        ]
        done = self._invoke(command, target_path, self._parsed_path)
        return DbtCliInvocation(
            process=cast("subprocess.Popen[bytes]", done),
            manifest=self.manifest,
            dagster_dbt_translator=self.translator,
            project_dir=self.project.project_dir,
            target_path=target_path,
            raise_on_error=True,
            cli_version=Version(DBT_VERSION),
            project=self.project,
            context=context,
        )

    def _is_fresh(self) -> bool:
        try:
            parsed_at = min(
                path.stat().st_mtime for path in (self.project.manifest_path, self._parsed_path)
            )
        except FileNotFoundError:
            return False
        return (
            parsed_at >= _last_change(self.project.project_dir)
            and self.manifest["metadata"]["dbt_version"] == DBT_VERSION
        )

    def _parse(self) -> None:
        # In full: a partial parse forgets the asset that an integrity test belongs to.
        done = self._invoke(["parse", "--no-partial-parse"], self.project.manifest_path.parent)
        if done.returncode:
            raise RuntimeError(f"dbt cannot parse {self.project.project_dir}: {done.errors}")
        vars(self).pop("manifest", None)

    @property
    def _parsed_path(self) -> Path:
        """The manifest as dbt's own objects."""
        return self.project.manifest_path.with_name("partial_parse.msgpack")

    def _invoke(
        self, command: Sequence[str], target_path: Path, parsed: Path | None = None
    ) -> Done:
        from adtech_assets.defs.dbt_runner import invoke  # noqa: PLC0415 - see there

        places = [
            f"--project-dir={self.project.project_dir}",
            f"--profiles-dir={self.project.profiles_dir}",
            f"--target-path={target_path}",
            f"--log-path={target_path}",
        ]
        return invoke([*command, *places], parsed)


def _last_change(folder: Path) -> float:
    watched = [folder / "dbt_project.yml"]
    for part in ("models", "macros", "tests", "snapshots", "seeds"):
        watched += [path for path in (folder / part).rglob("*") if path.is_file()]
    return max(path.stat().st_mtime for path in watched)
