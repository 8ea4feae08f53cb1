"""Write synthetic data for a system: one file per dataset, in batches that depend only on the seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from typing import IO

import polars as pl
from msgspec import Struct

from kpi.errors import DataError, Diagnostic, Message, Place, alternatives, count, suggest
from kpi.intake.matching.datasets import datasets, of_dataset
from kpi.intake.roster import from_roster
from kpi.intake.synthetic.draws import one_of, salt, share
from kpi.intake.synthetic.events import Events
from kpi.intake.synthetic.figures import Figure, figures, wide
from kpi.language.datasets import Dataset, PanelData, Records
from kpi.language.system import System
from kpi.process import progress
from kpi.process.atomic_files import folder, replacing
from kpi.process.limits import make_sure
from kpi.process.os_errors import reason
from kpi.values import period_texts, units
from kpi.values.periods import Period, PeriodError

#: How many rows, or cells of the grid, are generated at a time.
BATCH = 1 << 17
FORMATS = {".csv": "csv", ".parquet": "parquet"}
#: The headers of roles, where the definition gives none.
HEADERS = {
    "period": "期别", "entity": "地区", "measure": "指标", "value": "数值", "unit": "计量单位", "revision": "修订",
}  # fmt: skip
#: The memory of the name of an entity, in bytes.
_NAME = 128
#: Units in which a figure is also reported, by the unit of its measure.
_ODD = {"亿元": "万元", "万元": "元"}


class Generated(Struct, frozen=True):
    """A dataset to be generated: its batches, and their number of rows, without corrections."""

    batches: Callable[[], Iterator[pl.DataFrame]]
    rows: int


class Sample(Struct, frozen=True):
    """The specification of a sample: a system, the amount of data, and the seed.

    Args:
        system: gives the datasets.
        rows: the number of events of a records dataset; None for twenty for each entity and period.
        entities: the number of entities; None for those of the roster, or twenty.
        periods: the number of periods; None for those of two years.
        last: the last period; None for the last of 2023.
        seed: the seed of all figures.
        flaws: whether figures are missing, corrected late, and reported in other units.

    Raises:
        DataError: K560, it cannot be generated.
    """

    system: System
    rows: int | None = None
    entities: int | None = None
    periods: int | None = None
    last: str | None = None
    seed: int = 1
    flaws: bool = False

    def datasets(self) -> dict[str, Generated]:
        """Return every dataset that the system's measures need, by name."""
        names, periods = self._names(), self._periods()
        generated: dict[str, Generated] = {}
        declared = datasets(self.system)
        for name, dataset in declared.items():
            if isinstance(dataset, Records) and of_dataset(self.system, name):
                rows = 20 * len(names) * len(periods) if self.rows is None else self.rows
                events = Events(
                    self.system, name, tuple(names), tuple(periods), rows, self.seed, self.flaws,
                    dataset.headers.get("entity") or dataset.headers.get("code") or HEADERS["entity"],
                    dataset.headers.get("period") or "日期",
                )  # fmt: skip
                generated[name] = Generated(lambda events=events: _in_batches(events.batch, events.rows, BATCH), rows)  # type: ignore[misc]
        if self.rows is not None and not generated:
            hint = Message("--entities and --periods say how many figures there are")
            raise DataError(
                Diagnostic("K560", Message("the system has no records, whose number --rows says"), hint=hint)
            )
        if any(item.reported for item in self.system.measures.values()):
            forms = {item.form: name for name, item in reversed(declared.items())}  # type: ignore[attr-defined]
            taking = forms.get("reported") or forms.get("panel")
            if taking is None:
                raise DataError(
                    Diagnostic("K560", Message("the system has reported measures, but no dataset for them"))
                )
            generated[taking] = _Figures(self, declared[taking], names, periods).generated()
        return generated

    def _names(self) -> list[str]:
        """Return the entities: those of the roster, else names that are recognisably artificial."""
        roster = self.system.entities.roster
        if roster is None:
            title = self.system.entities.title
            stem = f"样本{title if 0 < len(title) <= 4 and title.isalpha() else '单位'}"
            many = 20 if self.entities is None else self.entities
            make_sure(_NAME * many, Message("a sample of {number:,} entities", number=many), Message("ask for fewer"))
            return [f"{stem}{number:0{max(4, len(str(many)))}}" for number in range(1, many + 1)]
        known = from_roster(self.system.home / roster, None, self.system.timeline).names
        if self.entities is not None and self.entities > len(known):
            message = Message(
                "there cannot be {entities}: the roster has {known}",
                entities=count(self.entities, "entity", "entities"),
                known=len(known),
            )
            hint = Message("ask for fewer, or take a system without a roster")
            raise DataError(Diagnostic("K560", message, Place(str(self.system.home / roster)), hint))
        return known[: self.entities]

    def _periods(self) -> list[Period]:
        grain = self.system.period
        many = (grain.per_year * 2) if self.periods is None else self.periods
        try:
            end = period_texts.stretch(self.last or "2023-12", grain.timeline)[1] // grain.months
            return [Period.of(end - back, grain) for back in reversed(range(many))]
        except PeriodError as error:
            hint = None if error.hint is None else Message("{hint}", hint=error.hint)
            raise DataError(Diagnostic("K606", Message("{problem}", problem=error.args[0]), hint=hint)) from None


def _in_batches(make: Callable[[int, int], pl.DataFrame], rows: int, size: int) -> Iterator[pl.DataFrame]:
    for first in range(0, rows, size):
        yield make(first, min(size, rows - first))


class _Figures(Struct, frozen=True):
    """The reported figures of a sample, long or wide."""

    sample: Sample
    dataset: Dataset
    names: list[str]
    periods: list[Period]

    def generated(self) -> Generated:
        levels = figures(self.sample.system, self.sample.seed)
        many = len(self.names) * len(self.periods)
        size = max(1, 4 * BATCH // max(1, sum(map(len, levels))))
        if isinstance(self.dataset, PanelData):
            return Generated(lambda: _in_batches(lambda first, n: self.panel(levels, first, n), many, size), many)
        rows = many * sum(5 if item.per else 1 for level in levels for item in level)
        return Generated(lambda: _in_batches(lambda first, n: self.long(levels, first, n), many, size), rows)

    def header(self, role: str) -> str:
        declared = self.dataset.headers
        if role == "entity":
            return declared.get("entity") or declared.get("code") or HEADERS[role]
        return declared.get(role, HEADERS[role])

    def cells(self, levels: list[list[Figure]], first: int, height: int) -> pl.DataFrame:
        """Return a part of the grid, by period: who, when, their names, and the figures of all measures."""
        cell = pl.int_range(first, first + height, dtype=pl.UInt64, eager=True)
        grid = pl.DataFrame({"who": cell % len(self.names), "when": cell // len(self.names)})
        labels = pl.lit(pl.Series([item.label for item in self.periods]))
        return self.running(levels, grid).with_columns(
            labels.gather(pl.col("when")).alias("period\n"),
            pl.lit(pl.Series(self.names)).gather(pl.col("who")).alias("entity\n"),
        )

    def running(self, levels: list[list[Figure]], grid: pl.DataFrame) -> pl.DataFrame:
        """Return the figures of all measures for who and when; cumulative ones sum the periods since January."""
        frame, measures = wide(levels, grid, self.sample.seed), self.sample.system.measures
        decimals = {item.name: item.decimals for level in levels for item in level if measures[item.name].from_january}
        grain = self.sample.system.period
        size = grain.months
        place = (pl.col("when").cast(pl.Int64) + self.periods[0].start // size) % grain.per_year
        for back in range(1, grain.per_year if decimals else 0):
            # Periods before the first are like the first.
            earlier = (pl.col("when").cast(pl.Int64) - back).clip(lower_bound=0).cast(pl.UInt64)
            former = wide(levels, grid.with_columns(when=earlier), self.sample.seed)
            frame = frame.with_columns(
                pl.when(place >= back).then(pl.col(name) + former[name]).otherwise(name).round(places).alias(name)
                for name, places in decimals.items()
            )
        return frame

    def panel(self, levels: list[list[Figure]], first: int, height: int) -> pl.DataFrame:
        frame = self.cells(levels, first, height)
        cell = pl.col("when") * 2**32 + pl.col("who")
        return frame.select(
            pl.col("period\n").alias(self.header("period")),
            pl.col("entity\n").alias(self.header("entity")),
            *(self.target_fact(item, cell, pl.col(item.name)).alias(item.header) for level in levels for item in level),
        )

    def target_fact(self, figure: Figure, cell: pl.Expr, value: pl.Expr) -> pl.Expr:
        """Drop some figures if flaws are requested."""
        if not self.sample.flaws:
            return value
        return pl.when(share(cell, salt(self.sample.seed, "blank", figure.name)) >= 0.005).then(value)

    def long(self, levels: list[list[Figure]], first: int, height: int) -> pl.DataFrame:
        frame = self.cells(levels, first, height)
        return pl.concat([self.rows(item, frame, levels) for level in levels for item in level])

    def rows(self, figure: Figure, frame: pl.DataFrame, levels: list[list[Figure]]) -> pl.DataFrame:
        """Return the rows of one measure: period, entity, measure, value, unit, the columns of `per` and `where`."""
        seed, cell = self.sample.seed, pl.col("when") * 2**32 + pl.col("who")
        others = [other for level in levels for other in level]
        per = dict.fromkeys(other.per for other in others if other.per)
        conditions = dict.fromkeys(column for other in others for column, _ in other.where)
        mine = dict(figure.where)
        if figure.per:
            finer = pl.DataFrame({"finer\n": [f"{figure.per}{number}" for number in range(1, 6)]})
            frame = frame.join(finer, how="cross", maintain_order="left_right")
            cell = cell * 8 + pl.col("finer\n").str.slice(-1).cast(pl.UInt64)
        value = self.target_fact(figure, cell, pl.col(figure.name))
        created = frame.with_columns(
            value.alias("value\n"), pl.lit(figure.unit).alias("unit\n"), pl.lit(0).alias("rev\n")
        )
        if self.sample.flaws:
            created = self.flawed(figure, created, cell)
        return created.select(
            pl.col("period\n").alias(self.header("period")),
            pl.col("entity\n").alias(self.header("entity")),
            pl.lit(figure.header).alias(self.header("measure")),
            pl.col("value\n").alias(self.header("value")),
            pl.col("unit\n").alias(self.header("unit")),
            *([pl.col("rev\n").alias(self.header("revision"))] if self.sample.flaws else ()),
            *((pl.col("finer\n") if figure.per == name else pl.lit(None, pl.String)).alias(name) for name in per),
            *(
                one_of(cell, salt(seed, "where", name), mine.get(name, ("",))).alias(name)
                for name in conditions
            ),
        )  # fmt: skip

    def flawed(self, figure: Figure, rows: pl.DataFrame, cell: pl.Expr) -> pl.DataFrame:
        """Convert some figures to another unit, and report some too low first, followed by their correction."""
        odd = _ODD.get(figure.unit)
        if odd is not None:
            factor = units.factor(units.parse(figure.unit), units.parse(odd))
            some = share(cell, salt(self.sample.seed, "odd unit", figure.name)) < 0.005
            rows = rows.with_columns(
                pl.when(some).then((pl.col("value\n") * factor).round(4)).otherwise("value\n").alias("value\n"),
                pl.when(some).then(pl.lit(odd)).otherwise("unit\n").alias("unit\n"),
            )
        late = rows.filter(share(cell, salt(self.sample.seed, "late", figure.name)) < 0.005, pl.col("value\n") > 0)
        wrong = late.with_columns((pl.col("value\n") / 2).floor().alias("value\n"))
        keys = ["period\n", "entity\n", *(["finer\n"] if figure.per else ())]
        kept = rows.join(wrong.select(*keys, wrong="value\n"), on=keys, how="left", maintain_order="left")
        first = kept.with_columns(pl.coalesce("wrong", "value\n").alias("value\n")).drop("wrong")
        return pl.concat([first, late.with_columns(pl.lit(1).alias("rev\n"))])


def write(
    sample: Sample, target: str | Path, *, form: str | None = None, dataset: str | None = None
) -> dict[Path, int]:
    """Write a sample and return the number of rows of every file.

    A path that ends in .csv or .parquet is for one dataset; a folder gets all, a file each, as `form` (parquet).

    Raises:
        DataError: K560 it cannot be generated, or one file is given for several datasets; K540 it cannot be written.
    """
    generated = chosen(sample, dataset)
    path = Path(target)
    if path.suffix.lower() in FORMATS and not path.is_dir():
        _, only = _only(generated)
        meant = FORMATS[path.suffix.lower()]
        if form not in (None, meant):
            hint = Message("leave out --format, or name the file {name}", name=path.with_suffix(f".{form}").name)
            raise DataError(
                Diagnostic(
                    "K541",
                    Message("the file is named as {suffix} but is to be {format}", suffix=meant, format=form),
                    Place(str(path)),
                    hint,
                )
            )
        return {path: _write(only, path, meant)}
    if path.suffix and not path.is_dir() and not str(target).endswith("/"):
        hint = Message("write {suffixes}, or a folder", suffixes=alternatives(FORMATS))
        raise DataError(
            Diagnostic("K541", Message("unknown file suffix `{suffix}`", suffix=path.suffix), Place(str(path)), hint)
        )
    form = form or "parquet"
    try:
        with folder(path):
            return {(file := path / f"{name}.{form}"): _write(item, file, form) for name, item in generated.items()}
    except OSError as error:
        raise DataError(_unwritable(path, error)) from None


def chosen(sample: Sample, dataset: str | None = None) -> dict[str, Generated]:
    """Return the datasets of a sample, or only the named one."""
    generated = sample.datasets()
    if dataset is not None and dataset not in generated:
        hint = suggest(dataset, generated) or Message("there is {datasets}", datasets=tuple(generated))
        raise DataError(Diagnostic("K204", Message("unknown dataset `{dataset}`", dataset=dataset), hint=hint))
    return {dataset: generated[dataset]} if dataset is not None else generated


def write_stream(sample: Sample, stream: IO[bytes], dataset: str | None = None) -> int:
    """Write one dataset as CSV to a stream of bytes, and return its number of rows."""
    name, only = _only(chosen(sample, dataset))
    with progress.stage(Message("writing {dataset}", dataset=name), only.rows):
        return _csv(only, stream)


def _only(generated: dict[str, Generated]) -> tuple[str, Generated]:
    if len(generated) != 1:
        hint = Message("name one with --dataset, or write into a folder: -o sample/")
        message = Message(
            "the system has {datasets}, which one file cannot hold: {names}",
            datasets=count(len(generated), "dataset"),
            names=tuple(generated),
        )
        raise DataError(Diagnostic("K560", message, hint=hint))
    return next(iter(generated.items()))


def _write(generated: Generated, path: Path, form: str) -> int:
    try:
        with replacing(path) as temporary, progress.stage(Message("writing {file}", file=path), generated.rows):
            if form == "csv":
                with temporary.open("xb") as stream:
                    return _csv(generated, stream)
            return _parquet(generated, temporary)
    except (OSError, pl.exceptions.ComputeError) as error:
        raise DataError(_unwritable(path, error)) from None


def _csv(generated: Generated, stream: IO[bytes]) -> int:
    rows = 0
    for number, batch in enumerate(generated.batches()):
        text = batch.with_columns(_plain(pl.col(name)) for name, kind in batch.schema.items() if kind == pl.Float64)
        text.write_csv(stream, include_header=not number)
        rows += batch.height
        progress.advance(batch.height)
    return rows


def _plain(value: pl.Expr) -> pl.Expr:
    """Format figures without trailing decimals: 12 rather than 12.0."""
    return pl.when(value == value.round()).then(value.cast(pl.Int64).cast(pl.String)).otherwise(value.cast(pl.String))


def _parquet(generated: Generated, path: Path) -> int:
    from polars.io.plugins import register_io_source

    rows = 0
    # Polars consumes the batches in its own thread, which does not inherit the context of the progress display.
    watching = copy_context()

    def batches(
        _columns: list[str] | None, _where: pl.Expr | None, _rows: int | None, _size: int | None
    ) -> Iterator[pl.DataFrame]:
        nonlocal rows
        for batch in generated.batches():
            rows += batch.height
            watching.run(progress.advance, batch.height)
            yield batch

    schema = next(generated.batches()).schema
    register_io_source(batches, schema=schema).sink_parquet(path, row_group_size=2 * BATCH, maintain_order=True)
    return rows


def _unwritable(path: Path, error: Exception) -> Diagnostic:
    hint = Message("make room, ask for less, or choose a place where you may write")
    return Diagnostic(
        "K540",
        Message("cannot write `{path}`: {error}", path=path, error=reason(error)),
        Place(str(path)),
        hint,
    )
