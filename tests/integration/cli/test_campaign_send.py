"""`smsworks campaign send` against a sandbox, which counts the texts to each number."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
import unicodedata
from contextlib import closing

import pytest

from smsworks_async import SMSWorks
from smsworks_async.cli._output import Output
from smsworks_async.sandbox import Fault
from support.campaign_send import BAD, EVERYBODY, HEADINGS, PEOPLE, TEXT, send, texted
from support.command_docs import shapes
from support.spreadsheets import csv_bytes, xlsx_bytes


def test_campaign_send_shows_what_it_will_do_and_sends_where_the_answer_is_yes(
    smsworks, hosted, people
):
    done = smsworks(*send(people(("Eve", "07700900001"), BAD)), stdin="y\n")
    assert done.code == 1, done.err  # a row was set aside
    assert texted(hosted) == EVERYBODY
    shown = done.out.replace("\n", " ")
    for words in (
        "column B (Mobile)",
        "Recipients  3",
        "mended    1  its leading 0 had been lost",
        "Set aside   1  it contains letters",
        "Repeats     1",
        "Credits     3  of 10,000",
        "Row 6:",
        "people.to-mend.csv",
        "│ We open at nine.",
        "Planning: 4/4",
        "Sending: 3/3",
        "Accepted   3",
    ):
        assert words in shown
    assert "Send to 3 recipients for 3 credits? [y/N]" in done.err


@pytest.mark.parametrize("answer", ["n\n", "\n", "", "what\n"])
def test_campaign_send_sends_nothing_where_the_answer_is_not_yes(smsworks, hosted, people, answer):
    done = smsworks(*send(people()), stdin=answer)
    assert (done.code, texted(hosted)) == (3, {})
    assert "Nothing was sent." in done.out


def test_campaign_send_does_not_ask_with_yes(smsworks, hosted, people):
    done = smsworks(*send(people(), "--yes"))
    assert (done.code, texted(hosted), done.err) == (0, EVERYBODY, "")


def test_campaign_send_dry_run_sends_nothing_and_keeps_nothing(smsworks, hosted, people):
    done = smsworks(*send(people(), "--dry-run"))
    assert (done.code, texted(hosted)) == (0, {})
    assert "dry run" in done.out
    assert not list(smsworks.home.rglob("*.db"))
    assert smsworks(*send(people(BAD), "--dry-run")).code == 1
    assert smsworks(*send(people(), "--yes")).code == 0


def test_campaign_send_dry_run_says_that_a_journal_does_not_exist(smsworks, people, tmp_path):
    options = (people(), "--dry-run", "--journal", str(tmp_path / "mistyped.db"))
    shown = " ".join(smsworks(*send(*options)).out.split())
    assert "mistyped.db (does not exist; sending creates it)" in shown
    assert "Opted out 0 no list, because the journal does not exist" in shown
    assert smsworks(*send(*options, "--json")).records[0]["journal_exists"] is False
    smsworks("optouts", "add", "07700 900001", "--journal", str(tmp_path / "mistyped.db"))
    shown = " ".join(smsworks(*send(*options)).out.split())
    assert "does not exist" not in shown
    assert "Opted out 1 left out" in shown
    assert smsworks(*send(*options, "--json")).records[0]["journal_exists"] is True


def test_campaign_send_fills_each_text_from_its_row(smsworks, hosted, people):
    file = people(("", "07700900004"), ("Eve", "07700 900001"))
    done = smsworks(*send(file, "--yes", text="Hi {First name}, {{nine}}"))
    assert done.code == 1
    assert {(m.destination, m.content) for m in hosted.box.messages} == {
        ("447700900001", "Hi Ada, {nine}"),
        ("447700900001", "Hi Eve, {nine}"),
        ("447700900002", "Hi Bob, {nine}"),
        ("447700900003", "Hi Cy, {nine}"),
    }
    assert "First name is blank, but the message needs it" in done.out
    assert "1 row of the file has the number of an earlier row" in done.out.replace("\n", " ")


def test_campaign_send_has_the_documented_shapes(smsworks, people):
    done = smsworks(*send(people(BAD), "--yes", "--json"))
    kinds = {}
    for record in done.records:
        kinds.setdefault(record["event"], record)
    assert list(kinds) == ["plan", "progress", "report"]
    for kind, record in kinds.items():
        assert list(record) == list(shapes()[f"campaign send {kind}"])
    assert (kinds["plan"]["recipients"], kinds["plan"]["invalid"]) == (3, 1)
    assert (kinds["report"]["accepted"], kinds["report"]["exit_code"]) == (3, done.code)


def resaved_as_floats(path):
    rows = list(csv.reader(io.StringIO(path.read_text())))[1:]
    numbers = [(name, float(number.replace(" ", "").replace("+44", "0"))) for name, number in rows]
    return "people.xlsx", xlsx_bytes([("Saved by hand",), (), HEADINGS, *numbers])


def resaved_in_germany(path):
    rows = list(csv.reader(io.StringIO(path.read_text())))
    return "leute.csv", csv_bytes(rows, "cp1252", delimiter=";")


@pytest.mark.parametrize("save", [resaved_as_floats, resaved_in_germany])
def test_campaign_send_sends_the_same_list_once_however_it_was_saved_anew(
    smsworks, hosted, people, tmp_path, save
):
    assert smsworks(*send(people(), "--yes")).code == 0
    name, data = save(tmp_path / "people.csv")
    (tmp_path / name).write_bytes(data)
    for options in (["--yes"], [], ["--yes", "--dry-run"]):
        done = smsworks(*send(str(tmp_path / name), *options), stdin="y\n" * 3)
        assert done.code == 3
        assert "this text was sent to these recipients" in done.error
    assert texted(hosted) == EVERYBODY


def test_campaign_send_again_sends_the_same_list_once_more(smsworks, hosted, people):
    assert smsworks(*send(people(), "--yes")).code == 0
    again = smsworks(*send(people(), "--yes", "--again", "--json"))
    assert again.code == 0
    assert again.records[0]["campaign"].endswith("-2")
    assert set(texted(hosted).values()) == {2}


def test_campaign_send_counts_those_of_a_recent_campaign_and_asks(smsworks, hosted, people):
    assert smsworks(*send(people(), "--yes")).code == 0
    other = people(("Eve", "07700900004"), name="other.csv")
    refused = smsworks(*send(other, "--yes", text="Other. STOP to opt out"))
    assert refused.code == 3
    assert "3 recipients were in a campaign of the last 6 days" in refused.error
    assert "--again" in refused.error
    asked = smsworks(*send(other, text="Other. STOP to opt out"), stdin="n\n")
    assert asked.code == 3
    assert "Text them again? [y/N]" in asked.err
    assert texted(hosted) == EVERYBODY
    assert smsworks(*send(other, text="Other. STOP to opt out"), stdin="y\ny\n").code == 0
    assert texted(hosted) == {**dict.fromkeys(EVERYBODY, 2), "447700900004": 1}
    third = people(("Eve", "07700900004"), name="third.csv")
    assert smsworks(*send(third, "--yes", "--again", text="Third. STOP to opt out")).code == 0


def age(journal, days, *columns):
    """Move times in a journal into the past, by a number of days."""
    with closing(sqlite3.connect(journal)) as connection, connection:
        for table, column in columns:
            connection.execute(f"UPDATE {table} SET {column} = {column} - ?", [days * 86400.0])


CREATED, BEGAN, LEASE = ("campaign", "created"), ("chunk", "began"), ("chunk", "lease")


@pytest.mark.parametrize(
    ("days", "options", "told"),
    [
        (4.5, (), "of the last 6 days (may, 4 days ago)"),
        (4.5, ("--recent", "20h"), None),
        (6.5, (), None),
        (6.5, ("--recent", "1w"), "of the last 7 days (may, 6 days ago)"),
    ],
)
def test_campaign_send_remembers_a_campaign_over_a_weekend_and_not_for_a_week(
    smsworks, people, tmp_path, *, days, options, told
):
    journal = str(tmp_path / "j.db")
    words = ("--yes", "--journal", journal)
    assert smsworks(*send(people(), *words, "--campaign", "may")).code == 0
    age(journal, days, CREATED, BEGAN, LEASE)
    done = smsworks(*send(people(rows=PEOPLE[:2]), *words, *options))
    assert done.code == (0 if told is None else 3)
    assert (told or "") in done.err


def test_campaign_send_remembers_when_a_chunk_was_sent_again(smsworks, hosted, people, tmp_path):
    journal = str(tmp_path / "j.db")
    words = ("--yes", "--journal", journal, "--chunk-size", "1")
    # The other chunks are in flight until it is answered.
    hosted.do(lambda box: box.add_fault(Fault(path="/batch/send", status=402, delay=0.3)))
    assert smsworks(*send(people(), *words, "--campaign", "may")).code != 0
    assert hosted.box.accepted() == 2
    age(journal, 7, CREATED, BEGAN, LEASE)
    assert smsworks(*send(people(), *words, "--campaign", "may")).code == 0
    age(journal, 1.5, CREATED, BEGAN, LEASE)
    done = smsworks(*send(people(rows=PEOPLE[:1]), *words))
    assert done.code == 3
    assert "of the last 6 days (may, 36 hours ago)" in done.err


def test_campaign_send_remembers_when_a_campaign_was_sent_not_only_when_it_was_planned(
    smsworks, people, tmp_path
):
    journal = str(tmp_path / "j.db")
    words = ("--yes", "--journal", journal)
    assert smsworks(*send(people(), *words, "--campaign", "may")).code == 0
    age(journal, 30, CREATED)
    age(journal, 1.5, BEGAN, LEASE)
    done = smsworks(*send(people(rows=PEOPLE[:2]), *words))
    assert done.code == 3
    assert "of the last 6 days (may, 36 hours ago)" in done.error


def test_campaign_send_refuses_a_length_of_time_that_is_none(smsworks, people):
    done = smsworks(*send(people(), "--recent", "soon"))
    assert done.code == 2
    assert "write it as 90m, 20h, 6d or 2w" in done.error


def test_campaign_send_looks_again_at_recent_campaigns_after_the_answer(
    smsworks, hosted, people, monkeypatch
):
    other = people(name="other.csv", rows=PEOPLE[::-1])
    confirm = Output.confirm

    def answering(self, question):
        with hosted.client(journal=str(next(smsworks.home.glob("data/*.db")))) as sms:
            numbers = [number for _, number in PEOPLE]
            sms.bulk.send(sender="AcmeCorp", content=TEXT, destinations=numbers, campaign="june")
        return confirm(self, question)

    assert smsworks("journal", "init").code == 0
    monkeypatch.setattr(Output, "confirm", answering)
    done = smsworks(*send(other), stdin="y\n")
    assert (done.code, texted(hosted)) == (3, EVERYBODY)
    assert "(june, just now) after the question was asked; nothing was sent" in done.err


@pytest.mark.parametrize("name", [" june ", "Cafe\u0301"])
def test_campaign_send_finds_a_campaign_by_a_name_that_looks_the_same(
    smsworks, hosted, people, name
):
    plain = unicodedata.normalize("NFC", name).strip()
    assert smsworks(*send(people(), "--yes", "--campaign", plain)).code == 0
    again = smsworks(*send(people(), "--yes", "--campaign", name))
    assert (again.code, texted(hosted)) == (3, EVERYBODY)
    assert "this text was sent to these recipients" in again.error
    assert smsworks(*send(people(), "--yes", "--again", "--campaign", name)).code == 0
    assert set(texted(hosted).values()) == {2}


def test_campaign_plan_tells_of_those_of_a_recent_campaign(smsworks, people):
    words = ("campaign", "plan", people(), "--sender", "AcmeCorp", "--message", TEXT)
    assert smsworks(*send(people(), "--yes", "--campaign", "may")).code == 0
    planned = smsworks(*words, "--campaign", "june")
    assert planned.code == 0
    assert "3 recipients were in a campaign of the last 6 days (may, just now)" in planned.error
    assert smsworks(*words, "--campaign", "june").err == ""


def test_campaign_send_counts_those_whom_an_older_campaign_will_still_text(
    smsworks, hosted, people
):
    words = ("campaign", "plan", people(rows=PEOPLE[:2]), "--sender", "AcmeCorp")
    assert smsworks(*words, "--message", TEXT, "--campaign", "may").code == 0
    other = send(people(), "--yes", "--recent", "0m", "--campaign", "june", text="News. STOP ends")
    refused = smsworks(*other)
    assert (refused.code, texted(hosted)) == (3, {})
    assert "2 recipients are still to be texted by an older one (may, just now)" in refused.error
    assert smsworks("campaign", "cancel", "may", "--yes").code == 0
    assert smsworks(*other).code == 0
    assert texted(hosted) == EVERYBODY


def test_campaign_send_leaves_out_who_has_opted_out_and_calls_that_no_failure(
    smsworks, hosted, people, tmp_path
):
    journal = str(tmp_path / "j.db")
    with hosted.client(journal=journal) as sms:
        sms.opt_outs.add("07700 900002")
    done = smsworks(*send(people(), "--yes", "--journal", journal))
    assert done.code == 0, done.err
    assert "Opted out   1  left out" in done.out
    assert re.search(r"`smsworks campaign report \S+` shows what was delivered\.\n$", done.out)
    assert texted(hosted) == {"447700900001": 1, "447700900003": 1}


@pytest.mark.parametrize(("sender", "is_told"), [("447700900000", True), ("AcmeCorp", False)])
def test_campaign_send_names_the_command_that_reads_replies(smsworks, people, sender, is_told):
    words = ("--sender", sender, "--message", "We open at nine", "--yes")
    done = smsworks("campaign", "send", people(), *words)
    assert ("run `smsworks optouts fetch`" in done.out) is is_told


def test_campaign_send_says_that_everybody_has_opted_out(smsworks, hosted, people, tmp_path):
    journal = str(tmp_path / "j.db")
    with hosted.client(journal=journal) as sms:
        for number in EVERYBODY:
            sms.opt_outs.add(number)
    done = smsworks(*send(people(), "--yes", "--journal", journal))
    assert (done.code, texted(hosted)) == (3, {})
    assert "of the recipients that can be texted, all 3 opted out; nothing was sent" in done.err


def test_campaign_send_sends_again_what_was_refused_for_a_reason_that_may_pass(
    smsworks, hosted, people
):
    hosted.do(lambda box: box.add_fault(Fault(path="/batch/send", status=401, times=2)))
    refused = smsworks(*send(people(), "--yes"))
    assert (refused.code, texted(hosted)) == (3, {})
    hosted.do(lambda box: box.clear_faults())
    done = smsworks(*send(people(), "--yes"))
    assert (done.code, texted(hosted)) == (0, EVERYBODY), done.err


def test_campaign_send_reads_standard_input_and_asks_nobody_there(smsworks, hosted):
    text = "07700 900001\n07700 900002\n7700900003\n"
    refused = smsworks(*send("-"), stdin=text)
    assert (refused.code, texted(hosted)) == (2, {})
    assert "--yes" in refused.error
    done = smsworks.run(*send("-", "--yes"), stdin=text)
    assert (done.code, texted(hosted)) == (0, EVERYBODY)


def test_campaign_send_keeps_to_a_campaign_that_is_paused_or_cancelled(
    smsworks, hosted, people, tmp_path
):
    journal = str(tmp_path / "j.db")
    words = send(people(), "--yes", "--journal", journal, "--campaign", "june")
    with hosted.client(journal=journal) as sms:
        numbers = [number for _, number in PEOPLE]
        sms.bulk.plan(sender="AcmeCorp", content=TEXT, destinations=numbers, campaign="june")
        sms.bulk.pause("june", why="the price is wrong")
    paused = smsworks(*words)
    assert paused.code == 3
    assert "is paused (the price is wrong); run `smsworks campaign resume june`" in paused.error
    with hosted.client(journal=journal) as sms:
        sms.bulk.cancel("june")
    cancelled = smsworks(*words)
    assert cancelled.code == 3
    assert "was cancelled" in cancelled.error
    assert texted(hosted) == {}


def test_campaign_send_goes_on_with_a_named_campaign_and_takes_no_other_list_for_it(
    smsworks, hosted, people, tmp_path
):
    journal = str(tmp_path / "j.db")
    with hosted.client(journal=journal) as sms:
        numbers = [number for _, number in PEOPLE]
        sms.bulk.plan(sender="AcmeCorp", content=TEXT, destinations=numbers, campaign="june")
    words = ("--yes", "--journal", journal, "--campaign", "june")
    other = smsworks(*send(people(rows=PEOPLE[:2]), *words))
    assert (other.code, texted(hosted)) == (2, {})
    assert smsworks(*send(people(), *words)).code == 0
    assert texted(hosted) == EVERYBODY


def test_campaign_send_keeps_its_promises_with_a_journal_in_postgresql(
    smsworks, hosted, people, postgres_url
):
    words = ("--yes", "--journal", postgres_url)
    dry = smsworks(*send(people(), *words, "--dry-run"))
    assert (dry.code, texted(hosted)) == (0, {})
    assert "Journal   postgresql://" in dry.out
    assert postgres_url not in dry.out
    assert smsworks(*send(people(), *words)).code == 0
    again = smsworks(*send(people(), *words))
    assert again.code == 3
    assert "this text was sent to these recipients" in again.error
    shared = smsworks(*send(people(), *words, text="Other. STOP to opt out"))
    assert shared.code == 3
    assert "3 recipients were in a campaign of the last 6 days" in shared.error
    assert texted(hosted) == EVERYBODY


def test_campaign_send_is_found_by_the_library_in_its_journal(smsworks, hosted, people, tmp_path):
    journal = str(tmp_path / "j.db")
    assert smsworks(*send(people(), "--yes", "--journal", journal)).code == 0
    with SMSWorks(hosted.box.token, base_url=hosted.box.base_url, journal=journal) as sms:
        (status,) = sms.bulk.campaigns()
    assert (status.state, status.accepted) == ("done", 3)
    assert status.campaign.startswith("we-open-at-nine-")


def planned_by_itself(smsworks, file, *options):
    """Plan a campaign with the command for it."""
    words = ("--sender", "AcmeCorp", "--message", TEXT, "--campaign", "spring")
    assert smsworks("campaign", "plan", file, *words, *options).code == 0


@pytest.mark.parametrize("hours", [(), ("--window", "00:00-23:59")], ids=["none", "others"])
def test_campaign_send_refuses_other_hours_than_the_campaign_was_planned_with(
    smsworks, hosted, people, hours
):
    file = people()
    planned_by_itself(smsworks, file, *hours)
    done = smsworks(*send(file, "--campaign", "spring", "--window", "00:00-23:58", "--yes"))
    assert (done.code, texted(hosted)) == (2, {})
    kept = "the sending window (00:00 to 23:59, " if hours else "no sending window"
    assert f"campaign 'spring' has {kept}" in done.error
    assert "this call has the window (00:00 to 23:58, " in done.error
    assert "change it with `smsworks campaign resume`" in done.error
    assert "Send to" not in done.err


def test_campaign_send_shows_the_hours_that_the_campaign_was_planned_with(smsworks, people):
    file = people()
    planned_by_itself(smsworks, file, "--window", "00:00-23:59")
    for hours in ((), ("--window", "00:00-23:59")):
        done = smsworks(*send(file, "--campaign", "spring", "--dry-run", *hours))
        assert done.code == 0
        assert "Window      00:00 to 23:59, Europe/London" in done.out
