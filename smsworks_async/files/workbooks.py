"""Read the rows of XLSX and ODS workbooks with python-calamine, after checking their size.

calamine allocates the bounding rectangle of a sheet's cells, and aborts the process if memory runs
out. Therefore the unpacked size of the archive and the extent of its cells are checked first.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any, Final

import attrs

from smsworks_async.errors import ConfigurationError, ValidationError
from smsworks_async.files.extents import Findings, check_ods, check_xlsx, refusal
from smsworks_async.files.sources import Contents
from smsworks_async.files.tables import SLICE, Rows


#: The limit on an archive's unpacked size, in bytes. A million rows of ten cells have less.
MOST_BYTES: Final = 1 << 29
_BLOCK: Final = 1 << 20
# The number of sheets that a message lists.
_NAMED: Final = 8


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
            of_sheets = check_ods(contents, archive) if form == "ods" else {}
            book = _book(contents, calamine)
            name, choice = _choose_sheet(contents, book, sheet)
            findings = of_sheets.get(name, Findings())
            if form == "xlsx":
                findings = check_xlsx(contents, archive, name)
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
        raise refusal(
            contents, "it is protected by a password; save a copy without a password"
        ) from error
    notices = [*([choice] if choice else []), *findings.notices]
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
        raise refusal(
            contents, "it is protected by a password; save a copy without a password"
        ) from error
    except calamine.CalamineError as error:
        raise _damaged(contents) from error


def _damaged(contents: Contents) -> ValidationError:
    return refusal(
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
            raise refusal(contents, "it is protected by a password; save a copy without a password")
        return "ods"
    if "xl/workbook.bin" in names:
        raise refusal(contents, "it is a binary workbook (.xlsb); save it as XLSX or CSV")
    if any(name.endswith(".iwa") for name in names):
        raise refusal(contents, "it is a Numbers document; export it as CSV or Excel")
    if "word/document.xml" in names:
        raise refusal(contents, "it is a Word document; copy its table into a spreadsheet")
    raise refusal(contents, "it is a ZIP archive, not a spreadsheet; unpack it first")


def _check_size(contents: Contents, archive: zipfile.ZipFile) -> None:
    """Refuse an archive whose unpacked size, declared or actual, is over the limit."""
    too_large = refusal(
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
        raise refusal(contents, "it has no visible sheet")
    first, *others = visible
    if not others:
        return first, ""
    named = ", ".join(map(repr, others[:_NAMED]))
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return first, f"the sheet {first!r} is read; the workbook also has {named}{more}"
