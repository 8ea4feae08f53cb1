"""What templates of bulletins can use beside the facts: filters, in an environment that runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len

from kpi.errors import DataError, Diagnostic, Message
from kpi.report.bulletin.changes import Change
from kpi.report.bulletin.facts import PARTS
from kpi.report.language import SIGNS, current
from kpi.report.paper.model import numeral
from kpi.values.patterns import regex

#: What stands between a text and the parenthesis at its end.
_PARENTHESIS = regex("(?<=.)(?: (?=[(][^()]*[)]$)|(?=（[^（）]*）$))")

if TYPE_CHECKING:
    from jinja2 import Environment


def environment(**options: Any) -> Environment:
    """Return an environment for templates: in a sandbox, and strict about names that facts do not have.

    The filters: `numeral` (3 becomes 三 in a Chinese bulletin), `change(up, down, same)` (a difference in words, `@`
    stands for its size), `names(most)` (a list of texts, the rest counted), `short` (a difference for tables), `dash`
    (— for an empty text), `breadth` (the half-width signs of a text) and `breaks` (a target with the period at its end
    on a line of its own, in Word documents).

    Raises:
        DataError: K510, Jinja is not installed.
    """
    try:
        from jinja2 import StrictUndefined
        from jinja2.runtime import LoopContext
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as error:
        raise DataError(needs("docxtpl")) from error

    known = frozenset({*PARTS, LoopContext})

    class Sandbox(ImmutableSandboxedEnvironment):
        """A sandbox that knows facts to be data: of theirs nothing can be called or changed."""

        def getattr(self, obj: Any, attribute: str) -> Any:
            # Most attributes are of facts: the checks for all others take longer than the rest of a large bulletin.
            if type(obj) in known and not attribute.startswith("_") and hasattr(obj, attribute):
                return getattr(obj, attribute)
            return super().getattr(obj, attribute)

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return (type(obj) in known and not attr.startswith("_")) or super().is_safe_attribute(obj, attr, value)

    environment = Sandbox(undefined=StrictUndefined, **options)
    environment.filters |= {"numeral": numeral, "change": change, "names": names, "short": short, "dash": dash}
    environment.filters |= {"breadth": cell_len, "breaks": breaks if environment.autoescape else str}
    return environment


def needs(name: str) -> Diagnostic:
    """Return the finding on a package that bulletins need."""
    message = Message("writing a bulletin needs the package `{name}`", name=name)
    return Diagnostic("K510", message, hint=Message("pip install {name}", name=name))


def change(difference: Change | None, up: str, down: str, same: str) -> str:
    """Return a difference in words, empty for none.

    >>> change(Change(-1, "0.5", "-0.5"), "up @", "down @", "unchanged"), change(None, "up", "down", "unchanged")
    ('down 0.5', '')
    """
    return "" if difference is None else difference.worded(up, down, same)


def short(difference: Change | None) -> str:
    """Return a difference with its sign, for tables; — for none.

    >>> short(Change(1, "5.6%", "+5.6%")), short(None)
    ('+5.6%', '—')
    """
    return "—" if difference is None else difference.short


def names(texts: Sequence[str], most: int = 5) -> str:
    """Return texts as a list in the language in use, of many the first and how many there are.

    >>> names(["a", "b"]), names(["a", "b", "c"], 2)
    ('a, b', 'a, b and 1 more')
    """
    texts = list(texts)
    listed = SIGNS[current()].comma.join(texts[:most])
    if len(texts) <= most:
        return listed
    return f"{listed}等{len(texts)}个" if current() == "zh" else f"{listed} and {len(texts) - most} more"


def breaks(text: str) -> str:
    """Return a text as markup of Word in which the parenthesis at the end has a line of its own and is not broken.

    >>> str(breaks("≥90%（2025-12）")), str(breaks("< 5 (2025)"))
    ('≥90%</w:t><w:br/><w:t>（2025-12）', '&lt; 5</w:t><w:br/><w:t>(2025)')
    """
    from markupsafe import Markup, escape

    return Markup("</w:t><w:br/><w:t>").join(map(escape, _PARENTHESIS.split(text)))


def dash(text: object) -> object:
    """Return a text, — for an empty one.

    >>> dash(""), dash("a")
    ('—', 'a')
    """
    return text if text not in ("", None) else "—"
