"""Files as different programs write them: each row is taken, mended or set aside as expected."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from smsworks_async import ValidationError
from smsworks_async.files import numbers, read_recipients
from support.spreadsheets import HEADINGS, SAMPLES, csv_bytes, xlsx_bytes


@pytest.fixture
def write(tmp_path):
    def write(name, data):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return write


def refused(source, **options):
    with pytest.raises(ValidationError) as caught:
        list(read_recipients(source, **options))
    return caught.value


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.maker}-{sample.name}")
def test_read_recipients_takes_mends_and_sets_aside_the_rows_of_each_maker(write, sample):
    people = read_recipients(write(sample.name, sample.data), column=sample.column)
    rows = {row.number: row for row in people}
    expected = {*sample.taken, *sample.mended, *sample.set_aside}
    assert rows.keys() == expected
    assert people.column.heading == sample.heading
    for number, row in rows.items():
        if number in sample.set_aside:
            assert row.destination is None
            assert sample.set_aside[number] in row.problem
            assert row.suggestion
        else:
            assert row.destination.startswith("44770090")
            assert sample.mended.get(number, "") in row.notice
            assert bool(row.notice) == (number in sample.mended)
    summary = people.check()
    assert (summary.taken, summary.mended, summary.set_aside) == (
        len(sample.taken),
        len(sample.mended),
        len(sample.set_aside),
    )
    assert list(people.destinations()) == [row.destination for row in people if row.destination]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.maker}-{sample.name}")
def test_read_recipients_reads_a_stream_as_it_reads_a_file(write, sample):
    of_file = read_recipients(write(sample.name, sample.data), column=sample.column)
    form = of_file.format if of_file.format in {"tsv", "jsonl"} else None
    of_stream = read_recipients(io.BytesIO(sample.data), column=sample.column, format=form)
    for _ in range(2):
        assert [row[:6] for row in of_stream] == [row[:6] for row in of_file]


def test_read_recipients_tells_format_and_dialect(write):
    german = read_recipients(write("a.csv", SAMPLES[1].data))
    assert (german.format, german.dialect.encoding, german.dialect.delimiter) == (
        "csv",
        "cp1252",
        ";",
    )
    assert german.dialect.newline == "\r\n"
    utf16 = read_recipients(write("b.txt", SAMPLES[2].data))
    assert (utf16.dialect.encoding, utf16.dialect.delimiter) == ("utf-16-le", "\t")
    workbook = read_recipients(write("c.xlsx", SAMPLES[3].data))
    assert (workbook.format, workbook.dialect, workbook.sheet) == ("xlsx", None, "Sheet")


@pytest.mark.parametrize("separator", list(",;\t|"))
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252"])
def test_read_recipients_tells_each_separator_in_each_encoding(encoding, separator):
    rows = [("Name", "Tel."), ("Zoë; née, Bee", "07700 900123"), ("Bob", "+44 7700 900124")]
    people = read_recipients(io.BytesIO(csv_bytes(rows, encoding, delimiter=separator)))
    assert list(people.destinations()) == ["447700900123", "447700900124"]
    assert [row.cells[0] for row in people] == ["Zoë; née, Bee", "Bob"]


def test_read_recipients_heeds_the_line_that_names_a_separator():
    people = read_recipients(io.StringIO("sep=|\r\nName|Tel\r\nA;b|07700 900123\r\n"))
    assert [(row.number, row.fields) for row in people] == [
        (2, {"Name": "A;b", "Tel": "07700 900123"})
    ]


@pytest.mark.parametrize(
    "heading",
    [
        "mobile",
        "MOBILE",
        "Mobile-No.",
        "mobile_number",
        "Tel",
        "Phone #",
        "Mobile (UK)",
        "tele phone",
    ],
)
@pytest.mark.parametrize("row", [0, 4, 9])
def test_read_recipients_finds_a_heading_in_any_of_the_first_ten_rows(heading, row):
    text = "\n" * row + f"Name,{heading}\nAda,07700 900123\n"
    people = read_recipients(io.StringIO(text))
    assert [(one.number, one.destination) for one in people] == [(row + 2, "447700900123")]


def test_read_recipients_looks_for_no_heading_below_the_tenth_row():
    text = "a,b\n" * 10 + "Name,Mobile\nAda,07700 900123\n"
    assert "column B seems to hold numbers" in str(refused(io.StringIO(text)))


def test_read_recipients_takes_a_title_for_no_heading():
    text = "Mobile\n\nName,Phone\nAda,07700 900123\n"
    people = read_recipients(io.StringIO(text), format="csv", delimiter=",")
    assert people.headings == ("Name", "Phone")


def test_read_recipients_takes_a_weak_heading_only_over_numbers():
    assert read_recipients(io.StringIO("Name,Number\nAda,07700900123\n")).column.index == 1
    error = refused(io.StringIO("No,Name,Kontakt\n1,Ada,07700900123\n"))
    assert "column C seems" in str(error)


@pytest.mark.parametrize("named", ["Kontakt", " kontakt ", "KON-TAKT", "C", "c"])
def test_read_recipients_takes_the_column_that_is_named(named):
    people = read_recipients(io.StringIO("No,Name,Kontakt\n1,Ada,07700900123\n"), column=named)
    assert (people.column.index, people.headings[2]) == (2, "Kontakt")
    assert list(people.destinations()) == ["447700900123"]


def test_read_recipients_needs_no_headings_where_the_column_is_named_by_its_letter():
    people = read_recipients(io.StringIO("Ada,07700900123\nBob,07700900124\n"), column="B")
    assert people.headings == ()
    assert [row.number for row in people] == [1, 2]


@pytest.mark.parametrize(
    ("text", "options", "field", "words"),
    [
        ("", {}, "source", "is empty"),
        ("a,Phone,Mobile\nb,1,2\n", {}, "column", "B (Phone) and C (Mobile)"),
        ("a,Mobile,Mobile\nb,1,2\n", {}, "column", "choose the column to text, such as 'B'"),
        ("a,Mobile,Mobile\nb,1,2\n", {"column": "mobile"}, "column", "B (Mobile) and C (Mobile)"),
        ("a,b\nAda,07700900123\n", {}, "column", "column B seems to hold numbers"),
        ("a,b\nAda,Bob\n", {}, "column", "the columns are a, b"),
        ("a,Mobile\nAda,1\n", {"column": "Phone"}, "column", "no column has the heading 'Phone'"),
        ("07700900123,07700900124\n", {}, "column", "one number on each line"),
        ('Name,Mobile\n"Ada,07700900123\nBob,07700900124\n', {}, "source", "never closed"),
        ("\0\1\2\3" * 100, {}, "source", "neither text nor"),
        ("%PDF-1.7", {}, "source", "PDF"),
        ("<html><table>", {}, "source", "web page"),
        ("a,Mobile\n", {"sheet": "x"}, "sheet", "not a workbook"),
        ("a,Mobile\n", {"format": "doc"}, "format", "one of csv"),
        ("a,Mobile\n", {"encoding": "klingon"}, "encoding", "not known"),
        ("a,Mobile\n", {"delimiter": ";;"}, "delimiter", "one character"),
        ('{"mobile": 1}\n[1]\n', {}, "source", "line 2"),
        ('{"mobile": 1}\n{"mobile":', {}, "source", "line 2"),
        ("Name,Mobile\nA,1\n", {"message": "Hi {nam}"}, "message", "the columns are Name, Mobile"),
        ("Name,name,Mobile\nA,B,1\n", {"message": "Hi {NAME}"}, "message", "A and B"),
        ("07700900123", {"message": "Hi {name}"}, "message", "no headings"),
        ("Name,Mobile\nA,1\n", {"message": "50% { off"}, "message", "for literal braces"),
        ("Name,Mobile\nA,1\n", {"message": " "}, "message", "empty"),
    ],
)
def test_read_recipients_refuses_what_cannot_be_meant_in_words_that_help(
    text, options, field, words
):
    error = refused(io.StringIO(text), **options)
    assert error.field == field
    assert words in str(error)


def test_check_shows_the_first_rows_that_were_set_aside_in_their_order():
    text = "Name,Mobile\n,07700900123\nBob,nobody\n,07700900124\n"
    examples = read_recipients(io.StringIO(text), message="Hi {name}").check().examples
    assert [row.number for row in examples] == [2, 3, 4]
    assert examples[0].problem == "Name is blank, but the message needs it"


def test_read_recipients_refuses_a_folder_and_leaves_a_missing_file_to_the_system(tmp_path):
    assert "is a folder" in str(refused(tmp_path))
    with pytest.raises(FileNotFoundError):
        read_recipients(tmp_path / "missing.csv")


def test_read_recipients_refuses_a_json_document(write):
    assert "one object on each line" in str(refused(write("a.json", '[{"mobile": 1}]')))


def test_read_recipients_reads_400_columns_and_names_few_of_them():
    wide = [f"Column {n}" for n in range(399)]
    row = ["x"] * 399
    people = read_recipients(io.BytesIO(csv_bytes([[*wide, "Mobile"], [*row, "07700 900123"]])))
    assert (people.column.letter, list(people.destinations())) == ("OJ", ["447700900123"])
    error = refused(io.BytesIO(csv_bytes([[*wide, "Other"], [*row, "x"]])))
    assert len(str(error)) < 300
    assert "and 392 more" in str(error)


def test_read_recipients_refuses_a_file_that_changes_while_it_is_read(write):
    path = write("a.csv", "Name,Mobile\nAda,07700 900123\n")
    people = read_recipients(path)
    path.write_text("Name,Mobile\nAda,07700 900123\nBob,07700 900124\n")
    with pytest.raises(ValidationError, match="was changed"):
        list(people)


def test_read_recipients_refuses_a_workbook_that_was_saved_anew(write):
    rows = [HEADINGS, ("Ada", "07700 900123", 1)]
    path = write("people.xlsx", xlsx_bytes(rows))
    people = read_recipients(path)
    path.write_bytes(xlsx_bytes([*rows, ("Bob", "07700 900124", 1)]))
    with pytest.raises(ValidationError, match="was changed while it was being read"):
        list(people.destinations())


def test_read_recipients_of_a_stream_can_be_iterated_twice_at_a_time():
    lines = [f"Name {n},07700 {900000 + n % 1000}\n" for n in range(3000)]
    people = read_recipients(io.StringIO("Name,Mobile\n" + "".join(lines)))
    both = list(zip(people, people, strict=True))
    assert len(both) == 3000
    assert all(one.number == other.number for one, other in both)


def test_read_recipients_refuses_a_file_that_grows_while_its_rows_are_drawn(write):
    path = write("people.csv", csv_bytes([HEADINGS, ("Ada", "07700 900123", 1)]))
    people = iter(read_recipients(path))
    assert next(people).destination == "447700900123"
    with path.open("ab") as file:
        file.write(b"Bob,07700 900124,1\n")
    with pytest.raises(ValidationError, match="was changed while it was being read"):
        list(people)


def test_read_recipients_notices_a_cell_that_has_swallowed_rows():
    lines = [f"Ada,07700900{n:03d}" for n in range(50)]
    text = 'Name,Mobile\n"' + "\n".join(lines) + '"\nBob,07700 900123\n'
    people = read_recipients(io.StringIO(text))
    list(people)
    assert "row 2 has a cell with 49 line breaks" in people.notices[0]


def test_read_recipients_says_which_encoding_a_file_is_not_in():
    data = "Name,Mobile\nZoë,07700 900123\n".encode("cp1252")
    assert "0xeb" in str(refused(io.BytesIO(data), encoding="utf-8"))


def test_read_recipients_sets_aside_rows_whose_text_cannot_be_made():
    rows = [
        HEADINGS,
        ("Ada", "07700900123", 3.0),
        ("", "07700900124", 1),
        ("B" * 1300, "07700900125", 1),
    ]
    people = read_recipients(
        io.BytesIO(xlsx_bytes(rows)), message="Hi {First name}, {{visit}} {visits}"
    )
    assert people.template == "Hi {firstname}, {{visit}} {visits}"
    assert list(people.rows()) == [
        {"destination": "447700900123", "firstname": "Ada", "visits": 3.0}
    ]
    problems = {row.number: row.problem for row in people if row.problem}
    assert "First name is blank" in problems[3]
    assert "cannot be sent" in problems[4]


def test_read_recipients_keeps_a_message_without_fields_as_plain_text():
    people = read_recipients(io.StringIO("07700 900123"), message="Hi {{you}}")
    assert people.message.plain == "Hi {you}"


def test_read_recipients_takes_numbers_abroad_only_if_asked_to():
    text = "Mobile\n+33 6 39 98 00 01\n"
    assert read_recipients(io.StringIO(text)).check().set_aside == 1
    abroad = read_recipients(io.StringIO(text), international=True)
    assert list(abroad.destinations()) == ["33639980001"]


def people_of(count):
    lines = (f"Ada{n},0770090{n % 10000:04d},x\n" for n in range(count))
    return io.BytesIO(b"Name,Mobile,y\n" + "".join(lines).encode())


def test_read_recipients_holds_no_more_of_a_long_file_than_of_a_short_one():
    def peak(count):
        people = read_recipients(people_of(count))
        tracemalloc.start()
        try:
            assert people.check().rows == count
            assert sum(1 for _ in people) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2000)
    assert peak(20_000) < peak(5000) + 100_000


def test_read_recipients_judges_most_cells_many_at_a_time(monkeypatch):
    """Check that most cells skip the slow rule; `benchmarks/files.py` measures the effect."""
    rows = [("Mobile", ""), *((spelled, "") for spelled in ("07700 900123", "+44 7700900123"))]
    people = read_recipients(io.BytesIO(csv_bytes(rows)))
    judged = []
    monkeypatch.setattr(numbers, "judge", lambda cell, _: judged.append(cell))
    assert people.check().taken == 2
    assert judged == []


def test_read_recipients_takes_no_row_with_a_number_for_headings():
    file = io.StringIO("Mobile,Phone\n07700 900123,\n,07700 900124\n")
    people = read_recipients(file, column="B")
    assert people.headings == ("Mobile", "Phone")
    assert [(row.number, row.destination) for row in people] == [(2, None), (3, "447700900124")]


@pytest.mark.parametrize(
    ("message", "filled"),
    [
        ("Hi {Name}, don\u2019t be late", "Hi Zoe, don't be late"),
        ("{Visits}½ “visits”, {{Name}}", '1 1/2 "visits", {Name}'),
    ],
)
def test_read_recipients_with_gsm_fills_texts_and_then_replaces_characters(message, filled):
    file = io.StringIO("Name,Visits,Mobile\nZoë,1,07700900123\n")
    people = read_recipients(file, message=message, gsm=True)
    row = next(people.rows())
    assert people.template.format_map(row) == filled
    assert row["destination"] == "447700900123"


def test_read_recipients_with_gsm_sets_aside_a_text_that_becomes_too_long():
    file = io.StringIO(f"Name,Mobile\n{'…' * 500},07700900123\n")
    people = read_recipients(file, message="{Name}", gsm=True)
    assert "its text cannot be sent" in people.check().examples[0].problem


def test_read_recipients_with_gsm_keeps_a_text_without_fields_plain():
    people = read_recipients(io.StringIO("07700900123"), message="Don\u2019t {{you}}", gsm=True)
    assert people.message.plain == "Don't {you}"
    assert people.template == "Don't {{you}}"
