"""Bulletins from facts and a template: as Word documents by docxtpl, as Markdown by Jinja.

Texts from data are never markup: they are escaped for the format, and no template is made of them.
"""

from __future__ import annotations

import zipfile
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kpi.errors import DataError, Diagnostic, Message, Place
from kpi.report.bulletin import mistakes
from kpi.report.bulletin.column_widths import fit_columns, fit_grid, keep_rows
from kpi.report.bulletin.facts import Facts
from kpi.report.bulletin.names import wrong_names
from kpi.report.bulletin.words import environment, needs
from kpi.report.language import current
from kpi.report.markdown import escaped
from kpi.values.patterns import regex

if TYPE_CHECKING:
    from jinja2 import Environment

#: The time of the members of a file is constant, so that equal content gives equal bytes.
_MEMBERS = (1980, 1, 1, 0, 0, 0)
#: The most signs of a property of a Word document.
_LONGEST = 255
#: A text with a sign that becomes an element of Word: a tab, a new line, paragraph or page.
_LISTING = regex(r"<w:t(?: [^>]*)?>[^<]*[\t\n\a\f]")


def word(bulletin: Facts, /, template: Path | None = None) -> bytes:
    """Return a bulletin as a Word document.

    Args:
        bulletin: the facts.
        template: a Word document with tags of docxtpl; by default the one of the language in use.

    Raises:
        DataError: K510, docxtpl is not installed; K882, the template has a mistake; K883, it cannot be read.
    """
    try:
        import docxtpl  # noqa: F401 - asked for before anything is read
    except ImportError as error:
        raise DataError(needs("docxtpl")) from error
    name = f"template_{current()}.docx" if template is None else str(template)
    data = _read(template, "docx")
    jinja, context = environment(autoescape=True), _context(bulletin)
    wrong: list[mistakes.Mistake] = []
    try:
        result = _rendered(data, context, jinja, wrong)
    except mistakes.Mistake as mistake:
        wrong.append(mistake)
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise _unreadable(name, Message("it is no Word document (.docx)")) from error
    if wrong:
        raise DataError(_located(name, data, mistake, jinja, context) for mistake in wrong) from wrong[0]
    core = result.core_properties
    core.title, core.subject = bulletin.title[:_LONGEST], bulletin.period[:_LONGEST]
    out = BytesIO()
    result.save(out)
    return _settled(out.getvalue())


def markdown(bulletin: Facts, /, template: Path | None = None) -> str:
    """Return a bulletin as Markdown, by a text template; texts are escaped.

    Raises:
        DataError: as `word`.
    """
    name = f"template_{current()}.md" if template is None else str(template)
    try:
        text = _read(template, "md").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(name, Message("it is no text in UTF-8")) from error
    jinja = environment(trim_blocks=True, lstrip_blocks=True, finalize=_finalized)
    if wrong := wrong_names(text, jinja):
        raise DataError(mistakes.finding(name, each, None, _line(text, each.line), each.line) for each in wrong)
    try:
        result = jinja.from_string(text).render(_context(bulletin))
    except Exception as error:  # what a template does can raise anything
        line = mistakes.line_of(error)
        raise DataError(mistakes.finding(name, error, None, _line(text, line), line)) from error
    # Blocks that write nothing leave empty lines.
    paragraphs = (part.strip("\n") for part in result.split("\n\n"))
    return "\n\n".join(part for part in paragraphs if part.strip()) + "\n"


def _context(bulletin: Facts) -> dict[str, Any]:
    names = list(Facts.__struct_fields__)
    names += [key for key, value in vars(Facts).items() if isinstance(value, property)]
    return {name: getattr(bulletin, name) for name in names}


def _finalized(value: object) -> object:
    return escaped(value) if isinstance(value, str) else value


def _line(text: str, line: int | None) -> str:
    lines = text.splitlines()
    return lines[line - 1].strip()[:80] if line and line <= len(lines) else ""


def default_template(suffix: str) -> bytes:
    """Return the template of the language in use: docx or md."""
    return files(__package__).joinpath(f"template_{current()}.{suffix}").read_bytes()


def _read(template: Path | None, suffix: str) -> bytes:
    if template is None:
        return default_template(suffix)
    if template.suffix.lower() != f".{suffix}":
        what = Message("a bulletin as .{suffix} needs a template of the same kind", suffix=suffix)
        raise _unreadable(str(template), what)
    try:
        return template.read_bytes()
    except OSError as error:
        from kpi.process.os_errors import reason

        raise _unreadable(str(template), Message("{error}", error=reason(error))) from error


def _unreadable(name: str, what: Message) -> DataError:
    hint = Message("begin with a copy of the template that comes with the program: kpi report --copy-template my.docx")
    return DataError(Diagnostic("K883", Message("the template cannot be used: {what}", what=what), Place(name), hint))


def _rendered(data: bytes, context: dict[str, Any], jinja: Environment, wrong: list[mistakes.Mistake]) -> Any:
    """Return the document of python-docx; a mistake in a part of the template is a `Mistake` with its source.

    Wrong names of all parts are added to `wrong`; from the first on, parts are looked at and not rendered.
    """
    from docxtpl import DocxTemplate

    class Template(DocxTemplate):  # type: ignore[misc]
        """A template that tells which part has a mistake, and does not mend broken documents in silence."""

        def render_xml_part(self, src_xml: str, part: Any, context: Any, jinja_env: Any = None) -> Any:
            self.source, self.name = src_xml, str(part.partname)
            wrong.extend(_wrong(src_xml, self.name, jinja))
            if wrong:
                return src_xml
            try:
                built = super().render_xml_part(src_xml, part, context, jinja_env)
            except Exception as error:  # what a template does can raise anything
                raise mistakes.Mistake(src_xml, self.name, error) from error
            # Whether a block that cuts through the document breaks it depends on the data; it is refused for all.
            if mistakes.crossing(src_xml) is not None:
                raise mistakes.Mistake(src_xml, self.name, None)
            return built

        def resolve_listing(self, xml: str) -> Any:
            # Most documents have no text of several lines or with tabs, for which every run would be searched.
            return super().resolve_listing(xml) if _LISTING.search(xml) else xml

        def fix_tables(self, xml: str) -> Any:
            # In place of what the base class does: it reads the document a second time, and mends a broken one.
            tree = self._well_formed(xml)
            fit_grid(tree)
            fit_columns(tree)
            keep_rows(tree)
            return tree

        def map_headers_footers_xml(self, relKey: str, xml: bytes) -> None:  # noqa: N803 - as in docxtpl
            self._well_formed(xml)
            super().map_headers_footers_xml(relKey, xml)

        def render_properties(self, context: Any, jinja_env: Any = None) -> None:
            """Leave the properties as they are; they are set afterwards."""

        def _well_formed(self, xml: str | bytes) -> Any:
            return _tree(xml, mistakes.Mistake(self.source, self.name, None))

    result = Template(BytesIO(data))
    result.render(context, jinja, autoescape=True)
    return result.docx  # `get_docx` would read the template again


def _tree(xml: str | bytes, broken: mistakes.Mistake) -> Any:
    """Return the tree of a part, or raise what it means that there is none."""
    from lxml import etree

    try:
        return etree.fromstring(xml.encode() if isinstance(xml, str) else xml)
    except etree.XMLSyntaxError as error:
        raise broken from error


def _wrong(source: str, part: str, jinja: Environment) -> list[mistakes.Mistake]:
    return [mistakes.Mistake(source, part, name) for name in wrong_names(mistakes.tag_a_line(source), jinja)]


def _located(
    name: str, data: bytes, mistake: mistakes.Mistake, jinja: Environment, context: dict[str, Any]
) -> Diagnostic:
    """Return the finding about a mistake in a Word document, with its place."""
    import docx

    spot = mistakes.spot(mistake, jinja, context)
    if spot is None:
        return mistakes.finding(name, mistake.cause, None)
    place: Message | None = None
    if "document" in mistake.part:
        place = mistakes.where(docx.Document(BytesIO(data)), spot.number)
    elif "header" in mistake.part:
        place = Message("the header of a page")
    elif "footer" in mistake.part:
        place = Message("the footer of a page")
    return mistakes.finding(name, mistake.cause, place, spot.tag)


def _settled(data: bytes) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name, _MEMBERS), source.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()
