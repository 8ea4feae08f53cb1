"""A draft: the surveys of all tables, put together as one definition that has not been tried yet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from kpi.drafting.names import name_of
from kpi.drafting.ratios import Ratio, ratios
from kpi.drafting.survey import UNNAMED, Figure, Guess, Survey, is_description, of_units
from kpi.drafting.survey import survey as survey_of
from kpi.drafting.timeline_guess import timeline_of
from kpi.errors import Message
from kpi.intake.aggregate_rows import is_aggregate
from kpi.intake.files.headers import clean
from kpi.intake.files.table import Table
from kpi.intake.shapes.labels import period_in, period_inside, stem
from kpi.language.loading.contrary_names import less_is_better
from kpi.values import period_texts, periods, units
from kpi.values.patterns import regex
from kpi.values.periods import Grain, Period
from kpi.values.timelines import MONTHS, WEEKS, Timeline

#: A column of words with more texts than this is no category.
_CATEGORIES = 8
#: How many columns of categories are suggested.
_COLUMNS = 4
#: Texts of periods that run from the first month or quarter.
_RANGE = regex(r"\d月?[-—~至到]\d{1,2}月|前[一二三1-3]")
_WEEK = regex(r"W\d|周", re.IGNORECASE)
_RANKED = regex(r"(排名|名次|位次|rank)$", re.IGNORECASE)


class Measure(Struct, frozen=True):
    """A measure of the draft: the keys of its definition, and which of them were guessed."""

    name: str
    keys: Mapping[str, Any]
    guessed: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The heading."""
        return str(self.keys.get("title", self.name))


class Suggestion(Struct, frozen=True):
    """Lines of a definition that are written as comments."""

    section: str
    name: str
    keys: Mapping[str, Any]


class Draft(Struct, frozen=True):
    """A definition that scores some tables.

    Attributes:
        id: of the system.
        title: of the system.
        period: the grain that is scored.
        entities: what the units are called.
        measures: the figures.
        lower: the figures of which less is better.
        datasets: how tables lie, where that has to be said; `declared` the same in full.
        suggestions: ratios, counts and shares that headings suggest.
        guesses: what was guessed.
        keep: units whose names read like totals.
        alone: whether there is one unit only, which is compared with itself over time.
        roster: the file of the units, None without one.
    """

    id: str
    title: str
    period: Grain
    entities: str
    measures: Sequence[Measure]
    lower: frozenset[str] = frozenset()
    datasets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    declared: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    suggestions: Sequence[Suggestion] = ()
    guesses: Sequence[Guess] = ()
    keep: Sequence[str] = ()
    alone: bool = False
    roster: str | None = None


def drafted(tables: Sequence[Table], year: int, name: str | None = None) -> tuple[Draft | None, list[Table]]:
    """Return the draft of a definition for some tables, and the tables without figures and events.

    Args:
        tables: as they were read.
        year: the period of figures of which nothing says any.
        name: the id of the system; left out: the name of the first file.
    """
    surveys, empty = [], []
    timeline = timeline_of(tables)
    for table in tables:
        survey = survey_of(table, year, timeline)
        if survey is None:
            empty.append(table)
        else:
            surveys.append(survey)
    # A sheet that describes the figures of another one has dates, too, but is no table of events.
    files = {survey.table.file for survey in surveys if survey.form != "records"}
    aside = [
        survey
        for survey in surveys
        if survey.form == "records" and survey.table.file in files and is_description(survey.table)
    ]
    empty += [survey.table for survey in aside]
    surveys = [survey for survey in surveys if survey not in aside]
    if not surveys:
        return None, empty
    return _together(of_units(surveys), name, timeline), empty


def _together(surveys: Sequence[Survey], name: str | None, timeline: Timeline) -> Draft:
    texts, forms = [text for survey in surveys for text in survey.spans], [survey.form for survey in surveys]
    grain, notes, running = grain_of(texts, forms, timeline)
    if timeline.shifted:
        month = str(timeline.year_starts)
        notes = [
            *notes,
            Message("years begin with month {month} (`year_starts: {month}`), as no file says", month=month),
        ]
    guesses = [Guess(note) for note in notes]
    for survey in surveys:
        for guess in survey.guesses:
            if guess not in guesses:
                guesses.append(guess)
    measures, suggestions, lower = _measures(surveys, running=running)
    datasets, declared = _datasets(surveys)
    headings = (survey.entity for survey in surveys if survey.entity is not None and not survey.several)
    named = next((heading for heading in headings if not UNNAMED.fullmatch(heading)), None)
    units = list(dict.fromkeys(text for survey in surveys for text in survey.units))
    keep = units if units and all(map(is_aggregate, units)) else []
    if keep:
        guesses.append(
            Guess(
                Message("{units} are units although they read like totals, as there are no others", units=tuple(keep))
            )
        )
    titles = surveys[0].table.titles
    first = stem(surveys[0].table.file)
    identity = name or re.sub(r"[^\w.-]+", "_", first).strip("_.") or "drafted"
    unknown = [measure.title for measure in measures if "unit" in measure.guessed]
    if unknown:
        words = tuple(f"`{title}`" for title in unknown)
        guesses.append(Guess(Message("units that no heading says: {measures}", measures=words)))
    return Draft(
        identity if not identity[0].isdigit() or name else f"s{identity}", clean(titles[0]) if titles else first, grain,
        named or "单位", measures, lower, datasets, declared, suggestions, guesses, tuple(keep),
    )  # fmt: skip


def grain_of(
    texts: Sequence[str], forms: Sequence[str] = (), timeline: Timeline = MONTHS
) -> tuple[Grain, list[Message], bool]:
    """Return the grain that periods are scored by, what was guessed for it, and whether figures run from January.

    The grain of all periods where they have one; of several the coarsest, so that every figure has one. Days are of
    months, and events of months or, over more than two years, of years.

    >>> grain_of(["2023Q1", "2023Q2"])[0].length.value, grain_of(["2022", "2022-12"])[0].length.value
    ('quarter', 'year')
    >>> grain_of(["2023年1-3月", "2023年1-6月"])[::2]
    (Grain(length=<Length.QUARTER: 'quarter'>, timeline=...), True)
    """
    if timeline.weeks or (texts and all(map(_is_week, texts))):
        return Grain.WEEK, [], False
    spans: list[Period] = []
    for text in dict.fromkeys(texts):
        try:
            known = period_in(clean(text), timeline=timeline) or period_inside(text, timeline)
            spans.append(period_texts.parse(known or text, timeline=timeline))
        except periods.PeriodError:
            continue
    if spans and set(forms) == {"records"}:
        months = max(span.end for span in spans) - min(span.start for span in spans) + 1
        grain = Grain.of("month" if months <= 24 else "year", timeline)
        return grain, [Message("events are counted by the {grain}", grain=grain.title)], False
    lengths = {span.months for span in spans}
    ranges = any(span.grain is None for span in spans) or any(map(_RANGE.search, texts))
    if ranges and spans and all(span.start % 12 == 0 for span in spans):
        grain = Grain.of("quarter" if all(months % 3 == 0 for months in lengths) else "month", timeline)
        return grain, [Message("figures run from January, as their periods do (`over_time: ytd`)")], True
    grains = sorted({span.grain for span in spans if span.grain is not None}, key=lambda grain: grain.months)
    if not grains:
        return Grain.of("year", timeline), [Message("the period is a year")], False
    if len(grains) > 1:
        names = tuple(span.title for span in grains)
        message = Message(
            "the {grain} is scored, as there are figures of {grains}", grain=grains[-1].title, grains=names
        )
        return grains[-1], [message], False
    return grains[0], [], False


def _is_week(text: str) -> bool:
    """Return whether a text names a week; a day, which lies in one, does not."""
    try:
        return _WEEK.search(text) is not None and period_texts.parse(clean(text), timeline=WEEKS).months == 1
    except periods.PeriodError:
        return False


# ---- MEASURES ---- #


def _measures(surveys: Sequence[Survey], *, running: bool) -> tuple[list[Measure], list[Suggestion], frozenset[str]]:
    """Return the measures, what is suggested beside them, and those of which less is better."""
    measures: dict[str, Measure] = {}
    taken: list[str] = []
    suggestions: list[Suggestion] = []
    titles: dict[str, str] = {}
    lower = set()
    events = [survey for survey in surveys if survey.form == "records"]
    for survey in surveys:
        if survey.form == "records":
            own, more = _of_events(survey, taken, f"events_{events.index(survey) + 1}" if len(events) > 1 else "events")
            for measure in own:
                taken.append(measure.name)
                measures[measure.name] = measure
            suggestions += more
            continue
        for figure in survey.figures:
            key = clean(figure.title).casefold()
            if key in titles:
                known = measures[titles[key]]
                if "unit" in known.guessed and not figure.guessed:
                    measures[known.name] = Measure(known.name, {**known.keys, "unit": figure.unit})
                continue
            measure = _reported(figure, taken, survey.where, running=running)
            taken.append(measure.name)
            titles[key] = measure.name
            measures[measure.name] = measure
            if _RANKED.search(figure.title) or less_is_better(figure.title):
                lower.add(measure.name)
    reported = {
        measure.name: (measure.title, str(measure.keys["unit"]))
        for measure in measures.values()
        if "kind" not in measure.keys
    }
    suggestions += [
        _ratio(ratio, reported, [*taken, *(more.name for more in suggestions)]) for ratio in ratios(reported)
    ]
    return list(measures.values()), suggestions, frozenset(lower)


def _reported(figure: Figure, taken: Sequence[str], where: str | None, *, running: bool) -> Measure:
    name = name_of(figure.title, taken)
    # A title that calls its figures running totals says so to the reader, too.
    keys: dict[str, Any] = {"title": figure.title} if figure.title != name or figure.running else {}
    keys["unit"] = figure.unit
    if running or figure.running:
        keys["over_time"] = "ytd"
    if where is not None:
        keys["where"] = where
    return Measure(name, keys, ("unit",) if figure.guessed else ())


def _ratio(ratio: Ratio, figures: Mapping[str, tuple[str, str]], taken: Sequence[str]) -> Suggestion:
    above, below = figures[ratio.numerator][0], figures[ratio.denominator][0]
    keys: dict[str, Any] = {
        "kind": "ratio",
        "title": f"{above}÷{below}",
        "numerator": ratio.numerator,
        "denominator": ratio.denominator,
    }
    if ratio.unit is not None:
        keys["unit"] = ratio.unit
    return Suggestion("indicators", name_of(f"{ratio.numerator}_{ratio.denominator}_ratio", taken), keys)


def _of_events(survey_of_events: Survey, taken: Sequence[str], dataset: str) -> tuple[list[Measure], list[Suggestion]]:
    """Return the number of events and the sums of their figures, and the counts, shares and times that they suggest."""
    used = list(taken)

    def named(text: str) -> str:
        used.append(name_of(text, used))
        return used[-1]

    chinese = not survey_of_events.table.columns[0].isascii()
    number = named("件数" if chinese else "events")
    measures = [Measure(number, {"kind": "count", "title": number, "unit": "件", "from": dataset}, ("unit",))]
    suggestions = []
    for figure in survey_of_events.figures:
        keys = {"kind": "sum", "title": figure.title, "unit": figure.unit, "from": dataset, "of": figure.title}
        if re.search(r"\s[-+*/]\s", figure.title):
            # The text would be an expression.
            keys["of"] = f'"{figure.title}"'
        name = named(figure.title)
        if not figure.guessed and units.summable(units.parse(figure.unit)):
            measures.append(Measure(name, keys))
        else:
            # Nothing says that a grade or a time may be added up.
            suggestions.append(Suggestion("measures", name, {**keys, "kind": "mean"}))
            suggestions.append(Suggestion("indicators", named(f"{name}_level"), {"kind": "level", "of": name}))
    key = survey_of_events.declared.get("key")
    categories = [
        column for header, column in survey_of_events.columns.items()
        if header not in (key, survey_of_events.entity) and column.is_words and 1 < len(column.distinct) <= _CATEGORIES
        and len(column.cells) > 2 * len(column.distinct)
    ]  # fmt: skip
    for column in categories[:_COLUMNS]:
        shown = column.header if re.fullmatch(r"[^\W\d]\w*", column.header) else f'"{column.header}"'
        for text in column.distinct:
            count = named(f"{column.header}_{text}")
            condition = "{} = '{}'".format(shown, text.replace("'", "''"))
            keys = {
                "kind": "count",
                "title": f"{column.header}：{text}",
                "unit": "件",
                "from": dataset,
                "where": condition,
            }
            suggestions.append(Suggestion("measures", count, keys))
            share = {
                "kind": "ratio",
                "title": f"{column.header}：{text}÷{number}",
                "numerator": count,
                "denominator": number,
            }
            suggestions.append(Suggestion("indicators", named(f"{count}_share"), share))
    dates = [header for header, column in survey_of_events.columns.items() if column.is_dates]
    begin = survey_of_events.declared.get("columns", {}).get("period")
    for end in dates:
        if end != begin and begin is not None and all(re.fullmatch(r"[^\W\d]\w*", text) for text in (begin, end)):
            took = named(f"{begin}_{end}")
            keys = {"kind": "mean", "unit": "天", "from": dataset, "of": f"{end} - {begin}"}
            suggestions.append(Suggestion("measures", took, keys))
            suggestions.append(
                Suggestion("indicators", named(f"{took}_level"), {"kind": "level", "of": took, "better": "lower"})
            )
    return measures, suggestions


def _datasets(surveys: Sequence[Survey]) -> tuple[dict[str, Mapping[str, Any]], dict[str, Mapping[str, Any]]]:
    """Return the datasets that have to be said, none where all tables are recognised; and those that say all."""
    plain: dict[str, Mapping[str, Any]] = {}
    full: dict[str, Mapping[str, Any]] = {}
    events = 0
    many = sum(survey.form == "records" for survey in surveys)
    for survey in surveys:
        if survey.form == "records":
            events += 1
            name = f"events_{events}" if many > 1 else "events"
            plain[name] = full[name] = survey.declared
            continue
        for into, wanted in (
            (plain, survey.plain or {"form": survey.form}),
            (full, survey.declared or {"form": survey.form}),
        ):
            if wanted not in into.values():
                into[name_of(survey.form, into)] = wanted
    if all(set(dataset) == {"form"} for dataset in plain.values()):
        plain = {}
    return plain, full
