"""The parts of the documents that the code knows: `make documents` writes them, a test compares.

Run as a module, it writes those that are out of date.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Any

import typer.main

from adtech_assets.cli.app import app
from adtech_assets.contract import SAMPLE_FEED, load
from adtech_assets.environment import PROJECT_DIR
from adtech_assets.settings import START_DATE, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WIDTH = 96


def documents() -> dict[Path, str]:
    """Each document as it should be."""
    return {
        PROJECT_DIR / "README.md": _filled("README.md", "settings", _settings_table()),
        PROJECT_DIR / ".env.example": _filled(".env.example", "settings", _environment_example()),
        PROJECT_DIR / "docs/feed.md": _filled("docs/feed.md", "columns", _columns_table()),
        PROJECT_DIR / "docs/cli.md": _commands(),
    }


def main() -> None:
    """Write what is out of date."""
    for path, text in documents().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _filled(name: str, part: str, text: str) -> str:
    """A document with one part of it, between two marks, made anew."""
    written = (PROJECT_DIR / name).read_text(encoding="utf-8")
    begin, end = (f"<!-- {mark}{part} -->" for mark in ("", "/"))
    if name.startswith(".env"):
        begin, end = (f"# ---- {mark}{part} ----" for mark in ("", "end of "))
    pattern = re.compile(f"{re.escape(begin)}\n.*?{re.escape(end)}", re.DOTALL)
    filled, number = pattern.subn(lambda _: f"{begin}\n{text}{end}", written)
    if number != 1:
        raise ValueError(f"{name} must have {begin} and {end}, once")
    return filled


# ---- settings ------------------------------------------------------------------------------------

_SHOWN = {
    "start_date": f"`{START_DATE}`",
    "archive_dir": "`archive` in the data folder",
    "source_database_url": "embedded Postgres, database `operational`",
    "target_database_url": "embedded Postgres, database `analytics`",
    "feed": "the sample's, `adtech_assets/sample_feed.yaml`",
    "timezone": "the feed file's",
}


def _settings_table() -> str:
    rows = [
        f"| `ADTECH_{name.upper()}` | {_SHOWN.get(name) or f'`{_default(name)}`'} "
        f"| {field.description} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return "".join(["| setting | default | what it is |\n|---|---|---|\n", *rows])


def _environment_example() -> str:
    return "".join(
        f"\n{_comment(_sentence(field.description or ''))}"
        f"#ADTECH_{name.upper()}={'' if name in _SHOWN else _default(name)}\n"
        for name, field in Settings.model_fields.items()
    )


def _default(name: str) -> str:
    value = Settings.model_fields[name].default
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}.".replace("`", "")


def _comment(text: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(text, WIDTH))


# ---- the feed ------------------------------------------------------------------------------------


def _columns_table() -> str:
    rows = [
        f"| `{column.name}` | `{column.path}` | {column.type}"
        f"{f', {column.unit}' if column.unit else ''} | {'yes' if column.required else ''} "
        f"| `{column.stored_as} {column.sql_type}` | {column.description} |\n"
        for column in load(SAMPLE_FEED).columns.values()
    ]
    head = "| column | path | type | required | in the raw tables | what it is |\n"
    return "".join([head, "|---|---|---|---|---|---|\n", *rows])


# ---- commands ------------------------------------------------------------------------------------


def _commands() -> str:
    command = typer.main.get_command(app)
    told = "# Commands\n\nWhat `adtech … --help` prints, written by `make documents`.\n"
    return "\n".join([told, *_help(command, command.context_class(command, info_name="adtech"))])


def _help(command: Any, above: Any) -> Iterator[str]:
    context = command.context_class(
        command, parent=above.parent, info_name=above.info_name, terminal_width=WIDTH
    )
    yield f"## {context.command_path}\n\n```\n{command.get_help(context).strip()}\n```\n"
    for name, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from _help(inner, command.context_class(inner, parent=context, info_name=name))


if __name__ == "__main__":
    main()
