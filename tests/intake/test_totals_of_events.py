"""Rows of totals among events, in whatever column of texts: left out, counted, and named in a note."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

import kpi

ROWS = [
    ("2023-01-01", "甲县", "道路", "10"),
    ("2023-02-01", "甲县", "桥梁", "4"),
    ("2023-03-01", "甲县", "小 计", "14"),
    ("2023-02-01", "乙县", "桥梁", "20"),
    ("2023-02-01", "乙县", "隧道", "20"),
    ("2023-12-31", "乙县", "本年累计", "40"),
    ("", "", "总计", "54"),
]
MEASURES: dict[str, Any] = {
    "s": {"kind": "sum", "of": "金额", "unit": "元"},
    "n": {"kind": "count", "unit": "项"},
    "most": {"kind": "max", "of": "金额", "unit": "元"},
    "kinds": {"kind": "distinct", "of": "项目名称", "unit": "个"},
}


def definition(measures: dict[str, Any] = MEASURES, **more: Any) -> dict[str, Any]:
    """Return a system of one indicator for each measure."""
    return {
        "system": "t", "title": "T", "period": "year", "entities": {"title": "县区", **more},
        "datasets": {"ev": {"form": "records", "columns": {"period": "日期", "entity": "县区"}}},
        "measures": {name: {**item, "from": "ev"} for name, item in measures.items()},
        "indicators": {f"i_{name}": {"kind": "level", "of": name, "score": {"kind": "minmax"}} for name in measures},
        "pillars": {"p": {"weight": 100, "parts": {f"i_{name}": 1 for name in measures}, "ours": True}},
    }  # fmt: skip


def frame(rows: list[tuple[str, ...]] = ROWS) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["日期", "县区", "项目名称", "金额"], orient="row")


def figures(card: Any, entity: str) -> dict[str, float]:
    rows = card.measures.filter(pl.col("entity") == entity)
    return dict(rows.select("measure", "value").rows())


@pytest.mark.parametrize("form", ["csv", "parquet", "frame"])
def test_rows_of_totals_are_no_events(form, tmp_path):
    data: Any = frame()
    if form == "csv":
        (tmp_path / "a.csv").write_text(frame().write_csv(), "utf-8")
        data = tmp_path / "a.csv"
    elif form == "parquet":
        frame().write_parquet(tmp_path / "a.parquet")
        data = tmp_path / "a.parquet"
    card = kpi.score(data, system=definition())
    assert figures(card, "甲县") == {"s": 14, "n": 2, "most": 10, "kinds": 2}
    assert figures(card, "乙县") == {"s": 40, "n": 2, "most": 20, "kinds": 2}
    [note] = card.findings.filter(code="K612")["message"]
    assert "小计 (row" in note
    assert "本年累计" in note
    assert "总计" in note
    assert "error" not in card.findings["severity"].to_list()


def test_totals_of_finer_units_are_left_out_beyond_the_first_rows():
    rows = [("2023-01-01", f"{'甲乙'[at % 2]}县", f"{at % 50}村", "1") for at in range(120_000)]
    rows.append(("2023-01-02", "甲县", "合计", "60000"))
    measures = {
        "mean": {"kind": "sum", "of": "金额", "unit": "元", "per": "项目名称"},
        "all": {"kind": "sum", "of": "金额", "unit": "元"},
    }
    system = definition(measures)
    system["indicators"]["i_mean"] = {"kind": "count", "of": "mean", "passes": ">= 2500", "score": {"kind": "minmax"}}
    card = kpi.score(frame(rows), system=system)
    assert figures(card, "甲县")["all"] == 60_000
    assert "K612" in set(card.findings["code"])


def test_a_total_that_a_measure_asks_for_is_kept_and_reported():
    measures = {**MEASURES, "total": {"kind": "sum", "of": "金额", "unit": "元", "where": "项目名称 = '小计'"}}
    rows = [(day, who, what.replace(" ", ""), much) for day, who, what, much in ROWS]
    card = kpi.score(frame(rows), system=definition(measures))
    assert figures(card, "甲县")["total"] == 14
    assert figures(card, "甲县")["s"] == 28
    assert "K675" in set(card.findings["code"])


def test_a_total_that_is_kept_is_an_event():
    card = kpi.score(frame(ROWS[:-1]), system=definition(keep=["小计"]))
    assert figures(card, "甲县")["n"] == 3
    assert figures(card, "乙县")["n"] == 2


def test_totals_have_no_part_in_the_keys_of_events(tmp_path):
    system = definition()
    system["datasets"]["ev"]["key"] = "项目名称"
    rows = [*ROWS[:3], *ROWS[4:], ROWS[4]]
    (tmp_path / "a.csv").write_text(frame(rows).write_csv(), "utf-8")
    card = kpi.score(tmp_path / "a.csv", system=system)
    assert figures(card, "甲县")["s"] == 14
    assert figures(card, "乙县")["s"] == 20
    assert {"K612", "K629"} <= set(card.findings["code"])


def test_texts_that_only_look_like_totals_are_events():
    rows = [("2023-01-01", "甲县", text, "1") for text in ("水电费合计", "设计", "共计划", "会计")]
    card = kpi.score(frame([*rows, ("2023-01-01", "乙县", "道路", "1")]), system=definition())
    assert figures(card, "甲县")["n"] == 4
    assert "K612" not in set(card.findings["code"])


def test_rows_without_a_figure_are_noted_once():
    rows = [("2023-01-01", "甲县", "道路", text) for text in ("100", "", "未报", "/")]
    measures = {"s": MEASURES["s"], "mean": {"kind": "mean", "of": "金额", "unit": "元"}, "n": MEASURES["n"]}
    card = kpi.score(frame([*rows, ("2023-01-01", "乙县", "道路", "5")]), system=definition(measures))
    assert figures(card, "甲县") == {"s": 100, "mean": 100, "n": 4}
    [note] = card.findings.filter(code="K628")["message"]
    assert note == "3 rows have no figure in `金额` and are left out of `s`, `mean`"


@pytest.mark.parametrize(
    ("score", "warned"),
    [
        ({"kind": "goalposts", "low": 50, "high": 100}, True),
        ({"kind": "bands", "cuts": {100: 90, 80: 80, 60: 60, 0: 0}}, True),
        ({"kind": "benchmark", "benchmark": 95}, True),
        ({"kind": "goalposts", "low": 0, "high": 5}, False),
        ({"kind": "minmax"}, False),
    ],
)
def test_fractions_are_compared_with_what_the_scoring_rule_refers_to(score, warned):
    system = {
        "system": "t", "title": "T", "period": "year", "entities": {"title": "地区"},
        "measures": {"r": {"title": "合格率", "unit": "%"}},
        "indicators": {"a": {"kind": "level", "of": "r", "score": score}},
        "pillars": {"p": {"weight": 100, "parts": {"a": 100}, "ours": True}},
    }  # fmt: skip
    rows = pl.DataFrame({"年份": ["2023"] * 3, "地区": ["甲县", "乙县", "丙县"], "合格率": ["0.92", "0.88", "1"]})
    assert ("K636" in set(kpi.score(rows, system=system).findings["code"])) is warned


@pytest.mark.parametrize("form", ["csv", "csv with notes", "parquet", "frame", "categorical"])
def test_totals_at_the_end_of_a_large_table_are_left_out(form, tmp_path):
    months = [(f"2023-{at // 30_000 + 1:02}-01", f"{'甲乙'[at % 2]}县", f"{at % 50}路", "1") for at in range(119_999)]
    rows = [row for at, row in enumerate(months, 1) for row in ([row] if at % 30_000 else [row, subtotal(row)])]
    rows += [("2023-12-31", "甲县", "合　计", "60000"), ("2023-12-31", "乙县", "总计", "60000")]
    data: Any = frame(rows)
    if form.startswith("csv"):
        (tmp_path / "a.csv").write_text(data.write_csv() + ("注：初步数,,,\n" if "notes" in form else ""), "utf-8")
        data = tmp_path / "a.csv"
    elif form == "parquet":
        data.write_parquet(tmp_path / "a.parquet")
        data = tmp_path / "a.parquet"
    elif form == "categorical":
        data = data.with_columns(pl.col("项目名称").cast(pl.Categorical))
    card = kpi.score(data, system=definition())
    assert figures(card, "甲县")["n"] == 60_000
    assert figures(card, "乙县")["n"] == 59_999
    assert figures(card, "甲县")["s"] == 60_000
    (note,) = card.findings.filter(code="K612")["message"]
    assert "本月合计 (rows" in note
    assert "总计 (row" in note


def subtotal(row: tuple[str, ...]) -> tuple[str, ...]:
    return (*row[:2], "本月合计", "30000")


@pytest.mark.parametrize("form", ["csv", "parquet", "frame"])
@pytest.mark.parametrize("at", [60_001, 90_000])
def test_totals_in_the_middle_of_a_large_table_are_left_out(form, at, tmp_path):
    rows = [
        (f"2023-{n // 10_000 + 1:02}-01", f"{'甲乙'[n % 2]}县", f"{n % 50}路", f"{n % 7 + 1}") for n in range(120_000)
    ]
    amount = sum(int(row[3]) for row in rows[60_000:70_000] if row[1] == "甲县")
    rows.insert(at, ("2023-07-31", "甲县", "合　计", str(amount)))
    data: Any = frame(rows)
    if form == "csv":
        (tmp_path / "a.csv").write_text(data.write_csv(), "utf-8")
        data = tmp_path / "a.csv"
    elif form == "parquet":
        data.write_parquet(tmp_path / "a.parquet")
        data = tmp_path / "a.parquet"
    card = kpi.score(data, system=definition())
    expected = {
        who: sum(int(row[3]) for row in rows if row[1] == who and row[2] != "合　计") for who in ("甲县", "乙县")
    }
    assert {who: figures(card, who)["s"] for who in expected} == expected
    assert figures(card, "甲县")["n"] == 60_000
    (note,) = card.findings.filter(code="K612")["message"]
    assert note.endswith(f"合计 (row {at + (2 if form == 'csv' else 1):,})")


def test_large_figures_that_are_no_totals_only_cost_a_search():
    rows = [(f"2023-{n // 10_000 + 1:02}-01", f"{'甲乙'[n % 2]}县", f"{n % 50}路", "1") for n in range(120_000)]
    rows[60_001] = ("2023-07-02", "乙县", "桥", "99999")
    card = kpi.score(frame(rows), system=definition())
    assert figures(card, "乙县")["s"] == 59_999 + 99_999
    assert card.findings_list == ()


def amounts(total: str, parts: dict[str, list[int]], *, events: int = 4) -> list[tuple[str, ...]]:
    """Return events of some units by month, each with the amount, and rows of a total under a name of its own."""
    rows = [
        (f"2023-{month:02}-{day:02}", who, "道路", str(amount))
        for who, items in parts.items() for month, amount in enumerate(items, 1) for day in range(1, events + 1)
    ]  # fmt: skip
    sums = [events * sum(items) for items in zip(*parts.values(), strict=True)]
    return [*rows, *((f"2023-{month:02}-28", total, "", str(amount)) for month, amount in enumerate(sums, 1))]


PARTS = {"甲县": [1, 5], "乙县": [2, 6], "丙县": [4, 7]}


@pytest.mark.parametrize("period", ["month", "quarter", "year"])
@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_a_unit_of_which_events_are_the_sum_of_all_others_is_reported(period, place):
    rows = amounts("某片", PARTS)
    if place != "last":
        rows = sorted(rows, key=lambda row: row[1] != "某片") if place == "first" else rows[9:] + rows[:9]
    measures = {"s": MEASURES["s"], "road": {**MEASURES["s"], "where": "项目名称 = '道路'"}, "n": MEASURES["n"]}
    card = kpi.score(frame(rows), system={**definition(measures), "period": period})
    assert [(item.code, item.place.entity) for item in card.findings_list if item.code == "K613"] == [("K613", "某片")]
    assert "某片" in set(card.totals["entity"])


def test_one_row_for_the_sum_of_all_months_is_reported():
    rows = [*amounts("", PARTS)[:-2], ("2023-02-28", "某片", "", "100")]
    card = kpi.score(frame(rows), system={**definition({"s": MEASURES["s"]}), "period": "month"})
    assert [item.code for item in card.findings_list] == ["K613"]


@pytest.mark.parametrize(
    "rows",
    [
        [
            ("2023-01-01", who, "道路", much)
            for who, much in (("甲县", "3"), ("乙县", "1"), ("丙县", "1"), ("丁县", "1"))
        ],
        [*amounts("", PARTS)[:-2], ("2023-02-28", "某片", "", "101")],
        [*amounts("", {"甲县": [1, 5], "乙县": [2, 6]})[:-2], ("2023-02-28", "某片", "", "56")],
        [*amounts("", PARTS)[:-2], *(("2023-02-28", "大县", "道路", "10") for _ in range(10))],
    ],
    ids=["few events", "not equal", "few others", "many events of its own"],
)
def test_sums_that_are_equal_by_coincidence_are_not_reported(rows):
    card = kpi.score(frame(rows), system=definition({"s": MEASURES["s"], "n": MEASURES["n"]}))
    assert "K613" not in {item.code for item in card.findings_list}
