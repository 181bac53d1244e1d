"""How a step of the graph begins and fails, and what it tells of its days then."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import dagster as dg

from adtech_assets.audit import failures
from adtech_assets.defs.days import days_of
from adtech_assets.errors import GaveUpError, TransientError, UserError
from adtech_assets.files import DISK_FAULTS
from adtech_assets.stores.outputs import check_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adtech_assets.models.project import Project
    from adtech_assets.settings import Settings

STEP_RETRIES = 2
STEP_RETRY_SECONDS = 5


DAYS_CHECK = dg.AssetCheckKey(dg.AssetKey("kpi_report"), "every_day_is_up_to_date")
"""Asked at the end of each run that writes the report; a failed day is told of at once."""

MOST_TOLD = 5
"""Stretches of days that a light names."""


def held_back(what: str, audits: Iterable[str]) -> UserError:
    """Why something is not handed on: audits have not passed on what the warehouse holds."""
    names = ", ".join(sorted(audits))
    return UserError(
        f"{what}: held back, for what the warehouse holds has not passed {names}. See what that "
        "says, fix the cause, then run the whole pipeline for any day."
    )


@contextlib.contextmanager
def step(settings: Settings) -> Iterator[None]:
    """Begin only where the outputs can be written, and fail in a way that helps.

    What may pass is tried again, the rest says what to do, once.
    """
    with _as_dagster_says_it(), _on_folders(settings):
        yield


@contextlib.contextmanager
def day_step(
    context: dg.AssetExecutionContext, settings: Settings, project: Project
) -> Iterator[None]:
    """A step of assets by day: the last of them also says which days are not up to date."""
    with _as_dagster_says_it(), _days_told(context, settings, project):
        yield


@contextlib.contextmanager
def log_step(
    context: dg.AssetExecutionContext, settings: Settings, project: Project
) -> Iterator[None]:
    """A step that loads log files: it also notes its failed days, for `adtech status`."""
    with (
        _as_dagster_says_it(),
        _failed_days_noted(context, settings),
        _days_told(context, settings, project),
    ):
        yield


@contextlib.contextmanager
def _as_dagster_says_it() -> Iterator[None]:
    try:
        yield
    except GaveUpError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    except TransientError as error:
        raise dg.RetryRequested(
            max_retries=STEP_RETRIES, seconds_to_wait=STEP_RETRY_SECONDS
        ) from error
    except UserError as error:
        raise dg.Failure(str(error), allow_retries=False) from error


@contextlib.contextmanager
def _failed_days_noted(context: dg.AssetExecutionContext, settings: Settings) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # A full disk may refuse the note as well; the error itself says more.
        with contextlib.suppress(OSError):
            failures.note(
                settings,
                days_of(context),
                run_id=context.run_id,
                step=context.op_execution_context.op.name,
                error=str(error),
            )
        # The run ends before it would be asked, and what it said last may be that all is well.
        _evaluate_days(context, f"Failed: {days_of(context)}: {error}")
        raise


@contextlib.contextmanager
def _on_folders(settings: Settings) -> Iterator[None]:
    try:
        check_folders(settings)
        yield
    except OSError as error:
        if error.errno not in DISK_FAULTS:
            raise
        raise UserError(
            f"{error.filename or 'A file'}: {error.strerror}. Nothing is lost: make room or give "
            "access, then run the days again."
        ) from error


@contextlib.contextmanager
def _days_told(
    context: dg.AssetExecutionContext, settings: Settings, project: Project
) -> Iterator[None]:
    """Ask in the end what stands of the days, where nobody that will ask stands on this step."""
    with _on_folders(settings):
        yield
    layer, own = context.job_def.asset_layer, context.selected_asset_keys
    by_day = {key for key in layer.executable_asset_keys if layer.get(key).partitions_def}
    # The report asks for its run, beside whatever step: a second answer would hide its own.
    is_asked_later = DAYS_CHECK.asset_key in layer.executable_asset_keys or any(
        own & layer.asset_graph.get_ancestor_asset_keys(key) for key in by_day - own
    )
    if is_asked_later or not own & by_day:
        return
    from adtech_assets.audit.status import read_status  # noqa: PLC0415 - as few runs do

    standing = read_status(settings, project=project).standing_days
    _evaluate_days(context, "; ".join(map(str, standing[:MOST_TOLD])))


def _evaluate_days(context: dg.AssetExecutionContext, told: str) -> None:
    """Say whether every day is up to date: it is where there is nothing to tell."""
    context.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=DAYS_CHECK.asset_key,
            check_name=DAYS_CHECK.name,
            passed=not told,
            metadata={},
            severity=dg.AssetCheckSeverity.WARN,
            description=told or "No stretches of days that are not up to date.",
        )
    )
