"""The library: a compiled system, contents of files with a name, and what results can be had as."""

from __future__ import annotations

import io
import json
import multiprocessing
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest

import kpi

SAMPLE = Path(__file__).parents[2] / "sample_data/jiaxing-2022"
SYSTEM = {
    "system": "small", "period": "quarter", "entities": {},
    "measures": {"all": {"title": "办件量", "unit": "件"}, "online": {"title": "网上办件量", "unit": "件"}},
    "indicators": {
        "rate": {"kind": "ratio", "numerator": "online", "denominator": "all", "unit": "%", "score": {"kind": "minmax"}}
    },
    "pillars": {"p": {"weight": 1, "parts": {"rate": 1}}},
}  # fmt: skip
ROWS = {
    "期别": [f"2023Q{1 + at % 4}" for at in range(36)], "地区": [f"县{at // 4}" for at in range(36)],
    "办件量": [200 + at * at for at in range(36)], "网上办件量": [100 + at for at in range(36)],
}  # fmt: skip


def bits(card: kpi.Scorecard) -> list[tuple[object, ...]]:
    frames = (card.totals, card.indicators, card.measures)
    return [
        row for frame in frames for row in frame.with_columns(pl.col(pl.Float64).reinterpret(dtype=pl.UInt64)).rows()
    ]


def test_a_scorer_gives_what_scoring_gives():
    scorer = kpi.compile(SYSTEM)
    frame = pl.DataFrame(ROWS)
    assert bits(scorer.score(frame)) == bits(kpi.score(frame, system=SYSTEM))
    assert scorer.score(frame, period="2023Q2").periods == ["2023Q2"]
    assert scorer.plan is scorer.plan


def test_a_scorer_is_immutable_equal_and_pickled_without_its_plan():
    scorer = kpi.compile("jiaxing-2022")
    with pytest.raises(AttributeError):
        scorer.system = kpi.load("jiaxing-2022")  # type: ignore[misc]
    twin = pickle.loads(pickle.dumps(scorer))  # noqa: S301 - its own
    assert twin == scorer == kpi.compile("jiaxing-2022")
    assert repr(twin) == "<Scorer of jiaxing-2022: 77 indicators>"


def test_a_system_with_errors_is_not_compiled():
    with pytest.raises(kpi.DefinitionError) as caught:
        kpi.compile(SYSTEM | {"indicators": {"rate": {"kind": "level", "of": "absent"}}})
    assert [finding.code for finding in caught.value.diagnostics] == ["K201"] or caught.value.diagnostics


@pytest.mark.parametrize(
    "give",
    [
        lambda: pl.DataFrame(ROWS),
        lambda: pl.DataFrame(ROWS).lazy(),
        lambda: pl.DataFrame(ROWS).to_pandas(),
        lambda: pa.table(ROWS),
        lambda: pa.table(ROWS).to_reader(),
        lambda: duckdb.from_arrow(pa.table(ROWS)),
        lambda: ROWS,
        lambda: kpi.NamedFile("rows.csv", pl.DataFrame(ROWS).write_csv().encode()),
        lambda: kpi.NamedFile("rows.csv", pl.DataFrame(ROWS).write_csv().encode("gb18030")),
        lambda: [kpi.NamedFile("rows.parquet", _parquet())],
    ],
    ids=["polars", "lazy", "pandas", "arrow", "stream", "duckdb", "mapping", "csv", "gb18030", "parquet"],
)  # fmt: skip
def test_rows_are_taken_from_whatever_holds_them(give):
    scorer, expected = kpi.compile(SYSTEM), kpi.score(pl.DataFrame(ROWS), system=SYSTEM)
    assert bits(scorer.score(give())) == bits(expected)
    declared = SYSTEM | {"datasets": {"reports": {"form": "panel"}}}
    assert bits(kpi.score((), system=declared, data={"reports": give()})) == bits(expected)


def _parquet() -> bytes:
    stream = io.BytesIO()
    pl.DataFrame(ROWS).write_parquet(stream)
    return stream.getvalue()


# ---- CONTENTS OF FILES ---- #


def test_contents_of_files_are_named_as_they_were_given(tmp_path):
    text = "期别,地区,办件量,网上办件量\n2023Q1,甲县,x,1\n2023Q1,乙县,2,1\n"
    path = tmp_path / "上报 1.csv"
    path.write_text(text, "utf-8")
    scorer = kpi.compile(SYSTEM)
    of_path = scorer.score(path).findings_list
    with path.open("rb") as file:
        of_file = scorer.score(file).findings_list
    of_bytes = scorer.score(kpi.NamedFile("sub/上报 1.csv", text.encode())).findings_list
    assert [finding.without(f"{tmp_path}/") for finding in of_path] == list(of_bytes) == list(of_file)
    assert of_bytes
    assert {finding.place.file for finding in of_bytes if finding.place.file} == {"上报 1.csv"}


def test_two_contents_of_one_name_are_two_files():
    first = kpi.NamedFile("a.csv", "期别,地区,办件量,网上办件量\n2023Q1,甲县,4,1\n".encode())
    second = kpi.NamedFile("a.csv", "期别,地区,办件量,网上办件量\n2023Q1,乙县,2,1\n".encode())
    card = kpi.score([first, second], system=SYSTEM)
    assert card.indicators["value"].to_list() == [50.0, 25.0]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nothing", b"\x00" * 100, "期别,地区\n".encode(), b"a,b\n1,2\n"])
def test_what_is_wrong_with_a_content_is_said_under_its_name(content, tmp_path):
    with pytest.raises(kpi.DataError) as caught:
        kpi.score(kpi.NamedFile("up.xlsx", content), system=SYSTEM)
    assert all(finding.place.file == "up.xlsx" for finding in caught.value.diagnostics)
    assert "kpi-" not in "".join(f"{item}{item.hint}" for item in caught.value.diagnostics)
    assert [item.code for item in kpi.compile(SYSTEM).check(kpi.NamedFile("up.xlsx", content))] == [
        item.code for item in caught.value.diagnostics
    ]


def test_no_content_stays_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    kpi.score(kpi.NamedFile("rows.csv", pl.DataFrame(ROWS).write_csv().encode()), system=SYSTEM)
    with pytest.raises(kpi.DataError):
        kpi.score(kpi.NamedFile("rows.csv", b"a,b\n1,2\n"), system=SYSTEM)
    assert list(tmp_path.iterdir()) == []


def test_corrected_figures_name_the_content():
    text = "期别,地区,办件量,网上办件量,修订\n2023Q1,甲县,4,1,\n2023Q1,甲县,5,1,1\n"
    card = kpi.score(kpi.NamedFile("a.csv", text.encode()), system=SYSTEM)
    assert set(card.restated["file"]) == {"a.csv"}


# ---- RESULTS ---- #


def test_results_are_had_in_the_types_of_other_libraries():
    card = kpi.score(pl.DataFrame(ROWS), system=SYSTEM)
    for name, frame in (card.frames | card.extras).items():
        assert card.to_dicts(name) == frame.to_dicts()
        assert pl.DataFrame(card.to_arrow(name)).cast(frame.schema).equals(frame)
        assert card.to_pandas(name).shape == frame.shape
    assert card.to_dicts()[0]["status"] == "ok"
    with pytest.raises(kpi.DataError, match="there is no frame `total`") as caught:
        card.to_dicts("total")
    assert "totals" in str(caught.value.diagnostics[0].hint)


def test_every_result_is_written(tmp_path):
    card, other = (kpi.score(pl.DataFrame(ROWS), system=SYSTEM, period=period) for period in ("2023Q4", "2023Q3"))
    whole = kpi.score(pl.DataFrame(ROWS), system=SYSTEM)
    difference = kpi.diff(whole, kpi.what_if(whole, {"县1.rate": 5}))
    assert repr(difference) == "<Difference of small: 8 totals, 8 indicators and 0 figures changed>"
    assert json.loads(kpi.content(difference, "json"))["schema"] == "kpi.diff/1"
    assert json.loads(kpi.content(kpi.stress(pl.DataFrame(ROWS), system=SYSTEM, runs=20), "json"))
    assert kpi.write(card, tmp_path / "card.xlsx")[0].stat().st_size > 1000
    assert kpi.write(card.definition, tmp_path / "method.md")[0].read_text("utf-8")
    assert kpi.bulletin(whole, tmp_path / "bulletin.md", period="2023Q3")[0].read_text("utf-8")
    assert kpi.explain(other, "县1").score == other.totals.filter(pl.col("entity") == "县1")["score"].item()
    with pytest.raises(kpi.DataError, match="K541"):
        kpi.content(card, "nothing")


# ---- THREADS AND PROCESSES ---- #


def test_threads_share_a_scorer():
    scorer, frame = kpi.compile(SYSTEM), pl.DataFrame(ROWS)
    expected, start = bits(scorer.score(frame)), threading.Barrier(32)

    def scored(_: int) -> bool:
        start.wait()
        return all(bits(scorer.score(frame)) == expected for _ in range(3))

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(scored, range(32)))


def _scored(scorer: kpi.Scorer) -> list[tuple[object, ...]]:
    return bits(scorer.score(pl.DataFrame(ROWS)))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_worker_processes_give_the_same_bits(method):
    scorer = kpi.compile(SYSTEM)
    expected = _scored(scorer)
    with ProcessPoolExecutor(8, multiprocessing.get_context(method)) as pool:
        assert all(result == expected for result in pool.map(_scored, [scorer] * 16))


# ---- EVENT LOOPS ---- #
