"""What others deliver: the log files, and the tables of the operational Postgres."""

import dagster as dg

from adtech_assets.defs.steps import DAILY
from adtech_assets.operational.snapshot import EVENT_TABLES, RAW_TABLES, SOURCE_TABLES_OF, sources
from adtech_assets.settings import load_settings

LANDING_KEYS = {
    "impressions": dg.AssetKey(["landing", "impression_files"]),
    "clicks": dg.AssetKey(["landing", "click_files"]),
}
SOURCES = sources(load_settings().feed.operational)
OPERATIONAL_KEYS = {
    table: dg.AssetKey(["operational", SOURCE_TABLES_OF[table]]) for table in RAW_TABLES
}

landing_files = [
    dg.AssetSpec(
        key,
        description=f"Hourly parquet files of ad {kind}, as delivered to the landing folder.",
        group_name="landing",
        kinds={"parquet", "file"},
        owners=["team:ad-feed"],
        partitions_def=DAILY,
    )
    for kind, key in LANDING_KEYS.items()
]

operational_tables = [
    dg.AssetSpec(
        key,
        description=f"Table `{SOURCES[table].shown_as}` of the operational database.",
        group_name="operational",
        kinds={"postgres", "table"},
        owners=["team:ad-operations"],
        partitions_def=DAILY if table in EVENT_TABLES else None,
        metadata={
            "dagster/table_name": SOURCES[table].shown_as,
            "dagster/column_schema": dg.TableSchema(
                [dg.TableColumn(name, type_) for name, type_ in SOURCES[table].columns.items()]
            ),
        },
    )
    for table, key in OPERATIONAL_KEYS.items()
]

assets = [*landing_files, *operational_tables]
