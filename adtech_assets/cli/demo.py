"""The main job from nothing, on sample data."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from adtech_assets.cli.screen import print_table, screen
from adtech_assets.errors import UserError
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange, today
from adtech_assets.sample import log_files, operational
from adtech_assets.settings import ALL_USER_AGENTS
from adtech_assets.stores.postgres import Postgres

if TYPE_CHECKING:
    from adtech_assets.settings import Settings

DEMO_DAYS = 7
IMPRESSIONS_PER_CAMPAIGN = 2_000
LOG_IMPRESSIONS_PER_DAY = 1_000
SEED = 20220525


def run_demo(settings: Settings) -> None:
    """Seed the source, generate log files, load the last seven full days, print the results.

    Raises:
        UserError: the stores are not the embedded ones, or hold something else than the demo.
    """
    _refuse_to_mix(settings)
    yesterday = today(settings.zone) - timedelta(1)
    days = DayRange(max(settings.start_date, yesterday - timedelta(DEMO_DAYS - 1)), yesterday)

    screen.rule("[bold]1. Operational Postgres", align="left")
    source = Postgres.of(settings, "source")
    with source.connect() as connection:
        create_schema(connection)
        if operational.statistics(connection).advertisers == 0:
            operational.create_batch(
                connection,
                impressions=IMPRESSIONS_PER_CAMPAIGN,
                ctr=0.08,
                first_day=days.first,
                last_day=days.last,
                seed=SEED,
            )
        totals = operational.statistics(connection)
    screen.print(
        f"{totals.advertisers} advertisers, {totals.campaigns} campaigns, "
        f"{totals.impressions:,} impressions, {totals.clicks:,} clicks"
    )

    screen.rule("[bold]2. Log files", align="left")
    agents: tuple[str, ...] = log_files.USER_AGENTS
    if settings.user_agent not in (*agents, ALL_USER_AGENTS):
        agents = (settings.user_agent, *agents)
    settings.raw_data_dir.mkdir(parents=True, exist_ok=True)
    files = log_files.generate_log_files(
        settings.raw_data_dir,
        list(days),
        events_per_day=LOG_IMPRESSIONS_PER_DAY,
        user_agents=agents,
        timezone=settings.timezone,
        seed=SEED,
    )
    screen.print(f"{len(files):,} parquet files for {days} in {settings.raw_data_dir}")
    (settings.data_dir / "demo").touch()

    screen.rule("[bold]3. The pipeline", align="left")
    from adtech_assets.cli.running import run_days

    run_days(settings, days)

    screen.rule("[bold]4. Results", align="left")
    _print_results(settings, days)


def _refuse_to_mix(settings: Settings) -> None:
    if settings.source_database_url or settings.target_database_url:
        raise UserError(
            "The demo writes sample data, so it only works on the embedded stores: "
            "unset ADTECH_SOURCE_DATABASE_URL and ADTECH_TARGET_DATABASE_URL for it."
        )
    if settings.warehouse_path.exists() and not (settings.data_dir / "demo").exists():
        raise UserError(
            f"{settings.data_dir} holds data that is not the demo's. Give the demo folders of its "
            "own: ADTECH_DATA_DIR=demo/data ADTECH_RAW_DATA_DIR=demo/raw_data "
            "ADTECH_OUTPUT_DIR=demo/output adtech demo"
        )


def _print_results(settings: Settings, days: DayRange) -> None:
    from adtech_assets.cli.results import print_exports
    from adtech_assets.serving import audited_load

    with Postgres.of(settings, "target").connect(read_only=True) as target:
        loaded = audited_load.audits(target, days)
    print_table(
        f"Audited load of the log files, user agent “{settings.user_agent}”",
        ("day", "files", "hours", "impressions", "clicks", "loaded at (UTC)"),
        (
            (
                day,
                loaded[day].file_count,
                loaded[day].row_count,
                loaded[day].impression_count,
                loaded[day].click_count,
                loaded[day].loaded_at.isoformat(" ", timespec="seconds"),
            )
            for day in sorted(loaded)
        ),
    )
    print_exports(settings)
    screen.print(
        f"\nReport:  {settings.exports_dir / 'kpi_report.html'}\n"
        "\nNext:\n"
        "  [bold].venv/bin/adtech dev[/]      the lineage graph in the browser\n"
        "  [bold].venv/bin/adtech status[/]   days and files\n"
        "  [bold].venv/bin/adtech results --format csv[/]\n"
        '  [bold].venv/bin/adtech sql target "SELECT * FROM csv_data_task"[/]\n'
    )
