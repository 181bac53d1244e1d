"""Files whose bytes are others than their footer tells of, and types as parquet has them."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adtech_assets.feed import conformance, footer
from adtech_assets_tests.feed.deliveries import (
    EVENT_MS,
    FIRST,
    SECOND,
    agents,
    deliver,
    group,
    ingest,
    ledger,
    reasons,
    rewrite,
)
from adtech_assets_tests.sample_feed import SAMPLE

AGENTS = ("a", "the agent", "z")
"""The second one is in the data alone: first and last are in the statistics too."""


@pytest.fixture(params=["small files", "large files"], autouse=True)
def size(request, monkeypatch):
    """Small files go through Polars, large ones through DuckDB."""
    if request.param == "large files":
        monkeypatch.setattr(conformance, "SMALL_FILE_BYTES", 1)


def assert_refused_alone(warehouse, settings, reason):
    """The file is refused, and its neighbour loaded."""
    deliver(settings, SECOND, "neighbour")
    assert reasons(ingest(warehouse, settings)) == {FIRST: reason}
    assert agents(warehouse) == {"neighbour": 1}


def with_checksums(path, *, version, compression="none"):
    table = pq.read_table(path)
    pq.write_table(
        table,
        path,
        write_page_checksum=True,
        data_page_version=version,
        compression=compression,
        use_dictionary=False,
    )
    return path


def flip_a_bit_of(path, text):
    content = bytearray(path.read_bytes())
    content[content.index(text)] ^= 1
    path.write_bytes(content)


# ---- two files in one ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"), [(40, 1), (1, 40), (3, 3)], ids=["longer", "shorter", "as long"]
)
def test_a_file_behind_another_is_refused(warehouse, settings, first, second):
    one = deliver(settings, FIRST, *(f"first {number}" for number in range(first)))
    other = deliver(settings, SECOND, *(f"second {number}" for number in range(second)))
    one.write_bytes(one.read_bytes() + other.read_bytes())

    assert_refused_alone(warehouse, settings, "incomplete")


def test_a_file_behind_half_of_another_is_refused(warehouse, settings):
    one = deliver(settings, FIRST, "first")
    content = one.read_bytes()
    one.write_bytes(content[: len(content) // 2] + content)

    assert_refused_alone(warehouse, settings, "incomplete")


def test_a_file_behind_other_bytes_is_refused(warehouse, settings):
    path = deliver(settings, FIRST, "first")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert_refused_alone(warehouse, settings, "not_parquet")


def test_an_empty_file_behind_another_is_refused(warehouse, settings):
    one = deliver(settings, FIRST, "first")
    empty = deliver(settings, SECOND)
    pq.write_table(pq.read_table(empty).slice(0, 0), empty)
    one.write_bytes(one.read_bytes() + empty.read_bytes())

    assert_refused_alone(warehouse, settings, "incomplete")


def test_a_file_that_is_full_of_beginnings_does_not_hold_up_the_others(warehouse, settings):
    path = deliver(settings, FIRST, "first")
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"PAR1" * 10**6 + content[4:])

    assert_refused_alone(warehouse, settings, "corrupt_data")


@pytest.mark.parametrize("agent", ["PAR1", "PAR1PAR1", "xPAR1" * 1000])
def test_an_agent_that_has_the_mark_of_a_file_is_none(warehouse, settings, agent):
    rewrite(deliver(settings, FIRST, agent, "PAR1 two"))

    ingest(warehouse, settings)

    assert agents(warehouse) == {agent: 1, "PAR1 two": 1}


# ---- checksums -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_a_flipped_bit_is_told_by_the_pages_checksum(warehouse, settings, version):
    path = with_checksums(deliver(settings, FIRST, *AGENTS), version=version)
    flip_a_bit_of(path, b"the agent")

    assert_refused_alone(warehouse, settings, "corrupt_data")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_pages_that_are_as_their_checksums_say_are_loaded(
    warehouse, settings, version, compression
):
    names = [f"agent {number}" for number in range(5000)]
    with_checksums(deliver(settings, FIRST, *names), version=version, compression=compression)

    ingest(warehouse, settings)

    assert len(agents(warehouse)) == 5000


def test_a_flipped_bit_in_a_column_that_is_not_read_is_nobodys_business(warehouse, settings):
    path = deliver(settings, FIRST, *AGENTS)
    rewrite(path, columns={"other": pa.array(["a", "the other", "z"])})
    flip_a_bit_of(with_checksums(path, version="1.0"), b"the other")

    assert ingest(warehouse, settings).loaded == 1


def test_the_footer_says_where_columns_lie_as_pyarrow_reads_it(settings):
    path = deliver(settings, FIRST, *(f"agent {number}" for number in range(100)))

    with path.open("rb") as content:
        layout, _ = conformance.check(content, SAMPLE, "impressions")
        decoded = footer.decoded(footer.read(content), layout.paths)

    group_of_rows = pq.read_metadata(path).row_group(0)
    chunks = {
        chunk.path_in_schema: (start, start + chunk.total_compressed_size)
        for chunk in map(group_of_rows.column, range(group_of_rows.num_columns))
        for start in [chunk.dictionary_page_offset or chunk.data_page_offset]
    }
    assert decoded is not None
    assert [(chunk.start, chunk.end) for chunk in decoded.chunks] == [
        chunks[".".join(leaf)] for leaf in layout.paths
    ]


def test_columns_are_found_in_each_footer_wherever_they_were_in_the_last_one(settings):
    layout = check_of(deliver(settings, FIRST, "agent"))
    columns = footer.Columns(layout.paths)
    agents = ["agent", *(f"{number} " * number for number in range(200))]
    shapes = [(1, 1), (200, 200), (200, 3), (1, 1), (150, 150), (150, 1), (2, 2)]

    for rows, rows_of_a_group in shapes:
        path = deliver(settings, FIRST, *agents[:rows])
        pq.write_table(pq.read_table(path), path, row_group_size=rows_of_a_group)
        content = footer_of(path)
        found = columns.decoded(content, len(footer.schema(content)))
        alone = footer.decoded(content, layout.paths)
        metadata = pq.read_metadata(path)
        assert metadata.num_row_groups == -(-rows // rows_of_a_group)
        assert (found.rows, found.bytes) == (rows, alone.bytes)
        assert found.chunks == alone.chunks
        assert len(found.chunks) == metadata.num_row_groups * len(layout.paths)


def check_of(path):
    with path.open("rb") as content:
        return conformance.check(content, SAMPLE, "impressions")[0]


def footer_of(path):
    with path.open("rb") as content:
        return footer.read(content)


# ---- types ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["agent"]).dictionary_encode(),
        pa.array(["agent"], pa.large_string()),
        pa.array(["agent"], pa.string_view()),
    ],
    ids=lambda values: str(values.type),
)
def test_text_is_text_whatever_it_was_in_the_writers_memory(warehouse, settings, values):
    rewrite(deliver(settings, FIRST), columns={"device_settings": group(values)}, hints=True)

    ingest(warehouse, settings)

    assert agents(warehouse) == {"agent": 1}


@pytest.mark.parametrize(
    "type_", [pa.uint8(), pa.int16(), pa.uint16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64()]
)
def test_a_whole_number_may_have_any_width(warehouse, settings, type_):
    campaign = group(pa.array([100], type_), name="campaign_id")
    rewrite(deliver(settings, FIRST), columns={"banner": campaign}, hints=True)

    assert reasons(ingest(warehouse, settings)) == {}
    found = warehouse.execute("SELECT campaign_id FROM raw.impression_logs").fetchall()
    assert found == [(100,)]


@pytest.mark.parametrize("type_", [pa.uint64(), pa.duration("ms")])
def test_a_time_is_the_number_that_is_stored(warehouse, settings, type_):
    header = group(pa.array([EVENT_MS], type_), name="creation_time")
    rewrite(deliver(settings, FIRST), columns={"transaction_header": header}, hints=True)

    assert reasons(ingest(warehouse, settings)) == {}
    found = warehouse.execute("SELECT epoch_ms(event_at) FROM raw.impression_logs").fetchall()
    assert found == [(EVENT_MS,)]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("device_settings", group(pa.array([b"agent"], pa.binary()))),
        ("device_settings", group(pa.array([["agent"]]))),
        ("banner", group(pa.array([1.0]), name="campaign_id")),
        ("banner", group(pa.array([1]).cast(pa.decimal128(19, 0)), name="campaign_id")),
        (
            "transaction_header",
            group(pa.array([EVENT_MS], pa.timestamp("ms")), name="creation_time"),
        ),
    ],
    ids=["bytes", "list", "float", "decimal", "timestamp"],
)
def test_other_types_are_refused(warehouse, settings, name, column):
    rewrite(deliver(settings, FIRST), columns={name: column})

    assert_refused_alone(warehouse, settings, "wrong_type")


def test_a_number_that_no_column_holds_is_refused(warehouse, settings):
    campaign = group(pa.array([2**64 - 1], pa.uint64()), name="campaign_id")
    rewrite(deliver(settings, FIRST), columns={"banner": campaign})

    assert_refused_alone(warehouse, settings, "corrupt_data")


# ---- where the files lie -------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["utf8", "we\\i*rd", "a[b]c?", "back\\slash", "not valid UTF-8"])
def test_the_folder_is_nothing_to_a_files_fate(warehouse, settings, folder):
    moved = settings.model_copy(update={"raw_data_dir": settings.raw_data_dir / folder})
    moved.raw_data_dir.mkdir()
    deliver(moved, SECOND, "neighbour")
    path = deliver(moved, FIRST, *AGENTS)
    flip_a_bit_of(with_checksums(path, version="1.0"), b"the agent")

    assert reasons(ingest(warehouse, moved)) == {FIRST: "corrupt_data"}
    assert agents(warehouse) == {"neighbour": 1}
    assert len(ledger(warehouse, "file_name")) == 2
