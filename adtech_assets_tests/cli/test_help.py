"""What the command says of itself, and what it loads before it knows what to do."""

import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from adtech_assets.cli.app import app


def test_help_waits_for_no_library_but_the_command_lines():
    """The settings alone, with pydantic, would double its time."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, adtech_assets.cli; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert not {"pydantic", "rich", "dagster", "duckdb", "psycopg", "sqlalchemy"} & set(loaded)


def commands(group=None, name="adtech"):
    """Every command by its whole name."""
    group = group or get_command(app)
    for part, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {part}")
        else:
            yield f"{name} {part}", command


@pytest.mark.parametrize(("name", "command"), commands(), ids=str)
def test_each_command_has_an_example_of_itself(name, command):
    assert command.hidden or f"Example: {name}" in command.epilog


@pytest.mark.parametrize(
    ("asked", "missing"),
    [
        ("backfill", "'--from' and '--to'"),
        ("logs generate", "'--from' and '--to'"),
        ("sql", "'store' and 'query'"),
        ("backfill --from 2022-05-26", "option '--to'"),
    ],
)
def test_all_that_is_missing_is_told_at_once(asked, missing):
    result = CliRunner().invoke(app, asked.split())

    assert result.exit_code == 2
    assert f"Missing {missing}." in result.output


def test_a_shell_completes_commands_options_stores_and_marts():
    def completed(line):
        words = line.split(" ")
        environment = {
            "_ADTECH_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        }
        return CliRunner().invoke(app, prog_name="adtech", env=environment).output.split()

    assert completed("adtech back") == ["backfill", "backup"]
    assert completed("adtech backfill --re") == ["--rebuild"]
    assert completed("adtech sql t") == ["target"]
    assert completed("adtech results --mart fct_weekly") == ["fct_weekly_movers"]
