"""Documents that are given as data and are none: definitions, configurations, programs, texts.

Each is refused (K503) with what it is and how it is to be given. What a file holds decides, where that is certain; its
suffix, where no table has it.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.values.patterns import regex

_SYSTEM = regex(r"""^[ \t]*(?:\{[ \t]*)?["']?system["']?[ \t]*[:：][ \t]*["']?[\w.-]""", re.MULTILINE)
#: What a definition has beside `system`; rows of JSON may have a column of that name, with figures.
_PARTS = regex(r"^(?:measures|indicators|pillars)[ \t]*[:：][ \t]*(?:\{|#|$)", re.MULTILINE)
_PARTS_OF_JSON = regex(r"""["'](?:measures|indicators|pillars)["']\s*:\s*\{\s*["'][^"']*["']\s*:\s*\{""")
#: The table of a batch that names what is scored.
_BATCH = regex(r"^[ \t]*\[\[[ \t]*source[ \t]*\]\]", re.MULTILINE)
#: A heading of the second level, in Markdown.
_SECTION = regex(r"^##+ ", re.MULTILINE)

_YAML = (".yaml", ".yml", ".ossie.json")
_SETTINGS = (".toml", ".ini", ".cfg", ".conf")
_PROGRAMS = (".py", ".ipynb", ".r", ".sql", ".sh", ".js", ".vba", ".bas")
_TEXTS = (".md", ".markdown", ".rst")


def refuse_other_documents(head: bytes, place: Place) -> None:
    """Refuse a file that is a definition or another document, by its first bytes and its name.

    Raises:
        DataError: K503.
    """
    name = PurePath(place.file or "").name
    plain = name.lower().removesuffix(".gz").removesuffix(".zst")
    suffixes = plain.endswith((*_YAML, *_SETTINGS, *_PROGRAMS, *_TEXTS))
    if not suffixes and b"system" not in head:
        return
    start = head.decode("utf-8-sig", errors="replace").replace("\r", "\n")
    parts = _PARTS_OF_JSON if start.lstrip().startswith("{") else _PARTS
    if plain.endswith(_YAML) or (_SYSTEM.search(start) and parts.search(start)):
        raise _refused(
            Message("the file is a definition, which says how figures are judged, not a table of figures"),
            place,
            Message(
                "give it as the system, and the files with the figures beside it: kpi score FIGURES --system {file}; "
                'in Python kpi.score("FIGURES", system="{file}")',
                file=name,
            ),
        )  # fmt: skip
    if not suffixes:
        return
    if plain.endswith(".toml") and _BATCH.search(start):
        message = Message("the file is the configuration of a batch, which names files of figures, not a table")
        raise _refused(message, place, Message("run it: kpi batch {file}", file=name))
    if plain.endswith(_SETTINGS):
        raise _refused(Message("the file holds settings, not a table"), place, _FIGURES)
    if plain.endswith(_PROGRAMS):
        raise _refused(Message("the file is a program, not a table"), place, _FIGURES)
    if plain.endswith(_TEXTS) and (_SECTION.search(start) or not any(sign in start for sign in "|,;\t")):
        raise _refused(Message("the file is a text with headings, not a table"), place, _FIGURES)


_FIGURES = Message("give the file with the figures, such as .xlsx or .csv; a definition is given with --system")


def _refused(message: Message, place: Place, hint: Message) -> DataError:
    return DataError(Diagnostic("K503", message, place, hint))
