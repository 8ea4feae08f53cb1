"""An unchanged file is read once, and what is pieced together from slices is what one reading of all files gives."""

from __future__ import annotations

import json
import random

import pytest
from city import SYSTEM
from test_nights import check, held, night, same

import kpi
from kpi.batch import inputs as module
from kpi.batch.batch_run import archive_of, store_of
from kpi.batch.config import load
from kpi.report.files import write

PLAIN = 'store = "store"'


@pytest.fixture
def reads(monkeypatch):
    """The names of the files that each reading reads."""
    seen: list[list[str]] = []
    kept = module.take_in

    def noted(system, files, *, named=None, **more):
        some = [*files, *(file for group in (named or {}).values() for file in group)]
        seen.append(sorted(file.name for file in some))
        return kept(system, files, named=named, **more)

    monkeypatch.setattr(module, "take_in", noted)
    return seen


def fresh(city):
    """What a store without a past holds after one night."""
    config = city.folder / "fresh.toml"
    place = f"fresh-{len(list(city.folder.glob('fresh-*')))}"
    text = f'store = "{place}"\n[[source]]\nsystem = "small.yaml"\ndata = "inbox/*.csv"\n'
    config.write_text(text, "utf-8")
    result = night(config)
    assert result.failed == [], result.findings
    return held(config)


def put(city, name, *rows):
    lines = ["期别,地区,指标,数值,单位,修订,说明,报送单位", *(f"{row},{row.split(chr(44))[1]}统计局" for row in rows)]
    (city.folder / "inbox" / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")


def test_only_the_changed_file_is_read(city, reads):
    config = city.config(store=PLAIN)
    night(config)
    assert sorted(reads) == [[f"{year}Q{quarter}.csv"] for year in (2021, 2022, 2023) for quarter in (1, 2, 3, 4)]
    reads.clear()
    city.correct("2022Q2")
    night(config)
    assert reads == [["2022Q2.csv"]]
    assert same(held(config), fresh(city))
    check(config)


def test_files_that_know_of_one_another_are_read_together(city, reads):
    config = city.config(store=PLAIN)
    put(city, "late", "2022Q2,甲县,产值,131,亿元,1,更正", "2022Q3,甲县,产值,132,亿元,1,")
    put(city, "so-far", "2021年1-9月,乙县,产值,330,亿元,,")
    night(config)
    assert ["2022Q2.csv", "2022Q3.csv", "late.csv"] in reads
    assert ["2021Q1.csv", "2021Q2.csv", "2021Q3.csv", "2021Q4.csv", "so-far.csv"] in reads
    assert ["2023Q1.csv"] in reads
    check(config)


EVENTS = {
    "correct": lambda city, chance, quarter: city.report(
        quarter, created=[round(chance.uniform(80, 200), 2) for _ in range(3)], done=chance.random() < 0.5
    ),
    "remove": lambda city, _, quarter: (city.folder / "inbox" / f"{quarter}.csv").unlink(missing_ok=True),
    "revise": lambda city, chance, quarter: put(
        city, f"late-{quarter}", f"{quarter},乙县,产值,{chance.randint(90, 190)},亿元,{chance.randint(1, 3)},更正"
    ),
    "contradict": lambda city, chance, quarter: put(
        city, f"twice-{quarter}", f"{quarter},丙县,产值,{chance.randint(90, 190)},亿元,,"
    ),
    "to date": lambda city, chance, quarter: put(
        city, f"so-far-{quarter}", f"{quarter[:4]}年1-9月,甲县,产值,{chance.randint(300, 400)},亿元,,"
    ),
    "months": lambda city, chance, quarter: put(
        city,
        f"months-{quarter}",
        *(f"{quarter[:4]}-{month:02},甲县,产值,{chance.randint(30, 50)},亿元,," for month in (1, 2, 3)),
    ),
    "quarter's end": lambda city, chance, quarter: put(
        city, f"end-{quarter}", f"{quarter[:4]}-{chance.choice(('03', '06', '12'))},乙县,公路,31,公里,,"
    ),
    "flaws": lambda city, _, quarter: put(
        city,
        f"bad-{quarter}",
        f"{quarter},癸县,产值,1,亿元,,",
        f"{quarter},甲县,公路,约二十,公里,,",
        f"{quarter},甲县,人口,5,万人,,",
        f"{quarter[:4]}年底前,乙县,产值,5,亿元,,",
        f"{quarter},乙县,公路,…,公里,,年底前补报",
    ),
}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 12))])
def test_random_corrections_come_to_the_bits_of_a_night_without_a_past(city, seed):
    chance = random.Random(seed)
    text = SYSTEM.replace("over: 1y, target", "over: 1y, lead: [市统计局], target")
    (city.folder / "small.yaml").write_text(text, "utf-8")
    config = city.config(store=PLAIN)
    night(config)
    for turn in range(4):
        what = [chance.choice(sorted(EVENTS)) for _ in range(chance.randint(1, 3))]
        for item in what:
            quarter = f"{chance.choice((2021, 2022, 2023))}Q{chance.randint(1, 4)}"
            EVENTS[item](city, chance, quarter)
        result = night(config)
        assert result.failed == [], (turn, what, result.findings)
        # Everything in one reading of all files; in the end also what a night without a past has.
        check(config)
    assert same(held(config), fresh(city))


def test_what_was_restated_and_who_reports_how_well_is_stored(city, reads):
    text = SYSTEM.replace("over: 1y, target", "over: 1y, lead: [市统计局], target")
    (city.folder / "small.yaml").write_text(text, "utf-8")
    put(city, "late", "2022Q2,甲县,产值,131,亿元,1,更正", "2022-06,乙县,产值,50,亿元,,", "2022-06,乙县,产值,51,亿元,1,")
    config = city.config(store=PLAIN)
    night(config)
    reads.clear()
    city.correct("2023Q1")
    night(config)
    assert reads == [["2023Q1.csv"]]
    columns = ["period", "figure_period", "entity", "after", "file", "row"]
    assert held(config)["restated"].select(columns).rows() == [
        ("2022Q2", "2022Q2", "甲县", 131.0, "inbox/2022Q2.csv", 2),
        ("2022Q2", "2022-06", "乙县", 51.0, "inbox/late.csv", 3),
    ]
    assert held(config)["quality"].filter(period="2022Q2")["department"].unique().sort().to_list() != []
    assert same(held(config), fresh(city))
    # An earlier figure that changes is news even where a later one stands in its place.
    put(city, "late", "2022Q2,甲县,产值,131,亿元,1,更正", "2022-06,乙县,产值,49,亿元,,", "2022-06,乙县,产值,51,亿元,1,")
    night(config)
    assert held(config)["restated"]["before"].to_list()[1] == 49
    check(config)


def test_quarters_without_a_file_are_nothing_and_targets_of_entities_hold_on(city, reads):
    text = SYSTEM.replace("of: roads, target: {at_least: 300}", "of: roads, target: {at_least: {file: targets.csv}}")
    (city.folder / "small.yaml").write_text(text, "utf-8")
    rows = ["entity,indicator,period,target"]
    rows += ["甲县,length,2021Q2,300", "乙县,length,2022Q3,250", "丁县,length,2022Q3,1"]
    (city.folder / "targets.csv").write_text("\n".join(rows) + "\n", "utf-8")
    for quarter in ("2021Q4", "2022Q1", "2022Q2"):
        (city.folder / "inbox" / f"{quarter}.csv").unlink()
    config = city.config(store=PLAIN)
    night(config)
    reads.clear()
    city.correct("2023Q2")
    night(config)
    assert reads == [["2023Q2.csv"]]
    assert same(held(config), fresh(city))
    findings = held(config)["findings"]
    assert findings.filter(file="targets.csv").height == 1
    check(config)


def test_without_a_roster_all_files_say_who_there_is(city, reads):
    text = SYSTEM.replace(", roster: roster.csv", "")
    (city.folder / "small.yaml").write_text(text, "utf-8")
    config = city.config(store=PLAIN)
    night(config)
    put(city, "2024Q1", "2024Q1,丁县,产值,5,亿元,,")
    night(config)
    assert [len(item) for item in reads] == [12, 13]
    assert same(held(config), fresh(city))
    check(config)


@pytest.mark.parametrize("harm", ["lost", "damaged"])
def test_what_is_lost_or_damaged_is_read_again(city, reads, harm):
    config = city.config(store=PLAIN)
    night(config)
    for file in (archive_of(load(config)).folder / "slices").glob("??/*"):
        if harm == "lost":
            file.unlink()
        else:
            file.write_bytes(file.read_bytes()[:-1] + b"?")
    reads.clear()
    city.correct("2022Q2")
    night(config)
    assert len(reads) == 12
    assert same(held(config), fresh(city))
    check(config)


def test_a_damaged_frame_alone_is_read_again(city, reads):
    config = city.config(store=PLAIN)
    night(config)
    shelf = archive_of(load(config)).folder / "slices"
    frames = [file for file in shelf.glob("??/*") if file.read_bytes()[:4] == b"PAR1"]
    assert len(frames) == 12
    for file in frames:
        file.write_bytes(file.read_bytes().replace(b"PAR1", b"RAP1"))
    city.correct("2022Q2")
    result = night(config)
    assert result.failed == [], result.findings
    assert same(held(config), fresh(city))
    check(config)


def test_only_the_slices_of_the_last_night_stay(city):
    config = city.config(store=PLAIN)
    for quarter in ("2022Q2", "2022Q3", "2022Q2"):
        night(config)
        city.correct(quarter)
    night(config)
    shelf = archive_of(load(config)).folder / "slices"
    assert len(list(shelf.glob("??/*"))) == 12 + 1
    assert store_of(load(config)).numbers() == [1, 2, 3, 4]


def test_one_file_for_all_quarters_scores_those_whose_rows_changed(city, reads):
    inbox = city.folder / "inbox"
    parts = {file.stem: file.read_text("utf-8").splitlines() for file in sorted(inbox.iterdir())}
    for file in inbox.iterdir():
        file.unlink()

    def written(*quarters):
        rows = [row for quarter in quarters for row in parts[quarter][1:]]
        (inbox / "all.csv").write_text("\n".join([parts["2021Q1"][0], *rows]) + "\n", "utf-8")

    config = city.config(store=PLAIN)
    grown = sorted(parts)
    written(*grown[:-2])
    night(config)
    for quarter in grown[-2:]:
        written(*grown[: grown.index(quarter) + 1])
        assert night(config).outcomes[0].scored == (quarter,)
    assert reads == [["all.csv"]] * 3
    parts["2022Q2"][1] = "2022Q2,甲县,产值,99.5,亿元"
    written(*grown)
    assert night(config).outcomes[0].scored == ("2022Q2", "2022Q3", "2023Q2", "2023Q3")
    assert same(held(config), fresh(city))
    check(config)


def test_outputs_are_what_kpi_score_writes_and_read_no_file_again(city, reads):
    put(city, "late", "2022Q2,甲县,产值,131,亿元,1,更正", "2022Q3,癸县,产值,132,亿元,1,")
    config = city.config('output = ["out.json", "out/"]', store=PLAIN)
    night(config)
    reads.clear()
    city.correct("2023Q1")
    night(config)
    assert reads == [["2023Q1.csv"]]
    card = kpi.score(sorted((city.folder / "inbox").glob("*.csv")), system=city.folder / "small.yaml")
    write(card, city.folder / "expected.json")
    mine, expected = (json.loads((city.folder / name).read_text("utf-8")) for name in ("out.json", "expected.json"))
    for tree in (mine, expected):
        for item in [*tree["findings"], *tree["restated"]]:
            item["file"] = item["file"] and item["file"].rpartition("/")[2]
        tree["findings"].sort(key=str)
    assert mine == expected
    assert mine["findings"]


def test_totals_are_left_out_of_slices_and_counted(city):
    config = city.config(store=PLAIN)
    night(config)
    plain = held(config)
    for file in sorted((city.folder / "inbox").glob("*.csv")):
        with file.open("a", encoding="utf-8") as more:
            more.write(f"{file.stem},合　计,产值,1000,亿元\n{file.stem},全市,公路,900,公里\n")
    result = night(config)
    assert result.failed == []
    (outcome,) = result.outcomes
    assert outcome.counts["left_out"] == 2 * len(list((city.folder / "inbox").glob("*.csv")))
    assert outcome.counts["read"] == outcome.counts["used"] + outcome.counts["left_out"]
    assert [item.code for item in outcome.findings if "K61" in item.code] == ["K612"] * 12
    assert same(held(config), fresh(city))
    actual = held(config)
    for table in ("totals", "indicators", "measures"):
        assert actual[table].equals(plain[table])
