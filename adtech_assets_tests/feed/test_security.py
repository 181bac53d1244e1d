"""Files that were made to do harm: to crash, to fill memory or disk, to be read in another's place.

The hostile cases have links, devices, names and values; these are the ways around them.
"""

from __future__ import annotations

import os
import pickle
import socket
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adtech_assets.feed import conformance, excerpts, footer, landing, names, places, reader
from adtech_assets.feed.rejections import Rejection
from adtech_assets_tests.feed.deliveries import (
    DAY,
    FIRST,
    SECOND,
    agents,
    deliver,
    ingest,
    reasons,
    rewrite,
    statuses,
)
from adtech_assets_tests.sample_feed import SAMPLE


@pytest.fixture(params=["small file", "large file"])
def size(request, monkeypatch):
    """Small files go through Polars, large ones through DuckDB."""
    if request.param == "large file":
        monkeypatch.setattr(conformance, "SMALL_FILE_BYTES", 1)


def assert_refused_alone(warehouse, settings, reason):
    """`FIRST` is refused, and its neighbour loads."""
    deliver(settings, SECOND, "neighbour")

    result = ingest(warehouse, settings)

    assert reasons(result) == {FIRST: reason}
    assert agents(warehouse) == {"neighbour": 1}
    assert statuses(warehouse) == {FIRST: "quarantined", SECOND: "loaded"}


# ---- schemas -----------------------------------------------------------------------------------


INT32, TEXT = 1, 6


def number(value):
    """A number as Thrift's compact protocol writes it."""
    written = b""
    while value > 0x7F:
        written += bytes([value & 0x7F | 0x80])
        value >>= 7
    return written + bytes([value])


def element(name, *, type_=None, children=None):
    """A schema element: type (field 1), repetition (3), name (4), children (5), UTF-8 (6)."""
    text = number(len(name)) + name
    if type_ is not None:
        is_text = b"\x25\x00" if type_ == TEXT else b""
        return b"\x15" + number(2 * type_) + b"\x25\x02\x18" + text + is_text + b"\x00"
    return b"\x35\x02\x18" + text + b"\x15" + number(2 * children) + b"\x00"


def nested(depth):
    """An empty file with a column `device_settings.user_agent`, and one nested `depth` deep."""
    elements = [
        element(b"schema", children=2),
        element(b"device_settings", children=1),
        element(b"user_agent", type_=TEXT),
        *[element(b"group", children=1)] * depth,
        element(b"leaf", type_=INT32),
    ]
    note = b"\x18\x13parquet.proto.class\x18\x0cx$Impression\x00"
    content = (
        b"\x15\x02"  # version
        b"\x19\xfc" + number(len(elements)) + b"".join(elements) + b"\x16\x00"  # no rows
        b"\x19\x0c"  # no row groups
        b"\x19\x1c" + note + b"\x00"
    )
    return b"PAR1" + content + len(content).to_bytes(4, "little") + b"PAR1"


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("depth", [5_000, 100_000])
def test_a_schema_nested_so_deeply_that_a_reader_would_crash_is_refused(warehouse, settings, depth):
    (settings.raw_data_dir / FIRST).write_bytes(nested(depth))

    assert_refused_alone(warehouse, settings, "not_parquet")


def test_a_nested_schema_as_such_is_no_harm(warehouse, settings):
    (settings.raw_data_dir / FIRST).write_bytes(nested(10))

    assert ingest(warehouse, settings).loaded == 1


@pytest.mark.usefixtures("size")
def test_a_footer_beyond_all_measure_is_refused_unread(warehouse, settings, monkeypatch):
    path = deliver(settings, FIRST, "agent")
    monkeypatch.setattr(footer, "MOST_BYTES", path.stat().st_size)
    content = path.read_bytes()
    length = len(content)
    path.write_bytes(b"\x00" * length + content[:-8] + (length + 1).to_bytes(4, "little") + b"PAR1")

    assert_refused_alone(warehouse, settings, "too_large")


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.usefixtures("size")
def test_nothing_in_a_file_is_ever_unpickled(warehouse, settings, tmp_path):
    made = tmp_path / "made"
    agent_type = pa.field(
        "extra",
        pa.string(),
        metadata={
            "ARROW:extension:name": "arrow.py_extension_type",
            "ARROW:extension:metadata": pickle.dumps(Payload(made)),
        },
    )
    path = deliver(settings, FIRST, "agent")
    table = pq.read_table(path).append_column(agent_type, pa.array(["x"]))
    pq.write_table(table, path, store_schema=True)
    assert b"arrow.py_extension_type" in pq.read_schema(path).field("extra").metadata.values()

    ingest(warehouse, settings)

    assert agents(warehouse) == {"agent": 1}
    assert not made.exists()


# ---- files that are larger than they look ------------------------------------------------------


def shared(settings, text, rows):
    """A file in which all rows share one user agent: rows cost next to nothing."""
    path = deliver(settings, FIRST, "agent")
    table = pq.read_table(path).take([0] * rows)
    column = pa.StructArray.from_arrays([pa.array([text] * rows)], names=["user_agent"])
    index = table.column_names.index("device_settings")
    metadata = dict(pq.read_metadata(path).metadata)
    table = table.set_column(index, "device_settings", column)
    with pq.ParquetWriter(path, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(metadata)
    return path


@pytest.mark.usefixtures("size")
def test_text_that_rows_share_is_refused_when_it_would_fill_the_disk(
    warehouse, settings, monkeypatch
):
    monkeypatch.setattr(conformance, "MOST_DECODED_BYTES", 2**20)
    monkeypatch.setattr(reader, "BATCH_DECODED_BYTES", 2**20)
    path = shared(settings, "long agent" * 1000, 1000)
    assert path.stat().st_size < 2**17  # of 10 MB of text

    assert_refused_alone(warehouse, settings, "too_large")


@pytest.mark.usefixtures("size")
def test_more_events_than_an_hour_can_have_are_refused_before_they_are_read(
    warehouse, settings, monkeypatch
):
    monkeypatch.setattr(conformance, "MOST_ROWS", 999)
    monkeypatch.setattr(conformance, "SMALL_ROWS", 998)
    shared(settings, "agent", 1000)

    assert_refused_alone(warehouse, settings, "too_large")


@pytest.mark.usefixtures("size")
def test_columns_that_decode_to_too_much_are_refused_before_they_are_read(
    warehouse, settings, monkeypatch
):
    monkeypatch.setattr(conformance, "MOST_DECODED_BYTES", 2**16)
    monkeypatch.setattr(conformance, "SMALL_DECODED_BYTES", 2**16)
    deliver(settings, FIRST, "a" * 2**17)

    assert_refused_alone(warehouse, settings, "too_large")


def test_a_page_that_does_not_fit_into_memory_stops_no_other_file(warehouse, settings, monkeypatch):
    monkeypatch.setattr(conformance, "SMALL_DECODED_BYTES", 2**22)
    warehouse.execute("SET memory_limit = '20MB'; SET max_temp_directory_size = '0B'")
    deliver(settings, FIRST, "a" * 2**24)

    assert_refused_alone(warehouse, settings, "too_large")


@pytest.mark.parametrize(
    ("bound", "value"), [("SMALL_ROWS", 999), ("SMALL_DECODED_BYTES", 100), ("BATCH_ROWS", 500)]
)
def test_what_is_large_once_decoded_is_loaded_as_a_large_file(
    warehouse, settings, monkeypatch, bound, value
):
    owner = reader if bound.startswith("BATCH") else conformance
    monkeypatch.setattr(owner, bound, value)
    shared(settings, "agent", 1000)
    deliver(settings, SECOND, "neighbour")

    assert ingest(warehouse, settings).loaded == 2
    assert agents(warehouse) == {"agent": 1000, "neighbour": 1}


def test_the_size_once_decoded_is_read_from_the_footer(settings):
    path = shared(settings, "agent", 1000)
    metadata = pq.read_metadata(path)
    row_group = metadata.row_group(0)
    chunks = [row_group.column(index) for index in range(metadata.num_columns)][::2]
    columns = [tuple(chunk.path_in_schema.split(".")) for chunk in chunks]

    with path.open("rb") as content:
        decoded = footer.decoded(footer.read(content), columns)

    assert decoded is not None
    assert (decoded.rows, decoded.bytes) == (1000, sum(c.total_uncompressed_size for c in chunks))


def test_a_batch_is_bounded_by_what_it_decodes_to(settings, monkeypatch):
    monkeypatch.setattr(reader, "BATCH_ROWS", 10)
    name = names.parse(SAMPLE, FIRST, DAY)
    layout = conformance.Layout((), ())
    part = excerpts.Part(excerpts.Selection(b"", ()), 4, (), b"")
    looked = conformance.Looked(layout, "schema", 4, footer.Decoded(4, 1), part)
    files = [
        reader.FileToRead(number, settings.raw_data_dir, 1, name, looked) for number in range(5)
    ]

    assert [len(batch) for batch in reader.batches(files)] == [2, 2, 1]


# ---- files that are not the ones that were looked at -------------------------------------------


def link(path, tmp_path):
    target = tmp_path / "secret"
    target.write_bytes(b"of somebody else")
    path.symlink_to(target)


def fifo(path, _):
    os.mkfifo(path)


def folder(path, _):
    path.mkdir()


def listening_socket(path, _):
    # A path of a socket may not be long.
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


@pytest.mark.parametrize("make", [link, fifo, folder, listening_socket])
def test_what_takes_the_place_of_a_file_after_the_listing_is_not_opened(settings, tmp_path, make):
    path = deliver(settings, FIRST)
    (listed,) = landing.scan(places.landing(settings), SAMPLE)
    path.unlink()
    make(path, tmp_path)

    with pytest.raises(Rejection, match="not_a_file"):
        listed.place.fingerprint(listed)


def hashed(settings):
    (listed,) = landing.scan(places.landing(settings), SAMPLE)
    seen = listed.place.fingerprint(listed)
    assert listed.place.is_still(listed, seen)
    time.sleep(0.02)  # the clock of a file system may be that coarse
    return listed, seen


def test_a_link_to_an_equal_file_is_not_the_file_that_was_hashed(settings, tmp_path):
    path = deliver(settings, FIRST)
    listed, seen = hashed(settings)
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")

    assert not listed.place.is_still(listed, seen)


def test_an_equal_file_of_the_same_time_is_not_the_file_that_was_hashed(settings, tmp_path):
    path = deliver(settings, FIRST)
    listed, seen = hashed(settings)
    copy = tmp_path / "copy"
    copy.write_bytes(path.read_bytes())
    os.utime(copy, ns=(seen.modified_ns, seen.modified_ns))
    copy.replace(path)

    assert not listed.place.is_still(listed, seen)


def test_a_file_that_was_away_while_it_was_read_is_noticed(settings, tmp_path):
    path = deliver(settings, FIRST)
    listed, seen = hashed(settings)
    path.rename(tmp_path / "away")
    (tmp_path / "away").rename(path)

    assert not listed.place.is_still(listed, seen)


def test_bytes_that_changed_under_an_old_time_are_noticed(settings):
    path = deliver(settings, FIRST)
    listed, seen = hashed(settings)
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(seen.modified_ns, seen.modified_ns))

    assert not listed.place.is_still(listed, seen)


def test_a_schema_that_is_known_as_good_says_nothing_of_the_kind(warehouse, settings):
    deliver(settings, SECOND, "agent")
    rewrite(deliver(settings, FIRST, "click"), note="x$Click")

    assert reasons(ingest(warehouse, settings)) == {FIRST: "wrong_kind"}
    assert agents(warehouse) == {"agent": 1}
