"""The report's charts in Dagster's metadata, where each mart is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from adtech_assets.stores.postgres import Postgres


def picture_metadata(
    context: dg.AssetExecutionContext, target: Postgres
) -> dict[str, dict[str, dg.MetadataValue]]:
    """A chart for each published mart that has one, by the mart's name."""
    from adtech_assets import report  # noqa: PLC0415 - takes 0.3 s

    try:
        pictures = report.pictures(report.read(target))
    except Exception as error:  # noqa: BLE001 - the marts are published, whatever a chart thinks of them
        context.log.warning(f"The charts of the published marts could not be drawn: {error!r}")
        return {}
    return {
        mart: {"chart": dg.MetadataValue.md(picture.markdown())}
        for mart, picture in pictures.items()
    }
