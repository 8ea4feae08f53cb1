"""The common part of all indicators: direction, targets, unit, problems, and the columns of the panel.

A kind provides its unit, its problems, its formula in words, and two named expressions: the value and its status
(`guarded`). They are evaluated on the panel: one row per entity and period, complete, ordered by period and then
entity, so that the previous period is the row `#entities` above.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, ClassVar, Literal

import polars as pl
from msgspec import Struct, field
from pydantic import Field

from kpi.errors import Message, Severity, commas
from kpi.language import expressions
from kpi.language.expressions.terms import ExpressionError, Scope, Term, figure
from kpi.language.indicators.counted import Counted
from kpi.language.limits import AnyLimits
from kpi.language.lookback import NOW, Comparison, Lags
from kpi.language.model import Definition, OneOrMany, Path, Problem, Problems, Text
from kpi.language.scoring import AnyRule
from kpi.language.targets import COMPARATORS, Target
from kpi.values import columns, period_texts, periods, units
from kpi.values.columns import Column, Expressions
from kpi.values.periods import Grain, Period, Window
from kpi.values.status import literal
from kpi.values.timelines import Timeline
from kpi.values.units import Unit

Basis = Literal["stated", "full_coverage", "milestone", "qualitative", "structural", "named_list"]

#: The last month of a row's period, in months since year 0.
MONTH = pl.col(columns.MONTH)
#: How many entities the panel has: the distance in rows from one period to the next.
ENTITIES = pl.col(columns.ENTITIES).first()


class Symbol(Struct, frozen=True):
    """A name that formulas may use: a measure or an indicator, with its unit (None when that is itself wrong).

    `reported` says that departments hand the figure in, rather than that it is computed; `exact` that it is a decimal
    number as reported, added up or counted, rather than a quotient or a mean; `running` that it is a running total of
    the year (累计). `breaks` are the columns that count the
    breaks of the series it is computed from, one a measure; there are none unless units succeed one another.
    """

    name: str
    title: str
    unit: Unit | None
    per: str | None = None
    reported: bool = False
    exact: bool = False
    breaks: tuple[str, ...] = ()
    running: bool = False


Symbols = Mapping[str, Symbol]


class Named(Struct, frozen=True):
    """A place in a definition that names a figure; `span` is offset and length inside the text of an expression."""

    name: str
    place: Path
    span: tuple[int, int] | None = None


def earlier_by(window: Window | None, timeline: Timeline) -> Callable[[pl.Expr], pl.Expr]:
    """Return what gives the value of a column a window earlier; null for a week 53 whose year before has none.

    Args:
        window: a whole number of periods; None, for one that is not, is as good as a period without a figure.
        timeline: on which the periods lie.
    """

    def earlier(column: pl.Expr) -> pl.Expr:
        if window is None:
            return pl.when(pl.lit(value=False)).then(column)
        if len(window.lags) == 1:
            return column.shift(ENTITIES * window.lags[0])
        return pl.coalesce(
            pl.when(timeline.same_week(MONTH, lag)).then(column.shift(ENTITIES * lag)) for lag in window.lags
        )

    return earlier


def broken(symbols: Symbols, name: str, earlier: Callable[[pl.Expr], pl.Expr]) -> pl.Expr | None:
    """Return whether a series breaks between an earlier period and that of the row; None if no series can.

    Args:
        symbols: what names stand for.
        name: the measure or indicator that is compared.
        earlier: gives the value of a column in the earlier period.
    """
    columns = [pl.col(column) for column in (symbols[name].breaks if name in symbols else ())]
    return pl.any_horizontal([column != earlier(column) for column in columns]) if columns else None


def based(name: str, base: pl.Expr, across: pl.Expr | None) -> tuple[Expressions, dict[str, pl.Expr]]:
    """Return the column `name.base`, null across a break of the series, and the guard `break` where there may be one.

    Args:
        name: the indicator.
        base: what its value is compared with.
        across: whether the series breaks in between, None if it cannot.
    """
    if across is None:
        return Expressions(bases={Column(name).base: base}), {}
    return Expressions(bases={Column(name).base: pl.when(~across).then(base)}), {"break": across}


def scope_of(symbols: Symbols) -> Scope:
    """Return what the names in an expression over measures and indicators stand for."""

    def scope(name: str) -> Term | None:
        known = symbols.get(name)
        return None if known is None else figure(name, known.unit, exact=known.exact)

    return scope


class Unused(Struct, frozen=True):
    """Rows of records that an indicator leaves out.

    Attributes:
        measure: counts them.
        columns: the texts that columns need.
        scales: the lowest and the highest number of columns of numbers.
    """

    measure: str
    columns: Mapping[str, tuple[str, ...]]
    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class Indicator(Definition):
    """The base of all indicators: direction, targets, an own scoring rule, and where it comes from."""

    #: Whether the value is a quantity, of which a part can be attained, rather than done or not.
    quantitative: ClassVar[bool] = True
    #: Whether the value is a projection, with the ends of an interval beside it.
    projects: ClassVar[bool] = False
    #: Whether there is no value above 100 %, which is out of range.
    bounded: ClassVar[bool] = False
    #: Whether the value falls into the classes of the SDG reports, from `class_cuts` on.
    classified: ClassVar[bool] = False
    #: What the panel has of the indicator itself, such as how many finer units pass: columns `name.fact`.
    panel_facts: ClassVar[tuple[str, ...]] = ()

    better: Literal["higher", "lower"] | None = Field(
        None, description="which way is better; left out: as the target says, else higher"
    )
    target: OneOrMany[Target] = Field((), description="one target, or a list of dated ones")
    score: AnyRule | None = Field(None, description="a scoring rule instead of the system's")
    limits: AnyLimits | None = Field(
        None, description="confidence limits of the value, and funnel limits of its group; a number is the level"
    )
    shrink: Literal["reliability"] | None = Field(
        None, description="draw the value to the mean of the peers before it is scored, see `kind: shrink`"
    )
    clause: Text | None = Field(None, description="where the document states it")
    basis: Basis | None = Field(None, description="how firmly the document states it")
    lead: OneOrMany[str] = Field((), description="who is in charge (牵头单位)")
    responsible: OneOrMany[str] = Field((), description="who takes part (责任单位)")
    decimals: Annotated[int, Field(ge=0, le=9)] | None = Field(None, description="decimals when printed")

    @property
    def direction(self) -> Literal["higher", "lower"]:
        """Which way is better: as declared, else as the target's comparator implies."""
        if self.better is not None:
            return self.better
        lower = any(target.comparator in ("at_most", "below") for target in self.target)
        return "lower" if lower else "higher"

    @property
    def implied_targets(self) -> tuple[Target, ...]:
        """The targets that hold where the definition states none."""
        return ()

    @property
    def status_scores(self) -> Mapping[str, float]:
        """The statuses that are results rather than gaps, each with its score in percent of full marks."""
        return {}

    @property
    def measure_shown(self) -> str | None:
        """The measure whose value the indicator shows unchanged but for its unit; None for any other value."""
        return None

    @property
    def finer_measure(self) -> str | None:
        """The measure with `per` whose finer units the indicator looks at; None where it looks at entities."""
        return None

    @abstractmethod
    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yield the names the value is computed from, each with its place in the definition."""

    def named(self) -> Iterator[Named]:
        """Yield every place where the definition names one of the `inputs`."""
        yield from (Named(name, place) for place, name in self.inputs())

    @property
    def proportion(self) -> tuple[str, str] | None:
        """The measures of which the value is a proportion: those of a part and of its whole; None of other kinds."""
        return None

    @abstractmethod
    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Return the indicator's unit, or None if unknown."""

    def exact(self, symbols: Symbols) -> bool:  # noqa: ARG002
        """Return whether the value is a decimal number as reported, added up or counted."""
        return False

    @abstractmethod
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Return the columns `name` (Float64, in the indicator's unit) and `name.status`.

        What the value is compared with may be a column `name.base`, which does not outlast its stage.
        """

    def intervals(self, name: str, symbols: Symbols, grain: Grain) -> Expressions | None:
        """Return the columns of the interval of the value, which scores do not read, from the complete result.

        None without an interval.
        """

    def lookback(self, grain: Grain) -> dict[str, Lags]:  # noqa: ARG002
        """Return the figures that the value is computed from, each with the lags at which it enters, in periods."""
        return {name: NOW for _, name in self.inputs()}

    def fewest_periods(self, grain: Grain) -> int | None:
        """Return how many periods the data must have for a value: those of a window; None without a window."""

    def unused_rows(self, name: str) -> Unused | None:
        """Return which rows of records do not count although they are about the indicator, None where all do."""

    def over_units(self, symbols: Symbols) -> dict[str, pl.Expr]:
        """Return the `panel_facts` of a kind with a `finer_measure`.

        Args:
            symbols: what names stand for.

        Returns:
            Aggregations over the columns `value` (Float64) and `status` of an entity's finer units, by fact. These
            may come in parts: then the numbers of all parts are added up, and a Boolean is true if it is in one.

        Raises:
            NotImplementedError: of a kind without a `finer_measure`, which has no such facts.
        """
        raise NotImplementedError

    def attained(self, name: str) -> pl.Expr:
        """Return the value that is compared with the target to say how far it is attained."""
        return pl.col(name)

    def comparisons(self) -> Iterator[Comparison]:
        """Yield what the value compares with an earlier period."""
        yield from ()

    def baseline(self, period: int, grain: Grain) -> tuple[str, int] | None:
        """Return the figure of an earlier period that the value of a period is computed against, None without one.

        Args:
            period: the index of the period.
            grain: of the scored periods.

        Returns:
            The measure or indicator, and the index of its period.
        """

    def base_outside(self, first: Period, last: Period, grain: Grain) -> str | None:
        """Return the base period of a chained index that data from `first` to `last` do not reach, None otherwise."""

    def plain_relatives(self, symbols: Symbols) -> str | None:
        """Return the figure that is chained as factors, in which 103.5 is no change of 3.5 %; None without one."""

    @property
    def running_with(self) -> tuple[str, ...]:
        """Figures of which exactly one is a running total of the year (累计) if the value is one."""
        return ()

    @property
    def runs_from_january(self) -> bool:
        """Whether the value is a running total of the year (累计) that the indicator itself makes."""
        return False

    @property
    def totals_alone(self) -> bool:
        """Whether the value is a total of `added_up` itself, rather than a mean, a quotient or a growth of it."""
        return False

    @property
    def light_by_outlook(self) -> bool:
        """Whether its light says if the target will be reached, rather than how far it is behind schedule."""
        return False

    @property
    def known_at_year_end(self) -> bool:
        """Whether there is a value at the end of the year without the periods that it otherwise needs."""
        return False

    @property
    def class_cuts(self) -> tuple[float, ...]:
        """From which value on each class but the last begins, of a value that is `classified`."""
        return ()

    def added_up(self) -> Iterator[tuple[Path, str]]:
        """Yield the figures whose values of several periods are added up, each with its place in the definition."""
        yield from ()

    def extent(self, never_negative: Callable[[str], bool]) -> tuple[float, float] | None:
        """Return the least and the greatest value that there can be; None where it may be below zero.

        Args:
            never_negative: says of a figure that it is never below zero.
        """

    def nested(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of figures of which the first is a part of the second, if the value is in percent."""
        yield from ()

    def quotient(self, symbols: Symbols) -> tuple[str, str | None, float] | None:
        """Return the figures above and below the line, and the factor of their quotient, of a value that is no more.

        None below the line for a value that is one figure; None of other kinds.
        """

    def counted(self, name: str, symbols: Symbols, *, stated: bool = False) -> Counted | None:
        """Return the counts from which the sampling error of the value is known, None where it is not.

        Args:
            name: of the indicator.
            symbols: what names stand for.
            stated: whether the definition says that its figures are counts, so that plain numbers are.
        """

    @abstractmethod
    def words(self, symbols: Symbols) -> Message:
        """Return the formula in words, with the titles of what it uses."""

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield what is wrong beyond the shape: units, windows, targets."""
        unit = self.in_unit(symbols)
        if unit is None:
            return
        for place, target in enumerate(self.target):
            yield from target.problems((*path, "target", place), unit, grain)
        implied = {way for target in self.target if (way := COMPARATORS[target.comparator][1])}
        if self.better and implied and self.better not in implied:
            yield Problem(
                "K412",
                (*path, "better"),
                Message(
                    "better is `{better}`, but the target is {targets}",
                    better=self.better,
                    targets=commas(target.words(unit) for target in self.target),
                ),
                hint=Message("take `better` away: the target says which way is better"),
            )


def in_titles(text: str, symbols: Symbols) -> str:
    """Return an expression with titles for names; one that cannot be read is returned as it is.

    >>> in_titles("late > 0", {"late": Symbol("late", "迟报次数", units.ONE)})
    '迟报次数 > 0'
    """
    try:
        names = sorted(expressions.parse(text).names(), key=lambda pair: pair[1])
    except ExpressionError:
        return text
    parts, end = [], 0
    for name, (offset, length) in names:
        parts += [text[end:offset], title_of(symbols, name)]
        end = offset + length
    return "".join([*parts, text[end:]])


def title_of(symbols: Symbols, name: str) -> str:
    """Return the title of a name, or the name itself."""
    return symbols[name].title if name in symbols else name


def unit_of(symbols: Symbols, name: str) -> Unit | None:
    """Return the unit of a name, None if the name or its unit is unknown."""
    return symbols[name].unit if name in symbols else None


def declared(text: str | None, natural: Unit | None) -> Unit | None:
    """Return the declared unit when the natural one can be brought into it, else the natural one."""
    if text is None or natural is None:
        return natural
    try:
        declared = units.parse(text)
        units.factor(natural, declared)
    except units.UnitError:
        return natural
    return declared


def declared_problem(text: str | None, natural: Unit | None, path: Path) -> Problems:
    """Yield a problem when a declared unit does not fit the unit that comes out of the formula."""
    if text is None or natural is None:
        return
    try:
        units.factor(natural, units.parse(text))
    except units.UnitError as error:
        yield Problem(
            "K303",
            (*path, "unit"),
            error.message,
            hint=error.hint or Message("leave `unit` out, or give one of that dimension"),
            label=Message("the value is in {unit}", unit=natural),
        )


def scale(expr: pl.Expr, natural: Unit | None, unit: Unit | None) -> pl.Expr:
    """Return an expression in one unit brought into another of the same dimension."""
    factor = 1.0 if natural is None or unit is None else units.factor(natural, unit)
    return expr if factor == 1 else expr * literal(factor)


def scored_period(text: str, path: Path, grain: Grain) -> tuple[list[Problem], int | None]:
    """Return what is wrong with a text that names a scored period, and where that period ends on the timeline."""
    try:
        period = period_texts.parse(text, timeline=grain.timeline)
    except periods.PeriodError as error:
        return [Problem("K105", path, error.message, hint=error.hint)], None
    problems = []
    if (assumed := period_texts.assumption(text, grain.timeline)) is not None:
        problems.append(Problem("K618", path, assumed, hint=period_texts.ASSUMED, severity=Severity.WARNING))
    if period.grain != grain:
        problems.append(
            Problem(
                "K432", path, Message("`{period}` is not a {grain}", period=text, grain=grain.title),
                hint=Message("name a scored period"),
            )
        )  # fmt: skip
    return problems, period.end
