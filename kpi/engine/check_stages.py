"""Check compiled into a plan: where each rule is broken, and the figures that are refused for it.

A rule is judged on the figures as they were handed in, before any is refused; one about indicators right after the
level of the last of them, so that what is computed from a refused indicator is refused too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from kpi.engine.stage import Stage
from kpi.errors import Message
from kpi.language.checks import Breach, Check
from kpi.language.system import System
from kpi.values.columns import Column
from kpi.values.status import OK, reason, status_of


@dataclass(frozen=True)
class Rule:
    """One rule of a check: the check's name, the rule's number within it, and after which level it is judged."""

    name: str
    number: int
    check: Check
    breach: Breach
    level: int

    @property
    def broken(self) -> str:
        """The column (Boolean) that says where the rule is broken."""
        return f"#broken {self.name} {self.number}"

    @property
    def details(self) -> str:
        """The column (Struct of String) with the details of a place where it is broken."""
        return f"#details {self.name} {self.number}"


def rules(system: System) -> tuple[Rule, ...]:
    """Return every rule of a system's checks, in their order.

    `level` is 0 for rules about measures, else that of the last indicator they read, from 1.
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
    """Yield the stages that judge the rules of a level and take the figures away that errors are about."""
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
        # What was a figure and is none any more was refused, what was missing stays missing.
        refused = pl.col(name).is_null() & (status_of(name) == OK)
        statuses[Column(name).status] = pl.when(refused).then(reason("refused")).otherwise(status_of(name))
    yield Stage(f"refused {level}", Message("figures that a check finds wrong are not used"), values, statuses)
