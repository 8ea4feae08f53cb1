"""Databases as engines: the measures of events as SQL, run where the rows are."""
