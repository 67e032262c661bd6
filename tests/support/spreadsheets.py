"""Spreadsheets as their makers write them, and small workbooks that do harm."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs
import openpyxl


FIXTURES = Path(__file__).parents[1] / "fixtures" / "spreadsheets"
HEADINGS = ("First name", "Mobile", "Visits")


@attrs.frozen
class Sample:
    """A file, and the expected results of its rows.

    Attributes:
        maker: the program that writes such files.
        name: the file's name.
        data: its bytes.
        column: the column that has to be named, or None.
        heading: the heading over the numbers.
        taken: the row numbers that are accepted unchanged.
        mended: the row numbers that are mended, with a word of the notice.
        set_aside: the row numbers that are set aside, with a word of the problem.
    """

    maker: str
    name: str
    data: bytes
    heading: str
    taken: Sequence[int]
    mended: dict[int, str] = attrs.field(factory=dict)
    set_aside: dict[int, str] = attrs.field(factory=dict)
    column: str | None = None


def csv_bytes(
    rows: Iterable[Sequence[Any]], encoding: str = "utf-8", newline: str = "\r\n", **dialect: Any
) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator=newline, **dialect).writerows(rows)
    return file.getvalue().encode(encoding)


def xlsx_bytes(rows: Iterable[Sequence[Any]], **more: Any) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(list(row))
    for place, value in more.items():
        sheet[place] = value
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def excel_in_britain() -> Sample:
    rows = [
        HEADINGS,
        ("Zoë", "07700 900123", 3),
        ("Bob", "4.47701E+11", 1),
        ("Cy", "7700900124", ""),
    ]
    data = csv_bytes(rows, "utf-8-sig")
    return Sample(
        "Excel, CSV UTF-8", "people.csv", data, "Mobile", [2], {4: "leading 0"}, {3: "scientific"}
    )


def excel_in_germany() -> Sample:
    rows = [
        ("Vorname", "Handy-Nr.", "Straße"),
        ("Jürgen", "4,47701E+11", "Weg 1"),
        ("Käthe", "+44 7700 900123", "Weg 2"),
        ("Ute", "4,47700900124E+11", "Weg 3"),
        ("", "", ""),
    ]
    data = csv_bytes(rows, "cp1252", delimiter=";")
    mended = {4: "scientific"}
    return Sample(
        "Excel, semicolons", "leute.csv", data, "Handy-Nr.", [3], mended, {2: "scientific"}
    )


def excel_unicode_text() -> Sample:
    rows = [HEADINGS, ("Ada", "07700 900123", 3), ("Žofie", "'07700900124", 1)]
    data = b"\xff\xfe" + csv_bytes(rows, "utf-16-le", delimiter="\t")
    return Sample("Excel, Unicode text", "people.txt", data, "Mobile", [2], {3: "apostrophe"})


def excel_workbook() -> Sample:
    rows = [
        ("The spring sale",),
        (),
        HEADINGS,
        ("Ada", 447700900123, 3),
        ("Bob", 7700900124, 1),
        (),
        ("Cy", dt.date(2031, 5, 1), 1),
        ("Dot", None, 1),
        ("Eve", "07700 900125\n07700 900126", 1),
        ("Fay", True, 1),
        ("Total", None, "=SUM(C4:C10)"),
    ]
    set_aside = {7: "date", 8: "no number", 9: "more than one", 10: "truth", 11: "no number"}
    return Sample(
        "Excel, workbook",
        "people.xlsx",
        xlsx_bytes(rows),
        "Mobile",
        [4],
        {5: "leading 0"},
        set_aside,
    )


def library_workbook() -> Sample:
    """Formulas without results, since no program has calculated them."""
    rows = [HEADINGS, ("Ada", '="07700"&"900123"', 3), ("Bob", "07700 900124", 1)]
    return Sample("a library", "report.xlsx", xlsx_bytes(rows), "Mobile", [3], {}, {2: "no number"})


def google_sheets() -> Sample:
    rows = [
        ("Name", "Address", "Phone number"),
        ("Ada", "1 High Street\nLondon", "07700 900123"),
        ("Bob", 'The "Old" Mill, Ely', "+447700900124"),
        ("Cy", "", "#N/A"),
        ("Dot", "", '="07700900125"'),
    ]
    data = csv_bytes(rows)
    mended = {5: "formula"}
    return Sample(
        "Google Sheets", "Sheet1.csv", data, "Phone number", [2, 3], mended, {4: "error #N/A"}
    )


def google_contacts() -> Sample:
    headings = ["Name", *(f"Custom {n}" for n in range(30)), "Phone 1 - Type", "Phone 1 - Value"]
    rows = [
        headings,
        ["Ada", *[""] * 30, "Mobile", "+44 7700 900123"],
        ["Bob", *[""] * 30, "Mobile", "07700 900124 ::: 07700 900125"],
        ["Cy", *[""] * 31],
    ]
    return Sample(
        "Google Contacts",
        "contacts.csv",
        csv_bytes(rows, newline="\n"),
        "Phone 1 - Value",
        [2],
        {},
        {3: "more than one", 4: "no number"},
        column="phone 1 value",
    )


def outlook() -> Sample:
    rows = [
        ("First Name", "Home Phone", "Mobile Phone", "Business Phone"),
        ("Ada", "020 7946 0001", "(07700) 900-123", ""),
        ("Bob", "020 7946 0002", "020 7946 0003", ""),
        ("Cy", "07700 900125", "", "07700 900126"),
    ]
    data = csv_bytes(rows, "cp1252", quoting=csv.QUOTE_ALL)
    set_aside = {3: "not a UK mobile", 4: "no number"}
    return Sample("Outlook", "contacts.csv", data, "Mobile Phone", [2], {}, set_aside)


def marketing_export() -> Sample:
    rows = [
        ("Email Address", "First Name", "SMS Phone", "TAGS"),
        ("ada@example.org", "Ada", "'+447700900123", '"a","b"'),
        ("bob@example.org", "Bob", "447700900124.0", ""),
        ("cy@example.org", "Cy", "cy@example.org", ""),
    ]
    data = csv_bytes(rows, quoting=csv.QUOTE_ALL)
    mended = {2: "apostrophe", 3: "decimal"}
    return Sample("a marketing tool", "audience.csv", data, "SMS Phone", [], mended, {4: "letters"})


def data_frame() -> Sample:
    rows = [("", "name", "msisdn"), (0, "Ada", 447700900123.0), (1, "Bob", "")]
    data = csv_bytes(rows, newline="\n")
    return Sample("pandas", "frame.csv", data, "msisdn", [], {2: "decimal"}, {3: "no number"})


def database_dump() -> Sample:
    rows = [("id", "mobile_no"), (1, "07700900123"), (2, "NULL"), (3, "07700 900124\u200e")]
    data = csv_bytes(rows, newline="\n", delimiter="|")
    return Sample("a database", "dump.csv", data, "mobile_no", [2], {4: "hidden"}, {3: "letters"})


def json_lines() -> Sample:
    objects = [{"name": "Ada", "mobile": 447700900123}, {"mobile": "7700900124"}, {"name": "Cy"}]
    data = "\n".join(map(json.dumps, objects)).encode()
    mended = {2: "leading 0"}
    return Sample("a program", "people.jsonl", data, "mobile", [1], mended, {3: "no number"})


def notepad() -> Sample:
    lines = [
        "07700 900123",
        "",
        "  07700900124",
        "\uff10\uff17\uff17\uff10\uff10\uff19\uff10\uff10\uff11\uff12\uff15",
        "077009001",
        "Bob: 07700 900126",
    ]
    data = "\r\n".join(lines).encode("utf-8-sig")
    set_aside = {5: "nine digits", 6: "letters"}
    return Sample("Notepad", "list.txt", data, "", [1, 3], {4: "another script"}, set_aside)


def libreoffice(ending: str) -> Sample:
    data = (FIXTURES / f"libreoffice.{ending}").read_bytes()
    mended = {5: "leading 0", 11: "apostrophe", 12: "hidden"}
    set_aside = {9: "more than one", 10: "no number", 13: "date", 14: "no number"}
    return Sample(
        "LibreOffice", f"people.{ending}", data, "Mobile number", [4, 6, 8, 15], mended, set_aside
    )


SAMPLES = [
    excel_in_britain(),
    excel_in_germany(),
    excel_unicode_text(),
    excel_workbook(),
    library_workbook(),
    google_sheets(),
    google_contacts(),
    outlook(),
    marketing_export(),
    data_frame(),
    database_dump(),
    json_lines(),
    notepad(),
    libreoffice("ods"),
    libreoffice("xlsx"),
]


def changed_archive(data: bytes, changed: dict[str, bytes]) -> bytes:
    """Return an archive with other contents of some entries."""
    new = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(new, "w", 8) as archive:
        for name in old.namelist():
            archive.writestr(name, changed.get(name, old.read(name)))
    return new.getvalue()
