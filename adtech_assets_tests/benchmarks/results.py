"""What was measured: as JSON, as a table, as a picture, and in `docs/performance.md`."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import psutil

from adtech_assets.environment import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adtech_assets_tests.benchmarks.measuring import Measured

Unit = Literal["×", "× faster", "%", "MB", "s"]

DOCUMENT = PROJECT_DIR / "docs" / "performance.md"
PICTURE = PROJECT_DIR / "docs" / "images" / "performance.svg"
RESULTS = PROJECT_DIR / "docs" / "performance.json"
BEGIN = "<!-- Written by `make bench`: begin. Do not edit by hand. -->"
END = "<!-- Written by `make bench`: end. -->"


@dataclass(frozen=True)
class Figure:
    """One number of the benchmark beside what it should be."""

    row: int
    what: str
    baseline: str
    unit: Unit
    value: float | None
    """None: not measured; the note says why."""
    limit: float | None = None
    """To be reached: at least so many × faster, at most so many of the other units."""
    seconds: float | None = None
    baseline_seconds: float | None = None
    cpu_seconds: float | None = None
    baseline_cpu_seconds: float | None = None
    peak_mb: float | None = None
    note: str = ""

    @property
    def is_reached(self) -> bool | None:
        """None where there is nothing to reach, or nothing was measured."""
        if self.value is None or self.limit is None:
            return None
        return self.value >= self.limit if self.unit == "× faster" else self.value <= self.limit


def ratio(  # noqa: PLR0913 - a figure is made of them
    row: int,
    what: str,
    baseline: str,
    ours: Measured,
    theirs: Measured,
    *,
    limit: float | None,
    faster: bool = False,
    note: str = "",
) -> Figure:
    """How long ours takes, in baselines; or how often ours fits into the baseline."""
    value = theirs.seconds / ours.seconds if faster else ours.seconds / theirs.seconds
    return Figure(
        row,
        what,
        baseline,
        "× faster" if faster else "×",
        value,
        limit,
        ours.seconds,
        theirs.seconds,
        ours.cpu_seconds,
        theirs.cpu_seconds,
        ours.peak_bytes / 2**20,
        note,
    )


def memory(row: int, what: str, ours: Measured, limit: float | None, note: str = "") -> Figure:
    """The most that the process tree has held."""
    peak = ours.peak_bytes / 2**20
    return Figure(row, what, "–", "MB", peak, limit, ours.seconds, None, peak_mb=peak, note=note)


def machine() -> dict[str, str]:
    """Where and when it was measured."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{psutil.cpu_count()} × {_processor()}, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GB",
        "system": platform.platform(terse=True),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "versions": ", ".join(
            [f"Python {platform.python_version()}"]
            + [f"{name} {version(name)}" for name in ("duckdb", "polars", "dagster", "dbt-core")]
        ),
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if os.name == "posix" else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def as_json(figures: Sequence[Figure], about: dict[str, str]) -> str:
    """For scripts, and to compare with an earlier run."""
    rows = [{**asdict(figure), "is_reached": figure.is_reached} for figure in figures]
    return json.dumps({"about": about, "figures": rows}, indent=2, ensure_ascii=False) + "\n"


HEADER = ("#", "what", "baseline in the same run", "ours", "baseline", "figure", "to reach", "")


def table_rows(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    """A line a figure, as it is shown."""
    marks = {True: "reached", False: "not reached", None: ""}
    return [
        (
            str(figure.row),
            figure.what,
            figure.baseline,
            _shown(figure.seconds, "s"),
            _shown(figure.baseline_seconds, "s"),
            _shown(figure.value, figure.unit),
            "" if figure.limit is None else _limit(figure),
            "; ".join(filter(None, (marks[figure.is_reached], figure.note))),
        )
        for figure in figures
    ]


def _limit(figure: Figure) -> str:
    sign = "≥" if figure.unit == "× faster" else "≤"
    return f"{sign} {_shown(figure.limit, figure.unit)}"


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}"


def write_document(figures: Sequence[Figure], about: dict[str, str]) -> None:
    """Replace the measured part of the document, and its picture."""
    PICTURE.write_text(picture(figures))
    RESULTS.write_text(as_json(figures, about))
    lines = [BEGIN, ""]
    lines += [f"- {name}: {value}" for name, value in about.items()]
    lines += ["", f"| {' | '.join(HEADER)} |", f"|{'---|' * len(HEADER)}"]
    lines += [f"| {' | '.join(row)} |" for row in table_rows(figures)]
    lines += ["", END]
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(before + "\n".join(lines) + after)


# ---- picture -------------------------------------------------------------------------------------

WIDTH, LINE, LEFT, RIGHT, TOP = 1000, 22, 470, 170, 40
FONT = 'font-family="sans-serif" font-size="12" role="img"'
GREEN, RED, GREY = "#2e7d32", "#c62828", "#9e9e9e"


def picture(figures: Sequence[Figure]) -> str:
    """A bar a figure that has something to reach, as a share of what was allowed."""
    shown = [figure for figure in figures if figure.value is not None and figure.limit]
    height = TOP + LINE * len(shown) + 10
    scale = (WIDTH - LEFT - RIGHT) / 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT}>',
        "<title>Each figure as a share of what was to be reached</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{LEFT + scale}" y="16" text-anchor="middle">to be reached</text>',
        f'<text x="{LEFT}" y="32" fill="{GREY}">better than that: left of the line</text>',
    ]
    for number, figure in enumerate(shown):
        y = TOP + LINE * number
        length = min(_share_of_limit(figure), 2.0) * scale
        what = escape(f"{figure.row} {figure.what}")
        limit = f'<tspan fill="{GREY}">({escape(_limit(figure))})</tspan>'
        shown_as = f"{escape(_shown(figure.value, figure.unit))} {limit}"
        colour = GREEN if figure.is_reached else RED
        parts += [
            f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{what}</text>',
            f'<rect x="{LEFT}" y="{y + 3}" width="{length:.1f}" height="14" fill="{colour}"/>',
            f'<text x="{LEFT + length + 6:.1f}" y="{y + 14}">{shown_as}</text>',
        ]
    parts += [
        f'<line x1="{LEFT + scale}" y1="20" x2="{LEFT + scale}" y2="{height}" stroke="black"/>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _share_of_limit(figure: Figure) -> float:
    value, limit = figure.value or 0.0, figure.limit or 1.0
    return limit / max(value, 1e-9) if figure.unit == "× faster" else value / limit
