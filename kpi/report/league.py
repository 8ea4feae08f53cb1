"""The league table as data: the standing of the entities of one period by cohort, for any medium."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.engine import limits_of_levels
from kpi.engine.scorecard import PROBABILITY
from kpi.errors import DataError, Diagnostic, Message, suggest
from kpi.language.indicators.derived import window
from kpi.report.language import joined, listed, tr
from kpi.report.marks import level, movement, number, reason
from kpi.report.shape import WITHIN, Results

#: How many ratings in doubt the remarks on a unit name.
MOST_RATINGS = 3


class Line(Struct, frozen=True):
    """One entity of a league table; `pillars` has its scores in the order of `League.pillars`.

    `places` are its places by headlines beside the total, None for other pillars. `further` are the former place and
    the places in further rankings, then intervals, in the order of `League.further`.
    Where results show marks, `pillars` are marks and `full_marks` those that can be had.

    `moved` is the change of rank (▲2, ▼1, –), 新 for an entity that is ranked now and was not in the previous period;
    it is empty without a previous period. `note` has the vetoes and the reason for a missing score.
    """

    entity: str
    rank: int | None
    moved: str
    score: float | None
    change: float | None
    stars: float | None
    grade: str | None
    coverage: float | None
    pillars: tuple[float | None, ...]
    note: str
    full_marks: tuple[float | None, ...] = ()
    places: tuple[int | float | None, ...] = ()
    further: tuple[str, ...] = ()


class Block(Struct, frozen=True):
    """The entities that are ranked together, the best first, those without a score last."""

    cohort: str | None
    lines: tuple[Line, ...]

    @property
    def rated(self) -> int:
        """The number of entities with a score."""
        return sum(line.score is not None for line in self.lines)


class League(Struct, frozen=True, dict=True):
    """The standing of one period; `pillars` are the titles of the top pillars, `further` headings of further places.

    The last `intervals` of `further` are the intervals of place and score and the probabilities of levels.
    `against` is the window that changes are against, None for the period before.
    """

    period: str | None
    blocks: tuple[Block, ...]
    pillars: tuple[str, ...]
    further: tuple[str, ...] = ()
    against: str | None = None
    intervals: int = 0

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The lines of all blocks."""
        return tuple(line for block in self.blocks for line in block.lines)

    @cached_property
    def rated(self) -> bool:
        """Whether any entity has a level; without a star scheme none has."""
        return any(line.stars is not None for line in self.lines)

    @cached_property
    def named(self) -> bool:
        """Whether levels have names, which replace stars."""
        return any(line.grade is not None for line in self.lines)

    def pillar(self, line: Line, position: int, decimals: int) -> str:
        """Return the score of a pillar, with full marks where these differ by class, and the place of a headline."""
        shown = number(line.pillars[position], decimals)
        full = line.full_marks[position] if line.full_marks else None
        if shown and full is not None and self.same_marks(position) is None:
            shown = tr("{marks} of {full:g}", marks=shown, full=full)
        place = line.places[position] if position < len(line.places) else None
        return shown if place is None else tr("{score} (place {place:g})", score=shown, place=place)

    def same_marks(self, position: int) -> float | None:
        """Return the full marks of a pillar, None where results show percent or they differ by class."""
        return self._same_marks[position]

    @cached_property
    def _same_marks(self) -> tuple[float | None, ...]:
        """The full marks of each pillar that are the same for all."""
        every = [{line.full_marks[at] for line in self.lines if line.full_marks} for at in range(len(self.pillars))]
        return tuple(next(iter(marks)) if len(marks) == 1 else None for marks in every)

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings of the pillars: their titles, with the full marks where results show marks."""
        return tuple(
            title if (full := self.same_marks(at)) is None else tr("{title} ({full:g} marks)", title=title, full=full)
            for at, title in enumerate(self.pillars)
        )

    @property
    def base(self) -> Message:
        """What moves and changes are against, in words."""
        if self.against is None:
            return Message("moves and changes against the previous period")
        return Message("moves and changes: {window}", window=window(self.against))

    @property
    def level_heading(self) -> str:
        """The heading of the levels."""
        return tr("Grade") if self.named else tr("Stars")

    def level(self, line: Line) -> str:
        """Return the level of a line for display."""
        return level(line.stars, line.grade, named=self.named)

    def heading(self, block: Block) -> str | None:
        """Return the name of a block, None for a single block without a name."""
        if block.cohort is None and len(self.blocks) == 1:
            return None
        return tr("{cohort}, {lines}", cohort=block.cohort or tr("No cohort"), lines=len(block.lines))


def league(scorecard: Results, /, *, period: str | None = None) -> League:
    """Return the league table of a period, by default the latest.

    Cohorts come in the order of the totals; within one the order is by rank, equal ranks and entities without a score
    in the order of the totals. A scorecard without totals gives a league without blocks.

    Raises:
        DataError: K531, the scorecard has no such period.

    """
    label = period if period is not None else next(iter(reversed(scorecard.periods)), None)
    if period is not None and period not in scorecard.periods:
        raise DataError(_unknown(period, scorecard))
    if label is None:
        return League(None, (), ())
    listed = scorecard.totals.filter(period=label)
    scores = _top(scorecard.pillars).filter(period=label)
    titles: dict[str, str] = dict(scores.select("pillar", "title").unique(maintain_order=True).iter_rows())
    in_marks = "marks" in scores.columns
    shown = pl.coalesce("marks", "score") if in_marks else pl.col("score")
    full = pl.col("full_marks") if in_marks else pl.lit(None, dtype=pl.Float64)
    marks = {
        (entity, pillar): (score, most)
        for entity, pillar, score, most in scores.select("entity", "pillar", shown.alias("#"), full.alias("#of")).rows()
    }
    places = _headline_places(scorecard, label)
    columns, against = _further_places(scorecard, label)
    spans = interval_texts(scorecard, listed)
    columns |= spans
    compared = listed["rank_change"].count() > 0
    alike = not_distinguishable(scorecard, label)
    doubtful = {entity: ratings_in_words(ratings) for entity, ratings in ratings_in_doubt(scorecard, label).items()}
    blocks: dict[str | None, list[Line]] = {}
    for cohort in listed["cohort"].unique(maintain_order=True):
        blocks[cohort] = []
    broken: Collection[tuple[str, str]] = getattr(scorecard, "not_compared", frozenset())
    # Where there are only headlines, no total is missing.
    beside = bool(places) and (listed["status"] == "not_scored").all()
    for row in listed.sort("rank", nulls_last=True, maintain_order=True).iter_rows(named=True):
        of_tops = [marks.get((row["entity"], pillar), (None, None)) for pillar in titles]
        line = _line(row, compared, tuple(score for score, _ in of_tops), apart=(label, row["entity"]) in broken,
                     beside=beside)  # fmt: skip
        more = tuple(texts.get(row["entity"], "") for texts in columns.values())
        remarks = [line.note, alike.get(line.entity, ""), *doubtful.get(line.entity, ())]
        line = replace(line, note=joined(filter(None, remarks)))
        line = replace(line, places=tuple(places.get((row["entity"], pillar)) for pillar in titles), further=more)
        if in_marks:
            line = replace(line, full_marks=tuple(most for _, most in of_tops))
        blocks[row["cohort"]].append(line)
    standing = tuple(Block(key, tuple(lines)) for key, lines in blocks.items())
    return League(label, standing, tuple(titles.values()), tuple(columns), against, len(spans))


def _line(
    row: dict[str, Any], compared: bool, pillars: tuple[float | None, ...], *, apart: bool = False,
    beside: bool = False,
) -> Line:  # fmt: skip
    new = compared and not apart and row["rank"] is not None and row["rank_change"] is None
    notes = []
    if apart:
        notes.append(tr("not compared with the period before: areas changed"))
    if row["score"] is None and not beside:
        withheld = row["status"] == "suppressed"
        status = reason(row["status"])
        notes.append(tr("Total: {status}", status=status) if withheld else tr("Not rated: {status}", status=status))
    if row["veto"]:
        notes.append(tr("Veto: {veto}", veto=row["veto"]))
    return Line(
        entity=row["entity"],
        rank=row["rank"],
        moved=tr("new") if new else movement(row["rank_change"]),
        score=row["score"],
        change=row["score_change"],
        stars=row["stars"],
        grade=row["grade"],
        coverage=row["coverage"],
        pillars=pillars,
        note=joined(notes),
    )


def not_distinguishable(scorecard: Results, label: str) -> dict[str, str]:
    """Return by entity that its stars may be others by chance, where they may; empty without confidence limits."""
    frame: pl.DataFrame | None = getattr(scorecard, "extras", {}).get("alike")
    if frame is None:
        return {}
    names = _level_names(scorecard) or _level_names_of(frame)
    rows = frame.filter(period=label).select("entity", "stars", "stars_low", "stars_high").iter_rows()
    texts = {entity: doubt(own, low, high, names) for entity, own, low, high in rows}
    return {entity: text for entity, text in texts.items() if text}


def ratings_in_doubt(scorecard: Results, label: str) -> dict[str, list[tuple[str, str]]]:
    """Return by entity the titles of indicators whose rating their limits leave open, each with what it may be.

    A rating is the level that a total of the score of the indicator would have. Without limits it is empty.
    """
    ratings: dict[str, list[tuple[str, str]]] = {}
    for entity, _, title, text in each_rating_in_doubt(scorecard, label):
        ratings.setdefault(entity, []).append((title, text))
    return ratings


def each_rating_in_doubt(scorecard: Results, label: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield of each rating that its limits leave open the entity, the indicator, its title and what it may be."""
    definition = getattr(scorecard, "definition", None)
    if definition is not None and not limits_of_levels.rated(definition):
        return
    frame = scorecard.indicators
    if "stars_low" not in frame.columns:
        return
    names, own = _level_names(scorecard), pl.col("stars")
    open_ones = frame.filter((pl.col("stars_low") < own) | (pl.col("stars_high") > own), period=label)
    columns = ("entity", "indicator", "title", "stars", "stars_low", "stars_high")
    for entity, indicator, title, stars, low, high in open_ones.select(columns).iter_rows():
        yield entity, indicator, title, doubt(stars, low, high, names)


def ratings_in_words(ratings: Sequence[tuple[str, str]], most: int = MOST_RATINGS) -> list[str]:
    """Return ratings in doubt of a unit as remarks, those beyond `most` as their number."""
    texts = [tr("{title} {text}", title=title, text=text) for title, text in ratings[:most]]
    if (more := len(ratings) - most) > 0:
        texts.append(tr("ratings of {more} more indicators not distinguishable from others", more=more))
    return texts


def doubt(own: float | None, low: float | None, high: float | None, names: Mapping[int, str]) -> str:
    """Return from which other levels a level is not distinguishable, empty where it is certain.

    >>> doubt(4, 3, 4, {}), doubt(4, 3, 5, {5: "A", 4: "B", 3: "C"}), doubt(4, 4, 4, {})
    ('not distinguishable from ★★★☆☆', 'not distinguishable from C to A', '')
    """
    if own is None:
        return ""
    ends = [level(end, names.get(int(end)), named=bool(names)) for end in (low, high) if end is not None and end != own]
    if len(ends) == 2:
        return tr("not distinguishable from {first} to {last}", first=ends[0], last=ends[1])
    return tr("not distinguishable from {level}", level=ends[0]) if ends else ""


def _level_names(scorecard: Results) -> Mapping[int, str]:
    """Return the names of the levels of the system; none for stars, or for results that were read from files."""
    definition = getattr(scorecard, "definition", None)
    return {} if definition is None or definition.stars is None else definition.stars.names


def _level_names_of(frame: pl.DataFrame) -> Mapping[int, str]:
    """Return the names of the levels that occur in `alike`."""
    pairs = [frame.select(f"stars{end}", f"grade{end}").drop_nulls().iter_rows() for end in ("", "_low", "_high")]
    return {int(number): name for rows in pairs for number, name in rows}


def _headline_places(scorecard: Results, label: str) -> dict[tuple[str, str], int | float]:
    """Return the places by entity and headline; none for results without headlines."""
    frame: pl.DataFrame | None = getattr(scorecard, "extras", {}).get("headlines")
    if frame is None:
        return {}
    rows = frame.filter(period=label).drop_nulls("rank").select("entity", "headline", "rank")
    return {(entity, headline): rank for entity, headline, rank in rows.iter_rows()}


def _further_places(scorecard: Results, label: str) -> tuple[dict[str, dict[str, str]], str | None]:
    """Return further columns of places by heading, each by entity, and the window that changes are against."""
    frame: pl.DataFrame | None = getattr(scorecard, "extras", {}).get("places")
    if frame is None or not frame.height:
        return {}, None
    rows = frame.filter(period=label)
    against: str | None = frame["against"][0]
    columns: dict[str, dict[str, str]] = {}
    for place, name in enumerate(rows["within"].unique(maintain_order=True)):
        mine = rows.filter(within=name)
        if place == 0:
            if against is not None:
                former = mine.drop_nulls("rank_before").select("entity", "rank_before")
                columns[tr("Former rank")] = {entity: f"{rank:g}" for entity, rank in former.iter_rows()}
            continue
        heading = tr("Rank within {group}", group=WITHIN.get(name, name))
        columns[heading] = {
            row["entity"]: f"{row['rank']:g}/{row['of']}" + _moved(row)
            for row in mine.drop_nulls("rank").iter_rows(named=True)
        }
    return columns, against


def interval_texts(scorecard: Results, totals: pl.DataFrame) -> dict[str, dict[str, str]]:
    """Return the intervals of totals as columns of texts by heading, each by entity; none where there are none."""
    if "rank_low" not in totals.columns:
        return {}
    rows = totals.drop_nulls("score_low") if totals["rank_low"].count() == 0 else totals.drop_nulls("rank_low")
    decimals = scorecard.decimals
    columns = {
        tr("Places (90 %)"): {
            row["entity"]: _span(f"{row['rank_low']:g}", f"{row['rank_high']:g}")
            for row in rows.drop_nulls("rank_low").iter_rows(named=True)
        },
        tr("Scores (90 %)"): {
            row["entity"]: _span(number(row["score_low"], decimals), number(row["score_high"], decimals))
            for row in rows.drop_nulls("score_low").iter_rows(named=True)
        },
    }
    columns = {heading: texts for heading, texts in columns.items() if texts}
    levels = [name for name in rows.columns if name.startswith(PROBABILITY)]
    if levels:
        columns[tr("Probabilities")] = {
            row["entity"]: listed(
                tr("{level}: {percent:.0f} %", level=level_title(scorecard, name), percent=row[name])
                for name in levels if row[name] is not None and row[name] >= 0.5
            )
            for row in rows.iter_rows(named=True)
        }  # fmt: skip
    return columns


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low}–{high}"


def level_title(scorecard: Results, column: str) -> str:
    """Return the level of a column of probabilities: its name, or its number."""
    number_of = float(column.removeprefix(PROBABILITY))
    names = _level_names(scorecard)
    return names.get(int(number_of)) or tr("{stars:g} ★", stars=number_of)


def _moved(row: dict[str, Any]) -> str:
    return "" if row["rank_change"] is None else f" {movement(row['rank_change'])}"


def _top(pillars: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the top pillars: those without a parent if the frame has parents, else all."""
    return pillars.filter(pl.col("parent").is_null()) if "parent" in pillars.columns else pillars


def _unknown(period: str, scorecard: Results) -> Diagnostic:
    known = Message("it has none")
    if scorecard.periods:
        known = Message("it has {periods}", periods=tuple(scorecard.periods))
    near = suggest(period, scorecard.periods)
    return Diagnostic(
        "K531",
        Message("no period `{period}` in the results of {title}", period=period, title=scorecard.title),
        hint=known if near is None else Message("{suggestion} {known}", suggestion=near, known=known),
    )
