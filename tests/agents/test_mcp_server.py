"""The server for language models, called by the client of the official SDK over standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError

import kpi
from kpi.agents.access import Access
from kpi.agents.answers import Answers
from kpi.analysis.explain import explain
from kpi.cli import starter
from kpi.errors import KpiError

ROOT = Path(__file__).parents[2]
PERIOD = {"data": ["period.csv"], "system": "demo"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Two folders, data and definitions, with the starter, and a file that no one may read beside them."""
    home = tmp_path_factory.mktemp("agents")
    starter.write(home / "definitions")
    (home / "data").mkdir()
    (home / "definitions/period.csv").rename(home / "data/period.csv")
    (home / "secret.csv").write_text("期别,地区,办件总量\n2024Q1,东湖县,77777\n", encoding="utf-8")
    (home / "data/link.csv").symlink_to(home / "secret.csv")
    (home / "data/out").symlink_to(home)
    return home


def called(home: Path, *calls: tuple[str, dict[str, Any]], write: bool = False) -> list[Any]:
    """Return the answers of tools, called in one session; of an error its text."""
    flags = ["--data", str(home / "data"), "--definitions", str(home / "definitions"), *(["--allow-write"] * write)]
    env = {"PYTHONPATH": str(ROOT), "KPI_LANG": "en", "PATH": os.environ["PATH"]}
    server = StdioServerParameters(command=sys.executable, args=["-m", "kpi", "mcp", *flags], env=env, cwd=str(home))

    async def session() -> list[Any]:
        async with Client(server) as client:
            answers: list[Any] = [[tool async for tool in _tools(client)]]
            for name, arguments in calls:
                if name == "resource":
                    try:
                        answers.append((await client.read_resource(arguments["uri"])).contents[0].text)
                    except MCPError as error:
                        answers.append(f"refused: {error}")
                    continue
                result = await client.call_tool(name, arguments)
                text = result.content[0].text
                answers.append(text if result.is_error else json.loads(text))
            return answers

    return asyncio.run(asyncio.wait_for(session(), 120))


async def _tools(client: Client) -> Any:
    for tool in (await client.list_tools()).tools:
        yield tool


@pytest.fixture(scope="module")
def card(home):
    return kpi.score(home / "data/period.csv", system=home / "definitions/demo.yaml")


def test_what_is_listed(home):
    tools, systems, indicators, text = called(
        home, ("list_systems", {}), ("list_indicators", {"system": "demo", "limit": 1}),
        ("resource", {"uri": "kpi://systems/demo"}),
    )  # fmt: skip
    assert {tool.name for tool in tools} == {
        "list_systems", "list_indicators", "query", "explain", "what_if", "check_definition", "explain_code",
    }  # fmt: skip
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools)
    demo = next(row for row in systems["systems"] if row["system"] == "demo")
    assert (demo["valid"], demo["period"]) == (True, "quarter")
    assert [row["file"] for row in systems["data"]] == ["period.csv"]
    (first,) = indicators["indicators"]
    assert {"indicator", "title", "meaning", "unit", "better", "kind"} <= first.keys()
    assert indicators["next_offset"] == 1
    assert indicators["statuses"]["missing"] == "not reported"
    assert text == (home / "definitions/demo.yaml").read_text("utf-8")


def test_a_result_has_statuses_findings_and_pages(home, card):
    _, first, rest, item = called(
        home,
        ("query", {**PERIOD, "limit": 2}),
        ("query", {**PERIOD, "offset": 2, "limit": 200}),
        ("query", {**PERIOD, "table": "indicators", "entities": ["东湖县"], "limit": 200}),
    )
    assert [row["score"] for row in [*first["rows"], *rest["rows"]]] == card.totals["score"].to_list()
    assert (first["total_rows"], first["next_offset"], rest["next_offset"]) == (card.totals.height, 2, None)
    assert all("status" in row for row in first["rows"])
    assert first["data_hash"] == card.data_hash
    assert sum(first["findings"]["number"].values()) == len(card.findings_list)
    assert {row["entity"] for row in item["rows"]} == {"东湖县"}
    assert all((row["value"] is None) == (row["status"] != "ok") for row in item["rows"])


def test_intervals_are_given_where_asked_for(home):
    _, plain, with_intervals = called(home, ("query", PERIOD), ("query", {**PERIOD, "intervals": True}))
    assert "intervals" not in plain
    shown = {row["entity"] for row in with_intervals["rows"]}
    assert {row["entity"] for row in with_intervals["intervals"]["rows"]} == shown
    assert all(row["low"] <= row["high"] for row in with_intervals["intervals"]["rows"])


def test_an_explanation_has_the_numbers_of_the_engine(home, card):
    _, answer = called(home, ("explain", {**PERIOD, "entity": "东湖县"}))
    node = explain(card, "东湖县")
    assert answer["steps"][0]["score"] == node.score
    assert answer["steps"][0]["depth"] == 0
    parts = [step["contribution"] for step in answer["steps"] if step["depth"] == 1 and "contribution" in step]
    assert sum(parts) == pytest.approx(answer["steps"][0]["contribution"])


def test_another_value_is_tried_without_saving_it(home, card):
    change = {"entity": "东湖县", "figure": "online_rate", "value": 1}
    _, answer, again = called(home, ("what_if", {**PERIOD, "changes": [change]}), ("query", PERIOD))
    moved = {row["entity"]: row for row in answer["totals"]}
    assert moved["东湖县"]["score"] < moved["东湖县"]["score_before"]
    assert again["data_hash"] == card.data_hash


def test_a_definition_is_checked_with_places(home):
    wrong = (
        (home / "definitions/demo.yaml").read_text("utf-8").replace("numerator: cases_online", "numerator: cases_onlin")
    )
    _, bad, good, code = called(
        home, ("check_definition", {"text": wrong}), ("check_definition", {"system": "demo"}),
        ("explain_code", {"code": "K203"}),
    )  # fmt: skip
    assert bad["valid"] is False
    assert bad["findings"]["first"][0]["code"] == "K203"
    assert "did you mean" in bad["findings"]["first"][0]["hint"]
    assert good["valid"] is True
    assert code["code"] == "K203"


def test_a_code_is_explained_in_the_language_in_use():
    answers = Answers(Access((), ()))
    with kpi.using_language("zh"):
        name, length = answers.explain_code("K203"), answers.explain_code("K127")
    assert (name["means"], name["wrong"]) == ("名称没有定义。", "{kind: growth, of: gpd}")
    assert not length["wrong"].isascii()


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("query", {"data": ["../secret.csv"], "system": "demo"}, "K940"),
        ("query", {"data": ["link.csv"], "system": "demo"}, "K940"),
        ("query", {"data": ["out/secret.csv"], "system": "demo"}, "K940"),
        ("query", {"data": ["out"], "system": "demo"}, "K940"),
        ("query", {"data": ["nothing.csv"], "system": "demo"}, "K501"),
        ("query", {"data": ["period.csv"], "system": "../definitions/demo"}, "K205"),
        ("explain", {**PERIOD, "entity": "无此县"}, "K602"),
        ("query", {**PERIOD, "entities": ["东湖县", "东胡县"]}, "K602"),
        ("query", {**PERIOD, "indicators": ["nothing"], "table": "indicators"}, "K203"),
        ("query", {**PERIOD, "offset": -1}, "K915"),
        ("query", {**PERIOD, "limit": 0}, "K915"),
        ("explain", {**PERIOD, "entity": "东湖县", "limit": -5}, "K915"),
        ("list_indicators", {"system": "demo", "offset": -1}, "K915"),
        ("what_if", {**PERIOD, "changes": [{"entity": "东湖县", "figure": "x", "value": 1}]}, "K203"),
    ],
)
def test_what_cannot_be_answered_is_an_error_with_findings(home, tool, arguments, code):
    _, answer = called(home, (tool, arguments))
    assert isinstance(answer, str)
    assert f'"{code}"' in answer
    assert "77777" not in answer
    assert "Traceback" not in answer


def test_an_absolute_path_is_outside(home):
    _, answer = called(home, ("query", {"data": [str(home / "secret.csv")], "system": "demo"}))
    assert '"K940"' in answer


@pytest.mark.parametrize(
    "key",
    [
        "entities: {roster: ../secret.csv}", "entities: {succession: ../secret.csv}", "calendar: ../secret.csv",
        "indicators: {table: ../secret.csv}", "indicators: {table: [../secret.csv]}",
    ],
)  # fmt: skip
def test_a_definition_names_no_file_outside_of_its_folder(home, key):
    text = f"system: x\nperiod: year\nmeasures: {{n: {{unit: 件}}}}\n{key}\n"
    answers = Answers(Access((home / "data",), (home / "definitions",)))
    with pytest.raises(KpiError) as error:
        answers.check_definition(text)
    assert {item.code for item in error.value.diagnostics} == {"K940"}


def test_nothing_is_written_unless_it_is_allowed(home):
    text = (home / "definitions/demo.yaml").read_text("utf-8")
    tools, refused = called(home, ("write_definition", {"name": "other", "text": text}))
    assert "write_definition" not in {tool.name for tool in tools}
    assert isinstance(refused, str)
    assert not (home / "definitions/other.yaml").exists()


def test_a_valid_definition_is_written_where_it_is_allowed(home, tmp_path):
    (tmp_path / "definitions").mkdir()
    (tmp_path / "data").mkdir()
    text = (home / "definitions/demo.yaml").read_text("utf-8")
    _, written, again, bad, traversal = called(
        tmp_path,
        ("write_definition", {"name": "other", "text": text}),
        ("write_definition", {"name": "other", "text": text}),
        ("write_definition", {"name": "worse", "text": "system: worse\n"}),
        ("write_definition", {"name": "../other", "text": text}),
        write=True,
    )
    assert written["written"] is True
    assert (tmp_path / "definitions/other.yaml").read_text("utf-8") == text
    assert '"K941"' in again
    assert bad["written"] is False
    assert '"K941"' in traversal
    assert [file.name for file in (tmp_path / "definitions").iterdir()] == ["other.yaml"]


def test_data_that_change_are_scored_anew(home, tmp_path):
    file = tmp_path / "period.csv"
    text = (home / "data/period.csv").read_text("utf-8-sig")
    file.write_text(text, encoding="utf-8")
    answers = Answers(Access((tmp_path,), (home / "definitions",)))
    before = answers.query(["period.csv"], system="demo")["data_hash"]
    assert answers.query(["."], system="demo")["data_hash"] == before
    file.write_text(text.replace("东湖县", "东河县"), encoding="utf-8")
    assert answers.query(["period.csv"], system="demo")["data_hash"] != before
