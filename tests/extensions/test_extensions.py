"""Extensions that are broken, clash or fail: a finding that names the distribution, and nothing else suffers."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path

import polars as pl
import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

import kpi
from kpi.batch import batch_run
from kpi.batch.config import load as load_config
from kpi.batch.fingerprints import engine
from kpi.cli.main import main
from kpi.language.loading.catalogue import systems
from kpi.language.loading.loader import examine_text
from kpi.language.loading.schema import json_schema
from kpi.process import extensions
from kpi.report.files import write

KIND = """
    class {name}(Indicator):
        kind: Literal["{kind}"] = "{kind}"
        kind_title: ClassVar[Message] = Message("twice a measure")
        of: str

        def inputs(self):
            yield ("of",), self.of

        def in_unit(self, symbols):
            {in_unit}

        def expressions(self, name, symbols, grain):
            {expressions}

        def words(self, symbols):
            return Message("2 x {{of}}", of=self.of)
"""
HEAD = """
    from typing import ClassVar, Literal
    import polars as pl
    from kpi.extend import *
"""
GOOD = {
    "in_unit": "return symbols[self.of].unit",
    "expressions": "return guarded(name, pl.col(self.of) * 2, inputs=[self.of])",
}
DATA = {"期别": ["2024", "2024"], "地区": ["甲县", "乙县"], "里程": [5, 3]}


def text(kind: str = "twice", **more: str) -> str:
    keys = "".join(f", {key}: {value}" for key, value in more.items())
    return (
        "system: small\nperiod: year\nentities: {}\nmeasures: {roads: {title: 里程, unit: 公里}}\n"
        f"indicators: {{x: {{kind: {kind}, of: roads{keys}}}}}\npillars: {{}}\n"
    )


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Return what puts a distribution of one module and its entry points where Python finds it."""

    def put(points: dict[str, str], code: str, *, name: str = "far-kinds", module: str = "far_kinds") -> None:
        folder = tmp_path / f"site {name}"
        info = folder / f"{name.replace('-', '_')}-1.2.dist-info"
        info.mkdir(parents=True)
        (folder / f"{module}.py").write_text(textwrap.dedent(HEAD) + textwrap.dedent(code), encoding="utf-8")
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n", encoding="utf-8")
        lines = (f"[{group}]\n{point}\n" for group, point in points.items())
        (info / "entry_points.txt").write_text("".join(lines), encoding="utf-8")
        monkeypatch.syspath_prepend(str(folder))
        extensions.forget()

    yield put
    monkeypatch.undo()
    extensions.forget()
    engine.cache_clear()
    for name in [name for name in sys.modules if name.startswith("far_kinds")]:
        del sys.modules[name]


def twice(install, **change: str) -> None:
    install({"kpi.indicators": "twice = far_kinds:Twice"}, KIND.format(name="Twice", kind="twice", **GOOD | change))


def codes(error) -> list[str]:
    return [item.code for item in error.value.diagnostics]


def test_a_kind_of_another_distribution_is_scored_explained_and_shown(install, tmp_path):
    twice(install)
    card = kpi.score(DATA, system=text())
    assert card.indicators.select("entity", "value").rows() == [("乙县", 6.0), ("甲县", 10.0)]
    file = tmp_path / "small.yaml"
    file.write_text(text(), encoding="utf-8")
    shown = CliRunner().invoke(main, ["show", str(file), "x", "--lang", "en"])
    assert "2 x roads" in shown.output
    assert "twice a measure" in shown.output


def test_a_system_with_a_kind_of_another_distribution_is_the_same_after_it_is_written_and_read(install):
    twice(install)
    system = kpi.load(text())
    assert kpi.load(system.model_dump(by_alias=True, exclude_unset=True)).model_dump() == system.model_dump()
    assert hash(kpi.load(text())) == hash(system)


def test_an_unknown_kind_is_suggested_by_those_that_are_installed(install):
    twice(install)
    (finding,) = examine_text(text("twicee")).findings
    assert (finding.code, finding.place.line) == ("K114", 5)
    assert "twice" in finding.hint


def test_a_wrong_key_of_an_installed_kind_has_its_place_and_the_keys_of_the_kind(install):
    twice(install)
    (finding,) = examine_text(text(oof="m")).findings
    assert (finding.code, finding.place.line) == ("K110", 5)
    assert "`of`" in finding.hint
    (missing,) = examine_text(text().replace(", of: roads", "")).findings
    assert (missing.code, str(missing.message)) == ("K111", "`of` is missing")


@pytest.mark.parametrize(
    ("code", "finding", "words"),
    [
        pytest.param("import no_such_package\n", "K930", "ModuleNotFoundError", id="import"),
        pytest.param("1 / 0\n", "K930", "ZeroDivisionError", id="top level"),
        pytest.param("raise SystemExit(3)\n", "K930", "SystemExit: 3", id="exit"),
        pytest.param("Twice = 5\n", "K931", "Indicator", id="no class"),
        pytest.param(
            "class Twice(Indicator):\n    kind: Literal['twice'] = 'twice'\n", "K931", "expressions", id="abstract"
        ),
        pytest.param(KIND.format(name="Twice", kind="thrice", **GOOD), "K931", "Literal", id="other kind"),
    ],
)  # fmt: skip
def test_an_extension_that_cannot_be_used_is_a_finding_with_its_distribution(install, code, finding, words):
    install({"kpi.indicators": "twice = far_kinds:Twice"}, code)
    (actual,) = examine_text(text()).findings
    assert actual.code == finding
    assert "far-kinds 1.2" in actual.message
    assert words in actual.message
    assert actual.place.line == 5
    assert examine_text(text("level")).system is not None


def test_a_broken_extension_leaves_systems_without_it_alone(install, tmp_path):
    install({"kpi.indicators": "twice = far_kinds:Twice"}, "raise RuntimeError('lost')\n")
    for name, kind in (("other", "level"), ("small", "twice")):
        (tmp_path / f"{name}.yaml").write_text(text(kind).replace("system: small", f"system: {name}"), encoding="utf-8")
    there = systems(tmp_path)
    assert there["other"].system is not None
    assert there["small"].system is None
    result = CliRunner().invoke(main, ["show", "--definitions", str(tmp_path), "--lang", "en"])
    assert "not valid" in result.output
    assert result.exit_code == 0


@pytest.mark.parametrize(
    "change",
    [
        {"in_unit": "return 1 / 0"},
        {"expressions": "raise KeyError(name)"},
        {"expressions": "return pl.col(0)"},
        {"in_unit": "raise SystemExit(3)"},
        {"expressions": "raise SystemExit(3)"},
    ],
    ids=[
        "when it is checked",
        "when it is compiled",
        "when it gives something else",
        "when it exits in the check",
        "when it exits while it is compiled",
    ],
)
def test_code_that_fails_is_a_finding(install, change):
    twice(install, **change)
    with pytest.raises(kpi.KpiError) as error:
        kpi.score(DATA, system=text())
    assert set(codes(error)) <= {"K931", "K933"}
    assert "far-kinds 1.2" in str(error.value)


def test_a_plan_that_polars_refuses_is_a_finding(install):
    twice(install, expressions="return guarded(name, pl.col('no such column'))")
    with pytest.raises(kpi.DefinitionError) as error:
        kpi.score(DATA, system=text())
    assert codes(error) == ["K933"]


@pytest.mark.parametrize("value", ["pl.lit(float('nan'))", "pl.when(pl.col(self.of) > 4).then(pl.col(self.of))"])
def test_values_whose_status_does_not_fit_are_no_result(install, value):
    twice(install, expressions=f"return Expressions({{name: {value}}}, {{Column(name).status: pl.lit('ok')}})")
    with pytest.raises(kpi.DefinitionError) as error:
        kpi.score(DATA, system=text())
    assert codes(error) == ["K934"]


def test_a_name_that_is_built_in_stays_what_it_is(install):
    install({"kpi.indicators": "level = far_kinds:Other"}, KIND.format(name="Other", kind="level", **GOOD))
    assert kpi.score(DATA, system=text("level")).indicators["value"].to_list() == [3.0, 5.0]
    result = CliRunner().invoke(main, ["show", "--kinds", "--lang", "en"])
    assert "K932" in result.output
    assert result.exit_code == 1


def test_a_name_of_two_distributions_is_refused(install):
    twice(install)
    code = KIND.format(name="Twice", kind="twice", **GOOD)
    install({"kpi.indicators": "twice = far_kinds_2:Twice"}, code, name="farther-kinds", module="far_kinds_2")
    (finding,) = examine_text(text()).findings
    assert finding.code == "K932"
    assert "far-kinds 1.2" in finding.message
    assert "farther-kinds 1.2" in finding.message


def test_every_kind_is_listed_with_its_distribution(install):
    twice(install)
    result = CliRunner().invoke(main, ["show", "--kinds", "-f", "json"])
    rows = {(item["family"], item["kind"]): item for item in json.loads(result.stdout)["kinds"]}
    assert rows["indicators", "twice"]["origin"] == "far-kinds 1.2"
    assert rows["indicators", "twice"]["does"] == "twice a measure"
    assert rows["indicators", "ratio"]["origin"].startswith("kpi-scorecard")
    assert {family for family, _ in rows} >= {*extensions.FAMILIES, "measures", "checks", "weights"}


def test_the_schema_has_installed_kinds_only_where_they_are_asked_for(install):
    without = json_schema()
    twice(install)
    assert json_schema() == without
    printed = json.loads(CliRunner().invoke(main, ["schema"]).stdout)
    assert not [*Draft202012Validator(printed).iter_errors(yaml.safe_load(text()))]
    assert [*Draft202012Validator(without).iter_errors(yaml.safe_load(text()))]
    assert [*Draft202012Validator(printed).iter_errors(yaml.safe_load(text(oof="m")))]


# ---- FILES ---- #

READ = """
    def read(path):
        return {body}
"""


def csv_like(install, body: str) -> None:
    install({"kpi.readers": "odd = far_kinds:read"}, READ.format(body=body))


@pytest.mark.parametrize("place", ["file", "folder", "pattern"])
def test_a_file_is_read_by_its_suffix(install, tmp_path, place):
    csv_like(install, "pl.DataFrame([line.split('|') for line in path.read_text('utf-8').split()[1:]], "
             "schema=path.read_text('utf-8').split()[0].split('|'), orient='row')")  # fmt: skip
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.odd").write_text("期别|地区|里程\n2024|甲县|5,000\n2024|乙县|3\n", encoding="utf-8")
    given = {"file": folder / "a.odd", "folder": folder, "pattern": f"{folder}/*.odd"}[place]
    card = kpi.score(given, system=text("level"))
    assert card.indicators["value"].to_list() == [3.0, 5000.0]


def test_sheets_of_a_file_are_named(install, tmp_path):
    sheet = "pl.DataFrame({'期别': ['2024'], '地区': [name], '里程': [1]})"
    csv_like(install, f"{{name: {sheet} for name in ('甲县', '乙县')}}")
    (tmp_path / "a.odd").write_text("x", encoding="utf-8")
    assert kpi.score(tmp_path / "a.odd", system=text("level")).totals.height == 2
    assert kpi.score(f"{tmp_path / 'a.odd'}#甲县", system=text("level")).totals["entity"].to_list() == ["甲县"]
    with pytest.raises(kpi.DataError) as error:
        kpi.score(f"{tmp_path / 'a.odd'}#丙县", system=text("level"))
    assert codes(error) == ["K501"]


@pytest.mark.parametrize(
    ("body", "code"),
    [("1 / 0", "K933"), ("exit(3)", "K933"), ("5", "K931"), ("pl.DataFrame({'a': []})", "K505")],
)
def test_a_reader_that_fails_is_a_finding_of_its_file_and_others_are_scored(install, tmp_path, body, code):
    csv_like(install, body)
    (tmp_path / "a.odd").write_text("x", encoding="utf-8")
    (tmp_path / "b.csv").write_text("期别,地区,里程\n2024,甲县,3\n", encoding="utf-8")
    with pytest.raises(kpi.DataError) as error:
        kpi.score(tmp_path / "a.odd", system=text("level"))
    assert codes(error) == [code]
    card = kpi.score([tmp_path / "a.odd", tmp_path / "b.csv"], system=text("level"), partly=True)
    assert card.indicators["value"].to_list() == [3.0]
    assert code in card.findings["code"].to_list()


WRITE = """
    def write(frames, head):
        return {body}
"""


def test_a_result_is_written_by_its_suffix_and_by_the_name_of_the_format(install, tmp_path):
    body = "f\"{head['system']}: {frames['totals'].height}\".encode()"
    install({"kpi.writers": "odd = far_kinds:write"}, WRITE.format(body=body))
    card = kpi.score(DATA, system=text("level"))
    (out,) = write(card, tmp_path / "a.odd")
    assert out.read_text() == "small: 2"
    definition, data = tmp_path / "small.yaml", tmp_path / "a.csv"
    definition.write_text(text("level"), encoding="utf-8")
    data.write_text("期别,地区,里程\n2024,甲县,3\n", encoding="utf-8")
    printed = CliRunner().invoke(main, ["score", str(data), "-s", str(definition), "-f", "odd", "-q"])
    assert printed.stdout == "small: 1"
    refused = CliRunner().invoke(main, ["score", str(data), "-s", str(definition), "-f", "odder", "-q"])
    assert refused.exit_code == 2


@pytest.mark.parametrize(("body", "code"), [("1 / 0", "K933"), ("exit(3)", "K933"), ("'text'", "K931")])
def test_a_writer_that_fails_is_a_finding_and_leaves_no_file(install, tmp_path, body, code):
    install({"kpi.writers": "odd = far_kinds:write"}, WRITE.format(body=body))
    with pytest.raises(kpi.DataError) as error:
        write(kpi.score(DATA, system=text("level")), tmp_path / "a.odd")
    assert codes(error) == [code]
    assert not [*tmp_path.glob("*.odd")]


# ---- STORES ---- #


def config(folder: Path, kind: str) -> Path:
    (folder / "small.yaml").write_text(text("level"), encoding="utf-8")
    (folder / "a.csv").write_text("期别,地区,里程\n2024,甲县,3\n", encoding="utf-8")
    file = folder / "nightly.toml"
    source = '[[source]]\nsystem = "small.yaml"\ndata = "a.csv"\n'
    file.write_text(f'store = {{kind = "{kind}", path = "here"}}\n{source}', encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("code", "finding"),
    [
        ("def make(path):\n    1 / 0\n", "K933"),
        ("def make(path):\n    return 5\n", "K931"),
        ("1 / 0\n", "K930"),
        ("def make(path):\n    raise SystemExit(3)\n", "K933"),
        ("raise SystemExit(3)\n", "K930"),
    ],
)
def test_a_store_that_cannot_be_used_is_a_finding(install, tmp_path, code, finding):
    install({"kpi.stores": "odd = far_kinds:make"}, code)
    with pytest.raises(kpi.DataError) as error:
        batch_run.run(load_config(config(tmp_path, "odd")))
    assert codes(error) == [finding]


def test_an_unknown_kind_of_store_names_those_there_are(install, tmp_path):
    install({"kpi.stores": "odd = far_kinds:make"}, "def make(path): ...\n")
    with pytest.raises(kpi.DefinitionError) as error:
        load_config(config(tmp_path, "oddd"))
    assert codes(error) == ["K802"]
    assert "delta, postgresql or odd" in str(error.value)


def test_another_version_of_an_extension_is_another_engine(install):
    before = engine()
    engine.cache_clear()
    twice(install)
    assert engine() == f"{before}, far-kinds 1.2"
    engine.cache_clear()


def test_nothing_is_looked_up_for_what_is_built_in(monkeypatch):
    def never(family):
        raise AssertionError(family)

    monkeypatch.setattr(extensions, "every", never)
    card = kpi.score(DATA, system=text("level"))
    assert card.indicators["value"].to_list() == [3.0, 5.0]
    assert pl.DataFrame(card.totals).height == 2
