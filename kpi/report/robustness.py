"""The robustness of a ranking as a report: text and frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl
from rich.text import Text

from kpi.analysis.robustness import Robustness
from kpi.errors import Message
from kpi.report.cards import printed, table_of
from kpi.report.language import localized, tr
from kpi.report.marks import NOTHING, level, number, visible
from kpi.report.shape import HEADINGS, About, Report, Screen, origin, plain

#: The maximum number of assumptions shown, those with the largest effect.
MOST = 12

_ASSUMPTIONS = {
    "normalisation": Message("other normalisation"),
    "mean": Message("other aggregation"),
    "missing": Message("other missing policy"),
    "without": Message("leave out"),
}
_ALTERNATIVES = {
    "minmax": Message("min-max"),
    "zscore": Message("z-score"),
    "percentile": Message("percentile"),
    "arithmetic": Message("arithmetic mean"),
    "geometric": Message("geometric mean"),
    "power": Message("power mean of 0.5"),
    "redistribute": Message("shared out in proportion"),
    "zero": Message("scored zero"),
    "cohort_mean": Message("mean score of the peers"),
}


@dataclass(frozen=True)
class RobustnessReport(Report):
    """The robustness of a ranking; the first frame has the ranks."""

    schema: ClassVar[str] = "kpi.robustness/1"
    sheets: ClassVar[Mapping[str, str]] = {
        "ranks": Message("Rank intervals"),
        "alternatives": Message("Single assumptions"),
    }
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS | {
        "mean": Message("Mean rank"),
        "median": Message("Median rank"),
        "low": Message("5 % rank"),
        "high": Message("95 % rank"),
        "best": Message("Best rank"),
        "worst": Message("Worst rank"),
        "kept": Message("Stars kept (%)"),
        "assumption": Message("Assumption"),
        "alternative": Message("Changed to"),
        "moved": Message("Mean shift"),
        "most": Message("Largest shift"),
        ("alternatives", "stars"): Message("Number of star changes"),
    }
    words: ClassVar[Mapping[str, Mapping[str, str]]] = {"assumption": _ASSUMPTIONS, "alternative": _ALTERNATIVES}
    rated: ClassVar[tuple[str, ...]] = ("ranks",)

    robustness: Robustness

    @property
    def about(self) -> About:
        """The system and the period."""
        card = self.robustness.card
        words = origin(card.definition_hash, card.data_hash)
        title = tr("{title} {period} robustness", title=card.title, period=self.robustness.period)
        return About(title, card.system, words, card.entity_title, card.decimals, card.full)

    def head(self) -> dict[str, Any]:
        """Return schema, system, period, hashes, and the parameters of the simulation."""
        found, card = self.robustness, self.robustness.card
        return {
            "schema": self.schema,
            "system": card.system,
            "period": found.period,
            "definition_hash": card.definition_hash,
            "data_hash": card.data_hash,
            "runs": found.runs,
            "weights": found.weights,
            "seed": found.seed,
        }

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames as `Robustness` describes them."""
        return {"ranks": plain(self.robustness.ranks), "alternatives": plain(self.robustness.alternatives)}

    def text(self, screen: Screen) -> str:
        """Return the ranks, and the assumptions with the largest effect."""
        return table(self.robustness, width=screen.width)


def table(robustness: Robustness, /, *, width: int | None = None) -> str:
    """Return the ranks of every entity over the simulated runs, and the assumptions with the largest effect."""
    head = tr("{title}  {period}  robustness", title=visible(robustness.card.title), period=robustness.period)
    how = tr(
        "{runs} simulations: weights ±{weights:g} %, any normalisation, aggregation and missing policy; seed {seed}",
        runs=robustness.runs,
        weights=robustness.weights,
        seed=robustness.seed,
    )
    return printed(Text(head, style="bold"), Text(how), *_ranks(robustness), *_alternatives(robustness), width=width)


def _ranks(robustness: Robustness) -> list[object]:
    several = robustness.ranks["cohort"].n_unique() > 1
    scheme = robustness.card.definition.stars
    headings = [tr("Cohort")] * several + [
        robustness.card.entity_title,
        tr("Rank"),
        tr("90 % interval"),
        tr("Best–worst"),
        tr("Mean"),
    ]
    headings += (
        [] if scheme is None else [tr("Grade"), tr("Grade kept")] if scheme.names else [tr("Stars"), tr("Stars kept")]
    )
    shown = table_of(*headings)
    for row in robustness.ranks.iter_rows(named=True):
        entity = [visible(row["cohort"])] * several + [visible(row["entity"])]
        if row["rank"] is None:
            shown.add_row(*entity, NOTHING)
            continue
        unchanged = NOTHING if row["kept"] is None else f"{row['kept']:.0f} %"
        spans = (f"{row[a]:g}–{row[b]:g}" for a, b in (("low", "high"), ("best", "worst")))
        cells = [f"{row['rank']:g}", *spans, number(row["mean"], 1)]
        shown.add_row(*entity, *cells, *([_level(robustness, row["stars"]), unchanged] if scheme else []))
    return [shown]


def _level(robustness: Robustness, number: float | None) -> str:
    """Return a level by its name, or as stars."""
    names = robustness.card.definition.stars.names if robustness.card.definition.stars is not None else {}
    grade = None if number is None else names.get(int(number))
    return visible(level(number, grade, named=bool(names)))


def _alternatives(robustness: Robustness) -> list[object]:
    rows = robustness.alternatives.filter(pl.col("moved") > 0)
    still = robustness.alternatives.height - rows.height
    scheme = robustness.card.definition.stars
    levels = [] if scheme is None else [tr("Grades changed") if scheme.names else tr("Stars changed")]
    shown = table_of(tr("Assumption"), tr("Changed to"), tr("Mean shift"), tr("Largest shift"), tr("What"), *levels)
    for row in rows.head(MOST).iter_rows(named=True):
        other = row["title"] or _ALTERNATIVES.get(row["alternative"], row["alternative"])
        moves = [number(row["moved"], 2), f"{row['most']:g}"]
        changed = NOTHING if row["stars"] is None else str(row["stars"])
        shown.add_row(
            localized(_ASSUMPTIONS[row["assumption"]]),
            visible(localized(other)),
            *moves,
            visible(row["entity"]),
            *([changed] if levels else []),
        )
    words = tr(
        "\nOne assumption changed at a time: {still} of {height} change no rank",
        height=robustness.alternatives.height,
        still=still,
    )
    return [Text(words + (tr(", the largest changes") if rows.height else "")), *([shown] if rows.height else [])]
