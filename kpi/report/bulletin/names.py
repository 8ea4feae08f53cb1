"""Names in a template that bulletins do not have, found without rendering: also in branches that the data do not take.

The kind of each expression is known as far as it comes from `Facts`, whose annotations say what every name holds. Where
it is not known (a namespace, an argument of a macro, the result of most filters) nothing is reported.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kpi.errors import Message, suggest
from kpi.report.bulletin import changes, facts
from kpi.report.bulletin.facts import Facts
from kpi.report.bulletin.mistakes import WrongName

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

#: Filters whose result is of the kind of what they are applied to, and those that take an item of it.
_SAME = frozenset({"list", "selectattr", "rejectattr", "select", "reject", "sort", "unique", "reverse"})
_ITEM = frozenset({"first", "last", "random", "min", "max"})
#: Filters whose first argument is the name of an attribute of the items, and those that have it as `attribute`.
_BY_NAME = frozenset({"selectattr", "rejectattr", "groupby"})
_BY_ATTRIBUTE = frozenset({"map", "sort", "unique", "sum", "min", "max", "join", "groupby"})
#: Tests and filters that are there for names which may be missing.
_MAY_BE_MISSING = frozenset({"defined", "undefined"})
_DEFAULTS = frozenset({"default", "d"})
#: What `loop` has beside the attributes of its class.
_OF_INSTANCES = frozenset({"depth0"})


class Many(Struct, frozen=True):
    """The kind of a list."""

    of: Any


#: The kinds of expressions: a class, a list of a kind, or None where it is not known.
Kind = type | Many | None


def wrong_names(source: str, environment: Environment) -> list[WrongName]:
    """Return the names of a template that neither the facts nor the template define, in order, once for each tag.

    A name that the template asks for with `is defined` or `default` may be missing. A template that cannot be compiled
    has none: what is wrong with it is reported when it is rendered.
    """
    import jinja2.meta

    try:
        tree = environment.parse(source)
        undeclared = jinja2.meta.find_undeclared_variables(tree)
    except jinja2.TemplateSyntaxError:
        return []
    walk = _Walk(undeclared - names_of(Facts).keys() - environment.globals.keys(), frozenset(_asked_for(tree)))
    walk.each(tree.body, dict(names_of(Facts)))
    return sorted(walk.wrong.values(), key=lambda wrong: wrong.line)


def _asked_for(tree: nodes.Template) -> Iterator[str]:
    """Yield the names of which a template asks whether they are defined."""
    from jinja2 import nodes

    for test in tree.find_all(nodes.Test):
        if test.name in _MAY_BE_MISSING:
            if isinstance(test.node, nodes.Name):
                yield test.node.name
            elif isinstance(test.node, nodes.Getattr):
                yield test.node.attr


@functools.cache
def names_of(kind: type[Struct]) -> Mapping[str, Kind]:
    """Return the names that a part of the facts has, and the kind of each.

    >>> names_of(facts.Group)["first"] == Many(facts.Line), names_of(facts.Group)["highest"] is facts.Line
    (True, True)
    """
    spaces = {**vars(facts), **vars(changes)}
    hints = typing.get_type_hints(kind, spaces)
    names = {name: _kind(hints[name]) for name in kind.__struct_fields__}
    for name, value in vars(kind).items():
        if isinstance(value, property):
            names[name] = _kind(typing.get_type_hints(value.fget, spaces)["return"])
    return names


def _kind(hint: Any) -> Kind:
    """Return the kind of an annotation; what may be None is of the kind that it has otherwise."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (UnionType, typing.Union):
        (hint,) = (part for part in arguments if part is not type(None))
        return _kind(hint)
    if origin is not None:
        return Many(_kind(arguments[0]))
    return hint if isinstance(hint, type) else None


class _Walk:
    """One pass over a template: the kind of each expression, and the names that are not there.

    A method of the name of a class of Jinja's nodes looks at such a node, as in `jinja2.visitor`, which is not imported
    before it is needed. What it assigns is in the scope afterwards.
    """

    def __init__(self, undeclared: set[str], asked_for: frozenset[str]) -> None:
        #: By name and line: a tag that names something twice has one mistake.
        self.wrong: dict[tuple[str, int], WrongName] = {}
        self._undeclared, self._asked_for = undeclared, asked_for

    def look(self, node: nodes.Node, scope: dict[str, Kind]) -> Kind:
        """Look at a node and return its kind; one that has no method is of an unknown kind, whatever is in it."""
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is not None:
            return method(node, scope)  # type: ignore[no-any-return]
        for child in node.iter_child_nodes():
            self.look(child, scope)
        return None

    def each(self, several: Iterable[nodes.Node | None], scope: dict[str, Kind]) -> None:
        """Look at nodes in order."""
        for node in several:
            if node is not None:
                self.look(node, scope)

    # ---- STATEMENTS ---- #

    def _for(self, node: nodes.For, scope: dict[str, Kind]) -> None:
        from jinja2.runtime import LoopContext

        several = self.look(node.iter, scope)
        inner = scope | _assigned(node.target, several.of if isinstance(several, Many) else None)
        self.each([node.test], dict(inner))
        self.each(node.body, inner | {"loop": LoopContext})
        self.each(node.else_, dict(scope))

    def _assign(self, node: nodes.Assign, scope: dict[str, Kind]) -> None:
        for name, kind in _assigned(node.target, self.look(node.node, scope)).items():
            # Assigned in a branch or twice, it may be either.
            scope[name] = kind if scope.get(name, kind) == kind else None

    def _assignblock(self, node: nodes.AssignBlock, scope: dict[str, Kind]) -> None:
        self.each(node.body, dict(scope))
        scope.update(_assigned(node.target, None))

    def _with(self, node: nodes.With, scope: dict[str, Kind]) -> None:
        inner = dict(scope)
        for target, value in zip(node.targets, node.values, strict=True):
            inner |= _assigned(target, self.look(value, scope))
        self.each(node.body, inner)

    def _macro(self, node: nodes.Macro, scope: dict[str, Kind]) -> None:
        scope[node.name] = None
        self._of_arguments(node, scope)

    def _callblock(self, node: nodes.CallBlock, scope: dict[str, Kind]) -> None:
        self.look(node.call, scope)
        self._of_arguments(node, scope)

    def _of_arguments(self, node: nodes.Macro | nodes.CallBlock, scope: dict[str, Kind]) -> None:
        self.each(node.defaults, scope)
        names = (*(argument.name for argument in node.args), "varargs", "kwargs", "caller")
        self.each(node.body, scope | dict.fromkeys(names))

    # ---- EXPRESSIONS ---- #

    def _name(self, node: nodes.Name, scope: dict[str, Kind]) -> Kind:
        if node.name in self._undeclared - scope.keys():
            self._report(node.name, node.lineno, names_of(Facts))
        return scope.get(node.name)

    def _getattr(self, node: nodes.Getattr, scope: dict[str, Kind]) -> Kind:
        return self._attribute(self.look(node.node, scope), node.attr, node.lineno)

    def _getitem(self, node: nodes.Getitem, scope: dict[str, Kind]) -> Kind:
        from jinja2 import nodes

        kind = self.look(node.node, scope)
        if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return self._attribute(kind, node.arg.value, node.lineno)
        self.look(node.arg, scope)
        if isinstance(node.arg, nodes.Slice):
            return kind
        return kind.of if isinstance(kind, Many) else None

    def _condexpr(self, node: nodes.CondExpr, scope: dict[str, Kind]) -> Kind:
        self.look(node.test, scope)
        kinds = {self.look(part, scope) for part in (node.expr1, node.expr2) if part is not None}
        return kinds.pop() if len(kinds) == 1 else None

    def _test(self, node: nodes.Test, scope: dict[str, Kind]) -> None:
        if node.name not in _MAY_BE_MISSING:
            self.each([node.node, *node.args], scope)

    def _filter(self, node: nodes.Filter, scope: dict[str, Kind]) -> Kind:
        self.each((*node.args, *(pair.value for pair in node.kwargs)), scope)
        if node.node is None or node.name in _DEFAULTS:
            return None
        kind = self.look(node.node, scope)
        item = kind.of if isinstance(kind, Many) else None
        attributes = [self._path(item, attribute) for attribute in _attributes(node)]
        if node.name in _SAME:
            return kind
        if node.name in _ITEM:
            return item
        return Many(attributes[0]) if node.name == "map" and attributes else None

    def _path(self, kind: Kind, attribute: nodes.Expr) -> Kind:
        """Return the kind of an attribute that a filter has as a text, such as `change.amount`."""
        from jinja2 import nodes

        if kind is None or not isinstance(attribute, nodes.Const) or not isinstance(attribute.value, str):
            return None
        for part in attribute.value.split("."):
            kind = None if part.isdigit() else self._attribute(kind, part, attribute.lineno)
        return kind

    def _attribute(self, kind: Kind, name: str, line: int) -> Kind:
        """Return the kind of an attribute; what begins with _ is for the sandbox to refuse."""
        if kind is None or name.startswith("_"):
            return None
        if isinstance(kind, Many):
            if hasattr(list, name) or hasattr(tuple, name):
                return None
            hint = None
            if isinstance(kind.of, type) and issubclass(kind.of, Struct) and name in names_of(kind.of):
                hint = Message("this is a list, whose items have `{name}`: name them in a loop", name=name)
            self._report(name, line, (), hint)
            return None
        if issubclass(kind, Struct):
            names = names_of(kind)
            if name in names:
                return names[name]
            self._report(name, line, names)
        elif not hasattr(kind, name) and name not in _OF_INSTANCES:
            self._report(name, line, [each for each in dir(kind) if not each.startswith("_")])
        return None

    def _report(self, name: str, line: int, known: Iterable[str], hint: Message | None = None) -> None:
        if name not in self._asked_for:
            self.wrong.setdefault((name, line), WrongName(name, line, hint or suggest(name, known)))


def _assigned(target: nodes.Node, kind: Kind) -> dict[str, Kind]:
    """Return the names that a target of an assignment or loop assigns; of several, and of attributes, none is known."""
    from jinja2 import nodes

    if isinstance(target, nodes.Name):
        return {target.name: kind}
    return dict.fromkeys(name.name for name in target.find_all(nodes.Name))


def _attributes(node: nodes.Filter) -> list[nodes.Expr]:
    """Return the arguments of a filter that name an attribute of the items."""
    named = [pair.value for pair in node.kwargs if pair.key == "attribute" and node.name in _BY_ATTRIBUTE]
    return named + (node.args[:1] if node.name in _BY_NAME else [])
