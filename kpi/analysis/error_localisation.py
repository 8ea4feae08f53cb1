"""Error localisation: of broken checks the smallest weighted sets of figures that can be wrong.

Source: Fellegi and Holt (1976); as a mixed-integer programme, de Waal, Pannekoek and Scholtus (2011), Handbook of
Statistical Data Editing and Imputation, chapter 3. It is solved by HiGHS, through scipy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from kpi.language.linear_edits import Edit

#: How far a figure may move, in multiples of the largest term of the checks.
_FAR = 20.0
#: The most by which the reaches of a figure in several checks may differ.
_FURTHEST = 1e3
#: The most sets of several figures and the same weight that are looked for, and the most that are tried.
_TIES, _TRIALS = 12, 60
#: What is taken for floating-point error, as a part of the largest term; and as a difference of weights.
_HAIR, _SAME = 1e-9, 1e-6
#: The digits of a figure that are not floating-point error.
_DIGITS = 12


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
    edits = [replace(edit, factors={name: factor for name, factor in edit.factors.items() if factor}) for edit in edits]
    names = list(dict.fromkeys(name for edit in edits for name in edit.factors))
    trust = {name: weights.get(name, 1.0) for name in names}
    alone = [name for name in names if _solvable(edits, figures, name, natural)]
    lightest = min((trust[name] for name in alone), default=math.inf)
    if alone and sum(sorted(trust.values())[:2]) > lightest + _SAME:
        lightest_alone: list[tuple[str, ...]] = [(name,) for name in alone if trust[name] <= lightest + _SAME]
        return lightest_alone
    result = _sets(edits, figures, trust, natural)
    return sorted(result, key=lambda chosen: [names.index(name) for name in chosen])


def _solvable(edits: Sequence[Edit], figures: Mapping[str, float], name: str, natural: frozenset[str]) -> bool:
    """Return whether another value of a single figure makes all edits hold: their intervals of it have one in common.

    >>> edit = Edit("sum", {"a": 1.0, "b": 1.0, "all": -1.0}, 0.0, 0.0)
    >>> [_solvable([edit], {"a": 9.0, "b": 3.0, "all": 2.0}, name, frozenset(["a"])) for name in ("a", "b", "all")]
    [False, True, True]
    """
    least, most = 0.0 if name in natural else -math.inf, math.inf
    for edit in edits:
        if name not in edit.factors:
            if not edit.holds(figures):
                return False
            continue
        terms = [factor * figures[other] for other, factor in edit.factors.items() if other != name]
        ends = [end for end in (edit.low, edit.high) if end is not None]
        factor, rest, hair = edit.factors[name], sum(terms), _HAIR * max(map(abs, (*terms, *ends)))
        low = -math.inf if edit.low is None else edit.low - hair - rest
        high = math.inf if edit.high is None else edit.high + hair - rest
        item, other_end = sorted((low / factor, high / factor))
        least, most = max(least, item), min(most, other_end)
    return least <= most


def balanced(edits: Sequence[Edit], figures: Mapping[str, float], name: str) -> float | None:
    """Return the value of a figure with which the narrowest edit about it that has two ends is in their middle.

    None without such an edit.

    >>> edit = Edit("sum", {"a": 1.0, "b": 1.0, "all": -1.0}, -0.01, 0.01)
    >>> balanced([edit], {"a": 620.0, "b": 3.14, "all": 626.53}, "a")
    623.39
    """
    best, result = math.inf, None
    for edit in edits:
        factor = edit.factors.get(name, 0.0)
        if not factor or edit.low is None or edit.high is None:
            continue
        width = (edit.high - edit.low) / abs(factor)
        if width < best:
            rest = sum(other * figures[part] for part, other in edit.factors.items() if part != name)
            value = ((edit.low + edit.high) / 2 - rest) / factor
            best, result = width, float(f"{value:.{_DIGITS}g}")
    return result


def _size(edit: Edit, figures: Mapping[str, float]) -> float:
    """Return the largest term of an edit."""
    ends = [end for end in (edit.low, edit.high) if end is not None]
    return max(abs(number) for number in (*(f * figures[name] for name, f in edit.factors.items()), *ends)) or 1.0


def _lack(edit: Edit, figures: Mapping[str, float]) -> float:
    """Return by how much an edit does not hold, 0 where it holds."""
    if edit.holds(figures):
        return 0.0
    number = sum(factor * figures[name] for name, factor in edit.factors.items())
    return max(0.0 if edit.low is None else edit.low - number, 0.0 if edit.high is None else number - edit.high)


def _possible(
    edits: Sequence[Edit], figures: Mapping[str, float], free: Sequence[str], natural: frozenset[str]
) -> bool:
    """Return whether other values of some figures make all edits hold.

    Each figure is measured by what broken edits lack of it, so that what they lack is never below the tolerance.
    """
    from scipy.optimize import linprog

    if len(free) == 1:
        return _solvable(edits, figures, free[0], natural)
    lacks = [(_lack(edit, figures), edit) for edit in edits]
    part = max((lack / _size(edit, figures) for lack, edit in lacks), default=0.0)
    steps = {}
    for name in free:
        own = [(lack, edit) for lack, edit in lacks if name in edit.factors]
        needed = max((lack / abs(edit.factors[name]) for lack, edit in own), default=0.0)
        steps[name] = needed or part * min(_size(edit, figures) / abs(edit.factors[name]) for _, edit in own) or 1.0
    above, most = [], []
    for _, edit in lacks:
        row = [edit.factors.get(name, 0.0) * steps[name] for name in free]
        scale = max(map(abs, row), default=0.0)
        if not scale:
            if not edit.holds(figures):
                return False
            continue
        number = sum(factor * figures[name] for name, factor in edit.factors.items())
        hair = _HAIR * _size(edit, figures)
        if edit.high is not None:
            above.append([item / scale for item in row])
            most.append((edit.high + hair - number) / scale)
        if edit.low is not None:
            above.append([-item / scale for item in row])
            most.append((number + hair - edit.low) / scale)
    bounds = [(-figures[name] / steps[name] if name in natural else None, None) for name in free]
    return bool(linprog([0.0] * len(free), above, most, bounds=bounds).status == 0)


def _sets(
    edits: Sequence[Edit], figures: Mapping[str, float], trust: Mapping[str, float], natural: frozenset[str]
) -> list[tuple[str, ...]]:
    """Return the lightest sets by a mixed-integer programme.

    Each edit is divided by its own largest term. What is still below the tolerance of the solver is found when a set is
    tried: one that is not enough is excluded, as any other needs a figure beside it.
    """
    import numpy as np
    from scipy.optimize import Bounds, LinearConstraint, milp

    names = list(trust)
    number = len(names)
    sizes = [_size(edit, figures) for edit in edits]
    # Each figure in units of its own, so that its terms are comparable with the others.
    reach = {
        name: [size / abs(edit.factors[name]) for size, edit in zip(sizes, edits, strict=True) if name in edit.factors]
        for name in names
    }
    scale = {name: min(reach[name]) for name in names}
    start = np.array([figures[name] / scale[name] for name in names])
    rows, low, high = [], [], []
    for edit, size in zip(edits, sizes, strict=True):
        row = np.zeros(2 * number)
        for name, factor in edit.factors.items():
            row[names.index(name)] = factor * scale[name] / size
        rows.append(row)
        low.append(-np.inf if edit.low is None else edit.low / size - _HAIR)
        high.append(np.inf if edit.high is None else edit.high / size + _HAIR)
    for place in range(number):
        for sign in (1.0, -1.0):
            row = np.zeros(2 * number)
            far = _FAR * min(max(reach[names[place]]) / scale[names[place]], _FURTHEST)
            row[place], row[number + place] = sign, -far
            rows.append(row)
            low.append(-np.inf)
            high.append(sign * start[place])
    cost = np.concatenate([np.zeros(number), [trust[name] for name in names]])
    least = np.array([0.0 if name in natural else -np.inf for name in names])
    bounds = Bounds(
        np.concatenate([least, np.zeros(number)]), np.concatenate([np.full(number, np.inf), np.ones(number)])
    )
    whole = np.concatenate([np.zeros(number), np.ones(number)])
    results: list[tuple[str, ...]] = []
    best = np.inf
    for _ in range(_TRIALS):
        constraint = LinearConstraint(np.array(rows), low, high)
        answer = milp(cost, integrality=whole, bounds=bounds, constraints=constraint)
        if answer.x is None or answer.fun > best + _SAME:
            break
        chosen = tuple(name for place, name in enumerate(names) if answer.x[number + place] > 0.5)
        row = np.zeros(2 * number)
        if _possible(edits, figures, chosen, natural):
            best = min(best, answer.fun)
            results.append(chosen)
            row[[number + names.index(name) for name in chosen]] = 1.0
            low.append(-np.inf)
            high.append(len(chosen) - 1.0)
        else:
            row[[number + place for place, name in enumerate(names) if name not in chosen]] = 1.0
            low.append(1.0)
            high.append(np.inf)
        rows.append(row)
        if len(results) == _TIES:
            break
    return results
