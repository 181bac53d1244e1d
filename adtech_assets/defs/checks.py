"""Asset checks: at every stage that can go wrong, blocking where a wrong number would be published.

A check that blocks looks at the run's days, and at those that it has not passed yet; started by
itself it looks at every day. The others tell of what stands whatever is loaded, such as files in
quarantine, gaps and unequal counts: they look at every day in any case, as `adtech status` does.
dbt's tests are checks too, defined beside the models.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import dagster as dg
import duckdb
import psycopg

from adtech_assets import graph
from adtech_assets.audit import offsets, row_counts, status
from adtech_assets.audit.status import read_status
from adtech_assets.contract import KINDS, Kind
from adtech_assets.defs.assets.landing import LANDING_KEYS
from adtech_assets.defs.assets.load import csv_data_task, daily_csv, processed_log_files
from adtech_assets.defs.assets.raw import EXTRACTED_DAYS_KEY, RAW_LOG_KEYS, RAW_OPERATIONAL_KEYS
from adtech_assets.defs.assets.rollup import hourly_user_agent_rollup, user_agents
from adtech_assets.defs.check_results import result, switched_off
from adtech_assets.defs.days import days_to_check
from adtech_assets.defs.resources import WarehouseResource
from adtech_assets.defs.steps import step
from adtech_assets.feed.ledger import Ledger
from adtech_assets.feed.raw_tables import RAW_TABLES
from adtech_assets.models.project import Project
from adtech_assets.operational import snapshot
from adtech_assets.operational.snapshot import EVENT_TABLES, RawTable
from adtech_assets.partitions import DayRange, loadable_days, yesterday
from adtech_assets.rollup import facts, hourly
from adtech_assets.rollup import user_agents as agents
from adtech_assets.rollup.facts import Facts
from adtech_assets.settings import Settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.warehouse import WAIT_SECONDS
from adtech_assets.versions import Notes

Differences = Sequence[object]


@dataclass(frozen=True)
class Stores:
    """What a check asks, and about which days."""

    warehouse: duckdb.DuckDBPyConnection
    settings: Settings
    days: DayRange
    target: psycopg.Connection | None = None


@dataclass(frozen=True)
class Question:
    """A check: it passes if there are no differences."""

    name: str
    description: str
    ask: Callable[[Stores], Differences]
    what: str
    """The differences, in words."""
    verdict: Literal["blocks", "fails", "warns"] = "blocks"
    """What differences do: what depends on the asset waits, the run is red, or it is a warning.
    If it is not a warning, the warehouse notes the days on which there are none."""
    switch: str | None = None
    """Setting without which nobody wants to know."""
    deps: Sequence[dg.AssetKey] = ()
    """What it reads beside its asset."""


def _log_questions(kind: Kind) -> list[Question]:
    return [
        Question(
            "files_are_complete",
            "Every counted file has all its rows: ledger = raw table = offsets.",
            lambda of: row_counts.ledger_and_raw(of.warehouse, kind, of.days),
            "files whose rows in the ledger and the table differ",
        ),
        Question(
            "no_file_is_quarantined",
            "No file waits in quarantine, of whatever day.",
            lambda of: status.quarantined(of.warehouse, kind),
            "files in quarantine",
            verdict="warns",
        ),
        Question(
            "no_file_is_early",
            "No file waits for a day to come, as it does if its clock or our time zone is wrong.",
            lambda of: status.early(of.warehouse, of.settings, kind),
            "files of days to come",
            verdict="warns",
        ),
        Question(
            "offsets_are_counted_once",
            "No two counted files have delivered the same offsets of a feed partition.",
            lambda of: offsets.overlaps(of.warehouse, kind, of.days),
            "stretches of offsets counted twice",
            switch="refuse_offset_overlaps",
        ),
        Question(
            "offsets_have_no_gaps",
            "Between the counted files of a feed partition no offsets are missing, on no day.",
            lambda of: status.gaps(of.warehouse, of.settings, kind),
            "gaps between the files' offsets",
            verdict="warns",
            switch="report_offset_gaps",
        ),
    ]


def _source_questions(table: RawTable) -> list[Question]:
    return [
        Question(
            "rows_equal_source",
            "Each day has as many rows as the source counted in the same snapshot.",
            lambda of: row_counts.source_and_raw(of.warehouse, table, of.days),
            f"days whose {table} differ from the source's",
            deps=[EXTRACTED_DAYS_KEY],
        ),
        Question(
            "rows_have_a_day",
            "No row is undated. Undated rows count for their campaign, but for no day.",
            lambda of: snapshot.undated(of.warehouse, table),
            "undated rows",
            verdict="warns",
        ),
    ]


CLICKS_QUESTION = Question(
    "clicks_within_impressions",
    "No day has more clicks than impressions, as it does where impressions are lost.",
    lambda of: [
        f"{day}: {impressions:,} impressions, {clicks:,} clicks"
        for day, impressions, clicks in hourly.days_of_excess_clicks(of.warehouse, of.days)
    ],
    "days with more clicks than impressions",
    verdict="warns",
)


def _counted_once(counted: Facts) -> Question:
    return Question(
        counted.check,
        "The counts of each day total the events of its files, impressions and clicks apart.",
        lambda of: row_counts.ledger_and_facts(of.warehouse, counted, of.days),
        "days whose counts differ from the files' events",
    )


AGENT_QUESTION = Question(
    "every_agent_is_classified",
    "Every user agent of the roll-up is classified.",
    lambda of: [repr(agent) for agent in agents.unclassified(of.warehouse, of.days)],
    "user agents without a classification",
)
CSV_QUESTION = Question(
    "csv_equals_rollup",
    "The CSV of each day holds the roll-up of the configured user agent, row for row.",
    lambda of: row_counts.rollup_and_csv(of.warehouse, of.settings, of.days),
    "hours in which CSV and roll-up differ",
)
TABLE_QUESTION = Question(
    "table_equals_csv",
    "The audited table holds the CSV's rows, load_audit their totals and all files.",
    lambda of: row_counts.csv_and_table(of.warehouse, _target(of), of.settings, of.days),
    "hours or totals in which table, CSV and audit differ",
)
CONSERVATION_QUESTION = Question(
    "counts_are_conserved",
    "Nothing lost, nothing twice: every file lies where the ledger says, and the counts from the "
    "files' rows to the audited table, and from the source to its copies, are equal, on every day.",
    lambda of: row_counts.all_differences(of.warehouse, _target(of), of.settings, of.days),
    "counts that differ",
    verdict="fails",
)


def _target(of: Stores) -> psycopg.Connection:
    if of.target is None:
        raise ValueError("this check is not given the target")
    return of.target


@dataclass(frozen=True)
class Checked:
    """An asset with its checks."""

    asset: dg.AssetKey
    part: str
    """Of the pipeline, whose audits they are."""
    questions: Sequence[Question]
    """One a check."""


def _build(name: str, *checked: Checked, asks_target: bool = False) -> dg.AssetChecksDefinition:
    """Checks of assets: one step, which opens the warehouse once.

    Args:
        name: of the step.
        checked: the assets.
        asks_target: whether the target is read too.
    """
    by_key = {
        dg.AssetCheckKey(each.asset, question.name): (each.part, question)
        for each in checked
        for question in each.questions
    }

    @dg.multi_asset_check(
        name=name,
        specs=[
            dg.AssetCheckSpec(
                key.name,
                asset=key.asset_key,
                description=question.description,
                blocking=question.verdict == "blocks",
                additional_deps=question.deps,
            )
            for key, (_, question) in by_key.items()
        ],
        can_subset=True,
    )
    def checks(
        context: dg.AssetCheckExecutionContext,
        settings: dg.ResourceParam[Settings],
        warehouse: WarehouseResource,
        target: dg.ResourceParam[Postgres],
        project: dg.ResourceParam[Project],
    ) -> Iterator[dg.AssetCheckResult]:
        with contextlib.ExitStack() as stack:
            stack.enter_context(step(settings))
            connection = stack.enter_context(warehouse.get_connection())
            Ledger.create(connection, settings.feed)
            Notes.create(connection)
            postgres = stack.enter_context(target.connect(read_only=True)) if asks_target else None
            parts = graph.read(connection, settings, project)
            selected = sorted(context.op_execution_context.selected_asset_check_keys)
            audits = {
                key: graph.audit(part, key.name)
                for key, (part, question) in by_key.items()
                if key in selected and question.verdict != "warns"
            }
            days = days_to_check(context, settings, parts, audits.values())
            for key in selected:
                _, question = by_key[key]
                looked_at = days if question.verdict == "blocks" else loadable_days(settings)
                of = Stores(connection, settings, looked_at, postgres)
                answer = _answer(question, of, days, key)
                if key in audits:
                    # Of what it does not pass, an earlier note is taken away.
                    is_noted = answer.passed or answer.severity == dg.AssetCheckSeverity.WARN
                    wanted = parts.wanted(audits[key]) if is_noted else {}
                    passed = {day: wanted.get(day) for day in (*days, None)}
                    Notes(connection).note(audits[key], passed, context.run.run_id)
                yield answer

    return checks


def _answer(
    question: Question, of: Stores, days: DayRange, key: dg.AssetCheckKey
) -> dg.AssetCheckResult:
    """What there is to tell; only what differs on a day of the run can be more than a warning."""
    if question.switch is not None and not getattr(of.settings, question.switch):
        return switched_off(f"ADTECH_{question.switch.upper()}=false", key)
    differences = sorted(question.ask(of), key=lambda each: _is_elsewhere(each, days))
    is_warning = question.verdict == "warns" or all(
        _is_elsewhere(each, days) for each in differences
    )
    severity = dg.AssetCheckSeverity.WARN if is_warning else dg.AssetCheckSeverity.ERROR
    return result(differences, question.what, severity, check=key)


def _is_elsewhere(difference: object, days: DayRange) -> bool:
    """Whether a difference is on a day that is none of a run's: it warns, and fails nothing."""
    return (
        isinstance(difference, row_counts.Difference)
        and difference.day is not None
        and difference.day not in days
    )


# Of what is delivered, not of the table: a backfill that is started in the UI asks every check of
# the assets that it builds, and most runs are about other days.
@dg.asset_check(
    asset=LANDING_KEYS["impressions"],
    description=(
        "Yesterday is loaded, from all the files that are there. Asked every morning, whether or "
        "not a run has happened."
    ),
)
def yesterday_is_loaded(
    settings: dg.ResourceParam[Settings], project: dg.ResourceParam[Project]
) -> dg.AssetCheckResult:
    """Look at the state of yesterday's partition."""
    day = yesterday(settings.zone)
    if day < settings.start_date:
        return dg.AssetCheckResult(passed=True, description=f"{day} is before the first day")
    found = read_status(settings, DayRange(day, day), WAIT_SECONDS, project).days[day]
    return dg.AssetCheckResult(
        passed=found.state in ("loaded", "empty", "forgotten"),
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{day} is {found.state}" + (f": {found.error}" if found.error else ""),
        metadata={"files": found.files, "files_waiting": found.waiting_files},
    )


def _of(
    asset: dg.AssetKey, part: str, *questions: Question, asks_target: bool = False
) -> dg.AssetChecksDefinition:
    """The checks of one asset."""
    name = "_".join((*asset.path, "checks"))
    return _build(name, Checked(asset, part, questions), asks_target=asks_target)


CHECKS: list[Any] = [
    *(_of(RAW_LOG_KEYS[kind], RAW_TABLES[kind], *_log_questions(kind)) for kind in KINDS),
    *(
        _of(RAW_OPERATIONAL_KEYS[table], f"raw.{table}", *_source_questions(table))
        for table in EVENT_TABLES
    ),
    _of(
        hourly_user_agent_rollup.key,
        graph.ROLLUP,
        _counted_once(facts.ROLLUP),
        CLICKS_QUESTION,
    ),
    _build(
        "event_facts_checks",
        *(
            Checked(dg.AssetKey(counted.name), counted.table, [_counted_once(counted)])
            for counted in facts.FOR_MODELS
        ),
    ),
    _of(user_agents.key, graph.USER_AGENTS, AGENT_QUESTION),
    _of(daily_csv.key, graph.DAILY_CSV, CSV_QUESTION),
    _of(csv_data_task.key, graph.CSV_DATA_TASK, TABLE_QUESTION, asks_target=True),
    _of(processed_log_files.key, graph.CSV_DATA_TASK, CONSERVATION_QUESTION, asks_target=True),
    yesterday_is_loaded,
]
