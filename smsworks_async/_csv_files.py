"""CSV files: protection against formula injection, atomic writing, and reading."""

from __future__ import annotations

import csv
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, Protocol

from smsworks_async.errors import ValidationError
from smsworks_async.models import values


# Spreadsheets treat a cell that begins with one of these as a formula, the full-width ones in some
# languages (OWASP, *CSV Injection*).
_BEGINS_FORMULA: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# A plus, digits and blanks are harmless, and stay readable as a number.
_PHONE_NUMBER: Final = re.compile(r"\+[0-9 ]+")
# The separators that spreadsheets write, depending on the locale.
_SEPARATORS: Final = ",;\t"


class Readable(Protocol):
    """A file that is open for reading, as text or as bytes."""

    def read(self) -> Any:
        """Return the rest of the file."""
        ...


def neutralised(cell: object) -> object:
    """Return a cell for a CSV file, prefixed with an apostrophe if it looks like a formula.

    An international number (``+``, digits and blanks) is not changed.
    """
    if not isinstance(cell, str) or cell[:1] not in _BEGINS_FORMULA:
        return cell
    return cell if _PHONE_NUMBER.fullmatch(cell) else f"'{cell}"


@contextmanager
def written_whole(to: str | os.PathLike[str]) -> Iterator[IO[str]]:
    """Open a temporary text file with mode 0600, and rename it to the path at the end.

    If the block raises, the existing file at the path is kept.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(to)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(
            descriptor, "w", encoding="utf-8", errors="backslashreplace", newline=""
        ) as file:
            yield file
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def read_rows(source: str | os.PathLike[str] | Readable, field: str) -> list[list[str]]:
    """Return the rows of a CSV file; row n is item n - 1 of the list.

    The encoding may be UTF-8, with or without a byte-order mark, or cp1252; the separator a comma,
    a semicolon or a tab.

    Raises:
        ValidationError: `source` is neither a path nor a file, or not CSV.
        OSError: it cannot be read.
    """
    text = _decoded(_contents(source, field), field)
    first = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    try:
        return list(csv.reader(text.splitlines(keepends=True), delimiter=separator))
    except csv.Error as error:
        raise ValidationError(f"{field} is not a CSV file: {error}", field=field) from None


def _contents(source: Any, field: str) -> object:
    if values.as_text(source) is None and values.has_method(source, "read"):
        return source.read()
    return Path(values.path(source, field)).read_bytes()


def _decoded(contents: object, field: str) -> str:
    if isinstance(contents, str):
        return contents.removeprefix("\ufeff")
    if not isinstance(contents, bytes):
        raise ValidationError(f"{field} must be a file of text or of bytes", field=field)
    try:
        return contents.decode("utf-8-sig")
    except UnicodeDecodeError:
        return contents.decode("cp1252", errors="replace")


def column_of(heading: Sequence[str], names: frozenset[str]) -> int | None:
    """Return the index of the first column with one of some names.

    Blanks, case, hyphens and underscores are ignored.
    """
    plain = [re.sub(r"[\s_-]", "", cell).casefold() for cell in heading]
    return next((index for index, name in enumerate(plain) if name in names), None)
