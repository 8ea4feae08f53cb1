"""Every text for people is there in English and in Chinese, and screens do not mix the two."""

from __future__ import annotations

import gettext
import re
import string
import sys
from pathlib import Path

import openpyxl
import pytest
import yaml
from click.testing import CliRunner

from kpi.analysis.clause_coverage import coverage
from kpi.cli.main import main
from kpi.errors import Diagnostic, KpiError, Message, count
from kpi.language.loading.catalogue import files
from kpi.language.loading.loader import examine
from kpi.report import cards
from kpi.report.language import LANGUAGES, current, preferred, tr, using
from kpi.report.rules import rules

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import catalogue  # noqa: E402  # of the folder docs

CATALOGUES = {language: catalogue.read(language) for language in catalogue.LANGUAGES}
EVERY = [(language, domain) for language in catalogue.LANGUAGES for domain in catalogue.DOMAINS]


def fields(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_language_but_the_codes_own_has_a_catalogue():
    assert {"en", *catalogue.LANGUAGES} == set(LANGUAGES)


@pytest.mark.parametrize("language", CATALOGUES)
def test_catalogues_hold_the_texts_of_the_code_and_no_others(language):
    now = (catalogue.folder(language) / "kpi.po").read_bytes()
    assert catalogue.po(catalogue.updated(language)) == now, "run python docs/catalogue.py"


@pytest.mark.parametrize(("language", "domain"), EVERY)
def test_compiled_catalogues_are_those_of_the_texts(language, domain):
    with (catalogue.folder(language) / f"{domain}.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for entry in catalogue.read(language, domain):
        if isinstance(entry.id, tuple):
            assert compiled.ngettext(*entry.id, 1) == entry.string[0] or entry.id[0]
        elif entry.id:
            assert compiled.gettext(entry.id) == (entry.string or entry.id)


@pytest.mark.parametrize(("language", "domain"), EVERY)
def test_every_text_is_translated(language, domain):
    entries = catalogue.read(language, domain)
    missing = [entry.id for entry in entries if entry.id and not all([entry.string, *entry.string])]
    assert not missing, f"{len(missing)} of {len(entries)}, first {missing[:5]}"


@pytest.mark.parametrize("language", CATALOGUES)
def test_translations_have_no_fields_of_their_own(language):
    for entry in CATALOGUES[language]:
        ours = entry.id if isinstance(entry.id, tuple) else (entry.id,)
        theirs = entry.string if isinstance(entry.string, tuple) else (entry.string,)
        known = set().union(*map(fields, ours))
        for text in theirs:
            assert fields(text) <= known, entry.id


def test_a_template_that_is_put_together_is_refused():
    with pytest.raises(ValueError, match="a literal"):
        list(catalogue.of_code('Message(f"row {row}")', "a.py"))


def test_the_language_is_the_one_of_the_environment_unless_one_is_chosen(monkeypatch):
    monkeypatch.setenv("KPI_LANG", "zh")
    assert current() == "zh"
    with using("en"):
        assert current() == "en"
        with using(None):
            assert current() == "en"
    with pytest.raises(ValueError, match="unknown language"), using("fr"):
        pass


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_TW"}, "zh"),
        ({"KPI_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"KPI_LANG": "", "LANG": "zh_CN.UTF-8"}, "zh"),
    ],
)
def test_an_environment_asks_for_a_language(environment, language):
    assert preferred(environment) == language


def test_fields_that_are_messages_are_translated_and_names_are_not():
    message = Message("{places}", places=(Message("row {row:,}", row=7), "row"))
    assert message == "row 7, row"
    with using("zh"):
        assert tr(message) == "第 7 行、row"
        assert tr(count(2, "row")) == "2 行"


def test_a_password_is_in_no_language(monkeypatch):
    finding = Diagnostic("K501", Message("the file cannot be read: {error}", error="password=geheim"))
    for language in LANGUAGES:
        with using(language):
            assert "geheim" not in tr(finding.message)


def test_messages_are_texts_that_can_be_sent_to_another_process():
    import pickle

    message = Message("row {row:,}", row=7)
    copy = pickle.loads(pickle.dumps(message))  # noqa: S301  # our own bytes
    assert (copy, copy.template, copy.fields) == ("row 7", "row {row:,}", {"row": 7})
    assert str(KpiError(Diagnostic("K501", message))) == "error K501 row 7"


# ---- SCREENS DO NOT MIX LANGUAGES ---- #

WORD, CHINESE = re.compile(r"[A-Za-z]{3,}"), re.compile(r"[\u3400-\u9fff]+|[，；：。、]")
QUOTED = re.compile(r"`[^`\n]*`|kpi [a-z]+( [^\s，；]+)*|--[a-z-]+|\b[\w/*-]+\.(csv|yaml|toml|xlsx|md|json)\b")
#: Words that texts in Chinese have as they are: products, and what is typed.
PRODUCTS = {
    "Apache",
    "Ossie",
    "custom",
    "extensions",
    "Excel",
    "Polars",
    "Spark",
    "LibreOffice",
    "Parquet",
    "PostgreSQL",
    "Python",
    "kpi",
    "Delta",
    "Lake",
}
#: What is typed in Chinese whatever the language is.
TYPED = {"工作日"}
DEFINITIONS = files(ROOT / "definitions")
SYSTEMS = {name: examine(file).system for name, file in DEFINITIONS.items() if (ROOT / "definitions") in file.parents}


def names_of(tree):
    """Returns the texts of a definition that its owner gave: values, and keys that name definitions."""
    if isinstance(tree, dict):
        keys = {str(key) for key, value in tree.items() if isinstance(value, dict) or not str(key).isascii()}
        keys |= {str(key) for part in ("parts", "effects") for key in (tree.get(part) or ())}
        return keys.union(*map(names_of, tree.values()))
    if isinstance(tree, list):
        return set().union(*map(names_of, tree))
    return set() if tree is None else {str(tree)}


def words_of(names):
    return {word for name in names for word in WORD.findall(name)}


def mixed(text, language, names):
    """Returns what of a text is in another language than the one in use, other than names and what is quoted."""
    for name in sorted(names, key=len, reverse=True):
        if not name.isascii():
            text = text.replace(name, " ")
    text = re.sub(r"\b[0-9a-f]{8,}\b", " ", QUOTED.sub(" ", text))  # hashes are no words
    if language == "zh":
        known = words_of(names) | PRODUCTS
        return [word for word in WORD.findall(text) if word not in known and not word.isupper()]
    return [part for part in CHINESE.findall(text) if part not in TYPED]


def test_mixed_texts_are_seen():
    assert mixed("得分 97.08  not reported", "zh", set()) == ["not", "reported"]
    assert mixed("score 97.08  缺报", "en", set()) == ["缺报"]
    assert mixed("网办率 is in `元`, see kpi check a.yaml", "en", {"网办率"}) == []
    assert mixed("未知的键 `wrong`，见 UTF-8", "zh", set()) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SYSTEMS)
def test_cards_of_definitions_are_in_one_language(name, language):
    system = SYSTEMS[name]
    names = names_of(yaml.safe_load(DEFINITIONS[name].read_text("utf-8")))
    names |= {str(unit) for key in system.symbols if (unit := system.symbols[key].unit) is not None}
    names |= {clause for indicator in system.indicators.values() if (clause := indicator.clause)}
    shown = [*system.measures, *system.indicators, *system.pillars, *system.checks]
    with using(language):
        screens = [cards.system(system, width=1000), *(cards.definition(system, key, width=1000) for key in shown)]
        if (ROOT / "definitions" / "coverage" / f"{name}.csv").exists():
            screens.append(cards.coverage(system, coverage(system), width=1000))
        screens += [tr(step.words()) for step in system.treatment.values()]
    wrong = {part for text in screens for part in mixed(text, language, names)}
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", rules())
def test_meanings_of_codes_are_in_one_language(code, language):
    with using(language):
        card = rules()[code].card()
    means = card.partition("\n")[0].removeprefix(code)
    # Functions and keywords of expressions, keys, and names in data are as they are typed.
    typed = {"coalesce", "round", "toml", "succession", "leave_out", "类别", "是/否", "其他", "市直"}
    assert not mixed(means, language, typed)


@pytest.mark.parametrize("language", LANGUAGES)
def test_examples_of_codes_in_words_are_translated(language):
    with using(language):
        cards_of_rules = {rule.code: (rule, rule.card()) for rule in rules().values()}
    for rule, card in cards_of_rules.values():
        for example in rule.in_words:
            assert (example in card) is (language == "en"), rule.code


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_workbook_is_in_one_language(language, demo, monkeypatch, tmp_path):
    monkeypatch.chdir(demo)
    book = tmp_path / "book.xlsx"
    result = CliRunner().invoke(
        main, ["score", "bad.csv", "-s", "demo.yaml", "-o", str(book)], env={"KPI_LANG": language}
    )
    assert book.exists(), result.output
    names = names_of(yaml.safe_load((demo / "demo.yaml").read_text("utf-8")))
    names |= {cell for line in (*BAD.splitlines(), "代码,修订,计量单位") for cell in re.split('[,"]', line) if cell} | {
        "bad",
        "2023年Q4",
    }
    for sheet in openpyxl.load_workbook(book).worksheets:
        for row in sheet.iter_rows(values_only=True):
            for cell in row:
                assert not mixed(str(cell or ""), language, names), (sheet.title, cell)


SENTENCE = re.compile(r"[a-z]{2,}(?: [a-z]{2,}){2,}")


@pytest.mark.parametrize("file", sorted((ROOT / "tests" / "faulty").glob("*.yaml")), ids=lambda file: file.stem)
def test_findings_in_definitions_have_no_english_sentence_in_chinese(file):
    source = file.read_text("utf-8-sig", errors="replace")
    with using("zh"):
        for finding in examine(file).findings:
            for text in filter(None, (finding.message, finding.hint, finding.label)):
                sentences = SENTENCE.findall(QUOTED.sub(" ", tr(text)))
                wrong = [sentence for sentence in sentences if sentence not in source]
                assert not wrong, f"{finding.code} {tr(text)}"


BAD = """\
期别,地区,指标,数值,计量单位
2024Q1,东湖县,办件总量,"12,480",件
2024Q5,东湖县,网上办件量,"10,210",件
Q4,东湖县,网上办件量,"10,210",件
,东湖县,网上办件量,"10,210",件
2024Q1,东湖县,行政村数,9x6,个
2024Q1,东湖县,行政村数,12 34,个
2024Q1,东湖县,通5G行政村数,81,万元
2024Q1,东湖县,通5G行政村数,81,怪单位
2024Q1,西山区,通5G行政村数,82,个
2024Q1,西山区,通5G行政村数,83,个
2024Q1,西山区,通5G行政村数,83,个
2024Q1,西山区,网上办件率,82,%
2024Q1,西山区,投诉量量,82,件
2024Q1,火星县,投诉量,82,件
2024Q1,,投诉量,82,件
2024Q1,西山区,,82,件
2024Q1,西山区,投诉量,无,件
2024Q1,西山区,办件总量,1e30,件
2024Q1,西山区,网上办件量,2024-01-03,件
2024,西山区,网上办件量,30,件
"""

COMMANDS = [
    "score period.csv -f table",
    "score period.csv -f md",
    "score bad.csv -f table",
    "score bad.csv -s demo.yaml -f md",
    "score bad.csv -s demo.yaml -o /dev/null/a.csv",
    "check demo.yaml",
    "check demo.yaml --data bad.csv",
    "check strict.yaml --data bad.csv",
    "check strict.yaml --data coded.csv",
    "explain period.csv 东湖县",
    "explain period.csv 南岭市 --period 2024Q1",
    "explain bad.csv 东湖县",
    "explain period.csv 西山区 --to 5",
    "explain period.csv 南岭市 --to rank:1",
    "explain period.csv 东湖县 --to 7",
    "what-if period.csv --set 西山区.网上办件率=95 -f table",
    "what-if period.csv --set 西山区.网上办件率=95亩",
    "show demo",
    "show demo online_rate",
    "show demo cases",
    "show demo 政务服务",
    "show demo online_part",
    "show demo --analysis period.csv",
    "show demo 东湖县 --analysis period.csv",
    "stress period.csv -f table",
    "diff 2024Q1 2024Q2 --data period.csv -f table",
    "diff period.csv bad.csv -f table",
    "score gone.csv",
    "score period.csv -o table",
    "score period.csv --period 2024Q9",
    "score period.csv --period 2020Q1",
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    assert CliRunner().invoke(main, ["init", str(folder / "demo")]).exit_code == 0
    folder /= "demo"
    (folder / "bad.csv").write_text(BAD, "utf-8")
    (folder / "roster.csv").write_text(
        "name,code,valid_from,valid_to\n东湖县,330101,,\n西山区,330102,,2023\n南岭市,330103,,\n", "utf-8"
    )
    codes = {"地区": "代码,地区", "东湖县": "330101,东湖县", "西山区": "330102,西山区", "南岭市": "330101,南岭市"}
    text = (folder / "period.csv").read_text("utf-8")
    for name, with_code in codes.items():
        text = text.replace(f",{name},", f",{with_code},")
    (folder / "coded.csv").write_text(text, "utf-8")
    definition = (folder / "demo.yaml").read_text("utf-8")
    strict = definition.replace("{title: 县(市、区)}", "{title: 县(市、区), roster: roster.csv}")
    (folder / "strict.yaml").write_text(strict.replace("system: demo", "system: strict"), "utf-8")
    return folder


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("command", COMMANDS)
def test_screens_of_commands_are_in_one_language(command, language, demo, monkeypatch):
    monkeypatch.chdir(demo)
    result = CliRunner().invoke(main, command.split(), env={"KPI_LANG": language, "COLUMNS": "1000"})
    assert result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    names = names_of(yaml.safe_load((demo / "demo.yaml").read_text("utf-8")))
    names |= {cell for line in (*BAD.splitlines(), "代码,修订,计量单位") for cell in re.split('[,"]', line) if cell}
    names |= {"南岭市", "table", "strict", "reported", "2023年Q4"}
    assert not mixed(result.output, language, names), result.output
