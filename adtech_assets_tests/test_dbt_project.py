"""The rules of dbt_project_evaluator, on the manifest: how the dbt project is built.

The package itself would be a dependency of the dbt project and some 60 models more. Each test below
is one of its `fct_` models, which is named, with its default thresholds. Not here is what reads
results instead of the project (coverage by model type), and what dbt-bouncer asks more strictly.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import cache
from pathlib import PurePosixPath

from adtech_assets.defs.dbt_project import DBT_DIR, dbt_project, parsed
from adtech_assets_tests.sample_feed import SAMPLE

FANOUT_THRESHOLD = 3
TOO_MANY_JOINS = 7
CHAINED_VIEWS_THRESHOLD = 5

PREFIXES = {
    "staging": ("stg_",),
    "intermediate": ("int_",),
    # A mart that gathers what facts and dimensions say is neither of them.
    "marts": ("fct_", "dim_", "mart_"),
}


@cache
def manifest():
    dbt_project(SAMPLE)
    return json.loads((parsed(DBT_DIR, SAMPLE) / "manifest.json").read_bytes())


def nodes(*types):
    return {
        name: node for name, node in manifest()["nodes"].items() if node["resource_type"] in types
    }


def models():
    return nodes("model")


@cache
def parents():
    """Direct parents of models, snapshots and exposures."""
    resources = nodes("model", "snapshot") | manifest()["exposures"]
    return {name: set(node["depends_on"]["nodes"]) for name, node in resources.items()}


@cache
def children():
    found = defaultdict(set)
    for child, its_parents in parents().items():
        for parent in its_parents:
            found[parent].add(child)
    return found


def layer(name):
    """Layer of a model: the folder below models/; None for anything else."""
    node = models().get(name)
    return PurePosixPath(node["original_file_path"]).parts[1] if node else None


def is_source(name):
    return name.startswith("source.")


def attached_tests(name):
    return [
        node["test_metadata"]
        for node in nodes("test").values()
        if node.get("attached_node") == name and node.get("test_metadata")
    ]


# ---- the graph -----------------------------------------------------------------------------------


def test_only_staging_reads_sources():  # fct_marts_or_intermediate_dependent_on_source
    readers = {name for name in parents() if any(map(is_source, parents()[name]))}
    assert {layer(name) for name in readers} == {"staging"}


def test_no_model_reads_a_source_and_a_model():  # fct_direct_join_to_source
    mixed = [
        name
        for name, its_parents in parents().items()
        if any(map(is_source, its_parents)) and not all(map(is_source, its_parents))
    ]
    assert mixed == []


def test_a_staging_model_reads_one_source():  # fct_multiple_sources_joined
    assert [name for name in parents() if sum(map(is_source, parents()[name])) > 1] == []


UNREAD = {
    "source.adtech.logs.impression_logs",
    "source.adtech.logs.click_logs",
    "source.adtech.rollup.hourly_user_agent_rollup",
}
"""Described for models of yours: single events, ours begin at what is counted of them, and what is
loaded into csv_data_task."""


def test_a_source_is_read_by_one_staging_model():  # fct_source_fanout, fct_unused_sources
    assert {name: len(children()[name]) for name in manifest()["sources"]} == {
        name: int(name not in UNREAD) for name in manifest()["sources"]
    }


def test_no_table_is_declared_twice():  # fct_duplicate_sources
    tables = [source["relation_name"] for source in manifest()["sources"].values()]
    assert len(tables) == len(set(tables))


def test_staging_stands_on_sources_only():
    # fct_staging_dependent_on_staging, fct_staging_dependent_on_marts_or_intermediate
    assert [
        name
        for name in models()
        if layer(name) == "staging" and not all(map(is_source, parents()[name]))
    ] == []


def test_no_model_is_without_parents():  # fct_root_models
    assert [name for name in models() if not parents()[name]] == []


# Published marts are leaves: dimensions give them names, extracted days a row for each day.
FANS_OUT = {
    *("model.adtech.dim_advertisers", "model.adtech.dim_campaigns"),
    *("model.adtech.fct_campaign_daily", "model.adtech.stg_operational__extracted_days"),
}


def test_only_what_published_marts_share_fans_out_into_childless_models():  # fct_model_fanout
    # An exposure is no child: it reads every published mart.
    models_below = {name: children()[name] & models().keys() for name in models()}
    leaves = {
        name: [child for child in found if not models_below[child]]
        for name, found in models_below.items()
    }
    assert {name for name, found in leaves.items() if len(found) >= FANOUT_THRESHOLD} == FANS_OUT


def test_no_upstream_concept_is_rejoined():  # fct_rejoining_of_upstream_concepts
    # A parent that reaches a child both directly and through a model that serves nothing else.
    graph = {name: found for name, found in parents().items() if not name.startswith("exposure.")}
    uses = defaultdict(int)
    for its_parents in graph.values():
        for parent in its_parents:
            uses[parent] += 1
    rejoined = [
        (parent, between, child)
        for child, its_parents in graph.items()
        for between in its_parents
        for parent in its_parents & graph.get(between, set())
        if uses[between] == 1
    ]
    assert rejoined == []


def test_no_model_joins_too_much():  # fct_too_many_joins
    assert [name for name in models() if len(parents()[name]) >= TOO_MANY_JOINS] == []


def test_no_long_chains_of_views():  # fct_chained_views_dependencies
    @cache
    def views_above(name):
        views = [
            parent
            for parent in parents().get(name, ())
            if parent in models() and models()[parent]["config"]["materialized"] == "view"
        ]
        return max((1 + views_above(view) for view in views), default=0)

    assert [name for name in models() if views_above(name) > CHAINED_VIEWS_THRESHOLD] == []


def test_no_reference_is_written_out():  # fct_hard_coded_references
    written = re.compile(r"(?i)\b(?<!distinct )(?:from|join)\s+(?:[\w\"]+\.[\w\"]+|'\w+')")
    comments = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)
    assert {
        name: found
        for name, node in models().items()
        if (found := written.findall(comments.sub("", node["raw_code"])))
    } == {}


def test_no_model_reads_the_clock():
    clock = re.compile(r"(?i)\b(now|today|getdate|current_(date|time|timestamp)|localtimestamp)\b")
    macros = {
        name: macro["macro_sql"]
        for name, macro in manifest()["macros"].items()
        if macro["package_name"] == "adtech"
    }
    code = macros | {name: node["raw_code"] for name, node in nodes("model", "test").items()}
    comments = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)
    assert [name for name, text in code.items() if clock.search(comments.sub("", text))] == []


# ---- names and folders -------------------------------------------------------------------------


def test_prefixes_and_folders_agree():  # fct_model_naming_conventions, fct_model_directories
    assert [
        node["name"]
        for name, node in models().items()
        if not node["name"].startswith(PREFIXES[layer(name)])
    ] == []


def test_staging_and_sources_are_in_the_folder_of_their_source():
    # fct_model_directories, fct_source_directories
    for source in manifest()["sources"].values():
        folders = PurePosixPath(source["original_file_path"]).parts
        # What is read of log files is described by the feed file, not in the project.
        assert source["source_name"] in folders or "target" in folders
        for reader in children()[source["unique_id"]]:
            node = models()[reader]
            assert PurePosixPath(node["original_file_path"]).parts[2] == source["source_name"]
            assert node["name"].startswith(f"stg_{source['source_name']}__")


def test_generic_tests_stand_beside_their_models():  # fct_test_directories
    everything = manifest()["nodes"]
    assert [
        node["name"]
        for node in nodes("test").values()
        if node.get("attached_node")
        and PurePosixPath(node["original_file_path"]).parent
        != PurePosixPath(everything[node["attached_node"]]["original_file_path"]).parent
    ] == []


# ---- keys, descriptions, promises ----------------------------------------------------------------


EVENTS_WITHOUT_A_KEY = {
    f"model.adtech.{name}"
    for name in (
        *("stg_rollup__hourly_impressions", "stg_rollup__hourly_clicks"),
        *("stg_rollup__daily_placements", "stg_rollup__daily_landing_pages"),
    )
}


def test_every_model_has_a_tested_key():  # fct_missing_primary_key_tests
    untested = set()
    for name, node in models().items():
        [*keys] = [test["kwargs"] for test in attached_tests(name) if test["name"] == "unique"]
        columns = {
            column
            for key in keys
            for column in re.findall(r"\w+", key["column_name"])
            if column in node["columns"]
        }
        if not columns:
            untested.add(name)
        if meta := node["config"]["meta"].get("key"):
            assert columns >= set(meta), f"{name}: the key {meta} is not tested"
    assert untested == EVENTS_WITHOUT_A_KEY


def test_keys_of_tables_that_others_read_are_never_null():
    # In fct_missing_primary_key_tests a constraint counts as a test.
    for name, node in models().items():
        if node["access"] != "public":
            continue
        for column in node["config"]["meta"]["key"]:
            types = {constraint["type"] for constraint in node["columns"][column]["constraints"]}
            assert "not_null" in types, f"{name}.{column}"


def test_everything_is_described():
    # fct_undocumented_models, _public_models, _sources, _source_tables; and columns, everywhere
    described = nodes("model", "snapshot") | manifest()["sources"] | manifest()["exposures"]
    for name, node in described.items():
        assert node["description"], name
        for column in node.get("columns", {}).values():
            assert column["description"], f"{name}.{column['name']}"
    for source in manifest()["sources"].values():
        assert source["source_description"], source["name"]


def test_every_source_has_a_freshness():  # fct_sources_without_freshness
    assert [
        name
        for name, source in manifest()["sources"].items()
        if not (source["freshness"] or {}).get("warn_after")
        or not (source["loaded_at_field"] or source["loaded_at_query"])
    ] == []


def test_public_models_have_a_contract():  # fct_public_models_without_contract
    public = {name: node for name, node in models().items() if node["access"] == "public"}
    assert {
        name for name, node in public.items() if not node["config"]["contract"]["enforced"]
    } == (set())
    assert {layer(name) for name in public} == {"marts"}


def test_exposures_stand_on_public_tables():
    # fct_exposures_dependent_on_private_models, fct_exposure_parents_materializations
    for exposure in manifest()["exposures"].values():
        for name in exposure["depends_on"]["nodes"]:
            assert models()[name]["access"] == "public", (exposure["name"], name)
            assert models()[name]["config"]["materialized"] not in ("view", "ephemeral"), name


def test_every_public_mart_is_exposed():
    exposed = {
        name
        for exposure in manifest()["exposures"].values()
        for name in exposure["depends_on"]["nodes"]
    }
    assert {name for name, node in models().items() if node["access"] == "public"} == exposed


def test_every_model_belongs_to_a_group_with_an_owner():
    groups = {group["name"]: group["owner"] for group in manifest()["groups"].values()}
    for name, node in models().items():
        assert groups[node["group"]]["name"] == "maintainers", name
