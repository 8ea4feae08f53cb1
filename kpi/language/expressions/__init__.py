"""Expressions of definitions: parsed, checked against the grammar, compiled to Polars."""

from kpi.language.expressions.parser import FUNCTIONS, parse

__all__ = ["FUNCTIONS", "parse"]
