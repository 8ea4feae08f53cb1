"""Definitions for people: the catalogue, a system, one definition as a card, a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from io import StringIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kpi.analysis.clause_coverage import Covered
from kpi.engine.plan import Plan
from kpi.errors import DefinitionError, Diagnostic, suggest
from kpi.language.indicators import Indicator
from kpi.language.loading.loader import Loaded
from kpi.language.model import kind_of
from kpi.language.system import System
from kpi.report.marks import SEVERITIES, visible

#: The width where there is no terminal.
WIDTH = 120


def printed(*parts: object, width: int | None) -> str:
    """Returns what rich makes of its parts, as plain text without spaces at the ends of lines."""
    out = StringIO()
    console = Console(file=out, width=width or WIDTH, no_color=True, legacy_windows=False, _environ={})
    for part in parts:
        console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in out.getvalue().splitlines())


def table_of(*headings: str) -> Table:
    """Returns an empty table with headings."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def overview(systems: Mapping[str, Loaded], *, width: int | None = None) -> str:
    """Returns the catalogue: one line a system, with its title, grain, number of indicators and issuer."""
    table = table_of("评价体系", "名称", "期别", "指标", "依据")
    for name, loaded in systems.items():
        one = loaded.system
        if one is None:
            table.add_row(name, f"定义有误（{len(loaded.findings)} 处），见 kpi check", "", "", "")
            continue
        source = "" if one.source is None else f"{one.source.document} {one.source.date or ''}".strip()
        table.add_row(one.system, visible(one.title or ""), one.period.value, str(len(one.indicators)), visible(source))
    return printed(table, width=width)


def system(one: System, *, width: int | None = None) -> str:
    """Returns a system: its tree with weights, every indicator with formula and target, and how stars are given."""
    table = table_of("指标", "名称", "权重", "计算方法", "目标", "依据")
    shown: set[str] = set()
    for name, depth in _ordered(one):
        shown.add(name)
        indent = "  " * depth
        if name in one.pillars:
            pillar = one.pillars[name]
            cells = visible(pillar.title or ""), one.weight_words(name), pillar.mean_words
            table.add_row(f"{indent}{name}", *cells, "", "")
        else:
            table.add_row(f"{indent}{name}", *_cells(one, name))
    for name in one.indicators:
        if name not in shown:
            table.add_row(name, *_cells(one, name))
    title = Text(f"{one.system}  {visible(one.title or '')}", style="bold")
    below = [f"星级：{one.stars_words}", f"缺项：{one.composite.missing.words()}"]
    if one.checks:
        below.append(f"审核：{'、'.join(one.checks)}")
    return printed(title, table, *map(Text, below), width=width)


def coverage(one: System, rows: Sequence[Covered], *, width: int | None = None) -> str:
    """Returns the document clause by clause: what it asks for, what stands for it, and how much of it is scored."""
    states = {"scored": "计分", "unscored": "不计分", "missing": "缺", "invented": "文件无此条"}
    table = table_of("条款", "指标", "名称", "目标", "性质", "状态")
    before = None
    for row in rows:
        clause = "" if row.clause == before else row.clause
        table.add_row(clause, row.indicator, visible(row.title), row.target, row.basis, states[row.state])
        before = row.clause
    numbers = Counter(row.state for row in rows)
    told = "，".join(f"{words} {numbers[state]}" for state, words in states.items())
    title = Text(f"{one.system}  {visible(one.title or '')}", style="bold")
    return printed(title, table, Text(f"{len({row.clause for row in rows})} 条，{len(rows)} 项：{told}"), width=width)


def _ordered(one: System) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []

    def walk(name: str, depth: int) -> None:
        found.append((name, depth))
        for part in one.pillars[name].parts if name in one.pillars else ():
            walk(part, depth + 1)

    for top in one.tops:
        walk(top, 0)
    return found


def _cells(one: System, name: str) -> tuple[str, str, str, str, str]:
    indicator = one.indicators[name]
    target = "；".join(target.words(one.unit(name)) for target in one.targets(name))
    return (
        visible(one.symbols[name].title), one.weight_words(name), visible(indicator.words(one.symbols)),
        visible(target), visible(indicator.clause or ""),
    )  # fmt: skip


def definition(one: System, name: str, *, width: int | None = None) -> str:
    """Returns one definition as a card: formula in words, unit, direction, target, rule, who uses it.

    Raises:
        DefinitionError: when there is no such name.
    """
    titles = {symbol.title: key for key, symbol in one.symbols.items()}
    key = name if name in one.symbols or name in one.pillars or name in one.checks else titles.get(name)
    if key is None:
        known = [*one.symbols, *titles, *one.pillars, *one.checks]
        raise DefinitionError(Diagnostic("K203", f"`{name}` is not defined in {one.system}", hint=suggest(name, known)))
    table = Table(box=None, show_header=False, pad_edge=False)
    for heading, text in _facts(one, key):
        if text:
            table.add_row(heading, visible(text))
    return printed(Text(f"{key}  {visible(_title(one, key))}", style="bold"), table, width=width)


def _title(one: System, key: str) -> str:
    if key in one.symbols:
        return one.symbols[key].title
    return (one.pillars.get(key) or one.checks[key]).title or ""


def _facts(one: System, key: str) -> list[tuple[str, str]]:
    users = [other for other, i in one.indicators.items() if key in {used for _, used in i.inputs()}]
    if key in one.indicators:
        return _indicator_facts(one, key, one.indicators[key], users)
    if key in one.pillars:
        pillar = one.pillars[key]
        parts = "、".join(f"{part} {one.weight_words(part)}" for part in pillar.parts)
        return [
            ("构成", parts),
            ("赋权", pillar.weights.words() if pillar.weights is not None else ""),
            ("合成", pillar.mean_words),
            ("缺项", pillar.missing.words()),
            ("说明", pillar.note or ""),
        ]
    if key not in one.measures:
        check = one.checks[key]
        words = check.words(one.symbols, one.period)
        return [("审核", words), ("级别", SEVERITIES[check.severity]), ("说明", check.note or "")]
    measure = one.measures[key]
    facts = [("类型", kind_of(type(measure))), ("单位", measure.unit), ("数据集", measure.source or "")]
    facts += [("取自", measure.taken_from)]
    facts += [("条件", measure.where or ""), ("细分", measure.per or ""), ("期内汇总", measure.over_time or "")]
    facts += [("报送口径", "1月至本期累计" if measure.from_january else "")]
    facts += [("至少期数", "" if measure.enough is None else str(measure.enough))]
    return [*facts, ("用于", "、".join(users)), ("说明", measure.note or "")]


def _indicator_facts(one: System, key: str, indicator: Indicator, users: list[str]) -> list[tuple[str, str]]:
    rule = one.rule(key)
    parent = one.parents.get(key)
    weight = f"{parent} 之 {one.weight_words(key)}" if parent else ""
    return [
        ("公式", indicator.words(one.symbols)), ("类型", kind_of(type(indicator))), ("单位", str(one.unit(key))),
        ("方向", "越高越好" if indicator.direction == "higher" else "越低越好"),
        ("目标", "；".join(target.words(one.unit(key)) for target in one.targets(key))),
        ("计分", rule.in_full() if rule else "不计分"), ("权重", weight), ("条款", indicator.clause or ""),
        ("牵头单位", "、".join(indicator.lead)), ("责任单位", "、".join(indicator.responsible)),
        ("依据类型", indicator.basis or ""), ("用于", "、".join(users)), ("说明", indicator.note or ""),
    ]  # fmt: skip


def plan(one: Plan) -> str:
    """Returns the stages of a plan with their expressions, a column a line."""
    lines = []
    for stage in one.stages:
        lines.append(f"{stage.name}  {stage.words}  ({len(stage.columns)})")
        lines += [f"    {name} = {expression}" for name, expression in stage.columns.items()]
    return "\n".join(lines) + "\n"
