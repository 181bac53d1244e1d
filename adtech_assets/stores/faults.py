"""What an error of Postgres means: whether it may pass, and what a person is told.

Told by the SQLSTATE of the server and by the class of the error, never by the text: that comes in
the server's language, and names of people's tables and roles are part of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import select
import socket
import sys
import time
from typing import TYPE_CHECKING

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from adtech_assets.errors import TransientError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

# Class 08 connection, 40 serialization and deadlock, 53 resources, 55P03 lock, 57P operator.
TRANSIENT_STATES = ("08", "40", "53", "55P03", "57P")

# Class 28 wrong login, 3D no such database, 3F no such schema, 42501 no privilege, 42P01 no such
# table, 42703 no such column.
CHECKED_IN_URL = ("28", "3D", "3F", "42501", "42P01", "42703")

# What only this program can have done wrong: class 0A unsupported, 24, 26 and 34 cursors and
# prepared statements, 42 syntax. Whoever mends it needs the stack trace.
PROGRAM_STATES = ("0A", "24", "26", "34", "42")

HINTS = {
    "22P05": "Its encoding has no such character: use a database with ENCODING 'UTF8'.",
    "57014": "If it is a statement_timeout of the role or the database, raise it there.",
    **dict.fromkeys(
        CHECKED_IN_URL,
        "Check ADTECH_SOURCE_DATABASE_URL and ADTECH_TARGET_DATABASE_URL "
        "(adtech settings shows them).",
    ),
}
"""What to do, by state or class."""
HINTS["42501"] = (
    "Give the role this privilege (where row-level security hides rows from it: BYPASSRLS)."
)
CHECK_URLS = HINTS["28"]
HINTS |= dict.fromkeys(
    ("42P01", "42703"),
    f"{CHECK_URLS[:-1]}, and what the feed file (ADTECH_FEED) calls tables and columns.",
)

LOGIN_SECONDS = 10
"""How long a server may take to say why it refuses a login."""

_ONLY_SQLSTATE = 3  # PQERRORS_SQLSTATE
_REFUSED = re.compile(rb":  ([0-9A-Z]{5})$", re.MULTILINE)
_WHERE = ("host", "hostaddr", "port", "user", "dbname")


@contextlib.contextmanager
def translated(shown_as: str) -> Iterator[None]:
    """Sort the drivers' errors into those that may pass and those that need a person.

    Texts of libpq and of the server name host, user and database, never the password.
    """
    try:
        yield
    except driver_errors("Error") as error:
        state = state_of(error)
        # A connection that was there, and is lost without a word of the server.
        is_lost = state is None and isinstance(error, driver_errors("OperationalError"))
        if is_lost or is_transient(state):
            raise TransientError(f"{shown_as}: {one_line(error)}") from error
        if is_of_a_person(state):
            raise _user_error(shown_as, error, state) from error
        raise


@contextlib.contextmanager
def translated_login(shown_as: str, conninfo: str) -> Iterator[None]:
    """The same for opening a connection, whose errors psycopg tells without their state."""
    try:
        yield
    except psycopg.OperationalError as error:
        if login_may_pass(error, conninfo):
            raise TransientError(f"{shown_as}: {one_line(error)}") from error
        raise UserError(f"{shown_as}: {one_line(error)}. {CHECK_URLS}") from error


def state_of(error: BaseException) -> str | None:
    """The state that the server has given with an error; ADBC writes zeros where there is none."""
    return (getattr(error, "sqlstate", None) or "").strip("\0") or None


def is_transient(state: str | None) -> bool:
    """Whether the same call may succeed later."""
    return state is not None and state.startswith(TRANSIENT_STATES)


def is_of_a_person(state: str | None) -> bool:
    """Whether somebody who reads the server's words can mend it: data, privileges, settings."""
    return state is not None and (
        state.startswith(CHECKED_IN_URL)
        or not (state.startswith(PROGRAM_STATES) or is_transient(state))
    )


def login_may_pass(error: psycopg.OperationalError, conninfo: str) -> bool:
    """Whether a login that failed may succeed later."""
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return True
    if error.pgconn is None:  # psycopg looks names of hosts up itself
        return not _are_unknown(str(conninfo_to_dict(conninfo).get("host", "")))
    if error.pgconn.needs_password:
        return False
    try:
        state = state_of_login(conninfo)
    except psycopg.OperationalError:
        return not (_is_closed_socket(conninfo) or _answers(conninfo))
    return state is None or is_transient(state)


def state_of_login(conninfo: str) -> str | None:
    """The state with which a server refuses a login, asked once more; None: it does not any more.

    libpq knows it and psycopg does not ask for it: it is the whole error in the mode in which
    libpq tells nothing else.

    Raises:
        psycopg.OperationalError: no server answers, or it is not understood.
    """
    connection = pq.PGconn.connect_start(conninfo.encode())
    try:
        at = ctypes.c_void_p(connection.pgconn_ptr)  # type: ignore[attr-defined]
        _libpq().PQsetErrorVerbosity(at, _ONLY_SQLSTATE)
        deadline = time.monotonic() + LOGIN_SECONDS
        while (status := connection.connect_poll()) != pq.PollingStatus.OK:
            left = deadline - time.monotonic()
            if status == pq.PollingStatus.FAILED or left < 0:
                break
            waiting = [connection.socket]
            if status == pq.PollingStatus.WRITING:
                select.select([], waiting, [], left)
            else:
                select.select(waiting, [], [], left)
        else:
            return None
        states = _REFUSED.findall(connection.error_message)
    finally:
        connection.finish()
    if not states:
        raise psycopg.OperationalError
    return str(states[-1].decode())


def one_line(error: BaseException) -> str:
    """An error's text, whose line breaks would tear a message apart.

    Without the line of the query that the server quotes, and the caret that points into it.
    """
    lines = str(error).splitlines()
    below = [*lines[1:], ""]
    told = [
        line
        for line, next_line in zip(lines, below, strict=True)
        if "^" not in (line.strip(), next_line.strip())
    ]
    return " ".join(" ".join(told).split())


def driver_errors(name: str) -> tuple[type[Exception], ...]:
    """A class of errors of both drivers; ADBC's once it is in use."""
    drivers = (psycopg, sys.modules.get("adbc_driver_manager"))
    return tuple(getattr(driver, name) for driver in drivers if driver is not None)


def _user_error(shown_as: str, error: BaseException, state: str | None) -> UserError:
    hints = [hint for of, hint in HINTS.items() if (state or "").startswith(of)]
    return UserError(f"{shown_as}: {one_line(error).rstrip('.')}. {' '.join(hints)}".rstrip())


def _are_unknown(hosts: str) -> bool:
    """Whether a name server says that there are no such hosts; one may be away for a moment."""
    for host in hosts.split(","):
        try:
            socket.getaddrinfo(host, None)
        except socket.gaierror as error:
            if error.errno not in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", None)):
                return False
        else:
            return False
    return True


def _is_closed_socket(conninfo: str) -> bool:
    """Whether the server's socket is there, but not for this user of the system."""
    asked = conninfo_to_dict(conninfo)
    folder, port = str(asked.get("host", "")), asked.get("port", 5432)
    if not folder.startswith("/"):
        return False
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{folder}/.s.PGSQL.{port}")
    except OSError as error:
        return isinstance(error, PermissionError)
    return False


def _answers(conninfo: str) -> bool:
    """Whether a server is there that talks, but not in the way that the URL asks for.

    Such as without TLS, or with another certificate. Nothing secret is sent.
    """
    asked = conninfo_to_dict(conninfo)
    if asked.get("target_session_attrs", "any") != "any":
        return False  # one that writes may come
    where = {name: asked[name] for name in _WHERE if name in asked}
    plainly = make_conninfo("", **where, sslmode="disable", connect_timeout=LOGIN_SECONDS)
    return pq.PGconn.ping(plainly.encode()) in (pq.Ping.OK, pq.Ping.NO_ATTEMPT)


def _libpq() -> ctypes.CDLL:
    """The libpq that psycopg has brought along."""
    import psycopg_binary.pq  # noqa: PLC0415 - for a login that has failed

    return ctypes.CDLL(psycopg_binary.pq.__file__)
