"""Expressions of definitions: parsed, checked against the grammar, compiled to Polars."""

from kpi.language.expressions.grammar import FUNCTIONS
from kpi.language.expressions.parser import parse

__all__ = ["FUNCTIONS", "parse"]
