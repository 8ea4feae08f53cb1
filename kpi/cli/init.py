"""`kpi init`: a definition drafted from files, the one that an annex states, or a small working system with data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from kpi.cli import command as options
from kpi.cli.command import Exit, command
from kpi.cli.console import Console

#: The kinds of `kpi.cli.starter` by their Chinese names, here too as that module imports more than the help needs.
_CHINESE = ("考核办法", "事项统计", "指数评价", "亩均", "星级")


@click.command()
@click.argument("paths", nargs=-1, metavar="[DIR | FILE...]")
@options.option(
    "--kind",
    type=click.Choice(["assessment", "matters", "index", "per-mu", "stars", *_CHINESE]),
    metavar="KIND",
    help="Of DIR: a system of this kind: assessment (考核办法), matters (事项统计), index (指数评价), per-mu (亩均), "
    "stars (星级).",
)
@options.option(
    "--table", is_flag=True, help="FILE is a table of indicators, the annex of a 考核办法, or iMeta and iData."
)
@options.option("--name", metavar="ID", help="Of files: the id of the system; left out: the name of the first file.")
@options.option("-o", "--output", "into", metavar="DIR", help="Of files: where the definition goes; left out: here.")
@options.writing
@command
def init(
    console: Console, *, paths: Sequence[str], kind: str | None, table: bool, name: str | None, into: str | None
) -> Exit:
    """Write a definition that scores FILEs at once, or a small working system with data into DIR.

    Whatever no file says is guessed, marked in the definition, and reported. With --table the definition is that of
    an annex.
    """
    if table:
        from kpi.cli.annex import from_table

        return from_table(console, paths, into)
    if paths and all(path.endswith(".ossie.json") for path in paths):
        return _from_ossie(console, paths, Path() if into is None else Path(into))
    from kpi.cli import starter

    if kind is None and starter.are_data(paths):
        return _from_files(console, paths, name, Path() if into is None else Path(into))
    return _example(console, paths, kind=kind, name=name, into=into)


def _from_ossie(console: Console, paths: Sequence[str], folder: Path) -> Exit:
    """Write the definitions of Ossie documents as YAML."""
    from kpi.cli import starter
    from kpi.errors import Message, Severity
    from kpi.language.loading.ossie_reader import definition_of, examine_document
    from kpi.report.yaml_text import document_text

    failed = False
    for path in paths:
        read, loaded = definition_of(Path(path)), examine_document(path)
        hint = Message("name another folder, kpi init FILE... -o DIR")
        for file in starter.write_all(folder, {f"{read.tree['system']}.yaml": document_text(read.tree)}, hint):
            console.say(Message("Wrote {files}.", files=file))
        console.report(
            finding for finding in loaded.findings if not console.quiet or finding.severity is not Severity.INFO
        )
        failed |= loaded.system is None
    return Exit.FAILED if failed else Exit.FINE


def _example(console: Console, paths: Sequence[str], *, kind: str | None, name: str | None, into: str | None) -> Exit:
    from kpi.cli import starter
    from kpi.errors import DataError, Diagnostic, Message

    if len(paths) > 1 or (paths and into is not None) or name is not None:
        hint = Message("name files of data: kpi init FILE...; or one folder for an example: kpi init DIR")
        raise DataError(Diagnostic("K543", Message("there is no file of data among the arguments"), hint=hint))
    folder = Path(paths[0] if paths else into or ".")
    for file in starter.write(folder, kind):
        console.say(Message("Wrote {files}.", files=file))
    console.write(starter.next_commands(folder, kind))
    return Exit.FINE


def _from_files(console: Console, paths: Sequence[str], name: str | None, folder: Path) -> Exit:
    import datetime as dt

    from kpi.cli import starter
    from kpi.drafting.trial import scored_without_naming, tried
    from kpi.errors import Message, Severity, count
    from kpi.report.language import sentences

    with console.progress():
        # Figures of which nothing says a period are taken for those of the year that has ended last.
        done = tried(list(paths), dt.datetime.now(dt.UTC).year - 1, name, folder)
    contents = {f"{done.draft.id}.yaml": done.text}
    beside = done.draft.roster
    if done.roster is not None and beside is not None and not (folder / beside).exists():
        contents[beside] = done.roster
    hint = Message("name another folder, kpi init FILE... -o DIR, or another id, --name ID")
    for file in starter.write_all(folder, contents, hint):
        console.say(Message("Wrote {files}.", files=file))
    console.report(finding for finding in done.findings if not console.quiet or finding.severity is not Severity.INFO)
    measures, units = count(len(done.draft.measures), "figure"), count(done.scored, "entity", "entities")
    written = Message("Drafted {measures} for {entities}.", measures=measures, entities=units)
    console.note(sentences([written]))
    definition = folder / f"{done.draft.id}.yaml"
    alone = folder == Path() and scored_without_naming(paths, done.draft.id)
    console.write(starter.commands_for(paths, None if alone else definition))
    wrong = not done.scored or any(finding.severity is Severity.ERROR for finding in done.findings)
    return Exit.FAILED if wrong else Exit.FINE
