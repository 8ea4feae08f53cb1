"""What a page holds: a head of texts and definitions, and the numbers of units, nodes and periods."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import polars as pl
from msgspec import Struct

from kpi.analysis.next_level import CHEAP_FOR_ALL, Change, least_changes
from kpi.engine.scorecard import PROBABILITY, Scorecard
from kpi.errors import Message
from kpi.language.system import ROOT, System
from kpi.report.language import current, joined, listed, localized, tr
from kpi.report.league import each_rating_in_doubt, level_title, not_distinguishable, ratings_in_doubt, ratings_in_words
from kpi.report.longer import longer_tables
from kpi.report.marks import SEVERITIES, least_change, visible
from kpi.report.page.numbers import Numbers
from kpi.report.page.words import words
from kpi.values.columns import Column
from kpi.values.status import STATUSES

#: The most findings that a page lists.
_FINDINGS = 1000
#: How many digits of the largest value of a figure are shown.
_DIGITS = 6
#: The most numbers of earlier periods and of measures; beyond that a page is too large to send.
_MOST_EARLIER, _MOST_MEASURES = 6_000_000, 1_000_000
#: Beyond so many, scores that are only drawn as lines have no decimals.
_MANY = 1_000_000


def left_out(card: Scorecard) -> list[Message]:
    """Return what a page of a scorecard leaves out, as it would be too large to send."""
    rows, system = card.totals.height, card.definition
    units = rows // max(len(card.periods), 1)
    measures = sum(measure.per is None for measure in system.measures.values())
    parts = []
    if rows * len(system.indicators) > _MOST_EARLIER:
        parts.append(Message("the lines of scores of indicators over earlier periods are left out"))
    if units * measures > _MOST_MEASURES:
        parts.append(Message("the {figures:,} reported figures below the indicators are left out",
                             figures=units * measures))  # fmt: skip
    if card.findings.height > _FINDINGS:
        parts.append(Message("only the first {shown:,} of {findings:,} findings are listed", shown=_FINDINGS,
                             findings=card.findings.height))  # fmt: skip
    return parts


def head(card: Scorecard, numbers: Numbers) -> dict[str, Any]:
    """Return all texts of the page and where its numbers stand, which are added to `numbers`.

    Args:
        card: the scorecard; the page is of the periods that it shows, its cards of the last.
        numbers: receives the numbers: those of the league table first, so that a browser shows it first.
    """
    return _Contents(card, numbers).head()


class _Contents(Struct, dict=True):
    card: Scorecard
    numbers: Numbers

    def __post_init__(self) -> None:
        card = self.card
        self.system: System = card.definition
        self.frame = card.detailed
        self.indices = [index for index, label in card.labels.items() if label in set(card.periods)]
        self.latest = self.frame.filter(pl.col("period") == self.indices[-1])

    def head(self) -> dict[str, Any]:
        card, system = self.card, self.system
        source = system.source
        entities = card.entities
        return {
            "lang": current(), "texts": words(), "title": visible(card.title), "id": card.system,
            "issuer": visible(source.issuer or "") if source else "",
            "document": visible(source.document) if source else "",
            "dated": str(source.date or "") if source else "",
            "full": card.full, "decimals": card.decimals, "entityTitle": visible(localized(card.entity_title)),
            "periods": card.periods, "origin": tr("Definition {definition_hash} data {data_hash}",
                                                  definition_hash=card.definition_hash, data_hash=card.data_hash),
            "units": [visible(name) for name in entities["entity"]], "codes": entities["code"].to_list(),
            "total": bool(self.system.tops),
            "marks": system.show == "marks", "longer": [*self.longer()],
            "changes": self.least_changes(), "levels": self.levels(), "league": self.league(),
            "nodes": [*self.nodes()], "measures": [*self.measures()],
            "adjustments": [*self.adjustments()], "statuses": {key: localized(STATUSES[key]) for key in STATUSES},
            "suppressed": bool(card.worlds), "findings": [*self.findings()], "notes": [*self.notes()],
        }  # fmt: skip

    def levels(self) -> dict[str, Any] | None:
        """Return the names of the levels, and the cut points where the scheme has them; None without stars."""
        stars = self.system.stars
        if stars is None:
            return None
        levels: dict[str, Any] = {
            "names": {str(level): visible(name) for level, name in stars.names.items()},
            "cuts": {str(level): cut for level, cut in stars.cuts_of_total.items()},
            "words": localized(self.system.stars_words),
        }
        if not stars.cuts_of_total:
            # Levels depend on the others: those of the same group.
            rows = self.card.only(self.indices[-1:]).peer_groups.select("entity", "group").iter_rows()
            groups = dict(rows)
            known = list(dict.fromkeys(groups.values()))
            levels["groups"] = [known.index(groups.get(unit)) for unit in self.card.entities["entity"]]
        return levels

    @cached_property
    def changes(self) -> dict[str, Change] | None:
        """The least change of a single figure that reaches the next level, by unit; None where it takes too long."""
        return least_changes(self.card)

    def least_changes(self) -> dict[str, str]:
        """Return the least single changes in words, by the number of the unit."""
        units = {name: number for number, name in enumerate(self.card.entities["entity"])}
        return {
            str(units[entity]): visible(least_change(change.title, change.value, change.needed, change.unit))
            for entity, change in (self.changes or {}).items()
        }

    def longer(self) -> Iterator[dict[str, Any]]:
        """Yield the tables of the longer period, such as the year, up to the last one: title, headings, rows."""
        for title, headings, rows in longer_tables(self.card, self.card.periods[-1]):
            yield {
                "title": visible(title),
                "headings": headings,
                "rows": [[visible(cell) for cell in row] for row in rows],
            }

    # ---- UNITS ---- #

    def league(self) -> dict[str, Any]:
        """Return the columns of totals: one entry per period and unit, in the order of the frame."""
        frame, add = self.frame, self.numbers.add
        cohorts = frame["cohort"].unique(maintain_order=True).to_list()
        vetoes = frame["veto"].fill_null("").unique(maintain_order=True).to_list()
        return {
            "score": add(frame["score"], self.card.decimals), "rank": add(frame["rank"], 0),
            "stars": add(frame["stars"], 1), "moved": add(frame["rank_change"], 0),
            "change": add(frame["score_change"], self.card.decimals),
            "coverage": add(frame[Column(ROOT).coverage], 1),
            "cohort": add(frame["cohort"].replace_strict(cohorts, range(len(cohorts))), 0),
            "cohorts": [visible(name) for name in cohorts],
            "veto": add(frame["veto"].fill_null("").replace_strict(vetoes, range(len(vetoes))), 0),
            "vetoes": [visible(text) for text in vetoes],
            "status": self.status(frame[Column("raw").status]), **self.intervals(),
        }  # fmt: skip

    def intervals(self) -> dict[str, Any]:
        """Return the intervals of places and scores and the probabilities of levels; nothing without them."""
        card, add = self.card, self.numbers.add
        if card.intervals is None:
            return {}
        keys = self.frame.select(
            period=pl.col("period").replace_strict(dict(card.labels), return_dtype=pl.String),
            entity=pl.col("entity").replace_strict(dict(enumerate(card.entities["entity"])), return_dtype=pl.String),
        )
        rows = keys.join(card.intervals, on=["period", "entity"], how="left", maintain_order="left")
        levels = [name for name in rows.columns if name.startswith(PROBABILITY)]
        return {
            "rankLow": add(rows["rank_low"], 1), "rankHigh": add(rows["rank_high"], 1),
            "scoreLow": add(rows["score_low"], card.decimals), "scoreHigh": add(rows["score_high"], card.decimals),
            "probabilities": [[visible(level_title(card, name)), add(rows[name], 0)] for name in levels],
        }  # fmt: skip

    def status(self, column: pl.Series) -> list[int]:
        """Add the statuses of a column by their place in the list of all."""
        order = list(STATUSES)
        places = column.cast(pl.String).replace_strict(order, range(len(order)), default=None)
        return self.numbers.add(places, 0)

    # ---- THE TREE ---- #

    def nodes(self) -> Iterator[dict[str, Any]]:
        """Yield the pillars and indicators, those of the tree in its order, then the others."""
        system = self.system
        listed: set[str] = set()

        def walk(names: Iterable[str], parent: str | None) -> Iterator[dict[str, Any]]:
            for name in names:
                listed.add(name)
                yield self.pillar(name, parent) if name in system.pillars else self.indicator(name, parent)
                if name in system.pillars:
                    yield from walk(system.pillars[name].parts, name)

        yield from walk(system.tops, None)
        # Headlines stand beside the total: what they are made of is shown again, also where it counts in the total.
        for name in system.headlines:
            yield from ({**node, "beside": True} for node in walk([name], None))
        yield from walk([name for name in system.indicators if name not in listed], "")

    def pillar(self, name: str, parent: str | None) -> dict[str, Any]:
        pillar = self.system.pillars[name]
        return {
            "name": name, "title": visible(pillar.title or name), "parent": parent, "pillar": True,
            "weight": visible(localized(self.system.weight_words(name))), "words": localized(pillar.mean_words),
            "scores": self.numbers.add(self.marked(name, self.frame), 2),
            "note": visible(pillar.note or ""), **self.full(name), **self.points(name),
        }  # fmt: skip

    def marked(self, name: str, frame: pl.DataFrame) -> pl.Series:
        """Return the scores of a node, in marks where results show these."""
        score = pl.col(Column(name).score)
        full = self.system.shown_marks(name) if self.system.show == "marks" else None
        return frame.select(score if full is None else score * full / 100).to_series()

    def full(self, name: str) -> dict[str, Any]:
        """Return the full marks of a node: a number, or a column where they differ by class; nothing in percent."""
        full = self.system.shown_marks(name) if self.system.show == "marks" else None
        if full is None:
            return {}
        if isinstance(full, pl.Expr):
            return {"fulls": self.numbers.add(self.latest.select(full).to_series(), 2)}
        return {"full": full}

    def points(self, name: str) -> dict[str, list[int]]:
        """Add what a node gives to the total; nothing of one that does not count."""
        column = Column(name).contribution
        counts = name in self.system.counted and column in self.latest.columns
        return {"points": self.numbers.add(self.latest[column], 4)} if counts else {}

    def indicator(self, name: str, parent: str | None) -> dict[str, Any]:
        system, add = self.system, self.numbers.add
        column, indicator, unit = Column(name), system.indicators[name], system.unit(name)
        rule, latest = system.rule(name), self.latest
        targets = system.targets(name)
        numbers = self.frame.height * len(system.indicators)
        node: dict[str, Any] = {
            "name": name, "title": visible(system.symbols[name].title), "parent": parent, "pillar": False,
            "unit": str(unit), "better": indicator.direction,
            "weight": visible(localized(system.weight_words(name))) if parent != "" else "",
            "words": visible(localized(indicator.words(system.symbols))),
            "rule": visible(localized(rule.in_full())) if rule else "",
            "target": joined(visible(localized(target.words(unit))) for target in targets),
            "clause": visible(indicator.clause or ""), "note": visible(indicator.note or ""),
            "lead": visible(listed(indicator.lead)),
            "values": add(latest[name], _decimals(latest[name], indicator.decimals)),
            "status": self.status(latest[column.status]),
            "of": [used for _, used in indicator.inputs() if used in system.measures],
        }  # fmt: skip
        if rule is not None:
            scores = self.marked(name, self.frame if numbers <= _MOST_EARLIER else latest)
            node["scores"] = add(scores, 1 if numbers <= _MANY else 0)
            node["score"] = add(self.marked(name, latest), 2)
            node |= self.full(name)
            node["scored"] = self.status(latest[column.score.status])
        node |= self.points(name)
        if name in self.doubts:
            texts = list(dict.fromkeys(self.doubts[name].values()))
            codes = [0] * latest.height
            for unit_at, text in self.doubts[name].items():
                codes[unit_at] = 1 + texts.index(text)
            node |= {"doubts": ["", *map(visible, texts)], "doubt": add(pl.Series(codes), 0)}
        if targets:
            node["attainment"], node["schedule"] = (add(latest[key], 1) for key in (column.attainment, column.schedule))
            lights = ["none", "green", "yellow", "red"]
            shown = latest[column.light].cast(pl.String).replace_strict(lights, range(4), default=0)
            node["light"] = add(shown, 0)
        return node

    @cached_property
    def doubts(self) -> dict[str, dict[int, str]]:
        """What the limits of ratings leave open in the last period, by indicator and the number of the unit."""
        units = {name: number for number, name in enumerate(self.card.entities["entity"])}
        doubts: dict[str, dict[int, str]] = {}
        for entity, indicator, _, text in each_rating_in_doubt(self.card, self.card.periods[-1]):
            doubts.setdefault(indicator, {})[units[entity]] = text
        return doubts

    def measures(self) -> Iterator[dict[str, Any]]:
        """Yield the measures with their figures and the number of rows that these come from, in the last period."""
        names = [name for name, measure in self.system.measures.items() if measure.per is None]
        with_figures = self.latest.height * len(names) <= _MOST_MEASURES
        for name in names:
            column, symbol = Column(name), self.system.symbols[name]
            shown: dict[str, Any] = {"name": name, "title": visible(symbol.title), "unit": str(self.system.unit(name))}
            if with_figures:
                figures = self.latest[name]
                shown["values"] = self.numbers.add(figures, _decimals(figures, None))
                shown["rows"] = self.numbers.add(self.latest[column.rows], 0)
                shown["status"] = self.status(self.latest[column.status])
            yield shown

    def adjustments(self) -> Iterator[dict[str, Any]]:
        """Yield what adds to a total beside the indicators, in the last period: the unit, the title, its points."""
        places = {name: place for place, name in enumerate(self.card.entities["entity"])}
        rows = self.card.only(self.indices[-1:]).adjustments
        for entity, title, points in rows.select("entity", "title", "points").iter_rows():
            text = localized(self.card.texts.get(title, title))
            yield {"unit": places[entity], "title": visible(text), "points": round(points, 6)}

    # ---- TEXTS ---- #

    def findings(self) -> Iterator[list[str]]:
        """Yield the findings: severity, code, message, where, and what to do."""
        for row in self.card.findings.head(_FINDINGS).iter_rows(named=True):
            where = (row["entity"], row["period"], row["file"], row["row"] and tr("row {row:,}", row=row["row"]))
            yield [
                localized(SEVERITIES[row["severity"]]), row["code"], visible(row["message"]),
                visible(" ".join(filter(None, where))), visible(row["hint"] or ""),
            ]  # fmt: skip

    def notes(self) -> Iterator[list[str]]:
        """Yield headings and statements about the method."""
        system = self.system
        yield [tr("Stars"), localized(system.stars_words)]
        yield [tr("Aggregation"), localized(system.composite.mean_words)]
        yield [tr("Missing values"), localized(system.composite.missing.words())]
        for name, step in system.treatment.items():
            yield [tr("Treatment"), f"{visible(step.title or name)}: {localized(step.words())}"]
        if self.changes is None:
            text = tr(
                "The least single change to the next level is on cards where units × units × indicators are at most "
                "{most:,}; elsewhere `kpi explain FILE UNIT --to LEVEL` finds it.", most=CHEAP_FOR_ALL,
            )  # fmt: skip
            yield [tr("Note"), text]
        if alike := not_distinguishable(self.card, self.card.periods[-1]):
            texts = [f"{entity}: {text}" for entity, text in alike.items()]
            yield [tr("Levels not distinguishable"), visible(joined(texts))]
        if doubtful := ratings_in_doubt(self.card, self.card.periods[-1]):
            units = [
                f"{entity}: {listed(ratings_in_words(ratings))}" for entity, ratings in [*doubtful.items()][:_FINDINGS]
            ]
            yield [tr("Ratings of indicators not distinguishable"), visible(joined(units))]
        if system.note:
            yield [tr("Note"), visible(system.note)]


def _decimals(values: pl.Series, declared: int | None) -> int:
    """Return how many decimals a column shows: as declared, else six digits of its largest value."""
    if declared is not None:
        return declared
    known = values.cast(pl.Float64).drop_nulls().drop_nans()
    largest = float(known.abs().max() or 0)  # type: ignore[arg-type]
    if not largest or (known == known.round(0)).all():
        return 0
    return min(9, max(0, _DIGITS - 1 - math.floor(math.log10(largest))))
