"""adtech status, settings, take-over."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from adtech_assets.audit.status import DayStatus, Status
    from adtech_assets.billing import ClosedMonth


def add_commands(app: typer.Typer) -> None:
    """Add these commands to the app."""
    app.command(epilog="Example: adtech status --json")(status)
    app.command(epilog="Example: adtech settings --json")(settings)
    app.command("take-over", epilog="Example: adtech take-over --yes")(take_over)


def status(
    as_json: bool = typer.Option(False, "--json", help="For scripts."),
) -> None:
    """Days loaded, missing and stale; files by what became of them; what is in quarantine."""
    from adtech_assets.audit.status import read_status
    from adtech_assets.cli.screen import print_json, print_table, screen
    from adtech_assets.defs.dbt_project import dbt_project
    from adtech_assets.settings import load_settings

    settings = load_settings()
    found = read_status(settings, project=dbt_project(settings.feed))
    if as_json:
        print_json(found.as_json())
        return
    print_table(
        "Days",
        ("day", "state", "files", "events", "impressions", "clicks", "waiting", "loaded at (UTC)"),
        _day_rows(found),
    )
    screen.print(
        "Files: " + ", ".join(f"{count:,} {state}" for state, count in found.files.items())
    )
    if found.quarantine:
        print_table(
            "Quarantine",
            ("file", "reason", "detail"),
            ((file.file, file.reason, file.detail) for file in found.quarantine),
        )
        screen.print("Fix the cause, then run: [bold]adtech logs retry[/]")
    _print_what_stands(found)


def _print_what_stands(found: Status) -> None:
    """What a person should know of beside days and files, a line each."""
    from rich.markup import escape

    from adtech_assets.cli.screen import screen

    for gap in found.gaps:
        screen.print(f"[yellow]Gap:[/] {escape(gap)}", soft_wrap=True)
    for file in found.early:
        screen.print(f"[yellow]Early:[/] {escape(file)}", soft_wrap=True)
    for days in found.unread:
        screen.print(f"[yellow]Columns:[/] {escape(days)}", soft_wrap=True)
    if found.unread:
        screen.print("Read them from the archive: [bold]adtech backfill --rebuild[/]")
    if found.closed_months:
        screen.print("Closed months: " + ", ".join(map(_closed_month, found.closed_months)))
    forgotten = [day for day, state in found.days.items() if state.state == "forgotten"]
    if forgotten:
        from adtech_assets.partitions import contiguous

        screen.print("Forgotten: " + ", ".join(map(str, contiguous(forgotten))))
    for difference in found.differences:
        screen.print(f"[red]Counts differ:[/] {escape(difference)}", soft_wrap=True)
    for day, state in found.days.items():
        if state.error:
            screen.print(f"[red]{day} failed:[/] {escape(state.error)}", soft_wrap=True)


def _closed_month(closed: ClosedMonth) -> str:
    """Its name, and whether its days say something else by now."""
    if not closed.differences:
        return f"{closed.month:%Y-%m}"
    return (
        f"{closed.month:%Y-%m} ({closed.differences:,} later differences: adtech results --mart "
        "fct_campaign_billing_differences)"
    )


def _day_rows(found: Status) -> Iterator[tuple[object, ...]]:
    """A row a day; a stretch of missing days is one row."""

    def missing(item: tuple[date, DayStatus]) -> bool:
        return item[1].state == "missing" and not item[1].waiting_files

    for is_missing, group in groupby(found.days.items(), key=missing):
        stretch = list(group)
        if is_missing:
            first, last = stretch[0][0], stretch[-1][0]
            name = str(first) if first == last else f"{first} to {last}"
            yield (name, "missing", *[None] * 6)
            continue
        for day, state in stretch:
            yield (
                str(day),
                state.state,
                state.files,
                state.events,
                state.impressions,
                state.clicks,
                state.waiting_files,
                state.loaded_at.replace("T", " ") if state.loaded_at else None,
            )


def settings(
    as_json: bool = typer.Option(False, "--json", help="For scripts."),
) -> None:
    """What is in force, and where it can be changed; passwords are masked."""
    from adtech_assets.cli.screen import print_json, print_table, screen
    from adtech_assets.environment import PROJECT_DIR
    from adtech_assets.settings import Settings, load_settings, shown

    values = shown(load_settings())
    if as_json:
        print_json(values)
        return
    print_table(
        None,
        ("setting", "value", "what it is"),
        (
            (f"ADTECH_{name.upper()}", values[f"ADTECH_{name.upper()}"], field.description)
            for name, field in Settings.model_fields.items()
        ),
    )
    screen.print(f"Set them in the environment or in {PROJECT_DIR / '.env'}.")


def take_over(
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Let this data folder write to the target database, which another one has owned so far.

    From then on the other one is refused. The rows that are there stay until days are loaded.
    """
    from adtech_assets.cli.screen import screen
    from adtech_assets.settings import load_settings
    from adtech_assets.stores import identity, ownership
    from adtech_assets.stores.postgres import Postgres
    from adtech_assets.stores.warehouse import Warehouse

    settings = load_settings()
    target = Postgres.of(settings, "target")
    owner = ownership.owner_of(target)
    screen.print(
        f"{target.shown_as} belongs to {owner or 'nobody yet'}.", soft_wrap=True, markup=False
    )
    if not yes:
        typer.confirm(f"Let {settings.data_dir} own it?", abort=True)
    with Warehouse.of(settings).connect() as warehouse:
        ownership.take_over(target, identity.of(warehouse))
    screen.print(f"It belongs to {settings.data_dir} now.", soft_wrap=True, markup=False)
