"""Generators of sample data for both sources: the operational database and the log files."""
