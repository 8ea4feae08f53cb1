"""A client of `kpi serve`: scores the sample data over HTTP and prints the league table and an explanation.

    kpi serve --port 8000 &
    python examples/http_client.py http://127.0.0.1:8000

With tokens: the variable KPI_TOKEN. It needs httpx.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import httpx

DATA = Path(__file__).parents[1] / "sample_data/data-maturity/reports.csv"
SYSTEM = "data-maturity"


def refuse(answer: httpx.Response) -> None:
    """End with the findings of a problem (RFC 9457), which every error of the service carries."""
    answer.read()
    if answer.is_error:
        problem = answer.json()
        for finding in problem["findings"]:
            print(f"{finding['code']} {finding['message']}", file=sys.stderr)
            print(f"   = {finding['hint'] or ''}", file=sys.stderr)
        raise SystemExit(2)


def main(url: str) -> None:
    """Score the sample, as JSON and as CSV, and explain the first unit."""
    headers = {"Accept-Language": "zh"}
    if token := os.environ.get("KPI_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    hooks = {"response": [refuse]}
    with httpx.Client(base_url=url, headers=headers, event_hooks=hooks, timeout=120) as client:
        result = client.post(f"/systems/{SYSTEM}/score", files={"file": (DATA.name, DATA.read_bytes())}).json()
        print(result["title"], result["periods"][-1])
        for row in result["totals"]:
            score = "-" if row["score"] is None else f"{row['score']:g}"
            print(f"{row['rank'] or '-':>3}  {row['entity']}  {score}  {'★' * (row['stars'] or 0)}")
        for finding in result["findings"]:
            print(f"{finding['severity']} {finding['code']}: {finding['message']}")
        best = result["totals"][0]["entity"]
        explanation = client.post(
            f"/systems/{SYSTEM}/explanation", params={"entity": best, "format": "csv"},
            files={"file": (DATA.name, DATA.read_bytes())},
        )  # fmt: skip
        print(explanation.text)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")
