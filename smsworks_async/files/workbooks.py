"""Rows of workbooks, XLSX and ODS, by python-calamine; and what keeps it from harm.

calamine holds a sheet whole, as a rectangle of all its cells, and ends the process where memory
does not suffice. So an archive is looked through first: how large it is unpacked, and how far its
cells reach.
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


#: Bytes that an archive may have unpacked: a million rows of ten cells have less.
MOST_BYTES: Final = 1 << 29
#: Cells that the rectangle of a sheet may have, empty ones included.
MOST_CELLS: Final = 20_000_000
_BLOCK: Final = 1 << 20
# How many sheets a message names.
_NAMED: Final = 8
# An attribute may have either quotation mark, blanks around its sign, and ">" in its value.
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
    """A workbook's sheet.

    Attributes:
        form: ``"xlsx"`` or ``"ods"``.
        sheet: the sheet's name.
        notices: what a person should know about it.
        choice: the notice that names the other sheets, where this one was not asked for.
    """

    form: str
    sheet: str
    notices: tuple[str, ...] = ()
    choice: str = ""


def look(contents: Contents, sheet: str | None) -> Workbook:
    """Return which sheet of a workbook is read, after having looked at it for what may do harm.

    Arguments:
        contents: the file.
        sheet: its name; None for the first that is visible.

    Raises:
        ValidationError: it is damaged, too large, protected, no workbook, or has no such sheet.
        ConfigurationError: python-calamine is not installed.
    """
    calamine = _calamine()
    try:
        with contents.open() as file, zipfile.ZipFile(file) as archive:
            form = _form(contents, archive)
            _check_size(contents, archive)
            # calamine reads an ODS file whole as soon as it is opened, and of XLSX the names alone.
            of_sheets = _look_at_ods(contents, archive) if form == "ods" else {}
            book = _book(contents, calamine)
            name, choice = _choose_sheet(contents, book, sheet)
            hidden = of_sheets.get(name, 0)
            if form == "xlsx":
                hidden = _look_at_xlsx(contents, archive, name)
    except ValidationError:
        raise
    # A damaged directory of an archive makes zipfile seek and decode what is not there.
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        LookupError,
        NotImplementedError,
        ValueError,
    ) as error:
        raise _damaged(contents) from error
    except RuntimeError as error:  # zipfile's, of an encrypted entry
        raise _refusal(
            contents, "it is protected by a password; open it, and save a copy without one"
        ) from error
    notices = [choice] if choice else []
    if hidden:
        count = f"{hidden} rows are" if hidden > 1 else "1 row is"
        notices.append(f"{count} hidden in the sheet, by a filter perhaps, and read all the same")
    return Workbook(form, name, tuple(notices), choice)


def rows_of_workbook(contents: Contents, workbook: Workbook) -> Iterator[Rows]:
    """Yield the rows of a sheet, so many at a time; the first row is the sheet's first.

    Raises:
        ValidationError: it is damaged.
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
    # Whether the blank rows above the first cell are there depends on the version of calamine;
    # columns that are blank from top to bottom on the left are not.
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
            'workbooks are read by python-calamine: pip install "smsworks-async[cli]"'
        ) from error
    return python_calamine


def _book(contents: Contents, calamine: Any) -> Any:
    contents.check()
    file: Any = contents.path if contents.path is not None else contents.open()
    try:
        return calamine.load_workbook(file)
    except calamine.PasswordError as error:
        raise _refusal(
            contents, "it is protected by a password; open it, and save a copy without one"
        ) from error
    except calamine.CalamineError as error:
        raise _damaged(contents) from error


def _refusal(contents: Contents, words: str) -> ValidationError:
    return ValidationError(f"{contents.name} cannot be read: {words}", field="source")


def _damaged(contents: Contents) -> ValidationError:
    return _refusal(
        contents,
        "it is damaged, or was not written to its end; open it in a spreadsheet program and save "
        "it anew, or copy it again",
    )


def _form(contents: Contents, archive: zipfile.ZipFile) -> str:
    names = set(archive.namelist())
    if "xl/workbook.xml" in names:
        return "xlsx"
    if "content.xml" in names and b"spreadsheet" in archive.read("mimetype"):
        if b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise _refusal(
                contents, "it is protected by a password; open it, and save a copy without one"
            )
        return "ods"
    if "xl/workbook.bin" in names:
        raise _refusal(contents, "it is a binary workbook (.xlsb); save it as XLSX or CSV")
    if any(name.endswith(".iwa") for name in names):
        raise _refusal(contents, "it is a Numbers document; export it as CSV or Excel")
    if "word/document.xml" in names:
        raise _refusal(contents, "it is a Word document; copy its table into a spreadsheet")
    raise _refusal(contents, "it is a ZIP archive and no spreadsheet; unpack it first")


def _check_size(contents: Contents, archive: zipfile.ZipFile) -> None:
    """Refuse an archive that is too large unpacked: by what it says, then by unpacking it."""
    too_large = _refusal(
        contents,
        f"it is more than {MOST_BYTES >> 20} MiB unpacked, which no list of people is; save the "
        "sheet as CSV",
    )
    if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
        raise too_large
    for entry in archive.infolist():
        with archive.open(entry) as file:
            while file.read(_BLOCK):  # reads no more than the size it says, and checks the sum
                pass


def _choose_sheet(contents: Contents, book: Any, wanted: str | None) -> tuple[str, str]:
    """Return a sheet's name, and a notice if it was chosen from several."""
    names = list(book.sheet_names)
    if wanted is not None:
        # Spreadsheet programs allow no two names that differ in case alone.
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


def _look_at_xlsx(contents: Contents, archive: zipfile.ZipFile, sheet: str) -> int:
    """Refuse a sheet whose cells reach too far; return how many of its rows are hidden."""
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
    """Yield blocks that end where a tag does."""
    rest = b""
    while block := file.read(_BLOCK):
        block = rest + block
        cut = block.rfind(b"<")
        rest = block[cut:] if cut > 0 else b""
        yield block[:cut] if cut > 0 else block
    yield rest


def _path_of(archive: zipfile.ZipFile, sheet: str) -> str:
    """Return where an archive keeps a sheet; an empty string where that cannot be found."""
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


def _look_at_ods(contents: Contents, archive: zipfile.ZipFile) -> dict[str, int]:
    """Refuse sheets whose cells reach too far; return how many rows are hidden in each."""
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
            f"its cells reach over {cells:,} places, more than {MOST_CELLS:,}; something stands "
            "far below or beside the table: delete that, or save the sheet as CSV",
        )
