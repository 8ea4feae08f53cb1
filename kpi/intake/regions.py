"""Regions and groups among the units of a table: 东部地区, 长三角, 欧盟, World; and names that may be none.

A table of provinces often has rows of 东部地区, one of countries rows of World and High income. They are left out as
totals are, but only beside other units: an evaluation of the regions themselves has no others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

from kpi.errors import Diagnostic, Message, Place, Severity, first_names
from kpi.intake.aggregate_rows import Exclusions, folded, is_aggregate
from kpi.intake.division_codes import SHORT
from kpi.values.names import unmarked

#: Parts of China and of its provinces. Those of a county (东部片区) are units.
_DIRECTIONS = "东部|中部|西部|东北|华北|华东|华中|华南|西南|西北"
_AREAS = (
    "长三角|长江三角洲|珠三角|珠江三角洲|长珠三角|泛珠三角|京津冀|环渤海|成渝|川渝|粤港澳大湾区|长江经济带|黄河流域|长江流域"
    "|淮河流域|长江中游|关中平原|海峡西岸|环北部湾|北部湾|哈长|辽中南|山东半岛|东三省|东北三省|苏南|苏中|苏北|浙东北|浙西南"
    "|粤东|粤西|粤北|粤东西北|皖北|皖南|皖江|赣南|湘西南|鄂西|川东北|川南|滇中|黔中"
)
_DOMESTIC = re.compile(
    rf"({_DIRECTIONS})(地区|(十|八|六|三|十二|\d+)省(区|市|区市)?)?|({_AREAS})(地区|城市群|城市带|经济圈|经济区|经济带|流域)?"
    r"|成渝地区双城经济圈|环.{1,4}(地区|经济圈|城市群)|(沿海|内陆|南方|北方|沿江|沿边|山区|民族|少数民族|革命老区)(地区|省份)|民族自治地方|山区\d+县"
    r"|(不分|未分)(地区|市县|县区|区县|县市|市|县|区)|(地区|区域)不详"
)
_CHINESE_GROUPS = re.compile(
    r"(全)?(世界|全球)|欧盟(\d+国)?|欧元区(\d+国)?|(经合组织|经济合作与发展组织)(成员国|国家)?|东盟(\d+国|国家)?|金砖(五|十)?国(家)?|七国集团|二十国集团"
    r"|亚洲|欧洲|非洲|大洋洲|北美洲?|南美洲?|拉丁美洲|拉美(地区)?|东亚|南亚|东南亚|中东|西亚|中亚|北非|东欧|西欧"
    r"|撒哈拉以南非洲|(中高|中低|高|中|低|中等|中上等?|中下等?)(等)?收入(国家|经济体|组|地区)?(和地区)?"
    r"|(发达|发展中|最不发达|新兴)(国家|经济体)(和地区)?|\W?一带一路\W?(沿线|共建)?国家(和地区)?"
)
#: EU27_2020 and EA20 are Eurostat's.
_COUNTED = re.compile(r"(eu|ea|eea)-?\d{2}(_\d{4})?|(european union|euro area)( -|,)? ?\d+( countries)?", re.IGNORECASE)

#: What may be a unit, and is often none: the rest, and what is directly below the authority above.
_DOUBTFUL = re.compile(
    r"其[他它](地区|单位|县区|县市|区县|部门|乡镇|镇街|县|区|市)?|(省|市|县|区|州|盟|地)(本级|级|直|直属|直管|属)(单位|部门|机关|地区|区域)?"
    r"|直属单位|[\W_]+|\(?(空|空白|blank|none|null|nan|n/a)\)?|无|(所辖|辖)(县|市|区|县市|县区)(\(.{1,3}\))?|县\(市.{0,2}\)"
    r"|市辖区|县级市|设区市|地级市|\d+个.{2,}|沿海|内陆|未知|不详|不明"
    r"|others?( (areas|cities|counties|countries|departments|districts|provinces|regions|states|towns|units))?"
    r"|unknown|unspecified|(not|un)( stated| specified|allocated|assigned)|rest of .+"
)

#: The four regions of the US Census Bureau, which tables of states have rows of, and the country above them.
_CENSUS = ("northeast", "midwest", "south", "west")
_COUNTRY = "united states"

#: Names that show that a table is about parts of China.
_PLACE = re.compile(r".{1,12}(省|市|县|区|州|盟|旗|镇|乡|街道|村)")
_COUNTRY_CODE = re.compile(r"[A-Z]{3}")

#: What every name has that is worth a closer look: there may be as many units as there are enterprises.
SUSPECT = re.compile(
    "部|东北|[华西][北东中南西]|地区|三角|[环渤长]|京津|[成川]渝|湾|流域|平原|海峡|半岛|三省|[苏浙粤皖赣湘鄂川滇黔][南中北东西]|皖江"
    "|地方|山区|[不未]分|不详|世界|全球|欧|[盟国洲亚非家组]|拉美|中东|收入|经济体|[A-Z]{3}"
    "|(?i:world|income|euro|asia|africa|america|arab|states|area|ida|ibrd|demographic|oecd|members|classified"
    "|countries|economies|balt|situations|oceania|eu|ea|eea|emu|g7|g20|brics|asean|poor|developed|developing|advanced|emerging)"
)
SUSPECT_DOUBT = re.compile(
    r"^\W*$|^\W?空|无$|、|，|;|其[他它]|[省市县区州盟地][本级直属管]|直属|辖|县[(（]市|市辖区|级市|设区|沿海|内陆|\d个|未知|不[详明]"
    "|(?i:other|blank|none|null|nan|n/a|unknown|unspecified|not |unallocated|unassigned|rest of)"
)
_LONGEST = 80

#: What parts the names of several units in one cell.
_PARTING = re.compile("[、，,；;]")


@cache
def groups_of_countries() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of groups of countries, reduced, and their codes."""
    names, codes = set(), set()
    for line in Path(__file__).with_name("regions.txt").read_text("utf-8").splitlines():
        code, _, name = line.rpartition(" = ")
        if line and not line.startswith("#"):
            names.add(_reduced(folded(name)))
            codes.add(code)
    return frozenset(names), frozenset(codes - {""})


def _reduced(text: str) -> str:
    text = text.replace("&", " and ").replace("-", " ").removeprefix("the ")
    return re.sub(r" (countries|economies)(?=$|\))", "", " ".join(text.split()))


@lru_cache(1 << 14)
def is_domestic(name: str) -> bool:
    """Return whether a name is that of a part of China, or of what is in no part.

    >>> [text for text in ("东部地区", "西 部", "不分地区", "东部片区", "华东大区") if is_domestic(text)]
    ['东部地区', '西 部', '不分地区']
    """
    return _matches(_DOMESTIC, name)


@lru_cache(1 << 14)
def is_group(name: str) -> bool:
    """Return whether a name is that of a group of countries.

    >>> [text for text in ("World", "East Asia &  Pacific", "High-income countries", "EU27_2020") if not is_group(text)]
    []
    >>> [text for text in ("欧盟", "中等收入国家", "South Africa", "中国", "Central America") if is_group(text)]
    ['欧盟', '中等收入国家', 'Central America']
    """
    text, (names, _) = folded(unmarked(name)), groups_of_countries()
    plain = re.sub(r"\([^()]*\)$", "", text).strip()
    return not {_reduced(text), _reduced(plain)}.isdisjoint(names) or any(
        _matches(pattern, name) for pattern in (_CHINESE_GROUPS, _COUNTED)
    )


def is_region(name: str) -> bool:
    """Return whether a name is that of a region or group, rather than of a place of its own."""
    return is_domestic(name) or is_group(name)


@lru_cache(1 << 14)
def is_doubtful(name: str) -> bool:
    """Return whether a name is often that of no unit, but may be one.

    >>> [text for text in ("其他", "市直", "省本级", "Others", "市直机关幼儿园", "区属国企") if is_doubtful(text)]
    ['其他', '市直', '省本级', 'Others']
    """
    return _matches(_DOUBTFUL, name)


def _matches(pattern: re.Pattern[str], name: str) -> bool:
    text = folded(unmarked(name))
    plain = re.sub(r"\([^()]*\)$", "", text).strip()
    return any(pattern.fullmatch(part) is not None for part in {text, plain})


def beside_places(names: Iterable[str], exclusions: Exclusions) -> frozenset[str]:
    """Return the names of regions among names, folded, if there are places of their own beside them; else none.

    Parts of China are regions only beside places there, and codes such as WLD only among codes of three letters.

    >>> sorted(beside_places(["World", "High income", "China"], Exclusions()))
    ['high income', 'world']
    >>> beside_places(["东部", "中部", "西部", "全国", "其他"], Exclusions())
    frozenset()
    """
    names = list(names)
    suspects = [name for name in names if len(name) <= _LONGEST and SUSPECT.search(name)]
    census = _census(names)
    if not census and not any(is_region(name) or name in groups_of_countries()[1] for name in suspects):
        return frozenset()
    every = {name for name in names if not exclusions.exclude(name) and not exclusions.is_kept(name)}
    domestic, groups = {name for name in every if is_domestic(name)}, {name for name in every if is_group(name)}
    coded = {name for name in every if _COUNTRY_CODE.fullmatch(name)}
    if len(coded) * 2 > len(every):
        groups |= coded & groups_of_countries()[1]
    groups |= {name for name in every if folded(name) in census}
    others = {name for name in every - domestic - groups if not is_doubtful(name)}
    if not any(_PLACE.fullmatch(name) or name in SHORT for name in map(folded, others)):
        domestic = set()
    return frozenset(map(folded, domestic | (groups if others else set())))


def _census(names: Collection[str]) -> frozenset[str]:
    """Return the names of the regions of the United States, folded, and that of the country, if all regions are there.

    >>> sorted(_census(["West", "South Region", "Midwest", "Northeast", "United States", "Texas"]))
    ['midwest', 'northeast', 'south region', 'united states', 'west']
    >>> _census(["West", "South", "Texas"])
    frozenset()
    """
    short = [name for name in names if len(name) <= len("northeast region")]
    texts = {folded(name): folded(name).removesuffix(" region") for name in short if name[:1] in "NMSWUnmswu"}
    if not set(_CENSUS) <= set(texts.values()):
        return frozenset()
    return frozenset(text for text, plain in texts.items() if plain in (*_CENSUS, _COUNTRY))


def doubtful(names: Collection[str], exclusions: Exclusions) -> Iterator[Diagnostic]:
    """Yield a warning (K676) that names such as 其他 and 市直 are ranked as units, if other names are.

    So are several names in one cell, of which one behind the first is that of another unit.
    """
    suspects = [name for name in names if len(name) <= _LONGEST and SUSPECT_DOUBT.search(name)]
    own = set(names)
    several = {name for name in suspects if not own.isdisjoint(map(str.strip, _PARTING.split(name)[1:]))}
    items = [name for name in suspects if (is_doubtful(name) or name in several) and not exclusions.is_kept(name)]
    if not items or all(is_doubtful(name) or is_aggregate(name) for name in names):
        return
    message = Message("ranked as units, though such names are often none: {names}", names=first_names(items))
    hint = Message(
        'if they are none, write `leave_out: ["{name}"]` under `entities:`; if they are, `keep: ["{name}"]`',
        name=items[0],
    )
    yield Diagnostic("K676", message, Place(entity=items[0]), hint, Severity.WARNING)
