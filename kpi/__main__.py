"""`python -m kpi`."""

from kpi.cli import program

program()
