"""The unit that the name of a figure suggests."""

from __future__ import annotations

import re

#: Endings of names, and their unit.
_UNITS = (
    (r"(率|占比|比重|比例|增速|增幅|覆盖面|rate|share|percent|pct)$", "%"),
    (r"(得分|评分|分数|score|points?)$", "分"),
    (r"(指数|index)$", "指数"),
    (r"(排名|名次|位次|rank)$", "位"),
    (r"(办件|办结|受理|投诉|案件|件)(总)?(量|数|件数)$", "件"),
    (r"(人口|人数|人员数|从业人员|人员|population)$", "人"),
    (r"(户数|农户|家庭数)$", "户"),
    (r"(企业数|企业数量|机构数|单位数|学校数|医院数|商户数)$", "家"),
    (r"(村数|社区数|乡镇数|街道数|个数|站点数|网点数|平台数|系统数)$", "个"),
    (r"(项目数|事项数|任务数|事项量|项目数量)$", "项"),
    (r"(次数|人次|访问量|点击量)$", "次"),
    (r"(天数|日数|用时天|days)$", "天"),
    (r"(分钟|分钟数|minutes)$", "分钟"),
    (r"(小时|小时数|hours)$", "小时"),
    (r"(星级|stars)$", "星"),
)


def likely_unit(title: str) -> str:
    """Return the unit that a name suggests, `1` for none.

    >>> likely_unit("办结率"), likely_unit("常住人口"), likely_unit("用电量")
    ('%', '人', '1')
    """
    return next((unit for ending, unit in _UNITS if re.search(ending, title, re.IGNORECASE)), "1")
