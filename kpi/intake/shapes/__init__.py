"""Shapes of tables: those whose columns are periods or entities are turned into the long form, one figure a row."""
