"""Codes of administrative divisions (行政区划代码, GB/T 2260 and GB/T 10114): their form and the division above.

Two digits name the province, two the prefecture, two the county, three the town, three the village.
"""

from __future__ import annotations

import re

#: The first two digits of the codes of the 34 provinces.
PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82".split()
)
#: Provinces whose districts and counties are directly below them (直辖市).
_MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
#: The third and fourth digit of counties and towns directly below a province (省直辖县级行政区划).
_DIRECT = "90"

_CODE = re.compile(r"(?P<province>\d\d)(?P<prefecture>\d\d)(?P<county>\d\d)(?:(?P<town>\d{3})(?P<village>\d{3})?)?")


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
