"""What `make bench` writes of its measurements."""

import json
import re
import sys
import time

import pytest

from adtech_assets_tests.benchmarks import results
from adtech_assets_tests.benchmarks.measuring import Measured, interleaved, run
from adtech_assets_tests.benchmarks.results import Figure
from adtech_assets_tests.benchmarks.timed_event_log import Stopwatch

REACHED = Figure(1, "logs <large>", "bare", "×", 1.2, 1.3, 6.0, 5.0)
MISSED = Figure(8, "a year", "day by day", "× faster", 60.0, 100, 20.0, 1200.0)
ABSENT = Figure(4, "branch", "Spark", "× faster", None, 20, note="not measured: no Spark")
FIGURES = [REACHED, MISSED, ABSENT]


def test_faster_must_be_at_least_and_all_else_at_most():
    assert [figure.is_reached for figure in FIGURES] == [True, False, None]


def test_medians_are_taken_in_turns():
    turns = []

    def measure(name, seconds):
        def turn():
            turns.append(name)
            return Measured(seconds.pop(), 0.0, peak_bytes=len(turns))

        return turn

    taken = interleaved(3, a=measure("a", [9.0, 1.0, 2.0]), b=measure("b", [5.0, 5.0, 5.0]))

    assert turns == ["a", "b"] * 3
    assert taken["a"].seconds == 2.0
    assert taken["a"].peak_bytes == 5


def test_the_memory_of_a_forked_child_is_its_parents():
    forks = "held = b'x' * 2**27; import os, time; os.fork() and os.wait() or time.sleep(0.3)"

    assert 2**27 < run([sys.executable, "-c", forks]).peak_bytes < 1.5 * 2**27


def test_the_table_says_what_is_reached_and_what_was_not_measured():
    rows = {row[0]: row[5:] for row in results.table_rows(FIGURES)}
    assert rows == {
        "1": ("1.20 ×", "≤ 1.30 ×", "reached"),
        "8": ("60.0 × faster", "≥ 100 × faster", "not reached"),
        "4": ("–", "≥ 20.0 × faster", "not measured: no Spark"),
    }


def test_the_picture_has_a_bar_for_each_measured_figure():
    colours = re.findall('<rect [^>]*fill="([^"]*)"', results.picture(FIGURES))
    assert colours == ["white", results.GREEN, results.RED]


def test_figures_are_shown_with_two_or_three_digits():
    figures = [
        Figure(7, "state", "–", "MB", 0.0712, 0.08),
        Figure(13, "memory", "–", "MB", 1535.6, 1536),
        Figure(7, "event log", "–", "%", 14.96, 15),
    ]
    shown = [row[5:7] for row in results.table_rows(figures)]
    assert shown == [("0.07 MB", "≤ 0.08 MB"), ("1,536 MB", "≤ 1,536 MB"), ("15.0 %", "≤ 15.0 %")]


def test_the_stopwatch_adds_up_the_time_of_calls():
    watch = Stopwatch()
    sleep = watch.around(lambda: time.sleep(0.01))
    started = time.perf_counter()

    sleep()
    sleep()

    assert 0.02 <= watch.seconds <= time.perf_counter() - started


@pytest.fixture
def document(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "DOCUMENT", tmp_path / "performance.md")
    monkeypatch.setattr(results, "PICTURE", tmp_path / "performance.svg")
    monkeypatch.setattr(results, "RESULTS", tmp_path / "performance.json")
    results.DOCUMENT.write_text(f"Before.\n{results.BEGIN}\nold\n{results.END}\nAfter.\n")
    return results.DOCUMENT


def test_only_the_measured_part_of_the_document_is_replaced(document):
    results.write_document(FIGURES, {"date": "today"})

    text = document.read_text()
    assert text.startswith("Before.\n")
    assert text.endswith("\nAfter.\n")
    assert "old" not in text
    assert "| 1 | logs <large> | bare | 6.00 s | 5.00 s | 1.20 × | ≤ 1.30 × | reached |" in text
    assert "- date: today" in text
    kept = json.loads(results.RESULTS.read_text())
    assert [figure["is_reached"] for figure in kept["figures"]] == [True, False, None]
