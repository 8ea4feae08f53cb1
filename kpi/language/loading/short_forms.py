"""Short forms of a definition: measures from the headings of a dataset, measures, indicators and pillars from a table.

`measures: {from: datasets.panel}`, `measures: {table: indicators.csv}` and `indicators: {table: indicators.csv}` are
written out here, before anything is checked, so that whatever holds for a definition in YAML holds for one of a table.
Every value that comes from a cell keeps its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace
from pydantic import BaseModel

from kpi.errors import DataError, Diagnostic, Message, Place, Severity, suggest
from kpi.language.indicators import KINDS as INDICATORS
from kpi.language.loading import positions
from kpi.language.loading.beside import Headings
from kpi.language.loading.table_reader import is_short, reader
from kpi.language.loading.table_rows import Cell, Row, Rows, indicator, measure, name_of, weight_in
from kpi.language.measures import Reported
from kpi.language.model import Path
from kpi.language.system import ShortIndicators, ShortMeasures
from kpi.values.names import clean

#: What a measure is called whose heading or row has the name of an indicator or pillar, which share one namespace.
OF_INDICATOR = "m_{}"
#: What rows of indicators have, and those of pillars do not.
_FIGURES = ("of", "unit", "low", "high", "benchmark", "numerator", "denominator", "expr")
#: The pillar of indicators that have weights and no pillar.
ALL = "all"


class Written(Struct):
    """A definition with its short forms written out.

    Attributes:
        tree: what the YAML would say.
        tables: the files that it was taken from, as the definition names them.
        findings: what is wrong in the tables, or told of them.
    """

    tree: dict[str, Any]
    tables: list[str] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)


def written_out(document: positions.Document, folder: FilePath | None) -> Written:
    """Return the tree of a document with its short forms written out; the document gets the places of their values."""
    tree = dict(document.data)
    short = {key: tree[key] for key in ("measures", "indicators") if is_short(tree.get(key))}
    if not short:
        return Written(document.data)
    return _Writing(document, folder or FilePath(), Written(tree)).write(short)


class _Writing(Struct):
    """One writing out: the document, where its files are, and what comes of it."""

    document: positions.Document
    folder: FilePath
    written: Written

    def write(self, short: Mapping[str, Mapping[str, Any]]) -> Written:
        """Write out the short forms."""
        rows: dict[str, list[Row]] = {}
        for section, given in short.items():
            self.keys_of(section, given)
            rows[section] = [] if "table" not in given else self.rows(section, given)
        tree = self.written.tree
        grouped = _Tree.of(rows.get("indicators", []))
        taken = {leave.name for leave in grouped.leaves} | grouped.names
        taken |= {str(name) for key in ("indicators", "pillars") for name in _definitions(tree.get(key), key)}
        if "measures" in short:
            tree["measures"] = self.measures(short["measures"], _Tree.of(rows["measures"]).leaves, taken)
        if "indicators" in short:
            tree["indicators"] = self.indicators(short["indicators"], grouped.leaves, tree.get("measures"))
            if (pillars := self.pillars(grouped, tree.get("pillars"))) is not None:
                tree["pillars"] = pillars
        return self.written

    # ---- THE SHORT FORM ITSELF ---- #

    def keys_of(self, section: str, given: Mapping[str, Any]) -> None:
        """Report keys of a short form that are none, and values that they cannot have."""
        own = {item.alias or name: item for name, item in _model(section).model_fields.items()}
        shared = _shared(section)
        for key, value in given.items():
            if isinstance(value, dict):
                continue
            place = self.document.place((section, key), key=True)
            if key not in own and key not in shared:
                hint = suggest(str(key), [*own, *shared]) or Message("what there is: {keys}", keys=(*own, *shared))
                self.add(Diagnostic("K110", Message("unknown key `{key}`", key=key), place, hint))
            elif key in ("from", "table", "sheet", "leave_out"):
                texts = value if isinstance(value, list) and key in ("table", "leave_out") else [value]
                if not all(isinstance(text, str) for text in texts):
                    message = Message("`{key}` must be a text", key=key)
                    self.add(Diagnostic("K113", message, self.document.place((section, key))))

    def add(self, *findings: Diagnostic) -> None:
        """Add findings; what two sections find in one table is one."""
        known = {_apart(finding) for finding in self.written.findings}
        self.written.findings += [finding for finding in findings if _apart(finding) not in known]

    def put(self, path: Path, cell: Cell) -> None:
        """Keep the place of a value and of what it is in, unless the document has them."""
        for length in range(1, len(path) + 1):
            if not self.document.has(path[:length]):
                self.document.cells.setdefault(path[:length], cell)

    def named_in(self, path: Path) -> str:
        return str(self.document.place(path))

    # ---- TABLES ---- #

    def rows(self, section: str, given: Mapping[str, Any]) -> list[Row]:
        """Return the rows of the tables that a section names."""
        rows: list[Row] = []
        left_out = _texts(given.get("leave_out"))
        known: set[str] = set()
        for file in _texts(given.get("table")):
            path = (section, "table")
            for table in self.tables(path, file, lambda each: reader().rows(each, _sheet(given))):
                result = Rows.of(table, self.named_in(path), {clean(item) for item in left_out})
                self.add(*result.findings)
                rows += result.rows
                known |= {*table.columns}
        known |= {text for row in rows for text in (*row.texts, *row.path)}
        self.unknown(section, [item for item in left_out if item not in known])
        kept = [row for row in rows if not row.texts & set(left_out)]
        for row in kept:
            row.path = [step for step in row.path if step not in left_out]
            self.put((section, row.name), row.cell("name"))
        return kept

    def tables(self, path: Path, file: str, read: Any) -> list[Any]:
        """Return the tables of a file beside the definition; report a file that is not there or cannot be read."""
        place = self.document.place(path)
        beside = FilePath(self.document.file).parent / file
        file_path = beside if beside.is_file() and beside.samefile(self.folder / file) else self.folder / file
        if not file_path.is_file():
            message = Message("there is no file `{file}` beside the definition", file=file)
            near = [item.name for item in self.folder.iterdir()] if self.folder.is_dir() else []
            hint = suggest(file, near) or Message("put it there, or give its path from there")
            self.add(Diagnostic("K107", message, place, hint))
            return []
        if file not in self.written.tables:
            self.written.tables.append(file)
        try:
            return list(read(file_path))
        except DataError as error:
            self.add(*error.diagnostics)
            return []

    def unknown(self, section: str, names: Iterable[str]) -> None:
        """Warn of names under `leave_out` that the table does not have."""
        for name in names:
            message = Message("`{name}` is left out, and the table does not have it", name=name)
            place = self.document.place((section, "leave_out"))
            self.add(Diagnostic("K136", message, place, None, Severity.WARNING))

    # ---- MEASURES ---- #

    def measures(self, given: Mapping[str, Any], rows: Iterable[Row], taken: set[str]) -> dict[str, Any]:
        """Return the measures of headings and rows, with those that are defined beside them."""
        definitions: dict[str, dict[str, Any]] = {}
        if "from" in given:
            definitions |= self.from_headings(given, taken)
        for row in rows:
            if "expr" in row.cells or {"numerator", "denominator"} <= row.cells.keys():
                continue  # what it is computed from are other measures
            own = name_of(row.cells["of"]) if "of" in row.cells else row.name
            name = OF_INDICATOR.format(own) if own in taken else own
            self.define(("measures", name), row, measure(row, self.written.findings), definitions)
        return self.merged("measures", definitions, given)

    def from_headings(self, given: Mapping[str, Any], taken: set[str]) -> dict[str, dict[str, Any]]:
        """Return a measure for each column of figures of a dataset."""
        path: Path = ("measures", "from")
        datasets = _mapping(self.written.tree.get("datasets"))
        name = str(given["from"]).removeprefix("datasets.")
        if name not in datasets:
            hint = suggest(name, datasets) or Message("declare it under `datasets:`")
            message = Message("unknown dataset `{name}`", name=name)
            self.add(Diagnostic("K204", message, self.document.place(path), hint))
            return {}
        dataset = _mapping(datasets[name])
        file = dataset.get("headings")
        if not isinstance(file, str) or dataset.get("form") != "panel":
            message = Message("the dataset `{name}` does not say what its headings are", name=name)
            hint = Message(
                "write `datasets: {{{name}: {{form: panel, headings: figures.csv}}}}`, a table of figures beside the "
                "definition, of which the headings are read",
                name=name,
            )
            self.add(Diagnostic("K139", message, self.document.place(path), hint))
            return {}
        keys = [item for stated in _mapping(dataset.get("columns")).values() for item in _texts(stated)]
        keys += _texts(_mapping(self.written.tree.get("entities")).get("title"))
        definitions: dict[str, dict[str, Any]] = {}
        left_out = {clean(item) for item in _texts(given.get("leave_out"))}
        seen: set[str] = set()
        for table in self.tables(path, file, lambda each: reader().headings(each, _sheet(given), keys)):
            seen |= {clean(text) for heading, title, _ in table.figures for text in (heading, title)}
            self.of_headings(table, name, left_out, taken, definitions)
        if seen:
            self.unknown("measures", sorted(left_out - seen))
        return definitions

    def of_headings(
        self, table: Headings, dataset: str, left_out: set[str], taken: set[str], definitions: dict[str, dict[str, Any]]
    ) -> None:
        """Add a measure for each column of figures of a table."""
        named_in = self.named_in(("measures", "from"))

        def cell(heading: str | None) -> Cell:
            place = Place(table.file, sheet=table.sheet, row=table.header_row, field=heading, named_in=named_in)
            return Cell(place, heading or "")

        others = tuple(other for other in table.others if clean(other) not in left_out)
        if others:
            message = Message("columns without figures are no measures: {columns}", columns=others)
            hint = Message("if one is, define it beside `from`")
            self.add(Diagnostic("K547", message, cell(None).place, hint, Severity.INFO))
        if not table.figures:
            message = Message("the table has no column of figures")
            self.add(Diagnostic("K139", message, cell(None).place, Message("give it one, under a heading")))
        for heading, title, unit in table.figures:
            if {clean(heading), clean(title)} & left_out:
                continue
            own = name_of(title)
            name = OF_INDICATOR.format(own) if own in taken else own
            if name in definitions:
                message = Message("two headings make the measure `{name}`", name=name)
                hint = Message("rename one, or name it under `leave_out`")
                self.add(Diagnostic("K137", message, cell(heading).place, hint))
                continue
            definitions[name] = {"title": title, "from": dataset} | ({} if unit is None else {"unit": unit})
            for path in [("measures", name), *(("measures", name, key) for key in definitions[name])]:
                self.put(path, cell(heading))

    # ---- INDICATORS ---- #

    def indicators(self, given: Mapping[str, Any], rows: Iterable[Row], measures: Any) -> dict[str, Any]:
        """Return the indicators of rows, with those that are defined beside them."""
        names: dict[str, str] = {}
        for name, item in _mapping(measures).items():
            names.setdefault(clean(str(name)), str(name))
            for text in (*_texts(_mapping(item).get("title")), *_texts(_mapping(item).get("synonyms"))):
                names.setdefault(clean(text), str(name))
        definitions: dict[str, dict[str, Any]] = {}
        for row in rows:
            self.define(("indicators", row.name), row, indicator(row, lambda text: names.get(clean(text), text),
                                                                self.written.findings), definitions)  # fmt: skip
            entry = definitions[row.name]
            # A denominator alone is that of the row's own measure.
            needs = {"level": "of", "ratio": "numerator"}.get(entry.get("kind", ""))
            if needs is not None and needs not in entry:
                texts = (
                    OF_INDICATOR.format(row.name),
                    row.name,
                    row.cells.get("title", ""),
                    row.cells.get("label", ""),
                )
                own = next((names[clean(text)] for text in texts if clean(text) in names), None)
                if own is None:
                    explicit = _mapping(given.get(row.name))
                    if not {needs, "kind"} & explicit.keys():
                        message = Message("there is no measure for `{name}`", name=row.name)
                        hint = Message("name one in a column `of` (数据项), or write `measures: {{table: ...}}`, too")
                        self.add(Diagnostic("K203", message, row.cell("name").place, hint))
                    continue
                entry[needs] = own
                self.put(("indicators", row.name, needs), row.cell("name"))
        return self.merged("indicators", definitions, given)

    def define(self, path: Path, row: Row, values: Iterator[Any], definitions: dict[str, dict[str, Any]]) -> None:
        """Add what a row defines, with the place of each value."""
        entry: dict[str, Any] = {}
        self.put(path, row.cell("name"))
        for inner, (value, key) in values:
            if value is None:
                continue  # which is reported
            at: Any = entry
            for step, following in zip(inner, (*inner[1:], None), strict=True):
                whole: Path = (*path, *inner[: inner.index(step) + 1])
                self.put(whole, row.cell(key))
                if following is None:
                    at[step] = value
                elif isinstance(at, list):
                    if len(at) <= int(step):
                        at.append({})
                    at = at[int(step)]
                else:
                    at = at.setdefault(step, [] if isinstance(following, int) else {})
        definitions[str(path[-1])] = entry

    def merged(
        self, section: str, definitions: Mapping[str, dict[str, Any]], given: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return definitions of a table with the defaults of the short form, and with those that are written out.

        A definition that is written out takes the place of the keys that it has, with a `kind` that of all.
        """
        shared = {key: value for key, value in given.items() if key in _shared(section) and not isinstance(value, dict)}
        whole: dict[str, Any] = {}
        for name, entry in definitions.items():
            own = given.get(name)
            if isinstance(own, dict) and "kind" in own:
                whole[name] = own
                continue
            whole[name] = {**shared, **entry, **(own if isinstance(own, dict) else {})}
            for key in _mapping(own):
                self.document.forget((section, name, key))
            for key in shared.keys() - entry.keys():
                self.document.borrow((section, name, key), (section, key))
        return whole | {key: item for key, item in _definitions(given, section).items() if key not in whole}

    # ---- PILLARS ---- #

    def pillars(self, tree: _Tree, given: Any) -> dict[str, Any] | None:
        """Return the pillars that the rows make, with what is written out; None where they make none."""
        tree.weigh(self.written.findings)
        if not tree.parts:
            return None
        explicit = _mapping(given)
        definitions: dict[str, Any] = {}
        inside = {part for parts in tree.parts.values() for part in parts}
        inside |= {str(part) for item in explicit.values() for part in _mapping(item).get("parts", ())}
        tops = [
            name for name in (*tree.parts, *(item for item in explicit if item not in tree.parts)) if name not in inside
        ]
        summed = []
        for name, parts in tree.parts.items():
            own, row = _mapping(explicit.get(name)), tree.first[name]
            self.put(("pillars", name), row[0].cell(row[1]))
            named = own.get("parts")
            listed = named if isinstance(named, dict) else dict.fromkeys(named, 1.0) if isinstance(named, list) else {}
            definitions[name] = {"title": tree.titles.get(name)} if tree.titles.get(name) not in (None, name) else {}
            definitions[name] |= {**own, "parts": {**parts, **listed}}
            if tree.equal:
                definitions[name].setdefault("relative", True)
            for part in parts.keys() - listed.keys():
                cell = tree.weighed.get(part, tree.first.get(part, row))
                self.put(("pillars", name, "parts", part), cell[0].cell(cell[1]))
            if name in tops and len(tops) > 1 and "weight" not in own:
                definitions[name]["weight"] = tree.weights[name]
                cell = tree.weighed.get(name, row)
                self.put(("pillars", name, "weight"), cell[0].cell(cell[1]))
            if (
                name not in tree.weighed
                and not tree.equal
                and "weight" not in own
                and (name in inside or len(tops) > 1)
            ):
                summed.append(Message("{name} {weight:.6g}", name=name, weight=tree.weights[name]))
        if summed:
            message = Message("pillars without a weight weigh as much as their parts: {pillars}", pillars=tuple(summed))
            hint = Message("give them rows or a column of weights of their own, or `weight:` under `pillars:`")
            place = Place(tree.leaves[0].table.file, named_in=tree.leaves[0].named_in)
            self.add(Diagnostic("K489", message, place, hint, Severity.INFO))
        return definitions | {name: item for name, item in explicit.items() if name not in definitions}


class _Tree(Struct):
    """The tree that rows make.

    Attributes:
        leaves: the rows of indicators.
        parts: the parts of each pillar with their weights.
        first: by pillar the first row that names it, with the key of the cell.
        titles: what pillars are called in the table.
        weights: the weight of each part and pillar.
        weighed: the row and key of the weight of each, where a cell has it.
        equal: whether no weight is given, so that all weigh the same.
        rows: the rows that are pillars.
    """

    leaves: list[Row]
    parts: dict[str, dict[str, float]] = field(default_factory=dict)
    first: dict[str, tuple[Row, str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    weighed: dict[str, tuple[Row, str]] = field(default_factory=dict)
    equal: bool = False
    rows: dict[str, Row] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """The names of the pillars."""
        return set(self.first)

    @classmethod
    def of(cls, rows: list[Row]) -> _Tree:
        """Return the tree of the rows of a table; a row that others name as theirs is a pillar."""
        pillars = {name_of(text) for row in rows for text in row.path}
        of_text = {name_of(row.cells[key]): row.name for row in rows for key in ("title", "label") if key in row.cells}
        named = {of_text.get(pillar, pillar) for pillar in pillars}
        tree = cls([row for row in rows if row.name not in named])
        for row in rows:
            is_pillar = row.name in named
            steps = [of_text.get(name_of(text), name_of(text)) for text in row.path]
            for level, (step, text) in enumerate(zip(steps, row.path, strict=True), 1):
                tree.first.setdefault(step, (row, f"level{level}"))
                tree.titles.setdefault(step, clean(text))
                tree.parts.setdefault(step, {})
                if f"weight{level}" in row.cells:
                    tree.weighed.setdefault(step, (row, f"weight{level}"))
            for above, below in pairwise([*steps, row.name]):
                tree.parts[above].setdefault(below, 0.0)
            if is_pillar:
                tree.first[row.name] = (row, "name")
                tree.titles[row.name] = clean(row.cells.get("title", row.cells.get("label", row.name)))
                tree.parts.setdefault(row.name, {})
                tree.rows[row.name] = row
            if "weight" in row.cells:
                tree.weighed[row.name] = (row, "weight")
        if not tree.parts and tree.leaves and any(row.name in tree.weighed for row in tree.leaves):
            tree.parts[ALL] = dict.fromkeys((row.name for row in tree.leaves), 0.0)
            tree.first[ALL] = (tree.leaves[0], "weight")
        return tree

    def weigh(self, findings: list[Diagnostic]) -> None:
        """Find the weights: of cells, else of the parts; all 1 where no cell has one."""
        placed = {part for parts in self.parts.values() for part in parts}
        for name, row in self.rows.items():
            key = next((cell for cell in row.cells if cell in _FIGURES or cell.startswith("target")), None)
            if key is not None:
                message = Message("`{name}` is the pillar of other rows, and no indicator", name=name)
                hint = Message("leave this cell blank, or give the pillar another name")
                findings.append(row.wrong(key, message, hint))
        self.equal = not self.weighed
        for row in self.leaves if self.parts else ():
            if row.name not in placed:
                message = Message("`{name}` is in no pillar, so it does not count", name=row.name)
                hint = Message("repeat the pillar in each row")
                findings.append(row.wrong("level1", message, hint))
            elif row.name not in self.weighed and not self.equal:
                message = Message("`{name}` has no weight, and others have one", name=row.name)
                findings.append(row.wrong("weight", message, Message("write its weight")))
        for name, (row, key) in self.weighed.items():
            weight = weight_in(row, key, findings)
            if weight is not None:
                self.weights[name] = weight
        for name in self.parts:
            self.weight(name, ())
        for parts in self.parts.values():
            parts |= {part: self.weights.get(part, 1.0) for part in parts}

    def weight(self, name: str, above: tuple[str, ...]) -> float:
        """Return the weight of a part: its own, else that of its parts together; circles are found by later checks."""
        if name in self.weights:
            return self.weights[name]
        if name not in self.parts or self.equal or name in above:
            self.weights[name] = 1.0
        else:
            self.weights[name] = sum(self.weight(part, (*above, name)) for part in self.parts[name]) or 1.0
        return self.weights[name]


def _apart(finding: Diagnostic) -> tuple[object, ...]:
    """Return what tells findings apart, wherever their table is named."""
    return finding.code, finding.message, replace(finding.place, named_in=None)


def _model(section: str) -> type[BaseModel]:
    return ShortMeasures if section == "measures" else ShortIndicators


def _shared(section: str) -> set[str]:
    """Return the keys that all definitions of a short form may share: those of measures, or of indicators."""
    models: tuple[type[BaseModel], ...] = (Reported,) if section == "measures" else INDICATORS
    keys = {item.alias or name for model in models for name, item in model.model_fields.items()}
    return keys - {"title", "note", "of", "from", "synonyms", "target", "score"}


def _definitions(section: Any, key: str) -> dict[str, Any]:
    """Return the definitions that are written out in a section, be it in its short form or not."""
    short = key != "pillars" and is_short(section)
    return {name: item for name, item in _mapping(section).items() if not short or isinstance(item, dict)}


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> list[str]:
    return (
        [value]
        if isinstance(value, str)
        else [item for item in value if isinstance(item, str)]
        if isinstance(value, list | tuple)
        else []
    )


def _sheet(given: Mapping[str, Any]) -> str | None:
    sheet = given.get("sheet")
    return sheet if isinstance(sheet, str) else None
