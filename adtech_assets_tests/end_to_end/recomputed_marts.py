"""The operational marts once more, in plain Python from the source's rows: as slow as it is simple.

Nothing is shared with the models but the definitions in docs/kpis.md. Money is Decimal.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from math import isclose, sqrt
from statistics import mean, variance
from zoneinfo import ZoneInfo

UNKNOWN = -1
COPENHAGEN = ZoneInfo("Europe/Copenhagen")
CENT = Decimal("0.01")
Z = 1.959963984540054
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Campaign:
    """A row of the source."""

    id: int
    name: str
    bid: Decimal
    budget: Decimal
    start_date: date | None
    end_date: date | None
    advertiser_id: int | None
    created_at: datetime | None

    @property
    def flight_days(self):
        if self.start_date is None or self.end_date is None or self.end_date < self.start_date:
            return None
        return (self.end_date - self.start_date).days + 1


@dataclass(frozen=True)
class Event:
    """An impression or a click; its campaign as recorded."""

    campaign_id: int | None
    at: datetime | None

    @property
    def day(self):
        return self.at and self.at.date()


@dataclass
class History:
    """What the source held at each extraction: the versions of its rows."""

    versions: dict[int, list[tuple[datetime, object]]] = field(default_factory=dict)
    current: set[int] = field(default_factory=set)

    def extracted(self, at, rows):
        for row in rows:
            known = self.versions.setdefault(row.id, [])
            if not known or known[-1][1] != row or row.id not in self.current:
                known.append((at, row))
        self.current = {row.id for row in rows}

    def latest(self, id_):
        return self.versions[id_][-1][1]

    def at(self, id_, moment):
        """The version in force; the first one before it, the latest for no moment."""
        versions = self.versions[id_]
        if moment is None:
            return versions[-1][1]
        return [versions[0][1], *(row for since, row in versions[1:] if since <= moment)][-1]


@dataclass
class Counts:
    """Sums of events."""

    impressions: int = 0
    clicks: int = 0
    spend: Decimal = Decimal(0)

    def __iadd__(self, other):
        self.impressions += other.impressions
        self.clicks += other.clicks
        self.spend += other.spend
        return self


@dataclass
class Marts:
    """All marts, each as a list of rows."""

    campaigns: History
    advertisers: History
    impressions: list[Event]
    clicks: list[Event]
    days: dict[date, datetime]
    """Extracted days, in order, each with the time at which it was extracted last."""
    newest_log_hour: datetime | None = None
    """Start (UTC) of the hour of the newest loaded log file."""
    zone: ZoneInfo = COPENHAGEN
    """Of the feed, and so of flights and profiles."""

    def __post_init__(self):
        self.hours: dict[tuple, Counts] = defaultdict(Counts)
        self.by_day: dict[tuple, Counts] = defaultdict(Counts)
        self.totals: dict[int, Counts] = defaultdict(Counts)
        self.active: dict[int, set[date]] = defaultdict(set)
        for event in self.impressions:
            self._count(event, Counts(impressions=1))
        for event in self.clicks:
            known = event.campaign_id in self.campaigns.versions
            bid = (known and self.campaigns.at(event.campaign_id, event.at).bid) or Decimal(0)
            self._count(event, Counts(clicks=1, spend=bid))
        self.members = sorted(self.campaigns.versions)
        if UNKNOWN in self.totals:
            self.members.append(UNKNOWN)
        self.advertiser_members = sorted(self.advertisers.versions)
        owners = [
            row.advertiser_id for known in self.campaigns.versions.values() for _, row in known
        ]
        if UNKNOWN in self.members or any(id_ not in self.advertisers.versions for id_ in owners):
            self.advertiser_members.append(UNKNOWN)

    def _count(self, event, counts):
        campaign = event.campaign_id if event.campaign_id in self.campaigns.versions else UNKNOWN
        self.totals[campaign] += counts
        if event.at is not None:
            self.hours[campaign, event.at.replace(minute=0, second=0, microsecond=0)] += counts
            self.by_day[campaign, event.day] += counts
            self.active[campaign].add(event.day)

    def of_day(self, campaign, day):
        return self.by_day.get((campaign, day), Counts())

    def advertiser_of(self, campaign, day=None):
        """Whose a campaign was when a day ended; whose it is without one."""
        if campaign == UNKNOWN:
            return UNKNOWN
        end = day and datetime.combine(day, time.max)
        advertiser = self.campaigns.at(campaign, end).advertiser_id
        return advertiser if advertiser in self.advertisers.versions else UNKNOWN

    def at_feed(self, moment):
        """The local time of the feed at a UTC time."""
        return moment.replace(tzinfo=UTC).astimezone(self.zone).replace(tzinfo=None)

    def feed_day(self, day):
        """The day of the feed of which a UTC day has most."""
        return self.at_feed(datetime.combine(day, time(12))).date()

    def outside_flight(self, campaign, day):
        """Events of a day that are outside the flight in force when it ended."""
        _, start, end, flight = self.terms(campaign, day)
        if flight is None:
            return 0
        hours = (datetime.combine(day, time(hour)) for hour in range(24))
        found = ((at, self.hours.get((campaign, at), Counts())) for at in hours)
        return sum(
            counts.impressions + counts.clicks
            for at, counts in found
            if not start <= self.at_feed(at).date() <= end
        )

    def is_in_flight(self, campaign, day):
        _, start, end, flight = self.terms(campaign, day)
        counts = self.of_day(campaign, day)
        has_event = counts.impressions + counts.clicks > self.outside_flight(campaign, day)
        return flight is not None and (start <= self.feed_day(day) <= end or has_event)

    def terms(self, campaign, day):
        """Budget, start, end and length of the flight in force when the day ended."""
        if campaign == UNKNOWN:
            return None, None, None, None
        end = datetime.combine(day, time.max)
        row = self.campaigns.at(campaign, end)
        return row.budget, row.start_date, row.end_date, row.flight_days

    # ---- the marts ---------------------------------------------------------------------------

    def is_full(self, day):
        """Whether a day was over when it was extracted last."""
        return self.days[day] >= datetime.combine(day + timedelta(days=1), time())

    def dim_dates(self, logged_days=()):
        known = {*self.days, *logged_days}
        first, last = min(known), max(known)
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            newest = self.newest_log_hour
            yield {
                "weekday_name": WEEKDAYS[day.weekday()],
                "iso_weekday": day.isoweekday(),
                "is_weekend": day.isoweekday() in (6, 7),
                "is_full_in_database": self.is_full(day) if day in self.days else None,
                "is_full_in_logs": newest and newest >= datetime.combine(day, time(23, 59)),
                "date_day": day,
                "event_date": day,
            }

    def dim_advertisers(self):
        for advertiser in self.advertiser_members:
            known = advertiser != UNKNOWN
            yield {
                "advertiser_id": advertiser,
                "advertiser_name": self.advertiser_name(advertiser),
                "is_current": advertiser in self.advertisers.current,
                "created_at": self.advertisers.latest(advertiser).created_at if known else None,
            }

    def advertiser_name(self, advertiser):
        if advertiser == UNKNOWN:
            return "unknown advertiser"
        return self.advertisers.latest(advertiser).name

    def dim_campaigns(self):
        for campaign in self.members:
            row = None if campaign == UNKNOWN else self.campaigns.latest(campaign)
            yield {
                "campaign_id": campaign,
                "advertiser_id": self.advertiser_of(campaign),
                "campaign_name": row.name if row else "unknown campaign",
                "bid": row and row.bid,
                "budget": row and row.budget,
                "flight_days": row and row.flight_days,
                "is_current": campaign in self.campaigns.current,
                "start_date": row and row.start_date,
                "end_date": row and row.end_date,
                "created_at": row and row.created_at,
            }

    def dim_campaign_versions(self):
        for campaign, known in self.campaigns.versions.items():
            for number, (since, row) in enumerate(known):
                is_latest = number + 1 == len(known)
                owner = row.advertiser_id
                yield {
                    "campaign_id": campaign,
                    "advertiser_id": owner if owner in self.advertisers.versions else UNKNOWN,
                    "campaign_name": row.name,
                    "bid": row.bid,
                    "budget": row.budget,
                    "flight_days": row.flight_days,
                    "is_first": number == 0,
                    "is_latest": is_latest,
                    "is_current": is_latest and campaign in self.campaigns.current,
                    "start_date": row.start_date,
                    "end_date": row.end_date,
                    "valid_from": since if number else datetime.min,  # noqa: DTZ901 - naive UTC
                    "valid_until": None if is_latest else known[number + 1][0],
                }

    def fct_campaign_hourly(self):
        for (campaign, hour), counts in self.hours.items():
            yield {
                "campaign_id": campaign,
                "impressions": counts.impressions,
                "clicks": counts.clicks,
                "estimated_spend": counts.spend,
                "event_date": hour.date(),
                "hour_at": hour,
            }

    def fct_campaign_daily(self):
        for campaign in self.members:
            for day in self.days:
                counts = self.of_day(campaign, day)
                yield {
                    "campaign_id": campaign,
                    "advertiser_id": self.advertiser_of(campaign, day),
                    "impressions": counts.impressions,
                    "clicks": counts.clicks,
                    "ctr": ctr(counts),
                    "ctr_low": wilson(counts, -1),
                    "ctr_high": wilson(counts, 1),
                    "estimated_spend": counts.spend,
                    "cpc": ratio(counts.spend, counts.clicks),
                    "ecpm": ratio(1000 * counts.spend, counts.impressions),
                    "outside_flight_events": self.outside_flight(campaign, day),
                    "is_in_flight": self.is_in_flight(campaign, day),
                    "event_date": day,
                }

    def fct_campaign_delivery_hourly(self):
        in_flight = [
            (campaign, datetime.combine(day, time(hour)), self.days[day])
            for campaign in self.members
            for day in self.days
            if self.is_in_flight(campaign, day)
            for hour in range(24)
        ]
        over = {
            (campaign, at): self.hours.get((campaign, at), Counts()).impressions
            for campaign, at, extracted_at in in_flight
            if at + timedelta(hours=1) <= extracted_at
        }

        def usual(campaign, at):
            """Mean, variance and number of the same hours before; None without any."""
            before = [(campaign, at - timedelta(weeks=weeks)) for weeks in (1, 2, 3, 4)]
            found = [over[place] for place in before if place in over]
            if not found:
                return None
            spread = variance(found) if len(found) > 1 else 0
            return mean(found), max(spread, mean(found), 1) * (1 + 1 / len(found)), len(found)

        for (campaign, at), impressions in over.items():
            if at.date() <= max(self.days) - timedelta(days=7):
                continue
            day = [datetime.combine(at, time(hour)) for hour in range(24)]
            so_far = sum(over.get((campaign, other), 0) for other in day if other <= at)
            found = usual(campaign, at)
            expected, low, high = span(*(found or (None, None))[:2])
            to_come = [usual(campaign, other) for other in day if other > at]
            projected = projected_spread = None
            if None not in to_come:
                projected = so_far + sum(part for part, _, _ in to_come)
                projected_spread = sum(spread for _, spread, _ in to_come)
            projected, projected_low, projected_high = span(projected, projected_spread, so_far)
            status = "usual"
            if found is None:
                status = "no_history"
            elif impressions < low:
                status = "under"
            elif impressions > high:
                status = "over"
            yield {
                "campaign_id": campaign,
                "delivery_status": status,
                "impressions": impressions,
                "weeks": found[2] if found else 0,
                "expected_impressions": expected,
                "expected_low": low,
                "expected_high": high,
                "cumulative_impressions": so_far,
                "projected_impressions": projected,
                "projected_low": projected_low,
                "projected_high": projected_high,
                "event_date": at.date(),
                "hour_at": at,
            }

    def fct_advertiser_daily(self):
        for advertiser in self.advertiser_members:
            for day in self.days:
                total, active = Counts(), 0
                for campaign in self.members:
                    if self.advertiser_of(campaign, day) == advertiser:
                        total += self.of_day(campaign, day)
                        active += day in self.active[campaign]
                yield {
                    "advertiser_id": advertiser,
                    "impressions": total.impressions,
                    "clicks": total.clicks,
                    "ctr": ctr(total),
                    "estimated_spend": total.spend,
                    "active_campaigns": active,
                    "event_date": day,
                }

    def fct_daily_summary(self):
        for day in self.days:
            total = Counts()
            for campaign in self.members:
                total += self.of_day(campaign, day)
            yield {
                "event_date": day,
                "impressions": total.impressions,
                "clicks": total.clicks,
                "ctr": ctr(total),
            }

    def fct_campaign_pacing_daily(self):
        for campaign in self.members:
            so_far = Counts()
            for day in self.days:
                so_far += self.of_day(campaign, day)
                yield self.pacing(campaign, day, so_far)

    def pacing(self, campaign, day, so_far):
        budget, start, _, flight = self.terms(campaign, day)
        elapsed = flight and min(max((self.feed_day(day) - start).days + 1, 0), flight)
        known = bool(flight and budget and budget > 0)
        spend = so_far.spend
        on_schedule = ratio(spend * flight, budget * elapsed) if known and elapsed else None
        left = (flight - elapsed) if known else 0
        return {
            "campaign_id": campaign,
            "pacing_status": (
                "outside_flight"
                if self.outside_flight(campaign, day)
                else "not_started"
                if elapsed == 0 and not self.is_in_flight(campaign, day)
                else status(budget, flight, spend, on_schedule)
            ),
            "cumulative_impressions": so_far.impressions,
            "cumulative_clicks": so_far.clicks,
            "cumulative_estimated_spend": spend,
            "estimated_spend_capped": capped(spend, budget),
            "budget": budget,
            "flight_days": flight,
            "elapsed_days": elapsed,
            "on_schedule_indicator": on_schedule,
            "budget_used_share": ratio(spend, budget) if known else None,
            "projected_spend": cents(spend * flight / elapsed) if known and elapsed else None,
            "required_daily_spend": cents(max(budget - spend, Decimal(0)) / left) if left else None,
            "is_full_day": self.is_full(day),
            "event_date": day,
        }

    def fct_campaign_ctr(self):
        for campaign in self.members:
            total = self.totals.get(campaign, Counts())
            unknown = campaign == UNKNOWN
            yield {
                "campaign_id": campaign,
                "campaign_name": (
                    "unknown campaign" if unknown else self.campaigns.latest(campaign).name
                ),
                "impressions": total.impressions,
                "clicks": total.clicks,
                "ctr": ctr(total),
                "ctr_low": wilson(total, -1),
                "ctr_high": wilson(total, 1),
            }

    def fct_campaign_ctr_anomalies(self):
        for campaign in self.members:
            for day in self.days:
                prior = Counts()
                for before in self.days:
                    if 1 <= (day - before).days <= 28:
                        prior += self.of_day(campaign, before)
                today = self.of_day(campaign, day)
                usual, found, score = ctr(prior), ctr(today), None
                if today.impressions and usual is not None and 0 < usual < 1:
                    score = (found - usual) / sqrt(usual * (1 - usual) / today.impressions)
                yield {
                    "campaign_id": campaign,
                    "impressions": today.impressions,
                    "clicks": today.clicks,
                    "ctr": found,
                    "prior_impressions": prior.impressions,
                    "prior_clicks": prior.clicks,
                    "prior_ctr": usual,
                    "z_score": score,
                    "is_anomaly": (
                        score is not None
                        and abs(score) >= 3
                        and today.impressions >= 100
                        and prior.impressions >= 1000
                    ),
                    "event_date": day,
                }

    def fct_campaign_hour_profiles(self):
        cells, dated = defaultdict(Counts), defaultdict(int)
        for (campaign, hour), counts in self.hours.items():
            local = self.at_feed(hour)
            cells[campaign, local.isoweekday(), local.hour] += counts
            dated[campaign] += counts.impressions
        for (campaign, weekday, hour), counts in cells.items():
            yield {
                "campaign_id": campaign,
                "iso_weekday": weekday,
                "hour_of_day": hour,
                "impressions": counts.impressions,
                "clicks": counts.clicks,
                "ctr": ctr(counts),
                "impression_share": ratio(counts.impressions, dated[campaign]),
            }

    def mart_campaign_kpis(self):
        rates = {row["campaign_id"]: row for row in self.fct_campaign_ctr()}
        paced_day = max(filter(self.is_full, self.days), default=max(self.days))
        last_pacing = {
            row["campaign_id"]: row
            for row in self.fct_campaign_pacing_daily()
            if row["event_date"] == paced_day
        }
        anomalies = defaultdict(int)
        for row in self.fct_campaign_ctr_anomalies():
            anomalies[row["campaign_id"]] += row["is_anomaly"]
        for dim in self.dim_campaigns():
            campaign = dim["campaign_id"]
            total = self.totals.get(campaign, Counts())
            pacing, active = last_pacing[campaign], self.active[campaign]
            yield {
                "campaign_id": campaign,
                "advertiser_id": dim["advertiser_id"],
                "campaign_name": dim["campaign_name"],
                "advertiser_name": self.advertiser_name(dim["advertiser_id"]),
                "pacing_status": pacing["pacing_status"],
                "impressions": total.impressions,
                "clicks": total.clicks,
                **{name: rates[campaign][name] for name in ("ctr", "ctr_low", "ctr_high")},
                "estimated_spend": total.spend,
                "estimated_spend_capped": capped(total.spend, dim["budget"]),
                "cpc": ratio(total.spend, total.clicks),
                "ecpm": ratio(1000 * total.spend, total.impressions),
                "bid": dim["bid"],
                "budget": dim["budget"],
                **{
                    name: pacing[name]
                    for name in (
                        "budget_used_share",
                        "on_schedule_indicator",
                        "projected_spend",
                        "required_daily_spend",
                    )
                },
                "anomalous_days": anomalies[campaign],
                "active_days": len(active),
                "is_current": dim["is_current"],
                "start_date": dim["start_date"],
                "end_date": dim["end_date"],
                "first_event_date": min(active, default=None),
                "last_event_date": max(active, default=None),
            }


def ratio(numerator, denominator):
    return float(numerator) / float(denominator) if denominator else None


def ctr(counts):
    if counts.clicks > counts.impressions:
        return 1.0
    return ratio(counts.clicks, counts.impressions)


def wilson(counts, sign):
    """One end of the interval: the solutions p of |p - k/n| = z sqrt(p (1 - p) / n)."""
    n, k = counts.impressions, min(counts.clicks, counts.impressions)
    if n == 0:
        return None
    # (n + z²) p² - (2 k + z²) p + k² / n = 0
    a, b, c = n + Z**2, -(2 * k + Z**2), k**2 / n
    return min(1.0, max(0.0, (-b + sign * sqrt(b * b - 4 * a * c)) / (2 * a)))


def cents(amount):
    return amount.quantize(CENT, ROUND_HALF_UP)


def capped(spend, budget):
    return spend if budget is None else min(spend, max(budget, Decimal(0)))


def status(budget, flight, spend, on_schedule):
    if budget is None or budget <= 0:
        return "no_budget"
    if flight is None:
        return "no_flight"
    if spend > budget:
        return "over_budget"
    if on_schedule is None:
        return "on_track"
    if on_schedule < 0.9:
        return "behind"
    return "ahead" if on_schedule > 1.1 else "on_track"


def assert_same_rows(mart, found, expected):
    """Rows as dictionaries, in any order; doubles may differ in their last digit."""
    found_rows, expected_rows = _comparable(_normal(found)), _comparable(_normal(expected))
    assert found_rows.keys() == expected_rows.keys(), mart
    assert len(found_rows) == len(found), mart
    for key, doubles in expected_rows.items():
        for name, value in doubles.items():
            other = found_rows[key][name]
            same = (
                other is None
                if value is None
                else (other is not None and isclose(value, other, rel_tol=1e-9, abs_tol=1e-12))
            )
            assert same, (mart, key, name, value, other)


def span(estimate, spread, least=0):
    """An estimate, and two standard deviations below and above it; None without one."""
    if estimate is None:
        return None, None, None
    margin = 2 * sqrt(spread)
    return float(estimate), max(float(estimate - margin), float(least)), float(estimate + margin)


def _comparable(rows):
    """By all their values but the doubles."""
    rows = [dict(row) for row in rows]
    doubles = sorted({name for row in rows for name in row if isinstance(row[name], float)})
    return {
        repr(sorted((name, str(row[name])) for name in row if name not in doubles)): {
            name: row[name] for name in doubles if name in row
        }
        for row in rows
    }


def _normal(rows):
    """Money to the cent, so that 1 and 1.00 are equal."""
    return [
        {
            name: f"{value:.2f}" if type(value).__name__ == "Decimal" else value
            for name, value in row.items()
        }
        for row in rows
    ]


MARTS = (
    *("dim_dates", "dim_advertisers", "dim_campaigns", "dim_campaign_versions"),
    *("fct_campaign_hourly", "fct_campaign_daily", "fct_advertiser_daily", "fct_daily_summary"),
    *("fct_campaign_pacing_daily", "fct_campaign_ctr", "mart_campaign_kpis"),
    *("fct_campaign_ctr_anomalies", "fct_campaign_hour_profiles"),
    "fct_campaign_delivery_hourly",
)
