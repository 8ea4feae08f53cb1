"""Annexes of every layout and format: the definition loads, has the marks of the table, and scores figures."""

from __future__ import annotations

import math

import pytest

import kpi
from kpi.intake.annexes.reading import draft_of
from kpi.language.loading.loader import examine_text
from kpi.report.definition_text import definition_text
from tests.intake.annex_tables import TABLES, WRITERS, Table


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("table", TABLES, ids=lambda item: item.name)
def test_an_annex_has_its_marks_in_the_definition(table: Table, form: str, tmp_path):
    path = WRITERS[form](table, tmp_path / f"指标体系.{form}")
    draft = draft_of([path])
    loaded = examine_text(definition_text(draft))
    assert loaded.system is not None, [str(item.message) for item in loaded.findings]
    assert not loaded.findings
    system = loaded.system
    titles = {name: item.title or name for name, item in system.pillars.items()}
    marks = {
        titles[name]: weight
        for item in system.pillars.values()
        for name, weight in item.parts.items()
        if name in titles
    }
    marks |= {titles[name]: item.weight for name, item in system.pillars.items() if item.weight is not None}
    assert table.pillars.items() <= marks.items() or len(system.pillars) == 1
    parts = {
        system.indicators[name].title or name: weight
        for item in system.pillars.values() for name, weight in item.parts.items() if name in system.indicators
    }  # fmt: skip
    assert parts == table.rows
    assert system.composite.full == table.total
    assert {item.title or name for name, item in system.adjustments.items()} == table.adjustments
    assert {item.code for item in draft.findings} == table.findings


@pytest.mark.parametrize("table", TABLES, ids=lambda item: item.name)
def test_the_definition_scores_figures(table: Table, tmp_path):
    path = WRITERS["csv"](table, tmp_path / "annex.csv")
    system = kpi.load(definition_text(draft_of([path])))
    from kpi.intake.synthetic.files import Sample, write

    write(Sample(system, entities=5, periods=1), str(tmp_path / "sample.csv"))
    card = kpi.score(tmp_path / "sample.csv", system=system)
    assert card.totals.height == 5
    vetoed = any(item.kind == "veto" for item in system.adjustments.values())
    assert all(vetoed if score is None else math.isfinite(score) for score in card.totals["score"])


def draft_from(tmp_path, text: str):
    (tmp_path / "annex.csv").write_text(text, "utf-8")
    return draft_of([tmp_path / "annex.csv"])


def codes(draft) -> dict[str, int | None]:
    return {item.code: item.place.row for item in draft.findings if item.severity.value == "warning"}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # The marks of a group are not those of its rows; the row of the total is not their sum.
        ("甲（30分）,一,20,按比例得分\n,二,15,按比例得分\n乙（70分）,三,70,按比例得分\n", {"K720": 2}),
        ("甲,一,20,按比例得分\n,二,15,按比例得分\n合计,,100,\n", {"K720": 4}),
        # No marks, or a text in their place.
        ("甲（30分）,一,,按比例得分\n,二,,按比例得分\n乙（70分）,三,70,按比例得分\n", {"K722": 2}),
        ("甲,一,另行通知,按比例得分\n,二,15,按比例得分\n", {"K722": 2}),
        ("甲,一,50,按比例得分\n,二,50,群众口碑好\n", {"K718": 3}),
        ("甲,一,50,按比例得分\n,二,50,未完成不得分\n一票否决,,,\n,发生事故,,\n", {"K727": 5}),
    ],
)
def test_what_does_not_add_up_or_is_not_there_is_reported_with_its_row(rows, expected, tmp_path):
    draft = draft_from(tmp_path, f"项目,指标,分值,评分标准\n{rows}")
    assert codes(draft) == expected
    assert kpi.load(definition_text(draft))


def test_the_marks_of_a_group_hold_where_its_rows_have_others(tmp_path):
    text = "项目,指标,分值,评分标准\n甲（30分）,一,20,按比例得分\n,二,20,按比例得分\n乙（70分）,三,70,按比例得分\n"
    system = kpi.load(definition_text(draft_from(tmp_path, text)))
    assert {name: (item.weight, item.relative) for name, item in system.pillars.items()} == {
        "甲": (30, True),
        "乙": (70, False),
    }


def test_a_row_of_a_group_is_no_indicator(tmp_path):
    text = (
        "序号,项目,指标,分值,评分标准\n一,基础工作,,60,\n1,,巡查,40,按比例得分\n2,,台账,20,每项扣2分\n"
        "二,创新,,40,\n3,,试点,40,按比例得分\n"
    )
    system = kpi.load(definition_text(draft_from(tmp_path, text)))
    assert {name: item.weight for name, item in system.pillars.items()} == {"基础工作": 60, "创新": 40}
    assert list(system.indicators) == ["巡查", "台账", "试点"]


def test_a_header_after_a_page_break_and_a_second_table_go_on(tmp_path):
    import docx

    document = docx.Document()
    for rows in (
        [["项目", "指标", "分值", "评分标准"], ["甲", "一", "40", "按比例得分"]],
        [["甲", "二", "60", "每项扣2分"]],
    ):
        table = document.add_table(rows=len(rows), cols=4)
        for row, line in enumerate(rows):
            for column, text in enumerate(line):
                table.cell(row, column).text = text
    document.add_paragraph("90分以上为优秀，70—89分为合格，70分以下为不合格。")
    document.save(str(tmp_path / "a.docx"))
    system = kpi.load(definition_text(draft_of([tmp_path / "a.docx"])))
    assert dict(system.pillars["甲"].parts) == {"一": 40, "二": 60}
    assert system.stars.names == {3: "优秀", 2: "合格", 1: "不合格"}
    again = "项目,指标,分值,评分标准\n甲,一,40,按比例得分\n项目,指标,分值,评分标准\n甲,二,60,每项扣2分\n"
    assert list(kpi.load(definition_text(draft_from(tmp_path, again))).indicators) == ["一", "二"]


def test_of_several_complete_tables_the_first_is_taken(tmp_path):
    import openpyxl

    book = openpyxl.Workbook()
    for name in ("乡镇", "部门"):
        sheet = book.create_sheet(name)
        for row in (["指标", "分值", "评分标准"], [f"{name}工作", 60, "按比例得分"], [f"{name}党建", 40, "每项扣2分"]):
            sheet.append(row)
    book.save(tmp_path / "a.xlsx")
    draft = draft_of([tmp_path / "a.xlsx"])
    assert list(codes(draft)) == ["K723"]
    assert list(kpi.load(definition_text(draft)).indicators) == ["乡镇工作", "乡镇党建"]


def test_a_rule_in_marks_of_a_row_in_percent_of_its_group_is_reported(tmp_path):
    text = "项目,指标,分值,评分标准\n甲（50分）,一,20%,每项扣2分\n,二,80%,按比例得分\n乙（50分）,三,100%,按比例得分\n"
    draft = draft_from(tmp_path, text)
    # 20 % of 50 marks are 10, of which 2 are 20 %.
    assert kpi.load(definition_text(draft)).indicators["一"].score.points == 20
    assert any("out of 10" in str(item.message) for item in draft.findings if item.code == "K719")


def test_departments_and_sources_are_kept(tmp_path):
    text = "指标,分值,计分方法,数据来源,牵头单位,责任单位,配合单位\n一,100,按比例得分,统计局,甲局,乙局、丙局,丁局\n"
    system = kpi.load(definition_text(draft_from(tmp_path, text)))
    indicator = system.indicators["一"]
    assert (indicator.lead, indicator.responsible) == (("甲局",), ("乙局", "丙局", "丁局"))
    assert indicator.note == "按比例得分；来源：统计局"


def test_a_veto_of_a_scored_row_holds_where_its_target_is_missed(tmp_path):
    text = "指标,目标值,分值,评分标准\n办结率,≥95%,60,未完成不得分，实行一票否决\n满意度,≥90%,40,按比例得分\n"
    system = kpi.load(definition_text(draft_from(tmp_path, text)))
    (veto,) = system.adjustments.values()
    assert (veto.when, veto.effect.fail) == ("办结率 < 95", True)


def test_rows_of_a_block_of_bonuses_share_its_limit(tmp_path):
    import polars as pl

    text = "类别,内容,分值,评分标准\n基础,工作,100,按比例得分\n加分项（5分）,表彰,4,每次加2分\n,试点,4,每个加1分\n"
    system = kpi.load(definition_text(draft_from(tmp_path, text)))
    titles = [item.title for item in system.measures.values()]
    # 4 of 6 for honours, 3 for pilots: 5 in all; one honour alone: 2; what is not reported earns nothing.
    figures = {"甲": (50, 3, 3), "乙": (50, 1, None)}
    rows = [
        {"期别": "2025", "地区": unit, "指标": title, "数值": str(value)}
        for unit, values in figures.items() for title, value in zip(titles, values, strict=True) if value is not None
    ]  # fmt: skip
    totals = kpi.score(pl.DataFrame(rows), system=system).totals
    assert dict(totals.select("entity", "score").iter_rows()) == {"甲": 55.0, "乙": 52.0}


@pytest.mark.parametrize(
    ("heading", "labels"),
    [
        ("序号", "1 2 加分项 扣分项 一票否决"),
        ("属性", "基本 基本 加分项 扣分项 否决项"),
        ("编号", "1 2 加分项1 减分项 一票否决事项"),
    ],
)  # fmt: skip
def test_a_block_is_known_by_a_label_before_the_names(heading, labels, tmp_path):
    import polars as pl

    label = labels.split()
    text = (
        f"{heading},类别,指标,分值,评分标准\n{label[0]},基本,办结率,60,按比例得分\n"
        f"{label[1]},,满意度,40,达到90%得满分，每低1个百分点扣2分\n{label[2]},,获国家级表彰,5,每次加2分，最高5分。\n"
        f"{label[3]},,被通报批评,,每次扣1分\n{label[4]},,发生重大事故,,\n"
    )
    draft = draft_from(tmp_path, text)
    system = kpi.load(definition_text(draft))
    assert {name: item.kind for name, item in system.adjustments.items()} == {
        "获国家级表彰": "bonus", "被通报批评": "deduction", "发生重大事故": "veto",
    }  # fmt: skip
    assert (system.composite.full, list(system.indicators)) == (100, ["办结率", "满意度"])
    assert system.adjustments["获国家级表彰"].max == 5
    assert "K722" not in codes(draft)
    # 60 + 40; + 2 for an honour; - 1 for a criticism; 3 honours are 5 at most.
    figures = {"甲": (0, 0), "乙": (1, 0), "丙": (3, 1)}
    titles = [item.title for item in system.measures.values()]
    rows = [
        {"期别": "2025", "地区": unit, "指标": title, "数值": str(value)}
        for unit, values in figures.items() for title, value in zip(titles, (100, 90, *values, 0), strict=True)
    ]  # fmt: skip
    totals = kpi.score(pl.DataFrame(rows), system=system).totals
    assert dict(totals.select("entity", "score").iter_rows()) == {"甲": 100, "乙": 102, "丙": 104}


def test_a_label_goes_on_where_the_cells_below_are_blank_and_ends_at_a_number(tmp_path):
    text = (
        "序号,指标,分值,评分标准\n加分项（5分）,表彰,4,每次加2分\n,试点,4,每个加1分\n1,办结率,60,按比例得分\n"
        "2,加分项目拨付率,40,按比例得分\n"
    )
    system = kpi.load(definition_text(draft_from(tmp_path, text)))
    assert [(item.kind, item.max) for item in system.adjustments.values()] == [("bonus", 5)]
    assert system.composite.full == 100


def test_a_label_without_a_name_is_no_part_of_the_row_above(tmp_path):
    text = (
        "序号,指标,分值,评分标准\n1,办结率,60,按比例得分\n2,满意度,40,按比例得分\n加分项,,5,每次表彰加2分\n"
        "一票否决,,,发生重大事故的不得评为优秀\n"
    )
    draft = draft_from(tmp_path, text)
    system = kpi.load(definition_text(draft))
    assert [item.kind for item in system.adjustments.values()] == ["bonus", "veto"]
    assert [item.note for item in system.indicators.values()] == ["按比例得分", "按比例得分"]
    assert system.composite.full == 100


STARS = "年度得分95分以上的评为五星，85分以上的评为四星，75分以上三星。"
GRADES = "90分以上为优秀；75—89分为良好；75分以下为一般。优秀比例不超过30%。"


@pytest.mark.parametrize("form", ["docx", "xlsx", "csv"])
@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize(
    ("text", "cuts", "unread"),
    [
        (STARS, {5: 95, 4: 85, 3: 75}, []),
        (STARS.rstrip("。"), {5: 95, 4: 85, 3: 75}, []),
        ("95分以上评为五星，75分以上评为三星。", None, ["五星"]),
        ("考核结果分为优秀、良好、一般三个等次，优秀比例不超过30%。", None, ["不超过30%"]),
        ("考核结果分为优秀、良好、一般三个等次", None, ["三个等次"]),
        (GRADES, {3: 90, 2: 75, 1: 0}, ["优秀比例不超过30%"]),
        (STARS + "连续两年三星的降为二星。", {5: 95, 4: 85, 3: 75}, ["降为二星"]),
        ("各单位要高度重视，营造良好氛围。", None, []),
    ],
)
def test_grades_beside_a_table_are_read_or_reported(*, text, cuts, unread, below, form, tmp_path):
    rows = [["项目", "指标", "分值", "评分标准"], ["甲", "一", "60", "按比例得分"], ["甲", "二", "40", "每项扣2分"]]
    path = tmp_path / f"a.{form}"
    if form == "docx":
        import docx

        document = docx.Document()
        if not below:
            document.add_paragraph(text)
        table = document.add_table(rows=3, cols=4)
        for row, line in enumerate(rows):
            for column, cell in enumerate(line):
                table.cell(row, column).text = cell
        if below:
            document.add_paragraph(text)
        document.save(str(path))
    else:
        lines = [*rows, [text]] if below else [[text], *rows]
        if form == "csv":
            path.write_text("\n".join(",".join([*line, "", "", ""][:4]) for line in lines), "utf-8")
        else:
            import openpyxl

            book = openpyxl.Workbook()
            for line in lines:
                book.active.append(line)
            book.save(path)
    draft = draft_of([path])
    stars = kpi.load(definition_text(draft)).stars
    assert (None if stars is None else dict(stars.cuts)) == cuts
    result = [str(item.message) for item in draft.findings if item.code == "K724" and item.severity.value == "warning"]
    assert len(result) == bool(unread)
    assert all(item in result[0] for item in unread)


def test_grades_that_a_veto_needs_and_no_text_has_are_reported(tmp_path):
    text = "类别,指标,分值,评分标准\n基本,一,60,按比例得分\n,二,40,按比例得分\n一票否决,发生事故,,取消评优资格\n"
    draft = draft_from(tmp_path, text)
    assert kpi.load(definition_text(draft)).stars.ours
    assert any("优秀 90" in str(item.message) for item in draft.findings if item.code == "K719")


def test_amounts_of_a_block_are_not_added_to_counts(tmp_path):
    text = (
        "类别,内容,分值,评分标准\n基础,工作,100,按比例得分\n加分项（5分）,引资,4,每到位1亿元加1分\n,表彰,4,每次加2分\n"
    )
    draft = draft_from(tmp_path, text)
    system = kpi.load(definition_text(draft))
    assert [item.unit for item in system.measures.values()][1:] == ["亿元", "次"]
    assert {name: item.max for name, item in system.adjustments.items()} == {"引资": 4, "表彰": 4}
    assert codes(draft) == {"K727": 3}


def test_what_a_step_costs_stays_in_the_marks_of_the_annex(tmp_path):
    rows = "指标,分值,评分标准\n台账,10,每项未完成扣2分\n投诉,90,每发生一起扣3分\n"
    draft = draft_from(tmp_path, rows)
    system = kpi.load(definition_text(draft))
    assert [system.rule(name).marks for name in system.indicators] == [2, 3]
