import pytest

from adtech_assets_tests.buckets import bucket, s3, s3_server, unversioned, versioned

__all__ = ["bucket", "s3", "s3_server", "unversioned", "versioned"]


@pytest.fixture
def table(tcp_server):
    """A table `numbers` with the rows 1 and 2."""
    tcp_server.execute("CREATE TABLE numbers AS SELECT n FROM generate_series(1, 2) AS n")
    yield "numbers"
    tcp_server.execute("DROP TABLE numbers")
