"""Plots show the figures of the result: each number that a chart holds is compared with the frames it comes from."""

from __future__ import annotations

import json
import math
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import kpi
from kpi.analysis.robustness import stressed
from kpi.cli.plot import KINDS
from kpi.errors import DataError
from kpi.report.plots.kinds import NAMES
from kpi.report.plots.pictures import PICTURES, picture, write
from tests.report.cohorts_sample import cohorts_card
from tests.soundness.small_evaluation import small_card

SAMPLE = Path(__file__).parents[2] / "sample_data" / "jiaxing-2022"
UNIT, INDICATOR = "桐乡市", "core_duty_digital_coverage"
OPTIONS: dict[str, dict[str, Any]] = {
    "waterfall": {"entity": UNIT}, "spread": {"entity": UNIT}, "schedule": {"entity": UNIT},
    "funnel": {"indicator": INDICATOR}, "intervals": {"runs": 20},
    "probabilities": {"runs": 20}, "ahead": {"runs": 20}, "importance": {"runs": 20}, "sensitivity": {"runs": 16},
}  # fmt: skip
COHORTS = """
measures: {a: {unit: 1}}
indicators: {ia: {kind: level, of: a, target: {at_least: 100}}, ib: {kind: level, of: a, score: {kind: minmax}}}
pillars: {P: {weight: 100, parts: {ia: 60, ib: 40}}}
"""
FUNNEL = """
measures: {h: {unit: 件}, n: {unit: 件}}
indicators: {rate: {kind: ratio, numerator: h, denominator: n, unit: '%', target: {at_least: 90}}}
pillars: {P: {weight: 100, parts: {rate: 1}}}
"""


@pytest.fixture(scope="module")
def card() -> kpi.Scorecard:
    return kpi.score([SAMPLE / "reports.csv", SAMPLE / "cases.csv"], system="jiaxing-2022", partly=True)


@pytest.fixture(scope="module")
def latest(card: kpi.Scorecard) -> pl.DataFrame:
    return card.totals.filter(pl.col("period") == card.periods[-1])


@pytest.fixture
def areas(tmp_path: Path, card: kpi.Scorecard) -> Path:
    """Return squares beside one another: the first unit by its code, the others by name, and a foreign one."""
    units = [*card.entities.select("entity", "code").iter_rows(), ("别处", None)]
    features = [
        {
            "type": "Feature",
            "properties": {"adcode": int(code)} if place == 0 and code else {"name": name},
            "geometry": {
                "type": "Polygon",
                "coordinates": [[[place, 0], [place + 1, 0], [place + 1, 1], [place, 1], [place, 0]]],
            },
        }
        for place, (name, code) in enumerate(units)
    ]
    file = tmp_path / "areas.json"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    return file


def rows(chart: Any) -> list[dict[str, Any]]:
    """Return the rows of all data of a chart, which Altair has checked against the schema of Vega-Lite."""
    document = chart.to_dict()
    parts = [document, *document.get("layer", []), *document.get("spec", {}).get("layer", [])]
    data = [part["data"]["values"] for part in parts if "data" in part] + [*document.get("datasets", {}).values()]
    return [row for values in data if isinstance(values, list) for row in values]


def outside(page: str) -> list[str]:
    """Return what a page loads from elsewhere."""
    addresses = []

    class Reader(HTMLParser):
        def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
            addresses.extend(value or "" for name, value in attrs if name in {"src", "href"})

    Reader().feed(page)
    return addresses


def test_the_command_offers_every_kind():
    assert tuple(NAMES) == KINDS


@pytest.mark.parametrize("kind", [name for name in NAMES if name != "map"])
def test_every_kind_is_a_chart_that_is_drawn(card, kind):
    chart = kpi.plot(card, kind, **OPTIONS.get(kind, {}))
    assert picture(chart, ".svg").startswith(b"<svg")
    assert rows(chart)


def test_a_distribution_counts_every_unit(card, latest):
    bars = [row for row in rows(kpi.plot(card, "distribution")) if "units" in row]
    assert sum(row["units"] for row in bars) == latest["score"].count()
    for score in latest["score"]:
        assert any(row["start"] <= score < row["end"] for row in bars)


def test_places_are_those_of_the_totals(card):
    expected = set(card.totals.select("period", "entity", pl.col("rank").cast(pl.Int64)).iter_rows())
    shown = [row for row in rows(kpi.plot(card, "places")) if "entity" in row]
    assert {(row["period"], row["entity"], row["rank"]) for row in shown} == expected


@pytest.mark.parametrize("kind", ["places", "heat_map", "intervals"])
def test_cohorts_that_are_ranked_apart_are_drawn_apart(kind):
    units = {cohort: [f"{cohort}{number}" for number in range(4)] for cohort in ("east", "west")}
    values = [
        (year, unit, "a", 90 - 7 * number - 3 * (year == 2023 and number == 1), cohort)
        for cohort, names in units.items() for number, unit in enumerate(names) for year in (2022, 2023)
    ]  # fmt: skip
    card = small_card(COHORTS, *values)
    parts = kpi.plot(card, kind, **OPTIONS.get(kind, {})).to_dict()["vconcat"]
    assert [part["title"]["text"] for part in parts] == ["east", "west"]
    for part, names in zip(parts, units.values(), strict=True):
        holders = [holder for holder in (part, *part.get("layer", [])) if "data" in holder]
        shown = {row["entity"] for holder in holders for row in holder["data"]["values"] if "entity" in row}
        assert shown == set(names)
    alone = kpi.plot(card, kind, entity="west1", **OPTIONS.get(kind, {})).to_dict()
    assert "vconcat" not in alone
    assert "east" not in json.dumps(alone)


def test_of_many_cohorts_and_units_the_rest_is_counted():
    values = [
        (2023, f"{cohort:02}-{unit}", "a", 50 + unit, f"c{cohort:02}") for cohort in range(14) for unit in range(7)
    ]
    chart = kpi.plot(small_card(COHORTS, *values), "heat_map").to_dict()
    assert len(chart["vconcat"]) == 12
    assert "the first 12 of 14 cohorts" in chart["title"]["subtitle"]
    assert chart["vconcat"][0]["title"]["subtitle"] == ["the first 5 of 7"]


def test_units_that_share_a_place_share_a_label():
    values = [(year, unit, "a", 70, "c") for year in (2022, 2023) for unit in "DABEC"]
    shown = rows(kpi.plot(small_card(COHORTS, *values), "places"))
    assert [row["units"] for row in shown if "units" in row] == ["A, B, C and 2 more"]


def test_levels_stand_in_their_order_by_their_names():
    card = cohorts_card()
    color = kpi.plot(card, "distribution").to_dict()["layer"][0]["encoding"]["color"]
    assert color["title"] == "Grade"
    assert color["scale"]["domain"][0] == "top"


def test_a_single_score_has_a_bar_that_can_be_read():
    bars = rows(kpi.plot(small_card(COHORTS, (2023, "A", "a", 70, "c")), "distribution"))
    assert [row["end"] - row["start"] for row in bars] == [1]


def test_a_funnel_names_the_units_farthest_out():
    units = [(f"u{number:02}", 50 + (number - 15) * 3) for number in range(31)]
    values = [
        (2023, unit, name, figure, "c") for unit, hits in units for name, figure in (("h", hits * 10), ("n", 1000))
    ]
    chart = kpi.plot(small_card(FUNNEL, *values), "funnel", indicator="rate")
    named = {row["entity"] for row in chart.to_dict()["layer"][-1]["data"]["values"]}
    assert len(named) == 20
    assert {"u00", "u30"} < named
    assert any("the 20 farthest" in line for line in chart.to_dict()["title"]["subtitle"])


def test_a_heat_map_has_every_score_and_no_other(card):
    cells = card.indicators.filter(pl.col("period") == card.periods[-1]).drop_nulls("score")
    shown = {(row["entity"], row["indicator"]): row["score"] for row in rows(kpi.plot(card, "heat_map"))}
    assert len(shown) == cells.height
    assert shown == {(entity, title): score for entity, title, score in cells.select("entity", "title", "score").rows()}


def test_a_waterfall_ends_at_the_total(card, latest):
    bars = rows(kpi.plot(card, "waterfall", entity=UNIT))
    total = latest.filter(pl.col("entity") == UNIT)["raw_score"][0]
    assert bars[-1]["kind"] == "total"
    assert math.isclose(bars[-1]["end"], total)
    assert math.isclose(bars[-2]["end"], total, abs_tol=1e-9)
    assert all(math.isclose(after["start"], before["end"]) for before, after in pairwise(bars[:-1]))


def test_a_waterfall_has_pillars_without_points(card, latest):
    lowest = latest.sort("score")["entity"][0]
    pillars = card.pillars.filter(pl.col("parent").is_null(), period=card.periods[-1], entity=lowest)
    assert 0 in pillars["points"].to_list()
    bars = rows(kpi.plot(card, "waterfall", entity=lowest))
    assert {bar["part"] for bar in bars[:-1]} >= set(pillars["title"])


def test_a_plot_of_targets_names_a_schedule_only_where_there_is_one(card):
    """The targets of the sample have no schedule."""
    assert card.indicators["schedule"].null_count() == card.indicators.height
    chart = kpi.plot(card, "schedule", entity=UNIT).to_dict()
    assert "dashed" not in str(chart["title"])
    assert "strokeDash" not in str(chart["spec"])


def test_the_weights_of_a_sunburst_are_whole_on_each_ring(card):
    arcs = rows(kpi.plot(card, "weights"))
    effective = card.weights.filter(pl.col("period") == card.periods[-1])
    by_title = {row["title"]: row["weight"] for row in arcs if row["depth"] == 0}
    assert math.isclose(sum(by_title.values()), 100)
    pillars = {name: pillar.title or name for name, pillar in card.definition.pillars.items()}
    for part, weight in effective.filter(pl.col("node") == "composite").select("part", "effective").iter_rows():
        assert math.isclose(by_title[pillars[part]], weight)


def test_a_spread_marks_the_unit_and_the_median(card):
    drawn = rows(kpi.plot(card, "spread", entity=UNIT))
    cells = card.indicators.filter(pl.col("period") == card.periods[-1])
    title = "核心业务数字化覆盖率"
    medians = [row["score"] for row in drawn if row["title"] == title and len(row) == 2]
    scores = cells.filter(pl.col("title") == title)["score"]
    own = cells.filter((pl.col("title") == title) & (pl.col("entity") == UNIT))["score"][0]
    assert medians == [scores.median(), own]


def test_the_limits_of_a_funnel_are_those_of_a_proportion(card):
    drawn = rows(kpi.plot(card, "funnel", indicator=INDICATOR))
    points = {row["entity"]: row for row in drawn if "hits" in row}.values()
    overall = sum(row["hits"] for row in points) / sum(row["cases"] for row in points)
    limits = [row for row in drawn if row.get("limit") == "95 %"]
    for row in limits:
        distance = 1.959963984540054 * math.sqrt(overall * (1 - overall) / row["cases"])
        assert math.isclose(abs(row["rate"] / 100 - overall), distance)


@pytest.mark.parametrize("how", ["additive", "multiplicative", "plain"])
def test_the_limits_of_a_funnel_are_those_that_the_system_declares(how):
    system = {
        "system": "funnel", "period": "year", "entities": {},
        "measures": {"hits": {"unit": "件"}, "cases": {"unit": "件"}},
        "indicators": {"share": {"kind": "ratio", "numerator": "hits", "denominator": "cases"}},
        "limits": {"funnel": how},
    }  # fmt: skip
    hits, cases = [50, 80, 150, 280, 300, 90, 40, 500], [100, 110, 240, 500, 450, 300, 90, 620]
    frame = {"地区": list("甲乙丙丁戊己庚辛"), "期别": ["2023"] * 8, "hits": hits, "cases": cases}
    scored = kpi.score(frame, system=system)
    drawn = rows(kpi.plot(scored, "funnel", indicator="share"))
    points = sorted((row for row in drawn if row.get("limit") == "99.8 %"), key=lambda row: row["cases"])
    for row in scored.limits.filter(pl.col("high_998") < 100).to_dicts():
        size = cases[frame["地区"].index(row["entity"])]
        upper = [(item["cases"], item["rate"]) for item in points if item["rate"] > row["centre"]]
        (left, low), (right, high) = max(p for p in upper if p[0] <= size), min(p for p in upper if p[0] >= size)
        between = low if left == right else low + (high - low) * (size - left) / (right - left)
        assert math.isclose(between, row["high_998"], abs_tol=0.05)


def test_probabilities_of_the_levels_of_a_unit_are_those_of_stress_and_add_up(card):
    last = card.only([max(card.labels)])
    expected = stressed(last, runs=20).stars.drop_nulls("stars")
    shown = rows(kpi.plot(card, "probabilities", runs=20))
    assert {(row["entity"], row["stars"], row["percent"]) for row in shown} == {
        (row["entity"], row["stars"], row["percent"]) for row in expected.to_dicts()
    }
    sums: dict[str, float] = {}
    for row in shown:
        sums[row["entity"]] = sums.get(row["entity"], 0.0) + row["percent"]
    assert list(sums.values()) == pytest.approx([100.0] * len(sums))


def test_of_two_units_the_shares_of_being_ahead_add_up(card):
    shown = {(row["entity"], row["other"]): row["percent"] for row in rows(kpi.plot(card, "ahead", runs=20))}
    assert len(shown) == len({entity for entity, _ in shown}) * (len({entity for entity, _ in shown}) - 1)
    for (entity, other), percent in shown.items():
        assert percent + shown[other, entity] == pytest.approx(100)
    first, *_, last = card.totals.filter(period=card.periods[-1]).drop_nulls("rank").sort("rank")["entity"]
    assert shown[first, last] > 50


def test_importance_and_sensitivity_are_those_of_stress(card):
    last = card.only([max(card.labels)])
    results = stressed(last, runs=16, sensitivity=16)
    points = [row for row in rows(kpi.plot(card, "importance", runs=16)) if "kind" in row]
    effective = {row["title"]: row["percent"] for row in points if row["kind"] == "In effect (%)"}
    expected = results.importance.drop_nulls("effective").sort("effective", "title", descending=[True, False]).head(30)
    assert effective == {row["title"]: row["effective"] for row in expected.to_dicts()}
    indices = rows(kpi.plot(card, "sensitivity", runs=16))
    of_ranks = results.sensitivity.filter(pl.col("result") == "ranks").drop_nulls("total")
    assert sorted(row["index"] for row in indices if row["kind"] == "With interactions") == sorted(of_ranks["total"])


@pytest.mark.parametrize("kind", ["probabilities", "sensitivity"])
def test_what_stress_cannot_show_is_said(kind):
    """No stars; and nothing that could be otherwise in a total of one indicator against a target."""
    text = "measures: {a: {unit: 1}}\nindicators: {ia: {kind: level, of: a, target: {at_least: 100}}}\n"
    card = small_card(
        text + "pillars: {P: {weight: 100, parts: {ia: 1}}}\n",
        *((2023, unit, "a", value) for unit, value in (("甲", 10), ("乙", 50), ("丙", 90))),
    )
    with pytest.raises(DataError) as caught:
        kpi.plot(card, kind, runs=16)
    assert caught.value.diagnostics[0].code in ("K880", "K873")


def test_intervals_contain_the_place(card):
    for row in rows(kpi.plot(card, "intervals", runs=20)):
        assert row["best"] <= row["low"] <= row["high"] <= row["worst"]
        assert row["best"] <= row["rank"] <= row["worst"]


def test_a_map_colours_units_by_code_and_name(card, latest, areas):
    document = kpi.plot(card, "map", geojson=areas).to_dict()
    features = document["layer"][0]["data"]["values"]["features"]
    shown = {item["properties"]["entity"]: item["properties"]["figure"] for item in features}
    assert shown.pop(None) is None  # an area of no unit is grey
    assert shown == dict(latest.select("entity", "score").iter_rows())
    # Squares in a row, each with its name in the middle.
    names = document["layer"][1]["data"]["values"]
    places = {row["entity"]: row["x"] for row in names}
    width = document["width"] / (len(shown) + 1)
    expected = [(name, (place + 0.5) * width) for place, name in enumerate(card.entities["entity"])]
    assert [(name, pytest.approx(at)) for name, at in places.items()] == expected
    assert len({row["y"] for row in names}) == 1
    drawn = picture(kpi.plot(card, "map", geojson=areas, indicator=INDICATOR), ".svg").decode()
    assert drawn.startswith("<svg")
    assert all(f">{name}</text>" in drawn for name in places)


def test_what_is_no_polygon_is_not_drawn_on_a_map(card, areas):
    content = json.loads(areas.read_text("utf-8"))
    for feature, coordinates in zip(content["features"][1:], (None, ["x"], [[[1]]], {"a": 1}), strict=False):
        feature["geometry"]["coordinates"] = coordinates
    content["features"][-1]["geometry"] = {"type": "Point", "coordinates": [0, 0]}
    areas.write_text(json.dumps(content), "utf-8")
    assert kpi.plot(card, "map", geojson=areas).to_dict()["height"] > 0


def test_a_plot_follows_period_and_unit(card):
    earlier = rows(kpi.plot(card, "waterfall", entity=UNIT, period=card.periods[0]))
    totals = card.totals.filter((pl.col("period") == card.periods[0]) & (pl.col("entity") == UNIT))
    assert math.isclose(earlier[-1]["end"], totals["raw_score"][0])
    drawn = rows(kpi.plot(card, "distribution", entity=UNIT))
    assert {row["entity"] for row in drawn if "entity" in row} == {UNIT}


def test_scorecards_have_plots_by_name(card):
    assert dir(card.plot) == sorted(NAMES)
    assert rows(card.plot.places()) == rows(kpi.plot(card, "places"))
    with pytest.raises(AttributeError, match="there is no plot 'pie'"):
        _ = card.plot.pie
    with pytest.raises(AttributeError):
        _ = card.nothing_of_this_name


@pytest.mark.parametrize(
    ("kind", "options", "code"),
    [
        ("pie", {}, "K541"), ("waterfall", {}, "K880"), ("waterfall", {"entity": "桐乡县城"}, "K602"),
        ("places", {"period": "2031Q1"}, "K551"), ("funnel", {}, "K880"), ("funnel", {"indicator": "nothing"}, "K203"),
        ("funnel", {"indicator": "mobile_government_city"}, "K203"), ("map", {}, "K880"),
        ("map", {"geojson": "nowhere.json"}, "K500"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(card, kind, options, code):
    with pytest.raises(DataError) as error:
        kpi.plot(card, kind, **options)
    assert error.value.diagnostics[0].code == code


def test_a_map_without_a_unit_is_refused(card, tmp_path):
    file = tmp_path / "other.json"
    for content in ("{", "[]", '{"features": [1, {"geometry": null}]}'):
        file.write_text(content)
        with pytest.raises(DataError, match=r"areas|GeoJSON"):
            kpi.plot(card, "map", geojson=file)
    feature = {"type": "Feature", "properties": {"name": "别处"}, "geometry": {"type": "Point", "coordinates": [0, 0]}}
    file.write_text(json.dumps({"features": [feature]}))
    with pytest.raises(DataError, match="code or the name"):
        kpi.plot(card, "map", geojson=file)


def test_pictures_are_written_whole_and_alike(card, tmp_path):
    chart = kpi.plot(card, "waterfall", entity=UNIT)
    for suffix in PICTURES:
        if suffix == ".html":
            continue
        file = tmp_path / f"picture{suffix}"
        write(chart, file)
        first = file.read_bytes()
        write(kpi.plot(card, "waterfall", entity=UNIT), file)
        assert suffix == ".pdf" or file.read_bytes() == first
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "picture.pdf").read_bytes().startswith(b"%PDF")
    assert UNIT in (tmp_path / "picture.svg").read_text("utf-8")
    with pytest.raises(DataError, match="no picture"):
        write(chart, tmp_path / "picture.doc")
    with pytest.raises(DataError) as error:
        write(chart, tmp_path / "nowhere" / "picture.svg")
    assert error.value.diagnostics[0].code == "K540"


def test_a_page_needs_no_network_and_runs_no_name():
    hostile = "</script><script>alert(1)</script>"
    frame = pl.DataFrame({
        "期别": ["2023"] * 3, "地区": [hostile, "甲\u202e县", "乙县"],
        "办件量": [200, 100, 150], "网办量": [180, 75, 20],
    })  # fmt: skip
    rate = {"kind": "ratio", "numerator": "online", "denominator": "all", "score": {"kind": "minmax"}}
    system = {
        "system": "small", "period": "year", "entities": {},
        "measures": {"all": {"title": "办件量", "unit": "件"}, "online": {"title": "网办量", "unit": "件"}},
        "indicators": {"rate": rate},
        "pillars": {"a": {"weight": 100, "parts": {"rate": 1}}},
    }  # fmt: skip
    chart = kpi.plot(kpi.score(frame, system=system), "distribution", entity=hostile)
    page = picture(chart, ".html").decode()
    assert "</script>alert" not in page
    assert hostile not in page
    assert "http://" not in page.split("<script", 1)[0]
    assert not outside(page)
    assert hostile.encode() not in picture(chart, ".svg")
    assert "\u202e" not in json.dumps(chart.to_dict(), ensure_ascii=False)


def test_scorecards_and_systems_show_themselves_in_notebooks(card, latest):
    page = card._repr_html_()
    for entity, score in latest.select("entity", "score").iter_rows():
        assert f"<td>{entity}</td><td>{score:.2f}</td>" in page
    assert repr(card) == "<Scorecard of jiaxing-2022: 7 entities, 77 indicators, 2022Q1 to 2023Q4>"
    assert "核心业务数字化覆盖率" in card.definition._repr_html_()
    assert repr(kpi.load("jiaxing-2022")).startswith("<CheckedSystem jiaxing-2022: ")
    hostile = kpi.load({
        "system": "small", "title": "<script>alert(1)</script>", "period": "year", "entities": {},
        "measures": {"all": {"title": "<b>", "unit": "件"}}, "indicators": {"a": {"kind": "level", "of": "all"}},
    })  # fmt: skip
    assert "<script>" not in hostile._repr_html_()
    assert "<b>" not in hostile._repr_html_()


def test_a_sunburst_of_weights_by_class_is_that_of_the_units_class():
    folder = Path(__file__).parents[1] / "golden" / "weights-by-class"
    card = kpi.score(folder / "data.csv", system=folder / "system.yaml")
    with pytest.raises(DataError, match="differ by class"):
        kpi.plot(card, "weights")
    latest = card.classes.filter((pl.col("period") == card.periods[-1]) & (pl.col("class") != "山区县"))
    for entity, kind in latest.select("entity", "class").iter_rows():
        chart = kpi.plot(card, "weights", entity=entity)
        drawn = {row["title"]: row["weight"] for row in rows(chart) if row["depth"] == 1}
        assert drawn["经济"] == pytest.approx({"工业县": 50, "生态县": 20}[kind])
        assert kind in chart.to_dict()["title"]["subtitle"]
