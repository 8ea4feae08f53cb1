"""How robust a ranking is, as a terminal shows it, and as CSV and JSON for other programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import polars as pl
from rich.text import Text

from kpi import session
from kpi.analysis.robustness import Robustness
from kpi.cli.progress_line import showing
from kpi.report.cards import printed, table_of
from kpi.report.encode import csv
from kpi.report.marks import NOTHING, escaped, level, number, visible

#: How many assumptions are shown, those that move most.
MOST = 12

_ASSUMPTIONS = {"normalisation": "换标准化", "mean": "换合成方法", "missing": "换缺项处理", "without": "去掉"}
_ALTERNATIVES = {
    "minmax": "极差", "zscore": "Z 分数", "percentile": "百分位", "arithmetic": "算术平均", "geometric": "几何平均",
    "power": "0.5 次幂平均", "redistribute": "按比例分摊", "zero": "计零分", "cohort_mean": "同组平均分",
}  # fmt: skip


def stress(*, files: Sequence[str], form: str | None, quiet: bool, width: int | None, **options: Any) -> int:
    """Prints how robust the ranking of files is: as a table, CSV of the places, or JSON. What `kpi stress` does.

    Raises:
        KpiError: as for `kpi.stress`.
    """
    with showing(quiet=quiet):
        found = session.stress(list(files), **options)
    form = form or ("table" if sys.stdout.isatty() else "csv")
    if form == "table":
        sys.stdout.write(table(found, width=width))
    else:
        text = as_json(found) if form == "json" else csv(found.ranks).decode()
        sys.stdout.write(escaped(text) if sys.stdout.isatty() else text)
    return 0


def table(found: Robustness, /, *, width: int | None = None) -> str:
    """Returns the places of every entity over the simulated runs, and the assumptions that move most."""
    head = f"{visible(found.card.title)}  {found.period}  稳健性"
    how = f"{found.runs} 次模拟：权重 ±{found.weights:g} %，标准化、合成、缺项处理任选；种子 {found.seed}"
    return printed(Text(head, style="bold"), Text(how), *_ranks(found), *_alternatives(found), width=width)


def _ranks(found: Robustness) -> list[object]:
    several = found.ranks["cohort"].n_unique() > 1
    scheme = found.card.definition.stars
    headings = ["分组"] * several + [found.card.entity_title, "位次", "90 % 区间", "最好–最差", "平均"]
    headings += [] if scheme is None else ["等级", "保持等级"] if scheme.names else ["星级", "保持星级"]
    shown = table_of(*headings)
    for row in found.ranks.iter_rows(named=True):
        who = [visible(row["cohort"])] * several + [visible(row["entity"])]
        if row["rank"] is None:
            shown.add_row(*who, NOTHING)
            continue
        kept = NOTHING if row["kept"] is None else f"{row['kept']:.0f} %"
        spans = (f"{row[a]:g}–{row[b]:g}" for a, b in (("low", "high"), ("best", "worst")))
        cells = [f"{row['rank']:g}", *spans, number(row["mean"], 1)]
        shown.add_row(*who, *cells, *([_level(found, row["stars"]), kept] if scheme else []))
    return [shown]


def _level(found: Robustness, number: float | None) -> str:
    """A level by its name, or as stars."""
    names = found.card.definition.stars.names if found.card.definition.stars is not None else {}
    grade = None if number is None else names.get(int(number))
    return visible(level(number, grade, named=bool(names)))


def _alternatives(found: Robustness) -> list[object]:
    rows = found.alternatives.filter(pl.col("moved") > 0)
    still = found.alternatives.height - rows.height
    scheme = found.card.definition.stars
    levels = [] if scheme is None else ["等级变动" if scheme.names else "星级变动"]
    shown = table_of("假设", "改为", "平均变动", "最大变动", "何者", *levels)
    for row in rows.head(MOST).iter_rows(named=True):
        other = row["title"] or _ALTERNATIVES.get(row["alternative"], row["alternative"])
        moves = [number(row["moved"], 2), f"{row['most']:g}"]
        changed = NOTHING if row["stars"] is None else str(row["stars"])
        shown.add_row(
            _ASSUMPTIONS[row["assumption"]],
            visible(other),
            *moves,
            visible(row["entity"]),
            *([changed] if levels else []),
        )
    words = f"\n逐项改变一个假设：{found.alternatives.height} 项中 {still} 项不改变任何位次"
    return [Text(words + ("，变动最大的几项" if rows.height else "")), *([shown] if rows.height else [])]


def as_json(found: Robustness, /) -> str:
    """Returns what was found as one JSON object, `kpi.robustness/1`, floats unrounded."""
    head = {
        "schema": "kpi.robustness/1", "system": found.card.system, "period": found.period,
        "definition_hash": found.card.definition_hash, "data_hash": found.card.data_hash, "runs": found.runs,
        "weights": found.weights, "seed": found.seed,
    }  # fmt: skip
    tables = {"ranks": found.ranks.to_dicts(), "alternatives": found.alternatives.to_dicts()}
    return json.dumps(head | tables, ensure_ascii=False, indent=2) + "\n"
