"""The findings of checks and vetoes on a scored panel, and the figures in doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import polars as pl
from msgspec import Struct, field

from kpi.analysis.proposals import WHOLE, Suspicions, suspicions
from kpi.engine.check_stages import Rule
from kpi.engine.plan import Plan
from kpi.errors import Diagnostic, Message, Place, Severity, statements
from kpi.intake.grid import Panel
from kpi.language.adjustments import points_of_figures, vetoes
from kpi.language.checks.base import FACTS
from kpi.language.system import System
from kpi.values.columns import Column

#: Explanations by departments, keyed by unit, period and the message of the finding in any language.
Answers = Mapping[tuple[str, str, str], str]
#: Returns the texts of a finding in all languages, since a form is returned in the language it was written in.
Wordings = Callable[[Message], Iterable[str]]


class Judged(Struct):
    """The findings in the order of the checks, with the figures in doubt and the answers used.

    `doubtful` has the measure, entity and period index of each figure in doubt.
    """

    findings: list[Diagnostic] = field(default_factory=list)
    doubtful: set[tuple[str, int, int]] = field(default_factory=set)
    used: set[tuple[str, str, str]] = field(default_factory=set)


def with_answer(finding: Message, answer: str) -> Message:
    """Return the message of a finding with the explanation given by the department."""
    return Message("{finding}; explanation: {answer}", finding=finding, answer=answer)


def judged(
    plan: Plan,
    frame: pl.DataFrame,
    panel: Panel,
    labels: Mapping[int, str],
    answers: Answers | None = None,
    *,
    wordings: Wordings = lambda message: (str(message),),
    suspecting: bool = True,
) -> Judged:
    """Return the findings of checks and vetoes.

    A figure is in doubt if an error refers to it, or a query without an answer: neither a note on one of its figures
    nor an explanation of the finding.

    Args:
        plan: the plan that was run.
        frame: its result.
        panel: the source of the names of entities and of the notes on figures.
        labels: the labels of the period indices.
        answers: the explanations of findings.
        wordings: returns the texts of a finding by which an answer may name it, one for each language.
        suspecting: whether findings say what is probably wrong with the figures as reported.
    """
    result = Judged([*unjudgeable(plan.system, lambda column: frame[column].null_count() < frame.height)])
    suspected = suspicions(plan, frame, panel) if suspecting else Suspicions()
    for rule in plan.rules:
        if not frame[rule.broken].any():
            continue
        _add_findings(
            rule, frame, panel, labels, answers=answers or {}, wordings=wordings, result=result, suspected=suspected
        )
    result.findings += _unjudged(plan, frame, panel, labels)
    return result


def unjudgeable(system: System, holds: Callable[[str], bool]) -> Iterator[Diagnostic]:
    """Yield a finding for each check for which the data have no usable figures at all.

    Args:
        system: the system with the checks.
        holds: returns whether a column of the panel has any value.
    """
    for name, check in system.checks.items():
        needs = [
            (fact, measure) for fact, measure in check.facts(system.symbols) if fact == "reported" or fact not in FACTS
        ]
        if needs and not any(holds(Column(measure).fact(fact)) for fact, measure in needs):
            title, fact = check.title or name, needs[0][0]
            message = Message("{check}: the data have no figures of {unit} to check against", check=title, unit=fact)
            if fact == "reported":
                message = Message("{check}: the data have no dates of reporting to check", check=title)
            yield Diagnostic("K704", message, severity=Severity.WARNING)


def _add_findings(
    rule: Rule,
    frame: pl.DataFrame,
    panel: Panel,
    labels: Mapping[int, str],
    *,
    answers: Answers,
    wordings: Wordings,
    result: Judged,
    suspected: Suspicions,
) -> None:
    """Add a finding for each violation of a rule; a query with an answer is added as information."""
    check, breach = rule.check, rule.breach
    rows = frame.lazy().filter(pl.col(rule.broken))
    if breach.aggregate_unit is not None:
        rows = rows.unique("period", keep="first", maintain_order=True)
    details = pl.lit(None) if breach.details is None else pl.col(rule.details)
    places = rows.select("entity", "period", details.alias("details")).collect(engine="in-memory").rows()
    for entity, period, more in places:
        entity_name = panel.entities.names[entity] if breach.aggregate_unit is None else breach.aggregate_unit
        place = Place(entity=entity_name, period=labels[period])
        message = Message("{check}: {rule}", check=check.title or rule.name, rule=breach.description(more))
        notes = dict.fromkeys(panel.notes.get((measure, entity, period), "") for measure in breach.names)
        keys = [(entity_name, labels[period], text) for text in wordings(message.cleaned())] if answers else []
        keys = [key for key in keys if key in answers]
        result.used.update(keys)
        answer = statements(filter(None, (*notes, *(answers[key] for key in keys))))
        if answer:
            message = with_answer(message, answer)
        answered = answer and check.severity == "query"
        severity = Severity.INFO if answered else Severity(check.severity)
        suspect = entity if breach.aggregate_unit is None else WHOLE
        hint = None if answered else suspected.of((period, suspect), rule)
        result.findings.append(Diagnostic("K703" if answered else "K701", message, place, hint, severity))
        if severity in {Severity.ERROR, Severity.QUERY} and breach.aggregate_unit is None:
            result.doubtful.update((measure, entity, period) for measure in breach.names)


def _unjudged(plan: Plan, frame: pl.DataFrame, panel: Panel, labels: Mapping[int, str]) -> Iterator[Diagnostic]:
    """Yield a finding for each adjustment of a unit that cannot be judged because a figure is missing."""
    for name, veto in vetoes(plan.system.adjustments).items():
        for entity, period in _where(frame, Column(name).unjudged):
            place = Place(entity=panel.entities.names[entity], period=labels[period])
            message = Message("the veto {veto} cannot be judged: a figure is missing", veto=veto.title or name)
            yield Diagnostic("K702", message, place, None, Severity.INFO)
    for name, points in points_of_figures(plan.system.adjustments).items():
        for entity, period in _where(frame, Column(name).unjudged):
            place = Place(entity=panel.entities.names[entity], period=labels[period])
            title = points.title or name
            message = Message("{adjustment} is not judged, as figures are missing: no points", adjustment=title)
            yield Diagnostic("K702", message, place, None, Severity.INFO)


def _where(frame: pl.DataFrame, condition: str) -> list[tuple[int, int]]:
    """Return the entity and period of the rows in which a column is true: seldom any, and a look at one is quick."""
    return frame.filter(pl.col(condition)).select("entity", "period").rows() if frame[condition].any() else []
