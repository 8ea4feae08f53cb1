"""Write the pages of docs/reference from the definitions themselves: a section per kind, out of its class.

Run from the root of the repository: python docs/reference.py
"""

from __future__ import annotations

import functools
import inspect
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
import polars as pl
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kpi import session
from kpi.analysis import robustness, statistics
from kpi.analysis.audit import audited
from kpi.analysis.diff import diff, side
from kpi.analysis.explain import explain
from kpi.analysis.next_level import ahead
from kpi.analysis.uncertainty import choices as varied
from kpi.analysis.way_up import way_up
from kpi.cli.main import main
from kpi.language.adjustments import AnyAdjustment, Effect
from kpi.language.aggregation import column_means, means
from kpi.language.aggregation.caps import Cap
from kpi.language.aggregation.judgements import Judge
from kpi.language.aggregation.methods import METHODS
from kpi.language.aggregation.missing import Missing, Penalty, Redistribute
from kpi.language.aggregation.nodes import Composite, Pillar
from kpi.language.alerts import Alert
from kpi.language.checks import AnyCheck
from kpi.language.classes import ByClass, Since
from kpi.language.datasets import AnyDataset, Elsewhere, Shape
from kpi.language.disclosure import Disclosure, Dominance
from kpi.language.grouping import Group
from kpi.language.indicators import AnyIndicator
from kpi.language.limits import LimitsOfAll
from kpi.language.loading.schema import descriptions, json_schema, without_examples
from kpi.language.localisation import Localisation
from kpi.language.longer_totals import TotalsOver
from kpi.language.measures import AnyMeasure
from kpi.language.model import Definition, kind_of
from kpi.language.ranking import Ranking
from kpi.language.sampling import Sampling
from kpi.language.scoring import KINDS, Case, Rule
from kpi.language.scoring.absolute import PassMarks
from kpi.language.scoring.lines import Goalposts
from kpi.language.scoring.places import Borda, Percentile, RankScore
from kpi.language.scoring.relative import DistanceToBest, DistanceToTarget, Efficacy, MinMax, ZScore
from kpi.language.scoring.rule import OwnMarks, OwnMarksOrCuts
from kpi.language.stars.base import Moves
from kpi.language.stars.data_driven import SCHEMES
from kpi.language.stars.fixed import Rung
from kpi.language.system import (
    Entities,
    Lights,
    Quality,
    ShortIndicators,
    ShortMeasures,
    Source,
    System,
    YearStarts,
)
from kpi.language.targets import Baseline, PerEntity, Target
from kpi.language.treatment.steps import STEPS
from kpi.language.uncertainty import Uncertainty, WeightNoise
from kpi.report.analysis import AnalysisReport
from kpi.report.audit.report import AuditReport
from kpi.report.difference import DifferenceReport
from kpi.report.language import described, localized, paragraphs_of, translated, using
from kpi.report.queries import FindingsReport
from kpi.report.results import ScorecardReport
from kpi.report.robustness import RobustnessReport
from kpi.report.rules import Rule as Code
from kpi.report.rules import rules
from kpi.report.shape import FRAMES, MORE, Report
from kpi.report.tree import ExplanationReport
from kpi.report.way_up import WayUpReport
from kpi.values import numerics
from kpi.values.periods import Grain, Length

FOLDER = Path(__file__).parent / "reference"
HEAD = """# Scoring, weights, means, data treatment and stars

Written by `python docs/reference.py` out of the definitions; what is said here is what the classes say of themselves.
Scores are percent of full marks. What a kind makes of equal values and of a single entity stands in its text.
"""
RESULTS = """# The tables of results

Written by `python docs/reference.py` out of the results of the sample data. CSV and JSON have the names of the columns,
workbooks and pages the headings, in the language in use. Numbers are as computed; a column without a value is empty,
never 0.
"""
KEYS = """# Every key of a definition

Written by `python docs/reference.py` out of the definitions. [The language](../language.md) says how they work
together; scoring rules, weights, data treatment and stars have [a page of their own](scoring.md).
"""
#: Rules that put values on a common scale, each with what it cannot do without, and the keys that set their range.
NORMALISERS: dict[type[Rule], dict[str, Any]] = {
    Goalposts: {"low": 0, "high": 10}, Efficacy: {}, MinMax: {}, ZScore: {}, DistanceToTarget: {}, DistanceToBest: {},
    Percentile: {}, RankScore: {}, Borda: {},
}  # fmt: skip
RANGE = ("scale", "base", "span", "mean", "sd", "first", "step", "points", "constant")

#: What tells the definitions of a group apart is their heading, and what all definitions take stands once.
TAGS = {"kind", "method", "form"}
SHARED = Definition.model_fields


#: Every paragraph that the pages have in the language in use, for its catalogue.
_PARAGRAPHS: dict[str, None] = {}


def in_language(text: str) -> str:
    """Return a text in the language in use."""
    _PARAGRAPHS.update(dict.fromkeys(paragraphs_of(text)))
    return described(text)


def heading(level: str, title: str) -> str:
    """Return a heading in the language in use, with the anchor that it has in English."""
    words = in_language(title)
    slug = re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title, flags=re.ASCII).strip().lower())
    return f"{level} {words}" if words == title else f"{level} {words} {{#{slug}}}"


def texts() -> list[str]:
    """Return every paragraph that is translated: of the pages, and of the JSON Schema."""
    _PARAGRAPHS.clear()
    for text in descriptions(json_schema()):
        in_language(text)
    for page in (scoring, keys, results):
        page("en")
    return sorted(_PARAGRAPHS)


def paragraphs(model: Any) -> str:
    """Return the text of a docstring without its examples, `Args:` and `Returns:`."""
    return in_language(without_examples((inspect.getdoc(model) or "").partition("\nArgs:")[0]))


def choices(annotation: Any) -> list[str]:
    """Return the words that a field may be, wherever they stand in its type."""
    if get_origin(annotation) is Literal:
        words = get_args(annotation)
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        words = tuple(item.value for item in annotation)
    elif annotation is Grain:
        words = tuple(Length)
    else:
        return list(dict.fromkeys(word for item in get_args(annotation) for word in choices(item)))
    return [f"`{word}`" for word in words]


def default(field: FieldInfo) -> str:
    """Return a field's default as YAML would have it."""
    if field.is_required():
        return in_language("needed")
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, dict):
        return f"`{{{', '.join(f'{key}: {item:g}' for key, item in value.items())}}}`"
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"


def row(name: str, field: FieldInfo) -> str:
    """Return a line of a table of fields."""
    cells = (
        f"`{field.alias or name}`",
        default(field),
        " ".join(choices(field.annotation)),
        in_language(field.description or ""),
    )
    return f"| {' | '.join(item.replace('|', chr(92) + '|') for item in cells)} |"


def rows(fields: Mapping[str, FieldInfo]) -> str:
    """Return fields as a table."""
    lines = [row(name, field) for name, field in fields.items()]
    head = f"| {in_language('key')} | {in_language('default')} | {in_language('words')} | |"
    return "\n".join([head, "|---|---|---|---|", *lines]) if lines else ""


def table(model: type[BaseModel], leave_out: set[str]) -> str:
    """Return the fields of a model that are its own as a table."""
    return rows({
        name: field
        for name, field in model.model_fields.items()
        if name not in leave_out
        and not is_tag(name, field)
        and (name not in SHARED or field.description != SHARED[name].description)
    })  # fmt: skip


def is_tag(name: str, field: FieldInfo) -> bool:
    """Return whether a field only tells the definitions of a group apart: it has a single word."""
    return name in TAGS and get_origin(field.annotation) is Literal


def by_kind(models: tuple[type[BaseModel], ...], tag: str = "kind") -> dict[str, type[BaseModel]]:
    """Return models by the word that tells them apart."""
    return {kind_of(model, tag): model for model in models}


def members(union: Any) -> dict[str, type[BaseModel]]:
    """Return the models of a union by the tag that tells them apart, without those of extensions."""
    result = (get_args(item) for item in get_args(get_args(union)[0]))
    return {rest[-1].tag: model for model, *rest in result if len(rest) == 1}


def group(title: str, kinds: Mapping[str, type[BaseModel]]) -> str:
    """Return a chapter: what all kinds take, then each."""
    models = kinds.values()
    common = set.intersection(*(set(model.model_fields) for model in models)) - TAGS - set(SHARED)
    usual = {name: Counter(default(item.model_fields[name]) for item in models).most_common(1)[0][0] for name in common}
    parts = [heading("##", title)]
    if common:
        plain = next(item for item in models if all(default(item.model_fields[name]) == usual[name] for name in common))
        parts += [in_language("All take:"), table(plain, set(plain.model_fields) - common)]
    for kind, model in kinds.items():
        # A default of a kind's own, such as no cap, is worth saying again.
        own = table(model, {name for name in common if default(model.model_fields[name]) == usual[name]})
        parts += [f"### `{kind}`", paragraphs(model), *([own] if own else [])]
    return "\n\n".join(parts)


def glance() -> str:
    """Return the normalisers side by side; what they make of equal values and of a single one is computed here."""
    titles = ("kind", "range", "floor, cap", "all are 5", "one, 5")
    rows = [f"| {' | '.join(map(in_language, titles))} |", "|---|---|---|---|---|"]
    for model, needed in NORMALISERS.items():
        rule = model.model_validate(needed)
        ranges = [f"`{name}: {default(field)[1:-1]}`" for name, field in model.model_fields.items() if name in RANGE]
        limits = ", ".join(in_language("none") if item is None else f"{item:g}" for item in (rule.floor, rule.cap))
        scores = (scored(rule, [5.0] * number) for number in (3, 1))
        rows.append(f"| `{kind_of(model)}` | {', '.join(ranges)} | {limits} | {' | '.join(scores)} |")
    shown = ", ".join(f"`{kind_of(model)}` {needed}" for model, needed in NORMALISERS.items() if needed)
    head = in_language("Direction is the indicator's `better` everywhere. The target is 5; as examples:")
    return "\n\n".join(
        [heading("###", "Normalisers at a glance"), f"{head} {shown.replace(chr(39), '')}.", "\n".join(rows)]
    )


def stress() -> str:
    """Return the chapter on `kpi stress`, with the alternatives that it tries."""
    tried = {
        "normalisation": ", ".join(
            f"`{name}` ({localized(rule.words())})" for name, rule in varied.NORMALISATIONS.items()
        ),
        "mean": ", ".join(f"`{name}` ({localized(means.words(item))})" for name, item in varied.MEANS.items()),
        "missing": ", ".join(f"`{name}` ({localized(item.words())})" for name, item in varied.POLICIES.items()),
        "without": in_language("each indicator and pillar"),
    }
    rows = "\n".join(
        [
            f"| {in_language('assumption')} | {in_language('alternatives')} |",
            "|---|---|",
            *(f"| {key} | {item} |" for key, item in tried.items()),
        ]
    )
    text = inspect.getdoc(robustness) or ""
    return "\n\n".join(
        [
            heading("##", "Robustness"),
            in_language(text.replace("Robustness (稳健性)", "`kpi stress FILE`")),
            rows,
            paragraphs(robustness.Robustness),
        ]
    )


def scored(rule: Rule, values: list[float]) -> str:
    """Return the score of the first of some values, all of them peers, the target being 5."""
    answer = rule.score(Case.plain(pl.col("x"), target=pl.lit(5.0)))
    return f"{pl.DataFrame({'x': values}).select(rule.finish(answer)).to_series()[0]:g}"


def scoring(language: str) -> str:
    """Return the page on scoring in a language."""
    with using(language):
        return _scoring()


def _scoring() -> str:
    formulas = {
        "entropy": numerics.entropy,
        "critic": numerics.critic,
        "variation": numerics.variation,
        "pca": numerics.principal,
    }
    result = "\n\n".join(f"`{name}`: {paragraphs(item)}" for name, item in formulas.items())
    chapters = [
        in_language(HEAD.strip()),
        group("Scoring rules", by_kind(KINDS)),
        glance(),
        "\n\n".join(
            [heading("##", "Means"), paragraphs(means.evaluate), f"`copeland`: {paragraphs(numerics.copeland)}"]
        ),
        "\n\n".join([heading("##", "Missing parts"), paragraphs(Missing), table(Missing, set())]),
        group("Weights", by_kind(METHODS, "method")),
        f"{heading('###', 'Formulas of weights from data')}\n\n{result}",
        group("Data treatment", by_kind(STEPS)),
        group("Stars", by_kind(SCHEMES)),
        stress(),
    ]
    return "\n\n".join(chapters) + "\n"


def section(title: str, model: type[BaseModel], level: str = "###") -> str:
    """Return a section on a model: its text and its keys."""
    return "\n\n".join([heading(level, title), paragraphs(model), table(model, set())])


def keys(language: str) -> str:
    """Return the page with every key that no other page has, in a language."""
    with using(language):
        return _keys()


def _keys() -> str:
    every = in_language("Every definition, one of a group as well as a pillar or the composite, may have these:")
    chapters = [
        in_language(KEYS.strip()),
        f"{every}\n\n{rows(SHARED)}",
        section("A system", System, "##"),
        section("`source`", Source),
        section("`year_starts`", YearStarts),
        section("`entities`", Entities),
        section("`lights`", Lights),
        section("`quality`", Quality),
        section("`notify`", Alert),
        group("Datasets", members(AnyDataset)),
        section("`shape`", Shape),
        section("A key under `columns` that no column has", Elsewhere),
        group("Measures", members(AnyMeasure)),
        section("`measures` in short", ShortMeasures),
        group("Indicators", members(AnyIndicator)),
        section("`indicators` in short", ShortIndicators),
        section("`target`", Target, "##"),
        section("`baseline`", Baseline),
        section("A bound for each entity", PerEntity),
        section("`pillars`", Pillar, "##"),
        section("A weight by a column of the roster", ByClass),
        section("A weight from a period on", Since),
        section("`marks` of `pass`", PassMarks),
        section("`base` in marks", OwnMarks),
        section("`no_target` in marks", OwnMarksOrCuts),
        section("`composite`", Composite),
        section("`mean: {power: …}`", means.Power),
        section("`mean: {topsis: …}`", means.Topsis),
        *(section(f"`mean: {{{key}: …}}`", mean) for mean in column_means.EVERY for key in mean.model_fields),
        section("`judges` of a group", Judge),
        section("`mean: {worst: …}`", means.Worst),
        section("`mean: {best: …}`", means.Best),
        section("`caps` of a pillar or the composite", Cap),
        section("`missing: {redistribute: …}`, also `spread`, `cohort_mean`", Redistribute),
        section("`missing: {penalty: …}`", Penalty),
        group("Adjustments", members(AnyAdjustment)),
        section("`effect` of a veto", Effect),
        section("`rungs` of a ladder", Rung, "##"),
        section("`moves` of stars", Moves),
        section("`totals_over`", TotalsOver, "##"),
        section("`groups`", Group, "##"),
        section("`ranking`", Ranking, "##"),
        section("`limits`", LimitsOfAll, "##"),
        section("`uncertainty`", Uncertainty, "##"),
        section("`weights` that vary", WeightNoise),
        section("`sampling`", Sampling),
        group("Checks, by their first key", members(AnyCheck)),
        section("`localise`", Localisation, "##"),
        section("`disclosure`", Disclosure, "##"),
        section("`disclosure`: `dominance`", Dominance, "###"),
    ]
    return "\n\n".join(chapters) + "\n"


def without_repeats(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with the first of its columns of drawn weights, which stands for all."""
    weights = [name for name in frame.columns if name.startswith("weight.")]
    return frame.drop(weights[1:])


def results(language: str) -> str:
    """Return the page of the tables of results in a language: their columns with types and headings."""
    with using(language):
        return _results("en" if language == "zh" else "zh")


def _results(other: str) -> str:
    """Return the page in the language in use, with the headings in the other one beside."""
    parts = [in_language(RESULTS.strip())]
    for command, report, frames, describing in _reports():
        parts.append(f"## `{command}`: `{report.schema}`")
        for name, every in frames.items():
            frame = without_repeats(every)
            with using(other):
                sheet, theirs = report.sheet(name), [report.heading(name, column) for column in frame.columns]
            ours = [report.heading(name, column) for column in frame.columns]
            titles = (in_language("column"), in_language("type"), in_language("heading"), in_language("in Chinese"))
            lines = [f"| {' | '.join(titles)} |", "|---|---|---|---|"]
            lines += [
                f"| `{column}` | {_type(dtype)} | {words} | {foreign} |"
                for (column, dtype), words, foreign in zip(frame.schema.items(), ours, theirs, strict=True)
            ]
            text = _described(describing, name)
            title = f"### `{name}`: {report.sheet(name)} ({sheet})"
            parts += [title, in_language(without_examples(text)), "\n".join(lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _described(describing: object, name: str) -> str:
    """Return the text on a frame, none where an attribute of its name is none, such as a number of runs."""
    member = getattr(describing, name, None)
    function = member.fget if isinstance(member, property) else member
    returned = getattr(function, "__annotations__", {}).get("return", "pl.DataFrame")
    return (inspect.getdoc(member) or "") if "DataFrame" in str(returned) else ""


def _type(dtype: pl.DataType) -> str:
    """Return the name of a type as CSV and Parquet have it: enumerations are text."""
    return "String" if isinstance(dtype, pl.Enum | pl.Categorical) else str(dtype)


@functools.cache
def _reports() -> tuple[tuple[str, Report, dict[str, pl.DataFrame], object], ...]:
    """Return a report of every command, of sample data: its name, its frames, and what describes these."""
    with using("en"):
        return tuple(_each_report())


def _each_report() -> Iterator[tuple[str, Report, dict[str, pl.DataFrame], object]]:
    sample = Path(__file__).parents[1] / "sample_data" / "jiaxing-2022"
    card = session.score([sample / "reports.csv", sample / "cases.csv"], system="jiaxing-2022", partly=True)
    every = {name: getattr(card, name) for name in (*FRAMES, *MORE)}
    yield "kpi score", ScorecardReport(card), every, type(card)
    change = DifferenceReport(diff(side(card, "old"), side(card, "new")))
    stressed = RobustnessReport(robustness.stressed(card, runs=2))
    first = card.entities["entity"][0]
    yield "kpi diff", change, change.frames(), diff
    yield "kpi stress", stressed, stressed.frames(), type(stressed.robustness)
    audit = AuditReport(audited(card, runs=2))
    yield "kpi audit", audit, audit.frames(), type(audit.audit)
    explained = ExplanationReport(card, first, explain(card, first), ahead(card, first))
    yield "kpi explain", explained, explained.frames(), None
    upward = WayUpReport(way_up(card, first, "rank:1"))
    yield "kpi explain --to", upward, upward.frames(), type(upward.way)
    queries = FindingsReport(card.findings_list)
    yield "kpi check", queries, queries.frames(), None
    analysis, profile = AnalysisReport(card), AnalysisReport(card, first)
    yield "kpi show --analysis", analysis, {**analysis.frames(), **profile.frames()}, statistics


#: The parts of the page of findings, by what their codes begin with.
ABOUT = {
    "K1": ("YAML and its shape", "YAML 与结构"), "K2": ("Names", "名称"), "K3": ("Units", "单位"),
    "K4": ("The meaning of definitions", "定义的含义"), "K5": ("Files and columns", "文件与列"),
    "K6": ("Rows and cells", "行与单元格"), "K7": ("Checks of figures, tables of indicators", "数据审核与指标表"),
    "K8": ("Batches, stores and reports", "批量、存储与报告"),
    "K9": ("Service, Spark, extensions and exchange", "服务、Spark、扩展与交换"),
}  # fmt: skip
FINDINGS = {
    "en": """# Findings

Every finding has a code; `kpi rule CODE` shows the same on the command line. Each is reported with its place and with
what to do. `error`: something was not used; `warning`: it was used, and is probably not what was meant; `query`: a
figure wants an explanation; `info`: what was decided.""",
    "zh": """# 检查结果编号

每条检查结果都有编号，命令行中用 `kpi rule 编号` 查看同样的说明。报告时给出所在位置和处理办法。

“错误”表示有内容未被采用；“警告”表示已采用但可能不是本意；“查询”表示数据需要说明；“提示”说明程序作了什么判断。""",
}
OPTIONS = {
    "en": """# Options of commands

[Commands](../commands.md) says what each is for. Those below are the texts of `--help`.""",
    "zh": """# 命令选项

各命令的用途见[命令](../commands.md)。以下与 `--help` 的内容相同。""",
}
WORDS = {"en": ("Wrong", "Right", "option", "values"), "zh": ("有误", "正确", "选项", "取值")}


def findings(language: str) -> str:
    """Return the page of all codes of findings in a language."""
    wrong, right, *_ = WORDS[language]
    parts = [FINDINGS[language]]
    with using(language):
        for begin, titles in ABOUT.items():
            parts.append(f"## {titles[language == 'zh']}")
            for rule in rules().values():
                if rule.code.startswith(begin):
                    lines = [f"- {wrong}: {example(rule, rule.bad)}", f"- {right}: {example(rule, rule.good)}"]
                    parts += [f"### {rule.code}", translated(rule.means), "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def example(rule: Code, text: str) -> str:
    """Return an example of a finding on one line: notation as code, words as text."""
    if text in rule.in_words:
        return translated(text)
    before, after = ("`` ", " ``") if "`" in text else ("`", "`")
    return " ".join(f"{before}{line}{after}" for line in text.splitlines())


def options(language: str) -> str:
    """Return the page of all options of all commands in a language."""
    *_, option, values = WORDS[language]
    parts = [OPTIONS[language]]
    with using(language):
        context = click.Context(main, info_name="kpi")
        for name in main.list_commands(context):
            command = main.get_command(context, name)
            assert command is not None
            usage = " ".join(command.collect_usage_pieces(click.Context(command, info_name=name)))
            parts += [f"## `kpi {name}`", f"`kpi {name} {usage}`", command.help or ""]
            rows = [
                f"| `{', '.join(item.opts)}` | {words_of(item)} | {cell(item.help or '')} |"
                for item in command.params
                if isinstance(item, click.Option) and not item.hidden
            ]
            parts.append("\n".join([f"| {option} | {values} | |", "|---|---|---|", *rows]))
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def words_of(option: click.Option) -> str:
    """Return the values that an option takes."""
    if isinstance(option.type, click.Choice) and option.metavar is None:
        return " ".join(f"`{item}`" for item in option.type.choices)
    return "" if option.is_flag or option.metavar is None else f"`{cell(option.metavar)}`"


def cell(text: str) -> str:
    """Return a text that stays in its cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


PAGES = {
    f"{page.__name__}{suffix}": functools.partial(page, language)
    for page in (scoring, keys, results, findings, options)
    for language, suffix in (("en", ".md"), ("zh", ".zh.md"))
}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for page, text in PAGES.items():
        (FOLDER / page).write_text(text(), encoding="utf-8")
