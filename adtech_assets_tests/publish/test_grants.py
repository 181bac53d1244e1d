"""Who may read what, on a server where everybody logs in with a password."""

import logging
import threading

import psycopg
import pytest

from adtech_assets.publish.publication import Mart, publish
from adtech_assets.settings import BI_ROLE
from adtech_assets.stores.warehouse import Warehouse

DAYS = Mart("days", ("n",), "", {})
HOURS = Mart("hours", ("n",), "", {})


@pytest.fixture
def server(tcp_server):
    """A server with two databases of `adtech`, who is no superuser, as the deployment makes it."""
    tcp_server.execute("CREATE ROLE adtech LOGIN PASSWORD 'adtech'")
    for database in ("analytics", "others"):
        tcp_server.execute(f"CREATE DATABASE {database} OWNER adtech")
        tcp_server.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    tcp_server.execute("CREATE ROLE person LOGIN PASSWORD 'person'")
    yield tcp_server
    for database in ("analytics", "others"):
        tcp_server.execute(f"DROP DATABASE {database} WITH (FORCE)")
    for role in ("adtech", "person", BI_ROLE):
        tcp_server.execute(f"DROP ROLE IF EXISTS {role}")


@pytest.fixture
def run(server, tmp_path):
    """Publishes marts of a few rows as `adtech`."""

    def publish_as_adtech(*marts, database="analytics"):
        target = server.postgres(database=database, user="adtech", password="adtech")
        with Warehouse(tmp_path / database / "warehouse.duckdb").connect() as warehouse:
            warehouse.execute("CREATE SCHEMA IF NOT EXISTS marts")
            for mart in marts:
                warehouse.execute(
                    f"CREATE OR REPLACE TABLE marts.{mart.name} AS FROM range(3) AS t (n)"
                )
            return publish(warehouse, target, marts)

    return publish_as_adtech


@pytest.fixture
def as_person(server):
    """Asks as a person with a login of their own."""

    def ask(query, database="analytics"):
        return server.execute(query, database=database, user="person", password="person")

    return ask


@pytest.fixture
def role(server):
    """The role, as the deployment's script makes it, with the person as a member."""
    server.execute(f"CREATE ROLE {BI_ROLE}; GRANT {BI_ROLE} TO person")


@pytest.mark.usefixtures("role")
def test_a_member_reads_every_mart_also_those_published_later(run, as_person):
    run(DAYS)
    assert as_person("SELECT count(*) FROM marts.days") == [(3,)]
    run(DAYS, HOURS)
    assert as_person("SELECT count(*) FROM marts.hours") == [(3,)]


@pytest.mark.usefixtures("role")
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM marts.days",
        "UPDATE marts.days SET n = 0",
        "INSERT INTO marts.days VALUES (9)",
        "TRUNCATE marts.days",
        "DROP TABLE marts.days",
        "CREATE TABLE marts.mine (n int)",
        "CREATE TABLE mine (n int)",
        "SELECT * FROM published_days",
        "SELECT * FROM somebodys",
    ],
)
def test_a_member_can_neither_write_nor_read_other_tables(server, run, as_person, statement):
    run(DAYS)
    server.execute("CREATE TABLE somebodys (n int)", database="analytics")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        as_person(statement)


@pytest.mark.usefixtures("role")
def test_a_mart_that_is_made_anew_stays_readable(run, as_person):
    run(DAYS)
    run(Mart("days", ("n",), "", {}))
    assert as_person("SELECT count(*) FROM marts.days") == [(3,)]


@pytest.mark.usefixtures("role")
def test_a_member_gets_into_no_other_database(run, as_person):
    run(DAYS)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        as_person("SELECT 1", database="others")


def test_who_is_no_member_reads_nothing(server, run, as_person):
    server.execute(f"CREATE ROLE {BI_ROLE}")
    run(DAYS)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        as_person("SELECT * FROM marts.days")


def test_a_user_who_may_make_roles_makes_it_once(server, run):
    server.execute("ALTER ROLE adtech CREATEROLE")
    run(DAYS)
    run(DAYS)
    assert server.execute(
        f"SELECT rolcanlogin, rolsuper FROM pg_roles WHERE rolname = '{BI_ROLE}'"
    ) == [(False, False)]


def test_runs_of_two_databases_may_make_it_at_once(server, run):
    server.execute("ALTER ROLE adtech CREATEROLE")
    published = []
    threads = [
        threading.Thread(target=lambda d=database: published.append(run(DAYS, database=d)))
        for database in ("analytics", "others")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done["days"].rows for done in published] == [3, 3]


def test_a_user_who_may_not_make_roles_publishes_and_says_so_once(server, run, caplog):
    with caplog.at_level(logging.WARNING):
        assert run(DAYS, HOURS).keys() == {"days", "hours"}

    (told,) = [record.getMessage() for record in caplog.records]
    assert "CREATE ROLE adtech_bi" in told
    assert "\n" not in told
    assert server.execute("SELECT count(*) FROM marts.hours", database="analytics") == [(3,)]


def test_the_rights_come_with_the_next_publication_after_the_role(server, run, as_person):
    run(DAYS)
    server.execute(f"CREATE ROLE {BI_ROLE}; GRANT {BI_ROLE} TO person")
    run(DAYS)
    assert as_person("SELECT count(*) FROM marts.days") == [(3,)]


@pytest.mark.usefixtures("role")
def test_a_user_who_owns_nothing_publishes_without_giving_rights(server, run):
    run(DAYS)
    for statement in (
        "ALTER TABLE marts.days OWNER TO postgres",
        "GRANT SELECT, INSERT, DELETE ON marts.days TO adtech",
        f"REVOKE SELECT ON marts.days FROM {BI_ROLE}",
    ):
        server.execute(statement, database="analytics")
    assert run(DAYS)["days"].rows == 3
