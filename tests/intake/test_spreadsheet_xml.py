"""XML Spreadsheet 2003: what its cells show, its sheets and merged cells, and files that are damaged."""

from __future__ import annotations

import re

import pytest

import kpi
from kpi.errors import DataError
from kpi.intake.files.reader import read

HEAD = """<?xml version="1.0"{encoding}?>
<?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:o="urn:schemas-microsoft-com:office:office"
 xmlns:x="urn:schemas-microsoft-com:office:excel" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"
 xmlns:html="http://www.w3.org/TR/REC-html40">
 <Styles>
  <Style ss:ID="Default" ss:Name="Normal"/>
  <Style ss:ID="s1" ss:Name="Percent"><NumberFormat ss:Format="Percent"/></Style>
  <Style ss:ID="s2"><NumberFormat ss:Format="0&quot;万件&quot;"/></Style>
  <Style ss:ID="s3" ss:Parent="s1"><Font/></Style>
 </Styles>
"""
STATED = """ <Worksheet ss:Name="指标"><Table ss:ExpandedColumnCount="6" ss:ExpandedRowCount="7">
  <Column ss:Index="2" ss:StyleID="s2"/><Column ss:Hidden="1"/>
  <Row><Cell ss:MergeAcross="4"><Data ss:Type="String">2023年各县主要指标</Data></Cell></Row>
  <Row ss:Index="3"><Cell><Data ss:Type="String">地区</Data></Cell>{heads}</Row>
  <Row><Cell ss:MergeDown="1"><Data ss:Type="String">甲县</Data></Cell><Cell><Data ss:Type="Number">12</Data></Cell>
   <Cell ss:StyleID="s3"><Data ss:Type="Number">0.125</Data>
    <Comment><ss:Data>见<html:B>附注</html:B></ss:Data></Comment></Cell>
   <Cell><Data ss:Type="DateTime">2024-03-31T00:00:00.000</Data></Cell>
   <Cell ss:Formula="=1/0"><Data ss:Type="Error">#DIV/0!</Data></Cell></Row>
  <Row><Cell ss:Index="2"><Data ss:Type="Number">3</Data></Cell>
   <Cell ss:Index="4"><Data ss:Type="DateTime">2024-03-31T12:30:00.000</Data></Cell>
   <Cell ss:Formula="=RC[-1]"/></Row>
  <Row ss:Hidden="1"><Cell><ss:Data ss:Type="String"><html:B>乙</html:B>县</ss:Data></Cell>
   <Cell ss:StyleID="Default"><Data ss:Type="Number">1.5E-2</Data></Cell>
   <Cell><Data ss:Type="Boolean">1</Data></Cell></Row>
 </Table></Worksheet>
"""
HEADS = "".join(f'<Cell><Data ss:Type="String">{name}</Data></Cell>' for name in ("办件量", "率", "日期", "错"))
HIDDEN = """ <Worksheet ss:Name="藏"><Table><Row><Cell><Data ss:Type="String">x</Data></Cell></Row></Table>
 <WorksheetOptions xmlns="urn:schemas-microsoft-com:office:excel">
  <Visible>SheetHidden</Visible></WorksheetOptions></Worksheet>
"""
SECOND = """ <Worksheet ss:Name="二"><Table><Row><Cell><Data ss:Type="String">地区</Data></Cell>
 <Cell><Data ss:Type="String">税收</Data>
 </Cell></Row><Row><Cell><Data ss:Type="String">甲县</Data></Cell>
 <Cell><Data ss:Type="Number">7</Data></Cell></Row></Table>
</Worksheet>
"""


def workbook(*sheets: str, encoding: str = "") -> str:
    text = HEAD.format(encoding=encoding) + "".join(sheets) + "</Workbook>"
    return text.replace("{heads}", HEADS)


@pytest.mark.parametrize("name", ["a.xls", "a.xml"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_cells_are_read_as_they_are_shown(tmp_path, name, encoding):
    declared = "" if "8-" in encoding or encoding == "utf-8" else f' encoding="{encoding}"'
    (tmp_path / name).write_bytes(workbook(STATED, HIDDEN, SECOND, encoding=declared).encode(encoding))
    first, second = read(tmp_path / name)
    assert first.frame.collect().rows() == [
        ("甲县", "12万件", "12.5%", "2024-03-31", "#DIV/0!"),
        ("甲县", "3万件", None, "2024-03-31 12:30:00", "=RC[-1]"),
        ("乙县", "0.015", "true", None, None),
    ]
    assert (first.sheet, first.titles, first.first_row) == ("指标", ("2023年各县主要指标",), 4)
    assert second.frame.collect().rows() == [("甲县", "7")]
    assert {"K524", "K514"} <= {note.code for note in first.notes}
    assert [table.sheet for table in read(tmp_path)] == ["指标", "二"], "a folder is searched for it"
    (only,) = read(tmp_path / name, sheet="二")
    assert only.sheet == "二"


def test_it_is_scored(tmp_path):
    (tmp_path / "a.xml").write_text(workbook(STATED).replace("日期", "说明"), "utf-8")
    definition = """
system: s
period: year
entities: {title: 县}
measures: {cases: {title: 办件量, unit: 件}}
indicators: {i: {kind: level, of: cases, better: higher}}
"""
    (tmp_path / "a.yaml").write_text(definition, "utf-8")
    card = kpi.score(tmp_path / "a.xml", system=str(tmp_path / "a.yaml"))
    assert card.measures.filter(entity="乙县")["value"].to_list() == [0.015]
    assert {finding.code for finding in card.findings_list if finding.severity.value == "error"} == {"K608"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text[: len(text) // 2], "K503"),
        (lambda text: text.replace("</Row>", "", 1), "K503"),
        (lambda text: text.replace('ss:Index="3"', 'ss:Index="x"'), "K503"),
        (lambda text: text.replace('ss:Index="3"', 'ss:Index="-3"'), "K503"),
        (lambda text: text.replace(">12<", ">1 2<"), "K503"),
        (lambda text: text.replace('ss:Index="3"', 'ss:Index="3000000000"'), "K509"),
        (lambda text: text.replace("<Workbook", '<!DOCTYPE x [<!ENTITY a "aaaa">]><Workbook', 1), "K503"),
        (lambda text: re.sub("<Worksheet.*</Worksheet>", "", text, flags=re.DOTALL), "K502"),
        (lambda text: re.sub("</?Worksheet[^>]*>|</?Table[^>]*>", "", text), "K502"),
    ],
)
def test_a_damaged_file_is_a_finding(tmp_path, change, code):
    (tmp_path / "a.xml").write_text(change(workbook(STATED)), "utf-8")
    with pytest.raises(DataError) as caught:
        read(tmp_path / "a.xml")
    assert [finding.code for finding in caught.value.diagnostics] == [code]
