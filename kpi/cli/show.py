"""`kpi show`: the catalogue, a system, one definition, a plan, the coverage of a document, an analysis of data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console

if TYPE_CHECKING:
    from kpi.language.system import System


@click.command()
@click.argument("system", required=False)
@click.argument("name", required=False)
@options.definitions
@options.option("--plan", is_flag=True, help="The stages and expressions that the system compiles to.")
@options.option(
    "--analysis", multiple=True, metavar="FILE", help="What figures are like; NAME an entity: its strengths."
)
@options.form("of a system or an analysis; a table.")
@options.output("A system as .docx, .xlsx or .md is the annex of a 办法, with its method.")
@options.option("--coverage", is_flag=True, help="The document clause by clause, and what stands for each.")
@options.findings
@command
def show(
    console: Console, *, system: str | None, name: str | None, definitions: str | None, plan: bool, coverage: bool,
    analysis: Sequence[str], form: str | None, output: Sequence[str],
) -> Exit:  # fmt: skip
    """Show the catalogue, a system, or one definition with its formula in words."""
    from kpi.language.loading import catalogue
    from kpi.report import cards

    folder = None if definitions is None else Path(definitions)
    if analysis:
        from kpi import session
        from kpi.report.analysis import AnalysisReport
        from kpi.report.formats import TEXT

        card = session.score(list(analysis), system=system, definitions=definitions, intervals=0)
        console.publish(AnalysisReport(card, name), form, output, usual=TEXT)
        return Exit.FINE
    written = form is not None or bool(output)
    if written and (system is None or name is not None or plan or coverage):
        from kpi.errors import DataError, Diagnostic, Message

        hint = Message("kpi show SYSTEM -o method.docx, or kpi show SYSTEM --analysis period.csv -f json")
        raise DataError(Diagnostic("K543", Message("only a system or an analysis is written in a format"), hint=hint))
    if system is None:
        console.write(cards.overview(catalogue.systems(folder), width=console.width))
        return Exit.FINE
    shown_system = catalogue.find(system, folder).system
    assert shown_system is not None  # noqa: S101
    if written:
        from kpi.report.formats import TEXT
        from kpi.report.method.report import MethodReport

        console.publish(MethodReport(shown_system), form, output, usual=TEXT)
    elif plan:
        from kpi.engine.plan import compile_plan

        console.write(cards.plan(compile_plan(shown_system)))
    elif coverage:
        return _coverage(console, shown_system)
    elif name is None:
        console.write(cards.system(shown_system, width=console.width))
    else:
        console.write(cards.definition(shown_system, name, width=console.width))
    return Exit.FINE


def _coverage(console: Console, system: System) -> Exit:
    from kpi.analysis import clause_coverage
    from kpi.report import cards

    console.write(cards.coverage(system, clause_coverage.coverage(system), width=console.width))
    findings = list(clause_coverage.problems(system))
    console.report(findings)
    return Exit.FINDINGS if findings else Exit.FINE
