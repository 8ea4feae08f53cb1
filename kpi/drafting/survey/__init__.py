"""A survey of one table: how it lies, which figures it has in which units, and what had to be guessed for that.

Unlike `kpi.intake.shapes.recognition`, which knows the measures of a system and takes a table only where one reading is
possible, a survey knows nothing beforehand and takes the likeliest reading. What it says is tried by scoring
(`kpi.drafting.draft`), so the readers have the last word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import polars as pl

from kpi.drafting.columns import HEAD, Column, columns_of
from kpi.drafting.timeline_guess import order_of, unreadable_period
from kpi.errors import DataError, Message, count
from kpi.intake.cells.cell_text import as_text
from kpi.intake.files.headers import LEVELS, clean, halves, role, roles, split_unit
from kpi.intake.files.sdmx_columns import ids_of, is_about_file
from kpi.intake.files.table import Table
from kpi.intake.matching.datasets import is_unit
from kpi.intake.shapes.adjacent_blocks import blocks_of, together
from kpi.intake.shapes.combined_keys import is_combined, parted
from kpi.intake.shapes.labels import (
    labelled,
    period_in,
    period_inside,
    stem,
    with_any_measure,
)
from kpi.intake.shapes.recognition import is_place
from kpi.intake.shapes.table_keys import period_of_table
from kpi.language.indicators.deflation import of_relatives
from kpi.language.measures import calls_cumulative
from kpi.values import period_texts, periods
from kpi.values.periods import FIRST_YEAR, Order
from kpi.values.timelines import MONTHS, Timeline

#: Texts of a further key that stand for all of its parts together.
_WHOLE = ("合计", "总计", "全部", "总体", "T", "TOTAL", "Total", "total", "_T", "All", "all", "BTSX")
UNNAMED = re.compile(r"列\d+'*")
_NUMBERED = re.compile(r"(编号|单号|流水号|身份证号|(?<![a-z])id|_no|number)$", re.IGNORECASE)
_UNIT_LINE = re.compile(r"(?:计量|数据|金额)?单位\s*:.*|units?\s*:.*", re.IGNORECASE)
#: What a title has before and behind the name of the figure.
_UNITS_BEFORE = re.compile(r"^(?:[全各分][省市县区镇乡地街道单位部门(、)]+)")
_FRAME = re.compile(r"(?:完成)?(?:情况)?(?:统计|汇总|一览|明细)?表?$")
#: The column of units in tables of SDMX without REF_AREA.
_AREA = re.compile("(ref_?|geo_?|reporting_?)?(area|geo|country|economy)|location", re.IGNORECASE)
_FREQUENCY = ("频度", "频率", "周期", "frequency")
#: Words of headers of the column that names the units, where no known header does.
_WHO = re.compile(
    r"[县市区乡镇村]$|街道|单位|部门|机构|地区|辖区|网格|中心|窗口|派出所|学校|医院|企业|分局|支队|大队|region|area|unit|office"
)
#: Words of headers of the date from which an event counts.
_BEGIN = re.compile(r"受理|申请|登记|收件|接报|发生|创建|来电|立案|上报|received|created|opened|start", re.IGNORECASE)

#: A guess of the unit by what a heading is called: ending, unit.
_UNITS = (
    (r"(率|占比|比重|比例|增速|增幅|覆盖面|rate|share|percent|pct)$", "%"),
    (r"(得分|评分|分数|score|points?)$", "分"),
    (r"(指数|index)$", "指数"),
    (r"(排名|名次|位次|rank)$", "位"),
    (r"(办件|办结|受理|投诉|案件|件)(总)?(量|数|件数)$", "件"),
    (r"(人口|人数|人员数|从业人员|人员|population)$", "人"),
    (r"(户数|农户|家庭数)$", "户"),
    (r"(企业数|企业数量|机构数|单位数|学校数|医院数|商户数)$", "家"),
    (r"(村数|社区数|乡镇数|街道数|个数|站点数|网点数|平台数|系统数)$", "个"),
    (r"(项目数|事项数|任务数|事项量|项目数量)$", "项"),
    (r"(次数|人次|访问量|点击量)$", "次"),
    (r"(天数|日数|用时天|days)$", "天"),
    (r"(分钟|分钟数|minutes)$", "分钟"),
    (r"(小时|小时数|hours)$", "小时"),
    (r"(星级|stars)$", "星"),
)


#: The share of figures from which a column holds figures.
_SOME_FIGURES = 0.1


@dataclass(frozen=True)
class Figure:
    """A figure that a table has: what it is called, its unit, and whether the unit had to be guessed."""

    title: str
    unit: str
    guessed: bool = False
    running: bool = False
    header: str | None = None


@dataclass(frozen=True)
class Guess:
    """Something that no file says: what was taken for it, and of which columns that holds."""

    message: Message
    place: str | None = None


@dataclass(frozen=True)
class Survey:
    """What a table is taken for.

    Attributes:
        table: the table.
        form: `reported`, `panel` or `records`.
        figures: what it has; of events the columns of figures.
        plain: what a dataset says of it where its shape is recognised; without anything no dataset is needed.
        declared: the same with its shape and keys in full, where that is not so.
        entity: the heading of the column of units, None without one.
        units: the names in that column.
        several: whether further columns name units, such as those of a city and its counties.
        spans: texts of the periods of its rows.
        where: the condition that tells rows of one unit and figure apart, None where there is no need.
        guesses: what had to be guessed.
        columns: what its columns hold.
    """

    table: Table
    form: str
    figures: Sequence[Figure]
    plain: Mapping[str, Any] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    entity: str | None = None
    units: Sequence[str] = ()
    several: bool = False
    spans: Sequence[str] = ()
    where: str | None = None
    guesses: Sequence[Guess] = ()
    columns: Mapping[str, Column] = field(default_factory=dict, repr=False)


def unread_periods(table: Table, timeline: Timeline = MONTHS) -> list[Message]:
    """Return why headings of figures that look like periods cannot be read."""
    return list(_Surveyor(table, FIRST_YEAR, timeline).unread.values())


def survey(table: Table, year: int, timeline: Timeline = MONTHS) -> Survey | None:
    """Return what a table is taken for, None where it has no figures and no events.

    Args:
        table: the table as it was read.
        year: the period of figures of which nothing says any.
        timeline: what its periods count.
    """
    return _Surveyor(table, year, timeline).survey()


def is_description(table: Table) -> bool:
    """Return whether a table describes figures and holds none: it names them, perhaps with units and times of update.

    >>> texts = {"指标": ["GDP", "税收"], "单位": ["亿元", "万元"], "更新时间": ["2024-01-05", "2024-02-05"]}
    >>> is_description(Table("a.xlsx", None, pl.DataFrame(texts).lazy(), tuple(texts)))
    True
    """
    columns = columns_of(table, MONTHS)
    playing = roles(list(columns))[0]
    others = [column for header, column in columns.items() if header != playing.get("code") and not column.is_codes]
    return "measure" in playing and not any(column.figures > _SOME_FIGURES for column in others)


def _with_units(table: Table) -> Table:
    """Return a table whose columns have the units of their labels, which are their names where these are codes."""
    names: dict[str, str] = {}
    for column, label in table.labels.items():
        unit = split_unit(label, is_unit)[1]
        if unit is None or role(column) is not None or split_unit(column, is_unit)[1] is not None:
            continue
        name = label if column.isascii() and not label.isascii() else f"{column}({unit})"
        if name not in table.columns and name not in names.values():
            names[column] = name
    return table if table.pieces is not None else table.renamed(names)


def _without_blocks(table: Table) -> Table:
    """Return a table of adjacent blocks as one without; one that the readers refuse stays as it is."""
    blocks = None if table.pieces is not None else blocks_of(table)
    try:
        return table if blocks is None else together(table, blocks)[0]
    except DataError:
        return table


class _Surveyor:
    def __init__(self, table: Table, year: int, timeline: Timeline) -> None:
        self.flags: Mapping[str, int] = {}
        table = _without_blocks(table)
        if is_combined(table, timeline):
            table, self.flags = parted(table)
        table = _with_units(table)
        self.table, self.default_year, self.timeline = table, year, timeline
        self.columns = columns_of(table, timeline)
        self.guesses: list[Guess] = []
        # Figures whose header occurs more than once have no name to be read by.
        self.headers = [header for header, one in self.columns.items() if one.filled and header not in table.repeats]
        self.sdmx = bool(ids_of(self.table.columns))
        if self.sdmx:
            self.headers = [one for one in self.headers if not is_about_file(one)]
        self.plain: dict[str, Any] = {}
        self.declared: dict[str, Any] = {}

    # ---- ROLES ---- #

    @cached_property
    def roles(self) -> dict[str, str]:
        found: dict[str, str] = {str(one): header for one, header in roles(self.headers)[0].items()}
        found |= {one: header for one, header in self.table.roles.items() if header is not None}
        ignored = {one for one, header in self.table.roles.items() if header is None}
        found = {one: header for one, header in found.items() if one not in ignored}
        if clean(found.get("entity", "")) == "单位" and self.columns[found["entity"]].share(is_unit) > 0.9:
            found["unit"] = found.pop("entity")
        for header in self.headers:
            if UNNAMED.fullmatch(header) and header not in found.values():
                column = self.columns[header]
                kind = "period" if column.is_periods else "entity" if column.is_places else None
                if kind is not None and kind not in found:
                    found[kind] = header
        return found

    @cached_property
    def others(self) -> list[str]:
        """The headers that play no role."""
        playing = {*self.roles.values()}
        return [one for one in self.headers if one not in playing and role(one) not in ("period", "order")]

    @cached_property
    def dated(self) -> dict[str, tuple[str, str]]:
        """The headers that are periods with their year: the period, and what stands beside it."""
        found: dict[str, tuple[str, str]] = {}
        for header in self.others:
            if not self.columns[header].figures:
                continue
            if (text := self.period_in(header)) is not None:
                found[header] = (text, "")
            elif (
                both := with_any_measure(header, depth=self.table.depth, order=self.order, timeline=self.timeline)
            ) is not None:
                found[header] = both
        return found

    @cached_property
    def parts(self) -> dict[str, str]:
        """The headers that are parts of a year, such as 1月, where a year is named: the periods."""
        found = [one for one in self.others if self.columns[one].figures and self.period_in(one, 2000) is not None]
        if len(found) < 2:
            return {}
        year = self._year()
        return {
            header: text for header in found if (text := self.period_in(header, year or self.default_year)) is not None
        }

    def _year(self) -> int | None:
        for text in self.surroundings:
            for timeline in (MONTHS, self.timeline):
                if (inside := period_inside(text, timeline)) is not None:
                    return int(re.sub("^[^0-9]+", "", inside)[:4])
        return None

    def _declare_year(self) -> None:
        """Declare the year of parts of a year."""
        year = self._year() or self.default_year
        self.declared["shape"] = self.plain["shape"] = {"columns": "periods"}
        self.column("period", {"constant": str(year)})
        if self._year() is None:
            self.guess(Message("the year {year}, as no title, sheet or file says one", year=str(year)))

    def _year_is_read(self) -> bool:
        """Return whether the readers take the year of parts of it from around the table: it stands there alone."""
        inside = next((one for text in self.surroundings if (one := period_inside(text, self.timeline))), None)
        return inside is not None and not self.timeline.weeks and period_texts.calendar_year(inside) is not None

    def period_in(self, text: str, year: int | None = None) -> str | None:
        """Return the text of the period that a heading is."""
        return period_in(text, year, self.order, self.timeline)

    @cached_property
    def order(self) -> Order:
        """The order of day and month in headings."""
        return order_of([one for one in self.others if self.columns[one].figures])

    @cached_property
    def unread(self) -> dict[str, Message]:
        """The headings of figures that look like periods but cannot be read, each with why."""
        some = [one for one in self.others if self.columns[one].figures and one not in self.dated]
        whys = {one: unreadable_period(one, self.order, self.timeline) for one in some}
        return {one: why for one, why in whys.items() if why is not None}

    @cached_property
    def surroundings(self) -> list[str]:
        sheet = [] if self.table.sheet is None else [clean(self.table.sheet)]
        return [*map(clean, self.table.titles), *sheet, stem(self.table.file)]

    # ---- SHAPES ---- #

    def survey(self) -> Survey | None:
        if not self.headers:
            return None
        return self.across() or self.in_rows()

    def in_rows(self) -> Survey | None:
        """Return a table without periods or units across, None for one without figures and events."""
        if self.sdmx and not {"measure", "value"} <= set(self.roles):
            return self.wide()
        if {"measure", "value"} <= set(self.roles) and self.columns[self.roles["value"]].figures:
            if self.sdmx or not self.is_events():
                return self.long(self.roles["measure"], self.roles["value"])
        elif self.labels() is not None:
            return self.labelled_rows()
        if self.is_events():
            return self.events()
        return self.wide()

    def across(self) -> Survey | None:
        """Return a table with periods or units across, None for any other."""
        period = self.roles.get("period")
        if period is None and self.dated and (len(self.dated) > 1 or len(self.others) == 1):
            if self.order != "ymd":
                self.dates_are(self.order)
            named = {header: what for header, (_, what) in self.dated.items() if what}
            spans = [text for text, _ in self.dated.values()]
            if named and len(named) == len(self.dated):
                return self.dated_measures(named, spans)
            if len(named) < len(self.dated) and ("value" not in self.roles or "measure" not in self.roles):
                plain = [header for header, (_, what) in self.dated.items() if not what]
                return self.crossed("periods", plain, spans)
        if len(self.parts) > 1 and "value" not in self.roles:
            years = period is not None and self.columns[period].share(_is_year) == 1
            if period is None or years:
                spans = list(self.parts.values())
                if years and period is not None:
                    spans = [f"{year[:4]}-{text[5:]}" for year in self.columns[period].distinct for text in spans]
                elif not self._year_is_read():
                    self._declare_year()
                return self.crossed("periods", list(self.parts), spans)
        places = [one for one in self.others if is_place(one) and self.columns[one].figures]
        if len(places) > 1 and not {"entity", "code"} & set(self.roles) and len(places) * 2 >= len(self.others):
            return self.crossed("entities", [one for one in self.others if self.columns[one].figures], None)
        return None

    def dated_measures(self, named: Mapping[str, str], spans: Sequence[str]) -> Survey:
        """Return a table whose headers name a figure and a period each."""
        entity = self.who()
        figures = self.figures(dict.fromkeys(named.values()), {what: header for header, what in named.items()})
        self.declared |= {"form": "reported", "shape": {"columns": "periods"}}
        return self.result("reported", figures, entity, spans)

    def crossed(self, across: str, headers: Sequence[str], spans: Sequence[str] | None) -> Survey:
        """Return a table with periods or units in some columns, and the figures named in a column or for the table."""
        self.declared |= {"form": "reported", "shape": {"columns": across}}
        taken = set(headers)
        entity = None if across == "entities" else self.who(taken)
        measure = self.roles.get("measure")
        if measure is None:
            words = [one for one in self.others if one not in taken and self.columns[one].is_words and one != entity]
            if across == "entities" and words and role(words[0]) is None:
                measure = words[0]
                # A column without a header is known by its cells.
                self.column("measure", measure, plain=not UNNAMED.fullmatch(measure))
        if measure is not None:
            texts = self.all_texts(measure, headers)
            figures = self.figures(texts, None, self.units_by(measure), cells=headers)
        else:
            figures = [self.of_table(headers)]
        spans = self.spans() if spans is None else spans
        keys = [one for one in (entity, measure, self.roles.get("period")) if one is not None]
        return self.result("reported", figures, entity, spans, self.condition(keys, taken))

    def long(self, measure: str, value: str) -> Survey:
        """Return a table with a figure in each row."""
        entity = self.who({value})
        figures = self.figures(self.all_texts(measure, [value]), None, self.units_by(measure), cells=[value])
        self.declared |= {"form": "reported"}
        keys = [one for one in (entity, measure, *self.period_columns()) if one is not None]
        if roles(self.headers)[0].get("value") != value:
            self.column("value", value)
        return self.result("reported", figures, entity, self.spans(), self.condition(keys, {value}))

    def labels(self) -> list[str] | None:
        """Return the first cells of a table of measures whose header goes on in rows named 地区, 频度, 单位."""
        first = next(iter(self.columns))
        if role(first) != "measure" or "entity" in self.roles:
            return None
        cells = [clean(one) for one in self.columns[first].cells]
        labels = []
        for cell in cells:
            if role(cell) not in ("entity", "unit") and cell.casefold() not in _FREQUENCY and cell != "单位":
                break
            labels.append(cell)
        rest = cells[len(labels) :]
        return labels if labels and rest and all(self.period_in(cell) is not None for cell in rest) else None

    def labelled_rows(self) -> Survey:
        first, *rest = self.columns
        labels = self.labels() or []
        head = self.table.frame.head(len(labels)).collect()
        rows = {("unit" if one == "单位" else role(one) or ""): at for at, one in enumerate(labels)}
        figures = []
        for header in rest:
            if header in self.headers:
                text = head[header][rows["unit"]] if "unit" in rows else None
                title, unit = split_unit(header, is_unit)
                figures.append(self.figure(title, unit or (text if text and is_unit(str(text)) else None), header))
        return self.result("reported", figures, None, self.columns[first].cells[len(labels) :])

    def wide(self) -> Survey | None:
        """Return a table with a column for each figure, None without any."""
        value = self.roles.get("value")
        headers = [
            one for one in self.others
            if self.columns[one].figures > 0.5 and not _NUMBERED.search(one) and not self.columns[one].is_dates
            and role(one) != "code" and not self.columns[one].is_codes and one not in self.unread and not self.sdmx
        ]  # fmt: skip
        entity = self.who(set(headers))
        headers = [one for one in headers if one != entity]
        if not headers and value is not None and self.columns[value].figures:
            # One figure, which its column does not name.
            self.declared |= {"form": "reported"}
            figure = self.of_table([value], constant=True)
            if figure.guessed and self.units_known:
                figure = replace(figure, unit=self.units_known[0], guessed=False)
            keys = [one for one in (entity, *self.period_columns()) if one is not None]
            return self.result("reported", [figure], entity, self.spans(), self.condition(keys, [value]))
        if not headers:
            return None
        names = {split_unit(one, is_unit)[0]: one for one in headers}
        figures = self.figures(names, names)
        self.declared |= {"form": "panel"}
        spans = self.spans()
        where = self.condition([one for one in (entity, *self.period_columns()) if one is not None], headers)
        left = [one for one in self.others if one not in headers and one != entity and one not in (where or "")]
        left = [one for one in left if one not in self.unread]
        codes = [one for one in left if self.columns[one].figures > 0.5]
        left = [one for one in left if one not in codes]
        if codes:
            self.guess(Message("columns of codes or dates are no figures: {columns}",
                               columns=tuple(f"`{one}`" for one in codes)))  # fmt: skip
        if left:
            self.guess(Message("columns of words are not used: {columns}", columns=tuple(f"`{one}`" for one in left)))
        return self.result("panel", figures, entity, spans, where)

    # ---- EVENTS ---- #

    def dates(self) -> list[str]:
        return [one for one in self.headers if self.columns[one].is_dates]

    def is_events(self) -> bool:
        """Return whether each row is an event: it has a day, and a number of its own or nothing that it reports."""
        dates = self.dates()
        if not dates:
            return False
        numbered = [one for one in self.headers if _NUMBERED.search(one) and self.is_key(one)]
        if numbered or len(dates) > 1:
            return True
        if not any(self.columns[one].figures > 0.5 for one in (*self.others, *self.values())):
            return True
        who, _ = self.units_column(set(dates))
        keys = [one for one in (who, self.roles.get("measure")) if one is not None]
        frame = self.table.frame.head(HEAD).select(
            *(pl.selectors.by_name(one) for one in keys),
            pl.selectors.by_name(dates[0]).cast(pl.String).map_elements(_month, pl.String).alias("month\n"),
        ).collect()  # fmt: skip
        return frame.n_unique() < frame.height

    def values(self) -> list[str]:
        return [self.roles["value"]] if "value" in self.roles else []

    def is_key(self, header: str) -> bool:
        """Return whether the cells of a column differ in all rows that have one."""
        cells = self.table.frame.select(pl.selectors.by_name(header)).collect().to_series().drop_nulls()
        return len(cells) > 1 and cells.n_unique() == len(cells)

    def events(self) -> Survey:
        dates = self.dates()
        date = next((one for one in dates if one == self.roles.get("period")), None)
        if date is None or len(dates) > 1:
            date = next((one for one in dates if _BEGIN.search(one)), date or dates[0])
        if len(dates) > 1:
            self.guess(Message("an event counts for the period of `{date}`, of {dates}", date=date, dates=tuple(dates)))
        columns = self.declared.setdefault("columns", {})
        columns["period"] = date
        entity = self.who(set(dates))
        if entity is not None:
            columns["entity"] = entity
        self.declared["form"] = "records"
        key = next((one for one in self.headers if _NUMBERED.search(one) and self.is_key(one)), None)
        if key is not None:
            self.declared["key"] = key
            self.guess(Message("`{key}` tells events apart, as it differs in all rows", key=key))
        taken = {*dates, entity, key, *(self.roles.get(one) for one in ("code", "note", "order"))}
        headers = [
            one for one in (*self.others, *self.values())
            if one not in taken and self.columns[one].figures > 0.5 and not _NUMBERED.search(one)
            and role(one) != "code" and not self.columns[one].is_codes
        ]  # fmt: skip
        names = {split_unit(one, is_unit)[0]: one for one in headers}
        order = next((one for header in dates if (one := self.columns[header].dates) != "ymd"), "ymd")
        if order != "ymd":
            self.dates_are(order)
        return self.result("records", self.figures(names, names), entity, self.columns[date].cells, own=True)

    # ---- KEYS ---- #

    def column(self, of: str, source: object, *, plain: bool = True) -> None:
        """Declare where a key stands; with `plain` it would not be known otherwise."""
        self.declared.setdefault("columns", {})[of] = source
        if plain:
            self.plain.setdefault("columns", {})[of] = source

    def units(self, entity: str | None) -> tuple[str, ...]:
        """Return the names in the column of units, or above the figures of a labelled table."""
        if entity is not None:
            return tuple(self.columns[entity].distinct)
        labels = self.labels() or []
        rows = [at for at, one in enumerate(labels) if role(one) == "entity"]
        return (
            tuple(dict.fromkeys(one.cells[rows[0]] for one in list(self.columns.values())[1:] if one.cells))
            if rows
            else ()
        )

    def guess(self, message: Message, header: str | None = None) -> None:
        self.guesses.append(Guess(message, header))

    def dates_are(self, order: str) -> None:
        self.declared["dates"] = self.plain["dates"] = order
        other = "mdy" if order == "dmy" else "dmy"
        self.guess(Message("dates are {order}, not {other}", order=order, other=other))

    def who(self, taken: Iterable[str] = ()) -> str | None:
        """Return the column that names the units, None where the table is of one; declare what is not recognised."""
        found, known = self.units_column(set(taken))
        if found is not None and found not in self.roles.values():
            self.column("entity", found)
            if not known:
                self.guess(Message("column `{header}` names the units", header=found), found)
        return found

    def units_column(self, taken: set[str]) -> tuple[str | None, bool]:
        """Return the column that names the units, None without one, and whether header or cells say so."""
        if (known := self.roles.get("entity") or self.roles.get("code")) is not None:
            return known, True
        if self.sdmx and (areas := [one for one in self.headers if _AREA.fullmatch(one)]):
            return areas[0], True
        rest = [
            one for one in self.headers if one not in taken and role(one) is None and not self.columns[one].is_dates
        ]
        words = [one for one in rest if self.columns[one].is_words and not _NUMBERED.search(one)]
        if places := [one for one in words if self.columns[one].is_places]:
            return places[0], True
        called = [one for one in words if _WHO.search(one.casefold())]
        first = [one for one in words if one == self.headers[0] or len(self.columns[one].distinct) == self.table.rows]
        codes = [one for one in rest if self.columns[one].is_codes and len(self.columns[one].distinct) > 1]
        return next(iter([*called, *first, *codes]), None), False

    def period_columns(self) -> list[str]:
        return [one for one in self.headers if role(one) == "period" or one == self.roles.get("period")]

    def spans(self) -> list[str]:
        """Return the periods of the rows as texts; declare where they stand if no column has them."""
        named = self.period_columns()
        if len(named) > 1:
            parts = [one for one in named if not self.columns[one].is_periods]
            years = [one for one in named if self.columns[one].share(_is_year) == 1]
            if parts and years:
                self.column("period", [years[0], parts[0]], plain=False)
                year = int(self.columns[years[0]].distinct[0][:4])
                template = "第{}季度" if re.search(r"季|quarter", parts[0], re.IGNORECASE) else "{}月"
                cells = [re.sub(r"\.0$", "", one) for one in self.columns[parts[0]].distinct]
                some = [self.period_in(template.format(one) if one.isdigit() else clean(one), year) for one in cells]
                return [one for one in some if one is not None]
        if named:
            column = next((self.columns[one] for one in named if self.columns[one].is_periods), self.columns[named[0]])
            return self.texts_of(column)
        dated = [one for one in self.headers if self.columns[one].is_periods and one not in self.roles.values()
                 and (self.columns[one].is_dates or not self.columns[one].figures)]  # fmt: skip
        if dated:
            self.column("period", dated[0])
            self.guess(Message("column `{header}` holds the periods", header=dated[0]), dated[0])
            return self.texts_of(self.columns[dated[0]])
        if (own := period_of_table(self.table, self.timeline)) is not None:
            return [own[0]]
        return [self._period_elsewhere()]

    def texts_of(self, column: Column) -> list[str]:
        """Return the periods of a column; declare the order of its dates where their year stands last."""
        if column.dates == "ymd":
            return column.distinct
        self.dates_are(column.dates)
        read = [period_in(clean(one), None, column.dates, self.timeline) for one in column.distinct]
        return [one for one in read if one is not None]

    def _period_elsewhere(self) -> str:
        table = self.table
        for source, text in (
            ("title", " ".join(table.titles)),
            ("sheet", table.sheet or ""),
            ("file", stem(table.file)),
        ):
            if (inside := period_inside(text, self.timeline)) is not None:
                self.column("period", {"from": source})
                return inside
        self.column("period", {"constant": str(self.default_year)})
        message = Message("the period {year}, as nothing in the file says one", year=str(self.default_year))
        self.guess(message)
        return str(self.default_year)

    def of_table(self, headers: Sequence[str], *, constant: bool = False) -> Figure:
        """Return the figure that a whole table is of."""
        text, said = None, False
        if (line := labelled(self.table.titles, "measure")) is not None:
            text, said = line[0], True
        around = [one for one in self.surroundings if not _UNIT_LINE.fullmatch(one)]
        names = [one for one in around if period_inside(one) is None and not labelled([one], "entity")]
        # 2023年各县用电量 is a figure, of a period and units.
        bare = [one for title in map(clean, self.table.titles) if title in around and (one := _without_period(title))]
        at = sum(one in map(clean, self.table.titles) for one in names)
        names = [*names[:at], *bare, *names[at:]]
        named = [one for one in names if split_unit(one, is_unit)[1] is not None] or names
        if text is None:
            generic = re.compile(r"(sheet|表|数据|工作表)\d*", re.IGNORECASE)
            text = next((one for one in named if not generic.fullmatch(one)), stem(self.table.file))
            self.guess(Message("all figures are of `{text}`, by the title or name of the table", text=text))
        title, unit = split_unit(text, is_unit)
        if constant or (not said and text not in self.surroundings):
            self.column("measure", {"constant": title})
        return self.figure(title, unit, None, [self.columns[one] for one in headers])

    def condition(self, keys: Sequence[str], figures: Iterable[str]) -> str | None:
        """Return the condition that tells rows of one key apart, None where they need none."""
        known = {one for one, header in self.table.roles.items() if header is None}
        rest = [one for one in self.headers if one not in keys and one not in set(figures)
                and self.columns[one].is_words
                and (role(one) is None or role(one) in known or (self.sdmx and one == self.roles.get("unit")))
                ]  # fmt: skip
        if not keys or not rest:
            return None
        frame = self.table.frame.select(pl.selectors.by_name(*dict.fromkeys([*keys, *rest]))).collect().drop_nulls(keys)
        if not frame.height or frame.select(pl.selectors.by_name(*keys)).n_unique() == frame.height:
            return None
        conditions = []
        for header in rest:
            several = frame.group_by(keys).agg(pl.selectors.by_name(header).n_unique().alias("many"))
            if frame.height and several["many"].max() > 1:  # type: ignore[operator]
                text = as_text(header).str.strip_chars()
                counts = frame.group_by(text.alias("text"), maintain_order=True).agg(
                    pl.selectors.by_name(keys[0]).n_unique().alias("units"), pl.len().alias("rows")
                ).drop_nulls().sort("rows", "units", descending=True, maintain_order=True)  # fmt: skip
                texts, most = counts["text"].to_list(), counts["rows"][0]
                # A part of hardly any rows is not meant even if it is called the whole.
                wholes = [one for one, _, rows in counts.rows() if one in _WHOLE and 2 * rows >= most]
                chosen = next(iter(wholes), texts[0])
                rows, frame = frame.height, frame.filter(text == chosen)
                kept = Message("{kept} of {rows}", kept=frame.height, rows=count(rows, "row"))
                shown = header if re.fullmatch(r"[^\W\d]\w*", header) else f'"{header}"'
                quoted = chosen.replace("'", "''")
                conditions.append(f"{shown} = '{quoted}'")
                message = Message("rows with `{text}` in `{header}` are meant, {kept}; its texts are {texts}",
                                  text=chosen, header=header, kept=kept, texts=(*texts[:6], *["…"][: len(texts) > 6]),
                                  )  # fmt: skip
                self.guess(message, header)
        return " AND ".join(conditions) or None

    # ---- FIGURES ---- #

    def all_texts(self, header: str, cells: Sequence[str]) -> list[str]:
        """Return the texts of a column of measures in rows with a figure; those of other rows are headings or notes."""
        filled = pl.any_horizontal(
            pl.selectors.by_name(*cells).cast(pl.String).str.strip_chars().fill_null("").str.len_chars() > 0
        )
        text = as_text(header).str.strip_chars().alias("text")
        rows = self.table.frame.select(text, filled.alias("filled")).group_by("text", maintain_order=True).agg(
            pl.col("filled").any()
        ).drop_nulls("text").collect()  # fmt: skip
        texts = [(one, has) for one, has in rows.rows() if one and role(one) is None]
        if without := [one for one, has in texts if not has]:
            shown = (*(f"`{one}`" for one in without[:6]), *["…"][: len(without) > 6])
            self.guess(Message("rows without any figure are no measures: {texts}", texts=shown), header)
        return [one for one, has in texts if has]

    @cached_property
    def units_known(self) -> list[str]:
        """The units in the column of units, the most frequent first; those that are none are not read."""
        header = self.roles.get("unit")
        if header is None:
            return []
        counted = Counter(self.columns[header].cells)
        known = [one for one, _ in counted.most_common() if is_unit(one)]
        unknown = [one for one in counted if not is_unit(one)]
        if unknown and not known:
            # The unit of a figure that its name does not say is 1, and the column would contradict it.
            self.column("unit", {"constant": "1"})
            units = tuple(f"`{one}`" for one in unknown[:6])
            self.guess(Message("the figures are numbers, as {units} in `{header}` are no known units", units=units,
                               header=header), header)  # fmt: skip
        return known

    def units_by(self, measure: str) -> dict[str, str]:
        """Return the unit that rows of a figure have in the column of units."""
        header = self.roles.get("unit")
        if header is None or not self.units_known:
            return {}
        pairs = self.table.frame.select(
            as_text(measure).str.strip_chars().alias("of"),
            as_text(header).str.strip_chars().alias("unit"),
        )
        most = pairs.drop_nulls().group_by("of", "unit").len().sort("len", "unit", descending=[True, False]).collect()
        units: dict[str, str] = {}
        for of, unit, _ in most.rows():
            if is_unit(unit):
                units.setdefault(of, unit)
        return units

    def figures(
        self, texts: Iterable[str], headers: Mapping[str, str] | None, units: Mapping[str, str] | None = None,
        cells: Sequence[str] = (),
    ) -> list[Figure]:  # fmt: skip
        """Return a figure for each text, with the unit behind it, beside it, above the table or guessed."""
        found: dict[str, Figure] = {}
        for text in texts:
            title, unit = split_unit(text, is_unit)
            header = None if headers is None else headers[text]
            if unit is None and header is not None:
                unit = split_unit(header, is_unit)[1]
            if header is None and not of_relatives(title):
                title = re.sub(r"\([^()]*=\s*100\s*\)$", "", title)
            if LEVELS in title and self.table.depth > 1:
                levels = [split_unit(level, is_unit) for level in title.split(LEVELS)]
                title = LEVELS.join(name for name, _ in levels)
                unit = unit or next((one for _, one in reversed(levels) if one), None)
            if (both := halves(title)) is not None:
                title = both[0]
            some = [self.columns[header]] if header is not None else [self.columns[one] for one in cells]
            unit = unit or (units or {}).get(text)
            found.setdefault(title, self.figure(title, unit, header, some))
        return list(found.values())

    def figure(self, title: str, unit: str | None, header: str | None = None, columns: Sequence[Column] = ()) -> Figure:
        running = calls_cumulative(" ".join((header or title, *self.table.titles)))
        if unit is None and self.table.unit is not None and is_unit(self.table.unit):
            unit = self.table.unit
        if unit is not None:
            return Figure(title, unit, running=running, header=header)
        if of_relatives(title) or (header is not None and of_relatives(header)):
            return Figure(title, "%", running=running, header=header)
        for column in columns:
            if (own := column.unit) is not None and is_unit(own):
                return Figure(title, own, running=running, header=header)
        likely = next((unit for ending, unit in _UNITS if re.search(ending, title, re.IGNORECASE)), "1")
        if likely == "%" and header is not None and columns and all(one.within_one for one in columns):
            likely = "1"
        return Figure(title, likely, guessed=True, running=running, header=header)

    def result(
        self, form: str, figures: Sequence[Figure], entity: str | None, spans: Sequence[str], where: str | None = None,
        *, own: bool = False,
    ) -> Survey:  # fmt: skip
        self.declared.setdefault("form", form)
        for header, why in self.unread.items():
            self.guess(Message("column `{header}` is left out: {why}", header=header, why=why), header)
        cells = [one for one in self.columns.values() if one.figures]
        if any(one.comma for one in cells):
            self.declared["decimal"] = self.plain["decimal"] = ","
            self.guess(Message("figures have a decimal comma"))
        counted: dict[str, int] = {}
        for column in cells:
            for mark in column.marks() if 0.5 < column.figures < 1 or not own else ():
                counted[mark] = counted.get(mark, 0) + column.cells.count(mark)
        odd = form == "records" or self.flags or self.labels() is not None
        marks = [] if odd else [mark for mark, many in counted.items() if many > 1]
        if marks:
            self.declared["missing"] = self.plain["missing"] = marks
            self.guess(Message("{marks} stand for missing figures", marks=tuple(f"`{one}`" for one in marks)))
        if self.plain or own:
            self.plain = {"form": form, **self.plain}
        return Survey(
            self.table, form, figures, self.declared if own else self.plain, self.declared, entity,
            self.units(entity), sum(role(one) == "entity" for one in self.headers) > 1, tuple(spans), where,
            tuple(self.guesses), self.columns,
        )  # fmt: skip


def _without_period(title: str) -> str | None:
    """Return what a title of a period is about, None where it names no period, or nothing else.

    >>> _without_period("2023年各县用电量"), _without_period("2023年1-3月全市产值情况表"), _without_period("用电量")
    ('用电量', '产值', None)
    """
    inside = period_inside(title)
    if inside is None or inside not in title:
        return None
    rest = _FRAME.sub("", _UNITS_BEFORE.sub("", title.replace(inside, "").lstrip("年度份的 ")))
    return rest.strip() or None


def _month(text: str) -> str | None:
    """Return the month of a day, None for what is no day."""
    try:
        return period_texts.parse(text, order="dmy").label
    except periods.PeriodError:
        return None


def _is_year(text: str) -> bool:
    return re.fullmatch(r"(?:19|20)\d{2}(?:年度?|\.0)?", text.strip()) is not None


def of_units(surveys: Sequence[Survey]) -> list[Survey]:
    """Return surveys of which those without a column of units say where the unit stands.

    Tables of one workbook, or files, that have the same columns are of a unit each, by the name of the sheet or file.
    """
    found = []
    for one in surveys:
        turned = one.declared.get("shape", {}).get("columns") == "entities"
        lacks = one.entity is None and not turned and not _labelled_entity(one)
        found.append(_with_unit(one, surveys) if lacks else one)
    return found


def _labelled_entity(lacking: Survey) -> bool:
    if labelled(lacking.table.titles, "entity") is not None:
        return True
    first = next(iter(lacking.columns.values()))
    return bool(first.cells) and role(first.header) == "measure" and role(clean(first.cells[0])) == "entity"


def _with_unit(lacking: Survey, surveys: Sequence[Survey]) -> Survey:
    alike = [other for other in surveys if other.table.columns == lacking.table.columns and other.entity is None]
    files = {other.table.file for other in alike}
    sheets = {other.table.sheet for other in alike}
    source: dict[str, str]
    if is_place(stem(lacking.table.file)) or (len(files) > 1 and len(files) == len(alike)):
        source = {"from": "file"}
    elif lacking.table.sheet and (is_place(lacking.table.sheet) or len(sheets) > 1):
        source = {"from": "sheet"}
    else:
        title = next((clean(text) for text in lacking.table.titles if is_place(clean(text))), None)
        source = {"constant": title or stem(lacking.table.file)}
    message = Message("the unit of each table is the name of its sheet")
    if source.get("from") == "file":
        message = Message("the unit of each table is the name of its file")
    elif "constant" in source:
        message = Message("all figures are of one unit, `{unit}`, as no column names units", unit=source["constant"])
    plain = {"form": lacking.form, **lacking.plain}
    columns = {**plain.get("columns", {}), "entity": source}
    declared = {
        **lacking.declared,
        "form": lacking.form,
        "columns": {**lacking.declared.get("columns", {}), "entity": source},
    }
    return replace(
        lacking, plain={**plain, "columns": columns}, declared=declared, guesses=(*lacking.guesses, Guess(message)),
    )  # fmt: skip
