"""Compile checks into stages: where each rule is broken, and which figures are refused.

Rules about measures are evaluated on the figures as reported, before any of them is refused. A rule about indicators is
evaluated after the level of the last indicator that it reads, so that values computed from a refused indicator are
refused too.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from msgspec import Struct

from kpi.engine.stage import Stage
from kpi.errors import Message
from kpi.language.checks import Breach, Check
from kpi.language.system import System
from kpi.values.columns import Column
from kpi.values.status import OK, reason, status_of


class Rule(Struct, frozen=True):
    """One rule of a check.

    `number` is its position within the check, `level` the level of indicators after which it is evaluated.
    """

    name: str
    number: int
    check: Check
    breach: Breach
    level: int

    @property
    def broken(self) -> str:
        """The column (Boolean) that is true where the rule is broken."""
        return f"#broken {self.name} {self.number}"

    @property
    def details(self) -> str:
        """The column (Struct of String) with the details of a violation."""
        return f"#details {self.name} {self.number}"


def rules(system: System) -> tuple[Rule, ...]:
    """Return all rules of the checks of a system, in order.

    `level` is 0 for rules about measures, otherwise that of the last indicator that the rule reads, counted from 1.
    """
    level: dict[str, int] = {}
    for at, names in enumerate(system.levels, 1):
        level |= dict.fromkeys(names, at) | {Column(name).status: at for name in names}

    def read(breach: Breach) -> int:
        roots = breach.where.meta.root_names()
        return max((level.get(name, 0) for name in (*roots, *breach.names)), default=0)

    return tuple(
        Rule(name, number, check, breach, read(breach))
        for name, check in system.checks.items()
        for number, breach in enumerate(check.breaches(system.symbols, system.period))
    )


def stages(rules_of_system: tuple[Rule, ...], level: int) -> Iterator[Stage]:
    """Yield the stages that evaluate the rules of a level and remove the figures that errors refer to."""
    judged = [rule for rule in rules_of_system if rule.level == level]
    broken = {rule.broken: rule.breach.where.fill_null(value=False) for rule in judged}
    details = {
        rule.details: pl.when(broken[rule.broken]).then(rule.breach.details)
        for rule in judged
        if rule.breach.details is not None
    }
    yield Stage(f"checks {level}", Message("checks: where a rule is broken"), broken | details)
    touched: dict[str, list[pl.Expr]] = {}
    for rule in judged:
        if rule.check.severity == "error":
            for name in rule.breach.names:
                touched.setdefault(name, []).append(pl.col(rule.broken))
    values: dict[str, pl.Expr] = {}
    statuses: dict[str, pl.Expr] = {}
    for name, where in touched.items():
        values[name] = pl.when(~pl.any_horizontal(where)).then(name)
        # Only a value that was removed here is `refused`; a missing one stays missing.
        refused = pl.col(name).is_null() & (status_of(name) == OK)
        statuses[Column(name).status] = pl.when(refused).then(reason("refused")).otherwise(status_of(name))
    yield Stage(f"refused {level}", Message("figures that a check finds wrong are not used"), values, statuses)
