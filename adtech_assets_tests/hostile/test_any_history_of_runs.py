"""Whatever changes between runs, and however they are started and killed, the last one is right.

Hypothesis makes up histories of rows, files, settings and one model's SQL that change, with runs of
any days and any assets between, some of them killed. After one more run of all days everything
that is published must be what a plain recomputation gives.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from adtech_assets_tests.end_to_end.changing import (
    DAY,
    DELETED,
    ENTERED_LATE,
    MARTS,
    RENAMED,
    ROUNDS,
    copied_project,
)
from adtech_assets_tests.hostile import whole_runs
from adtech_assets_tests.hostile.forks import ForkServer, environment

if TYPE_CHECKING:
    from pathlib import Path

    from adtech_assets_tests.end_to_end.loaded import Loaded

HISTORIES = int(os.environ.get("ADTECH_TEST_HISTORIES_OF_RUNS", "2"))
STEPS = 10
"""Of one history, at the most."""

AGENTS = ("some user agent", "curl/8.4.0", "*")
ZONES = ("Europe/Copenhagen", "Asia/Tokyo")
"""Where it is today already when it is in UTC, so that every day may be loaded."""

SELECTIONS = (
    None,
    None,
    "+processed_log_files",
    "+published/fct_campaign_daily",
    "+hourly_user_agent_rollup",
    "raw/campaigns raw/advertisers raw/impressions raw/clicks raw/extracted_days",
    "group:marts",
    "published/fct_daily_summary",
)
ROWS = (
    "DELETE FROM impressions WHERE id %% 5 = %(number)s %% 5",
    "UPDATE clicks SET campaign_id = 2 WHERE id %% 3 = %(number)s %% 3",
    (
        "UPDATE clicks SET created_at = created_at - INTERVAL '1 day' "
        "WHERE id %% 3 = %(number)s %% 3 AND created_at >= %(today)s - 1"
    ),
    f"UPDATE campaign SET name = 'Name ' || %(number)s WHERE id = {RENAMED}",
    "UPDATE advertiser SET name = 'Name ' || %(number)s WHERE id = 1",
    f"DELETE FROM campaign WHERE id = {DELETED}",
    (
        "INSERT INTO campaign (id, name, bid, budget, advertiser_id) "
        f"VALUES ({ENTERED_LATE}, 'Entered late', 0.70, 50, 2) ON CONFLICT DO NOTHING"
    ),
)
"""No bid: which clicks it holds for depends on the run that finds it, and that may be killed."""

BY_HAND = (
    "DELETE FROM csv_data_task WHERE datetime::date = %(day)s",
    "UPDATE csv_data_task SET click_count = click_count + 7 WHERE datetime::date = %(day)s",
    "UPDATE marts.fct_daily_summary SET clicks = clicks + 7 WHERE event_date = %(day)s",
    "DELETE FROM marts.fct_user_agent_hourly WHERE event_date = %(day)s",
)

CALLS_OF_A_RUN = 60_000
"""About as many the package makes in a run; a kill comes before one of them."""
HELD_BACK = "held back, for what the warehouse holds has not passed"
SECONDS_OF_A_RUN = 12
"""Of a run that builds everything; a kill by the clock comes in the middle of dbt too."""

MODEL = "adtech_dbt/models/marts/advertising/fct_daily_summary.sql"
RATE = "{{ ctr('clicks', 'impressions') }} as ctr"

days_of = st.tuples(st.integers(0, 3), st.integers(0, 3)).map(sorted)


class AnyHistoryOfRuns(RuleBasedStateMachine):
    """Changes, runs and kills; `loaded`, `project`, `server` and `folder` are set by the test."""

    loaded: Loaded
    project: Path
    server: ForkServer
    folder: Path
    histories = 0

    def __init__(self) -> None:
        super().__init__()
        AnyHistoryOfRuns.histories += 1
        self.story = self.loaded.copied(self.folder / str(self.histories))
        self.agent, self.zone = AGENTS[0], ZONES[0]
        self.number = 0
        self.replaced = 0
        self._write_model(RATE)

    def _next(self) -> int:
        self.number += 1
        return self.number

    # ---- what changes --------------------------------------------------------------------------

    @rule(statement=st.sampled_from(ROWS))
    def change_rows(self, statement: str) -> None:
        self.story.write(statement, number=self._next())

    @rule()
    def add_rows(self) -> None:
        self.story.add_events(random.Random(self._next()), 1)  # noqa: S311 - no secret

    @rule(day=st.integers(0, 3), hour=st.integers(11, 22))
    def deliver(self, day: int, hour: int) -> None:
        self.story.deliver(self.story.days.first + day * DAY, hour, f"new{self._next()}", 3)

    @rule()
    def replace(self) -> None:
        if self.replaced < ROUNDS:
            self.story.replace(self.replaced)
            self.replaced += 1

    @rule(agent=st.sampled_from(AGENTS), zone=st.sampled_from(ZONES))
    def change_settings(self, agent: str, zone: str) -> None:
        self.agent, self.zone = agent, zone

    @rule(rate=st.sampled_from((RATE, "cast(0.25 as double) as ctr")))
    def change_model(self, rate: str) -> None:
        self._write_model(rate)

    def _write_model(self, rate: str) -> None:
        path = self.project / MODEL
        text = path.read_text()
        known = next(line.strip() for line in text.splitlines() if line.endswith(" as ctr"))
        if known != rate:
            path.write_text(text.replace(known, rate))
        self.rate = rate

    @rule(statement=st.sampled_from(BY_HAND), day=st.integers(0, 3))
    def edit_by_hand(self, statement: str, day: int) -> None:
        with self.story.target.connect() as connection:
            connection.execute(statement, {"day": self.story.days.first + day * DAY})

    # ---- runs ----------------------------------------------------------------------------------

    @rule(days=days_of, select=st.sampled_from(SELECTIONS))
    def run(self, days: list[int], select: str | None) -> None:
        self._run(days, select)

    @rule(days=days_of, select=st.sampled_from(SELECTIONS), moment=st.integers(0, CALLS_OF_A_RUN))
    def kill_at_a_call(self, days: list[int], select: str | None, moment: int) -> None:
        self._run(days, select, moment)

    @rule(days=days_of, seconds=st.floats(0, SECONDS_OF_A_RUN))
    def kill_at_a_time(self, days: list[int], seconds: float) -> None:
        self._run(days, None, after=seconds)

    def _run(
        self,
        days: list[int],
        select: str | None,
        moment: int | None = None,
        after: float | None = None,
    ) -> None:
        first, last = (self.story.days.first + day * DAY for day in days)
        settings = environment(self.story.settings) | {
            "ADTECH_USER_AGENT": self.agent,
            "ADTECH_TIMEZONE": self.zone,
        }
        ended = self.server.run(
            f"{whole_runs.__name__}:run",
            str(first), str(last), select, settings, moment,
            after=after,
        )  # fmt: skip
        is_to_be_killed = moment is not None or after is not None
        if is_to_be_killed:
            # `--hypothesis-show-statistics` says how many kills came before the run's end.
            hypothesis.event("killed" if ended.was_killed else "ended before the kill")
        # What a killed run has built and not tested is published by a run that tests it.
        is_held_back = select is not None and HELD_BACK in ended.output
        was_killed = is_to_be_killed and ended.was_killed
        assert ended.code == 0 or was_killed or is_held_back, ended.output

    def teardown(self) -> None:
        """One more run of all days always leads to where it should."""
        self._run([0, 3], None)
        self.story.set_timezone(self.zone)
        self.story.extracted()
        self.story.assert_loaded(self.agent)
        self.story.assert_published(*(mart for mart in MARTS if mart != "fct_daily_summary"))
        rates = {row["ctr"] for row in self.story.published("fct_daily_summary")}
        if self.rate == RATE:
            self.story.assert_published("fct_daily_summary")
        else:
            assert rates == {0.25}


def test_any_history_of_runs_ends_with_what_is_right(changing_loaded, tmp_path):
    AnyHistoryOfRuns.loaded, AnyHistoryOfRuns.folder = changing_loaded, tmp_path
    AnyHistoryOfRuns.project = copied_project(tmp_path / "project")
    AnyHistoryOfRuns.histories = 0
    with ForkServer(
        whole_runs.__name__,
        log=tmp_path / "log",
        environment=os.environ | {"DAGSTER_HOME": str(AnyHistoryOfRuns.project)},
        project=AnyHistoryOfRuns.project,
    ) as AnyHistoryOfRuns.server:
        run_state_machine_as_test(
            AnyHistoryOfRuns,
            settings=hypothesis.settings(
                max_examples=HISTORIES,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=[hypothesis.Phase.generate],
                print_blob=True,
                suppress_health_check=list(hypothesis.HealthCheck),
            ),
        )
    assert AnyHistoryOfRuns.histories >= HISTORIES
