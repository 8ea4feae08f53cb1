"""The shape of the package: what may import what, and what must never appear."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from kpi.language import adjustments, checks, indicators, measures, scoring
from kpi.language.aggregation.methods import METHODS
from kpi.language.stars.data_driven import SCHEMES
from kpi.language.treatment.steps import STEPS
from kpi.values.columns import Column, Part

ROOT = Path(__file__).parents[1]

# Lowest first: a package imports only what stands before it, and so does each module or package inside one. What is
# deeper has no cycles. `kpi` is the package's own __init__, the public surface.
PACKAGES = (
    "errors", "values", "process", "language", "engine", "intake", "warehouse", "analysis", "report", "session",
    "drafting", "kpi", "batch", "service", "agents", "extend", "cli", "__main__",
)  # fmt: skip
INSIDE = {
    "values": (
        "patterns traditional names columns doubles rounding timelines periods period_texts status units numerics "
        "intervals student window_sums year_ends trends seasonal linear frontier working_days"
    ),
    "process": (
        "os_errors locale notebook distribution tuning journal credentials settings memory prefetch atomic_files "
        "progress limits extensions supervisor"
    ),
    "language": (
        "foreign_kinds model sampling limits localisation disclosure lookback sums expressions ranges datasets "
        "measures never_negative record_columns quantities targets classes treatment scoring indicators conditions "
        "grouping aggregation "
        "uncertainty adjustments alerts ranking longer_totals stars checks system small_numbers sensitive linear_edits "
        "running_totals window_checks ossie vtl loading"
    ),
    "engine": (
        "withheld pieces stage totals longer_totals headlines contributions funnel_limits result_columns "
        "limits_of_levels check_stages alert_stage applied_weights reporting_quality plan foreign_columns lookback "
        "scorecard"
    ),
    "intake": (
        "cells files frames row_findings aggregate_rows division_codes region_names regions entities blank_cohorts "
        "nested_units changing_attributes near_names near_cohorts named_units matching version_numbers "
        "groups_of_roster roster shapes rows_left_out roster_from_files definition_tables validity absent_measures "
        "assumed_years week_53 "
        "calendars finer_facts events reported days_as_periods parts_of_year entity_classes unused_ratings "
        "target_columns succession periods_of_change target_areas contradicting_spans grid undeclared_totals "
        "near_totals alternating_names named_figures part_names negative_counts magnitudes_beside magnitudes "
        "lone_zeros copied_periods finer_figures panel query_answers understanding entry_forms synthetic annexes"
    ),
    "warehouse": "dialects translation ranges cells queries databases tables printed spark",
    "analysis": (
        "disclosure statistics multivariate variants uncertainty robustness intervals error_localisation "
        "typing_errors sums_of_units proposals check_findings alert_findings "
        "price_findings unsolved short_data group_findings impossible_counts above_whole "
        "target_sizes growth_as_index lone_periods "
        "clause_coverage peers explain diff what_if trials way_up next_level audit"
    ),
    "report": (
        "language marks reader_columns shape rules encode xlsx sheet_rows cards longer league diagnostics reading "
        "quality markdown paper workbook method scorebook bulletin sdmx_csv page formats kinds table results files "
        "peers tree way_up queries analysis difference_paper difference robustness_words robustness_paper robustness "
        "yaml_text definition_text roster understanding entry_form notebook plots audit"
    ),
    "session": (
        "asked_periods given_data systems warehouses scoring checking comparing publishing scorer asynchronous"
    ),
    "drafting": "names columns timeline_guess survey ratios draft definition_text trial advice",
    "batch": (
        "store config fingerprints file_periods editions findings alerts remote_tables inputs read_cache figures "
        "last_run integrity system_run replay batch_run comparison migration notifications"
    ),
    "service": (
        "problems limits access representations response_cache audit_log metrics settings scoring stored jobs "
        "worker_process workers uploads openapi parameters service middleware answering analyses app server"
    ),
    "agents": "access answers server",
    "cli": (
        "language progress_line console command yaml_comments starter batch score check explain what_if stress audit "
        "diff show sample roster schema rule annex init form plot report mcp serve completion main"
    ),
}
LAYERS = tuple(
    f"{package}.{inner}" if inner else package
    for package in PACKAGES
    for inner in (*INSIDE.get(package, "").split(), "")
)
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
SLOW_TO_IMPORT = {"polars", "pydantic", "pint", "sqlglot"}
RUNS_TEXT = {"sql", "sql_expr", "SQLContext"}

# Directories of one machine, and hosts of package registries: neither means anything to whoever reads the project.
FOREIGN = re.compile(
    rb"(?<![\w.:/$-])/(?:root|home|work|tmp|mnt|Users)/\w|(?<![\w.])/opt/\w*(?:pypi|wheels)"
    rb"|\b(?:pypi|pythonhos"
    rb"ted|npmjs|anaconda|crates)\.(?:org|com|io)\b|\bmirrors?\.[\w.-]+\.(?:cn|com|org)\b"
)


def modules(package: Path) -> dict[str, Path]:
    """Return every module by its dotted name with the package's name in front."""
    result = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        result[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return result


def layer(name: str, layers: tuple[str, ...] = LAYERS) -> int | None:
    """Return the position of a module in the order: its own, or that of the package it is in; None if not listed."""
    inner = name.partition(".")[2] or name
    above = [inner.rsplit(".", depth)[0] for depth in range(inner.count(".") + 1)]
    entry = next((item for item in above if item in layers), None)
    complete = any(item.startswith(f"{entry}.") for item in layers) and entry != inner
    return None if entry is None or complete else layers.index(entry)


def imports(name: str, path: Path, known: dict[str, Path]) -> dict[str, int]:
    """Return the package's modules that one imports anywhere in its text, each with the first line.

    A string that is exactly a module's name counts too: that is how lazy imports name what they load.
    """
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    result: dict[str, int] = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        targets: list[str] = []
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            targets = [full if (full := f"{base}.{alias.name}") in known else base for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            targets = [node.value.partition(":")[0]]
        for target in targets:
            if target in known and target != name:
                result[target] = min(node.lineno, result.get(target, node.lineno))
    return result


def order_violations(package: Path, layers: tuple[str, ...] = LAYERS) -> list[str]:
    """Return one line for every unlisted module, upward import and cycle."""
    known = modules(package)
    graph = {name: imports(name, path, known) for name, path in known.items()}
    result = [f"{name} is not listed in LAYERS" for name in known if layer(name, layers) is None]
    for name, targets in graph.items():
        # Importing a.b runs a/__init__ first, so whatever reaches into a package from outside depends on that too.
        parents = {parent: line for target, line in targets.items() if (parent := target.rpartition(".")[0])}
        outside = {k: v for k, v in parents.items() if k != package.name and not f"{name}.".startswith(f"{k}.")}
        for target, line in sorted((outside | targets).items()):
            low, high = layer(target, layers), layer(name, layers)
            if low is not None and high is not None and low > high:
                result.append(f"{name}:{line} imports {target}, which stands above it")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        result.append("cycle: " + " -> ".join(error.args[1]))
    return result


def small_package(package: Path, files: dict[str, str]) -> list[str]:
    """Write a package of the layers low, pack, high and the public surface, and return its violations."""
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text, encoding="utf-8")
    return order_violations(package, ("low", "pack", "high", "planned", "kpi"))


def text_runners(source: str) -> list[int]:
    """Return the lines that hand text to an interpreter: eval, exec, and Polars' own SQL."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.Name(id="eval" | "exec")
                | ast.Attribute(value=ast.Name(id="builtins"), attr="eval" | "exec")
                | ast.Attribute(value=ast.Name(id="pl" | "polars"), attr="sql" | "sql_expr" | "SQLContext")
            ):
                lines.append(node.lineno)
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "polars":
                lines += [node.lineno for alias in node.names if alias.name in RUNS_TEXT]
    return lines


def test_every_module_imports_only_what_stands_below_it():
    result = order_violations(ROOT / "kpi")
    assert not result, "\n".join(result)


def test_no_layer_is_listed_twice():
    assert len(set(LAYERS)) == len(LAYERS)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({"low.py": "from kpi import high"}, "kpi.low:1 imports kpi.high", id="upward"),
        pytest.param({"low.py": "from kpi.high import x"}, "kpi.low:1 imports kpi.high", id="upward, by name"),
        pytest.param({"low.py": "from .high import x"}, "kpi.low:1 imports kpi.high", id="upward, relative"),
        pytest.param({"low.py": "def f():\n    import kpi.high"}, "kpi.low:2 imports kpi.high", id="in a function"),
        pytest.param({"low.py": "import_module('kpi.high')"}, "kpi.low:1 imports kpi.high", id="by a string"),
        pytest.param({"low.py": "TABLE = {'f': 'kpi.high:f'}"}, "kpi.low:1 imports kpi.high", id="in a lazy table"),
        pytest.param({"low.py": "import kpi.pack.a"}, "kpi.low:1 imports kpi.pack", id="into a package"),
        pytest.param({"pack/a.py": "import kpi.high"}, "kpi.pack.a:1 imports kpi.high", id="out of a package"),
        pytest.param({"low.py": "import kpi"}, "kpi.low:1 imports kpi,", id="the public surface"),
        pytest.param({"other.py": ""}, "kpi.other is not listed", id="unlisted"),
        pytest.param({"other/a.py": ""}, "kpi.other.a is not listed", id="unlisted package"),
        pytest.param(
            {"pack/a.py": "import kpi.pack.b", "pack/b.py": "def f():\n    import kpi.pack.a"}, "cycle: ", id="cycle"
        ),
    ],
)
def test_the_order_is_enforced(tmp_path, files, expected):
    base = {"__init__.py": "", "low.py": "", "pack/__init__.py": "", "pack/a.py": "", "high.py": "import kpi.low"}
    result = small_package(tmp_path / "kpi", base | files)
    assert any(line.startswith(expected) for line in result), result


def test_what_points_downwards_passes(tmp_path):
    texts = {"__init__.py": "from kpi.high import x", "low.py": "import ast", "high.py": "from kpi.pack import a, b"}
    packs = {"pack/__init__.py": "", "pack/a.py": "from kpi import low", "pack/b.py": "from kpi.pack.a import low"}
    assert small_package(tmp_path / "kpi", texts | packs) == []


def spelt_columns(source: str) -> list[int]:
    """Return the lines that spell a column of the panel, or decide by how the name of one ends."""
    suffixes = {f".{name}" for name, part in vars(Column).items() if isinstance(part, Part)}
    lines = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.JoinedStr(values=[ast.FormattedValue(), ast.Constant(value=str(suffix))]) if suffix in suffixes:
                lines.append(node.lineno)
            case ast.JoinedStr(values=[ast.FormattedValue(), ast.Constant(value="."), ast.FormattedValue()]):
                lines.append(node.lineno)
            case ast.Call(
                func=ast.Attribute(attr="endswith" | "removesuffix" | "rpartition" | "rsplit"),
                args=[ast.Constant(value=str(suffix)), *_],
            ) if suffix in suffixes:
                lines.append(node.lineno)
            case ast.BinOp(op=ast.Add(), right=ast.Constant(value=str(suffix))) if suffix in suffixes:
                lines.append(node.lineno)
    return lines


def test_names_of_columns_are_made_in_one_place():
    # Names of files are `name.form`, and of columns of joined frames `name.other`.
    others = {"kpi.values.columns", "kpi.intake.synthetic.files", "kpi.report.files", "kpi.report.reading"}
    result = [
        f"{name}:{line} spells a column: go through kpi.values.columns.Column"
        for name, path in modules(ROOT / "kpi").items()
        for line in spelt_columns(path.read_text(encoding="utf-8"))
        if name not in others
    ]
    assert not result, "\n".join(result)


@pytest.mark.parametrize(
    "source",
    ['f"{name}.status"', 'f"{one}.{fact}"', 'x.endswith(".base")', 'x.removesuffix(".status")', 'x + ".score"'],
)
def test_a_column_that_is_spelt_is_noticed(source):
    assert spelt_columns(source) == [1]


#: Where the kinds of definitions are at home, and modules that may still distinguish kinds of others.
KINDS_AT = ("measures", "indicators", "scoring", "adjustments", "checks", "stars", "treatment", "aggregation")
DISTINGUISHING = (
    "kpi.intake.reported.", "kpi.intake.matching.", "kpi.intake.succession.", "kpi.language.record_columns.",
)  # fmt: skip


def kind_classes() -> dict[str, set[str]]:
    """Return the names of the classes of all kinds, by the package or module that they are at home in."""
    homes = {
        "measures": measures.KINDS, "indicators": indicators.KINDS, "scoring": (*scoring.KINDS, scoring.AgainstTarget),
        "adjustments": adjustments.KINDS, "checks": checks.KINDS.values(), "stars": SCHEMES, "treatment": STEPS,
        "aggregation": METHODS,
    }  # fmt: skip
    return {f"kpi.language.{home}": {kind.__name__ for kind in kinds} for home, kinds in homes.items()}


def distinguished(source: str, homes: dict[str, set[str]]) -> list[tuple[int, str]]:
    """Return the lines that ask by `isinstance` or `match` for a kind imported from its home, with its name."""
    tree, lines = ast.parse(source), []
    local: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            home = next((item for item in homes if f"{node.module}.".startswith(f"{item}.")), None)
            names = [alias for alias in node.names if home is not None and alias.name in homes[home]]
            local |= {alias.asname or alias.name: alias.name for alias in names}
    for node in ast.walk(tree):
        asked: list[ast.AST] = []
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
                asked = [kinds]
            case ast.MatchClass(cls=kinds):
                asked = [kinds]
        names = [item.id for kinds in asked for item in ast.walk(kinds) if isinstance(item, ast.Name)]
        lines += [(node.lineno, local[name]) for name in names if name in local]
    return sorted(lines)


def test_a_kind_is_asked_through_its_methods():
    homes = kind_classes()
    result = []
    for name, path in modules(ROOT / "kpi").items():
        others = {home: kinds for home, kinds in homes.items() if not f"{name}.".startswith(f"{home}.")}
        if not f"{name}.".startswith(DISTINGUISHING):
            lines = distinguished(path.read_text(encoding="utf-8"), others)
            result += [f"{name}:{line} asks for {kind}: give its base class a method" for line, kind in lines]
    assert not result, "\n".join(result)


@pytest.mark.parametrize(
    "source",
    [
        "from kpi.language.measures import Sum\nisinstance(x, Sum)",
        "from kpi.language.measures import Mean, Sum\nisinstance(x, int | Sum)",
        "from kpi.language.measures import Sum as Total\nisinstance(x, (int, Total))",
        "from kpi.language.checks.within import Holds\nmatch x:\n    case Holds(expr=y): pass",
    ],
)
def test_a_kind_that_is_asked_for_is_noticed(source):
    assert len(distinguished(source, kind_classes())) == 1
    assert distinguished(source.replace("kpi.language", "other"), kind_classes()) == []


def test_modules_say_what_they_are_about():
    vague = [name for name in modules(ROOT / "kpi") if VAGUE & set(name.split("."))]
    assert not vague, f"these names say nothing about their content: {', '.join(vague)}"


def test_text_from_users_is_never_executed():
    result = [
        f"{name}:{line} runs text: go through kpi.language.expressions"
        for name, path in modules(ROOT / "kpi").items()
        for line in text_runners(path.read_text(encoding="utf-8"))
    ]
    assert not result, "\n".join(result)


@pytest.mark.parametrize(
    "source",
    ["eval(x)", "run = exec", "builtins.eval(x)", "pl.sql_expr(x)", "polars.sql(x)", "from polars import SQLContext"],
)
def test_running_text_is_noticed(source):
    assert text_runners(source) == [1]


def test_asking_a_tree_for_its_sql_is_no_execution():
    assert text_runners("tree.sql(dialect='duckdb')\nre.compile('x')\nself.evaluate(x)") == []


def test_the_command_line_starts_without_the_engine():
    code = "import kpi.cli.main, sys; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not SLOW_TO_IMPORT & set(done.stdout.split()), "import these inside the command that needs them"


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        (b"see /" + b"home/li/data.csv", True),
        (b"'/" + b"tmp/x'", True),
        (b"https://py" + b"pi.org/simple", True),
        (b"https://mirrors" + b".example.edu.cn/simple", True),
        (b"#!/usr/bin/env bash", False),
        (b"https://www.example.org/home/page, ./tools/x, and/or", False),
    ],
)
def test_foreign_places_are_noticed(text, foreign):
    assert bool(FOREIGN.search(text)) is foreign


def tracked() -> list[Path]:
    """Return the files of the checkout, or skips the test where there is none."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    assert listed.returncode == 0, listed.stderr.decode()
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_tracked_files_name_no_place_outside_the_project():
    result = [
        f"{path.relative_to(ROOT)}:{number}: {line[:100]!r}"
        for path in tracked()
        for number, line in enumerate(path.read_bytes().splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert not result, "\n".join(result)


def place(node: ast.AST, file: Path, names: dict[str, Path]) -> Path | None:
    """Return the path that an expression over `Path(__file__)` gives; None if it is no such expression."""
    path = None
    match node:
        case ast.Call(func=ast.Name(id="Path"), args=[ast.Name(id="__file__")]):
            path = file
        case ast.Name(id=name):
            path = names.get(name)
        case ast.Call(func=ast.Attribute(value=of, attr="resolve" | "absolute")):
            path = place(of, file, names)
        case ast.Attribute(value=of, attr="parent") if base := place(of, file, names):
            path = base.parent
        case ast.Subscript(value=ast.Attribute(value=of, attr="parents"), slice=ast.Constant(value=int(level))) if (
            base := place(of, file, names)
        ):
            path = base.parents[level]
        case ast.BinOp(left=of, op=ast.Div(), right=ast.Constant(value=str(part))) if base := place(of, file, names):
            path = Path(os.path.normpath(base / part))
    return path


def leading_out(source: str, file: Path, root: Path) -> list[int]:
    """Return the lines of a program whose paths, counted from its own file, leave the root."""
    lines = []
    names: dict[str, Path] = {}
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if path := place(value, file, names):
                names[name] = path
        if (path := place(node, file, names)) and not path.is_relative_to(root):
            lines.append(node.lineno)
    return sorted(set(lines))


def links_leading_out(text: str, file: Path, root: Path) -> list[int]:
    """Return the lines of a text with a relative path, counted from its own file, that leaves the root."""
    return [
        number
        for number, line in enumerate(text.splitlines(), 1)
        for link in re.findall(r"(?<![\w./])(?:\.\./)+[\w./-]*", line)
        if not Path(os.path.normpath(file.parent / link)).is_relative_to(root)
    ]


@pytest.mark.parametrize(
    "source",
    [
        "Path(__file__).parents[2]",
        "ROOT = Path(__file__).resolve().parents[1]\nA = ROOT.parent",
        "ROOT = Path(__file__).parents[1]\nA = ROOT / '..' / 'figures'",
        "def f():\n    return Path(__file__).parent.parent.parent / 'figures'",
    ],
)
def test_a_path_that_leaves_the_checkout_is_noticed(source):
    root = Path("/a")
    assert leading_out(source, root / "tests/test_x.py", root) == [source.count("\n") + 1]


def test_a_link_that_leaves_the_checkout_is_noticed():
    text = "see [this](../README.md)\nand `" + "../" * 2 + "figures/x.csv`"
    assert links_leading_out(text, Path("/a/docs/x.md"), Path("/a")) == [2]


def test_nothing_is_read_outside_the_checkout():
    result = []
    for path in tracked():
        name = path.relative_to(ROOT)
        if path.suffix == ".py":
            result += [f"{name}:{line}" for line in leading_out(path.read_text("utf-8"), path, ROOT)]
        if path.suffix == ".md":
            result += [f"{name}:{line}" for line in links_leading_out(path.read_text("utf-8"), path, ROOT)]
    assert not result, "\n".join(result)


@pytest.mark.parametrize(
    ("page", "heading"), [("architecture.md", "## Queries of a run\n"), ("architecture.zh.md", "{#queries-of-a-run}")]
)
def test_every_query_of_a_run_has_a_documented_reason(page, heading):
    text = (ROOT / "docs" / page).read_text("utf-8")
    section = text.partition(heading)[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", section))
    run = [
        *(ROOT / "kpi/intake").rglob("*.py"),
        *(ROOT / "kpi/session").rglob("*.py"),
        *(ROOT / f"kpi/{name}.py" for name in ("analysis/check_findings", "engine/plan")),
    ]
    collecting = {path.stem for path in run if re.search(r"\.collect(_batches)?\(", path.read_text("utf-8"))}
    assert collecting <= named, f"no reason for a query in {collecting - named}"
    assert "mergeable" in collecting


def test_few_hooks_ignore_their_arguments() -> None:
    """A default of a kind that needs no argument returns None, so that few suppressions are left."""
    ignored = [
        path.name
        for path in sorted((ROOT / "kpi").rglob("*.py"))
        for _ in re.findall("noqa: ARG", path.read_text("utf-8"))
    ]
    assert len(ignored) < 10, ignored


def test_no_two_modules_of_tests_have_one_name():
    """pytest imports them by their names alone, so the second of two is not collected."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name not in {"conftest.py", "__init__.py"}]
    assert [name for name in sorted(set(names)) if names.count(name) > 1] == []


def test_what_streaming_queries_call_streams_nothing():
    """Their threads would wait for each other: what parses cells and texts asks the engine in memory alone."""
    streaming = []
    for folder in ("values", "language", "intake/cells"):
        for path in sorted((ROOT / "kpi" / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "collect":
                    engines = [ast.unparse(item.value) for item in node.keywords if item.arg == "engine"]
                    streaming += [] if engines == ["'in-memory'"] else [f"{path.name}:{node.lineno}"]
    assert streaming == []


def _run_at_import(node: ast.AST) -> list[ast.Call]:
    """Return the calls of a tree that run when its module is imported."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return []
    own = [node] if isinstance(node, ast.Call) else []
    return own + [call for child in ast.iter_child_nodes(node) for call in _run_at_import(child)]


def test_no_pattern_is_compiled_at_import():
    """`kpi.values.patterns.regex` compiles it when it is used; `errors` imports nothing, and some are of bytes."""
    compiled = []
    for path in sorted((ROOT / "kpi").rglob("*.py")):
        calls = [] if path.name == "errors.py" else _run_at_import(ast.parse(path.read_text("utf-8")))
        compiled += [
            f"{path.name}:{call.lineno}" for call in calls
            if ast.unparse(call.func) == "re.compile" and not ast.unparse(call.args[0]).startswith(("rb", "b"))
        ]  # fmt: skip
    assert compiled == []
