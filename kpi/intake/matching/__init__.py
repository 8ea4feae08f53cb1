"""Matching: which dataset a table belongs to, and what its columns mean."""
