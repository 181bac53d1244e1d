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
    """Whether the lineage of all was known before, and what is told of each."""
    lineage = ColumnLineage(folder, manifest)
    seen = list(lineage.attached(events))
    lineage.keep()
    is_known = lineage.is_known(event.metadata["unique_id"].value for event in events)
    return is_known, [seen_event.metadata for seen_event in seen]


def test_what_one_step_has_found_later_ones_tell(tmp_path, manifest):
    run(tmp_path, manifest, event("model.a", **{LINEAGE: FOUND}))
    run(tmp_path, manifest, event("model.b", **{LINEAGE: FOUND}))

    is_known, (a, b) = run(tmp_path, manifest, event("model.a"), event("model.b"))

    assert is_known
    assert a[LINEAGE].value == FOUND
    assert a["dagster/row_count"].value == 2
    assert b[LINEAGE].value == FOUND


def test_a_model_that_no_step_has_found_is_not_known(tmp_path, manifest):
    run(tmp_path, manifest, event("model.a", **{LINEAGE: FOUND}))

    is_known, (_, b) = run(tmp_path, manifest, event("model.a"), event("model.b"))

    assert not is_known
    assert LINEAGE not in b


def test_a_changed_project_is_looked_at_again(tmp_path, manifest):
    run(tmp_path, manifest, event("model.a", **{LINEAGE: FOUND}))
    manifest.write_text('{"changed": true}')

    is_known, (a,) = run(tmp_path, manifest, event("model.a"))

    assert not is_known
    assert LINEAGE not in a


def test_only_the_lineage_of_the_newest_project_is_kept(tmp_path, manifest):
    for content in ("{}", '{"changed": true}'):
        manifest.write_text(content)
        run(tmp_path, manifest, event("model.a", **{LINEAGE: FOUND}))

    assert len(list(tmp_path.glob("column_lineage-*"))) == 1


def test_snapshots_and_tests_have_no_lineage_to_wait_for(tmp_path, manifest):
    test = dg.AssetCheckResult(
        passed=True,
        asset_key=["marts", "a"],
        check_name="unique",
        metadata={"unique_id": "test.unique"},
    )

    is_known, (of_snapshot, of_test) = run(tmp_path, manifest, event("snapshot.a"), test)

    assert is_known
    assert LINEAGE not in of_snapshot
    assert LINEAGE not in of_test
