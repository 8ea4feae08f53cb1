"""Points of the unit cube: for every run a uniform number for each dimension of each choice, equal for equal seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from kpi.errors import DataError, Diagnostic, Message

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: How points are spread: at random, or evenly by a sequence of low discrepancy.
Spread = Literal["random", "sobol", "halton", "latin"]

#: The largest number of dimensions of the directions of Sobol' sequences (Joe and Kuo 2008).
MOST = 21_201


def drawn(runs: int, dimensions: int, *, seed: int, spread: Spread = "random") -> NDArray[np.float64]:
    """Return a row of uniform numbers in [0, 1) for each run.

    `random` is the Philox generator of numpy; `sobol` (scrambled), `halton` (scrambled) and `latin` (Latin hypercube)
    are those of scipy.stats.qmc. A quasi-random sequence covers the cube more evenly, so that means and indices
    converge with fewer runs.

    Source: Salmon et al. (2011), Philox; Sobol' (1967), Owen (1998), McKay et al. (1979).

    Raises:
        DataError: when scipy is not installed, or there are more dimensions than the sequence has.

    >>> drawn(2, 3, seed=1).round(3).tolist()
    [[0.678, 0.813, 0.764], [0.851, 0.292, 0.754]]
    """
    import numpy as np

    seed = abs(2 * seed) + (seed < 0)
    if spread == "random":
        return np.random.Generator(np.random.Philox(seed)).random((runs, dimensions))
    try:
        from scipy.stats import qmc
    except ImportError as error:
        hint = Message("pip install {name}, or take random points", name="scipy")
        message = Message("quasi-random points need the package `{name}`", name="scipy")
        raise DataError(Diagnostic("K873", message, hint=hint)) from error
    if not dimensions:
        return np.empty((runs, 0))
    if spread == "sobol" and dimensions > MOST:
        message = Message(
            "a Sobol' sequence has {most} dimensions, and the choices have {number}", most=MOST, number=dimensions
        )
        raise DataError(Diagnostic("K873", message, hint=Message("take random points")))
    random = np.random.Generator(np.random.Philox(seed))
    if spread == "sobol":
        # Only powers of two are balanced; the sequence is cut after the runs that are asked for.
        sequence = qmc.Sobol(dimensions, rng=random)
        return np.ascontiguousarray(sequence.random_base2(max(0, (runs - 1).bit_length()))[:runs])
    if spread == "halton":
        return np.asarray(qmc.Halton(dimensions, rng=random).random(runs))
    return np.asarray(qmc.LatinHypercube(dimensions, rng=random).random(runs))
