"""What the report is told of checks, and the charts in the metadata of published marts."""

import dagster as dg
import pytest

from adtech_assets.defs.evaluations import latest_evaluations
from adtech_assets.defs.pictures import picture_metadata
from adtech_assets_tests.publish import marts


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


class Small:
    """A graph of one asset that asks for the evaluations, and of checks before and after it."""

    def __init__(self, instance):
        self.instance = instance
        self.outcomes = {"first": True, "warning": True, "last": True}
        self.told = []

    def run(self, **outcomes):
        self.outcomes |= outcomes

        @dg.asset
        def numbers():
            pass

        @dg.asset_check(asset=numbers, blocking=True)
        def first():
            return dg.AssetCheckResult(passed=self.outcomes["first"], description="one differs")

        @dg.asset_check(asset=numbers)
        def warning():
            return dg.AssetCheckResult(
                passed=self.outcomes["warning"], severity=dg.AssetCheckSeverity.WARN
            )

        @dg.asset(deps=[numbers])
        def report(context: dg.AssetExecutionContext):
            keys = context.job_def.asset_layer.asset_graph.asset_check_keys
            self.told = latest_evaluations(context.instance, keys)

        @dg.asset_check(asset=report)
        def last():
            return dg.AssetCheckResult(passed=self.outcomes["last"])

        dg.materialize(
            [numbers, first, warning, report, last], instance=self.instance, raise_on_error=False
        )
        return [(check.asset, check.name, check.outcome) for check in self.told]

    def now(self):
        keys = [
            dg.AssetCheckKey(dg.AssetKey(asset), name)
            for asset, name in (("numbers", "first"), ("numbers", "warning"), ("report", "last"))
        ]
        return {
            check.name: (check.outcome, check.description)
            for check in latest_evaluations(self.instance, keys)
        }


@pytest.fixture
def small(instance):
    return Small(instance)


def test_a_run_tells_of_the_checks_it_has_come_to(small):
    assert sorted(small.run(warning=False)) == [
        ("numbers", "first", "passed"),
        ("numbers", "warning", "warned"),
    ]


def test_of_a_check_still_to_come_the_run_before_is_told(small):
    small.run(last=False)
    assert ("report", "last", "failed") in small.run(last=True)
    assert small.now()["last"][0] == "passed"


def test_only_the_latest_evaluation_counts(small):
    small.run(first=False)
    assert small.now()["first"] == ("failed", "one differs")
    small.run(first=True)
    assert small.now()["first"] == ("passed", "one differs")


def test_nothing_is_told_before_the_first_run(small):
    assert small.now() == {}


def test_published_marts_carry_their_chart(target):
    with target.connect() as connection:
        marts.fill(connection, marts.Business(days=3, campaigns=2))
    metadata = picture_metadata(dg.build_asset_context(), target)
    chart = metadata["fct_daily_summary"]["chart"]
    assert isinstance(chart, dg.MarkdownMetadataValue)
    assert chart.value.startswith("![22\N{EN DASH}24 Jun 2022: ")
    assert "](data:image/svg+xml;base64," in chart.value


def test_a_chart_that_cannot_be_drawn_does_not_fail_the_publishing(target):
    with target.connect() as connection:
        marts.create(connection)
        connection.execute("ALTER TABLE marts.fct_daily_summary ALTER clicks TYPE text")
        marts.insert(
            connection,
            "marts.fct_daily_summary",
            {"event_date": marts.LAST_DAY, "impressions": 1, "clicks": "no number", "ctr": 0},
        )
    assert picture_metadata(dg.build_asset_context(), target) == {}
