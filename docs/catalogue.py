"""Collect the texts that users read into the catalogues of other languages, and compile these.

    python docs/catalogue.py            add new texts, drop old ones, compile
    python docs/catalogue.py --missing  print what has no translation yet

A text is the literal first argument of `Message` and `tr`, the noun of `count`, the help of a command or an option,
and the meaning of a finding's code. The catalogue `reference` has the descriptions of keys, kinds and tables of
results.
"""

from __future__ import annotations

import argparse
import ast
import datetime as dt
import inspect
import itertools
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import click
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "kpi" / "report" / "language"
LANGUAGES = ("zh",)
DOMAINS = ("kpi", "reference")


def texts() -> dict[str, list[str]]:
    """Return every text with the files that it stands in."""
    result: dict[str, list[str]] = {}
    for file in sorted((ROOT / "kpi").rglob("*.py")):
        name = file.relative_to(ROOT).as_posix()
        for text in of_code(file.read_text("utf-8"), name):
            result.setdefault(text, []).append(name)
    for text in of_commands():
        result.setdefault(text, []).append("kpi/cli")
    for text in of_starts():
        result.setdefault(text, []).append("kpi/cli/starts")
    for text in of_rules():
        result.setdefault(text, []).append("kpi/report/rules.yaml")
    return {text: sorted(set(names)) for text, names in result.items() if text}


def of_code(code: str, name: str) -> Iterator[str]:
    """Yield the texts of a module.

    Raises:
        ValueError: a message is made of a text that is put together, which no catalogue can have.
    """
    for node in ast.walk(ast.parse(code)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        first = node.args[0]
        if called in ("Message", "tr"):
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value
            elif isinstance(first, ast.JoinedStr):
                raise ValueError(f"{name}:{node.lineno}: the template of a message is a literal, its parts are fields")
        elif called == "count" and len(node.args) > 1:
            nouns = [arg.value for arg in node.args[1:] if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            yield from nouns
            if len(nouns) == len(node.args) - 1 == 1:
                yield f"{nouns[0]}s"


def of_commands() -> Iterator[str]:
    """Yield the help of every command and option."""
    from kpi.cli.main import main

    context = click.Context(main)
    for command in (main, *(main.get_command(context, name) for name in main.list_commands(context))):
        if command is not None:
            yield inspect.cleandoc(command.help or "")
            for parameter in command.params:
                yield getattr(parameter, "help", None) or ""


def of_starts() -> Iterator[str]:
    """Yield the comments of first systems."""
    from kpi.cli.starter import DEFINITION, STARTS
    from kpi.cli.yaml_comments import comments

    for text in (DEFINITION, *(path.read_text("utf-8") for path in sorted(STARTS.glob("*/*.yaml")))):
        yield from comments(text)


def of_rules() -> Iterator[str]:
    """Yield the meanings of finding codes, and their examples in words."""
    from kpi.report.rules import rules

    for rule in rules().values():
        yield from rule.texts


def folder(language: str) -> Path:
    """Return where the catalogue of a language is."""
    return FOLDER / language / "LC_MESSAGES"


def of_the_parser() -> Iterator[str | tuple[str, str]]:
    """Yield the messages of click that a user may see; a pair is singular and plural."""
    yield from (
        "Aborted!", "Options", "Commands", "Positional arguments", "Usage:", "Error: {message}",
        "Try '{command} {option}' for help.", "Invalid value: {message}", "Invalid value for {param_hint}: {message}",
        "Missing argument", "Missing option", "Missing command.", "No such option {name!r}.",
        "No such command {name!r}.", "Choose from:\n\t{choices}", "default: {default}", "env var: {var}", "required",
        "{value!r} is not a valid {number_type}.", "{value} is not in the range {range}.",
        "Option {name!r} does not take a value.", "Show this message and exit.",
    )  # fmt: skip
    yield "{value!r} is not {choice}.", "{value!r} is not one of {choices}."
    yield "Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."
    yield "Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"
    yield "Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"


def of_reference() -> list[str]:
    """Return every paragraph of the reference that is written out of the code."""
    sys.path.insert(0, str(ROOT / "docs"))
    import reference

    return reference.texts()


def read(language: str, domain: str = "kpi") -> Catalog:
    """Return a catalogue as it is."""
    path = folder(language) / f"{domain}.po"
    if not path.exists():
        return Catalog(locale=language, project="kpi", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str, domain: str = "kpi") -> Catalog:
    """Return a catalogue with exactly the texts that there are, and the translations that it has of them."""
    old = read(language, domain)
    new = Catalog(locale=language, project="kpi", fuzzy=False, header_comment=f"# Translations of kpi: {language}")
    if domain == "reference":
        for text in of_reference():
            message = old.get(text)
            new.add(text, message.string if message is not None else "")
        return new
    for text, names in sorted(texts().items()):
        message = old.get(text)
        new.add(text, message.string if message is not None else "", locations=[(name, None) for name in names])
    for text in of_the_parser():
        message = old.get(text if isinstance(text, str) else text[0])
        empty = "" if isinstance(text, str) else ("",)
        new.add(text, message.string if message is not None else empty, auto_comments=["of the package click"])
    return new


def po(catalogue: Catalog) -> bytes:
    """Return a catalogue as a translator edits it."""
    out = BytesIO()
    write_po(out, catalogue, width=100, include_lineno=False, omit_header=True)
    return out.getvalue()


def mo(catalogue: Catalog) -> bytes:
    """Return a catalogue as the program reads it."""
    out = BytesIO()
    # The same bytes whenever it is compiled.
    catalogue.project, catalogue.creation_date = "kpi", dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    write_mo(out, catalogue)
    return out.getvalue()


def main() -> None:
    """Update and compile the catalogues."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--missing", action="store_true")
    missing = parser.parse_args().missing
    for language, domain in itertools.product(LANGUAGES, DOMAINS):
        catalogue = updated(language, domain)
        if missing:
            sys.stdout.writelines(f"{entry.id!r}\n" for entry in catalogue if entry.id and not entry.string)
            continue
        (folder(language) / f"{domain}.po").write_bytes(po(catalogue))
        (folder(language) / f"{domain}.mo").write_bytes(mo(catalogue))


if __name__ == "__main__":
    main()
