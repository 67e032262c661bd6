"""Opt-outs from and to files: the kinds of files that `files.read_recipients` reads."""

from __future__ import annotations

import io
import stat

import pytest

from smsworks_async import JournalError, OptOuts, ValidationError
from smsworks_async.journals import MemoryJournal
from support.spreadsheets import SAMPLES, xlsx_bytes


ONE, TWO, THREE = "447700900001", "447700900002", "447700900003"
#: 2030-01-31 09:00 UTC.
NOW = 1_896_080_400.0


@pytest.fixture
def journal():
    return MemoryJournal(clock=lambda: NOW)


@pytest.fixture
def opt_outs(journal):
    return OptOuts(journal)


@pytest.mark.parametrize(
    "contents",
    [
        b"07700 900001\n+447700900002\n",
        b"Name,Mobile Number\nAda,07700900001\n,\nBob,7700900002\n",
        b"\xef\xbb\xbfphone;name\r\n447700900001;J\xc3\xbcrgen\r\n4.47700900002E+11;B\r\n",
        b"name\tNUMBER\nJ\xfcrgen\t07700900001\nB\t07700900002\n\n",
    ],
)
async def test_a_file_of_numbers_is_imported(opt_outs, tmp_path, contents):
    await opt_outs.add(ONE, source="shop")
    (tmp_path / "list.csv").write_bytes(contents)
    assert await opt_outs.import_file(tmp_path / "list.csv", source="old system") == 1
    assert await opt_outs.among([ONE, TWO]) == [ONE, TWO]
    assert [event.source for event in await opt_outs.history(TWO)] == ["old system"]
    assert await opt_outs.import_file(io.BytesIO(contents)) == 0
    assert (await opt_outs.changes(0)).last == 2


async def test_a_file_with_a_bad_number_is_refused_whole_and_says_where(opt_outs):
    rows = [f"number\n{ONE}", *(["not a number"] * 25), "0207 946 0000"]
    with pytest.raises(ValidationError, match=r"row 3: .* and 6 more") as caught:
        await opt_outs.import_file(io.StringIO("\n".join(rows)))
    assert caught.value.field == "number"
    assert (await opt_outs.changes(0)).last == 0


@pytest.mark.parametrize("source", [5, None, "", io.StringIO(""), io.StringIO("\n\n")])
async def test_what_is_no_file_and_an_empty_one_are_refused(opt_outs, source):
    with pytest.raises(ValidationError) as caught:
        await opt_outs.import_file(source)
    assert caught.value.field in {"file", "column"}
    assert "source" not in str(caught.value)


@pytest.mark.parametrize("heading", ["number", "Mobile", "number,at,source,word,message_id"])
async def test_a_file_with_headings_alone_changes_nothing(opt_outs, heading):
    assert await opt_outs.import_file(io.StringIO(f"{heading}\n")) == 0


async def test_the_list_is_exported_and_read_back(opt_outs, tmp_path):
    path = tmp_path / "list.csv"
    await opt_outs.add(TWO, source="=HYPERLINK(1)", word="@x", message_id="7")
    await opt_outs.add(ONE)
    await opt_outs.add(THREE)
    await opt_outs.remove(THREE)
    assert await opt_outs.export_csv(path) == 2
    assert path.read_text().splitlines() == [
        "number,at,source,word,message_id",
        f"{ONE},2030-01-31T09:00:00+00:00,manual,,",
        f"{TWO},2030-01-31T09:00:00+00:00,'=HYPERLINK(1),'@x,7",
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    other = OptOuts(MemoryJournal())
    assert await other.import_file(path) == 2
    assert await other.among([ONE, TWO, THREE]) == [ONE, TWO]


async def test_an_export_that_fails_leaves_the_old_file_and_nothing_else(
    opt_outs, journal, tmp_path, monkeypatch
):
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "list.csv").write_text("old")
    await opt_outs.add(ONE)

    async def failing(*_):
        raise JournalError("journal x.db: it is damaged")

    monkeypatch.setattr(journal, "opt_out_page", failing)
    with pytest.raises(JournalError):
        await opt_outs.export_csv(folder / "list.csv")
    assert [path.name for path in folder.iterdir()] == ["list.csv"]
    assert (folder / "list.csv").read_text() == "old"


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.maker}-{sample.name}")
async def test_files_of_each_maker_are_imported_or_refused_with_their_rows(
    opt_outs, tmp_path, sample
):
    path = tmp_path / sample.name
    path.write_bytes(sample.data)
    rows = {row: word for row, word in sample.set_aside.items() if word != "no number"}
    if rows:
        with pytest.raises(ValidationError) as caught:
            await opt_outs.import_file(path, column=sample.column)
        assert caught.value.field == "number"
        assert all(f"row {row}: " in str(caught.value) for row in rows)
        assert "900" not in str(caught.value)
        assert (await opt_outs.changes(0)).last == 0
    else:
        taken = [*sample.taken, *sample.mended]
        assert 0 < await opt_outs.import_file(path, column=sample.column) <= len(taken)
        assert await opt_outs.import_file(path, column=sample.column) == 0


async def test_the_column_and_the_sheet_can_be_named(opt_outs):
    rows = [("Mobile", "Phone"), (f"+{ONE}", f"+{TWO}")]
    with pytest.raises(ValidationError, match=r"columns A .* and B .*") as caught:
        await opt_outs.import_file(io.BytesIO(xlsx_bytes(rows)))
    assert caught.value.field == "column"
    file = io.BytesIO(xlsx_bytes(rows))
    assert await opt_outs.import_file(file, column="B", sheet="Sheet") == 1
    assert await opt_outs.among([ONE, TWO]) == [TWO]


async def test_numbers_outside_the_uk_are_imported(opt_outs):
    assert await opt_outs.import_file(io.StringIO("mobile\n+33 6 12 34 56 78\n")) == 1
    assert await opt_outs.contains("+33612345678")


async def test_rows_without_a_number_are_left_out(opt_outs):
    file = io.StringIO(f"email,mobile\nada@example.org,\n,{ONE}\n")
    assert await opt_outs.import_file(file) == 1


async def test_import_csv_is_the_former_name_of_import_file(opt_outs):
    assert await opt_outs.import_csv(io.StringIO(f"{ONE}\n")) == 1


EXPORTED = "number,at,source,word,message_id\n"


@pytest.mark.parametrize(
    "cell",
    ["4.477E+11", "4,477E+11", "########", "#N/A", "=A1", f"{ONE} / {TWO}"],
)
async def test_an_exported_list_that_a_spreadsheet_has_damaged_is_refused(opt_outs, cell):
    with pytest.raises(ValidationError, match="row 3") as caught:
        await opt_outs.import_file(io.StringIO(f'{EXPORTED}{ONE},,,,\n"{cell}",,,,\n'))
    assert caught.value.field == "number"
    assert (await opt_outs.changes(0)).last == 0


@pytest.mark.parametrize(
    "cell", [f"{TWO},0", f"{TWO}.0", "4.47700900002E+11", f'=""{TWO}""', f"'{TWO}", f"\u202a{TWO}"]
)
async def test_an_exported_list_that_a_spreadsheet_has_changed_is_mended(opt_outs, cell):
    file = io.StringIO(f'{EXPORTED}"{cell}",,,,\n,,,,\nAcme,,,,\n')
    assert await opt_outs.import_file(file) == 2
    assert [event.number async for event in opt_outs.iterate()] == [TWO, "Acme"]


async def test_a_list_is_not_exported_over_its_own_journal(tmp_path):
    path = tmp_path / "sms.db"
    async with OptOuts(path) as listed:
        await listed.add(ONE)
        with pytest.raises(ValidationError, match="journal itself"):
            await listed.export_csv(path)
        assert await listed.contains(ONE)


@pytest.mark.parametrize("encoding", ["base64", "rot13", "idna", "undefined", "utf-16", "a\0b"])
async def test_an_encoding_that_is_none_or_another_is_refused(opt_outs, encoding):
    with pytest.raises(ValidationError) as caught:
        await opt_outs.import_file(io.BytesIO(f"Mobile\n{ONE}\n".encode()), encoding=encoding)
    assert caught.value.field == "encoding"
