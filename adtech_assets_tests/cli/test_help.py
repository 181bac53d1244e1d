"""What the command loads before it knows what to do."""

import subprocess
import sys


def test_help_waits_for_no_library_but_the_command_lines():
    """The settings alone, with pydantic, would double its time."""
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, adtech_assets.cli; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert not {"pydantic", "rich", "dagster", "duckdb", "psycopg", "sqlalchemy"} & set(loaded)
