import pytest


@pytest.fixture
def table(tcp_server):
    """A table `numbers` with the rows 1 and 2."""
    tcp_server.execute("CREATE TABLE numbers AS SELECT n FROM generate_series(1, 2) AS n")
    yield "numbers"
    tcp_server.execute("DROP TABLE numbers")
