"""A feed that is unlike the sample in all that a feed file may say, and files of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FEED = r"""
kinds:
  impressions: {files: "**/imp-*.parquet", marks: [slot]}
  clicks: {files: "**/clk-*.parquet", marks: [target]}
hour: '(?P<year>[0-9]{4})/(?P<month>[0-9]{2})/(?P<day>[0-9]{2})/(?P<hour>[0-9]{2})/'
offsets: '-(?P<first>[0-9]+)_(?P<last>[0-9]+)\.parquet$'
timezone: America/New_York
columns:
  user_agent: {path: ua, type: string, required: true}
  creation_time: {path: event_ts, type: timestamp}
  campaign_id: {path: campaign, type: string}
  is_fraud: {path: quality.flags.fraud, type: boolean}
  price: {path: cost.price, type: decimal}
  served_at: {path: served, type: epoch, unit: s}
"""

PRICE = pa.struct([("lo", pa.int64()), ("hi", pa.int32()), ("signScale", pa.int32())])


def write_feed(folder: Path, text: str = FEED) -> Path:
    """The feed file, in a folder."""
    path = folder / "feed.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def table(  # noqa: PLR0913 - a column each
    kind: str,
    agents: Sequence[str | None],
    *,
    at: datetime,
    campaigns: list[str | None] | None = None,
    fraud: list[bool | None] | None = None,
    prices: list[dict[str, int] | None] | None = None,
) -> pa.Table:
    """Events of a kind: row i is made of the i-th values, a second after the one before."""
    rows = len(agents)
    times = [at + timedelta(seconds=number) for number in range(rows)]
    fraud_type = pa.struct([("flags", pa.struct([("fraud", pa.bool_())]))])
    fraud_values = fraud or [None] * rows
    return pa.table(
        {
            "event_ts": pa.array(times, pa.timestamp("us", "UTC")),
            "ua": pa.array(agents, pa.string()),
            "campaign": pa.array(campaigns or ["c-1"] * rows, pa.string()),
            "quality": pa.array(
                [{"flags": {"fraud": value}} for value in fraud_values], fraud_type
            ),
            "cost": pa.array(
                [{"price": price} for price in prices or [None] * rows],
                pa.struct([("price", PRICE)]),
            ),
            "served": pa.array([int(time.timestamp()) for time in times], pa.int32()),
            "slot" if kind == "impressions" else "target": pa.array(["x"] * rows),
        }
    )


def deliver(folder: Path, name: str, content: pa.Table) -> Path:
    """Put a file below the landing folder, compressed with gzip."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(content, path, compression="gzip")
    return path


NOON = datetime(2022, 5, 26, 16, tzinfo=UTC)
"""Twelve o'clock in New York."""
