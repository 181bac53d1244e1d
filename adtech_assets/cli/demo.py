"""The main job from nothing, on sample data."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from adtech_assets import files
from adtech_assets.cli.screen import print_table, screen
from adtech_assets.errors import UserError
from adtech_assets.operational.schema import create_schema
from adtech_assets.partitions import DayRange, today
from adtech_assets.sample import operational
from adtech_assets.sample.story import Story
from adtech_assets.settings import ALL_USER_AGENTS, FIRST_DAY, landing_folder, load_settings
from adtech_assets.stores.postgres import Postgres

if TYPE_CHECKING:
    from pathlib import Path

    from adtech_assets.settings import Settings

DEMO_DAYS = 14
SEED = 20220525


def run_demo(settings: Settings) -> None:
    """Fill both sources with one story, load its fourteen days, print the results.

    Started again, it tells the same days once more, which changes nothing.

    Raises:
        UserError: the stores are not the embedded ones, or hold something else than the demo.
    """
    _refuse_to_mix(settings)
    days = _days(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if not _marker(settings).exists():
        with files.written_whole(settings.data_dir / FIRST_DAY) as partial:
            partial.write_text(f"{days.first}\n")
        with files.written_whole(_marker(settings)) as partial:
            partial.write_text(f"{days.first} {days.last}\n")
    settings = load_settings()
    own_agent = None if settings.user_agent == ALL_USER_AGENTS else settings.user_agent
    story = Story(
        days.first,
        days.last,
        timezone=settings.timezone,
        user_agent=own_agent,
        seed=SEED,
        feed=settings.feed,
    )

    screen.rule("[bold]1. Operational Postgres", align="left")
    source = Postgres.of(settings, "source")
    with source.connect() as connection:
        create_schema(connection)
        if not story.is_in(connection):
            story.write_source(connection)
        totals = operational.statistics(connection)
    screen.print(
        f"{totals.advertisers} advertisers, {totals.campaigns} campaigns, "
        f"{totals.impressions:,} impressions, {totals.clicks:,} clicks"
    )

    screen.rule("[bold]2. Log files", align="left")
    told = story.write_files(landing_folder(settings))
    campaign, anomaly_day = told.anomaly
    screen.print(
        f"{len(told.files):,} parquet files for {days} in {settings.raw_data_dir}\n"
        "They log the same events as the database, but for what there is to be found:\n"
        f"  {told.thin_day}  4 % of the events were never logged\n"
        f"  {told.outage_day}  the files of three hours never came\n"
        f"  {anomaly_day}  “{campaign}” was clicked twice as often as usual\n"
        "  every day   crawlers, missing and unknown user agents, events marked as fraudulent\n"
        f"  every day   “{told.dear}” pays three times the fees of the others, “{told.narrow}”\n"
        "              is shown to the same browsers again and again, half of the clicks on\n"
        f"              “{told.fast}” come within a second, and two fifths of\n"
        f"              “{told.unseen}” are on a page that hardly anybody looks at"
    )

    screen.rule("[bold]3. The pipeline", align="left")
    from adtech_assets.cli.running import run_days

    run_days(settings, days)

    screen.rule("[bold]4. Results", align="left")
    _print_results(settings, days)


def _marker(settings: Settings) -> Path:
    """The file that says that the stores are the demo's, and of which days."""
    return settings.data_dir / "demo"


def _days(settings: Settings) -> DayRange:
    """The last fourteen full days, or those of the demo that is already there."""
    if _marker(settings).exists():
        try:
            first, last = _marker(settings).read_text().split()
            return DayRange.parse(first, last)
        except ValueError:
            raise UserError(
                f"{settings.data_dir} holds the demo of an older version. "
                "Delete it first: adtech reset"
            ) from None
    yesterday = today(settings.zone) - timedelta(1)
    return DayRange(max(settings.start_date, yesterday - timedelta(DEMO_DAYS - 1)), yesterday)


def _refuse_to_mix(settings: Settings) -> None:
    if settings.source_database_url or settings.target_database_url:
        raise UserError(
            "The demo writes sample data, so it only works on the embedded stores: "
            "unset ADTECH_SOURCE_DATABASE_URL and ADTECH_TARGET_DATABASE_URL for it."
        )
    if settings.warehouse_path.exists() and not _marker(settings).exists():
        raise UserError(
            f"{settings.data_dir} holds data that is not the demo's. Give the demo folders of its "
            "own: ADTECH_DATA_DIR=demo/data ADTECH_RAW_DATA_DIR=demo/raw_data "
            "ADTECH_OUTPUT_DIR=demo/output adtech demo"
        )


def _print_results(settings: Settings, days: DayRange) -> None:
    from adtech_assets.cli.results import print_exports
    from adtech_assets.load import audited_load

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
        "  [bold].venv/bin/adtech report --open[/]   the report in the browser\n"
        "  [bold].venv/bin/adtech status[/]   days and files\n"
        "  [bold].venv/bin/adtech results --format csv[/]\n"
        '  [bold].venv/bin/adtech sql target "SELECT * FROM csv_data_task"[/]\n'
    )
