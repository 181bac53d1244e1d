"""The dbt project: its graph as a small file, and dbt itself, for whoever builds some of it."""
