"""A small scorecard with what reports must cope with: ties, half stars, vetoes, unrated entities, hostile text."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from kpi.values.status import Status

PILLARS = {"platform": "一体化智能化公共数据平台", "service": "数字政府", "economy": "数字经济"}
UNITS = {
    # entity: cohort, scores of 2023Q3, scores of 2023Q4 (by pillar)
    "南湖区": ("区", (80.0, 82.0, 84.0), (90.0, 91.0, 93.5)),
    "秀洲区": ("区", (85.0, 81.0, 80.0), (85.0, 81.0, 80.0)),
    "桐乡市": ("县(市)", (70.0, 71.0, 72.0), (75.0, 76.123456, 77.0)),
    "海宁市": ("县(市)", (77.0, 77.0, 77.0), (71.0, None, 72.0)),
    "示范区=国际商务\t中心": ("县(市)", (None, None, None), (60.0, 61.0, 62.0)),
    "平湖市": ("县(市)", (60.0, 60.0, 60.0), (None, None, None)),
}
TOTALS = {
    "system": pl.String,
    "period": pl.String,
    "cohort": pl.String,
    "entity": pl.String,
    "score": pl.Float64,
    "raw_score": pl.Float64,
    "stars": pl.Float64,
    "grade": pl.String,
    "rank": pl.UInt32,
    "of": pl.UInt32,
    "rank_change": pl.Int32,
    "score_change": pl.Float64,
    "coverage": pl.Float64,
    "veto": pl.String,
    "status": Status,
}
FINDINGS = {
    "code": pl.String,
    "severity": pl.String,
    "message": pl.String,
    "file": pl.String,
    "row": pl.Int64,
    "column": pl.String,
    "entity": pl.String,
    "period": pl.String,
    "hint": pl.String,
}


@dataclass(frozen=True)
class Sample:
    totals: pl.DataFrame
    pillars: pl.DataFrame
    indicators: pl.DataFrame
    measures: pl.DataFrame
    findings: pl.DataFrame
    system: str = "demo-2023"
    title: str = "示例市数字化改革评价"
    definition_hash: str = "7c1e9a5500aa11bb"
    data_hash: str = "90ab34cd77ee66ff"
    decimals: int = 2
    full: float = 100.0
    entity_title: str = "县(市、区)"
    periods: tuple[str, ...] = ("2023Q3", "2023Q4")


def _mean(scores: tuple[float | None, ...]) -> float | None:
    known = [item for item in scores if item is not None]
    return sum(known) / len(known) if known else None


def _totals() -> pl.DataFrame:
    rows = []
    for position, period in enumerate(Sample.periods):
        means = {entity: _mean(unit[1 + position]) for entity, unit in UNITS.items()}
        before = {entity: _mean(unit[1]) for entity, unit in UNITS.items()}

        def rank(entity: str, scores: dict[str, float | None]) -> int | None:
            peers = [scores[other] for other in UNITS if UNITS[other][0] == UNITS[entity][0]]
            own = scores[entity]
            return None if own is None else 1 + sum(peer is not None and peer > own for peer in peers)

        for entity, (cohort, *_) in UNITS.items():
            score, old = means[entity], before[entity]
            now, then = rank(entity, means), rank(entity, before)
            both = position and now is not None and then is not None
            rows.append(
                {
                    "system": "demo-2023",
                    "period": period,
                    "cohort": cohort,
                    "entity": entity,
                    "score": None if score is None else round(score, 2),
                    "raw_score": score,
                    "stars": None if score is None else {"南湖区": 5.0, "桐乡市": 3.5}.get(entity, 3.0),
                    "grade": None,
                    "rank": now,
                    "of": sum(unit[0] == cohort for unit in UNITS.values()),
                    "rank_change": then - now if both else None,
                    "score_change": score - old if both else None,
                    "coverage": 66.66666666666667 if entity == "海宁市" and position else 100.0 if score else 0.0,
                    "veto": "重大网络安全事件" if entity == "秀洲区" else "",
                    "status": "ok" if score is not None else "missing",
                }
            )
    return pl.DataFrame(rows, schema=TOTALS)


def _pillars() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "system": "demo-2023",
                "period": period,
                "cohort": cohort,
                "entity": entity,
                "pillar": pillar,
                "title": title,
                "score": score,
                "weight": weight,
                "points": None if score is None else score * weight / 100,
                "coverage": 100.0 if score is not None else 0.0,
                "rank": 1 if score is not None else None,
                "status": "ok" if score is not None else "missing",
            }
            for position, period in enumerate(Sample.periods)
            for entity, (cohort, *scores) in UNITS.items()
            for (pillar, title), score, weight in zip(
                PILLARS.items(), scores[position], (50.0, 30.0, 20.0), strict=True
            )
        ],
        schema_overrides={"rank": pl.UInt32, "status": Status},
        infer_schema_length=None,
    )


def _indicators() -> pl.DataFrame:
    lights = ("green", "yellow", "red", "none")
    return pl.DataFrame(
        [
            {
                "system": "demo-2023",
                "period": period,
                "cohort": cohort,
                "entity": entity,
                "indicator": "online_rate",
                "title": "网上受理率",
                "value": None if lights[k % 4] == "none" else 95.0 + k / 7,
                "unit": "%",
                "status": "zero_denominator" if lights[k % 4] == "none" else "ok",
                "target": 95.0,
                "comparator": "at_least",
                "attainment": None if lights[k % 4] == "none" else 100.25,
                "schedule": 75.0,
                "light": lights[k % 4],
                "reached": None if lights[k % 4] == "none" else k % 2 == 0,
                "score": None if lights[k % 4] == "none" else 100.0,
                "score_status": "zero_denominator" if lights[k % 4] == "none" else "ok",
                "weight": 50.0,
                "points": None if lights[k % 4] == "none" else 50.0,
                "rank": 1,
            }
            for period in Sample.periods
            for k, (entity, (cohort, *_)) in enumerate(UNITS.items())
        ],
        schema_overrides={"rank": pl.UInt32, "status": Status, "score_status": Status},
        infer_schema_length=None,
    )


def _measures() -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "system": "demo-2023",
                "period": period,
                "entity": entity,
                "measure": "gdp",
                "title": "地区生产总值",
                "value": 1234.5 + k,
                "unit": "亿元",
                "status": "ok",
                "rows": 1 + k,
            }
            for period in Sample.periods
            for k, entity in enumerate(UNITS)
        ],
        schema_overrides={"rows": pl.UInt32, "status": Status},
    )


def _findings() -> pl.DataFrame:
    return pl.DataFrame(
        [
            (
                "K602",
                "warning",
                "no figure for `地区生产总值` | 缺报",
                "period.csv",
                7,
                "数值",
                "平湖市",
                "2023Q4",
                "write 0 or 不适用",
            ),
            ("K701", "query", "=HYPERLINK(1) grew by 45 %", "period.csv", 9, "数值", "南湖区", "2023Q4", None),
        ],
        schema=FINDINGS,
        orient="row",
    )


def sample() -> Sample:
    """Return a scorecard of six entities in two cohorts over two periods."""
    return Sample(_totals(), _pillars(), _indicators(), _measures(), _findings())


def empty() -> Sample:
    """Return a scorecard in which nothing was evaluated."""
    full = sample()
    cleared = {
        name: getattr(full, name).clear() for name in ("totals", "pillars", "indicators", "measures", "findings")
    }
    return replace(full, **cleared, periods=())
