"""A document as a Word file (`.docx`, by the package python-docx), laid out as official documents in China are.

Headings have the styles of headings, so that Word and WPS list them; headers of tables are repeated on each page, rows
are not split, pages are numbered. Fonts are named for Latin and for Chinese text: 黑体 for headings, 仿宋 for text, as
in GB/T 9704 (党政机关公文格式). The same document gives the same bytes.
"""

from __future__ import annotations

import datetime as dt
import zipfile
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from kpi.errors import DataError, Diagnostic, Message
from kpi.report.language import current, tr
from kpi.report.paper.model import Cell, Column, Paper, Paragraph, Same, Section, Table, inert

if TYPE_CHECKING:
    from docx.document import Document

#: Fonts for Latin letters and for Chinese: of the title and the headings, of text.
_HEADINGS, _TEXT = ("Arial", "黑体"), ("Times New Roman", "仿宋")
#: Sizes in points, of a page of text and of tables.
_TITLE, _HEADING, _BODY, _REMARK, _CELL = 18, 14, 12, 9, 9
#: The size in tables with more columns than that.
_SMALL, _MANY = 8, 14
#: The size of A4 and its margins, in mm; official documents have wider ones, which leave less to tables.
_SHORT, _LONG, _MARGIN = 210, 297, 22
#: Twentieths of a point in a mm, the unit of widths.
_TWIPS = 1440 / 25.4
#: The time of creation is constant, so that equal content gives equal bytes.
_CREATED = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - the file format has no time zones
_MEMBERS = (1980, 1, 1, 0, 0, 0)
_SHADE = "E8EEF7"


def word(paper: Paper, /) -> bytes:
    """Return a document as a Word file.

    Raises:
        DataError: K510, python-docx is not installed.
    """
    try:
        import docx
    except ImportError as error:
        hint = Message("pip install {name}, or write .md", name="python-docx")
        message = Message("writing a Word document needs the package `{name}`", name="python-docx")
        raise DataError(Diagnostic("K510", message, hint=hint)) from error
    document = docx.Document()
    _styles(document)
    _properties(document, paper)
    document.add_paragraph(inert(paper.title), "Title")
    if paper.subtitle:
        document.add_paragraph(inert(paper.subtitle), "Subtitle")
    numbered = paper.numbered
    wide = bool(numbered) and numbered[0][1].wide
    _page(document.sections[0], wide=wide)
    for heading, section in numbered:
        if section.wide != wide:
            wide = section.wide
            _page(document.add_section(), wide=wide)
        document.add_paragraph(heading, "Heading 1")
        _fill(document, section)
    for part in document.sections:
        part.footer.is_linked_to_previous = True
    _footer(document, paper.margin)
    return _settled(document)


# ---- THE DOCUMENT ---- #


def _styles(document: Document) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    styles = document.styles
    _font(styles["Normal"], _TEXT, _BODY)
    styles["Normal"].paragraph_format.space_after = Pt(4)
    styles["Normal"].paragraph_format.line_spacing = 1.3
    for name, size in (("Title", _TITLE), ("Heading 1", _HEADING), ("Heading 2", _BODY)):
        _font(styles[name], _HEADINGS, size)
        styles[name].font.bold = name != "Title"
        styles[name].paragraph_format.keep_with_next = True
    _font(styles["Subtitle"], _TEXT, _BODY)
    styles["Subtitle"].font.italic = False
    for name in ("Title", "Subtitle"):
        styles[name].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
        styles[name].paragraph_format.space_after = Pt(10)
        _unruled(styles[name])
    _font(styles["Caption"], _HEADINGS, _CELL + 1)
    styles["Caption"].paragraph_format.keep_with_next = True
    styles["Heading 1"].paragraph_format.space_before = Pt(14)
    styles["Heading 1"].paragraph_format.space_after = Pt(6)


def _font(style: Any, fonts: tuple[str, str], size: float) -> None:
    """Give a style its fonts, and no colour; themes, which would go before the names of fonts, are taken out."""
    from docx.oxml.ns import qn
    from docx.shared import Pt, RGBColor

    latin, chinese = fonts
    style.font.name, style.font.size, style.font.color.rgb = latin, Pt(size), RGBColor(0, 0, 0)
    named = style.element.get_or_add_rPr().get_or_add_rFonts()
    for key in [key for key in named.attrib if key.endswith("Theme")]:
        del named.attrib[key]
    for key, font in (("w:ascii", latin), ("w:hAnsi", latin), ("w:cs", latin), ("w:eastAsia", chinese)):
        named.set(qn(key), font)
    spacing = style.element.rPr.find(qn("w:spacing"))
    if spacing is not None:
        style.element.rPr.remove(spacing)


def _unruled(style: Any) -> None:
    """Take away the line that the template draws below a title."""
    from docx.oxml.ns import qn

    properties = style.element.get_or_add_pPr()
    if (rule := properties.find(qn("w:pBdr"))) is not None:
        properties.remove(rule)


def _properties(document: Document, paper: Paper) -> None:
    core = document.core_properties
    core.title, core.subject, core.author, core.comments = inert(paper.title)[:255], inert(paper.subtitle)[:255], "", ""
    core.created = core.modified = _CREATED
    core.language = "zh-CN" if current() == "zh" else "en"


def _page(section: Any, *, wide: bool) -> None:
    from docx.enum.section import WD_ORIENT
    from docx.shared import Mm

    section.orientation = WD_ORIENT.LANDSCAPE if wide else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = (Mm(_LONG), Mm(_SHORT)) if wide else (Mm(_SHORT), Mm(_LONG))
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Mm(_MARGIN)


def _footer(document: Document, margin: str) -> None:
    """Write the margin and the number of the page below each page."""
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    footer = document.sections[0].footer
    footer.is_linked_to_previous = False
    line = footer.paragraphs[0]
    line.alignment = WD_ALIGN_PARAGRAPH.CENTER
    # Private signs of Unicode keep the places of the fields.
    words = tr("{margin}  page {page} of {pages}", margin=inert(margin), page="\ue000", pages="\ue001").strip()
    before, _, rest = words.partition("\ue000")
    between, _, after = rest.partition("\ue001")
    for text, code in ((before, "PAGE"), (between, "NUMPAGES"), (after, "")):
        line.add_run(text).font.size = Pt(_REMARK)
        if code:
            _field(line, code)


def _field(line: Any, code: str) -> None:
    """Append a field, which Word computes."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Pt

    for kind in ("begin", "", "separate", "shown", "end"):
        run = line.add_run("1" if kind == "shown" else "")
        run.font.size = Pt(_REMARK)
        if kind == "shown":
            continue
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = code
        run._r.append(mark)  # noqa: SLF001 - no public name for the element of a run


def _settled(document: Document) -> bytes:
    """Return the file with members of one time, in place of that of writing."""
    written, out = BytesIO(), BytesIO()
    document.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name, _MEMBERS), source.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


# ---- SECTIONS ---- #


def _fill(document: Document, section: Section) -> None:
    from docx.shared import Pt

    for part, following in zip(section.parts, [*section.parts[1:], None], strict=True):
        if isinstance(part, Paragraph):
            line = document.add_paragraph()
            # What introduces a table is not left alone at the end of a page.
            line.paragraph_format.keep_with_next = isinstance(following, Table)
            run = line.add_run(inert(part.text))
            if part.remark:
                run.font.size = Pt(_REMARK)
            elif current() == "zh":
                # Two signs, as Chinese text is indented.
                line.paragraph_format.first_line_indent = Pt(2 * _BODY)
        else:
            if part.caption:
                document.add_paragraph(inert(part.caption), "Caption")
            _table(document, part, (_LONG if section.wide else _SHORT) - 2 * _MARGIN)
            document.add_paragraph().paragraph_format.space_after = Pt(0)


def _table(document: Document, table: Table, width: float) -> None:
    """Append a table of a width in mm, written as XML: python-docx takes the square of its rows to fill it."""
    from docx.oxml.ns import qn

    widths = [round(share * width * _TWIPS) for share in table.widths]
    size = _SMALL if len(widths) > _MANY else _CELL
    result = document.add_table(rows=0, cols=len(widths), style="Table Grid")
    result.autofit = False
    for column, twips in zip(result._tbl.tblGrid.gridCol_lst, widths, strict=True):  # noqa: SLF001 - as in `_field`
        column.set(qn("w:w"), str(twips))
    body = result._tbl  # noqa: SLF001
    header = [
        _cell(item.heading, twips, size, head=True, align="center")
        for item, twips in zip(table.columns, widths, strict=True)
    ]
    body.append(_row(header, repeated=True))
    starts = {(first, place) for place in range(len(widths)) for first, _ in table.merged(place)}
    for number, row in enumerate(table.rows):
        cells = [
            _of_column(column, cell, twips, size, starts=(number, place) in starts)
            for place, (column, cell, twips) in enumerate(zip(table.columns, row, widths, strict=True))
        ]
        body.append(_row(cells, repeated=False))


def _row(cells: Iterable[Any], *, repeated: bool) -> Any:
    from docx.oxml import OxmlElement

    row = OxmlElement("w:tr")
    properties = OxmlElement("w:trPr")
    properties.append(OxmlElement("w:cantSplit"))
    if repeated:
        properties.append(OxmlElement("w:tblHeader"))
    row.append(properties)
    for cell in cells:
        row.append(cell)
    return row


def _of_column(column: Column, cell: Cell, twips: int, size: int, *, starts: bool) -> Any:
    merge = "continue" if isinstance(cell, Same) else "restart" if starts else ""
    align = "right" if isinstance(cell, float | int) else column.align
    return _cell(column.shown(cell), twips, size, align=align, merge=merge)


def _cell(text: str, twips: int, size: int, *, head: bool = False, align: str = "left", merge: str = "") -> Any:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    def element(name: str, **attributes: object) -> Any:
        result = OxmlElement(f"w:{name}")
        for key, value in attributes.items():
            result.set(qn(f"w:{key}"), str(value))
        return result

    cell, properties = element("tc"), element("tcPr")
    properties.append(element("tcW", w=twips, type="dxa"))
    if merge:
        properties.append(element("vMerge", val=merge))
    if head:
        properties.append(element("shd", val="clear", color="auto", fill=_SHADE))
    properties.append(element("vAlign", val="center"))
    cell.append(properties)
    line, about = element("p"), element("pPr")
    about.append(element("spacing", before=20, after=20, line=240, lineRule="auto"))
    about.append(element("jc", val=align))
    # The mark of the paragraph has a size too, which decides on the height of blank cells.
    mark = element("rPr")
    mark.append(element("sz", val=2 * size))
    about.append(mark)
    line.append(about)
    run, of_run = element("r"), element("rPr")
    if head:
        latin, chinese = _HEADINGS
        of_run.append(element("rFonts", ascii=latin, hAnsi=latin, cs=latin, eastAsia=chinese))
    of_run.append(element("sz", val=2 * size))
    words = element("t")
    words.text = inert(text)
    words.set(qn("xml:space"), "preserve")
    run.append(of_run)
    run.append(words)
    line.append(run)
    cell.append(line)
    return cell
