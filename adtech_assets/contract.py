"""The contract with those who deliver: one object, read from a feed file.

What log files are called, what their names say, which columns are read of them, and what the
operational tables are called. Everything that knows a column or a name has it from here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from adtech_assets.errors import UserError

Kind = Literal["impressions", "clicks"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SAMPLE_FEED = Path(__file__).with_name("sample_feed.yaml")
"""The default feed. The models read its columns: the warehouse has them whatever another feed
delivers, and what it does not is NULL."""

DECIMAL_DIGITS = 38
DECIMAL_SCALE = 12
"""Digits behind the point of a decimal column, unless the feed file says otherwise."""

TYPES = {
    "string": "VARCHAR",
    "integer": "BIGINT",
    "decimal": f"DECIMAL({DECIMAL_DIGITS}, {DECIMAL_SCALE})",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "epoch": "TIMESTAMP",
}
"""A column's type in a feed file, and in the warehouse."""

EVENT_TIME = "creation_time"
"""The column that says when an event happened; in the warehouse it is `event_at`."""

FILE_COLUMNS = {
    "file_id": "BIGINT NOT NULL",
    "file_date": "DATE NOT NULL",
    "file_hour": "TINYINT NOT NULL",
}
"""Of the raw log tables, what every event has from its file."""

SOURCE_TABLES: dict[str, dict[str, str]] = {
    "advertiser": {
        "id": "INTEGER",
        "name": "VARCHAR",
        "updated_at": "TIMESTAMP",
        "created_at": "TIMESTAMP",
    },
    "campaign": {
        "id": "INTEGER",
        "name": "VARCHAR",
        "bid": "DECIMAL(10, 2)",
        "budget": "DECIMAL(10, 2)",
        "start_date": "DATE",
        "end_date": "DATE",
        "advertiser_id": "INTEGER",
        "log_campaign_id": "VARCHAR",
        "updated_at": "TIMESTAMP",
        "created_at": "TIMESTAMP",
    },
    "impressions": {"id": "BIGINT", "campaign_id": "INTEGER", "created_at": "TIMESTAMP"},
    "clicks": {"id": "BIGINT", "campaign_id": "INTEGER", "created_at": "TIMESTAMP"},
}
"""The operational tables: the columns that are read of them, and their types in the warehouse."""

KEYS = {"log_campaign_id": "id"}
"""Columns of any type, which are read as text, and the ones that stand for them unless a feed file
names others: log files call a campaign by its id."""

_SAID = {"missing": "is missing", "extra_forbidden": "is nothing that a feed file may say here"}
_COLUMN_NAME = re.compile(r"[a-z][a-z0-9_]*")
_RESERVED = {*FILE_COLUMNS, "event_at", "path"}


class _Part(BaseModel):
    """A part of a feed file: what it does not know is an error, not ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileKind(_Part):
    """What the files of a kind are called, and what tells them from those of the other."""

    files: str
    """Pattern of their path below the landing folder, as a shell has it: `*`, `?`, `[…]`, `**`."""
    marks: tuple[str, ...] = ()
    """Top-level columns that only this kind has."""
    message_type: str | None = None
    """Last part of what the writer notes as the rows' message type (`parquet.proto.class`)."""

    @field_validator("files")
    @classmethod
    def _below_the_folder(cls, files: str) -> str:
        parts = files.split("/")
        if not files or any(part in ("", ".", "..") or part.startswith(".") for part in parts):
            raise ValueError(
                "must be a pattern of a path below the landing folder, without hidden parts"
            )
        return files

    @cached_property
    def pattern(self) -> str:
        """As a regular expression."""
        return "".join(_translated(self.files.split("/")))


class Column(_Part):
    """A column that is read of log files."""

    name: str = ""
    """In the feed file and, but for the event time, in the warehouse."""
    path: str
    """In the log file: names of nested groups and of the field, joined by points."""
    type: Literal["string", "integer", "decimal", "boolean", "timestamp", "epoch"]
    unit: Literal["s", "ms", "us", "ns"] | None = None
    """Of a number that counts time from 1970."""
    per: Literal["impression", "mille"] = "impression"
    """Of an amount: what it is the price of; that of a thousand is divided when it is read."""
    kind: Kind | None = None
    """Which events have it; None: both."""
    required: bool = False
    """Whether a file without it is refused; else it is NULL."""
    description: str = ""

    @field_validator("path")
    @classmethod
    def _has_parts(cls, path: str) -> str:
        if not all(path.split(".")):
            raise ValueError("must be names joined by single points")
        return path

    @model_validator(mode="after")
    def _units_fit(self) -> Column:
        if self.type == "epoch" and self.unit is None:
            raise ValueError("type epoch needs a unit: s, ms, us or ns")
        if self.unit is not None and self.type not in ("epoch", "timestamp"):
            raise ValueError(f"type {self.type} has no unit")
        if self.per == "mille" and self.type != "decimal":
            raise ValueError(f"type {self.type} is no amount, which could be per mille")
        return self

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """Names from the outermost group to the field."""
        return tuple(self.path.split("."))

    def is_of(self, kind: Kind) -> bool:
        """Whether events of a kind have it."""
        return self.kind in (None, kind)

    @property
    def types(self) -> tuple[str, ...]:
        """Types that the models can read in its place."""
        if self.name.endswith("_id"):
            return ("integer", "string")
        return tuple(type_ for type_, stored in TYPES.items() if stored == TYPES[self.type])

    @property
    def stored_as(self) -> str:
        """Its name in the raw tables."""
        return "event_at" if self.name == EVENT_TIME else self.name

    @property
    def sql_type(self) -> str:
        """Its type in the raw tables."""
        return TYPES[self.type]


class SourceTable(_Part):
    """An operational table where it is called otherwise."""

    table: str | None = None
    """With its schema, if it is not in the search path: `shop.campaigns`."""
    columns: dict[str, str] = {}
    """Our names, and those of the source."""


class Operational(_Part):
    """Names in the source database, where they differ from ours."""

    advertiser: SourceTable = SourceTable()
    campaign: SourceTable = SourceTable()
    impressions: SourceTable = SourceTable()
    clicks: SourceTable = SourceTable()

    @model_validator(mode="after")
    def _columns_are_known(self) -> Operational:
        for table, columns in SOURCE_TABLES.items():
            for name in getattr(self, table).columns:
                if name not in columns:
                    raise ValueError(f"{table}.columns.{name} is none of {', '.join(columns)}")
        return self


class Feed(_Part):
    """A feed: what is delivered, as a feed file says."""

    file: Path = SAMPLE_FEED
    kinds: dict[Kind, FileKind]
    hour: str
    """Regular expression; its first match in a path says the hour, in the feed's time zone."""
    offsets: str | None = None
    """Regular expression: which events of the feed a file holds, both ends included."""
    timezone: str = "UTC"
    columns: dict[str, Column]
    operational: Operational = Field(default_factory=Operational)

    def __str__(self) -> str:
        """Where it is written."""
        return str(self.file)

    @field_validator("kinds")
    @classmethod
    def _both(cls, kinds: dict[Kind, FileKind]) -> dict[Kind, FileKind]:
        if missing := [kind for kind in KINDS if kind not in kinds]:
            raise ValueError(f"{missing[0]} are missing")
        return kinds

    @field_validator("hour", "offsets")
    @classmethod
    def _has_groups(cls, pattern: str | None, info: ValidationInfo) -> str | None:
        if pattern is None:
            return None
        needed = (
            ("year", "month", "day", "hour") if info.field_name == "hour" else ("first", "last")
        )
        try:
            groups = re.compile(pattern, re.ASCII).groupindex
        except re.error as error:
            raise ValueError(f"is no regular expression: {error}") from None
        if missing := [name for name in needed if name not in groups]:
            raise ValueError(f"needs the named group (?P<{missing[0]}>…)")
        return pattern

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is not a time zone; write it like Europe/Copenhagen") from None
        return name

    @field_validator("columns", mode="before")
    @classmethod
    def _named(cls, columns: object) -> object:
        if not isinstance(columns, dict):
            return columns
        return {
            name: {"kind": _kind_of(name), **column, "name": name}
            if isinstance(column, dict)
            else column
            for name, column in columns.items()
        }

    @field_validator("columns")
    @classmethod
    def _fit_the_models(cls, columns: dict[str, Column]) -> dict[str, Column]:
        for name, column in columns.items():
            if not _COLUMN_NAME.fullmatch(name) or name in _RESERVED:
                raise ValueError(
                    f"{name} cannot be a column's name; use lower case, digits and _, and none of "
                    + ", ".join(sorted(_RESERVED))
                )
            known = models_columns().get(name)
            if known is not None and column.type not in known.types:
                raise ValueError(f"{name} must be of type {' or '.join(known.types)}")
            if known is not None and column.kind != known.kind:
                raise ValueError(f"{name} is a column of {known.kind or 'both kinds'}")
        if "user_agent" not in columns:
            raise ValueError("user_agent is missing: events are counted by it")
        return columns

    # ---- what follows from it --------------------------------------------------------------------

    @cached_property
    def digest(self) -> str:
        """Of the columns: equal for two feeds that dbt's models see alike."""
        columns = [column.model_dump_json() for column in self.columns.values()]
        return hashlib.blake2b("\n".join(columns).encode(), digest_size=8).hexdigest()

    def columns_of(self, kind: Kind) -> dict[str, Column]:
        """The columns that are read of a kind's files."""
        return {name: column for name, column in self.columns.items() if column.is_of(kind)}

    def stored(self, kind: Kind) -> dict[str, str]:
        """The columns of a raw log table that come from the rows of files, with their types."""
        columns = models_columns() | self.columns
        return {c.stored_as: c.sql_type for c in columns.values() if c.is_of(kind)}

    @cached_property
    def kind_pattern(self) -> re.Pattern[str]:
        """Matches the path of a log file whole; the group that matches is the kind."""
        return re.compile("|".join(f"(?P<{kind}>{self.kinds[kind].pattern})" for kind in KINDS))

    @cached_property
    def depth(self) -> int | None:
        """How many folders deep files may lie below the landing folder; None: any number."""
        patterns = [kind.files.split("/") for kind in self.kinds.values()]
        if any("**" in parts for parts in patterns):
            return None
        return max(len(parts) - 1 for parts in patterns)

    @cached_property
    def hour_pattern(self) -> re.Pattern[str]:
        """Finds the hour in a path."""
        return re.compile(self.hour, re.ASCII)

    @cached_property
    def offsets_pattern(self) -> re.Pattern[str] | None:
        """Finds the offsets in a path, if the feed has any."""
        return re.compile(self.offsets, re.ASCII) if self.offsets else None

    @cached_property
    def offset_groups(self) -> tuple[str, ...]:
        """The named groups of that pattern: first, last, and partition if it has it."""
        there = self.offsets_pattern.groupindex if self.offsets_pattern else {}
        return tuple(name for name in ("first", "last", "partition") if name in there)


@cache
def models_columns() -> dict[str, Column]:
    """The columns that the models read, those of the default feed, by name."""
    written = yaml.safe_load(SAMPLE_FEED.read_text(encoding="utf-8"))["columns"]
    return {name: Column(**column, name=name) for name, column in written.items()}


def _kind_of(name: str) -> Kind | None:
    known = models_columns().get(name)
    return known.kind if known else None


def load(file: Path) -> Feed:
    """Read a feed file.

    Raises:
        UserError: it is not there, or wrong; in a line that says where.
    """
    try:
        return _read(file, file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The feed file {file} cannot be read: {_first_line(error)}.") from None


@lru_cache(8)
def _read(file: Path, text: str) -> Feed:
    try:
        written = yaml.load(text, _OnceEach)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"The feed file {file}{line}: {error.problem or 'is no YAML'}.") from None
    except yaml.YAMLError as error:
        raise UserError(f"The feed file {file}: {_first_line(error)}.") from None
    if not isinstance(written, dict) or "file" in written:
        raise UserError(
            f"The feed file {file} must have kinds, hour and columns; see docs/feed.md."
        )
    try:
        return Feed(**{**written, "file": file})
    except ValidationError as invalid:
        problem = invalid.errors(include_url=False, include_context=False)[0]
    except TypeError:
        raise UserError(f"The feed file {file}: its keys must be text.") from None
    where = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    what = _SAID.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    raise UserError(f"The feed file {file}: {where}: {what}.".replace(": : ", ": "))


class _OnceEach(yaml.SafeLoader):
    """Refuses a key that is there twice, of which YAML would forget the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As a dict."""
        found: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                break  # YAML itself says so
            if key in found:
                raise yaml.MarkedYAMLError(
                    problem=f"{key} is there twice", problem_mark=key_node.start_mark
                )
            found.add(key)
        return super().construct_mapping(node, deep)


def _translated(parts: list[str]) -> list[str]:
    """The parts of a shell's pattern as parts of a regular expression."""
    *folders, name = parts
    return [
        *(
            r"(?:(?!\.)[^/]+/)*" if folder == "**" else f"{_component(folder)}/"
            for folder in folders
        ),
        _component(name),
    ]


def _component(pattern: str) -> str:
    """A part between slashes; a wildcard stands for no slash, and for no point at the beginning."""
    found, at = [], 0
    while at < len(pattern):
        end = pattern.find("]", at + 2) if pattern[at] == "[" else -1
        if pattern[at] == "*":
            found.append("[^/]*")
        elif pattern[at] == "?":
            found.append("[^/]")
        elif end > 0:
            inside = pattern[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            negated = inside[0] in "!^"
            found.append(f"(?!/)[{'^' if negated else ''}{inside[1:] if negated else inside}]")
            at = end
        else:
            found.append(re.escape(pattern[at]))
        at += 1
    return r"(?!\.)" + "".join(found)


def _first_line(error: BaseException) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).partition("\n")[0]
