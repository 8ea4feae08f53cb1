"""`python -m kpi`."""

from kpi.cli import main

main(prog_name="kpi")
