"""Small files of many columns, of which those that are read go to Polars as one file."""

import io
import random

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adtech_assets.feed import footer, integrity, reader
from adtech_assets.feed.excerpts import Part, Selection, excerpt
from adtech_assets_tests.feed.deliveries import (
    FIRST,
    SECOND,
    agents,
    deliver,
    ingest,
    rewrite,
)

COLUMNS = [("a",), ("group", "inner", "b"), ("group", "d"), ("last",)]
"""In the order of the schema, as they are to be selected."""


@pytest.fixture
def nothing_else(monkeypatch):
    """Every file is read by way of an excerpt, or the test fails."""

    def refuse(*_):
        raise AssertionError("a file was read without an excerpt")

    monkeypatch.setattr(reader.Reader, "_append_large", refuse)


def table(first, rows, *, nullable=True):
    numbers = [None if nullable and number % 3 == 1 else number for number in range(rows)]
    texts = [None if number is None else f"text {first + number % 5}" for number in numbers]
    inner = pa.StructArray.from_arrays(
        [pa.array(texts, pa.string()), pa.array(numbers, pa.int32())], names=["b", "c"]
    )
    group = pa.StructArray.from_arrays(
        [inner, pa.array(numbers, pa.timestamp("us", "UTC"))], names=["inner", "d"]
    )
    return pa.table(
        {
            "a": pa.array([first + number for number in range(rows)], pa.int64()),
            "unread": pa.array([[number] for number in range(rows)], pa.list_(pa.int64())),
            "group": group,
            "unread too": pa.array(["x"] * rows, pa.string()),
            "last": pa.array([number is None for number in numbers], pa.bool_()),
        }
    )


def written(content, **options):
    target = io.BytesIO()
    pq.write_table(content, target, **options)
    return target.getvalue()


def part_of(content, columns=tuple(COLUMNS)):
    end = footer.read(io.BytesIO(content))
    selection = Selection.of(footer.schema(end), columns)
    decoded = footer.decoded(end, columns)
    assert selection is not None
    assert decoded.is_one_row_group
    return Part.of(selection, decoded.rows, decoded.chunks, content)


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "none", "use_dictionary": False},
        {"compression": "gzip", "data_page_version": "2.0"},
        {"compression": "zstd", "data_page_size": 100, "write_page_index": True},
        {"compression": "snappy", "write_statistics": False, "write_page_checksum": True},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_an_excerpt_has_the_columns_of_its_files_in_their_order(options):
    tables = [table(10 * number, rows) for number, rows in enumerate([3, 1, 0, 500, 7])]
    parts = [part_of(written(each, **options)) for each in tables]
    wanted = pa.concat_tables(tables).select(["a", "group", "last"])

    found = pq.read_table(io.BytesIO(excerpt(parts)))

    assert found.schema.field("group").type.field("inner").type.names == ["b"]
    assert found["a"].to_pylist() == wanted["a"].to_pylist()
    assert found["last"].to_pylist() == wanted["last"].to_pylist()
    for path in (["inner", "b"], ["d"]):
        in_group = [
            [row and _below(row, path) for row in t["group"].to_pylist()] for t in (found, wanted)
        ]
        assert in_group[0] == in_group[1]
    assert pl.read_parquet(excerpt(parts)).to_arrow().num_rows == sum(t.num_rows for t in tables)


def _below(row, path):
    for name in path:
        row = row and row[name]
    return row


def test_an_excerpt_has_no_bytes_of_other_columns():
    content = table(0, 100).append_column("secret", pa.array(["of somebody else"] * 100))

    assert b"of somebody else" in written(content)
    assert b"of somebody else" not in excerpt([part_of(written(content))])


def test_files_that_store_a_column_in_other_ways_are_in_different_excerpts():
    nullable = written(table(0, 2, nullable=False))
    schema = table(0, 2).schema
    required = schema.set(0, schema.field(0).with_nullable(nullable=False))
    other = written(table(0, 2, nullable=False).cast(required))

    assert part_of(nullable).selection == part_of(written(table(5, 9))).selection
    assert part_of(nullable).selection != part_of(other).selection


def test_other_columns_between_them_are_nothing_to_an_excerpt():
    more = table(0, 2).append_column("more", pa.array(["x", "y"]))

    assert part_of(written(more)).selection == part_of(written(table(0, 2))).selection


@pytest.mark.parametrize(
    "schema",
    [
        b"",
        b"\x15\x02",
        b"\x15\x02\x19\x1c",
        b"\x15\x02\x19\x1c\x48\x01a\x00",  # a group without children
        b"\x15\x02\x19\x2c\x48\x01r\x15\x02\x00\x25\x00\x18\x01a\x15\x02\x00",  # and one below
        b"\x15\x02\x19\xfc\xff\xff\xff\x7f" + 200 * b"\x48\x01r\x15\x02\x00",  # deep
        bytes(range(256)),
    ],
)
def test_a_schema_that_is_none_has_no_excerpt(schema):
    assert Selection.of(schema, [("a",)]) is None


@pytest.mark.usefixtures("nothing_else")
def test_usual_files_are_read_as_excerpts(warehouse, settings):
    deliver(settings, FIRST, "a", "b")
    wide = {f"wide_{number}": pa.array(["x"]) for number in range(50)}
    rewrite(deliver(settings, SECOND, "c"), columns=wide)

    assert ingest(warehouse, settings).loaded == 2
    assert agents(warehouse) == {"a": 1, "b": 1, "c": 1}


def test_a_file_that_has_the_same_bytes_for_many_columns_makes_no_large_excerpt():
    content = io.BytesIO(written(table(0, 500)))
    chunks = footer.decoded(footer.read(content), COLUMNS).chunks

    assert integrity.is_plainly_intact(content, chunks)
    assert not integrity.is_plainly_intact(content, chunks * 100)


def test_a_small_file_of_several_row_groups_is_loaded(warehouse, settings):
    path = deliver(settings, FIRST, *"abcde")
    pq.write_table(pq.read_table(path), path, row_group_size=2)

    ingest(warehouse, settings)

    assert agents(warehouse) == dict.fromkeys("abcde", 1)


def test_each_event_is_its_files(warehouse, settings):
    for hour, names in {11: "abc", 12: "", 13: "d", 14: "ef"}.items():
        path = deliver(settings, f"impressions_20220526{hour}.parquet", "x")
        pq.write_table(pq.read_table(path).slice(0, 0), path)
        if names:
            deliver(settings, path.name, *names)

    ingest(warehouse, settings)

    assert warehouse.execute(
        "SELECT file_hour, string_agg(user_agent, '' ORDER BY user_agent) "
        "FROM raw.impression_logs GROUP BY ALL ORDER BY ALL"
    ).fetchall() == [(11, "abc"), (13, "d"), (14, "ef")]


@pytest.mark.parametrize("place", ["schema", "row groups"])
def test_a_footer_with_other_bytes_is_taken_or_refused(warehouse, settings, place):
    chance = random.Random(place)  # noqa: S311 - the same bytes each time
    mutants = [f"impressions_20220526{hour:02}.parquet" for hour in range(23)]
    for name in mutants:
        path = deliver(settings, name, *"abc")
        content = bytearray(path.read_bytes())
        begin, length = footer.locate(io.BytesIO(content))
        schema_bytes = len(footer.schema(bytes(content[begin:])))
        first, last = (0, schema_bytes) if place == "schema" else (schema_bytes, length - 8)
        for _ in range(chance.randint(1, 4)):
            content[begin + chance.randrange(first, last)] = chance.randrange(256)
        path.write_bytes(content)
    good = path.with_name("impressions_2022052623.parquet")
    deliver(settings, good.name, "good")

    ingest(warehouse, settings)

    found = dict(
        warehouse.execute(
            "SELECT file_name, coalesce(reason, rows::VARCHAR) FROM raw.log_files"
        ).fetchall()
    )
    assert found.keys() == {*mutants, good.name}
    assert found[good.name] == "1"
    assert agents(warehouse)["good"] == 1
    assert {reason for reason in found.values() if reason.isdecimal()} <= {"1", "3"}
    assert not {name for name, reason in found.items() if reason == "1"} - {good.name}
