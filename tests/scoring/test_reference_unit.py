"""A unit that the others are compared with: where it is, where it is not, and under which name."""

from __future__ import annotations

import polars as pl
import pytest
import yaml
from scoring_sample import system_text

from kpi.session import score


def system(folder, *, by="ratio", unit="全市", **entities):
    rule = {"kind": "reference", "unit": unit, "by": by}
    document = yaml.safe_load(system_text(["a"], scoring=rule, pillars={"总": {"parts": ["a"]}}))
    document["entities"] |= entities
    file = folder / "system.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
    return file


ROWS = [(2022, "全市", 4.0), (2022, "甲县", 2.0), (2022, "乙县", 8.0)]


def data(rows=ROWS):
    return pl.DataFrame(
        [(str(period), who, "m_a", value) for period, who, value in rows],
        schema={"period": pl.String, "entity": pl.String, "measure": pl.String, "value": pl.Float64}, orient="row",
    )  # fmt: skip


def scores(card):
    return dict(card.indicators.select("entity", "score").iter_rows())


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet", "frame"])
def test_files_of_any_format_and_rows_in_any_order(tmp_path, kind):
    frames = data(), data(ROWS[::-1])
    for number, frame in enumerate(frames):
        source: object = frame
        if kind != "frame":
            source = tmp_path / f"{number}.{kind}"
            {"csv": frame.write_csv, "xlsx": frame.write_excel, "parquet": frame.write_parquet}[kind](source)
        card = score(source, system=system(tmp_path, keep=["全市"]))
        assert scores(card) == {"全市": 100, "甲县": 50, "乙县": 200}
        assert not [item for item in card.findings_list if item.code == "K656"]


def test_a_total_that_is_left_out_is_no_reference(tmp_path):
    card = score(data(), system=system(tmp_path))
    [finding] = [item for item in card.findings_list if item.code == "K656"]
    assert "keep" in str(finding.hint)
    assert set(card.indicators["score_status"]) == {"no_baseline"}


def test_a_name_that_is_not_there_is_an_error_and_nobody_has_a_score(tmp_path):
    card = score(data(), system=system(tmp_path, unit="甲区", keep=["全市"]))
    assert [str(item.severity) for item in card.findings_list if item.code == "K656"] == ["error"]
    assert set(card.indicators["score_status"]) == {"no_baseline"}
    assert card.totals["score"].null_count() == 3


def test_the_reference_is_known_by_its_code_and_in_another_cohort(tmp_path):
    (tmp_path / "roster.csv").write_text(
        "code,name,类别\n330400,嘉兴市,市\n330402,南湖区,区\n330411,秀洲区,区\n", "utf-8"
    )
    rows = [(2022, "嘉兴市", 4.0), (2022, "南湖区", 2.0), (2022, "秀洲区", 8.0)]
    document = yaml.safe_load(system(tmp_path, unit="330400", by="range", roster="roster.csv").read_text("utf-8"))
    document["ranking"] = {"cohort": "类别"}
    (tmp_path / "system.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), "utf-8")
    card = score(data(rows), system=tmp_path / "system.yaml")
    # The peers are the districts, the worst of which has 2; the reference is another cohort.
    assert scores(card) == {"嘉兴市": 100, "南湖区": 0, "秀洲区": 300}


@pytest.mark.parametrize(("reference", "status"), [(0.0, "zero_baseline"), (-4.0, "negative_baseline")])
def test_a_reference_that_no_ratio_can_be_formed_with(tmp_path, reference, status):
    card = score(data([(2022, "全市", reference), *ROWS[1:]]), system=system(tmp_path, keep=["全市"]))
    assert set(card.indicators["score_status"]) == {status}


def test_equal_values_are_at_the_reference(tmp_path):
    rows = [(2022, who, 4.0) for who in ("全市", "甲县", "乙县")]
    for by in ("ratio", "range", "adjusted"):
        assert set(scores(score(data(rows), system=system(tmp_path, by=by, keep=["全市"]))).values()) == {100}


def test_a_single_period_has_the_scores_of_all(tmp_path):
    rows = [*ROWS, (2023, "全市", 5.0), (2023, "甲县", 5.0), (2023, "乙县", 1.0)]
    file = system(tmp_path, keep=["全市"])
    together, alone = score(data(rows), system=file), score(data(rows), system=file, period="2023")
    assert scores(alone) == dict(together.indicators.filter(period="2023").select("entity", "score").iter_rows())
