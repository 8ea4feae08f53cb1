"""Formats of the sheets, and writing of cells by type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kpi.report.encode import is_formula
from kpi.report.language import tr
from kpi.report.paper.model import inert
from kpi.report.sheet_rows import Cells
from kpi.report.xlsx import CHARACTERS

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

GREEN, YELLOW, RED = "#63BE7B", "#FFEB84", "#F8696B"
_FILLS = {"green": "#D7F0DD", "yellow": "#FFF2CC", "red": "#F9D6D5"}

#: The styles of figures, of which there is one for each number of decimals.
_FIGURES = ("number", "spread")


class Styles:
    """The formats of a workbook, made when first used."""

    def __init__(self, book: Workbook, decimals: int) -> None:
        self._book = book
        plain = "0." + "0" * decimals if decimals else "0"
        cell = {"border": 1, "border_color": "#BFBFBF", "valign": "vcenter"}
        right = {**cell, "align": "right"}
        self._settings: dict[str, dict[str, object]] = {
            # Names have up to 200 signs: a line that is too long for a page is smaller.
            "title": {"bold": True, "font_size": 16, "align": "center", "valign": "vcenter", "shrink": True},
            "subtitle": {"align": "center", "font_color": "#595959", "shrink": True},
            "heading": {"bold": True, "font_size": 12, "valign": "vcenter"},
            "remark": {"font_size": 9, "font_color": "#595959", "text_wrap": True, "valign": "top"},
            "head": {**cell, "bold": True, "text_wrap": True, "align": "center", "bg_color": "#E8EEF7"},
            "text": {**cell, "text_wrap": True},
            "quoted": {**cell, "text_wrap": True, "quote_prefix": True},
            "center": {**cell, "align": "center"},
            "stars": {**cell, "align": "center", "font_color": "#9A6700"},
            "score": {**right, "num_format": plain, "bold": True},
            "points": {**right, "num_format": "0.00"},
            "change": {**right, "num_format": f"+{plain};-{plain};{plain}"},
            "percent": {**right, "num_format": '0.0"%"'},
            "count": {**right, "num_format": "#,##0"},
            "number": right,
            "spread": {**right, "italic": True, "bg_color": "#F7F7F7"},
            "done": {**right, "num_format": _done()},
            "spread_done": {**right, "num_format": _done(), "italic": True, "bg_color": "#F7F7F7"},
            "full": {**right, "num_format": "0.00", "italic": True, "bg_color": "#F7F7F7"},
            "label": {**cell, "italic": True, "bg_color": "#F7F7F7"},
            **{name: {**cell, "align": "center", "bg_color": fill} for name, fill in _FILLS.items()},
        }
        self._formats: dict[str, Format] = {}

    def __getitem__(self, name: str) -> Format:
        """Return a format by its name; that of a figure ends with its decimals, as `figures` returns it."""
        if name not in self._formats:
            kind = name.rstrip("0123456789")
            settings = self._settings[kind]
            if kind in _FIGURES and kind != name:
                settings = settings | {
                    "num_format": "#,##0." + "0" * int(name[len(kind) :]) if name[-1] != "0" else "#,##0"
                }
            self._formats[name] = self._book.add_format(settings)
        return self._formats[name]

    @staticmethod
    def figures(kind: str, decimals: int, value: object = None) -> str:
        """Return the name of the style of a figure: those of an indicator have the same decimals.

        Means and quartiles of whole numbers have two.

        >>> Styles.figures("spread", 0, 3.0), Styles.figures("spread", 0, 2.5), Styles.figures("number", 4, 0.5)
        ('spread0', 'spread2', 'number4')
        """
        fraction = not decimals and isinstance(value, float) and not value.is_integer()
        return f"{kind}{2 if fraction else decimals}"

    def put(self, sheet: Worksheet, row: int, column: int, value: str | float | None, style: str) -> None:
        """Write a cell by its type: a text is never a formula, a link or a number; nothing is a blank cell."""
        if value is None or value == "":
            sheet.write_blank(row, column, None, self[style])
        elif isinstance(value, str):
            text = _cut(inert(value))
            quoted = is_formula(text) and style == "text"
            sheet.write_string(row, column, text, self["quoted" if quoted else style])
        else:
            sheet.write_number(row, column, value, self[style])

    def numbers(self, style: str) -> Cells:
        """Return how a column of numbers is written in rows that are written together; nothing is a blank cell."""
        return Cells(self[style], None, self[style])

    def texts(self, style: str) -> Cells:
        """Return how a column of texts is written in rows that are written together, as `put` writes them."""

        def shown(value: str) -> tuple[str, Format | None]:
            text = _cut(inert(value))
            return text, self["quoted" if is_formula(text) and style == "text" else style]

        return Cells(empty=self[style], text=shown)

    def across(self, sheet: Worksheet, row: int, columns: int, text: str, style: str) -> None:
        """Write a text over several columns of a row."""
        if columns > 1:
            sheet.merge_range(row, 0, row, columns - 1, "", self[style])
        sheet.write_string(row, 0, inert(text)[:CHARACTERS], self[style])


def _done() -> str:
    """Return the number format of tasks: done or not, in words; a share of done ones as a number.

    >>> _done()
    '[=1]"yes";[=0]"no";0.00'
    """
    return f'[=1]"{tr("yes")}";[=0]"{tr("no")}";0.00'


def _cut(text: str) -> str:
    """Return a text as far as a cell can hold it."""
    return text if len(text) <= CHARACTERS else text[: CHARACTERS - 1] + "…"


def paginate(sheet: Worksheet, origin: str, *, side: float = 0.5) -> None:
    """Set A4 in landscape, margins, at the sides in inches, and the line below each page."""
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.set_margins(left=side, right=side, top=0.6, bottom=0.6)
    sheet.set_footer(tr("&L{origin}&RPage &P of &N", origin=inert(origin)[:100].replace("&", "&&")))
