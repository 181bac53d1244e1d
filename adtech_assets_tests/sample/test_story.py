"""The demo's sample data: one story in both sources, and what there is to be found in it."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from statistics import mean
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from adtech_assets.contract import KINDS
from adtech_assets.feed import names
from adtech_assets.rollup.classifier import Classifier
from adtech_assets.sample.story import AGENTS, OUTAGE_HOURS, Story
from adtech_assets_tests.sample_feed import SAMPLE

FIRST, LAST = date(2022, 5, 20), date(2022, 6, 2)
THIN_DAY, OUTAGE_DAY, ANOMALY_DAY = date(2022, 5, 27), date(2022, 5, 31), date(2022, 5, 29)
COPENHAGEN = "Europe/Copenhagen"


def story(first=FIRST, last=LAST, *, timezone=COPENHAGEN, user_agent="some user agent"):
    return Story(first, last, timezone=timezone, user_agent=user_agent, seed=1)


def logged(files):
    """Hour (UTC) and kind of each event in the files."""
    return Counter(
        (_hour(row["transaction_header"]["creation_time"]), names.kind_of(SAMPLE, path.name))
        for path in files
        for row in pq.read_table(path).to_pylist()
    )


def _hour(milliseconds):
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.replace(minute=0, second=0, microsecond=0, tzinfo=None)


def entered(database):
    """Hour (UTC) and kind of each event in the operational database."""
    return Counter(
        {
            (hour, kind): count
            for kind in KINDS
            for hour, count in database.execute(
                f"SELECT date_trunc('hour', created_at), count(*) FROM {kind} GROUP BY 1"
            ).fetchall()
        }
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return story().write_files(tmp_path_factory.mktemp("story"))


def test_both_sources_have_the_same_events_but_for_what_was_lost(database, told):
    story().write_source(database)
    missing, days = entered(database), Counter()
    missing.subtract(logged(told.files))
    assert min(missing.values()) == 0
    outage = {
        hour for hour, _ in missing if hour.date() == OUTAGE_DAY and hour.hour in OUTAGE_HOURS
    }
    assert len(outage) == len(OUTAGE_HOURS)
    for (hour, kind), events in missing.items():
        if hour not in outage:
            days[hour.date(), kind] += events
    for (day, kind), events in days.items():
        if day == THIN_DAY:
            total = sum(
                c for (h, k), c in entered(database).items() if (h.date(), k) == (day, kind)
            )
            assert events / total == pytest.approx(0.04, abs=0.005)
        else:
            assert events <= (3 if kind == "impressions" else 0)
    assert (told.thin_day, told.outage_day) == (THIN_DAY, OUTAGE_DAY)


def test_no_log_has_the_hours_whose_files_never_came(told):
    hours = {hour for hour, _ in logged(told.files) if hour.date() == OUTAGE_DAY}
    assert {hour.hour for hour in hours}.isdisjoint(OUTAGE_HOURS)
    assert len(hours) == 24 - len(OUTAGE_HOURS)


def test_one_campaign_is_clicked_twice_as_often_on_one_day(database, told):
    assert told.anomaly == ("Winter Launch", ANOMALY_DAY)
    story().write_source(database)
    rates = dict(
        database.execute(
            """
            SELECT impressions.day, clicks.count::float / impressions.count
            FROM (
                SELECT created_at::date AS day, count(*) FROM impressions WHERE campaign_id = 1
                GROUP BY 1
            ) AS impressions
            INNER JOIN (
                SELECT created_at::date AS day, count(*) FROM clicks WHERE campaign_id = 1
                GROUP BY 1
            ) AS clicks ON impressions.day = clicks.day
            """
        ).fetchall()
    )
    anomaly = rates.pop(ANOMALY_DAY)
    assert anomaly > 1.8 * max(rates.values())


def test_the_log_tells_fees_reach_and_fast_clicks_of_three_campaigns(database, told):
    story().write_source(database)
    names_by_id = dict(database.execute("SELECT id, name FROM campaign").fetchall())
    fees, firsts, fast = defaultdict(list), defaultdict(list), defaultdict(list)
    for path in told.files:
        for row in pq.read_table(path).to_pylist():
            campaign = names_by_id[row["banner"]["campaign_id"]]
            if names.kind_of(SAMPLE, path.name) == "clicks":
                created = row["transaction_header"]["creation_time"]
                fast[campaign].append(created - row["server_impression_time_ms"] < 1000)
                continue
            cost = row["rtb_vars"]["in_campaign_currency_with_all_fees"]["lo"]
            fees[campaign].append(1 - row["rtb_vars"]["in_campaign_currency"]["lo"] / cost)
            firsts[campaign].append(row["payload"]["uniqueness"]["is_campaign_unique"])

    def extreme(of, found):
        return found(of, key=lambda campaign: mean(of[campaign]))

    assert extreme(fees, max) == told.dear
    assert extreme(firsts, min) == told.narrow
    assert extreme(fast, max) == told.fast
    assert mean(fast[told.fast]) == pytest.approx(0.5, abs=0.15)


def test_campaigns_are_in_every_state(database):
    """Spend on the last day against an even spend of the budget, and the whole spend against it."""
    story().write_source(database)
    rows = database.execute(
        """
        SELECT
            name, bid * count(clicks.id) / budget,
            bid * count(clicks.id) / (
                budget / (end_date - start_date + 1) * (least(%s, end_date) - start_date + 1)
            )
        FROM campaign LEFT JOIN clicks ON clicks.campaign_id = campaign.id
        WHERE start_date <= %s
        GROUP BY campaign.id
        """,
        [LAST, LAST],
    ).fetchall()
    used = {name: float(share) for name, share, _ in rows}
    pacing = {name: float(share) for name, _, share in rows}
    assert pacing["Weekend Sale"] < 0.9 < pacing["Winter Launch"] < 1.1
    assert pacing["Early Bird Retargeting"] > 1.1
    assert used.pop("Anniversary Bundles") > 1
    assert max(used.values()) < 1
    assert "Spring Sign-ups" not in pacing


def test_a_few_percent_of_the_events_are_invalid_for_every_reason():
    classifier = Classifier()
    events = story().events
    reasons = Counter(
        "fraud" if event.is_fraud else classifier.classify(event.user_agent).invalid_reason
        for event in events
    )
    for reason in ("fraud", "crawler", "missing_user_agent", "non_browser"):
        assert 0.002 < reasons[reason] / len(events) < 0.04


def test_agents_are_of_many_browsers_and_all_classes_of_devices():
    known = [Classifier().classify(agent) for agent in AGENTS]
    assert {agent.device_class for agent in known} == {"desktop", "mobile", "tablet", "other"}
    assert len({agent.browser_family for agent in known if agent.invalid_reason is None}) > 5


@pytest.mark.parametrize(
    ("first", "timezone"),
    [
        (date(2022, 3, 25), COPENHAGEN),
        (date(2022, 10, 28), COPENHAGEN),
        (date(2022, 5, 26), "America/Los_Angeles"),
        (date(2022, 5, 26), "Asia/Kolkata"),
        (date(2022, 5, 26), "Pacific/Auckland"),
    ],
)
def test_events_and_files_are_of_the_days_of_the_story(tmp_path, first, timezone):
    last = first + timedelta(days=3)
    told = story(first, last, timezone=timezone)
    zone = ZoneInfo(timezone)
    for event in told.events:
        assert first <= event.at.date() <= last
        assert first <= event.at.astimezone(zone).date() <= last
    for path in told.write_files(tmp_path).files:
        name = names.parse(SAMPLE, path.name, last)
        assert first <= name.day <= last
        assert name.offsets is not None
        assert name.offsets.rows == pq.read_metadata(path).num_rows


def test_the_same_days_are_the_same_story(tmp_path, told):
    again = story().write_files(tmp_path)
    assert [path.name for path in again.files] == [path.name for path in told.files]
    assert all(
        one.read_bytes() == other.read_bytes()
        for one, other in zip(again.files, told.files, strict=True)
    )


def test_a_database_is_asked_whether_it_has_the_story_already(database):
    assert not story().is_in(database)
    story().write_source(database)
    assert story().is_in(database)
    assert not story(FIRST + timedelta(1), LAST + timedelta(1)).is_in(database)


def test_a_story_of_a_day_can_be_told(tmp_path, database):
    told = story(LAST, LAST)
    told.write_source(database)
    assert told.write_files(tmp_path).files


def test_a_user_agent_of_one_s_own_is_told_of_once():
    agents = {event.user_agent for event in story(user_agent="mine").events}
    assert agents == {"mine", *AGENTS}
    assert {event.user_agent for event in story(user_agent=None).events} == set(AGENTS)
