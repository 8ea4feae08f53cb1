"""The text of a drafted definition: YAML to go on from, with a comment at whatever no file says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kpi.drafting.draft import Draft, Measure, Suggestion
from kpi.drafting.names import name_of
from kpi.errors import Message
from kpi.report.language import localized, tr
from kpi.report.yaml_text import flow

#: The first part of a name in the namespace that measures, indicators and pillars share, in either script.
_LEVEL, _TOTAL = ("score", "得分"), ("total", "总分")


def text_of(draft: Draft, files: Sequence[str], *, declared: bool = False) -> str:
    """Return a draft as YAML, in the language in use.

    Args:
        draft: the definition.
        files: the names of the files that it was drafted from.
        declared: say in full how every table lies, where that is not recognised.
    """
    timeline = draft.period.timeline
    lines = [
        _comment(tr("Drafted from {files}. What follows a `guess` is said by no file: check it.", files=tuple(files))),
        f"system: {flow(draft.id)}",
        f"title: {flow(draft.title)}",
        f"period: {draft.period}",
        *([f"year_starts: {timeline.year_starts}"] if timeline.shifted else []),
        f"entities: {flow(_entities(draft))}",
    ]
    lines += [_guess(guess.message) for guess in draft.guesses]
    datasets = draft.declared if declared else draft.datasets
    if datasets:
        lines += ["", "datasets:", *(f"  {name}: {flow(dict(keys))}" for name, keys in datasets.items())]
    lines += ["", "measures:", *map(_measure, draft.measures)]
    lines += _suggested(draft.suggestions, "measures")
    indicators = indicators_of(draft)
    lines += [
        "",
        _comment(tr("Ours, not stated by any document: the level of each figure is scored, and more is better.")),
    ]
    lines += ["indicators:", *(f"  {flow(name)}: {flow(keys)}" for name, keys in indicators.items())]
    lines += _suggested(draft.suggestions, "indicators")
    scoring = {"kind": "minmax", **({"among": "panel"} if draft.alone else {})}
    words = tr(
        "Ours, not stated by any document: 0 for the worst of the peers and 100 for the best, all with one weight."
    )
    if draft.alone:
        words = tr(
            "Ours, not stated by any document: 0 for the worst period and 100 for the best, all with one weight."
        )
    lines += ["", _comment(words), f"scoring: {flow(scoring)}"]
    total = _in_script(_TOTAL, draft.measures)
    total = name_of(total, [*(measure.name for measure in draft.measures), *indicators])
    pillar = {"parts": list(indicators), "weights": {"method": "equal"}, "ours": True}
    return "\n".join([*lines, "pillars:", f"  {flow(total)}: {flow(pillar)}", ""])


def _entities(draft: Draft) -> dict[str, Any]:
    kept = {"keep": list(draft.keep)} if draft.keep and draft.roster is None else {}
    return {"title": draft.entities, **({"roster": draft.roster} if draft.roster is not None else {}), **kept}


def indicators_of(draft: Draft) -> dict[str, dict[str, Any]]:
    """Return the indicators of a draft: the level of each figure."""
    taken = [measure.name for measure in draft.measures] + [suggestion.name for suggestion in draft.suggestions]
    indicators: dict[str, dict[str, Any]] = {}
    for measure in draft.measures:
        name = name_of(f"{measure.name}_{_in_script(_LEVEL, [measure])}", [*taken, *indicators])
        better = "lower" if measure.name in draft.lower else "higher"
        indicators[name] = {
            "kind": "level",
            "title": measure.title,
            "of": measure.name,
            "better": better,
            "ours": ["better"],
        }
    return indicators


def _in_script(words: tuple[str, str], measures: Iterable[Measure]) -> str:
    return words[0] if all(measure.name.isascii() for measure in measures) else words[1]


def _measure(measure: Measure) -> str:
    line = f"  {flow(measure.name)}: {flow(dict(measure.keys))}"
    if "unit" in measure.guessed:
        words = tr("guess: the unit `{unit}`", unit=str(measure.keys["unit"]))
        line += f"  # {words}"
    return line


def _suggested(suggestions: Sequence[Suggestion], section: str) -> list[str]:
    listed = [suggestion for suggestion in suggestions if suggestion.section == section]
    if not listed:
        return []
    words = tr("Suggested; take away the `#` in front of what is wanted:")
    return [
        f"  {_comment(words)}",
        *(f"  # {flow(suggestion.name)}: {flow(dict(suggestion.keys))}" for suggestion in listed),
    ]


def _guess(message: Message) -> str:
    return _comment(tr("guess: {message}", message=localized(message)))


def _comment(text: str) -> str:
    return f"# {' '.join(text.split())}"


def roster_text(entities: Sequence[Mapping[str, Any]]) -> str:
    r"""Return a roster as CSV: entity, code, cohort and order; aliases and parent where some unit has one.

    >>> roster_text([{"entity": "甲县", "code": "330101", "cohort": None}])
    'entity,code,cohort,order\n甲县,330101,,1\n'
    >>> roster_text([{"entity": "桐乡市", "code": None, "cohort": None, "aliases": "桐乡"}])
    'entity,code,cohort,order,aliases\n桐乡市,,,1,桐乡\n'
    """
    more = [name for name in ("aliases", "parent") if any(entity.get(name) for entity in entities)]
    lines = [",".join(["entity,code,cohort,order", *more])]
    for order, entity in enumerate(entities, 1):
        name, code = str(entity["entity"]), entity.get("code") or ""
        # Units with one name are displayed with their codes, which have a column of their own here.
        name = name.removesuffix(f"（{code}）") if code else name
        cells = [_cell(name), _cell(str(code)), _cell(str(entity.get("cohort") or "")), str(order)]
        lines.append(",".join([*cells, *(_cell(str(entity.get(key) or "")) for key in more)]))
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""')) if any(sign in text for sign in ',"\n\r') else text
