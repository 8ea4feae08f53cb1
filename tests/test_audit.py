"""The audit of an index: statistics against other libraries and plain arithmetic, remarks, and what is not done."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml
from click.testing import CliRunner

import kpi
from kpi.analysis import multivariate
from kpi.analysis.audit import audited
from kpi.cli.main import main
from kpi.language.loading.loader import examine_text
from kpi.report.audit.report import AuditReport
from kpi.report.files import content

COINR = Path(__file__).parent / "data" / "coinr"


def table(name):
    return pl.read_csv(COINR / f"{name}.csv", infer_schema_length=None)


def document(groups, **more):
    """Return a system whose indicators are levels with identical names; scores are the figures."""
    names = [name for parts in groups.values() for name in parts]
    return {
        "system": "bench", "period": "year", "entities": {"title": "country"},
        "measures": {f"m_{name}": {"unit": "1", "over_time": "last"} for name in names},
        "indicators": {name: {"kind": "level", "of": f"m_{name}"} for name in names},
        "scoring": {"kind": "goalposts", "low": 0, "high": 100, "floor": None, "cap": None},
        "pillars": {name: {"weight": 1, "parts": list(parts)} for name, parts in groups.items()},
        "composite": {"floor": None}, "ranking": {"on": "raw"},
    } | more  # fmt: skip


def scored(figures, groups, **more):
    loaded = examine_text(yaml.safe_dump(document(groups, **more), allow_unicode=True))
    assert loaded.system is not None, [str(item) for item in loaded.findings]
    names = [name for name in figures.columns if name not in ("uCode", "分组")]
    frame = figures.rename({"uCode": "country"} | {name: f"m_{name}" for name in names})
    return kpi.score(frame.with_columns(period=pl.lit("2018")), system=loaded.system, intervals=0)


@pytest.fixture(scope="module")
def groups():
    tree = table("tree").filter(pl.col("Type") == "Indicator")
    return {
        parent: rows["iCode"].to_list()
        for (parent,), rows in tree.select("Parent", "iCode").group_by("Parent", maintain_order=True)
    }


@pytest.fixture(scope="module")
def asem(groups):
    """Return the ASEM index in one level of groups, of normalised figures (see tests/data/README.md), audited."""
    names = [name for parts in groups.values() for name in parts]
    return audited(scored(table("normalised").select("uCode", *names), groups), runs=40)


# ---- STATISTICS ---- #


def figures_of(asem, parts):
    names = asem.card.entities["entity"].to_list()
    frame = table("normalised").filter(pl.col("uCode").is_in(names)).select(parts).drop_nulls().to_pandas()
    return frame.astype(float)


def test_components_are_those_of_scikit_learn(asem, groups):
    decomposition = pytest.importorskip("sklearn.decomposition")
    for node, parts in groups.items():
        values = figures_of(asem, parts)
        standard = (values - values.mean()) / values.std(ddof=1)
        theirs = decomposition.PCA().fit(standard)
        ours = asem.components.filter(pl.col("node") == node)
        assert ours["eigenvalue"].to_list() == pytest.approx(theirs.explained_variance_, abs=1e-10), node
        assert ours["percent"].to_list() == pytest.approx(100 * theirs.explained_variance_ratio_, abs=1e-9)
        assert ours["cumulative"][-1] == pytest.approx(100)
        loadings = theirs.components_.T * np.sqrt(theirs.explained_variance_)
        mine = asem.loadings.filter(pl.col("node") == node).pivot("component", index="part", values="loading")
        mine = mine.drop("part").to_numpy()
        signs = np.sign((mine * loadings[:, : mine.shape[1]]).sum(axis=0))
        assert mine == pytest.approx(loadings[:, : mine.shape[1]] * signs, abs=1e-8)
        assert (mine.sum(axis=0) >= -1e-9).all()


def test_rotated_loadings_are_those_of_statsmodels(asem, groups):
    rotation = pytest.importorskip("statsmodels.multivariate.factor_rotation")
    for node in [None, *groups]:
        rows = asem.loadings.filter(pl.col("node").eq_missing(pl.lit(node)))
        mine = rows.pivot("component", index="part", values="rotated").drop("part").to_numpy()
        if mine.shape[1] < 2:
            assert rows["rotated"].to_list() == rows["loading"].to_list()
            continue
        plain = rows.pivot("component", index="part", values="loading").drop("part").to_numpy()
        theirs, _ = rotation.rotate_factors(plain, "varimax", max_tries=5000, tol=1e-12)
        # The criterion is the variance of the squared loadings; columns may be in another order and direction.
        assert criterion(mine) >= criterion(theirs) - 1e-6, node
        assert (mine**2).sum(axis=1) == pytest.approx((plain**2).sum(axis=1), abs=1e-9)


def criterion(loadings):
    squares = loadings**2
    return float((squares**2).mean(axis=0).sum() - (squares.mean(axis=0) ** 2).sum())


def test_consistency_is_that_of_plain_arithmetic(asem, groups):
    for node, parts in groups.items():
        values = figures_of(asem, parts)

        def alpha(frame):
            number = frame.shape[1]
            return number / (number - 1) * (1 - frame.var(ddof=1).sum() / frame.sum(axis=1).var(ddof=1))

        [row] = asem.dimensions.filter(pl.col("node") == node).to_dicts()
        assert (row["parts"], row["entities"], row["left_out"]) == (len(parts), len(values), 0)
        assert row["alpha"] == pytest.approx(alpha(values))
        without = asem.alphas.filter(pl.col("node") == node)
        assert without["without"].to_list() == pytest.approx([alpha(values.drop(columns=part)) for part in parts])


def test_adequacy_and_sphericity_follow_from_residuals_and_scipy(asem, groups):
    stats = pytest.importorskip("scipy.stats")
    for node, parts in groups.items():
        values = figures_of(asem, parts).to_numpy()
        number = values.shape[1]
        matrix = np.corrcoef(values, rowvar=False)
        squares = partials = 0.0
        for i in range(number):
            for j in range(i):
                rest = np.column_stack([np.ones(len(values)), np.delete(values, [i, j], axis=1)])
                left, right = (
                    values[:, at] - rest @ np.linalg.lstsq(rest, values[:, at], rcond=None)[0] for at in (i, j)
                )
                squares, partials = squares + matrix[i, j] ** 2, partials + np.corrcoef(left, right)[0, 1] ** 2
        [row] = asem.dimensions.filter(pl.col("node") == node).to_dicts()
        assert row["adequacy"] == pytest.approx(squares / (squares + partials), rel=1e-6)
        statistic = -(len(values) - 1 - (2 * number + 5) / 6) * np.log(np.linalg.det(matrix))
        assert row["chi_squared"] == pytest.approx(statistic, rel=1e-6)
        assert row["freedom"] == number * (number - 1) / 2
        assert row["probability"] == pytest.approx(stats.chi2.sf(statistic, row["freedom"]), rel=1e-6, abs=1e-300)


def test_the_tail_of_chi_squared_is_that_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    for freedom in (1, 2, 3, 10, 45, 1176):
        for share in (1e-8, 0.01, 0.5, 0.99):
            value = stats.chi2.isf(share, freedom)
            assert multivariate.chi_squared_beyond(value, freedom) == pytest.approx(share, rel=1e-9)
    assert multivariate.chi_squared_beyond(0, 3) == 1


def test_correlations_are_those_of_pandas(asem, groups):
    parts = [name for names in groups.values() for name in names]
    theirs = table("normalised").select(parts).to_pandas().corr()
    rows = asem.correlations.filter(pl.col("node") != "composite")
    rows = pl.concat([rows, asem.correlations.filter(pl.col("node").is_null())])
    assert rows.height == len(parts) * (len(parts) - 1) / 2
    for row in rows.iter_rows(named=True):
        assert row["correlation"] == pytest.approx(theirs.loc[row["first"], row["second"]], abs=1e-10)
    totals = asem.card.totals.select(uCode="entity", total="raw_score").join(table("normalised"), on="uCode")
    with_total = dict(asem.parts.select("part", "with_total").iter_rows())
    frame = totals.to_pandas()
    for part in parts:
        assert with_total[part] == pytest.approx(frame["total"].corr(frame[part]), abs=1e-10)


def test_distributions_are_those_of_pandas_and_coinr(groups):
    names = [name for parts in groups.values() for name in parts]
    raw = table("raw").select("uCode", *names)
    audit = audited(scored(raw, groups), runs=5)
    theirs = {name: (skew, kurtosis) for name, skew, kurtosis in table("skew_kurt").iter_rows()}
    for row in audit.distributions.iter_rows(named=True):
        values = raw[row["indicator"]].drop_nulls().to_pandas().astype(float)
        assert (row["number"], row["least"], row["most"]) == (len(values), values.min(), values.max())
        assert (row["mean"], row["deviation"]) == pytest.approx((values.mean(), values.std()))
        assert (row["skew"], row["kurtosis"]) == pytest.approx(theirs[row["indicator"]], rel=1e-9)
        assert (row["skew"], row["kurtosis"]) == pytest.approx((values.skew(), values.kurt()), rel=1e-6)
        first, third = values.quantile([0.25, 0.75])
        beyond = (values < first - 1.5 * (third - first)) | (values > third + 1.5 * (third - first))
        assert row["outside"] == beyond.sum()
        assert row["outliers"] == (abs(row["skew"]) > 2 and row["kurtosis"] > 3.5)
    outlying = audit.distributions.filter("outliers")["indicator"].to_list()
    assert outlying
    assert audit.remarks.filter(pl.col("remark") == "outliers")["part"].to_list() == outlying
    missing = {name: raw[name].null_count() for name in names}
    assert dict(audit.availability.select("indicator", "lacking").iter_rows()) == missing
    units = {row["uCode"]: sum(row[name] is None for name in names) for row in raw.iter_rows(named=True)}
    assert dict(audit.units.select("entity", "lacking").iter_rows()) == units


def test_the_first_and_last_are_traced_to_what_sets_them_apart(asem):
    points = asem.card.indicators.to_pandas().pivot_table(index="entity", columns="indicator", values="points")
    ahead = points - points.mean()
    ranks = dict(asem.card.totals.select("entity", "rank").iter_rows())
    rows = asem.drivers
    assert rows.height == 18
    for (entity, end), own in rows.group_by("entity", "end", maintain_order=True):
        assert ranks[entity] in ((1, 2, 3) if end == "top" else (49, 50, 51))
        order = ahead.loc[entity].dropna().sort_values(ascending=end == "bottom")
        assert own["ahead"].to_list() == pytest.approx(order.head(3).to_list())


def test_robustness_is_that_of_kpi_stress(asem):
    from kpi.analysis.robustness import stressed

    alone = stressed(asem.card, runs=40)
    assert asem.robustness.ranks.equals(alone.ranks)
    assert asem.importance.equals(alone.importance)


# ---- REMARKS ---- #


def built(**changes):
    """Return figures of eight units of which nothing is to be remarked on but what the changes make."""
    random = np.random.default_rng(3)
    common = np.array([10.0, 20, 30, 40, 50, 60, 70, 80])
    columns = {name: common + random.normal(size=8) * 22 for name in "abcd"}
    return pl.DataFrame({"uCode": list("ABCDEFGH")} | columns | changes)


def remarks(audit, step=None):
    frame = audit.remarks if step is None else audit.remarks.filter(pl.col("step") == step)
    return {(row["remark"], row["part"]) for row in frame.iter_rows(named=True)}


def test_each_fault_of_the_data_has_its_remark():
    groups = {"one": ["a", "b"], "two": ["c", "d"]}
    a = built()["a"].to_list()
    audit = audited(
        scored(
            built(b=[2 * value + 1 for value in a], d=[100 - value + at for at, value in enumerate(built()["c"])]),
            groups,
        ),
        runs=3,
    )
    assert ("redundant", "a") in remarks(audit)
    assert ("negative", "c") in remarks(audit)
    assert {("inconsistent", "two")} <= remarks(audit)
    audit = audited(scored(built(b=[5.0] * 8, c=[1.0, 2, 3, None, None, None, None, None]), groups), runs=3)
    assert ("constant", "b") in remarks(audit)
    assert ("few_values", "c") in remarks(audit)
    assert audit.dimensions.filter(pl.col("node") == "one")["left_out"].to_list() == [1]
    tail = [1.0, 1, 2, 2, 3, 3, 2, 100]
    assert remarks(audited(scored(built(a=tail), groups), runs=3), 3) == {("outliers", "a")}
    step = {"tails": {"kind": "winsorise", "most": 1}}
    treated = audited(scored(built(a=tail), groups, treatment=step), runs=3)
    assert remarks(treated, 3) == set()
    assert treated.treatment.rows() == [("tails", "a", "a", 1)]
    # The mean of one unit's values decides nothing: a part of hardly any spread has less weight than on paper.
    flat = built(a=[50.0 + at / 1000 for at in range(8)], b=[50.0 - at / 1000 for at in range(8)])
    assert ("underweight", "one") in remarks(audited(scored(flat, groups), runs=3), 6)


def test_an_indicator_outside_of_the_total_is_a_link():
    groups = {"one": ["a", "b"], "two": ["c"]}
    definition = document(groups)
    definition["measures"]["m_d"] = {"unit": "1", "over_time": "last"}
    definition["indicators"]["d"] = {"kind": "level", "of": "m_d"}
    frame = built().rename({"uCode": "country"} | {name: f"m_{name}" for name in "abcd"})
    card = kpi.score(frame.with_columns(period=pl.lit("2018")), system=definition)
    [link] = audited(card, runs=3).links.to_dicts()
    totals = card.totals.select(uCode="entity", total="raw_score").join(built(), on="uCode").to_pandas()
    assert (link["indicator"], link["entities"]) == ("d", 8)
    assert link["correlation"] == pytest.approx(totals["total"].corr(totals["d"]))


# ---- WHAT IS NOT DONE ---- #

CASES = {
    "two units": (built().head(2), {}, "2 units are ranked in 2018"),
    "no pillars": (built(), {"pillars": {}, "composite": {}}, "the system has no pillars"),
    "no scores": (built(), {"pillars": {}, "composite": {}, "scoring": None}, "no indicator is scored"),
    "no unit with all": (
        built(a=[1.0, 2, 3, 4, None, None, None, None], c=[None, None, None, None, 1.0, 2, 3, 4]), {},
        "No principal components of all indicators: 0 entities",
    ),
    "nothing varies": (built(**dict.fromkeys("abcd", [1.0] * 8)), {}, "no two indicators have different scores"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_cannot_be_done_is_stated(case, language):
    figures, more, reason = CASES[case]
    audit = audited(scored(figures, {"one": ["a", "b"], "two": ["c", "d"]}, **more), runs=3)
    with kpi.using_language(language):
        report = AuditReport(audit)
        text = content(report, "md").decode()
        assert text.count("\n## ") == 10
        if language == "en":
            assert reason in " ".join(text.split())
        for form in ("json", "html", "csv"):
            assert content(report, form)


def test_without_the_package_that_draws_the_page_says_so(monkeypatch):
    audit = audited(scored(built(), {"one": ["a", "b"], "two": ["c", "d"]}), runs=3)
    drawn = content(AuditReport(audit), "html").decode()
    assert drawn.count("<figure") == 5
    monkeypatch.setitem(sys.modules, "altair", None)
    plain = content(AuditReport(audit), "html").decode()
    assert "<figure" not in plain
    assert "pip install altair" in plain
    assert plain.count("<section") == drawn.count("<section") == 10


# ---- THE DOCUMENT ---- #

STEPS = [
    "Theoretical framework", "Data selection", "Missing values and outliers", "Multivariate analysis", "Normalisation",
    "Weighting and aggregation", "Uncertainty and sensitivity", "Back to the data", "Links to other indicators",
    "Visualisation of the results",
]  # fmt: skip


def test_the_document_has_the_ten_steps_in_order(asem):
    text = content(AuditReport(asem), "md").decode()
    headings = [line.partition(". ")[2] for line in text.splitlines() if line.startswith("## ")]
    assert headings == STEPS
    again = content(AuditReport(audited(asem.card, runs=40)), "json")
    assert again == content(AuditReport(asem), "json")


def test_names_are_never_markup():
    figures = built().with_columns(uCode=pl.Series(["<script>alert(1)</script>", *"BCDEFGH"]))
    audit = audited(scored(figures, {"one": ["a", "b"], "two": ["c", "d"]}), runs=3)
    page = content(AuditReport(audit), "html").decode()
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    identifiers = [part.split('"')[0] for part in page.split(' id="')[1:]]
    assert len(identifiers) == len(set(identifiers))


def test_the_command_writes_the_audit(tmp_path):
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(document({"one": ["a", "b"], "two": ["c", "d"]})), "utf-8")
    frame = built().rename({"uCode": "country"} | {name: f"m_{name}" for name in "abcd"})
    frame.with_columns(period=pl.lit("2018")).write_csv(tmp_path / "d.csv")
    command = ["audit", str(tmp_path / "s.yaml"), str(tmp_path / "d.csv"), "--runs", "10"]
    done = CliRunner().invoke(main, [*command, "-o", str(tmp_path / "a.json"), "-o", str(tmp_path / "a.xlsx")])
    assert (done.exit_code, done.stdout) == (0, "")
    data = json.loads((tmp_path / "a.json").read_bytes())
    assert (data["schema"], data["runs"], data["period"]) == ("kpi.audit/1", 10, "2018")
    shown = CliRunner().invoke(main, [*command, "-f", "table", "-q"])
    assert shown.exit_code == 0
    assert [f"{at}. {step}" in shown.stdout for at, step in enumerate(STEPS, start=1)] == [True] * 10
    assert CliRunner().invoke(main, command[:2]).exit_code == 2
    again = kpi.audit(tmp_path / "d.csv", system=tmp_path / "s.yaml", runs=10)
    assert again.remarks.to_dicts() == data["remarks"]
