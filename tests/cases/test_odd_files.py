"""Files as they come: names that are not UTF-8, files that change, cannot be read or mix encodings, odd columns."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

import kpi
from kpi.errors import DataError, KpiError, readable
from kpi.intake.files import chunks, pieces, workbook
from kpi.language.loading.loader import examine_text
from kpi.language.system import System
from kpi.report.files import write

SYSTEM = """
system: s
period: year
entities: {title: 县}
measures: {x: {title: 收入, unit: 万元}}
indicators: {i: {kind: level, of: x, score: {kind: minmax}}}
pillars: {P: {weight: 1, parts: {i: 1}, ours: true}}
"""
RECORDS = """
system: s
period: year
entities: {title: 县}
datasets: {d: {form: records}}
measures: {x: {kind: sum, of: 金额, unit: 万元}}
indicators: {i: {kind: level, of: x}}
"""
HEADER = "期别,地区,指标,数值\n"
ROWS = "2023,东县,收入,5\n2023,西县,收入,6\n2023,南县,收入,约7\n"
#: 上报表 in GBK, as it comes out of a zip file of Windows.
NAME = os.fsdecode("上报表".encode("gbk"))


def system(text: str = SYSTEM) -> System:
    loaded = examine_text(text)
    assert loaded.system is not None, loaded.findings
    return loaded.system


def codes(error: KpiError) -> list[str]:
    return [item.code for item in error.diagnostics]


@pytest.fixture
def every_file_is_large(monkeypatch):
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 200)
    monkeypatch.setattr(chunks, "SEARCHED", 4)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))


# ---- NAMES ---- #


def frame() -> pl.DataFrame:
    return pl.DataFrame(
        {"期别": ["2023"] * 3, "地区": ["东县", "西县", "南县"], "指标": ["收入"] * 3, "数值": ["5", "6", "约7"]}
    )


def saved(folder: Path, suffix: str) -> Path:
    file = folder / f"{NAME}{suffix}"
    plain = folder / f"plain{suffix}"
    if suffix == ".parquet":
        frame().write_parquet(plain)
    elif suffix == ".arrow":
        frame().write_ipc(plain)
    elif suffix == ".jsonl":
        frame().write_ndjson(plain)
    elif suffix == ".xlsx":
        with xlsxwriter.Workbook(str(plain)) as book:
            sheet = book.add_worksheet()
            for at, row in enumerate([frame().columns, *frame().rows()]):
                sheet.write_row(at, 0, row)
    elif suffix == ".csv.gz":
        plain.write_bytes(gzip.compress((HEADER + ROWS).encode("gb18030")))
    else:
        plain.write_bytes((HEADER + ROWS).encode("gb18030" if suffix == ".txt" else "utf-8"))
    return plain.rename(file)


@pytest.mark.parametrize("suffix", [".csv", ".txt", ".csv.gz", ".xlsx", ".parquet", ".arrow", ".jsonl"])
@pytest.mark.parametrize("by", ["name", "folder", "pattern"])
def test_a_file_whose_name_is_gbk_is_read_and_shown(suffix, by, tmp_path):
    file = saved(tmp_path, suffix)
    given = {"name": file, "folder": tmp_path, "pattern": tmp_path / f"*{suffix}"}[by]
    card = kpi.score(given, system=system())
    assert card.measures["status"].to_list() == ["ok", "refused", "ok"]
    shown = str(tmp_path / f"上报表{suffix}")
    assert [item.place.file for item in card.findings_list if item.code == "K604"] == [shown]
    assert card.findings["file"].to_list()[-1].endswith(f"上报表{suffix}")
    for out in ("a.json", "a.csv", "a.xlsx", "a.parquet"):
        write(card, tmp_path / out)
    assert shown in json.dumps(json.loads((tmp_path / "a.json").read_text("utf-8")), ensure_ascii=False)


def test_a_large_file_whose_name_is_gbk_is_read(every_file_is_large, tmp_path):
    rows = "".join(f"{2000 + year},{who},收入,{year}\n" for year in range(20) for who in ("东县", "西县", "南县"))
    (tmp_path / f"{NAME}.csv").write_text(HEADER + rows, "utf-8")
    assert kpi.score(tmp_path, system=system()).counts["used"] == 60


def test_a_name_in_no_encoding_is_shown_with_marks():
    assert readable("a/" + os.fsdecode(b"\xff\xff") + "/上报") == "a/\ufffd/上报"
    assert readable("上报.csv") == "上报.csv"


def test_a_command_shows_the_name(tmp_path):
    saved(tmp_path, ".csv")
    (tmp_path / "s.yaml").write_text(SYSTEM, "utf-8")
    command = [sys.executable, "-m", "kpi", "score", os.fsencode(f"{NAME}.csv"), "-s", "s.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 2
    assert "上报表.csv: row 4" in done.stderr.decode("utf-8")


# ---- WHAT THE SYSTEM CANNOT READ, WHAT CHANGES ---- #


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that ends in EIO")
def test_a_file_that_the_system_cannot_read_is_named_and_those_beside_it_are_scored(tmp_path):
    (tmp_path / "a.csv").symlink_to("/proc/self/mem")
    with pytest.raises(DataError) as caught:
        kpi.score(tmp_path / "a.csv", system=system())
    assert codes(caught.value) == ["K549"]
    assert "input/output error" in caught.value.diagnostics[0].message
    (tmp_path / "b.csv").write_text(HEADER + ROWS, "utf-8")
    (tmp_path / "s.yaml").write_text(SYSTEM, "utf-8")
    command = [sys.executable, "-m", "kpi", "score", "a.csv", "b.csv", "-s", "s.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert "s,2023,,东县" in done.stdout.decode("utf-8")
    assert "K549" in done.stderr.decode("utf-8")


@pytest.mark.parametrize("how", ["grows", "is written again", "goes"])
def test_a_file_that_changes_while_it_is_read_gives_no_result(how, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text(HEADER + ROWS, "utf-8")
    os.utime(file, ns=(1, 1))

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        if how == "goes":
            file.unlink(missing_ok=True)
        else:
            file.write_text(HEADER + ROWS + ("2023,北县,收入,8\n" if how == "grows" else ""), "utf-8")
        return rows

    beside = frame().with_columns(期别=pl.lit("2022")).lazy().map_batches(change)
    with pytest.raises(DataError) as caught:
        kpi.score([file, beside], system=system())
    assert codes(caught.value) == ["K552"]
    assert caught.value.diagnostics[0].place.file == str(file)


# ---- ENCODINGS ---- #

UTF8, GBK = "utf-8", "gb18030"
LINES = [HEADER, *(f"2023,{who},收入,5\n" for who in ("东县", "西县", "南县", "北县", "海宁", "桐乡"))]


@pytest.mark.parametrize("first", range(1, len(LINES)))
@pytest.mark.parametrize("before", [UTF8, GBK])
def test_a_file_that_mixes_encodings_is_refused_with_the_first_other_line(before, first, tmp_path):
    after = GBK if before == UTF8 else UTF8
    content = [line.encode(before if at < first else after) for at, line in enumerate(LINES)]
    (tmp_path / "a.csv").write_bytes(b"".join(content))
    with pytest.raises(DataError) as caught:
        kpi.score(tmp_path / "a.csv", system=system())
    assert codes(caught.value) == ["K507"]
    (item,) = caught.value.diagnostics
    # Which of two encodings is the other one is told by the first lines.
    assert item.place.row in {1, first + 1}
    assert "mixes encodings" in item.message


@pytest.mark.parametrize("before", [UTF8, GBK])
def test_a_large_file_that_mixes_encodings_is_refused(before, every_file_is_large, tmp_path):
    after = GBK if before == UTF8 else UTF8
    rows = [f"{2000 + at},{who},收入,{at}\n" for at in range(20) for who in ("东县", "西县")]
    content = [line.encode(after if at == 30 else before) for at, line in enumerate([HEADER, *rows])]
    (tmp_path / "a.csv").write_bytes(b"".join(content))
    with pytest.raises(DataError) as caught:
        kpi.score(tmp_path / "a.csv", system=system())
    assert [(item.code, item.place.row) for item in caught.value.diagnostics] == [("K507", 31)]


def test_all_of_one_encoding_is_no_mixture(tmp_path):
    # Every character that GB2312 has, in names of two.
    every = [bytes([high, low]).decode("gb2312", "ignore") for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF)]
    names = ["".join(pair) for pair in zip(every[::2], every[1::2], strict=False)]
    rows = "".join(f"2023,{name}县,收入,5\n" for name in names if len(name) == 2)
    for encoding in (UTF8, GBK):
        (tmp_path / "a.csv").write_bytes((HEADER + rows).encode(encoding))
        assert kpi.score(tmp_path / "a.csv", system=system()).counts["refused"] == 0


# ---- JSON LINES, TYPED COLUMNS ---- #


def test_lines_of_json_with_nan_are_read_and_such_cells_refused(tmp_path):
    values = [5.0, float("nan"), float("inf")]
    rows = [{"期别": "2023", "地区": f"县{at}", "指标": "收入", "数值": value} for at, value in enumerate(values)]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    card = kpi.score(tmp_path / "a.jsonl", system=system())
    assert card.measures["status"].to_list() == ["ok", "refused", "refused"]
    assert [(item.code, item.place.row) for item in card.findings_list] == [("K604", 2), ("K604", 3)]


def test_types_of_json_lines_follow_from_all_lines(tmp_path):
    rows = [{"期别": "2023", "地区": f"县{at}", "指标": "收入", "数值": at} for at in range(300)]
    rows[200]["数值"], rows[250]["数值"] = 200.5, "NP"
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    card = kpi.score(tmp_path / "a.jsonl", system=system())
    assert card.measures.filter(entity="县200")["value"].to_list() == [200.5]
    assert [item.place.row for item in card.findings_list] == [251]


ODD = {
    "list": [[1], [2]], "fields": [{"a": 1}, {"a": 2}], "duration": [dt.timedelta(1), dt.timedelta(2)],
    "bytes": [b"\xff", b"\xfe"], "nested": [[{"a": b"\xff"}], []],
}  # fmt: skip


@pytest.mark.parametrize("kind", ["parquet", "arrow", "frame"])
@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    ("header", "code"),
    [("备注列", "K553"), ("说明", "K553"), ("地区", "K554"), ("期别", "K554"), ("数值", "K554"), ("修订", "K554")],
)
def test_a_column_that_holds_no_figures_and_no_texts_is_one_finding(kind, odd, header, code, tmp_path):
    table = frame().head(2).with_columns(pl.Series(header, ODD[odd]))
    given: object = table
    if kind == "parquet":
        table.write_parquet(given := tmp_path / "a.parquet")
    elif kind == "arrow":
        table.write_ipc(given := tmp_path / "a.arrow")
    if code == "K554":
        with pytest.raises(DataError) as caught:
            kpi.score(given, system=system())
        assert [(item.code, item.place.field) for item in caught.value.diagnostics] == [(code, header)]
        return
    card = kpi.score(given, system=system())
    assert [item.code for item in card.findings_list] == [code]
    assert card.measures["value"].to_list() == [5, 6]


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_column_of_a_wide_file_leaves_the_others(odd):
    text = SYSTEM.replace("x: {", "y: {title: 支出, unit: 万元}, x: {")
    table = pl.DataFrame({"期别": ["2023"] * 2, "地区": ["a", "b"], "收入": [1.0, 2.0]}).with_columns(
        支出=pl.Series(ODD[odd])
    )
    card = kpi.score(table, system=system(text))
    assert card.measures.filter(measure="x")["value"].to_list() == [1, 2]
    assert set(card.measures.filter(measure="y")["status"]) == {"refused"}
    assert [(item.code, str(item.severity)) for item in card.findings_list] == [("K553", "error")]
    assert [card.counts[key] for key in ("read", "used", "refused")] == [4, 2, 2]


@pytest.mark.parametrize("kind", ["parquet", "frame"])
def test_an_empty_cell_of_an_odd_column_is_missing(kind, tmp_path):
    text = SYSTEM.replace("x: {", "y: {title: 支出, unit: 万元}, x: {")
    table = pl.DataFrame({"期别": ["2023"] * 2, "地区": ["a", "b"], "收入": [1.0, 2.0], "支出": [[1], None]})
    table.write_parquet(tmp_path / "a.parquet")
    card = kpi.score(tmp_path / "a.parquet" if kind == "parquet" else table, system=system(text))
    assert dict(card.measures.filter(measure="y").select("entity", "status").rows()) == {"a": "refused", "b": "missing"}


@pytest.mark.parametrize("odd", ODD)
def test_records_are_not_counted_without_a_column_that_they_need(odd):
    table = pl.DataFrame({"日期": ["2023-01-01"] * 2, "地区": ["a", "b"]}).with_columns(金额=pl.Series(ODD[odd]))
    with pytest.raises(DataError) as caught:
        kpi.score(table, system=system(RECORDS))
    assert codes(caught.value) == ["K554"]


def test_bytes_that_are_texts_are_texts(tmp_path):
    table = frame().head(2).with_columns(pl.col("地区").cast(pl.Binary))
    table.write_parquet(tmp_path / "a.parquet")
    assert kpi.score(tmp_path / "a.parquet", system=system()).measures["entity"].to_list() == ["东县", "西县"]


# ---- WORKBOOKS, TERMINALS ---- #


def test_a_workbook_that_needs_more_memory_than_there_is_is_not_opened(tmp_path, monkeypatch):
    saved(tmp_path, ".xlsx").rename(tmp_path / "a.xlsx")
    monkeypatch.setattr(workbook, "_GROWTH", 10**12)
    with pytest.raises(DataError) as caught:
        kpi.score(tmp_path / "a.xlsx", system=system())
    assert codes(caught.value) == ["K509"]
    assert "memory" in caught.value.diagnostics[0].message


def test_csv_on_a_terminal_shows_no_control_characters_but_a_pipe_keeps_them(tmp_path):
    name = "东\x1b[31m\x9b2J县"
    (tmp_path / "a.csv").write_text(HEADER + f"2023,{name},收入,5\n", "utf-8")
    (tmp_path / "s.yaml").write_text(SYSTEM, "utf-8")
    command = [sys.executable, "-m", "kpi", "score", "a.csv", "-s", "s.yaml", "-q", "-f", "csv"]
    piped = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).stdout
    assert name in piped.decode("utf-8")
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, cwd=tmp_path, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        process.wait()
    os.close(ours)
    text = shown.decode("utf-8")
    assert r"东\x1b[31m\x9b2J县" in text
    assert not {item for item in text if item < " " or "\x7f" <= item <= "\x9f"} - {"\r", "\n"}


def _read(handle: int) -> bytes:
    try:
        return os.read(handle, 65536)
    except OSError:  # the other end of a terminal is closed
        return b""
