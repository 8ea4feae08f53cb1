"""Recognition: how a table lies, from its header, the lines above it and, where a header is blank, its cells.

A table is turned only where one reading is possible. Periods stand across the header where headers are periods with
their year and no column names periods; entities where most headers are names of places, or are in the roster, and no
column names entities. What a dataset declares as its `shape` is taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property

import polars as pl
from msgspec import Struct, field

from kpi.errors import DataError, Diagnostic, Message, suggest
from kpi.intake.cells.cell_text import as_text
from kpi.intake.entities import Entities
from kpi.intake.files.headers import clean, names_row_of_keys, role, roles, split_unit
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import PLACE, is_unit, measure_names, measure_of
from kpi.intake.shapes.labels import (
    are_words,
    is_unnamed,
    labelled,
    period_in,
    period_inside,
    stem,
    with_measure,
    without_period,
)
from kpi.intake.shapes.turning import Shape
from kpi.language.datasets import Dataset, Records
from kpi.language.system import System
from kpi.values import period_texts
from kpi.values.patterns import regex
from kpi.values.periods import Order

#: How many of the first rows show what a column holds.
_HEAD = 10_000

PROVINCE = regex(
    "北京|天津|河北|山西|内蒙古|辽宁|吉林|黑龙江|上海|江苏|浙江|安徽|福建|江西|山东|河南|湖北|湖南|广东|广西|海南|重庆|四川|贵州"
    "|云南|西藏|陕西|甘肃|青海|宁夏|新疆|香港|澳门|台湾"
)

#: What the columns of figures are called in messages.
ACROSS = {"periods": Message("periods"), "entities": Message("units"), "measures": Message("measures")}


class Recognised(Struct, frozen=True):
    """A shape, where its keys stand that no column has, and the columns that are left out."""

    shape: Shape
    sources: Sequence[Message] = ()
    left_out: Sequence[str] = ()


class Recognition(Struct, dict=True):
    """One look at a table.

    Attributes:
        system: gives the names of measures and the roster.
        table: the table.
        dataset: what is declared of it, None for nothing.
        roster: gives the entities of the roster, None without one.
    """

    system: System
    table: Table
    dataset: Dataset | None
    roster: Callable[[], Entities | None]
    sources: list[Message] = field(default_factory=list)
    #: The columns whose role is known from their cells or the definition rather than from their header.
    read_by_cells: set[str] = field(default_factory=set)
    #: The column of the year of periods that stand across, None where their headers name it.
    years: str | None = None

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The measures by their texts."""
        return measure_names(self.system)

    @cached_property
    def declared(self) -> str | None:
        """What is declared to stand across the header."""
        return self.dataset.shape.columns if self.dataset is not None and self.dataset.shape is not None else None

    @cached_property
    def given(self) -> Collection[str]:
        """The roles that are declared to stand elsewhere than in columns."""
        return set() if self.dataset is None else set(self.dataset.elsewhere)

    @cached_property
    def headers(self) -> list[str]:
        """The headers, of those that occur more than once the first."""
        further = {item for items in self.table.repeats.values() for item in items}
        return [header for header in self.table.columns if header not in further]

    @cached_property
    def roles(self) -> dict[str, str]:
        """The columns that play a role, by the role."""
        playing: dict[str, str] = {str(item): header for item, header in roles(self.headers)[0].items()}
        if (own := clean(self.system.entities.title)) in self.headers:
            playing["entity"] = own
        if clean(playing.get("entity", "")) == "单位" and self._all(playing["entity"], is_unit):
            playing["unit"] = playing.pop("entity")
        playing = {item: header for item, header in playing.items() if item not in self.given}
        if self.dataset is not None:
            named = {**self.dataset.headers, **({"period": self.parts[0]} if self.parts else {})}
            playing |= {item: clean(header) for item, header in named.items() if clean(header) in self.headers}
            if self.dataset.shape is not None and self.dataset.shape.rows is not None and self.headers:
                of = {"periods": "period", "entities": "entity", "measures": "measure"}[self.dataset.shape.rows]
                playing = {item: header for item, header in playing.items() if header != self.headers[0]}
                playing[of] = self.headers[0]
                self.read_by_cells.add(self.headers[0])
        playing |= {item: header for item, header in self.table.roles.items() if header is not None}
        playing = {
            item: header for item, header in playing.items() if item not in self.table.roles or self.table.roles[item]
        }
        for header in self.headers:
            unnamed = is_unnamed(header) and header not in playing.values()
            kind = self._by_cells(header) if unnamed else None
            if kind is not None and kind not in playing:
                playing[kind] = header
                self.read_by_cells.add(header)
        # A column of measures beside one of their codes: the one whose texts are those of the system.
        beside = [item for item in self.headers if item.casefold() in ("indicator code", "series code")]
        if beside and "measure" in playing and not self._any_text(playing["measure"], self.is_measure):
            playing["measure"] = next(
                (item for item in beside if self._any_text(item, self.is_measure)), playing["measure"]
            )
        return playing

    @cached_property
    def parts(self) -> list[str]:
        """The columns of a year and its part, where the dataset names them."""
        return [] if self.dataset is None else [clean(item) for item in self.dataset.parts_of_period]

    @cached_property
    def others(self) -> list[str]:
        """The headers that play no role."""
        playing = {*self.roles.values(), *self.parts}
        return [header for header in self.headers if header not in playing and header not in self.table.unreadable]

    @cached_property
    def figures(self) -> list[str]:
        """The headers that name a measure of the system."""
        return [header for header in self.others if self.is_measure(header)]

    def period_in(self, text: str, year: int | None = None, order: Order = "ymd") -> str | None:
        """Return the text of the period that a whole text names, None for any other."""
        return period_in(text, year, order, self.system.timeline)

    def is_measure(self, text: str) -> bool:
        """Return whether a text names a measure of the system."""
        return measure_of(self.names, text)[0] is not None

    # ---- SHAPES ---- #

    def shape(self) -> Recognised | None:
        """Return how the table lies, None where it is to be read as it is.

        Raises:
            DataError: K563 a key of a declared or recognised shape is not found, K564 the measure of the whole table is
                none of the system.
        """
        if self.declared == "periods":
            return self.periods()
        if self.declared == "entities":
            return self.entities()
        if self.declared == "measures":
            return None
        if "value" in self.roles and "measure" in self.roles:
            dated = [] if {"period"} & {*self.roles, *self.given} else list(self.dated())
            if len(dated) > 1:
                raise self.two_shapes(dated, [self.roles["value"]])
            return None
        return self.periods() or self.labelled_rows() or self.entities()

    def periods(self) -> Recognised | None:
        """Return the shape of a table with periods across, None for any other."""
        columns = self.dated()
        if not columns:
            if self.declared is None:
                return None
            raise self.lacks(
                "period", Message("no header is a period with its year, such as 2023年, 2023Q1 or 2023-01")
            )
        own = {header: keys for header, keys in columns.items() if "measure" in keys}
        if self.declared is None and "period" in self.roles and self.years is None:
            return None
        if self.declared is None and self.figures:
            if len([item for item in own.values() if self.is_measure(item["measure"])]) > 1:
                raise self.two_shapes(list(own), self.figures)
            return None
        if own:
            return self.periods_of_measures(own, columns)
        rest = [header for header in self.others if header not in columns]
        constants: dict[str, str] = {}
        ids = {item: header for item, header in self.roles.items() if item in ("entity", "code", "measure")}
        if "measure" not in ids and "measure" not in self.given:
            text = self.measure_of_table()
            if text is None:
                if len(columns) == 1 and self.declared is None:
                    return None
                self.entity(ids, rest, constants)
                raise self.lacks("measure", columns=columns, ids=ids)
            constants["measure"] = text
        self.entity(ids, rest, constants, columns)
        return self.recognised("periods", columns, ids, constants)

    def periods_of_measures(
        self, own: Mapping[str, Mapping[str, str]], columns: Mapping[str, Mapping[str, str]]
    ) -> Recognised | None:
        """Return the shape of a table whose headers name a measure and a period each."""
        known = {header: keys for header, keys in own.items() if self.is_measure(keys["measure"])}
        if not known:
            texts = list(dict.fromkeys(keys["measure"] for keys in own.values()))
            if not texts or (len(own) == 1 and self.declared is None):
                return None
            raise self.unknown(texts)
        for header, keys in known.items():
            name, unit = measure_of(self.names, keys["measure"])
            if unit is not None:
                text = next(text for text, item in self.names.items() if item == name)
                known[header] = {**keys, "measure": text, "unit": unit}
        ids = {item: header for item, header in self.roles.items() if item in ("entity", "code")}
        constants: dict[str, str] = {}
        rest = [header for header in self.others if header not in columns]
        self.entity(ids, rest, constants, known)
        return self.recognised("periods", known, ids, constants, [column for column in columns if column not in known])

    def dated(self) -> dict[str, dict[str, str]]:
        """Return the headers that are periods, each with what it says."""
        columns: dict[str, dict[str, str]] = {}
        order = self.order()
        unclear = []
        for header in self.others:
            if self.is_measure(header):
                continue
            if (text := self.period_in(header, order=order)) is not None:
                columns[header] = {"period": text}
            elif (
                both := with_measure(header, self.names, depth=self.table.depth, timeline=self.system.timeline)
            ) is not None:
                columns[header] = {"period": both[0], **({"measure": both[1]} if both[1] else {})}
            elif self.period_in(header, 2000) is not None:
                unclear.append(header)
        if unclear and not columns:
            columns = self._of_a_year(unclear)
        plain = {header: keys for header, keys in columns.items() if "measure" not in keys}
        # Levels that name measures, and columns of a period alone, are of one table only where all have a measure.
        return (
            columns
            if not plain or len(plain) == len(columns)
            else {column: columns[column] for column in columns if column in plain}
        )

    def order(self) -> Order:
        """Return the order of day and month in headers: as declared, else as a day above 12 decides it."""
        datasets = [dataset for dataset in self.system.datasets.values() if not isinstance(dataset, Records)]
        declared = {
            item.dates
            for item in (datasets if self.dataset is None else [self.dataset])
            if "dates" in item.model_fields_set
        }
        if len(declared) == 1:
            return next(iter(declared))
        inferred = period_texts.order_of(self.others)
        if inferred is None:
            return "ymd"
        source = Message("the order of day and month from `{header}`", header=inferred[1])
        self.sources += [] if source in self.sources else [source]
        return inferred[0]

    def _of_a_year(self, headers: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return headers that name parts of a year, with its column or the year that the surroundings name."""
        column = self.roles.get("period")
        if column is not None:
            if not self._all(column, _is_year):
                return {}
            self.years = column
            self.sources.append(Message("the year from column `{header}`", header=column))
            return {header: {"period": header} for header in headers}
        if (year := self.year()) is None:
            return {}
        self.sources.append(Message("the year {year} from {where}", year=str(year[0]), where=year[1]))
        return {header: {"period": str(self.period_in(header, year[0]))} for header in headers}

    def year(self) -> tuple[int, Message] | None:
        """Return the year that the dataset gives as the period of the table, or its surroundings name, and where."""
        given = None if self.dataset is None else self.dataset.elsewhere.get("period")
        if given is not None and given.constant is not None:
            stated = period_texts.calendar_year(given.constant)
            return None if stated is None else (stated, Message("the definition"))
        for text, where in self.surroundings():
            if (label := period_inside(text, self.system.timeline)) is not None:
                year = period_texts.calendar_year(label)
                return None if year is None else (year, where)
        return None

    def surroundings(self) -> list[tuple[str, Message]]:
        """Return the lines above the table and the names of its sheet and file, and what each is."""
        table = self.table
        texts = [(title, Message("the title `{title}`", title=title)) for title in table.titles]
        if table.sheet is not None:
            texts.append((clean(table.sheet), Message("the name of the sheet")))
        return [*texts, (stem(table.file), Message("the name of the file"))]

    def measure_of_table(self) -> str | None:
        """Return the text of the measure that all figures of the table are of, None where none is named.

        Raises:
            DataError: K564 a line above the table names one that the system does not have.
        """
        if (line := labelled(self.table.titles, "measure")) is not None:
            if not self.is_measure(line[0]):
                raise self.unknown([line[0]])
            where = Message("the title `{title}`", title=line[1])
            self.sources.append(Message("the measure from {where}", where=where))
            return line[0]
        for text, where in self.surroundings():
            if self.is_measure(text):
                self.sources.append(Message("the measure from {where}", where=where))
                return text
        for text, where in self.surroundings():
            # What is left of a title without its period and 各县 has to be the name of a measure, complete.
            if self.is_measure(rest := without_period(text)):
                self.sources.append(Message("the measure from {where}", where=where))
                return rest
        return None

    def entity(
        self, ids: dict[str, str], rest: Sequence[str], constants: dict[str, str],
        columns: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:  # fmt: skip
        """Find whom the rows are about: a column, else a line above the table or the name of its sheet or file.

        Raises:
            DataError: K563 that cannot be told, where `columns` are given.
        """
        if "entity" in ids or "code" in ids or "entity" in self.given:
            return
        texts = [header for header in rest if self._holds_texts(header)]
        if texts and texts[0] == self.headers[0] and len(texts) == 1:
            ids["entity"] = texts[0]
            where = Message("column `{header}`", header=texts[0])
            self.sources.append(Message("the units from {where}", where=where))
            return
        if (named := self.entity_of_table()) is not None:
            constants["entity"] = named[0]
            self.sources.append(Message("the units from {where}", where=named[1]))
        elif columns is not None:
            raise self.lacks("entity", columns=columns, ids={**ids, **constants})

    def entity_of_table(self) -> tuple[str, Message] | None:
        """Return the entity that the whole table is about and where it is named, None where none is."""
        if (line := labelled(self.table.titles, "entity")) is not None:
            return line[0], Message("the title `{title}`", title=line[1])
        roster = self.roster()
        if roster is None:
            return None
        return next(
            (surrounding for surrounding in self.surroundings() if roster.place(surrounding[0]) is not None), None
        )

    def labelled_rows(self) -> Recognised | None:
        """Return the shape of a table of measures whose header goes on in rows named 地区, 频度, 单位."""
        first = self.headers[0] if self.headers else None
        if self.table.pieces is not None or not first or role(first) != "measure" or "entity" in self.roles:
            return None
        head = self.table.frame.head(_HEAD).collect()
        cells = [clean(str(cell)) if cell is not None else "" for cell in head[first].to_list()]
        labels = 0
        while labels < len(cells) and names_row_of_keys(cells[labels]):
            labels += 1
        if (
            not labels
            or not any(cells[labels:])
            or any(cell and self.period_in(cell) is None for cell in cells[labels:])
        ):
            return None
        named = {("unit" if cell == "单位" else role(cell) or ""): at for at, cell in enumerate(cells[:labels])}
        columns: dict[str, dict[str, str]] = {}
        left_out = []
        for header in self.headers[1:]:
            if not self.is_measure(header):
                left_out.append(header)
                continue
            keys = {"measure": header}
            for of, at in named.items():
                text = head[header][at]
                if of in ("entity", "unit") and text is not None and (of == "entity" or is_unit(str(text))):
                    keys[of] = str(text)
            columns[header] = keys
        if not columns:
            return None
        rows = Message("the first column from row {row}", row=self.table.first_row + labels)
        self.sources.append(Message("the periods from {where}", where=rows))
        shape = Shape("measures", columns, {"period": first}, labels=labels)
        return Recognised(shape, tuple(self.sources), tuple(left_out))

    def entities(self) -> Recognised | None:
        """Return the shape of a table with entities across, None for any other."""
        if self.declared is None and ("entity" in self.roles or "code" in self.roles or self.figures):
            return None
        if self.declared is None and "entity" in self.given:
            return None
        aside = {"entity", "code", "value"}
        ids = {item: header for item, header in self.roles.items() if item not in aside}
        rest = [header for header in self.headers if header not in ids.values()]
        rest = [header for header in rest if header not in self.parts and role(header) not in ("period", "order")]
        if self.declared is None:
            places = [header for header in rest if self.is_entity(header)]
            if len(places) < 2 or len(places) * 2 < len(rest):
                return None
            if self.table.pieces is None:
                rest = [item for item in rest if item in places or not self._holds_texts(item)]
        elif self.table.pieces is None:
            rest = [item for item in rest if not self._holds_texts(item)]
            if not rest:
                raise self.lacks("entity", Message("no column of figures is left to be a unit"))
        columns = {header: {"entity": header} for header in rest}
        constants: dict[str, str] = {}
        if "measure" not in ids and "measure" not in self.given:
            text = self.measure_of_table()
            if text is None:
                raise self.lacks("measure", columns=columns, ids=ids)
            constants["measure"] = text
        return self.recognised("entities", columns, ids, constants)

    def is_entity(self, header: str) -> bool:
        """Return whether a header is the name of a place, or of an entity of the roster."""
        if role(header) is not None:
            return False
        if is_place(header):
            return True
        roster = self.roster()
        return roster is not None and roster.place(header) is not None

    def recognised(
        self, across: str, columns: Mapping[str, Mapping[str, str]], ids: Mapping[str, str],
        constants: Mapping[str, str], left_out: Sequence[str] = (),
    ) -> Recognised:  # fmt: skip
        """Return the shape with what is known of its keys."""
        kept = {item: dict(keys) for item, keys in columns.items()}
        fixed = dict(constants)
        if "measure" in fixed and "unit" not in self.roles:
            name, unit = measure_of(self.names, fixed["measure"])
            if unit is not None:
                fixed |= {"measure": next(text for text, item in self.names.items() if item == name), "unit": unit}
        shape = Shape(across, kept, ids, fixed, filled=self._merged_down(ids, columns), years=self.years)
        for header in shape.filled:
            self.sources.append(Message("blank cells of `{header}` repeat the cell above", header=header))
        value = self.roles.get("value")
        # A column of figures without a period or unit beside those with one is no key.
        named = {*columns, *ids.values(), *left_out, *self.roles.values()} - {value}
        rest = [item for item in self.headers if item not in named and (role(item) is None or item == value)]
        return Recognised(shape, tuple(self.sources), (*left_out, *rest))

    def _merged_down(self, ids: Mapping[str, str], columns: Collection[str]) -> list[str]:
        """Return the key columns whose names stand in the first of several rows only.

        They are such where the rows are told apart by their keys once these are filled down.
        """
        if self.table.pieces is not None:
            return []
        keys = list(dict.fromkeys([*ids.values(), *(item for item in self.headers if role(item) == "period")]))
        keys = [key for key in keys if key in self.table.columns and key not in columns]
        frame = self.table.frame.select(pl.selectors.by_name(*keys)).collect() if len(keys) > 1 else pl.DataFrame()
        headers = []
        for of in ("entity", "measure"):
            header = ids.get(of, "")
            if header not in frame.columns or header not in self.headers[:1]:
                continue
            cells = frame[header]
            blank = cells.is_null()
            others = frame.select(pl.all_horizontal(pl.exclude(header).is_not_null())).to_series()
            if not blank.any() or blank[0] or not (blank & others).any():
                continue
            filled = frame.with_columns(pl.selectors.by_name(header).forward_fill()).filter(others)
            if filled.n_unique() == filled.height:
                headers.append(header)
        return headers

    # ---- CELLS ---- #

    def _cells(self, header: str) -> list[str]:
        """Return the distinct texts of the first rows of a column, of a table in pieces none."""
        if self.table.pieces is not None:
            return []
        text = as_text(header).str.strip_chars()
        cells = self.table.frame.select(text).head(_HEAD).collect().to_series().alias("cells")
        return [cell for cell in cells.drop_nulls().unique(maintain_order=True).to_list() if cell]

    def _all(self, header: str, test: Callable[[str], bool]) -> bool:
        cells = self._cells(header)
        return bool(cells) and all(map(test, cells))

    def _any_text(self, header: str, test: Callable[[str], bool]) -> bool:
        return any(map(test, self._cells(header)))

    def _by_cells(self, header: str) -> str | None:
        """Return the role of a column without a header: where all of its texts are measures, periods or entities."""
        if self._all(header, self.is_measure):
            return "measure"
        if self._all(header, lambda text: self.period_in(text) is not None):
            return "period"
        return "entity" if self._all(header, self.is_entity) else None

    def _holds_texts(self, header: str) -> bool:
        """Return whether most cells of a column are words."""
        return are_words(self._cells(header)[:200])

    # ---- FINDINGS ---- #

    def lacks(
        self, of: str, why: Message | None = None, *, columns: Mapping[str, Mapping[str, str]] | None = None,
        ids: Mapping[str, str] | None = None,
    ) -> DataError:  # fmt: skip
        """Return the refusal of a table of which a key is not found, with its first rows as they are understood."""
        words = {"period": Message("period"), "entity": Message("unit"), "measure": Message("measure")}
        message = Message("no column, title, sheet or file says the {what} of the figures", what=words[of])
        if why is not None:
            message = Message("{message}: {why}", message=message, why=why)
        if columns:
            what = Message("periods") if any("period" in keys for keys in columns.values()) else Message("units")
            shown = [*list(columns)[:3], *(["..."] if len(columns) > 4 else []), *list(columns)[3:][-1:]]
            message = Message(
                "the columns {columns} are {what}, but {message}; understood: {rows}",
                columns=tuple(f"`{item}`" if item != "..." else item for item in shown), what=what, message=message,
                rows=self._understood(of, columns, ids or {}),
            )  # fmt: skip
        first = next(iter(self.system.measures.values()))
        constant = {"period": "2023", "entity": "全国", "measure": first.title or next(iter(self.system.measures))}[of]
        hint = Message(
            "add a column for it, or say in the definition"
            " `datasets: {{table: {{form: reported, columns: {{{of}: {{constant: {constant}}}}}}}}}`;"
            " {{from: title}}, {{from: sheet}} and {{from: file}} take it from there",
            of=of, constant=constant,
        )  # fmt: skip
        return DataError(Diagnostic("K563", message, self.table.place(self.table.header_row), hint))

    def _understood(self, of: str, columns: Mapping[str, Mapping[str, str]], ids: Mapping[str, str]) -> str:
        """Return the first figures with their keys, `?` for the one that is not known."""
        if self.table.pieces is not None:
            return "?"
        head = self.table.frame.head(2).collect()
        rows = []
        for row in head.to_dicts():
            header, keys = next(iter(columns.items()))
            cells = [keys.get(item) or str(row.get(ids.get(item, ""), ids.get(item, "?"))) if item != of else "?"
                    for item in ("entity", "period", "measure")]  # fmt: skip
            rows.append(" | ".join([*cells, str(row[header])]))
        return "; ".join(rows)

    def two_shapes(self, dated: Sequence[str], undated: Sequence[str]) -> DataError:
        """Return the refusal of a table of which some columns of figures have a period in their header, others none."""
        message = Message(
            "{dated} have a period in their header, {undated} have none, and no column says it",
            dated=tuple(f"`{item}`" for item in dated[:3]), undated=tuple(f"`{item}`" for item in undated[:3]),
        )  # fmt: skip
        hint = Message("write the period into every header, or add a column 期别")
        return DataError(Diagnostic("K563", message, self.table.place(self.table.header_row), hint))

    def unknown(self, texts: Sequence[str]) -> DataError:
        """Return the refusal of a table whose figures are of no measure of the system."""
        message = Message(
            "the figures are of {texts}, which is no measure of {system}",
            texts=tuple(f"`{text}`" for text in texts[:6]), system=self.system.system,
        )  # fmt: skip
        name = split_unit(texts[0], is_unit)[0]
        hint = suggest(name, self.names) or Message(
            "if it is one, name it at the measure: `synonyms: [{text}]`", text=name
        )
        return DataError(Diagnostic("K564", message, self.table.place(), hint))


def is_place(text: str) -> bool:
    """Return whether a text is the name of a province, or ends as names of places do.

    >>> is_place("东湖县"), is_place("上海"), is_place("合格率")
    (True, True, False)
    """
    return PLACE.fullmatch(text) is not None or PROVINCE.fullmatch(text) is not None


def _is_year(text: str) -> bool:
    return period_texts.calendar_year(text) is not None
