import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import psycopg
import pytest

from adtech_assets.errors import UserError
from adtech_assets.stores import embedded_postgres
from adtech_assets_tests.stores.waiting import wait_until

USE = """
import sys
from pathlib import Path
from adtech_assets.stores.embedded_postgres import database_url

print(database_url(Path(sys.argv[1]), "analytics"), flush=True)
sys.stdin.read()
"""


def server_pid(folder):
    return int((folder / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def is_stopped(folder):
    return not (folder / "cluster" / "postmaster.pid").exists()


def keepers(folder):
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if {str(folder / "users.lock")} & set(process.info["cmdline"] or ())
    ]


def ask(url, query):
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


@contextmanager
def user(folder, use=USE, *options):
    """Another process that uses the server; what it prints is the URL."""
    with subprocess.Popen(
        [sys.executable, "-c", use, str(folder), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if options else None,
        umask=0o077,  # as the command has it
        text=True,
    ) as process:
        yield process
        process.kill()


def url_of(process):
    return process.stdout.readline().strip()


@contextmanager
def open_folder():
    """A folder of its own: pytest closes its own ones to others whenever it starts."""
    folder = Path(tempfile.mkdtemp(prefix="embedded_postgres"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def stopped_server():
    """The folder of a server that ran once: to copy it takes less than to make a new one."""
    with open_folder() as place:
        folder = place / "postgres"
        with user(folder) as process:
            url_of(process)
        assert wait_until(lambda: is_stopped(folder))
        yield folder


@pytest.fixture
def place(stopped_server):
    """A folder with room for servers; none is left running there."""
    with open_folder() as place:
        shutil.copytree(stopped_server, place / "postgres")
        yield place
        for folder in place.iterdir():
            for keeper in keepers(folder):
                keeper.wait(30)
            assert is_stopped(folder)


@pytest.fixture
def folder(place):
    """The folder of a server that does not run now."""
    return place / "postgres"


def test_a_new_folder_becomes_a_running_server(place):
    with user(place / "new") as process:
        url = url_of(process)

        assert ask(url, "SELECT current_database()") == [("analytics",)]
        assert ask(url, "SHOW server_version_num")[0][0].startswith("18")


def test_it_listens_on_no_port(folder):
    with user(folder) as process:
        assert ask(url_of(process), "SHOW listen_addresses") == [("",)]


def test_only_its_own_system_user_may_open_the_socket(folder):
    with user(folder) as process:
        [sockets] = parse_qs(urlsplit(url_of(process)).query)["host"]
        assert (folder / sockets / ".s.PGSQL.5432").stat().st_mode & 0o777 == 0o700


def test_the_second_process_joins_the_server_of_the_first(folder):
    with user(folder) as first, user(folder) as second:
        assert url_of(first) == url_of(second)
        pid = server_pid(folder)
        first.kill()
        first.wait()

        with user(folder) as third:
            assert ask(url_of(third), "SELECT 1") == [(1,)]
            assert server_pid(folder) == pid


def test_processes_that_come_at_once_share_one_server(folder):
    with user(folder) as first, user(folder) as second, user(folder) as third:
        assert len({url_of(process) for process in (first, second, third)}) == 1
        assert len(keepers(folder)) == 1


def test_it_stops_after_its_last_user(folder):
    with user(folder) as first, user(folder) as second:
        url_of(first), url_of(second)
        first.communicate()
        assert not is_stopped(folder)

        second.communicate()

        assert wait_until(lambda: is_stopped(folder))


def test_it_stops_when_its_only_user_is_killed(folder):
    with user(folder) as process:
        url_of(process)
        process.send_signal(signal.SIGKILL)
        process.wait()

        assert wait_until(lambda: is_stopped(folder))


def test_data_outlives_the_server(folder):
    with user(folder) as process, psycopg.connect(url_of(process)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert wait_until(lambda: is_stopped(folder))

    with user(folder) as process:
        assert ask(url_of(process), "SELECT answer FROM kept") == [(42,)]


def test_a_killed_server_is_started_again_with_what_was_committed(folder):
    with user(folder) as process:
        with psycopg.connect(url_of(process)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        os.kill(server_pid(folder), signal.SIGKILL)

        with user(folder) as next_user:
            assert ask(url_of(next_user), "SELECT answer FROM kept") == [(42,)]


def test_a_copied_folder_gets_a_server_of_its_own_while_the_original_runs(folder, place):
    copy = place / "copy"
    with user(folder) as process:
        original_url = url_of(process)
        with psycopg.connect(original_url) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        subprocess.run(["cp", "-r", folder, copy], check=True)

        with user(copy) as copy_user:
            copy_url = url_of(copy_user)
            assert ask(copy_url, "SELECT answer FROM kept") == [(42,)]
            assert ask(copy_url, "SHOW data_directory") == [(str(copy / "cluster"),)]
            assert ask(original_url, "SHOW data_directory") == [(str(folder / "cluster"),)]
        assert wait_until(lambda: is_stopped(copy))


def test_a_process_id_that_now_belongs_to_somebody_else_does_not_block_the_start(folder):
    with user(folder) as process:
        url_of(process)
    assert wait_until(lambda: is_stopped(folder))
    others = f"{os.getpid()}\n{folder / 'cluster'}\n1700000000\n5432\n/nowhere\n\n"
    (folder / "cluster" / "postmaster.pid").write_text(others)

    with user(folder) as process:
        assert ask(url_of(process), "SELECT 1") == [(1,)]


def test_a_server_whose_starter_was_killed_at_once_is_joined_and_stopped(folder):
    with user(folder) as process:
        assert wait_until((folder / "cluster" / "postmaster.pid").exists)
        process.kill()
        process.wait()

    with user(folder) as process:
        assert wait_until(lambda: process.poll() is not None or url_of(process))
    assert wait_until(lambda: is_stopped(folder))


def test_a_server_that_cannot_start_names_its_log(folder):
    (folder / "cluster" / "PG_VERSION").write_text("9.6\n")

    with pytest.raises(UserError, match=f"does not start; its log: {folder}/cluster/log"):
        embedded_postgres.database_url(folder, "analytics")
    embedded_postgres._users_locks.pop(folder).close()


def test_a_folder_in_use_is_not_given_away(folder):
    with user(folder) as process:
        url_of(process)
        with (
            pytest.raises(UserError, match="in use. Stop adtech dev"),
            embedded_postgres.unused(folder, wait_seconds=0.1),
        ):
            pass
        assert not is_stopped(folder)


def test_an_unused_folder_may_be_deleted_and_begins_anew(folder):
    with user(folder) as process:
        url_of(process)

    with embedded_postgres.unused(folder, wait_seconds=30):
        assert is_stopped(folder)
        shutil.rmtree(folder)

    with user(folder) as process:
        assert ask(url_of(process), "SELECT 1") == [(1,)]


def test_a_server_without_its_keeper_is_stopped_before_its_folder_is_given_away(folder):
    with user(folder) as process:
        url_of(process)
        [keeper] = keepers(folder)
        keeper.kill()

    with embedded_postgres.unused(folder, wait_seconds=30):
        assert is_stopped(folder)


def test_nobody_gets_in_while_the_folder_is_given_away(folder):
    with embedded_postgres.unused(folder, wait_seconds=0), user(folder) as process:
        assert process.poll() is None
        assert process.stdout is not None
        assert is_stopped(folder)


ENSURE_USER = """
import pwd, sys
from adtech_assets.stores.embedded_postgres import ensure_system_user

print(flush=True)
sys.stdin.readline()
ensure_system_user(sys.argv[1])
print(pwd.getpwnam(sys.argv[1]).pw_uid)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root adds users")
def test_processes_that_add_the_system_user_at_once_agree_on_it():
    name = f"adtech{os.getpid()}"
    command = [sys.executable, "-c", ENSURE_USER, name]
    try:
        processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        for process in processes:
            process.stdout.readline()  # it is ready
        for process in processes:
            process.stdin.write("now\n")
            process.stdin.flush()
        ids = {process.communicate()[0] for process in processes}

        assert ids == {f"{pwd.getpwnam(name).pw_uid}\n"}
    finally:
        subprocess.run(["userdel", name], check=True, capture_output=True)


EXPOSE = """
import sys
from pathlib import Path
from adtech_assets.stores.embedded_postgres import exposed_url

print(exposed_url(Path(sys.argv[1]), "analytics", int(sys.argv[2])), flush=True)
sys.stdin.read()
"""


COPY = """
import sys
from pathlib import Path
from adtech_assets.stores.embedded_postgres import copy_to

copy_to(Path(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def exposing_user(folder, port):
    """Another process that exposes the server; what it prints is the URL for tools."""
    return user(folder, EXPOSE, str(port))


def test_a_tool_of_this_machine_may_read_what_is_exposed_and_change_nothing(folder, port):
    with user(folder) as process:
        with psycopg.connect(url_of(process)) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert wait_until(lambda: is_stopped(folder))

    with exposing_user(folder, port) as process:
        url = url_of(process)

        assert f"@127.0.0.1:{port}/" in url, process.stderr.read()
        assert ask(url, "SELECT answer FROM kept") == [(42,)]
        assert ask(url, "SHOW listen_addresses") == [("127.0.0.1",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ask(url, "DELETE FROM kept RETURNING answer")


def test_nobody_gets_in_at_the_port_without_the_password_or_as_another_login(folder, port):
    with exposing_user(folder, port) as process:
        login, password = urlsplit(url_of(process)).netloc.split("@")[0].split(":")
        at = f"127.0.0.1:{port}/analytics"

        for told in (login, f"{login}:wrong", f"postgres:{password}", "postgres"):
            with pytest.raises(psycopg.OperationalError, match="password|pg_hba"):
                psycopg.connect(f"postgresql://{told}@{at}", passfile="/nowhere").close()


def test_others_use_an_exposed_server_by_its_socket_and_it_keeps_its_password(folder, port):
    with exposing_user(folder, port) as exposing:
        url = url_of(exposing)
        with user(folder) as process:
            assert ask(url_of(process), "SELECT current_user") == [("postgres",)]
    assert wait_until(lambda: is_stopped(folder))

    with exposing_user(folder, port) as exposing:
        assert url_of(exposing) == url
    assert (folder / "reader_password").stat().st_mode & 0o777 == 0o600


def test_a_server_that_runs_already_is_not_exposed_but_says_what_to_do(folder, port):
    with user(folder) as process:
        url = url_of(process)
        with exposing_user(folder, port) as exposing:
            assert "runs already, without this port" in exposing.communicate()[1]
        assert ask(url, "SHOW listen_addresses") == [("",)]


def test_a_server_that_was_exposed_is_copied_and_later_has_no_port(folder, port, place):
    with exposing_user(folder, port) as exposing:
        url_of(exposing)
        subprocess.run([sys.executable, "-c", COPY, folder, place / "copy"], check=True)
        assert (place / "copy" / "PG_VERSION").exists()
    assert wait_until(lambda: is_stopped(folder))

    with user(folder) as process:
        assert ask(url_of(process), "SHOW listen_addresses") == [("",)]
