"""What a program gives in place of what a function takes is refused in words, never by an error of the engine."""

from __future__ import annotations

import io
import tempfile

import polars as pl
import pytest

import kpi

FRAME = pl.DataFrame({"期别": ["2023Q4"] * 2, "地区": ["东湖县", "西山区"], "办件量": [200, 100]})
SYSTEM = {
    "system": "small", "period": "quarter", "entities": {},
    "measures": {"filed": {"title": "办件量", "unit": "件"}},
    "indicators": {"level": {"kind": "level", "of": "filed"}},
    "scoring": {"kind": "minmax"}, "pillars": {"all": {"weight": 1, "parts": {"level": 1}}},
}  # fmt: skip
WRONG = {
    "text as content": (lambda _: kpi.NamedFile("a.csv", "text"), "K556"),
    "explain no unit": (lambda card: kpi.explain(card, None), "K602"),
    "explain a path": (lambda _: kpi.explain("a.json", "东湖县"), "K556"),
    "no format": (lambda card: kpi.content(card, None), "K541"),
    "write nothing": (lambda _: kpi.write(None, io.BytesIO()), "K556"),
    "write a frame": (lambda _: kpi.write(FRAME, io.BytesIO()), "K556"),
    "write a scorer": (lambda _: kpi.write(kpi.compile(SYSTEM), io.BytesIO()), "K556"),
    "write an explanation": (lambda card: kpi.content(kpi.explain(card, "东湖县"), "json"), "K556"),
    "changes as a list": (lambda card: kpi.what_if(card, ["东湖县.level=95"]), "K874"),
    "a path has no what-if": (lambda _: kpi.what_if("a.json", {"东湖县.level": 95}), "K556"),
    "diff of paths": (lambda _: kpi.diff("a.json", "b.json"), "K556"),
    "negative runs": (lambda _: kpi.compile(SYSTEM).score(FRAME, intervals=-1), "K556"),
    "bulletin as a workbook": (lambda card: kpi.bulletin(card, "b.xlsx"), "K541"),
    "bulletin in a stream": (lambda card: kpi.bulletin(card, io.BytesIO()), "K541"),
    "bulletin of a path": (lambda _: kpi.bulletin("a.csv", "b.md"), "K556"),
}


@pytest.fixture(scope="module")
def card():
    return kpi.score(FRAME, system=SYSTEM)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_argument_is_refused_in_words(card, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, code = WRONG[name]
    with pytest.raises(kpi.KpiError) as caught:
        call(card)
    (finding,) = caught.value.diagnostics
    assert finding.code == code
    assert finding.hint
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("opened", [io.BytesIO, tempfile.TemporaryFile, tempfile.SpooledTemporaryFile])
def test_content_without_a_name_is_refused_with_what_to_give(opened):
    with opened() as stream:
        stream.write(FRAME.write_csv().encode())
        stream.seek(0)
        with pytest.raises(kpi.DataError) as caught:
            kpi.score(stream, system=SYSTEM)
    (finding,) = caught.value.diagnostics
    assert finding.code == "K556"
    assert "kpi.NamedFile" in finding.hint
