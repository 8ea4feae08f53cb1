"""The ten steps of the handbook as sections of a document: of each what was found, or why it was not done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import polars as pl

from kpi.analysis.audit import (
    ADEQUACY,
    ALPHA,
    AVAILABLE,
    BALANCE,
    KURTOSIS,
    REDUNDANT,
    REMARKS,
    SKEW,
    WEAK,
    WIDE,
    Audit,
)
from kpi.errors import Message, count
from kpi.language.system import ROOT
from kpi.report.language import listed, localized, tr
from kpi.report.marks import number
from kpi.report.paper.model import Cell, Column, Paper, Section, Table
from kpi.report.robustness_words import alternative_words, assumption_words, choice_words, how_varied, settled
from kpi.report.shape import origin

#: The most rows of a table, of a list of names, and of remarks.
LISTED, NAMED, REMARKED = 60, 5, 40


def paper(audit: Audit) -> Paper:
    """Return the audit as a document: a section for each step, also where nothing could be done."""
    card = audit.card
    sections = [
        framework(audit), selection(audit), missing_and_outliers(audit), multivariate(audit), normalisation(audit),
        weighting(audit), uncertainty(audit), back_to_data(audit), links(audit), presentation(audit),
    ]  # fmt: skip
    return Paper(
        title=tr("{title} {period} audit", title=card.title, period=audit.period),
        subtitle=tr("By the ten steps of the OECD/JRC Handbook on Constructing Composite Indicators"),
        sections=sections,
        margin=origin(card.definition_hash, card.data_hash),
    )


# ---- PARTS OF SECTIONS ---- #


def _table(
    frame: pl.DataFrame, columns: Sequence[tuple[str, Column]], shown: Callable[[str, object], Cell] | None = None,
    *, caption: str = "",
) -> list[Table]:  # fmt: skip
    """Return the first rows of a frame as a table without empty columns; none without rows."""
    if frame.is_empty():
        return []
    cells = [
        [_cell(key, row[key]) if shown is None else shown(key, row[key]) for key, _ in columns]
        for row in frame.head(LISTED).iter_rows(named=True)
    ]
    return [Table([column for _, column in columns], cells, caption).compact()]


def _cell(_: str, value: object) -> Cell:
    if value is None:
        return None
    if isinstance(value, bool):
        return tr("yes") if value else ""
    return float(value) if isinstance(value, int | float) else localized(str(value))


def _more(section: Section, height: int, most: int = LISTED) -> None:
    if height > most:
        section.write(tr("{more:,} more are not listed.", more=height - most))


def _names(names: Iterable[str]) -> str:
    """Return the first names, and how many there are more."""
    every = list(names)
    shown = listed(every[:NAMED])
    if len(every) <= NAMED:
        return shown
    return tr("{names} and {more} more", names=shown, more=len(every) - NAMED)


def _remarks(audit: Audit, section: Section, step: int) -> None:
    """Append what deserves a look in a step."""
    rows = audit.remarks.filter(pl.col("step") == step)
    if rows.is_empty():
        section.write(tr("No remark in this step."))
        return
    section.write(tr("{remarks} in this step, the limits beside them.", remarks=count(rows.height, "remark")))
    columns = [
        Column(tr("Remark"), 3), Column(tr("What"), 3), Column(tr("Beside"), 3), Column(tr("Figure"), 1.2, decimals=2),
        Column(tr("Limit"), 1.2, decimals=2),
    ]  # fmt: skip
    cells = [
        [localized(REMARKS[row["remark"]]), localized(row["title"]) or None, _text(audit, row["other"]),
         row["figure"], row["limit"]]
        for row in rows.head(REMARKED).iter_rows(named=True)
    ]  # fmt: skip
    section.parts.append(Table(columns, cells, tr("Remarks")).compact())
    _more(section, rows.height, REMARKED)


def _text(audit: Audit, name: str | None) -> str | None:
    return None if name is None else localized(audit.texts.get(name, name))


def _not_done(section: Section, why: str) -> None:
    section.write(tr("Not done: {why}.", why=why))


def _node(audit: Audit) -> Callable[[str, object], Cell]:
    """Return the display of cells, nodes with their titles."""

    def shown(key: str, value: object) -> Cell:
        if key in ("node", "parent", "other") and value is not None:
            return localized(audit.title(str(value)))
        if key == "title" and value is not None:
            return _text(audit, str(value))
        return _cell(key, value)

    return shown


# ---- THE TEN STEPS ---- #


def framework(audit: Audit) -> Section:
    """Return step 1: what the index is made of."""
    section = Section(tr("Theoretical framework"), tr("Framework"))
    system = audit.system
    if not system.tops:
        section.write(tr("The system has no pillars: its indicators make no total."))
    else:
        nodes = audit.structure.height - 1
        section.write(
            tr(
                "The total is made of {indicators}; number of pillars: {nodes}, of levels: {levels}.",
                indicators=count(len(audit.counted), "indicator"), nodes=nodes,
                levels=max(audit.structure["level"].to_list()) + 1,
            )
        )  # fmt: skip
        columns = [
            ("title", Column(tr("Node"), 4)), ("parent", Column(tr("Part of"), 3)),
            ("level", Column(tr("Level"), 1)), ("parts", Column(tr("Parts"), 1)),
            ("indicators", Column(tr("Indicators"), 1)), ("weight", Column(tr("Weight (%)"), 1.2, decimals=2)),
        ]  # fmt: skip
        section.parts += _table(audit.structure, columns, _node(audit))
        _more(section, audit.structure.height)
    source = system.source
    section.write(
        tr("The definition names no document.") if source is None
        else tr("The definition names as its document: {document}.", document=source.document)
    )  # fmt: skip
    section.write(
        tr("Whether the framework suits what it is to measure is for people who know the subject: not judged here.")
    )
    return section


def selection(audit: Audit) -> Section:
    """Return step 2: which data there are."""
    section = Section(tr("Data selection"), tr("Data"), wide=True)
    there, lacking = (int(audit.availability[key].sum()) for key in ("there", "lacking"))
    if there + lacking == 0:
        _not_done(section, Message("no value of any indicator applies"))
        return section
    section.write(
        tr(
            "{there:,} of {all:,} values of {indicators} for {units} are there ({percent:.1f} %).",
            there=there, all=there + lacking, percent=100 * there / (there + lacking),
            indicators=count(audit.availability.height, "indicator"), units=count(audit.units.height, "entity",
                                                                                  "entities"),
        ),
        tr("Remarks are on indicators and units with less than {limit:g} % of their values.", limit=AVAILABLE),
    )  # fmt: skip
    _remarks(audit, section, 2)
    share = Column(tr("Coverage (%)"), 1.2, decimals=1)
    counts = [
        ("there", Column(tr("Available"), 1)), ("lacking", Column(tr("Lacking"), 1)),
        ("not_applicable", Column(tr("Not applicable"), 1)), ("percent", share),
    ]  # fmt: skip
    for frame, key, heading in (
        (audit.availability, "title", tr("Indicator")), (audit.units, "entity", localized(audit.card.entity_title)),
    ):  # fmt: skip
        gaps = frame.filter(pl.col("lacking") > 0)
        section.parts += _table(gaps, [(key, Column(heading, 4)), *counts], caption=tr("Values that are lacking"))
        _more(section, gaps.height)
    section.parts += _table(
        audit.distributions,
        [
            ("title", Column(tr("Indicator"), 3)), ("unit", Column(tr("Unit"), 1)),
            ("number", Column(tr("Number"), 1)), ("mean", Column(tr("Mean"), 1.2)),
            ("deviation", Column(tr("Deviation"), 1.2)), ("least", Column(tr("Least"), 1.2)),
            ("lowest", Column(tr("Unit with the least"), 2)), ("most", Column(tr("Most"), 1.2)),
            ("highest", Column(tr("Unit with the most"), 2)), ("skew", Column(tr("Skewness"), 1.2, decimals=2)),
            ("kurtosis", Column(tr("Kurtosis"), 1.2, decimals=2)),
            ("outside", Column(tr("Beyond 1.5 quartile ranges"), 1.2)),
        ],
        caption=tr("Values as reported"),
    )  # fmt: skip
    _more(section, audit.distributions.height)
    return section


def missing_and_outliers(audit: Audit) -> Section:
    """Return step 3: what is done about missing values and outliers."""
    section = Section(tr("Missing values and outliers"), tr("Treatment"))
    system = audit.system
    policies = dict.fromkeys(localized(node.missing.words()) for _, node, _ in system.tree)
    if policies:
        section.write(tr("Missing parts of a node: {policies}.", policies=listed(policies)))
    if system.treatment:
        words = [localized(step.words()) for step in system.treatment.values()]
        section.write(tr("Values are treated before they are scored: {steps}.", steps=listed(words)))
        changed = int(audit.treatment["changed"].sum())
        section.write(tr("{values} changed.", values=count(changed, "value")))
        section.parts += _table(
            audit.treatment,
            [("step", Column(tr("Step"), 2)), ("title", Column(tr("Indicator"), 4)),
             ("changed", Column(tr("Values changed"), 1))],
        )  # fmt: skip
        _more(section, audit.treatment.height)
    else:
        section.write(tr("No value is imputed or moved: the definition has no treatment."))
    section.write(
        tr(
            "Remarks are on indicators with a skewness beyond ±{skew:g} and an excess kurtosis above {kurtosis:g}, "
            "both together.",
            skew=SKEW, kurtosis=KURTOSIS,
        )
    )  # fmt: skip
    _remarks(audit, section, 3)
    return section


def multivariate(audit: Audit) -> Section:
    """Return step 4: whether the data have the structure of the tree."""
    section = Section(tr("Multivariate analysis"), tr("Correlation"), wide=True)
    if len(audit.counted) < 2:
        _not_done(section, Message("it needs two indicators with scores"))
        return section
    done = audit.dimensions.drop_nulls("factors")
    pairs = audit.correlations.drop_nulls("correlation")
    if pairs.is_empty():
        _not_done(section, Message("no two indicators have different scores for three units"))
        return section
    section.write(
        tr(
            "Correlations, components and consistency are of scores, which are higher for better values. Remarks are "
            "on correlations above {redundant:g}, within a node below {weak:g} and below zero, on nodes with α below "
            "{alpha:g}, with a sampling adequacy below {adequacy:g} and with several components with an eigenvalue "
            "above 1, and on parts without which α is higher.",
            redundant=REDUNDANT, weak=WEAK, alpha=ALPHA, adequacy=ADEQUACY,
        )
    )  # fmt: skip
    every = done.filter(pl.col("node").is_null())
    if every.is_empty():
        lacking = audit.dimensions.filter(pl.col("node").is_null())
        units = int(lacking["entities"][0]) if lacking.height else 0
        section.write(
            tr(
                "No principal components of all indicators: {units} have scores of all, and three are needed.",
                units=count(units, "entity", "entities"),
            )
        )
    else:
        row = every.row(0, named=True)
        section.write(
            tr(
                "All {parts} indicators together have {factors} with an eigenvalue above 1; number of pillars at the "
                "top of the tree: {tops}. The first component explains {first:.1f} % of the variance.",
                parts=row["parts"], factors=count(row["factors"], "component"), first=row["first"],
                tops=len(audit.system.tops),
            )
        )  # fmt: skip
        if row["adequacy"] is None:
            section.write(
                tr("Adequacy and Bartlett's test of all indicators: not done, as there are too few units for so many.")
            )
    single = [name for name, parts in audit.nodes.items() if len(parts) < 2]
    if single:
        words = _names(localized(audit.title(name)) for name in single)
        section.write(tr("Nodes with a single part have no consistency: {names}.", names=words))
    _remarks(audit, section, 4)
    section.parts += _table(
        audit.dimensions,
        [
            ("title", Column(tr("Node"), 3)), ("parts", Column(tr("Parts"), 1)), ("entities", Column(tr("Units"), 1)),
            ("left_out", Column(tr("Parts that do not vary"), 1)),
            ("alpha", Column(tr("Cronbach's α"), 1.2, decimals=2)),
            ("adequacy", Column(tr("Sampling adequacy"), 1.2, decimals=2)),
            ("chi_squared", Column(tr("Bartlett's χ²"), 1.2, decimals=1)),
            ("freedom", Column(tr("Degrees of freedom"), 1.2)),
            ("probability", Column(tr("Probability"), 1.2, decimals=4)),
            ("factors", Column(tr("Eigenvalues above 1"), 1)),
            ("first", Column(tr("First component (%)"), 1.2, decimals=1)),
        ],
        _node(audit), caption=tr("Consistency and dimensions of nodes"),
    )  # fmt: skip
    section.parts += _table(
        audit.parts,
        [
            ("node", Column(tr("Node"), 3)), ("title", Column(tr("Part"), 3)),
            ("with_node", Column(tr("With its node"), 1.2, decimals=2)),
            ("with_total", Column(tr("With the total"), 1.2, decimals=2)),
            ("with_other", Column(tr("With another node"), 1.2, decimals=2)), ("other", Column(tr("Other node"), 3)),
        ],
        _node(audit), caption=tr("Correlation of parts with nodes"),
    )  # fmt: skip
    _more(section, audit.parts.height)
    section.parts += _loadings(audit)
    return section


def _loadings(audit: Audit) -> list[Table]:
    """Return the rotated loadings of all indicators beside the pillar of each."""
    frame = audit.loadings.filter(pl.col("node").is_null())
    if frame.is_empty():
        return []
    number_of = max(frame["component"].to_list())
    columns = [Column(tr("Indicator"), 3), Column(tr("Pillar"), 3)]
    columns += [
        Column(tr("Component {number}, rotated", number=at + 1), 1, decimals=2) for at in range(min(number_of, 8))
    ]
    rows: list[list[Cell]] = []
    for (part,), loadings in frame.group_by("part", maintain_order=True):
        parent = audit.system.parents.get(str(part), ROOT)
        values = [float(value) for value in loadings["rotated"].head(8)]
        rows.append([localized(audit.title(str(part))), localized(audit.title(parent)), *values])
    return [Table(columns, rows[:LISTED], tr("Loadings of all indicators, rotated (varimax)"))]


def normalisation(audit: Audit) -> Section:
    """Return step 5: how values become scores."""
    section = Section(tr("Normalisation"), tr("Normalisation"))
    system = audit.system
    rules: dict[str, list[str]] = {}
    for name in system.indicators:
        rule = system.rule(name)
        if rule is not None:
            rules.setdefault(localized(rule.in_full()), []).append(audit.title(name))
    if not rules:
        _not_done(section, Message("no indicator is scored"))
        return section
    lower = [name for name in audit.counted if system.indicators[name].direction == "lower"]
    section.write(
        tr("Every score is a percentage of full marks."),
        tr("Lower values are better: {names}.", names=_names(audit.title(name) for name in lower)) if lower else "",
    )
    columns = [Column(tr("Rule"), 6), Column(tr("Indicators"), 1), Column(tr("Which"), 5)]
    section.parts.append(Table(columns, [[words, float(len(names)), _names(names)] for words, names in rules.items()]))
    outside = _beyond(audit)
    if outside:
        section.write(tr("At one end of the scale stand more than half of the units: {names}.", names=_names(outside)))
    return section


def _beyond(audit: Audit) -> list[str]:
    """Return the indicators of which more than half of the units have the same lowest or highest score."""
    names = []
    for name in audit.counted:
        scores = audit.scores(name).drop_nulls()
        if len(scores) >= 3 and scores.min() != scores.max():
            ends = max(int((scores == scores.min()).sum()), int((scores == scores.max()).sum()))
            if ends * 2 > len(scores):
                names.append(audit.title(name))
    return names


def weighting(audit: Audit) -> Section:
    """Return step 6: weights on paper and in effect, and how scores are aggregated."""
    section = Section(tr("Weighting and aggregation"), tr("Weights"))
    system = audit.system
    if not system.tops:
        _not_done(section, Message("the system has no pillars"))
        return section
    means = dict.fromkeys(localized(node.mean_words) for _, node, _ in system.tree)
    section.write(tr("Aggregation: {means}.", means=listed(means)))
    methods = {
        localized(node.weights.words()): localized(audit.title(name))
        for name, node, _ in system.tree if node.weights is not None
    }  # fmt: skip
    section.write(
        tr("Weights from data or judgements: {methods}.", methods=listed(methods)) if methods
        else tr("Weights are those of the definition.")
    )  # fmt: skip
    frame = audit.importance
    if frame is None:
        _not_done(section, Message("the weights in effect need a ranking of three units"))
        return section
    section.write(
        tr(
            "The weight in effect is the share of the variance of the totals that a part accounts for. Remarks are on "
            "parts of which it differs from that on paper by more than a factor of {balance:g}.",
            balance=BALANCE,
        )
    )  # fmt: skip
    _remarks(audit, section, 6)
    together = frame.join(audit.parts.select("part", "with_total"), on="part", how="left", maintain_order="left")
    section.parts += _table(
        together.unique("part", keep="first", maintain_order=True),
        [
            ("title", Column(tr("Part"), 4)), ("weight", Column(tr("Weight on paper (%)"), 1.2, decimals=2)),
            ("effective", Column(tr("In effect (%)"), 1.2, decimals=2)),
            ("with_total", Column(tr("Correlation with the total"), 1.2, decimals=2)),
        ],
    )  # fmt: skip
    _more(section, frame.height)
    return section


def uncertainty(audit: Audit) -> Section:
    """Return step 7: how far places hold."""
    section = Section(tr("Uncertainty and sensitivity"), tr("Robustness"), wide=True)
    robustness = audit.robustness
    if robustness is None:
        assert audit.reason is not None  # noqa: S101
        _not_done(section, audit.reason.message)
        return section
    ranks = robustness.ranks.drop_nulls("rank")
    width = ranks["high"] - ranks["low"]
    section.write(tr("{how}.", how=how_varied(robustness)), settled(robustness))
    section.write(
        tr(
            "The interval of a place that holds in 90 % of the runs is {mean:.1f} places wide on average and {most:g} "
            "at most; {fixed} of {units} keep their place in all of these runs.",
            mean=float(width.mean() or 0), most=float(width.max() or 0), fixed=int((width == 0).sum()),  # type: ignore[arg-type]
            units=ranks.height,
        ),
        tr("Remarks are on units whose interval is wider than {percent:g} % of all places.", percent=WIDE),
    )  # fmt: skip
    if audit.system.stars is not None:
        kept = ranks["kept"].drop_nulls()
        if len(kept):
            section.write(
                tr("Stars or grades are the same in {mean:.0f} % of the runs on average.", mean=float(kept.mean()))  # type: ignore[arg-type]
            )
    if robustness.sensitivity is None:
        section.write(tr("Shares of the variance by choice (Sobol' indices) were not asked for: --sensitivity 512."))
    else:
        shares = robustness.sensitivity.filter(pl.col("result") == "ranks").sort("total", descending=True)
        section.parts += _table(
            shares,
            [("choice", Column(tr("Choice"), 3)), ("first", Column(tr("First order"), 1.2, decimals=3)),
             ("total", Column(tr("With interactions"), 1.2, decimals=3))],
            lambda key, value: localized(choice_words(str(value))) if key == "choice" else _cell(key, value),
        )  # fmt: skip
    _remarks(audit, section, 7)
    levels = [("kept", Column(tr("Stars kept (%)"), 1.2, decimals=0))] if audit.system.stars is not None else []
    several = [("cohort", Column(tr("Cohort"), 2))] if ranks["cohort"].n_unique() > 1 else []
    section.parts += _table(
        ranks,
        [
            *several, ("entity", Column(localized(audit.card.entity_title), 3)), ("rank", Column(tr("Rank"), 1)),
            ("low", Column(tr("5 % rank"), 1)), ("high", Column(tr("95 % rank"), 1)),
            ("best", Column(tr("Best rank"), 1)), ("worst", Column(tr("Worst rank"), 1)),
            ("mean", Column(tr("Mean rank"), 1, decimals=1)), *levels,
        ],
        caption=tr("Places over the runs"),
    )  # fmt: skip
    _more(section, ranks.height)
    rows: list[list[Cell]] = [
        [localized(assumption_words(row["assumption"])), localized(alternative_words(robustness, row)),
         row["moved"], row["most"], row["entity"]]
        for row in robustness.alternatives.drop_nulls("moved").head(LISTED).iter_rows(named=True)
    ]  # fmt: skip
    if rows:
        section.parts.append(
            Table(
                [Column(tr("Assumption"), 3), Column(tr("Changed to"), 3), Column(tr("Mean shift"), 1.2, decimals=2),
                 Column(tr("Largest shift"), 1.2), Column(tr("What"), 2)],
                rows, tr("One assumption changed at a time"),
            )
        )  # fmt: skip
    return section


def back_to_data(audit: Audit) -> Section:
    """Return step 8: which indicators the first and the last owe their place to."""
    section = Section(tr("Back to the data"), tr("Drivers"), wide=True)
    frame = audit.drivers
    if frame.is_empty():
        _not_done(section, Message("nobody has a place, or all have the same points"))
        return section
    section.write(
        tr(
            "Of the first and last places, the indicators that give the most points more, or less, than the mean of "
            "the peers."
        )
    )
    for end in ("top", "bottom"):
        rows = frame.filter(pl.col("end") == end)
        sums = rows.group_by("title", maintain_order=True).agg(pl.col("ahead").sum())
        names = sums.sort(pl.col("ahead").abs(), descending=True, maintain_order=True)["title"].head(3).to_list()
        if names:
            section.write(
                tr("The first places owe most to {names}.", names=listed(names)) if end == "top"
                else tr("The last places lose most by {names}.", names=listed(names))
            )  # fmt: skip
    several = [("cohort", Column(tr("Cohort"), 2))] if frame["cohort"].n_unique() > 1 else []
    section.parts += _table(
        frame,
        [
            *several, ("entity", Column(localized(audit.card.entity_title), 2)), ("rank", Column(tr("Rank"), 1)),
            ("title", Column(tr("Indicator"), 3)), ("value", Column(tr("Value"), 1.2)), ("unit", Column(tr("Unit"), 1)),
            ("score", Column(tr("Score"), 1, decimals=2)), ("points", Column(tr("Points"), 1, decimals=2)),
            ("ahead", Column(tr("Ahead of the mean"), 1.2, decimals=2)),
        ],
    )  # fmt: skip
    _more(section, frame.height)
    return section


def links(audit: Audit) -> Section:
    """Return step 9: how the total goes with indicators outside of it."""
    section = Section(tr("Links to other indicators"), tr("Links"))
    if not audit.system.tops:
        _not_done(section, Message("the system has no pillars"))
        return section
    if audit.links.is_empty():
        _not_done(
            section,
            Message(
                "every indicator gives to the total; an indicator in no pillar, such as the product per head, would be "
                "compared with it"
            ),
        )
        return section
    section.write(
        tr("Correlation of the total with the values of the indicators outside of it, which says nothing of causes.")
    )
    section.parts += _table(
        audit.links,
        [("title", Column(tr("Indicator"), 4)),
         ("correlation", Column(tr("Correlation with the total"), 1.2, decimals=2)),
         ("entities", Column(tr("Units"), 1))],
    )  # fmt: skip
    _more(section, audit.links.height)
    return section


def presentation(audit: Audit) -> Section:
    """Return step 10: how results are shown."""
    section = Section(tr("Visualisation of the results"), tr("Presentation"))
    system = audit.system
    totals = audit.card.totals.filter(pl.col("period") == audit.period)
    scores = totals["score"].drop_nulls()
    if len(scores):
        section.write(
            tr(
                "{scored} of {units} units have a total, from {least} to {most}, {mean} on average.",
                scored=len(scores), units=totals.height, least=number(float(scores.min()), audit.card.decimals),  # type: ignore[arg-type]
                most=number(float(scores.max()), audit.card.decimals),  # type: ignore[arg-type]
                mean=number(float(scores.mean()), audit.card.decimals),  # type: ignore[arg-type]
            )
        )  # fmt: skip
    else:
        section.write(tr("No unit has a total."))
    section.write(
        tr("Levels: {levels}.", levels=system.stars_words),
        tr("League table, page, workbook, bulletin and plots are written by kpi score, kpi report and kpi plot."),
        tr("How far the results bind decisions is for those who publish them: not judged here."),
    )
    return section
