"""What recipients are read from: a path, ``-``, or an open file; each can be read again."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from smsworks_async.errors import ValidationError
from smsworks_async.models import values


# Of a stream, so many bytes are kept in memory, and the rest in a file that is gone with it.
_IN_MEMORY: Final = 4 << 20
_BLOCK: Final = 1 << 20

#: A path, ``"-"`` for standard input, or a file that is open for reading.
Source = str | os.PathLike[str] | IO[str] | IO[bytes]


class Contents:
    """The bytes of a source, which can be read any number of times.

    Arguments:
        source: a path, ``"-"``, or a file that is open for reading, as text or as bytes; a stream
            is read at once.

    Raises:
        ValidationError: it is none of them, a folder, or empty. The field is ``source``.
        OSError: it cannot be read.
    """

    def __init__(self, source: Source) -> None:
        #: Where it is; None where it is a stream.
        self.path: Path | None = None
        self._spool: IO[bytes] | None = None
        given: Any = source
        plain = values.as_text(given)
        if plain == "-":
            self._spool = _spooled(sys.stdin.buffer)
        elif plain is None and values.has_method(given, "read"):
            self._spool = _spooled(given)
        else:
            self.path = Path(values.path(given, "source"))
            if self.path.is_dir():
                raise ValidationError(f"{self.path} is a folder; name a file in it", field="source")
            if self.path.exists() and not self.path.is_file():
                # A pipe, such as a shell's <(...), can be read once.
                with self.path.open("rb") as pipe:
                    self._spool = _spooled(pipe)
        if self._spool is not None:
            weakref.finalize(self, self._spool.close)
        self._state = self._look()
        if self._state[0] == 0:
            raise ValidationError(f"{self.name} is empty", field="source")

    @property
    def name(self) -> str:
        """What an error calls it."""
        return "standard input" if self.path is None else str(self.path)

    @property
    def suffix(self) -> str:
        """The ending of its name, in lower case."""
        return "" if self.path is None else self.path.suffix.lower()

    def open(self) -> IO[bytes]:
        """Open it at its beginning.

        Raises:
            ValidationError: the file has changed since it was first looked at.
            OSError: it cannot be read.
        """
        if self._spool is not None:
            kept: Any = io.BufferedReader(_Kept(self._spool))
            return kept  # type: ignore[no-any-return]
        self.check()
        return Path(self.name).open("rb")

    def check(self) -> None:
        """Check that a file is the one that was first looked at.

        Raises:
            ValidationError: it has changed since.
            OSError: it is not there any more.
        """
        if self._spool is None and self._look() != self._state:
            raise ValidationError(
                f"{self.name} was changed while it was read; read it again", field="source"
            )

    def start(self, size: int = 1 << 16) -> bytes:
        """Return the first bytes."""
        with self.open() as file:
            return file.read(size)

    def blocks(self) -> Iterator[bytes]:
        """Yield all bytes, a block at a time."""
        with self.open() as file:
            while block := file.read(_BLOCK):
                yield block

    def _look(self) -> tuple[int, int]:
        if self._spool is not None:
            return self._spool.seek(0, io.SEEK_END), 0
        status = Path(self.name).stat()
        return status.st_size, status.st_mtime_ns


class _Kept(io.RawIOBase):
    """A reader of a stream's copy with a position of its own; closing it leaves the copy open."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._file.seek(self._position)
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._file.seek(self._position)
        self._position = self._file.seek(offset, whence)
        return self._position

    def tell(self) -> int:
        return self._position


def _spooled(stream: Any) -> IO[bytes]:
    """Return a copy of a stream's rest: in memory, or beyond a size in a temporary file."""
    copy: Any = io.BytesIO()
    while block := stream.read(_BLOCK):
        if isinstance(block, str):
            block = block.encode("utf-8", "surrogatepass")
        elif not isinstance(block, bytes):
            raise ValidationError("source must be a file of text or of bytes", field="source")
        if isinstance(copy, io.BytesIO) and copy.tell() + len(block) > _IN_MEMORY:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the source
            file.write(copy.getbuffer())
            copy = file
        copy.write(block)
    return copy  # type: ignore[no-any-return]
