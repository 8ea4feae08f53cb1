"""The robustness of a ranking as a report: text and frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import polars as pl
from rich.text import Text
from typing_extensions import override

from kpi.analysis.robustness import Robustness
from kpi.analysis.uncertainty.choices import METHODS
from kpi.errors import Diagnostic, Message, Severity
from kpi.report.cards import printed, table_of
from kpi.report.language import localized, tr
from kpi.report.marks import NOTHING, number, visible
from kpi.report.page.interval_bars import interval_bar
from kpi.report.page.papers import paper_page
from kpi.report.paper.markdown import markdown
from kpi.report.paper.model import Paper
from kpi.report.paper.word import word
from kpi.report.robustness_paper import largest_cohort, paper
from kpi.report.robustness_words import (
    ALTERNATIVES,
    CHOICES,
    alternative_words,
    assumption_words,
    choice_words,
    how_varied,
    level_words,
    settled,
)  # fmt: skip
from kpi.report.shape import HEADINGS, LISTED, About, Report, Screen, origin, plain
from kpi.report.workbook import workbook

#: The maximum number of assumptions shown, those with the largest effect.
MOST = 12
#: The most numbers that a table of the parameters of all runs has; `Robustness.drawn` has them without a limit.
MOST_PARAMETERS = 100_000
#: What columns with drawn weights begin with.
_WEIGHT = "weight."

_RESULTS = {
    "ranks": Message("mean shift of ranks"),
    "stars": Message("mean shift of stars"),
    "rank": Message("rank of the unit"),
}
_SOURCES = {
    "method": Message("method"),
    "sampling": Message("sampling"),
    "revision": Message("later corrections"),
}


@dataclass(frozen=True)
class RobustnessReport(Report):
    """The robustness of a ranking; the first frame has the ranks."""

    schema: ClassVar[str] = "kpi.robustness/1"
    sheets: ClassVar[Mapping[str, str]] = {
        "ranks": Message("Rank intervals"),
        "alternatives": Message("Single assumptions"),
        "stars": Message("Probability of stars"),
        "ahead": Message("Who is ahead"),
        "sources": Message("Sources of uncertainty"),
        "sets": Message("Confidence sets of ranks"),
        "sensitivity": Message("Variance by choice"),
        "importance": Message("Effective importance"),
        "swaps": Message("Weights that decide places"),
        "choices": Message("What varies"),
        "convergence": Message("Convergence"),
        "drawn": Message("Parameters of the runs"),
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
        ("ranks", "first"): Message("Among the first (%)"),
        "score_low": Message("5 % score"),
        "score_high": Message("95 % score"),
        "percent": Message("Percent of runs"),
        "other": Message("Other"),
        "ahead": Message("Ahead (% of runs)"),
        "equal": Message("Equal (% of runs)"),
        "source": Message("Source of uncertainty"),
        "share": Message("Share of the interval (%)"),
        "marginal_low": Message("Best rank by itself"),
        "marginal_high": Message("Worst rank by itself"),
        "simultaneous_low": Message("Best rank among all"),
        "simultaneous_high": Message("Worst rank among all"),
        "among_first": Message("May be among the first"),
        "choice": Message("Choice"),
        "result": Message("Result"),
        ("sensitivity", "first"): Message("First order"),
        "first_low": Message("First order, lower bound"),
        "first_high": Message("First order, upper bound"),
        "total": Message("With interactions"),
        "total_low": Message("With interactions, lower bound"),
        "total_high": Message("With interactions, upper bound"),
        ("importance", "weight"): Message("Weight on paper (%)"),
        ("importance", "effective"): Message("In effect (%)"),
        ("swaps", "weight"): Message("Weight in its node (%)"),
        "needed": Message("Weight at which they are equal (%)"),
        ("choices", "alternative"): Message("Alternative"),
        "runs": Message("Runs"),
        "width": Message("Mean width of intervals"),
        "shifted": Message("Mean shift of bounds"),
        "shifted_most": Message("Largest shift of bounds"),
    }
    words: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "source": _SOURCES,
        "result": _RESULTS,
    }
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
        result, card = self.robustness, self.robustness.card
        return {
            "schema": self.schema,
            "system": card.system,
            "period": result.period,
            "definition_hash": card.definition_hash,
            "data_hash": card.data_hash,
            "runs": result.runs,
            "weights": result.weights,
            "seed": result.seed,
            "points": result.parameters.spread,
            "first": result.parameters.first,
            "coverage": result.parameters.coverage,
            "sensitivity_points": result.parameters.sensitivity,
            "converged": result.converged,
        }

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames as `Robustness` describes them; those that only some results have if they have rows."""
        result = self.robustness
        always = {"ranks": result.ranks, "alternatives": result.alternatives}
        more = {
            "stars": result.stars,
            "ahead": result.ahead,
            "sources": result.sources,
            "sets": result.sets,
            "sensitivity": result.sensitivity,
            "importance": result.importance,
            "swaps": result.swaps,
            "choices": result.choices,
            "convergence": result.convergence,
            "drawn": result.drawn if result.runs * result.drawn.width <= MOST_PARAMETERS else None,
        }
        frames = always | {name: frame for name, frame in more.items() if frame is not None and frame.height}
        return {name: plain(frame) for name, frame in frames.items()}

    @override
    def heading(self, frame: str, column: str) -> str:
        """Return the heading of a column; those of drawn parameters name the choice, or the part with a weight."""
        if frame != "drawn":
            return super().heading(frame, column)
        if column == "run":
            return tr("Run")
        if column.startswith(_WEIGHT):
            part = column.rpartition(".")[2]
            return tr("Weight of {title} (%)", title=_part_title(self.robustness, part))
        return localized(choice_words(column))

    @override
    def word(self, column: str, value: object) -> str:
        """Return the display of a value; ids of choices and alternatives in the words of the definition."""
        text = str(value)
        if column == "choice":
            return localized(choice_words(text))
        if column == "assumption":
            return localized(assumption_words(text))
        if column == "alternative" or column.partition(".")[0] in METHODS:
            return localized(self._alternatives.get(text, text))
        return super().word(column, value)

    @cached_property
    def _alternatives(self) -> Mapping[str, str]:
        """The words for alternatives by their id: short ones where there are any, else those of the definition."""
        choices = self.robustness.choices.filter(pl.col("choice") != "sampling").drop_nulls("title")
        words = dict(choices.select("alternative", "title").iter_rows())
        texts = self.texts
        return {name: texts.get(title, title) for name, title in words.items()} | CHOICES | ALTERNATIVES

    @property
    def texts(self) -> Mapping[str, Message]:
        """The messages that the frames have as English text, by that text."""
        words = (*self.robustness.words, *self.robustness.card.texts.values())
        return {str(text): text for text in words if isinstance(text, Message)}

    def text(self, screen: Screen) -> str:
        """Return the ranks, and the assumptions with the largest effect."""
        return table(self.robustness, width=screen.width)

    @property
    def paper(self) -> Paper:
        """The document, in the language in use."""
        return paper(self, self.robustness)

    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return the document in Word and Markdown, and as a page with the intervals drawn beside the places.

        The workbook begins with its sheets.
        """
        return {
            "docx": lambda: word(self.paper),
            "md": lambda: markdown(self.paper).encode(),
            "html": self._page,
            "xlsx": lambda: workbook(self, self.paper),
        }

    def _page(self) -> bytes:
        places = self.robustness.ranks["worst"].drop_nulls().to_list()
        last = max(places, default=1.0)
        return paper_page(paper(self, self.robustness, lambda row: interval_bar(row, last)))

    @override
    def left_out(self, form: str) -> list[Diagnostic]:
        """Return a finding (K894) for the units that a document leaves out."""
        largest = largest_cohort(self.robustness)
        if form not in ("docx", "pdf", "md", "html") or largest <= LISTED:
            return []
        words = Message("in the document, only the first {shown:,} of {units:,} units are listed", shown=LISTED,
                        units=largest)  # fmt: skip
        hint = Message("a folder takes all tables: -o results/")
        return [Diagnostic("K894", words, hint=hint, severity=Severity.WARNING)]


def table(robustness: Robustness, /, *, width: int | None = None) -> str:
    """Return the ranks of every entity over the simulated runs, and the assumptions with the largest effect."""
    head = tr("{title}  {period}  robustness", title=visible(robustness.card.title), period=robustness.period)
    return printed(
        Text(head, style="bold"),
        Text(how_varied(robustness)),
        *_ranks(robustness),
        Text(settled(robustness)),
        *_sets(robustness),
        *_alternatives(robustness),
        *_variance(robustness),
        *_importance(robustness),
        width=width,
    )


def _part_title(robustness: Robustness, part: str) -> str:
    """Return the title of an indicator or pillar."""
    system = robustness.card.definition
    if part in system.pillars:
        return system.pillars[part].title or part
    return system.symbols[part].title


def _sets(robustness: Robustness) -> list[object]:
    """Return who may be among the first, by sampling errors."""
    if robustness.sets is None or not robustness.sets.height:
        return []
    result = robustness.sets.filter(pl.col("among_first"))["entity"].to_list()
    words = tr(
        "\nWho may be among the first {number} ({coverage:g} % confidence, sampling errors): {entities}",
        number=robustness.parameters.first,
        coverage=robustness.parameters.coverage,
        entities=tuple(visible(entity) for entity in result),
    )
    return [Text(words)]


def _variance(robustness: Robustness) -> list[object]:
    """Return the variance by choice of the mean shift of ranks."""
    if robustness.sensitivity is None:
        return []
    shown = table_of(tr("Choice"), tr("First order"), tr("Interval"), tr("With interactions"), tr("Interval"))
    rows = robustness.sensitivity.filter(pl.col("result") == "ranks")
    for row in rows.sort("total", descending=True, nulls_last=True).iter_rows(named=True):
        cells = []
        for key in ("first", "total"):
            cells.append(number(row[key], 3))
            bounds = (row[f"{key}_low"], row[f"{key}_high"])
            cells.append(NOTHING if bounds[0] is None else "–".join(number(bound, 3) for bound in bounds))
        shown.add_row(visible(localized(choice_words(row["choice"]))), *cells)
    return [Text(tr("\nShare of the variance of the mean shift of ranks, by choice")), shown]


def _importance(robustness: Robustness) -> list[object]:
    """Return the parts whose effective importance differs most from their weight."""
    frame = robustness.importance.drop_nulls()
    if not frame.height:
        return []
    shown = table_of(tr("Part"), tr("Weight on paper (%)"), tr("In effect (%)"))
    gap = (pl.col("effective") - pl.col("weight")).abs()
    for row in frame.sort(gap, descending=True, maintain_order=True).head(MOST).iter_rows(named=True):
        shown.add_row(visible(row["title"]), number(row["weight"], 1), number(row["effective"], 1))
    return [Text(tr("\nImportance in effect beside weight on paper, the largest differences")), shown]


def _ranks(robustness: Robustness) -> list[object]:
    several = robustness.ranks["cohort"].n_unique() > 1
    scheme = robustness.card.definition.stars
    headings = [tr("Cohort")] * several + [
        localized(robustness.card.entity_title),
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
        shown.add_row(*entity, *cells, *([level_words(robustness, row["stars"]), unchanged] if scheme else []))
    return [shown]


def _alternatives(robustness: Robustness) -> list[object]:
    rows = robustness.alternatives.filter(pl.col("moved") > 0)
    still = robustness.alternatives.height - rows.height
    scheme = robustness.card.definition.stars
    levels = [] if scheme is None else [tr("Grades changed") if scheme.names else tr("Stars changed")]
    shown = table_of(tr("Assumption"), tr("Changed to"), tr("Mean shift"), tr("Largest shift"), tr("What"), *levels)
    for row in rows.head(MOST).iter_rows(named=True):
        moves = [number(row["moved"], 2), f"{row['most']:g}"]
        changed = NOTHING if row["stars"] is None else str(row["stars"])
        shown.add_row(
            localized(assumption_words(row["assumption"])),
            visible(localized(alternative_words(robustness, row))),
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
