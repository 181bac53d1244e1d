import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adtech_assets.errors import UserError
from adtech_assets.sample.log_files import USER_AGENTS, generate_log_files, write_log_file

DAY = date(2022, 5, 26)
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
FULL_NAME = re.compile(
    r"(?P<kind>impressions|clicks)_processed_dk_(?P<stamp>\d{17})"
    r"_(?P<first>\d+)-(?P<last>\d+)_(?P<partition>\d+)\.parquet"
)


def write(path, kind="impressions", **columns):
    defaults: dict[str, Any] = {
        "user_agents": ["some user agent", None],
        "creation_times_ms": [1653557530942, None],
        "campaign_ids": [731193, None],
        "is_fraud": [False, None],
    }
    write_log_file(path, kind, **defaults | columns)
    return path


def parts(path):
    match = FULL_NAME.fullmatch(path.name)
    assert match is not None, path.name
    return match


def named_at(path):
    """The name's local time, to the millisecond."""
    stamp = parts(path)["stamp"]
    seconds = datetime.strptime(stamp[:14], "%Y%m%d%H%M%S")  # noqa: DTZ007 - local by definition
    return seconds + timedelta(milliseconds=int(stamp[14:]))


def creation_times(path):
    """The events' UTC milliseconds since 1970."""
    return pl.read_parquet(path)["transaction_header"].struct.field("creation_time").to_list()


def event_times(path):
    """The events' local times."""
    return [
        (datetime.fromtimestamp(ms // 1000, tz=UTC) + timedelta(milliseconds=ms % 1000))
        .astimezone(COPENHAGEN)
        .replace(tzinfo=None)
        for ms in creation_times(path)
    ]


def of_kind(paths, kind):
    return [path for path in paths if parts(path)["kind"] == kind]


def rows(paths):
    return sum(pq.read_metadata(path).num_rows for path in paths)


def content(paths):
    return {path.name: path.read_bytes() for path in paths}


def test_values_arrive_in_the_feeds_columns(tmp_path):
    path = write(tmp_path / "impressions_2022052611.parquet")

    assert pl.read_parquet(path).select(
        pl.col("transaction_header").struct.field("creation_time"),
        pl.col("device_settings").struct.field("user_agent"),
        pl.col("banner").struct.field("campaign_id"),
        pl.col("fraud_detection").struct.field("is_fraud"),
    ).rows() == [(1653557530942, "some user agent", 731193, False), (None, None, None, None)]


@pytest.mark.parametrize(
    ("kind", "own", "foreign"),
    [
        ("impressions", {"is_vast_measurable", "shown_in_ad_container", "is_eligible"},
         {"landing_url", "banner_click_url_id", "server_impression_time_ms"}),
        ("clicks", {"landing_url", "banner_click_url_id", "server_impression_time_ms"},
         {"is_vast_measurable", "shown_in_ad_container", "is_eligible"}),
    ],
)  # fmt: skip
def test_each_kind_has_columns_of_its_own(tmp_path, kind, own, foreign):
    names = set(pq.read_schema(write(tmp_path / "file.parquet", kind)).names)

    assert own <= names
    assert not foreign & names


@pytest.mark.parametrize("kind", ["impressions", "clicks"])
def test_types_are_the_feeds(tmp_path, kind):
    schema = pq.read_schema(write(tmp_path / "file.parquet", kind))

    assert schema.field("transaction_header").type.field("creation_time").type == pa.int64()
    assert schema.field("device_settings").type.field("user_agent").type == pa.string()
    assert schema.field("banner").type.field("campaign_id").type == pa.int32()
    assert schema.field("fraud_detection").type.field("is_fraud").type == pa.bool_()


@pytest.mark.parametrize(
    ("kind", "proto_class"),
    [
        ("impressions", b"example.ads.contracts.ImpressionContract$Impression"),
        ("clicks", b"example.ads.contracts.ClickContract$Click"),
    ],
)
def test_the_footer_names_the_contract(tmp_path, kind, proto_class):
    metadata = pq.read_metadata(write(tmp_path / "file.parquet", kind))

    assert metadata.metadata == {b"parquet.proto.class": proto_class}
    assert 80 <= metadata.num_columns <= 110
    assert metadata.row_group(0).column(0).compression == "SNAPPY"


def test_a_file_without_events_can_be_written(tmp_path):
    path = write(
        tmp_path / "file.parquet",
        user_agents=[],
        creation_times_ms=[],
        campaign_ids=[],
        is_fraud=[],
    )

    assert pl.read_parquet(path).height == 0


def test_columns_of_different_lengths_are_refused(tmp_path):
    with pytest.raises(ValueError, match="equally long"):
        write(tmp_path / "file.parquet", is_fraud=[True])

    assert list(tmp_path.iterdir()) == []


def test_nothing_but_the_file_is_left_and_an_older_one_is_replaced(tmp_path):
    path = write(tmp_path / "file.parquet")

    write(path, campaign_ids=[1, 2])

    assert list(tmp_path.iterdir()) == [path]
    assert pl.read_parquet(path)["banner"].struct.field("campaign_id").to_list() == [1, 2]


def test_a_write_that_fails_leaves_nothing(tmp_path):
    (tmp_path / "taken.parquet").mkdir()

    with pytest.raises(OSError, match=r"taken\.parquet"):
        write(tmp_path / "taken.parquet")

    assert [path.name for path in tmp_path.iterdir()] == ["taken.parquet"]


def test_a_day_has_as_many_events_as_asked_for(tmp_path):
    paths = generate_log_files(tmp_path, [DAY], events_per_day=400, ctr=0.1)

    assert rows(of_kind(paths, "impressions")) == 400
    assert rows(of_kind(paths, "clicks")) == 40
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_events_lie_in_the_local_hour_of_the_name_and_before_it(tmp_path):
    for path in generate_log_files(tmp_path, [DAY]):
        hour = named_at(path).replace(minute=0, second=0, microsecond=0)
        times = event_times(path)
        assert times == sorted(times)
        assert hour <= times[0]
        assert times[-1] <= named_at(path) < hour + timedelta(hours=1)
        assert hour.date() == DAY


def test_the_offsets_in_the_name_count_the_rows(tmp_path):
    for path in generate_log_files(tmp_path, [DAY], files_per_hour=3):
        name = parts(path)
        assert int(name["last"]) - int(name["first"]) + 1 == rows([path])


def test_offsets_continue_within_a_day_and_never_overlap(tmp_path):
    paths = generate_log_files(
        tmp_path, [DAY, DAY + timedelta(days=1)], events_per_day=300, files_per_hour=2
    )
    paths += generate_log_files(tmp_path, [DAY + timedelta(days=2)], files_per_hour=2)

    for kind in ("impressions", "clicks"):
        for partition in ("0", "1"):
            ranges = [
                (named_at(path).date(), int(parts(path)["first"]), int(parts(path)["last"]))
                for path in of_kind(paths, kind)
                if parts(path)["partition"] == partition
            ]
            for (day, _, last), (next_day, first, _) in pairwise(ranges):
                assert first == last + 1 if day == next_day else first > last


def test_an_hour_is_split_into_the_files_asked_for(tmp_path):
    paths = generate_log_files(tmp_path, [DAY], ctr=0, files_per_hour=3)

    assert {parts(path)["partition"] for path in paths} == {"0", "1", "2"}
    assert rows(paths) == 1000


def test_an_hour_that_clocks_skip_has_no_file(tmp_path):
    paths = generate_log_files(tmp_path, [date(2022, 3, 27)], events_per_day=2400)

    assert {named_at(path).hour for path in paths} == set(range(24)) - {2}
    assert rows(of_kind(paths, "impressions")) == 2400


def test_an_hour_that_comes_twice_has_files_twice(tmp_path):
    paths = generate_log_files(tmp_path, [date(2022, 10, 30)], events_per_day=2400, ctr=0)

    hours = [named_at(path).hour for path in paths]
    assert hours == [0, 1, 2, 2, *range(3, 24)]
    first, second = (creation_times(path) for path in paths[2:4])
    assert max(first) < min(second)


def test_today_has_only_hours_that_are_over(tmp_path):
    before = datetime.now(tz=UTC)
    paths = generate_log_files(
        tmp_path, [before.date()], events_per_day=2400, ctr=0, timezone="UTC"
    )
    after = datetime.now(tz=UTC)

    hours = [named_at(path).hour for path in paths]
    assert hours in ([*range(before.hour)], [*range(after.hour)])


def test_days_to_come_have_no_files(tmp_path):
    assert generate_log_files(tmp_path, [date(2999, 1, 1)]) == []


def test_the_same_call_writes_the_same_bytes(tmp_path):
    first = content(generate_log_files(tmp_path / "a", [DAY], seed=7))

    assert content(generate_log_files(tmp_path / "b", [DAY], seed=7)) == first
    assert content(generate_log_files(tmp_path / "c", [DAY], seed=8)).keys() != first.keys()


def test_a_day_does_not_depend_on_the_days_around_it(tmp_path):
    alone = content(generate_log_files(tmp_path / "a", [DAY]))
    among = content(generate_log_files(tmp_path / "b", [DAY - timedelta(days=1), DAY, DAY]))

    assert alone.items() < among.items()


def test_the_first_user_agent_is_the_most_frequent(tmp_path):
    agents = (
        pl.read_parquet(generate_log_files(tmp_path, [DAY], ctr=0))["device_settings"]
        .struct.field("user_agent")
        .value_counts(sort=True)
    )

    assert agents["user_agent"][0] == USER_AGENTS[0] == "some user agent"
    assert set(agents["user_agent"]) == set(USER_AGENTS)
    assert "" in USER_AGENTS


def test_user_agents_and_campaigns_are_those_asked_for(tmp_path):
    paths = generate_log_files(tmp_path, [DAY], ctr=0, user_agents=["a"], campaign_ids=[5, 9])

    events = pl.read_parquet(paths)
    assert set(events["device_settings"].struct.field("user_agent")) == {"a"}
    assert set(events["banner"].struct.field("campaign_id")) == {5, 9}


def test_a_few_events_are_marked_as_fraud(tmp_path):
    events = pl.read_parquet(generate_log_files(tmp_path, [DAY], events_per_day=5000, ctr=0))

    assert 25 < events["fraud_detection"].struct.field("is_fraud").sum() < 100


@pytest.mark.parametrize(
    "options",
    [
        {"events_per_day": -1},
        {"events_per_day": 10_000_001},
        {"ctr": 1.5},
        {"ctr": -0.1},
        {"files_per_hour": 0},
        {"user_agents": []},
        {"campaign_ids": []},
        {"timezone": "Europe/Atlantis"},
        {"timezone": "../etc"},
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options):
    with pytest.raises(UserError):
        generate_log_files(tmp_path, [DAY], **options)
