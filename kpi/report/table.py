"""The league table for a terminal: aligned under Chinese text, fitted to the width, readable without colour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from io import StringIO

from msgspec import Struct
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from kpi.errors import DataError, Diagnostic, Message, suggest
from kpi.language.indicators.derived import window
from kpi.report.language import localized, tr, wordings
from kpi.report.league import Block, League, Line, league
from kpi.report.longer import longer_tables
from kpi.report.marks import NOTHING, change, number, visible
from kpi.report.shape import Results

#: The default width of the table in terminal cells.
WIDTH = 100


#: The priority of pillars: at the first one that does not fit, the rest are left out.
PILLAR = 3

# The gap between columns: one cell of padding, and one in place of a line.
_GAP = 2

#: The headings of columns that every table has, by which they may be asked for in any language.
_HEADINGS = {
    "rank": Message("Rank"), "move": Message("Move"), "score": Message("Score"), "stars": Message("Stars"),
    "change": Message("Change"), "coverage": Message("Coverage"), "entity": Message("Entity"),
}  # fmt: skip

_MOVES = {"▲": "green", "▼": "red"}


class _Column(Struct, frozen=True, dict=True):
    """A column: its heading, the cells of lines, and the maximum widths before folding.

    If space is short, columns with the highest `order` are left out.
    """

    lines: tuple[Line, ...]
    heading: str
    cell: Callable[[Line], str]
    justify: JustifyMethod = "left"
    order: int = PILLAR
    most: int = 1_000
    head: int = 12
    style: Callable[[Line], str] = lambda _: ""
    key: str = ""
    title: str = ""

    @cached_property
    def width(self) -> int:
        widest = max((cell_len(self.cell(line)) for line in self.lines), default=0)
        return max(min(widest, self.most), min(cell_len(self.heading), self.head))


def league_table(
    scorecard: Results, /, *, period: str | None = None, width: int | None = None, color: bool = False,
    columns: Sequence[str] = (),
) -> str:  # fmt: skip
    """Return the league table of a period (by default the latest) as text of at most `width` cells a line.

    Where even the columns without which there is no table (位次, entity, 得分, 星级) are wider, the text is as wide as
    they are.

    One block a cohort, all blocks with the same columns: 位次, 升降, the entity, 得分, 星级 (等级 where the levels have
    names, none without a star scheme), 增减, the scores of as many top pillars as fit, 完整率 where it is below 100 %,
    and as footnotes vetoes, and why an entity has no score. Unrated entities stand last. `columns` are those asked for,
    by name or heading, in their order.

    Raises:
        DataError: K531, the scorecard has no such period; K890, it has no such column.

    """
    width = WIDTH if width is None else width
    standing = league(scorecard, period=period)
    noted = [line for line in standing.lines if line.note]
    marks = {id(line): _raised(number) for number, line in enumerate(noted, 1)}
    candidates = _columns(scorecard, standing, marks)
    shown = _named(candidates, columns) if columns else _fitting(candidates, width)
    omitted = sum(column.order == PILLAR for column in candidates) - sum(column.order == PILLAR for column in shown)
    width = max(width, sum(column.width + _GAP for column in shown) - _GAP)
    out = StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        legacy_windows=False,
        _environ={},
    )
    console.print(Text(visible("  ".join(filter(None, (scorecard.title, standing.period)))), style="bold"))
    for block in standing.blocks:
        if (heading := standing.heading(block)) is not None:
            console.print(Text(f"\n{visible(heading)}", style="bold"))
        console.print(_table(block, shown))
        for line in block.lines:
            if line.note:
                console.print(Text(f"{marks[id(line)]} {visible(line.entity)}  {visible(line.note)}", style="red"))
    for heading, headings, lines in longer_tables(scorecard, standing.period):
        console.print(Text(f"\n{visible(heading)}", style="bold"))
        kept, rows, notes = _narrowed(headings, lines, width)
        console.print(_plain(kept, rows))
        for entity, note in notes:
            console.print(Text(f"{visible(entity)}  {visible(note)}", style="red"))
    console.print(Text(_footer(scorecard, standing, omitted), style="dim"))
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def _raised(number: int) -> str:
    """Return the mark of a footnote.

    >>> _raised(12)
    '¹²'
    """
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _named(columns: list[_Column], names: Sequence[str]) -> list[_Column]:
    """Return the columns that are asked for, in the order of their names.

    Raises:
        DataError: K890, there is no such column, or it is empty.
    """
    keyed = {column.key: column for column in columns if column.key}
    shown = {column.heading: column for column in columns}
    known = {column.title: column for column in columns if column.title} | shown | keyed
    near = [*(column.title or column.heading for column in columns), *keyed]
    known |= {word: keyed[key] for key, heading in _HEADINGS.items() if key in keyed for word in wordings(heading)}
    if unknown := [name for name in names if name not in known]:
        message = Message("the table has no column `{name}`", name=unknown[0])
        hint = Message(
            "there is {names}", names=tuple(column.key or column.title or column.heading for column in columns)
        )
        raise DataError(Diagnostic("K890", message, hint=suggest(unknown[0], near) or hint))
    return [known[name] for name in names]


def _columns(scorecard: Results, standing: League, marks: Mapping[int, str]) -> list[_Column]:
    """Return all columns with content, in display order."""
    decimals = scorecard.decimals
    column = partial(_Column, standing.lines)
    columns = [
        column(tr("Rank"), lambda line: NOTHING if line.rank is None else str(line.rank), "right", 0, key="rank"),
        column(
            tr("Move"), lambda line: line.moved, order=1, style=lambda line: _MOVES.get(line.moved[:1], ""), key="move"
        ),
        column(
            visible(localized(scorecard.entity_title)),
            lambda line: visible(line.entity) + marks.get(id(line), ""),
            order=0,
            most=24,
            key="entity",
        ),
        column(tr("Score"), lambda line: number(line.score, decimals) or NOTHING, "right", 0, key="score"),
        *_levels(column, standing),
        column(
            tr("Change"),
            lambda line: change(line.change, decimals),
            "right",
            1,
            style=lambda line: _trend(line.change),
            key="change",
        ),
    ]
    for position, heading in enumerate(standing.further):
        columns.append(column(visible(heading), partial(_further, position), "right", 1))
    for position, title in enumerate(standing.headings):
        columns.append(column(visible(title), partial(_pillar, standing, position, decimals), "right", head=8,
                              title=visible(standing.pillars[position])))  # fmt: skip
    columns += [
        column(tr("Coverage"), _coverage, "right", 2, key="coverage"),
    ]
    return [
        candidate
        for candidate in columns
        if not candidate.order or any(candidate.cell(line) for line in standing.lines)
    ]


def _levels(column: Callable[..., _Column], standing: League) -> Iterator[_Column]:
    """Yield the column of stars or level names if any entity has a level."""
    if standing.rated:
        style = "" if standing.named else "yellow"
        yield column(
            standing.level_heading,
            lambda line: visible(standing.level(line)),
            order=0,
            style=lambda _: style,
            key="stars",
        )


def _further(position: int, line: Line) -> str:
    return line.further[position]


def _pillar(standing: League, position: int, decimals: int, line: Line) -> str:
    return standing.pillar(line, position, decimals)


def _coverage(line: Line) -> str:
    """Return the coverage if it is not 100 %; a value that rounds to 100 is shown just below it."""
    if line.coverage is None or line.coverage >= 100:
        return ""
    return f"{min(line.coverage, 99.9):.1f}%"


def _trend(value: float | None) -> str:
    return "" if not value else "green" if value > 0 else "red"


def _fitting(columns: list[_Column], width: int) -> list[_Column]:
    """Return the columns that fit, in display order; mandatory columns always do."""
    room = width + _GAP
    chosen = []
    for position, column in sorted(enumerate(columns), key=lambda pair: pair[1].order):
        needed = column.width + _GAP
        if not column.order or needed <= room:
            chosen.append(position)
            room -= needed
        elif column.order == PILLAR:
            break
    return [columns[position] for position in sorted(chosen)]


def _table(block: Block, columns: list[_Column]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, _GAP - 1, 0, 0), header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(Text(column.heading), justify=column.justify, width=column.width, overflow="fold")
    for line in block.lines:
        table.add_row(*(Text(column.cell(line), style=column.style(line)) for column in columns))
    return table


def _narrowed(
    headings: list[str], lines: list[list[str]], width: int
) -> tuple[list[str], list[list[str]], list[tuple[str, str]]]:
    """Return the table of a longer period as it fits: remarks below it, then without former places, moves, changes.

    The columns are those of `longer_tables`; each remark comes with its entity.
    """
    last = len(headings) - 1
    kept = list(range(len(headings)))

    def fits() -> bool:
        widths = (max(cell_len(visible(row[at])) for row in (headings, *lines)) for at in kept)
        return sum(widths) + _GAP * (len(kept) - 1) <= width

    notes = []
    for at in (last, 2, 1, last - 1):
        if fits():
            break
        kept.remove(at)
        if at == last:
            notes = [(line[3], line[last]) for line in lines if line[last]]
    return [headings[at] for at in kept], [[line[at] for at in kept] for line in lines], notes


def _plain(headings: list[str], lines: list[list[str]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, _GAP - 1, 0, 0), header_style="bold", show_edge=False)
    for heading in headings:
        table.add_column(Text(heading), overflow="fold")
    for line in lines:
        table.add_row(*(Text(visible(cell)) for cell in line))
    return table


def _footer(scorecard: Results, standing: League, omitted: int) -> str:
    """Return the legend, with the hashes of definition and data."""
    if not standing.blocks:
        return tr("There are no scores to rank.")
    words = [tr("Full mark {full:g}", full=scorecard.full)]
    if any(line.moved for line in standing.lines):
        words.append(
            tr("▲▼ places gained or lost since the previous period")
            if standing.against is None
            else tr("▲▼ places gained or lost, {window}", window=window(standing.against))
        )
    if omitted:
        more = tr("{omitted} more pillars not shown", omitted=omitted)
        words.append(tr("1 more pillar not shown") if omitted == 1 else more)
    words += [
        tr("Definition {definition_hash}", definition_hash=scorecard.definition_hash[:8]),
        tr("Data {data_hash}", data_hash=scorecard.data_hash[:8]),
    ]
    return "  ".join(words)
