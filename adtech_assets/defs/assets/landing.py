"""What others deliver: the log files, the operational tables, and the months that they close."""

from collections.abc import Mapping

import dagster as dg

from adtech_assets import billing
from adtech_assets.contract import Feed
from adtech_assets.defs.days import BY_DAY
from adtech_assets.operational.snapshot import (
    EVENT_TABLES,
    RAW_TABLES,
    SOURCE_TABLES_OF,
    RawTable,
    Source,
    sources,
)

LANDING_KEYS = {
    "impressions": dg.AssetKey(["landing", "impression_files"]),
    "clicks": dg.AssetKey(["landing", "click_files"]),
}
OPERATIONAL_KEYS = {
    table: dg.AssetKey(["operational", SOURCE_TABLES_OF[table]]) for table in RAW_TABLES
}
CLOSED_MONTHS = dg.AssetSpec(
    billing.CLOSED_MONTHS.split("."),
    description=(
        "What was billed of each closed month, as it was when somebody closed it: "
        "`adtech close-month`."
    ),
    group_name="billing",
    kinds={"duckdb", "table"},
    owners=["team:billing"],
)


def build(feed: Feed) -> list[dg.AssetSpec]:
    """External assets: others materialize them."""
    tables = sources(feed.operational)
    return [*_landing_files(), *_operational_tables(tables), CLOSED_MONTHS]


def _landing_files() -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            key,
            description=f"Hourly parquet files of ad {kind}, as delivered to the landing folder.",
            group_name="landing",
            kinds={"parquet", "file"},
            owners=["team:ad-feed"],
            partitions_def=BY_DAY,
        )
        for kind, key in LANDING_KEYS.items()
    ]


def _operational_tables(tables: Mapping[RawTable, Source]) -> list[dg.AssetSpec]:
    return [
        dg.AssetSpec(
            key,
            description=f"Table `{tables[table].shown_as}` of the operational database.",
            group_name="operational",
            kinds={"postgres", "table"},
            owners=["team:ad-operations"],
            partitions_def=BY_DAY if table in EVENT_TABLES else None,
            metadata={
                "dagster/table_name": tables[table].shown_as,
                "dagster/column_schema": dg.TableSchema(
                    [dg.TableColumn(name, type_) for name, type_ in tables[table].columns.items()]
                ),
            },
        )
        for table, key in OPERATIONAL_KEYS.items()
    ]
