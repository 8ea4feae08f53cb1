"""Indicators (指标): what is judged, computed from measures; each kind is one class.

A kind answers with its unit, its problems, its formula in words, and two named expressions: the value and its status
(`guarded`). The frame they run on is the panel: one row per entity and period, complete, ordered by period and then
entity, so that the period before is the row `#entities` above.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import polars as pl
from pydantic import Field

from kpi import expressions, periods, units
from kpi.definition import Definition, Listed, Name, OneOrMany, Path, Problem, Problems, Text, one_of
from kpi.expressions import ExpressionError, Term
from kpi.periods import Grain
from kpi.scoring import AnyRule
from kpi.status import OK, guarded, reason, status_of
from kpi.targets import COMPARATORS, Target
from kpi.units import Unit

Expressions = dict[str, pl.Expr]
Basis = Literal["stated", "full_coverage", "milestone", "qualitative", "structural", "named_list"]

#: The last month of a row's period, in months since year 0.
MONTH = pl.col("#month")
#: How many entities the panel has: the distance in rows from one period to the next.
ENTITIES = pl.col("#entities").first()


@dataclass(frozen=True)
class Symbol:
    """A name that formulas may use: a measure or an indicator, with its unit (None when that is itself wrong)."""

    name: str
    title: str
    unit: Unit | None
    per: str | None = None


Symbols = Mapping[str, Symbol]


class Indicator(Definition):
    """The base of all indicators: direction, targets, an own scoring rule, and where it comes from."""

    better: Literal["higher", "lower"] | None = Field(None, description="left out: as the target says, else higher")
    target: OneOrMany[Target] = Field((), description="one target, or a list of dated ones")
    score: AnyRule | None = Field(None, description="a scoring rule instead of the system's")
    clause: Text | None = Field(None, description="where the document states it")
    basis: Basis | None = Field(None, description="how firmly the document states it")
    lead: OneOrMany[str] = Field((), description="牵头单位")
    responsible: OneOrMany[str] = Field((), description="责任单位")
    decimals: Annotated[int, Field(ge=0, le=9)] | None = Field(None, description="decimals when printed")

    @property
    def direction(self) -> Literal["higher", "lower"]:
        """Which way is better: as declared, else as the target's comparator implies."""
        if self.better is not None:
            return self.better
        lower = any(target.comparator in ("at_most", "below") for target in self.target)
        return "lower" if lower else "higher"

    @abstractmethod
    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yields the names the value is computed from, each with its place in the definition."""

    @abstractmethod
    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Returns the indicator's unit, or None when it cannot be told."""

    @abstractmethod
    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:
        """Returns the columns `name` (Float64, in the indicator's unit) and `name.status`."""

    @abstractmethod
    def words(self, symbols: Symbols) -> str:
        """Returns the formula in words, with the titles of what it uses."""

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields what is wrong beyond the shape: units, windows, targets."""
        unit = self.in_unit(symbols)
        if unit is None:
            return
        for place, target in enumerate(self.target):
            yield from target.problems((*path, "target", place), unit, grain)
        implied = {way for target in self.target if (way := COMPARATORS[target.comparator][1])}
        if self.better and implied and self.better not in implied:
            said = ", ".join(target.words(unit) for target in self.target)
            yield Problem("K412", (*path, "better"), f"better is `{self.better}`, but the target is {said}")


def title_of(symbols: Symbols, name: str) -> str:
    """Returns the title of a name, or the name itself."""
    return symbols[name].title if name in symbols else name


def unit_of(symbols: Symbols, name: str) -> Unit | None:
    """Returns the unit of a name, or None when the name or its unit is unknown."""
    return symbols[name].unit if name in symbols else None


def _declared(text: str | None, natural: Unit | None) -> Unit | None:
    """The declared unit when the natural one can be brought into it, else the natural one."""
    if text is None or natural is None:
        return natural
    try:
        declared = units.parse(text)
        units.factor(natural, declared)
    except units.UnitError:
        return natural
    return declared


def _declared_problem(text: str | None, natural: Unit | None, path: Path) -> Problems:
    if text is None or natural is None:
        return
    try:
        units.factor(natural, units.parse(text))
    except units.UnitError as error:
        yield Problem("K303", (*path, "unit"), str(error), hint=error.hint, label=f"the value is in {natural}")


def _scale(expr: pl.Expr, natural: Unit | None, unit: Unit | None) -> pl.Expr:
    factor = 1.0 if natural is None or unit is None else units.factor(natural, unit)
    return expr if factor == 1 else expr * factor


class Level(Indicator):
    """The value of one measure: `x`."""

    kind: Literal["level"] = "level"
    of: Name
    unit: Text | None = Field(None, description="left out: the measure's unit")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yields the measure."""
        yield ("of",), self.of

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Returns the declared unit, else the measure's."""
        return _declared(self.unit, unit_of(symbols, self.of))

    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:  # noqa: ARG002
        """Returns the value and its status."""
        value = _scale(pl.col(self.of), unit_of(symbols, self.of), self.in_unit(symbols))
        return guarded(name, value, inputs=[self.of])

    def words(self, symbols: Symbols) -> str:
        """Returns the measure's title."""
        return title_of(symbols, self.of)

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields unit and target problems."""
        yield from super().problems(path, symbols, grain)
        yield from _declared_problem(self.unit, unit_of(symbols, self.of), path)


class Ratio(Indicator):
    """A quotient: `numerator / denominator`, null where the denominator is zero or smaller than `min_denominator`.

    >>> Ratio(numerator="online", denominator="cases").words({})
    'online ÷ cases'
    """

    kind: Literal["ratio"] = "ratio"
    numerator: Name
    denominator: Name
    unit: Text | None = Field(None, description="left out: % for figures of one dimension, else their quotient")
    min_denominator: float | None = Field(None, gt=0, description="fewer than that is too few to judge")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yields numerator and denominator."""
        yield ("numerator",), self.numerator
        yield ("denominator",), self.denominator

    def _natural(self, symbols: Symbols) -> Unit | None:
        above, below = unit_of(symbols, self.numerator), unit_of(symbols, self.denominator)
        return None if above is None or below is None else units.divide(above, below)

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Returns the declared unit, else % where numerator and denominator are of one dimension."""
        natural = self._natural(symbols)
        if natural is not None and self.unit is None and units.convertible(natural, units.PERCENT):
            return units.PERCENT
        return _declared(self.unit, natural)

    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:  # noqa: ARG002
        """Returns the value and its status: zero_denominator, too_few."""
        below = pl.col(self.denominator)
        guards = {"zero_denominator": below == 0}
        if self.min_denominator is not None:
            guards["too_few"] = below < self.min_denominator
        value = _scale(pl.col(self.numerator) / below, self._natural(symbols), self.in_unit(symbols))
        return guarded(name, value, guards, inputs=[self.numerator, self.denominator])

    def words(self, symbols: Symbols) -> str:
        """Returns `numerator ÷ denominator`."""
        return f"{title_of(symbols, self.numerator)} ÷ {title_of(symbols, self.denominator)}"

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields unit and target problems."""
        yield from super().problems(path, symbols, grain)
        yield from _declared_problem(self.unit, self._natural(symbols), path)


class Coverage(Indicator):
    """How much of a whole is covered, in percent: `100 covered / total`, out of range outside 0 to 100."""

    kind: Literal["coverage"] = "coverage"
    covered: Name
    total: Name
    min_total: float | None = Field(None, gt=0, description="fewer than that is too few to judge")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yields the covered part and the total."""
        yield ("covered",), self.covered
        yield ("total",), self.total

    def in_unit(self, symbols: Symbols) -> Unit | None:  # noqa: ARG002
        """Returns %."""
        return units.PERCENT

    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:  # noqa: ARG002
        """Returns the value and its status: zero_denominator, too_few, out_of_range."""
        part, whole = unit_of(symbols, self.covered), unit_of(symbols, self.total)
        covered, total = _scale(pl.col(self.covered), part, whole), pl.col(self.total)
        guards = {"zero_denominator": total == 0, "out_of_range": (covered < 0) | (covered > total)}
        if self.min_total is not None:
            guards["too_few"] = total < self.min_total
        return guarded(name, covered / total * 100, guards, inputs=[self.covered, self.total])

    def words(self, symbols: Symbols) -> str:
        """Returns `covered ÷ total`, bounded."""
        return f"{title_of(symbols, self.covered)} ÷ {title_of(symbols, self.total)}（0–100 %）"

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields unit and target problems; part and whole must count the same thing."""
        yield from super().problems(path, symbols, grain)
        part, whole = unit_of(symbols, self.covered), unit_of(symbols, self.total)
        if part is not None and whole is not None and not units.convertible(part, whole):
            yield Problem("K301", (*path, "covered"), f"{part} cannot be a part of {whole}", label=f"{part}, not {whole}")


class Share(Indicator):
    """An entity's part of the total of all entities: `100 x / sum(x)` over the period, or over its cohort."""

    kind: Literal["share"] = "share"
    of: Name
    within: Literal["all", "cohort"] = Field("all", description="the total of all entities, or of the cohort")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yields the measure."""
        yield ("of",), self.of

    def in_unit(self, symbols: Symbols) -> Unit | None:  # noqa: ARG002
        """Returns %."""
        return units.PERCENT

    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:  # noqa: ARG002
        """Returns the value and its status: incomplete where another entity's figure is missing, zero_denominator."""
        peers = ["period"] if self.within == "all" else ["period", "cohort"]
        total = pl.col(self.of).sum().over(peers)
        absent = (status_of(self.of) != OK) & (status_of(self.of) != reason("not_applicable"))
        guards = {"incomplete": absent.any().over(peers), "zero_denominator": total == 0}
        return guarded(name, pl.col(self.of) / total * 100, guards, inputs=[self.of])

    def words(self, symbols: Symbols) -> str:
        """Returns what it is a share of."""
        whole = "全部" if self.within == "all" else "同组"
        return f"{title_of(symbols, self.of)} ÷ {whole}{title_of(symbols, self.of)}合计"


class Growth(Indicator):
    """Change against an earlier period: rate `100 (x/b - 1)`, points `x - b`, annualised `100 ((x/b)^(1/years) - 1)`.

    The earlier period is found on the complete grid of periods, so a gap never shifts the comparison.
    """

    kind: Literal["growth"] = "growth"
    of: Name
    over: str = Field("1y", description="1y year on year, 1q, 1m, 2y")
    as_: Literal["rate", "points", "annualised"] = Field("rate", alias="as")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yields the measure or indicator that grows."""
        yield ("of",), self.of

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Returns %, or for points the difference of the measure's unit (百分点 for %)."""
        unit = unit_of(symbols, self.of)
        if self.as_ != "points" or unit is None:
            return None if unit is None else units.PERCENT
        return units.subtract(unit, unit)[0]

    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:  # noqa: ARG002
        """Returns the value and its status: no_baseline, zero_baseline, negative_baseline."""
        months = periods.parse_span(self.over)
        value, base = pl.col(self.of), pl.col(self.of).shift(ENTITIES * (months // grain.months))
        if self.as_ == "points":
            return guarded(name, value - base, {"no_baseline": base.is_null()}, inputs=[self.of])
        guards = {"no_baseline": base.is_null(), "zero_baseline": base == 0, "negative_baseline": base < 0}
        ratio = value / base
        grown = ratio if self.as_ == "rate" else ratio.pow(12 / months)
        return guarded(name, (grown - 1) * 100, guards, inputs=[self.of])

    def words(self, symbols: Symbols) -> str:
        """Returns what grows over which window."""
        window = {"1y": "同比", "1q": "比上季", "1m": "环比"}.get(self.over, f"比 {self.over} 前")
        form = {"rate": "增长率", "points": "增减", "annualised": "年均增长率"}[self.as_]
        return f"{title_of(symbols, self.of)}{window}{form}"

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields unit and target problems, and windows that the grain of the system cannot express."""
        yield from super().problems(path, symbols, grain)
        try:
            months = periods.parse_span(self.over)
        except periods.PeriodError as error:
            yield Problem("K105", (*path, "over"), str(error), hint=error.hint)
            return
        if months % grain.months:
            hint = f"periods are scored by {grain}; use a whole number of them"
            yield Problem("K404", (*path, "over"), f"`{self.over}` is not a whole number of periods", hint=hint)


class Count(Indicator):
    """How many of an entity's finer units pass a threshold, or which share of them: `count(unit : x passes)`."""

    kind: Literal["count"] = "count"
    of: Name = Field(description="a measure with `per`")
    passes: str = Field(description="a comparison with the threshold, such as '>= 90'")
    as_: Literal["count", "share"] = Field("count", alias="as")
    unit: Text | None = Field(None, description="of the count; left out: 个")
    min_units: int | None = Field(None, gt=0, description="fewer units than that are too few to judge")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yields the measure."""
        yield ("of",), self.of

    def in_unit(self, symbols: Symbols) -> Unit | None:  # noqa: ARG002
        """Returns the counting unit, or % for a share."""
        return units.PERCENT if self.as_ == "share" else units.parse(self.unit or "个")

    def test(self, symbols: Symbols) -> Term:
        """Returns the threshold as a Boolean term over the column `value`; raises ExpressionError."""
        unit = unit_of(symbols, self.of)
        return expressions.parse(f"value {self.passes}").resolve(
            lambda name: Term(pl.col("value"), "number", unit) if name == "value" else None
        )

    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:  # noqa: ARG002
        """Returns the value and its status, from the columns `name.passed` and `name.units` of the panel."""
        passed, total = pl.col(f"{name}.passed"), pl.col(f"{name}.units")
        guards = {"missing": total.is_null() | (total == 0)}
        if self.min_units is not None:
            guards["too_few"] = total < self.min_units
        value = passed / total * 100 if self.as_ == "share" else passed
        return guarded(name, value, guards)

    def words(self, symbols: Symbols) -> str:
        """Returns what is counted."""
        per = symbols[self.of].per if self.of in symbols else None
        what = "占比" if self.as_ == "share" else "个数"
        return f"{title_of(symbols, self.of)} {self.passes} 的{per or '单位'}{what}"

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields target problems, a measure without `per`, and a threshold that cannot be read."""
        yield from super().problems(path, symbols, grain)
        if self.of in symbols and symbols[self.of].per is None:
            hint = "add `per:` with the column that names the finer unit, such as 村"
            yield Problem("K405", (*path, "of"), f"`{self.of}` has no finer units to count", hint=hint)
        try:
            self.test(symbols)
        except ExpressionError as error:
            yield Problem(error.code, (*path, "passes"), error.message, hint="write a comparison such as '>= 90'")


class Milestone(Indicator):
    """Done or not: 1 from the first period that reports 是, `late` where that was after the deadline.

    A milestone that was once reported keeps its last state until another is reported.
    """

    kind: Literal["milestone"] = "milestone"
    of: Name
    late_score: float = Field(0, ge=0, le=100, description="percent of full marks for late completion")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yields the 是/否 measure."""
        yield ("of",), self.of

    def in_unit(self, symbols: Symbols) -> Unit | None:  # noqa: ARG002
        """Returns 是/否."""
        return units.YES_NO

    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:  # noqa: ARG002
        """Returns 1 or 0 and the status: missing where nothing was ever reported, late."""
        state = pl.col(self.of).forward_fill().over("entity")
        why = pl.when(state.is_null()).then(status_of(self.of))
        done_in = pl.when(pl.col(self.of) > 0).then(MONTH).min().over("entity")
        due = max((target.deadline.end for target in self.target if target.deadline), default=None)
        late = pl.lit(False) if due is None else (state > 0) & (done_in > due)  # noqa: FBT003
        value, verdict = guarded(name, (state > 0).cast(pl.Float64), {"late": late}).values()
        return {name: value, f"{name}.status": pl.coalesce(why, verdict)}

    def words(self, symbols: Symbols) -> str:
        """Returns the milestone's title."""
        return f"{title_of(symbols, self.of)}：完成为 1，未完成为 0"

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields target problems and a measure that is not 是/否."""
        yield from super().problems(path, symbols, grain)
        unit = unit_of(symbols, self.of)
        if unit is not None and unit != units.YES_NO:
            yield Problem("K304", (*path, "of"), f"a milestone needs a 是/否 measure; `{self.of}` is in {unit}")


class Formula(Indicator):
    """Any checked expression over measures and indicators; null where anything it divides by is zero."""

    kind: Literal["formula"] = "formula"
    expr: str
    unit: Text | None = Field(None, description="left out: as the formula comes out")

    def inputs(self) -> Iterator[tuple[Path, str]]:
        """Yields the names in the expression."""
        try:
            for name, _ in expressions.parse(self.expr).names():
                yield ("expr",), name
        except ExpressionError:
            return

    def term(self, symbols: Symbols) -> Term:
        """Returns the typed expression; raises ExpressionError."""

        def scope(name: str) -> Term | None:
            found = symbols.get(name)
            return None if found is None else Term(pl.col(name), "number", found.unit, needs=(name,))

        return expressions.parse(self.expr).resolve(scope)

    def in_unit(self, symbols: Symbols) -> Unit | None:
        """Returns the declared unit, else what the units of the expression come to."""
        try:
            term = self.term(symbols)
        except ExpressionError:
            return None
        if term.unit is None and self.unit is not None:
            return units.parse(self.unit)
        return _declared(self.unit, term.unit or units.ONE)

    def expressions(self, name: str, symbols: Symbols, grain: Grain) -> Expressions:  # noqa: ARG002
        """Returns the value and its status: zero_denominator, and the statuses of what it needs."""
        term = self.term(symbols)
        guards: dict[str, pl.Expr] = {}
        if term.zero:
            guards["zero_denominator"] = pl.any_horizontal([one == 0 for one in term.zero])
        guards["missing"] = term.expr.is_null()
        value = term.expr.cast(pl.Float64)
        if term.unit is not None:
            value = _scale(value, term.unit, self.in_unit(symbols))
        return guarded(name, value, guards, inputs=term.needs)

    def words(self, symbols: Symbols) -> str:
        """Returns the expression with titles for names."""
        text, parts = self.expr, []
        end = 0
        for name, (offset, length) in sorted(expressions.parse(text).names(), key=lambda pair: pair[1]):
            parts += [text[end:offset], title_of(symbols, name)]
            end = offset + length
        return "".join([*parts, text[end:]])

    def problems(self, path: Path, symbols: Symbols, grain: Grain) -> Problems:
        """Yields what is wrong with the expression, its units and the targets."""
        try:
            term = self.term(symbols)
        except ExpressionError as error:
            if error.code != "K203":
                yield Problem(
                    error.code, (*path, "expr"), f"{error.message} in formula `{path[-1]}`",
                    hint=error.hint, label=error.label, span=error.span,
                )  # fmt: skip
            return
        if term.kind != "number":
            yield Problem("K302", (*path, "expr"), f"a formula must give a number, this gives {term.kind}")
            return
        yield from super().problems(path, symbols, grain)
        yield from _declared_problem(self.unit, term.unit, path)


#: Any indicator, told apart by `kind`.
AnyIndicator: Any = one_of(Level, Ratio, Coverage, Share, Growth, Count, Milestone, Formula)
