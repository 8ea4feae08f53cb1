"""Finer units (`per`) in several passes: the result is that of one pass, to the bit."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.intake.entities import from_data
from kpi.intake.events import finer_units, records
from kpi.intake.files.reader import read_all
from kpi.intake.matching.datasets import match
from kpi.language.system import System

MEASURES = {
    "paid": {"kind": "sum", "of": "金额", "unit": "元"},
    "average": {"kind": "mean", "of": "金额", "unit": "元", "where": "类型 = '甲'"},
    "visits": {"kind": "count", "unit": "件"},
    "middle": {"kind": "median", "of": "金额", "unit": "元"},
    "latest": {"kind": "last", "of": "金额", "unit": "元"},
    "best_month": {"kind": "sum", "of": "金额", "unit": "元", "over_time": "max"},
    "so_far": {"kind": "sum", "of": "金额", "unit": "元", "over_time": "ytd"},
    "none": {"kind": "count", "unit": "件", "none": 0, "where": "类型 = '乙'"},
}
NAMES = ["东村", "东 村", "西村", "Ａ组", "A组", "", " ", "北村　", "北村", "户1", "户2", None]


def system(*names: str, period: str = "quarter") -> System:
    return System.model_validate(
        {
            "system": "finer", "period": period, "entities": {},
            "measures": {"events": {"kind": "count", "unit": "件"}}
            | {name: MEASURES[name] | {"per": "户号"} for name in names},
            "indicators": {"i_events": {"kind": "level", "of": "events"}}
            | {f"i_{name}": {"kind": "count", "of": name, "passes": ">= 20"} for name in names}
            | {f"s_{name}": {"kind": "count", "of": name, "passes": ">= 3", "as": "share"} for name in names},
            "pillars": {"every": {"parts": {f"{stem}_{name}": 1 for name in names for stem in "is"}}},
            "scoring": {"kind": "minmax"},
            "datasets": {"cases": {"form": "records", "columns": {"period": "日期", "entity": "地区"},
                                   "types": {"金额": "number"}}},
        }
    )  # fmt: skip


def in_passes(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(finer_units, "GROUPS", most)
    monkeypatch.setattr(finer_units, "HASHED_GROUPS", most)


def outcome(frames: list[pl.DataFrame], of: System) -> tuple[pl.DataFrame, pl.DataFrame, list[str], object]:
    card = kpi.score(frames, system=of)
    findings = sorted(str(finding) for finding in card.findings.rows())
    order = ["entity", "period", "indicator"]
    return card.indicators.sort(order), card.totals.sort("entity", "period"), findings, card.counts


def drawn(rows: int, seed: int) -> pl.DataFrame:
    """Rows of a thousand households in four counties and eighteen months."""
    number = pl.int_range(rows, dtype=pl.UInt64)

    def value(salt: int, of: int) -> pl.Expr:
        return number.hash(seed * 10 + salt) % of

    return pl.select(
        地区=pl.lit("县") + (value(1, 4)).cast(pl.String),
        日期=pl.date(2023, 1, 1) + pl.duration(days=value(2, 540)),
        户号=pl.lit("户") + value(3, 1000).cast(pl.String),
        类型=pl.lit(pl.Series(["甲", "乙", None])).gather(value(4, 3)),
        金额=(value(5, 10_000) / 100),
    )


@pytest.mark.parametrize("names", [("paid", "average", "visits"), tuple(MEASURES), ("none",), ("so_far", "paid")])
@pytest.mark.parametrize("dirty", [False, True])
def test_several_passes_have_the_result_of_one(monkeypatch, names, dirty):
    frame = drawn(6000, seed=len(names))
    if dirty:
        odd = pl.int_range(pl.len()) % 50
        text = pl.when(odd == 7).then(pl.lit("约200")).otherwise(pl.col("金额").cast(pl.String))
        spaced = pl.when(odd == 3).then(pl.col("户号").str.replace("户", "户 "))
        frame = frame.with_columns(
            spaced.when(odd == 4).then(pl.lit(" ")).when(odd == 5).then(None).otherwise("户号").alias("户号"),
            pl.when((odd == 7).any()).then(text).alias("金额"),
        )
    frames = [frame.head(4000), frame.tail(2000)]
    of = system(*names)
    whole = outcome(frames, of)
    in_passes(monkeypatch, 500)
    for other in (frames, frames[::-1]):
        indicators, totals, findings, counts = outcome(other, of)
        assert indicators.equals(whole[0], null_equal=True)
        assert totals.equals(whole[1], null_equal=True)
        assert counts == whole[3]
        assert len(findings) == len(whole[2])
    assert outcome(frames, of)[2] == whole[2]


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["甲县", "乙县", "丙县 ", "不明", None]),
        st.sampled_from(["2023-01-05", "2023-02-07", "2023-07-01", "2024-03-03", "无", None]),
        st.sampled_from(NAMES),
        st.sampled_from(["甲", "乙", "", None]),
        st.sampled_from(["1", "2.5", "30", "-4", "约5", "1,000", "", None]),
    ),
    min_size=4,
    max_size=60,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(ROWS, st.sets(st.sampled_from(sorted(MEASURES)), min_size=1, max_size=4), st.integers(1, 5))
def test_passes_of_any_size_have_the_result_of_one(rows, names, most):
    frame = pl.DataFrame(rows, dict.fromkeys(["地区", "日期", "户号", "类型", "金额"], pl.String), orient="row")
    of = system(*sorted(names))
    outcomes = []
    for size in (1 << 30, most):
        with pytest.MonkeyPatch.context() as patch:
            in_passes(patch, size)
            try:
                outcomes.append(outcome([frame], of))
            except kpi.DataError as error:
                outcomes.append([finding.code for finding in error.diagnostics])
    item, several = outcomes
    if isinstance(item, list):
        assert item == several
        return
    assert several[0].equals(item[0], null_equal=True)
    assert several[1].equals(item[1], null_equal=True)
    assert several[2:] == item[2:]


def test_a_pass_holds_no_more_groups_than_fit(monkeypatch):
    frame, of, sizes = drawn(20_000, seed=3), system("paid"), []
    in_passes(monkeypatch, 2000)
    created = finer_units.FinerUnits.passes

    def passes(self, known, whole):
        for part in created(self, known, whole):
            sizes.append(part.groups.height)
            yield part

    monkeypatch.setattr(finer_units.FinerUnits, "passes", passes)
    kpi.score(frame, system=of)
    date = pl.col("日期").dt
    quarter = (date.year() * 4 + date.quarter()).alias("quarter")
    households = frame.select(pl.struct("地区", "户号", quarter).n_unique())
    assert sum(sizes) == households.item()
    assert max(sizes) < 2000 * 1.3  # an estimate, and shares by hash
    assert len(sizes) >= households.item() / 2000


def test_figures_that_are_kept_have_the_names_of_their_units(monkeypatch):
    frame, of = drawn(3000, seed=5), system("paid", "latest")

    def figures() -> pl.DataFrame:
        gathered = records.gather([match(of, table)[0] for (table,) in read_all([frame])], of)
        rows = gathered.measured(from_data(gathered.texts(), {})).figures
        return rows.sort("measure", "entity", "per", "period")

    whole = figures()
    in_passes(monkeypatch, 300)
    assert figures().equals(whole, null_equal=True)
    assert set(whole["per"].drop_nulls()) == set(frame["户号"])


def test_households_of_one_number_in_two_counties_are_two(monkeypatch):
    in_passes(monkeypatch, 1)
    rows = {"地区": ["甲", "甲", "乙", "乙"], "日期": ["2024-01-05"] * 4, "户号": ["户1", "户2", "户1", "户1"],
            "类型": ["甲"] * 4, "金额": [15, 30, 15, 10]}  # fmt: skip
    card = kpi.score(rows, system=system("paid", period="year"))
    values = dict(card.indicators.filter(indicator="i_paid").select("entity", "value").rows())
    assert values == {"甲": 1, "乙": 1}
