"""Systems as Apache Ossie documents: what is read again is what was written, and what is lost is reported."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import kpi
from kpi.cli.main import main
from kpi.engine.scorecard import definition_hash
from kpi.language import ossie
from kpi.language.loading import catalogue
from kpi.language.loading.loader import examine_mapping, examine_text
from kpi.language.loading.ossie_reader import definition_of, examine_document
from kpi.report.yaml_text import document_text

FILES = sorted(catalogue.shipped().glob("*.yaml"))
SQL = {"dialects": [{"dialect": "ANSI_SQL", "expression": "SUM(t.tax) / SUM(t.land)"}]}
THEIRS = {
    "version": "0.1.1",
    "semantic_model": [
        {
            "name": "firms", "description": "Firms",
            "datasets": [
                {
                    "name": "t", "source": "db.public.t",
                    "fields": [
                        {"name": "tax", "expression": {"dialects": [{"dialect": "ANSI_SQL", "expression": "tax"}]},
                         "description": "Tax paid"},
                        {"name": "land", "expression": {"dialects": [{"dialect": "ANSI_SQL", "expression": "land"}]}},
                    ],
                }
            ],
            "metrics": [
                {"name": "tax_per_land", "description": "Tax per land", "expression": SQL},
                {"name": "busy", "expression": {"dialects": [
                    {"dialect": "ANSI_SQL", "expression": "COUNT(DISTINCT t.id) FILTER (WHERE t.open)"}]}},
            ],
        }
    ],
}  # fmt: skip


def objects(required: str, *allowed: str, **parts: object) -> dict[str, object]:
    """Return the schema of an object that has no other keys."""
    keys = required.split()
    known = {key: parts.get(key, {"type": "string"}) for key in (*keys, *allowed)}
    return {"type": "object", "required": keys, "properties": known, "additionalProperties": False}


def listed(items: object) -> dict[str, object]:
    return {"type": "array", "items": items}


def schema() -> dict[str, object]:
    """Return what the specification of the core says about the parts that are written, as a JSON Schema.

    Vendors are those that the reader of dbt knows.
    """
    dialect = objects("dialect expression", dialect={"enum": ["ANSI_SQL", "SNOWFLAKE", "MDX", "TABLEAU", "DATABRICKS"]})
    expression = objects("dialects", dialects={**listed(dialect), "minItems": 1})
    vendors = {"enum": ["COMMON", "SNOWFLAKE", "SALESFORCE", "DBT", "DATABRICKS"]}
    extensions = listed(objects("vendor_name data", vendor_name=vendors))
    context = {
        "oneOf": [{"type": "string"}, {"type": "object", "properties": {"synonyms": listed({"type": "string"})}}]
    }
    shared = {"expression": expression, "custom_extensions": extensions, "ai_context": context}
    field = objects(
        "name expression", "dimension", "label", "description", "ai_context", "custom_extensions", **shared,
        dimension=objects("", "is_time", is_time={"type": "boolean"}),
    )  # fmt: skip
    dataset = objects(
        "name source", "primary_key", "unique_keys", "description", "ai_context", "fields", "custom_extensions",
        **shared, primary_key=listed({"type": "string"}), unique_keys=listed(listed({"type": "string"})),
        fields=listed(field),
    )  # fmt: skip
    metric = objects("name expression", "description", "ai_context", "custom_extensions", **shared)
    model = objects(
        "name datasets", "description", "ai_context", "relationships", "metrics", "custom_extensions", **shared,
        datasets={**listed(dataset), "minItems": 1}, relationships=listed({}), metrics=listed(metric),
    )  # fmt: skip
    return objects("version semantic_model", version={"const": "0.1.1"}, semantic_model=listed(model))


@cache
def shipped(name: str):
    system = catalogue.find(name).system
    assert system is not None
    return system


def read_again(text: str, folder: Path, home: Path):
    """Return the definition of a document, checked with the files of another folder."""
    file = folder / "again.ossie.json"
    file.write_text(text, encoding="utf-8")
    read = definition_of(file)
    loaded = examine_mapping(read.tree, folder=home)
    assert loaded.system is not None, [str(item) for item in loaded.findings]
    return read, loaded.system


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_system_is_the_same_after_it_is_written_and_read(file, tmp_path):
    system = shipped(file.stem)
    text, _ = ossie.text(system)
    read, again = read_again(text, tmp_path, file.parent)
    assert definition_hash(again) == definition_hash(system)
    assert list(again.indicators) == list(system.indicators)
    assert read.findings == ()
    yaml = examine_text(document_text(read.tree), folder=file.parent).system
    assert yaml is not None
    assert definition_hash(yaml) == definition_hash(system)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_document_has_the_shape_of_the_specification(file):
    document, _ = ossie.document(shipped(file.stem))
    errors = [*Draft202012Validator(schema()).iter_errors(document)]
    assert not errors, [error.message for error in errors]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_indicator_is_a_metric_or_reported_as_none(file):
    system = shipped(file.stem)
    document, findings = ossie.document(system)
    metrics = {item["name"] for item in document["semantic_model"][0].get("metrics", ())}
    lost = {str(item.message).split("`")[1] for item in findings if item.code == "K942"}
    assert metrics | lost == system.indicators.keys()
    assert not metrics & lost


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    file=st.sampled_from([file for file in FILES if file.stat().st_size < 20_000]), texts=st.tuples(TEXTS, TEXTS),
    number=st.floats(-1e9, 1e9), pick=st.randoms(use_true_random=False),
)  # fmt: skip
def test_whatever_texts_and_numbers_a_system_has_it_is_the_same_again(tmp_path, file, texts, number, pick):
    title, note = texts
    tree = ossie.plain(shipped(file.stem).model_dump(by_alias=True, exclude_unset=True))
    name = pick.choice(sorted(tree["indicators"]))
    tree["title"] = title
    tree["indicators"][name] |= {"note": note, "title": f"{title} {note}", "target": {"at_least": number}}
    system = examine_mapping(tree, folder=file.parent).system
    if system is None:  # a target or a title that the system cannot have
        return
    text, _ = ossie.text(system)
    _, again = read_again(text, tmp_path, file.parent)
    assert definition_hash(again) == definition_hash(system)


def broken(**change: object) -> str:
    return json.dumps({**THEIRS, **change})


@pytest.mark.parametrize(
    "text",
    [
        "", "[", "[]", "5", "null", "{}", broken(version="9.0"), broken(semantic_model=[]), broken(semantic_model=5),
        broken(semantic_model=[{"name": "x"}]), broken(semantic_model=[5, 6]),
        broken(semantic_model=[{**THEIRS["semantic_model"][0], "metrics": []}]),
    ],
)  # fmt: skip
def test_what_is_no_document_is_a_finding(tmp_path, text):
    file = tmp_path / "a.ossie.json"
    file.write_text(text, encoding="utf-8")
    loaded = examine_document(file)
    assert loaded.system is None
    assert {item.code for item in loaded.findings} == {"K944"}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=5,
)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pick=st.randoms(use_true_random=False), other=JSON, ours=st.booleans())
def test_a_document_with_anything_in_it_is_read_or_a_finding(tmp_path, pick, other, ours):
    document = json.loads(json.dumps(ossie.document(shipped("smart-city-stars"))[0] if ours else THEIRS))
    at = document
    while isinstance(at, dict | list) and at:
        key = pick.choice(sorted(at) if isinstance(at, dict) else range(len(at)))
        if not isinstance(at[key], dict | list) or not at[key] or pick.random() < 0.2:
            at[key] = other
            break
        at = at[key]
    file = tmp_path / "a.ossie.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    loaded = examine_document(file)
    assert loaded.system is not None or loaded.findings


def test_a_document_of_others_is_taken_over_as_far_as_its_sql_is_plain(tmp_path):
    file = tmp_path / "firms.ossie.json"
    file.write_text(json.dumps(THEIRS), encoding="utf-8")
    loaded = examine_document(file)
    assert loaded.system is not None
    assert {name: item.kind for name, item in loaded.system.indicators.items()} == {"tax_per_land": "ratio"}
    assert loaded.system.measures["tax"].title == "Tax paid"
    codes = [item.code for item in loaded.findings]
    assert codes.count("K945") == 1
    assert codes.count("K946") == 1
    assert any("busy" in item.message for item in loaded.findings)
    card = kpi.score({"期别": ["2024"], "地区": ["甲"], "Tax paid": [6], "land": [2]}, system=str(file))
    assert card.indicators["value"].to_list() == [3.0]


def test_a_metric_is_the_aggregation_that_its_sql_says_of_a_field_that_is_there(tmp_path):
    document = json.loads(json.dumps(THEIRS))
    (model,) = document["semantic_model"]
    model["datasets"].append(model["datasets"][0] | {"name": "u"})
    sql = {
        "all": "SUM(t.tax)", "mean_tax": "AVG(t.tax)", "mean_land": "AVG(t.land)", "gone": "SUM(t.zzz)",
        "other": "SUM(u.tax)", "nowhere": "SUM(v.tax)", "again": "SUM(tax)",
    }  # fmt: skip
    model["metrics"] = [
        {"name": name, "expression": {"dialects": [{"dialect": "ANSI_SQL", "expression": each}]}}
        for name, each in sql.items()
    ]
    file = tmp_path / "firms.ossie.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    loaded = examine_document(file)
    assert loaded.system is not None, loaded.findings
    assert {name: item.over_time for name, item in loaded.system.measures.items()} == {"tax": "sum", "land": "mean"}
    assert {name: item.of for name, item in loaded.system.indicators.items()} == {
        "all": "tax", "mean_land": "land", "again": "tax",
    }  # fmt: skip
    lost = [item for item in loaded.findings if item.code == "K945"]
    assert [str(item.hint) for item in lost if "zzz" in str(item.hint)]
    for name in ("mean_tax", "gone", "other", "nowhere"):
        assert any(f"`{name}`" in item.message for item in lost), name
    assert len(lost) == 4


def test_a_change_of_the_sql_is_reported(tmp_path):
    document, _ = ossie.document(shipped("per-mu-2022"))
    metric = document["semantic_model"][0]["metrics"][0]
    metric["expression"]["dialects"][0]["expression"] = "SUM(figures.other)"
    document["semantic_model"][0]["metrics"].append({"name": "added", "expression": SQL})
    document["semantic_model"][0]["datasets"][0]["fields"].append({"name": "more", "expression": SQL})
    file = tmp_path / "a.ossie.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    findings = definition_of(file).findings
    assert [item.code for item in findings] == ["K945"] * len(findings)
    for name in (metric["name"], "added", "more"):
        assert any(f"`{name}`" in item.message for item in findings), name


def test_the_commands_write_and_read_documents(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place in (tmp_path, tmp_path / "back"):
        shutil.copytree(catalogue.shipped() / "rosters", place / "rosters")
    run = CliRunner()
    out = run.invoke(main, ["show", "five-star-bands", "-o", "stars.ossie.json", "--lang", "en"])
    assert out.exit_code == 0, out.output
    assert "rosters/jiaxing.csv" in out.output
    assert kpi.load("stars.ossie.json").system == "five-star-bands"
    back = run.invoke(main, ["init", "stars.ossie.json", "-o", "back", "--lang", "en"])
    assert back.exit_code == 0, back.output
    again = kpi.load(tmp_path / "back/five-star-bands.yaml")
    assert definition_hash(again) == definition_hash(shipped("five-star-bands"))
    lossy = run.invoke(main, ["show", "jiaxing-2022", "-o", "jiaxing.ossie.json", "--lang", "en"])
    assert lossy.exit_code == 1
    assert "K942" in lossy.output


@pytest.mark.parametrize(
    ("indicator", "sql"),
    [
        ("{kind: level, of: a}", "SUM(figures.a)"),
        ("{kind: level, of: rate}", "AVG(figures.rate)"),
        ("{kind: ratio, numerator: a, denominator: 乙}", 'SUM(figures.a) / SUM(figures."乙")'),
        ("{kind: ratio, numerator: a, denominator: 乙, pool: 3y}", None),
        ("{kind: formula, expr: (a + 乙) / a}", '(SUM(figures.a) + SUM(figures."乙")) / SUM(figures.a)'),
        ("{kind: formula, expr: 'greatest(a, 乙)'}", None),
        ("{kind: formula, expr: a + wide}", None),
        ("{kind: growth, of: a, over: 1y}", None),
    ],
)
def test_sql_is_written_only_where_it_says_the_same(indicator, sql):
    loaded = examine_text(
        "system: s\nperiod: year\nentities: {}\n"
        "measures: {a: {unit: 万元}, 乙: {unit: 万元}, wide: {unit: 亿元}, rate: {unit: '%'}}\n"
        f"indicators: {{x: {indicator}}}\npillars: {{}}\n"
    )
    assert loaded.system is not None, loaded.findings
    assert ossie.expression(loaded.system, "x") == sql
