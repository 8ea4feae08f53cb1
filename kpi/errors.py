"""Messages, findings as values, and the exceptions that carry them.

Everything else may import it; it imports nothing of the package. A finding (`Diagnostic`) has a message in terms that
the user knows, a place (`Place`), and a hint on what to do. Findings are collected and raised together, in a
`KpiError`. Texts for people are `Message`s, which `kpi.report.language` renders in the language of the user.

Passwords are removed (`redacted`) from the message of a finding when it is created, from source lines when they are
shown and from tracebacks when they are printed: secrets in use (`remember`), in any URL encoding, and whatever looks
like the password of a connection string.
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from enum import StrEnum
from typing import Any, Self
from urllib.parse import quote, quote_plus, unquote

from msgspec import Struct, field, to_builtins
from msgspec.structs import force_setattr, replace

#: The maximum number of characters of names in messages, and of messages.
NAME, MESSAGE = 100, 1000
_NAMES = re.compile(r"`([^`]*)`")
#: Surrogates, which represent bytes that the system could not decode.
_UNDECODED = re.compile("[\ud800-\udfff]+")

#: The replacement of a secret.
MASK = "***"

# A password that was not encoded may hold any character, also @ and blanks, so it ends at the last @ of the line. A URL
# that was parsed as a path has one slash.
_URL = re.compile(r"(:/{1,2}[^:/@\s'\"]*:)(.+)(@)")
# password=..., PGPASSWORD: ..., "password": "..."; an unquoted value ends where another key begins.
_KEY = re.compile(
    r"""(?ix)
    (\b\w*(?:passw(?:or)?d|passphrase|pwd)\b["']?\s*[=:]\s*)
    ('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S.*?(?=\s+["']?[a-z_]+["']?\s*=|$))
    """,
    re.MULTILINE,
)
#: The most pairs of words that are compared for the suggestions of one definition, in less than a second.
COMPARISONS = 50_000
_comparisons_left: ContextVar[list[int] | None] = ContextVar("comparisons_left", default=None)

# Shorter secrets would match parts of unrelated words.
_SHORTEST = 4

_secrets: set[str] = set()


def remember(secret: str | None) -> None:
    """Register a secret, such as a password in use, so that `redacted` removes it wherever it stands."""
    if secret and len(secret) >= _SHORTEST:
        _secrets.update({secret, unquote(secret), quote(secret, safe=""), quote_plus(secret)})


def redacted(text: str) -> str:
    """Return a text without passwords.

    >>> redacted("cannot reach postgresql://li:ge@heim@db/kpi")
    'cannot reach postgresql://li:***@db/kpi'
    >>> redacted("/srv/postgresql:/li:geheim@db/kpi")
    '/srv/postgresql:/li:***@db/kpi'
    >>> redacted("host=db password=ge heim user=li"), redacted('{"password": "geheim"}')
    ('host=db password=*** user=li', '{"password": ***}')
    >>> redacted("地区,数值"), redacted("see https://example.org/a")
    ('地区,数值', 'see https://example.org/a')
    """
    # Keys first, as a URL or a known secret must not match across them.
    if ("=" in text or ":" in text) and _has_key(text):
        text = _KEY.sub(rf"\1{MASK}", text)
    if ":/" in text:
        text = _URL.sub(rf"\1{MASK}\3", text)
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _has_key(text: str) -> bool:
    # Nearly all texts have neither word, and a search without letters' case is slow.
    folded = text.casefold()
    return ("pass" in folded or "pwd" in folded) and _KEY.search(text) is not None


class Message(str):
    """A text for people: its English wording, and the template and fields that other languages are rendered from.

    It is its English text, so it compares, formats and sorts as that. Fields may be messages too, and tuples of texts,
    which are lists. Every template is an entry of the catalogues, so it is written as a literal.

    >>> message = Message("unknown {what} `{name}`", what=Message("measure"), name="gdpp")
    >>> message, message.fields["name"]
    ('unknown measure `gdpp`', 'gdpp')
    """

    __slots__ = ("fields", "template")

    template: str
    fields: Mapping[str, object]

    def __new__(cls, template: str, /, **fields: object) -> Self:
        """Return a message of a template of `str.format` and its fields."""
        return cls._of(formatted(template, fields), template, fields)

    @classmethod
    def _of(cls, text: str, template: str, fields: Mapping[str, object]) -> Self:
        self = super().__new__(cls, text)
        self.template, self.fields = template, fields
        return self

    def __reduce__(self) -> tuple[Callable[..., Message], tuple[str, str, dict[str, object]]]:
        return Message._of, (str(self), self.template, dict(self.fields))

    def worded(self, text: str) -> Self:
        """Return the message with a text in place of its English wording, such as that in another language."""
        return self._of(text, self.template, self.fields)

    def without(self, text: str) -> Self:
        """Return the message without a text, such as the folder of files, wherever it stands in a field.

        >>> Message("`{file}` is gone", file="/srv/data/a.csv").without("/srv/data/")
        '`a.csv` is gone'
        """
        if text not in self:
            return self
        fields = {name: _without(text, value) for name, value in self.fields.items()}
        return self._of(self.replace(text, ""), self.template, fields)

    def cleaned(self) -> Self:
        """Return the message without passwords, undecoded bytes and overlong names in its English text."""
        text = cleaned(self)
        return self if text == self else self._of(text, self.template, self.fields)


_rendering: Callable[[str], str] = str


def render_with(function: Callable[[str], str]) -> None:
    """Register the function that renders messages in the language in use; without one they are in English."""
    global _rendering  # noqa: PLW0603  # the catalogues are above this module
    _rendering = function


def rendered(text: str) -> str:
    """Return a message in the language in use; any other text is returned as it is."""
    return _rendering(text)


def _without(text: str, value: object) -> object:
    if isinstance(value, tuple):
        return tuple(_without(text, part) for part in value)
    if isinstance(value, Message):
        return value.without(text)
    return str(value).replace(text, "") if text in str(value) else value


def formatted(template: str, fields: Mapping[str, object], comma: str = ", ") -> str:
    """Return a template with its fields filled in; tuples are lists with a comma of the language."""
    if tuple in map(type, fields.values()):
        fields = {
            name: comma.join(map(str, value)) if isinstance(value, tuple) else value for name, value in fields.items()
        }
    return template.format_map(fields)


def cleaned(text: str) -> str:
    """Return a text as it may be shown: without passwords and undecoded bytes, long names cut."""
    return readable(redacted(_brief(text)))


def alternatives(names: Iterable[str]) -> Message:
    """Return names as a list of alternatives.

    >>> alternatives(["csv", "json", "md"]), alternatives(["csv"])
    ('csv, json or md', 'csv')
    """
    *first, last = names
    return Message("{first} or {last}", first=tuple(first), last=last) if first else Message("{name}", name=last)


def conjunction(names: Iterable[str]) -> Message:
    """Return names as a list that means all of them.

    >>> conjunction(["at_least", "above", "below"]), conjunction(["above"])
    ('at_least, above and below', 'above')
    """
    *first, last = names
    return Message("{first} and {last}", first=tuple(first), last=last) if first else Message("{name}", name=last)


def statements(texts: Iterable[str]) -> Message:
    """Return statements or clauses as one text, with semicolons between them; empty where there are none.

    >>> statements([Message("the row is blank"), Message("it is left out"), "so are others"])
    'the row is blank; it is left out; so are others'
    """
    return _chain(texts, lambda first, second: Message("{first}; {second}", first=first, second=second))


def commas(texts: Iterable[str]) -> Message:
    """Return phrases as one text, with commas between them; empty where there are none.

    For names use a tuple as the field, which has the comma of lists.

    >>> commas(["A ≥ 90", "B ≥ 80"])
    'A ≥ 90, B ≥ 80'
    """
    return _chain(texts, lambda first, second: Message("{first}, {second}", first=first, second=second))


#: How many names of a list stand in a message.
NAMED = 8


def first_names(names: Sequence[str]) -> Message:
    """Return names as a list, from `NAMED` on with the number of the others.

    >>> first_names(["甲县", "乙县"])
    '甲县, 乙县'
    >>> first_names([f"县{number}" for number in range(10)])
    '县0, 县1, 县2, 县3, 县4, 县5, 县6, 县7 and 2 more'
    """
    if len(names) <= NAMED:
        return Message("{names}", names=tuple(names))
    return Message("{names} and {more:,} more", names=tuple(names[:NAMED]), more=len(names) - NAMED)


def _chain(texts: Iterable[str], join: Callable[[str, str], Message]) -> Message:
    # An empty template is the header of a catalogue.
    parts = list(texts) or [""]
    # Joined in pairs, and these again, many texts are not nested deeper than languages can be rendered.
    while len(parts) > 1:
        odd = parts[-1:] if len(parts) % 2 else []
        parts = [*map(join, parts[:-1:2], parts[1::2]), *odd]
    return parts[0] if isinstance(parts[0], Message) else Message("{text}", text=parts[0])


def built_in(record: object) -> Any:
    """Return a record as built-in values, such as JSON has: mappings, lists, numbers and texts, messages in English.

    >>> built_in(Place("a.csv"))["file"], built_in([Message("no `{name}`", name="x")])
    ('a.csv', ['no `x`'])
    """
    return to_builtins(record, enc_hook=_in_english)


def _in_english(text: object) -> str:
    if isinstance(text, Message):
        return str(text)
    # So `msgspec` refuses what it cannot encode, with the name of its type.
    raise NotImplementedError


class Severity(StrEnum):
    """How much a finding matters.

    `error` stops what it affects, `query` needs an explanation from the reporting department, `warning` is probably a
    mistake, `info` is worth knowing.
    """

    ERROR = "error"
    QUERY = "query"
    WARNING = "warning"
    INFO = "info"


class Place(Struct, frozen=True):
    """Where a finding is: a spot in a definition, or a cell of a data file.

    `line` and `column` count from 1 and belong to definitions; `row` (as a spreadsheet shows it, header included),
    `field` (the column's header), `sheet`, `entity` and `period` belong to data. Of a cell in a table of definitions
    `named_in` is where the definition names the table.
    """

    file: str | None = None
    line: int | None = None
    column: int | None = None
    length: int = 1
    sheet: str | None = None
    row: int | None = None
    field: str | None = None
    entity: str | None = None
    period: str | None = None
    named_in: str | None = None

    def __post_init__(self) -> None:
        if self.file is not None and not self.file.isascii():
            force_setattr(self, "file", readable(self.file))

    def __str__(self) -> str:
        """Return the clickable short form, `file:line:column` or `file[sheet]: row 7, column 数值`."""
        return str(self.message())

    def message(self) -> Message:
        """Return the short form as a message."""
        head = (self.file or "") + (f"[{self.sheet}]" if self.sheet else "")
        if self.line is not None:
            return Message("{file}:{line}:{column}", file=head, line=self.line, column=self.column or 1)
        parts = []
        if self.row is not None:
            parts.append(Message("row {row:,}", row=self.row))
        if self.field:
            parts.append(Message("column {column}", column=shortened(self.field)))
        if about := " ".join(shortened(name) for name in (self.entity, self.period) if name):
            parts.append(Message("{name}", name=about))
        if self.named_in is not None:
            parts.append(Message("a table of {place}", place=self.named_in))
        if head and parts:
            return Message("{file}: {places}", file=head, places=tuple(parts))
        return Message("{places}", places=tuple(parts)) if parts else Message("{name}", name=head)


class Diagnostic(Struct, frozen=True):
    """One finding: a stable code, a severity, one sentence, the place and what to do (`hint`).

    `label` is the short note printed under the caret; `stands_for` is the number of findings that the last entry of a
    shortened list represents.
    """

    code: str
    message: Message
    place: Place = field(default_factory=Place)
    hint: Message | None = None
    severity: Severity = Severity.ERROR
    label: Message | None = None
    stands_for: int = 1

    def __post_init__(self) -> None:
        """Remove passwords and undecoded bytes, and cut long names."""
        for name in ("message", "hint", "label"):
            text = getattr(self, name)
            if isinstance(text, Message):
                force_setattr(self, name, text.cleaned())
            elif text and (clear := cleaned(text)) != text:
                force_setattr(self, name, clear)
        if self.place.file and (clear := redacted(self.place.file)) != self.place.file:
            force_setattr(self, "place", replace(self.place, file=clear))

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as built-in values, its texts in English.

        >>> Diagnostic("K602", Message("no `{name}`", name="x")).as_dict()["message"]
        'no `x`'
        """
        values: dict[str, Any] = built_in(self)
        return values

    def __str__(self) -> str:
        """Return the one-line form in the language in use, `place: error K203 message`."""
        return self._line(rendered)

    def in_english(self) -> str:
        """Return the one-line form in English, for what is stored."""
        return self._line(str)

    def _line(self, words: Callable[[str], str]) -> str:
        where = words(self.place.message())
        return f"{where + ': ' if where else ''}{self.severity} {self.code} {words(self.message)}"

    def without(self, text: str) -> Self:
        """Return the finding without a text, such as the folder of files, wherever it names it."""
        words = {name: getattr(self, name) for name in ("message", "hint", "label")}
        words = {name: item.without(text) if isinstance(item, Message) else item for name, item in words.items()}
        file = self.place.file
        place = self.place if file is None else replace(self.place, file=file.replace(text, ""))
        return replace(self, place=place, **words)

    def rendered(self) -> Self:
        """Return the finding with its texts in the language in use, in place of English."""

        def worded(text: Message) -> Message:
            return text.worded(rendered(text)) if isinstance(text, Message) else text

        hint, label = (None if text is None else worded(text) for text in (self.hint, self.label))
        return replace(self, message=worded(self.message), hint=hint, label=label)


def shortened(text: str, most: int = NAME) -> str:
    """Return a name or a cell as messages show it: cut where it is too long to be read.

    >>> shortened("办件量"), shortened("x" * 1_000_000, 10)
    ('办件量', 'xxxxxxxxxx... (1,000,000 characters)')
    """
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def _brief(text: str) -> str:
    """Return a message with the names in it, and itself, cut where they are too long to be read."""
    if len(text) <= NAME:
        return text
    return shortened(_NAMES.sub(lambda match: f"`{shortened(match[1])}`", text), MESSAGE)


def readable(text: str) -> str:
    """Return text with undecoded bytes made readable.

    Names of files that are not UTF-8 reach Python with surrogates in place of such bytes. A part of the path between
    slashes is decoded as GB18030, the encoding of names in Chinese zip files, if that works, else shown with U+FFFD.

    >>> readable("data/" + "上报表.csv".encode("gbk").decode("utf-8", "surrogateescape"))
    'data/上报表.csv'
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return "/".join(_decoded(part) for part in text.split("/"))
    return text


def _decoded(part: str) -> str:
    """Return a part of a path, or of a sentence about one, without surrogates."""
    if any("\u0800" <= letter < "\ud800" or letter > "\udfff" for letter in part):
        # The part also has decoded text: only the surrogates are decoded again.
        return _UNDECODED.sub(lambda match: _of_bytes(match[0]), part)
    return _of_bytes(part)


def _of_bytes(text: str) -> str:
    try:
        return text.encode("utf-8", "surrogateescape").decode("gb18030")
    except UnicodeError:
        return _UNDECODED.sub("\ufffd", text)


class KpiError(Exception):
    """The root of every error of the package; `diagnostics` holds all findings, in the order of their places."""

    def __init__(self, diagnostics: Diagnostic | Iterable[Diagnostic]) -> None:
        self.diagnostics = (diagnostics,) if isinstance(diagnostics, Diagnostic) else tuple(diagnostics)
        super().__init__(summary(self.diagnostics))

    def __str__(self) -> str:
        """Return the findings in the language in use, one a line."""
        return summary(self.diagnostics)


class DefinitionError(KpiError):
    """A definition cannot be used: it is malformed, has unknown keys or names, or contradicts itself."""


class DataError(KpiError):
    """Data cannot be used: a file is missing, unreadable, or does not hold what the definition needs."""


def not_yet_reported(findings: Iterable[Diagnostic], known: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return the findings whose code and message are not among the known ones, whatever the place.

    A doubtful definition is reported by `check` for itself, and by `score` for its files.
    """
    reported = {(finding.code, finding.message) for finding in known}
    return [finding for finding in findings if (finding.code, finding.message) not in reported]


def number_of(diagnostics: Iterable[Diagnostic]) -> int:
    """Return the number of findings, with those that are counted and not listed.

    >>> number_of([Diagnostic("K604", "..."), Diagnostic("K604", "... and 5 more", stands_for=5)])
    6
    """
    return sum(finding.stands_for for finding in diagnostics)


def summary(diagnostics: Iterable[Diagnostic], limit: int = 20) -> str:
    """Return the findings in the language in use, one a line, at most `limit` of them, and the number of the rest.

    >>> print(summary([Diagnostic("K203", "unknown measure `gdpp`", Place("a.yaml", 3, 5))]))
    a.yaml:3:5: error K203 unknown measure `gdpp`
    """
    findings = list(diagnostics)
    lines = [str(finding) for finding in findings[:limit]]
    if len(findings) > limit:
        lines.append(rendered(Message("... and {more:,} more", more=number_of(findings[limit:]))))
    return "\n".join(lines)


@contextlib.contextmanager
def bounded_suggestions() -> Iterator[None]:
    """Limit the suggestions of the block to the first `COMPARISONS` pairs of words; further ones are None.

    Inside another limit, the outer one holds.
    """
    token = _comparisons_left.set([COMPARISONS]) if _comparisons_left.get() is None else None
    try:
        yield
    finally:
        if token is not None:
            _comparisons_left.reset(token)


def can_suggest() -> bool:
    """Return whether the limit of suggestions, if there is one, is not used up."""
    remaining = _comparisons_left.get()
    return remaining is None or remaining[0] > 0


def suggest(word: str, candidates: Iterable[str], cutoff: float | None = None) -> Message | None:
    """Return the hint with the likely meaning of `word`, or None if no candidate is near (see `nearest`).

    >>> suggest("numerater", ["numerator", "denominator"])
    'did you mean `numerator`?'
    >>> suggest("经挤", ["经济", "民生"])
    'did you mean `经济`?'
    >>> suggest("xyz", ["numerator"]) is None
    True
    """
    near = nearest(word, candidates, cutoff)
    return Message("did you mean `{name}`?", name=near) if near is not None else None


def nearest(word: str, candidates: Iterable[str], cutoff: float | None = None) -> str | None:
    """Return the candidate that `word` was probably meant to be, or None if none is near.

    Within `bounded_suggestions`, None also if its comparisons are used up.
    """
    if not can_suggest():
        return None
    # Of two characters, as many Chinese names have, one may be wrong.
    cutoff = cutoff or (0.6 if len(word) > 3 else 0.5)
    names = {str(candidate).casefold(): str(candidate) for candidate in candidates}
    if (remaining := _comparisons_left.get()) is not None:
        remaining[0] -= len(names)
    near = difflib.get_close_matches(word.casefold(), names, 1, cutoff)
    return names[near[0]] if near else None


def count(number: int, noun: str, plural: str | None = None) -> Message:
    """Return a number with its noun in the right form.

    >>> count(1, "row"), count(1200, "row"), count(2, "entity", "entities")
    ('1 row', '1,200 rows', '2 entities')
    """
    word = noun if number == 1 else plural or noun + "s"
    return Message("{number:,} {noun}", number=number, noun=Message(word))
