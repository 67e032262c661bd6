"""Written files: protection of CSV against formula injection, and atomic writing."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final


# Spreadsheets treat a cell that begins with one of these as a formula, the full-width ones in some
# languages (OWASP, *CSV Injection*).
_BEGINS_FORMULA: Final = frozenset("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
# A plus, digits and blanks are harmless, and stay readable as a number.
_PHONE_NUMBER: Final = re.compile(r"\+[0-9 ]+")


def neutralised(cell: object) -> object:
    """Return a cell for a CSV file, prefixed with an apostrophe if it looks like a formula.

    An international number (``+``, digits and blanks) is not changed.
    """
    if not isinstance(cell, str) or cell[:1] not in _BEGINS_FORMULA:
        return cell
    return cell if _PHONE_NUMBER.fullmatch(cell) else f"'{cell}"


def is_same_file(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Return whether two paths lead to one existing file."""
    try:
        return Path(one).samefile(other)
    except (OSError, ValueError):
        return False


def temporary_beside(path: Path) -> tuple[int, Path]:
    """Create a temporary file with mode 0600 in a path's folder; return its descriptor and path.

    Raises:
        OSError: it cannot be created; the error names the folder.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path.parent)) from None
    return descriptor, Path(name)


@contextmanager
def written_whole(to: str | os.PathLike[str]) -> Iterator[IO[str]]:
    """Open a temporary text file with mode 0600, and rename it to the path at the end.

    If the block raises, the existing file at the path is kept.

    Raises:
        OSError: it cannot be written.
    """
    path = Path(to)
    descriptor, temporary = temporary_beside(path)
    try:
        with os.fdopen(
            descriptor, "w", encoding="utf-8", errors="backslashreplace", newline=""
        ) as file:
            yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise
