"""Events to measures: nothing counted twice or lost, the same bits in any order, and what is wrong told where it is."""

from __future__ import annotations

import random
import statistics
from datetime import date

import polars as pl
import pytest

from kpi.errors import DataError
from kpi.intake.entities import from_data
from kpi.intake.events import keys, mergeable, ordered, records
from kpi.intake.events.events import events, number_columns
from kpi.intake.events.units import scales
from kpi.intake.files.reader import read_all
from kpi.intake.matching.datasets import match, needed_columns
from kpi.intake.panel import take_in
from kpi.language.system import System

MEASURES = {
    "cases": {"kind": "count", "unit": "件"},
    "online": {"kind": "count", "unit": "件", "where": "渠道 IN ('网上', '掌上')"},
    "offline": {"kind": "count", "unit": "件", "where": "渠道 <> '网上'"},
    "fees": {"kind": "sum", "of": "收费", "unit": "元", "where": "渠道 = '网上'"},
    "fee": {"kind": "mean", "of": "收费", "unit": "元"},
    "least": {"kind": "min", "of": "收费", "unit": "元"},
    "most": {"kind": "max", "of": "收费", "unit": "元", "where": "收费 < 90"},
    "middle": {"kind": "median", "of": "收费", "unit": "元"},
    "high": {"kind": "quantile", "q": 0.9, "of": "收费", "unit": "元", "where": "渠道 = '网上'"},
    "latest": {"kind": "last", "of": "收费", "unit": "元"},
    "earliest": {"kind": "first", "of": "收费", "unit": "元"},
    "staff": {"kind": "distinct", "of": "经办人", "unit": "人", "where": "渠道 = '网上'"},
    "monthly": {"kind": "median", "of": "收费", "unit": "元", "over_time": "max"},
    "village": {"kind": "mean", "of": "收费", "unit": "元", "per": "村"},
    "middle_village": {"kind": "median", "of": "收费", "unit": "元", "per": "村"},
}


def system(*names: str, period: str = "quarter", **more: dict) -> System:
    measures = {name: MEASURES[name] for name in names} | more
    types = {"收费": "number"} if "收费" in str(measures) else {}
    kinds = {"level": {"kind": "level", "of": next(iter(measures))}}
    return System.model_validate(
        {
            "system": "events", "period": period, "entities": {}, "measures": measures, "indicators": kinds,
            "datasets": {"cases": {"form": "records", "columns": {"period": "日期", "entity": "地区"},
                                   "types": types}},
        }
    )  # fmt: skip


def event_rows(rows: int, seed: int = 1) -> pl.DataFrame:
    some = random.Random(seed)
    return pl.DataFrame(
        {
            "地区": [some.choice(["东湖县", "西山区", "南河市"]) for _ in range(rows)],
            "日期": [date(2023, some.randint(1, 9), some.randint(1, 28)) for _ in range(rows)],
            "渠道": [some.choice(["网上", "掌上", "窗口", None]) for _ in range(rows)],
            "收费": [some.choice([None, round(some.uniform(0, 100), 2), some.uniform(-1, 1)]) for _ in range(rows)],
            "经办人": [some.choice(["甲", "乙", "丙", "丁", None, " "]) for _ in range(rows)],
            "村": [some.choice(["一村", "二村", None]) for _ in range(rows)],
        }
    )


def figures(of: System, *frames: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """Every figure with its exact bits."""
    sources = [match(of, table)[0] for (table,) in read_all(frames)]
    gathered = records.gather(sources, of)
    panel = take_in(of, list(frames))
    result = gathered.measured(panel.entities).figures
    names = panel.entities.frame.select("entity").with_row_index("place").cast({"place": pl.UInt32})
    result = result.join(names, left_on="entity", right_on="place").drop("entity").rename({"entity_right": "entity"})
    return result.sort("measure", "entity", "per", "period").select(
        "measure", "entity", "per", "period", "value", "rows"
    )


def value(result: pl.DataFrame, measure: str, entity: str = "东湖县") -> float | None:
    return result.filter(measure=measure, entity=entity)["value"].item()


def test_every_kind_is_what_its_rows_say():
    frame = event_rows(3000)
    result = figures(system(*MEASURES), frame)
    mine = frame.filter((pl.col("地区") == "东湖县") & (pl.col("日期").dt.quarter() == 2))
    fees = mine["收费"].drop_nulls().to_list()
    online = mine.filter(渠道="网上")
    web = online["收费"].drop_nulls().to_list()
    dated = mine.drop_nulls("收费").select("日期", "收费")
    expected = {
        "cases": mine.height, "online": mine.filter(pl.col("渠道").is_in(["网上", "掌上"])).height,
        "offline": mine.filter(pl.col("渠道") != "网上").height, "fees": sum(web), "fee": statistics.fmean(fees),
        "least": min(fees), "most": max(fee for fee in fees if fee < 90), "middle": statistics.median(fees),
        "high": statistics.quantiles(web, n=10, method="inclusive")[8],
        "latest": dated.filter(日期=dated["日期"].max())["收费"].max(),
        "earliest": dated.filter(日期=dated["日期"].min())["收费"].min(),
        "staff": len({item for item in online["经办人"].drop_nulls() if item.strip()}),
        "monthly": max(
            statistics.median(item["收费"].drop_nulls().to_list())
            for item in mine.with_columns(m=pl.col("日期").dt.month()).partition_by("m")
        ),
    }  # fmt: skip
    quarter = result.filter(pl.col("period") == 2023 * 4 + 1)
    for name, exact in expected.items():
        assert value(quarter, name) == pytest.approx(exact, abs=1e-8), name
    villages = {item: mine.filter(村=item)["收费"].drop_nulls().to_list() for item in ("一村", "二村")}
    for name, of in (("village", statistics.fmean), ("middle_village", statistics.median)):
        rows = quarter.filter(measure=name, entity="东湖县")
        got = dict(zip(rows["per"], rows["value"], strict=True))
        assert got == pytest.approx({item: of(some) for item, some in villages.items()}, abs=1e-8)


def test_the_bits_are_the_same_in_any_order_of_rows_files_and_chunks():
    frame, of = event_rows(4000, seed=2), system(*MEASURES)
    once = figures(of, frame)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=3)
    chunked = pl.concat([shuffled.slice(at, 97) for at in range(0, 4000, 97)], rechunk=False)
    for others in ([shuffled], [chunked], [frame[:1300], frame[1300:]], [shuffled.lazy()]):
        assert once.equals(figures(of, *others))


@pytest.mark.parametrize("cells", [40, 400, 4000])
def test_buckets_of_any_size_give_the_same(monkeypatch, cells):
    frame, of = event_rows(2000, seed=4), system(*MEASURES, period="half")
    once = figures(of, frame)
    monkeypatch.setattr(ordered, "CELLS", cells)
    assert once.equals(figures(of, frame))


@pytest.mark.parametrize("late", [3.0, 0.125, 1e-9, 5e9, -8.4e11, 9e19])
@pytest.mark.parametrize(("decimals", "bits"), [(2, 32), (9, 64)])
def test_sums_in_few_bits_are_those_of_128(monkeypatch, late, decimals, bits):
    # The first rows are small and have few decimals, so that few bits are chosen; a later one is not, or has more.
    frame = event_rows(12_000, seed=5).with_columns(pl.col("收费").round(decimals)).with_columns(
        收费=pl.when(pl.int_range(pl.len()) == 11_999).then(late).otherwise("收费")
    )  # fmt: skip
    of = system("fees", "fee", "cases", all={"kind": "sum", "of": "收费", "unit": "元"})
    wide = figures(of, frame)
    monkeypatch.setattr(mergeable, "SMALL", 0)
    assert _chosen(of, frame).precisions["收费"].bits == bits
    assert wide.equals(figures(of, frame))


@pytest.mark.parametrize("late", [3.0, 0.125, float("nan"), 8e5])
def test_sums_of_several_files_have_the_precision_of_all(monkeypatch, late):
    first = event_rows(11_000, seed=9).with_columns(pl.col("收费").round(1))
    other = first.with_columns(收费=pl.when(pl.int_range(pl.len()) > 10_900).then(late).otherwise("收费"))
    of = system("fees", "fee", "village", "least")
    wide = figures(of, first, other)
    monkeypatch.setattr(mergeable, "SMALL", 0)
    assert wide.equals(figures(of, first, other))


def test_a_group_too_large_for_64_bits_is_summed_in_128(monkeypatch):
    # The first rows are of many entities, the others all of one.
    many = [f"{number:05d}县" for number in range(10_000)]
    rows = 60_000
    frame = pl.DataFrame({"地区": many + ["东湖县"] * rows, "日期": [date(2023, 1, 1)] * (10_000 + rows),
                          "渠道": ["网上"] * (10_000 + rows), "收费": [1e6] * 10_000 + [2e6] * rows})  # fmt: skip
    monkeypatch.setattr(mergeable, "SMALL", 0)
    of = system("fees")
    chosen = _chosen(of, frame)
    assert chosen.most < rows
    assert value(figures(of, frame), "fees") == 2e6 * rows


@pytest.mark.parametrize("late", [None, float("nan")])
def test_cells_that_are_empty_only_far_down_are_not_counted(monkeypatch, late):
    frame = event_rows(14_000, seed=7).with_columns(pl.col("收费").fill_null(7.25))
    frame = frame.with_columns(收费=pl.when(pl.int_range(pl.len()) > 13_990).then(late).otherwise("收费"))
    of = system(
        "fees", "fee", "least", "village", web={"kind": "mean", "of": "收费", "unit": "元", "where": "渠道 = '网上'"}
    )
    whole = figures(of, frame)
    monkeypatch.setattr(mergeable, "SMALL", 0)
    assert _chosen(of, frame).full
    assert whole.equals(figures(of, frame))
    assert whole.filter(measure="fee")["rows"].sum() == 13_991


def _chosen(of: System, frame: pl.DataFrame) -> mergeable.Aggregation:
    ((table,),) = read_all([frame])
    source, kinds = match(of, table)[0], needed_columns(of, "cases")
    parts = [part for measure in of.measures.values() for part in measure.parts()]
    numbers = number_columns(source, kinds)
    units, _ = scales([numbers], of.measures, kinds, table.place())
    some = [events(source, of.measures, kinds, of.period, scales=units, numbers=numbers)]
    return mergeable.aggregation(some, kinds, of.measures, units, parts)


def test_texts_that_mean_one_entity_or_period_are_one_group():
    frame = pl.DataFrame(
        {
            "地区": ["东湖县", " 东湖县", "东湖县　", "东湖县"],
            "日期": ["2023-01-05", "2023年1月6日", "2023/3/7", "20230331"],
            "渠道": ["网上"] * 4, "收费": ["1", "2", "30", "4"], "经办人": ["甲", "甲", "乙", "甲"], "村": ["一村"] * 4,
        }
    )  # fmt: skip
    result = figures(system(*MEASURES), frame)
    expected = {"cases": 4, "fees": 37, "fee": 9.25, "least": 1, "most": 30, "middle": 3, "latest": 4, "earliest": 1,
                "staff": 2, "monthly": 17, "village": 9.25, "middle_village": 3}  # fmt: skip
    assert {name: value(result, name) for name in expected} == expected
    assert dict(result.select("measure", "rows").rows()) == dict.fromkeys(MEASURES, 4) | {"most": 4, "offline": 0}


def test_values_of_any_type_are_counted():
    frame = event_rows(400, seed=8).with_columns(经办人=pl.int_range(pl.len()) % 17, 渠道=pl.lit("网上"))
    of, total = system("staff", period="year"), 0
    for item in ([frame], [frame[:100], frame[100:].cast({"经办人": pl.String})]):
        result = figures(of, *item)
        total += int(result["value"].sum())
        assert value(result, "staff") == frame.filter(地区="东湖县")["经办人"].n_unique()
    assert total > 17


def test_nothing_but_the_columns_that_measures_need_and_texts_are_read():
    def never(_: pl.Series) -> pl.Series:
        raise AssertionError("a column that no measure needs was read")

    of = system("cases", "fees", "middle", "staff")
    frame = event_rows(50).lazy().with_columns(pl.lit(1).map_batches(never, return_dtype=pl.Int64).alias("序号"))
    ((table,),) = read_all([frame])
    gathered = records.gather([match(of, table)[0]], of)
    result = gathered.measured(from_data(gathered.texts(), {}))
    assert result.figures.filter(measure="cases")["value"].sum() == result.read == 50


def test_buckets_find_their_months_in_dates_of_every_type(monkeypatch):
    of, frame = system("middle", "staff", period="month"), event_rows(900, seed=6)
    once = figures(of, frame)
    monkeypatch.setattr(ordered, "CELLS", 100)
    for when in (pl.col("日期"), pl.col("日期").cast(pl.String), pl.col("日期").cast(pl.Datetime("ms"))):
        assert once.equals(figures(of, frame.with_columns(when)))


# ---- WHAT IS WRONG ---- #


def test_cells_that_are_no_number_refuse_what_needs_them_and_leak_nowhere():
    frame = event_rows(8).with_columns(
        收费=pl.Series([1.0, float("nan"), 2.0, float("inf"), 1e21, None, 4.0, -0.0]), 地区=pl.lit("东湖县"),
        日期=pl.lit(date(2023, 1, 1)), 渠道=pl.Series(["网上", "窗口", "网上", "窗口", "网上", "网上", "网上", "网上"]),
    )  # fmt: skip
    frame = pl.concat([frame, frame.filter(pl.col("收费") < 5).with_columns(地区=pl.lit("西山区"))])
    of = system("fees", "fee", "least", "most", "middle")
    result = figures(of, frame)
    names = ("fees", "fee", "least", "most", "middle")
    assert [value(result, name) for name in names] == [None] * 5
    assert [value(result, name, "西山区") for name in names] == [7, 1.75, 0, 4, 1.5]
    panel = take_in(of, [frame])
    reports = [(item.code, item.place.row, item.place.field) for item in panel.findings]
    # One row of 网上 has no figure; those that are refused are none of these.
    refused = [("K604", 2, "收费"), ("K604", 4, "收费"), ("K604", 5, "收费")]
    assert reports == [*refused, ("K628", None, "收费")]
    assert (panel.counts.read, panel.counts.used, panel.counts.refused) == (12, 9, 3)
    assert (
        panel.frame.filter(entity=0).select(pl.col("^(fees|fee|least|most|middle).status$")).row(0) == ("refused",) * 5
    )


def test_rows_that_cannot_be_placed_are_counted_and_told_and_blank_ones_are_none():
    frame = pl.DataFrame(
        {
            "地区": ["东湖县", None, "  ", None, "东湖县", "东湖县", "东湖县"],
            "日期": ["2023-01-01", "2023-01-01", None, None, "2023-13-01", None, "2023年"],
            "渠道": ["网上", "网上", "网上", " ", "网上", "网上", "网上"],
        }
    )
    panel = take_in(system("online"), [frame])
    assert (panel.counts.read, panel.counts.used, panel.counts.refused) == (6, 1, 5)
    reports = [(item.code, item.place.row) for item in panel.findings]
    assert reports == [("K602", 2), ("K602", 3), ("K606", 3), ("K606", 5), ("K606", 6), ("K606", 7)]
    assert "longer than the scored periods" in panel.findings[-1].message


def test_dates_of_impossible_years_do_not_stretch_the_panel():
    frame = event_rows(3).with_columns(日期=pl.Series([date(2023, 1, 1), date(9999, 1, 1), date(1000, 1, 1)]))
    panel = take_in(system("cases"), [frame])
    assert len(panel.periods) == 1
    assert [(item.code, item.place.row) for item in panel.findings] == [("K606", 2), ("K606", 3)]
    assert "there is no year 9999" in panel.findings[0].message


def test_of_many_bad_rows_the_first_are_listed_and_all_counted():
    frame = pl.concat([event_rows(10), event_rows(250).with_columns(收费=float("nan"), 渠道=pl.lit("网上"))])
    panel = take_in(system("fees"), [frame])
    findings = [item for item in panel.findings if item.code != "K628"]
    blank = event_rows(10).filter(pl.col("收费").is_null() & (pl.col("渠道") == "网上")).height
    assert [item.message.split()[0] for item in panel.findings if item.code == "K628"] == [str(blank)] * (blank > 0)
    assert [item.place.row for item in findings[:-1]] == list(range(11, 111))
    assert findings[-1].message == "... and 150 more rows of this kind"


def test_blank_text_is_no_text():
    frame = event_rows(6).with_columns(
        渠道=pl.Series(["网上", "", "  ", None, "窗口", "掌上"]), 地区=pl.lit("东湖县"), 日期=pl.lit(date(2023, 1, 1))
    )
    of = system(
        "online", "offline", blank={"kind": "count", "unit": "件", "where": "渠道 IS NULL"},
        one={"kind": "count", "unit": "件", "where": "NOT (渠道 = '网上')"},
        kinds={"kind": "distinct", "of": "渠道", "unit": "个"},
    )  # fmt: skip
    result = figures(of, frame)
    assert [value(result, name) for name in ("online", "offline", "blank", "one", "kinds")] == [2, 2, 3, 2, 3]


def test_a_file_without_any_usable_row_says_why():
    with pytest.raises(DataError, match="names no entity"):
        take_in(system("cases"), [event_rows(3).with_columns(地区=pl.lit(" "))])


def test_files_that_are_aggregated_one_after_another_have_the_result_of_all_at_once(monkeypatch):
    of = system(*MEASURES)
    frames = [event_rows(400, seed=seed) for seed in (1, 2, 3)] + [event_rows(400, seed=2).head(390)]
    whole, notes = figures(of, *frames), take_in(of, frames).findings
    monkeypatch.setattr(mergeable, "BATCH", 500)
    assert figures(of, *frames).equals(whole, null_equal=True)
    assert take_in(of, frames).findings == notes
    assert [finding.code for finding in notes].count("K631") == 1


def test_files_that_share_events_are_found_whether_their_rows_are_held_or_not(monkeypatch):
    of = system("cases", "fees")
    frames = [event_rows(300, seed=seed).head(300 - place) for place, seed in enumerate((5, 6, 5, 7, 6))]
    held = take_in(of, frames).findings
    monkeypatch.setattr(keys, "_HELD", 0)
    assert take_in(of, frames).findings == held
    assert [finding.code for finding in held].count("K631") == 2
