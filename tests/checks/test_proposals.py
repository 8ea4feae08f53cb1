"""Proposals for broken checks: one figure of a consistent table is broken by a typing error, and named again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.language.loading.loader import examine_text

#: The unit of all figures, and their decimals.
UNITS = {"件": 0, "亿元": 2, "万人": 4}
#: The sums of a table: parts and whole.
TABLES = {
    "flat": [(("a", "b", "c"), "all")],
    "nested": [(("a", "b"), "sub"), (("sub", "c"), "all")],
}
FACTORS = (10, 100, 1000, 10_000, 100_000_000)

Figures = dict[str, Decimal]


def definition(table: str, unit: str) -> str:
    names = list(dict.fromkeys(name for parts, whole in TABLES[table] for name in (*parts, whole)))
    checks = "\n".join(
        f"  check{at}: {{parts: [{', '.join(parts)}], whole: {whole}, tolerance: 0}}"
        for at, (parts, whole) in enumerate(TABLES[table])
    )
    measures = "\n".join(f"  {name}: {{unit: {unit}}}" for name in names)
    return f"""
system: sums
period: year
entities: {{title: 县}}
measures:
{measures}
indicators: {{size: {{kind: level, of: all}}}}
checks:
{checks}
"""


def suggestions(text: str, rows: list[dict[str, float]], names: list[str] | None = None) -> dict[str, list[str]]:
    """Return the proposals by unit, each a text such as `all 60 may be 600 (...)`."""
    units = names or [f"县{at:02}" for at in range(len(rows))]
    columns = {name: [row.get(name) for row in rows] for name in rows[0]}
    data = {"期别": ["2023"] * len(rows), "地区": units, **columns}
    card = kpi.score(data, system=examine_text(text).system)
    result: dict[str, list[str]] = {}
    for item in card.findings_list:
        if item.code == "K701":
            hint = str(item.hint)
            result.setdefault(item.place.entity, hint.split("; "))
    return {
        unit: [part for part in hint if " may be " in part or "more proposals" in part] for unit, hint in result.items()
    }


def slips(value: Decimal, decimals: int) -> Iterator[Decimal]:
    """Yield what is typed by mistake for a value that is written with some decimals."""
    for factor in FACTORS:
        yield value * factor
        yield value / factor
    yield -value
    text = f"{value:.{decimals}f}"
    digits = text.replace(".", "")
    for place in range(len(digits) - 1):
        swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
        yield Decimal(swapped).scaleb(-decimals)
    for unit in range(-decimals + 1, 5):
        rounded = value.quantize(Decimal(1).scaleb(unit), ROUND_HALF_EVEN)
        # Two digits are kept of whole numbers that are rounded to tens and more.
        if unit <= 0 or rounded >= 10 ** (unit + 1):
            yield rounded


def gaps(table: str, figures: Figures) -> list[Decimal]:
    return [sum((figures[part] for part in parts), Decimal(0)) - figures[whole] for parts, whole in TABLES[table]]


def plausible(table: str, unit: str, figures: Figures) -> dict[str, Decimal]:
    """Return the figures that alone can be wrong by a typing error, with the value that makes the sums hold."""
    result = {}
    for name in figures:
        for parts, whole in TABLES[table]:
            gap = sum((figures[part] for part in parts), Decimal(0)) - figures[whole]
            value = figures[name] + (gap if name == whole else -gap)
            fine = value == round(value, UNITS[unit])
            if name in (*parts, whole) and gap and fine and value > 0 and not any(gaps(table, figures | {name: value})):
                if figures[name] in slips(value, UNITS[unit]):
                    result[name] = value
                break
    return result


@st.composite
def broken_tables(draw):
    """Return the kind of table, its unit, and for each row the broken figures and which one was what."""
    table, unit = draw(st.sampled_from(sorted(TABLES))), draw(st.sampled_from(sorted(UNITS)))
    rows = []
    for _ in range(draw(st.integers(1, 8))):
        figures: Figures = {}
        for parts, whole in TABLES[table]:
            for part in parts:
                if part not in figures:
                    figures[part] = Decimal(draw(st.integers(1, 99_999))).scaleb(-UNITS[unit])
            figures[whole] = sum((figures[part] for part in parts), Decimal(0))
        name = draw(st.sampled_from(sorted(figures)))
        true = figures[name]
        typed = draw(st.sampled_from(list(dict.fromkeys(slips(true, UNITS[unit])))))
        rows.append((figures | {name: typed}, name, true))
    return table, unit, rows


@settings(max_examples=60, deadline=None, derandomize=True)
@given(broken_tables())
def test_the_true_figure_is_among_the_proposals_and_first_if_it_is_the_only_one(case):
    """Whole or part, whichever error: what is right is named; nothing is proposed that no error explains."""
    table, unit, rows = case
    result = suggestions(
        definition(table, unit), [{key: float(value) for key, value in row.items()} for row, *_ in rows]
    )
    for at, (figures, name, true) in enumerate(rows):
        if not any(gaps(table, figures)):
            continue
        own = result[f"县{at:02}"]
        matches = [re.match(r"(\w+) [-\d.,]+ may be ([-\d.,]+) \((.*)\)", text) for text in own]
        proposals = [
            (match[1], Decimal(match[2].replace(",", ""))) for match in matches if match and "decimals" not in match[3]
        ]
        possible = plausible(table, unit, figures)
        assert possible[name] == true
        assert (name, true) in proposals, (figures, own)
        if len(possible) == 1:
            assert proposals[0] == (name, true), (figures, own)
        assert {key: value for key, value in proposals if value == round(value, UNITS[unit])} == possible, (
            figures,
            own,
        )


ONE = """
system: parts
period: year
entities: {title: 县}
measures: {a: {unit: 件}, b: {unit: 件}, c: {unit: 件}, all: {unit: 件}}
indicators: {size: {kind: level, of: all}, rate: {kind: ratio, numerator: a, denominator: all}}
checks: {check: CHECK}
"""
ROW = {"a": 100.0, "b": 200.0, "c": 300.0, "all": 60.0}
WHOLE = "all 60 may be 600 (too small by a factor of 10)"
PART = "a 100 may be 10 (too large by a factor of 10)"


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        ("{parts: [a, b, c], whole: all}", [WHOLE]),
        ("{expr: a + b + c = all}", [WHOLE]),
        ("{expr: a + b + c <= all}", [WHOLE]),
        ("{expr: a <= all}", [PART, WHOLE]),
        ("{between: [0, 100], of: rate}", [PART, WHOLE]),
    ],
)
def test_the_whole_that_is_too_small_is_proposed_whatever_the_check(check, expected):
    """Of an inequality one proposal for each figure, with the least factor that is sufficient."""
    assert suggestions(ONE.replace("CHECK", check), [ROW])["县00"] == expected


def test_a_whole_of_many_parts_is_proposed():
    parts = [f"p{at}" for at in range(20)]
    text = f"""
system: many
period: year
entities: {{title: 县}}
measures: {{{", ".join(f"{name}: {{unit: 亿元}}" for name in (*parts, "all"))}}}
indicators: {{size: {{kind: level, of: all}}}}
checks: {{check: {{parts: [{", ".join(parts)}], whole: all}}}}
"""
    row = {name: 1000.01 + at for at, name in enumerate(parts)}
    total = float(sum(Decimal(repr(value)) for value in row.values()))
    proposals = suggestions(text, [row | {"all": total * 10}])["县00"]
    assert proposals == [f"all {total * 10:,.10g} may be {total:,.10g} (too large by a factor of 10)"]


def test_a_number_of_things_is_whole():
    """9 件 may not be 0.9 件, but 9 亿元 may be 0.9; and 0.9 件 where the measure has halves, as averages have."""
    row = {"a": 9.0, "b": 200.0, "c": 300.0, "all": 500.9}
    text = ONE.replace("CHECK", "{parts: [a, b, c], whole: all}")
    proposal = "a 9 may be 0.9 (too large by a factor of 10)"
    assert proposal not in suggestions(text, [row])["县00"]
    assert proposal in suggestions(text.replace("件", "亿元"), [row])["县00"]
    average = {"a": 1.5, "b": 2.0, "c": 3.0, "all": 6.5}
    assert proposal in suggestions(text, [row, average])["县00"]


CITY = """
system: city
period: year
entities: {title: 县}
measures: {cases: {title: 办件量, unit: 件}, online: {unit: 件}}
indicators: {size: {kind: level, of: cases}}
checks:
  city: {adds_up_to: 全市, of: cases}
  part: {expr: online <= cases}
"""


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ([100, 200, 300, 60], ["全市 60 may be 600 (too small by a factor of 10)"]),
        ([100, 2000, 312, 612], ["乙县 2,000 may be 200 (too large by a factor of 10)"]),
        ([100, 200, -312, 612], ["丙县 -312 may be 312 (the sign)"]),
        ([100, 211, 535, 666], ["丙县 535 may be 355 (two digits swapped)"]),
        ([113, 214, 315, 640], ["全市 640 may be 642 (rounded)"]),
        ([100, 200, 300, 617], []),
    ],
)
def test_what_the_units_do_not_add_up_to_has_proposals(figures, expected):
    """The whole and each unit may be wrong."""
    rows = [{"cases": float(value), "online": 1.0} for value in figures]
    result = suggestions(CITY, rows, ["甲县", "乙县", "丙县", "全市"])
    assert result["全市"] == expected


def test_a_correction_of_a_unit_that_breaks_another_check_is_none():
    rows = [{"cases": value, "online": 150.0} for value in (200.0, 2000.0, 312.0, 712.0)]
    assert suggestions(CITY, rows, ["甲县", "乙县", "丙县", "全市"])["全市"] == [
        "乙县 2,000 may be 200 (too large by a factor of 10)"
    ]
    rows[1]["online"] = 250.0
    assert suggestions(CITY, rows, ["甲县", "乙县", "丙县", "全市"])["全市"] == []


def test_a_figure_that_has_to_equal_an_earlier_one_has_proposals_of_every_kind():
    text = """
system: repeated
period: year
entities: {title: 县}
measures: {then: {unit: 件}, cases: {unit: 件}}
indicators: {size: {kind: level, of: cases}}
checks: {last: {last_year: then, of: cases}}
"""
    data = {"期别": ["2022", "2023"], "地区": ["甲县", "甲县"], "then": [190, 231], "cases": [213, 250]}
    card = kpi.score(data, system=examine_text(text).system)
    (hint,) = [str(item.hint) for item in card.findings_list if item.code == "K701"]
    assert hint == "then 231 may be 213 (two digits swapped)"
