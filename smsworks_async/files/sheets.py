"""Write minimal workbooks of one sheet, in XLSX (ECMA-376) and ODS (ISO 26300).

They have cells of text, numbers and booleans, and one column formatted as text, which is all that
`write_set_aside` needs; a library that writes workbooks would be a much larger dependency.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import IO, Any, Final
from xml.sax.saxutils import escape, quoteattr

from smsworks_async.files.headings import letters


# Characters that XML does not allow.
_NOT_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# A fixed date, so that equal rows produce identical files.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_SPREADSHEETML: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_ODS: Final = "application/vnd.oasis.opendocument.spreadsheet"
_OASIS: Final = "urn:oasis:names:tc:opendocument:xmlns"
_LONGEST_SHEET_NAME: Final = 31


def write_xlsx(file: IO[bytes], name: str, rows: Iterable[Sequence[Any]], column: int) -> None:
    """Write an XLSX workbook of one sheet.

    Arguments:
        file: a binary file open for writing.
        name: the sheet's name; cut to 31 characters, Excel's limit.
        rows: the cells of each row: text, numbers, booleans; other values are converted by `str`.
        column: the index of the column that is formatted as text, from 0.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(
            archive,
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{_SPREADSHEETML}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{_SPREADSHEETML}.styles+xml"/>'
            '<Override PartName="/xl/worksheets/sheet1.xml" '
            f'ContentType="{_SPREADSHEETML}.worksheet+xml"/></Types>',
        )
        _add(archive, "_rels/.rels", _relations(("officeDocument", "xl/workbook.xml")))
        _add(
            archive,
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
            f'<sheet name={_attribute(name[:_LONGEST_SHEET_NAME])} sheetId="1" r:id="rId1"/>'
            "</sheets></workbook>",
        )
        _add(
            archive,
            "xl/_rels/workbook.xml.rels",
            _relations(("worksheet", "worksheets/sheet1.xml"), ("styles", "styles.xml")),
        )
        _add(
            archive,
            "xl/styles.xml",
            f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts>'
            '<fills count="1"><fill><patternFill patternType="none"/></fill></fills>'
            '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>'
            # 49 is the built-in number format "@", text.
            '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="49" applyNumberFormat="1"/>'
            '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/>'
            "</cellStyles></styleSheet>",
        )
        with archive.open(_entry("xl/worksheets/sheet1.xml"), "w") as sheet:
            at = column + 1
            sheet.write(
                f'{_HEAD}<worksheet xmlns="{_MAIN}"><cols>'
                f'<col min="{at}" max="{at}" width="20" style="1"/></cols><sheetData>'.encode()
            )
            for number, row in enumerate(rows, 1):
                cells = "".join(
                    _xlsx_cell(f"{letters(index)}{number}", cell, is_text=index == column)
                    for index, cell in enumerate(row)
                )
                sheet.write(f'<row r="{number}">{cells}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")


def _xlsx_cell(place: str, cell: Any, *, is_text: bool) -> str:
    style = ' s="1"' if is_text else ""
    if isinstance(cell, bool):
        return f'<c r="{place}"{style} t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, int | float) and not is_text:
        return f'<c r="{place}"><v>{cell!r}</v></c>'
    if cell is None or cell == "":
        return ""
    inside = f'<is><t xml:space="preserve">{_text(cell)}</t></is>'
    return f'<c r="{place}"{style} t="inlineStr">{inside}</c>'


def _relations(*targets: tuple[str, str]) -> str:
    inside = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inside}</Relationships>'


def write_ods(file: IO[bytes], name: str, rows: Iterable[Sequence[Any]], column: int) -> None:
    """Write an ODS workbook of one sheet; the arguments are those of `write_xlsx`."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        # ISO 26300 wants the media type as the first entry, not compressed.
        archive.writestr(_entry("mimetype", zipfile.ZIP_STORED), _ODS)
        manifest = f'xmlns:manifest="{_OASIS}:manifest:1.0"'
        _add(
            archive,
            "META-INF/manifest.xml",
            f'<manifest:manifest {manifest} manifest:version="1.2">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{_ODS}"/>'
            '<manifest:file-entry manifest:full-path="content.xml" '
            'manifest:media-type="text/xml"/></manifest:manifest>',
        )
        with archive.open(_entry("content.xml"), "w") as content:
            spaces = " ".join(
                f'xmlns:{short}="{_OASIS}:{long}:1.0"'
                for short, long in (
                    ("office", "office"),
                    ("table", "table"),
                    ("text", "text"),
                    ("style", "style"),
                    ("number", "datastyle"),
                )
            )
            before = (
                f'<table:table-column table:number-columns-repeated="{column}"/>' if column else ""
            )
            content.write(
                f'{_HEAD}<office:document-content {spaces} office:version="1.2">'
                '<office:automatic-styles><number:text-style style:name="N100">'
                "<number:text-content/></number:text-style>"
                '<style:style style:name="text" style:family="table-cell" '
                'style:data-style-name="N100"/></office:automatic-styles>'
                f"<office:body><office:spreadsheet><table:table table:name={_attribute(name)}>"
                f'{before}<table:table-column table:default-cell-style-name="text"/>'.encode()
            )
            for row in rows:
                cells = "".join(
                    _ods_cell(cell, is_text=index == column) for index, cell in enumerate(row)
                )
                content.write(f"<table:table-row>{cells}</table:table-row>".encode())
            content.write(
                b"</table:table></office:spreadsheet></office:body></office:document-content>"
            )


def _ods_cell(cell: Any, *, is_text: bool) -> str:
    style = ' table:style-name="text"' if is_text else ""
    if isinstance(cell, bool):
        kind = f'office:value-type="boolean" office:boolean-value="{str(cell).lower()}"'
    elif isinstance(cell, int | float) and not is_text:
        kind = f'office:value-type="float" office:value="{cell!r}"'
    elif cell is None or cell == "":
        return f"<table:table-cell{style}/>"
    else:
        kind = 'office:value-type="string"'
    lines = "".join(f"<text:p>{line}</text:p>" for line in _text(cell).splitlines())
    return f"<table:table-cell{style} {kind}>{lines}</table:table-cell>"


def _add(archive: zipfile.ZipFile, name: str, text: str) -> None:
    archive.writestr(_entry(name), _HEAD + text)


def _entry(name: str, compression: int = zipfile.ZIP_DEFLATED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.compress_type = compression
    return entry


def _text(cell: Any) -> str:
    return escape(_NOT_XML.sub("", str(cell)))


def _attribute(text: str) -> str:
    return quoteattr(_NOT_XML.sub("", text))
