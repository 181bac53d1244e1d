"""The operational database: its schema, and reading it."""
