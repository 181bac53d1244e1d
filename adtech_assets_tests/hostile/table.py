"""The table of the cases that pytest prints at its end; `conftest.py` loads it."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from adtech_assets_tests.hostile.cases import CASES

if TYPE_CHECKING:
    import pytest

_CASE_IN_TEST_ID = re.compile(r"hostile/test_\w+\.py::test_h([0-9]{2})_")
_FAILED = ("failed", "error")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what became of each case, when any of them was run."""
    outcomes: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for category in ("passed", "skipped", "xfailed", "xpassed", *_FAILED):
        for report in terminalreporter.stats.get(category, []):
            found = _CASE_IN_TEST_ID.search(report.nodeid)
            if found is not None:
                outcomes[int(found[1])].append((category, _reason(report)))
    if not outcomes:
        return
    terminalreporter.section("hostile inputs")
    given = max(len(case.given) for case in CASES.values())
    expected = max(len(case.expected) for case in CASES.values())
    for number, case in CASES.items():
        terminalreporter.write_line(
            f"{number:02}  {case.given:{given}}  {case.expected:{expected}}  "
            f"{_verdict(outcomes[number])}"
        )


def _verdict(outcomes: list[tuple[str, str]]) -> str:
    """A case passes when all of its tests do; why others were skipped is said."""
    found = {category for category, _ in outcomes}
    reasons = "; ".join(sorted({reason for _, reason in outcomes if reason}))
    if found & {*_FAILED, "xpassed"}:
        return "FAIL"
    if "xfailed" in found:
        return f"FAIL (known: {reasons})"
    if "passed" in found:
        return f"pass (in part: {reasons})" if "skipped" in found else "pass"
    return f"not run ({reasons})" if reasons else "not run"


def _reason(report: pytest.TestReport) -> str:
    """Why a test was skipped, or is known to fail."""
    if hasattr(report, "wasxfail"):
        return report.wasxfail.removeprefix("reason: ")
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return ""
