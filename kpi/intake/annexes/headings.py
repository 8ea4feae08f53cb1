"""The header of an annex: which row it is, and what its columns mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from kpi.intake.annexes.grids import Grid
from kpi.intake.annexes.texts import squeezed
from kpi.values.patterns import regex

Role = Literal[
    "level", "name", "marks", "rule", "target", "unit", "sign", "lead", "responsible", "source", "note", "serial",
    "band", "filled",
]  # fmt: skip

#: What columns are called. The first that fits counts.
_WORDS: tuple[tuple[Role, str], ...] = (
    ("serial", r"序号|编号|项次|号|no\.?|#"),
    ("level", (r"[一二三四五1-5]级(?:指标|要素|项目)?(?:名称)?|[A-E]级指标|(?:考核|考评|评价|指标|绩效)?(?:类别|"
     r"类型|大类|维度|领域|板块)|pillar|dimension|sub-?pillar|group")),
    ("filled", (r".*(?:自评|考评|考核|评价|实际|实得|核定|督查|最终|综合|初评|复核)(?:得分|分数?|评分|结果)|得分|"
     r"评分|实际完成(?:值|情况)?|完成(?:值|情况)|扣分(?:值|分值)?|加分|评比得分|偏差原因.*|扣分原因.*|"
     r"整改.*|score")),
    ("rule", (r".*(?:评分|计分|打分|赋分|扣分|评价|考评|考核|加分|加减分|得分)(?:标准|细则|办法|方法|规则|方式|"
     r"说明)(?:及说明)?|(?:计分|评分)(?:办法|方法)?及说明|指标说明及评分标准|scoring(?: rule)?|rule")),
    ("marks", (r".*(?:分值|标准分|权重|权数|赋分|满分|基准分|比重)(?:值|设置)?(?:%)?|最高分?|分数|weight|marks|"
     r"points")),
    ("sign", r"指标性质|性质"),
    ("target", (r"(?:.*(?:目标值|目标任务|年度目标|考核目标|指标值|计划值|任务数|目标数|工作目标|目标要求|"
     r"任务目标|年度任务|目标)|\d{4}年(?:度)?(?:目标|任务|计划)?(?:值|数)?|target)")),
    ("unit", r"单位|计量单位|度量单位|指标单位|unit"),
    ("lead", r".*(?:牵头|主办)(?:单位|部门|科室)?|lead"),
    ("responsible", (r".*(?:责任|负责|承办|配合|协办|协同|实施|落实)(?:单位|部门|科室|主体)(?:.*)|责任人|"
     r"responsible")),
    ("source", (r"数据来源|资料来源|数据采集.*|(?:考核|考评|评估|评价|检查|测评)(?:方式|方法|手段)|评分依据|"
     r"佐证材料.*|数据提供(?:单位|部门)|.*(?:考核|考评|评价|认定)(?:单位|部门)|source")),
    ("note", (r"备注|说明|情况说明|指标说明|指标解释|指标内涵|(?:指标)?定义|考核要求|工作要求|具体要求|note|"
     r"remarks?")),
    ("band", r"区间|评价区间|档次|等级|分档"),
    ("name", (r"(?:考核|考评|评价|重点|主要|具体|绩效|工作|核心)*(?:指标|内容|项目|要点|事项|任务|要素|工作|重点|"
     r"细项|对象)(?:名称|内容|项目|分解)?(?:与分值)?|名称|项目名称|indicator|measure|name")),
)  # fmt: skip
_ROLES = tuple((role, regex(words, re.IGNORECASE)) for role, words in _WORDS)

#: How many rows from the top may be above a header.
_SEARCHED = 40


class Column(Struct, frozen=True):
    """A column of an annex.

    Attributes:
        at: its position, from 0.
        role: what it means, None where that is not known.
        heading: its heading as the file has it; of several rows, joined.
        own: the last part of the heading, such as a class of units or a year under a common heading.
    """

    at: int
    role: Role | None
    heading: str
    own: str


class Header(Struct, frozen=True):
    """The header of a table: its first row, its number of rows, and its columns."""

    row: int
    depth: int
    columns: tuple[Column, ...]

    def of(self, role: Role) -> list[Column]:
        """Return the columns of a role, from the left."""
        return [column for column in self.columns if column.role == role]

    @property
    def names(self) -> list[Column]:
        """The columns of names, those of the groups and of the indicators, from the left."""
        return [column for column in self.columns if column.role in ("level", "name")]


def role_of(heading: str) -> Role | None:
    """Return what a heading means, None where that is not known.

    >>> [role_of(text) for text in ("指 标 名称", "分值（100分）", "计分方法及说明", "牵头单位", "二级指标", "得分")]
    ['name', 'marks', 'rule', 'lead', 'level', 'filled']
    """
    plain = squeezed(heading)
    for text in (plain, re.sub(r"\([^()]*\)", "", plain), re.split(r"[:：]", plain)[0]):
        match = next((role for role, words in _ROLES if words.fullmatch(text)), None)
        if match is not None:
            return match
    return None


def find_header(grid: Grid) -> Header | None:
    """Return the header of a table: the row whose headings are known best; None where there is none.

    It has a column of names and one of marks, rules or targets. Forms above it, such as 项目名称 and 主管部门, have
    not.
    """
    best: tuple[int, int] | None = None
    for row in range(min(len(grid.rows), _SEARCHED)):
        roles = {role for cell in _headings(grid, row) if (role := role_of(cell)) is not None}
        if roles & {"name", "level"} and roles & {"marks", "rule", "target"} and (best is None or len(roles) > best[0]):
            best = (len(roles), row)
    if best is None:
        return None
    row = best[1]
    depth = _depth(grid, row)
    columns: list[Column] = []
    above = ""
    for at, top in enumerate(grid.rows[row]):
        parts = [grid.rows[line][at] for line in range(row, row + depth)]
        # A heading over several columns stands over the first of them where no cells are merged.
        above = top or above
        if depth > 1 and not top and parts[-1]:
            parts[0] = above
        distinct = list(dict.fromkeys(part for part in parts if part))
        own = distinct[-1] if distinct else ""
        role = role_of(own) or (role_of(distinct[0]) if distinct else None)
        columns.append(Column(at, role, "：".join(distinct), own))
    return Header(row, depth, _settled(columns, grid, row + depth))


def _headings(grid: Grid, row: int) -> list[str]:
    return [cell for at, cell in enumerate(grid.rows[row]) if cell and (row, at) not in grid.repeated]


def _depth(grid: Grid, row: int) -> int:
    """Return the number of rows of a header: two where the next one parts its columns."""
    if row + 1 >= len(grid.rows):
        return 1
    below = grid.rows[row + 1]
    parted = False
    for at, cell in enumerate(below):
        above = grid.rows[row][at]
        if not cell or ((row + 1, at) in grid.repeated and cell == above):
            continue
        spans = above == "" or (row, at) in grid.repeated
        if not spans and at + 1 < len(below):
            spans = (row, at + 1) in grid.repeated or (grid.rows[row][at + 1] == "" and below[at + 1] != "")
        if not spans or re.search(r"\d", re.sub(r"\d{4}年|[1-5]级", "", cell)) or len(cell) > 12:
            return 1
        parted = True
    return 2 if parted else 1


def _settled(columns: Sequence[Column], grid: Grid, body: int) -> tuple[Column, ...]:
    """Return the columns with the ambiguous headings decided by what is beside them.

    Of columns of names the last is that of the indicators, unless its cells are long texts: then it states what is
    required, and one before it has the names. 考核标准 is a rule where there is no other, else a requirement.
    """
    settled = list(columns)
    rules = [item for item in settled if item.role == "rule"]
    if len(rules) > 1:
        plain = [rule for rule in rules if not re.search(r"(?:计分|评分|赋分|打分|扣分|得分)", rule.own)]
        for item in plain if len(plain) < len(rules) else []:
            settled[item.at] = Column(item.at, "note", item.heading, item.own)
    names = [entry for entry in settled if entry.role in ("level", "name")]
    if len(names) > 1 and any(item.role == "rule" for item in settled):
        last = names[-1]
        if last.role == "name" and _length(grid, body, last.at) > 30 and _length(grid, body, names[-2].at) <= 20:
            settled[last.at] = Column(last.at, "note", last.heading, last.own)
    return tuple(settled)


def _length(grid: Grid, body: int, at: int) -> float:
    cells = [grid.own(row, at) for row in range(body, len(grid.rows)) if grid.own(row, at)]
    return sum(map(len, cells)) / len(cells) if cells else 0.0


def is_header_again(header: Header, cells: Iterable[str]) -> bool:
    """Return whether a row repeats the header, as after a page break."""
    texts = [squeezed(cell) for cell in cells]
    headings = [squeezed(column.own) for column in header.columns]
    same = [a == b for a, b in zip(texts, headings, strict=False) if a]
    return len(same) >= 2 and all(same)
