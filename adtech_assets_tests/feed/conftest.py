from adtech_assets_tests.buckets import bucket, s3, s3_server, unversioned, versioned
from adtech_assets_tests.no_databases import settings

__all__ = ["bucket", "s3", "s3_server", "settings", "unversioned", "versioned"]
