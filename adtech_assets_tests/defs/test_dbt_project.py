"""The dbt project is parsed when it has changed, and tells what decides the rows of its models."""

import os
import shutil
from pathlib import Path

import pytest

from adtech_assets.defs import dbt_parsing
from adtech_assets.defs.dbt_project import (
    DBT_DIR,
    GRAPH,
    MANIFEST,
    dbt_project,
    fresh,
    parsed,
    read,
)
from adtech_assets.errors import UserError
from adtech_assets_tests.sample_feed import SAMPLE

BEFORE = dbt_project(SAMPLE)
MODELS = Path("models")


def copy_of_the_project(folder):
    """As it has been parsed."""
    copy = folder / "dbt"
    shutil.copytree(DBT_DIR, copy, ignore=shutil.ignore_patterns("compiled", "target.lock"))
    return copy


def edit(project, path, old, new):
    text = (project / path).read_text()
    assert old in text, f"{path} has no {old!r}"
    (project / path).write_text(text.replace(old, new))


@pytest.fixture
def project(tmp_path):
    """A copy of the project, as it has been parsed."""
    return copy_of_the_project(tmp_path)


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """The project with a change of every kind, parsed again: 10 s."""
    project = copy_of_the_project(tmp_path_factory.mktemp("changed"))
    edit(
        project,
        MODELS / "staging/rollup/stg_rollup__user_agents.sql",
        "coalesce(invalid_reason",
        "ifnull(invalid_reason",
    )
    edit(project, "macros/metrics/wilson_bound.sql", "1.959963984540054", "2.575829303548901")
    edit(project, "macros/cross_db/default__replace_days.sql", "delete from", "delete  from")
    dates = MODELS / "marts/advertising/_advertising__models.yml"
    weekday = "English name of the weekday.\n        data_type: "
    edit(project, dates, f"{weekday}varchar", f"{weekday}text")
    snapshots = "snapshots/_operational__snapshots.yml"
    edit(project, snapshots, "[advertiser_name, created_at]", "[advertiser_name]")
    totals = "tests/integrity/operational_marts_total_attributed_events.sql"
    edit(project, totals, "group by 1, 2", "group by mart, event_date")
    edit(
        project,
        "tests/generic/clicks_within_impressions.sql",
        "clicks > impressions",
        "not clicks <= impressions",
    )
    edit(
        project,
        MODELS / "marts/traffic/_traffic__models.yml",
        "User agents ever logged",
        "All agents",
    )
    edit(project, "macros/_macros.yml", "Quotient as double", "The quotient")
    return read(project, SAMPLE)


def test_a_model_has_other_code_if_something_decides_its_rows_or_columns_otherwise(changed):
    incremental = {m.name for m in BEFORE.models.values() if m.materialized == "incremental"}

    assert {
        name for name, model in changed.models.items() if model.code != BEFORE.models[name].code
    } == {
        # A view's SQL.
        "stg_rollup__user_agents",
        # A macro that others use.
        *("fct_campaign_daily", "fct_campaign_ctr", "mart_campaign_kpis"),
        # How days are replaced.
        *incremental,
        # Views on what has changed, however far below: DuckDB would not know them again.
        "int_log_events_classified",
        *("int_campaign_events_attributed", "int_campaign_terms_daily"),
        *("int_campaign_billing_days", "int_log_campaign_days", "int_hours"),
        # A column that is promised.
        "dim_dates",
        # What makes a version.
        "snap_operational__advertisers",
    }


def test_a_test_has_other_code_if_its_sql_has_changed(changed):
    assert {
        test.check_name
        for test in changed.tests.values()
        if test.code != BEFORE.tests[test.unique_id].code
    } == {
        "operational_marts_total_attributed_events",
        "campaign_ctr_clicks_are_within_impressions",
        "daily_summary_clicks_are_within_impressions",
    }


def test_what_is_said_of_a_model_does_not_count(changed):
    now, before = changed.models["dim_user_agents"], BEFORE.models["dim_user_agents"]

    assert now.description.startswith("All agents")
    assert now.code == before.code


def test_what_is_fresh_is_not_parsed(project):
    parsed_at = (parsed(project, SAMPLE) / GRAPH).stat().st_mtime_ns

    assert read(project, SAMPLE) == BEFORE
    assert (parsed(project, SAMPLE) / GRAPH).stat().st_mtime_ns == parsed_at


def test_what_is_fresh_may_be_read_only(project):
    for folder in (project, *(path for path in project.rglob("*") if path.is_dir())):
        folder.chmod(0o555)

    assert read(project, SAMPLE) == BEFORE
    assert not (project / "target.lock").exists()


@pytest.mark.parametrize(
    "path",
    [
        "dbt_project.yml",
        "models/groups.yml",
        "macros/metrics/ctr.sql",
        "tests/generic/unique.sql",
        "snapshots/_operational__snapshots.yml",
    ],
)
def test_a_changed_file_makes_it_outdated_whatever_its_time(project, path):
    times = (project / path).stat()
    edit(project, path, "\n", " \n")
    os.utime(project / path, ns=(times.st_atime_ns, times.st_mtime_ns))

    assert fresh(project, SAMPLE) is None


def test_a_file_that_is_deleted_makes_it_outdated(project):
    (project / "tests/integrity/daily_summary_totals_staged_events.sql").unlink()

    assert fresh(project, SAMPLE) is None


def test_a_file_that_is_only_touched_does_not(project):
    os.utime(project / "models/groups.yml")

    assert fresh(project, SAMPLE) == BEFORE


def test_a_file_that_changes_while_it_is_parsed_makes_it_outdated(project, monkeypatch):
    edit(project, "models/groups.yml", "\n", " \n")
    invoke = dbt_parsing.invoke

    def meanwhile(*arguments, **named):
        result = invoke(*arguments, **named)
        edit(project, "models/groups.yml", " \n", "  \n")
        return result

    with monkeypatch.context() as editing:
        editing.setattr(dbt_parsing, "invoke", meanwhile)
        dbt_parsing.parse(project, SAMPLE)

    assert fresh(project, SAMPLE) is None


def test_what_a_failed_parse_leaves_is_not_taken_for_what_was_parsed_before(project):
    model = MODELS / "staging/logs/stg_logs__log_files.sql"
    edit(project, model, "'log_files'", "'nothing'")
    with pytest.raises(UserError):
        read(project, SAMPLE)

    edit(project, model, "'nothing'", "'log_files'")

    assert fresh(project, SAMPLE) is None


@pytest.mark.parametrize("path", [GRAPH, MANIFEST])
def test_a_missing_file_makes_it_outdated(project, path):
    (parsed(project, SAMPLE) / path).unlink()

    assert fresh(project, SAMPLE) is None


def test_another_dbt_makes_it_outdated(project):
    edit(
        parsed(project, SAMPLE),
        GRAPH,
        f'"dbt_version": "{BEFORE.dbt_version}"',
        '"dbt_version": "1.0.0"',
    )

    assert fresh(project, SAMPLE) is None


def test_what_an_older_version_of_this_code_has_left_is_outdated(project):
    graph = parsed(project, SAMPLE)
    edit(graph, GRAPH, '"settings": ', '"uses_timezone": ')
    edit(graph, GRAPH, BEFORE.digest, "of other code")

    assert fresh(project, SAMPLE) is None


def test_a_project_that_cannot_be_parsed_is_told_and_not_taken_for_fresh(project):
    edit(project, MODELS / "staging/logs/stg_logs__log_files.sql", "'log_files'", "'nothing'")

    with pytest.raises(UserError, match="depends on a source named 'logs.nothing'"):
        read(project, SAMPLE)
    assert fresh(project, SAMPLE) is None
