"""Draws the asset graph, group by group, from the definitions: `make lineage`."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from adtech_assets.definitions import defs
from adtech_assets.environment import PROJECT_DIR

if TYPE_CHECKING:
    from collections.abc import Iterator

PICTURE = PROJECT_DIR / "docs" / "images" / "lineage.svg"

COLUMNS = (
    ("landing", "operational", "billing"),
    ("raw",),
    ("rollup", "staging", "snapshots"),
    ("load", "intermediate"),
    ("marts",),
    ("serving",),
)
"""Groups in data order, from left to right."""

WIDTH, GAP, LINE, MARGIN = 236, 44, 18, 16
MOST_NAMES = 6
"""Assets of one prefix that are named each; of more, their number."""

STYLE = """
.page { fill: #fff } .box { fill: #f4f6f8; stroke: #c3ccd5 } .given { fill: #e6ebf0 }
.title { fill: #14202b; font-size: 13px; font-weight: 600 }
.name { fill: #33414e; font-size: 11.5px }
.edge { fill: none; stroke: #3b6ea8; stroke-width: 1.4; marker-end: url(#a) }
.head { fill: #3b6ea8 }
@media (prefers-color-scheme: dark) {
.page { fill: #0f151b } .box { fill: #18212a; stroke: #3a4856 } .given { fill: #27323d }
.title { fill: #e6edf3 } .name { fill: #b8c4cf } .edge { stroke: #6ea8e6 } .head { fill: #6ea8e6 }
}
"""

PAGE = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"
  aria-labelledby="t d" font-family="system-ui, sans-serif">
<title id="t">The asset graph, group by group</title>
<desc id="d">{described}</desc>
<style>{style}</style>
<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
  orient="auto"><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>
<rect class="page" width="{width:g}" height="{height:g}"/>
{drawn}
</svg>
"""


@dataclass(frozen=True)
class Box:
    """A group with the names in it, and where it stands."""

    group: str
    names: list[str]
    x: float
    y: float

    @property
    def height(self) -> float:
        return LINE * (len(self.names) + 2)

    def svg(self) -> Iterator[str]:
        given = " given" if self.group in ("landing", "operational") else ""
        yield (
            f'<rect class="box{given}" x="{self.x}" y="{self.y}" width="{WIDTH}" '
            f'height="{self.height}" rx="6"/>'
        )
        for line, text in enumerate([self.group, *self.names]):
            kind = "name" if line else "title"
            y = self.y + LINE * (line + 1.2)
            yield f'<text class="{kind}" x="{self.x + 10}" y="{y:g}">{escape(text)}</text>'


def names_in(group: str) -> list[str]:
    """Keys of a group's assets without the schema they share; many of one prefix as a number."""
    keys = sorted(
        list(key.path) for key in graph.get_all_asset_keys() if graph.get(key).group_name == group
    )
    names: list[str] = []
    for prefix in sorted({tuple(path[:-1]) for path in keys}):
        those = [path[-1] for path in keys if tuple(path[:-1]) == prefix]
        start = "/".join(prefix) + "/" if prefix and prefix != (group,) else ""
        many = len(those) > MOST_NAMES and start
        names += [f"{start}… ({len(those)} marts)"] if many else [start + name for name in those]
    return names


def boxes() -> dict[str, Box]:
    """Every group, stacked in its column."""
    placed = {}
    for column, groups in enumerate(COLUMNS):
        y = float(MARGIN)
        for group in groups:
            placed[group] = Box(group, names_in(group), MARGIN + column * (WIDTH + GAP), y)
            y += placed[group].height + GAP
    return placed


def edges() -> set[tuple[str, str]]:
    """Pairs of groups of which one has an asset that an asset of the other is made of."""
    of = {key: graph.get(key).group_name or "" for key in graph.get_all_asset_keys()}
    return {
        (of[parent], group)
        for key, group in of.items()
        for parent in graph.get(key).parent_keys
        if of[parent] != group
    }


def picture() -> str:
    """The SVG."""
    placed = boxes()
    width = MARGIN * 2 + len(COLUMNS) * (WIDTH + GAP) - GAP
    height = max(box.y + box.height for box in placed.values()) + MARGIN
    lines = []
    for parent, child in sorted(edges()):
        a, b = placed[parent], placed[child]
        x1, x2 = a.x + WIDTH, b.x - 2
        y1, y2 = a.y + a.height / 2, b.y + b.height / 2
        if x2 < x1:  # in the same column: from one box down, or up, to the other
            x1 = x2 = a.x + WIDTH / 2
            y1, y2 = (a.y + a.height, b.y - 2) if a.y < b.y else (a.y, b.y + b.height + 2)
        bend = (x2 - x1) / 2
        lines.append(
            f'<path class="edge" d="M{x1:g} {y1:g} C{x1 + bend:g} {y1:g} '
            f'{x2 - bend:g} {y2:g} {x2:g} {y2:g}"/>'
        )
    described = "; ".join(f"{box.group}: {', '.join(box.names)}" for box in placed.values())
    return PAGE.format(
        width=width,
        height=height,
        described=escape(described),
        style=STYLE,
        drawn="\n".join([*lines, *(line for box in placed.values() for line in box.svg())]),
    )


graph = defs.resolve_asset_graph()

if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
