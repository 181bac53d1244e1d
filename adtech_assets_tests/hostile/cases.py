"""The hostile cases: what is given, and what is expected.

"Quarantine" means that the file is moved beside a machine-readable reason and listed by
`adtech status`, that a check warns, and that the run goes on with the other files.
"""

from typing import NamedTuple


class Case(NamedTuple):
    """A numbered case."""

    given: str
    expected: str


CASES = {
    # files
    1: Case("random bytes called *.parquet", "quarantine; the day's other files load"),
    2: Case("truncated footer", "quarantine"),
    3: Case("zero bytes", "left alone for the settle time, then quarantine"),
    4: Case("valid file without rows", "loaded, counts 0"),
    5: Case("flipped bit in a column that is read", "quarantine"),
    6: Case("file still being written", "skipped, taken at a later tick"),
    7: Case("file changes between fingerprint and read", "detected, retried"),
    8: Case("file disappears in the middle of a run", "clear failure, nothing committed"),
    9: Case("name that does not parse", "quarantine; nothing guessed from the path"),
    10: Case("folder above called _2022052611", "only the base name counts"),
    11: Case("hour 24 or 99", "quarantine; no silent next day"),
    12: Case("30 February", "quarantine"),
    13: Case(
        "date in the future",
        "up to 7 days ahead it waits and is named, else quarantine; the sensor's position "
        "does not move",
    ),
    14: Case("same name, same bytes again", "nothing happens"),
    15: Case("same bytes, another name", "duplicate: counted once, reported"),
    16: Case("same name, other bytes", "conflict: quarantine; replace rebuilds the day"),
    17: Case("offsets that a loaded file delivered", "quarantine; can be switched off"),
    18: Case("old modification time", "found all the same"),
    19: Case("folder, FIFO, device, link out of the folder", "refused, reported"),
    20: Case("glob characters, quotes, newline, .. in a name", "taken literally, or quarantine"),
    21: Case("file without read permission", "reported as quarantined, check warns"),
    22: Case("100,000 files", "bounded memory, batches, progress"),
    23: Case(".PARQUET", "documented: not a log file"),
    24: Case("encrypted file, unknown codec", "quarantine"),
    # schema and content
    25: Case("device_settings missing", "quarantine; never zeros"),
    26: Case("user_agent of another type", "quarantine; nothing is converted"),
    27: Case("extra columns, nested or not", "accepted; drift recorded"),
    28: Case("files of a day with different columns", "each read by its own schema"),
    29: Case("NULL and empty user agents", "counted, each a group of its own"),
    30: Case("user agent of 1 MB", "handled"),
    31: Case("composed and decomposed Unicode, emoji", "compared byte by byte"),
    32: Case("user agent that is an SQL injection", "a value like any other"),
    33: Case("invalid UTF-8", "quarantine"),
    34: Case("=, comma or newline in an exported value", "quoted; formulas written as they are"),
    35: Case("creation time NULL, 0 or in seconds", "event time NULL, flagged, still counted"),
    36: Case("click file called impressions_...", "quarantine"),
    # time and business
    37: Case("day of 23 hours", "23 UTC hours, nothing merged or lost"),
    38: Case("day of 25 hours", "25 UTC hours, nothing merged or lost"),
    39: Case("server time zone is not UTC", "same output"),
    40: Case("late file for a loaded day", "day rebuilt from all its files, others untouched"),
    41: Case("day without events, day without files", "zeros; missing: told apart by status"),
    42: Case("only clicks, or only impressions", "row with 0 on the other side"),
    43: Case("more clicks than impressions", "kept, warned, CTR rule"),
    44: Case("impression before midnight, click after", "each on its own day"),
    45: Case("campaign deleted at the source", "facts stay, history kept"),
    46: Case("campaign renamed at the source", "one current name, history kept"),
    47: Case("orphan or NULL campaign, NULL created_at", "unknown member; undated rows reported"),
    48: Case("NULL dates, end before start, no budget", "no crash, no infinity"),
    49: Case("equal timestamps at a boundary", "none lost, none twice"),
    50: Case("ids committed out of order", "none lost, none twice"),
    51: Case("source column dropped, added, retyped", "fails before publishing; added: accepted"),
    52: Case("empty source tables", "empty marts, exports with headers only"),
    # faults
    53: Case("Postgres down at the start", "bounded retry, then one clear line and exit code"),
    54: Case("Postgres stops in the middle of a load", "rolled back, retried, same result"),
    55: Case("connection cut in the middle of COPY", "rolled back, retried, same result"),
    56: Case("connection lost after COMMIT", "a second run changes nothing"),
    57: Case("serialization failure, deadlock", "retried"),
    58: Case("wrong password, missing privilege", "fails fast, secret in no log"),
    59: Case("disk full", "nothing half-written is visible; resumes with room"),
    60: Case("read-only output folder", "fails before any state changes"),
    61: Case("kill -9 at any moment", "the next run converges"),
    62: Case("leftover temporary files", "cleaned"),
    63: Case("two runs of one day at once", "result of one run"),
    64: Case("runs of different days at once", "wait for the warehouse, no lock error"),
    65: Case("warehouse deleted or corrupt", "clear error; rebuilt by one command"),
    66: Case("target row missing", "found by a check, repaired by loading again"),
    67: Case("target row edited by hand", "found by a check, repaired by loading again"),
    68: Case("long backfill killed halfway", "resumes without redoing finished days"),
    69: Case("day larger than memory", "bounded memory, spills"),
    70: Case("clock jumps back", "no key depends on it"),
    71: Case("model or blocking test fails", "what was published stays, run is red"),
    72: Case("SIGTERM, run cancelled in the UI", "the next run converges"),
}
