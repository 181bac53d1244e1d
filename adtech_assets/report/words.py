"""How codes of the marts are said to people."""

from __future__ import annotations

REASONS = {
    "fraud_flag": "marked as fraud",
    "crawler": "crawler",
    "missing_user_agent": "no user agent",
    "non_browser": "not a browser",
}
"""Why an event is invalid, in the order in which the first reason wins."""

VALID = "none"

STATUS_WORDS = {
    "on_track": "On track",
    "behind": "Behind",
    "ahead": "Ahead",
    "over_budget": "Over budget",
    "outside_flight": "Outside its flight",
    "not_started": "Not started",
    "no_budget": "No budget",
    "no_flight": "No flight dates",
}

DISCREPANCY_WORDS = {
    "ok": "agree",
    "warn": "differ",
    "breach": "differ too much",
    "log_missing": "without a log",
    "db_missing": "without database rows",
}


def status_words(status: str | None) -> str:
    """A pacing status as people say it."""
    if status is None:
        return "Unknown"
    return STATUS_WORDS.get(status, status.replace("_", " ").capitalize())


def reason_words(reason: str) -> str:
    """Why an event is invalid, as people say it."""
    return REASONS.get(reason, reason.replace("_", " "))


def discrepancy_words(status: str) -> str:
    """The status of a comparison as people say it."""
    return DISCREPANCY_WORDS.get(status, status.replace("_", " "))


GLOSSARY = {
    "Day": "A calendar day in UTC.",
    "Click-through rate": (
        "Clicks by impressions, at most 100 %; clicks without impressions have none. Rates of "
        "several days or campaigns are recomputed from their sums, never averaged."
    ),
    "95 % interval": (
        "Wilson score interval: a rate measured on few impressions is uncertain, and this says "
        "how much."
    ),
    "Estimated spend": (
        "Clicks by the bid that was in force, read as a cost per click. A bid is a maximum, so "
        "this is an upper estimate."
    ),
    "Pacing": (
        "Spend so far against an even course through the flight: behind below 90 %, ahead above "
        "110 %. Outside its flight: there were impressions or clicks before it or after it. "
        "Flights are in days of the feed's time zone."
    ),
    "Gross and net": (
        "Gross is every event, net leaves invalid traffic out. Impressions, clicks, rates and "
        "spend are gross where it is not said otherwise: the database does not know what is "
        "invalid."
    ),
    "Invalid traffic": (
        "Marked as fraud in the log, a known crawler, no user agent, or one that is no browser; "
        "for the first reason that fits."
    ),
    "Viewable": (
        "At least half of the banner in view for a second, 30 % of a banner of 242,500 pixels and "
        "more; of the impressions of which it was measured."
    ),
    "Log against database": (
        "Difference by the database's count: up to 1 % is equal, above 10 % is too much."
    ),
}
