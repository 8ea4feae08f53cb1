"""What is answered: systems, indicators, results with statuses, explanations, what-if, checks; plain data, in pages."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
from msgspec import Struct, field

from kpi import session
from kpi.agents.access import Access
from kpi.analysis.diff import diff, side
from kpi.analysis.disclosure import analysed
from kpi.analysis.explain import explain as explained
from kpi.analysis.explain import name_of, place_of
from kpi.analysis.robustness import stressed
from kpi.analysis.what_if import index_of, new_findings
from kpi.analysis.what_if import what_if as replaced
from kpi.engine.scorecard import Scorecard, definition_hash
from kpi.errors import DataError, DefinitionError, Diagnostic, Message
from kpi.language.loading.loader import Loaded, examine, examine_text
from kpi.language.model import kind_of
from kpi.language.system import System
from kpi.report import shape
from kpi.report.difference import DifferenceReport
from kpi.report.files import replace as write_file
from kpi.report.language import localized
from kpi.report.rules import rule
from kpi.report.tree import ExplanationReport
from kpi.values.status import STATUSES

#: The most rows of an answer, and the most findings that are written out.
MOST, FINDINGS = 200, 20
#: How many results are kept, so that the pages of one are not scored anew.
_KEPT = 4
#: The simulated runs of an interval of ranks.
_RUNS = 200

Answer = dict[str, Any]
Frame = Literal["totals", "pillars", "indicators", "measures", "findings"]


class Answers(Struct):
    """The answers of a server.

    Attributes:
        access: which files may be read.
        writing: whether definitions may be written.
    """

    access: Access
    writing: bool = False
    _cards: OrderedDict[Any, Scorecard] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # ---- DEFINITIONS ---- #

    def list_systems(self) -> Answer:
        """Return every system: id, title, period, units, indicators, source; wrong ones with findings."""
        rows = []
        for name, file in self.access.systems().items():
            loaded = examine(file)
            system = loaded.system
            if system is None:
                rows.append({"system": name, "valid": False, **_findings(loaded.findings)})
                continue
            rows.append(
                {
                    "system": name, "valid": True, "title": system.title, "period": str(system.period),
                    "entities": system.entities.title, "indicators": len(system.indicators),
                    "source": None if system.source is None else str(system.source.document),
                    "definition_hash": definition_hash(system),
                }
            )  # fmt: skip
        return {"systems": rows, "data": [{"file": name, "bytes": size} for name, size in self.access.listed()]}

    def list_indicators(self, system: str, offset: int = 0, limit: int = 50) -> Answer:
        """Return the indicators of a system, and what its total, its stars and its statuses mean."""
        result = self._system(system)
        rows = [_indicator(result, name) for name in result.indicators]
        return {
            "system": system, "title": result.title, "stars": localized(result.stars_words),
            "pillars": {name: item.title or name for name, item in result.pillars.items()},
            "missing_values": localized(result.composite.missing.words()),
            "statuses": {name: localized(words) for name, words in STATUSES.items()},
            **_page(rows, offset, limit, "indicators"),
        }  # fmt: skip

    def check_definition(self, text: str | None = None, system: str | None = None) -> Answer:
        """Return the findings on a definition that is given as YAML, or on a system by its id; nothing is saved."""
        if (text is None) == (system is None):
            raise DefinitionError(Diagnostic("K116", Message("give the text of a definition, or the id of a system")))
        loaded = self._examined(text) if text is not None else examine(self.access.system(system or ""))
        return {
            "valid": loaded.system is not None,
            "definition_hash": None if loaded.system is None else definition_hash(loaded.system),
            "indicators": None if loaded.system is None else len(loaded.system.indicators),
            **_findings(loaded.findings),
        }

    def write_definition(self, name: str, text: str, *, overwrite: bool = False) -> Answer:
        """Save a valid definition in the first folder of definitions."""
        if not self.writing or not self.access.definitions:
            raise DefinitionError(
                Diagnostic(
                    "K941", Message("this server does not write"),
                    hint=Message("its owner may start it with --allow-write and a folder of definitions"),
                )
            )  # fmt: skip
        if not re.fullmatch(r"\w[\w.-]{0,99}", name) or name.endswith((".yaml", ".yml")):
            message = Message("`{name}` is no id: letters, digits and the signs . _ -", name=name)
            raise DefinitionError(Diagnostic("K941", message))
        file = self.access.definitions[0] / f"{name}.yaml"
        if (file.exists() or file.is_symlink()) and not overwrite:
            message = Message("there is a system `{name}` already", name=name)
            raise DefinitionError(Diagnostic("K941", message, hint=Message("set `overwrite`, or choose another id")))
        if file.is_symlink():
            raise DefinitionError(Diagnostic("K941", Message("`{name}` is a link, which is not followed", name=name)))
        loaded = self._examined(text)
        if loaded.system is not None:
            write_file(file, text.encode())
        return {"written": loaded.system is not None, "system": name, **_findings(loaded.findings)}

    def explain_code(self, code: str) -> Answer:
        """Return what the code of a finding means, with an example that has it and one that has not."""
        known = rule(code)
        means, bad, good = known.rendered()
        return {"code": known.code, "means": means, "wrong": bad, "right": good}

    # ---- RESULTS ---- #

    def query(
        self, data: Sequence[str], *, system: str | None = None, period: str | None = None, table: Frame = "totals",
        entities: Sequence[str] = (), indicators: Sequence[str] = (), intervals: bool = False, offset: int = 0,
        limit: int = 50,
    ) -> Answer:  # fmt: skip
        """Score files and return a table of the result; every value without a number has its status."""
        _check_page(offset, limit)
        card = self._card(data, system, period)
        frame = shape.plain(getattr(card, table))
        for column, wanted in (("entity", entities), ("indicator", indicators)):
            if wanted and column in frame.columns:
                there = set(frame[column])
                known = _entity if column == "entity" else self._indicator
                names = [item if item in there else known(card, item) for item in wanted]
                frame = frame.filter(pl.col(column).is_in(names))
        answer = {**_head(card), "table": table, **_page(_rows(frame), offset, limit, "rows")}
        if intervals:
            ranks = stressed(card, runs=_RUNS).ranks
            shown = {row.get("entity") for row in answer["rows"]}
            answer["intervals"] = {
                "of": "ranks and scores, 5 % to 95 % of simulated runs", "runs": _RUNS, "period": card.periods[-1],
                "rows": [row for row in _rows(ranks) if row.get("entity") in shown],
            }  # fmt: skip
        return {**answer, **_findings(card.findings_list)}

    def explain(
        self, data: Sequence[str], entity: str, *, indicator: str | None = None, system: str | None = None,
        period: str | None = None, offset: int = 0, limit: int = 100,
    ) -> Answer:  # fmt: skip
        """Return how the total of a unit, or one of its indicators, comes about, down to the figures reported."""
        card = self._card(data, system, period)
        node = explained(card, entity, indicator)
        report = ExplanationReport(card, name_of(card, entity), node)
        rows = [
            {key: value for key, value in row.items() if value is not None}
            for row in _rows(report.frames()["explanation"])
        ]
        about = (name_of(card, entity), *([node.name] if indicator else []))
        concerned = [item for item in card.findings_list if item.place.entity in about]
        return {**report.head(), **_page(rows, offset, limit, "steps"), **_findings(concerned)}

    def what_if(
        self, data: Sequence[str], changes: Sequence[Mapping[str, Any]], *, system: str | None = None,
        period: str | None = None, offset: int = 0, limit: int = 50,
    ) -> Answer:  # fmt: skip
        """Return which totals, stars and places would be different with other values; nothing is saved."""
        card = self._card(data, system, period)
        card = card.only([index_of(card, None)])
        values: dict[str | tuple[str, str], float | str] = {}
        for change in changes:
            values[str(change["entity"]), str(change["figure"])] = change["value"]
        after, card = replaced(card, values), analysed(card)
        label = card.periods[-1]
        frames = DifferenceReport(diff(side(card, label), side(after, f"{label}, what if"))).frames()
        moved = _rows(frames["totals"].filter(pl.col("change").is_null() | (pl.col("change") != 0)))
        return {
            **_head(card), "changes": [dict(item) for item in changes], **_page(moved, offset, limit, "totals"),
            "indicators": _rows(frames["indicators"].head(MOST)),
            **_findings(dict.fromkeys((*new_findings(card, after), *after.findings_list))),
        }  # fmt: skip

    # ---- PARTS ---- #

    def definition_text(self, system: str) -> str:
        """Return the YAML of a system."""
        return self.access.system(system).read_text("utf-8-sig")

    def _system(self, name: str) -> System:
        loaded = examine(self.access.system(name))
        if loaded.system is None:
            raise DefinitionError(loaded.findings)
        return loaded.system

    def _examined(self, text: str) -> Loaded:
        """Return a definition that is given as text; the files that it names are those beside the definitions."""
        folder = self.access.definitions[0] if self.access.definitions else Path(__file__).parent / "no folder"
        self.access.examine(text, folder)
        return examine_text(text, folder=folder)

    def _indicator(self, card: Scorecard, name: str) -> str:
        """Return an indicator by its name or title.

        Raises:
            DataError: K203, if there is none.
        """
        known = card.definition.indicators
        titles = {item.title: key for key, item in known.items() if item.title}
        if name in known or name in titles:
            return name if name in known else titles[name]
        raise DataError(Diagnostic("K203", Message("unknown indicator `{name}`", name=name)))

    def _card(self, data: Sequence[str], system: str | None, period: str | None) -> Scorecard:
        definition = self.access.scored_by(system)
        files = self.access.files(list(data))
        if not files:
            raise DataError(Diagnostic("K543", Message("there is no data to score")))
        key = (definition, period, *((file, _state(file)) for file in files), _state(definition))
        with self._lock:
            if key not in self._cards:
                self._cards[key] = session.score(list(files), system=definition, period=period, partly=True)
                if len(self._cards) > _KEPT:
                    self._cards.popitem(last=False)
            self._cards.move_to_end(key)
            return self._cards[key]


def _state(file: Path | None) -> tuple[int, int] | None:
    """Return what changes when a file is written."""
    path = None if file is None else file.with_name(file.name.partition("#")[0])
    if path is None or not path.exists():
        return None
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _head(card: Scorecard) -> Answer:
    return {
        "system": card.system, "title": card.title, "periods": list(card.periods),
        "definition_hash": card.definition_hash, "data_hash": card.data_hash, "full_marks": card.full,
        "data_rows": dict(card.counts),
    }  # fmt: skip


def _indicator(system: System, name: str) -> Answer:
    indicator, unit, rule = system.indicators[name], system.unit(name), system.rule(name)
    targets = [localized(target.words(unit)) for target in system.targets(name)]
    facts = {
        "indicator": name, "title": indicator.title or name, "kind": kind_of(type(indicator)),
        "meaning": localized(indicator.words(system.symbols)), "unit": str(unit), "better": indicator.direction,
        "targets": targets, "scoring": None if rule is None else localized(rule.in_full()),
        "weight": localized(system.weight_words(name)) if name in system.parents else None,
        "pillar": system.parents.get(name), "source": indicator.clause, "basis": indicator.basis,
        "note": indicator.note, "chosen_by_us": indicator.ours or None, "in_charge": list(indicator.lead),
    }  # fmt: skip
    return {key: value for key, value in facts.items() if value not in (None, "", [])}


def _rows(frame: pl.DataFrame) -> list[Answer]:
    """Return the rows of a frame as plain data, dates as texts."""
    plain = shape.plain(frame).with_columns(
        pl.selectors.temporal().cast(pl.String), pl.selectors.decimal().cast(pl.Float64)
    )
    rows: list[Answer] = json.loads(plain.write_json())
    return rows


def _entity(card: Scorecard, text: str) -> str:
    """Return the name of an entity by its name or code; raise DataError K602 if there is none."""
    return str(card.entities["entity"][place_of(card, text)])


def _check_page(offset: int, limit: int) -> None:
    if offset < 0:
        message = Message("`offset` is {offset}, and the first row is 0", offset=offset)
        raise DataError(Diagnostic("K915", message, hint=Message("go on at next_offset of the page before")))
    if limit < 1:
        message = Message("`limit` is {limit}, and a page has at least 1 row", limit=limit)
        hint = Message("ask for 1 to {most} rows", most=MOST)
        raise DataError(Diagnostic("K915", message, hint=hint))


def _page(rows: Sequence[Any], offset: int, limit: int, name: str) -> Answer:
    """Return a page of rows under a name, with the number of all, and where the next page begins.

    Raises:
        DataError: K915, for a page that begins before the first row, or has none.
    """
    _check_page(offset, limit)
    start, size = offset, min(limit, MOST)
    page = list(rows[start : start + size])
    following = start + len(page)
    return {name: page, "total_rows": len(rows), "next_offset": following if following < len(rows) else None}


def _findings(findings: Iterable[Diagnostic]) -> Answer:
    """Return the number of findings by severity, and the first of them, the gravest first."""
    order = ["error", "query", "warning", "info"]
    every = sorted(findings, key=lambda finding: order.index(str(finding.severity)))
    shown = [record(finding) for finding in every[:FINDINGS]]
    counts = Counter(str(finding.severity) for finding in every)
    return {"findings": {"number": dict(counts), "first": shown, "not_shown": len(every) - len(shown)}}


def record(finding: Diagnostic) -> Answer:
    """Return a finding as plain data, in the language in use."""
    words = finding.rendered()
    facts = {
        "code": finding.code, "severity": str(finding.severity), "message": words.message, "place": str(finding.place),
        "hint": words.hint,
    }  # fmt: skip
    return {key: str(value) for key, value in facts.items() if value}
