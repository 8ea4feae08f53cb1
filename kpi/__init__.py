"""Indicators, scores, star ratings and rankings from declarative definitions, compiled to Polars."""
