import dagster as dg
import pytest

from adtech_assets.defs.column_lineage import LINEAGE, ColumnLineage

FOUND = dg.TableColumnLineage(
    {"ctr": [dg.TableColumnDep(asset_key=["marts", "fct_daily_summary"], column_name="clicks")]}
)


def event(model, **metadata):
    return dg.Output(None, metadata={"unique_id": model, "dagster/row_count": 2} | metadata)


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.json"
    path.write_text("{}")
    return path


def run(folder, manifest, *events):
    lineage = ColumnLineage(folder, manifest)
    seen = list(lineage.attached(events))
    lineage.keep()
    return lineage.is_known, [seen_event.metadata for seen_event in seen]


def test_what_one_run_has_found_the_next_one_tells(tmp_path, manifest):
    run(tmp_path, manifest, event("model.a", **{LINEAGE: FOUND}), event("model.b"))

    is_known, (a, b) = run(tmp_path, manifest, event("model.a"), event("model.b"))

    assert is_known
    assert a[LINEAGE].value == FOUND
    assert a["dagster/row_count"].value == 2
    assert LINEAGE not in b


def test_a_changed_project_is_looked_at_again(tmp_path, manifest):
    run(tmp_path, manifest, event("model.a", **{LINEAGE: FOUND}))
    manifest.write_text('{"changed": true}')

    is_known, (a,) = run(tmp_path, manifest, event("model.a"))

    assert not is_known
    assert LINEAGE not in a
    assert len(list(tmp_path.glob("column_lineage-*"))) == 1


def test_events_of_no_model_pass(tmp_path, manifest):
    check = dg.AssetCheckResult(passed=True, asset_key=["marts", "a"], check_name="unique")

    lineage = ColumnLineage(tmp_path, manifest)

    assert list(lineage.attached([check])) == [check]
