"""Simulation: the outcome of points of the unit cube, in runs that are grouped by the methods they choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from kpi.analysis.uncertainty.choices import Choice, Choices, Source
from kpi.analysis.uncertainty.study import Outcome, Study

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Simulated(Struct, frozen=True):
    """The outcome of runs, and whether each has the declared normalisation."""

    outcome: Outcome
    own: NDArray[np.bool_]


def simulate(study: Study, choices: Choices, drawn: Floats) -> Simulated:
    """Return the outcome of the runs of some points."""
    import numpy as np

    runs_of: dict[tuple[str, ...], list[int]] = {}
    for run, names in enumerate(choices.picked(drawn)):
        runs_of.setdefault(names, []).append(run)
    outcome = Outcome.empty(len(drawn), len(study.entities))
    own = np.zeros(len(drawn), dtype=bool)
    # Runs of the same scores one after the other, since a matrix of scores is kept as long as it is in use.
    variants = {names: choices.variant(names) for names in runs_of}
    width = study.uncertainty.cut_points or 0.0
    for names in sorted(variants, key=lambda names: (variants[names].key, names)):
        runs = np.array(runs_of[names])
        points = drawn[runs]
        own[runs] = not rescaled(variants[names].key)
        errors = {
            key: points[:, choices.columns[key]][:, 0]
            for key in ("sampling", "revision") if choices.choice(key) is not None
        }  # fmt: skip
        shifts = choices.shifts(points, width)
        study.run(variants[names], outcome, runs, choices.factors(points), shifts=shifts, errors=errors)
    return Simulated(outcome, own)


def rescaled(key: tuple[str, ...]) -> bool:
    """Return whether the scores of a variant are on another scale than the declared ones."""
    return any(entry.startswith("normalisation=") for entry in key)


def of_source(study: Study, choices: Choices, drawn: Floats, source: Source) -> Simulated:
    """Return the outcome of the same points where only the choices of one source vary."""
    import numpy as np

    kept: tuple[Choice, ...] = tuple(choice for choice in choices.choices if choice.source == source)
    only = Choices(choices.system, kept, choices.weights if source == "method" else None)
    columns = [drawn[:, choices.columns[choice.key]] for choice in kept]
    return simulate(study, only, np.hstack(columns))
