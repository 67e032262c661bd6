"""The examples and the JSON shapes of docs/command.md for campaigns and opt-outs."""

from __future__ import annotations

import shlex

import pytest

from smsworks_async.cli import _commands
from support.campaign_commands import PEOPLE
from support.command_docs import lines, shapes


GROUPS = {"campaign", "optouts", "journal"}
LINES = [
    words
    for words in map(shlex.split, lines())
    if words[:1] == ["smsworks"] and words[1] in GROUPS and words[1:3] != ["campaign", "send"]
]
#: Examples with an exit code other than 0: nothing is due, or a row cannot be texted.
ALSO = {("campaign", "plan"): {1}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ["Name,Mobile", *(f"Ada,{number}" for number in PEOPLE), "Bob,nobody"]
    (tmp_path / "people.csv").write_text("\n".join(rows))
    return tmp_path


def fits(record, shape):
    """Return whether a record has exactly the fields of a shape, nested objects included."""
    if list(record) != list(shape):
        return False
    return all(
        fits(record[name], value)
        for name, value in shape.items()
        if isinstance(value, dict) and isinstance(record[name], dict)
    )


def test_lines_of_the_page_work_one_after_the_other_and_have_the_documented_shapes(
    smsworks, folder
):
    documented = shapes()
    same = {
        **dict.fromkeys(["campaign list", "campaign pause", "campaign resume"], "campaign status"),
        **dict.fromkeys(
            ["campaign cancel", "campaign reconcile", "campaign retry"], "campaign work"
        ),
    }
    seen = set()
    for words in LINES:
        arguments = words[1:] if "--json" in words else [*words[1:], "--json"]
        done = smsworks(*arguments)
        name = " ".join(arguments[:2])
        assert done.code in {0} | ALSO.get(tuple(arguments[:2]), set()), (words, done)
        assert "Traceback" not in done.err
        seen.add(name)
        for record in done.records:
            assert fits(record, documented[same.get(name, name)]), (words, record)
    assert len(seen) >= 19


def test_page_shows_a_line_of_every_command():
    told = {tuple(words[1:3]) for words in LINES}
    assert told == {
        (group, name)
        for group in GROUPS
        for name in _commands.GROUPS[group]
        if (group, name) != ("campaign", "send")
    }
