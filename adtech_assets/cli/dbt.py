"""adtech dbt."""

from __future__ import annotations

import typer

SERVES = ["docs", "serve"]
"""What has no need of the warehouse, and goes on until somebody stops it."""


def add_commands(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command(
        epilog="Example: adtech dbt test --select mart_campaign_kpis",
        context_settings={"ignore_unknown_options": True},
    )(dbt)


def dbt(
    command: list[str] = typer.Argument(..., help="A command of dbt with its options."),
) -> None:
    """Run dbt by hand on our project and warehouse, while no run uses it."""
    import contextlib
    import os
    import subprocess
    import sys
    from pathlib import Path

    from adtech_assets.defs.dbt_project import DBT_DIR, dbt_project, sources
    from adtech_assets.settings import export_settings, load_settings
    from adtech_assets.stores.warehouse import Warehouse

    settings = load_settings()
    export_settings(settings)
    dbt_project(settings.feed)  # writes the sources of the feed
    serves = command[: len(SERVES)] == SERVES
    warehouse = contextlib.nullcontext() if serves else Warehouse.of(settings).reserved()
    with warehouse:
        done = subprocess.run(
            [Path(sys.executable).with_name("dbt"), *command],
            env=os.environ
            | {
                "DBT_PROJECT_DIR": str(DBT_DIR),
                "DBT_PROFILES_DIR": str(DBT_DIR),
                "ADTECH_DBT_SOURCES": sources(settings.feed).as_posix(),
            },
            check=False,
        )
    raise typer.Exit(done.returncode)
