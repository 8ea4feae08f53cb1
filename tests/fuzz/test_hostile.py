from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import hostile


def test_hostile_expressions_are_plans_or_findings():
    dice = random.Random(1)
    for _ in range(300):
        hostile.timed(hostile.judge_expression, hostile.expression(dice))


def test_hostile_definitions_are_systems_or_findings():
    dice = random.Random(2)
    for _ in range(150):
        hostile.timed(hostile.judge_definition, hostile.definition(dice))


@pytest.mark.slow
def test_a_minute_of_bytes_leaves_the_parsers_standing():
    done = subprocess.run(
        [sys.executable, hostile.__file__, "--seconds", "60"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
