import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from adtech_assets.cli.dev import note_dagster_home
from adtech_assets.environment import PROJECT_DIR, forget, use_own_dagster, user_name
from adtech_assets.errors import UserError
from adtech_assets.stores import embedded_postgres

BIN = Path(sys.executable).parent

NOBODYS_UID = 2_000_054_321
READ_BY_DAGSTER = """
import os
from dagster._core.secrets.env_file import get_env_var_dict
print((os.environ | get_env_var_dict(os.getcwd()))["DAGSTER_HOME"])
"""


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    monkeypatch.setattr(os, "environ", dict(os.environ))


def test_what_is_forgotten_is_gone_and_the_rest_stays():
    os.environ.update(DBT_EMPTY="1", DBT_ENGINE_TARGET="prod", DBTX="stays")
    forget("DBT_")
    assert [name for name in os.environ if name.startswith("DBT")] == ["DBTX"]


def test_who_calls_is_a_number_where_the_system_has_no_name(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        os.environ.pop(name, None)
    assert user_name() == pwd.getpwuid(os.getuid()).pw_name

    monkeypatch.setattr(os, "getuid", lambda: NOBODYS_UID)
    assert user_name() == f"uid {NOBODYS_UID}"


@pytest.mark.parametrize("configuration", [None, "telemetry:\n  enabled: false\n", "\xff"])
def test_the_dagster_home_of_another_project_does_not_count(tmp_path, configuration):
    if configuration is not None:
        (tmp_path / "dagster.yaml").write_text(configuration, encoding="latin-1")
    os.environ["DAGSTER_HOME"] = str(tmp_path)
    use_own_dagster(PROJECT_DIR)
    assert os.environ["DAGSTER_HOME"] == str(PROJECT_DIR)


@pytest.mark.parametrize("home", ["", "/nonexistent/home", "relative/home"])
def test_a_dagster_home_that_does_not_exist_is_none(home):
    os.environ["DAGSTER_HOME"] = home
    use_own_dagster(PROJECT_DIR)
    assert os.environ["DAGSTER_HOME"] == str(PROJECT_DIR)


@pytest.mark.parametrize("home", [PROJECT_DIR, PROJECT_DIR / "deploy"])
def test_a_dagster_home_that_keeps_our_state_counts(home):
    os.environ.update(DAGSTER_HOME=str(home), DAGSTER_WEBSERVER_READ_ONLY="1")
    use_own_dagster(PROJECT_DIR)
    found = {name: value for name, value in os.environ.items() if name.startswith("DAGSTER_")}
    assert found == {"DAGSTER_HOME": str(home)}


def test_what_our_dagster_home_reads_of_the_environment_stays():
    given = {
        "DAGSTER_POSTGRES_HOST": "db",
        "DAGSTER_POSTGRES_PORT": "1",
        "DAGSTER_POSTGRES_USER": "u",
    }
    os.environ.update(DAGSTER_HOME=str(PROJECT_DIR / "deploy"), DAGSTER_PLUS="1", **given)
    use_own_dagster(PROJECT_DIR)
    found = {name: value for name, value in os.environ.items() if name.startswith("DAGSTER_")}
    assert found == {"DAGSTER_HOME": str(PROJECT_DIR / "deploy"), **given}


def home_of_dagsters_commands(folder, **environment):
    """DAGSTER_HOME as Dagster's commands see it once they have read the `.env` of a folder."""
    done = subprocess.run(
        [sys.executable, "-c", READ_BY_DAGSTER],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.rstrip("\n")


@pytest.mark.parametrize("name", ["plain", "with space # and hash", "größe"])
def test_the_file_says_where_dagster_is_at_home_unless_that_was_said_on_purpose(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    os.environ.pop("DAGSTER_HOME", None)
    note_dagster_home(folder / ".env")
    assert home_of_dagsters_commands(folder) == str(folder)
    assert home_of_dagsters_commands(folder, DAGSTER_HOME="/on/purpose") == "/on/purpose"


def test_the_file_keeps_what_people_have_written_and_is_noted_once(tmp_path):
    file = tmp_path / ".env"
    file.write_text(f"ADTECH_USER_AGENT=größer\nDAGSTER_HOME={tmp_path}\n", encoding="utf-8")
    file.chmod(0o600)
    for _ in range(2):
        note_dagster_home(file)
        first, home = file.read_text(encoding="utf-8").splitlines()
        assert first == "ADTECH_USER_AGENT=größer"
        assert home == f'DAGSTER_HOME="${{DAGSTER_HOME:-{tmp_path}}}"'
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_home_that_a_person_has_written_to_the_file_stays(tmp_path):
    file = tmp_path / ".env"
    file.write_text("DAGSTER_HOME=/of/mine\n")
    note_dagster_home(file)
    assert file.read_text() == "DAGSTER_HOME=/of/mine\n"


def refused(*command, **environment):
    """The line in which a command says why it does not go on."""
    done = subprocess.run(
        [BIN / "adtech", *command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    return line


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("backfill", "--from=2022-05-26", "--to=2022-05-26"),
        ("seed", "stats"),
        ("reset", "--yes"),
    ],
    ids=" ".join,
)
def test_a_data_folder_below_a_file_is_told_in_a_line(command, tmp_path):
    """As root, who runs these tests in containers, no folder lacks access."""
    (tmp_path / "file").touch()
    line = refused(*command, ADTECH_DATA_DIR=str(tmp_path / "file" / "data"))
    assert str(tmp_path / "file") in line


def test_a_user_id_that_the_system_does_not_know_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 987654)
    with pytest.raises(UserError, match="user id 987654, which has no entry in /etc/passwd"):
        embedded_postgres.database_url(tmp_path, "analytics")


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"COLUMNS": "wide"},
        {"COLUMNS": ""},
    ],
)
def test_commands_work_whatever_the_locale_says(locale):
    done = subprocess.run(
        [BIN / "adtech", "settings", "--json"],
        env=os.environ | locale | {"ADTECH_USER_AGENT": "Größe ☃"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = done.stdout.decode()
    assert "Größe ☃" in shown or "Gr\\xf6\\xdfe \\u2603" in shown
