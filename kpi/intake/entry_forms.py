"""Forms that departments fill in: which figures of which units a system needs for a period, and who reports them.

A form is laid out as a dataset of the system takes it, so that what is filled in is read without another word: a row
for each figure, or a row for each unit with a column for each figure where the system only takes wide files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import polars as pl
from msgspec import Struct, field

from kpi.errors import DataError, Diagnostic, Message, Place, Severity
from kpi.intake.entities import Entities
from kpi.intake.files.headers import clean, role
from kpi.intake.matching.datasets import datasets
from kpi.intake.roster import roster_of
from kpi.language.datasets import Dataset, Records
from kpi.language.measures import Measure
from kpi.language.system import System
from kpi.values.patterns import regex
from kpi.values.periods import Period

By = Literal["nothing", "department", "unit"]

#: The roles of the columns of a form, each with its heading where the dataset names none.
HEADINGS: Mapping[str, Message] = {
    "period": Message("Period"), "entity": Message("Entity"), "code": Message("Code"), "measure": Message("Measure"),
    "value": Message("Value"), "unit": Message("unit_of_measure"), "note": Message("Note"),
    "reported": Message("reported_on"), "scope": Message("scope"),
}  # fmt: skip

_EQUALS = regex(r"\"?([^\"=']+?)\"?\s*=\s*'((?:[^']|'')*)'")


class Item(Struct, frozen=True):
    """A figure of a form.

    Attributes:
        name: of the measure.
        title: what files carry it under.
        unit: the unit it is given in.
        bounds: between which ends it has to be, None for an open one.
        whole: whether it has no decimals.
        fixed: texts of further columns, by which a condition selects the figure.
        department: who reports it, None where the definition does not say.
    """

    name: str
    title: str
    unit: str
    bounds: tuple[float | None, float | None] = (None, None)
    whole: bool = False
    fixed: Mapping[str, str] = field(default_factory=dict)
    department: str | None = None


class Page(Struct, frozen=True):
    """A sheet of a form: some figures of some units."""

    name: str
    items: Sequence[Item]
    units: Sequence[tuple[str, str | None]]


class EntryForm(Struct, frozen=True):
    """A form.

    Attributes:
        title: of the system.
        period: that it is for.
        before: the period of the figures beside, None without any.
        wide: whether each unit has a row and each figure a column.
        headings: by role; without that of the period where it stands above the table.
        pages: its sheets.
        previous: the figures of the period before, by unit and measure.
        findings: the figures that it cannot have.
    """

    title: str
    period: Period
    before: str | None
    wide: bool
    headings: Mapping[str, str]
    pages: Sequence[Page]
    previous: Mapping[tuple[str, str], float] = field(default_factory=dict)
    findings: Sequence[Diagnostic] = ()


def entry_form(
    system: System, period: Period, *, by: By = "nothing", measures: pl.DataFrame | None = None,
    listed: Sequence[tuple[str, str | None]] = (), words: Mapping[str, str] | None = None, other: str = "",
) -> EntryForm:  # fmt: skip
    """Return the form of a system for a period.

    Args:
        system: the system.
        period: that is to be filled in.
        by: a page for each department in charge, for each unit, or one for all.
        measures: figures of before, as those of a scorecard (period, entity, measure, value); None without any.
        listed: the units with their codes, where the system has no roster.
        words: the usual headings by role, in the language of the form; left out: in English.
        other: the name of the page of figures that no department is in charge of.

    Raises:
        DataError: K709 nothing says which units there are; K710 the system has no figures that departments report, or
            no dataset that takes a form.
    """
    dataset = _dataset(system)
    units = _units(system) or list(listed)
    if not units:
        hint = Message(
            "name a roster in the definition, `entities: {{roster: roster.csv}}`, or give figures with --data"
        )
        raise DataError(Diagnostic("K709", Message("nothing says which units fill in the form"), Place(), hint))
    items, findings = _items(system)
    if not items:
        hint = Message("figures that are computed of events need no form: hand in the events")
        raise DataError(Diagnostic("K710", Message("the definition has no figure that is reported"), Place(), hint))
    wide = not dataset.long
    if wide and any(item.fixed for item in items):
        # A column of a key would hold for all figures of a row.
        findings += [_left_out(item.name, item.title) for item in items if item.fixed]
        items = [item for item in items if not item.fixed]
    previous, before = _previous(measures, period)
    return EntryForm(
        system.title or system.system, period, before, wide, _headings(system, dataset, words),
        _pages(items, units, by, other), previous, findings,
    )  # fmt: skip


def _dataset(system: System) -> Dataset:
    """Return the dataset that takes the form: of reported figures where there is one, else of a wide table."""
    usable = [
        item for item in datasets(system).values()
        if not isinstance(item, Records) and item.shape is None and not item.parts_of_period
        and (not item.elsewhere or _dated_above(item))
    ]  # fmt: skip
    result = sorted(usable, key=lambda dataset: (bool(dataset.elsewhere), not dataset.long))
    if not result:
        hint = Message("add one: `datasets: {{form: {{form: reported}}}}`")
        message = Message("no dataset of the definition takes a form, a row for each figure or unit")
        raise DataError(Diagnostic("K710", message, Place(), hint))
    return result[0]


def _dated_above(dataset: Dataset) -> bool:
    """Return whether a dataset takes the period, and no other key, from the lines above a table."""
    return [(role, source.from_) for role, source in dataset.elsewhere.items()] == [("period", "title")]


def _units(system: System) -> list[tuple[str, str | None]]:
    roster = roster_of(system)
    return [] if roster is None else units_of(roster)


def units_of(entities: Entities) -> list[tuple[str, str | None]]:
    """Return the units with their codes, in their order."""
    rows = entities.frame.select("entity", "code").rows()
    return [(str(name), None if code is None else str(code)) for name, code in rows]


def _items(system: System) -> tuple[list[Item], list[Diagnostic]]:
    """Return the figures of a form, and the notes on those that it cannot have."""
    items, findings = [], []
    leads = _departments(system)
    for name, measure in system.measures.items():
        if not measure.reported:
            continue
        title = measure.title or name
        fixed = _fixed(measure)
        if measure.per is not None or fixed is None:
            findings.append(_left_out(name, title))
            continue
        ends = [bounds for check in system.checks.values() if (bounds := check.bounds(name)) is not None]
        low = max((item for item, _ in ends if item is not None), default=None)
        high = min((item for _, item in ends if item is not None), default=None)
        items.append(
            Item(
                name,
                title,
                measure.unit,
                (low, high),
                measure.decimals == 0,
                fixed,
                next(iter(leads.get(name, [])), None),
            )
        )
    return items, findings


def _fixed(measure: Measure) -> dict[str, str] | None:
    """Return the texts of columns that a condition asks for, None where it asks for more than equal texts."""
    if measure.where is None:
        return {}
    parts = re.split(r"\s+AND\s+", measure.where, flags=re.IGNORECASE)
    matches = [_EQUALS.fullmatch(part.strip()) for part in parts]
    results = {match[1].strip(): match[2].replace("''", "'") for match in matches if match is not None}
    return results if len(results) == len(parts) else None


def _left_out(name: str, title: str) -> Diagnostic:
    message = Message(
        "`{title}` (`{name}`) is not in the form: its rows have keys that only who reports it knows",
        title=title,
        name=name,
    )
    hint = Message("hand in a file of its own for it")
    return Diagnostic("K711", message, Place(), hint, Severity.WARNING)


def _departments(system: System) -> dict[str, list[str]]:
    """Return who is in charge of each measure: the `lead`, else who is responsible, of indicators that it enters."""
    results: dict[str, list[str]] = {}
    for name, indicator in system.indicators.items():
        for department in (indicator.lead or indicator.responsible)[:1]:
            for measure in _measures(system, name, set()):
                results.setdefault(measure, []).append(department)
    return results


def _measures(system: System, name: str, seen: set[str]) -> Iterable[str]:
    for _, used in system.indicators[name].inputs():
        if used in system.measures:
            yield used
        elif used in system.indicators and used not in seen:
            seen.add(used)
            yield from _measures(system, used, seen)


def _headings(system: System, dataset: Dataset, words: Mapping[str, str] | None) -> dict[str, str]:
    """Return the headings of the columns by role, as the dataset names them."""
    facts = {fact for check in system.checks.values() for fact, _ in check.facts(system.symbols)}
    results = {}
    for key, usual in HEADINGS.items():
        if (key in ("reported", "scope") and key not in facts) or key in dataset.elsewhere:
            continue
        results[key] = dataset.headers.get(key) or (words or {}).get(key, str(usual))
    title = clean(system.entities.title)
    if "entity" not in dataset.headers and title != "单位" and role(title) in (None, "entity"):
        # The system's own word for its entities heads their column.
        results["entity"] = title
    return results


def _pages(items: Sequence[Item], units: Sequence[tuple[str, str | None]], by: By, other: str) -> list[Page]:
    if by == "unit":
        return [Page(name, items, [(name, code)]) for name, code in units]
    if by == "department":
        departments = dict.fromkeys(item.department for item in items)
        named = [department for department in departments if department is not None] + [
            None for department in departments if department is None
        ]
        return [Page(entry or other, [item for item in items if item.department == entry], units) for entry in named]
    return [Page("", items, units)]


def _previous(measures: pl.DataFrame | None, period: Period) -> tuple[dict[tuple[str, str], float], str | None]:
    """Return the figures of the last period before one, and that period."""
    if measures is None:
        return {}, None
    grain = period.grain
    if grain is None or not period.start:
        return {}, None
    label = Period.of(period.index(grain) - 1, grain).label
    rows = measures.filter(pl.col("period") == label).drop_nulls("value").select("entity", "measure", "value").rows()
    return {(entity, measure): value for entity, measure, value in rows}, label if rows else None
