"""adtech feed: what a feed file makes of log files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from adtech_assets.cli.commands import Commands

if TYPE_CHECKING:
    from adtech_assets.feed.checking import Checked

app = Commands(no_args_is_help=True)


@app.callback()
def group() -> None:
    """What a feed file makes of log files."""


@app.command(epilog="Example: adtech feed check --feed my-feed.yaml samples/*.parquet")
def check(
    files: list[Path] | None = typer.Argument(
        None, help="Log files, or folders of them. [default: the landing folder]"
    ),
    feed: Path | None = typer.Option(
        None, "--feed", metavar="FILE", help="The feed file. [default: ADTECH_FEED]"
    ),
    as_json: bool = typer.Option(False, "--json", help="For scripts."),
) -> None:
    """What each file would be counted as, or why it would be refused. Nothing is changed.

    Exits with 1 if any of the files would not be counted.
    """
    from adtech_assets.cli.screen import print_json, print_table, screen
    from adtech_assets.errors import UserError
    from adtech_assets.feed import checking
    from adtech_assets.settings import load_settings

    settings = load_settings(**({} if feed is None else {"feed": feed.absolute()}))
    try:
        found = list(checking.check(settings, files or []))
    except FileNotFoundError as error:
        raise UserError(f"There is no {error.filename}.") from None
    if as_json:
        print_json([_fields(file) for file in found])
    else:
        print_table(
            None,
            ("file", "counted as", "events", "remarks"),
            ((file.name, _counted_as(file), _events(file), _remarks(file)) for file in found),
        )
        counted = sum(file.is_counted for file in found)
        screen.print(
            f"{counted:,} of {len(found):,} files would be counted, by {settings.feed}.",
            soft_wrap=True,
        )
    if not all(file.is_counted for file in found):
        raise typer.Exit(1)


def _counted_as(file: Checked) -> str:
    if file.kind is None:
        return "ignored"
    if not file.parsed:
        return "refused"
    hour = f"{file.kind} of {file.parsed.day}, {file.parsed.hour:02}:00"
    return hour if file.is_counted else f"refused ({hour})"


def _events(file: Checked) -> int | None:
    return file.read.rows if file.read else None


def _remarks(file: Checked) -> str:
    if file.kind is None:
        return "no file pattern of the feed matches"
    if file.rejection:
        return f"{file.rejection.detail} [{file.rejection.reason}]"
    remarks = []
    if file.read and file.read.missing_columns:
        remarks.append(f"without {', '.join(file.read.missing_columns)}")
    if file.read and file.read.events_other_hour:
        remarks.append(f"{file.read.events_other_hour:,} events of another hour")
    if file.read and file.read.events_without_time:
        remarks.append(f"{file.read.events_without_time:,} events without a time")
    return "; ".join(remarks)


def _fields(file: Checked) -> dict[str, object]:
    return {
        "file": file.path,
        "name": file.name,
        "kind": file.kind,
        "day": file.parsed and file.parsed.day,
        "hour": file.parsed and file.parsed.hour,
        "offsets": file.parsed and file.parsed.offsets and file.parsed.offsets._asdict(),
        "events": _events(file),
        "missing_columns": file.read.missing_columns if file.read else [],
        "reason": file.rejection and file.rejection.reason,
        "detail": file.rejection and file.rejection.detail,
    }
