"""Ten annexes as documents have them, with invented contents: cells, merged ranges, and what they come to.

`^` is a cell that is merged with the one above it, `<` one that is merged with the one to its left.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

UP, LEFT = "^", "<"


@dataclass(frozen=True)
class Table:
    """An annex, the marks of its pillars and rows, and the codes of the findings that are expected."""

    name: str
    cells: str
    pillars: dict[str, float]
    rows: dict[str, float]
    findings: set[str]
    total: float = 100
    around: tuple[str, ...] = ()
    adjustments: set[str] = field(default_factory=set)

    @property
    def grid(self) -> list[list[str]]:
        return [[cell.strip() for cell in line.split("|")] for line in self.cells.strip("\n").splitlines()]

    @property
    def merged(self) -> list[tuple[int, int, int, int]]:
        """The merged ranges: first row and column, last row and column, from 0."""
        grid, result = self.grid, []
        for top, row in enumerate(grid):
            for left, cell in enumerate(row):
                if cell in (UP, LEFT):
                    continue
                right = left
                while right + 1 < len(row) and row[right + 1] == LEFT:
                    right += 1
                bottom = top
                while bottom + 1 < len(grid) and left < len(grid[bottom + 1]) and grid[bottom + 1][left] == UP:
                    bottom += 1
                if (bottom, right) != (top, left):
                    result.append((top, left, bottom, right))
        return result

    @property
    def texts(self) -> list[list[str]]:
        return [["" if cell in (UP, LEFT) else cell for cell in row] for row in self.grid]


TABLES = (
    Table(
        "townships",
        """
附件1|<|<|<|<|<
2025年度乡镇重点工作考核评分表|<|<|<|<|<
序号|考核项目|考核内容|分值|评分标准|责任单位
1|经济发展（30分）|1.税收收入|20|完成任务得满分，每低1个百分点扣0.5分，扣完为止|财政所
2|^|2.新增企业|10|每新增1家得2分，最高10分|经发办、招商办
3|公共服务（70分）|3.网上办结率|20|≥95%得20分，85%—95%得10分，<85%不得分|政务中心
4|^|4.群众满意度|20|不低于90%得满分，每低1个百分点扣1分|政务中心
5|^|5.安全生产|20|每发生一起扣5分，扣完为止|应急办
6|^|6.特色工作|10|居民普遍认可|党政办
合计|<|<|100||
加分项（5分）|<|<|<|<|<
1||获省级以上表彰|3|获省级以上表彰每次加1分，累计不超过3分|党政办
2||创新试点|3|每新增1个加1分|党政办
一票否决|<|<|<|<|<
1||发生较大安全事故|—|不得评为优秀|
注：90分以上为优秀，80—89分为良好，60—79分为合格，60分以下为不合格。|<|<|<|<|<
""",
        {"经济发展": 30, "公共服务": 70},
        {"税收收入": 20, "新增企业": 10, "网上办结率": 20, "群众满意度": 20, "安全生产": 20, "特色工作": 10},
        {"K718", "K719"},
        adjustments={"加分项", "发生较大安全事故"},
    ),
    Table(
        "three levels",
        """
一级指标|权重|二级指标|权重|三级指标|权重|目标值|数据来源
服务|60|办理|40|按时办结率|25|≥98%|政务平台
^|^|^|^|平均办理时长|15|≤3天|政务平台
^|^|评价|20|好评率|20|≥95%|好差评系统
保障|40|机制|40|制度建设|15|健全|资料
^|^|^|^|培训人次|25|不少于200人次|台账
""",
        {"服务": 60, "办理": 40, "评价": 20, "保障": 40, "机制": 40},
        {"按时办结率": 25, "平均办理时长": 15, "好评率": 20, "制度建设": 15, "培训人次": 25},
        {"K719"},
    ),
    Table(
        "two classes",
        """
绿色发展考核指标|<|<|<|<
指标类别|指标|分值|<|评分标准
^|^|城区|镇|^
生态|绿地率|60|40|≥38%得满分，每低1%扣3分
^|耕地保有|—|20|不低于任务得满分，否则不得分
节能|单位能耗下降率|40|40|达到4%得满分，未达到的按比例得分
""",
        {"生态": 60, "节能": 40},
        {"绿地率": 60, "单位能耗下降率": 40},
        {"K719", "K722", "K723"},
    ),
    Table(
        "self-review",
        """
项目支出绩效自评表|<|<|<|<|<|<|<|<
项目名称|农房改造|<|<|主管部门|住建局|<|<|<
年度资金（万元）|500|<|<|执行数|480|<|<|<
一级指标|二级指标|三级指标|指标性质|年度指标值|度量单位|实际完成值|分值|得分
产出指标（50分）|数量指标|改造户数|≥|120|户||30|
^|时效指标|按时完成率|＝|100|%||20|
效益指标（30分）|社会效益指标|居住条件改善|定性|明显改善|—||30|
满意度指标（20分）|服务对象满意度|受益户满意度|≥|90|%||20|
……|||||||
合计|<|<|||||100|
""",
        {"产出指标": 50, "效益指标": 30, "满意度指标": 20},
        {"改造户数": 30, "按时完成率": 20, "居住条件改善": 30, "受益户满意度": 20},
        {"K719"},
    ),
    Table(
        "bands in rows",
        """
考核内容|区间|得分|评分标准
接种覆盖率（60分）|≥95%|60|
^|85%—95%|40|
^|<85%|0|
差错率（40分）|≤0.2%|40|
^|0.2%—0.5%|20|
^|＞0.5%|0|
""",
        {},
        {"接种覆盖率": 60, "差错率": 40},
        {"K719"},
    ),
    Table(
        "faults",
        """
序号|考核要点|评分标准（扣完为止）|考评方式
1|台账管理（40分）|(1)无台账扣20分；(2)每缺一项扣2分|查资料
2|现场检查（60分）|每发现一处扣5分，此项最多扣30分|看现场
""",
        {},
        {"台账管理": 40, "现场检查": 60},
        {"K719"},
    ),
    Table(
        "ranks",
        """
指标名称|权重|计分办法|牵头单位|配合单位
投资增速|30%|第1名得满分，每降一位扣2分|发改局|住建局；交通局
消费增速|20%|按功效系数法计算|商务局|
网络零售额|20%|第一名得满分，其余按与第一名的比例得分|商务局|
工业增速|30%|高于全市平均得满分，每低0.1个百分点扣0.2分|工信局|统计局
合计|100%|||
""",
        {},
        {"投资增速": 30, "消费增速": 20, "网络零售额": 20, "工业增速": 30},
        {"K718", "K719"},
    ),
    Table(
        "proportions",
        """
项目|权重|内容
教学|60%|常规(50%)、成果(50%)
科研|40%|经费(70%)、论文(30%)
合计|100%|
""",
        {"教学": 60, "科研": 40},
        {"常规": 50, "成果": 50, "经费": 70, "论文": 30},
        {"K719"},
    ),
    Table(
        "further blocks",
        """
类别|考核内容|分值|计分方法
基础工作|信息报送|50|每少报送1篇扣0.5分，扣完为止
^|宣传推广|50|完成目标值得40分，每超过10%加2分，最多加10分；每低10%扣4分，扣完为止
加分项|争先创优|5|国家级加3分、省级加2分、市级加1分，最高5分
减分项|通报批评|—|被通报批评每次扣2分，不设上限
减分项|数据造假|10|弄虚作假的扣10分
一票否决|发生重大责任事故|—|
""",
        {"基础工作": 100},
        {"信息报送": 50, "宣传推广": 50},
        {"K719", "K727"},
        adjustments={"争先创优", "通报批评", "数据造假", "发生重大责任事故"},
    ),
    Table(
        "years",
        """
附件2 高质量发展指标体系（县区）|<|<|<|<|<|<|<
序号|指标|计量单位|2025年|2026年|标准分|责任单位|备注
1|空气优良天数|天|320|330|40|生态环境局|
2|污水处理率|%|95|96|30|住建局|含城镇
3|失业率|%|≤5|≤4.5|20|人社局|
4|亿元以上项目|个|12|15|30|发改局|
总分|<|<|<|<|120|<|<
""",
        {},
        {"空气优良天数": 40, "污水处理率": 30, "失业率": 20, "亿元以上项目": 30},
        {"K719", "K723"},
        total=120,
    ),
)  # fmt: skip


def as_csv(table: Table, path: Path) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([*([text] for text in table.around), *table.texts])
    return path


def as_xlsx(table: Table, path: Path) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row, line in enumerate(table.texts, 1):
        for column, text in enumerate(line, 1):
            cell = sheet.cell(row, column)
            if text.endswith("%") and text[:-1].isdigit():
                cell.value, cell.number_format = int(text[:-1]) / 100, "0%"
            else:
                cell.value = int(text) if text.isdigit() else text or None
    for top, left, bottom, right in table.merged:
        sheet.merge_cells(start_row=top + 1, start_column=left + 1, end_row=bottom + 1, end_column=right + 1)
    book.save(path)
    return path


def as_xls(table: Table, path: Path) -> Path:
    import xlwt

    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("指标")
    percent = xlwt.easyxf(num_format_str="0%")
    first = {(top, left): (bottom, right) for top, left, bottom, right in table.merged}
    covered = {
        (r, c)
        for (top, left), (bottom, right) in first.items()
        for r in range(top, bottom + 1)
        for c in range(left, right + 1)
    } - set(first)
    for row, line in enumerate(table.texts):
        for column, text in enumerate(line):
            if (row, column) in covered:
                continue
            share = text.endswith("%") and text[:-1].isdigit()
            value = int(text[:-1]) / 100 if share else int(text) if text.isdigit() else text
            style = percent if share else xlwt.Style.default_style
            if (row, column) in first:
                bottom, right = first[row, column]
                sheet.write_merge(row, bottom, column, right, value, style)
            elif text:
                sheet.write(row, column, value, style)
    book.save(str(path))
    return path


def as_docx(table: Table, path: Path) -> Path:
    import docx

    document = docx.Document()
    texts = table.texts
    width = max(map(len, texts))
    created = document.add_table(rows=len(texts), cols=width)
    for row, line in enumerate(texts):
        for column, text in enumerate(line):
            created.cell(row, column).text = text
    for top, left, bottom, right in table.merged:
        text = texts[top][left]
        created.cell(top, left).merge(created.cell(bottom, right)).text = text
    document.add_paragraph("本表由考核办公室负责解释。")
    document.save(str(path))
    return path


WRITERS: dict[str, Callable[[Table, Path], Path]] = {"csv": as_csv, "xlsx": as_xlsx, "xls": as_xls, "docx": as_docx}
