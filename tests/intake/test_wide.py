"""Wide tables: every cell is what it would be in a row of its own, whatever the form, the batches and the size."""

from __future__ import annotations

import random
from collections import Counter

import polars as pl
import pytest

import kpi
from kpi.intake.files import chunks, pieces
from kpi.intake.panel import take_in
from kpi.intake.reported import fast_rows, fast_wide

MEASURES = {"gdp": "地区生产总值", "cases": "办件量", "people": "人口", "rate": "比率"}
SYSTEM = """
system: s
period: quarter
entities: {roster: roster.csv}
measures:
  gdp: {title: 地区生产总值, unit: 亿元}
  cases: {title: 办件量, unit: 件}
  people: {title: 人口, unit: 万人, over_time: last}
  rate: {title: 比率, unit: "%", over_time: mean}
indicators: {size: {kind: level, of: gdp}}
"""
#: Cells as they are typed; the last ones mean nothing.
CELLS = (
    "1", "2.5", "-3", "0", "-0", "1,234.5", "１２．５", "(12.3)", "—", "…", "", " 7", "1.2万", "3.5亿元", "不适用",
    "12%", "1e-400", "abc", "nan", "inf", "1e400", "99999999999999999999",
)  # fmt: skip
NAMES = ("甲县", "330401", " 乙县 ", "330402", "乙县", "丙区", "丙区", "", "无此县")
PERIODS = ("2023Q1", "2023Q2", "2023Q3", "2023-05", "2023", "", "某年")


@pytest.fixture
def system(tmp_path):
    (tmp_path / "roster.csv").write_text("entity,code\n甲县,330401\n乙县,330402\n丙区,330403\n", "utf-8")
    (tmp_path / "s.yaml").write_text(SYSTEM, "utf-8")
    return kpi.load(tmp_path / "s.yaml")


def drawn(seed: int) -> list[dict[str, str]]:
    """Rows of a wide table; some have nothing at all."""
    dice = random.Random(seed)
    odd = dice.choice((0.0, 0.1, 0.6))

    def cell(some):
        return dice.choice(some) if dice.random() < odd else some[0]

    rows = []
    for number in range(dice.randrange(8, 40)):
        row = {"期别": cell(PERIODS), "地区": dice.choice(NAMES[:7]) if dice.random() > odd else dice.choice(NAMES)}
        row["说明"] = "已核实" if dice.random() < odd / 4 else ""
        row |= {title: cell((str(number), *CELLS)) for title in MEASURES.values()}
        rows.append(dict.fromkeys(row, "") if dice.random() < odd / 9 else row)
    return rows


def written(rows, path):
    frame = pl.DataFrame(rows)
    frame.write_csv(path) if path.suffix == ".csv" else frame.write_parquet(path, row_group_size=7)
    return path


@pytest.mark.parametrize("seed", range(25))
def test_a_cell_is_what_it_would_be_in_a_row_of_its_own(tmp_path, system, seed):
    rows = drawn(seed)
    path = written(rows, tmp_path / f"wide{seed % 2}.{'csv' if seed % 3 else 'parquet'}")
    # A row that says nothing is none, however many cells it has.
    long = [
        {"期别": row["期别"], "地区": row["地区"], "说明": row["说明"], "指标": title, "数值": row[title]}
        for title in MEASURES.values() for row in rows if any(row.values())
    ]  # fmt: skip
    item = take_in(system, [path])
    other = take_in(system, [written(long, tmp_path / "long.csv")])
    assert item.frame.equals(other.frame)
    assert (item.counts, item.notes) == (other.counts, other.notes)
    # Of the many figures that contradict others the first rows are told. Cells of a row with one fault are one finding.
    messages = [
        {(result.code, result.message.split(" row ")[0]) for result in each.findings if result.code != "K608"}
        for each in (item, other)
    ]
    assert messages[0] == messages[1]
    counts = [Counter() for _ in (item, other)]
    for each, count in zip((item, other), counts, strict=True):
        for result in each.findings:
            count[result.code] += result.stands_for
    assert counts[0] == counts[1]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_batches_change_nothing(tmp_path, monkeypatch, system, seed, form):
    path = written(drawn(seed), tmp_path / f"wide.{form}")
    whole = take_in(system, [path])
    for module in (fast_rows, fast_wide):
        monkeypatch.setattr(module, "BATCH", 3)
    parts = take_in(system, [path])
    assert whole.frame.equals(parts.frame)
    assert (whole.counts, whole.notes, whole.findings) == (parts.counts, parts.notes, parts.findings)


@pytest.mark.parametrize("seed", range(25))
def test_a_large_file_gives_what_a_small_one_does(tmp_path, monkeypatch, system, seed):
    path = written([*drawn(seed), *drawn(seed + 100), *drawn(seed + 200)], tmp_path / "wide.csv")
    if seed % 3 == 0:
        path.write_text(path.read_text("utf-8") + "\n" * 40, "utf-8")
    if seed % 5 == 0:
        path.write_bytes(path.read_text("utf-8").encode("gb18030"))
    small = take_in(system, [path])
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 600)
    monkeypatch.setattr(chunks, "SEARCHED", 4)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, (300, 20)[seed % 2]))
    big = take_in(system, [path])
    assert big.frame.equals(small.frame)
    assert (big.counts, big.notes, big.findings) == (small.counts, small.notes, small.findings)


def test_a_unit_in_the_header_that_does_not_fit_refuses_its_column_alone(tmp_path, system):
    path = tmp_path / "wide.csv"
    path.write_text("期别,地区,地区生产总值（件）,人口（人）\n2023Q1,甲县,1,20000\n2023Q1,乙县,2,30000\n", "utf-8")
    panel = take_in(system, [path])
    assert [(item.code, item.place.row) for item in panel.findings] == [("K605", 2), ("K605", 3)]
    assert panel.frame["people"].to_list() == [2.0, 3.0, None]
    assert panel.frame["gdp.status"].to_list() == ["refused", "refused", "missing"]


# ---- HEADINGS THAT NAME MEASURES ---- #

TITLES = """
system: s
period: year
entities: {title: 县}
measures:
  a: {title: TITLE_A, unit: 个}
  b: {title: TITLE_B, unit: 个}
  cpi: {title: 居民消费价格指数, unit: 1, over_time: last}
indicators: {i: {kind: level, of: a}, j: {kind: level, of: b}, k: {kind: level, of: cpi}}
"""


def headed(folder, headings: list[str], titles=("甲项", "乙项")) -> kpi.Scorecard:
    rows = [["年度", "县", *headings], *([2023, name, *range(101, 101 + len(headings))] for name in ("甲县", "乙县"))]
    (folder / "d.csv").write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n", "utf-8")
    return kpi.score(
        folder / "d.csv", system=kpi.load(TITLES.replace("TITLE_A", titles[0]).replace("TITLE_B", titles[1]))
    )


def values(card: kpi.Scorecard) -> dict[str, float]:
    given = card.measures.filter((pl.col("entity") == "甲县") & pl.col("value").is_not_null())
    return dict(given.select("measure", "value").rows())


@pytest.mark.parametrize("more", [[], ["居民消费价格指数"]])
@pytest.mark.parametrize("titles", [("计划数", "完成数"), ("目标", "实际"), ("任务数", "本期数"), ("批次", "数量")])
def test_measures_may_be_called_as_columns_of_targets_and_figures_are(tmp_path, titles, more):
    card = headed(tmp_path, [*(f"{title}（个）" for title in titles), *more], titles)
    assert values(card) == {"a": 101, "b": 102} | ({"cpi": 103} if more else {})
    assert {item.code for item in card.findings_list} <= {"K555"}


def test_a_column_of_figures_that_a_wide_table_has_no_use_for_is_reported(tmp_path):
    card = headed(tmp_path, ["甲项", "完成数"])
    assert [item.place.field for item in card.findings_list if item.code == "K528"] == ["完成数"]


def test_a_wide_table_of_unknown_figures_is_not_asked_for_a_long_one_alone(tmp_path):
    with pytest.raises(kpi.DataError) as error:
        headed(tmp_path, ["计划数", "完成数"])
    assert "synonyms" in str(error.value.diagnostics[0].hint)


@pytest.mark.parametrize(
    "base", ["上年同月=100", "上年同期＝100", "上年=100", "以上年价格为100", "previous year = 100"]
)
def test_the_base_of_an_index_may_stand_behind_its_name(tmp_path, base):
    card = headed(tmp_path, ["甲项", f"居民消费价格指数（{base}）"])
    assert values(card) == {"a": 101, "cpi": 102}


def test_columns_of_one_index_with_two_bases_are_not_chosen_from(tmp_path):
    card = headed(tmp_path, ["居民消费价格指数（上年同月=100）", "居民消费价格指数（上月=100）", "甲项"])
    assert values(card) == {"a": 103}
    assert sum(item.code == "K528" for item in card.findings_list) == 2
