"""Everything that knows Dagster, and only that: no parsing, no SQL longer than a screen."""
