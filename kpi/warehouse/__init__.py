"""Engines of others: the measures of events as SQL in a database, or by the workers of Spark, where the rows are."""
