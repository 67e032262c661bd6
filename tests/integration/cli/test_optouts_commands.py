"""The opt-out commands."""

from __future__ import annotations

import subprocess

import pytest

from smsworks_async import JournalError
from smsworks_async.optouts import OptOuts
from smsworks_async.sandbox import Fault
from support.campaign_commands import CAMPAIGN, PEOPLE, planned
from support.spreadsheets import xlsx_bytes
from support.waiting import PATIENCE


@pytest.fixture
def shop(command_line, tmp_path):
    """The command without an account, with a separate journal."""
    command_line.set(JOURNAL=str(tmp_path / "sms.db"))
    return command_line


def test_optouts_add_records_numbers_once(shop):
    done = shop("optouts", "add", "07700 900123", "+447700900124", "--source", "phone", "--json")
    assert done.code == 0
    assert done.records == [
        {"number": "07700 900123", "change": "out", "recorded": True},
        {"number": "+447700900124", "change": "out", "recorded": True},
    ]
    done = shop("optouts", "add", "447700900123")
    assert (done.code, done.out) == (0, "447700900123: had opted out before\n")


def test_optouts_add_records_all_numbers_although_nobody_reads_what_it_writes(shop):
    with shop.start("optouts", "add", *PEOPLE, stdin=subprocess.DEVNULL) as process:
        process.stdout.close()
        assert process.wait(PATIENCE) == 0
    assert shop("optouts", "list", "--json").out.count("\n") == len(PEOPLE)


def test_optouts_add_says_how_many_were_recorded_before_it_failed(shop, monkeypatch):
    add = OptOuts.add

    async def failing(self, number, **options):
        if number == PEOPLE[2]:
            raise JournalError("the disk is full")
        return await add(self, number, **options)

    monkeypatch.setattr(OptOuts, "add", failing)
    done = shop("optouts", "add", *PEOPLE[:4])
    assert (done.code, done.error) == (1, "the disk is full; 2 of 4 numbers were recorded")


def test_optouts_add_records_nothing_where_a_number_is_none(shop):
    done = shop("optouts", "add", "07700 900123", "0770090012")
    assert done.code == 2
    assert done.error.endswith("nothing was recorded")
    assert "0770090012" not in done.err
    assert shop("optouts", "list", "--json").records == []


def test_optouts_remove_keeps_the_history(shop):
    shop("optouts", "add", "07700 900123", "--source", "phone")
    done = shop("optouts", "remove", "07700 900123", "--source", "web form")
    assert (done.code, done.out) == (0, "07700 900123: opted in again\n")
    assert shop("optouts", "remove", "07700 900123").out == "07700 900123: had not opted out\n"
    events = shop("optouts", "list", "07700 900123", "--json").records
    assert [(event["change"], event["source"]) for event in events] == [
        ("out", "phone"),
        ("in", "web form"),
    ]
    assert shop("optouts", "list").out == "No number has opted out.\n"


def test_optouts_list_has_the_last_request_of_each_number(shop):
    shop("optouts", "add", "07700 900124", "07700 900123")
    records = shop("optouts", "list", "--json").records
    assert [record["number"] for record in records] == ["447700900123", "447700900124"]
    assert list(records[0]) == ["number", "change", "at", "source", "word", "message_id"]
    lines = shop("optouts", "list").out.splitlines()
    assert lines[0].split() == ["Number", "Change", "When", "(UTC)", "Source", "Word"]
    assert lines[1].startswith("447700900123  out ")


def test_optouts_list_without_a_journal_is_empty(command_line):
    assert command_line("optouts", "list").out == "No number has opted out.\n"
    assert not list(command_line.home.rglob("*.db"))


def test_optouts_import_reads_what_export_writes(shop, tmp_path):
    shop("optouts", "add", "07700 900123", "07700 900124")
    to = tmp_path / "out.csv"
    done = shop("optouts", "export", str(to), "--json")
    assert (done.code, done.record) == (0, {"file": str(to), "numbers": 2})
    assert shop("optouts", "export", str(to)).code == 2
    assert shop("optouts", "export", str(to), "--force").code == 0
    done = shop("optouts", "import", str(to), "--json")
    assert (done.code, done.record) == (0, {"file": str(to), "recorded": 0})
    shop.set(JOURNAL=str(tmp_path / "other.db"))
    assert shop("optouts", "import", str(to)).out == "2 numbers were added to the list\n"


def test_optouts_import_reads_standard_input(shop):
    rows = b"Name,Mobile number\nAda,07700 900125\n"
    done = shop.run("optouts", "import", "-", "--json", stdin=rows.decode())
    assert (done.code, done.record) == (0, {"file": "-", "recorded": 1})


@pytest.mark.parametrize(
    ("rows", "words"),
    [("number\n07700 900125\nnobody\n", "row 3"), (None, "none.csv")],
    ids=["no number", "no file"],
)
def test_optouts_import_of_a_bad_file_records_nothing(shop, tmp_path, rows, words):
    path = tmp_path / "none.csv"
    if rows is not None:
        path.write_text(rows)
    done = shop("optouts", "import", str(path))
    assert done.code in {1, 2}
    assert words in done.error
    assert shop("optouts", "list", "--json").records == []


@pytest.mark.parametrize(
    "words",
    [
        ("optouts", "export"),
        ("campaign", "export", CAMPAIGN, "--to"),
        ("campaign", "report", CAMPAIGN, "--offline", "--html"),
    ],
)
def test_command_that_writes_a_file_names_the_folder_that_is_missing(shop, tmp_path, words):
    planned(shop, str(tmp_path / "sms.db"))
    folder = tmp_path / "none"
    done = shop(*words, str(folder / "out.csv"))
    assert done.code == 2
    assert f"the folder {folder} does not exist" in done.error
    assert "out.csv" not in done.error


def test_optouts_fetch_records_the_replies_that_ask_for_it(smsworks, hosted):
    def reply(number, text):
        hosted.do(lambda box: box.receive(sender=number, to="447700900000", content=text))

    reply("447700900123", "STOP")
    reply("447700900124", "Thank you")
    done = smsworks("optouts", "fetch")
    assert (done.code, done.out) == (
        0,
        "2 messages read; newly opted out: 1, opted in again: 0\n",
    )
    reply("447700900123", "START")
    reply("447700900125", "Stop please")
    done = smsworks("optouts", "fetch", "--since", "1h", "--json")
    assert done.record == {"read": 4, "opted_out": 1, "opted_in": 1}
    assert smsworks("optouts", "fetch", "--json").record == {
        "read": 4,
        "opted_out": 0,
        "opted_in": 0,
    }
    assert [event["number"] for event in smsworks("optouts", "list", "--json").records] == [
        "447700900125"
    ]
    hosted.box.add_fault(Fault(path="/messages", status=401, times=0))
    assert smsworks("optouts", "fetch").code == 1


def test_work_leaves_out_who_has_opted_out(smsworks, hosted, tmp_path):
    shop = planned(smsworks, str(tmp_path / "campaigns.db"))
    shop("optouts", "add", *PEOPLE[:3])
    done = shop("campaign", "work", CAMPAIGN, "--json")
    assert done.code == 0, "whoever opted out is no failure"
    assert (done.record["accepted"], done.record["opted_out"]) == (27, 3)
    assert set(hosted.box.accepted_by_destination()) == set(PEOPLE[3:])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("list.txt", b"07700 900125\n07700 900126\n"),
        ("list.tsv", b"Name\tMobile\nAda\t07700 900125\nBob\t7700900126\n"),
        ("list.jsonl", b'{"mobile": "07700 900125"}\n{"mobile": 7700900126}\n'),
        ("list.xlsx", xlsx_bytes([("Mobile",), ("07700 900125",), (7700900126,)])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_optouts_import_reads_the_files_that_campaign_send_reads(shop, tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    assert shop("optouts", "import", str(path)).out == "2 numbers were added to the list\n"


def test_optouts_import_names_the_column_and_says_what_it_left_out(shop, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("Mobile,Phone\n07700 900125,\n,07700 900126\n")
    done = shop("optouts", "import", str(path))
    assert done.code == 2
    assert "columns A (Mobile) and B (Phone)" in done.error
    assert "the option is --column" in done.error
    done = shop("optouts", "import", str(path), "--column", "B")
    assert (done.code, done.out) == (0, "1 number was added to the list\n")
    assert "1 row without a number left out" in done.err
    assert shop("optouts", "list", "--json").records[0]["number"] == "447700900126"


@pytest.mark.parametrize("command", ["campaign send", "campaign plan", "optouts import"])
def test_a_file_that_cannot_be_read_is_a_wrong_argument(shop, tmp_path, command):
    options = () if command == "optouts import" else ("--sender", "Acme", "--message", "Hi")
    if command == "campaign plan":
        options = (*options, "--campaign", "may")
    done = shop(*command.split(), str(tmp_path / "missing.csv"), *options, "--json")
    assert done.code == 2
    assert "missing.csv cannot be read: No such file" in done.err


def test_optouts_import_says_that_another_column_has_numbers(shop, tmp_path):
    file = tmp_path / "out.csv"
    file.write_text("Mobile,Mobile 2,Id\n07700 900123,07700 900124,12345678\n")
    done = shop("optouts", "import", str(file))
    assert done.code == 0
    assert "column B (Mobile 2) holds numbers too" in done.error
    file.write_text("Mobile,Id\n07700 900123,12345678\n")
    assert shop("optouts", "import", str(file)).err == ""


@pytest.mark.parametrize("to", ["sms.db", "./sms.db", "-"])
def test_optouts_export_replaces_no_journal(shop, tmp_path, monkeypatch, to):
    monkeypatch.chdir(tmp_path)
    shop("optouts", "add", "07700 900123")
    done = shop("optouts", "export", to, "--force")
    assert done.code == 2
    assert ("--json" if to == "-" else "is the journal") in done.error
    assert len(shop("optouts", "list", "--json").records) == 1


def test_campaign_report_replaces_no_journal(shop, tmp_path):
    shop("optouts", "add", "07700 900123")
    done = shop("campaign", "report", "may", "--html", str(tmp_path / "sms.db"), "--force")
    assert done.code == 2
    assert "is the journal" in done.error
