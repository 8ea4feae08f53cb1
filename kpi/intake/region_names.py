"""Names of regions and groups, and names that are often no unit's: 浙北, 长三角, 欧盟, World; 市区, 其他, 市直.

Names are compared folded, with and without a remark in brackets at their end. There may be as many names as
enterprises, so each kind of name says what all its names contain, for a quick search that rules out most others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from msgspec import Struct

from kpi.intake.aggregate_rows import folded
from kpi.values.names import unmarked
from kpi.values.patterns import regex

#: Longer names are none of these.
_LONGEST = 80


class Names(Struct, frozen=True):
    """A kind of names: the pattern of whole names, folded, and that of what each of them contains, as written."""

    pattern: str
    contains: str

    def match(self, text: str) -> bool:
        """Return whether a folded name is of this kind."""
        return re.fullmatch(self.pattern, text) is not None


# ---- PARTS OF CHINA AND OF ITS PROVINCES ---- #

_AREA = (
    "(地区|区域|一带|山区|平原|沿海|革命老区|城市群|城市圈|城市带|城镇群|都市圈|都市区|经济圈|经济区|经济带"
    "|流域|一体化)?"
)
#: Provinces by their abbreviations, each with the parts that are called after it. Those that are also the names of
#: divisions are not among them: 晋中 渝北 陇西 宁南 湘西 黔南 桂东 琼中 辽中 云南.
_PARTS_OF_PROVINCES = (
    "浙[东西南北中]|浙(东北|西北|东南|西南)|苏[南中北]|皖[东西南北中江]|闽[东西南北中]|闽(西南|东北)|赣[东西南北中]|赣(东北|西北)"
    "|鲁[东西南北中]|鲁(西南|西北|东南|中南)|豫[东西南北中]|豫(东南|西南|西北)|鄂[东西北中]|鄂(西北|西南|东南|东北)|湘[东南北中]|湘(西北|西南|中南)"
    "|粤[东西北]|粤东西北|桂[西南北中]|桂(西北|东南|东北|西南)|琼[东西南北]|川[东西南北中]|川(东北|西北|东南|西南)|黔[北中]|黔(东北|西北)"
    "|滇[东西南北中]|滇(东北|西北|东南|西南)|陕[南北]|关中|陇[东中]|陇东南|晋[东西南北]|晋(东南|西北|东北)|冀[东南北中]|冀(中南|西北)|辽[东西南北]"
    "|渝(东北|东南|西)|蒙[东西]|藏[东北南]|[南北东]疆|青南"
)
_GROUPS_OF_CITIES = (
    "长三角|长江三角洲|珠三角|珠江三角洲|长珠三角|泛珠三角|京津冀|环渤海|成渝|川渝|粤港澳大湾区|长江经济带|黄河流域|长江流域|淮河流域|长江中游"
    "|关中平原|海峡西岸|环北部湾|北部湾|哈长|辽中南|山东半岛|东三省|东北三省|杭嘉湖|杭绍甬|甬台温|甬绍舟|温台|金衢丽|苏锡常|宁镇扬|长株潭|郑汴洛|厦漳泉"
    "|广佛肇|深莞惠|珠中江|昌九|长吉图|呼包鄂榆?|天山北坡"
)
_DOMESTIC = (
    Names(
        r"(东部|中部|西部|东北|华北|华东|华中|华南|西南|西北)(地区|(十|八|六|三|十二|\d+)省(区|市|区市)?)?",
        "[东中西]部|东北|[华西][北东中南]",
    ),
    Names(
        f"({_PARTS_OF_PROVINCES}){_AREA}",
        "[浙苏皖闽赣鲁豫鄂湘粤桂琼川黔滇陇晋冀辽渝蒙藏青][东西南北中]|陕[南北]|皖江|关中|[南北东]疆",
    ),
    Names(
        f"({_GROUPS_OF_CITIES}){_AREA}",
        "三角|京津冀|渤海|[成川]渝|湾|经济带|流域|中游|平原|西岸|哈长|辽中南|半岛|三省|嘉湖|绍[甬舟]|台温|温台|衢丽|锡常|镇扬"
        "|株潭|汴洛|漳泉|佛肇|莞惠|中江|昌九|吉图|呼包|天山",
    ),
    Names(r".{1,8}(城市群|城市圈|城市带|城镇群|都市圈|都市区|经济圈)", "城市[群圈带]|城镇群|都市[圈区]|经济圈"),
    Names(r"环.{1,4}地区|(沿海|内陆|南方|北方|沿江|沿边|山区|民族|少数民族|革命老区)(地区|省份)", "地区|省份"),
    Names(r"民族自治地方|山区\d+县", "地方|山区"),
    Names(r"(不分|未分)(地区|市县|县区|区县|县市|市|县|区)|(地区|区域)不详", "[不未]分|不详"),
)

#: What a city consists of beside its counties: the districts together. Where there are none, it may be the unit itself.
_DISTRICTS = Names(
    r"(主城|中心城|城市核心|首都功能核心|城市功能拓展)区|市区|(主城|内|城|市内|中心)[二三四五六七八九十]区|城市发展新区|生态涵养(发展)?区",
    "主城|中心城|核心区|拓展区|市区|[二三四五六七八九十]区|发展新区|涵养",
)
#: The ends of names of zones and others that are no districts of a city.
_ZONE = regex("(开发|新|经|园|示范|景|合作|保税|集聚|度假|功能|片|社|山|地|自治|行政|校|库|灾)区$")


# ---- GROUPS OF COUNTRIES ---- #

_GROUPS = (
    Names(
        r"(全)?(世界|全球)|欧盟(\d+国)?|欧元区(\d+国)?|东盟(\d+国|国家)?|金砖(五|十)?国(家)?|七国集团|二十国集团",
        "世界|全球|[欧东]盟|欧元|国",
    ),
    Names(r"(经合组织|经济合作与发展组织)(成员国|国家)?|\W?一带一路\W?(沿线|共建)?国家(和地区)?", "组织|一带一路"),
    Names(
        r"亚洲|欧洲|非洲|大洋洲|北美洲?|南美洲?|拉丁美洲|拉美(地区)?|东亚|南亚|东南亚|中东|西亚|中亚|北非|东欧|西欧|撒哈拉以南非洲",
        "洲|[北南拉]美|亚|中东|非|欧",
    ),
    Names(
        r"(中高|中低|高|中|低|中等|中上等?|中下等?)(等)?收入(国家|经济体|组|地区)?(和地区)?|(发达|发展中|最不发达|新兴)(国家|经济体)(和地区)?",
        "收入|国家|经济体",
    ),
    # EU27_2020 and EA20 are Eurostat's.
    Names(r"(eu|ea|eea)-?\d{2}(_\d{4})?|(european union|euro area)( -|,)? ?\d+( countries)?", "(?i:e[ua]|euro)"),
)
#: What the names and codes of `groups_of_countries` contain.
_LISTED = (
    "[A-Z]{3}|(?i:world|income|euro|asia|africa|america|arab|states|area|ida|ibrd|demographic|oecd|members|classified"
    "|countries|economies|balt|situations|oceania|eu|ea|eea|emu|g7|g20|brics|asean|poor|developed|developing|advanced|emerging)"
)


# ---- NAMES THAT ARE OFTEN NO UNIT'S ---- #

#: What may be a unit, and is often none: the rest, what is directly below the authority above, and what has no name.
_DOUBTFUL = (
    _DISTRICTS,
    Names(r"其[他它](地区|单位|县区|县市|区县|部门|乡镇|镇街|企业|县|区|市)?", "其[他它]"),
    Names(
        r"(省|市|县|区|州|盟|地)(本级|级|直|直属|直管|属)(单位|部门|机关|地区|区域)?|直属单位",
        "[省市县区州盟地][本级直属]|直属",
    ),
    Names(r"[\W_]+|\(?(空|空白|blank|none|null|nan|n/a)\)?|无", r"^[\W_]*$|空|无|(?i:blank|none|null|nan|n/a)"),
    Names(
        r"(所辖|辖)(县|市|区|县市|县区)(\(.{1,3}\))?|县\(市.{0,2}\)|市辖区|县级市|设区市|地级市",
        "辖|县[(（]市|级市|设区",
    ),
    Names(r"\d+个.{2,}|沿海|内陆|未知|不详|不明", r"\d个|沿海|内陆|未知|不[详明]"),
    Names(
        r"others?( (areas|cities|counties|countries|departments|districts|provinces|regions|states|towns|units))?"
        r"|unknown|unspecified|(not|un)( stated| specified|allocated|assigned)|rest of .+",
        "(?i:other|unknown|stated|specified|allocated|assigned|rest of)",
    ),
)


def _search(kinds: Iterable[Names]) -> re.Pattern[str]:
    return re.compile("|".join(kind.contains for kind in kinds))


_REGION_SEARCH = _search((*_DOMESTIC, _DISTRICTS, *_GROUPS))
_DOUBT_SEARCH = _search(_DOUBTFUL)
# NOTE: A search without regard to case takes several times as long as the others, and most names have no letters.
_LETTER, _LISTED_SEARCH = regex("[A-Za-z]"), regex(_LISTED)


def may_be_region(name: str) -> bool:
    """Return whether a name, or a code, is worth a closer look; false for none that `is_region`."""
    if len(name) > _LONGEST:
        return False
    listed = _LETTER.search(name) is not None and _LISTED_SEARCH.search(name) is not None
    return listed or _REGION_SEARCH.search(name) is not None


def may_be_doubtful(name: str) -> bool:
    """Return whether a name is worth a closer look; false for none that `is_doubtful`."""
    return len(name) <= _LONGEST and _DOUBT_SEARCH.search(name) is not None


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

    >>> some = ("东部地区", "西 部", "不分地区", "浙北", "杭州都市圈", "东部片区", "华东大区", "晋中", "渝北")
    >>> [text for text in some if is_domestic(text)]
    ['东部地区', '西 部', '不分地区', '浙北', '杭州都市圈']
    """
    return _is_any(_DOMESTIC, name)


@lru_cache(1 << 14)
def is_districts(name: str) -> bool:
    """Return whether a name is that of all districts of a city together.

    >>> [text for text in ("市区", "主城区", "市内六区", "新城区", "郊区") if is_districts(text)]
    ['市区', '主城区', '市内六区']
    """
    return _is_any((_DISTRICTS,), name)


def is_district(name: str) -> bool:
    """Return whether a name is that of a district.

    >>> [text for text in ("南湖区", "经济技术开发区", "临平新区", "德清县") if is_district(text)]
    ['南湖区']
    """
    text = folded(name)
    return text.endswith("区") and _ZONE.search(text) is None and not is_districts(name)


@lru_cache(1 << 14)
def is_group(name: str) -> bool:
    """Return whether a name is that of a group of countries.

    >>> [text for text in ("World", "East Asia &  Pacific", "High-income countries", "EU27_2020") if not is_group(text)]
    []
    >>> [text for text in ("欧盟", "中等收入国家", "South Africa", "中国", "Central America") if is_group(text)]
    ['欧盟', '中等收入国家', 'Central America']
    """
    names, _ = groups_of_countries()
    return any(_reduced(text) in names for text in _texts(name)) or _is_any(_GROUPS, name)


def is_region(name: str) -> bool:
    """Return whether a name is that of a region or group, rather than of a place of its own."""
    return is_domestic(name) or is_districts(name) or is_group(name)


@lru_cache(1 << 14)
def is_doubtful(name: str) -> bool:
    """Return whether a name is often that of no unit, but may be one.

    >>> some = ("其他", "市直", "省本级", "Others", "市区", "市直机关幼儿园", "区属国企")
    >>> [text for text in some if is_doubtful(text)]
    ['其他', '市直', '省本级', 'Others', '市区']
    """
    return _is_any(_DOUBTFUL, name)


def _is_any(kinds: Iterable[Names], name: str) -> bool:
    return any(kind.match(text) for text in _texts(name) for kind in kinds)


def _texts(name: str) -> set[str]:
    """Return a name, folded, with and without a remark in brackets at its end."""
    text = folded(unmarked(name))
    return {text, re.sub(r"\([^()]*\)$", "", text).strip()}
