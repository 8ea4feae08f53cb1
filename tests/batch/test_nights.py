"""Nights: what is scored again, what readers see, and that any night can be computed again."""

from __future__ import annotations

import polars as pl
import pytest

import kpi
from kpi.batch.batch_run import archive_of, run, store_of
from kpi.batch.config import load
from kpi.batch.replay import again, verified
from kpi.batch.store.base import TABLES, Change, Run
from kpi.errors import DataError


def night(config, **options):
    return run(load(config), **options)


def held(config, number=None):
    return {table: store_of(load(config)).read(table, number=number) for table in TABLES}


def same(first, second):
    return all(first[table].equals(second[table], null_equal=True) for table in TABLES)


def check(config):
    some = load(config)
    (item,) = verified(store_of(some), archive_of(some))
    assert not item.findings, item.findings
    assert item.values > 500


def test_the_store_holds_what_kpi_score_gives(city, store):
    config = city.config(store=store)
    result = night(config)
    assert result.failed == []
    card = kpi.score(sorted((city.folder / "inbox").glob("*.csv")), system=city.folder / "small.yaml")
    there = held(config)
    keys = ["period", "entity"]
    stored = there["totals"].sort(keys)
    for column in ("score", "raw_score", "stars", "rank", "status"):
        mine = card.totals.sort(keys)[column].cast(stored[column].dtype)
        assert mine.equals(stored[column], null_equal=True), column
    for table in TABLES[:-1]:
        reports = table != "quality" or table in card.extras
        assert there[table].height == (getattr(card, table).height if reports else 0), table
    assert there["findings"].height == card.findings.height


def test_a_night_without_news_scores_nothing_and_changes_no_row(city, store):
    config = city.config(store=store)
    night(config)
    before = held(config)
    again_ = night(config)
    assert [item.status for item in again_.outcomes] == ["unchanged"]
    assert again_.run.number == 2
    assert same(before, held(config))


def test_a_correction_scores_again_what_depends_on_it_and_nothing_else(city, store):
    config = city.config(store=store)
    night(config)
    city.correct("2022Q2")
    result = night(config)
    # The quarter itself, the changes of rank after it, the growth a year later, and the changes of rank after that.
    assert result.outcomes[0].scored == ("2022Q2", "2022Q3", "2023Q2", "2023Q3")
    check(config)


def test_a_milestone_is_looked_at_from_the_corrected_quarter_on(city):
    config = city.config()
    night(config)
    file = city.folder / "inbox" / "2022Q3.csv"
    file.write_text(file.read_text("utf-8").replace("方案出台,是", "方案出台,否", 1), "utf-8")
    result = night(config)
    assert result.outcomes[0].scored == ("2022Q3", "2022Q4", "2023Q1", "2023Q2", "2023Q3", "2023Q4")
    check(config)


def test_night_after_night_comes_to_the_same_bits_as_one_night(city, store, tmp_path):
    config = city.config(store=store)
    late = {name: (city.folder / "inbox" / name).read_bytes() for name in ("2022Q1.csv", "2023Q3.csv", "2023Q4.csv")}
    for name in late:
        (city.folder / "inbox" / name).unlink()
    night(config)
    for name, data in late.items():
        (city.folder / "inbox" / name).write_bytes(data)
        night(config)
    city.correct("2021Q4")
    night(config)
    check(config)
    before = held(config)
    night(config, everything=True)
    assert same(before, held(config))


def test_an_earlier_night_can_be_read_and_computed_again(city, store):
    config = city.config(store=store)
    night(config)
    first = held(config)
    city.correct("2022Q2")
    night(config)
    assert not same(first, held(config))
    assert same(first, held(config, number=1))
    some = load(config)
    there = store_of(some)
    old = (
        again(there.run(1), "small", archive_of(some)).totals.filter(entity="甲县", period="2022Q2")["raw_score"].item()
    )
    stored = first["totals"].filter(entity="甲县", period="2022Q2")["raw_score"].item()
    assert old == stored
    assert not next(verified(there, archive_of(some), 1)).findings


def test_a_comment_in_the_definition_changes_nothing_and_a_target_changes_all(city):
    config = city.config()
    night(config)
    file = city.folder / "small.yaml"
    file.write_text("# 说明\n" + file.read_text("utf-8"), "utf-8")
    assert night(config).outcomes[0].scored == ()
    file.write_text(file.read_text("utf-8").replace("at_least: 300", "at_least: 290"), "utf-8")
    assert len(night(config).outcomes[0].scored) == 12
    check(config)


def test_a_quarter_that_leaves_the_inputs_leaves_the_store_and_is_reported(city, store):
    config = city.config(store=store)
    night(config)
    (city.folder / "inbox" / "2023Q4.csv").unlink()
    result = night(config)
    assert result.outcomes[0].removed == ("2023Q4",)
    assert "K823" in {item.code for item in result.findings}
    assert "2023Q4" not in held(config)["totals"]["period"]
    check(config)


def test_last_n_leaves_older_corrections_pending_until_they_are_asked_for(city):
    config = city.config('periods = "last 2"')
    night(config)
    assert set(held(config)["totals"]["period"]) == {"2023Q3", "2023Q4"}
    config = city.config('periods = ["2021Q1"]')
    assert night(config).outcomes[0].scored == ("2021Q1",)
    config = city.config()
    assert len(night(config).outcomes[0].scored) == 9
    check(config)


def test_one_bad_system_does_not_stop_the_others(city, store):
    two = """
    [[source]]
    system = "broken.yaml"
    data = "inbox/*.csv"
    [[source]]
    system = "small.yaml"
    data = "inbox/*.csv"
    """
    (city.folder / "broken.yaml").write_text("system: broken\nperiod: decade\n", "utf-8")
    config = city.config(two, store=store)
    result = night(config)
    assert [item.status for item in result.outcomes] == ["failed", "scored"]
    assert held(config)["totals"].height == 36


def test_stopping_at_the_first_failure_publishes_nothing(city):
    sources = [f'[[source]]\nsystem = "{name}.yaml"\ndata = "inbox/*.csv"' for name in ("none", "small")]
    config = city.config("\n".join(sources))
    assert night(config, stop=True).run is None
    assert store_of(load(config)).head() is None


@pytest.mark.parametrize(("gate", "code"), [("max_findings = 0", "K820"), ("fail_under = 100", "K821")])
def test_a_gate_keeps_a_bad_night_from_the_store(city, store, gate, code):
    config = city.config(store=store)
    night(config)
    before = held(config)
    # 癸县 is in no roster; 丁县 is in the roster and has no figures.
    file = city.folder / "inbox" / "2023Q4.csv"
    file.write_text(file.read_text("utf-8").replace("甲县", "癸县"), "utf-8")
    (city.folder / "roster.csv").write_text((city.folder / "roster.csv").read_text("utf-8") + "丁县,330104\n", "utf-8")
    result = night(city.config(gate, store=store))
    assert result.failed == ["small"]
    assert code in {item.code for item in result.findings}
    assert same(before, held(config))


def test_a_source_that_is_gone_keeps_the_last_results(city):
    config = city.config()
    night(config)
    before = held(config)
    for file in (city.folder / "inbox").iterdir():
        file.unlink()
    result = night(config)
    assert result.failed == ["small"]
    assert "K501" in {item.code for item in result.findings}
    assert same(before, held(config))


def test_old_runs_are_forgotten_and_kept_ones_still_verify(city, store):
    text = store.replace('store = "store"', 'store = {path = "store"}').replace("}", ", keep = 2}")
    config = city.config(store=text)
    for quarter in ("2021Q2", "2022Q2", "2023Q1"):
        night(config)
        city.correct(quarter)
    night(config)
    there = store_of(load(config))
    assert there.numbers() == [3, 4]
    with pytest.raises(DataError, match="K811"):
        there.run(1)
    with pytest.raises(DataError, match="K811"):
        there.read("totals", number=1)
    for number in (3, 4):
        assert not next(verified(there, archive_of(load(config)), number)).findings
    named = {
        sha
        for n in (3, 4)
        for e in there.run(n).state["systems"].values()
        for sha in e["inputs"]["definition"].values()
    }
    kept = {item.name for item in archive_of(load(config)).folder.glob("??/*")}
    assert named <= kept
    assert len(kept) == 2 + len(
        {item["sha256"] for n in (3, 4) for item in there.run(n).state["systems"]["small"]["inputs"]["data"]}
    )


def test_verification_finds_a_changed_figure_in_the_store(city, store):
    config = city.config(store=store)
    night(config)
    some = load(config)
    there = store_of(some)
    run = there.head()
    totals = there.read("totals").filter(period="2022Q2").with_columns(pl.col("raw_score") + 1e-12)
    with there.lock(0):
        there.publish(Run(2, run.manifest, run.state), [Change("totals", "small", ("2022Q2",), totals)])
    (actual,) = verified(there, archive_of(some))
    assert [item.code for item in actual.findings] == ["K827"]
    assert "`raw_score` differ" in actual.findings[0].message


def test_verification_finds_a_changed_input(city):
    config = city.config()
    night(config)
    some = load(config)
    sha = store_of(some).head().state["systems"]["small"]["inputs"]["data"][0]["sha256"]
    archive_of(some).place(sha).write_text("期别,地区,指标,数值\n")
    with pytest.raises(DataError, match="K814"):
        list(verified(store_of(some), archive_of(some)))


def test_an_explanation_alone_answers_a_query_of_a_past_night(city):
    file = city.folder / "inbox" / "2023Q4-late.csv"
    row = "2023Q4,甲县,产值,900,亿元,1,"
    file.write_text(f"期别,地区,指标,数值,单位,修订,说明\n{row}\n", "utf-8")
    config = city.config()
    night(config)
    assert held(config)["findings"].filter(code="K701", period="2023Q4").height == 1
    file.write_text(f"期别,地区,指标,数值,单位,修订,说明\n{row}新厂投产\n", "utf-8")
    night(config)
    codes = held(config)["findings"].filter(pl.col("code").str.starts_with("K70"), period="2023Q4")["code"].to_list()
    assert codes == ["K703"]
    check(config)


def treated(city):
    text = (city.folder / "small.yaml").read_text("utf-8")
    (city.folder / "small.yaml").write_text(text + "treatment: {gaps: {kind: impute, by: median}}\n", "utf-8")
    file = city.folder / "inbox" / "2022Q2.csv"
    file.write_text("\n".join(file.read_text("utf-8").splitlines()[:-3]) + "\n", "utf-8")


def test_treated_cells_and_weights_are_stored_and_leave_with_the_treatment(city, store):
    plain = (city.folder / "small.yaml").read_text("utf-8")
    treated(city)
    config = city.config(store=store)
    night(config)
    cells = held(config)["treated"]
    touched = cells.filter(period="2022Q2").select("entity", "indicator", "before").rows()
    assert touched == [("丙县", "growth", None), ("丙县", "length", None)]
    assert held(config)["weights"].filter(period="2022Q2", node="建设")["weight"].to_list() == pytest.approx(
        [200 / 3, 100 / 3]
    )
    check(config)
    (city.folder / "small.yaml").write_text(plain, "utf-8")
    night(config)
    assert held(config)["treated"].height == 0
    check(config)
