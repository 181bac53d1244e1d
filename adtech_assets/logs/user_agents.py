"""What a user agent says of itself: browser, operating system, device, and whether it is a crawler.

Each distinct agent is classified once, and again only when the classifier has changed. Two packages
do the work, `ua-parser` and `crawler-user-agents`, both through ua-parser's Rust matcher, whose
time grows with the length of the text and nothing else. What neither knows, such as "-" or a bare
"Mozilla/5.0", is for the rules below.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import crawleruseragents
import polars as pl
import ua_parser_rs
from ua_parser import Domain, load_lazy_builtins
from ua_parser.regex import Resolver

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import duckdb

    from adtech_assets.partitions import DayRange

DeviceClass = Literal["desktop", "mobile", "tablet", "other"]
InvalidReason = Literal["crawler", "missing_user_agent", "non_browser"]

RULES_VERSION = 1
"""Of the rules in this module; to be raised with every change of what they answer."""

MATCHED_CHARACTERS = 2_048
"""Only so much of an agent is looked at: 60 µs at the most, where 1 MB took up to 0.2 s. The
longest that browsers send are apps' own, below 1,000 characters."""

BATCH_AGENTS = 10_000
"""Agents in memory at once, 20 MB of text at the most."""

DAYS_AROUND = 2
"""The marts of a day need the agents of the files of so many days before and after it."""

UNKNOWN = "Other"
"""Family of what is not known; ua-parser's own word for it."""

MISSING = frozenset({"", "-"})
"""What clients and proxies write where there is no agent, blanks around it aside."""

NULL_AGENT_ID = "0" * 32
AGENT_ID = f"coalesce(md5(user_agent), '{NULL_AGENT_ID}')"
"""SQL of the id: MD5 of the exact bytes, so that it is the same on every engine."""

DESKTOP_SYSTEMS = frozenset(
    {"Windows", "Mac OS X", "Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS", "FreeBSD"}
)
MOBILE_SYSTEMS = frozenset(
    {"iOS", "Android", "Windows Phone", "KaiOS", "BlackBerry OS", "Symbian OS", "Firefox OS"}
)
SCREENS = ("TV", "BRAVIA", "Chromecast", "PlayStation", "Xbox", "Nintendo", "Roku", "AFT")
"""In the names of televisions and consoles, whatever system they run; AFT is Amazon's Fire TV."""

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS rollup;
CREATE TABLE IF NOT EXISTS rollup.user_agents (
    user_agent_id VARCHAR NOT NULL,
    user_agent VARCHAR,
    browser_family VARCHAR NOT NULL,
    os_family VARCHAR NOT NULL,
    device_family VARCHAR NOT NULL,
    device_class VARCHAR NOT NULL,
    invalid_reason VARCHAR,
    crawler_pattern VARCHAR,
    classifier_version VARCHAR NOT NULL,
    classified_at TIMESTAMP NOT NULL
);
"""


@dataclass(frozen=True)
class Classification:
    """What is known of one agent, from its text alone."""

    browser_family: str
    os_family: str
    device_family: str
    device_class: DeviceClass
    invalid_reason: InvalidReason | None
    """Why its traffic is invalid (GIVT); None where the agent gives no reason."""
    crawler_pattern: str | None
    """The pattern of crawler-user-agents that it matches, or who else says that it is one."""


@dataclass(frozen=True)
class Classified:
    """What `classify_days` did."""

    agents: int
    """Agents in the table now."""
    new: int
    """Agents that were classified now, for the first time or by another version than before."""
    crawlers: int
    """Crawlers in the table."""


def classifier_version() -> str:
    """Versions of all that decides: the rules here, the two packages, and ua-parser's patterns."""
    packages = ("ua-parser", "ua-parser-rs", "ua-parser-builtins", "crawler-user-agents")
    return " ".join([f"rules {RULES_VERSION}", *(f"{name} {version(name)}" for name in packages)])


class Classifier:
    """Both packages, ready to match: takes 0.3 s to build, then about 20 µs an agent."""

    def __init__(self) -> None:
        """Compile the patterns."""
        self._parse = Resolver(load_lazy_builtins())
        self._patterns = [
            str(crawler["pattern"]) for crawler in crawleruseragents.CRAWLER_USER_AGENTS_DATA
        ]
        # The package's own search tries 1,500 expressions one after another. ua-parser's matcher
        # knows by the letters of an agent which few of them are worth trying; the place in the
        # list stands where it expects a browser's name. Both find the same (see the tests).
        self._crawlers = ua_parser_rs.UserAgentExtractor(
            (f"({pattern})", str(place), "0", "0", "0", "0")
            for place, pattern in enumerate(self._patterns)
        )

    def classify(self, user_agent: str | None) -> Classification:
        """Classify one agent by its first `MATCHED_CHARACTERS`."""
        text = (user_agent or "")[:MATCHED_CHARACTERS]
        if text.strip() in MISSING:
            return Classification(UNKNOWN, UNKNOWN, UNKNOWN, "other", "missing_user_agent", None)
        parsed = self._parse(text, Domain.ALL)
        browser = parsed.user_agent.family if parsed.user_agent else UNKNOWN
        system = parsed.os.family if parsed.os else UNKNOWN
        device = parsed.device.family if parsed.device else UNKNOWN
        found = self._crawlers.extract(text)
        pattern = self._patterns[int(found.family)] if found else None
        if pattern is None and device == "Spider":
            pattern = f"ua-parser: {browser}"
        if pattern is not None:
            # It may claim any device; nobody holds it.
            return Classification(browser, system, device, "other", "crawler", pattern)
        unknown = browser == system == device == UNKNOWN
        return Classification(
            browser,
            system,
            device,
            _device_class(text, system, device),
            "non_browser" if unknown else None,
            None,
        )


def classify_days(
    connection: duckdb.DuckDBPyConnection, days: DayRange, *, now: datetime
) -> Classified:
    """Classify the agents of some days' roll-up, inside the caller's transaction.

    Of agents that this version of the classifier has classified before, nothing is done. The first
    time, the agents of every day are classified.

    Grain of `rollup.user_agents`: one row for each agent, byte by byte; NULL is one of them.
    """
    current = classifier_version()
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE new_user_agents AS
        SELECT user_agent_id, min(user_agent) AS user_agent, row_number() OVER () AS place
        FROM (
            SELECT DISTINCT user_agent, {AGENT_ID} AS user_agent_id
            FROM rollup.hourly_user_agent_rollup
            WHERE event_date BETWEEN $first::DATE - $around AND $last::DATE + $around
                OR NOT EXISTS (FROM rollup.user_agents)
        )
        WHERE user_agent_id NOT IN (
            SELECT user_agent_id FROM rollup.user_agents WHERE classifier_version = $version
        )
        GROUP BY user_agent_id
        """,
        {"first": days.first, "last": days.last, "around": DAYS_AROUND, "version": current},
    )
    connection.execute(
        "DELETE FROM rollup.user_agents WHERE user_agent_id IN "
        "(SELECT user_agent_id FROM new_user_agents)"
    )
    new = 0
    for batch in _classified_batches(connection):
        connection.register("classified_batch", batch.to_arrow())
        connection.execute(
            """
            INSERT INTO rollup.user_agents BY NAME
            SELECT
                batch.*, new.user_agent, $version AS classifier_version, $now AS classified_at
            FROM classified_batch AS batch
            INNER JOIN new_user_agents AS new USING (user_agent_id)
            """,
            {"version": current, "now": now},
        )
        connection.unregister("classified_batch")
        new += len(batch)
    connection.execute("DROP TABLE new_user_agents")
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (invalid_reason = 'crawler') FROM rollup.user_agents"
    ).fetchone() or (0, 0)
    return Classified(agents=row[0], new=new, crawlers=row[1])


def unclassified(connection: duckdb.DuckDBPyConnection, days: DayRange) -> list[str | None]:
    """Agents of some days' roll-up that have no row in `rollup.user_agents`."""
    rows = connection.execute(
        f"""
        SELECT DISTINCT left(user_agent, 200)
        FROM rollup.hourly_user_agent_rollup
        WHERE event_date BETWEEN ? AND ?
            AND {AGENT_ID} NOT IN (SELECT user_agent_id FROM rollup.user_agents)
        ORDER BY ALL
        """,
        [days.first, days.last],
    ).fetchall()
    return [agent for (agent,) in rows]


def crawler_share(connection: duckdb.DuckDBPyConnection, days: DayRange) -> float | None:
    """Share of some days' events that come from crawlers; None without events."""
    row = connection.execute(
        f"""
        SELECT
            sum(impression_count + click_count) FILTER (invalid_reason = 'crawler'),
            sum(impression_count + click_count)
        FROM (SELECT *, {AGENT_ID} AS user_agent_id FROM rollup.hourly_user_agent_rollup)
        LEFT JOIN rollup.user_agents USING (user_agent_id)
        WHERE event_date BETWEEN ? AND ?
        """,
        [days.first, days.last],
    ).fetchone()
    return float(row[0] or 0) / float(row[1]) if row and row[1] else None


def _classified_batches(connection: duckdb.DuckDBPyConnection) -> Iterator[pl.DataFrame]:
    """Classifications of the new agents, by id. No more than is looked at is ever in Python."""
    (count,) = connection.execute("SELECT count(*) FROM new_user_agents").fetchone() or (0,)
    if not count:
        return
    classifier = Classifier()
    for first in range(1, count + 1, BATCH_AGENTS):
        agents = connection.execute(
            "SELECT user_agent_id, left(user_agent, ?) FROM new_user_agents "
            "WHERE place >= ? AND place < ?",
            [MATCHED_CHARACTERS, first, first + BATCH_AGENTS],
        ).fetchall()
        yield pl.DataFrame(
            [
                {"user_agent_id": agent_id} | asdict(classifier.classify(agent))
                for agent_id, agent in agents
            ],
            schema={
                "user_agent_id": pl.String,
                **dict.fromkeys(Classification.__dataclass_fields__, pl.String),
            },
        )


def _device_class(text: str, system: str, device: str) -> DeviceClass:
    """Which kind of device it is, by its name, its system, and what Android's browsers add.

    An iPad that asks for desktop pages calls itself a Mac, so it is a desktop here.
    """
    if any(screen in device or f"{screen} " in text for screen in SCREENS):
        return "other"
    if device in ("iPad", "Kindle") or (system in MOBILE_SYSTEMS and "Tablet" in text):
        return "tablet"
    if system == "Android":
        # By Google's rule, phones say Mobile and tablets do not; apps that are no browser say
        # neither.
        return "tablet" if "Safari/" in text and "Mobile" not in text else "mobile"
    if system in MOBILE_SYSTEMS:
        return "mobile"
    return "desktop" if system in DESKTOP_SYSTEMS else "other"
