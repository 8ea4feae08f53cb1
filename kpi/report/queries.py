"""The 查询单: data findings as a form, one row each, to be answered by the departments that reported the figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, ClassVar

import polars as pl

from kpi.errors import Diagnostic, Message
from kpi.report.diagnostics import render
from kpi.report.language import localized, tr
from kpi.report.marks import SEVERITIES
from kpi.report.shape import About, Report, Screen
from kpi.report.xlsx import new_workbook

#: The columns with their widths in a workbook; the last is for the answer.
COLUMNS = {
    Message("No."): 5, Message("Severity"): 6, Message("Code"): 7, Message("Entity"): 12, Message("Period"): 9,
    Message("Finding"): 48, Message("Suggestion"): 28, Message("File"): 20, Message("Sheet"): 8, Message("Row"): 6,
    Message("Column"): 12, Message("Note"): 32,
}  # fmt: skip
#: The columns with integers, and the column that the reporting department fills in.
NUMBERS, ANSWER = ("No.", "Row"), "Note"


@dataclass(frozen=True)
class FindingsReport(Report):
    """Findings as a form to be answered."""

    schema: ClassVar[str] = "kpi.findings/1"
    sheets: ClassVar[Mapping[str, str]] = {"findings": Message("Queries")}

    findings: tuple[Diagnostic, ...]

    @property
    def about(self) -> About:
        """The heading of the form."""
        return About(tr("Queries"))

    def head(self) -> dict[str, Any]:
        """Return the schema."""
        return {"schema": self.schema}

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the form."""
        return {"findings": form(self.findings)}

    def text(self, screen: Screen) -> str:
        """Return the findings with their source lines."""
        text = render(self.findings, color=screen.color)
        return f"{text}\n" if text else ""

    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return the workbook, ready to print and fill in."""
        return {"xlsx": partial(workbook, self.findings)}


def form(findings: Iterable[Diagnostic]) -> pl.DataFrame:
    """Return the form: the columns of `COLUMNS`, one row per finding, in order; the last column is blank."""
    rows = [
        (
            number, localized(SEVERITIES[finding.severity]), finding.code, finding.place.entity, finding.place.period,
            localized(finding.message), None if finding.hint is None else localized(finding.hint),
            finding.place.file, finding.place.sheet, finding.place.row or finding.place.line, finding.place.field, None,
        )
        for number, finding in enumerate(findings, 1)
    ]  # fmt: skip
    schema = {localized(name): pl.Int64 if name in NUMBERS else pl.String for name in COLUMNS}
    return pl.DataFrame(rows, schema=schema, orient="row")


def workbook(findings: Iterable[Diagnostic]) -> bytes:
    """Return the form as an xlsx file with one sheet 查询单, ready to print and fill in, without formulas.

    Raises:
        DataError: K510, xlsxwriter is not installed.
    """
    frame = form(findings)
    out = BytesIO()
    with new_workbook(out, {"title": tr("Queries")}) as book:
        sheet = book.add_worksheet(tr("Queries"))
        lined = {"border": 1, "border_color": "#BFBFBF", "text_wrap": True, "valign": "top"}
        head = book.add_format({**lined, "bold": True, "bg_color": "#E7EEF7"})
        body, answer = book.add_format(lined), book.add_format({**lined, "bg_color": "#FFF9E5"})
        for column, (name, width) in enumerate(COLUMNS.items()):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, localized(name), head)
            style = answer if name == ANSWER else body
            for row, value in enumerate(frame[localized(name)], 1):
                if isinstance(value, int):
                    sheet.write_number(row, column, value, style)
                elif value is not None:
                    sheet.write_string(row, column, value, style)
                else:
                    sheet.write_blank(row, column, None, style)
        # Print in landscape, one page wide, with headings on every page.
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.set_header(f"&C{tr('Queries')}")
        sheet.set_footer("&C&P / &N")
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(frame.height, 1), len(COLUMNS) - 1)
    return out.getvalue()
