"""Multivariate statistics (多元分析) of complete tables: principal components, sampling adequacy, consistency.

Source: OECD/JRC Handbook on Constructing Composite Indicators (2008), 4, multivariate analysis. numpy is imported on
use, since most programs do without.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: The share of the largest eigenvalue below which a correlation matrix has no inverse that figures carry.
_SINGULAR = 1e-10


class Components(Struct, frozen=True):
    """The principal components of standardised columns.

    Attributes:
        eigenvalues: of the correlation matrix, the largest first; they add up to the number of columns.
        loadings: correlations of columns (rows) with components; the loadings of a component add up to zero or more.
    """

    eigenvalues: Floats
    loadings: Floats

    @property
    def kept(self) -> int:
        """The number of components with an eigenvalue above 1 (Kaiser), at least one."""
        return max(1, int((self.eigenvalues > 1 + 1e-9).sum()))


def correlation_matrix(table: Floats) -> Floats:
    """Return Pearson correlations of the columns of a complete table, of which none is constant."""
    import numpy as np

    matrix: Floats = np.atleast_2d(np.corrcoef(table, rowvar=False))
    return matrix


def components(matrix: Floats) -> Components:
    """Return the principal components of a correlation matrix.

    >>> import numpy as np
    >>> found = components(np.array([[1.0, 0.6], [0.6, 1.0]]))
    >>> found.eigenvalues.round(9).tolist(), found.loadings[:, 0].round(4).tolist()
    ([1.6, 0.4], [0.8944, 0.8944])
    """
    import numpy as np

    values, vectors = np.linalg.eigh(matrix)
    order = np.argsort(-values, kind="stable")
    values, vectors = np.clip(values[order], 0.0, None), vectors[:, order]
    sums = vectors.sum(axis=0)
    # Of a component whose loadings cancel, the first one that is not zero decides.
    first = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))]
    signs = np.where(np.abs(sums) > 1e-9, np.sign(sums), np.sign(first))
    return Components(values, vectors * signs * np.sqrt(values))


def varimax(loadings: Floats, *, rounds: int = 500) -> Floats:
    """Return loadings rotated so that each column loads on few components: Kaiser's criterion, without normalisation.

    Components are in the order of what they explain, each with loadings that add up to zero or more.

    Source: Kaiser (1958); the iteration by singular values is that of Lawley and Maxwell (1971).
    """
    import numpy as np

    number, width = loadings.shape
    if width < 2:
        return loadings
    rotation, reached = np.eye(width), 0.0
    for _ in range(rounds):
        turned = loadings @ rotation
        target = loadings.T @ (turned**3 - turned * (turned**2).sum(axis=0) / number)
        left, strength, right = np.linalg.svd(target)
        rotation = left @ right
        if strength.sum() <= reached * (1 + 1e-12):
            break
        reached = strength.sum()
    turned = loadings @ rotation
    turned = turned[:, np.argsort(-(turned**2).sum(axis=0), kind="stable")]
    directed: Floats = turned * np.where(turned.sum(axis=0) < 0, -1.0, 1.0)
    return directed


def sampling_adequacy(matrix: Floats) -> float | None:
    """Return the measure of Kaiser, Meyer and Olkin: `Σr²/(Σr² + Σp²)` over pairs, r correlations, p partial ones.

    None where the matrix has no inverse, as where there are no more rows than columns.
    """
    import numpy as np

    if len(matrix) < 2 or not invertible(matrix):
        return None
    inverse = np.linalg.inv(matrix)
    scale = np.sqrt(np.diag(inverse))
    partial = -inverse / np.outer(scale, scale)
    pairs = ~np.eye(len(matrix), dtype=bool)
    squares, partials = float((matrix[pairs] ** 2).sum()), float((partial[pairs] ** 2).sum())
    return squares / (squares + partials) if squares + partials > 0 else None


def invertible(matrix: Floats) -> bool:
    """Return whether a correlation matrix has an inverse that its figures carry."""
    import numpy as np

    values = np.linalg.eigvalsh(matrix)
    return bool(values[0] > _SINGULAR * values[-1])


def sphericity(matrix: Floats, rows: int) -> tuple[float, int, float] | None:
    """Return Bartlett's test that columns are uncorrelated: chi-squared, degrees of freedom, probability.

    `χ² = -(n - 1 - (2p + 5)/6) ln|R|` with `p(p - 1)/2` degrees of freedom. None where the matrix has no inverse or
    there are too few rows.

    Source: Bartlett (1950).
    """
    import numpy as np

    number = len(matrix)
    factor = rows - 1 - (2 * number + 5) / 6
    if number < 2 or factor <= 0 or not invertible(matrix):
        return None
    sign, log_determinant = np.linalg.slogdet(matrix)
    if sign <= 0:
        return None
    statistic, freedom = max(0.0, -factor * float(log_determinant)), number * (number - 1) // 2
    return statistic, freedom, chi_squared_beyond(statistic, freedom)


def chi_squared_beyond(value: float, freedom: int) -> float:
    """Return the probability that a chi-squared variable exceeds a value, by the finite series of whole degrees.

    >>> round(chi_squared_beyond(3.841458820694124, 1), 12), round(chi_squared_beyond(5.991464547107979, 2), 12)
    (0.05, 0.05)
    """
    half = value / 2
    if half <= 0:
        return 1.0
    odd = freedom % 2
    terms = (
        math.exp((term + odd / 2) * math.log(half) - half - math.lgamma(term + odd / 2 + 1))
        for term in range(freedom // 2)
    )
    return min(1.0, math.fsum([math.erfc(math.sqrt(half)) * odd, *terms]))


def alpha(table: Floats) -> float | None:
    """Return Cronbach's alpha of complete columns, `k/(k - 1) (1 - Σs²/s²(sum))`; None if the sum does not vary.

    >>> import numpy as np
    >>> round(alpha(np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])), 4)
    0.8889
    """
    rows, number = table.shape
    if number < 2 or rows < 3:
        return None
    total = table.sum(axis=1)
    if total.min() == total.max():
        return None
    return float(number / (number - 1)) * (1 - float(table.var(axis=0, ddof=1).sum()) / float(total.var(ddof=1)))
