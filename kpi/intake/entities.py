"""Entities (评价对象), from a roster or from the data, and the resolution of texts to entities.

A code identifies an entity, a name does if only one entity has it. Names are compared after `headers.clean`: in NFKC,
without zero-width characters, without blanks beside Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import polars as pl

from kpi.errors import Diagnostic, Message, Place, alternatives, suggest
from kpi.intake.aggregate_rows import Exclusions, shown
from kpi.intake.files.headers import clean
from kpi.values.periods import Period
from kpi.values.timelines import MONTHS, Timeline

#: The separator of code and name in a text that has both; no typed cell contains it.
BESIDE = "\x1f"

#: Endings that may be omitted: 桐乡 is 桐乡市 if that is unambiguous.
_ENDINGS = ("市", "县", "区", "镇", "街道", "乡", "省", "旗", "盟", "地区", "新区", "林区", "特别行政区")

_LAST = tuple({ending[-1] for ending in (*_ENDINGS, "州")})

# The peoples in the names of autonomous areas: 延边 and 延边州 are 延边朝鲜族自治州.
_PEOPLES = (
    "阿昌|白|保安|布朗|布依|藏|朝鲜|达斡尔|傣|德昂|东乡|侗|独龙|鄂伦春|俄罗斯|鄂温克|高山|仡佬|哈尼|哈萨克|赫哲|回|基诺|京|景颇"
    "|柯尔克孜|拉祜|黎|傈僳|珞巴|满|毛南|门巴|蒙古|苗|仫佬|纳西|怒|普米|羌|撒拉|畲|水|塔吉克|塔塔尔|土|土家|佤|维吾尔|乌孜别克"
    "|锡伯|瑶|彝|仡佬|裕固|壮|各"
)
_AUTONOMOUS = re.compile(
    rf"(?P<name>.{{2,}}?)(?:(?:{_PEOPLES})族|蒙古|哈萨克|柯尔克孜|维吾尔)*自治(?P<kind>[区州县旗])"
)

# The code of a county, and the digits that extend it to the code of twelve digits, which reaches down to villages.
_COUNTY, _NO_TOWN = re.compile(r"\d{6}"), "000000"

#: The first and last month of an unlimited validity.
ALWAYS = (0, 12 * 9999)


def code_of(text: str) -> str:
    """Normalise a code for comparison: a county's code of twelve digits becomes that of six.

    >>> code_of("３３０４８３"), code_of("330483000000"), code_of("330483.0"), code_of("330483101000")
    ('330483', '330483', '330483', '330483101000')
    """
    code = clean(text)
    if code.endswith(".0") and code[:-2].isdigit():
        code = code[:-2]
    return code[:6] if len(code) == 12 and code.isdigit() and code.endswith(_NO_TOWN) else code


def short_forms(name: str) -> Iterator[str]:
    """Yield the short forms of a name: without the ending, or without the peoples of an autonomous area.

    >>> list(short_forms("桐乡市")), list(short_forms("河北省")), list(short_forms("延边朝鲜族自治州"))
    (['桐乡'], ['河北'], ['延边', '延边州'])
    >>> list(short_forms("内蒙古自治区")), list(short_forms("广西壮族自治区")), list(short_forms("阿克苏地区"))
    (['内蒙古'], ['广西'], ['阿克苏地', '阿克苏'])
    """
    if not name.endswith(_LAST):
        return
    if "自治" in name and (area := _AUTONOMOUS.fullmatch(name)) is not None:
        yield area["name"]
        if area["kind"] != "区":
            yield area["name"] + area["kind"]
        return
    for ending in _ENDINGS:
        if name.endswith(ending) and len(name) - len(ending) >= 2:
            yield name.removesuffix(ending)


@dataclass(frozen=True)
class Entities:
    """The entities in their order.

    Attributes:
        frame: columns entity (String, the displayed name), code, cohort (String, null where there is none), and any
            other column of the roster.
        closed: whether a roster lists all entities, so that other names are unknown.
        others: further texts that denote an entity, such as earlier codes and aliases, with its position.
        times: the first and last month in which a code is valid, where that is limited.
        wholes: aggregates that are no entities, such as 全市; their positions follow those of the entities.
        ambiguous: names of several entities, with their positions.
        exclusions: which other names denote no entity.
        timeline: what `times` count.
    """

    frame: pl.DataFrame
    closed: bool = False
    others: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    wholes: Sequence[str] = ()
    ambiguous: Mapping[str, Sequence[int]] = field(default_factory=dict)
    exclusions: Exclusions = field(default_factory=Exclusions)
    timeline: Timeline = MONTHS

    @cached_property
    def names(self) -> list[str]:
        """The names in order."""
        return self.frame["entity"].to_list()

    @property
    def every(self) -> list[str]:
        """The names of the entities, followed by those of the aggregates."""
        return [*self.names, *self.wholes]

    @cached_property
    def _short(self) -> dict[str, list[int]]:
        """The short forms of names, each with the positions of the entities that it may denote."""
        short: dict[str, list[int]] = {}
        for place, name in enumerate(self.names):
            for text in dict.fromkeys(short_forms(clean(name))):
                short.setdefault(text, []).append(place)
        return short

    @cached_property
    def lookup(self) -> dict[str, int]:
        """Every text that denotes an entity, with its position: names, codes, and unambiguous short forms."""
        places: dict[str, int] = {}
        for place, (name, code) in enumerate(zip(self.names, self.frame["code"].to_list(), strict=True)):
            for text in (name, code, *([code[:6]] if code and len(code) == 12 else [])):
                if text:
                    places.setdefault(clean(str(text)), place)
        for text, place in self.others.items():
            places.setdefault(text, place)
        for text in [text for text in places if _COUNTY.fullmatch(text)]:
            places.setdefault(text + _NO_TOWN, places[text])
        alone = {text: places[0] for text, places in self._short.items() if len(places) == 1}
        behind = {clean(name): place for place, name in enumerate(self.wholes, len(self.names))}
        lookup = behind | alone | places
        return {text: place for text, place in lookup.items() if text not in self.ambiguous}

    def place(self, name: str | None, code: str | None = None) -> int | None:
        """Resolve a row to the position of its entity: by its code, else by its name; None if it is unknown.

        Without a roster a name that denotes no entity resolves to none, whatever its code.
        """
        if not self.closed and name and self.excluded(name):
            return None
        if code and (place := self.by_code(code)) is not None:
            return place
        return self.by_code(name) if name else None

    def by_code(self, code: str) -> int | None:
        """Resolve a code to the position of its entity; a text in a column of codes may be a name."""
        place = self.lookup.get(clean(code))
        return self.lookup.get(code_of(code)) if place is None else place

    def resolve(self, texts: Iterable[str]) -> dict[str, int]:
        """Resolve texts to positions of entities; unknown texts are omitted.

        A text is a name or code, or a code and a name separated by `BESIDE`.
        """
        places = {}
        for text in texts:
            code, beside, name = text.rpartition(BESIDE)
            if (place := self.place(name, code) if beside else self.place(text)) is not None:
                places[text] = place
        return places

    def excluded(self, name: str) -> bool:
        """Return whether a name denotes no entity: a total and the like, or one that the definition excludes."""
        return clean(name) not in self.lookup and self.exclusions.exclude(name)

    def without(self, indices: Collection[int]) -> Entities:
        """Return the entities without those at some positions; those of a roster are never removed."""
        number = len(self.names)
        kept = [place for place in range(number) if place not in indices]
        now = dict(zip(kept, range(len(kept)), strict=True))
        ambiguous = {text: [now[at] for at in places if at in now] for text, places in self.ambiguous.items()}
        alone = {text: places[0] for text, places in ambiguous.items() if len(places) == 1}
        return replace(
            self,
            frame=self.frame[kept],
            others={text: now[at] for text, at in self.others.items() if at in now} | alone,
            ambiguous={text: places for text, places in ambiguous.items() if len(places) > 1},
        )

    def is_unknown(self, text: str) -> bool:
        """Return whether a text that resolves to no entity is an error; without a roster only if blank or ambiguous."""
        name = clean(text.rpartition(BESIDE)[2])
        return self.closed or not name or name in self.ambiguous

    def outdated(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows whose code is not valid in their period, with the reason in `outdated`.

        Args:
            rows: columns entity and code (texts), start and months (of the period).
        """
        if not self.times:
            return rows.clear().with_columns(outdated=pl.lit(None, dtype=pl.String))
        keys = ["entity", "code", "start", "months"]
        uses = rows.select(keys).unique()
        reasons = pl.Series("outdated", [self.outdated_code(*use) for use in uses.rows()], dtype=pl.String)
        late = uses.with_columns(reasons).drop_nulls("outdated")
        return rows.join(late, on=keys, maintain_order="left", nulls_equal=True)

    def outdated_code(self, name: str | None, code: str | None, start: int, months: int) -> Message | None:
        """Return why the code of a row is not valid in its period, None if it is.

        Args:
            name: the text in the column of entities.
            code: the text in the column of codes.
            start: the first month of the period.
            months: its length.
        """
        text = code if code and self.by_code(code) is not None else name or ""
        first, last = self.times.get(code_of(text), self.times.get(clean(text), ALWAYS))
        if start + months - 1 >= first and start <= last:
            return None
        place = self.place(text)
        assert place is not None  # noqa: S101
        entity = self.names[place]
        if start < first:
            since = Period(first, 1, self.timeline).label
            return Message(
                "`{code}` is the code of {entity} only since {period}", code=text, entity=entity, period=since
            )
        until = Period(last, 1, self.timeline).label
        return Message("`{code}` is the code of {entity} only until {period}", code=text, entity=entity, period=until)

    def unknown(self, text: str, place: Place) -> Diagnostic:
        """Return the finding (K602) for an unknown or ambiguous text."""
        several = self.ambiguous.get(clean(text)) or (self._short.get(clean(text)) if self.closed else None)
        if several and len(several) > 1:
            names = alternatives(self.names[at] for at in several[:5])
            message = Message("`{text}` may be {names}", text=text, names=names)
            return Diagnostic("K602", message, place, Message("write the code, or the whole name"))
        return Diagnostic(
            "K602", Message("`{text}` is not in the roster", text=text), place, suggest(text, self.lookup)
        )


def displayed(name: str, code: str | None) -> str:
    """Return the displayed name of an entity whose name others have too.

    >>> displayed("鼓楼区", "320106")
    '鼓楼区（320106）'
    """
    return f"{name}（{code}）" if code else name


def from_data(names: Collection[str], codes: Mapping[str, Sequence[str]] | None = None) -> Entities:
    """Return the entities of the data, in the order of their names.

    Args:
        names: the texts in the column of entities of rows without a code. Equal names are one entity; a name with one
            code is the entity of that code.
        codes: every code with the names beside it, the latest first.

    >>> some = from_data(["甲 县", "甲县", "鼓楼区"], {"320106": ["鼓楼区"], "350102": ["鼓楼区"], "3": ["乙 县"]})
    >>> some.names, some.place("鼓楼区"), some.place("甲　县"), some.place("鼓楼区", "350102")
    (['乙县', '甲县', '鼓楼区（320106）', '鼓楼区（350102）'], None, 1, 3)
    """
    codes = codes or {}
    of_name: dict[str, list[str]] = {}
    for code, own in codes.items():
        for key in dict.fromkeys(map(clean, own)):
            of_name.setdefault(key, []).append(code)
    rows: list[tuple[str, str | None]] = []
    for code, own in codes.items():
        several = own and len(of_name[clean(own[0])]) > 1
        rows.append((displayed(shown(own[0]), code) if several else shown(own[0]) if own else code, code))
    alone: dict[str, str] = {}
    for text in sorted(names):
        key = clean(text)
        if key and key not in of_name and code_of(text) not in codes:
            alone.setdefault(key, shown(text))
    rows += [(name, None) for name in alone.values()]
    rows.sort(key=lambda row: (row[0], row[1] or ""))
    place = {code: at for at, (_, code) in enumerate(rows) if code is not None}
    frame = pl.DataFrame(rows, {"entity": pl.String, "code": pl.String}, orient="row")
    return Entities(
        frame.with_columns(cohort=pl.lit(None, dtype=pl.String)),
        others={key: place[some[0]] for key, some in of_name.items() if len(some) == 1},
        ambiguous={key: [place[code] for code in some] for key, some in of_name.items() if len(some) > 1},
    )
