"""The service as a process: it refuses what is unsafe, publishes nights, and ends with its requests answered."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from conftest import access, running
from kpi.cli.main import main
from kpi.service.limits import Limits
from kpi.service.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--host", "0.0.0.0"], "K901"),  # noqa: S104
        (["--host", "::"], "K901"),
        (["--tokens", "missing.yaml"], "K900"),
        (["--host", "no-such-host.invalid"], "K901"),
        (["missing.toml"], "K800"),
        (["a.toml", "--store", "store"], "K543"),
    ],
)
def test_what_is_unsafe_or_missing_is_refused_at_the_start(arguments, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["serve", *arguments])
    assert done.exit_code == 2
    assert code in done.stderr


def test_a_port_in_use_is_named(served):
    port = served.url.rpartition(":")[2]
    done = CliRunner().invoke(main, ["serve", "--port", port])
    assert (done.exit_code, "K917" in done.stderr) == (2, True)


def test_a_new_token_is_printed_once():
    done = CliRunner().invoke(main, ["serve", "--new-token", "bureau"])
    assert re.fullmatch(r"[\w-]{43}\n", done.stdout)
    assert "name: bureau" in done.stderr
    assert done.stdout.strip() not in done.stderr


@pytest.mark.slow
def test_a_night_is_published_and_read_at_once(own_city, tmp_path):
    limits = Limits(workers=1, readers=1, seconds=300)
    settings = Settings(batch=own_city.folder / "nightly.toml", limits=limits)
    with running(tmp_path, settings, access()) as started, started.client() as client:
        before = client.get("/systems/small/league")
        own_city.correct("2023Q4")
        answer = client.post("/runs")
        assert (answer.status_code, answer.json()["run"], answer.json()["failed"]) == (201, 2, [])
        after = client.get("/systems/small/league")
        assert (before.headers["x-run"], after.headers["x-run"]) == ("1", "2")
        assert before.headers["etag"] != after.headers["etag"]
        assert client.get("/systems/small/league?run=1").json() == before.json()
        moved = client.get("/systems/small/runs/difference?before=1&after=2").json()
        assert moved["schema"] == "kpi.diff/1"
        # A night that changes nothing leaves tags as they are.
        assert client.post("/runs").json()["run"] == 3
        same = client.get("/systems/small/league", headers={"If-None-Match": after.headers["etag"]})
        assert (same.status_code, same.headers["x-run"]) == (304, "3")


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["SIGTERM", "SIGINT"])
def test_requests_that_run_are_answered_before_the_end(own_city, ending, tmp_path):
    environment = os.environ | {"PYTHONPATH": str(ROOT), "KPI_LANG": "en"}
    command = [sys.executable, "-m", "kpi", "serve", "nightly.toml", "--port", "0", "--workers", "1", "--readers", "1"]
    process = subprocess.Popen(
        command, cwd=own_city.folder, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        url = ""
        while "http://" not in url:
            url = process.stderr.readline()
            assert url, process.poll()
        url = url.split()[-1]
        deadline = time.monotonic() + 300
        while True:
            try:
                assert httpx.get(f"{url}/health").status_code == 200
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        answers = []
        data = "期别,地区,指标,数值,单位\n" + "".join(
            f"{year}Q{quarter},甲县,产值,{year}.{quarter},亿元\n"
            for year in range(1950, 2024)
            for quarter in (1, 2, 3, 4)
        )

        def ask():
            answers.append(httpx.post(f"{url}/systems/small/report", content=data.encode(), timeout=300).status_code)

        asking = threading.Thread(target=ask)
        asking.start()
        while 'kpi_busy_workers{pool="score"} 1.0' not in httpx.get(f"{url}/metrics").text and not answers:
            time.sleep(0.01)
        process.send_signal(getattr(signal, ending))
        asking.join()
        process.communicate(timeout=120)
        assert answers == [200]
        assert process.returncode in {0, 130, 143, -signal.SIGTERM, -signal.SIGINT}
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/health")
    finally:
        process.kill()
        process.communicate()
