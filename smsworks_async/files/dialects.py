"""Detect a file's format, encoding, separator and line endings from its contents."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from typing import Any, Final

import attrs

from smsworks_async.errors import ValidationError
from smsworks_async.files.headings import HEADING_ROWS, STRONG, WEAK, simplified
from smsworks_async.files.sources import Contents


#: The formats that can be read.
FORMATS: Final = ("csv", "tsv", "list", "jsonl", "xlsx", "ods")
# Spreadsheet programs choose the separator by locale, and databases write bars. On a tie the first
# of these is used.
_SEPARATORS: Final = ",;\t|"
# A control character that text files do not contain, so that each line is parsed as one cell.
NO_SEPARATOR: Final = "\x1f"
# The number of characters at the start of a file from which its separator is detected.
_SAMPLE: Final = 1 << 16
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Formats that cannot be read, by their first bytes, each with the advice for the error message.
_UNSUPPORTED: Final = (
    (b"%PDF", "it is a PDF; use the spreadsheet that it was made from"),
    (b"{\\rtf", "it is a rich text document; save it as a spreadsheet or as plain text"),
)


@attrs.frozen(kw_only=True)
class Dialect:
    """The encoding and punctuation of a text file.

    Attributes:
        encoding: ``"utf-8"``, ``"utf-8-sig"`` (with a byte-order mark), ``"utf-16-le"``,
            ``"utf-16-be"``, ``"cp1252"``, or the encoding that was passed to `read_recipients`.
        delimiter: the separator between cells; empty for lists and JSON lines.
        newline: the line ending.
        marked: whether the file begins with a byte-order mark.
        preface: the ``sep=;`` line, by which Excel declares the separator; empty without one.
    """

    encoding: str = "utf-8"
    delimiter: str = ""
    newline: str = "\n"
    marked: bool = False
    preface: str = ""

    def open(self, contents: Contents) -> io.TextIOWrapper:
        """Open a file after its byte-order mark and preface; line endings are not translated.

        Raises:
            OSError: the file cannot be read.
        """
        text = io.TextIOWrapper(contents.open(), encoding=self.encoding, newline="")
        if self.marked and self.encoding != "utf-8-sig":
            text.read(1)
        if self.preface:
            text.readline()
        return text


def undecodable(contents: Contents, encoding: str, error: UnicodeDecodeError) -> ValidationError:
    """Return the error for a file that cannot be decoded with its encoding."""
    return ValidationError(
        f"{contents.name} is not {encoding}: it has the byte 0x{error.object[error.start]:02x}, "
        "which is not valid in that encoding; pass its encoding, or save it as UTF-8",
        field="encoding",
    )


def find_format(contents: Contents) -> str:
    """Return a file's format.

    Returns:
        One of `FORMATS`: ``"xlsx"`` also for ODS, and ``"csv"`` for any text that is not JSON, TSV
        or in an unsupported format.

    Raises:
        ValidationError: the format is not supported.
    """
    start = contents.start()
    if start.startswith(b"PK\x03\x04"):
        return "xlsx"  # or ODS: `workbooks.inspect` distinguishes them
    if start.startswith(b"PK"):
        raise _refusal(contents, "it is an empty or a split ZIP archive, not a spreadsheet")
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise _compound(contents)
    for first, words in _UNSUPPORTED:
        if start.startswith(first):
            raise _refusal(contents, words)
    head = start[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<html", b"<!doctype html", b"<table", b"<?xml", b"<style", b"<meta")):
        raise _refusal(
            contents,
            "it is a web page or XML, despite its name; open it in a spreadsheet program and save "
            "it as CSV or XLSX",
        )
    if head.startswith(b"{") or contents.suffix in {".jsonl", ".ndjson"}:
        return "jsonl"
    if contents.suffix == ".json":
        raise _refusal(
            contents, "it is JSON, but not JSON lines; write it with one object on each line"
        )
    return "tsv" if contents.suffix in {".tsv", ".tab"} else "csv"


def _refusal(contents: Contents, words: str) -> ValidationError:
    return ValidationError(f"{contents.name} cannot be read: {words}", field="source")


def _compound(contents: Contents) -> ValidationError:
    """Return the error for a file in the compound format of Microsoft's older programs."""
    wanted = "EncryptedPackage".encode("utf-16-le")
    last = b""
    for block in contents.blocks():
        if wanted in last + block:
            return _refusal(
                contents, "it is protected by a password; save a copy without a password"
            )
        last = block[-len(wanted) :]
    return _refusal(
        contents, "it is an old Excel workbook (.xls); open it and save it as XLSX or CSV"
    )


def find_dialect(
    contents: Contents, form: str, encoding: str | None, delimiter: str | None
) -> Dialect:
    """Return the encoding and punctuation of a text file.

    Arguments:
        contents: the file.
        form: its format.
        encoding: its encoding; None to detect it.
        delimiter: its separator; None to detect it.

    Raises:
        ValidationError: the encoding is unknown, the separator is not one character, or the file
            is not text.
        OSError: the file cannot be read.
    """
    name, marked = _encoding(contents, encoding)
    text = contents.start(_SAMPLE * 4).decode(name, "replace")[:_SAMPLE]
    if marked and name != "utf-8-sig":
        text = text[1:]
    if "\0" in text:
        raise _refusal(contents, "it is neither text nor a supported spreadsheet")
    preface = ""
    if form in {"csv", "tsv"} and text[:4].lower() == "sep=" and text[5:6] in {"\r", "\n"}:
        preface, text = text[:5], text.partition("\n")[2]
        delimiter = delimiter or preface[4]
    if form == "csv" and delimiter is None:
        delimiter = _separator(text)
    elif form == "tsv":
        delimiter = delimiter or "\t"
    if delimiter and (len(delimiter) != 1 or delimiter in '"\r\n'):
        raise ValidationError("delimiter must be one character, such as ';'", field="delimiter")
    newline = "\r\n" if "\r\n" in text else "\r" if "\r" in text and "\n" not in text else "\n"
    return Dialect(
        encoding=name,
        delimiter="" if form in {"list", "jsonl"} else delimiter or "",
        newline=newline,
        marked=marked,
        preface=preface,
    )


def _encoding(contents: Contents, wanted: str | None) -> tuple[str, bool]:
    """Return a file's encoding, and whether it begins with a byte-order mark."""
    start = contents.start()
    for mark, name in _MARKS:
        if start.startswith(mark) and (wanted is None or _same(wanted, name)):
            return name, True
    if wanted is not None:
        return _known(contents, wanted), False
    # In UTF-16, every other byte of mostly Latin text is zero.
    even, odd = start[0:2000:2].count(0), start[1:2000:2].count(0)
    half = len(start[:2000]) // 2
    if max(even, odd) * 10 > half * 6:
        return ("utf-16-be" if even > odd else "utf-16-le"), False
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in contents.blocks():
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252", False
    return "utf-8", False


def _known(contents: Contents, wanted: str) -> str:
    """Return the name of a requested encoding, after checking that the file's start decodes."""
    start = contents.start()
    try:
        name = codecs.lookup(wanted).name
        io.TextIOWrapper(io.BytesIO(), encoding=name)  # refuses codecs of bytes, such as base64
        start.decode(name, "replace")
        codecs.getincrementaldecoder(name)().decode(start)
    except UnicodeDecodeError as error:
        raise undecodable(contents, wanted, error) from None
    except UnicodeError:  # UTF-16 without a byte-order mark, for example
        raise ValidationError(
            f"{contents.name} cannot be read as {wanted}; pass its encoding, such as 'utf-8' or "
            "'utf-16-le'",
            field="encoding",
        ) from None
    except (LookupError, TypeError, ValueError):
        raise ValidationError(
            f"encoding {wanted!r} is not known; pass one such as 'utf-8' or 'cp1252'",
            field="encoding",
        ) from None
    return name


def _same(one: str, other: str) -> bool:
    try:
        plain = codecs.lookup(one).name
    except LookupError:
        return False
    return plain in {other, other.removesuffix("-sig"), other[:6]}


def _separator(text: str) -> str:
    """Return the separator of a text's cells, or an empty string if each line is one cell.

    Prefer a separator that isolates a known heading of a number column, then the one with which
    most lines have the same number of cells. (`csv.Sniffer` may return a letter or a line ending.)
    """
    lines = text.splitlines(keepends=True)
    if len(lines) > 1 and len(text) >= _SAMPLE:
        lines.pop()  # it may be incomplete
    best, most = "", (False, 0.0)
    for separator in _SEPARATORS:
        rows = _parsed(lines[:200], separator)
        sizes = [len(row) for row in rows if row]
        wide = [size for size in sizes if size > 1]
        if not wide:
            continue
        usual = max(set(wide), key=wide.count)
        named = any(_has_heading(row) for row in rows[:HEADING_ROWS] if len(row) > 1)
        share = wide.count(usual) / len(sizes)
        if (named or share > 0.5 or len(sizes) == 1) and (named, share) > most:
            best, most = separator, (named, share)
    return best


def _has_heading(row: Sequence[Any]) -> bool:
    return any(simplified(cell) in STRONG or simplified(cell) in WEAK for cell in row)


def _parsed(lines: Sequence[str], separator: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=separator))
    except csv.Error:
        return []
