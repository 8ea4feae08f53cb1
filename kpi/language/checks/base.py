"""The common part of all checks (审核关系): a severity, rules in words, and where each rule is broken."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import polars as pl
from msgspec import Struct
from pydantic import Field

from kpi.errors import Message, statements, suggest
from kpi.language.indicators import Symbols, broken, earlier_by
from kpi.language.lookback import NOW, Comparison, Lags, back
from kpi.language.model import Definition, Path, Problem, Problems
from kpi.values import periods, units
from kpi.values.periods import Grain, Window
from kpi.values.units import Unit, UnitError

#: The facts about a figure that the panel may have beside its value, with the type of the column `measure.fact`. A
#: further fact is the name of a unit that is no entity, such as 全市; the column has its figure.
FACTS: dict[str, type[pl.DataType]] = {
    "reported": pl.Date, "scope": pl.String, "through": pl.Int32, "repeated": pl.Boolean, "outdated": pl.String,
}  # fmt: skip


class Breach(Struct, frozen=True):
    """One rule of a check: its words, where it is broken (null if undefined), and its figures.

    Attributes:
        details: a struct of texts about each place, such as the dates that were compared.
        describe: returns what a place is like in words, from the fields of `details` that are not null.
        aggregate_unit: the unit for which the rule is reported once per period, if it concerns all entities together.
    """

    words: Message
    where: pl.Expr
    names: tuple[str, ...]
    details: pl.Expr | None = None
    describe: Callable[..., Message] = Message
    aggregate_unit: str | None = None

    def description(self, details: Mapping[str, str | None] | None) -> Message:
        """Return the words of the rule with those about a place where it is broken."""
        known = {name: text for name, text in (details or {}).items() if text is not None}
        if not known:
            return self.words
        return Message("{rule}; {details}", rule=self.words, details=self.describe(**known))


class Balance(Struct, frozen=True):
    """A number made of figures of one period that has to lie between two ends, included; None for an open end."""

    number: pl.Expr
    names: tuple[str, ...]
    low: float | None
    high: float | None


class Check(Definition):
    """The base of checks.

    An `error` is certainly wrong: the figures it refers to are refused, whatever is computed from them has that status,
    and everything else is scored. A `query` needs an explanation from the department that reported the figure (a note
    answers it), a `warning` is probably a mistake, an `info` is worth knowing.
    """

    severity: Literal["error", "query", "warning", "info"] = Field(
        "query", description="error refuses the figure, query asks for an explanation, warning and info are notes"
    )

    #: Whether two numbers have to be equal: then a correction with which they are is hardly a coincidence.
    equates: ClassVar[bool] = False

    @abstractmethod
    def breaches(self, symbols: Symbols, grain: Grain) -> Iterator[Breach]:
        """Yield each rule, with where it is broken."""

    def lookback(self, symbols: Symbols, grain: Grain) -> dict[str, Lags]:
        """Return the figures that the rules read, each with the lags at which it enters, in periods."""
        return {name: NOW for breach in self.breaches(symbols, grain) for name in breach.names}

    def facts(self, symbols: Symbols) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """Yield the facts that the check needs about figures beside their values: pairs of a fact and a measure.

        The panel has a column `measure.fact` for each: `reported` (Date of the report), `scope` (String, the 口径),
        `through` (Int32, the last month covered), `repeated` (Boolean), `outdated` (String, the code that is out of
        date), and the figure of a unit that is no entity, under the unit's name (Float64).
        """
        yield from ()

    def comparisons(self) -> Iterator[Comparison]:
        """Yield the figures that the check compares with an earlier period."""
        yield from ()

    def compared_with_past(self) -> Sequence[str]:
        """Return the measures whose size the check judges by the past of their units."""
        return ()

    def nested(self) -> Iterator[tuple[str, str]]:
        """Yield pairs of figures of which the first does not exceed the second."""
        yield from ()

    def bounds(self, name: str) -> tuple[float | None, float | None] | None:
        """Return between which ends, included, a figure has to be by itself, in its unit; None for an open end.

        None for both where the check has no bounds.
        """

    def accumulation(self, symbols: Symbols) -> tuple[str, str, float] | None:
        """Return the running total of the year that the check is about, the figure that it adds up, and its factor.

        The factor turns the figure into the unit of the running total. None for other checks.
        """

    def balances(self, symbols: Symbols) -> Iterator[Balance] | None:
        """Return the numbers that the check wants between two ends, if figures of one period decide about it."""

    def deadline(self, grain: Grain) -> pl.Expr | None:
        """Return the due date of the figures of a row; None without one."""

    def words(self, symbols: Symbols, grain: Grain) -> Message:
        """Return the rules of the check in words, each once."""
        return statements(dict.fromkeys(breach.words for breach in self.breaches(symbols, grain)))

    def in_full(self, symbols: Symbols, grain: Grain) -> Message:
        """Return the rules in words for the method of a system, with titles for all names."""
        return self.words(symbols, grain)

    @abstractmethod
    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yield problems of the check itself."""


def window_of(over: str, grain: Grain) -> Lags:
    """Return the lags of what compares a period with the one a window such as `1y` earlier."""
    window = grain.window(over)
    return back(*(window.lags if window else ()))


def before(name: str, over: str, grain: Grain, symbols: Symbols) -> pl.Expr:
    """Return a figure of an earlier period, such as that of the year before (`1y`); null across a break."""
    return lagged(pl.col(name), name, grain.window(over), grain, symbols)


def lagged(value: pl.Expr, name: str, window: Window | None, grain: Grain, symbols: Symbols) -> pl.Expr:
    """Return a value a window earlier; null where the series of its figure breaks in between.

    Args:
        value: what is compared.
        name: the measure or indicator that it is computed from.
        window: how many periods.
        grain: of the periods.
        symbols: what names stand for.
    """
    earlier = earlier_by(window, grain.timeline)
    across = broken(symbols, name, earlier)
    return earlier(value) if across is None else pl.when(~across).then(earlier(value))


def differs(first: pl.Expr, second: pl.Expr, tolerance: float | pl.Expr) -> pl.Expr:
    """Return whether two figures differ by more than a tolerance, apart from floating-point error."""
    return (first - second).abs() > tolerance + 1e-9 * pl.max_horizontal(first.abs(), second.abs())


def name_problems(path: Path, key: str, names: Sequence[str], symbols: Symbols, *, listed: bool = True) -> Problems:
    """Yield unknown names; `listed` says that the key holds a list of them."""
    for place, name in enumerate(names):
        where = (*path, key, place) if listed else (*path, key)
        if name not in symbols:
            message = Message("unknown measure or indicator `{name}`", name=name)
            yield Problem("K203", where, message, hint=suggest(name, symbols), label=Message("not defined"))
        elif (per := symbols[name].per) is not None:
            message = Message("`{name}` has a number per {per}, not per entity", name=name, per=per)
            yield Problem("K407", where, message, hint=Message("check a figure of the entities"))


def window_problems(path: Path, over: str, grain: Grain) -> Problems:
    """Yield windows that are not a whole number of periods."""
    try:
        if grain.window(over) is None:
            hint = Message("periods are scored by {grain}; use a whole number of them", grain=grain.title)
            yield Problem(
                "K404", (*path, "over"), Message("`{over}` is not a whole number of periods", over=over), hint=hint
            )
    except periods.PeriodError as error:
        yield Problem("K105", (*path, "over"), error.message, hint=error.hint)


def unit_problems(path: Path, key: str, names: Sequence[str], unit: Unit | None, symbols: Symbols) -> Problems:
    """Yield names whose figures cannot be brought into a unit."""
    for name in names:
        own = symbols[name].unit if name in symbols else None
        try:
            if own is not None and unit is not None:
                units.factor(own, unit)
        except UnitError as error:
            yield Problem("K303", (*path, key), error.message, hint=Message("compare figures of one kind"))


def in_unit(name: str, unit: Unit | None, symbols: Symbols) -> pl.Expr:
    """Return a figure in a unit."""
    own = symbols[name].unit
    return pl.col(name) if own is None or unit is None else pl.col(name) * units.factor(own, unit)
