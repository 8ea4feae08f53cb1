"""`kpi init --table`: the definition that an annex of a 考核办法 states, or a framework of COINr or the COIN Tool."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from kpi.cli.command import Exit
from kpi.cli.console import Console
from kpi.errors import DataError, Diagnostic, Message, Place, Severity


def from_table(console: Console, paths: Sequence[str], into: str | None) -> Exit:
    """Write the definition beside the working folder's other files, report what was guessed, and say what to run next.

    Raises:
        DataError: K540 a file is already there; K543 no file is named; else as `kpi.intake.annexes.reading.draft_of`.
    """
    from kpi.intake.annexes.reading import draft_of
    from kpi.language.loading.loader import examine_text
    from kpi.report.definition_text import definition_text

    if not paths:
        hint = Message("kpi init --table 指标体系.xlsx, or a .docx or .csv")
        raise DataError(Diagnostic("K543", Message("`--table` needs the file of a table of indicators"), hint=hint))
    draft = draft_of([Path(path) for path in paths])
    text = definition_text(draft)
    folder = Path(into or ".")
    name = f"{draft.keys['system']}.yaml"
    files = _write(folder, {name: text, **draft.files})
    loaded = examine_text(text, str(folder / name))
    findings = [*draft.findings, *loaded.findings]
    console.report(finding for finding in findings if not console.quiet or finding.severity is not Severity.INFO)
    for file in files:
        console.say(Message("Wrote {files}.", files=file))
    definition = folder / name
    data = [*(folder / item for item in draft.files), *(Path(path) for path in paths[1:])]
    lines = [f"kpi show {definition}"]
    if data:
        lines.append(f"kpi score {data[-1]} --system {definition}")
    else:
        lines += [f"kpi sample {definition} -o sample.csv", f"kpi score sample.csv --system {definition}"]
    console.write("".join(f"{line}\n" for line in lines))
    return Exit.FAILED if loaded.system is None else Exit.FINE


def _write(folder: Path, contents: dict[str, str]) -> list[Path]:
    """Write files that are not there yet, all of them or none."""
    from kpi.process import atomic_files

    taken = [folder / name for name in contents if (folder / name).exists()]
    if taken:
        hint = Message("name another folder: -o FOLDER")
        message = Message("the file is already there; nothing was written")
        raise DataError([Diagnostic("K540", message, Place(str(item)), hint) for item in taken])
    try:
        with atomic_files.folder(folder), ExitStack() as unfinished:
            for name, text in contents.items():
                unfinished.enter_context(atomic_files.replacing(folder / name)).write_text(text, "utf-8")
    except OSError as error:
        message = Message("cannot be written: {strerror}", strerror=error.strerror)
        raise DataError(Diagnostic("K540", message, Place(str(folder)))) from None
    return [folder / name for name in contents]
