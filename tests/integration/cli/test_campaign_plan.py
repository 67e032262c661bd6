"""`smsworks campaign plan`: files, fields, and what it refuses."""

from __future__ import annotations

import pytest

from support.campaign_commands import (
    CAMPAIGN,
    STATUS,
    counts,
)


def plan_file(smsworks, tmp_path, text, *options, message="Hi"):
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8")
    words = ("--campaign", CAMPAIGN, "--sender", "AcmeCorp", "--message", message)
    return smsworks("campaign", "plan", str(path), *words, *options)


def test_plan_makes_a_campaign_of_a_file_that_work_sends(smsworks, hosted, tmp_path):
    rows = "Name,Mobile\nAda,07700 900123\nBob,7700900124\nAda,+447700900123\n"
    done = plan_file(smsworks, tmp_path, rows, "--json", "--window", "00:00-23:59")
    assert done.code == 0
    assert list(done.record) == [*STATUS, "set_aside"]
    assert counts(done.record) == {"read": 3, "not_sent": 2, "duplicates": 1}
    assert hosted.box.accepted() == 0
    assert plan_file(smsworks, tmp_path, rows).out.startswith(f"{CAMPAIGN} is planned, with 2")
    assert smsworks("campaign", "work", CAMPAIGN).code == 0
    assert hosted.box.accepted_by_destination() == {"447700900123": 1, "447700900124": 1}


def test_plan_fills_fields_of_the_message(smsworks, hosted, tmp_path):
    rows = "First name,Mobile\nAda,07700 900123\nBob,07700900124\n"
    assert plan_file(smsworks, tmp_path, rows, message="Hi {First name}").code == 0
    assert smsworks("campaign", "work", CAMPAIGN).code == 0
    assert {message.content for message in hosted.box.messages} == {"Hi Ada", "Hi Bob"}


def test_plan_writes_rows_that_cannot_be_texted_beside_the_file(smsworks, tmp_path):
    done = plan_file(smsworks, tmp_path, "Mobile\n07700 900123\n020 7946 0000\n")
    assert done.code == 1
    assert "1 row cannot be texted; correct them in the copy" in done.out
    assert len(list(tmp_path.glob("people*"))) == 2


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ("Mobile\n020 7946 0000\n", (), "no recipient that can be texted"),
        ("Mobile\n07700 900123\n", ("--column", "Phone"), "Phone"),
        ("Mobile\n07700 900123\n", ("--at", "2001-01-01"), "past"),
        ("Mobile\n07700 900123\n", ("--at", "soon"), "is not a time"),
    ],
)
def test_plan_refuses_what_cannot_be_planned(smsworks, tmp_path, rows, options, words):
    done = plan_file(smsworks, tmp_path, rows, *options)
    assert done.code == 2
    assert words in done.error
    assert smsworks("campaign", "list", "--json").records == []


def test_plan_with_fields_cannot_be_scheduled(smsworks, tmp_path):
    rows = "Name,Mobile\nAda,07700 900123\n"
    done = plan_file(smsworks, tmp_path, rows, "--at", "2099-01-01", message="Hi {Name}")
    assert done.code == 2
    assert "--at cannot be used with fields" in done.error


def test_plan_reads_standard_input(smsworks):
    words = ("-", "--campaign", CAMPAIGN, "--sender", "AcmeCorp", "--message", "Hi")
    done = smsworks.run("campaign", "plan", *words, stdin="07700 900123\nnobody\n")
    assert done.code == 1
    assert "1 row cannot be texted\n" in done.out


def test_plan_of_a_file_that_is_not_there_is_told_in_a_line(smsworks, tmp_path):
    words = ("--campaign", CAMPAIGN, "--sender", "AcmeCorp", "--message", "Hi")
    done = smsworks("campaign", "plan", str(tmp_path / "none.csv"), *words)
    assert done.code != 0
    assert "none.csv" in done.error
