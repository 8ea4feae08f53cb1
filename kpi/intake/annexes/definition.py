"""An annex as the draft of a definition: pillars by its groups, indicators by its rows, marks as weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from kpi.errors import DataError, Diagnostic, Message, Severity, statements
from kpi.intake.annexes.drafts import Draft, Item, identifier
from kpi.intake.annexes.grades import grades_of, left_unread
from kpi.intake.annexes.phrases import Limit, Nothing, Once, Step, Vetoed, clauses, read_rule
from kpi.intake.annexes.rows import Annex, Entry, Group
from kpi.intake.annexes.rules import Count, Scoring, addable, awarded, falling, scoring_of
from kpi.intake.annexes.targets import StatedTarget, change_of, stated_target_of
from kpi.intake.annexes.texts import number, short, unit_of
from kpi.values.patterns import regex
from kpi.values.units import Unit

_NEAR = Fraction(1, 1000)
_PERIODS = (
    (regex(r"月度|按月|每月考核|月考核"), "month"), (regex(r"季度|按季|每季"), "quarter"),
    (regex(r"半年"), "half"),
)  # fmt: skip
_ENTITIES = regex(
    r"县\(?市、?区\)?|县区|区县|乡镇\(?街道\)?|乡镇|镇街|街道|市直部门|县直部门|市直单位|部门|企业|学校|医院|"
    r"村\(?社区\)?|园区|开发区|市州|各市"
)


#: Rules in texts beside a table, and how many of them a finding quotes.
_RULE_BESIDE = regex(
    r"否决|加分|扣分|倒扣|封顶|取消|不得评|折算|系数|(?<!以下)(?<!以下的)不(?:予|能|参与)?评[定为选星优先]"
)
_SHOWN = 8


class _Node(Struct):
    """A node of the tree of groups: parts are nodes and rows, in the order of the table."""

    title: str
    marks: Fraction | None = None
    percent: bool = False
    parts: list[_Node | _Leaf] = field(default_factory=list)
    equal: bool = False
    relative: bool = False


class _Leaf(Struct):
    """A scored row with its marks: as stated (`marks`), and what they come to in the total (`full`)."""

    entry: Entry
    marks: Fraction | None
    full: Fraction = Fraction(1)
    name: str = ""


def definition_of(annex: Annex, stem: str) -> Draft:
    """Return the draft of the definition of an annex.

    Args:
        annex: its rows.
        stem: the name of the file, for the id of the system.

    Raises:
        DataError: K721, no row has marks.
    """
    return _Builder(annex, stem).build()


class _Builder:
    def __init__(self, annex: Annex, stem: str) -> None:
        self.annex, self.stem = annex, stem
        self.draft = Draft(findings=list(annex.findings))
        self.draft.names |= {"composite"}
        self.full = Fraction(100)
        self.best_is_limited = False

    def find(
        self,
        code: str,
        message: Message,
        entry: Entry | None = None,
        hint: Message | None = None,
        *,
        info: bool = False,
    ) -> None:
        place = self.annex.place if entry is None else entry.place
        severity = Severity.INFO if info else Severity.WARNING
        self.draft.findings.append(Diagnostic(code, message, place, hint, severity))

    # ---- THE WHOLE ---- #

    def build(self) -> Draft:
        draft = self.draft
        scored = [item for item in self.annex.entries if item.block == "scored"]
        root = self._tree(scored)
        if not root.parts:
            message = Message("the table has no indicator with marks")
            hint = Message("the marks stand in a column such as 分值, or in the names: 经济发展（30分）")
            raise DataError(Diagnostic("K721", message, self.annex.place, hint))
        self._weigh(root)
        title = self.annex.title or Path(self.stem).name
        draft.head = [
            Message(
                "Made of the table {file}; look at every comment.", file=Path(self.annex.place.file or self.stem).name
            ),
            Message("guess: read into the text, not in it; ours: in no text, chosen so that the definition works."),
            Message(
                "ours: the weight of a row without a figure goes to the others; `missing: zero` counts it as zero."
            ),
        ]
        draft.keys = {"system": identifier(self.stem), "title": title, "period": self._period(title)}
        draft.keys["entities"] = self._entities(title)
        self._pillars(root)
        self._adjustments()
        for entry in self.annex.entries:
            if entry.block == "veto":
                self._veto(entry)
        if self.full != 100:
            draft.tail["composite"] = _item(
                {"full": number(self.full)}, Message("the marks of the table add up to {full:g}", full=float(self.full))
            )
        self._stars()
        self._notes()
        draft.findings = list(dict.fromkeys(draft.findings))
        return draft

    def _notes(self) -> None:
        """Keep the texts beside the table as a note, and report rules in them of which nothing is made."""
        notes = [" ".join(note.split()) for note in self.annex.notes if note != self.annex.title and len(note) > 4]
        if notes:
            self.draft.keys["note"] = short("；".join(dict.fromkeys(notes)), 500)
        grades = grades_of(self.annex.notes)
        rules: dict[str, None] = {}
        for text in notes:
            # Grades may be parted over several sentences of the text that they are read from.
            read = grades is not None and grades_of([text]) == grades
            rules |= dict.fromkeys(
                item for part in re.split(r"[。；;]", text) if len(item := part.strip()) > 4
                and (_RULE_BESIDE.search(item) or left_unread(item, read=read))
            )  # fmt: skip
        if rules:
            shown = "；".join(short(item, 60) for item in list(rules)[:_SHOWN]) + ("…" if len(rules) > _SHOWN else "")
            message = Message("texts beside the table state rules of which nothing is made: {rule}", rule=shown)
            self.find("K724", message, None, Message("write what they say into the definition"))

    def _period(self, title: str) -> str:
        texts = [title, *self.annex.notes]
        match = next((period for words, period in _PERIODS if any(words.search(text) for text in texts)), "year")
        self.draft.key_comments["period"] = Message("guess: {period} is what is scored", period=match)
        return match

    def _entities(self, title: str) -> dict[str, Any]:
        result = _ENTITIES.search(title)
        if result is None:
            self.draft.key_comments["entities"] = Message(
                "ours: the table does not say what is scored; a roster of the units goes here"
            )
            return {"title": "单位"}
        self.draft.key_comments["entities"] = Message("guess: by the title; a roster of the units goes here")
        return {"title": result[0]}

    def _stars(self) -> None:
        result = grades_of(self.annex.notes)
        if result is not None:
            cuts, names = result
            fields = {"kind": "bands", "cuts": {level: number(cut) for level, cut in cuts.items()}, "names": names}
            self.draft.tail["stars"] = _item(fields, Message("guess: read from the text beside the table"))
        elif self.best_is_limited:
            share = self.full / 100
            cuts = {4: number(90 * share), 3: number(80 * share), 2: number(60 * share), 1: 0}
            names = {4: "优秀", 3: "良好", 2: "合格", 1: "不合格"}
            comment = Message("ours: the table does not state the cut points of grades, which a veto needs")
            self.draft.tail["stars"] = _item({"kind": "bands", "cuts": cuts, "names": names, "ours": True}, comment)
            message = Message(
                "the table has a veto on the best grade and no cut points of grades; {cuts} are ours",
                cuts=tuple(f"{name} {cuts[level]:g}" for level, name in names.items()),
            )
            self.find("K719", message, None, Message("put the grades of the document into `stars:`"), info=True)

    # ---- MARKS ---- #

    def _tree(self, entries: Sequence[Entry]) -> _Node:
        """Return the tree of groups; a row that only repeats a group gives it its marks."""
        titles = {
            tuple(group.title for group in item.groups[: depth + 1])
            for item in entries
            for depth in range(len(item.groups))
        }
        root = _Node("")
        for entry in entries:
            path = tuple(item.title for item in entry.groups)
            if (*path, entry.name) in titles and not entry.rule:
                self._node(root, (*entry.groups, Group(entry.name, entry.marks, entry.percent)))
                continue
            if entry.marks == 0:
                self.find("K722", Message("`{name}` has no marks and is left out", name=entry.name), entry)
                continue
            self._node(root, entry.groups).parts.append(_Leaf(entry, entry.marks))
        _prune(root)
        if any(isinstance(part, _Leaf) for part in root.parts):
            groups = [part for part in root.parts if isinstance(part, _Node)]
            if not groups:
                top = _Node(self.annex.title or "综合得分", parts=root.parts)
                return _Node("", parts=[top])
            root.parts = [
                part if isinstance(part, _Node) else _Node(part.entry.name, part.marks, part.entry.percent, [part])
                for part in root.parts
            ]
        return root

    def _node(self, root: _Node, groups: Sequence[Group]) -> _Node:
        node = root
        for group in groups:
            match = next((part for part in node.parts if isinstance(part, _Node) and part.title == group.title), None)
            if match is None:
                match = _Node(group.title)
                node.parts.append(match)
            if match.marks is None and group.marks:
                match.marks, match.percent = group.marks, group.percent
            node = match
        return node

    def _weigh(self, root: _Node) -> None:
        """Settle the marks of all nodes, and what each row's come to in the total."""
        own = self._sum(root)
        total = None if self.annex.total is None else self.annex.total[0]
        if own is not None and own <= 1 + _NEAR and own > 1 - _NEAR and len(root.parts) > 1:
            self._times(root, Fraction(100))
            own = own * 100
            total = None if total is None or total > 1 else total * 100
        if own is not None and total is not None and abs(own - total) > _NEAR:
            extra = sum((entry.marks or 0) for entry in self.annex.entries if entry.block == "bonus")
            if abs(own + extra - total) > _NEAR:
                self._differs(own, total)
        self.full = own if own is not None else total or Fraction(100)
        root.marks = self.full
        self._settle(root, self.full)
        settled = sum((part.marks or Fraction(0) for part in root.parts), Fraction(0))
        if abs(settled - self.full) > _NEAR:
            # The row of the total is below the marks that are stated.
            self._differs(settled, self.full)
            self.full = root.marks = settled
            self._settle(root, settled)

    def _differs(self, own: Fraction, total: Fraction) -> None:
        message = Message(
            "the marks of the rows add up to {own:g}, the row of the total has {total:g}",
            own=float(own), total=float(total),
        )  # fmt: skip
        place = self.annex.place if self.annex.total is None else self.annex.total[1]
        hint = Message("the sum of the rows is used; correct the table or the weights")
        self.draft.findings.append(Diagnostic("K720", message, place, hint, Severity.WARNING))

    def _times(self, node: _Node, by: Fraction) -> None:
        """Multiply all marks that are shares of one."""
        for part in node.parts:
            if part.marks is not None:
                part.marks *= by
            if isinstance(part, _Node):
                self._times(part, by)

    def _sum(self, node: _Node) -> Fraction | None:
        """Return the marks of a node, stated or the sum of its parts; None where they are not known."""
        if node.marks is not None:
            return node.marks
        parts = [self._sum(part) if isinstance(part, _Node) else part.marks for part in node.parts]
        known = [part for part in parts if part is not None]
        return sum(known, Fraction(0)) if len(known) == len(parts) and parts else None

    def _settle(self, node: _Node, full: Fraction) -> None:
        """Give every part of a node its marks; `full` is what the node comes to in the total."""
        marks: list[Fraction | None] = [
            self._sum(item) if isinstance(item, _Node) else item.marks for item in node.parts
        ]
        lacking = [place for place, item in enumerate(marks) if item is None]
        stated = node.marks if node.marks is not None else full
        if lacking:
            rest = stated - sum((mark for mark in marks if mark is not None), Fraction(0))
            share = rest / len(lacking) if rest > 0 else stated / max(len(marks), 1)
            for place in lacking:
                marks[place] = share
            node.equal = True
            if len(marks) > 1:
                self._shared(node, lacking, share)
        settled = [mark for mark in marks if mark is not None]
        total = sum(settled, Fraction(0))
        if abs(total - stated) > _NEAR:
            node.relative = True
            percents = (
                all((item.percent if isinstance(item, _Node) else item.entry.percent) for item in node.parts)
                or abs(total - 100) <= _NEAR
            )
            if not percents and node.title:
                first = _first(node)
                message = Message(
                    "`{group}` has {stated:g} marks, its parts add up to {total:g}",
                    group=node.title,
                    stated=float(stated),
                    total=float(total),
                )
                hint = Message("the parts are taken as proportions of the group; correct the table or the weights")
                self.find("K720", message, first, hint)
        for part, own in zip(node.parts, settled, strict=True):
            part.marks = own
            if isinstance(part, _Node):
                self._settle(part, full * own / total)
            else:
                part.full = full * own / total

    def _shared(self, node: _Node, lacking: Sequence[int], share: Fraction) -> None:
        names = tuple(
            f"`{part.title if isinstance(part, _Node) else part.entry.name}`"
            for part in (node.parts[place] for place in lacking[:5])
        )
        message = Message(
            "no marks are stated for {names}; each has an equal part, {share:g}", names=names, share=float(share)
        )
        self.find("K722", message, _first(node), Message("put the marks of the document into `pillars:`"))

    # ---- PILLARS AND INDICATORS ---- #

    def _pillars(self, root: _Node) -> None:  # noqa: C901 - three passes over one list of nodes
        """Write pillars from the top down, then indicators in the order of the table."""
        names: dict[int, str] = {}
        nodes: list[tuple[_Node, bool]] = []

        def walk(node: _Node, *, top: bool) -> None:
            names[id(node)] = self.draft.named(node.title)
            nodes.append((node, top))
            for part in node.parts:
                if isinstance(part, _Node):
                    walk(part, top=False)

        self.draft.sections |= {"measures": {}, "indicators": {}, "pillars": {}}
        for part in root.parts:
            assert isinstance(part, _Node)  # noqa: S101
            walk(part, top=True)
        for node, _ in nodes:
            for part in node.parts:
                if isinstance(part, _Leaf):
                    part.name = self._indicator(part, in_marks=not node.relative)
        for node, top in nodes:
            name = names[id(node)]
            parts = {
                names[id(part)] if isinstance(part, _Node) else part.name: number(part.marks or Fraction(1))
                for part in node.parts
            }
            fields: dict[str, Any] = {} if name == node.title else {"title": node.title}
            if top and len(root.parts) > 1:
                fields["weight"] = number(node.marks or Fraction(1))
            fields["parts"] = parts
            comments = []
            if node.relative:
                fields["relative"] = True
            if node.equal:
                fields["ours"] = ["parts"]
                comments.append(Message("ours: marks that the table does not state are equal parts of what is left"))
            self.draft.put("pillars", name, fields, comments, inline=True)

    def _indicator(self, leaf: _Leaf, *, in_marks: bool) -> str:
        """Write an indicator with its measures, and return its name; `in_marks` says that its weight is its marks."""
        entry, marks = leaf.entry, leaf.full if leaf.entry.percent else leaf.marks or leaf.full
        unit = unit_of(entry.unit) if entry.unit else None
        stated_target = (
            stated_target_of(entry.target, entry.sign, unit=unit, falling=falling(entry.name)) if entry.target else None
        )
        scoring = (
            scoring_of(entry.rule, marks, stated_target, unit=unit, name=entry.name)
            if entry.rule or stated_target
            else awarded(
                marks,
                [Message("the annex has neither a rule nor a number as target: the marks are entered as awarded")],
                understood=True,
            )
        )
        name = self.draft.named(entry.name)
        comments = [_row_comment(entry)]
        if not scoring.understood:
            self._not_understood(entry, scoring, comments)
        guesses = [*scoring.guesses, *_open_points(leaf, scoring, unit, stated_target)]
        comments += [Message("guess: {guess}", guess=item) for item in guesses]
        if guesses:
            self.find(
                "K719", Message("`{name}`: {guesses}", name=entry.name, guesses=statements(guesses)), entry, info=True
            )
        fields = self._figure(entry, scoring, name, comments)
        if entry.name != name:
            fields = {"kind": fields.pop("kind"), "title": entry.name, **fields}
        if scoring.target is not None and scoring.figure != "done":
            fields["target"] = dict(scoring.target)
        if scoring.better is not None:
            fields["better"] = scoring.better
        if scoring.score is not None:
            own = marks if in_marks and leaf.marks == marks else None
            fields["score"] = dict(scoring.score) if own is None else _as_printed(scoring.score, own)
        fields |= _about(entry)
        self.draft.put("indicators", name, fields, comments)
        if scoring.veto is not None:
            self._veto_of_row(entry, scoring, name)
        return name

    def _not_understood(self, entry: Entry, scoring: Scoring, comments: list[Message]) -> None:
        """Report a rule that is not understood, with the limits of the marks that are awarded."""
        rule = short("；".join(scoring.unread), 60)
        message = Message("the rule of `{name}` is not understood: {rule}", name=entry.name, rule=rule)
        hint = Message(
            "the marks are entered as awarded, {limits}; or write `score:` yourself", limits=_limits(*scoring.awards)
        )
        self.find("K718", message, entry, hint)
        comments.append(Message("not understood, so the figure is the marks that are awarded: {rule}", rule=rule))

    def _figure(self, entry: Entry, scoring: Scoring, name: str, comments: list[Message]) -> dict[str, Any]:
        """Write the measures of an indicator, and return its kind and what it is computed from."""
        if scoring.figure == "counted":
            if len(scoring.counts) == 1 and not scoring.counts[0].once:
                count = scoring.counts[0]
                return {"kind": "level", "of": self._counted(entry, count, name)}
            terms = []
            for count in scoring.counts:
                item = self._counted(entry, count, name)
                figure = f"least({item}, 1)" if count.once else item
                terms.append(figure if count.marks == 1 else f"{number(count.marks)} * {figure}")
            comments.append(Message("the marks of what is counted, added up"))
            return {"kind": "formula", "expr": " + ".join(terms), "unit": scoring.unit}
        title, ending = {
            "value": (_changing(entry.name, scoring.change), "_值"),
            "completed": (entry.name if entry.name.endswith("完成率") else f"{entry.name}完成率", "_完成率"),
            "short": (f"{entry.name}（短缺{scoring.unit}数）", "_短缺"),
            "over": (f"{entry.name}（超出{scoring.unit}数）", "_超出"),
            "place": (f"{entry.name}位次", "_位次"),
            "done": (f"{entry.name}（是否完成）", "_是否完成"),
            "marks": (f"{entry.name}得分", "_得分"),
        }[scoring.figure]
        measure = self.draft.named(name, ending)
        self._measure(measure, title, scoring.unit, entry)
        if scoring.figure == "done":
            return {"kind": "milestone", "of": measure}
        if scoring.gate is not None:
            sign, low = scoring.gate
            return {
                "kind": "formula",
                "expr": f"CASE WHEN {measure} {sign} {low} THEN 0 ELSE {measure} END",
                "unit": scoring.unit,
            }
        return {"kind": "level", "of": measure}

    def _measure(self, name: str, title: str, unit: str, entry: Entry) -> None:
        """Write a measure; of two with one title the second has its group before it."""
        groups = [group.title for group in reversed(entry.groups)]
        self.draft.put("measures", name, {"title": self.draft.titled(title, *groups), "unit": unit}, inline=True)

    def _counted(self, entry: Entry, count: Count, name: str) -> str:
        title = f"{entry.name}（{count.label}{'' if count.once else count.unit + '数'}）"
        if "元" in count.unit and not count.once:
            title = entry.name
        measure = self.draft.named(f"{name}_{count.label}" if count.label else name, "" if count.label else "_数")
        self._measure(measure, title, count.unit, entry)
        return measure

    # ---- BONUS, DEDUCTION, VETO ---- #

    def _adjustments(self) -> None:
        """Write what is added or taken off after the tree; rows of a block with a limit of its own are one figure."""
        blocks: dict[tuple[str, str, Fraction | None], list[Entry]] = {}
        for entry in self.annex.entries:
            if entry.block in ("bonus", "deduction"):
                top = entry.groups[0] if entry.groups else Group(entry.name)
                blocks.setdefault((entry.block, top.title, top.marks), []).append(entry)
        for (kind, title, limit), entries in blocks.items():
            awards = [_award(item) for item in entries]
            caps = [item.cap for item in awards]
            if limit is None or len(entries) == 1 or (None not in caps and sum(cap or 0 for cap in caps) <= limit):
                for entry, award in zip(entries, awards, strict=True):
                    self._adjustment(entry, award, None if limit is None else float(limit))
            elif all(item.counts and all(map(addable, item.counts)) for item in awards):
                self._together(kind, title, float(limit), entries, awards)
            else:
                for entry, award in zip(entries, awards, strict=True):
                    self._adjustment(entry, award, float(limit))
                message = Message(
                    "the limit of `{title}`, {limit:g} marks in all, holds for each row alone",
                    title=title,
                    limit=float(limit),
                )
                hint = Message("see to it by hand that the rows together stay below it")
                self.find("K727", message, entries[0], hint)

    def _adjustment(self, entry: Entry, award: _Award, limit: float | None) -> None:
        """Write one row; `limit` is that of its block."""
        text = entry.rule or entry.name
        name = self.draft.named(_brief(entry.name))
        comments = [_row_comment(entry)]
        title = short(entry.name, 40)
        fields: dict[str, Any] = {"kind": entry.block} | ({} if title == name else {"title": title})
        if not award.counts:
            label = "加分" if entry.block == "bonus" else "扣分"
            measure = self.draft.named(name, f"_{label}")
            self._measure(measure, f"{title}（{label}）", "分", entry)
            fields |= {"of": measure, "points": 1, "per": 1, "steps": "linear"}
            comments.append(Message("not understood, so the figure is the marks that are given or taken off"))
            rule = short("；".join(award.unread) or text, 60)
            message = Message("the rule of `{name}` is not understood: {rule}", name=short(entry.name), rule=rule)
            self.find(
                "K718", message, entry, Message("the marks are entered as awarded; or write the adjustment yourself")
            )
        elif len(award.counts) == 1 and not award.counts[0].once:
            count = award.counts[0]
            measure = self._event(entry, count, name)
            fields |= {"of": measure, "points": number(count.marks), "per": number(count.size)}
        else:
            indicator = self.draft.named(name, "_合计")
            expression = self._sum_of(entry, award, name)
            self.draft.put("indicators", indicator, {"kind": "formula", "expr": expression, "unit": "次"})
            fields |= {"of": indicator, "points": 1, "per": 1, "steps": "linear"}
        caps = [item for item in (award.cap, limit) if item]
        if caps:
            fields["max"] = number(min(caps))
        elif not award.unlimited:
            unlimited = Message("no limit, as the table states none")
            comments.append(Message("guess: {guess}", guess=unlimited))
            self.find(
                "K719", Message("`{name}`: {guesses}", name=short(entry.name), guesses=unlimited), entry, info=True
            )
        self.draft.put("adjustments", name, fields | _note(entry, text), comments)

    def _together(
        self, kind: str, title: str, limit: float, entries: Sequence[Entry], awards: Sequence[_Award]
    ) -> None:
        """Write the rows of a block as one adjustment, each with its own limit, all with that of the block."""
        name = self.draft.named(_brief(title))
        terms, comments = [], []
        for entry, award in zip(entries, awards, strict=True):
            expression = self._sum_of(entry, award, self.draft.named(_brief(entry.name)))
            terms.append(expression if award.cap is None else f"least({expression}, {number(award.cap)})")
            comments.append(
                Message("{row}: {rule}", row=_row_comment(entry), rule=" ".join((entry.rule or entry.name).split()))
            )
        indicator = self.draft.named(name, "_合计")
        self.draft.put("indicators", indicator, {"kind": "formula", "expr": " + ".join(terms), "unit": "次"}, comments)
        fields: dict[str, Any] = {"kind": kind} | ({} if name == title else {"title": title})
        fields |= {"of": indicator, "points": 1, "per": 1, "steps": "linear", "max": number(limit)}
        self.draft.put(
            "adjustments",
            name,
            fields,
            [Message("the rows of the block together, {limit:g} marks at most", limit=limit)],
        )

    def _sum_of(self, entry: Entry, award: _Award, name: str) -> str:
        """Write the measures of a row and return what they come to in marks."""
        terms = []
        for count in award.counts:
            # What nobody reports earns nothing and costs nothing, as it does for a single figure.
            measure = self._event(entry, Count(count.label, "次", count.marks), name)
            figure = f"coalesce({measure}, 0)"
            figure = f"least({figure}, 1)" if count.once else figure
            marks = number(Fraction(str(count.marks)) / Fraction(str(count.size)))
            terms.append(figure if marks == 1 else f"{marks} * {figure}")
        return " + ".join(terms)

    def _event(self, entry: Entry, count: Count, name: str) -> str:
        title = short(entry.name, 24)
        label = re.sub(r"[的,，]$", "", count.label)
        inside = not label or label in entry.name or label in name
        measure = self.draft.named(name if inside else f"{name}_{label}", "_次数")
        shown = f"{title}（{count.unit}数）" if inside else f"{title}：{label}（{count.unit}数）"
        self._measure(measure, shown, count.unit, entry)
        return measure

    def _veto(self, entry: Entry) -> None:
        """Write a veto: an event, and what it does."""
        text = f"{entry.name}，{entry.rule}" if entry.rule else entry.name
        parts, others = read_rule(text)
        match = next((part for part in parts if isinstance(part, Vetoed)), None)
        events = [other for other in others if other] or clauses(entry.name)
        event = short("，".join(events), 40) or entry.name
        name = self.draft.named(_brief(event))
        measure = self.draft.named(name, "_次数")
        self._measure(measure, f"{event}（次数）", "次", entry)
        comments = [_row_comment(entry)]
        effect = self._effect(match, comments, entry)
        title = {} if name == event else {"title": event}
        self.draft.put(
            "adjustments",
            name,
            {"kind": "veto"} | title | {"when": f"{measure} > 0", "effect": effect} | _note(entry, text),
            comments,
        )

    def _effect(self, veto: Vetoed | None, comments: list[Message], entry: Entry) -> dict[str, Any]:
        if veto is not None and veto.effect == "not_best":
            self.best_is_limited = True
            grades = grades_of(self.annex.notes)
            return {"stars_at_most": (4 if grades is None else max(grades[0])) - 1}
        if veto is not None and veto.effect == "fail":
            return {"fail": True}
        comments.append(Message("ours: a veto leaves the unit unrated, as the table does not say what it does"))
        message = Message("what the veto `{name}` does is not stated; the unit is not rated", name=short(entry.name))
        self.find(
            "K727", message, entry, Message("write another `effect:`, such as {{stars_at_most: 3}} or {{score: 59}}")
        )
        return {"fail": True}

    def _veto_of_row(self, entry: Entry, scoring: Scoring, indicator: str) -> None:
        """Write the veto of a scored row: its target is missed, or what is counted has happened."""
        if scoring.counts:
            when = f"{indicator} > 0"
        else:
            ((comparator, bound),) = [(key, value) for key, value in (scoring.target or {}).items() if key != "soft"]
            signs = {"at_least": "<", "above": "<=", "at_most": ">", "below": ">=", "equals": "!="}
            if comparator == "done":
                when = f"{indicator} = 0"
            elif comparator == "within":
                low, high = (str(item).split()[0] for item in bound)
                when = f"{indicator} NOT BETWEEN {low} AND {high}"
            else:
                when = f"{indicator} {signs[comparator]} {str(bound).split()[0]}"
        name = self.draft.named(indicator, "_否决")
        comments = [_row_comment(entry)]
        effect = self._effect(scoring.veto, comments, entry)
        self.draft.put(
            "adjustments",
            name,
            {"kind": "veto", "title": f"{entry.name}（否决）", "when": when, "effect": effect},
            comments,
        )


class _Award(Struct, frozen=True):
    """What a row of a block adds or takes off: what is counted (nothing if it is not understood), and the most."""

    counts: tuple[Count, ...] = ()
    cap: float | None = None
    unlimited: bool = False
    unread: tuple[str, ...] = ()


def _award(entry: Entry) -> _Award:
    """Return what a row adds or takes off."""
    parts, others = read_rule(entry.rule or entry.name)
    limits = [part for part in parts if isinstance(part, Limit)]
    most = next(
        (limit.marks for limit in limits if limit.of in ("on", "added", "off") and limit.marks is not None), None
    )
    unlimited = any(limit.of == "least" and limit.marks is None for limit in limits)
    cap = most if most is not None else None if unlimited or not entry.marks else float(entry.marks)
    steps = [part for part in parts if isinstance(part, Step | Once)]
    fits = bool(steps) and not others and all(isinstance(part, Step | Once | Limit | Nothing) for part in parts)
    fits = fits and all(step.gives == (entry.block == "bonus") for step in steps)
    numbers = [limit for limit in limits if limit.marks]
    if len(numbers) > 1 or (len(steps) > 1 and numbers and parts[-1] is not numbers[0]):
        # A limit between several counts is that of one of them.
        fits = False
    if not fits or any(isinstance(step, Step) and step.way != "count" for step in steps):
        return _Award((), cap, unlimited, tuple(others))
    counts = tuple(
        Count(step.of, "次" if step.unit is None else str(step.unit), step.marks, step.size) if isinstance(step, Step)
        else Count(step.what, "次", step.marks, once=True)
        for step in steps
    )  # fmt: skip
    if len(counts) > 1 and not all(map(addable, counts)):
        return _Award((), cap, unlimited, (entry.rule or entry.name,))
    return _Award(counts, cap, unlimited)


def _brief(name: str) -> str:
    """Return the beginning of a text that is a name."""
    return short(name, 24).rstrip("…")


def _as_printed(score: Mapping[str, Any], marks: Fraction) -> dict[str, Any]:
    """Return a scoring rule with what a step costs in marks, as the annex prints it, instead of percent.

    >>> _as_printed({"kind": "deduction", "points": 20, "per": 1}, Fraction(10))
    {'kind': 'deduction', 'marks': 2, 'per': 1}
    """
    if score["kind"] not in ("deduction", "step"):
        return dict(score)
    lost = number(Fraction(str(score["points"])).limit_denominator(10**6) * marks / 100)
    return {"marks" if key == "points" else key: lost if key == "points" else item for key, item in score.items()}


def _limits(least: float | None, most: float | None) -> Message:
    """Return the limits of awarded marks in words."""
    if least is None:
        return Message("without a limit") if most is None else Message("{most:g} at most", most=most)
    if most is None:
        return Message("{least:g} or more, as the text has no upper limit", least=least)
    return Message("{least:g} to {most:g}", least=least, most=most)


def _open_points(
    leaf: _Leaf, scoring: Scoring, unit: Unit | None, stated_target: StatedTarget | None
) -> Iterator[Message]:
    """Yield what the cells of a row beside its rule leave open."""
    entry = leaf.entry
    rescaled = entry.percent and leaf.marks is not None and abs(leaf.full - leaf.marks) > _NEAR
    if rescaled and re.search(r"\d分", entry.rule):
        yield Message(
            "the marks in the rule are taken to be out of {full:g}, what {stated:g} % come to in the total",
            full=float(leaf.full), stated=float(leaf.marks or 0),
        )  # fmt: skip
    if entry.unit and unit is None:
        yield Message("`{unit}` is no unit that is known", unit=entry.unit)
    if stated_target is not None and stated_target.bound is None and scoring.figure != "place":
        yield Message("the target is no number: {target}", target=short(stated_target.text, 40))


def _changing(name: str, change: str) -> str:
    """Return the title of a figure: a change is said to be one, where the name does not.

    >>> _changing("平均办理时长", "较上年缩短"), _changing("税收收入增长率", "增长"), _changing("办结率", "")
    ('平均办理时长较上年缩短', '税收收入增长率', '办结率')
    """
    if not change or change_of(change) in name:
        return name
    return f"{name}{change.removeprefix(name)}"


def _row_comment(entry: Entry) -> Message:
    sheet = entry.place.sheet
    if sheet:
        return Message("row {row} of {sheet}", row=entry.place.row or 0, sheet=sheet)
    return Message("row {row}", row=entry.place.row or 0)


def _item(fields: dict[str, Any], *comments: Message) -> Item:
    return Item(fields, comments, inline=True)


def _prune(node: _Node) -> None:
    """Drop the groups without a row."""
    for part in node.parts:
        if isinstance(part, _Node):
            _prune(part)
    node.parts = [item for item in node.parts if isinstance(item, _Leaf) or item.parts]


def _first(node: _Node) -> Entry | None:
    """Return the first row under a node."""
    part = node.parts[0] if node.parts else None
    return None if part is None else part.entry if isinstance(part, _Leaf) else _first(part)


def _about(entry: Entry) -> dict[str, Any]:
    """Return who is responsible for a row, and its texts."""
    fields: dict[str, Any] = {}
    if entry.lead:
        fields["lead"] = list(entry.lead)
    if entry.responsible:
        fields["responsible"] = list(entry.responsible)
    return fields | _note(entry, entry.rule)


def _note(entry: Entry, rule: str) -> dict[str, Any]:
    texts = [("", rule), ("目标：", entry.target), ("来源：", entry.source), ("", entry.note)]
    note = "；".join(f"{label}{' '.join(text.split())}" for label, text in texts if text)
    return {"note": note} if note else {}
