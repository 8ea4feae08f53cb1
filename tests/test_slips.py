"""Likely mistakes in definitions: reported where they stand, and silent where the definition says what is meant."""

from __future__ import annotations

import pickle
from pathlib import Path

import polars as pl
import pytest
import yaml
from click.testing import CliRunner

import kpi
from kpi.cli import starter
from kpi.cli.main import main
from kpi.errors import Severity
from kpi.language.loading.catalogue import shipped
from kpi.language.loading.loader import examine, examine_text
from kpi.language.system import System

BASE = """\
system: t
period: quarter
entities: {{title: 县}}
measures: {{a: {{unit: 件}}, b: {{unit: 件}}}}
indicators:
  p: {{kind: ratio, numerator: a, denominator: b, target: {{{target}}}}}
  q: {{kind: ratio, numerator: b, denominator: a, target: {{at_most: 200}}}}
{rest}
"""
TREE = "pillars: {甲: {weight: 60, parts: {p: 60}}, 乙: {weight: 40, parts: {q: 40}}}"


def codes_of(target="at_least: 90", rest=TREE):
    findings = examine_text(BASE.format(target=target, rest=rest)).findings
    assert {str(item.severity) for item in findings} <= {"warning"}, [str(item) for item in findings]
    return [item.code for item in findings]


def test_a_plain_system_has_none():
    assert codes_of() == []


@pytest.mark.parametrize(
    ("target", "codes"),
    [
        ("at_least: 0.9", ["K433"]),
        ("at_least: 1", ["K433"]),
        ("within: [0.5, 0.9]", ["K433"]),
        ("at_least: 90, baseline: {value: 0.5}", []),
        ("at_least: 0.9, baseline: {value: 0.5}", ["K433"]),
        ("at_least: 0.9 %", []),
        ("at_least: 1.5", []),
        ("at_most: 0", []),
        ("within: [0.5, 90]", []),
        ("at_least: {by: 等级, values: {一: 0.9, 二: 0.8}}", ["K433"]),
        ("at_least: {by: 等级, values: {一: 0.9 %, 二: 0.8 %}}", []),
    ],
)
def test_a_fraction_for_a_percent(target, codes):
    assert codes_of(target) == codes


@pytest.mark.parametrize(
    ("rest", "codes"),
    [
        ("stars: {kind: bands, cuts: {5: 0.95, 4: 0.9, 3: 0.8, 2: 0.6, 1: 0}}", ["K433"]),
        ("stars: {kind: bands, cuts: {5: 95, 4: 90, 3: 80, 2: 60, 1: 0}}", []),
        ("stars: {kind: bands, cuts: {5: 1, 4: 0.5, 3: 0, 2: -0.5, 1: -1}}", []),
        ("composite: {full: 1}\nstars: {kind: bands, cuts: {5: 0.95, 4: 0.9, 3: 0.8, 2: 0.6, 1: 0}}", ["K437"]),
    ],
)
def test_cuts_of_stars_that_look_like_fractions(rest, codes):
    assert codes_of(rest=f"{TREE}\n{rest}") == codes


def test_one_per_mille_is_a_target():
    text = BASE.format(target="at_most: 1", rest=TREE).replace("denominator: b,", "denominator: b, unit: ‰,")
    assert [item.code for item in examine_text(text).findings] == []
    fraction = text.replace("at_most: 1", "at_most: 0.001")
    assert [item.code for item in examine_text(fraction).findings] == ["K433"]


@pytest.mark.parametrize(
    ("score", "codes"),
    [
        ("{kind: bands, cuts: {100: 0.9, 60: 0.5}}", ["K433"]),
        ("{kind: bands, cuts: {100: 90, 60: 0.5}}", []),
        ("{kind: goalposts, low: 0, high: 1}", ["K433"]),
        ("{kind: goalposts, low: 0 %, high: 1 %}", []),
        ("{kind: piecewise, knots: [[0, 0], [1, 100]]}", ["K433"]),
        ("{kind: benchmark, benchmark: 0.8}", ["K433"]),
        ("{kind: deduction, points: 1, per: 0.5}", []),
        ("{by: cohort, values: {A: {kind: deduction, marks: 0.5, per: 1}}}", []),
        ("{by: cohort, values: {A: {kind: goalposts, low: 0, high: 0.9}}}", ["K433"]),
    ],
)
def test_a_fraction_in_a_rule(score, codes):
    assert codes_of("at_least: 90}, score: " + score.removesuffix("}")) == codes


def test_a_small_number_of_another_unit_is_no_fraction():
    text = BASE.format(target="at_least: 90", rest=TREE).replace("denominator: a,", "denominator: a, unit: '1',")
    assert examine_text(text.replace("at_most: 200", "at_most: 0.9")).findings == ()


@pytest.mark.parametrize(
    ("weights", "rest", "codes"),
    [
        ((55, 40), "", ["K434"]),
        ((61, 40), "", ["K434"]),
        ((60.5, 40), "", ["K434"]),
        ((55, 40), "composite: {relative: true}", []),
        ((55, 40), "composite: {full: 95}", []),
        ((60, 40), "", []),
        ((3, 2), "", []),
        ((0.6, 0.35), "", []),
        ((48, 48), "", []),
    ],
)
def test_weights_that_look_like_marks(weights, rest, codes):
    first, second = weights
    tree = f"pillars: {{甲: {{weight: {first}, parts: [p]}}, 乙: {{weight: {second}, parts: [q]}}}}\n{rest}"
    assert codes_of(rest=tree) == codes


@pytest.mark.parametrize(
    ("parts", "more", "codes"),
    [
        ("{p: 30, q: 20}", "", ["K435"]),
        ("{p: 30, q: 20}", "relative: true, ", []),
        ("{p: 40, q: 20}", "", []),
        ("{p: 60, q: 40}", "", []),
        ("{p: 0.6, q: 0.4}", "", []),
        ("{p: 2, q: 1}", "", []),
        ("[p, q]", "", []),
    ],
)
def test_parts_that_do_not_add_up(parts, more, codes):
    rest = f"pillars: {{甲: {{weight: 60, {more}parts: {parts}}}, 乙: {{weight: 40, parts: [丙]}}, 丙: {{parts: [r]}}}}"
    text = BASE.format(target="at_least: 90", rest=rest)
    text = text.replace("  q: ", "  r: {kind: level, of: a, target: {at_least: 5}}\n  q: ")
    assert [item.code for item in examine_text(text).findings] == codes


def test_parts_far_from_the_marks_are_a_slip_where_others_add_up():
    tree = "pillars: {{甲: {{weight: 60, parts: {{p: {}}}}}, 乙: {{weight: 40, parts: {{q: {}}}}}}}"
    assert codes_of(rest=tree.format(30, 40)) == ["K435"]
    assert codes_of(rest=tree.format(3, 2)) == []


def test_marks_of_the_parts_of_a_single_pillar():
    assert codes_of(rest="pillars: {甲: {parts: {p: 60, q: 35}}}") == ["K434"]
    assert codes_of(rest="pillars: {甲: {relative: true, parts: {p: 60, q: 35}}}") == []


def test_targets_without_pillars():
    assert codes_of(rest="") == ["K436"]
    assert codes_of(rest="pillars: {}") == []
    text = BASE.format(target="at_least: 90", rest="")
    for target in (", target: {at_least: 90}", ", target: {at_most: 200}"):
        text = text.replace(target, "")
    assert examine_text(text).findings == ()
    assert [item.code for item in examine_text(text + "scoring: {kind: minmax}\n").findings] == ["K436"]


@pytest.mark.parametrize(
    ("rest", "codes"),
    [
        ("composite: {full: 1}", ["K437"]),
        ("composite: {full: 1}\nranking: {decimals: 2}", ["K437"]),
        ("composite: {full: 10}\nranking: {decimals: 1}", ["K437"]),
        ("composite: {full: 10}", []),
        ("composite: {full: 1}\nranking: {decimals: 4}", []),
        ("composite: {full: 1}\nranking: {on: raw}", []),
        ("composite: {full: 1}\nranking: {on: rounded}", []),
        ("ranking: {decimals: 0}", []),
    ],
)
def test_totals_that_tie(rest, codes):
    assert codes_of(rest=f"{TREE}\n{rest}") == codes


def test_errors_come_before_slips():
    text = BASE.format(target="at_least: 0.9", rest=TREE).replace("numerator: a", "numerator: c")
    assert [item.code for item in examine_text(text).findings] == ["K203"]


@pytest.mark.parametrize("file", sorted(shipped().glob("*.yaml")), ids=lambda file: file.stem)
def test_no_shipped_definition_has_one(file):
    assert examine(file).findings == ()


def test_the_example_has_none():
    assert examine_text(starter.DEFINITION).findings == ()


@pytest.mark.parametrize(
    ("mean", "code", "words"),
    [
        ("{vikor: 2}", "K113", "`vikor` must be at most 1"),
        ("{owa: [0, 0]}", "K113", "not all zero"),
        ("{owa: -1}", "K113", "`owa` must be above 0"),
        ("{grey_relational: 0}", "K113", "`grey_relational` must be above 0"),
        ("{vikor: 0.5, extra: 1}", "K110", "unknown key `extra`"),
        ("{vikr: 0.5}", "K110", "unknown key `vikr`"),
    ],
)
def test_one_mistake_in_a_mean_is_one_finding(mean, code, words):
    text = (
        "system: s\nperiod: year\nentities: {title: 县}\nmeasures: {m: {unit: 件}, n: {unit: 件}}\n"
        "indicators: {a: {kind: level, of: m}, b: {kind: level, of: n}}\nscoring: {kind: minmax}\n"
        f"pillars: {{p: {{weight: 100, parts: {{a: 1, b: 1}}, mean: {mean}}}}}\n"
    )
    (finding,) = [item for item in examine_text(text).findings if item.severity is Severity.ERROR]
    assert finding.code == code
    assert words in str(finding.message)


# ---- REPORTED WHEREVER THE SYSTEM SCORES ---- #

#: 0.9 is meant for 90 %: every unit would have full marks.
FRACTION = BASE.format(target="at_least: 0.9", rest=TREE)
ROWS = {"期别": ["2023Q4"] * 3, "地区": ["甲县", "乙县", "丙县"], "a": [90, 70, 80], "b": [100, 100, 100]}


def slips_in(card):
    return [item.code for item in card.findings_list if item.code.startswith("K4")]


def test_scoring_reports_likely_mistakes_of_its_definition_once(tmp_path):
    file, data = tmp_path / "t.yaml", tmp_path / "d.csv"
    file.write_text(FRACTION, "utf-8")
    pl.DataFrame(ROWS).write_csv(data)
    ways = {
        "the path of a file": file,
        "a text": FRACTION,
        "a mapping": yaml.safe_load(FRACTION),
        "a loaded system": kpi.load(file),
        "a pickled system": pickle.loads(pickle.dumps(kpi.load(file))),  # noqa: S301 - its own
        "a system of Python": System.model_validate(yaml.safe_load(FRACTION)),
    }
    for name, system in ways.items():
        assert slips_in(kpi.score(data, system=system)) == ["K433"], name
        assert slips_in(kpi.compile(system).score(pl.DataFrame(ROWS))) == ["K433"], name
    assert slips_in(kpi.score(data, definitions=tmp_path)) == ["K433"]
    assert [item.code for item in kpi.check(file, data=data)] == ["K433"]
    places = {finding.place.line for finding in kpi.score(data, system=kpi.load(file)).findings_list}
    assert places == {FRACTION.splitlines().index(next(x for x in FRACTION.splitlines() if "0.9" in x)) + 1}


def test_every_command_says_that_there_are_findings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(FRACTION, "utf-8")
    pl.DataFrame(ROWS).write_csv("d.csv")

    def run(*arguments):
        done = CliRunner().invoke(main, [*arguments, "--lang", "en"])
        assert done.exit_code == 0, done.stderr
        return done.stderr

    assert run("score", "d.csv", "--system", "t.yaml").count("K433") == 1
    for arguments in (
        ("explain", "d.csv", "甲县", "--system", "t.yaml"),
        ("diff", "t.yaml", "t.yaml", "--data", "d.csv"),
        ("what-if", "d.csv", "--set", "乙县.a=80", "--system", "t.yaml"),
        ("stress", "d.csv", "--system", "t.yaml", "--runs", "10"),
    ):
        assert "There are findings: 1 warning." in run(*arguments), arguments
        assert "There are findings" not in run(*arguments, "--quiet")


def test_a_night_stores_likely_mistakes_and_verifies(tmp_path, monkeypatch):
    pytest.importorskip("deltalake")
    monkeypatch.chdir(tmp_path)
    Path("t.yaml").write_text(FRACTION, "utf-8")
    Path("n.toml").write_text('store = "store"\n[[source]]\nsystem = "t.yaml"\ndata = "d*.csv"\n', "utf-8")
    for number, period in enumerate(("2023Q4", "2023Q3")):
        pl.DataFrame(ROWS | {"期别": [period] * 3}).write_csv(f"d{number}.csv")
        done = CliRunner().invoke(main, ["batch", "n.toml"])
        assert done.exit_code == 0, done.stderr
        assert done.stderr.count("K433") == 1
        assert "--> t.yaml:6" in done.stderr
        assert CliRunner().invoke(main, ["batch", "n.toml", "--verify"]).exit_code == 0
    assert CliRunner().invoke(main, ["batch", "n.toml"]).stderr.count("K433") == 0
