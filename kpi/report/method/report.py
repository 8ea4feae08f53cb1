"""A system as a report: its method as a document (Markdown, Word, workbook), and its definitions as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import polars as pl

from kpi.engine.scorecard import definition_hash
from kpi.errors import Message
from kpi.language.system import System
from kpi.report import cards
from kpi.report.language import joined, listed, sentences, tr
from kpi.report.method import choices, comparison, data, indicators, rules
from kpi.report.paper import markdown, sheets, word
from kpi.report.paper.model import Cell, Paper, Paragraph, Table, sentence
from kpi.report.shape import HEADINGS, About, Report, Screen


def method(system: System, /) -> Paper:
    """Return the method of a system as the annex of a 考核办法: what is scored, how, out of what, and what is ours."""
    sections = [
        data.scope_section(system), indicators.indicators_section(system), indicators.formulas_section(system),
        indicators.targets_section(system), rules.scoring_section(system), rules.weights_section(system),
        rules.treatment_section(system), rules.adjustments_section(system), rules.levels_section(system),
        rules.ranking_section(system), comparison.longer_section(system), data.sources_section(system),
        choices.ours_section(system), data.data_section(system), data.checks_section(system),
        comparison.alerts_section(system), comparison.limits_section(system), comparison.disclosure_section(system),
        comparison.robustness_section(system),
    ]  # fmt: skip
    return Paper(
        title=system.title or system.system,
        subtitle=tr("Annex: indicators, weights and method of scoring"),
        sections=sections,
        margin=tr("System {system}, definition {definition_hash}", system=system.system,
                  definition_hash=definition_hash(system)),
    )  # fmt: skip


#: The length of a text in a row of the method from which its parts have rows of their own, and the length of these from
#: which another one does not stand in the same row.
_LONG, _ROW = 300, 80


def method_of_scores(system: System, /) -> list[tuple[str, str]]:
    """Return in a few rows, a heading and a text each, how scores come about and out of which document.

    Where a text would be long, as that of many weights, it goes on in rows without a heading.
    """
    sections = [
        data.scope_section(system), rules.scoring_section(system), rules.weights_section(system),
        rules.treatment_section(system), rules.adjustments_section(system), rules.levels_section(system),
        rules.ranking_section(system), comparison.longer_section(system), comparison.alerts_section(system),
        data.sources_section(system), choices.ours_section(system),
    ]  # fmt: skip
    rows = []
    for section in sections:
        texts = [part.text for part in section.parts if isinstance(part, Paragraph)]
        cells = [_words(table, row) for table in section.tables for row in table.rows]
        if texts or cells:
            long = sum(map(len, cells)) > _LONG
            first, *others = _together(cells) if long else [cells]
            rows.append((section.heading, sentences([*texts, *_ended(first)])))
            rows += [("", sentences(_ended(part))) for part in others]
    words = tr("System {system}, definition {definition_hash}", system=system.system,
               definition_hash=definition_hash(system))  # fmt: skip
    return [*rows, (tr("Definition"), words)]


def _words(table: Table, row: Sequence[Cell]) -> str:
    """Return the cells of a row as a text: what it is about, a colon, and the rest."""
    words = ""
    for column, cell in zip(table.columns, row, strict=True):
        text = column.shown(cell)
        words = tr("{what}: {names}", what=words, names=text) if words and text else words or text
    return words


def _ended(texts: Sequence[str]) -> list[str]:
    """Return the rows of a table, which are no sentences, as one."""
    return [sentence(joined(texts))] if texts else []


def _together(texts: Sequence[str]) -> list[list[str]]:
    """Return texts in rows: short ones together, long ones alone.

    >>> [list(map(len, row)) for row in _together(["a" * 200, "b", "c", "d" * 90, "e"])]
    [[200], [1, 1, 90], [1]]
    """
    rows: list[list[str]] = [[]]
    for text in texts:
        if sum(map(len, rows[-1])) >= _ROW:
            rows.append([])
        rows[-1].append(text)
    return rows


@dataclass(frozen=True)
class MethodReport(Report):
    """A system as a report; data formats have a row for each indicator and each pillar."""

    schema: ClassVar[str] = "kpi.method/1"
    sheets: ClassVar[Mapping[str, str]] = {"indicators": Message("Indicators"), "pillars": Message("Pillars")}
    headings: ClassVar[Mapping[str | tuple[str, str], str]] = HEADINGS | {
        "marks": Message("Full marks"),
        "formula": Message("Formula"),
        "direction": Message("Direction"),
        "target": Message("Target"),
        "scoring": Message("Scoring"),
        "clause": Message("Clause"),
        "lead": Message("Lead"),
        "responsible": Message("Responsible"),
        "note": Message("Note"),
        "mean": Message("Aggregation"),
        "missing": Message("Missing values"),
        "weighting": Message("Weighting"),
    }

    system: System

    @property
    def about(self) -> About:
        """The system."""
        own = self.system
        words = tr(
            "System {system}, definition {definition_hash}", system=own.system, definition_hash=definition_hash(own)
        )
        return About(
            own.title or own.system, own.system, words, own.entities.title, own.ranking.decimals, own.composite.full
        )

    def head(self) -> dict[str, Any]:
        """Return schema, system, title, full mark and the hash of the definition."""
        own = self.system
        return {
            "schema": self.schema, "system": own.system, "title": own.title or own.system, "full": own.composite.full,
            "definition_hash": definition_hash(own),
        }  # fmt: skip

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the indicators, then the pillars; texts of the program are in the language in use.

        Columns of `indicators`: indicator, title, parent (its pillar), unit, direction (higher, lower), weight (within
        the pillar, null where it is found from data), marks (its part of the full mark, null where the tree does not
        fix it), formula, target, scoring, clause, lead, responsible, note. Of `pillars`: pillar, title, parent, weight,
        marks, mean, missing, weighting.
        """
        own, marks = self.system, indicators.full_marks(self.system)
        rows = [self._indicator(name, marks) for name in own.indicators]
        texts, numbers = pl.String(), pl.Float64()
        schema = dict.fromkeys(
            ("indicator", "title", "parent", "unit", "direction", "weight", "marks", "formula", "target", "scoring",
             "clause", "lead", "responsible", "note"), texts,
        ) | {"weight": numbers, "marks": numbers}  # fmt: skip
        of_pillars = dict.fromkeys(
            ("pillar", "title", "parent", "weight", "marks", "mean", "missing", "weighting"), texts
        ) | {"weight": numbers, "marks": numbers}
        nodes = [self._pillar(name, marks) for name in own.pillars]
        return {
            "indicators": pl.DataFrame(rows, schema=schema, orient="row"),
            "pillars": pl.DataFrame(nodes, schema=of_pillars, orient="row"),
        }

    def _indicator(self, name: str, marks: Mapping[str, float]) -> tuple[str | float | None, ...]:
        own, indicator, rule = self.system, self.system.indicators[name], self.system.rule(name)
        target = joined(item.words(own.unit(name)) for item in own.targets(name))
        return (
            name, own.symbols[name].title, own.parents.get(name), str(own.unit(name)), indicator.direction,
            indicators.given_weight(own, name), marks.get(name), tr(indicator.words(own.symbols)), target or None,
            None if rule is None else tr(rule.in_full()), indicator.clause,
            listed(indicator.lead) or None, listed(indicator.responsible) or None, indicator.note,
        )  # fmt: skip

    def _pillar(self, name: str, marks: Mapping[str, float]) -> tuple[str | float | None, ...]:
        own, pillar = self.system, self.system.pillars[name]
        weighting = "" if pillar.weights is None else tr(pillar.weights.words())
        return (
            name, pillar.title or name, own.parents.get(name), indicators.given_weight(own, name), marks.get(name),
            tr(pillar.mean_words), tr(pillar.missing.words()), weighting or None,
        )  # fmt: skip

    def text(self, screen: Screen) -> str:
        """Return the system as `kpi show` prints it."""
        return cards.system(self.system, width=screen.width)

    def own(self) -> Mapping[str, Callable[[], bytes]]:
        """Return the method as a document in Markdown, Word and a workbook."""
        return {
            "md": lambda: markdown.markdown(method(self.system)).encode(),
            "docx": lambda: word.word(method(self.system)),
            "xlsx": lambda: sheets.sheets(method(self.system)),
        }
