"""Parse cells as numbers: a cell is a value, a reason for having none, or a problem, never a guess.

The rules, after NFKC folding of full-width characters (`１，２３４．５％` is `1,234.5%`) and stripping of blanks, of a
leading apostrophe and of `="..."`:

- Figures: `12`, `-12`, `+12`, `−12`, `.5`, `1e3`, `1,234.5` (commas only between groups of three), `(12.3)` is -12.3
  as accountants write it, `¥12` has the unit `¥`: 元, but in a column of 万元 the sign only names the currency. `#123`
  is 123: yearbooks mark an of-which item so; the mark concerns the item, not the figure.
- Figures with a unit: `12.5%`, `3.5亿元`, `100 m²`. The value is kept as typed with its unit, multiples
  included: `1.2万` is 1.2 with the unit 万, because only the column decides between 万件 and 万元.
- Marks: `是 √ yes true` is 1 and `否 × no false` is 0, in the unit 是/否.
- No figure, `missing`: a blank cell, `-`, `--`, `—`, `.`, `..` (World Bank), 空, 缺, 未报, NA, NULL. `not_applicable`:
  `/`, `N/A`, 不适用. `below_unit`: `…`, `...` (a figure smaller than the table's unit; yearbooks print it so).
- Everything else is a problem that quotes the cell: errors of Excel, dates and times, two figures, ranges, bounds and
  estimates, decimal commas, footnote marks (`12①`, `10²`), flags (`5.0 u`), 无 (which may mean none or not known),
  infinity, NaN.

A `Notation` changes these rules for a column: a decimal comma (`1.234,5`, `684.864` is 684864), further marks and
numbers that mean `missing`, or undeclared decimal commas, with which `684.864` and `1,234` are problems, too.

The sign, percent and mark conventions are those of Chinese statistical yearbooks; the other rules are this package's
own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Literal, NamedTuple

import polars as pl
from msgspec import Struct

from kpi.errors import Message
from kpi.values.patterns import regex

CellStatus = Literal["ok", "missing", "not_applicable", "below_unit"]

#: The type of the status column of `read_numbers`: the statuses a cell can have, in the order of `kpi.values.status`.
CELL_STATUS = pl.Enum(["ok", "missing", "not_applicable", "below_unit"])

#: No figure of any statistic is larger, in any unit; sums stay exact up to it (`kpi.language.measures.exact_sum`).
LARGEST = 1e20

#: The unit of yes-or-no cells.
YES_NO = "是/否"

_MISSING = (
    {"", ".", "..", "空", "缺", "未报", "缺报", "漏报", "未上报", "未填", "未填报", "待报"}
    | {"暂缺", "暂无", "缺失", "无数据", "暂无数据", "未统计", "未公布", "不详", "未知"}
    | {"na", "null", "none", "missing", "not available", "unavailable"}
)
_DASHES = frozenset("-‐‑‒–—―─−_")
_NOT_APPLICABLE = {"/", "n/a", "n.a.", "not applicable", "不适用", "不涉及", "无此项", "无此项目", "无此业务"}
_YES = {"是", "√", "✓", "✔", "☑", "yes", "y", "true"}
_NO = {"否", "×", "✗", "✘", "☒", "no", "n", "false"}

# One figure: sign, digits with or without groups of three, fraction, exponent.
_FIGURE = r"[+-]?(?:[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?|\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
# Grouped figures that can be cast without their commas: neither zero nor near the limits of the range.
_GROUPED = r"^-?[1-9][0-9]{0,2}(,[0-9]{3}){1,8}(\.[0-9]{1,20})?$"
# A cast to zero is trusted only where the text is plainly zero: 1e-400 is not.
_ZEROS = ("0", "0.0", "0.00")
#: The unit of a figure behind the sign of the currency, without a unit of its own.
YUAN_SIGN = "¥"
# What follows a figure may be a unit.
_UNIT = r"[^\d\s.,:;!?+\-=<>~()\[\]{}'\"`#*@&|\\_^$]{0,16}"
_NUMBER = regex(rf"#?(?P<yuan>¥?)(?P<figure>{_FIGURE})\s*(?P<unit>{_UNIT})", re.ASCII)
_BRACKETED = regex(rf"\((?P<figure>{_FIGURE})\s*(?P<inner>%|‰)?\)\s*(?P<unit>{_UNIT})", re.ASCII)
# A figure as above but for its digits: signs and brackets before them, a unit behind them.
_BEFORE, _BEHIND = r"#?¥?\(?[+-]?", rf"\s*[%‰]?\)?\s*{_UNIT}"
# Digits that require a decimal comma: points or blanks between groups, or a comma that is no thousands separator.
_DECIMAL_COMMA = regex(
    rf"{_BEFORE}(?:\d{{1,3}}(?:\.\d{{3}}){{2,}}(?:,\d+)?|\d{{1,3}}(?:[. ]\d{{3}})+,\d+"
    rf"|(?![1-9]\d{{0,2}},\d{{3}}(?!\d))\d+,\d+){_BEHIND}",
    re.ASCII,
)
# Digits whose value depends on whether the decimal mark is a comma or a point.
_EITHER = regex(rf"{_BEFORE}(?P<digits>[1-9]\d{{0,2}}[.,]\d{{3}}){_BEHIND}", re.ASCII)
_EITHER_PLAIN = r"^[+-]?[1-9][0-9]{0,2}[.,][0-9]{3}$"
# A figure with a decimal comma, and the text before and after it.
_WITH_COMMA = regex(
    r"(?P<before>[^\d.,]*)(?P<whole>[1-9]\d{0,2}(?P<mark>[. ])\d{3}(?:(?P=mark)\d{3})*|\d+)(?:,(?P<part>\d+))?"
    r"(?P<behind>(?![.,\d]).*)",
    re.ASCII | re.DOTALL,
)
_COMMA_PLAIN = r"^[+-]?(?:[1-9][0-9]{0,2}(?:\.[0-9]{3})+|[0-9]+)(?:,[0-9]+)?$"
_POINTED = regex(rf"{_BEFORE}(?=\d*[.,]\d)[\d.,]+{_BEHIND}", re.ASCII)
_POINT_PLAIN = regex(r"[+-]?\d+\.\d+(?:[eE][+-]?\d+)?%?", re.ASCII)
_UNIT_SIGNS = frozenset("%‰‱°℃㎡㎥㎞")
_WRAPPED = regex(r'="(.*)"', re.DOTALL)
# A minus as typed: U+2010 to U+2013 and U+2212 sit before figures in place of `-`; a dash proper (—) does not.
_MINUS = str.maketrans(dict.fromkeys("‐‑‒–−", "-"))

# Blanks, including those that `str.strip` keeps: zero-width characters, byte order mark, variation selector.
_BLANKS = " \t\r\n\f\v\x85\xa0\u2009\u202f\u3000\u200b\u200c\u200d\u2060\ufeff\ufe0f"
_DATE_UNITS = {"月", "日", "号", "季度", "月份"}
_VAGUE_STARTS = ("余", "多", "来", "几")
_VAGUE_ENDS = ("左右", "上下", "以上", "以下", "以内", "余", "多", "不到")

_IS_DATE = Message("is a date, not a figure")
_IS_BOUND = Message("is a bound or an estimate, not a figure")
_NO_NUMBER, _TOO_LARGE = Message("is not a number"), Message("is too large")

#: Marks in place of figures: not available, confidential, not applicable, near zero. Source: UK Government Analysis
#: Function, "Using symbols and shorthand in spreadsheets"; those behind figures ([r], [p]) are footnote marks here.
_SHORTHAND = {"[x]", "[c]", "[z]", "[low]", "[u]", "[w]"}

#: Longer cells are not matched with `_FAULTS`, whose patterns take quadratic time.
_LONGEST = 1000
#: The faults of cells that are no number, by pattern; the first match applies.
_FAULTS: tuple[tuple[re.Pattern[str], Message], ...] = tuple(
    (regex(pattern, re.IGNORECASE), fault)
    for pattern, fault in (
        (r"=.+", Message("is a formula without a saved result: open the file in Excel or WPS and save it")),
        (r"#", Message("is the mark of an of-which item, not a figure")),
        (r"##+", Message("shows that the column was too narrow when the file was saved, the figure is lost")),
        (r"#[A-Z_]+([/0-9!?]|$).*", Message("is an error of a spreadsheet formula, not a figure")),
        (r"[+-]?(nan|inf|infinity|∞|无穷大?)", Message("is not a finite number")),
        (r"无|没有|nil", Message("may mean none or not known: write 0, or leave the cell empty")),
        (r"\d{2,4}\s*([-/.年])\s*\d{1,2}\s*([-/.月])\s*\d{1,2}\s*日?(\s.*)?", _IS_DATE),
        (r"\d{4}\s*年.*|\d{4}[-/]\d{1,2}|.*\d\s*(月|日|号|季度)", _IS_DATE),
        (r"(\d{1,2}[- ])?(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-. ]\d{1,4}", _IS_DATE),
        (r"\d{1,2}[- ](jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*", _IS_DATE),
        (r".*\d:\d.*", Message("is a time or a ratio, not a figure")),
        (r"[+-]?[\d,]*\d,[\d,]*(\.\d*)?", Message("has commas that do not part groups of three digits")),
        (r"(≥|≤|>|<|=|~|≈|约|近|超过?|不足|不到|大于|小于|高于|低于).*", _IS_BOUND),
        (r".*\d.*(左右|上下|以上|以下|以内|余|多|不到|\+|预计|估计)\D*", _IS_BOUND),
        (r".*\d\s*[-~–—―至到]+\s*[\d.]+\D*", Message("is a range, or two figures, not one")),
        (r".*\d\s*/\s*\d.*", Message("is a fraction or two figures: write one figure")),
        (r"[+-]?\d{1,3}( \d{3})+(\.\d+)?", Message("has blanks between digits: write it without")),
        (r".*\d.*[\s,;、+*×].*\d.*", Message("holds more than one figure")),
        (r"[—―].*\d.*", Message("starts with a dash that may be a minus: write `-`")),
        (r"[\d.,]+\s*[①-⑳*†‡⁰¹²³⁴-⁹\[(].*", Message("carries a footnote mark: move it to a note")),
        (r"[+-]?[\d.,]+\s+[a-z]{1,2}", Message("carries a flag after the figure: move it to a column of its own")),
    )
)


class Notation(Struct, frozen=True):
    """The notation of the figures of a column.

    Attributes:
        decimal: the decimal mark.
        unclear: whether some cell has an undeclared decimal comma; cells whose value depends on it are then problems.
        mixed: whether some cells of a workbook are numbers, which have a decimal point whatever the mark of texts is.
        texts: marks of missing figures, folded and in lower case.
        numbers: numbers that stand for missing figures.
    """

    decimal: Literal[".", ","] = "."
    unclear: bool = False
    mixed: bool = False
    texts: frozenset[str] = frozenset()
    numbers: tuple[float, ...] = ()

    @classmethod
    def of(cls, decimal: Literal[".", ","] = ".", missing: Sequence[str | float] = ()) -> Notation:
        """Return the notation with a decimal mark and marks of missing figures; a text of digits counts as its number.

        >>> Notation.of(missing=["NP", "-9", -999.0]).numbers
        (-9.0, -999.0)
        """
        texts, numbers = set(), []
        for mark in missing:
            number = read_number(mark) if isinstance(mark, str) else Number(float(mark), "ok")
            if number.value is not None and number.unit is None:
                numbers.append(number.value)
            else:
                texts.add(fold(str(mark)).casefold())
        return cls(decimal, texts=frozenset(texts), numbers=tuple(numbers))


#: The notation of columns without a declaration.
PLAIN = Notation()


class Number(NamedTuple):
    """A parsed cell: a value with its unit, or a status that says why there is none, or a problem.

    `value` is finite, and not None exactly if `status` is `ok`; `status` is None exactly if there is a `problem`.
    """

    value: float | None = None
    status: CellStatus | None = None
    unit: str | None = None
    problem: Message | None = None


def read_number(text: str, notation: Notation = PLAIN) -> Number:
    """Parse a cell as a number by the rules at the top of this module. Never raises.

    >>> read_number("１，２３４．５").value, read_number("(12.3)").value, read_number("−12").value
    (1234.5, -12.3, -12.0)
    >>> read_number("3.5亿元")
    Number(value=3.5, status='ok', unit='亿元', problem=None)
    >>> read_number("…").status, read_number("—").status, read_number("不适用").status
    ('below_unit', 'missing', 'not_applicable')
    >>> read_number("12:30").problem
    '`12:30` is a time or a ratio, not a figure'
    >>> [read_number(text, Notation(",")).value for text in ("684.864", "1 234,5", "-5,1")]
    [684864.0, 1234.5, -5.1]
    """
    folded = _unwrapped(text)
    if (word := _word(folded.casefold(), notation)) is not None:
        return word
    figure = folded.translate(_MINUS)
    if (fault := _undecided(figure, notation)) is not None:
        return Number(problem=_problem(text, fault))
    if notation.decimal == ",":
        pointed = _with_point(figure, notation)
        if pointed is None:
            fault = Message("is no figure with a decimal comma, which `decimal: ','` declares")
            return Number(problem=_problem(text, fault))
        figure = pointed
    number = _figure(text, figure) or Number(problem=_explain(text, folded))
    if number.value in notation.numbers and number.unit is None:
        return Number(status="missing")
    return number


def _word(word: str, notation: Notation) -> Number | None:
    """Parse a mark in place of a figure, None for any other text."""
    if word in notation.texts or word in _MISSING or _DASHES.issuperset(word):
        return Number(status="missing")
    if word in _NOT_APPLICABLE:
        return Number(status="not_applicable")
    if set(word) <= {".", "⋯"}:
        return Number(status="below_unit")
    return Number(float(word in _YES), "ok", YES_NO) if word in _YES or word in _NO else None


def _unwrapped(text: str) -> str:
    """Fold a cell and remove `="..."` and a leading apostrophe."""
    folded = fold(text)
    if wrapped := _WRAPPED.fullmatch(folded):
        folded = wrapped[1].strip()
    return folded[1:].strip() if folded.startswith(("'", "’", "‘")) else folded


def _undecided(figure: str, notation: Notation) -> Message | None:
    """Return the fault of a folded cell whose decimal mark is ambiguous; None for any other cell."""
    if notation.decimal == ",":
        if notation.mixed and _POINT_PLAIN.fullmatch(figure) and _EITHER.fullmatch(figure):
            return Message("may be a number, or a text with a point between groups of digits")
    elif _DECIMAL_COMMA.fullmatch(figure):
        return Message("seems to have a decimal comma: write a point")
    elif notation.unclear and _EITHER.fullmatch(figure):
        return Message("is another figure with a decimal comma, which other cells of the column seem to have")
    return None


def _with_point(figure: str, notation: Notation) -> str | None:
    """Return a folded cell that has a decimal comma with a point, None where its marks do not fit."""
    if notation.mixed and _POINT_PLAIN.fullmatch(figure):
        return figure
    if match := _WITH_COMMA.fullmatch(figure):
        digits = re.sub("[. ]", "", match["whole"])
        return match["before"] + digits + ("." + match["part"] if match["part"] else "") + match["behind"]
    return None if _POINTED.fullmatch(figure) else figure


def undecided(column: pl.Series, problem: pl.Series, notation: Notation = PLAIN) -> pl.Series:
    """Return which cells have no number because their decimal mark is ambiguous (Boolean).

    Args:
        column: the cells.
        problem: their problems from `read_numbers`.
        notation: the notation that they were parsed with.

    >>> cells = pl.Series(["5,1", "约3"])
    >>> undecided(cells, read_numbers(cells)["problem"]).to_list()
    [True, False]
    """
    rows = problem.is_not_null().arg_true()
    texts = column.gather(rows) if column.dtype == pl.String else column.clear()
    ambiguous = [
        text for text in texts.unique() if _undecided(_unwrapped(text).translate(_MINUS), notation) is not None
    ]
    none = pl.repeat(value=False, n=len(column), dtype=pl.Boolean, eager=True)
    return none.scatter(rows.filter(texts.is_in(ambiguous)), values=True) if ambiguous else none


def fold(text: str) -> str:
    """Fold text to NFKC without surrounding blanks; characters that would *become* digits or brackets are kept.

    Full-width forms are folded. Superscript and circled digits are not: `10²` is not 102, `12①` is not 121, and a
    single `½` is no figure.

    >>> fold("　１２．５％ "), fold("10²"), fold("12①")
    ('12.5%', '10²', '12①')
    """
    return (text if text.isascii() else "".join(map(_fold_one, text))).strip(_BLANKS)


@lru_cache(maxsize=4096)
def _fold_one(character: str) -> str:
    """Fold a character to NFKC unless that turns another mark into a digit or bracket."""
    folded = unicodedata.normalize("NFKC", character)
    if folded == character or unicodedata.decomposition(character).startswith("<wide>"):
        return folded
    return character if any(item.isdigit() or item in "()" for item in folded) else folded


def _figure(text: str, folded: str) -> Number | None:
    """Parse a figure with its unit in folded text; a problem for an invalid one, None for no figure."""
    match = _NUMBER.fullmatch(folded)
    bracketed = None if match else _BRACKETED.fullmatch(folded)
    result = match or bracketed
    if result is None:
        return None
    unit: str | None = result["unit"] or None
    figure = result["figure"]
    if bracketed:
        if figure[0] in "+-" or (bracketed["inner"] and unit):
            return None
        figure, unit = "-" + figure, bracketed["inner"] or unit
    elif result["yuan"] and unit != "元" and not (unit or "").endswith("元"):
        if unit not in {None, "万", "亿", "千", "百万", "千万", "万亿"}:
            return None
        unit = YUAN_SIGN if unit is None else unit + "元"
    if unit and unit != YUAN_SIGN and _is_doubtful(figure, unit):
        return None
    return _finite(text, figure.replace(",", ""), unit)


def _is_doubtful(figure: str, unit: str) -> bool:
    """Return whether the text after a figure is part of a date, a bound, a footnote or a remark rather than a unit."""
    if not (unit[0].isalpha() or unit[0] in _UNIT_SIGNS) or unit in {"e", "E"}:
        return True
    if any(item.isdigit() and item not in "²³" for item in unit):
        return True
    if unit in _DATE_UNITS or (unit.startswith("年") and len(figure) == 4 and figure.isdigit()):
        return True
    return unit.startswith(_VAGUE_STARTS) or unit.endswith(_VAGUE_ENDS)


def _finite(text: str, figure: str, unit: str | None) -> Number:
    """Convert a figure, rejecting values outside the range of statistics."""
    value = float(figure)
    if abs(value) > LARGEST:
        return Number(problem=_problem(text, _TOO_LARGE))
    if value == 0 and re.search(r"[1-9]", re.split("[eE]", figure, maxsplit=1)[0]):
        return Number(problem=_problem(text, Message("is too small to tell from zero")))
    return Number(value + 0.0, "ok", unit)  # + 0.0: minus zero is zero


def _explain(text: str, folded: str) -> Message:
    """Return the problem of a cell that is no number."""
    faults = _FAULTS if len(folded) <= _LONGEST else ()
    fault = next((fault for pattern, fault in faults if pattern.fullmatch(folded)), _NO_NUMBER)
    return _problem(text, fault)


def _problem(text: str, fault: Message) -> Message:
    return Message("`{cell}` {fault}", cell=_short(text), fault=fault)


def mark_hint(text: str) -> Message | None:
    """Return the hint to declare a mark as that of a missing figure; None for text with a digit.

    >>> mark_hint("NP")
    "where it marks a missing figure, write `missing: ['NP']` for the dataset"
    """
    mark = _short(text)
    if mark.casefold() in _SHORTHAND:
        return Message("[x], [c], [z] and [low] are marks of no figure in UK statistics: write"
                       " `missing: ['[x]', '[c]', '[z]', '[low]']` for the dataset")  # fmt: skip
    if re.search(r"\d", mark) or _explain(text, _unwrapped(text)).fields["fault"] != _NO_NUMBER:
        return None
    quoted = mark.replace("'", "''")
    return Message("where it marks a missing figure, write `missing: ['{mark}']` for the dataset", mark=quoted)


def _short(text: str, limit: int = 40) -> str:
    """Shorten text to one line of a message."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def read_numbers(column: pl.Series, cast: pl.Series | None = None, notation: Notation = PLAIN) -> pl.DataFrame:
    """Parse the cells of a column by the rules of `read_number`, one row a cell in their order.

    Columns: `value` (Float64, finite; null unless the status is ok), `status` (`CELL_STATUS`; null with a problem),
    `unit` (String, null if none is typed), `problem` (String, null without one). Text is cast in bulk, and only the
    distinct texts that the cast does not decide are parsed by `read_number`. Numeric columns are used as they are (null
    is missing, NaN and infinity are problems), Booleans are 是/否; columns of dates or lists are all problems. `cast`
    is the cast of a column of texts (Float64, else null), if it is known.

    >>> read_numbers(pl.Series(["1,234.5", "—", "12.5%", "12 34"])).rows()
    [(1234.5, 'ok', None, None), (None, 'missing', None, None), (12.5, 'ok', '%', None),
     (None, None, None, '`12 34` holds more than one figure')]
    """
    if column.dtype == pl.Boolean:
        column = column.replace_strict({True: "是", False: "否"}, return_dtype=pl.String)
    elif isinstance(column.dtype, pl.Categorical | pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        value = as_cast(column, notation) if cast is None else cast
    elif column.dtype.is_numeric():
        value = column.cast(pl.Float64)
    else:
        value = _constant(None, len(column), pl.Float64)
    if settled(column, value, notation):
        return _columns(value, _constant("ok", len(value), CELL_STATUS))
    value, odd = _odd(column, value, notation)
    if not odd.any():
        return _columns(value, _constant("ok", len(value), CELL_STATUS))
    return _read_odd(column, value, odd, notation)


def _odd(column: pl.Series, value: pl.Series, notation: Notation) -> tuple[pl.Series, pl.Series]:
    """Return the numbers of cells, and which cells need to be parsed one by one."""
    odd = value.is_null() | ~((value <= LARGEST) & (value >= -LARGEST))
    if column.dtype == pl.String and (zero := value == 0).any():
        odd |= zero & ~column.is_in(_ZEROS)
    if odd.null_count():
        odd = odd.fill_null(value=True)
    if column.dtype == pl.String and notation.decimal == ".":
        rows = odd.arg_true()
        rows = rows.filter(column.gather(rows).str.contains(_GROUPED).fill_null(value=False)) if len(rows) else rows
        if len(rows):
            plain = column.gather(rows).str.replace_all(",", "", literal=True).cast(pl.Float64)
            value, odd = value.scatter(rows, plain), odd.scatter(rows, values=False)
        if notation.unclear:
            odd |= column.str.contains(_EITHER_PLAIN).fill_null(value=False)
    if (absent := _absent(column, value, notation)) is not None:
        odd |= absent
    return value, odd


def as_cast(column: pl.Series, notation: Notation = PLAIN) -> pl.Series:
    """Cast texts to numbers (Float64), null where the cast fails."""
    if notation.decimal == ".":
        return column.cast(pl.Float64, strict=False)
    text = column.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    plain = column.str.contains(_COMMA_PLAIN)
    if notation.mixed:
        plain &= ~column.str.contains(_EITHER_PLAIN)
    return text.zip_with(plain, _constant(None, len(text), pl.String)).cast(pl.Float64, strict=False)


def _absent(column: pl.Series, value: pl.Series, notation: Notation) -> pl.Series | None:
    """Return which cells are declared numbers of missing figures; None if none is declared.

    Numbers are compared in the precision of the column.
    """
    if not notation.numbers:
        return None
    cells = column if column.dtype.is_float() else value
    numbers = pl.Series(notation.numbers, dtype=pl.Float64).cast(cells.dtype)
    return cells.is_in(numbers.implode()).fill_null(value=False)


def settled(column: pl.Series, value: pl.Series, notation: Notation = PLAIN) -> bool:
    """Return whether the cast decides all cells of a column, as usual."""
    if value.dtype != pl.Float64 or value.null_count() or not within_bounds(value):
        return False
    absent = _absent(column, value, notation)
    if absent is not None and absent.any():
        return False
    if column.dtype != pl.String:
        return True
    if notation.unclear and column.str.contains(_EITHER_PLAIN).any():
        return False
    zero = value == 0
    return not zero.any() or bool(column.filter(zero).is_in(_ZEROS).all())


def within_bounds(value: pl.Series) -> bool:
    """Return whether no number of a column is NaN or beyond `LARGEST`."""
    return bool((value <= LARGEST).all()) and bool((value >= -LARGEST).all())


def _read_odd(column: pl.Series, value: pl.Series, odd: pl.Series, notation: Notation) -> pl.DataFrame:
    """Return the columns of `read_numbers` if some cells are odd: each distinct one is parsed once.

    Row 0 of the lookup table represents the cells that the cast decided.
    """
    strange = column.filter(odd)
    # NOTE: Polars 2.1 does not always join NaN with NaN; texts of numbers are compared as numbers.
    cells = pl.DataFrame({"cell": strange, "key": strange.cast(pl.String) if strange.dtype.is_float() else strange})
    distinct = cells.unique("key", keep="any")
    read = [Number(status="ok"), *(_read_any(cell, notation, strange.dtype) for cell in distinct["cell"].to_list())]
    codes = distinct.select("key", code=pl.int_range(1, len(read), dtype=pl.UInt32))
    code_of_odd = cells.join(codes, on="key", how="left", nulls_equal=True, maintain_order="left")["code"]
    code = _constant(0, len(column), pl.UInt32).scatter(odd.arg_true(), code_of_odd)

    def looked_up(name: str, dtype: type[pl.DataType] | pl.DataType) -> pl.Series:
        cells = pl.Series(name, [getattr(number, name) for number in read], dtype=dtype)
        if cells.null_count() == len(cells):
            return _constant(None, len(column), dtype)
        return cells.gather(code)

    value = value.zip_with(code == 0, looked_up("value", pl.Float64))
    return _columns(
        value, looked_up("status", CELL_STATUS), looked_up("unit", pl.String), looked_up("problem", pl.String)
    )


def _read_any(cell: object, notation: Notation, dtype: pl.DataType) -> Number:
    """Parse one cell of any type: null is missing, text is parsed, other types are problems."""
    if cell is None:
        return Number(status="missing")
    if isinstance(cell, str):
        return read_number(cell, notation)
    if isinstance(cell, (int, float, Decimal)):
        item = pl.Series([cell], dtype=dtype)
        absent = _absent(item, item.cast(pl.Float64), notation)
        if absent is not None and absent.any():
            return Number(status="missing")
        if LARGEST < abs(float(cell)) < float("inf"):
            return Number(problem=Message("`{cell}` {fault}", cell=cell, fault=_TOO_LARGE))
    return Number(problem=_explain(str(cell), str(cell)))


def problem_of(cell: object, notation: Notation = PLAIN) -> Message | None:
    """Return why a cell is no number, None for one that `read_numbers` reads: its `problem`, as a message.

    >>> problem_of("12 34"), problem_of("12.5%"), problem_of(1e30)
    ('`12 34` holds more than one figure', None, '`1e+30` is too large')
    """
    cells = pl.Series([cell])
    if read_numbers(cells, notation=notation)["problem"].item() is None:
        return None
    return _read_any(cell, notation, cells.dtype).problem


def _columns(
    value: pl.Series, status: pl.Series, unit: pl.Series | None = None, problem: pl.Series | None = None
) -> pl.DataFrame:
    """Return the four columns of `read_numbers`; omitted ones are all null."""
    nothing = _constant(None, len(value), pl.String)
    return pl.DataFrame(
        {
            "value": value,
            "status": status,
            "unit": nothing if unit is None else unit,
            "problem": nothing if problem is None else problem,
        }
    )


def _constant(value: str | int | None, length: int, dtype: type[pl.DataType] | pl.DataType) -> pl.Series:
    """Return a column of one value; `pl.repeat` runs a query, which takes longer for the columns of small tables."""
    return pl.Series([value], dtype=dtype).new_from_index(0, length)
