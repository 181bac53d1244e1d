import pytest


@pytest.fixture
def ask(target):
    """Asks the target database on a connection of its own."""

    def run(query):
        with target.connect() as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    return run


@pytest.fixture
def reader_role(ask):
    """A role that owns nothing; its name."""
    ask("CREATE ROLE reader LOGIN")
    yield "reader"
    ask("DROP OWNED BY reader")
    ask("DROP ROLE reader")
