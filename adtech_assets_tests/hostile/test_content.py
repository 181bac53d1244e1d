"""Hostile content: schemas that are not the contract's, and values that mean harm."""

from __future__ import annotations

import csv
import unicodedata
from collections import Counter

import polars as pl
import pyarrow as pa
import pytest

from adtech_assets.publish import exports, publication
from adtech_assets_tests.feed.deliveries import (
    DAY,
    EVENT_MS,
    FIRST,
    SECOND,
    agents,
    deliver,
    group,
    ledger,
    reasons,
    rewrite,
    rolled_up,
    write,
)
from adtech_assets_tests.hostile.conftest import Pipeline
from adtech_assets_tests.publish.exported import read

both_ways = pytest.mark.usefixtures("size")

NEIGHBOURS = [(10, 1, 0), (12, 2, 0)]
"""Hours, impressions and clicks of the good files of the day."""


@pytest.fixture
def neighbours(pipeline):
    """Good files of the day, before and after `FIRST`."""
    pipeline.deliver("impressions_2022052610.parquet", "before")
    pipeline.deliver(SECOND, "after", "after")


def assert_refused_alone(pipeline, reason):
    """A run quarantines `FIRST` without a row of it, and serves what its neighbours hold."""
    assert reasons(pipeline.run()["impressions"]) == {FIRST: reason}
    pipeline.assert_quarantined(FIRST, reason)
    assert pipeline.look(agents) == {"before": 1, "after": 2}
    assert pipeline.served() == NEIGHBOURS
    assert pipeline.status().days[DAY].state == "loaded"


# ---- 25 to 28: schemas -------------------------------------------------------------------------


def no_device_settings(path):
    rewrite(write(path, "agent"), without=["device_settings"])


def no_user_agent(path):
    rewrite(write(path, "agent"), columns={"device_settings": group(pa.array([1]), name="os_id")})


@both_ways
@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize("spoil", [no_device_settings, no_user_agent])
def test_h25_a_file_without_user_agents_is_refused_and_never_zeros(pipeline, spoil):
    spoil(pipeline.settings.raw_data_dir / FIRST)

    assert_refused_alone(pipeline, "missing_column")


def user_agent_of_numbers(path):
    rewrite(write(path, "agent"), columns={"device_settings": group(pa.array([7]))})


def user_agent_of_bytes(path):
    rewrite(write(path, "agent"), columns={"device_settings": group(pa.array([b"agent"]))})


def user_agent_of_a_list(path):
    rewrite(write(path, "agent"), columns={"device_settings": group(pa.array([["agent"]]))})


def device_settings_flat(path):
    rewrite(write(path, "agent"), columns={"device_settings": pa.array(["agent"])})


def campaign_id_of_text(path):
    campaigns = group(pa.array(["731193"]), name="campaign_id")
    rewrite(write(path, "agent"), columns={"banner": campaigns})


@both_ways
@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize(
    "spoil",
    [
        user_agent_of_numbers,
        user_agent_of_bytes,
        user_agent_of_a_list,
        device_settings_flat,
        campaign_id_of_text,
    ],
)
def test_h26_a_column_of_another_type_is_refused_and_not_converted(pipeline, spoil):
    spoil(pipeline.settings.raw_data_dir / FIRST)

    assert_refused_alone(pipeline, "wrong_type")


@both_ways
def test_h27_extra_columns_are_accepted(pipeline):
    extra = {
        name: pa.array(["anything"]) for name in ("path", "filename", "file_row_number", "events")
    }
    rewrite(
        pipeline.deliver(FIRST, "agent"),
        columns={**extra, "nested": group(pa.array([[1, 2]]))},
    )

    assert pipeline.run()["impressions"].rows == 1
    assert pipeline.served() == [(11, 1, 0)]


@both_ways
@pytest.mark.parametrize(
    "columns",
    [
        {"new": pa.array([1])},
        {"unload": group(pa.array([1]), name="new")},
        {"page_url": pa.array([1])},
    ],
    ids=["one more", "another nested", "another type"],
)
def test_h27_a_file_whose_columns_differ_is_known_by_its_schema(pipeline, columns):
    for hour in (10, 11, 12):
        name = f"impressions_20220526{hour}.parquet"
        rewrite(pipeline.deliver(name, f"{hour}"), columns=columns if hour == 12 else {})

    result = pipeline.run()["impressions"]

    first, second, other = pipeline.look(lambda w: ledger(w, "schema_fingerprint"))
    assert first == second != other
    assert dict(result.schemas) == {first[0]: 2, other[0]: 1}


@both_ways
def test_h27_missing_optional_columns_are_recorded(pipeline):
    without = ["transaction_header", "banner", "fraud_detection"]
    rewrite(pipeline.deliver(FIRST, "agent"), without=without)

    pipeline.run()

    query = "SELECT event_at, user_agent, campaign_id, is_fraud FROM raw.impression_logs"
    assert pipeline.look(lambda w: w.execute(query).fetchall()) == [(None, "agent", None, None)]
    assert pipeline.look(lambda w: ledger(w, "missing_columns")) == [
        (["creation_time", "campaign_id", "is_fraud", "banner_width", "banner_height"],)
    ]


@both_ways
def test_h28_each_file_is_read_by_its_own_schema(pipeline):
    rewrite(pipeline.deliver(FIRST, "a"), columns={"new": pa.array([1])}, without=["banner"])
    rewrite(pipeline.deliver(SECOND, "b"), columns={"new": pa.array(["text"])})
    wide = group(pa.array([2**40]), name="campaign_id")
    rewrite(
        pipeline.deliver("impressions_2022052613.parquet", "c"),
        columns={"banner": wide, "later": pa.array([1.5])},
    )

    pipeline.run()

    query = "SELECT user_agent, campaign_id FROM raw.impression_logs ORDER BY ALL"
    assert pipeline.look(lambda w: w.execute(query).fetchall()) == [
        ("a", None),
        ("b", 731193),
        ("c", 2**40),
    ]
    assert pipeline.served() == [(11, 1, 0), (12, 1, 0), (13, 1, 0)]


# ---- 29 to 33: user agents ---------------------------------------------------------------------


@both_ways
def test_h29_no_agent_and_the_empty_agent_are_counted_each_as_its_own_group(pipeline):
    pipeline.deliver(FIRST, None, None, "", "agent")
    pipeline.deliver("clicks_2022052611.parquet", None, "")

    pipeline.run()

    assert pipeline.look(rolled_up) == {
        (DAY, 11, None): [2, 1],
        (DAY, 11, ""): [1, 1],
        (DAY, 11, "agent"): [1, 0],
    }
    assert pipeline.served() == [(11, 4, 2)]


MEGABYTE = "x" * 2**20


@both_ways
@pytest.mark.parametrize(
    "agent",
    [MEGABYTE, '=HYPERLINK("x"),\n', "with a \0 inside", "*", " agent ", "Agent"],
    ids=lambda agent: repr(agent)[:20],
)
def test_h30_a_user_agent_of_any_length_or_content_arrives_as_it_is(pipeline, agent):
    pipeline.deliver(FIRST, agent, "agent", agent)

    pipeline.run()

    assert pipeline.look(agents) == Counter([agent, "agent", agent])
    assert pipeline.look(rolled_up) == {(DAY, 11, agent): [2, 0], (DAY, 11, "agent"): [1, 0]}
    assert pipeline.served() == [(11, 3, 0)]


def test_h30_a_user_agent_of_a_megabyte_can_be_the_one_that_is_served(settings):
    pipeline = Pipeline(settings.model_copy(update={"user_agent": MEGABYTE}))
    pipeline.deliver(FIRST, MEGABYTE, MEGABYTE[1:])

    pipeline.run()

    assert pipeline.served() == [(11, 1, 0)]
    assert pipeline.status().days[DAY].state == "loaded"


COMPOSED, DECOMPOSED, EMOJI = "caf\u00e9", "cafe\u0301", "\N{GRINNING FACE}"


@both_ways
def test_h31_agents_that_look_alike_are_compared_byte_by_byte(pipeline):
    assert unicodedata.normalize("NFC", DECOMPOSED) == COMPOSED
    pipeline.deliver(FIRST, COMPOSED, DECOMPOSED, DECOMPOSED, EMOJI)

    pipeline.run()

    assert pipeline.look(rolled_up) == {
        (DAY, 11, COMPOSED): [1, 0],
        (DAY, 11, DECOMPOSED): [2, 0],
        (DAY, 11, EMOJI): [1, 0],
    }


@pytest.mark.parametrize(
    ("configured", "events"), [(COMPOSED, 1), (DECOMPOSED, 2), (EMOJI, 1), ("Caf\u00e9", 0)]
)
def test_h31_the_configured_agent_is_matched_byte_by_byte(settings, configured, events):
    pipeline = Pipeline(settings.model_copy(update={"user_agent": configured}))
    pipeline.deliver(FIRST, COMPOSED, DECOMPOSED, DECOMPOSED, EMOJI)

    pipeline.run()

    assert sum(impressions for _, impressions, _ in pipeline.served()) == events


INJECTION = "'; DROP TABLE csv_data_task; --"


@both_ways
@pytest.mark.parametrize("agent", [INJECTION, "'; DROP TABLE rollup.hourly_user_agent_rollup; --"])
def test_h32_an_injection_is_a_user_agent_like_any_other(settings, agent):
    pipeline = Pipeline(settings.model_copy(update={"user_agent": agent}))
    pipeline.deliver(FIRST, agent, "agent")
    pipeline.deliver("clicks_2022052611.parquet", agent)

    pipeline.run()

    assert pipeline.look(rolled_up) == {(DAY, 11, agent): [1, 1], (DAY, 11, "agent"): [1, 0]}
    assert pipeline.served() == [(11, 1, 1)]
    with pipeline.target.connect(read_only=True) as connection:
        assert connection.execute("SELECT user_agent FROM load_audit").fetchall() == [(agent,)]


@both_ways
@pytest.mark.usefixtures("neighbours")
def test_h33_text_that_is_no_utf8_is_refused(pipeline):
    path = pipeline.deliver(FIRST, "agent 123")
    path.write_bytes(path.read_bytes().replace(b"agent 123", b"agent \xff\xfe\xfd"))

    assert_refused_alone(pipeline, "invalid_utf8")


# ---- 34: exports -------------------------------------------------------------------------------

NAMES = {
    1: "=1+1",
    2: '=HYPERLINK("http://evil.example","click")',
    3: "+1",
    4: "-1",
    5: "@SUM(A1)",
    6: "with, comma",
    7: "two\nlines",
    8: 'with "quotes"',
    9: "\ttab",
    10: "",
    11: None,
}


@pytest.fixture
def published(pipeline):
    """A mart whose campaigns have these names, as the pipeline publishes it."""

    def make(warehouse):
        warehouse.execute(
            "CREATE SCHEMA marts; "
            "CREATE TABLE marts.fct_campaign_ctr (campaign_id INTEGER, campaign_name VARCHAR)"
        )
        warehouse.executemany(
            "INSERT INTO marts.fct_campaign_ctr VALUES (?, ?)", list(NAMES.items())
        )
        mart = publication.Mart("fct_campaign_ctr", ("campaign_id",), "A mart.", {})
        publication.publish(warehouse, pipeline.target, [mart])

    pipeline.look(make)
    return read(pipeline.target, "campaign_ctr")


# The formula policy: what is exported is data for programs, so values are written as they are.
# A quote or a space before `=` would make another value of it. Who opens a CSV in a spreadsheet
# imports it as text.
@pytest.mark.usefixtures("published")
def test_h34_a_csv_holds_every_value_as_it_is_quoted_where_it_must_be(pipeline, tmp_path):
    exports.export(pipeline.target, ["campaign_ctr"], tmp_path, ["csv"])

    path = tmp_path / "campaign_ctr.csv"
    with path.open(newline="", encoding="utf-8") as source:
        header, *rows = csv.reader(source)
    assert header == ["campaign_id", "campaign_name"]
    assert rows == [[str(number), name or ""] for number, name in NAMES.items()]
    text = path.read_text(encoding="utf-8")
    assert '\n6,"with, comma"\n7,"two\nlines"\n8,"with ""quotes"""\n' in text
    assert "\n1,=1+1\n" in "\n" + text


def test_h34_an_export_read_again_is_the_published_table(pipeline, published, tmp_path):
    exports.export(pipeline.target, ["campaign_ctr"], tmp_path, exports.FILE_FORMATS)

    assert pl.read_parquet(tmp_path / "campaign_ctr.parquet").equals(published)
    assert pl.read_csv(tmp_path / "campaign_ctr.csv", schema=published.schema).equals(published)


# ---- 35 and 36: times, and kinds ---------------------------------------------------------------


@both_ways
@pytest.mark.parametrize("unset", [None, 0, EVENT_MS // 1000, EVENT_MS * 1000, -1, 2**62])
def test_h35_an_implausible_time_is_flagged_and_its_event_counted(pipeline, unset):
    deliver(pipeline.settings, FIRST, "a", "b", times=[unset, EVENT_MS])

    result = pipeline.run()["impressions"]

    query = "SELECT user_agent FROM raw.impression_logs WHERE event_at IS NULL"
    assert pipeline.look(lambda w: w.execute(query).fetchall()) == [("a",)]
    assert result.events_without_time == 1
    assert pipeline.look(lambda w: ledger(w, "rows", "events_without_time")) == [(2, 1)]
    assert pipeline.look(rolled_up) == {(DAY, 11, "a"): [1, 0], (DAY, 11, "b"): [1, 0]}
    assert pipeline.served() == [(11, 2, 0)]


def clicks_under_the_other_name(path):
    write(path.with_name("clicks.parquet"), "agent").rename(path)


def clicks_without_a_note_under_the_other_name(path):
    clicks_under_the_other_name(path)
    rewrite(path, note=None)


@both_ways
@pytest.mark.usefixtures("neighbours")
@pytest.mark.parametrize(
    "make", [clicks_under_the_other_name, clicks_without_a_note_under_the_other_name]
)
def test_h36_clicks_that_are_called_impressions_are_refused(pipeline, make):
    make(pipeline.settings.raw_data_dir / FIRST)

    assert_refused_alone(pipeline, "wrong_kind")
