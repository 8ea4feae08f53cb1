"""Rosters (名录): the entities with their codes, aliases and periods of validity.

An entity whose code changed has one row per code, with the validity of the code in `valid_from` and `valid_to` (both
inclusive, either may be blank). All of its codes and names denote it; its last row is displayed. Rows with one name and
different codes, without validity, are several entities, each displayed with its code.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, suggest
from kpi.intake import row_findings
from kpi.intake.aggregate_rows import Exclusions, folded
from kpi.intake.cells.cell_text import as_text
from kpi.intake.cells.numbers import problem_of, read_numbers
from kpi.intake.cells.text_folding import as_names
from kpi.intake.entities import ALWAYS, Entities, code_of, displayed
from kpi.intake.files.headers import CATEGORIES, clean, roles
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW, Merged, Table
from kpi.intake.groups_of_roster import of_roster
from kpi.language.system import System
from kpi.values import period_texts, periods
from kpi.values.timelines import MONTHS, Timeline

# Headers that only rosters have.
_HEADERS = {
    "valid_from": ("valid_from", "from", "生效日期", "启用日期", "启用时间", "有效期起"),
    "valid_to": ("valid_to", "to", "失效日期", "停用日期", "停用时间", "有效期止"),
    "aliases": ("aliases", "alias", "别名", "曾用名", "简称"),
}
#: Headers of times of validity.
TIMES = frozenset({*_HEADERS["valid_from"], *_HEADERS["valid_to"]})
_SEPARATORS = r"[、,;；，|/]"


def roster_of(system: System) -> Entities | None:
    """Return the entities of a system's roster, None where it has none.

    Raises:
        DataError: as `from_roster`, and K418, the definition excludes a name of the roster; K863 and K864, it groups by
            a column or keeps a name that the roster has not.
    """
    if system.entities.roster is None:
        return None
    cohort = system.ranking.cohort
    path = system.home / system.entities.roster
    roster = from_roster(path, cohort if cohort != "cohort" else None, system.timeline)
    exclusions = Exclusions.of(system)
    both = [name for name in roster.names if folded(name) in exclusions.leave_out]
    if both:
        message = Message("`{both}` is in the roster, and left out by `entities: leave_out`", both=both[0])
        raise DataError(Diagnostic("K418", message, Place(str(path)), Message("take it out of one of the two")))
    of_roster(system, roster)
    return replace(roster, exclusions=exclusions)


def from_roster(path: Path, cohort: str | None, timeline: Timeline = MONTHS) -> Entities:
    """Read a roster: the columns entity, code, cohort, order, aliases, valid_from, valid_to, and other attributes.

    Args:
        path: a table file with a row per entity, or per entity and code.
        cohort: the column that splits the ranking, `cohort` when None.
        timeline: what times of validity are counted in.

    Raises:
        DataError: K541 a column is missing; with the rows, K602 no name, K603 one entity or code twice at one time,
            or one alias that means two, K604 an order that is no number, K606 a time that is none.
    """
    try:
        known = path.stat()
    except OSError:
        return _read(path, cohort, timeline)
    return _cached(path.absolute(), cohort, timeline, known.st_mtime_ns, known.st_size, known.st_ino)


@functools.lru_cache(32)
def _cached(path: Path, cohort: str | None, timeline: Timeline, *_: int) -> Entities:
    """Cache rosters while their files are unchanged: services score many files with one roster."""
    return _read(path, cohort, timeline)


def _read(path: Path, cohort: str | None, timeline: Timeline) -> Entities:
    table = read(path)[0]
    header_of, _ = roles(table.columns)
    name = next((item for item in ("entity", "name") if item in table.columns), header_of.get("entity"))
    if name is None:
        raise DataError(
            Diagnostic(
                "K541", Message("the roster has no column for the entity"), table.place(), Message("call it `entity`")
            )
        )
    other = next((item for item in table.columns if item.casefold() in CATEGORIES), "cohort")
    group = cohort or header_of.get("cohort") or other
    if cohort is not None and cohort not in table.columns:
        hint = suggest(cohort, table.columns)
        raise DataError(
            Diagnostic("K541", Message("the roster has no column `{column}`", column=cohort), table.place(), hint)
        )
    headers = {"entity": name, "code": header_of.get("code"), "cohort": group, "order": header_of.get("order")}
    headers |= {role: next((h for h in words if h in table.columns), None) for role, words in _HEADERS.items()}
    used = [header for header in headers.values() if header is not None and header in table.unreadable]
    if used:
        raise DataError(
            Diagnostic(
                "K554", Message("the column holds {contents}, no texts", contents=table.unreadable[header]),
                table.place(None, header),
                Message("write it as text; several aliases are parted by 、"),
            )
            for header in used
        )  # fmt: skip
    rows = _rows(table, headers, timeline)
    if problems := _problems(table, rows, headers, timeline):
        raise DataError(problems)
    # The column of the cohort is an attribute too: weights and targets may differ by it.
    own = {header for role, header in headers.items() if role != "cohort"} | {"cohort"}
    entities = _entities(rows, [item for item in table.columns if item not in own], table.merged)
    return replace(entities, timeline=timeline)


def _rows(table: Table, headers: dict[str, str | None], timeline: Timeline) -> pl.DataFrame:
    """Return the rows with a column of text per role, and order, first and last month or week, `bad …` (Boolean)."""
    frame = table.numbered().collect()

    def text(role: str) -> pl.Expr:
        header = headers[role]
        if header is None or header not in frame.columns:
            return pl.lit(None, dtype=pl.String).alias(f" {role}")
        return as_text(header).str.strip_chars().alias(f" {role}")

    frame = frame.with_columns(text(role) for role in headers)
    order = read_numbers(frame[" order"])
    begin, end = (
        frame.select(text=f" {role}").join(
            _times(frame[f" {role}"], timeline), on="text", how="left", nulls_equal=True, maintain_order="left"
        )
        for role in ("valid_from", "valid_to")
    )  # fmt: skip
    return frame.with_columns(
        order["value"].alias(" order"),
        order["problem"].is_not_null().alias(" bad order"),
        begin["first"].fill_null(ALWAYS[0]).alias(" first"),
        begin["problem"].is_not_null().alias(" bad valid_from"),
        end["last"].fill_null(ALWAYS[1]).alias(" last"),
        end["problem"].is_not_null().alias(" bad valid_to"),
    )


def _times(column: pl.Series, timeline: Timeline) -> pl.DataFrame:
    """Return the first and the last ordinal of each distinct time, and the problem of those that are none."""
    rows: list[tuple[str, int | None, int | None, str | None]] = []
    for text in column.drop_nulls().unique():
        try:
            rows.append((text, *period_texts.stretch(text, timeline), None))
        except periods.PeriodError as error:
            rows.append((text, None, None, str(error)))
    schema = {"text": pl.String, "first": pl.Int32, "last": pl.Int32, "problem": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _problems(table: Table, rows: pl.DataFrame, headers: dict[str, str | None], timeline: Timeline) -> list[Diagnostic]:
    """Return the findings about the rows of a roster."""
    findings: list[Diagnostic] = []
    nameless = rows.filter(pl.col(" entity").is_null() | (pl.col(" entity") == ""))
    findings += row_findings.of_rows(
        table, nameless, headers["entity"], lambda _: ("K602", Message("the row names no entity"), None)
    )
    for role, code in (("order", "K604"), ("valid_from", "K606"), ("valid_to", "K606")):
        header = headers[role]
        if header is None or header not in rows.columns:
            continue
        bad = rows.filter(f" bad {role}").select(ROW, cell=as_text(header).str.strip_chars())
        for row, cell in bad.rows():
            message = problem_of(cell) if role == "order" else period_texts.problem(cell, timeline=timeline)
            assert message is not None  # noqa: S101
            findings.append(Diagnostic(code, message, table.place(row, header)))
    findings += _repeated(table, rows, headers)
    return findings + _shared(table, rows, headers)


def _repeated(table: Table, rows: pl.DataFrame, headers: Mapping[str, str | None]) -> list[Diagnostic]:
    """Return a finding for each entity with two rows for one time, and for each code of two entities."""
    findings = []
    for role, key in (("entity", clean), ("code", code_of)):
        seen: dict[str, list[dict[str, Any]]] = {}
        for row in rows.filter(pl.col(f" {role}").fill_null("") != "").to_dicts():
            text = key(row[f" {role}"])
            earlier = seen.setdefault(text, [])
            if twin := next((item for item in earlier if _clashes(item, row, role)), None):
                message = Message("`{text}` is in the roster twice, also in row {row}", text=text, row=twin[ROW])
                hint = Message(
                    "when its code changed, say from when and to when in the columns valid_from and valid_to"
                )
                where = table.place(row[ROW], headers[role])
                findings.append(Diagnostic("K603", message, where, hint if role == "entity" else None))
            earlier.append(row)
    return findings


def _clashes(first: dict[str, Any], second: dict[str, Any], role: str) -> bool:
    """Return whether two rows contradict: one entity valid twice at a time, or (role code) two names with one code."""
    if role == "code":
        return clean(first[" entity"] or "") != clean(second[" entity"] or "")
    return _at_once(first, second) and not _separate(first, second)


def _at_once(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return bool(first[" first"] <= second[" last"] and second[" first"] <= first[" last"])


def _separate(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Return whether two rows with one name are two entities: both have codes, which differ and are always valid.

    With limited validity, one entity has changed its code.
    """
    codes = [code_of(row[" code"] or "") for row in (first, second)]
    always = all((row[" first"], row[" last"]) == ALWAYS for row in (first, second))
    return always and all(codes) and codes[0] != codes[1]


def _shared(table: Table, rows: pl.DataFrame, headers: Mapping[str, str | None]) -> list[Diagnostic]:
    """Return a finding for each alias that is also an alias, the name or the code of another entity."""
    key = _identities(rows)
    # The entities of each text, as name, code or alias, with their first row.
    owners: dict[str, dict[str, int]] = {}
    for row, who in zip(rows.to_dicts(), key, strict=True):
        for text in filter(None, (clean(row[" entity"] or ""), clean(row[" code"] or ""))):
            owners.setdefault(text, {}).setdefault(who, row[ROW])
    findings = []
    for row, who in zip(rows.to_dicts(), key, strict=True):
        for text in _aliases(row[" aliases"]):
            others = [at for item, at in owners.get(text, {}).items() if item != who]
            if others:
                message = Message(
                    "`{alias}` means {entity} here and another entity in row {row}",
                    alias=text,
                    entity=row[" entity"],
                    row=others[0],
                )
                hint = Message("an alias is of one entity: leave it out, or write the whole name")
                findings.append(Diagnostic("K603", message, table.place(row[ROW], headers["aliases"]), hint))
            owners.setdefault(text, {}).setdefault(who, row[ROW])
    return findings


def _aliases(text: str | None) -> list[str]:
    """Split a cell of aliases, cleaned."""
    return [clean(part) for part in re.split(_SEPARATORS, text or "") if part.strip()]


def _identities(rows: pl.DataFrame) -> list[str]:
    """Return the identity of the entity of each row: its name, with the code if several entities have the name."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    every = rows.to_dicts()
    for row in every:
        by_name.setdefault(clean(row[" entity"] or ""), []).append(row)
    apart = {
        name
        for name, items in by_name.items()
        if any(_separate(item, other) for at, item in enumerate(items) for other in items[:at])
    }
    names = [clean(row[" entity"] or "") for row in every]
    return [
        displayed(name, code_of(row[" code"] or "")) if name in apart else name
        for name, row in zip(names, every, strict=True)
    ]


def _entities(rows: pl.DataFrame, rest: list[str], merged: Sequence[Merged]) -> Entities:
    """Return the entities of validated rows.

    Args:
        rows: with a column for each role, see `_rows`.
        rest: the columns of attributes.
        merged: the merged cells of the table.
    """
    key = pl.Series(" key", _identities(rows), dtype=pl.String)
    rows = rows.with_columns(key)
    # The row with the latest end of validity is displayed; the order is that of first appearance.
    latest = rows.sort(" last", maintain_order=True).unique(" key", keep="last", maintain_order=True)
    first = rows.select(" key", pl.col(ROW).min().over(" key").alias(" seen")).unique()
    latest = latest.join(first, on=" key").sort(" order", " seen", nulls_last=True, maintain_order=True)
    several = pl.Series([clean(name) for name in latest[" entity"]], dtype=pl.String).is_duplicated()
    names = [
        displayed(name, code) if again else name
        for name, code, again in zip(latest[" entity"], latest[" code"], several, strict=True)
    ]
    frame = latest.select(
        *rest, entity=pl.Series(names, dtype=pl.String), code=pl.col(" code"), cohort=as_names(latest[" cohort"])
    )
    place = {item: at for at, item in enumerate(latest[" key"])}
    others: dict[str, int] = {}
    ambiguous: dict[str, list[int]] = {}
    times: dict[str, tuple[int, int]] = {}
    for at, (name, again) in enumerate(zip(latest[" entity"], several, strict=True)):
        if again:
            ambiguous.setdefault(clean(name), []).append(at)
    columns = (" key", " code", " aliases", " first", " last")
    for item, code, more, begin, end in rows.select(columns).rows():
        for text in filter(None, (clean(code or ""), *_aliases(more))):
            others.setdefault(text, place[item])
        if code and (begin, end) != ALWAYS:
            times[code_of(code)] = (begin, end)
    lasting: dict[int, list[tuple[int, int]]] = {}
    for item, begin, end in rows.select(" key", " first", " last").rows():
        lasting.setdefault(place[item], []).append((begin, end))
    spans = {at: sorted(items) for at, items in sorted(lasting.items()) if ALWAYS not in items}
    name_of = dict(zip(latest[" key"], names, strict=True))
    spells: dict[str, dict[str, list[tuple[int, int, object]]]] = {}
    for column in (*rest, "cohort"):
        header = " cohort" if column == "cohort" else column
        for item, begin, end, cell in rows.select(" key", " first", " last", header).rows():
            spells.setdefault(column, {}).setdefault(name_of[item], []).append((begin, end, cell))
    changing = {
        column: {name: items for name, items in by_name.items() if len({str(cell) for *_, cell in items}) > 1}
        for column, by_name in spells.items()
    }
    own_row = dict(zip(latest[ROW], names, strict=True))
    over = {
        (header, own_row[row]): item.cells
        for item in merged if len(item.rows) * len(item.headers) > 1
        for header in item.headers if header in rest
        for row in item.rows if row in own_row
    }  # fmt: skip
    return Entities(
        frame, closed=True, others=others, times=times, spans=spans, ambiguous=ambiguous, merged=over,
        changing={column: items for column, items in changing.items() if items},
    )  # fmt: skip
