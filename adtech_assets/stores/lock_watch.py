"""Who makes a transaction wait: looked at from another connection, for as long as it waits."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import psycopg

from adtech_assets.errors import TransientError
from adtech_assets.stores import faults

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_LOOK_SECONDS = 0.2
"""Most transactions are over by then, and need no second connection."""
LOOK_SECONDS = 0.1

_LOCK_NOT_AVAILABLE = "55P03"
_BLOCKERS = """
SELECT pid, usename, application_name, date_trunc('second', xact_start AT TIME ZONE 'UTC')
FROM unnest(%s::int[]) AS waiting, unnest(pg_blocking_pids(waiting)) AS pid
LEFT JOIN pg_stat_activity USING (pid) ORDER BY xact_start
"""


@contextlib.contextmanager
def waits_told(conninfo: str, shown_as: str, pids: list[int]) -> Iterator[None]:
    """Name whoever holds the lock that somebody has waited for until `lock_timeout`.

    Args:
        conninfo: of the database; a connection is opened once the block takes longer.
        shown_as: how the database is called.
        pids: the server's processes that may wait; more may be added meanwhile.

    Raises:
        TransientError: for the server's error, with the sessions that were in the way.
    """
    done = threading.Event()
    blockers: list[str] = []
    look = threading.Thread(target=_look, args=(conninfo, pids, done, blockers), daemon=True)
    look.start()
    try:
        yield
    except faults.driver_errors("Error") as error:
        if faults.state_of(error) != _LOCK_NOT_AVAILABLE:
            raise
        who = "; ".join(blockers) or "another session (see pg_locks)"
        raise TransientError(f"{shown_as}: waited for a lock that is held by {who}.") from error
    finally:
        done.set()
        look.join(timeout=1)


def _look(conninfo: str, pids: list[int], done: threading.Event, blockers: list[str]) -> None:
    if done.wait(FIRST_LOOK_SECONDS):
        return
    # Without a connection to spare, nobody is named.
    with (
        contextlib.suppress(psycopg.Error),
        contextlib.closing(psycopg.connect(conninfo, autocommit=True)) as connection,
    ):
        while True:
            found = connection.execute(_BLOCKERS, [pids]).fetchall()
            if found:
                blockers[:] = [_named(*session) for session in found]
            if done.wait(LOOK_SECONDS):
                return


def _named(pid: int, user: str | None, application: str | None, since: object) -> str:
    if pid == 0:
        return "a prepared transaction (see pg_prepared_xacts)"
    # Postgres tells the time only to members of the session's role and of pg_read_all_stats.
    began = "" if since is None else f", in a transaction since {since} UTC"
    return (
        f"process {pid} (user {user}, application {application or 'without a name'}{began}): "
        f"end it there, or with SELECT pg_terminate_backend({pid})"
    )
