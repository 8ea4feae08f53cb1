"""Codes beside names: a column 区划代码 beside 地区 identifies the units, unless it cannot be theirs.

Everything is decided by the distinct pairs of a code and a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Place, Severity, alternatives
from kpi.intake import row_findings
from kpi.intake.cells.cell_text import as_text
from kpi.intake.entities import BESIDE, Entities, code_of
from kpi.intake.files.headers import LEVELS, clean
from kpi.intake.files.table import ROW
from kpi.intake.matching.datasets import Placed
from kpi.language.datasets import Records, ReportedData
from kpi.values import period_texts
from kpi.values.names import unmarked
from kpi.values.timelines import Timeline

#: Headers of codes of anything, also of measures.
_GENERAL = ("代码", "编码", "code")

#: From so many pairs that mean two units, and more than mean one, a column is not that of the units' codes.
_FOREIGN = 3


def both(source: Placed) -> tuple[str, str] | None:
    """Return the headers of names and of codes, None where a table does not have both."""
    name, code = source.roles.get("entity"), source.roles.get("code")
    return None if name is None or code is None or name == code else (name, code)


def text_of(header: str) -> pl.Expr:
    """Return the texts of a column without blanks around them, null where there is nothing else."""
    stripped = as_text(header).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def entity_text(source: Placed) -> pl.Expr:
    """Return the text that identifies the entity of a row: a name or code, or both with `BESIDE` between."""
    headers = both(source)
    if headers is None:
        return as_text(source.who, source.table.frame.collect_schema()[source.who])
    name, code = (text_of(header) for header in headers)
    beside = pl.concat_str(code, pl.lit(BESIDE), name.fill_null(""))
    return pl.when(code.is_not_null()).then(beside).otherwise(name)


def repeats_heading(source: Placed, text: str) -> bool:
    """Return whether the cell of a name or code holds the words above it, as where a heading is repeated."""
    return clean(text) in _levels_of(source.roles.get("entity"), source.roles.get("code"))


@lru_cache(256)
def _levels_of(*headings: str | None) -> frozenset[str]:
    """Return headings and the levels of those that have several."""
    heads = {head for head in headings if head is not None}
    return frozenset(heads.union(*(head.split(LEVELS) for head in heads)))


def _not_heading(source: Placed, texts: pl.Series) -> pl.Series:
    """Return texts without those that repeat the heading above them."""
    kept = [None if text is None or repeats_heading(source, text) else text for text in texts]
    return pl.Series(texts.name, kept, dtype=pl.String)


class Beside(Struct):
    """The pairs of codes and names of tables, by the number of the table, the tables, and the findings about them.

    `timeline` is what their periods count.

    Each frame has the columns name, code (texts; either may be null) and `ROW`, the first row with the pair.
    """

    timeline: Timeline
    pairs: dict[int, pl.DataFrame] = field(default_factory=dict)
    sources: dict[int, Placed] = field(default_factory=dict)
    findings: list[Diagnostic] = field(default_factory=list)

    def of(self, sources: Iterable[Placed], roster: Entities | None, entities: Entities) -> list[Placed]:
        """Read the pairs, and return the tables with the columns that identify the entities of their rows.

        Codes that are not the units' lose their role, and so do names where every row has a known code.

        Args:
            sources: the tables.
            roster: the entities of a roster, if there is one.
            entities: gives the names that denote no unit.
        """
        identified = []
        for number, source in enumerate(sources):
            if both(source) is None:
                identified.append(source)
                continue
            pairs = _pairs(source, complete=roster is None)
            # A heading in the column of codes is no code: the row is about the name beside it, where there is one.
            pairs = pairs.with_columns(code=_not_heading(source, pairs["code"]))
            name = _not_heading(source, pairs["name"])
            pairs = pairs.filter(
                (name.is_not_null() | pairs["name"].is_null()) & ~(name.is_null() & pairs["code"].is_null())
            )
            reason = self._foreign(source, pairs, roster, entities)
            if reason is None:
                self.pairs[number], self.sources[number] = pairs, source
                identified.append(_without(source, "entity") if _alone(pairs, roster, entities) else source)
                continue
            header = source.roles["code"]
            message = Message(
                "column `{header}` does not say which unit a row is about: {reason}; the names count",
                header=header,
                reason=reason,
            )
            hint = Message("where it holds the codes of units, correct them; else call the column something else")
            place = source.table.place(None, header)
            self.findings.append(Diagnostic("K617", message, place, hint, Severity.WARNING))
            identified.append(_without(source, "code"))
        return identified

    def _foreign(
        self, source: Placed, pairs: pl.DataFrame, roster: Entities | None, entities: Entities
    ) -> Message | None:
        """Return why the codes of a table cannot be those of its units, None where they can."""
        rows = [
            (name, code)
            for name, code in pairs.select("name", "code").rows()
            if name is not None and code is not None and not entities.excluded(name)
        ]
        if roster is not None:
            known = [(roster.place(name), roster.by_code(code)) for name, code in rows]
            agree = Counter(name == code for name, code in known if name is not None and code is not None)
            if agree[False] >= _FOREIGN and agree[False] > agree[True]:
                return Message("most codes are those of other units than the names")
            return None
        names: dict[str, dict[str, str]] = {}
        for name, code in rows:
            names.setdefault(code_of(code), {}).setdefault(clean(name), name)
        several = {code for code, group in names.items() if len(group) > 1}
        if several and (at_once := _at_once(source, several, entities, self.timeline)) is not None:
            code, items = at_once
            return Message("`{code}` stands beside {names}", code=code, names=tuple(items[:3]))
        codes = Counter(clean(name) for name, _ in {(clean(name), code_of(code)) for name, code in rows})
        if any(many > 1 for many in codes.values()) and _of_measures(source):
            return Message("each measure has a code of its own")
        return None

    def named(self, entities: Entities) -> dict[str, list[str]]:
        """Return every code of a unit with the names beside it, the latest first; without those of no unit.

        Args:
            entities: gives the names that denote no unit.
        """
        names: dict[str, dict[str, str]] = {}
        for pairs in self.pairs.values():
            for name, code in pairs.select("name", "code").rows():
                if code is None or (name is not None and entities.excluded(name)):
                    continue
                own = names.setdefault(code_of(code), {})
                if name is not None:
                    own.setdefault(clean(name), name)
        several = {code for code, own in names.items() if len(own) > 1}
        ends = self._ends(several) if several else {}
        return {
            code: [own[key] for key in sorted(own, key=lambda key: (-ends.get((code, key), -1), key))]
            for code, own in names.items()
        }

    def _ends(self, codes: set[str]) -> dict[tuple[str, str], int]:
        """Return the last month in which each name stands beside some codes."""
        ends: dict[tuple[str, str], int] = {}
        for source in self.sources.values():
            for name, code, _, last in _dated(source, codes, self.timeline):
                key = (code_of(code), clean(name))
                ends[key] = max(ends.get(key, -1), last)
        return ends


def _alone(pairs: pl.DataFrame, roster: Entities | None, entities: Entities) -> bool:
    """Return whether every row has a code that identifies its entity, whatever name stands beside it.

    The names need not be read then.
    """
    coded = pairs.select("name", "code").rows()
    if not coded or pairs["code"].null_count():
        return False
    if roster is not None:
        return all(roster.by_code(code) is not None for _, code in coded)
    return not any(name and (entities.excluded(name) or entities.place(name) is not None) for name, _ in coded)


def _without(source: Placed, role: str) -> Placed:
    return replace(source, roles={key: header for key, header in source.roles.items() if key != role})


def _pairs(source: Placed, *, complete: bool) -> pl.DataFrame:
    headers = both(source)
    assert headers is not None  # noqa: S101
    table = (source.table.whole or source.table) if complete else source.table
    # Grouped as they are: a text is made of the few that differ.
    name, code = (pl.selectors.by_name(header) for header in headers)
    rows = table.numbered().select(ROW, name.alias("name"), code.alias("code"))
    cells = rows.group_by("name", "code").agg(pl.col(ROW).min())
    texts = table.mapped(cells.select(ROW, text_of("name").alias("name"), text_of("code").alias("code")))
    return texts.group_by("name", "code").agg(pl.col(ROW).min()).sort(ROW).collect()


def _dated(source: Placed, codes: set[str], timeline: Timeline) -> list[tuple[str, str, int, int]]:
    """Return name, code, first and last month of the rows of some codes; months are -1 without a period."""
    headers = both(source)
    assert headers is not None  # noqa: S101
    when = source.roles.get("period")
    name, code = (text_of(header) for header in headers)
    period = pl.lit(None, dtype=pl.String) if when is None else text_of(when)
    table = source.table.whole or source.table
    rows = table.distinct(table.numbered().select(name=name, code=code, text=period)).collect()
    mine = pl.Series([text is not None and code_of(text) in codes for text in rows["code"]], dtype=pl.Boolean)
    rows = rows.filter(mine).drop_nulls("name").sort(pl.all())
    months = period_texts.parse_column(rows["text"], timeline=timeline).select("text", "start", "months")
    rows = rows.join(months, on="text", how="left", nulls_equal=True, maintain_order="left")
    last = pl.col("start") + pl.col("months") - 1
    return rows.select("name", "code", pl.col("start").fill_null(-1), last.fill_null(-1).alias("last")).rows()


def _at_once(source: Placed, codes: set[str], entities: Entities, timeline: Timeline) -> tuple[str, list[str]] | None:
    """Return the first of some codes that stands beside several names in one period, and these."""
    seen: dict[tuple[str, int, int], dict[str, str]] = {}
    for name, code, start, last in _dated(source, codes, timeline):
        if entities.excluded(name) or repeats_heading(source, name):
            continue
        items = seen.setdefault((code_of(code), start, last), {})
        items.setdefault(clean(name), name)
        if len(items) > 1:
            return code, list(items.values())
    return None


def _of_measures(source: Placed) -> bool:
    """Return whether the codes of a long table are those of its measures, each of which has one."""
    headers = both(source)
    measure = source.roles.get("measure")
    if headers is None or measure is None or not isinstance(source.dataset, ReportedData):
        return False
    if headers[1].casefold() not in _GENERAL:
        return False
    rows = (source.table.whole or source.table).frame.select(code=text_of(headers[1]), measure=text_of(measure))
    pairs = rows.drop_nulls().unique().collect()
    return pairs.height > 1 and all(pairs[column].n_unique() == pairs.height for column in pairs.columns)


def disagreements(source: Placed, pairs: pl.DataFrame, entities: Entities) -> list[Diagnostic]:
    """Return a warning for each pair of a code with a name that is another unit's, or no unit's, at its first row.

    The code counts. A name that is a part of the unit's, 鼓楼区 of 南京市鼓楼区, is no other; and a code that the
    roster does not know says nothing against a name that it does.
    """
    rows = pairs.drop_nulls(["name", "code"])
    wrong = [_differs(name, code, entities) for name, code in rows.select("name", "code").rows()]

    def finding_of(row: dict[str, object]) -> row_findings.Finding:
        place = entities.by_code(str(row["code"]))
        assert place is not None  # noqa: S101
        code, entity, name = row["code"], entities.every[place], row["name"]
        message = Message(
            "`{code}` is the code of {entity}, but the row names {name}; the code counts",
            code=code,
            entity=entity,
            name=name,
        )
        if entities.place(str(name)) is None:
            message = Message(
                "`{code}` is the code of {entity}, but the row names {name}, which is not in the roster; "
                "the code counts",
                code=code,
                entity=entity,
                name=name,
            )
        return "K611", message, Message("correct the code or the name")

    rows = rows.filter(pl.Series(wrong, dtype=pl.Boolean))
    return row_findings.of_rows(source.table, rows, source.roles.get("code"), finding_of, severity=Severity.WARNING)


def _differs(name: str, code: str, entities: Entities) -> bool:
    """Return whether a code is known, and the name beside it does not mean the same unit."""
    place = entities.by_code(code)
    if place is None or place in (entities.place(name), *entities.ambiguous.get(clean(name), ())):
        return False
    text, full_name = clean(name), clean(entities.every[place])
    return entities.place(name) is not None or not (text in full_name or full_name in text)


def in_one_table(sources: Iterable[Placed], names: Collection[str]) -> list[set[str]]:
    """Return which of some names, cleaned, a table of figures has for one period and measure: they are several units.

    Events of one unit may well name it in two ways within a month.
    """
    together = []
    for source in sources:
        header = source.roles.get("entity")
        if header is None or isinstance(source.dataset, Records):
            continue
        keys = [item for key in ("period", "measure") if (item := source.roles.get(key)) is not None]
        cells = (source.table.whole or source.table).frame.select(
            *(text_of(item).alias(key) for key, item in zip("ab", keys, strict=False)), name=text_of(header)
        )
        texts = cells.select(pl.col("name").unique()).collect(engine="streaming").to_series().drop_nulls()
        mine = [text for text in texts.sort() if clean(text) in names]
        if len(mine) > 1:
            items = cells.filter(pl.col("name").is_in(mine)).unique().collect(engine="streaming")
            groups = items.group_by(pl.exclude("name")).agg("name") if keys else items.select(pl.col("name").implode())
            together += [set(map(clean, group)) for group in groups["name"]]
    return [several for several in together if len(several) > 1]


def short_names(entities: Entities) -> list[Diagnostic]:
    """Return the note on short names that are joined to a full one, and the warning on those that may be several."""
    findings = []
    if entities.joined:
        items = tuple(Message("{name} ({full})", name=name, full=full) for name, full in entities.joined.items())
        message = Message("short names are taken for the only unit that has them: {names}", names=_first(items))
        hint = Message("if one is a unit of its own, write `entities: {{keep: [...]}}`, or a roster")
        findings.append(Diagnostic("K487", message, Place(), hint, Severity.INFO))
    for name, several in entities.unclear.items():
        message = Message(
            "`{text}` may be {names}; it is taken as a unit of its own", text=name, names=alternatives(several[:5])
        )
        hint = Message("write the code, or the whole name")
        findings.append(Diagnostic("K488", message, Place(), hint, Severity.WARNING))
    return findings


def footnoted(entities: Entities) -> list[Diagnostic]:
    """Return the notes (K581) on names with marks of footnotes: those that are read without, and those that keep it.

    A name keeps its mark where no row has it without: the marks may be what tells 一区① from 一区②.
    """
    findings = []
    if entities.marked:
        items = tuple(
            Message("{name} ({full})", name=name, full=full) for name, full in sorted(entities.marked.items())
        )
        message = Message("names are read without the marks of their footnotes: {names}", names=_first(items))
        findings.append(Diagnostic("K581", message, Place(), None, Severity.INFO))
    plain = set(map(clean, entities.names))
    others = [name for name in entities.names if unmarked(name) != name and clean(unmarked(name)) not in plain]
    if others and not entities.closed:
        message = Message(
            "names end with marks as of footnotes, which are taken for parts of them: {names}",
            names=_first([Message("{name}", name=name) for name in others]),
        )
        hint = Message("where a mark is that of a footnote, take it away, or use a roster with the plain names")
        findings.append(Diagnostic("K581", message, Place(), hint, Severity.INFO))
    return findings


def _first(names: Sequence[Message]) -> Message:
    """Return the first of some names, and how many more there are."""
    if len(names) <= 10:
        return Message("{names}", names=tuple(names))
    return Message("{names} and {more:,} more names", names=tuple(names[:10]), more=len(names) - 10)


def renamed(codes: Mapping[str, Sequence[str]], sources: Iterable[Placed]) -> list[Diagnostic]:
    """Return a note on names with several codes, and on codes with several names, where there is no roster.

    Args:
        codes: every code with its names, the one shown first.
        sources: the tables.
    """
    of_name: dict[str, list[str]] = {}
    for code, names in codes.items():
        for key in dict.fromkeys(map(clean, names)):
            of_name.setdefault(key, []).append(code)
    several = [_with_others(name, items) for name, items in of_name.items() if len(items) > 1]
    changed = [_with_others(code, names) for code, names in codes.items() if len(names) > 1]
    files = list(dict.fromkeys(source.table.file for source in sources))
    place = Place(files[0]) if len(files) == 1 else Place()
    findings = []
    for items, what in (
        (several, Message("names with several codes are several units, shown with their codes")),
        (changed, Message("codes beside several names are one unit each, shown by the latest name")),
    ):
        if items:
            message = Message("{what}: {names}", what=what, names=tuple(items[:5]))
            if len(items) > 5:
                message = Message("{message} and {more:,} more", message=message, more=len(items) - 5)
            hint = Message("a roster says which codes and names are one unit")
            findings.append(Diagnostic("K616", message, place, hint, Severity.INFO))
    return findings


def _with_others(text: str, others: Sequence[str]) -> Message:
    """Return a name with its codes, or a code with its names."""
    return Message("{text} ({others})", text=text, others=tuple(others))
