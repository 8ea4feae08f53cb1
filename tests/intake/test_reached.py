"""One period is scored from the rows that it reaches, and comes out as it does among all."""

from __future__ import annotations

import random
from datetime import date

import polars as pl
import pytest

import kpi
from kpi.intake.files import chunks, contents, pieces
from kpi.intake.panel import take_in
from kpi.intake.reported import fast_rows, fast_wide
from kpi.intake.reported.row_pruning import entered
from kpi.intake.synthetic.files import Sample, write
from kpi.language.loading.catalogue import systems

FRAMES = ("totals", "pillars", "indicators", "weights", "treated", "measures", "restated", "quality")
MEASURES = {"gdp": "地区生产总值", "cases": "办件量", "people": "人口", "rate": "比率"}
TEXT = """
system: s
period: quarter
entities: {ROSTER}
measures:
  gdp: {title: 地区生产总值, unit: 亿元}
  cases: {title: 办件量, unit: 件}
  people: {title: 人口, unit: 万人, over_time: last}
  rate: {title: 比率, unit: "%", over_time: mean}
indicators:
  size: {kind: level, of: gdp, target: {at_least: 10}}
  growth: {kind: growth, of: cases, over: OVER, target: {above: 5}}
  share: {kind: level, of: rate, target: {at_least: 50}}
pillars:
  all: {parts: {size: 1, growth: 1, share: 1}, missing: POLICY}
checks:
  jump: {growth_within: 50, of: [people], over: 1q, severity: query}
"""
ROSTER = "entity,code\n甲县,330401\n乙县,330402\n丙区,330403\n"
#: Cells as they are typed; the last ones mean nothing.
CELLS = ("1", "2.5", "-3", "0", "1,234.5", "—", "", "3.5亿元", "不适用", "12%", "abc", "1e400")
QUARTERS = [f"{year}Q{quarter}" for year in (2021, 2022, 2023) for quarter in (1, 2, 3, 4)]


def defined(folder, *, roster="roster: roster.csv", over="1q", policy="weight") -> kpi.System:
    (folder / "roster.csv").write_text(ROSTER, "utf-8")
    text = TEXT.replace("ROSTER", roster).replace("OVER", over)
    text = text.replace(", missing: POLICY", "" if policy == "weight" else f", missing: {policy}")
    (folder / "s.yaml").write_text(text, "utf-8")
    return kpi.load(folder / "s.yaml")


def bits(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.selectors.float().reinterpret(signed=False))


def same(system, some, *, only=None) -> list[int]:
    """How many rows are passed over for each period, which all come out as they do among all."""
    try:
        every = kpi.score(some, system=system)
    except kpi.DataError:
        return []
    passed = []
    for index, label in every.labels.items():
        if only is not None and label not in only:
            continue
        item = kpi.score(some, system=system, period=label)
        for name in FRAMES:
            assert bits(getattr(item, name)).equals(bits(getattr(every.only([index]), name))), (label, name)
        assert all(finding.place.period in (None, label) for finding in item.findings_list)
        mine, theirs = (
            [finding for finding in result if finding.place.period == label]
            for result in (item.findings_list, every.findings_list)
        )
        assert mine == theirs
        passed.append(item.counts.get("passed_over", 0))
        assert item.counts["read"] + passed[-1] == every.counts["read"]
    return passed


# ---- LAWS ---- #


@pytest.mark.parametrize("form", [pytest.param("csv", marks=pytest.mark.slow), "parquet"])
@pytest.mark.parametrize("name", sorted(systems(None)))
def test_a_period_of_a_shipped_system_comes_out_as_among_all(tmp_path, name, form):
    system = kpi.load(name)
    created = Sample(system, periods=4 if system.period == "year" else 9, entities=None, seed=3, flaws=True)
    written = [str(path) for path in write(created, f"{tmp_path}/", form=form)]
    labels = list(kpi.score(written, system=system).labels.values())
    passed = same(system, written, only=[labels[0], labels[-2]])
    # Nothing comes before the first, and only an index looks at later periods, at those of its base.
    assert (passed[0] > 0) is (name != "execution-index")


def drawn(dice: random.Random, *, long: bool) -> list[dict[str, str]]:
    """Rows of some quarters, perhaps with gaps, odd periods and odd cells."""
    odd, names = dice.choice((0.0, 0.1, 0.4)), ["甲县", "乙县", "330403", "丙区"]
    there = sorted(dice.sample(QUARTERS, dice.randrange(3, len(QUARTERS))))
    others = ["2022-05", "2022-06", "2022年1-9月", "2022", "2023-11", "", "某年", " 2022Q3 "]

    def cell(number: int) -> str:
        return dice.choice(CELLS) if dice.random() < odd else str(number)

    rows: list[dict[str, str]] = []
    for number in range(dice.randrange(12, 80)):
        row = {
            "期别": dice.choice(others) if dice.random() < odd / 2 else dice.choice(there),
            "地区": "无此县" if dice.random() < odd / 4 else dice.choice(names),
            "说明": "已核实" if dice.random() < odd / 4 else "",
        }
        if long:
            row |= {"指标": dice.choice(list(MEASURES.values())), "数值": cell(number)}
        else:
            row |= {title: cell(number) for title in MEASURES.values()}
        rows.append(dict.fromkeys(row, "") if dice.random() < odd / 9 else row)
    return rows


def put(rows, path):
    frame = pl.DataFrame(rows)
    frame.write_csv(path) if path.suffix == ".csv" else frame.write_parquet(path, row_group_size=7)
    return path


@pytest.mark.parametrize("seed", range(40))
def test_a_period_comes_out_as_among_all_whatever_the_rows(tmp_path, monkeypatch, seed):
    dice = random.Random(seed)
    system = defined(
        tmp_path, roster=dice.choice(["roster: roster.csv", "title: 县"]), over=dice.choice(["1q", "1y"]),
        policy=dice.choice(["weight", "zero"]),
    )  # fmt: skip
    rows = drawn(dice, long=seed % 2 == 0)
    if dice.random() < 0.5:
        rows.sort(key=lambda row: row["期别"])
    form = dice.choice(["csv", "parquet", "large", "batches"])
    if form == "large":
        monkeypatch.setattr(chunks, "LARGE", 100)
        monkeypatch.setattr(chunks, "LOOK", 400)
        monkeypatch.setattr(chunks, "SEARCHED", 4)
        monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, dice.choice([150, 700])))
    if form == "batches":
        for module in (fast_rows, fast_wide):
            monkeypatch.setattr(module, "BATCH", 3)
    parts = {"all": rows}
    if dice.random() < 0.3:
        # A file a period, as departments send them.
        parts = {row["期别"]: [item for item in rows if item["期别"] == row["期别"]] for row in rows}
    folder = tmp_path / "data"
    folder.mkdir()
    for number, part in enumerate(parts.values()):
        put(part, folder / f"{number}.{'parquet' if form in ('parquet', 'batches') else 'csv'}")
    same(system, folder, only=dice.sample(QUARTERS, 4))


# ---- WHAT IS PASSED OVER ---- #


@pytest.fixture
def system(tmp_path):
    return defined(tmp_path)


def long(*rows, headers=("期别", "地区", "指标", "数值")) -> pl.DataFrame:
    return pl.DataFrame([dict(zip(headers, row, strict=True)) for row in rows])


def quarters(*labels) -> list[tuple[str, str, str, str]]:
    return [(label, name, "地区生产总值", "12") for label in labels for name in ("甲县", "乙县")]


@pytest.mark.parametrize("form", ["csv", "parquet", "large"])
@pytest.mark.parametrize("shape", ["long", "wide"])
def test_findings_are_of_the_rows_that_count_with_their_numbers(tmp_path, monkeypatch, system, form, shape):
    labels = ["2021Q1", "2023Q4", "", "2021Q2", "2023Q3", "某年", "2023Q4", "2023Q2"]
    rows = {"期别": labels, "地区": ["丁县", "丁县", *["甲县"] * 4, "乙县", "甲县"]}
    cells = ["x", "1", "1", "1", "y", "1", "1", "1"]
    rows |= {"指标": ["办件量"] * 8, "数值": cells} if shape == "long" else {"办件量": cells}
    path = tmp_path / ("rows.parquet" if form == "parquet" else "rows.csv")
    pl.DataFrame(rows).write_parquet(path) if form == "parquet" else pl.DataFrame(rows).write_csv(path)
    if form == "large":
        for name, size in (("LARGE", 50), ("LOOK", 400), ("SEARCHED", 4)):
            monkeypatch.setattr(chunks, name, size)
        monkeypatch.setattr(pieces, "SIZES", dict.fromkeys(pieces.SIZES, 60))
    first = 1 if form == "parquet" else 2
    card = kpi.score(path, system=system, period="2023Q4")
    reports = sorted((item.place.row - first, item.code) for item in card.findings_list if item.place.row)
    assert reports == [(1, "K602"), (2, "K606"), (4, "K605"), (5, "K606")]
    assert card.counts == {"read": 6, "used": 2, "refused": 4, "restated": 0, "repeated": 0, "passed_over": 2}


def test_parts_of_a_file_that_hold_other_periods_are_not_read(tmp_path, system):
    path = tmp_path / "rows.parquet"
    frame = long(*((label, "甲县", "地区生产总值", f"{number}.75") for number, label in enumerate(QUARTERS, 100)))
    frame.write_parquet(path, row_group_size=1, compression="uncompressed")
    expected = kpi.score(path, system=system, period="2022Q2").totals
    content = path.read_bytes()
    for number, label in enumerate(QUARTERS, 100):
        if label not in ("2021Q4", "2022Q1", "2022Q2"):
            figure = f"{number}.75".encode()
            content = content.replace(len(figure).to_bytes(4, "little") + figure, b"\xff\xff\xff\xff" + figure)
    path.write_bytes(content)
    with pytest.raises(kpi.DataError) as caught:
        kpi.score(path, system=system)
    assert [item.code for item in caught.value.diagnostics] == ["K503"]
    assert kpi.score(path, system=system, period="2022Q2").totals.equals(expected)


@pytest.mark.parametrize("wrong", [b"2029Q9", b"\xff\xff\xff\xff\xff\xff"])
@pytest.mark.parametrize("events", [False, True])
def test_damaged_statistics_lose_no_row(tmp_path, system, wrong, events):
    path = tmp_path / "rows.parquet"
    frame = long(*quarters(*QUARTERS))
    if events:
        (tmp_path / "e.yaml").write_text(EVENTS.replace("period: month", "period: quarter"), "utf-8")
        system = kpi.load(tmp_path / "e.yaml")
        frame = frame.select("地区", 日期="期别", 费=pl.lit(1))
    frame.write_parquet(path, row_group_size=2, compression="uncompressed")
    expected = kpi.score(path, system=system, period="2022Q2").measures
    content = path.read_bytes()
    size = int.from_bytes(content[-8:-4], "little") + 8
    footer = content[-size:].replace(b"2022Q2", wrong)
    assert footer != content[-size:]
    path.write_bytes(content[:-size] + footer)
    card = kpi.score(path, system=system, period="2022Q2")
    assert card.measures.equals(expected)
    # Where a file does not say right what its parts hold, all of it is read.
    assert "passed_over" not in card.counts


def test_what_cannot_be_told_of_part_is_read_whole(tmp_path, system):
    # Months that end quarters are names of these, unless any figure says otherwise.
    ends = [(f"{year}-{month}", "甲县", "地区生产总值", "12") for year in (2020, 2021, 2022, 2023)
            for month in ("03", "06", "09", "12")]  # fmt: skip
    assert same(system, long(*ends), only=QUARTERS[7:]) == [12, 8, 8, 12, 12]
    assert same(system, long(*ends, ("2020-01", "甲县", "地区生产总值", "12")), only=QUARTERS[7:]) == [0] * 5
    # A grid begins with its first figure, and one of nobody is none.
    nobody = ("2021Q1", "无此县", "地区生产总值", "12")
    gap = defined(tmp_path, policy="zero")
    assert same(gap, long(nobody, *quarters("2022Q1", "2022Q2"))) == [2, 0]


def test_whoever_is_named_anywhere_is_there(tmp_path, monkeypatch):
    open_ = defined(tmp_path, roster="title: 县")
    path = put([{"期别": "2021Q1", "地区": "丁县", "指标": "办件量", "数值": "1"}], tmp_path / "a.csv")
    frame = pl.concat([pl.read_csv(path, infer_schema=False), long(*quarters("2023Q1", "2023Q2", "2023Q3"))])
    for form in ("small", "large"):
        if form == "large":
            monkeypatch.setattr(chunks, "LARGE", 100)
        frame.write_csv(path)
        card = kpi.score(path, system=open_, period="2023Q3")
        assert card.totals["entity"].sort().to_list() == ["丁县", "乙县", "甲县"]
        assert card.counts["passed_over"] == 1


def test_targets_that_stand_in_the_data_hold_for_all_periods(tmp_path, system):
    text = (tmp_path / "s.yaml").read_text("utf-8").replace("at_least: 10", "at_least: {column: target}")
    (tmp_path / "s.yaml").write_text(text, "utf-8")
    frame = long(*quarters("2021Q1", "2021Q2", "2023Q1")).with_columns(target=pl.lit("20"))
    card = kpi.score(frame, system=kpi.load(tmp_path / "s.yaml"), period="2023Q1")
    assert "passed_over" not in card.counts


def test_what_the_files_hold_is_told_of_all_periods(system):
    with pytest.raises(kpi.DataError) as caught:
        kpi.score(long(*quarters("2021Q1", "2022Q4")), system=system, period="2023Q4")
    assert [(item.code, item.hint) for item in caught.value.diagnostics] == [("K551", "they hold 2021Q1 to 2022Q4")]


def test_explanations_of_other_periods_are_of_no_interest(tmp_path, system):
    people = [(label, name, "人口", value) for label, value in (("2023Q1", "1"), ("2023Q2", "9"), ("2023Q3", "99"))
              for name in ("甲县", "乙县")]  # fmt: skip
    answers = pl.DataFrame({
        "地区": ["甲县", "乙县", "甲县"], "期别": ["2023Q2", "2023Q3", "某年"], "指标": ["人口"] * 3,
        "说明": ["普查"] * 3,
    })  # fmt: skip
    card = kpi.score(long(*people), system=system, period="2023Q3", explanations=answers)
    reports = [(item.code, item.place.entity or item.place.row) for item in card.findings_list if item.code != "K555"]
    assert sorted(reports, key=str) == [("K701", "甲县"), ("K703", "乙县"), ("K705", 3)]


# ---- COLUMNS OF PERIODS ---- #

EVENTS = """
system: e
period: month
entities: {title: 县}
datasets: {cases: {form: records, columns: {period: 日期, entity: 地区}}}
measures: {cases: {kind: count, unit: 件}, most: {kind: max, of: 费, unit: 元}}
indicators: {all: {kind: level, of: cases}, high: {kind: level, of: most}}
"""


@pytest.mark.parametrize("kind", ["date", "text", "time", "zone", "number", "categorical", "enum"])
def test_events_of_other_months_are_passed_over_whatever_the_dates_are(tmp_path, kind):
    (tmp_path / "e.yaml").write_text(EVENTS, "utf-8")
    dice = random.Random(4)
    days = [date(2023, dice.randrange(1, 13), dice.randrange(1, 29)) for _ in range(300)]
    frame = pl.DataFrame({"地区": [dice.choice(["甲县", "乙县"]) for _ in days], "费": range(300)}).insert_column(
        0, pl.Series("日期", days)
    )
    day = pl.col("日期")
    cells = {
        "date": day, "text": day.cast(pl.String), "time": day.cast(pl.Datetime) + pl.duration(hours=23),
        "zone": (day.cast(pl.Datetime) + pl.duration(hours=23)).dt.replace_time_zone("Asia/Shanghai"),
        "number": day.dt.strftime("%Y%m%d").cast(pl.Int64), "categorical": day.cast(pl.String).cast(pl.Categorical),
        "enum": day.cast(pl.String).cast(pl.Enum(sorted({str(item) for item in days}))),
    }  # fmt: skip
    passed = same(kpi.load(tmp_path / "e.yaml"), frame.with_columns(cells[kind].alias("日期")))
    assert passed[5] == sum(item.month not in (5, 6) for item in days)


def test_a_day_in_no_year_is_told_with_every_month(tmp_path):
    (tmp_path / "e.yaml").write_text(EVENTS, "utf-8")
    days = [date(1023, 6, 1), date(2023, 1, 1), date(2023, 6, 1), None, date(2023, 5, 31)]
    frame = pl.DataFrame({"地区": ["甲县"] * 5, "费": range(5), "日期": days})
    card = kpi.score(frame, system=kpi.load(tmp_path / "e.yaml"), period="2023-06")
    assert [(item.code, item.place.row) for item in card.findings_list] == [("K606", 1), ("K606", 4)]
    assert card.counts == {"read": 4, "used": 2, "refused": 2, "restated": 0, "repeated": 0, "passed_over": 1}


def test_texts_that_nearly_all_differ_are_not_looked_at(tmp_path, monkeypatch):
    (tmp_path / "e.yaml").write_text(EVENTS, "utf-8")
    monkeypatch.setattr("kpi.intake.reported.row_pruning._HEAD", 10)
    times = [f"2023-{1 + at % 12:02}-01 09:{at}:00" for at in range(36)]
    frame = pl.DataFrame({"地区": ["甲县"] * 36, "费": range(36), "日期": times})
    assert same(kpi.load(tmp_path / "e.yaml"), frame) == [0] * 12


@pytest.mark.parametrize(
    ("start", "months", "events", "into"),
    [((2023, 1), 3, False, [8092]), ((2023, 5), 1, True, [8093]), ((2023, 5), 1, False, range(8092, 8096)),
     ((2022, 7), 12, False, range(8088, 8096))],
)  # fmt: skip
def test_rows_enter_their_own_period_or_their_year(system, start, months, events, into):
    assert list(entered(system, start[0] * 12 + start[1] - 1, months, events=events)) == list(into)


def test_a_period_alone_needs_no_look_back(monkeypatch, system):
    monkeypatch.setattr("kpi.session.scoring.reach", lambda _system: pytest.fail("it was asked how far back"))
    card = kpi.score(long(*quarters("2023Q4")), system=system, period="2023Q4")
    assert card.counts["used"] == 2


def test_take_in_gives_no_more_than_is_reached(system):
    from kpi.intake.reported.row_pruning import Reached

    frame = long(*quarters(*QUARTERS))
    panel = take_in(system, [frame], reached=lambda: Reached(system, 2023 * 4, lambda: 1))
    assert [item.label for item in panel.periods] == ["2022Q4", "2023Q1"]
    assert panel.counts.passed_over == 20
    assert contents.content_hash([frame]) == panel.data_hash
