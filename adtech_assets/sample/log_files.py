"""Sample log files in the layout of the feed: nested parquet, hourly, full-form names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adtech_assets.contract import SAMPLE_FEED, load
from adtech_assets.errors import UserError
from adtech_assets.sample import profiles
from adtech_assets.sample.names import Offsets, file_name
from adtech_assets.sample.rhythm import HOUR_WEIGHTS, random_numbers

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from adtech_assets.contract import Column, Feed, Kind

USER_AGENTS = (
    "some user agent",
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/124.0.0.0 Safari/537.36"
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
    ),
    (
        "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/124.0.0.0 Mobile Safari/537.36"
    ),
    "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "",
)
"""The most frequent first: of these seven the first has 39 % of the events, the last 6 %."""

FRAUD_SHARE = 0.01
"""Share of the events that the log marks as fraudulent."""

MOST_EVENTS_PER_DAY = 10_000_000
OFFSETS_PER_DAY = 1000 * MOST_EVENTS_PER_DAY
"""Each day numbers its events from a start of its own, so that days never overlap, whatever the
calls that wrote them; so far from the last one that the leap is not taken for lost files."""

HOUR_MS = 3_600_000
DELIVERY_MS = (500, 5_000)
"""How long after its last event a file is named."""

INT64_ZERO = pa.scalar(0, pa.int64())
NO_INT32 = pa.scalar(None, pa.int32())
NO_INT64 = pa.scalar(None, pa.int64())
NO_STRING = pa.scalar(None, pa.string())
NO_BOOL = pa.scalar(None, pa.bool_())
DECIMAL_IN_PARTS = pa.struct({"lo": pa.int64(), "hi": pa.int32(), "signScale": pa.int32()})
NO_DECIMAL = pa.scalar(None, DECIMAL_IN_PARTS)

NOTHING = {
    "string": NO_STRING,
    "integer": NO_INT64,
    "decimal": pa.scalar(None, pa.decimal128(18, 6)),
    "boolean": NO_BOOL,
    "timestamp": pa.scalar(None, pa.timestamp("ms", "UTC")),
    "epoch": NO_INT64,
}
"""By the type of a feed's column."""

# A column is a group of columns or the value that fills it; a plain int stands for an int32. The
# few columns that carry data are filled by `write_log_file`.
SampleColumn: TypeAlias = "dict[str, SampleColumn] | pa.Scalar | int | str"

COMMON_COLUMNS: dict[str, SampleColumn] = {
    "transaction_header": {
        "transaction_id": {"lo": INT64_ZERO, "hi": INT64_ZERO},
        "original_producer": "sample",
        "recent_producer": "sample",
        "creation_time": NO_INT64,
        "producer_time": NO_INT64,
    },
    "user_identity": {
        "cookie_id": INT64_ZERO,
        "is_opted_out": False,
        "cookie_id_origin_id": 0,
        "device_advertising_id": NO_STRING,
        "consent": {"type": 3, "consent_string": "sample consent", "version": 2},
    },
    "fraud_detection": {
        "is_fraud": NO_BOOL,
        "fraud_reason_ids": pa.scalar([0], pa.list_(pa.int32())),
        "indicator_flags": 0,
        "indicator_detection_mask": 0,
    },
    "geo_location": {
        "country_id": NO_INT32,
        "region_id": 0,
        "city_id": 0,
        "zip_code_id": NO_INT32,
        "center": {
            "latitude": pa.scalar(55.676, pa.float32()),
            "longitude": pa.scalar(12.568, pa.float32()),
        },
    },
    "device_settings": {
        "user_agent": NO_STRING,
        "browser_id": 0,
        "os_id": 0,
        "device_type_id": NO_INT32,
        "language_codes": pa.scalar(["da", "en"], pa.list_(pa.string())),
        "screen_size": {"width": 1920, "height": 1080},
        "user_window_size": {"width": 1600, "height": 900},
        "color_depth": 24,
    },
    "connection": {
        "ip_v4": 0,
        "is_secure": True,
        "isp_id": 0,
        "connection_id": NO_INT64,
        "request_number": NO_INT32,
    },
    "banner": {
        "banner_id": 0,
        "is_backup_banner": False,
        "tag_id": 0,
        "banner_placement_id": 0,
        "campaign_id": NO_INT32,
        "media_id": 0,
        "order_id": NO_INT32,
        "banner_type": 1,
        "banner_width": NO_INT32,
        "banner_height": NO_INT32,
    },
    "interaction_id": INT64_ZERO,
    "page_url": "https://publisher.example/article",
    "publisher_domain": "publisher.example",
    "publisher_domain_normalized": NO_STRING,
    "raw_request_url": NO_STRING,
    "ext_vars": NO_STRING,
    "test_id": NO_INT32,
    "client_id": 0,
    "membership_id": 0,
    "cookie_policy": NO_INT32,
    "invalidation_reason": NO_INT32,
    "unload": {
        "interaction_id": INT64_ZERO,
        "engagement": {"mouse_over_count": 0, "engagement_time_ms": 0},
        "visibility": {
            "max_visibility_percentage": NO_INT32,
            "visibility_time1_ms": NO_INT32,
            "exposure_time_ms": 0,
            "is_active_tab": True,
        },
        "payload": {"is_visible_by_campaign_settings": NO_BOOL},
        "banner_position": {"x": 0, "y": 0},
    },
    "rtb_vars": {
        "in_campaign_currency": NO_DECIMAL,
        "in_campaign_currency_with_all_fees": NO_DECIMAL,
        "rich_media_cost": NO_DECIMAL,
        "trading_desk_fee_in_campaign_currency": NO_DECIMAL,
        "brand_safety_cost_in_campaign_currency": NO_DECIMAL,
        "dmp_usage": {"total_data_cost": {"value": NO_DECIMAL, "currency_code": NO_STRING}},
        "publisher_id": NO_INT32,
        "site_id": NO_INT32,
        "deal": NO_STRING,
        "inventory_source_id": NO_INT32,
        "ad_slot_position_id": NO_INT32,
        "campaign_currency": NO_STRING,
        "campaign_currency_to_eur_rate": NO_DECIMAL,
    },
    "payload": {"uniqueness": {"is_campaign_unique": NO_BOOL, "is_campaign_unique_day": NO_BOOL}},
}

KIND_COLUMNS: dict[Kind, dict[str, SampleColumn]] = {
    "impressions": {
        "shown_in_non_friendly_iframe": False,
        "shown_in_ad_container": False,
        "is_engaging": NO_BOOL,
        "is_client_side_impression": False,
        "is_vast_measurable": NO_BOOL,
        "is_eligible": NO_BOOL,
    },
    "clicks": {
        "landing_url": NO_STRING,
        "banner_click_url_id": 0,
        "keywords": NO_STRING,
        "publisher_data": NO_STRING,
        "server_impression_time_ms": NO_INT64,
    },
}

PROTO_CLASS: dict[Kind, str] = {
    "impressions": "example.ads.contracts.ImpressionContract$Impression",
    "clicks": "example.ads.contracts.ClickContract$Click",
}


def write_log_file(
    path: Path,
    kind: Kind,
    *,
    user_agents: Sequence[str | None],
    creation_times_ms: Sequence[int | None],
    campaign_ids: Sequence[int | None],
    is_fraud: Sequence[bool | None],
    feed: Feed | None = None,
) -> None:
    """Write one log file; row i is made of the i-th value of each list, and of its profile.

    Of the sample's feed it has about 100 columns, of another one those that the feed file names.
    The file appears under its name only when it is complete.

    Args:
        path: the file; an existing one is replaced.
        kind: decides the columns that only impressions or only clicks have.
        user_agents: of the events.
        creation_times_ms: UTC milliseconds since 1970.
        campaign_ids: int32, or text where the feed has it.
        is_fraud: whether the log marks an event as fraudulent.
        feed: says where these are; by default that of the sample.

    Raises:
        ValueError: lists of different lengths.
    """
    rows = len(user_agents)
    if any(len(values) != rows for values in (creation_times_ms, campaign_ids, is_fraud)):
        raise ValueError("the columns of a log file must be equally long")
    feed = feed or load(SAMPLE_FEED)
    times, campaigns = pa.array(creation_times_ms, pa.int64()), pa.array(campaign_ids, pa.int32())
    details = profiles.details(kind, times, campaigns)
    values = {
        "user_agent": pa.array(user_agents, pa.string()),
        "creation_time": times,
        "campaign_id": campaigns,
        "is_fraud": pa.array(is_fraud, pa.bool_()),
        **dict(zip(details.column_names, map(_in_one_piece, details.columns), strict=True)),
    }
    if kind == "clicks":
        values["shown_at"] = pc.subtract(times, values["latency_ms"])
    data = {
        column.path: _as_delivered(column, values[name], in_parts=feed.file == SAMPLE_FEED)
        for name, column in feed.columns_of(kind).items()
        if name in values
    }
    if feed.file == SAMPLE_FEED:
        columns = COMMON_COLUMNS | KIND_COLUMNS[kind]
        data["transaction_header.producer_time"] = times
        message_type = PROTO_CLASS[kind]
    else:
        columns = _columns_of(feed, kind)
        message_type = feed.kinds[kind].message_type or ""
    table = pa.table({name: _array(name, columns[name], rows, data) for name in columns})
    agents = feed.columns["user_agent"].path
    _write_atomically(table, {"parquet.proto.class": message_type}, path, agents)


def _in_one_piece(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def _as_delivered(column: Column, values: pa.Array, *, in_parts: bool) -> pa.Array:
    """Values of the sample in the type that a feed has them in."""
    if column.type == "decimal":
        return _amounts(values, in_parts=in_parts)
    if column.type != "epoch":
        return values.cast(NOTHING[column.type].type if column.type != "integer" else pa.int32())
    unit = column.unit or "ms"
    if unit == "s":
        return pc.divide(values, 1000)
    return pc.multiply(values, {"ms": 1, "us": 1000, "ns": 1_000_000}[unit])


def _amounts(millionths: pa.Array, *, in_parts: bool) -> pa.Array:
    if not in_parts:
        return pc.multiply(millionths.cast(pa.decimal128(19, 0)), Decimal("0.000001"))
    rows = len(millionths)
    parts = [
        millionths,
        pa.repeat(pa.scalar(0, pa.int32()), rows),
        pa.repeat(pa.scalar(2 * profiles.MILLIONTHS, pa.int32()), rows),
    ]
    return pa.StructArray.from_arrays(parts, fields=list(DECIMAL_IN_PARTS))


def _columns_of(feed: Feed, kind: Kind) -> dict[str, SampleColumn]:
    """The columns of a feed in their groups, and those that mark the kind; all of them empty."""
    columns: dict[str, SampleColumn] = dict.fromkeys(feed.kinds[kind].marks, NO_INT32)
    for column in feed.columns_of(kind).values():
        *groups, field = column.parts
        group: dict[str, SampleColumn] = columns
        for name in groups:
            inner = group.setdefault(name, {})
            if not isinstance(inner, dict):  # a mark, which has columns of its own
                inner = group[name] = {}
            group = inner
        group.setdefault(field, NOTHING[column.type])
    return columns


def generate_log_files(
    folder: Path,
    days: Sequence[date],
    *,
    events_per_day: int = 1000,
    ctr: float = 0.05,
    files_per_hour: int = 1,
    user_agents: Sequence[str] = USER_AGENTS,
    campaign_ids: Sequence[int] = range(1, 7),
    timezone: str = "Europe/Copenhagen",
    seed: int = 1,
    feed: Feed | None = None,
) -> list[Path]:
    """Write the hourly log files of some days.

    The same arguments give the same bytes under the same names, whatever other days are asked for.
    Only hours that have passed get files, and only those with events.

    Args:
        folder: the landing folder; created when missing.
        days: calendar days in the feed's time zone.
        events_per_day: impressions of a whole day.
        ctr: clicks / impressions of a whole day, 0 to 1.
        files_per_hour: partitions of the feed, each numbering its events by itself.
        user_agents: the most frequent first; the n-th comes up 1/n as often as the first.
        campaign_ids: equally frequent.
        timezone: of the feed: of `days` and of the file names. Times in the rows are UTC.
        seed: for other events on the same days.
        feed: of which the files are; by default that of the sample.

    Returns:
        The files, by day, impressions before clicks, then by hour and partition.

    Raises:
        UserError: an option that cannot be, or a feed whose names cannot be made up.
    """
    _check_options(events_per_day, ctr, files_per_hour, user_agents, campaign_ids)
    of_call = _Call(
        folder,
        _zone(timezone),
        files_per_hour,
        user_agents,
        campaign_ids,
        feed or load(SAMPLE_FEED),
    )
    totals: dict[Kind, int] = {"impressions": events_per_day, "clicks": round(events_per_day * ctr)}
    folder.mkdir(parents=True, exist_ok=True)
    return [
        path
        for day in sorted(set(days))
        for kind, total in totals.items()
        # Numbers of their own for each day and kind: none depends on what else is written.
        for path in _write_day(of_call, kind, day, total, random_numbers(f"{seed} {day} {kind}"))
    ]


@dataclass(frozen=True)
class _Call:
    """What the files of one call have in common."""

    folder: Path
    zone: ZoneInfo
    files_per_hour: int
    user_agents: Sequence[str]
    campaign_ids: Sequence[int]
    feed: Feed


def _write_day(
    call: _Call, kind: Kind, day: date, total: int, rng: random.Random
) -> Iterator[Path]:
    """Write one kind's files of the hours of one day that have passed."""
    now = datetime.now(tz=UTC)
    hours = _hours_of_day(day, call.zone)
    weights = [HOUR_WEIGHTS[hour.astimezone(call.zone).hour] for hour in hours]
    counts = Counter(rng.choices(hours, weights, k=total))
    next_offsets = [day.toordinal() * OFFSETS_PER_DAY] * call.files_per_hour
    for hour in hours:
        if hour + timedelta(hours=1) > now:
            return
        for partition in range(call.files_per_hour):
            rows = (counts[hour] + partition) // call.files_per_hour
            if rows:
                first = next_offsets[partition]
                next_offsets[partition] += rows
                yield _write_hour(call, kind, hour, Offsets(first, rows, partition), rng)


def _write_hour(
    call: _Call, kind: Kind, hour: datetime, offsets: Offsets, rng: random.Random
) -> Path:
    """Write one file of the hour that begins at `hour` (UTC), named after its last event."""
    hour_ms, rows = int(hour.timestamp()) * 1000, offsets.rows
    times = sorted(hour_ms + rng.randrange(HOUR_MS) for _ in range(rows))
    # Never in the next hour: the name's hour is the hour that its events are counted in.
    named_ms = min(times[-1] + rng.randint(*DELIVERY_MS), hour_ms + HOUR_MS - 1)
    named_at = datetime.fromtimestamp(named_ms // 1000, tz=call.zone)
    named_at = named_at.replace(microsecond=named_ms % 1000 * 1000)
    path = call.folder / file_name(call.feed, kind, named_at, offsets)
    frequencies = [1 / (place + 1) for place in range(len(call.user_agents))]
    write_log_file(
        path,
        kind,
        user_agents=rng.choices(call.user_agents, frequencies, k=rows),
        creation_times_ms=times,
        campaign_ids=rng.choices(call.campaign_ids, k=rows),
        is_fraud=[rng.random() < FRAUD_SHARE for _ in range(rows)],
        feed=call.feed,
    )
    return path


def _hours_of_day(day: date, zone: ZoneInfo) -> list[datetime]:
    """Starts (UTC) of the hours that a local day has: 23 to 25 of them, in order.

    When clocks go back, an hour comes twice (PEP 495: fold 0, then 1); when they go forward, one
    is skipped: its wall time does not survive the way to UTC and back.
    """
    starts: dict[datetime, None] = {}
    for hour in range(24):
        for fold in (0, 1):
            wall = datetime(day.year, day.month, day.day, hour, fold=fold, tzinfo=zone)
            start = wall.astimezone(UTC)
            if start.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
                starts[start] = None
    return list(starts)


def _array(name: str, column: SampleColumn, rows: int, data: dict[str, pa.Array]) -> pa.Array:
    """Build a column, named by its dotted path: its data if there are any, else its filler."""
    if name in data:
        return data[name]
    if isinstance(column, dict):
        parts = [_array(f"{name}.{part}", column[part], rows, data) for part in column]
        return pa.StructArray.from_arrays(parts, names=list(column))
    # bool is an int to Python, not to Arrow.
    is_int32 = isinstance(column, int) and not isinstance(column, bool)
    filler = pa.scalar(column, pa.int32()) if is_int32 else pa.scalar(column)
    # Arrow cannot repeat a list no times.
    return pa.repeat(filler, max(rows, 1)).slice(0, rows)


def _write_atomically(table: pa.Table, metadata: dict[str, str], path: Path, repeated: str) -> None:
    """Write under a name that no reader of the landing folder looks at, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with pq.ParquetWriter(
            partial,
            table.schema,
            compression="snappy",
            # 70 dictionaries for constants would be a quarter of the time of a small file.
            use_dictionary=[repeated],
            # Arrow's own copy of the schema is nothing that the feed's writer leaves.
            store_schema=False,
        ) as writer:
            writer.write_table(table)
            writer.add_key_value_metadata(metadata)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _zone(timezone: str) -> ZoneInfo:
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise UserError(
            f"{timezone!r} is not a time zone; write it like Europe/Copenhagen."
        ) from None


def _check_options(
    events_per_day: int,
    ctr: float,
    files_per_hour: int,
    user_agents: Sequence[str],
    campaign_ids: Sequence[int],
) -> None:
    if not 0 <= events_per_day <= MOST_EVENTS_PER_DAY:
        raise UserError(
            f"The number of events a day must be 0 to {MOST_EVENTS_PER_DAY:,}, "
            f"not {events_per_day:,}."
        )
    if not 0 <= ctr <= 1:
        raise UserError(f"The ratio of clicks to impressions must be 0 to 1, not {ctr}.")
    if files_per_hour < 1:
        raise UserError(f"The number of files an hour must be at least 1, not {files_per_hour}.")
    if not user_agents or not campaign_ids:
        raise UserError("Log files need at least one user agent and one campaign id.")
