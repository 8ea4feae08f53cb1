"""Intake: files and frames become a complete panel of entities and periods."""
