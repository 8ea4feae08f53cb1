"""Disclosure rules: small figures, what protects them, and what is computed from them is in no output."""

from __future__ import annotations

import io
import math
import zipfile
from typing import Any

import numpy as np
import polars as pl
import pytest

import kpi
from kpi.analysis.diff import diff, side
from kpi.analysis.disclosure.cells import Relation, Table, tables
from kpi.analysis.disclosure.protection import _hidden
from kpi.analysis.disclosure.tau_argus import secondary
from kpi.analysis.disclosure.worlds import worlds
from kpi.analysis.explain import explain
from kpi.analysis.next_level import ahead
from kpi.analysis.robustness import stressed
from kpi.analysis.way_up import way_up
from kpi.analysis.what_if import what_if
from kpi.language.sensitive import sensitive
from kpi.report.formats import FORMATS
from kpi.report.results import ScorecardReport
from kpi.report.shape import Screen

SYSTEM: dict[str, Any] = {
    "system": "small", "period": "quarter", "entities": {"title": "县区"},
    "measures": {
        "cases": {"title": "办件总量", "unit": "件"}, "online": {"title": "网上办件量", "unit": "件"},
        "offline": {"title": "窗口办件量", "unit": "件"}, "complaints": {"title": "投诉量", "unit": "件"},
    },
    "indicators": {
        "rate": {"kind": "ratio", "title": "网上办件率", "numerator": "online", "denominator": "cases",
                 "target": {"at_least": 90}},
        "bad": {"kind": "ratio", "title": "投诉率", "numerator": "complaints", "denominator": "cases", "unit": "‰",
                "target": {"at_most": 4}},
        "growth": {"kind": "growth", "title": "投诉增速", "of": "complaints", "over": "1q"},
    },
    "checks": {"whole": {"parts": ["online", "offline"], "whole": "cases"}},
    "pillars": {"政务": {"weight": 100, "parts": {"rate": 70, "bad": 30}}},
    "stars": {"kind": "bands", "cuts": {5: 95, 4: 90, 3: 80, 2: 60, 1: 0}},
    "disclosure": {"threshold": 5, "of": ["complaints", "offline"]},
}  # fmt: skip
UNITS = ("东湖县", "南岭市", "西山区", "北海县", "中原县", "上河县", "下河县")
#: Cases, online, complaints of each unit in two quarters; offline is what is left.
FIGURES = {
    "2023Q4": ((470, 400, 9), (2100, 1860, 31), (930, 800, 58), (1480, 1280, 11), (690, 640, 14), (300, 270, 7),
               (800, 700, 25)),
    "2024Q1": ((480, 410, 3), (2115, 1870, 37), (934, 800, 60), (1500, 1300, 12), (700, 697, 0), (310, 280, 8),
               (820, 715, 26)),
}  # fmt: skip


def frame(figures=FIGURES) -> pl.DataFrame:
    rows = [
        {
            "期别": period,
            "县区": unit,
            "办件总量": cases,
            "网上办件量": online,
            "窗口办件量": cases - online,
            "投诉量": bad,
        }
        for period, units in figures.items()
        for unit, (cases, online, bad) in zip(UNITS, units, strict=True)
    ]
    return pl.DataFrame(rows)


def system(**changes: Any) -> dict[str, Any]:
    return SYSTEM | {"disclosure": SYSTEM["disclosure"] | changes}


@pytest.fixture(scope="module")
def card():
    return kpi.score(frame(), system=system())


def hidden(card, table="measures"):
    return card.table(table).filter(pl.col("status") == "suppressed")


# ---- WHAT IS SUPPRESSED ---- #


def test_small_counts_and_further_figures_are_suppressed(card):
    own = hidden(card).filter(period="2024Q1")
    assert ("东湖县", "complaints") in own.select("entity", "measure").rows()  # 3
    assert ("中原县", "offline") in own.select("entity", "measure").rows()  # 3 = 700 - 697
    assert own.filter(measure="complaints").height == 2, "the total over all units gives a single one away"
    # 700 = 697 + 3 in the unit, and the totals of all three measures.
    assert own.filter(pl.col("measure") != "complaints").height >= 4
    assert own["value"].null_count() == own.height
    assert own["rows"].null_count() == own.height
    assert hidden(card).filter(period="2023Q4").is_empty()
    zero = card.measures.filter(period="2024Q1", entity="中原县", measure="complaints")
    assert zero.select("value", "status").row(0) == (0.0, "ok"), "0 is no small count unless `zeros`"


def test_what_is_computed_from_them_is_suppressed_with_its_own_status(card):
    rate = card.indicators.filter(period="2024Q1", entity="东湖县", indicator="bad").row(0, named=True)
    assert rate["status"] == rate["score_status"] == "suppressed"
    assert [rate[key] for key in ("value", "attainment", "score", "points")] == [None] * 4
    total = card.totals.filter(period="2024Q1", entity="东湖县").row(0, named=True)
    assert (total["score"], total["raw_score"], total["status"]) == (None, None, "suppressed")
    before = card.totals.filter(period="2023Q4", entity="东湖县").row(0, named=True)
    assert before["status"] == "ok"
    assert before["score"] is not None
    growth = card.indicators.filter(period="2024Q1", entity="东湖县", indicator="growth").row(0, named=True)
    assert (growth["value"], growth["status"]) == (None, "suppressed")


def test_no_value_without_the_status_ok_and_no_status_without_reason(card):
    for table in ("totals", "pillars", "indicators", "measures"):
        column = {"totals": "raw_score", "pillars": "score"}.get(table, "value")
        rows = card.table(table)
        assert ((rows["status"] == "ok") == rows[column].is_not_null()).all(), table


def test_words_in_both_languages(card):
    with kpi.using_language("en"):
        assert "suppressed (confidential)" in ScorecardReport(card).text(Screen(width=120))
    with kpi.using_language("zh"):
        assert "已抑制（保密）" in ScorecardReport(card).text(Screen(width=120))


def test_a_finding_counts_what_is_suppressed(card):
    (finding,) = [item for item in card.findings_list if item.code == "K962"]
    assert "suppressed: 2 figures" in str(finding.message)


def test_without_small_figures_nothing_changes():
    plain = kpi.score(frame(), system={key: value for key, value in SYSTEM.items() if key != "disclosure"})
    rules = kpi.score(frame(), system=system(threshold=2, of=["cases"]))
    assert rules.totals.equals(plain.totals)
    assert not rules.worlds


def test_zeros_where_they_are_confidential():
    card = kpi.score(frame(), system=system(of=["complaints"], zeros=True, totals="none"))
    assert set(hidden(card)["entity"]) == {"东湖县", "中原县"}


def test_figures_with_few_contributors():
    rules = {"threshold": 3, "contributors": {"cases": "online"}, "totals": "none"}
    figures = {"2024Q1": tuple((cases, 2 if at == 4 else online, bad)
                               for at, (cases, online, bad) in enumerate(FIGURES["2024Q1"]))}  # fmt: skip
    changed = {key: value for key, value in SYSTEM.items() if key != "checks"} | {"disclosure": rules}
    card = kpi.score(frame(figures), system=changed)
    assert hidden(card).select("entity", "measure").rows() == [("中原县", "cases")]


def test_totals_of_groups_are_protected_too():
    """The total of the small units is known too: another small one has to be suppressed."""
    groups = {"规模": {"of": "cases", "cuts": {"大": 900, "小": 0}}}
    changed = system(of=["complaints"], totals=["all", "规模"]) | {"groups": groups}
    card = kpi.score(frame(), system=changed)
    own = hidden(card).filter(measure="complaints", period="2024Q1")["entity"].to_list()
    small = {"东湖县", "中原县", "上河县", "下河县"}
    assert "东湖县" in own
    assert len(set(own) & small) >= 2
    first, second, third, fourth, *rest = FIGURES["2024Q1"]
    cheap = {"2024Q1": (first, (*second[:2], 5), third, fourth, *((*item[:2], 400) for item in rest))}
    assert set(hidden(kpi.score(frame(cheap), system=system(of=["complaints"])))["entity"]) == {"东湖县", "南岭市"}
    both = set(hidden(kpi.score(frame(cheap), system=changed))["entity"])
    assert len(both & small) >= 2


# ---- ATTACKS ---- #


def known_relations(rows: pl.DataFrame) -> list[tuple[dict[tuple[str, str], float], float]]:
    """The relations between measures that every reader of a period knows, from the true figures."""
    figures = {(unit, name): float(value) for unit, name, value in rows.select("entity", "measure", "value").rows()}
    relations = []
    for name in ("cases", "online", "offline", "complaints"):
        cells = {(unit, name): 1.0 for unit in UNITS}
        relations.append((cells, sum(figures[cell] for cell in cells)))
    parts = {"online": 1.0, "offline": 1.0, "cases": -1.0}
    return relations + [({(unit, name): factor for name, factor in parts.items()}, 0.0) for unit in UNITS]


def attacked(published: pl.DataFrame, ratios: pl.DataFrame, relations) -> dict[tuple[str, str], tuple[float, float]]:
    """Return between which values a linear programme narrows each suppressed figure from all published numbers."""
    from scipy.optimize import linprog

    cells = published.select("entity", "measure").rows()
    at = {cell: place for place, cell in enumerate(cells)}
    rows, right = [], []
    bounds = [(0.0, None)] * len(cells)
    for unit, name, value in published.select("entity", "measure", "value").rows():
        if value is not None:
            bounds[at[unit, name]] = (value, value)
    for factors, number in relations:
        row = np.zeros(len(cells))
        for cell, factor in factors.items():
            row[at[cell]] = factor
        rows.append(row)
        right.append(number)
    sides = {"rate": ("online", "cases", 100), "bad": ("complaints", "cases", 1000)}
    for unit, name, value in ratios.select("entity", "indicator", "value").rows():
        if value is not None and name in sides:
            above, below, scale = sides[name]
            row = np.zeros(len(cells))
            row[at[unit, above]], row[at[unit, below]] = scale, -value
            rows.append(row)
            right.append(0.0)
    result = {}
    for cell in published.filter(pl.col("value").is_null()).select("entity", "measure").rows():
        ends = []
        for sign in (1, -1):
            goal = np.zeros(len(cells))
            goal[at[cell]] = sign
            solution = linprog(goal, A_eq=np.array(rows), b_eq=np.array(right), bounds=bounds)
            ends.append(math.inf if solution.status == 3 else sign * solution.fun)
        result[cell] = (ends[0], ends[1])
    return result


def test_an_attacker_with_all_published_numbers_cannot_narrow_a_small_count(card):
    plain = kpi.score(frame(), system={key: value for key, value in SYSTEM.items() if key != "disclosure"})
    published = card.measures.filter(period="2024Q1")
    ratios = card.indicators.filter(period="2024Q1")
    intervals = attacked(published, ratios, known_relations(plain.measures.filter(period="2024Q1")))
    for cell in (("东湖县", "complaints"), ("中原县", "offline")):
        low, high = intervals[cell]
        assert low <= 1 + 1e-6, cell
        assert high >= 4 - 1e-6, cell


def test_the_attack_succeeds_without_secondary_suppression(card):
    """The attack is one: with the further figures given back it finds the count."""
    plain = kpi.score(frame(), system={key: value for key, value in SYSTEM.items() if key != "disclosure"})
    truth = plain.measures.filter(period="2024Q1")
    small = pl.struct("entity", "measure").is_in(
        [{"entity": "东湖县", "measure": "complaints"}, {"entity": "中原县", "measure": "offline"}]
    )
    naive = truth.with_columns(value=pl.when(~small).then("value"))
    nothing = plain.indicators.clear()
    intervals = attacked(naive, nothing, known_relations(truth))
    assert intervals["东湖县", "complaints"] == pytest.approx((3, 3))
    assert intervals["中原县", "offline"] == pytest.approx((3, 3))


def test_other_figures_give_every_published_number(card):
    """The data of each world, scored without rules, agree with the publication in every number that it has."""
    assert len(card.worlds) > 1
    reached: dict[tuple[str, str], list[float]] = {}
    plain = {key: value for key, value in SYSTEM.items() if key != "disclosure"}
    truth = kpi.score(frame(), system=plain)
    for world in card.worlds[1:]:
        figures = other_figures(card, world)
        other = kpi.score(figures, system=plain)
        for unit, name in (("东湖县", "投诉量"), ("中原县", "窗口办件量")):
            row = figures.filter(期别="2024Q1", 县区=unit)
            reached.setdefault((unit, name), []).append(row[name].item())
        agree(card, other)
        # And what readers know besides holds: the totals and the parts.
        for name in ("办件总量", "网上办件量", "窗口办件量", "投诉量"):
            assert figures.filter(期别="2024Q1")[name].sum() == frame().filter(期别="2024Q1")[name].sum()
        assert (figures["网上办件量"] + figures["窗口办件量"] == figures["办件总量"]).all()
    agree(card, truth)
    assert all({1.0, 4.0} <= set(values) for values in reached.values()), reached


def other_figures(card, world: pl.DataFrame) -> pl.DataFrame:
    """The rows of data with the figures of a world, from the solutions that made it."""
    number = next(place for place, item in enumerate(card.worlds) if item is world) - 1
    rules = sensitive(card.definition)
    titles = {name: card.definition.symbols[name].title for name in card.definition.measures}
    rows = frame().with_columns(pl.col(pl.Int64).cast(pl.Float64))
    for table in tables(card.definition, card.worlds[0], rules):
        (pattern,) = secondary([table])
        assert pattern is not None
        solutions = worlds(table, sorted({*table.ends, *pattern})).values
        for (row, name), value in solutions[min(number, len(solutions) - 1)].items():
            period, entity = table.places[row]
            here = pl.col("期别") == card.labels[period]
            here &= pl.col("县区") == card.entities["entity"][entity]
            rows = rows.with_columns(pl.when(here).then(pl.lit(value)).otherwise(titles[name]).alias(titles[name]))
    return rows


def agree(card, other) -> None:
    keys = {"totals": ["period", "entity"], "pillars": ["period", "entity", "pillar"],
            "indicators": ["period", "entity", "indicator"], "measures": ["period", "entity", "measure"]}  # fmt: skip
    for table, names in keys.items():
        both = card.table(table).join(other.table(table), on=names, suffix="_other")
        assert both.height == card.table(table).height
        for column in card.table(table).columns:
            if column in names or column in ("status", "score_status"):
                continue
            pair = both.filter(pl.col(column).is_not_null()).select(column, f"{column}_other")
            if pair.schema[column].is_float():
                assert pair[column].to_list() == pytest.approx(pair[f"{column}_other"].to_list(), rel=1e-9), column
            else:
                assert pair[column].to_list() == pair[f"{column}_other"].to_list(), (table, column)


# ---- ALL OUTPUTS ---- #

#: Figures of the sample that occur nowhere else: a rate of complaints, a score, a total, all with the small count 3.
RATE, SCORE = 3 / 480 * 1000, 4 / (3 / 480 * 1000) * 100


def texts_of(content: bytes) -> str:
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            return "\n".join(file.read(name).decode("utf-8", "replace") for name in file.namelist())
    return content.decode("utf-8", "replace")


@pytest.mark.parametrize("form", [form.name for form in FORMATS if form.name not in ("parquet", "pdf")])
def test_no_output_has_a_suppressed_figure(form):
    figures = {"2024Q1": ((487, 410, 3), *FIGURES["2024Q1"][1:])}
    open_card = kpi.score(frame(figures), system={k: v for k, v in SYSTEM.items() if k != "disclosure"})
    card = kpi.score(frame(figures), system=system())
    encode = next(item.encode for item in FORMATS if item.name == form)
    rate = open_card.indicators.filter(entity="东湖县", indicator="bad")["value"].item()
    total = open_card.totals.filter(entity="东湖县")["score"].item()
    shown, published = texts_of(encode(ScorecardReport(open_card))), texts_of(encode(ScorecardReport(card)))
    tokens = [f"{total:.2f}", f"{rate:.4f}"[:-1], f"{rate:.6g}"[:5]]
    assert any(token in shown for token in tokens), "the figures can be seen where nothing is suppressed"
    assert not [token for token in tokens if token in published]


def test_explanations_have_no_suppressed_figure(card):
    node = explain(card, "东湖县", period="2024Q1")

    def nodes(item):
        yield item
        for part in item.parts:
            yield from nodes(part)

    bad = [item for item in nodes(node) if item.name in ("complaints", "bad")]
    assert bad
    assert all(item.status == "suppressed" and item.value is None and item.score is None for item in bad)
    assert node.score is None
    assert ahead(card, "东湖县", "2024Q1") is None


def test_questions_about_other_values_are_refused_where_the_answer_would_show_them(card):
    with pytest.raises(kpi.DataError) as caught:
        what_if(card, {"东湖县.网上办件率": 95})
    assert caught.value.diagnostics[0].code == "K966"
    with pytest.raises(kpi.DataError) as caught:
        way_up(card, "东湖县", 5)
    assert caught.value.diagnostics[0].code == "K966"
    open_unit = "南岭市"
    assert open_unit not in hidden(card)["entity"].to_list()
    after = what_if(card, {f"{open_unit}.网上办件率": 99})
    assert "东湖县" not in after.totals.drop_nulls("score").filter(period="2024Q1")["entity"].to_list()


def test_analyses_use_what_is_published_alone(card):
    """A small count that is another gives the same analysis to the last bit."""
    ranks = []
    figures = []
    for count, other in ((3, 5), (2, 6)):
        first, second, third, fourth, *rest = FIGURES["2024Q1"]
        figures.append({"2024Q1": ((*first[:2], count), second, third, (*fourth[:2], other), *rest)})
        result = kpi.score(frame(figures[-1]), system=system(of=["complaints"]))
        assert set(hidden(result)["entity"]) == {"东湖县", "北海县"}
        robustness = stressed(result, runs=50)
        assert any(item.code == "K965" for item in robustness.card.findings_list)
        ranks.append(robustness.ranks)
    assert ranks[0].equals(ranks[1])


def test_differences_have_no_suppressed_figure():
    before = kpi.score(frame({"2024Q1": FIGURES["2023Q4"]}), system=system())
    after = kpi.score(frame({"2024Q1": FIGURES["2024Q1"]}), system=system())
    result = diff(side(before, "before"), side(after, "after"))
    row = result.figures.filter(entity="东湖县", measure="complaints").row(0, named=True)
    assert (row["value_before"], row["value"], row["status"]) == (9.0, None, "suppressed")


def test_findings_about_units_with_suppressed_figures_have_no_words():
    rows = frame({"2024Q1": FIGURES["2024Q1"]})
    more = SYSTEM["checks"] | {"few": {"expr": "complaints >= 10", "severity": "warning"}}
    plain = {key: value for key, value in SYSTEM.items() if key != "disclosure"} | {"checks": more}
    assert [item for item in kpi.score(rows, system=plain).findings_list if item.place.entity == "东湖县"]
    card = kpi.score(rows, system=system() | {"checks": more})
    about = [item for item in card.findings_list if item.place.entity == "东湖县"]
    assert about
    assert all("withheld" in str(item.message) and "complaints" not in str(item.hint) for item in about)


def test_what_is_kept_is_reported():
    card = kpi.score(frame(), system=system(keep=["totals", "ranks", "stars"]))
    plain = kpi.score(frame(), system={key: value for key, value in SYSTEM.items() if key != "disclosure"})
    columns = ["period", "entity", "score", "rank", "stars", "status"]
    assert card.totals.select(columns).equals(plain.totals.select(columns))
    assert hidden(card).height > 0
    (finding,) = [item for item in card.findings_list if item.code == "K964"]
    assert "can narrow" in str(finding.message)


# ---- SECONDARY SUPPRESSION ---- #


def table(values, ends, relations):
    bounds = {cell: ends.get(cell, (0.0, 1000.0)) for cell in values}
    return Table((0,), values, ends, bounds, frozenset(values), tuple(relations))


def test_the_pattern_is_the_cheapest():
    values = {(0, "a"): 3.0, (1, "a"): 20.0, (2, "a"): 500.0, (3, "a"): 90.0}
    total = Relation(dict.fromkeys(values, 1.0), 613.0, 613.0)
    (pattern,) = secondary([table(values, {(0, "a"): (1.0, 4.0)}, [total])])
    assert pattern == {(1, "a")}


def test_two_small_counts_may_not_protect_each_other():
    """1 + 1 = 2 gives both away: neither can be 4."""
    values = {(0, "a"): 1.0, (1, "a"): 1.0, (2, "a"): 30.0}
    ends = {(0, "a"): (1.0, 4.0), (1, "a"): (1.0, 4.0)}
    total = Relation(dict.fromkeys(values, 1.0), 32.0, 32.0)
    (pattern,) = secondary([table(values, ends, [total])])
    assert pattern == {(2, "a")}


def test_inequalities_are_known_to_readers():
    """A part is at most its whole: a whole of 3 that is published bounds it."""
    values = {(0, "part"): 2.0, (0, "whole"): 3.0}
    ends = {(0, "part"): (1.0, 4.0)}
    inequality = Relation({(0, "part"): 1.0, (0, "whole"): -1.0}, None, 0.0)
    problem = table(values, ends, [inequality])
    (pattern,) = secondary([problem])
    assert pattern == {(0, "whole")}
    result = worlds(problem, [(0, "part"), (0, "whole")])
    assert not result.narrow
    assert max(world[0, "part"] for world in result.values) == 4.0
    assert all(world[0, "part"] <= world[0, "whole"] for world in result.values)


def test_what_no_pattern_protects_is_reported():
    values = {(0, "a"): 3.0}
    problem = table(values, {(0, "a"): (1.0, 4.0)}, [Relation({(0, "a"): 1.0}, 3.0, 3.0)])
    assert secondary([problem]) == [None]
    assert worlds(problem, [(0, "a")]).narrow == ((0, "a"),)
    rows = frame().filter(期别="2024Q1", 县区="东湖县")
    card = kpi.score(rows, system=system(of=["complaints"]))
    assert [item.code for item in card.findings_list if item.code == "K963"] == ["K963"]
    assert hidden(card)["entity"].to_list() == ["东湖县"]


@pytest.mark.parametrize("seed", range(12))
def test_worlds_of_random_tables_keep_what_readers_know(seed):
    """Units by parts with totals on both sides, and a part that is at most another."""
    random = np.random.default_rng(seed)
    units, parts = int(random.integers(3, 9)), int(random.integers(2, 4))
    values = {(unit, f"p{part}"): float(random.integers(1, 40)) for unit in range(units) for part in range(parts)}
    values |= {(unit, "whole"): sum(values[unit, f"p{part}"] for part in range(parts)) for unit in range(units)}
    ends = {cell: (1.0, 4.0) for cell, value in values.items() if value < 5 and cell[1] != "whole"}
    relations = [
        Relation({(unit, f"p{part}"): 1.0 for part in range(parts)} | {(unit, "whole"): -1.0}, 0.0, 0.0)
        for unit in range(units)
    ]
    for name in (*(f"p{part}" for part in range(parts)), "whole"):
        total = sum(values[unit, name] for unit in range(units))
        relations.append(Relation({(unit, name): 1.0 for unit in range(units)}, total, total))
    relations += [
        Relation({(unit, "p0"): 1.0, (unit, "p1"): -1.0}, None, 0.0)
        for unit in range(units) if values[unit, "p0"] <= values[unit, "p1"]
    ]  # fmt: skip
    problem = table(values, ends, relations)
    (pattern,) = secondary([problem])
    if pattern is None:
        assert units == 3
        return
    cells = sorted({*ends, *pattern})
    result = worlds(problem, cells)
    assert not result.narrow
    for world in result.values:
        assert set(world) == set(cells)
        assert all(value == round(value) and value >= 0 for value in world.values())
        for relation in relations:
            number = sum(factor * world.get(cell, values[cell]) for cell, factor in relation.factors.items())
            assert number <= relation.high + 1e-6
            assert relation.low is None or number >= relation.low - 1e-6
    for cell in ends:
        reached = {values[cell], *(world[cell] for world in result.values)}
        assert {1.0, 4.0} <= reached, cell


def test_totals_of_years_and_headlines_have_no_suppressed_figure():
    quarters = ("2023Q1", "2023Q2", "2023Q3", "2023Q4")
    figures = {label: FIGURES["2024Q1" if label == "2023Q2" else "2023Q4"] for label in quarters}
    changed = {key: value for key, value in system(of=["complaints"]).items() if key != "checks"} | {
        "totals_over": {"period": "year", "by": "mean", "at_least": 1},
        "pillars": SYSTEM["pillars"] | {"投诉": {"weight": 0, "parts": {"bad": 100}}},
    }
    card = kpi.score(frame(figures), system=changed)
    plain = kpi.score(frame(figures), system={key: value for key, value in changed.items() if key != "disclosure"})
    year = card.longer.filter(entity="东湖县").to_dicts()
    assert year[0]["status"] == "ok", "the first quarter has nothing suppressed"
    assert [(row["score"], row["status"]) for row in year[1:]] == [(None, "suppressed")] * 3
    assert card.headlines.filter(entity="东湖县", period="2023Q2")["score"].item() is None
    for name in ("longer", "headlines"):
        ours, theirs = card.table(name), plain.table(name)
        keys = ["period", "entity"]
        both = ours.join(theirs, on=keys, suffix="_other").filter(pl.col("score").is_not_null())
        assert both.height > 0
        assert (both["score"] == both["score_other"]).all(), name
    node = explain(card, "东湖县", period="2023")
    assert node.score is None


# ---- PERIODS THAT RELATIONS CONNECT ---- #

#: Complaints of six units in the quarters of a year.
YEAR = {"甲": (30, 3, 41, 25), "乙": (22, 31, 18, 27), "丙": (55, 48, 61, 52), "丁": (19, 24, 33, 40),
        "戊": (70, 64, 81, 77), "己": (26, 29, 35, 21)}  # fmt: skip
QUARTERS = ("2023Q1", "2023Q2", "2023Q3", "2023Q4")
YEARLY: dict[str, Any] = {
    "system": "yearly", "period": "quarter", "entities": {"title": "县区"},
    "measures": {"bad": {"title": "投诉量", "unit": "件"}},
    "indicators": {"level": {"kind": "level", "of": "bad", "better": "lower"}},
    "disclosure": {"threshold": 5, "of": ["bad"], "years": True},
}  # fmt: skip


def in_quarters(number: int = 4, year: dict[str, tuple[int, ...]] = YEAR) -> pl.DataFrame:
    rows = [
        {"期别": quarter, "县区": unit, "投诉量": figures[at]}
        for at, quarter in enumerate(QUARTERS[:number]) for unit, figures in year.items()
    ]  # fmt: skip
    return pl.DataFrame(rows)


def narrowed(card: kpi.Scorecard, truth: pl.DataFrame) -> dict[tuple[str, str], tuple[float, float]]:
    """Return between what a reader of all quarters narrows each suppressed figure who knows all sums of the table."""
    from scipy.optimize import linprog

    published = {(unit, when): value for when, unit, value in card.measures.select("period", "entity", "value").rows()}
    true = {(unit, when): value for when, unit, value in truth.select("期别", "县区", "投诉量").rows()}
    cells = list(true)
    at = {cell: place for place, cell in enumerate(cells)}
    sums = [[cell for cell in cells if cell[0] == unit] for unit in YEAR]
    sums += [[cell for cell in cells if cell[1] == quarter] for quarter in QUARTERS]
    matrix = np.zeros((len(sums), len(cells)))
    for row, group in enumerate(sums):
        matrix[row, [at[cell] for cell in group]] = 1
    right = [sum(true[cell] for cell in group) for group in sums]
    bounds = [(0.0, None) if published[cell] is None else (published[cell], published[cell]) for cell in cells]
    result = {}
    for cell in cells:
        if published[cell] is None:
            goal = np.zeros(len(cells))
            goal[at[cell]] = 1
            ends = [sign * linprog(sign * goal, A_eq=matrix, b_eq=right, bounds=bounds).fun for sign in (1, -1)]
            result[cell] = (ends[0], ends[1])
    return result


def test_a_yearly_total_and_three_quarters_do_not_give_the_fourth_away():
    small = ("甲", "2023Q2")
    card = kpi.score(in_quarters(), system=YEARLY)
    low, high = narrowed(card, in_quarters())[small]
    assert low <= 1 + 1e-6
    assert high >= 4 - 1e-6
    assert not [item for item in card.findings_list if item.code == "K963"]
    plain = YEARLY | {"disclosure": {"threshold": 5, "of": ["bad"]}}
    unaware = narrowed(kpi.score(in_quarters(), system=plain), in_quarters())
    assert unaware[small] == pytest.approx((3, 3)), "the attack succeeds where yearly totals do not count as known"


def test_what_was_published_of_earlier_quarters_stays_published():
    """The fourth quarter completes the year: what protects the second has to be suppressed there."""
    first, all_of_it = kpi.score(in_quarters(3), system=YEARLY), kpi.score(in_quarters(), system=YEARLY)
    there = pl.col("period") != "2023Q4"
    columns = ["period", "entity", "value", "status"]
    assert all_of_it.measures.filter(there).select(columns).equals(first.measures.select(columns))
    assert hidden(all_of_it).filter(period="2023Q4").height >= 2


def test_an_incomplete_year_and_a_year_without_small_figures_are_as_before():
    plain = YEARLY | {"disclosure": {"threshold": 5, "of": ["bad"]}}
    columns = ["period", "entity", "value", "status"]
    given = in_quarters(3)
    assert (
        kpi.score(given, system=YEARLY)
        .measures.select(columns)
        .equals(kpi.score(given, system=plain).measures.select(columns))
    )
    large = in_quarters(4, {unit: tuple(number + 10 for number in numbers) for unit, numbers in YEAR.items()})
    assert hidden(kpi.score(large, system=YEARLY)).height == 0


def test_running_totals_do_not_give_the_figure_of_a_quarter_away():
    """Published running totals of two quarters would show the second: 33 - 30."""
    changed = YEARLY | {
        "measures": YEARLY["measures"] | {"so_far": {"title": "累计投诉量", "unit": "件", "over_time": "ytd"}},
        "checks": {"adds_up": {"cumulative": "so_far", "of": "bad"}},
        "disclosure": {"threshold": 5, "of": ["bad"], "totals": "none"},
    }
    rows = [
        {"期别": quarter, "县区": unit, "投诉量": figures[at], "累计投诉量": sum(figures[: at + 1])}
        for at, quarter in enumerate(QUARTERS) for unit, figures in YEAR.items()
    ]  # fmt: skip
    card = kpi.score(pl.DataFrame(rows), system=changed)
    own = {(row["period"], row["measure"]) for row in hidden(card).filter(entity="甲").to_dicts()}
    assert ("2023Q2", "bad") in own
    totals = {when for when, name in own if name == "so_far"}
    assert "2023Q2" in totals, "the first quarter was published, the running total of the second would show it"
    # And what follows from the later ones: the third running total less the third quarter is the second one.
    later = card.measures.filter(entity="甲", period="2023Q3")
    assert None in later["value"].to_list()
    assert hidden(card).filter(pl.col("entity") != "甲").height == 0


def test_worlds_of_a_year_keep_its_totals_and_reach_both_ends():
    card = kpi.score(in_quarters(), system=YEARLY)
    truth = kpi.score(in_quarters(), system={key: value for key, value in YEARLY.items() if key != "disclosure"})
    (year,) = tables(card.definition, truth.frame, sensitive(card.definition))
    assert year.periods == tuple(card.labels)
    (item,) = _hidden([year])
    assert not item.worlds.narrow
    small = next(iter(year.ends))
    assert {1.0, 4.0} <= {world[small] for world in item.worlds.values}
    for world in item.worlds.values:
        assert all(value >= 0 for value in world.values())
        for relation in year.relations:
            number = sum(factor * world.get(cell, year.values[cell]) for cell, factor in relation.factors.items())
            assert number == pytest.approx(relation.high)
    assert len(year.relations) == len(QUARTERS) + len(YEAR)


# ---- DOMINANCE ---- #

DOMINATED: dict[str, Any] = {
    "system": "dominated", "period": "year", "entities": {"title": "县区"},
    "measures": {
        "output": {"title": "产值", "unit": "万元"}, "first": {"title": "最大企业产值", "unit": "万元"},
        "second": {"title": "第二企业产值", "unit": "万元"},
    },
    "indicators": {"level": {"kind": "level", "of": "output"}},
}  # fmt: skip
#: What is left of 甲 without both is 5, less than 15 % of 80; of 乙 20 of 50; 丙 has no first, 丁 nothing.
OUTPUT = {"甲": (100.0, 80.0, 15.0), "乙": (100.0, 50.0, 30.0), "丙": (90.0, None, None), "丁": (0.0, 0.0, 0.0),
          "戊": (400.0, 90.0, 80.0)}  # fmt: skip


def dominated(**rule: Any) -> kpi.Scorecard:
    rules = {"threshold": 3, "dominance": {"output": rule}}
    rows = [
        {"期别": "2023", "县区": unit, "产值": all_of_it, "最大企业产值": first, "第二企业产值": second}
        for unit, (all_of_it, first, second) in OUTPUT.items()
    ]  # fmt: skip
    return kpi.score(pl.DataFrame(rows), system=DOMINATED | {"disclosure": rules})


@pytest.mark.parametrize(
    ("rule", "units"),
    [
        ({"largest": ["first", "second"], "p": 15}, {"甲", "丙"}),
        ({"largest": ["first", "second"], "p": 6}, {"丙"}),
        ({"largest": ["first"], "k": 75}, {"甲", "丙"}),
        ({"largest": ["first", "second"], "k": 75}, {"甲", "乙", "丙"}),
    ],
)
def test_figures_that_a_few_dominate_are_suppressed(rule, units):
    card = dominated(**rule)
    own = set(hidden(card).filter(measure="output")["entity"])
    assert units <= own
    assert "丁" not in own
    assert len(own) >= 2, "a total over all units would give a single one away"
    # Nothing of a single contributor is published.
    single = card.measures.filter(pl.col("measure").is_in(rule["largest"]), pl.col("entity") != "丁")
    assert single["value"].count() == 0
    assert card.indicators.filter(pl.col("entity").is_in(list(own)))["value"].count() == 0


def test_nobody_computes_the_largest_contribution_within_p_percent():
    """Of 100, with 80 and 15, 5 are left, 7 less than 15 % of 80: the second must not know it better than to 7."""
    rules = {"threshold": 3, "dominance": {"output": {"largest": ["first", "second"], "p": 15}}, "protect": 1}
    rule = next(item for item in sensitive(kpi.load(DOMINATED | {"disclosure": rules})) if item.measure == "output")
    frame = pl.DataFrame({"output": [100.0], "first": [80.0], "second": [15.0]})
    assert frame.select(rule.low, rule.high.alias("high")).row(0) == (93.0, 107.0)


CONTRIBUTED = {
    "system": "contributed", "period": "quarter", "entities": {"title": "县区"},
    "datasets": {"firms": {"form": "records", "columns": {"entity": "县区", "period": "日期"}}},
    "measures": {
        "output": {"kind": "sum", "of": "产值", "unit": "万元"},
        "each": {"kind": "sum", "of": "产值", "per": "企业", "unit": "万元"},
    },
    "indicators": {"level": {"kind": "level", "of": "output"}},
}  # fmt: skip
#: As `OUTPUT`, in rows of contributors: 甲 has 30 + 30 + 20, 15 and 5; 丙 a single one, 己 mostly rows without a name.
ROWS = {
    "甲": {"A": [30, 30, 20], "B": [10, 5], "C": [5]}, "乙": {"D": [25, 25], "E": [30], "F": [20]},
    "丙": {"G": [40, 50]}, "丁": {"H": [0]}, "戊": {"I": [100, 100, 200], "J": [90], "K": [80]},
    "己": {"L": [10], "M": [10], "N": [10], None: [70]},
}  # fmt: skip


def contributed(rows=ROWS, **rule: Any) -> kpi.Scorecard:
    events = [
        {"日期": f"2023-{1 + at}-10", "县区": unit, "企业": firm, "产值": float(value)}
        for unit, firms in rows.items() for firm, values in firms.items() for at, value in enumerate(values)
    ]  # fmt: skip
    rules = {"threshold": 3, "dominance": {"output": {"by": "each"} | rule}, "totals": "none"}
    return kpi.score(pl.DataFrame(events), system=CONTRIBUTED | {"disclosure": rules})


@pytest.mark.parametrize(
    ("rule", "units"),
    [
        ({"p": 15}, {"甲", "丙", "己"}),
        ({"p": 6}, {"丙"}),
        ({"k": 75}, {"甲", "丙", "己"}),
        ({"k": 77, "n": 2}, {"甲", "乙", "丙", "戊", "己"}),
        ({"k": 83, "n": 2}, {"甲", "丙", "戊", "己"}),
    ],
)
def test_the_rows_of_a_contributor_are_added_up(rule, units):
    """Split rows are one contribution, and rows without a name may all be the largest contributor's."""
    card = contributed(**rule)
    assert set(hidden(card).filter(measure="output")["entity"]) == units
    assert "each" not in card.measures["measure"]


def test_however_the_rows_are_split_the_same_is_suppressed():
    whole = {unit: {firm: [sum(values)] for firm, values in firms.items()} for unit, firms in ROWS.items()}
    for rule in ({"p": 15}, {"k": 80, "n": 2}):
        assert hidden(contributed(whole, **rule)).equals(hidden(contributed(**rule)))


def test_contributions_of_several_passes_are_those_of_one(monkeypatch):
    once = contributed(p=15)
    monkeypatch.setattr("kpi.intake.events.finer_units.GROUPS", 4)
    assert contributed(p=15).measures.equals(once.measures)


# ---- DEFINITIONS ---- #


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"threshold": 5, "of": ["complaint"]}, "`complaint` is no measure"),
        ({"threshold": 3, "contributors": {"cases": "firms"}}, "`firms` is no measure"),
        ({"threshold": 5, "of": ["money"]}, "counts nothing"),
        ({"threshold": 5, "of": ["complaints"], "totals": ["省"]}, "no groups `省`"),
        ({"threshold": 5, "dominance": {"sales": {"largest": ["cases"], "k": 80}}}, "`sales` is no measure"),
        ({"threshold": 5, "dominance": {"cases": {"largest": ["firm"], "k": 80}}}, "`firm` is no measure"),
        ({"threshold": 5, "dominance": {"cases": {"largest": ["money"], "k": 80}}}, "`money` is in 万元"),
        ({"threshold": 5, "dominance": {"cases": {"by": "online", "k": 80}}}, "no sum for each contributor"),
        ({"threshold": 5, "dominance": {"cases": {"by": "firm", "k": 80}}}, "`firm` is no measure"),
    ],
)
def test_rules_about_what_is_not_there(rules, words):
    changed = SYSTEM | {"disclosure": rules, "measures": SYSTEM["measures"] | {"money": {"unit": "万元"}}}
    with pytest.raises(kpi.DefinitionError) as caught:
        kpi.compile(changed)
    (finding,) = caught.value.diagnostics
    assert finding.code == "K960"
    assert words in str(finding.message)


@pytest.mark.parametrize(
    "rules",
    [
        {"of": ["complaints"]}, {"threshold": 5}, {"threshold": 1, "of": ["complaints"]},
        {"threshold": 5, "dominance": {"cases": {"largest": ["online"]}}},
        {"threshold": 5, "dominance": {"cases": {"largest": ["online"], "p": 10}}},
        {"threshold": 5, "dominance": {"cases": {"largest": ["online", "offline"], "p": 10, "k": 80}}},
        {"threshold": 5, "dominance": {"cases": {"k": 80}}},
        {"threshold": 5, "dominance": {"cases": {"largest": ["online"], "by": "each", "k": 80}}},
        {"threshold": 5, "dominance": {"cases": {"largest": ["online"], "n": 2, "k": 80}}},
    ],
)  # fmt: skip
def test_rules_need_a_threshold_and_figures(rules):
    with pytest.raises(kpi.DefinitionError):
        kpi.compile(SYSTEM | {"disclosure": rules})


def test_a_missing_package_is_named(monkeypatch):
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "pytauargus" else real(name, *more)
    )
    with pytest.raises(kpi.DataError) as caught:
        kpi.score(frame(), system=system())
    assert caught.value.diagnostics[0].code == "K510"
    assert "pytauargus" in str(caught.value)
