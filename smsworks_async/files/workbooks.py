"""Read the rows of XLSX and ODS workbooks with python-calamine, after checking their size.

calamine allocates the bounding rectangle of a sheet's cells, and aborts the process if memory runs
out. Therefore the unpacked size of the archive and the extent of its cells are checked first.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from html import unescape
from itertools import chain, islice
from typing import IO, Any, Final
from xml.etree import ElementTree as ET

import attrs

from smsworks_async.errors import ConfigurationError, ValidationError
from smsworks_async.files.headings import index_of
from smsworks_async.files.sources import Contents
from smsworks_async.files.tables import SLICE, Rows


#: The limit on an archive's unpacked size, in bytes. A million rows of ten cells have less.
MOST_BYTES: Final = 1 << 29
#: The limit on the number of cells in a sheet's bounding rectangle, empty cells included.
MOST_CELLS: Final = 20_000_000
_BLOCK: Final = 1 << 20
# The number of sheets that a message lists.
_NAMED: Final = 8
# Attributes may use either quotation mark, spaces around "=", and ">" in a value.
_IN_TAG: Final = rb"""(?:[^<>"']|"[^"<]*"|'[^'<]*')*?"""
_CELL: Final = re.compile(
    rb"<(?:[^\s<>/:]+:)?c(?=\s)"
    + _IN_TAG
    + rb"""\sr\s*=\s*["']([A-Za-z]+)(\d+)["']"""
    + _IN_TAG
    + rb"(?<!/)>"
)
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


@attrs.frozen
class Workbook:
    """The sheet of a workbook that is read.

    Attributes:
        form: ``"xlsx"`` or ``"ods"``.
        sheet: the sheet's name.
        notices: notices for a person, such as of hidden rows.
        choice: the notice that lists the other sheets, if no sheet was asked for; otherwise empty.
    """

    form: str
    sheet: str
    notices: tuple[str, ...] = ()
    choice: str = ""


def inspect(contents: Contents, sheet: str | None) -> Workbook:
    """Check a workbook's format, protection and size, and choose its sheet.

    Arguments:
        contents: the file.
        sheet: the name of the sheet; None for the first visible one.

    Raises:
        ValidationError: the file is damaged, too large, protected or not a workbook, or has no such
            sheet.
        ConfigurationError: python-calamine is not installed.
    """
    calamine = _calamine()
    try:
        with contents.open() as file, zipfile.ZipFile(file) as archive:
            form = _form(contents, archive)
            _check_size(contents, archive)
            # calamine reads the whole of an ODS file when it opens it, so check it before that.
            of_sheets = _check_ods(contents, archive) if form == "ods" else {}
            book = _book(contents, calamine)
            name, choice = _choose_sheet(contents, book, sheet)
            hidden = of_sheets.get(name, 0)
            if form == "xlsx":
                hidden = _check_xlsx(contents, archive, name)
    except ValidationError:
        raise
    # With a damaged central directory, zipfile raises any of these.
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        LookupError,
        NotImplementedError,
        ValueError,
    ) as error:
        raise _damaged(contents) from error
    except RuntimeError as error:  # raised by zipfile for an encrypted entry
        raise _refusal(
            contents, "it is protected by a password; save a copy without a password"
        ) from error
    notices = [choice] if choice else []
    if hidden:
        count = f"{hidden} rows are" if hidden > 1 else "1 row is"
        notices.append(f"{count} hidden in the sheet, perhaps by a filter, but read nevertheless")
    return Workbook(form, name, tuple(notices), choice)


def rows_of_workbook(contents: Contents, workbook: Workbook) -> Iterator[Rows]:
    """Yield the rows of a sheet in slices, from the sheet's first row.

    Raises:
        ValidationError: the workbook is damaged.
        ConfigurationError: python-calamine is not installed.
    """
    calamine = _calamine()
    book = _book(contents, calamine)
    try:
        sheet = book.get_sheet_by_name(workbook.sheet)
    except calamine.CalamineError as error:
        raise _damaged(contents) from error
    top, left = sheet.start or (0, 0)
    rows = iter(sheet.iter_rows())
    # Some versions of calamine yield the blank rows above the first cell, others do not; none
    # yields the blank columns to the left of it.
    first = list(islice(rows, top))
    if any(cell != "" for row in first for cell in row):
        first = [[]] * top + first
    blank = [""] * left
    rows = chain(first, rows)
    while some := list(islice(rows, SLICE)):
        yield [blank + row for row in some] if left else some


def _calamine() -> Any:
    try:
        import python_calamine
    except ImportError as error:
        raise ConfigurationError(
            "reading a workbook needs the extra `cli`, which is not installed: python -m pip "
            "install python-calamine"
        ) from error
    return python_calamine


def _book(contents: Contents, calamine: Any) -> Any:
    contents.check()
    file: Any = contents.path if contents.path is not None else contents.open()
    try:
        return calamine.load_workbook(file)
    except calamine.PasswordError as error:
        raise _refusal(
            contents, "it is protected by a password; save a copy without a password"
        ) from error
    except calamine.CalamineError as error:
        raise _damaged(contents) from error


def _refusal(contents: Contents, words: str) -> ValidationError:
    return ValidationError(f"{contents.name} cannot be read: {words}", field="source")


def _damaged(contents: Contents) -> ValidationError:
    return _refusal(
        contents,
        "it is damaged or incomplete; open it in a spreadsheet program and save it again, or copy "
        "it again",
    )


def _form(contents: Contents, archive: zipfile.ZipFile) -> str:
    names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "content.xml" in names and b"spreadsheet" in archive.read("mimetype"):
        if b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise _refusal(
                contents, "it is protected by a password; save a copy without a password"
            )
        return "ods"
    if "xl/workbook.bin" in names:
        raise _refusal(contents, "it is a binary workbook (.xlsb); save it as XLSX or CSV")
    if any(name.endswith(".iwa") for name in names):
        raise _refusal(contents, "it is a Numbers document; export it as CSV or Excel")
    if "word/document.xml" in names:
        raise _refusal(contents, "it is a Word document; copy its table into a spreadsheet")
    raise _refusal(contents, "it is a ZIP archive, not a spreadsheet; unpack it first")


def _check_size(contents: Contents, archive: zipfile.ZipFile) -> None:
    """Refuse an archive whose unpacked size, declared or actual, is over the limit."""
    too_large = _refusal(
        contents,
        f"it is more than {MOST_BYTES >> 20} MiB unpacked, too large for a list of people; save "
        "the sheet as CSV",
    )
    if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
        raise too_large
    for entry in archive.infolist():
        with archive.open(entry) as file:
            while file.read(_BLOCK):  # zipfile stops at the declared size, and checks the CRC
                pass


def _choose_sheet(contents: Contents, book: Any, wanted: str | None) -> tuple[str, str]:
    """Return a sheet's name, and a notice if it was chosen from several visible sheets."""
    names = list(book.sheet_names)
    if wanted is not None:
        # Spreadsheet programs do not allow two names that differ only in case.
        found = [name for name in names if name.casefold() == wanted.casefold()]
        if not found:
            raise ValidationError(
                f"{contents.name} has no sheet {wanted!r}; it has {', '.join(names[:_NAMED])}",
                field="sheet",
            )
        return (wanted if wanted in found else found[0]), ""
    visible = [one.name for one in book.sheets_metadata if str(one.visible).endswith(".Visible")]
    if not visible:
        raise _refusal(contents, "it has no visible sheet")
    first, *others = visible
    if not others:
        return first, ""
    named = ", ".join(map(repr, others[:_NAMED]))
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return first, f"the sheet {first!r} is read; the workbook also has {named}{more}"


def _check_xlsx(contents: Contents, archive: zipfile.ZipFile, sheet: str) -> int:
    """Refuse a sheet whose bounding rectangle is too large; return the number of hidden rows."""
    names = archive.namelist()
    sheets = [_path_of(archive, sheet)]
    if sheets[0] not in names:
        sheets = [name for name in names if name.startswith("xl/worksheets/")]
    width = height = hidden = 0
    for name in sheets:
        with archive.open(name) as file:
            for block in _whole_tags(file):
                for letters, row in _CELL.findall(block):
                    height = max(height, int(row))
                    if len(letters) == 1:
                        width = max(width, letters[0] & 31)
                    else:
                        index = index_of(letters.decode())
                        width = max(width, MOST_CELLS if index is None else index + 1)
                hidden += len(_HIDDEN_ROW.findall(block))
    _check_cells(contents, width * height)
    return hidden


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


def _check_ods(contents: Contents, archive: zipfile.ZipFile) -> dict[str, int]:
    """Refuse a sheet whose bounding rectangle is too large; return hidden rows by sheet."""
    hidden: dict[str, int] = {}
    content = archive.read("content.xml")
    if b"<!" in content:
        content = _COMMENT.sub(b"", content)
    for table in _ODS_TABLE.split(content)[1:]:
        name = _ODS_NAME.search(table.partition(b">")[0])
        sheet = unescape(name[1].decode("utf-8", "replace")) if name else ""
        width = height = at = 0
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
                hidden[sheet] = hidden.get(sheet, 0) + times
        _check_cells(contents, width * height)
    return hidden


def _check_cells(contents: Contents, cells: int) -> None:
    if cells > MOST_CELLS:
        raise _refusal(
            contents,
            f"it spans {cells:,} cells, more than {MOST_CELLS:,}, because a cell far below or "
            "beside the table is in use; delete that cell's contents, or save the sheet as CSV",
        )
