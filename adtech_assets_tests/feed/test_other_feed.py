"""A feed that is unlike the sample: other names, folders, columns and types."""

from datetime import date
from decimal import Decimal

import pyarrow as pa
import pytest

from adtech_assets.contract import load
from adtech_assets.errors import UserError
from adtech_assets.feed import conformance, landing, names, places, quarantine
from adtech_assets.feed.ingest import Ingest
from adtech_assets.feed.ledger import Ledger
from adtech_assets.feed.rejections import Rejection
from adtech_assets.partitions import DayRange
from adtech_assets.settings import load_settings
from adtech_assets.versions import Notes
from adtech_assets_tests.feed.deliveries import ingest
from adtech_assets_tests.other_feed import FEED, NOON, PRICE, deliver, table, write_feed

DAY = date(2022, 5, 26)
FILE = "2022/05/26/12/imp-a.parquet"
NAME = "2022/05/26/12/imp-a-7_9.parquet"


@pytest.fixture
def settings(settings, tmp_path):
    """The same as elsewhere here, but for the feed."""
    return load_settings(**{**dict(settings), "feed": write_feed(tmp_path), "timezone": ""})


@pytest.fixture(params=["small files", "large files"])
def size(request, monkeypatch):
    if request.param == "large files":
        monkeypatch.setattr(conformance, "SMALL_FILE_BYTES", 1)


def at(seconds):
    """Naive UTC."""
    return NOON.replace(tzinfo=None, second=seconds)


def scaled(lo, sign_scale, hi=0):
    return {"lo": lo, "hi": hi, "signScale": sign_scale}


def test_the_zone_of_the_names_is_the_feeds_unless_a_setting_says_otherwise(settings, tmp_path):
    assert settings.timezone == "America/New_York"
    again = load_settings(feed=tmp_path / "feed.yaml", timezone="Asia/Tokyo")
    assert again.timezone == "Asia/Tokyo"


def test_a_name_is_the_path_below_the_landing_folder(settings):
    deliver(settings.raw_data_dir, NAME, table("impressions", ["a"], at=NOON))
    deliver(
        settings.raw_data_dir, ".hidden/2022/05/26/12/imp-b.parquet", table("clicks", [], at=NOON)
    )
    deliver(settings.raw_data_dir, "2022/05/26/12/other.parquet", table("clicks", [], at=NOON))

    (file,) = landing.scan(places.landing(settings), settings.feed)

    assert (file.name, file.kind, file.path) == (NAME, "impressions", settings.raw_data_dir / NAME)
    assert names.parse(settings.feed, file.name, DAY) == names.LogFileName(
        "impressions", DAY, 12, names.Offsets(7, 9, 0)
    )


@pytest.mark.usefixtures("size")
def test_all_columns_arrive_in_their_types(warehouse, settings):
    deliver(
        settings.raw_data_dir,
        NAME,
        table(
            "impressions",
            ["Mozilla", None, ""],
            at=NOON,
            campaigns=["c-1", "", None],
            fraud=[True, False, None],
            prices=[scaled(123456, 6), scaled(5, 3), None],
        ),
    )

    assert ingest(warehouse, settings).loaded == 1

    columns = "file_hour, event_at, user_agent, campaign_id, is_fraud, price, served_at"
    query = f"SELECT {columns} FROM raw.impression_logs ORDER BY event_at"
    assert warehouse.execute(query).fetchall() == [
        (12, at(0), "Mozilla", "c-1", True, Decimal("123.456"), at(0)),
        (12, at(1), None, "", False, Decimal("-0.5"), at(1)),
        (12, at(2), "", None, None, None, at(2)),
    ]


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize(
    ("parts", "value"),
    [
        (scaled(0, 0), "0"),
        (scaled(0, 1), "0"),
        (scaled(1, 1), "-1"),
        (scaled(1456, 6), "1.456"),
        (scaled(1, 24), "0.000000000001"),
        (scaled(99_999_999, 4), "999999.99"),
        (scaled(999_999_999_999, 4), "9999999999.99"),
        (scaled(10**15, 56), "0.0000000000001"[:0] or None),
        (scaled(10**18, 56), "0.0000000001"),
        (scaled(-1, 0), str(2**64 - 1)),
        (scaled(0, 2, hi=1), str(Decimal(2**64) / 10)),
        (scaled(-1, 57, hi=-1), None),
        (scaled(7 * 10**16, 57), "-0.000000000007"),
    ],
)
def test_a_decimal_in_parts_is_exact_or_its_file_is_refused(warehouse, settings, parts, value):
    deliver(
        settings.raw_data_dir,
        FILE,
        table("impressions", ["a"], at=NOON, prices=[parts]),
    )

    result = ingest(warehouse, settings)

    if value is None:
        assert [rejection.reason for _, rejection in result.quarantined] == ["corrupt_data"]
    else:
        assert warehouse.execute("SELECT price FROM raw.impression_logs").fetchall() == [
            (Decimal(value),)
        ]


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize(
    ("price", "value"),
    [
        (scaled(123456, 6), "0.123456"),
        (scaled(5, 3), "-0.0005"),
        (scaled(1, 18), "0.000000000001"),
        (scaled(1, 20), None),
        (Decimal("1.234567890"), "0.00123456789"),
        (Decimal("1.2345678901"), None),
        (7, "0.007"),
    ],
)
def test_a_price_of_a_thousand_is_divided_exactly_or_its_file_is_refused(
    warehouse, settings, tmp_path, price, value
):
    text = FEED.replace(
        "{path: cost.price, type: decimal}", "{path: cpm, type: decimal, per: mille}"
    )
    settings = load_settings(**{**dict(settings), "feed": write_feed(tmp_path, text)})
    type_ = PRICE if isinstance(price, dict) else None
    events = table("impressions", ["a"], at=NOON)
    deliver(settings.raw_data_dir, FILE, events.append_column("cpm", pa.array([price], type_)))

    result = ingest(warehouse, settings)

    if value is None:
        assert [rejection.reason for _, rejection in result.quarantined] == ["corrupt_data"]
    else:
        assert warehouse.execute("SELECT price FROM raw.impression_logs").fetchall() == [
            (Decimal(value),)
        ]


def test_what_only_one_kind_of_event_has_is_a_column_of_its_table_alone(warehouse, settings):
    ingest(warehouse, settings)

    described = {
        table: {name for name, *_ in warehouse.execute(f"DESCRIBE {table}").fetchall()}
        for table in ("raw.impression_logs", "raw.click_logs")
    }
    assert "total_cost" in described["raw.impression_logs"] - described["raw.click_logs"]
    assert "shown_at" in described["raw.click_logs"] - described["raw.impression_logs"]
    assert "price" in described["raw.impression_logs"] & described["raw.click_logs"]


@pytest.mark.usefixtures("size")
def test_a_refused_file_keeps_its_path_in_quarantine_and_on_its_way_back(warehouse, settings):
    other = table("clicks", ["a"], at=NOON)
    path = deliver(settings.raw_data_dir, FILE, other)

    ((name, rejection),) = ingest(warehouse, settings).quarantined

    assert (name, rejection.reason) == (FILE, "wrong_kind")
    assert not path.exists()
    assert quarantine.retry(settings) == [name]
    assert path.exists()


def test_a_link_in_the_place_of_a_folder_is_not_followed(warehouse, settings, tmp_path):
    outside = tmp_path / "outside"
    deliver(outside, "12/imp-a.parquet", table("impressions", ["secret"], at=NOON))
    (settings.raw_data_dir / "2022/05").mkdir(parents=True)
    (settings.raw_data_dir / "2022/05/26").symlink_to(outside)

    assert ingest(warehouse, settings).loaded == 0
    assert (outside / "12/imp-a.parquet").exists()


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array([1], pa.int64()), "wrong_type"),
        (pa.array([{"a": "x"}]), "wrong_type"),
        (None, "missing_column"),
    ],
)
def test_a_required_column_must_be_there_and_of_its_type(warehouse, settings, column, reason):
    content = table("impressions", ["a"], at=NOON).drop(["ua"])
    if column is not None:
        content = content.append_column("ua", column)
    deliver(settings.raw_data_dir, FILE, content)

    ((_, rejection),) = ingest(warehouse, settings).quarantined

    assert rejection.reason == reason


@pytest.mark.usefixtures("size")
def test_files_of_different_layouts_are_read_side_by_side(warehouse, settings):
    whole = table("impressions", ["whole"], at=NOON)
    deliver(settings.raw_data_dir, FILE, whole)
    deliver(
        settings.raw_data_dir,
        "2022/05/26/12/imp-b.parquet",
        whole.drop(["cost", "event_ts"]).set_column(0, "ua", pa.array(["less"])),
    )
    wider = whole.set_column(
        whole.schema.names.index("served"), "served", pa.array([10**9], pa.int64())
    )
    deliver(settings.raw_data_dir, "2022/05/26/12/imp-c.parquet", wider)
    millis = whole.set_column(0, "event_ts", whole["event_ts"].cast(pa.timestamp("ms")))
    deliver(settings.raw_data_dir, "2022/05/26/12/imp-d.parquet", millis)
    for name, type_ in (("e", pa.timestamp("ns")), ("f", pa.timestamp("ns", "UTC"))):
        nanos = whole.set_column(0, "event_ts", whole["event_ts"].cast(type_))
        deliver(settings.raw_data_dir, f"2022/05/26/12/imp-{name}.parquet", nanos)

    assert ingest(warehouse, settings).loaded == 6

    assert warehouse.execute(
        "SELECT user_agent, event_at, epoch(served_at)::BIGINT FROM raw.impression_logs "
        "ORDER BY file_id"
    ).fetchall() == [
        ("whole", at(0), NOON.timestamp()),
        ("less", None, NOON.timestamp()),
        ("whole", at(0), 10**9),
        *[("whole", at(0), NOON.timestamp())] * 3,
    ]


@pytest.mark.parametrize(
    "name",
    [
        "2022/05/26/24/imp-a.parquet",
        "2022/13/26/12/imp-a.parquet",
        "imp-a.parquet",
        "2022/05/26/12/imp-9_7.parquet",
        f"2022/05/26/12/imp-1_{10**30}.parquet",
    ],
)
def test_a_path_that_says_no_hour_is_refused(settings, name):
    with pytest.raises(Rejection):
        names.parse(settings.feed, name, DAY)


def test_the_feed_file_is_read_once_and_frozen(tmp_path):
    feed = load(write_feed(tmp_path))

    assert feed is load(tmp_path / "feed.yaml")
    with pytest.raises(ValueError, match="frozen"):
        feed.timezone = "UTC"
    assert FEED in (tmp_path / "feed.yaml").read_text()


# ---- a feed file that gains a column -------------------------------------------------------------


@pytest.fixture
def gained(settings, tmp_path):
    """The same settings, with a feed file that has one column more."""
    (tmp_path / "more").mkdir()
    more = FEED + "  order: {path: slot, type: string}\n"
    return load_settings(**{**dict(settings), "feed": write_feed(tmp_path / "more", more)})


def test_the_tables_follow_the_feed_and_old_files_are_named(warehouse, settings, gained):
    deliver(settings.raw_data_dir, FILE, table("impressions", ["a"], at=NOON))
    ingest(warehouse, settings)
    deliver(
        settings.raw_data_dir, "2022/05/26/13/imp-b.parquet", table("impressions", ["b"], at=NOON)
    )

    ingest(warehouse, gained)

    query = 'SELECT user_agent, "order" FROM raw.impression_logs ORDER BY ALL'
    assert warehouse.execute(query).fetchall() == [("a", None), ("b", "x")]
    (outdated,) = Ledger(warehouse).outdated(gained.feed)
    assert outdated.file_name == FILE


@pytest.mark.usefixtures("size")
@pytest.mark.parametrize("path", ["path", "file_id", "file_date", "hour_starts_at", "rows"])
def test_a_column_may_be_named_as_what_is_known_of_a_file(warehouse, settings, tmp_path, path):
    feed = FEED.replace("path: campaign,", f"path: {path},")
    settings = load_settings(**{**dict(settings), "feed": write_feed(tmp_path, feed)})
    content = table("impressions", ["a"], at=NOON, campaigns=["c-7"])
    names_there = [path if name == "campaign" else name for name in content.column_names]
    deliver(settings.raw_data_dir, FILE, content.rename_columns(names_there))

    assert ingest(warehouse, settings).loaded == 1
    found = warehouse.execute("SELECT campaign_id FROM raw.impression_logs").fetchall()
    assert found == [("c-7",)]


@pytest.mark.parametrize("is_archived", [False, True])
def test_old_files_are_read_again_where_somebody_asks_for_it(
    warehouse, settings, gained, is_archived
):
    path = deliver(settings.raw_data_dir, NAME, table("impressions", ["a", "b", "c"], at=NOON))
    ingest(warehouse, settings)
    if is_archived:
        landing.archive(settings, landing.scan(places.landing(settings), settings.feed)[0], DAY)
    before = Notes(warehouse).of("raw.impression_logs")

    result = Ingest(warehouse, gained, "impressions", DayRange(DAY, DAY), "run", again=True).run()

    assert (result.loaded, result.quarantined) == (1, [])
    query = 'SELECT user_agent, "order" FROM raw.impression_logs ORDER BY ALL'
    assert warehouse.execute(query).fetchall() == [("a", "x"), ("b", "x"), ("c", "x")]
    assert Ledger(warehouse).outdated(gained.feed) == []
    assert Notes(warehouse).of("raw.impression_logs").keys() == before.keys()
    assert Notes(warehouse).of("raw.impression_logs") != before
    assert path.exists() != is_archived


def test_a_file_that_can_no_longer_be_read_keeps_its_events(warehouse, settings):
    deliver(settings.raw_data_dir, FILE, table("impressions", ["a"], at=NOON))
    ingest(warehouse, settings)
    wrong = FEED + "  slot: {path: slot, type: integer}\n"
    other = load_settings(**{**dict(settings), "feed": write_feed(settings.data_dir.parent, wrong)})

    result = Ingest(warehouse, other, "impressions", DayRange(DAY, DAY), "run", again=True).run()

    assert (result.loaded, result.quarantined) == (0, [])
    assert warehouse.execute("SELECT user_agent FROM raw.impression_logs").fetchall() == [("a",)]
    assert [row.status for row in Ledger(warehouse).of_days(DayRange(DAY, DAY))] == ["loaded"]


def test_a_column_of_another_type_is_told_and_nothing_changes(warehouse, settings, tmp_path):
    deliver(settings.raw_data_dir, FILE, table("impressions", ["a"], at=NOON))
    ingest(warehouse, settings)
    (tmp_path / "more").mkdir()
    other = FEED.replace("campaign, type: string", "campaign, type: integer")
    changed = load_settings(**{**dict(settings), "feed": write_feed(tmp_path / "more", other)})

    with pytest.raises(UserError, match=r"raw.impression_logs.campaign_id is VARCHAR"):
        ingest(warehouse, changed)


def test_the_ledger_is_there_with_its_tables_or_not_at_all(warehouse, settings):
    # A kill between two of the tables would be the same, but this happens each time.
    warehouse.execute("CREATE SCHEMA raw; CREATE TABLE raw.click_logs (campaign_id INTEGER)")

    with pytest.raises(UserError, match=r"raw.click_logs.campaign_id is INTEGER"):
        Ledger.create(warehouse, settings.feed)

    assert not Ledger.exists(warehouse)
