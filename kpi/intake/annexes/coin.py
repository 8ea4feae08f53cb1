"""Frameworks of composite indicators: COINr's tables iMeta and iData, and workbooks of the JRC's COIN Tool.

iMeta has a row for each indicator and aggregate: `iCode`, `iName`, `Direction` (1 or -1), `Weight`, `Level`, `Parent`,
`Type`, perhaps `Unit`, `Target` and `Denominator`. iData has a row for each unit (`uCode`, `uName`, perhaps `Time`) and
a column for each code. The COIN Tool has both in the sheet Database, with weights, directions and goalposts in rows
above the codes, and the names and weights of the aggregates in the sheet Framework.

Source: COINr (Becker et al. 2022); COIN Tool User Guide (Becker et al., JRC 2019).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, suggest
from kpi.intake.annexes.drafts import Draft, Item, identifier
from kpi.intake.annexes.grids import Grid
from kpi.intake.annexes.texts import number, quantity, unit_of
from kpi.intake.cells.numbers import read_number
from kpi.values.patterns import regex

#: The columns that a framework needs.
_NEEDED = ("icode", "direction", "weight", "level", "parent", "type")

_AGGREGATE = regex(r"(?:sp|p|si)\.\d+.*|index.*", re.IGNORECASE)
_LEVELS = ("sp.", "p.", "si.", "index")


class Part(Struct, frozen=True):
    """A row of a framework.

    Attributes:
        code: its code.
        title: its name.
        kind: what it is.
        place: where it stands.
        parent: the code of the aggregate above it, None for the index itself and what is in none.
        weight: its weight in the aggregate.
        lower: whether less is better.
        unit: the text of its unit.
        target: its target, None for none.
        denominator: the code of its denominator, None for none.
        posts: the goalposts, None for none.
    """

    code: str
    title: str
    kind: Literal["indicator", "aggregate", "denominator", "other"]
    place: Place
    parent: str | None = None
    weight: float = 1.0
    lower: bool = False
    unit: str = ""
    target: float | None = None
    denominator: str | None = None
    posts: tuple[float, float] | None = None


def is_framework(grid: Grid) -> bool:
    """Return whether a table is an iMeta."""
    headings = {cell.casefold() for cell in grid.rows[0]}
    return {"icode", "parent"} <= headings


def is_coin_tool(grids: Sequence[Grid]) -> bool:
    """Return whether a workbook is one of the COIN Tool."""
    return {"database", "framework"} <= {(grid.place.sheet or "").casefold() for grid in grids}


# ---- COINr ---- #


def coinr_draft(framework: Grid, data: Grid | None, path: Path, others: Sequence[Path]) -> Draft:
    """Return the draft of the definition of an iMeta, perhaps with its iData.

    Args:
        framework: the table iMeta.
        data: the table iData; None where it is not given.
        path: the file of `framework`.
        others: the file of `data`.

    Raises:
        DataError: K728 for a framework that contradicts itself, K729 where an indicator has no column.
    """
    parts = _parts(framework)
    findings = _checked(parts, framework)
    headings = () if data is None else tuple(row.strip() for row in data.rows[0])
    if data is not None:
        needed = [part for part in parts if part.kind == "indicator"]
        lacking = [item for item in needed if item.code not in headings]
        for item in lacking:
            message = Message("the data have no column `{code}`, which the framework names", code=item.code)
            hint = suggest(item.code, headings) or Message("add the column, or take the row out of the framework")
            findings.append(Diagnostic("K729", message, item.place, hint))
    _raise(findings)
    draft = Draft(findings=findings)
    draft.head = [Message("Made of the table {file}; look at every comment.", file=path.name)]
    draft.keys = {"system": identifier(re.sub(r"[-_ ]?iMeta$", "", path.stem) or path.stem), "period": "year"}
    draft.key_comments["period"] = Message("guess: {period} is what is scored", period="year")
    draft.keys["entities"] = {"title": "Unit"}
    columns: dict[str, Any] = {"entity": "uName" if not headings or "uName" in headings else "uCode"}
    if not headings or "uCode" in headings:
        columns["code"] = "uCode"
    if "Time" in headings:
        columns["period"] = "Time"
    else:
        columns["period"] = {"constant": _year(others or [path])}
        comment = Message("ours: the data name no period; write the year that they are of")
        draft.sections["datasets"] = {"figures": Item({"form": "panel", "columns": columns}, (comment,), inline=True)}
    if "Time" in columns.values():
        draft.put("datasets", "figures", {"form": "panel", "columns": columns}, inline=True)
    known = {part.code for part in parts} | {"uName", "uCode", "Time"}
    unknown = tuple(f"`{heading}`" for heading in headings if heading and heading not in known)
    if unknown and data is not None:
        message = Message("columns that the framework does not name are left out: {columns}", columns=unknown)
        draft.findings.append(Diagnostic("K724", message, data.place, None, Severity.INFO))
    _write(draft, parts, {"kind": "minmax", "ours": True})
    return draft


def _year(paths: Sequence[Path]) -> str:
    """Return the year in the name of a file, else one that stands for any."""
    return next((match[0] for path in paths if (match := re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", path.stem))), "2024")


def _parts(grid: Grid) -> list[Part]:
    """Return the rows of an iMeta.

    Raises:
        DataError: K728, a column is lacking.
    """
    headings = [cell.strip().casefold() for cell in grid.rows[0]]
    lacking = [item for item in _NEEDED if item not in headings]
    if lacking:
        message = Message("the framework has no column {columns}", columns=tuple(f"`{item}`" for item in lacking))
        raise DataError(Diagnostic("K728", message, grid.at(0), Message("the columns are those of COINr's iMeta")))
    results = []
    for row in range(1, len(grid.rows)):
        cells = dict(zip(headings, grid.rows[row], strict=False))
        code = cells["icode"].strip()
        if not code:
            continue
        kinds: dict[str, Literal["indicator", "aggregate", "denominator"]] = {
            "indicator": "indicator", "aggregate": "aggregate", "denominator": "denominator",
        }  # fmt: skip
        parent, target = _text(cells["parent"]), _number(cells.get("target", ""))
        weight, direction = _number(cells["weight"]), _number(cells["direction"])
        results.append(
            Part(
                code, cells.get("iname", "").strip() or code, kinds.get(cells["type"].strip().casefold(), "other"),
                grid.at(row),
                parent, 1.0 if weight is None else weight, direction == -1, cells.get("unit", "").strip(), target,
                _text(cells.get("denominator", "")),
            )
        )  # fmt: skip
    return results


def _text(cell: str) -> str | None:
    return None if cell.strip() in ("", "NA") else cell.strip()


def _number(cell: str) -> float | None:
    return None if cell.strip() in ("", "NA", "n/a") else read_number(cell).value


def _checked(parts: Sequence[Part], grid: Grid) -> list[Diagnostic]:
    """Return what is wrong with a framework."""
    codes = [part.code for part in parts]
    findings = []
    for at, item in enumerate(parts):
        if item.code in codes[:at]:
            findings.append(Diagnostic("K728", Message("the code `{code}` stands twice", code=item.code), item.place))
        if item.parent is not None and not any(
            other.code == item.parent and other.kind == "aggregate" for other in parts
        ):
            message = Message(
                "the parent `{parent}` of `{code}` is no aggregate of the framework", parent=item.parent, code=item.code
            )
            findings.append(Diagnostic("K728", message, item.place, suggest(item.parent, codes)))
        if item.denominator is not None and item.denominator not in codes:
            message = Message(
                "the denominator `{parent}` of `{code}` is no row of the framework",
                parent=item.denominator,
                code=item.code,
            )
            findings.append(Diagnostic("K728", message, item.place, suggest(item.denominator, codes)))
        if item.kind in ("indicator", "aggregate") and item.weight <= 0 and item.parent is not None:
            message = Message(
                "`{code}` has no weight and is left out of `{parent}`", code=item.code, parent=item.parent
            )
            findings.append(Diagnostic("K728", message, item.place, None, Severity.WARNING))
    if not any(part.kind == "indicator" for part in parts):
        findings.append(Diagnostic("K728", Message("the framework has no row of the type Indicator"), grid.place))
    return findings


def _raise(findings: Sequence[Diagnostic]) -> None:
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors:
        raise DataError(errors)


# ---- THE COIN TOOL ---- #


def coin_tool_draft(grids: Sequence[Grid], path: Path) -> Draft:
    """Return the draft of the definition of a workbook of the COIN Tool, and its figures as a table of their own.

    Raises:
        DataError: K728 the sheets have another layout.
    """
    sheets = {(grid.place.sheet or "").casefold(): grid for grid in grids}
    database = sheets["database"]
    layout = _layout(database)
    aggregates = _aggregates(sheets["framework"])
    parts, columns, findings = _indicators(database, layout, aggregates)
    findings += _checked(parts, database)
    _raise(findings)
    draft = Draft(findings=findings)
    draft.head = [Message("Made of the table {file}; look at every comment.", file=path.name)]
    draft.keys = {"system": identifier(path.stem), "period": "year", "entities": {"title": "Unit"}}
    draft.key_comments["period"] = Message("guess: {period} is what is scored", period="year")
    year = _year([path])
    comment = Message("ours: the data name no period; write the year that they are of")
    fields = {"form": "panel", "columns": {"entity": "uName", "code": "uCode", "period": {"constant": year}}}
    draft.put("datasets", "figures", fields, [comment], inline=True)
    _write(draft, parts, {"kind": "minmax", "ours": True})
    draft.files[f"{path.stem}-iData.csv"] = _figures(database, layout, columns)
    return draft


class _Layout(Struct, frozen=True):
    """Where the rows of the sheet Database stand: the codes, and the first and last column of indicators."""

    codes: int
    left: int
    right: int


def _layout(grid: Grid) -> _Layout:
    """Find the row of codes: the last row of texts, with names above it and codes of aggregates above these."""
    for row in range(2, len(grid.rows) - 1):
        cells = grid.rows[row]
        lefts = [at for at, cell in enumerate(grid.rows[row - 2]) if _AGGREGATE.fullmatch(cell)]
        if not lefts or not all(cells[at] and read_number(cells[at]).value is None for at in lefts):
            continue
        if any(read_number(grid.rows[row + 1][at]).value is not None for at in lefts):
            return _Layout(row, lefts[0], lefts[-1])
    message = Message(
        "the sheet `{sheet}` has no row of codes under the codes of aggregates", sheet=grid.place.sheet or ""
    )
    raise DataError(Diagnostic("K728", message, grid.place, Message("the layout is that of the COIN Tool, version 1")))


def _aggregates(grid: Grid) -> dict[str, tuple[str, float, Place]]:
    """Return name, weight and place of every aggregate of the sheet Framework."""
    results: dict[str, tuple[str, float, Place]] = {}
    for row, cells in enumerate(grid.rows):
        code = next((cell for cell in cells if _AGGREGATE.fullmatch(cell)), None)
        if code is None or code in results:
            continue
        rest = cells[cells.index(code) + 1 :]
        numbers = [value for cell in rest if (value := _number(cell)) is not None]
        names = [cell for cell in rest if cell and cell != "--" and _number(cell) is None]
        if names:
            results[code] = (names[-1], numbers[0] if numbers else 1.0, grid.at(row))
    return results


def _indicators(
    grid: Grid, layout: _Layout, aggregates: Mapping[str, tuple[str, float, Place]]
) -> tuple[list[Part], dict[str, int], list[Diagnostic]]:
    """Return the parts of a framework, the column of each indicator in the sheet Database, and what is odd."""
    findings = []
    rows = {name: layout.codes - 2 - place for place, name in enumerate(_LEVELS)}
    columns = [at for at in range(layout.left, layout.right + 1) if grid.rows[layout.codes][at]]
    levels: dict[str, list[str]] = {
        name: [grid.rows[row][at] for at in columns] for name, row in rows.items()
        if row >= 0 and any(grid.rows[row][at].casefold().startswith(name) for at in columns)
    }  # fmt: skip
    # A level with one code for all indicators is not used, but for the index.
    used = [name for name in levels if name == "index" or len(set(levels[name])) > 1]
    top = layout.codes - 2 - len(_LEVELS)
    parts: dict[str, Part] = {}
    for place, at in enumerate(columns):
        chain = [levels[name][place] for name in used if levels[name][place]]
        for code, parent in zip(chain, [*chain[1:], None], strict=True):
            title, weight, where = aggregates.get(code, (code, 1.0, grid.at(layout.codes)))
            parts.setdefault(code, Part(code, title, "aggregate", where, parent, weight))
        # From the top: weight, direction, lower and upper goalpost.
        given, direction, low, high = (
            _number(grid.rows[top - back][at]) if top - back >= 0 else None for back in (3, 2, 1, 0)
        )
        code = grid.rows[layout.codes][at]
        posts = (low, high) if low is not None and high is not None and low < high else None
        if posts is None and (low, high) != (None, None):
            message = Message("the goalposts of `{code}` are no two numbers that rise, so they are left out", code=code)
            findings.append(Diagnostic("K728", message, grid.at(top, code), None, Severity.WARNING))
        parts[code] = Part(
            code, grid.rows[layout.codes - 1][at] or code, "indicator", grid.at(layout.codes, code),
            chain[0] if chain else None,
            1.0 if given is None else given, direction == -1, posts=posts,
        )  # fmt: skip
    return list(parts.values()), {grid.rows[layout.codes][at]: at for at in columns}, findings


def _figures(grid: Grid, layout: _Layout, columns: Mapping[str, int]) -> str:
    """Return the figures of the sheet Database as a table like iData."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["uName", "uCode", *columns])
    for row in range(layout.codes + 1, len(grid.rows)):
        keys = [cell for cell in grid.rows[row][: layout.left] if cell]
        if keys:
            writer.writerow(
                [keys[0], keys[1] if len(keys) > 1 else keys[0], *(grid.rows[row][at] for at in columns.values())]
            )
    return stream.getvalue()


# ---- WHAT BOTH COME TO ---- #


def _write(draft: Draft, parts: Sequence[Part], scoring: dict[str, Any]) -> None:
    """Write measures, indicators and pillars of a framework."""
    draft.names |= {"composite"}
    weighed = [
        part for part in parts if part.kind in ("indicator", "aggregate") and (part.weight > 0 or part.parent is None)
    ]
    names = {entry.code: draft.named(entry.code) for entry in weighed}
    roots = [entry for entry in weighed if entry.kind == "aggregate" and entry.parent is None]
    draft.sections.setdefault("measures", {})
    measures = {}
    needed = {entry.denominator for entry in weighed if entry.denominator is not None}
    for item in parts:
        if (item.code in names and item.kind == "indicator") or item.code in needed:
            measures[item.code] = _measure(draft, item)
    for item in weighed:
        if item.kind == "indicator":
            draft.put("indicators", names[item.code], _indicator(item, measures, draft))
    children = {entry.code: [other for other in weighed if other.parent == entry.code] for entry in weighed}
    root = roots[0] if len(roots) == 1 else None
    flat = root is not None and any(entry.kind == "indicator" for entry in children[root.code])
    for item in _downwards(roots, children):
        if item.kind != "aggregate" or not children[item.code] or (item is root and not flat):
            continue
        top = item in roots or (root is not None and not flat and item.parent == root.code)
        fields: dict[str, Any] = {} if item.title == names[item.code] else {"title": item.title}
        if top and item is not root:
            fields["weight"] = number(item.weight)
        fields["parts"] = {names[other.code]: number(other.weight) for other in children[item.code]}
        draft.put("pillars", names[item.code], fields | {"relative": True}, inline=True)
    draft.tail["scoring"] = Item(
        scoring, (Message("ours: min-max from 0 to 100 among the units, and arithmetic means"),)
    )
    title = {"title": root.title} if root is not None and not flat else {}
    draft.tail["composite"] = Item(title | {"relative": True}, ())
    if root is not None:
        draft.keys = {
            "system": draft.keys["system"],
            "title": root.title,
            **{k: v for k, v in draft.keys.items() if k != "system"},
        }


def _downwards(roots: Sequence[Part], children: Mapping[str, Sequence[Part]]) -> Iterable[Part]:
    for root in roots:
        yield root
        yield from _downwards(children[root.code], children)


def _measure(draft: Draft, part: Part) -> str:
    """Write the measure of a column and return its name."""
    unit = "%" if part.unit.casefold() in ("percent", "percentage", "per cent") else part.unit
    known = unit_of(unit) is not None if unit else False
    comments = []
    if not known:
        shown = part.unit or Message("no unit")
        comments.append(Message("guess: 1 stands for a number without a unit ({unit})", unit=shown))
        message = Message("`{code}` has no unit that is known: {unit}", code=part.code, unit=shown)
        draft.findings.append(Diagnostic("K726", message, part.place, None, Severity.INFO))
    name = draft.named(part.code, "_value")
    fields: dict[str, Any] = {"title": part.code, "unit": unit if known else "1", "over_time": "last"}
    draft.put("measures", name, fields, comments, inline=True)
    return name


def _indicator(part: Part, measures: Mapping[str, str], draft: Draft) -> dict[str, Any]:
    fields: dict[str, Any] = {"kind": "level", "title": part.title, "of": measures[part.code]}
    if part.denominator is not None:
        below = measures[part.denominator]
        fields = {"kind": "ratio", "title": part.title, "numerator": measures[part.code], "denominator": below}
        of = draft.sections["measures"]
        if of[measures[part.code]].fields["unit"] == of[below].fields["unit"] == "1":
            fields["unit"] = "1"
    if part.target is not None and part.denominator is None:
        fields["target"] = {
            "at_most" if part.lower else "at_least": quantity(part.target, unit_of(part.unit) if part.unit else None)
        }
    elif part.lower:
        fields["better"] = "lower"
    if part.posts is not None:
        fields["score"] = {"kind": "goalposts", "low": number(part.posts[0]), "high": number(part.posts[1])}
    return fields
