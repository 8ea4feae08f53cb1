from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from kpi.cli.main import main
from kpi.language.loading import positions
from kpi.language.loading.catalogue import shipped
from kpi.language.loading.loader import examine
from kpi.language.loading.schema import descriptions, json_schema
from kpi.language.loading.validation_messages import SYNONYMS

HERE = Path(__file__).parent
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SOUND = sorted([*shipped().glob("*.yaml"), *(HERE / "golden").glob("*/system.yaml")])
FAULTY = sorted((HERE / "faulty").glob("*.yaml"))
#: What only the loader judges: what one key asks of another, and YAML's own traps.
RELATIONS = {
    "cap_without_a_condition", "longer_periods_without_weights",
    "bonus_of_and_when", "knot_is_no_pair", "part_listed_twice", "points_and_marks", "policy_of_two_kinds",
    "rating_scale", "rung_asks_for_nothing",
    "target_from_column_and_file", "target_with_two_comparators", "target_within_one_number",
    "target_without_comparator",
    "target_without_end", "type_star_level", "veto_with_two_effects", "yaml_not_a_number", "type_key_is_a_number",
}  # fmt: skip


def as_json(data: Any) -> Any:
    """Return YAML's data as an editor gives it to its validator: keys and dates are text."""
    if isinstance(data, dict):
        return {str(key): as_json(value) for key, value in data.items()}
    if isinstance(data, list):
        return [as_json(value) for value in data]
    return data.isoformat() if isinstance(data, dt.date) else data


def errors(file: Path) -> list[str]:
    data = positions.read(file.read_text("utf-8-sig", errors="replace"), str(file)).data
    return [f"{list(item.absolute_path)}: {item.message[:200]}" for item in VALIDATOR.iter_errors(as_json(data))]


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    json.dumps(SCHEMA)


@pytest.mark.parametrize("file", SOUND, ids=lambda file: file.parent.name + "/" + file.name)
def test_sound_definitions_are_valid(file):
    assert errors(file) == []


@pytest.mark.parametrize("file", FAULTY, ids=lambda file: file.stem)
def test_what_the_loader_refuses_for_its_shape_is_invalid(file):
    result = examine(file).findings
    shape = [
        item for item in result if item.code in ("K110", "K111", "K112", "K113", "K114") and item.severity == "error"
    ]
    refused = bool(errors(file))
    if file.stem in RELATIONS:
        assert shape
    elif shape:
        assert refused
    elif not any(item.code in ("K100", "K101", "K102", "K103", "K104", "K115") for item in result):
        assert not refused, errors(file)


def objects(part: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema of an object, at any depth, with its place."""
    if isinstance(part, dict):
        if isinstance(part.get("properties"), dict):
            yield place, part
        for key, value in part.items():
            yield from objects(value, f"{place}/{key}")
    elif isinstance(part, list):
        for at, value in enumerate(part):
            yield from objects(value, f"{place}/{at}")


def test_every_object_and_every_property_says_what_it_is_for():
    every = dict(objects(SCHEMA))
    assert len(every) > len(SCHEMA["$defs"]) - 5
    assert [place for place, item in every.items() if not item.get("description", "").strip()] == []
    properties = {f"{place}/{key}": item for place, part in every.items() for key, item in part["properties"].items()}
    assert [place for place, item in properties.items() if not item.get("description", "").strip()] == []


def test_descriptions_are_for_people():
    """No doctests, and no words of the program's own code."""
    texts = re.findall(r'"description": ("(?:[^"\\]|\\.)*")', json.dumps(SCHEMA, ensure_ascii=False))
    assert len(texts) > 500
    inside = re.compile(
        r">>>|\bpl\.|\b(?:class|docstring|doctest|[Pp]ydantic|[Pp]olars|frame|DataFrame|Expr|self|None|Returns|Yields"
        r"|Args|[Tt]he base of)\b|__"
    )
    assert [text for text in texts if inside.search(text)] == []


def test_names_of_definitions_are_no_places_in_the_program():
    assert [name for name in SCHEMA["$defs"] if "__" in name] == []
    assert {"measures.Count", "indicators.Count"} <= set(SCHEMA["$defs"])


@pytest.mark.parametrize(
    ("name", "fits"), [("地区生产总值", True), ("gdp_2023", True), ("5G-stations", False), ("a b", False)]
)
def test_names_are_names_in_every_editor(name, fits):
    pattern = SCHEMA["properties"]["measures"]["anyOf"][0]["propertyNames"]["pattern"]
    assert bool(re.fullmatch(pattern, name, re.ASCII)) is fits


def test_another_word_for_a_key_stands_for_a_key_and_is_none_itself_there():
    places = [set(item["properties"]) for item in [SCHEMA, *SCHEMA["$defs"].values()] if "properties" in item]
    for word, keys in SYNONYMS.items():
        for key in keys:
            assert any(key in place and word not in place for place in places), (word, key)


def test_editors_explain_keys_in_the_language_in_use():
    english, chinese = (
        json.loads(CliRunner().invoke(main, ["schema"], env={"KPI_LANG": language}).stdout) for language in ("en", "zh")
    )
    assert english == json_schema(installed=True)
    assert chinese["properties"]["measures"]["description"] == "名称: 每个评价对象每期一个数，带单位；或简写"
    words = list(descriptions(chinese))
    assert len(words) == len(list(descriptions(english)))
    assert not [text for text in words if re.search("[a-z]{3}", text) and not re.search("[\u4e00-\u9fff]|^`", text)]
