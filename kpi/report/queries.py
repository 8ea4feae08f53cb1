"""The 查询单: findings in data as a form, one row each, for whoever reported the figures to answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any, ClassVar

import polars as pl

from kpi.errors import Diagnostic
from kpi.report.diagnostics import render
from kpi.report.marks import SEVERITIES
from kpi.report.shape import About, Report, Screen
from kpi.report.xlsx import new_workbook

#: The columns with their widths in a workbook; the last is for the answer.
COLUMNS = {
    "序号": 5, "级别": 6, "代码": 7, "评价对象": 12, "期别": 9, "问题": 48, "处理建议": 28, "文件": 20, "工作表": 8,
    "行": 6, "列": 12, "说明": 32,
}  # fmt: skip
#: The column that whoever reported the figures fills in.
ANSWER = "说明"


@dataclass(frozen=True)
class FindingsReport(Report):
    """Findings as the form that is answered."""

    schema: ClassVar[str] = "kpi.findings/1"
    sheets: ClassVar[Mapping[str, str]] = {"findings": "查询单"}

    findings: tuple[Diagnostic, ...]

    @property
    def about(self) -> About:
        """The heading of the form."""
        return About("查询单")

    def head(self) -> dict[str, Any]:
        """Return the schema."""
        return {"schema": self.schema}

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the form."""
        return {"findings": form(self.findings)}

    def text(self, screen: Screen) -> str:
        """Return the findings with the lines that they are about."""
        text = render(self.findings, color=screen.color)
        return f"{text}\n" if text else ""

    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return a workbook to print and to fill in."""
        return {"xlsx": partial(workbook, self.findings)}


def form(findings: Iterable[Diagnostic]) -> pl.DataFrame:
    """Returns the form: the columns of `COLUMNS`, one row a finding, in their order; 说明 is left blank."""
    rows = [
        (
            number, SEVERITIES[one.severity], one.code, one.place.entity, one.place.period, one.message, one.hint,
            one.place.file, one.place.sheet, one.place.row or one.place.line, one.place.field, None,
        )
        for number, one in enumerate(findings, 1)
    ]  # fmt: skip
    schema = {name: pl.Int64 if name in {"序号", "行"} else pl.String for name in COLUMNS}
    return pl.DataFrame(rows, schema=schema, orient="row")


def workbook(findings: Iterable[Diagnostic]) -> bytes:
    """Returns the form as an xlsx file with one sheet 查询单, ready to print and to fill in; no cell is a formula.

    Raises:
        DataError: K510, xlsxwriter is not installed.
    """
    frame = form(findings)
    out = BytesIO()
    with new_workbook(out, {"title": "查询单"}) as book:
        sheet = book.add_worksheet("查询单")
        lined = {"border": 1, "border_color": "#BFBFBF", "text_wrap": True, "valign": "top"}
        head = book.add_format({**lined, "bold": True, "bg_color": "#E7EEF7"})
        body, answer = book.add_format(lined), book.add_format({**lined, "bg_color": "#FFF9E5"})
        for column, (name, width) in enumerate(COLUMNS.items()):
            sheet.set_column(column, column, width)
            sheet.write_string(0, column, name, head)
            style = answer if name == ANSWER else body
            for row, value in enumerate(frame[name], 1):
                if isinstance(value, int):
                    sheet.write_number(row, column, value, style)
                elif value is not None:
                    sheet.write_string(row, column, value, style)
                else:
                    sheet.write_blank(row, column, None, style)
        # On paper: across, as wide as a page, the headings on every one.
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)
        sheet.set_header("&C查询单")
        sheet.set_footer("&C&P / &N")
        sheet.freeze_panes(1, 0)
        sheet.autofilter(0, 0, max(frame.height, 1), len(COLUMNS) - 1)
    return out.getvalue()
