"""The two stores: the DuckDB warehouse and Postgres."""
