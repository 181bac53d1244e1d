"""Postgres stops, breaks off, refuses, or says something else than what was loaded."""

from __future__ import annotations

import re
import shutil
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg
import psycopg
import pytest
from pydantic import SecretStr

from adtech_assets.audit import failures
from adtech_assets.contract import KINDS
from adtech_assets.defs import steps
from adtech_assets.load import daily_csv
from adtech_assets.operational.schema import create_schema
from adtech_assets.rollup import hourly
from adtech_assets.settings import load_settings
from adtech_assets.stores import postgres as postgres_store
from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests import proxy as harms
from adtech_assets_tests.feed import deliveries
from adtech_assets_tests.feed.deliveries import DAY, NEXT_DAY, days
from adtech_assets_tests.hostile.conftest import Pipeline
from adtech_assets_tests.hostile.graph import LOAD, PUBLISHED, RAW_OPERATIONAL, Graph, prove
from adtech_assets_tests.proxy import Proxy
from adtech_assets_tests.stores.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from adtech_assets_tests.tcp_postgres import PostgresServer

TWO_DAYS = days(DAY, NEXT_DAY)
STORES = ("source", "target")

SOURCE_ROWS = """
INSERT INTO campaign (id, name, bid, budget, created_at)
VALUES (1, 'Spring', 0.5, 100, '2022-05-01');
INSERT INTO impressions (campaign_id, created_at)
SELECT 1, timestamp '2022-05-26' + n * interval '10 seconds' FROM generate_series(0, 17279) AS n;
INSERT INTO clicks (campaign_id, created_at) VALUES (1, '2022-05-26 12:00'), (1, NULL);
"""

# What dbt would build; the rows are of no importance, only that there are many.
MARTS = """
CREATE SCHEMA marts;
CREATE TABLE marts.fct_campaign_ctr AS
SELECT range::INTEGER AS campaign_id, 'campaign ' || range AS campaign_name, range AS impressions,
    range // 7 AS clicks, 1 / 7 AS ctr
FROM range(2000);
CREATE TABLE marts.fct_daily_summary AS
SELECT DATE '2022-05-26' + range::INTEGER AS event_date, 10 * range AS impressions,
    range AS clicks, 0.1::DOUBLE AS ctr
FROM range(2);
"""


# ---- a pipeline of two days, on a server that has a proxy before each database -----------------


@pytest.fixture(scope="module")
def server_databases(tcp_server):
    """URLs of two databases on the server by TCP."""
    for name in STORES:
        tcp_server.execute(f"CREATE DATABASE {name}")
    yield {name: tcp_server.url(database=name) for name in STORES}
    for name in STORES:
        tcp_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def proxies(tcp_server):
    proxies = {name: Proxy(tcp_server.port) for name in STORES}
    yield proxies
    for proxy in proxies.values():
        proxy.close()


@pytest.fixture
def databases(proxies, server_databases):
    return {name: proxies[name].url(url) for name, url in server_databases.items()}


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """A folder with deliveries that have been counted, and marts, but nothing loaded yet."""
    folder = tmp_path_factory.mktemp("counted")
    settings = load_settings(
        raw_data_dir=folder / "raw_data",
        output_dir=folder / "output",
        data_dir=folder / "data",
        settle_seconds=0,
        user_agent="*",
    )
    settings.raw_data_dir.mkdir()
    for day in TWO_DAYS:
        for hour in range(24):
            agents = [f"{day} {hour}"] * (hour + 1)
            deliveries.deliver(settings, f"impressions_{day:%Y%m%d}{hour:02}.parquet", *agents)
        deliveries.deliver(settings, f"clicks_{day:%Y%m%d}12.parquet", str(day))
    with Warehouse.of(settings).connect() as warehouse:
        for kind in KINDS:
            deliveries.ingest(warehouse, settings, kind, TWO_DAYS)
        deliveries.build_rollup(warehouse, TWO_DAYS)
        for day in TWO_DAYS:
            counts = hourly.hourly_counts(warehouse, days(day), "*")
            daily_csv.write(settings.output_dir, day, counts)
        warehouse.execute(MARTS)
        prove(warehouse, settings)
    return folder


@dataclass
class Stage:
    """A pipeline that has counted two days and loaded nothing, and its server."""

    graph: Graph
    pipeline: Pipeline
    server: PostgresServer
    proxies: dict[str, Proxy]
    results: dict[str, object]

    def run(self, *assets, rebuild=False):
        return self.graph.run(*assets, of=TWO_DAYS, rebuild=rebuild)

    def ask(self, query):
        """Ask the target, past its proxy."""
        return self.server.execute(query, database="target")

    def on_copy(self, transfer, harm):
        """Arrange for a harm in the middle of a transfer's rows."""
        return self.proxies[transfer.store].harm(harms.copies(after=500), harm, transfer.sender)

    def on_statement(self, text, harm):
        """Arrange for a harm to a statement that is sent to the target."""
        return self.proxies["target"].harm(harms.says(text), harm, "client")

    def assert_undisturbed(self, name):
        """The result of a transfer is that of a run which nothing disturbs."""
        transfer = TRANSFERS[name]
        result = transfer.result(self.pipeline)
        if name not in self.results:
            transfer.undo(self.pipeline)
            assert self.run(*transfer.assets).success
            self.results[name] = transfer.result(self.pipeline)
        assert result == self.results[name]


@pytest.fixture(scope="module")
def results():
    """The result of each transfer that nothing disturbed, once it was needed."""
    return {}


@pytest.fixture
def copied(pipeline, counted):
    """The pipeline, with what has been counted."""
    for folder in ("raw_data", "output", "data"):
        target = pipeline.settings.data_dir.with_name(folder)
        shutil.copytree(counted / folder, target, dirs_exist_ok=True)
    return pipeline


@pytest.fixture
def stage(graph, copied, tcp_server, proxies, results):
    with psycopg.connect(tcp_server.url(database="source")) as connection:
        create_schema(connection)
        connection.execute(SOURCE_ROWS)
    return Stage(graph, copied, tcp_server, proxies, results)


# ---- what goes to and fro ----------------------------------------------------------------------


@dataclass(frozen=True)
class Transfer:
    """Rows on their way: from CSV or mart to the target, or from the source to the warehouse."""

    assets: tuple[str, ...]
    store: str
    sender: harms.Side
    """Which side of the connection sends the rows."""
    result: Callable[[Pipeline], object]
    undo: Callable[[Pipeline], object]
    """Makes the receiving store new."""


def in_target(*queries):
    def ask(pipeline):
        with pipeline.target.connect() as connection:
            cursors = [connection.execute(query) for query in queries]
            return [cursor.fetchall() for cursor in cursors if cursor.description]

    return ask


def in_warehouse(*queries):
    def ask(pipeline):
        return pipeline.look(lambda warehouse: [warehouse.execute(q).fetchall() for q in queries])

    return ask


TRANSFERS = {
    "load": Transfer(
        assets=LOAD,
        store="target",
        sender="client",
        result=Pipeline.tables,
        undo=in_target("DROP TABLE csv_data_task, load_audit"),
    ),
    "publish": Transfer(
        assets=PUBLISHED,
        store="target",
        sender="client",
        result=in_target(
            "SELECT * FROM marts.fct_campaign_ctr ORDER BY 1",
            "SELECT * FROM marts.fct_daily_summary ORDER BY 1",
        ),
        undo=in_target("DROP SCHEMA marts CASCADE"),
    ),
    "extract": Transfer(
        assets=RAW_OPERATIONAL,
        store="source",
        sender="server",
        result=in_warehouse(
            "SELECT * EXCLUDE extracted_at FROM raw.campaigns",
            "FROM raw.impressions ORDER BY ALL",
            "FROM raw.clicks ORDER BY ALL",
            "SELECT event_date, impressions, clicks FROM raw.extracted_days ORDER BY ALL",
        ),
        undo=in_warehouse(
            "TRUNCATE raw.campaigns",
            "TRUNCATE raw.impressions",
            "TRUNCATE raw.clicks",
            "TRUNCATE raw.extracted_days",
        ),
    ),
}


# ---- 53: down when the run starts --------------------------------------------------------------


@pytest.fixture
def direct(stage, dagster_instance):
    """The graph without proxies: the server itself is asked for a connection."""
    urls = {f"{name}_database_url": SecretStr(stage.server.url(database=name)) for name in STORES}
    return Graph(stage.pipeline.settings.model_copy(update=urls), dagster_instance)


@pytest.fixture
def down(stage, monkeypatch):
    """The server is down, and nobody waits for it for longer than a second."""
    monkeypatch.setattr(postgres_store, "RETRY_SECONDS", 1.0)
    stage.server.stop()
    yield
    if not stage.server.is_running():
        stage.server.start()


@pytest.mark.usefixtures("down")
def test_h53_a_target_that_is_down_ends_the_run_in_one_line_after_a_bounded_retry(
    stage, direct, caplog
):
    run = direct.run(*LOAD, of=TWO_DAYS)

    assert re.fullmatch(
        r"csv_data_task: postgresql://postgres:\*\*\*@127\.0\.0\.1:\d+/target: .*refused.* "
        r"Tried for 1 s\.",
        run.failure,
    )
    assert run.retries == 0, "the step has tried for long enough"
    assert caplog.text.count("Trying again for 1 s") == 1
    assert set(failures.noted(stage.pipeline.settings)) == set(TWO_DAYS)
    assert len(deliveries.names_in(stage.pipeline.settings.raw_data_dir)) == 50, (
        "nothing was archived"
    )


@pytest.mark.usefixtures("down")
def test_h53_once_it_is_up_the_same_run_loads_everything(stage, direct):
    assert not direct.run(*LOAD, of=TWO_DAYS).success
    stage.server.start()

    assert direct.run(*LOAD, of=TWO_DAYS).success

    stage.assert_undisturbed("load")
    assert failures.noted(stage.pipeline.settings) == {}


@pytest.mark.usefixtures("down")
def test_h53_a_source_that_is_down_ends_the_run_in_one_line_after_a_bounded_retry(direct):
    run = direct.run(*RAW_OPERATIONAL, of=TWO_DAYS)

    assert re.fullmatch(r"raw_operational: postgresql://.*/source: .*refused.*", run.failure)
    assert run.retries == steps.STEP_RETRIES


# ---- 54, 55: gone in the middle of a COPY ------------------------------------------------------


@pytest.mark.parametrize("name", TRANSFERS)
def test_h54_a_server_that_crashes_and_comes_back_within_a_copy_is_waited_for(stage, name):
    def crash():
        stage.server.stop("immediate")
        stage.server.start()

    assert_mended(stage, name, harms.delayed_by(crash))


@pytest.mark.parametrize("name", TRANSFERS)
def test_h55_a_connection_that_is_cut_within_a_copy_is_made_anew(stage, name):
    assert_mended(stage, name, harms.cut_halfway)


def test_h55_a_connection_that_the_server_ends_within_a_copy_is_made_anew(stage):
    def terminate():
        stage.server.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE application_name = 'adtech_assets'"
        )

    assert_mended(stage, "load", harms.delayed_by(terminate))


def assert_mended(stage, name, harm):
    """A run in which the harm happens to a COPY leaves the same as one without it."""
    arranged = stage.on_copy(TRANSFERS[name], harm)

    run = stage.run(*TRANSFERS[name].assets)

    assert arranged.is_done
    assert run.success, run.told
    stage.assert_undisturbed(name)


def test_h55_what_was_loaded_before_is_served_until_the_new_rows_are_committed(stage, monkeypatch):
    monkeypatch.setattr(postgres_store, "RETRY_SECONDS", 0.0)
    everything = "SELECT * FROM csv_data_task, load_audit ORDER BY 1, day"
    assert stage.run(*LOAD).success
    before = stage.ask(everything)
    stage.pipeline.deliver("clicks_2022052618.parquet", "late")
    stage.on_copy(TRANSFERS["load"], harms.cut_halfway)

    assert not stage.run().success

    assert stage.ask(everything) == before
    assert deliveries.names_in(stage.pipeline.settings.raw_data_dir) == {
        "clicks_2022052618.parquet"
    }


CHECKS = {
    "csv_data_task": ("table_equals_csv", b"FROM public.csv_data_task"),
    PUBLISHED[0]: ("rows_equal_mart", b"FROM marts.fct_campaign_ctr"),
}


@pytest.mark.parametrize("asset", CHECKS)
def test_h55_a_check_whose_connection_is_cut_asks_again(stage, asset):
    check, question = CHECKS[asset]
    assert stage.run(*LOAD, *PUBLISHED).success
    arranged = stage.on_statement(question, harms.cut_halfway)

    assert stage.graph.check(asset, check) is None

    assert arranged.is_done


# ---- 56: committed, but the answer is lost -----------------------------------------------------


@pytest.mark.parametrize("name", ["load", "publish"])
def test_h56_a_step_that_does_not_learn_of_its_commit_does_it_again(stage, name):
    arranged = stage.on_statement(b"COMMIT", harms.lose_answer)

    assert stage.run(*TRANSFERS[name].assets).success

    assert arranged.is_done
    stage.assert_undisturbed(name)


def test_h56_a_run_that_ends_without_learning_of_its_commit_is_completed_by_the_next(
    stage, monkeypatch
):
    monkeypatch.setattr(postgres_store, "RETRY_SECONDS", 0.0)

    def lose_the_answer_to_its_commit(_link, message):
        stage.on_statement(b"COMMIT", harms.lose_answer)
        return message

    stage.on_statement(b"DELETE FROM public.load_audit", lose_the_answer_to_its_commit)
    assert not stage.run(*LOAD).success
    committed = stage.pipeline.tables()
    assert len(committed["csv_data_task"]) == 48, "the server has committed"
    assert committed["archive"] == set(), "which the run does not know"

    assert stage.run(*LOAD).success

    tables = stage.pipeline.tables()
    assert tables["csv_data_task"] == committed["csv_data_task"]
    assert tables["load_audit"] == committed["load_audit"]
    stage.assert_undisturbed("load")


# ---- 57: somebody else writes at the same time -------------------------------------------------


@pytest.fixture
def server_setting(stage):
    """Changes a setting of the target database, for connections to come."""
    yield lambda setting: stage.ask(f"ALTER DATABASE target SET {setting}")
    stage.ask("ALTER DATABASE target RESET ALL")


def test_h57_a_serialization_failure_is_tried_again(stage, server_setting, caplog):
    assert stage.run(*LOAD).success
    server_setting("default_transaction_isolation = 'repeatable read'")

    def somebody_writes():
        stage.ask("UPDATE csv_data_task SET click_count = click_count + 1")

    stage.on_statement(b"DELETE FROM public.csv_data_task", harms.delayed_by(somebody_writes))

    assert stage.run("csv_data_task", rebuild=True).success

    assert "could not serialize access due to concurrent update Trying again" in caplog.text
    stage.assert_undisturbed("load")


def test_h57_the_victim_of_a_deadlock_is_tried_again(stage, server_setting, caplog):
    """The load deletes from the table, then from its audit; somebody locks them the other way."""
    assert stage.run(*LOAD).success
    server_setting("deadlock_timeout = '50ms'")
    has_audit, wants_table = threading.Event(), threading.Event()

    def go_the_other_way():
        with psycopg.connect(stage.server.url(database="target")) as other:
            other.execute("SET deadlock_timeout = '1min'")
            other.execute("UPDATE load_audit SET run_id = run_id")
            has_audit.set()
            assert wants_table.wait(20)
            other.execute("UPDATE csv_data_task SET click_count = click_count")

    def until_it_waits_for_us():
        wants_table.set()
        assert wait_until(lambda: stage.ask("SELECT 1 FROM pg_locks WHERE NOT granted"))

    arranged = harms.delayed_by(until_it_waits_for_us)
    stage.on_statement(b"DELETE FROM public.load_audit", arranged)
    other = threading.Thread(target=go_the_other_way)
    other.start()
    assert has_audit.wait(20)

    assert stage.run("csv_data_task", rebuild=True).success

    other.join()
    assert "deadlock detected" in caplog.text
    stage.assert_undisturbed("load")


# ---- 58: not allowed ---------------------------------------------------------------------------


SECRET = "hunter2hunter2"  # noqa: S105


@dataclass(frozen=True)
class Rejection:
    """What the server refuses to somebody."""

    store: str
    user: str
    reason: str
    hint: str = "Check ADTECH_SOURCE_DATABASE_URL and ADTECH_TARGET_DATABASE_URL"


PRIVILEGE = "Give the role this privilege"
REFUSALS = {
    "wrong password, target": Rejection("target", "postgres", "password authentication failed for"),
    "wrong password, source": Rejection("source", "postgres", "password authentication failed for"),
    "no privilege, target": Rejection(
        "target", "guest", "permission denied for schema public", PRIVILEGE
    ),
    "no privilege, source": Rejection(
        "source", "guest", "permission denied for table advertiser", PRIVILEGE
    ),
}


@pytest.fixture
def _guest(stage):
    """A role that may log in and look around, and nothing else."""
    stage.server.execute(f"CREATE ROLE guest LOGIN PASSWORD '{SECRET}'")
    for name in STORES:
        stage.server.execute("GRANT USAGE ON SCHEMA public TO guest", database=name)
    yield
    for name in STORES:
        stage.server.execute("DROP OWNED BY guest", database=name)
    stage.server.execute("DROP ROLE guest")


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A folder in which Dagster keeps its history, as files."""
    return tmp_path_factory.mktemp("history")


@pytest.mark.usefixtures("_guest")
@pytest.mark.parametrize("what", REFUSALS)
def test_h58_a_refusal_is_told_at_once_and_the_password_kept_secret(
    stage, what, history, caplog, capfd
):
    rejection = REFUSALS[what]
    url = stage.server.url(user=rejection.user, password=SECRET, database=rejection.store)
    settings = stage.pipeline.settings.model_copy(
        update={f"{rejection.store}_database_url": SecretStr(url)}
    )
    assets = LOAD if rejection.store == "target" else RAW_OPERATIONAL

    with dg.DagsterInstance.local_temp(str(history)) as instance:
        run = Graph(settings, instance).run(*assets, of=TWO_DAYS)

    assert rejection.reason in run.failure
    assert rejection.hint in run.failure
    assert run.retries == 0
    assert "Trying again" not in caplog.text
    # Neither what is shown nor any file: Dagster's events, its logs, notes of failed days.
    assert SECRET not in "".join([run.failure, caplog.text, *capfd.readouterr()])
    folders = (history, settings.data_dir, settings.output_dir)
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if rejection.reason.encode() in path.read_bytes()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


# ---- 66, 67: the target is not what was loaded -------------------------------------------------


HOUR = "'2022-05-26 12:00'"
MISSING = {
    "an hour": f"DELETE FROM csv_data_task WHERE datetime = {HOUR}",
    "a day": "DELETE FROM csv_data_task WHERE datetime < '2022-05-27'",
    "a day's audit": "DELETE FROM load_audit WHERE day = '2022-05-26'",
    "a day and its audit": (
        "DELETE FROM csv_data_task WHERE datetime < '2022-05-27'; "
        "DELETE FROM load_audit WHERE day = '2022-05-26'"
    ),
    "all rows": "TRUNCATE csv_data_task, load_audit",
    "both tables": "DROP TABLE csv_data_task, load_audit",
}
EDITED = {
    "clicks": f"UPDATE csv_data_task SET click_count = 7 WHERE datetime = {HOUR}",
    "impressions": f"UPDATE csv_data_task SET impression_count = 0 WHERE datetime = {HOUR}",
    "time": f"UPDATE csv_data_task SET datetime = '2022-05-26 12:30' WHERE datetime = {HOUR}",
    "one more hour": "INSERT INTO csv_data_task VALUES ('2022-05-26 12:15', 1, 1, now())",
    "both": (
        f"UPDATE csv_data_task SET click_count = 7 WHERE datetime = {HOUR}; "
        "UPDATE load_audit SET click_count = 7 WHERE day = '2022-05-26'"
    ),
    "audit": "UPDATE load_audit SET impression_count = 7 WHERE day = '2022-05-26'",
}
EDITED_MARTS = {
    "missing": "DELETE FROM marts.fct_campaign_ctr WHERE campaign_id = 7",
    "edited": "UPDATE marts.fct_campaign_ctr SET clicks = 7 WHERE campaign_id = 8",
    "added": "INSERT INTO marts.fct_campaign_ctr VALUES (-7, 'none', 1, 1, 1)",
}


@pytest.mark.parametrize("what", MISSING)
def test_h66_missing_rows_are_found_by_a_check_and_repaired_by_loading_again(stage, what):
    assert_found_and_repaired(stage, MISSING[what])


@pytest.mark.parametrize("what", EDITED)
def test_h67_edited_rows_are_found_by_a_check_and_repaired_by_loading_again(stage, what):
    assert_found_and_repaired(stage, EDITED[what])


def assert_found_and_repaired(stage, damage):
    assert stage.run(*LOAD).success
    stage.ask(damage)

    assert "2022-05-26" in stage.graph.check("csv_data_task", "table_equals_csv")
    assert stage.run("csv_data_task").success

    assert stage.graph.check("csv_data_task", "table_equals_csv") is None
    stage.assert_undisturbed("load")


@pytest.mark.parametrize("what", EDITED_MARTS)
def test_h67_an_edited_mart_is_found_by_a_check_and_repaired_by_publishing_again(stage, what):
    mart = PUBLISHED[0]
    assert stage.run(*PUBLISHED).success
    stage.ask(EDITED_MARTS[what])

    assert "only one of the stores" in stage.graph.check(mart, "rows_equal_mart")
    assert stage.run(mart).success

    assert stage.graph.check(mart, "rows_equal_mart") is None
    stage.assert_undisturbed("publish")
