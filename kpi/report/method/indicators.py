"""The indicators of a system: the tree with weights, marks and targets, the formulas, and details of targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kpi.language.system import ROOT, System
from kpi.language.targets import Target
from kpi.report.language import joined, listed, localized, tr
from kpi.report.method.choices import covers, key_words
from kpi.report.paper.model import SAME, Cell, Column, Paragraph, Section, Table, numeral


def full_marks(system: System) -> dict[str, float]:
    """Return what each part of the tree can give to the total, where weighted means of fixed weights say so.

    `marks = w/Σw · marks of the node`, from the full mark down; nothing below a node with another mean, or with weights
    that are found from data or differ between units.
    """
    marks = {ROOT: system.composite.full}
    for name, node, weights in system.tree:
        numbers = {part: weight for part, weight in weights.items() if isinstance(weight, float | int)}
        if name in marks and node.mean == "arithmetic" and node.weights_method is None and len(numbers) == len(weights):
            whole = sum(numbers.values())
            marks |= {part: marks[name] * weight / whole for part, weight in numbers.items()}
    return marks


def given_weight(system: System, part: str) -> float | None:
    """Return the weight of a part of the tree in its node, None where there is none, or it is no single number."""
    words = system.weight_words(part)
    parent = system.parents.get(part)
    node = system.composite if parent is None else system.pillars[parent]
    if not words or node.weights_method is not None:
        return None
    weight = system.tops[part] if parent is None else system.pillars[parent].parts[part]
    return float(weight) if isinstance(weight, float | int) else None


def indicators_section(system: System) -> Section:
    """Return the tree: a row for each indicator, with the pillars it is in before it."""
    section = Section(tr("Indicators, weights and targets"), tr("Indicators"), wide=True)
    marks = full_marks(system)
    below = list(_leaves(system))
    depth = max((len(above) for above, _ in below), default=0)
    if below:
        heads = [Column(tr("Level {level} indicator", level=numeral(item + 1)), 3) for item in range(depth + 1)]
        heads[-1] = Column(heads[-1].heading, 5)
        facts = _facts(system, [name for _, name in below])
        columns = [
            *heads, Column(tr("Unit"), 1.7, "center"), Column(tr("Weight"), 1.6),
            Column(tr("Full marks"), 1.6, decimals=2),
            *(column for column, _ in facts),
        ]  # fmt: skip
        rows = [
            (*_above(system, below, place, depth), name_of(system, name), str(system.unit(name)),
             _weight(system, name), marks.get(name), *(texts[place] for _, texts in facts))
            for place, (_, name) in enumerate(below)
        ]  # fmt: skip
        section.parts.append(Table(columns, rows).compact())
        section.parts.append(Paragraph(_legend(system, marks), remark=True))
    placed = {name for _, name in below}
    others = [name for name in system.indicators if name not in placed]
    if others:
        facts = _facts(system, others)
        columns = [Column(tr("Indicator"), 5), Column(tr("Unit"), 1.7, "center"), *(column for column, _ in facts)]
        table = [
            (name_of(system, name), str(system.unit(name)), *(texts[place] for _, texts in facts))
            for place, name in enumerate(others)
        ]
        caption = tr("Indicators that no pillar counts") if below else ""
        section.parts.append(Table(columns, table, caption).compact())
    return section


def name_of(system: System, name: str) -> str:
    """Return the title of a measure, an indicator or a pillar, else its name."""
    if name in system.pillars:
        return system.pillars[name].title or name
    return system.symbols[name].title if name in system.symbols else name


def _leaves(system: System) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the indicators of the tree in its order, each with the pillars that it is in, the top one first."""

    def walk(name: str, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
        if name not in system.pillars:
            yield above, name
            return
        for part in system.pillars[name].parts:
            yield from walk(part, (*above, name))

    for top in system.tops:
        yield from walk(top, ())


def _above(system: System, below: Sequence[tuple[tuple[str, ...], str]], place: int, depth: int) -> list[Cell]:
    """Return the cells of the pillars before an indicator, one with those above it where they are the same."""
    own, before = below[place][0], below[place - 1][0] if place else ()
    cells: list[Cell] = []
    for level in range(depth):
        if level >= len(own):
            cells.append("")
        elif own[: level + 1] == before[: level + 1]:
            cells.append(SAME)
        else:
            name, words = own[level], localized(system.weight_words(own[level]))
            title = name_of(system, name)
            cells.append(tr("{title} ({weight})", title=title, weight=words) if words else title)
    return cells


def _weight(system: System, name: str) -> Cell:
    weight = given_weight(system, name)
    return localized(system.weight_words(name)) if weight is None else weight


def _facts(system: System, names: Sequence[str]) -> list[tuple[Column, list[str]]]:
    """Return columns about indicators, each with a text for every name; some may be blank throughout."""
    indicators = [system.indicators[name] for name in names]
    targets = [joined(target.words(system.unit(name)) for target in system.targets(name)) for name in names]
    scoring = [_scoring(system, name) for name in names]
    if set(scoring) <= {tr("general rule"), tr("not scored")}:
        # The rule of all stands in the text.
        scoring = [""] * len(names)
    departments = [
        joined(
            [
                tr("lead: {departments}", departments=indicator.lead) if indicator.lead else "",
                listed(indicator.responsible),
            ]
        )
        for indicator in indicators
    ]
    return [
        (Column(tr("Target"), 4), targets), (Column(tr("Scoring"), 5), scoring),
        (Column(tr("Clause"), 2.2, "center"), [indicator.clause or "" for indicator in indicators]),
        (Column(tr("Departments"), 4), departments),
        (Column(tr("Ours"), 2.2, "center"), [_ours(system, name) for name in names]),
    ]  # fmt: skip


def _scoring(system: System, name: str) -> str:
    rule = system.rule(name)
    if rule is None:
        return tr("not scored")
    return tr("general rule") if system.indicators[name].score in (None, system.scoring) else tr(rule.in_full())


def _ours(system: System, name: str) -> str:
    """Return what of an indicator in the table is ours: its weight, its target, its own rule, or all of it."""
    indicator = system.indicators[name]
    if indicator.ours is True:
        return tr("all of it")
    keys = list(indicator.ours or ())
    if (parent := system.parents.get(name)) is not None and covers(system.pillars[parent], "parts"):
        keys.append("weight")
    if any(target.ours for target in indicator.target):
        keys.append("target")
    if indicator.score is not None and indicator.score.ours:
        keys.append("score")
    return key_words(keys)


def _legend(system: System, marks: dict[str, float]) -> str:
    words = [tr("Weights are those within the pillar.")]
    if len(marks) > 1:
        words.append(
            tr(
                "Full marks are what an indicator gives at most to the total of {full:g}, when every indicator applies "
                "and none is missing; they are rounded.",
                full=system.composite.full,
            )
        )
    return " ".join(words)


# ---- FORMULAS AND TARGETS ---- #


def formulas_section(system: System) -> Section:
    """Return the formula of each indicator, the better direction, and its note."""
    section = Section(tr("How the indicators are computed"), tr("Formulas"), wide=True)
    columns = [
        Column(tr("No."), 0.8, "center"), Column(tr("Indicator"), 3), Column(tr("Formula"), 6),
        Column(tr("Direction"), 1.6, "center"), Column(tr("Note"), 5),
    ]  # fmt: skip
    rows = [
        (
            str(number), name_of(system, name), localized(indicator.words(system.symbols)),
            tr("Higher is better") if indicator.direction == "higher" else tr("Lower is better"), indicator.note or "",
        )
        for number, (name, indicator) in enumerate(system.indicators.items(), start=1)
    ]  # fmt: skip
    section.parts.append(Table(columns, rows).compact())
    return section


def targets_section(system: System) -> Section:
    """Return the targets about which there is more to say than what is in the table of indicators."""
    section = Section(tr("Details of targets"), tr("Targets"), wide=True)
    columns = [Column(tr("Indicator"), 3), Column(tr("Target"), 4), Column(tr("Details"), 5)]
    rows = [
        (name_of(system, name), localized(target.words(system.unit(name))), details)
        for name in system.indicators
        for target in system.targets(name)
        if (details := _details(system, name, target))
    ]
    if rows:
        section.parts.append(Table(columns, rows))
    return section


def _details(system: System, name: str, target: Target) -> str:
    words: list[str] = []
    if (start := target.baseline) is not None:
        unit = system.unit(name)
        value = start.value if isinstance(start.value, str) else f"{start.value:,.10g} {unit}"
        words.append(
            tr("baseline {value}", value=value)
            if start.period is None
            else tr("baseline {value} in {period}", value=value, period=start.period)
        )
    if target.schedule == "even":
        words.append(tr("due in step with the months of the year of the deadline"))
    elif target.schedule == "linear":
        words.append(tr("due in equal steps from the baseline to the deadline"))
    elif target.schedule is not None:
        percents = tuple(f"{percent:g} %" for percent in target.schedule)
        words.append(tr("due in the periods up to the deadline: {percents}", percents=percents))
    if target.tolerance:
        words.append(tr("may be missed by {percent:g} %", percent=target.tolerance))
    if target.per_entity is not None and target.per_entity.total is not None and target.per_entity.file is not None:
        words.append(tr("the targets of the units add up to {total:,.10g}", total=target.per_entity.total))
    if target.inferred:
        words.append(tr("the deadline is inferred, no clause names it"))
    return joined([*words, target.note or ""])
