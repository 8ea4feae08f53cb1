"""The facts of a bulletin, computed from a scorecard."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.analysis.alert_findings import ALERTS, ENDS
from kpi.engine.scorecard import Scorecard
from kpi.errors import Message
from kpi.language.indicators.derived import window
from kpi.report.bulletin.changes import Change, figure, fixed, of_means, of_scores, of_values, spaced
from kpi.report.bulletin.facts import (
    BESIDE,
    MOST_CELLS,
    MOST_FINDINGS,
    MOST_UNITS,
    NAMED,
    Adjustment,
    Facts,
    Finding,
    Group,
    Indicator,
    Level,
    Line,
    Matrix,
    Moved,
    Note,
    Pillar,
    Progress,
    Standings,
    Value,
    own,
    owns,
)
from kpi.report.bulletin.item_values import LIGHTS, Items, ItemValues
from kpi.report.language import joined, listed, localized, sentences, tr
from kpi.report.league import Block, league
from kpi.report.league import Line as Place
from kpi.report.longer import longer_tables
from kpi.report.marks import NOTHING, SEVERITIES, alike_decimals, movement, reason, unbroken, unit_words
from kpi.report.method.report import method_of_scores
from kpi.report.shape import origin
from kpi.values.periods import Period

Row = Mapping[str, Any]


def _table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Standings:
    """Return a table with texts from data made safe, and its first rows."""
    return Standings(
        own(title), [own(heading) for heading in headings], [[own(cell) for cell in row] for row in rows[:MOST_UNITS]],
        max(len(rows) - MOST_UNITS, 0),
    )  # fmt: skip


def facts(card: Scorecard, /, *, period: str | None = None) -> Facts:
    """Return what a bulletin reports of a period, by default the latest.

    Earlier periods enter as far as the scorecard shows them: 环比 compares with the period before, 同比 with the same
    period of the year before. A mean over units is the simple mean of those with a value, and its change is over the
    units that have a value in both periods.

    Raises:
        DataError: K531, the scorecard has no such period.
    """
    return _Collector(card, period if period is not None else next(iter(reversed(card.periods)), None)).facts()


class _Collector(Struct, dict=True):
    card: Scorecard
    label: str | None

    def __post_init__(self) -> None:
        card = self.card
        self.system = card.definition
        labels = {index: label for index, label in card.labels.items() if label in set(card.periods)}
        self.now = next((index for index, label in labels.items() if label == self.label), None)
        grain = self.system.period
        earlier = (None, None) if self.now is None else (self.now - 1, grain.earlier(self.now, "1y"))
        # A year before a year is the period before: one comparison, not two with the same figures.
        self.before, self.year = (index if index in labels else None for index in earlier)
        if self.year == self.before:
            self.before = None
        wanted = [index for index in (self.year, self.before, self.now) if index is not None]
        # The frames of all periods may be large; those of one are not computed twice.
        self.part = card if self.now is None or len(wanted) == len(labels) else card.only(wanted)
        self.standing = league(self.part, period=self.label)

    @cached_property
    def of_indicators(self) -> Items:
        """The values of the indicators, with light, whether a target is reached, and weight."""
        columns = ("period", "entity", "light", "reached", "weight")
        return Items(self.part.indicators.select(*columns, item="indicator", number=pl.col("value").cast(pl.Float64)))

    @cached_property
    def of_pillars(self) -> Items:
        """The scores of the top pillars."""
        tops = self.part.pillars.filter(pl.col("parent").is_null())
        return Items(tops.select("period", "entity", item="pillar", number="score"))

    @cached_property
    def values(self) -> Mapping[str, ItemValues]:
        """The values of each indicator and top pillar in the period."""
        return {**self.of_pillars.condensed(self.label), **self.of_indicators.condensed(self.label)}

    @cached_property
    def all_decimals(self) -> Mapping[str, int]:
        """The decimals of the values of each indicator."""
        return {name: self._decimals(name) for name in self.system.indicators}

    @cached_property
    def pairs(self) -> tuple[Mapping[str, list[tuple[float, float]]], ...]:
        """The values of each indicator and top pillar beside those of the period before, and of a year before."""
        return tuple(
            {
                name: pairs
                for items in (self.of_pillars, self.of_indicators)
                for name, pairs in items.pairs(self.label, self.card.labels[index], self._all_apart(index)).items()
            }
            if index is not None else {}
            for index in (self.before, self.year)
        )  # fmt: skip

    @cached_property
    def indices(self) -> dict[str, int]:
        """The index of each period by its label."""
        return {label: index for index, label in self.card.labels.items()}

    @cached_property
    def totals(self) -> dict[int, dict[str, Row]]:
        """The totals by period and unit."""
        results: dict[int, dict[str, Row]] = {}
        wanted = self.part.totals.select("period", "entity", "score", "veto", "rank_change")
        for row in wanted.iter_rows(named=True):
            results.setdefault(self.indices[row["period"]], {})[row["entity"]] = row
        return results

    @cached_property
    def present(self) -> pl.DataFrame:
        """The rows of the indicators in the period."""
        return self.part.indicators.filter(pl.col("period") == pl.lit(self.label, dtype=pl.String))

    # ---- THE WHOLE ---- #

    def facts(self) -> Facts:
        card, system, standing = self.card, self.system, self.standing
        source = system.source
        parts = [self.pillar(name) for name in system.tops if name in system.pillars]
        tops = [name for name in system.tops if name not in system.pillars]
        others = [self.indicator(name) for name in (*tops, *self._outside())]
        every = [indicator for part in parts for indicator in part.indicators] + others
        # What the definition may say by mistake is for who writes it, not for readers.
        own_findings = [item for item in card.findings_list if item not in card.definition.warnings]
        findings = replace(card, findings_list=tuple(own_findings)).findings.filter(
            pl.col("period").is_null() | (pl.col("period") == pl.lit(standing.period, dtype=pl.String))
        )
        alerts = [*findings.filter(pl.col("code").is_in(ALERTS)).iter_rows(named=True)]
        findings = findings.filter(~pl.col("code").is_in(ALERTS))
        counts = dict(findings.group_by("severity").agg(pl.col("stands_for").sum()).iter_rows())
        absent = findings.filter((pl.col("code") == "K555") & pl.col("message").is_in([*self.absent]))
        findings = findings.filter(~pl.col("message").is_in([*self.absent]))
        shown = findings.head(MOST_FINDINGS)
        matrices, cut = self.matrices()
        progress, adjustments = self.progress(), self.adjustments()
        return Facts(
            title=own(card.title), period=self.words(self.now), before=self.words(self.before),
            year_before=self.words(self.year),
            against="" if standing.against is None else localized(window(standing.against)),
            document=own(source.document) if source else "", issuer=own(source.issuer) if source else "",
            number=own(source.number) if source else "", dated=own(str(source.date or "")) if source else "",
            entities=own(localized(card.entity_title)), units=len(standing.lines), indicators=len(system.indicators),
            full=figure(card.full),
            groups=[self.group(block) for block in standing.blocks], pillars=owns(standing.pillars),
            parts=parts, others=others, rated=standing.rated, named=standing.named,
            levels=own(unbroken(localized(system.stars_words))) if system.stars is not None else "",
            **{
                key: sum(getattr(item, key) for item in every)
                for key in ("reached", "judged", "green", "yellow", "red")
            },
            progress=progress[:MOST_UNITS], more_progress=max(len(progress) - MOST_UNITS, 0),
            adjustments=adjustments[:MOST_UNITS], more_adjustments=max(len(adjustments) - MOST_UNITS, 0),
            tables=[*self.tables()],
            alerts=[self.finding(row) for row in alerts if row["code"] != ENDS],
            ended=[self.finding(row) for row in alerts if row["code"] == ENDS], missing=self.missing(),
            findings=[
                *([self.lacking(absent)] if absent.height else []),
                *(self.finding(row) for row in shown.iter_rows(named=True)),
            ],
            more_findings=int(findings[MOST_FINDINGS:]["stands_for"].sum()),
            errors=counts.get("error", 0), warnings=counts.get("warning", 0), queries=counts.get("query", 0),
            matrices=matrices, cut=cut,
            method=[Note(own(heading), own(text)) for heading, text in method_of_scores(system)],
            origin=own(origin(card.definition_hash, card.data_hash)),
        )  # fmt: skip

    def words(self, index: int | None) -> str:
        """Return a period in words, empty for none."""
        return "" if index is None else localized(Period.of(index, self.system.period).title)

    def missing(self) -> int:
        """Return how many values of the period have not been reported."""
        return int((self.present["status"] == "missing").sum())

    # ---- RANKINGS ---- #

    def group(self, block: Block) -> Group:
        """Return the ranking of one cohort."""
        decimals = self.card.decimals
        lines = [self.line(place) for place in block.lines]
        rated = [(place, line) for place, line in zip(block.lines, lines, strict=True) if place.score is not None]
        scores = {place.entity: place.score for place, _ in rated if place.score is not None}
        front = _with_shared([place.rank for place, _ in rated], NAMED)
        back = _with_shared([place.rank for place, _ in reversed(rated)], NAMED)
        first = [line for _, line in rated[:front]]
        last = [line for _, line in rated[max(front, len(rated) - back) :]]
        ends = sorted(rated, key=lambda pair: pair[0].score or 0, reverse=True)
        highest, lowest = (ends[0], ends[-1]) if ends else (None, None)
        at_ends = [
            [line.unit for place, line in ends if end is not None and place.score == end[0].score]
            for end in (highest, lowest)
        ]
        spread = ""
        if highest and lowest:
            spread = fixed((highest[0].score or 0) - (lowest[0].score or 0), decimals)
        levels: dict[str, list[str]] = {}
        for place, line in sorted(rated, key=lambda pair: -(pair[0].stars or 0)):
            if place.stars is not None and self.system.stars is not None:
                levels.setdefault(localized(self.system.stars.title(place.stars)), []).append(line.unit)
        return Group(
            name=own(block.cohort or tr("No cohort")) if len(self.standing.blocks) > 1 else "",
            lines=lines[:MOST_UNITS], more=max(len(lines) - MOST_UNITS, 0), units=len(lines), rated=len(rated),
            first=first, last=last,
            mean=fixed(sum(scores.values()) / len(scores), decimals) if scores else "",
            highest=highest[1] if highest else None, lowest=lowest[1] if lowest else None,
            highest_units=at_ends[0], lowest_units=at_ends[1], spread=spread,
            change=self.change(scores, self.before), year=self.change(scores, self.year),
            up=list(self.moved(block, 1)), down=list(self.moved(block, -1)),
            levels=[Level(own(title), units) for title, units in levels.items()],
            unrated=[line for place, line in zip(block.lines, lines, strict=True) if place.score is None],
            vetoes=[line for place, line in zip(block.lines, lines, strict=True) if self.row(place)["veto"]],
            intervals=self.intervals(block),
        )  # fmt: skip

    def intervals(self, block: Block) -> str:
        """Return how far the places of a ranking hold, as a footnote; empty without intervals."""
        if not self.standing.intervals:
            return ""
        first = len(self.standing.further) - self.standing.intervals
        every = [(line, line.further[first]) for line in block.lines if line.further[first]]
        if not every:
            return ""
        moving = [(line, span) for line, span in every if "–" in span]
        if not moving:
            return tr("Under other weights, methods or figures all places are the same in 90 % of the runs.")
        words = listed(
            tr("{unit} {places}", unit=own(line.entity), places=span) for line, span in moving[:MOST_FINDINGS]
        )
        more = len(moving) - MOST_FINDINGS
        return sentences([
            tr("Places in 90 % of the runs under other weights, methods or figures: {units}.", units=words),
            tr("{more:,} more are not listed.", more=more) if more > 0 else "",
            tr("The other {number} places are the same.", number=len(every) - len(moving))
            if len(every) > len(moving) else "",
        ])  # fmt: skip

    def tables(self) -> Iterator[Standings]:
        """Yield the tables of further rankings, of indices beside the total, and of longer periods."""
        standing, entity = self.standing, localized(self.card.entity_title)
        places = len(standing.further) - standing.intervals
        if places:
            rows = [[line.entity, *line.further[:places]] for line in standing.lines if any(line.further[:places])]
            yield _table(tr("Places in further rankings"), [entity, *standing.further[:places]], rows)
        for name, place in self._headlines().items():
            yield _table(name, [tr("Rank"), tr("Move"), entity, tr("Score"), tr("Change")], place)
        for title, headings, rows in longer_tables(self.card, standing.period):
            yield _table(title, headings, rows)

    def _headlines(self) -> dict[str, list[list[str]]]:
        """Return the rows of each index beside the total, the best first, by its title and cohort."""
        frame, decimals = self.card.headlines.filter(period=self.standing.period), self.card.decimals
        several = frame["cohort"].n_unique() > 1
        tables: dict[str, list[list[str]]] = {}
        for row in frame.sort("rank", nulls_last=True, maintain_order=True).iter_rows(named=True):
            title = tr("{title} (index beside the total)", title=row["title"])
            change = row["score_change"]
            cells = [
                NOTHING if row["rank"] is None else f"{row['rank']:g}", movement(row["rank_change"]), row["entity"],
                NOTHING if row["score"] is None else fixed(row["score"], decimals),
                "" if change is None else f"{change:+.{decimals}f}",
            ]  # fmt: skip
            tables.setdefault(f"{title} {row['cohort'] or tr('No cohort')}" if several else title, []).append(cells)
        return tables

    def row(self, place: Place) -> Row:
        """Return the totals of a unit in the period."""
        assert self.now is not None  # noqa: S101 - without a period there are no places
        return self.totals[self.now][place.entity]

    def line(self, place: Place) -> Line:
        """Return one unit of a ranking."""
        decimals = self.card.decimals
        before, year = (self.score(index, place.entity) for index in (self.before, self.year))
        change, yearly = (of_scores(place.score, score, decimals) for score in (before, year))
        return Line(
            rank=NOTHING if place.rank is None else str(place.rank), move=place.moved, unit=own(place.entity),
            score=NOTHING if place.score is None else fixed(place.score, decimals),
            change=change.short if change else "", year=yearly.short if yearly else "",
            level=own(self.standing.level(place)),
            pillars=["" if score is None else fixed(score, 2) for score in place.pillars], note=own(place.note),
            veto=own(self.row(place)["veto"]),
        )  # fmt: skip

    def score(self, index: int | None, entity: str) -> float | None:
        """Return the score of a unit in another period, None where areas have changed in between or it had none."""
        if index is None or self._apart(index, entity):
            return None
        score: float | None = self.totals.get(index, {}).get(entity, {}).get("score")
        return score

    def _apart(self, index: int, entity: str) -> bool:
        """Return whether the area of a unit has changed since a period."""
        labels = self.card.labels if self.card.not_compared else ()
        return any(
            (self.card.labels[label], entity) in self.card.not_compared
            for label in labels
            if self.now is not None and index < label <= self.now
        )

    def change(self, scores: Mapping[str, float], index: int | None) -> Change | None:
        """Return the change of a mean of scores since another period, over the units with both."""
        pairs = [(score, old) for name, score in scores.items() if (old := self.score(index, name)) is not None]
        return of_means(pairs, self.card.decimals)

    def _all_apart(self, index: int) -> frozenset[str]:
        """Return the units whose areas have changed since a period."""
        return frozenset(entity for _, entity in self.card.not_compared if self._apart(index, entity))

    def moved(self, block: Block, sign: int) -> Iterator[Moved]:
        """Yield the units that moved up (1) or down (-1), each with the number of places, the farthest first."""
        moves = [(self.row(place)["rank_change"] or 0, place) for place in block.lines]
        for places, place in sorted(moves, key=lambda pair: -sign * pair[0]):
            if places * sign > 0:
                yield Moved(own(place.entity), abs(places))

    # ---- PILLARS AND INDICATORS ---- #

    def pillar(self, name: str) -> Pillar:
        """Return a top pillar with its indicators."""
        scores = self.values.get(name, ItemValues())
        change, year = (of_means(pairs.get(name, ()), 2) for pairs in self.pairs)
        (best, best_score), (worst, worst_score) = (scores.end(highest=end) for end in (True, False))
        return Pillar(
            title=own(self.system.pillars[name].title or name), weight=own(localized(self.system.weight_words(name))),
            mean="" if scores.mean is None else fixed(scores.mean, 2), change=change, year=year,
            best=owns(best), best_score="" if best_score is None else fixed(best_score, 2),
            worst=owns(worst), worst_score="" if worst_score is None else fixed(worst_score, 2),
            indicators=[self.indicator(item) for item in self._below(name)],
        )  # fmt: skip

    def _below(self, name: str) -> Iterator[str]:
        """Yield the indicators below a pillar, at any depth."""
        for part in self.system.pillars[name].parts:
            if part in self.system.pillars:
                yield from self._below(part)
            else:
                yield part

    def _outside(self) -> list[str]:
        """Return the indicators that stand in no pillar."""
        return [name for name in self.system.indicators if name not in self.system.parents]

    def indicator(self, name: str) -> Indicator:
        """Return an indicator over all units."""
        system, values = self.system, self.values.get(name, ItemValues())
        indicator, unit = system.indicators[name], str(system.unit(name))
        yes_no, higher = unit == "是/否", indicator.direction == "higher"
        change, year = (
            of_values(pairs.get(name, ()), unit, higher=higher, decimals=indicator.decimals) for pairs in self.pairs
        )  # fmt: skip
        best, best_value = ((), None) if yes_no else values.end(highest=higher)
        worst, worst_value = ((), None) if yes_no else values.end(highest=not higher)
        # Means of whole numbers have two decimals.
        mean = "" if values.mean is None else figure(values.mean, self._decimals(name) or indicator.decimals, unit)
        reported = len(values.numbers)
        shown = self._shown(name)
        return Indicator(
            title=own(system.symbols[name].title), unit="" if unit == "1" else own(unit), yes_no=yes_no,
            weight="" if values.weight is None else figure(values.weight), reported=reported, units=values.units,
            mean=f"{values.sum:.0f}/{reported}" if yes_no and reported else spaced(mean, unit),
            change=change, year=year, target=own(self._target(name)),
            reached=values.reached, judged=values.judged, green=values.green, yellow=values.yellow, red=values.red,
            best=owns(best), best_value="" if best_value is None else shown(best_value),
            worst=owns(worst), worst_value="" if worst_value is None else shown(worst_value),
            behind=owns(values.behind),
        )  # fmt: skip

    def _target(self, name: str) -> str:
        """Return the targets of an indicator in words."""
        unit = self.system.unit(name)
        return unbroken(joined(target.words(unit) for target in self.system.targets(name)))

    def _shown(self, name: str) -> Callable[[float], str]:
        """Return how values of an indicator are printed, with their unit."""
        unit, decimals = str(self.system.unit(name)), self._decimals(name)
        if unit == "是/否":
            return lambda value: tr("yes") if value else tr("no")
        return lambda value: own(spaced(fixed(value, decimals), unit))

    def _decimals(self, name: str) -> int:
        """Return the decimals of all values of an indicator, so that those beside each other have the same."""
        values = self.values.get(name, ItemValues())
        return alike_decimals(
            values.smallest, values.largest, whole=values.whole, declared=self.system.indicators[name].decimals,
            unit=str(self.system.unit(name)),
        )  # fmt: skip

    # ---- TARGETS, ADJUSTMENTS, FINDINGS ---- #

    def progress(self) -> list[Progress]:
        """Return the targets of each unit, in the order of the ranking."""
        light = pl.col("light")
        counted = self.present.group_by("entity").agg(
            pl.col("reached").sum(), pl.col("reached").count().alias("judged"),
            *((light == name).sum().alias(name) for name in LIGHTS),
            pl.col("title").filter(light == "red").alias("behind"),
        )  # fmt: skip
        rows = {row["entity"]: row for row in counted.iter_rows(named=True)}
        listed = []
        for line in self.standing.lines:
            row = rows.get(line.entity, {})
            counts = {name: int(row.get(name) or 0) for name in ("reached", "judged", *LIGHTS)}
            listed.append(Progress(unit=own(line.entity), **counts, behind=owns(row.get("behind") or ())))
        return listed if any(item.judged or item.green or item.yellow or item.red for item in listed) else []

    def adjustments(self) -> list[Adjustment]:
        """Return what adds to or is taken from totals by rules of their own."""
        texts = self.card.texts
        kinds = pl.col("kind").is_in(["bonus", "deduction", "floor", "cap", "veto"])
        rows = self.part.adjustments.filter(kinds, period=self.standing.period)
        return [
            Adjustment(
                own(row["entity"]), own(localized(texts.get(row["title"], row["title"]))),
                f"{'+' if row['points'] > 0 else ''}{figure(row['points'])}",
            )
            for row in rows.iter_rows(named=True)
        ]  # fmt: skip

    def finding(self, row: Row) -> Finding:
        """Return a finding."""
        place = " ".join(filter(None, (row["entity"], row["file"], row["column"])))
        severity = str(row["severity"])
        return Finding(localized(SEVERITIES.get(severity, severity)), row["code"], own(place), own(row["message"]))

    @cached_property
    def absent(self) -> dict[str, str]:
        """The titles of measures that no file has, by the message of their finding in the language in use."""
        return {
            localized(message): str(message.fields["title"])
            for message in self.card.texts.values()
            if message.template.startswith("no file has a column or a row for {title}")
        }

    def lacking(self, rows: pl.DataFrame) -> Finding:
        """Return the findings on measures that no file has as one, with their titles alone: readers need no ids."""
        row = rows.row(0, named=True)
        titles = tuple(own(self.absent[text]) for text in rows["message"].unique(maintain_order=True))
        note = Message("no file has a column or a row for {titles}", titles=titles)
        return self.finding({**row, "message": localized(note)})

    def matrices(self) -> tuple[list[Matrix], int]:
        """Return the annex of values, and how many units it leaves out: it has at most `MOST_CELLS` values."""
        entities = [line.entity for line in self.standing.lines]
        names = list(self.system.indicators)
        room = max(MOST_CELLS // max(len(names), 1), 1)
        kept = entities[:room]
        listed = self.present.filter(pl.col("entity").is_in(kept)).select("indicator", "entity", "value", "status")
        cells = {(row["indicator"], row["entity"]): row for row in listed.iter_rows(named=True)}
        heads = [
            (
                own(self.system.symbols[name].title), own(unit_words(str(self.system.unit(name)))),
                own(self._target(name)),
            )
            for name in names
        ]  # fmt: skip
        parts = []
        # As many units in each part as in the others: a single one would have a part of its own.
        beside = math.ceil(len(kept) / max(math.ceil(len(kept) / BESIDE), 1)) or BESIDE
        for start in range(0, len(kept), beside):
            units = kept[start : start + beside]
            rows = [
                Value(*head, [self._cell(name, cells.get((name, entity))) for entity in units])
                for name, head in zip(names, heads, strict=True)
            ]
            parts.append(Matrix(owns(units), rows))
        return parts, len(entities) - len(kept)

    def _cell(self, name: str, row: Row | None) -> str:
        """Return a value without its unit, or why there is none."""
        if row is None or row["value"] is None:
            return NOTHING if row is None else reason(row["status"])
        unit = str(self.system.unit(name))
        if unit == "是/否":
            return tr("yes") if row["value"] else tr("no")
        return fixed(float(row["value"]), self.all_decimals[name])


def _with_shared(ranks: Sequence[int | None], most: int) -> int:
    """Return how many units of an end are named: `most`, and those that share the rank of the last of these.

    >>> _with_shared([1, 2, 3, 3, 5], 3), _with_shared([1, 2], 3), _with_shared([None, None, None, None], 3)
    (4, 2, 3)
    """
    number = min(most, len(ranks))
    while 0 < number < len(ranks) and ranks[number] is not None and ranks[number] == ranks[number - 1]:
        number += 1
    return number
