"""Full-width signs in definitions: pointed at where they stand, and left alone inside texts."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpi.cli import starter
from kpi.language.loading.catalogue import shipped
from kpi.language.loading.loader import examine_text

BASE = """\
system: t
title: 示例
period: quarter
entities: {title: 县}
measures: {a: {unit: 件}, b: {unit: 件, title: 件数}}
indicators:
  x: {kind: level, of: a, target: {at_least: 90}}
  z: {kind: level, of: b, target: {at_least: 5}}
pillars: {甲: {weight: 100, parts: {x: 60, z: 40}}}
ranking:
  tie_break: [x, z]
"""


def changed(*pairs):
    text = BASE
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def marks(text):
    """The signs that findings point at: line, column, the sign."""
    lines = text.split("\n")
    result = examine_text(text).findings
    assert {item.code for item in result} <= {"K115"}, [str(item) for item in result]
    return [(item.place.line, item.place.column, lines[item.place.line - 1][item.place.column - 1]) for item in result]


@pytest.mark.parametrize(
    ("pairs", "signs"),
    [
        ([("title: 示例", "title：示例")], [(2, 6, "：")]),
        ([("title: 示例", "title： 示例")], [(2, 6, "：")]),
        ([("system: t", "system：t")], [(1, 7, "：")]),
        ([("title: 示例", "title：示例"), ("period: q", "period：q")], [(2, 6, "："), (3, 7, "：")]),
        ([("{unit: 件}, b", "{unit: 件}， b")], [(5, 24, "，")]),
        ([("件, title: 件数", "件，title: 件数")], [(5, 37, "，")]),
        ([("件, title: 件数", "件，title：件数")], [(5, 37, "，"), (5, 43, "：")]),
        ([("{unit: 件},", "{unit：件},")], [(5, 20, "：")]),
        ([("{unit: 件},", "{unit: “件”},")], [(5, 22, "“")]),
        ([("{unit: 件},", "{unit: ‘件’},")], [(5, 22, "‘")]),
        ([("{title: 县}", "｛title: 县｝")], [(4, 11, "｛")]),
        ([("[x, z]", "［x, z］")], [(11, 14, "［")]),
        ([("[x, z]", "【x, z】")], [(11, 14, "【")]),
        ([("[x, z]", "[x， z]")], [(11, 16, "，")]),
        ([("[x, z]", "[x、z]")], [(11, 16, "、")]),
        ([("weight: 100", "weight: １００")], [(9, 23, "１")]),
        ([("title: 示例", "title:　示例")], [(2, 7, "　")]),
        ([("  tie_break", "　 tie_break")], [(11, 1, "　")]),
        (
            [("parts: {x: 60, z: 40}", "parts：｛x：60，z：40｝")],
            [(9, 33, "："), (9, 34, "｛"), (9, 36, "："), (9, 39, "，"), (9, 41, "：")],
        ),
    ],
)  # fmt: skip
def test_the_very_sign_is_pointed_at(pairs, signs):
    assert marks(changed(*pairs)) == signs


def test_the_message_names_the_sign_and_the_line_as_it_should_be():
    (result,) = examine_text(changed(("title: 示例", "title：示例"))).findings
    assert result.message == "full-width colon (：): write a half-width colon and a blank"
    assert result.hint == "write: title: 示例"


@pytest.mark.parametrize(
    "pairs",
    [
        [("title: 示例", "title: 县：市，“十四五”、【新】｛甲｝　乙（丙）－丁＃戊９")],
        [("title: 示例", "title: “示例”")],
        [("title: 示例", "title: |\n  县：市，“十四五”\n  标题：示例")],
        [("title: 示例", "# 标题：示例，“甲”\ntitle: 示例")],
        [("title: 件数", 'title: "件数，甲：乙"')],
        [("title: 件数", "title: 件数（甲，乙）：丙")],
        [("{title: 县}", "{title: 县（市、区）}")],
    ],
)
def test_signs_inside_texts_are_left_alone(pairs):
    assert examine_text(changed(*pairs)).findings == ()


def test_other_mistakes_come_at_the_same_time_and_in_their_places():
    text = changed(("{unit: 件}, b", "{unit: 件}，b"), ("title: 件数", "titel: 件数"), ("of: b", "of: c"))
    result = examine_text(text).findings
    lines = text.split("\n")
    at = {item.code: lines[item.place.line - 1][item.place.column - 1 :][: item.place.length] for item in result}
    assert (at["K115"], at["K110"]) == ("，", "titel")
    text = changed(("{unit: 件}, b", "{unit：件}，b"), ("of: b", "of: c"))
    assert {item.code for item in examine_text(text).findings} == {"K115", "K203"}


def test_a_mistake_beside_a_sign_is_not_blamed_on_it():
    text = changed(("title: 示例", "titel: 示例：甲"))
    assert [item.code for item in examine_text(text).findings] == ["K110"]
    text = changed(("  z: {kind", "  z: {note: 甲，乙, kind"), ("of: b", "of: c"))
    assert [item.code for item in examine_text(text).findings] == ["K203"]


def test_a_list_of_one_text_with_a_comma_is_a_warning():
    text = changed(("of: a,", "of: a, responsible: [甲局，乙局],"))
    (result,) = examine_text(text).findings
    assert (result.code, str(result.severity)) == ("K115", "warning")
    assert text.split("\n")[result.place.line - 1][result.place.column - 1] == "，"
    assert examine_text(text.replace("甲局，乙局", '"甲局，乙局"')).findings == ()


FULL = {": ": "：", ", ": "，", "{": "｛", "}": "｝", "[": "［", "]": "］"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_colon_or_comma_of_a_definition_is_found(data):
    spots = [
        (number, at, old)
        for number, line in enumerate(BASE.split("\n"))
        for old in (": ", ", ")
        for at in range(len(line))
        if line.startswith(old, at)
    ]
    chosen = data.draw(st.lists(st.sampled_from(spots), min_size=1, max_size=3, unique=True))
    lines = BASE.split("\n")
    for number, at, old in sorted(chosen, reverse=True):
        lines[number] = lines[number][:at] + FULL[old] + lines[number][at + 2 :]
    result = examine_text("\n".join(lines)).findings
    assert "K115" in {item.code for item in result if item.severity == "error"}
    for item in result:
        if item.code == "K115":
            assert lines[item.place.line - 1][item.place.column - 1] in "：，"


def test_no_shipped_definition_has_one():
    for text in [starter.DEFINITION, *(file.read_text("utf-8") for file in sorted(shipped().glob("*.yaml")))]:
        assert "K115" not in {item.code for item in examine_text(text).findings}
