"""What libpq would take from the environment of whoever calls us, and must not."""

from __future__ import annotations

import os

LOGIN = ("PGPASSWORD", "PGPASSFILE")
"""These stay: a password that is not to be in a URL. They count where the server asks for one."""


def forget_other_servers() -> None:
    """Take libpq's variables out of this process and its children, but for the password.

    Set for another project, PGHOSTADDR or PGSERVICE would send the embedded database's work
    elsewhere, and PGOPTIONS, PGREQUIREAUTH or PGTZ change what it does. Called before every
    connection: Dagster puts `.env` into the environment at a time of its own.
    """
    for name in [name for name in os.environ if name.startswith("PG") and name not in LOGIN]:
        del os.environ[name]
