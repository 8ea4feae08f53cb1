"""SDMX in every form gives the same scorecard, and results written as SDMX-CSV read back."""

from __future__ import annotations

import json

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.errors import DataError, Severity
from kpi.intake.files import chunks, pieces
from kpi.intake.files.reader import read
from kpi.language.loading.loader import examine_text
from kpi.report.files import write
from tests.written_formats import sdmx_generic, sdmx_ml

SYSTEM = """
system: small
period: {grain}
entities: {{{roster}}}
measures:
  gdp: {{title: 地区生产总值, unit: 亿元}}
  rate: {{title: 满意率, unit: '%'}}
indicators:
  size: {{kind: level, of: gdp, target: {{at_least: 100}}, score: {{kind: completion}}}}
  mark: {{kind: level, of: rate, target: {{at_least: 90}}, score: {{kind: completion}}}}
pillars:
  A: {{weight: 100, parts: {{size: 50, mark: 50}}}}
"""
HEADER = "DATAFLOW,FREQ,REF_AREA,INDICATOR,TIME_PERIOD,OBS_VALUE,OBS_STATUS,UNIT_MEASURE,UNIT_MULT\n"
ROWS = [
    ("330402", "gdp", "2023-Q4", "411.52", "A", "CNY", "8"), ("330411", "gdp", "2023-Q4", "98.7", "E", "CNY", "8"),
    ("330402", "rate", "2023-Q4", "95.2", "", "PT", ""), ("330411", "rate", "2023-Q4", "", "M", "PT", "0"),
]  # fmt: skip
CSV_1 = HEADER + "".join(",".join(("X:Y(1.0)", "Q", *row)) + "\n" for row in ROWS)
CSV_2 = "STRUCTURE,STRUCTURE_ID,ACTION," + HEADER.partition(",")[2] + "".join(
    ",".join(("dataflow", "X:Y(1.0)", "I", "Q", *row)) + "\n" for row in ROWS
)  # fmt: skip
LABELS = {
    "330402": "南湖区",
    "330411": "秀洲区",
    "gdp": "Gross product",
    "rate": "Satisfaction",
    "A": "Normal",
    "E": "Estimated",
}
LABELLED = (
    "DATAFLOW,FREQ: Frequency,REF_AREA: Reference area,INDICATOR: Indicator,TIME_PERIOD: Time period,OBS_VALUE,"
    "OBS_STATUS: Status,UNIT_MEASURE: Unit,UNIT_MULT: Multiplier\n"
) + "".join(
    f"X:Y(1.0),Q: Quarterly,{a}: {LABELS[a]},{i}: {LABELS[i]},{t},{v},{f'{s}: {LABELS.get(s, s)}' if s else ''},"
    f"{u}: {u} unit,{f'{m}: ten to {m}' if m else ''}\n"
    for a, i, t, v, s, u, m in ROWS
)


def as_json(version: int, *, flat: bool) -> bytes:
    def component(name, codes):
        return {"id": name, "values": [{"id": code, "name": LABELS.get(code, code)} for code in codes]}

    areas, indicators, times, units = ["330402", "330411"], ["gdp", "rate"], ["2023-Q4"], ["CNY", "PT"]
    statuses = ["A", "E", "M"]
    keyed = [component("REF_AREA", areas), component("INDICATOR", indicators)]
    time = [component("TIME_PERIOD", times)]
    units_of_figures = [component("UNIT_MEASURE", units), component("UNIT_MULT", ["8", "0"])]
    dimensions = {"observation": keyed + time} if flat else {"series": keyed, "observation": time}
    structure = {
        "dimensions": {"dataSet": [component("FREQ", ["Q"])], **dimensions},
        "attributes": {
            "dataSet": [],
            "series": [] if flat else units_of_figures,
            "observation": [component("OBS_STATUS", statuses), *(units_of_figures if flat else [])],
        },
    }
    result: dict = {}
    for area, indicator, _, value, status, unit, power in ROWS:
        key = f"{areas.index(area)}:{indicators.index(indicator)}"
        cells = [float(value) if value else None, statuses.index(status) if status else None]
        more = [units.index(unit), 0 if power == "8" else 1]
        if flat:
            result[f"{key}:0"] = [*cells, *more]
        else:
            result[key] = {"attributes": more, "observations": {"0": cells}}
    data = {"action": "Information", ("observations" if flat else "series"): result}
    if version == 1:
        return json.dumps({"header": {"id": "x"}, "dataSets": [data], "structure": structure}).encode()
    return json.dumps({"meta": {}, "data": {"structures": [structure], "dataSets": [data | {"structure": 0}]}}).encode()


def as_rows(rows):
    return [HEADER.strip().split(",")[1:], *([item or None for item in ("Q", *row)] for row in rows)]


FORMS = {
    "one.csv": CSV_1.encode(), "two.csv": CSV_2.encode(), "labels.csv": LABELLED.encode(),
    "flat.json": as_json(1, flat=True), "series.json": as_json(1, flat=False), "two.json": as_json(2, flat=False),
    "structured.xml": sdmx_ml(as_rows(ROWS)),
    "generic.xml": sdmx_generic([
        ({"FREQ": "Q", "REF_AREA": a, "INDICATOR": i}, {"UNIT_MEASURE": u, **({"UNIT_MULT": m} if m else {})},
         [(t, v or None, {"OBS_STATUS": s} if s else {})])
        for a, i, t, v, s, u, m in ROWS
    ]),
}  # fmt: skip


@pytest.fixture
def system(tmp_path):
    (tmp_path / "roster.csv").write_text("entity,code\n南湖区,330402\n秀洲区,330411\n", "utf-8")

    def of(grain="quarter", *, roster=True):
        text = SYSTEM.format(grain=grain, roster="roster: roster.csv" if roster else "")
        loaded = examine_text(text, "s.yaml", folder=tmp_path)
        assert loaded.system is not None, loaded.findings
        return loaded.system

    return of


def values(card):
    return {(row["entity"], row["measure"]): (row["value"], row["status"]) for row in card.measures.rows(named=True)}


EXPECTED = {
    ("南湖区", "gdp"): (411.52, "ok"), ("秀洲区", "gdp"): (98.7, "ok"),
    ("南湖区", "rate"): (95.2, "ok"), ("秀洲区", "rate"): (None, "missing"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_sdmx_gives_the_same_figures(tmp_path, system, name):
    (tmp_path / name).write_bytes(FORMS[name])
    card = kpi.score(tmp_path / name, system=system())
    assert values(card) == EXPECTED
    assert not [item for item in card.findings_list if item.severity is not Severity.INFO], card.findings_list
    (flags,) = [item for item in card.findings_list if item.code == "K568"]
    assert "E (1)" in flags.message


@pytest.mark.parametrize("name", ["labels.csv", "flat.json", "two.json"])
def test_names_of_codes_are_shown_without_a_roster(tmp_path, system, name):
    (tmp_path / name).write_bytes(FORMS[name])
    assert set(values(kpi.score(tmp_path / name, system=system(roster=False)))) == set(EXPECTED)


def test_a_large_file_of_sdmx(tmp_path, system, monkeypatch):
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 400)
    monkeypatch.setattr(chunks, "SEARCHED", 2)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))
    for codec in ("utf-8", "gb18030"):
        (tmp_path / "a.csv").write_bytes((CSV_1.replace("330402", "南湖区")).encode(codec))
        assert values(kpi.score(tmp_path / "a.csv", system=system())) == EXPECTED


@pytest.mark.parametrize(
    ("row", "expected", "codes"),
    [
        (("330402", "gdp", "2023-Q4", "5", "M", "CNY", "8"), (None, "missing"), ["K519"]),
        (("330402", "gdp", "2023-Q4", "", "N", "CNY", "8"), (None, "below_unit"), []),
        (("330402", "gdp", "2023-Q4", "NaN", "", "CNY", "8"), (None, "missing"), []),
        (("330402", "gdp", "2023-Q4", "500000", "A", "CNY", "4"), (50, "ok"), []),
        (("330402", "gdp", "2023-Q4", "5", "A", "CNY", "11"), (5000, "ok"), ["K519"]),
        (("330402", "gdp", "2023-Q4", "5", "A", "_Z", ""), (5, "ok"), []),
        (("330402", "gdp", "2023-Q4", "5", "A", "ODD", ""), (None, "refused"), ["K605"]),
        (("330402", "gdp", "2023-Q4", "5", "A", "", ""), (5, "ok"), []),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "xml"])
def test_what_the_columns_beside_a_figure_say(tmp_path, system, kind, row, expected, codes):  # noqa: PLR0917
    other = ("330411", "gdp", "2023-Q4", "7", "A", "CNY", "8")
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        path.write_text(HEADER + "".join(",".join(("X", "Q", *item)) + "\n" for item in (row, other)), "utf-8")
    else:
        path.write_bytes(sdmx_ml(as_rows([row, other])))
    card = kpi.score(path, system=system())
    value, status = values(card)["南湖区", "gdp"]
    assert (value, status) == (pytest.approx(expected[0]) if expected[0] is not None else None, expected[1])
    assert [item.code for item in card.findings_list if item.code in {"K519", "K605"}] == codes


def test_rows_that_delete_are_left_out(tmp_path, system):
    text = CSV_2 + "dataflow,X:Y(1.0),D,Q,330402,gdp,2023-Q4,5,A,CNY,8\n"
    (tmp_path / "a.csv").write_text(text, "utf-8")
    card = kpi.score(tmp_path / "a.csv", system=system())
    assert values(card) == EXPECTED
    assert [item.severity for item in card.findings_list if item.code == "K519"] == [Severity.INFO]


NO_VALUES = {"dimensions": {"series": [], "observation": [{"id": "TIME_PERIOD", "values": []}]}}


def test_a_message_without_data_is_refused(tmp_path):
    for name, content in {
        "a.json": b'{"dataSets": [], "structure": {"dimensions": {}}}',
        "b.json": json.dumps(
            {"dataSets": [{"series": {"0:9": {"observations": {"0": [1]}}}}], "structure": NO_VALUES}
        ).encode(),
        "c.xml": sdmx_ml([["期别", "数值"]]),
        "d.xml": b'<?xml version="1.0"?><m:GenericData xmlns:m="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message">'
        b"<m:Header/></m:GenericData>",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError) as caught:
            read(tmp_path / name)
        assert caught.value.diagnostics[0].code in {"K503", "K505"}
        assert "object" not in caught.value.diagnostics[0].message


@pytest.mark.parametrize("roster", [True, False])
def test_results_read_back_as_the_same_figures(tmp_path, system, roster):
    (tmp_path / "a.csv").write_text(CSV_1.replace("330402", "南湖区").replace("330411", "秀洲区"), "utf-8")
    card = kpi.score(tmp_path / "a.csv", system=system(roster=roster))
    write(card, tmp_path / "r.sdmx.csv")
    again = kpi.score(tmp_path / "r.sdmx.csv", system=system(roster=roster))
    for name in ("totals", "pillars", "indicators"):
        assert getattr(again, name).equals(getattr(card, name))
    assert again.measures.drop("rows").equals(card.measures.drop("rows"))
    assert not [item for item in again.findings_list if item.severity is not Severity.INFO], again.findings_list


def test_the_command_line_writes_sdmx(tmp_path, system):
    system()
    (tmp_path / "s.yaml").write_text(SYSTEM.format(grain="quarter", roster="roster: roster.csv"), "utf-8")
    (tmp_path / "a.csv").write_text(CSV_1, "utf-8")
    call = ["score", str(tmp_path / "a.csv"), "--system", str(tmp_path / "s.yaml")]
    shown = CliRunner().invoke(main, [*call, "--format", "sdmx-csv"])
    assert shown.output.startswith("STRUCTURE,STRUCTURE_ID,ACTION,TIME_PERIOD,REF_AREA,INDICATOR,KPI_RESULT,")
    CliRunner().invoke(main, [*call, "-o", str(tmp_path / "r.sdmx.csv")])
    assert "dataflow,KPI:SMALL(1.0),I,2023-Q4,南湖区,gdp,,411.52,A,亿元," in (tmp_path / "r.sdmx.csv").read_text(
        "utf-8-sig"
    )


CODES = """
system: s
period: year
entities: {title: 县}
measures: {output: {title: 产值, unit: 万元WHERE}, people: {title: 人口, unit: 万人}}
indicators: {i: {kind: level, of: output, better: higher}, j: {kind: level, of: people, better: higher}}
"""


@pytest.mark.parametrize("form", ["csv", "xlsx", "frame"])
def test_known_units_are_used_and_others_reported_once(tmp_path, form):
    rows = [
        ("甲县", "产值", "1", "CNY", "8"), ("乙县", "产值", "2", "XDC", "4"), ("丙县", "产值", "3", "GWHX", None),
        ("丁县", "产值", "4", None, None), ("戊县", "产值", "5", "GWHX", "0"), ("己县", "产值", "6", "_X", None),
        ("甲县", "人口", "7", "NUMBER", None), ("乙县", "人口", "8", "PS", "3"), ("丙县", "人口", "9", "NUMBER", "4"),
    ]  # fmt: skip
    columns = ["REF_AREA", "INDICATOR", "OBS_VALUE", "UNIT_MEASURE", "UNIT_MULT"]
    frame = pl.DataFrame(rows, columns, orient="row").with_columns(TIME_PERIOD=pl.lit("2023"))
    (tmp_path / "s.yaml").write_text(CODES.replace("WHERE", ""), "utf-8")
    data = frame if form == "frame" else tmp_path / f"a.{form}"
    if form == "csv":
        frame.write_csv(data)
    elif form == "xlsx":
        frame.write_excel(data)
    card = kpi.score(data, system=str(tmp_path / "s.yaml"))
    values = {(who, what): value for who, what, value in card.measures.select("entity", "measure", "value").rows()}
    assert {who: values[who, "output"] for who in ["甲县", "乙县", "丙县", "丁县", "戊县", "己县"]} == {
        "甲县": 10_000.0, "乙县": 2.0, "丙县": None, "丁县": 4.0, "戊县": None, "己县": 6.0,
    }  # fmt: skip
    assert [values[who, "people"] for who in ("甲县", "乙县", "丙县")] == [7e-4, 0.8, 9.0]
    warning, note = (item for item in card.findings_list if item.code == "K582")
    assert (str(warning.severity), str(note.severity)) == ("warning", "info")
    for text in ("NUMBER (2)", "XDC (1)", "_X (1)", "blank (1)"):
        assert text in warning.message
    assert "GWHX (2)" in note.message
    assert "UNIT_MEASURE != 'GWHX'" in note.hint


def test_rows_of_an_unknown_unit_are_left_out_as_the_hint_says(tmp_path):
    text = "REF_AREA,INDICATOR,TIME_PERIOD,OBS_VALUE,UNIT_MEASURE\n甲县,产值,2023,1,CNY\n甲县,产值,2023,3,GWHX\n"
    (tmp_path / "a.csv").write_text(text, "utf-8")
    (tmp_path / "s.yaml").write_text(CODES.replace("WHERE", ", where: \"UNIT_MEASURE != 'GWHX'\""), "utf-8")
    card = kpi.score(tmp_path / "a.csv", system=str(tmp_path / "s.yaml"))
    assert card.measures.filter(measure="output")["value"].to_list() == [1e-4]
