from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kpi.errors import Diagnostic, Place, Severity
from kpi.report.diagnostics import render, tally

ANSI = re.compile("\x1b\\[[0-9;]*m")
WORDS = st.text(alphabet="ab 字数增加值（）：,{}", max_size=12)


def cells(text: str) -> int:
    """The width of a text on a terminal, from the Unicode tables rather than from what draws it."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def rows(count: int, **place: object) -> list[Diagnostic]:
    places = [Place("period.csv", row=row, field="数值", **place) for row in range(2, 2 + count)]
    return [Diagnostic("K602", "no figure for `地区生产总值`", item, "write 0 or 不适用") for item in places]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sources")


def shown(folder: Path, before: str, meant: str, after: str, width: int | None = None) -> tuple[str, str]:
    """Return the source line and the line under it of a finding about `meant`."""
    source = folder / "a.yaml"
    source.write_text(f"system: x\n{before}{meant}{after}\n", encoding="utf-8")
    place = Place(str(source), 2, len(before) + 1, len(meant))
    _, _, line, under = render([Diagnostic("K203", "unknown", place)], width=width).split("\n")
    return line, under


@given(before=WORDS, meant=WORDS.filter(bool), after=WORDS)
def test_carets_stand_under_what_is_meant(folder: Path, before: str, meant: str, after: str) -> None:
    line, under = shown(folder, before, meant, after)
    assert line == f"2 | {before}{meant}{after}".rstrip()
    assert under == "  | " + " " * cells(before) + "^" * cells(meant)


@given(before=WORDS, meant=st.text("数字ab", min_size=1, max_size=4), after=WORDS, width=st.integers(24, 50))
def test_a_long_line_is_cut_around_what_is_meant(folder: Path, before: str, meant: str, after: str, width: int) -> None:
    line, under = shown(folder, before * 9, meant, after * 9, width)
    assert cells(line) <= width
    assert under.endswith("^" * cells(meant))
    start = under.index("^")
    cut = next(line[k:] for k in range(len(line)) if cells(line[:k]) == start)
    assert cut.startswith(meant)


def test_full_shows_source_label_and_hint(tmp_path: Path) -> None:
    source = tmp_path / "service.yaml"
    source.write_text("a: 1\n  指标: {numerator: overdue_case}\n", encoding="utf-8")
    place = Place(str(source), 2, 19, 12)
    item = Diagnostic(
        "K203", "unknown measure `overdue_case`", place, "did you mean `overdue_cases`?", label="not defined"
    )
    assert render([item]) == (
        "error[K203]: unknown measure `overdue_case`\n"
        f"  --> {source}:2:19\n"
        "2 |   指标: {numerator: overdue_case}\n"
        "  |                     ^^^^^^^^^^^^ not defined\n"
        "   = did you mean `overdue_cases`?"
    )


@pytest.mark.parametrize("raw", [b"\xef\xbb\xbfa: 1\nb: 2\n", b"a: 1\r\nb: 2\r\n", b"a: \x0b1\nb: 2"])
def test_lines_are_counted_as_yaml_counts_them(tmp_path: Path, raw: bytes) -> None:
    source = tmp_path / "a.yaml"
    source.write_bytes(raw)
    lines = render([Diagnostic("K101", "x", Place(str(source), 2, 1))]).split("\n")
    assert lines[2:] == ["2 | b: 2", "  | ^"]


def test_tabs_and_ends_of_lines_do_not_shift_the_caret(tmp_path: Path) -> None:
    source = tmp_path / "a.yaml"
    source.write_text("\tkey: v\n", encoding="utf-8")
    tab = render([Diagnostic("K101", "x", Place(str(source), 1, 2, 3))]).split("\n")
    assert tab[2:] == ["1 |     key: v", "  |     ^^^"]
    beyond = render([Diagnostic("K101", "x", Place(str(source), 1, 99, 5))]).split("\n")
    assert beyond[3] == "  |           ^"


@pytest.mark.parametrize("file", [None, "absent.yaml", ".", "a\0b"])
def test_a_finding_without_its_source_is_still_shown(file: str | None) -> None:
    text = render([Diagnostic("K101", "mapping expected", Place(file, 3, 1), "indent it")])
    assert text.startswith("error[K101]: mapping expected\n  --> ")
    assert text.endswith("= indent it")


def test_findings_of_one_code_in_data_are_gathered() -> None:
    text = render(rows(12), shown=5)
    assert text.count("error[K602]") == text.count("= write 0") == 1
    assert re.findall(r"row (\d+)", text) == ["2", "3", "4", "5", "6"]
    assert text.endswith("... and 7 more K602 errors")
    assert render(rows(6), shown=5).endswith("... and 1 more K602 error")
    assert "more" not in render(rows(5), shown=5)


def test_places_in_data_name_sheet_row_column_entity_and_period() -> None:
    place = Place("a.xlsx", sheet="表1", row=1207, field="数值", entity="南湖区", period="2023Q4")
    text = render([Diagnostic("K601", "`1x` is not a number", place, label="read as text")])
    assert text.split("\n")[1] == "  --> a.xlsx[表1]: row 1,207, column 数值, 南湖区 2023Q4: read as text"


def test_order_is_kept_and_groups_stand_where_they_begin() -> None:
    result = [*rows(2), Diagnostic("K203", "unknown", Place("a.yaml", 1, 1)), *rows(2)]
    assert re.findall(r"\[(K\d+)\]", render(result)) == ["K602", "K203"]


def test_colour_adds_nothing_but_colour() -> None:
    result = [*rows(7), Diagnostic("K203", "unknown", Place(__file__, 1, 1, 4), severity=Severity.QUERY)]
    assert render(result, color=True) != render(result)
    assert ANSI.sub("", render(result, color=True)) == render(result)


@pytest.mark.parametrize("style", ["full", "concise"])
def test_text_from_data_cannot_steer_the_terminal(style: str) -> None:
    hostile = "\x1b[2J\r\nfake\u202e"
    text = render([Diagnostic("K601", hostile, Place(hostile, row=1, entity=hostile), hostile)], style=style)
    assert not set("\x1b\r\u202e") & set(text)
    assert text.count("\n") == (2 if style == "full" else 0)


def test_json_keeps_every_field() -> None:
    item = Diagnostic("K602", "无数", Place("a.csv", row=3, field="数值", entity="南湖区"), "hint", Severity.WARNING)
    (record,) = json.loads(render([item], style="json"))
    assert list(record)[:3] == ["code", "severity", "message"]
    assert (record["severity"], record["row"], record["field"], record["line"]) == ("warning", 3, "数值", None)
    assert json.loads(render([], style="json")) == []


def test_github_commands_are_escaped() -> None:
    result = [
        Diagnostic("K203", "100% wrong\nsecond", Place("a,b:c.yaml", 3, 5, 2)),
        Diagnostic("K602", "none", Place("a.csv", row=7), severity=Severity.QUERY),
        Diagnostic("K602", "none", Place("a.xlsx", sheet="表", row=7), severity=Severity.INFO),
    ]
    assert render(result, style="github").split("\n") == [
        "::error file=a%2Cb%3Ac.yaml,line=3,col=5,endColumn=7,title=K203::100%25 wrong%0Asecond",
        "::warning file=a.csv,line=7,title=K602::a.csv: row 7%0Anone",
        "::notice file=a.xlsx,title=K602::a.xlsx[表]: row 7%0Anone",
    ]


def test_tally_counts_the_gravest_first() -> None:
    result = [Diagnostic("K7", "x", severity=severity) for severity in ("info", "query", "query", "error")]
    assert tally([Diagnostic(item.code, item.message, severity=Severity(item.severity)) for item in result]) == (
        "1 error, 2 queries, 1 note"
    )
    assert render([]) == ""
