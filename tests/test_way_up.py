"""The way up and other values: against exhaustive search on small systems, by scoring whole files anew."""

from __future__ import annotations

import itertools
import json

import polars as pl
import pytest
import yaml
from click.testing import CliRunner
from polars.testing import assert_frame_equal

import kpi
from kpi.analysis import way_up as ways
from kpi.analysis.trials import Trials
from kpi.analysis.way_up import aim_of
from kpi.cli.main import main
from kpi.errors import DataError
from kpi.language.loading.loader import examine_text

NAMES = ("a", "b", "c")
ROWS = {"甲": (90, 60, 30), "乙": (60, 70, 52), "丙": (30, 80, 71), "丁": (95, 90, 85), "戊": (61, 60, 59)}
#: Measures in %, without decimals, so that every value can be tried.
BASE = {
    "system": "bench",
    "period": "year",
    "entities": {"title": "县"},
    "measures": {f"m_{name}": {"unit": "%", "over_time": "last"} for name in NAMES}
    | {"incidents": {"unit": "起", "over_time": "sum"}},
    "indicators": {name: {"kind": "level", "of": f"m_{name}", "decimals": 0} for name in NAMES},
    "scoring": {"kind": "goalposts", "low": 0, "high": 100},
    "pillars": {"一": {"weight": 2, "parts": {"a": 3, "b": 1}}, "二": {"weight": 1, "parts": {"c": 1}}},
    "stars": {"kind": "bands", "cuts": {5: 85, 4: 75, 3: 65, 2: 55, 1: 0}, "names": {5: "优秀", 4: "良好"}},
}
QUOTA = {"kind": "quota", "shares": {5: 20, 4: 40, 3: 40}}
LADDER = {
    "kind": "ladder",
    "rungs": {1: {"score": 40}, 2: {"score": 50, "pillars": 40}, 3: {"score": 60, "pillars": 55}},
}
VETO = {"outbreak": {"kind": "veto", "when": "incidents > 2", "effect": {"stars_at_most": 3}}}
LOWER = BASE["indicators"] | {"b": {"kind": "level", "of": "m_b", "better": "lower", "decimals": 0}}
WITHIN = BASE["indicators"] | {
    "c": {
        "kind": "level", "of": "m_c", "decimals": 0, "target": {"within": [40, 45]},
        "score": {"kind": "pass"},
    }
}  # fmt: skip
BANDS = {"kind": "bands", "cuts": {100: 90, 80: 75, 60: 60, 0: 0}}
SYSTEMS = {
    "bands": {},
    "bands of scores": {"scoring": BANDS},
    "lower is better": {"indicators": LOWER},
    "within": {"indicators": WITHIN},
    "quota": {"stars": QUOTA},
    "ladder": {"stars": LADDER},
    "minmax": {"scoring": {"kind": "minmax"}},
    "rank scores": {"scoring": {"kind": "rank"}},
    "geometric": {"composite": {"mean": "geometric"}},
    "veto": {"adjustments": VETO},
    "one rung": {"stars": BASE["stars"] | {"moves": "one_rung"}},
}


def card_of(changed=None, rows=ROWS, periods=("2023",), incidents=(("甲", 3),)):
    definition = examine_text(yaml.safe_dump(BASE | (changed or {}), allow_unicode=True))
    assert definition.system is not None, definition.findings
    figures = [
        {"period": period, "entity": entity, "measure": f"m_{name}", "value": float(value)}
        for period in periods
        for entity, values in rows.items()
        for name, value in zip(NAMES, values, strict=True)
        if value is not None
    ]
    had = dict(incidents)
    figures += [
        {"period": period, "entity": entity, "measure": "incidents", "value": float(had.get(entity, 0))}
        for period in periods
        for entity in rows
    ]
    return kpi.score(pl.DataFrame(figures), system=definition.system)


def with_values(unit, values):
    place = {name: at for at, name in enumerate(NAMES)}
    changed = list(ROWS[unit])
    for name, value in values.items():
        changed[place[name]] = value
    return {**ROWS, unit: tuple(changed)}


def total(card, unit):
    return card.only([max(card.labels)]).totals.filter(entity=unit).row(0, named=True)


def judge(card, unit, *, together=True):
    """Return what scores trials of a unit; that it gives what whole files give is the first test."""
    place = card.entities["entity"].to_list().index(unit)
    return Trials(card, max(card.labels), place, [*NAMES, "incidents"], together=together)


def aims(card, name):
    """Yield a unit, an aim and the judge of the unit."""
    for unit in ("甲", "丙"):
        trials = judge(card, unit)
        for to in (3, "rank:1") if name == "ladder" else (3, 4, 5, "rank:1"):
            yield unit, to, trials


@pytest.mark.parametrize("name", SYSTEMS)
def test_trials_are_what_scoring_whole_files_gives(name):
    card = card_of(SYSTEMS[name], periods=("2022", "2023"))
    trials = [{"a": 75.0}, {"b": 20.0, "c": 99.0}, {"a": 100.0, "b": 100.0, "c": 100.0}, {}]
    at_once = judge(card, "乙").standings(trials)
    assert at_once == judge(card, "乙", together=False).standings(trials)
    for trial, standing in zip(trials, at_once, strict=True):
        old = {(unit, "2022"): values for unit, values in ROWS.items()}
        new = {(unit, "2023"): values for unit, values in with_values("乙", trial).items()}
        figures = [
            {"period": period, "entity": unit, "measure": f"m_{measure}", "value": float(value)}
            for (unit, period), values in (old | new).items()
            for measure, value in zip(NAMES, values, strict=True)
        ] + [
            {"period": period, "entity": unit, "measure": "incidents", "value": 3.0 if unit == "甲" else 0.0}
            for unit, period in old | new
        ]  # fmt: skip
        anew = total(kpi.score(pl.DataFrame(figures), system=card.definition), "乙")
        assert (standing.level, standing.rank) == (anew["stars"], anew["rank"])
        assert standing.raw == pytest.approx(anew["raw_score"], abs=1e-9)


@pytest.mark.parametrize("name", SYSTEMS)
def test_single_changes_are_the_nearest_of_all_values(name):
    card = card_of(SYSTEMS[name], periods=("2022", "2023"))
    for unit, to, every in aims(card, name):
        way, aim = kpi.way_up(card, unit, to), aim_of(card.definition, to)
        trials = [{item: float(value)} for item in NAMES for value in range(101)]
        met = [aim.met(standing) for standing in every.standings([{}, *trials])]
        assert way.reached == met[0]
        if way.reached:
            continue
        now = dict(zip(NAMES, ROWS[unit], strict=True))
        reaching = [trial for trial, there in zip(trials, met[1:], strict=True) if there]
        nearest = {
            item: min(abs(trial[item] - now[item]) for trial in reaching if item in trial)
            for item in {key for trial in reaching for key in trial}
        }
        seen = way.single.filter("reached", pl.col("indicator").is_in(NAMES))
        assert {row["indicator"]: abs(row["change"]) for row in seen.iter_rows(named=True)} == nearest, (unit, to)


COARSE = [float(value) for value in range(0, 101, 10)]


@pytest.mark.parametrize("name", SYSTEMS)
def test_no_smaller_set_reaches_the_aim_and_no_amount_can_be_less(name):
    card = card_of(SYSTEMS[name], periods=("2022", "2023"))
    for unit, to, every in aims(card, name):
        way, aim = kpi.way_up(card, unit, to), aim_of(card.definition, to)
        if way.reached:
            continue
        now = {**dict(zip(NAMES, ROWS[unit], strict=True)), "incidents": 3.0 if unit == "甲" else 0.0}
        assert way.shortest
        values = {row["indicator"]: row["needed"] for row in way.together.iter_rows(named=True)}
        domain = {"incidents": [0.0, 2.0]} | {key: [*COARSE, 42.0] for key in NAMES}
        smaller = [
            dict(zip(names, chosen, strict=True))
            for size in range(1, len(values) if values else len(domain) + 1)
            for names in itertools.combinations(domain, size)
            for chosen in itertools.product(*(domain[item] for item in names))
            if size < 3 or not set(chosen) - {0.0, 42.0, 100.0, 2.0}
        ]
        assert not any(map(aim.met, every.standings(smaller))), (unit, to)
        assert way.reachable == bool(values)
        if not values:
            continue
        assert aim.met(judge(card, unit, together=False).standings([values])[0])
        for key, value in values.items():
            step = 1.0 if value < now[key] else -1.0
            less = values | {key: value + step}
            if less[key] == now[key]:
                less.pop(key)
            assert not aim.met(every.standings([less])[0]), (unit, to, less)


def test_what_cannot_be_reached_says_what_holds_it_down():
    failing = {"outbreak": {"kind": "veto", "when": "m_a < 200", "effect": {"stars_at_most": 3}}}
    way = kpi.way_up(card_of({"adjustments": failing}), "乙", "优秀")
    assert not way.reachable
    assert way.shortest
    best = way.totals.filter(situation="best").row(0, named=True)
    assert (best["score"], best["stars"], best["veto"]) == (100.0, 3.0, "outbreak")


def test_a_veto_is_lifted_by_the_measure_that_it_asks_about():
    way = kpi.way_up(card_of({"adjustments": VETO}), "甲", 4)
    assert "incidents" in way.together["indicator"].to_list()
    assert way.together.filter(indicator="incidents")["needed"].item() == 2.0


def test_a_missing_value_is_a_candidate_and_a_share_ends_at_its_whole():
    rows = ROWS | {"乙": (60, None, 52)}
    way = kpi.way_up(card_of(rows=rows), "乙", 5)
    assert not set(way.single["limit"]) - {100.0}
    assert way.single.filter(indicator="b")["value"].item() is None


def test_more_figures_than_all_sets_can_be_tried_of(monkeypatch):
    monkeypatch.setattr(ways, "SETS", 4)
    card = card_of()
    way = kpi.way_up(card, "戊", 5)
    assert way.reachable
    assert not way.shortest
    values = {row["indicator"]: row["needed"] for row in way.together.iter_rows(named=True)}
    assert aim_of(card.definition, 5).met(judge(card, "戊").standings([values])[0])


@pytest.mark.parametrize(
    ("to", "level", "rank"),
    [(5, 5, None), ("5", 5, None), ("优秀", 5, None), ("4星", 4, None), ("★★★", 3, None), ("rank: 3", None, 3)],
)
def test_levels_and_places_are_read_as_people_write_them(to, level, rank):
    aim = aim_of(card_of().definition, to)
    assert (aim.level, aim.rank) == (level, rank)


@pytest.mark.parametrize("to", ["6", "0.5", "优", "", "rank:0", "rank:x", "-1", "nan"])
def test_what_is_no_level_is_refused_with_the_levels(to):
    with pytest.raises(DataError) as caught:
        aim_of(card_of().definition, to)
    (finding,) = caught.value.diagnostics
    assert finding.code == "K876"
    assert finding.hint


# ---- OTHER VALUES ---- #


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_same_values_give_the_same_bits(name):
    card = card_of(SYSTEMS[name], periods=("2022", "2023"))
    same = kpi.what_if(card, {"乙.a": 60, ("丙", "m_b"): "80 %"})
    assert_frame_equal(same.frame.select(card.frame.columns), card.frame)


@pytest.mark.parametrize("name", SYSTEMS)
def test_other_measures_give_what_other_files_give(name):
    card = kpi.what_if(card_of(SYSTEMS[name]), {"乙.m_a": 88, "乙.m_c": 12})
    anew = card_of(SYSTEMS[name], with_values("乙", {"a": 88, "c": 12}))
    assert_frame_equal(card.totals, anew.totals)
    assert card.data_hash != anew.data_hash


def test_an_indicator_computed_from_another_follows_it():
    twice = BASE["indicators"] | {"d": {"kind": "formula", "expr": "a * 2"}}
    card = card_of({"indicators": twice})
    after = kpi.what_if(card, {"乙.a": 70})
    assert after.indicators.filter(entity="乙", indicator="d")["value"].item() != (
        card.indicators.filter(entity="乙", indicator="d")["value"].item()
    )


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("乙", 5, "K874"), (".a", 5, "K874"), ("已.a", 5, "K602"), ("乙.x", 5, "K203"), ("乙.a", "many", "K875"),
        ("乙.a", "5 亩", "K875"), ("乙.a", float("nan"), "K875"), ("乙.a", "1e999", "K875"),
    ],
)  # fmt: skip
def test_what_names_no_figure_or_value_is_refused(key, value, code):
    with pytest.raises(DataError) as caught:
        kpi.what_if(card_of(), {key: value})
    assert [finding.code for finding in caught.value.diagnostics] == [code]


def test_a_number_of_things_below_zero_is_reported():
    after = kpi.what_if(card_of(), {"乙.incidents": -5})
    assert [finding.code for finding in after.findings_list] == ["K674"]


def test_a_share_beyond_the_whole_is_refused():
    system = {
        "system": "s", "period": "year", "entities": {"title": "县"},
        "measures": {"all": {"title": "全部", "unit": "件"}, "part": {"title": "部分", "unit": "件"}},
        "indicators": {"rate": {"kind": "ratio", "numerator": "part", "denominator": "all"}},
    }  # fmt: skip
    card = kpi.score({"期别": ["2023"] * 2, "县": ["甲", "乙"], "全部": [10, 20], "部分": [5, 5]}, system=system)
    with pytest.raises(DataError):
        kpi.what_if(card, {"甲.rate": 101})
    assert kpi.what_if(card, {"甲.rate": 100}).indicators["value"].sort().to_list() == [25.0, 100.0]


CHECKED = {
    "system": "s", "period": "year", "entities": {"title": "县"},
    "measures": {"all": {"title": "办件总量", "unit": "件"}, "online": {"title": "网上办件量", "unit": "件"}},
    "indicators": {"rate": {"kind": "ratio", "numerator": "online", "denominator": "all"},
                   "level": {"kind": "level", "of": "all"}},
    "checks": {"part": {"expr": "online <= all", "severity": "error"}},
    "scoring": {"kind": "minmax"},
    "pillars": {"一": {"weight": 1, "parts": {"rate": 1, "level": 1}}},
}  # fmt: skip
CHECKED_ROWS = {"期别": ["2023"] * 2, "县": ["甲", "乙"], "办件总量": [100, 200], "网上办件量": [50, 60]}


def test_what_checks_find_in_another_value_is_a_finding():
    card = kpi.score(CHECKED_ROWS, system=CHECKED)
    after = kpi.what_if(card, {"甲.online": 1000})
    (new,) = [finding for finding in after.findings_list if finding not in card.findings_list]
    assert (new.code, new.place.entity, str(new.severity)) == ("K701", "甲", "error")
    assert after.indicators.filter(entity="甲", indicator="rate")["status"].item() == "refused"
    assert kpi.what_if(card, {"甲.online": 60}).findings_list == card.findings_list


def test_what_another_value_mends_is_no_finding_any_more():
    wrong = CHECKED_ROWS | {"网上办件量": [1000, 60]}
    card = kpi.score(wrong, system=CHECKED, partly=True)
    assert "K701" in {finding.code for finding in card.findings_list}
    codes = {finding.code for finding in kpi.what_if(card, {"甲.online": 50}).findings_list}
    assert "K701" not in codes


def test_the_command_reports_what_checks_find(tmp_path):
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(CHECKED, allow_unicode=True), "utf-8")
    pl.DataFrame(CHECKED_ROWS).write_csv(tmp_path / "a.csv")
    asked = ["what-if", str(tmp_path / "a.csv"), "--system", str(tmp_path / "s.yaml"), "--set", "甲.网上办件量=1000"]
    shown = CliRunner().invoke(main, [*asked, "--format", "json"])
    assert "K701" in shown.stderr
    assert json.loads(shown.stdout)["findings"][0]["code"] == "K701"


# ---- THE COMMANDS ---- #


@pytest.fixture
def folder(tmp_path, monkeypatch):
    assert CliRunner().invoke(main, ["init", str(tmp_path / "demo")]).exit_code == 0
    monkeypatch.chdir(tmp_path / "demo")
    return tmp_path / "demo"


def run(*arguments):
    return CliRunner().invoke(main, arguments, env={"KPI_LANG": "en", "COLUMNS": "200"})


def test_the_command_prints_what_the_call_returns(folder):
    result = run("explain", "period.csv", "西山区", "--to", "5", "-f", "json", "-q")
    assert result.exit_code == 0, result.output
    tree = json.loads(result.stdout)
    way = kpi.way_up(kpi.score(folder / "period.csv", system=folder / "demo.yaml"), "西山区", 5)
    assert tree["reachable"] is True
    assert [row["needed"] for row in tree["single"]] == way.single["needed"].to_list()
    for row in tree["single"]:
        if row["reached"]:
            again = run(
                "what-if", "period.csv", "--set", f"西山区.{row['indicator']}={row['needed']}", "-f", "json", "-q"
            )
            totals = {item["entity"]: item for item in json.loads(again.stdout)["totals"]}
            assert (totals["西山区"]["stars"], totals["西山区"]["score"]) == (row["stars"], row["score"])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("explain", "period.csv", "西山区", "网上办件率", "--to", "5"), "K877"),
        (("explain", "period.csv", "西山区", "--to", "9"), "K876"),
        (("what-if", "period.csv", "--set", "西山区.网上办件率"), "K874"),
        (("what-if", "period.csv", "--set", "西山区.网上办件率=1", "--set", "西山区.网上办件率=2"), "K874"),
        (("what-if", "--set", "西山区.网上办件率=1"), "K543"),
    ],
)
def test_wrong_commands_say_what_to_do(folder, arguments, code):
    result = run(*arguments)
    assert result.exit_code == 2
    assert code in result.output
    assert "   = " in result.output
