import multiprocessing
import os
import socket
from contextlib import contextmanager

import pytest
from psycopg import sql

from adtech_assets.errors import GaveUpError, TransientError, UserError
from adtech_assets.settings import load_settings
from adtech_assets.stores import faults
from adtech_assets.stores import postgres as postgres_module
from adtech_assets.stores.postgres import Postgres, copy_rows, retried
from adtech_assets_tests.stores.test_postgres import both_drivers, by_adbc, by_psycopg, refused


@pytest.fixture(autouse=True)
def _a_short_while(monkeypatch):
    monkeypatch.setattr(postgres_module, "RETRY_SECONDS", 1.0)


@contextmanager
def database(server, name, options=""):
    server.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 {options}')
    try:
        yield server.postgres(database=name)
    finally:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def with_options(server, options, **parts):
    url = f"{server.url(**parts)}?{options}"
    return Postgres.of(load_settings(target_database_url=url), "target")


def tries_of(ask, postgres):
    """The error in the end, and how often it was tried."""
    tries = []

    @retried
    def attempt():
        tries.append(1)
        ask(postgres)

    with pytest.raises((UserError, GaveUpError)) as raised:
        attempt()
    return raised.value, len(tries)


@contextmanager
def refusing_logins(server, state, message):
    """A database whose server refuses every login with these words."""
    with database(server, "refusing") as postgres:
        server.execute(
            f"""
            CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE EXCEPTION USING ERRCODE = '{state}', MESSAGE = '{message}'; END $$;
            CREATE EVENT TRIGGER refuse ON login EXECUTE FUNCTION refuse();
            """,
            database="refusing",
        )
        yield postgres


@pytest.mark.parametrize(
    ("state", "message", "passes"),
    [
        ("28P01", "Passwort-Authentifizierung für Benutzer »postgres« fehlgeschlagen", False),
        ("28000", "aucune entrée dans pg_hba.conf pour un hôte « 10.0.0.1 »", False),
        ("3D000", 'データベース"analytics"は存在しません', False),
        ("42501", "keine Berechtigung für Datenbank analytics", False),
        ("42704", "unbekannter Konfigurationsparameter »foo«", False),
        ("57P03", "das Datenbanksystem startet gerade", True),
        ("53300", 'too many connections for role "certificate"', True),
        ("57P03", "password authentication failed: invalid, does not exist", True),
    ],
)
def test_a_login_that_is_refused_is_tried_again_if_its_state_may_pass_whatever_the_words(
    tcp_server, state, message, passes
):
    with refusing_logins(tcp_server, state, message) as postgres:
        error, tries = tries_of(by_psycopg, postgres)
    assert isinstance(error, GaveUpError if passes else UserError)
    assert message in str(error)
    assert (tries > 1) == passes


def test_a_role_with_no_connection_left_is_tried_again(tcp_server):
    tcp_server.execute("CREATE ROLE invalid LOGIN PASSWORD 'x' CONNECTION LIMIT 0")
    try:
        error, tries = tries_of(by_psycopg, tcp_server.postgres(user="invalid", password="x"))
    finally:
        tcp_server.execute("DROP ROLE invalid")
    assert isinstance(error, GaveUpError)
    assert tries > 1


def test_a_database_that_takes_no_connections_is_told_at_once(tcp_server):
    with database(tcp_server, "closed", "ALLOW_CONNECTIONS false") as postgres:
        error, tries = tries_of(by_psycopg, postgres)
    assert 'database "closed" is not currently accepting connections' in str(error)
    assert tries == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("options=-c%20nothing_like_it%3D1", "unrecognized configuration parameter"),
        ("sslmode=require", "SSL"),
        ("sslmode=verify-full&sslrootcert=system", "SSL"),
        ("sslmode=maybe", "sslmode"),
        ("require_auth=none", "method"),
    ],
)
def test_options_of_the_url_that_cannot_be_met_are_told_at_once(tcp_server, options, reason):
    error, tries = tries_of(by_psycopg, with_options(tcp_server, options))
    assert isinstance(error, UserError)
    assert reason in str(error)
    assert tries == 1


def test_a_missing_password_is_told_at_once(tcp_server):
    url = f"postgresql://postgres@127.0.0.1:{tcp_server.port}/postgres"
    postgres = Postgres.of(load_settings(target_database_url=url), "target")
    error, tries = tries_of(by_psycopg, postgres)
    assert "password" in str(error)
    assert tries == 1


def test_a_server_whose_proxy_hangs_up_may_come_back():
    with socket.create_server(("127.0.0.1", 0)) as server:
        process = multiprocessing.get_context("fork").Process(target=hang_up, args=(server,))
        process.start()
        url = f"postgresql://u:p@127.0.0.1:{server.getsockname()[1]}/d"
        postgres = Postgres.of(load_settings(target_database_url=url), "target")
        try:
            error, tries = tries_of(by_psycopg, postgres)
        finally:
            process.kill()
            process.join()
    assert isinstance(error, GaveUpError)
    assert tries > 1


def hang_up(server):
    while True:
        server.accept()[0].close()


def test_a_socket_that_is_closed_to_this_user_is_told_at_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sockets")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / ".s.PGSQL.5432"))
        server.listen()
        (folder / ".s.PGSQL.5432").chmod(0)
        url = f"postgresql://u@/d?host={folder}"
        settings = load_settings(target_database_url=url)
        with multiprocessing.get_context("fork").Pool(1, become_nobody) as pool:
            kind = pool.apply(kind_of_error, (settings,))
    assert kind == "UserError"


def become_nobody():
    if os.geteuid() == 0:
        os.setuid(65534)


def kind_of_error(settings):
    try:
        by_psycopg(Postgres.of(settings, "target"))
    except (UserError, TransientError) as error:
        return type(error).__name__


def test_a_server_that_is_not_there_yet_may_come(tmp_path):
    url = f"postgresql://u@/d?host={tmp_path}"
    with pytest.raises(TransientError):
        by_psycopg(Postgres.of(load_settings(target_database_url=url), "target"))


DIVIDED = "SELECT 100000 / (60000 - n) AS q FROM generate_series(1, 100000) AS n"


@both_drivers
def test_a_division_by_zero_among_the_rows_is_told_at_once(tcp_server, ask):
    error, tries = tries_of(lambda store: ask(store, DIVIDED), tcp_server.postgres())
    assert isinstance(error, UserError)
    assert "division by zero" in str(error)
    assert tries == 1


@both_drivers
def test_a_statement_timeout_among_the_rows_is_told_at_once_with_what_to_do(tcp_server, ask):
    postgres = with_options(tcp_server, "options=-c%20statement_timeout%3D300")
    query = "SELECT repeat('x', 999) AS x, pg_sleep(0.001)::text AS s FROM generate_series(1, 9999)"
    error, tries = tries_of(lambda store: ask(store, query), postgres)
    assert isinstance(error, UserError)
    assert "statement timeout" in str(error)
    assert "statement_timeout of the role or the database" in str(error)
    assert tries == 1


@both_drivers
def test_bytes_that_are_no_text_are_told_at_once(tcp_server, ask):
    with database(tcp_server, "ascii", "ENCODING 'SQL_ASCII' LOCALE 'C'") as postgres:
        query = "SELECT convert_from('\\xff'::bytea, 'SQL_ASCII') AS name"
        error, tries = tries_of(lambda store: ask(store, query), postgres)
    assert isinstance(error, UserError)
    assert "0xff" in str(error)
    assert tries == 1


def copied_into(table, value):
    def ask(postgres):
        with postgres.connect() as connection, connection.cursor() as cursor:
            copy_rows(cursor, sql.SQL(table), ["value"], [[value]])

    return ask


def test_a_column_that_cannot_be_computed_within_copy_is_told_at_once(tcp_server, table):
    tcp_server.execute(
        f"ALTER TABLE {table} ADD value int, ADD share int GENERATED ALWAYS AS (1 / value) STORED"
    )
    error, tries = tries_of(copied_into(table, 0), tcp_server.postgres())
    assert isinstance(error, UserError)
    assert "division by zero" in str(error)
    assert tries == 1


def test_a_character_that_the_database_cannot_hold_is_told_with_what_to_do(tcp_server):
    with database(tcp_server, "latin", "ENCODING 'LATIN1' LOCALE 'C'") as postgres:
        tcp_server.execute("CREATE TABLE texts (value text)", database="latin")
        error, tries = tries_of(copied_into("texts", "100 €"), postgres)
    assert isinstance(error, UserError)
    assert "ENCODING 'UTF8'" in str(error)
    assert tries == 1


@both_drivers
def test_an_error_of_the_program_is_told_whole(tcp_server, ask):
    with pytest.raises(Exception, match="syntax error") as raised:
        ask(tcp_server.postgres(), "SELEKT 1")
    assert not isinstance(raised.value, UserError | TransientError)


@pytest.mark.parametrize("state", ["08006", "40001", "40P01", "53300", "55P03", "57P01", "57P03"])
def test_these_states_of_the_server_may_pass(state):
    assert faults.is_transient(state)


@pytest.mark.parametrize("state", [None, "28P01", "3D000", "42501", "42P01", "57014", "22012"])
def test_these_states_of_the_server_never_pass(state):
    assert not faults.is_transient(state)


@pytest.mark.parametrize("ask", [by_psycopg, by_adbc])
def test_adbc_and_psycopg_tell_the_same_state(tcp_server, ask):
    error = refused(ask, tcp_server.postgres(), "SELECT 'x'::int")
    assert faults.state_of(error.__cause__) == "22P02"
