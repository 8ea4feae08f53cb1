"""Writers of the formats that no library at hand writes, or that hold less than any text, for tests of readers."""

from __future__ import annotations

import io
import json
import re
import struct
import tempfile
import zipfile
from html import escape as escape_html
from pathlib import Path
from xml.sax.saxutils import escape

import pandas as pd
import pyreadstat


def zipped(files: dict[str, bytes], *, raw_names: bool = False) -> bytes:
    """Return a zip archive; with `raw_names` the names of files are in GBK, as Windows writes them."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name.encode("gbk").decode("cp437") if raw_names else name)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    content = out.getvalue()
    # The bit that says that a name is UTF-8, in the local headers and in the directory.
    return _without_utf8(content) if raw_names else content


def _without_utf8(content: bytes) -> bytes:
    """Write names that are in cp437 as their bytes, without the mark of UTF-8."""
    data = bytearray(content)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        infos = archive.infolist()
    out = io.BytesIO()
    local, central = [], []
    for info in infos:
        name = info.filename.encode("cp437")
        start = info.header_offset
        length = struct.unpack_from("<H", data, start + 26)[0]
        extra = struct.unpack_from("<H", data, start + 28)[0]
        body = bytes(data[start + 30 + length + extra : start + 30 + length + extra + info.compress_size])
        at = out.tell() + sum(map(len, local))
        common = struct.pack(
            "<5H3L2H", 20, 0, info.compress_type, 0, 33, info.CRC, info.compress_size, info.file_size, len(name), 0
        )
        local.append(b"PK\x03\x04" + common + name + body)
        central.append(b"PK\x01\x02" + struct.pack("<H", 20) + common + struct.pack("<3H2L", 0, 0, 0, 0, at) + name)
    directory = b"".join(central)
    begin = sum(map(len, local))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, len(infos), len(infos), len(directory), begin, 0)
    return b"".join(local) + directory + end


# ---- OPENDOCUMENT ---- #

_ODS = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content'
    ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:automatic-styles>'
    '<style:style style:name="gone" style:family="table"><style:table-properties table:display="false"/></style:style>'
    "</office:automatic-styles><office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    "</office:document-content>"
)
_MANIFEST = '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'


def ods_text(text: str) -> str:
    """Return a text as paragraphs, with the elements for blanks, tabs and line breaks."""
    marked = re.sub(" {2,}|^ | $", lambda match: f'<text:s text:c="{len(match[0])}"/>', escape(text))
    return f"<text:p>{marked.replace(chr(9), '<text:tab/>').replace(chr(10), '<text:line-break/>')}</text:p>"


def ods_cell(cell: object) -> str:
    """Return a cell: a text, a number, a raw element, or nothing."""
    if cell is None:
        return "<table:table-cell/>"
    if isinstance(cell, str) and cell.startswith("<table:"):
        return cell
    if isinstance(cell, int | float):
        return (
            f'<table:table-cell office:value-type="float" office:value="{cell!r}"><text:p>~</text:p></table:table-cell>'
        )
    return f'<table:table-cell office:value-type="string">{ods_text(str(cell))}</table:table-cell>'


def ods_of(sheets: dict[str, str]) -> bytes:
    """Return a spreadsheet of the rows of its sheets in XML."""
    tables = "".join(f'<table:table table:name="{name}"{rows}</table:table>' for name, rows in sheets.items())
    parts = {
        "mimetype": b"application/vnd.oasis.opendocument.spreadsheet",
        "content.xml": _ODS.format(tables=tables).encode(),
        "META-INF/manifest.xml": _MANIFEST.encode(),
    }
    return zipped(parts)


def ods_sheets(sheets) -> bytes:
    """Return a spreadsheet of sheets, each by its name with its rows of cells."""
    return ods_of(
        {
            name: ">" + "".join(f"<table:table-row>{''.join(map(ods_cell, row))}</table:table-row>" for row in rows)
            for name, rows in sheets.items()
        }
    )


def ods(rows) -> bytes:
    """Return a spreadsheet with one sheet."""
    return ods_sheets({"a": rows})


# ---- BINARY WORKBOOKS ---- #


def _record(kind: int, content: bytes = b"") -> bytes:
    number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
    length, size = len(content), b""
    while True:
        size += bytes([length & 0x7F | (0x80 if length > 0x7F else 0)])
        length >>= 7
        if not length:
            return number + size + content


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text.encode("utf-16-le")) // 2) + text.encode("utf-16-le")


_ERRORS = {"#DIV/0!": 7, "#N/A": 0x2A}


def xlsb_of(rows, *, hidden=(), merged=(), percent=(), dates=(), frozen=0, state=0) -> bytes:
    """Return a binary workbook; `merged` are ranges (top, left, bottom, right), `percent` and `dates` columns."""
    used = struct.pack("<4I", 0, len(rows) - 1, 0, len(rows[0]) - 1)
    pane = _record(151, struct.pack("<2d3IB", 0, frozen, frozen, 0, 2, 1)) if frozen else b""
    records = [_record(129), _record(148, used), pane, _record(145)]
    for at, row in enumerate(rows):
        flags = 0x10 if at in hidden else 0
        records.append(_record(0, struct.pack("<IIHBBBI", at, 0, 300, 0, flags, 0, 0)))
        for column, cell in enumerate(row):
            style = 1 if column in percent else 2 if column in dates else 0
            start = struct.pack("<II", column, style)
            if cell is None:
                continue
            if isinstance(cell, float | int):
                records.append(_record(5, start + struct.pack("<d", cell)))
            elif cell in _ERRORS:
                records.append(_record(3, start + bytes([_ERRORS[cell]])))
            else:
                records.append(_record(6, start + _wide(cell)))
    records.append(_record(146))
    if merged:
        records.append(_record(177, struct.pack("<I", len(merged))))
        records += [_record(176, struct.pack("<4I", top, bottom, left, right)) for top, left, bottom, right in merged]
        records.append(_record(178))
    records.append(_record(130))
    book = [
        _record(131), _record(143), _record(156, struct.pack("<2I", state, 1) + _wide("rId1") + _wide("a")),
        _record(144), _record(132),
    ]  # fmt: skip
    xf = struct.pack("<HHHHH", 0, 0, 0, 0, 0) + bytes(6)
    xf_percent = struct.pack("<HHHHH", 0, 10, 0, 0, 0) + bytes(6)
    xf_date = struct.pack("<HHHHH", 0, 14, 0, 0, 0) + bytes(6)
    styles = [
        _record(278), _record(617, struct.pack("<I", 3)), _record(47, xf), _record(47, xf_percent),
        _record(47, xf_date), _record(618), _record(279),
    ]  # fmt: skip
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>'
    )

    def relations(*targets: tuple[str, str]) -> bytes:
        links = "".join(
            f'<Relationship Id="rId{at}" Type="{kind}/{name}" Target="{target}"/>'
            for at, (name, target) in enumerate(targets, 1)
        )
        return f'<Relationships xmlns="{space}">{links}</Relationships>'.encode()

    return zipped(
        {
            "[Content_Types].xml": types.encode(),
            "_rels/.rels": relations(("officeDocument", "xl/workbook.bin")),
            "xl/workbook.bin": b"".join(book),
            "xl/_rels/workbook.bin.rels": relations(("worksheet", "worksheets/sheet1.bin"), ("styles", "styles.bin")),
            "xl/worksheets/sheet1.bin": b"".join(records),
            "xl/styles.bin": b"".join(styles),
        }
    )


def xlsb(rows) -> bytes:
    """Return a binary workbook with one sheet."""
    return xlsb_of(rows)


# ---- PAGES, JSON, ARCHIVES ---- #


def html(rows, codec="utf-8") -> bytes:
    """Return a page with one table, as a site hands out under the suffix .xls."""
    lines = "".join(
        "<tr>"
        + "".join(f"<td>{escape_html(str(cell)) if cell is not None else '&nbsp;'}</td>" for cell in row)
        + "</tr>\n"
        for row in rows
    )
    head = f'<html><head><meta http-equiv="Content-Type" content="text/html; charset={codec}"></head><body>'
    return f"{head}<table border=1>\n{lines}</table></body></html>".encode(codec)


def records(rows) -> list[dict]:
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def json_array(rows) -> bytes:
    return json.dumps(records(rows), ensure_ascii=False, indent=1).encode()


def json_object(rows) -> bytes:
    return json.dumps({"code": 200, "result": {"rows": records(rows)}}, ensure_ascii=False).encode()


def json_rows(rows) -> bytes:
    return json.dumps(rows, ensure_ascii=False).encode()


# ---- DATABASES AND STATISTICS PACKAGES ---- #


def dbf(rows, codec="gbk", driver=0x4D, deleted=()) -> bytes:
    """Return a table of dBASE with columns of text; `deleted` are rows marked so."""
    encoded = [[str(cell).encode(codec) if cell is not None else b"" for cell in row] for row in rows]
    widths = [max([1, *(len(row[at]) for row in encoded[1:])]) for at in range(len(rows[0]))]
    fields = b"".join(
        struct.pack("<11sc4xBB14x", name[:10], b"C", width, 0) for name, width in zip(encoded[0], widths, strict=True)
    )
    start = struct.pack("<4BIHH17xB2x", 3, 124, 1, 31, len(rows) - 1, 33 + len(fields), 1 + sum(widths), driver)
    lines = [
        (b"*" if at in deleted else b" ") + b"".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for at, row in enumerate(encoded[1:])
    ]
    return start + fields + b"\r" + b"".join(lines) + b"\x1a"


def _survey(write, suffix, frame: pd.DataFrame, **options) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        write(frame, str(path), **options)
        return path.read_bytes()


def sav_of(frame: pd.DataFrame, **options) -> bytes:
    """Return a file of SPSS, with one time of creation (bytes 92 to 108 of its header) whenever it is written."""
    content = _survey(pyreadstat.write_sav, ".sav", frame, **options)
    return content[:92] + b"01 Jan 2300:00:00" + content[109:]


def dta_of(frame: pd.DataFrame, **options) -> bytes:
    return _survey(pyreadstat.write_dta, ".dta", frame, **options)


def _texts(rows) -> pd.DataFrame:
    return pd.DataFrame([[cell or "" for cell in row] for row in rows[1:]], columns=rows[0], dtype=object)


def sav(rows) -> bytes:
    return sav_of(_texts(rows))


def dta(rows) -> bytes:
    return dta_of(_texts(rows), version=15)


#: Formats that hold any text, as those of `test_round_trip`.
ANY_TEXT = {
    "sheet.ods": ods,
    "binary.xlsb": xlsb,
    "array.json": json_array,
    "object.json": json_object,
    "files.zip": lambda rows: zipped({"表.json": json_array(rows)}, raw_names=True),
}
#: Formats that hold less: no blanks at the ends, short names of columns.
SHORT_TEXT = {"page.html": html, "rows.json": json_rows, "old.dbf": dbf, "survey.sav": sav, "survey.dta": dta}


# ---- SDMX ---- #

_IDS = {"期别": "TIME_PERIOD", "地区": "REF_AREA", "指标": "INDICATOR", "数值": "OBS_VALUE"}
_SCHEMAS = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1"
_HEADER = (
    "<mes:Header><mes:ID>x</mes:ID><mes:Test>false</mes:Test><mes:Prepared>2024-01-01T00:00:00</mes:Prepared>"
    '<mes:Sender id="X"/><mes:Structure {more}structureID="S" dimensionAtObservation="{at}">'
    '<com:Structure><Ref agencyID="X" id="Y" version="1.0" class="DataStructure"/></com:Structure>'
    "</mes:Structure></mes:Header>"
)


def _attributes(row: dict) -> str:
    return " ".join(
        f'{name}="{escape(str(cell), {chr(34): "&quot;"})}"' for name, cell in row.items() if cell is not None
    )


def sdmx_ml(rows) -> bytes:
    """Return a structure-specific message of SDMX-ML 2.1, all dimensions at the observations."""
    names = [_IDS.get(name, name) for name in rows[0]]
    lines = "\n".join(f"<Obs {_attributes(dict(zip(names, row, strict=True)))}/>" for row in rows[1:])
    more = 'namespace="urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure=X:Y(1.0)" '
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><mes:StructureSpecificData xmlns:mes="{_SCHEMAS}/message"'
        f' xmlns:com="{_SCHEMAS}/common" xmlns:ss="{_SCHEMAS}/data/structurespecific"'
        ' xmlns:ns1="urn:sdmx:org.sdmx.infomodel.datastructure.DataStructure=X:Y(1.0)"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        + _HEADER.format(more=more, at="AllDimensions")
        + '<mes:DataSet ss:structureRef="S" xsi:type="ns1:DataSetType" ss:dataScope="DataStructure" action="Replace"'
        f' ss:setID="1">\n{lines}\n</mes:DataSet></mes:StructureSpecificData>'
    ).encode()


def sdmx_generic(series) -> bytes:
    """Return a generic message of SDMX-ML 2.1: (key, attributes, [(period, value, attributes)]) for each series."""

    def values(some: dict) -> str:
        return "".join(f'<gen:Value id="{name}" value="{escape(str(cell))}"/>' for name, cell in some.items())

    parts = []
    for key, attributes, observations in series:
        lines = "".join(
            f'<gen:Obs><gen:ObsDimension value="{period}"/>'
            + (f'<gen:ObsValue value="{value}"/>' if value is not None else "")
            + (f"<gen:Attributes>{values(more)}</gen:Attributes>" if more else "")
            + "</gen:Obs>"
            for period, value, more in observations
        )
        shared = f"<gen:Attributes>{values(attributes)}</gen:Attributes>" if attributes else ""
        parts.append(f"<gen:Series><gen:SeriesKey>{values(key)}</gen:SeriesKey>{shared}{lines}</gen:Series>")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><mes:GenericData xmlns:mes="{_SCHEMAS}/message"'
        f' xmlns:com="{_SCHEMAS}/common" xmlns:gen="{_SCHEMAS}/data/generic">'
        + _HEADER.format(more="", at="TIME_PERIOD")
        + f'<mes:DataSet structureRef="S" action="Replace">{"".join(parts)}</mes:DataSet></mes:GenericData>'
    ).encode()


#: Formats that name the columns of keys and figures themselves.
OWN_COLUMNS = {"message.xml": sdmx_ml}
