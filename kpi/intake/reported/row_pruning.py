"""Row pruning for `--period`: read only the rows that the period can depend on.

A figure of a scored period is made of rows of that period, of finer periods inside it, or of year-to-date figures of
its year, and so is what the period looks back to (`lookback`). All other rows are passed over while files are read: of
files with statistics of their parts (Parquet, Arrow), complete parts. A row whose period cannot be read is kept,
as it may be of any.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import Message
from kpi.intake.cells.cell_text import as_text
from kpi.intake.matching.datasets import Placed, panel_columns
from kpi.intake.reported.entity_targets import targeted_in_data
from kpi.intake.reported.read_plan import Escalate, ReadPlan
from kpi.language.datasets import PanelData, Records
from kpi.language.lookback import HISTORY, WHOLE
from kpi.language.measures import Reported
from kpi.language.system import System
from kpi.process import progress
from kpi.values import period_texts, periods
from kpi.values.periods import FIRST_YEAR, LAST_YEAR
from kpi.values.timelines import Timeline

#: Of how many of the first rows the texts are looked at: where most of them differ, they are no names of periods.
_HEAD = 10_000

#: Which rows of a table are reached, how many these are, and how many are not.
Selection = tuple[pl.Expr, int, int]


def figures_of_a_row(source: Placed, system: System) -> int:
    """Return how many figures a row is counted as: one, or as many as a wide table has columns of measures."""
    if not isinstance(source.dataset, PanelData):
        return 1
    return len(panel_columns(system, source.table, list(source.roles.values())))


def entered(system: System, start: int, months: int, *, events: bool) -> range:
    """Return the indices of the scored periods that rows of a period may enter.

    Args:
        system: gives the scored periods, and whether figures are for the year to date or run from January.
        start: first month of the rows' period.
        months: its months.
        events: whether they are events rather than figures.
    """
    size = system.period.months
    to_date = any(
        measure.over_time == "ytd" or (isinstance(measure, Reported) and measure.from_january)
        for measure in system.measures.values()
    )
    if not to_date and (events or (months == size and start % size == 0)):
        return range(start // size, (start + months - 1) // size + 1)
    if system.timeline.weeks:
        return range(start, start + months)
    return range(start // 12 * 12 // size, ((start + months - 1) // 12 + 1) * 12 // size)


def months_of(column: pl.Expr, dtype: pl.DataType, timeline: Timeline) -> pl.Expr | None:
    """Return the months or weeks of days or times, None where a column has neither; unknown years too."""
    if not isinstance(dtype, pl.Date | pl.Datetime):
        return None
    day = column.dt.date()
    return timeline.of_days(day)


class Reached(Struct, dict=True):
    """One reading of the rows that a period reaches, and whether they prove to be enough.

    Attributes:
        system: gives the scored periods.
        period: the index of the requested one.
        back: returns how many periods it looks back (`kpi.engine.lookback.window`), or more.
        widened: whether it is more, as there was no figure so many periods back.
        passed_over: how many rows were passed over, of wide tables how many figures.
        earlier: the last period before those reached that some of these may enter, None when there is none.
        by_end: whether all figures are for months that end a scored period.
    """

    system: System
    period: int
    back: Callable[[], int]
    widened: bool = False
    passed_over: int = 0
    earlier: int | None = None
    by_end: bool = True
    _findings: dict[tuple[str, periods.Order, bool], bool] = field(default_factory=dict)

    @cached_property
    def window(self) -> int:
        """Return how many periods the requested one looks back, or HISTORY, or WHOLE; computed when it is needed."""
        return self.back()

    def of(self, source: Placed) -> Placed:
        """Return a table with the rows that are reached."""
        if "period" not in source.roles or targeted_in_data(self.system):
            return source  # a target that the data state holds over periods
        if isinstance(source.dataset, Records) and source.dataset.key:
            return source  # an event may stand in a row for another period, too
        table, header = source.table, source.roles["period"]
        if table.pieces is not None:
            return replace(source, table=table.part(self._in_periods(header, source.dataset.dates)))
        cells = table.raw
        dtype = cells.collect_schema()[header]
        with progress.stage(Message("looking at the periods of {file}", file=table.file), table.size or table.about):
            days = months_of(pl.col(header), dtype, self.system.timeline)
            only = self._texts(source, cells, header) if days is None else self._days(source, cells, header, days)
        if only is None:
            return source
        wanted, kept, passed = only
        self.passed_over += passed * figures_of_a_row(source, self.system)
        return replace(source, table=table.part(wanted, kept))

    def insufficient(self, plan: ReadPlan, first: int, last: int) -> Escalate | None:
        """Return the escalation to more rows, None where those that were read give the results that all would.

        A grid begins with the first figure and ends with the last. Where there is none of the first period that is
        reached, or of the one that is asked for, those that were passed over would decide.

        Args:
            plan: by which they were read.
            first: the index of the first period with a figure.
            last: of the last.
        """
        if last < self.period:
            return plan.with_rows(None)
        if self.earlier is not None and first > self.period - self.window:
            back = self.period - self.earlier
            wider = partial(Reached, self.system, self.period, lambda: back, widened=True)
            return plan.with_rows(None if self.widened else wider)
        return None

    # ---- PERIODS ---- #

    def _is_kept(self, start: int, months: int, *, events: bool) -> bool:
        """Note a period that rows are for, and return whether they are reached."""
        into = entered(self.system, start, months, events=events)
        size = self.system.period.months
        if not events and (size == 1 or months != 1 or (start + 1) % size):
            self.by_end = False
        if self.period in into or self.window == WHOLE:
            return True
        if into[0] > self.period or self.window == HISTORY:
            return into[0] <= self.period
        if into[-1] >= self.period - self.window:
            return True
        self.earlier = max(into[-1], into[-1] if self.earlier is None else self.earlier)
        return False

    def _texts(self, source: Placed, cells: pl.LazyFrame, header: str) -> Selection | None:
        """Return which texts or numbers are reached, None where all are."""
        column = pl.col(header)
        head = cells.select(column).head(_HEAD).collect().to_series().alias("cells")
        if not (head.dtype.is_integer() or isinstance(head.dtype, pl.String | pl.Categorical | pl.Enum)):
            return None
        if head.len() == _HEAD and head.n_unique() > _HEAD // 2:
            return None
        counted = cells.group_by(column).agg(pl.len().alias("many")).collect(engine="streaming")
        texts = counted.select(as_text(header).str.strip_chars()).to_series().alias("cells")
        kept = self._meaning(texts, source.dataset.dates, events=isinstance(source.dataset, Records))
        if kept.all():
            return None
        items = counted.filter(kept)
        size = int(items["many"].sum())
        only = column.is_in(items[header].alias("cells").drop_nulls().implode()) | column.is_null()
        return only, size, int(counted["many"].sum()) - size

    def _days(self, source: Placed, cells: pl.LazyFrame, header: str, month: pl.Expr) -> Selection | None:
        """Return the same as `_texts`, of days or times."""
        events, column, dtype = isinstance(source.dataset, Records), pl.col(header), cells.collect_schema()[header]
        days = cells.group_by(column.dt.date()).agg(pl.len().alias("many"))
        counted = days.group_by(month).agg(pl.col("many").sum()).collect(engine="streaming")
        timeline = self.system.timeline
        first_of, end_of = timeline.first(FIRST_YEAR), timeline.first(LAST_YEAR + 1)
        valid = {at: many for at, many in counted.rows() if at is not None and first_of <= at < end_of}
        kept = [at for at in sorted(valid) if self._is_kept(at, 1, events=events)]
        if len(kept) == len(valid):
            return None
        passed = sum(valid.values()) - sum(valid[at] for at in kept)
        bounds = (first_of, *((kept[0], kept[-1] + 1) if kept else (first_of, first_of)), end_of)
        first, low, high, after = (pl.lit(timeline.first_day(at)).cast(dtype) for at in bounds)
        only = column.is_null() | (column < first) | (column >= after) | ((column >= low) & (column < high))
        return only, int(counted["many"].sum()) - passed, passed

    def _in_periods(self, header: str, order: periods.Order) -> pl.Expr:
        """Return whether rows of a table that is read in pieces are reached; evaluated for each piece."""

        def in_periods(column: pl.Series) -> pl.Series:
            texts = column.unique().drop_nulls()
            passed = texts.filter(~self._meaning(texts.cast(pl.String).str.strip_chars(), order, events=False))
            if not passed.len():
                return pl.repeat(value=True, n=column.len(), dtype=pl.Boolean, eager=True)
            return ~column.is_in(passed.implode()).fill_null(value=False)

        return pl.col(header).map_batches(in_periods, return_dtype=pl.Boolean, is_elementwise=True)

    def _meaning(self, texts: pl.Series, order: periods.Order, *, events: bool) -> pl.Series:
        """Return which stripped texts are reached; what is no period is."""
        # NOTE: without a lock, as this runs in threads of Polars, which take other work up while they wait for each
        # other. What is noted does not depend on the thread.
        new = [text for text in texts if text is not None and (text, order, events) not in self._findings]
        known = period_texts.parse_column(pl.Series(new, dtype=pl.String), order=order, timeline=self.system.timeline)
        self._findings |= {
            (text, order, events): start is None or self._is_kept(start, months, events=events)
            for text, start, months, _ in known.rows()
        }
        return pl.Series([text is None or self._findings[text, order, events] for text in texts], dtype=pl.Boolean)
