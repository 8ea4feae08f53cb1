"""What the service answers is what the library computes and the store holds, in every format."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from io import BytesIO

import polars as pl
import pytest

import kpi
from kpi.batch.batch_run import store_of
from kpi.batch.config import load
from kpi.service.response_cache import ResponseCache
from kpi.service.workers import Pool

ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture
def client(served):
    with served.client() as opened:
        yield opened


def sent(figures, name="2023Q4.csv", field="file"):
    return {field: (name, figures, "text/csv")}


# ---- SCORING ---- #


def test_an_upload_is_scored_as_by_the_library(client, published, figures, tmp_path):
    (tmp_path / "2023Q4.csv").write_bytes(figures)
    card = kpi.score(tmp_path / "2023Q4.csv", system=published.folder / "small.yaml")
    answer = client.post("/systems/small/score", files=sent(figures))
    tree = answer.json()
    assert answer.status_code == 200
    assert (tree["definition_hash"], tree["data_hash"]) == (card.definition_hash, card.data_hash)
    assert tree["totals"] == card.totals.to_dicts()
    assert tree["rows"] == card.counts


@pytest.mark.parametrize("accept", [ARROW, "text/csv", "application/vnd.apache.parquet"])
def test_a_table_of_a_result_is_the_same_in_every_format(client, figures, accept):
    answer = client.post(
        "/systems/small/score?table=indicators", content=figures,
        headers={"Accept": accept, "Content-Type": "text/csv"},
    )  # fmt: skip
    assert answer.headers["content-type"].startswith(accept)
    readers = {ARROW: pl.read_ipc_stream, "text/csv": pl.read_csv}
    frame = readers.get(accept, pl.read_parquet)(BytesIO(answer.content))
    tree = client.post("/systems/small/score", files=sent(figures)).json()["indicators"]
    assert frame["value"].to_list() == [row["value"] for row in tree]
    assert frame["indicator"].to_list() == [row["indicator"] for row in tree]


def test_papers_of_an_upload(client, figures):
    for name, start in (("xlsx", b"PK"), ("html", b"<!DOCTYPE"), ("docx", b"PK")):
        answer = client.post(f"/systems/small/score?format={name}", files=sent(figures))
        assert answer.status_code == 200, answer.text
        assert answer.content.startswith(start)


def test_findings_name_files_as_they_were_sent(client, figures):
    wrong = figures.decode().replace("亿元", "公里").encode()
    answer = client.post("/systems/small/score", files=sent(wrong, "上报 表.csv"))
    findings = answer.json()["findings"]
    assert any(each["severity"] == "error" and each["file"] == "上报 表.csv" for each in findings)
    assert "kpi-serve-" not in answer.text
    strict = client.post("/systems/small/score?strict=true", files=sent(wrong))
    assert strict.status_code == 422
    assert strict.json()["findings"][0]["file"] == "2023Q4.csv"


def test_files_of_one_name_are_both_scored(client, published):
    parts = [
        ("file", (quarter.name[-3:], quarter.read_bytes(), "text/csv"))
        for quarter in sorted((published.folder / "inbox").glob("*.csv"))
    ]
    tree = client.post("/systems/small/score", files=parts).json()
    assert len(tree["periods"]) == len(parts)


def test_one_period_of_an_upload(client, published):
    parts = [("file", (each.name, each.read_bytes())) for each in sorted((published.folder / "inbox").glob("*.csv"))]
    tree = client.post("/systems/small/score?period=2023年四季度", files=parts).json()
    assert tree["periods"] == ["2023Q4"]


def test_explanations_differences_and_what_if_of_an_upload(client, published):
    parts = [("file", (each.name, each.read_bytes())) for each in sorted((published.folder / "inbox").glob("*.csv"))]
    explained = client.post("/systems/small/explanation?entity=甲县", files=parts)
    assert explained.json()["schema"].startswith("kpi.explanation/")
    moved = client.post("/systems/small/difference?before=2023Q3&after=2023Q4", files=parts)
    assert moved.json()["schema"] == "kpi.diff/1"
    changed = client.post("/systems/small/what-if?set=甲县.length=500", files=parts)
    rows = {row["entity"]: row for row in changed.json()["totals"]}
    assert rows["甲县"]["score"] > rows["甲县"]["score_before"]


# ---- THE STORE ---- #


def test_a_league_table_is_what_the_store_holds(client, published):
    totals = store_of(load(published.folder / "nightly.toml")).read("totals", system="small")
    answer = client.get("/systems/small/league?period=2022Q3")
    expected = totals.filter(period="2022Q3").drop("position")
    assert pl.DataFrame(answer.json()["rows"])["score"].to_list() == expected["score"].to_list()
    latest = client.get("/systems/small/league").json()
    assert {row["period"] for row in latest["rows"]} == {"2023Q4"}
    arrow = pl.read_ipc_stream(BytesIO(client.get("/systems/small/league?format=arrow").content))
    assert arrow.equals(totals.filter(period="2023Q4").drop("position"))


def test_rows_of_a_table_are_selected(client):
    answer = client.get("/systems/small/tables/indicators?entity=甲县&indicator=growth&column=period&column=value")
    rows = answer.json()["rows"]
    assert list(rows[0]) == ["period", "value"]
    assert [row["period"] for row in rows] == sorted(row["period"] for row in rows)
    assert len(rows) == 12


def test_pages_are_the_table(client):
    pages, path = [], "/systems/small/tables/indicators?limit=7&period=2023Q4&period=2023Q3"
    while path:
        answer = client.get(path)
        pages += answer.json()["rows"]
        assert answer.headers["x-total-count"] == "18"
        path = answer.links.get("next", {}).get("url")
    whole = client.get("/systems/small/tables/indicators?period=2023Q4&period=2023Q3").json()["rows"]
    assert pages == whole


def test_a_tag_saves_the_body(client):
    for path in ("/systems/small/league", "/systems/small/explanation?entity=甲县", "/", "/systems/small/report"):
        first = client.get(path)
        assert first.status_code == 200, first.text
        again = client.get(path, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    nothing = client.get("/systems/small/tables/nothing", headers={"If-None-Match": "*"})
    assert nothing.status_code == 404
    csv, tree = (client.get("/systems/small/league", headers={"Accept": media}) for media in ("text/csv", "*/*"))
    assert csv.headers["etag"] != tree.headers["etag"]


STORED = (
    "/", "/systems/small/league", "/systems/small/tables/totals?entity=甲县", "/systems/small/explanation?entity=甲县",
    "/systems/small/what-if?set=甲县.length=500", "/systems/small/difference?before=2022Q4&after=2023Q4",
    "/systems/small/runs/difference?before=1&after=1", "/systems/small/report",
)  # fmt: skip


def test_a_tag_is_confirmed_without_computing_anything(client, served, monkeypatch):
    known = {path: client.get(path).headers["etag"] for path in STORED}
    monkeypatch.setattr(served.service, "cache", ResponseCache(1 << 20))
    done = []
    original = Pool.run

    async def counted(pool, job, language, **arguments):
        done.append(job)
        return await original(pool, job, language, **arguments)

    monkeypatch.setattr(Pool, "run", counted)
    for path, tag in known.items():
        answer = client.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag), path
    assert set(done) <= {"head"}
    assert client.get("/systems/small/league").status_code == 200
    assert "table" in done


def test_a_tag_changes_with_the_engine(client, monkeypatch):
    before = client.get("/systems/small/league").headers["etag"]
    monkeypatch.setattr("kpi.service.service.engine", lambda: "kpi 0.0.9")
    assert client.get("/systems/small/league").headers["etag"] != before


@pytest.mark.parametrize("path", [*STORED, "/health", "/systems", "/systems/small", "/openapi.json", "/systems/none"])
def test_head_is_get_without_the_body(client, path):
    whole, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert int(head.headers["content-length"]) == len(whole.content)
    for name in ("etag", "content-type", "vary", "link", "x-total-count"):
        assert head.headers.get(name) == whole.headers.get(name)


def test_analyses_of_the_store(client, published):
    card = kpi.score(sorted((published.folder / "inbox").glob("*.csv")), system=published.folder / "small.yaml")
    explained = client.get("/systems/small/explanation?entity=乙县&period=2022Q4").json()
    totals = card.totals.filter(entity="乙县", period="2022Q4")
    assert str(totals["score"].item()) in str(explained)
    moved = client.get("/systems/small/difference?before=2022Q4&after=2023Q4&entity=甲县").json()
    assert {row["entity"] for row in moved["totals"]} == {"甲县"}
    way = client.get("/systems/small/explanation?entity=丙县&to=rank:1")
    assert way.status_code == 200
    assert client.get("/systems/small/what-if?set=甲县.length=500").json()["schema"] == "kpi.diff/1"


def test_the_front_page_is_the_report(client):
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    assert "small 2023Q4" in page.text
    assert "default-src 'none'" in page.text


def test_reports_in_every_format(client):
    for name, start in (("html", b"<!DOCTYPE"), ("md", b"#"), ("docx", b"PK"), ("xlsx", b"PK")):
        answer = client.get(f"/systems/small/report?format={name}&period=2023Q4")
        assert answer.content.startswith(start), name


def test_systems_and_the_method_of_one(client):
    listed = {entry["system"]: entry for entry in client.get("/systems").json()["systems"]}
    assert listed["small"]["rights"] == ["read", "score", "publish"]
    assert listed["small"]["periods"][-1] == "2023Q4"
    assert listed["jiaxing-2022"]["periods"] == []
    assert "schema" in client.get("/systems/small").json()
    assert client.get("/systems/small", headers={"Accept": "text/markdown"}).text.startswith("#")


# ---- LANGUAGES ---- #


def test_texts_are_in_the_language_of_the_request(client):
    messages = {
        accepted: client.get("/systems/small/explanation?entity=丁县", headers={"Accept-Language": accepted}).json()
        for accepted in ("zh-CN,zh;q=0.9", "en")
    }
    assert messages["en"]["detail"] == "`丁县` is not among the entities"
    chinese = messages["zh-CN,zh;q=0.9"]
    assert (chinese["type"], chinese["status"]) == ("urn:kpi:K602", 404)
    assert "is not among" not in chinese["detail"]


# ---- PROBLEMS ---- #


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/systems/small/explanation?entity=丁县", 404, "K602"),
        ("/systems/smal/league", 404, "K914"),
        ("/systems/small/tables/total", 404, "K914"),
        ("/systems/small/tables/totals?column=scores", 422, "K915"),
        ("/systems/small/league?limit=0", 422, "K915"),
        ("/systems/small/league?run=99", 404, "K811"),
        ("/systems/small/league?period=sometime", 422, "K606"),
        ("/systems/small/what-if?set=甲县长度", 422, "K874"),
        ("/systems/small/league?format=pdf", 406, "K911"),
        ("/nothing", 404, "K915"),
    ],
)
def test_a_problem_carries_its_findings(client, path, status, code):
    answer = client.get(path)
    tree = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert (tree["status"], tree["type"], tree["findings"][0]["code"]) == (status, f"urn:kpi:{code}", code)
    assert tree["detail"] == tree["findings"][0]["message"]


def test_formats_that_nobody_writes_are_refused(client):
    assert client.get("/systems/small/league", headers={"Accept": "image/png"}).status_code == 406
    assert client.delete("/systems").headers["allow"] == "GET, HEAD"
    assert client.delete("/systems/small/report").headers["allow"] == "GET, HEAD, POST"


def test_a_path_is_never_taken_for_a_file(client, published, figures):
    for name in ("..%2Fsmall.yaml", "small.yaml", "%2Fetc%2Fpasswd", "..", "sm*ll"):
        answer = client.post(f"/systems/{name}/score", content=figures)
        assert answer.status_code in {404, 405, 422}, answer.text


def test_health_metrics_and_the_audit_log(client, served):
    client.head("/systems/small")
    assert client.get("/health").json()["status"] == "ok"
    client.get("/systems/small/league")
    text = client.get("/metrics").text
    assert 'kpi_requests_total{method="GET",route="/systems/{system}/league",status="200"}' in text
    line = next(each for each in reversed(served.lines()) if each["route"] == "/systems/{system}/league")
    assert any((each["method"], each["route"]) == ("HEAD", "/systems/{system}") for each in served.lines())
    assert (line["token"], line["system"], line["status"]) == ("publisher", "small", 200)
    assert "secret-of" not in served.audit.read_text("utf-8")


# ---- SAFE IN A BROWSER ---- #

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.mark.parametrize("accept", [BROWSER, "text/html", "text/markdown", "*/*"])
@pytest.mark.parametrize("table", ["", "totals", "indicators", "findings"])
def test_no_answer_of_a_browser_has_names_as_markup(client, figures, accept, table):
    wrong = figures.decode().replace("甲县", MARKUP).encode()
    path = "/systems/small/score" + (f"?table={table}" if table else "")
    answer = client.post(path, files=sent(wrong), headers={"Accept": accept})
    media = answer.headers["content-type"]
    if table and accept.startswith("text/") and accept != BROWSER:
        assert answer.status_code == 406
        assert media == "application/problem+json"
    else:
        assert answer.status_code == 200, answer.text
    assert not media.startswith("text/html") or MARKUP not in answer.text
    assert media.startswith("text/html") or accept != "text/html" or table
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("form", ["html", "md", "docx", "xlsx"])
@pytest.mark.parametrize(
    "path", ["explanation?entity=甲县", "what-if?set=甲县.length=500", "difference?before=2022Q4&after=2023Q4"]
)
def test_a_format_without_single_tables_is_refused_for_a_table(client, path, form):
    assert client.get(f"/systems/small/{path}&table=totals&format={form}").status_code == 406


def test_only_the_program_of_the_report_runs_in_a_page(client):
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    script = answer.text.rpartition("<script>")[2].partition("</script>")[0]
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "content-security-policy" in client.get("/nothing").headers


# ---- NOTHING IS LOST WITHOUT A WORD ---- #


@pytest.mark.parametrize(
    ("path", "status", "code", "word"),
    [
        ("/systems/small/league?perod=2023Q3", 422, "K915", "perod"),
        ("/systems/small/league?period=2023Q3&period=2023Q4", 422, "K915", "period"),
        ("/systems?sytem=small", 422, "K915", "sytem"),
        ("/systems/small/league?period=1999Q1", 404, "K551", "1999Q1"),
        ("/systems/small/tables/totals?period=2023Q4&period=1999Q1", 404, "K551", "1999Q1"),
        ("/systems/small/tables/totals?entity=甲县&entity=丁县", 404, "K602", "丁县"),
        ("/systems/small/tables/indicators?indicator=growht", 404, "K203", "growht"),
        ("/systems/small/tables/pillars?pillar=nowhere", 404, "K203", "nowhere"),
    ],
)
def test_what_is_not_used_is_named(client, path, status, code, word):
    answer = client.get(path)
    assert (answer.status_code, answer.json()["findings"][0]["code"]) == (status, code), answer.text
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(
    "part",
    [("explanations", ("b.csv", b"x\n1\n")), ("period", (None, b"2023Q4")), ("file", (None, b"a,b\n1,2\n"))],
)
def test_a_part_of_a_form_that_is_not_used_is_named(client, figures, part):
    parts = [("file", ("a.csv", figures)), ("explanations", ("a.csv", b"x\n1\n")), part]
    answer = client.post("/systems/small/score", files=parts)
    assert (answer.status_code, answer.json()["findings"][0]["code"]) == (400, "K912"), answer.text
    assert f"`{part[0]}`" in answer.json()["detail"]


def test_a_field_of_a_form_that_names_no_dataset_is_refused(client, figures):
    answer = client.post("/systems/small/score", files={"fiel": ("a.csv", figures)})
    assert answer.status_code == 422
    assert "fiel" in answer.text


def test_a_column_that_is_named_twice_is_there_once(client):
    answer = client.get("/systems/small/tables/totals?column=score&column=entity&column=score")
    assert list(answer.json()["rows"][0]) == ["score", "entity"]


def test_every_part_of_an_upload_counts_for_its_tag(client, figures):
    first = ("file", ("a.csv", figures))
    uploads = [
        [first], [first, first], [first, ("explanations", ("b.csv", "期别,地区,指标,说明\n".encode()))],
        [("file", ("b.csv", figures))],
    ]  # fmt: skip
    tags = [client.post("/systems/small/score", files=parts).headers.get("etag") for parts in uploads]
    assert None not in tags[::3]
    assert len(set(tags)) == len(tags)
    assert client.post("/systems/small/score", files=[first]).headers["etag"] == tags[0]
