"""The same table gives the same scorecard, however it is written and sent.

Class of wrong answer: a total that is ranked, a unit that is two by a blank in its name, a figure in another unit, a
row that is counted twice, a heading that is a unit. See `table_variants` for the ways.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

import kpi
from kpi.cli.main import main
from kpi.engine.scorecard import Scorecard
from kpi.errors import Diagnostic, Severity
from kpi.intake.files import chunks, pieces, reader
from kpi.language.loading.loader import examine_text
from tests.soundness.table_variants import (
    FACTS,
    FORMATS,
    FORMS,
    GRAINS,
    OVER,
    PERIODS,
    ROSTER,
    SYSTEM,
    UNITS,
    VARIANTS,
    Delivery,
    Variant,
    plain,
    written,
)  # fmt: skip

#: A file is small, or so large that it is read in pieces.
SIZES = ("small", "large")


def make_files_large(monkeypatch) -> None:
    monkeypatch.setattr(chunks, "LARGE", 100)
    monkeypatch.setattr(chunks, "LOOK", 400)
    monkeypatch.setattr(chunks, "SEARCHED", 4)
    monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 150))


@lru_cache
def system(grain: str, datasets: str = "", *, folder: Path | None = None):
    """The system of a grain; with the roster that stands in a folder, where one is given."""
    text = definition(grain, datasets, roster=folder is not None)
    loaded = examine_text(text, "s.yaml", folder=folder)
    assert loaded.system is not None, loaded.findings
    return loaded.system


def definition(grain: str, datasets: str = "", *, roster: bool) -> str:
    return SYSTEM.format(
        grain=grain, over=OVER[grain], datasets=datasets, roster=", roster: roster.csv" if roster else "",
        cohorts="{乙组: {5: 50, 3: 50}}" if roster else "{}",
    )  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with the roster."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "roster.csv").write_text(ROSTER, "utf-8")
    return folder


def scored(delivery: Delivery, folder: Path, home: Path, *, last: bool = False) -> Scorecard:
    """The scorecard of a delivery; of its last period only, where that is asked for."""
    given = system(delivery.grain, delivery.datasets, folder=home if delivery.roster else None)
    period = PERIODS[delivery.grain][1] if last else None
    return kpi.score(written(delivery, folder), system=given, period=period)


@pytest.fixture(scope="module")
def reference(home, tmp_path_factory):
    """Gives the scorecard of the plain table."""

    @lru_cache
    def of(grain: str, *, roster: bool, last: bool = False) -> Scorecard:
        return scored(plain("wide", "csv", grain, roster=roster), tmp_path_factory.mktemp("plain"), home, last=last)

    return of


def of_data(card: Scorecard) -> list[Diagnostic]:
    """The findings but those that the definition has by itself."""
    return [item for item in card.findings_list if item not in card.definition.warnings]


def results(card: Scorecard) -> dict[str, pl.DataFrame]:
    """What must be the same: everything but where a figure came from."""
    return {
        "totals": card.totals,
        "pillars": card.pillars,
        "indicators": card.indicators,
        "measures": card.measures.drop("rows"),
    }


def same(item: object, other: object, *, exact: bool) -> bool:
    """Whether two cells are the same: to the bit, or where a unit was converted to 1e-12."""
    if isinstance(item, float) and isinstance(other, float) and not exact:
        return math.isclose(item, other, rel_tol=1e-12, abs_tol=1e-12)
    return item == other


def check(card: Scorecard, expected: Scorecard, *, exact: bool = True, warnings: frozenset[str] = frozenset()) -> None:
    reports = [f"{item.code} {item.message}" for item in card.findings_list]
    wanted, got = results(expected), results(card)
    for name, table in wanted.items():
        assert got[name].columns == table.columns
        keys = [column for column in table.columns if table[column].dtype == pl.String]
        assert got[name].select(keys).rows() == table.select(keys).rows(), (name, reports)
        differing = [
            (row, other)
            for row, other in zip(got[name].rows(), table.rows(), strict=True)
            if not all(same(*cells, exact=exact) for cells in zip(row, other, strict=True))
        ]
        assert not differing, (name, differing[:2], reports)
    unwelcome = [item for item in of_data(card) if item.severity is not Severity.INFO and item.code not in warnings]
    assert not unwelcome, reports
    assert not [item for item in card.findings_list if item.severity is Severity.ERROR]
    parts = ("used", "refused", "restated", "repeated", "left_out")
    assert card.counts["read"] == sum(card.counts.get(part, 0) for part in parts), card.counts
    assert card.counts["refused"] == 0


# ---- THE PLAIN TABLE ---- #


@pytest.mark.parametrize("grain", GRAINS)
def test_the_plain_table_is_read_as_it_stands(reference, grain):
    card = reference(grain, roster=False)
    values = {
        (who, PERIODS[grain].index(when), measure): value
        for who, when, measure, value in card.measures.select("entity", "period", "measure", "value").rows()
    }
    assert values == {key: None if value is None else float(value) for key, value in FACTS.items()}
    assert set(card.totals["entity"]) == set(UNITS)
    assert card.totals["score"].null_count() == 0
    assert not of_data(card)


@pytest.mark.parametrize("form", FORMS)
def test_the_table_is_above_the_size_from_which_files_are_read_in_pieces(form, monkeypatch, tmp_path):
    make_files_large(monkeypatch)
    (path,) = written(plain(form, "csv", "quarter", roster=False), tmp_path)
    ((table,),) = reader.read_all([path], unchecked=True)
    assert table.pieces is not None


# ---- EACH VARIANT ALONE ---- #


def cases(*, every: bool) -> list:
    """The variants in every form and format; by turns with and without a roster, or both."""
    result = []
    for at, variant in enumerate(VARIANTS.values()):
        for grain in variant.grains if "period" in variant.excludes else ("quarter",):
            for form in variant.forms:
                for number, (format_, size) in enumerate([(item, "small") for item in FORMATS] + [("csv", "large")]):
                    turns = (at + number) % 2 == 0
                    for roster in (True, False) if every or variant.roster is not None else (turns,):
                        if variant.suits(form, format_, grain, roster=roster):
                            name = "-".join((variant.name, grain, form, format_, size, "roster" if roster else "open"))
                            result.append(pytest.param(variant, grain, form, format_, size, roster, id=name))
    return result


PARTS = ("variant", "grain", "form", "format_", "size", "roster")


def test_there_are_at_least_forty():
    assert len(VARIANTS) >= 40


@pytest.mark.parametrize(PARTS, cases(every=False))
def test_a_variant_alone(reference, home, monkeypatch, tmp_path, variant, grain, form, format_, size, roster):  # noqa: PLR0917
    alone(reference, home, monkeypatch, tmp_path, variant, grain, form, format_, size, roster)


@pytest.mark.slow
@pytest.mark.parametrize(PARTS, cases(every=True))
def test_a_variant_alone_with_and_without_a_roster(  # noqa: PLR0917
    reference, home, monkeypatch, tmp_path, variant, grain, form, format_, size, roster
):
    alone(reference, home, monkeypatch, tmp_path, variant, grain, form, format_, size, roster)


def alone(reference, home, monkeypatch, folder, variant, grain, form, format_, size, roster):  # noqa: PLR0917
    if size == "large":
        make_files_large(monkeypatch)
    delivery = plain(form, format_, grain, roster=roster, seed=7)
    variant.change(delivery)
    check(
        scored(delivery, folder, home), reference(grain, roster=roster), exact=variant.exact, warnings=variant.warnings
    )


# ---- ON THE COMMAND LINE ---- #


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("form", FORMS)
def test_the_exit_code_is_that_of_the_plain_table(tmp_path, form, format_):
    (tmp_path / "s.yaml").write_text(definition("quarter", roster=True), "utf-8")
    (tmp_path / "roster.csv").write_text(ROSTER, "utf-8")
    outcomes = []
    for names in (
        (),
        ("blanks_in_names", "codes_beside_names", "another_unit_in_the_heading", "thousands_separators",
         "rows_in_any_order", "totals_at_the_end", "the_heading_repeated", "given_twice"),
    ):  # fmt: skip
        folder = tmp_path / f"given{len(names)}"
        folder.mkdir()
        delivery = plain(form, format_, "quarter", roster=True)
        for name in names:
            VARIANTS[name].change(delivery)
        files_ = [str(path) for path in written(delivery, folder)]
        out = folder / "out"
        command = ["score", *files_, "-s", str(tmp_path / "s.yaml"), "-o", f"{out}/", "--quiet"]
        done = CliRunner().invoke(main, command)
        totals = pl.read_parquet(out / "totals.parquet").drop("raw_score")
        outcomes.append((done.exit_code, totals.rows()))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] == 0


# ---- A FILE OF MORE THAN 64 MB ---- #


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_really_large(tmp_path, form, encoding):
    given, months = system("month"), [f"2023-{month:02d}" for month in range(1, 13)]
    units, remark = [f"第{at}园区" for at in range(36_000)], "初步核算数" * 16
    wide = pl.DataFrame({"地区": units}).join(pl.DataFrame({"期别": months}), how="cross").with_row_index("at")
    wide = wide.select(
        "期别", "地区",
        pl.col("at").mod(9973).add(5000).truediv(4).alias("地区生产总值"),
        pl.col("at").mod(7919).add(1).cast(pl.Float64).alias("办件量"),
        pl.col("at").mod(101).add(900).truediv(10).alias("满意率"),
        pl.col("at").mod(503).sub(100.0).truediv(8).alias("利润总额"),
    )  # fmt: skip
    titles = wide.columns[2:]
    totals = wide.group_by("期别", maintain_order=True).agg(pl.lit("合　计").alias("地区"), pl.col(titles).sum())
    # Totals among the rows, names with blanks, amounts in 万元.
    half = wide.height // 2
    sent = pl.concat([wide[:half], totals.select(wide.columns), wide[half:]]).with_columns(
        pl.when(pl.int_range(pl.len()) % 3 == 0).then(pl.col("地区").str.replace("园", " 园")).otherwise("地区"),
        pl.col("地区生产总值", "利润总额") * 10_000,
    ).rename({"地区生产总值": "地区生产总值（万元）", "利润总额": "利润总额(万元)"})  # fmt: skip
    if form == "long":
        sent = sent.unpivot(index=["期别", "地区"], variable_name="指标", value_name="数值")
    else:
        sent = sent.with_columns(pl.lit(remark).alias("情况"))
    path = tmp_path / "d.csv"
    lines = sent.write_csv().splitlines(keepends=True)
    lines.insert(len(lines) // 3, lines[0])
    path.write_bytes("".join(lines).encode(encoding))
    assert path.stat().st_size > chunks.LARGE
    wide.write_parquet(tmp_path / "d.parquet")
    card, expected = (kpi.score(item, system=given, period="2023-12") for item in (path, tmp_path / "d.parquet"))
    for name, table in results(expected).items():
        assert_frame_equal(results(card)[name], table, check_exact=False, rel_tol=1e-12, abs_tol=1e-9)
    assert not [item for item in of_data(card) if item.severity is not Severity.INFO]
    assert {"K612", "K615"} <= {item.code for item in card.findings_list}


# ---- SEVERAL TOGETHER ---- #


@st.composite
def deliveries(draw) -> tuple[Delivery, list[Variant], str, bool]:
    """A table, several variants that were done to it and do not exclude each other, the size of its files.

    And whether its last period is scored alone.
    """
    form, grain = draw(st.sampled_from(FORMS)), draw(st.sampled_from(GRAINS))
    format_, size = draw(st.sampled_from([*((item, "small") for item in FORMATS), ("csv", "large")]))
    roster = draw(st.booleans())
    delivery = plain(form, format_, grain, roster=roster, seed=draw(st.integers(0, 99)))
    some = [item for item in VARIANTS.values() if item.suits(form, format_, grain, roster=roster)]
    chosen: list[Variant] = []
    for item in draw(st.lists(st.sampled_from(some), min_size=2, max_size=8, unique_by=lambda item: item.name)):
        if not any(item.excludes & other.excludes for other in chosen):
            chosen.append(item)
    order = list(VARIANTS)
    chosen.sort(key=lambda item: order.index(item.name))
    for item in chosen:
        item.change(delivery)
    return delivery, chosen, size, draw(st.booleans())


def together(reference, home, folder, drawn) -> None:
    delivery, chosen, size, last = drawn
    with pytest.MonkeyPatch.context() as monkeypatch:
        if size == "large":
            make_files_large(monkeypatch)
        card = scored(delivery, folder, home, last=last)
    check(
        card, reference(delivery.grain, roster=delivery.roster, last=last), exact=all(item.exact for item in chosen),
        warnings=frozenset().union(*(item.warnings for item in chosen)),
    )  # fmt: skip


def readable(drawn) -> str:
    delivery, chosen, size, last = drawn
    table = f"{delivery.form} {delivery.format} {size} {delivery.grain}, roster {delivery.roster}, alone {last}"
    return f"{table}: {[item.name for item in chosen]}"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=deliveries())
def test_variants_together(reference, home, tmp_path_factory, drawn):
    note(readable(drawn))
    together(reference, home, tmp_path_factory.mktemp("drawn"), drawn)


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=deliveries())
def test_many_variants_together(reference, home, tmp_path_factory, drawn):
    note(readable(drawn))
    together(reference, home, tmp_path_factory.mktemp("drawn"), drawn)
