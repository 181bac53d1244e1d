"""What a person gets wrong: one line, what to do, and an exit code."""

from __future__ import annotations

import signal
import socket
import time

import pytest

from adtech_assets.stores.warehouse import Warehouse
from adtech_assets_tests.end_to_end.conftest import Deployment


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty")
    (folder / "raw_data").mkdir()
    return Deployment(folder)


BACKFILL_MISTAKES = {
    "bad date": (("--from", "26.05.2022", "--to", "2022-05-27"), "YYYY-MM-DD"),
    "impossible date": (("--from", "2022-02-30", "--to", "2022-05-27"), "YYYY-MM-DD"),
    "reversed range": (("--from", "2022-05-27", "--to", "2022-05-26"), "reversed"),
    "before the start": (("--from", "2020-01-01", "--to", "2020-01-01"), "ADTECH_START_DATE"),
    "future": (("--from", "2022-05-26", "--to", "2999-01-01"), "future"),
    "unknown asset": (
        ("--from", "2022-05-26", "--to", "2022-05-26", "--select", "daily_cvs"),
        "There is no asset 'daily_cvs'",
    ),
}


@pytest.mark.parametrize("mistake", BACKFILL_MISTAKES)
def test_backfill_refuses(empty, mistake):
    arguments, hint = BACKFILL_MISTAKES[mistake]
    done = empty.run("adtech", "backfill", *arguments)
    assert_one_clear_line(done, hint)


def test_missing_landing_folder(empty):
    done = empty.run(
        "adtech", "backfill", "--from", "2022-05-26", "--to", "2022-05-26",
        ADTECH_RAW_DATA_DIR="/nowhere/raw",
    )  # fmt: skip
    assert_one_clear_line(done, "ADTECH_RAW_DATA_DIR")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ADTECH_TIMEZONE", "Copenhagen"),
        ("ADTECH_START_DATE", "yesterday"),
        ("ADTECH_PROCESSED_FILES", "burn"),
        ("ADTECH_TARGET_DATABASE_URL", "mysql://root@localhost/x"),
    ],
)
def test_wrong_setting_is_named(empty, name, value):
    assert_one_clear_line(empty.run("adtech", "settings", **{name: value}), name)


def test_unreachable_database_fails_the_run_and_the_secret_stays_secret(empty):
    done = empty.run(
        "adtech", "seed", "stats",
        ADTECH_SOURCE_DATABASE_URL="postgresql://me:hunter2@no-such-host.invalid/x",
    )  # fmt: skip
    assert_one_clear_line(done, "no-such-host.invalid")
    assert "hunter2" not in done.stdout + done.stderr


def test_taken_port(empty):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = empty.run("adtech", "dev", "--port", str(taken.getsockname()[1]))
    assert_one_clear_line(done, "is not free")


def test_results_before_anything_is_published(empty):
    assert_one_clear_line(empty.run("adtech", "results"), "not been published")


def test_wrong_sql(empty):
    assert_one_clear_line(empty.run("adtech", "sql", "target", "SELEC 1"), "syntax error")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_any_sql_can_be_stopped(empty, how):
    """DuckDB itself is deaf to signals while it looks for more rows of a recursion."""
    endless = (
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) "
        "SELECT count(*) FROM t WHERE n > 0"
    )
    with Warehouse.of(empty.settings).connect():
        """Made."""
    asked = empty.start("adtech", "sql", "warehouse", endless)
    time.sleep(5)
    asked.send_signal(how)

    out, err = asked.communicate(timeout=30)

    assert asked.returncode == 130
    assert "Traceback" not in out + err
    assert "Stopped." in err


def test_sql_cannot_write(empty):
    done = empty.run("adtech", "sql", "target", "CREATE TABLE x (i int)")
    assert_one_clear_line(done, "Give one SELECT")


def test_restore_of_what_is_no_backup(empty):
    assert_one_clear_line(empty.run("adtech", "restore", str(empty.folder)), "is no backup")


def test_seed_reset_asks_first(empty):
    done = empty.run("adtech", "seed", "reset")
    assert done.returncode != 0
    assert "Delete all" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("demo",),
        ("dev",),
        ("backfill",),
        ("status",),
        ("results",),
        ("sql",),
        ("settings",),
        ("reset",),
        ("backup",),
        ("restore",),
        *[("seed", part) for part in
          ("batch", "advertisers", "campaigns", "impressions", "clicks", "stats", "reset")],
        *[("logs", part) for part in ("generate", "retry", "replace")],
    ],
    ids=" ".join,
)  # fmt: skip
def test_every_command_has_help_with_an_example(empty, command):
    done = empty.run("adtech", *command, "--help")
    assert done.returncode == 0
    assert f"adtech {' '.join(command)}".strip() in done.stdout.replace("Usage:", "")


def assert_one_clear_line(done, hint):
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    assert len(lines) == 1, done.stderr
    assert hint in lines[0]
