from __future__ import annotations

import datetime as dt
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.language.loading import positions


def value(text: str) -> object:
    document = positions.read(f"a: {text}", "x.yaml")
    assert document.findings == []
    return document.data["a"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("no", "no"), ("Yes", "Yes"), ("on", "on"), ("y", "y"),
        ("true", True), ("FALSE", False), ("null", None), ("~", None), ("", None),
        ("012", 12), ("0o12", 10), ("0x1F", 31), ("-5", -5), ("1_000", "1_000"), ("1:30", "1:30"),
        ("1e3", 1000.0), ("1.5E-3", 0.0015), (".5", 0.5), ("5.", 5.0), ("-.inf", -math.inf), (".nan", ".nan"),
        ("2023-07-28", dt.date(2023, 7, 28)), ("2023-02-30", "2023-02-30"), ("2023-07", "2023-07"),
        ("'012'", "012"), ('"no"', "no"), ("'2023-07-28'", "2023-07-28"), ("''", ""), ("95%", "95%"),
    ],
)  # fmt: skip
def test_scalars_are_those_of_yaml_1_2(text, meant):
    result = value(text)
    assert (result, type(result)) == (meant, type(meant))


def test_a_number_of_thousands_of_digits_is_no_crash():
    assert value("9" * 5000) == math.inf


NUMBERS = st.integers(-(10**18), 10**18) | st.floats(allow_nan=False)
LEAVES = st.none() | st.booleans() | NUMBERS | st.text("甲ab: #-'\"\\\n", max_size=8)


def holding(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text("名ab 1", max_size=4), inner, max_size=3)


@given(st.recursive(LEAVES, holding, max_leaves=8))
def test_what_json_says_is_read_as_json_says_it(data):
    document = positions.read(json.dumps({"a": data}, ensure_ascii=True).replace("Infinity", ".inf"), "x.yaml")
    if not document.findings:
        assert document.data == {"a": data}
    else:
        assert {item.code for item in document.findings} <= {"K101", "K103", "K106"}


@given(st.text(max_size=60))
def test_no_text_makes_it_raise(text):
    document = positions.read(text, "x.yaml")
    for item in document.findings:
        assert item.place.line is not None
        assert item.place.line >= 1
        assert item.place.column >= 1


def place(text: str, *path: str | int, span: tuple[int, int] | None = None, key: bool = False) -> tuple[int, int, str]:
    document = positions.read(text, "x.yaml")
    result = document.place(path, span, key=key)
    line = text.split("\n")[result.line - 1]
    return result.line, result.column, line[result.column - 1 : result.column - 1 + result.length]


TEXT = """\
indicators:
  覆盖率: {kind: ratio, target: [{at_least: 95}, 96]}
  公式: {expr: '收入 + ''甲''', 说明: "a\\"b 支出"}
  长:
    expr: |
      gdp
        + 支出
"""


@pytest.mark.parametrize(
    ("path", "options", "meant"),
    [
        (("indicators", "覆盖率", "kind"), {}, (2, 15, "ratio")),
        (("indicators", "覆盖率", "kind"), {"key": True}, (2, 9, "kind")),
        (("indicators", "覆盖率"), {}, (2, 3, "覆盖率")),
        (("indicators", "覆盖率", "target", 0, "at_least"), {}, (2, 42, "95")),
        (("indicators", "覆盖率", "target", 1), {}, (2, 47, "96")),
        (("indicators", "覆盖率", "ratio", "kind"), {}, (2, 15, "ratio")),
        (("indicators", "覆盖率", "kind", 0), {}, (2, 15, "ratio")),
        (("indicators", "覆盖率", "absent"), {}, (2, 3, "覆盖率")),
        (("indicators", "公式", "expr"), {"span": (0, 2)}, (3, 15, "收入")),
        (("indicators", "公式", "expr"), {"span": (5, 3)}, (3, 20, "''甲''")),
        (("indicators", "公式", "说明"), {"span": (4, 2)}, (3, 38, "支出")),
        (("indicators", "长", "expr"), {"span": (8, 2)}, (7, 11, "支出")),
        ((), {}, (1, 1, "indicators")),
    ],
)  # fmt: skip
def test_places_are_those_of_the_words(path, options, meant):
    assert place(TEXT, *path, **options) == meant


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000, "? " * 100_000, "[\n" * 5000])
def test_endless_nesting_is_a_finding(text):
    assert [item.code for item in positions.read(text, "x.yaml").findings] == ["K101"]


def test_aliases_of_aliases_are_a_finding():
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    result = positions.read("\n".join(lines), "x.yaml").findings
    assert [item.code for item in result] == ["K101"]
    assert "1,000,000" in result[0].message


@pytest.mark.parametrize("text", ["a: \x00", "a: 1\nb: \x07", "a: \ud800"])
def test_characters_of_no_text_are_found_where_they_are(text):
    result = positions.read(text, "x.yaml").findings
    assert [(item.code, item.place.line, item.place.column) for item in result] == [("K101", text.count("\n") + 1, 4)]


def test_a_key_of_the_language_is_no_slip():
    document = positions.read("ranking: {on: raw}\nstars: {on: rounded}\nmeasures: {off: 1}\n", "x.yaml")
    assert [(item.code, item.place.line) for item in document.findings] == [("K106", 3)]
