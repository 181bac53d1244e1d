"""adtech metrics."""

from __future__ import annotations

import typer


def add_commands(app: typer.Typer) -> None:
    """Add this command to the app."""
    app.command(epilog="Example: adtech metrics --serve 9464")(metrics)


def metrics(
    port: int | None = typer.Option(
        None, "--serve", metavar="PORT", help="Serve them at /metrics until Ctrl-C."
    ),
    host: str = typer.Option("127.0.0.1", help="Address to listen on."),
) -> None:
    """Print metrics for Prometheus: days, files, runs, queue, rows, disks, versions."""
    import dagster as dg
    from prometheus_client import generate_latest, start_http_server

    from adtech_assets.defs.dbt_project import dbt_project
    from adtech_assets.defs.metrics import registry
    from adtech_assets.errors import UserError
    from adtech_assets.settings import export_settings, load_settings

    settings = load_settings()
    export_settings(settings)
    with dg.DagsterInstance.get() as instance:
        found = registry(instance, settings, dbt_project(settings.feed))
        if port is None:
            typer.echo(generate_latest(found), nl=False)
            return
        try:
            _, thread = start_http_server(port, host, found)
        except OSError as error:
            raise UserError(f"Port {port} on {host} is not free ({error.strerror}).") from None
        typer.echo(f"Metrics: http://{host}:{port}/metrics  (Ctrl-C stops it)")
        thread.join()
