"""Importance of weights (权重的实际作用): what parts do to the total, and which weights decide places.

The effective importance of a part is the share of the variance of the totals that its contribution accounts for:
`cov(contribution, total)/var(total)`, within cohorts. The shares of the parts of a node add up to that of the node, as
far as the mean of the node is arithmetic. A part whose scores hardly differ, or move against the others, has less than
on paper, also below zero.

Source: Becker, Saisana, Paruolo and Vandecasteele (2017), Weights and importance in composite indicators: closing the
gap; Hagerty and Land (2007) for the decomposition of the variance of a weighted sum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from kpi.analysis.uncertainty.study import Study, Variant
from kpi.analysis.uncertainty.summaries import nominal
from kpi.values.columns import Column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: The largest number of pairs of neighbours in the ranking that weights are sought for, the first ones.
PAIRS = 50

#: The largest number of units times parts for which they are sought.
CELLS = 100_000

#: The shares of a part in its node that are tried before the place of a change is narrowed down.
_GRID = 40


def importance(study: Study) -> pl.DataFrame:
    """Return the frame `importance` of `Robustness`."""
    card, system = study.card, study.system
    label = dict(card.labels)[study.index]
    paper = card.weights.filter(pl.col("period") == label).group_by("part").agg(pl.col("effective").mean())
    nominal_of = dict(paper.iter_rows())
    parts = [part for _, _, names in system.tree for part in names]
    detailed = card.detailed.filter(pl.col("period") == study.index)
    ranked = detailed.filter(pl.col("rank").is_not_null())
    total = pl.col("raw") - pl.col("raw").mean().over("cohort")
    products = ranked.select(
        (total * total).sum().alias("#variance"),
        *[
            (total * pl.col(Column(part).contribution).fill_null(0.0)).sum().alias(part) for part in parts
        ],
    ).row(0, named=True)  # fmt: skip
    variance = products["#variance"]
    rows = [
        (part, title(study, part), nominal_of.get(part), products[part] / variance * 100 if variance > 0 else None)
        for part in parts
    ]
    schema = {"part": pl.String, "title": pl.String, "weight": pl.Float64, "effective": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def title(study: Study, part: str) -> str:
    """Return the title of an indicator or pillar."""
    if part in study.system.pillars:
        return study.system.pillars[part].title or part
    return study.system.symbols[part].title


def swaps(study: Study) -> pl.DataFrame:
    """Return the frame `swaps` of `Robustness`; empty where the total depends on more than scores of one unit."""
    import numpy as np

    schema = {
        "part": pl.String, "title": pl.String, "cohort": pl.String, "entity": pl.String, "other": pl.String,
        "weight": pl.Float64, "needed": pl.Float64,
    }  # fmt: skip
    system = study.system
    nodes = [(name, parts) for name, _, parts in system.tree if len(parts) > 1]
    units = nominal(study)
    number = sum(len(parts) for _, parts in nodes)
    if not study.ranked_by_scores(system) or number * units.height > CELLS:
        return pl.DataFrame(schema=schema)
    ordered = units.with_row_index("column").sort("cohort", "rank", "entity")
    following = ordered.with_columns(
        other=pl.col("entity").shift(-1).over("cohort"), next=pl.col("column").shift(-1).over("cohort")
    ).drop_nulls("other").sort("rank", "cohort", maintain_order=True).head(PAIRS)  # fmt: skip
    above, below = (following[name].to_numpy().astype(np.intp) for name in ("column", "next"))
    rows = []
    for node, parts in nodes:
        weights = np.array(list(parts.values()), dtype=np.float64)
        for place, part in enumerate(parts):
            share = weights[place] / weights.sum()
            for pair, needed in enumerate(_needed(study, node, weights, place, (above, below))):
                if np.isfinite(needed):
                    row = following.row(pair, named=True)
                    rows.append(
                        (
                            part,
                            title(study, part),
                            row["cohort"],
                            row["entity"],
                            row["other"],
                            share * 100,
                            needed * 100,
                        )
                    )
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.sort((pl.col("needed") - pl.col("weight")).abs(), maintain_order=True)


def _needed(
    study: Study, node: str, weights: Floats, place: int, pairs: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> Floats:
    """Return the share of a part in its node, nearest to its own, at which each pair has equal totals; NaN for none."""
    import numpy as np

    def gaps(shares: Floats) -> Floats:
        """Return the lead of each pair, a row a share."""
        totals = study.raw(Variant(study.system), {node: _factors(weights, place, shares)}, len(shares))
        return totals[:, pairs[0]] - totals[:, pairs[1]]

    share = weights[place] / weights.sum()
    grid = np.unique(np.append((np.arange(_GRID) + 0.5) / _GRID, share))
    lead = gaps(grid)
    own = int(np.searchsorted(grid, share))
    low, high = np.full(lead.shape[1], np.nan), np.full(lead.shape[1], np.nan)
    low_lead, high_lead = low.copy(), high.copy()
    for pair in range(lead.shape[1]):
        turns = np.flatnonzero(np.sign(lead[:-1, pair]) * np.sign(lead[1:, pair]) < 0)
        if len(turns):
            turn = turns[np.argmin(np.abs(grid[turns] + grid[turns + 1] - 2 * grid[own]))]
            low[pair], high[pair] = grid[turn], grid[turn + 1]
            low_lead[pair], high_lead[pair] = lead[turn, pair], lead[turn + 1, pair]
    result = np.flatnonzero(np.isfinite(low))
    for _ in range(3 if len(result) else 0):
        # Totals are a straight line in the share where means are arithmetic: the first step is exact.
        middle = low[result] - low_lead[result] * (high[result] - low[result]) / (high_lead[result] - low_lead[result])
        value = gaps(middle)[np.arange(len(result)), result]
        same = np.sign(value) == np.sign(low_lead[result])
        low[result], low_lead[result] = np.where(same, middle, low[result]), np.where(same, value, low_lead[result])
        high[result], high_lead[result] = np.where(same, high[result], middle), np.where(same, high_lead[result], value)
        if np.abs(value).max() < 1e-9:
            low[result] = high[result] = middle
            break
    middle_of: Floats = (low + high) / 2
    return middle_of


def _factors(weights: Floats, place: int, shares: Floats) -> Floats:
    """Return the factors of the weights of a node that give a part some shares, the others in proportion."""
    import numpy as np

    others = weights.sum() - weights[place]
    factors = np.ones((len(shares), len(weights)))
    factors[:, place] = shares / (1 - shares) * others / weights[place]
    return factors
