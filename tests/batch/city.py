"""A small city for nights: three counties, quarters, a growth, a milestone and a check, and the stores they go into."""

from __future__ import annotations

from pathlib import Path

SYSTEM = """
system: small
period: quarter
entities: {title: 县, roster: roster.csv}
measures:
  made: {title: 产值, unit: 亿元}
  roads: {title: 公路, unit: 公里, over_time: last}
  plan_out: {title: 方案出台, unit: 是/否, over_time: last}
indicators:
  growth: {kind: growth, of: made, over: 1y, target: {at_least: 5}}
  length: {kind: level, of: roads, target: {at_least: 300}}
  plan: {kind: milestone, of: plan_out, target: {done: true, by: 2022}}
scoring: {kind: completion, cap: 100}
pillars:
  经济: {weight: 60, parts: {growth: 1}}
  建设: {weight: 40, parts: {length: 2, plan: 1}}
checks:
  jump: {growth_within: 50, of: [made], severity: query}
"""
ROSTER = "entity,code\n甲县,330101\n乙县,330102\n丙县,330103\n"
QUARTERS = [f"{year}Q{quarter}" for year in (2021, 2022, 2023) for quarter in (1, 2, 3, 4)]


class City:
    """A folder with a system, one file a quarter and a configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "inbox").mkdir(parents=True)
        (folder / "small.yaml").write_text(SYSTEM, "utf-8")
        (folder / "roster.csv").write_text(ROSTER, "utf-8")
        for place, quarter in enumerate(QUARTERS):
            self.report(quarter, created=[100 + 7 * place + 3 * i + (place * i) % 5 for i in range(3)])

    def report(self, quarter: str, *, created: list[float], roads: int = 270, done: bool = True) -> None:
        lines = ["期别,地区,指标,数值,单位"]
        for name, value in zip(("甲县", "乙县", "丙县"), created, strict=True):
            lines += [f"{quarter},{name},产值,{value},亿元", f"{quarter},{name},公路,{roads + value % 9},公里"]
            lines += [f"{quarter},{name},方案出台,{'是' if done else '否'},"]
        (self.folder / "inbox" / f"{quarter}.csv").write_text("\n".join(lines) + "\n", "utf-8")

    def correct(self, quarter: str) -> None:
        """One figure of one county becomes another."""
        file = self.folder / "inbox" / f"{quarter}.csv"
        lines = file.read_text("utf-8").splitlines()
        lines[1] = f"{quarter},甲县,产值,99.5,亿元"
        file.write_text("\n".join(lines) + "\n", "utf-8")

    def config(self, text: str = "", *, store: str = 'store = "store"') -> Path:
        """Write the configuration and return its path; `text` goes into the source, or is a whole one of its own."""
        whole = text if "[[source]]" in text else f'[[source]]\nsystem = "small.yaml"\ndata = "inbox/*.csv"\n{text}'
        path = self.folder / "nightly.toml"
        path.write_text(f"{store}\n{whole}\n", "utf-8")
        return path


STORES = {
    "delta": 'store = "store"',
    "postgresql": 'archive = "archive"\nstore = {kind = "postgresql", connection_env = "KPI_TEST_DATABASE"}',
}
