"""What has changed from week to week, counted once more in plain Python from the files.

Two weeks with the last days of the week before them and the first day of the week after, around the
day of 25 hours: campaigns, domains and deals rise, fall, come and go.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange
from adtech_assets.sample.log_files import write_log_file
from adtech_assets_tests.end_to_end.recounted_log_marts import REASONS, ZONE, logged_events
from adtech_assets_tests.end_to_end.recounted_movers import DIMENSIONS, MARTS, fct_weekly_movers
from adtech_assets_tests.end_to_end.test_log_marts import Pipeline
from adtech_assets_tests.feed.deliveries import rewrite

if TYPE_CHECKING:
    from adtech_assets.contract import Kind

FIRST_WEEK, SECOND_WEEK, WEEK_AFTER = date(2022, 10, 24), date(2022, 10, 31), date(2022, 11, 7)
"""Mondays. The Sunday between the first two is the day of 25 hours."""

DAYS = DayRange(FIRST_WEEK - timedelta(days=5), WEEK_AFTER)
HOURS = (1, 12, 23)
"""Files of a day, by the local hours of their names; the first and last are at midnight UTC."""
WITHOUT = {
    FIRST_WEEK + timedelta(days=1): "rtb_vars",
    FIRST_WEEK + timedelta(days=2): "publisher_domain_normalized",
}
"""Columns that the files of a day do not have."""
UNRATED = FIRST_WEEK + timedelta(days=3)
"""The day on which the deal `falling` costs what has no rate of euros."""

MOST_MEMBERS = 3
EVENTS: dict[Kind, int] = {"impressions": 16, "clicks": 4}
"""Of a file."""
STEADY, FALLING, GONE, NEW, ENTERED_LATE, NOWHERE = 1, 2, 3, 4, 50, 99
CAMPAIGNS = {
    STEADY: (4, 4), FALLING: (4, 1), GONE: (6, 0), NEW: (0, 9), ENTERED_LATE: (2, 8),
    NOWHERE: (1, 1), None: (1, 1),
}  # fmt: skip
DOMAINS = {
    "falling.example": (4, 1), "gone.example": (6, 0), "new.example": (0, 4),
    "Rising.Example.": (1, 3), "rising.example": (0, 2), " ": (1, 1), None: (1, 1),
}  # fmt: skip
DEALS = {None: (9, 8), "falling": (4, 1), "gone": (6, 0), "new": (0, 6), "rising": (1, 6)}
"""How frequent each is in the first week, and in the second."""

ROWS = f"""
INSERT INTO advertiser (id, name) VALUES (1, 'Acme');
INSERT INTO campaign (id, name, bid, budget, advertiser_id) VALUES
    ({STEADY}, 'Steady', 1, 100, 1), ({FALLING}, 'Falling', 1, 100, 1),
    ({GONE}, 'Gone', 1, 100, 1), ({NEW}, 'New', 1, 100, 1);
"""
ENTER_LATE = f"INSERT INTO campaign (id, name, bid, budget) VALUES ({ENTERED_LATE}, 'Late', 1, 9)"


class Weeks(Pipeline):
    """A feed of some weeks, and what must come of it."""

    def __init__(self, settings, source):
        super().__init__(settings, source, names=MARTS)
        with source.connect() as connection:
            create_schema(connection)
            connection.execute(ROWS)
        for day in DAYS:
            for hour in HOURS:
                self.deliver(day, hour, "first")

    def deliver(self, day, hour, label):
        """Files of an hour; a third of their events are of the hours around it, or at an edge."""
        rng = random.Random(f"{day} {hour} {label}")  # noqa: S311
        hour_at = datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)
        for kind, events in EVENTS.items():
            path = self.settings.raw_data_dir / f"{kind}_{label}_{day:%Y%m%d}{hour:02}.parquet"
            starts = [
                int(hour_at.timestamp() + 3600 * rng.choice((-1, 0, 0, 0, 0, 1))) * 1000
                for _ in range(events)
            ]
            write_log_file(
                path,
                kind,
                user_agents=rng.choices(list(REASONS), k=events),
                creation_times_ms=[
                    start + rng.choice((0, 3_599_999, *rng.sample(range(3_600_000), 4)))
                    for start in starts
                ],
                campaign_ids=_chosen(rng, CAMPAIGNS, day, events),
                is_fraud=rng.choices((True, False, None), k=events),
            )
            columns = _places(path, rng, day)
            missing = [name for name in [WITHOUT.get(day)] if name]
            kept = {name: values for name, values in columns.items() if name not in missing}
            rewrite(path, columns=kept, without=missing)

    def movers(self):
        """The mart as it is built."""
        return self.marts()["fct_weekly_movers"]

    def recounted(self):
        """The mart as the files and the campaigns of the source have it."""
        folder = self.settings.raw_data_dir
        log = list(logged_events(folder, self.loaded, ZONE))
        with self.source.connect(read_only=True) as connection:
            known = {id_ for (id_,) in connection.execute("SELECT id FROM campaign")}
        newest = max(path.stem[-10:] for path in folder.iterdir())
        newest_at = datetime.strptime(newest, "%Y%m%d%H").replace(tzinfo=ZONE).astimezone(UTC)
        first, end = min(event.hour.date() for event in log), newest_at.date()
        full_days = [first + timedelta(days=n) for n in range((end - first).days)]
        return sorted(fct_weekly_movers(log, known, full_days, MOST_MEMBERS))


def _chosen(rng, frequencies, day, number):
    """Members of a day. What comes or goes is not there on the Monday between the weeks."""
    if day == SECOND_WEEK:
        weights = [min(weeks) for weeks in frequencies.values()]
    else:
        weights = [weeks[day > SECOND_WEEK] for weeks in frequencies.values()]
    return rng.choices(list(frequencies), weights, k=number)


def _places(path, rng, day):
    """Columns of domains and deals for the events of a file."""
    bought = pq.read_table(path)["rtb_vars"]
    rows = bought.to_pylist()
    for row, deal in zip(rows, _chosen(rng, DEALS, day, len(rows)), strict=True):
        row["deal"] = deal
        if deal == "falling" and day == UNRATED:
            row["campaign_currency_to_eur_rate"] = None
    domains = _chosen(rng, DOMAINS, day, len(rows))
    return {
        "publisher_domain_normalized": pa.array(domains, pa.string()),
        "rtb_vars": pa.array(rows, bought.type),
    }


def _sorts(movers):
    """Which dimensions have members that come, go and stay; and what is known of costs."""
    for dimension, _, _, now, before, *_, cost, _ in movers:
        yield dimension, "comes" if not before else "goes" if not now else "stays"
        if before:
            yield "any", "costs" if cost else "has no rate"


@pytest.fixture
def weeks(settings, source):
    weeks = Weeks(settings.model_copy(update={"most_members": MOST_MEMBERS}), source)
    weeks.run(DAYS.first, DAYS.last)
    return weeks


def test_movers_equal_a_recount_before_and_after_late_files_whichever_way_they_are_built(weeks):
    movers = weeks.movers()
    assert movers == weeks.recounted()
    sorts = {(dimension, sort) for dimension in DIMENSIONS for sort in ("comes", "goes", "stays")}
    assert sorts | {("any", "costs"), ("any", "has no rate")} <= set(_sorts(movers))

    # One whose day is in the first week, and one whose events are in both.
    weeks.deliver(FIRST_WEEK + timedelta(days=4), 9, "late")
    weeks.deliver(SECOND_WEEK, 0, "late")
    with weeks.source.connect() as connection:
        connection.execute(ENTER_LATE)
    weeks.run(FIRST_WEEK + timedelta(days=4), SECOND_WEEK)
    changed = weeks.movers()
    assert changed != movers
    assert changed == weeks.recounted()

    weeks.dbt("--full-refresh")
    assert weeks.movers() == changed
