"""Codes of administrative divisions (行政区划代码, GB/T 2260 and GB/T 10114), and the provinces with both their names.

Two digits name the province, two the prefecture, two the county, three the town, three the village.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kpi.values.patterns import regex

#: The full names of the 34 provinces, autonomous regions, municipalities and special administrative regions, by the
#: first two digits of their codes.
PROVINCES = {
    "11": "北京市", "12": "天津市", "13": "河北省", "14": "山西省", "15": "内蒙古自治区", "21": "辽宁省",
    "22": "吉林省", "23": "黑龙江省", "31": "上海市", "32": "江苏省", "33": "浙江省", "34": "安徽省",
    "35": "福建省", "36": "江西省", "37": "山东省", "41": "河南省", "42": "湖北省", "43": "湖南省",
    "44": "广东省", "45": "广西壮族自治区", "46": "海南省", "50": "重庆市", "51": "四川省", "52": "贵州省",
    "53": "云南省", "54": "西藏自治区", "61": "陕西省", "62": "甘肃省", "63": "青海省", "64": "宁夏回族自治区",
    "65": "新疆维吾尔自治区", "71": "台湾省", "81": "香港特别行政区", "82": "澳门特别行政区",
}  # fmt: skip
#: Their short names, with the full ones.
SHORT = {
    re.sub("(壮族|回族|维吾尔)?自治区$|特别行政区$|省$|市$", "", full): full for full in PROVINCES.values()
}  # fmt: skip
#: Provinces whose districts and counties are directly below them (直辖市).
_MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
#: The third and fourth digit of counties and towns directly below a province (省直辖县级行政区划).
_DIRECT = "90"

_CODE = regex(r"(?P<province>\d\d)(?P<prefecture>\d\d)(?P<county>\d\d)(?:(?P<town>\d{3})(?P<village>\d{3})?)?")


def is_division(code: str) -> bool:
    """Return whether a code has the form of a division's: 6, 9 or 12 digits that begin with those of a province.

    >>> [is_division(code) for code in ("330483", "330483101", "330483101201", "990000", "9133048314")]
    [True, True, True, False, False]
    """
    match = _CODE.fullmatch(code)
    return match is not None and match["province"] in PROVINCES


def parent_of(code: str) -> str | None:
    """Return the code of the division above; None for a province, and for what is no code of a division.

    >>> parent_of("330483"), parent_of("330400"), parent_of("330483101"), parent_of("330483101201")
    ('330400', '330000', '330483', '330483101000')
    >>> parent_of("110105"), parent_of("429004"), parent_of("330000"), parent_of("12345")
    ('110000', '420000', None, None)
    """
    match = _CODE.fullmatch(code)
    if match is None or match["province"] not in PROVINCES:
        return None
    province, prefecture, county = match["province"], match["prefecture"], match["county"]
    if match["village"] not in (None, "000"):
        return code[:9] + "000"
    if match["town"] not in (None, "000"):
        return code[:6]
    if county != "00" and province not in _MUNICIPALITIES and prefecture != _DIRECT:
        return f"{province}{prefecture}00"
    return None if prefecture == county == "00" else f"{province}0000"


def divisions_above(codes: Iterable[str]) -> set[str]:
    """Return the codes of divisions that others of the codes lie in.

    Codes of provinces and prefectures may be without the zeros at their end.

    >>> sorted(divisions_above(["330000", "330102", "330483", "339900"])), divisions_above(["33", "330102"])
    (['330000'], {'33'})
    >>> divisions_above(["330102", "330483", "110000"])
    set()
    """
    digits = (code for code in codes if len(code) in (2, 4, 6, 9, 12) and code.isdigit())
    complete = {code: code.ljust(6, "0") if len(code) in (2, 4) else code for code in digits}
    longer = {full for code, full in complete.items() if len(code) >= 6 and is_division(full)}
    above = {ancestor for full in {*longer, *complete.values()} for ancestor in _ancestors(full)} if longer else set()
    return {code for code, full in complete.items() if full in above or f"{full}000000" in above}


def _ancestors(code: str) -> Iterator[str]:
    while (parent := parent_of(code)) is not None:
        yield parent
        code = parent
