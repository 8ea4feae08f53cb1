"""Write results from Python: scorecards, differences, robustness, audits, ways up, methods and bulletins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

from kpi.analysis.audit import Audit
from kpi.analysis.diff import Difference
from kpi.analysis.explain import Explained
from kpi.analysis.robustness import Robustness
from kpi.analysis.way_up import WayUp
from kpi.engine.scorecard import Scorecard, as_scorecard
from kpi.errors import DataError, Diagnostic, Message, alternatives
from kpi.language.system import System
from kpi.report import files
from kpi.report.audit.report import AuditReport
from kpi.report.difference import DifferenceReport
from kpi.report.formats import SUFFIXES, suffix_of
from kpi.report.method.report import MethodReport
from kpi.report.results import BulletinReport, ScorecardReport
from kpi.report.robustness import RobustnessReport
from kpi.report.shape import Report
from kpi.report.way_up import WayUpReport

#: The formats of bulletins.
_BULLETINS = ("docx", "pdf", "md")

#: What the functions of the library return and `write` writes.
Result: TypeAlias = Scorecard | Difference | Robustness | Audit | WayUp | System | Report


def write(
    result: Result, target: str | Path | IO[bytes] | IO[str], form: str | None = None, *, period: str | None = None
) -> tuple[Path, ...]:
    """Write a result to a file, a folder or a stream, and return the files written.

    Args:
        result: a scorecard, what `diff`, `stress`, `audit` or `way_up` return, or a system, whose method is written.
        target: a path whose suffix says the format, a folder for all tables, or a stream of bytes or text.
        form: the name of a format (`csv json jsonl parquet xlsx md html docx pdf sdmx-csv`), where no suffix says it.
        period: of a scorecard the period of a league table, by default the latest.

    Raises:
        DataError: K540, the target cannot be written; K531, no such period; K541, no such format; K510, the package
            that a format needs is not installed; K556, for what is no result.
    """
    return files.write(report_of(result, period), target, form)


def content(result: Result, form: str, *, period: str | None = None) -> bytes:
    """Return a result in a format, as bytes for a web response; arguments and errors as for `write`."""
    return files.content(report_of(result, period), form)


def bulletin(
    card: Scorecard, target: str | Path | IO[bytes] | IO[str], form: str | None = None, *,
    period: str | None = None, template: str | Path | None = None,
) -> tuple[Path, ...]:  # fmt: skip
    """Write the bulletin (通报) of a period as Word, PDF or Markdown, and return the files written.

    Args:
        card: a scorecard with all periods, as a bulletin compares with those before.
        target: a path ending in .docx, .pdf or .md, or a stream.
        form: the name of the format, where no suffix says it.
        period: the label of the period, by default the latest.
        template: of a bureau, .docx for Word and PDF, .md for Markdown.

    Raises:
        DataError: as for `write`, and K541 for a format that has no bulletin; K883, a mistake in the template.
    """
    named = form
    if named is None and isinstance(target, str | Path):
        named = SUFFIXES.get(suffix_of(Path(target).name))
    if named not in _BULLETINS:
        message = Message("a bulletin is written as {formats}", formats=alternatives(_BULLETINS))
        hint = Message("name a file such as bulletin.docx, or the format; kpi.write writes tables")
        raise DataError(Diagnostic("K541", message, hint=hint))
    return files.write(
        BulletinReport(as_scorecard(card), period, None if template is None else Path(template)), target, form
    )


def report_of(result: Result, period: str | None = None) -> Report:
    """Return a result as a report, which every format can write; raise DataError K556 for what is no result."""
    if isinstance(result, Report):
        return result
    if isinstance(result, Scorecard):
        return ScorecardReport(result, period)
    for kind, report in _REPORTS.items():
        if isinstance(result, kind):
            return report(result)
    message = Message("{type} is no result that can be written", type=type(result).__name__)
    hint = Message("give a scorecard, what kpi.diff, kpi.stress, kpi.audit or kpi.way_up returns, or a system")
    if isinstance(result, Explained):
        hint = Message(
            "`kpi explain FILE... ENTITY -o explanation.json` writes it; from Python go through its lines by walk()"
        )
    raise DataError(Diagnostic("K556", message, hint=hint))


#: The reports of results other than scorecards.
_REPORTS: Mapping[type, Callable[[Any], Report]] = {
    System: MethodReport, Difference: DifferenceReport, Audit: AuditReport, Robustness: RobustnessReport,
    WayUp: WayUpReport,
}  # fmt: skip
