"""Every form in which the same figures may come scores alike: headers, units, long and wide, files and frames."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

import kpi
from kpi.errors import DataError, DefinitionError, Severity

SYSTEM = """\
system: {id}
title: {title}
period: quarter
entities: {{title: 县}}
measures:
  gdp:    {{title: 地区生产总值, unit: 亿元, synonyms: [GDP]}}
  cases:  {{title: 办件量, unit: 件}}
  {online}: {{title: {online_title}, unit: 件}}
indicators:
  output:      {{kind: level, of: gdp, target: {{at_least: 100}}}}
  online_rate: {{kind: ratio, numerator: {online}, denominator: cases, unit: '%', target: {{at_least: 80}}}}
pillars:
  总体: {{weight: 1, parts: {{output: 40, online_rate: 60}}}}
"""
SMALL = SYSTEM.format(id="small", title="小系统", online="online", online_title="网上办件量")
OTHER = SYSTEM.format(id="other", title="另一系统", online="online", online_title="网上办件量")
FAR = SYSTEM.format(id="far", title="别的", online="calls", online_title="热线量")

LONG = """\
期别,地区,指标,数值,计量单位
2023Q4,甲县,地区生产总值,120,亿元
2023Q4,甲县,办件量,1000,件
2023Q4,甲县,网上办件量,900,件
2023Q4,乙县,地区生产总值,80,亿元
2023Q4,乙县,办件量,500,件
2023Q4,乙县,网上办件量,300,件
"""
HEADER = LONG.splitlines()[0]
SCORES = [("甲县", 100.0), ("乙县", 77.0)]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "systems").mkdir()
    (tmp_path / "systems" / "small.yaml").write_text(SMALL, "utf-8")

    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    write.systems = tmp_path / "systems"
    write.small = tmp_path / "systems" / "small.yaml"
    return write


def scores(card):
    return card.totals.select("entity", "score").rows()


def findings(card, *severities):
    return [item for item in card.findings_list if item.severity in (severities or set(Severity) - {Severity.INFO})]


ROWS = "2023Q4,甲县,{},1000,900\n2023Q4,乙县,{},500,300\n"
WIDE = "期别,地区,{},{},{}\n" + ROWS


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(LONG, id="Chinese headers"),
        pytest.param(LONG.replace(HEADER, "period,entity,measure,value,unit"), id="English headers"),
        pytest.param(LONG.replace(HEADER, "Quarter,Region,Indicator,Amount,Units"), id="more English"),
        pytest.param(LONG.replace(HEADER, "统计期,县（市、区）,指标名称,本期值,单位"), id="as in offices"),
        pytest.param(
            LONG.replace("120,亿元", '"1,200,000",万元').replace("80,亿元", "8000000000,元"), id="row-wise units"
        ),
        pytest.param(
            LONG.replace("1000,件", "0.1,万件").replace("500,件", "5百,件"), id="multiples, typed and in the unit"
        ),
        pytest.param(LONG.replace("120,亿元", "120亿元,").replace("80,亿元", "80亿,"), id="units in the cells"),
        pytest.param(
            LONG.replace("120,亿元", "120亿,万元").replace("80,亿元", "800000万,亿元"), id="multiples in the cells"
        ),
        pytest.param(LONG.replace("地区生产总值", "gdp").replace("网上办件量", "online"), id="names of measures"),
        pytest.param(LONG.replace("地区生产总值", "GDP"), id="synonyms"),
        pytest.param(WIDE.format("地区生产总值（亿元）", "办件量", "网上办件量（件）", 120, 80), id="wide"),
        pytest.param(WIDE.format("GDP/万元", "办件量(件)", "网上办件量", 1200000, 800000), id="wide, units in headers"),
        pytest.param(
            "单位：万元,,,,\n" + WIDE.format("GDP", "办件量(件)", "网上办件量(件)", 1200000, 800000),
            id="wide, unit row",
        ),
        pytest.param(
            "期别,地区,经济,服务情况,\n,,GDP（万元）,办件量(件),网上办件量\n" + ROWS.format(1200000, 800000),
            id="wide, groups",
        ),
        pytest.param(
            "期别,地区,经济(万元),服务,\n,,GDP,办件,\n,,总量,办件量(件),网上办件量(件)\n"
            + ROWS.format(1200000, 800000),
            id="wide, three rows, a unit in a group",
        ),
        pytest.param(
            "期别,地区,GDP,办件量,网上办件量\n,,（万元）,（件）,件\n" + ROWS.format(1200000, 800000),
            id="wide, a row of units",
        ),
        pytest.param(WIDE.format("gdp", "cases", "online", 120, 80), id="wide, names of measures"),
        pytest.param(LONG.replace("2023Q4", "2023年四季度"), id="periods in words"),
        pytest.param(LONG.replace("2023Q4", "2023-12-31"), id="dates that end the period"),
    ],
)
def test_every_way_of_writing_the_figures_scores_alike(folder, text):
    card = kpi.score(folder("period.csv", text), system=folder.small)
    assert scores(card) == SCORES
    assert findings(card) == []
    assert card.counts["read"] == card.counts["used"] == 6


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param("上年同期,办件,", id="the same figure of last year"),
        pytest.param("增速（%）,办件,", id="its growth"),
        pytest.param("全市,办件,", id="of the whole city"),
    ],
)
def test_a_group_that_makes_another_figure_of_a_column_is_not_read_as_it(folder, groups):
    text = f"期别,地区,{groups}\n,,GDP,办件量,网上办件量\n" + ROWS.format(120, 80)
    card = kpi.score(folder("period.csv", text), system=folder.small)
    assert card.measures.filter(measure="gdp")["value"].to_list() == [None, None]
    (result,) = findings(card)
    assert (result.code, result.hint) == ("K528", "did you mean `GDP`?")


def test_of_two_groups_with_the_same_column_none_is_taken(folder):
    text = "期别,地区,一季度,二季度,办件\n,,GDP,GDP,办件量\n2023Q4,甲县,1,2,3\n"
    card = kpi.score(folder("period.csv", text), system=folder.small)
    assert card.counts["read"] == 1
    assert [(result.code, result.place.field) for result in findings(card)] == [
        ("K528", "一季度_GDP"), ("K528", "二季度_GDP"), ("K555", None)
    ]  # fmt: skip


def test_several_files_in_one_call(folder):
    head, *rows = LONG.splitlines()
    item = folder("one.csv", "\n".join([head, *rows[:3]]) + "\n")
    two = folder("two.csv", "\n".join([head, *rows[3:]]).encode("gb18030"))
    card = kpi.score([item, two], system=folder.small)
    assert scores(card) == SCORES
    assert findings(card) == []
    assert card.data_hash == kpi.score([two, item], system=folder.small).data_hash
    wide = folder("three.csv", "期别,地区,办件量\n2023Q4,丙县,7\n")
    assert kpi.score([item, two, wide], system=folder.small).counts["used"] == 7


def test_a_file_without_periods_takes_the_one_given(folder):
    text = "\n".join(line.partition(",")[2] for line in LONG.splitlines())
    file = folder("period.csv", text)
    card = kpi.score(file, system=folder.small, period="2023Q4")
    assert (scores(card), card.periods) == (SCORES, ["2023Q4"])
    with pytest.raises(DataError) as caught:
        kpi.score(file, system=folder.small)
    assert {item.code for item in caught.value.diagnostics} == {"K606"}
    assert "--period" in caught.value.diagnostics[0].hint


# ---- NATIVE TYPES AND FRAMES ---- #


def native():
    return pl.DataFrame(
        {
            "期别": [dt.date(2023, 12, 31)] * 6,
            "地区": ["甲县"] * 3 + ["乙县"] * 3,
            "指标": ["地区生产总值", "办件量", "网上办件量"] * 2,
            "数值": [120.0, 1000.0, 900.0, 80.0, 500.0, 300.0],
        }
    )


def wide():
    return pl.DataFrame(
        {
            "期别": [dt.date(2023, 12, 31)] * 2, "地区": ["甲县", "乙县"], "GDP(亿元)": [120.0, 80.0],
            "办件量": [1000, 500], "网上办件量": pl.Series([900, 300], dtype=pl.UInt16),
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(native(), id="long"),
        pytest.param(native().with_columns(pl.col("期别").cast(pl.Datetime)), id="timestamps"),
        pytest.param(native().with_columns(pl.col("地区", "指标").cast(pl.Categorical)), id="categories"),
        pytest.param(native().with_columns(pl.col("数值").cast(pl.Int32)), id="integers"),
        pytest.param(native().with_columns(pl.col("数值").cast(pl.Decimal(12, 2))), id="decimals"),
        pytest.param(native().with_columns(pl.col("数值").cast(pl.String)), id="texts"),
        pytest.param(native().with_columns(pl.lit(20234).alias("季度")).drop("季度"), id="dropped column"),
        pytest.param(native().with_columns(期别=pl.lit(202312)), id="periods as integers"),
        pytest.param(wide(), id="wide"),
    ],
)
def test_parquet_and_frames_score_like_text(folder, frame):
    file = folder("period.parquet", b"")
    frame.write_parquet(file)
    for data in (file, frame, frame.lazy(), [frame]):
        card = kpi.score(data, system=folder.small)
        assert scores(card) == SCORES
        assert findings(card) == []


@pytest.mark.parametrize("name", ["period.jsonl", "period.csv"])
def test_json_lines_score_like_text(folder, name):
    native().with_columns(pl.col("期别").cast(pl.String)).write_ndjson(file := folder(name, b""))
    assert scores(kpi.score(file, system=folder.small)) == SCORES


def test_frames_and_files_of_one_call(folder):
    frame = native()
    card = kpi.score([frame.head(3), frame.tail(3).lazy()], system=folder.small)
    assert scores(card) == SCORES
    assert scores(kpi.score([], data={"reported": frame}, system=folder.small)) == SCORES
    file = folder("two.csv", "\n".join(LONG.splitlines()[:1] + LONG.splitlines()[4:]))
    first = frame.head(3).with_columns(期别=pl.lit("2023Q4"))
    assert scores(kpi.score([first, file], system=folder.small)) == SCORES


def test_the_hash_of_a_frame_follows_its_content(folder):
    hashes = {
        kpi.score(frame, system=folder.small).data_hash
        for frame in (native(), native().lazy(), native().with_columns(数值=pl.col("数值") + 1), wide())
    }
    assert len(hashes) == 3


def test_cells_that_are_no_numbers_in_native_types(folder):
    values = [float("nan"), 1000.0, float("inf"), 80.0, None, 300.0]
    file = folder("period.parquet", b"")
    native().with_columns(pl.Series("数值", values)).write_parquet(file)
    card = kpi.score(file, system=folder.small)
    errors = findings(card, Severity.ERROR)
    assert [(item.code, item.place.row, item.place.field) for item in errors] == [
        ("K604", 1, "数值"),
        ("K604", 3, "数值"),
    ]
    statuses = card.measures.select("entity", "measure", "status").rows()
    assert {row[2] for row in statuses if row[0] == "甲县" and row[1] != "cases"} == {"refused"}
    assert ("乙县", "cases", "missing") in statuses
    assert card.counts == {"read": 6, "used": 4, "refused": 2, "restated": 0, "repeated": 0}


def test_a_bad_row_of_a_frame_is_named(folder):
    frames = [native(), native().with_columns(地区=pl.lit(None, dtype=pl.String))]
    card = kpi.score(frames, system=folder.small)
    assert [str(item.place) for item in findings(card)] == [f"frame 2: row {row}, column 地区" for row in range(1, 7)]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (pl.DataFrame({"期别": []}), "K505"),
        (pl.DataFrame({"地区": [1], " 地区": [2], "GDP": [3]}), "K508"),
        (pl.DataFrame({"a": [1], "b": [2]}), "K541"),
    ],
)
def test_frames_that_are_no_data(folder, frame, code):
    with pytest.raises(DataError) as caught:
        kpi.score(frame, system=folder.small)
    assert [(item.code, item.place.file) for item in caught.value.diagnostics] == [(code, "frame 1")]


# ---- WHICH SYSTEM ---- #


def test_the_only_system_that_fits_is_chosen(folder, monkeypatch):
    (folder.systems / "far.yaml").write_text(FAR, "utf-8")
    monkeypatch.setattr("kpi.language.loading.catalogue.shipped", lambda: folder.systems)
    card = kpi.score(native().filter(pl.col("指标") == "网上办件量"), definitions=folder.systems)
    assert card.system == "small"


def test_when_several_fit_the_error_lists_them(folder):
    (folder.systems / "other.yaml").write_text(OTHER, "utf-8")
    with pytest.raises(DefinitionError, match="several systems fit the files: other, small"):
        kpi.score(native(), definitions=folder.systems)


@pytest.mark.parametrize("header", ["system", "说明"])
def test_a_system_with_errors_is_not_chosen(folder, header):
    broken = OTHER.replace("unit: 件", "unit: 吨公")
    assert broken != OTHER
    (folder.systems / "other.yaml").write_text(broken, "utf-8")
    frame = pl.concat([native(), native()]).with_columns(pl.Series(header, ["small"] * 6 + ["other"] * 6))
    assert kpi.score(frame, definitions=folder.systems).system == "small"


def test_when_none_fits_the_error_says_what_there_is(folder):
    with pytest.raises(DefinitionError) as caught:
        kpi.score(native().with_columns(指标=pl.lit("降雨量")), definitions=folder.systems)
    assert caught.value.diagnostics[0].message == "no system fits the files"
    assert "small" in caught.value.diagnostics[0].hint


@pytest.mark.parametrize("header", ["system", "评价体系"])
@pytest.mark.parametrize("text", ["small", "小系统"])
def test_data_may_name_their_system(folder, header, text):
    (folder.systems / "other.yaml").write_text(OTHER, "utf-8")
    card = kpi.score(native().with_columns(pl.lit(text).alias(header)), definitions=folder.systems)
    assert (card.system, scores(card)) == ("small", SCORES)


def test_rows_of_another_system_are_left_out_with_a_note(folder):
    (folder.systems / "other.yaml").write_text(OTHER, "utf-8")
    frame = pl.concat([native(), native().with_columns(数值=pl.lit(1.0))]).with_columns(
        pl.Series("system", ["small"] * 6 + ["other"] * 6)
    )
    card = kpi.score(frame, system="small", definitions=folder.systems)
    assert scores(card) == SCORES
    assert "6 rows of another system (other) left out" in [item.message for item in card.findings_list]
    assert card.counts["read"] == 6
    with pytest.raises(DefinitionError, match="several systems are named in the files: other, small"):
        kpi.score(frame, definitions=folder.systems)


def test_data_that_name_a_system_nobody_knows(folder):
    (folder.systems / "other.yaml").write_text(OTHER, "utf-8")
    frame = native().with_columns(pl.lit("降雨量").alias("指标"), pl.lit("smal").alias("评价体系"))
    with pytest.raises(DefinitionError, match="`smal`, which the files name, is not a system") as caught:
        kpi.score(frame, definitions=folder.systems)
    assert caught.value.diagnostics[0].hint == "did you mean `small`?"
