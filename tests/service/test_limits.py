"""Bad and large requests are refused with a problem, and the service answers the next one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import polars as pl
import pytest

from conftest import access, running, token_of
from kpi.service.limits import Limits
from kpi.service.metrics import Metrics
from kpi.service.problems import Problem
from kpi.service.settings import Settings
from kpi.service.workers import Pool, RefusedError

SIZE = 40_000


@pytest.fixture(scope="module")
def narrow(published, tmp_path_factory):
    """A service with narrow limits."""
    limits = Limits(size=SIZE, rows=100, upload_seconds=2, queue=1, workers=1, readers=1, seconds=120)
    settings = Settings(published.folder, limits=limits)
    with running(tmp_path_factory.mktemp("narrow"), settings, access()) as started:
        yield started


@pytest.fixture
def client(narrow):
    with narrow.client() as opened:
        yield opened


def raw(narrow, head: str, pieces=(), pause: float = 0.0) -> bytes:
    """Send a request as bytes and return the answer; the connection is closed after a while without one."""
    host, port = narrow.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        authorization = f"Authorization: Bearer {token_of('publisher')}\r\n"
        connection.sendall(f"{head}\r\nHost: {host}\r\n{authorization}\r\n".encode())
        answer = b""
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        connection.settimeout(30)
        while part := connection.recv(65536):
            answer += part
            if b"findings" in answer:
                break
        return answer


def is_well(client, figures):
    answer = client.post("/systems/small/score", content=figures, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 200, answer.text


def test_a_large_body_is_refused_by_its_declared_length(client, figures):
    answer = client.post("/systems/small/score", content=b"x" * (SIZE + 1))
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:kpi:K905")
    is_well(client, figures)


def test_a_large_body_of_unknown_length_is_refused_on_the_way(client, narrow):
    answer = client.post("/systems/small/score", content=(b"x" * 1000 for _ in range(200)))
    assert answer.status_code == 413
    assert narrow.lines()[-1]["received"] <= SIZE + 65_536


def test_a_slow_body_is_refused(narrow, client, figures):
    head = "POST /systems/small/score HTTP/1.1\r\nContent-Length: 1000"
    answer = raw(narrow, head, [b"a"] * 5, 0.5)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"urn:kpi:K913" in answer
    is_well(client, figures)


def test_a_body_that_is_cut_off_does_no_harm(narrow, client, figures):
    host, port = narrow.url.removeprefix("http://").split(":")
    for head in ("Content-Type: text/csv", "Content-Type: multipart/form-data; boundary=x"):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(
                f"POST /systems/small/score HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n"
                f"Authorization: Bearer {token_of('publisher')}\r\n{head}\r\n\r\n--x\r\n".encode()
            )
    is_well(client, figures)


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"Content-Type": "multipart/form-data"}, b"nothing", 400, "K912"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"nothing", 400, "K912"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, b"--x\r\n\r\n--x--\r\n", 400, "K912"),
        ({"Content-Type": "multipart/form-data; boundary=x"},
         b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n', 400, "K912"),
        ({"Content-Type": "text/csv"}, b"", 400, "K912"),
        ({"Content-Type": "application/vnd.apache.parquet"}, b"PAR1" + b"\x00" * 50 + b"PAR1", 422, None),
        ({"Content-Type": "application/zip"}, b"PK\x03\x04" + b"\xff" * 90, 422, None),
        ({"Content-Type": "text/csv"}, bytes(range(256)) * 10, 422, None),
    ],
)  # fmt: skip
def test_malformed_uploads_are_refused(client, headers, body, status, code):
    answer = client.post("/systems/small/score", content=body, headers=headers)
    tree = answer.json()
    assert (answer.status_code, tree["status"]) == (status, status)
    assert code is None or tree["findings"][0]["code"] == code
    assert tree["findings"]
    assert "kpi-serve-" not in answer.text


def test_rows_are_counted_whatever_the_format(client):
    many = pl.DataFrame({"期别": ["2023Q4"] * 200, "地区": ["甲县"] * 200, "产值": [1.0] * 200})
    packed = BytesIO()
    many.write_parquet(packed)
    for body in (packed.getvalue(), many.write_csv().encode()):
        answer = client.post("/systems/small/score", content=body)
        assert (answer.status_code, answer.json()["type"]) == (413, "urn:kpi:K906")


def test_more_than_the_queue_is_refused_with_a_time(narrow, figures):
    def ask(_):
        with narrow.client() as client:
            answer = client.post("/systems/small/score", content=figures)
            return answer.status_code, answer.headers.get("retry-after")

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(ask, range(12)))
    assert {status for status, _ in answers} <= {200, 503}
    assert (503, "2") in answers
    assert 200 in {status for status, _ in answers}


def test_a_worker_that_dies_takes_one_request_with_it(narrow, client, figures):
    pool = narrow.service.scorers
    stop = False

    def kill():
        while not stop:
            for process in pool.at_work:
                os.kill(process, signal.SIGKILL)
                return
            time.sleep(0.0002)

    with ThreadPoolExecutor(1) as threads:
        threads.submit(kill)
        answers = []
        while not any(status != 200 for status in answers) and len(answers) < 200:
            answers.append(client.post("/systems/small/score", content=figures).status_code)
        stop = True
    assert answers[-1] == 500
    is_well(client, figures)
    assert client.get("/health").json()["status"] == "ok"


# ---- WORKERS ---- #


def pool_answers(settings, *jobs, pause=0.0):
    """Return what a pool of one worker gives for jobs, one after the other, and the reasons for which workers ended."""

    async def work():
        metrics, answers = Metrics(), []
        pool = Pool("test", 1, settings, metrics)
        await pool.start()
        try:
            for name, arguments in jobs:
                await asyncio.sleep(pause)
                try:
                    answers.append(await pool.run(name, "en", **arguments))
                except Problem as problem:
                    answers.append((problem.status_code, problem.findings[0].code))
                except RefusedError as error:
                    answers.append((error.status, error.findings[0]["code"]))
        finally:
            await pool.stop()
        ended = {
            sample.labels["reason"]: sample.value
            for metric in metrics.registry.collect()
            for sample in metric.samples
            if sample.name == "kpi_ended_workers_total"
        }
        return answers, ended

    return asyncio.run(work())


def test_work_that_takes_too_long_is_ended_and_the_pool_recovers(published):
    settings = Settings(published.folder, limits=Limits(seconds=0.0001))
    answers, ended = pool_answers(settings, ("systems", {}))
    assert answers == [(503, "K907")]
    assert ended == {"time": 1}


def test_work_that_needs_too_much_memory_is_ended(published):
    settings = Settings(batch=published.folder / "nightly.toml", limits=Limits(memory=20 << 20))
    answers, ended = pool_answers(settings, *[("systems", {"names": ()})] * 2, pause=0.5)
    assert ended["memory"] >= 1
    assert all(isinstance(answer, list) or answer == (413, "K908") for answer in answers)


def test_a_refused_job_keeps_its_worker(published):
    settings = Settings(published.folder)
    answers, ended = pool_answers(settings, ("definition", {"system": "none", "kind": "json"}), ("head", {}))
    assert answers == [(404, "K205"), (404, "K914")]
    assert ended == {}


def test_a_job_that_fails_keeps_its_worker(published, capsys):
    answers, ended = pool_answers(Settings(published.folder), ("definition", {}), ("systems", {"names": ()}))
    assert answers == [(500, "K909"), []]
    assert ended == {}
    assert "TypeError" in capsys.readouterr().err


def test_what_is_logged_is_json(narrow):
    for line in narrow.audit.read_text("utf-8").splitlines():
        assert {"time", "token", "method", "route", "system", "status", "seconds"} <= set(json.loads(line))
