"""Every text for people is there in English and in Chinese, and screens do not mix the two."""

from __future__ import annotations

import gettext
import string
import sys
from pathlib import Path

import pytest

from kpi.errors import Diagnostic, KpiError, Message, count
from kpi.report.language import LANGUAGES, current, preferred, tr, using

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import catalogue  # noqa: E402  # of the folder docs

CATALOGUES = {language: catalogue.read(language) for language in catalogue.LANGUAGES}


def fields(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_language_but_the_codes_own_has_a_catalogue():
    assert {"en", *catalogue.LANGUAGES} == set(LANGUAGES)


@pytest.mark.parametrize("language", CATALOGUES)
def test_catalogues_hold_the_texts_of_the_code_and_no_others(language):
    now = (catalogue.folder(language) / "kpi.po").read_bytes()
    assert catalogue.po(catalogue.updated(language)) == now, "run python docs/catalogue.py"


@pytest.mark.parametrize("language", CATALOGUES)
def test_compiled_catalogues_are_those_of_the_texts(language):
    with (catalogue.folder(language) / "kpi.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for entry in CATALOGUES[language]:
        if isinstance(entry.id, tuple):
            assert compiled.ngettext(*entry.id, 1) == entry.string[0] or entry.id[0]
        elif entry.id:
            assert compiled.gettext(entry.id) == (entry.string or entry.id)


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_text_is_translated(language):
    missing = [entry.id for entry in CATALOGUES[language] if entry.id and not all([entry.string, *entry.string])]
    assert not missing, f"{len(missing)} of {len(CATALOGUES[language])}, first {missing[:5]}"


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
