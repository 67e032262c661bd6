"""Output: lines and tables for people, JSON lines for programs.

For people, output is rich tables if standard output is a terminal, and otherwise plain lines of 80
columns at most. For programs, it is one JSON object per line. Notices and questions are written to
standard error.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TextIO

from smsworks_async.cli._text import fold, one_line, printable, width_of


if TYPE_CHECKING:
    from rich.console import Console


#: The width in columns if output is not a terminal, or its width is unknown.
WIDTH: Final = 80


class OutputClosed(Exception):
    """The reader of standard output has closed the pipe, and the command ends because of that."""


class OutputFailed(Exception):
    """Standard output cannot be written to, such as on a full disk; the cause has the reason."""


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


class _Stdout:
    """Standard output, with failures raised as exceptions different from other I/O errors.

    Attributes:
        error: the error because of which output was discarded; None if none was.
        ends_the_command: whether a failure is raised.
    """

    def __init__(self) -> None:
        # rich may replace `sys.stdout` by a stream that writes to this object.
        self._stream = sys.stdout
        self.error: OSError | None = None
        self.ends_the_command = False

    def write(self, text: str) -> int:
        self._attempt(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._attempt(self._stream.flush)

    def _attempt(self, action: Any) -> None:
        if self.error is not None:
            return
        try:
            action()
        except OSError as error:
            self.error = error
            _drop_buffer(self._stream)
            if self.ends_the_command:
                if isinstance(error, BrokenPipeError):
                    raise OutputClosed from error
                raise OutputFailed from error

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:
        return self._stream.encoding or "utf-8"


def _hanging(line: str, width: int | None, hang: int) -> str:
    """Wrap a line at spaces, with its later parts indented."""
    if width is None or width_of(line) <= width:
        return line
    first = fold(line, width)[0]
    others = fold(line.removeprefix(first).lstrip(), width - hang)
    return "\n".join([first, *(f"{'':{hang}}{part}" for part in others)])


def _error_width() -> int | None:
    """Return the width of standard error's terminal in columns; None if it is not a terminal."""
    if not sys.stderr.isatty():
        return None
    import os

    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or WIDTH
    except OSError:
        return WIDTH


def write_error(text: str) -> bool:
    """Write to standard error, and return whether that succeeded."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        return False
    return True


def _drop_buffer(stream: TextIO) -> None:
    """Redirect standard output to the null device, since Python flushes its buffer at exit."""
    import os

    try:
        descriptor = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)
    except OSError:  # a stream without a file descriptor has no buffer that could fail
        pass


class Output:
    """The output of a command: results, notices and questions.

    Output that cannot be written is discarded, so that a command completes its work and exits with
    its own code after its output has been closed.

    Args:
        json: write JSON lines instead of text (default False).
    """

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self._file = _Stdout()

    def end_when_closed(self) -> None:
        """Raise `OutputClosed` or `OutputFailed` from now on if output cannot be written.

        It is for commands that only write, and may do so endlessly.
        """
        self._file.ends_the_command = True

    @property
    def error(self) -> OSError | None:
        """The error because of which output was discarded; None if none was."""
        return self._file.error

    @property
    def is_terminal(self) -> bool:
        """Whether output is text on a terminal."""
        return not self.json and self._file.isatty()

    @property
    def width(self) -> int:
        """The width of the terminal in columns; 80 if output is not a terminal."""
        if not self._file.isatty():
            return WIDTH
        import shutil

        return shutil.get_terminal_size((WIDTH, 24)).columns

    @functools.cached_property
    def console(self) -> Console:
        """Rich's console on standard output; without colours if that is not a terminal."""
        from rich.console import Console

        return Console(
            file=self._file,  # type: ignore[arg-type]  # it has the methods that rich uses
            width=None if self._file.isatty() else WIDTH,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def record(self, record: Mapping[str, Any]) -> None:
        """Write a JSON line; without ``json``, nothing."""
        if self.json:
            import json

            is_utf8 = self._file.encoding.lower().replace("-", "") == "utf8"
            self._write(json.dumps(record, ensure_ascii=not is_utf8, default=_plain))

    def raw(self, line: str) -> None:
        """Write a line that is JSON already; without ``json``, nothing."""
        if self.json:
            self._write(line)

    def line(self, text: str = "") -> None:
        """Write a line of text, with control characters escaped; with ``json``, nothing."""
        if not self.json:
            self._write(printable(text))

    def prose(self, text: str, *, hang: int = 0) -> None:
        """Write a sentence, wrapped on a terminal; with ``json``, nothing.

        Args:
            text: the sentence, without line breaks.
            hang: the indentation of the lines after the first, in columns (default 0).
        """
        width = self.width if self.is_terminal else None
        self.line(_hanging(printable(text), width, hang))

    def text(self, text: str) -> None:
        """Write a text unchanged, whether or not output is JSON."""
        self._write(text)

    def result(self, record: Mapping[str, Any], text: str) -> None:
        """Write a record as JSON, or a sentence as text."""
        self.record(record)
        self.prose(text)

    def fields(self, rows: Iterable[tuple[str, object]]) -> None:
        """Write a name and a value on each line; with ``json``, nothing.

        Rows with the value None are left out. On a terminal, long values are wrapped.
        """
        shown = [(name, str(value)) for name, value in rows if value is not None]
        wide = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            room = self.width - wide - 2 if self.is_terminal else None
            first, *others = [
                part for line in printable(value).split("\n") for part in fold(line, room)
            ]
            self.line(f"{name:<{wide}}  {first}".rstrip())
            for other in others:
                self.line(f"{'':<{wide}}  {other}".rstrip())

    def table(
        self,
        headings: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        right: Iterable[int] = (),
        last_wraps: bool = False,
    ) -> None:
        """Write a table; with ``json``, nothing.

        On a terminal that is too narrow, the last column is put below the others, or each value on
        a separate line. If output is not a terminal, values are neither wrapped nor cut.

        Args:
            headings: the columns' headings.
            rows: the values of each row, one for each column.
            right: the indexes of right-aligned columns, from 0.
            last_wraps: wrap the last column's text instead of cutting it (default False).
        """
        if self.json:
            return
        from smsworks_async.cli._table import lay_out, plain_lines

        texts = [[printable(str(value)) for value in row] for row in rows]
        aligned = frozenset(right)
        if not self.is_terminal:
            for line in plain_lines(headings, texts, aligned):
                self._write(line)
            return
        self.console.print(lay_out(headings, texts, aligned, self.width, last_wraps=last_wraps))

    def notice(self, text: str) -> None:
        """Write a line to standard error, whether or not output is JSON."""
        write_error(f"{_hanging(f'smsworks: {one_line(text)}', _error_width(), 2)}\n")

    def confirm(self, question: str) -> bool:
        """Ask on standard error, and return whether the answer was yes.

        Any other answer is no; so is a question that cannot be written.
        """
        asked = "\n".join(
            _hanging(line, _error_width(), 0)
            for line in f"{printable(question)} [y/N] ".split("\n")
        )
        if not write_error(asked):
            return False
        answer = sys.stdin.readline()
        if not answer:
            write_error("\n")
            self.notice("no answer on standard input; add --yes to continue without the question")
        return answer.strip().lower() in {"y", "yes"}

    def flush(self) -> None:
        """Flush standard output."""
        self._file.flush()

    def _write(self, line: str) -> None:
        self._file.write(f"{line}\n")
        self._file.flush()
