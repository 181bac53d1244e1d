from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from adtech_assets.errors import UserError
from adtech_assets.serving import exports


@pytest.fixture
def published(ask):
    """Both marts, published in no order."""
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


@pytest.mark.usefixtures("published")
def test_a_mart_is_read_in_the_order_of_its_key(target):
    campaigns = exports.read(target, "campaign_ctr")
    days = exports.read(target, "daily_summary")

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
    frame = exports.read(target, export)
    for suffix in exports.FILE_FORMATS:
        exports.write(frame, tmp_path / "exports" / f"{export}.{suffix}")

    from_csv = pl.read_csv(tmp_path / "exports" / f"{export}.csv", schema=frame.schema)
    from_parquet = pl.read_parquet(tmp_path / "exports" / f"{export}.parquet")
    assert_frame_equal(from_csv, frame, check_exact=True)
    assert_frame_equal(from_parquet, frame, check_exact=True)


@pytest.mark.usefixtures("published")
def test_the_csv_is_plain(target, tmp_path):
    exports.write(exports.read(target, "daily_summary"), tmp_path / "d.csv")
    assert (tmp_path / "d.csv").read_text() == (
        "event_date,impressions,clicks,ctr\n2022-05-26,14,0,0.0\n2022-05-27,10,30,1.0\n"
    )


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("suffix", exports.FILE_FORMATS)
def test_the_same_mart_gives_the_same_bytes(target, ask, tmp_path, suffix):
    exports.write(exports.read(target, "campaign_ctr"), tmp_path / f"one.{suffix}")
    ask("CREATE TABLE reordered AS SELECT * FROM marts.fct_campaign_ctr ORDER BY ctr")
    ask("DELETE FROM marts.fct_campaign_ctr")
    ask("INSERT INTO marts.fct_campaign_ctr SELECT * FROM reordered")
    exports.write(exports.read(target, "campaign_ctr"), tmp_path / f"two.{suffix}")

    one, two = (tmp_path / f"{name}.{suffix}" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("export", exports.EXPORTS)
def test_what_has_not_been_published_is_told(target, export):
    with pytest.raises(UserError, match=r"has not been published yet.*adtech backfill"):
        exports.read(target, export)


@pytest.mark.usefixtures("published")
def test_an_empty_mart_gives_a_header(target, ask, tmp_path):
    ask("TRUNCATE marts.fct_daily_summary")
    exports.write(exports.read(target, "daily_summary"), tmp_path / "d.csv")
    assert (tmp_path / "d.csv").read_text() == "event_date,impressions,clicks,ctr\n"


@pytest.mark.parametrize(
    ("suffix", "unwritable"),
    [
        ("csv", pl.DataFrame({"n": [[1]]})),
        ("parquet", pl.DataFrame({"n": [{}]}, schema={"n": pl.Struct([])})),
    ],
)
def test_a_write_that_fails_leaves_the_old_file(tmp_path, suffix, unwritable):
    path = tmp_path / f"d.{suffix}"
    exports.write(pl.DataFrame({"n": [1]}), path)
    before = path.read_bytes()

    with pytest.raises(Exception, match=r"nested|no child field"):
        exports.write(unwritable, path)

    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", exports.FILE_FORMATS)
def test_a_folder_that_cannot_be_written_is_told(tmp_path, suffix):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError, match="cannot be written"):
        exports.write(pl.DataFrame({"n": [1]}), tmp_path / "taken" / f"d.{suffix}")
