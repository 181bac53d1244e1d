"""What the checks said last, as a plain list for the report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecord,
    AssetCheckExecutionRecordStatus,
)

from adtech_assets.audit.check import Check
from adtech_assets.defs.assets.landing import LANDING_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable

YESTERDAY_IS_LOADED = dg.AssetCheckKey(LANDING_KEYS["impressions"], "yesterday_is_loaded")
"""Asked by a job of its own, so that the graph of a run does not know of it."""

_EVALUATED = {AssetCheckExecutionRecordStatus.SUCCEEDED, AssetCheckExecutionRecordStatus.FAILED}


def latest_evaluations(
    instance: dg.DagsterInstance, keys: Iterable[dg.AssetCheckKey]
) -> list[Check]:
    """The latest evaluation of each check that has ever been evaluated.

    A check that is only planned, as the run that asks has not come to it, tells of the time before.
    """
    storage = instance.event_log_storage
    asked = sorted({*keys, YESTERDAY_IS_LOADED})
    records = storage.get_latest_asset_check_execution_by_key(asked)
    found = []
    for key, record in records.items():
        if record.status in _EVALUATED:
            found.append(_check(key, record))
        else:
            found += [
                _check(key, earlier)
                for earlier in storage.get_asset_check_execution_history(
                    key, limit=1, status=_EVALUATED
                )
            ]
    return sorted(found, key=lambda check: (check.asset, check.name))


def _check(key: dg.AssetCheckKey, record: AssetCheckExecutionRecord) -> Check:
    evaluation = record.evaluation
    at = datetime.fromtimestamp(record.create_timestamp, UTC).replace(tzinfo=None)
    return Check(
        asset=key.asset_key.to_user_string(),
        name=key.name,
        severity="WARN" if evaluation and evaluation.severity.value == "WARN" else "ERROR",
        description=(evaluation.description if evaluation else None) or "",
        passed=record.status is AssetCheckExecutionRecordStatus.SUCCEEDED,
        evaluated_at=at,
    )
