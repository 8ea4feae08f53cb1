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
@options.output(
    "A system: .docx, .xlsx, .md its method, the annex of a 办法; .ossie.json a semantic model; .vtl its checks."
)
@options.option(
    "--sql",
    type=click.Choice(["duckdb", "postgres", "clickhouse", "mysql", "spark"]),
    help="The queries by which a database of this kind computes the measures of events.",
)
@options.option("--coverage", is_flag=True, help="The document clause by clause, and what stands for each.")
@options.option("--kinds", is_flag=True, help="Every kind of definition, file and store, and where it comes from.")
@options.findings
@command
def show(
    console: Console, *, system: str | None, name: str | None, definitions: str | None, plan: bool, coverage: bool,
    analysis: Sequence[str], form: str | None, output: Sequence[str], kinds: bool, sql: str | None,
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
    if kinds:
        return _kinds(console, form, output)
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
        return _written(console, shown_system, form, output)
    if sql is not None:
        from kpi.warehouse.printed import queries

        console.write(queries(shown_system, sql))
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


def _written(console: Console, system: System, form: str | None, output: Sequence[str]) -> Exit:
    """Write a system: its method, and what other programs read."""
    from kpi.report.formats import TEXT
    from kpi.report.method.report import MethodReport

    others = [out for out in output if out.endswith((".ossie.json", ".vtl"))]
    method = [out for out in output if out not in others]
    done = _interchanged(console, system, others)
    if method or form is not None:
        console.publish(MethodReport(system), form, method, usual=TEXT)
    return done


def _interchanged(console: Console, system: System, output: Sequence[str]) -> Exit:
    """Write a system for other programs, and report what their formats do not express; exit code 1 if there is any."""
    from kpi.errors import Message, Severity
    from kpi.language import ossie, vtl
    from kpi.report.files import replace

    warned = False
    for out in output:
        text, findings = ossie.text(system) if out.endswith(".json") else vtl.ruleset(system)
        replace(Path(out), text.encode())
        console.report(findings)
        console.say(Message("Wrote {files}.", files=out))
        warned |= any(finding.severity is not Severity.INFO for finding in findings)
    return Exit.FINDINGS if warned else Exit.FINE


def _kinds(console: Console, form: str | None, output: Sequence[str]) -> Exit:
    """List every kind; exit code 1 if an extension cannot be used."""
    from kpi.batch.config import STORES
    from kpi.report.formats import TEXT
    from kpi.report.kinds import KindsReport

    report = KindsReport(STORES)
    console.publish(report, form, output, usual=TEXT)
    console.report(report.findings)
    return Exit.FINDINGS if report.findings else Exit.FINE


def _coverage(console: Console, system: System) -> Exit:
    from kpi.analysis import clause_coverage
    from kpi.report import cards

    console.write(cards.coverage(system, clause_coverage.coverage(system), width=console.width))
    findings = list(clause_coverage.problems(system))
    console.report(findings)
    return Exit.FINDINGS if findings else Exit.FINE
