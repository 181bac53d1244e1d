from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from time import perf_counter

import pytest

from adtech_assets.errors import UserError
from adtech_assets.sample.operational import (
    CampaignStatistics,
    create_advertisers,
    create_batch,
    create_campaigns,
    create_clicks,
    create_impressions,
    reset,
    statistics,
)

DAY = date(2022, 5, 26)


def now():
    return datetime.now(tz=UTC).replace(tzinfo=None)


@pytest.fixture
def campaign_id(database):
    [advertiser_id] = create_advertisers(database)
    [campaign_id] = create_campaigns(database, advertiser_id)
    return campaign_id


def times(connection, table):
    return [at for (at,) in connection.execute(f"SELECT created_at FROM {table} ORDER BY id")]


def everything(connection):
    return [
        connection.execute(query).fetchall()
        for query in (
            "SELECT id, name FROM advertiser ORDER BY 1",
            "SELECT id, name, bid, budget, start_date, end_date FROM campaign ORDER BY 1",
            "SELECT * FROM impressions ORDER BY 1",
            "SELECT * FROM clicks ORDER BY 1",
        )
    ]


def test_advertisers_get_names_and_their_ids_come_back(database):
    ids = create_advertisers(database, 3)

    rows = database.execute("SELECT id, name FROM advertiser ORDER BY id").fetchall()
    assert ids == [1, 2, 3] == [row[0] for row in rows]
    assert all(len(name.split()) == 2 for _, name in rows)


def test_campaigns_have_plausible_money_and_a_flight_around_today(database):
    [advertiser_id] = create_advertisers(database)

    ids = create_campaigns(database, advertiser_id, 50)

    rows = database.execute(
        "SELECT id, bid, budget, start_date, end_date, advertiser_id FROM campaign ORDER BY id"
    ).fetchall()
    assert ids == [row[0] for row in rows]
    for _, bid, budget, start_date, end_date, owner in rows:
        assert Decimal("0.50") <= bid <= 5
        assert 50 <= budget <= 500
        assert start_date < now().date() < end_date
        assert owner == advertiser_id


def test_a_campaign_of_an_unknown_advertiser_is_refused(database):
    with pytest.raises(UserError, match="no advertiser with id 4711"):
        create_campaigns(database, 4711)


def test_impressions_spread_over_the_last_seven_days_by_default(database, campaign_id):
    create_impressions(database, campaign_id, 5000)

    created = times(database, "impressions")
    assert len(created) == 5000
    assert created == sorted(created)
    assert now() - timedelta(days=7, minutes=1) < created[0] < now() - timedelta(days=6)
    assert now() - timedelta(days=1) < created[-1] <= now()


def test_impressions_spread_over_the_last_days_asked_for(database, campaign_id):
    create_impressions(database, campaign_id, 1000, days=30)

    created = times(database, "impressions")
    assert now() - timedelta(days=30, minutes=1) < created[0] < now() - timedelta(days=25)


def test_impressions_fill_the_days_asked_for_and_no_other(database, campaign_id):
    create_impressions(database, campaign_id, 1000, first_day=DAY, last_day=DAY + timedelta(days=1))

    assert {at.date() for at in times(database, "impressions")} == {DAY, DAY + timedelta(days=1)}


def test_no_event_lies_in_the_future(database, campaign_id):
    today = now().date()

    create_impressions(
        database, campaign_id, 1000, first_day=today, last_day=today + timedelta(days=9)
    )
    create_clicks(database, campaign_id, 1.0)

    assert max(times(database, "impressions") + times(database, "clicks")) <= now()


def test_evenings_are_busier_than_nights(database, campaign_id):
    create_impressions(database, campaign_id, 5000, first_day=DAY, last_day=DAY)

    hours = [at.hour for at in times(database, "impressions")]
    assert sum(18 <= hour < 22 for hour in hours) > 3 * sum(1 <= hour < 5 for hour in hours)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"days": 0}, "at least 1"),
        ({"days": 3, "first_day": DAY}, "not both"),
        ({"first_day": DAY, "last_day": DAY - timedelta(days=1)}, "after the last day"),
        ({"first_day": date(2999, 1, 1)}, "after the last day or today"),
        ({"count": -1}, "cannot be -1"),
    ],
)
def test_a_period_that_cannot_be_is_refused(database, campaign_id, options, message):
    with pytest.raises(UserError, match=message):
        create_impressions(database, campaign_id, **options)


def test_impressions_of_an_unknown_campaign_are_refused(database):
    with pytest.raises(UserError, match="no campaign with id 4711"):
        create_impressions(database, 4711)


def test_clicks_are_the_ratio_of_the_campaigns_own_impressions(database):
    [advertiser_id] = create_advertisers(database)
    mine, other = create_campaigns(database, advertiser_id, 2)
    create_impressions(database, mine, 250)
    create_impressions(database, other, 1000)

    assert create_clicks(database, mine, 0.1) == 25
    assert database.execute("SELECT campaign_id, count(*) FROM clicks GROUP BY 1").fetchall() == [
        (mine, 25)
    ]


def test_each_click_follows_an_impression_within_minutes(database, campaign_id):
    create_impressions(database, campaign_id, 200)
    create_clicks(database, campaign_id, 1.0)

    [(unfounded,)] = database.execute(
        "SELECT count(*) FROM clicks WHERE NOT EXISTS (SELECT FROM impressions WHERE"
        " clicks.created_at - impressions.created_at BETWEEN '0' AND interval '2 minutes')"
    ).fetchall()
    assert unfounded == 0
    assert not set(times(database, "clicks")) & set(times(database, "impressions"))


def test_an_impression_of_this_moment_is_not_clicked_on_in_the_future(database, campaign_id):
    database.execute(
        "INSERT INTO impressions (campaign_id, created_at) VALUES (%s, %s)", [campaign_id, now()]
    )

    create_clicks(database, campaign_id, 1.0)

    assert times(database, "clicks")[0] <= now()


@pytest.mark.parametrize("ratio", [-0.1, 1.1, float("nan")])
def test_a_ratio_outside_zero_to_one_is_refused(database, campaign_id, ratio):
    create_impressions(database, campaign_id)

    with pytest.raises(UserError, match="0 to 1"):
        create_clicks(database, campaign_id, ratio)


def test_clicks_without_impressions_are_refused(database, campaign_id):
    with pytest.raises(UserError, match="no impressions"):
        create_clicks(database, campaign_id)


def test_a_batch_multiplies_campaigns_and_events(database):
    batch = create_batch(database, advertisers=2, campaigns=3, impressions=100, ctr=0.1)

    totals = statistics(database)
    assert (len(batch.advertiser_ids), len(batch.campaign_ids)) == (2, 6)
    assert (totals.advertisers, totals.campaigns) == (2, 6)
    assert (totals.impressions, totals.clicks) == (batch.impressions, batch.clicks) == (600, 60)
    assert {row.impressions for row in totals.by_campaign} == {100}
    assert {row.clicks for row in totals.by_campaign} == {10}


def test_a_batch_of_given_days_stays_within_them_and_in_flight(database):
    last_day = DAY + timedelta(days=2)

    create_batch(database, impressions=300, ctr=1.0, first_day=DAY, last_day=last_day)

    created = times(database, "impressions") + times(database, "clicks")
    assert DAY <= min(created).date() <= max(created).date() <= last_day
    flights = database.execute("SELECT max(start_date), min(end_date) FROM campaign").fetchone()
    assert flights[0] <= DAY <= last_day <= flights[1]


def test_a_batch_without_impressions_has_no_clicks_either(database):
    batch = create_batch(database, impressions=0)

    assert (batch.impressions, batch.clicks) == (0, 0)


def test_the_same_seed_gives_the_same_rows(database):
    def generated(seed):
        reset(database)
        create_batch(database, first_day=DAY, last_day=DAY, seed=seed)
        return everything(database)

    assert generated(1) == generated(1)
    assert generated(1) != generated(2)


def test_an_empty_database_has_zeros_and_no_ctr(database):
    totals = statistics(database)

    assert (totals.advertisers, totals.campaigns, totals.impressions, totals.clicks) == (0, 0, 0, 0)
    assert totals.ctr is None
    assert totals.by_campaign == ()


def test_statistics_show_every_campaign_and_count_events_of_unknown_ones(database):
    database.execute("INSERT INTO advertiser (name) VALUES ('Otter Toys')")
    database.execute(
        "INSERT INTO campaign (name, bid, budget, advertiser_id) VALUES"
        " ('Owned', 1, 50, 1), ('Free', 1, 50, NULL), ('Orphan', 1, 50, 99)"
    )
    database.execute("INSERT INTO impressions (campaign_id) VALUES (1), (1), (NULL), (99)")
    database.execute("INSERT INTO clicks (campaign_id) VALUES (1), (2), (99)")

    totals = statistics(database)

    assert totals.by_campaign == (
        CampaignStatistics(1, "Owned", "Otter Toys", impressions=2, clicks=1, ctr=0.5),
        CampaignStatistics(2, "Free", None, impressions=0, clicks=1, ctr=1.0),
        CampaignStatistics(3, "Orphan", None, impressions=0, clicks=0, ctr=None),
    )
    assert (totals.unknown_impressions, totals.unknown_clicks) == (2, 1)
    assert (totals.impressions, totals.clicks, totals.ctr) == (4, 3, 0.75)


def test_reset_deletes_everything_and_starts_ids_again(database):
    create_batch(database)

    reset(database)

    assert everything(database) == [[], [], [], []]
    assert create_advertisers(database) == [1]


def test_a_reset_that_is_rolled_back_changes_nothing(database):
    create_batch(database, seed=1)
    before = everything(database)

    with database.transaction(force_rollback=True):
        reset(database)

    assert everything(database) == before
    assert create_advertisers(database) == [3]


def test_a_hundred_thousand_impressions_take_seconds(database, campaign_id):
    started = perf_counter()

    create_impressions(database, campaign_id, 100_000)

    assert perf_counter() - started < 10
