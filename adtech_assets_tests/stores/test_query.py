from datetime import date
from decimal import Decimal

import pytest

from adtech_assets.errors import TransientError, UserError
from adtech_assets.settings import load_settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets.stores.query import read_only_query
from adtech_assets.stores.warehouse import Warehouse

STORES = ("source", "target", "warehouse")
every_store = pytest.mark.parametrize("store", STORES)
postgres_stores = pytest.mark.parametrize("store", ["source", "target"])


@pytest.fixture
def numbers(settings):
    """A table `numbers` with 1 and 2 in every store; returns the settings."""
    table = "CREATE TABLE numbers AS SELECT 1 AS n UNION ALL SELECT 2"
    for role in ("source", "target"):
        with Postgres.of(settings, role).connect() as connection:
            connection.execute(table)
    with Warehouse.of(settings).connect() as connection:
        connection.execute(table)
    return settings


@every_store
def test_a_select_gives_columns_and_rows(numbers, store):
    assert read_only_query(numbers, store, "SELECT n, n * 2 AS twice FROM numbers ORDER BY n") == (
        ["n", "twice"],
        [(1, 2), (2, 4)],
    )


@every_store
@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM numbers;",
        "  \n-- a comment; with a semicolon\nSELECT 2 /* ; */ ;  ",
        "WITH two AS (SELECT 2) SELECT * FROM two",
        "(SELECT 2)",
        "VALUES (2)",
        "SELECT count(*) FROM numbers WHERE 'a;b' <> '%s {} %%'",
    ],
)
def test_one_select_may_be_written_in_many_ways(numbers, store, query):
    assert read_only_query(numbers, store, query)[1] == [(2,)]


@every_store
def test_of_a_table_that_is_not_there_those_that_are_are_told(numbers, store):
    with pytest.raises(UserError, match=r"(?i)numbrs.* There are: .*\bnumbers\b") as told:
        read_only_query(numbers, store, "SELECT * FROM numbrs")
    assert "\n" not in str(told.value)


@every_store
def test_values_keep_their_types(numbers, store):
    query = "SELECT CAST(0.10 AS DECIMAL(10, 2)) AS money, DATE '2022-05-26' AS day, NULL AS none"
    assert read_only_query(numbers, store, query)[1] == [(Decimal("0.10"), date(2022, 5, 26), None)]


@every_store
def test_a_result_without_rows_has_its_columns(numbers, store):
    assert read_only_query(numbers, store, "SELECT n FROM numbers WHERE n > 2") == (["n"], [])


@every_store
@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO numbers VALUES (3)",
        "INSERT INTO numbers VALUES (3) RETURNING n",
        "WITH gone AS (DELETE FROM numbers RETURNING n) SELECT * FROM gone",
        "UPDATE numbers SET n = 0",
        "DELETE FROM numbers",
        "TRUNCATE numbers",
        "DROP TABLE numbers",
        "ALTER TABLE numbers ADD COLUMN m INTEGER",
        "CREATE TABLE more (n INTEGER)",
        "CREATE TEMP TABLE more AS SELECT 1",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE numbers",
        "COMMIT; DROP TABLE numbers",
        "SELECT 1; COMMIT; DELETE FROM numbers",
        "ROLLBACK",
        "BEGIN",
        "SET search_path = elsewhere",
        "COPY numbers TO '{folder}/stolen.csv'",
        "COPY (SELECT 1) TO '{folder}/stolen.csv'",
        "COPY (SELECT 1) TO PROGRAM 'touch {folder}/ran'",
        "COPY numbers TO STDOUT",
        "COPY numbers FROM '/etc/passwd'",
        "EXPLAIN ANALYZE COPY numbers TO '{folder}/stolen.csv'",
        "EXPLAIN ANALYZE COPY numbers TO '{warehouse}'",
        "EXPLAIN (ANALYZE) COPY numbers TO '{warehouse}'",
        "EXPLAIN COPY numbers TO '{warehouse}'",
        "/* */ EXPLAIN ANALYZE COPY (SELECT 1) TO '{warehouse}.wal'",
        "EXPLAIN ANALYZE CREATE TABLE more AS SELECT 1",
        "EXPLAIN ANALYZE DELETE FROM numbers",
        "SELECT 1 INTO more",
        "VACUUM",
        "CHECKPOINT",
        "DO 'BEGIN DROP TABLE numbers; END'",
        "EXPORT DATABASE '{folder}/dump'",
        "ATTACH '{folder}/more.duckdb'",
        "INSTALL httpfs",
        "PRAGMA memory_limit = '1GB'",
        "",
        " ; ",
        "-- nothing",
        "no SQL",
    ],
)
def test_everything_else_is_refused_in_a_line_and_changes_nothing(numbers, store, query, tmp_path):
    folder = tmp_path / "outside"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)

    with pytest.raises(UserError) as raised:
        read_only_query(
            numbers, store, query.format(folder=folder, warehouse=numbers.warehouse_path)
        )

    assert str(raised.value)
    assert "\n" not in str(raised.value)
    assert read_only_query(numbers, store, "SELECT n FROM numbers ORDER BY n")[1] == [(1,), (2,)]
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM '{folder}/raw_data/x.parquet'",
        "SELECT * FROM read_blob('{folder}/data/warehouse.duckdb')",
    ],
)
def test_the_warehouse_reads_no_files(numbers, query):
    with pytest.raises(UserError):
        read_only_query(numbers, "warehouse", query.format(folder=numbers.data_dir.parent))


@pytest.mark.parametrize("begin", ["EXPLAIN", "explain analyze", "  EXPLAIN\nANALYZE\n"])
@pytest.mark.parametrize("question", ["SELECT n FROM numbers", "(SELECT 1)", "FROM numbers"])
def test_the_warehouse_can_explain_a_select(numbers, begin, question):
    [(_, plan)] = read_only_query(numbers, "warehouse", f"{begin} {question};")[1]
    assert plan


@pytest.fixture(scope="module")
def embedded_data(tmp_path_factory):
    return tmp_path_factory.mktemp("embedded")


@pytest.fixture
def embedded(embedded_data):
    """Settings of the embedded databases, of one server for all tests."""
    return load_settings(data_dir=embedded_data)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT pg_read_binary_file('/etc/passwd')",
        "SELECT * FROM pg_ls_dir('/')",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'",
        "SELECT pg_cancel_backend(pg_backend_pid())",
        "SELECT pg_advisory_xact_lock(742011)",
        "SELECT pg_try_advisory_lock_shared(1, 2)",
        "SELECT pg_create_physical_replication_slot('stays')",
        "SELECT pg_create_logical_replication_slot('stays', 'pgoutput')",
        "SELECT pg_reload_conf()",
        "SELECT pg_switch_wal()",
        "SELECT lo_import('/etc/passwd')",
        "SELECT lo_export(1, '/tmp/exported')",
        "SELECT set_config('role', 'postgres', true)",
        "SELECT set_config('session_authorization', 'postgres', true)",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT query_to_xml('SELECT pg_read_file(''/etc/passwd'')', true, true, '')",
        "SELECT query_to_xml($$COPY (SELECT 1) TO '/tmp/exported'$$, true, true, '')",
        "SELECT nextval('counted')",
    ],
)
@postgres_stores
def test_the_embedded_databases_are_asked_by_a_role_that_may_only_read(embedded, store, query):
    with Postgres.of(embedded, store).connect() as connection:
        connection.execute("CREATE SEQUENCE IF NOT EXISTS counted")
    with pytest.raises(UserError) as raised:
        read_only_query(embedded, store, query)
    assert "\n" not in str(raised.value)
    assert read_only_query(embedded, store, "SELECT count(*) FROM pg_replication_slots")[1] == [
        (0,)
    ]


@postgres_stores
def test_every_table_of_the_embedded_databases_can_be_asked(embedded, store):
    with Postgres.of(embedded, store).connect() as connection:
        connection.execute("CREATE SCHEMA elsewhere")
        connection.execute("CREATE TABLE elsewhere.later AS SELECT 7 AS n")
    assert read_only_query(embedded, store, "SELECT n FROM elsewhere.later")[1] == [(7,)]


@postgres_stores
def test_a_superuser_of_another_server_asks_as_one_who_may_only_read(numbers, store):
    for question in ("SELECT pg_read_file('/etc/passwd')", "SELECT pg_reload_conf()"):
        with pytest.raises(UserError, match="permission denied"):
            read_only_query(numbers, store, question)


def test_the_warehouse_can_describe_itself(numbers):
    tables = read_only_query(numbers, "warehouse", "SHOW TABLES")
    columns = read_only_query(numbers, "warehouse", "DESCRIBE numbers")
    assert tables[1] == [("numbers",)]
    assert columns[1][0][:2] == ("n", "INTEGER")


@every_store
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT m FROM numbers", '"m"'),
        ("SELECT * FROM nothing", "nothing"),
        ("SELECT CAST('x' AS INTEGER)", "x"),
        ("SELECT (SELECT n FROM numbers)", "row"),
    ],
)
def test_a_mistake_in_the_query_is_told_in_a_line(numbers, store, query, words):
    with pytest.raises(UserError, match=words) as raised:
        read_only_query(numbers, store, query)
    assert "\n" not in str(raised.value)
    assert "ADTECH_" not in str(raised.value), "the URL is not to blame"


def test_a_warehouse_that_does_not_exist_is_not_made(settings):
    with pytest.raises(UserError, match="no warehouse yet"):
        read_only_query(settings, "warehouse", "SELECT 1")
    assert not settings.warehouse_path.exists()


@postgres_stores
def test_a_server_that_is_away_is_told(store):
    settings = load_settings(
        source_database_url="postgresql://u:secret@127.0.0.1:1/db",
        target_database_url="postgresql://u:secret@127.0.0.1:1/db",
    )
    with pytest.raises(TransientError, match="Connection refused") as raised:
        read_only_query(settings, store, "SELECT 1")
    assert "secret" not in str(raised.value)
