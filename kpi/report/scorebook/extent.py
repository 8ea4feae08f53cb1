"""What a workbook of a scorecard takes and what it leaves out, known before it is written."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from kpi.engine.scorecard import Scorecard
from kpi.errors import Diagnostic, Message, Severity, count
from kpi.report.scorebook import history, matrix, unit_cards
from kpi.report.scorebook.figures import UNITS
from kpi.report.shape import FRAMES, MORE

#: The most rows of a frame that is a sheet of data: a longer one takes minutes to write and to open.
DATA_ROWS = 100_000
#: Cells that are written a second, one by one and in rows that are written together.
_CELLS, _TOGETHER = 80_000, 700_000
#: The seconds from which the time is worth a line.
_LONG = 5
#: The columns of the frames that have a row for each unit, period and item.
_WIDTHS = {"totals": 15, "pillars": 12, "indicators": 20, "measures": 9}


class Extent(Struct, frozen=True):
    """The size of a workbook.

    Attributes:
        rows: the rows of each frame, by name.
        units: the units of the period that is shown.
        cards: how many units have a card.
        indicators: how many indicators there are.
        periods: how many periods there are.
    """

    rows: Mapping[str, int]
    units: int
    cards: int
    indicators: int
    periods: int

    @property
    def long(self) -> dict[str, int]:
        """The rows of the frames that are left out, by name."""
        return {name: rows for name, rows in self.rows.items() if rows > DATA_ROWS}

    @property
    def cells(self) -> int:
        """About how many cells are written."""
        return self._apart + self._together

    @property
    def _apart(self) -> int:
        """The cells of the league table, of earlier periods and of cards."""
        earlier = 3 * (min(self.periods, history.MOST) - 1)
        return min(self.units, UNITS) * (12 + earlier) + self.cards * self.indicators * 18

    @property
    def _together(self) -> int:
        """The cells of the matrix and of the sheets of data."""
        data = sum(_WIDTHS.get(name, 10) * rows for name, rows in self.rows.items() if rows <= DATA_ROWS)
        return min(self.units, UNITS) * min(self.indicators, matrix.MOST) + data

    @property
    def seconds(self) -> float:
        """About how long it takes to write."""
        return self._apart / _CELLS + self._together / _TOGETHER

    def outlook(self) -> Message | None:
        """Return what the workbook will take, None of one that is written in seconds."""
        if self.seconds < _LONG:
            return None
        units, periods = min(self.units, UNITS), self.periods
        return Message(
            "The workbook will have {units}, {periods} and about {cells:,} cells, which takes about {seconds:.0f} s.",
            units=count(units, "unit"), periods=count(periods, "period"), cells=round(self.cells, -4),
            seconds=self.seconds,
        )  # fmt: skip

    def left_out(self) -> list[Diagnostic]:
        """Return a finding (K894) for whatever the workbook leaves out."""
        sheets, folder = FRAMES | MORE, Message("a folder takes all tables: -o results/")
        parts = [
            (Message("the sheet `{sheet}` is left out, as it has {rows:,} rows", sheet=sheets[name], rows=rows), folder)
            for name, rows in self.long.items()
        ]
        if self.units > UNITS:
            words = Message("only the first {shown:,} of {units:,} units are listed", shown=UNITS, units=self.units)
            parts.append((words, folder))
        if self.cards < self.units:
            words = Message("only the first {shown:,} of {units:,} units have a card", shown=self.cards,
                            units=self.units)  # fmt: skip
            parts.append((words, Message("the page has a card for each unit: -o report.html")))
        if self.indicators > matrix.MOST:
            words = Message("only the first {shown:,} of {indicators:,} indicators are in the matrix",
                            shown=matrix.MOST, indicators=self.indicators)  # fmt: skip
            parts.append((words, folder))
        if self.periods - 1 > history.MOST:
            words = Message("only the last {shown:,} of {periods:,} earlier periods are shown", shown=history.MOST,
                            periods=self.periods - 1)  # fmt: skip
            parts.append((words, folder))
        return [
            Diagnostic("K894", Message("in the workbook, {what}", what=words), hint=hint, severity=Severity.WARNING)
            for words, hint in parts
        ]


def extent(card: Scorecard, period: str | None = None) -> Extent:
    """Return the size of the workbook of a scorecard; frames that are left out are not computed for it."""
    system, totals = card.definition, card.totals
    label = period if period is not None else next(iter(reversed(card.periods)), None)
    items = {
        "totals": 1, "pillars": len(system.pillars), "indicators": len(system.indicators),
        "measures": sum(measure.per is None for measure in system.measures.values()),
    }  # fmt: skip
    rows = {name: totals.height * number for name, number in items.items()}
    rows |= {name: frame.height for name, frame in card.extras.items()}
    units = 0 if label is None else int((totals["period"] == label).sum())
    counted = sum(name in system.parents for name in system.indicators)
    return Extent(rows, units, min(unit_cards.ROWS // (counted + 8), units), len(system.indicators), len(card.periods))
