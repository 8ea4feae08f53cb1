"""Files to tables: every encoding and form reads alike, and every file that cannot be read says why."""

from __future__ import annotations

import gc
import gzip
import hashlib
import io
import os
import random
import warnings
import zipfile

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kpi
from kpi.errors import DataError, Severity
from kpi.intake.files import contents, encoding
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW
from kpi.intake.panel import take_in
from kpi.intake.reported import fast_rows

TEXT = '期别,地区,指标,数值\n2024-01,南湖区,GDP,"1,234.5"\n2024-01,秀洲区,GDP,—\n2024-02,海宁市,GDP,\n'
HEADERS = ("期别", "地区", "指标", "数值")
ROWS = [
    (2, "2024-01", "南湖区", "GDP", "1,234.5"),
    (3, "2024-01", "秀洲区", "GDP", "—"),
    (4, "2024-02", "海宁市", "GDP", None),
]


@pytest.fixture
def write(tmp_path):
    def writer(content, name="a.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return writer


def refusal(path):
    with pytest.raises(DataError) as caught:
        read(path)
    return caught.value.diagnostics


@pytest.mark.parametrize(
    "codec", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_encoding_and_delimiter_reads_alike(write, codec, delimiter, ending):
    text = TEXT.replace('"1,234.5"', "\0").replace(",", delimiter).replace("\0", '"1,234.5"').replace("\n", ending)
    (table,) = read(write(text.encode(codec)))
    assert table.columns == HEADERS
    assert (table.first_row, table.rows, table.typed) == (2, 3, False)
    assert table.numbered().collect().rows() == ROWS
    assert table.frame.collect_schema() == dict.fromkeys(HEADERS, pl.String)


def test_old_line_ends(write):
    (table,) = read(write(TEXT.replace("\n", "\r")))
    assert table.numbered().collect().rows() == ROWS


def test_the_encoding_found_is_a_note(write):
    (table,) = read(write(TEXT.encode("gb18030")))
    assert [(item.code, item.severity) for item in table.notes] == [("K520", Severity.INFO)]
    assert read(write(TEXT))[0].notes == ()


def test_a_transcoded_copy_lives_as_long_as_the_table(write):
    (table,) = read(write(TEXT.encode("gb18030")))
    copy = table.scratch.path
    assert copy.exists()
    del table
    gc.collect()
    assert not copy.exists()


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("codec", ["utf-8", "gb18030", "utf-16"])
def test_characters_cut_by_a_chunk_survive(write, monkeypatch, codec, chunk):
    monkeypatch.setattr(encoding, "_CHUNK", chunk)
    (table,) = read(write((TEXT + "2024-02,𠮷林镇,GDP,1\n").encode(codec)))
    assert table.numbered().collect().rows() == [*ROWS, (5, "2024-02", "𠮷林镇", "GDP", "1")]


@pytest.mark.parametrize("chunk", [3, 1 << 20])
def test_a_damaged_byte_is_named_with_its_row(write, monkeypatch, chunk):
    monkeypatch.setattr(encoding, "_CHUNK", chunk)
    content = TEXT.encode() + b"2024-02,\xff\xfe,GDP,1\n"
    (finding,) = refusal(write(content))
    assert (finding.code, finding.place.row) == ("K507", 5)
    assert f"byte {content.index(0xFF):,} (0xFF)" in finding.message
    content = TEXT.encode("gbk") + b"2024-02,\xff\xff,GDP,1\n"
    (finding,) = refusal(write(content))
    assert (finding.code, finding.place.row) == ("K507", 5)
    assert f"byte {content.index(0xFF):,} (0xFF) is not GB18030" in finding.message


def test_damaged_utf_8_is_not_taken_for_gb18030(write):
    # One byte lost from the middle of a character: the rest would decode as GB18030, into nonsense.
    content = TEXT.encode()
    at = content.index("海".encode())
    assert [item.code for item in refusal(write(content[:at] + content[at + 1 :]))] == ["K507"]


def test_chinese_beyond_the_first_megabyte_decides_the_encoding(write):
    body = "2024-01,a,GDP,1\n" * 100_000 + "2024-02,嘉善县,GDP,2\n"
    for codec in ("utf-8", "gb18030"):
        (table,) = read(write(("period,entity,measure,value\n" + body).encode(codec)))
        assert table.frame.tail(1).collect().row(0) == ("2024-02", "嘉善县", "GDP", "2")


def test_blank_rows_keep_the_numbers_of_the_others(write):
    (table,) = read(write("地区,GDP\n南湖区,1\n\n,\n秀洲区,2\n\n\n"))
    assert table.numbered().collect().rows() == [(2, "南湖区", "1"), (5, "秀洲区", "2")]
    assert table.frame.with_row_index(offset=table.first_row).collect()["index"].to_list() == [2, 3, 4, 5]


def test_line_breaks_inside_cells_count_as_one_row(write):
    (table,) = read(write('地区,"GDP\n(亿元)"\n"南湖\n区",1\n秀洲区,2\n'))
    assert table.columns == ("地区", "GDP(亿元)")
    assert table.numbered().collect().rows() == [(2, "南湖\n区", "1"), (3, "秀洲区", "2")]


def test_a_sheet_saved_as_csv(write):
    text = (
        "2024年一季度主要指标,,,\n填报单位：市统计局,,,单位：万元\n\n地区,财政收入,,人口\n,总量,增速,\n甲,1,2,3\n"
        '南湖区,"1,234.5",3.2,5\n\n秀洲区,2,3,4\n,,,\n注：初步数。,,,\n2.含开发区,,,\n填报人：张三,,审核人：李四,\n'
    )
    (table,) = read(write(text.encode("gbk")))
    assert table.columns == ("地区", "财政收入_总量", "财政收入_增速", "人口")
    assert table.unit == "万元"
    assert table.titles[0] == "2024年一季度主要指标"
    assert table.numbered().collect().rows() == [(7, "南湖区", "1,234.5", "3.2", "5"), (9, "秀洲区", "2", "3", "4")]
    assert [item.code for item in table.notes] == ["K520", "K521", "K525", "K521", "K522"]
    assert "填报人：张三" in table.notes[-1].message


def test_rows_with_too_many_cells_are_all_named(write):
    findings = refusal(write(TEXT + "2024-02,海盐县,GDP,1,234.5\n2024-02,平湖市,GDP,5\na,b,c,d,e\n"))
    assert [(item.code, item.place.row) for item in findings] == [("K506", 5), ("K506", 7)]
    assert "`234.5`" in findings[0].message


def test_a_long_list_of_wrong_rows_ends_with_their_number(write):
    findings = refusal(write("a,b\n" + "1,2,3\n" * 50))
    assert len(findings) == 21
    assert "30 more" in findings[-1].message


def test_short_rows_and_blank_surplus_cells_are_no_matter(write):
    (table,) = read(write("a,b\n1\n2,3,,\n,4\n5,6\n"))
    assert table.frame.collect().rows() == [("1", None), ("2", "3"), (None, "4"), ("5", "6")]


def test_blank_columns_go_and_unnamed_ones_get_a_name(write):
    (table,) = read(write(",a,,b,\n1,2,,3,\n4,5,,6,\n"))
    assert table.columns == ("列1", "a", "b")
    assert table.frame.collect().rows() == [("1", "2", "3"), ("4", "5", "6")]
    assert [(item.code, item.severity) for item in table.notes] == [("K512", Severity.WARNING)]


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ('a,b\n1,"5x\n3,4\n5,6\n', 2),
        ('a,b\n1,2\n1,"5x\n3,4"6\n7,8\n', 3),
        ('a,b\n1,2\n3,"x' + "\n5,6" * 60 + '"\n7,8\n', 3),
    ],
)
def test_quotation_marks_that_do_not_close_swallow_nothing(write, content, row):
    findings = refusal(write(content))
    assert [(item.code, item.place.row) for item in findings] == [("K513", row)]


def test_a_quotation_mark_inside_a_cell_is_text(write):
    (table,) = read(write('a,b\n1,5"管\n3,"x""y"\n'))
    assert table.frame.collect().rows() == [("1", '5"管'), ("3", 'x"y')]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", "K502", "empty"),
        ("\ufeff\n\n", "K502", "empty"),
        ("a,b\n", "K505", "no row of data"),
        ("a,b\n,\n注：无\n", "K505", "no row of data"),
        ("202401,南湖区,12.3\n202401,秀洲区,13.3\n", "K504", "`12.3`"),
        ("a,b,a\n1,2,3\n", "K508", "`a`"),
        (b"%PDF-1.7\n", "K503", "PDF"),
        (b"\x89PNG\r\n", "K503", "PNG"),
        (b"PK\x03\x04 no zip", "K503", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "K503", "Word"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "K511", "password"),
        ("<html><table></table></html>", "K503", "web page"),
        (bytes(range(256)) * 40, "K503", "binary"),
        (random.Random(1).randbytes(5000), "K503", "binary"),
        (b"\x80\x81\xff" * 100, "K507", "GB18030"),
        (b"PAR1 nothing", "K503", "damaged"),
        (b"ARROW1 nothing", "K503", "damaged"),
        (gzip.compress(TEXT.encode(), mtime=0)[:40], "K503", "damaged"),
        (gzip.compress(b"%PDF-1.7\n", mtime=0), "K503", "PDF"),
    ],
)
def test_what_cannot_be_read_says_why(write, content, code, words):
    (finding, *more) = refusal(write(content))
    assert not more
    assert finding.code == code
    assert words in finding.message
    assert finding.place.file.endswith("a.csv")


@pytest.mark.parametrize("codec", ["utf-8", "gb18030"])
def test_compressed_files(write, codec):
    zstandard = pytest.importorskip("zstandard")
    for content, name in (
        (gzip.compress(TEXT.encode(codec)), "a.csv.gz"),
        (zstandard.compress(TEXT.encode(codec)), "b.csv.zst"),
    ):
        (table,) = read(write(content, name))
        assert table.numbered().collect().rows() == ROWS


def test_a_bomb_is_refused(write, monkeypatch):
    monkeypatch.setattr(encoding, "FREE_GROWTH", 1000)
    (finding,) = refusal(write(gzip.compress(b"a,b\n" + b"1,2\n" * 500_000)))
    assert finding.code == "K509"


def test_native_formats_keep_their_types(tmp_path):
    frame = pl.DataFrame({" 地区": ["南湖区", None], "GDP（亿元）": [1.5, None]})
    frame.write_parquet(tmp_path / "a.parquet")
    frame.write_ipc(tmp_path / "a.arrow")
    frame.write_ndjson(tmp_path / "a.jsonl")
    for name in ("a.parquet", "a.arrow", "a.jsonl"):
        (table,) = read(tmp_path / name)
        assert (table.columns, table.typed, table.first_row) == (("地区", "GDP(亿元)"), True, 1)
        assert table.numbered().collect().rows() == [(1, "南湖区", 1.5)]


def test_native_columns_that_clean_to_the_same_name(tmp_path):
    pl.DataFrame({"a": [1], " a": [2]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"a": []}).write_parquet(tmp_path / "b.parquet")
    assert [item.code for item in refusal(tmp_path / "a.parquet")] == ["K508"]
    assert [item.code for item in refusal(tmp_path / "b.parquet")] == ["K505"]


def test_a_missing_file_names_its_neighbour(write, tmp_path):
    write(TEXT, "period.csv")
    (finding,) = refusal(tmp_path / "preiod.csv")
    assert (finding.code, finding.hint) == ("K501", "did you mean `period.csv`?")
    assert refusal(tmp_path / "no" / "a.csv")[0].code == "K501"


@pytest.mark.parametrize(
    ("codecs", "row"),
    [
        (("utf-8", "utf-8", "gbk"), 3),
        (("utf-8", "gbk", "utf-8"), 2),
        (("gbk", "utf-8", "gbk"), 2),
        (("gbk", "gbk", "utf-8"), 3),
        (("ascii", "gbk", "utf-8"), 3),
    ],
)
def test_the_first_row_of_another_encoding_is_named(write, codecs, row):
    lines = ["地区,期别,办件量\n", "甲县城关,2024Q1,10\n", "乙县城关,2024Q1,30\n"]
    lines[0] = "unit,period,cases\n" if codecs[0] == "ascii" else lines[0]
    (finding,) = refusal(write(b"".join(line.encode(item) for line, item in zip(lines, codecs, strict=True))))
    assert (finding.code, finding.place.row) == ("K507", row)


def test_a_header_of_more_than_the_beginning_has_all_its_columns(write):
    width = 60_000
    head = ",".join(["地区", "期别", *(f"第{at}项指标的完成情况" for at in range(width))])
    rows = "".join(f"县{at},2024Q1" + ",1" * width + "\n" for at in range(4))
    (table,) = read(write(f"{head}\n{rows}"))
    assert (len(table.columns), table.frame.select(pl.len()).collect().item()) == (width + 2, 4)


def test_a_pipe_is_no_file(write, tmp_path):
    write(TEXT, "a.csv")
    os.mkfifo(tmp_path / "b.csv")
    (tmp_path / "c.csv").symlink_to("nowhere.csv")
    (pipe,), (link,) = refusal(tmp_path / "b.csv"), refusal(tmp_path / "c.csv")
    assert (pipe.code, "pipe" in pipe.message, "did you mean" in (pipe.hint or "")) == ("K501", True, False)
    assert (link.code, "nowhere.csv" in link.message) == ("K501", True)
    (table,) = read(tmp_path)
    (note,) = (item for item in table.notes if item.code == "K517")
    assert "`b.csv`" in note.message and "`c.csv`" in note.message  # noqa: PT018


def test_an_archive_with_two_files_of_one_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for unit in ("南湖区", "秀洲区"):
            archive.writestr("a.csv", f"地区,期别,办件量\n{unit},2024Q1,5\n{unit},2024Q2,7\n")
    first, second = read(tmp_path / "a.zip")
    assert [item.frame.collect()["地区"][0] for item in (first, second)] == ["南湖区", "秀洲区"]
    assert (first.place().file, second.place().file) == tuple(
        f"{tmp_path / 'a.zip'}/{name}" for name in ("a.csv", "a (2).csv")
    )


@pytest.mark.parametrize("suffix", [".zip", ".xlsx", ".csv"])
def test_an_archive_whose_names_are_not_the_utf_8_that_they_are_marked_as(write, suffix):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("报表.csv", TEXT)
    content = packed.getvalue().replace("报表".encode(), b"\xb1\xa8\xb1\xed\xb1\xed")
    (finding,) = refusal(write(content, f"a{suffix}"))
    assert (finding.code, "UTF-8" in finding.message) == ("K503", True)


def test_folders_and_patterns_give_their_files_in_order(write, tmp_path):
    for name in ("b.csv", "a.csv", "~$a.xlsx", ".c.csv", "readme.md"):
        write(TEXT, name)
    expected = [str(tmp_path / name) for name in ("a.csv", "b.csv")]
    assert [table.file for table in read(tmp_path)] == expected
    assert [table.file for table in read(tmp_path / "[ab]*.csv")] == expected
    assert refusal(tmp_path / "*.zzz")[0].code == "K501"
    (tmp_path / "empty").mkdir()
    assert refusal(tmp_path / "empty")[0].code == "K501"


def test_a_folder_reports_the_findings_of_all_files(write, tmp_path):
    write("", "a.csv")
    write(TEXT, "b.csv")
    write("a,a\n1,2\n", "c.csv")
    assert [(item.code, item.place.file[-5:]) for item in refusal(tmp_path)] == [("K502", "a.csv"), ("K508", "c.csv")]


def test_names_that_polars_takes_for_patterns(write):
    (table,) = read(write("地区,*,^a$\n南湖区,1,2\n,3,\n"))
    assert table.columns == ("地区", "*", "^a$")
    assert table.numbered().collect().rows() == [(2, "南湖区", "1", "2"), (3, None, "3", None)]
    assert ROW not in table.columns


CELL = st.text(st.characters(codec="gb18030", exclude_categories=["Cs", "Cc", "Co"]), max_size=6).filter(
    lambda cell: "\ufeff" not in cell
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8), st.sampled_from(["utf-8", "gb18030"]))
def test_no_cell_is_lost_whatever_it_holds(tmp_path, rows, codec):
    """Data rows are framed by plain ones, so that none of them can be a header or a note."""
    rows = [("a", "1", "2"), *rows, ("z", "1", "2")]
    quoted = [
        "\t".join('"' + cell.replace('"', '""') + '"' for cell in row)
        for row in [("中文字段名称很长", "数值", "说明"), *rows]
    ]
    path = tmp_path / "a.csv"
    path.write_bytes("\n".join(quoted).encode(codec))
    (table,) = read(path)
    assert table.frame.collect().rows() == [tuple(cell or None for cell in row) for row in rows]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=200) | st.text('ab1,;"\t\n\r \x00中文：注单位0.5%', max_size=60).map(str.encode))
def test_any_bytes_give_a_table_or_findings(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    findings = ()
    try:
        (table,) = read(path)
    except DataError as error:
        findings = error.diagnostics
    assert all(item.code.startswith("K5") and item.place.file == str(path) for item in findings)
    if not findings:
        frame = table.numbered().collect()
        assert frame.columns == [ROW, *table.columns]
        assert len(set(table.columns)) == len(table.columns) > 0


def test_the_hash_of_a_frame_is_that_of_its_schema_and_rows_however_they_are_cut(monkeypatch):
    frame = pl.DataFrame({"a": ["x", None, "y"], "v": [1.0, 2.0, None]})
    whole = contents.content_hash([frame])
    monkeypatch.setattr(contents, "_HASHED", 1)
    answer = repr(frame.schema) + frame.write_ndjson()
    item = hashlib.sha256(hashlib.sha256(answer.encode()).hexdigest().encode()).hexdigest()[:16]
    assert whole == contents.content_hash([frame]) == contents.content_hash([frame.lazy()]) == item
    others = [frame.reverse(), frame.head(2), frame.rename({"a": "b"}), frame.cast({"v": pl.Float32})]
    assert len({whole, *(contents.content_hash([other]) for other in others)}) == 5


_CELLS = {
    pl.String: st.text(max_size=5), pl.Boolean: st.booleans(), pl.Date: st.dates(), pl.Int64: st.integers(-9, 2**62),
    pl.Float64: st.floats(), pl.Float32: st.floats(width=32),
}  # fmt: skip


@settings(deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(list(_CELLS)), min_size=1, max_size=4), st.integers(1, 5), st.data())
def test_few_rows_have_the_hash_that_they_have_as_a_lazy_frame(types, height, data):
    columns = [
        pl.Series(
            f'"{at}\n', data.draw(st.lists(st.none() | _CELLS[item], min_size=height, max_size=height)), dtype=item
        )
        for at, item in enumerate(types)
    ]
    frame = pl.DataFrame(columns)
    assert contents.content_hash([frame]) == contents.content_hash([frame.lazy()])


@pytest.fixture
def one_measure(tmp_path):
    text = "system: s\nperiod: quarter\nentities: {}\nmeasures: {gdp: {unit: 亿元}}\n"
    (tmp_path / "s.yaml").write_text(f"{text}indicators: {{size: {{kind: level, of: gdp}}}}\n", "utf-8")
    return kpi.load(tmp_path / "s.yaml")


# A reader of Polars 2.1 panics at some such bytes, which looks like the end of the rows to whoever takes its batches.
@pytest.mark.parametrize("every", [31, pytest.param(3, marks=pytest.mark.slow)])
def test_no_byte_of_parquet_that_is_damaged_loses_rows(tmp_path, monkeypatch, one_measure, every):
    monkeypatch.setattr(fast_rows, "BATCH", 20)
    rows = pl.DataFrame({"期别": "2023Q1", "地区": [f"县{at}" for at in range(90)], "指标": "gdp", "数值": 1.0})
    path = tmp_path / "a.parquet"
    rows.write_parquet(path, row_group_size=30, compression="uncompressed")
    content, reports = path.read_bytes(), set()
    for at in {*range(4, len(content), every), *LOSING}:
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        try:
            assert take_in(one_measure, [path]).counts.read == 90
        except DataError as error:
            reports.update(item.code for item in error.diagnostics)
    assert reports == {"K503"}


@pytest.mark.parametrize("form", ["files", "folder", "alone"])
def test_damage_that_shows_late_leaves_the_other_files(tmp_path, one_measure, form):
    rows = pl.DataFrame({"期别": "2023Q1", "地区": [f"县{at}" for at in range(90)], "指标": "gdp", "数值": 1.0})
    (folder := tmp_path / "data").mkdir()
    rows.write_parquet(folder / "a.parquet", row_group_size=30, compression="uncompressed")
    content = (folder / "a.parquet").read_bytes()
    (folder / "a.parquet").write_bytes(content[: LOSING[0]] + b"\x00\xff" + content[LOSING[0] + 2 :])
    (folder / "b.csv").write_text("期别,地区,指标,数值\n2023Q2,县1,gdp,2\n", "utf-8")
    given = {"files": sorted(folder.iterdir()), "folder": [folder], "alone": [folder / "a.parquet"]}[form]
    with pytest.raises(DataError, match="K503"):
        kpi.score(given, system=one_measure)
    if form == "alone":
        with pytest.raises(DataError, match="K503"):
            kpi.score(given, system=one_measure, partly=True)
        return
    card = kpi.score(given, system=one_measure, partly=True)
    assert [(item.code, item.place.file) for item in card.findings_list] == [("K503", str(folder / "a.parquet"))]
    assert card.measures["value"].to_list() == [2.0]
    assert (card.counts["read"], card.counts["used"], card.counts["unread"]) == (1, 1, 1)


#: Where a damaged byte made some rows vanish.
LOSING = (1984, 2365, 2367, 2495, 2591, 3725, 3793, 3857)
