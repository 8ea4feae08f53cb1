"""The 查询单: findings in data as a form, one row each, for whoever reported the figures to answer."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from io import BytesIO

import polars as pl

from kpi.errors import DataError, Diagnostic
from kpi.report import encode
from kpi.report.marks import SEVERITIES

#: The columns with their widths in a workbook; the last is for the answer.
COLUMNS = {
    "序号": 6, "级别": 8, "代码": 8, "评价对象": 14, "期别": 10, "问题": 60, "处理建议": 40, "文件": 24, "工作表": 12,
    "行": 8, "列": 16, "说明": 40,
}  # fmt: skip
# Workbooks carry a time of creation: a fixed one keeps equal findings equal bytes.
_CREATED = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - xlsxwriter takes local time without a zone


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


def csv(findings: Iterable[Diagnostic]) -> bytes:
    """Returns the form as CSV for Excel and WPS; no cell is a formula."""
    return encode.csv(form(findings), bom=True)


def workbook(findings: Iterable[Diagnostic]) -> bytes:
    """Returns the form as an xlsx file with one sheet 查询单, filters and a frozen header; no cell is a formula.

    Raises:
        DataError: K510, xlsxwriter is not installed.
    """
    try:
        from xlsxwriter import Workbook
    except ImportError as error:
        hint = "pip install 'kpi-engine[excel]', or write .csv"
        raise DataError(Diagnostic("K510", "writing xlsx needs the package xlsxwriter", hint=hint)) from error
    frame = form(findings)
    out = BytesIO()
    book = Workbook(out)
    book.set_properties({"title": "查询单", "created": _CREATED})
    sheet = book.add_worksheet("查询单")
    head, body = book.add_format({"bold": True, "bottom": 1}), book.add_format({"text_wrap": True, "valign": "top"})
    for column, (name, width) in enumerate(COLUMNS.items()):
        sheet.set_column(column, column, width, body)
        sheet.write_string(0, column, name, head)
        for row, value in enumerate(frame[name], 1):
            if isinstance(value, int):
                sheet.write_number(row, column, value, body)
            elif value is not None:
                sheet.write_string(row, column, value, body)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(frame.height, 1), len(COLUMNS) - 1)
    book.close()
    return out.getvalue()
