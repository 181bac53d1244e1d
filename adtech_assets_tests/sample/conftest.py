import pytest

from adtech_assets.operational.schema import create_schema
from adtech_assets.settings import load_settings
from adtech_assets.stores.postgres import Postgres


@pytest.fixture(scope="session")
def operational_postgres(tmp_path_factory):
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("operational"), source_database_url=None
    )
    return Postgres.of(settings, "source")


@pytest.fixture
def connection(operational_postgres):
    """A connection whose work is rolled back: every test begins on a database without tables."""
    with operational_postgres.connect() as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def database(connection):
    """The same with the four tables, empty."""
    create_schema(connection)
    return connection
