"""What is published: the rows that the report is made of, by what they tell."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime  # noqa: TC003 - fields of rows
from typing import TYPE_CHECKING, Protocol, TypeVar

from adtech_assets.report.statistics import wilson

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from decimal import Decimal

    from adtech_assets.report.closeups import CloseUp
    from adtech_assets.report.statistics import Period

DELIVERED = (
    *("fct_campaign_cost_daily", "fct_campaign_viewability_daily", "fct_campaign_reach_daily"),
    *("fct_campaign_click_quality_daily", "dim_campaigns"),
)
"""The marts of what the log has of campaigns."""

CAMPAIGNS_OF_DAYS = (
    *("fct_campaign_daily", "fct_campaign_pacing_daily", "fct_campaign_ctr_anomalies"),
    *("dim_campaigns", "dim_advertisers"),
)
"""The marts that campaigns of a chosen period are added up from."""


@dataclass(frozen=True)
class Day:
    """A day of `fct_daily_summary`."""

    event_date: date
    impressions: int
    clicks: int
    ctr: float | None
    is_so_far: bool = False
    """It was still going on when it was extracted last."""

    @property
    def ctr_low(self) -> float | None:
        """Lower end of the 95 % interval of its rate."""
        found = wilson(self.clicks, self.impressions)
        return found and found[0]

    @property
    def ctr_high(self) -> float | None:
        """Upper end."""
        found = wilson(self.clicks, self.impressions)
        return found and found[1]


@dataclass(frozen=True)
class DaySpend:
    """Estimated spend of a day, all campaigns."""

    event_date: date
    estimated_spend: Decimal
    is_so_far: bool = False


@dataclass(frozen=True)
class Campaign:
    """A campaign over all its days; money is None where only the click-through rates are known."""

    campaign_id: int
    campaign_name: str | None
    impressions: int
    clicks: int
    ctr: float | None
    ctr_low: float | None
    ctr_high: float | None
    advertiser_name: str | None = None
    pacing_status: str | None = None
    estimated_spend: Decimal | None = None
    budget: Decimal | None = None
    budget_used_share: float | None = None
    on_schedule_indicator: float | None = None
    projected_spend: Decimal | None = None
    anomalous_days: int | None = None
    is_current: bool | None = None
    flight_elapsed_share: float | None = None
    """Share of the flight's days that is over, which is the share of the budget to be spent."""
    spend_to_date: Decimal | None = None
    """Estimated spend of all days up to the one that is paced: what its budget is used by."""


@dataclass(frozen=True)
class Hour:
    """An hour of the week in the feed's time zone, all campaigns and all days."""

    iso_weekday: int
    hour_of_day: int
    impressions: int
    clicks: int


@dataclass(frozen=True)
class Device:
    """Logged traffic of a class of devices."""

    device_class: str
    gross_impressions: int
    gross_clicks: int
    valid_impressions: int
    valid_clicks: int


@dataclass(frozen=True)
class Quality:
    """Logged events of a day by the reason that makes them invalid; `none` are the valid ones."""

    event_date: date
    invalid_reason: str
    impressions: int
    clicks: int
    is_so_far: bool = False
    """The log files of its last hours are not loaded."""


@dataclass(frozen=True)
class Reconciled:
    """Log against database, by day and type of event."""

    event_date: date
    event_type: str
    status: str
    log_events: int
    db_events: int
    log_db_discrepancy: float | None
    is_so_far: bool = False
    """The day was not over yet for one of the sides."""

    @property
    def difference(self) -> int:
        """How many events more the log has."""
        return self.log_events - self.db_events


@dataclass(frozen=True)
class Delivery:
    """A campaign in the log: what it cost, how it was seen, whom it reached. None: not known."""

    campaign_id: int
    campaign_name: str | None
    impressions: int
    currency: str | None
    total_cost: Decimal | None
    """None too where its days have several currencies."""
    total_cost_eur: Decimal | None
    ecpm: float | None
    fee_share: float | None
    viewable_rate: float | None
    seconds_in_view: float | None
    reach: int | None
    frequency: float | None
    fast_click_share: float | None


@dataclass(frozen=True)
class Mover:
    """What changed most from one week to the next, by logged impressions."""

    dimension: str
    place: int
    member: str
    campaign_name: str | None
    impressions: int
    impressions_before: int
    impressions_change: int
    impressions_change_share: float | None
    week_start: date


@dataclass(frozen=True)
class DeliveredHours:
    """Hours of a campaign's flight, and how many delivered less or more than usual."""

    campaign_id: int
    campaign_name: str | None
    hours: int
    under: int
    over: int
    projected_impressions: float | None
    """What the last day comes to, as its last hour has it; None too if the flight ended before."""
    projected_low: float | None
    projected_high: float | None
    first_day: date
    """Of the hours of all campaigns; as the next."""
    last_day: date


@dataclass(frozen=True)
class Load:
    """A day of log files in the audited table."""

    day: date
    loaded_at: datetime


@dataclass(frozen=True)
class Earlier:
    """The days just before a chosen period, as many as it has, to compare it with."""

    days: list[Day] | None = None
    spend: list[DaySpend] | None = None
    quality: list[Quality] | None = None


@dataclass(frozen=True)
class Published:
    """Everything the page tells. None: the mart is not published; empty: it has no rows."""

    period: Period | None = None
    """The days that the page was asked for; without them, it tells of all."""
    shown: Period | None = None
    """The days of whatever is by day: the chosen ones, or the last ones. None: there is no day."""
    earlier: Earlier = Earlier()
    days: list[Day] | None = None
    spend: list[DaySpend] | None = None
    campaigns: list[Campaign] | None = None
    hours: list[Hour] | None = None
    devices: list[Device] | None = None
    quality: list[Quality] | None = None
    reconciliation: list[Reconciled] | None = None
    deliveries: list[Delivery] | None = None
    movers: list[Mover] | None = None
    """Of the last week that can be compared."""
    delivered_hours: list[DeliveredHours] | None = None
    loads: list[Load] | None = None
    closeups: Mapping[int, CloseUp] = field(default_factory=dict)
    """What there is to tell of single campaigns, by id: those that have a page."""
    paced_day: date | None = None
    """At the end of which the campaigns' pacing is."""
    has_money: bool = False
    """What is published of campaigns has their pacing, spend and budget."""
    unpublished: list[str] = field(default_factory=list)
    """Marts that the report would like to have, and that are not there."""

    @property
    def absent_of_campaigns(self) -> list[str]:
        """The marts that would have campaigns with pacing, spend and budget, and are not there."""
        wanted = CAMPAIGNS_OF_DAYS if self.period else ("mart_campaign_kpis",)
        return [mart for mart in wanted if mart in self.unpublished] or [*wanted]

    @property
    def is_nothing(self) -> bool:
        """Not one of the marts is there."""
        return all(
            part is None
            for part in (self.days, self.campaigns, self.hours, self.quality, self.reconciliation)
        )


class _Dated(Protocol):
    @property
    def event_date(self) -> date: ...


D = TypeVar("D", bound=_Dated)


def marked(rows: list[D] | None, so_far: Collection[date]) -> list[D] | None:
    """Rows of days, with those that go on known as such."""
    return rows and [
        replace(row, is_so_far=True) if row.event_date in so_far else row  # type: ignore[type-var]
        for row in rows
    ]
