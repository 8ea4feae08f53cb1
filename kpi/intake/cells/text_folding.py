"""Fold texts of events: trimmed and in half-width, like the cells of all other columns.

`投诉 `, `投诉　` and `投诉` are one text, so are `０１２３` and `0123`; letters keep their case. Almost no cell needs
folding. Only texts that have not been seen yet are examined: cells of a batch that equal one of a few known texts take
one comparison each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from kpi.intake.cells.numbers import fold
from kpi.values.names import clean

# Characters that NFKC keeps, inner blanks included. All other texts are folded by `fold`.
_SAFE = r"\x20-\x7e\u3400-\u4dbf\u4e00-\u9fff、。·“”—《》"
_NEEDS = rf"^\s|\s$|[^{_SAFE}]"

# Any other character may change a name: blanks, and what has another form in NFKC.
_UNCLEAN = r"[^\x21-\x7e\u3400-\u4dbf\u4e00-\u9fff]|^$"

# How many texts are compared one by one before distinct texts are determined.
_FEW = 12


def folded(texts: pl.Series) -> pl.Series:
    """Fold texts, null for blanks; each distinct text is folded at most once.

    >>> folded(pl.Series(["投诉", "投诉 ", "０１２３", " ", None])).to_list()
    ['投诉', '投诉', '0123', None, None]
    """
    return _changed(texts, _NEEDS, fold)


def _changed(texts: pl.Series, needs: str, change: Callable[[str], str]) -> pl.Series:
    # Texts may be as many as rows: to look at each costs less than to find those that are distinct.
    odd = texts.filter(texts.str.contains(needs)).unique()
    changed = {text: new or None for text in odd.to_list() if (new := change(text)) != text or not new}
    if not changed:
        return texts
    old = pl.Series(list(changed), dtype=pl.String)
    return texts.replace(old, pl.Series(list(changed.values()), dtype=pl.String))


def as_names(texts: pl.Series) -> pl.Series:
    """Return texts that name something as names are compared (`kpi.values.names.clean`), null for blanks.

    >>> as_names(pl.Series(["东村", "东 村", "东　村", "Ａ组", "A\u200b组", " ", None])).to_list()
    ['东村', '东村', '东村', 'A组', 'A组', None, None]
    """
    return _changed(texts, _UNCLEAN, clean)


def needs_cleaning(texts: pl.Expr) -> pl.Expr:
    """Return whether a text may be changed by `as_names` or `folded`.

    >>> pl.Series(["东村", "东 村", "Ａ组", ""]).to_frame("x").select(needs_cleaning(pl.col("x"))).to_series().to_list()
    [False, True, True, True]
    """
    return texts.str.contains(_UNCLEAN)


class Folding:
    """Fold the batches of one column of texts; a batch in which no cell needs it is returned unchanged.

    Folding makes no text longer, so a text that is as short as the shortest it is compared with either equals that or
    differs from it after folding, too: it needs no folding. Batches may come from several threads: a lost update of the
    known texts only costs time.

    Args:
        shortest: the bytes of the shortest text that the column is compared with, 0 where it has other uses.
    """

    def __init__(self, shortest: int = 0) -> None:
        self._shortest = shortest
        self._plain: tuple[str, ...] = ()

    def of(self, texts: pl.Expr) -> pl.Expr:
        """Return an expression of texts, folded."""
        # The engine measures the texts of a batch: as a query of its own within another, that takes ten times as long.
        inputs = [texts, texts.str.len_bytes()] if self._shortest else [texts]
        return pl.map_batches(inputs, self, return_dtype=pl.String, is_elementwise=True)

    def __call__(self, batch: Sequence[pl.Series]) -> pl.Series:
        """Return the texts of a batch, folded.

        Args:
            batch: the texts and, where there is a shortest text to compare with, their lengths in bytes.
        """
        texts, *lengths = batch
        plain = self._plain
        rest = texts
        for length in lengths:
            if (length.max() or 0) <= self._shortest:  # type: ignore[operator]
                return texts
            rest = texts.filter(length > self._shortest)
        if plain:
            known = rest == plain[0]
            for text in plain[1:]:
                known |= rest == text
            if known.all():
                return texts
            rest = rest.filter(~known)
        odd = rest.str.contains(_NEEDS)
        if not odd.any():
            self._learn(rest)
            return texts
        return folded(texts)

    def _learn(self, rest: pl.Series) -> None:
        """Remember texts that need no folding, where a column has few."""
        if len(self._plain) < _FEW:
            items = rest.head(1000).drop_nulls().unique().to_list()
            if len(items) + len(self._plain) <= _FEW:
                self._plain = tuple(dict.fromkeys((*self._plain, *items)))
