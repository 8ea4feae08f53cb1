from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.language import expressions
from kpi.language.expressions.terms import ExpressionError, Term
from kpi.values import units

FRAME = pl.DataFrame(
    {
        "gdp": [1.5, -2.0, None],
        "cases": [30.0, 0.0, 4.0],
        "渠道": ["网上", "a.b", None],
        "收入": [20000.0, 5.0, 1.0],
        "done": [1.0, 0.0, None],
    }
)
UNITS = {"gdp": "亿元", "cases": "件", "收入": "万元", "done": "是/否"}


def scope(name: str) -> Term | None:
    if name not in FRAME.columns:
        return None
    kind = "text" if name == "渠道" else "number"
    return Term(pl.col(name), kind, units.parse(UNITS[name]) if name in UNITS else None, names=(name,))


def values(text: str) -> tuple[list[object], str]:
    term = expressions.parse(text).resolve(scope)
    return FRAME.with_columns(x=term.expr)["x"].to_list(), str(term.unit or "")


@pytest.mark.parametrize(
    ("text", "column", "unit"),
    [
        ("gdp + 收入", [3.5, -1.9995, None], "亿元"),
        ("收入 + gdp", [35000.0, -19995.0, None], "万元"),
        ("gdp - 1", [0.5, -3.0, None], "亿元"),
        ("-gdp * 2", [-3.0, 4.0, None], "亿元"),
        ("gdp / 2", [0.75, -1.0, None], "亿元"),
        ("2 + 3 * 4", [14.0] * 3, ""),
        ("(2 + 3) * 4", [20.0] * 3, ""),
        ("abs(gdp)", [1.5, 2.0, None], "亿元"),
        ("round(gdp)", [2.0, -2.0, None], "亿元"),
        ("least(gdp, 1)", [1.0, -2.0, None], "亿元"),
        ("greatest(gdp, 收入)", [2.0, 0.0005, None], "亿元"),
        ("coalesce(gdp, 0)", [1.5, -2.0, 0.0], "亿元"),
        ("sqrt(4) + ln(1) + exp(0)", [3.0] * 3, ""),
        ("power(gdp, 2)", [2.25, 4.0, None], "(亿元)²"),
        ("length(渠道)", [2.0, 3.0, None], ""),
        ("CASE WHEN cases > 3 THEN 1 ELSE 0 END", [1.0, 0.0, 1.0], ""),
        ("CASE WHEN gdp > 0 THEN gdp ELSE 收入 END", [1.5, 0.0005, 0.0001], "亿元"),
        ("CASE WHEN gdp IS NULL THEN 收入 ELSE gdp END", [15000.0, -20000.0, 1.0], "万元"),
    ],
)  # fmt: skip
def test_numbers(text, column, unit):
    result, found_unit = values(text)
    assert result == pytest.approx(column)
    assert found_unit == unit


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("gdp > 1", [True, False, None]),
        ("gdp = 15000 / 10000", [True, False, None]),
        ("收入 >= gdp", [True, True, None]),
        ("cases <> 0 AND gdp > 0", [True, False, None]),
        ("cases = 0 OR gdp > 0", [True, True, None]),
        ("NOT gdp > 0", [False, True, None]),
        ("cases BETWEEN 4 AND 30", [True, False, True]),
        ("cases IN (0, 4)", [False, True, True]),
        ("渠道 IN ('网上', '掌上')", [True, False, None]),
        ("渠道 NOT IN ('网上')", [False, True, None]),
        ("渠道 IS NULL", [False, False, True]),
        ("渠道 IS NOT NULL", [True, True, False]),
        ("渠道 LIKE '网%'", [True, False, None]),
        ("渠道 LIKE 'a.b'", [False, True, None]),
        ("渠道 LIKE 'a_b' AND NOT 渠道 LIKE 'axb'", [False, True, None]),
        ("渠道 LIKE '(.*)'", [False, False, None]),
        ("left(渠道, 1) = '网'", [True, False, None]),
        ("upper(渠道) = 'A.B'", [False, True, None]),
        ("done AND cases > 0", [True, False, None]),
    ],
)  # fmt: skip
def test_conditions(text, column):
    result, _ = values(text)
    assert result == column


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("", "K120", None),
        ("gdp - INTERVAL '5'", "K121", None),
        ("gdp - interval 5 day", "K121", None),
        ("gdp +", "K120", None),
        ("gdp + + ", "K120", None),
        ("(gdp", "K120", "("),
        ("gdp)", "K120", ")"),
        ("gdp + 0E", "K120", "0E"),
        ("gdp + 1e999", "K120", "1e999"),
        ("gdp * 1e-400", "K120", "1e-400"),
        ("gdp * 1e-320", "K120", "1e-320"),
        ("gdp ＞ 1", "K120", "＞"),
        ("cases ≥ 5", "K120", "≥"),
        ("t.gdp", "K120", "t.gdp"),
        ("gpd + cases", "K203", "gpd"),
        ("gdp + cases", "K301", "gdp + cases"),
        ("2 * (gdp - cases)", "K301", "gdp - cases"),
        ("gdp > cases", "K301", "gdp > cases"),
        ("sqrt(gdp)", "K301", "sqrt(gdp)"),
        ("power(gdp, 0.5)", "K301", "power(gdp, 0.5)"),
        ("渠道 > 5", "K302", "渠道 > 5"),
        ("渠道 + 1", "K302", "渠道"),
        ("gdp AND cases > 1", "K302", "gdp"),
        ("渠道 IN ('a', 5)", "K302", "渠道 IN ('a', 5)"),
        ("gdp LIKE 'a'", "K302", "gdp LIKE 'a'"),
        ("sum(gdp)", "K121", "sum"),
        ("foo(gdp)", "K121", "foo"),
        ("read_csv('/etc/passwd')", "K121", "read_csv"),
        ("(SELECT 1)", "K121", "SELECT"),
        ("gdp; DROP TABLE x", "K121", ";"),
        ("gdp::int", "K121", "::"),
        ("gdp % 2", "K121", "%"),
        ("渠道 || 'a'", "K121", "||"),
        ("gdp AS x", "K121", "AS"),
        ("sum(gdp) OVER ()", "K121", "OVER"),
        ("CASE gdp WHEN 1 THEN 2 END", "K121", None),
        ("gdp IS TRUE", "K121", None),
    ],
)  # fmt: skip
def test_faults_and_their_places(text, code, part):
    with pytest.raises(ExpressionError) as caught:
        expressions.parse(text).resolve(scope)
    error = caught.value
    start, length = error.span
    assert error.code == code, error.message
    assert 0 <= start <= len(text)
    assert length >= 1
    assert part is None or text[start : start + length] == part


@pytest.mark.parametrize("text", ["'（网上）' = 渠道", '"等待（分）" > 3'])
def test_full_width_signs_may_stand_in_quotes(text):
    assert expressions.parse(text).text == text


def test_a_quoted_name_may_hold_anything():
    assert [name for name, _ in expressions.parse('"a.b (元)" / gdp').names()] == ["a.b (元)", "gdp"]


@given(st.text(alphabet=st.sampled_from("gdp cases 收入()+-*/<>=!'\"`.,;:%0123456789ANDORNTILKE＞（）"), max_size=40))
def test_any_text_is_an_expression_or_has_a_finding(text):
    fault: ExpressionError | None = None
    try:
        term = expressions.parse(text).resolve(scope)
        assert term.kind in {"number", "text", "boolean"}
        FRAME.select(x=term.expr)
    except ExpressionError as error:
        fault = error
    if fault is not None:
        assert fault.message
        assert 0 <= fault.span[0] <= len(text)


def test_no_text_reaches_the_sql_of_polars(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a text was handed to an interpreter")

    for name in ("sql", "sql_expr", "SQLContext"):
        monkeypatch.setattr(pl, name, refuse)
    assert values("CASE WHEN 渠道 LIKE '网%' THEN power(cases, 2) ELSE 0 END")[0] == [900.0, 0.0, 0.0]
