"""The log branch as its assets run it, step by step in their order, without Dagster."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adtech_assets.contract import KINDS
from adtech_assets.feed.ingest import Ingest
from adtech_assets.feed.ledger import Ledger
from adtech_assets.load import audited_load, daily_csv, processed
from adtech_assets.rollup import counting, facts, hourly
from adtech_assets.stores import identity
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import Warehouse, transaction

if TYPE_CHECKING:
    from adtech_assets.contract import Kind
    from adtech_assets.feed.ingest import Ingested
    from adtech_assets.partitions import DayRange
    from adtech_assets.settings import Settings


def load_days(settings: Settings, days: DayRange, run_id: str = "run") -> dict[Kind, Ingested]:
    """Load days and clear the landing folder of their files."""
    target = Postgres.of(settings, "target")
    with Warehouse.of(settings).connect() as warehouse:
        ingested = {kind: Ingest(warehouse, settings, kind, days, run_id).run() for kind in KINDS}
        warehouse.execute(facts.ROLLUP.schema)
        with transaction(warehouse):
            counting.rebuild(warehouse, facts.ROLLUP, days)
        files = Ledger(warehouse).day_files(days)
        counts = hourly.hourly_counts(warehouse, days, settings.user_agent)
        for day in files:
            daily_csv.write(settings.output_dir, day, [row for row in counts if row.day == day])
        loads = [
            audited_load.DayLoad(
                day,
                daily_csv.read(settings.output_dir, day) if day in files else [],
                files.get(day),
            )
            for day in days
        ]
        audited_load.replace_days(
            target,
            loads,
            warehouse=identity.of(warehouse),
            user_agent=settings.user_agent,
            run_id=run_id,
        )
        with target.connect(read_only=True) as postgres:
            loaded = audited_load.audits(postgres, days)
        fingerprints = {day: audit.files_fingerprint for day, audit in loaded.items()}
        processed.clear_landing(warehouse, settings, fingerprints)
    return ingested
