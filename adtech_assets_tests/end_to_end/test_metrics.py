"""Every metric of the semantic layer by all that it can be grouped by, as MetricFlow answers.

MetricFlow itself makes the SQL, from what dbt parsed; the marts are those of a loaded deployment.
"""

from __future__ import annotations

import logging
import re
from functools import cache
from math import isclose
from types import SimpleNamespace

import duckdb
import pytest
from metricflow.engine.metricflow_engine import MetricFlowEngine, MetricFlowQueryRequest
from metricflow.protocols.sql_client import SqlEngine
from metricflow.sql.render.duckdb_renderer import DuckDbSqlPlanRenderer
from metricflow_semantics.model.dbt_manifest_parser import (
    parse_manifest_from_dbt_generated_manifest,
)
from metricflow_semantics.model.semantic_manifest_lookup import SemanticManifestLookup

from adtech_assets.defs.dbt_project import DBT_DIR, dbt_project, parsed
from adtech_assets_tests.sample_feed import SAMPLE

CAMPAIGNS = """
    marts.fct_campaign_daily AS days
    INNER JOIN marts.dim_campaigns AS campaigns USING (campaign_id)
    INNER JOIN marts.dim_advertisers AS advertisers
        ON days.advertiser_id = advertisers.advertiser_id
"""
QUALITY = "marts.fct_traffic_quality_daily"
TRAFFIC, COST, VIEWS, CLICKS, PLACEMENTS, HOURS = (
    f"marts.{mart} LEFT JOIN marts.dim_campaigns AS campaigns USING (campaign_id)"
    for mart in (
        "fct_campaign_traffic_daily",
        "fct_campaign_cost_daily",
        "fct_campaign_viewability_daily",
        "fct_campaign_click_quality_daily",
        "fct_campaign_placement_daily",
        "fct_campaign_hourly",
    )
)
RECONCILIATION = "marts.fct_log_reconciliation_daily"

# From the marts, in the words of docs/kpis.md: where a metric is, and its formula.
METRICS = {
    "impressions": (CAMPAIGNS, "sum(impressions)"),
    "clicks": (CAMPAIGNS, "sum(clicks)"),
    "estimated_spend": (CAMPAIGNS, "sum(estimated_spend)"),
    "ctr": (
        CAMPAIGNS,
        """
        CASE WHEN sum(clicks) > sum(impressions) THEN 1
        ELSE sum(clicks)::DOUBLE / nullif(sum(impressions), 0) END
        """,
    ),
    "cpc": (CAMPAIGNS, "sum(estimated_spend)::DOUBLE / nullif(sum(clicks), 0)"),
    "ecpm": (CAMPAIGNS, "1000 * sum(estimated_spend)::DOUBLE / nullif(sum(impressions), 0)"),
    "logged_events": (QUALITY, "sum(impressions + clicks)"),
    "invalid_events": (
        QUALITY,
        "coalesce(sum(impressions + clicks) FILTER (invalid_reason <> 'none'), 0)",
    ),
    "valid_events": (
        QUALITY,
        "coalesce(sum(impressions + clicks) FILTER (invalid_reason = 'none'), 0)",
    ),
    "day_events_of_each_reason": (QUALITY, "sum(gross_events)"),
    "invalid_reasons": (QUALITY, "count(DISTINCT invalid_reason)"),
    # Of all events of the group's days.
    "ivt_rate": (
        QUALITY,
        """
        coalesce(sum(impressions + clicks) FILTER (invalid_reason <> 'none'), 0)::DOUBLE
        / nullif((
            SELECT sum(every.impressions + every.clicks)
            FROM marts.fct_traffic_quality_daily AS every
            WHERE list_contains(list(fct_traffic_quality_daily.event_date), every.event_date)
        ), 0)
        """,
    ),
    "gross_impressions": (TRAFFIC, "sum(gross_impressions)"),
    "gross_clicks": (TRAFFIC, "sum(gross_clicks)"),
    "valid_impressions": (TRAFFIC, "sum(valid_impressions)"),
    "valid_clicks": (TRAFFIC, "sum(valid_clicks)"),
    "net_spend": (TRAFFIC, "sum(net_spend)"),
    "net_ctr": (
        TRAFFIC,
        """
        CASE WHEN sum(valid_clicks) > sum(valid_impressions) THEN 1
        ELSE sum(valid_clicks)::DOUBLE / nullif(sum(valid_impressions), 0) END
        """,
    ),
    "priced_impressions": (COST, "sum(priced_impressions)"),
    "total_cost_eur": (COST, "sum(total_cost_eur)"),
    "measurable_impressions": (VIEWS, "sum(measurable_impressions)"),
    "viewable_impressions": (VIEWS, "sum(viewable_impressions)"),
    "visible_ms": (VIEWS, "sum(visible_ms)"),
    "viewable_rate": (
        VIEWS,
        "sum(viewable_impressions)::DOUBLE / nullif(sum(measurable_impressions), 0)",
    ),
    "seconds_in_view": (
        VIEWS,
        "sum(visible_ms)::DOUBLE / nullif(1000 * sum(measurable_impressions), 0)",
    ),
    "timed_clicks": (CLICKS, "sum(timed_clicks)"),
    "fast_clicks": (CLICKS, "sum(clicks_before_impression + clicks_under_1s)"),
    "fast_click_share": (
        CLICKS,
        """
        sum(clicks_before_impression + clicks_under_1s)::DOUBLE
        / nullif(sum(timed_clicks), 0)
        """,
    ),
    "placed_impressions": (PLACEMENTS, "sum(impressions)"),
    "placed_clicks": (PLACEMENTS, "sum(clicks)"),
    "placed_invalid_events": (PLACEMENTS, "sum(invalid_impressions + invalid_clicks)"),
    "placed_ivt_rate": (
        PLACEMENTS,
        """
        sum(invalid_impressions + invalid_clicks)::DOUBLE
        / nullif(sum(impressions + clicks), 0)
        """,
    ),
    "placed_cost_eur": (PLACEMENTS, "sum(total_cost_eur)"),
    "hourly_impressions": (HOURS, "sum(impressions)"),
    "hourly_clicks": (HOURS, "sum(clicks)"),
    "log_events": (RECONCILIATION, "sum(log_events)"),
    "db_events": (RECONCILIATION, "sum(db_events)"),
    "log_db_discrepancy": (
        RECONCILIATION,
        "(sum(log_events) - sum(db_events))::DOUBLE / nullif(sum(db_events), 0)",
    ),
}
GROUPS = {
    "metric_time__day": "event_date",
    "campaign_day__event_date": "event_date",
    "campaign_day__is_in_flight": "is_in_flight",
    "campaign": "campaign_id",
    "campaign__campaign_name": "campaign_name",
    "campaign__campaign_is_current": "campaigns.is_current",
    "advertiser": "days.advertiser_id",
    "advertiser__advertiser_name": "advertiser_name",
    "campaign_traffic_day__event_date": "event_date",
    "campaign_cost_day__event_date": "event_date",
    "campaign_viewability_day__event_date": "event_date",
    "campaign_viewability_day__banner_size": "banner_size",
    "campaign_click_day__event_date": "event_date",
    "campaign_placement_day__event_date": "event_date",
    **{
        f"campaign_placement_day__{name}": name
        for name in (
            *("publisher_domain", "publisher_id", "site_id", "deal", "inventory_source_id"),
            *("slot_position_id", "device_type_id", "country_id"),
        )
    },
    "campaign_placement_day__slot_size": "banner_size",
    "metric_time__hour": "hour_at",
    "campaign_hour__hour_at": "hour_at",
    "campaign_hour__hour_of_day": "extract(hour FROM hour_at)",
    "calendar": "event_date",
    "calendar__weekday_name": "dayname(event_date)",
    "calendar__is_weekend": "isodow(event_date) > 5",
    "traffic_quality_day__event_date": "event_date",
    "traffic_quality_day__invalid_reason": "invalid_reason",
    "log_reconciliation_day__event_date": "event_date",
    "log_reconciliation_day__event_type": "event_type",
}


@cache
def engine():
    """MetricFlow on the parsed project; it only writes SQL, which is asked here."""
    logging.getLogger("metricflow").setLevel(logging.ERROR)
    dbt_project(SAMPLE)
    manifest = parse_manifest_from_dbt_generated_manifest(
        (parsed(DBT_DIR, SAMPLE) / "semantic_manifest.json").read_text()
    )
    dialect = SimpleNamespace(
        sql_engine_type=SqlEngine.DUCKDB, sql_plan_renderer=DuckDbSqlPlanRenderer()
    )
    return MetricFlowEngine(SemanticManifestLookup(manifest), dialect)


def advertised():
    """Every metric with each thing that it can be grouped by, and with nothing."""
    for metric in engine().list_metrics():
        yield metric.name, None
        for group in engine().list_group_bys([metric.name]):
            yield metric.name, getattr(group, "dunder_name", group.name)


@pytest.fixture(scope="module")
def warehouse(loaded):
    with duckdb.connect(loaded.data / "warehouse.duckdb", read_only=True) as connection:
        yield connection


@pytest.fixture
def asked_of_metricflow(warehouse):
    """The values of a metric by groups."""

    def values(metric, *groups):
        request = MetricFlowQueryRequest.create(metric_names=[metric], group_by_names=groups)
        names, rows = answered(warehouse, request)
        # In an order of its own: a group is the column that has its name, perhaps with a grain
        # behind it or a path before it.
        places = [
            next(
                place
                for place, name in enumerate(names)
                if name in (group, f"{group}__day", f"{group}__hour") or name.endswith(f"__{group}")
            )
            for group in groups
        ]
        value = names.index(metric)
        return {
            tuple(str(row[place]).removesuffix(" 00:00:00") for place in places): row[value]
            for row in rows
        }

    return values


def answered(warehouse, request):
    """The names of the columns that MetricFlow answers with, and its rows."""
    cursor = warehouse.execute(engine().explain(request).sql_statement.sql)
    return [name for name, *_ in cursor.description], cursor.fetchall()


def by_key(rows):
    """The last column by those before it."""
    return {
        tuple(str(part).removesuffix(" 00:00:00") for part in key): value for *key, value in rows
    }


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        other = found[key]
        assert (other is None) == (value is None), key
        assert value is None or isclose(other, value, rel_tol=1e-12), (key, other, value)


@pytest.mark.parametrize(("metric", "group"), advertised())
def test_a_metric_by_what_it_can_be_grouped_by_equals_the_mart(
    warehouse, asked_of_metricflow, metric, group
):
    relation, formula = METRICS[metric]
    columns = [GROUPS[group]] if group else []
    grouped = f"GROUP BY {columns[0]}" if columns else ""
    rows = warehouse.execute(
        f"SELECT {', '.join([*columns, formula])} FROM {relation} {grouped}"
    ).fetchall()
    assert rows
    assert_equal(asked_of_metricflow(metric, *([group] if group else [])), by_key(rows))


@pytest.mark.parametrize("query", engine().list_saved_queries(), ids=lambda query: query.name)
def test_a_saved_query_answers_with_the_numbers_of_the_marts(warehouse, query):
    asked = query.query_params
    groups = ["__".join(re.findall("'(.+?)'", group)) for group in asked.group_by]
    request = MetricFlowQueryRequest.create(saved_query_name=query.name)
    names, rows = answered(warehouse, request)
    assert set(names) == {*groups, *asked.metrics}
    for metric in asked.metrics:
        relation, formula = METRICS[metric]
        columns = ", ".join(GROUPS[group] for group in groups)
        expected = warehouse.execute(
            f"SELECT {columns}, {formula} FROM {relation} GROUP BY {columns}"
        ).fetchall()
        places = [names.index(name) for name in (*groups, metric)]
        found = [[row[place] for place in places] for row in rows]
        assert_equal(by_key(found), by_key(expected))


def test_every_metric_has_its_formula_here():
    found = {metric.name for metric in engine().list_metrics()}
    assert found == METRICS.keys()


@pytest.mark.parametrize(
    ("metric", "mart", "groups"),
    [
        ("ctr", "fct_daily_summary", {"metric_time__day": "event_date"}),
        *(
            (
                metric,
                "fct_campaign_daily",
                {"campaign": "campaign_id", "metric_time__day": "event_date"},
            )
            for metric in ("ctr", "cpc", "ecpm")
        ),
        *(
            (
                metric,
                "fct_advertiser_daily",
                {"advertiser": "advertiser_id", "metric_time__day": "event_date"},
            )
            for metric in ("impressions", "clicks", "estimated_spend", "ctr")
        ),
        *(
            (
                metric,
                "fct_campaign_traffic_daily",
                {"campaign": "campaign_id", "metric_time__day": "event_date"},
            )
            for metric in ("net_ctr", "net_spend", "gross_impressions")
        ),
        *(
            (
                metric,
                "fct_campaign_viewability_daily",
                {
                    "campaign": "campaign_id",
                    "campaign_viewability_day__banner_size": "banner_size",
                    "metric_time__day": "event_date",
                },
            )
            for metric in ("viewable_rate", "seconds_in_view")
        ),
        (
            "fast_click_share",
            "fct_campaign_click_quality_daily",
            {"campaign": "campaign_id", "metric_time__day": "event_date"},
        ),
        (
            "ivt_rate",
            "fct_traffic_quality_daily",
            {
                "traffic_quality_day__invalid_reason": "invalid_reason",
                "metric_time__day": "event_date",
            },
        ),
        (
            "log_db_discrepancy",
            "fct_log_reconciliation_daily",
            {
                "log_reconciliation_day__event_type": "event_type",
                "metric_time__day": "event_date",
            },
        ),
    ],
)
def test_a_ratio_by_the_key_of_its_mart_is_the_marts_column(
    warehouse, asked_of_metricflow, metric, mart, groups
):
    columns = ", ".join(groups.values())
    rows = warehouse.execute(f"SELECT {columns}, {metric} FROM marts.{mart}").fetchall()
    assert_equal(asked_of_metricflow(metric, *groups), by_key(rows))


def test_the_rates_of_the_reasons_add_up(asked_of_metricflow):
    by_reason = asked_of_metricflow("ivt_rate", "traffic_quality_day__invalid_reason")
    [whole] = asked_of_metricflow("ivt_rate").values()
    assert 0 < by_reason["crawler",] < whole < 1
    assert by_reason["none",] == 0
    assert isclose(sum(by_reason.values()), whole)
