"""What cells mean: decimal commas, marks of missing figures, fractions among percents."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

import kpi
from kpi.engine.scorecard import Scorecard
from kpi.intake.files import chunks, pieces
from kpi.language.loading.loader import examine_text
from kpi.language.system import System

REPORTED = """
system: s
period: year
entities: {title: Land}
datasets: {d: {form: FORM, columns: {entity: Land, period: Jahr} OPTIONS}}
measures:
  pop: {title: Einwohner, unit: 人, over_time: last}
  rate: {title: Quote, unit: '%', over_time: last}
indicators: {p: {kind: level, of: pop}, r: {kind: level, of: rate}}
"""
RECORDS = """
system: s
period: year
entities: {title: Land}
datasets: {d: {form: records, columns: {entity: Land, period: Jahr} OPTIONS}}
measures:
  pop: {kind: sum, of: Einwohner, unit: 人}
  rate: {kind: max, of: Quote, unit: '%'}
indicators: {p: {kind: level, of: pop}, r: {kind: level, of: rate}}
"""
FORMS = ["panel", "reported", "records"]

#: Land, Einwohner, Quote, as a file from Germany has them.
GERMAN = [
    ("Bremen", "684.864", "5,1"), ("Saarland", "994.187", "4,2"), ("Hamburg", "1.892.122", "7,4"),
    ("Jena", "110", "12,5"),
]  # fmt: skip


def system(form: str, options: str = "") -> str:
    text = RECORDS if form == "records" else REPORTED.replace("FORM", form)
    return text.replace("OPTIONS", f", {options}" if options else "")


def loaded(text: str) -> System:
    item = examine_text(text)
    assert item.system is not None, item.findings
    return item.system


def frame(form: str, rows: list[tuple[str, object, object]]) -> pl.DataFrame:
    """Return a table of one year; in the long form the figures of both measures share a column."""
    if form == "reported":
        long = [(who, "2023", name, value) for who, *values in rows for name, value in zip(TITLES, values, strict=True)]
        return pl.DataFrame(long, ["Land", "Jahr", "指标", "数值"], orient="row", strict=False)
    wide = [(who, "2023", *values) for who, *values in rows]
    return pl.DataFrame(wide, ["Land", "Jahr", *TITLES], orient="row", strict=False)


TITLES = ("Einwohner", "Quote")


def written(table: pl.DataFrame, kind: str, folder: Path) -> Path | pl.DataFrame:
    file = folder / f"d.{'csv' if kind == 'large' else kind}"
    if kind == "frame":
        return table
    if kind == "xlsx":
        with xlsxwriter.Workbook(str(file)) as book:
            sheet = book.add_worksheet()
            for at, row in enumerate([table.columns, *table.rows()]):
                for column, cell in enumerate(row):
                    (sheet.write_string if isinstance(cell, str) else sheet.write)(at, column, cell)
    elif kind == "parquet":
        table.write_parquet(file)
    elif kind == "jsonl":
        table.write_ndjson(file)
    else:
        table.write_csv(file, separator=";")
    return file


@pytest.fixture(params=["csv", "large", "xlsx", "parquet", "jsonl", "frame"])
def kind(request, monkeypatch):
    if request.param == "large":
        monkeypatch.setattr(chunks, "LARGE", 10)
        monkeypatch.setattr(chunks, "LOOK", 30)
        monkeypatch.setattr(chunks, "SEARCHED", 2)
        monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 60))
    return request.param


def scored(form: str, kind: str, folder: Path, rows, options: str = "") -> Scorecard:
    definition = loaded(system(form, options))
    return kpi.score(written(frame(form, rows), kind, folder), system=definition)


def read(card: Scorecard, measure: str) -> dict[str, float | str]:
    rows = card.measures.filter(pl.col("measure") == measure).select("entity", "value", "status").rows()
    return {who: value if status == "ok" else status for who, value, status in rows}


def errors(card: Scorecard) -> list[str]:
    return sorted(item.code for item in card.findings_list if str(item.severity) == "error")


# ---- DECIMAL COMMAS ---- #


@pytest.mark.parametrize("form", FORMS)
def test_a_declared_decimal_comma_is_read(form, kind, tmp_path):
    card = scored(form, kind, tmp_path, GERMAN, "decimal: ','")
    assert read(card, "pop") == {"Bremen": 684864, "Hamburg": 1892122, "Jena": 110, "Saarland": 994187}
    assert read(card, "rate") == {"Bremen": 5.1, "Hamburg": 7.4, "Jena": 12.5, "Saarland": 4.2}
    assert errors(card) == []


@pytest.mark.parametrize("form", ["panel", "reported"])
def test_an_undeclared_decimal_comma_makes_its_column_unclear(form, kind, tmp_path):
    # As many rows as a large file needs for the odd cells to stand in other pieces than the ambiguous ones.
    rows = [GERMAN[0], *((f"K{at}", "684.864", "4") for at in range(20)), *GERMAN[1:]]
    card = scored(form, kind, tmp_path, rows)
    assert set(read(card, "pop").values()) == {"refused", 110}
    assert set(read(card, "rate").values()) == {"refused", 4}
    result = [item for item in card.findings_list if item.code == "K635"]
    assert errors(card) == ["K635"] * len(result)
    assert len(result) == (2 if form == "panel" else 1)
    assert all("decimal: ','" in item.hint for item in result)
    # Every cell is counted.
    assert card.counts["refused"] == len(rows) * 2 - 21


def test_records_with_undeclared_decimal_commas_count_none_of_the_ambiguous_cells(kind, tmp_path):
    card = scored("records", kind, tmp_path, [*GERMAN, ("Jena", "684.864", "1")])
    assert 684.864 not in read(card, "pop").values()
    assert 794.864 not in read(card, "pop").values()
    assert errors(card) == ["K635", "K635"]
    pop = next(item for item in card.findings_list if item.place.field == "Einwohner")
    assert "4 cells" in pop.message


@pytest.mark.parametrize(
    "odd", ["1.892.122", "5,1", "1.234,5", "1 234,5", "0,123", "5,1%", "(5,1)", "１．８９２．１２２"]
)
def test_any_cell_with_a_decimal_comma_tells(odd):
    table = frame("panel", [("a", "684.864", "1"), ("b", odd, "1"), ("c", "1,234", "1"), ("d", "12.5", "1")])
    definition = loaded(system("panel"))
    assert read(kpi.score(table, system=definition), "pop") == {
        "a": "refused",
        "b": "refused",
        "c": "refused",
        "d": 12.5,
    }


def test_without_a_decimal_comma_points_are_decimal_and_commas_part_groups():
    table = frame("panel", [("a", "684.864", "1"), ("b", "1,234", "1"), ("c", "1,234,567.5", "1")])
    definition = loaded(system("panel"))
    card = kpi.score(table, system=definition)
    assert read(card, "pop") == {"a": 684.864, "b": 1234, "c": 1234567.5}
    assert errors(card) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234,5", 1234.5), ("1 234,5", 1234.5), ("1\u00a0234,5", 1234.5), ("1\u202f234\u202f567", 1234567),
        ("12 345", 12345), ("-5,1", -5.1), ("(5,1)", -5.1), ("5,1 %", 5.1), ("684.864", 684864), ("0,123", 0.123),
        ("１．２３４，５", 1234.5), ("12", 12), ("5,1E+3", 5100),
        ("5.1", "refused"), ("1,234.5", "refused"), ("1.23,4", "refused"), ("1,234,567", "refused"), (".5", "refused"),
        ("—", "missing"),
    ],
)  # fmt: skip
def test_with_a_decimal_comma(text, value):
    table = pl.DataFrame({"Land": ["a"], "Jahr": ["2023"], "Quote": [text]})
    definition = loaded(system("panel", "decimal: ','"))
    card = kpi.score(table, system=definition)
    assert read(card, "rate")["a"] == value


@pytest.mark.parametrize("form", FORMS)
def test_numbers_are_numbers_whatever_the_decimal_mark(form, tmp_path):
    rows = [("a", 684.864, 5.125), ("b", 5.5, 7.25)]
    for kind in ("parquet", "xlsx", "frame"):
        card = scored(form, kind, tmp_path, rows, "decimal: ','")
        assert read(card, "pop") == {"a": 684.864, "b": 5.5}
        assert read(card, "rate") == {"a": 5.125, "b": 7.25}


def test_a_number_among_texts_of_a_workbook_is_not_taken_for_thousands(tmp_path):
    rows = [("a", 684.864, 1), ("b", "1.892.122", 1), ("c", 5.5, 1)]
    table = pl.DataFrame({name: pl.Series(name, values, dtype=pl.Object) for name, values in zip(
        ("Land", "Jahr", *TITLES), zip(*((who, "2023", *some) for who, *some in rows), strict=True), strict=True
    )})  # fmt: skip
    definition = loaded(system("panel", "decimal: ','"))
    card = kpi.score(written(table, "xlsx", tmp_path), system=definition)
    assert read(card, "pop") == {"a": "refused", "b": 1892122, "c": 5.5}
    assert errors(card) == ["K635"]


def test_targets_in_the_data_have_the_decimal_mark_of_the_dataset():
    text = """
system: s
period: year
entities: {title: Land}
datasets: {d: {form: reported, decimal: ','}}
measures: {rate: {title: Quote, unit: '%'}}
indicators: {r: {kind: level, of: rate, target: {at_least: {column: 目标值}}}}
pillars: {P: {weight: 1, parts: {r: 1}, ours: true}}
"""
    definition = loaded(text)
    table = pl.DataFrame({"期别": ["2023"], "地区": ["a"], "指标": ["Quote"], "数值": ["90,5"], "目标值": ["90,5"]})
    card = kpi.score(table, system=definition)
    assert card.indicators.select("value", "target").row(0) == (90.5, 90.5)


# ---- MARKS OF MISSING FIGURES ---- #

MISSING, REFUSED = "missing", "refused"
MARKS: dict[str, tuple[object, str]] = {
    "NP": (REFUSED, "not a number"), "SUPP": (REFUSED, "not a number"), "NE": (REFUSED, "not a number"),
    "Not Available": (MISSING, ""), "n/a": ("not_applicable", ""), "N/A": ("not_applicable", ""), "NA": (MISSING, ""),
    "..": (MISSING, ""), "...": ("below_unit", ""), ":": (REFUSED, "not a number"), ": u": (REFUSED, "not a number"),
    "12.3 p": (REFUSED, "flag"), "5.0 u": (REFUSED, "flag"), "4.4b": (REFUSED, "flag"), "5.0 e": (REFUSED, "flag"),
    "x": (REFUSED, "not a number"), "[x]": (REFUSED, "not a number"), "[c]": (REFUSED, "not a number"),
    "[z]": (REFUSED, "not a number"), "c": (REFUSED, "not a number"), "*": (REFUSED, "not a number"),
    "NULL": (MISSING, ""), "null": (MISSING, ""), "NaN": (REFUSED, "finite"), "nan": (REFUSED, "finite"),
    "None": (MISSING, ""), "none": (MISSING, ""), "#N/A": (REFUSED, "formula"), "-": (MISSING, ""), "--": (MISSING, ""),
    "—": (MISSING, ""), "—/—": (REFUSED, "not a number"), "未统计": (MISSING, ""), "暂无": (MISSING, ""),
    "缺": (MISSING, ""), "不详": (MISSING, ""), "1,234.5": (1234.5, ""), "1 234,5": (REFUSED, "decimal comma"),
    "1.234,5": (REFUSED, "decimal comma"), "12,5": (REFUSED, "decimal comma"), "5e3": (5000, ""),
    "1.2E+05": (120000, ""), "6.0 ": (6, ""), "５": (5, ""), "+3.2": (3.2, ""), "<5": (REFUSED, "bound"),
    "≥95": (REFUSED, "bound"), "95以上": (REFUSED, "bound"), "约3": (REFUSED, "estimate"), "3*": (REFUSED, "footnote"),
    "3①": (REFUSED, "footnote"), "12.5 ": (12.5, ""), "12.5％": (12.5, ""), "0.0": (0, ""), "'12": (12, ""),
    "12 345": (REFUSED, "blanks between digits"),
}  # fmt: skip


@pytest.mark.parametrize("text", MARKS)
def test_each_mark_is_read_as_what_it_plainly_is_or_refused_in_words(text):
    value, words = MARKS[text]
    table = pl.DataFrame({"Land": ["a", "b"], "Jahr": ["2023", "2023"], "Quote": [text, "1"]})
    definition = loaded(system("panel"))
    card = kpi.score(table, system=definition)
    assert read(card, "rate")["a"] == value
    result = [item.message for item in card.findings_list if str(item.severity) == "error"]
    assert (value == REFUSED) == bool(result)
    assert all(words in message for message in result)


@pytest.mark.parametrize("form", FORMS)
def test_declared_marks_are_missing(form, kind, tmp_path):
    rows = [("a", "NP", "-999"), ("b", "-999.0", ":"), ("c", "np", "-999,0"), ("d", "5", "-998")]
    options = "missing: [NP, ':', -999, '-999,0']"
    card = scored(form, kind, tmp_path, rows, options)
    missing = read(card, "pop"), read(card, "rate")
    assert [[item[who] for who in "abcd"] for item in missing] == [["missing"] * 3 + [5], ["missing"] * 3 + [-998]]
    assert errors(card) == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("dtype", [pl.Float64, pl.Float32, pl.Int32, pl.Decimal(10, 2)])
def test_numbers_that_stand_for_missing_figures_match_in_typed_columns(form, dtype, tmp_path):
    table = frame(form, [("a", -999, 1), ("b", 5, -999)])
    figures = ["数值"] if form == "reported" else list(TITLES)
    table = table.with_columns(pl.col(figures).cast(dtype))
    definition = loaded(system(form, "missing: [-999]"))
    card = kpi.score(written(table, "parquet", tmp_path), system=definition)
    assert (read(card, "pop"), read(card, "rate")) == ({"a": "missing", "b": 5}, {"a": 1, "b": "missing"})


def test_a_fraction_stands_for_missing_figures_in_the_precision_of_its_column(tmp_path):
    table = frame("panel", [("a", -99.9, 1.0), ("b", 5.0, 1.0)]).with_columns(pl.col("Einwohner").cast(pl.Float32))
    definition = loaded(system("panel", "missing: [-99.9]"))
    card = kpi.score(written(table, "parquet", tmp_path), system=definition)
    assert read(card, "pop") == {"a": "missing", "b": 5}


def test_a_mark_that_is_not_declared_is_refused_with_the_way_to_declare_it():
    definition = loaded(system("panel"))
    card = kpi.score(frame("panel", [("a", ":", "1"), ("b", "5", "1")]), system=definition)
    assert [item.hint for item in card.findings_list] == [
        "where it marks a missing figure, write `missing: [':']` for the dataset"
    ]


# ---- FRACTIONS AMONG PERCENTS ---- #

PERCENTS = """
system: s
period: year
entities: {title: 县}
measures: {rate: {title: 满意率, unit: 'UNIT'}}
indicators: {r: {kind: level, of: rate, target: {at_least: TARGET}}}
pillars: {P: {weight: 1, parts: {r: 1}, ours: true}}
"""


def percents(values: list[object], *, unit: str = "%", target: str = "90", **columns: object) -> list[str]:
    definition = loaded(PERCENTS.replace("UNIT", unit).replace("TARGET", target))
    who = [f"县{at}" for at in range(len(values))]
    table = pl.DataFrame({"期别": "2024", "地区": who, "指标": "满意率", "数值": values, **columns}, strict=False)
    return [item.message for item in kpi.score(table, system=definition).findings_list if item.code == "K636"]


def test_a_fraction_beside_percents_is_a_warning():
    (message,) = percents([0.95, 80, 85])
    assert "县0 2024 0.95" in message
    assert "满意率" in message


def test_a_target_that_is_a_fraction_is_a_warning():
    (message,) = percents([95, 80, 85], target="{column: 目标值}", 目标值=[90, 0.9, 90])
    assert "1 target" in message
    assert "县1 2024 0.9" in message


@pytest.mark.parametrize(
    ("values", "unit", "target"),
    [
        ([0.95, 0.8, 0.85], "%", "90"),
        ([1.0, 0.98, 1.02], "%", "90"),
        ([0.02, 0.03, 0.025], "%", "3"),
        ([0.012, 0.011, 0.013], "‰", "12"),
    ],
)
def test_all_figures_as_fractions_are_a_warning_where_the_target_is_a_percent(values, unit, target):
    (message,) = percents(values, unit=unit, target=target)
    assert "3 figures" in message


@pytest.mark.parametrize(
    ("values", "target"),
    [
        ([0.95, 1.2, 2.3, 4.0], "3"),  # small percents among small ones
        ([0.5, 0.8, 0.7], "0.6"),  # a small target
        ([0.9, 0.8, 0.7], "3"),  # far from the target as percents, too
        ([0, 80, 85], "90"),  # nothing is nothing
        ([0.95, 80], "90"),  # one figure is no company
    ],
)
def test_percents_that_are_small_are_no_warning(values, target):
    assert percents(values, target=target) == []


FORESTS = [("甲县", 52.1), ("乙县", 48.3), ("丙市", 33.0), ("戊县", 61.0)]


def forests(figures: list[list[float]]) -> list[str]:
    """Return the warnings for figures of one unit, each with its year, beside four with far larger ones."""
    definition = loaded(PERCENTS.replace("UNIT", "%").replace("TARGET", "40"))
    years = [2021 + at for at in range(len(figures[0]))]
    rows = [(year, name, value + at / 10) for at, year in enumerate(years) for name, value in FORESTS]
    rows += [(year, f"丁区{unit}", own[at]) for unit, own in enumerate(figures) for at, year in enumerate(years)]
    table = pl.DataFrame(rows, ["年份", "县", "满意率"], orient="row")
    return [item.message for item in kpi.score(table, system=definition).findings_list if item.code == "K636"]


@pytest.mark.parametrize(
    "figures", [[[0.9]], [[0.9, 0.9, 0.9]], [[0.9, 0.9, 1.0]], [[0.6, 0.7, 0.8]], [[0.9, 1.1, 1.2]], [[0.5], [0.9]]]
)
def test_a_unit_with_a_small_share_is_no_warning_where_shares_lie_far_apart(figures):
    assert forests(figures) == []


@pytest.mark.parametrize("figures", [[[0.521]], [[0.521, 0.523, 0.522]], [[52.1, 52.2, 0.5]], [[0.52], [0.44]]])
def test_a_fraction_is_a_warning_where_shares_lie_far_apart(figures):
    assert len(forests(figures)) == 1


def test_a_fraction_in_a_file_of_targets_is_reported_at_that_file(tmp_path):
    (tmp_path / "targets.csv").write_text("entity,indicator,target\n县0,r,90\n县1,r,0.9\n县2,r,85\n")
    (tmp_path / "s.yaml").write_text(PERCENTS.replace("UNIT", "%").replace("TARGET", "{file: targets.csv}"))
    (tmp_path / "d.csv").write_text("期别,县,满意率\n2024,县0,90\n2024,县1,88\n2024,县2,85\n")
    card = kpi.score(tmp_path / "d.csv", system=tmp_path / "s.yaml")
    (finding,) = [item for item in card.findings_list if item.code == "K636"]
    assert str(finding.place.file).endswith("targets.csv")
    assert "县1" in finding.message


def test_fractions_of_a_measure_in_the_unit_1_are_no_warning():
    assert percents([0.95, 80, 85], unit="1") == []


def test_cells_that_excel_shows_as_percents_are_percents(tmp_path):
    file = tmp_path / "d.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        sheet, percent = book.add_worksheet(), book.add_format({"num_format": "0.0%"})
        for at, row in enumerate(
            [("期别", "地区", "满意率"), *(("2024", f"县{at}", 0.9 + at / 100) for at in range(3))]
        ):
            sheet.write_row(at, 0, row[:2])
            sheet.write(at, 2, row[2], percent if at else None)
    definition = loaded(PERCENTS.replace("UNIT", "%").replace("TARGET", "90"))
    card = kpi.score(file, system=definition)
    assert card.measures["value"].to_list() == [90, 91, 92]
    assert [item.code for item in card.findings_list] == []


@pytest.mark.parametrize("options", ["missing: [[1]]", "missing: ['']", "missing: [true]", "decimal: ';'"])
def test_marks_that_are_no_marks_are_refused_in_the_definition(options):
    assert examine_text(system("panel", options)).system is None


DECIMALS = """
system: county
period: year
entities: {title: 地区}
measures: {a: {title: 甲, unit: 亿元}, b: {title: 乙, unit: 亿元}, c: {title: 丙, unit: 亿元}}
indicators: {i: {kind: level, of: c}}
"""


@pytest.mark.parametrize("many", [2, 1])
@pytest.mark.parametrize("suffix", [".csv", "frame"])
def test_two_columns_with_decimal_commas_make_those_beside_them_undecided(tmp_path, many, suffix):
    second = ("7,5", "8,25") if many > 1 else ("7.5", "8.25")
    rows = [["A", "5,1", second[0], "1.200"], ["B", "6,2", second[1], "2.300"], ["C", "6", "8", "900"]]
    text = "\n".join(["年份;地区;甲;乙;丙", *(";".join(["2023", *row]) for row in rows), ""])
    (tmp_path / "d.csv").write_text(text)
    head = ["地区", "甲", "乙", "丙"]
    frame = pl.DataFrame({**{name: [row[at] for row in rows] for at, name in enumerate(head)}, "年份": ["2023"] * 3})
    card = kpi.score(tmp_path / "d.csv" if suffix == ".csv" else frame, system=kpi.load(DECIMALS), partly=True)
    values = card.measures.filter((pl.col("measure") == "c") & pl.col("value").is_not_null())["value"].to_list()
    assert sorted(values) == ([900.0] if many > 1 else [1.2, 2.3, 900.0])
    (own, *rest) = [item for item in card.findings_list if item.code == "K635" and item.place.field == "丙"] or [None]
    assert not rest
    assert own is None if many == 1 else str(own.message).startswith("other cells of the table seem")
