"""Every format is documented and writes every report; what data formats hold is read back as the same figures."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.analysis.audit import audited
from kpi.analysis.diff import diff, side
from kpi.analysis.explain import explain
from kpi.analysis.next_level import ahead
from kpi.analysis.robustness import stressed
from kpi.analysis.way_up import way_up
from kpi.cli import starter
from kpi.cli.main import main
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Place
from kpi.intake.files.reader import read
from kpi.report import formats
from kpi.report.analysis import AnalysisReport
from kpi.report.audit.report import AuditReport
from kpi.report.difference import DifferenceReport
from kpi.report.files import content, write
from kpi.report.formats import FORMATS, Format
from kpi.report.method.report import MethodReport
from kpi.report.queries import FindingsReport
from kpi.report.results import BulletinReport, ScorecardReport
from kpi.report.robustness import RobustnessReport
from kpi.report.shape import Report
from kpi.report.tree import ExplanationReport
from kpi.report.way_up import WayUpReport

DOCS = Path(__file__).parents[2] / "docs/results.md"
FINDINGS = (
    Diagnostic("K604", "`约500` is a bound", Place("a.csv", row=8, field="数值"), "write a figure"),
    Diagnostic("K701", "over the total", Place("a.csv", row=12, entity="甲县", period="2023Q4")),
)


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> Scorecard:
    folder = tmp_path_factory.mktemp("demo")
    starter.write(folder)
    return kpi.score(folder / "period.csv", system=folder / "demo.yaml")


@pytest.fixture(scope="module")
def reports(card: Scorecard) -> dict[str, Report]:
    """Return a report of every command."""
    old, new = (side(card.only([index]), label) for index, label in card.labels.items())
    return {
        "score": ScorecardReport(card),
        "diff": DifferenceReport(diff(old, new, periods={new.name: old.name})),
        "stress": RobustnessReport(stressed(card, runs=20)),
        "audit": AuditReport(audited(card, runs=20)),
        "explain": ExplanationReport(card, "西山区", explain(card, "西山区"), ahead(card, "西山区")),
        "explain --to": WayUpReport(way_up(card, "西山区", to=5)),
        "check": FindingsReport(FINDINGS),
        "show": AnalysisReport(card),
        "method": MethodReport(card.definition),
        "report": BulletinReport(card),
    }


COMMANDS = ("score", "diff", "stress", "audit", "explain", "explain --to", "check", "show", "method", "report")
#: LibreOffice takes seconds for a document.
NEEDS = {
    "pdf": (
        pytest.mark.slow,
        pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed"),
    )
}
EVERY = pytest.mark.parametrize("form", FORMATS, ids=lambda item: item.name)
WRITTEN = pytest.mark.parametrize(
    "form", [pytest.param(item, id=item.name, marks=NEEDS.get(item.name, ())) for item in FORMATS]
)
DATA = pytest.mark.parametrize("form", [item for item in FORMATS if item.data], ids=lambda item: item.name)
EACH = pytest.mark.parametrize("command", COMMANDS)


@EVERY
def test_a_format_is_in_the_documentation(form: Format) -> None:
    row = re.search(rf"(?m)^\| `{form.name}` \| (.*?) \|", DOCS.read_text("utf-8"))
    assert row is not None, f"give {form.name} a row in docs/results.md"
    assert re.findall(r"`(\S+)`", row[1]) == list(form.suffixes)


@EACH
def test_a_report_is_in_the_documentation(reports, command: str) -> None:
    report = reports[command]
    row = next(line for line in DOCS.read_text("utf-8").splitlines() if f"`{report.schema}`" in line)
    assert all(f"`{name}`" in row for name in report.frames())
    assert set(report.frames()) <= set(report.sheets)


@EACH
@WRITTEN
def test_every_format_writes_every_report_the_same_each_time(reports, form: Format, command: str, tmp_path) -> None:
    report = reports[command]
    data = content(report, form.name)
    assert len(data) > 100
    assert content(report, form.name) == data
    (path,) = write(report, tmp_path / f"a{form.suffixes[-1]}")
    assert path.read_bytes() == form.mark + data


def tables(path: Path) -> list[dict[str, list[object]]]:
    """Return the tables of a file that was written, as columns of cells, texts or numbers."""
    if path.suffix == ".json":
        tree = json.loads(path.read_bytes())
        rows = [item for item in tree.values() if isinstance(item, list) and item and isinstance(item[0], dict)]
        return [pl.DataFrame(item, infer_schema_length=None).to_dict(as_series=False) for item in rows]
    return [table.frame.collect().to_dict(as_series=False) for table in read(path)]


def number(cell: object) -> float | None:
    return None if cell is None else float(str(cell).replace(",", "").removesuffix("%"))


@EACH
@DATA
def test_a_data_format_is_read_back_as_the_same_figures(reports, form: Format, command: str, tmp_path) -> None:
    report = reports[command]
    if command == "explain" and form.name in report.own():
        tree = json.loads(content(report, form.name))["explanation"]
        assert (tree["score"], len(tree["parts"])) == (report.first()["score"][0], 2)
        return
    (path,) = write(report, tmp_path / f"a{form.suffixes[0]}")
    if command == "method" and form.name in report.own():
        return  # a document for people, see test_method.py
    if form.name == "sdmx-csv":
        check_observations(report, path)
        return
    name, frame = next(iter(report.frames().items()))
    headings = {report.heading(name, column) for column in frame.columns if column != "system"}
    # Before its sheets of data a workbook of scores has some for people.
    every = tables(path)
    result = max(every, key=lambda item: len(headings & set(item))) if form.name == "xlsx" else every[0]
    compared = 0
    for column in frame.columns:
        heading = next((item for item in (column, report.heading(name, column)) if item in result), None)
        if frame[column].dtype.is_float() and heading is not None:
            for cell, figure in zip(result[heading], frame[column], strict=True):
                assert number(cell) == (figure if figure is None else pytest.approx(figure, rel=1e-14))
            compared += frame[column].count()
        elif frame[column].dtype == pl.String and heading == column:
            texts = [None if item is None else str(item) for item in result[heading]]
            assert [item or None for item in texts] == [item or None for item in frame[column]]
    assert compared or command == "check"


def check_observations(report: Report, path: Path) -> None:
    """Check that SDMX-CSV has each figure of the first table once."""
    name, frame = next(iter(report.frames().items()))
    if not frame.select(pl.selectors.numeric()).columns:
        return
    result = pl.read_csv(path, infer_schema=False)
    key = name.removesuffix("s")
    for column in frame.select(pl.selectors.numeric()).columns:
        of_frame = pl.col("INDICATOR") == ("TOTAL" if name == "totals" else name)
        if name in ("indicators", "pillars"):
            of_frame = pl.col("INDICATOR").is_in(frame[key].to_list())
        own = result.filter(of_frame, pl.col("KPI_RESULT") == column)
        assert own["OBS_VALUE"].cast(pl.Float64).to_list() == frame[column].cast(pl.Float64).to_list()
        assert own["OBS_STATUS"].to_list() == ["M" if item is None else "A" for item in frame[column]]


@EACH
def test_a_folder_holds_every_table(reports, command: str, tmp_path) -> None:
    report = reports[command]
    for form in formats.IN_FOLDERS:
        written = write(report, f"{tmp_path}/{form}/", form)
        assert [path.stem for path in written] == list(report.frames())


@EACH
def test_people_read_headings_in_their_language(reports, command: str, chinese) -> None:
    report = reports[command]
    plain = [
        f"{name}.{column}"
        for name, frame in report.frames().items()
        for column in frame.columns
        if report.heading(name, column).isascii()
    ]
    assert not plain, "give these columns a heading"


@pytest.mark.parametrize("command", ["score", "diff", "stress", "explain", "check", "show", "report"])
def test_every_command_takes_the_formats_of_the_table(command: str) -> None:
    shown = CliRunner().invoke(main, [command, "--help"]).output
    choices = re.search(r"--format\s+\[([^\]]*)\]", shown)
    assert choices is not None
    assert re.split(r"\|\s*", choices[1]) == [formats.TEXT, *(item.name for item in FORMATS)]


def test_an_unknown_format_names_the_known(reports, tmp_path) -> None:
    report = reports["stress"]
    calls: list[Callable[[], object]] = [
        lambda: write(report, tmp_path / "a.odt"), lambda: content(report, "odt"),
        lambda: write(report, f"{tmp_path}/b/", "odt"),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(DataError) as caught:
            call()
        (item,) = caught.value.diagnostics
        assert item.code == "K541"
        assert all(form.name in f"{item.hint}" or form.suffixes[0] in f"{item.hint}" for form in FORMATS)
