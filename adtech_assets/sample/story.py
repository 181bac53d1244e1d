"""Sample data for the demo, in which both sources tell one story.

The operational database and the log files have the same events, but for a day or two that a person
should find.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from adtech_assets.contract import SAMPLE_FEED, load
from adtech_assets.sample import profiles
from adtech_assets.sample.log_files import DELIVERY_MS, HOUR_MS, OFFSETS_PER_DAY, write_log_file
from adtech_assets.sample.names import Offsets, file_name
from adtech_assets.sample.operational import CLICK_WITHIN, copy_events
from adtech_assets.sample.rhythm import HOUR_WEIGHTS, random_numbers

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import psycopg

    from adtech_assets.contract import Feed, Kind

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Campaign:
    """What a campaign is made of. Days of the flight count from the story's first day."""

    advertiser: str
    name: str
    bid: str
    impressions_per_day: int
    ctr: float
    flight: tuple[int, int]
    weekend: float
    """Traffic of Saturdays and Sundays, other days being 1."""
    pacing: float
    """Spend on the last day against a budget that is spent evenly; the budget follows from it."""


CAMPAIGNS = (
    Campaign("Nordlys Outdoor", "Winter Launch", "1.20", 480, 0.055, (0, 27), 1.1, 1.02),
    Campaign("Nordlys Outdoor", "Weekend Sale", "0.85", 300, 0.070, (0, 20), 1.9, 0.62),
    Campaign("Fjord Furniture", "Early Bird Retargeting", "2.40", 260, 0.045, (3, 24), 0.8, 1.35),
    Campaign("Fjord Furniture", "Holiday Awareness", "0.60", 420, 0.028, (0, 34), 1.0, 0.97),
    Campaign("Birch Books", "Anniversary Bundles", "1.75", 190, 0.050, (0, 9), 0.7, 1.06),
    Campaign("Birch Books", "Spring Sign-ups", "1.10", 250, 0.060, (21, 49), 1.0, 1.00),
)
"""On track, behind, ahead, on track, over its budget and ended, not started."""

ANOMALY = (0, 4, 2.2)
"""A campaign, how many days before the last one, and how many times as often it is clicked then."""

BUDGET_WITHOUT_SPEND = Decimal(400)

THIN_DAY = 6
THIN_SHARE = 0.04
"""So many days before the last one, this share of the events never reached the log: a warning."""

OUTAGE_DAY = 2
OUTAGE_HOURS = (16, 17, 18)
"""So many days before the last one, the files of these hours (UTC) never came: a breach."""

STRAY_IMPRESSIONS = 3
"""At most so many impressions a day never reach the log on any other day."""

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
AGENTS = {
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/131.0.0.0 Safari/537.36": 220,
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/131.0.0.0 Safari/537.36 "
    "Edg/131.0.0.0": 60,
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0": 40,
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/18.1 Safari/605.1.15": 80,
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0": 15,
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {APPLE} Version/18.1 "
    "Mobile/15E148 Safari/604.1": 230,
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36": 160,
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} SamsungBrowser/27.0 Chrome/125.0.0.0 "
    "Mobile Safari/537.36": 50,
    f"Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) {APPLE} Version/17.7 "
    "Mobile/15E148 Safari/604.1": 40,
    f"Mozilla/5.0 (Linux; Android 14; SM-X710) {WEBKIT} Chrome/131.0.0.0 Safari/537.36": 20,
    f"Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) {WEBKIT} 94.0.4606.31/7.0 TV Safari/537.36": 15,
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)": 10,
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)": 6,
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/130.0.0.0 Safari/537.36": 5,
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)": 4,
    "": 5,
    "-": 2,
    "Mozilla/5.0": 3,
}
"""Agents and how often they come up. Crawlers, missing and unknown ones are a few percent."""

OWN_AGENT_FREQUENCY = 25
"""Of the agent whose events the pipeline counts in its CSV."""

FRAUD_SHARE = 0.012


@dataclass(frozen=True)
class Event:
    """An impression or a click; `at` is UTC to the millisecond."""

    kind: Kind
    at: datetime
    campaign: int
    """Its place in `CAMPAIGNS`."""
    user_agent: str
    is_fraud: bool


@dataclass(frozen=True)
class Told:
    """What was made, and what there is to be found in it."""

    files: list[Path]
    anomaly: tuple[str, date]
    thin_day: date
    outage_day: date
    dear: str = CAMPAIGNS[profiles.DEAR - 1].name
    """Campaign with three times the fees of the others."""
    narrow: str = CAMPAIGNS[profiles.NARROW - 1].name
    """Campaign that reaches the same browsers again and again."""
    unseen: str = CAMPAIGNS[profiles.UNSEEN - 1].name
    """Campaign of which two fifths are on a page that hardly anybody looks at."""
    fast: str = CAMPAIGNS[profiles.FAST - 1].name
    """Campaign half of whose clicks come within a second."""


class Story:
    """The events of some days, the same for the same days, time zone and user agent."""

    def __init__(
        self,
        first: date,
        last: date,
        *,
        timezone: str,
        user_agent: str | None,
        seed: int,
        feed: Feed | None = None,
    ) -> None:
        """Think up the events; nothing is written yet.

        Args:
            first: first day of the story.
            last: last day, included. Events are on these days by UTC and by local time alike.
            timezone: of the feed.
            user_agent: one more agent, which the CSV is about; None for no other.
            feed: of which the files are; by default that of the sample.
            seed: for another story.
        """
        self.first = first
        self.last = last
        self._entered_at = datetime.combine(first, time()) - DAY
        self._zone = ZoneInfo(timezone)
        self._feed = feed or load(SAMPLE_FEED)
        self._rng = random_numbers(f"{seed} {first} {last}")
        own = {} if user_agent in (*AGENTS, None) else {str(user_agent): OWN_AGENT_FREQUENCY}
        self._agents = own | AGENTS
        self.events = sorted(
            self._think_up(), key=lambda event: (event.at, event.kind, event.campaign)
        )

    def is_in(self, connection: psycopg.Connection) -> bool:
        """Whether the operational database has this story already."""
        found = connection.execute(
            "SELECT 1 FROM campaign WHERE name = %s AND created_at = %s LIMIT 1",
            [CAMPAIGNS[0].name, self._entered_at],
        )
        return found.fetchone() is not None

    def write_source(self, connection: psycopg.Connection) -> None:
        """Enter advertisers, campaigns and all events into the operational database."""
        advertisers: dict[str, int] = {}
        entered_at = self._entered_at
        for place, campaign in enumerate(CAMPAIGNS):
            if campaign.advertiser not in advertisers:
                [(advertisers[campaign.advertiser],)] = connection.execute(
                    "INSERT INTO advertiser (name, created_at) VALUES (%s, %s) RETURNING id",
                    [campaign.advertiser, entered_at],
                ).fetchall()
            start, end = self._flight(campaign)
            [(campaign_id,)] = connection.execute(
                "INSERT INTO campaign (name, bid, budget, start_date, end_date, advertiser_id,"
                " created_at) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
                [
                    campaign.name,
                    Decimal(campaign.bid),
                    self._budget(place),
                    start,
                    end,
                    advertisers[campaign.advertiser],
                    entered_at,
                ],
            ).fetchall()
            for kind in ("impressions", "clicks"):
                times = (
                    event.at.replace(tzinfo=None)
                    for event in self.events
                    if event.campaign == place and event.kind == kind
                )
                copy_events(connection, kind, campaign_id, times)

    def write_files(self, folder: Path) -> Told:
        """Write the hourly log files, without what never reached the log."""
        folder.mkdir(parents=True, exist_ok=True)
        lost = self._never_logged()
        files: list[Path] = []
        kinds: tuple[Kind, ...] = ("impressions", "clicks")
        for kind in kinds:
            events = [e for e in self.events if e.kind == kind and id(e) not in lost]
            files += self._write_kind(folder, kind, events)
        place, days_ago, _ = ANOMALY
        return Told(
            files,
            (CAMPAIGNS[place].name, self._day(days_ago)),
            self._day(THIN_DAY),
            self._day(OUTAGE_DAY),
        )

    # ---- what happened -------------------------------------------------------------------------

    def _think_up(self) -> Iterator[Event]:
        for place, campaign in enumerate(CAMPAIGNS):
            for hours in self._hours_by_day():
                day = hours[0].date()
                start, end = self._flight(campaign)
                if not start <= day <= end:
                    continue
                traffic = campaign.impressions_per_day * self._rng.uniform(0.92, 1.08)
                if day.isoweekday() > 5:  # noqa: PLR2004 - Saturday and Sunday
                    traffic *= campaign.weekend
                weights = [self._weight(hour) for hour in hours]
                shown = [
                    self._impression(place, hour)
                    for hour in self._rng.choices(
                        hours, weights, k=round(traffic * sum(weights) / sum(HOUR_WEIGHTS))
                    )
                ]
                yield from shown
                ctr = campaign.ctr * self._rng.uniform(0.9, 1.1)
                if (place, self._day(ANOMALY[1])) == (ANOMALY[0], day):
                    ctr *= ANOMALY[2]
                for impression in self._rng.sample(shown, round(len(shown) * ctr)):
                    yield self._click(impression)

    def _hours_by_day(self) -> list[list[datetime]]:
        """Starts (UTC) of the hours that lie in the days by UTC and by local time, by UTC day."""
        local = datetime.combine(self.first, time(), self._zone).astimezone(UTC)
        local_end = datetime.combine(self.last + DAY, time(), self._zone).astimezone(UTC)
        hour = datetime.combine(self.first, time(), UTC)
        end = datetime.combine(self.last + DAY, time(), UTC)
        hours = []
        while hour < end:
            if local <= hour and hour + HOUR <= local_end:
                hours.append(hour)
            hour += HOUR
        return [list(group) for _, group in groupby(hours, key=datetime.date)]

    def _weight(self, hour: datetime) -> int:
        return HOUR_WEIGHTS[hour.astimezone(self._zone).hour]

    def _impression(self, place: int, hour: datetime) -> Event:
        (agent,) = self._rng.choices(list(self._agents), list(self._agents.values()))
        at = hour + timedelta(milliseconds=self._rng.randrange(HOUR_MS))
        return Event("impressions", at, place, agent, self._rng.random() < FRAUD_SHARE)

    def _click(self, impression: Event) -> Event:
        """A click soon after, in the same hour, so that it is on the days of the story too."""
        next_hour = impression.at.replace(minute=0, second=0, microsecond=0) + HOUR
        latest = min(impression.at + CLICK_WITHIN, next_hour - MILLISECOND)
        delay = round((latest - impression.at) / MILLISECOND * self._rng.random())
        at = impression.at + timedelta(milliseconds=delay)
        return Event("clicks", at, impression.campaign, impression.user_agent, impression.is_fraud)

    def _never_logged(self) -> set[int]:
        """Events that the log misses, by identity; files that never came are left out later."""
        rng = random_numbers(f"{self.first} {self.last}")
        lost: set[int] = set()
        for day, of_day in groupby(self.events, key=lambda event: event.at.date()):
            events = list(of_day)
            for kind in ("impressions", "clicks"):
                of_kind = [event for event in events if event.kind == kind]
                if day == self._day(THIN_DAY):
                    missing = round(len(of_kind) * THIN_SHARE)
                elif kind == "impressions":
                    missing = min(rng.randrange(STRAY_IMPRESSIONS + 1), len(of_kind) // 200)
                else:
                    missing = 0
                lost |= {id(event) for event in rng.sample(of_kind, missing)}
        return lost

    # ---- what is written -----------------------------------------------------------------------

    def _write_kind(self, folder: Path, kind: Kind, events: Sequence[Event]) -> Iterator[Path]:
        rng = random_numbers(f"{self.first} {self.last} {kind}")
        offset, of_day = 0, date.min
        for hour, of_hour in groupby(events, key=_hour_of):
            day = hour.astimezone(self._zone).date()
            if day != of_day:
                offset, of_day = day.toordinal() * OFFSETS_PER_DAY, day
            rows = list(of_hour)
            first, offset = offset, offset + len(rows)
            if hour.date() == self._day(OUTAGE_DAY) and hour.hour in OUTAGE_HOURS:
                continue  # its offsets are used up, as if the file had been lost on the way
            at = self._delivered_at(hour, rows[-1].at, rng)
            path = folder / file_name(self._feed, kind, at, Offsets(first, len(rows), 0))
            write_log_file(
                path,
                kind,
                user_agents=[event.user_agent for event in rows],
                creation_times_ms=[
                    (event.at - EPOCH) // timedelta(milliseconds=1) for event in rows
                ],
                campaign_ids=[event.campaign + 1 for event in rows],
                is_fraud=[event.is_fraud for event in rows],
                feed=self._feed,
            )
            yield path

    def _delivered_at(self, hour: datetime, last_event: datetime, rng: random.Random) -> datetime:
        """When a file is named, by the feed's clock."""
        named = last_event + timedelta(milliseconds=rng.randint(*DELIVERY_MS))
        return min(named, hour + HOUR - MILLISECOND).astimezone(self._zone)

    def _budget(self, place: int) -> Decimal:
        """The budget with which the campaign paces as it should on the last day."""
        campaign = CAMPAIGNS[place]
        start, end = self._flight(campaign)
        elapsed = (min(self.last, end) - start).days + 1
        clicks = sum(e.kind == "clicks" and e.campaign == place for e in self.events)
        if elapsed < 1 or not clicks:
            return BUDGET_WITHOUT_SPEND
        spend = clicks * Decimal(campaign.bid)
        days = (end - start).days + 1
        return Decimal(round(spend * days / elapsed / Decimal(str(campaign.pacing))))

    def _flight(self, campaign: Campaign) -> tuple[date, date]:
        start, end = campaign.flight
        return self.first + timedelta(days=start), self.first + timedelta(days=end)

    def _day(self, days_ago: int) -> date:
        return self.last - timedelta(days=days_ago)


def _hour_of(event: Event) -> datetime:
    return event.at.replace(minute=0, second=0, microsecond=0)
