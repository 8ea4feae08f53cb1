"""The work of worker processes: functions of a context and of plain arguments, which return an answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kpi import session
from kpi.analysis.diff import diff, side
from kpi.analysis.disclosure import analysed
from kpi.analysis.explain import explain as explained
from kpi.analysis.explain import name_of
from kpi.analysis.way_up import way_up
from kpi.analysis.what_if import index_of, new_findings
from kpi.analysis.what_if import what_if as replaced
from kpi.batch.comparison import between
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message, Severity
from kpi.report.difference import DifferenceReport
from kpi.report.language import tr
from kpi.report.method.report import MethodReport
from kpi.report.results import BulletinReport, ScorecardReport
from kpi.report.shape import Report
from kpi.report.tree import ExplanationReport
from kpi.report.way_up import WayUpReport
from kpi.service import representations
from kpi.service.problems import Problem, record
from kpi.service.representations import BY_NAME, HTML, WORD, Page
from kpi.service.response_cache import Answer
from kpi.service.scoring import Systems, Upload, scored
from kpi.service.settings import Settings
from kpi.service.stored import Head, Stored

TABLE_SCHEMA = "kpi.table/1"


class Context:
    """What a worker keeps between requests."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.systems = Systems(settings)
        self.stored = Stored(settings)


class Data(Struct, frozen=True):
    """The data of a request: an upload, or what a run of the store was computed from, with the tag of the system."""

    upload: Upload | None = None
    run: int = 0
    tag: str = ""


def head(context: Context, *, number: int | None = None) -> Head:
    """Return a run of the store, by default the last."""
    return context.stored.head(number)


def systems(context: Context, *, names: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return the definitions that can be read: id, title, period, entities (their collective title)."""
    entries = []
    for name in context.systems.files():
        system = context.systems.draft(name).system if names is None or name in names else None
        if system is not None:
            entries.append({
                "system": name, "title": system.title or name, "period": str(system.period),
                "entities": str(system.entities.title), "indicators": len(system.indicators),
            })  # fmt: skip
    return entries


def definition(context: Context, *, system: str, kind: str) -> Answer:
    """Return the method of a system: its indicators, weights, targets and formulas in words."""
    return Answer(representations.report(MethodReport(context.systems.scorer(system).system), BY_NAME[kind]))


def table(
    context: Context, *, system: str, run: int, tag: str, name: str, periods: Sequence[str],
    where: Mapping[str, Sequence[str]], columns: Sequence[str], page: Page, kind: str, latest: bool = False,
) -> Answer:  # fmt: skip
    """Return a page of a stored table; with `latest` of the last period, if none is named."""
    there = context.stored.published(system, run, tag).periods
    if latest and not periods:
        periods = there[-1:]
    rows = context.stored.table(name, system, run, there=there, periods=periods, where=where, columns=columns)
    shown = rows.slice(page.offset, page.limit)
    about = {
        "schema": TABLE_SCHEMA, "system": system, "table": name, "count": rows.height, "offset": page.offset,
        "limit": page.limit,
    }  # fmt: skip
    return Answer(representations.table(shown, BY_NAME[kind], about), {"X-Total-Count": str(rows.height)})


def score(
    context: Context, *, system: str, data: Data, period: str | None, kind: str, table: str | None, strict: bool
) -> Answer:
    """Score data, and return the scorecard, or one of its tables.

    Raises:
        Problem: 422 with the findings, if `strict` and one of them is an error.
    """
    card = _card(context, system, data, period)
    errors = [finding for finding in card.findings_list if finding.severity is Severity.ERROR]
    if strict and errors:
        raise Problem(422, errors)
    counts = {"X-Rows-Read": str(card.counts["read"]), "X-Rows-Used": str(card.counts["used"])}
    return _of(ScorecardReport(card), card, kind, table, {**counts, "X-Findings": str(len(card.findings_list))})


def explanation(
    context: Context, *, system: str, data: Data, entity: str, indicator: str | None, period: str | None,
    to: str | None, kind: str, table: str | None,
) -> Answer:  # fmt: skip
    """Explain a score, or with `to` how it gets to a level."""
    card = _card(context, system, data, period)
    longer = None if period is None or indicator is not None else session.longer_period(card.definition, period)
    if to is not None:
        return _of(WayUpReport(way_up(card, entity, to)), card, kind, table)
    result = ExplanationReport(card, name_of(card, entity), explained(card, entity, indicator, period=longer))
    return _of(result, card, kind, table)


def what_if(
    context: Context, *, system: str, data: Data, values: Mapping[str | tuple[str, str], str], period: str | None,
    kind: str, table: str | None,
) -> Answer:  # fmt: skip
    """Return what would change with other values of some figures."""
    card = _card(context, system, data, period)
    card = card.only([index_of(card, None)])
    label = card.periods[-1]
    after, card = replaced(card, values), analysed(card)
    difference = diff(side(card, label), side(after, tr("{period}, what if", period=label)))
    new = new_findings(card, after)
    findings = replace(after, findings_list=new).findings if new else None
    headers = {"X-Findings": str(len(new))}
    return _of(DifferenceReport(difference, findings=findings), card, kind, table, headers)


def difference(
    context: Context, *, system: str, data: Data, before: str, after: str, entity: str | None, kind: str,
    table: str | None,
) -> Answer:  # fmt: skip
    """Return what changed between two periods."""
    card = _card(context, system, data, None)
    result = between(card, *(session.label_of(card, text) for text in (before, after)))
    result = result if entity is None else result.of(entity)
    return _of(DifferenceReport(result, entity), card, kind, table)


def difference_of_runs(
    context: Context, *, system: str, before: int, after: int, entity: str | None, kind: str, table: str | None
) -> Answer:
    """Return what changed between two runs of the store, and whether by data or definition."""
    result = context.stored.difference(system, before, after)
    result = result if entity is None else result.of(entity)
    return Answer(representations.report(DifferenceReport(result, entity), BY_NAME[kind], table))


def report(context: Context, *, system: str, data: Data, period: str | None, kind: str) -> Answer:
    """Return the report of a period, by default the last: a page, a bulletin or a workbook."""
    card = _card(context, system, data, None)
    label = None if period is None else session.label_of(card, period)
    if label is not None and label not in card.periods:
        message = Message("the files hold nothing for {label}", label=label)
        hint = Message("they hold {periods}", periods=tuple(card.periods))
        raise DataError(Diagnostic("K551", message, hint=hint))
    if BY_NAME[kind] == HTML and label is not None:
        card = card.only([next(index for index, text in card.labels.items() if text == label)])
    result: Report = ScorecardReport(card, label)
    if BY_NAME[kind] == WORD or kind == "md":
        result = BulletinReport(card, label)
    return _of(result, card, kind, None)


def night(context: Context) -> Answer:
    """Run a night of the batch, and return its run and the outcome of each system."""
    from kpi.batch.batch_run import run
    from kpi.batch.config import load

    batch = context.settings.batch
    assert batch is not None  # noqa: S101
    result = run(load(batch))
    assert result.run is not None  # noqa: S101
    outcomes = [
        {"system": outcome.system, **outcome.as_json(), "findings": [record(finding) for finding in outcome.findings]}
        for outcome in result.outcomes
    ]
    tree = {"run": result.run.number, "failed": result.failed, "systems": outcomes}
    return Answer(json.dumps(tree, ensure_ascii=False).encode())


def sources(context: Context) -> list[str]:
    """Return the systems of the batch."""
    from kpi.batch.config import load

    batch = context.settings.batch
    assert batch is not None  # noqa: S101
    return [Path(source.system).stem for source in load(batch).source]


def _card(context: Context, system: str, data: Data, period: str | None) -> Scorecard:
    if data.upload is not None:
        limits = context.settings.limits
        return scored(context.systems.scorer(system), data.upload, period=period, rows=limits.rows)
    card = context.stored.card(system, data.run, data.tag)
    if period is None or session.longer_period(card.definition, period) is not None:
        return card
    label = session.label_of(card, period)
    index = next((index for index, text in card.labels.items() if text == label), None)
    if index is None:
        message = Message("run {number} has nothing for {wanted}", number=data.run, wanted=label)
        raise DataError(Diagnostic("K551", message, hint=Message("{periods}", periods=tuple(card.periods))))
    return card.only([index])


def _of(
    result: Report, card: Scorecard, kind: str, table: str | None, headers: Mapping[str, str] | None = None
) -> Answer:
    body = representations.report(result, BY_NAME[kind], table)
    return Answer(body, {**(headers or {}), "X-Definition": card.definition_hash, "X-Data": card.data_hash})


#: The jobs by name.
JOBS: Mapping[str, Callable[..., Any]] = {
    job.__name__: job
    for job in (
        head, systems, definition, table, score, explanation, what_if, difference, difference_of_runs, report, night,
        sources,
    )
}  # fmt: skip
