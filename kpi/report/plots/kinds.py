"""The kinds of plots: one table, from which the command, its help and the namespace of a scorecard derive theirs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message, suggest
from kpi.report.plots import doubts
from kpi.report.plots.maps import choropleth
from kpi.report.plots.scores import correlation, distribution, heat_map, places
from kpi.report.plots.structure import sunburst
from kpi.report.plots.uncertainty import funnel, intervals
from kpi.report.plots.unit import schedule, spread, waterfall
from kpi.report.plots.view import View


class Plot(Struct, frozen=True):
    """A kind of plot.

    Attributes:
        name: in the command and in Python.
        shows: what it shows, for the help.
        draw: makes the chart.
    """

    name: str
    shows: Message
    draw: Callable[[View], Any]


#: Every kind of plot, in the order of the help.
PLOTS: tuple[Plot, ...] = (
    Plot("distribution", Message("how many units have which total"), distribution),
    Plot("places", Message("places over the periods (bump chart)"), places),
    Plot("heat_map", Message("scores of units by indicator, as colours"), heat_map),
    Plot("waterfall", Message("what makes the total of a unit"), waterfall),
    Plot("spread", Message("scores of a unit among those of its peers"), spread),
    Plot("schedule", Message("targets of a unit: reached, and due by then"), schedule),
    Plot("weights", Message("the tree of weights (sunburst)"), sunburst),
    Plot("correlation", Message("correlations of the scores of indicators"), correlation),
    Plot("intervals", Message("intervals of places under other weights and methods"), intervals),
    Plot("probabilities", Message("how probable each level of each unit is"), doubts.probabilities),
    Plot("ahead", Message("in how many runs units are ahead of one another"), doubts.ahead),
    Plot("importance", Message("weights on paper and in effect"), doubts.importance),
    Plot("sensitivity", Message("which choices move places (Sobol' indices)"), doubts.sensitivity),
    Plot("funnel", Message("a rate against its denominator, with limits of chance"), funnel),
    Plot("map", Message("a map of the areas of a GeoJSON file"), choropleth),
)

#: The kinds by name.
NAMES: dict[str, Plot] = {plot.name: plot for plot in PLOTS}


def plotted(
    card: Scorecard, kind: str, *, period: str | None = None, entity: str | None = None, indicator: str | None = None,
    geojson: str | Path | None = None, runs: int = 500, seed: int = 1,
) -> Any:  # fmt: skip
    """Return a plot of a scorecard as an Altair chart, which notebooks show.

    Args:
        card: the scorecard.
        kind: the name of one of `PLOTS`.
        period: its label; None for the last.
        entity: the name or code of a unit, which the plot is of or marks.
        indicator: the name or title of an indicator.
        geojson: a file with the areas of the units, for `map`.
        runs: of the robustness analysis, for `intervals` and what follows it.
        seed: of its random numbers.

    Raises:
        DataError: K510, Altair is not installed; K541, there is no such plot; K551, K602, K203, there is no such
            period, unit or indicator; K880, the result has nothing that this plot shows.
    """
    plot = NAMES.get(kind)
    if plot is None:
        message = Message("there is no plot `{kind}`", kind=kind)
        hint = suggest(kind, NAMES) or Message("there is {names}", names=tuple(NAMES))
        raise DataError(Diagnostic("K541", message, hint=hint))
    area = None if geojson is None else Path(geojson)
    return plot.draw(View(card, period or "", entity, indicator, area, runs, seed))


class Plots:
    """The plots of a scorecard by their names: `card.plot.places()`, `card.plot.waterfall(entity="桐乡市")`."""

    def __init__(self, card: Scorecard) -> None:
        self._card = card

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the function that draws a plot; its arguments are those of `plotted`."""
        if name not in NAMES:
            raise AttributeError(f"there is no plot {name!r}, but {', '.join(NAMES)}")
        return lambda **options: plotted(self._card, name, **options)

    def __dir__(self) -> list[str]:
        """Return the names of the plots, for completion."""
        return [*NAMES]
