"""First systems: what `kpi init DIR` writes, small enough to read in one go and complete enough to score.

Those of `--kind` are files of the folder `starts`, one folder each; `docs/starts.py` makes their data.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from kpi.cli.yaml_comments import translated
from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.intake.files.file_formats import SUFFIXES, has_known_suffix
from kpi.language.loading.schema import json_schema
from kpi.process import atomic_files
from kpi.process.os_errors import reason

DEFINITION = """\
# yaml-language-server: $schema=./schema.json
system: demo
title: 示例县区数字政府评价
period: quarter
entities: {title: 县(市、区)}

measures:
  cases:        {title: 办件总量, unit: 件}
  cases_online: {title: 网上办件量, unit: 件}
  villages:     {title: 行政村数, unit: 个, over_time: last}
  villages_5g:  {title: 通5G行政村数, unit: 个, over_time: last}
  digital_va:   {title: 数字经济核心产业增加值, unit: 亿元}
  complaints:   {title: 投诉量, unit: 件}

indicators:
  online_rate:
    {kind: ratio, title: 网上办件率, numerator: cases_online, denominator: cases, target: {at_least: 90, by: 2025}}
  coverage_5g:
    {kind: coverage, title: 5G覆盖率, covered: villages_5g, total: villages, target: {at_least: 100}}
  va_growth:
    {kind: growth, title: 核心产业增加值增速, of: digital_va, over: 1q, target: {above: 2}}
  complaint_rate:
    {kind: ratio, title: 投诉率, numerator: complaints, denominator: cases, unit: ‰, target: {at_most: 5}}

# Weights, cut points and the scheme below are this example's own.
pillars:
  政务服务: {weight: 60, parts: {online_rate: 40, complaint_rate: 20}, ours: true}
  数字基础: {weight: 40, parts: {coverage_5g: 20, va_growth: 20}, ours: true}

stars: {kind: bands, cuts: {5: 95, 4: 85, 3: 75, 2: 60, 1: 0}, ours: true}
checks:
  online_part: {title: 网上办件量不超过办件总量, expr: cases_online <= cases, severity: error}
"""

STARTS = Path(__file__).parent / "starts"

#: The kinds of first systems, by the name of their folder: their Chinese name, their data, a unit, and what shows why.
KINDS: Mapping[str, tuple[str, str, str]] = {
    "assessment": ("考核办法", "figures.csv", "北河乡"),
    "matters": ("事项统计", "cases.csv", "云台街道"),
    "index": ("指数评价", "figures.csv", "青溪县"),
    "per-mu": ("亩均", "firms.csv", "南岭电子有限公司"),
    "stars": ("星级", "figures.csv", "社保窗口"),
}
#: Every name of a kind.
KIND_NAMES = (*KINDS, *(chinese for chinese, _, _ in KINDS.values()))

_UNITS = {
    "办件总量": "件",
    "网上办件量": "件",
    "行政村数": "个",
    "通5G行政村数": "个",
    "数字经济核心产业增加值": "亿元",
    "投诉量": "件",
}
_FIGURES: dict[tuple[str, str], tuple[str, ...]] = {
    ("2024Q1", "东湖县"): ("12,480", "10,210", "96", "81", "3.62", "41"),
    ("2024Q1", "南岭市"): ("20,115", "18,870", "140", "139", "8.95", "77"),
    ("2024Q1", "西山区"): ("15,904", "13,002", "58", "58", "6.10", "118"),
    ("2024Q2", "东湖县"): ("13,020", "11,350", "96", "88", "3.81", "39"),
    ("2024Q2", "南岭市"): ("21,460", "20,240", "140", "140", "9.02", "80"),
    ("2024Q2", "西山区"): ("16,233", "13,840", "58", "58", "6.31", "97"),
}


def data() -> str:
    """Return the figures of the example as CSV, one per row."""
    lines = ["期别,地区,指标,数值,计量单位"]
    for (period, entity), figures in _FIGURES.items():
        for (title, unit), figure in zip(_UNITS.items(), figures, strict=True):
            lines.append(
                f'{period},{entity},{title},"{figure}",{unit}'
                if "," in figure
                else f"{period},{entity},{title},{figure},{unit}"
            )
    return "\n".join(lines) + "\n"


def write(folder: Path, kind: str | None = None) -> list[Path]:
    """Write definition, data, schema and configuration into a folder and return the files.

    Args:
        folder: where to.
        kind: one of `KIND_NAMES`; None for the first example.

    Raises:
        DataError: if one of the files exists already, or the folder cannot be written.
    """
    own = {"demo.yaml": translated(DEFINITION), "period.csv": data()}
    if kind is not None:
        texts = {path.name: path.read_text("utf-8") for path in sorted((STARTS / _folder_of(kind)).iterdir())}
        own = {name: translated(text) if name.endswith(".yaml") else text for name, text in texts.items()}
    contents = {
        **own,
        "schema.json": json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n",
        "kpi.toml": 'definitions = "."\n',
    }
    return write_all(folder, contents, Message("name another folder: kpi init FOLDER"))


def write_all(folder: Path, contents: Mapping[str, str], hint: Message) -> list[Path]:
    """Write texts into a folder, all of them or none, and return the files.

    Args:
        folder: is made if it is not there.
        contents: the texts by the names of their files.
        hint: what to do where one of them is there already.

    Raises:
        DataError: K540, when one of the files is already there, or the folder cannot be written.
    """
    existing = [folder / name for name in contents if (folder / name).exists()]
    if existing:
        raise DataError(
            [
                Diagnostic("K540", Message("the file is already there; nothing was written"), Place(str(path)), hint)
                for path in existing
            ]
        )
    try:
        with atomic_files.folder(folder), ExitStack() as unfinished:
            for name, text in contents.items():
                unfinished.enter_context(atomic_files.replacing(folder / name)).write_text(text, "utf-8")
    except OSError as error:
        raise DataError(
            Diagnostic("K540", Message("cannot be written: {strerror}", strerror=reason(error)), Place(str(folder)))
        ) from None
    return [folder / name for name in contents]


def are_data(paths: Sequence[str]) -> bool:
    """Return whether arguments are files of data, patterns of them, or a folder that holds some but no definition."""
    return any(map(_is_data, paths))


def _is_data(text: str) -> bool:
    path = Path(text)
    if path.is_dir():
        inside = [item for item in path.iterdir() if item.is_file()]
        readable = any(has_known_suffix(item.name) for item in inside)
        return readable and not any(item.suffix in (".yaml", ".yml") for item in inside)
    if path.is_file() or Path(text.rpartition("#")[0] or text).is_file():  # behind # stands a sheet
        return True
    return any(mark in text for mark in "*?[") or path.suffix.lower() in (*SUFFIXES, ".gz", ".zst")


def commands_for(files: Sequence[str], definition: Path | None) -> str:
    """Return what to run next with files and their definition, which is not named where it is found by itself."""
    names = " ".join(map(_quoted, files))
    option = "" if definition is None else f" -s {_quoted(str(definition))}"
    return f"kpi score {names}{option}\n"


def _quoted(text: str) -> str:
    """Return an argument for a shell, in quotes where it has signs beside letters of any script."""
    return text if re.fullmatch(r"[\w./-]+", text) else shlex.quote(text)


def _folder_of(kind: str) -> str:
    return next(name for name, (chinese, _, _) in KINDS.items() if kind in (name, chinese))


def next_commands(folder: Path, kind: str | None = None) -> str:
    """Return the commands to run next, one per line."""
    step = "" if folder == Path() else f"cd {_quoted(str(folder))}\n"
    if kind is not None:
        name = _folder_of(kind)
        _, file, unit = KINDS[name]
        return (
            f"{step}kpi score {file}\nkpi explain {file} {unit}\nkpi check {name}.yaml --data {file}\nkpi show {name}\n"
        )
    return f"{step}kpi score period.csv\nkpi explain period.csv 东湖县\nkpi check demo.yaml --data period.csv\n"
