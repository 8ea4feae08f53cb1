"""What must hold of every input: a scorecard or findings, nothing lost, nothing invented, totals that hold.

Besides what holds always there are three oracles that do not use the reader: changes that mean the same must change
nothing, a change to one unit's figure must leave the others alone, and a file that is still plain is read again by a
reader of a few lines.
"""

from __future__ import annotations

import csv
import faulthandler
import io
import math
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

import kpi
from cases import (
    ENTITIES, FORMATS, HARMLESS, LOCAL, MEASURES, PERIODS, ROSTER, SYSTEM, UNITS, Case, Grid, changed, figure, long,
)  # fmt: skip
from kpi.errors import DataError, Severity
from kpi.intake.finer_figures import within
from kpi.intake.reported import fast_rows
from kpi.language.loading.loader import examine
from kpi.report.encode import csv as as_csv
from kpi.report.queries import form
from kpi.engine.scorecard import Scorecard
from kpi.values.status import LEAST, LIMIT
from kpi.language.system import System

#: Fifty inputs that take longer than this many seconds hang: the process ends with a trace of where.
SECONDS = 300
Figures = dict[tuple[str, str, str], float | None]

_PLAIN = re.compile(r"(0|[1-9]\d{0,6})(\.\d{1,4})?")
_REFERENCE: Figures = {
    (PERIODS[when], ENTITIES[who], name): figure(who, when, name)
    for when in range(len(PERIODS))
    for who in range(len(ENTITIES))
    for name in MEASURES
}
_CODECS = {
    "utf-8": "utf-8",
    "utf-8-sig": "utf-8-sig",
    "gb18030": "gb18030",
    "utf-16-be": "utf-16-be",
    "tsv": "utf-8",
    "utf-16": "utf-16",
}


#: Formats that say how many rows they hold, and in which no change of bytes adds a row.
_COUNTED = ("parquet", "arrow")
#: Rows are read so many at a time, so that even a small file has several batches.
_BATCH = 7

#: What becomes of rows that are read.
_PARTS = ("used", "refused", "restated", "repeated", "left_out")


class Wrong(AssertionError):
    """An input that the engine does not treat as it should."""


def system_in(folder: Path) -> System:
    """Return the system that inputs are scored with, written to a folder."""
    (folder / "roster.csv").write_text(ROSTER, "utf-8")
    (folder / "fuzzed.yaml").write_text(SYSTEM, "utf-8")
    loaded = examine(folder / "fuzzed.yaml")
    assert loaded.system is not None, loaded.findings
    return loaded.system


class Judge:
    """Scores inputs one after another, each from the same file, and says what is wrong with the answer."""

    def __init__(self) -> None:
        self._batch, fast_rows.BATCH = fast_rows.BATCH, _BATCH
        self._folder = tempfile.TemporaryDirectory(prefix="kpi-fuzz-")
        self.folder = Path(self._folder.name)
        self.system = system_in(self.folder)
        self.scored = self.refused = 0

    def close(self) -> None:
        """Takes back the alarm, the size of batches and the folder."""
        fast_rows.BATCH = self._batch
        faulthandler.cancel_dump_traceback_later()
        self._folder.cleanup()

    def case(self, case: Case) -> None:
        """Judges a case.

        Raises:
            Wrong: what is wrong.
        """
        data = case.content()
        card = self.content(data, case.name)
        if case.raw:
            expected = _read_again(data, case)
            if expected is not None:
                _compare(card, expected, "a plain file is read wrongly")
            if case.form in _COUNTED and case.shape == "long" and not case.grid and card is not None:
                rows = len(case.sheet()) - 1
                if card.counts["read"] != rows:
                    raise Wrong(f"of {rows} rows {card.counts['read']} are read, the others vanish")
            return
        if case.shape == "records":
            return
        kinds = {change.kind for change in case.grid}
        if kinds <= HARMLESS:
            _compare(card, _REFERENCE, "changes that mean the same change figures")
        elif kinds <= HARMLESS | LOCAL and card is not None and not {"figure", "swap columns"} <= kinds:
            # Where columns were swapped, what stands in the place of a figure may be a name.
            touched = _touched(case)
            if "" in touched:
                return  # a text alone in a row may be part of the header
            others = {key: value for key, value in _REFERENCE.items() if key[1] not in touched}
            reports = _figures(card)
            periods = set(card.labels.values())
            wrong = [key for key, value in others.items() if key[0] in periods and not _same(reports.get(key), value)]
            if wrong:
                raise Wrong(f"figures of others change: {wrong[:3]}, touched are {sorted(touched)}")

    def content(self, data: bytes, name: str) -> Scorecard | None:
        """Judges the bytes of a file by what holds of every input, and returns the scorecard, if there is one."""
        file = self.folder / name
        file.write_bytes(data)
        if (self.scored + self.refused) % 50 == 0:
            # Setting the alarm costs more than an input: it is set anew after fifty.
            faulthandler.dump_traceback_later(SECONDS, exit=True)
        try:
            card = kpi.score(file, system=self.system, partly=True)
        except DataError as error:
            if not error.diagnostics or not all(item.message and item.code for item in error.diagnostics):
                raise Wrong("a refusal without a reason") from error
            self.refused += 1
            as_csv(form(error.diagnostics))
            return None
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise Wrong(f"{type(error).__name__}: {error}") from error
        else:
            if sum(data) % 3 == 0:  # which is one input in three, as it takes as long again
                self.one_period(file, card, sum(data) // 3)
        finally:
            file.unlink()
        self.scored += 1
        _sound(card)
        return card

    def one_period(self, file: Path, card: Scorecard, draw: int) -> None:
        """Judges that one of the periods, scored from what it reaches, comes out as among all."""
        index, label = list(card.labels.items())[draw % len(card.labels)]
        try:
            item = kpi.score(file, system=self.system, partly=True, period=label)
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            raise Wrong(f"{label} alone, {type(error).__name__}: {error}") from error
        mine, theirs = (some.frame.filter(period=index) for some in (item, card))
        if not mine.equals(theirs):
            wrong = [name for name in theirs.columns if not mine[name].equals(theirs[name])]
            raise Wrong(f"{label} alone differs in {wrong[:5]}")
        # Hints may have proposals, which look at the history that was read.
        others = {*card.labels.values()} - {label}
        result = [
            [
                (finding.code, finding.message, finding.place)
                for finding in within(some.findings_list, [index], self.system.period)
                if finding.place.period and finding.place.period not in others
            ]
            for some in (item, card)
        ]
        if result[0] != result[1]:
            raise Wrong(f"{label} alone has other findings")
        counts = item.counts
        if counts["read"] != sum(counts.get(key, 0) for key in _PARTS):
            raise Wrong(f"counts of {label} do not add up: {dict(counts)}")


# ---- WHAT HOLDS ALWAYS ---- #


def _sound(card: Scorecard) -> None:
    counts = card.counts
    if counts["read"] != sum(counts.get(key, 0) for key in _PARTS):
        raise Wrong(f"counts do not add up: {dict(counts)}")
    if min(counts.values()) < 0:
        raise Wrong(f"a count below zero: {dict(counts)}")
    if counts["refused"] and not any(item.severity is Severity.ERROR for item in card.findings_list):
        raise Wrong("rows refused without a finding")
    if any(not item.message for item in card.findings_list):
        raise Wrong("a finding without words")
    names = [*card.definition.measures, *card.definition.indicators]
    for row in card.frame.iter_rows(named=True):
        for name in names:
            value, status = row[name], str(row[f"{name}.status"])
            if (value is None) == (status == "ok"):
                raise Wrong(f"{name} is {value} with the status {status}")
            if value is not None and not math.isfinite(value):
                raise Wrong(f"{name} is {value}")
        _total(row)
    as_csv(card.totals)
    as_csv(form(card.findings_list))


def _total(row: Mapping[str, object]) -> None:
    """Compares a total with the formula, computed from the measures of the same row."""
    gdp, cases, online = (row[name] for name in MEASURES)
    parts: list[tuple[float, float]] = []
    if isinstance(gdp, float):
        parts.append((40.0, max(0.0, min(gdp / 100, 1.0)) * 100))
    if isinstance(cases, float) and isinstance(online, float) and cases > LEAST:
        # A rate of something below zero, or next to nothing, has no value. A rate beyond the limit of results has no score, and its weight goes to the other part.
        rate = online / cases * 100
        if abs(rate) < LIMIT:
            parts.append((60.0, max(0.0, min(rate / 80, 1.0)) * 100))
    weight = sum(part for part, _ in parts)
    expected = sum(part * score for part, score in parts) / weight if parts else None
    raw = row["raw"]
    if not _same(raw if isinstance(raw, float) else None, expected, 1e-6):
        raise Wrong(f"the total is {raw}, the measures give {expected}: {[row[name] for name in MEASURES]}")


# ---- ORACLES ---- #


def _same(item: float | None, other: float | None, near: float = 1e-9) -> bool:
    if item is None or other is None:
        return item is other
    return math.isclose(item, other, rel_tol=near, abs_tol=near)


def _figures(card: Scorecard) -> Figures:
    names = card.entities["entity"].to_list()
    return {
        (card.labels[row["period"]], names[row["entity"]], name): row[name]
        for row in card.frame.select("period", "entity", *MEASURES).iter_rows(named=True)
        for name in MEASURES
    }


def _compare(card: Scorecard | None, expected: Figures, words: str) -> None:
    if card is None:
        raise Wrong(f"{words}: it is refused")
    reports = {key: value for key, value in _figures(card).items() if value is not None}
    if wrong := [key for key in {*reports, *expected} if not _same(reports.get(key), expected.get(key))]:
        raise Wrong(f"{words}: {sorted(wrong)[:3]} in {len(wrong)}")


def _touched(case: Case) -> set[str]:
    """The entities whose rows are changed, in a sheet whose order other changes may have changed before."""
    column = {"long": 1, "wide": 2}[case.shape]
    grid: Grid = Case(case.shape, case.form).sheet()
    result: set[str] = set()
    for change in case.grid:
        if change.kind in LOCAL and len(grid) > 1:
            row = grid[1 + change.at % (len(grid) - 1)]
            result.add(row[column] if column < len(row) else "")
        grid = changed(grid, case.shape, change)
        if change.kind == "swap columns":
            column = grid[0].index("地区")
    return result


def _read_again(data: bytes, case: Case) -> Figures | None:
    """Reads a long file with a reader of a few lines; None where it is not plain any more."""
    codec = _CODECS.get(case.form)
    if case.shape != "long" or codec is None:
        return None
    delimiter = "\t" if "\t" in FORMATS[case.form][1]([["a", "b"]]).decode(codec) else ","
    try:
        text = data.decode(codec)
        if re.search(r"[^\w\n\r,\t.（）]", text) or "\n\n" in text or "\r\r" in text:
            return None
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    if not rows or rows[0] != long()[0]:
        return None
    titles = {title: name for name, title in MEASURES.items()}
    result: Figures = {}
    for row in rows[1:]:
        if len(row) != len(rows[0]):
            return None
        period, entity, title, value, unit, note = row
        name = titles.get(title)
        key = (period, entity, name or "")
        plain = period in PERIODS and entity in ENTITIES and name is not None and not note and key not in result
        if not plain or name is None or unit != UNITS[name] or not _PLAIN.fullmatch(value):
            return None
        result[key] = float(value)
    return result or None
