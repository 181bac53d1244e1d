import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest

from adtech_assets.errors import UserError
from adtech_assets.feed.ledger import DayFiles
from adtech_assets.load import audited_load
from adtech_assets.load.audited_load import DayLoad, LoadedDay
from adtech_assets.partitions import DayRange
from adtech_assets.rollup.hourly import HourCount
from adtech_assets.stores.identity import Identity
from adtech_assets.stores.postgres import Postgres

DAY = date(2022, 5, 26)
NEXT_DAY = date(2022, 5, 27)
FILES = DayFiles(files=2, fingerprint="abc")

LOAD_FROM_ANOTHER_PROCESS = """
import sys
from datetime import date
from adtech_assets.feed.ledger import DayFiles
from adtech_assets.rollup.hourly import HourCount
from adtech_assets.partitions import DayRange
from adtech_assets.load.audited_load import DayLoad, replace_days
from adtech_assets.stores.identity import Identity
from adtech_assets.stores.postgres import Postgres

url, run_id = sys.argv[1:]
day = date(2022, 5, 26)
counts = [HourCount(day, hour, hour, 1) for hour in range(24)]
print("ready", flush=True)
sys.stdin.readline()
for _ in range(10):
    replace_days(
        Postgres(lambda: url, "target"),
        [DayLoad(day, counts, DayFiles(2, "abc"))],
        warehouse=Identity("one", "here"),
        user_agent="agent",
        run_id=run_id,
    )
"""


def load(target, *loads, user_agent="agent", run_id="run 1"):
    audited_load.replace_days(
        target,
        list(loads),
        warehouse=Identity("one", "here"),
        user_agent=user_agent,
        run_id=run_id,
    )


def day_load(*counts, day=DAY, files=FILES):
    return DayLoad(day, [HourCount(day, *count) for count in counts], files)


def rows(ask):
    return ask("SELECT datetime, impression_count, click_count FROM csv_data_task ORDER BY 1")


def audit(ask):
    return ask(
        "SELECT day, user_agent, run_id, row_count, impression_count, click_count, file_count, "
        "files_fingerprint FROM load_audit ORDER BY day"
    )


def at(hour, day=DAY):
    return datetime(day.year, day.month, day.day, hour)  # noqa: DTZ001 - local time of the feed


def described(ask, table):
    return ask(
        f"""
        SELECT column_name, data_type, is_nullable, column_default
        FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name = '{table}'
        ORDER BY ordinal_position
        """
    )


def constraints(ask, table):
    return ask(
        f"""
        SELECT pg_get_constraintdef(oid) FROM pg_constraint
        WHERE conrelid = 'public.{table}'::regclass AND contype <> 'n' ORDER BY 1
        """
    )


def test_the_table_is_exactly_as_design_a_made_it(target, ask):
    load(target, day_load())
    assert described(ask, "csv_data_task") == [
        ("datetime", "timestamp without time zone", "NO", None),
        ("impression_count", "bigint", "NO", None),
        ("click_count", "bigint", "NO", None),
        ("audit_loaded_datetime", "timestamp without time zone", "NO", None),
    ]
    assert constraints(ask, "csv_data_task") == [("UNIQUE (datetime)",)]


@pytest.mark.parametrize("made", ["now", "by a version before", "by hand, with a key"])
def test_a_target_all_of_whose_tables_are_published_to_others_is_loaded_again(target, ask, made):
    load(target, day_load((11, 4, 0)))
    if made == "by a version before":
        ask("ALTER TABLE csv_data_task REPLICA IDENTITY DEFAULT")
    if made == "by hand, with a key":
        ask("ALTER TABLE csv_data_task REPLICA IDENTITY DEFAULT, ADD PRIMARY KEY (datetime)")
    ask("CREATE PUBLICATION everything FOR ALL TABLES")

    load(target, day_load((11, 5, 1)))

    assert rows(ask) == [(at(11), 5, 1)]


def test_the_audit_has_a_row_a_day(target, ask):
    load(target, day_load())
    assert [column[:3] for column in described(ask, "load_audit")] == [
        ("day", "date", "NO"),
        ("user_agent", "text", "NO"),
        ("run_id", "text", "NO"),
        ("row_count", "bigint", "NO"),
        ("impression_count", "bigint", "NO"),
        ("click_count", "bigint", "NO"),
        ("file_count", "bigint", "NO"),
        ("files_fingerprint", "text", "NO"),
        ("loaded_at", "timestamp without time zone", "NO"),
    ]
    assert constraints(ask, "load_audit") == [("PRIMARY KEY (day)",)]


def test_a_day_is_loaded_with_its_audit(target, ask):
    load(target, day_load((11, 4, 0), (19, 10, 3)))

    assert rows(ask) == [(at(11), 4, 0), (at(19), 10, 3)]
    assert audit(ask) == [(DAY, "agent", "run 1", 2, 14, 3, 2, "abc")]


def test_rows_and_audit_bear_the_time_of_the_load_in_utc(target, ask):
    before = datetime.now(UTC).replace(tzinfo=None)
    load(target, day_load((11, 4, 0), (12, 4, 0)))
    after = datetime.now(UTC).replace(tzinfo=None)

    [(loaded_at,)] = ask("SELECT loaded_at FROM load_audit")
    assert before <= loaded_at <= after
    assert ask("SELECT DISTINCT audit_loaded_datetime FROM csv_data_task") == [(loaded_at,)]


def test_a_day_loaded_twice_is_the_same_but_for_the_time(target, ask):
    load(target, day_load((11, 4, 0)))
    first, [(first_time,)] = rows(ask), ask("SELECT loaded_at FROM load_audit")

    load(target, day_load((11, 4, 0)), run_id="run 2")

    assert rows(ask) == first
    assert audit(ask) == [(DAY, "agent", "run 2", 1, 4, 0, 2, "abc")]
    [(second_time,)] = ask("SELECT loaded_at FROM load_audit")
    assert first_time < second_time < first_time + timedelta(minutes=5)


def test_hours_that_are_gone_vanish(target, ask):
    load(target, day_load((0, 1, 1), (23, 1, 1)))
    load(target, day_load((12, 5, 5), files=DayFiles(3, "def")))
    assert rows(ask) == [(at(12), 5, 5)]
    assert audit(ask) == [(DAY, "agent", "run 1", 1, 5, 5, 3, "def")]


def test_other_days_stay_untouched(target, ask):
    before, after = DAY - timedelta(days=1), NEXT_DAY
    load(target, day_load((23, 1, 1), day=before))
    load(target, day_load((0, 2, 2), day=after))
    query = f"SELECT * FROM csv_data_task, load_audit WHERE day <> '{DAY}' ORDER BY 1, day"
    untouched = ask(query)

    load(target, day_load((11, 4, 0)))
    load(target, day_load())

    assert ask(query) == untouched
    assert len(untouched) == 4


def test_several_days_are_loaded_in_one_transaction(target, ask):
    load(target, day_load((23, 1, 0)), day_load((0, 2, 0), day=NEXT_DAY))

    assert rows(ask) == [(at(23), 1, 0), (at(0, NEXT_DAY), 2, 0)]
    assert len(ask("SELECT DISTINCT xmin::text FROM csv_data_task")) == 1
    assert ask("SELECT xmin::text FROM load_audit GROUP BY 1") == ask(
        "SELECT xmin::text FROM csv_data_task GROUP BY 1"
    )


def test_another_user_agent_replaces_the_rows(target, ask):
    load(target, day_load((11, 4, 0)))
    load(target, day_load((12, 7, 7)), user_agent="*")
    assert rows(ask) == [(at(12), 7, 7)]
    assert audit(ask) == [(DAY, "*", "run 1", 1, 7, 7, 2, "abc")]


def test_a_day_whose_files_hold_no_events_has_an_audit_of_zeros(target, ask):
    load(target, day_load())
    assert rows(ask) == []
    assert audit(ask) == [(DAY, "agent", "run 1", 0, 0, 0, 2, "abc")]


def test_a_day_without_files_has_no_audit(target, ask):
    load(target, day_load(files=None), day_load((1, 1, 0), day=NEXT_DAY))
    assert [row[0] for row in audit(ask)] == [NEXT_DAY]


@pytest.mark.parametrize("files", [DayFiles(1, "fewer"), None])
def test_a_day_that_would_lose_files_is_refused_and_kept(target, ask, files):
    load(target, day_load((11, 4, 0)))
    before = ask("SELECT * FROM csv_data_task"), ask("SELECT * FROM load_audit")

    with pytest.raises(UserError, match=r"2022-05-26 was loaded from 2 files.*rows were kept"):
        load(target, day_load((11, 1, 0), files=files), day_load((0, 9, 9), day=NEXT_DAY))

    assert (ask("SELECT * FROM csv_data_task"), ask("SELECT * FROM load_audit")) == before


def test_such_a_day_is_loaded_once_its_audit_is_deleted_as_the_message_says(target, ask):
    load(target, day_load((11, 4, 0)))
    ask(f"DELETE FROM public.load_audit WHERE day = '{DAY}'")

    load(target, day_load((11, 1, 0), files=DayFiles(1, "fewer")))

    assert rows(ask) == [(at(11), 1, 0)]


@pytest.mark.parametrize(
    "counts",
    [
        pytest.param([(11, 1, 1), (12, 2**63, 0)], id="a number too large"),
        pytest.param([(11, 1, 1), (11, 1, 1)], id="an hour twice"),
        pytest.param([(11, None, 1)], id="no number"),
    ],
)
def test_a_load_that_fails_half_way_leaves_the_old_rows(target, ask, counts):
    load(target, day_load((11, 4, 0)))
    before = ask("SELECT * FROM csv_data_task"), ask("SELECT * FROM load_audit")

    with pytest.raises((UserError, TypeError)):
        load(target, day_load(*counts))

    assert (ask("SELECT * FROM csv_data_task"), ask("SELECT * FROM load_audit")) == before


def test_processes_that_load_one_day_at_once_give_the_result_of_one(target, ask):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", LOAD_FROM_ANOTHER_PROCESS, target.url(), f"run {n}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(3)
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()

    for process in processes:
        process.communicate()

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert rows(ask) == [(at(hour), hour, 1) for hour in range(24)]
    assert len(audit(ask)) == 1


def test_tables_that_somebody_else_made_are_used_with_no_more_than_the_right_to_write(
    target, ask, reader_role
):
    ask(
        "CREATE TABLE csv_data_task (datetime TIMESTAMP NOT NULL UNIQUE, "
        "impression_count BIGINT NOT NULL, click_count BIGINT NOT NULL, "
        "audit_loaded_datetime TIMESTAMP NOT NULL)"
    )
    ask(
        "CREATE TABLE load_audit (loaded_at TIMESTAMP NOT NULL, day DATE PRIMARY KEY, "
        "user_agent TEXT NOT NULL, run_id TEXT NOT NULL, row_count BIGINT NOT NULL, "
        "impression_count BIGINT NOT NULL, click_count BIGINT NOT NULL, "
        "file_count BIGINT NOT NULL, files_fingerprint TEXT NOT NULL)"
    )
    ask(
        "CREATE TABLE target_owner (warehouse_id TEXT PRIMARY KEY, warehouse_at TEXT NOT NULL, "
        "owned_since TIMESTAMP NOT NULL, schema_version INTEGER NOT NULL)"
    )
    ask(f"GRANT SELECT, INSERT, DELETE ON csv_data_task, load_audit, target_owner TO {reader_role}")
    url = target.url().replace("postgres@", f"{reader_role}@")

    load(Postgres(lambda: url, "target"), day_load((11, 4, 0)))

    assert rows(ask) == [(at(11), 4, 0)]
    assert audit(ask) == [(DAY, "agent", "run 1", 1, 4, 0, 2, "abc")]


def test_a_table_of_a_forgotten_audit_keeps_rows_outside_the_days(target, ask):
    load(target, day_load((11, 4, 0)))
    ask("DROP TABLE load_audit")

    load(target, day_load((0, 1, 1), day=NEXT_DAY))

    assert rows(ask) == [(at(11), 4, 0), (at(0, NEXT_DAY), 1, 1)]


def test_what_was_loaded_can_be_asked_for(target):
    load(target, day_load((11, 4, 0)), day_load((0, 2, 1), day=NEXT_DAY))
    with target.connect(read_only=True) as connection:
        found = audited_load.audits(connection, DayRange(DAY, DAY))
        counts = audited_load.loaded_counts(connection, DayRange(DAY, NEXT_DAY))

    assert found == {DAY: LoadedDay(DAY, "agent", "run 1", 1, 4, 0, 2, "abc", found[DAY].loaded_at)}
    assert counts == [HourCount(DAY, 11, 4, 0), HourCount(NEXT_DAY, 0, 2, 1)]


def test_before_the_first_load_nothing_is_loaded(target):
    with target.connect(read_only=True) as connection:
        assert audited_load.audits(connection, DayRange(DAY, NEXT_DAY)) == {}
        assert audited_load.loaded_counts(connection, DayRange(DAY, NEXT_DAY)) == []
