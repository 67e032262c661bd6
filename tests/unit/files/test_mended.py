"""Copies of the rows that were set aside: in the file's format, to be corrected and read again."""

from __future__ import annotations

import io
import stat

import openpyxl
import pytest

from smsworks_async import ValidationError
from smsworks_async.files import read_recipients, write_set_aside
from smsworks_async.files.mended import ADDED
from support.spreadsheets import HEADINGS, SAMPLES, csv_bytes, xlsx_bytes


@pytest.fixture
def write(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write


@pytest.mark.parametrize(
    "sample",
    [sample for sample in SAMPLES if sample.set_aside],
    ids=lambda sample: f"{sample.maker}-{sample.name}",
)
def test_write_set_aside_writes_those_rows_and_only_those_in_the_files_own_format(write, sample):
    people = read_recipients(write(sample.name, sample.data), column=sample.column)
    aside = [row for row in people if row.destination is None]
    path = write_set_aside(people)
    stem, ending = sample.name.split(".")
    assert path.name == f"{stem}.to-mend.{ending}"
    copy = read_recipients(path, column=sample.column)
    if people.format != "list":  # a list, which has no columns
        assert (copy.format, copy.dialect) == (people.format, people.dialect)
        assert copy.headings[-3:] == ADDED
        assert copy.headings[:-3] == people.headings or people.format == "jsonl"
    rows = list(copy)
    assert [row.destination for row in rows] == [None] * len(aside)
    assert [int(row.fields["Row"]) for row in rows] == [row.number for row in aside]
    assert [row.fields["What is wrong"] for row in rows] == [row.problem for row in aside]
    assert [row.fields["Suggestion"] for row in rows] == [row.suggestion for row in aside]
    for row, original in zip(rows, aside, strict=True):
        for name, cell in original.fields.items():
            was = "" if cell is None else cell
            assert str(row.fields.get(name) or "") == str(was)


def test_write_set_aside_keeps_line_ends_mark_and_preface(write):
    text = "\ufeffsep=;\r\nName;Tel\r\nZoë;nobody\r\n"
    path = write_set_aside(read_recipients(write("a.csv", text.encode("utf-16-le"))))
    written = path.read_bytes().decode("utf-16-le")
    assert written.startswith(
        "\ufeffsep=;\r\nName;Tel;Row;What is wrong;Suggestion\r\nZoë;nobody;2;"
    )
    assert written.endswith("\r\n")


def test_write_set_aside_writes_nothing_where_nothing_was_set_aside(write, tmp_path):
    people = read_recipients(write("a.csv", b"Mobile\n07700 900123\n"))
    assert write_set_aside(people) is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_write_set_aside_leaves_a_copy_alone_that_somebody_mends(write, tmp_path):
    source = write("a.csv", b"Name,Mobile\nAda,nobody\n")
    first = write_set_aside(read_recipients(source))
    assert write_set_aside(read_recipients(source)) == first
    first.write_bytes(first.read_bytes().replace(b"nobody", b"07700 900123"))
    second = write_set_aside(read_recipients(source))
    assert second.name == "a.to-mend-2.csv"
    assert b"07700 900123" in first.read_bytes()
    assert list(read_recipients(first).destinations()) == ["447700900123"]
    assert len(list(tmp_path.iterdir())) == 3


def test_write_set_aside_of_a_copy_has_its_three_columns_once(write):
    source = write("a.xlsx", xlsx_bytes([HEADINGS, ("Ada", "nobody", 2)]))
    first = write_set_aside(read_recipients(source))
    second = write_set_aside(read_recipients(first))
    assert second.name == "a.to-mend-2.xlsx"
    assert read_recipients(second).headings == (*HEADINGS, *ADDED)


def test_write_set_aside_writes_to_a_place_that_is_named_and_needs_one_for_a_stream(tmp_path):
    people = read_recipients(io.StringIO("Mobile,x\nnobody,1\n"))
    with pytest.raises(ValidationError, match="to is missing"):
        write_set_aside(people)
    assert write_set_aside(people, to=tmp_path / "b.csv") == tmp_path / "b.csv"


def test_write_set_aside_lets_the_same_people_read_it_and_leaves_nothing_behind(write, tmp_path):
    source = write("a.csv", b"Name,Mobile\nAda,nobody\n")
    source.chmod(0o640)
    assert stat.S_IMODE(write_set_aside(read_recipients(source)).stat().st_mode) == 0o640
    source.write_bytes(b"Name,Mobile\nAda,nobody\n" * 3 + b'"')
    with pytest.raises(ValidationError):
        write_set_aside(read_recipients(source))
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "a.to-mend.csv"}


def test_write_set_aside_names_the_folder_that_is_missing(write, tmp_path):
    folder = tmp_path / "none"
    with pytest.raises(FileNotFoundError) as caught:
        write_set_aside(read_recipients(write("a.csv", b"Mobile\nnobody\n")), to=folder / "b.csv")
    assert caught.value.filename == str(folder)


def test_write_xlsx_formats_the_column_of_numbers_as_text_and_keeps_other_values(write):
    rows = [HEADINGS, ("<&\x01\"'> Ada\n B", 123, 2.5), ("Bob", None, True)]
    data = xlsx_bytes(
        [
            [str(cell).replace("\x01", "") if i == 0 else cell for i, cell in enumerate(row)]
            for row in rows
        ]
    )
    path = write_set_aside(read_recipients(write("a.xlsx", data)))
    sheet = openpyxl.load_workbook(path).active
    assert [[cell.value for cell in row][:4] for row in sheet.iter_rows()] == [
        [*HEADINGS, "Row"],
        ["<&\"'> Ada\n B", "123", 2.5, 2],
        ["Bob", None, True, 3],
    ]
    assert sheet["B2"].number_format == "@"
    assert sheet.column_dimensions["B"].width == 20


def test_write_set_aside_survives_rows_that_are_longer_than_the_headings(write):
    data = csv_bytes([("Mobile", "Name"), ("nobody", "Ada", "x", "y"), ("noone",)])
    path = write_set_aside(read_recipients(write("a.csv", data)))
    rows = list(read_recipients(path))
    assert [row.cells[:4] for row in rows] == [["nobody", "Ada", "x", "y"], ["noone", "", "", ""]]
    assert [row.fields["Row"] for row in rows] == ["2", "3"]


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_write_set_aside_writes_no_cell_that_a_spreadsheet_would_run(write, ending):
    cells = ["=1+1", "@SUM(1)", "-2+3", "+44 7700", "-"]
    separator = {"csv": ",", "tsv": "\t"}[ending]
    rows = "".join(f"{cell}{separator}nobody\n" for cell in cells)
    path = write(f"people.{ending}", f"Name{separator}Mobile\n{rows}".encode())
    for _ in range(2):  # a copy of a copy is identical
        path = write_set_aside(read_recipients(path))
        copied = [row.cells[0] for row in read_recipients(path)]
        assert copied == ["'=1+1", "'@SUM(1)", "'-2+3", "+44 7700", "'-"]
