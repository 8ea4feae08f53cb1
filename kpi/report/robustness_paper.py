"""The robustness of a ranking as a document: intervals of places, levels, and what places depend on the most.

All pairs, parts and assumptions are in workbooks, folders and JSON; a reader wants those that matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl

from kpi.analysis.robustness import Robustness
from kpi.report.language import listed, localized, tr
from kpi.report.marks import NOTHING, before_figures, number
from kpi.report.paper.frames import parts_of
from kpi.report.paper.model import Cell, Column, Paper, Paragraph, Picture, Section, Table
from kpi.report.robustness_words import (
    alternative_words,
    assumption_words,
    choice_words,
    how_varied,
    level_words,
    settled,
)  # fmt: skip
from kpi.report.shape import LISTED, Report

#: The most assumptions, parts and weights that are listed, those with the largest effect.
MOST = 15


def paper(report: Report, robustness: Robustness, draw: Callable[[Mapping[str, Any]], str] | None = None) -> Paper:
    """Return the robustness of a ranking as a document.

    Args:
        report: the report, for the headings and titles of its frames.
        robustness: what is shown.
        draw: returns the interval of a row of `ranks` as SVG, for pages; None for documents without pictures.
    """
    sections = [
        _ranks(robustness, draw), _levels(report, robustness), _neighbours(report, robustness),
        _assumptions(report, robustness), _importance(report, robustness), _swaps(report, robustness),
        _variance(report, robustness),
    ]  # fmt: skip
    frames = report.frames()
    sections += [
        Section(report.sheet(name), report.sheet(name), parts_of(report, name, frames[name]), wide=True)
        for name in ("sources", "sets")
        if name in frames
    ]
    sections.append(_choices(report, robustness))
    words = tr("Workbooks, folders and JSON have all pairs, parts, assumptions and the parameters of the runs.")
    sections[-1].parts.append(Paragraph(words, remark=True))
    return Paper(report.about.title, sections=sections, margin=report.about.origin)


def largest_cohort(robustness: Robustness) -> int:
    """Return the number of units of the largest cohort."""
    sizes = robustness.ranks.group_by("cohort").len()["len"]
    return max(sizes.to_list(), default=0)


# ---- PLACES ---- #


def _ranks(robustness: Robustness, draw: Callable[[Mapping[str, Any]], str] | None) -> Section:
    """Return how the runs differ, and the interval of each unit."""
    section = Section(tr("Rank intervals"), tr("Rank intervals"), wide=True)
    section.write(tr("{rule}.", rule=how_varied(robustness)), settled(robustness), *_summary(robustness))
    ranks, decimals = robustness.ranks, robustness.card.decimals
    scheme = robustness.card.definition.stars
    heads = (
        [] if scheme is None else [tr("Grade"), tr("Grade kept")] if scheme.names else [tr("Stars"), tr("Stars kept")]
    )
    several = ranks["cohort"].n_unique() > 1
    for cohort in ranks.partition_by("cohort", maintain_order=True):
        columns = [
            Column(tr("Rank"), 1, decimals=0), Column(localized(robustness.card.entity_title), 4),
            Column(tr("Interval"), 3), Column(tr("90 % interval"), 1.8, "center"),
            Column(tr("Best–worst"), 1.8, "center"), Column(tr("Mean rank"), 1.4, decimals=1),
            Column(tr("Score"), 1.4, decimals=decimals), Column(tr("90 % of the scores"), 2.4, "center"),
            *(Column(head, 1.6, "center") for head in heads),
        ]  # fmt: skip
        lines = [_line(robustness, row, draw, rated=bool(heads)) for row in cohort.head(LISTED).iter_rows(named=True)]
        caption = str(cohort["cohort"][0] or tr("No cohort")) if several else ""
        section.parts.append(Table(columns, lines, caption).compact())
        if (more := cohort.height - LISTED) > 0:
            section.parts.append(Paragraph(tr("{more:,} more are not listed.", more=more), remark=True))
    return section


def _line(
    robustness: Robustness, row: Mapping[str, Any], draw: Callable[[Mapping[str, Any]], str] | None, *, rated: bool
) -> list[Cell]:
    """Return the row of a unit."""
    decimals = robustness.card.decimals
    if row["rank"] is None:
        return [None, row["entity"], *[None] * (8 if rated else 6)]
    spans = [f"{_tenths(row[low])}–{_tenths(row[high])}" for low, high in (("low", "high"), ("best", "worst"))]
    scores = "–".join(number(row[key], decimals) for key in ("score_low", "score_high"))
    kept = NOTHING if row["kept"] is None else f"{row['kept']:.0f}%"
    return [
        row["rank"], row["entity"], Picture(draw(row)) if draw is not None else None, *spans, row["mean"], row["score"],
        scores.strip("–"), *([level_words(robustness, row["stars"]) or NOTHING, kept] if rated else []),
    ]  # fmt: skip


def _summary(robustness: Robustness) -> Iterator[str]:
    """Yield how many places hold, and which hold the least."""
    ranks = robustness.ranks.drop_nulls(["rank", "low", "high"])
    if not ranks.height:
        return
    certain = ranks.filter((pl.col("low") == pl.col("rank")) & (pl.col("high") == pl.col("rank"))).height
    yield tr(
        "In 90 % of the runs {certain:,} of {units:,} units have their own place.", certain=certain, units=ranks.height
    )
    widest = ranks.with_columns(width=pl.col("high") - pl.col("low")).sort(
        "width", descending=True, maintain_order=True
    )
    units = tuple(
        tr(
            "{entity} {low} to {high}",
            entity=before_figures(row["entity"]),
            low=_tenths(row["low"]),
            high=_tenths(row["high"]),
        )
        for row in widest.filter(pl.col("width") > 0).head(3).iter_rows(named=True)
    )
    if units:
        yield tr("The places that are least certain: {units}.", units=units)


def _tenths(place: float) -> str:
    """Return a percentile of places with at most one decimal."""
    return f"{round(place, 1):g}"


def _levels(report: Report, robustness: Robustness) -> Section:
    """Return in what percent of the runs each unit has each level, a column a level."""
    section, frame = Section(report.sheet("stars"), report.sheet("stars"), wide=True), robustness.stars
    if not frame.height:
        return section
    steps = sorted(frame["stars"].drop_nulls().unique().to_list(), reverse=True)
    columns = [Column(report.heading("ranks", "cohort"), 1.5), Column(localized(robustness.card.entity_title), 4)]
    columns += [Column(level_words(robustness, step), 1.4, decimals=1) for step in steps]
    several = frame["cohort"].n_unique() > 1
    percents: dict[tuple[str, str], dict[float | None, float]] = {}
    for row in frame.iter_rows(named=True):
        percents.setdefault((row["cohort"], row["entity"]), {})[row["stars"]] = row["percent"]
    lines: list[list[Cell]] = [
        [cohort if several else None, entity, *(own.get(step) for step in steps)]
        for (cohort, entity), own in list(percents.items())[:LISTED]
    ]
    section.write(tr("The percent of the runs with the declared normalisation that give a unit each level."))
    section.parts.append(Table(columns, lines).compact())
    return section


def _neighbours(report: Report, robustness: Robustness) -> Section:
    """Return how often each unit is ahead of the next one."""
    section, frame = Section(report.sheet("ahead"), report.sheet("ahead"), wide=True), robustness.ahead
    ranked = robustness.ranks.drop_nulls("rank")
    if not frame.height:
        return section
    known = {(row["cohort"], row["entity"], row["other"]): row for row in frame.iter_rows(named=True)}
    lines: list[list[Cell]] = []
    several = ranked["cohort"].n_unique() > 1
    for cohort in ranked.partition_by("cohort", maintain_order=True):
        names, label = cohort["entity"].to_list(), cohort["cohort"][0]
        for place, entity, other in zip(cohort["rank"], names, names[1:], strict=False):
            if (row := known.get((label, entity, other))) is not None and len(lines) < LISTED:
                lines.append([label if several else None, place, entity, other, row["ahead"], row["equal"]])
    columns = [
        Column(report.heading("ahead", "cohort"), 1.5), Column(tr("Rank"), 1, decimals=0),
        Column(localized(robustness.card.entity_title), 4), Column(tr("The next one"), 4),
        *(Column(report.heading("ahead", name), 2, decimals=1) for name in ("ahead", "equal")),
    ]  # fmt: skip
    if lines:
        section.parts.append(Table(columns, lines).compact())
    return section


# ---- CAUSES ---- #


def _assumptions(report: Report, robustness: Robustness) -> Section:
    """Return the single assumptions that change places the most."""
    section = Section(report.sheet("alternatives"), report.sheet("alternatives"), wide=True)
    frame = robustness.alternatives
    moving = frame.filter(pl.col("moved") > 0)
    if not frame.height:
        return section
    words = tr("Of {all:,} assumptions changed one at a time, {still:,} change no place.",
               all=frame.height, still=frame.height - moving.height)  # fmt: skip
    section.write(words)
    columns = [
        Column(tr("Assumption"), 3), Column(tr("Changed to"), 5), Column(tr("Mean shift"), 1.5, decimals=2),
        Column(tr("Largest shift"), 1.5, decimals=0), Column(tr("What"), 4),
        Column(report.heading("alternatives", "stars"), 2, decimals=0),
    ]  # fmt: skip
    rows = moving.head(MOST).iter_rows(named=True)
    lines: list[list[Cell]] = [
        [
            localized(assumption_words(row["assumption"])), localized(alternative_words(robustness, row)),
            row["moved"], row["most"], row["entity"], None if row["stars"] is None else float(row["stars"]),
        ]
        for row in rows
    ]  # fmt: skip
    if lines:
        section.parts.append(Table(columns, lines).compact())
    return section


def _importance(report: Report, robustness: Robustness) -> Section:
    """Return the parts whose importance differs from their weight the most."""
    section = Section(report.sheet("importance"), report.sheet("importance"), wide=True)
    frame = robustness.importance.drop_nulls()
    if not frame.height:
        return section
    gap = (pl.col("effective") - pl.col("weight")).abs()
    columns = [
        Column(tr("Part"), 6), *(Column(report.heading("importance", name), 2.5, decimals=2)
                                 for name in ("weight", "effective")),
    ]  # fmt: skip
    rows = frame.sort(gap, descending=True, maintain_order=True).head(MOST).iter_rows(named=True)
    lines: list[list[Cell]] = [[_title(robustness, row), row["weight"], row["effective"]] for row in rows]
    section.write(
        tr("The share of parts in the variance of totals, beside their weight on paper: the largest differences.")
    )
    section.parts.append(Table(columns, lines))
    return section


def _swaps(report: Report, robustness: Robustness) -> Section:
    """Return of each pair of neighbours the weight whose smallest change makes them equal, the smallest first."""
    section = Section(report.sheet("swaps"), report.sheet("swaps"), wide=True)
    frame = robustness.swaps
    if frame is None or not frame.height:
        return section
    several = frame["cohort"].n_unique() > 1
    names = ("cohort", "entity", "other")
    nearest = frame.unique([*names], keep="first", maintain_order=True)
    columns = [
        *(Column(report.heading("swaps", name), 3) for name in names), Column(tr("Part"), 5),
        *(Column(report.heading("swaps", name), 2, decimals=2) for name in ("weight", "needed")),
    ]  # fmt: skip
    lines: list[list[Cell]] = [
        [row["cohort"] if several else None, row["entity"], row["other"], _title(robustness, row), row["weight"],
         row["needed"]]
        for row in nearest.head(MOST).iter_rows(named=True)
    ]  # fmt: skip
    section.write(tr("Weights at which neighbours have equal totals, the smallest changes first."))
    section.parts.append(Table(columns, lines).compact())
    return section


def _variance(report: Report, robustness: Robustness) -> Section:
    """Return the share of each choice in the variance of the mean shift of places."""
    section, frame = (
        Section(report.sheet("sensitivity"), report.sheet("sensitivity"), wide=True),
        robustness.sensitivity,
    )
    if frame is None or not frame.height:
        return section
    columns = [
        Column(tr("Choice"), 3), Column(tr("First order"), 1.5, decimals=3), Column(tr("Interval"), 2.5, "center"),
        Column(tr("With interactions"), 2, decimals=3), Column(tr("Interval"), 2.5, "center"),
    ]  # fmt: skip
    rows = frame.filter(pl.col("result") == "ranks").sort("total", descending=True, nulls_last=True)
    lines: list[list[Cell]] = []
    for row in rows.iter_rows(named=True):
        cells: list[Cell] = [localized(choice_words(row["choice"]))]
        for key in ("first", "total"):
            low, high = row[f"{key}_low"], row[f"{key}_high"]
            cells += [row[key], None if low is None else f"{number(low, 3)}–{number(high, 3)}"]
        lines.append(cells)
    section.write(tr("Shares of the variance of the mean shift of places."))
    section.parts.append(Table(columns, lines).compact())
    return section


def _choices(report: Report, robustness: Robustness) -> Section:
    """Return what every run draws."""
    section = Section(report.sheet("choices"), report.sheet("choices"), wide=True)
    alternatives: dict[str, list[str]] = {}
    for row in robustness.choices.iter_rows(named=True):
        title = row["title"]
        texts = report.texts
        text = (
            localized(texts.get(title, title)) if title is not None else report.word("alternative", row["alternative"])
        )
        alternatives.setdefault(row["choice"], []).append(text)
    if alternatives:
        columns = [Column(tr("Choice"), 3), Column(tr("Alternatives"), 10)]
        lines: list[list[Cell]] = [
            [localized(choice_words(choice)), listed(texts)] for choice, texts in alternatives.items()
        ]
        section.parts.append(Table(columns, lines))
    return section


def _title(robustness: Robustness, row: Mapping[str, Any]) -> str:
    texts = robustness.card.texts
    return localized(texts.get(row["title"], row["title"]))
