"""Units that merge, split or change their name: figures are on the areas of today, or the series breaks."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.cli.main import main
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError
from kpi.intake.files import chunks, pieces
from kpi.intake.succession import examined as examined_table
from kpi.language.loading.loader import examine

DATA = """period,entity,code,办件量,总值
2020,临安市,,100,10
2021,临安区,330112,110,12
2020,上城区,330102,50,5
2020,江干区,,60,6
2021,上城区,330102,115,13
2020,余杭区,330110,200,20
2021,余杭区,330110,120,12
2021,临平区,330113,100,11
"""
ROSTER = "entity,code,aliases\n临安区,330112,临安市\n上城区,330102,江干区\n余杭区,330110,\n临平区,330113,\n"
MERGED = "江干区,上城区,2021,\n"
NAMED = "临安市,临安区,2021,\n"
SPLIT = "余杭区,余杭区,2021,\n余杭区,临平区,2021,\n"
SHARED = "余杭区,余杭区,2021,0.55\n余杭区,临平区,2021,0.45\n"
HEAD = "old,new,date,share\n"
SYSTEM = """system: e
period: {period}
entities: {{title: 县{entities}}}
measures:
  cs: {{title: 办件量, unit: 件}}
  g: {{title: 总值, unit: 亿元}}
  r: {{title: 满意率, unit: '%'}}
indicators:
  ic: {{kind: level, of: cs}}
  ig: {{kind: growth, of: g, over: 1y}}
  ir: {{kind: growth, of: r, over: 1y, as: points}}
  share: {{kind: ratio, numerator: cs, denominator: g, unit: 件/亿元}}
  ix: {{kind: index, of: share, base: '{base}'}}
"""


def folder(path: Path, table: str | None, *, roster: bool = True, period: str = "year", base: str = "2020") -> Path:
    """Write the definition, the roster and the table, and return the definition."""
    entities = ", roster: roster.csv" if roster else ""
    if table is not None:
        (path / "succession.csv").write_text(HEAD + table, "utf-8")
        entities += ", succession: succession.csv"
    (path / "roster.csv").write_text(ROSTER, "utf-8")
    (path / "d.csv").write_text(DATA, "utf-8")
    (path / "s.yaml").write_text(SYSTEM.format(entities=entities, period=period, base=base), "utf-8")
    return path / "s.yaml"


def scored(path: Path, table: str | None, data: object = None, **kwargs: object) -> Scorecard:
    return kpi.score(path / "d.csv" if data is None else data, system=folder(path, table, **kwargs))


def cell(card: Scorecard, entity: str, name: str, period: str = "2021") -> tuple[float | None, str]:
    frame = card.indicators if name in card.definition.indicators else card.measures
    key = "indicator" if name in card.definition.indicators else "measure"
    row = frame.filter(pl.col("entity") == entity, pl.col("period") == period, pl.col(key) == name)
    assert row.height == 1, (entity, name, period)
    value = row["value"][0]
    return (None if value is None else round(value, 6)), row["status"][0]


def codes(card: Scorecard) -> list[str]:
    return sorted(
        item.code for item in card.findings_list if not item.message.startswith("满意率") and item.code[:2] == "K6"
    )


# ---- MERGERS, RENAMES, SPLITS ---- #


def test_merged_units_are_on_the_area_of_today(tmp_path):
    card = scored(tmp_path, MERGED + NAMED + SPLIT)
    assert cell(card, "上城区", "g", "2020") == (11.0, "ok")
    assert cell(card, "上城区", "ig") == (18.181818, "ok")
    assert cell(card, "临安区", "ig") == (20.0, "ok")
    assert card.entities["entity"].to_list() == ["临安区", "上城区", "余杭区", "临平区"]
    assert codes(card) == []
    assert card.counts["used"] == card.counts["read"] == 16


def test_a_split_without_shares_breaks_the_series(tmp_path):
    card = scored(tmp_path, MERGED + NAMED + SPLIT)
    assert [cell(card, who, "ig") for who in ("余杭区", "临平区")] == [(None, "break")] * 2
    assert [cell(card, who, "ix") for who in ("余杭区", "临平区")] == [(None, "break")] * 2
    assert cell(card, "余杭区", "g", "2020") == (20.0, "ok")
    assert cell(card, "临平区", "g", "2020") == (None, "break")


def test_a_split_with_shares_is_divided(tmp_path):
    card = scored(tmp_path, MERGED + NAMED + SHARED)
    assert [cell(card, who, "g", "2020") for who in ("余杭区", "临平区")] == [(11.0, "ok"), (9.0, "ok")]
    assert cell(card, "余杭区", "ig") == (round(100 / 11, 6), "ok")
    assert cell(card, "临平区", "cs", "2020") == (90.0, "ok")


def test_what_does_not_add_up_breaks(tmp_path):
    rates = {
        ("2020", "上城区"): 90,
        ("2020", "江干区"): 80,
        ("2021", "上城区"): 88,
        ("2020", "临安市"): 70,
        ("2021", "临安区"): 75,
    }
    frame = pl.DataFrame(
        [(p, e, float(v)) for (p, e), v in rates.items()], ["period", "entity", "满意率"], orient="row"
    )
    card = scored(tmp_path, MERGED + NAMED, frame)
    assert cell(card, "上城区", "r", "2020") == (90.0, "ok")
    assert cell(card, "上城区", "ir") == (None, "break")
    assert cell(card, "临安区", "ir") == (5.0, "ok"), "a new name is no new area"


def test_a_part_is_never_taken_for_the_whole(tmp_path):
    data = pl.DataFrame(
        {"period": ["2020", "2020", "2021"], "entity": ["上城区", "江干区", "上城区"], "总值": [5.0, None, 13.0],
         "办件量": [1.0, 2.0, 3.0]}
    )  # fmt: skip
    card = scored(tmp_path, MERGED, data)
    assert cell(card, "上城区", "g", "2020") == (None, "missing")
    assert cell(card, "上城区", "cs", "2020") == (3.0, "ok")
    lacking = data.filter(pl.col("entity") != "上城区").vstack(data.filter(pl.col("period") == "2021"))
    assert "K645" in codes(scored(tmp_path, MERGED, lacking)), "a unit without earlier figures is a guess"


def test_an_old_unit_has_no_figures_from_the_date_on(tmp_path):
    text = DATA + "2021,江干区,,70,7\n"
    (tmp_path / "late.csv").write_text(text, "utf-8")
    card = scored(tmp_path, MERGED + NAMED, tmp_path / "late.csv")
    late = [item for item in card.findings_list if item.code == "K646"]
    assert len(late) == 1
    assert "江干区" in late[0].message
    assert "2021" in late[0].message
    assert cell(card, "上城区", "g") == (13.0, "ok")
    assert card.counts["refused"] == 2


def test_chains_and_dates_of_several_kinds(tmp_path):
    data = pl.DataFrame(
        {"period": ["2018"] * 3 + ["2020"] * 2 + ["2022"], "entity": ["甲", "乙", "丙", "乙", "丙", "丙"],
         "总值": [1.0, 2.0, 4.0, 3.5, 4.5, 9.0]}
    )  # fmt: skip
    for table in ("乙,丙,2021-01-01,\n甲,乙,2019Q1,\n", "甲,乙,2019年1月,\n乙,丙,2021,\n"):
        card = scored(tmp_path, table, data, roster=False)
        assert card.entities["entity"].to_list() == ["丙"]
        assert [cell(card, "丙", "g", at)[0] for at in ("2018", "2020", "2022")] == [7.0, 8.0, 9.0]
    at_once = scored(tmp_path, "甲,乙,2021,\n乙,丙,2021,\n", data, roster=False)
    assert cell(at_once, "丙", "g", "2018") == (7.0, "ok")


def test_a_break_goes_with_an_area_that_is_added_later(tmp_path):
    data = pl.DataFrame(
        {"period": [str(year) for year in range(2017, 2023) for _ in range(2)], "entity": ["甲", "乙"] * 6,
         "总值": [float(at) for at in range(1, 13)]}
    ).filter((pl.col("entity") != "甲") | (pl.col("period") < "2021"))  # fmt: skip
    card = scored(tmp_path, "甲,甲,2019,\n甲,丙,2019,\n甲,乙,2021,\n", data, roster=False)
    assert cell(card, "乙", "ig", "2019") == (None, "break")
    assert [cell(card, "乙", "ig", at)[1] for at in ("2018", "2020", "2021", "2022")] == ["ok"] * 4


def test_codes_instead_of_names(tmp_path):
    data = "period,code,总值\n2020,330102,5\n2020,330104,6\n2021,330102,13\n"
    (tmp_path / "codes.csv").write_text(data, "utf-8")
    yaml = folder(tmp_path, "330104,330102,2021,\n")
    (tmp_path / "roster.csv").write_text("entity,code,aliases\n上城区,330102,330104\n", "utf-8")
    assert cell(kpi.score(tmp_path / "codes.csv", system=yaml), "上城区", "g", "2020") == (11.0, "ok")


def test_a_date_inside_a_period_is_said(tmp_path):
    card = scored(tmp_path, "江干区,上城区,2021-04-09,\n" + NAMED)
    assert codes(card) == ["K645"]
    assert cell(card, "上城区", "ig") == (18.181818, "ok")


def test_without_a_table_the_contradiction_names_the_way_out(tmp_path):
    card = scored(tmp_path, None)
    hints = {item.hint for item in card.findings_list if item.code == "K608"}
    assert len(hints) == 1
    assert "succession:" in hints.pop()


# ---- WRONG TABLES ---- #

WRONG = {
    "江于区,上成区,2021,\n": ("K639", 2, "new"),
    "江干区,上城区,2021,\n上城区,江干区,2021,\n": ("K639", 2, "old"),
    "江干区,上城区,2021,\n江干区,上城区,2021,\n": ("K639", 3, "new"),
    "江干区,上城区,明年,\n": ("K639", 2, "date"),
    "江干区,上城区,,\n": ("K639", 2, "date"),
    ",上城区,2021,\n": ("K639", 2, "old"),
    "余杭区,余杭区,2021,0.55\n余杭区,临平区,2021,0.4\n": ("K644", 3, "share"),
    "余杭区,余杭区,2021,0.55\n余杭区,临平区,2021,\n": ("K644", 3, "share"),
    "余杭区,余杭区,2021,55\n余杭区,临平区,2021,45\n": ("K644", 2, "share"),
    "余杭区,临平区,2021,0.45\n": ("K644", 2, "share"),
    "余杭区,临平区,2021,多数\n": ("K644", 2, "share"),
}


@pytest.mark.parametrize("table", WRONG, ids=repr)
def test_a_wrong_table_is_a_finding_with_its_row(table, tmp_path):
    yaml = folder(tmp_path, table)
    with pytest.raises(DataError) as caught:
        kpi.score(tmp_path / "d.csv", system=yaml)
    first = caught.value.diagnostics[0]
    assert (first.code, first.place.row, first.place.field) == WRONG[table]
    system = examine(yaml).system
    assert system is not None
    assert examined_table(system) == list(caught.value.diagnostics), "`kpi check` says the same without data"
    done = CliRunner().invoke(main, ["check", str(yaml)])
    assert done.exit_code == 1
    assert first.code in done.output


@pytest.mark.parametrize("text", ["old,new\n江干区,上城区\n", "原单位,日期\n江干区,2021\n"])
def test_a_table_without_a_column(text, tmp_path):
    yaml = folder(tmp_path, "")
    (tmp_path / "succession.csv").write_text(text, "utf-8")
    with pytest.raises(DataError, match="K639"):
        kpi.score(tmp_path / "d.csv", system=yaml)


def test_a_file_that_is_not_there(tmp_path):
    yaml = folder(tmp_path, MERGED)
    (tmp_path / "succession.csv").unlink()
    assert [item.code for item in examine(yaml).findings] == ["K107"]


# ---- FORMATS AND PATHS ---- #


def long(text: str) -> pl.DataFrame:
    wide = pl.read_csv(text.encode(), schema_overrides={"period": pl.String, "code": pl.String})
    return wide.unpivot(index=["period", "entity", "code"], variable_name="指标", value_name="数值").drop_nulls("数值")


def same(item: Scorecard, other: Scorecard) -> None:
    assert item.measures.equals(other.measures)
    assert item.indicators.equals(other.indicators)


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "parquet"])
@pytest.mark.parametrize("shape", ["wide", "long"])
def test_every_format_and_shape_says_the_same(suffix, shape, tmp_path):
    frame = long(DATA) if shape == "long" else pl.read_csv(DATA.encode(), schema_overrides={"period": pl.String})
    table = pl.DataFrame(
        {"原单位": ["江干区", "余杭区", "余杭区", "临安市"], "新单位": ["上城区", "余杭区", "临平区", "临安区"],
         "生效日期": ["2021-01-01"] * 4, "比例": [None, "55%", "45%", None]}
    )  # fmt: skip
    yaml = folder(tmp_path, MERGED + SHARED + NAMED)
    expected = kpi.score(tmp_path / "d.csv", system=yaml)
    for name, some in (("data", frame), ("table", table)):
        path = tmp_path / f"{name}.{suffix}"
        {"csv": some.write_csv, "xlsx": some.write_excel, "parquet": some.write_parquet}[suffix](path)
    same(kpi.score(tmp_path / f"data.{suffix}", system=yaml, succession=tmp_path / f"table.{suffix}"), expected)


@pytest.mark.parametrize("shape", ["wide", "long"])
def test_large_files_say_the_same(shape, tmp_path, monkeypatch):
    rng = random.Random(1)
    rows = [
        (str(year), who, float(rng.randrange(1000)))
        for year in range(2000, 2022) for who in ("上城区", "江干区", "余杭区") if (who, year) != ("江干区", 2021)
    ]  # fmt: skip
    frame = pl.DataFrame(rows, ["period", "entity", "总值"], orient="row").with_columns(办件量=pl.col("总值") * 2)
    frame = (
        frame.unpivot(index=["period", "entity"], variable_name="指标", value_name="数值") if shape == "long" else frame
    )
    yaml = folder(tmp_path, MERGED)
    frame.write_csv(tmp_path / "big.csv")
    small = kpi.score(tmp_path / "big.csv", system=yaml)
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 400)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))
    same(kpi.score(tmp_path / "big.csv", system=yaml), small)
    assert cell(small, "上城区", "ig", "2021")[1] == "ok"


def test_one_period_is_as_all_periods_say(tmp_path):
    yaml = folder(tmp_path, MERGED + NAMED + SPLIT)
    every, item = (kpi.score(tmp_path / "d.csv", system=yaml, period=at) for at in (None, "2021"))
    assert item.indicators.equals(every.indicators.filter(pl.col("period") == "2021"))


# ---- EVENTS ---- #

EVENTS = """system: ev
period: year
entities: {title: 县, succession: succession.csv}
datasets: {ev: {form: records, columns: {period: 日期, entity: 地区}}}
measures:
  many: {kind: count, unit: 件}
  fees: {kind: sum, of: 金额, unit: 元}
  mid: {kind: median, of: 金额, unit: 元}
  avg: {kind: mean, of: 金额, unit: 元}
  firms: {kind: distinct, of: 企业, unit: 家}
indicators:
  in: {kind: growth, of: many}
  im: {kind: growth, of: mid}
"""


def events(rows: list[tuple[str, str, float, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, ["日期", "地区", "金额", "企业"], orient="row")


ROWS = [
    ("2020-02-01", "上城区", 1.0, "a"), ("2020-03-01", "上城区", 2.0, "b"), ("2020-05-01", "江干区", 9.0, "a"),
    ("2021-02-01", "上城区", 4.0, "a"), ("2020-02-01", "余杭区", 10.0, "a"), ("2021-02-01", "余杭区", 3.0, "a"),
    ("2021-05-01", "临平区", 5.0, "c"),
]  # fmt: skip


def of_events(path: Path, table: str, rows: list[tuple[str, str, float, str]]) -> Scorecard:
    (path / "succession.csv").write_text(HEAD + table, "utf-8")
    (path / "ev.yaml").write_text(EVENTS, "utf-8")
    return kpi.score(events(rows), system=path / "ev.yaml")


def test_events_of_merged_units_are_measured_together(tmp_path):
    card = of_events(tmp_path, MERGED + SHARED, ROWS)
    values = [cell(card, "上城区", name, "2020") for name in ("many", "fees", "mid", "avg", "firms")]
    assert values == [(3.0, "ok"), (12.0, "ok"), (2.0, "ok"), (4.0, "ok"), (2.0, "ok")]
    assert cell(card, "上城区", "im") == (100.0, "ok")
    assert cell(card, "临平区", "fees", "2020") == (4.5, "ok")
    assert cell(card, "临平区", "im") == (None, "break")
    assert cell(card, "余杭区", "mid", "2020") == (10.0, "ok")


def test_events_of_an_old_unit_after_its_end_are_said(tmp_path):
    card = of_events(tmp_path, MERGED, [*ROWS, ("2021-06-01", "江干区", 7.0, "z")])
    assert codes(card) == ["K646"]
    assert cell(card, "上城区", "fees") == (11.0, "ok")


# ---- COMMANDS ---- #


def run(*args: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(item) for item in args])
    return done.exit_code, done.output


def test_the_option_does_what_the_definition_does(tmp_path):
    (tmp_path / "t").mkdir()
    folder(tmp_path / "t", MERGED + NAMED)
    yaml, table = folder(tmp_path, None), tmp_path / "t" / "succession.csv"
    data = tmp_path / "d.csv"
    code, text = run("score", data, "-s", yaml, "--succession", table, "-f", "json")
    assert code == 0, text
    code, text = run("explain", data, "上城区", "办件量", "-s", yaml, "-p", "2020", "--succession", table)
    assert (code, "50（上城区）＋60（江干区）" in text) == (0, True)
    assert run("check", yaml, "--data", data, "--succession", table)[0] == 0
    assert run("check", yaml, "--data", data)[0] == 1


def test_explain_says_that_the_series_breaks(tmp_path):
    yaml = folder(tmp_path, MERGED + NAMED + SPLIT)
    code, text = run("explain", tmp_path / "d.csv", "余杭区", "ig", "-s", yaml)
    assert (code, "change of areas" in text) == (0, True)


def test_periods_definitions_and_files_are_compared_with_the_option(tmp_path):
    (tmp_path / "t").mkdir()
    folder(tmp_path / "t", MERGED + NAMED)
    yaml, table, data = folder(tmp_path, None), tmp_path / "t" / "succession.csv", tmp_path / "d.csv"
    within = folder(tmp_path / "t", MERGED + NAMED)

    def moved(*args: object) -> list:
        code, text = run("diff", "2020", "2021", "--data", data, "-f", "json", "-q", *args)
        assert code == 0, text
        return json.loads(text)["figures"]

    wanted = moved("-s", within)
    assert moved("-s", yaml, "--succession", table) == wanted
    assert moved("-s", yaml) != wanted
    later = tmp_path / "e.csv"
    later.write_text(DATA.replace("2020,江干区,,60,6", "2020,江干区,,61,6"), "utf-8")
    code, text = run("diff", data, later, "-s", yaml, "-p", "2020", "--succession", table, "-f", "json", "-q")
    assert (code, "上城区" in text) == (0, True), text
    code, text = run("diff", yaml, yaml, "--data", data, "-p", "2020", "--succession", table)
    assert code == 0, text
    assert run("stress", data, "-s", yaml, "--runs", 3, "--succession", table, "-p", "2021")[0] == 2, (
        "nothing is ranked"
    )


def test_a_table_that_nothing_uses_is_an_error(tmp_path):
    yaml = folder(tmp_path, MERGED + NAMED)
    table, data = tmp_path / "succession.csv", tmp_path / "d.csv"
    for name in ("one.json", "two.json"):
        assert run("score", data, "-s", yaml, "-o", tmp_path / name)[0] == 0
    for args in (("diff", tmp_path / "one.json", tmp_path / "two.json"), ("diff", "--at", 1),
                 ("explain", "上城区", "--run", 1)):  # fmt: skip
        code, text = run(*args, "--succession", table)
        assert (code, "K543" in text) == (2, True), args


def test_ranks_are_stressed_on_the_areas_of_today(tmp_path):
    yaml = folder(tmp_path, None)
    yaml.write_text(yaml.read_text("utf-8").replace("of: cs}", "of: cs, target: {at_least: 10}}")
                    + "pillars: {p: {parts: {ic: 1}}}\n", "utf-8")  # fmt: skip
    (tmp_path / "t.csv").write_text(HEAD + MERGED + NAMED, "utf-8")
    args = ("stress", tmp_path / "d.csv", "-s", yaml, "-p", "2021", "--runs", 3, "-f", "csv", "-q")
    code, text = run(*args, "--succession", tmp_path / "t.csv")
    assert (code, "江干区" in text, "上城区" in text) == (0, False, True), text


def test_a_batch_scores_again_when_the_table_changes(tmp_path):
    folder(tmp_path, MERGED + NAMED)
    (tmp_path / "nightly.toml").write_text(
        'store = "store"\n[[source]]\nsystem = "s.yaml"\ndata = "d.csv"\n[store]\n'.replace("[store]\n", ""), "utf-8"
    )
    config = tmp_path / "nightly.toml"
    outputs = [run("batch", config)]
    (tmp_path / "succession.csv").write_text(HEAD + MERGED + NAMED + SPLIT, "utf-8")
    outputs.append(run("batch", config))
    assert [code for code, _ in outputs] == [0, 0], outputs
    assert "nothing changed" not in outputs[1][1].lower()
    assert "break" in json.dumps(
        kpi.score(tmp_path / "d.csv", system=tmp_path / "s.yaml").indicators["status"].to_list()
    )


# ---- STATES, TARGETS, FINER UNITS ---- #

STATE = """system: m
period: year
entities: {title: 县, succession: succession.csv}
measures: {step: {title: 已完成, unit: 是/否, over_time: last}}
indicators: {done: {kind: milestone, of: step, target: {done: true, by: 2022}}}
"""


def states(path: Path, table: str, rows: list[tuple[str, str, str]]) -> Scorecard:
    (path / "succession.csv").write_text(HEAD + table, "utf-8")
    (path / "m.yaml").write_text(STATE, "utf-8")
    return kpi.score(pl.DataFrame(rows, ["period", "entity", "已完成"], orient="row"), system=path / "m.yaml")


def test_a_milestone_keeps_no_state_across_a_break(tmp_path):
    rows = [("2020", "上城区", "是"), ("2020", "江干区", "否"), ("2022", "上城区", "否"), ("2023", "余杭区", "是")]
    rows += [("2019", "余杭区", "否"), ("2020", "临安市", "是"), ("2023", "西湖区", "是")]
    card = states(tmp_path, MERGED + "临安市,临安区,2021,\n", rows)
    result = {year: cell(card, "上城区", "done", year) for year in ("2020", "2021", "2022", "2023")}
    assert result == {"2020": (1, "ok"), "2021": (None, "break"), "2022": (0, "ok"), "2023": (0, "ok")}
    assert cell(card, "临安区", "done", "2023") == (1, "ok"), "a new name alone breaks nothing"
    assert cell(card, "余杭区", "done", "2022") == (0, "ok")
    assert cell(card, "西湖区", "done", "2022") == (None, "missing")


def test_what_was_done_before_a_break_is_not_done_late_after_it(tmp_path):
    rows = [("2020", "上城区", "是"), ("2020", "江干区", "否"), ("2023", "上城区", "是")]
    card = states(tmp_path, MERGED, rows)
    assert cell(card, "上城区", "done", "2023")[1] == "late"


@pytest.mark.parametrize("share", [True, False])
def test_finer_units_and_means_over_time_in_a_split(share, tmp_path):
    (tmp_path / "ev.yaml").write_text(
        "system: ev\nperiod: year\nentities: {title: 县, succession: succession.csv}\n"
        "datasets: {ev: {form: records, columns: {period: 日期, entity: 地区}}}\n"
        "measures:\n  fees: {kind: sum, of: 金额, unit: 元}\n"
        "  monthly: {kind: sum, of: 金额, unit: 元, over_time: mean}\n"
        "  top: {kind: sum, of: 金额, unit: 元, over_time: max}\n"
        "  village: {kind: sum, of: 金额, unit: 元, per: 村}\n"
        "indicators:\n  busy: {kind: count, of: village, passes: '>= 5'}\n  i: {kind: growth, of: monthly}\n"
        "  j: {kind: growth, of: top}\n  k: {kind: growth, of: fees}\n  l: {kind: growth, of: busy}\n",
        "utf-8",
    )
    rows = [("2020-02-01", "余杭区", 10.0, "a"), ("2020-03-01", "余杭区", 30.0, "b")]
    rows += [("2021-02-01", "余杭区", 3.0, "a")]
    rows += [("2021-05-01", "临平区", 9.0, "c"), ("2021-05-02", "余杭区", 11.0, "a")]
    (tmp_path / "succession.csv").write_text(HEAD + (SHARED if share else SPLIT), "utf-8")
    data = pl.DataFrame(rows, ["日期", "地区", "金额", "村"], orient="row")
    card = kpi.score(data, system=tmp_path / "ev.yaml")
    growth = {who: {name: cell(card, who, name) for name in "ijkl"} for who in ("余杭区", "临平区")}
    if share:
        # The mean of the months is divided as sums are; the highest month is not.
        assert growth["余杭区"]["i"] == (round((7 / (20 * 0.55) - 1) * 100, 6), "ok")
        assert growth["余杭区"]["k"] == (round((14 / (40 * 0.55) - 1) * 100, 6), "ok")
        assert growth["临平区"]["k"] == (round((9 / (40 * 0.45) - 1) * 100, 6), "ok")
    else:
        assert {growth[who][name] for who in growth for name in "ik"} == {(None, "break")}
    assert {growth[who][name] for who in growth for name in "jl"} == {(None, "break")}
    assert cell(card, "余杭区", "busy", "2020") == (2, "ok")


# ---- LAWS ---- #

FIGURES = st.dictionaries(
    st.tuples(st.sampled_from(["上城区", "江干区", "下城区"]), st.integers(2018, 2021)),
    st.integers(-10**6, 10**6).map(lambda number: number / 100), min_size=1,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(FIGURES, st.randoms())
def test_adding_by_hand_is_the_same(tmp_path_factory, figures, rng):
    """Scores of merged units are those of data in which the rows were added before; the order of rows is no matter."""
    path = tmp_path_factory.mktemp("law")
    figures = {(who, year): value for (who, year), value in figures.items() if who == "上城区" or year < 2021}
    figures |= {("上城区", 2021): 1.0, ("上城区", 2018): 2.0, ("江干区", 2018): 3.0, ("下城区", 2018): 4.0}
    years = range(2018, 2022)
    by_hand = [("2021", "上城区", 1.0)]
    for year in years[:-1]:
        parts = [figures.get((who, year)) for who in ("上城区", "江干区", "下城区")]
        by_hand += [(str(year), "上城区", round(sum(parts), 2))] if None not in parts else []
    given_rows = [(str(year), who, value) for (who, year), value in figures.items()]
    rng.shuffle(given_rows)
    frames = [pl.DataFrame(rows, ["period", "entity", "总值"], orient="row") for rows in (given_rows, by_hand)]
    merged = kpi.score(frames[0], system=folder(path, "江干区,上城区,2021,\n下城区,上城区,2021,\n", roster=False))
    plain = kpi.score(frames[1], system=folder(path, None, roster=False))
    columns = ["period", "entity", "indicator", "value", "status"]
    assert merged.indicators.select(columns).equals(plain.indicators.select(columns))


@pytest.mark.parametrize(("text", "name"), [("江干,上城区,2021,\n", "江干区"), ("江干区,上城,2021,\n", "上城区")])
def test_without_a_roster_a_name_without_its_ending_is_an_error_and_no_unit(tmp_path, text, name):
    with pytest.raises(DataError) as caught:
        scored(tmp_path, text, roster=False)
    (finding,) = caught.value.diagnostics
    assert finding.code == "K639"
    assert f"did you mean `{name}`?" in str(finding.hint)


@pytest.mark.parametrize(("text", "name"), [("江于区,上城区,2021,\n", "江干区"), ("江干区,上成区,2021,\n", "上城区")])
def test_without_a_roster_a_slip_of_one_character_is_an_error_too(text, name, tmp_path):
    with pytest.raises(DataError) as caught:
        scored(tmp_path, text, roster=False)
    (finding,) = caught.value.diagnostics
    assert (finding.code, f"did you mean `{name}`?" in str(finding.hint)) == ("K639", True)


def test_without_a_roster_any_other_name_without_figures_is_a_warning(tmp_path):
    card = scored(tmp_path, MERGED + "西湖县,上城区,2021,\n下城区,上城区,2021,\n", roster=False)
    result = [(item.code, item.severity.value) for item in card.findings_list if "have no figure" in item.message]
    assert result == [("K639", "warning")] * 2, "a unit that the table names is no slip of another"
