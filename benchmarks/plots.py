"""Draws races as SVG: the time and the memory of every contender as bars, or the cost over the size on two log axes."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

BLUE, GREY = "#3b6ea5", "#9aa5b1"


def draw(race: dict[str, Any], file: Path) -> None:
    """Write the plot of a race; the same measurements give the same file."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "kpi", "font.size": 9})
    if race["sizes"]:
        figure = Figure(figsize=(5, 3.4), layout="constrained")
        _growth(figure.subplots(), race)
    else:
        many = len(race["seconds"])
        figure = Figure(figsize=(7, 0.9 + 0.34 * many), layout="constrained")
        _bars(figure, race)
    figure.suptitle(race["title"], fontsize=10)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    # Matplotlib ends lines with blanks, which no text file of a repository should.
    file.write_text("".join(f"{line.rstrip()}\n" for line in file.read_text("utf-8").splitlines()), "utf-8")


def _bars(figure: Any, race: dict[str, Any]) -> None:
    names = list(race["seconds"])[::-1]
    colors = [BLUE if name == race["reference"] else GREY for name in names]
    both = figure.subplots(1, 2 if race["memory"] else 1, sharey=True, squeeze=False)[0]
    medians = [statistics.median(race["seconds"][name]) for name in names]
    reach = [
        [median - min(race["seconds"][name]) for name, median in zip(names, medians, strict=True)],
        [max(race["seconds"][name]) - median for name, median in zip(names, medians, strict=True)],
    ]
    times = both[0].barh(names, medians, color=colors, xerr=reach, error_kw={"lw": 0.8})
    both[0].bar_label(times, [f" ×{race['ratios'][name]:.2f}" for name in names], padding=2)
    both[0].set_xlabel(race.get("axis") or "seconds, median, least to most")
    both[0].margins(x=0.2)
    if race["memory"]:
        peaks = [race["memory"].get(name, 0) / 1e9 for name in names]
        bars = both[1].barh(names, peaks, color=colors)
        counted = zip(names, peaks, strict=True)
        labels = [f" {peak:.2f}" if name in race["memory"] else " not counted" for name, peak in counted]
        both[1].bar_label(bars, labels, padding=2)
        both[1].set_xlabel("peak memory, GB")
        both[1].margins(x=0.2)
    for axes in both:
        axes.spines[["top", "right"]].set_visible(b=False)


def _growth(axes: Any, race: dict[str, Any]) -> None:
    sizes = list(race["sizes"].values())
    times = [race["seconds"][name] for name in race["sizes"]]
    medians = [statistics.median(item) for item in times]
    reach = [
        [median - min(item) for item, median in zip(times, medians, strict=True)],
        [max(item) - median for item, median in zip(times, medians, strict=True)],
    ]
    axes.errorbar(sizes, medians, yerr=reach, fmt="o", color=BLUE, label="measured")
    # The fitted line goes through the geometric middle of the points.
    middle = statistics.geometric_mean(sizes), statistics.geometric_mean(medians)
    line = [middle[1] * (size / middle[0]) ** race["exponent"] for size in sizes]
    axes.plot(sizes, line, color=GREY, label=f"power {race['exponent']:.2f}")
    axes.set(xscale="log", yscale="log", xlabel=race["axis"], ylabel="seconds")
    axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes], minor=False)
    axes.tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(b=False)
