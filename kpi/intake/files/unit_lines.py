"""The unit of a table in the lines above and below it: 单位：万元, 计量单位为万元, GDP（亿元）, Unit: million yuan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.cells.numbers import fold
from kpi.values import units
from kpi.values.patterns import regex
from kpi.values.units import english

_LABEL = r"(?:计量|数据|金额|货币|本表|统计|数值|指标)*单位"
_LABELLED = regex(rf"(?:^|(?<=[\s,;(\[【。])){_LABEL}\s*:\s*([^\s;)\]】]+\)?)((?:\s*;\s*[^\s;)\]】]+)*)")
#: Units in running text, which are only taken where they are known ones.
_IN_TEXT = (
    regex(rf"{_LABEL}\s*(?:统一|均)?[为是]\s*([^\s;,。)\]】]+)"),
    regex(rf"^{_LABEL}\s+([^\s;,。)\]】]+)$"),
    regex(r"(?:^|[\s,;。(])以\s*([^\s;,。]+?)\s*为?(?:计量)?(?:单位)?计?[。)]?$"),
    regex(r"[(\[【]\s*([^()\[\]【】:]+?)\s*[)\]】]$"),
    regex(r"\bunits?\s*[:=]\s*([^\s;,)]+)", re.IGNORECASE),
)
#: A line that is nothing but the unit of what is above or below it.
_ALONE = regex(rf"[(\[【]?\s*{_LABEL}\s*:\s*[^\s;)\]】]+\s*[)\]】]?")
_UNCLEAR = regex(r"\bunits?\s*:\s*(.+)", re.IGNORECASE)
_TRADITIONAL = str.maketrans("單萬億圓計貨幣∶", "单万亿元计货币:")


class Stated(Struct, frozen=True):
    """What lines say about the unit of figures.

    Attributes:
        units: the different units, as they are written in definitions.
        unclear: what is called a unit and is none that is known.
    """

    units: tuple[str, ...]
    unclear: tuple[str, ...]

    @property
    def unit(self) -> str | None:
        """The unit, None where there is none or several."""
        if len(self.units) != 1 or re.search("[、,，]|和", self.units[0]):
            return None
        return self.units[0]


def stated(lines: Iterable[str]) -> Stated:
    """Return the units that lines state.

    >>> [stated([line]).units for line in ("单位：万元", "计量单位为万元", "表1 各县GDP（亿元）", "（县、市、区）")]
    [('万元',), ('万元',), ('亿元',), ()]
    >>> stated(["单位：亿元 Unit: 100 million yuan"]).units, stated(["Unit: ten thousand heads"])
    (('亿元',), Stated(units=(), unclear=('ten thousand heads',)))
    """
    known: dict[object, str] = {}
    unclear: list[str] = []
    for line in lines:
        text = re.sub(r"单\s+位", "单位", fold(line).translate(_TRADITIONAL))
        labelled = list(_labelled(text))
        translated = list(english.inside(text))
        given = [unit for pattern in _IN_TEXT for unit in pattern.findall(text) if _is_known(unit)]
        for unit in (*labelled, *translated, *given):
            known.setdefault(_size(unit), unit)
        if not labelled and not translated and not given and (match := _UNCLEAR.search(text)):
            unclear.append(match[1])
    return Stated(tuple(known.values()), tuple(unclear))


def is_unit_line(text: str) -> bool:
    """Return whether a text only names the unit of a table.

    >>> is_unit_line("（单位：万元）"), is_unit_line("单位：万元 统计局")
    (True, False)
    """
    return _ALONE.fullmatch(re.sub(r"单\s+位", "单位", fold(text).translate(_TRADITIONAL))) is not None


def unit_findings(above: Stated, place: Place) -> Iterator[Diagnostic]:
    """Yield a warning (K523) for units above a table of which none is taken: several, or one that is not known."""
    hint = Message("write the unit into every header, like GDP(亿元), or in a column 计量单位")
    if above.units and above.unit is None:
        message = Message(
            "the rows above the column names give several units, {units}: none is taken", units="; ".join(above.units)
        )
        yield Diagnostic("K523", message, place, hint, Severity.WARNING)
    if above.unclear and above.unit is None:
        message = Message(
            "the rows above the column names give a unit that is not known, {units}: none is taken",
            units="; ".join(above.unclear),
        )
        yield Diagnostic("K523", message, place, hint, Severity.WARNING)


def unit_below(lines: Iterable[str], taken: str | None, place: Place) -> Iterator[Diagnostic]:
    """Yield a warning (K523) for a unit that is stated below a table, where it is not taken.

    Args:
        lines: the texts below the table.
        taken: the unit that is stated above it.
        place: of the table.
    """
    below = stated(lines)
    others = [unit for unit in below.units if taken is None or _size(unit) != _size(taken)]
    if others or below.unclear:
        message = Message(
            "the rows below the data give a unit, {units}, which is not taken for that of the figures",
            units="; ".join((*others, *below.unclear)),
        )
        hint = Message("write the unit into every header, like GDP(亿元), or in a column 计量单位")
        yield Diagnostic("K523", message, place, hint, Severity.WARNING)


def _labelled(text: str) -> Iterator[str]:
    """Yield the units behind 单位: one that is known, else the word; behind a semicolon only one that is known."""
    for first, others in _LABELLED.findall(text):
        word = first if "(" in first else first.removesuffix(")")
        known = [word, *(head for head in [word.partition("(")[0]] if head and head != word)]
        yield next(filter(_is_known, known), word)
        yield from (unit.strip() for unit in others.split(";") if _is_known(unit.strip()))


def _is_known(text: str) -> bool:
    """Return whether a text is a unit of figures, rather than of time, as 年 and 月 are."""
    try:
        dimension = units.parse(text).dimension
    except units.UnitError:
        return False
    return not any(name in ("time", "months") for name, _ in dimension)


def other_unit(text: str, taken: str | None) -> tuple[Message, Message] | None:
    """Return the message and hint about a row among the data that gives another unit than the table has, or None."""
    units_of_row = [unit for unit in stated([text]).units if taken is None or _size(unit) != _size(taken)]
    if not units_of_row:
        return None
    message = Message(
        "`{text}` gives the rows below it another unit than the table has: {unit}",
        text=text,
        unit="; ".join(units_of_row),
    )
    return message, Message("write the units into the names of the figures, like GDP(亿元)")


def _size(unit: str) -> object:
    """Return what is equal for units that are the same: 元 and 圆."""
    try:
        parsed = units.parse(unit)
    except units.UnitError:
        return unit
    return parsed.scale, parsed.dimension
