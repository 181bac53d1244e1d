"""What the checks that are dbt tests say of themselves."""

import pytest

from adtech_assets_tests.sample_feed import PROJECT

DESCRIPTIONS = {test.check_name: test.description for test in PROJECT.tests.values()}


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("unique_dim_campaigns_campaign_id", "No two rows have the same `campaign_id`."),
        (
            "fct_campaign_daily_has_one_row_per_key",
            "No two rows have the same `campaign_id` and `event_date`.",
        ),
        (
            "not_null_stg_operational__clicks_click_id",
            "Every row has a `click_id`.",
        ),
        (
            "accepted_values_fct_weekly_movers_dimension__campaign__publisher_domain__deal",
            "Every `dimension` is one of `campaign`, `publisher_domain`, `deal`.",
        ),
        (
            "relationships_stg_operational__campaigns_advertiser_id__id__source_operational_advertisers_",
            "Every `advertiser_id` is a `id` of `operational.advertisers`.",
        ),
        (
            "campaign_cost_totals_logged_clicks",
            "Each day, `clicks` adds up to the logged clicks.",
        ),
    ],
)
def test_a_generic_test_says_what_is_true_when_it_passes(check, says):
    assert DESCRIPTIONS[check] == says


def test_what_is_written_beside_a_test_counts():
    assert DESCRIPTIONS["daily_summary_totals_staged_events"].startswith("Per day, fct_daily_summ")


def test_every_test_says_something():
    assert [check for check, says in DESCRIPTIONS.items() if not says] == []
