"""A difference as a document: what changed in sentences, the totals, the indicators, and as an annex unit by unit.

The whole of it is in workbooks, folders and JSON: of hundreds of changed indicators a reader wants the largest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from kpi.analysis.diff import Difference
from kpi.engine.contributions import NOISE
from kpi.errors import Message
from kpi.report.language import joined, localized, sentences, tr
from kpi.report.marks import (
    NOTHING,
    alike_decimals,
    before_figures,
    change,
    level,
    movement,
    number,
    reason,
    unit_words,
    visible,
)
from kpi.report.paper.frames import parts_of
from kpi.report.paper.model import Cell, Column, Paper, Paragraph, Part, Section, Table
from kpi.report.shape import Report

#: The most units of a table of totals, half of them with the largest gains and half with the largest losses.
UNITS = 60
#: The most units of the annex, and how many of the changes of each it has.
CARDED, LARGEST = 60, 5
#: The most reported figures that a document lists; between two periods nearly all of them are others.
FIGURES = 60
#: How many indicators are named beside a changed total, and units in a sentence.
NAMED, _FEW = 2, 5


def paper(report: Report, difference: Difference, entity: str | None = None) -> Paper:
    """Return a difference as a document.

    Args:
        report: the report, for the headings and titles of its frames.
        difference: what is shown.
        entity: the unit of which everything is listed; None for all units.
    """
    sections = [*_totals(difference), _indicators(difference, entity), _annex(difference, entity)]
    frames = report.frames()
    for name in ("longer", "headlines", "places", "classes", "restated", "definitions", "findings"):
        frame = {"headlines": difference.changed_headlines, "places": difference.changed_places}.get(
            name, frames.get(name, pl.DataFrame())
        )
        if name in frames and frame.height:
            sections.append(
                Section(report.sheet(name), report.sheet(name), _parts(report, name, frame, entity), wide=True)
            )
    sections.append(_figures(report, entity))
    if not any(section.parts for section in sections):
        sections.append(Section(tr("Result"), parts=[Paragraph(tr("Nothing has changed."))]))
    about = report.about
    title = about.title if entity is None else tr("{entity}: {title}", entity=entity, title=about.title)
    return Paper(title, sections=sections, margin=about.origin)


# ---- TOTALS ---- #


def _totals(difference: Difference) -> Iterator[Section]:
    """Yield a section for each period: sentences, and a table for each cohort."""
    several = difference.totals["period"].n_unique() > 1
    moved = difference.changed
    for rows in difference.totals.partition_by("period", maintain_order=True):
        changed = moved.filter(period=rows["period"][0])
        if not changed.height:
            continue
        heading = tr("Totals, {period}", period=between(rows)) if several else tr("Totals")
        section = Section(heading, tr("Totals"), wide=True)
        section.write(*_sentences(difference, rows, changed))
        cohorts = changed.partition_by("cohort", maintain_order=True)
        for cohort in cohorts:
            caption = str(cohort["cohort"][0] or tr("No cohort")) if len(cohorts) > 1 else ""
            section.parts.append(_table(difference, cohort, caption))
            if (more := cohort.height - UNITS) > 0:
                words = tr("Those with the largest gains and losses; {more:,} more are not listed.", more=more)
                section.parts.append(Paragraph(words, remark=True))
        yield section


def _sentences(difference: Difference, rows: pl.DataFrame, changed: pl.DataFrame) -> Iterator[str]:
    """Yield what a period comes to: how many rose and fell, from what, and who the most."""
    decimals = difference.after.decimals
    both = rows.drop_nulls(["score_before", "score", "change"])
    # What is shown as 0.00 is no change.
    least = 0.5 * 10.0**-decimals
    up, down = (int((sign * both["change"] >= least).sum()) for sign in (1, -1))
    if both.height > 1:
        yield tr(
            "Of {units:,} units with a total in both, {up:,} have a higher one, {down:,} a lower one and {same:,} the "
            "same. The mean changes by {mean} points.",
            units=both.height, up=up, down=down, same=both.height - up - down, mean=_mean(both["change"], decimals),
        )  # fmt: skip
    rounding = tr("Changes are of totals before rounding, and may differ from those of printed ones in the last digit.")
    yield sentences([cause(difference, both), rounding])
    for sign, words in ((1, "gains"), (-1, "losses")):
        largest = both.filter(sign * pl.col("change") >= least).sort(
            sign * pl.col("change"), descending=True, maintain_order=True
        )
        units = tuple(
            f"{before_figures(entity)} {change(value, decimals)}"
            for entity, value in largest.head(_FEW).select("entity", "change").iter_rows()
        )
        if units and both.height > 1:
            yield (
                tr("The largest gains: {units}.", units=units) if words == "gains"
                else tr("The largest losses: {units}.", units=units)
            )  # fmt: skip
    for sign in (1, -1):
        other = both.filter(sign * (pl.col("stars") - pl.col("stars_before")) > 0)
        units = tuple(
            f"{before_figures(row['entity'])} ({levels_of(difference, row)})" for row in other.iter_rows(named=True)
        )
        if units and sign > 0:
            yield tr("A higher level: {units}.", units=_few(units))
        elif units:
            yield tr("A lower level: {units}.", units=_few(units))
    lacking = changed.filter(pl.col("score").is_null() | pl.col("score_before").is_null())
    if lacking.height:
        units = tuple(
            f"{before_figures(row['entity'])} ({_state(row, 'status_before')} → {_state(row, 'status')})"
            for row in lacking.iter_rows(named=True)
        )
        yield tr("Without a total in one of them: {units}.", units=_few(units))
    yield from across(difference, rows)


def _few(units: Sequence[str]) -> tuple[str, ...]:
    """Return the first units, and how many more there are."""
    most = 4 * _FEW
    more = (tr("{more:,} more", more=len(units) - most),) if len(units) > most else ()
    return (*units[:most], *more)


def cause(difference: Difference, rows: pl.DataFrame) -> str:
    """Return whether the data or the rules changed the totals, in a sentence."""
    before, after = difference.before, difference.after
    if not difference.separable:
        return tr(
            "The rules changed too; results without data cannot tell the effect of the data from that of the rules."
        )
    if before.definition_hash == after.definition_hash:
        return tr("The rules are the same: all changes come from the data.")
    if not (rows["from_data"].abs() > NOISE).any():
        return tr("All changes come from the rules.")
    if not (rows["from_definition"].abs() > NOISE).any():
        return tr("All changes come from the data.")
    data, rules = (_mean(rows[name], after.decimals) for name in ("from_data", "from_definition"))
    return tr("On average {data} points come from the data and {rules} from the rules.", data=data, rules=rules)


def _mean(values: pl.Series, decimals: int) -> str:
    mean = values.mean()
    return change(mean if isinstance(mean, float) else None, decimals) or NOTHING


def _table(difference: Difference, rows: pl.DataFrame, caption: str) -> Table:
    """Return the changes of the totals of a cohort, at most `UNITS` of them."""
    decimals = difference.after.decimals
    if rows.height > UNITS:
        order = rows.with_row_index("#").sort("change", descending=True, nulls_last=True)
        kept = pl.concat([order.head(UNITS // 2), order.tail(UNITS - UNITS // 2)])["#"]
        rows = rows[kept.sort()]
    split = difference.separable and all((rows[name].abs() > NOISE).any() for name in ("from_data", "from_definition"))
    columns = [
        Column(tr("Rank"), 1.5, "right"),
        Column(localized(difference.after.entity_title), 3),
        Column(tr("Old score"), 1.5, "right"),
        Column(tr("Score"), 1.5, "right"),
        Column(tr("Change"), 1.5, decimals=decimals, signed=True),
        *([Column(tr("Data"), 1.5, decimals=decimals, signed=True),
           Column(tr("Rules"), 1.5, decimals=decimals, signed=True)] if split else []),
        Column(level_heading(difference) or "", 2, "center"),
        Column(tr("Mainly from"), 8),
    ]  # fmt: skip
    causes = main_causes(difference, rows)
    lines: list[list[Cell]] = []
    for row in rows.sort("rank", nulls_last=True, maintain_order=True).iter_rows(named=True):
        old, new = (score(row[key], row[f"status{key[5:]}"], decimals) for key in ("score_before", "score"))
        effects = [row["from_data"], row["from_definition"]] if split else []
        mainly = joined(causes.get((row["period"], row["entity"]), ()))
        stars = "" if level_heading(difference) is None else levels_of(difference, row)
        lines.append([place(row), row["entity"], old, new, row["change"], *effects, stars, mainly])
    return Table(columns, lines, caption).compact()


# ---- INDICATORS ---- #


def _indicators(difference: Difference, entity: str | None) -> Section:
    """Return what indicators gave to the change of the totals; empty where a single unit is shown."""
    section = Section(tr("Indicators"), tr("Indicators"), wide=True)
    frame = difference.indicators.drop_nulls("change")
    if entity is not None or difference.totals["entity"].n_unique() < 2 or not frame.height:
        return section
    decimals = difference.after.decimals
    rows = difference.totals.drop_nulls(["score_before", "score"]).group_by("period").len("units")
    by = (
        frame.join(rows, on="period", how="left")
        .group_by("period", "indicator", maintain_order=True)
        .agg(
            pl.col("title").first(), pl.col("areas_changed").any(),
            (pl.col("change") > NOISE).sum().alias("up"), (pl.col("change") < -NOISE).sum().alias("down"),
            (pl.col("change").sum() / pl.col("units").first()).alias("mean"),
            pl.col("change").max().alias("most"), pl.col("entity").sort_by("change").last().alias("best"),
            pl.col("change").min().alias("least"), pl.col("entity").sort_by("change").first().alias("worst"),
        )
        .filter((pl.col("up") > 0) | (pl.col("down") > 0))
        .sort(pl.col("mean").abs(), descending=True, maintain_order=True)
    )  # fmt: skip
    if not by.height:
        return section
    several = by["period"].n_unique() > 1
    columns = [
        Column(tr("Period"), 1.5), Column(tr("Indicator"), 5),
        Column(tr("Mean effect on the total"), 2, decimals=_decimals(by["mean"], decimals), signed=True),
        Column(tr("Units with a gain"), 1.5, decimals=0), Column(tr("Units with a loss"), 1.5, decimals=0),
        Column(tr("Largest gain"), 4), Column(tr("Largest loss"), 4),
    ]  # fmt: skip
    lines: list[list[Cell]] = [
        [
            row["period"] if several else None, localized(texts_of(difference).get(row["title"], row["title"])),
            row["mean"], float(row["up"]), float(row["down"]),
            f"{before_figures(row['best'])} {change(row['most'], decimals)}" if row["most"] > NOISE else None,
            f"{before_figures(row['worst'])} {change(row['least'], decimals)}" if row["least"] < -NOISE else None,
        ]
        for row in by.head(FIGURES).iter_rows(named=True)
    ]  # fmt: skip
    section.write(
        tr("The effects of all indicators on a total, in points of it, add up to its change before it is rounded.")
    )
    section.parts.append(Table(columns, lines).compact())
    if (more := by.height - FIGURES) > 0:
        section.parts.append(Paragraph(tr("{more:,} more are not listed.", more=more), remark=True))
    return section


def _annex(difference: Difference, entity: str | None) -> Section:
    """Return the largest changes of each unit; of one that is asked for, all."""
    heading = tr("All changes") if entity is not None else tr("The largest changes of each unit")
    section = Section(heading, tr("Changes"), wide=True)
    frame = difference.indicators
    frame = frame if entity is not None else frame.drop_nulls("change").filter(pl.col("change").abs() > NOISE)
    if not frame.height:
        return section
    units = difference.totals["entity"].unique(maintain_order=True)
    shown, decimals, named = units.head(CARDED), difference.after.decimals, texts_of(difference)
    places = {name: at for at, name in enumerate(units)}
    frame = frame.with_columns(pl.col("entity").replace_strict(places, return_dtype=pl.Int64).alias("#"))
    frame = frame.filter(pl.col("entity").is_in(shown)).sort("period", "#", maintain_order=True)
    kept = frame if entity is not None else frame.group_by("period", "entity", maintain_order=True).head(LARGEST)
    several, digits = kept["period"].n_unique() > 1, _figure_decimals(kept)
    columns = [
        Column(tr("Period"), 1.5), Column(localized(difference.after.entity_title), 3), Column(tr("Indicator"), 5),
        Column(tr("Unit of measure"), 1.5, "center"), Column(tr("Old value"), 2, "right"),
        Column(tr("New value"), 2, "right"), Column(tr("Old score"), 1.5, decimals=decimals),
        Column(tr("Score"), 1.5, decimals=decimals),
        Column(tr("Effect on the total"), 1.6, decimals=decimals, signed=True),
        Column(tr("of which by weights"), 1.6, decimals=decimals, signed=True),
    ]  # fmt: skip
    lines: list[list[Cell]] = []
    for row in kept.iter_rows(named=True):
        unit = row["unit"] or ""
        values = [_figure(row[key], unit, digits.get(row["indicator"], 2)) for key in ("value_before", "value")]
        by_weight = row["from_weight"] if abs(row["from_weight"] or 0.0) > NOISE else None
        # The unit stands in each row: a page may begin with any.
        lines.append([
            row["period"] if several else None, row["entity"] if entity is None else None,
            localized(named.get(row["title"], row["title"])), unit_words(unit), *values, row["score_before"],
            row["score"], row["change"], by_weight,
        ])  # fmt: skip
    section.parts.append(Table(columns, lines).compact())
    remarks = []
    if kept.height < frame.height:
        remarks.append(
            tr("Of each unit at most the {largest} largest; {more:,} more changes are in workbooks, folders and JSON.",
               largest=LARGEST, more=frame.height - kept.height)
        )  # fmt: skip
    if difference.figures.height > FIGURES and entity is None:
        remarks.append(
            tr("{number:,} reported figures are others; workbooks, folders and JSON list them.",
               number=difference.figures.height)
        )  # fmt: skip
    if len(units) > CARDED:
        remarks.append(tr("Of {units:,} units the first {shown:,} are listed.", units=len(units), shown=CARDED))
    section.parts += [Paragraph(words, remark=True) for words in remarks]
    return section


def _figures(report: Report, entity: str | None) -> Section:
    """Return the reported figures that are others; nothing where there are many."""
    frame, heading = report.frames()["figures"], report.sheet("figures")
    listed = 0 < frame.height <= FIGURES or (frame.height and entity is not None)
    return Section(heading, heading, _parts(report, "figures", frame, entity) if listed else [], wide=True)


def _parts(report: Report, name: str, frame: pl.DataFrame, entity: str | None) -> list[Part]:
    """Return the rows of a frame; the title has the unit that is asked for, and the periods where they are one pair."""
    pair = [column for column in ("period_before", "period") if column in frame.columns]
    told: list[str] = [*pair] if all(frame[column].n_unique() == 1 for column in pair) else []
    told = [*told, "entity"] if entity is not None and "entity" in frame.columns else told
    return parts_of(report, name, frame.drop(told))


# ---- VALUES ---- #


def _figure_decimals(frame: pl.DataFrame) -> Mapping[str, int]:
    """Return with how many decimals the values of each indicator are shown."""
    both = pl.concat_list("value_before", "value").explode().drop_nulls().abs()
    summary = frame.group_by("indicator").agg(
        pl.col("unit").drop_nulls().first(), both.filter(both != 0).min().fill_null(0.0).alias("smallest"),
        both.max().fill_null(0.0).alias("largest"), (both == both.round()).all().alias("whole"),
    )  # fmt: skip
    return {
        row["indicator"]: alike_decimals(
            row["smallest"], row["largest"], whole=row["whole"], declared=None, unit=row["unit"] or ""
        )
        for row in summary.iter_rows(named=True)
    }


def _decimals(values: pl.Series, least: int) -> int:
    """Return with how many decimals effects are shown: those of totals, and more where most would be zero."""
    half = values.abs().median()
    return least + 1 if isinstance(half, float) and half < 10.0**-least else least


def _figure(value: float | None, unit: str, decimals: int) -> str:
    if value is None:
        return NOTHING
    if unit == "是/否" and value in (0, 1):
        return tr("yes") if value else tr("no")
    return f"{value:z,.{decimals}f}"


def _state(row: Mapping[str, Any], key: str) -> str:
    return tr("none") if row[key] == "absent" else reason(row[key])


def between(rows: pl.DataFrame) -> str:
    """Return the two periods that rows compare, or the one of both."""
    old, new = rows.row(0, named=True)["period_before"], rows.row(0, named=True)["period"]
    return str(new) if old == new else f"{old} → {new}"


def place(row: Mapping[str, Any]) -> str:
    """Return a place with its movement."""
    moved = "" if row["rank_change"] is None else movement(int(row["rank_change"]))
    return NOTHING if row["rank"] is None else f"{row['rank']:g} {moved}".strip()


def score(value: float | None, status: str, decimals: int) -> str:
    """Return a score, or why there is none."""
    if status == "absent":
        return tr("none")
    return number(value, decimals) if value is not None else reason(status)


def levels_of(difference: Difference, row: Mapping[str, Any]) -> str:
    """Return the levels before and after, by name or as a number of stars."""
    named = _named_levels(difference)
    old, new = (_level(row[f"stars{key}"], row[f"grade{key}"], named=named) for key in ("_before", ""))
    return new if old == new else f"{old} → {new}"


def _named_levels(difference: Difference) -> bool:
    """Return whether levels have names."""
    totals = difference.totals
    return any(totals[name].null_count() < totals.height for name in ("grade", "grade_before"))


def _level(stars: float | None, grade: str | None, *, named: bool) -> str:
    if stars is None:
        return NOTHING
    if named and stars == 0:
        return level(stars, grade, named=True)
    return f"{stars:g}" if grade is None else visible(level(stars, grade, named=True))


def level_heading(difference: Difference) -> str | None:
    """Return the heading of levels, None if neither result has levels."""
    totals = difference.totals
    if all(totals[name].null_count() == totals.height for name in ("stars", "stars_before")):
        return None
    return tr("Grade") if _named_levels(difference) else tr("Stars")


def texts_of(difference: Difference) -> Mapping[str, Message]:
    """Return the messages that the frames have as English text, by that text."""
    return {**difference.before.texts, **difference.after.texts}


def main_causes(difference: Difference, rows: pl.DataFrame) -> dict[tuple[str, str], list[str]]:
    """Return the indicators that changed a total the most, with their effects, by period and entity."""
    named, decimals = texts_of(difference), difference.after.decimals
    frame = difference.indicators.join(rows.select("period", "entity"), on=["period", "entity"], how="semi")
    frame = frame.drop_nulls("change").filter(pl.col("change") != 0)
    largest = frame.group_by("period", "entity", maintain_order=True).head(NAMED)
    causes: dict[tuple[str, str], list[str]] = {}
    for period, entity, title, value in largest.select("period", "entity", "title", "change").iter_rows():
        words = f"{before_figures(localized(named.get(title, title)))} {change(value, decimals)}"
        causes.setdefault((period, entity), []).append(words)
    return causes


def across(difference: Difference, rows: pl.DataFrame, most: int = 30) -> list[str]:
    """Return a line for each unit whose total, or indicators, are not comparable across a change of areas."""
    lines = []
    for row in rows.filter("areas_changed").head(most).iter_rows(named=True):
        items = difference.indicators.filter(pl.col("areas_changed"), period=row["period"], entity=row["entity"])
        lines.append(
            tr(
                "{entity}: areas changed in between, so the change is of two areas ({indicators})",
                entity=visible(row["entity"]),
                indicators=tuple(map(visible, items["title"])) or tr("Total"),
            )
        )
    return lines
