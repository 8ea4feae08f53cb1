"""Rows of a table as definitions: what its headings and cells mean, in Chinese and English."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from msgspec import Struct, field

from kpi.errors import Diagnostic, Message, Place, Severity, suggest
from kpi.language.loading.beside import Cells
from kpi.values.doubles import double
from kpi.values.names import clean
from kpi.values.patterns import regex

# Words after `clean` and casefold, with _ for blanks; a year makes a heading of targets that of a dated target.
_WORDS = {
    "name": "name code id icode 代码 编码 指标代码 指标编码",
    "label": "指标 indicator",
    "title": "title 名称 指标名称 标题 iname indicator_name",
    "unit": "unit 单位 计量单位 指标单位",
    "better": "better direction polarity 方向 指标方向 性质 指标性质 属性 指标属性 正负向",
    "low": "low lower 下限 下限值 最低值 不允许值 goalpost_lower",
    "high": "high upper 上限 上限值 最高值 满意值 goalpost_upper",
    "benchmark": "benchmark 标杆值 标杆 基准值",
    "target": "target goal 目标 目标值",
    "by": "by deadline 期限 时限 完成时限 完成期限 截止",
    "baseline": "baseline 基期值 基数",
    "weight": "weight 权重 分值 满分 标准分 满分值",
    "weight1": "一级权重 一级指标权重", "weight2": "二级权重 二级指标权重",
    "level1": "pillar parent dimension 一级指标 维度 领域 上级指标",
    "level2": "subpillar sub_pillar 二级指标",
    "level3": "三级指标",
    "level4": "四级指标",
    "of": "of measure 数据项 基础数据",
    "numerator": "numerator 分子", "denominator": "denominator 分母", "expr": "expr formula 公式 计算公式",
    "kind": "kind", "type": "type 类型",
    "note": "note 说明 备注 口径 指标解释", "clause": "clause 条款 依据",
    "lead": "lead 牵头单位 牵头部门", "responsible": "responsible 责任单位 责任部门 配合单位",
    "decimals": "decimals 小数位 小数位数", "over_time": "over_time", "synonyms": "synonyms 别名",
    "": "order no no. 序号",
}  # fmt: skip
_KEYS = {word: key for key, words in _WORDS.items() for word in words.split()}
#: The levels of the tree, the top one first.
LEVELS = ("level1", "level2", "level3", "level4")
_YEARLY = regex(r"((?:19|20)\d\d)年?度?目标值?|目标值?\(?((?:19|20)\d\d)年?\)?|target_?((?:19|20)\d\d)")
_BRACKET = regex(r"(.*\S)\(([^()]*)\)")

_BETTER = {
    "higher": "1 +1 1.0 + higher up positive 正 正向 正向指标 越大越好 越高越好",
    "lower": "-1 -1.0 - lower down negative 负 负向 负向指标 逆 逆向 逆向指标 反向 反向指标 越小越好 越低越好",
}
_DIRECTIONS = {word: way for way, words in _BETTER.items() for word in words.split()}
_NOTHING = frozenset({"", "-", "--", "—", "——", "/", "na", "n/a", "nan", "无"})
_TOTALS = frozenset({"合计", "总计", "共计", "total", "sum"})

_NUMBER = regex(r"([-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:e[-+]?\d+)?)\s*(.*)", re.IGNORECASE)
_SIGNS = {
    "at_least": "≥ >= 不低于 不少于 不小于 至少 达到", "at_most": "≤ <= 不高于 不超过 不大于 不多于 至多 控制在",
    "above": "> 高于 超过 大于", "below": "< 低于 小于", "equals": "= 等于",
}  # fmt: skip
_BEFORE = sorted(
    ((sign, key) for key, signs in _SIGNS.items() for sign in signs.split()), key=lambda pair: -len(pair[0])
)
_BEHIND = (("及以上", "at_least"), ("以上", "at_least"), ("及以下", "at_most"), ("以下", "at_most"),
           ("以内", "at_most"), ("左右", "at_least"))  # fmt: skip
_RANGE = regex(r"(.+?)\s*(?:~|～|—|–|至|(?<=[\d%])-)\s*(.+)")


def name_of(text: str) -> str:
    """Return a text as a name: without a remark in brackets, underscores for signs.

    >>> name_of("网上办件率（%）"), name_of("R&D 投入强度"), name_of("Logistics Performance Index")
    ('网上办件率', 'R_D投入强度', 'Logistics_Performance_Index')
    """
    cleaned = clean(text)
    bracket = _BRACKET.fullmatch(cleaned)
    return re.sub(r"\W+", "_", bracket[1] if bracket else cleaned).strip("_")


def quantity(text: str) -> float | int | str | None:
    """Return the number in a cell, with its unit as a text; None for what is none.

    >>> quantity("1,234.5"), quantity("90%"), quantity("3 万件"), quantity("多")
    (1234.5, '90 %', '3 万件', None)
    """
    match = _NUMBER.fullmatch(clean(text).replace("−", "-"))
    if match is None or not any(letter.isdigit() for letter in match[1]):
        return None
    digits = match[1].replace(",", "")
    if match[2]:
        return f"{digits} {match[2]}"
    return int(digits) if re.fullmatch(r"[-+]?\d+", digits) else double(digits)


def target_of(text: str, *, lower: bool) -> dict[str, Any] | None:
    """Return the comparator and bound in a cell of targets; None for what is none.

    >>> target_of("≥90%", lower=False), target_of("5以下", lower=False), target_of("60~80", lower=False)
    ({'at_least': '90 %'}, {'at_most': 5}, {'within': [60, 80]})
    >>> target_of("5", lower=True), target_of("前列", lower=False)
    ({'at_most': 5}, None)
    """
    rest, key, soft = clean(text).replace("＞", ">").replace("＜", "<"), "at_most" if lower else "at_least", False
    for sign, meant in _BEFORE:
        if rest.startswith(sign):
            rest, key = rest.removeprefix(sign).strip(), meant
            break
    else:
        for sign, meant in _BEHIND:
            if rest.endswith(sign):
                rest, key, soft = rest.removesuffix(sign).strip(), key if sign == "左右" else meant, sign == "左右"
                break
        else:
            both = _RANGE.fullmatch(rest)
            bounds = [quantity(group) for group in both.groups()] if both else []
            if bounds and None not in bounds:
                return {"within": bounds}
    bound = quantity(rest)
    return None if bound is None else {key: bound, **({"soft": True} if soft else {})}


class Cell(Struct, frozen=True):
    """A cell that a value of a definition comes from: its place, and its text as it is written."""

    place: Place
    text: str


class Row(Struct):
    """A row of a table of definitions.

    Attributes:
        table: the table.
        number: the number of the row.
        cells: its filled cells by key.
        columns: the heading of each key.
        named_in: where the definition names the table.
        name: the name of what the row defines.
    """

    table: Cells
    number: int
    cells: Mapping[str, str]
    columns: Mapping[str, str]
    named_in: str
    name: str = ""
    path: list[str] = field(default_factory=list)

    @property
    def texts(self) -> set[str]:
        """What the row is called."""
        return {self.name, *(self.cells[key] for key in ("name", "label", "title") if key in self.cells)}

    def cell(self, key: str) -> Cell:
        """Return the cell of a key; that of the name where there is none."""
        for item in (key, "name", "label", "title"):
            if item in self.cells or (item == key and item in self.columns):
                return Cell(self.place(item), self.cells.get(item, ""))
        return Cell(Place(self.table.file, sheet=self.table.sheet, row=self.number, named_in=self.named_in), "")

    def place(self, key: str) -> Place:
        """Return the place of the cell of a key."""
        column = self.columns.get(key)
        return Place(self.table.file, sheet=self.table.sheet, row=self.number, field=column, named_in=self.named_in)

    def wrong(self, key: str, message: Message, hint: Message | None = None) -> Diagnostic:
        """Return the finding about a cell."""
        return Diagnostic("K138", message, self.cell(key).place, hint)


class Rows(Struct):
    """The rows of a table of definitions, and what is found about it."""

    rows: list[Row] = field(default_factory=list)
    findings: list[Diagnostic] = field(default_factory=list)

    @classmethod
    def of(cls, table: Cells, named_in: str, left_out: Collection[str] = ()) -> Rows:
        """Return the rows that define something, each with its name.

        Args:
            table: the table.
            named_in: where the definition names it.
            left_out: headings that are not used.
        """
        result = cls(findings=list(table.notes))
        columns = result.headings(table, named_in, left_out)
        levels = [key for key in LEVELS if key in columns]
        label = next((key for key in ("name", "label", "title") if key in columns), None)
        if label is None and len(levels) > 1:
            # 一级指标, 二级指标: the last level are the indicators.
            columns["label"] = columns.pop(levels.pop())
            label = "label"
        where = Place(table.file, sheet=table.sheet, row=table.header_row, named_in=named_in)
        if label is None:
            message = Message("no column of the table names its rows")
            hint = Message("head it name or 指标; what there is: {columns}", columns=table.columns)
            result.findings.append(Diagnostic("K135", message, where, hint))
            return result
        seen: dict[str, int] = {}
        for number, filled in table.rows:
            cells = {
                key: filled[column]
                for key, column in columns.items()
                if column in filled and clean(filled[column]).casefold() not in _NOTHING
            }
            row = Row(table, number, cells, columns, named_in)
            own = next((cells[key] for key in ("name", "label", "title") if key in cells), None)
            if any(clean(cells.get(key, "")).casefold() in _TOTALS for key in ("label", "title", "name", *levels)):
                message = Message("the row of a total is left out")
                result.findings.append(Diagnostic("K489", message, row.place(label), None, Severity.INFO))
            elif own is None:
                if cells:
                    hint = Message("give it a name, or delete the row")
                    result.findings.append(Diagnostic("K137", Message("the row has no name"), row.place(label), hint))
            else:
                # What is written as a name stays as it is: whether it can be one is judged as in YAML.
                row.name = clean(own) if "name" in cells else name_of(own)
                row.path = [cells[key] for key in levels if key in cells]
                if row.name in seen:
                    message = Message("`{name}` is in row {row}, too", name=row.name, row=seen[row.name])
                    hint = Message("give each a name of its own in a column `name`")
                    result.findings.append(Diagnostic("K137", message, row.place(label), hint))
                else:
                    seen[row.name] = number
                    result.rows.append(row)
        return result

    def headings(self, table: Cells, named_in: str, left_out: Collection[str]) -> dict[str, str]:
        """Return the heading of each key; report those that are not known, and further ones of a key."""
        columns: dict[str, str] = {}
        for column in table.columns:
            key = "" if clean(column) in left_out else key_of(column)
            where = Place(table.file, sheet=table.sheet, row=table.header_row, field=column, named_in=named_in)
            if key is None:
                hint = suggest(column, _KEYS) or Message("docs/language.md lists the headings that are known")
                message = Message("the column `{column}` is not known, and not used", column=column)
                self.findings.append(Diagnostic("K136", message, where, hint, Severity.WARNING))
            elif key in columns:
                message = Message("`{column}` says the same as `{first}`, which is used",
                                  column=column, first=columns[key])  # fmt: skip
                hint = Message("delete or rename one of the two columns")
                self.findings.append(Diagnostic("K136", message, where, hint, Severity.WARNING))
            elif key:
                columns[key] = column
        return columns


def key_of(heading: str) -> str | None:
    """Return the key that a heading stands for, `target YEAR` for a dated target, empty for none; None if unknown.

    >>> key_of("权重（%）"), key_of("Goalpost lower"), key_of("2025年目标值"), key_of("序号"), key_of("颜色")
    ('weight', 'low', 'target 2025', '', None)
    """
    word = clean(heading).casefold().replace(" ", "_").strip(":*")
    if (dated := _YEARLY.fullmatch(word)) is not None:
        return f"target {next(filter(None, dated.groups()))}"
    bracket = _BRACKET.fullmatch(word)
    return _KEYS.get(word, _KEYS.get(bracket[1]) if bracket else None)


# ---- WHAT A ROW DEFINES ---- #

#: A value of a definition with the key of the cell that it comes from.
Value = tuple[Any, str]


def _unit_of_column(row: Row, key: str) -> str | None:
    """Return the unit in the heading of a column of figures, such as 目标值(亿元)."""
    bracket = _BRACKET.fullmatch(clean(row.columns.get(key, "")))
    return None if bracket is None or re.search(r"\d{4}", bracket[2]) else bracket[2]


def number_in(row: Row, key: str, findings: list[Diagnostic]) -> float | int | str | None:
    """Return the number in a cell, in the unit of its heading where it has none; None without, or with a finding."""
    if key not in row.cells:
        return None
    value = quantity(row.cells[key])
    if value is None:
        message = Message("`{text}` is no number", text=row.cells[key])
        findings.append(row.wrong(key, message, Message("write a number, perhaps with its unit, or leave it blank")))
    elif not isinstance(value, str) and (unit := _unit_of_column(row, key)) is not None:
        return f"{value} {unit}"
    return value


def weight_in(row: Row, key: str, findings: list[Diagnostic]) -> float | None:
    """Return the weight in a cell: a number, also in percent."""
    if key not in row.cells:
        return None
    value = quantity(row.cells[key])
    if isinstance(value, str) and value.endswith((" %", " 分")):
        value = quantity(value[:-2])
    if value is None or isinstance(value, str):
        message = Message("`{text}` is no weight", text=row.cells[key])
        findings.append(row.wrong(key, message, Message("write a number above zero")))
        return None
    return float(value)


def better_of(row: Row, findings: list[Diagnostic]) -> str | None:
    """Return which way is better, None where the row does not say it."""
    if "better" not in row.cells:
        return None
    way = _DIRECTIONS.get(clean(row.cells["better"]).casefold())
    if way is None:
        message = Message("`{text}` says no direction", text=row.cells["better"])
        findings.append(row.wrong("better", message, Message("write 正向 or 负向, higher or lower, 1 or -1")))
    return way


def indicator(
    row: Row, measure: Callable[[str], str], findings: list[Diagnostic]
) -> Iterator[tuple[tuple[str | int, ...], Value]]:
    """Yield the values of the indicator that a row defines, by their paths in it.

    Args:
        row: the row.
        measure: gives the name of the measure that a text means.
        findings: gets what is wrong.
    """
    cells = row.cells
    kind = cells.get("kind") or ("ratio" if "denominator" in cells else "formula" if "expr" in cells else "level")
    yield ("kind",), (kind, "kind")
    if (title := title_of(row)) is not None:
        yield ("title",), title
    for key in ("of", "numerator", "denominator"):
        if key in cells:
            yield (key,), (measure(cells[key]), key)
    for key in ("expr", "unit", "note", "clause"):
        if key in cells:
            yield (key,), (cells[key], key)
    for key in ("lead", "responsible"):
        if key in cells:
            yield (key,), ([part for part in re.split("[、,，;；]", cells[key]) if part.strip()], key)
    if "decimals" in cells:
        yield ("decimals",), (number_in(row, "decimals", findings), "decimals")
    better = better_of(row, findings)
    if better is not None:
        yield ("better",), (better, "better")
    yield from _score(row, findings)
    yield from _targets(row, findings, lower=better == "lower")


def _score(row: Row, findings: list[Diagnostic]) -> Iterator[tuple[tuple[str | int, ...], Value]]:
    """Yield the scoring rule that goalposts or a benchmark make."""
    posts = {key: number_in(row, key, findings) for key in ("low", "high") if key in row.cells}
    if "benchmark" in row.cells:
        if posts:
            hint = Message("leave one of the two blank")
            findings.append(row.wrong("benchmark", Message("the row has goalposts and a benchmark"), hint))
        yield ("score", "kind"), ("benchmark", "benchmark")
        yield ("score", "benchmark"), (number_in(row, "benchmark", findings), "benchmark")
    elif len(posts) == 1:
        (key,) = posts
        findings.append(row.wrong(key, Message("of the two goalposts the row has one"), Message("give low and high")))
    elif posts:
        yield ("score", "kind"), ("goalposts", "low")
        for key, value in posts.items():
            yield ("score", key), (value, key)


def _targets(row: Row, findings: list[Diagnostic], *, lower: bool) -> Iterator[tuple[tuple[str | int, ...], Value]]:
    """Yield the targets, those of years in their order."""
    keys = sorted(key for key in row.cells if key == "target" or key.startswith("target "))
    place = 0
    for key in keys:
        result = target_of(row.cells[key], lower=lower)
        if result is None:
            message = Message("`{text}` is no target", text=row.cells[key])
            hint = Message("write ≥90%, ≤5, 60~80 or a number, or leave it blank")
            findings.append(row.wrong(key, message, hint))
            continue
        unit = _unit_of_column(row, key)
        for comparator, bound in result.items():
            if unit is not None and comparator != "soft":
                bounds = bound if isinstance(bound, list) else [bound]
                bounds = [item if isinstance(item, str) else f"{item} {unit}" for item in bounds]
                bound = bounds if isinstance(bound, list) else bounds[0]  # noqa: PLW2901
            yield ("target", place, comparator), (bound, key)
        year = key.partition(" ")[2]
        if year or "by" in row.cells:
            yield ("target", place, "by"), ((year, key) if year else (row.cells["by"], "by"))
        if "baseline" in row.cells and place == 0:
            yield ("target", place, "baseline", "value"), (number_in(row, "baseline", findings), "baseline")
        place += 1


def title_of(row: Row) -> Value | None:
    """Return the title of what a row defines, None where its name says all."""
    for key in ("title", "label"):
        if key in row.cells:
            text = clean(row.cells[key])
            return None if text == row.name else (text, key)
    return None


def measure(row: Row, findings: list[Diagnostic]) -> Iterator[tuple[tuple[str | int, ...], Value]]:
    """Yield the values of the measure that a row defines, by their paths in it."""
    title = title_of(row)
    yield ("title",), title if title is not None else (row.name, "name")
    if "unit" in row.cells:
        yield ("unit",), (row.cells["unit"], "unit")
    synonyms = [part for part in re.split("[、,，;；]", row.cells.get("synonyms", "")) if part.strip()]
    if title is not None:
        synonyms.insert(0, row.name)
    if synonyms:
        yield ("synonyms",), (synonyms, "synonyms")
    if "over_time" in row.cells:
        yield ("over_time",), (row.cells["over_time"], "over_time")
    if "decimals" in row.cells:
        yield ("decimals",), (number_in(row, "decimals", findings), "decimals")
