"""The graph of the dbt project as every process reads it."""

from adtech_assets.defs.dbt_project import DBT_DIR, GRAPH, parsed
from adtech_assets.models.project import dump, load
from adtech_assets_tests.sample_feed import PROJECT, SAMPLE

MODELS = PROJECT.models


def test_what_is_written_is_read_again(tmp_path):
    (tmp_path / "graph.json").write_text(dump(PROJECT))

    assert load(tmp_path / "graph.json") == PROJECT == load(parsed(DBT_DIR, SAMPLE) / GRAPH)


def test_each_model_stands_behind_those_that_it_reads():
    seen = set(PROJECT.sources)
    for model in MODELS.values():
        assert seen.issuperset(model.inputs), model.name
        seen.add(model.name)


def test_a_source_is_known_by_its_table_and_its_asset():
    assert MODELS["stg_rollup__user_agents"].inputs == ("rollup.user_agents",)
    assert PROJECT.asset_key("rollup.user_agents") == ("user_agents",)
    assert PROJECT.asset_key("raw.click_logs") == ("raw", "click_logs")
    assert PROJECT.asset_key("fct_daily_summary") == ("marts", "fct_daily_summary")


def test_events_of_logs_are_on_the_days_around_their_files():
    around = {model.name: model.days_around for model in MODELS.values() if model.days_around}

    assert around == {
        "int_log_events_hourly": {
            "stg_rollup__hourly_impressions": 1,
            "stg_rollup__hourly_clicks": 1,
        },
        "int_log_landing_pages_daily": {"stg_rollup__daily_landing_pages": 1},
        "int_log_placements_daily": {"stg_rollup__daily_placements": 1},
        "int_log_events_classified": {"stg_rollup__user_agents": 1},
    }
    for name, inputs in around.items():
        assert set(inputs) <= set(MODELS[name].inputs)


def test_the_time_zone_decides_the_hours_and_the_flights_and_nothing_else():
    assert {m.name for m in MODELS.values() if "timezone" in m.settings} == {
        "int_log_events_hourly",
        "int_log_landing_pages_daily",
        "int_log_placements_daily",
        "dim_dates",
        "fct_campaign_hour_profiles",
        "int_campaign_terms_daily",
        "fct_campaign_daily",
    }
    assert [t.check_name for t in PROJECT.tests.values() if "timezone" in t.settings] == [
        "user_agent_hourly_totals_logged_events"
    ]


def test_how_many_members_have_rows_decides_pages_and_placements():
    assert {m.name for m in MODELS.values() if "most_members" in m.settings} == {
        "fct_campaign_landing_pages_daily",
        "int_log_placements_daily",
        "fct_campaign_placement_daily",
        "fct_weekly_movers",
    }


def test_the_summary_has_every_day_the_marts_of_logs_may_lose_one():
    assert [m.name for m in MODELS.values() if m.has_every_day] == ["fct_daily_summary"]


def test_columns_have_their_types_in_duckdb_even_where_nobody_has_written_them_down():
    columns = MODELS["stg_rollup__daily_landing_pages"].columns
    types = {name: column.type for name, column in columns.items()}

    assert types == {
        "log_campaign_id": "VARCHAR",
        "landing_page": "VARCHAR",
        "undated_hour": "TINYINT",
        "clicks": "BIGINT",
        "timed_clicks": "BIGINT",
        "fast_clicks": "BIGINT",
        "file_date": "DATE",
        "occurred_on": "DATE",
    }
    assert all(column.description for m in MODELS.values() for column in m.columns.values())


def test_a_column_is_traced_to_those_that_it_is_made_of():
    hourly = ("intermediate", "int_campaign_events_hourly")

    assert MODELS["fct_daily_summary"].column_lineage == {
        "event_date": ((("staging", "stg_operational__extracted_days"), "event_date"),),
        "impressions": ((hourly, "impressions"),),
        "clicks": ((hourly, "clicks"),),
        "ctr": ((hourly, "clicks"), (hourly, "impressions")),
    }
    traced = {name for name, model in MODELS.items() if model.column_lineage}
    assert traced == {n for n, model in MODELS.items() if model.materialized != "snapshot"}


def test_a_test_is_daily_if_it_looks_at_days():
    daily = {test.check_name for test in PROJECT.tests.values() if test.is_daily}

    assert daily == {
        "campaign_ctr_totals_staged_events",
        "campaign_events_attributed_has_one_row_per_key",
        "campaign_events_hourly_has_one_row_per_key",
        "daily_summary_clicks_are_within_impressions",
        "daily_summary_totals_staged_events",
        "fct_campaign_hourly_has_one_row_per_key",
        "log_campaign_measures_daily_has_one_row_per_key",
        "log_events_classified_has_one_row_per_key",
        "log_landing_pages_daily_has_one_row_per_key",
        "log_placements_daily_have_one_row_per_key",
        "log_reconciliation_totals_both_sides",
        "traffic_quality_totals_user_agent_hours",
        "unique_stg_operational__clicks_click_id__event_date",
        "unique_stg_operational__impressions_impression_id__event_date",
        "user_agent_hourly_totals_logged_events",
    }
    warnings = {test.check_name for test in PROJECT.tests.values() if not test.is_error}
    assert warnings == {
        "campaign_bids_and_budgets_make_sense",
        "campaign_ctr_clicks_are_within_impressions",
        "closed_months_are_as_their_days_say",
        "daily_summary_clicks_are_within_impressions",
        (
            "relationships_stg_operational__campaigns_advertiser_id__id__source_operational_"
            "advertisers_"
        ),
    }
