"""Definitions of tables: what their cells mean, the same checks as in YAML with the place of the cell, the hash."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.engine.scorecard import definition_hash
from kpi.errors import DefinitionError
from kpi.language.loading.loader import examine, examine_mapping
from kpi.language.loading.schema import json_schema

COINR = Path(__file__).parent / "data" / "coinr"
BOTH = "measures: {table: t.csv}\nindicators: {table: t.csv}\n"


@pytest.fixture
def system(tmp_path):
    """Return a function that writes a definition with its tables and examines it."""

    def write(body, **tables):
        for name, text in tables.items():
            (tmp_path / f"{name}.csv").write_text(text, "utf-8")
        path = tmp_path / "s.yaml"
        path.write_text(f"system: s\nperiod: year\nentities: {{}}\n{body}", "utf-8")
        return examine(path)

    return write


def messages_of(loaded):
    return [
        (item.code, item.place.row, item.place.field, None if item.place.named_in is None else item.place.named_in[-4:])
        for item in loaded.findings
    ]


def plain(system):
    return json.loads(system.model_dump_json(by_alias=True, exclude_unset=True))


TABLE = (
    "序号,一级指标,指标,名称,单位,方向,下限,上限,权重,目标值,完成时限,备注\n"
    "1,政务服务,online,网上办件率,%,正向,50,95%,30,≥90%,2025,甲\n"
    "2,政务服务,wait,平均等待,天,负向,,,10,5以下,,\n"
    "3,数字基础,cov,5G覆盖率,%,,,,60,100,2024-06,\n"
    ",,合计,,,,,,100,,,\n"
)


def test_a_table_is_what_yaml_would_say(system):
    loaded = system(BOTH, t=TABLE)
    assert [item.code for item in loaded.findings] == ["K489", "K489"]
    written = plain(loaded.system)
    assert written["measures"] == {
        "m_online": {"title": "网上办件率", "unit": "%", "synonyms": ["online"]},
        "m_wait": {"title": "平均等待", "unit": "天", "synonyms": ["wait"]},
        "m_cov": {"title": "5G覆盖率", "unit": "%", "synonyms": ["cov"]},
    }
    assert written["indicators"] == {
        "online": {
            "kind": "level", "title": "网上办件率", "unit": "%", "note": "甲", "better": "higher", "of": "m_online",
            "score": {"kind": "goalposts", "low": 50, "high": "95 %"},
            "target": [{"at_least": "90 %", "by": "2025"}],
        },
        "wait": {
            "kind": "level", "title": "平均等待", "unit": "天", "better": "lower", "of": "m_wait",
            "target": [{"at_most": 5}],
        },
        "cov": {
            "kind": "level", "title": "5G覆盖率", "unit": "%", "of": "m_cov",
            "target": [{"at_least": 100, "by": "2024-06"}],
        },
    }  # fmt: skip
    assert written["pillars"] == {
        "政务服务": {"parts": {"online": 30, "wait": 10}, "weight": 40},
        "数字基础": {"parts": {"cov": 60}, "weight": 60},
    }


def test_english_headings_say_the_same(system):
    words = {
        "一级指标": "pillar", "指标": "name", "名称": "title", "单位": "Unit", "方向": "Direction", "下限": "low",
        "上限": "High", "权重": "weight (%)", "目标值": "target", "完成时限": "deadline", "备注": "note", "序号": "No.",
    }  # fmt: skip
    chinese = system(BOTH, t=TABLE).system
    head, _, rest = TABLE.partition("\n")
    english = ",".join(words[item] for item in head.split(","))
    rest = rest.replace("正向", "1").replace("负向", "-1").replace("合计", "Total")
    assert definition_hash(system(BOTH, t=f"{english}\n{rest}").system) == definition_hash(chinese)


def test_a_workbook_with_merged_cells_and_percent_formats_says_the_same(system, tmp_path):
    xlsxwriter = pytest.importorskip("xlsxwriter")
    chinese = system(BOTH, t=TABLE).system
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        sheet, percent = book.add_worksheet("体系"), book.add_format({"num_format": "0%"})
        for at, line in enumerate(TABLE.splitlines()):
            for column, cell in enumerate(line.split(",")):
                if cell == "95%":
                    sheet.write_number(at, column, 0.95, percent)
                elif cell.isdigit() and column != 10:
                    sheet.write_number(at, column, int(cell))
                elif not (column == 1 and at in (1, 2)):
                    sheet.write(at, column, cell)
        sheet.merge_range(1, 1, 2, 1, "政务服务")
        book.add_worksheet("其他").write(0, 0, "x")
    short = "measures: {table: t.xlsx, sheet: 体系}\nindicators: {table: t.xlsx, sheet: 体系}\n"
    loaded = system(short)
    assert loaded.system is not None, loaded.findings
    assert definition_hash(loaded.system) == definition_hash(chinese)
    wrong = system(short.replace("indicators: {", "indicators: {online: {unit: 亿元}, "))
    assert [(item.code, item.place.line) for item in wrong.findings if item.code == "K303"] == [("K303", 5)]


@pytest.mark.parametrize(
    ("old", "new", "code", "row", "field"),
    [
        pytest.param("wait,平均等待,天", "wait,平均等待,甲乙丙", "K305", 3, "单位", id="unknown unit"),
        pytest.param(",50,95%,", ",50,95 亿元,", "K303", 2, "上限", id="unit of a goalpost"),
        pytest.param(",50,95%,", ",95,50,", "K414", 2, "下限", id="goalposts the wrong way"),
        pytest.param(",50,95%,", ",50,,", "K138", 2, "下限", id="one goalpost"),
        pytest.param(",50,95%,", ",50,多,", "K138", 2, "上限", id="no number"),
        pytest.param("正向", "红", "K138", 2, "方向", id="no direction"),
        pytest.param("5以下", "前列", "K138", 3, "目标值", id="no target"),
        pytest.param("2024-06", "明年底", "K105", 4, "完成时限", id="no deadline"),
        pytest.param(",10,5以下", ",,5以下", "K138", 3, "权重", id="no weight"),
        pytest.param(",10,5以下", ",1e308,5以下", "K481", 3, "权重", id="weight out of range"),
        pytest.param(",10,5以下", ",重,5以下", "K138", 3, "权重", id="weight that is none"),
        pytest.param("2,政务服务,", "2,,", "K138", 3, "一级指标", id="no pillar"),
        pytest.param("wait,平均等待", "online,平均等待", "K137", 3, "指标", id="a name twice"),
        pytest.param("wait,平均等待", ",", "K137", 3, "指标", id="no name"),
        pytest.param("平均等待,天", "网上办件率,天", "K482", 3, "名称", id="one title of two"),
        pytest.param("数字基础", "online", "K138", 2, "单位", id="a pillar called as an indicator"),
    ],
)
def test_what_is_wrong_in_yaml_is_wrong_in_a_table(system, old, new, code, row, field):  # noqa: PLR0917
    assert old in TABLE
    loaded = system(BOTH, t=TABLE.replace(old, new))
    result = [item for item in messages_of(loaded) if item[0] == code]
    assert (row, field) in [(at, column) for _, at, column, _ in result], loaded.findings
    assert all(line is not None for *_, line in result)
    assert loaded.system is None


def test_every_finding_names_the_line_of_the_definition_too(system):
    loaded = system(BOTH, t=TABLE.replace("正向", "红"))
    finding = next(item for item in loaded.findings if item.code == "K138")
    assert str(finding.place).endswith("t.csv: row 2, column 方向, a table of " + str(loaded.file) + ":5:21")


def test_unknown_and_repeated_columns_are_reported(system):
    loaded = system(BOTH, t="指标,单位,颜色,计量单位\na,件,红,万件\n")
    columns = [item for item in messages_of(loaded) if item[0] == "K136"]
    assert [(row, field) for _, row, field, _ in columns] == [(1, "颜色"), (1, "计量单位")]
    assert loaded.system is not None


@pytest.mark.parametrize(
    ("body", "tables", "code"),
    [
        ("measures: {table: none.csv}\nindicators: {x: {kind: level, of: y}}\n", {}, "K107"),
        ("measures: {table: t.csv}\nindicators: {x: {kind: level, of: y}}\n", {"t": "a,b\n1,2\n"}, "K135"),
        ("measures: {table: t.csv, unti: 分}\nindicators: {x: {kind: level, of: a}}\n", {"t": "指标\na\n"}, "K110"),
        ("measures: {from: panel}\nindicators: {x: {kind: level, of: y}}\n", {}, "K204"),
        ("datasets: {p: {form: panel}}\nmeasures: {from: p}\nindicators: {x: {kind: level, of: y}}\n", {}, "K139"),
        ("measures: {y: {unit: 件}}\nindicators: {table: t.csv}\n", {"t": "指标\nx\n"}, "K203"),
        ("measures: {table: t.csv, sheet: 3}\nindicators: {x: {kind: level, of: a}}\n", {"t": "指标\na\n"}, "K113"),
    ],
)  # fmt: skip
def test_short_forms_that_cannot_be_written_out(system, body, tables, code):
    loaded = system(body, **tables)
    assert code in [item.code for item in loaded.findings], loaded.findings
    assert loaded.system is None


def test_headings_become_measures_with_their_units(system):
    body = (
        "datasets: {p: {form: panel, headings: f.csv, columns: {period: 年份}}}\n"
        "measures: {from: datasets.p, unit: 分, leave_out: [备用], over_time: last, own: {unit: 件}, "
        "人口: {unit: 人}}\n"
        "indicators: {得分: {kind: level, of: m_得分}, per: {kind: ratio, numerator: gdp, denominator: 人口}}\n"
    ).replace("per:", "pc:")
    figures = "年份,地区,得分,gdp（亿元）,人口/万人,备用,颜色\n2023,甲县,1,2,3,4,红\n"
    loaded = system(body, f=figures)
    assert [(item.code, str(item.severity)) for item in loaded.findings] == [("K547", "info")]
    measures = plain(loaded.system)["measures"]
    assert measures == {
        "m_得分": {"unit": "分", "over_time": "last", "title": "得分", "from": "p"},
        "gdp": {"unit": "亿元", "over_time": "last", "title": "gdp", "from": "p"},
        "人口": {"unit": "人", "over_time": "last", "title": "人口", "from": "p"},
        "own": {"unit": "件"},
    }
    card = kpi.score(Path(loaded.file).parent / "f.csv", system=loaded.system)
    assert card.measures.filter(measure="人口")["value"].to_list() == [30000.0]
    assert card.indicators.filter(indicator="得分")["value"].to_list() == [1.0]


def test_definitions_that_are_written_out_take_the_place_of_keys_of_the_table(system):
    body = (
        "measures: {table: t.csv}\n"
        "indicators: {table: t.csv, wait: {target: {at_most: 7}}, cov: {kind: level, of: m_online}, "
        "extra: {kind: level, of: m_wait, target: {at_most: 1}}}\n"
        "pillars: {数字基础: {weight: 5, parts: {extra: 3}, mean: geometric}}\n"
    )
    written = plain(system(body, t=TABLE).system)
    assert written["indicators"]["wait"]["target"] == [{"at_most": 7}]
    assert written["indicators"]["wait"]["title"] == "平均等待"
    assert written["indicators"]["cov"] == {"kind": "level", "of": "m_online"}
    assert list(written["indicators"]) == ["online", "wait", "cov", "extra"]
    assert written["pillars"]["数字基础"] == {"weight": 5, "mean": "geometric", "parts": {"cov": 60, "extra": 3}}


def test_levels_of_the_tree_and_rows_that_are_pillars(system):
    levels = (
        "一级指标,一级权重,二级指标,二级权重,三级指标,单位,权重,目标值\n"
        "产业,60,产业一,40,a,件,3,1\n产业,60,产业一,40,b,件,1,1\n产业,60,产业二,60,c,件,1,1\n民生,40,民生一,100,d,件,1,1\n"
    )
    rows = (
        "name,pillar,weight,unit,target\n产业,,60,,\n民生,,40,,\n产业一,产业,40,,\n产业二,产业,60,,\n民生一,民生,100,,\n"
        "a,产业一,3,件,1\nb,产业一,1,件,1\nc,产业二,1,件,1\nd,民生一,1,件,1\n"
    )
    expected = {
        "产业": {"产业一": 40, "产业二": 60}, "产业一": {"a": 3, "b": 1}, "产业二": {"c": 1},
        "民生": {"民生一": 100}, "民生一": {"d": 1},
    }  # fmt: skip
    for table in (levels, rows):
        pillars = plain(system(BOTH, t=table).system)["pillars"]
        assert {name: item["parts"] for name, item in pillars.items()} == expected
        assert {name: item["weight"] for name, item in pillars.items() if "weight" in item} == {"产业": 60, "民生": 40}


def test_weights_without_pillars_make_one_and_no_weights_weigh_the_same(system):
    weighed = plain(system(BOTH, t="指标,单位,权重,目标\na,件,30%,1\nb,件,70,1\n").system)["pillars"]
    assert weighed == {"all": {"parts": {"a": 30, "b": 70}}}
    same = plain(system(BOTH, t="指标,单位,维度,目标\na,件,甲,1\nb,件,甲,1\nc,件,乙,1\n").system)["pillars"]
    assert same == {
        "甲": {"parts": {"a": 1, "b": 1}, "relative": True, "weight": 1},
        "乙": {"parts": {"c": 1}, "relative": True, "weight": 1},
    }


def test_targets_of_years_baselines_benchmarks_and_formulas(system):
    table = (
        "指标,单位,2024年目标值,2025年目标值,基期值,标杆值,分子,分母,公式,数据项\n"
        "a,件,80,90,60,,,,,\nb,%,,,,95,x,y,,\nc,,,,,,,,m_a / y,\nd,件,,,,,,,,总量\n"
    )
    body = "measures: {table: t.csv, x: {unit: 件}, y: {unit: 件, title: 总数}}\nindicators: {table: t.csv}\n"
    indicators = plain(system(body, t=table).system)["indicators"]
    assert indicators["a"]["target"] == [
        {"at_least": 80, "by": "2024", "baseline": {"value": 60}}, {"at_least": 90, "by": "2025"},
    ]  # fmt: skip
    assert indicators["b"] == {
        "kind": "ratio", "numerator": "x", "denominator": "y", "unit": "%",
        "score": {"kind": "benchmark", "benchmark": 95},
    }  # fmt: skip
    assert indicators["c"] == {"kind": "formula", "expr": "m_a / y"}
    assert indicators["d"]["of"] == "总量"


def test_the_hash_is_that_of_the_contents_and_the_order_is_that_of_the_table(system):
    first = system(BOTH, t=TABLE).system
    assert definition_hash(system(BOTH, t=TABLE).system) == definition_hash(first)
    assert definition_hash(system(BOTH, t=TABLE.replace("≥90%", "≥91%")).system) != definition_hash(first)
    assert first.tables == ("t.csv",)
    assert first.at(Path()).tables == first.model_copy().tables == ("t.csv",)


def test_a_mapping_has_short_forms_too(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text(TABLE, "utf-8")
    monkeypatch.chdir(tmp_path)
    tree = {"system": "s", "period": "year", "entities": {}, "measures": {"table": "t.csv"},
            "indicators": {"table": "t.csv"}}  # fmt: skip
    assert list(kpi.load(tree).indicators) == ["online", "wait", "cov"]
    (tmp_path / "t.csv").write_text(TABLE.replace("正向", "红"), "utf-8")
    with pytest.raises(DefinitionError) as caught:
        kpi.load(tree)
    place = next(item.place for item in caught.value.diagnostics if item.code == "K138")
    assert (place.row, place.field, place.named_in) == (2, "方向", "indicators.table")


def test_the_schema_has_the_short_forms():
    schema = json_schema()
    head = {"system": "s", "period": "year", "entities": {}}
    good = head | {
        "measures": {"from": "datasets.p", "unit": "分", "x": {"unit": "件"}},
        "indicators": {"table": "t.csv"},
    }
    plain_one = head | {"measures": {"x": {"unit": "件"}}, "indicators": {"y": {"kind": "level", "of": "x"}}}
    for tree in (good, plain_one):
        jsonschema.validate(tree, schema)
    for wrong in ({"x": 1}, {"table": 3}, {"table": "t.csv", "x": {"unti": "件"}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(head | {"measures": wrong, "indicators": good["indicators"]}, schema)


def test_show_has_them_as_if_they_were_written(system):
    loaded = system(BOTH, t=TABLE)
    done = CliRunner().invoke(main, ["show", loaded.file, "online"])
    assert "网上办件率" in done.stdout
    assert "≥ 90 %" in done.stdout


def test_an_index_of_fifty_indicators_is_ten_lines(system, tmp_path):
    meta = pl.read_csv(COINR / "tree.csv")
    names = meta.filter(Type="Indicator")["iCode"].to_list()
    raw = pl.read_csv(COINR / "raw.csv", infer_schema_length=None)
    raw.select("uCode", pl.lit(2018).alias("Year"), *names).write_csv(tmp_path / "f.csv")
    body = (
        "datasets: {p: {form: panel, headings: f.csv, columns: {period: Year, entity: uCode}}}\n"
        "measures: {from: datasets.p, unit: '1', over_time: last}\n"
        "indicators: {table: t.csv, leave_out: [Index, Denominator, Type, Target]}\n"
    )
    loaded = system(body, t=(COINR / "tree.csv").read_text("utf-8"))
    assert loaded.findings == ()
    assert (len(loaded.system.indicators), len(loaded.system.pillars)) == (49, 10)
    card = kpi.score(tmp_path / "f.csv", system=loaded.system)
    ours = card.indicators.pivot("indicator", index="entity", values="score").sort("entity")
    theirs = pl.read_csv(COINR / "goalposts.csv", infer_schema_length=None).sort("uCode")
    for name in names:
        difference = (ours[name] - theirs[name]).abs().max()
        assert difference < 1e-9, name
    assert not examine_mapping({"system": "s"}).findings[0].place.named_in
