"""Stores of results: every night is published whole, by one last commit; Delta Lake, plain Parquet, PostgreSQL."""
