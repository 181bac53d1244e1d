import os
import subprocess
import sys

import psycopg
import pytest

from adtech_assets.environment import PROJECT_DIR
from adtech_assets_tests.other_projects import OTHER_SERVER

ASK = """
import sys
from pathlib import Path
from adtech_assets.settings import load_settings
from adtech_assets.stores.postgres import Postgres
from adtech_assets_tests.stores.test_postgres import by_adbc, by_psycopg

data_dir, url, query = sys.argv[1:]
settings = load_settings(data_dir=data_dir, target_database_url=url)
for role in ("source", "target"):
    for ask in (by_psycopg, by_adbc):
        print(*ask(Postgres.of(settings, role), query)[0])
"""
SETTINGS = ("TimeZone", "DateStyle", "search_path", "client_encoding", "statement_timeout")


def asked(data_dir, url, query, variables):
    """The first row of a query, by database and driver, as a process with these variables says."""
    done = subprocess.run(
        [sys.executable, "-c", ASK, str(data_dir), url, query],
        cwd=PROJECT_DIR,
        env=os.environ | {"TZ": "UTC"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def other_server(tcp_server, tmp_path):
    service_file = tmp_path / "services.conf"
    service_file.write_text(
        f"[other]\nhost=127.0.0.1\nport={tcp_server.port}\nuser=postgres\n"
        f"dbname=postgres\npassword={tcp_server.password}\n"
    )
    return OTHER_SERVER | {
        "PGHOSTADDR": "127.0.0.1",
        "PGPORT": str(tcp_server.port),
        "PGPASSWORD": tcp_server.password,
        "PGSERVICEFILE": str(service_file),
    }


@pytest.mark.parametrize("without", [(), ("PGSERVICE",)], ids=["by its service", "by its address"])
def test_neither_the_embedded_database_nor_a_url_is_sent_elsewhere(
    tcp_server, postgres_server, tmp_path, without
):
    variables = other_server(tcp_server, tmp_path)
    for name in without:
        del variables[name]
    before = tcp_server.execute("SELECT datname FROM pg_database ORDER BY 1")

    query = "SELECT current_setting('data_directory') AS folder"
    folders = asked(tmp_path / "data", postgres_server, query, variables)

    cluster = str(tmp_path / "data" / "postgres" / "cluster")
    with psycopg.connect(postgres_server) as connection:
        [(of_url,)] = connection.execute(query).fetchall()
    assert folders == [cluster, cluster, of_url, of_url]
    assert tcp_server.execute("SELECT datname FROM pg_database ORDER BY 1") == before


def test_sessions_are_as_they_are_without_the_callers_variables(
    tcp_server, postgres_server, tmp_path
):
    names = ", ".join(f"current_setting('{name}') AS {name}" for name in SETTINGS)

    def sessions(variables):
        return asked(tmp_path / "data", postgres_server, f"SELECT {names}", variables)

    assert sessions(other_server(tcp_server, tmp_path)) == sessions({})


def test_a_password_of_the_environment_counts_where_the_server_asks_for_one(tcp_server, tmp_path):
    url = f"postgresql://postgres@127.0.0.1:{tcp_server.port}/postgres"
    users = asked(
        tmp_path / "data", url, "SELECT session_user", {"PGPASSWORD": tcp_server.password}
    )
    assert users == ["postgres"] * 4
