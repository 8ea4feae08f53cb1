"""Match files to datasets: by their columns, or as the caller states."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Severity, count, suggest
from kpi.errors import nearest as nearest_word
from kpi.intake.cells.cell_text import as_text
from kpi.intake.files.choice import Choice
from kpi.intake.files.headers import LEVELS, REPORTERS, Role, by_levels, clean, named, role, roles, split_unit
from kpi.intake.files.table import Table
from kpi.language import expressions
from kpi.language.datasets import Dataset, PanelData, Records, ReportedData
from kpi.language.measures import Measure, Reported
from kpi.language.record_columns import READ_AS_NUMBERS, column_kinds
from kpi.language.system import System
from kpi.values import period_texts, periods, units
from kpi.values.patterns import regex
from kpi.values.timelines import MONTHS, WEEKS, Timeline


class Placed(Struct, frozen=True):
    """A table with the dataset it belongs to, and which header plays which role."""

    table: Table
    name: str
    dataset: Dataset
    roles: Mapping[str, str]

    @property
    def who(self) -> str:
        """The header that names the entity."""
        return self.roles.get("entity") or self.roles["code"]


#: Headers of a column that names the system (评价体系) of each row.
_SYSTEM = ("system", "评价体系", "评价体系名称")


def systems_named(table: Table) -> list[str]:
    """Return the texts in a table's column for the system, sorted; none when it has no such column."""
    header = next((column for column in table.columns if column.casefold() in _SYSTEM), None)
    if header is None:
        return []
    column = as_text(header).str.strip_chars()
    return table.distinct(table.frame.select(column.drop_nulls())).collect().to_series().alias("cells").sort().to_list()


def of_system(system: System, table: Table) -> tuple[Table, list[Diagnostic]]:
    """Return a table without the rows that belong to another system, and the note that says how many they are.

    Rows belong to another system when the table's column for the system names this one in some rows, by its id or its
    title, and another in theirs. They become blank, so that the others keep their row numbers.
    """
    named = systems_named(table)
    mine = [text for text in named if is_named(system, text)]
    if not mine or len(mine) == len(named):
        return table, []
    header = next(column for column in table.columns if column.casefold() in _SYSTEM)
    belongs = as_text(header).str.strip_chars().is_in(mine).fill_null(value=True)
    others = table.frame.select((~belongs).sum()).collect().item()
    frame = table.frame.select(pl.when(belongs).then(pl.all()))
    rest = tuple(text for text in named if text not in mine)
    message = Message("{others} of another system ({rest}) left out", others=count(others, "row"), rest=rest)
    return replace(table, frame=frame, cells=None, numbered_cells=None, scan=None), [
        Diagnostic("K526", message, table.place(None, header), None, Severity.INFO)
    ]


def is_named(system: System, text: str) -> bool:
    """Return whether a text is the id or the title of a system."""
    return clean(text) in {clean(name) for name in (system.system, system.title) if name}


def datasets(system: System) -> dict[str, Dataset]:
    """Return the system's datasets; one that declares none takes reported and wide files."""
    return system.datasets or {"reported": ReportedData(), "panel": PanelData()}


def may_be(table: Table, key: str) -> bool:
    """Return whether a table may belong to a dataset, by its sheet."""
    return table.datasets is None or key in table.datasets


def choices_of(system: System, name: str | None = None) -> tuple[Choice, ...]:
    """Return the sheets and header rows that the datasets declare, of all or of the one that is named; none where none.

    Args:
        system: the system.
        name: the dataset, when the caller says which.
    """
    items = tuple(
        Choice(key, item.sheet, item.header) for key, item in datasets(system).items() if name is None or key == name
    )
    return items if any(item.sheets or item.header for item in items) else ()


def is_unit(text: str) -> bool:
    """Return whether a text is a unit of the registry."""
    try:
        units.parse(text)
    except units.UnitError:
        return False
    return True


#: Where a system keeps what `measure_names` gives, beside the cached properties that are derived from it, too.
_NAMES = "names of measures"


def measure_names(system: System) -> Mapping[str, str]:
    """Return every text under which files carry a reported measure: name, title, synonyms."""
    derived = vars(system)
    if _NAMES not in derived:
        derived[_NAMES] = _measure_names(system)
    names: Mapping[str, str] = derived[_NAMES]
    return names


def _measure_names(system: System) -> dict[str, str]:
    names: dict[str, str] = {}
    for name, measure in system.measures.items():
        for text in (name, measure.title, *measure.synonyms):
            if text and isinstance(measure, Reported):
                names.setdefault(clean(text), name)
    return names


#: The base of an index behind its name, which is no unit: (上年同月=100), (以上年价格为100).
_BASE = regex(r"(.+?)\([^()]*(?:=|为)\s*100\s*\)")


def measure_of(names: Mapping[str, str], text: str) -> tuple[str | None, str | None]:
    """Return what a text in a column of measures names, and the unit written behind it: GDP(亿元).

    >>> measure_of({"GDP": "gdp"}, "GDP（亿元）"), measure_of({"GDP": "gdp"}, "GDP"), measure_of({"GDP": "gdp"}, "人口")
    (('gdp', '亿元'), ('gdp', None), (None, None))
    >>> measure_of({"居民消费价格指数": "cpi"}, "居民消费价格指数(上年同月=100)")
    ('cpi', None)
    """
    if (name := named(names, clean(text))) is not None:
        return name, None
    if (base := _BASE.fullmatch(clean(text))) is not None:
        return measure_of(names, base[1])
    rest, unit = split_unit(text, is_unit)
    name = None if unit is None else named(names, rest)
    return name, None if name is None else unit


def condition_columns(system: System) -> list[str]:
    """Return the columns that the `where:` of reported measures read."""
    columns: dict[str, None] = {}
    for measure in system.measures.values():
        if isinstance(measure, Reported) and measure.where is not None:
            columns.update(dict.fromkeys(name for name, _ in expressions.parse(measure.where).names()))
    return list(columns)


def of_dataset(system: System, name: str) -> dict[str, Measure]:
    """Return the measures that are computed from the records of a dataset."""
    only = sum(dataset.form == "records" for dataset in datasets(system).values()) == 1  # type: ignore[attr-defined]
    return {
        key: measure
        for key, measure in system.measures.items()
        if not isinstance(measure, Reported) and (measure.source == name or (measure.source is None and only))
    }


def needed_columns(system: System, name: str) -> dict[str, str]:
    """Return the columns that the measures of a records dataset read, each with its kind (`record_columns`)."""
    return dict(column_kinds(datasets(system)[name], of_dataset(system, name).values()).kinds)


#: The roles that files of a form are read for; two headers for another one are no finding.
_BESIDE: set[Role] = {"code", "target", "revision", "note", "cohort", "reported", "scope", "reporter"}
_READ: dict[str, set[Role]] = {
    "reported": {*_BESIDE, "measure", "value", "unit"},
    "panel": _BESIDE,
    "records": {"code"},
}

#: Codes of errors that keep a file from being read, whatever is in its rows: those beside it may be.
UNPLACED = ("K541", "K508", "K535", "K536", "K554", "K563", "K564", "K566", "K569", "K585")

#: Roles whose headings may be titles of measures.
_OF_MEASURES: tuple[Role, ...] = ("value", "target", "revision", "order")

#: How many of the first rows show which figures a long file has.
_HEAD = 10_000

#: Roles of columns that say something beside figures: without them a table can be used.
_ASIDE = ("note", "cohort", "reporter", "reported", "scope")


def refused_columns(source: Placed, system: System) -> frozenset[str]:
    """Return the columns of figures of a wide table that hold neither figures nor texts."""
    if not isinstance(source.dataset, PanelData) or not source.table.unreadable:
        return frozenset()
    return frozenset(panel_columns(system, source.table, list(source.roles.values()))) & source.table.unreadable.keys()


def unreadable_columns(source: Placed, system: System) -> list[Diagnostic]:
    """Return the findings about typed columns that hold neither figures nor texts.

    K554 where the table cannot be used without one, K553 where measures have no figure, a note where none needs it.
    """
    table, findings = source.table, []
    if not table.unreadable:
        return []
    refused = refused_columns(source, system)
    needed = {header for role, header in source.roles.items() if role not in _ASIDE}
    figures: set[str] = {*source.roles.values()} - needed
    if isinstance(source.dataset, Records):
        read = [*needed_columns(system, source.name), *source.dataset.key]
        needed |= {known[0] for column in read if (known := column_of(table, column)) is not None}
    else:
        figures.update(condition_columns(system))
        if isinstance(source.dataset, PanelData):
            figures |= set(panel_columns(system, table, list(source.roles.values())))
    for header, contents in table.unreadable.items():
        place = table.place(None, header)
        message = Message("the column holds {contents}, neither figures nor texts", contents=contents)
        if header in needed:
            hint = Message("write it as numbers or texts; nothing of the table can be used without it")
            findings.append(Diagnostic("K554", message, place, hint))
        elif header in refused:
            hint = Message("write it as numbers or texts; all its figures are refused")
            findings.append(Diagnostic("K553", message, place, hint))
        elif header in figures:
            hint = Message("write it as numbers or texts; all its cells are taken for empty")
            findings.append(Diagnostic("K553", message, place, hint))
        else:
            findings.append(
                Diagnostic("K553", Message("{message}; it is left out", message=message), place, None, Severity.INFO)
            )
    return findings


def column_of(table: Table, name: str) -> tuple[str, str | None] | None:
    """Return the header of a column that measures of records name, and the unit written in it; None without one.

    A heading may have a unit that the definition does not repeat: 金额 is the column 金额（万元）, if only one is so.
    """
    header = clean(name)
    if header in table.columns:
        return header, split_unit(header, is_unit)[1]
    columns = [
        (column, unit)
        for column in table.columns
        for text, unit in [split_unit(column, is_unit)]
        if unit and text == header
    ]
    return columns[0] if len(columns) == 1 else None


def conditions_by_unit(system: System, source: Placed) -> dict[str, str]:
    """Return the columns that a `where:` of reported measures reads and that are there with a unit, with their headers.

    Such is 规模 where the heading is 规模（万元）, as in records.
    """
    if isinstance(source.dataset, Records):
        return {}
    columns: dict[str, str] = {}
    known = measure_names(system)
    for name in condition_columns(system):
        there = None if name in source.table.columns or clean(name) in known else column_of(source.table, name)
        if there is not None and there[0] != name:
            columns[name] = there[0]
    return columns


def with_conditions(system: System, source: Placed) -> Placed:
    """Return a table with the columns of `conditions_by_unit` also under the names that conditions have."""
    table = source.table
    for name, header in conditions_by_unit(system, source).items():
        table = table.with_column(name, pl.selectors.by_name(header).as_expr())
    return source if table is source.table else replace(source, table=table)


def match(system: System, table: Table, *, name: str | None = None) -> tuple[Placed | None, list[Diagnostic]]:
    """Return the dataset that a table belongs to, or why it belongs to none.

    A file with columns for measure and value is reported data; one that has all columns that the measures of a records
    dataset read is that; one with a column per measure is a panel. Of several that a table could belong to it is the
    one of which the table has the most: figures by their names, or columns that its measures read.

    Args:
        system: the system whose datasets are meant.
        table: the table to place.
        name: the dataset, when the caller says which.
    """
    known = datasets(system)
    if name is not None and name not in known:
        return None, [
            Diagnostic("K204", Message("unknown dataset `{name}`", name=name), table.place(), suggest(name, known))
        ]
    every = [_placed(system, table, key) for key in known if name in (None, key) and may_be(table, key)]
    if table.origin is not None and name is None:
        every = [source for source in every if not isinstance(source.dataset, Records)] or every
    lacking = {source.name: _lacking(system, source) for source in every}
    possible = [source for source in every if not lacking[source.name]]
    if not possible:
        nearest = min(every, key=lambda source: len(lacking[source.name]))
        repeated = table.repeated(
            [header for role_of, header in nearest.roles.items() if role_of in {"period", "entity", "value"}]
        )
        across = _across(system, nearest) if repeated is None else None
        return None, [repeated or across or _lacks(system, nearest, lacking[nearest.name])]
    best = _best(system, possible)
    if len(best) > 1:
        words = " and ".join(f"`{source.name}`" for source in best)
        message = Message("the file fits the datasets {words} equally well, and is not read", words=words)
        hint = Message("say which with --data {name}=FILE, or name its columns under `columns:`", name=best[0].name)
        return None, [Diagnostic("K535", message, table.place(), hint)]
    source = best[0]
    source, alike = _alike(system, source)
    if any(finding.severity is Severity.ERROR for finding in alike):
        return None, alike
    source = _with_unit_of_values(source)
    about = _READ[source.dataset.form] - set(source.dataset.columns)  # type: ignore[attr-defined]
    about -= set(table.roles)
    _, notes = roles(_headers(table), place=table.place(), about=about)
    strangers = _strangers(system, source) if isinstance(source.dataset, PanelData) else _beside_value(system, source)
    return source, [*alike, *notes, *strangers]


def _with_unit_of_values(source: Placed) -> Placed:
    """Return a long table with the unit in the heading of its figures, 数值（亿元）, or of their names, 指标（亿元）.

    It holds where neither the row nor the text of its measure gives another, and goes before a unit above the table.
    """
    header = source.roles.get("value")
    if not isinstance(source.dataset, ReportedData) or header is None or source.table.origin is not None:
        return source
    texts = (header, source.table.labels.get(header, ""), source.roles.get("measure", ""))
    unit = next((unit for text in texts if (unit := split_unit(text, is_unit)[1]) is not None), None)
    return source if unit is None else replace(source, table=replace(source.table, unit=unit))


def fitting(system: System, table: Table, texts: Callable[[str], list[str]]) -> Placed | None:
    """Return the dataset that a table fits best, the first of several, None where it fits none.

    Args:
        system: the system whose datasets are meant.
        table: the table to place.
        texts: gives the distinct texts of one of its columns.
    """
    every = [_placed(system, table, key) for key in datasets(system) if may_be(table, key)]
    possible = [source for source in every if not _lacking(system, source)]
    return _best(system, possible, texts)[0] if possible else None


def fits_records(system: System, table: Table) -> bool:
    """Return whether a table has all columns of a dataset of events that the system declares."""
    events = [key for key, item in datasets(system).items() if isinstance(item, Records) and may_be(table, key)]
    return any(not _lacking(system, _placed(system, table, key)) for key in events)


def _headers(table: Table) -> list[str]:
    """Return the headers that may play a role: of those that occur more than once the first."""
    further = {header for items in table.repeats.values() for header in items}
    return [header for header in table.columns if header not in further]


def _placed(system: System, table: Table, key: str) -> Placed:
    """Return a table as one of a dataset, with the roles that its headers and the definition give its columns."""
    headers: dict[Role, str] = dict(roles(_headers(table))[0])
    # The system's own word for its entities heads their column more often than any general one.
    if (own := clean(system.entities.title)) in table.columns:
        other = headers.get("entity", own)
        headers["entity"] = own
        if other != own and other in REPORTERS:
            # What was taken for the entity may then say who hands its figures in.
            headers["reporter"] = other
    # A column of targets that the definition names goes before headings that mean targets.
    of_targets = (clean(column) for _, column in system.columns_of_targets)
    if (targets := next((column for column in of_targets if column in table.columns), None)) is not None:
        headers = {role: header for role, header in headers.items() if header != targets} | {"target": targets}
    dataset = datasets(system)[key]
    if isinstance(dataset, PanelData) and table.origin is None and "measure" not in headers:
        # A wide table may have measures whose titles are words for figures and targets: 计划数 beside 完成数.
        known = measure_names(system)
        kept = {header for role, header in headers.items() if role not in _OF_MEASURES or header == targets}
        headers = {
            role: header for role, header in headers.items()
            if header in kept or not {clean(header), split_unit(header, is_unit)[0]} & known.keys()
        }  # fmt: skip
    declared = {role: clean(header) for role, header in dataset.headers.items()}
    if dataset.parts_of_period:
        declared["period"] = clean(dataset.parts_of_period[0])
    playing = {**{str(role): header for role, header in headers.items()}, **declared, **table.roles}
    if table.origin is not None and isinstance(dataset, PanelData):
        # A turned table has a figure in each row, whatever form its file has.
        dataset = ReportedData(
            columns=dict(dataset.columns), dates=dataset.dates, decimal=dataset.decimal, missing=dataset.missing,
            sheet=dataset.sheet, header=dataset.header,
        )  # fmt: skip
    return Placed(table, key, dataset, {role: header for role, header in playing.items() if header is not None})


def _best(system: System, possible: list[Placed], texts: Callable[[str], list[str]] | None = None) -> list[Placed]:
    """Return those of several datasets that a table fits best, in the order of their names.

    Of those that read the table in the same way the first is as good as any.
    """
    if len(possible) == 1:
        return possible
    fits = {source.name: (_evidence(system, source, texts), len(source.dataset.columns)) for source in possible}
    most = max(fits.values())
    best = sorted((source for source in possible if fits[source.name] == most), key=lambda source: source.name)
    ways = {(type(source.dataset), tuple(sorted(source.roles.items()))) for source in best}
    alike = len(ways) == 1 and not isinstance(best[0].dataset, Records)
    return best[:1] if alike else best


def _evidence(system: System, source: Placed, texts: Callable[[str], list[str]] | None) -> int:
    """Return how much of a table only makes sense in a dataset: its figures, or the columns of events."""
    table = source.table
    own = {name for name, measure in system.measures.items() if measure.source in (None, source.name)}
    if isinstance(source.dataset, Records):
        keys = {source.roles.get(key) for key in ("period", "entity", "code")}
        return len({clean(column) for column in needed_columns(system, source.name)} - keys)
    if isinstance(source.dataset, PanelData):
        return len({name for name, _ in panel_columns(system, table, list(source.roles.values())).values()} & own)
    header = source.roles["measure"]
    if texts is None:
        column = table.frame.head(_HEAD).select(as_text(header).unique().drop_nulls())
        given = column.collect().to_series().alias("cells").to_list()
    else:
        given = texts(header)
    known = measure_names(system)
    # The columns of measure and value make sense in no other form.
    return len({name for text in given if (name := measure_of(known, text)[0]) is not None} & own)


#: The roles without which nothing is read wrongly.
_NEEDLESS = ("note", "order", "reporter", "reported", "scope")


def _alike(system: System, source: Placed) -> tuple[Placed, list[Diagnostic]]:
    """Return a table without the columns of the same header that nothing needs, and the findings about them.

    Where one is needed, the first is used if all have the same cells; else that is an error.
    """
    table = source.table
    if not table.repeats:
        return source, []
    reading = {"period", "entity", *_READ[source.dataset.form]} - set(_NEEDLESS)  # type: ignore[attr-defined]
    needed = [header for role_of, header in source.roles.items() if role_of in reading]
    needed += panel_columns(system, table) if isinstance(source.dataset, PanelData) else []
    needed += map(clean, needed_columns(system, source.name) if isinstance(source.dataset, Records) else [])
    needed += condition_columns(system) + [
        measure.per for measure in system.measures.values() if measure.per is not None
    ]
    same = [header for header in table.repeats if header in needed and _same(table, header)]
    if error := table.repeated([header for header in needed if header not in same]):
        return source, [error]
    findings = []
    for header, others in table.repeats.items():
        many = len(others) + 1
        message = Message(
            "{many} columns are headed `{header}`, of which none is needed or read", many=many, header=header
        )
        if header in same:
            message = Message(
                "{many} columns are headed `{header}`, with the same cells; the first is read",
                many=many,
                header=header,
            )
        findings.append(Diagnostic("K534", message, table.place(table.header_row), None, Severity.INFO))
    playing = {
        role_of: header for role_of, header in source.roles.items() if header in same or header not in table.repeats
    }
    return replace(source, roles=playing), findings


def _same(table: Table, header: str) -> bool:
    """Return whether all columns of a header have the same cells."""
    first = pl.selectors.by_name(header)
    tests = [
        first.as_expr().eq_missing(pl.selectors.by_name(other).as_expr()).all().alias(other)
        for other in table.repeats[header]
    ]
    return all(table.frame.select(tests).collect().row(0))


#: What names of places end with.
PLACE = regex(r".{1,12}(省|市|县|区|州|盟|旗|镇|乡|街道|村)")


def _across(system: System, source: Placed) -> Diagnostic | None:
    """Return the finding that periods or units stand in the header, where a column of their own is lacking."""
    table = source.table
    known, taken = measure_names(system), set(source.roles.values())
    others = [header for header in table.columns if header not in taken and named(known, header) is None]
    lines = {"periods": [header for header in others if _is_period(header)]}
    if "entity" not in source.roles:
        lines["units"] = [header for header in others if role(header) is None and PLACE.fullmatch(header)]
    for what, headers in lines.items():
        if len(headers) > 1:
            shown = ", ".join(f"`{header}`" for header in headers[:6]) + (" ..." if len(headers) > 6 else "")
            message = Message(
                "{what} stand in the header, a column each ({shown}), and are not read from there",
                what=what,
                shown=shown,
            )
            hint = Message(
                "say in `datasets:` how it lies, {{form: reported, shape: {{columns: {shape}}}}}, with a year in each "
                "header or above the table; or turn it so that each row has one figure, with columns 地区, 期别, 指标, "
                "数值 (in Excel: Data, From Table, Unpivot Columns; 数据, 来自表格, 逆透视列)",
                shape="periods" if what == "periods" else "entities",
            )
            return Diagnostic("K536", message, table.place(table.header_row), hint)
    return None


def _is_period(header: str) -> bool:
    """Return whether a header, or a level of it, names a period, with its year or without."""
    for text in header.split(LEVELS):
        for timeline in (MONTHS, WEEKS, Timeline(4)):
            try:
                period_texts.parse(text, year=2000, timeline=timeline)
            except periods.PeriodError:
                continue
            return role(text) is None
    return False


def _lacking(system: System, source: Placed) -> list[str]:
    headers = set(source.table.columns)
    known = source.table.roles
    named = [header for role, header in source.dataset.headers.items() if role not in known]
    named += source.dataset.parts_of_period if "period" not in known else ()
    lacking = [header for header in named if clean(header) not in headers]
    if "entity" not in source.roles and "code" not in source.roles:
        lacking.append("地区 (entity)")
    if isinstance(source.dataset, Records):
        lacking += [name for name in needed_columns(system, source.name) if column_of(source.table, name) is None]
        lacking += [name for name in source.dataset.key if column_of(source.table, name) is None]
        if "period" not in source.roles:
            lacking.append("日期 (period)")
        return list(dict.fromkeys(lacking))
    if isinstance(source.dataset, ReportedData):
        return lacking + [
            f"{words} ({role})" for role, words in (("measure", "指标"), ("value", "数值")) if role not in source.roles
        ]
    if not panel_columns(system, source.table, list(source.roles.values())):
        lacking.append(Message("a column headed by a measure"))
    return lacking


def panel_columns(system: System, table: Table, used: Collection[str] = ()) -> dict[str, tuple[str, str | None]]:
    """Return the columns of a wide table that hold measures: header to measure and the unit in the header.

    The base of an index may stand behind its name, unless columns have several bases.
    """
    names = measure_names(system)
    columns: dict[str, tuple[str, str | None]] = {}
    bases: dict[str, tuple[str, str | None]] = {}
    for header in table.columns:
        text, unit = split_unit(header, is_unit)
        measure = named(names, clean(header)) or named(names, clean(text))
        if measure is not None and header not in used:
            columns[header] = (measure, unit if clean(header) not in names else None)
        elif measure is None and "100" in header and header not in used and _BASE.fullmatch(clean(header)):
            indexed, unit = measure_of(names, header)
            bases |= {} if indexed is None else {header: (indexed, unit)}
    times = Counter(measure for measure, _ in (*columns.values(), *bases.values())) if bases else {}
    columns |= {header: column for header, column in bases.items() if times[column[0]] == 1}
    return columns | _by_levels(table, names, used, columns)


def figure_columns(system: System, source: Placed) -> list[str]:
    """Return the columns of a table whose cells are figures, or targets of figures."""
    targets = [source.roles["target"]] if "target" in source.roles else []
    if isinstance(source.dataset, PanelData):
        return [*panel_columns(system, source.table, list(source.roles.values())), *targets]
    if isinstance(source.dataset, ReportedData):
        return [source.roles["value"], *targets]
    numbers = [column for column, kind in needed_columns(system, source.name).items() if kind in READ_AS_NUMBERS]
    return [place[0] for column in numbers if (place := column_of(source.table, column)) is not None]


def _by_levels(
    table: Table, names: Mapping[str, str], used: Collection[str], columns: Mapping[str, tuple[str, str | None]]
) -> dict[str, tuple[str, str | None]]:
    """Return the columns that a level of a header of several rows names, where one column alone has the measure.

    Args:
        table: the wide table.
        names: the measures by their names.
        used: columns that are something else.
        columns: those whose whole name is that of a measure.
    """
    by_level, given = {}, {measure for measure, _ in columns.values()}
    for header in table.columns if table.depth > 1 else ():
        text, own = split_unit(header, is_unit)
        levels = [split_unit(level, is_unit) for level in text.split(LEVELS)]
        ways = by_levels(LEVELS.join(name for name, _ in levels))
        measure = next(filter(None, (named(names, way) for way in ways)), None)
        if measure is not None and header not in used and header not in columns:
            # A unit in a group, 收支(万元) over 收入, is that of all below it.
            by_level[header] = (measure, next(filter(None, (own, *(unit for _, unit in reversed(levels)))), None))
    times = Counter(measure for measure, _ in by_level.values())
    return {header: column for header, column in by_level.items() if times[column[0]] == 1 and column[0] not in given}


def _strangers(system: System, source: Placed) -> list[Diagnostic]:
    """Return a finding for each column of a wide table that is not read: it names no measure and plays no role."""
    table = source.table
    columns = panel_columns(system, table, list(source.roles.values()))
    # A column headed as the figures of a long table is not read in a wide one.
    roles_read = {header for role_of, header in source.roles.items() if role_of != "value"}
    read = {*columns, *roles_read, *condition_columns(system)}
    read |= set(conditions_by_unit(system, source).values())
    read |= {repeat for header, items in table.repeats.items() for repeat in (header, *items)}
    known = measure_names(system)
    given = {name for name, _ in columns.values()}
    meant = [text for text, name in known.items() if name not in given]
    attributes = {header.casefold() for header in (system.ranking.cohort or "cohort", *_SYSTEM)}
    findings = []
    levels = [column for column in columns if column not in known and split_unit(column, is_unit)[0] not in known]
    if levels and table.depth > 1:
        named_by = tuple(
            Message("`{column}` as {measure}", column=column, measure=system.symbols[columns[column][0]].title)
            for column in levels
        )
        message = Message("columns are read by a level of their names: {named_by}", named_by=named_by)
        findings.append(Diagnostic("K525", message, table.place(), None, Severity.INFO))
    for header in table.columns:
        if header in read or header.casefold() in attributes or role(header) not in (None, "value"):
            continue
        name, _ = split_unit(header, is_unit)
        hint = suggest(name, meant)
        if table.depth > 1 and hint is None:
            hint = suggest(name.rpartition(LEVELS)[2], meant)
        severity = Severity.INFO if hint is None else Severity.WARNING
        message = Message(
            "column `{header}` names no measure of {system} and is not read", header=header, system=system.system
        )
        findings.append(Diagnostic("K528", message, table.place(None, header), hint, severity))
    return findings


#: Headings of numbers that are no figures.
_NO_FIGURES = regex(
    r"^last period\s*\(|^上期值\(|"  # of entry forms
    r"序号|编号|代码|编码|行次|排[名位序]|位次|名次|权重|年份?$|月份?$|季度?$|日期|电话|邮编|倍数|小数位|unit_mult|multiplier|decimals|\b(no|id|code|rank|order|weight|year|month)\b",
    re.IGNORECASE,
)


def _beside_value(system: System, source: Placed) -> list[Diagnostic]:
    """Return a note on columns of figures of a long table beside the one that is read, such as 上年同期 and 累计."""
    table = source.table
    if table.origin is not None or "value" not in source.roles:
        return []
    read = {*source.roles.values(), *condition_columns(system), *conditions_by_unit(system, source).values()}
    read |= {repeat for header, items in table.repeats.items() for repeat in (header, *items)}
    attributes = {header.casefold() for header in (system.ranking.cohort or "cohort", *_SYSTEM)}
    others = [
        header for header in table.columns
        if header not in read and header.casefold() not in attributes and role(header) is None
        and not _NO_FIGURES.search(header)
    ]  # fmt: skip
    figures = [header for header in others if _holds_figures(table, header)]
    if not figures:
        return []
    message = Message(
        "{columns} hold figures and are not read: those of `{value}` are",
        columns=tuple(f"`{header}`" for header in figures), value=source.roles["value"],
    )  # fmt: skip
    hint = Message(
        "to read another in its place, write `columns: {{value: {column}}}` in the dataset", column=figures[0]
    )
    return [Diagnostic("K528", message, table.place(None, figures[0]), hint, Severity.INFO)]


def _holds_figures(table: Table, header: str) -> bool:
    """Return whether a column has numbers alone in the first rows, as far as these are at hand."""
    if table.typed:
        return table.frame.collect_schema()[header].is_numeric()
    # Columns that were renamed since have other names in the first rows.
    if table.first_rows is None or header not in table.first_rows[1].columns:
        return header in table.numbers
    cells = table.first_rows[1].get_column(header).cast(pl.String).str.strip_chars().replace("", None).drop_nulls()
    return len(cells) > 0 and not cells.str.replace_all(",", "").cast(pl.Float64, strict=False).null_count()


def _nearly_measured(system: System, source: Placed) -> Message | None:
    """Return what to do about a heading that is near that of a measure, such as 数量（累计） or 数量 件."""
    known = measure_names(system)
    for header in source.table.columns:
        if header in source.roles.values() or role(header) is not None or split_unit(header, is_unit)[0] in known:
            continue
        text = re.split(r"[\s(\[【<〔/,_:]", clean(header), maxsplit=1)[0]
        name = text if text in known else nearest_word(text, known)
        if name is not None:
            return Message(
                "`{header}` is near `{measure}`, but is not read as it: head the column {measure}, with no more than a "
                "unit in brackets, such as {measure}（{unit}）, or name `{header}` among the `synonyms:` of it",
                header=header, measure=name, unit=str(system.measures[known[name]].unit),
            )  # fmt: skip
    return None


def _forms(system: System) -> set[str]:
    """Return the forms of the datasets that a system has."""
    return {dataset.form for dataset in datasets(system).values()}  # type: ignore[attr-defined]


def _lacks(system: System, source: Placed, lacking: list[str]) -> Diagnostic:
    columns = tuple(source.table.file_columns[:12])
    first = lacking[0]
    message = Message(
        "dataset `{dataset}` needs a column that the file does not have: {column}", dataset=source.name, column=first
    )
    if len(lacking) > 1:
        message = Message(
            "dataset `{dataset}` needs columns that the file does not have: {columns}",
            dataset=source.name,
            columns=tuple(lacking),
        )
    near = _nearly_measured(system, source) if isinstance(source.dataset, PanelData) else None
    if "measure" not in source.roles and "value" in source.roles and "panel" in _forms(system):
        near = Message(
            "`{column}` is read as the figures of a long table, with a column 指标 that names what each is of; if it "
            "is a measure itself, name it among the `synonyms:` of that measure", column=source.roles["value"],
        )  # fmt: skip
    hint = (
        near
        or suggest(first.split(" ")[0], source.table.columns)
        or Message(
            "its columns are {columns}; say which is which under `columns:`, or with --data NAME=FILE", columns=columns
        )
    )
    return Diagnostic("K541", message, source.table.place(), hint, Severity.ERROR)
