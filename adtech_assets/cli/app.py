"""The command and its parts."""

import typer

from adtech_assets.cli import (
    alerts,
    backup,
    billing,
    dbt,
    erasure,
    feed,
    logs,
    metrics,
    pipeline,
    report,
    results,
    seed,
    state,
    upgrade,
)
from adtech_assets.cli.commands import Commands

app = Commands(
    name="adtech",
    help="Ad logs and an operational Postgres to hourly counts, an audited table and KPI marts.",
    epilog="New here? Start with: adtech demo",
    no_args_is_help=True,
    # Plain: for frames around the options typer loads a Markdown parser, half the time of --help.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from importlib.metadata import version

        typer.echo(f"adtech-assets {version('adtech-assets')}")
        raise typer.Exit


@app.callback()
def group(
    _: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Ad logs and an operational Postgres to hourly counts, an audited table and KPI marts."""


for module in (
    *(pipeline, state, results, report, billing, erasure, backup, upgrade),
    *(metrics, dbt),
):
    module.add_commands(app)
app.add_typer(seed.app, name="seed", help="Sample rows for the operational database.")
app.add_typer(feed.app, name="feed", help="What a feed file makes of log files.")
app.add_typer(alerts.app, name="alerts", help="Who is told of what needs a person.")
app.add_typer(logs.app, name="logs", help="Sample log files, and files that are refused or gone.")
