"""The words for what a study of robustness varies, and whether its runs suffice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kpi.analysis.robustness import Robustness
from kpi.analysis.uncertainty.summaries import FEWEST
from kpi.errors import Message, commas
from kpi.report.language import tr
from kpi.report.marks import level, visible

_ASSUMPTIONS = {
    "normalisation": Message("other normalisation"),
    "mean": Message("other aggregation"),
    "missing": Message("other missing policy"),
    "treatment": Message("other data treatment"),
    "without": Message("leave out"),
}
#: What varies, in words.
CHOICES = {
    "normalisation": Message("normalisation"),
    "mean": Message("aggregation"),
    "missing": Message("missing policy"),
    "weights": Message("weights"),
    "cut_points": Message("cut points"),
    "sampling": Message("sampling error"),
    "revision": Message("later corrections"),
}
#: The alternatives that every system has, in words.
ALTERNATIVES = {
    "declared": Message("as declared"),
    "none": Message("no such step"),
    "minmax": Message("min-max"),
    "zscore": Message("z-score"),
    "percentile": Message("percentile"),
    "arithmetic": Message("arithmetic mean"),
    "geometric": Message("geometric mean"),
    "power": Message("power mean of 0.5"),
    "redistribute": Message("shared out in proportion"),
    "zero": Message("scored zero"),
    "cohort_mean": Message("mean score of the peers"),
    "all": Message("all indicators"),
}


def how_varied(robustness: Robustness) -> str:
    """Return what was varied."""
    if robustness.default:
        return tr(
            "{runs} simulations: weights ±{weights:g} %, any normalisation, aggregation and missing policy; "
            "seed {seed}",
            runs=robustness.runs,
            weights=robustness.weights,
            seed=robustness.seed,
        )
    choices = robustness.choices["choice"].unique(maintain_order=True).to_list()
    varied = tuple(choice_words(choice) for choice in choices)
    return tr(
        "{runs} simulations of {choices}; seed {seed}",
        runs=robustness.runs,
        choices=commas(varied),
        seed=robustness.seed,
    )


def choice_words(key: str) -> str:
    """Return a choice in words."""
    family, _, step = key.partition(".")
    return Message("treatment `{step}`", step=step) if family == "treatment" else CHOICES.get(family, key)


def assumption_words(assumption: str) -> str:
    """Return an assumption that is changed, in words."""
    return _ASSUMPTIONS[assumption.partition(".")[0]]


def alternative_words(robustness: Robustness, row: Mapping[str, Any]) -> str:
    """Return what an assumption is changed to in a row of `alternatives`, in words."""
    title, name = str(row["title"]), str(row["alternative"])
    texts = {str(text): text for text in robustness.words}
    return texts.get(title, title) or ALTERNATIVES.get(name, name)


def settled(robustness: Robustness) -> str:
    """Return whether the intervals have converged."""
    frame = robustness.convergence
    moved = frame["shifted"][-2] if frame.height > 1 else None
    if moved is None or frame["runs"][-1] < FEWEST:
        return tr("Too few runs to see whether the intervals have converged.")
    if robustness.converged:
        return tr(
            "Converged: half of the runs give the same intervals within {places:.2f} places on average.", places=moved
        )
    return tr(
        "Not converged: with half of the runs intervals differ by {places:.2f} places on average; take more runs.",
        places=moved,
    )


def level_words(robustness: Robustness, number: float | None) -> str:
    """Return a level by its name, or as stars."""
    names = robustness.card.definition.stars.names if robustness.card.definition.stars is not None else {}
    grade = None if number is None else names.get(int(number))
    return visible(level(number, grade, named=bool(names)))
