from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from adtech_assets.errors import UserError
from adtech_assets.publish import exports
from adtech_assets_tests.publish.exported import read
from adtech_assets_tests.publish.marts import Business, fill


@pytest.fixture
def published(ask):
    """The marts of all exports, published in no order."""
    ask("CREATE SCHEMA marts")
    ask(
        "CREATE TABLE marts.fct_campaign_ctr AS SELECT * FROM (VALUES "
        "(3, 'third', 0::bigint, 0::bigint, NULL::double precision), "
        "(1, 'first, \"quoted\"', 3::bigint, 1::bigint, 1 / 3::double precision), "
        "(2, 'Ærø\n', 10::bigint, 1::bigint, 0.1)) "
        "AS t (campaign_id, campaign_name, impressions, clicks, ctr)"
    )
    ask(
        "CREATE TABLE marts.fct_daily_summary AS SELECT * FROM (VALUES "
        "(DATE '2022-05-27', 10::bigint, 30::bigint, 1::double precision), "
        "(DATE '2022-05-26', 14::bigint, 0::bigint, 0)) AS t (event_date, impressions, clicks, ctr)"
    )
    ask(
        "CREATE TABLE marts.fct_campaign_billing_monthly AS SELECT * FROM (VALUES "
        "(2, 9999999999999999999999999.123456789012::numeric(38, 12), NULL::timestamp), "
        "(1, NULL, TIMESTAMP '2022-06-01 09:00:00.5')) AS t (campaign_id, total_cost, closed_at)"
    )


@pytest.mark.usefixtures("published")
def test_a_mart_is_read_in_the_order_of_its_key(target):
    campaigns = read(target, "campaign_ctr")
    days = read(target, "daily_summary")

    assert campaigns.rows() == [
        (1, 'first, "quoted"', 3, 1, 1 / 3),
        (2, "Ærø\n", 10, 1, 0.1),
        (3, "third", 0, 0, None),
    ]
    assert days.rows() == [(date(2022, 5, 26), 14, 0, 0.0), (date(2022, 5, 27), 10, 30, 1.0)]
    assert days.columns == ["event_date", "impressions", "clicks", "ctr"]


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("export", exports.EXPORTS)
def test_csv_and_parquet_hold_the_same(target, tmp_path, export):
    exports.export(target, [export], tmp_path / "exports", exports.FILE_FORMATS)

    frame = read(target, export)
    from_csv = pl.read_csv(tmp_path / "exports" / f"{export}.csv", schema=frame.schema)
    from_parquet = pl.read_parquet(tmp_path / "exports" / f"{export}.parquet")
    assert_frame_equal(from_csv, frame, check_exact=True)
    assert_frame_equal(from_parquet, frame, check_exact=True)


@pytest.mark.usefixtures("published")
def test_the_csv_is_plain(target, tmp_path):
    exports.export(target, ["daily_summary"], tmp_path, ["csv"])
    assert (tmp_path / "daily_summary.csv").read_text() == (
        "event_date,impressions,clicks,ctr\n2022-05-26,14,0,0.0\n2022-05-27,10,30,1.0\n"
    )


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("suffix", exports.FILE_FORMATS)
def test_the_same_mart_gives_the_same_bytes(target, ask, tmp_path, suffix):
    exports.export(target, ["campaign_ctr"], tmp_path / "one", [suffix])
    ask("CREATE TABLE reordered AS SELECT * FROM marts.fct_campaign_ctr ORDER BY ctr")
    ask("DELETE FROM marts.fct_campaign_ctr")
    ask("INSERT INTO marts.fct_campaign_ctr SELECT * FROM reordered")
    exports.export(target, ["campaign_ctr"], tmp_path / "two", [suffix])

    one, two = (tmp_path / name / f"campaign_ctr.{suffix}" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("export", exports.EXPORTS)
def test_what_has_not_been_published_is_told(target, export):
    with pytest.raises(UserError, match=r"has not been published yet.*adtech backfill"):
        read(target, export)


@pytest.mark.usefixtures("published")
def test_an_empty_mart_gives_a_header(target, ask, tmp_path):
    ask("TRUNCATE marts.fct_daily_summary")
    exports.export(target, ["daily_summary"], tmp_path, ["csv"])
    assert (tmp_path / "daily_summary.csv").read_text() == "event_date,impressions,clicks,ctr\n"


@pytest.mark.parametrize("suffix", exports.FILE_FORMATS)
def test_a_write_that_fails_leaves_the_old_file(target, ask, folder, suffix):
    ask("CREATE SCHEMA marts")
    ask("CREATE TABLE marts.amounts AS SELECT 1::numeric(38,2) AS amount")
    exports.export(target, ["amounts"], folder, [suffix])
    path = folder / f"amounts.{suffix}"
    before = path.read_bytes()
    ask("ALTER TABLE marts.amounts ALTER amount TYPE numeric(40,2)")  # no file has so many digits

    with pytest.raises(ValueError, match="precision"):
        exports.export(target, ["amounts"], folder, [suffix])

    assert path.read_bytes() == before
    assert [file.name for file in folder.iterdir()] == [path.name]


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("suffix", exports.FILE_FORMATS)
def test_a_folder_that_cannot_be_written_is_told(target, tmp_path, suffix):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError, match="cannot be written"):
        exports.export(target, ["campaign_ctr"], tmp_path / "taken", [suffix])


# ---- any mart ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    """A folder that is not there yet."""
    return tmp_path / "exports"


@pytest.fixture
def marts(ask):
    """Marts of every type that is published, in no order; one of them empty."""
    ask("CREATE SCHEMA marts")
    ask(
        """
        CREATE TABLE marts.mart_campaign_kpis (
            spend numeric(38,2), campaign_name text, is_current boolean, campaign_id integer,
            at timestamp, start_date date, ctr float8, n bigint, id uuid,
            PRIMARY KEY (campaign_name, campaign_id)
        )
        """
    )
    ask(
        """
        INSERT INTO marts.mart_campaign_kpis VALUES
        (0.10, 'b', true, 2, '2022-05-26 23:59:59.999999', '2022-05-26', 1 / 3.0, 1,
            '422fa353-0f43-d5d2-22be-1cd07bba048c'),
        (NULL, 'b', NULL, 1, NULL, NULL, NULL, NULL, NULL),
        (99999999999999999999999999999999999.99, 'B', false, 3, '2022-05-26', '0001-01-01', 1e300,
            -1, NULL),
        (-0.01, '', true, 4, '2022-05-26 10:00', '9999-12-31', 0, 0, NULL)
        """
    )
    ask("CREATE TABLE marts.fct_empty (day date PRIMARY KEY, spend numeric(10,2), name text)")
    ask("CREATE TABLE marts.fct_campaign_ctr (campaign_id integer PRIMARY KEY)")
    ask("CREATE VIEW marts.somebodys_view AS SELECT 1 AS n")


@pytest.mark.usefixtures("marts")
def test_any_mart_is_read_by_its_key_whatever_the_server_sorts_like(target):
    frame = read(target, "mart_campaign_kpis")
    assert frame.select("campaign_name", "campaign_id").rows() == [
        ("", 4), ("B", 3), ("b", 1), ("b", 2),
    ]  # fmt: skip
    assert frame["spend"].to_list() == [
        Decimal("-0.01"),
        Decimal("99999999999999999999999999999999999.99"),
        None,
        Decimal("0.10"),
    ]
    assert frame.schema["spend"] == pl.Decimal(38, 2)


@pytest.mark.usefixtures("marts")
@pytest.mark.parametrize("mart", ["mart_campaign_kpis", "fct_empty"])
def test_csv_and_parquet_of_any_mart_hold_the_same(target, folder, mart):
    written = exports.export(target, [mart], folder, exports.FILE_FORMATS)

    frame = read(target, mart)
    assert written == {folder / f"{mart}.{suffix}": frame.height for suffix in ("csv", "parquet")}
    from_csv = pl.read_csv(folder / f"{mart}.csv", schema=frame.schema)
    assert_frame_equal(from_csv, frame, check_exact=True)
    assert_frame_equal(pl.read_parquet(folder / f"{mart}.parquet"), frame, check_exact=True)
    assert [file.suffix for file in sorted(folder.iterdir())] == [".csv", ".parquet"]


@pytest.mark.usefixtures("marts")
def test_an_empty_mart_gives_a_header_with_its_types(target, folder):
    exports.export(target, ["fct_empty"], folder, exports.FILE_FORMATS)
    assert (folder / "fct_empty.csv").read_text() == "day,spend,name\n"
    assert pl.read_parquet_schema(folder / "fct_empty.parquet") == {
        "day": pl.Date,
        "spend": pl.Decimal(10, 2),
        "name": pl.String,
    }


@pytest.mark.usefixtures("marts")
def test_all_marts_are_exported_each_under_its_name(target, folder):
    written = exports.export(target, ["all"], folder, ["csv"])
    assert [path.name for path in written] == [
        *("campaign_ctr.csv", "fct_empty.csv", "mart_campaign_kpis.csv"),
    ]


@pytest.mark.usefixtures("marts")
def test_a_mart_is_known_by_its_export_too(target, folder):
    names = ["campaign_ctr", "fct_campaign_ctr", "fct_empty"]
    written = exports.export(target, names, folder, ["csv"])
    assert [path.name for path in written] == ["campaign_ctr.csv", "fct_empty.csv"]


@pytest.mark.usefixtures("marts")
@pytest.mark.parametrize("name", ["nope", "somebodys_view", "a'b\"c"])
def test_an_unknown_mart_is_told_with_the_known_ones(target, folder, name):
    with pytest.raises(UserError) as told:
        exports.export(target, ["fct_empty", name], folder, ["csv"])
    assert str(told.value) == (
        f"There is no published mart {name}. "
        "Published are: fct_campaign_ctr, fct_empty, mart_campaign_kpis."
    )
    assert not folder.exists()


@pytest.mark.parametrize("name", ["all", "mart_campaign_kpis"])
def test_before_anything_is_published_any_mart_is_told(target, name):
    with pytest.raises(UserError, match=r"has not been published yet.*adtech backfill"):
        read(target, name)


def test_many_batches_are_one_file(target, ask, folder):
    ask("CREATE SCHEMA marts")
    ask("CREATE TABLE marts.many (n bigint PRIMARY KEY, text text)")
    ask("INSERT INTO marts.many SELECT n, repeat('x', 500) FROM generate_series(100000, 1, -1) n")

    exports.export(target, ["many"], folder, exports.FILE_FORMATS)

    from_csv = pl.read_csv(folder / "many.csv")
    assert from_csv["n"].to_list() == list(range(1, 100_001))
    assert_frame_equal(pl.read_parquet(folder / "many.parquet"), from_csv)


@pytest.mark.usefixtures("marts")
def test_a_page_is_the_first_rows_and_knows_how_many_there_are(target):
    (page,) = exports.read_pages(target, ["mart_campaign_kpis"], limit=2)
    assert page.frame["campaign_name"].to_list() == ["", "B"]
    assert page.rows == 4


@pytest.mark.parametrize(
    ("mart", "last", "before"),
    [
        ("fct_daily_summary", True, False),
        ("fct_traffic_quality_daily", False, True),
        ("fct_log_reconciliation_daily", True, True),
        ("fct_campaign_ctr", False, False),
    ],
)
def test_a_page_knows_its_days_that_were_not_over_for_what_it_counts(
    target, ask, mart, last, before
):
    with target.connect() as connection:
        fill(connection, Business(days=3, campaigns=1))
    for day, flags in (("2022-06-24", "false, true"), ("2022-06-23", "true, false")):
        ask(f"INSERT INTO marts.dim_dates VALUES ('', 1, false, {flags}, '{day}')")
    ask("INSERT INTO marts.dim_dates VALUES ('', 1, false, false, false, '2022-06-01')")
    (page,) = exports.read_pages(target, [mart])
    expected = [(before, date(2022, 6, 23)), (last, date(2022, 6, 24))]
    assert page.days_so_far == tuple(day for is_so_far, day in expected if is_so_far)


def test_marts_are_of_one_instant(target, ask):
    """Between the reading of two marts, somebody publishes both."""
    ask("CREATE SCHEMA marts")
    for mart in ("one", "two"):
        ask(f"CREATE TABLE marts.{mart} AS SELECT 1 AS number")
    with target.snapshot() as snapshot:
        first, second = exports._chosen(snapshot, ["one", "two"])
        [*_, one] = exports._tables(snapshot, first)
        ask("UPDATE marts.one SET number = 2; UPDATE marts.two SET number = 2")
        [*_, two] = exports._tables(snapshot, second)
    assert (one.to_pylist(), two.to_pylist()) == ([{"number": 1}], [{"number": 1}])
