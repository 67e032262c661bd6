"""What a file is, told from its contents: its format, encoding, separator and line ends."""

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


#: The formats that are read.
FORMATS: Final = ("csv", "tsv", "list", "jsonl", "xlsx", "ods")
# The separators that spreadsheets write, by locale, and databases; the first that fits is taken.
_SEPARATORS: Final = ",;\t|"
# No file has it, so that a line is one cell.
NO_SEPARATOR: Final = "\x1f"
# So many characters of a file tell its separator.
_SAMPLE: Final = 1 << 16
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Files that are often called spreadsheets, by their first bytes.
_STRANGERS: Final = (
    (b"%PDF", "it is a PDF; open the spreadsheet that it was made from"),
    (b"{\\rtf", "it is a rich text document; save it as a spreadsheet or as plain text"),
)


@attrs.frozen(kw_only=True)
class Dialect:
    """How a text file is written.

    Attributes:
        encoding: ``"utf-8"``, ``"utf-8-sig"`` (with a byte-order mark), ``"utf-16-le"``,
            ``"utf-16-be"``, ``"cp1252"``, or one that was named.
        delimiter: what stands between cells; empty in a list and in JSON lines.
        newline: what ends a line.
        marked: whether it begins with a byte-order mark.
        preface: the line ``sep=;`` that Excel takes for a separator, or an empty string.
    """

    encoding: str = "utf-8"
    delimiter: str = ""
    newline: str = "\n"
    marked: bool = False
    preface: str = ""

    def open(self, contents: Contents) -> io.TextIOWrapper:
        """Open a file at its first line, without its mark and preface; line ends are kept.

        Raises:
            OSError: it cannot be read.
        """
        text = io.TextIOWrapper(contents.open(), encoding=self.encoding, newline="")
        if self.marked and self.encoding != "utf-8-sig":
            text.read(1)
        if self.preface:
            text.readline()
        return text


def undecodable(contents: Contents, encoding: str, error: UnicodeDecodeError) -> ValidationError:
    """Return the error for a file that is not written in the encoding that was named."""
    return ValidationError(
        f"{contents.name} is not {encoding}: it has the byte 0x{error.object[error.start]:02x}, "
        "which has no meaning there; name its encoding, or save it as UTF-8",
        field="encoding",
    )


def find_format(contents: Contents) -> str:
    """Return a file's format; ``"csv"`` stands for any text with lines that is no JSON.

    Raises:
        ValidationError: it is of a kind that is not read.
    """
    start = contents.start()
    if start.startswith(b"PK\x03\x04"):
        return "xlsx"  # or ODS: who opens it looks
    if start.startswith(b"PK"):
        raise _refusal(contents, "it is an empty or a split archive, and no spreadsheet")
    if start.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        raise _compound(contents)
    for first, words in _STRANGERS:
        if start.startswith(first):
            raise _refusal(contents, words)
    head = start[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<html", b"<!doctype html", b"<table", b"<?xml", b"<style", b"<meta")):
        raise _refusal(
            contents,
            "it is a web page or XML, whatever its name says; open it in a spreadsheet program and "
            "save it as CSV or XLSX",
        )
    if head.startswith(b"{") or contents.suffix in {".jsonl", ".ndjson"}:
        return "jsonl"
    if contents.suffix == ".json":
        raise _refusal(
            contents, "it is JSON, but not one object on each line (JSON lines); write it so"
        )
    return "tsv" if contents.suffix in {".tsv", ".tab"} else "csv"


def _refusal(contents: Contents, words: str) -> ValidationError:
    return ValidationError(f"{contents.name} cannot be read: {words}", field="source")


def _compound(contents: Contents) -> ValidationError:
    """Return the error for a file in Microsoft's older container."""
    wanted = "EncryptedPackage".encode("utf-16-le")
    last = b""
    for block in contents.blocks():
        if wanted in last + block:
            return _refusal(
                contents, "it is protected by a password; open it, and save a copy without one"
            )
        last = block[-len(wanted) :]
    return _refusal(
        contents, "it is an old Excel workbook (.xls); open it, and save it as XLSX or CSV"
    )


def find_dialect(
    contents: Contents, form: str, encoding: str | None, delimiter: str | None
) -> Dialect:
    """Return how a text file is written.

    Arguments:
        contents: the file.
        form: its format.
        encoding: its encoding; None to find it.
        delimiter: its separator; None to find it.

    Raises:
        ValidationError: the encoding or the separator is none, or the file is no text.
        OSError: it cannot be read.
    """
    name, marked = _encoding(contents, encoding)
    text = contents.start(_SAMPLE * 4).decode(name, "replace")[:_SAMPLE]
    if marked and name != "utf-8-sig":
        text = text[1:]
    if "\0" in text:
        raise _refusal(contents, "it is no text and no spreadsheet that is known")
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
    """Return an encoding, and whether a byte-order mark begins the file."""
    start = contents.start()
    for mark, name in _MARKS:
        if start.startswith(mark) and (wanted is None or _same(wanted, name)):
            return name, True
    if wanted is not None:
        try:
            return codecs.lookup(wanted).name, False
        except (LookupError, TypeError):
            raise ValidationError(
                f"encoding {wanted!r} is not known; give one such as 'utf-8' or 'cp1252'",
                field="encoding",
            ) from None
    # Text of mostly Latin letters in UTF-16 has a zero in every other byte.
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


def _same(one: str, other: str) -> bool:
    try:
        plain = codecs.lookup(one).name
    except LookupError:
        return False
    return plain in {other, other.removesuffix("-sig"), other[:6]}


def _separator(text: str) -> str:
    """Return the separator of a text's cells; an empty string where each line is one cell.

    One by which a heading of numbers stands alone wins, then one by which the most lines have the
    same number of cells. (`csv.Sniffer` takes a letter, or a line's end, for a separator.)
    """
    lines = text.splitlines(keepends=True)
    if len(lines) > 1 and len(text) >= _SAMPLE:
        lines.pop()  # it may be cut
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
