"""Files of every format that are cut off, changed, under another name or too large give findings, never a traceback."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from test_round_trip import FORMS

import kpi
from kpi.errors import DataError, KpiError
from kpi.intake.files.file_formats import SUFFIXES
from kpi.intake.files.reader import read
from kpi.language.system import System
from tests.written_formats import OWN_COLUMNS, SHORT_TEXT, json_array, ods_cell, ods_of, zipped

ROWS = [["期别", "地区", "指标", "数值"], *(["2023Q4", f"县{at}", "地区生产总值", f"{at}.5"] for at in range(1, 30))]
SYSTEM = System.model_validate({
    "system": "small", "period": "quarter", "entities": {},
    "measures": {"gdp": {"title": "地区生产总值", "unit": "亿元"}},
    "indicators": {"size": {"kind": "level", "of": "gdp", "target": {"at_least": 100}}},
    "pillars": {},
})  # fmt: skip
FORMATS = {
    Path(name).suffix: write for name, write in (FORMS | SHORT_TEXT | OWN_COLUMNS).items() if name.count(".") == 1
}
EVERY = pytest.mark.parametrize("suffix", FORMATS)


def judged(path: Path) -> kpi.Scorecard | None:
    """Return the scorecard of a file, None where findings say why there is none."""
    try:
        return kpi.score(path, system=SYSTEM, partly=True)
    except KpiError as error:
        findings = error.diagnostics
    assert findings
    assert all(item.code.startswith(("K5", "K6", "K2")) for item in findings), findings
    return None


@EVERY
def test_the_table_scores_the_same_in_every_format(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(FORMATS[suffix](ROWS))
    card = judged(path)
    assert card is not None
    assert sorted(card.indicators["value"].to_list()) == [at + 0.5 for at in range(1, 30)]
    assert not [item for item in card.findings_list if item.severity != "info"]


@EVERY
def test_a_file_that_is_cut_off(tmp_path, suffix):
    content = FORMATS[suffix](ROWS)
    path = tmp_path / f"a{suffix}"
    for part in range(20):
        path.write_bytes(content[: len(content) * part // 20])
        card = judged(path)
        if card is not None and suffix not in {".csv", ".tsv", ".txt", ".jsonl", ".html"}:
            assert card.indicators.height == 29, f"{part} of 20 parts"


@EVERY
def test_a_file_with_a_changed_byte(tmp_path, suffix):
    content = FORMATS[suffix](ROWS)
    path, draw = tmp_path / f"a{suffix}", random.Random(7)
    for _ in range(40):
        changed = bytearray(content)
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        path.write_bytes(changed)
        judged(path)


@EVERY
def test_a_format_is_known_by_its_content(tmp_path, suffix):
    content = FORMATS[suffix](ROWS)
    for other in SUFFIXES:
        if suffix in {".csv", ".tsv", ".txt", ".html", ".json", ".xml"} and other in {".jsonl", ".ndjson"}:
            continue  # these two names are those of lines of objects
        path = tmp_path / f"a{other}"
        path.write_bytes(content)
        (table,) = read(path)
        columns = table.columns if suffix != ".xml" else ["TIME_PERIOD", "REF_AREA", "INDICATOR", "OBS_VALUE"]
        assert table.frame.collect().select(columns).rows() == [tuple(row) for row in ROWS[1:]], other


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_bytes_of_no_format_are_refused_under_every_name(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for content in (
        b"%PDF-1.7\n%" + bytes(range(128, 200)),
        bytes(range(256)) * 4,
        b"\x03" * 100,
        b"$FL2",
        b"PK\x03\x04",
    ):
        path.write_bytes(content)
        with pytest.raises(DataError) as caught:
            read(path)
        assert {item.code for item in caught.value.diagnostics} <= {"K503", "K504", "K505", "K507"}


# ---- TOO LARGE ---- #


def repeated(columns: int, rows: int) -> bytes:
    cell = ods_cell("x").replace("<table:table-cell", f'<table:table-cell table:number-columns-repeated="{columns}"')
    return ods_of({"a": f'><table:table-row table:number-rows-repeated="{rows}">{cell}</table:table-row>'})


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("wide.ods", lambda: repeated(1_000_000, 1)),
        ("large.ods", lambda: repeated(1000, 1_000_000)),
        ("wide.html", lambda: b"<table><tr><td colspan=999999999>x</td><td>y</td></tr><tr><td>1<td>2</tr></table>"),
        ("large.html", lambda: b"<table>" + b"<tr><td colspan=16000>x</td></tr>" * 2000 + b"</table>"),
        ("bomb.zip", lambda: zipped({"a.csv": b"a,b\n" + b"1,2\n" * 26_000_000})),
        ("many.zip", lambda: zipped({f"{at}.csv": b"" for at in range(10_001)})),
    ],
)
def test_what_grows_beyond_all_bounds_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content())
    with pytest.raises(DataError) as caught:
        read(path)
    assert [item.code for item in caught.value.diagnostics] == ["K509"]


def test_a_deeply_nested_document_is_refused(tmp_path):
    (tmp_path / "a.json").write_text("[" * 100_000 + "]" * 100_000)
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.json")
    assert [item.code for item in caught.value.diagnostics] == ["K503"]


# ---- PACKAGES ---- #


@pytest.mark.parametrize(
    ("suffix", "package", "extra"),
    [
        (".xlsb", "fastexcel", "excel"), (".xls", "xlrd", "excel"), (".html", "lxml.html", "html"),
        (".dbf", "dbfread", "dbf"), (".sav", "pyreadstat", "survey"), (".dta", "pyreadstat", "survey"),
    ],
)  # fmt: skip
def test_a_package_that_is_not_there_is_named(tmp_path, monkeypatch, suffix, package, extra):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(FORMATS[suffix](ROWS))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError) as caught:
        read(path)
    (finding,) = caught.value.diagnostics
    assert finding.code == "K510"
    assert package.partition(".")[0] in finding.message
    assert f"[{extra}]" in finding.hint


def test_a_folder_goes_on_without_its_damaged_files(tmp_path):
    half = {"a.json": json_array(ROWS)[:300], "b.zip": FORMATS[".zip"](ROWS)[:200]}
    for name, content in half.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "c.dbf").write_bytes(FORMATS[".dbf"](ROWS))
    card = judged(tmp_path)
    assert card is not None
    errors = [item for item in card.findings_list if item.severity == "error"]
    assert [(item.code, Path(item.place.file).name) for item in errors] == [("K503", "a.json"), ("K503", "b.zip")]
    assert card.counts["unread"] == 2
