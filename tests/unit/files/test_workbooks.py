"""Workbooks that are protected, damaged or too large, and the notices about others."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile

import openpyxl
import pytest

from smsworks_async import ConfigurationError, ValidationError
from smsworks_async.files import extents, read_recipients, workbooks
from support.spreadsheets import FIXTURES, HEADINGS, changed_archive, xlsx_bytes


ROWS = [HEADINGS, ("Ada", "07700 900123", 3)]
GOOD = xlsx_bytes(ROWS)
ODS = (FIXTURES / "libreoffice.ods").read_bytes()


def refused(data, **options):
    with pytest.raises(ValidationError) as caught:
        list(read_recipients(io.BytesIO(data), **options))
    assert caught.value.field in {"source", "sheet"}
    return str(caught.value)


def archive(**entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries.items():
            made.writestr(name.replace("__", "/").replace("_", "."), data)
    return file.getvalue()


def ods_of(rows):
    content = zipfile.ZipFile(io.BytesIO(ODS)).read("content.xml").decode()
    start = content.index("<table:table-row")
    end = content.index("</table:table>")
    changed = content[:start] + rows + content[end:]
    return changed_archive(ODS, {"content.xml": changed.encode()})


def ods_cell(text, more=""):
    inside = f"<text:p>{text}</text:p>"
    return f'<table:table-cell office:value-type="string"{more}>{inside}</table:table-cell>'


def ods_rows(*cells):
    return "".join(f"<table:table-row>{cell}</table:table-row>" for cell in cells)


BLANK_ROWS = (
    '<table:table-row table:number-rows-repeated="1048570">'
    '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.5, 0.9999])
def test_inspect_refuses_a_half_written_workbook(share):
    assert "damaged or incomplete" in refused(GOOD[: int(share * len(GOOD)) or 4])


def test_inspect_refuses_a_workbook_with_a_flipped_bit():
    at = GOOD.index(b"xl/worksheets/sheet1.xml") + 60
    damaged = GOOD[:at] + bytes([GOOD[at] ^ 255]) + GOOD[at + 1 :]
    assert "damaged" in refused(damaged)


def test_inspect_refuses_a_workbook_whose_xml_is_damaged():
    sheet = zipfile.ZipFile(io.BytesIO(GOOD)).read("xl/worksheets/sheet1.xml")
    assert "damaged" in refused(changed_archive(GOOD, {"xl/worksheets/sheet1.xml": sheet[:-40]}))


def test_find_format_refuses_workbooks_with_a_password():
    compound = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4096
    protected = compound + "EncryptedPackage".encode("utf-16-le") + b"\0" * 4096
    assert "protected by a password" in refused(protected)
    assert "old Excel workbook" in refused(compound)


def test_inspect_refuses_an_ods_with_a_password():
    manifest = b"<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"
    data = changed_archive(ODS, {"META-INF/manifest.xml": manifest})
    assert "protected by a password" in refused(data)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"a_txt": "x"}, "not a spreadsheet"),
        ({"word__document_xml": "x"}, "Word document"),
        ({"Index__Document_iwa": "x"}, "Numbers document"),
        ({"xl__workbook_bin": "x"}, "xlsb"),
    ],
)
def test_inspect_names_archives_that_are_no_spreadsheets(entry, words):
    assert words in refused(archive(**entry))


def test_inspect_refuses_a_zip_bomb_without_unpacking_it(monkeypatch):
    monkeypatch.setattr(workbooks, "MOST_BYTES", 1 << 20)
    bomb = changed_archive(GOOD, {"xl/worksheets/sheet1.xml": b" " * (1 << 21)})
    assert len(bomb) < 20_000
    opened = []
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *given, **_: opened.append(given))
    assert "1 MiB unpacked" in refused(bomb)
    assert opened == []


def test_inspect_refuses_a_zip_bomb_that_understates_its_size(monkeypatch):
    size = 1 << 21
    bomb = bytearray(changed_archive(GOOD, {"xl/worksheets/sheet1.xml": b" " * size}))
    for at in range(len(bomb) - 4):
        if bomb[at : at + 4] == size.to_bytes(4, "little"):
            bomb[at : at + 4] = (100).to_bytes(4, "little")
    assert "damaged" in refused(bytes(bomb))


def test_inspect_refuses_a_sheet_whose_cells_reach_too_far():
    """calamine would try to allocate 23 GB, and abort the process if that fails."""
    assert "far below or beside" in refused(xlsx_bytes(ROWS, ZZ1048576="x"))
    wide = ods_cell("x", ' table:number-columns-repeated="1000"')
    assert "far below or beside" in refused(
        ods_of(ods_rows(ods_cell("Mobile")) + BLANK_ROWS + ods_rows(wide))
    )


@pytest.mark.parametrize(
    "attributes",
    [
        "r='ZZ1048576'",
        'r="zz1048576"',
        'r="ZZ0001048576"',
        'r = "ZZ1048576"',
        'a=">" r="ZZ1048576"',
        'r="ZZ1048576" a="/>"',
        'r="ZZZZ1048576"',
    ],
)
def test_inspect_refuses_a_far_cell_however_it_is_written(attributes):
    sheet = "xl/worksheets/sheet1.xml"
    rows = zipfile.ZipFile(io.BytesIO(GOOD)).read(sheet).decode()
    for prefix in ("", "x-y:"):
        cell = f"<{prefix}c {attributes}><{prefix}v>1</{prefix}v></{prefix}c></sheetData>"
        changed = rows.replace("</sheetData>", cell)
        assert "far below or beside" in refused(changed_archive(GOOD, {sheet: changed.encode()}))


@pytest.mark.parametrize(
    "repeated",
    [
        " table:number-columns-repeated='1000'",
        ' table:number-columns-repeated = "1000"',
        ' table:number-columns-repeated="0000001000"',
    ],
)
@pytest.mark.parametrize("before", ["", "<!-- </table:table-row> -->"])
def test_inspect_refuses_far_repeats_however_they_are_written(repeated, before):
    wide = f'<table:table-row a=">">{before}{ods_cell("x", repeated)}</table:table-row >'
    assert "far below or beside" in refused(
        ods_of(ods_rows(ods_cell("Mobile")) + BLANK_ROWS + wide)
    )


def test_inspect_allows_formats_that_reach_far_without_values():
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(list(row))
    for place in ("ZZ1048576", "B9999"):
        book.active[place].number_format = "@"
    file = io.BytesIO()
    book.save(file)
    assert len(list(read_recipients(io.BytesIO(file.getvalue())))) == 1
    rows = ods_rows(ods_cell("Mobile"), ods_cell("07700900123"))
    assert len(list(read_recipients(io.BytesIO(ods_of(rows + BLANK_ROWS))))) == 1


def test_inspect_tells_of_hidden_rows_and_other_sheets():
    book = openpyxl.Workbook()
    sheet = book.active
    for row in [*ROWS, ("Bob", "07700 900124", 1)]:
        sheet.append(list(row))
    book.create_sheet("Old", 0).append(["Mobile"])
    book["Old"].sheet_state = "hidden"
    book.create_sheet("Notes").append(["x"])
    file = io.BytesIO()
    book.save(file)
    people = read_recipients(io.BytesIO(file.getvalue()))
    assert people.notices == ("the sheet 'Sheet' is read; the workbook also has 'Notes'",)
    sheet.row_dimensions[3].hidden = True
    book.save(file)
    people = read_recipients(io.BytesIO(file.getvalue()), sheet="Sheet")
    assert people.notices == (
        "1 row is hidden in the sheet, perhaps by a filter, but read nevertheless",
    )
    assert "has no sheet 'New'; it has Old, Sheet, Notes" in refused(file.getvalue(), sheet="New")
    assert read_recipients(io.BytesIO(file.getvalue()), sheet="SHEET").sheet == "Sheet"


SHEET = "xl/worksheets/sheet1.xml"
WITHOUT_RESULT = "formulas whose results are not stored"


def xlsx_with(cell):
    """Return a workbook with one more cell below the numbers, as XML."""
    xml = zipfile.ZipFile(io.BytesIO(GOOD)).read(SHEET).decode()
    row = f'<row r="3">{cell}</row></sheetData>'
    return changed_archive(GOOD, {SHEET: xml.replace("</sheetData>", row).encode()})


@pytest.mark.parametrize(
    ("cell", "is_noted"),
    [
        ('<c r="B3"><f>"0"&amp;A3</f></c>', True),
        ('<c r="B3"><f>"0"&amp;A3</f><v/></c>', True),
        ('<c r="B3" s="1"><f t="shared" si="0"/><v></v></c>', True),
        ('<c r="B3"><f>A3</f><v>7700900124</v></c>', False),
        ('<c r="B3" t="str"><f>A3</f><v></v></c>', False),  # its result is an empty text
        ('<c r="B3" t="str"><f>A3</f><v>07700900124</v></c>', False),
        ('<c r="B3"/><c r="C3"><v>1</v></c>', False),
    ],
)
@pytest.mark.parametrize("size", [*range(340, 480, 5), 1 << 20])
def test_inspect_tells_of_formulas_without_results(cell, is_noted, size, monkeypatch):
    monkeypatch.setattr(extents, "_BLOCK", size)
    people = read_recipients(io.BytesIO(xlsx_with(cell)))
    assert any(WITHOUT_RESULT in notice for notice in people.notices) is is_noted


@pytest.mark.parametrize(
    ("cell", "is_noted"),
    [
        ('<table:table-cell table:formula="of:=[.A1]"/>', True),
        (ods_cell("07700900124", ' table:formula="of:=[.A1]"'), False),
        (ods_cell("", ' table:formula="of:=[.A1]"'), False),
    ],
)
def test_inspect_tells_of_formulas_without_results_in_an_ods(cell, is_noted):
    rows = ods_rows(ods_cell("Mobile"), ods_cell("07700900123"), cell)
    people = read_recipients(io.BytesIO(ods_of(rows)))
    assert any(WITHOUT_RESULT in notice for notice in people.notices) is is_noted


def test_read_recipients_names_the_other_sheets_where_the_first_is_not_the_list():
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    book.active["A1"] = "Ask Jo before sending"
    list_of_people = book.create_sheet("People")
    for row in (("Name", "Mobile"), ("Ada", "07700 900123")):
        list_of_people.append(row)
    file = io.BytesIO()
    book.save(file)
    other = "the sheet 'Notes' is read; the workbook also has 'People'"
    for options in ({"message": "Hi {Name}"}, {"column": "Mobile"}):
        with pytest.raises(ValidationError, match=other) as caught:
            read_recipients(io.BytesIO(file.getvalue()), **options)
        assert caught.value.field in options
        with pytest.raises(ValidationError) as caught:
            read_recipients(io.BytesIO(file.getvalue()), sheet="Notes", **options)
        assert other not in str(caught.value)
    people = read_recipients(io.BytesIO(file.getvalue()), sheet="People", message="Hi {Name}")
    assert people.check().taken == 1


def test_read_recipients_suggests_to_save_a_workbook_whose_formulas_have_no_results():
    rows = [HEADINGS, ("Ada", '="07700"&"900123"', 3)]
    (row,) = read_recipients(io.BytesIO(xlsx_bytes(rows)))
    assert "a formula whose result is not stored in the file" in row.suggestion


def test_rows_of_workbook_numbers_rows_as_the_spreadsheet_does():
    """calamine omits empty rows above and empty columns beside the first cell."""
    book = openpyxl.Workbook()
    book.active["C4"], book.active["C5"] = "Mobile", "07700 900123"
    book.active["D5"] = "x"
    file = io.BytesIO()
    book.save(file)
    people = read_recipients(io.BytesIO(file.getvalue()))
    assert (people.column.letter, [row.number for row in people]) == ("C", [5])


def test_inspect_asks_for_the_extra_where_calamine_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(ConfigurationError, match=r"`cli`, .* install python-calamine"):
        read_recipients(io.BytesIO(GOOD))


def test_files_import_calamine_when_a_workbook_is_read_and_not_before():
    code = (
        "import io, sys; from smsworks_async.files import read_recipients; "
        "list(read_recipients(io.StringIO('07700 900123'))); "
        "sys.exit('python_calamine' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
