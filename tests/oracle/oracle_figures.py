"""The oracle's measures: raw rows become one figure per measure, entity and scored period, with loops and dicts.

A cell is a pair of value and status; the value is None exactly where the status is not `ok`.
"""

from __future__ import annotations

import ast
import operator
from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

MONTHS = {"month": 1, "quarter": 3, "half": 6, "year": 12}

#: Factor of each unit into the base of its dimension, and the dimension.
UNITS = {
    "元": (1.0, "money"), "万元": (1e4, "money"), "亿元": (1e8, "money"), "件": (1.0, "件"), "万件": (1e4, "件"),
    "户": (1.0, "户"), "万户": (1e4, "户"), "%": (1.0, "%"), "是/否": (1.0, "是/否"), "个": (1.0, "个"),
    "分钟": (1.0, "分钟"), "分": (1.0, "分"),
}  # fmt: skip

Cell = tuple[float | None, str]
MISSING: Cell = (None, "missing")


@dataclass(frozen=True)
class Row:
    """One reported figure: the span of months it is for, whose it is, and what it says."""

    start: int
    months: int
    entity: str
    measure: str
    value: float | None
    status: str = "ok"
    unit: str | None = None
    revision: int = 0
    target: float | None = None

    @property
    def end(self) -> int:
        return self.start + self.months - 1


@dataclass(frozen=True)
class Event:
    """One record: a date, whose it is, and its columns."""

    month: int
    day: int
    entity: str
    columns: dict[str, object]


def factor(source: str, target: str) -> float:
    assert UNITS[source][1] == UNITS[target][1]
    return UNITS[source][0] / UNITS[target][0]


def exact_sum(values: list[float]) -> float:
    return float(sum(Fraction(round(Fraction(value) * 10**9), 10**9) for value in values))


# ---- REPORTED FIGURES ---- #


def timing(measure: dict) -> str:
    return measure.get("over_time") or ("last" if measure["unit"] in ("%", "是/否") else "sum")


def reported(rows: list[Row], measures: dict[str, dict], size: int) -> dict[tuple[str, str, int], Cell]:
    """Return the figure of each measure, entity and scored period."""
    if size > 1 and rows and all(row.months == 1 and (row.start + 1) % size == 0 for row in rows):
        rows = [Row(**{**row.__dict__, "start": row.start + 1 - size, "months": size}) for row in rows]
    rows = [
        Row(**{**row.__dict__, "start": row.start // 12 * 12, "months": row.end % 12 + 1})
        if measures[row.measure].get("cumulative")
        else row
        for row in rows
        # Figures that run from January are not labelled with spans such as 4-5月.
        if not measures[row.measure].get("cumulative")
        or row.start % 12 == 0
        or (row.months in MONTHS.values() and row.start % row.months == 0)
    ]
    spans: dict[tuple[str, str], dict[tuple[int, int], Cell]] = defaultdict(dict)
    versions = defaultdict(list)
    for row in rows:
        versions[row.measure, row.entity, row.start, row.months].append(row)
    for (measure, entity, start, months), all_versions in versions.items():
        newest = max(row.revision for row in all_versions)
        unit = measures[measure]["unit"]
        answer = {
            (None if row.value is None else row.value * factor(row.unit or unit, unit), row.status)
            for row in all_versions
            if row.revision == newest
        }
        spans[measure, entity][start, months] = answer.pop() if len(answer) == 1 else (None, "refused")
    figures = {}
    for (measure, entity), cells in spans.items():
        how = timing(measures[measure])
        usable = {
            (start, months): cell
            for (start, months), cell in cells.items()
            if start // size == (start + months - 1) // size or (start % 12 == 0 and how in ("sum", "ytd", "last"))
        }
        for period in sorted({(start + months - 1) // size for start, months in usable}):
            least = measures[measure].get("at_least", 10**6)
            figures[measure, entity, period] = over_time(how, usable, period, size, least)
    return figures


def over_time(  # noqa: PLR0911 (one return per case)
    how: str, cells: dict[tuple[int, int], Cell], period: int, size: int, least: int
) -> Cell:
    """Return what the spans of one measure and entity say about one scored period; `least` finer ones are enough."""
    if how == "sum":
        return flow(cells, period, size)
    if how == "ytd":
        return to_date(cells, period, size)
    first, last = period * size, (period + 1) * size - 1
    mine = {(s, m): cell for (s, m), cell in cells.items() if first <= s + m - 1 <= last}
    refused = any(status == "refused" for _, status in mine.values())
    if how in ("last", "first"):
        order = {(s + m - 1, s) if how == "last" else (-s, -m): cell for (s, m), cell in mine.items()}
        nearest = max(order)
        there = nearest[0] == (last if how == "last" else -first)
        good = {at: cell for at, cell in order.items() if cell[1] == "ok"}
        if there and nearest in good:
            return order[nearest]
        if len({end for end, _ in good}) >= least:
            return good[max(good)]
        return order[nearest] if there else (None, "refused" if refused else "incomplete")
    if (first, size) in mine:
        return mine[first, size]
    months = [month for s, m in mine for month in range(s, s + m)]
    values = [value for value, status in mine.values() if status == "ok"]
    bad = [status for _, status in mine.values() if status != "ok"]
    if len(set(months)) == len(months) and (len(values) >= least or (len(months) == size and not bad)):
        middle = sorted(values)[(len(values) - 1) // 2 : len(values) // 2 + 1]
        return {
            "mean": exact_sum(values) / len(values), "max": max(values), "min": min(values),
            "median": sum(middle) / len(middle),
        }[how], "ok"  # fmt: skip
    if bad and (refused or len(months) >= size):
        return None, together([status for _, status in mine.values()])
    return None, "incomplete"


def together(statuses: list[str]) -> str:
    """Return the one reason of several parts that all lack a figure, or of which some do."""
    if "refused" in statuses:
        return "refused"
    if len(set(statuses)) == 1:
        return statuses[0]
    return "missing" if "missing" in statuses else "incomplete"


def flow(cells: dict[tuple[int, int], Cell], period: int, size: int) -> Cell:
    """A figure for exactly the period; else what finer ones without gap or overlap add up to; else a difference."""
    first, last = period * size, (period + 1) * size - 1
    if (first, size) in cells:
        whole = cells[first, size]
    else:
        parts = {span: cell for span, cell in cells.items() if first <= span[0] and span[0] + span[1] - 1 <= last}
        whole = tiled(parts, first, last)
    if whole[1] == "ok":
        return whole
    so_far = cells.get((first // 12 * 12, last - first // 12 * 12 + 1), MISSING)
    before = (0.0, "ok") if first % 12 == 0 else cells.get((first // 12 * 12, first % 12), MISSING)
    if so_far[1] == before[1] == "ok":
        return round((so_far[0] - before[0]) * 1e9) / 1e9, "ok"
    if whole[1] == "incomplete" and (first // 12 * 12, last - first // 12 * 12 + 1) in cells:
        # What the year to date says of itself is the reason, where nothing else is.
        if "refused" in (so_far[1], before[1]):
            return None, "refused"
        return whole if so_far[1] == "ok" else so_far
    return whole


def tiled(parts: dict[tuple[int, int], Cell], first: int, last: int) -> Cell:
    months = [month for start, number in parts for month in range(start, start + number)]
    bad = [status for _, status in parts.values() if status != "ok"]
    if sorted(months) == list(range(first, last + 1)) and not bad:
        return exact_sum([value for value, _ in parts.values()]), "ok"
    if bad and ("refused" in bad or len(months) >= last - first + 1):
        return None, together([status for _, status in parts.values()])
    return None, "incomplete"


def to_date(cells: dict[tuple[int, int], Cell], period: int, size: int) -> Cell:
    """A year-to-date figure as it is; else the flows of the year so far."""
    first, last = period * size, (period + 1) * size - 1
    january = first // 12 * 12
    if (january, last - january + 1) in cells:
        return cells[january, last - january + 1]
    inside = {span: cell for span, cell in cells.items() if span[0] // size == (span[0] + span[1] - 1) // size}
    so_far = []
    for scored in range(january // size, period + 1):
        there = any(span[0] // size == scored for span in inside)
        so_far.append(flow(inside, scored, size) if there else None)
    if so_far[-1] is None:
        mine = [status for (start, months), (_, status) in cells.items() if first <= start + months - 1 <= last]
        return None, "refused" if "refused" in mine else "incomplete"
    if all(cell is not None and cell[1] == "ok" for cell in so_far):
        return exact_sum([cell[0] for cell in so_far]), "ok"
    if so_far[-1][1] != "ok":
        return so_far[-1]
    return None, "refused" if any(cell is not None and cell[1] == "refused" for cell in so_far) else "incomplete"


# ---- RECORDS ---- #


def recorded(events: list[Event], measure: dict, size: int) -> dict[tuple[str, str | None, int], Cell]:
    """Return the figure of a measure of records for each entity, finer unit and scored period."""
    how, per = measure.get("over_time"), measure.get("per")
    groups: dict[tuple[str, str | None, int], dict[int, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        finer = None if per is None else event.columns[per]
        if per is None or finer is not None:
            groups[event.entity, finer, event.month // size][event.month if how else 0].append(event)
    result = {}
    for key, months in groups.items():
        monthly = {month: aggregate(measure, some) for month, some in sorted(months.items())}
        values = [value for value in monthly.values() if value is not None]
        value = next(iter(monthly.values()))
        if how in ("last", "first"):
            value = list(monthly.values())[-1 if how == "last" else 0]
        elif how:
            combine = {"sum": exact_sum, "mean": lambda v: exact_sum(v) / len(v), "max": max, "min": min}[how]
            value = combine(values) if values else None
        result[key] = MISSING if value is None else (value, "ok")
    return result


def aggregate(measure: dict, events: list[Event]) -> float | None:  # noqa: PLR0911 (one return per kind)
    """Return what a measure makes of a group of events, None where it makes nothing."""
    where = measure.get("where")
    matched = [event for event in events if where is None or evaluate(where, event.columns) is True]
    kind = measure["kind"]
    if kind == "count":
        return float(len(matched))
    filled = [(event.month, event.day, event.columns[measure["of"]]) for event in matched]
    filled = [(month, day, value) for month, day, value in filled if value is not None]
    values = [value for _, _, value in filled]
    if kind == "distinct":
        return float(len(set(values)))
    if kind == "sum":
        return exact_sum(values) if values or not matched else None
    if not values:
        return None
    ordered = sorted(values)
    if kind in ("last", "first"):
        end = (max if kind == "last" else min)((month, day) for month, day, _ in filled)
        at = [value for month, day, value in filled if (month, day) == end]
        return max(at) if kind == "last" else min(at)
    if kind in ("median", "quantile"):
        place = Fraction(str(measure.get("q", 0.5))) * (len(ordered) - 1)
        low = int(place)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + float(place - low) * (ordered[high] - ordered[low])
    return {"mean": exact_sum(values) / len(values), "min": ordered[0], "max": ordered[-1]}[kind]


# ---- EXPRESSIONS ---- #

_ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}
_TESTS = {
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}  # fmt: skip


class ZeroDenominatorError(Exception):
    """A part of an expression divides by zero."""


def evaluate(text: str, names: dict[str, object]) -> object:
    """Return an SQL expression of names, numbers, + - * /, comparisons, AND, OR, NOT; None spreads as SQL's null."""
    python = text.replace(" AND ", " and ").replace(" OR ", " or ").replace("NOT ", "not ").replace(" = ", " == ")
    return _value(ast.parse(python, mode="eval").body, names)


def _value(node: ast.expr, names: dict[str, object]) -> object:  # noqa: C901, PLR0911 (one case per node)
    match node:
        case ast.Constant():
            return node.value
        case ast.Name():
            return names[node.id]
        case ast.BinOp():
            left, right = _value(node.left, names), _value(node.right, names)
            if left is None or right is None:
                return None
            if isinstance(node.op, ast.Div):
                if right == 0:
                    raise ZeroDenominatorError
                return left / right
            return _ARITHMETIC[type(node.op)](left, right)
        case ast.Compare():
            left, right = _value(node.left, names), _value(node.comparators[0], names)
            if left is None or right is None:
                return None
            computed = isinstance(node.left, ast.BinOp) and isinstance(left, float)
            if computed and abs(left - right) <= 1e-12 * max(abs(left), abs(right)):
                left = right
            return _TESTS[type(node.ops[0])](left, right)
        case ast.UnaryOp():
            inner = _value(node.operand, names)
            if isinstance(node.op, ast.USub):
                return None if inner is None else -inner
            return None if inner is None else not inner
        case ast.BoolOp():
            parts = [_value(item, names) for item in node.values]
            decisive = isinstance(node.op, ast.Or)
            return decisive if decisive in parts else None if None in parts else not decisive
    raise AssertionError(ast.dump(node))
