"""The columns of SDMX data: what TIME_PERIOD, OBS_STATUS, UNIT_MEASURE, UNIT_MULT and ACTION mean for OBS_VALUE.

SDMX-CSV 1.0 and 2.0 (https://github.com/sdmx-twg/sdmx-csv) are text files with these headers, with or without labels
(`REF_AREA: Reference area`); SDMX-ML and SDMX-JSON come to the same columns (`sdmx_messages`). Statuses are those of
the cross-domain code list CL_OBS_STATUS.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import polars as pl
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity, count
from kpi.intake.cells.unit_factors import SINGLE
from kpi.intake.files.table import Table
from kpi.values import units
from kpi.values.patterns import regex

#: Statuses of figures that are missing: not collected, cannot exist, suppressed, a holiday.
MISSING = ("M", "L", "O", "Q", "H")
#: The status of a figure too small to be shown, which a cell without a value then says.
_SMALL = "N"
#: The column of our own statuses in SDMX-CSV that we write, the one that tells results from reported figures, and the
#: marks that cells have for statuses.
STATUS, RESULT = "KPI_STATUS", "KPI_RESULT"
_MARKS = {"not_applicable": "N/A", "below_unit": "…"}

#: Units of measure of common code lists (CL_UNIT_MEASURE, Eurostat, OECD) that are not written as here.
_UNITS = {
    "CNY": "元", "RMB": "元", "USD": "美元", "PT": "%", "PC": "%", "PERCENT": "%", "P100": "%",
    "PS": "人", "PER": "人", "PERS": "人", "PERSONS": "人", "HH": "户", "TN": "吨", "T": "吨", "TONNES": "吨",
    "KM2": "平方公里", "HA": "公顷", "KWH": "千瓦时",
}  # fmt: skip
#: Codes of figures of single things: pure numbers.
_SINGLE = {"PN", "NUMBER", "NR", "NUM", "PURE_NUMB", "UNIT"}
#: Codes that name no unit: not applicable, a total, not specified, another one, no or the domestic currency, not known.
_NONE = {"_Z", "_T", "_X", "_O", "XXX", "XDC", "_U"}
#: Codes of these that say nothing is wrong with a figure without a unit.
_FINE = {"_Z", "_T", *_SINGLE}
#: How many codes a finding names.
_NAMED = 10
#: Powers of ten before a unit of measure.
_POWERS = {1: "十", 2: "百", 3: "千", 4: "万", 5: "十万", 6: "百万", 7: "千万", 8: "亿", 9: "十亿", 12: "万亿"}

_ABOUT = regex(
    r"STRUCTURE(_ID|_NAME)?|DATAFLOW(_ID)?|DATASET|ACTION|LAST[ _]UPDATE|TIME_FORMAT|OBS_(STATUS|FLAG|PRE_BREAK)"
    r"|CONF_STATUS|DECIMALS|UNIT_MULT|TITLE(_COMPL)?|COLLECTION|COMMENT_\w+|FREQ",
    re.IGNORECASE,
)

_HEADER = regex(r"([A-Za-z_][A-Za-z0-9_@$-]*)\s*(?::\s*(.+))?")


def ids_of(columns: Collection[str]) -> dict[str, str]:
    """Return the headers of columns by their ids, in capitals; nothing for a table that is not of SDMX.

    >>> ids_of(["DATAFLOW", "REF_AREA: Reference area", "TIME_PERIOD", "OBS_VALUE"])["REF_AREA"]
    'REF_AREA: Reference area'
    >>> ids_of(["地区", "OBS_VALUE"])
    {}
    """
    matches = {header: _HEADER.fullmatch(header) for header in columns}
    results = {match[1].upper(): header for header, match in matches.items() if match is not None}
    if "UNIT" in results:
        # Eurostat names the column so.
        results.setdefault("UNIT_MEASURE", results.pop("UNIT"))
    return results if {"TIME_PERIOD", "OBS_VALUE"} <= results.keys() else {}


def is_about_file(header: str) -> bool:
    """Return whether a column of SDMX is of the message or of how a figure is written, and no dimension of figures.

    >>> is_about_file("DATAFLOW"), is_about_file("LAST UPDATE"), is_about_file("sex")
    (True, True, False)
    """
    return _ABOUT.fullmatch(header.partition(":")[0].strip()) is not None


def prepared(table: Table) -> Table:
    """Return a table of SDMX as other tables are: figures with units and marks; any other table as it is.

    Rows that delete figures (ACTION D) are blank. Codes with labels (`CN: China`) are codes, with their labels in
    `value_labels`.
    """
    ids = ids_of(table.columns)
    if not ids or table.pieces is not None:
        return table
    table, notes = _with_ids(table, ids)
    ids = {name: name if name in table.columns else header for name, header in ids.items()}
    small = [ids[name] for name in ("OBS_STATUS", "UNIT_MEASURE", "UNIT_MULT", "ACTION") if name in ids]
    value = _text(ids["OBS_VALUE"])
    filled = value.is_not_null() & (value.str.to_uppercase() != "NAN")
    counts = table.frame.group_by([_text(name).alias(name) for name in small]).agg(
        rows=pl.len(), values=filled.sum()
    ).sort(pl.all()).collect() if small else pl.DataFrame()  # fmt: skip
    value = pl.when(value.str.to_uppercase() != "NAN").then(value)
    columns: list[pl.Expr] = []
    if "OBS_STATUS" in ids:
        value, more = _with_statuses(table, ids["OBS_STATUS"], value, counts)
        notes += more
    if STATUS in ids:
        own = _text(ids[STATUS])
        mark = own.replace_strict(list(_MARKS), list(_MARKS.values()), default=None, return_dtype=pl.String)
        value = pl.coalesce(value, mark)
    if "UNIT_MULT" in ids or "UNIT_MEASURE" in ids:
        value, columns, more = _with_units(table, ids, value, counts)
        notes += more
    period = _text(ids["TIME_PERIOD"]).str.replace(r"^(\d{4})-A1$", "$1").str.replace(r"^(\d{4})-S1$", "${1}年上半年")
    period = period.str.replace(r"^(\d{4})-S2$", "${1}年下半年")
    columns += [value.alias(ids["OBS_VALUE"]), period.alias(ids["TIME_PERIOD"])]
    gone = pl.lit(value=False)
    if "ACTION" in ids and (deleted := counts.filter(pl.col(ids["ACTION"]).is_in(["D", "Delete"]))).height:
        gone = _text(ids["ACTION"]).is_in(["D", "Delete"]).fill_null(value=False)
        message = Message("left out: {rows} to delete figures (ACTION is D)",
                          rows=count(int(deleted["rows"].sum()), "row"))  # fmt: skip
        notes.append(Diagnostic("K519", message, table.place(None, ids["ACTION"]), severity=Severity.INFO))
    if RESULT in ids:
        results = _text(ids[RESULT]).is_not_null()
        message = Message("left out: {rows} of results (KPI_RESULT is filled), as only reported figures are read",
                          rows=count(int(table.frame.select(results.sum()).collect().item()), "row"))  # fmt: skip
        notes.append(Diagnostic("K519", message, table.place(None, ids[RESULT]), severity=Severity.INFO))
        gone |= results

    def changed(rows: pl.LazyFrame | None) -> pl.LazyFrame | None:
        if rows is None:
            return None
        rows = rows.with_columns(columns)
        if not {"ACTION", RESULT} & ids.keys():
            return rows
        return rows.with_columns(pl.when(~gone).then(pl.selectors.by_name(*table.columns)))

    frame = changed(table.frame)
    assert frame is not None  # noqa: S101 - every table has one
    names = {ids["OBS_VALUE"], ids["TIME_PERIOD"], *(column.meta.output_name() for column in columns)}
    added = tuple(name for name in (column.meta.output_name() for column in columns) if name not in table.columns)
    return replace(
        table, frame=frame, cells=changed(table.cells), numbered_cells=changed(table.numbered_cells), scan=None,
        columns=(*table.columns, *added), numbers=table.numbers - names, mixed=table.mixed - names,
        notes=(*table.notes, *notes),
    )  # fmt: skip


def _text(header: str) -> pl.Expr:
    """Return the cells of a column as trimmed texts, null where blank."""
    # NOTE: not pl.col, which takes a header such as ^.*$ for a pattern.
    text = pl.selectors.by_name(header).as_expr().cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text).alias(header)


def _with_ids(table: Table, ids: Mapping[str, str]) -> tuple[Table, list[Diagnostic]]:
    """Return a table whose columns are named by their ids, and whose cells are codes where they have labels."""
    labelled = {header: name for name, header in ids.items() if header != name and ":" in header}
    labels = dict(table.value_labels)
    coded: list[pl.Expr] = []
    for header, name in labelled.items():
        if name in ("TIME_PERIOD", "OBS_VALUE"):
            continue
        texts = table.frame.select(_text(header).unique().drop_nulls()).collect().to_series().alias("cells")
        parts = [text.partition(":") for text in texts]
        if parts and all(mark for _, mark, _ in parts):
            labels[header] = {code.strip(): label.strip() for code, _, label in parts}
            coded.append(_text(header).str.replace(r"\s*:.*$", "").alias(header))

    def changed(rows: pl.LazyFrame | None) -> pl.LazyFrame | None:
        return None if rows is None else rows.with_columns(coded)

    if coded:
        table = replace(
            table, frame=table.frame.with_columns(coded), cells=changed(table.cells), scan=None,
            numbered_cells=changed(table.numbered_cells), value_labels=labels,
        )  # fmt: skip
    return table.renamed({header: name for header, name in labelled.items() if name not in table.columns}), []


def _with_statuses(table: Table, header: str, value: pl.Expr, counts: pl.DataFrame) -> tuple[pl.Expr, list[Diagnostic]]:
    """Return the figures without those that their status says are missing, and the notes on the statuses."""
    status = _text(header)
    notes = []
    place = table.place(None, header)
    against = counts.filter(pl.col(header).is_in(MISSING))["values"].sum()
    if against:
        message = Message(
            "{figures} whose OBS_STATUS says that it is missing is not used", figures=count(int(against), "figure")
        )
        if against > 1:
            message = Message(
                "{figures} whose OBS_STATUS says that they are missing are not used",
                figures=count(int(against), "figure"),
            )
        hint = Message("leave OBS_VALUE empty there, or write A into OBS_STATUS")
        notes.append(Diagnostic("K519", message, place, hint, Severity.WARNING))
    flags = (
        counts.filter(~pl.col(header).is_in([*MISSING, "A"])).group_by(header).agg(pl.col("values").sum()).sort(header)
    )
    shown = tuple(f"{flag} ({many:,})" for flag, many in flags.drop_nulls().rows() if many)
    if shown:
        message = Message("figures with flags are used as they are: {flags}", flags=shown)
        notes.append(Diagnostic("K568", message, place, None, Severity.INFO))
    small = pl.when(status == _SMALL).then(pl.lit(_MARKS["below_unit"]))
    missing = status.is_in(list(MISSING)).fill_null(value=False)
    return pl.coalesce(pl.when(~missing).then(value), small), notes


def _with_units(
    table: Table, ids: Mapping[str, str], value: pl.Expr, counts: pl.DataFrame
) -> tuple[pl.Expr, list[pl.Expr], list[Diagnostic]]:
    """Return the figures, their units as a column, and the note on powers of ten that no unit has."""
    header = ids.get("UNIT_MEASURE")
    measure = pl.lit(None, dtype=pl.String) if header is None else _text(header)
    power = _text(ids["UNIT_MULT"]) if "UNIT_MULT" in ids else pl.lit(None, dtype=pl.String)
    labels = {} if header is None else table.value_labels.get(header, {})
    pairs = {
        (row.get(header or ""), row.get(ids.get("UNIT_MULT", "")))
        for row in counts.rows(named=True)
    }  # fmt: skip
    meant = {pair: _meant(*pair, labels) for pair in pairs}
    key = pl.concat_str(measure.fill_null(""), pl.lit("\n"), power.fill_null(""))
    keys = [f"{code or ''}\n{ten or ''}" for code, ten in meant]
    unit = key.replace_strict(keys, [unit for unit, _ in meant.values()], default=None, return_dtype=pl.String)
    tens = {entry: ten for entry, (_, ten) in zip(keys, meant.values(), strict=True) if ten}
    single = [entry for entry, pair in zip(keys, meant, strict=True) if _is_single(*pair)]
    columns = [unit.alias(header or "UNIT_MEASURE")] if header or any(unit for unit, _ in meant.values()) else []
    notes: list[Diagnostic] = []
    for item, ten in tens.items():
        plain = pl.when(value.str.contains(r"^[+-]?[0-9]*\.?[0-9]+$")).then(value + f"e{ten}")
        other = (value.cast(pl.Float64, strict=False) * 10.0**ten).cast(pl.String)
        value = pl.when(key == item).then(pl.coalesce(plain, other, value)).otherwise(value)
        message = Message("figures with UNIT_MULT {power} are taken times 10 to the power of {power}", power=ten)
        notes.append(Diagnostic("K519", message, table.place(None, ids["UNIT_MULT"]), severity=Severity.INFO))
    if single:
        items = pl.when(value.str.contains(r"^[+-]?[0-9]*\.?[0-9]+(e[0-9-]+)?$")).then(value + SINGLE)
        value = pl.when(key.is_in(single)).then(pl.coalesce(items, value)).otherwise(value)
    if header is not None:
        notes += _without_unit(table, header, counts, labels)
    return value, columns, notes


def _is_single(code: str | None, power: str | None) -> bool:
    """Return whether figures are of single things: a power of ten counts these, whatever multiple a measure has.

    >>> _is_single("NUMBER", None), _is_single("_Z", None), _is_single("_Z", "3"), _is_single("CNY", "3")
    (True, False, True, False)
    """
    if code is not None and code.upper() in _SINGLE:
        return True
    return power is not None and (code is None or code.upper() in _NONE)


def _without_unit(table: Table, header: str, counts: pl.DataFrame, labels: Mapping[Any, str]) -> list[Diagnostic]:
    """Return the findings (K582) on codes that name no unit, and on codes that are not known, with their figures."""
    of_code = counts.filter(pl.col("values") > 0).group_by(header).agg(pl.col("values").sum()).sort(header)
    amounts: dict[str | None, int] = dict(of_code.rows())
    none = {code: many for code, many in amounts.items() if code is None or code.upper() in _NONE | _SINGLE}
    unknown: dict[str | None, int] = {
        code: many for code, many in amounts.items()
        if code is not None and code not in none and not _is_unit(_meant(code, None, labels)[0] or "")
    }  # fmt: skip
    place, notes = table.place(None, header), []
    if none and set(none) != {None}:
        message = Message(
            "UNIT_MEASURE names no unit: {codes}; these figures are taken in the unit of their measure, of numbers and "
            "with UNIT_MULT without its multiple",
            codes=_amounts(none),
        )
        fine = all(code is not None and code.upper() in _FINE for code in none)
        hint = None if fine else Message("write the code of the unit, or declare `columns: {{unit: {{constant: 元}}}}`")
        notes.append(Diagnostic("K582", message, place, hint, Severity.INFO if fine else Severity.WARNING))
    if unknown:
        message = Message("codes of UNIT_MEASURE that are not known as units: {codes}", codes=_amounts(unknown))
        hint = Message(
            "figures of a measure in such a unit are refused: write a unit, leave them out with "
            "`where: \"{column} != '{code}'\"` at the measure, or, where all figures are in one unit, declare "
            "`columns: {{unit: {{constant: 元}}}}`",
            column=header, code=next(iter(unknown)),
        )  # fmt: skip
        notes.append(Diagnostic("K582", message, place, hint, Severity.INFO))
    return notes


def _amounts(codes: Mapping[str | None, int]) -> Message:
    """Return codes, each with the number of its figures, the most frequent first."""
    most = sorted(codes.items(), key=lambda item: -item[1])
    items = tuple(
        Message("blank ({many:,})", many=many) if code is None else Message("{code} ({many:,})", code=code, many=many)
        for code, many in most[:_NAMED]
    )
    if len(most) > _NAMED:
        return Message("{codes} and {more:,} more", codes=items, more=len(most) - _NAMED)
    return Message("{codes}", codes=items)


def _meant(code: str | None, power: str | None, labels: Mapping[Any, str]) -> tuple[str | None, int]:
    """Return the unit that a code and a power of ten mean, and the power that is left for the figure.

    >>> _meant("CNY", "8", {}), _meant("PT", None, {}), _meant(None, "6", {}), _meant("CNY", "11", {})
    (('亿元', 0), ('%', 0), (None, 6), ('元', 11))
    """
    ten = int(power) if power and re.fullmatch(r"-?\d{1,2}", power) else 0
    if code is None or code.upper() in _NONE | _SINGLE:
        return None, ten
    texts = [_UNITS.get(code.upper()), code, labels.get(code)]
    unit = next((text for text in texts if text and _is_unit(text)), code)
    if ten == 0:
        return unit, 0
    larger = None if ten not in _POWERS else _POWERS[ten] + unit
    return (larger, 0) if larger is not None and _is_unit(larger) else (unit, ten)


def _is_unit(text: str) -> bool:
    try:
        units.parse(text)
    except units.UnitError:
        return False
    return True
