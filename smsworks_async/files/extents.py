"""Checks of a sheet before it is read: its extent, hidden rows, and formulas without results."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from html import unescape
from typing import IO, Final, NamedTuple
from xml.etree import ElementTree as ET

from smsworks_async.errors import ValidationError
from smsworks_async.files.headings import index_of
from smsworks_async.files.sources import Contents


#: The limit on the number of cells in a sheet's bounding rectangle, empty cells included.
MOST_CELLS: Final = 20_000_000
_BLOCK: Final = 1 << 20
# Attributes may use either quotation mark, spaces around "=", and ">" in a value.
_IN_TAG: Final = rb"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*?"""
_CELL: Final = re.compile(
    rb"<(?:[^\s<>/:]+:)?c(?=\s)"
    + _IN_TAG
    + rb"""\sr\s*=\s*["']([A-Za-z]+)(\d+)["']"""
    + _IN_TAG
    + rb"(?<!/)>"
)
# A formula without a result, as some libraries write it; calamine returns an empty cell. An empty
# text that is a result has a type.
_NO_RESULT: Final = re.compile(
    rb"<(?:\w+:)?c(?=[\s>])(?![^<>]*\st=)[^<>]*>\s*<(?:\w+:)?f(?:\s[^<>]*)?(?:/>|>[^<]*</(?:\w+:)?f>)"
    rb"\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_ODS_NO_RESULT: Final = re.compile(
    rb"<table:table-cell\b(?=[^<>]*\stable:formula=)(?![^<>]*\soffice:value-type=)"
)
# In bytes. A formula has at most 8192 characters.
_LONGEST_FORMULA: Final = 1 << 16
_HIDDEN_ROW: Final = re.compile(rb'<(?:\w+:)?row\s[^<>]*\bhidden="(?:1|true)"')
_ODS_ROW: Final = re.compile(
    rb"<table:table-row\b(" + _IN_TAG + rb")(?:/>|>(.*?)</table:table-row\s*>)", re.DOTALL
)
_ODS_NAME: Final = re.compile(rb'\btable:name="([^"]*)"')
_ODS_CELL: Final = re.compile(rb"<table:(?:covered-)?table-cell\b")
_ROWS_REPEATED: Final = re.compile(rb"""table:number-rows-repeated\s*=\s*["']\s*\+?(\d+)""")
_COLUMNS_REPEATED: Final = re.compile(rb"""table:number-columns-repeated\s*=\s*["']\s*\+?(\d+)""")
_ODS_TABLE: Final = re.compile(rb"<table:table\s")
_COMMENT: Final = re.compile(rb"<!--.*?-->|<!\[CDATA\[.*?\]\]>", re.DOTALL)
_ODS_HIDDEN: Final = re.compile(rb'table:visibility="(?:filter|collapse)"')
_RELATION: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


class Findings(NamedTuple):
    """The findings in a sheet.

    Attributes:
        hidden: the number of hidden rows.
        lacks_results: whether it has formulas whose results are not stored.
    """

    hidden: int = 0
    lacks_results: bool = False

    @property
    def notices(self) -> list[str]:
        """Notices for a person."""
        found = []
        if self.hidden:
            count = f"{self.hidden} rows are" if self.hidden > 1 else "1 row is"
            found.append(f"{count} hidden in the sheet, perhaps by a filter, but read nevertheless")
        if self.lacks_results:
            found.append(
                "the sheet has formulas whose results are not stored in the file, so their cells "
                "are read as blank; save the file in a spreadsheet program"
            )
        return found


def refusal(contents: Contents, words: str) -> ValidationError:
    """Return the error for a workbook that cannot be read."""
    return ValidationError(f"{contents.name} cannot be read: {words}", field="source")


def check_xlsx(contents: Contents, archive: zipfile.ZipFile, sheet: str) -> Findings:
    """Return the findings.

    Raises:
        ValidationError: a sheet's bounding rectangle is too large.
    """
    names = archive.namelist()
    sheets = [_path_of(archive, sheet)]
    if sheets[0] not in names:
        sheets = [name for name in names if name.startswith("xl/worksheets/")]
    width = height = hidden = 0
    lacks_results = False
    for name in sheets:
        with archive.open(name) as file:
            before = b""
            for block in _whole_tags(file):
                for letters, row in _CELL.findall(block):
                    height = max(height, int(row))
                    if len(letters) == 1:
                        width = max(width, letters[0] & 31)
                    else:
                        index = index_of(letters.decode())
                        width = max(width, MOST_CELLS if index is None else index + 1)
                hidden += len(_HIDDEN_ROW.findall(block))
                whole = before + block
                if not lacks_results and (b"<f" in whole or b":f" in whole):
                    lacks_results = bool(_NO_RESULT.search(whole))
                before = block[-_LONGEST_FORMULA:]
    _check_cells(contents, width * height)
    return Findings(hidden, lacks_results)


def _whole_tags(file: IO[bytes]) -> Iterator[bytes]:
    """Yield a file's contents in blocks that do not split a tag."""
    rest = b""
    while block := file.read(_BLOCK):
        block = rest + block
        cut = block.rfind(b"<")
        rest = block[cut:] if cut > 0 else b""
        yield block[:cut] if cut > 0 else block
    yield rest


def _path_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """Return the path of a sheet within an archive; an empty string if it cannot be found."""
    try:
        book = ET.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 - expat expands no external entities
        relations = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314 - likewise
    except (ET.ParseError, KeyError):
        return ""
    key = next(
        (
            one.get(_RELATION)
            for one in book.iter()
            if one.get("name") == sheet and _RELATION in one.attrib
        ),
        None,
    )
    target = next((one.get("Target", "") for one in relations if one.get("Id") == key), "")
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def check_ods(contents: Contents, archive: zipfile.ZipFile) -> dict[str, Findings]:
    """Return the findings by sheet.

    Raises:
        ValidationError: a sheet's bounding rectangle is too large.
    """
    found: dict[str, Findings] = {}
    content = archive.read("content.xml")
    if b"<!" in content:
        content = _COMMENT.sub(b"", content)
    for table in _ODS_TABLE.split(content)[1:]:
        name = _ODS_NAME.search(table.partition(b">")[0])
        sheet = unescape(name[1].decode("utf-8", "replace")) if name else ""
        width = height = at = hidden = 0
        for attributes, body in _ODS_ROW.findall(table):
            repeated = _ROWS_REPEATED.search(attributes)
            times = int(repeated[1]) if repeated else 1
            at += times
            filled = body[: max(body.rfind(b"</table:table-cell"), body.rfind(b"office:value"), 0)]
            if not filled:
                continue
            height = at
            repeats = map(int, _COLUMNS_REPEATED.findall(filled))
            width = max(width, len(_ODS_CELL.findall(filled)) + sum(n - 1 for n in repeats))
            if _ODS_HIDDEN.search(attributes):
                hidden += times
        _check_cells(contents, width * height)
        found[sheet] = Findings(hidden, bool(_ODS_NO_RESULT.search(table)))
    return found


def _check_cells(contents: Contents, cells: int) -> None:
    if cells > MOST_CELLS:
        raise refusal(
            contents,
            f"it spans {cells:,} cells, more than {MOST_CELLS:,}, because a cell far below or "
            "beside the table is in use; delete that cell's contents, or save the sheet as CSV",
        )
