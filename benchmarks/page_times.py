"""How long a browser takes to show a page of scores: from opening the file to the first row of its table.

    python -m benchmarks.page_times
    python -m benchmarks.page_times --units 300 --indicators 60 --periods 8

It needs Chromium and `pip install playwright`. The goal for 3,000 units, 200 indicators and 8 periods is 2 seconds and
15 MB. The exit code is 1 where it is missed.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.outputs import card
from kpi.report.files import content

SECONDS, BYTES = 2.0, 15_000_000

#: A row of the league table that is on the page and has a height.
_FIRST_ROW = "() => { const row = document.querySelector('table tbody tr'); return row && row.offsetHeight > 0; }"


def main() -> int:
    """Write a page, open it several times, and print what it took."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--units", type=int, default=3000)
    options.add_argument("--indicators", type=int, default=200)
    options.add_argument("--periods", type=int, default=8)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    from playwright.sync_api import sync_playwright

    scorecard = card(given.units, given.indicators, given.periods)
    began = time.perf_counter()
    page = content(scorecard, "html")
    writing = time.perf_counter() - began
    times = []
    with tempfile.TemporaryDirectory(prefix="kpi-bench-") as folder, sync_playwright() as tools:
        file = Path(folder) / "page.html"
        file.write_bytes(page)
        browser = tools.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for _ in range(given.rounds):
            tab = browser.new_page()
            began = time.perf_counter()
            tab.goto(file.as_uri(), wait_until="commit")
            tab.wait_for_function(_FIRST_ROW)
            times.append(time.perf_counter() - began)
            tab.close()
        browser.close()
    seconds = statistics.median(times)
    print(
        json.dumps(
            {"bytes": len(page), "written_s": round(writing, 2), "first_row_s": round(seconds, 2),
             "least_s": round(min(times), 2), "most_s": round(max(times), 2)}
        )
    )  # fmt: skip
    return int(seconds > SECONDS or len(page) > BYTES)


if __name__ == "__main__":
    sys.exit(main())
