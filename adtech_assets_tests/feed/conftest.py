from adtech_assets_tests.no_databases import settings

__all__ = ["settings"]
