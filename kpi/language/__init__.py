"""The definition language: every section of a system as frozen, checked data."""
