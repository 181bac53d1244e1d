"""What our processes see of the environment of whoever calls us."""

from __future__ import annotations

import gc
import getpass
import locale
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

PROJECT_DIR = Path(__file__).resolve().parent.parent
"""The clone: `.env`, the dbt project and the Dagster configuration lie here."""

OWN_MODULE = "adtech_assets."
"""In a dagster.yaml that keeps Dagster's state where ours is; no other project's has it."""

PASSWORDS = ("PGPASSWORD", "PGPASSFILE")
"""Of libpq: they are not to be in a URL, and count where the server asks for one."""


def begin() -> None:
    """Make this process one of ours; for whatever starts one: a command, Dagster's code or state.

    What it makes is for its user alone: log files, database, report, locks. What is for others is
    made as open as its folder is (see `files.opened_as`).

    Python looks for unreachable objects after every 700 new ones, now and then among all that
    there are. What loading modules makes stays, so this found nothing for 0.3 of the 3.5 s (of
    processor time) of the definitions, and for 20 of the 500 ms of `adtech status`.
    """
    os.umask(0o077)
    gc.set_threshold(10_000)


def forget(*prefixes: str, but: Container[str] = PASSWORDS) -> None:
    """Take other projects' variables out of this process and its children, but for passwords.

    DBT_EMPTY, DBT_EXCLUDE or DBT_TARGET, set for another dbt project, would make ours publish
    empty marts or half of them. PGHOSTADDR or PGSERVICE would send the embedded database's work to
    another server, and PGOPTIONS, PGREQUIREAUTH or PGTZ change what it does.

    Called before each use, not once: Dagster puts `.env` into the environment at a time of its own.
    """
    for name in [name for name in os.environ if name.startswith(prefixes)]:
        if name not in but:
            del os.environ[name]


def user_name() -> str:
    """Who calls us; by number where the system has no name, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # OSError since Python 3.13
        return f"uid {os.getuid()}"


def use_own_dagster(project_dir: Path) -> None:
    """Let Dagster in this process and its children keep its state where ours is.

    DAGSTER_HOME counts if its dagster.yaml says so, as the deployment's does, and with it the
    variables that are read there. Another project's would take our runs, and one that does not
    exist is none.
    """
    home = Path(os.environ.get("DAGSTER_HOME") or project_dir)
    try:
        configuration = (home / "dagster.yaml").read_text(encoding="utf-8")
    except (OSError, ValueError):
        configuration = ""
    is_ours = OWN_MODULE in configuration
    forget("DAGSTER_", but=re.findall(r"\bDAGSTER_\w+", configuration) if is_ours else ())
    os.environ["DAGSTER_HOME"] = str(home.resolve() if is_ours else project_dir)


def use_utf8() -> None:
    """Start this command again in Python's UTF-8 mode, unless files and paths are UTF-8 already.

    Python takes UTF-8 even where the locale is C, unless somebody has set PYTHONUTF8=0; then
    neither our own texts nor dbt's and Dagster's could be read.
    """
    encodings = {sys.getfilesystemencoding(), locale.getpreferredencoding(do_setlocale=False)}
    are_utf8 = {encoding.lower().replace("-", "") for encoding in encodings} == {"utf8"}
    if not are_utf8 and os.environ.get("PYTHONUTF8") != "1":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
