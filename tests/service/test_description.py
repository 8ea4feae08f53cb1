"""The description of the service: what it promises holds for whatever is sent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import token_of

#: Texts that the description allows may still name no period, entity or file: those are refused.
CONFIG = """
[parameters]
"path.system" = "small"

[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "400", "403", "404", "406", "422"]
"""


def test_every_operation_is_described(served):
    with served.client() as client:
        description = client.get("/openapi.json").json()
    assert "HTTPValidationError" not in str(description)
    for path, item in description["paths"].items():
        for method, operation in item.items():
            assert operation["tags"], path
            assert operation["summary"], path
            assert operation["description"], path
            assert method != "post" or path == "/runs" or "multipart/form-data" in operation["requestBody"]["content"]
            statuses = set(operation["responses"])
            assert path == "/health" or {"401", "403"} <= statuses, path
            for status, answer in operation["responses"].items():
                assert status < "400" or list(answer["content"]) == ["application/problem+json"]
    examples = str(description)
    assert "2024Q1" in examples
    assert "urn:kpi:K602" in examples


@pytest.mark.slow
def test_schemathesis_finds_nothing_with_every_check(served, tmp_path):
    pytest.importorskip("schemathesis")
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG, "utf-8")
    command = Path(sys.executable).with_name("schemathesis")
    # A token without the right to publish: nights have tests of their own.
    done = subprocess.run(
        [
            command, "--config-file", config, "run", f"{served.url}/openapi.json", "--checks", "all",
            "--max-examples", "15", "--seed", "1", "--header", f"Authorization: Bearer {token_of('analyst')}",
            "--no-color", "--request-timeout", "600", "--max-response-time", "600", "--suppress-health-check", "all",
        ],
        capture_output=True, text=True, cwd=tmp_path, timeout=1500, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
