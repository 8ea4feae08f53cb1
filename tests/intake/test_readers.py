"""Every format that is read is documented, and a table written in it reads back the same, also out of a folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from test_round_trip import FORMS, HEADER

from kpi.intake.files.file_formats import READERS, SUFFIXES, Reader
from kpi.intake.files.reader import read
from kpi.intake.files.table import ROW
from tests.written_formats import OWN_COLUMNS, SHORT_TEXT

FILES = (Path(__file__).parents[2] / "docs/data.md").read_text("utf-8").partition("## Files")[2].partition("\n## ")[0]
ROWS = [["2023Q4", "甲县", "12.5", "x"], ["2023Q4", "乙县", "13", None]]
SHORT_HEADER = ["期别", "地区", "数值", "文字"]
OWN_HEADER = ["TIME_PERIOD", "REF_AREA", "OBS_VALUE", "COMMENT"]
EVERY = pytest.mark.parametrize("reader", READERS, ids=lambda item: item.name)


def sample(reader: Reader) -> tuple[bytes, list[str]]:
    """Return a table in the format of a reader, and its header."""
    for forms, header in ((FORMS, HEADER), (SHORT_TEXT, SHORT_HEADER), (OWN_COLUMNS, OWN_HEADER)):
        for name, write in forms.items():
            if Path(name).suffix in reader.suffixes:
                return write([header, *ROWS]), header
    pytest.fail(f"{reader.name} has no sample: add one of {reader.suffixes} to FORMS of test_round_trip.py")


@EVERY
def test_a_format_is_in_the_documentation(reader):
    assert reader.name in FILES, f"name {reader.name} under `## Files` of docs/data.md"
    assert all(re.search(rf"`{re.escape(item)}`", FILES) for item in reader.suffixes), f"name {reader.suffixes} there"


@EVERY
def test_a_folder_is_searched_for_a_format_and_its_table_reads_back(tmp_path, reader):
    for suffix in reader.suffixes:
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        content, header = sample(reader)
        (folder / f"a{suffix}").write_bytes(content)
        (table,) = read(folder)
        assert table.columns == tuple(header)
        assert table.frame.collect().select(table.columns).rows() == [tuple(row) for row in ROWS]
        assert ROW not in table.columns


def test_no_two_formats_have_one_suffix():
    assert len(SUFFIXES) == len(set(SUFFIXES))
