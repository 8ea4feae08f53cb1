"""A scorecard that can be published: without small figures, what protects them, and all that would show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import polars as pl
from msgspec import Struct
from msgspec.structs import replace

from kpi.analysis.disclosure.cells import Cell, Table, tables
from kpi.analysis.disclosure.tau_argus import secondary
from kpi.analysis.disclosure.worlds import Worlds, worlds
from kpi.engine.scorecard import Scorecard
from kpi.engine.withheld import common, is_hidden
from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.language.sensitive import sensitive
from kpi.values.columns import Column
from kpi.values.status import Status, reason

#: The parts of a measure that stay where its figure is suppressed: texts and days.
_HARMLESS = (pl.String, pl.Date, pl.Boolean, Status)


class _Hidden(Struct, frozen=True):
    """What is suppressed of the figures of a table, and the worlds that hide it."""

    table: Table
    cells: frozenset[Cell]
    worlds: Worlds


def protected(card: Scorecard) -> Scorecard:
    """Return a scorecard of which everything can be published, as `disclosure:` of its system says.

    Its frame has only what is the same in every world (`worlds`), its findings say what was suppressed, and those about
    the units of suppressed figures have no words.

    Raises:
        DataError: K510 where a package is missing, K961 where τ-Argus fails.
    """
    rules = sensitive(card.definition)
    if not rules:
        return card
    hidden = _hidden(tables(card.definition, card.frame, rules))
    if not hidden:
        return card
    frames = _frames(card, hidden)
    disclosure = card.definition.disclosure
    assert disclosure is not None  # noqa: S101
    frame = common(frames, disclosure.keep)
    supply = card.supply
    if supply.restated is not None:
        supply = replace(supply, restated=_unrestated(supply.restated, hidden, card))
    result = replace(card, frame=frame, worlds=frames, supply=supply)
    findings = [*_wordless(card, is_hidden(frame)), *_reports(result, hidden)]
    return replace(result, findings_list=tuple(findings))


def _hidden(every: Sequence[Table]) -> list[_Hidden]:
    """Return what is suppressed in each table that has figures to suppress, period after period."""
    hidden: list[set[Cell]] = [set() for _ in every]
    for place in range(max((len(table.periods) for table in every), default=0)):
        steps = {
            at: table.up_to(place, hidden[at]) for at, table in enumerate(every) if place < len(table.periods)
        }  # fmt: skip
        related = [at for at, step in steps.items() if step.related]
        patterns = dict(zip(related, secondary([steps[at] for at in related]), strict=True))
        for at, step in steps.items():
            pattern = patterns.get(at, frozenset())
            new = every[at].of_period(place)
            # Where no pattern protects, all figures of the period are suppressed; what is narrow then is reported.
            hidden[at] |= (step.ends.keys() & new) | (new if pattern is None else pattern & new)
    return [
        _Hidden(table, frozenset(cells), worlds(table, sorted(cells)))
        for table, cells in zip(every, hidden, strict=True)
    ]


def _frames(card: Scorecard, hidden: Sequence[_Hidden]) -> tuple[pl.DataFrame, ...]:
    """Return the wide frame of each world, the true one first."""
    panel = card.panel
    names = dict.fromkeys(name for item in hidden for _, name in sorted(item.cells))
    frames = [card.plan.collect(panel)]
    for number in range(max(len(item.worlds.values) for item in hidden)):
        columns = {name: panel[name].to_numpy().copy() for name in names}
        for item in hidden:
            values = item.worlds.values
            # A table with fewer worlds has its last one again.
            for (row, name), value in values[min(number, len(values) - 1)].items() if values else ():
                columns[name][row] = value
        series = [
            pl.Series(name, np.asarray(column), dtype=pl.Float64, nan_to_null=True) for name, column in columns.items()
        ]
        frames.append(card.plan.collect(panel.with_columns(series)))
    places: dict[str, list[int]] = {name: [] for name in names}
    for item in hidden:
        for row, name in item.cells:
            places[name].append(row)
    return frames[0], *(_without(frame, places) for frame in frames[1:])


def _without(frame: pl.DataFrame, places: Mapping[str, Iterable[int]]) -> pl.DataFrame:
    """Return a world without the figures that are suppressed and the numbers beside them, such as how many rows."""
    columns = []
    for name, rows in places.items():
        mask = np.zeros(frame.height, dtype=bool)
        mask[list(rows)] = True
        beside = [name, Column(name).rows]
        beside += [part for part in frame.columns if part.startswith(f"{name}.") and part not in beside]
        for part in beside:
            if part in frame.columns and frame.schema[part] not in _HARMLESS:
                nothing = pl.Series(part, [None], dtype=frame.schema[part]).new_from_index(0, frame.height)
                columns.append(frame[part].zip_with(pl.Series(~mask), nothing))
    return frame.with_columns(columns)


def _unrestated(restated: pl.DataFrame, hidden: Sequence[_Hidden], card: Scorecard) -> pl.DataFrame:
    """Return the restated figures without those of measures and units of which a figure is suppressed."""
    names = card.entities["entity"]
    keys = {(names[item.table.places[row][1]], measure) for item in hidden for row, measure in item.cells}
    kept = [(row["entity"], row["measure"]) not in keys for row in restated.iter_rows(named=True)]
    return restated.filter(pl.Series(kept, dtype=pl.Boolean))


# ---- FINDINGS ---- #


def _wordless(card: Scorecard, rows: pl.Series) -> Iterator[Diagnostic]:
    """Yield the findings, those about data of units with suppressed figures without their words."""
    names = card.entities["entity"]
    units = {names[place] for place in card.frame.filter(rows)["entity"].unique().sort()}
    for finding in card.findings_list:
        text = f"{finding.message} {finding.hint or ''}"
        about = finding.place.entity in units or any(name in text for name in units)
        if finding.code[:2] not in ("K6", "K7") or not about:
            yield finding
            continue
        message = Message("a finding about a unit with suppressed figures, whose words are withheld")
        hint = Message("a definition without `disclosure:` shows them to those who may see the figures")
        yield replace(finding, message=message, hint=hint, label=None)


def _reports(card: Scorecard, hidden: Sequence[_Hidden]) -> Iterator[Diagnostic]:
    """Yield what was suppressed, and what is not as well protected as it should be."""
    shown = set(card.labels if card.shown is None else card.shown)
    cells = [(item, cell) for item in hidden for cell in item.cells if item.table.places[cell[0]][0] in shown]
    own = sum(cell in item.table.ends for item, cell in cells)
    further = len(cells) - own
    message = Message(
        "suppressed: {own} figures that are too small or have too few contributors, {further} that would give them "
        "away, and what is computed from them",
        own=own, further=further,
    )  # fmt: skip
    hint = Message("`disclosure:` says which figures are suppressed; `totals` and `keep` what readers know")
    if own:
        yield Diagnostic("K962", message, hint=hint, severity=Severity.INFO)
    names = card.entities["entity"]
    for item in hidden:
        for row, measure in item.worlds.narrow:
            period, entity = item.table.places[row]
            if period not in shown:
                continue
            title = card.definition.symbols[measure].title
            message = Message("`{title}` is suppressed, but can be narrowed by what is published", title=title)
            hint = Message("suppress more: further measures in `of`, a higher `threshold`, or fewer totals")
            place = Place(entity=names[entity], period=card.labels.get(period))
            yield Diagnostic("K963", message, place, hint, Severity.WARNING)
    yield from _kept(card)


def _kept(card: Scorecard) -> Iterator[Diagnostic]:
    """Yield a warning where `keep` has something published that suppressed figures enter."""
    disclosure = card.definition.disclosure
    if disclosure is None or not disclosure.keep:
        return
    strict = common(card.worlds)
    columns = [name for name in ("raw", "rank", "stars") if name in strict.columns]
    number = sum(int((strict[name].is_null() & card.frame[name].is_not_null()).sum()) for name in columns)
    if number:
        message = Message(
            "{number} totals, ranks or levels are published that would be others with other suppressed figures: who "
            "knows the other figures of a unit can narrow its suppressed ones",
            number=number,
        )  # fmt: skip
        yield Diagnostic("K964", message, hint=Message("leave out `keep:`"), severity=Severity.WARNING)


# ---- ANALYSES ---- #


def analysed(card: Scorecard) -> Scorecard:
    """Return the scorecard that analyses may use: of what is published alone, scored again.

    The figures of a unit in a period of which anything is suppressed do not apply in it, so that the unit has no total
    there. What is computed from it shows nothing that is not published. A finding (K965) says so.
    """
    if not card.worlds:
        return card
    rows = is_hidden(card.frame)
    panel = replace(card, frame=card.worlds[0]).panel
    gone = pl.Series("#gone", rows)
    columns = []
    for name, measure in card.definition.measures.items():
        if measure.per is None and name in panel.columns:
            columns.append(pl.when(~gone).then(pl.col(name)).alias(name))
            status = Column(name).status
            columns.append(pl.when(gone).then(reason("not_applicable")).otherwise(pl.col(status)).alias(status))
    frame = card.plan.collect(panel.with_columns(columns))
    shown = list(card.labels if card.shown is None else card.shown)
    number = card.frame.filter(rows & card.frame["period"].is_in(shown)).height
    message = Message(
        "{number} units with suppressed figures or results are left out of the analysis, counted in each period",
        number=number,
    )
    finding = Diagnostic("K965", message, severity=Severity.INFO)
    return replace(card, frame=frame, worlds=(), findings_list=(*card.findings_list, finding), intervals=None)


def refuse_hidden(card: Scorecard, index: int, entity: int) -> None:
    """Raise DataError K966 for a unit in a period in which anything of it is suppressed."""
    if not card.worlds:
        return
    here = card.frame.filter((pl.col("period") == index) & (pl.col("entity") == entity))
    if is_hidden(here).any():
        name = card.entities["entity"][entity]
        message = Message("figures or results of `{name}` are suppressed, and another score would show them", name=name)
        raise DataError(Diagnostic("K966", message, hint=Message("ask for a unit without suppressed figures")))


def refuse_compared(card: Scorecard, left: Scorecard, label: str, unit: str, *, by_place: bool) -> None:
    """Raise DataError K966 where what a unit has depends on units of which anything is suppressed.

    Args:
        card: as scored.
        left: what `analysed` leaves of it.
        label: of the period.
        unit: its name.
        by_place: whether a place, or a level given by places, is asked for.
    """
    if left is card:
        return
    columns = ("score", "stars")
    before, after = (item.totals.filter(period=label, entity=unit).select(columns).rows() for item in (card, left))
    alone = left.totals.filter(period=label)["score"].count() == card.totals.filter(period=label)["score"].count()
    if before == after and (alone or not by_place):
        return
    message = Message(
        "the standing of `{name}` depends on units with suppressed figures, and another one would show them", name=unit
    )
    hint = Message("ask for a level with fixed cuts where scores do not depend on other units")
    raise DataError(Diagnostic("K966", message, hint=hint))
