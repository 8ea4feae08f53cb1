"""A first roster (名录) from the files at hand: who is named in them, with codes, other names and the unit above.

Who is one unit is decided as in scoring without a roster (`kpi.intake.entities.from_data`): a code identifies a unit, a
name does if only one has it, and so does a short form. What is left open is a finding; the owner of the roster decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from itertools import chain

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, alternatives
from kpi.intake.aggregate_rows import Exclusions, by_name, listed, shown
from kpi.intake.division_codes import is_division, parent_of
from kpi.intake.entities import Entities, code_of, from_data, short_forms
from kpi.intake.files.contents import given_once
from kpi.intake.files.headers import clean, role, roles
from kpi.intake.files.reader import read_all
from kpi.intake.files.sources import Source
from kpi.intake.files.table import ROW, Table
from kpi.intake.matching import entity_codes
from kpi.intake.matching.datasets import PLACE, Placed, datasets
from kpi.intake.matching.key_columns import finest_units
from kpi.intake.near_names import near
from kpi.intake.nested_units import units_above
from kpi.intake.regions import beside_places, doubtful
from kpi.intake.rows_left_out import figureless_note
from kpi.intake.shapes.adjacent_blocks import blocks_of, together
from kpi.intake.shapes.labels import labelled
from kpi.intake.shapes.recognition import PROVINCE
from kpi.intake.shapes.table_keys import declared_keys
from kpi.language.datasets import Records, ReportedData
from kpi.language.system import System
from kpi.values.patterns import regex
from kpi.values.timelines import MONTHS

#: The columns of a roster that is written, all String; `cohort` is blank, for its owner to fill in.
COLUMNS = ("entity", "code", "cohort", "aliases", "parent", "files")

#: The separator of aliases and files in a cell, and the signs at which a cell of aliases is parted when it is read.
_BETWEEN, _PARTING = "、", regex("[、,;；，|/]")
_IDEOGRAPH = regex("[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

#: How many of the first rows show which column names units, where no header says so.
_HEAD = 10_000
#: How many pairs of names a finding lists.
_PAIRS = 20


class DraftRoster(Struct, frozen=True):
    """A roster made of files.

    Attributes:
        frame: the columns `COLUMNS`, a row per unit, in the order of codes where all have one, else as first named.
        findings: what was left out and what is left open.
    """

    frame: pl.DataFrame
    findings: tuple[Diagnostic, ...]


def roster_from_files(sources: Sequence[Source], *, system: System | None = None) -> DraftRoster:
    """Return the roster of the units that files and frames name.

    Args:
        sources: paths (also folders and patterns) and frames.
        system: says which columns name units and which names are none, where headers and names do not.

    Raises:
        DataError: no file can be read, or one is not there; K546 no table names any unit.

    >>> reports = pl.DataFrame({"区划代码": ["330483", "330400"], "地区": ["桐乡市", "嘉兴市"], "gdp": [1, 2]})
    >>> cases = pl.DataFrame({"地区": ["桐乡", "合计"], "办件量": [3, 3]})
    >>> draft = roster_from_files([reports, cases])
    >>> draft.frame.select("entity", "code", "aliases", "parent", "files").rows()
    [('嘉兴市', '330400', None, '330000', 'frame 1'), ('桐乡市', '330483', '桐乡', '330400', 'frame 1、frame 2')]
    >>> [finding.code for finding in draft.findings]
    ['K612', 'K486']
    """
    given, findings = given_once([(source, None) for source in sources])
    unread: list[Diagnostic] = []
    tables = [table for group in read_all([source for source, _ in given], unread=unread) for table in group]
    drafting = _Drafting(system, [*unread, *findings])
    for table in tables:
        drafting.take(table)
    draft = drafting.roster()
    if not draft.frame.height:
        message = Message("the files name no units, so there is no roster")
        hint = Message("say with `-s SYSTEM` for which definition they are, as it says which columns name units")
        if system is not None:
            hint = Message("name the column of units in the definition: `columns: {{entity: ...}}` at the dataset")
        raise DataError([*drafting.findings, Diagnostic("K546", message, hint=hint)])
    return draft


class _Unit(Struct, eq=False):
    """A unit: its code, all names, the first being shown, the first place where it stands, and the files."""

    code: str | None
    names: list[str]
    first: tuple[int, int] | None = None
    files: dict[str, None] = field(default_factory=dict)

    def take(self, name: str) -> None:
        """Add a name; a full name is shown before its short forms."""
        fuller = clean(self.name) in set(short_forms(clean(name)))
        self.names = [name, *self.names] if fuller else [*self.names, name]

    def stand(self, file: str, number: int, row: int) -> None:
        """Add a place where the unit stands: the file, the number of its table, and the row."""
        self.first = min(self.first or (number, row), (number, row))
        self.files[file] = None

    @property
    def name(self) -> str:
        """The name that is shown."""
        return self.names[0]


class _Drafting(Struct, dict=True):
    """The tables that name units, and what is found about them.

    Attributes:
        system: gives headers and names, see `roster_from_files`.
        findings: so far.
        sources: the tables with columns that name units.
        listing: other tables, each with the units that its header or a line above it names.
    """

    system: System | None
    findings: list[Diagnostic]
    sources: list[Placed] = field(default_factory=list)
    listing: list[tuple[Table, Sequence[str]]] = field(default_factory=list)

    @cached_property
    def beside(self) -> entity_codes.Beside:
        """The codes that stand beside names."""
        return entity_codes.Beside(MONTHS if self.system is None else self.system.timeline)

    # ---- WHERE UNITS ARE NAMED ---- #

    def take(self, table: Table) -> None:
        """Find the columns, the headers or the line above a table that name units."""
        self.findings += [note for note in table.notes if note.severity is not Severity.INFO]
        try:
            table = self.without_blocks(table)
        except DataError as error:
            self.findings += error.diagnostics
            return
        if (source := self.with_columns(table)) is not None:
            self.sources.append(source)
        elif names := self.names_of_table(table):
            self.listing.append((table, names))
        else:
            message = Message("no column names units, so the table is not used for the roster")
            hint = Message("head the column of units 地区 or entity, that of their codes 代码 or code")
            where = table.place(table.header_row)
            self.findings.append(Diagnostic("K546", message, where, hint, Severity.WARNING))

    def without_blocks(self, table: Table) -> Table:
        """Return a table of blocks beside each other as one without.

        Raises:
            DataError: K585 it is not clear how they belong together.
        """
        items = [] if self.system is None else datasets(self.system).values()
        way = next(
            (item.shape.blocks for item in items if item.shape is not None and item.shape.blocks is not None), None
        )
        keys = [] if self.system is None else [clean(self.system.entities.title)]
        blocks = blocks_of(table, keys, way)
        return table if blocks is None else together(table, blocks, keys)[0]

    def with_columns(self, table: Table) -> Placed | None:
        """Return a table with its columns of names and codes, None where it has neither."""
        repeats = {header for items in table.repeats.values() for header in items}
        headers = [header for header in table.columns if header not in repeats and header not in table.unreadable]
        playing: dict[str, str] = {str(item): header for item, header in roles(headers)[0].items()}
        title = ""
        if self.system is not None:
            title = clean(self.system.entities.title)
            playing |= {"entity": title} if title in headers else {}
            for dataset in datasets(self.system).values():
                declared = {item: clean(header) for item, header in dataset.headers.items()}
                if set(declared.values()) <= set(headers):
                    playing |= {item: header for item, header in declared.items() if item in ("entity", "code")}
        if "code" in playing and playing.get("entity") == playing["code"]:
            # A definition names a column of codes as that of units, where there are no names.
            del playing["entity"]
        elif "entity" not in playing:
            others = [header for header in headers if header not in playing.values()]
            if (header := next((other for other in others if _holds_places(table, other)), None)) is not None:
                playing["entity"] = header
        playing = {item: header for item, header in playing.items() if item in ("entity", "code", "measure", "period")}
        if not {"entity", "code"} & playing.keys():
            return None
        source, notes = finest_units(Placed(table, "", ReportedData(), playing), title)
        self.findings += [note for note in notes if note.severity is not Severity.INFO]
        return replace(source, dataset=Records()) if _holds_events(source) else source

    def names_of_table(self, table: Table) -> list[str]:
        """Return the units that stand across the header of a table, or the one that it is about as a whole."""
        across = [header for header in table.columns if role(header) is None and _is_place(header)]
        if len(across) > 1:
            return across
        for dataset in () if self.system is None else datasets(self.system).values():
            if "entity" in dataset.elsewhere:
                return [declared_keys(table, dataset, self.beside.timeline)["entity"][0]]
        line = labelled(table.titles, "entity")
        return [] if line is None else [line[0]]

    # ---- WHO THEY ARE ---- #

    def roster(self) -> DraftRoster:
        """Return the roster of the units in all tables."""
        exclusions = Exclusions() if self.system is None else Exclusions.of(self.system)
        listed_names = [*chain(*(items for _, items in self.listing))]
        # A region without figures is a heading.
        named = (_rows(source, source).filter("filled")["name"].drop_nulls() for source in self.sources)
        regions = beside_places([*listed_names, *chain(*named)], exclusions)
        exclusions = replace(exclusions, leave_out=exclusions.leave_out | regions)
        none = replace(from_data([]), exclusions=exclusions)
        identified = self.beside.of(self.sources, None, none)
        self.findings += self.beside.findings
        known = {code: list(names) for code, names in self.beside.named(none).items()}
        self.findings += entity_codes.renamed(known, self.sources)
        rows = [
            self.without_others(_rows(source, given), given, exclusions)
            for source, given in zip(identified, self.sources, strict=True)
        ]
        names: dict[str, None] = {}
        for name, code in (pair for frame in rows for pair in frame.select("name", "code").rows()):
            if code is not None and name is None and not _IDEOGRAPH.search(code):
                known.setdefault(code_of(code), [])
            elif code is None or name is None:
                names[name or code] = None
        names |= dict.fromkeys(name for name in listed_names if not exclusions.exclude(name))
        entities = from_data(
            list(names), known, exclusions=exclusions, apart=partial(entity_codes.in_one_table, identified)
        )
        units = self.units(entities, known, rows)
        self.near(units)
        self.levels(units)
        self.findings += doubtful([unit.name for unit in units], exclusions)
        return DraftRoster(self.frame(units), tuple(self.findings))

    def units(
        self, entities: Entities, known: Mapping[str, Sequence[str]], rows: Sequence[pl.DataFrame]
    ) -> list[_Unit]:
        """Return the units in their order with all names and files; texts that may be several are asked for instead.

        Args:
            entities: who there is.
            known: the names beside codes.
            rows: the names and codes of each of `sources`.
        """
        units = [
            _Unit(code, list(dict.fromkeys(map(shown, known.get(code or "", ())))) or [name])
            for name, code in entities.frame.select("entity", "code").rows()
        ]
        for name in entities.joined:
            units[entities.lookup[clean(name)]].take(name)
        unclear = {entities.lookup[clean(name)] for name in entities.unclear}
        for number, (source, frame) in enumerate(zip(self.sources, rows, strict=True)):
            asked: dict[str, int] = {}
            for name, code, row in frame.select("name", "code", ROW).rows():
                at = entities.place(name, code)
                if at is not None and at not in unclear:
                    units[at].stand(source.table.file, number, row)
                elif name is not None:
                    asked.setdefault(name, row)
            self.ask(asked, entities, source)
        for number, (table, items) in enumerate(self.listing, len(rows)):
            for column, name in enumerate(items):
                if (at := entities.place(name)) is not None:
                    units[at].stand(table.file, number, column)
        kept = [unit for at, unit in enumerate(units) if at not in unclear]
        kept.sort(key=lambda unit: unit.first or (0, 0))
        if all(unit.code for unit in kept):
            kept.sort(key=lambda unit: unit.code or "")
        return kept

    def without_others(self, rows: pl.DataFrame, source: Placed, exclusions: Exclusions) -> pl.DataFrame:
        """Return the rows that name units, with a note on totals and on names that have no figure."""
        names = rows["name"].to_list()
        total = [name is not None and exclusions.exclude(name) for name in names]
        empty = [
            not filled and not item and not exclusions.is_kept(name or "")
            for name, filled, item in zip(names, rows["filled"], total, strict=True)
        ]
        if any(total):
            items = by_name(rows.filter(pl.Series(total, dtype=pl.Boolean)).select("name", ROW).rows())
            message = Message("totals and the like are left out of the roster: {names}", names=listed(items))
            where = source.table.place(None, source.roles.get("entity"))
            hint = Message("if one is a unit, add it to the roster")
            self.findings.append(Diagnostic("K612", message, where, hint, Severity.INFO))
        if any(empty):
            lacking = rows.filter(pl.Series(empty, dtype=pl.Boolean))
            items = by_name(lacking.select(pl.coalesce("name", "code"), ROW).rows())
            self.findings.append(figureless_note(source, items, closed=True))
        left = [not (item or other) for item, other in zip(total, empty, strict=True)]
        return rows.filter(pl.Series(left, dtype=pl.Boolean))

    # ---- WHAT IS LEFT OPEN ---- #

    def ask(self, rows: Mapping[str, int], entities: Entities, source: Placed) -> None:
        """Add the warning on texts that may mean several units, and are in the roster as none of them.

        Args:
            rows: the first row of each text.
            entities: says which units they may mean.
            source: the table.
        """
        for text, row in rows.items():
            ambiguous = [entities.names[at] for at in entities.ambiguous.get(clean(text), ())]
            which = alternatives(entities.unclear.get(shown(text)) or ambiguous)
            message = Message("`{text}` may be {names}, and is not in the roster", text=text, names=which)
            hint = Message("write the code or the whole name, or add it as an alias of the one that is meant")
            where = source.table.place(row, source.roles.get("entity"))
            self.findings.append(Diagnostic("K484", message, where, hint, Severity.WARNING))

    def near(self, units: Sequence[_Unit]) -> None:
        """Add the warning on names that may be of one unit: nearly alike, and never in one period of one table.

        Different codes tell units apart, and so do two rows of a table.
        """
        owner = {clean(name): unit for unit in units for name in unit.names}
        pairs = [
            (owner[entry], owner[other])
            for entry, other in near(owner)
            if owner[entry] is not owner[other] and not (owner[entry].code and owner[other].code)
        ]
        pairs = list(dict.fromkeys(pairs))
        names = {clean(name) for pair in pairs for unit in pair for name in unit.names}
        apart = [set(map(clean, items)) for _, items in self.listing]
        apart += entity_codes.in_one_table(self.sources, names) if names else []
        pairs = [
            (entry, other) for entry, other in pairs
            if not any({clean(a), clean(b)} <= items for items in apart for a in entry.names for b in other.names)
        ]  # fmt: skip
        for item, other in pairs[:_PAIRS]:
            message = Message("{name} and {other} may be one unit", name=item.name, other=other.name)
            files = tuple(dict.fromkeys([*item.files, *other.files]))
            hint = Message(
                "if they are, delete one row and name it under `aliases` of the other; they stand in {files}",
                files=files,
            )
            self.findings.append(Diagnostic("K485", message, Place(), hint, Severity.WARNING))
        if len(pairs) > _PAIRS:
            message = Message("{more:,} more pairs of names may be one unit each", more=len(pairs) - _PAIRS)
            more = len(pairs) - _PAIRS
            self.findings.append(Diagnostic("K485", message, Place(), None, Severity.WARNING, stands_for=more))

    def levels(self, units: Sequence[_Unit]) -> None:
        """Add the note that some units are above others, as cities among their counties."""
        items = units_above([unit.name for unit in units], [code_of(unit.code or unit.name) for unit in units])
        if items:
            message = Message("units that others belong to would be ranked beside them: {names}", names=tuple(items))
            hint = Message("delete their rows and name them in `entities: {{leave_out: [...]}}`, or give cohorts")
            self.findings.append(Diagnostic("K486", message, Place(), hint, Severity.WARNING))

    # ---- THE TABLE ---- #

    def frame(self, units: Sequence[_Unit]) -> pl.DataFrame:
        """Return the roster, see `COLUMNS`."""
        owners: dict[str, set[int]] = {}
        for at, unit in enumerate(units):
            for name in unit.names:
                owners.setdefault(clean(name), set()).add(at)
        codes = [unit.code for unit in units if unit.code]
        divisions = all(map(is_division, codes))
        rows = []
        for unit in units:
            own = {name: owners[clean(name)] for name in unit.names[1:] if clean(name) != clean(unit.name)}
            others = [name for name, of in own.items() if len(of) == 1]
            parted = [name for name in others if _PARTING.search(name)]
            for name in parted:
                message = Message(
                    "`{text}` cannot be an alias of {name}, as it holds a sign that parts aliases",
                    text=name, name=unit.name,
                )  # fmt: skip
                hint = Message("write the name in the files as in the roster")
                self.findings.append(Diagnostic("K484", message, Place(), hint, Severity.WARNING))
            aliases = _BETWEEN.join(dict.fromkeys(name for name in others if name not in parted))
            parent = parent_of(unit.code) if unit.code and divisions else None
            rows.append((unit.name, unit.code, None, aliases or None, parent, _BETWEEN.join(unit.files)))
        return pl.DataFrame(rows, dict.fromkeys(COLUMNS, pl.String), orient="row")


def _is_place(text: str) -> bool:
    return bool(PLACE.fullmatch(text) or PROVINCE.fullmatch(text))


def _holds_places(table: Table, header: str) -> bool:
    """Return whether most texts of a column are names of places."""
    text = pl.selectors.by_name(header)
    cells = table.frame.head(_HEAD).select(text.cast(pl.String).str.strip_chars().unique()).collect().to_series()
    texts = [clean(cell) for cell in cells.drop_nulls() if cell]
    return bool(texts) and sum(map(_is_place, texts)) * 2 > len(texts)


def _holds_events(source: Placed) -> bool:
    """Return whether a table has several rows for a unit, period and measure, as one of events has."""
    keys = [text for key in ("entity", "code", "period", "measure") if (text := source.roles.get(key)) is not None]
    rows = (source.table.whole or source.table).frame.select(pl.selectors.by_name(*keys)).drop_nulls()
    counts = rows.select(rows=pl.len(), different=pl.struct(pl.all()).n_unique()).collect(engine="streaming")
    return bool(counts["rows"][0] > counts["different"][0])


def _rows(source: Placed, given: Placed) -> pl.DataFrame:
    """Return the distinct pairs of name and code of a table, with the first row and whether one has another cell.

    Args:
        source: the table with the roles that identify its units.
        given: with the roles that its headers have.
    """
    table = given.table.whole or given.table
    headers = {item: given.roles.get(item) for item in ("entity", "code")}
    if "code" not in source.roles:
        headers["code"] = None
    others = [column for column in table.columns if column not in headers.values() and role(column) != "order"]
    filled = pl.any_horizontal(pl.selectors.by_name(*others).is_not_null()) if others else pl.lit(value=True)
    cells = table.numbered().select(
        ROW,
        *(
            (pl.lit(None, dtype=pl.String) if header is None else entity_codes.text_of(header)).alias(name)
            for name, header in (("name", headers["entity"]), ("code", headers["code"]))
        ),
        filled=filled,
    )
    rows = cells.group_by("name", "code").agg(pl.col(ROW).min(), pl.col("filled").any()).sort(ROW).collect()
    rows = rows.filter(pl.any_horizontal(pl.col("name", "code").is_not_null()))
    heading = [
        any(entity_codes.repeats_heading(given, text) for text in pair if text is not None)
        for pair in rows.select("name", "code").rows()
    ]
    return rows.filter(~pl.Series(heading, dtype=pl.Boolean))
