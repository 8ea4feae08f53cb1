"""Write the templates of bulletins (通报): Word and Markdown, Chinese and English, from one outline.

    python docs/bulletin_templates.py

The layout is that of GB/T 9704 (党政机关公文格式): A4 with margins of 37, 35, 28 and 26 mm, the title in 小标宋 of 22 points,
text in 仿宋 of 16 points on lines of 28.95 points, 22 a page, headings in 黑体 and 楷体, numbers of pages between dashes, those of odd
pages at the right. Templates of bureaus begin as a copy of one of these; Word edits them.
"""

from __future__ import annotations

import datetime as dt
import sys
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import docx
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.enum.style import WD_STYLE_TYPE
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_LINE_SPACING
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor

FOLDER = Path(__file__).parents[1] / "kpi/report/bulletin"
LANGUAGES = ("zh", "en")
#: The body of a page in mm, upright and across.
UPRIGHT, ACROSS = 156, 225
#: The distance of lines in points: 22 of them fit into the 225 mm of a page, with 29 points only 21 would.
PITCH = 28.95

TITLE = ("Times New Roman", "方正小标宋简体")
TEXT, FIRST, SECOND, SERIF = (("Times New Roman", name) for name in ("仿宋", "黑体", "楷体", "宋体"))

#: The sides of texts in cells.
LEFT, CENTER = "left", "center"
#: The width of a title in half-width signs beyond which its last word stands on a line of its own: 20 signs of 22
#: points fit into a line.
LONG_TITLE = 32


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        heading: of its column.
        text: what stands in each row.
        width: relative to others.
        side: of the text.
        when: the condition under which the table has the column, empty for always.
    """

    heading: str
    text: str
    width: float
    side: str
    when: str = ""


class Word:
    """An outline as a Word document."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.document = docx.Document()
        self.width = UPRIGHT
        section = self.document.sections[0]
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.top_margin, section.bottom_margin, section.left_margin, section.right_margin = map(Mm, (37, 35, 28, 26))
        section.footer_distance = Mm(25)
        self._languages()
        self._styles()
        self._footers()

    def _languages(self) -> None:
        """Set the languages of the texts: programs choose Chinese glyphs by them where a font is not installed."""
        # Numbers are set as English: as Chinese, LibreOffice ends lines between their digits.
        for name in ("w:lang", "w:themeFontLang"):
            for part in (self.document.styles.element, self.document.settings.element):
                for language in part.iter(qn(name)):
                    language.set(qn("w:val"), "en-US")
                    language.set(qn("w:eastAsia"), "zh-CN")

    def _styles(self) -> None:
        styles = self.document.styles
        _font(styles["Normal"], TEXT, 16)
        _spacing(styles["Normal"], PITCH)
        for name, fonts, size in (("Title", TITLE, 22), ("Heading 1", FIRST, 16), ("Heading 2", SECOND, 16)):
            style = styles[name]
            _font(style, fonts, size)
            style.font.bold = False
            _spacing(style, 36 if name == "Title" else PITCH)
            style.paragraph_format.keep_with_next = True
            if (rule := style.element.get_or_add_pPr().find(qn("w:pBdr"))) is not None:
                style.element.pPr.remove(rule)
        styles["Title"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
        for name in ("Heading 1", "Heading 2"):
            styles[name].paragraph_format.first_line_indent = Pt(32)
        for name, base, size in (("Bulletin Text", TEXT, 16), ("Bulletin Dateline", SECOND, 16),
                                 ("Bulletin Caption", FIRST, 12), ("Bulletin Cell", TEXT, 9.5),
                                 ("Bulletin Head", FIRST, 9.5), ("Bulletin Note", TEXT, 10.5),
                                 ("Bulletin Mark", FIRST, 16)):  # fmt: skip
            style = styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH)
            style.base_style = styles["Normal"]
            _font(style, base, size)
            if size < 16:
                _spacing(style, {12: 24, 10.5: 18}.get(size, 13))
        styles["Bulletin Text"].paragraph_format.first_line_indent = Pt(32)
        styles["Bulletin Text"].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
        for name in ("Bulletin Dateline", "Bulletin Caption", "Bulletin Head"):
            styles[name].paragraph_format.alignment = WD_ALIGN_PARAGRAPH.CENTER
        for name in ("Bulletin Cell", "Bulletin Head"):
            styles[name].paragraph_format.space_before = styles[name].paragraph_format.space_after = Pt(1.5)
        styles["Bulletin Caption"].paragraph_format.keep_with_next = True
        styles["Bulletin Caption"].paragraph_format.space_before = Pt(6)

    def _footers(self) -> None:
        """Write `— 1 —`, one sign from the outer edge."""
        self.document.settings.odd_and_even_pages_header_footer = True
        section = self.document.sections[0]
        for footer, side in (
            (section.footer, WD_ALIGN_PARAGRAPH.RIGHT),
            (section.even_page_footer, WD_ALIGN_PARAGRAPH.LEFT),
        ):
            line = footer.paragraphs[0]
            line.alignment = side
            line.paragraph_format.left_indent = line.paragraph_format.right_indent = Pt(14)
            for text, code in (("— ", ""), ("", "PAGE"), (" —", "")):
                run = line.add_run(text)
                _named(run, SERIF, 14)
                if code:
                    field = OxmlElement("w:fldSimple")
                    field.set(qn("w:instr"), code)
                    run.text = "1"
                    line._p.remove(run._r)
                    field.append(run._r)
                    line._p.append(field)

    def title(self, *lines: str) -> None:
        for line in lines:
            self.document.add_paragraph(line, "Title")

    def dateline(self, text: str) -> None:
        self.document.add_paragraph(text, "Bulletin Dateline")
        self.document.add_paragraph("", "Bulletin Dateline")

    def head(self, level: int, text: str) -> None:
        self.document.add_paragraph(text, f"Heading {level}")

    def text(self, text: str) -> None:
        self.document.add_paragraph(text, "Bulletin Text")

    def note(self, text: str) -> None:
        self.document.add_paragraph(text, "Bulletin Note")

    def block(self, statement: str) -> None:
        """Write a statement that takes no room of its own."""
        self.document.add_paragraph(f"{{%p {statement} %}}", "Bulletin Note")

    def annex(self, mark: str, title: str, *, across: bool = False) -> None:
        """Begin an annex on a page of its own, upright or across."""
        self.width = ACROSS if across else UPRIGHT
        section = self.document.add_section(WD_SECTION.NEW_PAGE)
        section.orientation = WD_ORIENT.LANDSCAPE if across else WD_ORIENT.PORTRAIT
        section.page_width, section.page_height = (Mm(297), Mm(210)) if across else (Mm(210), Mm(297))
        edges = (28, 26, 35, 37) if across else (37, 35, 28, 26)
        section.top_margin, section.bottom_margin, section.left_margin, section.right_margin = map(Mm, edges)
        section.footer_distance = Mm(17 if across else 25)
        self.document.add_paragraph(mark, "Bulletin Mark")
        self.document.add_paragraph(title, "Title")

    def table(
        self, caption: str, loop: str, cells: Sequence[Cell], repeated: tuple[str, str, str] | None = None
    ) -> None:
        """Write a table with a row for each turn of a loop.

        Args:
            caption: above the table.
            loop: such as `line in group.lines`.
            cells: the columns.
            repeated: a loop over further columns, with the heading and the text of each, after the others.
        """
        if caption:
            self.document.add_paragraph(caption, "Bulletin Caption")
        # Cells of tags are taken out before the table is written, so their width does not matter.
        columns: list[Cell] = []
        for cell in cells:
            columns += [_tag(f"if {cell.when}"), cell, _tag("endif")] if cell.when else [cell]
        if repeated:
            over, heading, text = repeated
            columns += [_tag(f"for {over}"), Cell(heading, text, 3, CENTER), _tag("endfor")]
        fitted = len(columns) > len(cells)
        whole = sum(item.width for item in columns)
        created = self.document.add_table(rows=0, cols=len(columns), style="Table Grid")
        created.alignment = 1
        _tight(created)
        # Where the number of columns depends on the data, they share the width as their texts need it.
        created.autofit = fitted
        for number, texts in enumerate(([item.heading for item in columns], [f"{{%tr for {loop} %}}"],
                                        [item.text for item in columns], ["{%tr endfor %}"])):  # fmt: skip
            row = created.add_row()
            for mark in ("w:cantSplit", "w:tblHeader")[: 1 + (number == 0)]:
                row._tr.get_or_add_trPr().append(OxmlElement(mark))
            for place, cell in enumerate(row.cells):
                line = cell.paragraphs[0]
                line.style = self.document.styles["Bulletin Head" if number == 0 else "Bulletin Cell"]
                line.add_run(texts[place] if place < len(texts) else "")
                if columns[place].side == CENTER:
                    line.alignment = WD_ALIGN_PARAGRAPH.CENTER
                cell.vertical_alignment = 1
                if fitted:
                    _unsized(cell)
                else:
                    cell.width = Mm(columns[place].width / whole * self.width)
        widest = sum(max(item.width, 1) for item in columns)
        for column, item in zip(created._tbl.tblGrid.gridCol_lst, columns, strict=True):
            column.set(qn("w:w"), str(round(max(item.width, 1) / widest * self.width * 1440 / 25.4)))
        gap = self.document.add_paragraph("", "Bulletin Note")
        gap.paragraph_format.line_spacing = Pt(10)

    def save(self, path: Path) -> None:
        core = self.document.core_properties
        core.author, core.comments, core.title = "", "", ""
        core.created = core.modified = dt.datetime(2000, 1, 1)  # noqa: DTZ001 - the file format has no time zones
        core.language = "zh-CN" if self.language == "zh" else "en"
        written = BytesIO()
        self.document.save(written)
        with zipfile.ZipFile(written) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
            for name in source.namelist():
                target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source.read(name), zipfile.ZIP_DEFLATED)


def _tag(statement: str) -> Cell:
    """Return a cell that begins or ends columns."""
    return Cell(f"{{%tc {statement} %}}", f"{{%tc {statement} %}}", 0, CENTER)


def _font(style: Any, fonts: tuple[str, str], size: float) -> None:
    style.font.size, style.font.color.rgb = Pt(size), RGBColor(0, 0, 0)
    named = style.element.get_or_add_rPr().get_or_add_rFonts()
    for key in [key for key in named.attrib if key.endswith("Theme")]:
        del named.attrib[key]
    for key, font in (("ascii", fonts[0]), ("hAnsi", fonts[0]), ("cs", fonts[0]), ("eastAsia", fonts[1])):
        named.set(qn(f"w:{key}"), font)


def _named(run: Any, fonts: tuple[str, str], size: float) -> None:
    run.font.size, run.font.name = Pt(size), fonts[0]
    run._r.rPr.rFonts.set(qn("w:eastAsia"), fonts[1])


def _spacing(style: Any, points: float) -> None:
    shape = style.paragraph_format
    # Exact lines cut signs that are higher than the line; small type has room enough.
    shape.line_spacing_rule = WD_LINE_SPACING.EXACTLY if points >= 24 else WD_LINE_SPACING.AT_LEAST
    shape.line_spacing, shape.space_before, shape.space_after = Pt(points), Pt(0), Pt(0)


def _tight(table: Any) -> None:
    """Give the cells of a table margins of 1 mm at the sides."""
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), "57")
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    properties = table._tbl.tblPr
    if (look := properties.find(qn("w:tblLook"))) is not None:
        look.addprevious(margins)
    else:
        properties.append(margins)


def _unsized(cell: Any) -> None:
    width = cell._tc.get_or_add_tcPr().get_or_add_tcW()
    width.set(qn("w:type"), "auto")
    width.set(qn("w:w"), "0")


class Markdown:
    """An outline as Markdown."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, *lines: str) -> None:
        """Append lines of text; a plus in a tag at the end keeps the end of the line, which is left out after tags."""
        self.lines += [f"{line[:-2]}+%}}" if line.endswith("%}") else line for line in lines]

    def title(self, *lines: str) -> None:
        self.write(f"# {''.join(lines)}", "")

    def dateline(self, text: str) -> None:
        self.write(text, "")

    def head(self, level: int, text: str) -> None:
        self.write(f"{'#' * (level + 1)} {text}", "")

    def text(self, text: str) -> None:
        self.write(text, "")

    note = text

    def block(self, statement: str) -> None:
        self.lines.append(f"{{% {statement} %}}")

    def annex(self, mark: str, title: str, *, across: bool = False) -> None:  # noqa: ARG002 - as for Word
        self.head(1, f"{mark} {title}")

    def table(
        self, caption: str, loop: str, cells: Sequence[Cell], repeated: tuple[str, str, str] | None = None
    ) -> None:
        if caption:
            self.write(f"**{caption}**", "")
        for kind in range(3):
            row = "|"
            for item in cells:
                part = f" {(item.heading, '---', item.text)[kind]} |"
                row += f"{{% if {item.when} %}}{part}{{% endif %}}" if item.when else part
            if repeated:
                over, heading, text = repeated
                row += f"{{% for {over} %}} {(heading, '---', text)[kind]} |{{% endfor %}}"
            if kind == 2:
                self.block(f"for {loop}")
            self.write(row)
        self.block("endfor")
        self.write("")

    def save(self, path: Path) -> None:
        path.write_text("\n".join(self.lines), encoding="utf-8")


def outline(out: Any, language: str) -> None:
    """Write the whole bulletin."""

    def t(chinese: str, english: str) -> str:
        return chinese if language == "zh" else english

    def section(chinese: str, english: str) -> None:
        out.head(1, "{% set at.n = at.n + 1 %}{{ at.n | numeral }}" + t(f"、{chinese}", f". {english}"))

    def listed(loop: str, text: str, between: tuple[str, str] = ("、", ", ")) -> str:
        """Return a list in a sentence; of more than 20 the first, and how many there are."""
        every = loop.partition(" in ")[2]
        more = t(f"等{{{{ {every} | length }}}}个", f" and {{{{ {every} | length - 20 }}}} more")
        return (
            f"{{% for {loop}[:20] %}}{text}{{% if not loop.last %}}{t(*between)}{{% endif %}}{{% endfor %}}"
            f"{{% if {every} | length > 20 %}}{more}{{% endif %}}"
        )

    numbered = t("（{{ loop.index | numeral }}）", "({{ loop.index }}) ")
    out.block("set at = namespace(n=0)")
    if language == "zh":
        out.block(f"if title | breadth > {LONG_TITLE} and not title.endswith('通报')")
        out.title("{{ title }}", "情况通报")
        out.block("else")
        out.title("{{ title }}{% if not title.endswith('通报') %}情况通报{% endif %}")
        out.block("endif")
    else:
        out.title("Bulletin: {{ title }}")
    out.dateline(t("（{{ period }}）", "({{ period }})"))
    out.text(
        t(
            "{% if document %}根据{{ issuer }}{% if '《' in document %}{{ document }}{% else %}《{{ document }}》{% endif %}"
            "{% if number %}（{{ number }}）{% endif %}，{% endif %}对{{ units }}个{{ entities }}{{ period }}的{{ indicators }}"
            "项指标进行了评价。现将有关情况通报如下。",
            "{% if document %}Under {{ document }}{% if issuer or number or dated %} ("
            "{% if issuer %}{{ issuer }}{% if number or dated %}, {% endif %}{% endif %}"
            "{% if number %}{{ number }}{% if dated %}, {% endif %}{% endif %}{{ dated }}){% endif %}, {% endif %}"
            "{{ units }} unit{% if units == 1 %} ({{ entities }}) has{% else %}s ({{ entities }}) have{% endif %} been "
            "assessed on {{ indicators }} indicators for {{ period }}.",
        )
    )
    _overall(out, t, section, listed, numbered)
    _parts(out, t, section, numbered)
    _targets(out, t, section)
    _levels(out, t, section)
    _rankings(out, t, section)
    _warnings(out, t, section, listed)
    _findings(out, t, section)
    _annexes(out, t)


def _overall(out: Any, t: Any, section: Any, listed: Any, numbered: str) -> None:
    section("总体情况", "Overall")
    out.block("if not groups")
    out.text(t("本期没有可以排名的得分。", "There are no scores to rank."))
    out.block("endif")
    out.block("for group in groups")
    out.block("if group.name")
    out.head(2, numbered + "{{ group.name }}")
    out.block("endif")
    out.text(
        t(
            "{{ group.units }}个{{ group.name or entities }}中，{{ group.rated }}个有得分"
            "{% if group.rated %}，平均得分{{ group.mean }}分（满分{{ full }}分）"
            "{% if group.change %}，{{ group.change | change('比上期提高@分', '比上期下降@分', '与上期持平') }}{% endif %}"
            "{% if group.year %}，{{ group.year | change('比上年同期提高@分', '比上年同期下降@分', '与上年同期持平') }}{% endif %}。"
            "{% if group.rated > 1 %}最高的是{{ group.highest_units | names(10) }}，{{ group.highest.score }}分；最低的是{{ group.lowest_units | names(10) }}，"
            "{{ group.lowest.score }}分；相差{{ group.spread }}分。{% endif %}{% else %}。{% endif %}",
            "Of {{ group.units }} unit{% if group.units != 1 %}s{% endif %}{% if group.name %} ({{ group.name }}){% endif %}, "
            "{{ group.rated }} {% if group.rated == 1 %}has{% else %}have{% endif %} a score"
            "{% if group.rated %}; the mean is {{ group.mean }} of {{ full }} points"
            "{% if group.change %}, {{ group.change | change('up @ on', 'down @ on', 'unchanged from') }} {{ before }}{% endif %}"
            "{% if group.year %}, {{ group.year | change('up @ on', 'down @ on', 'unchanged from') }} {{ year_before }}{% endif %}."
            "{% if group.rated > 1 %} The highest score is {{ group.highest.score }} ({{ group.highest_units | names(10) }}), the lowest "
            "{{ group.lowest.score }} ({{ group.lowest_units | names(10) }}), a difference of {{ group.spread }} points.{% endif %}"
            "{% else %}.{% endif %}",
        )
    )
    each = listed(
        "line in group.first", t("{{ line.unit }}（{{ line.score }}分）", "{{ line.unit }} ({{ line.score }})")
    )
    end = listed("line in group.last", t("{{ line.unit }}（{{ line.score }}分）", "{{ line.unit }} ({{ line.score }})"))
    out.block("if group.rated > 1")
    out.text(
        t(
            f"位列前{{{{ group.first | length }}}}位的是：{each}。{{% if group.last %}}"
            f"{{% if group.last | length > 1 %}}位列后{{{{ group.last | length }}}}位的是{{% else %}}位列末位的是{{% endif %}}：{end}。{{% endif %}}",
            f"In front: {each}.{{% if group.last %}} At the end: {end}.{{% endif %}}",
        )
    )
    out.block("endif")
    up, down = (listed(f"one in group.{side}", t("{{ one.unit }}（@{{ one.places }}位）".replace("@", sign),
                                                 "{{ one.unit }} ({{ one.places }})"))
                for side, sign in (("up", "升"), ("down", "降")))  # fmt: skip
    out.block("if group.up or group.down")
    out.text(
        t(
            f"{{% if against %}}{{{{ against }}}}，{{% else %}}与上期相比，{{% endif %}}{{% if group.up %}}位次上升的有：{up}{{% endif %}}{{% if group.up and group.down %}}；{{% endif %}}"
            f"{{% if group.down %}}位次下降的有：{down}{{% endif %}}。",
            f"{{% if against and (group.up or group.down) %}}Places {{{{ against }}}}. {{% endif %}}"
            f"{{% if group.up %}}Moved up: {up}.{{% endif %}}{{% if group.up and group.down %}} {{% endif %}}"
            f"{{% if group.down %}}Moved down: {down}.{{% endif %}}",
        )
    )
    out.block("endif")
    out.table(
        t("{{ group.name }}得分与位次", "Scores and places{% if group.name %}: {{ group.name }}{% endif %}"),
        "line in group.lines",
        [
            Cell(t("位次", "Place"), "{{ line.rank }}", 1.6, CENTER),
            Cell(t("升降", "Move"), "{{ line.move | dash }}", 1.6, CENTER, "group.moved"),
            Cell("{{ entities }}", "{{ line.unit }}", 4.5, LEFT),
            Cell(t("得分", "Score"), "{{ line.score }}", 2.2, CENTER),
            Cell(t("比上期", "On {{ before }}"), "{{ line.change | dash }}", 2.2, CENTER, "before"),
            Cell(t("比上年同期", "On {{ year_before }}"), "{{ line.year | dash }}", 2.4, CENTER, "year_before"),
            Cell(t("{% if named %}等次{% else %}星级{% endif %}", "{% if named %}Grade{% else %}Stars{% endif %}"),
                 "{{ line.level | dash }}", 3, CENTER, "rated"),
            Cell(t("备注", "Remarks"), "{{ line.note }}", 3, LEFT, "group.noted"),
        ],
    )  # fmt: skip
    out.block("if group.more")
    out.note(t("另有{{ group.more }}个未列。", "{{ group.more }} more are not listed."))
    out.block("endif")
    out.block("if group.intervals")
    out.note("{{ group.intervals }}")
    out.block("endif")
    out.block("endfor")


def _indicators(out: Any, t: Any, indicators: str) -> None:
    """Write the table of some indicators, without the columns in which none of them has anything."""
    for name in ("target", "judged", "best"):
        out.block(f"set at.{name} = {indicators} | selectattr('{name}') | list | length > 0")

    def end(name: str) -> str:
        """Return who is at an end, and the value apart from them: the number of units that share it is none."""
        names, value = f"{{{{ one.{name} | names(2) }}}}", f"{{{{ one.{name}_value }}}}"
        return f"{{% if one.{name} %}}{names}{t('：', ': ')}{value}{{% else %}}—{{% endif %}}"

    out.table(
        "",
        f"one in {indicators}",
        [
            Cell(t("指标", "Indicator"), "{{ one.title }}", 5, LEFT),
            Cell(t("平均", "Mean"), "{{ one.mean | dash }}", 2.3, CENTER),
            Cell(t("环比", "On before"), "{{ one.change | short }}", 2.1, CENTER, "before"),
            Cell(t("同比", "On year"), "{{ one.year | short }}", 2.1, CENTER, "year_before"),
            Cell(t("目标", "Target"), "{{ one.target | dash | breaks }}", 3.2, CENTER, "at.target"),
            Cell(t("达标", "Met"), "{% if one.judged %}{{ one.reached }}/{{ one.judged }}{% else %}—{% endif %}", 1.7,
                 CENTER, "at.judged"),
            Cell(t("最好", "Best"), end("best"), 3, CENTER, "at.best"),
            Cell(t("最差", "Worst"), end("worst"), 3, CENTER, "at.best"),
        ],
    )  # fmt: skip


def _parts(out: Any, t: Any, section: Any, numbered: str) -> None:
    section("分项与指标情况", "Pillars and indicators")
    out.note(
        t(
            "表中“平均”为各{{ entities }}的简单平均，任务类指标为完成数/应完成数；"
            "{% if before or year_before %}{% if before %}环比{% endif %}{% if before and year_before %}、{% endif %}"
            "{% if year_before %}同比{% endif %}按前后两期均有数的计算，百分比、位次、分值为增减（百分比为百分点），其余为增长率；"
            "{% if before %}环比与{{ before }}比{% endif %}{% if before and year_before %}，{% endif %}"
            "{% if year_before %}同比与{{ year_before }}比{% endif %}{% else %}无上期数和上年同期数{% endif %}。",
            "Means are simple means of the units; of tasks they are how many have been done. {% if before or year_before %}"
            "Changes are over the units with a value in both periods: differences of percentages (in percentage points), places "
            "and marks, growth of all others{% if before %}; on before: {{ before }}{% endif %}"
            "{% if year_before %}; on year: {{ year_before }}{% endif %}{% else %}There are no figures of the period before, or "
            "of a year before{% endif %}.",
        )
    )
    out.block("for part in parts")
    out.head(2, numbered + "{{ part.title }}")
    out.text(
        t(
            "{% if part.mean %}平均得分率{{ part.mean }}%"
            "{% if part.change %}，{{ part.change | change('比上期提高@个百分点', '比上期下降@个百分点', '与上期持平') }}{% endif %}"
            "{% if part.year %}，{{ part.year | change('比上年同期提高@个百分点', '比上年同期下降@个百分点', '与上年同期持平') }}{% endif %}"
            "{% if part.best %}；最高的是{{ part.best | names(3) }}（{{ part.best_score }}%），最低的是{{ part.worst | names(3) }}"
            "（{{ part.worst_score }}%）{% endif %}。{% else %}本期没有得分。{% endif %}"
            "{% if part.compared %}与上期可比的{{ part.compared }}项指标中，{% if part.better or part.poorer %}"
            "{% if part.better %}{{ part.better }}项好于上期{% else %}没有好于上期的{% endif %}，"
            "{% if part.poorer %}{{ part.poorer }}项不及上期{% else %}没有不及上期的{% endif %}{% else %}均与上期持平{% endif %}。{% endif %}",
            "{% if part.mean %}The mean is {{ part.mean }}% of full marks"
            "{% if part.change %}, {{ part.change | change('up @ percentage points on', 'down @ percentage points on', 'unchanged from') }} "
            "{{ before }}{% endif %}"
            "{% if part.year %}, {{ part.year | change('up @ percentage points on', 'down @ percentage points on', 'unchanged from') }} "
            "{{ year_before }}{% endif %}"
            "{% if part.best %}; best: {{ part.best | names(3) }} ({{ part.best_score }}%), worst: {{ part.worst | names(3) }} "
            "({{ part.worst_score }}%){% endif %}.{% else %}There is no score.{% endif %}"
            "{% if part.compared %} Of the indicators, {{ part.compared }} can be compared with {{ before }}: {{ part.better }} better, "
            "{{ part.poorer }} worse.{% endif %}",
        )
    )
    _indicators(out, t, "part.indicators")
    out.block("endfor")
    out.block("if others")
    out.head(
        2,
        t(
            "（{{ (parts | length + 1) | numeral }}）不计入分项的指标",
            "({{ parts | length + 1 }}) Indicators outside the pillars",
        ),
    )
    _indicators(out, t, "others")
    out.block("endif")


def _targets(out: Any, t: Any, section: Any) -> None:
    out.block("if progress")
    section("目标完成与进度情况", "Targets and schedule")
    out.text(
        t(
            "按指标和{{ entities }}逐项判断，{{ judged }}项次中有{{ reached }}项次达到目标。"
            "{% if green or yellow or red %}对照时间进度，绿灯{{ green }}项次、黄灯{{ yellow }}项次、红灯{{ red }}项次。"
            "{% else %}本期没有按时间进度判断的指标。{% endif %}",
            "Of {{ judged }} targets, counted for each unit, {{ reached }} have been reached."
            "{% if green or yellow or red %} Against the schedule, {{ green }} are green, {{ yellow }} yellow and {{ red }} red."
            "{% else %} No indicator has a schedule in this period.{% endif %}",
        )
    )
    lights = "green or yellow or red"
    out.table(
        t("各{{ entities }}目标完成与进度", "Targets and schedule by unit"),
        "one in progress",
        [
            Cell("{{ entities }}", "{{ one.unit }}", 5, LEFT),
            Cell(t("达到目标", "Reached"), "{{ one.reached }}/{{ one.judged }}", 2, CENTER, "judged"),
            Cell(t("绿灯", "Green"), "{{ one.green }}", 1.5, CENTER, lights),
            Cell(t("黄灯", "Yellow"), "{{ one.yellow }}", 1.5, CENTER, lights),
            Cell(t("红灯", "Red"), "{{ one.red }}", 1.5, CENTER, lights),
            Cell(t("红灯指标", "Red indicators"), "{{ one.behind | names(3) | dash }}", 7, LEFT, "red"),
        ],
    )  # fmt: skip
    out.block("if more_progress")
    out.note(t("另有{{ more_progress }}个未列。", "{{ more_progress }} more are not listed."))
    out.block("endif")
    out.block("endif")


def _levels(out: Any, t: Any, section: Any) -> None:
    out.block("if rated")
    section(
        "{% if named %}等次评定情况{% else %}星级评定情况{% endif %}", "{% if named %}Grades{% else %}Stars{% endif %}"
    )
    out.block("for group in groups")
    each = (
        "{% for level in group.levels %}" + t("{{ level.title }}{{ level.units | length }}个（{{ level.units | names(10) }}）",
        "{{ level.title }}: {{ level.units | length }} ({{ level.units | names(10) }})")
        + "{% if not loop.last %}" + t("，", "; ") + "{% endif %}{% endfor %}"
    )  # fmt: skip
    out.block("if group.levels")
    out.text(t("{% if group.name %}{{ group.name }}：{% endif %}", "{% if group.name %}{{ group.name }}: {% endif %}")
             + each + t("。", "."))  # fmt: skip
    out.block("endif")
    out.block("endfor")
    out.block("if levels")
    out.text(t("评定规则：{{ levels }}。", "The rule: {{ levels }}."))
    out.block("endif")
    out.block("endif")


def _rankings(out: Any, t: Any, section: Any) -> None:
    out.block("if tables")
    section("其他排名与年度得分", "Further rankings and totals over longer periods")
    out.block("for one in tables")
    out.table(
        "{{ one.title }}",
        "row in one.rows",
        [Cell("{{ one.headings[0] }}", "{{ row[0] }}", 3, CENTER)],
        ("at in range(1, one.headings | length)", "{{ one.headings[at] }}", "{{ row[at] | dash }}"),
    )
    out.block("if one.more")
    out.note(t("另有{{ one.more }}个未列。", "{{ one.more }} more are not listed."))
    out.block("endif")
    out.block("endfor")
    out.block("endif")


def _warnings(out: Any, t: Any, section: Any, listed: Any) -> None:
    out.block("if adjustments")
    section("加减分情况", "Bonuses and deductions")
    out.table(
        "",
        "one in adjustments",
        [
            Cell("{{ entities }}", "{{ one.unit }}", 4, LEFT),
            Cell(t("事项", "Reason"), "{{ one.title }}", 8, LEFT),
            Cell(t("分值", "Points"), "{{ one.points }}", 2, CENTER),
        ],
    )  # fmt: skip
    out.block("if more_adjustments")
    out.note(t("另有{{ more_adjustments }}项未列。", "{{ more_adjustments }} more are not listed."))
    out.block("endif")
    out.block("endif")
    section("预警提示", "Warnings")
    out.block("if not (alerts or behind or vetoes or down or unrated or missing)")
    out.text(t("本期没有需要预警的事项。", "There is nothing to warn of."))
    out.block("endif")
    for name, chinese, english in (("alerts", "触发预警", "Alerts"), ("ended", "解除预警", "Alerts that end")):
        each = listed(
            f"one in {name}", t("{{ one.about }}（{{ one.note }}）", "{{ one.about }} ({{ one.note }})"), ("；", "; ")
        )
        out.block(f"if {name}")
        out.text(t(f"{chinese}：{each}。", f"{english}: {each}."))
        out.block("endif")
    out.block("if behind")
    behind = listed("one in behind", t("{{ one.title }}（{{ one.behind | names(5) }}）",
                                       "{{ one.title }} ({{ one.behind | names(5) }})"), ("；", "; "))  # fmt: skip
    out.text(t(f"进度滞后：{behind}。", f"Behind schedule: {behind}."))
    out.block("endif")
    out.block("if vetoes")
    out.text(t("一票否决：", "Vetoes: ") + listed("line in vetoes", t("{{ line.unit }}（{{ line.veto }}）",
                                                                 "{{ line.unit }} ({{ line.veto }})")) + t("。", "."))  # fmt: skip
    out.block("endif")
    out.block("if down")
    out.text(t("位次下降：", "Moved down: ") + listed("one in down", t("{{ one.unit }}（降{{ one.places }}位）",
                                                               "{{ one.unit }} ({{ one.places }})")) + t("。", "."))  # fmt: skip
    out.block("endif")
    out.block("if unrated")
    out.text(t("没有得分：", "Not rated: ") + listed("line in unrated", t("{{ line.unit }}（{{ line.note }}）",
                                                                 "{{ line.unit }} ({{ line.note }})")) + t("。", "."))  # fmt: skip
    out.block("endif")
    out.block("if missing")
    out.text(t("指标缺报：本期缺报指标值{{ missing }}个，均未按零处理。",
               "Not reported: {{ missing }} values of indicators lack data; none of them is taken for zero."))  # fmt: skip
    out.block("endif")


def _findings(out: Any, t: Any, section: Any) -> None:
    section("数据核查情况", "Checks of the data")
    out.block("if not findings")
    out.text(t("数据核查没有发现问题。", "The checks of the data have no findings."))
    out.block("else")
    out.text(
        t(
            "数据核查发现错误{{ errors }}项、查询{{ queries }}项、警告{{ warnings }}项，主要情况见下表。",
            "The checks of the data have {{ errors }} errors, {{ queries }} queries and {{ warnings }} warnings.",
        )
    )
    out.block("set at.about = findings | selectattr('about') | list | length > 0")
    out.table(
        "",
        "one in findings",
        [
            Cell(t("级别", "Severity"), "{{ one.severity }}", 1.6, CENTER),
            Cell(t("编号", "Code"), "{{ one.code }}", 1.6, CENTER),
            Cell(t("对象", "About"), "{{ one.about | dash }}", 4, LEFT, "at.about"),
            Cell(t("说明", "Note"), "{{ one.note }}", 9, LEFT),
        ],
    )  # fmt: skip
    out.block("if more_findings")
    out.note(t("另有{{ more_findings }}项未列。", "{{ more_findings }} more are not listed."))
    out.block("endif")
    out.block("endif")


def _annexes(out: Any, t: Any) -> None:
    out.text(t("附件：1. 分项得分表；2. 指标值表；3. 评价方法",
               "Annexes: 1. Scores by pillar; 2. Values of the indicators; 3. Method"))  # fmt: skip
    out.annex(t("附件1", "Annex 1"), t("分项得分表", "Scores by pillar"), across=True)
    out.block("for group in groups")
    out.block("if group.name")
    out.head(2, "{{ group.name }}")
    out.block("endif")
    out.table(
        "",
        "line in group.lines",
        [
            Cell(t("位次", "Place"), "{{ line.rank }}", 1.5, CENTER),
            Cell("{{ entities }}", "{{ line.unit }}", 4, LEFT),
            Cell(t("得分", "Score"), "{{ line.score }}", 2, CENTER),
            Cell(t("{% if named %}等次{% else %}星级{% endif %}", "{% if named %}Grade{% else %}Stars{% endif %}"),
                 "{{ line.level | dash }}", 3, CENTER, "rated"),
        ],
        ("title in pillars", "{{ title }}", "{{ line.pillars[loop.index0] | dash }}"),
    )  # fmt: skip
    out.block("endfor")
    out.annex(t("附件2", "Annex 2"), t("指标值表", "Values of the indicators"), across=True)
    out.block("for matrix in matrices")
    out.table(
        "",
        "row in matrix.rows",
        [
            Cell(t("指标", "Indicator"), "{{ row.title }}", 5, LEFT),
            Cell(t("单位", "Unit"), "{{ row.unit }}", 1.5, CENTER),
            Cell(t("目标", "Target"), "{{ row.target | dash }}", 3, CENTER, "targets"),
        ],
        ("unit in matrix.units", "{{ unit }}", "{{ row.values[loop.index0] }}"),
    )  # fmt: skip
    out.block("endfor")
    out.block("if cut")
    out.note(t("另有{{ cut }}个{{ entities }}的指标值未列。", "The values of {{ cut }} more units are not listed."))
    out.block("endif")
    out.annex(t("附件3", "Annex 3"), t("评价方法", "Method"))
    out.table(
        "",
        "one in method",
        [
            Cell(t("事项", "Subject"), "{{ one.heading }}", 2.5, CENTER),
            Cell(t("内容", "Text"), "{{ one.text }}", 12, LEFT),
        ],
    )
    out.note("{{ origin }}")


def main() -> int:
    for language in LANGUAGES:
        for suffix, out in (("docx", Word(language)), ("md", Markdown())):
            outline(out, language)
            out.save(FOLDER / f"template_{language}.{suffix}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
