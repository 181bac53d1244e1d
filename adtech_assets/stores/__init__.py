"""The two stores, DuckDB and Postgres, whose they are, and the folders of results."""
