"""Error localisation: of broken checks the smallest weighted sets of figures that can be wrong.

Source: Fellegi and Holt (1976); as a mixed-integer programme, de Waal, Pannekoek and Scholtus (2011), Handbook of
Statistical Data Editing and Imputation, chapter 3. It is solved by HiGHS, through scipy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kpi.language.linear_edits import Edit

#: How far a figure may move, in multiples of the largest term of the checks.
_FAR = 20.0
#: The most sets of the same weight that are looked for.
_TIES = 12


def component(edits: Sequence[Edit], broken: Iterable[Edit], figures: Mapping[str, float]) -> list[Edit]:
    """Return the edits that hang together with broken ones by figures that are there.

    Args:
        edits: all.
        broken: those that do not hold.
        figures: of the unit and period.
    """
    there = [edit for edit in edits if figures.keys() >= edit.factors.keys()]
    linked = {id(edit) for edit in broken if edit in there}
    names = {name for edit in there if id(edit) in linked for name in edit.factors}
    grown = True
    while grown:
        more = [edit for edit in there if id(edit) not in linked and names & edit.factors.keys()]
        linked |= {id(edit) for edit in more}
        names |= {name for edit in more for name in edit.factors}
        grown = bool(more)
    return [edit for edit in there if id(edit) in linked]


def located(
    edits: Sequence[Edit], figures: Mapping[str, float], *, weights: Mapping[str, float], natural: frozenset[str]
) -> list[tuple[str, ...]]:
    """Return the sets of figures of the least weight that can be changed so that all edits hold.

    Minimise `Σ w δ` where `|x' - x| <= M δ` with δ 0 or 1 for each figure, and every edit holds for x'. Each solution
    is excluded by `Σ δ <= n - 1` over its n figures, until a heavier one comes.

    Args:
        edits: the inequalities.
        figures: the values of their figures.
        weights: how much each figure is trusted; 1 where it is left out.
        natural: the figures that are never negative.

    Returns:
        The sets in the order of their figures; none where no change can make all edits hold.

    >>> whole = Edit("sum", {"a": 1.0, "b": 1.0, "all": -1.0}, 0.0, 0.0)
    >>> figures = {"a": 90.0, "b": 3.0, "all": 12.0, "cap": 10.0}
    >>> most = Edit("most", {"a": 1.0, "cap": -1.0}, None, 0.0)
    >>> located([whole, most], figures, weights={}, natural=frozenset(figures))
    [('a',)]
    """
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp

    names = list(dict.fromkeys(name for edit in edits for name in edit.factors))
    number = len(names)
    size = max((abs(edit.factors[name] * figures[name]) for edit in edits for name in edit.factors), default=0.0) or 1.0
    # Each figure in units of its own, so that its largest term is comparable with the others.
    scale = {
        name: size / max(abs(edit.factors[name]) for edit in edits if name in edit.factors) for name in names
    }  # fmt: skip
    start = np.array([figures[name] / scale[name] for name in names])
    rows, low, high = [], [], []
    for edit in edits:
        row = np.zeros(2 * number)
        for name, factor in edit.factors.items():
            row[names.index(name)] = factor * scale[name] / size
        rows.append(row)
        hair = 1e-9
        low.append(-np.inf if edit.low is None else edit.low / size - hair)
        high.append(np.inf if edit.high is None else edit.high / size + hair)
    for place in range(number):
        for sign in (1.0, -1.0):
            row = np.zeros(2 * number)
            row[place], row[number + place] = sign, -_FAR
            rows.append(row)
            low.append(-np.inf)
            high.append(sign * start[place])
    cost = np.concatenate([np.zeros(number), [weights.get(name, 1.0) for name in names]])
    least = np.array([0.0 if name in natural else -np.inf for name in names])
    bounds = Bounds(
        np.concatenate([least, np.zeros(number)]), np.concatenate([np.full(number, np.inf), np.ones(number)])
    )
    whole = np.concatenate([np.zeros(number), np.ones(number)])
    found: list[tuple[str, ...]] = []
    best = np.inf
    while len(found) < _TIES:
        constraint = LinearConstraint(np.array(rows), low, high)
        answer = milp(cost, integrality=whole, bounds=bounds, constraints=constraint)
        if answer.x is None or answer.fun > best + 1e-6:
            break
        chosen = tuple(name for place, name in enumerate(names) if answer.x[number + place] > 0.5)
        if not chosen:
            break
        best = min(best, answer.fun)
        found.append(chosen)
        row = np.zeros(2 * number)
        for name in chosen:
            row[number + names.index(name)] = 1.0
        rows.append(row)
        low.append(-np.inf)
        high.append(len(chosen) - 1.0)
    return sorted(found, key=lambda figures: [names.index(name) for name in figures])
