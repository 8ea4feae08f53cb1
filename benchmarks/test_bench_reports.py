"""L and E: reported rows into a panel and to ranks, and a CSV file beside a bare scan of it."""

from __future__ import annotations

import pytest

from benchmarks import reports
from benchmarks.child import Apart
from benchmarks.race import Race, hold
from benchmarks.size import size

ENTITIES, MONTHS, INDICATORS = size(3000, least=20), size(120, least=14), 198
FEWER = max(ENTITIES // 10, 20)


def apart(of: reports.Reports, *contenders) -> dict[str, Apart]:
    return {item.__name__.replace("_", " "): Apart(item, of.settings) for item in contenders}


def test_rows_to_a_panel(benchmark):
    with reports.written(ENTITIES, MONTHS, INDICATORS, ".parquet") as of:
        race = Race(
            f"L: {of.rows:,} reported rows in Parquet into a panel of {of.measures} measures",
            "ours",
            {"ours": "≤ 2 GB", "duckdb pivot": "≥ 4"},
            note=f"{ENTITIES:,} entities × {MONTHS} months, rows in no order, in three units. Ours finds the entities, "
            "judges every row, and adds statuses and numbers of rows. The floor looks at every cell once.",
        )
        floor = {"floor": Apart(reports.floor, of.settings, compared=False)}
        contenders = floor | apart(of, reports.ours, reports.duckdb_pivot)
        hold(benchmark, race, contenders, rounds=1, keys=["period", "entity"])


def test_fewer_rows_to_a_panel(benchmark):
    with reports.written(FEWER, MONTHS, INDICATORS, ".parquet") as of:
        race = Race(
            f"L: {of.rows:,} reported rows in Parquet into a panel, beside everything else",
            "ours",
            note="A tenth of the rows, where what is the same for any number of them counts more.",
        )
        contenders = apart(
            of, reports.ours, reports.polars_pivot, reports.polars_lazy, reports.duckdb_pivot, reports.pandas_pivot
        )
        hold(benchmark, race, contenders, rounds=3, keys=["period", "entity"])


def test_rows_to_ranks(benchmark):
    with reports.written(ENTITIES, MONTHS, INDICATORS, ".parquet") as of:
        race = Race(
            f"E: {of.rows:,} reported rows in Parquet to the ranks of {of.indicators} indicators",
            "ours ranked",
            {"polars ranked": "≥ 3", "pandas ranked": "≥ 8"},
            note="The contenders make a panel as in L and score it as well as we can write it by hand, in Polars with "
            "reasons for what is missing, in pandas with numpy and without them. The answers are compared.",
        )
        ranked = apart(of, reports.ours_ranked, reports.polars_ranked, reports.pandas_ranked)
        hold(benchmark, race, ranked, rounds=2, keys=["period", "entity"])


def test_end_to_end(benchmark):
    with reports.written(ENTITIES, MONTHS, INDICATORS, ".parquet") as of:
        race = Race(
            f"E: from {of.rows:,} reported rows to a scorecard, beside the panel alone",
            "ours",
            note=f"{of.indicators} indicators, {ENTITIES:,} entities × {MONTHS} months. No measure is aggregated, only "
            "rows are laid out; to score them takes no longer than by hand, as S shows.",
        )
        hold(benchmark, race, apart(of, reports.ours, reports.ours_ranked), rounds=2)


@pytest.mark.parametrize(("suffix", "months"), [(".parquet", MONTHS), (".csv", max(14, round(MONTHS * 0.6)))])
def test_one_period(benchmark, suffix, months):
    with reports.written(ENTITIES, months, INDICATORS, suffix) as of:
        race = Race(
            f"E: one month of {of.rows:,} reported rows in {suffix[1:]} to ranks, beside all {months}",
            "ours ranked",
            note="`--period`, with growths over a year and changes of rank: of rows in no order, 14 months are kept.",
        )
        hold(benchmark, race, apart(of, reports.ours_ranked, reports.ours_one_month), rounds=3)


def test_a_csv_file(benchmark):
    with reports.written(ENTITIES, max(1, round(MONTHS * 0.6)), INDICATORS, ".csv") as of:
        race = Race(
            f"L: {of.rows:,} reported rows in CSV into a panel, beside a bare scan",
            "untouched",
            {"ours unhashed": "≤ 1.5"},
            note="`untouched` is `polars.scan_csv` of the same columns, collected. `ours unhashed` reads and cleans "
            "the rows and lays them out; `ours` makes the SHA-256 of the file beside it; `ours gb18030` does so with a "
            "copy in that encoding.",
        )
        contenders = apart(of, reports.untouched, reports.ours_unhashed, reports.ours, reports.ours_gb18030)
        hold(benchmark, race, contenders, rounds=3)


def test_a_wide_csv_file(benchmark):
    # As many bytes as the long file: a figure takes fewer.
    with reports.written(ENTITIES, MONTHS * 3, INDICATORS, ".csv", wide=True) as of:
        race = Race(
            f"L: a CSV file with a column for each of {of.measures} measures, {of.rows:,} figures, into a panel",
            "untouched",
            note="As above, with a row for each entity and month.",
        )
        hold(benchmark, race, apart(of, reports.untouched, reports.ours_unhashed, reports.ours), rounds=2)


def test_memory_of_a_csv_file(benchmark):
    with reports.written(ENTITIES, max(1, round(MONTHS * 0.6)), INDICATORS, ".csv") as of:
        race = Race(
            f"L: {of.rows:,} reported rows in CSV, of which two measures are taken",
            "ours few",
            {"ours few": "≤ 300 MB", "ours few gb18030": "≤ 300 MB"},
            note="What a file takes beside the figures that are kept; the system knows 2 of the measures.",
        )
        hold(benchmark, race, apart(of, reports.ours_few, reports.ours_few_gb18030), rounds=1)
