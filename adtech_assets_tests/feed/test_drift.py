"""What tells one schema from another."""

import os

import pyarrow as pa
import pytest

from adtech_assets.feed import footer
from adtech_assets.feed.drift import MOST_KNOWN, Schemas
from adtech_assets_tests.feed.deliveries import rewrite, write


@pytest.fixture
def new_footer(tmp_path):
    def make(name, *user_agents, columns=None):
        path = rewrite(write(tmp_path / name, *user_agents), columns=columns)
        with path.open("rb") as content:
            return footer.read(content)

    return make


def test_files_that_differ_in_values_and_rows_have_one_schema(new_footer):
    schemas = Schemas()
    first = schemas.fingerprint(new_footer("impressions_1.parquet", "a"))

    assert schemas.fingerprint(new_footer("impressions_2.parquet", *"bcd")) == first
    assert Schemas().fingerprint(new_footer("impressions_3.parquet", "e")) == first


def test_many_schemas_are_all_told_apart(new_footer):
    schemas = Schemas()
    footers = [
        new_footer(f"impressions_{number}.parquet", "a", columns={f"new_{number}": pa.array([1])})
        for number in range(MOST_KNOWN + 5)
    ]
    found = [schemas.fingerprint(content) for content in footers]

    assert len(set(found)) == len(footers)
    assert [schemas.fingerprint(content) for content in footers] == found


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\x15\x04\x19\xf1" + b"\xff" * 8 + b"\x7f",  # a list of 2**63 booleans
        b"\x1c" * 10_000,  # structs within structs
        b"\x15" + b"\xff" * 2**22,
        b"\x1d\x1e\x1f",
        os.urandom(1000),
    ],
    ids=["empty", "end", "endless list", "deep", "endless number", "unknown types", "random"],
)
def test_an_unusual_footer_does_no_harm(content):
    assert Schemas().fingerprint(content) == Schemas().fingerprint(content)
