"""Runs the pipeline in this process, with progress on the screen."""

from __future__ import annotations

import contextlib
import re
import uuid
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from adtech_assets.cli.screen import errors, screen
from adtech_assets.definitions import CODE_LOCATION, defs
from adtech_assets.defs.automation import PIPELINE
from adtech_assets.defs.days import REBUILD_TAG, range_tags
from adtech_assets.defs.leases import fail_lost_runs
from adtech_assets.defs.told import Told, one_line, step_name
from adtech_assets.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings

PLANNED = (
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED,
)

# Silent on the screen: what matters is told by the progress bar and the lines after it.
RUN_CONFIG = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Shown:
    """A run's steps on the screen, while it goes on."""

    def __init__(self, title: str) -> None:
        """Show nothing yet."""
        self.bar = Progress(
            TextColumn("[bold]{task.fields[title]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=screen,
        )
        self._task = self.bar.add_task("starting", total=None, title=title)
        self._planned: set[str | None] = set()

    def hear(self, entry: dg.EventLogEntry) -> None:
        """Show that a step has begun or ended. What is planned is told before the first begins."""
        event = entry.dagster_event
        if event is None:
            return
        if event.event_type in PLANNED:
            self._planned.add(event.step_key)
        elif event.is_step_start:
            name = step_name(event.step_key)
            self.bar.update(self._task, total=len(self._planned), description=name)
        elif event.is_step_success or event.is_step_failure or event.is_step_skipped:
            self.bar.advance(self._task)


def run_days(
    settings: Settings, days: DayRange, select: str | None = None, *, rebuild: bool = False
) -> None:
    """Materialize days in one run; return when it has succeeded.

    Args:
        settings: name the stores.
        days: that are asked for; stale ones are built wherever they lie.
        select: which assets, see `selected_assets`; all by default.
        rebuild: build the days again whatever the versions say.

    Raises:
        UserError: an unknown asset, or the run failed; the message says at which step and why.
        KeyboardInterrupt: the run was stopped by a signal.
    """
    job = defs.resolve_job_def(PIPELINE)
    keys = selected_assets(select) if select else None
    with dg.DagsterInstance.get() as instance:
        fail_lost_runs(instance, settings)
        run_id = str(uuid.uuid4())
        log = settings.dagster_dir / "logs" / f"{run_id}.log"
        told, shown = Told(), Shown(str(days))
        # Heard in this process, where they arise: to read them again cost 7 % of a year.
        instance.add_event_listener(run_id, told.hear)
        instance.add_event_listener(run_id, shown.hear)
        with _output_to(log), shown.bar:
            run = instance.create_run_for_job(
                job,
                run_id=run_id,
                run_config=RUN_CONFIG,
                tags={**range_tags(days), **({REBUILD_TAG: "true"} if rebuild else {})},
                asset_selection=frozenset(keys) if keys else None,
                remote_job_origin=_origin(job.name),
            )
            result = execute_run(InMemoryJob(job), run, instance)
    if not screen.is_terminal:
        screen.print()  # the bar is one line without an end there
    for warning in told.warnings:
        errors.print(f"[yellow]Note:[/] {escape(one_line(warning))}", soft_wrap=True)
    if told.is_stopped:
        raise KeyboardInterrupt
    if told.failures or not result.success:
        raise UserError(told.failed(f"for {days}", otherwise=f"Its log: {log}"))


def selected_assets(select: str) -> list[dg.AssetKey]:
    """Read `--select`: asset keys, with + for what is up- or downstream, or Dagster's own syntax.

    Raises:
        UserError: nothing that can be materialized matches.
    """
    graph = defs.resolve_asset_graph()
    known = {key.to_user_string(): key for key in graph.materializable_asset_keys}
    parts = []
    for part in [select] if ":" in select else re.split(r"[,\s]+", select.strip()):
        plain = re.fullmatch(r"(\+?)([\w/*]+)(\+?)", part)
        if plain is not None and "*" not in part and plain[2] not in known:
            close = [name for name in known if plain[2].split("/")[-1] in name]
            hint = f" Did you mean {' or '.join(sorted(close)[:3])}?" if close else ""
            raise UserError(f"There is no asset {plain[2]!r}.{hint} All of them: dg list defs")
        parts.append(f'{plain[1]}key:"{plain[2]}"{plain[3]}' if plain else part)
    try:
        selection = dg.AssetSelection.from_string(" or ".join(parts))
        keys = selection.resolve(graph) & graph.materializable_asset_keys
    except dg.DagsterError as error:
        raise UserError(f"--select {select!r} cannot be read: {one_line(str(error))}") from error
    if not keys:
        raise UserError(f"--select {select!r} matches no asset. All of them: dg list defs")
    return sorted(keys)


def _origin(job: str) -> RemoteJobOrigin:
    """Where the UI finds the job of a run: it lists no run without, and cannot repeat it."""
    location = ManagedGrpcPythonEnvCodeLocationOrigin(
        LoadableTargetOrigin(module_name="adtech_assets.definitions"), CODE_LOCATION
    )
    repository = RemoteRepositoryOrigin(location, defs.get_repository_def().name)
    return repository.get_job_origin(job)


@contextlib.contextmanager
def _output_to(path: Path) -> Iterator[None]:
    """Send what dbt and others print to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as log, contextlib.redirect_stdout(log):
        yield
