import os
import socket
import threading
import traceback

import psycopg
import pytest

from adtech_assets.errors import GaveUpError, TransientError, UserError
from adtech_assets.settings import load_settings
from adtech_assets.stores import postgres as postgres_module
from adtech_assets.stores.postgres import Postgres, copy_rows, retried
from adtech_assets_tests.stores.waiting import wait_until

WRONG = "wr0ng-secret"


def by_psycopg(postgres, query="SELECT 1 AS one"):
    with postgres.connect() as connection:
        return connection.execute(query).fetchall()


def by_adbc(postgres, query="SELECT 1 AS one"):
    with postgres.snapshot() as snapshot:
        return [tuple(row.values()) for row in snapshot.table(query).to_pylist()]


both_drivers = pytest.mark.parametrize("ask", [by_psycopg, by_adbc])


def everything_shown(error):
    """What a log or a terminal could show of an error, causes included."""
    causes = []
    while error is not None:
        causes.append("".join(traceback.format_exception(error)) + repr(error) + str(error.args))
        error = error.__cause__ or error.__context__
    return "".join(causes)


def refused(ask, postgres, *query):
    with pytest.raises(UserError) as raised:
        ask(postgres, *query)
    return raised.value


@pytest.fixture
def counted(monkeypatch):
    """A retried function that counts its tries, within a second."""
    monkeypatch.setattr(postgres_module, "RETRY_SECONDS", 1.0)
    tries = []

    @retried
    def attempt(action):
        tries.append(action)
        return action()

    attempt.tries = tries
    return attempt


@both_drivers
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_a_url_of_sqlalchemy_works_like_one_of_libpq(tcp_server, ask, scheme):
    assert ask(tcp_server.postgres(scheme=scheme)) == [(1,)]


@both_drivers
def test_options_of_the_url_are_used(tcp_server, ask):
    url = tcp_server.url() + "?options=-c%20search_path%3Delsewhere"
    postgres = Postgres.of(load_settings(target_database_url=url), "target")
    assert ask(postgres, "SELECT current_setting('search_path')") == [("elsewhere",)]


@both_drivers
def test_the_server_sees_who_is_connected(tcp_server, ask):
    query = "SELECT current_setting('application_name')"
    assert ask(tcp_server.postgres(), query) == [("adtech_assets",)]


def test_a_store_is_shown_without_its_password(tcp_server):
    shown = tcp_server.postgres().shown_as
    assert shown == f"postgresql://postgres:***@127.0.0.1:{tcp_server.port}/postgres"


@both_drivers
def test_a_wrong_password_is_told_at_once_and_shown_nowhere(tcp_server, ask, counted, caplog):
    postgres = tcp_server.postgres(password=WRONG)

    error = refused(lambda store: counted(lambda: ask(store)), postgres)

    assert "password authentication failed" in str(error)
    assert "ADTECH_TARGET_DATABASE_URL" in str(error)
    assert len(counted.tries) == 1
    assert WRONG not in everything_shown(error) + caplog.text


@both_drivers
@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"database": "nowhere"}, 'database "nowhere" does not exist'),
        ({"user": "nobody"}, "password authentication failed"),
    ],
)
def test_an_unknown_database_or_user_is_told(tcp_server, ask, parts, reason):
    error = refused(ask, tcp_server.postgres(**parts))
    assert reason in str(error)
    assert tcp_server.password not in everything_shown(error)


@both_drivers
def test_an_unknown_host_is_told(ask):
    settings = load_settings(target_database_url="postgresql://postgres:x@no-such-host.invalid/db")
    with pytest.raises((UserError, TransientError), match="no-such-host"):
        ask(Postgres.of(settings, "target"))


@both_drivers
def test_an_option_that_libpq_does_not_know_is_told_without_its_text(tcp_server, ask):
    url = f"{tcp_server.url(user='u')}?password=one&{WRONG}"
    error = refused(ask, Postgres.of(load_settings(target_database_url=url), "target"))
    assert "options of the URL" in str(error)
    assert WRONG not in str(error) + "".join(traceback.format_exception(error))


@both_drivers
def test_a_missing_privilege_is_told(tcp_server, table, ask):
    tcp_server.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
    try:
        guest = tcp_server.postgres(user="guest", password="guest")
        error = refused(ask, guest, f"SELECT * FROM {table}")
        assert "permission denied for table numbers" in str(error)

        tcp_server.execute("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
        assert 'permission denied for database "postgres"' in str(refused(ask, guest))

        tcp_server.execute("ALTER ROLE guest NOLOGIN")
        assert "not permitted to log in" in str(refused(ask, guest))
    finally:
        tcp_server.execute("GRANT CONNECT ON DATABASE postgres TO PUBLIC")
        tcp_server.execute("DROP ROLE guest")


@both_drivers
def test_a_missing_table_is_told(tcp_server, ask):
    error = refused(ask, tcp_server.postgres(), "SELECT * FROM nothing_here")
    assert 'relation "nothing_here" does not exist' in str(error)
    assert "\n" not in str(error)


@both_drivers
def test_an_error_of_the_program_is_no_mistake_of_the_person(tcp_server, ask):
    with pytest.raises(Exception, match="syntax error") as raised:
        ask(tcp_server.postgres(), "SELEKT 1")
    assert not isinstance(raised.value, UserError | TransientError)


@both_drivers
def test_a_server_that_is_down_is_tried_again_for_a_while_and_then_told(
    tcp_server, ask, counted, caplog
):
    tcp_server.stop()
    try:
        with pytest.raises(GaveUpError, match=r"Connection refused.*Tried for 1 s") as raised:
            counted(lambda: ask(tcp_server.postgres()))
    finally:
        tcp_server.start()

    assert 2 <= len(counted.tries) <= 20
    assert "Connection refused" in caplog.text
    assert tcp_server.password not in everything_shown(raised.value) + caplog.text


def test_work_in_progress_survives_a_restart_of_the_server(tcp_server, table, counted, monkeypatch):
    monkeypatch.setattr(postgres_module, "RETRY_SECONDS", 60.0)
    start = threading.Thread(target=tcp_server.start)

    def work():
        with tcp_server.postgres().connect() as connection:
            connection.execute(f"INSERT INTO {table} VALUES (3)")
            if len(counted.tries) == 1:
                tcp_server.stop()
                start.start()
            connection.execute(f"INSERT INTO {table} VALUES (4)")

    counted(work)
    start.join()

    assert len(counted.tries) >= 2
    assert tcp_server.execute(f"SELECT n FROM {table} ORDER BY n") == [(1,), (2,), (3,), (4,)]


def test_a_transaction_whose_connection_is_cut_is_tried_again_from_its_start(
    tcp_server, table, counted
):
    def work():
        with tcp_server.postgres().connect() as connection:
            connection.execute(f"INSERT INTO {table} VALUES (3)")
            if len(counted.tries) == 1:
                tcp_server.execute(f"SELECT pg_terminate_backend({connection.info.backend_pid})")
            connection.execute(f"INSERT INTO {table} VALUES (4)")

    counted(work)

    assert len(counted.tries) == 2
    assert tcp_server.execute(f"SELECT n FROM {table} ORDER BY n") == [(1,), (2,), (3,), (4,)]


def test_a_connection_cut_before_the_commit_is_told(tcp_server, table):
    with (
        pytest.raises(TransientError, match="terminating connection|closed the connection"),
        tcp_server.postgres().connect() as connection,
    ):
        connection.execute(f"INSERT INTO {table} VALUES (3)")
        tcp_server.execute(f"SELECT pg_terminate_backend({connection.info.backend_pid})")
    assert tcp_server.execute(f"SELECT max(n) FROM {table}") == [(2,)]


def test_a_constraint_that_fails_at_the_commit_undoes_the_transaction(tcp_server, table):
    tcp_server.execute(f"ALTER TABLE {table} ADD UNIQUE (n) DEFERRABLE INITIALLY DEFERRED")
    with (
        pytest.raises(UserError, match="duplicate key value"),
        tcp_server.postgres().connect() as connection,
    ):
        connection.execute(f"INSERT INTO {table} VALUES (1), (7)")
    assert tcp_server.execute(f"SELECT max(n) FROM {table}") == [(2,)]


def test_two_writers_that_cannot_both_be_right_may_try_again(tcp_server, table):
    postgres = tcp_server.postgres()
    with (
        pytest.raises(TransientError, match="could not serialize access"),
        postgres.connect() as first,
    ):
        first.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        first.execute(f"SELECT * FROM {table}")
        with postgres.connect() as second:
            second.execute(f"UPDATE {table} SET n = n + 10")
        first.execute(f"UPDATE {table} SET n = n + 100")


def test_a_serialization_failure_at_the_commit_may_be_tried_again(tcp_server, table):
    postgres = tcp_server.postgres()
    with pytest.raises(TransientError, match="could not serialize access"), postgres.connect() as a:
        a.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        a.execute(f"SELECT sum(n) FROM {table}")
        with postgres.connect() as b:
            b.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            b.execute(f"SELECT sum(n) FROM {table}")
            a.execute(f"INSERT INTO {table} VALUES (100)")
            b.execute(f"INSERT INTO {table} VALUES (200)")


def test_the_victim_of_a_deadlock_may_try_again(tcp_server, table):
    first_has_its_row, second_has_its_row = threading.Event(), threading.Event()
    outcomes = []

    def update(mine, other, i_have_it, you_have_it):
        try:
            with tcp_server.postgres().connect() as connection:
                connection.execute("SET deadlock_timeout = '10ms'")
                connection.execute(f"UPDATE {table} SET n = n WHERE n = {mine}")
                i_have_it.set()
                assert you_have_it.wait(20)
                connection.execute(f"UPDATE {table} SET n = n WHERE n = {other}")
        except TransientError as error:
            outcomes.append(str(error))
        else:
            outcomes.append("done")

    threads = [
        threading.Thread(target=update, args=(1, 2, first_has_its_row, second_has_its_row)),
        threading.Thread(target=update, args=(2, 1, second_has_its_row, first_has_its_row)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert "done" in outcomes
    assert any("deadlock detected" in outcome for outcome in outcomes)


def test_read_only_connections_refuse_to_write(tcp_server, table):
    with (
        pytest.raises(UserError, match="read-only transaction"),
        tcp_server.postgres().connect(read_only=True) as connection,
    ):
        connection.execute(f"DELETE FROM {table}")


def test_snapshots_refuse_to_write(tcp_server, table):
    with (
        pytest.raises(Exception, match="read-only transaction"),
        tcp_server.postgres().snapshot() as snapshot,
    ):
        snapshot.table(f"DELETE FROM {table} RETURNING n")
    assert tcp_server.execute(f"SELECT count(*) FROM {table}") == [(2,)]


def test_every_query_of_a_snapshot_sees_the_same_instant(tcp_server, table):
    query = f"SELECT count(*) AS n FROM {table}"
    with tcp_server.postgres().snapshot() as snapshot:
        before = snapshot.table(query).to_pylist()
        tcp_server.execute(f"INSERT INTO {table} VALUES (3)")
        tcp_server.execute("CREATE TABLE later AS SELECT 1 AS one")

        assert snapshot.table(query).to_pylist() == before == [{"n": 2}]
        tcp_server.execute("DROP TABLE later")
    assert by_adbc(tcp_server.postgres(), query) == [(3,)]


def test_a_snapshot_that_loses_its_connection_between_queries_is_told(tcp_server):
    with (
        pytest.raises(TransientError, match="closed the connection|terminating connection"),
        tcp_server.postgres().snapshot() as snapshot,
    ):
        pid = snapshot.table("SELECT pg_backend_pid() AS pid")["pid"][0].as_py()
        tcp_server.execute(f"SELECT pg_terminate_backend({pid})")
        snapshot.table("SELECT 1 AS one")


def test_a_snapshot_that_loses_its_connection_within_a_query_is_told(tcp_server):
    with (
        pytest.raises(TransientError, match="closed the connection|terminating connection"),
        tcp_server.postgres().snapshot() as snapshot,
    ):
        pid = snapshot.table("SELECT pg_backend_pid() AS pid")["pid"][0].as_py()
        query = "SELECT n, repeat('x', 1000) AS x FROM generate_series(1, 1000000) AS n"
        with snapshot.stream(query) as rows:
            rows.read_next_batch()
            tcp_server.execute(f"SELECT pg_terminate_backend({pid})")
            rows.read_all()


def test_text_arrives_whole_from_a_database_of_another_encoding(tcp_server):
    tcp_server.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    try:
        postgres = tcp_server.postgres(database="latin")
        with postgres.connect() as connection:
            connection.execute("CREATE TABLE names (name text)")
            with connection.cursor() as cursor:
                copy_rows(cursor, psycopg.sql.SQL("names"), ["name"], [["Smørrebrød"]])
        assert by_adbc(postgres, "SELECT name FROM names") == [("Smørrebrød",)]
        assert by_psycopg(postgres, "SELECT name FROM names") == [("Smørrebrød",)]
    finally:
        tcp_server.execute("DROP DATABASE latin WITH (FORCE)")


@both_drivers
def test_rows_that_a_policy_would_hide_are_an_error(tcp_server, table, ask):
    tcp_server.execute(
        f"""
        INSERT INTO {table} SELECT n FROM generate_series(3, 100) AS n;
        CREATE ROLE guest LOGIN PASSWORD 'guest';
        GRANT SELECT ON {table} TO guest;
        ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY few ON {table} USING (n < 50);
        """
    )
    guest = tcp_server.postgres(user="guest", password="guest")
    try:
        error = refused(ask, guest, f"SELECT count(*) AS n FROM {table}")
        assert f'row-level security policy for table "{table}"' in str(error)
        assert "BYPASSRLS" in str(error)

        tcp_server.execute("ALTER ROLE guest BYPASSRLS")
        assert ask(guest, f"SELECT count(*) AS n FROM {table}") == [(100,)]
    finally:
        tcp_server.execute("DROP OWNED BY guest; DROP ROLE guest")


def test_a_server_that_is_gone_without_a_word_is_noticed(tcp_server):
    def kept_alive(postgres):
        with (
            postgres.connect() as connection,
            socket.socket(fileno=os.dup(connection.fileno())) as s,
        ):
            return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)

    assert kept_alive(tcp_server.postgres()) == 60
    url = tcp_server.url() + "?keepalives_idle=7"
    assert kept_alive(Postgres.of(load_settings(target_database_url=url), "target")) == 7


@both_drivers
def test_no_connection_is_left_after_success_or_failure(tcp_server, ask):
    ask(tcp_server.postgres())
    with pytest.raises(Exception, match="division by zero"):
        ask(tcp_server.postgres(), "SELECT 1 / 0")
    with pytest.raises(ZeroDivisionError), tcp_server.postgres().snapshot():
        raise ZeroDivisionError

    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'adtech_assets'"
    assert wait_until(lambda: tcp_server.execute(left) == [(0,)])


def test_copied_rows_are_appended(tcp_server, table):
    with tcp_server.postgres().connect() as connection, connection.cursor() as cursor:
        copy_rows(cursor, psycopg.sql.Identifier(table), ["n"], ([n] for n in (3, None)))
    assert tcp_server.execute(f"SELECT n FROM {table} ORDER BY n") == [(1,), (2,), (3,), (None,)]


def test_what_no_retry_can_mend_is_not_tried_again(counted):
    def fail():
        raise UserError("no")

    with pytest.raises(UserError):
        counted(fail)
    assert len(counted.tries) == 1


def test_the_embedded_databases_are_the_default(tmp_path):
    settings = load_settings(data_dir=tmp_path)
    source, target = Postgres.of(settings, "source"), Postgres.of(settings, "target")
    assert source.shown_as == "embedded Postgres, database operational"
    assert target.shown_as == "embedded Postgres, database analytics"
    assert not list(tmp_path.iterdir()), "it starts when it is first needed"
