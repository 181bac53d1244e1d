"""adtech seed: sample rows for the operational database."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from adtech_assets.cli.commands import Commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

app = Commands(no_args_is_help=True)

SEED_HELP = "Same seed, same rows."


@contextmanager
def _source() -> Iterator[psycopg.Connection]:
    """A connection to the source, whose tables are there."""
    from adtech_assets.operational.schema import create_schema
    from adtech_assets.settings import load_settings
    from adtech_assets.stores.postgres import Postgres

    with Postgres.of(load_settings(), "source").connect() as connection:
        create_schema(connection)
        yield connection


def _say(text: str) -> None:
    from adtech_assets.cli.screen import screen

    screen.print(text)


@app.command(epilog="Example: adtech seed batch --advertisers 2 --campaigns 3 --impressions 100")
def batch(
    advertisers: int = typer.Option(2, min=1, help="Number of advertisers."),
    campaigns: int = typer.Option(3, min=1, help="Campaigns of each advertiser."),
    impressions: int = typer.Option(100, min=0, help="Impressions of each campaign."),
    ctr: float = typer.Option(0.1, min=0, max=1, help="Share of impressions that get a click."),
    seed: int | None = typer.Option(None, help=SEED_HELP),
) -> None:
    """Advertisers with campaigns, impressions and clicks, over the last seven days."""
    from adtech_assets.sample import operational

    with _source() as connection:
        made = operational.create_batch(
            connection, advertisers, campaigns, impressions, ctr, seed=seed
        )
    _say(
        f"Created {len(made.advertiser_ids)} advertisers, {len(made.campaign_ids)} campaigns, "
        f"{made.impressions:,} impressions and {made.clicks:,} clicks."
    )


@app.command(epilog="Example: adtech seed advertisers --count 3")
def advertisers(count: int = typer.Option(1, min=1, help="Number of advertisers.")) -> None:
    """More advertisers."""
    from adtech_assets.sample import operational

    with _source() as connection:
        ids = operational.create_advertisers(connection, count)
    _say(f"Created {len(ids)} advertisers, ids {_listed(ids)}.")


@app.command(epilog="Example: adtech seed campaigns --advertiser-id 1 --count 2")
def campaigns(
    advertiser_id: int = typer.Option(..., help="Whose campaigns."),
    count: int = typer.Option(1, min=1, help="Number of campaigns."),
) -> None:
    """More campaigns of an advertiser."""
    from adtech_assets.sample import operational

    with _source() as connection:
        ids = operational.create_campaigns(connection, advertiser_id, count)
    _say(f"Created {len(ids)} campaigns of advertiser {advertiser_id}, ids {_listed(ids)}.")


@app.command(epilog="Example: adtech seed impressions --campaign-id 1 --count 1000")
def impressions(
    campaign_id: int = typer.Option(..., help="Of which campaign."),
    count: int = typer.Option(100, min=1, help="Number of impressions."),
) -> None:
    """More impressions of a campaign."""
    from adtech_assets.sample import operational

    with _source() as connection:
        created = operational.create_impressions(connection, campaign_id, count)
    _say(f"Created {created:,} impressions of campaign {campaign_id}.")


@app.command(epilog="Example: adtech seed clicks --campaign-id 1 --ratio 0.1")
def clicks(
    campaign_id: int = typer.Option(..., help="Of which campaign."),
    ratio: float = typer.Option(0.1, min=0, max=1, help="Clicks per impression."),
) -> None:
    """Clicks on a campaign's impressions."""
    from adtech_assets.sample import operational

    with _source() as connection:
        created = operational.create_clicks(connection, campaign_id, ratio)
    _say(f"Created {created:,} clicks of campaign {campaign_id}, {ratio:.1%} of its impressions.")


@app.command(epilog="Example: adtech seed stats --json")
def stats(
    as_json: bool = typer.Option(False, "--json", help="For scripts."),
) -> None:
    """Totals, overall CTR, and each campaign's numbers."""
    from dataclasses import asdict

    from adtech_assets.cli.screen import print_json, print_table, screen
    from adtech_assets.report import percent
    from adtech_assets.sample import operational

    with _source() as connection:
        found = operational.statistics(connection)
    if as_json:
        print_json(asdict(found))
        return
    screen.print(
        f"Advertisers: {found.advertisers:,}\n"
        f"Campaigns: {found.campaigns:,}\n"
        f"Impressions: {found.impressions:,}\n"
        f"Clicks: {found.clicks:,}\n"
        f"Overall CTR: {percent(found.ctr)}"
    )
    if found.unknown_impressions or found.unknown_clicks:
        screen.print(
            f"Of unknown campaigns: {found.unknown_impressions:,} impressions, "
            f"{found.unknown_clicks:,} clicks"
        )
    print_table(
        "Campaigns",
        ("ID", "Name", "Advertiser", "Impressions", "Clicks", "CTR"),
        (
            (
                c.campaign_id,
                c.campaign_name,
                c.advertiser_name,
                c.impressions,
                c.clicks,
                percent(c.ctr),
            )
            for c in found.by_campaign
        ),
    )


@app.command(epilog="Example: adtech seed reset --yes")
def reset(
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Delete all rows of the operational database."""
    from adtech_assets.sample import operational
    from adtech_assets.settings import load_settings
    from adtech_assets.stores.postgres import Postgres

    where = Postgres.of(load_settings(), "source").shown_as
    if not yes:
        typer.confirm(f"Delete all advertisers, campaigns and events of {where}?", abort=True)
    with _source() as connection:
        operational.reset(connection)
    _say("All rows have been deleted.")


def _listed(ids: list[int]) -> str:
    return ", ".join(map(str, ids))
