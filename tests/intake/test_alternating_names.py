"""Two names that one unit has in turn are reported; units that lack figures otherwise, and codes, are not."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest
from click.testing import CliRunner

import kpi
from kpi.cli.main import main

CHINESE = ["海宁市", "桐乡市", "平湖市", "嘉善县", "海盐县", "南湖区", "秀洲区"]
ENGLISH = ["Haining", "Tongxiang", "Pinghu", "Jiashan", "Haiyan", "Nanhu", "Xiuzhou"]
MONTHS = [f"2024-{month:02}" for month in range(1, 7)]
TITLES = ("产值", "税收")
Row = tuple[str, str, str, float]

SYSTEM = """\
system: s
period: month
entities: {{title: 县{more}}}
measures: {{made: {{title: 产值, unit: 亿元}}, tax: {{title: 税收, unit: 亿元}}}}
indicators:
  a: {{kind: level, of: made, score: {{kind: minmax}}}}
  b: {{kind: level, of: tax, score: {{kind: minmax}}}}
pillars: {{p: {{parts: {{a: 50, b: 50}}}}}}
"""


def rows(units: list[str] = CHINESE, months: list[str] = MONTHS) -> list[Row]:
    chance = random.Random(3)
    return [
        (month, unit, title, round(chance.uniform(20, 90), 1)) for month in months for unit in units for title in TITLES
    ]


def renamed(items: list[Row], old: str, new: str, where: Any) -> list[Row]:
    return [(at, new if unit == old and where(at, title) else unit, title, value) for at, unit, title, value in items]


def table(items: list[Row]) -> pl.DataFrame:
    return pl.DataFrame(items, schema=["月份", "县", "指标", "数值"], orient="row")


def wide(items: list[Row]) -> pl.DataFrame:
    return table(items).pivot("指标", index=["月份", "县"], values="数值", maintain_order=True)


def messages(data: Any, more: str = "", **options: Any) -> list[str]:
    card = kpi.score(data, system=SYSTEM.format(more=more), **options)
    return [str(item.message) for item in card.findings_list if item.code == "K648"]


@pytest.mark.parametrize("form", [table, wide])
@pytest.mark.parametrize(
    ("units", "old", "new"),
    [
        (CHINESE, "桐乡市", "桐多市"),
        (CHINESE, "桐乡市", "桐乡区"),
        (CHINESE, "桐乡市", "嘉兴市桐乡市"),
        (ENGLISH, "Tongxiang", "Tongxang"),
        (ENGLISH, "Tongxiang", "tongxiang"),
        (ENGLISH, "Tongxiang", "Tongxiang City"),
    ],
)
def test_a_name_of_one_month_is_reported(form, units, old, new):
    data = form(renamed(rows(units), old, new, lambda at, _: at == "2024-03"))
    assert messages(data) == [f"`{new}` has figures only in 2024-03, where `{old}` has none: they seem to be one unit"]


@pytest.mark.parametrize("form", [table, wide])
@pytest.mark.parametrize("since", ["2024-02", "2024-06"])
def test_a_name_since_a_month_is_reported(form, since):
    data = form(renamed(rows(), "桐乡市", "桐乡区", lambda at, _: at >= since))
    until = MONTHS[MONTHS.index(since) - 1]
    (message,) = messages(data)
    assert message == f"`桐乡市` has figures until {until}, `桐乡区` since {since}: they seem to be one unit"
    assert messages(data, ", keep: [桐乡区]") == []


def test_spellings_of_two_departments_are_reported():
    items = renamed(rows(months=MONTHS[:1]), "桐乡市", "桐多市", lambda _, title: title == "税收")
    files = [table([row for row in items if row[2] == title]) for title in TITLES]
    assert messages(files) in (
        ["`桐多市` has figures only of 税收, of which `桐乡市` has none: they seem to be one unit"],
        ["`桐乡市` has figures only of 产值, of which `桐多市` has none: they seem to be one unit"],
    )
    (message,) = messages(
        table(renamed(rows(), "桐乡市", "桐多市", lambda at, title: (at, title) == ("2024-02", "税收")))
    )
    assert message == "`桐多市` has figures only where `桐乡市` has none: they seem to be one unit"


def test_several_slips_are_reported_each():
    items = renamed(rows(), "桐乡市", "桐多市", lambda at, _: at == "2024-02")
    items = renamed(items, "桐乡市", "桐卿市", lambda at, _: at == "2024-04")
    items = renamed(items, "海宁市", "海宁县", lambda at, _: at == "2024-05")
    assert sorted(message.split("`")[1] for message in messages(table(items))) == ["桐卿市", "桐多市", "海宁县"]


@pytest.mark.parametrize("new", ["桐多市", "Tongxiang"])
def test_events_are_compared_too(new):
    system = """\
system: s
period: month
entities: {title: 县}
datasets: {ev: {form: records, columns: {period: 办结日期, entity: 县}}}
measures: {done: {kind: count, from: ev, unit: 件}}
indicators: {a: {kind: level, of: done, score: {kind: minmax}}}
pillars: {p: {parts: {a: 100}}}
"""
    items = [
        (f"{month}-{day:02}", new if unit == "桐乡市" and month == "2024-03" else unit)
        for month in MONTHS for unit in CHINESE for day in range(1, 5)
    ]  # fmt: skip
    card = kpi.score(pl.DataFrame(items, schema=["办结日期", "县"], orient="row"), system=system)
    codes = [item.place.entity for item in card.findings_list if item.code == "K648"]
    assert codes == (["桐多市"] if new == "桐多市" else [])


@pytest.mark.parametrize(
    "items",
    [
        renamed(rows(), "桐乡市", "安吉县", lambda at, _: at == "2024-03"),
        [*rows(), *rows(["桐多市"], ["2024-03"])],
        [row for row in [*rows(), *rows(["桐多市"])] if row[1] != "桐多市" or row[0] >= "2024-04"],
        renamed(rows(["东湖县", *CHINESE]), "东湖县", "西湖县", lambda at, _: at >= "2024-04"),
        renamed(rows(["Team A", *ENGLISH]), "Team A", "Team B", lambda at, _: at >= "2024-04"),
        [*rows(CHINESE[1:]), *rows(["海宁市"], MONTHS[:2]), *rows(["海宁县"], MONTHS[4:5])],
        renamed(rows(["桐乡市", "海宁市", "平湖市"]), "桐乡市", "桐多市", lambda at, _: at == "2024-02")[:12],
    ],
    ids=["another name", "both at once", "a new unit", "told apart", "letters", "gaps left", "few units"],
)  # fmt: skip
def test_units_that_do_not_take_turns_are_not_reported(items):
    assert messages(table(items)) == []


def test_one_table_with_both_names_for_a_period_has_two_units():
    frame = wide(rows())
    there = (pl.col("县") == "桐乡市") & (pl.col("月份") == "2024-03")
    extra = frame.filter(there)
    blank = [pl.when(there).then(None).otherwise(pl.col(title)).alias(title) for title in TITLES]
    both = pl.concat([frame.with_columns(blank), extra.with_columns(县=pl.lit("桐多市"))])
    assert messages(both) == []


def test_sparse_figures_say_nothing():
    chance = random.Random(5)
    units = [f"{first}{second}局" for first in "教体财民商农" for second in "育政务林"]
    items = [row for row in rows(units) if chance.random() < 0.5]
    assert messages(table(items)) == []


def test_a_slip_in_the_rows_of_one_month_shows_among_sparse_figures():
    chance = random.Random(4)
    items = [row for row in rows() if row[1] == "桐乡市" or chance.random() < 0.6]
    slips = renamed(items, "桐乡市", "桐多市", lambda at, _: at == "2024-03")
    (message,) = messages(table(slips))
    assert message.startswith("`桐多市` has figures only in 2024-03, where `桐乡市` has none")
    # One figure, and a unit that lacks figures elsewhere too, prove nothing among such.
    assert messages(table(renamed(items, "桐乡市", "桐多市", lambda at, of: at == "2024-03" and of == TITLES[0]))) == []
    assert messages(table([row for row in slips if row[1] != "桐乡市" or row[0] > "2024-04"])) == []


def test_units_of_one_month_each_are_not_reported():
    items = rows()
    for at, month in enumerate(MONTHS):
        items = renamed(
            items, CHINESE[at % 3], f"{CHINESE[at % 3][0]}某{at}市", lambda when, _, month=month: when == month
        )
    assert messages(table(items)) == []


def test_letters_in_another_order_are_a_slip():
    data = table(renamed(rows(), "桐乡市", "乡桐市", lambda at, _: at == "2024-03"))
    assert len(messages(data)) == 1


def test_people_who_leave_and_come_are_not_reported():
    chance = random.Random(7)
    people = sorted(
        {f"{chance.choice('王李张')}{chance.choice('小晓建志')}{chance.choice('明红军伟丽芳')}" for _ in range(70)}
    )
    left = set(chance.sample(people, 16))
    gone = {name: at for at, name in enumerate(sorted(left))}
    items = [
        row for row in rows(people)
        if row[1] not in left or (row[0] < "2024-04" if gone[row[1]] % 2 else row[0] >= "2024-04")
    ]  # fmt: skip
    assert messages(table(items)) == []


def test_codes_tell_units_apart():
    items = renamed(rows(), "桐乡市", "桐乡区", lambda at, _: at >= "2024-03")
    code = {name: f"33040{at}" for at, name in enumerate([*CHINESE, "桐乡区"])}
    data = table(items).with_columns(代码=pl.col("县").replace_strict(code))
    assert messages(data) == []
    assert messages(data.drop("代码")) != []
    data = data.with_columns(代码=pl.when(pl.col("县") == "桐乡区").then(None).otherwise(pl.col("代码")))
    assert len(messages(data)) == 1


def test_a_roster_and_a_succession_answer(tmp_path):
    data = table(renamed(rows(), "桐乡市", "桐乡区", lambda at, _: at >= "2024-03"))
    (tmp_path / "r.csv").write_text("entity,aliases\n" + "".join(
        f"{name},{'桐乡区' if name == '桐乡市' else ''}\n" for name in CHINESE), "utf-8")  # fmt: skip
    assert messages(data, f", roster: {tmp_path / 'r.csv'}") == []
    (tmp_path / "s.csv").write_text("old,new,date,share\n桐乡市,桐乡区,2024-03,\n", "utf-8")
    assert messages(data, f", succession: {tmp_path / 's.csv'}") == []


def test_a_slip_beside_a_short_name_is_one_finding():
    items = renamed(rows(), "桐乡市", "桐乡", lambda at, _: at == "2024-02")
    card = kpi.score(table(items), system=SYSTEM.format(more=""))
    assert [item.code for item in card.findings_list] == ["K487"]
    items = renamed(rows(), "桐乡市", "桐乡市*", lambda at, _: at == "2024-02")
    card = kpi.score(table(items), system=SYSTEM.format(more=""))
    assert [item.code for item in card.findings_list] == ["K581"]


def test_a_period_shows_it_with_the_one_before():
    data = table(renamed(rows(), "桐乡市", "桐多市", lambda at, _: at == "2024-03"))
    # Nothing is known of the months that were not read.
    (message,) = messages(data, period="2024-03")
    assert message == (
        "of the periods that were read, 2024-02 to 2024-03, `桐多市` has figures only where `桐乡市` has none: "
        "they seem to be one unit"
    )
    assert messages(data, period="2024-05") == []


@pytest.mark.parametrize("command", ["score", "batch"])
def test_the_command_line_and_a_night_report_it(command, tmp_path):
    (tmp_path / "s.yaml").write_text(SYSTEM.format(more=""), "utf-8")
    table(renamed(rows(), "桐乡市", "桐多市", lambda at, _: at == "2024-03")).write_csv(tmp_path / "d.csv")
    args = ["score", str(tmp_path / "d.csv"), "--system", str(tmp_path / "s.yaml")]
    if command == "batch":
        config = tmp_path / "night.toml"
        config.write_text('store = "store"\n[[source]]\nsystem = "s.yaml"\ndata = "d.csv"\n', "utf-8")
        args = ["batch", str(config)]
    result = CliRunner().invoke(main, args, env={"KPI_LANG": "en"})
    assert "K648" in result.stderr + "".join(path.read_text("utf-8") for path in tmp_path.rglob("*.md"))
