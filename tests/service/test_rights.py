"""Nobody without the right reads, scores or publishes, and nobody learns what there is."""

from __future__ import annotations

import base64
import hashlib
from itertools import combinations

import httpx
import pytest

from conftest import TOKENS, access, running, token_of
from kpi.errors import DefinitionError
from kpi.service import access as tokens
from kpi.service.access import RIGHTS, Access, Token, require, same_site
from kpi.service.app import create_app
from kpi.service.limits import Limits
from kpi.service.problems import Problem
from kpi.service.settings import Settings

#: What each operation asks for: the rights of which it needs one, for the system; none for every known token.
NEEDS = {
    ("GET", "/health"): None, ("GET", "/metrics"): (), ("GET", "/systems"): (), ("GET", "/"): ("read",),
    ("GET", "/systems/{system}"): ("read", "score"), ("POST", "/systems/{system}/score"): ("score",),
    ("GET", "/systems/{system}/league"): ("read",), ("GET", "/systems/{system}/tables/{table}"): ("read",),
    ("GET", "/systems/{system}/explanation"): ("read",), ("POST", "/systems/{system}/explanation"): ("score",),
    ("GET", "/systems/{system}/what-if"): ("read",), ("POST", "/systems/{system}/what-if"): ("score",),
    ("GET", "/systems/{system}/difference"): ("read",), ("POST", "/systems/{system}/difference"): ("score",),
    ("GET", "/systems/{system}/runs/difference"): ("read",),
    ("GET", "/systems/{system}/report"): ("read",), ("POST", "/systems/{system}/report"): ("score",),
    ("POST", "/runs"): ("publish",),
}  # fmt: skip
#: The parameters without which an operation is not answered at all.
ASKED = {
    "/": {"system": "small"}, "/systems/{system}/explanation": {"entity": "甲县"},
    "/systems/{system}/what-if": {"set": "甲县.length=5"},
    "/systems/{system}/difference": {"before": "2023Q3", "after": "2023Q4"},
    "/systems/{system}/runs/difference": {"before": "1", "after": "1"},
}  # fmt: skip
#: Every combination of rights for the system, and the same rights for others.
KINDS = [
    (rights, pattern)
    for pattern in ("small", "other-*")
    for number in range(len(RIGHTS) + 1)
    for rights in combinations(RIGHTS, number)
]


def operations(served):
    with served.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    return [(method.upper(), path) for path, item in paths.items() for method in item]


def test_every_route_states_the_right_that_it_needs(served):
    described = set(operations(served))
    assert described == set(NEEDS)
    # What the description leaves out is not answered by a route of its own.
    routes = {
        (method, route.path) for route in create_app(served.service).routes for method in route.methods - {"HEAD"}
    }
    assert routes - described == {("GET", "/openapi.json")}


@pytest.fixture(scope="module")
def everybody(published, tmp_path_factory):
    """A service with a token for every combination of rights, and the clients by these."""
    tokens_of = {
        (rights, pattern): Token(
            name=f"{'-'.join(rights) or 'nothing'}-{pattern.strip('*-')}",
            sha256=hashlib.sha256(f"{rights}{pattern}".encode()).hexdigest(), **dict.fromkeys(rights, (pattern,)),
        )
        for rights, pattern in KINDS
    }  # fmt: skip
    limits = Limits(size=1 << 20, workers=1, readers=1, seconds=120)
    # Without a batch: who may publish is told that there is none, and no night runs.
    settings = Settings(published.folder, store=published.folder / "store", limits=limits)
    folder = tmp_path_factory.mktemp("everybody")
    with running(folder, settings, Access(tuple(tokens_of.values()))) as started:
        clients = {
            kind: httpx.Client(
                base_url=started.url, headers={"Authorization": f"Bearer {kind[0]}{kind[1]}"}, timeout=120
            )
            for kind in KINDS
        }
        yield clients
        for client in clients.values():
            client.close()


@pytest.mark.parametrize("operation", NEEDS, ids=" ".join)
def test_each_route_answers_those_with_its_right_alone(everybody, operation, published):
    method, path = operation
    files = [("file", (each.name, each.read_bytes())) for each in sorted((published.folder / "inbox").glob("*.csv"))]
    sent = {"files": files} if method == "POST" and path != "/runs" else {}
    needs = NEEDS[operation]
    place = path.replace("{system}", "small").replace("{table}", "totals")
    for (rights, pattern), client in everybody.items():
        answer = client.request(method, place, params=ASKED.get(path, {}), **sent)
        # The right to publish is for every system of the batch: here there is none, and a token needs any.
        mine = pattern == "small" or path == "/runs"
        allowed = needs in {None, ()} or (mine and not {*needs}.isdisjoint(rights))
        if allowed:
            assert answer.status_code == (404 if path == "/runs" else 200), (rights, pattern, answer.text)
        else:
            assert (answer.status_code, answer.json()["type"]) == (403, "urn:kpi:K903"), (rights, pattern)
            # Nothing of the system is in the answer but its name, which the request had.
            assert "甲县" not in answer.text
        if path == "/systems":
            listed = {entry["system"] for entry in answer.json()["systems"]}
            assert listed == ({"small"} if pattern == "small" and rights else set())


def test_no_route_answers_without_a_token(served):
    with served.client(None) as client:
        for method, path in operations(served):
            answer = client.request(method, path.replace("{system}", "small").replace("{table}", "totals"))
            if path == "/health":
                assert answer.status_code == 200
                continue
            assert (answer.status_code, answer.json()["type"]) == (401, "urn:kpi:K902"), path
            assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer x", "Basic x", "Basic eDp5", "Digest x", f"bearer {token_of('reader')}x", "Bearer é"],
)
def test_no_other_text_is_a_token(header):
    with pytest.raises(Problem) as caught:
        access().identify({"authorization": header})
    assert caught.value.status_code == 401


def test_a_token_is_known_as_bearer_and_as_the_password_of_basic():
    password = base64.b64encode(f"any:{token_of('reader')}".encode()).decode()
    for header in (f"Bearer {token_of('reader')}", f"bearer  {token_of('reader')}", f"Basic {password}"):
        assert access().identify({"authorization": header}).name == "reader"


def test_without_the_right_the_front_page_names_no_system(served):
    for name, there in (("reader", True), ("scorer", False), ("outsider", False)):
        with served.client(name) as client:
            assert ("small" in client.get("/").text) == there


def test_without_the_right_a_system_that_is_not_there_looks_the_same(served):
    with served.client("outsider") as client:
        there, missing = client.get("/systems/small/league"), client.get("/systems/smell/league")
        assert there.status_code == missing.status_code == 403
        assert there.json()["findings"] == missing.json()["findings"]
        assert client.get("/systems").json()["systems"] == []


def test_only_publishers_publish(served):
    for name in ("reader", "scorer", "outsider"):
        with served.client(name) as client:
            answer = client.post("/runs")
            assert answer.status_code == 403, name
    with served.client() as client:
        assert client.get("/systems/small/league").headers["x-run"] == "1"


def test_lists_hold_what_the_token_may_see(served):
    for name, rights in (("reader", ["read"]), ("scorer", ["score"])):
        with served.client(name) as client:
            (entry,) = client.get("/systems").json()["systems"]
        assert (entry["system"], entry["rights"]) == ("small", rights)
        assert bool(entry["periods"]) == (name == "reader")


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example", "a/b", ""])
def test_without_tokens_no_other_host_is_answered(host):
    with pytest.raises(Problem) as caught:
        Access().identify({"host": host})
    assert caught.value.findings[0].code == "K904"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000"])
def test_without_tokens_this_machine_may_do_everything(host):
    require(Access().identify({"host": host}), "publish", "small")


def test_a_page_of_another_site_changes_nothing(served):
    same_site({"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"})
    with served.client(Origin="https://attacker.example") as client:
        assert client.post("/runs").json()["type"] == "urn:kpi:K904"


# ---- FILES OF TOKENS ---- #


def test_a_drawn_token_is_known_by_its_entry(tmp_path):
    token, entry = tokens.drawn("bureau")
    file = tmp_path / "tokens.yaml"
    file.write_text(f"tokens:\n{entry}", "utf-8")
    known = tokens.read(file, {}).identify({"authorization": f"Bearer {token}"})
    assert known.name == "bureau"
    assert token not in file.read_text("utf-8")
    assert tokens.read(None, {"KPI_TOKENS": f"tokens:\n{entry}"}).tokens == (known,)


@pytest.mark.parametrize(
    "text",
    [
        "tokens: []", "tokens: [", "[]", "tokens: [{name: a, sha256: geheim}]", "tokens: [{name: a}]",
        f"tokens: [{{name: a, sha256: {'0' * 64}, write: '*'}}]",
        f"tokens: [{{name: a, sha256: {'0' * 64}}}, {{name: b, sha256: {'0' * 64}}}]",
        f"tokens: [{{name: a, sha256: {'0' * 64}}}, {{name: a, sha256: {'1' * 64}}}]",
    ],
)  # fmt: skip
def test_a_wrong_file_of_tokens_is_refused_without_showing_it(tmp_path, text):
    file = tmp_path / "tokens.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(DefinitionError) as caught:
        tokens.read(file, {})
    assert {finding.code for finding in caught.value.diagnostics} == {"K900"}
    assert "geheim" not in str(caught.value)


def test_a_pattern_is_for_whole_names():
    token = access(("reader",)).tokens[0]
    assert token.may("read", "small")
    assert not token.may("read", "smaller")
    assert not token.may("score", "small")
    assert TOKENS["reader"] == {"read": ["small"]}


def test_a_browser_is_asked_for_a_password(served):
    answer = httpx.get(served.url, headers={"Accept": "text/html"})
    assert answer.headers["www-authenticate"].startswith("Basic")
