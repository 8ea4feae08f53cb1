"""A short load on the service, and the client of the examples: no error, and flat memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import running
from kpi.service.access import Access
from kpi.service.limits import Limits
from kpi.service.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_mixed_load_has_no_error():
    pytest.importorskip("deltalake")
    done = subprocess.run(
        [sys.executable, "benchmarks/service_load.py", "--seconds", "20", "--entities", "50", "--workers", "1"],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    measured = json.loads(done.stdout)
    assert measured["errors"] == []
    assert set(measured["milliseconds"]) >= {"league", "cached", "history", "score"}
    # In so short a time memory is still growing to what it will be.
    assert measured["memory_mb"]["at_the_end"] < measured["memory_mb"]["after_warm_up"] * 1.5


@pytest.mark.slow
def test_the_client_of_the_examples_scores_the_sample(tmp_path):
    settings = Settings(limits=Limits(workers=1, readers=1))
    with running(tmp_path, settings, Access()) as started:
        done = subprocess.run(
            [sys.executable, "examples/http_client.py", started.url], cwd=ROOT, capture_output=True, text=True,
            check=False, env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "数据管理能力成熟度评估 2023" in done.stdout
    assert "己电网  100  ★★★★★" in done.stdout
