"""Stores of results."""
