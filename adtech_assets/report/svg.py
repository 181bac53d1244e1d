"""Drawing: marks whose width follows the page, in pictures that also stand alone.

Positions across are percentages of the picture's width, heights are pixels. So a chart fills a
phone and a wide screen alike, and its text keeps its size; a viewBox would scale both. Names of
colours are CSS classes: the page gives them for light, dark and paper, a picture that stands alone
brings them along.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALONE_WIDTH = 640
_ALONE_MARGIN = 16
_ALONE_TOP = 44
_HINTS = re.compile(r"<title>.*?</title>")
_EMPTY = re.compile(r"></(rect|circle)>")


def tag(_name: str, *content: str, **attributes: object) -> Markup:
    """An element; text and values are escaped. `class_` is class, `text_anchor` text-anchor."""
    written = Markup("").join(
        Markup(' {}="{}"').format(name.rstrip("_").replace("_", "-"), _shown(value))
        for name, value in attributes.items()
        if value is not None
    )
    if not content:
        return Markup("<{}{}/>").format(_name, written)
    return Markup("<{}{}>{}</{}>").format(_name, written, Markup("").join(content), _name)


def _shown(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def group(marks: Iterable[Markup]) -> Markup:
    """Marks one after another."""
    return Markup("").join(marks)


def share(part: float) -> str:
    """A part of the width, 0 to 1."""
    return f"{100 * part:.3f}".rstrip("0").rstrip(".") + "%"


def rect(  # noqa: PLR0913, PLR0917 - a rectangle has four sides
    x: float,
    y: float,
    width: float,
    height: float,
    class_: str,
    hint: str | None = None,
    *,
    rx: float | None = None,
    fill_opacity: float | None = None,
    style: str | None = None,
) -> Markup:
    """A rectangle: x and width as parts of the width, y and height in pixels."""
    content = [tag("title", hint)] if hint else []
    return tag(
        "rect",
        *content,
        x=share(x),
        y=y,
        width=share(width),
        height=height,
        class_=class_,
        rx=rx,
        fill_opacity=fill_opacity,
        style=style,
    )


def text(x: float, y: float, content: str, class_: str = "", **more: object) -> Markup:
    """A line of text."""
    return tag("text", content, x=share(x), y=y, class_=class_ or None, **more)


def rule(y: float, class_: str = "grid") -> Markup:
    """A line across."""
    return tag("line", x1="0", x2="100%", y1=y, y2=y, class_=class_)


def upright(x: float, y1: float, y2: float, class_: str) -> Markup:
    """A line from top to bottom."""
    return tag("line", x1=share(x), x2=share(x), y1=y1, y2=y2, class_=class_)


def dot(x: float, y: float, radius: float, class_: str, hint: str | None = None) -> Markup:
    """A dot."""
    content = [tag("title", hint)] if hint else []
    return tag("circle", *content, cx=share(x), cy=y, r=radius, class_=class_)


def stretched(y: float, height: float, marks: Iterable[Markup]) -> Markup:
    """Paths, which know no percentages: drawn on 1000 units and stretched to the width."""
    return tag(
        "svg",
        group(marks),
        x="0",
        y=y,
        width="100%",
        height=height,
        viewBox=f"0 0 1000 {_shown(height)}",
        preserveAspectRatio="none",
        class_="stretched",
    )


def path(points: Sequence[tuple[float, float]], class_: str, *, closed: bool = False) -> Markup:
    """A line through points, x as part of the width; for `stretched`."""
    steps = " L".join(f"{1000 * x:.1f} {y:.1f}" for x, y in points)
    return tag("path", d=f"M{steps}{' Z' if closed else ''}", class_=class_)


@dataclass(frozen=True)
class Picture:
    """A chart: what it is called, what it says in words, and its marks."""

    key: str
    title: str
    description: str
    height: int
    marks: Markup
    gutter: int = 0
    """Pixels to the left of the plot, where scales are written, at negative places."""

    def inline(self, *, hints: bool = True) -> Markup:
        """For a page that has the style sheet of charts.

        Hints are half of a chart by day; without them a table beside it tells the same.
        """
        return tag(
            "svg",
            self.marks if hints else self._without_hints(),
            class_="chart",
            role="img",
            aria_label=f"{self.title}. {self.description}",
            height=self.height,
            style=f"margin-left:{self.gutter}px;width:calc(100% - {self.gutter}px)",
        )

    def alone(self) -> str:
        """An SVG file: light, with its title on it."""
        width, height = ALONE_WIDTH, self.height + _ALONE_TOP + _ALONE_MARGIN
        content = (
            tag("style", Markup(_style_alone())),  # noqa: S704 - a file of this package
            tag("rect", width="100%", height="100%", rx=8, class_="card"),
            tag("text", self.title, x=_ALONE_MARGIN, y=28, class_="heading"),
            tag(
                "svg",
                self._without_hints(),
                x=_ALONE_MARGIN + self.gutter,
                y=_ALONE_TOP,
                width=width - 2 * _ALONE_MARGIN - self.gutter,
                height=self.height,
                style="overflow:visible",
            ),
        )
        return str(
            tag(
                "svg",
                *content,
                xmlns="http://www.w3.org/2000/svg",
                width=width,
                height=height,
                viewBox=f"0 0 {width} {height}",
                class_="chart",
                role="img",
                aria_label=f"{self.title}. {self.description}",
            )
        )

    def _without_hints(self) -> Markup:
        return Markup(_EMPTY.sub("/>", _HINTS.sub("", self.marks)))  # noqa: S704 - escaped already

    def markdown(self) -> str:
        """An image in a line of Markdown that needs no other file."""
        content = base64.b64encode(self.alone().encode()).decode()
        alternative = self.description.translate(str.maketrans("[]\n", "() "))
        return f"![{alternative}](data:image/svg+xml;base64,{content})"


def style_sheet(name: str) -> str:
    """A style sheet of this package."""
    return (files(__package__) / name).read_text(encoding="utf-8")


def _style_alone() -> str:
    return style_sheet("light.css").replace(":root", "svg") + style_sheet("chart.css")
