import pytest

from adtech_assets.operational.schema import create_schema


@pytest.fixture
def write(source):
    """Runs statements in the operational database, where the four tables are."""

    def run(*statements):
        with source.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    with source.connect() as connection:
        create_schema(connection)
    return run
