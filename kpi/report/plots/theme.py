"""What all plots share: the package that draws them, fonts, colours, titles, and the limit of units shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import polars as pl

from kpi.errors import DataError, Diagnostic, Message
from kpi.report.language import localized
from kpi.report.marks import visible

if TYPE_CHECKING:
    import types

#: Families with Chinese glyphs, of which the first that is installed is used, then any sans-serif font.
FONTS = "Noto Sans CJK SC, Source Han Sans SC, Microsoft YaHei, PingFang SC, WenQuanYi Micro Hei, SimHei, sans-serif"

#: Colours that people with colour blindness tell apart (Okabe and Ito, 2008): the first marks, the others are peers.
MARKED, PEERS, BETTER, WORSE, NEUTRAL = "#0072B2", "#B8BEC4", "#009E73", "#D55E00", "#6B7280"
#: The colours of groups.
GROUPS = [
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6D31", "#999999", "#F0E442", "#7B4FA3",
    "#5B8C5A", "#B5651D",
]  # fmt: skip
#: The continuous scale of scores, from low to high; it is also read in shades of grey.
SCORES = ["#F7E7CE", "#9CC9C9", "#2F7F93", "#14384F"]

#: The most units that one plot shows.
MOST = 60
#: The longest label of an axis (pixels).
_LABEL = 220


def drawing() -> types.ModuleType:
    """Return the package Altair.

    Raises:
        DataError: K510, it is not installed.
    """
    try:
        import altair as alt
    except ImportError as error:
        hint = Message("pip install altair vl-convert-python")
        raise DataError(Diagnostic("K510", Message("plots need the package altair"), hint=hint)) from error
    return alt


def steps(most: int, first: int = 0, ticks: int = 12) -> list[int]:
    """Return whole numbers for an axis, about as many as it has room for.

    >>> steps(4), steps(30, 1)
    ([0, 1, 2, 3, 4], [1, 5, 10, 15, 20, 25, 30])
    """
    step = next(size for size in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, most + 1) if most <= size * ticks)
    return sorted({first, *range(0, most + 1, step)} - ({0} if first else set()))


def rows(frame: pl.DataFrame) -> Any:
    """Return the rows of a frame as the data of a chart; texts have no control characters, NaN is null."""
    texts = pl.selectors.string() | pl.selectors.by_dtype(pl.Categorical, pl.Enum)
    plain = frame.with_columns(texts.cast(pl.String), pl.selectors.float().fill_nan(None))
    values = [
        {name: visible(value) if isinstance(value, str) else value for name, value in row.items()}
        for row in plain.iter_rows(named=True)
    ]
    return drawing().Data(values=values)


def titled(text: str, *, below: Iterable[str] = ()) -> Any:
    """Return the title of a plot, with lines below it, in the language in use."""
    lines = [localized(line) for line in below if line]
    return drawing().TitleParams(visible(localized(text)), subtitle=[visible(line) for line in lines])


def finished(chart: Any) -> Any:
    """Return a chart with the fonts and lines of all plots."""
    axis: Mapping[str, Any] = {
        "labelFont": FONTS, "titleFont": FONTS, "labelLimit": _LABEL, "gridColor": "#E5E7EB", "domainColor": "#9CA3AF",
        "tickColor": "#9CA3AF", "labelColor": "#111827", "titleColor": "#374151", "titleFontWeight": "normal",
    }  # fmt: skip
    return (
        chart.configure(font=FONTS, background="white", padding=12)
        .configure_axis(**axis)
        .configure_view(stroke=None)
        .configure_title(
            font=FONTS, subtitleFont=FONTS, anchor="start", fontSize=16, subtitleFontSize=12, subtitleColor="#4B5563",
            offset=12,
        )
        .configure_legend(labelFont=FONTS, titleFont=FONTS, titleFontWeight="normal", labelLimit=_LABEL)
        .configure_header(labelFont=FONTS, titleFont=FONTS)
    )  # fmt: skip


def shortened(names: list[str], most: int = MOST) -> tuple[list[str], Message | None]:
    """Return the first names, and the statement that there are more; None if there are not.

    >>> shortened(["a", "b", "c"], 2)
    (['a', 'b'], 'the first 2 of 3')
    """
    if len(names) <= most:
        return names, None
    return names[:most], Message("the first {shown:,} of {all:,}", shown=most, all=len(names))
