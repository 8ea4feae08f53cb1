"""Mutated inputs give a scorecard or findings, never a traceback, and totals that can be recomputed.

`tests/fuzz/run.py` judges as many as wanted; CONTRIBUTING says how.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from cases import FORMATS, GRID, HARMLESS, LOCAL, RAW, SHAPES, TOKENS, Case, Change
from judge import Judge
from run import drawn


@pytest.fixture(scope="module")
def judge():
    judge = Judge()
    yield judge
    judge.close()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_form_as_it_is(judge, shape, form):
    scored = judge.scored
    judge.case(Case(shape, form))
    assert judge.scored == scored + 1


#: Inputs that were treated wrongly once: a cell of 一 or a wide blank in UTF-16, and damaged pages of native formats.
FOUND = [
    Case("records", "jsonl", (Change("blank row", 0, 0),)),
    *(Case(shape, "gb18030", (Change("header", 0, 5, name),)) for shape in ("long", "wide") for name in ("^.*$", "*")),
    Case(
        "long",
        "arrow",
        (Change("cell", 903085457, 927836540, "é"),),
        (Change("set", 457753003, 149945471, "1000000000000000000"),),
    ),
    Case(
        "wide",
        "arrow",
        (Change("delete row", 104223011, 962590788, "9999999999999999999999999"),),
        (
            Change("zero", 775656066, 681007203, "1_000"),
            Change("flip", 1053281620, 14388117, "1.2.3"),
        ),
    ),
    Case("long", "xlsx", (), (Change("swap", 372331955, 655095412),)),
    Case("long", "utf-16-be", (Change("reformat", 1016654710, 408777813),)),
    *(Case("wide", "utf-16-be", (Change("title", 0, 0, token),)) for token in ("一", "开", "\u3000最")),
    Case(
        "records",
        "arrow",
        (Change("delete row", 364855051, 804675750),),
        (
            Change("swap", 768104816, 134918877),
            Change("flip", 791899581, 518460867),
        ),
    ),
    Case("records", "arrow", (), (Change("zero", 632191027, 559378115),)),
    Case("long", "parquet", (Change("delete row", 53164320, 876620842),), (Change("delete", 915011452, 667584310),)),
    Case("long", "arrow", (), (Change("set", 376950192, 454163786),)),
    Case("records", "parquet", (), (Change("set", 121255957, 880766761),)),
    Case("long", "parquet", (), (Change("swap", 932665573, 504102588),)),
    Case("wide", "parquet", (), (Change("swap", 477901400, 978414261),)),
    Case("records", "parquet", (), (Change("swap", 884216989, 596123282),)),
    Case("long", "arrow", (), (Change("swap", 984403930, 888608120),)),
    # A line that calls for no unit, headings that look like patterns, and a damaged file without a column.
    Case(
        "records",
        "utf-8-sig",
        (Change("figure", 303094014, 985976602, "戊县"), Change("title", 379837761, 778615103, "单位：万元-inf")),
    ),
    Case(
        "long",
        "utf-16",
        (
            Change("title", 595352199, 106522220, "^a$"),
            Change("note", 267907095, 936789560, "NULL"),
            Change("shuffle", 464001387, 448012446, "-inf"),
            Change("figure", 553226801, 124935803, "12,345,678.9"),
            Change("repeat column", 309382680, 181122459, "100左右"),
        ),
    ),
    Case("wide", "arrow", (), (Change("swap", 299745663, 582905349, "=1+1"),)),
]


@pytest.mark.parametrize("case", FOUND, ids=lambda case: f"{case.shape}-{case.form}")
def test_what_was_wrong_once(judge, case):
    judge.case(case)


def changes(kinds):
    tokens = st.sampled_from(TOKENS) | st.text(max_size=8)
    numbers = st.integers(0, 1 << 20)
    return st.lists(st.builds(Change, st.sampled_from(sorted(kinds)), numbers, numbers, tokens), max_size=4).map(tuple)


cases = st.builds(
    Case,
    st.sampled_from(sorted(SHAPES)),
    st.sampled_from(sorted(FORMATS)),
    changes(HARMLESS) | changes(HARMLESS | LOCAL) | changes(GRID),
    st.just(()) | changes(RAW),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases)
def test_mutated_inputs(judge, case):
    judge.case(case)


@pytest.mark.slow
def test_a_case_gives_the_same_bytes_whenever_it_is_made():
    """Archives and workbooks carry times, in steps of up to two seconds."""
    created = [Case("long", form, (), (Change("inside", 5, 7),)) for form in FORMATS]
    first = [item.content() for item in created]
    time.sleep(2.1)
    assert [item.content() for item in created] == first


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_many_mutated_inputs(judge, part):
    """Some of each part of a stream of their own; `run.py` judges as many as there is time for."""
    for number in range(1000 * part, 1000 * part + 500):
        judge.case(drawn(3, number))
