"""Checks as VTL rulesets: the rules that VTL can state, with the others reported."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from kpi.cli.main import main
from kpi.language import vtl
from kpi.language.loading.loader import examine_text


def ruleset(checks: str):
    loaded = examine_text(
        "system: small-2024\nperiod: year\nentities: {}\n"
        "measures: {a: {unit: 件}, b: {unit: 件}, 丙: {unit: 件}, far: {unit: 万件}, sum: {unit: 件}}\n"
        f"indicators: {{x: {{kind: level, of: a}}}}\npillars: {{}}\nchecks: {{{checks}}}\n"
    )
    assert loaded.system is not None, [str(item) for item in loaded.findings]
    return vtl.ruleset(loaded.system)


@pytest.mark.parametrize(
    ("check", "rule"),
    [
        ("c: {expr: a <= b, severity: error}", 'c: a <= b errorcode "c" errorlevel 3'),
        ("c: {expr: a <= 丙}", """c: a <= '丙' errorcode "c" errorlevel 2"""),
        ("检查: {expr: not (a > b), severity: info}", """'检查': not ((a > b)) errorcode "检查" errorlevel 0"""),
        ("c: {expr: a + b * 2 <> sum / 1.5}", """c: a + b * 2 <> 'sum' / 1.5 errorcode "c" errorlevel 2"""),
        ("c: {required: a, severity: warning}", 'c: not isnull(a) errorcode "c" errorlevel 1'),
        ("c: {between: [0, 1.0e-7], of: a}", 'c: a >= 0.0 and a <= 0.0000001 errorcode "c" errorlevel 2'),
        ("c: {between: [null, 5], of: a}", 'c: a <= 5.0 errorcode "c" errorlevel 2'),
        ("c: {parts: [a, b], whole: 丙}", """c: abs(a + b - '丙') <= 0.01 errorcode "c" errorlevel 2"""),
    ],
)
def test_a_check_is_a_rule(check, rule):
    text, findings = ruleset(check)
    assert text.splitlines()[0].startswith("define datapoint ruleset small_2024 (variable ")
    assert text.splitlines()[1].strip() == rule
    assert not findings


def test_a_check_of_several_figures_is_several_rules():
    text, _ = ruleset("c: {required: [a, b]}")
    assert [line.split(":")[0].strip() for line in text.splitlines()[1:-1]] == ["c_1", "c_2"]
    assert text.count(";") == 2


@pytest.mark.parametrize("check", ["c: {growth_within: 50, of: a}", "c: {expr: a <= far}", "c: {expr: 'a in (1, 2)'}"])
def test_a_check_that_vtl_does_not_state_is_reported(check):
    text, findings = ruleset(check)
    assert text == ""
    assert [item.code for item in findings] == ["K947"]


def test_the_command_writes_a_ruleset(tmp_path):
    out = tmp_path / "checks.vtl"
    result = CliRunner().invoke(main, ["show", "dongtai-2021", "-o", str(out), "--lang", "en"])
    assert result.exit_code == 0, result.output
    assert out.read_text("utf-8").count("errorcode") == 14
