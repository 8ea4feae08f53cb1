"""A definition drafted from a file scores that file.

Class of wrong answer: a table that the readers know and a draft does not; a guess that is not marked; a figure that is
scored under another name, unit or period than its own; a suggestion that does not load.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.drafting.trial import tried
from kpi.errors import DataError, Severity
from kpi.language.loading.loader import examine_text
from tests.soundness.test_shapes_of_a_table import ENTITIES, PERIODS, SHAPES, TITLES, Table, write

YEAR = 2024


def table_of(grain: str) -> Table:
    figures = {
        (who, when, of): 7.25 + 3 * at + 1.5 * then + 100 * number
        for at, who in enumerate(ENTITIES)
        for then, when in enumerate(PERIODS[grain])
        for number, of in enumerate(TITLES)
    }
    return Table(grain, ENTITIES, PERIODS[grain], figures)


def errors(findings):
    return [str(item) for item in findings if item.severity is Severity.ERROR]


def init(folder: Path, *args: str, monkeypatch):
    monkeypatch.chdir(folder)
    return CliRunner().invoke(main, ["--help"] if not args else ["init", *args])


def scored(folder: Path, *args: str, monkeypatch):
    monkeypatch.chdir(folder)
    return CliRunner().invoke(main, ["score", *args])


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_scored_with_all_its_figures(name, tmp_path):
    scored_with_all_figures(name, "quarter", 1, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("grain", ["year", "month"])
@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_is_scored_in_every_format_and_grain(name, grain, tmp_path):
    scored_with_all_figures(name, grain, 3, tmp_path)


def scored_with_all_figures(name, grain, formats, tmp_path):
    table = table_of(grain)
    written = SHAPES[name](table)
    for file_format in written.formats[:formats]:
        folder = tmp_path / file_format
        folder.mkdir()
        files = write(folder, written, file_format)
        done = tried(files, YEAR)
        assert errors(done.findings) == []
        assert (done.scored, str(done.draft.period), len(done.draft.measures)) == (4, grain, 2)
        (folder / "roster.csv").write_text(done.roster or "", "utf-8")
        definition = folder / "d.yaml"
        definition.write_text(done.text, "utf-8")
        card = kpi.score(files, system=str(definition))
        expected = sorted(table.figures.values())
        if "sex" not in done.text:
            assert sorted(card.measures["value"].to_list()) == pytest.approx(expected)
        assert card.totals["score"].null_count() == 0


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
def test_a_file_is_scored_right_after(suffix, tmp_path, monkeypatch):
    rows = {
        "期别": ["2023Q1", "2023Q1", "2023Q2", "2023Q2"], "派出所": ["东湖所", "西山所"] * 2,
        "办件总量（件）": [120, 80, 130, 90], "办结量(件)": [110, 79, 128, 70], "常住人口": [3.2, 4.1, 3.2, 4.1],
    }  # fmt: skip
    frame = pl.DataFrame(rows)
    file = f"报表.{suffix}"
    getattr(frame, {"csv": "write_csv", "xlsx": "write_excel", "parquet": "write_parquet"}[suffix])(tmp_path / file)
    done = init(tmp_path, file, monkeypatch=monkeypatch)
    assert (done.exit_code, done.stdout) == (0, f"kpi score {file}\n")
    text = (tmp_path / "报表.yaml").read_text("utf-8")
    assert re.search(r"(?m)^  办件总量: \{unit: 件\}$", text)
    assert re.search(r"(?m)^  常住人口: \{unit: 人\}  # (guess|推测)", text)
    assert "# 办结量_办件总量_ratio: {kind: ratio" in text
    assert (tmp_path / "roster.csv").read_text("utf-8") == "entity,code,cohort,order\n东湖所,,,1\n西山所,,,2\n"
    after = scored(tmp_path, file, monkeypatch=monkeypatch)
    assert after.exit_code == 0
    assert "东湖所" in after.stdout


def test_every_guess_is_marked_and_reported(tmp_path, monkeypatch):
    (tmp_path / "d.csv").write_text("地区,GDP,合格率\n甲县,5,90\n乙县,7,80\n", "utf-8")
    done = init(tmp_path, "d.csv", "--lang", "en", monkeypatch=monkeypatch)
    assert done.exit_code == 0
    text = (tmp_path / "d.yaml").read_text("utf-8")
    guesses = re.findall(r"# guess: (.*)", text)
    assert len(guesses) == 4, text
    for guess in ("the period 20", "units that no heading says: `GDP`, `合格率`"):
        assert f"guessed: {guess}" in done.stderr
    assert "not stated by any document" in text
    assert "ours: [better]" in text
    assert scored(tmp_path, "d.csv", monkeypatch=monkeypatch).exit_code == 0


def test_suggestions_load_once_they_are_no_comments(tmp_path):
    lines = ["办件编号,受理时间,办结时间,所属乡镇,渠道,金额（元）,满意度星级"]
    lines += [
        f"B{at:04},2024-0{1 + at % 3}-1{at % 9} 09:00,2024-0{1 + at % 3}-2{at % 8},"
        f"{['东镇', '西镇', '南街道'][at % 3]},"
        f"{['网上', '窗口'][at % 2]},{at * 3},{1 + at % 5}"
        for at in range(60)
    ]
    file = tmp_path / "cases.csv"
    file.write_text("\n".join(lines), "utf-8")
    done = tried([file], YEAR)
    assert errors(done.findings) == []
    assert [(item.name, item.keys["kind"], item.keys["unit"]) for item in done.draft.measures] == [
        ("件数", "count", "件"), ("金额", "sum", "元")
    ]  # fmt: skip
    everything = re.sub(r"(?m)^  # (\S+: \{)", r"  \1", done.text)
    assert everything.count("kind: ratio") == 2
    assert "of: 办结时间 - 受理时间" in everything
    (tmp_path / "roster.csv").write_text(done.roster or "", "utf-8")
    loaded = examine_text(everything, folder=tmp_path)
    assert errors(loaded.findings) == []
    card = kpi.score(file, system=loaded.system)
    assert card.counts["used"] == 60


@pytest.mark.parametrize("heading", ["所属县市", "地区", "窗口"])
def test_rows_of_one_month_and_unit_are_events(heading, tmp_path):
    rows = [
        f"2024-0{1 + at % 3}-1{at % 9},{'甲乙'[at % 2]}县,{['网上', '窗口'][at % 3 > 0]},{at % 7}" for at in range(60)
    ]
    file = tmp_path / "items.csv"
    file.write_text("\n".join([f"办结日期,{heading},渠道,办理天数", *rows]), "utf-8")
    done = tried([file], YEAR)
    assert errors(done.findings) == []
    assert [(item.name, item.keys.get("kind")) for item in done.draft.measures] == [("件数", "count")]


def test_several_files_make_one_definition(tmp_path):
    (tmp_path / "a.csv").write_text("地区,期别,GDP（亿元）\n甲县,2023,5\n乙县,2023,7\n", "utf-8")
    (tmp_path / "b.csv").write_text("地区,指标,2022年,2023年\n甲县,人口(万人),5,6\n乙县,人口(万人),7,8\n", "utf-8")
    events = "日期,地区,事由\n" + "".join(f"2023-0{1 + at % 9}-11,{'甲乙'[at % 2]}县,投诉\n" for at in range(40))
    (tmp_path / "c.csv").write_text(events, "utf-8")
    done = tried([tmp_path / f"{item}.csv" for item in "abc"], YEAR)
    assert errors(done.findings) == []
    assert (str(done.draft.period), [item.name for item in done.draft.measures]) == ("year", ["GDP", "人口", "件数"])


def test_sheets_of_one_book_make_one_definition(tmp_path, monkeypatch):
    with xlsxwriter.Workbook(tmp_path / "book.xlsx") as book:
        for name, rows in {
            "经济": [["地区", "2022年", "2023年"], ["甲县", 5, 6], ["乙县", 7, 8]],
            "民生": [
                ["地区", "期别", "人口（万人）", "合格率（%）"],
                ["甲县", "2023年", 50, 90],
                ["乙县", "2023年", 60, 91],
            ],
            "说明": [["填表说明"], ["按统计口径填写"]],
        }.items():
            page = book.add_worksheet(name)
            for at, row in enumerate(rows):
                page.write_row(at, 0, row)
    done = init(tmp_path, "book.xlsx", monkeypatch=monkeypatch)
    assert done.exit_code == 0, done.stderr
    assert list(kpi.load(tmp_path / "book.yaml").measures) == ["经济", "人口", "合格率"]
    assert scored(tmp_path, "book.xlsx", monkeypatch=monkeypatch).exit_code == 0
    alone = init(tmp_path, "book.xlsx#民生", "--name", "people", monkeypatch=monkeypatch)
    assert (alone.exit_code, list(kpi.load(tmp_path / "people.yaml").measures)) == (0, ["人口", "合格率"]), alone.stderr


@pytest.mark.parametrize(
    ("text", "name", "unit"),
    [
        pytest.param("地区,期别,5G覆盖率（%）\n甲县,2023,5\n乙县,2023,7\n", "5G覆盖率", "%", id="a digit in front"),
        pytest.param("地区,期别,GDP per head (元/人)\n甲县,2023,5\n乙县,2023,7\n", "gdp_per_head", "元/人", id="gap"),
        pytest.param("地区,期别,score\n甲县,2023,5\n乙县,2023,7\n", "score_2", "分", id="a name of the engine"),
        pytest.param("地区,期别,off\n甲县,2023,5\n乙县,2023,7\n", "off", "1", id="a word of YAML"),
        pytest.param('地区,期别,"投入:产出"\n甲县,2023,5\n乙县,2023,7\n', "投入_产出", "1", id="signs"),
        pytest.param("地区,期别,投资\n甲县,2023,5亿元\n乙县,2023,7亿元\n", "投资", "亿元", id="units in cells"),
        pytest.param("单位：万元\n地区,期别,投资\n甲县,2023,5\n乙县,2023,7\n", "投资", "万元", id="a unit above"),
        pytest.param('地区,期别,投资\n甲县,2023,"1.234,5"\n乙县,2023,"7,5"\n', "投资", "1", id="decimal commas"),
        pytest.param(
            "地区,期别,投资（元）\n甲县,2023,NP\n乙县,2023,7\n丙县,2023,NP\n丁县,2023,4\n", "投资", "元", id="marks"
        ),
        pytest.param("地区,期别,累计投资（元）\n甲县,2023-01,5\n甲县,2023-02,7\n", "累计投资", "元", id="running"),
        pytest.param("地区,期别,投资（元）\n甲县,2023年1-3月,5\n甲县,2023年1-6月,7\n", "投资", "元", id="spans"),
        pytest.param("地区,日期,投资（元）\n甲县,31/03/2023,5\n乙县,31/03/2023,7\n", "投资", "元", id="day first"),
        pytest.param("地区,期别,投资（元）\n甲县,2023W05,5\n乙县,2023W05,7\n", "投资", "元", id="weeks"),
        pytest.param("区划代码,期别,投资（元）\n330101,2023,5\n330102,2023,7\n", "投资", "元", id="codes"),
        pytest.param("地区,期别,投资（元）\n全国,2022,5\n全国,2023,7\n", "投资", "元", id="one unit called a total"),
        pytest.param("期别,投资（元）\n2022,5\n2023,7\n", "投资", "元", id="no column of units"),
        pytest.param(
            "地区,期别,居民消费价格指数(上年=100)\n甲县,2022,102.5\n甲县,2023,101\n", "居民消费价格指数_上年_100", "%",
            id="relatives",
        ),
        pytest.param(
            "地区,年份,性别,投资（元）\n甲县,2023,T,5\n甲县,2023,F,3\n乙县,2023,T,4\n乙县,2023,F,1\n", "投资", "元",
            id="a further key",
        ),
        pytest.param(
            "地区,期别,投资（元）,投资（元）,人口（人）\n甲县,2023,5,6,7\n乙县,2023,7,8,9\n", "人口", "人",
            id="a header twice",
        ),
    ],
)  # fmt: skip
def test_headings_and_cells_of_all_kinds(text, name, unit, tmp_path, monkeypatch):
    (tmp_path / "数据.csv").write_text(text, "utf-8")
    done = init(tmp_path, "数据.csv", monkeypatch=monkeypatch)
    assert done.exit_code == 0, done.stderr
    system = kpi.load(tmp_path / "数据.yaml")
    assert {item: measure.unit for item, measure in system.measures.items()} == {name: unit}
    after = scored(tmp_path, "数据.csv", monkeypatch=monkeypatch)
    assert after.exit_code == 0, after.stderr
    assert len(after.stdout.splitlines()) > 1


def test_a_wrong_cell_stays_an_error(tmp_path, monkeypatch):
    (tmp_path / "d.csv").write_text("地区,期别,投资（元）\n甲县,2023,约5\n乙县,2023,7\n丙县,2023,8\n", "utf-8")
    done = init(tmp_path, "d.csv", monkeypatch=monkeypatch)
    assert done.exit_code == 2
    assert "K604" in done.stderr
    assert (tmp_path / "d.yaml").exists()


def test_a_table_without_figures_is_refused_with_its_columns(tmp_path, monkeypatch):
    (tmp_path / "d.csv").write_text("姓名,电话\n张,甲\n李,乙\n", "utf-8")
    with pytest.raises(DataError, match="K707"):
        tried([tmp_path / "d.csv"], YEAR)
    done = init(tmp_path, "d.csv", monkeypatch=monkeypatch)
    assert done.exit_code == 2
    assert "姓名" in done.stderr
    assert [item.name for item in tmp_path.iterdir()] == ["d.csv"]


def test_a_roster_of_other_units_is_kept(tmp_path, monkeypatch):
    (tmp_path / "roster.csv").write_text("entity,code\n丙县,\n", "utf-8")
    (tmp_path / "d.csv").write_text("地区,期别,投资（元）\n甲县,2023,5\n乙县,2023,7\n", "utf-8")
    assert init(tmp_path, "d.csv", monkeypatch=monkeypatch).exit_code == 0
    assert (tmp_path / "roster.csv").read_text("utf-8") == "entity,code\n丙县,\n"
    assert kpi.load(tmp_path / "d.yaml").entities.roster == "d-roster.csv"


def test_a_second_definition_that_fits_is_named(tmp_path, monkeypatch):
    (tmp_path / "d.csv").write_text("地区,期别,投资（元）\n甲县,2023,5\n乙县,2023,7\n", "utf-8")
    assert init(tmp_path, "d.csv", "--name", "first", monkeypatch=monkeypatch).stdout == "kpi score d.csv\n"
    assert (
        init(tmp_path, "d.csv", "--name", "other", monkeypatch=monkeypatch).stdout == "kpi score d.csv -s other.yaml\n"
    )
    again = init(tmp_path, "d.csv", "--name", "other", monkeypatch=monkeypatch)
    assert (again.exit_code, "K540" in again.stderr) == (2, True)


def test_a_draft_is_the_same_each_time(tmp_path):
    written = SHAPES["periods_across"](table_of("year"))
    files = write(tmp_path, written, "csv")
    assert tried(files, YEAR).text == tried(files, YEAR).text


def test_a_sheet_that_describes_figures_is_no_table_of_events(tmp_path):
    path = tmp_path / "d.xlsx"
    with xlsxwriter.Workbook(path) as book:
        rows = [["期别", "地区", "GDP（亿元）"], ["2023", "甲县", 1], ["2023", "乙县", 2]]
        about = [["指标名称", "地区名称", "地区编码", "单位", "开始时间", "更新时间"]]
        about += [["GDP", "全国", "000000", "亿元", "2020-01-05", "2024-02-03"]]
        for name, lines in (("数据", rows), ("指标目录", about)):
            sheet = book.add_worksheet(name)
            for at, row in enumerate(lines):
                sheet.write_row(at, 0, row)
    done = tried([path], 2023, "d")
    assert [measure.keys.get("kind") for measure in done.draft.measures] == [None]
    assert [(item.code, str(item.severity)) for item in done.findings if item.place.sheet == "指标目录"] == [
        ("K707", "info")
    ]


def test_the_roster_has_what_kpi_roster_finds(tmp_path):
    (tmp_path / "a.csv").write_text(
        "区划代码,地区,年份,产值（万元）,分组\n330483,桐乡市,2022,1,一组\n330483,桐乡县,2021,1,一组\n330402,南湖区,2022,2,二组\n",
        "utf-8",
    )
    (tmp_path / "b.csv").write_text("地区,年份,税收（万元）\n桐乡,2022,1\n南湖区,2022,2\n", "utf-8")
    done = tried([tmp_path / "a.csv", tmp_path / "b.csv"], 2023, "d")
    assert done.roster is not None
    assert done.roster.splitlines() == [
        "entity,code,cohort,order,aliases,parent", "南湖区,330402,二组,1,,330400",
        "桐乡市,330483,一组,2,桐乡县、桐乡,330400",
    ]  # fmt: skip
