"""Output: lines and tables for people, JSON lines for programs.

People get rich tables where standard output is a terminal, and plain lines where it is not, at most
80 columns wide. Programs get one JSON object a line. Notices and questions go to standard error.
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


#: Columns where the terminal's width is not known.
WIDTH: Final = 80


class OutputClosed(Exception):
    """Nobody reads standard output any more, and the command ends for that."""


class OutputFailed(Exception):
    """Standard output cannot be written to, such as on a full disk; its cause says why."""


def _plain(value: object) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


class _Stdout:
    """Standard output, whose failures are told from those of other files and sockets.

    Attributes:
        error: why output was dropped; None where nothing was.
        ends_the_command: whether a failure is raised.
    """

    def __init__(self) -> None:
        # Kept: rich puts a stream of its own, which writes to this one, in place of `sys.stdout`.
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
    """Break a line at blanks, and indent what follows the first part."""
    if width is None or width_of(line) <= width:
        return line
    first = fold(line, width)[0]
    others = fold(line.removeprefix(first).lstrip(), width - hang)
    return "\n".join([first, *(f"{'':{hang}}{part}" for part in others)])


def _error_width() -> int | None:
    """Return the columns of the terminal that standard error is; None where it is none."""
    if not sys.stderr.isatty():
        return None
    import os

    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or WIDTH
    except OSError:
        return WIDTH


def write_error(text: str) -> bool:
    """Write to standard error, and return whether that was possible."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        return False
    return True


def _drop_buffer(stream: TextIO) -> None:
    """Point standard output at nothing: at exit, Python writes what is left in its buffer."""
    import os

    try:
        descriptor = stream.fileno()
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, descriptor)
        os.close(nothing)
    except OSError:  # a stream that is no file has no buffer of its own either
        pass


class Output:
    """Where a command's results, notices and questions go.

    What cannot be written is dropped, so that a command does its work and exits with its own code
    although nobody reads its output.

    Args:
        json: write JSON lines, for programs.
    """

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self._file = _Stdout()

    def end_when_closed(self) -> None:
        """Raise `OutputClosed` or `OutputFailed` from now on where output cannot be written.

        For commands that have nothing to do but write, and may do so without end.
        """
        self._file.ends_the_command = True

    @property
    def error(self) -> OSError | None:
        """Why output was dropped; None where nothing was."""
        return self._file.error

    @property
    def is_terminal(self) -> bool:
        """Whether people read it as it is written."""
        return not self.json and self._file.isatty()

    @property
    def width(self) -> int:
        """Columns: those of the terminal, or 80."""
        if not self._file.isatty():
            return WIDTH
        import shutil

        return shutil.get_terminal_size((WIDTH, 24)).columns

    @functools.cached_property
    def console(self) -> Console:
        """Rich's console on standard output; without colours where it is no terminal."""
        from rich.console import Console

        return Console(
            file=self._file,  # type: ignore[arg-type]  # it has what rich uses
            width=None if self._file.isatty() else WIDTH,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def record(self, record: Mapping[str, Any]) -> None:
        """Write a JSON line, for programs alone."""
        if self.json:
            import json

            is_utf8 = self._file.encoding.lower().replace("-", "") == "utf8"
            self._write(json.dumps(record, ensure_ascii=not is_utf8, default=_plain))

    def raw(self, line: str) -> None:
        """Write a line that is JSON already, for programs alone."""
        if self.json:
            self._write(line)

    def line(self, text: str = "") -> None:
        """Write a line, for people alone; control characters in it are escaped."""
        if not self.json:
            self._write(printable(text))

    def prose(self, text: str, *, hang: int = 0) -> None:
        """Write a sentence, for people alone; a terminal gets it broken between words.

        Args:
            text: in one line.
            hang: columns by which the lines after the first are indented.
        """
        width = self.width if self.is_terminal else None
        self.line(_hanging(printable(text), width, hang))

    def text(self, text: str) -> None:
        """Write a text as it is, for people and programs alike."""
        self._write(text)

    def result(self, record: Mapping[str, Any], text: str) -> None:
        """Write a record for programs, or a sentence for people."""
        self.record(record)
        self.prose(text)

    def fields(self, rows: Iterable[tuple[str, object]]) -> None:
        """Write names and values below each other, for people alone; None leaves a row out.

        On a terminal, long values are broken over lines.
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
        """Write a table, for people alone.

        Args:
            headings: a name for each column.
            rows: as many values for each row.
            right: the columns that are flush right, counted from 0.
            last_wraps: break the last column's text over lines instead of cutting it; where output
                is no terminal, values are neither broken nor cut. On a terminal that is too narrow
                the last column stands below the others, or each value on a line of its own.
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
        """Write a line to standard error, for people and programs alike."""
        write_error(f"{_hanging(f'smsworks: {one_line(text)}', _error_width(), 2)}\n")

    def confirm(self, question: str) -> bool:
        """Ask on standard error, and return whether the answer was yes; anything else is no.

        It is no as well where the question cannot be shown.
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
            self.notice("there is nobody to ask; say --yes to go on")
        return answer.strip().lower() in {"y", "yes"}

    def flush(self) -> None:
        """Write what is buffered."""
        self._file.flush()

    def _write(self, line: str) -> None:
        self._file.write(f"{line}\n")
        self._file.flush()
