"""Expressions and numbers at and beyond their limits: a finding with its place, or an answer in time."""

from __future__ import annotations

import json
import sys
import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kpi.errors import Diagnostic, Place
from kpi.intake.cells.numbers import read_number
from kpi.language import expressions
from kpi.language.expressions import branches, limits
from kpi.language.expressions.terms import ExpressionError, Term, figure
from kpi.language.loading.loader import examine_text
from kpi.language.ranges import HEAVIEST, LARGEST, LIGHTEST, SMALLEST
from kpi.values import units
from kpi.values.status import STATUSES, Status, guarded, reason

#: Seconds that no expression and no definition may take, on the slowest machine.
LONG = 10
GAPS = ["missing", "refused", "not_applicable", "incomplete"]
_CELLS = [(1.0, "ok"), (2.0, "ok"), (0.0, "ok"), *((None, entry) for entry in GAPS)]
FRAME = pl.DataFrame(
    {
        **{name: [_CELLS[(row // 7**place) % 7][0] for row in range(343)] for place, name in enumerate("abc")},
        "t": ["网上办件", "ab", None] * 114 + ["x"],
    }
).with_columns(
    pl.Series(f"{name}.status", [_CELLS[(row // 7**place) % 7][1] for row in range(343)], dtype=Status)
    for place, name in enumerate("abc")
)


def scope(name: str) -> Term | None:
    return Term(pl.col(name), "text") if name == "t" else figure(name, units.parse("万件"), exact=True)


def judged(text: str) -> tuple[list[float | None], list[str]]:
    """Return the values of a number and their statuses."""
    term = expressions.parse(text).resolve(scope)
    value = term.expr.cast(pl.Float64) if term.kind == "number" else pl.when(term.expr).then(1.0).otherwise(term.expr)
    reasons = [(term.expr.is_not_null(), reason("out_of_range")), *term.gaps, *term.voids]
    pair = guarded("x", value.cast(pl.Float64), reasons=[*reasons, (pl.lit(True), reason("missing"))])
    result = FRAME.with_columns(**pair.values).with_columns(**pair.statuses)
    return result["x"].to_list(), result["x.status"].to_list()


def at_the_limits() -> dict[str, str]:
    nest, many = limits.LEVELS, 490
    whens = " ".join(f"WHEN a > {n} THEN b" for n in range(limits.BRANCHES))
    asking = " ".join(f"WHEN a IS NULL AND b > {n} THEN {n}" for n in range(limits.QUESTIONS))
    return {
        "parentheses": "(" * nest + "a" + ")" * nest,
        "functions": "abs(" * nest + "a" + ")" * nest,
        "negations": "NOT " * nest + "a > 1",
        "alternatives": "coalesce(" * nest + "a" + ", b)" * nest,
        "cases": "CASE WHEN a > 0 THEN " * nest + "a" + " ELSE b END" * nest,
        "sum": " + ".join(["a", "b"] * many),
        "differences": " - ".join(["a", "b"] * many),
        "product": " * ".join(["a"] + ["1.01"] * many),
        "conjunction": " AND ".join(["a > 1"] * many),
        "alternation": " OR ".join(["a > 1 AND b > 1"] * 240),
        "branches": f"CASE {whens} ELSE 0 END",
        "questions": f"CASE {asking} ELSE 0 END",
        "list": f"a IN ({', '.join(map(str, range(1000)))})",
        "computed list": f"a / 3 IN ({', '.join(map(str, range(limits.COMPARED)))})",
        "list of a difference": f"(a - b) * 1.1 IN ({', '.join(map(str, range(limits.COMPARED)))})",
        "texts": "t IN ('" + "', '".join(map(str, range(900))) + "')",
        "pattern": f"t LIKE '{'%_' * (limits.WILDCARDS // 2)}'",
        "least": f"least({', '.join(['a'] * many)})",
        "first": f"coalesce({', '.join(['a - b', 'b - c'] * (limits.ALTERNATIVES // 2))})",
    }


@pytest.mark.parametrize("name", at_the_limits())
def test_what_is_within_the_limits_takes_no_time(name):
    text = at_the_limits()[name]
    judged("a + b")  # what is made once
    began = time.perf_counter()
    parsed = expressions.parse(text)
    parsed.column_kinds()
    parsed.tells_blank()
    values, statuses = judged(text)
    assert len(values) == FRAME.height
    assert all((value is None) == (status != "ok") for value, status in zip(values, statuses, strict=True))
    assert time.perf_counter() - began < LONG


def test_time_grows_with_the_length_and_not_with_its_square():
    def taken(number: int) -> float:
        text = "CASE " + " ".join(f"WHEN a > {n} THEN b" for n in range(number)) + " ELSE 0 END"
        best = LONG
        for _ in range(3):
            began = time.process_time()
            judged(text)
            best = min(best, time.process_time() - began)
        return best

    # Sixteen times as long in fewer than forty times the time; its square would be 256 times.
    assert taken(160) < 40 * max(taken(10), 0.005)


@pytest.mark.parametrize(
    "text", ["a + b - c + 1", "a * b * 2 * c", "a > 0 AND b > 0 AND c > 0", "a > 1 OR b > 1 OR c > 1"]
)
def test_many_parts_come_to_what_few_come_to(text, monkeypatch):
    few = judged(text)
    monkeypatch.setattr("kpi.language.expressions.terms.FEW", 2)
    expressions.parse.cache_clear()
    assert judged(text) == few


def numbers(depth: int) -> st.SearchStrategy[str]:
    if depth == 0:
        return st.sampled_from(["a", "b", "c", "0", "1"])
    part, test = numbers(depth - 1), conditions(depth - 1)
    branch = st.builds("WHEN {} THEN {}".format, test, part)
    return st.one_of(
        part,
        st.builds("({} + {})".format, part, part),
        st.lists(part, min_size=1, max_size=4).map(lambda parts: f"coalesce({', '.join(parts)})"),
        st.builds("CASE {} ELSE {} END".format, st.lists(branch, min_size=1, max_size=4).map(" ".join), part),
        st.builds("CASE {} END".format, st.lists(branch, min_size=1, max_size=4).map(" ".join)),
    )


def conditions(depth: int) -> st.SearchStrategy[str]:
    part = numbers(depth)
    return st.one_of(
        st.builds("{} > {}".format, part, part),
        st.builds("{} IS NULL".format, part),
        st.builds("({0} > 0 AND {1} IS NOT NULL)".format, part, part),
        st.builds("({0} > 0 OR {1} > 1)".format, part, part),
    )


@given(text=numbers(2))
@settings(max_examples=60, deadline=None)
def test_branches_laid_side_by_side_are_the_chain_of_conditions(text):
    chained = judged(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(branches, "_CHAINED", 0)
        assert judged(text) == chained


def test_nesting_is_read_where_little_of_the_stack_is_left():
    text = "round(" * 8 + "a + 1" + ")" * 8 + " + " + "(" * limits.LEVELS + "b" + ")" * limits.LEVELS

    def deeper(levels: int) -> int:
        return deeper(levels - 1) if levels else len(expressions.parse(text).column_kinds())

    assert deeper(sys.getrecursionlimit() - 250) == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("left(t, 1e20) = 'x'", "K133"),
        ("right(t, 1e20) = 'x'", "K133"),
        ("left(t, a) = 'x'", "K133"),
        ("left(t, -1) = 'x'", "K133"),
        ("left(t, 1.5) = 'x'", "K133"),
        ("round(a, 400)", "K121"),
        ("round(a, 2, 3)", "K121"),
        ("length(t, t)", "K121"),
        ("power(a, 1e300)", "K133"),
        ("power(power(a, 99), 99)", "K301"),
        ("a IN ()", "K120"),
        ("IF(a > 1, 2, 3)", "K121"),
        ("a BETWEEN SYMMETRIC 2 AND 1", "K121"),
        ("a --1", "K134"),
        ("a /* b */ + 1", "K134"),
        ("t LIKE '" + "%_" * 2000 + "'", "K131"),
        ("CASE " + "WHEN a > 1 THEN 2 " * 400 + "END", "K130"),
        ("CASE " + "WHEN a IS NULL AND b > 1 THEN 2 " * 61 + "END", "K130"),
        (" + ".join(["CASE WHEN a > 1 AND b IS NULL THEN 2 END"] * 61), "K130"),
        (f"coalesce({', '.join(['a', 'b'] * 101)})", "K132"),
        (" + ".join(["coalesce(a, b)"] * 101), "K132"),
        (f"a / 3 IN ({', '.join(map(str, range(101)))})", "K132"),
        (" OR ".join(["a / 3 IN (1, 2, 3, 4)"] * 26), "K132"),
        ("a + " * 1001 + "a", "K129"),
        ("a + " * 5000 + "a", "K127"),
        ("(" * 60 + "a" + ")" * 60, "K128"),
        ("CASE WHEN a > 1 THEN " * 40 + "a" + " END" * 40, "K128"),
        ("- " * 60 + "a", "K128"),
        ("NOT " * 60 + "a > 1", "K128"),
        ("a / " * 100 + "a", "K128"),
        ("round(" * 20 + "a" + ")" * 20, "K132"),
        ("sqrt(" * 28 + "a" + ")" * 28, "K132"),
        ("least(greatest(" * 14 + "a" + ", 1), 2)" * 14, "K132"),
    ],
    ids=lambda text: text[:30],
)
def test_what_is_beyond_the_limits_is_a_finding_with_its_place(text, code):
    began = time.perf_counter()
    with pytest.raises(ExpressionError) as caught:
        expressions.parse(text).resolve(scope)
    assert caught.value.code == code
    start, length = caught.value.span
    assert 0 <= start < len(text)
    assert length >= 1
    assert caught.value.hint
    assert time.perf_counter() - began < LONG


HEAD = "system: x\nperiod: quarter\nentities: {title: 县}\n"
BODY = HEAD + "datasets: {i: {form: records}}\nmeasures:\n  a: {unit: 件}\n"
SCORED = "indicators: {x: {kind: level, of: a, target: {at_least: 1}}}\npillars: {p: {parts: [x]}}\n"
FINER = "  f: {kind: sum, of: n, per: 村, from: i, unit: 件}\n"
DEEP = "(" * 40 + "a" + ")" * 40 + " > 1"


@pytest.mark.parametrize(
    "text",
    [
        f"  c: {{kind: count, from: i, unit: 件, where: '{DEEP}'}}\nindicators:\n  x: {{kind: level, of: a}}\n",
        f"indicators:\n  x: {{kind: formula, expr: '{DEEP}'}}\n",
        f"indicators:\n  x: {{kind: level, of: a}}\nchecks:\n  k: {{expr: '{DEEP}'}}\n",
        f"{SCORED}adjustments:\n  v: {{kind: bonus, points: 1, when: '{DEEP}'}}\n",
        f"{FINER}indicators:\n  x: {{kind: count, of: f, passes: '> {'(' * 40}1{')' * 40}'}}\n",
    ],
    ids=["where", "expr", "check", "when", "passes"],
)
def test_every_expression_of_a_definition_is_bounded(text):
    result = examine_text(BODY + text).findings
    assert [entry.code for entry in result if entry.severity == "error"] == ["K128"], result
    line = (BODY + text).split("\n")[result[0].place.line - 1]
    assert line[result[0].place.column - 1] == "("


@given(weight=st.floats(min_value=LIGHTEST, max_value=HEAVIEST), other=st.sampled_from([LIGHTEST, 1.0, HEAVIEST]))
@settings(max_examples=30, deadline=None)
def test_weights_within_their_range_are_taken(weight, other):
    two = "{x: {kind: level, of: a, target: {at_least: 1}}, z: {kind: level, of: a, target: {at_least: 1}}}"
    pillar = f"{{relative: true, parts: {{x: {weight!r}, z: {other!r}}}}}"
    text = f"{HEAD}measures: {{a: {{unit: 件}}}}\nindicators: {two}\npillars: {{p: {pillar}}}\n"
    assert examine_text(text).system is not None


@given(
    number=st.floats(allow_nan=False, allow_infinity=False)
    .map(abs)
    .filter(lambda x: x and not SMALLEST <= x <= LARGEST)
)
@settings(max_examples=30, deadline=None)
def test_numbers_beyond_their_range_are_findings_where_they_stand(number):
    lines = [f"  x: {{kind: level, of: a, target: {{at_least: {number!r}}}}}", f"  p: {{parts: {{x: {number!r}}}}}"]
    text = HEAD + f"measures: {{a: {{unit: 件}}}}\nindicators:\n{lines[0]}\npillars:\n{lines[1]}\n"
    result = [entry for entry in examine_text(text).findings if entry.code == "K481"]
    assert [entry.place.line for entry in result] == [6, 8]
    for entry, line in zip(result, lines, strict=True):
        start = entry.place.column - 1
        assert line[start : start + entry.place.length] == repr(number)


def many_mistakes() -> dict[str, str]:
    measures = "measures:\n" + "".join(f"  measure_{n}: {{unit: 件}}\n" for n in range(500))
    read = measures + "indicators:\n"
    return {
        "names": f"{read}  x: {{kind: formula, expr: {' + '.join(f'mesure_{n}' for n in range(700))}}}\n",
        "listed names": f"{read}  x: {{kind: formula, expr: 'a IN ({', '.join(f'n{n:x}' for n in range(1500))})'}}\n",
        "figures": read + "".join(f"  y{n}: {{kind: level, of: b{n}}}\n" for n in range(5000)),
        "parts": read + "  x: {kind: level, of: a}\npillars:\n"
        + "".join(f"  p{n}: {{parts: [measure{n}]}}\n" for n in range(2000)),
        "units": "measures:\n"
        + "".join(f"  a{n}: {{unit: {chr(0x4E00 + n)}{chr(0x4E01 + n)}{chr(0x4E02 + n)}}}\n" for n in range(3000))
        + "indicators: {x: {kind: level, of: a0}}\n",
        "keys": "measures:\n" + "".join(f"  a{n}: {{unti{n}: 件}}\n" for n in range(5000)),
        "kinds": "measures:\n" + "".join(f"  a{n}: {{kind: cuont{n}, unit: 件}}\n" for n in range(5000)),
        "types": "measures:\n" + "".join(f"  a{n}: {{unit: []}}\n" for n in range(5000)),
    }  # fmt: skip


@pytest.mark.parametrize("name", many_mistakes())
def test_thousands_of_mistakes_are_found_in_time(name):
    began = time.perf_counter()
    result = examine_text(HEAD + many_mistakes()[name]).findings
    assert time.perf_counter() - began < LONG
    assert len(result) >= 700


def test_suggestions_are_bounded_for_one_definition_and_not_for_the_next(monkeypatch):
    text = many_mistakes()["names"]
    monkeypatch.setattr("kpi.errors.COMPARISONS", 1000)
    for _ in range(2):
        hints = [entry.hint for entry in examine_text(HEAD + text).findings]
        assert hints[:2] == ["did you mean `measure_0`?", "did you mean `measure_1`?"]
        assert hints[2:] == [None] * 698


MEGABYTE = "x" * 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        f"{MEGABYTE}: 1\n",
        f"? {MEGABYTE}\n: 1\n",
        f"note: {{{MEGABYTE[:90000]}: 1}}\n",
        f"measures:\n  ? {MEGABYTE}\n  : {{unit: 件}}\nindicators: {{x: {{kind: level, of: b}}}}\n",
        f"measures: {{a: {{unit: 件}}}}\nindicators: {{x: {{kind: level, of: {MEGABYTE}}}}}\n",
        f"measures: {{a: {{unit: {MEGABYTE}}}}}\nindicators: {{x: {{kind: {MEGABYTE}, of: a}}}}\n",
        f"measures: {{a: {{unit: 件}}}}\nindicators: {{x: {{kind: formula, expr: {MEGABYTE[:9000]} + 1}}}}\n",
        f"measures: {{a: {{unit: 件}}}}\nindicators: {{x: {{kind: level, of: a, target: {{by: 0x{'f' * 9000}}}}}}}\n",
        f"measures: {{a: {{unit: 件}}}}\nindicators: {{x: {{kind: level, of: a, target: {{by: {'9' * 90000}}}}}}}\n",
    ],
    ids=lambda text: text[:20],
)
def test_messages_about_long_texts_are_short(text):
    began = time.perf_counter()
    result = examine_text(HEAD + text).findings
    assert result
    assert all(
        len(part or "") < 1100 for entry in result for part in (entry.message, entry.hint, entry.label, str(entry))
    )
    assert time.perf_counter() - began < LONG


def test_cells_and_columns_in_messages_are_short():
    entry = Diagnostic("K601", f"`{MEGABYTE}` is no number, `12` is", Place("a.csv", row=3, field=MEGABYTE))
    assert entry.message.endswith("... (1,000,000 characters)` is no number, `12` is")
    assert len(str(entry)) < 500


def bomb(open_: str, item: str, close: str) -> str:
    lines = [f"a: &a {open_}{', '.join(item.format(n=n, what='x') for n in range(9))}{close}"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        items = ", ".join(item.format(n=n, what=f"*{before}") for n in range(9))
        lines.append(f"{name}: &{name} {open_}{items}{close}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    "text",
    [
        bomb("[", "{what}", "]"),
        bomb("{{", "k{n}: {what}", "}}").replace("{{", "{").replace("}}", "}"),
        "a: " + "[" * 900 + "]" * 900,
        "a: " + "[" * 100_000 + "]" * 100_000,
        "- " * 100_000 + "a",
        "".join(" " * level + "a:\n" for level in range(400)),
        " " * 20_000 + "a: 1\n",
    ],
    ids=["lists", "mappings", "brackets", "many brackets", "dashes", "indentation", "one indentation"],
)
def test_documents_without_end_are_refused_at_once(text):
    began = time.perf_counter()
    result = examine_text(text)
    assert result.system is None
    assert {entry.code for entry in result.findings} == {"K101"}
    assert time.perf_counter() - began < 1


def test_aliases_within_reason_are_read():
    text = HEAD + "measures: {a: &a {unit: 件}, b: *a}\nindicators: {x: {kind: level, of: b}}\n"
    assert examine_text(text).system is not None


@pytest.mark.parametrize(
    ("first", "second", "codes"),
    [
        ("{unit: 件, title: 办件量}", "{unit: 件, title: 办件量}", ["K482"]),
        ("{unit: 件, title: 办件量}", "{unit: 件, synonyms: [' 办件量']}", ["K482"]),
        ("{unit: 件, title: GDP}", "{unit: 件, title: ＧＤＰ}", ["K482"]),
        ("{unit: 件, title: café}", "{unit: 件, title: cafe\u0301}", ["K482"]),
        ("{unit: 件, title: GDP}", "{unit: 件, title: GDР}", ["K483"]),
        ("{unit: 件, title: ΑΒ}", "{unit: 件, title: AB}", ["K483"]),
        ("{unit: 件, title: GDP}", "{kind: count, unit: 件, title: ＧＤＰ}", ["K483"]),
        ("{unit: 件, title: 办件量, synonyms: [办件量]}", "{unit: 件, title: 网上办件量}", []),
        ("{unit: 件, title: 办件量}", "{kind: count, unit: 件, title: 办件量}", []),
    ],
)
def test_titles_that_cannot_be_told_apart(first, second, codes):
    text = HEAD + f"datasets: {{i: {{form: records}}}}\nmeasures:\n  one: {first}\n  two: {second}\n"
    result = examine_text(text + "indicators: {x: {kind: level, of: one}}\n").findings
    assert [entry.code for entry in result] == codes
    assert all(entry.place.line == 7 for entry in result)


def test_every_gap_is_a_status():
    assert set(GAPS) < set(STATUSES)


@pytest.mark.parametrize("piece", ["1 a", "1.", "1-", "1/", "a <> b ", "(("])
def test_long_cells_are_read_in_time(piece):
    began = time.perf_counter()
    result = read_number(piece * 20_000)
    assert result.value is None
    assert result.problem
    assert len(result.problem) < 200
    assert time.perf_counter() - began < LONG


@pytest.mark.parametrize("operator", ["+", "-", "*", "/"])
@pytest.mark.parametrize("part", ["NULL", "a", "受理时间", "1 天"])
@pytest.mark.parametrize("number", [500, 1001])
def test_chains_in_conditions_of_records_are_read_or_refused(operator, part, number):
    chain = f" {operator} ".join([part] * number)
    text = (
        "system: t\nperiod: quarter\nentities: {}\n"
        "datasets: {bj: {form: records, columns: {period: 办结时间, entity: 镇}}}\n"
        f"measures: {{m: {{kind: count, unit: 件, from: bj, where: '{chain} <= 5 天'}}}}\n"
        "indicators: {i: {kind: level, of: m}}\n"
    )
    assert examine_text(text).findings is not None


@pytest.mark.parametrize("text", ['char("")', "bit(``)", 'a + decimal("")', 'a::char("")'])
def test_types_without_a_name_are_no_expression(text):
    indicator = f"x: {{kind: formula, unit: 件, expr: {json.dumps(text)}}}"
    loaded = examine_text(
        f"system: t\nperiod: year\nentities: {{}}\nmeasures: {{a: {{unit: 件}}}}\nindicators: {{{indicator}}}\n"
    )
    assert "K120" in [finding.code for finding in loaded.findings]
