"""Runs the command line in a test: what it printed, what it found, what it counted."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from kpi.cli.main import main

SYSTEM = """\
system: small
title: 小系统
period: quarter
entities: {title: 县}
measures:
  gdp:    {title: 地区生产总值, unit: 亿元}
  cases:  {title: 办件量, unit: 件}
  online: {title: 网上办件量, unit: 件}
indicators:
  output:      {kind: level, title: 经济总量, of: gdp, target: {at_least: 100}}
  online_rate: {kind: ratio, title: 网办率, numerator: online, denominator: cases, unit: '%', target: {at_least: 80}}
pillars:
  总体: {weight: 1, parts: {output: 40, online_rate: 60}}
"""

GOOD = """\
期别,地区,指标,数值,计量单位
2023Q4,甲县,地区生产总值,120,亿元
2023Q4,甲县,办件量,1000,件
2023Q4,甲县,网上办件量,900,件
2023Q4,乙县,地区生产总值,80,亿元
2023Q4,乙县,办件量,500,件
2023Q4,乙县,网上办件量,300,件
"""

_COUNTS = re.compile(r"(\d[\d,]*) (?:rows?|figures?|rows and figures) read: ([^.]*)\.")


@dataclass(frozen=True)
class Ran:
    """What a command did; `findings` and `counts` are those of `--output-format json` and of the summary."""

    code: int
    out: str
    err: str
    exception: BaseException | None

    @property
    def findings(self) -> list[dict[str, Any]]:
        """The findings, in their order."""
        actual, _ = json.JSONDecoder().raw_decode(self.err) if self.err.startswith("[") else ([], 0)
        return actual

    @property
    def errors(self) -> list[tuple[str, str | None, int | None, str | None]]:
        """Code, file name, row and column of every error."""
        return [
            (item["code"], item["file"] and Path(item["file"]).name, item["row"], item["field"])
            for item in self.findings
            if item["severity"] == "error"
        ]

    @property
    def counts(self) -> dict[str, int] | None:
        """What the summary says became of the rows; None when there is no summary."""
        match = _COUNTS.search(self.err)
        if match is None:
            return None
        text = re.findall(r"(\d[\d,]*) (left out|\w+)", match[2])
        parts = {word.replace(" ", "_"): int(number.replace(",", "")) for number, word in text}
        return {"read": int(match[1].replace(",", "")), **parts}


def kpi(*arguments: object, findings: bool = True, env: dict[str, str] | None = None) -> Ran:
    """Runs `kpi` in this process; `findings` asks for them as JSON."""
    style = ["--output-format", "json"] if findings else []
    result = CliRunner().invoke(main, [*map(str, arguments), *style], env={"KPI_DEFINITIONS": None, **(env or {})})
    stray = None if isinstance(result.exception, SystemExit) else result.exception
    return Ran(result.exit_code, result.stdout, result.stderr, stray)


def write(folder: Path, files: dict[str, str | bytes]) -> None:
    """Write files into a folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
