"""Forms as workbooks: only cells to be filled in are open, and they take numbers only; a blank one is missing."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from msgspec import Struct

from kpi.intake.cells.numbers import LARGEST, YES_NO
from kpi.intake.entry_forms import EntryForm, Item, Page
from kpi.report.language import tr
from kpi.report.xlsx import new_workbook, sheet_name

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

#: The rows above the table: what it is, and how it is filled in.
_ABOVE = 2


class _Styles(Struct, frozen=True):
    title: Format
    remark: Format
    head: Format
    key: Format
    before: Format
    open: Format
    text: Format


def workbook(form: EntryForm, pages: Sequence[Page] | None = None) -> bytes:
    """Return a form as an xlsx file, all of its pages or some.

    Raises:
        DataError: K510, xlsxwriter is not installed.
    """
    out = BytesIO()
    with new_workbook(out, {"title": form.title}) as book:
        styles = _styles(book)
        taken: list[str] = []
        for page in form.pages if pages is None else pages:
            taken.append(sheet_name(page.name or tr("Form"), taken))
            _write(book.add_worksheet(taken[-1]), form, page, styles)
    return out.getvalue()


def _styles(book: Workbook) -> _Styles:
    grey = {"bg_color": "#F2F2F2", "border": 1, "border_color": "#BFBFBF"}
    fill = {"bg_color": "#FFFDE7", "border": 1, "border_color": "#BFBFBF", "locked": False}
    return _Styles(
        book.add_format({"bold": True, "font_size": 14}),
        book.add_format({"font_color": "#595959"}),
        book.add_format({"bold": True, "text_wrap": True, "valign": "vcenter", "align": "center", **grey}),
        book.add_format(grey),
        book.add_format({"font_color": "#7F7F7F", "num_format": "#,##0.######", **grey}),
        book.add_format({"num_format": "#,##0.######", **fill}),
        book.add_format({"text_wrap": True, **fill}),
    )


def _write(sheet: Worksheet, form: EntryForm, page: Page, styles: _Styles) -> None:
    sheet.write_string(0, 0, form.title, styles.title)
    words = tr(
        "Fill in the light cells with numbers, in the unit given; a cell left blank is a missing figure, not zero."
    )
    dated = "period" not in form.headings
    if dated:
        # The readers know the period of a whole table by this label.
        sheet.write_string(1, 0, f"期别：{form.period.label}", styles.title)
    sheet.write_string(1, 2 if dated else 0, words, styles.remark)
    columns = _wide(sheet, form, page, styles) if form.wide else _long(sheet, form, page, styles)
    sheet.set_row(_ABOVE, 30)
    sheet.freeze_panes(_ABOVE + 1, 2)
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(_ABOVE)
    sheet.protect("", {"format_columns": True, "format_rows": True, "autofilter": True, "sort": True})
    if not form.wide:
        sheet.autofilter(_ABOVE, 0, _ABOVE + len(page.items) * len(page.units), columns - 1)


# ---- A ROW FOR EACH FIGURE ---- #


def _long(sheet: Worksheet, form: EntryForm, page: Page, styles: _Styles) -> int:
    codes = any(code for _, code in page.units)
    further = list(dict.fromkeys(column for item in page.items for column in item.fixed))
    keys = [key for key in ("period", "entity", "code", "measure", "unit") if _is_shown(key, form, codes=codes)]
    heads = [*(form.headings[key] for key in keys), *further]
    if form.before is not None:
        heads.append(tr("Last period ({period})", period=form.before))
    value = len(heads)
    extras = [key for key in ("reported", "scope", "note") if key in form.headings]
    heads += [form.headings["value"], *(form.headings[key] for key in extras)]
    for column, head in enumerate(heads):
        sheet.write_string(_ABOVE, column, head, styles.head)
    row = _ABOVE
    for item in page.items:
        for unit, code in page.units:
            row += 1
            stated = {
                "period": form.period.label,
                "entity": unit,
                "code": code,
                "measure": item.title,
                "unit": item.unit,
            }
            cells = [*(stated[key] for key in keys), *(item.fixed.get(column) for column in further)]
            for column, text in enumerate(cells):
                _key(sheet, row, column, text, styles)
            if form.before is not None:
                _former(sheet, row, value - 1, form.previous.get((unit, item.name)), styles)
            sheet.write_blank(row, value, None, styles.open)
            _validate(sheet, row, row, value, item)
            for column, key in enumerate(extras, value + 1):
                sheet.write_blank(row, column, None, styles.text)
                if key == "reported":
                    sheet.data_validation(
                        row, column, row, column, {"validate": "date", "criteria": ">", "value": "=36526"}
                    )
    sheet.set_column(0, value, 14)
    sheet.set_column(keys.index("measure"), keys.index("measure"), 34)
    sheet.set_column(len(heads) - 1, len(heads) - 1, 30)
    return len(heads)


# ---- A ROW FOR EACH UNIT ---- #


def _wide(sheet: Worksheet, form: EntryForm, page: Page, styles: _Styles) -> int:
    codes = any(code for _, code in page.units)
    keys = [key for key in ("period", "entity", "code") if _is_shown(key, form, codes=codes)]
    for column, key in enumerate(keys):
        sheet.write_string(_ABOVE, column, form.headings[key], styles.head)
    column = len(keys)
    first, last = _ABOVE + 1, _ABOVE + len(page.units)
    for row, (unit, code) in enumerate(page.units, first):
        text = {"period": form.period.label, "entity": unit, "code": code}
        for at, key in enumerate(keys):
            _key(sheet, row, at, text[key], styles)
    for item in page.items:
        sheet.write_string(_ABOVE, column, f"{item.title}（{item.unit}）", styles.head)
        for row in range(first, last + 1):
            sheet.write_blank(row, column, None, styles.open)
        _validate(sheet, first, last, column, item)
        column += 1
        if form.before is not None:
            head = tr("{title}, last period ({period})", title=item.title, period=form.before)
            sheet.write_string(_ABOVE, column, head, styles.head)
            for row, (unit, _) in enumerate(page.units, first):
                _former(sheet, row, column, form.previous.get((unit, item.name)), styles)
            column += 1
    sheet.write_string(_ABOVE, column, form.headings["note"], styles.head)
    for row in range(first, last + 1):
        sheet.write_blank(row, column, None, styles.text)
    sheet.set_column(0, column, 14)
    return column + 1


# ---- CELLS ---- #


def _is_shown(key: str, form: EntryForm, *, codes: bool) -> bool:
    """Return whether a form has a column for a key."""
    return key in form.headings and (key != "code" or codes)


def _key(sheet: Worksheet, row: int, column: int, text: str | None, styles: _Styles) -> None:
    if text is None:
        sheet.write_blank(row, column, None, styles.key)
    else:
        sheet.write_string(row, column, text, styles.key)


def _former(sheet: Worksheet, row: int, column: int, value: float | None, styles: _Styles) -> None:
    if value is None:
        sheet.write_blank(row, column, None, styles.before)
    else:
        sheet.write_number(row, column, value, styles.before)


def _validate(sheet: Worksheet, first: int, last: int, column: int, item: Item) -> None:
    """Let some cells take a figure only: a number between its bounds, or yes and no."""
    rule: dict[str, object]
    if item.unit == YES_NO:
        rule = {"validate": "list", "source": ["是", "否"]}
        text = tr("Choose 是 or 否.")
    else:
        ends = zip(item.bounds, (-LARGEST, LARGEST), strict=True)
        low, high = (
            int(entry) if entry.is_integer() else entry for entry in (end if own is None else own for own, end in ends)
        )
        rule = {
            "validate": "integer" if item.whole else "decimal",
            "criteria": "between",
            "minimum": low,
            "maximum": high,
        }
        text = tr("A number, in {unit}.", unit=item.unit)
        if item.bounds != (None, None):
            shown_ends = ["" if bound is None else f"{bound:g}" for bound in item.bounds]
            text = tr(
                "A number in {unit}, at least {low}, at most {high}.",
                unit=item.unit,
                low=shown_ends[0],
                high=shown_ends[1],
            )
            if not shown_ends[1]:
                text = tr("A number in {unit}, at least {low}.", unit=item.unit, low=shown_ends[0])
            elif not shown_ends[0]:
                text = tr("A number in {unit}, at most {high}.", unit=item.unit, high=shown_ends[1])
    # The title of a message takes 32 signs, its text 255.
    shown = {"error_title": item.title[:32], "error_message": text[:255]}
    sheet.data_validation(first, column, last, column, {**rule, **shown, "ignore_blank": True})
