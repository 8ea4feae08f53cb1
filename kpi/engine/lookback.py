"""Lookback of a system: the earlier periods on which results depend, derived from its definitions."""

from __future__ import annotations

from kpi.engine import alert_stage, check_stages
from kpi.language.grouping import columns_of_roster
from kpi.language.lookback import NOW, WHOLE, Reach, furthest, joined, seen
from kpi.language.system import System
from kpi.values.columns import COHORT, Column, class_by

#: The corrections on record, which are no column of the panel.
CORRECTED = Column("#restated")


def reach(system: System) -> dict[str, frozenset[int]]:
    """Return the columns of the panel on which the results and findings of a period depend, with lags in periods.

    Columns that only locate a row are left out. The set is an upper bound: a result may be recomputed needlessly, but
    is never missed.
    """
    breaks = system.entities.succession is not None
    known: dict[str, Reach] = {name: _of_figure(name, breaks=breaks) for name in system.measures}
    of_checks = [_checked(system, known, 0)]
    for number, names in enumerate(system.levels, 1):
        for name in names:
            indicator = system.indicators[name]
            inputs = [seen(lags, known[used]) for used, lags in indicator.lookback(system.period).items()]
            known[name] = joined(*inputs, {Column(name).fact(fact): NOW for fact in indicator.panel_facts})
        of_checks.append(_checked(system, known, number))
    own = [
        Column(name).own_target(place)
        for name, indicator in system.indicators.items()
        for place, target in enumerate(indicator.target)
        if target.per_entity is not None
    ]
    of_roster = [*columns_of_roster(system.groups), *system.exempted]
    scored: dict[str, Reach] = {name: {COHORT: NOW, **known[name]} for name in system.indicators}
    for step, names in system.steps.items():
        treated = seen(
            system.treatment[step].lookback, joined(*(scored[name] for name in (*names, *system.treatment[step].uses)))
        )
        scored |= {name: joined(scored[name], treated) for name in names}
    for name in system.indicators:
        if (rule := system.rule(name)) is not None:
            scored[name] = joined(scored[name], seen(rule.lookback, scored[name]))
    places = [COHORT, *own, *of_roster, *(class_by(attribute) for attribute in system.classes)]
    results = joined(*known.values(), *scored.values(), *of_checks, dict.fromkeys(places, NOW))
    for node in (system.composite, *system.pillars.values()):
        if node.weights_method is not None:
            results = joined(results, seen(node.weights_method.lookback, results))
        if node.rule is not None:
            results = joined(results, seen(node.rule.lookback, results))
    levels = {} if system.stars is None else seen(system.stars.lookback, results)
    longer = {} if system.totals_over is None else seen(system.totals_over.lookback(system.period), results)
    every = joined(results, levels, longer, seen(system.ranking.lookback(system.period), results))
    return joined(every, alert_stage.reach(system, known, every), _of_intervals(system), _of_years(system))


def _of_intervals(system: System) -> Reach:
    """Return what the declared intervals of a period depend on beside its results.

    How often and by how much figures were corrected is counted over all periods.
    """
    if system.uncertainty.show != "intervals" or not system.uncertainty.revision:
        return {}
    return dict.fromkeys([*map(Column, system.measures), CORRECTED], frozenset({WHOLE}))


def _of_years(system: System) -> Reach:
    """Return what is suppressed by: where totals of years are known, figures of a period are with those of its year.

    What is computed from a suppressed figure is suppressed too, in other years as well.
    """
    rules = system.disclosure
    if rules is None or system.period.per_year == 1:
        return {}
    connected = rules.years or any(check.accumulation(system.symbols) for check in system.checks.values())
    return dict.fromkeys(map(Column, system.measures), frozenset({WHOLE})) if connected else {}


def window(reached: Reach) -> int:
    """Return the largest lag in periods of any result, or HISTORY, or WHOLE."""
    return furthest({lag for lags in reached.values() for lag in lags})


def _of_figure(name: str, *, breaks: bool) -> Reach:
    column = Column(name)
    return {column: NOW, column.status: NOW, **({column.breaks: NOW} if breaks else {})}


def _checked(system: System, known: dict[str, Reach], level: int) -> Reach:
    """Return the dependencies of the checks of a level; figures that an error refuses depend on them too."""
    before = dict(known)
    reached: Reach = {}
    for rule in check_stages.rules(system):
        if rule.level != level:
            continue
        check = rule.check
        inputs = [seen(lags, before[used]) for used, lags in check.lookback(system.symbols, system.period).items()]
        facts: Reach = {Column(name).fact(fact): NOW for fact, name in check.facts(system.symbols)}
        needed = joined(*inputs, facts)
        reached = joined(reached, needed)
        if check.severity == "error":
            known.update({name: joined(known[name], needed) for name in rule.breach.names})
    return reached
