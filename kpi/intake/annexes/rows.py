"""The rows of an annex: groups and indicators with marks, rules and targets; totals, notes, further blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Literal

from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Place, Severity
from kpi.intake.annexes.grades import states_grades
from kpi.intake.annexes.grids import Grid
from kpi.intake.annexes.headings import Column, Header, find_header, is_header_again
from kpi.intake.annexes.targets import bound_of
from kpi.intake.annexes.texts import marks_of, short, split_marks, squeezed, without_numbering
from kpi.values.patterns import regex

#: Where a row belongs: to the scored indicators, to what is added or taken off, or to the vetoes.
Block = Literal["scored", "bonus", "deduction", "veto"]

_BLOCKS: tuple[tuple[Block, re.Pattern[str]], ...] = (
    ("veto", regex(r"否决")),
    (
        "bonus",
        regex(r"^(?:[^,;。]{0,6})加分(?:项|指标|事项|因素|内容|情形)?$|附加分|奖励(?:项|分)|鼓励(?:项|性指标)"),
    ),
    (
        "deduction",
        regex(r"^(?:[^,;。]{0,6})(?:减分|扣分)(?:项|指标|事项|因素|内容|情形)$|^减分$|负面清单|倒扣分?项?|惩戒"),
    ),
)
#: A label of a row that is no name of an indicator.
_LABEL = regex(
    r"(?:加分|减分|扣分|倒扣分?|附加分?|奖励分?|鼓励|惩戒|(?:一票)?否决)(?:项目?|性?指标|事项|因素|内容|情形)?(?:\(.*\))?"
)
_TOTAL = regex(r"(?:分项)?(?:小计|合计|总计|总分|汇总|共计|得分合计|最后得分|总得分|总和)(?:\(.*\))?[:：]?")
_NOTE = regex(r"(?:注|备注|说明|附注|填表说明|评分说明|note)(?:\d*[:：.、]|$)", re.IGNORECASE)
_PLACEHOLDER = regex(r"[…\.·]+|(?:指标|项目)\d+[:：]?|[-—－–/／\\无]+")
_NOTHING = regex(r"[-—－–/／\\]+")
_SEVERAL = regex(r"(?P<name>[^、,;()（）]+?)[(](?P<marks>\d+(?:\.\d+)?)(?P<sign>分|%)?[)]")
_BETWEEN = regex(r"[、,;]")


class Group(Struct, frozen=True):
    """A group of indicators: its title, and its marks where they are stated (as percent of those above it)."""

    title: str
    marks: Fraction | None = None
    percent: bool = False


class Entry(Struct, frozen=True):
    """An indicator, or a line of a further block.

    Attributes:
        place: its row.
        block: where it belongs.
        groups: the groups above it, from the top.
        name: its name, without numbering and marks.
        marks: its marks, None where they are not stated.
        percent: whether they are written as a percent.
        rule: the text of its rule.
        target: the text of its target.
        sign: the text of 指标性质.
        unit: the text of its unit.
        lead: 牵头单位.
        responsible: 责任单位 and 配合单位.
        source: 数据来源 and 考核方式.
        note: further texts of the row.
    """

    place: Place
    block: Block
    groups: tuple[Group, ...]
    name: str
    marks: Fraction | None = None
    percent: bool = False
    rule: str = ""
    target: str = ""
    sign: str = ""
    unit: str = ""
    lead: tuple[str, ...] = ()
    responsible: tuple[str, ...] = ()
    source: str = ""
    note: str = ""


class Annex(Struct):
    """A table of indicators as its rows say it.

    Attributes:
        place: the file.
        title: the title above the table, "" where there is none.
        entries: the rows.
        total: the marks of the row of the total, with its place.
        notes: the texts around and below the table.
        findings: what was left out, and what is odd.
    """

    place: Place
    title: str = ""
    entries: list[Entry] = field(default_factory=list)
    total: tuple[Fraction, Place] | None = None
    notes: list[str] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)


def read_rows(grids: Sequence[Grid]) -> Annex | None:
    """Return the annex of the tables of a file, None where no table has the header of one.

    A table without a header goes on with the one before if it is as wide. Of several tables that each have the full
    marks, such as those of towns and of departments, the first is taken (K723).
    """
    annex: Annex | None = None
    header: Header | None = None
    left_out: list[Grid] = []
    for grid in grids:
        result = find_header(grid)
        body = 0 if result is None else result.row + result.depth
        if result is None:
            if header is None or annex is None or len(grid.rows[0]) != len(header.columns):
                left_out.append(grid)
                continue
            result = header
        elif annex is not None and _is_whole(annex) and _is_whole(_read(grid, result, body)):
            message = Message(
                "a further table with marks of its own was left out: `{sheet}`", sheet=grid.place.sheet or ""
            )
            hint = Message("for another class of units, make a definition of this table alone")
            annex.findings.append(Diagnostic("K723", message, grid.place, hint, Severity.WARNING))
            continue
        header = result
        part = _read(grid, result, body)
        if annex is None:
            annex = part
        else:
            annex.entries += part.entries
            annex.notes += [note for note in part.notes if note not in annex.notes]
            annex.findings += part.findings
            annex.total = annex.total or part.total
    if annex is None or not annex.entries:
        return None
    for grid in left_out:
        message = Message("no table of indicators is in `{sheet}`, which is left out", sheet=grid.place.sheet or "")
        annex.findings.append(Diagnostic("K724", message, grid.place, None, Severity.INFO))
    return annex


def _is_whole(annex: Annex) -> bool:
    """Return whether the scored rows have the marks of a complete evaluation."""
    marks = [entry.marks for entry in annex.entries if entry.block == "scored" and entry.marks is not None]
    return sum(marks) >= 100 and any(entry.block == "scored" for entry in annex.entries)


def _read(grid: Grid, header: Header, body: int) -> Annex:
    return _Reader(grid, header, body).read()


class _Reader:
    """One pass over the rows of a table."""

    def __init__(self, grid: Grid, header: Header, body: int) -> None:
        self.grid, self.header, self.body = grid, header, body
        self.annex = Annex(Place(grid.place.file))
        self.section: Group | None = None
        self.block: Block = "scored"
        self.names = header.names
        self.levels: list[str | None] = [None] * len(self.names)
        last = self.names[-1].at if self.names else -1
        # 加分项 may stand where other rows have their number, or in a column before the names.
        self.labels = [
            column.at for column in header.columns
            if column.role == "sign" or (column.at < last and column.role not in ("level", "name", "marks", "filled"))
        ]  # fmt: skip
        self.labelled: str | None = None
        self.targets = header.of("target")
        marks = header.of("marks")
        bands = header.of("band")
        if bands and not marks:
            marks = [item for item in header.of("filled") if item.at > bands[0].at][:1]
            self.of_bands: Column | None = marks[0] if marks else None
        else:
            self.of_bands = marks[-1] if bands and marks and marks[-1].at > bands[0].at else None
        self.leaf_marks: list[Column] = []
        self.level_marks: dict[int, Column] = {}
        for mark in marks:
            left = [place for place, name in enumerate(self.names) if name.at < mark.at]
            owner = left[-1] if left else len(self.names) - 1
            if owner == len(self.names) - 1:
                self.leaf_marks.append(mark)
            else:
                self.level_marks.setdefault(owner, mark)

    # ---- THE TABLE ---- #

    def read(self) -> Annex:
        self._above()
        for row in range(self.body, len(self.grid.rows)):
            self._row(row)
        self._columns()
        return self.annex

    def _above(self) -> None:
        """Read the title and the notes above the header, and what the table as a whole is about."""
        top = self.header.row if self.body else 0
        texts = [text for row in range(top) for text in dict.fromkeys(self.grid.rows[row]) if text]
        titles = [
            item for item in texts
            if not re.match(r"附[件表]|单位[:：]|填报", item) and not item.endswith("。") and not states_grades(item)
        ]  # fmt: skip
        candidates = [
            item for item in (*titles, *self.grid.around) if re.search(r"[表细则办法标准体系方案]$|[)）]$", item)
        ]
        chosen = candidates or titles
        self.annex.title = (
            re.sub(r"^附[件表]\s*\d*[:：]?\s*|[（(][^（）()]{12,}[）)]$", "", chosen[0]).strip() if chosen else ""
        )
        self.annex.notes += [*texts, *self.grid.around]
        for text in (self.grid.place.sheet or "", *titles[:2]):
            block = block_of(text)
            if block is not None:
                self.block = block
                self.section = Group(*split_marks(without_numbering(text)))

    def _row(self, row: int) -> None:
        cells = self.grid.rows[row]
        filled = [cell for cell in dict.fromkeys(cells) if cell]
        if not filled or is_header_again(self.header, cells):
            return
        if len(filled) == 1 and len(self.header.columns) > 1:
            self._alone(row, filled[0])
            return
        if _NOTE.match(squeezed(filled[0])):
            self.annex.notes.append(" ".join(filled))
            return
        labels = [cells[item.at] for item in (*self.header.of("serial"), *self.names) if item.at < len(cells)]
        if any(_TOTAL.fullmatch(squeezed(without_numbering(label))) for label in labels if label):
            self._total(row)
            return
        self._entries(row, cells)

    def _alone(self, row: int, text: str) -> None:
        """Read a row with one text: a note, or the title of a block."""
        plain = without_numbering(text)
        name, marks, percent = split_marks(plain)
        if _NOTE.match(squeezed(text)) or states_grades(text) or len(name) > 30 or text.endswith(("。", "；")):
            self.annex.notes.append(text)
            return
        if _PLACEHOLDER.fullmatch(squeezed(name)) or re.fullmatch(r"[\d.]+", squeezed(text)):
            return
        own = [item for item in self.names if self.grid.own(row, item.at)]
        merged = any((row, at) in self.grid.repeated for at in range(len(self.header.columns)))
        if not merged and own and own[0].at != self.names[0].at:
            self._entries(row, self.grid.rows[row])
            return
        self.section = Group(name, marks, percent)
        self.block = block_of(name) or "scored"
        self.levels = [None] * len(self.names)

    def _total(self, row: int) -> None:
        texts = [self.grid.rows[row][item.at] for item in (*self.leaf_marks, *self.level_marks.values())]
        given = [marks for text in texts if (marks := marks_of(text)[0]) is not None]
        label = next(item for item in self.grid.rows[row] if item)
        if given and not squeezed(label).startswith(("小计", "分项小计")):
            self.annex.total = (given[-1], self.grid.at(row))

    # ---- ROWS ---- #

    def _entries(self, row: int, cells: Sequence[str]) -> None:
        names, fresh = self._levels(row, cells)
        known = [(place, name) for place, name in enumerate(names) if name is not None]
        label = self._label(row)
        if label is not None and not any(cells[item.at] for item in self.names):
            # The label is all that the row is called.
            known, fresh = [(len(names) - 1, label)], True
        if not known:
            message = Message(
                "a row without a name is left out: {text}", text=short("，".join(filter(None, cells)), 40)
            )
            self.annex.findings.append(Diagnostic("K724", message, self.grid.at(row), None, Severity.WARNING))
            return
        leaf_at, leaf = known[-1]
        fresh_groups = any(self.grid.own(row, item.at) for item in self.names[:leaf_at])
        if _PLACEHOLDER.fullmatch(squeezed(leaf)):
            return
        groups = [self._group(place, name) for place, name in known[:-1]]
        if label is not None and (self.section is None or block_of(self.section.title) is None):
            # The groups are those of the rows above, whose cells are merged or blank down to here.
            group = Group(*split_marks(label))
            groups = [group, *(item for item in groups if item.title != group.title)] if fresh_groups else [group]
        elif self.section is not None:
            groups = [self.section, *groups]
        block = next((result for item in groups if (result := block_of(item.title)) is not None), self.block)
        name, marks, percent = split_marks(without_numbering(leaf))
        entry = Entry(self.grid.at(row), block, tuple(groups), _one_line(name), marks, percent)
        entry = self._with_texts(entry, cells)
        if not fresh and self.annex.entries and self._goes_on(row, entry):
            return
        if entry.marks is None:
            entry = self._with_marks(entry, row, leaf_at)
        if self.of_bands is not None:
            entry = replace(entry, rule=self._band(row, entry.rule))
        if block_of(name) is not None and block == "scored":
            entry = replace(entry, block=block_of(name) or "scored")
        self.annex.entries += _parted(entry, leaf)

    def _label(self, row: int) -> str | None:
        """Return the block that a cell before the names says the row is in, None for none.

        A blank cell below such a label goes on with it, as one below the title of a group does.
        """
        texts = [item for at in self.labels if (item := without_numbering(self.grid.rows[row][at]))]
        plain = [re.sub(r"(?<=\D)\d+$", "", text) for text in texts]
        own = next((item for item in plain if _LABEL.fullmatch(squeezed(item)) and block_of(item) is not None), None)
        scored = self.labelled is not None and block_of(self.labelled) == "veto" and self._has_marks(row)
        if own is not None:
            self.labelled = own
        elif texts or scored or any(self.grid.own(row, name.at) for name in self.names[:-1]):
            self.labelled = None
        return self.labelled

    def _has_marks(self, row: int) -> bool:
        return any(marks_of(self.grid.own(row, leaf_mark.at))[0] for leaf_mark in self.leaf_marks)

    def _levels(self, row: int, cells: Sequence[str]) -> tuple[list[str | None], bool]:
        """Return the names of a row, blanks filled from above, and whether any is another than above."""
        names: list[str | None] = []
        fresh = False
        for place, column in enumerate(self.names):
            text = cells[column.at].strip()
            if _NOTHING.fullmatch(text):
                fresh, text = fresh or self.levels[place] is not None, ""
                names.append(None)
                continue
            if text and (
                text != self.levels[place]
                or ((row, column.at) not in self.grid.repeated and place == len(self.names) - 1)
            ):
                fresh = True
                names.append(text)
            elif text or not fresh:
                names.append(self.levels[place])
            else:
                names.append(None)
        self.levels = names
        return names, fresh

    def _group(self, place: int, name: str) -> Group:
        title, marks, percent = split_marks(without_numbering(name))
        column = self.level_marks.get(place)
        if marks is None and column is not None:
            # The cell stands in the first row of its group; further down it is blank or repeated.
            marks, percent = self._level_marks(place, column, name)
        return Group(_one_line(title), marks, percent)

    def _level_marks(self, place: int, column: Column, name: str) -> tuple[Fraction | None, bool]:
        key = self.names[place].at
        current: str | None = None
        for row in range(self.body, len(self.grid.rows)):
            current = self.grid.rows[row][key] or current
            if current == name and self.grid.rows[row][column.at]:
                result = marks_of(self.grid.rows[row][column.at])
                if result[0] is not None:
                    return result
        return None, False

    def _with_marks(self, entry: Entry, row: int, leaf_at: int) -> Entry:
        """Return a row with the marks of its column."""
        columns = self.leaf_marks
        if leaf_at < len(self.names) - 1 and leaf_at in self.level_marks:
            columns = [self.level_marks[leaf_at], *columns]
        if self.of_bands in columns and len(columns) == 1:
            return entry
        for column in columns[:1] if leaf_at == len(self.names) - 1 else columns:
            text = self.grid.own(row, column.at)
            marks, percent = marks_of(text)
            if marks is not None:
                return replace(entry, marks=marks, percent=percent)
            if _NOTHING.fullmatch(text):
                # Not assessed: no marks, and none that are unknown.
                return replace(entry, marks=Fraction(0))
            if text:
                message = Message("`{text}` is no number of marks", text=short(text))
                self.annex.findings.append(
                    Diagnostic("K722", message, self.grid.at(row, column.heading), None, Severity.WARNING)
                )
        return entry

    def _with_texts(self, entry: Entry, cells: Sequence[str]) -> Entry:
        def of(role: str) -> list[str]:
            return [cells[column.at] for column in self.header.columns if column.role == role and cells[column.at]]

        stated_target = cells[self.targets[-1].at] if self.targets else ""
        name = entry.name
        if (
            not stated_target
            and (bound := bound_of(squeezed(name))) is not None
            and len(bound.subject) > 1
            and not bound.bare
        ):
            stated_target, name = squeezed(name)[len(bound.subject) :], bound.subject
        return replace(
            entry, name=name, rule="；".join(of("rule")),
            target="" if _NOTHING.fullmatch(stated_target) else stated_target,
            sign="".join(of("sign")[:1]), unit="".join(item for item in of("unit")[:1] if not _NOTHING.fullmatch(item)),
            lead=_departments(of("lead")), responsible=_departments(of("responsible")),
            source="；".join(of("source")), note="；".join(of("note")),
        )  # fmt: skip

    def _band(self, row: int, rule: str) -> str:
        """Return the text of a band that stands in cells of its own."""
        assert self.of_bands is not None  # noqa: S101
        band = next((self.grid.own(row, item.at) for item in self.header.of("band")), "")
        marks = marks_of(self.grid.rows[row][self.of_bands.at])[0]
        text = f"{band}得{float(marks):g}分" if band and marks is not None else band
        return "；".join(item for item in (rule, text) if item)

    def _goes_on(self, row: int, entry: Entry) -> bool:
        """Add a row without a name of its own to the indicator before; return whether it was one."""
        before = self.annex.entries[-1]
        if self.of_bands is not None:
            self.annex.entries[-1] = replace(before, rule=self._band(row, before.rule))
            return True
        own = [marks_of(self.grid.own(row, leaf_mark.at))[0] for leaf_mark in self.leaf_marks[:1]]
        if own and own[0] is not None:
            # Marks of its own: one of several parts of the indicator.
            label = short(entry.rule or f"{entry.name}{row + 1}", 16)
            self.annex.entries.append(replace(entry, name=f"{entry.name}·{label}", marks=own[0]))
            return True
        rules = [self.grid.own(row, item.at) for item in self.header.of("rule")]
        notes = [self.grid.own(row, item.at) for item in self.header.of("note")]
        self.annex.entries[-1] = replace(
            before,
            rule="；".join(item for item in (before.rule, *rules) if item),
            note="；".join(item for item in (before.note, *notes) if item),
        )
        return True

    # ---- COLUMNS ---- #

    def _columns(self) -> None:
        """Report columns that are not used."""
        place = replace(self.grid.place, row=self.header.row + 1)
        unknown = tuple(
            f"`{short(column.heading)}`" for column in self.header.columns if column.role is None and column.heading
        )
        if unknown:
            message = Message("columns whose headings are not known are left out: {columns}", columns=unknown)
            self.annex.findings.append(Diagnostic("K724", message, place, None, Severity.INFO))
        if len(self.leaf_marks) > 1:
            used, *others = self.leaf_marks
            message = Message(
                "there are marks of several classes; `{used}` is taken, {others} is left out",
                used=used.heading, others=tuple(f"`{other.heading}`" for other in others),
            )  # fmt: skip
            hint = Message("for another class, delete the other columns and make a definition of its own")
            self.annex.findings.append(Diagnostic("K723", message, place, hint, Severity.WARNING))
        if len(self.targets) > 1:
            message = Message(
                "there are several columns of targets; `{used}`, the last, is taken", used=self.targets[-1].heading
            )
            hint = Message("for another year, delete the later columns")
            self.annex.findings.append(Diagnostic("K723", message, place, hint, Severity.WARNING))


def block_of(title: str) -> Block | None:
    """Return the block that a title begins, None for a title of scored indicators.

    >>> [block_of(text) for text in ("加分项（5分）", "一票否决事项", "减分项", "经济发展", "加分项目资金拨付率")]
    ['bonus', 'veto', 'deduction', None, None]
    """
    plain = split_marks(squeezed(without_numbering(title)))[0]
    return next((block for block, words in _BLOCKS if words.search(plain)), None)


def _parted(entry: Entry, text: str) -> Iterator[Entry]:
    """Yield the indicators of a cell that names several, each with marks: 常规(50%)、成果(50%)."""
    plain = squeezed(text)
    parts = list(_SEVERAL.finditer(plain))
    if len(parts) > 1 and not _BETWEEN.sub("", _SEVERAL.sub("", plain)):
        for part in parts:
            marks, percent = Fraction(part["marks"]), part["sign"] == "%"
            groups = entry.groups
            yield replace(entry, name=without_numbering(part["name"]), marks=marks, percent=percent, groups=groups)
        return
    yield entry


def _one_line(text: str) -> str:
    return re.sub(r"(?<=[^\x00-\x7f])\s+|\s+(?=[^\x00-\x7f])", "", " ".join(text.split()))


def _departments(texts: Sequence[str]) -> tuple[str, ...]:
    parts = [part.strip() for text in texts for part in re.split(r"[、,，;；/\n]|\s{1,}", text)]
    return tuple(dict.fromkeys(item for item in parts if item and not _NOTHING.fullmatch(item)))
