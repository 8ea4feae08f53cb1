"""`kpi` as a Python program uses it: what can be given as data and as a system, and what a call leaves untouched."""

from __future__ import annotations

import gc
import io
import json
import locale
import os
import pickle
import random
import signal
import threading
import warnings
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.engine.plan import compile_plan
from kpi.intake import frames
from kpi.language.loading.catalogue import files
from kpi.language.system import CheckedSystem

DEFINITION = {
    "system": "small",
    "period": "year",
    "entities": {"title": "县"},
    "measures": {"all": {"title": "办件量", "unit": "件"}, "online": {"title": "网上办件量", "unit": "件"}},
    "indicators": {"rate": {"kind": "ratio", "numerator": "online", "denominator": "all", "target": {"at_least": 90}}},
    "pillars": {"服务": {"weight": 100, "parts": {"rate": 100}}},
}
TEXT = """\
system: small
period: year
entities: {title: 县}
measures: {all: {title: 办件量, unit: 件}, online: {title: 网上办件量, unit: 件}}
indicators: {rate: {kind: ratio, numerator: online, denominator: all, target: {at_least: 90}}}
pillars: {服务: {weight: 100, parts: {rate: 100}}}
"""
COLUMNS = {"期别": ["2023", "2023"], "县": ["东湖县", "西山区"], "办件量": [200, 100], "网上办件量": [180, 75]}


def changed(**sections):
    return DEFINITION | sections


def scores(card):
    return dict(zip(card.indicators["entity"], card.indicators["value"], strict=True))


RIGHT = {"东湖县": 90.0, "西山区": 75.0}


def refused(call):
    with pytest.raises(kpi.KpiError) as caught:
        call()
    return caught.value.diagnostics


# ---- DATA ---- #


@pytest.mark.parametrize(
    "data",
    [
        COLUMNS,
        [COLUMNS],
        pl.DataFrame(COLUMNS),
        pl.LazyFrame(COLUMNS),
        pd.DataFrame(COLUMNS),
        [pd.DataFrame(COLUMNS)],
        pd.DataFrame(COLUMNS).set_index("县"),
        pd.DataFrame(COLUMNS).set_index(["期别", "县"]),
        pd.DataFrame(COLUMNS | {"办件量": [200, "100"]}),
        pd.DataFrame(COLUMNS | {"办件量": pd.array([200, 100], dtype="Int64")}).astype({"县": "category"}),
        pa.table(COLUMNS),
        pa.RecordBatch.from_pydict(COLUMNS),
        COLUMNS | {"办件量": [200, "100"], "网上办件量": np.array([180, 75])},
        (item for item in [pl.DataFrame(COLUMNS)]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_table_is_read_whatever_holds_it(data):
    assert scores(kpi.score(data, system=DEFINITION)) == RIGHT


def test_a_table_may_be_that_of_a_named_dataset():
    system = changed(datasets={"wide": {"form": "panel"}})
    assert scores(kpi.score([], system=system, data={"wide": pd.DataFrame(COLUMNS)})) == RIGHT


def test_what_pandas_has_no_value_for_is_missing():
    frame = pd.DataFrame(COLUMNS | {"办件量": [float("nan"), 100.0], "网上办件量": pd.Series([None, 75], dtype=object)})
    card = kpi.score(frame, system=DEFINITION)
    assert card.measures.filter(entity="东湖县")["status"].to_list() == ["missing", "missing"]
    assert scores(card)["西山区"] == 75.0


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ([], "K543"),
        ((), "K543"),
        (None, "K556"),
        (5, "K556"),
        (b"a,b", "K556"),
        ([5], "K556"),
        ([[]], "K556"),
        (io.StringIO("a,b\n1,2\n"), "K556"),
        (pl.Series("a", [1]), "K556"),
        (pl.DataFrame(COLUMNS).group_by("县"), "K556"),
        ({}, "K556"),
        ({"wide": "period.csv"}, "K556"),
        ({"wide": pl.DataFrame(COLUMNS)}, "K556"),
        ([{"县": "东湖县", "办件量": 200}], "K556"),
        ({"县": ["东湖县", "西山区"], "办件量": [200]}, "K557"),
        (pa.chunked_array([[1, 2]]), "K557"),
        (pd.DataFrame(COLUMNS, index=["一", "二"]), "K557"),
        (pd.DataFrame([[1, 2]], columns=["县", "县"]), "K508"),
        (pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "b"), ("a", "c")])), "K557"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_holds_no_table_is_refused_in_words(data, code):
    (result,) = refused(lambda: kpi.score(data, system=DEFINITION))
    assert result.code == code
    assert result.hint


@pytest.mark.parametrize(
    "cells",
    [
        np.array([1j, 2]),
        np.array([1, 2], dtype=np.longdouble),
        pd.Series(["\ud800", "2"], dtype=object),
    ],
    ids=["complex", "longdouble", "surrogate"],
)
def test_every_column_that_cannot_be_taken_over_is_named(cells):
    result = refused(lambda: kpi.score(pd.DataFrame(COLUMNS | {"办件量": cells, "x": cells}), system=DEFINITION))
    assert [(item.code, item.place.field) for item in result] == [("K557", "办件量"), ("K557", "x")]


@pytest.mark.parametrize("make", [list, lambda cells: np.array(cells, dtype=object), pd.Series])
@pytest.mark.parametrize("odd", ["NaN", "sNaN", "Infinity", "1e50"])
def test_a_decimal_that_is_no_figure_costs_its_cell_alone(make, odd):
    card = kpi.score(COLUMNS | {"办件量": make([Decimal(odd), 100])}, system=DEFINITION, partly=True)
    assert card.measures.filter(measure="all", entity="东湖县")["value"].to_list() == [None]
    assert scores(card)["西山区"] == RIGHT["西山区"]


def test_a_set_is_no_column():
    (result,) = refused(lambda: kpi.score(COLUMNS | {"办件量": {200, 100}}, system=DEFINITION))
    assert (result.code, "办件量" in result.message) == ("K556", True)


def test_a_surrogate_in_a_list_is_a_finding():
    (result,) = refused(lambda: kpi.score(COLUMNS | {"县": ["\ud800", "西山区"]}, system=DEFINITION))
    assert (result.code, result.place.field) == ("K557", "县")


def test_the_type_that_holds_no_table_is_named():
    (result,) = refused(lambda: kpi.score(3.5, system=DEFINITION))
    assert "float" in result.message


def test_the_keys_of_a_mapping_are_never_opened_as_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in COLUMNS:
        Path(name).write_text("地区,数值\n东湖县,1\n", "utf-8")
    assert scores(kpi.score(COLUMNS, system=DEFINITION)) == RIGHT


def test_a_dataset_that_there_is_not_is_refused():
    (result,) = refused(lambda: kpi.score([], system=DEFINITION, data={"wied": pl.DataFrame(COLUMNS)}))
    assert (result.code, "wied" in result.message) == ("K204", True)
    (result,) = refused(lambda: kpi.score([], system=DEFINITION, data=[pl.DataFrame(COLUMNS)]))
    assert (result.code, "list" in result.message) == ("K556", True)


def test_a_column_of_texts_and_numbers_keeps_each_cell():
    (frame,) = frames.sources({"a": [1, "约12", None, 2.5]})
    assert frame["a"].to_list() == ["1", "约12", None, "2.5"]


@pytest.mark.parametrize("period", ["2023", 2023])
def test_a_period_may_be_a_number(period):
    assert kpi.score(COLUMNS, system=DEFINITION, period=period).periods == ["2023"]


# ---- SYSTEMS ---- #


def test_a_system_is_loaded_from_whatever_says_it(tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text(TEXT, "utf-8")
    forms = [DEFINITION, TEXT, file, str(file), kpi.load(file), kpi.System.model_validate(DEFINITION)]
    for form in forms:
        assert isinstance(kpi.load(form), CheckedSystem)
        assert scores(kpi.score(COLUMNS, system=form)) == RIGHT
    assert kpi.load("small", definitions=tmp_path).system == "small"
    assert kpi.load("{" + ", ".join(TEXT.splitlines()) + "}").system == "small"


MISTAKES = {
    "a misspelt measure": ("K203", changed(indicators={"rate": {"kind": "level", "of": "onlin"}}, pillars={})),
    "a misspelt part": ("K203", changed(pillars={"服务": {"weight": 100, "parts": {"rat": 100}}})),
    "a wrong unit": ("K305", changed(measures={"all": {"unit": "件件件"}, "online": {"unit": "件"}})),
    "a target of another unit": (
        "K303",
        changed(indicators={"rate": {"kind": "level", "of": "all", "target": {"at_least": "3 亿元"}}}, pillars={}),
    ),
    "a circle": ("K406", changed(pillars={"服务": {"weight": 100, "parts": {"服务": 1, "rate": 1}}})),
    "a roster that is not there": ("K107", changed(entities={"roster": "nowhere.csv"})),
    "a targets file that is not there": (
        "K107",
        changed(indicators={"rate": {"kind": "level", "of": "all", "target": {"at_least": {"file": "nowhere.csv"}}}}),
    ),
}


@pytest.mark.parametrize(("code", "tree"), MISTAKES.values(), ids=MISTAKES)
def test_no_system_is_scored_unchecked(code, tree):
    system = kpi.System.model_validate(tree)
    for call in (
        lambda: kpi.score(COLUMNS, system=system),
        lambda: kpi.score(COLUMNS, system=tree),
        lambda: kpi.stress(COLUMNS, system=system),
        lambda: kpi.load(tree),
        lambda: kpi.load(kpi.load(DEFINITION).model_copy(update=dict(system))),
    ):
        result = refused(call)
        assert code in {item.code for item in result}
    assert code in {item.code for item in kpi.check(data=COLUMNS, system=system)}


def test_all_mistakes_of_a_mapping_come_at_once_with_the_keys_that_lead_to_them():
    tree = changed(indicators={"rate": {"kind": "ratio", "numerator": "onlin", "denominator": "al"}}, pillars={})
    result = refused(lambda: kpi.load(tree))
    assert [(item.code, item.place.file) for item in result] == [
        ("K203", "indicators.rate.numerator"),
        ("K203", "indicators.rate.denominator"),
    ]
    (result,) = refused(lambda: kpi.load(changed(period="quarterly")))
    assert (result.code, result.place.file) == ("K113", "period")


def test_what_was_checked_before_does_not_hold_for_a_copy():
    system = kpi.load(DEFINITION)
    assert system.symbols["online"].title == "网上办件量"
    measures = {"all": system.measures["all"], "online": system.measures["online"].model_copy(update={"title": "网办"})}
    copied = system.model_copy(update={"measures": measures})
    assert not isinstance(copied, CheckedSystem)
    assert copied.symbols["online"].title == "网办"


@pytest.mark.parametrize(
    "given", [5, "", None, ["small"], pl.DataFrame(COLUMNS)], ids=lambda value: type(value).__name__
)
def test_what_is_no_system_is_refused_in_words(given):
    (result,) = refused(lambda: kpi.load(given))
    assert result.code == "K116"


# ---- THE MODULE AND ITS HOST ---- #


def test_dir_lists_the_interface():
    listed = {name for name in dir(kpi) if not name.startswith("_")}
    assert listed == set(kpi.__all__) - {"__version__"}
    assert {"load", "score", "check", "stress", "KpiError"} <= listed
    for name in listed:
        assert getattr(kpi, name) is not None


def state():
    """Everything of the process that a library must leave to its host."""
    return (
        dict(os.environ),
        pl.Config.state(),
        {number: signal.getsignal(number) for number in signal.valid_signals()},
        list(warnings.filters),
        locale.setlocale(locale.LC_ALL),
        random.getstate(),
        str(np.random.get_state()),  # noqa: NPY002 - the state of the whole process is meant
        gc.get_threshold(),
        Path.cwd(),
        threading.excepthook,
    )


EVENTS = """\
system: events
period: month
entities: {title: 县}
datasets: {cases: {form: records, columns: {period: 日期, entity: 县}}}
measures:
  all: {kind: count, unit: 件, from: cases}
  days: {kind: sum, of: 用时, unit: 天, from: cases}
indicators: {mean: {kind: ratio, numerator: days, denominator: all, unit: 天/件}}
"""


def test_a_call_changes_nothing_of_the_process_in_any_thread(tmp_path):
    rows = 120_000  # above the size from which sums are made in few bits
    days = pl.DataFrame({"日期": ["2023-01-05", "2023-02-06"], "县": ["东湖县", "西山区"], "用时": [3, 4]})
    pl.concat([days] * (rows // 2)).write_parquet(tmp_path / "cases.parquet")
    before, seen, cards = state(), [], []

    def work():
        cards.append(kpi.score(tmp_path / "cases.parquet", system=EVENTS))
        cards.append(kpi.score(pd.DataFrame(COLUMNS), system=TEXT))
        seen.append(state())

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        seen.append(state())
        thread.join(0.01)
    assert len(cards) == 2
    assert [item for item in seen if item != before] == []
    assert state() == before


# ---- FROZEN ALL THE WAY ---- #


def mappings(value, path=()):
    """Yield every mapping inside a definition, with the way to it."""
    if isinstance(value, dict):
        yield path, value
        for key, inner in value.items():
            yield from mappings(inner, (*path, key))
    elif isinstance(value, tuple):
        for place, inner in enumerate(value):
            yield from mappings(inner, (*path, place))
    elif hasattr(type(value), "model_fields"):
        for name in type(value).model_fields:
            yield from mappings(getattr(value, name), (*path, name))


@pytest.mark.parametrize("name", sorted(files()))
def test_no_mapping_of_a_system_can_be_changed(name):
    system = kpi.load(name)
    result = dict(mappings(system))
    assert ("measures",) in result
    for path, mapping in result.items():
        for change in (
            lambda some: some.update({"x": 1}), lambda some: some.clear(), lambda some: some.popitem(),
            lambda some: some.setdefault("x", 1), lambda some: some.__setitem__("x", 1), lambda some: some.__ior__({}),
            lambda some: some.pop("x", None), lambda some: some.__delitem__(next(iter(some), None)),
        ):  # fmt: skip
            with pytest.raises(TypeError, match="cannot be changed"):
                change(mapping)
        assert path


def test_equal_systems_have_one_hash_and_others_another():
    item, twin = kpi.load("jiaxing-2022"), kpi.load("jiaxing-2022")
    assert (hash(item), item) == (hash(twin), twin)
    other = item.model_copy(update={"title": "别的"})
    assert hash(other) != hash(item)
    assert {item: 1}[twin] == 1


def test_another_folder_makes_another_system(tmp_path):
    system = kpi.load("jiaxing-2022")
    home = system.home
    moved = system.at(tmp_path)
    assert (system.home, moved.home, moved is system) == (home, tmp_path, False)
    assert isinstance(moved, CheckedSystem)
    assert (moved.symbols, moved.tops) == (system.symbols, system.tops)


def test_a_system_is_compiled_once_and_a_copy_anew():
    system = kpi.load("jiaxing-2022")
    assert compile_plan(system) is compile_plan(system)
    assert compile_plan(system.model_copy(update={"note": "x"})) is not compile_plan(system)
    assert not {"plan", "symbols"} & vars(pickle.loads(pickle.dumps(system))).keys()  # noqa: S301 - its own


def test_a_system_survives_a_process_boundary():
    system = kpi.load("jiaxing-2022")
    twin = pickle.loads(pickle.dumps(system))  # noqa: S301 - its own
    assert (twin, twin.home, isinstance(twin, CheckedSystem)) == (system, system.home, True)
    with pytest.raises(TypeError):
        twin.measures.clear()


@pytest.mark.parametrize("header", ["row\n", "row\n\n", "row", "cast\n", "measure\n"])
def test_headers_with_line_breaks_do_not_meet_our_own(header, tmp_path):
    rows = {
        "期别": ["2023", "2023"],
        "县": ["甲县", "乙县"],
        header: ["x", "y"],
        "办件量": [100, 50],
        "网上办件量": [90, 40],
    }
    expected = [80.0, 90.0]  # without a roster in the order of names
    frame = pl.DataFrame(rows)
    frame.write_parquet(tmp_path / "data.parquet")
    frame.write_ipc(tmp_path / "data.arrow")
    (tmp_path / "data.json").write_text(json.dumps(frame.to_dicts(), ensure_ascii=False), "utf-8")
    (tmp_path / "data.jsonl").write_text(frame.write_ndjson(), "utf-8")
    for data in (frame, frame.to_pandas(), *sorted(tmp_path.iterdir())):
        assert kpi.score(data, system=DEFINITION).indicators["value"].to_list() == expected


@pytest.mark.parametrize("header", ["^a$", "^.*$", "*"])
def test_a_header_is_no_pattern(header, tmp_path):
    rows = {header: ["x", "3"], "期别": ["2023", "2023"], "县": ["甲县", "乙县"]}
    frame = pl.DataFrame(rows | {"办件量": [100, 50], "网上办件量": [90, 40]})
    frame.write_csv(tmp_path / "data.csv")
    frame.write_excel(tmp_path / "data.xlsx")
    for data in (frame, tmp_path / "data.csv", tmp_path / "data.xlsx"):
        assert kpi.score(data, system=DEFINITION).indicators["value"].to_list() == [80.0, 90.0]
    for file in (tmp_path / "data.csv", tmp_path / "data.xlsx"):
        done = CliRunner().invoke(main, ["init", str(file), "-o", str(tmp_path / f"of_{file.suffix[1:]}")])
        assert done.exit_code == 0, done.output
