"""Sources of recipients (a path, ``-`` or an open file), made readable more than once."""

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


# A stream of up to this many bytes is kept in memory, a longer one in a temporary file.
_IN_MEMORY: Final = 4 << 20
_BLOCK: Final = 1 << 20

#: A path, ``"-"`` for standard input, or a file open for reading.
Source = str | os.PathLike[str] | IO[str] | IO[bytes]


class Contents:
    """The bytes of a source, readable any number of times.

    Arguments:
        source: a path, ``"-"``, or a file open for reading, as text or as bytes; a stream is read
            to its end by the constructor.

    Raises:
        ValidationError: the source has another type, is a folder, or is empty. The field is
            ``source``.
        OSError: the source cannot be read.
    """

    def __init__(self, source: Source) -> None:
        #: The path of the file; None for a stream.
        self.path: Path | None = None
        self._spool: IO[bytes] | None = None
        given: Any = source
        plain = values.as_text(given)
        if plain == "-":
            self._spool = _copy_stream(sys.stdin.buffer)
        elif plain is None and values.has_method(given, "read"):
            self._spool = _copy_stream(given)
        else:
            self.path = Path(values.path(given, "source"))
            if self.path.is_dir():
                raise ValidationError(f"{self.path} is a folder; pass a file in it", field="source")
            if self.path.exists() and not self.path.is_file():
                # A pipe, such as a shell's <(...), can be read once.
                with self.path.open("rb") as pipe:
                    self._spool = _copy_stream(pipe)
        if self._spool is not None:
            weakref.finalize(self, self._spool.close)
        self._state = self._size_and_time()
        if self._state[0] == 0:
            raise ValidationError(f"{self.name} is empty", field="source")

    @property
    def name(self) -> str:
        """Its name in error messages."""
        return "standard input" if self.path is None else str(self.path)

    @property
    def suffix(self) -> str:
        """The suffix of its path, in lower case; empty for a stream."""
        return "" if self.path is None else self.path.suffix.lower()

    def open(self) -> IO[bytes]:
        """Open the source at its beginning.

        Raises:
            ValidationError: the file has changed since this object was created.
            OSError: the file cannot be read.
        """
        if self._spool is not None:
            reader: Any = io.BufferedReader(_CopyReader(self._spool))
            return reader  # type: ignore[no-any-return]
        self.check()
        return Path(self.name).open("rb")

    def check(self) -> None:
        """Check that the file has not changed since this object was created.

        Raises:
            ValidationError: its size or its time of modification has changed.
            OSError: it no longer exists.
        """
        if self._spool is None and self._size_and_time() != self._state:
            raise ValidationError(
                f"{self.name} was changed while it was being read; read it again", field="source"
            )

    def start(self, size: int = 1 << 16) -> bytes:
        """Return the first ``size`` bytes."""
        with self.open() as file:
            return file.read(size)

    def blocks(self) -> Iterator[bytes]:
        """Yield the contents in blocks of bytes."""
        with self.open() as file:
            while block := file.read(_BLOCK):
                yield block

    def _size_and_time(self) -> tuple[int, int]:
        if self._spool is not None:
            return self._spool.seek(0, io.SEEK_END), 0
        status = Path(self.name).stat()
        return status.st_size, status.st_mtime_ns


class _CopyReader(io.RawIOBase):
    """A reader of a shared file, with its own position; closing it leaves the file open."""

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


def _copy_stream(stream: Any) -> IO[bytes]:
    """Copy the rest of a stream into memory, or into a temporary file if it exceeds 4 MiB."""
    copy: Any = io.BytesIO()
    while block := stream.read(_BLOCK):
        if isinstance(block, str):
            block = block.encode("utf-8", "surrogatepass")
        elif not isinstance(block, bytes):
            raise ValidationError("source must be a file of text or of bytes", field="source")
        if isinstance(copy, io.BytesIO) and copy.tell() + len(block) > _IN_MEMORY:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the source
            file.write(copy.getbuffer())
            copy = file
        copy.write(block)
    return copy  # type: ignore[no-any-return]
