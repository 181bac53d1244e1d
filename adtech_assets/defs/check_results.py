"""What an asset check tells: how many differences it found, and the first of them."""

from collections.abc import Sequence

import dagster as dg

MOST_DIFFERENCES = 20
"""Differences that a check lists; it says how many there are in all."""


def result(
    differences: Sequence[object],
    what: str,
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR,
    of: int | None = None,
    check: dg.AssetCheckKey | None = None,
) -> dg.AssetCheckResult:
    """Passed without differences; else the first ones, day and numbers, `of` all there are.

    The check is named by a step that evaluates several.
    """
    shown = [str(difference) for difference in differences[:MOST_DIFFERENCES]]
    count = len(differences) if of is None else of
    if not shown:
        told = f"No {what}"
    elif count == 1:
        told = f"{what[0].upper()}{what[1:]}: {shown[0]}"
    else:
        told = f"{count} {what}, first: {shown[0]}"
    return dg.AssetCheckResult(
        passed=not differences,
        severity=severity,
        description=told,
        metadata={"differences": count, "examples": dg.MetadataValue.json(shown)},
        asset_key=check and check.asset_key,
        check_name=check and check.name,
    )


def switched_off(setting: str, check: dg.AssetCheckKey) -> dg.AssetCheckResult:
    """Passed, because nobody wants to know."""
    return dg.AssetCheckResult(
        passed=True,
        description=f"Switched off by {setting}",
        asset_key=check.asset_key,
        check_name=check.name,
    )
