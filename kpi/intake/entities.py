"""Entities (评价对象), from a roster or from the data, and the resolution of texts to entities.

A code identifies an entity, a name does if only one entity has it. Names are compared after `headers.clean`: in NFKC,
without zero-width characters, without blanks beside Chinese.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache, cached_property, lru_cache

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace

from kpi.errors import Diagnostic, Message, Place, alternatives, nearest
from kpi.intake.aggregate_rows import Exclusions, shown
from kpi.intake.division_codes import PROVINCES, SHORT
from kpi.intake.files.headers import clean
from kpi.intake.region_names import is_region
from kpi.values.names import unmarked
from kpi.values.patterns import regex
from kpi.values.periods import Period
from kpi.values.timelines import MONTHS, Timeline

#: The separator of code and name in a text that has both; no typed cell contains it.
BESIDE = "\x1f"

#: Endings that may be omitted: 桐乡 is 桐乡市 if that is unambiguous.
_ENDINGS = ("市", "县", "区", "镇", "街道", "乡", "省", "旗", "盟", "州", "地区", "新区", "林区", "特别行政区")

_LAST = tuple({ending[-1] for ending in _ENDINGS})

# The peoples in the names of autonomous areas: 延边 and 延边州 are 延边朝鲜族自治州.
_PEOPLES = (
    "阿昌|白|保安|布朗|布依|藏|朝鲜|达斡尔|傣|德昂|东乡|侗|独龙|鄂伦春|俄罗斯|鄂温克|高山|仡佬|哈尼|哈萨克|赫哲|回|基诺|京|景颇"
    "|柯尔克孜|拉祜|黎|傈僳|珞巴|满|毛南|门巴|蒙古|苗|仫佬|纳西|怒|普米|羌|撒拉|畲|水|塔吉克|塔塔尔|土|土家|佤|维吾尔|乌孜别克"
    "|锡伯|瑶|彝|仡佬|裕固|壮|各"
)
_AUTONOMOUS = regex(
    rf"(?P<name>.{{2,}}?)(?:(?:{_PEOPLES})族|蒙古|哈萨克|柯尔克孜|维吾尔|塔吉克|锡伯)*自治(?P<kind>[区州县旗])"
)

# What names below those of counties end with: 桐乡市梧桐街道 is not 桐乡市.
_TOWN = regex(r"(?:街道|镇|乡|村|社区)$")

# The digits that extend the code of a county, of as many, to the code of twelve digits, which reaches down to villages.
_NO_TOWN = "000000"

#: The first and last month of an unlimited validity.
ALWAYS = (0, 12 * 9999)


@lru_cache(1 << 16)
def code_of(text: str) -> str:
    """Normalise a code for comparison: a county's code of twelve digits becomes that of six.

    >>> code_of("３３０４８３"), code_of("330483000000"), code_of("330483.0"), code_of("330483101000")
    ('330483', '330483', '330483', '330483101000')
    """
    code = clean(text)
    if code.endswith(".0") and code[:-2].isdigit():
        code = code[:-2]
    return code[:6] if len(code) == 12 and code.isdigit() and code.endswith(_NO_TOWN) else code


@lru_cache(1 << 16)
def short_forms(name: str) -> tuple[str, ...]:
    """Return the short forms of a name: without the ending, or without the peoples of an autonomous area.

    The short name of a province is that of no other unit, though 吉林市 and 海南藏族自治州 have it too.

    >>> short_forms("桐乡市"), short_forms("河北省"), short_forms("延边朝鲜族自治州")
    (('桐乡',), ('河北',), ('延边', '延边州', '延边自治州'))
    >>> short_forms("内蒙古自治区"), short_forms("广西壮族自治区"), short_forms("阿克苏地区")
    (('内蒙古',), ('广西', '广西自治区'), ('阿克苏地', '阿克苏'))
    >>> short_forms("吉林市"), short_forms("海南藏族自治州"), short_forms("鄂温克族自治旗")
    ((), ('海南州', '海南自治州'), ('鄂温克', '鄂温克旗', '鄂温克自治旗'))
    """
    if not name.endswith(_LAST):
        return ()
    province = name in PROVINCES.values()
    return tuple(form for form in _forms(name) if form != name and (province or form not in SHORT))


def _forms(name: str) -> Iterator[str]:
    """Yield the short forms of a name, whether or not others have them, perhaps with the name itself."""
    if "自治" in name and (area := _AUTONOMOUS.fullmatch(name)) is not None:
        # 鄂温克族自治旗 and 东乡族自治县 are called after the people alone.
        stem, kind = area["name"].removesuffix("族"), area["kind"]
        yield stem
        if kind != "区":
            yield stem + kind
        yield f"{stem}自治{kind}"
        return
    for ending in _ENDINGS:
        if name.endswith(ending) and len(name) - len(ending) >= 2:
            yield name.removesuffix(ending)


def _longer_forms(name: str) -> set[str]:
    """Return the short forms of a full name that no other unit has: of a province all, else 延边州 but not 延边.

    大理白族自治州 is 大理州, and may be no more than the prefecture of a county called 大理.
    """
    if name in PROVINCES.values():
        return set(short_forms(name))
    return {form for form in short_forms(name) if form.endswith(_LAST)} if "自治" in name else set()


class Entities(Struct, frozen=True, dict=True):
    """The entities in their order.

    Attributes:
        frame: columns entity (String, the displayed name), code, cohort (String, null where there is none), and any
            other column of the roster.
        closed: whether a roster lists all entities, so that other names are unknown.
        others: further texts that denote an entity, such as earlier codes and aliases, with its position.
        times: the first and last month in which a code is valid, where that is limited.
        spans: by the position of an entity that is one for some time only, the first and last months of these times.
        wholes: aggregates that are no entities, such as 全市; their positions follow those of the entities.
        ambiguous: names of several entities, with their positions.
        exclusions: which other names denote no entity.
        joined: short names of the data, each with the one name that it is short for, whose entity it denotes.
        unclear: short names of the data that are entities of their own, as they may be short for several, with these.
        timeline: what `times` count.
        changing: by column of the roster, the entities whose value changes, each with the first and last months of
            its rows and their values; `frame` has the latest.
        marked: texts of the data with the mark of a footnote, each with the name that it is read as; with a roster it
            is filled while texts are resolved.
        merged: the ranges of cells of the roster that are merged over several, by column and name of the entity.
    """

    frame: pl.DataFrame
    closed: bool = False
    others: Mapping[str, int] = field(default_factory=dict)
    times: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    spans: Mapping[int, Sequence[tuple[int, int]]] = field(default_factory=dict)
    wholes: Sequence[str] = ()
    ambiguous: Mapping[str, Sequence[int]] = field(default_factory=dict)
    exclusions: Exclusions = field(default_factory=Exclusions)
    joined: Mapping[str, str] = field(default_factory=dict)
    unclear: Mapping[str, Sequence[str]] = field(default_factory=dict)
    timeline: Timeline = MONTHS
    marked: dict[str, str] = field(default_factory=dict)
    merged: Mapping[tuple[str, str], str] = field(default_factory=dict)
    changing: Mapping[str, Mapping[str, Sequence[tuple[int, int, object]]]] = field(default_factory=dict)

    @cached_property
    def names(self) -> list[str]:
        """The names in order."""
        return self.frame["entity"].to_list()

    @property
    def every(self) -> list[str]:
        """The names of the entities, followed by those of the aggregates."""
        return [*self.names, *self.wholes]

    @cached_property
    def _short(self) -> tuple[dict[str, int], dict[str, list[int]]]:
        """The short forms of names with the first entity that each may denote, and with all where there are several."""
        short: dict[str, int] = {}
        several: dict[str, list[int]] = {}
        for place, name in enumerate(self.names):
            for text in short_forms(clean(name)):
                if (first := short.setdefault(text, place)) != place and place not in several.get(text, ()):
                    several.setdefault(text, [first]).append(place)
        return short, several

    @cached_property
    def lookup(self) -> dict[str, int]:
        """Every text that denotes an entity, with its position: names, codes, and unambiguous short forms."""
        places: dict[str, int] = {}
        for place, (name, code) in enumerate(zip(self.names, self.frame["code"].to_list(), strict=True)):
            if name:
                places.setdefault(clean(name), place)
            if code:
                places.setdefault(clean(code), place)
                if len(code) == 12:
                    places.setdefault(clean(code[:6]), place)
        for text, place in self.others.items():
            places.setdefault(text, place)
        for text in [text for text in places if len(text) == len(_NO_TOWN) and text.isdecimal()]:
            places.setdefault(text + _NO_TOWN, places[text])
        short, several = self._short
        behind = {clean(name): place for place, name in enumerate(self.wholes, len(self.names))}
        lookup = behind | short
        for text in several:
            lookup.pop(text, None)
            if text in behind:
                lookup[text] = behind[text]
        lookup |= places
        for text in self.ambiguous:
            lookup.pop(text, None)
        return lookup

    def _meant_by(self, short: str) -> Sequence[int]:
        """Return the positions of the entities that a short form may denote."""
        first, several = self._short
        return several.get(short) or ([first[short]] if short in first else ())

    def place(self, name: str | None, code: str | None = None) -> int | None:
        """Resolve a row to the position of its entity: by its code, else by its name; None if it is unknown.

        Without a roster a name that denotes no entity resolves to none, whatever its code.
        """
        if not code and name and (place := self.lookup.get(clean(name))) is not None:
            return place
        if not self.closed and name and self.excluded(name):
            return None
        if code and (place := self.by_code(code)) is not None:
            return place
        return self.by_code(name) if name else None

    def by_code(self, code: str) -> int | None:
        """Resolve a code to the position of its entity; a text in a column of codes may be a name."""
        if (place := self._exactly(code)) is None and (name := unmarked(code)) != code:
            place = self._exactly(name)
            if place is not None and self.closed:
                self.marked[shown(code)] = self.every[place]
        return place

    def _exactly(self, code: str) -> int | None:
        text = clean(code)
        if (place := self.lookup.get(text)) is None:
            place = self.lookup.get(code_of(code))
        return self._by_full_name(text) if place is None else place

    def _by_full_name(self, name: str) -> int | None:
        """Resolve the full name of a province or autonomous area to the entity that has a short form as its name."""
        if not self._plain:
            return None
        places = {self._plain[form] for form in _longer_forms(name) if form in self._plain}
        return places.pop() if len(places) == 1 else None

    @cached_property
    def _plain(self) -> dict[str, int]:
        """The names, cleaned, with the positions of the entities."""
        return {clean(name): place for place, name in enumerate(self.names)}

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
        """Return whether a name denotes no entity: a total and the like, or one that the definition excludes.

        A roster that has no regions excludes 东部地区 and World, too.
        """
        if clean(name) in self.lookup:
            return False
        if self.exclusions.exclude(name):
            return True
        return self.closed and is_region(name) and not self.exclusions.is_kept(name) and not self._of_regions

    @cached_property
    def _of_regions(self) -> bool:
        """Whether some names begin with that of a region, so that another such name may mean one of them."""
        return any(is_region(name[:size]) for name in self.names for size in range(2, len(name) + 1))

    def without(self, indices: Collection[int]) -> Entities:
        """Return the entities without those at some positions; those of a roster are never removed."""
        if not indices:
            return self
        number = len(self.names)
        kept = [place for place in range(number) if place not in indices]
        now = dict(zip(kept, range(len(kept)), strict=True))
        ambiguous = {text: [now[at] for at in places if at in now] for text, places in self.ambiguous.items()}
        alone = {text: places[0] for text, places in ambiguous.items() if len(places) == 1}
        return replace(
            self,
            frame=self.frame[kept],
            others={text: now[at] for text, at in self.others.items() if at in now} | alone,
            spans={now[at]: items for at, items in self.spans.items() if at in now},
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
        name = clean(text)
        several = self.ambiguous.get(name) or (self._meant_by(name) if self.closed else ())
        meant = [self.names[at] for at in several[:5]]
        if not several and name in SHORT and self.closed:
            # 吉林 may be 吉林市, which is in the roster, and the province, which is not.
            like = [item for item in self.names if name in _forms(clean(item))]
            meant = [*like[:5], SHORT[name]] if like else []
        if len(meant) > 1:
            names = alternatives(meant)
            message = Message("`{text}` may be {names}", text=text, names=names)
            return Diagnostic("K602", message, place, Message("write the code, or the whole name"))
        hint = self.meant(text) or Message(
            "add it to the roster, or to the aliases of a unit there; `entities: {{leave_out: [...]}}` leaves it out"
        )
        return Diagnostic("K602", Message("`{text}` is not in the roster", text=text), place, hint)

    def meant(self, text: str) -> Message | None:
        """Return the hint with the name or code that an unknown text was probably meant to be, None where none is near.

        >>> some = from_data(["嘉善县", "海宁市", "桐乡市"])
        >>> [some.meant(text) for text in ("嘉善市", "海定市", "嘉兴", "桐乡市梧桐街道")]
        ['did you mean `嘉善县`?', 'did you mean `海宁市`?', None, None]
        """
        name, number = clean(text), len(self.names)
        stems = {at for form in short_forms(name) for at in self._meant_by(form)}
        if len(stems) == 1:
            return Message("did you mean `{name}`?", name=self.names[stems.pop()])
        short, _ = self._short
        # Of short forms, of which half may be right by chance, none is near enough.
        candidates = [item for item, at in self.lookup.items() if at < number and (item not in short or len(item) > 2)]
        near = nearest(name, candidates)
        if near is None or (_TOWN.search(name) and not _TOWN.search(near)):
            return None
        shown_as = self.names[self.lookup[near]] if near in short else near
        return Message("did you mean `{name}`?", name=shown_as)


def displayed(name: str, code: str | None) -> str:
    """Return the displayed name of an entity whose name others have too.

    >>> displayed("鼓楼区", "320106")
    '鼓楼区（320106）'
    """
    return f"{name}（{code}）" if code else name


@cache
def nobody() -> Entities:
    """Return no entities."""
    return from_data([])


#: Tells which of some names, cleaned, are those of different units, a set for each group of such.
Apart = Callable[[Collection[str]], Iterable[Collection[str]]]


def from_data(
    names: Collection[str], codes: Mapping[str, Sequence[str]] | None = None, *,
    exclusions: Exclusions | None = None, apart: Apart | None = None,
) -> Entities:  # fmt: skip
    """Return the entities of the data, in the order of their names.

    Args:
        names: the texts in the column of entities of rows without a code. Equal names are one entity; a name with one
            code is the entity of that code; and a short form of one other name alone is that entity.
        codes: every code with the names beside it, the latest first.
        exclusions: names that it keeps are entities of their own, also if they are short forms.
        apart: says of which names different units are meant; without it of none.

    >>> some = from_data(["甲 县", "甲县", "鼓楼区"], {"320106": ["鼓楼区"], "350102": ["鼓楼区"], "3": ["乙 县"]})
    >>> some.names, some.place("鼓楼区"), some.place("甲　县"), some.place("鼓楼区", "350102")
    (['乙县', '甲县', '鼓楼区（320106）', '鼓楼区（350102）'], None, 1, 3)
    >>> some = from_data(["桐乡", "桐乡市", "吉林", "吉林市", "朝阳", "朝阳市", "朝阳区"])
    >>> some.names, some.joined, some.unclear
    (['吉林', '吉林市', '朝阳', '朝阳区', '朝阳市', '桐乡市'], {'桐乡': '桐乡市'}, {'朝阳': ['朝阳区', '朝阳市']})
    """
    codes, exclusions = codes or {}, exclusions or Exclusions()
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
    kept = {key for key, name in alone.items() if exclusions.is_kept(name)}
    marks = {key: plain for key, name in alone.items() if (plain := clean(unmarked(name))) != key}
    meant, unclear = _same_units(alone.keys() - kept, of_name, kept, marks, apart)
    rows += [(name, None) for key, name in alone.items() if key not in meant]
    rows.sort(key=lambda row: (row[0], row[1] or ""))
    place = {code: at for at, (_, code) in enumerate(rows) if code is not None}
    own_place = {clean(name): at for at, (name, code) in enumerate(rows) if code is None}
    others = {key: place[items[0]] for key, items in of_name.items() if len(items) == 1}
    places = {key: others[item] if item in others else own_place[item] for key, item in meant.items()}
    columns: dict[str, list[str | None]] = {
        "entity": [name for name, _ in rows],
        "code": [code for _, code in rows],
        "cohort": [None] * len(rows),
    }
    return Entities(
        pl.DataFrame([pl.Series(name, items, dtype=pl.String) for name, items in columns.items()]),
        others=others | places,
        ambiguous={key: [place[code] for code in items] for key, items in of_name.items() if len(items) > 1},
        exclusions=exclusions,
        joined={alone[key]: rows[places[key]][0] for key in sorted(meant) if key not in marks},
        marked={alone[key]: rows[places[key]][0] for key in sorted(meant) if key in marks},
        unclear={
            alone[key]: [
                name
                for item in items
                for name in ([rows[place[code]][0] for code in of_name[item]] if item in of_name else [alone[item]])
            ]
            for key, items in sorted(unclear.items())
        },
    )


def _same_units(
    alone: AbstractSet[str],
    coded: Mapping[str, Sequence[str]],
    kept: Collection[str],
    marks: Mapping[str, str],
    apart: Apart | None,
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Find the names without a code that denote the same unit as another name, in a short or the full form.

    Args:
        alone: the names without a code, cleaned.
        coded: the names beside codes, cleaned, with these.
        kept: names of entities of their own.
        marks: names with the mark of a footnote, cleaned, with what they are without it.
        apart: see `from_data`.

    Returns:
        The other name of each that is joined to it, and the names that each of the unclear may be short for.
    """
    options = _options(alone, coded, kept, marks)
    if options and apart is not None:
        groups = [set(items) for items in apart({*options, *(item for items in options.values() for item in items)})]
        options = {
            name: {item for item in items if not any({name, item} <= group for group in groups)}
            for name, items in options.items()
        }
    meant: dict[str, str] = {}
    unclear: dict[str, list[str]] = {}
    for name in sorted(options, key=lambda name: (-len(name), name)):
        targets = {_last(option, meant) for option in options[name]} - {name}
        # Several names beside one code are one unit.
        units = {coded[target][0] if target in coded else target for target in targets}
        several = len(units) > 1 or any(len(coded.get(target, ())) > 1 for target in targets)
        if several:
            unclear[name] = sorted(targets)
        elif targets:
            meant[name] = min(targets)
    return {name: _last(name, meant) for name in meant}, unclear


def _options(
    alone: AbstractSet[str], coded: Mapping[str, Sequence[str]], kept: Collection[str], marks: Mapping[str, str]
) -> dict[str, set[str]]:
    """Return the other names that each of the names may mean, where there are any. Arguments as of `_same_units`."""
    fuller: dict[str, set[str]] = {}
    known = {*alone, *coded, *kept}
    asked = known.union(marks.values())
    for name in known:
        for form in short_forms(name):
            if form in asked:
                fuller.setdefault(form, set()).add(name)
    options = {name: set(fuller[name]) for name in alone & fuller.keys()}
    for name in alone & marks.keys():
        others = {marks[name]} & (alone | coded.keys()) or fuller.get(marks[name], set()) - {name}
        options.setdefault(name, set()).update(others)
    # A short name beside a code is joined to by the one full name that has none.
    for form in fuller.keys() & coded.keys():
        full = {other for other in fuller[form] - coded.keys() if not fuller.get(other, set()) & fuller[form]}
        if len(coded[form]) == 1 and len(full) == 1:
            for name in fuller[form] & alone:
                options.setdefault(name, set()).add(form)
    return {name: others for name, others in options.items() if others}


def _last(name: str, meant: Mapping[str, str]) -> str:
    """Follow joined names to the one that others are joined to."""
    while name in meant:
        name = meant[name]
    return name
