"""The commands that export and erase campaigns, completion of their names, and journals in URLs."""

from __future__ import annotations

import csv
import json

import pytest

from smsworks_async import SMSWorks
from support.campaign_commands import (
    CAMPAIGN,
    PEOPLE,
    counts,
    plan,
)


def test_export_writes_every_recipient_to_a_file(shop, tmp_path):
    shop("campaign", "work", CAMPAIGN, "--limit", "1")
    to = tmp_path / "out.csv"
    done = shop("campaign", "export", CAMPAIGN, "--to", str(to), "--json")
    assert done.code == 0
    assert done.record == {"campaign": CAMPAIGN, "file": str(to), "recipients": 30}
    rows = list(csv.DictReader(to.read_text(encoding="utf-8").splitlines()))
    assert [row["destination"] for row in rows] == PEOPLE
    assert [row["outcome"] for row in rows] == ["accepted"] * 5 + ["not sent"] * 25
    refused = shop("campaign", "export", CAMPAIGN, "--to", str(to))
    assert refused.code == 2
    assert "exists; choose another file" in refused.error
    assert shop("campaign", "export", CAMPAIGN, "--to", str(to), "--force").code == 0


def test_export_without_a_file_writes_json_lines(shop):
    records = shop("campaign", "export", CAMPAIGN, "--json").records
    assert [record["destination"] for record in records] == PEOPLE
    assert shop("campaign", "export", CAMPAIGN).code == 2


def test_forget_asks_and_erases(shop, journal):
    assert shop("campaign", "forget", CAMPAIGN, "--yes").code == 2  # a chunk is still open
    shop("campaign", "work", CAMPAIGN)
    assert shop("campaign", "forget", CAMPAIGN, stdin="no\n").code == 1
    done = shop("campaign", "forget", CAMPAIGN, "--json", stdin="y\n")
    assert (done.code, done.record) == (0, {"forgotten": [CAMPAIGN]})
    record = shop("campaign", "status", CAMPAIGN, "--json").record
    assert record["forgotten"] is not None
    assert counts(record) == {"read": 30, "accepted": 30}
    done = shop("campaign", "export", CAMPAIGN, "--json")
    assert done.code == 2
    assert "was forgotten" in json.loads(done.err)["message"]


@pytest.mark.parametrize(
    ("before", "gone"), [("0h", [CAMPAIGN]), ("1d", []), ("2w", []), ("2000-01-01", [])]
)
def test_prune_erases_what_ended_before_a_moment(shop, before, gone):
    shop("campaign", "work", CAMPAIGN)
    assert shop("campaign", "prune", "--before", before, stdin="\n").code == 1
    done = shop("campaign", "prune", "--before", before, "--yes", "--json")
    assert (done.code, done.record) == (0, {"forgotten": gone})


@pytest.mark.parametrize("before", ["90", "d", "yesterday", "2031-02-30", "-1d", ""])
def test_prune_refuses_what_is_neither_an_age_nor_a_date(shop, before):
    done = shop("campaign", "prune", "--before", before, "--yes")
    assert done.code == 2
    assert "is not a time" in done.error


def test_prune_says_that_nothing_was_old_enough(shop):
    done = shop("campaign", "prune", "--before", "1d", "--yes")
    assert done.out == "no campaign ended before that time\n"


def test_completion_of_a_campaign_names_those_of_the_journal(shop, journal):
    from smsworks_async.cli._known_names import names_in

    plan(journal, "later")
    assert names_in(journal) == ["later", CAMPAIGN]
    with SMSWorks("none") as sms:
        assert [s.campaign for s in sms.bulk.campaigns(journal=journal)] == [CAMPAIGN, "later"]
    done = shop.run(
        variables={
            "_SMSWORKS_COMPLETE": "bash_complete",
            "COMP_WORDS": "smsworks campaign pause 2031",
            "COMP_CWORD": "3",
        }
    )
    assert done.out == f"plain,{CAMPAIGN}\n"


@pytest.mark.parametrize("name", ["a b.db", "50%25.db", "what?.db", "#1.db", "Zoë.db"])
def test_completion_of_a_campaign_reads_a_file_of_any_name(name, tmp_path, monkeypatch):
    from smsworks_async.cli._known_names import names_in

    plan(str(tmp_path / name))
    assert names_in(str(tmp_path / name)) == [CAMPAIGN]
    monkeypatch.chdir(tmp_path)
    assert names_in(name) == [CAMPAIGN]
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in tmp_path.iterdir()} == {
        name
    }


@pytest.mark.parametrize("journal", ["no file.db", "postgresql://127.0.0.1:1/none"])
def test_completion_where_there_is_no_journal_is_silent(smsworks, journal):
    from smsworks_async.cli._known_names import names_in

    assert names_in(journal) == []


def test_campaign_with_an_apostrophe_is_suggested_like_any_other(shop, journal):
    plan(journal, "anna's")
    assert "did you mean anna's?" in shop("campaign", "status", "annas's").error


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://anna:secret@127.0.0.1:1/sms", True),
        ("postgresql://127.0.0.1:1/sms?user=anna&password=secret", True),
        ("postgresql://anna@127.0.0.1:1/sms", False),
        ("folder/a:b@c.db", False),
    ],
)
def test_journal_whose_url_shows_a_password_is_warned_of(smsworks, url, told):
    # The file is missing, so no journal is opened.
    words = (
        "campaign",
        "plan",
        "none.csv",
        "--campaign",
        "x",
        "--sender",
        "Acme",
        "--message",
        "x",
    )
    done = smsworks(*words, "--journal", url)
    assert ("the password in --journal is visible in the process list" in done.err) == told
    assert "secret" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        ("send", "--to", "nobody", "--sender", "Acme", "x"),
        ("otp", "send", "--to", "nobody", "--sender", "Acme"),
        ("inbox", "--follow", "--unread"),
    ],
)
def test_journal_of_any_command_is_warned_of(smsworks, words):
    done = smsworks(*words, "--journal", "postgresql://anna:secret@127.0.0.1:1/sms")
    assert done.code == 2
    assert "the password in --journal is visible in the process list" in done.err
