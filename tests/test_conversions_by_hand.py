"""Expressions that multiply by what their unit stands for: found where values are wrong, noted where they are bare."""

from __future__ import annotations

import polars as pl
import pytest

import kpi
from kpi.language.loading.loader import examine_text

BASE = """\
system: t
period: month
entities: {{title: 县}}
measures:
  a: {{title: 办结数, unit: 件}}
  b: {{title: 受理数, unit: 件}}
  people: {{title: 人口, unit: 人}}
  rate: {{title: 参保率, unit: '%'}}
  money: {{title: 投资, unit: 万元}}
indicators: {{x: {{kind: formula, better: higher, {more}}}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
scoring: {{kind: minmax}}
"""


def found(more: str) -> list[tuple[str, str]]:
    findings = examine_text(BASE.format(more=more)).findings
    return [(item.code, str(item.severity)) for item in findings]


WARNED, NOTED = [("K499", "warning")], [("K499", "info")]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("expr: a / b * 100", NOTED),
        ("expr: 100 * a / b", NOTED),
        ("expr: 'round(a * 100.0 / b, 2)'", NOTED),
        ("expr: (a - b) / b * 100", NOTED),
        ("expr: CASE WHEN b > 0 THEN a / b * 100 ELSE 0 END", NOTED),
        ("expr: 'coalesce(a / b, 0) * 100'", NOTED),
        ("expr: a / b * 1000", NOTED),
        ("expr: a / people * 10000", NOTED),
        ("expr: a / b * 100, unit: '%'", WARNED),
        ("expr: 'round(a / b, 4) * 100', unit: '%'", WARNED),
        ("expr: a / b * 1000, unit: ‰", WARNED),
        ("expr: a / people * 10000, unit: 件/万人", WARNED),
        ("expr: money / 10000, unit: 亿元", WARNED),
        ("expr: people * rate / 100, unit: 人", WARNED),
        ("expr: a / b * 100, target: {at_least: 95 %}", WARNED),
        ("expr: a / b * 100, target: {at_least: 95}", NOTED),
        ("expr: a / b", []),
        ("expr: a / b, unit: '%'", []),
        ("expr: a / b * 100, unit: '1'", []),
        ("expr: a / b * 50, unit: '%'", []),
        ("expr: (a * 0.6 + b * 0.4) / b, unit: '%'", []),
        ("expr: a / b * 100, title: 办结指数", []),
        ("expr: 'a / b * 100', title: 得分", []),
        ("expr: a * 100", []),
        ("expr: rate * 1, unit: '%'", []),
        ("expr: a / people * 10000, unit: 件/人", WARNED),
        ("expr: a * 100 / b, unit: ‰", WARNED),
        ("expr: people * rate, unit: 人", []),
        ("expr: (10 * a + 8 * b) / people", []),
        ("expr: rate / (a / b)", []),
    ],
)
def test_a_formula(more, expected):
    assert found(more) == expected


def test_what_is_reported_is_what_the_values_are():
    data = pl.DataFrame({"月份": ["2024-01"] * 2, "县": ["甲县", "乙县"], "办结数": [80, 90], "受理数": [100, 100]})
    data = data.with_columns(人口=1000, 参保率=90, 投资=1)
    for more, value in (
        ("expr: a / b", 0.8), ("expr: a / b, unit: '%'", 80), ("expr: a / b * 100", 80),
        ("expr: a / b * 100, unit: '%'", 8000),
        ("expr: people * rate / 100, unit: 人", 9),
    ):  # fmt: skip
        card = kpi.score(data, system=BASE.format(more=more))
        assert card.indicators.filter(entity="甲县")["value"].to_list() == pytest.approx([value])
        # Notes on a definition are those of `kpi check`.
        assert [item.code for item in card.findings_list] == [code for code, how in found(more) if how == "warning"]


EVENTS = """\
system: t
period: month
entities: {{title: 县}}
datasets: {{ev: {{form: records}}}}
measures:
  m: {{kind: mean, from: ev, of: {of}}}
indicators: {{x: {{kind: level, of: m}}}}
pillars: {{p: {{parts: {{x: 1}}}}}}
scoring: {{kind: minmax}}
"""


@pytest.mark.parametrize("form", ["frame", "csv", "parquet"])
@pytest.mark.parametrize(
    ("of", "heading", "codes"),
    [
        ("办结数 / 受理数 * 100, unit: '%'", "（件）", ["K499"]),
        ("办结数 / 受理数, unit: '%'", "（件）", []),
        ("办结数 / 受理数 * 100, unit: '%'", "", []),
        ("办结数 / 受理数 * 100, unit: '1'", "（件）", []),
        ("办结数 * 1, unit: 件", "（件）", []),
        ("办结数 / 10000, unit: 万件", "（件）", ["K499"]),
    ],
)
def test_an_expression_of_events(form, of, heading, codes, tmp_path):
    data = pl.DataFrame({"日期": ["2024-01-05", "2024-01-06"], "县": ["甲县", "乙县"]})
    data = data.with_columns(pl.Series(f"办结数{heading}", [80, 85]), pl.Series(f"受理数{heading}", [90, 95]))
    if form == "csv":
        data.write_csv(tmp_path / "d.csv")
    elif form == "parquet":
        data.write_parquet(tmp_path / "d.parquet")
    given = data if form == "frame" else tmp_path / f"d.{form}"
    card = kpi.score(given, system=EVENTS.format(of=of))
    assert [item.code for item in card.findings_list] == codes
