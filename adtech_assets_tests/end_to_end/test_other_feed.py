"""A feed and a source unlike the sample's, from their files and tables to the report."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from adtech_assets.sample.log_files import USER_AGENTS
from adtech_assets.settings import load_settings
from adtech_assets.stores.outputs import REPORT_NAME
from adtech_assets.stores.postgres import Postgres
from adtech_assets_tests.end_to_end.conftest import Deployment
from adtech_assets_tests.other_feed import FEED, NOON, deliver, table, write_feed

if TYPE_CHECKING:
    from pathlib import Path

    from adtech_assets.settings import Settings

CHROME = USER_AGENTS[1]

OPERATIONAL = """
operational:
  advertiser: {table: shop.customers, columns: {id: customer_no, name: full name}}
  campaign:
    table: shop.campaigns
    columns:
      id: campaign_no
      log_campaign_id: reference
      bid: max_cpc
      advertiser_id: customer_no
  impressions: {table: events.shown, columns: {id: nr, created_at: shown_at}}
  clicks: {table: events.clicked, columns: {id: nr, created_at: clicked_at}}
"""

SOURCE = """
CREATE SCHEMA shop; CREATE SCHEMA events;
CREATE TABLE shop.customers
    (customer_no int, "full name" text, updated_at timestamp, created_at timestamp);
CREATE TABLE shop.campaigns (
    campaign_no int, name text, max_cpc numeric(10, 2), budget numeric(10, 2), start_date date,
    end_date date, customer_no int, updated_at timestamp, created_at timestamp, reference text
);
CREATE TABLE events.shown (nr int, campaign_id int, shown_at timestamp);
CREATE TABLE events.clicked (nr int, campaign_id int, clicked_at timestamp);
CREATE INDEX ON events.clicked (clicked_at);
INSERT INTO shop.customers VALUES (7, 'Acme', NULL, '2022-05-01');
INSERT INTO shop.campaigns VALUES
    (1, 'Spring', 0.5, 100, '2022-05-01', '2022-06-01', 7, NULL, '2022-05-01', 'c-1');
INSERT INTO events.shown SELECT n, 1, '2022-05-26 16:00' FROM generate_series(1, 10) AS n;
INSERT INTO events.clicked VALUES (1, 1, '2022-05-26 16:01');
"""


class Other(Deployment):
    """With the other feed."""

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {
            "ADTECH_FEED": str(self.folder / "feed.yaml"),
            "ADTECH_USER_AGENT": CHROME,
        }

    @property
    def settings(self) -> Settings:
        return load_settings(**{**dict(super().settings), "feed": self.folder / "feed.yaml"})


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    folder: Path = tmp_path_factory.mktemp("other")
    write_feed(folder, FEED + OPERATIONAL)
    found = Other(folder)
    found.raw_data.mkdir()
    agents = [CHROME] * 4 + ["curl/8.0"]
    landing = found.raw_data
    deliver(landing, "2022/05/26/12/imp-a-1_5.parquet", table("impressions", agents, at=NOON))
    deliver(landing, "2022/05/26/12/clk-a.parquet", table("clicks", [CHROME], at=NOON))
    later = NOON + timedelta(hours=1)
    deliver(landing, "2022/05/26/13/imp-b.parquet", table("impressions", agents[:2], at=later))
    deliver(landing, "2022/05/26/13/imp-c.parquet", table("clicks", ["wrong"], at=later))
    with Postgres.of(found.settings, "source").connect() as connection:
        connection.execute(SOURCE)
    found.adtech("backfill", "--from", "2022-05-26", "--to", "2022-05-26")
    return found


def test_the_counts_of_its_hours_are_loaded(deployment):
    assert deployment.query(
        "target",
        "SELECT datetime::text, impression_count, click_count FROM csv_data_task ORDER BY 1",
    ) == [
        {"datetime": "2022-05-26 12:00:00", "impression_count": 4, "click_count": 1},
        {"datetime": "2022-05-26 13:00:00", "impression_count": 2, "click_count": 0},
    ]
    assert (deployment.output / "2022-05-26.csv").read_text().splitlines()[1:] == [
        "2022-05-26,12,4,1",
        "2022-05-26,13,2,0",
    ]


def test_the_marts_are_of_its_events_and_tables(deployment):
    assert deployment.query(
        "target", "SELECT campaign_name, impressions, clicks FROM marts.fct_campaign_ctr"
    ) == [{"campaign_name": "Spring", "impressions": 10, "clicks": 1}]
    assert deployment.query("target", "SELECT advertiser_name FROM marts.dim_advertisers") == [
        {"advertiser_name": "Acme"}
    ]
    [counted] = deployment.query(
        "target",
        "SELECT sum(gross_impressions)::int AS gross, sum(valid_impressions)::int AS valid "
        "FROM marts.fct_user_agent_hourly",
    )
    assert counted == {"gross": 7, "valid": 6}


def test_its_events_find_their_campaign_by_the_name_that_the_log_has_for_it(deployment):
    assert deployment.query(
        "target",
        "SELECT campaign_id, gross_impressions, valid_impressions, valid_clicks, db_impressions, "
        "clicks_status, net_spend::text FROM marts.fct_campaign_traffic_daily",
    ) == [
        {
            "campaign_id": 1,
            "gross_impressions": 7,
            "valid_impressions": 6,
            "valid_clicks": 1,
            "db_impressions": 10,
            "clicks_status": "ok",
            "net_spend": "0.50",
        }
    ]


def test_its_own_columns_are_in_the_raw_tables(deployment):
    [row] = deployment.query(
        "warehouse",
        "SELECT DISTINCT campaign_id, served_at IS NOT NULL AS is_served FROM raw.impression_logs",
    )
    assert row == {"campaign_id": "c-1", "is_served": True}


def test_its_files_are_archived_under_their_paths_and_refused_ones_are_named(deployment):
    archived = deployment.data / "archive" / "impressions" / "2022-05-26"
    assert (archived / "2022/05/26/12/imp-a-1_5.parquet").is_file()
    status = json.loads(deployment.adtech("status", "--json"))
    assert status["files"] == {"loaded": 3, "duplicate": 0, "quarantined": 1}
    [refused] = status["quarantine"]
    assert (refused["file"], refused["reason"]) == ("2022/05/26/13/imp-c.parquet", "wrong_kind")


def test_the_report_is_written(deployment):
    assert "Spring" in (deployment.data / "exports" / REPORT_NAME).read_text(encoding="utf-8")


def test_checking_its_files_tells_what_they_would_be_counted_as(deployment):
    archived = deployment.data / "archive" / "impressions" / "2022-05-26"
    path = archived / "2022/05/26/12/imp-a-1_5.parquet"
    [found] = json.loads(deployment.adtech("feed", "check", str(path), "--json"))
    assert (found["kind"], found["day"], found["hour"], found["events"]) == (
        *("impressions", "2022-05-26", 12, 5),
    )
