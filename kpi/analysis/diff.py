"""Difference of two results, split into the effects of the data and of the definition.

If the definition changed and the data can be scored again, a third result is the bridge: the new data under the old
definition. Its difference from the old result is the effect of the data, the difference of the new result from it that
of the definition; the two add up to the change. With the same definition the whole change is an effect of the data,
with the same data of the definition.

A contribution is that of a part to the total in points, as `contributions` defines it and `kpi explain` shows it. The
contributions of all indicators and entries (means that are no sums, bonuses, deductions, floor, cap, vetoes) add up to
the total. `from_weight` is the share of a change that is due to a changed weight: weights derived from data, and
weights of missing parts that others carry, differ between periods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.engine.contributions import NOISE, entries
from kpi.engine.scorecard import Scorecard
from kpi.errors import DataError, Diagnostic, Message, suggest
from kpi.intake.files.headers import clean
from kpi.values.columns import Column

#: The name of the entry for what written results do not explain.
REST = "rest"

#: The columns of the classes that changed.
_CLASSES = dict.fromkeys(("period", "entity", "attribute", "before", "after"), pl.String)

#: Relabels the periods of a frame with those of the new result.
Place = Callable[[pl.DataFrame, Mapping[str, str]], pl.DataFrame]


class Side(Struct, frozen=True):
    """One of two results: frames as a scorecard has them (period labels, entity names), and the contributions.

    `contributions` has the columns period, entity, indicator (or entry), title, weight (percent of the whole, null of
    entries), contribution (in points). `tree` is what the definition says, None where only results are known; so are
    `measures`. `classes` are those of the entities, where weights or rules differ by them: period, entity, attribute,
    class. `breaks`, `former`, `renamed` and `findings` are as in the scorecard; of written results they are not known.
    """

    name: str
    system: str
    title: str
    definition_hash: str
    data_hash: str
    decimals: int
    totals: pl.DataFrame
    indicators: pl.DataFrame
    contributions: pl.DataFrame
    measures: pl.DataFrame | None = None
    tree: Mapping[str, Any] | None = None
    entity_title: str = Message("Entity")
    texts: Mapping[str, Message] = field(default_factory=dict)
    restated: pl.DataFrame | None = None
    breaks: pl.DataFrame | None = None
    former: Mapping[str, Message] = field(default_factory=dict)
    renamed: Mapping[str, str] = field(default_factory=dict)
    classes: pl.DataFrame | None = None
    longer: pl.DataFrame | None = None
    headlines: pl.DataFrame | None = None
    places: pl.DataFrame | None = None
    findings: tuple[Diagnostic, ...] = ()


class Difference(Struct, frozen=True):
    """What changed, by frame.

    - `totals`, every entity in both or one: period_before, period, cohort, entity, score_before, score, change (of the
      total before rounding, in points), from_data, from_definition, stars_before, stars, rank_before, rank,
      rank_change (positive: moved up), status_before, status (`absent` where a result does not have the entity),
      grade_before, grade (the names of levels), areas_changed (whether the series of a part of the total breaks in
      between, so that the change is none of one area).
    - `indicators` that moved, and entries such as adjustments, the largest contribution to the change first: period,
      entity, indicator, title, value_before, value, unit, score_before, score, contribution_before, contribution,
      change, from_data, from_definition, weight_before, weight, from_weight (the part of `change` that a change of the
      weight makes), areas_changed.
    - `figures` that are others: period, entity, measure, title, value_before, value, unit, status_before, status,
      areas_changed.
    - `definitions`: path, before, after of everything the definitions say differently, as text.
    - `longer`, where both have totals over longer periods: period_before, period, entity, over_before, over,
      score_before, score, change (of the total before rounding), stars_before, stars, rank_before, rank, rank_change,
      status_before, status.
    - `headlines`, where both have indices beside the total: period_before, period, entity, headline, title,
      score_before, score, change, from_data, from_definition, rank_before, rank, rank_change, status_before, status.
    - `places`, where both have several rankings, or former places: period_before, period, entity, within, group_before,
      group, rank_before, rank, rank_change (null where the group is another).
    - `classes`: period, entity, attribute (the column of the roster), before, after of entities whose class changed.
    - `restated`: the figures that the new result restated, as `Scorecard.restated`.
    """

    before: Side
    after: Side
    totals: pl.DataFrame
    indicators: pl.DataFrame
    figures: pl.DataFrame
    definitions: pl.DataFrame
    separable: bool = True
    restated: pl.DataFrame = field(default_factory=pl.DataFrame)
    classes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_CLASSES))
    longer: pl.DataFrame = field(default_factory=pl.DataFrame)
    headlines: pl.DataFrame = field(default_factory=pl.DataFrame)
    places: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def frames(self) -> dict[str, pl.DataFrame]:
        """All frames by name; `classes`, `longer`, `headlines` and `places` only if there is something in them."""
        names = ("totals", "indicators", "figures", "definitions", "restated")
        more = (name for name in ("classes", "longer", "headlines", "places") if getattr(self, name).height)
        return {name: getattr(self, name) for name in (*names, *more)}

    def of(self, entity: str) -> Difference:
        """Return the difference restricted to one entity; raise DataError K602 for an unknown name."""
        known = self.totals["entity"].unique(maintain_order=True).to_list()
        same = [name for name in known if clean(name) == clean(entity)]
        gone = next((words for name, words in self.after.former.items() if clean(name) == clean(entity)), None)
        if not same and gone is not None:
            raise DataError(Diagnostic("K602", gone, hint=Message("ask for the unit that there is now")))
        if not same:
            raise DataError(
                Diagnostic(
                    "K602", Message("`{entity}` is not among the entities", entity=entity), hint=suggest(entity, known)
                )
            )
        entity = entity if entity in same else same[0]
        frames = {
            name: frame.filter(entity=entity) if "entity" in frame.columns else frame
            for name, frame in self.frames.items()
        }
        return replace(self, **frames)

    @property
    def changed(self) -> pl.DataFrame:
        """The rows of `totals` that changed."""
        return self.totals.filter(_differs("score", "stars", "rank", "status") | (pl.col("change").abs() > NOISE))

    @property
    def changed_headlines(self) -> pl.DataFrame:
        """The rows of `headlines` that changed."""
        moved = pl.col("change").abs() > NOISE
        rows = self.headlines
        return rows.filter(_differs("score", "rank", "status") | moved) if rows.height else rows

    @property
    def changed_places(self) -> pl.DataFrame:
        """The rows of `places` that changed."""
        return self.places.filter(_differs("rank", "group")) if self.places.height else self.places

    def __repr__(self) -> str:
        """Return what is compared, in a line."""
        many = (self.changed.height, self.indicators.height, self.figures.height)
        return "<Difference of {}: {} totals, {} indicators and {} figures changed>".format(self.after.system, *many)


def side(card: Scorecard, name: str) -> Side:
    """Return a scorecard as one side of a comparison."""
    tree = card.definition.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return Side(
        name, card.system, card.title, card.definition_hash, card.data_hash, card.decimals, card.totals,
        card.indicators, contributions(card), card.measures, tree, card.entity_title, card.texts,
        card.restated, card.breaks, card.former, card.renamed, card.classes,
        card.longer if card.definition.totals_over is not None else None,
        card.headlines if card.definition.headlines else None,
        card.places if card.definition.places_apart else None, card.findings_list,
    )  # fmt: skip


def contributions(card: Scorecard) -> pl.DataFrame:
    """Return the contributions of all indicators and entries of `engine.contributions`; columns as in `Side`."""
    system = card.definition
    shown = [index for index in card.labels if card.shown is None or index in card.shown]
    frame = card.detailed.filter(pl.col("period").is_in(shown))
    nothing = pl.lit(None, dtype=pl.Float64)
    known = [
        (name, system.symbols[name].title, pl.col(Column(name).weight), pl.col(Column(name).contribution))
        for name in system.indicators
        if name in system.parents
    ]
    known += [(entry.name, entry.title, nothing, entry.points) for entry in entries(system)]
    keys = frame.select(
        period=pl.col("period").replace_strict(dict(card.labels), return_dtype=pl.String),
        entity=pl.col("entity").replace_strict(dict(enumerate(card.entities["entity"])), return_dtype=pl.String),
    )
    kinds = dict.fromkeys(("period", "entity", "indicator", "title"), pl.String)
    tables = [pl.DataFrame(schema=kinds | dict.fromkeys(("weight", "contribution"), pl.Float64))]
    for name, title, weight, points in known:
        values = frame.with_columns(weight.alias("#weight"), points.alias("#points")).select("#weight", "#points")
        labelled = keys.with_columns(indicator=pl.lit(name), title=pl.lit(title))
        tables.append(labelled.with_columns(weight=values["#weight"], contribution=values["#points"]))
    return pl.concat(tables)


def diff(
    before: Side, after: Side, bridge: Side | None = None, *, periods: Mapping[str, str] | None = None
) -> Difference:
    """Return the difference of two results.

    Args:
        before: the old result.
        after: the new one.
        bridge: the data of the new one under the definition of the old one; not needed if either is unchanged.
        periods: which period of the new result is compared with which of the old one (new label to old label); left
            out: every period that both have with itself.

    Raises:
        DataError: K551, when there is no period to compare.
    """
    earlier = set(_labels(before))
    shared = [label for label in _labels(after) if label in earlier]
    pairs = {label: label for label in shared} if periods is None else dict(periods)
    if not pairs:
        hint = Message(
            "{before} has {periods_before}, {after} has {periods_after}",
            before=before.name,
            periods_before=_span(before),
            after=after.name,
            periods_after=_span(after),
        )
        raise DataError(Diagnostic("K551", Message("the two have no period in common"), hint=hint))
    before = _under_new_names(before, after)
    same_definition = before.definition_hash == after.definition_hash
    if same_definition:
        bridge = after
    elif before.data_hash and before.data_hash == after.data_hash and all(old == new for new, old in pairs.items()):
        bridge = before
    totals, indicators = _totals(before, after, bridge, pairs), _indicators(before, after, bridge, pairs)
    broken, figures = _broken(before, after, pairs), _figures(before, after, pairs)
    of_totals = broken.filter(pl.col("name").is_in(_in_total(after))).drop("name").unique()
    marked = {
        "totals": _marked(totals, of_totals, "period", "entity"),
        "indicators": _marked(indicators, broken.rename({"name": "indicator"}), "period", "entity", "indicator"),
        "figures": _marked(figures, broken.rename({"name": "measure"}), "period", "entity", "measure"),
    }
    return Difference(
        before, after, **marked, definitions=_definitions(before, after), separable=bridge is not None,
        classes=_classes(before, after, pairs),
        longer=_longer(before, after, pairs),
        headlines=_headlines(before, after, bridge, pairs),
        places=_places(before, after, pairs),
    )  # fmt: skip


def _classes(before: Side, after: Side, pairs: Mapping[str, str]) -> pl.DataFrame:
    """Return the entities whose class changed."""
    if before.classes is None or after.classes is None:
        return pl.DataFrame(schema=_CLASSES)
    keys = ["period", "entity", "attribute"]
    old = _old(before.classes, pairs).select(*keys, before="class")
    both = _new(after.classes, pairs).rename({"class": "after"}).join(old, on=keys, how="inner", maintain_order="left")
    return both.filter(pl.col("before") != pl.col("after")).select(*_CLASSES)


def _under_new_names(before: Side, after: Side) -> Side:
    """Return the old result with units under the names that they have in the new one."""
    there = set(before.totals["entity"])
    names = {old: new for old, new in after.renamed.items() if old in there and new not in there}
    if not names:
        return before

    def renamed(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(pl.col("entity").replace(names))

    def renamed_too(frame: pl.DataFrame | None) -> pl.DataFrame | None:
        return None if frame is None else renamed(frame)

    return replace(
        before, totals=renamed(before.totals), indicators=renamed(before.indicators),
        contributions=renamed(before.contributions), classes=renamed_too(before.classes),
        measures=renamed_too(before.measures), longer=renamed_too(before.longer), breaks=renamed_too(before.breaks),
        headlines=renamed_too(before.headlines), places=renamed_too(before.places),
    )  # fmt: skip


def _broken(before: Side, after: Side, pairs: Mapping[str, str]) -> pl.DataFrame:
    """Return the series that break between the periods compared: period, entity, name."""
    kinds = dict.fromkeys(("period", "entity", "name"), pl.String)
    if before.breaks is None or after.breaks is None:
        return pl.DataFrame(schema=kinds)
    old, keys = _old(before.breaks, pairs).select(*kinds, was="breaks"), list(kinds)
    both = _new(after.breaks, pairs).join(old, on=keys, how="left", maintain_order="left")
    # A result of which the table names no unit has no breaks.
    return both.filter(pl.col("breaks") != pl.col("was").fill_null(0)).select(keys)


def _in_total(result: Side) -> list[str]:
    """Return the indicators that give to the total."""
    return result.contributions.filter(pl.col("contribution").is_not_null())["indicator"].unique().to_list()


def _marked(frame: pl.DataFrame, broken: pl.DataFrame, *keys: str) -> pl.DataFrame:
    """Add the column `areas_changed`: whether the rows are among some."""
    marks = broken.with_columns(areas_changed=pl.lit(value=True))
    marked = frame.join(marks, on=keys, how="left", maintain_order="left")
    return marked.with_columns(pl.col("areas_changed").fill_null(value=False))


def _labels(result: Side) -> list[str]:
    return result.totals["period"].unique(maintain_order=True).to_list()


def _span(result: Side) -> Message:
    labels = _labels(result)
    if not labels:
        return Message("nothing")
    return Message("{first} to {last}", first=labels[0], last=labels[-1])


def _old(frame: pl.DataFrame, pairs: Mapping[str, str]) -> pl.DataFrame:
    """Return the rows of the old periods, relabelled with the new ones."""
    back = pl.DataFrame({"period_before": list(pairs.values()), "new": list(pairs)})
    rows = frame.rename({"period": "period_before"}).join(back, on="period_before", how="inner", maintain_order="left")
    return rows.rename({"new": "period"})


def _new(frame: pl.DataFrame, pairs: Mapping[str, str]) -> pl.DataFrame:
    return frame.filter(pl.col("period").is_in(list(pairs)))


def _split(after: str, before: str, between: pl.DataFrame | None) -> dict[str, pl.Expr]:
    """Return the change and its two effects, null if they cannot be separated."""
    nothing = pl.lit(None, dtype=pl.Float64)
    middle = pl.col("between") if between is not None else nothing
    parts = {"from_data": middle - pl.col(before), "from_definition": pl.col(after) - middle}
    return {
        name: _clean(expression) for name, expression in {"change": pl.col(after) - pl.col(before), **parts}.items()
    }


def _clean(value: pl.Expr) -> pl.Expr:
    return pl.when(value.abs() > NOISE).then(value).otherwise(value * 0.0)


def _differs(*names: str) -> pl.Expr:
    return pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_before")) for name in names)


def _totals(before: Side, after: Side, bridge: Side | None, pairs: Mapping[str, str]) -> pl.DataFrame:
    columns = ["score", "raw_score", "stars", "grade", "rank", "status"]
    plain = pl.selectors.by_dtype(pl.Enum, pl.Categorical).cast(pl.String)
    old = _old(before.totals, pairs).select("period_before", "period", "entity", "cohort", *columns)
    old = old.rename({name: f"{name}_before" for name in (*columns, "cohort")})
    frame = _new(after.totals, pairs).select("period", "cohort", "entity", *columns).with_columns(plain)
    keys = ["period", "entity"]
    frame = frame.join(old.with_columns(plain), on=keys, how="full", coalesce=True, maintain_order="left_right")
    middle = None if bridge is None else _middle(bridge, before, pairs).select(*keys, between="raw_score")
    if middle is not None:
        frame = frame.join(middle, on=keys, how="left", maintain_order="left")
    place = {label: at for at, label in enumerate(pairs)}
    return frame.sort(pl.col("period").replace_strict(place), maintain_order=True).select(
        pl.col("period").replace_strict(dict(pairs)).alias("period_before"), "period",
        pl.coalesce("cohort", "cohort_before").alias("cohort"), "entity", "score_before", "score",
        **_split("raw_score", "raw_score_before", middle),
        stars_before="stars_before", stars="stars", rank_before="rank_before", rank="rank",
        rank_change=pl.col("rank_before").cast(pl.Float64) - pl.col("rank").cast(pl.Float64),
        status_before=pl.col("status_before").fill_null("absent"), status=pl.col("status").fill_null("absent"),
        grade_before="grade_before", grade="grade",
    )  # fmt: skip


def _longer(before: Side, after: Side, pairs: Mapping[str, str]) -> pl.DataFrame:
    """Return the differences of totals over longer periods, empty where a result has none."""
    if before.longer is None or after.longer is None:
        return pl.DataFrame()
    columns = ["over", "score", "raw_score", "stars", "rank", "status"]
    plain = pl.selectors.by_dtype(pl.Enum, pl.Categorical).cast(pl.String)
    old = _old(before.longer, pairs).select("period_before", "period", "entity", *columns)
    old = old.rename({name: f"{name}_before" for name in columns})
    frame = _new(after.longer, pairs).select("period", "entity", *columns).with_columns(plain)
    frame = frame.join(
        old.with_columns(plain), on=["period", "entity"], how="full", coalesce=True, maintain_order="left_right"
    )
    place = {label: at for at, label in enumerate(pairs)}
    return frame.sort(pl.col("period").replace_strict(place), maintain_order=True).select(
        pl.col("period").replace_strict(dict(pairs)).alias("period_before"), "period", "entity", "over_before", "over",
        "score_before", "score", change=_clean(pl.col("raw_score") - pl.col("raw_score_before")),
        stars_before="stars_before", stars="stars", rank_before="rank_before", rank="rank",
        rank_change=pl.col("rank_before").cast(pl.Float64) - pl.col("rank").cast(pl.Float64),
        status_before=pl.col("status_before").fill_null("absent"), status=pl.col("status").fill_null("absent"),
    )  # fmt: skip


_PLAIN = pl.selectors.by_dtype(pl.Enum, pl.Categorical).cast(pl.String)


def _headlines(before: Side, after: Side, bridge: Side | None, pairs: Mapping[str, str]) -> pl.DataFrame:
    """Return the differences of the indices beside the total, empty where a result has none."""
    if before.headlines is None or after.headlines is None:
        return pl.DataFrame()
    keys, columns = ["period", "entity", "headline"], ["title", "score", "raw_score", "rank", "status"]
    old = _old(before.headlines, pairs).select("period_before", *keys, *columns).with_columns(_PLAIN)
    old = old.rename({name: f"{name}_before" for name in columns})
    frame = _new(after.headlines, pairs).select(*keys, *columns).with_columns(_PLAIN)
    frame = frame.join(old, on=keys, how="full", coalesce=True, maintain_order="left_right")
    middle = None
    if bridge is not None and bridge.headlines is not None:
        place = _old if bridge is before else _new
        middle = place(bridge.headlines, pairs).select(*keys, between="raw_score")
        frame = frame.join(middle, on=keys, how="left", maintain_order="left")
    place_of = {label: at for at, label in enumerate(pairs)}
    return frame.sort(pl.col("period").replace_strict(place_of), maintain_order=True).select(
        pl.col("period").replace_strict(dict(pairs)).alias("period_before"), *keys,
        pl.coalesce("title", "title_before").alias("title"), "score_before", "score",
        **_split("raw_score", "raw_score_before", middle), rank_before="rank_before", rank="rank",
        rank_change=pl.col("rank_before").cast(pl.Float64) - pl.col("rank").cast(pl.Float64),
        status_before=pl.col("status_before").fill_null("absent"), status=pl.col("status").fill_null("absent"),
    )  # fmt: skip


def _places(before: Side, after: Side, pairs: Mapping[str, str]) -> pl.DataFrame:
    """Return the differences of places in several rankings, empty where a result has no such."""
    if before.places is None or after.places is None:
        return pl.DataFrame()
    keys, columns = ["period", "entity", "within"], ["group", "rank"]
    old = _old(before.places, pairs).select(*keys, *columns).with_columns(_PLAIN)
    old = old.rename({name: f"{name}_before" for name in columns})
    frame = _new(after.places, pairs).select(*keys, *columns).with_columns(_PLAIN)
    frame = frame.join(old, on=keys, how="full", coalesce=True, maintain_order="left_right")
    place_of = {label: at for at, label in enumerate(pairs)}
    moved = pl.col("rank_before").cast(pl.Float64) - pl.col("rank").cast(pl.Float64)
    return frame.sort(pl.col("period").replace_strict(place_of), maintain_order=True).select(
        pl.col("period").replace_strict(dict(pairs)).alias("period_before"), *keys, "group_before", "group",
        "rank_before", "rank", rank_change=pl.when(pl.col("group").eq_missing(pl.col("group_before"))).then(moved),
    )  # fmt: skip


def _middle(bridge: Side, before: Side, pairs: Mapping[str, str]) -> pl.DataFrame:
    """Return the totals of the bridge, relabelled with the new periods."""
    return _old(bridge.totals, pairs) if bridge is before else _new(bridge.totals, pairs)


def _indicators(before: Side, after: Side, bridge: Side | None, pairs: Mapping[str, str]) -> pl.DataFrame:
    keys = ["period", "entity", "indicator"]
    values = ["title", "value", "unit", "score"]

    def joined(result: Side, place: Place) -> pl.DataFrame:
        contributions = place(result.contributions, pairs).select(*keys, "contribution", "weight", other="title")
        values_of = place(result.indicators, pairs).select(*keys, *values)
        both = values_of.join(contributions, on=keys, how="full", coalesce=True, maintain_order="left_right")
        return both.with_columns(pl.coalesce("title", "other").alias("title")).drop("other")

    old = joined(before, _old).rename({name: f"{name}_before" for name in (*values, "contribution", "weight")})
    frame = joined(after, _new).join(old, on=keys, how="full", coalesce=True, maintain_order="left_right")
    middle = None
    if bridge is not None:
        place = _old if bridge is before else _new
        middle = place(bridge.contributions, pairs).select(*keys, between="contribution")
        frame = frame.join(middle, on=keys, how="left", maintain_order="left")
    required = ["contribution", "contribution_before", *(["between"] if middle is not None else [])]
    # A part that a total lacks contributes 0; without a total all contributions are null.
    total = {name: pl.col(name).is_not_null().any().over("period", "entity") for name in required}
    frame = frame.with_columns(pl.when(total[name]).then(pl.col(name).fill_null(0.0)) for name in required)
    # Entries have no weight; a part that only one result has weighs 0 in the other.
    both = pl.coalesce("weight", "weight_before").is_not_null()
    weight = {name: pl.when(both).then(pl.col(name).fill_null(0.0)) for name in ("weight_before", "weight")}
    frame = frame.select(
        *keys, pl.coalesce("title", "title_before").alias("title"), "value_before", "value",
        pl.coalesce("unit", "unit_before").alias("unit"), "score_before", "score", "contribution_before",
        "contribution", **_split("contribution", "contribution_before", middle),
        weight_before=weight["weight_before"], weight=weight["weight"], from_weight=_from_weight(),
    )  # fmt: skip
    moved = frame.filter(_differs("value", "score") | (pl.col("change").abs() > NOISE) | _two_ways())
    label = pl.col("period").replace_strict({label: at for at, label in enumerate(pairs)})
    return moved.sort(
        label, pl.int_range(pl.len()).min().over("period", "entity"), -pl.col("change").abs(), maintain_order=True
    )


def _from_weight() -> pl.Expr:
    """Return the change of a contribution due to its weight: (new - old weight) x points per percent."""
    old, new = pl.col("weight_before").fill_null(0.0), pl.col("weight").fill_null(0.0)
    rate = pl.when(new > 0).then(pl.col("contribution") / new).when(old > 0).then(pl.col("contribution_before") / old)
    change = pl.col("contribution") - pl.col("contribution_before")
    known = pl.coalesce("weight", "weight_before").is_not_null() & change.is_not_null()
    return _clean(pl.when(known).then((new - old) * rate.fill_null(0.0)))


def _two_ways() -> pl.Expr:
    """Return whether both data and definition moved a contribution, possibly in opposite directions."""
    return (pl.col("from_data").abs() > NOISE) | (pl.col("from_definition").abs() > NOISE)


def _figures(before: Side, after: Side, pairs: Mapping[str, str]) -> pl.DataFrame:
    keys, values = ["period", "entity", "measure"], ["title", "value", "unit", "status"]
    if before.measures is None or after.measures is None:
        kinds = dict.fromkeys([*keys, "title", "unit", "status_before", "status"], pl.String)
        return pl.DataFrame(schema=kinds | dict.fromkeys(["value_before", "value"], pl.Float64))
    plain = pl.selectors.by_dtype(pl.Enum, pl.Categorical).cast(pl.String)
    old = _old(before.measures, pairs).select(*keys, *values).with_columns(plain)
    old = old.rename({name: f"{name}_before" for name in values})
    new = _new(after.measures, pairs).select(*keys, *values).with_columns(plain)
    frame = new.join(old, on=keys, how="full", coalesce=True, maintain_order="left_right")
    return frame.filter(_differs("value", "status", "unit")).select(
        *keys, pl.coalesce("title", "title_before").alias("title"), "value_before", "value",
        pl.coalesce("unit", "unit_before").alias("unit"),
        status_before=pl.col("status_before").fill_null("absent"), status=pl.col("status").fill_null("absent"),
    )  # fmt: skip


def _definitions(before: Side, after: Side) -> pl.DataFrame:
    rows: Sequence[tuple[str, str | None, str | None]] = []
    if before.tree is not None and after.tree is not None:
        old, new = dict(_leaves(before.tree)), dict(_leaves(after.tree))
        rows = [(path, old.get(path), new.get(path)) for path in {**old, **new} if old.get(path) != new.get(path)]
    return pl.DataFrame(rows, schema=dict.fromkeys(("path", "before", "after"), pl.String), orient="row")


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of a tree as text, with their paths."""
    if isinstance(tree, Mapping):
        for key, item in tree.items():
            yield from _leaves(item, Column(path).fact(key) if path else str(key))
    elif isinstance(tree, list | tuple):
        for place, item in enumerate(tree, 1):
            yield from _leaves(item, f"{path}[{place}]")
    elif tree is not None:
        yield path, str(tree)
