"""Synthetic data: the same bytes for a seed, scored without errors by every system, in constant memory."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import cache
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kpi
from kpi.errors import DataError, Severity
from kpi.intake.synthetic.events import literals
from kpi.intake.synthetic.files import Sample, chosen, write
from kpi.language.loading import catalogue
from kpi.language.loading.loader import examine_text
from kpi.language.system import System
from tests.cli.command import kpi as run

ROOT = Path(__file__).parents[1]
SYSTEMS = sorted(path.stem for path in (ROOT / "definitions").glob("*.yaml"))

FINER = """\
system: finer
period: month
entities: {title: 县}
datasets:
  reports: {form: reported, columns: {entity: 所属地}}
  visits: {form: records, columns: {period: 就诊日, entity: 所属地}}
measures:
  rate: {title: 满意度, unit: '%', per: 村}
  output: {title: 产值, unit: 亿元}
  old: {title: 老年人数, unit: 人, where: "年龄段 = '老年'"}
  visits: {kind: count, from: visits, unit: 次, where: "科室 LIKE '内%' AND 费用 BETWEEN 50 AND 100"}
  people: {kind: distinct, from: visits, of: 就诊人, unit: 人}
  wait: {kind: quantile, from: visits, of: 等待, unit: 分钟, q: 0.9}
indicators:
  good: {kind: count, of: rate, passes: '>= 70', as: share}
  total: {kind: level, of: output}
  share: {kind: level, of: old}
  many: {kind: level, of: visits}
  who: {kind: level, of: people}
  long: {kind: level, of: wait}
"""


@cache
def system(name: str) -> System:
    return catalogue.load(ROOT / "definitions" / f"{name}.yaml")


def finer() -> System:
    result = examine_text(FINER).system
    assert result is not None
    return result


def errors(card):
    return [item for item in card.findings_list if item.severity is Severity.ERROR]


@pytest.mark.parametrize("flaws", [pytest.param(False, marks=pytest.mark.slow), True], ids=["clean", "flaws"])
@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_scores_its_sample_without_errors(name, flaws, tmp_path):
    files = write(Sample(system(name), flaws=flaws), tmp_path, form="csv" if flaws else "parquet")
    card = kpi.score(list(files), system=system(name))
    assert not errors(card)
    assert card.counts["read"] >= sum(files.values())
    assert not card.counts["refused"]
    assert card.totals["score"].is_not_null().mean() > 0.2


def test_what_per_where_and_every_kind_of_measure_read_is_there(tmp_path):
    files = write(Sample(finer(), entities=5, periods=3, rows=20_000), tmp_path)
    card = kpi.score(list(files), system=finer())
    assert not errors(card)
    assert card.indicators.height == 6 * 5 * 3
    values = {name: part["value"] for (name,), part in card.indicators.group_by("indicator")}
    assert all(value.is_not_null().all() for name, value in values.items() if name != "share")
    assert values["many"].sum() > 0
    assert 0 < values["good"].mean() < 100
    assert 0 < values["share"].count() < 15  # the condition is met in some rows, not in all


def test_conditions_are_met_sometimes(tmp_path):
    # Every filtered count of the shipped systems finds some of the rows and leaves some.
    for name in ("jiaxing-2022", "execution-index", "service-reviews"):
        of = system(name)
        card = kpi.score(list(write(Sample(of, rows=5000), tmp_path / name)), system=of)
        counted = {key: item for key, item in of.measures.items() if item.kind == "count" and item.where}
        for key, item in counted.items():
            met = card.measures.filter(pl.col("measure") == key)["value"].sum()
            assert met > 0, (name, item.where)
            assert met < 5000 or item.where == "星级 >= 1", (name, item.where)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(form, tmp_path, monkeypatch):
    monkeypatch.setattr("kpi.intake.synthetic.files.BATCH", 1000)

    def digests(folder, seed):
        files = write(Sample(system("service-reviews"), rows=2500, seed=seed, flaws=True), tmp_path / folder, form=form)
        return [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]

    first = digests("a", 5)
    assert first == digests("b", 5)
    assert set(first).isdisjoint(digests("c", 6))


@pytest.mark.slow
def test_the_bytes_do_not_depend_on_the_threads(tmp_path):
    item, two = tmp_path / "one", tmp_path / "two"
    arguments = ["sample", "jiaxing-2022", "--rows", "140000", "-q", "-o"]
    for folder, threads in ((item, "1"), (two, "2")):
        command = ["env", f"POLARS_MAX_THREADS={threads}", sys.executable, "-m", "kpi", *arguments, folder]
        subprocess.run(command, cwd=ROOT, check=True)
    assert (item / "items.parquet").read_bytes() == (two / "items.parquet").read_bytes()


def test_a_row_does_not_depend_on_how_many_there_are():
    few, many = (chosen(Sample(system("jiaxing-2022"), rows=rows), "items")["items"] for rows in (1000, 200_000))
    assert next(few.batches()).equals(next(many.batches()).head(1000))


def test_flaws_are_blanks_corrections_and_other_units(tmp_path):
    files = write(Sample(system("tongxiang-2022"), flaws=True), tmp_path)
    (frame,) = (pl.read_parquet(file) for file in files)
    assert 0 < frame["数值"].is_null().sum() < 50
    assert 0 < (frame["修订"] == 1).sum() < 50
    clean = pl.read_parquet(*write(Sample(system("tongxiang-2022")), tmp_path / "clean"))
    assert frame["计量单位"].n_unique() >= clean["计量单位"].n_unique()
    values = kpi.score(list(files), system=system("tongxiang-2022")).measures
    assert values["status"].cast(pl.String).value_counts().filter(status="missing")["count"].sum() > 0


@pytest.mark.parametrize(
    ("asked", "code"),
    [({"entities": 3000}, "K560"), ({"last": "明年"}, "K606"), ({"periods": 3000}, "K606")],
)
def test_what_cannot_be_made_is_said(asked, code, tmp_path):
    with pytest.raises(DataError) as caught:
        write(Sample(system("jiaxing-2022"), **asked), tmp_path)
    assert [item.code for item in caught.value.diagnostics] == [code]


def test_more_entities_than_fit_are_refused_before_they_are_named(tmp_path):
    with pytest.raises(DataError, match=r"K570.*a sample of 1,000,000,000,000 entities needs"):
        write(Sample(finer(), entities=10**12), tmp_path)


def test_a_file_is_of_the_form_that_its_name_says(tmp_path):
    with pytest.raises(DataError, match=r"K541.*named as parquet but is to be csv"):
        write(Sample(system("service-reviews"), rows=10), tmp_path / "r.parquet", form="csv")
    assert not list(tmp_path.iterdir())
    assert write(Sample(system("service-reviews"), rows=10), tmp_path / "r.csv", form="csv")


def test_rows_are_those_of_records(tmp_path):
    with pytest.raises(DataError, match="K560"):
        write(Sample(system("smart-communities"), rows=100), tmp_path)


def test_one_file_does_not_hold_two_datasets(tmp_path):
    with pytest.raises(DataError, match="K560"):
        write(Sample(system("jiaxing-2022")), tmp_path / "all.csv")
    assert not list(tmp_path.iterdir())
    assert write(Sample(system("jiaxing-2022"), rows=10), tmp_path / "one.csv", dataset="items") == {
        tmp_path / "one.csv": 10
    }


def test_the_command_writes_files_or_a_stream(tmp_path):
    done = run("sample", "service-reviews", "--rows", "50", "-o", tmp_path / "r.csv", findings=False)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith(f"Wrote {tmp_path / 'r.csv'} (50 rows) in ")
    streamed = run("sample", "service-reviews", "--rows", "50", findings=False)
    assert streamed.out.encode() == (tmp_path / "r.csv").read_bytes()
    assert streamed.err == ""
    assert run("sample", "service-reviews", "-q", "-o", tmp_path / "q.parquet", findings=False).err == ""
    binary = run("sample", "service-reviews", "-f", "parquet")
    assert (binary.code, binary.out, [item["code"] for item in binary.findings]) == (2, "", ["K541"])
    wrong = run("sample", "service-review", "-o", tmp_path)
    assert (wrong.code, [item["code"] for item in wrong.findings]) == (2, ["K205"])


@settings(deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=6), st.sampled_from(["<", "<=", "=", ">", ">=", "<>"]))
def test_a_column_holds_numbers_on_both_sides_of_what_it_is_compared_with(numbers, sign):
    pool = literals([f"x {sign} {number}" if number >= 0 else f"x {sign} -{-number}" for number in numbers])["x"]
    values = pl.DataFrame({"x": pool.range()}).select(
        pl.any_horizontal(pl.col("x") <= abs(n) for n in numbers).any(),
        more=pl.any_horizontal(pl.col("x") >= abs(n) for n in numbers).any(),
    )
    assert values.row(0) == (True, True)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path):
    from benchmarks.child import Apart

    peaks = [
        Apart(sampling, {"rows": rows, "file": str(tmp_path / "r.parquet")}).run().peak
        for rows in (2_000_000, 8_000_000)
    ]
    assert peaks[1] < peaks[0] * 1.2


def sampling(rows, file):
    """Write so many events; a contender of `Apart`."""
    return lambda: len(write(Sample(system("service-reviews"), rows=rows), file))
