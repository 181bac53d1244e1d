"""A deployment that is loaded once, and copied for each test that changes it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg
import pytest

from adtech_assets.settings import Settings, load_settings
from adtech_assets_tests.end_to_end.changing import Changing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adtech_assets.stores.query import StoreName


@dataclass
class Loaded:
    """A deployment that has loaded what `Changing` begins with, to be copied for each test."""

    story: Changing
    server: str

    def copied(self, folder: Path) -> Changing:
        """Stores of the test's own that hold the same."""
        urls: dict[StoreName, str] = {}
        with psycopg.connect(self.server, autocommit=True) as connection:
            for store in STORES:
                name = f"{store}_of_{next(_copies)}"
                connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "changing_{store}"')
                urls[store] = self.server.replace("/analytics?", f"/{name}?")
        return self.story.copied(_changing_settings(folder, urls))


STORES: tuple[StoreName, ...] = ("source", "target")
_copies = itertools.count()


def _changing_settings(folder: Path, urls: dict[StoreName, str]) -> Settings:
    return load_settings(
        raw_data_dir=folder / "raw_data",
        output_dir=folder / "output",
        data_dir=folder / "data",
        source_database_url=urls["source"],
        target_database_url=urls["target"],
        settle_seconds=0,
        lookback_days=4,
    )


@pytest.fixture(scope="session")
def changing_loaded(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str
) -> Iterator[Loaded]:
    """Days that have been loaded, with corrected files in quarantine."""
    with pytest.MonkeyPatch.context() as environment:
        for name in Settings.model_fields:
            environment.delenv(f"ADTECH_{name.upper()}", raising=False)
        environment.setitem(Settings.model_config, "env_file", None)
        urls: dict[StoreName, str] = {}
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            for store in STORES:
                # Tests of another folder may have had it before.
                connection.execute(f'DROP DATABASE IF EXISTS "changing_{store}"')
                connection.execute(f'CREATE DATABASE "changing_{store}"')
                urls[store] = postgres_server.replace("/analytics?", f"/changing_{store}?")
        settings = _changing_settings(tmp_path_factory.mktemp("changing"), urls)
        story = Changing(settings)
        story.begin()
        # Late, because other tests look at this module too.
        import dagster as dg

        from adtech_assets_tests.end_to_end.in_process import Runs

        with dg.DagsterInstance.ephemeral() as instance:
            run = Runs(story, instance, environment)
            run()
            story.extracted()
            story.deliver_corrections()
            run(select="+processed_log_files")
        story.assert_published()
        story.assert_loaded()
        yield Loaded(story, postgres_server)
