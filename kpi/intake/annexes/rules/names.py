"""What the name of an indicator says of its figure: that it is a percent, that less is better."""

from __future__ import annotations

from kpi.values.patterns import regex

#: Endings of names of percents.
_PERCENTS = regex(r"(?:率|比重|占比|比例|满意度|覆盖面|增速|增幅|增长|知晓度|比)$")
#: Names of what should be less.
_FALLING = regex(
    r"事故|投诉|死亡|伤亡|差错|超标|退件|逾期率|不良|失业率|能耗|排放|PM2\.?5|PM10|发案|信访|舆情|违法|违规|成本|"
    r"时限|时长|欠费"
)
_FALLING_BUT = regex(r"下降|降低|压降|减少|办结|处置|化解|整改|查处|满意|回复|办理|处理|及时|达标|优良")


def is_percent(name: str) -> bool:
    """Return whether the name of an indicator is that of a percent.

    >>> is_percent("办结率"), is_percent("安全事故起数")
    (True, False)
    """
    return _PERCENTS.search(name) is not None


def falling(name: str) -> bool:
    """Return whether the name of an indicator says that less is better.

    >>> falling("安全事故起数"), falling("投诉办结率"), falling("单位GDP能耗下降率")
    (True, False, False)
    """
    return _FALLING.search(name) is not None and _FALLING_BUT.search(name) is None
