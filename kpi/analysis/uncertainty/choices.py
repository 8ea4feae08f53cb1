"""Choices (可变选择): what varies from run to run, each with its alternatives and the source of uncertainty it is of.

A choice reads its own dimensions of a point in the unit cube: a choice among methods reads one, weights read one for
each part of a node, and figures with errors read one, from which the errors of all units are generated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from msgspec import Struct

from kpi.analysis.uncertainty.score_tree import numbers
from kpi.analysis.uncertainty.study import Variant
from kpi.analysis.variants import changed, rescored, varies
from kpi.errors import DataError, Diagnostic, Message
from kpi.language.aggregation import means
from kpi.language.aggregation.means import Mean, Power
from kpi.language.aggregation.missing import Missing, Redistribute
from kpi.language.classes import Weighed
from kpi.language.model import kind_of
from kpi.language.scoring import Rule
from kpi.language.scoring.places import Percentile
from kpi.language.scoring.relative import MinMax, ZScore
from kpi.language.system import System
from kpi.language.uncertainty import Uncertainty, WeightNoise

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Where uncertainty comes from.
Source = Literal["method", "sampling", "revision"]

#: The name of the system's own choice.
DECLARED = "declared"

#: The alternatives to the choices of a system that declares none. Scales start at 1 to keep geometric means positive;
#: if scores are zero, a power mean replaces the geometric one, which would make all of them equal.
NORMALISATIONS: dict[str, Rule] = {
    "minmax": MinMax(scale=(1.0, 100.0)), "zscore": ZScore(), "percentile": Percentile(scale=(1.0, 100.0)),
}  # fmt: skip
MEANS: dict[str, Mean] = {"arithmetic": "arithmetic", "geometric": "geometric", "power": Power(power=0.5)}
POLICIES: dict[str, Missing] = {
    "redistribute": Missing(redistribute=Redistribute()),
    "zero": Missing.model_validate({"zero": {}}),
    "cohort_mean": Missing.model_validate({"cohort_mean": {}}),
}

#: The choices among methods, in the order in which they are applied, and those that change the scores of indicators.
METHODS = ("treatment", "normalisation", "mean", "missing")
RESCORING = ("treatment", "normalisation")

Change = Callable[[System], System]


class Choice(Struct, frozen=True):
    """Something that varies.

    Attributes:
        key: its name: `treatment.STEP`, `normalisation`, `mean`, `missing`, `weights`, `cut_points`, `sampling`,
            `revision`.
        source: the source of uncertainty that it is of.
        dimensions: how many numbers of a point it reads.
        changes: by the name of each alternative, the change of the system; empty for what varies by degrees.
        words: what it comes to, in words, by the name of the alternative; of what varies by degrees, by its key.
    """

    key: str
    source: Source
    dimensions: int = 1
    changes: Mapping[str, Change] | None = None
    words: Mapping[str, str] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The alternatives, the declared one first."""
        return () if self.changes is None else (DECLARED, *self.changes)

    @property
    def family(self) -> str:
        """The kind of choice: the part of the key before a point."""
        return self.key.partition(".")[0]


class Choices(Struct, frozen=True, dict=True):
    """The choices of a study, in the order of their dimensions."""

    system: System
    choices: tuple[Choice, ...]
    weights: WeightNoise | None = None

    @cached_property
    def columns(self) -> dict[str, slice]:
        """The dimensions of each choice."""
        first, columns = 0, {}
        for choice in self.choices:
            columns[choice.key] = slice(first, first + choice.dimensions)
            first += choice.dimensions
        return columns

    @property
    def dimensions(self) -> int:
        """The number of dimensions of a point."""
        return sum(choice.dimensions for choice in self.choices)

    def choice(self, key: str) -> Choice | None:
        """Return a choice, None if it does not vary."""
        return next((choice for choice in self.choices if choice.key == key), None)

    def picked(self, points: Floats) -> list[tuple[str, ...]]:
        """Return the names of the methods that each run chooses, one for each choice among methods."""
        import numpy as np

        picked: list[list[str]] = []
        for choice in self.choices:
            if choice.changes is not None:
                names = choice.names
                places = np.floor(points[:, self.columns[choice.key]][:, 0] * len(names)).astype(int)
                picked.append([names[place] for place in places])
        return list(zip(*picked, strict=True)) if picked else [()] * len(points)

    @cached_property
    def methods(self) -> tuple[Choice, ...]:
        """The choices among methods."""
        return tuple(choice for choice in self.choices if choice.changes is not None)

    def variant(self, picked: Sequence[str]) -> Variant:
        """Return the way to score that some methods make, in the order of `methods`."""
        system: System = self.system
        key = []
        for choice, name in sorted(
            zip(self.methods, picked, strict=True), key=lambda pair: METHODS.index(pair[0].family)
        ):
            if name == DECLARED or choice.changes is None:
                continue
            system = choice.changes[name](system)
            if choice.family in RESCORING:
                key.append(f"{choice.key}={name}")
        return Variant(system, tuple(key))

    def factors(self, points: Floats) -> dict[str, Floats]:
        """Return the factors of the weights of each node that varies: a row a run, a column a part."""
        choice = self.choice("weights")
        if choice is None or self.weights is None:
            return {}
        uniform = points[:, self.columns["weights"]]
        first, factors = 0, {}
        for name, parts in varied(self.system, self.weights).items():
            own = uniform[:, first : first + len(parts)]
            factors[name] = _factors(self.weights, own, numbers(parts))
            first += len(parts)
        return factors

    def shifts(self, points: Floats, width: float) -> Floats | None:
        """Return what is added to the cut points of the stars in each run, None if they do not vary."""
        if self.choice("cut_points") is None:
            return None
        return (2 * points[:, self.columns["cut_points"]][:, 0] - 1) * width

    def parameters(self, points: Floats, width: float) -> pl.DataFrame:
        """Return what each run was computed with, a row a run.

        Columns: run, counted from 1; for each choice among methods the alternative; `weight.NODE.PART`, the drawn
        weights, as those of a node add up to 100; cut_points, what is added to them; of sampling and revision the
        number from 0 to 1 that their errors are drawn by.

        Args:
            points: of the unit cube, a row a run.
            width: the points that cut points may be off.
        """
        import numpy as np

        columns: dict[str, object] = {"run": np.arange(1, len(points) + 1)}
        for choice, names in zip(self.methods, zip(*self.picked(points), strict=True), strict=False):
            columns[choice.key] = names
        factors = self.factors(points)
        for node, _, parts in self.system.tree:
            if node in factors:
                drawn = factors[node] * numbers(parts)
                shares = 100 * drawn / drawn.sum(axis=1, keepdims=True)
                columns |= {f"weight.{node}.{part}": shares[:, at] for at, part in enumerate(parts)}
        if (shifts := self.shifts(points, width)) is not None:
            columns["cut_points"] = shifts
        for key in ("sampling", "revision"):
            if self.choice(key) is not None:
                columns[key] = points[:, self.columns[key]][:, 0]
        return pl.DataFrame(columns)


def varied(system: System, noise: WeightNoise) -> dict[str, Mapping[str, Weighed]]:
    """Return the nodes whose weights vary, from the root down, with the weights of their parts."""
    return {
        name: parts for name, node, parts in system.tree if varies(node, parts) and (not noise.of or name in noise.of)
    }


def _factors(noise: WeightNoise, uniform: Floats, declared: Floats) -> Floats:
    """Return the factors of the weights of one node."""
    import numpy as np

    if noise.percent is not None:
        width = noise.percent / 100
        return (1 - width) + 2 * width * uniform
    shares = declared / declared.sum()
    if noise.dirichlet is not None:
        try:
            from scipy.special import gammaincinv
        except ImportError as error:
            message = Message("Dirichlet distributions need the package `{name}`", name="scipy")
            hint = Message("pip install {name}, or vary weights by percent", name="scipy")
            raise DataError(Diagnostic("K873", message, hint=hint)) from error
        # A share may come out too small for a double; a weight stays above zero all the same.
        drawn = np.maximum(gammaincinv(noise.dirichlet * shares, uniform), 1e-300)
    else:
        drawn = -np.log1p(-uniform)
        # The smallest of the drawn numbers is that of the smallest weight; equal weights are in the order of the draw.
        order = np.lexsort((drawn, np.broadcast_to(declared, drawn.shape)), axis=1)
        ordered = np.sort(drawn, axis=1)
        drawn = np.empty_like(ordered)
        np.put_along_axis(drawn, order, ordered, axis=1)
    factors: Floats = drawn / drawn.sum(axis=1, keepdims=True) / shares
    return factors


# ---- CHOICES OF A SYSTEM ---- #


def _rescoring(rule: Rule, *, exactly: bool) -> Change:
    def change(system: System) -> System:
        indicators = rescored(system, rule, exactly=exactly)
        return changed(system, indicators=indicators) if indicators else system

    return change


def _of_nodes(update: Mapping[str, Any]) -> Change:
    def change(system: System) -> System:
        pillars = {name: pillar.model_copy(update=update) for name, pillar in system.pillars.items()}
        return changed(system, pillars=pillars, composite=system.composite.model_copy(update=update))

    return change


def _stepping(name: str, step: Any) -> Change:
    def change(system: System) -> System:
        steps = {key: step if key == name else given for key, given in system.treatment.items()}
        return changed(system, treatment={key: given for key, given in steps.items() if given != "none"})

    return change


def by_default(system: System, percent: float, *, gaps: bool, zeros: bool) -> Choices:
    """Return the choices of a system that declares none: weights, and whatever method would make a difference.

    Args:
        system: the system.
        percent: that weights may be off.
        gaps: whether an indicator has no score somewhere; without any all policies agree.
        zeros: whether a score is zero or less.
    """
    avoided = "geometric" if zeros else "power"
    rules = {name: rule for name, rule in NORMALISATIONS.items() if rescored(system, rule)}
    means_ = {
        name: mean for name, mean in MEANS.items()
        if name != avoided and any(node.mean != mean for _, node, _ in system.tree)
    }  # fmt: skip
    methods = [
        Choice(
            "normalisation", "method", changes={name: _rescoring(rule, exactly=False) for name, rule in rules.items()}
        ),
        Choice("mean", "method", changes={name: _of_nodes({"mean": mean}) for name, mean in means_.items()}),
        Choice(
            "missing", "method",
            changes={name: _of_nodes({"missing": policy}) for name, policy in POLICIES.items()} if gaps else {},
        ),
    ]  # fmt: skip
    results = [choice for choice in methods if choice.changes]
    noise = WeightNoise(percent=percent) if percent else None
    return Choices(system, (*results, *_weighing(system, noise)), noise)


def _weighing(system: System, noise: WeightNoise | None) -> list[Choice]:
    if noise is None:
        return []
    number = sum(len(parts) for parts in varied(system, noise).values())
    return [Choice("weights", "method", number, words={"weights": noise.words()})] if number else []


def declared_by(system: System, declared: Uncertainty) -> Choices:
    """Return the choices that an `uncertainty:` declares."""
    results = []
    for step, alternatives in declared.treatment.items():
        named = _named([(given if given == "none" else kind_of(type(given)), given) for given in alternatives])
        words = {name: Message("no such step") if given == "none" else given.words() for name, given in named.items()}
        changes = {name: _stepping(step, given) for name, given in named.items()}
        results.append(Choice(f"treatment.{step}", "method", changes=changes, words=words))
    rules = _named([(kind_of(type(rule)), rule) for rule in declared.normalisation])
    means_ = _named([(mean if isinstance(mean, str) else _mean_name(mean), mean) for mean in declared.means])
    policies = _named([(policy.policy, policy) for policy in declared.missing])
    for key, changes, words in (
        ("normalisation", {name: _rescoring(rule, exactly=True) for name, rule in rules.items()},
         {name: rule.words() for name, rule in rules.items()}),
        ("mean", {name: _of_nodes({"mean": mean}) for name, mean in means_.items()},
         {name: means.words(mean) for name, mean in means_.items()}),
        ("missing", {name: _of_nodes({"missing": policy}) for name, policy in policies.items()},
         {name: policy.words() for name, policy in policies.items()}),
    ):  # fmt: skip
        if changes:
            results.append(Choice(key, "method", changes=changes, words=words))
    results += _weighing(system, declared.weights)
    if declared.cut_points is not None:
        words = {"cut_points": Message("±{points:g} points", points=declared.cut_points)}
        results.append(Choice("cut_points", "method", words=words))
    if declared.sampling:
        words = {name: sampling.words() for name, sampling in declared.sampling.items()}
        results.append(Choice("sampling", "sampling", words=words))
    if declared.revision:
        results.append(Choice("revision", "revision", words={"revision": Message("past corrections")}))
    return Choices(system, tuple(results), declared.weights)


def _mean_name(mean: Any) -> str:
    return f"power {mean.power:g}" if isinstance(mean, Power) else f"topsis {mean.topsis}"


def _named(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return alternatives by name, those of the same name numbered.

    >>> _named([("minmax", 1), ("zscore", 2), ("minmax", 3)])
    {'minmax': 1, 'zscore': 2, 'minmax 2': 3}
    """
    named: dict[str, Any] = {}
    for name, given in pairs:
        number, unique = 1, name
        while unique in named:
            number += 1
            unique = f"{name} {number}"
        named[unique] = given
    return named
