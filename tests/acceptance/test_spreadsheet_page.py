"""Run the commands of docs/spreadsheets.md as written, on the file that the page shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest


PAGE = (Path(__file__).parents[2] / "docs" / "spreadsheets.md").read_text("utf-8")
FILES = dict(re.findall(r"^```text (\S+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
LINES = [
    line
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
COMMANDS = [line for line in LINES if " campaign send " in line]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "people.csv").write_text(FILES["people.csv"])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("line", COMMANDS)
def test_command_of_the_page_shows_what_it_would_send(smsworks, hosted, folder, line):
    done = smsworks(*shlex.split(line)[1:])
    assert done.code == 1, done.err
    assert "Recipients  3" in done.out
    assert hosted.box.messages == []
    assert (folder / "people.to-mend.csv").read_text() == FILES["people.to-mend.csv"]


def test_command_of_the_page_sends_without_its_dry_run(smsworks, hosted, folder):
    words = [word for word in shlex.split(COMMANDS[0])[1:] if word != "--dry-run"]
    assert smsworks(*words, stdin="y\n").code == 1
    assert [message.content[:6] for message in hosted.box.messages] == [
        "Hi Ada",
        "Hi Bob",
        "Hi Eve",
    ]
    (folder / "people.to-mend.csv").write_text(
        FILES["people.to-mend.csv"]
        .replace("4.47701E+11", "07700 900003")
        .replace("07700 900004 / ", "")
    )
    words[2] = "people.to-mend.csv"
    done = smsworks(*words, "--yes")
    assert done.code == 0, done.err
    numbers = sorted(message.destination for message in hosted.box.messages)
    assert numbers == [f"44770090000{n}" for n in (1, 2, 3, 5, 6)]


def test_other_commands_of_the_page_schedule_a_campaign_and_read_replies(smsworks, hosted, folder):
    others = [shlex.split(line)[1:] for line in LINES if line not in COMMANDS]
    assert [smsworks(*words).code for words in others] == [1, 0, 0]  # rows are set aside
    assert {message.status for message in hosted.box.messages} == {"SCHEDULED"}
    assert len(hosted.box.messages) == 3


def test_cells_of_the_page_are_taken_mended_or_set_aside_as_it_says():
    import io

    from smsworks_async import phone
    from smsworks_async.files import read_recipients
    from smsworks_async.files.numbers import judge

    rule = phone.destination_rule(international=False)
    rows = re.findall(r"^\| (.*?) \| (taken|mended|set aside) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 8
    for cells, verdict in rows:
        for cell in re.findall("`(.*?)`", cells):
            (row,) = read_recipients(io.StringIO(f"Mobile\n{cell}\n"))
            found = "set aside" if row.problem else "mended" if row.notice else "taken"
            assert found == verdict, cell
        for number in re.findall(r"number (\d+)", cells):  # of a workbook's cell
            judged = judge(float(number), rule)
            found = "set aside" if judged.problem else "mended" if judged.notice else "taken"
            assert found == verdict, number
