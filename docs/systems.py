"""Write docs/systems: a page for every system of definitions/, made from its definition alone, in English and Chinese.

The English page is the method that `kpi show SYSTEM -o method.md` writes; documents keep their own words.

Run from the root of the repository: python docs/systems.py
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import kpi
from kpi.errors import Message
from kpi.language.adjustments import Bonus, Deduction, Veto
from kpi.language.loading.catalogue import shipped
from kpi.language.measures import Measure
from kpi.language.model import kind_of
from kpi.language.system import System
from kpi.report.language import localized, tr, using

HERE = Path(__file__).parent / "systems"

BASES = {
    "stated": "明文数值", "full_coverage": "全覆盖", "milestone": "节点任务", "qualitative": "定性，不计分",
    "structural": "框架数字，不计分", "named_list": "点名清单，不计分",
}  # fmt: skip

#: How figures of finer periods make the scored one.
TIMING = {
    "sum": "期内合计",
    "last": "期末数",
    "first": "期初数",
    "mean": "期内平均",
    "median": "期内中位数",
    "max": "最大",
    "min": "最小",
    "ytd": "年初累计",
}

#: What a key of `ours` is called.
KEYS = {
    "weight": "权重", "parts": "权重", "missing": "缺项处理", "share": "分解办法", "file": "分解办法",
    "schedule": "序时进度", "tolerance": "容差", "period": "基期", "unit": "单位", "rounding": "取整",
    "ties": "并列处理",
}  # fmt: skip

#: Blocks that stand for the whole system.
BLOCKS = {"scoring": "计分办法", "composite": "合成", "stars": "星级", "ranking": "排名", "lights": "红黄绿灯"}


def cell(text: object) -> str:
    """Return text that stays within its cell of a table."""
    return str(text).replace("|", "\\|").replace("\n", " ").strip() or "—"


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a table, nothing when it has no rows."""
    body = [f"| {' | '.join(map(cell, row))} |" for row in rows]
    if body:
        yield f"| {' | '.join(headings)} |"
        yield "|" + "---|" * len(headings)
        yield from body
        yield ""


def ours(mark: bool | tuple[str, ...]) -> str:
    """Return what is ours about a definition, empty when nothing is."""
    if isinstance(mark, tuple):
        return "、".join(dict.fromkeys(KEYS.get(key, key) for key in mark)) + "为本评价所定"
    return "本评价所定" if mark else ""


def chinese(text: str) -> str:
    """Return a text of the program in the language of the pages; any other text stays as it is."""
    with using("zh"):
        return tr(text) if isinstance(text, Message) else text


def page(system: System) -> str:
    """Return the page of a system."""
    lines = [
        f"# {system.title or system.system}",
        "",
        "<!-- written by docs/systems.py; change the definition instead -->",
        "",
    ]
    lines += [*head(system), *tree(system), *indicators(system), *adjustments(system), *measures(system), *own(system)]
    return "\n".join(lines).rstrip() + "\n"


def head(system: System) -> Iterator[str]:
    """Yield what is evaluated, by what document, and the rules for the whole."""
    file = f"definitions/{system.system}.yaml"
    yield f"编号 `{system.system}`，定义文件 [`{file}`](../../{file})。"
    yield ""
    source = system.source
    if source is not None:
        parts = (source.issuer, source.document, str(source.date or ""), source.number)
        yield f"- 依据：{' '.join(part for part in parts if part)}" + (f"。{source.note}" if source.note else "")
    yield f"- 评价对象：{system.entities.title}" + (
        f"，名单 `{system.entities.roster}`" if system.entities.roster else ""
    )
    grains = {"week": "周", "month": "月", "quarter": "季", "half": "半年", "year": "年"}
    yield f"- 期别：{grains[system.period.length.value]}"
    rule = system.scoring
    yield f"- 计分：{chinese(rule.in_full()) if rule else '有目标的指标按完成比例'}"
    mean, missing = chinese(system.composite.mean_words), chinese(system.composite.missing.words())
    yield f"- 合成：{mean}，{missing}，满分 {system.composite.full:g}"
    yield f"- 星级：{chinese(system.stars_words)}"
    yield f"- 排名：保留 {system.ranking.decimals} 位小数，分组排名"
    yield ""


def tree(system: System) -> Iterator[str]:
    """Yield the tree of pillars with their weights."""
    rows = []
    for depth in reversed(system.depths):
        for name in depth:
            pillar = system.pillars[name]
            weight = chinese(system.weight_words(name))
            shown = f"{system.parents[name]} 之内" if name in system.parents else weight or "1"
            parts = "、".join(
                f"{system.symbols[part].title if part in system.symbols else part} {chinese(system.weight_words(part))}"
                for part in pillar.parts
            )
            mean, missing = chinese(pillar.mean_words), chinese(pillar.missing.words())
            rows.append((pillar.title or name, shown, parts, mean, missing))
    if rows:
        yield "## 指标体系"
        yield ""
        yield from table(("一级指标", "权重", "构成及权重", "合成", "缺项"), rows)


def indicators(system: System) -> Iterator[str]:
    """Yield every indicator: formula in words, target, rule of its own, clause, units in charge."""
    yield "## 指标"
    yield ""
    rows = []
    for name, item in system.indicators.items():
        unit = system.unit(name)
        target = "；".join(chinese(target.words(unit)) for target in item.target)
        notes = [
            item.note,
            *(target.note for target in item.target),
            chinese(item.score.in_full()) if item.score is not None else None,
        ]
        units = [
            f"牵头 {'、'.join(item.lead)}" if item.lead else "",
            f"责任 {'、'.join(item.responsible)}" if item.responsible else "",
        ]
        basis = BASES.get(item.basis or "", "")
        rows.append((
            item.title or name, f"`{name}`", chinese(item.words(system.symbols)), unit, target, item.clause or "",
            basis,
            "；".join(filter(None, units)), "；".join(filter(None, notes)),
        ))  # fmt: skip
    yield from table(("指标", "编号", "计算方法", "单位", "目标", "条款", "性质", "单位分工", "说明"), rows)


def adjustments(system: System) -> Iterator[str]:
    """Yield bonuses, deductions and vetoes."""
    rows = []
    titles = {name: item.title or name for name, item in {**system.symbols, **system.pillars}.items()}
    for name, item in system.adjustments.items():
        if isinstance(item, Veto):
            effect = item.effect.words(system.stars.names if system.stars else {})
            rows.append((item.title or name, "一票否决", item.when, chinese(effect)))
        elif isinstance(item, Bonus | Deduction):
            limit = f"，最多 {item.max:g} 分" if item.max is not None else ""
            of = item.when or (system.symbols[item.of].title if item.of in system.symbols else item.of or "")
            kind, sign = ("加分", "+") if isinstance(item, Bonus) else ("减分", "−")
            condition = item.opens_words(titles) if isinstance(item, Bonus) else None
            opens = "" if condition is None else chinese(condition)
            rows.append(
                (item.title or name, kind, of, f"每 {item.per} {sign}{item.points:g} 分{limit}{opens and '，'}{opens}")
            )
    if rows:
        yield "## 加减分与一票否决"
        yield ""
        yield from table(("名称", "类型", "依据", "作用"), rows)


def measures(system: System) -> Iterator[str]:
    """Yield the figures that departments report or that records are counted for."""
    yield "## 基础数据"
    yield ""
    rows = [
        (
            item.title or name,
            f"`{name}`",
            item.unit,
            computed(item),
            TIMING.get(getattr(item, "timing", item.over_time) or "", ""),
        )
        for name, item in system.measures.items()
    ]
    yield from table(("名称", "编号", "单位", "来源", "汇总"), rows)


def computed(measure: Measure) -> str:
    """Return where a figure comes from, in words."""
    kind = kind_of(type(measure))
    words = {
        "reported": "报送",
        "count": "记录计数",
        "sum": "记录合计",
        "mean": "记录平均",
        "distinct": "去重计数",
    }.get(kind, kind)
    of = "".join(f" {column}" for column in measure.columns())
    return f"{words}{of}" + (f"（{measure.where}）" if measure.where else "")


def own(system: System) -> Iterator[str]:
    """Yield what is the document's and what is ours."""
    marked = [
        f"{words}：{ours(mark)}"
        for key, words in BLOCKS.items()
        if (mark := getattr(getattr(system, key), "ours", False))
    ]
    marked += [
        f"一级指标「{item.title or name}」：{ours(item.ours)}" for name, item in system.pillars.items() if item.ours
    ]
    marked += [
        f"加减分「{item.title or name}」：{ours(item.ours)}" for name, item in system.adjustments.items() if item.ours
    ]
    for name, item in system.indicators.items():
        result = [
            ours(mark)
            for mark in (item.ours, *(t.ours for t in item.target), item.score.ours if item.score else False)
            if mark
        ]
        marked += [f"指标「{item.title or name}」：{'；'.join(dict.fromkeys(result))}"] if result else []
    yield "## 文件规定与本评价所定"
    yield ""
    yield (
        "以下内容文件没有规定，由本评价确定；其余（指标、条款、目标值、期限、单位分工）出自所引文件。"
        if marked
        else "全部内容出自所引文件。"
    )
    yield ""
    yield from (f"- {line}" for line in marked)


#: The words of the page that lists the others.
LIST = {
    "en": ("Systems", ("system", "id", "indicators", "units", "stars")),
    "zh": ("评价体系", ("体系", "编号", "指标数", "评价对象", "星级")),
}


def index(systems: Iterable[System], language: str) -> str:
    """Return the page that lists the others."""
    title, headings = LIST[language]
    with using(language):
        rows = [
            (
                f"[{item.title}]({item.system}.md)",
                f"`{item.system}`",
                len(item.indicators),
                item.entities.title,
                stars(item),
            )
            for item in systems
        ]
    lines = [f"# {title}", "", "<!-- written by docs/systems.py -->", "", *table(headings, rows)]
    return "\n".join(lines).rstrip() + "\n"


def stars(system: System) -> str:
    """Return how totals become stars, in the language in use."""
    return localized(system.stars_words)


def method(system: System) -> str:
    """Return the English page of a system: its method, after where it stands."""
    with using("en"):
        title, _, text = kpi.content(system, "md").decode().partition("\n")
    place = f"[`definitions/{system.system}.yaml`](../../definitions/{system.system}.yaml)"
    head = f"Id `{system.system}`, definition {place}. Names and clauses are those of the document."
    comment = "<!-- written by docs/systems.py; change the definition instead -->"
    return f"{title}\n\n{comment}\n\n{head}\n\n{text.strip()}\n"


def pages() -> dict[str, str]:
    """Return every page by its file name."""
    systems = [kpi.load(file) for file in sorted(shipped().glob("*.yaml"))]
    lists = {"README.md": index(systems, "en"), "README.zh.md": index(systems, "zh")}
    english = {f"{item.system}.md": method(item) for item in systems}
    return lists | english | {f"{item.system}.zh.md": page(item) for item in systems}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a page for every system.")
    parser.add_argument("--out", type=Path, default=HERE, help="the folder that is written into")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (out / name).write_text(text, "utf-8")
