"""adtech logs: sample log files, files in quarantine, and files that are gone."""

from __future__ import annotations

from pathlib import Path

import typer

from adtech_assets.cli.commands import Commands

app = Commands(no_args_is_help=True)


@app.command(epilog="Example: adtech logs generate --from 2022-05-26 --to 2022-05-27")
def generate(
    first: str = typer.Option(..., "--from", metavar="DAY", help="First day, YYYY-MM-DD."),
    last: str = typer.Option(..., "--to", metavar="DAY", help="Last day, included."),
    impressions: int = typer.Option(1000, min=0, help="Impressions a day."),
    ctr: float = typer.Option(0.05, min=0, max=1, help="Share of impressions that get a click."),
    files_per_hour: int = typer.Option(1, min=1, help="Files of each kind an hour."),
    output: Path | None = typer.Option(
        None, "--output", "-o", help="Folder of the files. [default: the landing folder]"
    ),
    seed: int = typer.Option(1, help="Same seed, same bytes."),
) -> None:
    """Sample log files, as the feed file says."""
    from adtech_assets.cli.screen import screen
    from adtech_assets.partitions import DayRange
    from adtech_assets.sample import log_files
    from adtech_assets.settings import (
        ALL_USER_AGENTS,
        begin_no_later,
        landing_folder,
        load_settings,
    )

    settings = load_settings()
    days = DayRange.parse(first, last)
    if output is None:
        settings = begin_no_later(settings, days.first)
    folder = output or landing_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    agents: tuple[str, ...] = log_files.USER_AGENTS
    if settings.user_agent not in (*agents, ALL_USER_AGENTS):
        agents = (settings.user_agent, *agents)
    files = log_files.generate_log_files(
        folder,
        list(days),
        events_per_day=impressions,
        ctr=ctr,
        files_per_hour=files_per_hour,
        user_agents=agents,
        timezone=settings.timezone,
        seed=seed,
        feed=settings.feed,
    )
    screen.print(f"{len(files):,} files for {days} in {folder}", soft_wrap=True)


@app.command(epilog="Example: adtech logs retry impressions_2022052611.parquet")
def retry(
    name: str | None = typer.Argument(None, help="One file; all of them by default."),
) -> None:
    """Put files from quarantine back into the landing folder, for the next run to judge."""
    from adtech_assets.cli.screen import screen
    from adtech_assets.feed import quarantine
    from adtech_assets.settings import load_settings

    put_back = quarantine.retry(load_settings(), name)
    for file in put_back:
        screen.print(f"Put back: {file}", soft_wrap=True, markup=False)
    screen.print(
        f"{len(put_back)} files are in the landing folder. Load their days: adtech backfill"
    )


@app.command(epilog="Example: adtech logs replace impressions_2022052611.parquet")
def replace(
    name: str = typer.Argument(..., help="A quarantined file whose name is already loaded."),
) -> None:
    """Let a file from quarantine take the place of the loaded one, and load its day again."""
    from adtech_assets.feed import quarantine
    from adtech_assets.settings import export_settings, load_settings

    settings = load_settings()
    export_settings(settings)
    days = quarantine.replace(settings, name)

    from adtech_assets.cli.running import run_days
    from adtech_assets.cli.screen import screen

    run_days(settings, days)
    screen.print(f"[green]{days} is loaded with the new file.[/]")


@app.command(epilog="Example: adtech logs discard impressions_unknown.parquet")
def discard(
    name: str = typer.Argument(..., help="A quarantined file that will never be good."),
) -> None:
    """Give up a file in quarantine: no check warns of it any more. The file itself is kept."""
    from adtech_assets.cli.screen import screen
    from adtech_assets.feed import quarantine
    from adtech_assets.settings import load_settings

    kept = quarantine.discard(load_settings(), name)
    screen.print(f"Given up: {name}", soft_wrap=True, markup=False)
    for path in kept:
        screen.print(f"It is kept as {path}", soft_wrap=True, markup=False)


@app.command(epilog="Example: adtech logs accept-loss 2022-05-26")
def accept_loss(
    day: str = typer.Argument(..., metavar="DAY", help="Day of the files, YYYY-MM-DD."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Accept that log files of a day are gone for good, so that the day can be loaded without."""
    from adtech_assets.audit import losses
    from adtech_assets.cli.screen import screen
    from adtech_assets.partitions import parse_day
    from adtech_assets.settings import load_settings

    settings = load_settings()
    loss = losses.find(settings, parse_day(day))
    screen.print(str(loss), soft_wrap=True, markup=False)
    if not yes:
        typer.confirm("Accept it?", abort=True)
    losses.accept(settings, loss)
    if loss.uncounted:
        screen.print(f"Accepted. Next: [bold]adtech backfill --from {day} --to {day}[/]")
    else:
        screen.print("Accepted. The counts stay as they are.")
