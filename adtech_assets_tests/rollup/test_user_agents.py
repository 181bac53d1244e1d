"""What is known of a user agent, and that each is classified once."""

from __future__ import annotations

from datetime import datetime

import crawleruseragents
import pytest

from adtech_assets.rollup import user_agents
from adtech_assets.rollup.classifier import MATCHED_CHARACTERS, Classifier
from adtech_assets.rollup.user_agents import classify_days, unclassified
from adtech_assets.stores.warehouse import transaction
from adtech_assets_tests.feed.deliveries import DAY, NEXT_DAY, build_rollup, days, deliver, ingest

NOW = datetime(2022, 5, 27, 1)  # noqa: DTZ001 - times in the warehouse are naive UTC
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/124.0.0.0 Safari/537.36"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1"
)
COMPOSED, DECOMPOSED = "\u00e9", "e\u0301"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"

BROWSERS = [
    (CHROME, "Chrome", "Windows", "desktop"),
    (f"{CHROME} Edg/124.0.0.0", "Edge", "Windows", "desktop"),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Firefox", "Windows", "desktop",
    ),
    (
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/17.4.1 Safari/605.1.15"),
        "Safari", "Mac OS X", "desktop",
    ),
    (
        f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/124.0.0.0 Safari/537.36",
        "Chrome", "Chrome OS", "desktop",
    ),
    (
        "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)",
        "IE", "Windows", "desktop",
    ),
    (IPHONE, "Mobile Safari", "iOS", "mobile"),
    (
        f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {WEBKIT} Chrome/124.0.0.0 Mobile Safari/537.36",
        "Chrome Mobile", "Android", "mobile",
    ),
    (
        (f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} "
        "SamsungBrowser/24.0 Chrome/117.0.0.0 Mobile Safari/537.36"),
        "Samsung Internet", "Android", "mobile",
    ),
    ("Dalvik/2.1.0 (Linux; U; Android 11; SM-G998B)", "Android", "Android", "mobile"),
    (
        ("Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1"),
        "Mobile Safari", "iOS", "tablet",
    ),
    (
        f"Mozilla/5.0 (Linux; Android 13; SM-X906C) {WEBKIT} Chrome/120.0.0.0 Safari/537.36",
        "Chrome", "Android", "tablet",
    ),
    (
        ("Mozilla/5.0 (SMART-TV; Linux; Tizen 6.5) AppleWebKit/537.36 "
        "(KHTML, like Gecko) SamsungBrowser/4.0 Chrome/85.0.4183.93 TV Safari/537.36"),
        "Samsung Internet", "Tizen", "other",
    ),
    (
        ("Mozilla/5.0 (PlayStation; PlayStation 5/6.50) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Version/13.0 Safari/605.1.15"),
        "Safari", "Other", "other",
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def classifier():
    return Classifier()


@pytest.mark.parametrize(("agent", "browser", "system", "device_class"), BROWSERS)
def test_a_person_s_browser_is_known_and_valid(classifier, agent, browser, system, device_class):
    known = classifier.classify(agent)
    assert (known.browser_family, known.os_family) == (browser, system)
    assert known.device_class == device_class
    assert known.invalid_reason is known.crawler_pattern is None


@pytest.mark.parametrize(
    ("agent", "pattern"),
    [
        (GOOGLEBOT, r"Googlebot\/"),
        ("curl/8.4.0", "^curl"),
        ("python-requests/2.31.0", "python-requests"),
        (CHROME.replace("Chrome/", "HeadlessChrome/"), "HeadlessChrome"),
        # Unknown to crawler-user-agents, known to ua-parser.
        ("Mozilla/5.0 (compatible; NewBot/1.0)", "ua-parser: NewBot"),
    ],
)
def test_a_crawler_is_known_by_its_pattern_and_is_no_device(classifier, agent, pattern):
    known = classifier.classify(agent)
    assert (known.invalid_reason, known.crawler_pattern) == ("crawler", pattern)
    assert known.device_class == "other"


@pytest.mark.parametrize("agent", [None, "", "-", " ", "\t", " - ", " " * 1_000_000])
def test_no_agent_nothing_but_blanks_and_a_dash_are_missing(classifier, agent):
    assert classifier.classify(agent).invalid_reason == "missing_user_agent"


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0",
        "some user agent",
        "null",
        "'; DROP TABLE csv_data_task; --",
        "\N{PILE OF POO}",
    ],
)
def test_what_nobody_knows_is_no_browser(classifier, agent):
    known = classifier.classify(agent)
    assert known.invalid_reason == "non_browser"
    assert known.browser_family == known.os_family == known.device_family == "Other"
    assert known.device_class == "other"


def test_crawlers_are_found_as_their_package_finds_them(classifier):
    """Its own examples through another matcher: the same first pattern."""
    data = crawleruseragents.CRAWLER_USER_AGENTS_DATA
    differ = [
        instance
        for crawler in data[::25]
        for instance in crawler["instances"]
        if classifier.classify(instance).crawler_pattern
        != data[crawleruseragents.matching_crawlers(instance)[0]]["pattern"]
    ]
    assert differ == []


def test_only_the_beginning_of_an_agent_is_looked_at(classifier):
    filling = "x" * MATCHED_CHARACTERS
    assert classifier.classify(f"{CHROME} Googlebot {filling}").invalid_reason == "crawler"
    assert classifier.classify(f"{CHROME} {filling} Googlebot").invalid_reason is None


# ---- the table ---------------------------------------------------------------------------------


def classified(warehouse, *columns):
    rows = warehouse.execute(
        f"SELECT user_agent, {', '.join(columns)} FROM rollup.user_agents"
    ).fetchall()
    return {agent: values if len(values) > 1 else values[0] for agent, *values in rows}


def classify(warehouse, of=None, now=NOW):
    warehouse.execute(user_agents.SCHEMA)
    with transaction(warehouse):
        return classify_days(warehouse, of or days(), now=now)


def load(warehouse, settings, name, *agents, of=None):
    deliver(settings, name, *agents)
    ingest(warehouse, settings, "clicks" if name.startswith("clicks") else "impressions", of)
    build_rollup(warehouse, of)


def test_each_distinct_agent_is_classified_once_byte_by_byte(warehouse, settings):
    load(
        warehouse,
        settings,
        "impressions_2022052611.parquet",
        CHROME,
        CHROME,
        None,
        "",
        COMPOSED,
        DECOMPOSED,
    )
    load(warehouse, settings, "clicks_2022052612.parquet", CHROME, GOOGLEBOT)
    done = classify(warehouse)
    assert (done.agents, done.new, done.crawlers) == (6, 6, 1)
    assert classified(warehouse, "invalid_reason") == {
        CHROME: None,
        GOOGLEBOT: "crawler",
        None: "missing_user_agent",
        "": "missing_user_agent",
        COMPOSED: "non_browser",
        DECOMPOSED: "non_browser",
    }
    ids = classified(warehouse, "user_agent_id")
    assert ids[None] == "0" * 32
    assert ids[""] == "d41d8cd98f00b204e9800998ecf8427e"


def test_only_new_agents_are_classified_the_next_time(warehouse, settings):
    load(warehouse, settings, "impressions_2022052611.parquet", CHROME)
    classify(warehouse)
    load(warehouse, settings, "impressions_2022052612.parquet", CHROME, IPHONE)
    later = NOW.replace(hour=2)
    assert classify(warehouse, now=later).new == 1
    assert classify(warehouse, now=later).new == 0
    assert classified(warehouse, "classified_at") == {CHROME: NOW, IPHONE: later}


def test_another_classifier_classifies_the_agents_of_the_days_again(
    warehouse, settings, monkeypatch
):
    far = DAY.replace(day=1, month=6)
    load(warehouse, settings, "impressions_2022052611.parquet", CHROME)
    load(warehouse, settings, "impressions_2022060111.parquet", IPHONE, of=days(far))
    classify(warehouse, days(DAY, far))
    before = user_agents.classifier_version()
    monkeypatch.setattr(user_agents, "RULES_VERSION", 999)
    assert classify(warehouse).new == 1
    versions = classified(warehouse, "classifier_version")
    assert versions == {CHROME: user_agents.classifier_version(), IPHONE: before}


def test_the_version_names_every_package_that_decides():
    version = user_agents.classifier_version()
    for part in ("rules 1", "ua-parser 1.", "ua-parser-builtins 20", "crawler-user-agents 1."):
        assert part in version


def test_an_agent_is_kept_whole_however_long(warehouse, settings):
    long = f"{CHROME} {'x' * 1_000_000}"
    load(warehouse, settings, "impressions_2022052611.parquet", long, CHROME)
    classify(warehouse)
    assert classified(warehouse, "browser_family") == {long: "Chrome", CHROME: "Chrome"}


def test_more_agents_than_a_batch_are_all_classified(warehouse, settings, monkeypatch):
    monkeypatch.setattr(user_agents, "BATCH_AGENTS", 3)
    agents = [f"agent {n}" for n in range(10)]
    load(warehouse, settings, "impressions_2022052611.parquet", *agents)
    assert classify(warehouse).new == 10
    assert classified(warehouse, "device_class") == dict.fromkeys(agents, "other")


def test_agents_that_are_not_classified_are_told(warehouse, settings):
    load(warehouse, settings, "impressions_2022052611.parquet", CHROME, None)
    classify(warehouse)
    assert unclassified(warehouse, days(DAY, NEXT_DAY)) == []
    warehouse.execute("DELETE FROM rollup.user_agents WHERE user_agent IS NULL")
    assert unclassified(warehouse, days(DAY, NEXT_DAY)) == [None]


def test_the_share_of_crawlers_is_of_the_days_events(warehouse, settings):
    load(warehouse, settings, "impressions_2022052611.parquet", CHROME, CHROME, CHROME, GOOGLEBOT)
    classify(warehouse)
    assert user_agents.day_totals(warehouse, days(DAY, NEXT_DAY)) == {DAY: (2, 1 / 4)}
