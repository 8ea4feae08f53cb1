"""The page in a browser: sort, search, filter, cards, comparison, keyboard, print, both themes, small and wide."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import kpi
from kpi.analysis.diff import diff, side
from kpi.analysis.explain import explain
from kpi.analysis.robustness import stressed
from kpi.report.difference import DifferenceReport
from kpi.report.files import content, write
from kpi.report.robustness import RobustnessReport
from tests.report.cohorts_sample import cohorts_card

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium: make chromium installs it"),
]
SAMPLE = Path(__file__).parents[2] / "sample_data" / "jiaxing-2022"
#: No sandbox, as root has none; and nothing that asks the network.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def card() -> kpi.Scorecard:
    return kpi.score([SAMPLE / "reports.csv", SAMPLE / "cases.csv"], system="jiaxing-2022", partly=True)


@pytest.fixture(scope="module")
def file(card, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    with kpi.using_language("zh"):
        write(card, path)
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def show(browser) -> Iterator[Any]:
    """Return a function that opens a page; afterwards none may have had an error or a request."""
    contexts, wrong = [], []

    def opened(path: Path, hash_: str = "", *, width: int = 1280, scheme: str = "light") -> Any:
        # The test's own probe of accessibility is a script, which the page's policy would not run.
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith("file:") else wrong.append(request.url))
        page.goto(path.as_uri() + hash_)
        page.wait_for_selector("body[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not wrong


def names(page: Any) -> list[str]:
    return page.locator("#league tbody th").all_inner_texts()


def violations(page: Any) -> list[str]:
    return [f"{item['id']}: {item['nodes'][0]['html'][:200]}" for item in axe.Axe().run(page).response["violations"]]


def test_the_verdict_is_first_and_the_table_by_rank(show, file, card):
    page = show(file)
    latest = card.totals.filter(pl.col("period") == card.periods[-1])
    best = latest.sort("rank")["entity"].to_list()
    assert best[0] in page.locator(".verdict li").first.inner_text()
    assert names(page) == best
    scores = [float(text) for text in page.locator("#league tbody tr td:nth-child(5)").all_inner_texts()]
    assert scores == latest.sort("rank")["score"].to_list()


def test_cohorts_have_a_verdict_of_their_own_and_ties_are_all_named(show, tmp_path):
    write(cohorts_card(), tmp_path / "page.html")
    page = show(tmp_path / "page.html")
    lines = page.locator(".verdict li").all_inner_texts()
    assert lines[:4] == [
        "east: A, B are first of 3 with 70.00",
        "east: last is C with 60.00",
        "west: D is first of 3 with 95.00",
        "west: last are E, F with 10.00",
    ]
    assert "no level: 2" in lines[4]
    cells = page.locator("#league tbody tr", has_text="D").locator("td").all_inner_texts()
    assert "west" in cells


def test_levels_to_choose_from_are_those_of_the_period_shown(show, tmp_path):
    write(cohorts_card(), tmp_path / "page.html")
    page = show(tmp_path / "page.html")
    choice = page.locator(".tools .levels select")
    assert choice.locator("option").all_inner_texts() == ["all", "top", "good", "no level"]
    choice.select_option(label="top")
    assert names(page) == ["D"]
    page.locator("label", has_text="Period").locator("select").select_option(label="2022")
    assert choice.count() == 0
    assert len(names(page)) == 6


def test_columns_sort_both_ways_and_say_so(show, file, card):
    page = show(file)
    latest = card.totals.filter(pl.col("period") == card.periods[-1])
    head = page.locator("#league thead th", has_text="增减")
    head.locator("button").click()
    assert names(page) == latest.sort("score_change")["entity"].to_list()
    assert head.get_attribute("aria-sort") == "ascending"
    head.locator("button").press("Enter")
    assert names(page) == latest.sort("score_change", descending=True)["entity"].to_list()
    assert head.get_attribute("aria-sort") == "descending"


def test_search_and_filters_leave_what_they_say(show, file, card):
    page = show(file)
    page.fill("#search", "海")
    assert sorted(names(page)) == sorted(name for name in card.entities["entity"] if "海" in name)
    page.fill("#search", "330483")
    assert names(page) == card.entities.filter(pl.col("code") == "330483")["entity"].to_list()
    page.fill("#search", "")
    page.get_by_label("星级").select_option("★★★★☆")
    latest = card.totals.filter(pl.col("period") == card.periods[-1])
    assert names(page) == latest.filter(pl.col("stars") == 4).sort("rank")["entity"].to_list()
    page.get_by_label("星级").select_option("全部")
    page.get_by_label("期别").select_option(card.periods[0])
    assert names(page) == card.totals.filter(pl.col("period") == card.periods[0]).sort("rank")["entity"].to_list()


def test_a_card_opens_to_the_figures_and_rows(show, file, card):
    page = show(file)
    page.get_by_role("button", name="打开海宁市").click()
    dialog = page.get_by_role("dialog")
    assert dialog.get_by_role("heading").first.inner_text().startswith("海宁市")
    indicator = dialog.locator(".indicator", has_text="核心业务数字化覆盖率").first
    shown = card.indicators.filter(
        (pl.col("period") == card.periods[-1]) & (pl.col("entity") == "海宁市")
        & (pl.col("indicator") == "core_duty_digital_coverage")
    ).row(0, named=True)  # fmt: skip
    assert f"{shown['value']:.2f}"[:-1] in indicator.locator(".value").inner_text()
    assert f"{shown['score']:.2f}" in indicator.locator(".score").inner_text()
    indicator.locator("summary").press("Enter")
    figures = indicator.locator("table tbody").inner_text()
    measures = card.measures.filter((pl.col("period") == card.periods[-1]) & (pl.col("entity") == "海宁市"))
    for name in ("已数字化核心业务数", "核心业务总数"):
        row = measures.filter(pl.col("title") == name).row(0, named=True)
        assert f"{name}\t{row['value']:.0f} 项\t{row['rows']}" in figures
    page.keyboard.press("Escape")
    assert dialog.count() == 0


def test_the_points_of_a_card_add_up_to_its_total(show, file, card):
    page = show(file, "#unit=%E6%A1%90%E4%B9%A1%E5%B8%82")
    texts = page.locator("dialog .card > details.pillar > summary").all_inner_texts()
    points = [float(match[1]) for text in texts if (match := re.search(r"分值 ([\d.]+)", text))]
    total = card.totals.filter((pl.col("period") == card.periods[-1]) & (pl.col("entity") == "桐乡市"))["score"][0]
    assert sum(points) == pytest.approx(total, abs=0.005 * len(points) + 0.005)


def test_a_card_has_the_spread_of_the_peers(show, file, card):
    page = show(file, "#unit=%E6%A1%90%E4%B9%A1%E5%B8%82")
    own = explain(card, "桐乡市").peers
    text = page.locator("dialog .peers").inner_text()
    for number in (own.least, own.lower, own.middle, own.upper, own.greatest):
        assert f"{number + 1e-9:.2f}" in text
    indicator = page.locator("dialog .indicator", has_text="核心业务数字化覆盖率").first
    peers = next(item for item in explain(card, "桐乡市").walk() if item.name == "core_duty_digital_coverage").peers
    label = indicator.locator("svg.spread").get_attribute("aria-label")
    numbers = [float(item) for item in re.findall(r"\d+(?:\.\d+)?", label)]
    five = (peers.least, peers.lower, peers.middle, peers.upper, peers.greatest)
    assert {peers.place, peers.number} <= set(numbers)
    for value in five:
        assert any(abs(value - number) < 1e-4 for number in numbers)


def test_marks_and_totals_of_the_year_are_shown(show, tmp_path):
    for name, words in (("marks-as-printed", "28.00"), ("year-of-quarters", "70.00")):
        folder = Path(__file__).parents[1] / "golden" / name
        write(kpi.score(folder / "data.csv", system=folder / "system.yaml"), tmp_path / f"{name}.html")
        page = show(tmp_path / f"{name}.html")
        assert words in page.locator("main").inner_text()
        assert violations(page) == []


def test_two_units_stand_beside_each_other(show, file):
    page = show(file)
    button = page.get_by_role("button", name="比较", exact=True)
    assert button.is_disabled()
    for name in ("桐乡市", "海盐县"):
        page.get_by_label(f"比较: {name}").check()
    button.click()
    heads = page.locator("dialog thead th").all_inner_texts()
    assert heads == ["指标", "桐乡市", "海盐县", "差距"]
    assert page.locator("dialog tbody tr").first.inner_text().split("\t")[:3] == ["总分", "94.89", "65.59"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_pages_are_accessible_and_fit(show, file, scheme, width):
    page = show(file, width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not violations(page)
    page.locator("main > section").last.locator("summary").click()
    assert not violations(page)
    page.get_by_role("button", name="打开桐乡市").click()
    page.locator(".indicator summary").first.click()
    assert not violations(page)
    assert page.evaluate("document.querySelector('dialog').scrollWidth") <= width


def test_the_theme_is_switched(show, file):
    page = show(file)
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="浅色/深色").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert not violations(page)


def test_print_leaves_the_controls_out(show, file):
    page = show(file)
    page.emulate_media(media="print")
    assert not page.locator("#search").is_visible()
    assert page.locator("#league tbody tr").first.is_visible()
    assert page.get_by_text("缺项权重按比例分摊").first.is_visible()  # the method, which is closed on the screen
    assert page.pdf().startswith(b"%PDF")


def test_hostile_names_stay_texts(show, tmp_path):
    hostile = "</script><img src=x onerror=\"document.title='run'\"><b>甲"
    frame = pl.DataFrame({
        "期别": ["2022"] * 3 + ["2023"] * 3, "地区": [hostile, "长" * 200, "乙县"] * 2,
        "办件量": [200, 100, 50] * 2, "网办量": [180, 75, 20, 100, 75, 20],
    })  # fmt: skip
    rate = {"kind": "ratio", "numerator": "online", "denominator": "all", "title": hostile, "score": {"kind": "minmax"}}
    system = {
        "system": "small", "title": hostile, "period": "year", "entities": {},
        "measures": {"all": {"title": "办件量", "unit": "件"}, "online": {"title": "网办量", "unit": "件"}},
        "indicators": {"rate": rate}, "pillars": {"a": {"weight": 100, "parts": {"rate": 1}}},
    }  # fmt: skip
    write(kpi.score(frame, system=system), tmp_path / "report.html")
    page = show(tmp_path / "report.html", width=390)
    for place in range(3):
        page.locator("button.unit").nth(place).click()
        page.locator(".indicator summary").first.click()
        page.keyboard.press("Escape")
    assert page.title() != "run"
    assert page.locator("#page img, #page b").count() == 0
    assert page.locator("h1").inner_text().startswith(hostile)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_cohorts_have_pictures_of_places_of_their_own(show, tmp_path):
    write(cohorts_card(), tmp_path / "page.html")
    page = show(tmp_path / "page.html")
    shown = page.locator("section > h3").all_text_contents()
    assert shown == ["east", "west"]
    east, west = (page.locator(f'div.scroll[aria-label$=" {name}"] svg[role="img"]').text_content() for name in shown)
    assert "A · B" in east
    assert "D" not in east
    assert "E · F" in west


def test_a_card_has_the_least_single_change(show, tmp_path):
    card = cohorts_card()
    write(card, tmp_path / "page.html")
    page = show(tmp_path / "page.html", "#unit=A")
    assert "Least single change: ia 70 1 → 90 1" in page.locator("dialog").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_documents_of_differences_and_robustness_are_accessible_and_fit(browser, tmp_path, card, scheme, width):
    one, other = card.periods[-2:]
    reports = {
        "diff": DifferenceReport(diff(side(card, one), side(card, other), periods={other: one})),
        "stress": RobustnessReport(stressed(card, runs=40)),
    }
    for name, report in reports.items():
        path = tmp_path / f"{name}.html"
        path.write_bytes(content(report, "html"))
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True, offline=True
        )
        page = context.new_page()
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not violations(page)
        # Names keep their signs together, whatever the width.
        assert page.locator("tbody tr").first.evaluate("row => row.offsetHeight") < 120
        context.close()
