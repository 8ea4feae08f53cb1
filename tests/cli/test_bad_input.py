"""Every class of bad input: a finding with its cell, exit code 2, no traceback, and every row accounted for."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path

import polars as pl
import pytest
from command import GOOD, SYSTEM, kpi, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kpi import score as score_files
from kpi.errors import DataError

HEADER, *ROWS = GOOD.splitlines()
ROSTER = SYSTEM.replace("{title: 县}", "{title: 县, roster: roster.csv}")
OWN_FILE = SYSTEM.replace("of: gdp, target: {at_least: 100}", "of: gdp, target: {at_least: {file: own.csv}}")
OWN_COLUMN = SYSTEM.replace("of: gdp, target: {at_least: 100}", "of: gdp, target: {at_least: {column: target}}")
REVISED = GOOD.replace("计量单位", "计量单位,修订", 1)


def score(folder, files, *arguments, system=SYSTEM):
    """Scores `period.csv`, or what `arguments` say, with a system in a folder of its own."""
    write(folder, {"s.yaml": system, **files})
    return kpi("score", *(arguments or (folder / "period.csv",)), "--system", folder / "s.yaml")


def more(*rows, good=GOOD):
    return {"period.csv": good + "".join(f"{row}\n" for row in rows)}


# ---- FILES THAT CANNOT BE READ OR PLACED: OF THESE NOTHING IS SCORED ---- #


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, ("K501", "period.csv", None, None), id="not there"),
        pytest.param({"period.csv": ""}, ("K502", "period.csv", None, None), id="empty"),
        pytest.param({"period.csv": "\n  \n"}, ("K502", "period.csv", None, None), id="only blanks"),
        pytest.param({"period.csv": HEADER + "\n"}, ("K505", "period.csv", 1, None), id="only a header"),
        pytest.param({"period.csv": b"\x89PNG\r\n\x1a\n" * 9}, ("K503", "period.csv", None, None), id="an image"),
        pytest.param({"period.csv": b"PK\3\4" + bytes(200)}, ("K503", "period.csv", None, None), id="a broken zip"),
        pytest.param({"period.csv": '{"a": {"b": 1}}'}, ("K503", "period.csv", None, None), id="JSON"),
        pytest.param({"period.csv": bytes(range(256)) * 4}, ("K503", "period.csv", None, None), id="binary"),
        pytest.param(
            {"period.csv": GOOD.replace("指标", "啥", 1)}, ("K541", "period.csv", None, None), id="no measure column"
        ),
        pytest.param(
            {"period.csv": GOOD.replace("地区", "啥", 1)}, ("K541", "period.csv", None, None), id="no entity column"
        ),
        pytest.param(
            {"period.csv": HEADER + "\n2023Q4,乙县,办件量,1,234,件\n"}, ("K506", "period.csv", 2, None), id="ragged"
        ),
        pytest.param(more('2023Q4,乙县,"办件量,1,件'), ("K513", "period.csv", 8, None), id="open quotation mark"),
        pytest.param(
            {"period.csv": GOOD.replace("数值", "地区", 1)}, ("K508", "period.csv", 1, None), id="header twice"
        ),
    ],
)
def test_a_file_that_is_no_data(tmp_path, files, expected):
    ran = score(tmp_path, files)
    assert ran.exception is None
    assert ran.errors == [expected]
    assert (ran.code, ran.out, ran.counts) == (2, "", None)


def test_all_broken_files_are_told_of_at_once(tmp_path):
    write(tmp_path, {"empty.csv": "", "image.csv": b"\x89PNG\r\n\x1a\n" * 9})
    ran = score(tmp_path, {}, tmp_path / "empty.csv", tmp_path / "image.csv", tmp_path / "absent.csv")
    assert [(code, file) for code, file, _, _ in ran.errors] == [
        ("K502", "empty.csv"), ("K503", "image.csv"), ("K501", "absent.csv"),
    ]  # fmt: skip
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        pytest.param("", "K502", id="empty"),
        pytest.param(b"%PDF-1.7\n" * 9, "K503", id="a PDF"),
        pytest.param(b"PAR1" + bytes(200) + b"PAR1", "K503", id="damaged Parquet"),
        pytest.param(HEADER + "\n2023Q4,丙县,办件量,1,234,件\n", "K506", id="ragged"),
        pytest.param((HEADER + "\n2023Q4,丙县,办件量,1,件\n").encode() + b"\xff\xff\n", "K507", id="mixed encodings"),
        pytest.param("姓名,电话\n张三,123\n", "K541", id="another table"),
    ],
)
def test_a_bad_file_beside_a_good_one_is_told_and_the_rest_is_scored(tmp_path, bad, code):
    write(tmp_path, {"data/good.csv": GOOD, "data/bad.csv": bad, "s.yaml": SYSTEM})
    good, folder = tmp_path / "data" / "good.csv", tmp_path / "data"
    alone = kpi("score", good, "--system", tmp_path / "s.yaml")
    for files in ([folder], [folder / "*.csv"], [folder / "bad.csv", good]):
        ran = kpi("score", *files, "--system", tmp_path / "s.yaml")
        assert ran.exception is None
        assert [(result, file) for result, file, _, _ in ran.errors] == [(code, "bad.csv")]
        assert (ran.code, ran.out, ran.counts) == (2, alone.out, alone.counts)
        assert "1 file or sheet not read." in ran.err
    strict = kpi("score", folder, "--system", tmp_path / "s.yaml", "--strict")
    assert (strict.code, strict.out) == (2, "")
    checked = kpi("check", tmp_path / "s.yaml", "--data", folder)
    assert (checked.code, [result for result, *_ in checked.errors]) == (1, [code])


def test_a_bad_file_is_no_finding_of_an_embedding_service_unless_it_says_so(tmp_path):
    write(tmp_path, {"good.csv": GOOD, "bad.csv": "", "s.yaml": SYSTEM})
    with pytest.raises(DataError, match="K502"):
        score_files([tmp_path / "good.csv", tmp_path / "bad.csv"], system=tmp_path / "s.yaml")
    card = score_files([tmp_path / "good.csv", tmp_path / "bad.csv"], system=tmp_path / "s.yaml", partly=True)
    assert card.counts["unread"] == 1


def test_a_dataset_that_the_system_lacks(tmp_path):
    write(tmp_path, more())
    ran = score(tmp_path, {}, "--data", f"reportd={tmp_path / 'period.csv'}")
    assert [item["hint"] for item in ran.findings] == ["did you mean `reported`?"]
    assert (ran.code, ran.out, [code for code, *_ in ran.errors]) == (2, "", ["K204"])


def test_data_may_have_a_name(tmp_path):
    write(tmp_path, more())
    file = tmp_path / "period.csv"
    unnamed, named, plain = (
        score(tmp_path, {}, "--data", file),
        score(tmp_path, {}, "--data", f"reported={file}"),
        score(tmp_path, {}, file),
    )
    assert unnamed.code == named.code == plain.code == 0
    assert unnamed.out == named.out == plain.out != ""


@pytest.mark.parametrize("data", ["=period.csv", "reported="])
def test_data_with_half_a_name(tmp_path, data):
    ran = score(tmp_path, {}, "--data", data)
    assert (ran.code, ran.out, [code for code, *_ in ran.errors]) == (2, "", ["K542"])


@pytest.mark.parametrize(("period", "code"), [("2022Q1", "K551"), ("前年", "K606"), ("2023-11", "K606")])
def test_a_period_that_the_files_lack(tmp_path, period, code):
    write(tmp_path, more())
    ran = score(tmp_path, {}, tmp_path / "period.csv", "--period", period)
    assert (ran.code, ran.out, [item["code"] for item in ran.findings]) == (2, "", [code])


@pytest.mark.parametrize(
    ("system", "files", "expected"),
    [
        pytest.param(ROSTER, {"roster.csv": "a,b\n1,2\n"}, ("K541", "roster.csv", None, None), id="roster, no entity"),
        pytest.param(
            ROSTER,
            {"roster.csv": "entity\n甲县\n乙县\n甲县\n"},
            ("K603", "roster.csv", 4, "entity"),
            id="roster, twice",
        ),
        pytest.param(
            ROSTER,
            {"roster.csv": "entity,code\n甲县,01\n乙县,01\n"},
            ("K603", "roster.csv", 3, "code"),
            id="roster, code",
        ),
        pytest.param(
            ROSTER,
            {"roster.csv": "entity,order\n甲县,1\n乙县,x\n"},
            ("K604", "roster.csv", 3, "order"),
            id="roster, order",
        ),
        pytest.param(
            ROSTER,
            {"roster.csv": "entity,code\n甲县,01\n,02\n"},
            ("K602", "roster.csv", 3, "entity"),
            id="roster, blank",
        ),
        pytest.param(ROSTER, {"roster.csv": ""}, ("K502", "roster.csv", None, None), id="roster, empty"),
        pytest.param(
            OWN_FILE,
            {"own.csv": "entity,target\n甲县,9\n"},
            ("K541", "own.csv", None, None),
            id="targets, no indicator",
        ),
    ],
)
def test_files_beside_the_definition(tmp_path, system, files, expected):
    ran = score(tmp_path, {**more(), **files}, system=system)
    assert ran.exception is None
    assert ran.errors == [expected]
    assert (ran.code, ran.out) == (2, "")
    if system is ROSTER:
        checked = kpi("check", tmp_path / "s.yaml")
        assert (checked.errors, checked.code) == ([expected], 1)


# ---- ROWS THAT CANNOT BE USED: THE REST IS SCORED ---- #

ROW_CASES = [
    pytest.param(
        more("2023Q4,丙县,,1,件"), SYSTEM, [("K601", 8, "指标")], {"read": 7, "used": 6, "refused": 1}, id="no measure"
    ),
    pytest.param(
        more("2023Q4,,办件量,1,件"), SYSTEM, [("K602", 8, "地区")], {"read": 7, "used": 6, "refused": 1}, id="no entity"
    ),
    pytest.param(
        {**more("2023Q4,乙先县,办件量,1,件"), "roster.csv": "entity\n甲县\n乙县\n"},
        ROSTER,
        [("K602", 8, "地区")],
        {"read": 7, "used": 6, "refused": 1},
        id="unknown entity",
    ),
    pytest.param(
        more("去年,丙县,办件量,1,件"), SYSTEM, [("K606", 8, "期别")], {"read": 7, "used": 6, "refused": 1}, id="period"
    ),
    pytest.param(
        more(",丙县,办件量,1,件"), SYSTEM, [("K606", 8, "期别")], {"read": 7, "used": 6, "refused": 1}, id="no period"
    ),
    pytest.param(
        more("2023年4-9月,丙县,办件量,1,件"),
        SYSTEM,
        [("K609", 8, "期别")],
        {"read": 7, "used": 6, "refused": 1},
        id="period too long",
    ),
    pytest.param(
        more("2023Q4,丙县,办件量,约500,件"),
        SYSTEM,
        [("K604", 8, "数值")],
        {"read": 7, "used": 6, "refused": 1},
        id="cell",
    ),
    pytest.param(
        more("2023Q4,丙县,办件量,9,万元"),
        SYSTEM,
        [("K605", 8, "计量单位")],
        {"read": 7, "used": 6, "refused": 1},
        id="unit of another dimension",
    ),
    pytest.param(
        more("2023Q4,丙县,办件量,3万元,件"),
        SYSTEM,
        [("K605", 8, "计量单位")],
        {"read": 7, "used": 6, "refused": 1},
        id="typed unit of another dimension",
    ),
    pytest.param(
        more("2023Q4,乙县,办件量,1,234,件"),
        SYSTEM,
        [("K506", 8, None)],
        {"read": 7, "used": 6, "refused": 1},
        id="a comma that makes two cells of one",
    ),
    pytest.param(
        {"period.csv": GOOD.replace("1000,件", "1,000,件").replace("甲县,地区生产总值,120", "甲县,地区生产总值,一百")},
        SYSTEM,
        [("K506", 3, None), ("K604", 2, "数值")],
        {"read": 6, "used": 4, "refused": 2},
        id="rows after it keep their numbers",
    ),
    pytest.param(
        more("2023Q4,丙县,办件量,9,个头"),
        SYSTEM,
        [("K605", 8, "计量单位")],
        {"read": 7, "used": 6, "refused": 1},
        id="unit nobody knows",
    ),
    pytest.param(
        more("2023Q4,乙县,办件量,500,件"), SYSTEM, [], {"read": 7, "used": 6, "repeated": 1}, id="repeated row"
    ),
    pytest.param(
        more("2023Q4,乙县,办件量,501,件"),
        SYSTEM,
        [("K608", 6, "数值"), ("K608", 8, "数值")],
        {"read": 7, "used": 5, "refused": 2},
        id="duplicate key rows",
    ),
    pytest.param(
        more("2023Q4,乙县,办件量,501,件,1", good=REVISED),
        SYSTEM,
        [],
        {"read": 7, "used": 6, "restated": 1},
        id="revision",
    ),
    pytest.param(
        more("2023Q4,乙县,办件量,501,件,1", "2023Q4,乙县,办件量,502,件,1", good=REVISED),
        SYSTEM,
        [("K608", 8, "数值"), ("K608", 9, "数值")],
        {"read": 8, "used": 5, "refused": 2, "restated": 1},
        id="contradictory revisions",
    ),
    pytest.param(
        more("2023Q4,丙县,办件量,501,件,二", good=REVISED),
        SYSTEM,
        [("K604", 8, "修订")],
        {"read": 7, "used": 6, "refused": 1},
        id="revision that is no number",
    ),
    pytest.param(
        more("2023Q4,丙县,办件量,x1,件", "2023Q4,丙县,办件量,x2,件"),
        SYSTEM,
        [("K604", 8, "数值"), ("K604", 9, "数值")],
        {"read": 8, "used": 6, "refused": 2},
        id="two bad rows of one figure are counted once each",
    ),
    pytest.param(
        more("2023年4-9月,丙县,办件量,x1,件"),
        SYSTEM,
        [("K604", 8, "数值")],
        {"read": 7, "used": 6, "refused": 1},
        id="a bad cell of a period that is too long is one finding",
    ),
    pytest.param(
        {"period.csv": GOOD.replace("计量单位", "计量单位,目标值", 1) + "2023Q4,丙县,地区生产总值,90,亿元,八十\n"},
        OWN_COLUMN,
        [("K604", 8, "目标值")],
        {"read": 7, "used": 7},
        id="target cell",
    ),
    pytest.param(
        more("2023Q4,丙县,经济总量,8万个,"),
        OWN_COLUMN,
        [("K604", 8, "数值")],
        {"read": 7, "used": 6, "refused": 1},
        id="target row in a unit of another dimension",
    ),
    pytest.param(
        {**more(), "own.csv": "entity,indicator,target\n甲县,output,九\n"},
        OWN_FILE,
        [("K604", 2, "target")],
        {"read": 6, "used": 6},
        id="target file, cell",
    ),
    pytest.param(
        {**more(), "own.csv": "entity,indicator,target\n丁县,output,9\n"},
        OWN_FILE,
        [("K602", 2, "entity")],
        {"read": 6, "used": 6},
        id="target file, entity",
    ),
    pytest.param(
        {**more(), "own.csv": "entity,indicator,target\n甲县,outptu,9\n"},
        OWN_FILE,
        [("K203", 2, "indicator")],
        {"read": 6, "used": 6},
        id="target file, indicator",
    ),
    pytest.param(
        {**more(), "own.csv": "entity,indicator,target\n甲县,output,9\n甲县,output,8\n"},
        OWN_FILE,
        [("K608", 3, "target")],
        {"read": 6, "used": 6},
        id="target file, twice",
    ),
]


@pytest.mark.parametrize(("files", "system", "expected", "counts"), ROW_CASES)
def test_a_bad_row_is_named_and_the_rest_is_scored(tmp_path, files, system, expected, counts):
    ran = score(tmp_path, files, system=system)
    assert ran.exception is None
    assert [(code, row, field) for code, _, row, field in ran.errors] == expected
    assert {file for _, file, _, _ in ran.errors} <= set(files)
    assert ran.counts == counts
    assert ran.code == (2 if expected else 0)
    assert "甲县" in ran.out
    assert {line.split(",")[3] for line in ran.out.splitlines()[1:]} <= {"甲县", "乙县", "丙县"}


@pytest.mark.parametrize(("files", "system", "expected", "counts"), ROW_CASES)
def test_strict_prints_no_result(tmp_path, files, system, expected, counts):
    write(tmp_path, {"s.yaml": system, **files})
    out = tmp_path / "out.csv"
    ran = kpi("score", tmp_path / "period.csv", "--system", tmp_path / "s.yaml", "--strict", "-o", out)
    assert ran.exception is None
    assert (ran.code, out.exists()) == ((2, False) if expected else (0, True))
    assert ran.out == ""


def test_json_counts_the_rows_as_the_summary_does(tmp_path):
    write(tmp_path, {"s.yaml": SYSTEM, **more("2023Q4,乙县,办件量,500,件", "2023Q4,丙县,办件量,x,件")})
    ran = kpi("score", tmp_path / "period.csv", "--system", tmp_path / "s.yaml", "-f", "json")
    rows = json.loads(ran.out)["rows"]
    assert rows == {"read": 8, "used": 6, "refused": 1, "restated": 0, "repeated": 1}
    assert {name: number for name, number in rows.items() if number} == ran.counts


def test_a_table_without_a_column_of_periods_says_so(tmp_path):
    write(tmp_path, {"s.yaml": SYSTEM, "period.csv": GOOD.replace("期别", "阶段", 1)})
    ran = kpi("score", tmp_path / "period.csv", "--system", tmp_path / "s.yaml")
    assert {(code, field) for code, _, _, field in ran.errors} == {("K606", None)}
    assert {item["message"] for item in ran.findings} == {"no column says which period the row is for"}
    assert kpi("score", tmp_path / "period.csv", "--system", tmp_path / "s.yaml", "-p", "2023Q4").code == 0


def test_a_refused_figure_is_no_zero_and_says_why(tmp_path):
    files = {"period.csv": GOOD.replace("乙县,网上办件量,300", "乙县,网上办件量,三百")}
    write(tmp_path, {"s.yaml": SYSTEM, **files})
    kpi("score", tmp_path / "period.csv", "--system", tmp_path / "s.yaml", "-o", f"{tmp_path}/out/")
    measures = pl.read_parquet(tmp_path / "out" / "measures.parquet")
    online = measures.filter(entity="乙县", measure="online").select("value", "status", "rows").row(0)
    assert online == (None, "refused", 1)
    indicators = pl.read_parquet(tmp_path / "out" / "indicators.parquet")
    assert indicators.filter(entity="乙县", indicator="online_rate").select("value", "status").row(0) == (
        None,
        "refused",
    )


def test_an_unknown_system_and_a_broken_one(tmp_path):
    write(tmp_path, more())
    ran = kpi("score", tmp_path / "period.csv", "--system", "jiaxing-2021")
    assert (ran.code, ran.out, [item["hint"] for item in ran.findings]) == (2, "", ["did you mean `jiaxing-2022`?"])
    ran = score(tmp_path, {}, tmp_path / "period.csv", system=SYSTEM.replace("of: gdp", "of: gpd"))
    assert (ran.code, ran.out, [item["code"] for item in ran.findings]) == (2, "", ["K203"])
    assert ran.findings[0]["line"] == 10


# ---- RECORDS AND WIDE FILES ---- #

RECORDS = """\
system: small
period: quarter
entities: {title: 县}
datasets:
  items: {form: records, columns: {period: 办结日期, entity: 所属县市}}
measures:
  total: {kind: count, from: items, unit: 件}
  fees:  {kind: sum, from: items, of: 收费, unit: 元}
indicators:
  load: {kind: level, of: total}
  cost: {kind: level, of: fees}
"""
ITEMS = "办结日期,所属县市,收费\n2023-12-01,甲县,3\n2023-12-05,乙县,4\n"


@pytest.mark.parametrize(
    ("text", "expected", "counts"),
    [
        pytest.param(
            ITEMS + "2023-12-07,,5\n", [("K602", 4, "所属县市")], {"read": 3, "used": 2, "refused": 1}, id="who"
        ),
        pytest.param(
            ITEMS + "某日,甲县,5\n", [("K606", 4, "办结日期")], {"read": 3, "used": 2, "refused": 1}, id="when"
        ),
        pytest.param(
            ITEMS + ",,5\n",
            [("K602", 4, "所属县市"), ("K606", 4, "办结日期")],
            {"read": 3, "used": 2, "refused": 1},
            id="both, one row",
        ),
        pytest.param(
            ITEMS + "2023-12-07,甲县,五元\n", [("K604", 4, "收费")], {"read": 3, "used": 2, "refused": 1}, id="cell"
        ),
    ],
)
def test_bad_records(tmp_path, text, expected, counts):
    ran = score(tmp_path, {"period.csv": text}, system=RECORDS)
    assert ran.exception is None
    assert [(code, row, field) for code, _, row, field in ran.errors] == expected
    assert (ran.code, ran.counts) == (2, counts)


def test_records_without_a_column_that_measures_read(tmp_path):
    ran = score(tmp_path, {"period.csv": ITEMS.replace("收费", "费用", 1)}, system=RECORDS)
    assert (ran.code, [code for code, *_ in ran.errors]) == (2, ["K541"])
    assert "收费" in ran.findings[0]["message"]


def test_a_wide_file_names_the_bad_cell(tmp_path):
    text = "期别,地区,GDP（亿元）,办件量,网上办件量\n2023Q4,甲县,120,1000,900\n2023Q4,乙县,八十,500,300\n"
    ran = score(tmp_path, {"period.csv": text}, system=SYSTEM.replace("title: 地区生产总值", "title: GDP"))
    assert ran.errors == [("K604", "period.csv", 3, "GDP(亿元)")]
    assert (ran.code, ran.counts) == (2, {"read": 6, "used": 5, "refused": 1})


def test_a_unit_above_the_table_that_fits_a_column_not_is_said_to_come_from_there(tmp_path):
    text = "单位：万元,,,\n期别,地区,GDP,办件量\n2023Q4,甲县,1200000,1000\n"
    ran = score(tmp_path, {"period.csv": text}, system=SYSTEM.replace("title: 地区生产总值", "title: GDP"))
    assert (ran.errors, ran.counts) == (
        [("K605", "period.csv", 3, "办件量")], {"read": 2, "used": 1, "refused": 1}
    )  # fmt: skip
    (hint,) = [item["hint"] for item in ran.findings if item["code"] == "K605"]
    assert hint.startswith("单位：万元 above the table")
    assert hint.endswith("the header")


def test_a_column_of_a_wide_file_that_is_not_read_is_told(tmp_path):
    text = "期别,地区,地区生产总值,办件量,网上办件,人口,备注\n2023Q4,甲县,120,1000,900,5,无\n"
    ran = score(tmp_path, {"period.csv": text})
    assert [(item["code"], item["severity"], item["field"], item["hint"]) for item in ran.findings] == [
        ("K528", "warning", "网上办件", "did you mean `网上办件量`?"),
        ("K528", "info", "人口", None),
    ]
    assert (ran.code, ran.counts) == (0, {"read": 2, "used": 2})


# ---- ANY MUTATION OF A GOOD FILE ---- #


def mutated(text: str, seed: int, times: int) -> bytes:
    """Return a text with some random damage: bytes, cells and rows lost, doubled, swapped, typed wrongly."""
    random_ = random.Random(seed)
    odd = [
        "",
        "x",
        "1e999",
        "—",
        "#REF!",
        "2023年1-9月",
        "2023-13",
        "，",
        '"',
        "=1+1",
        "NaN",
        "-",
        "万元",
        "\ufeff",
        "九",
    ]
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(times):
        row = random_.randrange(len(rows)) if rows else 0
        match random_.randrange(7):
            case 0 if rows:
                del rows[row]
            case 1 if rows:
                rows.insert(row, list(rows[row]))
            case 2 | 3 if rows and rows[row]:
                rows[row][random_.randrange(len(rows[row]))] = random_.choice(odd)
            case 4 if rows and rows[row]:
                del rows[row][random_.randrange(len(rows[row]))]
            case 5 if rows:
                rows[row].append(random_.choice(odd))
            case _ if rows:
                other = random_.randrange(len(rows))
                rows[row], rows[other] = rows[other], rows[row]
    data = bytearray("\n".join(map(",".join, rows)).encode())
    if seed % 5 == 0 and data:
        data[random_.randrange(len(data))] = random_.randrange(256)
    return bytes(data)


@given(seed=st.integers(0, 10**9), times=st.integers(1, 6))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_damage_gives_a_traceback_or_loses_a_row(seed, times):
    with tempfile.TemporaryDirectory() as name:
        ran = score(Path(name), {"period.csv": mutated(GOOD, seed, times)})
    assert ran.exception is None
    assert ran.code in {0, 2}
    assert ran.code == (2 if ran.errors else 0)
    if ran.out:
        scores = pl.read_csv(ran.out.encode(), schema_overrides={"score": pl.Float64, "raw_score": pl.Float64})
        assert scores.select(pl.col("score", "raw_score").is_finite().all()).row(0) in {(True, True), (None, None)}
        assert scores["score"].is_null().eq(scores["status"] != "ok").all()
    if (counts := ran.counts) is not None:
        parts = ("used", "refused", "restated", "repeated", "left_out")
        assert counts["read"] == sum(counts.get(key, 0) for key in parts)
        refused = {(row, file) for code, file, row, _ in ran.errors if row is not None}
        assert len(refused) == counts.get("refused", 0)
