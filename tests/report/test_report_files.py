from __future__ import annotations

import csv
import io
import json
import os
import stat
import threading
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from report_sample import Sample, empty, sample

from kpi.errors import DataError
from kpi.report import encode
from kpi.report.files import content, write
from kpi.report.formats import NAMES, SUFFIXES
from kpi.report.shape import FRAMES, frames

pytestmark = pytest.mark.usefixtures("chinese")

FORMS = sorted(NAMES)


def failure(*args: object, **options: object) -> tuple[str, str]:
    with pytest.raises(DataError) as caught:
        write(sample(), *args, **options)
    (item,) = caught.value.diagnostics
    return item.code, f"{item.message} {item.hint}"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_scorecard_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    item, two = tmp_path / f"a{suffix}", tmp_path / f"b{suffix.upper()}"
    assert write(sample(), item) == (item,)
    write(sample(), str(two))
    assert item.read_bytes() == two.read_bytes()
    assert len(item.read_bytes()) > 1000


@pytest.mark.parametrize("form", FORMS)
def test_nothing_evaluated_can_be_written(form: str) -> None:
    data = content(empty(), form)
    assert isinstance(data, bytes)
    if form == "json":
        assert json.loads(data)["totals"] == []


def test_csv_files_have_a_mark_for_excel_and_streams_have_none(tmp_path: Path) -> None:
    write(sample(), tmp_path / "a.csv")
    stream = io.BytesIO()
    write(sample(), stream, "csv")
    assert (tmp_path / "a.csv").read_bytes() == b"\xef\xbb\xbf" + stream.getvalue()
    text = io.StringIO()
    write(sample(), text, "csv")
    assert text.getvalue().encode() == stream.getvalue()


def test_csv_reads_back_as_the_totals() -> None:
    totals = frames(sample())["totals"]
    assert_frame_equal(pl.read_csv(content(sample(), "csv"), schema=totals.schema), totals)


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1), st.lists(st.floats(allow_nan=False)))
def test_no_text_in_csv_is_a_formula_and_none_is_lost(texts: list[str], numbers: list[float]) -> None:
    written = encode.csv(pl.DataFrame({"文本": texts})).decode()
    cells = [row[0] for row in csv.reader(io.StringIO(written, newline=""), strict=True)][1:]
    assert not any(encode.is_formula(cell) for cell in cells)
    assert [cell[1:] if encode.is_formula(text) else cell for cell, text in zip(cells, texts, strict=True)] == texts
    plain = encode.csv(pl.DataFrame({"x": numbers}, schema={"x": pl.Float64})).decode().split()[1:]
    assert [float(number) for number in plain] == numbers


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\ta", "\ra", "\na", "＝1", "＋1", "－1", "＠a"])
def test_every_start_of_a_formula_is_quoted(text: str) -> None:
    read = pl.read_csv(encode.csv(pl.DataFrame({"a": [text]})), schema={"a": pl.String})
    assert read.item() == "'" + text


def test_json_has_its_keys_in_order_and_exact_floats() -> None:
    read = json.loads(content(sample(), "json"))
    assert list(read) == [
        *("schema", "system", "definition_hash", "data_hash", "title", "entity_title", "full", "decimals", "periods"),
        *("totals", "pillars", "indicators", "findings"),
    ]
    assert (read["schema"], read["title"], read["full"]) == ("kpi.scorecard/1", "示例市数字化改革评价", 100.0)
    for name in ("totals", "pillars", "indicators", "findings"):
        assert read[name] == frames(sample())[name].to_dicts()
        assert list(read[name][0]) == frames(sample())[name].columns
    assert "76.041152" in content(sample(), "json").decode()
    assert "示例" in content(sample(), "json").decode()


def test_json_lines_nest_the_pillars_of_each_row() -> None:
    scorecard = replace(sample(), pillars=sample().pillars.filter(pl.col("entity") != "秀洲区"))
    lines = [json.loads(line) for line in content(scorecard, "jsonl").decode().splitlines()]
    totals, pillars = frames(scorecard)["totals"], frames(scorecard)["pillars"]
    assert [{key: line[key] for key in totals.columns} for line in lines] == totals.to_dicts()
    nested = [
        {"system": line["system"], "period": line["period"], "cohort": line["cohort"], "entity": line["entity"]}
        | pillar
        for line in lines
        for pillar in line["pillars"]
    ]
    assert nested == pillars.to_dicts()
    assert [line["pillars"] for line in lines if line["entity"] == "秀洲区"] == [[], []]


def test_parquet_is_the_frame_with_its_origin() -> None:
    data = content(sample(), "parquet")
    assert_frame_equal(pl.read_parquet(io.BytesIO(data)), frames(sample())["totals"])
    assert pl.read_parquet_metadata(io.BytesIO(data))["definition_hash"] == "7c1e9a5500aa11bb"


@pytest.mark.parametrize("form", [None, "csv", "parquet"])
def test_a_folder_gets_every_frame(tmp_path: Path, form: str | None) -> None:
    written = write(sample(), f"{tmp_path}/new/results/", form)
    suffixes = [".csv", ".parquet"] if form is None else [f".{form}"]
    assert [path.name for path in written] == [f"{name}{suffix}" for name in FRAMES for suffix in suffixes]
    for path in written:
        read = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
        assert read.height == frames(sample())[path.stem].height
        assert path.suffix != ".csv" or path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert write(sample(), tmp_path / "new" / "results", form) == written
    assert sorted(path.name for path in (tmp_path / "new" / "results").iterdir()) == sorted(p.name for p in written)


def test_markdown_holds_the_standing_the_findings_and_the_origin() -> None:
    text = content(sample(), "md").decode()
    rows = [[cell.strip() for cell in line.split(" | ")] for line in text.splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {11, 5}
    assert "| 1 | ▲1 | 桐乡市 | 76.04 | ★★★½☆ | +5.04 |" in text
    assert "\\`地区生产总值\\` \\| 缺报" in text
    assert all(item in text for item in ("7c1e9a5500aa11bb", "90ab34cd77ee66ff", "一票否决", "未评：缺报", "第7行"))
    assert "2023Q3" in content(sample(), "md", period="2023Q3").decode().splitlines()[0]


def test_a_file_that_exists_keeps_its_mode_and_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write(sample(), link)
    assert link.is_symlink()
    assert real.read_bytes().startswith(b"\xef\xbb\xbf")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    fresh = tmp_path / "fresh.csv"
    write(sample(), fresh)
    (probe := tmp_path / "probe").touch()
    assert fresh.stat().st_mode == probe.stat().st_mode


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    answer = f"cannot write `{path}`: no space left on the disk make room there, or write to another disk"
    assert failure(path) == ("K540", answer)
    assert [(item.name, item.read_text()) for item in tmp_path.iterdir()] == [("a.csv", "old")]


def test_readers_and_rival_writers_never_see_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    other = replace(sample(), title="另一个评价", data_hash="ff" * 500)
    whole = {content(sample(), "json"), content(other, "json")}
    write(other, path)
    seen: set[bytes] = set()

    def rewrite(scorecard: Sample) -> None:
        for _ in range(20):
            write(scorecard, path)
            seen.add(path.read_bytes())

    writers = [threading.Thread(target=rewrite, args=(item,)) for item in (sample(), other)]
    for item in writers:
        item.start()
    for item in writers:
        item.join()
    assert seen <= whole
    assert [item.name for item in tmp_path.iterdir()] == ["a.json"]


def test_what_is_no_regular_file_is_written_to_directly() -> None:
    assert write(sample(), os.devnull, "csv") == (Path(os.devnull),)
    assert not Path(os.devnull).is_file()


def test_what_cannot_be_written_is_a_finding_with_the_way_out(tmp_path: Path) -> None:
    code, words = failure(tmp_path / "absent" / "a.csv")
    assert code == "K540"
    assert "create the folder" in words
    (tmp_path / "file").touch()
    assert failure(tmp_path / "file" / "a.csv")[0] == "K540"
    assert failure(f"{tmp_path}/file/")[0] == "K540"
    assert failure(io.StringIO(), "parquet")[0] == "K540"


def test_an_unknown_format_is_a_finding_that_lists_the_known(tmp_path: Path) -> None:
    code, words = failure(tmp_path / "a.xslx")
    assert code == "K541"
    assert "did you mean `.xlsx`?" in words
    assert all(suffix in words for suffix in SUFFIXES)
    assert failure(tmp_path / "a")[0] == failure(tmp_path / "a.csv", "cvs")[0] == failure(f"{tmp_path}/", "xlsx")[0]
    assert list(tmp_path.iterdir()) == []
