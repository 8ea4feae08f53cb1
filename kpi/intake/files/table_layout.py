"""Detect where a table starts and ends on a sheet: title rows, the unit row, headers of several rows, note rows.

Spreadsheets of Chinese offices have a title, a row 单位：万元 and the reporting department above the header, a header
of two or three rows with merged cells, a row that numbers the columns 甲 乙 1 2 3, and 注：… and signatures at the end.
CSV files saved from them have the same rows, without the merged ranges.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, count
from kpi.intake.cells.numbers import YES_NO, fold, read_number
from kpi.intake.files.headers import LEVELS, clean, distinct, names_row_of_keys, role
from kpi.intake.files.unit_lines import is_unit_line, stated, unit_findings
from kpi.values.patterns import regex

#: How many rows are searched for the header at the top, and for notes at the bottom.
SEARCHED = 60

#: The most rows of a header.
DEEPEST = 4

Row = Sequence[str | None]
#: A merged range: first row, first column, last row, last column, from 0, all inclusive.
Merged = tuple[int, int, int, int]

_LABELLED = regex(r"[^:]{1,16}:.*", re.DOTALL)
_DATE = regex(r"(19|20)\d\d\s*[-./年]\s*\d{1,2}(\s*[-./月]\s*(\d{1,2}\s*日?)?)?")
_NOTE = regex(
    r"(\d+[.、)]|[*※①-⑳])?\s*(附?注|备注|说明|资料来源|数据来源|来源|补充资料|填报说明|指标解释|口径|note|source)s?\s*\d*\s*([::.、,]|$).*",
    re.IGNORECASE | re.DOTALL,
)
_SIGNATURE = regex(
    r"(填报|填表|审核|制表|报送|统计|单位|分管|复核|经办|联系|打印|报出|上报|填写)[^:]{0,8}(人|员|电话|日期|时间|单位|领导|方式)\s*:.*"
    r"|(制表|制单|填表|填报|审核|复核|签发|负责人|经办人|盖章|打印|报送)\s*:.*"
    r"|(data from( database)?|data sources?|database|last updated?( on)?|updated( on)?|retrieved( on)?|downloaded( on)?"
    r"|(prepared|compiled|checked|approved|reviewed) by)\s*:.*",
    re.DOTALL | re.IGNORECASE,
)
_FIGURE = regex(r"[+-]?\d[\d,]*(\.\d*)?\s*%?")
_YEAR = regex(r"(19|20)\d\d((0[1-9]|1[0-2])|[-./]\d{1,2})?")


class Layout(Struct, frozen=True):
    """The layout of a sheet: rows count from 0, `body` is the first row of data, `columns` are the headers.

    A column without a header has "" in `columns`; `depth` is the number of header rows. Repeated headers are numbered;
    `repeats` has these by the header that they repeat, and `spanned` has the positions (from 0) of columns that share a
    merged header with one to their left. `labels` are second names of columns, in a header of two languages.
    """

    header: int
    body: int
    columns: tuple[str, ...]
    unit: str | None
    titles: tuple[str, ...]
    notes: tuple[Diagnostic, ...]
    depth: int = 1
    repeats: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    spanned: frozenset[int] = frozenset()
    labels: Mapping[str, str] = field(default_factory=dict)


class Hints(Struct, frozen=True):
    """Marks of a sheet beside its cells that show where its header is; rows count from 0.

    Attributes:
        tables: the ranges of Excel tables (ListObjects), each of which begins with one header row.
        last: the last row that stays in view (frozen panes) or is printed on every page.
    """

    tables: tuple[Merged, ...] = ()
    last: int | None = None


def find_layout(
    rows: Sequence[Row],
    place: Place,
    merged: Sequence[Merged] = (),
    *,
    declared: Sequence[int] = (),
    hints: Hints | None = None,
) -> Layout:
    """Detect the layout of a sheet from its first rows.

    Args:
        rows: the cells, from the first row on.
        place: the file and the sheet.
        merged: its merged ranges, where they are known.
        declared: the rows of the header, from 1, that a definition names; none where it is to be found.
        hints: marks that show where the header is, where it is ambiguous.

    Raises:
        DataError: K504 no header, K516 a declared header that is not there.
    """
    rows = [[cell if cell and cell.strip() else None for cell in row] for row in rows[:SEARCHED]]
    header, depth, headers = (
        _declared(rows, place, merged, declared) if declared else _located(rows, place, merged, hints or Hints())
    )
    labels: dict[str, str] = {}
    if depth == 2 and not declared and _translates(rows[header], rows[header + 1]):
        headers = tuple(clean(cell or "") for cell in rows[header])
        labels = {
            clean(item or ""): clean(other or "") for item, other in zip(rows[header], rows[header + 1], strict=False)
        }
    columns, repeats = distinct(headers)
    spanned = frozenset(
        at
        for top, left, _, right in merged
        if header <= top < header + depth
        for at in range(left + 1, min(right + 1, len(headers)))
        if headers[at] and headers[at] == headers[left]
    )
    body = header + depth
    numbering = body < len(rows) and _is_numbering(rows[body])
    titles = tuple(clean(cell) for row in rows[:header] for cell in row if cell)
    above = stated(cell for row in rows[:header] for cell in row if cell)
    notes = []
    if titles:
        rows_above, texts = count(header, "row"), "; ".join(titles)
        message = Message("{rows} above the column names, not read as data: {texts}", rows=rows_above, texts=texts)
        notes.append(_info("K521", message, place))
    notes += unit_findings(above, place)
    if depth > 1:
        levels = any(LEVELS in name for name in columns)
        message = Message(
            "the column names span rows {first} to {last}: {names}",
            first=header + 1,
            last=body,
            names=tuple(f"`{name}`" for name in columns if LEVELS in name or (name and not levels)),
        )
        notes.append(_info("K525", message, place))
    if numbering:
        notes.append(_info("K521", Message("row {row} numbers the columns, not read as data", row=body + 1), place))
    return Layout(header, body + numbering, columns, above.unit, titles, tuple(notes), depth, repeats, spanned, labels)


#: The first row of a header, the number of its rows, and the names of the columns.
_Located = tuple[int, int, tuple[str, ...]]


def _declared(rows: Sequence[Row], place: Place, merged: Sequence[Merged], header: Sequence[int]) -> _Located:
    """Return the header in the rows that a definition names.

    Raises:
        DataError: K516 one of the rows is blank, or below the last.
    """
    for row in header:
        if row > len(rows) or not any(rows[row - 1]):
            message = Message("row {row}, which `header:` names, has no cells", row=row)
            hint = Message("count the rows of the file from 1, titles and blank rows above the table included")
            raise DataError(Diagnostic("K516", message, replace(place, row=row), hint))
    top = header[0] - 1
    return top, len(header), _names(rows[top : header[-1]], top, merged)


def _located(rows: Sequence[Row], place: Place, merged: Sequence[Merged], hints: Hints) -> _Located:
    """Return the header that the cells show, or the hints where these are ambiguous.

    Raises:
        DataError: K504 no header.
    """
    try:
        located = _shown(rows, place, merged)
    except DataError:
        if (hinted := _hinted(rows, merged, hints)) is None:
            raise
        return hinted
    header, depth, _ = located
    if len(hints.tables) == 1 and header + depth - 1 != hints.tables[0][0]:
        return _hinted(rows, merged, hints) or located
    last = header + depth - 1 if hints.last is None else hints.last
    # A row of words that stays in view below the names of the columns belongs to them, if figures follow: units, or
    # their second level. In a table of texts it may be the first row of data, and rows that the first column names as
    # keys below a header of measures (地区, 频度, 单位) are no levels of it.
    keys = role(rows[header][0] or "") == "measure" and all(
        row and names_row_of_keys(row[0] or "") for row in rows[header + depth : last + 1]
    )
    if (
        not keys
        and header + depth <= last < min(header + DEEPEST, len(rows) - 1)
        and all(map(_are_labels, rows[header + depth : last + 1]))
        and any(item and below and _is_figure(below) for item, below in zip(rows[last], rows[last + 1], strict=False))
    ):
        depth = last - header + 1
        return header, depth, _names(rows[header : header + depth], header, merged)
    return located


def _hinted(rows: Sequence[Row], merged: Sequence[Merged], hints: Hints) -> _Located | None:
    """Return the header that the marks of a sheet show, None where they show none with two names."""
    last = hints.tables[0][0] if len(hints.tables) == 1 else hints.last
    if last is None or last >= len(rows) or sum(cell is not None for cell in rows[last]) < 2:
        return None
    if len(hints.tables) == 1:
        first = last
    else:
        tops = range(max(last - DEEPEST + 1, 0), last)
        first = next((top for top in tops if any(rows[top]) and top + _depth(rows, top, merged) == last + 1), last)
    return first, last - first + 1, _names(rows[first : last + 1], first, merged)


def _shown(rows: Sequence[Row], place: Place, merged: Sequence[Merged]) -> _Located:
    """Return the header that the cells show.

    Raises:
        DataError: K504 no header.
    """
    wrapped = None if merged else _wrapped_header(rows)
    header = _first_header(rows, merged) if wrapped is None else wrapped[0]
    if header is None:
        raise DataError(Diagnostic("K504", Message("there is no row of column names"), place, _HEADER_HINT))
    if figure := next((cell for cell in rows[header] if cell and _is_figure(cell)), None):
        message = Message(
            "row {row} should name the columns, but holds figures, such as `{figure}`",
            row=header + 1,
            figure=figure.strip(),
        )
        raise DataError(Diagnostic("K504", message, replace(place, row=header + 1), _HEADER_HINT))
    if wrapped is not None:
        return header, wrapped[1], _joined_downwards(rows[header : header + wrapped[1]])
    depth = _depth(rows, header, merged)
    return header, depth, _names(rows[header : header + depth], header, merged)


def _translates(header: Row, below: Row) -> bool:
    """Return whether a row repeats the header above it in another language, cell by cell: Region below 地区.

    One of the pairs at least has to be a known word in both, so that no row of data is taken for a header.

    >>> _translates(["地区", "产值"], ["Region", "Output"]), _translates(["地区", "产值"], ["Zhejiang", "high"])
    (True, False)
    """
    width = max(len(header), len(below))
    pairs = [
        (fold(item), fold(other))
        for item, other in zip([*header, *[None] * width][:width], [*below, *[None] * width][:width], strict=True)
        if item or other
        for item, other in [(item or "", other or "")]
    ]
    if len(pairs) < 2 or not all(item and other and item.isascii() != other.isascii() for item, other in pairs):
        return False
    return any(role(item) is not None and role(item) == role(other) for item, other in pairs)


_HEADER_HINT = Message(
    "put the names of the columns (期别, 地区, 指标, 数值, ...) into one row above the data, or say under `datasets:` "
    "which rows they are in, `header: [3, 4]`"
)


def trailing_notes(rows: Sequence[Row]) -> int:
    """Count the notes, signatures and blank rows at the end of the last rows of a sheet.

    A note row has one filled cell, and begins like a note (注：, 资料来源：) or follows one. A signature row has only
    filled cells like 填报人：张三, further labels and a date.

    >>> trailing_notes([["南湖区", "12"], ["注：初步数。", None], ["2.含开发区", None], [None, None]])
    3
    >>> trailing_notes([["南湖区", "12"], ["填表人：张三", "电话：123", None, "2024年1月5日"]])
    1
    >>> trailing_notes([["FRA", "12"], [None, None], ["Data from database: x", None], ["Last Updated: 2024", None]])
    3
    """
    first = len(rows)
    for at in range(len(rows) - 1, -1, -1):
        filled = [fold(cell) for cell in rows[at] if cell and cell.strip()]
        alone = len(filled) == 1 and (_NOTE.fullmatch(filled[0]) or is_unit_line(filled[0]))
        if filled and (alone or _is_signature(filled)):
            first = at
        elif len(filled) > 1:
            break
    blank_before = first
    while blank_before and not any(cell and cell.strip() for cell in rows[blank_before - 1]):
        blank_before -= 1
    return len(rows) - blank_before


def _is_signature(filled: Sequence[str]) -> bool:
    """Return whether the filled cells of a row sign the table: 填报人：张三, further labels, a date."""
    return any(map(_SIGNATURE.fullmatch, filled)) and all(
        _SIGNATURE.fullmatch(cell) or _LABELLED.fullmatch(cell) or _DATE.fullmatch(cell) for cell in filled
    )


def _wrapped_header(rows: Sequence[Row]) -> tuple[int, int] | None:
    """Return the first row and the number of rows of a header whose names are wrapped over rows, above a blank row.

    The last of its rows names the most columns, and below the blank row there are figures. None for any other header.
    """
    blank = next(
        (at for at in range(2, len(rows) - 1) if not any(rows[at]) and any(rows[at - 1]) and any(rows[at - 2])), None
    )
    if blank is None or not any(cell and _is_figure(cell) for cell in rows[blank + 1]):
        return None
    first = blank
    while first and blank - first < DEEPEST and _may_wrap(rows[first - 1]):
        first -= 1
    # Rows with figures above are data, whose header is further up.
    if any(len([cell for cell in row if cell]) > 1 and any(map(_is_figure, filter(None, row))) for row in rows[:first]):
        return None
    counts = [sum(cell is not None for cell in row) for row in rows[first:blank]]
    return (first, len(counts)) if len(counts) > 1 and counts[-1] == max(counts) > 2 else None


def _may_wrap(row: Row) -> bool:
    """Return whether a row may hold parts of the names of columns: words, none of them a period or a label."""
    filled = [fold(cell) for cell in row if cell]
    labels = any(map(_LABELLED.fullmatch, filled)) or any(_YEAR.fullmatch(cell) for cell in filled)
    return len(filled) > 1 and not labels and _are_labels(row)


def _joined_downwards(rows: Sequence[Row]) -> tuple[str, ...]:
    """Return the names of columns that are wrapped over rows; a hyphen at the end of a row joins a word.

    >>> _joined_downwards([[None, "Unemploy-"], ["Labor", "ment Rate"], ["Force", "(%)"]])
    ('Labor Force', 'Unemployment Rate(%)')
    """
    width = max(map(len, rows))
    names = []
    for at in range(width):
        name = ""
        for row in rows:
            cell = (row[at] if at < len(row) else None) or ""
            name = name[:-1] + cell if name.endswith("-") and cell[:1].islower() else f"{name} {cell}"
        names.append(clean(name))
    return tuple(names)


def _first_header(rows: Sequence[Row], merged: Sequence[Merged]) -> int | None:
    """Return the first row that can be the header: two cells or more, not all `label：text`, none 单位：万元.

    A row that fills less than half of the table without a second header row below, such as 附件1 and a date above a
    form, is skipped if a better one follows.
    """
    widest = max((sum(cell is not None for cell in row) for row in rows), default=0)
    possible = []
    for at, row in enumerate(rows):
        filled = [fold(cell) for cell in row if cell]
        beside = all(map(_LABELLED.fullmatch, filled)) or any(map(is_unit_line, filled))
        if len(filled) >= min(2, widest) and not beside:
            possible.append(at)
            if any(map(_is_figure, filled)):
                break
            if len(filled) * 2 >= widest or _depth(rows, at, merged) > 1:
                return at
    return possible[0] if possible else None


#: The roles of columns whose cells are names.
_NAMES = ("entity", "measure")


def _depth(rows: Sequence[Row], header: int, merged: Sequence[Merged]) -> int:
    """Return the number of header rows.

    Ranges merged downwards reach the last header row, ranges merged sideways need a row below. Without merged ranges a
    row belongs to the header if its first cell is blank, where that of the header is not, and all others are words.
    """
    last = header
    while last - header < DEEPEST - 1:
        reach = [bottom for top, _, bottom, _ in merged if header <= top <= last < bottom]
        across = any(top == last == bottom and left < right for top, left, bottom, right in merged)
        below = rows[last + 1] if last + 1 < len(rows) else []
        if last == header and last + 2 < len(rows) and _translates(rows[header], below):
            return 2
        if not (reach or (across and _are_labels(below)) or (_continues(rows[header], below) and last + 2 < len(rows))):
            break
        last = max([last + 1, *reach])
    return min(last - header + 1, DEEPEST)


def _continues(header: Row, below: Row) -> bool:
    """Return whether a row continues the header above it, without the help of merged ranges.

    A single text below a header such as 地区 is a name: 北部地区 over the rows of its counties.
    """
    first = next((at for at, cell in enumerate(header) if cell), 0)
    filled = [at for at, cell in enumerate(below) if cell]
    if len(filled) == 1 and filled[0] < len(header) and role(header[filled[0]] or "") in _NAMES:
        return False
    if header[0] is None and below and below[0] is None and len(filled) > 1:
        # Under headers with a blank first cell, a year or month for each goes on with them.
        return [at for at, cell in enumerate(header) if cell] == filled and all(
            _YEAR.fullmatch(fold(below[at] or "")) for at in filled
        )
    return len(below) > first and below[first] is None and _are_labels(below)


def _are_labels(row: Row) -> bool:
    """Return whether a row has only words, no figure and no mark of a missing figure."""
    filled = [cell for cell in row if cell]
    return bool(filled) and all(_is_label(cell) for cell in filled)


def _is_label(cell: str) -> bool:
    """Return whether a cell is a word: no figure and no mark of a missing figure."""
    read = read_number(cell)
    return not _is_figure(cell) and (read.problem is not None or (read.status == "ok" and read.unit != YES_NO))


def _is_figure(cell: str) -> bool:
    """Return whether a cell is a plain figure other than a year or month, which may be the name of a column."""
    folded = fold(cell)
    return _FIGURE.fullmatch(folded) is not None and _YEAR.fullmatch(folded) is None


def _is_numbering(row: Row) -> bool:
    """Return whether a row numbers the columns, as statistical forms do: 甲 乙 1 2 3."""
    filled = [fold(cell).strip("()") for cell in row if cell]
    return (
        bool(filled) and filled[0] == "甲" and all(re.fullmatch(r"[甲乙丙丁戊己庚辛]|\d{1,3}", cell) for cell in filled)
    )


def _names(rows: Sequence[Row], header: int, merged: Sequence[Merged]) -> tuple[str, ...]:
    """Return the column names of a header: the levels of each column from the top, each text once, joined."""
    width = max(len(row) for row in rows)
    grid = [[*row, *[None] * (width - len(row))] for row in rows]
    for top, left, bottom, right in merged:
        if header <= top < header + len(rows) and left < width:
            text = grid[top - header][left]
            for at in range(top, min(bottom, header + len(rows) - 1) + 1):
                grid[at - header][left : right + 1] = [text] * (min(right, width - 1) - left + 1)
    for level, row in enumerate(grid[:-1]):
        for at in range(1, width):
            below = any(lower[at] for lower in grid[level + 1 :])
            if row[at] is None and below and row[at - 1] and not any(upper[at] for upper in grid[:level]):
                row[at] = row[at - 1] if any(lower[at - 1] for lower in grid[level + 1 :]) else None
    return tuple(LEVELS.join(dict.fromkeys(clean(row[at] or "") for row in grid if row[at])) for at in range(width))


def _info(code: str, message: Message, place: Place) -> Diagnostic:
    """Return a finding of severity info."""
    return Diagnostic(code, message, place, severity=Severity.INFO)
