"""Who rows are about: totals, names, codes, groups; the same in every form, size and format."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.analysis.explain import explain
from kpi.cli.main import main
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError
from kpi.intake.aggregate_rows import is_aggregate
from kpi.intake.files import chunks, pieces
from kpi.language.loading.loader import examine_text

SYSTEM = """
system: rows
period: year
entities: {{title: 县区{entities}}}
measures:
  gdp: {{title: GDP, unit: 亿元}}
  rev: {{title: 财政收入, unit: 亿元}}
indicators:
  share: {{kind: share, of: gdp, within: all, score: {{kind: rank}}}}
  rate: {{kind: ratio, numerator: rev, denominator: gdp, score: {{kind: minmax}}}}
pillars:
  P: {{weight: 100, parts: {{share: 1, rate: 1}}}}
stars: {{kind: quota, shares: {{5: 50, 1: 50}}}}
checks: {{{checks}}}
"""
FIGURES = {"甲县": (50, 6), "乙县": (30, 3), "丙县": (20, 1)}
TOTALS = ("合　计", "全市", "其中：开发区", "Grand  Total")


def system(entities: str = "", checks: str = "", home: Path | None = None):
    loaded = examine_text(SYSTEM.format(entities=entities, checks=checks), "s.yaml", folder=home)
    assert loaded.system is not None, loaded.findings
    return loaded.system


def table(figures=FIGURES, *, form: str = "long", periods=("2022", "2023")) -> pl.DataFrame:
    """A table of the figures of some units, long or wide."""
    rows = [(when, who, *some) for when in periods for who, some in figures.items()]
    wide = pl.DataFrame(
        rows, {"期别": pl.String, "地区": pl.String, "GDP": pl.Int64, "财政收入": pl.Int64}, orient="row"
    )
    if form == "wide":
        return wide
    return wide.unpivot(index=["期别", "地区"], variable_name="指标", value_name="数值")


def written(folder: Path, frame: pl.DataFrame, suffix: str) -> Path:
    path = folder / f"data{suffix}"
    if suffix == ".csv":
        frame.write_csv(path)
    elif suffix == ".parquet":
        frame.write_parquet(path)
    elif suffix == ".xlsx":
        frame.cast(pl.String).write_excel(path)
    else:
        frame.write_ndjson(path)
    return path


def results(card: Scorecard):
    return card.totals.select("period", "entity", "score", "rank", "stars").rows(), card.measures.select(
        "entity", "period", "measure", "value"
    ).rows()


def codes(card: Scorecard) -> list[str]:
    return [item.code for item in card.findings_list]


def adds_up(card: Scorecard) -> bool:
    some = card.counts
    parts = ("used", "refused", "restated", "repeated", "left_out")
    return some["read"] == sum(some.get(part, 0) for part in parts)


ALONE = results(kpi.score(table(), system=system()))


@pytest.fixture
def every_file_is_large(monkeypatch):
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 400)
    monkeypatch.setattr(chunks, "SEARCHED", 4)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))


# ---- TOTALS ---- #


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx", ".jsonl"])
@pytest.mark.parametrize("form", ["long", "wide"])
@pytest.mark.parametrize("roster", [False, True])
def test_totals_are_no_units(tmp_path, form, suffix, roster):
    (tmp_path / "r.csv").write_text("entity\n甲县\n乙县\n丙县\n", "utf-8")
    own = system(", roster: r.csv" if roster else "", home=tmp_path)
    figures = {**FIGURES, **dict.fromkeys(TOTALS, (100, 10))}
    card = kpi.score(written(tmp_path, table(figures, form=form), suffix), system=own)
    alone = kpi.score(table(form=form), system=own)
    assert results(card) == results(alone)
    assert codes(card) == ["K612"]
    assert card.counts["left_out"] == 4 * 2 * 2
    assert adds_up(card)
    (note,) = card.findings_list
    assert str(note.severity) == "info"
    for name in ("合计", "全市", "其中:开发区", "Grand Total"):
        assert f"{name} (rows " in note.message


OTHERS = ("占比(%)", "比重", "同比", "增速", "上年同期", "去年同期", "增减", "较上年", "全市排名", "位次", "预算数")


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@pytest.mark.parametrize("form", ["long", "wide"])
@pytest.mark.parametrize("roster", [False, True])
def test_rows_of_other_figures_are_no_units(tmp_path, form, suffix, roster):
    (tmp_path / "r.csv").write_text("entity\n甲县\n乙县\n丙县\n", "utf-8")
    own = system(", roster: r.csv" if roster else "", home=tmp_path)
    card = kpi.score(written(tmp_path, table(FIGURES | dict.fromkeys(OTHERS, (7, 3)), form=form), suffix), system=own)
    assert results(card) == results(kpi.score(table(form=form), system=own))
    assert codes(card) == ["K612"]
    assert "去年同期 (rows " in card.findings_list[0].message
    assert adds_up(card)


def test_a_row_of_other_figures_may_be_kept():
    card = kpi.score(table(FIGURES | {"排名": (7, 3)}), system=system(", keep: [排名]"))
    assert "排名" in card.entities["entity"]


@pytest.mark.parametrize("beside", [*OTHERS, "GDP增速", "去年同期GDP", "GDP_上年同期", "GDP预算数", "GDP(上年同期)"])
@pytest.mark.parametrize("first", [False, True])
def test_a_column_of_other_figures_is_not_the_measure_beside_it(beside, first):
    frame = table(form="wide")
    more = pl.lit(99.0).alias(beside)
    frame = frame.select(more, pl.all()) if first else frame.with_columns(more)
    card = kpi.score(frame, system=system())
    assert results(card) == ALONE
    assert [item.code for item in card.findings_list] == ["K528"]


@pytest.mark.parametrize("form", ["long", "wide"])
@pytest.mark.parametrize("period", [None, "2023"])
def test_totals_in_large_files_are_no_units(tmp_path, every_file_is_large, form, period):
    periods = [str(year) for year in range(2000, 2024)]
    figures = {"合 计": (100, 10), **FIGURES}
    path = written(tmp_path, table(figures, form=form, periods=periods), ".csv")
    alone = tmp_path / "alone.csv"
    table(form=form, periods=periods).write_csv(alone)
    card, other = (kpi.score(item, system=system(), period=period) for item in (path, alone))
    assert results(card) == results(other)
    assert codes(card) == ["K612"]
    assert adds_up(card)


@pytest.mark.parametrize("form", ["long", "wide"])
def test_one_period_is_scored_as_all_are(form):
    figures = {**FIGURES, "合计": (100, 10), "戊县": (0, 0)}
    frame = table(figures, form=form).filter(~((pl.col("地区") == "戊县") & (pl.col("期别") == "2023")))
    every, item = kpi.score(frame, system=system()), kpi.score(frame, system=system(), period="2023")
    assert results(item)[0] == [row for row in results(every)[0] if row[0] == "2023"]
    assert "戊县" in item.entities["entity"]


def test_to_explain_a_total_says_that_it_was_left_out():
    frame = pl.DataFrame({"期别": ["2023"] * 4, "县": ["甲县", "乙县", "丙县", "合计"], "GDP": [1.0, 2.0, 3.0, 6.0]})
    text = (
        "system: s\nperiod: year\nentities: {title: 县}\nmeasures: {gdp: {title: GDP, unit: 亿元}}\n"
        "indicators: {level: {kind: level, of: gdp}}\n"
    )
    card = kpi.score(frame, system=text)
    with pytest.raises(DataError) as caught:
        kpi.explain(card, "合计")
    (finding,) = caught.value.diagnostics
    assert (finding.code, "keep: [合计]" in str(finding.hint)) == ("K602", True)


def test_totals_of_unknown_measures_are_left_out_and_counted():
    rows = [("2023", "全市", "没有的指标", 1.0)] * 300 + [("2023", "甲县", "没有的指标", 1.0)] * 300
    rows += [("2023", who, name, 1.0) for who in FIGURES for name in ("GDP", "财政收入")]
    frame = pl.DataFrame(rows, ["期别", "地区", "指标", "数值"], orient="row")
    card = kpi.score(frame, system=system())
    assert (card.counts["read"], card.counts["left_out"], card.counts["refused"]) == (606, 600, 0)
    assert adds_up(card)


EVENTS = """
system: events
period: month
entities: {title: 县%s}
datasets: {ev: {form: records%s}}
measures: {nn: {kind: count, from: ev, unit: 件}}
indicators: {ln: {kind: level, of: nn, score: {kind: rank, step: 5}}}
pillars: {px: {weight: 1, parts: {ln: 1}}}
"""


def events_system(entities: str = "", dataset: str = ""):
    loaded = examine_text(EVENTS % (entities, dataset), "s.yaml", folder=None)
    assert loaded.system is not None, loaded.findings
    return loaded.system


def test_totals_and_headings_among_events_are_no_units():
    rows = [("2024-01-01", "甲县"), ("2024-01-02", "甲 县"), ("2024-01-03", "乙县"), ("2024-01-03", "合　计")]
    rows += [("日期", "地区"), (None, "合计"), ("没有日期", "丁县")]
    card = kpi.score(pl.DataFrame(rows, ["日期", "地区"], orient="row"), system=events_system())
    assert card.measures.select("entity", "value").rows() == [("乙县", 1.0), ("甲县", 2.0)]
    assert sorted(codes(card)) == ["K606", "K612", "K615"]
    assert (card.counts["read"], card.counts["used"], card.counts["left_out"], card.counts["refused"]) == (7, 3, 3, 1)


def test_leave_out_and_keep():
    figures = {**FIGURES, "省本级": (7, 1), "全市": (100, 10)}
    card = kpi.score(table(figures), system=system(", leave_out: 省 本级, keep: [全市]"))
    assert card.entities["entity"].to_list() == ["丙县", "乙县", "全市", "甲县"]
    assert codes(card) == ["K612"]


def test_a_name_that_is_left_out_is_not_in_the_roster(tmp_path):
    (tmp_path / "r.csv").write_text("entity\n甲县\n省本级\n", "utf-8")
    with pytest.raises(DataError) as caught:
        kpi.score(table(), system=system(", roster: r.csv, leave_out: 省本级", home=tmp_path))
    assert [item.code for item in caught.value.diagnostics] == ["K418"]


def test_a_total_in_the_roster_is_a_unit(tmp_path):
    (tmp_path / "r.csv").write_text("entity\n甲县\n全市\n", "utf-8")
    figures = {"甲县": (1, 1), "全 市": (2, 2)}
    card = kpi.score(table(figures), system=system(", roster: r.csv", home=tmp_path))
    assert card.totals["entity"].unique(maintain_order=True).to_list() == ["全市", "甲县"]
    assert codes(card) == []


@pytest.mark.parametrize(
    ("figures", "warned"),
    [
        ({**FIGURES, "某市": (100, 10)}, ["某市"]),
        ({**FIGURES, "某市": (100, 11)}, []),
        ({"甲县": (50, 6), "乙县": (30, 3), "某市": (80, 9)}, []),
        ({**dict.fromkeys(FIGURES, (0, 0)), "某市": (0, 0)}, []),
        ({"甲县": (5, 6), "乙县": (0, 0), "丙县": (0, 0), "某市": (5, 6)}, []),
    ],
    ids=["sum", "one measure differs", "few others", "nothing", "one other"],
)
def test_a_unit_that_is_the_sum_of_all_others_is_told(figures, warned):
    card = kpi.score(table(figures), system=system())
    result = [item for item in card.findings_list if item.code == "K613"]
    assert [item.place.entity for item in result] == warned
    assert "某市" in card.entities["entity"]


@pytest.mark.parametrize("name", ["全市", "全　市", "合计"])
@pytest.mark.parametrize("form", ["long", "wide"])
def test_a_check_finds_its_whole_through_blanks(form, name):
    checks = f"a: {{adds_up_to: {name.replace('　', '')}, of: [gdp, rev]}}"
    figures = {name: (100, 10), **FIGURES}
    card = kpi.score(table(figures, form=form), system=system(checks=checks))
    assert results(card) == ALONE
    assert codes(card) == []
    assert "left_out" not in card.counts


@pytest.mark.parametrize("measures", [["GDP"], ["财政收入"], ["GDP", "财政收入"]])
@pytest.mark.parametrize("first", [True, False])
def test_a_check_of_a_whole_never_ends_in_a_traceback(measures, first):
    whole = pl.DataFrame([("2023", "全市", item, 1000) for item in measures], table().columns, orient="row")
    frame = pl.concat([whole, table()] if first else [table(), whole], how="vertical_relaxed")
    card = kpi.score(frame, system=system(checks="a: {adds_up_to: 全市, of: [gdp]}"))
    assert results(card) == ALONE
    assert codes(card) == (["K701"] if "GDP" in measures else ["K704"])


def test_own_targets_of_totals_are_left_out(tmp_path):
    (tmp_path / "t.csv").write_text("entity,indicator,target\n甲 县,level,10\n全市,level,9\n", "utf-8")
    text = (
        "system: s\nperiod: year\nentities: {}\nmeasures: {gdp: {title: GDP, unit: 亿元}}\n"
        "indicators: {level: {kind: level, of: gdp, target: {at_least: {file: t.csv}}}}\npillars: {}\n"
    )
    loaded = examine_text(text, "s.yaml", folder=tmp_path)
    card = kpi.score(table().filter(指标="GDP"), system=loaded.system)
    assert codes(card) == ["K612"]
    assert card.indicators.filter(entity="甲县")["target"].to_list() == [10.0, 10.0]


# ---- NAMES ---- #

WORDS = ["甲县", "北京", "Baden (CH)", "New York", "（乙县）", "Île de France"]


@settings(deadline=None, max_examples=20)
@given(
    st.lists(st.sampled_from(["", " ", "　", "\u200b", "\u00a0 ", "\t"]), min_size=12, max_size=12),
    st.sampled_from(WORDS[:2]),
)
def test_blanks_in_a_name_make_no_other_unit(blanks, word):
    other = "".join(blank + sign for blank, sign in zip(blanks, [*word, ""], strict=False))
    frame = table({word: (1, 1), "丙县": (3, 1)}).with_columns(
        地区=pl.when(pl.col("期别") == "2023").then(pl.col("地区").replace({word: other})).otherwise("地区")
    )
    card = kpi.score(frame, system=system())
    assert results(card) == results(kpi.score(table({word: (1, 1), "丙县": (3, 1)}), system=system()))


def test_names_are_shown_clean_and_keep_their_case():
    figures = dict.fromkeys(["甲　 县", " New  York", "new york", "（乙县）", "内蒙古①"], (1, 1))
    card = kpi.score(table(figures), system=system())
    assert card.entities["entity"].to_list() == ["(乙县)", "New York", "new york", "内蒙古①", "甲县"]


@pytest.mark.parametrize("name", ["甲 县", "甲　县", "甲县"])
def test_a_name_is_found_through_blanks(tmp_path, name):
    path = written(tmp_path, table({"甲 县": (1, 1), "乙县": (2, 1)}), ".csv")
    assert (
        explain(kpi.score(path, system=system()), name).title == explain(kpi.score(path, system=system()), "甲县").title
    )
    (tmp_path / "s.yaml").write_text(SYSTEM.format(entities="", checks=""), "utf-8")
    done = CliRunner().invoke(main, ["explain", str(path), "-s", str(tmp_path / "s.yaml"), name])
    assert done.exit_code == 0, done.output
    both = ["2022", "2023", "--data", str(path), "-s", str(tmp_path / "s.yaml"), "--entity", name, "-f", "csv"]
    assert CliRunner().invoke(main, ["diff", *both]).exit_code == 0


def test_headings_and_remarks_without_figures_are_no_units(tmp_path):
    text = "地区,GDP,财政收入\n华北,,\n甲县,50,6\n地区,GDP,财政收入\n乙县,—,3\n丁县,,\n注：本页完,,\n丙县,20,1\n"
    (tmp_path / "d.csv").write_text(text, "utf-8")
    card = kpi.score(tmp_path / "d.csv", system=system(", keep: 丁县"), period="2023")
    assert card.entities["entity"].to_list() == ["丁县", "丙县", "乙县", "甲县"]
    assert sorted(codes(card)) == ["K612", "K614", "K615"]
    assert adds_up(card)
    notes = {item.code: item.message for item in card.findings_list}
    assert "华北 (row 2)" in notes["K614"]
    assert "注:本页完 (row 7)" in notes["K612"]


def test_headings_are_no_errors_beside_a_roster(tmp_path):
    (tmp_path / "r.csv").write_text(
        "entity\n北京市\n河北省\n内蒙古自治区\n新疆维吾尔自治区\n延边朝鲜族自治州\n", "utf-8"
    )
    names = ["华　　北", "北　京", "河　　北", "内蒙古", "新 疆", "延边州", "全　国"]
    lines = [f"{name},{'' if name == names[0] else 1},{'' if name == names[0] else 2}" for name in names]
    (tmp_path / "d.csv").write_text("\n".join(["地区,GDP,财政收入", *lines]) + "\n", "utf-8")
    card = kpi.score(tmp_path / "d.csv", system=system(", roster: r.csv", home=tmp_path), period="2023")
    assert sorted(codes(card)) == ["K612", "K614"]
    assert card.measures["value"].null_count() == 0


def test_a_unit_with_a_period_and_no_figure_is_a_unit():
    frame = table({**FIGURES, "丁县": (None, None)}, form="wide")
    card = kpi.score(frame, system=system())
    assert card.entities["entity"].to_list() == ["丁县", "丙县", "乙县", "甲县"]


def test_refused_rows_make_no_units():
    rows = [("2023", "戊县", "没有的指标", "1"), ("没有期别", "己县", "GDP", "1"), ("2023", "庚县", "GDP", "约12")]
    frame = pl.concat([table().cast(pl.String), pl.DataFrame(rows, table().columns, orient="row")])
    card = kpi.score(frame, system=system())
    assert card.entities["entity"].to_list() == ["丙县", "乙县", "庚县", "甲县"]
    assert sorted(codes(card)) == ["K537", "K604", "K606"]


@pytest.mark.parametrize("form", ["long", "wide"])
def test_characters_without_width_are_no_name(form):
    frame = pl.concat([table(form=form), table({"\ufeff\u200b": (1, 1)}, form=form, periods=["2023"])])
    card = kpi.score(frame, system=system())
    assert {(item.code, item.message) for item in card.findings_list} == {("K602", "the row names no entity")}
    assert results(card)[0] == ALONE[0]


def test_explanations_find_a_name_through_blanks(tmp_path):
    answer = tmp_path / "said.csv"
    answer.write_text("评价对象,期别,指标,说明\n甲　县,2023,GDP,口径调整\n", "utf-8")
    card = kpi.score(table(), system=system(), explanations=answer)
    assert codes(card) == []


# ---- CODES ---- #

SHARED = pl.DataFrame(
    [
        ("320106", "鼓楼区", "2023", 2000.0, 100.0),
        ("350102", "鼓楼区", "2023", 900.0, 70.0),
        ("110105", "朝阳区", "2023", 8000.0, 340.0),
        ("220104", "朝 阳区", "2023", 8000.0, 340.0),
        ("110101000000", "东城区", "2023", 3000.0, 70.0),
        ("000000", "合计", "2023", 21900.0, 920.0),
    ],
    ["行政区划代码", "地区", "年份", "GDP", "财政收入"],
    orient="row",
)
APART = ["东城区", "朝阳区（110105）", "朝阳区（220104）", "鼓楼区（320106）", "鼓楼区（350102）"]


def long_form(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.unpivot(index=["行政区划代码", "地区", "年份"], variable_name="指标", value_name="数值")


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".xlsx"])
@pytest.mark.parametrize("form", ["long", "wide"])
def test_a_code_tells_units_of_one_name_apart(tmp_path, form, suffix):
    frame = SHARED if form == "wide" else long_form(SHARED)
    card = kpi.score(written(tmp_path, frame, suffix), system=system())
    assert card.entities["entity"].to_list() == APART
    assert card.measures.filter(measure="gdp")["value"].to_list() == [3000.0, 8000.0, 8000.0, 2000.0, 900.0]
    assert sorted(codes(card)) == ["K612", "K616"]
    for text in ("鼓楼区（320106）", "鼓楼区(320106)", "320106", "320106000000"):
        assert explain(card, text).value == explain(card, "320106").value
    with pytest.raises(DataError) as caught:
        explain(card, "鼓楼区")
    assert caught.value.diagnostics[0].hint == "there is 鼓楼区（320106）, 鼓楼区（350102）"


def test_codes_of_large_files_and_of_one_period(tmp_path, every_file_is_large):
    frame = pl.concat(SHARED.with_columns(年份=pl.lit(str(year))) for year in range(2010, 2024))
    for number, some in enumerate((frame, long_form(frame))):
        path = tmp_path / f"{number}.csv"
        some.write_csv(path)
        for period in (None, "2023"):
            card = kpi.score(path, system=system(), period=period)
            assert card.entities["entity"].to_list() == APART
            assert adds_up(card)
            assert sorted(codes(card)) == ["K612", "K616"]


def test_a_large_file_with_codes_and_a_row_that_does_not_fit(tmp_path, every_file_is_large):
    frame = long_form(pl.concat(SHARED.with_columns(年份=pl.lit(str(year))) for year in range(2010, 2024)))
    lines = frame.write_csv().splitlines()
    lines.insert(60, "320106,鼓楼区,2023,GDP,1,9,9")
    (tmp_path / "d.csv").write_text("\n".join(lines) + "\n", "utf-8")
    with pytest.raises(DataError) as caught:
        kpi.score(tmp_path / "d.csv", system=system())
    assert [(item.code, item.place.row) for item in caught.value.diagnostics] == [("K506", 61)]


def test_codes_of_events():
    rows = [
        ("2024-01-01", "1", "甲县"),
        ("2024-01-01", "2", "甲县"),
        ("2024-01-02", "2", "甲县"),
        ("2024-01-03", None, "乙县"),
    ]
    rows += [("2024-01-03", "9", "合计")]
    card = kpi.score(pl.DataFrame(rows, ["日期", "代码", "地区"], orient="row"), system=events_system())
    assert card.measures.select("entity", "value").rows() == [("乙县", 1.0), ("甲县（1）", 1.0), ("甲县（2）", 2.0)]
    assert sorted(codes(card)) == ["K612", "K616"]


def test_a_row_without_a_code_goes_by_its_name_where_one_unit_has_it():
    frame = SHARED.head(5).with_columns(
        行政区划代码=pl.when(pl.col("地区").is_in(["东城区"])).then(None).otherwise("行政区划代码")
    )
    more = pl.DataFrame(
        [("110101", "东城区", "2022", 1.0, 1.0), (None, "鼓楼区", "2022", 1.0, 1.0)], frame.columns, orient="row"
    )
    card = kpi.score(pl.concat([frame, more]), system=system())
    assert card.entities["entity"].to_list() == APART
    result = [item for item in card.findings_list if item.code == "K602"]
    assert {item.place.row for item in result} == {7}
    assert "may be 鼓楼区（320106） or 鼓楼区（350102）" in result[0].message


def test_a_code_with_several_names_over_time_is_one_unit_with_the_latest():
    rows = [
        ("330421", "旧县", "2021", 1.0, 1.0),
        ("330421", "新区", "2022", 2.0, 1.0),
        ("330402", "甲区", "2022", 1.0, 1.0),
    ]
    card = kpi.score(pl.DataFrame(rows, SHARED.columns, orient="row"), system=system())
    assert card.entities["entity"].to_list() == ["新区", "甲区"]
    assert codes(card) == ["K616"]
    assert explain(card, "330421").value == explain(card, "新区").value


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (
            "代码",
            [("A1", "甲县", "GDP"), ("A2", "甲县", "财政收入"), ("A1", "乙县", "GDP"), ("A2", "乙县", "财政收入")],
        ),
        ("代码", [("A1", "甲县", "GDP"), ("A2", "甲县", "财政收入")]),
        ("单位代码", [("X", "甲县", "GDP"), ("X", "乙县", "GDP"), ("X", "甲县", "财政收入")]),
    ],
    ids=["of measures", "of the measures of one unit", "of who reports"],
)
def test_codes_that_are_not_those_of_units_do_not_count(header, rows):
    frame = pl.DataFrame([(*row, "2023", 1.0) for row in rows], [header, "地区", "指标", "期别", "数值"], orient="row")
    card = kpi.score(frame, system=system())
    assert set(card.entities["entity"]) == {row[1] for row in rows}
    assert "K617" in codes(card)


ROSTER = "entity,code\n南京市鼓楼区,320106\n福州市鼓楼区,350102\n北京市朝阳区,110105\n长春市朝阳区,220104\n"


@pytest.mark.parametrize("form", ["long", "wide"])
def test_a_known_code_counts_whatever_the_name(tmp_path, form):
    (tmp_path / "r.csv").write_text(ROSTER, "utf-8")
    frame = SHARED.head(4).with_columns(地区=pl.col("地区").replace({"朝 阳区": "北京市朝阳区"}))
    card = kpi.score(frame if form == "wide" else long_form(frame), system=system(", roster: r.csv", home=tmp_path))
    assert codes(card) == ["K611"]
    assert card.measures.filter(measure="gdp")["value"].to_list() == [2000.0, 900.0, 8000.0, 8000.0]


def test_one_name_with_two_codes_in_the_roster_is_two_units(tmp_path):
    (tmp_path / "r.csv").write_text("entity,code\n鼓楼区,320106\n鼓楼区,350102\n东城区,110101\n", "utf-8")
    own = system(", roster: r.csv", home=tmp_path)
    some = SHARED.filter(pl.col("地区") != "朝阳区").filter(~pl.col("地区").str.contains("朝"))
    card = kpi.score(some, system=own)
    assert card.entities["entity"].to_list() == ["鼓楼区（320106）", "鼓楼区（350102）", "东城区"]
    assert codes(card) == ["K612"]
    nameless = kpi.score(some.drop("行政区划代码"), system=own)
    assert {item.message for item in nameless.findings_list if item.code == "K602"} == {
        "`鼓楼区` may be 鼓楼区（320106） or 鼓楼区（350102）"
    }


@pytest.mark.parametrize(
    "text",
    [
        "entity,code,aliases\n南京市鼓楼区,320106,鼓楼区\n福州市鼓楼区,350102,鼓楼区\n",
        "entity,aliases\n甲县,老甲\n乙县,甲 县\n",
        "entity,code,aliases\n甲县,1,\n乙县,2,1\n",
    ],
    ids=["alias of two", "another's name", "another's code"],
)
def test_an_alias_of_two_is_an_error_of_the_roster(tmp_path, text):
    (tmp_path / "r.csv").write_text(text, "utf-8")
    with pytest.raises(DataError) as caught:
        kpi.score(table(), system=system(", roster: r.csv", home=tmp_path))
    assert [item.code for item in caught.value.diagnostics] == ["K603"]


def test_a_short_name_of_two_is_told_with_both(tmp_path):
    (tmp_path / "r.csv").write_text("entity\n阜南县\n南县\n吉安县\n吉安市\n", "utf-8")
    card = kpi.score(table({"吉安": (1, 1), "阜南": (2, 2)}), system=system(", roster: r.csv", home=tmp_path))
    assert {(item.code, item.message) for item in card.findings_list} == {("K602", "`吉安` may be 吉安县 or 吉安市")}


# ---- CONTRADICTIONS ---- #


@pytest.mark.parametrize(
    ("column", "texts", "answer"),
    [
        ("性别", ("男", "女"), "`性别` (男, 女)"),
        ("楼层", (1, 2), "`楼层` (1, 2)"),
        ("序号", (1, 2), None),
        ("说明", ("a", "b"), None),
    ],
)
@pytest.mark.parametrize("form", ["long", "wide"])
def test_what_rows_differ_in_is_named(form, column, texts, answer):
    item, other = (
        table({"甲县": (n, n)}, form=form, periods=["2023"]).with_columns(pl.lit(text).alias(column))
        for n, text in zip((1, 2), texts, strict=True)
    )
    card = kpi.score(pl.concat([item, other]), system=system())
    result = [item for item in card.findings_list if item.code == "K608"]
    assert len(result) == 4
    for each in result:
        assert (f"the rows differ in `{column}`" in each.message) is (answer is not None)
        assert ("修订" in (each.hint or "")) is (answer is None)
    assert answer is None or answer in result[0].message


# ---- GROUPS ---- #


def test_a_category_of_events_is_no_group():
    rows = [("甲县", "投诉")] * 3 + [("乙县", "咨询")] * 5 + [("丙县", "投诉")]
    for header, cohorts in (("类型", 1), ("事项类别", 1), ("分组", 1)):
        frame = pl.DataFrame([("2024-01-01", *row) for row in rows], ["日期", "地区", header], orient="row")
        card = kpi.score(frame, system=events_system())
        assert card.totals.select("entity", "rank", "score").rows() == [
            ("乙县", 1, 100.0),
            ("甲县", 2, 95.0),
            ("丙县", 3, 90.0),
        ]
        assert card.totals["cohort"].n_unique() == cohorts
    frame = frame.rename({"分组": "类型"})
    declared = kpi.score(frame, system=events_system(dataset=", columns: {cohort: 类型}"))
    assert declared.totals["cohort"].n_unique() == 2


@pytest.mark.parametrize("form", ["long", "wide"])
def test_a_category_groups_units_only_where_declared(form):
    groups = {"甲县": "市区", "乙县": "市区", "丙县": "县市"}
    frame = table(form=form).with_columns(pl.col("地区").replace_strict(groups).alias("类别"))
    card = kpi.score(frame, system=system())
    assert card.totals["cohort"].n_unique() == 1
    assert codes(card) == ["K530"]
    named = kpi.score(frame.rename({"类别": "分组"}), system=system())
    assert named.totals["cohort"].n_unique() == 2


def test_a_category_in_the_roster_groups_units(tmp_path):
    (tmp_path / "r.csv").write_text("entity,类别\n甲县,市区\n乙县,市区\n丙县,县市\n", "utf-8")
    card = kpi.score(table(), system=system(", roster: r.csv", home=tmp_path))
    assert card.totals["cohort"].n_unique() == 2


# ---- WORDS ---- #


TOTAL_NAMES = """
合计 总计 小计 全市 全县 全区 全省 全国 全州 全旗 嘉兴市合计 全市平均 合计： 全市（合计）
平均 平均值 均值 平均数 其中 其中：开发区
合计数 全市合计数 小计1 小计二 【合计】 —合计— *合计* ∑ Σ 全市企业 嘉兴全市 所有企业
Total TOTALS ＴＯＴＡＬ Subtotal Sub-total Sum Average Mean All
"""


@pytest.mark.parametrize("name", [*TOTAL_NAMES.split(), "Grand total", "合　　计"])
def test_names_of_totals(name):
    assert is_aggregate(name)


@pytest.mark.parametrize(
    "name",
    [
        "其他",
        "甲县",
        "全椒县",
        "全南县",
        "平安县",
        "Allegheny",
        "Meaney",
        "Totally",
        "总参社区",
        "【甲县】",
        "保全市",
        "小计划镇",
    ],
)
def test_names_of_units(name):
    assert not is_aggregate(name)


@pytest.mark.parametrize("other", ["甲县*", "1.甲县", "#甲县", "甲县#"])
def test_names_that_only_a_mark_parts_are_reported(other):
    rows = table({"甲县": (50, 6), other: (30, 3), "乙县": (20, 1)})
    card = kpi.score(rows, system=system())
    assert [finding.code for finding in card.findings_list if finding.severity == "warning"] == ["K647"]


# ---- ROWS WITHOUT A NAME ---- #

MIDDLE = {
    "total among the numbers": ("序号,县区,年份,GDP,财政收入", "合计,,2023,80,9"),
    "total among the years": ("年份,县区,GDP,财政收入", "合计,,80,9"),
    "total behind the name": ("县区,年份,GDP,财政收入", ",合计,80,9"),
    "note among the years": ("年份,县区,GDP,财政收入", "注：GDP按现价计算,,,"),
    "note among the numbers": ("序号,县区,年份,GDP,财政收入", "一、城区,,,,"),
    "note among the figures": ("县区,年份,GDP,财政收入", ",,注：现价,"),
    "total of a long table": ("年份,县区,指标,数值", "合计,,GDP,80"),
}  # fmt: skip


def rows_around(header: str, middle: str) -> str:
    """Return a text file with a row that names no unit between two and one that do."""
    rows = []
    for number, (who, (gdp, rev)) in enumerate(FIGURES.items(), 1):
        cells = {"序号": number, "年份": 2023, "县区": who, "GDP": gdp, "财政收入": rev, "指标": "GDP", "数值": gdp}
        cells["类别"] = "城"
        rows.append(",".join(str(cells[name]) for name in header.split(",")))
    return "\n".join([header, *rows[:2], middle, *rows[2:]]) + "\n"


@pytest.mark.parametrize("roster", [False, True])
@pytest.mark.parametrize("case", MIDDLE)
def test_totals_and_notes_beside_the_column_of_names_are_left_out(tmp_path, case, roster):
    header, middle = MIDDLE[case]
    (tmp_path / "d.csv").write_text(rows_around(header, middle), "utf-8")
    (tmp_path / "r.csv").write_text("entity\n" + "\n".join(FIGURES) + "\n", "utf-8")
    definition = system(", roster: r.csv" if roster else "", home=tmp_path)
    card = kpi.score(tmp_path / "d.csv", system=definition)
    code = "K612" if "total" in case else "K614"
    findings = [item for item in card.findings_list if item.code in ("K602", "K612", "K614")]
    assert [item.code for item in findings] == [code]
    assert "(row 4)" in findings[0].message
    assert set(card.totals["entity"]) == set(FIGURES)


@pytest.mark.parametrize(
    ("header", "middle"),
    [
        ("序号,县区,年份,GDP,财政收入", "3,,2023,80,9"),
        ("县区,年份,GDP,财政收入", ",2023,,"),  # a year is no remark
        ("县区,年份,类别,GDP,财政收入", ",2023,合计,80,9"),  # of the unit above, whose cell was merged
    ],
)
def test_a_row_without_a_name_that_may_be_of_a_unit_is_refused(tmp_path, header, middle):
    (tmp_path / "d.csv").write_text(rows_around(header, middle), "utf-8")
    card = kpi.score(tmp_path / "d.csv", system=system(), partly=True)
    assert {item.code for item in card.findings_list} >= {"K602"}
    assert not {item.code for item in card.findings_list} & {"K612", "K614"}
