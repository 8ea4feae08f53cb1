"""Tables for readers: columns by title, the year in a narrow terminal and in a difference, texts in one language."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.cells import cell_len

from kpi.analysis.diff import diff, side
from kpi.analysis.explain import explain
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError
from kpi.language.longer_totals import TotalsOver
from kpi.report import tree
from kpi.report.difference import table
from kpi.report.files import content, write
from kpi.report.language import localized, using
from kpi.report.method.report import MethodReport
from kpi.report.reading import read_result
from kpi.report.table import league_table
from kpi.values.periods import Grain
from tests.soundness.small_evaluation import small_card

SYSTEM = """
measures: {a: {unit: 1}}
indicators: {ia: {kind: level, of: a, target: {at_least: 10}}}
pillars: {P: {title: size, weight: 30, parts: {ia: 30}, decimals: 1}}
composite: {full: 30}
ranking: {decimals: 1}
show: marks
stars: {kind: bands, cuts: {5: 27, 1: 18}, names: {5: top, 1: fair}}
totals_over: {period: year, by: weighted, weights: [20, 20, 20, 40]}
"""


def card_of(first: float = 5.31, quarters: int = 4) -> Scorecard:
    rows = [
        (f"2023Q{quarter}", unit, "a", value if quarter > 1 or unit == "B" else first, cohort)
        for quarter in range(1, quarters + 1)
        for unit, value, cohort in (("A", 5.13, "east"), ("B", 9.0, "west"))
    ]
    return small_card(SYSTEM, *rows, period="quarter")


def test_a_pillar_is_asked_for_by_its_title_with_or_without_marks() -> None:
    for name in ("size", "size (30 marks)"):
        assert "27.0" in league_table(card_of(), columns=["rank", "entity", name])


def test_a_near_column_is_named_in_the_language_in_use() -> None:
    with using("zh"), pytest.raises(DataError) as error:
        league_table(card_of(), columns=["Starz"])
    assert "Stars" not in str(error.value)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("quarters", [3, 4])
def test_the_year_fits_a_narrow_terminal(language: str, quarters: int) -> None:
    with using(language):
        text = league_table(card_of(quarters=quarters), width=48)
    assert max(map(cell_len, text.splitlines())) <= 48


def test_a_difference_has_the_year_once_for_each_cohort() -> None:
    text = table(diff(side(card_of(), "old"), side(card_of(6.1), "new")))
    assert [line for line in text.splitlines() if "from its periods" in line] == [
        "2023, from its periods up to 2023Q4  east",
        "2023, from its periods up to 2023Q4  west",
    ]
    assert "no level → fair" in text


def test_a_total_of_a_quarter_has_no_false_digit() -> None:
    card = card_of()
    text = tree.tree(card, "A", explain(card, "A", period="2023"))
    assert "2023Q1  score 15.9  " in text


def test_the_usual_name_of_units_is_in_the_language_of_the_reader(tmp_path: Path) -> None:
    write(card_of(), tmp_path / "old.json")
    written = (tmp_path / "old.json").read_text("utf-8")
    (tmp_path / "old.json").write_text(written.replace('"entity_title": "县"', '"entity_title": "Entity"'), "utf-8")
    with using("zh"):
        assert localized(read_result(tmp_path / "old.json").entity_title) == "评价对象"


def test_lists_have_the_comma_of_the_language() -> None:
    words = TotalsOver(period="year", by="weighted", weights=(20, 20, 20, 40)).words(Grain("quarter"))
    with using("zh"):
        assert "20、20、20、40" in localized(words)


def test_decimals_of_a_pillar_are_in_words() -> None:
    assert "rounded half up, decimals: 1" in content(MethodReport(card_of().definition), "md").decode()
