"""Readers: files as departments send them, turned into clean columns with a finding for every refused cell."""
