"""Reported figures: tables of one figure a row, or one measure a column, become clean rows."""
