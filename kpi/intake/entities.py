"""Entities (评价对象): who is scored, from a roster or from the data, and which entity a text means.

A code identifies its entity, a name does where only one entity has it. Names are compared as `headers.clean` gives
them: in NFKC, without characters of no width, without blanks beside Chinese.
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

#: What stands between the code and the name in a text that holds both; no cell that people type has it.
BESIDE = "\x1f"

#: Endings that people leave out: 桐乡 is 桐乡市 where only one entity can be meant.
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

# The code of a county, and what makes the code of twelve digits of it that statistics use down to villages.
_COUNTY, _NO_TOWN = re.compile(r"\d{6}"), "000000"

#: The first and last month of what holds at any time.
ALWAYS = (0, 12 * 9999)


def code_of(text: str) -> str:
    """Returns a code as codes are compared: one of twelve digits that is a county's as that of six.

    >>> code_of("３３０４８３"), code_of("330483000000"), code_of("330483.0"), code_of("330483101000")
    ('330483', '330483', '330483', '330483101000')
    """
    code = clean(text)
    if code.endswith(".0") and code[:-2].isdigit():
        code = code[:-2]
    return code[:6] if len(code) == 12 and code.isdigit() and code.endswith(_NO_TOWN) else code


def short_forms(name: str) -> Iterator[str]:
    """Yields what people call a unit: its name without the ending, or without the peoples of an autonomous area.

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

    `frame` has the columns entity (String, the name shown), code, cohort (String, null where there is none), and any
    other column of the roster; `closed` says that a roster lists them all, so that others are unknown. `others` are
    further texts that mean an entity, by its place: earlier codes, other names. `ambiguous` are names that several
    have, by their places. `times` are the first and last month for which a code holds, where that is not always.
    `wholes` are units that are no entities, such as 全市: they have the places behind the entities. `exclusions` tell
    which other names denote no unit.
    """

    frame: pl.DataFrame
    closed: bool = False
    others: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    wholes: Sequence[str] = ()
    ambiguous: Mapping[str, Sequence[int]] = field(default_factory=dict)
    exclusions: Exclusions = field(default_factory=Exclusions)

    @cached_property
    def names(self) -> list[str]:
        """The names in order."""
        return self.frame["entity"].to_list()

    @property
    def every(self) -> list[str]:
        """The names of the entities and of the wholes behind them."""
        return [*self.names, *self.wholes]

    @cached_property
    def _short(self) -> dict[str, list[int]]:
        """The short forms of names, each with the places of those that it may mean."""
        short: dict[str, list[int]] = {}
        for place, name in enumerate(self.names):
            for text in dict.fromkeys(short_forms(clean(name))):
                short.setdefault(text, []).append(place)
        return short

    @cached_property
    def lookup(self) -> dict[str, int]:
        """Every text that means an entity: names, codes, and names without their ending where that is unique."""
        found: dict[str, int] = {}
        for place, (name, code) in enumerate(zip(self.names, self.frame["code"].to_list(), strict=True)):
            for text in (name, code, *([code[:6]] if code and len(code) == 12 else [])):
                if text:
                    found.setdefault(clean(str(text)), place)
        for text, place in self.others.items():
            found.setdefault(text, place)
        for text in [text for text in found if _COUNTY.fullmatch(text)]:
            found.setdefault(text + _NO_TOWN, found[text])
        alone = {text: places[0] for text, places in self._short.items() if len(places) == 1}
        behind = {clean(name): place for place, name in enumerate(self.wholes, len(self.names))}
        meant = behind | alone | found
        return {text: place for text, place in meant.items() if text not in self.ambiguous}

    def place(self, name: str | None, code: str | None = None) -> int | None:
        """Returns the place of the entity that a row means: by its code, else by its name; None where none is meant.

        Without a roster a name that denotes no unit means none, whatever its code.
        """
        if not self.closed and name and self.excluded(name):
            return None
        if code and (found := self.by_code(code)) is not None:
            return found
        return self.by_code(name) if name else None

    def by_code(self, code: str) -> int | None:
        """Returns the place of the entity that a code means; a text in a column of codes may be a name."""
        found = self.lookup.get(clean(code))
        return self.lookup.get(code_of(code)) if found is None else found

    def resolve(self, texts: Iterable[str]) -> dict[str, int]:
        """Returns the place of every text that means an entity; unknown texts are left out.

        A text is a name or code, or a code and a name with `BESIDE` between them.
        """
        found = {}
        for text in texts:
            code, beside, name = text.rpartition(BESIDE)
            if (place := self.place(name, code) if beside else self.place(text)) is not None:
                found[text] = place
        return found

    def excluded(self, name: str) -> bool:
        """Returns whether a name denotes no unit: one of a total and the like, or left out by the definition."""
        return clean(name) not in self.lookup and self.exclusions.exclude(name)

    def without(self, some: Collection[int]) -> Entities:
        """Returns the entities without some, given by their places; those of a roster are never taken away."""
        number = len(self.names)
        kept = [place for place in range(number) if place not in some]
        now = dict(zip(kept, range(len(kept)), strict=True))
        ambiguous = {text: [now[at] for at in places if at in now] for text, places in self.ambiguous.items()}
        alone = {text: places[0] for text, places in ambiguous.items() if len(places) == 1}
        return replace(
            self,
            frame=self.frame[kept],
            others={text: now[at] for text, at in self.others.items() if at in now} | alone,
            ambiguous={text: places for text, places in ambiguous.items() if len(places) > 1},
        )

    def stranger(self, text: str) -> bool:
        """Returns whether a text that means no entity is to be told of: not where there is no roster to know it."""
        name = clean(text.rpartition(BESIDE)[2])
        return self.closed or not name or name in self.ambiguous

    def outdated(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Returns the rows that name an entity by a code which does not hold in their period, and why in `outdated`.

        Args:
            rows: with the columns entity and code (the texts), start and months (of the period).
        """
        if not self.times:
            return rows.clear().with_columns(outdated=pl.lit(None, dtype=pl.String))
        keys = ["entity", "code", "start", "months"]
        uses = rows.select(keys).unique()
        said = pl.Series("outdated", [self.outdated_code(*use) for use in uses.rows()], dtype=pl.String)
        late = uses.with_columns(said).drop_nulls("outdated")
        return rows.join(late, on=keys, maintain_order="left", nulls_equal=True)

    def outdated_code(self, name: str | None, code: str | None, start: int, months: int) -> Message | None:
        """Return why the code by which a row names an entity does not hold in its period, None where it does.

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
            since = Period(first, 1).label
            return Message(
                "`{code}` is the code of {entity} only since {period}", code=text, entity=entity, period=since
            )
        until = Period(last, 1).label
        return Message("`{code}` is the code of {entity} only until {period}", code=text, entity=entity, period=until)

    def unknown(self, text: str, place: Place) -> Diagnostic:
        """Returns the finding for a text that means no entity, or several."""
        several = self.ambiguous.get(clean(text)) or (self._short.get(clean(text)) if self.closed else None)
        if several and len(several) > 1:
            names = alternatives(self.names[at] for at in several[:5])
            message = Message("`{text}` may be {names}", text=text, names=names)
            return Diagnostic("K602", message, place, Message("write the code, or the whole name"))
        return Diagnostic(
            "K602", Message("`{text}` is not in the roster", text=text), place, suggest(text, self.lookup)
        )


def displayed(name: str, code: str | None) -> str:
    """Returns how an entity is shown whose name others have too.

    >>> displayed("鼓楼区", "320106")
    '鼓楼区（320106）'
    """
    return f"{name}（{code}）" if code else name


def from_data(names: Collection[str], codes: Mapping[str, Sequence[str]] | None = None) -> Entities:
    """Returns the entities that the data name, in the order of their names.

    Args:
        names: the texts in the column of entities of rows without a code; each is one entity, with whoever's name is
            the same, or has a code there is one of.
        codes: every code with the names that stand beside it, the latest first.

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
