"""A page taken apart, for tests: its elements in order, each with its attributes and its text."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote

VOID = {"meta", "link", "img", "br", "input", "hr"}


@dataclass(eq=False)
class Element:
    """An element of a page."""

    tag: str
    attributes: dict[str, str | None]
    parent: Element | None
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text within, in order, spaces as a reader sees them."""
        return " ".join("".join(self.texts).split())

    @property
    def classes(self) -> list[str]:
        """Its classes."""
        return (self.attributes.get("class") or "").split()

    def all(self, tag: str) -> list[Element]:
        """The elements of a kind below it."""
        found = []
        for child in self.children:
            found += [child] if child.tag == tag else []
            found += child.all(tag)
        return found

    def is_within(self, tag: str) -> bool:
        """Whether an element above it is of a kind."""
        return self.parent is not None and (self.parent.tag == tag or self.parent.is_within(tag))


class Page(HTMLParser):
    """The page; every element must be closed where it was opened."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.root = Element("document", {}, None)
        self.elements: list[Element] = []
        self._open = self.root
        self.feed(content)
        self.close()
        assert self._open is self.root, f"<{self._open.tag}> is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs), self._open)
        assert len(element.attributes) == len(attrs), f"<{tag}> has an attribute twice"
        self._open.children.append(element)
        self.elements.append(element)
        if tag not in VOID:
            self._open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.tag == tag, f"</{tag}> closes <{self._open.tag}>"
        assert self._open.parent is not None
        self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        element: Element | None = self._open
        while element is not None:
            element.texts.append(data)
            element = element.parent

    def all(self, tag: str) -> list[Element]:
        """The elements of a kind."""
        return [element for element in self.elements if element.tag == tag]

    def by_id(self, name: str) -> Element:
        """The element of an id."""
        (found,) = (e for e in self.elements if e.attributes.get("id") == name)
        return found

    def section(self, heading: str) -> Element:
        """The section with this heading, by the heading's id."""
        (found,) = (
            e for e in self.all("section") if e.attributes.get("aria-labelledby") == heading
        )
        return found

    def table(self, caption: str) -> list[list[str]]:
        """The rows of a table, its head first, by the id of its caption."""
        table = self.by_id(caption).parent
        assert table is not None
        return [
            [cell.text for cell in row.children if cell.tag in ("td", "th")]
            for row in table.all("tr")
        ]

    def file(self, caption: str) -> list[list[str]]:
        """The CSV file of a table, its head first, by the id of the table's caption."""
        (link,) = (e for e in self.all("a") if e.attributes.get("download") == f"{caption}.csv")
        kind, _, content = (link.attributes["href"] or "").partition(",")
        assert kind == "data:text/csv;charset=utf-8"
        written = unquote(content, errors="strict")
        assert written.startswith("\ufeff")
        return list(csv.reader(io.StringIO(written[1:], newline="")))

    def article(self, name: str) -> Element:
        """A campaign's page, by its id."""
        (found,) = (e for e in self.all("article") if e.attributes["id"] == name)
        return found

    def tiles(self) -> dict[str, list[str]]:
        """The headline numbers: value, change and note by their name."""
        return {
            term.text: [e.text for e in term.parent.children if e.tag == "dd"]
            for term in self.section("headline").all("dt")
            if term.parent is not None
        }
