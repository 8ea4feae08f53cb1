"""How well departments report, and explanations that answer queries: counted by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main
from kpi.errors import DataError, Severity
from kpi.language.loading.loader import examine
from kpi.language.system import System
from kpi.report.files import content, write
from kpi.report.language import LANGUAGES, tr, using
from kpi.report.queries import FindingsReport

FOLDER = Path(__file__).parent
CLEAN = FOLDER / "clean.csv"


@pytest.fixture
def chinese(monkeypatch):
    monkeypatch.setenv("KPI_LANG", "zh")


@pytest.fixture(scope="module")
def system():
    return examine(FOLDER / "system.yaml").system


def small(**more):
    return System.model_validate({
        "system": "small", "period": "quarter", "entities": {},
        "measures": {name: {"title": name, "unit": "件"} for name in ("a", "b", "c")},
        "indicators": {"one": {"kind": "level", "of": "a", "lead": ["甲局", "乙局"]},
                       "two": {"kind": "level", "of": "b", "lead": "乙局"},
                       "both": {"kind": "formula", "expr": "a + c", "unit": "件"}},
        "checks": {"late": {"due": "10d", "of": ["a", "b"]}, "few": {"expr": "b <= 5", "severity": "query"}}, **more,
    })  # fmt: skip


#: a: 甲局, b: 乙局, c: nobody's, so of the entity itself.
ROWS = [
    ("东县", "a", "1", "2024-01-10", None), ("西县", "a", "2", "2024-01-11", None),
    ("东县", "b", "9", "2024-01-05", None), ("西县", "b", "约4", "2024-01-05", None),
    ("东县", "c", "不适用", None, None),
]  # fmt: skip


def figures(rows=ROWS, **columns):
    frame = pl.DataFrame(rows, schema=["地区", "指标", "数值", "报送日期", "说明"], orient="row")
    return frame.with_columns(期别=pl.lit("2023Q4"), **columns)


def shown(card):
    return {row["department"]: row for row in card.quality.to_dicts()}


def test_the_parts_are_counted():
    result = shown(kpi.score(figures(), system=small()))
    counts = ("expected", "reported", "dated", "on_time", "sound")
    assert {name: tuple(row[key] for key in counts) for name, row in result.items()} == {
        # 西县's a is a day late; its b cannot be read, and 9 is above 5; c is answered by 不适用, and lacking in 西县.
        "甲局": (2, 2, 2, 1, 1), "乙局": (2, 2, 2, 2, 0), "东县": (1, 1, 0, 0, 1), "西县": (1, 0, 0, 0, 0),
    }  # fmt: skip
    parts = ("completeness", "timeliness", "accuracy", "quality")
    assert {name: tuple(row[key] for key in parts) for name, row in result.items()} == {
        # 40 : 20 : 40, over the parts that can be told.
        "甲局": (100.0, 50.0, 50.0, 70.0), "乙局": (100.0, 100.0, 0.0, 60.0),
        "东县": (100.0, None, 100.0, 100.0), "西县": (0.0, None, None, 0.0),
    }  # fmt: skip


def test_a_late_figure_is_told_against_until_it_is_explained():
    """西县's a is a day late, which is a query: the note answers it, but it stays late."""
    rows = [(*row[:4], "系统故障" if row[:2] == ("西县", "a") else None) for row in ROWS]
    row = shown(kpi.score(figures(rows), system=small()))["甲局"]
    assert (row["timeliness"], row["accuracy"]) == (50.0, 100.0)


def test_the_weights_are_the_systems():
    quality = {"completeness": 1, "timeliness": 0, "accuracy": 0, "ours": False}
    assert shown(kpi.score(figures(), system=small(quality=quality)))["乙局"]["quality"] == 100.0


def test_who_reports_may_stand_in_the_data():
    card = kpi.score(figures(报送单位=pl.lit("统计站")), system=small())
    assert {name: row["reported"] for name, row in shown(card).items()} == {"统计站": 5, "西县": 0}


def test_the_quality_of_a_period_is_that_of_its_rows():
    more = pl.concat([figures(), figures([("东县", "a", "1", None, None)]).with_columns(期别=pl.lit("2023Q3"))])
    card = kpi.score(more, system=small())
    assert card.quality["period"].unique(maintain_order=True).to_list() == ["2023Q3", "2023Q4"]
    assert card.only([8095]).quality.rows() == card.quality.filter(period="2023Q4").rows()


def test_quality_is_an_extra_only_where_something_tells_who_reports():
    plain = System.model_validate({
        "system": "plain", "period": "quarter", "entities": {}, "measures": {"a": {"unit": "件"}},
        "indicators": {"one": {"kind": "level", "of": "a"}},
    })  # fmt: skip
    frame = figures([("东县", "a", "1", None, None)]).drop("报送日期")
    assert kpi.score(frame, system=plain).extras == {}
    assert set(kpi.score(frame.with_columns(报送单位=pl.lit("站")), system=plain).extras) == {"quality"}


@pytest.mark.usefixtures("chinese")
def test_quality_and_history_are_in_every_output(system, tmp_path):
    card = kpi.score([CLEAN, FOLDER / "v06-jump.csv"], system=system)
    written = write(card, f"{tmp_path}/")
    assert {"quality.parquet", "restated.parquet"} <= {path.name for path in written}
    text = content(card, "json").decode()
    assert '"quality": [' in text
    assert '"restated": [' in text
    import openpyxl

    (book,) = write(card, tmp_path / "a.xlsx")
    sheets = openpyxl.load_workbook(book)
    assert [cell.value for cell in sheets["报送质量"][1]][:3] == ["期别", "报送单位", "应报数"]
    assert [cell.value for cell in sheets["修订"][2]][:3] == ["2023Q4", "甲县", "cases"]


# ---- EXPLANATIONS ---- #


@pytest.mark.usefixtures("chinese")
def test_a_form_that_comes_back_answers_its_queries(system, tmp_path):
    data = [CLEAN, FOLDER / "v06-jump.csv"]
    (query,) = kpi.score(data, system=system).findings_list
    for name in ("form.csv", "form.xlsx"):
        (form,) = write(FindingsReport((query,)), tmp_path / name)
        if name.endswith("csv"):
            filled = pl.read_csv(form, infer_schema=False).with_columns(说明=pl.lit("新设便民中心"))
            filled.write_csv(form)
        else:
            import openpyxl

            book = openpyxl.load_workbook(form)
            sheet = book.active
            sheet.cell(2, sheet.max_column).value = "新设便民中心"
            book.save(form)
        card = kpi.score(data, system=system, explanations=form)
        (result,) = card.findings_list
        assert (result.code, result.severity) == ("K703", Severity.INFO)
        assert result.message == f"{query.message}; explanation: 新设便民中心"
        assert shown(card)["市政务办"]["accuracy"] == 100.0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("then", LANGUAGES)
@pytest.mark.parametrize("header", ["评价对象,期别,问题,说明", "Entity,Period,Finding,Note"])
def test_a_form_answers_its_queries_whatever_the_language_in_which_it_was_written(
    system, tmp_path, language, then, header
):
    data = [CLEAN, FOLDER / "v06-jump.csv"]
    (query,) = kpi.score(data, system=system).findings_list
    with using(language):
        row = [query.place.entity, query.place.period, tr(query.message), "新设便民中心"]
    form = tmp_path / "form.csv"
    form.write_text("\n".join([header, ",".join(f'"{cell}"' for cell in row)]) + "\n", "utf-8")
    with using(then):
        (result,) = kpi.score(data, system=system, explanations=form).findings_list
        assert tr(result.message).endswith("新设便民中心")
    assert result.code == "K703"


def test_an_answer_to_another_wording_answers_nothing(system, tmp_path):
    data = [CLEAN, FOLDER / "v06-jump.csv"]
    (query,) = kpi.score(data, system=system).findings_list
    form = tmp_path / "form.csv"
    row = [query.place.entity, query.place.period, f"{query.message}?", "新设便民中心"]
    form.write_text("评价对象,期别,问题,说明\n" + ",".join(f'"{cell}"' for cell in row) + "\n", "utf-8")
    codes = [item.code for item in kpi.score(data, system=system, explanations=form).findings_list]
    assert sorted(codes) == ["K701", "K705"]


def test_a_form_without_answers_changes_nothing(system, tmp_path):
    data = [CLEAN, FOLDER / "v06-jump.csv"]
    before = kpi.score(data, system=system).findings_list
    (form,) = write(FindingsReport(tuple(before)), tmp_path / "form.csv")
    assert kpi.score(data, system=system, explanations=form).findings_list == before


def test_figures_may_be_explained_by_name(system, tmp_path):
    file = tmp_path / "notes.csv"
    file.write_text("期别,地区,指标,说明\n2023年四季度,甲县,办件量,新设便民中心\n", "utf-8")
    card = kpi.score([CLEAN, FOLDER / "v06-jump.csv"], system=system, explanations=file)
    assert [item.code for item in card.findings_list] == ["K703"]


def test_an_answer_does_not_undo_an_error(system, tmp_path):
    data = [CLEAN, FOLDER / "v02-part.csv"]
    (result,) = kpi.score(data, system=system).findings_list
    (form,) = write(FindingsReport((result,)), tmp_path / "form.csv")
    pl.read_csv(form, infer_schema=False).with_columns(说明=pl.lit("就是这样")).write_csv(form)
    (reports,) = kpi.score(data, system=system, explanations=form).findings_list
    assert (reports.code, reports.severity) == ("K701", Severity.ERROR)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("期别,地区,指标,说明\n2023Q4,甲县,办件量,对\n2023Q4,丙县,办件量,错\n", 3),
        ("期别,地区,指标,说明\n2023Q4,甲县,什么,错\n", 2),
        ("期别,地区,指标,说明\n2019Q4,甲县,办件量,错\n", 2),
        ("期别,评价对象,问题,说明\n2023Q4,甲县,没有的问题,错\n", 2),
    ],
)
def test_a_row_that_explains_nothing_is_told(system, tmp_path, text, row):
    file = tmp_path / "notes.csv"
    file.write_text(text, "utf-8")
    (result,) = kpi.score(CLEAN, system=system, explanations=file).findings_list
    assert (result.code, result.place.row, result.place.field) == ("K705", row, "说明")


def test_explanations_without_their_columns(system, tmp_path):
    file = tmp_path / "notes.csv"
    file.write_text("期别,地区\n2023Q4,甲县\n", "utf-8")
    with pytest.raises(DataError) as caught:
        kpi.score(CLEAN, system=system, explanations=file)
    assert caught.value.diagnostics[0].code == "K541"


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("v11_due", ["审核 地区生产总值应在期末后10天内报送；办件量应在期末后10天内报送", "级别 查询"]),
        ("v12_city", ["审核 地区生产总值分地区合计与全市数相差超过每个地区 0.5 个末位", "级别 警告"]),
        ("v2_part", ["审核 应满足 online <= cases", "级别 错误"]),
    ],
)
def test_a_check_is_shown_in_words(name, lines):
    done = CliRunner().invoke(main, ["show", str(FOLDER / "system.yaml"), name])
    assert [" ".join(line.split()) for line in done.stdout.splitlines()[1:]] == lines
    assert "v14_scope" in CliRunner().invoke(main, ["show", str(FOLDER / "system.yaml")]).stdout


@pytest.mark.usefixtures("chinese")
def test_the_command_shows_the_quality_and_takes_explanations(tmp_path):
    data = ["--data", str(CLEAN), "--data", str(FOLDER / "v06-jump.csv")]
    form = tmp_path / "form.csv"
    done = CliRunner().invoke(main, ["check", str(FOLDER / "system.yaml"), *data, "-o", str(form)])
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1].split() == ["报送单位", "应报", "已报", "完整率", "及时率", "准确率", "质量分"]
    assert done.stdout.splitlines()[-1].split() == ["市政务办", "4", "4", "100.0", "100.0", "75.0", "90.00"]
    assert "[K701]" in done.stderr
    form.write_text(form.read_text("utf-8-sig").rstrip("\n") + "新设便民中心\n", "utf-8")
    done = CliRunner().invoke(main, ["check", str(FOLDER / "system.yaml"), *data, "--explanations", str(form)])
    assert "[K703]" in done.stderr
    assert "[K701]" not in done.stderr
