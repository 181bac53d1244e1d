"""`make bench`: measures, prints a table, and writes the results.

    python -m adtech_assets_tests.benchmarks SIZE [ROW ...]

SIZE is small (do they all run? nothing to reach), default or full. With rows, only their topics are
measured, and no document is written.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

from adtech_assets.cli.screen import print_table, screen
from adtech_assets_tests.benchmarks import (
    branch,
    data,
    databases,
    logs,
    one_day,
    results,
    runs,
    spark,
    starting,
    watching,
)
from adtech_assets_tests.benchmarks.sizes import SIZES

TOPICS = {
    logs: {1, 2, 3, 4},
    branch: {13, 17},
    databases: {5, 6, 14},
    watching: {15},
    starting: {11, 12, 16},
    one_day: {0, 10},
    runs: {7, 8, 9},
    spark: {18},
}


def main() -> None:
    """Measure what was asked for."""
    size = SIZES[sys.argv[1]]
    rows = {int(row) for row in sys.argv[2:]}
    about = results.machine()
    command = f"make bench BENCH={size.name}"
    started = time.monotonic()
    figures = []
    for topic, topics_rows in TOPICS.items():
        if rows and not rows & topics_rows:
            continue
        for measured in topic.figures(size):
            # Of a small size nothing is to be reached: constant costs outweigh all else.
            figure = replace(measured, limit=None) if size.name == "small" else measured
            figures.append(figure)
            (line,) = results.table_rows([figure])
            took = time.monotonic() - started
            screen.print(f"{took:5.0f} s  {line[0]:>2} {line[1]}: {line[5]} {line[6]} {line[7]}")
    about |= {"command": command, "took": f"{(time.monotonic() - started) / 60:.1f} minutes"}
    figures.sort(key=lambda figure: (figure.row == 0, figure.row))
    print_table(None, results.HEADER, results.table_rows(figures))
    kept = data.ROOT / f"results-{size.name}.json"
    kept.write_text(results.as_json(figures, about))
    screen.print(f"Results: {kept}")
    if not rows and size.name != "small":
        results.write_document(figures, about)
        screen.print(f"Written: {results.DOCUMENT}, {results.PICTURE}, {results.RESULTS}")


if __name__ == "__main__":
    main()
