"""S: scoring relative to peers, three levels of the tree, ranks; Copeland; cut points from the scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import yaml

from benchmarks.race import Race, hold
from benchmarks.size import size
from kpi.engine.plan import Plan, compile_plan
from kpi.language.loading.loader import examine_text
from kpi.language.stars import cutpoints
from kpi.values import numerics
from kpi.values.status import Status

INDICATORS = 200
MINMAX: Mapping[str, Any] = {"kind": "minmax"}
NOTHING: Mapping[str, Any] = {}


def plan(
    scoring: Mapping[str, Any] = MINMAX, target: Mapping[str, Any] = NOTHING, missing: str = "redistribute"
) -> Plan:
    """A system of 200 indicators with one rule: ten pillars of twenty indicators, two top pillars, a composite."""
    names = [f"x{i}" for i in range(INDICATORS)]
    own = {"target": dict(target)} if target else {}
    pillars: dict[str, Any] = {f"p{p}": {"parts": names[20 * p : 20 * p + 20]} for p in range(10)}
    pillars |= {f"t{t}": {"weight": 1, "parts": [f"p{p}" for p in range(t, 10, 2)]} for t in range(2)}
    pillars = {name: item | {"missing": missing} for name, item in pillars.items()}
    document = {
        "system": "bench",
        "period": "year",
        "entities": {},
        "measures": {f"m{i}": {"unit": "1"} for i in range(INDICATORS)},
        "indicators": {f"x{i}": {"kind": "level", "of": f"m{i}"} | own for i in range(INDICATORS)},
        "scoring": dict(scoring),
        "pillars": pillars,
    }
    system = examine_text(yaml.safe_dump(document)).system
    assert system is not None
    return compile_plan(system)


def panel(entities: int, periods: int = 1) -> pl.DataFrame:
    random = np.random.default_rng(1)
    height = entities * periods
    columns = {
        "entity": pl.Series(np.tile(np.arange(entities), periods), dtype=pl.UInt32),
        "period": pl.Series(np.repeat(np.arange(periods), entities), dtype=pl.Int32),
        "cohort": pl.repeat("", height, eager=True),
        "#month": pl.repeat(11, height, dtype=pl.Int32, eager=True),
        "#entities": pl.repeat(entities, height, dtype=pl.Int64, eager=True),
    }
    ok = pl.repeat("ok", height, dtype=Status, eager=True)
    for i in range(INDICATORS):
        columns |= {f"m{i}": pl.Series(random.random(height) * 100), f"m{i}.status": ok}
    return pl.DataFrame(columns)


def test_normalise_weight_aggregate_rank(benchmark):
    of, small, large = plan(), panel(size(3000, least=30)), panel(size(300_000, least=300))
    race = Race(
        "S: min-max, 200 indicators, 3 levels, ranks and stars",
        "3,000 entities",
        {"3,000 entities": "≤ 70 ms", "300,000 entities": "≤ 1.5 s"},
        note="The whole plan, statuses included, from measures in memory. COINr 1.2 takes 1.40 s for 3,000.",
    )
    contenders = {"3,000 entities": small, "300,000 entities": large}
    hold(
        benchmark,
        race,
        {name: lambda frame=frame: of.collect(frame) for name, frame in contenders.items()},
        rounds=5,
    )


def test_rules_and_policies(benchmark):
    frame = panel(size(3000, least=30))
    at_least, inside = {"at_least": 50}, {"within": [30, 60]}
    plans = {
        "min-max": plan(),
        "completion": plan({"kind": "completion"}, at_least),
        "completion without a cap": plan({"kind": "completion", "cap": None}, at_least),
        "interval by the peers": plan({"kind": "interval"}, inside),
        "interval with limits": plan({"kind": "interval", "limits": [10, 90]}, inside),
        "gaps spread evenly": plan(missing="spread"),
        "gaps as zero": plan(missing="zero"),
    }
    race = Race(
        "S: rules and policies beside min-max, 3,000 x 200",
        "min-max",
        dict.fromkeys(plans, "≤ 1.6"),
        note="No rule and no policy for gaps costs much more than another.",
    )
    hold(benchmark, race, {name: lambda item=item: item.collect(frame) for name, item in plans.items()}, rounds=9)


def test_copeland(benchmark):
    random = np.random.default_rng(1)
    columns = [pl.Series(random.random(size(3000, least=100))) for _ in range(INDICATORS)]
    equal, given = [1.0] * INDICATORS, [1.0 + i / 7 for i in range(INDICATORS)]
    race = Race("S: Copeland, 3,000 x 200", "equal weights", note="Holds blocks of 128 x 3,000 pairs, nothing larger.")
    hold(
        benchmark,
        race,
        {
            "equal weights": lambda: numerics.copeland(columns, equal),
            "given weights": lambda: numerics.copeland(columns, given),
        },
        rounds=3,
    )


def test_natural_breaks(benchmark):
    scores = pl.Series(np.random.default_rng(1).random(size(3000, least=100)).round(4) * 100)
    race = Race("S: exact natural breaks, 3,000 scores, 5 clusters", "breaks")
    hold(benchmark, race, {"breaks": lambda: cutpoints.breaks(scores, 5)}, rounds=3)
