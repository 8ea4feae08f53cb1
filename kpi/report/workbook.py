"""Reports as Excel workbooks: one sheet per frame, typed cells, headings in the language, ready to filter and print."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec import Struct
from rich.cells import cell_len

from kpi.report.encode import is_formula
from kpi.report.language import tr
from kpi.report.marks import stars
from kpi.report.paper.model import Paper, inert
from kpi.report.paper.sheets import add_sheets
from kpi.report.shape import About, Report
from kpi.report.sheet_rows import Cells, write_rows
from kpi.report.xlsx import CHARACTERS, new_workbook

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

#: The most rows of a sheet in the file format, the header included.
ROWS = 1_048_576

# The styles of columns; other columns are text or plain numbers.
_KINDS = {
    "score": "score",
    "raw_score": "precise",
    "points": "precise",
    "weight": "percent",
    "rank": "count",
    "of": "count",
    "rows": "count",
    "row": "count",
    "rank_change": "movement",
    "score_change": "change",
    "coverage": "percent",
    "attainment": "percent",
    "schedule": "percent",
    "completeness": "percent",
    "timeliness": "percent",
    "accuracy": "percent",
    "quality": "precise",
    "expected": "count",
    "reported": "count",
    "dated": "count",
    "on_time": "count",
    "sound": "count",
    "light": "light",
}
_GREEN, _YELLOW, _RED = "#1B7F3B", "#9A6700", "#C62828"
_FILLS = {"green": "#D7F0DD", "yellow": "#FFF2CC", "red": "#F9D6D5", "at_risk": "#FCE4CC"}


class _Field(Struct, frozen=True):
    """A column of a sheet: the source of its values, its heading, style, and the display of values."""

    source: str
    heading: str
    kind: str
    word: Callable[[Any], str] = str


#: The most rows of a sheet of data that are printed where a document stands before it, about a page.
PRINTED = 40
# Of a sheet with many columns the first ones: all of them on a page could not be read.
_COLUMNS = 24


def workbook(report: Report, paper: Paper | None = None, /, *, rows: int = ROWS) -> bytes:
    """Return a report as the bytes of an xlsx file, one sheet per frame, such as 总表, 分项, 指标, 基础数据 and 审核.

    The sheets of a `paper` come first; then those of frames with rows are data, of which the first rows are printed.

    Numbers are numeric cells (percent columns hold percent, 95 is shown as 95.0%); stars are a number and ★★★★☆ or the
    name of the level; statuses are described in words; no text is a formula. A frame of more than `rows` rows,
    including the header, continues on a further sheet, 指标(2).

    Raises:
        DataError: K510, xlsxwriter is not installed.
    """
    out = BytesIO()
    # NOTE: constant_memory streams rows to disk; without it a frame of a million rows takes gigabytes.
    options = {"constant_memory": True, "default_date_format": "yyyy-mm-dd"}
    about = report.about
    properties = {"title": about.title, "subject": about.system, "comments": about.origin}
    with new_workbook(out, properties, **options) as book:
        frames = report.frames()
        if paper is not None:
            frames = {name: frame for name, frame in frames.items() if frame.height}
            add_sheets(book, paper, [report.sheet(name) for name in frames])
        add_frames(book, report, frames, rows=rows, printed=None if paper is None else PRINTED)
    return out.getvalue()


def add_frames(
    book: Workbook, report: Report, frames: Mapping[str, pl.DataFrame], *, rows: int = ROWS, printed: int | None = None
) -> None:
    """Append a sheet to a workbook for each frame of a report, and further ones for what is beyond `rows`.

    Of a sheet with more rows than `printed` that many are printed, below a line that says so.
    """
    about = report.about
    styles = _styles(book, about.decimals)
    for name, frame in frames.items():
        fields = list(_fields(report, name, frame))
        for number, part in enumerate(frame.iter_slices(rows - 1) if frame.height else [frame], start=1):
            sheet = book.add_worksheet(report.sheet(name) + (f"({number})" if number > 1 else ""))
            _fill(sheet, part, fields, styles)
            _arrange(sheet, part, fields, styles)
            _paginate(sheet, about)
            if printed is not None and part.height > printed:
                _print_first(sheet, about, printed, part.height, len(fields))
            if name == "totals":
                _bars(sheet, part, fields, about.full)


def _fields(report: Report, sheet: str, frame: pl.DataFrame) -> Iterator[_Field]:
    """Yield the columns of a sheet; the system is in the page header.

    In a `rated` frame stars are a number and signs, named levels a number and the name. Without any level both are left
    out.
    """
    rated = sheet in report.rated
    present = {name for name in ("stars", "grade") if name in frame.columns and frame[name].null_count() < frame.height}
    for name, dtype in frame.schema.items():
        heading = report.heading(sheet, name)
        if rated and name in ("stars", "grade") and not present and frame.height:
            continue
        if rated and name == "stars" and "grade" in present:
            yield _Field(name, tr("Level"), "number")
        elif rated and name == "stars":
            yield _Field(name, tr("Number of stars"), "number")
            yield _Field(name, heading, "stars")
        elif name != "system":
            yield _Field(
                name, heading, _KINDS.get(name, "number" if dtype.is_numeric() else "text"),
                partial(report.word, name),
            )  # fmt: skip


def _styles(book: Workbook, decimals: int) -> dict[str, Format]:
    plain = "0." + "0" * decimals if decimals else "0"
    numbers = {
        "score": plain,
        "precise": "0.0000",
        "count": "#,##0",
        "movement": '"▲"0;"▼"0;"–"',
        "change": f"+{plain};-{plain};{plain}",
        "percent": '0.0"%"',
        "number": "#,##0.00##",
    }
    head = {"bold": True, "text_wrap": True, "valign": "vcenter", "align": "center", "bg_color": "#E8EEF7", "border": 1}
    styles = {kind: book.add_format({"num_format": code}) for kind, code in numbers.items()}
    styles |= {light: book.add_format({"bg_color": colour}) for light, colour in _FILLS.items()}
    return styles | {
        "head": book.add_format(head),
        "stars": book.add_format({"font_color": _YELLOW}),
        "up": book.add_format({"font_color": _GREEN}),
        "down": book.add_format({"font_color": _RED}),
        "quoted": book.add_format({"quote_prefix": True}),
    }


def _fill(sheet: Worksheet, frame: pl.DataFrame, fields: list[_Field], styles: dict[str, Format]) -> None:
    for column, field in enumerate(fields):
        sheet.write_string(0, column, field.heading, styles["head"])
    names = [f"{column}" for column in range(len(fields))]
    values = frame.select(pl.col(field.source).alias(name) for name, field in zip(names, fields, strict=True))
    write_rows(sheet, 1, values, [_cells(field, frame.schema[field.source], styles) for field in fields])


def _cells(field: _Field, dtype: pl.DataType, styles: dict[str, Format]) -> Cells:
    """Return how the cells of a column are written: by type, as formulas, links and numbers are not guessed."""
    if field.kind == "stars":
        return Cells(text=lambda value: (stars(value), styles["stars"]))
    if field.kind == "light":
        return Cells(text=lambda value: (_words(field, value), styles.get(value)))
    if field.kind == "text" or not dtype.is_numeric():

        def words(value: Any) -> tuple[str, Format | None]:
            text = _words(field, value) if value != "" else ""
            return text, styles["quoted"] if is_formula(text) else None

        return Cells(text=words)
    return Cells(styles[field.kind], styles["count"] if field.kind == "number" else None)


def _words(field: _Field, value: Any) -> str:
    """Return the display text of a value, cut to the limit of a cell."""
    text = field.word(value)
    return text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"


def _arrange(sheet: Worksheet, frame: pl.DataFrame, fields: list[_Field], styles: dict[str, Format]) -> None:
    """Set the screen layout of a sheet: widths, frozen header, filters, colours of changes."""
    bottom, right = max(frame.height, 1), len(fields) - 1
    for column, field in enumerate(fields):
        sheet.set_column(column, column, _width(field, frame[field.source]))
        if field.kind in {"movement", "change"}:
            for sign, style in ((">", "up"), ("<", "down")):
                rule = {"type": "cell", "criteria": sign, "value": 0, "format": styles[style]}
                sheet.conditional_format(1, column, bottom, column, rule)
    names = [field.source for field in fields]
    sheet.freeze_panes(1, names.index("entity") + 1 if "entity" in names[:4] else 0)
    sheet.autofilter(0, 0, bottom, right)


def _paginate(sheet: Worksheet, about: About) -> None:
    """Set the print layout of a sheet: landscape A4, one page wide, repeated headings, the source in the margins."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_header(f"&C{about.title[:80].replace('&', '&&')}")
    sheet.set_footer(tr("&L{origin}&RPage &P of &N", origin=about.origin.replace("&", "&&")))


def _print_first(sheet: Worksheet, about: About, shown: int, rows: int, columns: int) -> None:
    """Limit what is printed of a sheet of data to its first rows, with a line above them that says so."""
    words = tr("Data, not for printing: the first {shown:,} of {rows:,} rows. All are printed without the print area.",
               shown=shown, rows=rows)  # fmt: skip
    sheet.print_area(0, 0, shown, min(columns, _COLUMNS) - 1)
    sheet.set_header(f"&C{inert(about.title)[:80].replace('&', '&&')}\n{words}")


def _width(field: _Field, values: pl.Series) -> float:
    """Return the width of a column in characters, from its heading and first values, within bounds."""
    if field.kind == "stars":
        return 12
    texts = (_words(field, value) for value in values.head(500) if isinstance(value, str))
    widest = max((cell_len(text) for text in texts), default=9)
    # The filter button covers two characters of the heading.
    return min(max(widest + 1, cell_len(field.heading) + 3, 6), 60)


def _bars(sheet: Worksheet, frame: pl.DataFrame, fields: list[_Field], full: float) -> None:
    column = [field.source for field in fields].index("score")
    # NOTE: a plain bar; the bars of Excel 2010 are an extension, which openpyxl drops with a warning.
    bar = {"type": "data_bar", "min_type": "num", "max_type": "num", "min_value": 0, "max_value": full}
    sheet.conditional_format(1, column, max(frame.height, 1), column, bar | {"bar_color": "#9FC5E8"})
